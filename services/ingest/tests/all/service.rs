//! The service: registrations come and go, repositories move, webhooks kick.

use crate::support::{FlakyRecords, GateLog, Repo, World, eventually};
use ax_ingest::{IngestHandle, IngestService, WebhookSecrets, webhook};
use ax_proto::cluster::Registration;
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use hmac::{Hmac, KeyInit, Mac};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

fn start(world: &World) -> (IngestHandle, CancellationToken, tokio::task::JoinHandle<()>) {
    let (service, handle) = IngestService::new(world.deps.clone(), world.config.clone());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(service.run(shutdown.clone()));
    (handle, shutdown, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_are_followed_until_they_are_removed() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    let mut world = World::new(repo.path());
    world.config.local_poll = Duration::from_millis(20);
    let (handle, shutdown, task) = start(&world);
    world.records.register(world.registration.clone());
    let missing =
        Registration { name: "gone".into(), source: "/none".into(), ..Default::default() };
    world.records.register(missing);

    let shown = |world: &World| world.fold().shown(&world.name());
    eventually("the first import", async || shown(&world) == repo.shown()).await;
    repo.write("a", "2").write("b", "3").commit("two");
    eventually("a commit", async || shown(&world) == repo.shown()).await;
    repo.git(&["branch", "-q", "x"]);
    eventually("a branch", async || shown(&world) == repo.shown()).await;
    let phase = |name: &str| handle.progress().borrow().get(name).map(|now| now.phase.clone());
    eventually("progress", async || phase("repo").as_deref() == Some("done")).await;
    eventually("a failure", async || phase("gone").as_deref() == Some("failed")).await;
    let failed = world.records.progress("gone").unwrap();
    assert!(failed.failure.starts_with("AX-R001"), "{}", failed.failure);

    world.records.register(Registration { removed: true, ..world.registration.clone() });
    eventually("the removal", async || shown(&world).is_empty()).await;
    eventually("no registration", async || !handle.registrations().contains_key("repo")).await;
    shutdown.cancel();
    task.await.unwrap();
}

/// A step that panics costs its repository a wait, and the others nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_step_is_shown_and_the_repository_goes_on() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    let mut world = World::new(repo.path());
    world.config.local_poll = Duration::from_millis(20);
    world.config.retry_first = Duration::from_millis(20);
    let flaky = Arc::new(FlakyRecords {
        inner: world.records.clone(),
        saves_left: AtomicI64::new(i64::MAX),
        panics: AtomicBool::new(true),
    });
    world.deps.records = flaky.clone();
    let (_, shutdown, task) = start(&world);
    world.records.register(world.registration.clone());
    let failure = || world.records.progress("repo").map(|now| now.failure).unwrap_or_default();
    eventually("the panic is shown", async || failure().starts_with("AX-X001")).await;
    assert!(failure().contains("told to panic"), "{}", failure());
    flaky.panics.store(false, Ordering::SeqCst);
    let shown = || world.fold().shown(&world.name());
    eventually("the import after it", async || shown() == repo.shown()).await;
    eventually("the failure is gone", async || failure().is_empty()).await;
    shutdown.cancel();
    task.await.unwrap();
}

/// The import does not go on to its end before the removal begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_stops_the_import_under_way() {
    const NUM_FILES: usize = 200;
    let repo = Repo::new();
    for i in 0..NUM_FILES {
        repo.write(&format!("f{i}"), "x".repeat(2000)); // a batch of its own each
    }
    repo.commit("many");
    let mut world = World::new(repo.path());
    let gate = Arc::new(GateLog {
        inner: world.log.clone(),
        gate: tokio::sync::Semaphore::new(0),
        waiting: AtomicI64::new(0),
    });
    world.deps.log = gate.clone();
    let (handle, shutdown, task) = start(&world);
    world.records.register(world.registration.clone());
    let waiting = || gate.waiting.load(Ordering::SeqCst);
    eventually("the import has begun", async || waiting() > 0).await;
    world.records.register(Registration { removed: true, ..world.registration.clone() });
    let seen = || handle.registrations().get("repo").is_some_and(|known| known.removed);
    eventually("the removal is known", async || seen()).await;
    gate.gate.add_permits(100);
    eventually("no registration", async || !handle.registrations().contains_key("repo")).await;
    let texts = world
        .log
        .records()
        .iter()
        .filter(|(_, record)| record.value.as_ref().is_some_and(|text| text.len() > 1000))
        .count();
    assert!(texts < NUM_FILES / 2, "{texts} files were imported for nothing");
    assert!(world.fold().shown(&world.name()).is_empty());
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_work_and_one_takes_over() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    let mut world = World::new(repo.path());
    world.config.local_poll = Duration::from_millis(20);
    world.config.retry_first = Duration::from_millis(20);
    world.records.register(world.registration.clone());
    let (_, first, first_task) = start(&world);
    let (_, second, second_task) = start(&world);
    let shown = |world: &World| world.fold().shown(&world.name());
    eventually("the first import", async || shown(&world) == repo.shown()).await;
    first.cancel();
    first_task.await.unwrap();
    repo.write("a", "2").commit("two");
    eventually("the other goes on", async || shown(&world) == repo.shown()).await;
    second.cancel();
    second_task.await.unwrap();
    world.compare(&repo);
}

async fn push(
    app: &axum::Router,
    path: &str,
    signature: Option<&str>,
    body: &[u8],
) -> (u16, String) {
    let mut request = Request::post(path);
    if let Some(signature) = signature {
        request = request.header("X-Hub-Signature-256", signature);
    }
    let request = request.body(Body::from(body.to_vec())).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_push_is_looked_at_at_once() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    let mut world = World::new(repo.path());
    world.config.local_poll = Duration::from_secs(3600);
    world.registration.name = "acme/api".into();
    world.records.register(world.registration.clone());
    let (handle, shutdown, task) = start(&world);
    let name = ax_model::RepoName::new("acme/api").unwrap();
    let shown = |world: &World| world.fold().shown(&name);
    eventually("the first import", async || shown(&world) == repo.shown()).await;

    let secrets = WebhookSecrets { github: vec!["s".into()], ..Default::default() };
    let app = webhook::router(handle, secrets);
    let body = br#"{"repository": {"full_name": "Acme/api"}}"#;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"s").unwrap();
    mac.update(body);
    let good = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));

    repo.write("a", "2").commit("two");
    let (status, answer) = push(&app, "/webhooks/github", Some(&good), body).await;
    assert_eq!((status, answer.as_str()), (202, r#"{"kicked":["acme/api"]}"#));
    eventually("the push", async || shown(&world) == repo.shown()).await;

    let (status, answer) = push(&app, "/webhooks/github", Some("sha256=00"), body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED.as_u16());
    assert!(answer.contains("AX-A009"), "{answer}");
    let (status, answer) = push(&app, "/webhooks/gitlab", None, body).await;
    assert!(status == 401 && answer.contains("no secret"), "{answer}");
    let (status, answer) = push(&app, "/webhooks/other", None, body).await;
    assert!(status == 404 && answer.contains("AX-A004"), "{answer}");
    let large = vec![b' '; webhook::MAX_BODY_BYTES + 1];
    let (status, answer) = push(&app, "/webhooks/github", Some(&good), &large).await;
    assert!(status == 413 && answer.contains("AX-A006"), "{answer}");
    shutdown.cancel();
    task.await.unwrap();
}
