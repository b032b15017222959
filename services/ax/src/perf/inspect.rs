//! `ax perf inspect`: where a running node spends its time.

use super::{PerfError, args::InspectArgs, files};
use crate::client::{
    http::{Api, ApiError},
    out::{line, visible},
};
use ax_perf::flame;
use serde_json::json;
use std::{process::ExitCode, time::Duration};

/// Functions that are named on the terminal.
const SHOWN: usize = 10;

/// Runs the command.
pub async fn run(args: InspectArgs) -> Result<ExitCode, PerfError> {
    let seconds = args.seconds.as_secs_f64();
    eprintln!("looking for {seconds} s");
    let api = Api::patient(&args.node, args.seconds + Duration::from_secs(120))?;
    let body = json!({ "seconds": seconds });
    let answer = api.post("/debug/profile", &body).await?;
    let text = answer["stacks"].as_str();
    let text = text.ok_or_else(|| ApiError::Unreadable("it has no `stacks`".to_owned()))?;
    let folded = flame::read(text);
    let title = format!("{} for {seconds} s", args.node);
    files::write(&args.output, &flame::svg(&title, &folded))?;
    if let Some(path) = &args.folded {
        files::write(path, text)?;
    }
    for (name, share) in flame::hottest(&folded, SHOWN) {
        line(format_args!("{:5.1} %  {}", share * 100.0, visible(&name)));
    }
    if folded.is_empty() {
        eprintln!("the node was not on any core meanwhile");
    }
    Ok(ExitCode::SUCCESS)
}
