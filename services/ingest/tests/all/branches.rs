//! Branches that come, move, swap and go, with processes killed in between: the index shows what git does,
//! and what is emitted is what differs.

use crate::support::{Repo, World, killed};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// Files of the repository at first.
const FILES: u32 = 12;

fn repository() -> Repo {
    let repo = Repo::new();
    for n in 0..FILES {
        repo.write(&format!("d{}/f{n}", n % 3), format!("{n}\n"));
    }
    repo.commit("first");
    repo
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_branch_costs_what_differs_from_the_nearest_one() {
    let repo = repository();
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.git(&["checkout", "-q", "-b", "release"]);
    for n in 0..6 {
        repo.write(&format!("only/{n}"), "of the release\n");
    }
    repo.commit("release");
    assert_eq!(world.check(&repo).await.files_emitted, 6);
    repo.git(&["checkout", "-q", "-b", "fix"]);
    repo.write("d0/f0", "fixed\n").commit("fix");
    assert_eq!(world.check(&repo).await.files_emitted, 1, "release is nearer than main");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "release"]);
    assert_eq!(world.check(&repo).await.files_emitted, 0, "fix shows all that it did");
    repo.git(&["branch", "-q", "-D", "fix"]);
    assert_eq!(world.check(&repo).await.files_emitted, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_of_nothing_known_is_written_whole() {
    let repo = repository();
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.git(&["checkout", "-q", "--orphan", "pages"]);
    repo.git(&["rm", "-rfq", "."]);
    repo.write("index.html", "<p>\n").commit("pages");
    assert_eq!(world.check(&repo).await.files_emitted, 1);
    // The name of a branch that older documents know, for something else.
    repo.git(&["branch", "-q", "copy", "main"]);
    world.check(&repo).await;
    repo.git(&["branch", "-q", "-D", "copy"]);
    world.check(&repo).await;
    repo.git(&["branch", "-q", "copy", "pages"]);
    assert_eq!(world.check(&repo).await.files_emitted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spread_takes_the_branches_along() {
    let repo = repository();
    let mut world = World::new(repo.path());
    world.check(&repo).await;
    repo.git(&["branch", "-q", "copy"]);
    world.check(&repo).await;
    for spread in [1, 4, 2] {
        world.config.default_spread = spread;
        world.check(&repo).await;
        repo.git(&["branch", "-q", &format!("of{spread}")]);
        assert_eq!(world.check(&repo).await.files_emitted, 0);
        repo.git(&["branch", "-q", "-D", &format!("of{spread}")]);
        assert_eq!(world.check(&repo).await.files_emitted, 0);
    }
}

/// One random thing that people do to branches.
fn step(repo: &Repo, random: &mut StdRng, n: u32) {
    let branches = repo.branches();
    let any = branches[random.random_range(0..branches.len())].clone();
    let name = ["a", "b", "c", "d"][random.random_range(0..4)];
    let is_known = branches.iter().any(|branch| branch == name);
    repo.git(&["checkout", "-q", "--detach"]);
    match random.random_range(0..6) {
        0 | 1 if !is_known => drop(repo.git(&["branch", "-q", name, &any])),
        2 if branches.len() > 1 => drop(repo.git(&["branch", "-q", "-D", &any])),
        3 if !is_known => drop(repo.git(&["branch", "-q", "-m", &any, name])),
        4 if is_known => drop(repo.git(&["branch", "-q", "-f", name, &any])),
        _ => {
            repo.git(&["checkout", "-q", &any]);
            let file = random.random_range(0..FILES);
            match random.random_bool(0.7) {
                true => drop(repo.write(&format!("d{}/f{file}", file % 3), format!("step {n}\n"))),
                false => drop(repo.write(&format!("new/{}", n % 5), format!("step {}\n", n / 9))),
            }
            repo.commit("step");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_branches_the_index_shows_what_git_does() {
    for seed in 0..6 {
        let mut random = StdRng::seed_from_u64(seed);
        let repo = repository();
        let world = World::new(repo.path());
        world.check(&repo).await;
        for n in 0..30 {
            step(&repo, &mut random, n);
            if random.random_bool(0.4) {
                killed(&world, random.random_range(0..8), random.random_bool(0.5)).await;
                step(&repo, &mut random, n);
            }
            let checked = std::panic::AssertUnwindSafe(world.check(&repo));
            let checked = futures::FutureExt::catch_unwind(checked).await;
            assert!(checked.is_ok(), "seed {seed}, step {n}: {:?}", repo.branches());
        }
    }
}
