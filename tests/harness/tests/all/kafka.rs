use anyhow::{Context as _, ensure};
use ax_harness::{Fault, Kafka, eventually};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};

use crate::SOON;

const TOPIC: &str = "letters";

fn config(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap()).set("group.id", "test");
    config.set("message.timeout.ms", "20000");
    // An unknown topic is an error soon, not after half a minute of hope.
    config.set("topic.metadata.propagation.max.ms", "500");
    config
}

async fn create_topic(kafka: &Kafka) {
    let admin: AdminClient<DefaultClientContext> = config(kafka).create().unwrap();
    let topic = NewTopic::new(TOPIC, 2, TopicReplication::Fixed(1));
    let created = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
    assert_eq!(created, [Ok(TOPIC.to_owned())]);
}

async fn produce(kafka: &Kafka, text: &str) -> Result<i64, KafkaError> {
    let producer: FutureProducer = config(kafka).create()?;
    let record = FutureRecord::to(TOPIC).key("k").partition(0).payload(text);
    let sent = producer.send(record, Timeout::After(SOON)).await;
    sent.map(|delivery| delivery.offset).map_err(|(error, _)| error)
}

async fn read(kafka: &Kafka, offset: i64) -> anyhow::Result<String> {
    let consumer: BaseConsumer = config(kafka).create()?;
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(TOPIC, 0, Offset::Offset(offset))?;
    consumer.assign(&from)?;
    eventually(SOON, "the record is read", async || {
        let message = consumer.poll(Timeout::After(std::time::Duration::from_millis(100)));
        let message = message.context("nothing yet")??;
        ensure!(message.offset() == offset, "it is another's offset");
        Ok(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned())
    })
    .await
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let mut kafka = Kafka::start().await.unwrap();
    create_topic(&kafka).await;
    let first = produce(&kafka, "a").await.unwrap();
    kafka.kill9().unwrap();
    kafka.restart().await.unwrap();
    let second = produce(&kafka, "b").await.unwrap();
    assert_eq!((first, second), (0, 1));
    assert_eq!(read(&kafka, first).await.unwrap(), "a");
    assert_eq!(read(&kafka, second).await.unwrap(), "b");
}

#[tokio::test]
async fn a_topic_is_not_made_by_writing_to_it() {
    let kafka = Kafka::start().await.unwrap();
    let error = produce(&kafka, "a").await.unwrap_err();
    let code = error.rdkafka_error_code();
    assert!(
        matches!(
            code,
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
        ),
        "{error}"
    );
}

#[tokio::test]
async fn behind_a_proxy_all_traffic_feels_its_faults() {
    let (kafka, proxy) = Kafka::start_proxied().await.unwrap();
    create_topic(&kafka).await;
    proxy.set(Fault::Blackhole);
    let sending = async { produce(&kafka, "a").await };
    let mut sending = std::pin::pin!(sending);
    let patience = std::time::Duration::from_secs(1);
    tokio::time::timeout(patience, &mut sending).await.unwrap_err();
    proxy.set(Fault::None);
    assert_eq!(sending.await.unwrap(), 0);
}
