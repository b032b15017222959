//! What [`ax_changes::ChangeLog`] promises, held against each back end: the embedded log in a file,
//! and Kafka on a real broker.

mod backends;
mod cases;
mod crashes;
mod support;

/// The same cases on both.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> anyhow::Result<()> {
                crate::cases::$case(&mut crate::backends::Embedded::fresh().await?).await
            })*
        }
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> anyhow::Result<()> {
                crate::cases::$case(&mut crate::backends::OnKafka::fresh().await?).await
            })*
        }
    };
}

contract! {
    positions_are_those_that_readers_see,
    records_of_a_key_keep_their_order,
    a_reader_resumes_in_the_middle_of_a_batch,
    reads_are_bounded_by_bytes,
    a_megabyte_goes_through,
    what_is_too_large_is_refused_and_nothing_else,
    headers_and_times_survive,
    a_tombstone_is_not_an_empty_value,
    bounds_give_the_lag,
    concurrent_appends_all_find_a_place,
    a_waiting_reader_is_woken,
    an_idle_reader_gets_an_empty_batch,
    a_dropped_read_loses_nothing,
    a_dropped_append_does_no_harm,
    partitions_do_not_mix,
    a_position_beyond_the_end_is_refused,
    an_unknown_partition_is_refused,
    appending_nothing_is_fine,
    the_identity_stays_when_opened_again,
    another_identity_is_refused,
    another_number_of_partitions_is_refused,
}
