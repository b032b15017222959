//! What the shown files have in common, as links that narrow the query.

use super::html::Html;
use ax_proto::search::FileMatch;
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
        let narrowed = format!("{query} {}", filter(value));
        html.raw("<li><a href=\"").link("/", &[("q", &narrowed)]).raw("\" title=\"").text(value);
        html.raw("\">").text(value).raw("</a><span>").number(count).raw("</span></li>");
    }
    html.raw("</ul>");
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

fn lang_filter(name: &str) -> String {
    format!("lang:{}", quoted(name))
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
}
