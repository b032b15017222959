//! The standalone server and its client: what is committed is searchable without a restart, what is
//! gone is gone, and `kill -9` at any moment costs nothing.

use anyhow::{Context as _, ensure};
use ax_e2e::{Api, Documents, GitRepo, standalone::Standalone};
use ax_harness::eventually;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Within which a change must be searchable; a debug build needs about one second.
const FRESH_WITHIN: Duration = Duration::from_secs(30);

/// Files of the import that is killed.
const NUM_FILES: u64 = 6_000;

/// A repository of two branches, a plain folder, and a server of both.
struct Setup {
    _folder: TempDir,
    repo: GitRepo,
    plain: PathBuf,
    server: Standalone,
}

impl Setup {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let repo = GitRepo::init(folder.path().join("project"), "project").await?;
        repo.write("src/main.rs", "fn main() {\n    needle();\n}\n")?;
        repo.write("docs/read me.md", "# Title\none\ntwo needle\nthree\nfour needle\n")?;
        repo.write("logo.png", b"\x89PNG\0\0\0")?;
        repo.commit("first").await?;
        repo.branch("next").await?;
        repo.write("src/next.rs", "fn only_on_next() {}\n")?;
        repo.commit("next").await?;
        repo.checkout("main").await?;
        let plain = folder.path().join("plain");
        fs::create_dir_all(&plain)?;
        fs::write(plain.join("notes.txt"), "a plain needle\n")?;
        let data = folder.path().join("data");
        // Every text is searchable first, and its definitions are looked for afterwards.
        let text_first = [("AX_INDEXER__SYMBOLS_WITHIN_MS", "0")];
        let mut server = Standalone::spawn(&data, &[repo.path(), &plain], &text_first).await?;
        server.ready().await?;
        server.imported("project").await?;
        server.imported("plain").await?;
        Ok(Self { _folder: folder, repo, plain, server })
    }

    fn api(&self) -> &Api {
        self.server.api()
    }

    /// The index of `project` equals what git says.
    async fn agrees_with_git(&self) -> anyhow::Result<()> {
        let wanted = self.repo.documents().await?;
        eventually(FRESH_WITHIN, "the index equals git", async || {
            wanted.expect("project", &of_project(self.api().documents().await?))
        })
        .await
    }
}

