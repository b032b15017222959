//! What the tests of ingest share: real repositories made by the `git` program, a change stream in
//! memory whose appends can fail, and the fold of it, compared with what `git` itself says.

mod flaky;
mod fold;
mod log;
mod mortal;
mod relay;
mod repo;

pub use flaky::{FlakyRecords, GateLog};
pub use fold::{Fold, Shown};
pub use log::MemoryLog;
pub use mortal::killed;
pub use relay::stalling;
pub use repo::{Repo, git_in, set, three_states};

use ax_ingest::{
    Deps, IngestConfig, SyncReport,
    memory::{MemoryBlobs, MemoryRecords},
    sync_once,
};
use ax_model::{Generation, RepoName, Router};
use ax_proto::cluster::Registration;
use std::{path::Path, sync::Arc};
use tempfile::TempDir;

/// Everything an ingest needs, in memory and in a temporary folder.
pub struct World {
    pub log: Arc<MemoryLog>,
    pub blobs: MemoryBlobs,
    pub records: MemoryRecords,
    pub deps: Deps,
    pub config: IngestConfig,
    pub registration: Registration,
    pub dir: TempDir,
}

impl World {
    /// A world of four shards that follows `source`.
    pub fn new(source: &Path) -> Self {
        Self::of(&source.display().to_string())
    }

    pub fn of(source: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(MemoryLog::new(4));
        let (blobs, records) = (MemoryBlobs::default(), MemoryRecords::default());
        let deps = Deps {
            log: log.clone(),
            blobs: Arc::new(blobs.clone()),
            records: Arc::new(records.clone()),
            router: Router::new(4),
            generation: Generation(1),
        };
        let config = IngestConfig {
            data_dir: dir.path().join("data"),
            append_patience: std::time::Duration::ZERO,
            default_spread: 3,
            batch_bytes: 1 << 10,
            ..IngestConfig::default()
        };
        let registration =
            Registration { name: "repo".into(), source: source.into(), ..Default::default() };
        Self { log, blobs, records, deps, config, registration, dir }
    }

    pub async fn try_sync(&self) -> Result<SyncReport, ax_ingest::IngestError> {
        sync_once(&self.deps, &self.config, &self.registration).await
    }

    pub async fn sync(&self) -> SyncReport {
        self.try_sync().await.unwrap()
    }

    pub fn fold(&self) -> Fold {
        Fold::of(&self.log.records(), &self.blobs)
    }

    /// Syncs, and compares the fold of the stream with what git says of every branch.
    pub async fn check(&self, repo: &Repo) -> SyncReport {
        let report = self.sync().await;
        self.compare(repo);
        report
    }

    pub fn compare(&self, repo: &Repo) {
        let fold = self.fold();
        assert_eq!(fold.shown(&self.name()), repo.shown());
        fold.check_texts(&self.name(), repo);
        fold.check_totals(&self.name());
    }

    pub fn name(&self) -> RepoName {
        RepoName::new("repo").unwrap()
    }
}

/// Returns once `condition` holds; fails the test when it does not within 30 s.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let check = async || match condition().await {
        true => Ok(()),
        false => Err(anyhow::anyhow!("it does not hold")),
    };
    let within = std::time::Duration::from_secs(30);
    ax_harness::eventually(within, what, check).await.unwrap();
}
