//! A pattern matched with many names, of which most are short and plain.

use super::NameClass;
use crate::{
    EngineError, Result,
    grams::{GramIndex, Units},
    search::{folded::Folded, pace::Pace},
    symbols::Run,
};
use ax_query::{
    Pattern, PatternSyntax,
    grams::{Gram, GramLimits, GramQuery, fold, grams_of, plan},
};
use memchr::{memchr, memchr2, memmem};
use regex_automata::meta::Regex;
use regex_syntax::hir::{Look, literal};

/// Bytes of the compiled pattern of a name.
const NFA_BYTES: usize = 16 << 20;
/// Matches looked at within one name to find the best.
const MATCHES_PER_NAME: usize = 8;
/// Letters that a beginning is looked up by: more would make more of them, and hardly fewer names.
const BEGINNING_BYTES: usize = 4;
/// Trigrams that a name is asked for before it is searched.
const MAX_NEEDED: usize = 4;
/// Beginnings that are looked up.
const MAX_BEGINNINGS: usize = 256;

/// A pattern made ready to be matched with many names.
pub(super) struct Like {
    regex: Regex,
    formula: GramQuery,
    /// Trigrams that every match has: most names of a run lack one, and are not searched.
    needed: Vec<Gram>,
    /// What every match has, in either case, found in many names at once; none if that is not known, or it is one
    /// letter only, which most of them have.
    held: Option<Folded>,
    /// A plain word, which needs no automaton in a name of ASCII.
    word: Option<Word>,
    /// Finds the text as it was typed, where it is plain.
    typed: Option<memmem::Finder<'static>>,
    /// What every match at the beginning of a name begins with; none if that is not known.
    pub(super) beginnings: Option<Vec<Vec<u8>>>,
    /// Every text that matches, folded, if there are few and some have only two bytes: too short for a
    /// formula, and still some trigram holds each in every name that is longer.
    short: Vec<Vec<u8>>,
    /// No match begins anywhere else.
    pub(super) from_start: bool,
}

impl Like {
    pub(super) fn new(pattern: &Pattern) -> Result<Self> {
        let config = Regex::config().utf8_empty(false).nfa_size_limit(Some(NFA_BYTES));
        let built = Regex::builder().configure(config).build_from_hir(pattern.hir());
        let regex = built.map_err(|error| EngineError::RegexTooLarge(error.to_string()))?;
        let looks = pattern.hir().properties().look_set_prefix();
        // no name holds a line feed, so that its beginning is the only beginning of a line
        let from_start = looks.contains(Look::Start) || looks.contains(Look::StartLF);
        let texts = literal::Extractor::new().extract(pattern.hir());
        let formula = plan(pattern.hir(), &GramLimits::default());
        let (needed, word) = (needed(&formula), Word::of(pattern));
        let held = match &word {
            Some(word) => Some(word.text.as_slice()),
            None => needed.first().map(|gram| gram.as_slice()),
        };
        Ok(Self {
            regex,
            held: held.filter(|text| text.len() > 1).and_then(Folded::new),
            needed,
            formula,
            word,
            typed: typed(pattern),
            short: short(&texts),
            beginnings: beginnings(texts),
            from_start,
        })
    }

    /// The runs that may hold a name that matches.
    pub(super) fn units(&self, grams: &GramIndex) -> Result<Units> {
        grams.evaluate(&self.formula)
    }

    /// The runs that may hold a name in which a match begins anywhere but at its beginning.
    pub(super) fn units_within(&self, grams: &GramIndex) -> Result<Units> {
        match self.units(grams)? {
            Units::All if !self.short.is_empty() => grams.evaluate(&self.formula_of_short(grams)),
            units => Ok(units),
        }
    }

    fn formula_of_short(&self, grams: &GramIndex) -> GramQuery {
        let of_text = |text: &Vec<u8>| match text.as_slice() {
            [a, b] => {
                let with = grams.grams_with([*a, *b]).into_iter().map(GramQuery::Gram);
                GramQuery::or(with.collect())
            }
            longer => {
                let grams = longer.windows(3).map(|gram| [gram[0], gram[1], gram[2]]);
                GramQuery::and(grams.map(GramQuery::Gram).collect())
            }
        };
        GramQuery::or(self.short.iter().map(of_text).collect())
    }

