//! The shapes of the answers.

use crate::{
    http::shape::{MissingBody, ShardBody},
    root::Navigated,
};
use ax_engine::{FileReferences, Origin, Place, Symbol};
use ax_proto::search::Summary;
use serde::Serialize;

/// Definitions by name.
#[derive(Debug, Serialize)]
pub(in crate::http) struct SymbolsBody {
    pub(super) symbols: Vec<SymbolBody>,
    pub(super) summary: NamesBody,
}

/// Definitions of the name at a place.
#[derive(Debug, Serialize)]
pub(in crate::http) struct DefinitionsBody {
    pub(super) name: String,
    pub(super) place: PlaceBody,
    pub(super) definitions: Vec<SymbolBody>,
    pub(super) summary: NamesBody,
}

/// Uses of a name.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ReferencesBody {
    pub(super) name: String,
    /// Null when a name was given, and no place.
    pub(super) place: Option<PlaceBody>,
    pub(super) files: Vec<ReferenceFileBody>,
    pub(super) summary: NamesBody,
}

#[derive(Debug, Serialize)]
pub(super) struct PlaceBody {
    repo: String,
    path: String,
    blob: String,
    language: String,
    line: u64,
    col: u32,
    end_col: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct SymbolBody {
    repo: String,
    branch: String,
    branches: Vec<String>,
    path: String,
    language: String,
    blob: String,
    name: String,
    kind: String,
    container: Option<String>,
    line: u64,
    col: u32,
    end_line: u64,
    signature: String,
    r#match: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct ReferenceFileBody {
    repo: String,
    branch: String,
    branches: Vec<String>,
    path: String,
    language: String,
    blob: String,
    /// `syntax`: comments and strings are left out; `text`: every whole word.
    precision: &'static str,
    num_occurrences: u64,
    occurrences: Vec<OccurrenceBody>,
}

#[derive(Debug, Serialize)]
struct OccurrenceBody {
    line: u64,
    col: u32,
    end_col: u32,
    text: String,
    definition: bool,
}

/// Where an answer came from.
#[derive(Debug, Serialize)]
pub(super) struct NamesBody {
    more: bool,
    partial: bool,
    missing: Vec<MissingBody>,
    shards: Vec<ShardBody>,
    elapsed_us: u64,
    request_id: String,
    version: String,
}

pub(super) fn parts(found: Navigated<Symbol>) -> (Vec<SymbolBody>, NamesBody) {
    (found.found.into_iter().map(SymbolBody::from).collect(), found.summary.into())
}

pub(super) fn place_body(place: Place, line: u64) -> PlaceBody {
    let Place { column, end_column, blob, origin, .. } = place;
    let Origin { repo, path, language, .. } = origin;
    PlaceBody { repo, path, blob, language, line, col: column, end_col: end_column }
}

impl From<Symbol> for SymbolBody {
    fn from(symbol: Symbol) -> Self {
        Self {
            repo: symbol.repo,
            branch: symbol.branches.first().cloned().unwrap_or_default(),
            branches: symbol.branches,
            path: symbol.path,
            language: symbol.language,
            blob: symbol.blob,
            name: symbol.name,
            kind: symbol.kind,
            container: symbol.container,
            line: symbol.line,
            col: symbol.column,
            end_line: symbol.end_line,
            signature: symbol.signature,
            r#match: symbol.class.as_str(),
        }
    }
}

impl From<FileReferences> for ReferenceFileBody {
    fn from(file: FileReferences) -> Self {
        let occurrence = |one: ax_engine::Occurrence| OccurrenceBody {
            line: one.line,
            col: one.column,
            end_col: one.end_column,
            text: one.text,
            definition: one.is_definition,
        };
        Self {
            repo: file.repo,
            branch: file.branches.first().cloned().unwrap_or_default(),
            branches: file.branches,
            path: file.path,
            language: file.language,
            blob: file.blob,
            precision: if file.by_syntax { "syntax" } else { "text" },
            num_occurrences: file.num_occurrences,
            occurrences: file.occurrences.into_iter().map(occurrence).collect(),
        }
    }
}

impl From<Summary> for NamesBody {
    fn from(summary: Summary) -> Self {
        Self {
            more: summary.more,
            partial: summary.partial,
            missing: summary.missing.into_iter().map(MissingBody::from).collect(),
            shards: summary.shards.into_iter().map(ShardBody::from).collect(),
            elapsed_us: summary.elapsed_us,
            request_id: summary.request_id,
            version: summary.version,
        }
    }
}
