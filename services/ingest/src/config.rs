//! What ingest may use and how often it looks. Resolved values; files and variables are read elsewhere.

use crate::source::Access;
use std::{path::PathBuf, time::Duration};

/// Limits and intervals of the ingest role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestConfig {
    /// Folder for mirrors of remotes and for the listings of plain directories.
    pub data_dir: PathBuf,
    /// Folders never read as part of a plain directory, besides `data_dir`: the cluster's own data
    /// would change with each look.
    pub exclude: Vec<PathBuf>,
    /// Files above this many bytes are listed as too large, not read.
    pub max_file_bytes: u64,
    /// Text that travels in a change; above it, the rest of a change's text goes to the object store.
    pub inline_limit_bytes: usize,
    /// Size at which a batch of changes is sent, in bytes.
    pub batch_bytes: usize,
    /// Batches sent and not yet acknowledged.
    pub max_batches_in_flight: usize,
    /// Bytes of text held in memory per repository under work: read, encoded or in flight.
    pub buffer_bytes: usize,
    /// Threads that read and decode files, per repository under work.
    pub readers: usize,
    /// Over how many shards a repository is spread when its registration does not say.
    pub default_spread: u32,
    /// Branches indexed per repository; further ones are listed as left out.
    pub max_branches: usize,
    /// Tree entries looked at in one import: what a maliciously nested repository can cost.
    pub max_entries: u64,
    /// Time between two looks at a repository on this machine.
    pub local_poll: Duration,
    /// Time between two looks at a remote, when its registration does not say.
    pub remote_poll: Duration,
    /// First wait after a failure; doubled after each further one.
    pub retry_first: Duration,
    /// Longest wait after failures.
    pub retry_max: Duration,
    /// Repositories under work at the same time.
    pub max_concurrent: usize,
    /// How long a refused append is tried again before the repository is put back in the queue.
    pub append_patience: Duration,
    /// Longest clone or fetch.
    pub fetch_timeout: Duration,
    /// How remotes are reached.
    pub access: Access,
    /// Secrets of push webhooks.
    pub webhooks: WebhookSecrets,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("ingest"),
            exclude: Vec::new(),
            max_file_bytes: 64 << 20,
            inline_limit_bytes: 512 << 10,
            batch_bytes: 1 << 20,
            max_batches_in_flight: 4,
            buffer_bytes: 32 << 20,
            readers: 2,
            default_spread: 4,
            max_branches: 16,
            max_entries: 50_000_000,
            local_poll: Duration::from_millis(500),
            remote_poll: Duration::from_secs(60),
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_secs(300),
            max_concurrent: 2,
            append_patience: Duration::from_secs(60),
            fetch_timeout: Duration::from_secs(3600),
            access: Access::default(),
            webhooks: WebhookSecrets::default(),
        }
    }
}

/// Shared secrets of push webhooks, per kind of code host. Any one of several matches, so that a
/// secret can be changed without losing a push. Without a secret, a host's webhooks are refused.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct WebhookSecrets {
    /// Keys of GitHub's `X-Hub-Signature-256`.
    pub github: Vec<String>,
    /// Values of GitLab's `X-Gitlab-Token`.
    pub gitlab: Vec<String>,
    /// Keys of Gitea's `X-Gitea-Signature`.
    pub gitea: Vec<String>,
}

impl std::fmt::Debug for WebhookSecrets {
    /// Counts only: secrets stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSecrets")
            .field("github", &self.github.len())
            .field("gitlab", &self.gitlab.len())
            .field("gitea", &self.gitea.len())
            .finish()
    }
}
