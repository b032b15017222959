//! The `Search` service: what HTTP offers, over gRPC.

use crate::{answers::Reader, leaf::span_of, root::Root, wire::to_status};
use ax_proto::search::{SearchEvent, SearchRequest, SearchResponse, search_server};
use futures::{Stream, StreamExt};
use std::pin::Pin;
use tonic::{Request, Response, Status};
use tracing::Instrument;

/// The gRPC service over a [`Root`].
pub struct SearchService {
    root: Root,
}

impl SearchService {
    /// Serves `root`.
    pub fn new(root: Root) -> Self {
        Self { root }
    }
}

#[tonic::async_trait]
impl search_server::Search for SearchService {
    type SearchStreamStream = Pin<Box<dyn Stream<Item = Result<SearchEvent, Status>> + Send>>;

    async fn search(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<SearchResponse>, Status> {
        let span = span_of(&request, "search");
        let answer = self.root.search(request.into_inner()).instrument(span).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn search_stream(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<Self::SearchStreamStream>, Status> {
        let span = span_of(&request, "search_stream");
        // A connection may carry other calls, so the stream itself has to see whether it is read.
        let patience = Some(self.root.limits().reader_timeout);
        let reader = Reader { patience, ..Default::default() };
        let started = self.root.search_stream(request.into_inner(), reader).instrument(span).await;
        let events = started.map_err(|fault| to_status(&fault))?;
        let events = events.map(|event| event.map_err(|fault| to_status(&fault)));
        Ok(Response::new(Box::pin(events)))
    }
}
