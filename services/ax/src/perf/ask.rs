//! One query to one server.

use super::PerfError;
use ax_perf::{
    collect::{Outcome, Said},
    replay::{Answer, Recorded},
    workload::{Ask, Class, Load},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Given to an answer beyond the query's own deadline: what comes later never comes.
const GRACE: Duration = Duration::from_secs(5);

/// A query as it is sent.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its text, for people.
    pub text: String,
    /// Path and parameters.
    path: String,
}

impl Query {
    /// The query of a class's pattern.
    pub fn of_class(class: &Class, pattern: &str, load: &Load) -> Self {
        let text = if class.ask.is_of_names() { pattern.to_owned() } else { class.query(pattern) };
        let mut wanted = match class.ask {
            Ask::Page(limit) => format!("&limit={limit}"),
            Ask::All => "&all=true".to_owned(),
            Ask::Count => "&count=true".to_owned(),
            Ask::Symbols => return Self::of_names("symbols", &[("q", pattern)], text, load),
            Ask::References => {
                return Self::of_names("references", &[("symbol", pattern)], text, load);
            }
            Ask::Definitions => {
                let parts: Vec<&str> = pattern.rsplitn(3, ':').collect();
                let (col, line, file) = match parts.as_slice() {
                    [col, line, file] => (*col, *line, *file),
                    _ => ("", "", pattern), // the server says what is missing
                };
                let (repo, path) = file.split_once(':').unwrap_or((file, ""));
                let place = [("repo", repo), ("path", path), ("line", line), ("col", col)];
                return Self::of_names("definitions", &place, text, load);
            }
        };
        if class.max_lines > 0 {
            wanted.push_str(&format!("&max_lines={}", class.max_lines));
        }
        let path = path(&text, &wanted, load.timeout, load.cache);
        Self { text, path }
    }

    /// One that counts, anew each time.
    pub fn count(text: &str, timeout: Duration) -> Self {
        Self { text: text.to_owned(), path: path(text, "&count=true", timeout, false) }
    }

    fn of_names(ask: &str, parameters: &[(&str, &str)], text: String, load: &Load) -> Self {
        let pairs = parameters.iter().map(|(name, value)| {
            format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC))
        });
        let (pairs, timeout) = (pairs.collect::<String>(), load.timeout.as_millis().max(1));
        Self { text, path: format!("/api/v1/{ask}?{pairs}timeout={timeout}ms") }
    }

    /// A recorded one.
    pub fn recorded(query: &Recorded, default_timeout: Duration, cache: bool) -> Self {
        let mut wanted = String::new();
        if query.limit > 0 && !query.all {
            wanted.push_str(&format!("&limit={}", query.limit));
        }
        if query.all {
            wanted.push_str("&all=true");
        }
        if query.max_lines > 0 {
            wanted.push_str(&format!("&max_lines={}", query.max_lines));
        }
        if query.count {
            wanted.push_str("&count=true");
        }
        if query.context > 0 {
            wanted.push_str(&format!("&context={}", query.context));
        }
        let timeout = match query.timeout_ms {
            0 => default_timeout,
            ms => Duration::from_millis(ms.into()),
        };
        let path = path(&query.query, &wanted, timeout, cache);
        Self { text: query.query.clone(), path }
    }
}

fn path(text: &str, wanted: &str, timeout: Duration, cache: bool) -> String {
    let q = utf8_percent_encode(text, NON_ALPHANUMERIC);
    let timeout = timeout.as_millis().max(1);
    format!("/api/v1/search?q={q}{wanted}&timeout={timeout}ms&cache={cache}")
}

/// Asks one server, over connections that stay open.
#[derive(Debug, Clone)]
pub struct Asker {
    base: String,
    http: reqwest::Client,
}

impl Asker {
    /// For the server at `base`.
    pub fn new(base: &str, longest: Duration) -> Result<Self, PerfError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .timeout(longest + GRACE)
            .build()
            .map_err(|error| PerfError::Other(error.to_string()))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http })
    }

    /// The whole body, and when its last byte came. Reading it as JSON is not the server's time.
    async fn body(&self, query: &Query) -> (Result<(u16, Vec<u8>), String>, Instant) {
        let fetched = async {
            let answer = self.http.get(format!("{}{}", self.base, query.path)).send().await?;
            let status = answer.status().as_u16();
            Ok((status, answer.bytes().await?.to_vec()))
        };
        let fetched: Result<_, reqwest::Error> = fetched.await;
        (fetched.map_err(|error| broken(&error).to_owned()), Instant::now())
    }

    /// Asks; what came of it, and when.
    pub async fn ask(&self, query: &Query) -> (Outcome, Instant) {
        let (body, done) = self.body(query).await;
        let outcome = match body {
            Err(broken) => Outcome::Failed(broken),
            Ok((200, body)) => match serde_json::from_slice::<Counted>(&body) {
                Ok(answer) => Outcome::Answered(answer.summary.said()),
                Err(_) => Outcome::Failed("unreadable".to_owned()),
            },
            Ok((status, body)) => Outcome::Failed(code_of(status, &body)),
        };
        (outcome, done)
    }

    /// Asks for an answer to compare.
    pub async fn answer(&self, query: &Query) -> Result<Answer, String> {
        match self.body(query).await.0? {
            (200, body) => serde_json::from_slice::<Whole>(&body)
                .map(Whole::answer)
                .map_err(|error| format!("unreadable: {error}")),
            (status, body) => Ok(Answer { code: code_of(status, &body), ..Answer::default() }),
        }
    }

    /// The text of a page.
    pub async fn page(&self, path: &str) -> Option<String> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }
}

/// What broke, in a word that counts can be kept by.
fn broken(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "connection broke"
    }
}

fn code_of(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Fault {
        code: String,
    }
    let fault = serde_json::from_slice::<Fault>(body);
    fault.map_or_else(|_| format!("HTTP {status}"), |fault| fault.code)
}

/// An answer whose files are skipped, not made.
#[derive(Deserialize)]
struct Counted {
    summary: Summary,
}

#[derive(Deserialize)]
struct Whole {
    files: Vec<File>,
    summary: Summary,
}

#[derive(Deserialize)]
struct File {
    repo: String,
    path: String,
    num_matched_lines: u64,
}

/// Of a search, or of a question about names, which counts nothing.
#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    num_files: u64,
    #[serde(default)]
    num_lines: u64,
    more: bool,
    partial: bool,
    elapsed_us: u64,
    request_id: String,
    #[serde(default)]
    num_candidates: u64,
    #[serde(default)]
    num_bytes_verified: u64,
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
struct Shard {
    shard: u32,
    manifest_version: u64,
}

impl Summary {
    fn said(self) -> Said {
        Said {
            server_us: self.elapsed_us,
            files: self.num_files,
            lines: self.num_lines,
            candidates: self.num_candidates,
            bytes_verified: self.num_bytes_verified,
            partial: self.partial,
            request_id: self.request_id,
        }
    }
}

impl Whole {
    fn answer(self) -> Answer {
        let name = |file: File| (format!("{}:{}", file.repo, file.path), file.num_matched_lines);
        let version = |shard: &Shard| format!("{}@{}", shard.shard, shard.manifest_version);
        let summary = &self.summary;
        Answer {
            code: String::new(),
            num_files: summary.num_files,
            num_lines: summary.num_lines,
            more: summary.more,
            partial: summary.partial,
            versions: summary.shards.iter().map(version).collect::<Vec<_>>().join(" "),
            files: self.files.into_iter().map(name).collect(),
        }
    }
}
