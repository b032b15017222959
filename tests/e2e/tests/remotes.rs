//! Remotes as a person registers them: `ax serve` clones over ssh and HTTPS, follows pushes by polling
//! and at once by a signed webhook, and says of one that does not let it in why, without its password.

use anyhow::ensure;
use ax_e2e::{Api, GitRepo, standalone::Standalone};
use ax_harness::{GitHttps, Sshd, eventually, free_port};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;

/// Within which a push must be searchable; polling looks every second.
const FRESH_WITHIN: Duration = Duration::from_secs(30);
const SECRET: &str = "a secret of webhooks";

struct Setup {
    folder: TempDir,
    repo: GitRepo,
    ssh: Sshd,
    https: GitHttps,
    server: Standalone,
    pushes: String,
}

impl Setup {
    async fn start(poll_seconds: u32) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let repo = GitRepo::init(folder.path().join("project"), "project").await?;
        repo.write("src/main.rs", "fn main() { needle(); }\n")?;
        repo.commit("first").await?;
        let (ssh, https) = tokio::try_join!(Sshd::start(), GitHttps::start(repo.path()))?;
        let credentials = folder.path().join("credentials");
        fs::write(&credentials, format!("https://{}@127.0.0.1:{}\n", account(), https.port()))?;
        let pushes = format!("127.0.0.1:{}", free_port()?);
        let variables = [
            ("AX_INGEST__SSH_COMMAND", ssh.command()),
            ("AX_INGEST__CA_FILE", https.ca_file().display().to_string()),
            ("AX_INGEST__CREDENTIALS_FILE", credentials.display().to_string()),
            ("AX_INGEST__POLL_REMOTE_SECONDS", poll_seconds.to_string()),
            ("AX_INGEST__WEBHOOK_SECRET", SECRET.to_owned()),
            ("AX_INGEST__LISTEN", pushes.clone()),
            ("AX_TELEMETRY__LOG_FILTER", "debug".to_owned()),
        ];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut server = Standalone::spawn(&folder.path().join("data"), &[], &variables).await?;
        server.ready().await?;
        Ok(Self { folder, repo, ssh, https, server, pushes })
    }

    fn api(&self) -> &Api {
        self.server.api()
    }

    /// The same repository, over each way in: by key, openly, by the file's password, by the URL's.
    fn sources(&self) -> anyhow::Result<[(&'static str, String); 4]> {
        let private = self.https.private_url(".git");
        let with_password = private.replacen("://", &format!("://{}@", account()), 1);
        Ok([
            ("by-key", self.ssh.url(self.ssh.port(), self.repo.path())?),
            ("open", self.https.open_url(".git")),
            ("by-file", private),
            ("by-url", with_password),
        ])
    }

    async fn push(&self, body: &str, signature: &str) -> anyhow::Result<u16> {
        let request =
            reqwest::Client::new().post(format!("http://{}/webhooks/github", self.pushes));
        let request = request.header("X-Hub-Signature-256", signature).body(body.to_owned());
        Ok(request.send().await?.status().as_u16())
    }
}

