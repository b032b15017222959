//! The embedded log against `kill -9` and a full disk. Both need a process of their own, so this
//! program is test and victim in one, without the standard test runner.
#![allow(clippy::print_stdout)] // it is a test, which the lint recognises only under the test runner

use anyhow::{Context as _, Result, bail, ensure};
use ax_changes::embedded::{EmbeddedConfig, EmbeddedLog};
use ax_changes::{ChangeLog, LogError, NewRecord, ReadLimits};
use ax_harness::{Process, Spec, eventually};
use ax_model::{Offset, ShardId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);
const PARTITIONS: u32 = 2;
/// Size of file at which the disk of the second test is full, in KiB.
const FULL_KIB: u64 = 8 << 10;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let args: Vec<String> = std::env::args().collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "append-for-ever", path] => runtime.block_on(append_for_ever(Path::new(path))),
        [_, "fill", path] => runtime.block_on(fill(Path::new(path))),
        // Whatever the test runner passes: a list of tests is not what it can be given.
        [_, rest @ ..] if rest.contains(&"--list") => Ok(()),
        _ => runtime.block_on(async {
            killed_in_the_middle_of_appends().await.context("killed in the middle of appends")?;
            println!("killed in the middle of appends ... ok");
            goes_on_after_a_full_disk().await.context("goes on after a full disk")?;
            println!("goes on after a full disk ... ok");
            Ok(())
        }),
    }
}

fn config(path: &Path) -> EmbeddedConfig {
    // A small cache, so that a transaction writes before its end too.
    EmbeddedConfig { cache_bytes: 1 << 20, ..EmbeddedConfig::new(path, PARTITIONS) }
}

fn record(key: &str, number: u64) -> NewRecord {
    // Of a size that changes, not compressible, and telling whether it is whole.
    let num_bytes = 100 + (number * 7919) % 20_000;
    let mut state = number + 1;
    let noise = (0..num_bytes).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    NewRecord {
        partition: ShardId((number % u64::from(PARTITIONS)) as u32),
        key: Bytes::copy_from_slice(format!("{key}:{number}").as_bytes()),
        value: Some(noise.collect()),
        headers: Vec::new(),
    }
}

/// What was acknowledged, one line each: partition, offset, key.
fn acknowledge(place: ax_changes::Appended, record: &NewRecord) -> Result<()> {
    let line = format!(
        "ack {} {} {}\n",
        place.partition,
        place.offset,
        String::from_utf8_lossy(&record.key)
    );
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}

