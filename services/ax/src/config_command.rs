//! `ax config`, `ax version`, and how a fault of configuration is shown.
#![allow(clippy::print_stdout)] // printing is what these commands are for

use crate::{cli::ConfigAction, config::Config};
use ax_model::Fault;
use std::process::ExitCode;

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Runs `ax config`.
pub fn run(action: &ConfigAction) -> ExitCode {
    let (args, show) = match action {
        ConfigAction::Check(args) => (args, false),
        ConfigAction::Show(args) => (args, true),
    };
    let config = match crate::load(args.config.as_deref()) {
        Ok(config) => config,
        Err(fault) => return refuse(&fault),
    };
    if !show {
        println!("the configuration is valid");
        return ExitCode::SUCCESS;
    }
    match toml::to_string(&without_secrets(config)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ax: {error}");
            ExitCode::from(2)
        }
    }
}

fn without_secrets(mut config: Config) -> Config {
    let secrets = [
        &mut config.store.access_key,
        &mut config.store.secret_key,
        &mut config.ingest.webhook_secret,
    ];
    let kafka = config.changes.kafka.iter_mut().filter(|(key, _)| key.contains("password"));
    for secret in secrets.into_iter().chain(kafka.map(|(_, value)| value)) {
        if !secret.is_empty() {
            HIDDEN.clone_into(secret);
        }
    }
    config
}

/// Prints the version.
pub fn version() -> ExitCode {
    println!("ax {}", env!("CARGO_PKG_VERSION"));
    ExitCode::SUCCESS
}

/// Shows a fault and what to do about it. Exit status 2.
pub fn refuse(fault: &Fault) -> ExitCode {
    eprintln!("ax: {fault}");
    if !fault.hint.is_empty() {
        eprintln!("{}", fault.hint);
    }
    ExitCode::from(2)
}
