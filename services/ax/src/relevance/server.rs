//! Asking questions of a server. How it ranks is its own matter; it is asked not to give kept answers.

use super::{Result, evaluate::result, progress::Progress, sets::Question};
use crate::client::http::{Api, ApiError};
use ax_relevance::{DEPTH, FileId, QueryResult};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

/// Questions under way at once: a server with a few cores is neither idle nor swamped.
const AT_ONCE: usize = 4;

#[derive(Deserialize)]
struct Answer {
    files: Vec<File>,
    summary: Summary,
}

#[derive(Deserialize)]
struct File {
    repo: String,
    path: String,
}

#[derive(Deserialize)]
struct Summary {
    partial: bool,
}

/// Asks every question. It has a thread and a runtime of its own, whatever runs around it.
pub fn ask(url: &str, questions: &[Question]) -> Result<Vec<QueryResult>> {
    let progress = Progress::of("asking the server", questions.len() as u64);
    let on_thread = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ApiError::GivenUp(error.to_string()))?;
        runtime.block_on(ask_all(url, questions, &progress))
    };
    let done = std::thread::scope(|scope| scope.spawn(on_thread).join());
    let done = done.unwrap_or_else(|_| Err(ApiError::GivenUp("asking failed".to_owned())));
    Ok(done?)
}

async fn ask_all(
    url: &str,
    questions: &[Question],
    progress: &Progress,
) -> Result<Vec<QueryResult>, ApiError> {
    let api = &Api::new(url)?;
    let asked = stream::iter(questions).map(|question| async move {
        let answer = ask_one(api, &question.judged.query).await?;
        progress.add(1);
        let files = answer.files.into_iter().map(|file| FileId::new(file.repo, file.path));
        Ok(result(question, &files.collect::<Vec<_>>(), answer.summary.partial))
    });
    asked.buffered(AT_ONCE).try_collect().await
}

async fn ask_one(api: &Api, query: &str) -> Result<Answer, ApiError> {
    let parameters =
        [("q", query.to_owned()), ("limit", DEPTH.to_string()), ("cache", "false".to_owned())];
    let answer = api.get("/api/v1/search", &parameters).await?;
    serde_json::from_value(answer).map_err(|error| ApiError::Unreadable(error.to_string()))
}
