//! A shard built anew from the start of the stream, beside what it serves: when it begins, and that
//! whoever dies in the middle is followed by one that goes on.

use crate::support::{PATIENCE, World, delete, faulty_world, open_log, put, set};
use anyhow::{Context, Result, ensure};
use ax_changes::embedded::EmbeddedLog;
use ax_harness::eventually;
use ax_model::{Manifest, Offset, RebuildNumber};
use ax_store::{
    Link,
    faults::{Fault, Rule},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Every link kept follows the one before it, rebuilds included; those that a rebuild was under way
/// in served what they served before.
async fn sound_chain(world: &World) -> Result<Vec<Link>> {
    let chain = world.shard().history().await?;
    for pair in chain.windows(2) {
        let (before, after) = (&pair[0].manifest, &pair[1].manifest);
        ensure!(before.epoch <= after.epoch, "I4: {before:?} {after:?}");
        if after.rebuild.is_some() {
            ensure!(before.segments == after.segments, "what is served stands still: {after:?}");
        }
    }
    Ok(chain)
}

fn rebuilds(chain: &[Link]) -> BTreeSet<RebuildNumber> {
    chain.iter().filter_map(|link| Some(link.manifest.rebuild.as_ref()?.number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_wish_rebuilds_beside_what_is_served() -> Result<()> {
    let mut world = World::new().await?;
    world.max_batch_records = 2;
    world.assign("a", 1).await?;
    let first = world.start("a");
    let at = world.append(["a", "b", "c", "d", "e"].map(|path| put(path, "text")).into()).await?;
    let at = at.max(world.append(vec![delete("c")]).await?);
    ensure!(world.paths_at(at).await? == set(&["a", "b", "d", "e"]));
    let before = world.shard().head().await?.context("a head")?;
    world.wish(1).await?;
    ensure!(world.paths_rebuilt(1, at).await? == set(&["a", "b", "d", "e"]));
    let old: BTreeSet<_> = before.manifest.segments.iter().map(|entry| &entry.id).collect();
    let after = world.shard().head().await?.context("a head")?;
    let is_new = |id| !old.contains(id);
    ensure!(after.manifest.segments.iter().all(|entry| is_new(&entry.id)), "{after:?}");
    // It goes on as ever, and neither this owner nor the next one does it again.
    let at = world.append(vec![put("f", "text")]).await?;
    ensure!(world.paths_rebuilt(1, at).await? == set(&["a", "b", "d", "e", "f"]));
    first.stop().await?;
    world.assign("b", 2).await?;
    let _second = world.start("b");
    let at = world.append(vec![put("g", "text")]).await?;
    ensure!(world.paths_rebuilt(1, at).await? == set(&["a", "b", "d", "e", "f", "g"]));
    let chain = sound_chain(&world).await?;
    ensure!(rebuilds(&chain) == [RebuildNumber(1)].into(), "{:?}", rebuilds(&chain));
    Ok(())
}

/// The deletion of `x` is forgotten while nobody reads: to go on from the old position would show it
/// for ever.
#[tokio::test(flavor = "multi_thread")]
async fn forgotten_deletions_begin_a_rebuild_by_themselves() -> Result<()> {
    let mut world = World::new().await?;
    let log = forgetful(&mut world).await?;
    world.assign("a", 1).await?;
    let first = world.start("a");
    let at = world.append(vec![put("x", "one"), put("y", "two")]).await?;
    ensure!(world.paths_at(at).await? == set(&["x", "y"]));
    first.stop().await?;
    let at = world.append(vec![delete("x"), put("z", "three")]).await?;
    let forgotten = log.compact(crate::support::SHARD, at).await?;
    ensure!(forgotten.num_tombstones == 1, "{forgotten:?}");
    world.assign("b", 2).await?;
    let _second = world.start("b");
    ensure!(world.paths_rebuilt(1, at).await? == set(&["y", "z"]));
    let chain = sound_chain(&world).await?;
    let reasons = chain.iter().filter_map(|link| Some(&link.manifest.rebuild.as_ref()?.reason));
    ensure!(reasons.clone().count() > 0 && reasons.clone().all(|r| r.starts_with("AX-C002")));
    world
        .until_hint("nothing stands still", |hint| {
            hint.failure.is_empty() && hint.rebuilt == 1 && hint.rebuild.is_none()
        })
        .await?;
    Ok(())
}

/// Gives the world a stream that forgets deletions at once when it is compacted.
async fn forgetful(world: &mut World) -> Result<Arc<EmbeddedLog>> {
    let folder = tempfile::tempdir()?;
    let log = open_log(&folder, Duration::ZERO).await?;
    world.log = log.clone();
    world.keep.push(folder);
    Ok(log)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_created_again_waits_for_an_operator() -> Result<()> {
    let mut world = World::new().await?;
    world.assign("a", 1).await?;
    let first = world.start("a");
    let at = world.append(vec![put("x", "one"), put("y", "two"), put("w", "0")]).await?;
    ensure!(world.paths_at(at).await? == set(&["w", "x", "y"]));
    first.stop().await?;
    forgetful(&mut world).await?; // another file, and so another identity
    let at = world.append(vec![put("x", "one"), put("z", "three")]).await?;
    world.assign("b", 2).await?;
    let _second = world.start("b");
    let hint = world.until_hint("why", |hint| hint.failure.starts_with("AX-C001")).await?;
    ensure!(hint.rebuild.is_none() && hint.rebuilt == 0, "{hint:?}");
    let head = world.shard().head().await?.context("a head")?;
    ensure!(world.paths_of(&head).await? == set(&["w", "x", "y"]), "it is served as it was");
    world.wish(1).await?;
    ensure!(world.paths_rebuilt(1, at).await? == set(&["x", "z"]));
    let head = world.shard().head().await?.context("a head")?;
    ensure!(head.manifest.log_id == world.log.log_id().await?, "{head:?}");
    let at = world.append(vec![put("v", "four")]).await?;
    ensure!(world.paths_rebuilt(1, at).await? == set(&["v", "x", "z"]));
    world.until_hint("it goes on", |hint| hint.failure.is_empty()).await?;
    sound_chain(&world).await.map(drop)
}

/// The stream is created again while a rebuild of it is under way: what was read of the old one is
/// never mixed with the new one, and a later wish begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_of_a_stream_that_is_gone_is_begun_anew_by_the_next_wish() -> Result<()> {
    let (mut world, faults) = faulty_world().await?;
    world.max_batch_records = 1;
    world.assign("a", 1).await?;
    let first = world.start("a");
    let at = world.append(["x", "y", "z"].map(|path| put(path, "old")).into()).await?;
    world.paths_at(at).await?;
    // It dies once the rebuild has come somewhere.
    let publications = Rule::next(ax_store::faults::Op::Create, "manifests", Fault::DieAfter);
    faults.inject(Rule { skip: 1, ..publications });
    world.wish(1).await?;
    eventually(PATIENCE, "it dies", async || {
        ensure!(faults.is_dead(), "not yet");
        Ok(())
    })
    .await?;
    first.stop().await?;
    faults.heal();
    let head = world.shard().head().await?.context("a head")?;
    ensure!(head.manifest.rebuild.as_ref().is_some_and(|r| !r.segments.is_empty()), "{head:?}");
    forgetful(&mut world).await?;
    let at = world.append(["p", "q", "r", "s"].map(|path| put(path, "new")).into()).await?;
    world.assign("b", 2).await?;
    let _second = world.start("b");
    world.until_hint("why", |hint| hint.failure.starts_with("AX-C001")).await?;
    world.wish(2).await?;
    ensure!(world.paths_rebuilt(2, at).await? == set(&["p", "q", "r", "s"]));
    sound_chain(&world).await.map(drop)
}

/// I5, for every call that a rebuild makes: its owner dies right before it, or right after it took
/// effect, and the next owner finishes the same rebuild. The wish is fulfilled once.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_killed_at_any_call_is_followed_by_one_that_goes_on() -> Result<()> {
    let (mut world, faults) = faulty_world().await?;
    world.max_batch_records = 2;
    let (mut epoch, mut number) = (1, 0);
    world.assign("owner-1", epoch).await?;
    let mut running = world.start("owner-1");
    let records = ["a", "b", "c", "d"].map(|path| put(path, "text"));
    let at = world.append(records.into_iter().chain([delete("b")]).collect()).await?;
    let wanted = set(&["a", "c", "d"]);
    ensure!(world.paths_at(at).await? == wanted);
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for call in 0.. {
            number += 1;
            faults.inject(Rule::nth(call, fault));
            world.wish(number).await?;
            let shard = world.shard();
            eventually(PATIENCE, "it dies, or is done", async || {
                let head = shard.head().await?.context("a head")?;
                ensure!(faults.is_dead() || is_done(&head.manifest, number), "not yet");
                Ok(())
            })
            .await?;
            let survived = !faults.is_dead();
            epoch += 1;
            running = world.succeed(running, &faults, epoch).await?;
            let paths = world.paths_rebuilt(number, at).await;
            let paths = paths.with_context(|| format!("{fault:?} at call {call}"))?;
            ensure!(paths == wanted, "{fault:?} at call {call}: {paths:?}");
            if survived {
                ensure!(call > 10, "a rebuild makes more than {call} calls");
                break;
            }
        }
    }
    let chain = sound_chain(&world).await?;
    let begun = rebuilds(&chain);
    ensure!(begun == (1..=number).map(RebuildNumber).collect(), "each once: {begun:?}");
    ensure!(begins(&chain) == number as usize, "no owner began one anew");
    running.stop().await
}

fn is_done(manifest: &Manifest, number: u64) -> bool {
    manifest.rebuilt == RebuildNumber(number) && manifest.position() > Offset(0)
}

/// Links that begin a rebuild.
fn begins(chain: &[Link]) -> usize {
    let number = |link: &Link| link.manifest.rebuild.as_ref().map(|rebuild| rebuild.number);
    let begins =
        |pair: &&[Link]| number(&pair[1]).is_some() && number(&pair[0]) != number(&pair[1]);
    chain.windows(2).filter(begins).count()
}
