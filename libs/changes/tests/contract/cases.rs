//! One promise each.

use crate::backends::{Backend, MAX_RECORD_BYTES, PARTITIONS};
use crate::support::{LONG, all, at_most, noise, numbered, reader, record, take, value, within};
use anyhow::{Result, ensure};
use ax_changes::{Bounds, LogError, NewRecord, ReadLimits};
use ax_model::{Code, Offset, ShardId};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub async fn positions_are_those_that_readers_see(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let appended = log.append(numbered(0..20)).await?;
    let records = take(&mut *reader(&*log, 0).await?, 20).await?;
    for (n, (place, record)) in appended.iter().zip(&records).enumerate() {
        ensure!(place.partition == ShardId(0) && place.offset == record.offset);
        ensure!(value(record) == n.to_string() && record.key == format!("key-{n}"));
    }
    Ok(())
}

pub async fn records_of_a_key_keep_their_order(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    for round in 0..5 {
        let steps =
            (0..40).map(|n| record(0, ["a", "b", "c"][n % 3], (round * 40 + n).to_string()));
        log.append(steps.collect()).await?;
    }
    let mut seen: BTreeMap<Bytes, Vec<usize>> = BTreeMap::new();
    for record in all(&*log, 0).await? {
        seen.entry(record.key.clone()).or_default().push(value(&record).parse()?);
    }
    ensure!(seen.values().map(Vec::len).sum::<usize>() == 200);
    ensure!(seen.values().all(|numbers| numbers.is_sorted()), "{seen:?}");
    Ok(())
}

pub async fn a_reader_resumes_in_the_middle_of_a_batch(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    log.append(numbered(0..12)).await?;
    let log_id = log.log_id().await?;
    for split in 1..12 {
        let mut first = log.read(ShardId(0), Offset(0), &log_id).await?;
        let mut records = take(&mut *first, split).await?;
        let mut second = log.read(ShardId(0), first.position(), &log_id).await?;
        records.extend(take(&mut *second, 12 - split).await?);
        let numbers: Vec<_> = records.iter().map(value).collect();
        ensure!(numbers == (0..12).map(|n| n.to_string()).collect::<Vec<_>>(), "{split}");
    }
    Ok(())
}

pub async fn reads_are_bounded_by_bytes(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let large = |n| record(0, "large", noise(1000, n));
    log.append((0..10).map(large).collect()).await?;
    let mut reader = reader(&*log, 0).await?;
    let limits = ReadLimits { max_bytes: 2500, ..at_most(100) };
    let mut num_records = 0;
    while num_records < 10 {
        let batch = reader.next(limits).await?;
        ensure!((1..=3).contains(&batch.records.len()), "{} records", batch.records.len());
        num_records += batch.records.len();
    }
    Ok(())
}

pub async fn a_megabyte_goes_through(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let values: Vec<_> = (0..6).map(|n| noise(1 << 20, n)).collect();
    log.append(values.iter().map(|value| record(0, "big", value.clone())).collect()).await?;
    let records = take(&mut *reader(&*log, 0).await?, values.len()).await?;
    for (record, value) in records.iter().zip(&values) {
        ensure!(record.value.as_deref() == Some(value.as_slice()));
    }
    Ok(())
}

pub async fn what_is_too_large_is_refused_and_nothing_else(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let room = MAX_RECORD_BYTES - "edge".len();
    let over = vec![record(0, "small", "x"), record(0, "edge", noise(room + 1, 1))];
    let error = log.append(over).await.expect_err("over the limit");
    ensure!(matches!(error, LogError::TooLarge { max_bytes: MAX_RECORD_BYTES, .. }), "{error}");
    ensure!(error.code() == Code::ChangeTooLarge && !error.is_retryable());
    log.append(vec![record(0, "edge", noise(room, 1))]).await?;
    let records = all(&*log, 0).await?;
    ensure!(records.len() == 1 && records[0].value.as_ref().map(Bytes::len) == Some(room));
    Ok(())
}

