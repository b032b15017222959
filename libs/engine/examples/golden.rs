//! Writes a golden segment of the present format: `cargo run -p ax-engine --example golden -- FILE`.
//! Run it when the format's version changes, and commit the file under a new name: the old ones stay,
//! and are opened by every test run.

#![allow(clippy::unwrap_used)] // it shares the tests' support

#[path = "../tests/all/common/mod.rs"]
mod common;

use anyhow::Context;
use common::{build, doc, key, skipped};

fn main() -> anyhow::Result<()> {
    let dest = std::env::args().nth(1).context("name the file to write")?;
    let folder = tempfile::tempdir()?;
    let built = build(folder.path(), "golden", |builder| {
        let text = "pub fn parse_http() {}\n".repeat(30);
        builder.put(&key("r", "src/lib.rs"), vec![doc(text, &["main", "dev"])]).expect("a put");
        for text in ["first\n", "second\n"] {
            builder.put(&key("r", "again.txt"), vec![doc(text, &["main"])]).expect("a put");
        }
        let binary = skipped(ax_model::SkipReason::Binary);
        builder.put(&key("r", "a.png"), vec![binary]).expect("a put");
        builder.delete(&key("r", "gone.txt")).expect("a deletion");
        builder.delete_repository(&key("old", "x").repo);
    });
    std::fs::copy(&built.path, &dest).context(dest)?;
    Ok(())
}
