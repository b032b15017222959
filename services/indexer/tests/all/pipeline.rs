//! A real indexer over an embedded stream, an embedded coordination store and a directory: what it
//! publishes is what the stream says, whoever interferes.

use crate::support::{PATIENCE, World, delete, put, put_content, set};
use anyhow::{Context, Result};
use ax_engine::MergePolicy;
use ax_model::{Content, ContentHash, Epoch, Offset, SkipReason, StoredBlob};
use bytes::Bytes;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_what_the_stream_says() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let stop = world.start("a");
    let at = world.append(vec![put("x", "one"), put("y", "two")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["x", "y"]));
    let at = world.append(vec![delete("x"), put("z", "three")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["y", "z"]));
    stop.stop().await?;
    // Another process goes on where the first one stopped.
    world.assign("b", 2).await?;
    let _stop = world.start("b");
    let at = world.append(vec![put("x", "again"), delete("y")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["x", "z"]));
    let chain = world.shard().history().await?;
    for pair in chain.windows(2) {
        let (before, after) = (&pair[0].manifest, &pair[1].manifest);
        assert!(before.applied.is_followed_by(&after.applied), "I3: {before:?} {after:?}");
        assert!(before.epoch <= after.epoch, "I4: {before:?} {after:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_batches_are_merged_and_nothing_changes() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let mut at = Offset(0);
    for i in 0..20 {
        at = world
            .append(vec![put(&format!("f{i}"), "text"), delete(&format!("f{}", i / 2))])
            .await?;
        world.paths_at(at).await?;
    }
    let want: BTreeSet<String> = (10..20).map(|i| format!("f{i}")).collect();
    assert_eq!(world.paths_at(at).await?, want);
    ax_harness::eventually(PATIENCE, "merging", async || {
        let segments = world.shard().head().await?.context("a head")?.manifest.segments.len();
        anyhow::ensure!(segments < 12, "{segments} segments");
        Ok(())
    })
    .await?;
    assert_eq!(world.paths_at(at).await?, want);
    Ok(())
}

/// What broke: segments as large as they may be merge no more, and what died in them stayed for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_died_in_a_segment_that_merges_no_more_is_dropped() -> Result<()> {
    let mut world = World::new().await?;
    world.merge = MergePolicy { floor_bytes: 1, max_bytes: 1, ..MergePolicy::default() };
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let files: Vec<String> = (0..8).map(|i| format!("f{i}")).collect();
    let all: BTreeSet<String> = files.iter().cloned().collect();
    let at = world.append(files.iter().map(|file| put(file, "one")).collect()).await?;
    assert_eq!(world.paths_at(at).await?, all);
    let at = world.append(files[..6].iter().map(|file| put(file, "two")).collect()).await?;
    assert_eq!(world.paths_at(at).await?, all);
    until_docs(&world, 8).await?;
    assert_eq!(world.paths_at(at).await?, all);
    let at = world.append(files.iter().map(|file| delete(file)).collect()).await?;
    assert_eq!(world.paths_at(at).await?, BTreeSet::new());
    until_docs(&world, 0).await?;
    let at = world.append(vec![put("f1", "three")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["f1"]));
    Ok(())
}

/// Waits until the segments hold so many documents, live or dead.
async fn until_docs(world: &World, wanted: u64) -> Result<()> {
    let what = format!("{wanted} documents");
    world
        .until_head(&what, |manifest| {
            let found: u64 = manifest.segments.iter().map(|entry| entry.num_docs).sum();
            anyhow::ensure!(found == wanted, "{found}");
            Ok(())
        })
        .await?;
    Ok(())
}

