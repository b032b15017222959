//! The start-up check that a store can carry a chain of manifests.
//!
//! A store that ignores `If-None-Match` fails at the first second creation. One that checks and then
//! writes fails only when two writers meet in between, hence the racers, several rounds of them. A
//! store may still pass by luck; it cannot pass by design.

use crate::{
    StoreError, layout,
    objects::{Created, Objects},
};
use bytes::Bytes;
use futures::future::join_all;
use object_store::path::Path;
use uuid::Uuid;

const ROUNDS: usize = 6;
const RACERS: usize = 8;

pub(crate) async fn run(objects: &Objects) -> Result<(), StoreError> {
    for _ in 0..ROUNDS {
        let path = layout::probe(Uuid::new_v4());
        let result = round(objects, &path).await;
        // Whatever was found, the name is removed; a failure to do so matters to nobody.
        let removed = objects.delete(&path).await;
        result?;
        removed?;
        if objects.read(&path, 1).await?.is_some() {
            return Err(not_safe("an object is still there after its deletion"));
        }
    }
    Ok(())
}

async fn round(objects: &Objects, path: &Path) -> Result<(), StoreError> {
    let bodies: Vec<_> = (0..RACERS).map(|_| Bytes::from(Uuid::new_v4().to_string())).collect();
    let race = bodies.iter().map(|body| objects.create(path, body.clone()));
    let winner = one_winner(join_all(race).await)?;
    match objects.create(path, Bytes::from_static(b"second")).await {
        Created::Exists => {}
        Created::Yes => return Err(not_safe("a name that exists was created again")),
        Created::Unknown(error) | Created::No(error) => return Err(refused(error)),
    }
    let found = objects.read(path, 1 << 10).await?;
    let shown = found.and_then(|found| bodies.iter().position(|body| *body == found));
    match (shown, winner) {
        (None, None) => return Err(nobody(path)),
        (Some(shown), Some(winner)) if shown == winner => {}
        // A client that had to try twice may not know that it won.
        (Some(_), None) => {}
        _ => return Err(not_safe("reading does not show what was created")),
    }
    let listed = objects.list(&Path::from("probe"), None).await?;
    match listed.iter().any(|meta| meta.location == *path) {
        true => Ok(()),
        false => Err(not_safe("listing does not show what was created")),
    }
}

/// The number of the only racer that knows that it created the name.
fn one_winner(outcomes: Vec<Created>) -> Result<Option<usize>, StoreError> {
    let (mut winners, mut failure) = (Vec::new(), None);
    for (racer, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Created::Yes => winners.push(racer),
            Created::Exists => {}
            Created::Unknown(error) | Created::No(error) => failure = Some(refused(error)),
        }
    }
    match (winners.as_slice(), failure) {
        ([_, _, ..], _) => Err(not_safe("two of eight writers created the same name")),
        (_, Some(error)) => Err(error),
        (winners, None) => Ok(winners.first().copied()),
    }
}

/// Every racer was told that the name exists, and it does not: the store was too busy to say.
fn nobody(path: &Path) -> StoreError {
    let source = "each of eight writers was refused, and none had won".into();
    StoreError::Unavailable { path: path.to_string(), source }
}

/// A store that does not know conditional creation is as unsafe as one that ignores it.
fn refused(error: StoreError) -> StoreError {
    use object_store::Error as E;
    match &error {
        StoreError::Refused { source, .. }
            if matches!(source.downcast_ref(), Some(E::NotImplemented { .. })) =>
        {
            not_safe("it does not know conditional creation")
        }
        _ => error,
    }
}

fn not_safe(reason: &str) -> StoreError {
    StoreError::Unsafe { reason: reason.to_owned() }
}
