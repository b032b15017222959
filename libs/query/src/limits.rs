//! What a query may cost.

/// Bounds on a query's text and on what it compiles to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text. A longer one is refused without being read.
    pub max_bytes: usize,
    /// Depth of parentheses and negations.
    pub max_depth: usize,
    /// Words, patterns and filters in all.
    pub max_atoms: usize,
    /// Groups inside groups of one regular expression.
    pub max_regex_depth: u32,
    /// Estimated automaton states of one regular expression.
    pub max_regex_states: usize,
    /// Estimated automaton states of all patterns together.
    pub max_states: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 10,
            max_depth: 100,
            max_atoms: 1_000,
            max_regex_depth: 100,
            // about 8 MB of automaton; the regex crate itself draws its line at 10 MB
            max_regex_states: 150_000,
            max_states: 300_000,
        }
    }
}
