//! What a query node passes on: registrations, removals, replays.

use async_trait::async_trait;
use ax_changes::{ChangeLog, NewRecord};
use ax_cluster::{
    Cluster, ClusterError, Published, PutOutcome, RebuildRequest, Registration, said_of,
    said_to_wire, shard_key,
};
use ax_coordination::Expect;
use ax_model::{
    Code, Fault, Generation, Manifest, Offset, RebuildNumber, RepoName, ShardId, VersionToken,
    without_secrets,
};
use ax_query_node::{Admin, AskedRebuild, NewRepository};
use ax_store::Store;
use std::{future::Future, pin::Pin, sync::Arc};
use tokio::sync::OnceCell;

/// Opens the change stream when it is first needed: a query node starts and answers without it.
pub type OpenLog = Box<
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<Arc<dyn ChangeLog>, Fault>> + Send>>
        + Send
        + Sync,
>;

/// Writes what users ask for into the cluster's records and the stream.
pub struct ClusterAdmin {
    cluster: Cluster,
    store: Store,
    generation: Generation,
    open_log: OpenLog,
    log: OnceCell<Arc<dyn ChangeLog>>,
}

impl ClusterAdmin {
    /// An admin of `cluster`.
    pub fn new(cluster: Cluster, store: Store, generation: Generation, open_log: OpenLog) -> Self {
        Self { cluster, store, generation, open_log, log: OnceCell::new() }
    }

    async fn log(&self) -> Result<&Arc<dyn ChangeLog>, Fault> {
        self.log.get_or_try_init(|| (self.open_log)()).await
    }

    /// Writes the wish, unless the rebuild that it would ask for is on its way.
    async fn wish(&self, shard: ShardId) -> Result<(RebuildNumber, bool), Fault> {
        let id = shard_key(shard.0);
        loop {
            let there = self.cluster.get::<RebuildRequest>(&id).await.map_err(fault)?;
            let hint = self.cluster.get::<Published>(&id).await.map_err(fault)?;
            let head = self.store.shard(self.generation, shard).head().await.map_err(of_store)?;
            let wished = RebuildNumber(there.as_ref().map_or(0, |there| there.value.number));
            let last = last_rebuild(head.as_deref().map(|link| &link.manifest), wished);
            let stands_still = hint.is_some_and(|hint| !hint.value.failure.is_empty());
            if last.is_on_its_way && !stands_still {
                return Ok((last.number, true));
            }
            let number = RebuildNumber(last.number.0.saturating_add(1));
            let at_ms = super::now_ms();
            let wish = RebuildRequest { shard: shard.0, number: number.0, at_ms };
            let expect = there.map_or(Expect::Absent, |there| Expect::At(there.revision));
            if let PutOutcome::Done(_) =
                self.cluster.put(&wish, expect, None).await.map_err(fault)?
            {
                return Ok((number, false));
            }
        }
    }

    /// How many positions the stream spans for a shard. Only a help for people, so that a stream that
    /// cannot be reached stops nothing.
    async fn stream_positions(&self, shard: ShardId) -> Option<u64> {
        let bounds = self.log().await.ok()?.bounds(shard).await.ok()?;
        Some(bounds.end.0.saturating_sub(bounds.start.0))
    }
}

/// The last rebuild that was begun or wished for.
struct LastRebuild {
    number: RebuildNumber,
    is_on_its_way: bool,
}

fn last_rebuild(manifest: Option<&Manifest>, wished: RebuildNumber) -> LastRebuild {
    let done = manifest.map_or(RebuildNumber(0), |manifest| manifest.rebuilt);
    let begun = manifest.map_or(RebuildNumber(0), Manifest::last_rebuild);
    let number = begun.max(wished);
    LastRebuild { number, is_on_its_way: number > done }
}

/// Registers a repository, unless its name stands for another source. What could never be read is
/// refused here, where somebody sees it.
pub async fn register(cluster: &Cluster, wanted: NewRepository) -> Result<Registration, Fault> {
    let name = match wanted.name {
        Some(name) => name,
        None => name_of(&wanted.source)?,
    };
    let registration = Registration {
        name: name.to_string(),
        source: wanted.source,
        branches: wanted.branches,
        facts: said_to_wire(wanted.facts),
        ..Default::default()
    };
    ax_ingest::check_registration(&registration)?;
    loop {
        let there = cluster.get::<Registration>(name.as_str()).await.map_err(fault)?;
        let (registration, expect) = match there {
            None => (registration.clone(), Expect::Absent),
            Some(there) if shown(&there.value) != shown(&registration) => {
                return Err(exists(&name, &shown(&there.value)));
            }
            // The same place with another password or token is a registration renewed.
            Some(there) => match renewed(&there.value, &registration) {
                renewed if renewed == there.value => return Ok(renewed),
                renewed => (renewed, Expect::At(there.revision)),
            },
        };
        if let PutOutcome::Done(_) =
            cluster.put(&registration, expect, None).await.map_err(fault)?
        {
            return Ok(registration);
        }
    }
}

/// A registration in the place of another one of the same source. Facts that it does not say stay, or a
/// server that starts again with the same `--repo` would forget them.
fn renewed(there: &Registration, wanted: &Registration) -> Registration {
    if there.removed {
        return wanted.clone();
    }
    let facts = said_of(wanted.facts.as_ref()).or(said_of(there.facts.as_ref()));
    Registration { facts: said_to_wire(facts), heard: there.heard, ..wanted.clone() }
}

fn shown(registration: &Registration) -> String {
    without_secrets(&registration.source)
}

fn exists(name: &RepoName, source: &str) -> Fault {
    Fault::new(Code::RepositoryExists, format!("`{name}` is registered already, from {source}"))
        .in_field("name")
        .hint("give it another name with --name, or remove the other one first")
}

