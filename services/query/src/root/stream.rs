//! Answers as streams: files as they come, or the best first, then a summary.
//!
//! Shards are asked and files are sent beside one another, so that a reader who pauses holds up no
//! shard, and uses up no deadline. What waits for the reader is counted in [`Answers`](crate::answers).

use super::{Resolved, Root, fail_whole, finish, span_of};
use crate::answers::{Hold, Reader, cut_off};
use ax_model::Fault;
use ax_proto::search::{FileMatch, SearchEvent, SearchRequest, Summary, search_event::Event};
use futures::{Stream, StreamExt};
use prost::Message;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::merge::Tally;

/// Events that stand ready, so that the reader does not wait for a task to wake.
const STREAM_BUFFER: usize = 4;

/// An event and the bytes that it holds until it is taken.
type Counted = (Result<SearchEvent, Fault>, usize);

/// A stream of events that ends with a summary or an error.
pub struct EventStream {
    events: ReceiverStream<Counted>,
    hold: Arc<Hold>,
    cut: CancellationToken,
    ended: bool,
}

impl Stream for EventStream {
    type Item = Result<SearchEvent, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.events.poll_next_unpin(cx) {
            Poll::Ready(Some((event, bytes))) => {
                self.hold.taken(bytes);
                self.ended = is_last(&event);
                Poll::Ready(Some(event))
            }
            // Whoever was cut off and comes back is told, rather than left with half an answer.
            Poll::Ready(None) if !self.ended && self.cut.is_cancelled() => {
                self.ended = true;
                Poll::Ready(Some(Err(cut_off())))
            }
            other => other.map(|_| None),
        }
    }
}

fn is_last(event: &Result<SearchEvent, Fault>) -> bool {
    !matches!(event, Ok(SearchEvent { event: Some(Event::File(_)) }))
}

impl Root {
    /// Searches and streams files, then one summary. With a limit or a `sort:` they come in order; with
    /// `all` alone, each shard's files come as soon as that shard has answered, so that nothing is held
    /// back.
    ///
    /// Waits for admission. A request at fault is refused before the stream begins. Dropping the
    /// stream cancels.
    pub async fn search_stream(
        &self,
        request: SearchRequest,
        reader: Reader,
    ) -> Result<EventStream, Fault> {
        let (resolved, permit) = self.admit(request).await?;
        let (events, stream) = mpsc::channel(STREAM_BUFFER);
        let (hold, cut) = (Arc::new(self.inner.answers.hold()), reader.cut.clone());
        let stream = EventStream {
            events: ReceiverStream::new(stream),
            hold: hold.clone(),
            cut: cut.clone(),
            ended: false,
        };
        let outlet = Outlet { events, hold, reader, waiting: VecDeque::new() };
        let (root, span) = (self.clone(), span_of(&resolved));
        let task = async move {
            let gone = outlet.events.clone();
            tokio::select! {
                () = gone.closed() => tracing::debug!("the client went away"),
                () = cut.cancelled() => {}
                () = root.feed(&resolved, outlet, permit) => {}
            }
        };
        tokio::spawn(task.instrument(span));
        Ok(stream)
    }

    async fn feed(&self, resolved: &Resolved, mut outlet: Outlet, permit: OwnedSemaphorePermit) {
        let answer = if resolved.is_unordered() {
            self.forward(resolved, &mut outlet).await
        } else {
            self.best_first(resolved, &mut outlet).await
        };
        drop(permit); // it covers the work; what is left is up to the reader
        self.note(resolved, answer.as_ref().map(Some));
        outlet.finish(answer).await;
    }

    async fn best_first(&self, resolved: &Resolved, outlet: &mut Outlet) -> Result<Summary, Fault> {
        let answer = self.gather(resolved, &outlet.hold).await?;
        outlet.hold.reading(outlet.reader.cut.clone());
        outlet.waiting.extend(answer.files);
        Ok(answer.summary.unwrap_or_default())
    }

    /// Each shard's files as they come.
    async fn forward(&self, resolved: &Resolved, outlet: &mut Outlet) -> Result<Summary, Fault> {
        outlet.hold.reading(outlet.reader.cut.clone());
        let mut tally = Tally::new(self.inner.world.generation, &resolved.request_id)
            .asking_names(resolved.asks_names);
        let mut answers = std::pin::pin!(self.ask_shards(resolved));
        loop {
            tokio::select! {
                answer = answers.next() => match answer {
                    Some((shard, result)) => outlet.push(tally.add(shard, fail_whole(result)?))?,
                    None => return finish(tally, resolved),
                },
                () = outlet.send_one(), if !outlet.waiting.is_empty() => {}
            }
        }
    }
}

/// Where a stream's events go: a queue whose bytes are counted, then a few slots before the reader.
struct Outlet {
    events: mpsc::Sender<Counted>,
    hold: Arc<Hold>,
    reader: Reader,
    waiting: VecDeque<FileMatch>,
}

impl Outlet {
    fn push(&mut self, files: Vec<FileMatch>) -> Result<(), Fault> {
        self.hold.grow(files.iter().map(Message::encoded_len).sum())?;
        self.waiting.extend(files);
        Ok(())
    }

    /// Sends the next file once there is room. Dropping the future before then loses nothing.
    async fn send_one(&mut self) {
        let slot = match self.reader.patience {
            None => self.events.reserve().await,
            Some(patience) => match tokio::time::timeout(patience, self.events.reserve()).await {
                Ok(slot) => slot,
                Err(_) => {
                    tracing::warn!(?patience, "cut off a client that took no event for so long");
                    self.reader.cut.cancel(); // ends this task at its next pause
                    return std::future::pending().await;
                }
            },
        };
        match slot {
            Err(_) => std::future::pending().await, // the client went away; the task ends with that
            Ok(slot) => {
                if let Some(file) = self.waiting.pop_front() {
                    let bytes = file.encoded_len();
                    slot.send((Ok(SearchEvent { event: Some(Event::File(file)) }), bytes));
                }
            }
        }
    }

    /// Sends what waits, then the summary. A fault does not wait behind files.
    async fn finish(mut self, answer: Result<Summary, Fault>) {
        while answer.is_ok() && !self.waiting.is_empty() {
            self.send_one().await;
        }
        let last = answer.map(|summary| SearchEvent { event: Some(Event::Summary(summary)) });
        let _ = self.events.send((last, 0)).await; // nobody listens any more: nothing to tell
    }
}
