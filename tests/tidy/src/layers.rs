//! Which crate may know which.

use crate::{Complaints, Manifest};

/// Each crate's layer. A crate builds on lower layers only, so its neighbours are out of its sight; its
/// tests may use neighbours.
const LAYERS: &[(&str, u32)] = &[
    ("ax-model", 0),
    ("ax-telemetry", 0),
    ("ax-proto", 1),
    ("ax-perf", 1),
    ("ax-query", 1),
    ("ax-syntax", 1),
    ("ax-changes", 2),
    ("ax-coordination", 2),
    ("ax-engine", 2),
    ("ax-relevance", 2),
    ("ax-store", 2),
    ("ax-cluster", 3),
    ("ax-coordinator", 4),
    ("ax-indexer", 4),
    ("ax-ingest", 4),
    ("ax-query-node", 4),
    ("ax", 5),
    ("ax-e2e", 6),
    ("ax-tidy", 6),
    ("ax-fuzz", 6),
];

/// A dev-dependency of anybody, and dependent on nobody of ours.
const HARNESS: &str = "ax-harness";

/// What must be absent, and the reason.
const ABSENT: &[(&str, &[&str], &str)] = &[
    (
        "ax-engine",
        &["tokio", "tonic", "rdkafka", "etcd-client", "object_store", "reqwest"],
        "the engine does not know the network, Kafka, etcd or S3, so that it is tested without them",
    ),
    ("ax-model", &["tokio", "tonic", "reqwest", "object_store"], "the nouns do no IO"),
    (
        "ax-query",
        &["tokio", "tonic", "tantivy", "ax-engine"],
        "parsing and planning touch no index",
    ),
    ("ax-perf", &["tokio", "reqwest", "tonic"], "it decides and draws; asking is for the binary"),
    ("ax-syntax", &["tokio", "tonic", "reqwest"], "it works on bytes that it is given"),
    ("ax-relevance", &["tokio", "reqwest", "tonic"], "it judges answers; asking is for the binary"),
    ("ax-changes", &["ax-engine", "tantivy"], "the stream does not know what an index is"),
    ("ax-coordination", &["ax-proto", "ax-cluster"], "coordination does not know what a shard is"),
    ("ax-store", &["ax-syntax", "tree-sitter", "tantivy"], "the store parses no code"),
];

/// Every crate has a layer, builds on lower ones only, does without what it must not know, and takes over
/// the workspace's lints.
pub fn dependencies_point_down(manifests: &[Manifest]) -> Complaints {
    manifests
        .iter()
        .flat_map(|manifest| [placed(manifest), layered(manifest), lacking(manifest)].concat())
        .collect()
}

fn layer(name: &str) -> Option<u32> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn placed(manifest: &Manifest) -> Complaints {
    let Manifest { path, name, .. } = manifest;
    let mut complaints = Complaints::new();
    if layer(name).is_none() && name != HARNESS {
        complaints
            .push(format!("{path}: {name} has no layer; give it one in tests/tidy/src/layers.rs"));
    }
    if !manifest.has_lints {
        complaints.push(format!("{path}: add `[lints]` with `workspace = true`"));
    }
    complaints
}

fn layered(manifest: &Manifest) -> Complaints {
    let Manifest { path, name, .. } = manifest;
    // The harness stands below everything; a crate without layer has its complaint already.
    let own = if name == HARNESS { Some(0) } else { layer(name) };
    let Some(own) = own else { return Complaints::new() };
    let too_high = manifest.dependencies.iter().filter(|dependency| {
        *dependency == HARNESS && name != "ax-e2e"
            || layer(dependency).is_some_and(|other| other >= own)
    });
    let above = manifest
        .dev_dependencies
        .iter()
        .filter(|dependency| layer(dependency).is_some_and(|other| other > own));
    too_high
        .chain(above)
        .map(|dependency| {
            format!("{path}: {name} must not know {dependency}, which is not below it")
        })
        .collect()
}

fn lacking(manifest: &Manifest) -> Complaints {
    let Manifest { path, name, .. } = manifest;
    let rules = ABSENT.iter().filter(|(crate_name, ..)| crate_name == name);
    rules
        .flat_map(|(_, absent, reason)| {
            let present =
                manifest.dependencies.iter().filter(|name| absent.contains(&name.as_str()));
            present.map(move |dependency| {
                format!("{path}: {name} must not use {dependency}: {reason}")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(name: &str, dependencies: &[&str], dev_dependencies: &[&str]) -> usize {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        dependencies_point_down(&[Manifest {
            path: "x/Cargo.toml".to_owned(),
            name: name.to_owned(),
            dependencies: owned(dependencies),
            dev_dependencies: owned(dev_dependencies),
            has_lints: true,
        }])
        .len()
    }

    #[test]
    fn downwards_is_fine() {
        assert_eq!(complaints("ax-engine", &["ax-model", "ax-query", "regex"], &["ax-harness"]), 0);
        assert_eq!(complaints("ax", &["ax-indexer", "ax-query-node", "ax-model"], &[]), 0);
        assert_eq!(
            complaints("ax-indexer", &[], &["ax-query-node"]),
            0,
            "tests may use neighbours"
        );
    }

    #[test]
    fn upwards_and_sideways_is_not() {
        assert_eq!(complaints("ax-model", &["ax-proto"], &[]), 1);
        assert_eq!(complaints("ax-store", &["ax-engine"], &[]), 1);
        assert_eq!(complaints("ax-indexer", &["ax-query-node"], &[]), 1);
        assert_eq!(complaints("ax-store", &[], &["ax-indexer"]), 1);
        assert_eq!(complaints("ax-store", &["ax-harness"], &[]), 1);
        assert_eq!(complaints("ax-harness", &["ax-model"], &[]), 1);
    }

    #[test]
    fn what_must_be_absent_is_missed_when_there() {
        assert_eq!(complaints("ax-engine", &["tokio", "object_store"], &[]), 2);
        assert_eq!(complaints("ax-coordination", &["ax-model", "ax-proto"], &[]), 1);
        assert_eq!(complaints("ax-syntax", &["tokio"], &[]), 1);
    }

    #[test]
    fn a_new_crate_needs_a_layer_and_lints() {
        assert_eq!(complaints("ax-new", &[], &[]), 1);
        let bare = Manifest { name: "ax-model".to_owned(), ..Manifest::default() };
        assert_eq!(dependencies_point_down(&[bare]).len(), 1);
    }

    #[test]
    fn every_rule_is_about_a_crate_there_is() {
        assert!(ABSENT.iter().all(|(name, ..)| layer(name).is_some()));
    }
}
