//! What is searched for: drawn from the corpus by a fixed seed, and chosen by hand.
//!
//! `\A` is not among it. In ax it is the start of the file; ripgrep 13 takes it for the start of each
//! line, and with `--multiline` finds it again behind every match.

use crate::corpus::Corpus;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

/// The same draw in every run.
const SEED: u64 = 20_260_214;

/// How a pattern's text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    Literal,
    /// A regular expression that matches within lines.
    Regex,
    /// A regular expression that may match across lines: ripgrep's `--multiline`.
    MultiLine,
}

/// One thing to search for, in both.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// How it is meant.
    pub kind: Kind,
    /// As ripgrep takes it.
    pub text: String,
    /// Whether upper and lower case differ.
    pub case_sensitive: bool,
}

impl Pattern {
    /// As ax takes it.
    pub fn query(&self) -> String {
        let case = if self.case_sensitive { "yes" } else { "no" };
        match self.kind {
            Kind::Literal => format!("case:{case} content:\"{}\"", quoted(&self.text)),
            Kind::Regex | Kind::MultiLine => {
                format!("case:{case} content:/{}/", slashed(&self.text))
            }
        }
    }
}

/// A slash before a space would be a division, and no regular expression.
fn slashed(text: &str) -> String {
    let text = text.replace('/', r"\/");
    text.strip_prefix(' ').map_or(text.clone(), |rest| format!(r"\x20{rest}"))
}

fn quoted(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\t', r"\t").replace('\r', r"\r")
}

/// All of them.
pub fn all(corpus: &Corpus) -> Vec<Pattern> {
    let mut draw = Draw { corpus, random: StdRng::seed_from_u64(SEED) };
    let mut patterns = Vec::new();
    for _ in 0..55 {
        patterns.extend(draw.identifiers());
        patterns.extend(draw.fragments());
    }
    for _ in 0..25 {
        patterns.push(draw.two_lines());
    }
    for (kind, texts) in
        [(Kind::Literal, LITERALS), (Kind::Regex, REGEXES), (Kind::MultiLine, MULTI_LINE)]
    {
        for text in texts {
            for case_sensitive in [true, false] {
                patterns.push(Pattern { kind, text: (*text).to_owned(), case_sensitive });
            }
        }
    }
    patterns
}

struct Draw<'a> {
    corpus: &'a Corpus,
    random: StdRng,
}

impl Draw<'_> {
    /// An identifier as text, and in a regular expression of some shape.
    fn identifiers(&mut self) -> [Pattern; 2] {
        let word = self.word();
        let other = self.word();
        let shapes = [
            format!(r"\b{word}\b"),
            format!(r"^\s*(pub |let |use )?{word}"),
            format!(r"{word}[\w:]*\("),
            format!("({word}|{other})"),
            format!(r"{word}\W+\w+$"),
            format!("{}.?{}", &word[..2], &word[2..]),
            format!("{}[a-z_]{{1,4}}", &word[..word.len() - 1]),
            format!(r"\B{}", &word[1..]),
        ];
        let shape = shapes.choose(&mut self.random).expect("there are shapes").clone();
        let case_sensitive = self.random.random_bool(0.5);
        let text = if case_sensitive { word } else { word.to_uppercase() };
        [
            Pattern { kind: Kind::Literal, text, case_sensitive },
            Pattern {
                kind: Kind::Regex,
                text: shape,
                case_sensitive: self.random.random_bool(0.7),
            },
        ]
    }

    /// A piece of a line as text, and escaped in a regular expression with any white space for its own.
    fn fragments(&mut self) -> [Pattern; 2] {
        let piece = self.fragment();
        let escaped = regex::escape(&self.fragment()).replace(' ', r"\s+");
        [
            Pattern {
                kind: Kind::Literal,
                text: piece,
                case_sensitive: self.random.random_bool(0.7),
            },
            Pattern {
                kind: Kind::Regex,
                text: escaped,
                case_sensitive: self.random.random_bool(0.7),
            },
        ]
    }

    /// Two lines that follow one another.
    fn two_lines(&mut self) -> Pattern {
        let pair = self.until(|lines, at| {
            let (first, second) = (&lines[at], lines.get(at + 1)?);
            let fits = [first, second].iter().all(|line| (3..80).contains(&line.trim().len()));
            fits.then(|| (regex::escape(first), regex::escape(second.trim())))
        });
        let joint = *[r"\n\s*", r"\r?\n[ \t]*", r"\s*\n\s*"]
            .choose(&mut self.random)
            .expect("there are joints");
        let text = format!("{}{joint}{}", pair.0, pair.1);
        Pattern { kind: Kind::MultiLine, text, case_sensitive: self.random.random_bool(0.7) }
    }

    fn word(&mut self) -> String {
        self.until(|lines, at| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let mut words = lines[at].split(|c| !is_part(c));
            words.rfind(|word| (4..24).contains(&word.len())).map(str::to_owned)
        })
    }

    fn fragment(&mut self) -> String {
        let (skip, take) = (self.random.random_range(0..12), self.random.random_range(3..40));
        self.until(|lines, at| {
            let piece: String = lines[at].trim().chars().skip(skip).take(take).collect();
            let is_plain = piece.chars().all(|c| c == '\t' || !c.is_control());
            (piece.trim().len() > 2 && is_plain).then_some(piece)
        })
    }

    /// Looks at random lines until `make` makes something of one.
    fn until<T>(&mut self, make: impl Fn(&[String], usize) -> Option<T>) -> T {
        loop {
            let lines = self.corpus.lines_of(self.random.random_range(0..usize::MAX));
            if lines.is_empty() {
                continue;
            }
            let at = self.random.random_range(0..lines.len());
            if let Some(made) = make(&lines, at) {
                return made;
            }
        }
    }
}

