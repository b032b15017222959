//! A lease kept alive in the background.

use crate::{Coordination, CoordinationError, LeaseId};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Keeps a lease alive until dropped, and says when it is lost.
///
/// The holder's clock decides: the lease counts as lost when no renewal has succeeded for a whole
/// `ttl`, measured from before the last successful call was sent. The store ends it at the earliest
/// a `ttl` after it received that call, so the holder always knows first.
pub struct LeaseKeeper {
    id: LeaseId,
    lost: watch::Receiver<bool>,
    _stop: DropGuard,
}

impl LeaseKeeper {
    /// Grants a lease of `ttl` and renews it every third of that.
    pub async fn start(
        store: Arc<dyn Coordination>,
        ttl: Duration,
    ) -> Result<Self, CoordinationError> {
        let granted_at = tokio::time::Instant::now();
        let id = store.grant(ttl).await?;
        let (lost_tx, lost) = watch::channel(false);
        let stop = CancellationToken::new();
        let task = keep(store, id, ttl, granted_at, stop.clone());
        tokio::spawn(async move {
            task.await;
            let _ = lost_tx.send(true); // nobody listens any more: nothing to tell
        });
        Ok(Self { id, lost, _stop: stop.drop_guard() })
    }

    /// The lease, to tie keys to.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// True once the lease must be taken for lost.
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Returns when the lease must be taken for lost.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        let _ = lost.wait_for(|lost| *lost).await; // a closed channel is a lost lease too
    }
}

/// Renews until stopped, lost or too late. On stop the lease is revoked, so that others need not
/// wait for it to end.
async fn keep(
    store: Arc<dyn Coordination>,
    id: LeaseId,
    ttl: Duration,
    granted_at: tokio::time::Instant,
    stop: CancellationToken,
) {
    let mut held_until = granted_at + ttl;
    let mut every = tokio::time::interval(ttl / 3);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                let _ = store.revoke(id).await; // best effort: it ends by itself otherwise
                return;
            }
            _ = every.tick() => {}
        }
        let sent_at = tokio::time::Instant::now();
        match tokio::time::timeout_at(held_until, store.renew(id)).await {
            Ok(Ok(_)) => held_until = sent_at + ttl,
            Ok(Err(CoordinationError::LeaseGone(_))) | Err(_) => return,
            Ok(Err(error)) => tracing::debug!(%error, "lease renewal failed; trying again"),
        }
        if tokio::time::Instant::now() >= held_until {
            return;
        }
    }
}
