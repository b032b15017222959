//! A lease kept alive in the background.

use crate::{Coordination, CoordinationError, LeaseId};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Renewals per ttl. An attempt may last as long as the pause between two of them, so that at least
/// two whole attempts fit into a ttl before the lease counts as lost.
const RENEWALS_PER_TTL: u32 = 3;

/// Keeps a lease alive until dropped, and says when it is lost.
///
/// The holder's clock decides: the lease counts as lost when no renewal has succeeded for a whole
/// `ttl`, measured from before the last successful call was sent. The store ends it at the earliest
/// a `ttl` after it received that call, so the holder knows first. Loss is final, and
/// [`is_lost`](Self::is_lost) reads the clock itself: a process that was stopped (SIGSTOP, a stalled
/// runtime) sees the loss at its first look after waking, before any task has run. What the clock
/// cannot see, as a machine suspended or clocks that drift apart, fencing has to catch.
pub struct LeaseKeeper {
    id: LeaseId,
    hold: Arc<watch::Sender<Hold>>,
    _stop: DropGuard,
}

/// What the holder may believe.
#[derive(Debug, Clone, Copy)]
struct Hold {
    until: Instant,
    lost: bool,
}

impl LeaseKeeper {
    /// Grants a lease of `ttl` and renews it every third of that.
    pub async fn start(
        store: Arc<dyn Coordination>,
        ttl: Duration,
    ) -> Result<Self, CoordinationError> {
        let granted_at = Instant::now();
        let id = store.grant(ttl).await?;
        let hold = Arc::new(watch::Sender::new(Hold { until: granted_at + ttl, lost: false }));
        let stop = CancellationToken::new();
        let keeper = Self { id, hold: hold.clone(), _stop: stop.clone().drop_guard() };
        tokio::spawn(async move {
            let gone = tokio::select! {
                () = stop.cancelled() => false,
                gone = keep(&*store, id, ttl, &hold) => gone,
            };
            lose(&hold);
            if !gone {
                let _ = store.revoke(id).await; // best effort: it ends by itself otherwise
            }
        });
        Ok(keeper)
    }

    /// The lease, to tie keys to.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// True once the lease must be taken for lost. Never false again after that.
    pub fn is_lost(&self) -> bool {
        is_lost(&self.hold)
    }

    /// Returns when the lease must be taken for lost.
    pub async fn lost(&self) {
        let mut changes = self.hold.subscribe();
        while !self.is_lost() {
            let until = changes.borrow_and_update().until;
            tokio::select! {
                () = sleep_until(until) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Renews until the lease is lost. True when the store says that it is gone.
async fn keep(
    store: &dyn Coordination,
    id: LeaseId,
    ttl: Duration,
    hold: &watch::Sender<Hold>,
) -> bool {
    let pause = ttl / RENEWALS_PER_TTL;
    let mut every = interval_at(Instant::now() + pause, pause.max(Duration::from_millis(1)));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let sent_at = Instant::now();
        match timeout(pause, store.renew(id)).await {
            Ok(Ok(_)) => extend(hold, sent_at + ttl),
            Ok(Err(CoordinationError::LeaseGone(_))) => return true,
            Ok(Err(error)) => tracing::debug!(%error, "lease renewal failed; trying again"),
            Err(_) => tracing::debug!("lease renewal timed out; trying again"),
        }
        if is_lost(hold) {
            tracing::warn!(lease = id.0, "lease lost: no renewal succeeded for a whole ttl");
            return false;
        }
    }
}

/// Reads the clock and settles the question for good, in one step: a renewal that comes too late
/// must not revive what somebody was told is lost.
fn is_lost(hold: &watch::Sender<Hold>) -> bool {
    hold.send_if_modified(|hold| {
        let newly = !hold.lost && Instant::now() >= hold.until;
        hold.lost |= newly;
        newly
    });
    hold.borrow().lost
}

fn extend(hold: &watch::Sender<Hold>, until: Instant) {
    hold.send_if_modified(|hold| {
        let in_time = !hold.lost && Instant::now() < hold.until;
        if in_time {
            hold.until = until;
        }
        in_time
    });
}

fn lose(hold: &watch::Sender<Hold>) {
    hold.send_modify(|hold| hold.lost = true);
}
