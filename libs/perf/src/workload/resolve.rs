//! The second stage: defaults filled in, everything checked. An error names the key and what it accepts.

use super::{
    Arrivals, Ask, Baseline, Class, Corpus, Kind, Load, Pace, Setting, Source, Target, Workload,
    duration,
    raw::{self, RawBaseline, RawClass, RawCorpus, RawLoad, RawTarget},
};
use ax_model::{Code, Fault};
use std::{path::PathBuf, time::Duration};

/// Most clients: more sockets than a process may have by default.
const MAX_CLIENTS: usize = 10_000;
/// Longest run; every query's time is kept in memory.
const MAX_DURATION: Duration = Duration::from_secs(6 * 3600);
/// Most words drawn.
const MAX_WORDS: usize = 100_000;

/// Reads a workload; `settings` win over the text. `name` is its name when it gives none.
pub fn read(name: &str, text: &str, settings: &[Setting]) -> Result<Workload, Fault> {
    let raw = raw::parse(text, settings)?;
    let corpus = corpus(raw.corpus);
    let target = target(raw.target, &corpus)?;
    if raw.queries.is_empty() {
        return Err(bad("queries", "at least one [[queries]] with `list`, `file` or `words`"));
    }
    let classes = raw.queries.into_iter().enumerate();
    let classes = classes.map(|(i, raw)| class(i, raw, &corpus)).collect::<Result<Vec<_>, _>>()?;
    for (i, class) in classes.iter().enumerate() {
        if classes[..i].iter().any(|other| other.name == class.name) {
            return Err(bad(&format!("queries.{i}.class"), "a name that no other class has"));
        }
    }
    Ok(Workload {
        name: raw.name.unwrap_or_else(|| name.to_owned()),
        target,
        baseline: raw.baseline.map(|raw| baseline(raw, &corpus)).transpose()?,
        corpus,
        classes,
        load: load(raw.load)?,
    })
}

fn target(raw: RawTarget, corpus: &Corpus) -> Result<Target, Fault> {
    match (raw.url, raw.serve) {
        (Some(url), false) if url.starts_with("http://") || url.starts_with("https://") => {
            Ok(Target::Running { url: url.trim_end_matches('/').to_owned() })
        }
        (Some(_), false) => Err(bad("target.url", "an address as in `http://127.0.0.1:7080`")),
        (None, true) if corpus.repos.is_empty() => {
            Err(bad("corpus.repos", "what to serve, or `corpus.path`, with `target.serve = true`"))
        }
        (None, true) => Ok(Target::Serve),
        _ => Err(bad("target", "either `url = \"http://…\"` or `serve = true`")),
    }
}

fn corpus(raw: RawCorpus) -> Corpus {
    let path = raw.path.filter(|path| !path.is_empty());
    let repos = if raw.repos.is_empty() { path.iter().cloned().collect() } else { raw.repos };
    Corpus { label: raw.label.unwrap_or_default(), path: path.map(PathBuf::from), repos }
}

fn class(number: usize, raw: RawClass, corpus: &Corpus) -> Result<Class, Fault> {
    let key = |name: &str| format!("queries.{number}.{name}");
    let source = match (raw.list, raw.file, raw.words) {
        (Some(list), None, None) if !list.is_empty() => Source::List(list),
        (None, Some(file), None) => Source::File(PathBuf::from(file)),
        (None, None, Some(_)) if corpus.path.is_none() => {
            return Err(bad("corpus.path", "the text to draw words from"));
        }
        (None, None, Some(num)) if (1..=MAX_WORDS).contains(&num) => Source::Words { num },
        (None, None, Some(_)) => {
            return Err(bad(&key("words"), &format!("1 to {MAX_WORDS}")));
        }
        _ => {
            let what = "exactly one of `list` (not empty), `file` and `words`";
            return Err(bad(&format!("queries.{number}"), what));
        }
    };
    let default_kind = if matches!(source, Source::Words { .. }) { "literal" } else { "query" };
    let kind = match raw.kind.as_deref().unwrap_or(default_kind) {
        "query" => Kind::Query,
        "literal" => Kind::Literal,
        "regex" => Kind::Regex,
        _ => return Err(bad(&key("kind"), "`query`, `literal` or `regex`")),
    };
    if kind == Kind::Query && raw.ignore_case.is_some() {
        return Err(bad(&key("ignore_case"), "nothing with `kind = \"query\"`: the query says it"));
    }
    let ask = match (raw.ask.as_deref().unwrap_or("page"), raw.limit) {
        ("page", limit @ (None | Some(1..=10_000))) => Ask::Page(limit.unwrap_or(50)),
        ("page", Some(_)) => return Err(bad(&key("limit"), "1 to 10000")),
        ("all", None) => Ask::All,
        ("count", None) => Ask::Count,
        ("symbols", None) => Ask::Symbols,
        ("definitions", None) => Ask::Definitions,
        ("references", None) => Ask::References,
        ("all" | "count" | "symbols" | "definitions" | "references", Some(_)) => {
            return Err(bad(&key("limit"), "nothing without `ask = \"page\"`"));
        }
        _ => {
            let what = "`page`, `all`, `count`, `symbols`, `definitions` or `references`";
            return Err(bad(&key("ask"), what));
        }
    };
    if ask.is_of_names() && (raw.kind.is_some() || raw.ignore_case.is_some()) {
        let what = "neither it nor `ignore_case` where names are asked for";
        return Err(bad(&key("kind"), what));
    }
    let max_lines = raw.max_lines.unwrap_or(0);
    if raw.max_lines.is_some() && (max_lines == 0 || (ask == Ask::Count || ask.is_of_names())) {
        return Err(bad(&key("max_lines"), "over 0; nothing where no lines are asked for"));
    }
    let weight = raw.weight.unwrap_or(1.0);
    if !(weight > 0.0 && weight.is_finite()) {
        return Err(bad(&key("weight"), "a number over 0"));
    }
    let name = raw.class.unwrap_or_else(|| format!("class {}", number + 1));
    let case_sensitive = !raw.ignore_case.unwrap_or(false);
    Ok(Class { name, weight, source, kind, case_sensitive, ask, max_lines })
}

