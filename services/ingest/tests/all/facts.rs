//! What is said of a repository beside its text reaches every shard that holds some of it, and costs no
//! path.

use crate::support::{Repo, World, eventually, killed};
use ax_changes::codec;
use ax_ingest::{IngestService, WebhookSecrets, webhook};
use ax_model::{ChangeBody, RepositoryFacts, ShardId};
use ax_proto::cluster::RepositoryFacts as Said;
use axum::{body::Body, http::Request};
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const NONE: RepositoryFacts =
    RepositoryFacts { archived: false, fork: false, public: false, rank: 0 };

fn repository() -> Repo {
    let repo = Repo::new();
    for n in 0..20 {
        repo.write(&format!("f{n}"), format!("{n}\n"));
    }
    repo.commit("one");
    repo
}

/// The facts that each shard knows last; whether it is a copy.
fn known(world: &World) -> BTreeMap<ShardId, (RepositoryFacts, bool)> {
    let mut known = BTreeMap::new();
    for (shard, record) in world.log.records() {
        match codec::decode(&record).unwrap().body {
            ChangeBody::Repository(info) => drop(known.insert(shard, (info.facts, info.is_copy))),
            ChangeBody::DeleteRepository => drop(known.remove(&shard)),
            _ => {}
        }
    }
    known
}

/// Every shard of the spread knows these, or, when nothing was ever said, nothing else.
#[track_caller]
fn check(world: &World, facts: RepositoryFacts) {
    let known = known(world);
    let home = world.deps.router.home_of_repo(&world.name());
    for shard in world.deps.router.shards_of_repo(&world.name(), world.config.default_spread) {
        let (there, is_copy) = known.get(&shard).copied().unwrap_or((NONE, shard != home));
        assert_eq!((there, is_copy), (facts, shard != home), "shard {shard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_reach_every_shard_and_change_without_a_path() {
    let repo = repository();
    let mut world = World::new(repo.path());
    world.registration.facts = Some(Said { archived: Some(true), ..Default::default() });
    world.check(&repo).await;
    check(&world, RepositoryFacts { archived: true, ..NONE });

    world.registration.heard =
        Some(Said { archived: Some(false), fork: Some(true), rank: Some(5), ..Default::default() });
    assert_eq!(world.check(&repo).await.files_emitted, 0);
    check(&world, RepositoryFacts { archived: true, fork: true, rank: 5, ..NONE });
    let num_records = world.log.records().len();
    world.check(&repo).await;
    assert_eq!(world.log.records().len(), num_records, "nothing changed, nothing is said again");

    (world.registration.facts, world.registration.heard) = (None, None);
    assert_eq!(world.check(&repo).await.files_emitted, 0);
    check(&world, NONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_without_facts_makes_no_copies() {
    let repo = repository();
    let world = World::new(repo.path());
    world.check(&repo).await;
    assert_eq!(known(&world).len(), 1);
    check(&world, NONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_on_this_machine_speaks_for_itself_by_its_configuration() {
    let repo = repository();
    repo.git(&["config", "zoekt.public", "1"]);
    repo.git(&["config", "zoekt.fork", "true"]);
    repo.git(&["config", "zoekt.github-stars", "300"]);
    let mut world = World::new(repo.path());
    world.registration.facts = Some(Said { fork: Some(false), ..Default::default() });
    world.check(&repo).await;
    check(&world, RepositoryFacts { public: true, rank: 300, ..NONE });
    repo.git(&["config", "zoekt.public", "0"]);
    assert_eq!(world.check(&repo).await.files_emitted, 0);
    check(&world, RepositoryFacts { rank: 300, ..NONE });
}

/// Killed at each step of telling other facts, the next one tells them.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_facts_that_is_cut_short_is_made_again() {
    let repo = repository();
    for at in 0..8 {
        let mut world = World::new(repo.path());
        world.check(&repo).await;
        world.registration.facts = Some(Said { fork: Some(true), ..Default::default() });
        killed(&world, at, at % 2 == 0).await;
        world.registration.facts = Some(Said { archived: Some(true), ..Default::default() });
        world.check(&repo).await;
        check(&world, RepositoryFacts { archived: true, ..NONE });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_says_what_the_code_host_knows() {
    let repo = repository();
    let mut world = World::new(repo.path());
    world.config.local_poll = Duration::from_secs(3600);
    world.registration.facts = Some(Said { fork: Some(false), ..Default::default() });
    world.records.register(world.registration.clone());
    let (service, handle) = IngestService::new(world.deps.clone(), world.config.clone());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(service.run(shutdown.clone()));
    let home = world.deps.router.home_of_repo(&world.name());
    let facts = || known(&world).get(&home).map(|(facts, _)| *facts);
    eventually("the first import", async || facts() == Some(NONE)).await;

    let secrets = WebhookSecrets { gitlab: vec!["s".into()], ..Default::default() };
    let app = webhook::router(handle.clone(), secrets);
    let body = r#"{"project": {"path_with_namespace": "repo", "visibility_level": 20,
        "archived": true, "fork": true}}"#;
    let request = Request::post("/webhooks/gitlab").header("X-Gitlab-Token", "s");
    let response = app.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
    let heard = RepositoryFacts { archived: true, public: true, ..NONE };
    eventually("what was heard", async || facts() == Some(heard)).await;
    let registration = handle.registrations().remove("repo").unwrap();
    assert_eq!(registration.facts, world.registration.facts, "what was typed stays");
    shutdown.cancel();
    task.await.unwrap();
}
