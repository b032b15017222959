use super::*;
use crate::segment_id;
use proptest::prelude::*;
use uuid::Uuid;

const SECOND: i64 = 1_000;

fn policy(keep_last: usize, keep_for: i64, grace: i64) -> CollectPolicy {
    CollectPolicy {
        keep_last,
        keep_for: Duration::from_millis(keep_for as u64),
        orphan_grace: Duration::from_millis(grace as u64),
    }
}

fn id(epoch: u64, n: u128) -> SegmentId {
    segment_id(Epoch(epoch), Uuid::from_u128(n))
}

fn versions(plan: &CollectPlan) -> Vec<u64> {
    plan.links.iter().map(|v| v.0).collect()
}

/// Links 1..=n of one epoch, one a second; link v names segments v-1 and v.
fn chain(n: u64) -> View {
    let mut view = View::default();
    for v in 1..=n {
        let segments = vec![id(1, u128::from(v) - 1), id(1, v.into())];
        let link = SeenLink { epoch: Epoch(1), segments, stored_at_ms: v as i64 * SECOND };
        view.links.insert(ManifestVersion(v), link);
        view.segments.insert(id(1, v.into()), v as i64 * SECOND);
    }
    view.segments.insert(id(1, 0), 0);
    view
}

#[test]
fn keeps_the_newest_links_and_what_they_name() {
    let plan = plan(&chain(5), &Pins::default(), &policy(2, 0, 0), 100 * SECOND);
    assert_eq!(plan.boundary, Some(ManifestVersion(4)));
    assert_eq!(versions(&plan), [1, 2, 3]);
    assert_eq!(plan.segments, [id(1, 0), id(1, 1), id(1, 2)]);
}

#[test]
fn keeps_a_link_for_a_while_after_it_was_superseded() {
    // Link 2 was superseded at 3 s, link 3 at 4 s.
    let plan = plan(&chain(5), &Pins::default(), &policy(1, 10 * SECOND, 0), 13 * SECOND + 1);
    assert_eq!(plan.boundary, Some(ManifestVersion(3)));
}

#[test]
fn keeps_the_newest_link_whatever_the_policy() {
    let plan = plan(&chain(3), &Pins::default(), &policy(0, 0, 0), 100 * SECOND);
    assert_eq!(plan.boundary, Some(ManifestVersion(3)));
    assert_eq!(versions(&plan), [1, 2]);
}

#[test]
fn keeps_what_is_pinned() {
    let pins = Pins { versions: [ManifestVersion(2)].into(), segments: [id(1, 0)].into() };
    let plan = plan(&chain(5), &pins, &policy(1, 0, 0), 100 * SECOND);
    assert_eq!(plan.boundary, Some(ManifestVersion(2)));
    assert_eq!(plan.segments, []);
}

#[test]
fn an_upload_of_the_living_owner_is_never_an_orphan() {
    let mut view = chain(3);
    view.links.get_mut(&ManifestVersion(3)).unwrap().epoch = Epoch(2);
    for epoch in [1, 2, 3] {
        view.segments.insert(id(epoch, 77), 0);
    }
    view.segments.insert(SegmentId("named-by-others".into()), 0);
    let keep_all = policy(10, 0, 60 * SECOND);
    let early = plan(&view, &Pins::default(), &keep_all, 59 * SECOND);
    assert_eq!(early.segments, [], "its grace is not over");
    let late = plan(&view, &Pins::default(), &keep_all, i64::MAX);
    assert_eq!(late.segments, [id(1, 77)], "only the fenced epoch's upload");
}

#[test]
fn what_was_replaced_goes_with_its_link_however_young() {
    let plan = plan(&chain(3), &Pins::default(), &policy(1, 0, i64::MAX), 100 * SECOND);
    assert_eq!(versions(&plan), [1, 2]);
    assert!(!plan.segments.is_empty());
}

#[test]
fn a_plan_that_was_cut_short_is_made_again() {
    // The boundary moved, one segment went, no link did.
    let mut view = chain(5);
    view.boundary = ManifestVersion(4);
    view.segments.remove(&id(1, 1));
    let plan = plan(&view, &Pins::default(), &policy(2, 0, 0), 100 * SECOND);
    assert_eq!(plan.boundary, None);
    assert_eq!(plan.segments, [id(1, 0), id(1, 2)]);
    assert_eq!(versions(&plan), [1, 2, 3]);
}

#[test]
fn a_revived_name_before_the_boundary_keeps_nothing() {
    let mut view = chain(5);
    view.boundary = ManifestVersion(4);
    for v in [1, 3] {
        view.links.remove(&ManifestVersion(v));
    }
    view.links.get_mut(&ManifestVersion(2)).unwrap().segments = vec![id(1, 99)];
    view.segments.insert(id(1, 99), 0);
    let plan = plan(&view, &Pins::default(), &policy(5, 0, 0), 100 * SECOND);
    assert_eq!(versions(&plan), [2]);
    assert_eq!(plan.segments, [id(1, 99)]);
}

