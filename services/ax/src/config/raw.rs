//! The raw stage: a file, then variables over it, every key checked against the known ones.

use super::{Config, check};
use ax_model::{Code, Fault};
use serde::Serialize;
use std::{
    ffi::{OsStr, OsString},
    path::Path,
};
use toml::{Table, Value};

/// What variables that set a key start with: `AX_STORE__URL` sets `store.url`.
const PREFIX: &str = "AX_";

/// Tables whose keys are free: settings of a library by its own names.
const FREE_TABLES: &[&str] = &["changes.kafka"];

/// Loads and validates a configuration. `variables` are the process's; the file comes first.
pub fn load(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, OsString)>,
) -> Result<Config, Fault> {
    load_over(&Config::default(), file, variables)
}

/// The same over other defaults: what is set wins over them, be it set to the usual default.
pub fn load_over(
    defaults: &Config,
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, OsString)>,
) -> Result<Config, Fault> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    for (name, value) in variables {
        set_variable(&mut table, &name, &value)?;
    }
    refuse_unknown(&table, &known(), "")?;
    let mut whole = written(defaults);
    lay_over(&mut whole, table);
    let config: Config = whole.try_into().map_err(|error: toml::de::Error| {
        Fault::new(Code::ConfigBadValue, error.message().to_owned())
            .hint("`ax config show` prints every key with its default")
    })?;
    check::validate(&config)?;
    Ok(config)
}

fn read(path: &Path) -> Result<Table, Fault> {
    let unreadable = |reason: String| {
        Fault::new(Code::ConfigUnreadable, format!("{}: {reason}", path.display()))
            .in_field("config")
    };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| {
        let fault = unreadable(error.message().to_owned());
        match error.span() {
            Some(span) => {
                let line = text[..span.start.min(text.len())].lines().count().max(1);
                fault.at(span.start, span.end).hint(format!("look at line {line}"))
            }
            None => fault,
        }
    })
}

/// Writes `AX_SECTION__KEY=value` into the table, typed as the known key is.
fn set_variable(table: &mut Table, name: &str, value: &OsStr) -> Result<(), Fault> {
    let Some(path) = name.strip_prefix(PREFIX) else { return Ok(()) };
    let path = path.to_lowercase();
    let Some((section, key)) = path.split_once("__") else {
        return refuse_lookalike(name, &path);
    };
    let value = value.to_str().ok_or_else(|| {
        Fault::new(Code::ConfigBadValue, format!("the value of {name} is not UTF-8")).in_field(name)
    })?;
    let known = known();
    let kind = known.get(section).and_then(|section| section.get(key));
    let typed = typed(value, kind).ok_or_else(|| {
        Fault::new(Code::ConfigBadValue, format!("`{value}` is not of the type of {section}.{key}"))
            .in_field(name)
    })?;
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(key.to_owned(), typed);
    }
    Ok(())
}

