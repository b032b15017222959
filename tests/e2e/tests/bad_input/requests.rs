//! Requests that cannot be answered.

use crate::{NOTICED_WITHIN, goes_on, good_repo, send};
use anyhow::{Context as _, ensure};
use ax_e2e::standalone::Standalone;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Path, status, code, and what the fault's JSON must hold.
type Case = (&'static str, u16, &'static str, &'static str);

/// Queries that are wrong: the fault has a span and a hint.
const QUERIES: &[Case] = &[
    ("foo%20(bar", 400, "AX-Q001", "\"span\":[4,"),
    ("%22foo", 400, "AX-Q001", "\"span\":[0,"),
    ("a%20or", 400, "AX-Q001", "\"span\":["),
    ("x%20/a(b/", 400, "AX-Q002", "\"span\":[4,"),
    ("file:*.%7Bc,h", 400, "AX-Q002", "\"span\":["),
    (r"/\w%7B500%7D/", 413, "AX-Q003", "\"span\":["),
    ("/((a%7B1000%7D)%7B1000%7D)%7B1000%7D/", 413, "AX-Q003", "\"span\":["),
    ("a%20lnag:rust", 400, "AX-Q004", "lang"),
    ("a%20lang:rsut", 400, "AX-Q005", "rust"),
    ("case:maybe", 400, "AX-Q005", "yes"),
];

/// Everything else that a URL can get wrong.
const PATHS: &[Case] = &[
    ("/api/v1/search", 400, "AX-A001", "`q`"),
    ("/api/v1/search?q=", 400, "AX-Q001", "\"q\""),
    ("/api/v1/search?q=%20", 400, "AX-Q001", "\"q\""),
    ("/api/v1/search?q=a&q=b", 400, "AX-A001", "\"q\""),
    ("/api/v1/search?q=a&limt=10", 400, "AX-A001", "limit"),
    ("/api/v1/search?q=a&limit=-1", 400, "AX-Q005", "\"limit\""),
    ("/api/v1/search?q=a&limit=10001", 400, "AX-Q005", "\"limit\""),
    ("/api/v1/search?q=a&limit=99999999999999999999999", 400, "AX-Q005", "\"limit\""),
    ("/api/v1/search?q=a&limit=ten", 400, "AX-Q005", "\"limit\""),
    ("/api/v1/search?q=a&context=-1", 400, "AX-Q005", "\"context\""),
    ("/api/v1/search?q=a&timeout=soon", 400, "AX-Q005", "\"timeout\""),
    ("/api/v1/search?q=a&all=maybe", 400, "AX-Q005", "\"all\""),
    ("/api/v1/search?q=a&wait_for=rubbish", 400, "AX-Q005", "\"wait_for\""),
    ("/api/v1/search?q=a&wait_for=g1.0:999999999&timeout=200ms", 504, "AX-A007", ""),
    ("/api/v1/search?q=%ff", 400, "AX-Q007", ""),
    ("/api/v1/repos/nothing", 404, "AX-A002", "nothing"),
    ("/api/v1/repos/nothing/skipped", 404, "AX-A002", "nothing"),
    ("/api/v1/repos?limit=-1", 400, "AX-Q005", "\"limit\""),
    ("/api/v1/file?repo=nothing&path=a.txt", 404, "AX-A00", ""),
    ("/api/v1/file?repo=good&path=nothing", 404, "AX-A003", ""),
    ("/api/v1/file?repo=good&path=a.txt&branch=nothing", 404, "AX-A003", ""),
    ("/api/v1/nothing", 404, "AX-A004", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_cannot_be_answered_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let repo = good_repo(folder.path()).await.unwrap();
    let data = folder.path().join("data");
    let mut server = Standalone::start(&data, &[repo.path()]).await.unwrap();
    server.imported("good").await.unwrap();
    for (query, status, code, holds) in QUERIES {
        let path = format!("/api/v1/search?q={query}");
        let hint = refused(&server, &path, *status, code, holds).await.unwrap();
        assert!(!hint.is_empty(), "{query}: no hint");
    }
    for (path, status, code, holds) in PATHS {
        refused(&server, path, *status, code, holds).await.unwrap();
    }
    wrong_methods(&server).await.unwrap();
    registrations(&server).await.unwrap();
    passwords_are_not_shown(&server).await.unwrap();
    waits_end(&server).await.unwrap();
    far_too_large(&server).await.unwrap();
    goes_on(&server).await.unwrap();
}

/// The hint of the fault that a path must give.
async fn refused(
    server: &Standalone,
    path: &str,
    status: u16,
    code: &str,
    holds: &str,
) -> anyhow::Result<String> {
    let (got, fault) = send(server, Method::GET, path, "").await?;
    let text = fault.to_string();
    let is_right = fault["code"].as_str().is_some_and(|got| got.starts_with(code));
    ensure!(got == status && is_right && text.contains(holds), "{path}: {got} {text}");
    ensure!(fault["doc"].as_str().is_some_and(|doc| doc.starts_with("docs/errors.md#")), "{text}");
    Ok(fault["hint"].as_str().unwrap_or_default().to_owned())
}

async fn wrong_methods(server: &Standalone) -> anyhow::Result<()> {
    for (method, path) in [
        (Method::DELETE, "/api/v1/search?q=a"),
        (Method::PUT, "/api/v1/repos"),
        (Method::POST, "/api/v1/repos/good"),
        (Method::POST, "/healthz"),
    ] {
        let (status, fault) = send(server, method, path, "").await.context(path)?;
        ensure!((status, fault["code"].as_str()) == (405, Some("AX-A005")), "{path}: {fault}");
    }
    let replay = "/api/v1/quarantine/0/12345/replay";
    let (status, fault) = send(server, Method::POST, replay, "").await?;
    ensure!((status, fault["code"].as_str()) == (400, Some("AX-A001")), "{replay}: {fault}");
    Ok(())
}

async fn registrations(server: &Standalone) -> anyhow::Result<()> {
    let other = json!({"source": "/", "name": "good"}).to_string();
    for (body, status, code) in [
        ("{", 400, "AX-A001"),
        ("{}", 400, "AX-A001"),
        (r#"{"source": ""}"#, 400, "AX-A001"),
        (r#"{"source": "/x", "nmae": "x"}"#, 400, "AX-A001"),
        (r#"{"source": "ext::sh -c id"}"#, 400, "AX-A001"),
        (r#"{"source": "ftp://x/y"}"#, 400, "AX-A001"),
        (r#"{"source": "https://"}"#, 400, "AX-A001"),
        (r#"{"source": "relative/path"}"#, 400, "AX-A001"),
        (r#"{"source": "/x", "branches": ["["]}"#, 400, "AX-A001"),
        (r#"{"source": "/x", "name": "a\nb"}"#, 400, "AX-A001"),
        (r#"{"source": "/x", "name": "../../x"}"#, 400, "AX-A001"),
        (r#"{"source": "/x", "name": "x/../y"}"#, 400, "AX-A001"),
        (other.as_str(), 409, "AX-R005"),
    ] {
        let (got, fault) = send(server, Method::POST, "/api/v1/repos", body.to_owned()).await?;
        ensure!((got, fault["code"].as_str()) == (status, Some(code)), "{body}: {got} {fault}");
    }
    let (status, fault) = send(server, Method::DELETE, "/api/v1/repos/nothing", "").await?;
    ensure!((status, fault["code"].as_str()) == (404, Some("AX-A002")), "{fault}");
    Ok(())
}

async fn passwords_are_not_shown(server: &Standalone) -> anyhow::Result<()> {
    let body = json!({"source": "https://user:sekret@127.0.0.1:1/x.git", "name": "cred"});
    let (status, answer) = send(server, Method::POST, "/api/v1/repos", body.to_string()).await?;
    ensure!(status == 202, "{answer}");
    let mut shown = vec![answer.to_string()];
    for path in ["/api/v1/repos", "/api/v1/repos/cred", "/api/v1/status", "/"] {
        shown.push(reqwest::get(format!("{}{path}", server.api().base())).await?.text().await?);
    }
    let body = json!({"source": "https://user:sekret@127.0.0.1:2/x.git", "name": "cred"});
    shown.push(send(server, Method::POST, "/api/v1/repos", body.to_string()).await?.1.to_string());
    ensure!(shown[0].contains("https://127.0.0.1:1/x.git"), "{}", shown[0]);
    for text in shown {
        ensure!(!text.contains("sekret"), "{text}");
    }
    Ok(())
}

/// An import that cannot come about ends the wait for it; a removal is waited for until it is seen.
async fn waits_end(server: &Standalone) -> anyhow::Result<()> {
    let add = ["repos", "add", "/no/such/folder", "--name", "gone", "--wait"];
    let done = tokio::time::timeout(NOTICED_WITHIN, server.client(&add)).await??;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.code() == Some(2) && said.contains("AX-R001"), "{}: {said}", done.status);
    let remove = ["repos", "remove", "gone", "--wait"];
    let done = tokio::time::timeout(NOTICED_WITHIN, server.client(&remove)).await??;
    ensure!(done.status.success(), "{done:?}");
    let (status, fault) = send(server, Method::GET, "/api/v1/repos/gone", "").await?;
    ensure!(status == 404, "{status} {fault}");
    Ok(())
}

/// What is answered to bytes that no client library would send.
async fn said_to(server: &Standalone, request: String) -> anyhow::Result<String> {
    let address = server.api().base().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let (mut reading, mut writing) = stream.split();
    // The server may answer and hang up before it has read everything.
    let written = async { writing.write_all(request.as_bytes()).await.or(Ok(())) };
    let mut answer = Vec::new();
    let read = async {
        let mut part = [0; 4096];
        while let Ok(num @ 1..) = reading.read(&mut part).await {
            answer.extend_from_slice(&part[..num]);
        }
        anyhow::Ok(())
    };
    tokio::try_join!(written, read)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// 10 MB: in a body it is a fault; in a URL the listener itself hangs up, or says 414.
async fn far_too_large(server: &Standalone) -> anyhow::Result<()> {
    let large = "x".repeat(10 << 20);
    let body = format!(r#"{{"source": "{large}"}}"#);
    match send(server, Method::POST, "/api/v1/repos", body).await {
        Ok((status, fault)) => {
            ensure!((status, fault["code"].as_str()) == (413, Some("AX-A006")), "{fault}");
        }
        // Refused before all of it was sent: the client may see only that.
        Err(error) => ensure!(error.to_string().contains("send"), "{error:#}"),
    }
    let url = format!("{}/api/v1/search?q={large}", server.api().base());
    let client = reqwest::Client::builder().timeout(NOTICED_WITHIN).build()?;
    // The client library refuses to build a URL of this length, or the server refuses to read it.
    if let Ok(answer) = client.get(url).send().await {
        let status = answer.status().as_u16();
        ensure!([413, 414, 431].contains(&status), "10 MB of query: {status}");
    }
    for (request, status, code) in [
        (format!("GET /?q={} HTTP/1.1\r\nhost: x\r\n\r\n", &large[..100_000]), "414", "AX-A006"),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", &large[..2_000_000]), "431", "AX-A006"),
        ("no HTTP\r\n\r\n".to_owned(), "400", "AX-A001"),
    ] {
        let answer = said_to(server, request).await?;
        ensure!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(code),
            "{answer}"
        );
    }
    // What fits into a request line but not into a query's limits.
    let long = format!("/api/v1/search?q={}", "a%20".repeat(5_000));
    let (status, fault) = send(server, Method::GET, &long, "").await?;
    ensure!((status, fault["code"].as_str()) == (413, Some("AX-Q003")), "{status} {fault}");
    Ok(())
}
