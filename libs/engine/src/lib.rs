//! One shard: build a segment, search a set of segments, merge them.
