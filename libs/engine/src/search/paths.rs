//! A filter on paths: which documents of a segment it leaves.

use super::{
    finder::{Finder, Memory},
    pace::Pace,
};
use crate::{Result, Segment, Stop, bits::Bits, grams::Units, keys::KeyKind};
use ax_query::{
    Matcher,
    grams::{GramLimits, GramQuery, plan},
};

/// Keys looked at between two looks at the clock.
const KEYS_PER_CHECK: usize = 256;

/// A compiled filter on paths.
pub(crate) struct PathFilter {
    pub(super) finder: Finder,
    /// What its trigrams demand of a path.
    pub(super) grams: GramQuery,
}

impl PathFilter {
    /// Compiles one of `num` patterns of a query.
    pub(crate) fn new(matcher: &Matcher, num: usize) -> Result<Self> {
        let grams = plan(matcher.hir(), &GramLimits::default());
        Ok(Self { finder: Finder::of_matcher(matcher, num)?, grams })
    }

    /// Whether a path matches. False when `pace` finds that time is up, which its owner knows then.
    pub(crate) fn is_match(&self, memory: &mut Memory, path: &[u8], pace: &Pace<'_>) -> bool {
        self.finder.find(memory, path, 0, path.len(), pace).is_some()
    }

    /// The documents `within` whose paths match, looked up by trigrams; none if those are of no help, so that
    /// every path would have to be read. Fewer than there are once time is up.
    pub(crate) fn look_up(
        &self,
        segment: &Segment,
        within: &Bits,
        stop: &Stop,
    ) -> Result<Option<Bits>> {
        let Units::Some(keys) = segment.path_grams.evaluate(&self.grams)? else { return Ok(None) };
        let stop = || stop.is_due();
        let (mut memory, pace) = (Memory::default(), Pace::new(&stop));
        let mut docs = Bits::none(segment.docs.num());
        for (looked_at, key) in keys.into_iter().enumerate() {
            if looked_at % KEYS_PER_CHECK == KEYS_PER_CHECK - 1 && stop() {
                break;
            }
            let is_put = segment.keys.kind(key) == KeyKind::Put;
            if is_put && self.is_match(&mut memory, segment.keys.path(key), &pace) {
                segment.keys.docs(key).for_each(|doc| docs.insert(doc));
            }
        }
        docs.intersect(within);
        Ok(Some(docs))
    }
}
