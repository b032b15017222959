//! The analysis of an expression, from its leaves up.

use regex_syntax::hir::{Hir, HirKind, Repetition};

use super::strings::Strings;
use super::{GramLimits, GramQuery};

/// Copies of a counted repetition that are looked at one by one.
const MAX_COPIES: u32 = 16;

/// The formula that every text with a match of the expression satisfies.
///
/// Costs time in proportion to the tree and to the limits, whatever its counts say.
pub fn plan(hir: &Hir, limits: &GramLimits) -> GramQuery {
    let formula = match analyse(hir, limits) {
        Info::Exact(strings) => strings.formula(),
        Info::Partial { formula, .. } => formula,
    };
    formula.within(limits)
}

/// What is known of the matches of an expression.
#[derive(Debug, Clone)]
enum Info {
    /// They are these strings.
    Exact(Strings),
    /// They start with one of `prefix`, end with one of `suffix`, and satisfy `formula`.
    Partial { prefix: Strings, suffix: Strings, formula: GramQuery },
}

impl Info {
    /// Of an expression that may match anything.
    fn any() -> Self {
        let (prefix, suffix) = (Strings::empty_string(), Strings::empty_string());
        Self::Partial { prefix, suffix, formula: GramQuery::All }
    }

    fn into_partial(self, limits: &GramLimits) -> (Strings, Strings, GramQuery) {
        match self {
            Self::Exact(strings) => {
                (strings.prefixes(limits), strings.suffixes(limits), strings.formula())
            }
            Self::Partial { prefix, suffix, formula } => (prefix, suffix, formula),
        }
    }
}

/// Recursion is as deep as the tree, which the parser bounds.
fn analyse(hir: &Hir, limits: &GramLimits) -> Info {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Info::Exact(Strings::empty_string()),
        HirKind::Literal(literal) => Info::Exact(Strings::of_literal(&literal.0)),
        HirKind::Class(class) => {
            Strings::of_class(class, limits).map_or_else(Info::any, Info::Exact)
        }
        HirKind::Capture(capture) => analyse(&capture.sub, limits),
        HirKind::Repetition(repetition) => repeated(repetition, limits),
        HirKind::Concat(subs) => {
            let mut run = Run::new();
            subs.iter().for_each(|sub| run.append(analyse(sub, limits), limits));
            run.finish(limits)
        }
        HirKind::Alternation(subs) => {
            let share = limits.shared_by(subs.len());
            either(subs.iter().map(|sub| analyse(sub, &share)).collect(), limits)
        }
    }
}

fn either(members: Vec<Info>, limits: &GramLimits) -> Info {
    let all_exact: Option<Vec<&Strings>> = members
        .iter()
        .map(|member| if let Info::Exact(strings) = member { Some(strings) } else { None })
        .collect();
    if let Some(strings) = all_exact {
        let union = Strings::union(strings.into_iter());
        if union.fits(limits) {
            return Info::Exact(union);
        }
    }
    let (mut prefixes, mut suffixes, mut formulas) = (Vec::new(), Vec::new(), Vec::new());
    for member in members {
        let (prefix, suffix, formula) = member.into_partial(limits);
        prefixes.push(prefix);
        suffixes.push(suffix);
        formulas.push(formula);
    }
    Info::Partial {
        prefix: Strings::union(prefixes.iter()).prefixes(limits),
        suffix: Strings::union(suffixes.iter()).suffixes(limits),
        formula: GramQuery::or(formulas).within(limits),
    }
}

fn repeated(repetition: &Repetition, limits: &GramLimits) -> Info {
    let sub = analyse(&repetition.sub, limits);
    if repetition.min == 0 {
        return match (sub, repetition.max) {
            (exact @ Info::Exact(_), Some(1)) => {
                either(vec![exact, Info::Exact(Strings::empty_string())], limits)
            }
            _ => Info::any(),
        };
    }
    let copies = repetition.min.min(MAX_COPIES);
    let mut run = Run::new();
    // what the first copy demands need not be demanded again
    let bare = match &sub {
        Info::Exact(_) => sub.clone(),
        Info::Partial { prefix, suffix, .. } => Info::Partial {
            prefix: prefix.clone(),
            suffix: suffix.clone(),
            formula: GramQuery::All,
        },
    };
    run.append(sub, limits);
    (1..copies).for_each(|_| run.append(bare.clone(), limits));
    let known = run.finish(limits);
    if repetition.max == Some(copies) {
        return known;
    }
    // more copies may follow: the first and the last ones still stand at the ends
    let (prefix, suffix, formula) = known.into_partial(limits);
    Info::Partial { prefix, suffix, formula }
}

/// A concatenation that is read from the left.
struct Run {
    /// What matches start with; none as long as `tail` is the whole of them.
    prefix: Option<Strings>,
    /// What matches end with, as long as it can be told. Its trigrams are not in `formulas` yet.
    tail: Strings,
    formulas: Vec<GramQuery>,
    /// Trigrams in `formulas`; once they are many enough, no more are looked for.
    num_grams: usize,
}

impl Run {
    fn new() -> Self {
        let tail = Strings::empty_string();
        Self { prefix: None, tail, formulas: Vec::new(), num_grams: 0 }
    }

    fn append(&mut self, next: Info, limits: &GramLimits) {
        match next {
            Info::Exact(strings) => self.append_exact(strings, limits),
            Info::Partial { prefix, suffix, formula } => {
                self.flush(&prefix, limits);
                self.demand(|| formula, limits);
                self.tail = suffix;
            }
        }
    }

    fn append_exact(&mut self, strings: Strings, limits: &GramLimits) {
        if self.num_grams >= limits.max_grams {
            self.tail = strings;
            return;
        }
        if let Some(longer) = self.tail.times(&strings, limits) {
            self.tail = longer;
            return;
        }
        self.flush(&strings.prefixes(limits), limits);
        let over_edge = self.tail.suffixes(limits).times(&strings, limits);
        self.tail = over_edge.unwrap_or(strings);
    }

    /// Writes down the tail's trigrams, those over the edge to what follows included.
    fn flush(&mut self, next: &Strings, limits: &GramLimits) {
        let longer = self.tail.times(next, limits);
        if self.prefix.is_none() {
            self.prefix = Some(longer.as_ref().unwrap_or(&self.tail).prefixes(limits));
        }
        match longer {
            // demands at least what the tail alone does
            Some(longer) => self.demand(|| longer.formula(), limits),
            None => {
                let tail = self.tail.formula();
                self.demand(|| tail, limits);
                if let Some(over_edge) = self.tail.suffixes(limits).times(next, limits) {
                    self.demand(|| over_edge.formula(), limits);
                }
            }
        }
    }

    fn demand(&mut self, formula: impl FnOnce() -> GramQuery, limits: &GramLimits) {
        if self.num_grams < limits.max_grams {
            let formula = formula();
            self.num_grams += formula.num_grams();
            self.formulas.push(formula);
        }
    }

    fn finish(mut self, limits: &GramLimits) -> Info {
        let Some(prefix) = self.prefix.take() else {
            return Info::Exact(self.tail);
        };
        let tail = self.tail.formula();
        self.demand(|| tail, limits);
        let suffix = self.tail.suffixes(limits);
        Info::Partial { prefix, suffix, formula: GramQuery::and(self.formulas).within(limits) }
    }
}
