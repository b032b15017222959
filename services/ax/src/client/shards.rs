//! `ax shards`.

use super::{
    http::{Api, ApiError},
    out::line,
};
use crate::cli::{ShardsAction, ShardsArgs};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Does it. Exit status 0 when it is asked for, 2 on an error.
pub async fn run(args: ShardsArgs) -> ExitCode {
    let ShardsAction::Rebuild { shard, .. } = args.action;
    let path = match shard {
        Some(shard) => format!("/api/v1/shards/{shard}/rebuild"),
        None => "/api/v1/shards/rebuild".to_owned(),
    };
    let asked = async { Api::new(&args.server.server)?.post(&path, &json!({})).await };
    match asked.await {
        Ok(asked) if args.json => line(asked),
        Ok(asked) => say(&asked),
        Err(error) => return fail(&error),
    }
    ExitCode::SUCCESS
}

fn fail(error: &ApiError) -> ExitCode {
    eprintln!("ax: {error}");
    ExitCode::from(2)
}

fn say(asked: &Value) {
    asked["shards"].as_array().into_iter().flatten().map(sentence).for_each(line);
    line(
        "Each is built anew from the start of the change stream, beside what it serves; until that is \
         done it answers as of before, and its answers say so. `ax status` shows how far it is.",
    );
}

fn sentence(asked: &Value) -> String {
    let (shard, number) = (&asked["shard"], &asked["number"]);
    let what = match asked["already"] == true {
        true => "is on its way already",
        false => "is asked for",
    };
    let stream = match asked["stream_positions"].as_u64() {
        Some(0) => "; the stream holds nothing for it, so that it will be empty",
        _ => "",
    };
    format!("shard {shard}: rebuild {number} {what}{stream}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_stream_is_said_before_it_empties_the_shard() {
        let asked = |already: bool, positions: Value| {
            sentence(&json!({
                "shard": 3, "number": 2, "already": already, "stream_positions": positions
            }))
        };
        assert_eq!(asked(false, json!(7)), "shard 3: rebuild 2 is asked for");
        assert_eq!(asked(true, Value::Null), "shard 3: rebuild 2 is on its way already");
        assert!(asked(false, json!(0)).ends_with("so that it will be empty"));
    }
}