/// A name from a source: host and path of a URL, the last folder of a path.
pub fn name_of(source: &str) -> Result<RepoName, Fault> {
    let shown = without_secrets(source);
    let bare = shown.trim_end_matches('/');
    let bare = bare.strip_suffix(".git").unwrap_or(bare).trim_end_matches('/');
    match bare.split_once("://") {
        Some(("file", path)) => named(last_folder(path)),
        Some((_, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host); // ssh keeps its user
            named(&format!("{host}/{path}"))
        }
        None if bare.is_empty() && shown.starts_with('/') => named("root"),
        // As ssh takes it: git@host:path.
        None => match bare.split_once('@').and_then(|(_, rest)| rest.split_once(':')) {
            Some((host, path)) => named(&format!("{host}/{path}")),
            None => named(last_folder(bare)),
        },
    }
}

fn last_folder(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}

/// A doubled slash in a URL says no more than one does.
fn named(name: &str) -> Result<RepoName, Fault> {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    RepoName::new(parts.join("/")).map_err(|error| {
        Fault::new(Code::BadRequest, format!("no name can be made of the source: {error}"))
            .in_field("source")
            .hint("give it a name with --name, or as `name`")
    })
}

fn fault(error: ClusterError) -> Fault {
    Fault::new(error.code(), error.to_string())
}

fn of_store(error: ax_store::StoreError) -> Fault {
    Fault::new(error.code(), error.to_string())
}

#[async_trait]
impl Admin for ClusterAdmin {
    async fn register(&self, wanted: NewRepository) -> Result<Registration, Fault> {
        register(&self.cluster, wanted).await
    }

    async fn remove(&self, name: &RepoName) -> Result<Registration, Fault> {
        loop {
            let there = self.cluster.get::<Registration>(name.as_str()).await.map_err(fault)?;
            let Some(there) = there else {
                let message = format!("no repository `{name}` is registered");
                return Err(Fault::new(Code::UnknownRepository, message).in_field("name"));
            };
            let removed = Registration { removed: true, ..there.value };
            let expect = Expect::At(there.revision);
            if let PutOutcome::Done(_) =
                self.cluster.put(&removed, expect, None).await.map_err(fault)?
            {
                return Ok(removed);
            }
        }
    }

    async fn replay(&self, shard: ShardId, offset: Offset) -> Result<VersionToken, Fault> {
        let store = self.store.shard(self.generation, shard);
        let Some(change) = store.quarantined(offset).await.map_err(of_store)? else {
            let message = format!("no change of shard {shard} is set aside at offset {offset}");
            return Err(Fault::new(Code::BadRequest, message).hint("`ax status` lists them"));
        };
        let value = (!change.value.is_empty()).then_some(change.value);
        let record = NewRecord { partition: shard, key: change.key, value, headers: Vec::new() };
        let of_log = |error: ax_changes::LogError| Fault::new(error.code(), error.to_string());
        let appended = self.log().await?.append(vec![record]).await.map_err(of_log)?;
        let mut token = VersionToken::new(self.generation);
        for appended in appended {
            token.raise(appended.partition, Offset(appended.offset.0 + 1));
        }
        // In this order: a crash in between sets the change aside twice, and loses nothing.
        store.remove_quarantined(offset).await.map_err(of_store)?;
        Ok(token)
    }

    async fn rebuild(&self, shard: ShardId) -> Result<AskedRebuild, Fault> {
        let stream_positions = self.stream_positions(shard).await;
        let (number, already) = self.wish(shard).await?;
        Ok(AskedRebuild { shard, number, already, stream_positions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::SaidFacts;

    #[test]
    fn a_renewed_registration_keeps_the_facts_that_it_does_not_say() {
        let said = |facts: SaidFacts| said_to_wire(facts);
        let none = SaidFacts::default();
        let there = Registration {
            source: "https://u:old@h/a".into(),
            facts: said(SaidFacts { archived: Some(true), rank: Some(3), ..none }),
            heard: said(SaidFacts { fork: Some(true), ..none }),
            ..Default::default()
        };
        let wanted = Registration {
            source: "https://u:new@h/a".into(),
            facts: said(SaidFacts { archived: Some(false), ..none }),
            ..Default::default()
        };
        let now = renewed(&there, &wanted);
        let facts = said(SaidFacts { archived: Some(false), rank: Some(3), ..none });
        assert_eq!((now.source.as_str(), now.facts), ("https://u:new@h/a", facts));
        assert_eq!(now.heard, there.heard);
        let plain = Registration { source: there.source.clone(), ..Default::default() };
        assert_eq!(renewed(&there, &plain), there, "as at a restart");
        let removed = Registration { removed: true, ..there };
        assert_eq!(renewed(&removed, &plain), plain);
    }

    #[test]
    fn names_from_sources() {
        for (source, name) in [
            ("https://github.com/acme/api.git", "github.com/acme/api"),
            ("https://user:pass@host.example/x/", "host.example/x"),
            ("ssh://git@host.example:22/a/b", "host.example:22/a/b"),
            ("git@github.com:acme/api.git", "github.com/acme/api"),
            ("file:///srv/git/api.git", "api"),
            ("/home/me/src/api/", "api"),
            ("api", "api"),
            ("https://user:pa@ss@host.example//a//b", "host.example/a/b"),
            ("https://host.example/a@b", "host.example/a@b"),
            ("/", "root"),
        ] {
            assert_eq!(name_of(source).unwrap().as_str(), name, "{source}");
        }
        for bad in ["", "https://host/../x", "/srv/.."] {
            assert_eq!(name_of(bad).unwrap_err().code, Code::BadRequest, "{bad}");
        }
    }
}
