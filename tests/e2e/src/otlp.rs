//! A collector of spans: the service of the OpenTelemetry protocol over gRPC, on a real socket. It can
//! be made to hold its answers back, as one that is overloaded does.

use anyhow::{Context as _, ensure};
use ax_harness::eventually;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span as WireSpan},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// Longest wait for spans: they are sent once per second.
const SENT_WITHIN: Duration = Duration::from_secs(60);

/// A span as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub name: String,
    /// Its trace, in hex.
    pub trace: String,
    /// Its own id, in hex.
    pub id: String,
    /// The parent's id, in hex; empty for a root.
    pub parent: String,
    /// `service.name` and `service.instance.id` of the process that sent it.
    pub service: String,
    /// As above.
    pub node: String,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Spans that it is linked to: trace and id.
    pub links: Vec<(String, String)>,
}

impl Span {
    /// An attribute; empty when it is not there.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// A collector that listens until it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: String,
    received: Arc<Mutex<Vec<Span>>>,
    holds: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Collector {
    /// Listens on a loopback port.
    pub async fn start(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let received = Arc::new(Mutex::new(Vec::new()));
        let (holds, held) = watch::channel(false);
        let service = TraceServiceServer::new(Receiver { received: received.clone(), held });
        let serving = Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { drop(serving.await) });
        Ok(Self { address, received, holds, server })
    }

    /// Its address, as a configuration names it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on, answers are held back; or not any more.
    pub fn hold(&self, holds: bool) {
        self.holds.send_replace(holds);
    }

    /// Every span received so far.
    pub fn spans(&self) -> Vec<Span> {
        self.received.lock().map(|spans| spans.clone()).unwrap_or_default()
    }

    /// The spans of a trace.
    pub fn trace(&self, trace: &str) -> Trace {
        let spans = self.spans().into_iter().filter(|span| span.trace == trace).collect();
        Trace { id: trace.to_owned(), spans }
    }

    /// Waits until the spans of a trace pass `check`.
    pub async fn wait_for<T>(
        &self,
        trace: &str,
        what: &str,
        check: impl Fn(&Trace) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        eventually(SENT_WITHIN, what, async || {
            let trace = self.trace(trace);
            check(&trace).with_context(|| trace.picture())
        })
        .await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The spans of one trace, as far as they have come.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Its id, in hex.
    pub id: String,
    /// Its spans, in the order in which they came.
    pub spans: Vec<Span>,
}

impl Trace {
    /// The spans of this name.
    pub fn named<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Span> + use<'a, 'n> {
        self.spans.iter().filter(move |span| span.name == name)
    }

    /// The one span of this name under `parent`, an id.
    pub fn one(&self, name: &str, parent: &str) -> anyhow::Result<&Span> {
        let found: Vec<_> = self.named(name).filter(|span| span.parent == parent).collect();
        ensure!(found.len() == 1, "{} spans `{name}` under `{parent}`", found.len());
        Ok(found[0])
    }

    /// The trace as a tree, for a person.
    pub fn picture(&self) -> String {
        let mut text = format!("trace {}\n", self.id);
        let is_root = |span: &&Span| !self.spans.iter().any(|other| other.id == span.parent);
        for root in self.spans.iter().filter(is_root) {
            self.draw(root, 1, &mut text);
        }
        text
    }

    fn draw(&self, span: &Span, depth: usize, text: &mut String) {
        let Span { name, service, node, .. } = span;
        let attributes: Vec<_> = span.attributes.iter().filter(|(key, _)| is_ours(key)).collect();
        let indent = "  ".repeat(depth);
        *text += &format!("{indent}{name} [{service} {node}] {attributes:?}\n");
        for child in self.spans.iter().filter(|other| other.parent == span.id) {
            self.draw(child, depth + 1, text);
        }
    }
}

/// Whether an attribute is not one that the library adds to every span.
fn is_ours(key: &str) -> bool {
    !["code.", "thread.", "busy_ns", "idle_ns", "target"].iter().any(|start| key.starts_with(start))
}

struct Receiver {
    received: Arc<Mutex<Vec<Span>>>,
    held: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut held = self.held.clone();
        let gone = |_| Status::cancelled("the collector is gone");
        held.wait_for(|held| !held).await.map_err(gone)?;
        let spans = request.into_inner().resource_spans.into_iter().flat_map(spans_of);
        match self.received.lock() {
            Ok(mut received) => received.extend(spans),
            Err(_) => return Err(Status::internal("a thread panicked")),
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn spans_of(sent: ResourceSpans) -> Vec<Span> {
    let resource = texts(sent.resource.map(|resource| resource.attributes).unwrap_or_default());
    let text = |key: &str| resource.get(key).cloned().unwrap_or_default();
    let (service, node) = (text("service.name"), text("service.instance.id"));
    let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| span_of(span, &service, &node)).collect()
}

fn span_of(span: WireSpan, service: &str, node: &str) -> Span {
    Span {
        name: span.name,
        trace: hex::encode(span.trace_id),
        id: hex::encode(span.span_id),
        parent: hex::encode(span.parent_span_id),
        service: service.to_owned(),
        node: node.to_owned(),
        attributes: texts(span.attributes),
        links: span
            .links
            .into_iter()
            .map(|link| (hex::encode(link.trace_id), hex::encode(link.span_id)))
            .collect(),
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        _ => String::new(),
    };
    attributes.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}