async fn append_for_ever(path: &Path) -> Result<()> {
    let log = Arc::new(EmbeddedLog::open(config(path)).await?);
    let run = uuid::Uuid::new_v4();
    let tasks = (0..4).map(|task| {
        let (log, key) = (log.clone(), format!("{run}/{task}"));
        tokio::spawn(async move {
            for number in 0.. {
                let record = record(&key, number);
                let place = log.append(vec![record.clone()]).await?[0];
                acknowledge(place, &record)?;
            }
            Ok::<_, anyhow::Error>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}

async fn killed_in_the_middle_of_appends() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("changes.log");
    let spec = Spec::new("appender", std::env::current_exe()?);
    let mut victim = Process::spawn(spec.arg("append-for-ever").arg(&path))?;
    let mut log_id = String::new();
    let mut acknowledged = String::new();
    for round in 1..=5 {
        eventually(LONG, "some appends are acknowledged", async || {
            let lines = victim.log()?.lines().count();
            ensure!(lines > 40 * round, "{lines} lines");
            Ok(())
        })
        .await?;
        let locked = EmbeddedLog::open(config(&path)).await.err().context("it is in use")?;
        ensure!(matches!(locked, LogError::Locked(_)), "{locked}");
        victim.kill9()?;
        acknowledged += &victim.log()?;
        let log = EmbeddedLog::open(config(&path)).await.context("open after the kill")?;
        let found = log.log_id().await?;
        ensure!(log_id.is_empty() || found == log_id, "the identity stays");
        log_id = found;
        check(&log, &acknowledged).await?;
        log.close().await;
        victim.start()?;
    }
    Ok(())
}

/// Every acknowledged record is there, whole, at its place; positions are dense and no other records
/// than whole ones are there.
async fn check(log: &EmbeddedLog, acknowledged: &str) -> Result<()> {
    let mut found = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let end = log.bounds(ShardId(partition)).await?.end;
        let mut reader = log.read(ShardId(partition), Offset(0), "").await?;
        let limits = ReadLimits { max_records: 500, max_bytes: usize::MAX, max_wait: LONG };
        let mut next = 0;
        while reader.position() < end {
            for read in reader.next(limits).await?.records {
                ensure!(read.offset.0 == next, "{} follows {next}", read.offset);
                next += 1;
                let text = String::from_utf8(read.key.to_vec())?;
                let (key, number) = text.rsplit_once(':').context("a key of ours")?;
                ensure!(read.value == record(key, number.parse()?).value, "{text} is damaged");
                found.insert((partition, read.offset.0), text);
            }
        }
    }
    let mut num_lines = 0;
    // The last line may be cut by the kill.
    for line in acknowledged.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ["ack", partition, offset, key] = fields.as_slice() else { continue };
        let place = (partition.parse()?, offset.parse()?);
        ensure!(found.get(&place).is_some_and(|there| there == key), "{key} at {place:?} is lost");
        num_lines += 1;
    }
    ensure!(num_lines > 0);
    Ok(())
}

/// Runs under a limit on the size of files, which the shell sets and this program raises later: like a
/// disk that fills up and is made room on, and it needs no privilege.
async fn fill(path: &Path) -> Result<()> {
    let log = EmbeddedLog::open(config(path)).await?;
    let mut last = None;
    let mut number = 0;
    let refused = loop {
        let record = record("filling", number);
        match log.append(vec![record.clone()]).await {
            Ok(places) => acknowledge(places[0], &record)?,
            Err(error) => break error,
        }
        last = Some(record.key);
        number += 1;
    };
    ensure!(matches!(refused, LogError::Storage(_)), "{refused}");
    ensure!(refused.code() == ax_model::Code::StoreFull);
    println!("refused {refused}");
    let last = last.context("some fitted")?;
    // Still full: reading goes on, writing is refused each time.
    for _ in 0..3 {
        ensure!(newest(&log, number - 1).await? == last);
        ensure!(log.append(vec![record("filling", number)]).await.is_err());
    }
    make_room()?;
    for number in number..number + 20 {
        let record = record("room again", number);
        acknowledge(log.append(vec![record.clone()]).await?[0], &record)?;
    }
    println!("done");
    log.close().await;
    Ok(())
}

/// The key of the last record in the partition of `number`.
async fn newest(log: &EmbeddedLog, number: u64) -> Result<Bytes> {
    let partition = ShardId((number % u64::from(PARTITIONS)) as u32);
    let end = log.bounds(partition).await?.end;
    let mut reader = log.read(partition, Offset(end.0 - 1), "").await?;
    let limits = ReadLimits { max_records: 1, max_bytes: usize::MAX, max_wait: LONG };
    Ok(reader.next(limits).await?.records.pop().context("the last record")?.key)
}

fn make_room() -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE)?;
    Ok(setrlimit(Resource::RLIMIT_FSIZE, most, most)?)
}

async fn goes_on_after_a_full_disk() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("changes.log");
    // The signal that comes with the limit is ignored, so that the write fails as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -S -f {FULL_KIB}; exec \"$0\" fill \"$1\"");
    let spec = Spec::new("filler", "bash").arg("-c").arg(script);
    let mut filler = Process::spawn(spec.arg(std::env::current_exe()?).arg(&path))?;
    let status = filler.wait_exit(LONG).await?;
    let output = filler.log()?;
    if !status.success() || !output.ends_with("done\n") {
        bail!("{status}: {}", filler.log_tail());
    }
    let log = EmbeddedLog::open(config(&path)).await?;
    check(&log, &output).await
}
