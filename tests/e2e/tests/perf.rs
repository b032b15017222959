//! The workbench against a real server: run, report, compare, the query log, record, replay, shadow.

use anyhow::{Context as _, ensure};
use ax_e2e::{GitRepo, ax, standalone::Standalone};
use ax_harness::eventually;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A record of a few queries on a machine that compiles beside it.
const RECORDED_WITHIN: Duration = Duration::from_secs(60);

struct Setup {
    folder: TempDir,
    repo: GitRepo,
    server: Standalone,
}

impl Setup {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let repo = GitRepo::init(folder.path().join("project"), "project").await?;
        for number in 0..60 {
            let text = format!("fn needle_{number}() {{\n    common_word({number});\n}}\n");
            repo.write(&format!("src/file_{number}.rs"), text.repeat(20))?;
        }
        repo.commit("first").await?;
        let log = folder.path().join("logs/queries.jsonl");
        let log = log.to_str().context("a temporary folder is UTF-8")?;
        // The heap of sixty files is small: of an allocation per MiB there is often none to show.
        let sampled = ("MALLOC_CONF", "lg_prof_sample:12");
        let variables = [("AX_QUERY_LOG__PATH", log), ("AX_QUERY_LOG__LIVE", "true"), sampled];
        let data = folder.path().join("data");
        let mut server = Standalone::spawn(&data, &[repo.path()], &variables).await?;
        server.ready().await?;
        server.imported("project").await?;
        Ok(Self { folder, repo, server })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("logs/queries.jsonl")
    }

    /// Runs `ax perf` in the setup's folder.
    async fn perf(&self, args: &[&str]) -> anyhow::Result<Output> {
        let mut command = tokio::process::Command::new(ax::binary().await?);
        command.arg("perf").args(args).current_dir(self.folder.path()).kill_on_drop(true);
        Ok(command.output().await?)
    }

    fn json(&self, name: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&fs::read_to_string(self.path(name))?)?)
    }
}

#[track_caller]
fn ended(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}\n{errors}");
    text
}

const WORKLOAD: &str = "
[target]
url = 'http://127.0.0.1:1'
[corpus]
label = 'sixty files'
[[queries]]
class = 'words'
words = 10
weight = 2
[[queries]]
class = 'counted'
list = ['common_word', 'needle_7']
kind = 'literal'
ask = 'count'
[[queries]]
class = 'places'
words = 4
ask = 'definitions'
[[queries]]
class = 'wrong'
list = ['repo:']
[load]
clients = 2
warm_up = '200ms'
duration = '3s'
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_measured_shown_compared_and_replayed() {
    let setup = Setup::start().await.unwrap();
    measured(&setup).await.unwrap();
    open_loop(&setup).await.unwrap();
    compared(&setup).await.unwrap();
    recorded_and_replayed(&setup).await.unwrap();
    shadowed(&setup).await.unwrap();
    inspected(&setup).await.unwrap();
    refused(&setup).await.unwrap();
}

async fn measured(setup: &Setup) -> anyhow::Result<()> {
    fs::write(setup.path("w.toml"), WORKLOAD)?;
    let url = format!("target.url={}", setup.server.api().base());
    let corpus = format!("corpus.path={}", setup.repo.path().display());
    let common = ["run", "w.toml", "--set", &url, "--set", &corpus];
    let output =
        setup.perf(&[&common[..], &["--json", "a.json", "--html", "a.html"]].concat()).await?;
    let table = ended(&output, 0);
    for word in ["words", "counted", "p95", "AX-Q", "machine", "CPU"] {
        ensure!(table.contains(word), "{word}: {table}");
    }
    let result = setup.json("a.json")?;
    let [words, counted, places, wrong] =
        [0, 1, 2, 3].map(|class| &result["classes"][class]["figures"]);
    ensure!(places["answered"].as_u64() > Some(0) && places["errors"] == json!({}), "{places}");
    ensure!(words["answered"].as_u64() > counted["answered"].as_u64(), "by weight: {table}");
    ensure!(wrong["answered"] == 0 && wrong["errors"].as_object().map(|e| e.len()) == Some(1));
    ensure!(result["cost"]["cpu_seconds"].as_f64() > Some(0.0), "{}", result["cost"]);
    ensure!(result["cost"]["peak_anonymous_bytes"].as_u64() > Some(1 << 20));
    ensure!(result["cost"]["read_bytes"].is_u64(), "{}", result["cost"]);
    ensure!(result["corpus"]["revision"].as_str().map(str::len) == Some(40));
    ensure!(result["corpus"]["num_files"] == 60, "{}", result["corpus"]);
    let slowest = result["slowest"].as_array().context("a list")?;
    ensure!(slowest.iter().any(|slow| slow["files"] == 60), "the server's own words: {slowest:?}");
    let page = fs::read_to_string(setup.path("a.html"))?;
    ensure!(page.matches("<svg").count() == 5 && page.contains("prefers-color-scheme:dark"));
    ensure!(!page.contains("<script") && !page.contains("http-equiv") && !page.contains("src="));
    Ok(())
}

