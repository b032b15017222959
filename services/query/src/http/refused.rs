//! What never becomes a request is refused with a fault as everything else is.
//!
//! The HTTP library answers a request line or headers that are too large, and what is no HTTP, by
//! itself and without a body, and lets nobody add one. This stream knows those answers on their way out
//! and writes what says why in their place. An answer of ours is never without a body.

use super::error::FaultBody;
use ax_model::{Code, Fault};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that writes a fault where the library would write a bare refusal.
pub(super) struct Refused<S> {
    stream: S,
    /// What is written instead, and how far.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S> Refused<S> {
    /// Speaks for the library on `stream`.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, instead: None }
    }
}

/// The whole answer instead of a bare refusal; none when `head` is anything else.
fn instead_of(head: &[u8]) -> Option<Vec<u8>> {
    let rest = head.strip_prefix(b"HTTP/1.1 4")?;
    let head = std::str::from_utf8(head).ok()?;
    if !head.ends_with("\r\n\r\n") || !head.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    let fault = match &rest[..2.min(rest.len())] {
        b"14" => Fault::new(Code::TooLarge, "the request line is longer than 64 KiB"),
        b"31" => Fault::new(Code::TooLarge, "the request's headers are larger than 512 KiB"),
        b"00" => Fault::new(Code::BadRequest, "this is no HTTP/1.1 request"),
        _ => return None,
    };
    let body = serde_json::to_string(&FaultBody::from(&fault)).ok()?;
    let status = head.lines().next()?;
    let len = body.len();
    let answer = format!(
        "{status}\r\ncontent-type: application/json\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}"
    );
    Some(answer.into_bytes())
}

impl<S: AsyncWrite + Unpin> Refused<S> {
    /// Writes what stands instead of `head`, if anything does, and then says that `head` is written.
    fn poll_instead(
        &mut self,
        cx: &mut Context<'_>,
        head: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            self.instead = instead_of(head).map(|answer| (answer, 0));
        }
        let (answer, at) = self.instead.as_mut()?;
        while *at < answer.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &answer[*at..]) {
                Poll::Ready(Ok(0)) => {
                    return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(written)) => *at += written,
                unfinished => return Some(unfinished),
            }
        }
        self.instead = None;
        Some(Poll::Ready(Ok(head.len())))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Refused<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Refused<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.poll_instead(cx, buf) {
            Some(written) => written,
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let head = bufs.iter().find(|buf| !buf.is_empty());
        match head.and_then(|head| self.poll_instead(cx, head)) {
            Some(written) => written,
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// What arrives of `written` through a pipe of `room` bytes.
    async fn arrives(written: &'static [u8], room: usize) -> String {
        let (ours, mut theirs) = tokio::io::duplex(room);
        let mut ours = Refused::new(ours);
        let sent = tokio::spawn(async move { ours.write_all(written).await });
        let mut taken = String::new();
        theirs.read_to_string(&mut taken).await.unwrap();
        sent.await.unwrap().unwrap();
        taken
    }

    #[tokio::test]
    async fn a_bare_refusal_is_explained() {
        let bare = b"HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        for room in [7, 4096] {
            let answer = arrives(bare, room).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{head}");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
            let fault: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(fault["code"], "AX-A006");
        }
    }

    #[tokio::test]
    async fn any_other_answer_passes_as_it_is() {
        for other in [
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert_eq!(arrives(other.as_bytes(), 16).await, other);
        }
    }
}
