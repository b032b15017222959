//! `ax repos`: list, add, remove, show.

use super::{
    http::{Api, ApiError, segment},
    out::{line, visible},
    table::{Align, age, lines, size},
    wait::{once_known, wait_until_gone, wait_until_searchable},
};
use crate::{
    cli::{FactArgs, ReposAction, ReposArgs},
    serve::repos::whole,
};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Runs the command.
pub async fn run(args: ReposArgs) -> ExitCode {
    let done = async {
        let api = Api::new(&args.server.server)?;
        match &args.action {
            None => list(&api, args.json).await,
            Some(ReposAction::Show { name }) => show(&api, name, args.json).await,
            Some(ReposAction::Remove { name, wait }) => remove(&api, name, *wait, args.json).await,
            Some(ReposAction::Add { source, name, branches, facts, wait }) => {
                let FactArgs { archived, fork, public, rank } = facts;
                let body = json!({"source": whole(source), "name": name, "branches": branches,
                    "archived": archived, "fork": fork, "public": public, "rank": rank});
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

async fn list(api: &Api, as_json: bool) -> Result<(), ApiError> {
    let mut repositories = Vec::new();
    loop {
        let after = repositories.last().map(|last| text(last, "name")).unwrap_or_default();
        let page = api.get("/api/v1/repos", &[("after", after)]).await?;
        repositories.extend(page["repositories"].as_array().cloned().unwrap_or_default());
        for missing in page["missing"].as_array().into_iter().flatten() {
            let reason = text(missing, "reason");
            eprintln!("ax: not listed: shard {}: {}", missing["shard"], visible(&reason));
        }
        if !page["more"].as_bool().unwrap_or(false) {
            break;
        }
    }
    if as_json {
        repositories.iter().for_each(line);
        return Ok(());
    }
    if repositories.is_empty() {
        line("no repositories yet; add one with `ax repos add PATH|URL`");
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
        ("is", Align::Left),
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
            facts(repo),
        ]
    };
    let rows: Vec<_> = repositories.iter().map(row).collect();
    lines(&header, &rows).iter().for_each(line);
}

/// The state, and how an import goes while one does. What is to be removed is no longer imported.
fn state(repo: &Value) -> String {
    let (progress, state) = (&repo["progress"], text(repo, "state"));
    let failure = text(progress, "failure");
    let state = match text(progress, "phase").as_str() {
        "" | "done" | "failed" => state,
        _ if state == "removing" => format!("{state} {}", share(progress)),
        phase => format!("{phase} {}", share(progress)),
    };
    match failure.as_str() {
        "" => state.trim_end().to_owned(),
        _ if state == "removing" => format!("{state}, failing: {failure}"),
        _ => format!("failing: {failure}"),
    }
}

/// What is said of it beside its text.
fn facts(repo: &Value) -> String {
    let holds = |name: &&&str| repo[**name].as_bool().unwrap_or(false);
    let names = ["archived", "fork", "public"];
    let mut all: Vec<String> = names.iter().filter(holds).map(|name| (*name).to_owned()).collect();
    let rank = number(repo, "rank");
    if rank > 0 {
        all.push(format!("rank {rank}"));
    }
    all.join(", ")
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
        line(&repo);
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
        ("is", facts(repo)),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        line(format!("{name:<12} {}", visible(value)));
    }
}

fn print_skipped(skipped: &[Value]) {
    if skipped.is_empty() {
        return;
    }
    line("\nFiles whose text is left out; their paths are searchable all the same:\n");
    let header = [("reason", Align::Left), ("size", Align::Right), ("path", Align::Left)];
    let row = |file: &Value| {
        vec![text(file, "reason"), size(number(file, "num_bytes")), text(file, "path")]
    };
    let rows: Vec<_> = skipped.iter().map(row).collect();
    lines(&header, &rows).iter().for_each(line);
}

async fn remove(api: &Api, name: &str, wait: bool, as_json: bool) -> Result<(), ApiError> {
    let answer = api.delete(&format!("/api/v1/repos/{}", segment(name))).await?;
    if wait {
        wait_until_gone(api, name).await?;
    }
    match (as_json, wait) {
        (true, _) => line(answer),
        (false, true) => line(format!("{name} is gone")),
        (false, false) => line(format!("removing {name}; `ax repos` shows how it goes")),
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
        line(once_known(api, &name).await?);
    } else if wait {
        line(format!("{name} is searchable"));
    } else {
        line(format!("adding {name}; `ax repos` shows how it goes"));
    }
    Ok(())
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

pub(super) fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or(0)
}

fn count(value: &Value, name: &str) -> String {
    value[name].as_array().map_or(0, Vec::len).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(state: &str, phase: &str, failure: &str) -> Value {
        json!({"state": state, "progress":
            {"phase": phase, "failure": failure, "files_done": 1, "files_total": 4}})
    }

    #[test]
    fn the_state_says_what_is_being_done() {
        for (given, shown) in [
            (repo("registered", "", ""), "registered"),
            (repo("indexed", "done", ""), "indexed"),
            (repo("registered", "emitting", ""), "emitting 25 %"),
            (repo("registered", "failed", "AX-R001: x"), "failing: AX-R001: x"),
            (repo("removing", "emitting", ""), "removing 25 %"),
            (repo("removing", "failed", "AX-C003: x"), "removing, failing: AX-C003: x"),
        ] {
            assert_eq!(state(&given), shown);
        }
    }
}
