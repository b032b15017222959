//! Waiting until a whole cluster is quiet and equal to what git holds; and what stands still when it does not
//! come to that.

use super::{Cluster, GENERATION};
use crate::{Documents, fold};
use anyhow::{Context as _, ensure};
use ax_changes::ChangeLog as _;
use ax_harness::eventually;
use ax_model::ShardId;
use std::{
    fmt::{Display, Write as _},
    fs,
    time::Duration,
};

/// For each look at where it got stuck, some of which may hang for the same reason.
const LOOKED_WITHIN: Duration = Duration::from_secs(5);

impl Cluster {
    /// Waits until everything is quiet and equal: git (`wanted`), the change stream, the segments,
    /// and what each of `nodes` answers; and checks every shard's chain of manifests.
    ///
    /// # Errors
    /// One that says where each part of the cluster stands.
    pub async fn settle(
        &self,
        wanted: &Documents,
        nodes: &[&str],
        within: Duration,
    ) -> anyhow::Result<()> {
        match self.settled(wanted, nodes, within).await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.standing(wanted, nodes).await)),
        }
    }

    async fn settled(
        &self,
        wanted: &Documents,
        nodes: &[&str],
        within: Duration,
    ) -> anyhow::Result<()> {
        for name in nodes {
            let what = format!("{name} shows what git holds");
            eventually(within, &what, async || self.shows(name, wanted).await).await?;
        }
        eventually(within, "the change stream says what git holds", async || {
            wanted.expect("by the fold of the stream", &fold::stream(self.log().await?).await?)
        })
        .await?;
        eventually(within, "no shard lags", async || self.no_lag().await).await?;
        eventually(within, "the segments hold what git holds", async || {
            wanted.expect("by the segments", &self.indexed().await?)
        })
        .await?;
        // Once more: what came last may have been something old.
        for name in nodes {
            eventually(within, "it stays so", async || self.shows(name, wanted).await).await?;
        }
        Ok(())
    }

    async fn shows(&self, node: &str, wanted: &Documents) -> anyhow::Result<()> {
        wanted.expect("by the API", &self.api(node)?.documents().await?)
    }

    async fn indexed(&self) -> anyhow::Result<Documents> {
        let cache = self.folder.join("segments");
        fs::create_dir_all(&cache)?;
        fold::index(&self.store()?, GENERATION, self.settings.shards, &cache).await
    }

    async fn no_lag(&self) -> anyhow::Result<()> {
        for shard in 0..self.settings.shards {
            let end = self.log().await?.bounds(ShardId(shard)).await?.end;
            let head = self.shard(shard)?.head().await?;
            let position = head.map(|link| link.manifest.position()).unwrap_or_default();
            ensure!(position == end, "shard {shard} is at {position} of {end}");
        }
        Ok(())
    }

    /// Where each part stands: which of stream, segments and nodes are as wanted, each shard's position and last
    /// writer, and the status that a user would see.
    async fn standing(&self, wanted: &Documents, nodes: &[&str]) -> String {
        let mut text = String::from("where it stands:\n");
        let streamed = look(async {
            wanted.expect("differs", &fold::stream(self.log().await?).await?)?;
            Ok("as wanted")
        });
        say(&mut text, "the change stream", streamed.await);
        let indexed = look(async {
            wanted.expect("differ", &self.indexed().await?)?;
            Ok("as wanted")
        });
        say(&mut text, "the segments", indexed.await);
        for shard in 0..self.settings.shards {
            say(&mut text, &format!("shard {shard}"), look(self.position_of(shard)).await);
        }
        for name in nodes {
            let shown = look(async { self.shows(name, wanted).await.map(|()| "as wanted") });
            say(&mut text, name, shown.await);
            let status = look(async { self.api(name)?.status().await });
            say(&mut text, &format!("the status by {name}"), status.await);
        }
        text
    }

    async fn position_of(&self, shard: u32) -> anyhow::Result<String> {
        let end = self.log().await?.bounds(ShardId(shard)).await?.end;
        let head = self.shard(shard)?.head().await?.context("nothing is published")?;
        let manifest = &head.manifest;
        let (version, position) = (manifest.version, manifest.position());
        let (epoch, writer) = (manifest.epoch, &manifest.writer);
        Ok(format!("version {version} at {position} of {end}, epoch {epoch} by {writer}"))
    }
}

async fn look<T>(at: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(LOOKED_WITHIN, at).await.context("the look did not end").flatten()
}

fn say<T: Display>(text: &mut String, what: &str, seen: anyhow::Result<T>) {
    let seen = seen.map_or_else(|error| format!("{error:#}"), |seen| seen.to_string());
    let _ = writeln!(text, "- {what}: {seen}"); // a string takes all
}
