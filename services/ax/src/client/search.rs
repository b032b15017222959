//! `ax search`: prints files as they arrive, best first.

use super::{
    http::{Api, ApiError},
    out::visible,
    sse::{SseEvent, SseParser},
    style::{Styles, paint},
};
use crate::cli::SearchArgs;
use futures::StreamExt;
use serde_json::Value;
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Searches and prints. Exit status as grep's: 0 found, 1 nothing found, 2 error.
pub async fn run(args: SearchArgs) -> ExitCode {
    let query = args.query.join(" ");
    match search(&args, &query).await {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => {
            eprintln!("ax: {error}");
            if let ApiError::Refused(refusal) = &error
                && let Some(place) = refusal.span.and_then(|span| point_at(&query, span))
            {
                eprintln!("{place}");
            }
            ExitCode::from(2)
        }
    }
}

/// How a search ended.
#[derive(Default)]
struct Outcome {
    num_files: u64,
    partial: bool,
}

impl Outcome {
    /// Nothing found in a partial answer is an error: what is missing might hold it.
    fn exit_code(&self) -> ExitCode {
        match (self.num_files, self.partial) {
            (0, true) => ExitCode::from(2),
            (0, false) => ExitCode::from(1),
            _ => ExitCode::SUCCESS,
        }
    }
}

async fn search(args: &SearchArgs, query: &str) -> Result<Outcome, ApiError> {
    let api = Api::new(&args.server.server)?;
    let response = api.stream("/api/v1/search/stream", &parameters(args, query)).await?;
    let mut printer = Printer::new(args);
    let mut parser = SseParser::default();
    let mut bytes = response.bytes_stream();
    while let Some(piece) = bytes.next().await {
        let piece = piece.map_err(|error| api.broken(&error))?;
        for event in parser.push(&piece) {
            match printer.event(&event) {
                // The reader of a pipe went away, as `head` does: that is no error.
                Err(Stop::Pipe) => return Ok(Outcome { num_files: 1, partial: false }),
                Err(Stop::Api(error)) => return Err(error),
                Ok(()) => {}
            }
        }
    }
    printer.outcome.ok_or_else(|| ApiError::Unreadable("the answer ended early".to_owned()))
}

fn parameters(args: &SearchArgs, query: &str) -> Vec<(&'static str, String)> {
    let mut parameters = vec![("q", query.to_owned())];
    let mut add = |name, value: Option<String>| parameters.extend(value.map(|v| (name, v)));
    add("limit", args.limit.map(|limit| limit.to_string()));
    add("all", args.all.then(|| "true".to_owned()));
    add("count", args.count.then(|| "true".to_owned()));
    add("max_lines", args.max_lines.map(|lines| lines.to_string()));
    add("context", args.context.map(|lines| lines.to_string()));
    add("wait_for", args.wait_for.clone());
    add("timeout", args.timeout.clone());
    add("cache", args.no_cache.then(|| "false".to_owned()));
    parameters
}

/// Why printing ends early.
enum Stop {
    /// Nobody reads standard output any more.
    Pipe,
    /// The answer is an error.
    Api(ApiError),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Pipe
    }
}

struct Printer {
    json: bool,
    count: bool,
    headings: bool,
    styles: Styles,
    out: io::BufWriter<io::Stdout>,
    outcome: Option<Outcome>,
}

impl Printer {
    fn new(args: &SearchArgs) -> Self {
        use io::IsTerminal;
        Self {
            json: args.json,
            count: args.count,
            headings: io::stdout().is_terminal(),
            styles: Styles::for_stdout(),
            out: io::BufWriter::new(io::stdout()),
            outcome: None,
        }
    }

    fn event(&mut self, event: &SseEvent) -> Result<(), Stop> {
        match event.name.as_str() {
            "file" if self.json => writeln!(self.out, "{}", event.data)?,
            "file" => self.file(&read(&event.data)?)?,
            "summary" => self.summary(&read(&event.data)?)?,
            "error" => {
                let refusal = serde_json::from_str(&event.data);
                let refusal = refusal.map_err(|error| unreadable(&error))?;
                return Err(Stop::Api(ApiError::Refused(Box::new(refusal))));
            }
            _ => {} // an event of a newer server
        }
        self.out.flush()?;
        Ok(())
    }

