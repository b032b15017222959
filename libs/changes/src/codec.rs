//! [`ax_model::Change`] to record bytes and back.
//!
//! | change | value | headers |
//! |---|---|---|
//! | `Put`, `Repository`, `DeleteRepository` | protobuf `ax.changes.v1.Change` | `traceparent` |
//! | `Delete` | none: a tombstone | `ax-committed-at-ms`, `ax-emitted-at-ms`, `traceparent` |
//!
//! A deletion is a tombstone, so that compaction forgets a deleted path altogether; its two times
//! travel as headers, which Kafka keeps with a tombstone as long as the tombstone itself. Rejected: a
//! value that says "deleted", which stands in the compacted topic for ever, one record for each path
//! that ever was. Such a value is still understood, since other producers may write it. The deletion
//! of a repository is a value, because it speaks for keys other than its own. Its record key is the
//! repository's followed by one more NUL: under the key of the repository's facts, facts that come later
//! would make compaction forget the deletion, and a rebuild would bring deleted paths back (I2).
//!
//! Decoding is total: any bytes give a change or a [`DecodeError`], at a cost in proportion to them.

mod wire;

#[cfg(test)]
mod tests;

use crate::{Header, NewRecord, Record};
use ax_model::{Change, ChangeBody, DocKey, InvalidKey, ShardId};
use ax_proto::changes as proto;
use bytes::Bytes;
use prost::Message;

/// Header with the W3C trace context of the push that led to the change.
pub const TRACEPARENT: &str = "traceparent";
/// Header of a tombstone: [`Change::committed_at_ms`] in decimal.
pub const COMMITTED_AT_MS: &str = "ax-committed-at-ms";
/// Header of a tombstone: [`Change::emitted_at_ms`] in decimal.
pub const EMITTED_AT_MS: &str = "ax-emitted-at-ms";

/// Why bytes are not a change. The record is to be set aside; reading it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The record's key is not a document key.
    #[error("the record's key is not a document key: {0}")]
    Key(#[from] InvalidKey),
    /// The value is not a message of type `ax.changes.v1.Change`.
    #[error("the value is not a protobuf message of type ax.changes.v1.Change: {0}")]
    NotProtobuf(String),
    /// The value names another document than the key.
    #[error("the value is about `{value}`, its key about `{key}`")]
    KeyMismatch {
        /// Repository and path that the record's key names.
        key: String,
        /// Repository and path that the value names.
        value: String,
    },
    /// A field is missing, or is not what it has to be.
    #[error("field `{field}`: expected {expected}")]
    Field {
        /// The field's path in the message.
        field: &'static str,
        /// What is accepted.
        expected: &'static str,
    },
}

impl DecodeError {
    /// The stable code of the failure.
    pub fn code(&self) -> ax_model::Code {
        ax_model::Code::ChangeMalformed
    }

    /// False: the bytes stay what they are.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

/// The record that carries `change` in `partition`. `Put` without versions is a deletion.
pub fn encode(change: &Change, partition: ShardId, traceparent: Option<&str>) -> NewRecord {
    let mut headers = Vec::new();
    let value = if is_deletion(&change.body) {
        headers.push(decimal(COMMITTED_AT_MS, change.committed_at_ms));
        headers.push(decimal(EMITTED_AT_MS, change.emitted_at_ms));
        None
    } else {
        Some(Bytes::from(wire::to_proto(change).encode_to_vec()))
    };
    if let Some(context) = traceparent {
        headers.push((TRACEPARENT.to_owned(), Bytes::copy_from_slice(context.as_bytes())));
    }
    NewRecord { partition, key: record_key(change), value, headers }
}

/// The change that `record` carries.
pub fn decode(record: &Record) -> Result<Change, DecodeError> {
    let key = DocKey::decode(document_key(&record.key))?;
    match &record.value {
        None => deletion(key, record),
        Some(value) => {
            let message = proto::Change::decode(value.clone())
                .map_err(|error| DecodeError::NotProtobuf(error.to_string()))?;
            wire::from_proto(key, message)
        }
    }
}

fn record_key(change: &Change) -> Bytes {
    let mut key = change.key.encode();
    if matches!(change.body, ChangeBody::DeleteRepository) {
        key.push(0);
    }
    key.into()
}

/// The document's part of a record key. No path holds a NUL, so that two of them can only be a
/// repository's deletion.
fn document_key(record_key: &[u8]) -> &[u8] {
    match record_key {
        [document @ .., 0] if document.ends_with(&[0]) => document,
        key => key,
    }
}

/// The trace context that the record came with, when it is text.
pub fn traceparent(headers: &[Header]) -> Option<&str> {
    header(headers, TRACEPARENT)
}

/// Every trace context that the record came with: one change may answer several pushes.
pub fn traceparents(headers: &[Header]) -> impl Iterator<Item = &str> {
    let named = headers.iter().filter(|(name, _)| name == TRACEPARENT);
    named.filter_map(|(_, value)| std::str::from_utf8(value).ok())
}

fn is_deletion(body: &ChangeBody) -> bool {
    match body {
        ChangeBody::Delete => true,
        ChangeBody::Put(versions) => versions.is_empty(),
        ChangeBody::DeleteRepository | ChangeBody::Repository(_) => false,
    }
}

/// Times that are missing or malformed are replaced by the time of the append: they serve the
/// measurement of freshness, and no deletion is set aside for their sake.
fn deletion(key: DocKey, record: &Record) -> Result<Change, DecodeError> {
    wire::check_place(&key, &ChangeBody::Delete)?;
    let time = |name| {
        let text = header(&record.headers, name);
        text.and_then(|text| text.parse().ok()).unwrap_or(record.timestamp_ms)
    };
    Ok(Change {
        key,
        body: ChangeBody::Delete,
        committed_at_ms: time(COMMITTED_AT_MS),
        emitted_at_ms: time(EMITTED_AT_MS),
    })
}

fn decimal(name: &str, value: i64) -> Header {
    (name.to_owned(), Bytes::from(value.to_string()))
}

fn header<'a>(headers: &'a [Header], wanted: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(name, _)| name == wanted)?;
    std::str::from_utf8(value).ok()
}
