//! `ax repos`: list, add, remove, show.

use super::{
    http::{Api, ApiError, segment},
    table::{Align, age, lines, size},
};
use crate::cli::{ReposAction, ReposArgs};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// Runs the command.
pub async fn run(args: ReposArgs) -> ExitCode {
    let done = async {
        let api = Api::new(&args.server.server)?;
        match &args.action {
            None => list(&api, args.json).await,
            Some(ReposAction::Show { name }) => show(&api, name, args.json).await,
            Some(ReposAction::Remove { name }) => remove(&api, name, args.json).await,
            Some(ReposAction::Add { source, name, branches, wait }) => {
                let body = json!({"source": absolute(source), "name": name, "branches": branches});
                add(&api, &body, *wait, args.json).await
            }
        }
    };
    match done.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ax: {error}");
            ExitCode::from(2)
        }
    }
}

/// A path is told to the server as it is from everywhere; a URL stays as it is.
fn absolute(source: &str) -> String {
    let path = std::path::Path::new(source);
    match path.canonicalize() {
        Ok(full) => full.display().to_string(),
        Err(_) => source.to_owned(),
    }
}

async fn list(api: &Api, as_json: bool) -> Result<(), ApiError> {
    let mut repositories = Vec::new();
    loop {
        let after = repositories.last().map(|last| text(last, "name")).unwrap_or_default();
        let page = api.get("/api/v1/repos", &[("after", after)]).await?;
        repositories.extend(page["repositories"].as_array().cloned().unwrap_or_default());
        for missing in page["missing"].as_array().into_iter().flatten() {
            eprintln!("ax: not listed: shard {}: {}", missing["shard"], text(missing, "reason"));
        }
        if !page["more"].as_bool().unwrap_or(false) {
            break;
        }
    }
    if as_json {
        repositories.iter().for_each(|repo| println!("{repo}"));
        return Ok(());
    }
    if repositories.is_empty() {
        println!("no repositories yet; add one with `ax repos add PATH|URL`");
        return Ok(());
    }
    print_table(&repositories);
    Ok(())
}

fn print_table(repositories: &[Value]) {
    let header = [
        ("repository", Align::Left),
        ("state", Align::Left),
        ("branches", Align::Right),
        ("files", Align::Right),
        ("text", Align::Right),
        ("left out", Align::Right),
        ("newest commit", Align::Right),
    ];
    let row = |repo: &Value| {
        let committed = repo["committed_at_ms"].as_i64().unwrap_or(0);
        vec![
            text(repo, "name"),
            state(repo),
            count(repo, "branches"),
            number(repo, "num_files").to_string(),
            size(number(repo, "num_bytes")),
            number(repo, "num_skipped").to_string(),
            if committed == 0 { "-".to_owned() } else { age(now_ms() - committed) },
        ]
    };
    let rows: Vec<_> = repositories.iter().map(row).collect();
    lines(&header, &rows).iter().for_each(|line| println!("{line}"));
}

/// The state, and how an import goes while one does.
fn state(repo: &Value) -> String {
    let progress = &repo["progress"];
    let failure = text(progress, "failure");
    if !failure.is_empty() {
        return format!("failing: {failure}");
    }
    match text(progress, "phase").as_str() {
        "" | "done" => text(repo, "state"),
        phase => format!("{phase} {}", share(progress)),
    }
}

fn share(progress: &Value) -> String {
    let (done, total) = (number(progress, "files_done"), number(progress, "files_total"));
    (done * 100).checked_div(total).map(|percent| format!("{percent} %")).unwrap_or_default()
}

async fn show(api: &Api, name: &str, as_json: bool) -> Result<(), ApiError> {
    let path = format!("/api/v1/repos/{}", segment(name));
    let mut repo = api.get(&path, &[]).await?;
    let mut skipped = Vec::new();
    loop {
        let after = skipped.last().map(|last| text(last, "path")).unwrap_or_default();
        let page = api.get(&format!("{path}/skipped"), &[("after", after)]).await;
        let page = match page {
            // Registered, but nothing of it is indexed yet.
            Err(ApiError::Refused(refusal)) if refusal.code == "AX-A002" => break,
            page => page?,
        };
        skipped.extend(page["skipped"].as_array().cloned().unwrap_or_default());
        if !page["more"].as_bool().unwrap_or(false) {
            break;
        }
    }
    if as_json {
        repo["skipped"] = Value::Array(skipped);
        println!("{repo}");
        return Ok(());
    }
    print_facts(&repo);
    print_skipped(&skipped);
    Ok(())
}

fn print_facts(repo: &Value) {
    let branches = repo["branches"].as_array().into_iter().flatten();
    let branches = branches.map(|branch| {
        let commit: String = text(branch, "commit").chars().take(12).collect();
        format!("{} {commit}", text(branch, "name")).trim_end().to_owned()
    });
    let left_out = repo["branches_left_out"].as_array().into_iter().flatten();
    let facts = [
        ("repository", text(repo, "name")),
        ("source", text(repo, "source")),
        ("state", state(repo)),
        ("branches", branches.collect::<Vec<_>>().join(", ")),
        ("not indexed", left_out.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        ("files", number(repo, "num_files").to_string()),
        ("text", size(number(repo, "num_bytes"))),
        ("left out", number(repo, "num_skipped").to_string()),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        println!("{name:<12} {value}");
    }
}

fn print_skipped(skipped: &[Value]) {
    if skipped.is_empty() {
        return;
    }
    println!("\nFiles whose text is left out; their paths are searchable all the same:\n");
    let header = [("reason", Align::Left), ("size", Align::Right), ("path", Align::Left)];
    let row = |file: &Value| {
        vec![text(file, "reason"), size(number(file, "num_bytes")), text(file, "path")]
    };
    let rows: Vec<_> = skipped.iter().map(row).collect();
    lines(&header, &rows).iter().for_each(|line| println!("{line}"));
}

async fn remove(api: &Api, name: &str, as_json: bool) -> Result<(), ApiError> {
    let answer = api.delete(&format!("/api/v1/repos/{}", segment(name))).await?;
    if as_json {
        println!("{answer}");
    } else {
        println!("removing {name}");
    }
    Ok(())
}

async fn add(api: &Api, body: &Value, wait: bool, as_json: bool) -> Result<(), ApiError> {
    let answer = api.post("/api/v1/repos", body).await?;
    let name = text(&answer, "name");
    if wait {
        wait_until_searchable(api, &name).await?;
    }
    if as_json {
        println!("{}", api.get(&format!("/api/v1/repos/{}", segment(&name)), &[]).await?);
    } else if wait {
        println!("{name} is searchable");
    } else {
        println!("adding {name}; `ax repos` shows how it goes");
    }
    Ok(())
}

/// Follows the import, then asks for an answer that includes all of it.
async fn wait_until_searchable(api: &Api, name: &str) -> Result<(), ApiError> {
    let bar = bar();
    let path = format!("/api/v1/repos/{}", segment(name));
    loop {
        let repo = api.get(&path, &[]).await?;
        let progress = &repo["progress"];
        bar.set_length(number(progress, "files_total").max(1));
        bar.set_position(number(progress, "files_done"));
        bar.set_message(format!("{} {}", text(progress, "phase"), estimate(progress)));
        let failure = text(progress, "failure");
        if !failure.is_empty() {
            bar.println(format!("ax: {failure}; ingest tries again"));
        }
        if text(progress, "phase") == "done" {
            wait_for(api, &text(progress, "version")).await?;
            bar.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
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

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or(0)
}

fn count(value: &Value, name: &str) -> String {
    value[name].as_array().map_or(0, Vec::len).to_string()
}
