use super::*;
use crate::{ReadLimits, Record};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

const P: ShardId = ShardId(0);
const ALL: ReadLimits =
    ReadLimits { max_records: usize::MAX, max_bytes: usize::MAX, max_wait: Duration::ZERO };

fn put(key: &str, value: &str) -> NewRecord {
    let value = Some(Bytes::copy_from_slice(value.as_bytes()));
    NewRecord { partition: P, key: Bytes::copy_from_slice(key.as_bytes()), value, headers: vec![] }
}

fn delete(key: &str) -> NewRecord {
    NewRecord { value: None, ..put(key, "") }
}

async fn open(folder: &tempfile::TempDir, tombstone_retention: Duration) -> EmbeddedLog {
    let config = EmbeddedConfig::new(folder.path().join("deep/changes.log"), 2);
    EmbeddedLog::open(EmbeddedConfig { tombstone_retention, ..config }).await.unwrap()
}

async fn read_all(log: &EmbeddedLog, from: u64) -> Vec<Record> {
    let mut reader = log.read(P, Offset(from), "").await.unwrap();
    let batch = reader.next(ALL).await.unwrap();
    assert_eq!(batch.next, log.bounds(P).await.unwrap().end, "gaps at the end are passed as well");
    batch.records
}

fn offsets(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.offset.0).collect()
}

#[tokio::test]
async fn compaction_keeps_the_last_record_of_each_key() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, Duration::MAX).await;
    let records = vec![put("a", "1"), put("b", "2"), put("a", "3"), delete("b"), put("c", "4")];
    log.append(records).await.unwrap();
    let done = log.compact(P, Offset(5)).await.unwrap();
    assert_eq!(done, Compacted { num_replaced: 2, num_tombstones: 0 });
    assert_eq!(offsets(&read_all(&log, 0).await), [2, 3, 4]);
    assert_eq!(log.compact(P, Offset(5)).await.unwrap(), Compacted::default());
    // Later records replace what an earlier pass kept.
    log.append(vec![put("c", "5"), put("a", "6")]).await.unwrap();
    log.compact(P, Offset(7)).await.unwrap();
    assert_eq!(offsets(&read_all(&log, 0).await), [3, 5, 6]);
}

#[tokio::test]
async fn compaction_leaves_alone_what_is_not_safe_yet() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, Duration::ZERO).await;
    log.append(vec![put("a", "1"), put("a", "2"), delete("a"), put("b", "3")]).await.unwrap();
    log.compact(P, Offset(2)).await.unwrap();
    assert_eq!(offsets(&read_all(&log, 0).await), [1, 2, 3]);
    let beyond = log.compact(P, Offset(100)).await.unwrap();
    assert_eq!(beyond, Compacted { num_replaced: 1, num_tombstones: 1 });
    assert_eq!(offsets(&read_all(&log, 0).await), [3]);
    assert!(log.compact(ShardId(9), Offset(1)).await.is_err());
}

#[tokio::test]
async fn readers_go_on_over_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, Duration::ZERO).await;
    let rounds = (0..99).map(|n| put(["a", "b", "c"][n % 3], &n.to_string()));
    log.append(rounds.collect()).await.unwrap();
    let mut reader = log.read(P, Offset(0), "").await.unwrap();
    reader.next(ReadLimits { max_records: 10, ..ALL }).await.unwrap();
    log.compact(P, Offset(99)).await.unwrap();
    let one = ReadLimits { max_records: 1, ..ALL };
    let batch = reader.next(one).await.unwrap();
    assert_eq!(offsets(&batch.records), [96]);
    assert_eq!(batch.next, Offset(97));
    assert_eq!(offsets(&reader.next(one).await.unwrap().records), [97]);
    // A gap at the end, of a forgotten deletion: nothing to read for who comes anew, and no lag.
    log.append(vec![delete("c")]).await.unwrap();
    log.compact(P, Offset(100)).await.unwrap();
    let mut reader = log.read(P, Offset(0), "").await.unwrap();
    assert_eq!(offsets(&reader.next(ALL).await.unwrap().records), [96, 97]);
    assert_eq!(reader.position(), Offset(100));
    log.append(vec![put("d", "x")]).await.unwrap();
    assert_eq!(offsets(&reader.next(one).await.unwrap().records), [100]);
}

/// Such a reader handed out `a` and then never its deletion.
#[tokio::test]
async fn a_reader_overtaken_by_a_forgotten_deletion_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, Duration::ZERO).await;
    log.append(vec![put("a", "1"), put("b", "2"), delete("a"), put("c", "3")]).await.unwrap();
    let one = ReadLimits { max_records: 1, ..ALL };
    let (mut begun, mut passed) =
        (log.read(P, Offset(0), "").await.unwrap(), log.read(P, Offset(3), "").await.unwrap());
    let mut untouched = log.read(P, Offset(0), "").await.unwrap();
    assert_eq!(offsets(&begun.next(one).await.unwrap().records), [0]);
    log.compact(P, Offset(4)).await.unwrap();
    let error = begun.next(one).await.unwrap_err();
    let expected =
        matches!(error, LogError::Forgotten { position: Offset(1), upto: Offset(3), .. });
    assert!(expected, "{error}");
    assert_eq!(offsets(&passed.next(one).await.unwrap().records), [3]);
    assert_eq!(offsets(&untouched.next(ALL).await.unwrap().records), [1, 3]);
}

