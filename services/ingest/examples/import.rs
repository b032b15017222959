//! Imports one repository into a stream that keeps nothing, and says how fast it went and how much
//! memory it took: `cargo run --release -p ax-ingest --example import -- PATH [SHARDS]`.
#![allow(clippy::print_stdout)] // it is a program for people

use anyhow::{Context, Result};
use ax_changes::{Appended, Bounds, ChangeLog, LogError, LogReader, NewRecord};
use ax_ingest::{
    Deps, IngestConfig, IngestError, memory::MemoryRecords, ports::BlobSink, sync_once,
};
use ax_model::{ContentHash, Generation, Offset, Router, ShardId, StoredBlob};
use ax_proto::cluster::Registration;
use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// A stream that acknowledges at once and forgets.
struct Void {
    shards: u32,
    records: AtomicU64,
    bytes: AtomicU64,
    blobs: AtomicU64,
}

#[async_trait::async_trait]
impl ChangeLog for Void {
    fn partitions(&self) -> u32 {
        self.shards
    }

    async fn log_id(&self) -> Result<String, LogError> {
        Ok("void".to_owned())
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        let bytes: usize = records.iter().map(NewRecord::num_bytes).sum();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let place = |record: NewRecord| Appended {
            partition: record.partition,
            offset: Offset(self.records.fetch_add(1, Ordering::Relaxed)),
        };
        Ok(records.into_iter().map(place).collect())
    }

    async fn bounds(&self, _: ShardId) -> Result<Bounds, LogError> {
        Ok(Bounds { start: Offset(0), end: Offset(self.records.load(Ordering::Relaxed)) })
    }

    async fn read(&self, _: ShardId, _: Offset, _: &str) -> Result<Box<dyn LogReader>, LogError> {
        Err(LogError::Unavailable("nothing is kept".to_owned()))
    }
}

#[async_trait::async_trait]
impl BlobSink for Void {
    async fn put(&self, bytes: Bytes) -> Result<StoredBlob, IngestError> {
        self.blobs.fetch_add(1, Ordering::Relaxed);
        Ok(StoredBlob { hash: ContentHash::of(&bytes).0, num_bytes: bytes.len() as u64 })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let source = args.next().context("which repository? give its path or URL")?;
    let shards = args.next().map_or(Ok(4), |text| text.parse())?;
    let data = tempfile::tempdir()?;
    let void = Arc::new(Void {
        shards,
        records: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        blobs: AtomicU64::new(0),
    });
    let deps = Deps {
        log: void.clone(),
        blobs: void.clone(),
        records: Arc::new(MemoryRecords::default()),
        router: Router::new(shards),
        generation: Generation(1),
    };
    let config = IngestConfig { data_dir: data.path().to_owned(), ..IngestConfig::default() };
    let registration = Registration { name: "import".to_owned(), source, ..Default::default() };
    for run in ["first", "again"] {
        let started = Instant::now();
        let report = sync_once(&deps, &config, &registration).await?;
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{run}: {} files, {:.1} MB of text in {seconds:.2} s, {:.1} MB/s; {} left out; {:.1} MB in the stream, {} large files beside it; peak memory {} MB",
            report.files_emitted,
            report.bytes_emitted as f64 / 1e6,
            report.bytes_emitted as f64 / 1e6 / seconds,
            report.totals.num_skipped,
            void.bytes.load(Ordering::Relaxed) as f64 / 1e6,
            void.blobs.load(Ordering::Relaxed),
            peak_memory_mb().unwrap_or_default(),
        );
    }
    Ok(())
}

/// The most memory that this process ever had resident, in megabytes; mapped packs count too.
fn peak_memory_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1000)
}
