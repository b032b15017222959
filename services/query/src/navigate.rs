//! From the engine's values about names to the wire's, and back: the root orders what shards answer by
//! the engine's own rule.

use ax_engine::{
    FileReferences, FoundSymbols, NameClass, Occurrence, Origin, Place, References, Symbol,
};
use ax_proto::search as pb;

/// An origin for the wire.
pub(crate) fn origin_to_wire(origin: &Origin) -> pb::Origin {
    let Origin { repo, path, branch, language, scopes, imports } = origin.clone();
    pb::Origin { repo, path, branch, language, scopes, imports }
}

/// An origin from the wire; absent it is nowhere.
pub(crate) fn origin_of(origin: Option<pb::Origin>) -> Origin {
    let pb::Origin { repo, path, branch, language, scopes, imports } = origin.unwrap_or_default();
    Origin { repo, path, branch, language, scopes, imports }
}

/// A place for the wire.
pub(crate) fn place_to_wire(place: Place) -> pb::Place {
    let origin = Some(origin_to_wire(&place.origin));
    let Place { name, column, end_column, blob, .. } = place;
    pb::Place { name, column, end_column, blob, origin }
}

/// A place from the wire.
pub(crate) fn place_of(place: pb::Place) -> Place {
    let pb::Place { name, column, end_column, blob, origin } = place;
    Place { name, column, end_column, blob, origin: origin_of(origin) }
}

/// What a shard defines, for the wire.
pub(crate) fn symbols_to_wire(found: FoundSymbols) -> pb::NavigateResponse {
    pb::NavigateResponse {
        more: found.more,
        timed_out: found.timed_out,
        symbols: found.symbols.into_iter().map(symbol_to_wire).collect(),
        ..Default::default()
    }
}

fn symbol_to_wire(symbol: Symbol) -> pb::Symbol {
    pb::Symbol {
        repo: symbol.repo,
        path: symbol.path,
        branches: symbol.branches,
        language: symbol.language,
        blob: symbol.blob,
        name: symbol.name,
        kind: symbol.kind,
        container: symbol.container,
        line: symbol.line,
        column: symbol.column,
        end_line: symbol.end_line,
        signature: symbol.signature,
        r#match: symbol.class.as_str().to_owned(),
        other_case: symbol.other_case,
        penalty: symbol.penalty.into(),
    }
}

/// A definition from the wire. A class of a later version counts as the least.
pub(crate) fn symbol_of(symbol: pb::Symbol) -> Symbol {
    let class = NameClass::ALL.into_iter().find(|class| class.as_str() == symbol.r#match);
    Symbol {
        repo: symbol.repo,
        path: symbol.path,
        branches: symbol.branches,
        language: symbol.language,
        blob: symbol.blob,
        name: symbol.name,
        kind: symbol.kind,
        container: symbol.container,
        line: symbol.line,
        column: symbol.column,
        end_line: symbol.end_line,
        signature: symbol.signature,
        class: class.unwrap_or(NameClass::Within),
        other_case: symbol.other_case,
        penalty: to_u8(symbol.penalty),
    }
}

/// Where a shard uses a name, for the wire.
pub(crate) fn references_to_wire(found: References) -> pb::NavigateResponse {
    pb::NavigateResponse {
        more: found.more,
        timed_out: found.timed_out,
        files: found.files.into_iter().map(file_to_wire).collect(),
        ..Default::default()
    }
}

fn file_to_wire(file: FileReferences) -> pb::ReferenceFile {
    let occurrence = |one: Occurrence| {
        let Occurrence { line, column, end_column, text, indent, is_definition } = one;
        pb::Occurrence { line, column, end_column, text, indent, is_definition }
    };
    pb::ReferenceFile {
        repo: file.repo,
        path: file.path,
        branches: file.branches,
        language: file.language,
        blob: file.blob,
        by_syntax: file.by_syntax,
        occurrences: file.occurrences.into_iter().map(occurrence).collect(),
        num_occurrences: file.num_occurrences,
        penalty: file.penalty.into(),
    }
}

/// A file's uses from the wire.
pub(crate) fn file_of(file: pb::ReferenceFile) -> FileReferences {
    let occurrence = |one: pb::Occurrence| {
        let pb::Occurrence { line, column, end_column, text, indent, is_definition } = one;
        Occurrence { line, column, end_column, text, indent, is_definition }
    };
    FileReferences {
        repo: file.repo,
        path: file.path,
        branches: file.branches,
        language: file.language,
        blob: file.blob,
        by_syntax: file.by_syntax,
        occurrences: file.occurrences.into_iter().map(occurrence).collect(),
        num_occurrences: file.num_occurrences,
        penalty: to_u8(file.penalty),
    }
}

fn to_u8(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_arrives_as_it_was() {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let origin = Origin {
            repo: "r".into(),
            path: "p".into(),
            branch: "b".into(),
            language: "l".into(),
            scopes: texts(&["s"]),
            imports: texts(&["i"]),
        };
        let place = Place {
            name: "n".into(),
            column: 1,
            end_column: 2,
            blob: "b".into(),
            origin: origin.clone(),
        };
        assert_eq!(place_of(place_to_wire(place.clone())), place);
        assert_eq!(origin_of(None), Origin::default());
        for class in NameClass::ALL {
            let symbol = Symbol {
                repo: "r".into(),
                path: "p".into(),
                branches: texts(&["main"]),
                language: "Rust".into(),
                blob: "ff".into(),
                name: "n".into(),
                kind: "function".into(),
                container: Some("c".into()),
                line: 1,
                column: 2,
                end_line: 3,
                signature: "fn n()".into(),
                class,
                other_case: true,
                penalty: 4,
            };
            assert_eq!(symbol_of(symbol_to_wire(symbol.clone())), symbol);
        }
        let occurrence = Occurrence {
            line: 1,
            column: 2,
            end_column: 3,
            text: "t".into(),
            indent: 4,
            is_definition: true,
        };
        let file = FileReferences {
            repo: "r".into(),
            path: "p".into(),
            branches: texts(&["main"]),
            language: "Rust".into(),
            blob: "ff".into(),
            by_syntax: true,
            occurrences: vec![occurrence],
            num_occurrences: 9,
            penalty: 1,
        };
        assert_eq!(file_of(file_to_wire(file.clone())), file);
    }
}
