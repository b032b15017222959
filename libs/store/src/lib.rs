//! Segments and manifests in an object store: publish, read, collect.