    fn file(&mut self, file: &Value) -> io::Result<()> {
        // Also in a pipe: a line break in a path would read as another match.
        let name = format!("{}:{}", text(file, "repo"), text(file, "path"));
        let name = visible(&name);
        let lines = file["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
        if self.headings || lines.is_empty() {
            writeln!(self.out, "{}", paint(self.styles.path, &name))?;
        }
        for line in lines {
            self.line(&name, line)?;
        }
        if self.headings {
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// A matched line has a colon after its number, a line of context a dash, as grep does it.
    fn line(&mut self, name: &str, line: &Value) -> io::Result<()> {
        let ranges = ranges(line);
        let mark = if ranges.is_empty() { '-' } else { ':' };
        if !self.headings {
            write!(self.out, "{name}{mark}")?;
        }
        let number = paint(self.styles.number, &line["number"].to_string());
        let text = highlight(&text(line, "text"), &ranges, self.styles, self.headings);
        writeln!(self.out, "{number}{mark}{text}")
    }

    /// A repository or a language that the query selects.
    fn group(&mut self, group: &Value) -> io::Result<()> {
        if self.json {
            return writeln!(self.out, "{group}");
        }
        let name = text(group, "name");
        let name = if name.is_empty() { "(no known language)" } else { &visible(&name) };
        let (files, lines) = (&group["num_files"], &group["num_lines"]);
        writeln!(self.out, "{}: {files} files, {lines} lines", paint(self.styles.path, name))
    }

    fn summary(&mut self, summary: &Value) -> io::Result<()> {
        let (files, lines) = (summary["num_files"].as_u64(), summary["num_lines"].as_u64());
        let (files, lines) = (files.unwrap_or(0), lines.unwrap_or(0));
        let partial = summary["partial"].as_bool().unwrap_or(false);
        let more = summary["more"].as_bool().unwrap_or(false);
        let least = if more { "at least " } else { "" };
        let groups = if self.count { None } else { summary["groups"].as_array() };
        for group in groups.into_iter().flatten() {
            self.group(group)?;
        }
        if self.count && self.json {
            writeln!(self.out, "{summary}")?;
        } else if self.count {
            writeln!(self.out, "{least}{files} files, {lines} lines")?;
        } else if self.headings {
            let seconds = summary["elapsed_us"].as_u64().unwrap_or(0) as f64 / 1e6;
            let note = format!("{least}{files} files, {lines} lines in {seconds:.3} s");
            writeln!(self.out, "{}", paint(self.styles.faint, &note))?;
        }
        for missing in summary["missing"].as_array().into_iter().flatten() {
            let (shard, code) = (&missing["shard"], text(missing, "code"));
            let reason = text(missing, "reason");
            eprintln!("ax: not searched: shard {shard}: {code}: {}", visible(&reason));
        }
        self.outcome = Some(Outcome { num_files: files, partial });
        Ok(())
    }
}

fn read(data: &str) -> Result<Value, Stop> {
    serde_json::from_str(data).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Stop {
    Stop::Api(ApiError::Unreadable(error.to_string()))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn ranges(line: &Value) -> Vec<(usize, usize)> {
    let pairs = line["ranges"].as_array().into_iter().flatten();
    let end = |pair: &Value, i: usize| pair[i].as_u64().and_then(|n| usize::try_from(n).ok());
    pairs.filter_map(|pair| Some((end(pair, 0)?, end(pair, 1)?))).collect()
}

/// Colours the matches; ranges that do not fit the text are left out. For a terminal, what would steer
/// it is spelt out, but for the carriage return that ends a line; a pipe gets the text as it is.
fn highlight(text: &str, ranges: &[(usize, usize)], styles: Styles, to_terminal: bool) -> String {
    let text = if to_terminal { text.strip_suffix('\r').unwrap_or(text) } else { text };
    let shown = |text: &'_ str| match to_terminal {
        true => visible(text).into_owned(),
        false => text.to_owned(),
    };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in ranges {
        let (Some(before), Some(hit)) = (text.get(done..*start), text.get(*start..*end)) else {
            continue;
        };
        out.push_str(&shown(before));
        out.push_str(&paint(styles.hit, &shown(hit)));
        done = *end;
    }
    out.push_str(&shown(&text[done..]));
    out
}

/// The query, and carets under the place that a fault names.
fn point_at(query: &str, (start, end): (usize, usize)) -> Option<String> {
    let before = query.get(..start)?;
    let there = query.get(start..end.min(query.len())).unwrap_or_default();
    let (indent, carets) = (before.chars().count(), there.chars().count().max(1));
    Some(format!("  {query}\n  {}{}", " ".repeat(indent), "^".repeat(carets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        let plain = |text, ranges| highlight(text, ranges, Styles::default(), false);
        assert_eq!(plain("let x = 1;", &[(4, 5)]), "let x = 1;");
        assert_eq!(plain("é", &[(1, 9)]), "é");
        assert_eq!(plain("a\x1b]0;x\x07b\r", &[(0, 1)]), "a\x1b]0;x\x07b\r", "as grep does");
    }

    #[test]
    fn a_file_does_not_steer_the_terminal() {
        let shown = highlight("a\x1b]0;x\x07\tb\r", &[(1, 3)], Styles::default(), true);
        assert_eq!(shown, "a\\u{1b}]0;x\\u{7}\tb");
    }

    #[test]
    fn a_fault_points_at_its_place() {
        let place = point_at("é lnag:c", (3, 8)).unwrap();
        assert_eq!(place, "  é lnag:c\n    ^^^^^");
        assert_eq!(point_at("abc", (3, 3)).unwrap(), "  abc\n     ^");
        assert_eq!(point_at("abc", (9, 10)), None);
    }
}
