//! The thread that owns the [`Node`], and the handle by which all others speak to it.
//!
//! A thread of its own with a small runtime, because an fsync blocks: on the caller's runtime it would
//! stall whatever else runs there. Requests that come in while the disk is busy are taken together, so
//! that one fsync serves all of them.

use super::{
    Clock, EmbeddedConfig, LogError,
    node::{Node, Query, Reply, View},
    state_machine::Applied,
    wire::{Command, Op},
};
use crate::{CoordinationError, Revision};
use prost::Message;
use std::{
    path::Path,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};
use tokio::{
    runtime,
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// Requests that wait for the driver. More callers than this at once wait to be let in.
const QUEUE: usize = 1_024;

/// Most requests, and most bytes of commands, that share one fsync: bounds the wait of the first.
const MAX_BATCH: usize = 512;
const MAX_BATCH_BYTES: usize = 4 << 20;

enum Request {
    Propose(Vec<u8>, Reply),
    Read(Query),
}

/// Speaks to the driver.
#[derive(Clone)]
pub(super) struct Handle {
    requests: mpsc::Sender<Request>,
    revision: watch::Receiver<Revision>,
    failure: Arc<OnceLock<String>>,
    timeout: Duration,
}

/// The driver, as its owner holds it.
pub(super) struct Driver {
    pub(super) handle: Handle,
    stop: CancellationToken,
    ended: watch::Receiver<()>,
}

impl Driver {
    /// Starts the thread; returns once the log is open and applied.
    pub(super) async fn start(config: EmbeddedConfig) -> Result<Self, CoordinationError> {
        let (requests_tx, requests) = mpsc::channel(QUEUE);
        let (revision_tx, revision) = watch::channel(Revision::default());
        let (ended_tx, ended) = watch::channel(());
        let (opened_tx, opened) = oneshot::channel();
        let failure = Arc::new(OnceLock::new());
        let stop = CancellationToken::new();
        let (dir, timeout) = (config.dir.clone(), config.timeout);
        let shell = Shell {
            requests,
            revision: revision_tx,
            failure: failure.clone(),
            stop: stop.clone(),
            clock: config.clock.clone(),
            tick: config.tick,
        };
        spawn(move || {
            shell.run(config, opened_tx);
            drop(ended_tx); // after the node is: the log file is closed now
        })?;
        let died = || CoordinationError::Broken("the driver died while it opened the log".into());
        let outcome = opened.await.map_err(|_| died())?;
        outcome.map_err(|error| error.into_coordination(&dir))?;
        let handle = Handle { requests: requests_tx, revision, failure, timeout };
        Ok(Self { handle, stop, ended })
    }

    /// Stops, and returns when the log file is closed.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        let _ = self.ended.clone().changed().await; // never changes: ends when its sender does
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> Result<(), CoordinationError> {
    let spawned = thread::Builder::new().name("ax-coordination".to_owned()).spawn(run);
    spawned.map(drop).map_err(|error| CoordinationError::Broken(format!("no thread: {error}")))
}

impl Handle {
    /// Has a command done; returns once it is durable and applied.
    pub(super) async fn propose(&self, op: Op) -> Result<Applied, CoordinationError> {
        let (reply, answer) = oneshot::channel();
        let command = Command { op: Some(op) }.encode_to_vec();
        self.ask(Request::Propose(command, reply), answer).await
    }

    /// Runs `query` on a state that has all writes acknowledged before now.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut View<'_>) -> T + Send + 'static,
    ) -> Result<T, CoordinationError> {
        let (reply, answer) = oneshot::channel();
        let query = move |view: &mut View<'_>| {
            let _ = reply.send(query(view)); // the caller may have given up
        };
        self.ask(Request::Read(Box::new(query)), answer).await
    }

    async fn ask<T>(
        &self,
        request: Request,
        answer: oneshot::Receiver<T>,
    ) -> Result<T, CoordinationError> {
        let exchange = async {
            self.requests.send(request).await.map_err(|_| self.gone())?;
            answer.await.map_err(|_| self.gone())
        };
        let late = |_| CoordinationError::Unavailable(format!("no answer in {:?}", self.timeout));
        timeout(self.timeout, exchange).await.map_err(late)?
    }

    /// Waits until the state has reached `revision`.
    pub(super) async fn reached(&self, revision: Revision) -> Result<(), CoordinationError> {
        let mut changes = self.revision.clone();
        let reached = changes.wait_for(|now| *now >= revision).await;
        reached.map(drop).map_err(|_| self.gone())
    }

    fn gone(&self) -> CoordinationError {
        match self.failure.get() {
            Some(failure) => CoordinationError::Broken(failure.clone()),
            None => CoordinationError::Unavailable("the store is closed, or overloaded".into()),
        }
    }
}

/// The thread's own things.
struct Shell {
    requests: mpsc::Receiver<Request>,
    revision: watch::Sender<Revision>,
    failure: Arc<OnceLock<String>>,
    stop: CancellationToken,
    clock: Arc<dyn Clock>,
    tick: Duration,
}

impl Shell {
    fn run(mut self, config: EmbeddedConfig, opened: oneshot::Sender<Result<(), LogError>>) {
        let dir = config.dir.clone();
        let opening = runtime::Builder::new_current_thread().enable_time().build();
        let opening = opening
            .map_err(LogError::Io)
            .and_then(|runtime| Node::open(config, self.clock.now()).map(|node| (runtime, node)));
        match opening {
            Err(error) => drop(opened.send(Err(error))),
            Ok((runtime, mut node)) => {
                // Declared after the node, so that callers whose replies go with it find it set.
                let _panic = PanicGuard(self.failure.clone());
                self.revision.send_replace(node.revision());
                if opened.send(Ok(())).is_ok() {
                    let outcome = runtime.block_on(self.serve(&mut node));
                    self.end(outcome, &dir);
                }
            }
        }
    }

    async fn serve(&mut self, node: &mut Node) -> Result<(), LogError> {
        let mut ticks = interval(self.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                request = self.requests.recv() => match request {
                    Some(request) => self.take_batch(request, node),
                    None => return Ok(()),
                },
                _ = ticks.tick() => node.tick(self.clock.now()),
            }
            node.drive(self.clock.now())?;
            let revision = node.revision();
            self.revision.send_if_modified(|known| {
                let moved = *known != revision;
                *known = revision;
                moved
            });
        }
    }

    fn take_batch(&mut self, first: Request, node: &mut Node) {
        let mut queries = Vec::new();
        let (mut num_requests, mut num_bytes) = (0, 0);
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Propose(command, reply) => {
                    num_bytes += command.len();
                    node.propose(command, reply);
                }
                Request::Read(query) => queries.push(query),
            }
            num_requests += 1;
            let full = num_requests >= MAX_BATCH || num_bytes >= MAX_BATCH_BYTES;
            next = if full { None } else { self.requests.try_recv().ok() };
        }
        node.read(queries);
    }

    /// A store whose disk failed stops for good: what was not made durable must not be acted upon, and
    /// whether it was, only the next start can tell.
    fn end(&self, outcome: Result<(), LogError>, dir: &Path) {
        if let Err(error) = outcome {
            let failure = format!("{}: {error}", dir.display());
            tracing::error!(%failure, "the embedded coordination store stops");
            let _ = self.failure.set(failure); // only a panic sets it too, and then we are not here
        }
    }
}

/// Raft panics when its invariants are broken; callers then learn why nothing answers any more.
struct PanicGuard(Arc<OnceLock<String>>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.set("the driver of the embedded store panicked".to_owned());
        }
    }
}
