//! What stands in the file, on top of the tables of the embedded store:
//!
//! ```text
//! meta     name → bytes        "format" 1 as u32 · "log-id" text · "partitions" u32
//! ends     partition → u64     position after the last record ever appended
//! cleaning partition → (u64, u64)   cleaned: compacted up to here · forgotten: position after the
//!                                   last tombstone dropped
//! heads    (partition, offset) → head
//! bodies   (partition, offset) → body, absent for a tombstone
//!
//! head   = kind:u8 timestamp_ms:i64 num_bytes:u32 bytes(key) num_headers:u16 header*
//! header = bytes(name) bytes(value)
//! bytes  = length:u32 byte*
//! kind   = 0 tombstone | 1 body as it is | 2 body compressed by zstd
//! ```
//!
//! Numbers are little-endian; `num_bytes` is the length of the value before compression.

use crate::{Header, LogError, NewRecord, Record};
use ax_model::Offset;
use bytes::{Buf, Bytes};
use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction};

/// Identity and settings of the file.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Position after the last record ever appended.
pub(super) const ENDS: TableDefinition<'_, u32, u64> = TableDefinition::new("ends");
/// How far compaction has come.
const CLEANING: TableDefinition<'_, u32, (u64, u64)> = TableDefinition::new("cleaning");
/// Everything of a record but its value.
pub(super) const HEADS: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("heads");
/// Values.
pub(super) const BODIES: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("bodies");

const FORMAT: u32 = 1;
/// Values shorter than this are not worth the compressor's time.
const COMPRESS_FROM_BYTES: usize = 256;
/// The fastest level: the log is read once or twice, and the disk is what appends wait for.
const COMPRESSION_LEVEL: i32 = 1;
/// No value is longer; guards memory against a damaged head.
const MAX_VALUE_BYTES: u32 = 1 << 30;

const TOMBSTONE: u8 = 0;
const PLAIN: u8 = 1;
const PACKED: u8 = 2;

/// How far compaction of a partition has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cleaning {
    /// No key stands twice before this position.
    pub cleaned: u64,
    /// Position after the last tombstone dropped.
    pub forgotten: u64,
}

/// Everything of a record but its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    kind: u8,
    pub timestamp_ms: i64,
    num_bytes: u32,
    pub key: Bytes,
    headers: Vec<Header>,
}

/// Creates the tables and the identity in a new file, or checks them. The outer error is the disk's,
/// the inner one the caller's.
pub(super) fn identify(
    txn: &WriteTransaction,
    partitions: u32,
) -> Result<Result<String, LogError>, redb::Error> {
    txn.open_table(ENDS)?;
    txn.open_table(CLEANING)?;
    txn.open_table(HEADS)?;
    txn.open_table(BODIES)?;
    let mut meta = txn.open_table(META)?;
    if let Some(found) = stored_identity(&meta)? {
        return Ok(found.check(partitions));
    }
    let log_id = uuid::Uuid::new_v4().to_string();
    meta.insert("format", FORMAT.to_le_bytes().as_slice())?;
    meta.insert("partitions", partitions.to_le_bytes().as_slice())?;
    meta.insert("log-id", log_id.as_bytes())?;
    Ok(Ok(log_id))
}

struct Identity {
    format: Option<u32>,
    partitions: Option<u32>,
    log_id: String,
}

impl Identity {
    fn check(self, partitions: u32) -> Result<String, LogError> {
        if self.format != Some(FORMAT) {
            let format = self.format.unwrap_or_default();
            let message =
                format!("the log's file has format {format}, this program reads {FORMAT}");
            return Err(LogError::Misconfigured(message));
        }
        match self.partitions {
            Some(found) if found == partitions => Ok(self.log_id),
            found => Err(LogError::Misconfigured(format!(
                "the log was created with {} partitions, not {partitions}",
                found.unwrap_or_default()
            ))),
        }
    }
}

fn stored_identity(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Option<Identity>, redb::Error> {
    let Some(log_id) = meta.get("log-id")? else { return Ok(None) };
    let number = |name| -> Result<Option<u32>, redb::Error> {
        let value = meta.get(name)?;
        Ok(value.and_then(|value| value.value().try_into().ok().map(u32::from_le_bytes)))
    };
    Ok(Some(Identity {
        format: number("format")?,
        partitions: number("partitions")?,
        log_id: String::from_utf8_lossy(log_id.value()).into_owned(),
    }))
}

/// The end of each of the first `partitions` partitions.
pub(super) fn ends(txn: &ReadTransaction, partitions: u32) -> Result<Vec<u64>, redb::Error> {
    let table = txn.open_table(ENDS)?;
    let end = |partition| Ok(table.get(partition)?.map_or(0, |end| end.value()));
    (0..partitions).map(end).collect()
}

/// How far compaction of `partition` has come.
pub(super) fn cleaning(txn: &ReadTransaction, partition: u32) -> Result<Cleaning, redb::Error> {
    let table = match txn.open_table(CLEANING) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Cleaning::default()),
        table => table?,
    };
    let found = table.get(partition)?.map(|found| found.value());
    Ok(found.map_or(Cleaning::default(), |(cleaned, forgotten)| Cleaning { cleaned, forgotten }))
}

