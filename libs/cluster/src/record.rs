//! Where each kind of record stands in the coordination store.

use ax_proto::cluster::{
    Assignment, IngestCheckpoint, IngestProgress, Member, Published, RebuildRequest, Registration,
    Role, Shape,
};

/// A message stored under `PREFIX` + `id()`.
pub trait Record: prost::Message + Default + Clone + PartialEq + 'static {
    /// What every key of this kind starts with. No prefix is a prefix of another.
    const PREFIX: &'static str;

    /// The rest of the key.
    fn id(&self) -> String;

    /// The whole key.
    fn key(&self) -> String {
        format!("{}{}", Self::PREFIX, self.id())
    }
}

/// A shard's number as a key: five digits, so that keys sort as shards do.
pub fn shard_key(shard: u32) -> String {
    format!("{shard:05}")
}

impl Record for Shape {
    const PREFIX: &'static str = "cluster/";
    fn id(&self) -> String {
        "shape".to_owned()
    }
}

impl Record for Member {
    const PREFIX: &'static str = "members/";
    fn id(&self) -> String {
        format!("{}/{}", role_name(self.role()), self.id)
    }
}

impl Record for Assignment {
    const PREFIX: &'static str = "assignments/";
    fn id(&self) -> String {
        shard_key(self.shard)
    }
}

impl Record for Registration {
    const PREFIX: &'static str = "repositories/";
    fn id(&self) -> String {
        self.name.clone()
    }
}

impl Record for IngestCheckpoint {
    const PREFIX: &'static str = "ingest/";
    fn id(&self) -> String {
        self.name.clone()
    }
}

impl Record for IngestProgress {
    const PREFIX: &'static str = "progress/";
    fn id(&self) -> String {
        self.name.clone()
    }
}

impl Record for Published {
    const PREFIX: &'static str = "published/";
    fn id(&self) -> String {
        shard_key(self.shard)
    }
}

impl Record for RebuildRequest {
    const PREFIX: &'static str = "rebuilds/";
    fn id(&self) -> String {
        shard_key(self.shard)
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Unspecified => "unspecified",
        Role::Ingest => "ingest",
        Role::Indexer => "indexer",
        Role::Coordinator => "coordinator",
        Role::Query => "query",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_is_a_prefix_of_another() {
        let prefixes = [
            Shape::PREFIX,
            Member::PREFIX,
            Assignment::PREFIX,
            Registration::PREFIX,
            IngestCheckpoint::PREFIX,
            IngestProgress::PREFIX,
            Published::PREFIX,
            RebuildRequest::PREFIX,
        ];
        for (i, a) in prefixes.iter().enumerate() {
            for b in &prefixes[i + 1..] {
                assert!(!a.starts_with(b) && !b.starts_with(a), "{a} {b}");
            }
        }
    }

    #[test]
    fn shard_keys_sort_as_shards_do() {
        assert!(shard_key(9) < shard_key(10));
        assert_eq!(Assignment { shard: 7, ..Default::default() }.key(), "assignments/00007");
    }
}
