//! From the tree as written to the query: decides whether case counts, and compiles.

use std::ops::Range;

use crate::QueryErrorKind::{BadValue, Regex, TooLarge};
use crate::cost::{Budget, Over};
use crate::facts::FactFilter;
use crate::matcher::MatcherError;
use crate::pattern::{BadRegex, ParsedRegex};
use crate::scan::Slashed;
use crate::settings::Settings;
use crate::values::{KindFilter, SizeRange};
use crate::{Atom, CaseMode, Expr, Field, LangFilter, Limits, Matcher, MatcherSyntax, Pattern};
use crate::{Query, QueryError, symbols};

/// The tree as written.
#[derive(Debug)]
pub(crate) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Leaf(Leaf),
}

/// A condition as written.
#[derive(Debug)]
pub(crate) enum Leaf {
    Text(RawPattern, Field),
    Sym(RawPattern, Vec<KindFilter>),
    /// With its place; gone once it is in the patterns that it restricts.
    SymKind(KindFilter, Range<usize>),
    Size(SizeRange),
    Fact(FactFilter),
    Repo(RawMatcher),
    File(RawMatcher),
    Branch(RawMatcher),
    Lang(LangFilter),
}

/// A pattern of which it is not known yet whether case counts.
#[derive(Debug)]
pub(crate) enum RawPattern {
    Literal { text: String, span: Range<usize> },
    Regex { regex: ParsedRegex, slashed: Slashed },
}

impl Default for RawPattern {
    fn default() -> Self {
        Self::Literal { text: String::new(), span: 0..0 }
    }
}

/// The value of a filter on names.
#[derive(Debug)]
pub(crate) struct RawMatcher {
    pub value: Slashed,
    pub syntax: MatcherSyntax,
}

impl Node {
    pub(crate) fn and(mut members: Vec<Node>) -> Option<Node> {
        if members.len() > 1 { Some(Node::And(members)) } else { members.pop() }
    }

    pub(crate) fn or(mut members: Vec<Node>) -> Option<Node> {
        if members.len() > 1 { Some(Node::Or(members)) } else { members.pop() }
    }

    fn any_pattern(&self, test: &impl Fn(&RawPattern) -> bool) -> bool {
        match self {
            Node::And(members) | Node::Or(members) => {
                members.iter().any(|member| member.any_pattern(test))
            }
            Node::Not(inner) => inner.any_pattern(test),
            Node::Leaf(Leaf::Text(pattern, _) | Leaf::Sym(pattern, _)) => test(pattern),
            Node::Leaf(_) => false,
        }
    }
}

impl RawPattern {
    pub(crate) fn regex(slashed: Slashed, limits: &Limits) -> Result<Self, QueryError> {
        let regex = ParsedRegex::parse(slashed.source.clone(), limits)
            .map_err(|error| bad_regex(&error, &slashed))?;
        Ok(Self::Regex { regex, slashed })
    }

    fn has_upper(&self) -> bool {
        match self {
            Self::Literal { text, .. } => text.chars().any(char::is_uppercase),
            Self::Regex { regex, .. } => regex.has_upper(),
        }
    }
}

/// Compiles the tree.
pub(crate) fn resolve(
    node: Node,
    settings: Settings,
    limits: &Limits,
) -> Result<Query, QueryError> {
    let settled = settings.settle()?;
    let node = symbols::apply(node, &settled, limits)?;
    let forced = match settled.case {
        CaseMode::Yes => Some(true),
        CaseMode::No => Some(false),
        CaseMode::Auto => None,
    };
    let sensitive = forced.unwrap_or_else(|| node.any_pattern(&RawPattern::has_upper));
    let mut resolver = Resolver { forced, sensitive, budget: Budget::new(limits) };
    Ok(Query { expr: resolver.expr(node)?, case: settled.case, shape: settled.shape })
}

struct Resolver<'a> {
    /// What `case:` says, if it decides.
    forced: Option<bool>,
    /// Whether case counts in patterns.
    sensitive: bool,
    /// What all patterns together may cost.
    budget: Budget<'a>,
}

