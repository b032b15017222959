//! A page of matching files.

use super::{facets, groups, html::Html, names};
use ax_proto::search::{FileMatch, Line, SearchResponse, Span, Summary};

/// Missing shards named one by one; beyond that, only their number.
const SHOWN_MISSING: usize = 5;

/// How many times more files the next link shows.
const MORE_TIMES: u64 = 4;

/// The page's body. No link asks for more than `max_limit` files.
pub(super) fn body(query: &str, answer: &SearchResponse, max_limit: u32) -> Html {
    let summary = answer.summary.clone().unwrap_or_default();
    let mut html = Html::default();
    names::tabs(&mut html, query, names::Tab::Code);
    if summary.partial {
        partial(&mut html, &summary);
    }
    counts(&mut html, answer, &summary);
    if !summary.groups.is_empty() {
        groups::list(&mut html, query, &summary.groups);
        return html;
    }
    if answer.files.is_empty() {
        nothing(&mut html, &summary);
        return html;
    }
    html.raw("<div class=\"found\">");
    facets::aside(&mut html, query, &answer.files, summary.more);
    html.raw("<div>");
    for found in &answer.files {
        file(&mut html, query, found);
    }
    let shown = answer.files.len() as u64;
    let has_count = ax_query::parse(query, &ax_query::Limits::default())
        .is_ok_and(|query| query.shape.count.is_some());
    if !has_count && (summary.num_files > shown || summary.more) {
        let limit = (shown * MORE_TIMES).min(max_limit.into()).to_string();
        html.raw("<p class=\"more\"><a href=\"").link("/", &[("q", query), ("limit", &limit)]);
        html.raw("\">Show more files</a></p>");
    }
    html.raw("</div></div>");
    html
}

fn counts(html: &mut Html, answer: &SearchResponse, summary: &Summary) {
    let or_more = if summary.more { "+" } else { "" };
    html.raw("<p class=\"sum\" id=\"summary\"><b>").number(summary.num_lines).raw(or_more);
    html.raw(plural(summary.num_lines, "</b> line in <b>", "</b> lines in <b>"));
    html.number(summary.num_files).raw(or_more);
    html.raw(plural(summary.num_files, "</b> file", "</b> files"));
    let is_cut = (answer.files.len() as u64) < summary.num_files || summary.more;
    if is_cut && summary.groups.is_empty() {
        html.raw(" · the first ").number(answer.files.len() as u64).raw(" shown");
    }
    let ms = format!("{:.1}", summary.elapsed_us as f64 / 1000.0);
    html.raw(" · ").text(&ms).raw(" ms</p>");
}

fn partial(html: &mut Html, summary: &Summary) {
    html.raw("<div class=\"box warn\" role=\"status\"><p><b>This answer is not complete.</b> ");
    html.number(summary.missing.len() as u64);
    html.raw(plural(summary.missing.len() as u64, " shard is", " shards are"));
    html.raw(" missing or cut short:</p>");
    for missing in summary.missing.iter().take(SHOWN_MISSING) {
        html.raw("<p>Shard ").plain_number(missing.shard.into()).raw(": ");
        html.text(&missing.code).raw(" ").text(&missing.reason).raw("</p>");
    }
    if summary.missing.len() > SHOWN_MISSING {
        html.raw("<p>…</p>");
    }
    html.raw("</div>");
}

fn nothing(html: &mut Html, summary: &Summary) {
    html.raw("<div class=\"box\"><p>");
    html.raw(if summary.partial {
        "Nothing was found in what could be searched."
    } else {
        "Nothing matches."
    });
    html.raw(
        "</p><p class=\"note\">Words must all stand in one file; <code>or</code> widens, \
         <code>case:no</code> ignores case, quotes keep spaces. \
         <a href=\"/\">How to ask</a></p></div>",
    );
}

fn file(html: &mut Html, query: &str, found: &FileMatch) {
    let branch = found.branches.first().map_or("", String::as_str);
    let mut link = vec![("repo", found.repo.as_str()), ("path", &found.path), ("branch", branch)];
    if found.lines.iter().any(|line| line.cut) {
        link.push(("q", query)); // the file's page cuts such lines too, around what the query finds
    }
    html.raw("<article class=\"file\"><h2><span class=\"repo\">").name(&found.repo);
    html.raw("</span><a class=\"path\" href=\"").link("/file", &link).raw("\">");
    html.marked_name(&found.path, &pairs(&found.path_ranges)).raw("</a>");
    tags(html, found);
    html.raw("</h2>");
    if !found.lines.is_empty() {
        html.raw("<div class=\"code\"><table>");
        lines(html, &found.lines, &link);
        html.raw("</table></div>");
    }
    rest(html, found, &link);
    html.raw("</article>");
}

fn tags(html: &mut Html, found: &FileMatch) {
    if !found.language.is_empty() {
        html.raw("<span class=\"tag\">").text(&found.language).raw("</span>");
    }
    if let Some(branch) = found.branches.first().filter(|branch| !branch.is_empty()) {
        html.raw("<span class=\"tag\">").name(branch);
        if found.branches.len() > 1 {
            html.raw(" +").plain_number(found.branches.len() as u64 - 1);
        }
        html.raw("</span>");
    }
    if found.num_matched_lines > 0 {
        html.raw("<span class=\"right\">").number(found.num_matched_lines);
        html.raw(plural(found.num_matched_lines, " line</span>", " lines</span>"));
    }
}

fn lines(html: &mut Html, lines: &[Line], link: &[(&'static str, &str)]) {
    let mut last = None;
    for line in lines {
        if last.is_some_and(|last| line.number > last + 1) {
            html.raw("<tr class=\"gap\"><td class=\"n\">⋯</td><td></td></tr>");
        }
        last = Some(line.number);
        html.raw(if line.ranges.is_empty() { "<tr class=\"ctx\">" } else { "<tr>" });
        html.raw("<td class=\"n\"><a href=\"").link("/file", link).raw("#L");
        html.plain_number(line.number).raw("\">").plain_number(line.number);
        html.raw("</a></td><td>").marked(&line.text, &pairs(&line.ranges));
        html.raw(if line.cut { " …</td></tr>" } else { "</td></tr>" });
    }
}

fn rest(html: &mut Html, found: &FileMatch, link: &[(&'static str, &str)]) {
    let shown = found.lines.iter().filter(|line| !line.ranges.is_empty()).count() as u64;
    let left = found.num_matched_lines.saturating_sub(shown);
    if left > 0 && !found.lines.is_empty() {
        html.raw("<div class=\"rest\"><a href=\"").link("/file", link).raw("\">").number(left);
        html.raw(plural(left, " more line", " more lines")).raw(" in this file</a></div>");
    }
}

pub(super) fn plural(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

pub(super) fn pairs(spans: &[Span]) -> Vec<(usize, usize)> {
    spans.iter().map(|span| (span.start as usize, span.end as usize)).collect()
}
