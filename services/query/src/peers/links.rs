//! Calls to other nodes' leaf service.

use super::Peer;
use crate::wire::LeafError;
use async_trait::async_trait;
use ax_model::{Code, Fault};
use ax_proto::search::{
    FileMatch, FileRequest, FileResponse, LeafRequest, LeafSummary, ListRequest, ListResponse,
    NavigateRequest, NavigateResponse, leaf_client::LeafClient, leaf_event::Event,
};
use parking_lot::Mutex;
use prost::Message;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

/// Metadata key of the correlation id, in gRPC and HTTP alike.
pub const REQUEST_ID: &str = "x-request-id";

/// Largest gRPC message taken from a leaf: one file with many long lines, or one file's text.
pub const MAX_MESSAGE_BYTES: usize = 128 << 20;

/// One shard's whole answer. A message, so that it can be kept as bytes; no wire carries it.
#[derive(Clone, PartialEq, Message)]
pub struct ShardReply {
    /// Best files first.
    #[prost(message, repeated, tag = "1")]
    pub files: Vec<FileMatch>,
    /// Counts and where the answer came from.
    #[prost(message, required, tag = "2")]
    pub summary: LeafSummary,
}

/// What a root asks of a leaf, be it this process or another node.
#[async_trait]
pub trait Leaves: Send + Sync + 'static {
    /// Searches one shard. Gathers at most `max_bytes` of files; what is beyond becomes `more`.
    /// Dropping the future cancels the search.
    async fn search(
        &self,
        peer: &Peer,
        request: LeafRequest,
        deadline: Instant,
        max_bytes: usize,
    ) -> Result<ShardReply, LeafError>;

    /// Lists documents of one shard.
    async fn list(
        &self,
        peer: &Peer,
        request: ListRequest,
        deadline: Instant,
    ) -> Result<ListResponse, LeafError>;

    /// Reads one file.
    async fn file(
        &self,
        peer: &Peer,
        request: FileRequest,
        deadline: Instant,
    ) -> Result<FileResponse, LeafError>;

    /// Answers a question about names from one shard.
    async fn navigate(
        &self,
        peer: &Peer,
        request: NavigateRequest,
        deadline: Instant,
    ) -> Result<NavigateResponse, LeafError>;
}

/// Leaves over gRPC, one connection per node, made when first used.
pub struct GrpcLeaves {
    connect_timeout: Duration,
    channels: Mutex<HashMap<String, Channel>>,
}

impl GrpcLeaves {
    /// Connections that are given up after `connect_timeout`.
    pub fn new(connect_timeout: Duration) -> Self {
        Self { connect_timeout, channels: Mutex::default() }
    }

    /// Forgets connections to nodes that are no members any more.
    pub fn retain(&self, members: &[Peer]) {
        self.channels.lock().retain(|address, _| members.iter().any(|peer| peer.grpc == *address));
    }

    fn client(&self, peer: &Peer) -> Result<LeafClient<Channel>, LeafError> {
        let mut channels = self.channels.lock();
        let channel = match channels.get(&peer.grpc) {
            Some(channel) => channel.clone(),
            None => {
                let channel = self.connect(peer)?;
                channels.insert(peer.grpc.clone(), channel.clone());
                channel
            }
        };
        Ok(LeafClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// A dead peer is noticed by pings within two seconds, also when its host is gone.
    fn connect(&self, peer: &Peer) -> Result<Channel, LeafError> {
        let endpoint = Endpoint::from_shared(peer.grpc.clone()).map_err(|error| {
            let message = format!("node {} has no usable address: {error}", peer.id);
            LeafError { fault: Fault::new(Code::ShardUnavailable, message), unreachable: true }
        })?;
        Ok(endpoint
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(1))
            .keep_alive_timeout(Duration::from_secs(1))
            .keep_alive_while_idle(true)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(8 << 20)
            .connect_lazy())
    }
}

#[async_trait]
impl Leaves for GrpcLeaves {
    async fn search(
        &self,
        peer: &Peer,
        request: LeafRequest,
        deadline: Instant,
        max_bytes: usize,
    ) -> Result<ShardReply, LeafError> {
        let request_id = request.request_id.clone();
        let request = outgoing(request, &request_id, deadline);
        let of_peer = |status: Status| LeafError::of_status(&status, &peer.id);
        let mut events =
            self.client(peer)?.search_shard(request).await.map_err(of_peer)?.into_inner();
        let mut gather = Gather::new(max_bytes);
        while let Some(event) = events.message().await.map_err(of_peer)? {
            match event.event {
                Some(Event::File(file)) => gather.push(file),
                Some(Event::Summary(summary)) => return Ok(gather.finish(summary)),
                None => {} // an event of a later version: nothing that we know to use
            }
        }
        let message = format!("node {} ended its answer without a summary", peer.id);
        Err(LeafError { fault: Fault::new(Code::ShardUnavailable, message), unreachable: true })
    }

