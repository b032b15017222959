//! `make cluster` as a person uses it: started, searched through the balancer, a node killed, looked at
//! and stopped, with nothing left behind.

use anyhow::{Context as _, ensure};
use ax_e2e::{Api, GitRepo, ax, metrics::Page, probe::Probe};
use ax_harness::{Process, Spec, eventually};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A first start formats Kafka's and etcd's data, on a machine that compiles beside it.
const DONE_WITHIN: Duration = Duration::from_secs(240);
const SHOWN_WITHIN: Duration = Duration::from_secs(60);
/// The ports behind the front start this much after it.
const BEHIND: u16 = 10_000;
const NUM_BEHIND: u16 = 13;
const FILES: u64 = 5;

/// The script with a folder and ports of its own. Dropping it stops what it started.
struct Script {
    folder: PathBuf,
    front: u16,
    ax: PathBuf,
}

impl Script {
    fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster/cluster.sh")
    }

    fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AX_CLUSTER", self.folder.display().to_string()),
            ("AX_CLUSTER_PORT", self.front.to_string()),
            ("AX_BIN", self.ax.display().to_string()),
        ]
    }

    /// Runs one of its words; whether it succeeded, and what it printed.
    async fn run(&self, args: &[&str]) -> anyhow::Result<(bool, String)> {
        let mut spec = Spec::new(format!("cluster.sh {args:?}"), Self::path()).args(args);
        for (name, value) in self.variables() {
            spec = spec.env(name, value);
        }
        let mut process = Process::spawn(spec)?;
        let status = process.wait_exit(DONE_WITHIN).await?;
        Ok((status.success(), process.log()?))
    }

    /// Runs one of its words, which must succeed.
    async fn ok(&self, args: &[&str]) -> anyhow::Result<String> {
        let (succeeded, printed) = self.run(args).await?;
        ensure!(succeeded, "{args:?}: {printed}");
        Ok(printed)
    }

    /// The processes that it started, by name.
    fn pids(&self) -> anyhow::Result<Vec<(String, u32)>> {
        let Ok(files) = fs::read_dir(self.folder.join("pids")) else { return Ok(Vec::new()) };
        files
            .map(|file| {
                let file = file?;
                let pid = fs::read_to_string(file.path())?.trim().parse()?;
                Ok((file.file_name().to_string_lossy().into_owned(), pid))
            })
            .collect()
    }

    /// Those that run; one that ended and was not reaped is gone.
    fn running(&self) -> anyhow::Result<Vec<String>> {
        let is_running = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
        };
        let running = self.pids()?.into_iter().filter(|(_, pid)| is_running(*pid));
        Ok(running.map(|(name, _)| name).collect())
    }
}

impl Drop for Script {
    /// Also after a failure: the processes are in sessions of their own and would outlive the test.
    fn drop(&mut self) {
        let stopped = Command::new(Self::path()).arg("down").envs(self.variables()).output();
        if std::thread::panicking() {
            eprintln!("cluster.sh down: {stopped:?}");
        }
    }
}

/// A port whose fellows behind are free too: below the range that the kernel gives to clients.
fn free_front() -> anyhow::Result<u16> {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = u16::try_from(std::process::id() % 90)?;
    let mut fronts = (0..90).map(|step| 8_000 + (start + step) % 90 * 20);
    let all_free = |front: &u16| {
        is_free(*front) && (1..=NUM_BEHIND).all(|behind| is_free(front + BEHIND + behind))
    };
    fronts.find(all_free).context("no row of ports is free")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_by_script_survives_a_kill_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let script = Script {
        folder: folder.path().join("cluster"),
        front: free_front().unwrap(),
        ax: ax::binary().await.unwrap().to_owned(),
    };
    a_taken_port_is_named(&script).await.unwrap();
    let printed = script.ok(&["up"]).await.unwrap();
    let base = format!("http://127.0.0.1:{}", script.front);
    assert!(printed.contains(&base), "{printed}");
    assert_eq!(script.running().unwrap().len(), 10, "{printed}");

    let repo = GitRepo::init(folder.path().join("script"), "script").await.unwrap();
    for number in 0..FILES {
        repo.write(&format!("{number}.txt"), "script_needle\n").unwrap();
    }
    repo.commit("first").await.unwrap();
    by_the_client(&base, &repo).await.unwrap();
    metrics_are_as_documented(&script).await.unwrap();
    a_node_is_killed(&script, &base).await.unwrap();

    let before = script.pids().unwrap();
    script.ok(&["down"]).await.unwrap();
    assert_eq!(before.len(), 10);
    assert_eq!(script.running().unwrap(), Vec::<String>::new());
    let status = script.ok(&["status"]).await.unwrap();
    assert_eq!(status.lines().filter(|line| line.contains(" down ")).count(), 10, "{status}");
    script.ok(&["down"]).await.unwrap(); // a second time does no harm
}

