//! What [`ax_coordination::Coordination`] promises, on every back end; and what each back end owes
//! beyond that: etcd killed and restarted in the middle, the embedded store killed with `kill -9`.

#![allow(clippy::unwrap_used)] // the lint spares test functions, and not the helpers they share

mod backend;
mod elections;
mod embedded;
mod etcd;
mod keeper;
mod kv;
mod leases;
mod network;
mod watches;

use backend::Backend;

/// Each case on each back end, as a test of its own.
macro_rules! contract {
    ($($module:ident: $($case:ident)+;)+) => {
        mod on_embedded {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::$module::$case(&crate::Backend::embedded().await).await;
            })+)+
        }

        mod on_etcd {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::$module::$case(&crate::Backend::etcd().await).await;
            })+)+
        }
    };
}

contract! {
    kv:
        a_key_is_put_read_and_deleted
        every_expectation
        every_write_has_a_later_revision
        a_key_created_again_is_created_later
        one_of_sixteen_wins_each_round
        a_guard_must_stand_as_it_was_created
        a_listing_has_the_prefix_only_in_order
        a_listing_is_of_one_revision
        what_is_too_large_is_refused;
    leases:
        an_ended_lease_takes_its_keys_along
        a_renewed_lease_lives_on
        a_revoked_lease_is_gone
        a_key_written_anew_leaves_its_lease;
    watches:
        a_watch_begins_in_the_past
        a_watch_waits_for_a_revision_ahead
        nothing_is_missed_or_seen_twice_among_concurrent_writers
        a_watch_that_is_cut_off_again_and_again_loses_nothing;
    elections:
        one_leads_at_a_time_and_terms_grow
        a_dropped_lease_hands_over
        a_stale_leader_is_refused
        an_observer_sees_each_leader
        a_campaign_ends_with_its_lease;
    keeper:
        a_keeper_holds_and_lets_go
        a_revoked_lease_is_noticed;
}
