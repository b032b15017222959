//! What the shown files have in common, as links that narrow the query.

use super::html::Html;
use ax_proto::search::FileMatch;
use ax_query::{Expr, Query};
use std::collections::HashMap;

/// Values shown per facet.
const SHOWN: usize = 12;

/// Repositories and languages of the shown files.
pub(super) fn aside(html: &mut Html, query: &str, files: &[FileMatch], more: bool) {
    html.raw("<aside>");
    facet(html, "Repositories", query, counted(files, |file| &file.repo), repo_filter);
    facet(html, "Languages", query, counted(files, |file| &file.language), lang_filter);
    if more {
        html.raw("<p class=\"note\">Counted over the files shown.</p>");
    }
    html.raw("</aside>");
}

fn facet(
    html: &mut Html,
    title: &'static str,
    query: &str,
    values: Vec<(&str, u64)>,
    filter: fn(&str) -> String,
) {
    if values.is_empty() {
        return;
    }
    html.raw("<h3>").raw(title).raw("</h3><ul>");
    for (value, count) in values.into_iter().take(SHOWN) {
        let narrowed = narrowed(query, &filter(value));
        html.raw("<li><a href=\"").link("/", &[("q", &narrowed)]).raw("\" title=\"").name(value);
        html.raw("\">").name(value).raw("</a><span>").number(count).raw("</span></li>");
    }
    html.raw("</ul>");
}

/// `query` and `filter`. An `or` would leave the filter to its last part alone, and a backslash at the
/// end would take in what follows: the one gets parentheses, the other also its canonical form.
pub(super) fn narrowed(query: &str, filter: &str) -> String {
    match ax_query::parse(query, &ax_query::Limits::default()) {
        Ok(parsed) if query.ends_with('\\') => format!("({parsed}) {filter}"),
        Ok(Query { expr: Expr::Or(_), .. }) => format!("({query}) {filter}"),
        _ => format!("{query} {filter}"),
    }
}

/// Values and how many files have them, most first.
fn counted(files: &[FileMatch], of: fn(&FileMatch) -> &String) -> Vec<(&str, u64)> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for value in files.iter().map(of).filter(|value| !value.is_empty()) {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    counts
}

/// A filter for one repository and no other whose name holds this one.
pub(super) fn repo_filter(name: &str) -> String {
    match is_plain(name) {
        true => format!("repo:^{}$", name.replace('.', "\\.")),
        false => format!("repo:{}", quoted(name)),
    }
}

pub(super) fn lang_filter(name: &str) -> String {
    format!("lang:{}", quoted(name))
}

/// A filter for exactly one file, by regular expressions.
pub(super) fn file_filter(repo: &str, path: &str) -> String {
    format!("repo:/^{}$/ file:/^{}$/", literally(repo), literally(path))
}

fn literally(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if r"\.+*?()|[]{}^$#&-~/".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// As one word of the query language.
fn quoted(value: &str) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
}

/// Nothing in it means anything to the query language but the dot of a regular expression.
fn is_plain(value: &str) -> bool {
    value.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_narrows() {
        let file = |repo: &str| FileMatch { repo: repo.into(), ..Default::default() };
        let files = [file("b"), file("a b"), file("b")];
        assert_eq!(counted(&files, |file| &file.repo), [("b", 2), ("a b", 1)]);
        let mut html = Html::default();
        aside(&mut html, "x", &files, false);
        let html = html.into_string();
        assert!(html.contains("/?q=x%20repo%3A%5Eb%24\""), "{html}");
        assert!(html.contains("repo%3A%22a%20b%22"), "{html}");
        assert!(!html.contains("Languages"));
    }

    #[track_caller]
    fn check(query: &str, expected: &str) {
        let narrowed = narrowed(query, "repo:x");
        assert_eq!(narrowed, expected);
        let parsed = ax_query::parse(&narrowed, &ax_query::Limits::default()).unwrap();
        let Expr::And(parts) = parsed.expr else {
            panic!("{narrowed}: the filter is for all of it")
        };
        assert!(matches!(parts.last(), Some(Expr::Atom(ax_query::Atom::Repo(_)))), "{narrowed}");
    }

    #[test]
    fn a_filter_narrows_the_whole_query() {
        check("a b", "a b repo:x");
        check("a or b", "(a or b) repo:x");
        check("case:no A or /b\\/c/", "(case:no A or /b\\/c/) repo:x");
        check("(a or b) c", "(a or b) c repo:x");
        check("a OR \"or\"", "(a OR \"or\") repo:x");
    }

    #[test]
    fn a_backslash_at_the_end_stays_what_it_is() {
        for query in ["a\\", "a or b\\"] {
            let parsed = ax_query::parse(&narrowed(query, "repo:x"), &ax_query::Limits::default());
            let Expr::And(parts) = parsed.unwrap().expr else { panic!("{query}") };
            assert_eq!(parts.len(), 2, "{query}");
        }
    }
}
