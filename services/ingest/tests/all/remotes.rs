//! Remotes over ssh and HTTPS, on real servers: followed in all that they do, refused, silent, away.

use crate::support::{Repo, World, stalling};
use ax_harness::{GitHttps, Sshd};
use ax_ingest::{IngestError, Outcome};
use ax_model::Code;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{path::Path, time::Duration};

fn some_files() -> Repo {
    let repo = Repo::new();
    repo.write("a", "1").write("d/b", "2").commit("one");
    repo
}

/// Everything that a remote's branches do, each seen by the next fetch.
async fn follow(world: &World, repo: &Repo) {
    world.check(repo).await;
    assert_eq!(world.sync().await.outcome, Outcome::UpToDate);
    repo.write("a", "changed").write("new", "n").commit("a push");
    assert_eq!(world.check(repo).await.files_emitted, 2);
    repo.git(&["checkout", "-q", "-b", "feature/ü"]);
    repo.write("only", "here").commit("a branch");
    world.check(repo).await;
    repo.git(&["commit", "-q", "--amend", "--allow-empty", "-m", "another history"]);
    repo.write("only", "forced").commit("a force-push");
    world.check(repo).await;
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "feature/ü"]);
    world.check(repo).await;
    repo.git(&["gc", "-q", "--prune=now"]);
    repo.write("last", "l").commit("after a repack there");
    world.check(repo).await;
}

fn with_account(url: &str, account: &str) -> String {
    url.replacen("://", &format!("://{account}@"), 1)
}

fn escaped_password() -> String {
    utf8_percent_encode(GitHttps::PASSWORD, NON_ALPHANUMERIC).to_string()
}

