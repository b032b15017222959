//! Changes that could not be applied, set aside where they can be seen and replayed.

use crate::{
    ShardStore, StoreError, layout,
    manifest::{Frame, Kind, MAX_BYTES, Malformed},
};
use ax_model::{Offset, ShardId};
use ax_proto::manifest as wire;
use bytes::Bytes;
use prost::Message;

/// A change set aside: the record as it was, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Shard whose partition it stood in.
    pub shard: ShardId,
    /// Its position.
    pub offset: Offset,
    /// Identity of the change stream.
    pub log_id: String,
    /// Stable code of the fault, as in `AX-C004`.
    pub code: String,
    /// What was wrong, for people.
    pub reason: String,
    /// The record's key.
    pub key: Bytes,
    /// The record's value.
    pub value: Bytes,
    /// When it was set aside, in milliseconds since 1970.
    pub at_ms: i64,
}

impl ShardStore {
    /// Sets a change aside. Doing it again, as a replay does, replaces the same object.
    pub async fn quarantine(&self, record: &Quarantined) -> Result<(), StoreError> {
        let path = self.layout.quarantined(record.offset);
        let payload = to_wire(record).encode_to_vec();
        self.objects.replace(&path, Frame(Kind::Quarantined).wrap(1, &payload)).await
    }

    /// The positions of the first `limit` changes set aside, in order, and how many there are.
    pub async fn quarantined_offsets(
        &self,
        limit: usize,
    ) -> Result<(Vec<Offset>, usize), StoreError> {
        let found = self.objects.list(&self.layout.quarantine(), None).await?;
        let numbers = found.iter().filter_map(|meta| layout::number_of(&meta.location, ".pb"));
        let mut offsets: Vec<_> = numbers.map(Offset).collect();
        offsets.sort_unstable();
        let total = offsets.len();
        offsets.truncate(limit);
        Ok((offsets, total))
    }

    /// One change set aside; `None` when there is none at that position.
    pub async fn quarantined(&self, offset: Offset) -> Result<Option<Quarantined>, StoreError> {
        let path = self.layout.quarantined(offset);
        let Some(bytes) = self.objects.read(&path, MAX_BYTES).await? else { return Ok(None) };
        decode(&bytes).map(Some).map_err(|reason| StoreError::ManifestCorrupt {
            path: path.to_string(),
            reason: reason.to_string(),
        })
    }

    /// Forgets a change set aside: it was replayed, or given up.
    pub async fn remove_quarantined(&self, offset: Offset) -> Result<(), StoreError> {
        self.objects.delete(&self.layout.quarantined(offset)).await
    }
}

fn decode(bytes: &Bytes) -> Result<Quarantined, Malformed> {
    let payload = Frame(Kind::Quarantined).unwrap(bytes)?;
    let wire = wire::Quarantined::decode(payload).map_err(|e| Malformed::Payload(e.to_string()))?;
    Ok(Quarantined {
        shard: ShardId(wire.shard),
        offset: Offset(wire.offset),
        log_id: wire.log_id,
        code: wire.code,
        reason: wire.reason,
        key: wire.key,
        value: wire.value,
        at_ms: wire.at_ms,
    })
}

fn to_wire(record: &Quarantined) -> wire::Quarantined {
    wire::Quarantined {
        shard: record.shard.0,
        offset: record.offset.0,
        log_id: record.log_id.clone(),
        code: record.code.clone(),
        reason: record.reason.clone(),
        key: record.key.clone(),
        value: record.value.clone(),
        at_ms: record.at_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by version 1 of the format; never to be changed, only joined by later ones.
    const GOLDEN: &[u8] = include_bytes!("../testdata/quarantined-v1.pb");

    #[test]
    fn reads_and_writes_the_first_format() {
        let record = Quarantined {
            shard: ShardId(3),
            offset: Offset(77),
            log_id: "log".into(),
            code: "AX-C004".into(),
            reason: "cannot be decoded".into(),
            key: Bytes::from_static(b"repo\0path"),
            value: Bytes::from_static(b"\xff\xfe"),
            at_ms: 1_700_000_000_000,
        };
        let written = Frame(Kind::Quarantined).wrap(1, &to_wire(&record).encode_to_vec());
        assert_eq!(&written[..], GOLDEN);
        assert_eq!(decode(&Bytes::from_static(GOLDEN)), Ok(record));
    }
}
