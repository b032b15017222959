//! `ax perf inspect`: where a running node spends its time, and who holds its memory.

use super::{PerfError, args::InspectArgs, files};
use crate::client::{
    http::{Api, ApiError},
    out::{line, visible},
    table::size,
};
use ax_perf::flame::{self, Measure};
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// Functions that are named on the terminal.
const SHOWN: usize = 10;
/// For what the node does after it has looked: unwinding, finding names.
const READING: Duration = Duration::from_secs(120);

/// Runs the command.
pub async fn run(args: InspectArgs) -> Result<ExitCode, PerfError> {
    let (measure, text, title) = match args.heap {
        true => heap(&args).await?,
        false => time(&args).await?,
    };
    let folded = flame::read(&text);
    files::write(&args.output, &flame::svg(&title, &folded, measure))?;
    if let Some(path) = &args.folded {
        files::write(path, &text)?;
    }
    let total: u64 = folded.values().sum();
    for (name, share) in flame::hottest(&folded, SHOWN) {
        let name = visible(&name);
        match measure {
            Measure::Time => line(format_args!("{:5.1} %  {name}", share * 100.0)),
            Measure::Memory => {
                let bytes = size((share * total as f64) as u64);
                line(format_args!("{bytes:>9}  {:5.1} %  {name}", share * 100.0));
            }
        }
    }
    if folded.is_empty() {
        eprintln!("the node was not on any core meanwhile, or holds less than a sample");
    }
    Ok(ExitCode::SUCCESS)
}

async fn time(args: &InspectArgs) -> Result<(Measure, String, String), PerfError> {
    let seconds = args.seconds.as_secs_f64();
    eprintln!("looking for {seconds} s");
    let api = Api::patient(&args.node, args.seconds + READING)?;
    let answer = api.post("/debug/profile", &json!({ "seconds": seconds })).await?;
    Ok((Measure::Time, stacks(&answer)?, format!("{} for {seconds} s", args.node)))
}

async fn heap(args: &InspectArgs) -> Result<(Measure, String, String), PerfError> {
    let answer = Api::patient(&args.node, READING)?.post("/debug/heap", &json!({})).await?;
    Ok((Measure::Memory, stacks(&answer)?, format!("memory that {} holds", args.node)))
}

fn stacks(answer: &Value) -> Result<String, ApiError> {
    let text = answer["stacks"].as_str().map(str::to_owned);
    text.ok_or_else(|| ApiError::Unreadable("it has no `stacks`".to_owned()))
}
