//! `ax serve`: every role in one process, on embedded parts. The same libraries as in a cluster, over a
//! change stream, a coordination store and an object store that live in one folder.

mod compaction;
mod progress;
pub mod repos;

use crate::{
    Started,
    cli::ServeArgs,
    config::{self, Config, address},
    config_command,
    roles::{self, admin, parts},
    server_runtime, variables,
};
use ax_changes::{ChangeLog, embedded::EmbeddedLog};
use ax_cluster::{Cluster, Registration, Role, Shape};
use ax_coordinator::Coordinator;
use ax_indexer::{Indexer, IndexerDeps};
use ax_ingest::{IngestHandle, webhook};
use ax_model::{Code, Fault, Generation, without_secrets};
use ax_store::Store;
use std::{io::IsTerminal, process::ExitCode, sync::Arc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Most shards of a new standalone server: more than cores only cost memory.
const MAX_SHARDS: usize = 4;
/// The option for the address.
const LISTEN: &str = "--listen";

/// Runs the command.
pub fn run(args: ServeArgs) -> ExitCode {
    match configured(&args) {
        Ok(config) => server_runtime(config, "serve", |started| serve(started, args)),
        Err(fault) => config_command::refuse(&fault),
    }
}

/// The configuration, with what was typed over it, and the defaults of a single machine under it.
fn configured(args: &ServeArgs) -> Result<Config, Fault> {
    let mut defaults = Config::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    defaults.cluster.shards = u32::try_from(cores.clamp(1, MAX_SHARDS)).unwrap_or(1);
    if std::io::stderr().is_terminal() {
        "warn".clone_into(&mut defaults.telemetry.log_filter); // the progress bars say the rest
    }
    let mut config = config::load_over(&defaults, args.config.as_deref(), variables())?;
    if let Some(data) = &args.data {
        config.cluster.data.clone_from(data);
    }
    if let Some(listen) = &args.listen {
        config.query.listen = address::resolve(LISTEN, listen)?.to_string();
    }
    roles::settle(config, "serve")
}

/// What the roles share.
struct Parts {
    cluster: Cluster,
    shape: Shape,
    store: Store,
    log: Arc<dyn ChangeLog>,
    /// The same, when it is the embedded one, which somebody has to compact.
    embedded: Option<Arc<EmbeddedLog>>,
}

async fn serve(started: Started, args: ServeArgs) -> Result<(), Fault> {
    let Started { config, telemetry, shutdown } = started;
    // The port first: to find it taken after opening everything would be late.
    let listen_key = if args.listen.is_some() { LISTEN } else { "query.listen" };
    drop(roles::ops::bind(listen_key, &config.query.listen).await?);
    let parts = open(&config).await?;
    let mut work = JoinSet::new();
    start_coordinator(&config, &parts, &mut work, &shutdown);
    start_indexer(&config, &parts, &mut work, &shutdown);
    let Parts { cluster, shape, store, log, embedded } = &parts;
    if let Some(embedded) = embedded {
        work.spawn(compaction::run(embedded.clone(), cluster.clone(), shutdown.clone()));
    }
    let generation = Generation(shape.generation);
    let pushes =
        roles::ingest::start(&config, cluster, store, log, generation, &mut work, &shutdown)
            .await?;
    register(cluster, &args.repos).await?;
    let query =
        roles::query::start_local(&config, &telemetry, cluster, store, log, shape, &shutdown)
            .await?;
    take_pushes(&config, pushes, &mut work, &shutdown).await?;
    eprintln!("search page  http://{}/", config.query.listen);
    eprintln!("data         {}", config.cluster.data.display());
    let shown = tokio::spawn(progress::show(parts.cluster.clone(), shutdown.clone()));
    shutdown.cancelled().await;
    query.shutdown().await;
    while work.join_next().await.is_some() {}
    shown.abort();
    Ok(())
}

/// Listens for push webhooks, if there is a secret that they could be signed with.
async fn take_pushes(
    config: &Config,
    handle: IngestHandle,
    work: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) -> Result<(), Fault> {
    if config.ingest.webhook_secret.is_empty() {
        return Ok(());
    }
    let listener = roles::ops::bind("ingest.listen", &config.ingest.listen).await?;
    let router = webhook::router(handle, roles::ingest::settings(config).webhooks);
    work.spawn(roles::ops::serve(listener, router, shutdown.clone()));
    Ok(())
}

/// Opens everything in the data folder; a folder in use is a fault that says so.
async fn open(config: &Config) -> Result<Parts, Fault> {
    let coordination = parts::coordination(config).await.map_err(|error| error.fault)?;
    let cluster = Cluster::new(coordination);
    let known = cluster.shape().await.map_err(|e| Fault::new(e.code(), e.to_string()))?;
    // A folder keeps the number of shards that it was made with, whatever machine it is on now.
    let shards = known.map_or(config.cluster.shards, |shape| shape.shards);
    let shape = parts::shape(&cluster, shards).await.map_err(|error| error.fault)?;
    let store = parts::store(config).await.map_err(|error| error.fault)?;
    if config.changes.backend == "kafka" {
        let log = parts::changes(config, shape.shards).await.map_err(|error| error.fault)?;
        return Ok(Parts { cluster, shape, store, log, embedded: None });
    }
    let log = parts::embedded_changes(config, shape.shards).await.map_err(|error| error.fault)?;
    Ok(Parts { cluster, shape, store, log: log.clone(), embedded: Some(log) })
}

fn start_coordinator(
    config: &Config,
    parts: &Parts,
    work: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) {
    let generation = Generation(parts.shape.generation);
    let settings = roles::coordinator::settings(config, parts.shape.shards, generation);
    let member = roles::member(config, Role::Coordinator, "coordinator", String::new());
    let (cluster, store) = (parts.cluster.clone(), parts.store.clone());
    let coordinator = Coordinator::new(cluster, store, settings, member);
    let shutdown = shutdown.clone();
    work.spawn(async move {
        if let Err(error) = coordinator.run(shutdown).await {
            tracing::error!(%error, "the coordinator ended");
        }
    });
}

fn start_indexer(
    config: &Config,
    parts: &Parts,
    work: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) {
    let deps = IndexerDeps {
        cluster: parts.cluster.clone(),
        log: parts.log.clone(),
        store: parts.store.clone(),
        generation: Generation(parts.shape.generation),
    };
    let member = roles::member(config, Role::Indexer, "indexer", String::new());
    let indexer = Indexer::new(deps, roles::indexer::settings(config), member);
    let shutdown = shutdown.clone();
    work.spawn(async move {
        if let Err(error) = indexer.run(shutdown).await {
            tracing::error!(%error, "the indexer ended");
        }
    });
}

/// Registers what `--repo` names. A source that is registered already is kept. A name that nobody would
/// guess is said.
async fn register(cluster: &Cluster, asked: &[String]) -> Result<(), Fault> {
    let known = cluster.list::<Registration>().await;
    let known = known.map_err(|error| Fault::new(error.code(), error.to_string()))?;
    let known = known.into_iter().map(|known| (known.value.name, known.value.source)).collect();
    for wanted in repos::named(asked, &known)? {
        let plain = admin::name_of(&wanted.source).ok();
        let unlike = wanted.name.as_ref().filter(|name| Some(*name) != plain.as_ref());
        if let Some(name) = unlike {
            eprintln!("repository   {name}  {}", without_secrets(&wanted.source));
        }
        admin::register(cluster, wanted).await.map_err(|fault| match fault.code {
            Code::RepositoryExists => fault.hint("give it a name of its own: --repo NAME=PATH"),
            _ => fault,
        })?;
    }
    Ok(())
}
