//! A connection that ends when its client takes nothing for too long.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// A stream whose writes fail once nothing of them was taken for `patience`.
///
/// A client that reads slowly but reads is fine: any byte taken begins the time anew.
pub(super) struct Watched<S> {
    stream: S,
    peer: SocketAddr,
    patience: Duration,
    stalled: Pin<Box<Sleep>>,
    waiting: bool,
}

impl<S> Watched<S> {
    /// Watches `stream`, which leads to `peer`.
    pub(super) fn new(stream: S, peer: SocketAddr, patience: Duration) -> Self {
        let stalled = Box::pin(tokio::time::sleep(patience));
        Self { stream, peer, patience, stalled, waiting: false }
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            self.stalled.as_mut().reset(Instant::now() + self.patience);
        }
        std::task::ready!(self.stalled.as_mut().poll(cx));
        let (peer, patience) = (self.peer, self.patience);
        tracing::warn!(%peer, ?patience, "cut off a client that took nothing of its answer for so long");
        metrics::counter!("ax_query_readers_cut_total").increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn watched(room: usize) -> (Watched<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(room);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        (Watched::new(ours, peer, Duration::from_millis(50)), theirs)
    }

    #[tokio::test]
    async fn who_takes_nothing_is_cut_off() {
        let (mut ours, _theirs) = watched(4);
        let error = ours.write_all(b"more than fits").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_anything_gets_everything() {
        let (mut ours, mut theirs) = watched(1);
        let sent = tokio::spawn(async move { ours.write_all(b"byte by byte").await });
        let mut taken = Vec::new();
        theirs.read_to_end(&mut taken).await.unwrap();
        sent.await.unwrap().unwrap();
        assert_eq!(taken, b"byte by byte");
    }
}