/// What broke: a merge that failed ended the tenure, and the next one began with the same merge, so that no change
/// came through any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_cannot_be_merged_stops_neither_changes_nor_other_merges() -> Result<()> {
    let mut world = World::new().await?;
    world.merge.fan_in = 4;
    world.assign("a", 1).await?;
    let running = world.start("a");
    let mut files = Vec::new();
    append_files(&world, &mut files, 3).await?;
    running.stop().await?;
    let lost = world.shard().head().await?.context("a head")?.manifest.segments[0].id.clone();
    let segments = world.folder.path().join("store/g1/s00000/segments");
    let (there, away) = (segments.join(format!("{lost}.seg")), segments.join("away"));
    std::fs::rename(&there, &away)?;

    world.assign("b", 2).await?;
    let _running = world.start("b");
    append_files(&world, &mut files, 12).await?;
    world
        .until_head("other merges", |manifest| {
            let ids: Vec<_> = manifest.segments.iter().map(|entry| &entry.id).collect();
            anyhow::ensure!(ids.contains(&&lost) && ids.len() < 10, "{ids:?}");
            Ok(())
        })
        .await?;
    let hint = world.until_hint("the hint", |hint| hint.epoch == 2).await?;
    assert_eq!(hint.failure, "", "the shard does not stand still");

    std::fs::rename(&away, &there)?;
    let link = world
        .until_head("its merge", |manifest| {
            let is_there = manifest.segments.iter().any(|entry| entry.id == lost);
            anyhow::ensure!(!is_there, "{:?}", manifest.segments);
            Ok(())
        })
        .await?;
    assert_eq!(world.paths_of(&link).await?, files.into_iter().collect());
    Ok(())
}

/// Appends so many files, each a segment of its own.
async fn append_files(world: &World, files: &mut Vec<String>, num: usize) -> Result<()> {
    for _ in 0..num {
        let file = format!("f{}", files.len());
        let at = world.append(vec![put(&file, "text")]).await?;
        files.push(file);
        world
            .until_head("the position", |manifest| {
                anyhow::ensure!(manifest.position() >= at, "{}", manifest.applied);
                Ok(())
            })
            .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_record_is_set_aside_and_the_shard_goes_on() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let mut broken = put("bad", "x");
    broken.value = Some(Bytes::from_static(b"\xff\xff\xff"));
    let at = world.append(vec![put("x", "one"), broken, put("y", "two")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["x", "y"]));
    let (offsets, total) = world.shard().quarantined_offsets(10).await?;
    assert_eq!((offsets, total), (vec![Offset(1)], 1));
    let aside = world.shard().quarantined(Offset(1)).await?.context("it is set aside")?;
    assert_eq!(aside.code, "AX-C004");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_text_is_set_aside_and_indexed_once_it_is_back() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let text = Bytes::from_static(b"a large text");
    let blob = StoredBlob { hash: ContentHash::of(&text).0, num_bytes: text.len() as u64 };
    let large = put_content("large", Content::Stored(blob));
    let at = world.append(vec![put("x", "one"), large.clone(), put("y", "two")]).await?;
    let skips = async |at| -> Result<Vec<(String, Option<SkipReason>)>> {
        let link = world
            .until_head("the position", |manifest| {
                anyhow::ensure!(manifest.position() >= at, "{}", manifest.applied);
                Ok(())
            })
            .await?;
        let docs = world.docs_of(&link).await?;
        Ok(docs.into_iter().map(|doc| (doc.key.path, doc.skip)).collect())
    };
    let fine = |path: &str| (path.to_owned(), None);
    let lost = ("large".to_owned(), Some(SkipReason::Unreadable));
    assert_eq!(skips(at).await?, [lost, fine("x"), fine("y")]);
    let aside = world.shard().quarantined(Offset(1)).await?.context("it is set aside")?;
    assert_eq!(aside.code, "AX-C007");
    assert!(aside.reason.contains("large"), "{}", aside.reason);
    assert_eq!(Some(&aside.value), large.value.as_ref(), "it can be replayed");

    world.store.put_blob(text).await?;
    let at = world.append(vec![large]).await?;
    assert_eq!(skips(at).await?, [fine("large"), fine("x"), fine("y")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_was_overtaken_is_fenced_and_says_so() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let at = world.append(vec![put("x", "one")]).await?;
    world.paths_at(at).await?;
    world.shard().take_over(Epoch(5), "somebody else", 0).await?;
    world.append(vec![put("y", "two")]).await?;
    let hint = world.until_hint("the fence", |hint| hint.failure.starts_with("AX-S006")).await?;
    assert_eq!(hint.epoch, 5, "the coordinator learns of the newer epoch");
    let head = world.shard().head().await?.context("a head")?;
    assert_eq!(head.manifest.writer, "somebody else");
    assert_eq!(head.manifest.position(), at, "nothing was published after the fence");
    // With a larger epoch it may go on, and nothing was lost.
    world.assign("a", 6).await?;
    assert_eq!(world.paths_at(Offset(at.0 + 1)).await?, set(&["x", "y"]));
    Ok(())
}
