//! What goes wrong while a repository is read or emitted: nothing is lost, nothing is left over.

use crate::support::{FlakyRecords, GateLog, Repo, World, eventually, set, three_states};
use ax_ingest::{Outcome, sync_once};
use ax_model::{ChangeBody, Code, SkipReason};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};
use tokio::sync::Semaphore;

#[tokio::test(flavor = "multi_thread")]
async fn an_append_fails_at_every_step() {
    let (repo, [a, b, c]) = three_states();
    for first_import in [true, false] {
        let mut num_failed = 0;
        for step in 0.. {
            let world = World::new(repo.path());
            if !first_import {
                set(&repo, &a);
                world.sync().await;
            }
            set(&repo, &b);
            world.log.fail_from(Some(step), true);
            let failed = world.try_sync().await.is_err();
            world.log.fail_from(None, false);
            num_failed += usize::from(failed);
            // Whether the branch stayed, went on or went back: the fold is what it shows.
            for then in [&b, &c, &a] {
                set(&repo, then);
                world.sync().await;
                world.compare(&repo);
            }
            if !failed {
                break;
            }
        }
        assert!(num_failed > 3, "the emission has several appends");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_branch_goes_back_after_a_failure() {
    let (repo, [a, b, _]) = three_states();
    for step in 1..6 {
        set(&repo, &a);
        let world = World::new(repo.path());
        world.check(&repo).await;
        set(&repo, &b);
        world.log.fail_from(Some(step), true);
        world.try_sync().await.unwrap_err();
        world.log.fail_from(None, false);
        set(&repo, &a); // as the checkpoint has it, yet not as the stream has it
        assert_eq!(world.check(&repo).await.outcome, Outcome::Emitted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_cannot_be_written_at_every_step() {
    let (repo, [a, b, c]) = three_states();
    for saves in 0..4 {
        let mut world = World::new(repo.path());
        let flaky = Arc::new(FlakyRecords {
            inner: world.records.clone(),
            saves_left: AtomicI64::new(saves),
            panics: AtomicBool::new(false),
        });
        world.deps.records = flaky.clone();
        set(&repo, &a);
        let first = world.try_sync().await;
        set(&repo, &b);
        let second = world.try_sync().await;
        assert!(first.is_err() || second.is_err(), "two emissions write four checkpoints");
        flaky.saves_left.store(1000, Ordering::SeqCst);
        set(&repo, &c);
        world.check(&repo).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_wakes_late_is_repaired() {
    let (repo, [a, b, c]) = three_states();
    set(&repo, &a);
    let world = World::new(repo.path());
    world.check(&repo).await;

    set(&repo, &b);
    let gate = Arc::new(GateLog {
        inner: world.deps.log.clone(),
        gate: Semaphore::new(0),
        waiting: AtomicI64::new(0),
    });
    let mut asleep = world.deps.clone();
    asleep.log = gate.clone();
    let (config, registration) = (world.config.clone(), world.registration.clone());
    let late = tokio::spawn(async move { sync_once(&asleep, &config, &registration).await });
    eventually("it sends", async || gate.waiting.load(Ordering::SeqCst) > 0).await;

    set(&repo, &c);
    world.check(&repo).await; // another process takes over and ends

    gate.gate.add_permits(1000); // the first one wakes, and its batches land on top
    let error = late.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::LeaseLost);
    assert_ne!(world.fold().shown(&world.name()), repo.shown(), "old versions came back");
    assert_eq!(world.check(&repo).await.outcome, Outcome::Emitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_blob_is_listed_and_the_rest_goes_on() {
    let repo = Repo::new();
    repo.write("good", "good\n").write("bad", "to be damaged\n").commit("one");
    let id = repo.git(&["rev-parse", "HEAD:bad"]);
    let other = repo.git(&["hash-object", "-w", "good"]);
    let loose = repo.loose(&id);
    let bytes = std::fs::read(&loose).unwrap();
    let mut perms = std::fs::metadata(&loose).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut perms, 0o644);
    std::fs::set_permissions(&loose, perms).unwrap();
    for damage in ["garbage", "another object", "gone"] {
        match damage {
            "garbage" => std::fs::write(&loose, b"not zlib at all").unwrap(),
            "another object" => {
                std::fs::copy(repo.loose(&other), &loose).unwrap();
            }
            _ => std::fs::remove_file(&loose).unwrap(),
        }
        let world = World::new(repo.path());
        world.sync().await;
        let fold = world.fold();
        assert_eq!(fold.only(&world.name(), "bad").1, Err(SkipReason::Unreadable), "{damage}");
        assert_eq!(fold.only(&world.name(), "good").1.unwrap(), "good\n");
        fold.check_totals(&world.name());
    }
    std::fs::write(&loose, bytes).unwrap();
    World::new(repo.path()).check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_tree_keeps_the_old_state() {
    let repo = Repo::new();
    repo.write("d/a", "1").commit("one");
    let world = World::new(repo.path());
    world.check(&repo).await;
    let before = world.fold().shown(&world.name());
    repo.write("d/a", "2").write("e", "3").commit("two");
    let tree = repo.loose(&repo.git(&["rev-parse", "HEAD:d"]));
    let hidden = tree.with_extension("hidden");
    std::fs::rename(&tree, &hidden).unwrap();
    let appends = world.log.num_appends();
    assert_eq!(world.try_sync().await.unwrap_err().code(), Code::RepositoryCorrupt);
    assert_eq!(world.log.num_appends(), appends, "nothing is emitted of a state that is not whole");
    assert_eq!(world.fold().shown(&world.name()), before);
    std::fs::rename(&hidden, &tree).unwrap();
    world.check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_emitted_last_is_collected() {
    let repo = Repo::new();
    repo.write("old/a", "1").write("both", "2").commit("one");
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.git(&["checkout", "-q", "--orphan", "fresh"]);
    repo.git(&["rm", "-rfq", "--cached", "."]);
    std::fs::remove_dir_all(repo.path().join("old")).unwrap();
    repo.write("both", "2").write("new", "3").commit("two");
    repo.git(&["branch", "-q", "-M", "fresh", "main"]);
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    world.check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_vanishes_and_comes_back() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    let world = World::new(repo.path());
    world.check(&repo).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let hidden = elsewhere.path().join("hidden");
    std::fs::rename(repo.path(), &hidden).unwrap();
    assert_eq!(world.try_sync().await.unwrap_err().code(), Code::RepositoryVanished);
    std::fs::rename(&hidden, repo.path()).unwrap();
    assert_eq!(world.check(&repo).await.outcome, Outcome::UpToDate);
    repo.write("b", "2").commit("two");
    world.check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_repository_leaves_nothing() {
    let (repo, [a, b, _]) = three_states();
    for source_is_gone in [false, true] {
        set(&repo, &a);
        let mut world = World::new(repo.path());
        world.check(&repo).await;
        set(&repo, &b);
        world.log.fail_from(Some(2), true);
        world.try_sync().await.unwrap_err(); // its changes are half in the stream
        world.log.fail_from(None, false);
        if source_is_gone {
            world.registration.source = "/does/not/exist".into();
        }
        world.registration.removed = true;
        world.records.register(world.registration.clone());
        assert_eq!(world.sync().await.outcome, Outcome::Removed);
        assert!(world.fold().versions(&world.name()).is_empty());
        assert!(world.fold().info(&world.name()).is_none());
        let records = &world.deps.records;
        assert!(records.registrations().await.unwrap().is_empty());
        assert!(records.load(&world.name()).await.unwrap().is_none());
        let deletions =
            world.log.records().iter().filter(|(_, record)| record.value.is_none()).count();
        assert_eq!(deletions > 30, !source_is_gone, "each known path is deleted by name, too");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_stream_leaves_no_intent() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    let world = World::new(repo.path());
    world.log.fail_from(Some(0), false);
    world.try_sync().await.unwrap_err();
    world.log.fail_from(None, false);
    world.check(&repo).await;
    let wiped = world.log.records().into_iter().any(|(_, record)| {
        matches!(ax_changes::codec::decode(&record).unwrap().body, ChangeBody::DeleteRepository)
    });
    assert!(wiped, "a first import deletes what a lost checkpoint may have left behind");
}
