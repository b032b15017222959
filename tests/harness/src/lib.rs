//! Real servers for tests: Kafka, etcd and S3, started, killed and restarted.
