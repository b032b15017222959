//! Types generated from `proto/`, and nothing else: no logic, no conversion. Each package is a
//! module; the documentation of every field stands in its `.proto` file.

/// `ax.changes.v1`: the change stream.
pub mod changes {
    #![allow(missing_docs)] // generated; documented in the .proto files
    tonic::include_proto!("ax.changes.v1");
}

/// `ax.manifest.v1`: manifests, segment footers, quarantined changes.
pub mod manifest {
    #![allow(missing_docs)] // generated; documented in the .proto files
    tonic::include_proto!("ax.manifest.v1");
}

/// `ax.search.v1`: root and leaf search.
pub mod search {
    #![allow(missing_docs, clippy::large_enum_variant)] // generated; documented in the .proto files
    tonic::include_proto!("ax.search.v1");
}

/// `ax.cluster.v1`: what roles write into the coordination store.
pub mod cluster {
    #![allow(missing_docs)] // generated; documented in the .proto files
    tonic::include_proto!("ax.cluster.v1");
}
