//! The smallest HTTP client that can ask a server whether it is there.

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Most of an answer that is read: a probe's answer is short, a wrong server's may not be.
const MAX_ANSWER: u64 = 1 << 20;

/// Gets `http://host:port/path` on a fresh connection; returns status and raw body.
///
/// For probes. A test of an API uses a real client: this one decodes neither chunks nor compression.
pub async fn get(url: &str) -> anyhow::Result<(u16, String)> {
    let rest = url.strip_prefix("http://").context("only http:// is spoken here")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream =
        TcpStream::connect(host).await.with_context(|| format!("connect to {host}"))?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> anyhow::Result<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of headers")?;
    let status = head.split(' ').nth(1).context("the answer has no status line")?;
    Ok((status.parse().context("the status is not a number")?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nServer: x\r\n\r\nnot yet";
        assert_eq!(parse(answer).unwrap(), (503, "not yet".to_owned()));
    }

    #[test]
    fn rubbish_is_refused() {
        for rubbish in ["", "\r\n\r\n", "SSH-2.0 hello", "HTTP/1.1 many\r\n\r\n"] {
            assert!(parse(rubbish).is_err(), "{rubbish:?}");
        }
    }
}
