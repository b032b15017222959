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
    /// Classes of Unicode, as `\w` and `\pL`, in all regular expressions.
    pub max_classes: usize,
    /// Steps of translating bracketed classes in all of them, most of them to ignore case.
    pub max_class_steps: usize,
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
            max_classes: 1_000,
            max_class_steps: 12_000_000,
            // about 4 MB of automaton, and 50 ms to compile it
            max_regex_states: 80_000,
            max_states: 160_000,
        }
    }
}
