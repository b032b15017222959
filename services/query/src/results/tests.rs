//! The cache by itself, with invented answers and a clock that the tests move.

use super::*;
use ax_model::{Generation, ManifestVersion, ShardId};
use ax_proto::search::{FileMatch, Missing, SearchOptions};
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;
use proptest::prelude::*;

const SHARD: ViewId = ViewId {
    generation: Generation(1),
    shard: ShardId(3),
    version: ManifestVersion(7),
    opening: 1,
};

fn key_with(query: &str, options: &SearchOptions) -> Key {
    let query = ax_query::parse(query, &ax_query::Limits::default()).unwrap();
    let order = Order { ranking: 0, today: 0 };
    Key::new(SHARD, Rights::Everything, order, &query, options)
}

fn key(query: &str) -> Key {
    key_with(query, &SearchOptions { limit: 50, ..Default::default() })
}

/// An answer of about so many bytes.
fn reply(num_bytes: usize) -> ShardReply {
    let file = FileMatch { path: "x".repeat(num_bytes), ..Default::default() };
    let summary = LeafSummary { num_files: 1, ..Default::default() };
    ShardReply { files: vec![file], summary }
}

/// A clock that stands still until it is told.
#[derive(Clone)]
struct Hands(Arc<Mutex<Instant>>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn pass(&self, time: Duration) {
        *self.0.lock() += time;
    }

    fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Arc::new(move || *hands.lock())
    }
}

const MAX_AGE: Duration = Duration::from_secs(60);

fn cache_of(max_bytes: u64) -> ResultCache {
    let rules = ResultRules { max_bytes, max_age: MAX_AGE };
    ResultCache::with_clock(rules, Hands::new().clock())
}

#[test]
fn what_is_put_is_had_again() {
    let cache = cache_of(1 << 20);
    assert_eq!(cache.get(&key("a")), None);
    cache.put(key("a"), &reply(100));
    assert_eq!(cache.get(&key("a")), Some(reply(100)));
    assert_eq!(cache.get(&key("b")), None);
}

#[test]
fn spellings_of_one_query_share_an_entry() {
    for (one, other) in [
        ("needle", "  \"needle\"  "),
        ("a b", "(a and b)"),
        ("-(-a)", "a"),
        ("a or b", "(a) or (b)"),
        ("f:x.rs a", "file:x.rs a"),
    ] {
        assert_eq!(key(one), key(other), "{one} and {other}");
    }
}

#[test]
fn what_shapes_an_answer_is_in_the_key() {
    let plain = SearchOptions { limit: 50, ..Default::default() };
    let options = [
        SearchOptions { limit: 51, ..plain },
        SearchOptions { all: true, ..plain },
        SearchOptions { context_lines: 1, ..plain },
        SearchOptions { count_only: true, ..plain },
        SearchOptions { max_lines_per_file: 1, ..plain },
        SearchOptions { max_lines: 1, ..plain },
    ];
    let mut keys: Vec<Key> = options.iter().map(|options| key_with("a", options)).collect();
    for query in ["a", "a case:yes", "A", "content:a", "/a/", "a b", "b a", "-a", "sym:a"] {
        keys.push(key(query));
    }
    for shape in ["sort:path", "sort:size", "select:file", "select:repo", "select:lang"] {
        keys.push(key(&format!("a {shape}")));
    }
    let other = |change: fn(&mut ViewId)| {
        let mut view = SHARD;
        change(&mut view);
        key("a").in_view(view)
    };
    keys.push(other(|view| view.shard.0 += 1));
    keys.push(other(|view| view.version.0 += 1));
    keys.push(other(|view| view.generation.0 += 1));
    keys.push(other(|view| view.opening += 1));
    let distinct: HashSet<&Key> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    let hurried = SearchOptions { timeout_ms: 1, no_cache: true, ..plain };
    assert_eq!(key_with("a", &hurried), key("a"), "how it is asked does not shape it");
}

#[test]
fn only_whole_answers_may_be_kept() {
    let whole = LeafSummary { more: true, ..Default::default() };
    let fresh = ShardAnswer::default();
    assert!(may_keep(&whole, &fresh));
    assert!(!may_keep(&LeafSummary { timed_out: true, ..whole.clone() }, &fresh));
    let stale = ShardAnswer { stale: Some(Missing::default()), ..fresh };
    assert!(!may_keep(&whole, &stale));
}

#[test]
fn what_is_too_large_is_not_kept_and_pushes_nothing_out() {
    let cache = cache_of(64 << 10);
    cache.put(key("small"), &reply(100));
    cache.put(key("large"), &reply(2 << 10));
    assert_eq!(cache.get(&key("large")), None);
    let long = format!("\"{}\"", "q".repeat(2 << 10));
    cache.put(key(&long), &reply(1));
    assert_eq!(cache.get(&key(&long)), None, "a key is weighed too");
    assert!(cache.get(&key("small")).is_some());
    let huge = cache_of(1 << 40);
    huge.put(key("large"), &reply(2 << 20));
    assert_eq!(huge.get(&key("large")), None);
}