#[test]
fn touches_nothing_of_an_unwritten_or_damaged_shard() {
    let mut view = View::default();
    view.segments.insert(id(1, 1), 0);
    let at_any_time = policy(1, 0, 0);
    assert_eq!(plan(&view, &Pins::default(), &at_any_time, i64::MAX), CollectPlan::default());
    let mut view = chain(3);
    view.boundary = ManifestVersion(9);
    assert_eq!(plan(&view, &Pins::default(), &at_any_time, i64::MAX), CollectPlan::default());
}

prop_compose! {
    /// Chains with merges, epochs that grow, orphans, and a boundary somewhere.
    fn any_view()(
        steps in prop::collection::vec((0u64..3, 0usize..4, 0i64..20, any::<bool>()), 1..30),
        orphans in prop::collection::vec((0u64..30, 0i64..300), 0..10),
        boundary in 0u64..30,
    ) -> View {
        let mut view = View::default();
        let (mut epoch, mut at, mut named) = (1, 0, Vec::<SegmentId>::new());
        for (n, (raise, drop, wait, add)) in steps.iter().enumerate() {
            epoch += raise;
            at += wait * SECOND;
            named.drain(..(*drop).min(named.len()));
            if *add {
                named.push(id(epoch, n as u128));
                view.segments.insert(id(epoch, n as u128), at);
            }
            let link = SeenLink { epoch: Epoch(epoch), segments: named.clone(), stored_at_ms: at };
            view.links.insert(ManifestVersion(n as u64 + 1), link);
        }
        for (n, (epoch, at)) in orphans.iter().enumerate() {
            view.segments.insert(id(*epoch, 1_000 + n as u128), at * SECOND);
        }
        view.boundary = ManifestVersion(boundary.min(steps.len() as u64));
        view
    }
}

prop_compose! {
    fn any_pins()(
        versions in prop::collection::btree_set((1u64..30).prop_map(ManifestVersion), 0..3),
        segments in prop::collection::btree_set((1u64..5, 0u128..30), 0..3),
    ) -> Pins {
        let segments = segments.into_iter().map(|(epoch, n)| id(epoch, n)).collect();
        Pins { versions, segments }
    }
}

fn apply(view: &View, plan: &CollectPlan) -> View {
    let mut after = view.clone();
    after.boundary = plan.boundary.unwrap_or(view.boundary);
    after.segments.retain(|id, _| !plan.segments.contains(id));
    after.links.retain(|version, _| !plan.links.contains(version));
    after
}

proptest! {
    /// Invariant I10: nothing goes that a kept link, a reader, a snapshot or a writer needs.
    #[test]
    fn deletes_nothing_that_is_needed(
        view in any_view(), pins in any_pins(), keep in 0usize..6, keep_for in 0i64..40,
        grace in 0i64..40, now in 0i64..600,
    ) {
        let policy = policy(keep, keep_for * SECOND, grace * SECOND);
        let now = now * SECOND;
        let plan = plan(&view, &pins, &policy, now);
        let after = apply(&view, &plan);
        let live = |view: &View| view.links.range(view.boundary..).map(|(v, _)| *v).collect::<Vec<_>>();
        let (before, kept) = (live(&view), live(&after));

        prop_assert!(after.boundary >= view.boundary);
        prop_assert_eq!(kept.last(), before.last(), "the newest stays");
        prop_assert!(kept.len() >= keep.max(1).min(before.len()));
        prop_assert!(before.ends_with(&kept), "only the oldest go");
        for version in before.iter().filter(|v| pins.versions.contains(v)) {
            prop_assert!(kept.contains(version), "pinned {version}");
        }
        for pair in before.windows(2) {
            let superseded = view.links[&pair[1]].stored_at_ms;
            if (now - superseded).max(0) < keep_for * SECOND {
                prop_assert!(kept.contains(&pair[0]), "still being read: {}", pair[0]);
            }
        }
        let named: Vec<_> = kept.iter().flat_map(|v| &after.links[v].segments).collect();
        let epoch = view.links.last_key_value().unwrap().1.epoch;
        let ever: Vec<_> = view.links.values().flat_map(|l| &l.segments).collect();
        for id in &plan.segments {
            prop_assert!(!named.contains(&id) && !pins.segments.contains(id));
            let is_old = (now - view.segments[id]).max(0) >= grace * SECOND;
            prop_assert!(ever.contains(&id) || (is_old && epoch_of_segment(id) < Some(epoch)));
        }
        prop_assert!(after.links.range(..after.boundary).next().is_none());
    }

    /// Done or cut short anywhere, the next plan only finishes it.
    #[test]
    fn is_finished_after_one_run_and_can_be_cut_short(
        view in any_view(), pins in any_pins(), cut in 0usize..40,
    ) {
        let policy = policy(2, 5 * SECOND, 5 * SECOND);
        let whole = plan(&view, &pins, &policy, 600 * SECOND);
        let done = apply(&view, &whole);
        prop_assert_eq!(plan(&done, &pins, &policy, 600 * SECOND), CollectPlan::default());

        let segments = whole.segments.iter().take(cut).cloned().collect::<Vec<_>>();
        let links = cut.saturating_sub(segments.len());
        let links = whole.links.iter().take(links).copied().collect();
        let half = apply(&view, &CollectPlan { segments, links, ..whole.clone() });
        let rest = plan(&half, &pins, &policy, 600 * SECOND);
        prop_assert_eq!(apply(&half, &rest), done);
    }
}
