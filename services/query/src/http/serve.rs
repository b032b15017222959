//! The listener: HTTP/1.1 with bounded headers, a bounded number of connections, no patience for clients
//! that take nothing, and a graceful end.

use super::{refused::Refused, watched::Watched};
use crate::answers::Reader;
use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4096;
/// A client has this long to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of request line and headers. What is beyond, hyper answers by itself with 431: see [`Refused`].
const MAX_HEADER_BYTES: usize = 512 << 10;
/// Requests in flight at shutdown have this long to end.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until stopped, then lets requests in flight end. A client that takes nothing of its answer for
/// `patience` is cut off.
///
/// Rejected: `axum::serve`, which bounds neither the headers' time nor the connections.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Duration,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let (service, reader) = (TowerToHyperService::new(router.clone()), Reader::default());
        let cut = reader.cut.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(reader.clone());
            service.call(request)
        });
        let stream = TokioIo::new(Refused::new(Watched::new(stream, peer, patience)));
        let connection = builder().serve_connection(stream, service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                ended = watched => if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection ended");
                },
                () = cut.cancelled() => tracing::debug!(%peer, "connection cut off"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true); // latency only
            Some((stream, peer, permit))
        }
        Err(error) => {
            // Out of file descriptors, most likely: a pause lets some connections end.
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
