//! Looking for better parameters: a grid over some of them, or coordinate descent over all. Which
//! settings to try is decided here; trying one is left to the caller, on the half for tuning only.

use ax_model::{Code, Fault};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Most settings of one sweep: each asks all queries once.
pub const MAX_TRIALS: usize = 1000;
/// Less is chance, and would keep the descent going for ever.
const LEAST_GAIN: f64 = 1e-4;

/// A value for every parameter.
pub type Setting = BTreeMap<String, f32>;

/// A parameter that can be swept.
#[derive(Debug, Clone, PartialEq)]
pub struct Knob {
    /// Its name.
    pub name: String,
    /// Least value.
    pub min: f32,
    /// Greatest value.
    pub max: f32,
}

/// A parameter and the values to try.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The parameter's name.
    pub name: String,
    /// Its values, rising and distinct.
    pub values: Vec<f32>,
}

/// One setting that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The parameter that was moved; none for a grid's points and for the start.
    pub moved: Option<String>,
    /// All values.
    pub setting: Setting,
    /// MRR on the half for tuning.
    pub score: f64,
}

/// Reads `name=value,value…`.
///
/// # Errors
/// AX-F002 when it is of another form, names no parameter, or a value is out of bounds.
pub fn axis(text: &str, knobs: &[Knob]) -> Result<Axis, Fault> {
    let bad = |what: String| Fault::new(Code::ConfigBadValue, what).in_field("--sweep");
    let (name, values) = text
        .split_once('=')
        .ok_or_else(|| bad(format!("`{text}`: `NAME=VALUE,VALUE…` is expected")))?;
    let knob = knobs.iter().find(|knob| knob.name == name).ok_or_else(|| {
        let names: Vec<_> = knobs.iter().map(|knob| knob.name.as_str()).collect();
        bad(format!("no parameter is called `{name}`; there are: {}", names.join(", ")))
    })?;
    let mut read = Vec::new();
    for value in values.split(',') {
        let number = value.trim().parse::<f32>().ok();
        let number = number.filter(|number| (knob.min..=knob.max).contains(number));
        read.push(number.ok_or_else(|| {
            let Knob { min, max, .. } = knob;
            bad(format!("{name}: `{value}`: a number from {min} to {max} is expected"))
        })?);
    }
    read.sort_by(f32::total_cmp);
    read.dedup();
    Ok(Axis { name: name.to_owned(), values: read })
}

/// Every combination of the axes' values, the rest as in `start`.
///
/// # Errors
/// AX-F002 when there are more than [`MAX_TRIALS`], or two axes for one parameter.
pub fn grid(start: &Setting, axes: &[Axis]) -> Result<Vec<Setting>, Fault> {
    let bad = |what: String| Fault::new(Code::ConfigBadValue, what).in_field("--sweep");
    let num = axes.iter().fold(1usize, |num, axis| num.saturating_mul(axis.values.len()));
    if num > MAX_TRIALS {
        return Err(bad(format!("the grid has {num} points; at most {MAX_TRIALS} are expected")));
    }
    let mut settings = vec![start.clone()];
    for (place, axis) in axes.iter().enumerate() {
        if axes[..place].iter().any(|other| other.name == axis.name) {
            return Err(bad(format!("{} is swept twice; name all its values at once", axis.name)));
        }
        let with = |setting: &Setting, value: f32| {
            let mut setting = setting.clone();
            setting.insert(axis.name.clone(), value);
            setting
        };
        settings = settings
            .iter()
            .flat_map(|setting| axis.values.iter().map(|value| with(setting, *value)))
            .collect();
    }
    Ok(settings)
}

/// Moves one parameter after another to the best of a few values around its own, until a whole round
/// makes nothing better or the trials are used up.
///
/// Rejected: moving all at once, by gradient or at random. The measure is a step function, and nobody
/// could read from the trials what each parameter does.
#[derive(Debug)]
pub struct Descent {
    knobs: Vec<Knob>,
    best: Setting,
    best_score: Option<f64>,
    trials: Vec<Trial>,
    most: usize,
    queue: VecDeque<(usize, f32)>,
    /// The knob whose values come next.
    next: usize,
    /// Knobs since the last gain.
    idle: usize,
    asked: Option<(Option<usize>, Setting)>,
}

impl Descent {
    /// Starts at `start`; asks for at most `most` trials.
    pub fn new(knobs: Vec<Knob>, start: Setting, most: usize) -> Self {
        Self {
            knobs,
            best: start,
            best_score: None,
            trials: Vec::new(),
            most: most.min(MAX_TRIALS),
            queue: VecDeque::new(),
            next: 0,
            idle: 0,
            asked: None,
        }
    }

    /// What to try now; [`Self::tell`] comes before the next call.
    pub fn ask(&mut self) -> Option<&Setting> {
        if self.trials.len() >= self.most {
            return None;
        }
        if self.best_score.is_none() {
            self.asked = Some((None, self.best.clone()));
        } else {
            let (knob, value) = self.next_move()?;
            let mut setting = self.best.clone();
            setting.insert(self.knobs[knob].name.clone(), value);
            self.asked = Some((Some(knob), setting));
        }
        self.asked.as_ref().map(|(_, setting)| setting)
    }

    /// How good what was asked for is.
    pub fn tell(&mut self, score: f64) {
        let Some((knob, setting)) = self.asked.take() else { return };
        let moved = knob.map(|knob| self.knobs[knob].name.clone());
        self.trials.push(Trial { moved, setting: setting.clone(), score });
        if self.best_score.is_none_or(|best| score > best + LEAST_GAIN) {
            self.best_score = Some(score);
            self.best = setting;
            self.idle = 0;
        }
    }

    /// Everything that was tried, in order.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The best setting so far.
    pub fn best(&self) -> &Setting {
        &self.best
    }

    fn next_move(&mut self) -> Option<(usize, f32)> {
        while self.queue.is_empty() {
            if self.knobs.is_empty() || self.idle >= self.knobs.len() {
                return None;
            }
            let knob = &self.knobs[self.next];
            let now = self.best.get(&knob.name).copied().unwrap_or(knob.min);
            self.queue = around(knob, now).into_iter().map(|value| (self.next, value)).collect();
            self.next = (self.next + 1) % self.knobs.len();
            self.idle += 1;
        }
        self.queue.pop_front()
    }
}

/// Values to try beside the present one: off, smaller and larger by factors; from nothing, by shares.
fn around(knob: &Knob, now: f32) -> Vec<f32> {
    let values = if now > 0.0 {
        [0.0, 0.5, 0.75, 1.33, 2.0].map(|factor| factor * now)
    } else {
        [0.005, 0.01, 0.03, 0.1, 0.3].map(|share| knob.min + share * (knob.max - knob.min))
    };
    let mut found: Vec<f32> = Vec::new();
    for value in values.map(|value| value.clamp(knob.min, knob.max)) {
        if value != now && !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

#[cfg(test)]
mod tests;
