//! What a file is worth whatever the query.

use super::RankingParameters;
use crate::{Segment, docs::flag};

const MAX_DEPTH: u8 = 10;
/// Up to this length nothing is lost, from the other on all of it; both as logarithms of 2.
const SHORT: f32 = 16.0;
const LONG: f32 = 22.0;

/// Never positive.
pub(super) fn prior(segment: &Segment, doc: u32, parameters: &RankingParameters) -> f32 {
    let (flags, depth) = segment.docs.prior_facts(doc);
    let loss = |bit: u8, loss: f32| if flags & bit == 0 { 0.0 } else { loss };
    -(loss(flag::TEST, parameters.test_loss)
        + loss(flag::VENDORED, parameters.vendored_loss)
        + loss(flag::GENERATED, parameters.generated_loss)
        + parameters.depth_loss * f32::from(depth.min(MAX_DEPTH))
        + parameters.length_loss * length(segment.docs.text(doc).len()))
}

/// How long a file is, from 0 to 1.
fn length(num_bytes: usize) -> f32 {
    let log = num_bytes.max(1).ilog2() as f32;
    ((log - SHORT) / (LONG - SHORT)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_between_nothing_and_one() {
        let lengths = [0, 65_536, 524_288, 4 << 20, usize::MAX];
        assert_eq!(lengths.map(length), [0.0, 0.0, 0.5, 1.0, 1.0]);
    }
}
