//! Bytes of answers that wait for their readers, bounded over all requests of a node.
//!
//! Work on an answer is bounded by admission; an answer that is done is only memory, for as long as its
//! reader likes. So its bytes are counted until they are taken, and when there is no room for another
//! answer, the reader who has taken nothing for longest is cut off. Rejected: refusing new answers
//! instead, since then a few clients that read nothing would stop the node for everybody.

use ax_model::{Code, Fault};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// A reader who took something within this time is never cut off to make room.
pub const SPARED: Duration = Duration::from_secs(1);

/// Whoever takes an answer.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// Cancelled when the reader is cut off. Whoever holds its connection closes it then.
    pub cut: CancellationToken,
    /// Cut off when it takes no event of a stream for so long; `None` when its connection sees to it.
    pub patience: Option<Duration>,
}

/// The bytes of all answers of a node that wait to be taken.
#[derive(Debug)]
pub struct Answers {
    max_bytes: usize,
    spared: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    next_id: u64,
    holds: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    bytes: usize,
    /// When the reader took something last, or when there began to be something to take.
    moved: Instant,
    /// Cuts the reader off; `None` while the answer is still worked on.
    cut: Option<CancellationToken>,
}

impl Answers {
    /// Room for `max_bytes`. A reader who moved within `spared` is not cut off.
    pub fn new(max_bytes: usize, spared: Duration) -> Arc<Self> {
        Arc::new(Self { max_bytes, spared, state: Mutex::default() })
    }

    /// A hold on no bytes yet.
    pub fn hold(self: &Arc<Self>) -> Hold {
        let mut state = self.state.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.holds.insert(id, Entry { bytes: 0, moved: Instant::now(), cut: None });
        Hold { answers: self.clone(), id }
    }

    /// Bytes that are held now.
    pub fn used(&self) -> usize {
        self.state.lock().used
    }
}

impl State {
    /// Makes room by cutting off the reader who has not moved for longest. False when all did lately.
    fn cut_one(&mut self, except: u64, spared: Duration) -> bool {
        let readers = self.holds.iter().filter(|(id, entry)| {
            **id != except
                && entry.bytes > 0
                && entry.cut.is_some()
                && entry.moved.elapsed() >= spared
        });
        let Some(id) = readers.min_by_key(|(_, entry)| entry.moved).map(|(id, _)| *id) else {
            return false;
        };
        if let Some(Entry { bytes, moved, cut: Some(cut) }) = self.remove(id) {
            let idle = moved.elapsed();
            tracing::warn!(
                bytes,
                ?idle,
                "cut off a client that takes nothing, to make room for others"
            );
            metrics::counter!("ax_query_readers_cut_total").increment(1);
            cut.cancel();
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.holds.remove(&id)?;
        self.used -= entry.bytes;
        metrics::gauge!("ax_query_answer_bytes").set(self.used as f64);
        Some(entry)
    }
}

/// One answer's share of the room, given back when dropped.
#[derive(Debug)]
pub struct Hold {
    answers: Arc<Answers>,
    id: u64,
}

impl Hold {
    /// Counts `bytes` more. `AX-A008` when there is no room and nobody to cut off, or when this
    /// answer's own reader was.
    pub fn grow(&self, bytes: usize) -> Result<(), Fault> {
        let state = &mut *self.answers.state.lock();
        while state.used.saturating_add(bytes) > self.answers.max_bytes {
            if !state.cut_one(self.id, self.answers.spared) {
                return Err(full(self.answers.max_bytes));
            }
        }
        let Some(entry) = state.holds.get_mut(&self.id) else { return Err(cut_off()) };
        if entry.bytes == 0 {
            entry.moved = Instant::now();
        }
        entry.bytes += bytes;
        state.used += bytes;
        metrics::gauge!("ax_query_answer_bytes").set(state.used as f64);
        Ok(())
    }

    /// From now on it is up to the reader, who can be cut off through `cut`.
    pub fn reading(&self, cut: CancellationToken) {
        if let Some(entry) = self.answers.state.lock().holds.get_mut(&self.id) {
            entry.moved = Instant::now();
            entry.cut = Some(cut);
        }
    }

    /// The reader took something; `bytes` of it are free again.
    pub fn taken(&self, bytes: usize) {
        let state = &mut *self.answers.state.lock();
        let Some(entry) = state.holds.get_mut(&self.id) else { return };
        let bytes = bytes.min(entry.bytes);
        entry.bytes -= bytes;
        entry.moved = Instant::now();
        state.used -= bytes;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.answers.state.lock().remove(self.id);
    }
}

fn full(max_bytes: usize) -> Fault {
    let message = format!("answers that are being read fill the {max_bytes} bytes kept for them");
    Fault::new(Code::Overloaded, message).hint("try again, or ask another node")
}

/// What a reader is told whose answer was given up.
pub(crate) fn cut_off() -> Fault {
    let message = "the answer was not taken in time, and is cut off";
    Fault::new(Code::Overloaded, message).hint("read faster, or ask for less")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(answers: &Arc<Answers>, bytes: usize) -> (Hold, CancellationToken) {
        let (hold, cut) = (answers.hold(), CancellationToken::new());
        hold.grow(bytes).unwrap();
        hold.reading(cut.clone());
        (hold, cut)
    }

    #[test]
    fn room_is_given_back_as_it_is_taken() {
        let answers = Answers::new(100, SPARED);
        let (hold, _) = reading(&answers, 60);
        assert_eq!(answers.hold().grow(41).unwrap_err().code, Code::Overloaded);
        hold.taken(20);
        assert_eq!(answers.used(), 40);
        drop(hold);
        assert_eq!(answers.used(), 0);
        answers.hold().grow(100).unwrap();
    }

    #[test]
    fn who_has_not_moved_for_longest_makes_room() {
        let answers = Answers::new(100, Duration::ZERO);
        let (first, first_cut) = reading(&answers, 40);
        let (second, second_cut) = reading(&answers, 40);
        first.taken(1);
        let third = answers.hold();
        third.grow(40).unwrap();
        assert!(second_cut.is_cancelled() && !first_cut.is_cancelled());
        assert_eq!(answers.used(), 79);
        assert_eq!(second.grow(1).unwrap_err().code, Code::Overloaded);
        drop(second);
        assert_eq!(answers.used(), 79, "what was cut off is not given back twice");
    }

    #[test]
    fn work_and_readers_who_move_are_spared() {
        let answers = Answers::new(100, Duration::ZERO);
        let working = answers.hold();
        working.grow(100).unwrap();
        assert!(answers.hold().grow(1).is_err(), "nobody reads it yet");
        drop(working);
        let answers = Answers::new(100, Duration::from_secs(3600));
        let (_hold, cut) = reading(&answers, 100);
        assert!(answers.hold().grow(1).is_err());
        assert!(!cut.is_cancelled());
    }
}
