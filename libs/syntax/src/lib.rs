//! Languages and what a file defines in them. The main functions are [`detect`], which names a file's
//! [`Language`]; [`outline`], which lists its functions, types and so on, and its comments and strings, by
//! tree-sitter within a [`Budget`]; and [`subwords`], which splits identifiers for keyword search. Where files come from and
//! where definitions are kept is left to the caller: nothing here does IO.

mod definitions;
mod detect;
mod grammar;
mod kind;
mod language;
mod languages;
mod meter;
mod prose;
mod rules;
mod subwords;

pub use definitions::{Budget, Definition, GivenUp, Outline, outline};
pub use detect::detect;
pub use kind::Kind;
pub use language::{Language, find_language, languages};
pub use rules::RULES;
pub use subwords::{Subword, starts_subword, subwords};
