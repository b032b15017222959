//! Text first: what takes long to parse is searchable before its definitions are known, and they follow,
//! whoever dies meanwhile.

use crate::support::{PATIENCE, World, delete, faulty_world, put, set};
use anyhow::{Context, Result, ensure};
use ax_harness::eventually;
use ax_model::{Manifest, Offset};
use ax_store::{
    Link,
    faults::{Fault, FaultStore, Rule},
};
use std::{sync::Arc, time::Duration};

/// The newest link once it has read up to `at` and this many files wait for their definitions.
async fn until_waiting(world: &World, at: Offset, num_unparsed: u64) -> Result<Arc<Link>> {
    world
        .until_head("the files that wait", |manifest| {
            ensure!(manifest.position() >= at, "{}", manifest.applied);
            ensure!(manifest.unparsed().0 == num_unparsed, "{:?}", manifest.unparsed());
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_searchable_while_nothing_can_be_parsed() -> Result<()> {
    let mut world = World::new().await?;
    world.symbols_within = Duration::ZERO;
    world.assign("a", 1).await?;
    let held = Arc::clone(&world.parsing).acquire_owned().await?;
    let _running = world.start("a");
    let mut at = world.append(vec![put("a.rs", "fn one() {}"), put("b.txt", "fn no() {}")]).await?;
    let link = until_waiting(&world, at, 1).await?;
    ensure!(world.paths_of(&link).await? == set(&["a.rs", "b.txt"]));
    ensure!(world.names_of(&link).await?.is_empty());
    // Changes go on, and merges too, though nothing is parsed.
    for i in 0..40 {
        let (path, text) = (format!("{i}.rs"), format!("fn name_{i}() {{}}"));
        at = world.append(vec![put(&path, &text), delete("b.txt")]).await?;
        world.paths_at(at).await?;
    }
    let link = until_waiting(&world, at, 41).await?;
    ensure!(world.names_of(&link).await?.is_empty());
    eventually(PATIENCE, "merging", async || {
        let segments = world.shard().head().await?.context("a head")?.manifest.segments.len();
        ensure!(segments < 40, "{segments} segments");
        Ok(())
    })
    .await?;
    drop(held);
    let link = until_waiting(&world, at, 0).await?;
    let names = world.names_of(&link).await?;
    ensure!(names.len() == 41 && names.contains("one") && names.contains("name_39"), "{names:?}");
    ensure!(world.paths_of(&link).await?.len() == 41);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_parses_quickly_is_published_with_its_definitions() -> Result<()> {
    let world = World::new().await?;
    let _held = Arc::clone(&world.parsing).acquire_owned().await?;
    world.assign("a", 1).await?;
    let _running = world.start("a");
    let at = world.append(vec![put("a.rs", "fn one() {}")]).await?;
    let link = until_waiting(&world, at, 0).await?;
    ensure!(world.names_of(&link).await? == set(&["one"]));
    Ok(())
}

/// I5, for every call that adding definitions makes: the owner dies right before it, or right after it
/// took effect, and the next owner adds them. What is deleted meanwhile stays deleted (I2).
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_killed_while_it_adds_definitions_is_followed_by_one_that_does() -> Result<()> {
    let (world, faults) = faulty_world().await?;
    dies_at_each_call(world, &faults, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_while_it_merges_other_segments() -> Result<()> {
    let (mut world, faults) = faulty_world().await?;
    world.merge.fan_in = 2;
    dies_at_each_call(world, &faults, 3).await
}

/// An owner dies before and after each call that it makes to the store from the moment on when it may parse.
/// Meanwhile so many segments more come, one after another.
async fn dies_at_each_call(mut world: World, faults: &FaultStore, num_more: usize) -> Result<()> {
    world.symbols_within = Duration::ZERO;
    let mut epoch = 1;
    world.assign("owner-1", epoch).await?;
    let mut running = world.start("owner-1");
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for call in 0.. {
            let held = Arc::clone(&world.parsing).acquire_owned().await?;
            let kept = put("kept.rs", &format!("fn kept_{call}() {{}}"));
            let at = world.append(vec![kept, put("gone.rs", "fn gone() {}")]).await?;
            until_waiting(&world, at, 2).await?;
            faults.inject(Rule::nth(call, fault));
            drop(held);
            let mut at = world.append(vec![delete("gone.rs")]).await?;
            let (mut paths, mut names) = (set(&["kept.rs"]), set(&[&format!("kept_{call}")]));
            for i in 0..num_more {
                let (path, name) = (format!("{i}.rs"), format!("more_{i}_{call}"));
                at = world.append(vec![put(&path, &format!("fn {name}() {{}}"))]).await?;
                paths.insert(path);
                names.insert(name);
                // each batch is a segment of its own
                until_dead_or(&world, faults, |manifest| manifest.position() >= at).await?;
            }
            until_dead_or(&world, faults, |manifest| {
                manifest.position() >= at && manifest.unparsed().0 == 0
            })
            .await?;
            let survived = !faults.is_dead();
            epoch += 1;
            running = world.succeed(running, faults, epoch).await?;
            let link = until_waiting(&world, at, 0).await?;
            let told = || format!("{fault:?} at call {call}");
            let found = (world.paths_of(&link).await?, world.names_of(&link).await?);
            ensure!(found == (paths, names), "{}: {found:?}", told());
            if survived {
                ensure!(call > 5, "adding definitions makes more than {call} calls");
                break;
            }
        }
    }
    running.stop().await
}

async fn until_dead_or(
    world: &World,
    faults: &FaultStore,
    is_done: impl Fn(&Manifest) -> bool,
) -> Result<()> {
    let shard = world.shard();
    eventually(PATIENCE, "it dies, or is done", async || {
        let manifest = &shard.head().await?.context("a head")?.manifest;
        ensure!(faults.is_dead() || is_done(manifest), "not yet");
        Ok(())
    })
    .await
}
