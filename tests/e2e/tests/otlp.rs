//! Spans over OTLP, received by a real collector: one trace from a push to the manifest that shows it
//! and the nodes that opened it; one from a search request to each leaf. And a collector that is away
//! or slow costs spans, nothing else.

use anyhow::{Context as _, ensure};
use ax_changes::{ChangeLog as _, ReadLimits, codec};
use ax_e2e::{
    Api, Cluster, GitRepo,
    cluster::{QUERY_NODES, Settings},
    otlp::{Collector, Span, Trace},
    standalone::Standalone,
};
use ax_harness::{eventually, free_port};
use ax_model::{Offset, RepoName, Router, ShardId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{path::Path, time::Duration};

const SECRET: &str = "a secret of the webhook";
/// The caller's span in every trace that a test begins.
const CALLER: &str = "00f067aa0ba902b7";
/// An end that waits for no collector for longer than the flush may take.
const ENDED_WITHIN: Duration = Duration::from_secs(60);
const SHOWN_WITHIN: Duration = Duration::from_secs(60);
const SHARDS: u32 = 4;

/// Settings under which only a webhook makes ingest look.
fn variables(collector: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AX_TELEMETRY__OTLP_ENDPOINT", collector.to_owned()),
        ("AX_TELEMETRY__LOG_FILTER", "info,ax_query_node=debug".to_owned()),
        ("AX_INGEST__WEBHOOK_SECRET", SECRET.to_owned()),
        ("AX_INGEST__POLL_LOCAL_MS", "3600000".to_owned()),
    ]
}

/// A `traceparent` of the trace whose id is this number.
fn traceparent(number: u32) -> String {
    format!("00-{}-{CALLER}-01", trace_id(number))
}

fn trace_id(number: u32) -> String {
    format!("{number:032x}")
}

/// A push webhook as GitHub signs it.
async fn push(base: &str, repo: &str, traceparent: Option<&str>) -> anyhow::Result<()> {
    let body = json!({ "repository": { "full_name": repo } }).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut request = client.post(format!("{base}/webhooks/github"));
    request = request.header("X-Hub-Signature-256", signature).body(body);
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let answer = request.send().await?;
    let (status, body) = (answer.status(), answer.text().await?);
    ensure!(status == 202, "the webhook answered {status}: {body}");
    let kicked: Value = serde_json::from_str(&body)?;
    ensure!(kicked["kicked"] == json!([repo]), "{kicked}");
    Ok(())
}

/// A repository with one file that has `word`.
async fn repo_with(folder: &Path, name: &str, word: &str) -> anyhow::Result<GitRepo> {
    let repo = GitRepo::init(folder.join(name), name).await?;
    repo.write("first.txt", format!("{word}\n"))?;
    repo.commit("first").await?;
    Ok(repo)
}

/// What a push's trace names: the manifest of a batch.
#[derive(Debug)]
struct Shown {
    shard: String,
    version: u64,
}

/// Checks the trace of a push from its webhook to the manifests, and returns these.
fn ingested(trace: &Trace, caller: &str) -> anyhow::Result<Vec<Shown>> {
    let webhook = trace.one("webhook", caller)?;
    let sync = trace.one("sync", &webhook.id)?;
    ensure!(sync.attribute("outcome") == "emitted", "{sync:?}");
    let append = trace.one("append", &sync.id)?;
    let batches: Vec<&Span> =
        trace.named("index").filter(|span| span.parent == append.id).collect();
    for batch in &batches {
        trace.one("build", &batch.id)?;
        trace.one("publish", &batch.id)?;
    }
    let beside = trace.named("indexed").filter(|span| span.parent == append.id);
    batches.into_iter().chain(beside).map(shown).collect()
}

fn shown(span: &Span) -> anyhow::Result<Shown> {
    let version = span.attribute("manifest_version");
    let version = version.parse().with_context(|| format!("a version: {span:?}"))?;
    Ok(Shown { shard: span.attribute("shard").to_owned(), version })
}

/// Checks that `node` opened a manifest of `shard` that is at least as new, in the push's trace.
fn opened(trace: &Trace, node: &str, wanted: &Shown) -> anyhow::Result<()> {
    let append = trace.named("append").next().context("nothing is appended")?;
    let mut opened = trace.named("open").filter(|span| {
        span.node == node
            && span.parent == append.id
            && span.attribute("shard") == wanted.shard
            && span.attribute("manifest_version").parse().is_ok_and(|v: u64| v >= wanted.version)
    });
    opened.next().map(drop).with_context(|| format!("{node} has not opened {wanted:?}"))
}

