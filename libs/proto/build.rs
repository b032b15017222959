//! Generates the wire types with the local `protoc`; nothing is fetched.

use std::path::Path;

const FILES: &[&str] = &[
    "ax/changes/v1/changes.proto",
    "ax/manifest/v1/manifest.proto",
    "ax/search/v1/answer.proto",
    "ax/search/v1/explain.proto",
    "ax/search/v1/navigate.proto",
    "ax/search/v1/search.proto",
    "ax/cluster/v1/cluster.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../proto");
    let files: Vec<_> = FILES.iter().map(|file| root.join(file)).collect();
    println!("cargo::rerun-if-changed={}", root.display());
    tonic_prost_build::configure().bytes(".ax").compile_protos(&files, &[root.to_path_buf()])?;
    Ok(())
}
