//! `ax config`, `ax version`, and how a fault of configuration is shown.

use crate::{cli::ConfigAction, client::out::line};
use ax_model::Fault;
use std::{path::Path, process::ExitCode};
use toml::{Table, Value};

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Runs `ax config`.
pub fn run(action: &ConfigAction) -> ExitCode {
    let (args, show) = match action {
        ConfigAction::Check(args) => (args, false),
        ConfigAction::Show(args) => (args, true),
    };
    let config = match crate::load(args.config.as_deref()) {
        Ok(config) => config,
        Err(fault) => return refuse(&fault),
    };
    if !show {
        return match check_ranking(&config.query.ranking_file) {
            Ok(()) => {
                line("the configuration is valid");
                ExitCode::SUCCESS
            }
            Err(fault) => refuse(&fault),
        };
    }
    let shown = Table::try_from(config).map(without_secrets);
    match shown.and_then(|table| toml::to_string(&table)) {
        Ok(text) => {
            line(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ax: {error}");
            ExitCode::from(2)
        }
    }
}

/// Checks the ranking's parameters as a query node would, if their file is on this machine.
fn check_ranking(file: &str) -> Result<(), Fault> {
    match Path::new(file) {
        path if file.is_empty() || !path.exists() => Ok(()),
        path => ax_query_node::ranking::check(path),
    }
}

/// The table with the value of every key that reads like a secret's hidden, and without the user names
/// and passwords of URLs elsewhere. Settings of the Kafka library pass through here, and nobody has a
/// list of those to come: rather one hidden too many.
fn without_secrets(table: Table) -> Table {
    let shown = |(key, value): (String, Value)| {
        let value = if is_secret(&key) { hidden(value) } else { shown(value) };
        (key, value)
    };
    table.into_iter().map(shown).collect()
}

fn hidden(value: Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::String(text),
        _ => Value::String(HIDDEN.to_owned()),
    }
}

fn shown(value: Value) -> Value {
    match value {
        Value::Table(table) => Value::Table(without_secrets(table)),
        Value::Array(items) => Value::Array(items.into_iter().map(shown).collect()),
        Value::String(text) => Value::String(ax_model::without_secrets(&text)),
        other => other,
    }
}

/// True for what holds a secret itself; where a file with one lies is none.
fn is_secret(key: &str) -> bool {
    const MARKS: [&str; 9] = [
        "password",
        "passphrase",
        "secret",
        "token",
        "key",
        "pem",
        "credential",
        "jaas",
        "oauthbearer.config",
    ];
    let key = key.to_ascii_lowercase();
    let is_place = ["_file", ".location", ".url"].iter().any(|end| key.ends_with(end));
    !is_place && MARKS.iter().any(|mark| key.contains(mark))
}

/// Prints the version.
pub fn version() -> ExitCode {
    line(concat!("ax ", env!("CARGO_PKG_VERSION")));
    ExitCode::SUCCESS
}

/// Shows a fault and what to do about it. Exit status 2.
pub fn refuse(fault: &Fault) -> ExitCode {
    eprintln!("ax: {fault}");
    if !fault.hint.is_empty() {
        eprintln!("{}", fault.hint);
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn no_secret_is_shown() {
        let mut config = Config::default();
        let secret = || "sekret".to_owned();
        config.store.access_key = secret();
        config.store.secret_key = secret();
        config.ingest.webhook_secret = secret();
        config.coordination.endpoints = vec!["http://root:sekret@10.0.0.1:2379".to_owned()];
        for key in [
            "sasl.password",
            "ssl.key.pem",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.certificate.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "SASL.Password",
            "some.api.token",
        ] {
            config.changes.kafka.insert(key.to_owned(), secret());
        }
        let shown = without_secrets(Table::try_from(config).unwrap()).to_string();
        assert!(!shown.contains("sekret"), "{shown}");
        assert!(shown.contains("http://10.0.0.1:2379"), "{shown}");
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        let mut config = Config::default();
        config.ingest.credentials_file = "/etc/ax/credentials".to_owned();
        config.changes.kafka.insert("ssl.key.location".to_owned(), "/etc/ax/key".to_owned());
        config.changes.kafka.insert("security.protocol".to_owned(), "ssl".to_owned());
        let table = Table::try_from(config).unwrap();
        assert_eq!(without_secrets(table.clone()), table, "an empty secret is nothing to hide");
    }
}