async fn open_loop(setup: &Setup) -> anyhow::Result<()> {
    let url = format!("target.url={}", setup.server.api().base());
    let open = ["load.loop=open", "load.rate=40", "load.duration=2s", "load.clients=16"];
    let corpus = format!("corpus.path={}", setup.repo.path().display());
    let mut args = vec!["run", "w.toml", "--json", "open.json", "--set", &url, "--set", &corpus];
    args.extend(open.iter().flat_map(|setting| ["--set", setting]));
    ended(&setup.perf(&args).await?, 0);
    let result = setup.json("open.json")?;
    // As many as were meant to start, however fast they were answered.
    ensure!(result["overall"]["asked"] == 80, "{}", result["overall"]);
    Ok(())
}

async fn compared(setup: &Setup) -> anyhow::Result<()> {
    // The same run on a quiet machine, and with every time a half longer.
    for (name, base_us) in [("quick.json", 1000), ("slow.json", 1500)] {
        let mut run = setup.json("a.json")?;
        for class in run["classes"].as_array_mut().context("a list")? {
            let times = class["samples"]["took_us"].as_array_mut().context("a list")?;
            for (number, took) in times.iter_mut().enumerate() {
                *took = (base_us + number % 100).into();
            }
        }
        fs::write(setup.path(name), run.to_string())?;
    }
    let same = ["compare", "quick.json", "quick.json", "--noise", "1000%", "--html", "c.html"];
    let table = ended(&setup.perf(&same).await?, 0);
    ensure!(table.contains("the same") && !table.contains("slower"), "{table}");
    ensure!(fs::read_to_string(setup.path("c.html"))?.contains("before and after"));
    let table = ended(&setup.perf(&["compare", "quick.json", "slow.json"]).await?, 1);
    ensure!(table.contains("slower"), "{table}");
    let unlike = setup.perf(&["compare", "a.json", "open.json"]).await?;
    ended(&unlike, 2);
    let errors = String::from_utf8_lossy(&unlike.stderr).into_owned();
    ensure!(errors.contains("not alike") && errors.contains("--force"), "{errors}");
    Ok(())
}

async fn recorded_and_replayed(setup: &Setup) -> anyhow::Result<()> {
    let base = setup.server.api().base().to_owned();
    let logged = fs::read_to_string(setup.log())?;
    ensure!(logged.contains("common_word") && logged.contains("AX-Q"), "{logged:.300}");
    ensure!(!logged.contains("fn needle_"), "nothing of any result's text");
    let refused = logged.lines().find(|line| line.contains("AX-Q")).context("a refused one")?;
    ensure!(!refused.contains("\"request_id\":\"\""), "{refused}");
    record(setup, &base).await?;
    let fast = ["replay", "rec.jsonl", "--server", &base, "--fast", "--json", "r.json"];
    ended(&setup.perf(&fast).await?, 0);
    let replayed = setup.json("r.json")?;
    let lines = fs::read_to_string(setup.path("rec.jsonl"))?.lines().count();
    ensure!(replayed["overall"]["asked"] == lines, "{}", replayed["overall"]);
    ended(&setup.perf(&["replay", "rec.jsonl", "--server", &base, "--speed", "20x"]).await?, 0);
    Ok(())
}

/// Records while queries are asked until some are recorded.
async fn record(setup: &Setup, base: &str) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(ax::binary().await?);
    let out = setup.path("rec.jsonl");
    command.args(["perf", "record", "--server", base, "--seconds", "120", "-o"]).arg(&out);
    let mut recording = command.stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    eventually(RECORDED_WITHIN, "queries are recorded", async || {
        setup.server.api().search("needle_3 count:all", &[]).await?;
        setup.server.api().search("common_word", &[("limit", "7")]).await?;
        ensure!(complete_lines(&out) >= 6, "{} so far", complete_lines(&out));
        Ok(())
    })
    .await?;
    recording.kill().await?;
    // What was cut in the middle of a line is not there: the recorder writes whole lines.
    let text = fs::read_to_string(&out)?;
    ensure!(text.ends_with('\n') && text.contains("\"limit\":7"), "{text}");
    Ok(())
}

fn complete_lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().matches('\n').count()
}

