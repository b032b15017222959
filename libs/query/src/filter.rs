//! The filters: their names, how a misspelt one is mended, and those that do not exist here.

/// A filter of the language, or a setting of the whole query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Repo,
    File,
    Lang,
    Branch,
    Sym,
    SymKind,
    Content,
    Size,
    Archived,
    Fork,
    Public,
    Visibility,
    Case,
    Type,
    Select,
    Sort,
    Count,
    Context,
    Timeout,
}

/// Every name, with the filter that it stands for.
const NAMES: &[(&str, Filter)] = &[
    ("repo", Filter::Repo),
    ("r", Filter::Repo),
    ("file", Filter::File),
    ("f", Filter::File),
    ("path", Filter::File),
    ("lang", Filter::Lang),
    ("language", Filter::Lang),
    ("l", Filter::Lang),
    ("branch", Filter::Branch),
    ("b", Filter::Branch),
    ("rev", Filter::Branch),
    ("sym", Filter::Sym),
    ("symbol", Filter::Sym),
    ("symkind", Filter::SymKind),
    ("content", Filter::Content),
    ("c", Filter::Content),
    ("size", Filter::Size),
    ("archived", Filter::Archived),
    ("a", Filter::Archived),
    ("fork", Filter::Fork),
    ("public", Filter::Public),
    ("visibility", Filter::Visibility),
    ("case", Filter::Case),
    ("type", Filter::Type),
    ("t", Filter::Type),
    ("select", Filter::Select),
    ("sort", Filter::Sort),
    ("count", Filter::Count),
    ("context", Filter::Context),
    ("timeout", Filter::Timeout),
];

/// Filters that people know from elsewhere: the name, why there is none here, and what to type.
const ABSENT: &[(&str, &str, &str)] = &[
    (
        "patterntype",
        "each pattern says by itself what it is",
        "remove it: a word and a \"text\" are literal, a /regex/ stands between slashes",
    ),
    ("regex", "a regular expression needs no filter", "write it between slashes: /regex/"),
    ("author", NO_COMMITS, SORT_BY_RECENCY),
    ("committer", NO_COMMITS, SORT_BY_RECENCY),
    ("before", NO_COMMITS, SORT_BY_RECENCY),
    ("until", NO_COMMITS, SORT_BY_RECENCY),
    ("after", NO_COMMITS, SORT_BY_RECENCY),
    ("since", NO_COMMITS, SORT_BY_RECENCY),
    ("message", NO_COMMITS, SORT_BY_RECENCY),
    ("index", "everything that is searched is in the index", "remove it"),
    ("repohasfile", OTHER_FILE, "list the repositories with file:NAME select:repo first"),
];

pub(crate) const NO_COMMITS: &str = "commits are not searched";
pub(crate) const SORT_BY_RECENCY: &str =
    "remove it; sort:recency puts files that changed last first";
pub(crate) const OTHER_FILE: &str = "a condition on another file of the repository cannot be asked";

impl Filter {
    /// The filter of that name, whatever its case.
    pub(crate) fn find(name: &str) -> Option<Filter> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, filter)| *filter)
    }

    /// The first name of the filter.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, filter)| *filter == self).map_or("", |(name, _)| name)
    }

    /// Whether its name and a colon with nothing after it are text. They often are in what is pasted:
    /// `type: object`, `timeout: 30`, `public: int`.
    pub(crate) fn is_text_without_value(self) -> bool {
        use Filter::{Archived, Context, Count, Fork, Public, Select};
        use Filter::{Size, Sort, SymKind, Timeout, Type, Visibility};
        matches!(self, Context | Count | Select | Size | Sort | SymKind | Timeout | Type)
            || matches!(self, Archived | Fork | Public | Visibility)
    }

    /// An example of a value, for error messages.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Filter::Repo => "repo:linux",
            Filter::File => "file:*.rs",
            Filter::Lang => "lang:rust",
            Filter::Branch => "branch:main",
            Filter::Sym => "sym:main",
            Filter::SymKind => "sym:main symkind:function",
            Filter::Content => "content:main",
            Filter::Size => "size:>10k",
            Filter::Archived => "archived:no",
            Filter::Fork => "fork:no",
            Filter::Public => "public:yes",
            Filter::Visibility => "visibility:public",
            Filter::Case => "case:yes",
            Filter::Type => "type:symbol",
            Filter::Select => "select:repo",
            Filter::Sort => "sort:recency",
            Filter::Count => "count:100",
            Filter::Context => "context:3",
            Filter::Timeout => "timeout:2s",
        }
    }
}

/// Why a filter known from elsewhere does not exist here, and what to type instead.
pub(crate) fn absent(name: &str) -> Option<(&'static str, &'static str)> {
    let found = ABSENT.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    found.map(|(_, why, hint)| (*why, *hint))
}

/// The name nearest to an unknown one.
pub(crate) fn nearest_name(unknown: &str) -> Option<&'static str> {
    let unknown = unknown.to_ascii_lowercase();
    nearest(&unknown, NAMES.iter().map(|(name, _)| *name).filter(|name| name.len() > 1))
}

/// The candidate most like the text, if it is at all alike: what a hint asks whether it was meant.
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.map(|name| (strsim::damerau_levenshtein(text, name), name));
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 3).then_some(name)
}
