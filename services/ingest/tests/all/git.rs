//! Git repositories of every shape: the fold of what is emitted is what `git` itself says.

use crate::support::{Repo, World, git_in};
use ax_ingest::{IngestConfig, Outcome};
use ax_model::{Code, SkipReason};

fn some_files() -> Repo {
    let repo = Repo::new();
    repo.write("README", "hello\n").write("src/main.rs", "fn main() {}\n");
    repo.write("src/deep/er/x", "").write("crlf.txt", "a\r\nb").commit("one");
    repo
}

#[tokio::test(flavor = "multi_thread")]
async fn first_import_then_nothing() {
    let repo = some_files();
    let world = World::new(repo.path());
    let report = world.check(&repo).await;
    assert_eq!((report.outcome, report.files_emitted), (Outcome::Emitted, 4));
    assert!(!report.token.positions.is_empty());
    assert_eq!(world.fold().info(&world.name()).unwrap().default_branch, "main");
    let before = world.log.records().len();
    assert_eq!(world.sync().await.outcome, Outcome::UpToDate);
    assert_eq!(world.log.records().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_deletions_and_renames() {
    let repo = some_files();
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.write("README", "hello again\n").commit("change");
    assert_eq!(world.check(&repo).await.files_emitted, 1);
    repo.git(&["rm", "-q", "crlf.txt"]);
    repo.commit("delete");
    assert_eq!(world.check(&repo).await.files_emitted, 1);
    repo.git(&["mv", "src/main.rs", "src/lib.rs"]);
    repo.commit("rename");
    assert_eq!(world.check(&repo).await.files_emitted, 2);
    repo.git(&["rm", "-q", "README"]);
    repo.write("README/now/a/directory", "x").commit("a file becomes a directory");
    world.check(&repo).await;
    repo.commit("empty commit");
    assert_eq!(world.check(&repo).await.files_emitted, 0, "only the facts");
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_come_move_and_go() {
    let repo = some_files();
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.git(&["checkout", "-q", "-b", "feature/x"]);
    assert_eq!(world.check(&repo).await.files_emitted, 0, "a copy of main");
    repo.write("README", "of the feature\n").write("new", "n").commit("feature");
    assert_eq!(world.check(&repo).await.files_emitted, 2);
    repo.git(&["checkout", "-q", "main"]);
    repo.write("README", "of main\n").commit("main moves");
    world.check(&repo).await;
    repo.git(&["branch", "-q", "-D", "feature/x"]);
    assert_eq!(world.check(&repo).await.files_emitted, 2, "what it alone showed");
    repo.git(&["branch", "-q", "-m", "main", "trunk"]);
    assert_eq!(world.check(&repo).await.files_emitted, 0);
    assert_eq!(world.fold().info(&world.name()).unwrap().default_branch, "trunk");
}

#[tokio::test(flavor = "multi_thread")]
async fn force_push_to_another_history() {
    let repo = some_files();
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.git(&["checkout", "-q", "--orphan", "other"]);
    repo.git(&["rm", "-rfq", "--cached", "."]);
    repo.write("only", "this\n").commit("unrelated");
    repo.git(&["branch", "-q", "-f", "main", "other"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "other"]);
    world.check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_branches_than_the_limit() {
    let repo = some_files();
    for n in 0..6 {
        repo.git(&["branch", "-q", &format!("b{n}")]);
    }
    let mut world = World::new(repo.path());
    world.config.max_branches = 3;
    world.sync().await;
    let fold = world.fold();
    let info = fold.info(&world.name()).unwrap();
    assert_eq!(info.branches[0].name, "main");
    assert_eq!((info.branches.len(), info.branches_left_out.len()), (3, 4));
    world.registration.branches = vec!["b[45]".into()];
    world.sync().await;
    let fold = world.fold();
    let names: Vec<_> =
        fold.info(&world.name()).unwrap().branches.iter().map(|b| b.name.clone()).collect();
    assert_eq!(names, ["b4", "b5"]);
    let shown = fold.shown(&world.name());
    assert!(shown.values().all(|branches| branches.keys().eq(["b4", "b5"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_modules_pointers_and_modes() {
    let inner = some_files();
    let repo = some_files();
    repo.git(&["submodule", "add", "-q", inner.path().to_str().unwrap(), "vendor/inner"]);
    std::os::unix::fs::symlink("README", repo.path().join("link")).unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5\n";
    repo.write("big.bin", pointer).write("run.sh", "#!/bin/sh\n");
    repo.commit("kinds");
    repo.git(&["update-index", "--chmod=+x", "run.sh"]);
    repo.git(&["commit", "-q", "-m", "mode"]);
    let world = World::new(repo.path());
    world.check(&repo).await;
    let reason = |path: &str| world.fold().only(&world.name(), path).1.unwrap_err();
    assert_eq!(reason("vendor/inner"), SkipReason::Submodule);
    assert_eq!(reason("link"), SkipReason::Symlink);
    assert_eq!(reason("big.bin"), SkipReason::LfsPointer);
}

#[tokio::test(flavor = "multi_thread")]
async fn encodings_binaries_and_sizes() {
    let repo = some_files();
    let utf16: Vec<u8> = "\u{feff}wörter\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    repo.write("utf16.txt", utf16).write("latin1.txt", b"caf\xe9\n").write("a.out", b"\x7fELF\0\0");
    repo.write("bom.txt", "\u{feff}first").write("long.txt", "x".repeat(5000));
    repo.write("middling.txt", "y".repeat(900)).commit("bytes");
    let mut world = World::new(repo.path());
    world.config = IngestConfig { max_file_bytes: 4999, inline_limit_bytes: 800, ..world.config };
    world.check(&repo).await;
    let fold = world.fold();
    let of = |path: &str| fold.only(&world.name(), path);
    assert_eq!(of("utf16.txt").1.unwrap(), "wörter\n");
    assert_eq!(of("utf16.txt").0.encoding, "utf-16le");
    assert_eq!(of("latin1.txt").1.unwrap(), "café\n");
    assert_eq!(of("bom.txt").1.unwrap(), "first");
    assert_eq!(of("a.out").1.unwrap_err(), SkipReason::Binary);
    assert_eq!(of("long.txt").1.unwrap_err(), SkipReason::TooLarge);
    assert_eq!(of("long.txt").0.num_bytes, 5000);
    let stored = of("middling.txt").0.content;
    assert!(matches!(stored, ax_model::Content::Stored(_)), "over the inline limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_and_vendored() {
    let repo = some_files();
    repo.write(".gitattributes", "*.pb.rs linguist-generated\n").write("a.pb.rs", "1");
    repo.write("third/x.c", "2").commit("attributes");
    let world = World::new(repo.path());
    world.check(&repo).await;
    let flags = |path: &str| {
        let version = world.fold().only(&world.name(), path).0;
        (version.generated, version.vendored)
    };
    assert_eq!((flags("a.pb.rs"), flags("third/x.c")), ((true, false), (false, false)));
    repo.write("third/.gitattributes", "* linguist-vendored\n").commit("more");
    assert_eq!(world.check(&repo).await.files_emitted, 2, "the file is as it was, its flag is not");
    assert_eq!(flags("third/x.c"), (false, true));
    repo.git(&["rm", "-q", "third/.gitattributes"]);
    repo.commit("less");
    world.check(&repo).await;
    assert_eq!(flags("third/x.c"), (false, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn bare_packed_and_borrowed_objects() {
    let repo = some_files();
    repo.git(&["gc", "-q"]);
    repo.write("loose", "after the pack\n").commit("loose");
    let world = World::new(repo.path());
    world.check(&repo).await;

    let dir = tempfile::tempdir().unwrap();
    let bare = dir.path().join("bare.git");
    let (from, to) = (repo.path().to_str().unwrap(), bare.to_str().unwrap());
    git_in(dir.path(), &["clone", "-q", "--bare", from, to]);
    World::new(&bare).check(&repo).await;

    let shared = dir.path().join("shared");
    git_in(dir.path(), &["clone", "-q", "--shared", from, shared.to_str().unwrap()]);
    World::new(&shared).check(&repo).await; // its objects are in an alternate
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_files_in_many_batches() {
    let repo = Repo::new();
    for n in 0..700 {
        repo.write(&format!("d{}/f{n}", n % 7), format!("file {n}\n").repeat(n % 40));
    }
    repo.commit("many");
    let mut world = World::new(repo.path());
    world.config.buffer_bytes = 4 << 10; // far less than the repository
    assert_eq!(world.check(&repo).await.files_emitted, 700);
    assert!(world.log.num_appends() > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names() {
    let repo = some_files();
    repo.write("with space/ümlaut ∂.txt", "a").write("-dash", "b").write("new\nline", "c");
    repo.commit("names");
    World::new(repo.path()).check(&repo).await;
    let raw: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"bad-\xff.txt");
    std::fs::write(repo.path().join(raw), "d").unwrap();
    repo.commit("bytes that are not UTF-8");
    let world = World::new(repo.path());
    world.sync().await;
    let text = world.fold().only(&world.name(), "bad-\u{fffd}ff.txt").1.unwrap();
    assert_eq!(text, "d");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_and_a_detached_head() {
    let empty = Repo::new();
    let world = World::new(empty.path());
    world.check(&empty).await;
    assert_eq!(world.fold().info(&world.name()).unwrap().num_files, 0);

    let repo = some_files();
    repo.git(&["checkout", "-q", "--detach"]);
    repo.git(&["branch", "-q", "-D", "main"]);
    let world = World::new(repo.path());
    world.sync().await;
    let shown = world.fold().shown(&world.name());
    assert_eq!(shown.len(), 4);
    assert!(shown.values().all(|branches| branches.contains_key("HEAD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spread_moves_the_files() {
    let repo = Repo::new();
    for n in 0..50 {
        repo.write(&format!("f{n}"), "x");
    }
    repo.commit("many");
    let mut world = World::new(repo.path());
    for spread in [1, 4, 2] {
        world.registration.spread = spread;
        world.check(&repo).await;
        assert_eq!(world.fold().info(&world.name()).unwrap().spread, spread);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_no_repository() {
    let dir = tempfile::tempdir().unwrap();
    let code = |source: std::path::PathBuf| async move {
        World::new(&source).try_sync().await.unwrap_err().code()
    };
    assert_eq!(code(dir.path().join("none")).await, Code::RepositoryVanished);
    std::fs::write(dir.path().join("file"), "x").unwrap();
    assert_eq!(code(dir.path().join("file")).await, Code::RepositoryNotGit);
    std::fs::create_dir_all(dir.path().join("broken/.git")).unwrap();
    assert_eq!(code(dir.path().join("broken")).await, Code::RepositoryCorrupt);
}
