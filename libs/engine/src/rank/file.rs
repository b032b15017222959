//! What a file is worth whatever the query.

use super::RankingParameters;
use crate::{Segment, Signal, docs::flag};

const MAX_DEPTH: u8 = 10;
/// Up to this length nothing is lost, from the other on all of it; both as logarithms of 2.
const SHORT: f32 = 16.0;
const LONG: f32 = 22.0;

/// What it loses, by parameter; never positive.
pub(super) fn losses(segment: &Segment, doc: u32, parameters: &RankingParameters) -> [Signal; 5] {
    let (flags, depth) = segment.docs.prior_facts(doc);
    let has = |bit: u8| f32::from(u8::from(flags & bit != 0));
    let depth = f32::from(depth.min(MAX_DEPTH));
    let length = length(segment.docs.text(doc).len());
    [
        Signal { name: "test_loss", value: -parameters.test_loss * has(flag::TEST) },
        Signal { name: "vendored_loss", value: -parameters.vendored_loss * has(flag::VENDORED) },
        Signal { name: "generated_loss", value: -parameters.generated_loss * has(flag::GENERATED) },
        Signal { name: "depth_loss", value: -parameters.depth_loss * depth },
        Signal { name: "length_loss", value: -parameters.length_loss * length },
    ]
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
