//! `ax perf compare`.

use super::{PerfError, args::CompareArgs, files};
use crate::client::{
    out::line,
    table::{Align, lines},
};
use ax_perf::{
    compare::{self, Outcome, Rules},
    html, table,
};
use serde_json::json;
use std::process::ExitCode;

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode, PerfError> {
    let read = |path: &std::path::Path| -> Result<_, PerfError> {
        Ok(compare::read(&path.display().to_string(), &files::read(path)?)?)
    };
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let rules = Rules { threshold: args.threshold, noise: args.noise, ..Rules::default() };
    let found = compare::compare(&before, &after, rules, args.force)?;
    for unlike in &found.unlike {
        eprintln!("not alike: {unlike}");
    }
    let outcome = found.outcome();
    let as_json = json!({"outcome": outcome, "comparison": found});
    files::write_outputs(&args.output, &as_json, || html::comparison(&before, &after, &found))?;
    let header = [
        ("class", Align::Left),
        ("measure", Align::Left),
        ("before", Align::Right),
        ("after", Align::Right),
        ("difference", Align::Right),
        ("99 % interval", Align::Right),
        ("verdict", Align::Left),
    ];
    let rows: Vec<_> = found.rows.iter().map(table::comparison_cells).collect();
    lines(&header, &rows).iter().for_each(line);
    line(format_args!("\nall in all: {}", table::outcome_words(outcome)));
    Ok(match outcome {
        Outcome::NotWorse => ExitCode::SUCCESS,
        Outcome::Worse => ExitCode::from(1),
        Outcome::CannotTell => ExitCode::from(2),
    })
}