impl Resolver<'_> {
    fn expr(&mut self, node: Node) -> Result<Expr, QueryError> {
        Ok(match node {
            // a `symkind:` that went into its pattern leaves a conjunction of one
            Node::And(mut members) if members.len() == 1 => self.expr(members.remove(0))?,
            Node::And(members) => Expr::And(self.exprs(members, Expr::into_conjuncts)?),
            Node::Or(members) => Expr::Or(self.exprs(members, Expr::into_disjuncts)?),
            Node::Not(inner) => match *inner {
                Node::Leaf(Leaf::SymKind(_, span)) => return Err(negated_kind(span)),
                inner => self.expr(inner)?.negate(),
            },
            Node::Leaf(leaf) => Expr::Atom(self.atom(leaf)?),
        })
    }

    /// The members, with those that `open` can open put in their place.
    fn exprs(
        &mut self,
        members: Vec<Node>,
        open: fn(Expr) -> Vec<Expr>,
    ) -> Result<Vec<Expr>, QueryError> {
        let mut flat = Vec::with_capacity(members.len());
        for member in members {
            flat.extend(open(self.expr(member)?));
        }
        Ok(flat)
    }

    fn atom(&mut self, leaf: Leaf) -> Result<Atom, QueryError> {
        Ok(match leaf {
            Leaf::Text(pattern, field) => Atom::Text { pattern: self.pattern(pattern)?, field },
            Leaf::Sym(pattern, kinds) => Atom::Sym { pattern: self.pattern(pattern)?, kinds },
            Leaf::SymKind(_, span) => return Err(lonely_kind(span)),
            Leaf::Size(range) => Atom::Size(range),
            Leaf::Fact(filter) => Atom::Fact(filter),
            Leaf::Repo(value) => Atom::Repo(self.matcher(value)?),
            Leaf::File(value) => Atom::File(self.matcher(value)?),
            Leaf::Branch(value) => Atom::Branch(self.matcher(value)?),
            Leaf::Lang(lang) => Atom::Lang(lang),
        })
    }

    fn pattern(&mut self, raw: RawPattern) -> Result<Pattern, QueryError> {
        let (pattern, span) = match raw {
            RawPattern::Literal { text, span } => (Pattern::of_literal(text, self.sensitive), span),
            RawPattern::Regex { regex, slashed } => {
                let paid = self.budget.translate(regex.cost(), !self.sensitive);
                paid.map_err(|over| too_large(over, slashed.span.clone()))?;
                let pattern = Pattern::of_regex(&regex, self.sensitive)
                    .map_err(|error| bad_regex(&error, &slashed))?;
                (pattern, slashed.span)
            }
        };
        self.budget.compile(pattern.hir()).map_err(|over| too_large(over, span))?;
        Ok(pattern)
    }

    fn matcher(&mut self, raw: RawMatcher) -> Result<Matcher, QueryError> {
        let RawMatcher { value, syntax } = raw;
        if value.source.is_empty() {
            return Err(QueryError::new(BadValue, value.span, "this filter has no value")
                .hint("remove the filter, or write a name, a glob or a /regex/"));
        }
        Matcher::new(value.source.clone(), syntax, self.forced, &mut self.budget)
            .map_err(|error| bad_matcher(&error, &value, syntax))
    }
}

fn lonely_kind(span: Range<usize>) -> QueryError {
    QueryError::new(BadValue, span, "symkind: has no sym: beside it that it could restrict")
        .hint("write them together, as in sym:main symkind:function")
}

fn negated_kind(span: Range<usize>) -> QueryError {
    QueryError::new(BadValue, span, "symkind: cannot be negated")
        .hint("name the kinds that are wanted, as in sym:main symkind:struct,enum")
}

fn too_large(over: Over, span: Range<usize>) -> QueryError {
    let (message, hint) = match over {
        Over::Classes => (
            "with this regular expression, the query has too many classes such as \\w and \\pL",
            "count instead of repeating, as in \\w{3}, or name ASCII letters only, as in [a-z]",
        ),
        Over::Brackets => (
            "with this regular expression, the classes in brackets become too large",
            "list fewer characters; case:yes makes classes smaller, and so does one . for [\\s\\S]",
        ),
        Over::One => (
            "this regular expression becomes too large",
            "use smaller counts in {…}, or \\w with (?-u) for ASCII letters only",
        ),
        Over::All => (
            "the patterns of the query are too large together",
            "leave some out, or ask for them in a second query",
        ),
    };
    QueryError::new(TooLarge, span, message).hint(hint)
}

fn bad_matcher(error: &MatcherError, value: &Slashed, syntax: MatcherSyntax) -> QueryError {
    match error {
        // its places are those of the expression that the glob became
        MatcherError::Regex(BadRegex { message, too_deep, .. })
            if syntax == MatcherSyntax::Glob =>
        {
            let (span, message) = (0..value.source.len(), message.clone());
            bad_regex(&BadRegex { span, message, too_deep: *too_deep }, value)
        }
        MatcherError::Regex(error) => bad_regex(error, value),
        MatcherError::TooLarge(over) => too_large(*over, value.span.clone()),
        MatcherError::Glob(error) => {
            QueryError::new(Regex, value.place(error.at..error.at + 1), error.message)
                .hint("close it, or put the name in quotes")
        }
    }
}

fn bad_regex(error: &BadRegex, slashed: &Slashed) -> QueryError {
    let kind = if error.too_deep { TooLarge } else { Regex };
    let message = format!("regular expression: {}", error.message);
    let span = slashed.place(marked(&error.span, &slashed.source));
    QueryError::new(kind, span, message).hint(
        "put the text in quotes to search for it as it stands; write \\/ for a slash in a regex",
    )
}

/// The span, or the character at it where it is empty.
fn marked(span: &Range<usize>, source: &str) -> Range<usize> {
    let next = source.get(span.start..).and_then(|rest| rest.chars().next());
    let len = next.map_or(0, char::len_utf8);
    span.start..span.end.max(span.start + len)
}
