//! One voter: Raft, its log, and the state that the log leads to. Owned by one task, which feeds it.

use super::{
    EmbeddedConfig, LogError,
    history::History,
    lessor::Lessor,
    log_file::LogFile,
    log_store::LogStore,
    raft_log,
    state_machine::{Applied, State},
    wire::{Command, Op, RevokeCommand},
};
use crate::Revision;
use prost::Message;
use raft::{
    Config, RawNode, ReadState, Ready, StateRole,
    eraftpb::{Entry, EntryType, Message as RaftMessage},
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// The id of the only voter.
const VOTER: u64 = 1;

/// Election timeout in ticks; a heartbeat is one tick.
const ELECTION_TICKS: usize = 10;

/// Proposals over this many bytes that are not committed yet are refused.
const MAX_UNCOMMITTED_BYTES: u64 = 64 << 20;

/// Entries applied in one go, in bytes. Bounds the memory of a restart with a long log.
const MAX_APPLY_BYTES: u64 = 16 << 20;

/// Where the outcome of a proposal goes. Dropped without one, the outcome is unknown.
pub(super) type Reply = oneshot::Sender<Applied>;

/// A read, run on the state once that is known to be current.
pub(super) type Query = Box<dyn FnOnce(&mut View<'_>) + Send>;

/// What a read may see.
pub(super) struct View<'a> {
    pub(super) state: &'a State,
    pub(super) lessor: &'a mut Lessor,
    pub(super) now: Duration,
}

/// A voter.
pub(super) struct Node {
    raw: RawNode<LogStore>,
    state: State,
    lessor: Lessor,
    /// Index of the last entry in `state`.
    applied: u64,
    /// Bytes of the commands applied since the last snapshot.
    num_log_bytes: u64,
    /// Proposals by the index that they were given.
    proposals: BTreeMap<u64, Proposal>,
    /// Reads that wait for word that we still lead, by number.
    unconfirmed: HashMap<u64, Vec<Query>>,
    /// Reads that wait until an index is applied, in order.
    confirmed: VecDeque<(u64, Vec<Query>)>,
    num_reads: u64,
    config: EmbeddedConfig,
}

/// What is kept of a node whose disk failed: what the log cannot give back.
pub(super) struct Remains {
    lessor: Lessor,
    history: History,
}

struct Proposal {
    /// An entry of another term at that index is somebody else's.
    term: u64,
    reply: Reply,
}

impl Node {
    /// Opens the log, takes the lead, and applies all that was committed.
    pub(super) fn open(
        config: EmbeddedConfig,
        file: &mut LogFile,
        now: Duration,
    ) -> Result<Self, LogError> {
        let first_state = State::new(config.history()).encode();
        let store = LogStore::open(file, VOTER, first_state)?;
        let (applied, data) = store.snapshot_data();
        let state = State::decode(data, config.history())?;
        let mut node = Self {
            raw: RawNode::new(&raft_config(applied), store, &raft_log::logger())?,
            state,
            lessor: Lessor::default(),
            applied,
            num_log_bytes: 0,
            proposals: BTreeMap::new(),
            unconfirmed: HashMap::new(),
            confirmed: VecDeque::new(),
            num_reads: 0,
            config,
        };
        node.pin_election_timeout();
        node.raw.campaign()?; // the only voter has nobody to wait for
        node.advance(now)?;
        if !node.leads() || !node.raw.raft.apply_to_current_term() {
            return Err(LogError::Unsupported("a log of several voters"));
        }
        Ok(node)
    }

    /// Closes the log, and keeps what it cannot give back. Proposals are dropped without an answer:
    /// whether they happened, the next opening finds out.
    pub(super) fn into_remains(self) -> Remains {
        Remains { lessor: self.lessor, history: self.state.into_history() }
    }

    /// Goes on where the node of `remains` stopped answering, `silence` ago. All that it applied was
    /// durable before, so its history is the beginning of ours.
    pub(super) fn resume(&mut self, remains: Remains, silence: Duration) {
        self.lessor.resume(&remains.lessor, silence);
        self.state.resume_history(remains.history);
    }

    /// Revision of the last change applied.
    pub(super) fn revision(&self) -> Revision {
        self.state.revision()
    }

    /// Puts a command into the log to come. Its reply is dropped at once when that is refused.
    pub(super) fn propose(&mut self, command: Vec<u8>, reply: Reply) {
        if self.append(command) {
            let index = self.raw.raft.raft_log.last_index();
            let term = self.raw.raft.term;
            self.proposals.insert(index, Proposal { term, reply });
        }
    }

    /// False when we do not lead (a follower would pass it on, and never learn the outcome), or when
    /// too much is uncommitted.
    fn append(&mut self, command: Vec<u8>) -> bool {
        self.leads() && self.raw.propose(Vec::new(), command).is_ok()
    }

    /// Reads that begin now. One confirmation serves all of them.
    pub(super) fn read(&mut self, queries: Vec<Query>) {
        if self.leads() && !queries.is_empty() {
            self.num_reads += 1;
            self.unconfirmed.insert(self.num_reads, queries);
            self.raw.read_index(self.num_reads.to_be_bytes().to_vec());
        }
    }

    /// A tick of Raft's clock, and the end of the leases that are due.
    pub(super) fn tick(&mut self, now: Duration) {
        self.raw.tick();
        self.pin_election_timeout();
        if !self.leads() {
            return;
        }
        for id in self.lessor.take_due(now) {
            let command = Command { op: Some(Op::Revoke(RevokeCommand { id })) };
            if !self.append(command.encode_to_vec()) {
                self.lessor.put_back(id);
            }
        }
    }

    /// Does all that Raft has ready: makes durable, applies, answers. An error leaves the node unfit
    /// for anything but being dropped.
    pub(super) fn drive(&mut self, now: Duration) -> Result<(), LogError> {
        self.advance(now)?;
        self.compact_if_due()
    }

    /// As [`drive`](Self::drive), but for snapshots: those want room, which an opening can do without.
    fn advance(&mut self, now: Duration) -> Result<(), LogError> {
        while self.raw.has_ready() {
            let mut ready = self.raw.ready();
            self.note_role(&ready, now);
            self.persist(&ready, now)?;
            self.send(ready.take_messages());
            self.send(ready.take_persisted_messages());
            self.apply(ready.take_committed_entries(), now)?;
            self.confirm(ready.take_read_states());
            let mut light = self.raw.advance(ready);
            self.send(light.take_messages());
            self.apply(light.take_committed_entries(), now)?;
            self.raw.advance_apply();
            self.answer(now);
            self.pin_election_timeout();
        }
        Ok(())
    }

    fn leads(&self) -> bool {
        self.raw.raft.state == StateRole::Leader
    }

    fn note_role(&mut self, ready: &Ready, now: Duration) {
        let Some(soft_state) = ready.ss() else { return };
        if soft_state.raft_state == StateRole::Leader {
            self.refill_leases(now);
        } else {
            // Dropped without an answer: whether they happen is the next leader's to decide.
            self.proposals.clear();
            self.unconfirmed.clear();
        }
    }

    fn refill_leases(&mut self, now: Duration) {
        self.lessor.clear();
        for (id, ttl) in self.state.leases() {
            self.lessor.add(id, ttl, now);
        }
    }

    /// On disk before anything acts on it. A commit index that moved alone is not worth an fsync: a
    /// restart finds it again.
    fn persist(&mut self, ready: &Ready, now: Duration) -> Result<(), LogError> {
        if !ready.snapshot().is_empty() {
            self.install(ready, now)?;
        }
        if ready.must_sync() {
            let began = Instant::now();
            self.raw.mut_store().append(ready.entries(), ready.hs())?;
            metrics::histogram!("ax_coordination_commit_seconds").record(began.elapsed());
        }
        Ok(())
    }

    fn install(&mut self, ready: &Ready, now: Duration) -> Result<(), LogError> {
        let snapshot = ready.snapshot();
        let hard_state = self.raw.raft.hard_state();
        self.raw.mut_store().install(snapshot, hard_state)?;
        self.state = State::decode(&snapshot.data, self.config.history())?;
        self.applied = snapshot.get_metadata().index;
        self.refill_leases(now);
        Ok(())
    }

    /// One voter addresses nobody; a transport between voters takes these.
    fn send(&self, messages: Vec<RaftMessage>) {
        for message in messages {
            tracing::debug!(to = message.to, "no transport for a raft message");
        }
    }

    fn apply(&mut self, entries: Vec<Entry>, now: Duration) -> Result<(), LogError> {
        for entry in entries {
            let outcome = self.apply_entry(&entry, now)?;
            self.applied = entry.index;
            self.num_log_bytes += entry.data.len() as u64;
            let proposal = self.proposals.remove(&entry.index);
            let ours = proposal.filter(|proposal| proposal.term == entry.term);
            if let (Some(proposal), Some(outcome)) = (ours, outcome) {
                let _ = proposal.reply.send(outcome); // the caller may have given up
            }
        }
        Ok(())
    }

    fn apply_entry(&mut self, entry: &Entry, now: Duration) -> Result<Option<Applied>, LogError> {
        if entry.get_entry_type() != EntryType::EntryNormal {
            return Err(LogError::Unsupported("a change of voters"));
        }
        if entry.data.is_empty() {
            return Ok(None); // a leader began its term
        }
        let outcome = self.state.apply(Command::decode(entry.data.as_slice())?)?;
        match outcome {
            Applied::Granted(id, ttl) => self.lessor.add(id.0, ttl, now),
            Applied::Revoked(id) => self.lessor.remove(id.0),
            _ => {}
        }
        Ok(Some(outcome))
    }

    fn confirm(&mut self, read_states: Vec<ReadState>) {
        for ReadState { index, request_ctx } in read_states {
            let number = request_ctx.try_into().map(u64::from_be_bytes);
            let queries = number.ok().and_then(|number| self.unconfirmed.remove(&number));
            self.confirmed.extend(queries.map(|queries| (index, queries)));
        }
    }

    fn answer(&mut self, now: Duration) {
        while self.confirmed.front().is_some_and(|(index, _)| *index <= self.applied) {
            let Some((_, queries)) = self.confirmed.pop_front() else { return };
            for query in queries {
                query(&mut View { state: &self.state, lessor: &mut self.lessor, now });
            }
        }
    }

    /// The whole log goes. Other voters, once there are any, want a tail left for the slowest of them.
    fn compact_if_due(&mut self) -> Result<(), LogError> {
        let num_entries = self.applied - self.raw.store().snapshot_data().0;
        let is_due = num_entries >= self.config.snapshot_every
            || self.num_log_bytes >= self.config.snapshot_every_bytes;
        if !is_due {
            return Ok(());
        }
        self.num_log_bytes = 0;
        let (data, hard_state) = (self.state.encode(), self.raw.raft.hard_state());
        metrics::counter!("ax_coordination_snapshots_total").increment(1);
        tracing::debug!(index = self.applied, num_bytes = data.len(), "snapshot of the log");
        self.raw.mut_store().compact(self.applied, data, hard_state)
    }

    /// Raft draws its timeout from a thread-local generator whenever it changes role or term, which no
    /// simulation could repeat. So ours is set again after each step that might have drawn.
    fn pin_election_timeout(&mut self) {
        let spread = self.config.seed % ELECTION_TICKS as u64;
        self.raw.raft.set_randomized_election_timeout(ELECTION_TICKS + spread as usize);
    }
}

fn raft_config(applied: u64) -> Config {
    Config {
        election_tick: ELECTION_TICKS,
        heartbeat_tick: 1,
        applied,
        max_size_per_msg: 1 << 20,
        max_uncommitted_size: MAX_UNCOMMITTED_BYTES,
        max_committed_size_per_ready: MAX_APPLY_BYTES,
        pre_vote: true,
        check_quorum: true,
        ..Config::new(VOTER)
    }
}

#[cfg(test)]
mod tests;