/// Notes how far compaction of `partition` has come.
pub(super) fn set_cleaning(
    txn: &WriteTransaction,
    partition: u32,
    now: Cleaning,
) -> Result<(), redb::Error> {
    txn.open_table(CLEANING)?.insert(partition, (now.cleaned, now.forgotten))?;
    Ok(())
}

/// The head and, unless it is a tombstone, the body of a record.
pub(super) fn to_bytes(record: &NewRecord, timestamp_ms: i64) -> (Vec<u8>, Option<Bytes>) {
    let (kind, body) = pack(record.value.as_ref());
    let num_bytes = record.value.as_ref().map_or(0, Bytes::len);
    let mut head = Vec::with_capacity(32 + record.key.len());
    head.push(kind);
    head.extend_from_slice(&timestamp_ms.to_le_bytes());
    head.extend_from_slice(&length(num_bytes).to_le_bytes());
    put_bytes(&mut head, &record.key);
    let num_headers = u16::try_from(record.headers.len()).unwrap_or(u16::MAX);
    head.extend_from_slice(&num_headers.to_le_bytes());
    for (name, value) in record.headers.iter().take(num_headers.into()) {
        put_bytes(&mut head, name.as_bytes());
        put_bytes(&mut head, value);
    }
    (head, body)
}

fn pack(value: Option<&Bytes>) -> (u8, Option<Bytes>) {
    let Some(value) = value else { return (TOMBSTONE, None) };
    if value.len() >= COMPRESS_FROM_BYTES
        && let Ok(packed) = zstd::bulk::compress(value, COMPRESSION_LEVEL)
        && packed.len() < value.len()
    {
        return (PACKED, Some(packed.into()));
    }
    (PLAIN, Some(value.clone()))
}

fn length(num_bytes: usize) -> u32 {
    u32::try_from(num_bytes).expect("the size of a record was checked against a limit below 4 GiB")
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&length(bytes.len()).to_le_bytes());
    to.extend_from_slice(bytes);
}

impl Head {
    /// Reads a head; `None` when the bytes are not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let kind = rest.try_get_u8().ok()?;
        let timestamp_ms = rest.try_get_i64_le().ok()?;
        let num_bytes = rest.try_get_u32_le().ok()?;
        let key = take_bytes(&mut rest)?;
        let num_headers = rest.try_get_u16_le().ok()?;
        let mut headers = Vec::new();
        for _ in 0..num_headers {
            let name = String::from_utf8(take_bytes(&mut rest)?.to_vec()).ok()?;
            headers.push((name, take_bytes(&mut rest)?));
        }
        Some(Self { kind, timestamp_ms, num_bytes, key, headers })
    }

    /// True when the record has no value.
    pub fn is_tombstone(&self) -> bool {
        self.kind == TOMBSTONE
    }

    /// Bytes of key and value.
    pub fn num_bytes(&self) -> usize {
        self.key.len() + self.num_bytes as usize
    }

    /// The record whose stored body is `body`; `None` when the two do not fit.
    pub fn with_body(self, offset: Offset, body: Option<&[u8]>) -> Option<Record> {
        let value = match (self.kind, body) {
            (TOMBSTONE, _) => None,
            (PLAIN, Some(body)) => Some(Bytes::copy_from_slice(body)),
            (PACKED, Some(body)) => Some(unpack(body, self.num_bytes)?),
            _ => return None,
        };
        let Self { key, headers, timestamp_ms, .. } = self;
        Some(Record { offset, key, value, headers, timestamp_ms })
    }
}

fn take_bytes(rest: &mut &[u8]) -> Option<Bytes> {
    let num_bytes = rest.try_get_u32_le().ok()? as usize;
    let (bytes, after) = rest.split_at_checked(num_bytes)?;
    *rest = after;
    Some(Bytes::copy_from_slice(bytes))
}

fn unpack(body: &[u8], num_bytes: u32) -> Option<Bytes> {
    let num_bytes = (num_bytes <= MAX_VALUE_BYTES).then_some(num_bytes as usize)?;
    let value = zstd::bulk::decompress(body, num_bytes).ok()?;
    (value.len() == num_bytes).then(|| value.into())
}
