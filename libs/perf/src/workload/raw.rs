//! The first stage: a workload as it is written. Unknown keys are refused, since a misspelt one would
//! silently keep its default.

use ax_model::{Code, Fault};
use serde::Deserialize;
use toml::{Table, Value};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorkload {
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) target: RawTarget,
    #[serde(default)]
    pub(super) corpus: RawCorpus,
    #[serde(default)]
    pub(super) queries: Vec<RawClass>,
    #[serde(default)]
    pub(super) load: RawLoad,
    pub(super) baseline: Option<RawBaseline>,
}

/// `[target]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTarget {
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) serve: bool,
}

/// `[corpus]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCorpus {
    pub(super) label: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) repos: Vec<String>,
}

/// `[[queries]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClass {
    pub(super) class: Option<String>,
    pub(super) weight: Option<f64>,
    pub(super) list: Option<Vec<String>>,
    pub(super) file: Option<String>,
    pub(super) words: Option<usize>,
    pub(super) kind: Option<String>,
    pub(super) ignore_case: Option<bool>,
    pub(super) ask: Option<String>,
    pub(super) limit: Option<u32>,
    pub(super) max_lines: Option<u32>,
}

/// `[load]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoad {
    #[serde(rename = "loop")]
    pub(super) pace: Option<String>,
    pub(super) rate: Option<f64>,
    pub(super) arrivals: Option<String>,
    pub(super) clients: Option<usize>,
    pub(super) warm_up: Option<String>,
    pub(super) duration: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) cache: Option<bool>,
    pub(super) seed: Option<u64>,
}

/// `[baseline]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBaseline {
    pub(super) tool: String,
    pub(super) path: Option<String>,
}

/// One `KEY=VALUE` laid over the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    key: String,
    value: String,
}

impl std::str::FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Err("the key before `=` is empty".to_owned());
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// The text as written, with `settings` over it.
pub(super) fn parse(text: &str, settings: &[Setting]) -> Result<RawWorkload, Fault> {
    let raw: RawWorkload = toml::from_str(text).map_err(|error| refused(text, &error))?;
    if settings.is_empty() {
        return Ok(raw);
    }
    let mut table: Table = text.parse().map_err(|error| refused(text, &error))?;
    for setting in settings {
        lay_over(&mut table, setting)?;
    }
    let keys: Vec<&str> = settings.iter().map(|setting| setting.key.as_str()).collect();
    table.try_into().map_err(|error: toml::de::Error| {
        let fault = Fault::new(code_of(error.message()), error.message().trim().to_owned());
        fault.in_field("--set").hint(format!("look at --set {}", keys.join(", --set ")))
    })
}

/// The message of the parser names key and expectation; the line is added for values, whose key it knows
/// only by place.
fn refused(text: &str, error: &toml::de::Error) -> Fault {
    let fault = Fault::new(code_of(error.message()), error.message().trim().to_owned());
    let Some(span) = error.span() else { return fault };
    let start = span.start.min(text.len());
    let number = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim().to_owned();
    Fault { message: format!("line {number}, `{line}`: {}", fault.message), ..fault }
        .at(span.start, span.end)
}

fn code_of(message: &str) -> Code {
    let unknown = message.contains("unknown field");
    if unknown { Code::ConfigUnknownKey } else { Code::ConfigBadValue }
}

/// A value is TOML if it reads as such, and text otherwise: paths need no quotes.
fn lay_over(table: &mut Table, setting: &Setting) -> Result<(), Fault> {
    let as_toml = format!("v = {}", setting.value).parse::<Table>().ok();
    let value = as_toml.and_then(|mut table| table.remove("v"));
    let value = value.unwrap_or_else(|| Value::String(setting.value.clone()));
    let mut place = table;
    let mut parts: Vec<&str> = setting.key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let inner = place.entry(part).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = inner else {
            let message = format!("`{part}` of `{}` is not a table", setting.key);
            return Err(Fault::new(Code::ConfigUnknownKey, message).in_field("--set"));
        };
        place = inner;
    }
    place.insert(last.to_owned(), value);
    Ok(())
}
