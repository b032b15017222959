//! Queries of death over nasty documents: each ends soon after its deadline, in bounded memory, with a
//! whole answer, a part that says so, or an error with a code.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // test support: the lint knows test functions only

#[path = "all/common/mod.rs"]
mod common;
#[path = "../../../tests/deaths/queries.rs"]
mod queries;

use ax_engine::{OnLong, Origin, ReferenceQuery, SearchOptions, Snapshot, Stop, SymbolQuery};
use ax_model::Code;
use ax_query::{Limits, Query, Sort};
use common::{build, doc, key, snapshot_of};
use queries::{Death, deaths};
use std::{
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// What a query is given.
const DEADLINE: Duration = Duration::from_millis(50);
/// A search that takes longer than this hangs. The promise is 100 ms after the deadline; what is asserted
/// of it is work between two looks at the clock (`search/finder.rs`), since machines differ.
const HANG: Duration = Duration::from_secs(2);
/// For what other threads will do soon, or for what is long and ends by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the process may grow by over all of them. Automata take 64 MB a thread at most.
const MOST_GROWTH: u64 = 1 << 30;

/// Pseudo-random bytes, always the same.
fn noise(num: usize, pick: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..num).map(|_| pick(next())).collect()
}

/// One line of 20 MB, lines of one letter, random bytes, letters that have partners, long names, and small
/// files.
fn nasty() -> &'static Snapshot {
    static NASTY: OnceLock<(tempfile::TempDir, Snapshot)> = OnceLock::new();
    let build = || {
        let folder = tempfile::tempdir().unwrap();
        let all = build_nasty(folder.path());
        (folder, all)
    };
    &NASTY.get_or_init(build).1
}

fn build_nasty(folder: &Path) -> Snapshot {
    let letters = |byte: u8| b"ab cdefgh01_=.\xc3\xa9Kks"[byte as usize % 19];
    let words = |byte: u8| b"ab cd\nef (gh) = 01;"[byte as usize % 19];
    let built = build(folder, "s", |builder| {
        let mut put = |path: &str, text: Vec<u8>| {
            builder.put(&key("r", path), vec![doc(text, &["main"])]).unwrap();
        };
        put("line.min.js", noise(20 << 20, letters));
        put("a.txt", vec![b'a'; 1 << 20]);
        put("feeds.txt", b"a\n".repeat(1 << 20));
        put("bytes.bin", noise(1 << 20, |byte| byte));
        put("kelvin.txt", "\u{212a}\u{17f}ks\u{e9} ".repeat(200_000).into_bytes());
        put("kelvin_lines.txt", "\u{212a}\n\u{17f}\n".repeat(500_000).into_bytes());
        put("words.txt", noise(4 << 20, words));
        put("names.c", long_names());
        for i in 0..2_000 {
            let text =
                format!("fn s{i}() {{ word{i} = f{i}; }}\n// w{i:04}x ab abb\n").repeat(1 + i % 9);
            put(&format!("{}/f{i}.rs", "dir/".repeat(1 + i % 20)), text.into_bytes());
        }
    });
    Snapshot::new(vec![ax_engine::Segment::open(&built.path).unwrap()]).unwrap()
}

/// Ten thousand functions.
fn long_names() -> Vec<u8> {
    let letters = noise(640_000, |byte| b"abkKs_"[byte as usize % 6]);
    let mut text = Vec::new();
    for (i, name) in letters.chunks(64).enumerate() {
        text.extend_from_slice(b"int ");
        text.extend_from_slice(name);
        text.extend_from_slice(format!("{i}(void) {{ return {i}; }}\n").as_bytes());
    }
    text
}

/// How a query ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
    Refused,
}

impl End {
    /// Of a question that says whether time was up.
    fn of(timed_out: ax_engine::Result<bool>) -> Self {
        match timed_out {
            Ok(true) => Self::Cut,
            Ok(false) => Self::Whole,
            Err(error) => {
                let codes = [Code::QueryTooLarge, Code::QueryRegex];
                assert!(codes.contains(&error.code()), "{error:?}");
                Self::Refused
            }
        }
    }
}

/// How the queries of one kind ended.
#[derive(Default)]
struct Ends {
    nums: [usize; 3],
    slowest: Vec<(Duration, &'static str, String)>,
}

impl Ends {
    fn add(&mut self, death: &Death, (end, took): (End, Duration)) {
        self.nums[end as usize] += 1;
        self.slowest.push((took, death.family, death.query.chars().take(60).collect()));
    }

