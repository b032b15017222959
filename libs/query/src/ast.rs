//! The syntax tree of a query.

use std::ops::Range;

use crate::{FactFilter, KindFilter, Matcher, Pattern, Shape, SizeRange};

/// A parsed query. `Display` prints its canonical form, which parses to an equal query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What must hold of a file. Never an empty `And` or `Or`.
    pub expr: Expr,
    /// The `case:` that was asked for; each pattern already carries what follows from it.
    pub case: CaseMode,
    /// What is asked of the answer.
    pub shape: Shape,
}

/// A boolean formula over [`Atom`]s. `And` and `Or` have at least two members, and none of their kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All hold of the same file.
    And(Vec<Expr>),
    /// One holds at least.
    Or(Vec<Expr>),
    /// Does not hold.
    Not(Box<Expr>),
    /// One condition.
    Atom(Atom),
}

/// One condition on a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Atom {
    /// The pattern matches in the field.
    Text {
        /// What to look for; it knows its case sensitivity.
        pattern: Pattern,
        /// Where to look.
        field: Field,
    },
    /// The repository's name matches (`repo:`).
    Repo(Matcher),
    /// The file's path matches (`file:`).
    File(Matcher),
    /// The file is of a language (`lang:`).
    Lang(LangFilter),
    /// The file stands on a branch whose name matches (`branch:`), or on the default branch of its
    /// repository if it [`is_head`](Matcher::is_head).
    Branch(Matcher),
    /// The name of a symbol defined in the file matches (`sym:`).
    Sym {
        /// What to look for in names.
        pattern: Pattern,
        /// What the symbol must be: a kind out of each (`symkind:`).
        kinds: Vec<KindFilter>,
    },
    /// The file's size is within the range (`size:`).
    Size(SizeRange),
    /// What is known of the repository is so (`archived:`, `fork:`, `public:`, `visibility:`).
    Fact(FactFilter),
}

/// Where a text pattern looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// In the content (`content:`).
    Content,
    /// In the content or in the path: the default of a pattern without a filter.
    Either,
}

/// How the letters' case counts in patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CaseMode {
    /// Sensitive when some text or `sym:` pattern of the query has an upper-case letter.
    #[default]
    Auto,
    /// Always sensitive.
    Yes,
    /// Never sensitive.
    No,
}

/// The value of a `lang:` filter: a name, alias or extension that the reader of the query resolves,
/// since this crate knows no languages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LangFilter {
    /// As typed, unquoted.
    pub name: String,
    /// Where the value stands in the query, so that an unknown name can be pointed at.
    pub place: Place,
}

/// Bytes `[start, end)` of the query's text. Equal to every other place, so that two queries that mean
/// the same are equal wherever their words stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl std::hash::Hash for Place {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl From<Range<usize>> for Place {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

impl Query {
    /// Every atom, in the order of the text, with whether it stands under an odd number of negations.
    pub fn atoms(&self) -> Vec<(&Atom, bool)> {
        let mut found = Vec::new();
        self.expr.collect(false, &mut found);
        found
    }

    /// Whether some pattern can match in a file's bytes, negated ones not counted. A query without
    /// one lists files.
    pub fn has_text(&self) -> bool {
        let is_text = |atom: &Atom| matches!(atom, Atom::Text { .. } | Atom::Sym { .. });
        self.atoms().into_iter().any(|(atom, negated)| !negated && is_text(atom))
    }
}

impl Expr {
    /// The members of a conjunction, or the expression itself.
    pub fn into_conjuncts(self) -> Vec<Expr> {
        match self {
            Expr::And(members) => members,
            other => vec![other],
        }
    }

    /// The members of a disjunction, or the expression itself.
    pub fn into_disjuncts(self) -> Vec<Expr> {
        match self {
            Expr::Or(members) => members,
            other => vec![other],
        }
    }

    /// The negation; a double one vanishes.
    pub fn negate(self) -> Expr {
        match self {
            Expr::Not(inner) => *inner,
            other => Expr::Not(Box::new(other)),
        }
    }

    fn collect<'a>(&'a self, negated: bool, found: &mut Vec<(&'a Atom, bool)>) {
        match self {
            Expr::And(members) | Expr::Or(members) => {
                members.iter().for_each(|member| member.collect(negated, found));
            }
            Expr::Not(inner) => inner.collect(!negated, found),
            Expr::Atom(atom) => found.push((atom, negated)),
        }
    }
}
