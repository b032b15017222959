//! One question, several nodes that can answer it: hedging and retrying.

use crate::{
    peers::{Peer, Peers},
    wire::LeafError,
};
use ax_model::{Code, Fault};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::time::Duration;

/// Asks the first of `candidates`; the next one at once when it fails, or beside it when it has not
/// answered after `hedge`, then after twice that, and so on. The first answer wins and the other
/// calls are dropped, which cancels them. A fault of the request itself ends the race.
pub(super) async fn first_answer<T: 'static>(
    peers: &Peers,
    candidates: Vec<Peer>,
    hedge: Duration,
    call: impl Fn(Peer) -> BoxFuture<'static, Result<T, LeafError>>,
) -> Result<T, Fault> {
    let mut race = Race { peers, waiting: candidates.into_iter(), running: Vec::new(), call };
    let mut calls = FuturesUnordered::new();
    let mut patience = hedge;
    let mut last = Fault::new(Code::ShardUnavailable, "there is no node to ask");
    calls.extend(race.next());
    loop {
        tokio::select! {
            done = calls.next() => match done {
                None => return Err(last),
                Some((peer, Ok(answer))) => {
                    race.won(&peer);
                    return Ok(answer);
                }
                Some((_, Err(error))) if error.is_final() => return Err(error.fault),
                Some((peer, Err(error))) => {
                    race.failed(&peer, &error);
                    last = error.fault;
                    calls.extend(race.next());
                }
            },
            () = tokio::time::sleep(patience), if race.has_more() => {
                metrics::counter!("ax_query_hedges_total").increment(1);
                patience *= 2;
                calls.extend(race.next());
            }
        }
    }
}

/// Who was asked, and who is left.
struct Race<'a, C> {
    peers: &'a Peers,
    waiting: std::vec::IntoIter<Peer>,
    running: Vec<Peer>,
    call: C,
}

type Call<T> = BoxFuture<'static, (Peer, Result<T, LeafError>)>;

impl<C> Race<'_, C> {
    fn next<T: 'static>(&mut self) -> Option<Call<T>>
    where
        C: Fn(Peer) -> BoxFuture<'static, Result<T, LeafError>>,
    {
        let peer = self.waiting.next()?;
        self.running.push(peer.clone());
        let answer = (self.call)(peer.clone());
        Some(Box::pin(async move { (peer, answer.await) }))
    }

    fn has_more(&self) -> bool {
        !self.waiting.as_slice().is_empty()
    }

    fn won(&self, winner: &Peer) {
        self.peers.answered(winner);
        for peer in self.running.iter().take_while(|peer| *peer != winner) {
            self.peers.overtaken(peer);
        }
    }

    fn failed(&mut self, peer: &Peer, error: &LeafError) {
        self.running.retain(|running| running != peer);
        metrics::counter!("ax_query_retries_total").increment(1);
        tracing::debug!(node = peer.id, %error, "leaf failed; asking another");
        if error.unreachable {
            self.peers.refused(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::PlacementRules;
    use std::sync::{Arc, Mutex};

    const HEDGE: Duration = Duration::from_millis(50);

    fn peer(id: &str) -> Peer {
        Peer { id: id.into(), grpc: id.into(), weight: 1, draining: false }
    }

    fn peers() -> Peers {
        Peers::new("me", 1, 1, PlacementRules::default(), Duration::from_secs(60))
    }

    fn unreachable() -> LeafError {
        LeafError { fault: Fault::new(Code::ShardUnavailable, "refused"), unreachable: true }
    }

    /// Longer than a test waits for an answer.
    const NEVER: u64 = 3_600_000;

    /// Answers of nodes: after how many milliseconds, and what. Returns the answer and who was asked.
    async fn run(
        nodes: &'static [(&'static str, u64, bool)],
    ) -> (Result<String, Fault>, Vec<String>) {
        run_with(HEDGE, nodes).await
    }

    async fn run_with(
        hedge: Duration,
        nodes: &'static [(&'static str, u64, bool)],
    ) -> (Result<String, Fault>, Vec<String>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let candidates = nodes.iter().map(|node| peer(node.0)).collect();
        let peers = peers();
        let answer = first_answer(&peers, candidates, hedge, move |peer| {
            log.lock().unwrap().push(peer.id.clone());
            let (_, after, ok) = *nodes.iter().find(|node| node.0 == peer.id).unwrap();
            Box::pin(async move {
                // tidy: sleep: how long the invented node takes to answer
                tokio::time::sleep(Duration::from_millis(after)).await;
                if ok { Ok(peer.id) } else { Err(unreachable()) }
            })
        });
        let answer = tokio::time::timeout(Duration::from_secs(30), answer).await;
        let asked = asked.lock().unwrap().clone();
        (answer.expect("somebody else was asked"), asked)
    }

    #[tokio::test]
    async fn a_quick_answer_asks_nobody_else() {
        let (answer, asked) = run(&[("a", 10, true), ("b", 10, true)]).await;
        assert_eq!((answer.unwrap().as_str(), asked.len()), ("a", 1));
    }

    #[tokio::test]
    async fn a_failure_is_retried_at_once() {
        let hedge = Duration::from_millis(NEVER);
        let (answer, _) = run_with(hedge, &[("a", 0, false), ("b", 10, true)]).await;
        assert_eq!(answer.unwrap(), "b");
    }

    #[tokio::test]
    async fn a_slow_one_is_hedged() {
        let (answer, _) = run(&[("a", NEVER, true), ("b", 10, true)]).await;
        assert_eq!(answer.unwrap(), "b");
    }

    #[tokio::test]
    async fn when_the_first_two_hang_the_third_is_asked() {
        let (answer, _) = run(&[("a", NEVER, true), ("b", NEVER, true), ("c", 1, true)]).await;
        assert_eq!(answer.unwrap(), "c");
    }

    #[tokio::test]
    async fn when_all_fail_the_last_reason_is_given() {
        let (answer, asked) = run(&[("a", 0, false), ("b", 0, false)]).await;
        assert_eq!(answer.unwrap_err().code, Code::ShardUnavailable);
        assert_eq!(asked, ["a", "b"]);
    }

    #[tokio::test]
    async fn a_fault_of_the_request_is_not_retried() {
        let answer: Result<(), _> =
            first_answer(&peers(), vec![peer("a"), peer("b")], HEDGE, |peer| {
                assert_eq!(peer.id, "a");
                let fault = Fault::new(Code::QuerySyntax, "no");
                Box::pin(async { Err(fault.into()) })
            })
            .await;
        assert_eq!(answer.unwrap_err().code, Code::QuerySyntax);
    }
}
