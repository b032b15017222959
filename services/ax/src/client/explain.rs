//! `ax query explain`: how a search came to its answer.

use super::{
    http::{Api, ApiError},
    out::line,
    repos::{number, text},
    table::{Align, lines, size},
};
use crate::cli::ExplainArgs;
use serde_json::Value;
use std::process::ExitCode;

/// Asks and prints.
pub async fn run(args: ExplainArgs) -> ExitCode {
    match ask(&args).await {
        Ok(answer) if args.json => line(&answer),
        Ok(answer) => told(&answer).iter().for_each(line),
        Err(error) => {
            eprintln!("ax: {error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

async fn ask(args: &ExplainArgs) -> Result<Value, ApiError> {
    let mut parameters = vec![("q", args.query.join(" ")), ("explain", "true".to_owned())];
    parameters.push(("limit", args.limit.to_string()));
    parameters.push(("lines", "1".to_owned()));
    Api::new(&args.server.server)?.get("/api/v1/search", &parameters).await
}

fn told(answer: &Value) -> Vec<String> {
    let summary = &answer["summary"];
    let plans = members(&summary["explanation"]);
    let mut told = Vec::new();
    if let Some(plan) = plans.first() {
        told.extend(patterns(plan));
    }
    for plan in plans {
        told.push(String::new());
        told.extend(shard(plan));
    }
    told.push(String::new());
    let (files, more) = (number(summary, "num_files"), summary["more"].as_bool() == Some(true));
    let more = if more { " at least" } else { "" };
    told.push(format!(
        "{files} files match{more}; {} us at the root",
        number(summary, "elapsed_us")
    ));
    let files = members(&answer["files"]);
    if !files.is_empty() {
        told.push(String::new());
        told.extend(scores(files));
    }
    told
}

/// What each pattern became; the same in every shard.
fn patterns(plan: &Value) -> Vec<String> {
    let header = ["PATTERN", "FOUND BY", "TRIGRAMS"].map(|name| (name, Align::Left));
    let row = |pattern: &Value| {
        let over_lines = pattern["over_lines"].as_bool() == Some(true);
        let method = text(pattern, "method") + if over_lines { ", over lines" } else { "" };
        vec![text(pattern, "pattern"), method, text(pattern, "grams")]
    };
    lines(&header, &members(&plan["patterns"]).iter().map(row).collect::<Vec<_>>())
}

fn shard(plan: &Value) -> Vec<String> {
    let (read, bytes) = (number(plan, "num_candidates"), size(number(plan, "num_bytes_verified")));
    let files = number(plan, "num_files");
    let mut told = vec![format!(
        "shard {}: {read} documents verified, {bytes} read, {files} match",
        plan["shard"]
    )];
    let (left, right) = (Align::Left, Align::Right);
    let header = [
        ("SEGMENT", left),
        ("CONDITION", left),
        ("RAREST", right),
        ("UNITS", right),
        ("DOCUMENTS", right),
    ];
    let mut rows = Vec::new();
    for segment in members(&plan["segments"]) {
        let id: String = text(segment, "id").chars().take(12).collect();
        let all = number(segment, "live_docs").to_string();
        rows.push(vec![id, "all".to_owned(), String::new(), String::new(), all]);
        for step in members(&segment["steps"]) {
            let optional = |name| step[name].as_u64().map_or(String::new(), |n| n.to_string());
            let (estimated, units) = (optional("estimated_units"), optional("units"));
            rows.push(vec![
                String::new(),
                text(step, "condition"),
                estimated,
                units,
                number(step, "docs").to_string(),
            ]);
        }
    }
    told.extend(lines(&header, &rows).into_iter().map(|line| format!("  {line}")));
    told
}

/// What each file's score is the sum of.
fn scores(files: &[Value]) -> Vec<String> {
    let header = [("SCORE", Align::Right), ("FILE", Align::Left), ("SUM OF", Align::Left)];
    let row = |file: &Value| {
        let parts = members(&file["signals"]).iter().filter_map(|signal| {
            let value = signal["value"].as_f64().filter(|value| *value != 0.0)?;
            Some(format!("{} {value:+.2}", text(signal, "name")))
        });
        let score = file["score"].as_f64().unwrap_or(0.0);
        let name = format!("{}:{}", text(file, "repo"), text(file, "path"));
        vec![format!("{score:.2}"), name, parts.collect::<Vec<_>>().join("  ")]
    };
    lines(&header, &files.iter().map(row).collect::<Vec<_>>())
}

fn members(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plan_is_told_as_tables() {
        let answer = json!({
            "files": [{
                "repo": "r", "path": "a.c", "score": 7.5,
                "signals": [{"name": "words", "value": 8.0}, {"name": "nearness", "value": 0.0}, {"name": "depth_loss", "value": -0.5}],
            }],
            "summary": {
                "num_files": 1, "more": false, "elapsed_us": 812,
                "explanation": [{
                    "shard": 3, "num_candidates": 2, "num_bytes_verified": 16_000, "num_files": 1,
                    "patterns": [{"pattern": "abcd", "method": "literal", "grams": "abc bcd", "over_lines": false}],
                    "segments": [{"id": "0192-x", "live_docs": 90, "steps": [
                        {"condition": "lang:c", "estimated_units": null, "units": null, "docs": 40},
                        {"condition": "abcd", "estimated_units": 12, "units": 5, "docs": 4},
                    ]}],
                }],
            },
        });
        let expected = [
            "PATTERN  FOUND BY  TRIGRAMS",
            "abcd     literal   abc bcd",
            "",
            "shard 3: 2 documents verified, 16.0 kB read, 1 match",
            "  SEGMENT  CONDITION  RAREST  UNITS  DOCUMENTS",
            "  0192-x   all                              90",
            "           lang:c                           40",
            "           abcd           12      5          4",
            "",
            "1 files match; 812 us at the root",
            "",
            "SCORE  FILE   SUM OF",
            " 7.50  r:a.c  words +8.00  depth_loss -0.50",
        ];
        assert_eq!(told(&answer), expected);
    }
}
