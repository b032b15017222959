//! What a language is, and how to find one by any of its names.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use crate::grammar::Grammar;
use crate::languages::LANGUAGES;

/// A language that files are written in. Two are the same if their names are.
#[derive(Debug)]
pub struct Language {
    /// As shown to people, and as stored in an index.
    pub name: &'static str,
    /// Other names, in lower case.
    pub aliases: &'static [&'static str],
    /// Extensions of files, in lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// Whole names of files.
    pub file_names: &'static [&'static str],
    /// Programs in a `#!` line, without version numbers.
    pub interpreters: &'static [&'static str],
    pub(crate) grammar: Option<Grammar>,
}

impl Language {
    /// Whether [`outline`](crate::outline) can find any in it.
    pub fn has_definitions(&self) -> bool {
        self.grammar.is_some()
    }

    /// The time that [`outline`](crate::outline) takes for a text of so many bytes on one core of a machine
    /// of today, more or less; none without a grammar.
    pub fn parsing_time(&self, num_bytes: usize) -> Duration {
        let nanos = self.grammar.map_or(0, |grammar| grammar.nanos_per_byte());
        Duration::from_nanos(nanos.saturating_mul(num_bytes as u64))
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Language {}

/// Every language that is known, in alphabetical order.
pub fn languages() -> &'static [Language] {
    LANGUAGES
}

/// The language of that name, alias or extension, whatever its case; a leading dot is forgiven.
pub fn find_language(name: &str) -> Option<&'static Language> {
    static BY_NAME: OnceLock<HashMap<String, &'static Language>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let extensions = LANGUAGES.iter().flat_map(|language| {
            language.extensions.iter().map(move |name| (name.to_string(), language))
        });
        let names = LANGUAGES.iter().flat_map(|language| {
            let own = std::iter::once(language.name.to_lowercase());
            own.chain(language.aliases.iter().map(|alias| alias.to_string()))
                .map(move |name| (name, language))
        });
        // names win over extensions, as the later entry replaces the earlier
        extensions.chain(names).collect()
    });
    let name = name.trim().to_lowercase();
    by_name.get(name.as_str()).or_else(|| by_name.get(name.strip_prefix('.')?)).copied()
}
