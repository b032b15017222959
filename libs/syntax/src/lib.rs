//! Languages and definitions by tree-sitter.
