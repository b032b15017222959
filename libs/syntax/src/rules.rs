//! By which rules definitions, comments and strings are found.

/// The version of what [`outline`](crate::outline) finds in a text: a segment says by which one it was
/// built, and nothing is copied from one of another. To be raised whenever a grammar, a query or the code
/// finds something else than before; `tests/rules.rs` compares, and says so.
pub const RULES: u32 = 1;
