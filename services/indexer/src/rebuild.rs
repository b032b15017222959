//! When a shard is built anew from the start of the stream, without IO.
//!
//! | asked, in this order                                    | then     |
//! |---------------------------------------------------------|----------|
//! | an operator wants a rebuild that was not begun yet      | begin it |
//! | the rebuild under way has reached its target            | flip     |
//! | deletions after the position to read from are forgotten | begin    |
//! | anything else                                           | read on  |
//!
//! The third row begins by itself, since the stream still holds everything that counts; the rebuild
//! under way, if there is one, is dropped: it has missed deletions too. A stream that was *created
//! again* is not in the table: the new one may be empty, and the index would vanish. Opening a reader
//! fails then, the shard stands still, and only an operator's wish begins a rebuild.
//!
//! While a rebuild runs, changes go into it alone, and what is served stands still. Rejected: to go on
//! with both, which would show documents whose deletions were missed as if they were fresh.

use crate::fold::Folded;
use ax_changes::LogError;
use ax_model::{Code, Manifest, RebuildNumber, SegmentEntry};

/// What to do before reading on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Begin a rebuild; one under way is dropped.
    Begin {
        /// Its number.
        number: RebuildNumber,
        /// Why, for people.
        reason: String,
    },
    /// Serve what was rebuilt.
    Flip,
    /// Read on from where the manifest says.
    Read,
}

/// Decides for a shard at `manifest`. `wanted` is the rebuild that an operator asked for last, zero
/// for none; `resumed` how opening a reader ended, where it was tried.
pub fn decide(
    manifest: &Manifest,
    wanted: RebuildNumber,
    resumed: Result<(), &LogError>,
) -> Decision {
    let last = manifest.last_rebuild();
    if wanted > last {
        return Decision::Begin { number: wanted, reason: "an operator asked for it".into() };
    }
    if manifest.rebuild.as_ref().is_some_and(|rebuild| rebuild.is_complete()) {
        return Decision::Flip;
    }
    match resumed {
        Err(error @ LogError::Forgotten { .. }) => {
            let reason = format!("{}: {error}", Code::LogTruncated);
            Decision::Begin { number: RebuildNumber(last.0.saturating_add(1)), reason }
        }
        _ => Decision::Read,
    }
}

/// The stream as a reader of it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its identity.
    pub log_id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Adds a batch and its segments to what grows: the rebuild while there is one, else what is served.
pub fn add(
    next: &mut Manifest,
    opened: &Opened,
    folded: &Folded,
    built: impl Iterator<Item = SegmentEntry>,
) {
    // The stream held every later deletion when the last record was appended, and at the very start
    // of the first reading.
    let appended_at_ms = folded.appended_at_ms.min(next.created_at_ms);
    if let Some(rebuild) = &mut next.rebuild {
        rebuild.applied = folded.range;
        rebuild.committed_at_ms = rebuild.committed_at_ms.max(folded.committed_at_ms);
        rebuild.complete_at_ms = rebuild.complete_at_ms.max(appended_at_ms);
        rebuild.segments.extend(built);
        return;
    }
    let known_ms = if next.log_id.is_empty() { opened.at_ms } else { next.complete_at_ms };
    next.applied = folded.range;
    next.log_id.clone_from(&opened.log_id);
    next.committed_at_ms = next.committed_at_ms.max(folded.committed_at_ms);
    next.complete_at_ms = known_ms.max(appended_at_ms);
    next.segments.extend(built);
}

#[cfg(test)]
mod tests;
