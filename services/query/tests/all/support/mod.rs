//! A small cluster in one process: a store in a folder, shards written by hand, query nodes over them.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test's support fails as a test does")]

use anyhow::Context;
use ax_engine::{BuildOptions, Doc, SegmentBuilder};
use ax_model::{
    BlobId, Content, DocKey, Epoch, FileKind, FileVersion, Generation, Offset, OffsetRange,
    RebuildNumber, RepoName, RepositoryInfo, ShardId, SkipReason,
};
use ax_query_node::{Deps, QueryConfig, QueryNode};
use ax_store::{Link, RebuildStart, ShardStore, Store, StoreConfig, segment_id};
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tower::ServiceExt;

pub const SHARDS: u32 = 4;
pub const GENERATION: Generation = Generation(1);

/// A document to write: repository, path, text.
pub type File<'a> = (&'a str, &'a str, &'a str);

/// A store and the folder it is in, gone when dropped.
pub struct Corpus {
    pub store: Store,
    pub dir: TempDir,
}

impl Corpus {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}/store", dir.path().display());
        Self { store: Store::open(&StoreConfig::new(url)).unwrap(), dir }
    }

    pub fn shard(&self, shard: u32) -> ShardStore {
        self.store.shard(GENERATION, ShardId(shard))
    }

    /// Publishes files in one shard as one segment; each takes one position.
    pub async fn write(&self, shard: u32, files: &[File<'_>]) -> Arc<Link> {
        self.write_with(shard, files.len() as u64, |builder| {
            for (repo, path, text) in files {
                builder.put(&key(repo, path), vec![doc(Ok(text))]).unwrap();
            }
        })
        .await
    }

    /// Publishes what `fill` puts into a builder, as `num_changes` positions.
    pub async fn write_with(
        &self,
        shard: u32,
        num_changes: u64,
        fill: impl FnOnce(&mut SegmentBuilder),
    ) -> Arc<Link> {
        let shard = self.shard(shard);
        let head = shard.take_over(Epoch(1), "test", 1).await.unwrap();
        let id = segment_id(Epoch(1), uuid::Uuid::now_v7());
        let scratch = self.dir.path().join("scratch");
        std::fs::create_dir_all(&scratch).unwrap();
        let from = head.manifest.position();
        let range = OffsetRange::new(from, Offset(from.0 + num_changes)).unwrap();
        let mut builder = SegmentBuilder::new(BuildOptions {
            shard: shard.shard(),
            generation: GENERATION,
            id: id.clone(),
            symbols: true,
            scratch_dir: scratch.clone(),
        })
        .unwrap();
        fill(&mut builder);
        let built = builder.finish(range, &scratch.join(format!("{id}.seg"))).unwrap();
        let entry = shard.put_segment(&built.path, &built.entry).await.unwrap();
        let mut next = head.next(now_ms());
        next.applied = range;
        next.log_id = "test-log".into();
        next.segments.push(entry);
        next.committed_at_ms = now_ms();
        shard.publish(&head, next).await.unwrap()
    }

    /// The configuration of a node of its own cache folder.
    pub fn config(&self, id: &str) -> QueryConfig {
        let mut config = QueryConfig::new(id, SHARDS, self.dir.path().join("cache").join(id));
        config.generation = GENERATION;
        config.poll = Duration::from_millis(50);
        config.drain = Duration::ZERO;
        config
    }

    /// A node without coordination and without listeners.
    pub async fn node(&self) -> QueryNode {
        self.start(self.config("solo")).await
    }

    pub async fn start(&self, config: QueryConfig) -> QueryNode {
        let node = QueryNode::start(config, self.deps()).await.unwrap();
        eventually("ready", || async { node.readiness().why_not().is_none() }).await;
        node
    }

    pub fn deps(&self) -> Deps {
        Deps {
            store: self.store.clone(),
            cluster: None,
            admin: None,
            render_metrics: Arc::new(|| "ax_test 1\n".to_owned()),
            operations: axum::Router::new(),
        }
    }
}

pub fn key(repo: &str, path: &str) -> DocKey {
    DocKey::new(RepoName::new(repo).unwrap(), path).unwrap()
}

/// A version of a file on `main`, with this text or without.
pub fn doc(text: Result<&str, SkipReason>) -> Doc {
    let text = text.map(|text| bytes::Bytes::copy_from_slice(text.as_bytes()));
    let num_bytes = text.as_ref().map_or(7, |text| text.len() as u64);
    let blob = text.as_ref().map_or(vec![7; 20], |text| blake3::hash(text).as_bytes()[..20].into());
    let version = FileVersion {
        blob: BlobId(blob),
        branches: vec!["main".into()],
        content: Content::Inline(bytes::Bytes::new()),
        kind: FileKind::Regular,
        num_bytes,
        encoding: String::new(),
        generated: false,
        vendored: false,
        as_of: 0,
    };
    Doc { version, text, committed_at_ms: now_ms() }
}

pub fn repository(name: &str) -> RepositoryInfo {
    RepositoryInfo {
        name: RepoName::new(name).unwrap(),
        source: format!("https://example.org/{name}.git"),
        default_branch: "main".into(),
        branches: vec![ax_model::BranchHead { name: "main".into(), commit: "c0ffee".into() }],
        branches_left_out: vec![],
        num_files: 2,
        num_bytes: 100,
        num_skipped: 0,
        spread: SHARDS,
        committed_at_ms: 1,
        indexed_at_ms: 2,
        history: Default::default(),
        facts: Default::default(),
        is_copy: false,
    }
}

/// Publishes that a shard is being rebuilt, up to offset 4 of another stream.
pub async fn begin_rebuild(shard: &ShardStore) -> Arc<Link> {
    let head = shard.head().await.unwrap().unwrap();
    let start = RebuildStart {
        number: RebuildNumber(1),
        log_id: "another-log".into(),
        from: Offset(0),
        target: Offset(4),
        reason: "an operator asked for it".into(),
    };
    shard.publish(&head, head.begin_rebuild(start, now_ms())).await.unwrap()
}

pub fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// An HTTP answer with everything read.
pub struct Got {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).with_context(|| self.text.clone()).unwrap()
    }
}

/// Asks a node without a network.
pub async fn get(node: &QueryNode, uri: &str) -> Got {
    send(node, Request::get(uri).body(Body::empty()).unwrap()).await
}

pub async fn send(node: &QueryNode, request: Request<Body>) -> Got {
    let response = node.router().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Got { status: parts.status, headers: parts.headers, text }
}

/// `repo:path` of each file of a JSON answer.
pub fn files_of(answer: &Value) -> Vec<String> {
    let files = answer["files"].as_array().unwrap();
    let name = |file: &Value| format!("{}:{}", text(&file["repo"]), text(&file["path"]));
    files.iter().map(name).collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Polls until `holds`, at most ten seconds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        // tidy: sleep: between two looks; the harness is not needed here for anything else
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
