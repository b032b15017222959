//! One parameter's plot as SVG: MRR by value.

use crate::sweep::Trial;
use std::{collections::BTreeMap, fmt::Write as _};

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;

/// What a parameter's values came to.
pub(crate) struct Panel {
    /// The parameter.
    pub(crate) name: String,
    /// Value and MRR of each trial.
    pub(crate) points: Vec<(f32, f64)>,
    /// Where the search started from.
    pub(crate) start: f32,
    /// The best value found.
    pub(crate) best: f32,
}

/// A panel for each parameter that was moved. Of a grid it shows all trials; of a descent those of the
/// parameter's last turn, and where that began: then nothing else was moved, and they can be compared.
pub(crate) fn panels(trials: &[Trial], best: &BTreeMap<String, f32>) -> Vec<Panel> {
    let Some(first) = trials.first() else { return Vec::new() };
    let is_descent = trials.iter().any(|trial| trial.moved.is_some());
    let mut panels = Vec::new();
    for (name, start) in &first.setting {
        let shown = if is_descent { last_turn(trials, name) } else { trials.iter().collect() };
        let point = |trial: &Trial| Some((*trial.setting.get(name)?, trial.score));
        let mut points: Vec<(f32, f64)> = shown.into_iter().filter_map(point).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if points.first().map(|point| point.0) != points.last().map(|point| point.0) {
            let best = best.get(name).copied().unwrap_or(*start);
            panels.push(Panel { name: name.clone(), points, start: *start, best });
        }
    }
    panels
}

/// The trials that moved a parameter last, and the best before them, which they began from.
fn last_turn<'a>(trials: &'a [Trial], name: &str) -> Vec<&'a Trial> {
    let moved = |trial: &Trial| trial.moved.as_deref() == Some(name);
    let Some(last) = trials.iter().rposition(moved) else { return Vec::new() };
    let first = trials[..last].iter().rposition(|trial| !moved(trial)).map_or(0, |place| place + 1);
    let (before, turn) = (&trials[..first], &trials[first..=last]);
    let best = before.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    best.into_iter().chain(turn).collect()
}

/// Least and greatest MRR of all panels, with some room, so that panels can be compared by eye.
pub(crate) fn range(panels: &[Panel]) -> (f64, f64) {
    let scores = || panels.iter().flat_map(|panel| &panel.points).map(|point| point.1);
    let (low, high) = (scores().fold(1.0, f64::min), scores().fold(0.0, f64::max));
    let room = ((high - low) * 0.08).max(0.002);
    ((low - room).max(0.0), (high + room).min(1.0))
}

/// Draws a panel; `range` is that of the MRR.
pub(crate) fn svg(panel: &Panel, range: (f64, f64)) -> String {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let most = panel.points.last().map_or(1.0, |point| f64::from(point.0)).max(1e-6);
    let least = panel.points.first().map_or(0.0, |point| f64::from(point.0));
    // Values spread over decades; a root keeps 0 on the axis, which a logarithm has no place for.
    let root = |value: f64| value.max(0.0).sqrt();
    let share =
        |value: f32| (root(f64::from(value)) - root(least)) / (root(most) - root(least)).max(1e-9);
    let x = |value: f32| LEFT + share(value) * (right - LEFT);
    let y =
        |score: f64| bottom - (score - range.0) / (range.1 - range.0).max(1e-9) * (bottom - TOP);
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for step in 0..=4 {
        let score = range.0 + (range.1 - range.0) * f64::from(step) / 4.0;
        let at = y(score);
        let _ = write!(
            out,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{score:.3}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    let mark = x(panel.start);
    let _ = write!(
        out,
        "<line class=\"now\" x1=\"{mark:.1}\" x2=\"{mark:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>"
    );
    out.push_str(&labels(panel, x, bottom));
    out.push_str(&line(panel, x, y));
    out.push_str("</svg>");
    out
}

/// Values below the axis, as many as do not touch.
fn labels(panel: &Panel, x: impl Fn(f32) -> f64, bottom: f64) -> String {
    let (mut out, mut end) = (String::new(), f64::NEG_INFINITY);
    for (value, _) in &panel.points {
        let at = x(*value);
        if at - end > 30.0 {
            let text = crate::table::number(*value);
            let _ = write!(
                out,
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                bottom + 16.0
            );
            end = at;
        }
    }
    out
}

/// A dot per trial, a line through the best of each value, and a ring around the best of all.
fn line(panel: &Panel, x: impl Fn(f32) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut tops: Vec<(f32, f64)> = Vec::new();
    for &(value, score) in &panel.points {
        match tops.last_mut() {
            Some(last) if last.0 == value => last.1 = last.1.max(score),
            _ => tops.push((value, score)),
        }
    }
    let mut path = String::new();
    for (value, score) in &tops {
        let start = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{start}{:.1} {:.1}", x(*value), y(*score));
    }
    let mut out = format!("<path class=\"p\" d=\"{path}\"/>");
    for (value, score) in &panel.points {
        let (cx, cy) = (x(*value), y(*score));
        let _ = write!(
            out,
            "<circle class=\"d\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\"><title>{} = {}: {score:.4}\
             </title></circle>",
            crate::html::escape(&panel.name),
            crate::table::number(*value)
        );
    }
    if let Some((value, score)) = tops.iter().find(|top| top.0 == panel.best) {
        let (cx, cy) = (x(*value), y(*score));
        let _ = write!(out, "<circle class=\"best\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"6.5\"/>");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(moved: Option<&str>, b: f32, k1: f32, score: f64) -> Trial {
        let setting = [("b".to_owned(), b), ("k1".to_owned(), k1)].into();
        Trial { moved: moved.map(str::to_owned), setting, score }
    }

    #[test]
    fn a_descent_shows_the_last_turn_of_each_parameter() {
        let trials = [
            trial(None, 0.5, 1.0, 0.6),
            trial(Some("b"), 0.0, 1.0, 0.5),
            trial(Some("b"), 1.0, 1.0, 0.7),
            trial(Some("k1"), 1.0, 2.0, 0.8),
            trial(Some("b"), 0.5, 2.0, 0.75),
        ];
        let best = trials[3].setting.clone();
        let panels = panels(&trials, &best);
        let [b, k1] = &panels[..] else { panic!("{} panels", panels.len()) };
        assert_eq!(b.points, [(0.5, 0.75), (1.0, 0.8)], "k1 was 2 all the while");
        assert_eq!(k1.points, [(1.0, 0.7), (2.0, 0.8)]);
        assert_eq!((b.start, b.best), (0.5, 1.0));
        let (low, high) = range(&panels);
        assert!(low < 0.7 && high > 0.8);
        let drawn = svg(b, (low, high));
        assert_eq!(drawn.matches("<circle class=\"d\"").count(), 2);
        assert_eq!(drawn.matches("<circle class=\"best\"").count(), 1);
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    }

    #[test]
    fn a_grid_shows_all_points_and_the_best_of_each_value() {
        let trials =
            [trial(None, 0.0, 1.0, 0.5), trial(None, 0.0, 2.0, 0.6), trial(None, 1.0, 1.0, 0.4)];
        let panels = panels(&trials, &trials[1].setting);
        assert_eq!(panels.iter().map(|panel| panel.name.as_str()).collect::<Vec<_>>(), ["b", "k1"]);
        let drawn = svg(&panels[0], range(&panels));
        assert_eq!(drawn.matches("<circle class=\"d\"").count(), 3);
        let path = drawn.split("<path class=\"p\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(path.matches(['M', 'L']).count(), 2);
    }
}
