//! `ax symbols`: definitions by name.

use super::{
    http::{Api, ApiError},
    out::{line, visible},
    repos::{number, text},
    table::{Align, lines},
};
use crate::cli::SymbolsArgs;
use serde_json::Value;
use std::process::ExitCode;

/// Asks and prints. Exit status as a search's: 0 found, 1 nothing found, 2 error.
pub async fn run(args: SymbolsArgs) -> ExitCode {
    match ask(&args).await {
        Ok(answer) => print(&args, &answer),
        Err(error) => {
            eprintln!("ax: {error}");
            ExitCode::from(2)
        }
    }
}

async fn ask(args: &SymbolsArgs) -> Result<Value, ApiError> {
    let mut parameters = vec![("q", args.query.join(" "))];
    let mut add = |name, value: Option<String>| parameters.extend(value.map(|v| (name, v)));
    add("repo", args.repo.clone());
    add("lang", args.lang.clone());
    add("kind", args.kind.clone());
    add("limit", args.limit.map(|limit| limit.to_string()));
    Api::new(&args.server.server)?.get("/api/v1/symbols", &parameters).await
}

fn print(args: &SymbolsArgs, answer: &Value) -> ExitCode {
    let symbols = answer["symbols"].as_array().map(Vec::as_slice).unwrap_or_default();
    if args.json {
        symbols.iter().for_each(line);
    } else if !symbols.is_empty() {
        table(symbols).iter().for_each(line);
    }
    let summary = &answer["summary"];
    for missing in summary["missing"].as_array().into_iter().flatten() {
        let (code, reason) = (text(missing, "code"), text(missing, "reason"));
        eprintln!("ax: not searched: shard {}: {code}: {}", missing["shard"], visible(&reason));
    }
    if summary["more"].as_bool().unwrap_or(false) {
        eprintln!("ax: there are more; --limit N shows N of them");
    }
    match (symbols.is_empty(), summary["partial"].as_bool().unwrap_or(false)) {
        (false, _) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(1),
        // what is missing might hold it
        (true, true) => ExitCode::from(2),
    }
}

/// One line per definition.
fn table(symbols: &[Value]) -> Vec<String> {
    let header = ["NAME", "KIND", "IN", "PLACE", "SIGNATURE"].map(|name| (name, Align::Left));
    let row = |symbol: &Value| {
        let place =
            format!("{}:{}:{}", text(symbol, "repo"), text(symbol, "path"), number(symbol, "line"));
        let of = |name| text(symbol, name);
        vec![of("name"), of("kind"), of("container"), place, of("signature")]
    };
    lines(&header, &symbols.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_definition_is_a_line_whatever_its_names_hold() {
        let symbol = json!({
            "name": "load", "kind": "method", "container": null, "repo": "acme/api",
            "path": "a\nb.rs", "line": 7, "signature": "fn load() {",
        });
        let told = table(&[symbol]);
        assert_eq!(told[0], "NAME  KIND    IN  PLACE               SIGNATURE");
        assert_eq!(told[1], r"load  method      acme/api:a\nb.rs:7  fn load() {");
    }
}