const LITERALS: &[&str] = &[
    "needle",
    "k",
    "K",
    "kelvin",
    "\u{212a}",
    "\u{212a}elvin",
    "s",
    "set",
    "miss",
    "\u{17f}",
    "i",
    "istanbul",
    "\u{130}",
    "\u{131}",
    "stra\u{df}e",
    "STRA\u{1e9e}E",
    "strasse",
    "\u{df}",
    "\u{3c3}",
    "\u{3a3}",
    "\u{3bf}\u{3b4}\u{3bf}\u{3c2}",
    "\u{e9}t\u{e9}",
    "\u{e9}",
    "e\u{301}",
    "\u{e5}ngstr\u{f6}m",
    "\u{212b}",
    "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}",
    "\u{4f60}",
    "\u{1f600}",
    "\u{1c5}",
    "\u{10428}",
    "\u{13a0}",
    "aa",
    "aaa",
    "aba",
    "a.b*c",
    "(x)[y]{z}",
    "^start$",
    "back\\slash",
    "//",
    "\\n",
    "\"quoted\"",
    "--flag",
    "->",
    "#hash &and",
    "\t",
    "a\tb",
    "\u{c}",
    "\r",
    "end\r",
    "\u{a0}",
    "\u{2028}",
    "\u{85}",
    "\u{feff}",
    " ",
    "  ",
    "()",
    "line 4985 needle",
    "x needle",
    "xneedle",
    "ab needle",
];

const REGEXES: &[&str] = &[
    "^needle",
    "needle$",
    "^needle$",
    "^",
    "$",
    "^$",
    r"^\s*$",
    r"^\s+$",
    r"\s$",
    r"needle\r$",
    r"\r",
    r"\r$",
    "^.$",
    ".",
    "a*",
    "x*$",
    "(|needle)",
    "z?",
    r"\b",
    r"\B",
    r"\bfoo\b",
    r"\bfoo",
    r"foo\b",
    r"\Bfoo",
    r"foo\B",
    r"\bfoo\B",
    r"(?-u:\b)foo(?-u:\b)",
    r"\bs\b",
    "aa",
    "a{2}",
    "a{3,}",
    "(aa)+",
    "a+?",
    "a*?b",
    "(ab)+a",
    "aXa",
    "(a|aa)$",
    "[aeiou]{4}",
    "[^a-z]needle",
    "[^ -~]",
    r"[^\x00-\x7f]",
    r"\w+needle",
    r"needle\w+",
    r"\d{6,}",
    r"\x41\x42",
    r"\u{212a}",
    r"\p{Greek}",
    r"\p{Lu}\p{Ll}\p{Lu}",
    r"\p{Cyrillic}+",
    r"\P{ASCII}",
    r"[[:alpha:]]{24}",
    r"[[:^ascii:]]",
    r"(?i)NEEDLE",
    r"(?-i)Needle",
    r"(?i:K)elvin",
    r"(?i)stra\u{df}e",
    "[k]elvin",
    "[a-k]elvin",
    "[^k]elvin",
    "(k|K)elvin",
    "mi(s|\u{17f})+",
    "\u{3c3}$",
    "\u{e9}+",
    "^.{2}$",
    "^.{100,}$",
    r"needle.*needle",
    r"x{50}needle",
    r"(x+x+)+y",
    r"fn \w+\(&self\)",
    r"impl<.*> .* for",
    r"->\s*\{",
    r"[\[\]{}()]{4}",
    r"\\n",
    r"//+ ?[A-Z]",
    r"\\/",
    "\"[^\"]*\"$",
    r"(?x) need le # comment",
    r"foo(?:bar|_bar|-bar)",
    r"foo[^b]bar",
    "foo|bar|baz|needle",
    "needle|",
    r"a[\t\f\v]b",
    r"a.b",
    r"a\sb",
    r"a\Sb",
    r"^\W+$",
    r"(?-u:[^\x00-\x7f])",
    r"[\s\S--\n]needle",
    r"\x0c",
    r"\x00",
    r"[0-9a-f]{8}-?[0-9a-f]{4}",
    r"\b(\w)(\w)\b",
    r"^use (std|core)::",
    r"unsafe \{",
    r"TODO|FIXME|XXX",
    r"(?:\w+::){3}",
    r"'[a-z]\b",
    r"#\[derive\(.*Debug.*\)\]",
];

const MULTI_LINE: &[&str] = &[
    r"begin\n",
    r"\nend",
    r"begin\nend",
    r"begin\n\nend",
    r"(?s)begin.*?end",
    r"(?s:begin.+end)",
    r"begin[\s\S]*?end",
    r"begin(\n\w+)*\nend",
    r"\n\n",
    r"\n\n\n",
    r"^\n",
    r"\n$",
    r"\r\n",
    r"needle\r\n",
    r"needle\r?\n",
    r"[^\n]\n[^\n]\n\n",
    r"one\n?two",
    r"(?s)first.needle",
    r"two\n|one",
    r"a\n\u{3c2}?",
    r"\u{3c3}\n\u{3c2}",
    r"k\nk",
    r"(?m)^two$\n^end$",
    r"aaa\naaaa\n",
    r"\}\n\}\n\z",
    r"\{\n\s*\}",
    r"\)\n\s+->",
    r"#\[test\]\n\s*fn",
    r"\n[ \t]+\n",
    "old mac\rneedle[^x]*\n?",
];
