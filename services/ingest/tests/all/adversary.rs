//! Repositories made to be strange: every file is emitted or has a reason, and nothing panics or hangs.

use crate::support::{Repo, World, git_in};
use ax_ingest::Outcome;
use ax_model::{Code, SkipReason};
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// Longest that any of these may take, on a machine that compiles beside it.
const END_WITHIN: Duration = Duration::from_secs(300);

/// Runs git with `input`, and returns what it prints.
fn git_with(repo: &Path, args: &[&str], input: &[u8]) -> String {
    let mut git = Command::new("git");
    git.args(args).current_dir(repo).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = git.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn blob(repo: &Repo, bytes: &[u8]) -> String {
    git_with(repo.path(), &["hash-object", "-w", "--stdin"], bytes)
}

/// A tree as the bytes say, whatever git thinks of it.
fn raw_tree(repo: &Repo, entries: &[(&str, &[u8], &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend(hex::decode(id).unwrap());
    }
    git_with(repo.path(), &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &bytes)
}

fn commit_tree(repo: &Repo, branch: &str, tree: &str) -> String {
    let commit = repo.git(&["commit-tree", "-m", "by hand", tree]);
    repo.git(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
    commit
}

async fn sync(world: &World) -> Outcome {
    tokio::time::timeout(END_WITHIN, world.sync()).await.expect("it ends").outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_kind() {
    let repo = Repo::new();
    let id = blob(&repo, b"text\n");
    let long = "x".repeat(3000);
    let names: Vec<Vec<u8>> = [
        &b"plain"[..],
        b"new\nline",
        b"tab\tand\x01\x7f",
        b"bad-\xff\xfe",
        b"bad-\xef\xbf\xbdff",
        b" ",
        b"-dash",
        b"C:\\windows\\path",
        b".git-not",
        b"..",
        b".",
        b".git",
        b"\xe2\x80\xaertl",
        b"e\xcc\x81",
        b"\xc3\xa9",
        b"con",
        b"UPPER",
        b"upper",
        long.as_bytes(),
    ]
    .iter()
    .map(|name| name.to_vec())
    .collect();
    let mut sorted = names.clone();
    sorted.sort();
    let entries: Vec<(&str, &[u8], &str)> =
        sorted.iter().map(|name| ("100644", name.as_slice(), id.as_str())).collect();
    let inner = raw_tree(&repo, &entries);
    let outer = raw_tree(&repo, &[("40000", long.as_bytes(), &inner), ("40000", b"z", &inner)]);
    commit_tree(&repo, "main", &outer);
    let world = World::new(repo.path());
    sync(&world).await;
    let fold = world.fold();
    let versions = fold.versions(&world.name());
    assert_eq!(versions.len(), 2 * names.len(), "one key per name, however long: {versions:?}");
    assert!(versions.values().flatten().all(|version| fold.text(version).unwrap() == "text\n"));
    fold.check_totals(&world.name());
    assert_eq!(sync(&world).await, Outcome::UpToDate);
    commit_tree(&repo, "main", &raw_tree(&repo, &[]));
    sync(&world).await;
    assert!(world.fold().versions(&world.name()).is_empty(), "each is found again to be deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_made_by_hand() {
    let repo = Repo::new();
    let (one, two) = (blob(&repo, b"one\n"), blob(&repo, b"two\n"));
    let dir = raw_tree(&repo, &[("100644", b"x", &two)]);
    let tree = raw_tree(
        &repo,
        &[
            ("100644", b"a", &one),
            ("100644", b"a", &two),     // of one name twice, the last counts
            ("100664", b"group", &one), // a mode of long ago
            ("100777", b"wild", &one),
            ("100644", b"mixed", &one),
            ("40000", b"mixed", &dir), // a file and a directory
            ("40000", b"unsorted", &dir),
            ("100644", b"b", &one),
            ("120000", b"link", &one),
            ("160000", b"module", &one),
            ("40000", b"empty", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
            ("100644", b"not-there", "00000000000000000000000000000000000000aa"),
            ("100644", b"a-tree", &dir),
        ],
    );
    git_with(repo.path(), &["hash-object", "-t", "tree", "-w", "--stdin"], b"");
    commit_tree(&repo, "main", &tree);
    let world = World::new(repo.path());
    sync(&world).await;
    let fold = world.fold();
    let found: Vec<(String, String)> = fold
        .versions(&world.name())
        .into_iter()
        .map(|(path, versions)| {
            let text = fold.text(&versions[0]);
            let text = text.map(|text| String::from_utf8(text.to_vec()).unwrap());
            (path, text.unwrap_or_else(|reason| reason.as_str().to_owned()))
        })
        .collect();
    let expected = [
        ("a", "two\n"),
        ("a-tree", SkipReason::Unreadable.as_str()),
        ("b", "one\n"),
        ("group", "one\n"),
        ("link", SkipReason::Symlink.as_str()),
        ("mixed", "one\n"),
        ("mixed/x", "two\n"),
        ("module", SkipReason::Submodule.as_str()),
        ("not-there", SkipReason::Unreadable.as_str()),
        ("unsorted/x", "two\n"),
        ("wild", "one\n"),
    ];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(found, expected);
    fold.check_totals(&world.name());
    assert_eq!(sync(&world).await, Outcome::UpToDate);
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_that_are_none() {
    let repo = Repo::new();
    let one = blob(&repo, b"one\n");
    repo.write("good", "g").commit("good");
    let world = World::new(repo.path());
    world.check(&repo).await;
    let before = world.fold().shown(&world.name());
    let trees = [
        raw_tree(&repo, &[("100644", b"", &one)]),
        raw_tree(&repo, &[("100644", b"a/b", &one)]),
        raw_tree(&repo, &[("40000", b"d", &one)]), // a directory that is a file
        git_with(
            repo.path(),
            &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
            b"100644 cut off",
        ),
    ];
    for tree in trees {
        commit_tree(&repo, "main", &tree);
        let error = tokio::time::timeout(END_WITHIN, world.try_sync()).await.expect("it ends");
        assert_eq!(error.unwrap_err().code(), Code::RepositoryCorrupt);
        assert_eq!(world.fold().shown(&world.name()), before, "the last good state stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_of_every_kind() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    let head = repo.git(&["rev-parse", "HEAD"]);
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    for n in 0..1000 {
        std::fs::write(repo.path().join(format!(".git/refs/heads/many-{n}")), &head).unwrap();
    }
    repo.git(&["pack-refs", "--all"]);
    repo.git(&["tag", "-a", "of-a-tree", "-m", "t", &tree]);
    repo.git(&["tag", "-a", "of-a-commit", "-m", "t", &head]);
    let tag = repo.git(&["rev-parse", "of-a-commit"]);
    let refs = repo.path().join(".git/refs/heads");
    std::fs::write(refs.join("shows-a-tree"), &tree).unwrap();
    std::fs::write(refs.join("shows-a-tag"), &tag).unwrap();
    std::fs::write(refs.join("dangling"), "ref: refs/heads/nowhere\n").unwrap();
    std::fs::write(refs.join("by-name"), "ref: refs/heads/main\n").unwrap();
    repo.git(&["branch", "feature/deep/er/ünïcode-分支"]);
    let mut world = World::new(repo.path());
    world.registration.branches =
        ["main", "by-name", "feature/**", "shows-*", "dangling"].map(str::to_owned).to_vec();
    sync(&world).await;
    let fold = world.fold();
    let info = fold.info(&world.name()).unwrap();
    let names: Vec<&str> = info.branches.iter().map(|branch| branch.name.as_str()).collect();
    assert_eq!(names, ["main", "by-name", "feature/deep/er/ünïcode-分支"]);
    assert_eq!(info.branches_left_out.len(), 1002);
    for left_out in ["many-999", "shows-a-tag", "shows-a-tree"] {
        assert!(info.branches_left_out.iter().any(|name| name == left_out), "{left_out}");
    }
    assert_eq!(sync(&world).await, Outcome::UpToDate);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_no_parser_takes() {
    let repo = Repo::new();
    let one = blob(&repo, b"one\n");
    let tree = raw_tree(&repo, &[("100644", b"a", &one)]);
    let commits = [
        format!("tree {tree}\nauthor nobody\ncommitter nobody\n\nno times\n"),
        format!(
            "tree {tree}\nauthor a <a@b> 99999999999999999999 +9999\ncommitter a <a@b> -1 x\n\nm"
        ),
        format!("tree {tree}\n\n"),
        format!(
            "tree {tree}\nauthor a <a> 1 +0000\ncommitter \u{fffd} <<>> 1 +0000\nx-own h\n\nm\n"
        ),
    ];
    for commit in commits {
        let args = ["hash-object", "-t", "commit", "-w", "--literally", "--stdin"];
        let id = git_with(repo.path(), &args, commit.as_bytes());
        std::fs::write(repo.path().join(".git/refs/heads/main"), &id).unwrap();
        let world = World::new(repo.path());
        sync(&world).await;
        assert_eq!(world.fold().only(&world.name(), "a").1.unwrap(), "one\n", "{commit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_of_every_kind() {
    let repo = Repo::new();
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    };
    let one_line = "word ".repeat(400_000);
    let expected: [(&str, Vec<u8>, Result<&str, SkipReason>); 14] = [
        ("empty", vec![], Ok("")),
        ("no-newline", b"x".to_vec(), Ok("x")),
        ("cr-only", b"a\rb\r".to_vec(), Ok("a\rb\r")),
        ("latin1", b"caf\xe9 na\xefve\n".to_vec(), Ok("café naïve\n")),
        ("utf16le", utf16("\u{feff}wörter\n", u16::to_le_bytes), Ok("wörter\n")),
        ("utf16be", utf16("\u{feff}wörter\n", u16::to_be_bytes), Ok("wörter\n")),
        ("only-bom", b"\xef\xbb\xbf".to_vec(), Ok("")),
        ("nul", b"a\0b".to_vec(), Err(SkipReason::Binary)),
        ("elf", b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), Err(SkipReason::Binary)),
        ("one-line", one_line.clone().into_bytes(), Ok(&one_line)),
        (
            "lfs",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5\n".to_vec(),
            Err(SkipReason::LfsPointer),
        ),
        (".gitattributes", b"* -text linguist-vendored\n[attr]x y\n!\n\xff\n".to_vec(), Ok("")),
        ("sub/.gitattributes", vec![b'#'; 2 << 20], Ok("")),
        ("emoji 🦀", "🦀\n".as_bytes().to_vec(), Ok("🦀\n")),
    ];
    for (path, bytes, _) in &expected {
        repo.write(path, bytes);
    }
    std::fs::File::create(repo.path().join("huge")).unwrap().set_len(100 << 20).unwrap();
    repo.commit("contents");
    let world = World::new(repo.path());
    let report = tokio::time::timeout(END_WITHIN, world.check(&repo)).await.expect("it ends");
    assert_eq!(report.files_emitted, expected.len() as u64 + 1);
    let fold = world.fold();
    assert_eq!(fold.only(&world.name(), "huge").1, Err(SkipReason::TooLarge));
    assert_eq!(fold.only(&world.name(), "huge").0.num_bytes, 100 << 20);
    for (path, _, text) in expected.into_iter().filter(|(path, ..)| !path.ends_with("attributes")) {
        let found = fold.only(&world.name(), path).1;
        assert_eq!(found, text.map(|text| text.to_owned().into()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_very_deep_directory() {
    let repo = Repo::new();
    let mut id = raw_tree(&repo, &[("100644", b"f", &blob(&repo, b"deep\n"))]);
    for _ in 0..2500 {
        id = raw_tree(&repo, &[("40000", b"d", &id)]);
    }
    commit_tree(&repo, "main", &id);
    let world = World::new(repo.path());
    sync(&world).await;
    let fold = world.fold();
    let versions = fold.versions(&world.name());
    assert_eq!(versions.len(), 1);
    assert!(versions.values().flatten().all(|version| fold.text(version).unwrap() == "deep\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_of_every_kind() {
    let repo = Repo::new();
    repo.write("a", "1").commit("one");
    repo.write("a", "2").write("b", "3").commit("two");
    let dir = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repo.path().display());
    git_in(dir.path(), &["clone", "-q", "--depth", "1", &from, "shallow"]);
    World::new(&dir.path().join("shallow")).check(&repo).await;
    git_in(dir.path(), &["clone", "-q", "--mirror", &from, "mirror.git"]);
    World::new(&dir.path().join("mirror.git")).check(&repo).await;
    git_in(dir.path(), &["clone", "-q", "--separate-git-dir", "apart.git", &from, "with-a-file"]);
    World::new(&dir.path().join("with-a-file")).check(&repo).await;
    repo.git(&["worktree", "add", "-q", "--detach", dir.path().join("tree").to_str().unwrap()]);
    World::new(&dir.path().join("tree")).check(&repo).await;
    repo.git(&["repack", "-q", "-a", "-d", "--write-bitmap-index"]);
    repo.git(&["commit-graph", "write", "--reachable"]);
    repo.git(&["multi-pack-index", "write"]);
    World::new(repo.path()).check(&repo).await;
    repo.git(&["config", "extensions.unknownOne", "true"]);
    repo.git(&["config", "core.repositoryFormatVersion", "1"]);
    let world = World::new(repo.path());
    let opened = tokio::time::timeout(END_WITHIN, world.try_sync()).await.expect("it ends");
    if let Err(error) = opened {
        assert_eq!(error.code(), Code::RepositoryCorrupt, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_packs_than_a_few() {
    let repo = Repo::new();
    for n in 0..60 {
        repo.write("a", format!("{n}")).commit("one more");
        repo.git(&["repack", "-q", "-d"]);
    }
    let world = World::new(repo.path());
    world.check(&repo).await;
    for n in 0..40 {
        repo.write("b", format!("{n}")).commit("one more");
        repo.git(&["repack", "-q", "-d"]);
    }
    world.check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_named_by_sha_256() {
    let repo = Repo::of_sha256();
    repo.write("a", "1").write("d/b", "2").write("d/c.bin", b"\0").commit("one");
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.git(&["gc", "-q"]);
    repo.git(&["checkout", "-q", "-b", "x"]);
    repo.write("a", "changed").commit("two");
    world.check(&repo).await;
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "x"]);
    world.check(&repo).await;
    assert_eq!(sync(&world).await, Outcome::UpToDate);
    // Mirrors are made before it is known what the remote has: such a remote is refused, and says so.
    let remote = World::of(&format!("file://{}", repo.path().display()));
    let error = tokio::time::timeout(END_WITHIN, remote.try_sync()).await.expect("it ends");
    assert_eq!(error.unwrap_err().code(), Code::RepositoryUnreachable);
}
