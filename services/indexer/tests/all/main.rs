//! What an indexer does, from outside.

mod kafka;
mod pipeline;
mod rebuild;
mod support;
mod symbols;
