//! What a file is worth whatever the query.

use super::RankingParameters;
use crate::{Segment, Signal, docs::flag};

const MAX_DEPTH: u8 = 10;

/// What it loses, by parameter; never positive.
pub(super) fn losses(segment: &Segment, doc: u32, parameters: &RankingParameters) -> [Signal; 4] {
    let (flags, depth) = segment.docs.prior_facts(doc);
    let has = |bit: u8| f32::from(u8::from(flags & bit != 0));
    let depth = f32::from(depth.min(MAX_DEPTH));
    [
        Signal { name: "test_loss", value: -parameters.test_loss * has(flag::TEST) },
        Signal { name: "vendored_loss", value: -parameters.vendored_loss * has(flag::VENDORED) },
        Signal { name: "generated_loss", value: -parameters.generated_loss * has(flag::GENERATED) },
        Signal { name: "depth_loss", value: -parameters.depth_loss * depth },
    ]
}
