//! The filters: their names and how a misspelt one is mended.

/// A filter of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Repo,
    File,
    Lang,
    Branch,
    Sym,
    Content,
    Case,
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
    ("content", Filter::Content),
    ("c", Filter::Content),
    ("case", Filter::Case),
];

impl Filter {
    /// The filter of that name, whatever its case.
    pub(crate) fn find(name: &str) -> Option<Filter> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, filter)| *filter)
    }

    /// The first name of the filter.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, filter)| *filter == self).map_or("", |(name, _)| name)
    }

    /// An example of a value, for error messages.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Filter::Repo => "repo:linux",
            Filter::File => "file:*.rs",
            Filter::Lang => "lang:rust",
            Filter::Branch => "branch:main",
            Filter::Sym => "sym:main",
            Filter::Content => "content:main",
            Filter::Case => "case:yes",
        }
    }
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