/// Somebody else listens on the front, or on a port behind it: nothing is started.
async fn a_taken_port_is_named(script: &Script) -> anyhow::Result<()> {
    for (port, whose) in [(script.front, "haproxy"), (script.front + BEHIND + 1, "etcd")] {
        let _taken = TcpListener::bind(("127.0.0.1", port))?;
        let (succeeded, printed) = script.run(&["up"]).await?;
        ensure!(!succeeded, "{printed}");
        let says = printed.contains(&format!("port {port}")) && printed.contains("AX_CLUSTER_PORT");
        ensure!(says && printed.contains(whose), "{printed}");
        ensure!(script.running()?.is_empty(), "{:?}", script.running()?);
    }
    Ok(())
}

/// Added and searched by the commands that `up` prints.
async fn by_the_client(base: &str, repo: &GitRepo) -> anyhow::Result<()> {
    let source = repo.path().display().to_string();
    let added = ax::client(base, &["repos", "add", &source, "--wait"]).await?;
    ensure!(added.status.success(), "{added:?}");
    let found = ax::client(base, &["search", "content:script_needle", "--count"]).await?;
    let printed = String::from_utf8_lossy(&found.stdout).into_owned();
    ensure!(found.status.success() && printed.contains(&FILES.to_string()), "{found:?}");
    Ok(())
}

/// Each role, the port of its metrics behind the front, and what it must show once a repository was
/// imported and searched: rate, errors and duration, lag and freshness. Errors appear with the first.
const METRICS: [(&str, u16, &[&str]); 4] = [
    ("coordinator", 6, &["ax_coordinator_leading", "ax_coordinator_plan_seconds"]),
    ("indexer", 7, &["ax_indexer_shards", "ax_indexer_lag_records", "ax_indexer_lag_seconds"]),
    ("ingest", 13, &["ax_ingest_step_seconds", "ax_ingest_files_total", "ax_ingest_repositories"]),
    ("query", 9, &["ax_query_http_seconds", "ax_query_commit_to_searchable_seconds"]),
];

async fn metrics_are_as_documented(script: &Script) -> anyhow::Result<()> {
    let page = Page::read()?;
    for (role, behind, wanted) in METRICS {
        let api = Api::new(format!("http://127.0.0.1:{}", script.front + BEHIND + behind))?;
        eventually(SHOWN_WITHIN, "the role shows its metrics", async || {
            let (status, shown) = api.get_text("/metrics", &[]).await?;
            ensure!(status == 200, "{role} answers {status}: {shown}");
            let names = page.check(role, &shown)?;
            let missing: Vec<_> = wanted.iter().filter(|name| !names.contains(**name)).collect();
            ensure!(missing.is_empty(), "{role} does not show {missing:?}: {names:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// A query node is killed while queries are asked through the balancer: none fails.
async fn a_node_is_killed(script: &Script, base: &str) -> anyhow::Result<()> {
    let api = Api::new(base)?;
    let probe = Probe::start(&api, "content:script_needle", FILES);
    probe.answers_more(20).await?;
    script.ok(&["kill", "query-1"]).await?;
    probe.answers_more(100).await?;
    let status = script.ok(&["status"]).await?;
    let line = status.lines().find(|line| line.starts_with("query-1 ")).context("a line")?;
    ensure!(line.contains("down"), "{status}");
    script.ok(&["start", "query-1"]).await?;
    let own = Api::new(format!("http://127.0.0.1:{}", script.front + BEHIND + 9))?;
    eventually(SHOWN_WITHIN, "the node answers again", async || {
        ensure!(own.count("content:script_needle").await? == FILES, "not all files");
        Ok(())
    })
    .await?;
    probe.answers_more(20).await?;
    probe.check()
}
