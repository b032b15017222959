//! Random regular expressions, five thousand of them: what the engine finds by trigrams, blocks and its
//! own order of work, against the `regex` crate reading every text from its beginning to its end.
//!
//! The expressions are made as trees, so that each has two spellings: the query's, and the one that says
//! in words of the `regex` crate what it means here (a pattern that does not name the newline cannot
//! match it). Texts are made of what the trees match. Everything follows from a seed, which is printed.
#![allow(clippy::unwrap_used)] // test support: the lint knows test functions only

#[path = "all/common/mod.rs"]
mod common;

use ax_engine::{FileHit, SearchOptions, Snapshot};
use ax_query::grams::{GramLimits, plan};
use ax_query::{Atom, Expr, Limits};
use common::{search, search_with, snapshot_of};
use regex::bytes::{Regex, RegexBuilder};
use std::collections::{BTreeMap, HashSet};

const BATCHES: u64 = 28;
const REGEXES: usize = 125;
const TEXTS: usize = 20;

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, num: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % num as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

enum Tree {
    Literal(&'static str),
    /// Spelt, spelt without the newline, and what it matches.
    Class(&'static str, &'static str, &'static [&'static str]),
    Look(&'static str),
    All(Vec<Tree>),
    One(Vec<Tree>),
    Times(Box<Tree>, &'static str, usize),
    Group(&'static str, Box<Tree>),
}

const LITERALS: &[&str] = &[
    "a", "b", "ab", "foo", "Bar", "needle", "k", "K", "s", "ſ", "\u{212a}", "é", "É", "ß", "Σ",
    "ς", "İ", "x1", "_", " ", "0", "42", "=", "日本", "🦀",
];

const CLASSES: &[(&str, &str, &[&str])] = &[
    ("[ab]", "[ab]", &["a", "b"]),
    ("[a-f]", "[a-f]", &["a", "e"]),
    ("[^a]", r"[^a\n]", &["b", "é", " "]),
    ("[^a-z0]", r"[^a-z0\n]", &["A", "Σ", "_"]),
    (r"\w", r"\w", &["a", "é", "_", "0"]),
    (r"\W", r"[\W--\n]", &[" ", "=", "🦀"]),
    (r"\d", r"\d", &["0", "4"]),
    (r"\D", r"[\D--\n]", &["a", " "]),
    (r"\s", r"[\s--\n]", &[" ", "\t", "\r"]),
    (r"\S", r"[\S--\n]", &["a", "日"]),
    (".", ".", &["a", "é", "x"]),
    (r"\pL", r"\pL", &["a", "Σ", "日"]),
    (r"\P{Greek}", r"[\P{Greek}--\n]", &["a", "0"]),
    ("[[:alpha:]_]", "[[:alpha:]_]", &["b", "_"]),
    (r"[\w&&[^k]]", r"[\w&&[^k]]", &["a", "s"]),
    (r"[ks]", r"[ks]", &["k", "S", "ſ"]),
    (r"(?-u:[a-k])", r"(?-u:[a-k])", &["k", "a"]),
    (r"(?-u:\w)", r"(?-u:\w)", &["k", "_"]),
    (r"(?i:foo)", r"(?i:foo)", &["foo", "FOO", "fOo"]),
    (r"(?s:.)", r"(?s:.)", &["\n", "a"]),
    (r"\n", r"\n", &["\n"]),
    (r"[\s\S]", r"[\s\S]", &["\n", "b"]),
    (r"\x41", r"\x41", &["A"]),
    (r"\r?", r"\r?", &["", "\r"]),
];

const LOOKS: &[&str] =
    &["^", "$", r"\b", r"\B", r"\A", r"\z", r"\b{start}", r"\b{end}", "(?-u:\\b)", "(?-m:^)"];

const TIMES: &[(&str, usize)] = &[
    ("*", 0),
    ("*", 2),
    ("+", 1),
    ("+", 3),
    ("?", 0),
    ("?", 1),
    ("*?", 1),
    ("+?", 2),
    ("??", 1),
    ("{2}", 2),
    ("{3}", 3),
    ("{1,3}", 2),
    ("{0,2}", 1),
    ("{2,}", 2),
    ("{2,4}?", 3),
    ("{0}", 0),
];

impl Tree {
    fn random(random: &mut Random, depth: usize) -> Self {
        let many = |random: &mut Random, most: usize| -> Vec<Self> {
            (0..1 + random.below(most)).map(|_| Self::random(random, depth - 1)).collect()
        };
        match if depth == 0 { random.below(10) } else { random.below(20) } {
            0..=4 => Self::Literal(random.pick(LITERALS)),
            5..=7 => {
                // what spans lines is rarer: it makes the whole pattern do so
                let (spelt, one_line, samples) = CLASSES[random.below(CLASSES.len())];
                let again = spelt.contains(r"\n") || spelt.contains("s:") || spelt.contains(r"\S]");
                match again && random.below(3) > 0 {
                    true => Self::Literal(random.pick(LITERALS)),
                    false => Self::Class(spelt, one_line, samples),
                }
            }
            8 => Self::Look(random.pick(LOOKS)),
            9 => Self::Literal(""),
            10..=14 => Self::All(many(random, 4)),
            15 | 16 => Self::One(many(random, 4)),
            17 | 18 => {
                let (times, copies) = TIMES[random.below(TIMES.len())];
                Self::Times(Box::new(Self::random(random, depth - 1)), times, copies)
            }
            _ => {
                let flag = random.pick(&["", "?:", "?i:", "?-i:", "?s:", "?U:", "?i-u:", "?P<n>"]);
                // names of groups must differ, so that only the outermost has one
                let flag = if flag == "?P<n>" && depth < 3 { "" } else { flag };
                let inner = Self::random(random, depth - 1);
                let is_ascii = inner.spelt(false).is_ascii() && !inner.spelt(false).contains(r"\p");
                Self::Group(
                    if flag == "?i-u:" && !is_ascii { "?i:" } else { flag },
                    Box::new(inner),
                )
            }
        }
    }

    fn spelt(&self, one_line: bool) -> String {
        let each = |all: &[Self], between: &str| {
            all.iter().map(|tree| tree.spelt(one_line)).collect::<Vec<_>>().join(between)
        };
        match self {
            Self::Literal(text) => (*text).to_owned(),
            Self::Class(_, without, _) if one_line => (*without).to_owned(),
            Self::Class(spelt, ..) => (*spelt).to_owned(),
            Self::Look(look) => (*look).to_owned(),
            Self::All(all) => each(all, ""),
            Self::One(all) => format!("(?:{})", each(all, "|")),
            Self::Times(inner, times, _) => format!("(?:{}){times}", inner.spelt(one_line)),
            Self::Group(flag, inner) => format!("({flag}{})", inner.spelt(one_line)),
        }
    }

    /// A text that it is likely to match.
    fn sample(&self, random: &mut Random, out: &mut String) {
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Class(_, _, samples) => out.push_str(random.pick(samples)),
            Self::Look(_) => {}
            Self::All(all) => all.iter().for_each(|tree| tree.sample(random, out)),
            Self::One(all) => all[random.below(all.len())].sample(random, out),
            Self::Times(inner, _, copies) => (0..*copies).for_each(|_| inner.sample(random, out)),
            Self::Group(_, inner) => inner.sample(random, out),
        }
    }
}

fn text_of(trees: &[Tree], random: &mut Random, num_pieces: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..num_pieces {
        let mut piece = String::new();
        trees[random.below(trees.len())].sample(random, &mut piece);
        text.extend_from_slice(
            match random.below(6) {
                0 => piece.to_uppercase(),
                1 => piece.to_lowercase(),
                _ => piece,
            }
            .as_bytes(),
        );
        let between: &[&[u8]] = &[
            b"",
            b"",
            b" ",
            b" ",
            b"\n",
            b"\n",
            b"_",
            b"\r\n",
            b"k",
            "é".as_bytes(),
            b"\xff",
            b"\0",
            b"\n\n",
        ];
        text.extend_from_slice(random.pick(between));
    }
    text
}

/// Lines by number, each with its matches; of a line that is not UTF-8, only that it matches.
type Lines = BTreeMap<u64, Option<Vec<(u32, u32)>>>;

/// By a plain reading.
fn expected(regex: &Regex, text: &[u8]) -> Lines {
    let matches: Vec<(usize, usize)> =
        regex.find_iter(text).map(|found| (found.start(), found.end())).collect();
    let (mut lines, mut start) = (Lines::new(), 0);
    for (i, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let whole = start..start + line.len();
        let shown = start + line.strip_suffix(b"\n").unwrap_or(line).len();
        let is_last = whole.end == text.len() && whole.end == shown;
        let touches = |&(from, to): &(usize, usize)| {
            let last = to.saturating_sub(1).max(from);
            from < whole.end && last >= start || is_last && from == to && from == whole.end
        };
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (from, to) in matches.iter().copied().filter(|found| touches(found)) {
            let range = (from.clamp(start, shown) - start, to.clamp(start, shown) - start);
            let range = (range.0 as u32, range.1 as u32);
            if ranges.last() != Some(&range) {
                ranges.push(range);
            }
        }
        if !ranges.is_empty() {
            let shown = std::str::from_utf8(line).ok();
            lines.insert(i as u64 + 1, shown.map(|line| on_characters(line, &ranges)));
        }
        start = whole.end;
    }
    lines
}

/// What begins or ends inside of a character is shown with the whole of it.
fn on_characters(line: &str, ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let floor = |at: u32| line.floor_char_boundary(at as usize) as u32;
    let ceil = |at: u32| line.ceil_char_boundary(at as usize) as u32;
    ranges.iter().map(|(from, to)| (floor(*from), ceil(*to))).collect()
}

fn found(file: &FileHit) -> Lines {
    let shown = |line: &ax_engine::LineHit| {
        // what is not UTF-8 is shown as a stand-in, and that changes the places
        let is_text = !line.text.contains('\u{fffd}');
        (line.number, is_text.then(|| line.ranges.clone()))
    };
    file.lines.iter().map(shown).collect()
}

struct Batch {
    seed: u64,
    all: Snapshot,
    texts: Vec<(String, Vec<u8>)>,
    num_matched: usize,
    /// Expressions of which every match holds some trigram: the others read every text.
    num_planned: usize,
}

impl Batch {
    fn check(&mut self, tree: &Tree, case: &str) -> bool {
        let query = format!("case:{case} content:/{}/", tree.spelt(false));
        let Ok(parsed) = ax_query::parse(&query, &Limits::default()) else { return false };
        let Expr::Atom(Atom::Text { pattern, .. }) = &parsed.expr else { return false };
        let plain = tree.spelt(!pattern.multi_line());
        let plain = RegexBuilder::new(&plain)
            .multi_line(true)
            .case_insensitive(case == "no")
            .build()
            .unwrap_or_else(|error| panic!("seed {}: {query}: {error}", self.seed));
        let grams = plan(pattern.hir(), &GramLimits::default());
        self.num_planned += usize::from(grams.num_grams() > 0);
        let outcome = search(&self.all, &query);
        let options = SearchOptions { count_only: true, limit: usize::MAX, ..Default::default() };
        let counted = search_with(&self.all, &query, &options);
        let (files, lines) = (outcome.num_files, outcome.num_lines);
        assert_eq!(
            (counted.num_files, counted.num_lines),
            (files, lines),
            "{}: {query}",
            self.seed
        );
        let mut by_path: BTreeMap<&str, Lines> =
            outcome.files.iter().map(|file| (file.key.path.as_str(), found(file))).collect();
        for (path, text) in &self.texts {
            let (expected, found) = (expected(&plain, text), by_path.remove(path.as_str()));
            let found = found.unwrap_or_default();
            assert_eq!(
                found,
                expected,
                "seed {}: {query} over {:?}",
                self.seed,
                String::from_utf8_lossy(&text[..text.len().min(400)])
            );
            self.num_matched += usize::from(!expected.is_empty());
        }
        true
    }
}

#[test]
fn five_thousand_expressions_find_what_a_plain_reading_finds() {
    let mut seen = HashSet::new();
    let (mut num_matched, mut num_planned) = (0, 0);
    for seed in 0..BATCHES {
        let mut random = Random(seed);
        let mut root = || Tree::All((0..3).map(|_| Tree::random(&mut random, 3)).collect());
        let trees: Vec<Tree> = (0..REGEXES * 3 / 2).map(|_| root()).collect();
        // one text of several blocks now and then
        let pieces = |i: usize| if i as u64 + 1 == seed % 8 { 1_500 } else { 1 + i * 2 };
        let texts: Vec<(String, Vec<u8>)> = (0..TEXTS)
            .map(|i| (format!("f{i}"), text_of(&trees, &mut random, pieces(i))))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<(&str, &[u8])> =
            texts.iter().map(|(path, text)| (path.as_str(), text.as_slice())).collect();
        let all = snapshot_of(folder.path(), &files);
        let mut batch = Batch { seed, all, texts, num_matched: 0, num_planned: 0 };
        for tree in &trees {
            let spelt = tree.spelt(false);
            let case = random.pick(&["yes", "no"]);
            if !spelt.is_empty() && !seen.contains(&spelt) && batch.check(tree, case) {
                seen.insert(spelt);
            }
        }
        num_matched += batch.num_matched;
        num_planned += batch.num_planned;
    }
    let num = seen.len();
    println!("{num} expressions, {num_planned} by trigrams, {num_matched} pairs with matches");
    assert!(num >= 5_000 && num_matched > 25_000, "{num} {num_matched}");
    assert!(num_planned >= 1_000, "{num_planned} of {num} demand a trigram");
}
