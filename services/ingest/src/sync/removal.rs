//! A repository that is to be forgotten.
//!
//! Each known path is deleted by a change of its own, and then the repository as a whole. The deletion
//! of the repository alone would do for whoever reads the stream from where they are. But the stream
//! is compacted, and a repository registered again under the same name overwrites, in its home shard,
//! the record that says "everything before is gone": a shard built anew would show the old paths.

use super::{Control, Deps, Outcome, SyncReport, now_ms, spread_of, worker::blocking};
use crate::{
    IngestConfig, IngestError, branches, checkpoint,
    emit::{self, Appender, Job, RecordMaker},
    plan::{self, Known, Position, Written},
    progress::Phase,
    source::{Mirror, Place, Source, directory::DirectorySource},
};
use ax_model::RepoName;
use ax_proto::cluster::Registration;
use std::{path::PathBuf, sync::Arc};

/// Emits the deletion, then forgets checkpoint, registration and mirror, in this order.
pub async fn remove(
    deps: &Deps,
    config: &IngestConfig,
    control: &Control,
    name: &RepoName,
    registration: &Registration,
) -> Result<SyncReport, IngestError> {
    let stored = deps.records.load(name).await?;
    let log_id = deps.log.log_id().await?;
    let known = checkpoint::read(stored.as_ref().map(|stored| &stored.value), &log_id);
    let spread = spread_of(deps, config, registration);
    let nowhere = Position { spread, ..Position::default() };
    let step = plan::anew(&known, &nowhere);
    let still_ours = control.still_ours.clone();
    let mut appender = Appender::new(deps.log.clone(), still_ours, deps.generation, config);
    let records = record_maker(deps, control, name, &known, spread);
    let files_emitted =
        delete_paths(deps, config, control, registration, known, &records, &mut appender).await?;
    appender.append(records.wipe(&step.wipe.unwrap_or_default())).await?;
    if let Some(stored) = stored {
        deps.records.drop_checkpoint(name, stored.revision).await?;
    }
    deps.records.forget(name).await?;
    drop_folder(config, name, &registration.source).await;
    let token = appender.token().clone();
    control.progress.enter(Phase::Done, &token.to_string());
    Ok(SyncReport { files_emitted, ..SyncReport::new(Outcome::Removed, token) })
}

fn record_maker(
    deps: &Deps,
    control: &Control,
    name: &RepoName,
    known: &Known,
    spread: u32,
) -> RecordMaker {
    let now_ms = now_ms();
    let old_spreads = known.positions().map(|position| position.spread).collect();
    RecordMaker {
        repo: name.clone(),
        router: deps.router,
        spread,
        old_spreads,
        committed_at_ms: now_ms,
        emitted_at_ms: now_ms,
        traceparents: control.traceparents(),
    }
}

/// Deletes every path that any known position shows, as far as its trees can still be read.
async fn delete_paths(
    deps: &Deps,
    config: &IngestConfig,
    control: &Control,
    registration: &Registration,
    known: Known,
    records: &RecordMaker,
    appender: &mut Appender,
) -> Result<u64, IngestError> {
    let written = |position: &Position| Written { position: position.clone(), as_of: 0 };
    let olds: Vec<Written> = known.positions().map(written).collect();
    let (config, name) = (config.clone(), records.repo.clone());
    let source = registration.source.clone();
    let opened = blocking({
        let config = config.clone();
        move || Ok(Source::open(&config, &name, &source).ok().map(|source| source.trees()))
    });
    let Some(trees) = opened.await?.filter(|_| !olds.is_empty()) else { return Ok(0) };
    let nowhere = Position { spread: records.spread, ..Position::default() };
    let (branches, roots) = branches::roots(&nowhere, &olds, &known.history);
    let job = Arc::new(Job {
        trees,
        files: None,
        roots,
        branches,
        as_of: 0, // nothing is written, only deleted
        everything: false,
        sizes: None,
        recount: true, // nobody asks what is left
        old_max_file_bytes: 0,
        unreadable: Default::default(),
        records: records.clone(),
        blobs: deps.blobs.clone(),
        config,
        stop: control.stop.clone(),
    });
    let counting = job.clone();
    let num_paths = blocking(move || Ok(counting.count().ok())).await?;
    let Some(num_paths) = num_paths else { return Ok(0) }; // its trees are gone
    control.progress.expect(num_paths.all);
    let Control { capacity, progress, .. } = control;
    Ok(emit::run(job, num_paths, appender, capacity.memory(), progress).await?.emitted())
}

/// Frees the disk. What cannot be deleted is said and left.
async fn drop_folder(config: &IngestConfig, name: &RepoName, source: &str) {
    let Some(folder) = folder(config, name, source) else { return };
    match tokio::fs::remove_dir_all(&folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "not deleted");
        }
        _ => {}
    }
}

fn folder(config: &IngestConfig, name: &RepoName, source: &str) -> Option<PathBuf> {
    Some(match Place::parse(source).ok()? {
        Place::Remote(_) => Mirror::folder(&config.data_dir, name, source),
        Place::Local(path) => DirectorySource::folder(&config.data_dir, name, &path),
    })
}