    /// Asserts that there were as many and none hung.
    fn check(&mut self, kind: &str, at_least: usize) {
        let Self { nums, slowest } = self;
        assert!(slowest.len() > at_least, "{kind}: {nums:?}");
        slowest.sort_by(|a, b| b.cmp(a));
        println!("{kind}: whole, cut, refused: {nums:?}; slowest: {:#?}", &slowest[..12]);
        assert!(slowest[0].0 < HANG, "{kind}: {:?}", slowest[0]);
    }
}

fn searched(all: &Snapshot, death: &Death, options: &SearchOptions) -> (End, Duration) {
    let begun = Instant::now();
    let stop = Stop::at(begun + DEADLINE);
    let query = match ax_query::parse(&death.query, &Limits::default()) {
        Ok(query) => query,
        Err(error) => {
            assert!(error.code().as_str().starts_with("AX-Q"), "{error:?}");
            return (End::Refused, begun.elapsed());
        }
    };
    let outcome = all.search(&query, options, &stop);
    (End::of(outcome.map(|outcome| outcome.timed_out)), begun.elapsed())
}

/// Among names of definitions: as it stands, as filters beside a name, or as the name; `None` if it cannot
/// be read as any of these.
fn named(all: &Snapshot, death: &Death) -> Option<(End, Duration)> {
    let text = &death.query;
    let mut texts = [text.clone(), format!("sym:s {text}"), format!("sym:{text}")].into_iter();
    let is_of_names = |query: &Query| SymbolQuery::of(query).is_some();
    let read = |text: String| ax_query::parse(&text, &Limits::default()).ok().filter(is_of_names);
    let query = texts.find_map(read)?;
    let query = SymbolQuery::of(&query)?;
    let begun = Instant::now();
    let found = all.symbols(&query, &Origin::default(), 50, &Stop::at(begun + DEADLINE));
    Some((End::of(found.map(|found| found.timed_out)), begun.elapsed()))
}

/// The largest that this process has been so far.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}

#[test]
fn every_query_of_death_ends() {
    let all = nasty();
    let shown = SearchOptions { max_lines_per_file: 100, ..Default::default() };
    let everything = SearchOptions { limit: usize::MAX, count_only: true, ..shown.clone() };
    let explained = SearchOptions { explain: true, ..shown.clone() };
    let by_path = SearchOptions { sort: Sort::Path, ..explained.clone() };
    // what building took counts as well: measured from here, pages that were freed would hide growth
    let before = peak_bytes();
    let (mut plain, mut in_detail, mut names) = (Ends::default(), Ends::default(), Ends::default());
    for (i, death) in deaths().into_iter().enumerate() {
        let is_even = i % 2 == 0;
        plain.add(&death, searched(all, &death, if is_even { &shown } else { &everything }));
        if i % 3 == 0 {
            let options = if is_even { &explained } else { &by_path };
            in_detail.add(&death, searched(all, &death, options));
        }
        if let Some(ended) = named(all, &death) {
            names.add(&death, ended);
        }
    }
    let grown = peak_bytes() - before;
    println!("grew by {} MB from {} MB", grown >> 20, before >> 20);
    plain.check("searched", 300);
    in_detail.check("explained, half of them by path", 100);
    names.check("among names", 80);
    assert!(plain.nums.iter().all(|num| *num > 20), "{:?}", plain.nums);
    assert!(grown < MOST_GROWTH, "grew by {grown} bytes");
}

/// What broke: every place was remembered before the first was shown, and no clock looked at.
#[test]
fn references_of_a_name_that_a_text_is_made_of_end() {
    const PLACES: usize = 10 << 20;
    const SHOWN: usize = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let all = snapshot_of(folder.path(), &[("e.c", "e ".repeat(PLACES).as_bytes())]);
    let query = ReferenceQuery { name: "e", language: None, limit: 50, max_per_file: SHOWN };
    let ask = |time: Duration| {
        let begun = Instant::now();
        let stop = Stop::at(begun + time);
        (all.references(&query, &Origin::default(), &stop).unwrap(), begun.elapsed())
    };
    let (found, took) = ask(DEADLINE);
    println!("time was up: {}, after {took:?}", found.timed_out);
    assert!((found.timed_out || found.files.len() == 1) && took < HANG, "{took:?}");
    let (found, took) = ask(PATIENCE);
    println!("all within {took:?}");
    let [file] = found.files.as_slice() else { panic!("{took:?}") };
    assert_eq!((file.num_occurrences, file.occurrences.len()), (PLACES as u64, SHOWN));
    assert_eq!(file.occurrences[SHOWN - 1].column, 2 * SHOWN as u32 - 1);
    assert!(file.occurrences.iter().all(|one| one.text.len() <= 400), "{took:?}");
}

/// Deadly queries without a deadline hold every lane there is; a quick one still ends, since it need not
/// wait for any of them to end.
#[test]
fn a_light_query_gets_through_while_deadly_ones_run() {
    let all = nasty();
    let deadly = ax_query::parse("/[ab].{300}Z/ or /(?s)a.{400}Z/", &Limits::default()).unwrap();
    let light = ax_query::parse("file:rs \"w0007x\"", &Limits::default()).unwrap();
    let wide = ax_query::parse("file:rs abb", &Limits::default()).unwrap();
    let options = SearchOptions { limit: usize::MAX, count_only: true, ..Default::default() };
    let time = |query: &ax_query::Query| {
        let begun = Instant::now();
        let found = all.search(query, &options, &Stop::never()).unwrap();
        (found.num_files, begun.elapsed())
    };
    let median = |query: &ax_query::Query| {
        let mut times: Vec<_> = (0..15).map(|_| time(query)).collect();
        times.sort_by_key(|(_, time)| *time);
        times[7]
    };
    let alone = [median(&light), median(&wide)];
    let cancel = Arc::new(AtomicBool::new(false));
    let (told, long) = mpsc::channel();
    let on_long = OnLong::new(move || told.send(()).unwrap());
    let deadline = Some(Instant::now() + 2 * PATIENCE); // also if something fails meanwhile
    let stop = Stop { deadline, cancel: Some(cancel.clone()), on_long: Some(on_long) };
    let beside = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| all.search(&deadly, &options, &stop).unwrap());
        }
        // until then they are not told from quick ones
        (0..4).for_each(|_| long.recv_timeout(PATIENCE).unwrap());
        let beside = [median(&light), median(&wide)];
        cancel.store(true, Ordering::Relaxed);
        beside
    });
    println!("alone {alone:?}, beside four deadly ones {beside:?}");
    assert_eq!(alone.map(|(files, _)| files), beside.map(|(files, _)| files));
    assert!(beside.iter().all(|(_, time)| *time < HANG), "{beside:?}");
}