fn of_project(mut all: Documents) -> Documents {
    all.files.retain(|key, _| key.repo == "project");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_become_searchable_without_a_restart() {
    let mut setup = Setup::start().await.unwrap();
    assert_eq!(setup.api().count("content:needle").await.unwrap(), 3);
    assert_eq!(setup.api().count("only_on_next branch:next").await.unwrap(), 1);
    changes_of_one_branch(&setup).await.unwrap();
    changes_of_branches(&setup).await.unwrap();
    changes_of_a_folder(&setup).await.unwrap();
    setup.agrees_with_git().await.unwrap();
    setup.server.kill_and_restart().await.unwrap();
    setup.agrees_with_git().await.unwrap();
    setup.server.no_panics().unwrap();
}

async fn changes_of_one_branch(setup: &Setup) -> anyhow::Result<()> {
    let (api, repo) = (setup.api(), &setup.repo);
    repo.write("src/new.rs", "fn brand_new() {}\n")?;
    repo.commit("a new file").await?;
    timed("a commit", api, "content:brand_new", 1).await?;

    repo.remove("src/new.rs")?;
    repo.commit("without it").await?;
    timed("a deletion", api, "content:brand_new", 0).await?;

    repo.git(&["mv", "src/main.rs", "src/renamed.rs"]).await?;
    repo.commit("renamed").await?;
    timed("a rename", api, "file:renamed.rs content:needle", 1).await?;
    timed("its definition", api, "file:renamed.rs sym:main branch:main", 1).await?;
    // `next` still has it by its old name.
    timed("the old name", api, "file:src/main.rs branch:main", 0).await?;
    timed("the other branch", api, "file:src/main.rs branch:next", 1).await
}

async fn changes_of_branches(setup: &Setup) -> anyhow::Result<()> {
    let (api, repo) = (setup.api(), &setup.repo);
    repo.branch("topic").await?;
    repo.write("topic.txt", "only the topic\n")?;
    repo.commit("topic").await?;
    timed("a new branch", api, "\"only the topic\" branch:topic", 1).await?;

    repo.git(&["reset", "--quiet", "--hard", "main"]).await?;
    repo.write("forced.txt", "forced instead\n")?;
    repo.commit("another history").await?;
    timed("a force-push", api, "\"forced instead\" branch:topic", 1).await?;
    timed("what it replaced", api, "\"only the topic\"", 0).await?;

    repo.checkout("main").await?;
    repo.delete_branch("topic").await?;
    timed("a removed branch", api, "\"forced instead\"", 0).await?;
    timed("the branch itself", api, "branch:topic", 0).await
}

async fn changes_of_a_folder(setup: &Setup) -> anyhow::Result<()> {
    let (api, folder) = (setup.api(), &setup.plain);
    fs::write(folder.join("more.txt"), "written beside\n")?;
    timed("a file in a folder", api, "\"written beside\"", 1).await?;
    fs::remove_file(folder.join("more.txt"))?;
    timed("its removal", api, "\"written beside\"", 0).await
}

/// Waits until a query matches that many files, and prints how long it took.
#[allow(clippy::print_stdout)] // the delays are what is measured here
async fn timed(what: &str, api: &Api, query: &str, num_files: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    api.wait_for_count(query, num_files, FRESH_WITHIN).await.with_context(|| what.to_owned())?;
    println!("{what:<20} {:>6} ms", started.elapsed().as_millis());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_during_an_import_it_goes_on_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let repo = GitRepo::init(folder.path().join("project"), "project").await.unwrap();
    for i in 0..NUM_FILES {
        let text = format!("file {i}\n{}", format!("common line {i}\n").repeat(100));
        repo.write(&format!("dir{}/file{i}.txt", i % 50), text).unwrap();
    }
    repo.commit("many").await.unwrap();
    let data = folder.path().join("data");
    let mut server = Standalone::spawn(&data, &[repo.path()], &[]).await.unwrap();
    // While it makes its own parts; while files are read; while they are indexed.
    server.process().wait_for_log("leading", FRESH_WITHIN).await.unwrap();
    server.kill_and_restart().await.unwrap();
    let mut seen = Vec::new();
    for least in [1, NUM_FILES / 3] {
        seen.push(wait_for_files(&mut server, least).await.unwrap());
        server.kill_and_restart().await.unwrap();
    }
    println!("killed with {seen:?} of {NUM_FILES} files searchable");
    server.imported("project").await.unwrap();
    let wanted = repo.documents().await.unwrap();
    let found = server.api().documents().await.unwrap();
    wanted.expect("after kills", &found).unwrap();
    assert_eq!(server.api().count("\"common line\"").await.unwrap(), NUM_FILES);
    server.no_panics().unwrap();
}

/// Waits until at least that many files are searchable.
async fn wait_for_files(server: &mut Standalone, least: u64) -> anyhow::Result<u64> {
    let api = server.api().clone();
    let enough = async || {
        let found = api.count("repo:project").await?;
        ensure!(found >= least, "{found} files");
        Ok(found)
    };
    server.process().wait_for("indexes", FRESH_WITHIN, enough).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_says_what_the_api_says() {
    let setup = Setup::start().await.unwrap();
    exit_statuses(&setup.server).await.unwrap();
    json_and_counts(&setup.server).await.unwrap();
    context(&setup.server).await.unwrap();
    shaped_by_the_query(&setup.server).await.unwrap();
    the_stream(&setup.server).await.unwrap();
    repositories(&setup).await.unwrap();
    setup.server.no_panics().unwrap();
}

async fn exit_statuses(server: &Standalone) -> anyhow::Result<()> {
    for (query, status) in [("needle", 0), ("no_such_text_anywhere", 1), ("(needle", 2)] {
        let done = server.client(&["search", query]).await?;
        ensure!(done.status.code() == Some(status), "{query}: {}", done.status);
    }
    let refused = server.client(&["search", "lnag:rust"]).await?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    for part in ["AX-Q004", "lang", "^^^^"] {
        ensure!(said.contains(part), "{part} is not in {said}");
    }
    let nowhere = ax_e2e::ax::client("http://127.0.0.1:1", &["search", "x"]).await?;
    ensure!(nowhere.status.code() == Some(2), "no server: {}", nowhere.status);
    Ok(())
}

async fn json_and_counts(server: &Standalone) -> anyhow::Result<()> {
    let printed = stdout(&server.client(&["search", "--json", "content:needle"]).await?)?;
    let files: Vec<Value> = printed
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("JSON lines")?;
    ensure!(files.len() == 3, "one object per file: {printed}");
    let fields = [
        "repo",
        "branch",
        "branches",
        "path",
        "language",
        "blob",
        "score",
        "num_matched_lines",
        "num_bytes",
        "committed_at_ms",
        "path_ranges",
        "lines",
    ];
    for (file, field) in files.iter().flat_map(|file| fields.map(|field| (file, field))) {
        ensure!(!file[field].is_null(), "{field} is missing in {file}");
    }
    let main = files.iter().find(|file| file["path"] == "src/main.rs").context("src/main.rs")?;
    ensure!(main["branches"] == serde_json::json!(["main", "next"]), "{main}");
    ensure!(main["lines"][0]["number"] == 2, "{main}");
    ensure!(main["lines"][0]["ranges"] == serde_json::json!([[4, 10]]), "{main}");
    let counted = stdout(&server.client(&["search", "--count", "content:needle"]).await?)?;
    ensure!(counted.trim() == "3 files, 4 lines", "{counted}");
    let explained = stdout(&server.client(&["query", "explain", "content:needle"]).await?)?;
    for part in ["FOUND BY", "nee", "dle", "RAREST", "3 files match", "src/main.rs", "words +"] {
        ensure!(explained.contains(part), "{part} is not in {explained}");
    }
    Ok(())
}

async fn context(server: &Standalone) -> anyhow::Result<()> {
    let args = ["search", "--context", "1", "\"four needle\"", "repo:project"];
    let printed = stdout(&server.client(&args).await?)?;
    let wanted = "project:docs/read me.md-4-three\nproject:docs/read me.md:5:four needle\n";
    ensure!(printed == wanted, "{printed}");
    Ok(())
}

async fn shaped_by_the_query(server: &Standalone) -> anyhow::Result<()> {
    for (query, wanted) in [
        (
            "content:needle sort:path count:2 type:file",
            "plain:notes.txt\nproject:docs/read me.md\n",
        ),
        ("content:needle select:repo", "project: 2 files, 3 lines\nplain: 1 files, 1 lines\n"),
        ("type:symbol main size:<1k", "project:src/main.rs:1:fn main() {\n"),
        ("plain context:0 sort:size", "plain:notes.txt:1:a plain needle\n"),
    ] {
        let printed = stdout(&server.client(&["search", query]).await?)?;
        ensure!(printed == wanted, "{query}: {printed}");
    }
    let refused = server.client(&["search", "needle author:me"]).await?;
    let told = String::from_utf8_lossy(&refused.stderr);
    ensure!(refused.status.code() == Some(2) && told.contains("AX-Q008"), "{told}");
    ensure!(told.contains("\n         ^^^^^^"), "the place is not shown: {told}");
    Ok(())
}

/// What is said of a repository is asked for by queries, and changes without anything indexed anew.
async fn facts(setup: &Setup) -> anyhow::Result<()> {
    let (server, api) = (&setup.server, setup.api());
    ensure!(api.count("content:needle archived:only").await? == 0);
    let source = setup.plain.display().to_string();
    let add = ["repos", "add", &source, "--archived", "--public=no", "--rank", "42", "--wait"];
    stdout(&server.client(&add).await?)?;
    timed("an archived folder", api, "content:needle archived:only", 1).await?;
    timed("the others", api, "content:needle archived:no", 2).await?;
    ensure!(api.count("content:needle archived:yes").await? == 3);
    eventually(FRESH_WITHIN, "its home shard knows it, too", async || {
        let shown = stdout(&server.client(&["repos", "show", "plain"]).await?)?;
        ensure!(shown.contains("archived, rank 42"), "{shown}");
        Ok(())
    })
    .await?;
    setup.repo.git(&["config", "zoekt.public", "true"]).await?;
    setup.repo.commit("so that it is looked at").await?;
    timed("a public repository", api, "content:needle public:yes", 2).await?;
    stdout(&server.client(&["repos", "add", &source, "--archived=no"]).await?)?;
    timed("taken back", api, "content:needle archived:only", 0).await?;
    let rank = api.repo("plain").await?["rank"].clone();
    ensure!(rank == 42, "what was not said again stays: {rank}");
    Ok(())
}

async fn the_stream(server: &Standalone) -> anyhow::Result<()> {
    let url = format!("{}/api/v1/search/stream?q=needle&all", server.api().base());
    let answer = reqwest::get(&url).await?;
    let kind = answer.headers().get("content-type").context("a type")?.to_str()?.to_owned();
    ensure!(kind.starts_with("text/event-stream"), "{kind}");
    let text = answer.text().await?;
    let events: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    ensure!(events == ["file", "file", "file", "summary"], "{text}");
    let refused = reqwest::get(url.replace("needle", "(")).await?.text().await?;
    ensure!(refused.contains("event: error") && refused.contains("AX-Q001"), "{refused}");
    Ok(())
}

async fn repositories(setup: &Setup) -> anyhow::Result<()> {
    let (server, api) = (&setup.server, setup.api());
    let listed = stdout(&server.client(&["repos"]).await?)?;
    ensure!(listed.contains("project") && listed.contains("plain"), "{listed}");
    let shown = stdout(&server.client(&["repos", "show", "project"]).await?)?;
    let skipped = shown.lines().find(|line| line.contains("logo.png")).context("logo.png")?;
    ensure!(skipped.contains("binary"), "{shown}");
    let status = stdout(&server.client(&["status", "--json"]).await?)?;
    serde_json::from_str::<Value>(&status).context("status is JSON")?;

    facts(setup).await?;

    let missing = server.client(&["repos", "show", "nothing"]).await?;
    ensure!(missing.status.code() == Some(2), "{}", missing.status);
    ensure!(String::from_utf8_lossy(&missing.stderr).contains("AX-A002"), "{missing:?}");

    stdout(&server.client(&["repos", "remove", "plain"]).await?)?;
    timed("a removed repository", api, "repo:plain", 0).await?;
    eventually(FRESH_WITHIN, "it is not listed any more", async || {
        let listed = stdout(&server.client(&["repos", "--json"]).await?)?;
        ensure!(!listed.contains("\"plain\""), "{listed}");
        Ok(())
    })
    .await?;
    added_again(server, &setup.plain).await
}

async fn added_again(server: &Standalone, folder: &Path) -> anyhow::Result<()> {
    let source = folder.to_str().context("a path in UTF-8")?;
    stdout(&server.client(&["repos", "add", source, "--name", "again", "--wait"]).await?)?;
    // `--wait` came back: no further waiting.
    let found = server.api().count("\"a plain needle\" repo:again").await?;
    ensure!(found == 1, "{found} files after --wait");
    Ok(())
}

/// What a command printed; an error when it failed.
fn stdout(done: &Output) -> anyhow::Result<String> {
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout.clone())?)
}
