//! The leaf over gRPC.

use super::Leaf;
use crate::{
    peers::{REQUEST_ID, ShardReply},
    wire::to_status,
};
use ax_proto::search::{
    FileRequest, FileResponse, LeafEvent, LeafRequest, ListRequest, ListResponse, NavigateRequest,
    NavigateResponse, leaf_event::Event, leaf_server,
};
use futures::{Stream, StreamExt, stream};
use std::pin::Pin;
use tonic::{Request, Response, Status};
use tracing::Instrument;

/// The gRPC service over a [`Leaf`].
pub struct LeafService {
    leaf: Leaf,
}

impl LeafService {
    /// Serves `leaf`.
    pub fn new(leaf: Leaf) -> Self {
        Self { leaf }
    }
}

fn events_of(reply: ShardReply) -> impl Stream<Item = Result<LeafEvent, Status>> {
    stream::iter(reply.files.into_iter().map(Event::File))
        .chain(stream::iter([Event::Summary(reply.summary)]))
        .map(|event| Ok(LeafEvent { event: Some(event) }))
}

#[tonic::async_trait]
impl leaf_server::Leaf for LeafService {
    type SearchShardStream = Pin<Box<dyn Stream<Item = Result<LeafEvent, Status>> + Send>>;

    /// When the caller goes away, tonic drops this future, and that cancels the search.
    async fn search_shard(
        &self,
        request: Request<LeafRequest>,
    ) -> Result<Response<Self::SearchShardStream>, Status> {
        let span = span_of(&request, "leaf_search");
        let search = self.leaf.search_shard(request.into_inner());
        let reply = search.instrument(span).await.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(Box::pin(events_of(reply))))
    }

    async fn list_shard(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<ListResponse>, Status> {
        let span = span_of(&request, "leaf_list");
        let list = self.leaf.list_shard(request.into_inner()).instrument(span).await;
        list.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn get_file(
        &self,
        request: Request<FileRequest>,
    ) -> Result<Response<FileResponse>, Status> {
        let span = span_of(&request, "leaf_file");
        let file = self.leaf.get_file(request.into_inner()).instrument(span).await;
        file.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn navigate(
        &self,
        request: Request<NavigateRequest>,
    ) -> Result<Response<NavigateResponse>, Status> {
        let span = span_of(&request, "leaf_navigate");
        let answer = self.leaf.navigate(request.into_inner()).instrument(span).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }
}

/// A span under the caller's, with the caller's correlation id.
pub(crate) fn span_of<T>(request: &Request<T>, name: &'static str) -> tracing::Span {
    let value = |key: &str| {
        request.metadata().get(key).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let span = tracing::info_span!("grpc", call = name, request_id = value(REQUEST_ID));
    let traceparent = value(ax_telemetry::propagation::TRACEPARENT);
    if !traceparent.is_empty() {
        ax_telemetry::propagation::set_parent(&span, traceparent);
    }
    span
}