fn account() -> String {
    format!("{}:{}", GitHttps::USER, utf8_percent_encode(GitHttps::PASSWORD, NON_ALPHANUMERIC))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remotes_are_cloned_and_polled() {
    let mut setup = Setup::start(1).await.unwrap();
    polled(&mut setup).await.unwrap();
    refused(&setup).await.unwrap();
    nothing_told(&setup).await.unwrap();
    setup.server.no_panics().unwrap();
}

async fn polled(setup: &mut Setup) -> anyhow::Result<()> {
    for (name, source) in setup.sources()? {
        setup.api().register(&source, name).await?;
        setup.server.imported(name).await?;
    }
    let (api, repo) = (setup.api(), &setup.repo);
    api.wait_for_count("content:needle", 4, FRESH_WITHIN).await?;
    repo.write("src/new.rs", "fn pushed() {}\n")?;
    repo.commit("a push").await?;
    api.wait_for_count("content:pushed", 4, FRESH_WITHIN).await?;
    repo.branch("topic").await?;
    repo.write("topic.txt", "before the force\n")?;
    repo.commit("topic").await?;
    api.wait_for_count("\"before the force\" branch:topic", 4, FRESH_WITHIN).await?;
    repo.git(&["reset", "--quiet", "--hard", "main"]).await?;
    repo.write("topic.txt", "with force\n")?;
    repo.commit("another history").await?;
    api.wait_for_count("\"with force\" branch:topic", 4, FRESH_WITHIN).await?;
    api.wait_for_count("\"before the force\"", 0, FRESH_WITHIN).await?;
    repo.checkout("main").await?;
    repo.delete_branch("topic").await?;
    api.wait_for_count("branch:topic", 0, FRESH_WITHIN).await
}

async fn refused(setup: &Setup) -> anyhow::Result<()> {
    let private = setup.https.private_url(".git");
    let wrong = private.replacen("://", "://reader:wr0ng-secret@", 1);
    let closed = free_port()?;
    for (name, source, code) in [
        ("wrong", wrong.as_str(), "AX-R006"),
        ("away", &format!("https://u:wr0ng-secret@127.0.0.1:{closed}/x.git"), "AX-R003"),
        ("away-too", &format!("ssh://git@127.0.0.1:{closed}/x.git"), "AX-R003"),
    ] {
        setup.api().register(source, name).await?;
        eventually(FRESH_WITHIN, &format!("{name} is refused"), async || {
            let repo = setup.api().repo(name).await?;
            let failure = repo["progress"]["failure"].as_str().unwrap_or_default();
            ensure!(failure.starts_with(code), "{repo}");
            Ok(())
        })
        .await?;
    }
    // The rest goes on.
    setup.repo.write("src/more.rs", "fn meanwhile() {}\n")?;
    setup.repo.commit("meanwhile").await?;
    setup.api().wait_for_count("content:meanwhile", 4, FRESH_WITHIN).await
}

/// No password in what is shown and logged.
async fn nothing_told(setup: &Setup) -> anyhow::Result<()> {
    let mut shown = setup.server.log()?;
    for path in ["/api/v1/repos", "/api/v1/status", "/metrics", "/"] {
        shown += &setup.api().get_text(path, &[]).await?.1;
    }
    for args in [&["repos"][..], &["repos", "show", "by-url"], &["status"], &["status", "--json"]] {
        let done = setup.server.client(args).await?;
        // `ax status` ends with 1 while something fails, which it does here.
        ensure!(done.status.code() != Some(2), "{args:?}: {done:?}");
        shown += &String::from_utf8_lossy(&done.stdout);
        shown += &String::from_utf8_lossy(&done.stderr);
    }
    // A registration of the same name that stands for another source is refused, with the old source.
    let other = setup
        .api()
        .register("/elsewhere", "by-url")
        .await
        .expect_err("the name stands for another source");
    shown += &format!("{other:#}");
    ensure!(shown.contains("127.0.0.1") && shown.contains("by-url"), "{shown}");
    let escaped = utf8_percent_encode(GitHttps::PASSWORD, NON_ALPHANUMERIC).to_string();
    for secret in [GitHttps::PASSWORD, &escaped, "wr0ng-secret", SECRET] {
        let at = shown.find(secret);
        let around = at.map(|at| &shown[at.saturating_sub(200)..at]);
        ensure!(around.is_none(), "{secret} stands after {around:?}");
    }
    let mirrors = setup.folder.path().join("data/ingest/mirrors");
    ensure!(!holds(&mirrors, GitHttps::PASSWORD)? && !holds(&mirrors, &escaped)?, "in a mirror");
    Ok(())
}

/// Whether a file below `folder` holds `text`.
fn holds(folder: &Path, text: &str) -> anyhow::Result<bool> {
    for file in walkdir::WalkDir::new(folder) {
        let file = file?;
        if file.file_type().is_file() {
            let bytes = fs::read(file.path())?;
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_push_is_fetched_at_once() {
    let mut setup = Setup::start(86_400).await.unwrap();
    pushed(&mut setup).await.unwrap();
    setup.server.no_panics().unwrap();
}

async fn pushed(setup: &mut Setup) -> anyhow::Result<()> {
    let (ssh, private) =
        (setup.ssh.url(setup.ssh.port(), setup.repo.path())?, setup.https.private_url(".git"));
    for (name, source) in [("by-key", &ssh), ("by-file", &private)] {
        setup.api().register(source, name).await?;
        setup.server.imported(name).await?;
    }
    setup.repo.write("src/new.rs", "fn pushed() {}\n")?;
    setup.repo.commit("a push").await?;
    for (num_files, url) in [(1, &ssh), (2, &private)] {
        let body =
            serde_json::json!({ "repository": { "ssh_url": url, "clone_url": url } }).to_string();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes())?;
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        ensure!(setup.push(&body, "sha256=00").await? == 401, "an unsigned push is refused");
        ensure!(setup.push(&body, &signature).await? == 202, "a signed one is taken");
        setup.api().wait_for_count("content:pushed", num_files, FRESH_WITHIN).await?;
    }
    Ok(())
}