pub async fn headers_and_times_survive(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let headers = vec![
        ("traceparent".to_owned(), Bytes::from_static(b"00-ab-cd-01")),
        ("empty".to_owned(), Bytes::new()),
        ("bytes".to_owned(), Bytes::from_static(&[0, 255, 10])),
        ("traceparent".to_owned(), Bytes::from_static(b"again")),
    ];
    let before = now_ms();
    log.append(vec![NewRecord { headers: headers.clone(), ..record(0, "k", "v") }]).await?;
    log.append(vec![NewRecord { headers: headers.clone(), value: None, ..record(0, "k", "") }])
        .await?;
    let records = all(&*log, 0).await?;
    ensure!(records.len() == 2);
    for record in records {
        ensure!(record.headers == headers, "{:?}", record.headers);
        let (from, to) = (before - 1000, now_ms() + 1000);
        ensure!((from..to).contains(&record.timestamp_ms), "{}", record.timestamp_ms);
    }
    Ok(())
}

pub async fn a_tombstone_is_not_an_empty_value(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let tombstone = NewRecord { value: None, ..record(0, "k", "") };
    log.append(vec![record(0, "k", ""), tombstone]).await?;
    let records = all(&*log, 0).await?;
    let values: Vec<_> = records.iter().map(|record| record.value.clone()).collect();
    ensure!(values == [Some(Bytes::new()), None], "{values:?}");
    Ok(())
}

pub async fn bounds_give_the_lag(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    ensure!(log.bounds(ShardId(0)).await? == Bounds { start: Offset(0), end: Offset(0) });
    let last = log.append(numbered(0..7)).await?.pop().expect("seven were appended");
    let end = log.bounds(ShardId(0)).await?.end;
    ensure!(end == Offset(last.offset.0 + 1), "an acknowledged append is within the bounds");
    ensure!(log.bounds(ShardId(1)).await?.end == Offset(0));
    let mut reader = reader(&*log, 0).await?;
    take(&mut *reader, 3).await?;
    ensure!(end.0 - reader.position().0 == 4, "four records are ahead");
    take(&mut *reader, 4).await?;
    ensure!(reader.position() == end);
    Ok(())
}

pub async fn concurrent_appends_all_find_a_place(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let tasks = (0..8).map(|task| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut places = Vec::new();
            for n in 0..40 {
                let pair = [0, 1].map(|p| record(p, &format!("task-{task}"), n.to_string()));
                places.extend(log.append(pair.to_vec()).await?);
            }
            Ok::<_, LogError>(places)
        })
    });
    let mut places = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        for place in task.await?? {
            ensure!(places.insert((place.partition, place.offset)), "{place:?} was given twice");
        }
    }
    for partition in 0..2 {
        let records = all(&*log, partition).await?;
        ensure!(records.len() == 320);
        let mut next: BTreeMap<Bytes, usize> = BTreeMap::new();
        for record in records {
            ensure!(places.remove(&(ShardId(partition), record.offset)));
            let expected = next.entry(record.key.clone()).or_default();
            ensure!(value(&record) == expected.to_string(), "each task's order is kept");
            *expected += 1;
        }
    }
    Ok(())
}

pub async fn a_waiting_reader_is_woken(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let mut reader = reader(&*log, 0).await?;
    let waiting = tokio::spawn(async move {
        let batch = reader.next(ReadLimits { max_wait: 10 * LONG, ..at_most(10) }).await;
        batch.map(|batch| batch.records.len())
    });
    log.append(vec![record(1, "elsewhere", "x")]).await?;
    log.append(numbered(0..1)).await?;
    ensure!(within("the reader wakes", waiting).await??? == 1);
    Ok(())
}

pub async fn an_idle_reader_gets_an_empty_batch(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    log.append(numbered(0..2)).await?;
    let mut reader = reader(&*log, 0).await?;
    take(&mut *reader, 2).await?;
    let max_wait = Duration::from_millis(50);
    let started = Instant::now();
    let batch = reader.next(ReadLimits { max_wait, ..at_most(10) }).await?;
    ensure!(batch.records.is_empty() && batch.next == reader.position());
    ensure!(started.elapsed() >= max_wait, "it waits for a first record");
    let none = ReadLimits { max_wait: Duration::ZERO, ..at_most(10) };
    ensure!(reader.next(none).await?.records.is_empty());
    Ok(())
}

pub async fn a_dropped_read_loses_nothing(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let mut reader = reader(&*log, 0).await?;
    let appending = tokio::spawn({
        let log = log.clone();
        async move {
            for n in 0..60 {
                log.append(numbered(n..n + 1)).await?;
            }
            Ok::<_, LogError>(())
        }
    });
    let mut numbers = Vec::new();
    let deadline = Instant::now() + LONG;
    for attempt in 0.. {
        if numbers.len() == 60 {
            break;
        }
        ensure!(Instant::now() < deadline, "{numbers:?}");
        let patience = Duration::from_micros(300 * (attempt % 70));
        match tokio::time::timeout(patience, reader.next(at_most(5))).await {
            Ok(batch) => numbers.extend(batch?.records.iter().map(value)),
            Err(_dropped) => {}
        }
    }
    appending.await??;
    ensure!(numbers == (0..60).map(|n| n.to_string()).collect::<Vec<_>>(), "{numbers:?}");
    Ok(())
}

