//! A watch that outlives its stream.
//!
//! etcd sends the events of a revision in one message unless it is asked to split them, and it is not
//! asked. So the first revision not yet delivered is all that has to be remembered: when the stream
//! breaks, a new one starts there.

use super::{
    EtcdStore, MAX_MESSAGE_BYTES,
    call::{self, Backoff},
    read,
};
use crate::{CoordinationError, Event, Revision, Watch};
use async_trait::async_trait;
use etcd_client::{Error, EventType, WatchOptions, WatchResponse, WatchStream};

pub(super) struct EtcdWatch {
    store: EtcdStore,
    prefix: String,
    /// First revision that is not delivered yet.
    next: Revision,
    stream: Option<WatchStream>,
    backoff: Backoff,
}

impl EtcdWatch {
    pub(super) fn new(store: &EtcdStore, prefix: &str, from: Revision) -> Self {
        Self {
            store: store.clone(),
            prefix: store.key(prefix),
            next: Revision(from.0.max(1)), // to etcd, zero means now
            stream: None,
            backoff: Backoff::new(),
        }
    }

    async fn open(&self) -> Result<WatchStream, Error> {
        let options = WatchOptions::new()
            .with_range(read::prefix_end(self.prefix.as_bytes()))
            .with_start_revision(i64::try_from(self.next.0).unwrap_or(i64::MAX))
            // Without it, a watch that sees no events for long would resume from before a compaction.
            .with_progress_notify();
        let mut client =
            self.store.client.watch_client().max_decoding_message_size(MAX_MESSAGE_BYTES);
        let open = client.watch(self.prefix.as_str(), Some(options));
        let timed_out = |_| Error::WatchError("the stream did not open in time".to_owned());
        tokio::time::timeout(self.store.request_timeout, open).await.map_err(timed_out)?
    }

    async fn receive(&mut self) -> Result<WatchResponse, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = self.open().await?;
                self.stream.insert(stream)
            }
        };
        let ended = || Error::WatchError("the stream ended".to_owned());
        stream.message().await?.ok_or_else(ended)
    }

    /// The events of a message; none when it is about the watch itself.
    fn take(&mut self, message: &WatchResponse) -> Result<Vec<Event>, CoordinationError> {
        let events = self.events(message)?;
        if let Some(last) = events.last() {
            self.next = Revision(last.revision().0 + 1);
        } else if let (true, Some(header)) = (is_progress(message), message.header()) {
            self.next = self.next.max(Revision(read::revision(header.revision()).0 + 1));
        }
        Ok(events)
    }

    fn events(&self, message: &WatchResponse) -> Result<Vec<Event>, CoordinationError> {
        let namespace = &self.store.namespace;
        let convert = |event: &etcd_client::Event| {
            let missing = || CoordinationError::Broken("an event without a key".to_owned());
            let kv = event.kv().ok_or_else(missing)?;
            Ok(match event.event_type() {
                EventType::Put => Event::Put(read::entry(namespace, kv)?),
                EventType::Delete => Event::Deleted {
                    key: read::local_key(namespace, kv.key())?,
                    revision: read::revision(kv.mod_revision()),
                },
            })
        };
        message.events().iter().map(convert).collect()
    }

    fn compacted(&self, oldest: Revision) -> CoordinationError {
        CoordinationError::Compacted { asked: self.next, oldest }
    }

    /// What to do about a message that says that the watch is over.
    fn check_cancelled(&mut self, message: &WatchResponse) -> Result<(), CoordinationError> {
        if message.compact_revision() > 0 {
            self.stream = None;
            return Err(self.compacted(read::revision(message.compact_revision())));
        }
        if message.canceled() {
            tracing::debug!(reason = message.cancel_reason(), "etcd cancelled a watch");
            self.stream = None;
        }
        Ok(())
    }

    /// What to do about a stream that broke.
    fn check_error(&mut self, error: Error) -> Result<(), CoordinationError> {
        self.stream = None;
        if call::is_oversized(&error) {
            // Up to a thousand revisions come in one message. When that is over our limit, the
            // remedy is the same as after a compaction: a listing, which comes in pages.
            return Err(self.compacted(Revision(self.next.0 + 1)));
        }
        if call::is_final(&error) {
            return Err(call::into_error(error));
        }
        metrics::counter!("ax_coordination_watch_reconnects_total").increment(1);
        tracing::debug!(%error, next = self.next.0, "a watch broke; it resumes where it was");
        Ok(())
    }
}

/// All up to the revision in its header was sent. In the other messages without events, which begin and
/// end a watch, that is only the present revision: to skip to it would open a gap.
fn is_progress(message: &WatchResponse) -> bool {
    message.events().is_empty() && !message.created() && !message.canceled()
}

#[async_trait]
impl Watch for EtcdWatch {
    async fn next(&mut self) -> Result<Vec<Event>, CoordinationError> {
        loop {
            match self.receive().await {
                Ok(message) => {
                    self.check_cancelled(&message)?;
                    let events = self.take(&message)?;
                    if !events.is_empty() {
                        self.backoff = Backoff::new();
                        return Ok(events);
                    }
                }
                Err(error) => self.check_error(error)?,
            }
            if self.stream.is_none() {
                self.backoff.pause().await;
            }
        }
    }
}
