//! The state machine against a model that keeps nothing but plain maps, and thinks the long way.

use super::*;
use proptest::prelude::*;

const LIMITS: HistoryLimits = HistoryLimits { num_revisions: 1 << 20, num_bytes: 1 << 30 };

/// Keys by name, each with value, created, modified and lease.
#[derive(Debug, Default)]
struct Model {
    revision: u64,
    num_granted: i64,
    leases: Vec<i64>,
    keys: BTreeMap<String, (u8, u64, u64, i64)>,
    /// Revision, key, and the value that it got; `None` when it was deleted.
    events: Vec<(u64, String, Option<u8>)>,
}

impl Model {
    fn apply(&mut self, step: &Step) -> Applied {
        match step {
            Step::Grant => {
                self.num_granted += 1;
                self.leases.push(self.num_granted);
                Applied::Granted(LeaseId(self.num_granted), Duration::from_millis(7))
            }
            Step::Revoke(id) => {
                self.leases.retain(|lease| lease != id);
                let tied = self.keys.iter().filter(|(_, record)| record.3 == *id);
                let tied: Vec<_> = tied.map(|(key, _)| key.clone()).collect();
                self.revision += u64::from(!tied.is_empty());
                for key in tied {
                    self.keys.remove(&key);
                    self.events.push((self.revision, key, None));
                }
                Applied::Revoked(LeaseId(*id))
            }
            Step::Write { key, put, expect, guard } => self.write(key, *put, *expect, guard),
        }
    }

    fn write(
        &mut self,
        key: &str,
        put: Option<(u8, i64)>,
        expect: Option<u64>,
        guard: &Option<(String, u64)>,
    ) -> Applied {
        if let Some((guard, created)) = guard
            && self.keys.get(guard).map(|record| record.1) != Some(*created)
        {
            return Applied::GuardLost;
        }
        let standing = self.keys.get(key).copied();
        if let Some(expect) = expect
            && standing.map_or(0, |record| record.2) != expect
        {
            return Applied::Written(CasOutcome::Conflict(self.entry(key)));
        }
        match put {
            Some((_, lease)) if lease != 0 && !self.leases.contains(&lease) => {
                return Applied::LeaseGone(LeaseId(lease));
            }
            Some((value, lease)) => {
                self.revision += 1;
                let created = standing.map_or(self.revision, |record| record.1);
                self.keys.insert(key.to_owned(), (value, created, self.revision, lease));
                self.events.push((self.revision, key.to_owned(), Some(value)));
            }
            None if standing.is_some() => {
                self.revision += 1;
                self.keys.remove(key);
                self.events.push((self.revision, key.to_owned(), None));
            }
            None => {}
        }
        Applied::Written(CasOutcome::Done(Revision(self.revision)))
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        self.keys.get(key).map(|&(value, created, modified, lease)| Entry {
            key: key.to_owned(),
            value: Bytes::from(vec![value]),
            created: Revision(created),
            modified: Revision(modified),
            lease: (lease != 0).then_some(LeaseId(lease)),
        })
    }

    fn entries(&self, prefix: &str) -> Vec<Entry> {
        let keys = self.keys.keys().filter(|key| key.starts_with(prefix));
        keys.filter_map(|key| self.entry(key)).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write { key: String, put: Option<(u8, i64)>, expect: Option<u64>, guard: Option<(String, u64)> },
    Grant,
    Revoke(i64),
}

impl Step {
    fn command(&self) -> Command {
        let op = match self.clone() {
            Step::Grant => Op::Grant(GrantCommand { ttl_ms: 7 }),
            Step::Revoke(id) => Op::Revoke(RevokeCommand { id }),
            Step::Write { key, put, expect, guard } => Op::Write(WriteCommand {
                key,
                put: put.map(|(value, lease)| PutCommand { value: vec![value].into(), lease }),
                expect,
                guard: guard.map(|(key, created)| GuardCommand { key, created }),
            }),
        };
        Command { op: Some(op) }
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "a/b", "a/c", "b", "ö"]).prop_map(str::to_owned)
}

fn step() -> impl Strategy<Value = Step> {
    let put = prop::option::weighted(0.7, (any::<u8>(), 0..4i64));
    let expect = prop::option::weighted(0.4, 0..30u64);
    let guard = prop::option::weighted(0.2, (key(), 0..30u64));
    let write = (key(), put, expect, guard);
    prop_oneof![
        10 => write.prop_map(|(key, put, expect, guard)| Step::Write { key, put, expect, guard }),
        1 => Just(Step::Grant),
        1 => (1..4i64).prop_map(Step::Revoke),
    ]
}

fn events_of(state: &State) -> Vec<(u64, String, Option<u8>)> {
    let batch = state.history().since(Revision(1), "").unwrap();
    let flat = |event: Event| match event {
        Event::Put(entry) => (entry.modified.0, entry.key, Some(entry.value[0])),
        Event::Deleted { key, revision } => (revision.0, key, None),
    };
    batch.events.into_iter().map(flat).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_does_what_the_model_does(
        steps in prop::collection::vec(step(), 0..80),
        restart_at in 0..80usize,
    ) {
        let mut model = Model::default();
        let mut state = State::new(LIMITS);
        let mut restarted = State::new(LIMITS);
        for (at, step) in steps.iter().enumerate() {
            let outcome = model.apply(step);
            prop_assert_eq!(&state.apply(step.command()).unwrap(), &outcome);
            if at == restart_at {
                restarted = State::decode(&restarted.encode(), LIMITS).unwrap();
            }
            prop_assert_eq!(restarted.apply(step.command()).unwrap(), outcome);
        }
        for prefix in ["", "a", "a/", "b", "c"] {
            prop_assert_eq!(state.list(prefix).entries, model.entries(prefix));
        }
        prop_assert_eq!(state.revision(), Revision(model.revision));
        prop_assert_eq!(state.leases().map(|lease| lease.0).collect::<Vec<_>>(), model.leases);
        prop_assert_eq!(events_of(&state), model.events);
        prop_assert_eq!(restarted.encode(), state.encode());
    }
}

#[test]
fn a_command_of_a_later_version_is_refused() {
    assert!(State::new(LIMITS).apply(Command { op: None }).is_err());
}

#[test]
fn a_restart_keeps_the_keys_of_a_lease_tied_to_it() {
    let mut state = State::new(LIMITS);
    let put = Step::Write { key: "a".into(), put: Some((1, 1)), expect: None, guard: None };
    for step in [Step::Grant, put] {
        state.apply(step.command()).unwrap();
    }
    let mut state = State::decode(&state.encode(), LIMITS).unwrap();
    state.apply(Step::Revoke(1).command()).unwrap();
    assert_eq!(state.get("a"), None);
    let batch = state.history().since(Revision(2), "").unwrap();
    assert_eq!(batch.events, [Event::Deleted { key: "a".into(), revision: Revision(2) }]);
}
