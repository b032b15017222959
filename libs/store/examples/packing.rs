//! What packing costs and saves, on files that are segments: the tables of `docs/engine.md`.
//!
//! `cargo run --release --example packing -- levels FILE..` packs and unpacks them at several levels on
//! one thread; `.. -- folder FOLDER FILE..` sends them to a store and fetches them, raw and packed, and
//! `.. -- s3 BUCKET ENDPOINT KEY SECRET FILE..` does so over HTTP.

#![allow(clippy::print_stdout)] // it is for reading

use ax_model::{
    ContentHash, Epoch, Generation, Offset, OffsetRange, SegmentEntry, ShardId, Stored,
};
use ax_store::{Compression, Secret, Store, StoreConfig, segment_id};
use std::{fs, path::Path, time::Instant};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Bytes in a frame, as the store makes them.
const FRAME_BYTES: usize = 4 << 20;
const LEVELS: [i32; 6] = [1, 3, 6, 9, 12, 19];

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["levels", ref files @ ..] => levels(files),
        ["folder", folder, ref files @ ..] => {
            store(&StoreConfig::new(format!("file://{folder}")), files).await
        }
        ["s3", bucket, endpoint, key, secret, ref files @ ..] => {
            let config = StoreConfig {
                endpoint: Some(endpoint.to_owned()),
                access_key: Some(key.to_owned()),
                secret_key: Some(Secret(secret.to_owned())),
                allow_http: true,
                ..StoreConfig::new(format!("s3://{bucket}"))
            };
            store(&config, files).await
        }
        _ => Err("see the top of the example for what it is given".into()),
    }
}

/// Every eighth frame: they are alike, and level 19 is slow.
fn levels(files: &[&str]) -> Result<()> {
    let bytes = files.iter().map(fs::read).collect::<std::io::Result<Vec<_>>>()?;
    let frames = bytes.iter().flat_map(|bytes| bytes.chunks(FRAME_BYTES).step_by(8));
    let frames: Vec<&[u8]> = frames.collect();
    let all: usize = frames.iter().map(|frame| frame.len()).sum();
    println!("| level | stored per byte | packing, CPU-s per GB | unpacking |");
    println!("|---|---|---|---|");
    for level in LEVELS {
        let before = cpu_seconds()?;
        let packed = frames.iter().map(|frame| zstd::bulk::compress(frame, level));
        let packed = packed.collect::<std::io::Result<Vec<_>>>()?;
        let between = cpu_seconds()?;
        for frame in &packed {
            zstd::bulk::decompress(frame, FRAME_BYTES)?;
        }
        let after = cpu_seconds()?;
        let stored: usize = packed.iter().map(Vec::len).sum();
        let per_gb = 1e9 / all as f64;
        println!(
            "| {level} | {:.3} | {:.1} | {:.1} |",
            stored as f64 / all as f64,
            (between - before) * per_gb,
            (after - between) * per_gb,
        );
    }
    Ok(())
}

async fn store(config: &StoreConfig, files: &[&str]) -> Result<()> {
    println!("| | stored per byte | up, s (CPU-s) per GB | down, s (CPU-s) per GB |");
    println!("|---|---|---|---|");
    let kinds = [
        ("raw", Compression::None),
        ("level 1", Compression::Zstd { level: 1 }),
        ("level 3", Compression::Zstd { level: 3 }),
    ];
    for (name, compression) in kinds {
        let config = StoreConfig { compression, ..config.clone() };
        let shard = Store::open(&config)?.shard(Generation(1), ShardId(0));
        let entries = files.iter().map(|file| describe(file.as_ref()));
        let entries = entries.collect::<Result<Vec<SegmentEntry>>>()?;
        let all: u64 = entries.iter().map(|entry| entry.num_bytes).sum();
        let (started, cpu) = (Instant::now(), cpu_seconds()?);
        let mut stored = Vec::new();
        for (file, entry) in files.iter().zip(&entries) {
            stored.push(shard.put_segment(file.as_ref(), entry).await?);
        }
        let up = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        let (started, cpu) = (Instant::now(), cpu_seconds()?);
        let folder = tempfile::tempdir()?;
        for entry in &stored {
            shard.fetch_segment(entry, &folder.path().join("segment")).await?;
        }
        let down = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        for entry in &stored {
            shard.remove_unpublished(&entry.id).await?;
        }
        let per_gb = 1e9 / all as f64;
        let num_stored: u64 = stored.iter().map(SegmentEntry::stored_bytes).sum();
        println!(
            "| {name} | {:.3} | {:.2} ({:.2}) | {:.2} ({:.2}) |",
            num_stored as f64 / all as f64,
            up.0 * per_gb,
            up.1 * per_gb,
            down.0 * per_gb,
            down.1 * per_gb,
        );
    }
    Ok(())
}

fn describe(file: &Path) -> Result<SegmentEntry> {
    let bytes = fs::read(file)?;
    Ok(SegmentEntry {
        id: segment_id(Epoch(1), Uuid::new_v4()),
        num_bytes: bytes.len() as u64,
        checksum: ContentHash::of(&bytes),
        stored: Stored::Raw,
        num_docs: 0,
        text_bytes: 0,
        num_tombstones: 0,
        num_unparsed: 0,
        unparsed_bytes: 0,
        range: OffsetRange::default(),
        weeded_to: Offset(0),
    })
}

/// CPU time of this process so far, all threads.
fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<std::result::Result<f64, _>>()? / 100.0) // hundredths on every Linux
}
