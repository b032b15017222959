//! What the server's process used, over time.

use super::{
    page::Page,
    plot::{Axis, Line, plot},
};
use crate::{Cost, CostPoint, table::bytes};

/// Cores and memory; nothing with fewer than two looks.
pub(super) fn server(page: &mut Page, cost: &Cost, seconds: f64) {
    if cost.looks.len() < 2 {
        return;
    }
    let time = || Axis {
        logarithmic: false,
        range: (0.0, seconds.max(0.1)),
        name: "seconds into the measurement".into(),
        spelt: |value| format!("{value:.0}"),
    };
    let line = |number, points| Line { number, class: "", points };
    page.heading("The server's cores over time");
    let cores = cores(&cost.looks);
    let most = cores.iter().map(|(_, cores)| *cores).fold(1.0, f64::max) * 1.1;
    let spelt = |value: f64| format!("{value:.1}");
    let y = Axis { logarithmic: false, range: (0.0, most), name: String::new(), spelt };
    page.plot(&[("cores busy".to_owned(), 4)], &plot(&time(), &y, 180.0, &[line(4, cores)]));

    page.heading("The server's memory over time");
    let memory = |of: fn(&CostPoint) -> u64| -> Vec<(f64, f64)> {
        cost.looks.iter().map(|look| (look.at_seconds, of(look) as f64)).collect()
    };
    let most = cost.peak_resident_bytes.max(1) as f64 * 1.1;
    let spelt = |value: f64| bytes(value as u64);
    let y = Axis { logarithmic: false, range: (0.0, most), name: String::new(), spelt };
    let lines =
        [line(7, memory(|look| look.resident_bytes)), line(3, memory(|look| look.anonymous_bytes))];
    let key = [("anonymous", 3), ("with mapped files", 7)].map(|(name, n)| (name.to_owned(), n));
    page.plot(&key, &plot(&time(), &y, 200.0, &lines));
}

/// Between each two looks: when, in the middle, and the cores busy.
fn cores(looks: &[CostPoint]) -> Vec<(f64, f64)> {
    let between = looks.windows(2).filter(|pair| pair[1].at_seconds - pair[0].at_seconds > 0.1);
    between
        .map(|pair| {
            let length = pair[1].at_seconds - pair[0].at_seconds;
            let used = pair[1].cpu_seconds - pair[0].cpu_seconds;
            (pair[0].at_seconds + length / 2.0, used / length)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_what_was_used_between_looks() {
        let look =
            |at_seconds, cpu_seconds| CostPoint { at_seconds, cpu_seconds, ..CostPoint::default() };
        let looks = [look(0.0, 5.0), look(1.0, 6.5), look(3.0, 6.5), look(3.01, 6.6)];
        assert_eq!(cores(&looks), [(0.5, 1.5), (2.0, 0.0)], "the last two stand too close");
    }
}
