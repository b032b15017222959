//! Indexer: changes to segments and manifests.
