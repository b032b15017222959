//! Appending: a bounded queue in front of an idempotent producer.

use super::client::{Client, Waiting};
use super::config::{KafkaConfig, partition_number};
use super::errors;
use crate::{Appended, LogError, NewRecord};
use ax_model::Offset;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::{Semaphore, oneshot};

/// What a record costs beyond its bytes. Also keeps the number of records below the library's own
/// limit of 100,000, so that its queue is never full before the budget is.
const RECORD_COST_BYTES: usize = 512;

type Delivery = oneshot::Receiver<Result<i64, KafkaError>>;

/// Appends through one client, and replaces it when it breaks.
pub(super) struct Producer {
    config: KafkaConfig,
    client: RwLock<Arc<Client>>,
    budget: Arc<Semaphore>,
}

impl Producer {
    /// Connects in the background.
    pub fn new(config: KafkaConfig) -> Result<Self, LogError> {
        let client = RwLock::new(Arc::new(Client::producing(&config)?));
        // Any one record fits, whatever it costs on top.
        let budget = Arc::new(Semaphore::new(config.queue_bytes + RECORD_COST_BYTES));
        Ok(Self { config, client, budget })
    }

    fn client(&self) -> Arc<Client> {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Appends `records`, whose partitions and sizes are checked, and waits until each is durable or
    /// given up. They are put into the queue in order, and the producer keeps that order in each
    /// partition.
    pub async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        let started = Instant::now();
        let num_records = records.len() as u64;
        let mut deliveries = Vec::with_capacity(records.len());
        let mut failure = None;
        for record in records {
            let (partition, num_bytes) = (record.partition, record.num_bytes());
            match self.enqueue(record).await {
                Ok(delivery) => deliveries.push((partition, num_bytes, delivery)),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        // Waits for all, also after a failure: the caller's next attempt comes after this one.
        let mut appended = Vec::with_capacity(deliveries.len());
        for (partition, num_bytes, delivery) in deliveries {
            match delivery.await.unwrap_or(Err(KafkaError::Canceled)) {
                Ok(raw) => match u64::try_from(raw) {
                    Ok(offset) => appended.push(Appended { partition, offset: Offset(offset) }),
                    // A success that cannot say where is a guess of the library's, and guesses are
                    // not acknowledged: the caller appends again, which does no harm.
                    Err(_) => failure = failure.or(Some(unknown_place())),
                },
                Err(error) => failure = failure.or(Some(self.failed(&error, num_bytes))),
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        metrics::histogram!("ax_changes_append_seconds").record(started.elapsed());
        metrics::counter!("ax_changes_appended_records_total").increment(num_records);
        Ok(appended)
    }

    async fn enqueue(&self, record: NewRecord) -> Result<Delivery, LogError> {
        let num_bytes = record.num_bytes();
        let cost = u32::try_from(num_bytes + RECORD_COST_BYTES)
            .expect("a record is at most as large as a queue of 1 GiB");
        let budget = self.budget.clone().acquire_many_owned(cost).await;
        let budget = budget.map_err(|_| LogError::Unavailable("the producer is closed".into()))?;
        let (done, delivery) = oneshot::channel();
        let waiting = Box::new(Waiting { done, _budget: budget });
        let mut message = BaseRecord::with_opaque_to(&self.config.topic, waiting)
            .partition(partition_number(record.partition))
            .key(record.key.as_ref())
            .headers(headers(&record));
        message.payload = record.value.as_deref();
        match self.client().send(message) {
            Ok(()) => Ok(delivery),
            Err(error) => Err(self.failed(&error, num_bytes)),
        }
    }

    fn failed(&self, error: &KafkaError, num_bytes: usize) -> LogError {
        let unknown = KafkaError::MessageProduction(RDKafkaErrorCode::Fatal);
        if errors::is_fatal(error) || *error == unknown || self.client().is_broken() {
            self.replace_client();
        }
        errors::of_append(&self.config, error, num_bytes)
    }

    /// A producer that lost track of its sequence numbers can only be replaced: the cluster gives the
    /// next one an identity of its own.
    fn replace_client(&self) {
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        if !client.is_broken() {
            return;
        }
        match Client::producing(&self.config) {
            Ok(fresh) => {
                tracing::warn!(topic = self.config.topic, "the Kafka producer was replaced");
                *client = Arc::new(fresh);
            }
            Err(error) => tracing::error!(%error, "the Kafka producer cannot be replaced"),
        }
    }
}

fn unknown_place() -> LogError {
    LogError::Unavailable("a record may have been appended, at an unknown position".into())
}

fn headers(record: &NewRecord) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(headers, |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value.as_ref()) })
    })
}