#[tokio::test]
async fn a_position_before_a_forgotten_deletion_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, Duration::ZERO).await;
    log.append(vec![put("a", "1"), put("b", "2"), delete("a"), put("c", "3")]).await.unwrap();
    log.compact(P, Offset(4)).await.unwrap();
    for resumed in [1, 2] {
        let error = log.read(P, Offset(resumed), "").await.err().unwrap();
        assert!(matches!(error, LogError::Forgotten { upto: Offset(3), .. }), "{error}");
        assert_eq!(error.code(), ax_model::Code::LogTruncated);
    }
    for sound in [0, 3, 4] {
        assert!(log.read(P, Offset(sound), "").await.is_ok(), "{sound}");
    }
}

#[tokio::test]
async fn everything_is_there_when_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, Duration::ZERO).await;
    log.append(vec![put("a", "1"), put("a", "2"), delete("b")]).await.unwrap();
    log.compact(P, Offset(3)).await.unwrap();
    let (id, before) = (log.log_id().await.unwrap(), read_all(&log, 0).await);
    log.close().await;
    let log = open(&folder, Duration::ZERO).await;
    assert_eq!(log.log_id().await.unwrap(), id);
    assert_eq!(read_all(&log, 0).await, before);
    let appended = log.append(vec![put("c", "3")]).await.unwrap();
    assert_eq!(appended[0].offset, Offset(3), "positions are never given twice");
}

#[tokio::test]
async fn many_appends_share_a_flush() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(open(&folder, Duration::ZERO).await);
    let append = |n: usize| {
        let log = log.clone();
        tokio::spawn(async move { log.append(vec![put(&n.to_string(), "x")]).await.unwrap() })
    };
    for task in (0..500).map(append).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(offsets(&read_all(&log, 0).await), (0..500).collect::<Vec<_>>());
}

#[test]
fn a_damaged_head_is_not_read_as_a_record() {
    let record = NewRecord {
        headers: vec![("name".into(), Bytes::from_static(b"value"))],
        ..put("key", &"text ".repeat(100))
    };
    let (head, body) = format::to_bytes(&record, 7);
    let body = body.unwrap();
    assert!(body.len() < 100, "text is compressed");
    let read = format::Head::from_bytes(&head).unwrap();
    let read = read.with_body(Offset(1), Some(&body)).unwrap();
    assert_eq!((read.key, read.value, read.headers), (record.key, record.value, record.headers));
    for cut in 0..head.len() {
        assert_eq!(format::Head::from_bytes(&head[..cut]), None, "{cut}");
    }
    let whole = || format::Head::from_bytes(&head).unwrap();
    assert_eq!(whole().with_body(Offset(1), Some(&body[1..])), None);
    assert_eq!(whole().with_body(Offset(1), None), None);
}

/// A head as it was first written: files outlive releases.
#[test]
fn the_first_format_is_still_read() {
    let headers = vec![("h".into(), Bytes::from_static(b"v"))];
    let (head, _) = format::to_bytes(&NewRecord { headers, ..put("key", "value") }, 7);
    assert_eq!(hex::encode(&head), GOLDEN_HEAD);
    let read = format::Head::from_bytes(&head).unwrap();
    let read = read.with_body(Offset(0), Some(b"value")).unwrap();
    assert_eq!((read.timestamp_ms, read.value), (7, Some(Bytes::from_static(b"value"))));
}

const GOLDEN_HEAD: &str = "0107000000000000000500000003000000\
                           6b6579010001000000680100000076";

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Compact,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..6u8, any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        2 => (0..6u8).prop_map(Step::Delete),
        1 => Just(Step::Compact),
    ];
    vec(step, 0..60)
}

/// The state that a reader from the start arrives at.
fn fold(records: &[Record]) -> BTreeMap<Bytes, Bytes> {
    let mut state = BTreeMap::new();
    for record in records {
        match &record.value {
            Some(value) => drop(state.insert(record.key.clone(), value.clone())),
            None => drop(state.remove(&record.key)),
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn compaction_never_changes_what_the_log_says(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let log = open(&folder, Duration::ZERO).await;
            let mut expected = BTreeMap::new();
            for step in steps {
                let record = match step {
                    Step::Put(key, value) => put(&key.to_string(), &value.to_string()),
                    Step::Delete(key) => delete(&key.to_string()),
                    Step::Compact => {
                        let end = log.bounds(P).await.unwrap().end;
                        log.compact(P, end).await.unwrap();
                        continue;
                    }
                };
                match record.value.clone() {
                    Some(value) => drop(expected.insert(record.key.clone(), value)),
                    None => drop(expected.remove(&record.key)),
                }
                log.append(vec![record]).await.unwrap();
                assert_eq!(fold(&read_all(&log, 0).await), expected);
            }
        });
    }
}
