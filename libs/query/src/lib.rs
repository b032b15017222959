//! The query language: text to syntax tree to n-gram plan. The main entry is [`parse`], which gives a
//! [`Query`] whose patterns are already compiled to the regex syntax tree ([`Pattern::hir`]), and the
//! pure planner [`grams::plan`], which turns such a tree into a formula over trigrams. What a language
//! name means, which files exist and how a plan is run are left to `ax-syntax` and `ax-engine`.

mod ast;
mod cost;
mod display;
mod elsewhere;
mod error;
mod facts;
mod filter;
mod glob;
pub mod grams;
mod limits;
mod matcher;
mod parser;
mod pattern;
mod resolve;
mod scan;
mod settings;
mod shape;
mod size;
mod symbols;
mod values;

pub use ast::{Atom, CaseMode, Expr, Field, LangFilter, Place, Query};
pub use error::{QueryError, QueryErrorKind};
pub use facts::{Fact, FactFilter};
pub use filter::nearest;
pub use limits::Limits;
pub use matcher::{Matcher, MatcherSyntax};
pub use parser::parse;
pub use pattern::{Pattern, PatternSyntax};
pub use shape::{Count, Given, Select, Shape, Sort};
pub use values::{KindFilter, SizeRange};