    /// The places in a run of the names that may answer.
    pub(super) fn candidates(&self, run: &Run<'_>) -> impl Iterator<Item = usize> {
        let mut next = 0;
        std::iter::from_fn(move || {
            if let Some(held) = &self.held {
                let (at, _) = held.find(run.text_from(next), &Pace::new(&|| false))?;
                next = run.name_at(next, at);
            }
            next += 1;
            (next <= run.len()).then_some(next - 1)
        })
    }

    /// How a name answers; `None` if it does not.
    pub(super) fn class(&self, name: &[u8]) -> Option<NameClass> {
        match &self.word {
            Some(word) if name.is_ascii() => {
                let (start, end) = word.find_iter(name).next()?;
                if start == 0 {
                    return Some(NameClass::of_beginning(end == name.len()));
                }
                let text = std::str::from_utf8(name).ok()?;
                NameClass::of(text, word.find_iter(name).take(MATCHES_PER_NAME))
            }
            _ if !self.needed.iter().all(|gram| holds(name, *gram)) => None,
            _ => {
                let matches = self.regex.find_iter(name).take(MATCHES_PER_NAME);
                let text = String::from_utf8_lossy(name);
                NameClass::of(&text, matches.map(|m| (m.start(), m.end())))
            }
        }
    }

    /// Whether a name has what was typed in another case only.
    pub(super) fn is_other_case(&self, name: &[u8]) -> bool {
        self.typed.as_ref().is_some_and(|typed| typed.find(name).is_none())
    }
}

/// A word of ASCII, found in ASCII.
struct Word {
    text: Vec<u8>,
    case_sensitive: bool,
}

impl Word {
    fn of(pattern: &Pattern) -> Option<Self> {
        let text = pattern.source().as_bytes();
        let is_plain =
            pattern.syntax() == PatternSyntax::Literal && text.is_ascii() && !text.is_empty();
        let case_sensitive = pattern.case_sensitive();
        is_plain.then(|| Self { text: text.to_vec(), case_sensitive })
    }

    /// Its places in a name, none within another.
    fn find_iter<'w>(&'w self, name: &'w [u8]) -> impl Iterator<Item = (usize, usize)> + 'w {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.find(name, from)?;
            from = start + self.text.len();
            Some((start, from))
        })
    }

    fn find(&self, name: &[u8], mut from: usize) -> Option<usize> {
        let first = self.text[0];
        let (small, large) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        let last = name.len().checked_sub(self.text.len())?;
        while from <= last {
            let at = match self.case_sensitive {
                true => memchr(first, &name[from..=last])?,
                false => memchr2(small, large, &name[from..=last])?,
            };
            let here = &name[from + at..from + at + self.text.len()];
            let is_here = match self.case_sensitive {
                true => here == self.text,
                false => here.eq_ignore_ascii_case(&self.text),
            };
            if is_here {
                return Some(from + at);
            }
            from += at + 1;
        }
        None
    }
}

fn needed(formula: &GramQuery) -> Vec<Gram> {
    let of = |formula: &GramQuery| match formula {
        GramQuery::Gram(gram) => Some(*gram),
        _ => None,
    };
    match formula {
        GramQuery::And(members) => members.iter().filter_map(of).take(MAX_NEEDED).collect(),
        one => of(one).into_iter().collect(),
    }
}

fn holds(name: &[u8], gram: Gram) -> bool {
    grams_of(name).any(|there| there == gram)
}

/// Finds what was typed in the case in which it was, where that is plain text; a name without it differs
/// from it in case.
fn typed(pattern: &Pattern) -> Option<memmem::Finder<'static>> {
    let text = pattern.source().trim_start_matches('^').trim_end_matches('$');
    let is_plain = !text.is_empty() && text.chars().all(|c| c == '_' || c.is_alphanumeric());
    is_plain.then(|| memmem::Finder::new(text.as_bytes()).into_owned())
}

