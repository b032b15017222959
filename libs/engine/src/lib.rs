//! One shard: build a segment, search a set of segments, merge them. A [`SegmentBuilder`] turns
//! changes into one immutable file; a [`Snapshot`] searches the files of a manifest, newest last, with
//! trigrams choosing candidates and the bytes deciding. Reading changes, moving files and publishing
//! manifests are left to `ax-changes`, `ax-store` and the services; this crate knows no network.

mod bits;
mod blocks;
mod branches;
mod builder;
mod busy;
mod definitions;
mod docs;
mod error;
mod explain;
mod format;
mod grams;
mod keys;
mod languages;
mod leb;
mod map;
mod marks;
mod merge;
mod navigate;
mod path;
mod priority;
mod rank;
mod repositories;
mod reuse;
mod search;
mod sections;
mod segment;
mod snapshot;
mod symbols;
mod types;
mod words;

pub use builder::{Extraction, SegmentBuilder, Texts};
pub use definitions::DefinedName;
pub use error::EngineError;
pub use explain::{ExplainedSegment, Explanation, PlannedPattern, Signal, Step};
pub use languages::check_names;
pub use merge::{MergePolicy, merge, merge_knowing, plan_merges, plan_weeding};
pub use navigate::{
    Distance, FileReferences, FoundSymbols, NameClass, Nearby, Occurrence, Origin, Place,
    PlaceQuery, ReferenceQuery, References, Symbol, SymbolName, SymbolQuery,
};
pub use rank::{Parameter, ParameterError, RankingParameters};
pub use reuse::KnownSegment;
pub use segment::Segment;
pub use snapshot::Snapshot;
pub use types::{
    BuildOptions, BuiltSegment, Doc, FileHit, FileView, GroupBy, GroupCount, LineHit, LiveDoc,
    OnLong, Result, SearchOptions, SearchOutcome, SkippedDoc, Stats, Stop,
};
