//! Line plots as SVG.

use super::escape;
use std::fmt::Write as _;

const WIDTH: f64 = 1060.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// How values lie on an axis.
pub(super) struct Axis {
    pub(super) logarithmic: bool,
    pub(super) range: (f64, f64),
    /// What its values are.
    pub(super) name: String,
    /// A value in words.
    pub(super) spelt: fn(f64) -> String,
}

/// One line; `number` picks its colour.
pub(super) struct Line {
    pub(super) number: usize,
    /// Further classes of the line: `thin`, `dash`.
    pub(super) class: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws the lines in a frame of `height`.
pub(super) fn plot(x: &Axis, y: &Axis, height: f64, lines: &[Line]) -> String {
    let (right, bottom) = (WIDTH - RIGHT, height - BOTTOM);
    let at_x = |value: f64| LEFT + x.share(value) * (right - LEFT);
    let at_y = |value: f64| bottom - y.share(value) * (bottom - TOP);
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for tick in x.ticks(10) {
        let (at, text) = (at_x(tick), (x.spelt)(tick));
        let _ = write!(
            out,
            "<line class=\"g\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
            bottom + 17.0
        );
    }
    for tick in y.ticks(5) {
        let (at, text) = (at_y(tick), (y.spelt)(tick));
        let _ = write!(
            out,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = write!(
        out,
        "<line class=\"a\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>\
         <text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        height - 5.0,
        escape(&x.name)
    );
    for line in lines {
        let path = path(line.points.iter().map(|&(px, py)| (at_x(px), at_y(py))));
        let (class, number) = (line.class, line.number % 8);
        let _ = write!(
            out,
            "<path class=\"p {class}\" style=\"stroke:var(--s{number})\" d=\"{path}\"/>"
        );
    }
    out.push_str("</svg>");
    out
}

/// A path; points that would fall on one another are left out.
fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let (mut out, mut last) = (String::new(), None::<(f64, f64)>);
    for (x, y) in points {
        if last.is_some_and(|(lx, ly)| (x - lx).abs() < 0.4 && (y - ly).abs() < 0.4) {
            continue;
        }
        let _ = write!(out, "{}{x:.1} {y:.1}", if last.is_none() { 'M' } else { 'L' });
        last = Some((x, y));
    }
    out
}

impl Axis {
    fn share(&self, value: f64) -> f64 {
        let scale = |v: f64| if self.logarithmic { v.max(1e-9).log10() } else { v };
        let (low, high) = (scale(self.range.0), scale(self.range.1));
        ((scale(value) - low) / (high - low).max(1e-9)).clamp(0.0, 1.0)
    }

    /// Round values within the range, about `wanted` of them.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<f64> {
        let (low, high) = self.range;
        if self.logarithmic {
            log_ticks(low, high, wanted)
        } else {
            linear_ticks(low, high, wanted)
        }
    }
}

fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let rough = ((high - low) / wanted as f64).max(1e-9);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(power);
    let first = (low / step).ceil() as i64;
    (first..).map(|n| n as f64 * step).take_while(|tick| *tick <= high * (1.0 + 1e-9)).collect()
}

/// 1, 2 and 5 of each power of ten, or the powers alone when that is too many.
fn log_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let (from, to) = (low.max(1e-9).log10().floor() as i32, high.max(1e-9).log10().ceil() as i32);
    let all = |parts: &[f64]| -> Vec<f64> {
        let ticks = (from..=to).flat_map(|p| parts.iter().map(move |m| m * 10f64.powi(p)));
        ticks.filter(|tick| (low..=high * (1.0 + 1e-9)).contains(tick)).collect()
    };
    let fine = all(&[1.0, 2.0, 5.0]);
    if fine.len() <= wanted + 4 { fine } else { all(&[1.0]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(linear_ticks(0.0, 10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(linear_ticks(0.0, 0.9, 4), [0.0, 0.5]);
        assert_eq!(log_ticks(90.0, 2500.0, 10), [100.0, 200.0, 500.0, 1000.0, 2000.0]);
        assert_eq!(log_ticks(1.0, 1e9, 8).len(), 10);
    }

    #[test]
    fn a_log_axis_has_equal_steps_for_equal_factors() {
        let spelt = |v: f64| v.to_string();
        let axis = Axis { logarithmic: true, range: (1.0, 100.0), name: String::new(), spelt };
        assert!((axis.share(10.0) - 0.5).abs() < 1e-9);
        assert_eq!((axis.share(0.0), axis.share(1e9)), (0.0, 1.0));
    }
}