/// Three hundred times the cache passes through; least recently used would keep nothing else.
#[test]
fn one_scan_does_not_push_out_what_is_asked_again_and_again() {
    let cache = cache_of(64 << 10);
    let scan = |from: usize, to: usize| {
        for n in from..to {
            let one_off = key(&format!("scan{n}"));
            assert!(cache.get(&one_off).is_none());
            cache.put(one_off, &reply(1 << 10));
        }
    };
    cache.put(key("hot"), &reply(100));
    assert!((0..3).all(|_| cache.get(&key("hot")).is_some()));
    scan(0, 20_000);
    assert!(cache.get(&key("hot")).is_some());

    // And what becomes hot after a scan gets in.
    cache.put(key("later"), &reply(100));
    assert!((0..3).all(|_| cache.get(&key("later")).is_some()));
    scan(20_000, 40_000);
    assert!(cache.get(&key("later")).is_some());
    assert!(cache.num_bytes() <= 64 << 10);
}

#[test]
fn an_answer_is_found_anew_when_it_is_old() {
    let hands = Hands::new();
    let rules = ResultRules { max_bytes: 1 << 20, max_age: MAX_AGE };
    let cache = ResultCache::with_clock(rules, hands.clock());
    cache.put(key("a"), &reply(10));
    hands.pass(MAX_AGE - Duration::from_millis(1));
    assert!(cache.get(&key("a")).is_some(), "being asked for makes it no younger");
    hands.pass(Duration::from_millis(1));
    assert_eq!(cache.get(&key("a")), None);
    assert_eq!(cache.num_bytes(), 0);
    cache.put(key("a"), &reply(10));
    assert!(cache.get(&key("a")).is_some(), "a new one is young");
}

#[test]
fn what_no_view_can_ask_for_and_what_is_old_is_swept() {
    let hands = Hands::new();
    let rules = ResultRules { max_bytes: 1 << 20, max_age: MAX_AGE };
    let cache = ResultCache::with_clock(rules, hands.clock());
    let newer = ViewId { version: ManifestVersion(8), opening: 2, ..SHARD };
    cache.put(key("a"), &reply(10));
    cache.put(key("a").in_view(newer), &reply(20));
    cache.sweep(&HashSet::from([newer]));
    assert_eq!(cache.get(&key("a")), None);
    assert_eq!(cache.get(&key("a").in_view(newer)), Some(reply(20)));
    hands.pass(MAX_AGE);
    cache.sweep(&HashSet::from([newer]));
    assert_eq!(cache.num_bytes(), 0);
}

#[test]
fn no_bytes_is_no_cache() {
    assert!(ResultCache::new(ResultRules { max_bytes: 0, ..Default::default() }).is_none());
    assert!(ResultCache::new(ResultRules::default()).is_some());
}

#[test]
fn metrics_count_what_happens() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let hands = Hands::new();
    metrics::with_local_recorder(&recorder, || {
        let rules = ResultRules { max_bytes: 64 << 10, max_age: MAX_AGE };
        let cache = ResultCache::with_clock(rules, hands.clock());
        assert!(cache.get(&key("a")).is_none());
        cache.put(key("a"), &reply(10));
        cache.put(key("a"), &reply(10)); // another one who searched at once
        assert!(cache.get(&key("a")).is_some());
        assert!(cache.get(&key("a")).is_some());
        let one = cache.num_bytes();
        let shown = recorder.handle().render();
        let says = |line: String| assert!(shown.contains(&line), "{line} in {shown}");
        says("ax_query_result_cache_hits_total 2\n".to_owned());
        says("ax_query_result_cache_misses_total 1\n".to_owned());
        says(format!("ax_query_result_cache_bytes {one}\n"));
        assert!(!shown.contains("ax_query_result_cache_evictions_total"), "{shown}");

        hands.pass(MAX_AGE);
        assert!(cache.get(&key("a")).is_none());
        (0..200).for_each(|n| cache.put(key(&format!("n{n}")), &reply(1 << 10)));
        let left = cache.kept.len();
        let shown = recorder.handle().render();
        for (reason, count) in [("age", 1), ("room", 200 - left)] {
            let line =
                format!("ax_query_result_cache_evictions_total{{reason=\"{reason}\"}} {count}\n");
            assert!(shown.contains(&line), "{line} in {shown}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// Counted apart from the cache's own books: what its entries hold in keys and answers.
    #[test]
    fn it_never_holds_more_than_it_may(
        max_bytes in 1u64..(256 << 10),
        entries in prop::collection::vec((1usize..4_000, 0usize..6_000, any::<bool>()), 1..150),
    ) {
        let cache = cache_of(max_bytes);
        for (n, (key_bytes, reply_bytes, asked)) in entries.into_iter().enumerate() {
            let key = key(&format!("\"{n}{}\"", "k".repeat(key_bytes)));
            cache.put(key.clone(), &reply(reply_bytes));
            if asked {
                cache.get(&key);
            }
            let held: u64 = cache
                .kept
                .iter()
                .map(|(key, kept)| key.weight() + kept.reply.len() as u64 + ENTRY_OVERHEAD)
                .sum();
            prop_assert_eq!(held, cache.num_bytes());
            prop_assert!(held <= max_bytes, "{} of {}", held, max_bytes);
        }
    }

    #[test]
    fn a_key_weighs_its_query(query in "[a-z]{1,3000}") {
        let weight = key(&format!("\"{query}\"")).weight();
        prop_assert!(weight >= query.len() as u64 + size_of::<Key>() as u64);
        prop_assert!(weight <= query.len() as u64 + 200);
    }
}
