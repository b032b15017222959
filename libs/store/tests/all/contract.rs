//! What every back end promises, on each of them: memory, a directory, S3 over HTTP. What happens
//! when they break the promise is in `faults.rs` and `crashes.rs`.

mod collecting;
mod crashes;
mod faults;
mod objects;
mod outages;
mod places;
mod probing;
mod segments;
mod writers;

/// Runs each function named on each back end, as a test of its own.
macro_rules! on_every_back_end {
    ($($module:ident :: $name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() { super::$module::$name(super::places::memory()).await })*
        }
        mod directory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() { super::$module::$name(super::places::directory()).await })*
        }
        mod s3 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() { super::$module::$name(super::places::s3().await).await })*
        }
    };
}

on_every_back_end! {
    probing::passes_and_leaves_nothing_behind,
    writers::nobody_has_written_yet,
    writers::one_of_eight_wins_each_version,
    writers::the_greatest_epoch_wins_the_take_over,
    writers::a_life_with_two_owners,
    writers::taking_over_twice_is_once,
    writers::shards_do_not_see_each_other,
    segments::goes_up_and_comes_down,
    segments::raw_and_packed_stand_side_by_side,
    segments::a_bad_object_is_refused,
    segments::is_never_overwritten,
    segments::a_wrong_local_file_never_appears,
    objects::sets_changes_aside,
    objects::keeps_blobs_by_their_hash,
    objects::blobs_may_be_packed_or_not,
    objects::a_bad_blob_is_refused,
    collecting::keeps_what_the_policy_keeps,
    collecting::a_stalled_writer_cannot_revive_a_name,
    collecting::two_collectors_do_no_harm,
}
