//! Coordinator: elects itself, assigns shards, notices the dead, collects garbage.