async fn shadowed(setup: &Setup) -> anyhow::Result<()> {
    let base = setup.server.api().base().to_owned();
    let alike = ["replay", "rec.jsonl", "--server", &base, "--shadow", &base];
    let text = ended(&setup.perf(&alike).await?, 0);
    ensure!(text.contains("0 different, 0 not asked") && text.contains('@'), "{text}");
    // Another server, with one file less.
    let other = GitRepo::init(setup.path("other/project"), "project").await?;
    for number in 1..60 {
        let text = format!("fn needle_{number}() {{\n    common_word({number});\n}}\n");
        other.write(&format!("src/file_{number}.rs"), text.repeat(20))?;
    }
    other.commit("first").await?;
    let mut server = Standalone::start(&setup.path("data-2"), &[other.path()]).await?;
    server.imported("project").await?;
    fs::write(setup.path("one.jsonl"), "{\"query\":\"common_word count:all\"}\n")?;
    let second = server.api().base().to_owned();
    let differ = ["replay", "one.jsonl", "--server", &base, "--shadow", &second];
    let text = ended(&setup.perf(&differ).await?, 1);
    ensure!(text.contains("only the first has project:src/file_0.rs"), "{text}");
    Ok(())
}

/// Whether `perf` is there and may sample a process of ours.
async fn may_sample() -> bool {
    let mut perf = tokio::process::Command::new("perf");
    let sampled = perf.args(["record", "-e", "cpu-clock:u", "-o", "/dev/null", "true"]).output();
    sampled.await.is_ok_and(|sampled| sampled.status.success())
}

/// With `perf` on the machine and leave to use it there is a picture; else an error that says why not and
/// what to do.
async fn inspected(setup: &Setup) -> anyhow::Result<()> {
    let base = setup.server.api().base().to_owned();
    let output = setup.perf(&["inspect", &base, "--seconds", "1", "-o", "f.svg"]).await?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        let picture = fs::read_to_string(setup.path("f.svg"))?;
        ensure!(picture.starts_with("<svg") && picture.contains("samples"), "{picture:.300}");
    } else {
        ensure!(!may_sample().await, "this machine could: {errors}");
        ensure!(errors.contains("AX-F007") && errors.contains("perf_event_paranoid"), "{errors}");
        let why = errors.split_once("did not run here: ").and_then(|(_, why)| why.lines().next());
        ensure!(why.is_some_and(|why| !why.trim().is_empty()), "no reason: {errors}");
    }
    let output =
        setup.perf(&["inspect", &base, "--heap", "-o", "h.svg", "--folded", "h.txt"]).await?;
    ended(&output, 0);
    let (picture, stacks) =
        (fs::read_to_string(setup.path("h.svg"))?, fs::read_to_string(setup.path("h.txt"))?);
    let held: Option<u64> =
        stacks.lines().map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    let ours = |text: &str| text.contains("ax_") && text.contains("start");
    ensure!(held >= Some(128 << 10) && ours(&stacks), "held {held:?}: {stacks:.2000}");
    ensure!(picture.contains("memory held") && ours(&picture), "{picture:.2000}");
    // No page of another site may set a profiler on the node.
    let request = reqwest::Client::new().post(format!("{base}/debug/profile"));
    let request = request.header("content-type", "application/json").body("{\"seconds\":1}");
    let answer = request.header("origin", "https://evil.example").send().await?;
    ensure!(answer.status() == 403, "{}", answer.status());
    let endless = setup.perf(&["inspect", &base, "--seconds", "1h"]).await?;
    let errors = String::from_utf8_lossy(&endless.stderr).into_owned();
    ensure!(endless.status.code() == Some(2) && errors.contains("AX-A001"), "{errors}");
    Ok(())
}

async fn refused(setup: &Setup) -> anyhow::Result<()> {
    fs::write(setup.path("bad.toml"), format!("{WORKLOAD}\nratte = 5\n"))?;
    fs::write(setup.path("bad.jsonl"), "{\"query\": 5}\n")?;
    for (args, says) in [
        (&["run", "bad.toml"][..], "unknown field `ratte`"),
        (&["run", "none.toml"], "AX-F003"),
        (&["run", "w.toml"], "corpus.path: expected the text"),
        (&["compare", "w.toml", "a.json"], "no result of a run"),
        (&["replay", "bad.jsonl"], "line 1"),
        (&["record", "--server", "http://127.0.0.1:1", "-o", "x"], "cannot reach"),
    ] {
        let output = setup.perf(args).await?;
        ended(&output, 2);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(errors.contains(says), "{args:?}: {errors}");
    }
    Ok(())
}

/// A node that was not told so lets nobody read what people ask of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_not_logged_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("repo")).unwrap();
    fs::write(folder.path().join("repo/a.txt"), "text\n").unwrap();
    let repo = folder.path().join("repo");
    let server = Standalone::start(&folder.path().join("data"), &[&repo]).await.unwrap();
    let (status, body) = server.api().get("/debug/queries", &[]).await.unwrap();
    assert_eq!((status, &body["field"]), (404, &Value::from("query_log.live")));
}
