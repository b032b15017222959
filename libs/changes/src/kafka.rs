//! The change stream on Kafka.
