//! A process killed at each step of its work, whether the step landed or not: the next one makes it good.

use crate::support::{World, killed, set, three_states};
use ax_ingest::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn at_every_step_of_an_emission() {
    let (repo, [a, b, c]) = three_states();
    for (first_import, last_lands) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut num_kills = 0;
        for n in 0.. {
            let world = World::new(repo.path());
            if !first_import {
                set(&repo, &a);
                world.sync().await;
            }
            set(&repo, &b);
            let was_killed = killed(&world, n, last_lands).await;
            num_kills += i64::from(was_killed);
            // Whether the branch went on, stayed or went back: the fold is what it shows.
            for then in [[&c, &b, &a], [&b, &a, &c], [&a, &c, &b]][n as usize % 3] {
                set(&repo, then);
                world.check(&repo).await;
            }
            if !was_killed {
                break;
            }
        }
        assert!(num_kills > 5, "intent, several batches, facts, checkpoint: {num_kills}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_in_a_row() {
    let (repo, [a, b, c]) = three_states();
    for n in 0..12 {
        let world = World::new(repo.path());
        set(&repo, &a);
        world.sync().await;
        set(&repo, &b);
        killed(&world, n, true).await;
        set(&repo, &c);
        killed(&world, 11 - n, n % 2 == 0).await;
        set(&repo, &a); // as the checkpoint has it, yet not as the stream has it
        world.check(&repo).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_step_of_a_removal() {
    let (repo, [a, ..]) = three_states();
    set(&repo, &a);
    for n in 0.. {
        let mut world = World::new(repo.path());
        world.sync().await;
        world.registration.removed = true;
        world.records.register(world.registration.clone());
        let was_killed = killed(&world, n, n % 2 == 0).await;
        assert_eq!(world.sync().await.outcome, Outcome::Removed);
        assert!(world.fold().versions(&world.name()).is_empty());
        if !was_killed {
            assert!(n > 3, "paths, the repository, checkpoint, registration");
            break;
        }
    }
}