    async fn list(
        &self,
        peer: &Peer,
        request: ListRequest,
        deadline: Instant,
    ) -> Result<ListResponse, LeafError> {
        let request_id = request.request_id.clone();
        let answer = self.client(peer)?.list_shard(outgoing(request, &request_id, deadline)).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| LeafError::of_status(&status, &peer.id))
    }

    async fn file(
        &self,
        peer: &Peer,
        request: FileRequest,
        deadline: Instant,
    ) -> Result<FileResponse, LeafError> {
        let request_id = request.request_id.clone();
        let answer = self.client(peer)?.get_file(outgoing(request, &request_id, deadline)).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| LeafError::of_status(&status, &peer.id))
    }

    async fn navigate(
        &self,
        peer: &Peer,
        request: NavigateRequest,
        deadline: Instant,
    ) -> Result<NavigateResponse, LeafError> {
        let request_id = request.request_id.clone();
        let answer = self.client(peer)?.navigate(outgoing(request, &request_id, deadline)).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| LeafError::of_status(&status, &peer.id))
    }
}

/// Files of one shard up to a number of bytes.
pub struct Gather {
    reply: ShardReply,
    bytes_left: usize,
    cut: bool,
}

impl Gather {
    /// Takes at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self { reply: ShardReply::default(), bytes_left: max_bytes, cut: false }
    }

    /// Keeps `file`, or notes that there was no room.
    pub fn push(&mut self, file: FileMatch) {
        let num_bytes = file.encoded_len();
        if self.cut || num_bytes > self.bytes_left {
            self.cut = true; // nothing after the first that did not fit: the best ones are kept
            return;
        }
        self.bytes_left -= num_bytes;
        self.reply.files.push(file);
    }

    /// The whole reply; `more` says when something did not fit.
    pub fn finish(mut self, summary: LeafSummary) -> ShardReply {
        self.reply.summary = summary;
        self.reply.summary.more |= self.cut;
        self.reply
    }
}

/// A request with the deadline, the correlation id and the trace.
fn outgoing<T>(message: T, request_id: &str, deadline: Instant) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    let trace = ax_telemetry::propagation::current();
    let headers = [
        (REQUEST_ID, Some(request_id)),
        (ax_telemetry::propagation::TRACEPARENT, trace.as_deref()),
    ];
    for (name, value) in headers {
        // A value that is not ASCII is left out: the id stands in the message as well.
        if let Some(Ok(value)) = value.map(str::parse::<MetadataValue<Ascii>>) {
            request.metadata_mut().insert(name, value);
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said() {
        let file = |path: &str| FileMatch { path: path.into(), ..Default::default() };
        let room = file("a").encoded_len() * 2;
        let mut gather = Gather::new(room);
        gather.push(file("a"));
        gather.push(file("longer"));
        gather.push(file("b"));
        let reply = gather.finish(LeafSummary::default());
        assert_eq!(reply.files, vec![file("a")]);
        assert!(reply.summary.more);
    }
}
