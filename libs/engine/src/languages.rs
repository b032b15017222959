//! The one door to `ax-syntax`: what language a file is in, and what it defines.

use crate::{builder::Definitions, symbols::NewSymbol};
use ax_syntax::{Budget, find_language};

/// The name of the language; empty when unknown.
pub(crate) fn detect(path: &str, text: &[u8]) -> &'static str {
    ax_syntax::detect(path, text).map_or("", |language| language.name)
}

/// The name of the language that a name, an alias or an extension stands for; as it is if it stands
/// for none, and then no file has it.
pub(crate) fn canonical(name: &str) -> String {
    find_language(name).map_or(name, |language| language.name).to_owned()
}

/// What `text` defines, if the language is known to define anything.
pub(crate) fn extract(language: &str, text: &[u8]) -> Definitions {
    let Some(language) = find_language(language) else {
        return Definitions::default();
    };
    match ax_syntax::definitions(language, text, &Budget::default()) {
        Ok(found) => {
            Definitions { symbols: found.into_iter().map(new_symbol).collect(), given_up: false }
        }
        Err(_) => Definitions { symbols: Vec::new(), given_up: true },
    }
}

fn new_symbol(found: ax_syntax::Definition) -> (NewSymbol, String) {
    let symbol = NewSymbol {
        name: found.name.into_bytes(),
        start: u32::try_from(found.start).unwrap_or(u32::MAX),
        kind: 0, // numbered when the segment is written
        container: found.container.map(String::into_bytes),
    };
    (symbol, found.kind.as_str().to_owned())
}
