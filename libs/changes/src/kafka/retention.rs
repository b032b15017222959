//! Whether the cleaner may have removed a deletion that a reader still needs.
//!
//! Kafka removes a tombstone `delete.retention.ms` after a pass of the cleaner has met it, and does
//! not say which ones it removed. What is certain:
//!
//! | known of the position                              | then                                     |
//! |----------------------------------------------------|------------------------------------------|
//! | it is the end of the partition                     | nothing follows it: complete, at any age |
//! | it was complete less than the retention ago        | complete                                 |
//! | its own record is there, appended less than that ago | what follows is younger still: complete |
//! | anything else                                      | a deletion may be gone: read anew        |
//!
//! The third row keeps a stream that was quiet for months, and is not any more, from being read anew.
//! Clocks of brokers and readers must agree to well within the retention.

use super::{KafkaLog, Shared, reader::KafkaReader, topic};
use crate::{Bounds, ChangeLog as _, LogError, LogReader as _, ReadLimits};
use ax_model::{Offset, ShardId};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

impl KafkaLog {
    /// What [`crate::ChangeLog::check_complete`] promises; the module has the table.
    pub(super) async fn check_age(
        &self,
        partition: ShardId,
        position: Offset,
        complete_at_ms: i64,
    ) -> Result<(), LogError> {
        let Bounds { end, .. } = self.shared.bounds(partition).await?;
        if position >= end {
            return Ok(());
        }
        let retention = topic::tombstone_retention(&self.shared.config).await?;
        if age(complete_at_ms) < retention {
            return Ok(());
        }
        match first_record_at_ms(&self.shared, partition, position, self.log_id().await?).await? {
            Some(at_ms) if age(at_ms) < retention => Ok(()),
            _ => Err(LogError::Forgotten { partition, position, upto: end }),
        }
    }
}

/// When the record at exactly `position` was appended; `None` when it is gone, or does not come in
/// time.
async fn first_record_at_ms(
    shared: &Arc<Shared>,
    partition: ShardId,
    position: Offset,
    log_id: String,
) -> Result<Option<i64>, LogError> {
    let max_wait = shared.config.request_timeout;
    let mut reader = KafkaReader::open(shared.clone(), partition, position, log_id)?;
    let batch = reader.next(ReadLimits { max_records: 1, max_bytes: 1, max_wait }).await?;
    let first = batch.records.first().filter(|record| record.offset == position);
    Ok(first.map(|record| record.timestamp_ms))
}

fn age(at_ms: i64) -> Duration {
    let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(at_ms).unwrap_or(0));
    SystemTime::now().duration_since(at).unwrap_or_default()
}
