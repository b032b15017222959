//! The topic: created when absent, checked when not.

use super::client::{Client, Context};
use super::config::KafkaConfig;
use super::topic_id::Description;
use super::{PAUSE, drop_elsewhere, errors};
use crate::LogError;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes sure that the topic is there and is what `config` says.
pub(super) async fn ensure(config: &KafkaConfig, client: &Arc<Client>) -> Result<(), LogError> {
    let admin = AdminClient::from_config_and_context(&config.asking(), Context);
    let admin = admin.map_err(|error| errors::of_request(config, &error))?;
    let outcome = ensure_by(&admin, config, client).await;
    drop_elsewhere(admin);
    outcome
}

async fn ensure_by(
    admin: &AdminClient<Context>,
    config: &KafkaConfig,
    client: &Arc<Client>,
) -> Result<(), LogError> {
    let found = match client.describe(config).await? {
        Some(found) => found,
        None => {
            create(admin, config).await?;
            wait_for(config, client).await?
        }
    };
    check_size(config, &found)?;
    check_settings(admin, config).await
}

async fn create(admin: &AdminClient<Context>, config: &KafkaConfig) -> Result<(), LogError> {
    let settings = settings(config);
    let replication = TopicReplication::Fixed(config.replication.map_or(-1, i32::from));
    let partitions = i32::try_from(config.partitions).unwrap_or(i32::MAX);
    let mut topic = NewTopic::new(&config.topic, partitions, replication);
    for (name, value) in &settings {
        topic = topic.set(name, value);
    }
    let created = admin.create_topics([&topic], &options(config)).await;
    let created = created.map_err(|error| errors::of_request(config, &error))?;
    match created.into_iter().next() {
        // Creation is atomic in the cluster: of several processes one creates, the others find it.
        None | Some(Ok(_)) | Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((topic, code))) => {
            Err(LogError::Unavailable(format!("the topic `{topic}` cannot be created: {code}")))
        }
    }
}

/// What the topic is created with. A topic that was created by other hands may differ, but for what
/// [`check_settings`] refuses.
fn settings(config: &KafkaConfig) -> Vec<(&'static str, String)> {
    let day_ms = 24 * 3600 * 1000;
    let in_sync = if config.replication.is_some_and(|copies| copies >= 3) { 2 } else { 1 };
    vec![
        ("cleanup.policy", "compact".into()),
        ("delete.retention.ms", config.tombstone_retention.as_millis().to_string()),
        ("max.message.bytes", config.max_message_bytes().to_string()),
        // The active segment is never compacted: roll it daily, and small enough to be cleaned at once.
        ("segment.ms", day_ms.to_string()),
        ("segment.bytes", (256_u32 << 20).to_string()),
        ("min.cleanable.dirty.ratio", "0.3".into()),
        // What the producer compressed stays as it is.
        ("compression.type", "producer".into()),
        // The brokers' clock: lag in seconds must not depend on the producers' clocks.
        ("message.timestamp.type", "LogAppendTime".into()),
        ("min.insync.replicas", in_sync.to_string()),
        ("unclean.leader.election.enable", "false".into()),
    ]
}

async fn wait_for(config: &KafkaConfig, client: &Arc<Client>) -> Result<Description, LogError> {
    let deadline = Instant::now() + config.request_timeout;
    loop {
        if let Some(found) = client.describe(config).await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(errors::absent(config));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn check_size(config: &KafkaConfig, found: &Description) -> Result<(), LogError> {
    if found.partitions == config.partitions as usize {
        return Ok(());
    }
    Err(LogError::Misconfigured(format!(
        "the topic `{}` has {} partitions, not {}",
        config.topic, found.partitions, config.partitions
    )))
}

async fn check_settings(
    admin: &AdminClient<Context>,
    config: &KafkaConfig,
) -> Result<(), LogError> {
    let Some(found) = read_settings(admin, config).await? else {
        tracing::warn!(topic = config.topic, "the topic's settings cannot be checked");
        return Ok(());
    };
    problem(config, &found).map_or(Ok(()), |problem| Err(LogError::Misconfigured(problem)))
}

/// How long the topic keeps tombstones, as it is set now: an operator may have changed it. What we
/// would create it with, when the cluster hides settings from us.
pub(super) async fn tombstone_retention(config: &KafkaConfig) -> Result<Duration, LogError> {
    let admin = AdminClient::from_config_and_context(&config.asking(), Context);
    let admin = admin.map_err(|error| errors::of_request(config, &error))?;
    let settings = read_settings(&admin, config).await;
    drop_elsewhere(admin);
    let found = settings?.and_then(|found| setting(&found, "delete.retention.ms").parse().ok());
    Ok(found.map_or(config.tombstone_retention, Duration::from_millis))
}

/// The topic's settings; `None` when the cluster hides them from us, and may still let us work.
async fn read_settings(
    admin: &AdminClient<Context>,
    config: &KafkaConfig,
) -> Result<Option<ConfigResource>, LogError> {
    let topic = [ResourceSpecifier::Topic(&config.topic)];
    let found = admin.describe_configs(&topic, &options(config)).await;
    let found = found.map_err(|error| errors::of_request(config, &error))?;
    match found.into_iter().next() {
        Some(Ok(found)) => Ok(Some(found)),
        Some(Err(RDKafkaErrorCode::TopicAuthorizationFailed)) | None => Ok(None),
        Some(Err(code)) => Err(LogError::Unavailable(format!(
            "the settings of the topic `{}` cannot be read: {code}",
            config.topic
        ))),
    }
}

fn setting<'a>(found: &'a ConfigResource, name: &str) -> &'a str {
    let entry = found.entries.iter().find(|entry| entry.name == name);
    entry.and_then(|entry| entry.value.as_deref()).unwrap_or_default()
}

/// What of the topic's settings would lose changes.
fn problem(config: &KafkaConfig, found: &ConfigResource) -> Option<String> {
    let value = |name| setting(found, name);
    let topic = &config.topic;
    let policy = value("cleanup.policy");
    if policy != "compact" {
        return Some(format!("the topic `{topic}` has cleanup.policy `{policy}`, not `compact`"));
    }
    let limit = value("max.message.bytes");
    let needed = config.max_message_bytes();
    if limit.parse::<usize>().is_ok_and(|limit| limit < needed) {
        return Some(format!("the topic `{topic}` has max.message.bytes {limit}, below {needed}"));
    }
    None
}

fn options(config: &KafkaConfig) -> AdminOptions {
    let timeout = Some(config.request_timeout);
    AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
}