/// The first letters of every match, in each case; none if there are too many, or a match may be empty.
/// None of them begins another.
fn beginnings(mut texts: literal::Seq) -> Option<Vec<Vec<u8>>> {
    texts.keep_first_bytes(BEGINNING_BYTES);
    let literals = texts.literals()?.iter().map(|literal| literal.as_bytes().to_vec());
    let mut all: Vec<Vec<u8>> = literals.collect();
    all.sort_unstable();
    // in order, each comes right behind what begins it
    all.dedup_by(|longer, shorter| longer.starts_with(shorter));
    let is_some = !all.is_empty() && all.len() <= MAX_BEGINNINGS;
    (is_some && all.iter().all(|beginning| !beginning.is_empty())).then_some(all)
}

/// Every text that begins a match, folded; none if some has less than two bytes, or they are too many.
fn short(texts: &literal::Seq) -> Vec<Vec<u8>> {
    let literals = texts.literals().unwrap_or_default();
    let folded = |literal: &literal::Literal| literal.as_bytes().iter().map(|b| fold(*b)).collect();
    let mut all: Vec<Vec<u8>> = literals.iter().map(folded).collect();
    all.sort_unstable();
    all.dedup();
    let is_short = all.len() <= MAX_BEGINNINGS && all.iter().all(|text| text.len() >= 2);
    if is_short { all } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_query::{Atom, Expr, Limits};

    fn like(text: &str) -> Like {
        let query = ax_query::parse(text, &Limits::default()).unwrap();
        match query.expr {
            Expr::Atom(Atom::Sym { pattern, .. }) => Like::new(&pattern).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_word_is_found_as_its_expression_is() {
        for text in
            ["sym:ab", "sym:AB", "sym:a case:yes", "sym:aa", "sym:_", "sym:\"a.b\"", "sym:k"]
        {
            let like = like(text);
            assert!(like.word.is_some(), "{text}");
            let plain = Like { word: None, ..self::like(text) };
            for name in [
                "ab",
                "AB",
                "aB_ab",
                "xab",
                "a",
                "",
                "aaa",
                "aAaa",
                "a.b",
                "axb",
                "_a_b",
                "K",
                "sKy",
                "k\u{e9}",
                "\u{212a}",
                "caf\u{e9}ab",
            ] {
                let name = name.as_bytes();
                assert_eq!(like.class(name), plain.class(name), "{text} {name:?}");
            }
        }
    }

    #[test]
    fn names_without_what_every_match_has_are_not_searched() {
        let texts =
            ["lock$", "/[a-z]+_probe$/", "/^spin_.*irq/", "/(ab|c)+def/", "init", "/x{3}y?/"];
        let names = [
            "lock",
            "spin_LOCK",
            "loc\u{212a}",
            "locks",
            "a_probe",
            "A_PROBE",
            "_probe",
            "probe",
            "spin_unlock_irq",
            "spinirq",
            "cdef",
            "ABDEF",
            "def",
            "\u{130}n\u{131}t",
            "inIT",
            "xxx",
            "xx",
        ];
        for text in texts {
            let like = like(&format!("sym:{text}"));
            let searched =
                Like { needed: Vec::new(), word: None, ..self::like(&format!("sym:{text}")) };
            assert!(!like.needed.is_empty(), "{text}");
            for name in names.map(str::as_bytes) {
                assert_eq!(like.class(name), searched.class(name), "{text} {name:?}");
            }
        }
    }

    #[test]
    fn beginnings_are_those_of_every_match() {
        let of = |text: &str| like(text).beginnings.map(|all| all.len());
        assert_eq!(of("sym:Lock"), Some(1));
        assert_eq!(of("sym:a"), Some(2));
        assert_eq!(of("sym:/^spin_.*/ case:yes"), Some(1));
        assert_eq!(of("sym:/(foo|foobar|x)/ case:yes"), Some(2), "foobar begins with foo");
        for unknown in ["sym:/.x/", "sym:/x*/", "sym:/[^a]b/", "sym:/(a|)/"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        let kelvin = like("sym:k").beginnings.unwrap();
        assert!(kelvin.contains(&"\u{212a}".as_bytes().to_vec()), "{kelvin:?}");
        assert!(like("sym:^lock").from_start && like("sym:/^a|^b/").from_start);
        assert!(!like("sym:lock$").from_start && !like("sym:/^a|b/").from_start);
    }
}
