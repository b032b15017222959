//! Dropping what newer segments replaced or deleted in segments that merge no more. A job opens the
//! oldest segment whose look is due ([`ax_engine::plan_weeding`]) and all newer ones, writes the one with
//! the most dead anew if they are worth it, and notes of those that are not that they were looked at. The
//! others that are worth it stay due: the next job takes them. Between two such jobs new segments are
//! merged first.

use crate::{
    IndexerError,
    merging::{Job, Merged, Sources},
};
use ax_engine::{Segment, Snapshot};
use ax_model::{Manifest, SegmentEntry};
use std::sync::Arc;

/// Weeds the segments at `due`, at least one, of the list that grows.
pub(crate) async fn weed(
    sources: Sources,
    manifest: Manifest,
    due: Vec<usize>,
    dead_percent: u64,
) -> Result<Merged, IndexerError> {
    let all = manifest.growing();
    let (first, last) = (due[0], due[due.len() - 1]);
    // One older than the first tells the engine that deletions still have something to reach.
    let start = first.saturating_sub(1);
    let mut segments = Vec::with_capacity(all.len() - start);
    for entry in &all[start..] {
        segments.push(sources.open(entry).await?);
    }
    let counting = segments.clone();
    let dead = tokio::task::spawn_blocking(move || dead_docs(counting)).await;
    let dead = dead.map_err(|error| IndexerError::Panicked(error.to_string()))??;
    let found = judge(all, &due, |place| dead[place - start], dead_percent);

    let position = manifest.reading_from();
    let mut entries = all[first..=last].to_vec();
    for place in found.clean {
        entries[place - first].weeded_to = position;
    }
    if let Some(place) = found.worst {
        let job = Job { range: place - start..place - start + 1, parse: false };
        let entry = sources.rewrite(segments, job, None, &manifest).await?;
        metrics::counter!("ax_indexer_weeded_docs_total").increment(dead[place - start]);
        entries[place - first] = SegmentEntry { weeded_to: position, ..entry };
    }
    let parts = all[first..=last].iter().map(|entry| entry.id.clone()).collect();
    Ok(Merged { parts, entries })
}

fn dead_docs(segments: Vec<Arc<Segment>>) -> Result<Vec<u64>, IndexerError> {
    Ok(Snapshot::new(segments)?.dead_docs().collect())
}

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// The segment to write anew: that with the greatest share of dead, if it is great enough.
    worst: Option<usize>,
    /// Those that are not worth it.
    clean: Vec<usize>,
}

fn judge(
    all: &[SegmentEntry],
    due: &[usize],
    dead: impl Fn(usize) -> u64,
    dead_percent: u64,
) -> Found {
    let per_mille = |place: &usize| {
        let (dead, docs) = (u128::from(dead(*place)), u128::from(all[*place].num_docs.max(1)));
        dead * 1_000 / docs
    };
    let is_worth = |place: &usize| per_mille(place) >= u128::from(dead_percent) * 10;
    let (worth, clean): (Vec<usize>, Vec<usize>) = due.iter().copied().partition(is_worth);
    Found { worst: worth.into_iter().max_by_key(per_mille), clean }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::{ContentHash, Offset, OffsetRange, SegmentId, Stored};

    fn check(dead: &[u64], due: &[usize], worst: Option<usize>, clean: &[usize]) {
        let entry = SegmentEntry {
            id: SegmentId("x".into()),
            num_bytes: 1,
            checksum: ContentHash::default(),
            stored: Stored::Raw,
            num_docs: 100,
            text_bytes: 0,
            num_tombstones: 0,
            range: OffsetRange::default(),
            weeded_to: Offset(0),
            num_unparsed: 0,
            unparsed_bytes: 0,
        };
        let all = vec![entry; dead.len()];
        let found = judge(&all, due, |place| dead[place], 25);
        assert_eq!(found, Found { worst, clean: clean.to_vec() }, "{dead:?}");
    }

    #[test]
    fn the_worst_is_written_anew_and_what_is_clean_is_noted() {
        check(&[24, 25, 90, 30], &[0, 1, 2, 3], Some(2), &[0]);
        check(&[24, 25, 90, 30], &[0, 1, 3], Some(3), &[0]);
        check(&[24, 25, 90, 30], &[0, 1], Some(1), &[0]);
        check(&[24, 0], &[0, 1], None, &[0, 1]);
    }
}
