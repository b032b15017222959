//! Repositories or languages that a query selects, each a link to its files.

use super::{facets, html::Html, results::plural};
use ax_proto::search::Group;
use ax_query::{Limits, Select};

/// The list, most files first.
pub(super) fn list(html: &mut Html, query: &str, groups: &[Group]) {
    html.raw("<ul class=\"groups\">");
    for group in groups {
        html.raw("<li>");
        match files_of(query, &group.name) {
            Some(link) => {
                html.raw("<a href=\"").link("/", &[("q", &link)]).raw("\">");
                html.name(&group.name).raw("</a>");
            }
            None => {
                html.raw("no known language");
            }
        }
        html.raw("<span>").number(group.num_files);
        html.raw(plural(group.num_files, " file", " files")).raw("</span></li>");
    }
    html.raw("</ul>");
}

/// The query for the files of one name; none if no filter names them.
fn files_of(query: &str, name: &str) -> Option<String> {
    let mut parsed = ax_query::parse(query, &Limits::default()).ok()?;
    let filter = match std::mem::take(&mut parsed.shape.select) {
        Select::Repo => facets::repo_filter(name),
        Select::Language if !name.is_empty() => facets::lang_filter(name),
        _ => return None,
    };
    parsed.shape.count = None; // it counted names, not files
    Some(facets::narrowed(&parsed.to_string(), &filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_files() {
        let link = |query, name| files_of(query, name).unwrap();
        assert_eq!(link("select:repo a or b count:3", "r.x"), r"(a or b) repo:^r\.x$");
        assert_eq!(link("a select:lang sort:path", "C++"), "a sort:path lang:\"C++\"");
        assert_eq!(files_of("a select:lang", ""), None);
    }
}