pub async fn a_dropped_append_does_no_harm(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    for n in 0..30 {
        let patience = Duration::from_micros(100 * n);
        let _ = tokio::time::timeout(patience, log.append(numbered(0..3))).await;
    }
    let last = log.append(vec![record(0, "last", "last")]).await?;
    let records = all(&*log, 0).await?;
    let found = records.iter().find(|record| record.key == "last");
    ensure!(found.map(|record| record.offset) == Some(last[0].offset));
    Ok(())
}

pub async fn partitions_do_not_mix(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    let mixed = (0..30).map(|n| record(n % PARTITIONS, "k", n.to_string()));
    let places = log.append(mixed.collect()).await?;
    ensure!(places.iter().enumerate().all(|(n, place)| place.partition.0 == n as u32 % PARTITIONS));
    for partition in 0..PARTITIONS {
        let numbers: Vec<u32> = all(&*log, partition)
            .await?
            .iter()
            .map(|r| value(r).parse())
            .collect::<Result<_, _>>()?;
        let expected: Vec<u32> = (0..30).filter(|n| n % PARTITIONS == partition).collect();
        ensure!(numbers == expected);
    }
    Ok(())
}

pub async fn a_position_beyond_the_end_is_refused(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    log.append(numbered(0..3)).await?;
    let log_id = log.log_id().await?;
    log.read(ShardId(0), Offset(3), &log_id).await?;
    let error = log.read(ShardId(0), Offset(4), &log_id).await.err().expect("beyond the end");
    let expected = matches!(
        error,
        LogError::OutOfRange { position: Offset(4), start: Offset(0), end: Offset(3), .. }
    );
    ensure!(expected && error.code() == Code::LogTruncated, "{error}");
    Ok(())
}

pub async fn an_unknown_partition_is_refused(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    ensure!(log.partitions() == PARTITIONS);
    let beyond = ShardId(PARTITIONS);
    let errors = [
        log.append(vec![record(PARTITIONS, "k", "v")]).await.err(),
        log.bounds(beyond).await.err(),
        log.read(beyond, Offset(0), "").await.err(),
    ];
    for error in errors {
        let error = error.expect("there is no such partition");
        ensure!(matches!(error, LogError::NoPartition { partitions: PARTITIONS, .. }), "{error}");
    }
    Ok(())
}

pub async fn appending_nothing_is_fine(stream: &mut dyn Backend) -> Result<()> {
    ensure!(stream.log().append(Vec::new()).await?.is_empty());
    Ok(())
}

pub async fn the_identity_stays_when_opened_again(stream: &mut dyn Backend) -> Result<()> {
    let log_id = stream.log().log_id().await?;
    ensure!(!log_id.is_empty());
    stream.log().append(numbered(0..4)).await?;
    stream.reopen().await?;
    let log = stream.log();
    ensure!(log.log_id().await? == log_id);
    let mut reader = log.read(ShardId(0), Offset(2), &log_id).await?;
    ensure!(value(&take(&mut *reader, 2).await?[0]) == "2");
    log.append(numbered(4..5)).await?;
    ensure!(value(&take(&mut *reader, 1).await?[0]) == "4");
    Ok(())
}

pub async fn another_identity_is_refused(stream: &mut dyn Backend) -> Result<()> {
    let log = stream.log();
    log.append(numbered(0..4)).await?;
    let error = log.read(ShardId(0), Offset(2), "another").await.err().expect("another stream");
    let found = log.log_id().await?;
    match &error {
        LogError::Recreated { expected, found: named, position: Offset(2) } => {
            ensure!(expected == "another" && *named == found);
        }
        other => anyhow::bail!("{other}"),
    }
    ensure!(error.code() == Code::LogRecreated && !error.is_retryable());
    Ok(())
}

pub async fn another_number_of_partitions_is_refused(stream: &mut dyn Backend) -> Result<()> {
    let error = stream.open_with(PARTITIONS + 1).await.expect_err("another number");
    ensure!(matches!(error, LogError::Misconfigured(_)), "{error}");
    Ok(())
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}