fn load(raw: RawLoad) -> Result<Load, Fault> {
    let pace = match (raw.pace.as_deref().unwrap_or("closed"), raw.rate) {
        ("closed", None) => Pace::Closed,
        ("closed", Some(_)) => return Err(bad("load.rate", "nothing with `loop = \"closed\"`")),
        ("open", Some(rate)) if rate > 0.0 && rate <= 1e6 => {
            Pace::Open { rate, arrivals: arrivals(raw.arrivals.as_deref())? }
        }
        ("open", _) => return Err(bad("load.rate", "queries per second, over 0")),
        _ => return Err(bad("load.loop", "`closed` or `open`")),
    };
    if pace == Pace::Closed && raw.arrivals.is_some() {
        return Err(bad("load.arrivals", "nothing with `loop = \"closed\"`"));
    }
    // An open loop needs hands enough that waiting for one is the exception.
    let default_clients = if pace == Pace::Closed { 1 } else { 64 };
    let clients = raw.clients.unwrap_or(default_clients);
    if !(1..=MAX_CLIENTS).contains(&clients) {
        return Err(bad("load.clients", &format!("1 to {MAX_CLIENTS}")));
    }
    let least = Duration::from_millis(100);
    Ok(Load {
        pace,
        clients,
        warm_up: span("load.warm_up", raw.warm_up, "2s", Duration::ZERO)?,
        duration: span("load.duration", raw.duration, "10s", least)?,
        timeout: span("load.timeout", raw.timeout, "10s", Duration::from_millis(1))?,
        cache: raw.cache.unwrap_or(false),
        seed: raw.seed.unwrap_or(1),
    })
}

fn arrivals(name: Option<&str>) -> Result<Arrivals, Fault> {
    match name.unwrap_or("even") {
        "even" => Ok(Arrivals::Even),
        "poisson" => Ok(Arrivals::Poisson),
        _ => Err(bad("load.arrivals", "`even` or `poisson`")),
    }
}

fn span(
    key: &str,
    text: Option<String>,
    default: &str,
    least: Duration,
) -> Result<Duration, Fault> {
    let text = text.unwrap_or_else(|| default.to_owned());
    let good = duration(&text).filter(|span| (least..=MAX_DURATION).contains(span));
    good.ok_or_else(|| {
        bad(key, &format!("a time from {least:?} to 6h, as in `500ms`, `10s` or `2m`"))
    })
}

fn baseline(raw: RawBaseline, corpus: &Corpus) -> Result<Baseline, Fault> {
    if raw.tool != "ripgrep" {
        return Err(bad("baseline.tool", "`ripgrep`"));
    }
    let path = raw.path.map(PathBuf::from).or_else(|| corpus.path.clone());
    let path =
        path.ok_or_else(|| bad("baseline.path", "the folder to search, or `corpus.path`"))?;
    Ok(Baseline { path })
}

fn bad(key: &str, expected: &str) -> Fault {
    Fault::new(Code::ConfigBadValue, format!("{key}: expected {expected}")).in_field(key)
}
