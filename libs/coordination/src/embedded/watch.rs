//! A watch on the embedded store: pulls from the history, so that a slow watcher costs the store
//! nothing but the history's bound. While the store opens its log again, a watch waits.

use super::handle::Handle;
use crate::{CoordinationError, Event, Revision, Watch};
use async_trait::async_trait;
use std::sync::Arc;

pub(super) struct EmbeddedWatch {
    handle: Handle,
    prefix: Arc<str>,
    /// First revision not looked at.
    next: Revision,
}

impl EmbeddedWatch {
    pub(super) fn new(handle: Handle, prefix: &str, from: Revision) -> Self {
        Self { handle, prefix: prefix.into(), next: Revision(from.0.max(1)) }
    }
}

#[async_trait]
impl Watch for EmbeddedWatch {
    async fn next(&mut self) -> Result<Vec<Event>, CoordinationError> {
        loop {
            self.handle.reached(self.next).await?;
            let (prefix, from) = (self.prefix.clone(), self.next);
            let look = self.handle.read(move |view| view.state.history().since(from, &prefix));
            let looked = match look.await {
                Err(error) if error.is_retryable() => {
                    self.handle.recovered().await?;
                    continue;
                }
                looked => looked?,
            };
            let batch = looked.map_err(|forgotten| CoordinationError::Compacted {
                asked: from,
                oldest: forgotten.oldest,
            })?;
            self.next = batch.next;
            if !batch.events.is_empty() {
                return Ok(batch.events);
            }
        }
    }
}
