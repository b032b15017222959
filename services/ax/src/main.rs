//! AutomatosX: every role, the standalone server and the client, in one binary.

mod cli;
mod client;
mod config;
mod config_command;
mod perf;
mod relevance;
mod roles;
mod serve;

use clap::Parser;
use cli::{Cli, Command, QueryAction, RoleArgs};
use config::Config;
use std::{ffi::OsString, future::Future, path::Path, process::ExitCode};

/// Indexing allocates from many threads at once, and queries must not wait for it; the system's
/// allocator keeps much more memory after a large import. This one tells who holds what: `roles::heap`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Search(args) => client_runtime(client::search::run(args)),
        Command::Symbols(args) => client_runtime(client::symbols::run(args)),
        Command::Repos(args) => client_runtime(client::repos::run(args)),
        Command::Status(args) => client_runtime(client::status::run(args)),
        Command::Shards(args) => client_runtime(client::shards::run(args)),
        Command::Replay(args) => client_runtime(client::status::replay(args)),
        Command::Perf(args) => perf::run(args),
        Command::Config(args) => config_command::run(&args.action),
        Command::Version => config_command::version(),
        Command::Serve(args) => serve::run(args),
        Command::Ingest(args) => role(&args, "ingest", |role| async move {
            roles::ingest::run(&role.config, &role.telemetry, role.shutdown).await
        }),
        Command::Indexer(args) => role(&args, "indexer", |role| async move {
            roles::indexer::run(&role.config, &role.telemetry, role.shutdown).await
        }),
        Command::Coordinator(args) => role(&args, "coordinator", |role| async move {
            roles::coordinator::run(&role.config, &role.telemetry, role.shutdown).await
        }),
        Command::Query(args) => match args.action {
            Some(QueryAction::Explain(args)) => client_runtime(client::explain::run(args)),
            None => role(&args.role, "query", |role| async move {
                roles::query::run(&role.config, &role.telemetry, role.shutdown).await
            }),
        },
    }
}

/// One thread is enough to ask and to print, and starts sooner.
fn client_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("ax: {error}");
            ExitCode::from(2)
        }
    }
}

/// What every role starts with.
struct Started {
    config: Config,
    telemetry: ax_telemetry::Telemetry,
    shutdown: tokio_util::sync::CancellationToken,
}

/// Loads the configuration, sets up telemetry and signals, and runs.
fn role<F>(args: &RoleArgs, name: &str, run: impl FnOnce(Started) -> F) -> ExitCode
where
    F: Future<Output = Result<(), ax_model::Fault>>,
{
    match load(args.config.as_deref()).and_then(|config| roles::settle(config, name)) {
        Ok(config) => server_runtime(config, name, run),
        Err(fault) => config_command::refuse(&fault),
    }
}

/// Reads the configuration as a process sees it.
fn load(file: Option<&Path>) -> Result<Config, ax_model::Fault> {
    config::load(file, variables())
}

/// Our variables. Those of others may hold anything, even what is no text.
#[allow(clippy::disallowed_methods)] // the one door for variables
fn variables() -> impl Iterator<Item = (String, OsString)> {
    let named =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    named.filter(|(name, _)| name.starts_with("AX_"))
}

/// Runs `work` on a server's runtime; a fault ends the process with status 2 and says what to do.
fn server_runtime<F>(config: Config, name: &str, work: impl FnOnce(Started) -> F) -> ExitCode
where
    F: Future<Output = Result<(), ax_model::Fault>>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ax: {error}");
            return ExitCode::from(2);
        }
    };
    let done = runtime.block_on(async {
        let node = if config.cluster.node.is_empty() { name } else { &config.cluster.node };
        let telemetry = ax_telemetry::Telemetry::install(&config.telemetry, name, node)
            .map_err(|error| bad_telemetry(&error))?;
        let shutdown = roles::shutdown::on_signal()
            .map_err(|error| ax_model::Fault::new(ax_model::Code::Internal, error.to_string()))?;
        work(Started { config, telemetry, shutdown }).await
    });
    // Work that ignores the shutdown must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => config_command::refuse(&fault),
    }
}

fn bad_telemetry(error: &ax_telemetry::TelemetryError) -> ax_model::Fault {
    ax_model::Fault::new(ax_model::Code::ConfigBadValue, error.to_string()).in_field("telemetry")
}