/// A variable without the two underscores is none of ours: an orchestrator sets some for each service,
/// under its name. But one that reads like a key is a slip that would cost somebody an evening.
fn refuse_lookalike(name: &str, path: &str) -> Result<(), Fault> {
    let known = known();
    let sections = known.iter().filter_map(|(name, keys)| Some((name, keys.as_table()?)));
    let mut keys = sections.flat_map(|(name, keys)| keys.keys().map(move |key| (name, key)));
    match keys.find(|(section, key)| format!("{section}_{key}") == path) {
        None => Ok(()),
        Some((section, key)) => {
            let right = format!("{PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase());
            Err(Fault::new(Code::ConfigUnknownKey, format!("`{name}` names no setting"))
                .in_field(name)
                .hint(format!("did you mean {right}, with two underscores?")))
        }
    }
}

/// Reads `text` as the type of `kind`; an unknown key stays text, and is refused later by name.
fn typed(text: &str, kind: Option<&Value>) -> Option<Value> {
    Some(match kind {
        Some(Value::Integer(_)) => Value::Integer(text.parse().ok()?),
        Some(Value::Boolean(_)) => Value::Boolean(text.parse().ok()?),
        Some(Value::Array(_)) => Value::Array(
            text.split(',').map(|item| Value::String(item.trim().to_owned())).collect(),
        ),
        _ => Value::String(text.to_owned()),
    })
}

/// Every known key, with its default.
pub(super) fn known() -> Table {
    written(&Config::default())
}

fn written(config: &Config) -> Table {
    let mut bytes = toml::ser::Buffer::new();
    let written = config.serialize(toml::Serializer::new(&mut bytes));
    debug_assert!(written.is_ok(), "a configuration is plain data");
    bytes.to_string().parse().unwrap_or_default()
}

/// Puts what is `given` in the place of what is there, table by table.
fn lay_over(there: &mut Table, given: Table) {
    for (key, value) in given {
        match (there.get_mut(&key), value) {
            (Some(Value::Table(there)), Value::Table(given)) => lay_over(there, given),
            (_, value) => drop(there.insert(key, value)),
        }
    }
}

fn refuse_unknown(given: &Table, known: &Table, at: &str) -> Result<(), Fault> {
    if FREE_TABLES.contains(&at) {
        return Ok(());
    }
    for (key, value) in given {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match (value, known.get(key)) {
            (Value::Table(given), Some(Value::Table(known))) => {
                refuse_unknown(given, known, &path)?;
            }
            (_, Some(_)) => {}
            (_, None) => return Err(unknown_key(key, known, &path)),
        }
    }
    Ok(())
}

fn unknown_key(key: &str, known: &Table, path: &str) -> Fault {
    let nearest = known.keys().min_by_key(|known| strsim::damerau_levenshtein(known, key));
    let fault = Fault::new(Code::ConfigUnknownKey, format!("there is no setting `{path}`"))
        .in_field(path.to_owned());
    match nearest {
        Some(nearest) => {
            let full = path.strip_suffix(key).unwrap_or_default();
            fault.hint(format!("did you mean `{full}{nearest}`?"))
        }
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Config, Fault> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), OsString::from(*v)));
        load(Some(file.path()), variables)
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(load(None, std::iter::empty()).unwrap(), Config::default());
    }

    #[test]
    fn variables_override_the_file() {
        let variables = [("AX_CLUSTER__SHARDS", "9"), ("AX_COORDINATION__ENDPOINTS", "a, b")];
        let config = load_text("[cluster]\nshards = 3\n", &variables).unwrap();
        assert_eq!(config.cluster.shards, 9);
        assert_eq!(config.coordination.endpoints, ["a", "b"]);
    }

    #[test]
    fn what_is_set_wins_over_other_defaults() {
        let mut defaults = Config::default();
        defaults.cluster.shards = 2;
        defaults.telemetry.log_filter = "warn".to_owned();
        let load = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), OsString::from(*v)));
            load_over(&defaults, None, variables).unwrap()
        };
        assert_eq!(load(&[]), defaults);
        let set = [("AX_CLUSTER__SHARDS", "7"), ("AX_TELEMETRY__LOG_FILTER", "info")];
        let config = load(&set);
        assert_eq!((config.cluster.shards, config.telemetry.log_filter.as_str()), (7, "info"));
    }

    #[test]
    fn a_variable_that_is_no_text_is_refused_only_if_it_is_ours() {
        use std::os::unix::ffi::OsStringExt;
        let odd = |name: &str| [(name.to_owned(), OsString::from_vec(vec![0xff]))].into_iter();
        let fault = load(None, odd("AX_STORE__URL")).unwrap_err();
        assert_eq!((fault.code, fault.field.as_str()), (Code::ConfigBadValue, "AX_STORE__URL"));
        assert_eq!(load(None, odd("AX_BIN")).unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let fault = load_text("[cluster]\nshrads = 3\n", &[]).unwrap_err();
        assert_eq!(fault.code, Code::ConfigUnknownKey);
        assert_eq!(fault.field, "cluster.shrads");
        assert_eq!(fault.hint, "did you mean `cluster.shards`?");
        let fault = load_text("", &[("AX_STORE__ULR", "x")]).unwrap_err();
        assert_eq!(fault.hint, "did you mean `store.url`?");
    }

    #[test]
    fn variables_of_others_are_left_alone_unless_they_read_like_a_key() {
        let others = [("AX_QUERY_SERVICE_HOST", "10.0.0.1"), ("AX_BIN", "x"), ("AX_SERVER", "y")];
        assert_eq!(load_text("", &others).unwrap(), Config::default());
        let fault = load_text("", &[("AX_STORE_URL", "x")]).unwrap_err();
        assert_eq!(fault.hint, "did you mean AX_STORE__URL, with two underscores?");
    }

    #[test]
    fn a_value_of_another_type_or_range_is_refused_by_name() {
        for (text, variables) in [
            ("[cluster]\nshards = \"many\"\n", &[][..]),
            ("[cluster]\nshards = 0\n", &[]),
            ("", &[("AX_CLUSTER__SHARDS", "many")]),
            ("[changes]\nbackend = \"rabbit\"\n", &[]),
            ("[query]\npoll_ms = 0\n", &[]),
            ("[query]\nscrub_bytes_per_second = 1\n", &[]),
            ("[store]\norphan_grace_seconds = 1\n", &[]),
            ("[store]\ncompression = \"lz4\"\n", &[]),
            ("[store]\ncompression_level = 20\n", &[]),
        ] {
            assert_eq!(
                load_text(text, variables).unwrap_err().code,
                Code::ConfigBadValue,
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_toml_says_where() {
        let fault = load_text("[cluster\nshards = 1", &[]).unwrap_err();
        assert_eq!(fault.code, Code::ConfigUnreadable);
        assert!(fault.hint.contains("line 1"), "{fault:?}");
        let fault = load(Some(Path::new("/nowhere/at/all")), std::iter::empty()).unwrap_err();
        assert_eq!(fault.code, Code::ConfigUnreadable);
    }

    #[test]
    fn settings_of_the_kafka_library_are_free() {
        let config = load_text("[changes.kafka]\n\"security.protocol\" = \"ssl\"\n", &[]).unwrap();
        assert_eq!(config.changes.kafka["security.protocol"], "ssl");
    }

    /// `section.key` and its default as TOML.
    fn documented() -> Vec<(String, String)> {
        let page = include_str!("../../../../docs/configuration.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let cells = |row: &str| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let of = |text: &str| text.trim_matches('`').to_owned();
            (of(cells[0]), of(cells[2]))
        };
        rows.map(cells).collect()
    }

    #[test]
    fn the_page_has_every_key_with_its_default_and_no_other() {
        let mut keys = Vec::new();
        for (section, table) in known() {
            for (key, default) in table.as_table().unwrap() {
                let default = match default {
                    Value::Table(free) if free.is_empty() => "{}".to_owned(),
                    default => default.to_string(),
                };
                keys.push((format!("{section}.{key}"), default));
            }
        }
        let mut documented = documented();
        keys.sort();
        documented.sort();
        assert_eq!(documented, keys, "docs/configuration.md on the left, the program on the right");
    }
}
