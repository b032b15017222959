//! `ax status` and `ax replay`.

use super::{
    http::{Api, ApiError},
    out::{line, visible},
    style::{Styles, paint},
    table::{Align, age, lines, size},
};
use crate::cli::{ReplayArgs, StatusArgs};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Prints the cluster. Exit status 0 when all is well, 1 when something needs a look, 2 on an error.
pub async fn run(args: StatusArgs) -> ExitCode {
    let status = async { Api::new(&args.server.server)?.get("/api/v1/status", &[]).await };
    let status = match status.await {
        Ok(status) => status,
        Err(error) => return fail(&error),
    };
    if args.json {
        line(&status);
    } else {
        print_all(&status);
    }
    if troubles(&status).is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Puts a change that was set aside back into the stream.
pub async fn replay(args: ReplayArgs) -> ExitCode {
    let path = format!("/api/v1/quarantine/{}/{}/replay", args.shard, args.offset);
    let answer = async { Api::new(&args.server.server)?.post(&path, &json!({})).await };
    match answer.await {
        Ok(answer) => {
            let version = text(&answer, "version");
            line(format!("appended again; searchable from version {version}"));
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn fail(error: &ApiError) -> ExitCode {
    eprintln!("ax: {error}");
    ExitCode::from(2)
}

fn print_all(status: &Value) {
    let styles = Styles::for_stdout();
    for trouble in troubles(status) {
        line(paint(styles.warn, &visible(&trouble)));
    }
    section("members", &members(status));
    section("shards", &shards(status));
    section("repositories", &repositories(status));
    section("changes set aside (put one back with `ax replay SHARD OFFSET`)", &quarantined(status));
}

/// What needs a look, a line each.
fn troubles(status: &Value) -> Vec<String> {
    let mut troubles = Vec::new();
    if !status["node"]["ready"].as_bool().unwrap_or(true) {
        troubles.push(format!("not ready: {}", text(&status["node"], "why_not")));
    }
    let coordination = &status["coordination"];
    if coordination["configured"] == true && coordination["seen"] == false {
        troubles.push("coordination has not answered since this node started".to_owned());
    }
    for shard in rows(status, "shards") {
        let failure = text(&shard["published"], "failure");
        if !failure.is_empty() {
            troubles.push(format!("shard {} stands still: {failure}", shard["shard"]));
        }
        troubles.extend(rebuilding(shard));
    }
    for repo in rows(status, "repositories") {
        let failure = text(repo, "failure");
        if !failure.is_empty() {
            troubles.push(format!("{}: {failure}", text(repo, "name")));
        }
    }
    match status["num_quarantined"].as_u64() {
        Some(count) if count > 0 => troubles.push(format!("{count} changes are set aside")),
        _ => {}
    }
    troubles
}

/// How far a shard's rebuild is, and why it is done.
fn rebuilding(shard: &Value) -> Option<String> {
    let rebuild = shard["published"]["rebuild"].as_object()?;
    let figure = |name: &str| rebuild.get(name).and_then(Value::as_u64).unwrap_or(0);
    let reason = rebuild.get("reason").and_then(Value::as_str).unwrap_or_default();
    Some(format!(
        "shard {} is being rebuilt: {} % done (position {} of {}), since {reason}",
        shard["shard"],
        figure("percent"),
        figure("position"),
        figure("target"),
    ))
}

fn section(title: &str, lines: &[String]) {
    if lines.len() > 1 {
        line(title);
        lines.iter().for_each(|row| line(format!("  {row}")));
        line("");
    }
}

fn members(status: &Value) -> Vec<String> {
    let header = [
        ("role", Align::Left),
        ("id", Align::Left),
        ("http", Align::Left),
        ("grpc", Align::Left),
        ("version", Align::Left),
        ("up", Align::Right),
        ("", Align::Left),
    ];
    let row = |member: &Value| {
        let since = member["started_at_ms"].as_i64().unwrap_or(0);
        let draining = member["draining"] == true;
        vec![
            text(member, "role"),
            text(member, "id"),
            text(member, "http"),
            text(member, "grpc"),
            text(member, "version"),
            age(crate::roles::now_ms() - since),
            if draining { "draining".to_owned() } else { String::new() },
        ]
    };
    lines(&header, &rows(status, "members").map(row).collect::<Vec<_>>())
}

fn shards(status: &Value) -> Vec<String> {
    let header = [
        ("shard", Align::Right),
        ("indexer", Align::Left),
        ("epoch", Align::Right),
        ("manifest", Align::Right),
        ("position", Align::Right),
        ("lag", Align::Right),
        ("here", Align::Right),
        ("segments", Align::Right),
        ("documents", Align::Right),
        ("text", Align::Right),
        ("without symbols yet", Align::Right),
    ];
    let row = |shard: &Value| {
        let (published, here) = (&shard["published"], &shard["here"]);
        let indexer = text(shard, "indexer");
        vec![
            shard["shard"].to_string(),
            if indexer.is_empty() { "nobody".to_owned() } else { indexer },
            figure(shard, "assigned_epoch"),
            figure(published, "manifest_version"),
            figure(published, "position"),
            figure(published, "lag"),
            figure(here, "manifest_version"),
            figure(here, "num_segments"),
            figure(here, "live_docs"),
            here["text_bytes"].as_u64().map_or_else(|| "-".to_owned(), size),
            here["unparsed_bytes"].as_u64().map_or_else(|| "-".to_owned(), size),
        ]
    };
    lines(&header, &rows(status, "shards").map(row).collect::<Vec<_>>())
}

fn repositories(status: &Value) -> Vec<String> {
    let header = [
        ("repository", Align::Left),
        ("phase", Align::Left),
        ("files", Align::Right),
        ("of", Align::Right),
        ("left", Align::Right),
        ("source", Align::Left),
    ];
    let row = |repo: &Value| {
        let left = repo["remaining_ms"].as_i64().filter(|left| *left > 0);
        vec![
            text(repo, "name"),
            text(repo, "phase"),
            figure(repo, "files_done"),
            figure(repo, "files_total"),
            left.map(age).unwrap_or_default(),
            text(repo, "source"),
        ]
    };
    lines(&header, &rows(status, "repositories").map(row).collect::<Vec<_>>())
}

fn quarantined(status: &Value) -> Vec<String> {
    let header = [
        ("shard", Align::Right),
        ("offset", Align::Right),
        ("code", Align::Left),
        ("key", Align::Left),
        ("reason", Align::Left),
    ];
    let row = |change: &Value| {
        vec![
            figure(change, "shard"),
            figure(change, "offset"),
            text(change, "code"),
            text(change, "key"),
            text(change, "reason"),
        ]
    };
    lines(&header, &rows(status, "quarantined").map(row).collect::<Vec<_>>())
}

fn rows<'a>(status: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    status[name].as_array().into_iter().flatten()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn figure(value: &Value, name: &str) -> String {
    value[name].as_u64().map_or_else(|| "-".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_look_is_said_first() {
        let status = json!({
            "node": {"ready": false, "why_not": "shard 1 is loading"},
            "coordination": {"configured": true, "seen": false},
            "shards": [
                {"shard": 0, "published": {"failure": "AX-C001: gone", "rebuild": null}},
                {"shard": 1, "published": {"failure": "", "rebuild":
                    {"percent": 42, "position": 21, "target": 50, "reason": "AX-C002: old"}}},
            ],
            "repositories": [{"name": "r", "failure": "AX-R001: away"}],
            "num_quarantined": 2,
        });
        assert_eq!(troubles(&status).len(), 6);
        let rebuilding =
            "shard 1 is being rebuilt: 42 % done (position 21 of 50), since AX-C002: old";
        assert!(troubles(&status).iter().any(|trouble| trouble == rebuilding));
        assert!(troubles(&json!({"node": {"ready": true}})).is_empty());
    }
}