/// Waits until the trace covers everything from the webhook to each of `nodes`; returns where `repo`'s
/// changes are shown.
async fn whole(
    collector: &Collector,
    trace: &str,
    caller: &str,
    repo: &str,
    nodes: &[&str],
) -> anyhow::Result<Shown> {
    let home = Router::new(SHARDS).home_of_repo(&RepoName::new(repo)?).to_string();
    collector
        .wait_for(trace, "a trace from the push to the nodes that show it", |trace| {
            let shown = ingested(trace, caller)?;
            let here = shown.into_iter().find(|shown| shown.shard == home);
            let here = here.context("nothing of the repository's shard is published")?;
            nodes.iter().try_for_each(|node| opened(trace, node, &here))?;
            Ok(here)
        })
        .await
}

/// The root spans of webhooks that came without a trace of their own.
fn own_webhooks(collector: &Collector) -> Vec<Span> {
    let spans = collector.spans().into_iter();
    spans.filter(|span| span.name == "webhook" && span.parent.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_a_push_to_the_manifest_and_from_a_search_to_its_leaves() {
    let collector = Collector::start(0).await.unwrap();
    let variables = variables(collector.address());
    let settings = Settings { shards: SHARDS, variables, ..Settings::default() };
    let mut cluster = Cluster::start("otlp", settings).await.unwrap();
    let front = cluster.front().unwrap();
    let [one, other] = two_of_one_shard();
    let mut repos = Vec::new();
    for name in [&one, &other] {
        let repo = repo_with(&cluster.repos(), name, "needle").await.unwrap();
        front.register(&repo.path().display().to_string(), name).await.unwrap();
        repos.push(repo);
    }
    front.wait_for_count("content:needle", 2, SHOWN_WITHIN).await.unwrap();

    a_push_with_a_trace(&cluster, &collector, &repos[0]).await.unwrap();
    a_push_without_a_trace(&cluster, &collector, &repos[0]).await.unwrap();
    two_pushes_in_one_batch(&mut cluster, &collector, &repos).await.unwrap();
    a_search(&cluster, &collector).await.unwrap();
    // A look that finds nothing is not worth a trace.
    assert!(collector.spans().iter().all(|span| span.name != "sync" || !span.parent.is_empty()));
}

/// Two names whose repositories live in the same shard, so that one batch can hold both.
fn two_of_one_shard() -> [String; 2] {
    let router = Router::new(SHARDS);
    let home = |name: &str| router.home_of_repo(&RepoName::new(name).expect("a name"));
    let one = "traced-0".to_owned();
    let other = (1..).map(|n| format!("traced-{n}")).find(|name| home(name) == home(&one));
    [one, other.expect("one of endless names")]
}

async fn a_push_with_a_trace(
    cluster: &Cluster,
    collector: &Collector,
    repo: &GitRepo,
) -> anyhow::Result<()> {
    let trace = trace_id(1);
    repo.write("second.txt", "second_needle\n")?;
    repo.commit("second").await?;
    let ingest = cluster.api("ingest")?;
    push(ingest.base(), repo.name(), Some(&traceparent(1))).await?;
    let front = cluster.front()?;
    front.wait_for_count("content:second_needle", 1, SHOWN_WITHIN).await?;
    let shown = whole(collector, &trace, CALLER, repo.name(), &QUERY_NODES).await?;
    // The manifest of that version is the one that holds the change.
    let shard: u32 = shown.shard.parse()?;
    let head = cluster.shard(shard)?.head().await?.context("the shard has a manifest")?;
    ensure!(head.manifest.version.0 >= shown.version, "{shown:?}, {}", head.manifest.version);
    // And the change itself carries the trace.
    let carried = traces_in(cluster, ShardId(shard)).await?;
    ensure!(carried.iter().any(|context| context.contains(&trace)), "{carried:?}");
    Ok(())
}

/// The trace contexts on the records of a shard.
async fn traces_in(cluster: &Cluster, shard: ShardId) -> anyhow::Result<Vec<String>> {
    let log = cluster.log().await?;
    let bounds = log.bounds(shard).await?;
    let mut reader = log.read(shard, Offset::default().max(bounds.start), "").await?;
    let limits =
        ReadLimits { max_records: 1000, max_bytes: 1 << 20, max_wait: Duration::from_millis(100) };
    let mut found = Vec::new();
    while reader.position() < bounds.end {
        for record in reader.next(limits).await?.records {
            found.extend(codec::traceparents(&record.headers).map(str::to_owned));
        }
    }
    Ok(found)
}

async fn a_push_without_a_trace(
    cluster: &Cluster,
    collector: &Collector,
    repo: &GitRepo,
) -> anyhow::Result<()> {
    repo.write("third.txt", "third_needle\n")?;
    repo.commit("third").await?;
    ensure!(own_webhooks(collector).is_empty(), "{:?}", own_webhooks(collector));
    push(cluster.api("ingest")?.base(), repo.name(), None).await?;
    let webhook = eventually(SHOWN_WITHIN, "the webhook begins a trace", async || {
        own_webhooks(collector).into_iter().next().context("no such span yet")
    })
    .await?;
    whole(collector, &webhook.trace, "", repo.name(), &QUERY_NODES).await.map(drop)
}

/// Both indexers sleep while two repositories are pushed; one batch then has both, and each trace names
/// the manifest.
async fn two_pushes_in_one_batch(
    cluster: &mut Cluster,
    collector: &Collector,
    repos: &[GitRepo],
) -> anyhow::Result<()> {
    let ends = async |cluster: &Cluster| {
        let home = Router::new(SHARDS).home_of_repo(&RepoName::new(repos[0].name())?);
        Ok::<_, anyhow::Error>(cluster.log().await?.bounds(home).await?.end)
    };
    for indexer in ["indexer-1", "indexer-2"] {
        cluster.pause(indexer)?;
    }
    for (repo, number) in repos.iter().zip(11..) {
        let before = ends(cluster).await?;
        repo.write("fourth.txt", format!("fourth_needle of {}\n", repo.name()))?;
        repo.commit("fourth").await?;
        let ingest = cluster.api("ingest")?;
        push(ingest.base(), repo.name(), Some(&traceparent(number))).await?;
        // The facts of the repository, which come last.
        eventually(SHOWN_WITHIN, "the push is appended", async || {
            let end = ends(cluster).await?;
            ensure!(end > before, "still {before}");
            Ok(())
        })
        .await?;
    }
    for indexer in ["indexer-1", "indexer-2"] {
        cluster.resume(indexer)?;
    }
    for (repo, number) in repos.iter().zip(11..) {
        let trace = trace_id(number);
        whole(collector, &trace, CALLER, repo.name(), &QUERY_NODES).await?;
        let trace = collector.trace(&trace);
        let beside: Vec<_> = trace.named("indexed").collect();
        ensure!(!beside.is_empty(), "no batch had both pushes\n{}", trace.picture());
        let spans = collector.spans();
        let is_batch = |link: &(String, String)| {
            spans
                .iter()
                .any(|span| span.name == "index" && (&span.trace, &span.id) == (&link.0, &link.1))
        };
        ensure!(beside.iter().all(|span| span.links.iter().any(is_batch)), "{beside:?}");
    }
    Ok(())
}

/// From the caller's header to the root and each leaf, of both nodes.
async fn a_search(cluster: &Cluster, collector: &Collector) -> anyhow::Result<()> {
    let mut asked = Vec::new();
    for (name, number) in QUERY_NODES.iter().zip(21..) {
        let id = format!("request-{number}");
        let url = format!("{}/api/v1/search?q=content:needle", cluster.api(name)?.base());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let request = client.get(url).header("traceparent", traceparent(number));
        let answer = request.header("x-request-id", &id).send().await?;
        ensure!(answer.status() == 200, "{}", answer.text().await?);
        asked.push((*name, number, id));
    }
    let mut nodes_of_leaves = 0;
    for (name, number, id) in asked {
        let leaves = collector
            .wait_for(&trace_id(number), "a trace from the request to each leaf", |trace| {
                let http = trace.one("http", CALLER)?;
                ensure!(http.node == name && http.attribute("request_id") == id, "{http:?}");
                let search = trace.one("search", &http.id)?;
                let leaves = (0..SHARDS).map(|shard| leaf(trace, &search.id, shard));
                leaves.collect::<anyhow::Result<Vec<String>>>()
            })
            .await?;
        for node in QUERY_NODES {
            if node == name || leaves.iter().any(|leaf| leaf == node) {
                let lines = cluster.logged(&id)?;
                let of_node = lines.iter().any(|line| line.starts_with(&format!("{node}: ")));
                ensure!(of_node, "{node} does not log {id}: {lines:#?}");
            }
        }
        nodes_of_leaves += leaves.iter().filter(|leaf| *leaf != name).count();
    }
    ensure!(nodes_of_leaves > 0, "no leaf was asked over the network");
    Ok(())
}

/// The node whose leaf answered for `shard`, with its spans in the trace.
fn leaf(trace: &Trace, search: &str, shard: u32) -> anyhow::Result<String> {
    let shard = shard.to_string();
    let found = trace.named("search_shard").find(|span| span.attribute("shard") == shard);
    let found = found.with_context(|| format!("no leaf of shard {shard}"))?;
    let is_remote =
        trace.named("grpc").any(|call| call.id == found.parent && call.parent == search);
    ensure!(is_remote || found.parent == search, "{found:?}");
    Ok(found.node.clone())
}

/// A standalone server that sends its spans to `collector`, with a repository; and where its webhooks
/// are taken.
async fn standalone(folder: &Path, collector: &str) -> anyhow::Result<(Standalone, String)> {
    let repo = repo_with(folder, "traced", "needle").await?;
    let webhooks = format!("127.0.0.1:{}", free_port()?);
    let mut variables = variables(collector);
    variables.push(("AX_INGEST__LISTEN", webhooks.clone()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut server = Standalone::spawn(&folder.join("data"), &[repo.path()], &variables).await?;
    server.ready().await?;
    server.imported("traced").await?;
    Ok((server, format!("http://{webhooks}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standalone_server_traces_and_sends_the_last_spans_when_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(0).await.unwrap();
    let (mut server, webhooks) = standalone(folder.path(), collector.address()).await.unwrap();
    let repo = GitRepo::init(folder.path().join("traced"), "traced").await.unwrap();
    repo.write("second.txt", "second_needle\n").unwrap();
    repo.commit("second").await.unwrap();
    push(&webhooks, "traced", Some(&traceparent(1))).await.unwrap();
    let what = "a trace from the push to the node that shows it";
    let trace = trace_id(1);
    let checked = collector.wait_for(&trace, what, |trace| {
        let shown = ingested(trace, CALLER)?;
        ensure!(!shown.is_empty(), "nothing is published");
        shown.iter().try_for_each(|shown| opened(trace, "serve", shown))
    });
    checked.await.unwrap();
    let (status, _) = get_traced(server.api(), 2).await.unwrap();
    assert_eq!(status, 200);
    server.process().terminate(ENDED_WITHIN).await.unwrap();
    // Nothing can come any more: what is there was flushed before the end.
    let trace = collector.trace(&trace_id(2));
    trace.one("http", CALLER).unwrap();
    assert!(trace.named("search_shard").next().is_some(), "{}", trace.picture());
}

/// A search in the trace of this number.
async fn get_traced(api: &Api, number: u32) -> anyhow::Result<(u16, String)> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/v1/search?q=content:needle", api.base());
    let answer = client.get(url).header("traceparent", traceparent(number)).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// The value of a metric without labels; zero until it is there.
async fn metric(api: &Api, name: &str) -> anyhow::Result<f64> {
    let (_, text) = api.get_text("/metrics", &[]).await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.map_or(Ok(0.0), str::parse)?)
}

/// Asks until so many spans more are lost than before: several batches were not taken.
async fn lose_spans(server: &Standalone) -> anyhow::Result<()> {
    for _ in 0..2 {
        let before = metric(server.api(), "ax_telemetry_spans_lost_total").await?;
        eventually(SHOWN_WITHIN, "spans are lost, and every query is answered", async || {
            ensure!(server.api().count("content:needle").await? == 1, "not one file");
            let now = metric(server.api(), "ax_telemetry_spans_lost_total").await?;
            ensure!(now > before, "{now} spans lost");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

fn count_lines(server: &mut Standalone, text: &str) -> anyhow::Result<usize> {
    Ok(server.process().log()?.lines().filter(|line| line.contains(text)).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_or_slow_costs_spans_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let address = format!("http://127.0.0.1:{port}");
    let (mut server, _) = standalone(folder.path(), &address).await.unwrap();
    lose_spans(&server).await.unwrap();
    assert_eq!(count_lines(&mut server, "does not take spans").unwrap(), 1);

    let collector = Collector::start(port).await.unwrap();
    eventually(SHOWN_WITHIN, "spans come", async || {
        ensure!(server.api().count("content:needle").await? == 1, "not one file");
        ensure!(!collector.spans().is_empty(), "none yet");
        Ok(())
    })
    .await
    .unwrap();
    let said = server.process().wait_for_log("takes spans again", SHOWN_WITHIN).await;
    said.unwrap();
    assert_eq!(count_lines(&mut server, "takes spans again").unwrap(), 1);

    collector.hold(true);
    lose_spans(&server).await.unwrap();
    assert_eq!(count_lines(&mut server, "does not take spans").unwrap(), 2, "once for each outage");
    // Neither does it hold up the end.
    let status = server.process().terminate(ENDED_WITHIN).await.unwrap();
    assert!(status.success(), "{status}");
    server.no_panics().unwrap();
}
