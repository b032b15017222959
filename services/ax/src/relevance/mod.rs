//! `ax perf relevance`: how good the ranking is. Its thinking is in `ax-relevance`; here folders become
//! an index, queries are asked, in process or of a server, and files are read and written.

mod args;
mod corpus;
mod draw;
mod evaluate;
mod folder;
mod print;
mod progress;
mod run;
mod server;
mod sets;

pub use args::RelevanceArgs;

use crate::{client::http::ApiError, config_command::refuse};
use args::RelevanceAction;
use ax_engine::EngineError;
use ax_model::{Code, Fault};
use std::{path::Path, process::ExitCode};

/// Runs the command. Exit status: 0 done, 1 worse than the baseline, 2 error.
pub fn run(args: &RelevanceArgs) -> ExitCode {
    let done = match &args.action {
        RelevanceAction::Run(args) => run::run(args),
        RelevanceAction::Generate(args) => run::generate(args),
    };
    match done {
        Ok(code) => code,
        Err(RelevanceError::Fault(fault)) => refuse(&fault),
        Err(RelevanceError::Api(error)) => {
            eprintln!("ax: {error}");
            ExitCode::from(2)
        }
    }
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
enum RelevanceError {
    /// The input is at fault, or the machine; with a stable code.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The server is.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl From<EngineError> for RelevanceError {
    fn from(error: EngineError) -> Self {
        Self::Fault(Fault::new(error.code(), error.to_string()))
    }
}

type Result<T, E = RelevanceError> = std::result::Result<T, E>;

/// A file; one that cannot be read is AX-F003.
fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        let fault = Fault::new(Code::ConfigUnreadable, format!("{}: {error}", path.display()));
        fault.in_field(path.display().to_string()).into()
    })
}

/// Writes a file by way of another, so that it is whole or not there.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let fresh = path.with_extension("new");
    let written = std::fs::write(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|error| unusable(path, &error))
}

/// What is to be written cannot be.
fn unusable(path: &Path, error: &std::io::Error) -> RelevanceError {
    let message = format!("{} cannot be written: {error}", path.display());
    Fault::new(Code::DataFolderUnusable, message).in_field(path.display().to_string()).into()
}
