//! A manifest as stored: [`encode`] writes it, [`decode`] reads it and finds every flipped bit.

mod format;
mod reader;
mod writer;

pub(crate) use format::{Frame, Kind};
pub use format::{MAX_BYTES, Malformed};
pub use reader::decode;
pub use writer::encode;

#[cfg(test)]
mod tests;
