//! The client library's errors as ours.

use super::KafkaConfig;
use crate::LogError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Of a request about the topic.
pub(super) fn of_request(config: &KafkaConfig, error: &KafkaError) -> LogError {
    if is_absent(error) {
        return absent(config);
    }
    match error {
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => {
            LogError::Misconfigured(error.to_string())
        }
        error => LogError::Unavailable(error.to_string()),
    }
}

/// Of an append whose size was checked.
pub(super) fn of_append(config: &KafkaConfig, error: &KafkaError, num_bytes: usize) -> LogError {
    match error.rdkafka_error_code() {
        Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => {
            LogError::TooLarge { num_bytes, max_bytes: config.max_record_bytes }
        }
        _ => of_request(config, error),
    }
}

/// The topic is not there now; someone may create it.
pub(super) fn absent(config: &KafkaConfig) -> LogError {
    LogError::Unavailable(format!("the topic `{}` does not exist", config.topic))
}

/// True when the error says that topic or partition is unknown, under this id or at all.
pub(super) fn is_absent(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::UnknownTopic
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::UnknownTopicId
        )
    )
}

/// True when leadership is on the move, as it is for a moment after a topic's creation or a broker's
/// start: asking again soon helps.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::OffsetNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::UnknownTopicOrPartition
        )
    )
}

/// True when the error says that the position to read from is not there.
pub(super) fn is_out_of_range(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation)
    )
}

/// True when the client has to be replaced.
pub(super) fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || error.rdkafka_error_code() == Some(Code::Fatal)
}
