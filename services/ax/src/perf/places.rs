//! Places at which words are used, to ask a server for what is defined of them: an editor asks for the
//! place a caret is at, and where that is depends on the server's repositories.

use super::PerfError;
use crate::client::http::Api;
use ax_perf::workload::{Ask, Source, Workload};
use serde_json::Value;

/// Files with references of which the last one counts: the first is the likeliest of all, and as a rule where
/// the word is defined.
const FILES: u32 = 10;

/// In classes that ask for definitions by words, puts a place in stead of each word, as
/// `REPO:PATH:LINE:COL`. Numbers, which name nothing, and words that the server knows no use of
/// are left out.
pub async fn find(
    url: &str,
    workload: &Workload,
    patterns: &mut [Vec<String>],
) -> Result<(), PerfError> {
    let api = Api::new(url)?;
    for (class, patterns) in workload.classes.iter().zip(patterns) {
        if class.ask != Ask::Definitions || !matches!(class.source, Source::Words { .. }) {
            continue;
        }
        let mut places = Vec::new();
        let is_name = |word: &&String| !word.starts_with(|first: char| first.is_ascii_digit());
        for word in patterns.iter().filter(is_name) {
            places.extend(place(&api, word).await?);
        }
        if places.is_empty() {
            let name = &class.name;
            let message = format!("class `{name}` has no queries: {url} knows no use of its words");
            return Err(PerfError::Other(message));
        }
        *patterns = places;
    }
    Ok(())
}

async fn place(api: &Api, word: &str) -> Result<Option<String>, PerfError> {
    let number = |value: u32| value.to_string();
    let query = [("symbol", word.to_owned()), ("limit", number(FILES)), ("lines", number(1))];
    let answer = api.get("/api/v1/references", &query).await?;
    let of_file = |file: &Value| {
        let (repo, path) = (file["repo"].as_str()?, file["path"].as_str()?);
        let first = file["occurrences"].as_array()?.first()?;
        Some(format!("{repo}:{path}:{}:{}", first["line"].as_u64()?, first["col"].as_u64()?))
    };
    Ok(answer["files"].as_array().and_then(|files| files.last()).and_then(of_file))
}
