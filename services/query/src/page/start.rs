//! The start page: what can be searched, and how to ask.

use super::{
    facets::repo_filter,
    html::Html,
    layout::{self, Head},
    results::plural,
};
use crate::http::{HttpState, KnownRepository, known_repositories};
use axum::response::Response;
use http::StatusCode;

/// Repositories listed on the page.
const SHOWN: u32 = 200;
/// Characters shown of why an import failed.
const REASON_CHARS: usize = 60;

/// What the help shows: an example, and what it finds.
const HELP: &[(&str, &str)] = &[
    ("open file", "files with both words, anywhere"),
    ("\"open file\"", "these words in this order"),
    ("/fn \\w+_test\\(/", "a regular expression"),
    ("sym:main", "definitions of that name"),
    ("sym:open symkind:method", "of that kind"),
    ("parse lang:rust", "in files of a language"),
    ("error file:*.go", "in files by path"),
    ("todo repo:linux", "in some repositories"),
    ("fix branch:main", "on some branches"),
    ("foo or bar", "one or the other"),
    ("alloc -file:test", "without"),
    ("case:yes Parse", "exactly these letters"),
    ("todo sort:recency", "what changed last first"),
    ("todo select:repo", "the repositories that have it"),
];

/// The page.
pub(super) async fn page(state: &HttpState) -> Response {
    let mut html = Html::default();
    let listed = known_repositories(state, "", SHOWN).await;
    hero(&mut html, listed.as_ref().map(|(repositories, _)| repositories.as_slice()));
    html.raw("<div class=\"cols\">");
    match &listed {
        Ok((repositories, page)) => {
            repositories_box(&mut html, repositories, page.more, !page.missing.is_empty());
        }
        Err(fault) => {
            html.raw("<div class=\"box warn\"><p>The repositories cannot be listed now: ");
            html.text(&fault.to_string()).raw("</p></div>");
        }
    }
    help_box(&mut html);
    html.raw("</div>");
    let status = StatusCode::OK;
    layout::page(Head { status, title: "AutomatosX", query: "", focus: true }, &html)
}

fn hero(html: &mut Html, repositories: Result<&[KnownRepository], &ax_model::Fault>) {
    html.raw("<div class=\"hero\"><h1>Search your code</h1>");
    if let Ok(repositories) = repositories {
        let files: u64 = repositories.iter().map(|repo| repo.num_files).sum();
        let count = repositories.len() as u64;
        html.raw("<p>").number(files).raw(plural(files, " file in ", " files in ")).number(count);
        html.raw(plural(count, " repository</p>", " repositories</p>"));
    }
    html.raw("</div>");
}

fn repositories_box(html: &mut Html, listed: &[KnownRepository], more: bool, partial: bool) {
    html.raw("<section class=\"box\"><h2>Repositories</h2>");
    if partial {
        html.raw("<p class=\"note\">Some shards did not answer: the list may lack some.</p>");
    }
    if listed.is_empty() {
        html.raw(
            "<p>There are none yet. Add one:</p><pre>ax repos add https://host/owner/name.git</pre>",
        );
    } else {
        html.raw(
            "<table class=\"list\"><tr><th>Name</th><th class=\"num\">Files</th>\
             <th class=\"num\">Text</th><th>State</th></tr>",
        );
        listed.iter().for_each(|repo| repository(html, repo));
        html.raw("</table>");
    }
    if more {
        html.raw("<p class=\"note\">There are more: <code>ax repos</code> lists all.</p>");
    }
    html.raw("</section>");
}

fn repository(html: &mut Html, repo: &KnownRepository) {
    let query = repo_filter(&repo.name);
    html.raw("<tr><td><a href=\"").link("/", &[("q", &query)]).raw("\" title=\"");
    html.text(&repo.source).raw("\">").name(&repo.name).raw("</a></td><td class=\"num\">");
    html.number(repo.num_files).raw("</td><td class=\"num\">").text(&bytes(repo.num_bytes));
    html.raw("</td><td>");
    state_of(html, repo);
    html.raw("</td></tr>");
}

/// Where a repository stands: an import that goes on is of more use than how the last one ended.
fn state_of(html: &mut Html, repo: &KnownRepository) {
    let running = repo.progress.as_ref().filter(|progress| progress.phase != "done");
    match running {
        Some(progress) if !progress.failure.is_empty() => {
            failed(html, &progress.failure);
        }
        Some(progress) if progress.files_total > 0 => {
            html.raw("<progress max=\"").plain_number(progress.files_total).raw("\" value=\"");
            html.plain_number(progress.files_done).raw("\"></progress> ").text(&progress.phase);
        }
        Some(progress) => {
            html.text(&progress.phase);
        }
        None => {
            html.text(repo.state);
            for fact in repo.facts() {
                html.raw(", ").text(fact);
            }
            if repo.num_skipped > 0 {
                html.raw(", ").number(repo.num_skipped);
                html.raw(plural(repo.num_skipped, " file", " files")).raw(" without text");
            }
        }
    }
}

/// The beginning of a reason, which would else take the whole table; the rest is one hover away.
fn failed(html: &mut Html, reason: &str) {
    html.raw("<span class=\"bad\" title=\"").name(reason).raw("\"><b>failed</b> ");
    match reason.char_indices().nth(REASON_CHARS) {
        Some((end, _)) => html.name(&reason[..end]).raw("…</span>"),
        None => html.name(reason).raw("</span>"),
    };
}

fn help_box(html: &mut Html) {
    html.raw("<section class=\"box\"><h2>How to ask</h2><table class=\"list\">");
    for (example, meaning) in HELP {
        html.raw("<tr><td><a href=\"").link("/", &[("q", example)]).raw("\" data-example=\"");
        html.text(example).raw("\"><code>").text(example).raw("</code></a></td><td>");
        html.text(meaning).raw("</td></tr>");
    }
    html.raw(
        "</table><p class=\"note\">Keys: <code>/</code> to the box, <code>j</code> and <code>k</code> \
         from file to file.</p></section>",
    );
}

/// A size for people, in powers of 1,000.
fn bytes(count: u64) -> String {
    let mut size = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1000.0 {
            let digits = usize::from(size < 10.0 && unit != "B");
            return format!("{size:.digits$} {unit}");
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_query() {
        for (example, _) in HELP {
            let parsed = ax_query::parse(example, &ax_query::Limits::default());
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_and_kept_whole_in_its_title() {
        let reason = format!("AX-R003: {} é", "x".repeat(500));
        let mut html = Html::default();
        failed(&mut html, &reason);
        let html = html.into_string();
        let (title, shown) = html.split_once("\"><b>").unwrap();
        assert!(title.ends_with(&reason), "{html}");
        assert!(shown.chars().count() < 100 && shown.contains("x…"), "{html}");
        let mut html = Html::default();
        failed(&mut html, "AX-R001");
        assert!(html.into_string().ends_with("</b> AX-R001</span>"));
    }

    #[test]
    fn sizes_read_well() {
        let shown: Vec<_> = [0, 999, 1_500, 25_000_000, 3_100_000_000].map(bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.5 kB", "25 MB", "3.1 GB"]);
    }
}
