//! How everybody else speaks to the driver.

use super::{
    health::Health,
    node::{Query, Reply, View},
    state_machine::Applied,
    wire::{Command, Op},
};
use crate::{CoordinationError, Revision};
use prost::Message;
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

/// What the driver is asked.
pub(super) enum Request {
    Propose(Vec<u8>, Reply),
    Read(Query),
}

/// Speaks to the driver.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) revision: watch::Receiver<Revision>,
    pub(super) health: watch::Receiver<Health>,
    pub(super) timeout: Duration,
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

    /// Waits while the log is opened again; fails when the store has ended.
    pub(super) async fn recovered(&self) -> Result<(), CoordinationError> {
        let mut health = self.health.clone();
        let settled = health.wait_for(|now| !matches!(now, Health::Recovering(_))).await;
        match settled.map(|now| now.clone()) {
            Ok(Health::Well) => Ok(()),
            Ok(ended) => Err(ended.error()),
            Err(_) => Err(self.gone()),
        }
    }

    fn gone(&self) -> CoordinationError {
        self.health.borrow().error()
    }
}
