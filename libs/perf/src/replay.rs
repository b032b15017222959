//! Queries that were recorded, and whether two servers answer them alike.

use ax_model::{Code, Fault};
use serde::{Deserialize, Serialize};

/// A query of a query log, as far as it is asked again. What else a line holds is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recorded {
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its text.
    pub query: String,
    /// Most files asked for; 0 leaves it to the server.
    pub limit: u32,
    /// Every file.
    pub all: bool,
    /// Most matched lines in all; 0 for no bound.
    pub max_lines: u32,
    /// Counts only.
    pub count: bool,
    /// Lines of context.
    pub context: u32,
    /// Its deadline; 0 leaves it to the server.
    pub timeout_ms: u32,
}

/// Reads a record, one JSON object per line, and puts it in the order of time. `name` is the file.
pub fn read(name: &str, text: &str) -> Result<Vec<Recorded>, Fault> {
    let bad = |why: String| {
        Fault::new(Code::ConfigUnreadable, format!("{name}: {why}"))
            .in_field(name)
            .hint("give a query log, or what `ax perf record` wrote")
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let queries = lines.map(|(number, line)| {
        let query: Recorded = serde_json::from_str(line)
            .map_err(|error| bad(format!("line {} is no recorded query: {error}", number + 1)))?;
        if query.query.is_empty() && !line.contains("\"query\"") {
            return Err(bad(format!("line {} has no `query`", number + 1)));
        }
        Ok(query)
    });
    let mut queries = queries.collect::<Result<Vec<_>, Fault>>()?;
    if queries.is_empty() {
        return Err(bad("it holds no queries".to_owned()));
    }
    queries.sort_by_key(|query| query.at_ms);
    Ok(queries)
}

/// An answer as far as two servers should agree on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Stable code of a failure; empty when there was an answer.
    pub code: String,
    /// Matching files, as far as they were counted.
    pub num_files: u64,
    /// Matched lines, as far as they were counted.
    pub num_lines: u64,
    /// There are more than were counted.
    pub more: bool,
    /// Something is missing.
    pub partial: bool,
    /// The files, best first, as `repository:path` with their matched lines.
    pub files: Vec<(String, u64)>,
    /// What was searched: each shard and its manifest version.
    pub versions: String,
}

/// In what `b` differs from `a`, in words; `None` when they agree. Versions are no difference of answers.
pub fn difference(a: &Answer, b: &Answer) -> Option<String> {
    if a.code != b.code {
        let named =
            |code: &str| if code.is_empty() { "an answer".to_owned() } else { code.to_owned() };
        return Some(format!("{} and {}", named(&a.code), named(&b.code)));
    }
    if a.partial != b.partial {
        let named = |partial| if partial { "partial" } else { "complete" };
        return Some(format!("{} and {}", named(a.partial), named(b.partial)));
    }
    if let Some(files) = differing_files(&a.files, &b.files) {
        return Some(files);
    }
    // Where there is more, counts say only how far each had counted when it had enough.
    let counted = !a.more && !b.more;
    if counted && a.num_files != b.num_files {
        return Some(format!("{} and {} files", a.num_files, b.num_files));
    }
    if counted && a.num_lines != b.num_lines {
        return Some(format!("{} and {} matched lines", a.num_lines, b.num_lines));
    }
    (a.more != b.more).then(|| "only one of them says that there is more".to_owned())
}

fn differing_files(a: &[(String, u64)], b: &[(String, u64)]) -> Option<String> {
    if a == b {
        return None;
    }
    let only = |x: &[(String, u64)], y: &[(String, u64)]| {
        x.iter().find(|(name, _)| !y.iter().any(|(other, _)| other == name)).cloned()
    };
    if let Some((name, _)) = only(a, b) {
        return Some(format!("only the first has {name}"));
    }
    if let Some((name, _)) = only(b, a) {
        return Some(format!("only the second has {name}"));
    }
    let at = a.iter().zip(b).position(|(a, b)| a != b)?;
    let ((name_a, lines_a), (name_b, lines_b)) = (&a[at], &b[at]);
    Some(match name_a == name_b {
        true => format!("{name_a} has {lines_a} and {lines_b} matched lines"),
        false => format!("the order: place {} is {name_a} and {name_b}", at + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_line_by_line() {
        let text = "{\"at_ms\":20,\"query\":\"b\",\"took_us\":9}\n\n{\"at_ms\":10,\"query\":\"a\",\"all\":true}\n";
        let queries = read("log", text).unwrap();
        assert_eq!((queries[0].query.as_str(), queries[0].all), ("a", true));
        assert_eq!(queries[1].at_ms, 20);
        for (text, says) in
            [("{}\n", "line 1 has no"), ("\n{\"query\":1}", "line 2"), ("", "no queries")]
        {
            let fault = read("log", text).unwrap_err();
            assert!(
                fault.code == Code::ConfigUnreadable && fault.message.contains(says),
                "{fault}"
            );
        }
    }

    fn answer(files: &[(&str, u64)]) -> Answer {
        let files: Vec<_> =
            files.iter().map(|(name, lines)| ((*name).to_owned(), *lines)).collect();
        Answer { num_files: files.len() as u64, files, ..Answer::default() }
    }

    #[test]
    fn the_first_difference_is_told() {
        let base = answer(&[("r:a", 1), ("r:b", 2)]);
        assert_eq!(difference(&base, &Answer { versions: "0@9".into(), ..base.clone() }), None);
        let other = |change: &dyn Fn(&mut Answer)| {
            let mut other = base.clone();
            change(&mut other);
            difference(&base, &other).unwrap()
        };
        assert_eq!(other(&|a| a.code = "AX-Q001".into()), "an answer and AX-Q001");
        assert_eq!(other(&|a| a.partial = true), "complete and partial");
        assert_eq!(other(&|a| a.files.truncate(1)), "only the first has r:b");
        assert_eq!(other(&|a| a.files.push(("r:c".into(), 1))), "only the second has r:c");
        assert_eq!(other(&|a| a.files.reverse()), "the order: place 1 is r:a and r:b");
        assert_eq!(other(&|a| a.files[1].1 = 3), "r:b has 2 and 3 matched lines");
        assert_eq!(other(&|a| a.num_files = 9), "2 and 9 files");
        assert_eq!(other(&|a| a.num_lines = 9), "0 and 9 matched lines");
        assert!(other(&|a| a.more = true).contains("more"));
        let (one, two) =
            (Answer { more: true, ..base.clone() }, Answer { more: true, num_files: 7, ..base });
        assert_eq!(difference(&one, &two), None, "how far each had counted");
    }
}
