//! The thread that owns the [`Node`].
//!
//! A thread of its own with a small runtime, because an fsync blocks: on the caller's runtime it would
//! stall whatever else runs there. Requests that come in while the disk is busy are taken together, so
//! that one fsync serves all of them.
//!
//! When the disk fails, the node is dropped: what it had not made durable must not be acted upon, and
//! whether it was, only the log can tell. So the log is opened again, replayed, and its only voter
//! takes the lead in a new term, ever less often while the disk goes on failing. Meanwhile each request
//! is refused at once as [`CoordinationError::Unavailable`], whose outcome is unknown; watches wait.

use super::{
    EmbeddedConfig, LogError,
    handle::{Handle, Request},
    health::{Backoff, Health},
    log_file::LogFile,
    node::{Node, Remains},
};
use crate::{CoordinationError, Revision};
use std::{sync::Arc, thread, time::Duration};
use tokio::{
    runtime,
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

/// Requests that wait for the driver. More callers than this at once wait to be let in.
const QUEUE: usize = 1_024;

/// Most requests, and most bytes of commands, that share one fsync: bounds the wait of the first.
const MAX_BATCH: usize = 512;
const MAX_BATCH_BYTES: usize = 4 << 20;

/// First and longest pause before a log whose disk failed is opened again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The disk, as far as a test may have another.
pub(super) struct Disk {
    pub(super) file: LogFile,
    pub(super) pauses: (Duration, Duration),
}

impl Disk {
    /// The real one.
    pub(super) fn of(config: &EmbeddedConfig) -> Self {
        Self { file: LogFile::new(&config.dir), pauses: PAUSES }
    }
}

/// The driver, as its owner holds it.
pub(super) struct Driver {
    pub(super) handle: Handle,
    stop: CancellationToken,
    ended: watch::Receiver<()>,
}

impl Driver {
    /// Starts the thread; returns once the log is open and applied.
    pub(super) async fn start(
        config: EmbeddedConfig,
        disk: Disk,
    ) -> Result<Self, CoordinationError> {
        let (requests_tx, requests) = mpsc::channel(QUEUE);
        let (revision_tx, revision) = watch::channel(Revision::default());
        let (health_tx, health) = watch::channel(Health::Well);
        let (ended_tx, ended) = watch::channel(());
        let (opened_tx, opened) = oneshot::channel();
        let stop = CancellationToken::new();
        let (dir, timeout) = (config.dir.clone(), config.timeout);
        let shell = Shell {
            requests,
            revision: revision_tx,
            health: Arc::new(health_tx),
            stop: stop.clone(),
            answered_at: config.clock.now(),
            file: disk.file,
            backoff: Backoff::new(disk.pauses),
            config,
        };
        spawn(move || {
            shell.run(opened_tx);
            drop(ended_tx); // after the node is: the log file is closed now
        })?;
        let died = || CoordinationError::Broken("the driver died while it opened the log".into());
        let outcome = opened.await.map_err(|_| died())?;
        outcome.map_err(|error| error.into_coordination(&dir))?;
        let handle = Handle { requests: requests_tx, revision, health, timeout };
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

/// The thread's own things.
struct Shell {
    requests: mpsc::Receiver<Request>,
    revision: watch::Sender<Revision>,
    health: Arc<watch::Sender<Health>>,
    stop: CancellationToken,
    config: EmbeddedConfig,
    file: LogFile,
    backoff: Backoff,
    /// When the node last was about to answer what it was asked: leases lose no time after that.
    answered_at: Duration,
}

impl Shell {
    fn run(mut self, opened: oneshot::Sender<Result<(), LogError>>) {
        let opening = runtime::Builder::new_current_thread().enable_time().build();
        let opening = opening
            .map_err(LogError::Io)
            .and_then(|runtime| self.open().map(|node| (runtime, node)));
        match opening {
            Err(error) => drop(opened.send(Err(error))),
            Ok((runtime, node)) => {
                self.show(&node);
                if opened.send(Ok(())).is_ok() {
                    runtime.block_on(self.live(node));
                }
            }
        }
    }

    fn open(&mut self) -> Result<Node, LogError> {
        Node::open(self.config.clone(), &mut self.file, self.config.clock.now())
    }

    /// Serves until told to stop, with a new node after each failure of the disk.
    async fn live(&mut self, mut node: Node) {
        // Dropped before the node, so that callers whose replies go with it find it set.
        let _end = EndGuard(self.health.clone());
        while let Err(error) = self.serve(&mut node).await {
            if !error.is_of_disk() {
                return self.die(&error);
            }
            let failure = self.failure(&error);
            tracing::error!(%failure, "the embedded coordination store stops until its disk works");
            self.health.send_replace(Health::Recovering(failure)); // before replies are dropped
            match self.recover(node.into_remains()).await {
                Some(recovered) => node = recovered,
                None => return,
            }
        }
    }

    async fn serve(&mut self, node: &mut Node) -> Result<(), LogError> {
        let mut ticks = interval(self.config.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                request = self.requests.recv() => match request {
                    Some(request) => self.take_batch(request, node),
                    None => return Ok(()),
                },
                _ = ticks.tick() => node.tick(self.config.clock.now()),
            }
            self.answered_at = self.config.clock.now();
            node.drive(self.answered_at)?;
            self.show(node);
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

    /// Lets watches see how far the node is.
    fn show(&self, node: &Node) {
        let revision = node.revision();
        self.revision.send_if_modified(|known| {
            let moved = *known != revision;
            *known = revision;
            moved
        });
    }

    /// Opens the log again until that works; `None` when told to stop, or when it cannot work.
    async fn recover(&mut self, remains: Remains) -> Option<Node> {
        loop {
            let pause = self.backoff.next();
            if !self.refuse_for(pause).await {
                return None;
            }
            match self.open() {
                Ok(node) => return Some(self.resume(node, remains)),
                Err(error) if error.is_of_disk() => {
                    let failure = self.failure(&error);
                    tracing::warn!(%failure, ?pause, "the disk still fails");
                    self.health.send_replace(Health::Recovering(failure));
                }
                Err(error) => {
                    self.die(&error);
                    return None;
                }
            }
        }
    }

    fn resume(&self, mut node: Node, remains: Remains) -> Node {
        let silence = self.config.clock.now().saturating_sub(self.answered_at);
        node.resume(remains, silence);
        metrics::counter!("ax_coordination_recoveries_total").increment(1);
        tracing::info!(?silence, "the embedded coordination store goes on");
        self.health.send_replace(Health::Well);
        self.show(&node);
        node
    }

    /// Drops what is asked for `pause`, which tells each caller. False when told to stop.
    async fn refuse_for(&mut self, pause: Duration) -> bool {
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = &mut over => return true,
                request = self.requests.recv() => if request.is_none() { return false },
            }
        }
    }

    /// What no new opening mends: the log is damaged, gone, or not ours.
    fn die(&self, error: &LogError) {
        let failure = self.failure(error);
        tracing::error!(%failure, "the embedded coordination store stops for good");
        self.health.send_replace(Health::Dead(failure));
    }

    fn failure(&self, error: &LogError) -> String {
        format!("{}: {error}", self.config.dir.display())
    }
}

/// Says that the thread has ended. Raft panics when its invariants are broken; callers then learn why
/// nothing answers any more.
struct EndGuard(Arc<watch::Sender<Health>>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        let panicking = thread::panicking();
        self.0.send_if_modified(|health| {
            let is_news = !matches!(health, Health::Dead(_));
            if is_news {
                *health = match panicking {
                    true => Health::Dead("the driver of the embedded store panicked".to_owned()),
                    false => Health::Closed,
                };
            }
            is_news
        });
    }
}
