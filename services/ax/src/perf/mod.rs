//! `ax perf`: the workbench. Its thinking is in `ax-perf`; here servers are asked, files read and written.

mod args;
mod ask;
mod compare;
mod corpus;
mod drive;
mod files;
mod inspect;
mod looks;
mod machine;
mod places;
mod progress;
mod push;
mod record;
mod replay;
mod ripgrep;
mod run;
mod shadow;
mod target;

pub use args::PerfArgs;

use crate::client::{http::ApiError, out::visible};
use args::PerfAction;
use ax_model::Fault;
use std::process::ExitCode;

/// Runs a command. Measuring takes more than one thread: while one reads an answer, the time of another
/// must not stand still.
pub fn run(args: PerfArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ax: {error}");
            return ExitCode::from(2);
        }
    };
    let done = runtime.block_on(async {
        match args.action {
            PerfAction::Run(args) => run::run(args).await,
            PerfAction::Compare(args) => compare::run(&args),
            PerfAction::Record(args) => record::run(args).await,
            PerfAction::Replay(args) => replay::run(args).await,
            PerfAction::Push(args) => push::run(args).await,
            PerfAction::Inspect(args) => inspect::run(args).await,
            PerfAction::Relevance(args) => Ok(crate::relevance::run(&args)),
        }
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ax: {error}");
            ExitCode::from(2)
        }
    }
}

/// Why a command ended early, ready to be shown.
#[derive(Debug, thiserror::Error)]
enum PerfError {
    /// The input is at fault, with a stable code.
    #[error("{}", spelt(.0))]
    Fault(#[from] Fault),
    /// The server is.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file, a tool, or the server that was started.
    #[error("{0}")]
    Other(String),
}

fn spelt(fault: &Fault) -> String {
    let hint = if fault.hint.is_empty() { String::new() } else { format!("\n{}", fault.hint) };
    visible(&format!("{fault}{hint}")).replace("\\n", "\n")
}
