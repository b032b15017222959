//! Waiting for an import or a removal to be seen by searches, as long as it can still come about.

use super::{
    http::{Api, ApiError, segment},
    out::visible,
    repos::{number, text},
    table::age,
};
use ax_model::Code;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::time::Duration;

/// Time between two looks of who waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks for a repository just registered: a node hears of it a moment after it was stored.
const FIRST_LOOKS: u32 = 50;

/// A repository that was registered just now.
pub async fn once_known(api: &Api, name: &str) -> Result<Value, ApiError> {
    let path = format!("/api/v1/repos/{}", segment(name));
    for _ in 1..FIRST_LOOKS {
        match api.get(&path, &[]).await {
            Err(error) if is_unknown(&error) => tokio::time::sleep(LOOK_EVERY).await,
            answer => return answer,
        }
    }
    api.get(&path, &[]).await
}

fn is_unknown(error: &ApiError) -> bool {
    let code = Code::UnknownRepository.as_str();
    matches!(error, ApiError::Refused(refusal) if refusal.code == code)
}

/// Follows the import, then asks for an answer that includes all of it. An error that does not pass by
/// itself ends the wait; the repository stays registered.
pub async fn wait_until_searchable(api: &Api, name: &str) -> Result<(), ApiError> {
    let bar = bar();
    let path = format!("/api/v1/repos/{}", segment(name));
    let mut failures = Failures::default();
    let mut repo = once_known(api, name).await?;
    loop {
        let progress = &repo["progress"];
        bar.set_length(number(progress, "files_total").max(1));
        bar.set_position(number(progress, "files_done"));
        bar.set_message(format!("{} {}", text(progress, "phase"), estimate(progress)));
        match failures.next(progress) {
            Verdict::Well => {}
            Verdict::TriedAgain(failure) => {
                bar.suspend(|| eprintln!("ax: {}; ingest tries again", visible(&failure)));
            }
            Verdict::Final(failure) => {
                bar.finish_and_clear();
                let failure = visible(&failure);
                return Err(ApiError::GivenUp(format!(
                    "{failure}\n{name} stays registered, and ingest looks at it now and then; `ax repos \
                     remove` takes it out again"
                )));
            }
        }
        if text(progress, "phase") == "done" {
            wait_for(api, &text(progress, "version")).await?;
            bar.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
        repo = api.get(&path, &[]).await?;
    }
}

/// The attempts that failed while somebody waits.
#[derive(Default)]
struct Failures {
    last_started_at_ms: Option<i64>,
    num: u32,
}

enum Verdict {
    Well,
    TriedAgain(String),
    Final(String),
}

impl Failures {
    /// A remote that is away gets this many attempts.
    const MOST: u32 = 3;

    fn next(&mut self, progress: &Value) -> Verdict {
        let failure = text(progress, "failure");
        let started = progress["started_at_ms"].as_i64();
        if failure.is_empty() || started == self.last_started_at_ms {
            return Verdict::Well; // or told already
        }
        self.last_started_at_ms = started;
        self.num += 1;
        let away_for_good = failure.starts_with("AX-R003") && self.num >= Self::MOST;
        match is_final(&failure) || away_for_good {
            true => Verdict::Final(failure),
            false => Verdict::TriedAgain(failure),
        }
    }
}

/// True for what somebody has to mend: the source, its permissions, or a fault of ours. The others are
/// back ends that are away.
fn is_final(failure: &str) -> bool {
    const CODES: [Code; 6] = [
        Code::BadRequest,
        Code::RepositoryVanished,
        Code::RepositoryCorrupt,
        Code::RepositoryNotGit,
        Code::RepositoryRefused,
        Code::Internal,
    ];
    CODES.iter().any(|code| failure.starts_with(code.as_str()))
}

/// Waits for the version, as long as the index comes closer to it.
async fn wait_for(api: &Api, version: &str) -> Result<(), ApiError> {
    loop {
        let query = [
            ("q", "repo:.".to_owned()),
            ("limit", "1".to_owned()),
            ("timeout", "10s".to_owned()),
            ("wait_for", version.to_owned()),
        ];
        match api.get("/api/v1/search", &query).await {
            Err(ApiError::Refused(refusal)) if refusal.code == "AX-A007" => {}
            answer => return answer.map(drop),
        }
    }
}

fn estimate(progress: &Value) -> String {
    match progress["remaining_ms"].as_i64() {
        Some(left) if left > 0 => format!("about {} left", age(left)),
        _ => String::new(),
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files, {elapsed}, {msg}");
    let bar = ProgressBar::new(1);
    style.map(|style| bar.set_style(style)).unwrap_or_default();
    bar
}

/// Waits until neither the registration nor the index knows it. Its deletion stands in the stream once
/// the registration is gone; the indexers follow.
pub async fn wait_until_gone(api: &Api, name: &str) -> Result<(), ApiError> {
    let path = format!("/api/v1/repos/{}", segment(name));
    let query = [("q", of_repository(name)), ("count", "true".to_owned())];
    loop {
        match api.get(&path, &[]).await {
            Err(error) if is_unknown(&error) => {
                let answer = api.get("/api/v1/search", &query).await?;
                let summary = &answer["summary"];
                if number(summary, "num_files") == 0 && summary["partial"] == false {
                    return Ok(());
                }
            }
            answer => drop(answer?), // a failure of its import, or a back end that is away
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A query for everything of one repository and of no other.
fn of_repository(name: &str) -> String {
    let mut regex = String::new();
    for c in name.chars() {
        // Also the slash, which would end the expression; but `\<` is the beginning of a word.
        if c.is_ascii_punctuation() && !"<>".contains(c) {
            regex.push('\\');
        }
        regex.push(c);
    }
    format!("repo:/^{regex}$/ case:yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_waits_is_told_each_failure_once_and_the_last_at_once() {
        let mut failures = Failures::default();
        let mut next = |failure: &str, started: i64| match failures
            .next(&json!({"failure": failure, "started_at_ms": started}))
        {
            Verdict::Well => "well",
            Verdict::TriedAgain(_) => "again",
            Verdict::Final(_) => "final",
        };
        assert_eq!(next("", 1), "well");
        assert_eq!(next("AX-C003: away", 2), "again");
        assert_eq!(next("AX-C003: away", 2), "well");
        assert_eq!(next("AX-R003: away", 3), "again");
        assert_eq!(next("AX-R003: away", 4), "final");
        assert_eq!(next("AX-R001: gone", 5), "final");
    }

    #[test]
    fn one_repository_and_no_other() {
        assert_eq!(of_repository("a.b/c d"), r"repo:/^a\.b\/c d$/ case:yes");
    }
}