async fn error(world: &World) -> IngestError {
    let error = world.try_sync().await.unwrap_err();
    let shown = format!("{error} {error:?} {:?}", error.fault());
    for secret in [GitHttps::PASSWORD, &escaped_password(), "wr0ng"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(error.is_retryable(), "{shown}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ssh() {
    let repo = some_files();
    let mut sshd = Sshd::start().await.unwrap();
    let mut world = World::of(&sshd.url(sshd.port(), repo.path()).unwrap());
    world.config.access.ssh_command = sshd.command();
    follow(&world, &repo).await;

    world.config.access.ssh_command = sshd.command_of_a_stranger().unwrap();
    let refused = error(&world).await;
    assert_eq!(refused.code(), Code::RepositoryRefused, "{refused}");
    assert!(refused.to_string().contains("Permission denied"), "{refused}");

    world.config.access.ssh_command = sshd.command().replace("known_hosts", "none");
    let unknown = error(&world).await;
    assert_eq!(unknown.code(), Code::RepositoryUnreachable);
    assert!(unknown.to_string().contains("Host key verification failed"), "{unknown}");

    world.config.access.ssh_command = "/does/not/exist".to_owned();
    assert_eq!(error(&world).await.code(), Code::RepositoryUnreachable);

    world.config.access.ssh_command = sshd.command();
    sshd.process().kill9().unwrap();
    assert_eq!(error(&world).await.code(), Code::RepositoryUnreachable);
    sshd.restart().await.unwrap();
    repo.write("back", "b").commit("the server is back");
    world.check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https() {
    let repo = some_files();
    let server = GitHttps::start(repo.path()).await.unwrap();
    let mut world = World::of(&server.open_url(".git"));
    let untrusted = error(&world).await;
    assert_eq!(untrusted.code(), Code::RepositoryUnreachable);
    assert!(untrusted.to_string().to_lowercase().contains("certificate"), "{untrusted}");
    world.config.access.ca_file = Some("/does/not/exist.pem".into());
    let no_ca = error(&world).await;
    assert!(no_ca.to_string().contains("/does/not/exist.pem"), "{no_ca}");
    world.config.access.ca_file = Some(server.ca_file());
    follow(&world, &repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_with_a_password() {
    let repo = some_files();
    let server = GitHttps::start(repo.path()).await.unwrap();
    let url = server.private_url(".git");
    let account = format!("{}:{}", GitHttps::USER, escaped_password());
    let mut world = World::of(&with_account(&url, &account));
    world.config.access.ca_file = Some(server.ca_file());
    follow(&world, &repo).await;
    assert_eq!(world.fold().info(&world.name()).unwrap().source, url, "without the password");

    let file = world.dir.path().join("credentials");
    world.config.access.credentials_file = Some(file.clone());
    world.registration.source = url.clone();
    for (line, is_let_in) in [
        (format!("https://reader:wr0ng@127.0.0.1:{}\n", server.port()), false),
        (format!("https://{account}@127.0.0.1:{}\n", server.port()), true),
        (format!("https://{account}@127.0.0.1:{}/private/.git\n", server.port()), true),
        (format!("https://{account}@127.0.0.1:{}/git\n", server.port()), false),
    ] {
        std::fs::write(&file, line).unwrap();
        match is_let_in {
            true => {
                repo.commit("another");
                world.check(&repo).await;
            }
            false => {
                let refused = error(&world).await;
                assert_eq!(refused.code(), Code::RepositoryRefused, "{refused}");
            }
        }
    }
    for account in ["reader:wr0ng", "wr0ng", ":wr0ng"] {
        world.registration.source = with_account(&url, account);
        let refused = error(&world).await;
        assert_eq!(refused.code(), Code::RepositoryRefused, "{refused}");
    }
    std::fs::remove_file(&file).unwrap();
    world.registration.source = url;
    let no_file = error(&world).await;
    assert!(no_file.to_string().contains("credentials"), "{no_file}");
    assert!(!keeps(&world.config.data_dir, GitHttps::PASSWORD));
    assert!(!keeps(&world.config.data_dir, &escaped_password()));
}

/// Whether any file below `dir` holds `text`.
fn keeps(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => keeps(&path, text),
            false => std::fs::read(&path)
                .unwrap()
                .windows(text.len())
                .any(|window| window == text.as_bytes()),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_in_the_middle_of_a_pack() {
    let repo = some_files();
    // Of random bytes, since the pack must be long.
    let noise: Vec<u8> = (0..100_000_u64).flat_map(|n| blake3_of(n).into_iter()).collect();
    repo.write("noise", noise).commit("large");
    let (ssh, https) = tokio::try_join!(Sshd::start(), GitHttps::start(repo.path())).unwrap();
    for num_bytes in [0, 1_000_000] {
        let relays =
            [stalling(ssh.port(), num_bytes).await, stalling(https.port(), num_bytes).await];
        let sources = [
            ssh.url(relays[0], repo.path()).unwrap(),
            https.open_url(".git").replace(&https.port().to_string(), &relays[1].to_string()),
        ];
        for source in sources {
            let mut world = World::of(&source);
            world.config.access.ssh_command = ssh.command();
            world.config.access.ca_file = Some(https.ca_file());
            world.config.access.silence = Duration::from_secs(2);
            let stalled = error(&world).await;
            assert_eq!(stalled.code(), Code::RepositoryUnreachable, "{stalled}");
            // And what was received in vain is not kept.
            assert!(!keeps(&world.config.data_dir, "PACK"), "{source}");
        }
    }
}

fn blake3_of(n: u64) -> [u8; 32] {
    *blake3::hash(&n.to_le_bytes()).as_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_fetches_by_one_worker() {
    let repo = some_files();
    let world = World::of(&format!("file://{}", repo.path().display()));
    let mut worker = ax_ingest::Worker::new(world.registration.clone()).unwrap();
    let control = ax_ingest::Control::alone(&world.name(), &world.config);
    for n in 0..100 {
        repo.write("a", format!("{n}")).write(&format!("d/{n}"), "new").commit("a push");
        worker.step(&world.deps, &world.config, &control).await.unwrap();
    }
    world.compare(&repo);
}
