//! Bad records in the stream, and bits that flip where segments are kept: seen, named, never served
//! (I15), and no reason for anything else to stop.

mod support;

use anyhow::{Context as _, ensure};
use ax_changes::{ChangeLog as _, NewRecord, codec};
use ax_e2e::{
    ax,
    cluster::{QUERY_NODES, Settings},
};
use ax_harness::eventually;
use ax_model::{
    BlobId, Change, ChangeBody, Content, DocKey, FileKind, FileVersion, RepoName, Router, ShardId,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use support::{Rehearsal, SETTLED_WITHIN};

const NOTICED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_seen_and_never_served() {
    let mut rehearsal = Rehearsal::start("damage", Settings::default()).await.unwrap();
    poison_is_set_aside(&mut rehearsal).await.unwrap();
    a_damaged_cache_is_fetched_again(&mut rehearsal).await.unwrap();
    rehearsal.probe.check().unwrap();
    a_damaged_segment_is_not_served(&mut rehearsal).await.unwrap();
    rehearsal.no_alarms().unwrap();
}

/// A record that does not decode and one in the wrong partition: their shards go on, `ax status` lists
/// them, and `ax replay` puts them back into the stream (where they are set aside again).
async fn poison_is_set_aside(rehearsal: &mut Rehearsal) -> anyhow::Result<()> {
    let garbage = NewRecord {
        partition: ShardId(0),
        key: b"alpha\0src/garbage.txt".to_vec().into(),
        value: Some(b"\xff\xff this is no message".to_vec().into()),
        headers: Vec::new(),
    };
    let lost = misrouted(rehearsal.cluster.shards())?;
    let lost_in = lost.partition;
    let appended = rehearsal.cluster.log().await?.append(vec![garbage, lost]).await?;
    rehearsal.churn_for(30).await?;
    rehearsal.settle().await?; // neither stopped its shard, nor is it shown
    let expected =
        [(0, appended[0].offset.0, "AX-C004"), (lost_in.0, appended[1].offset.0, "AX-C005")];
    for (shard, offset, code) in expected {
        listed(rehearsal, shard, code, |at| at == offset).await?;
        replay(rehearsal, shard, offset).await?;
        listed(rehearsal, shard, code, |at| at > offset).await?;
    }
    rehearsal.settle().await
}

/// A well-formed change in a partition where no spread of its repository would put it.
fn misrouted(shards: u32) -> anyhow::Result<NewRecord> {
    let router = Router::new(shards);
    let candidates = (0..1000).map(|n| format!("src/lost{n}.txt"));
    for path in candidates {
        let key = DocKey::new(RepoName::new("alpha")?, path)?;
        let possible: Vec<ShardId> =
            (1..=shards).map(|spread| router.shard_of(&key, spread)).collect();
        if let Some(wrong) = router.all().find(|shard| !possible.contains(shard)) {
            return Ok(codec::encode(&put(key), wrong, None));
        }
    }
    anyhow::bail!("every path can be anywhere")
}

fn put(key: DocKey) -> Change {
    let text = b"this must never be found: misrouted_token\n";
    let version = FileVersion {
        blob: BlobId(vec![7; 20]),
        branches: vec!["main".into()],
        content: Content::Inline(text.to_vec().into()),
        kind: FileKind::Regular,
        num_bytes: text.len() as u64,
        encoding: String::new(),
        generated: false,
        vendored: false,
        as_of: 0,
    };
    Change { key, body: ChangeBody::Put(vec![version]), committed_at_ms: 1, emitted_at_ms: 1 }
}

/// Waits until `ax status` lists a record of `shard` with this code at such an offset, and no other
/// of that shard and code.
async fn listed(
    rehearsal: &Rehearsal,
    shard: u32,
    code: &str,
    at: impl Fn(u64) -> bool,
) -> anyhow::Result<()> {
    eventually(NOTICED_WITHIN, &format!("{code} of shard {shard} is listed"), async || {
        let done = ax::client(rehearsal.front.base(), &["status", "--json"]).await?;
        let status: Value = serde_json::from_slice(&done.stdout)?;
        let rows = status["quarantined"].as_array().context("a list")?;
        let of_shard = rows.iter().filter(|row| row["shard"] == shard && row["code"] == code);
        let of_shard: Vec<&Value> = of_shard.collect();
        let [row] = of_shard[..] else { anyhow::bail!("not exactly one: {rows:?}") };
        let offset = row["offset"].as_u64().context("an offset is a number")?;
        ensure!(at(offset), "{row}");
        ensure!(row["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{row}");
        ensure!(done.status.code() == Some(1), "status ends with {}", done.status);
        Ok(())
    })
    .await
}

async fn replay(rehearsal: &Rehearsal, shard: u32, offset: u64) -> anyhow::Result<()> {
    let (shard, offset) = (shard.to_string(), offset.to_string());
    let done = ax::client(rehearsal.front.base(), &["replay", &shard, &offset]).await?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.success(), "replay ends with {}: {said}", done.status);
    Ok(())
}

/// A bit flips in a file that a query node keeps: it sees that when it opens the file, fetches the
/// segment again, and answers as before.
async fn a_damaged_cache_is_fetched_again(rehearsal: &mut Rehearsal) -> anyhow::Result<()> {
    let node = QUERY_NODES[0];
    rehearsal.cluster.kill9(node)?;
    let cached = segments_in(&rehearsal.cluster.data_of(node))?;
    ensure!(!cached.is_empty(), "{node} keeps no segments");
    for file in &cached {
        flip_a_bit(file)?;
    }
    rehearsal.cluster.restart(node).await?;
    let line = rehearsal
        .cluster
        .process(node)?
        .wait_for_log("a cached segment is damaged", NOTICED_WITHIN)
        .await?;
    ensure!(line.contains("WARN"), "{line}");
    rehearsal.settle().await
}

/// A bit flips in a segment's object, and no node has a copy: what cannot be shown is said to be
/// missing, and everything else is shown. Once the object is right again, so is the answer.
async fn a_damaged_segment_is_not_served(rehearsal: &mut Rehearsal) -> anyhow::Result<()> {
    let wanted = rehearsal.wanted().await?;
    let head = rehearsal.cluster.shard(0)?.head().await?.context("shard 0 was published")?;
    let entry = head.manifest.segments.iter().max_by_key(|entry| entry.num_docs);
    let entry = entry.context("shard 0 has segments")?;
    let object = rehearsal.cluster.objects().join(format!("g1/s00000/segments/{}.seg", entry.id));
    let good = fs::read(&object).with_context(|| format!("read {}", object.display()))?;
    for node in QUERY_NODES {
        rehearsal.cluster.kill9(node)?;
        fs::remove_dir_all(rehearsal.cluster.data_of(node))?;
    }
    flip_a_bit(&object)?;
    for node in QUERY_NODES {
        rehearsal.cluster.spawn_again(node)?;
    }
    for node in QUERY_NODES {
        let api = rehearsal.cluster.api(node)?;
        let answer = eventually(NOTICED_WITHIN, "all shards but one are shown", async || {
            let answer = api.search("repo:*", &[("all", "true"), ("timeout", "20s")]).await?;
            let missing = answer["summary"]["missing"].as_array().context("a list")?;
            ensure!(missing.len() == 1 && missing[0]["shard"] == 0, "{}", answer["summary"]);
            Ok(answer)
        })
        .await?;
        let missing = &answer["summary"]["missing"][0];
        ensure!(answer["summary"]["partial"] == true, "{}", answer["summary"]);
        ensure!(missing["code"].as_str().is_some_and(|code| code.starts_with("AX-S")), "{missing}");
    }
    fs::write(&object, good)?;
    rehearsal.cluster.settle(&wanted, &QUERY_NODES, SETTLED_WITHIN).await
}

fn segments_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder) {
        let path = entry?.into_path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Flips one bit in the middle of a file, where the text is.
fn flip_a_bit(path: &Path) -> anyhow::Result<()> {
    let mut bytes = fs::read(path)?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("the file is empty")? ^= 0x10;
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}
