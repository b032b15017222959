//! From a query to what runs: patterns compiled, trigram formulas planned, once for all segments.

use super::{finder::Finder, paths::PathFilter};
use crate::{EngineError, PlannedPattern, Result, Stop, languages, rank::Terms};
use ax_query::{
    Atom, Expr, FactFilter, Field, Matcher, Pattern, Query, SizeRange,
    grams::{GramLimits, GramQuery, plan},
};
use ax_syntax::Kind;

/// A compiled query.
pub(super) struct Plan<'q> {
    pub(super) root: Node,
    pub(super) texts: Vec<TextAtom>,
    pub(super) symbols: Vec<SymbolAtom>,
    pub(super) files: Vec<PathFilter>,
    pub(super) repos: Vec<RepoAtom<'q>>,
    pub(super) branches: Vec<&'q Matcher>,
    pub(super) languages: Vec<String>,
    pub(super) terms: Terms,
    query: &'q Query,
    /// What the members of the root's conjunction were planned from, or the root itself.
    pub(super) members: Vec<&'q Expr>,
    stop: &'q Stop,
    /// Patterns to compile, which share what memory there is.
    num_patterns: usize,
    /// Time was up before all was compiled: the plan is of no use.
    pub(super) late: bool,
}

/// The formula; leaves name atoms by place in their list. Members of `And` are in order of cost, texts of the
/// rarest first.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Text(usize),
    Symbol(usize),
    File(usize),
    Repo(usize),
    Branch(usize),
    Language(usize),
    Size(SizeRange),
}

/// A pattern to find in text, and perhaps in the path.
pub(super) struct TextAtom {
    pub(super) finder: Finder,
    pub(super) grams: GramQuery,
    /// A match may hold a line feed: blocks do not bound it.
    pub(super) multi_line: bool,
    pub(super) in_path: bool,
}

/// A pattern to find in names of definitions.
pub(super) struct SymbolAtom {
    pub(super) finder: Finder,
    pub(super) grams: GramQuery,
    /// What they may be; anything if it is none.
    pub(super) kinds: Option<Vec<Kind>>,
}

/// A filter on repositories.
pub(super) enum RepoAtom<'q> {
    /// By name.
    Name(&'q Matcher),
    /// By what is said of them.
    Fact(FactFilter),
}

impl<'q> Plan<'q> {
    /// Compiles `query`, with a look at the clock between two patterns.
    pub(super) fn compile(query: &'q Query, stop: &'q Stop) -> Result<Self> {
        let mut plan = Self {
            root: Node::And(Vec::new()),
            texts: Vec::new(),
            symbols: Vec::new(),
            files: Vec::new(),
            repos: Vec::new(),
            branches: Vec::new(),
            languages: Vec::new(),
            terms: Terms::default(),
            query,
            members: Vec::new(),
            stop,
            num_patterns: query.atoms().len(),
            late: false,
        };
        plan.root = plan.node(&query.expr, true)?;
        if !matches!(query.expr, Expr::And(_)) {
            plan.members = vec![&query.expr];
        }
        Ok(plan)
    }

    /// Puts the rarer text of a conjunction first, given about how many units each may stand in. Whatever the
    /// order, what is found is the same.
    pub(super) fn rarest_first(&mut self, estimates: &[u64]) {
        if let Node::And(nodes) = &mut self.root {
            let (taken, members) = (std::mem::take(nodes), std::mem::take(&mut self.members));
            let mut planned: Vec<_> = taken.into_iter().zip(members).collect();
            planned.sort_by_key(|(node, _)| node.cost_with(estimates));
            let (sorted, members) = planned.into_iter().unzip();
            (*nodes, self.members) = (sorted, members);
        }
        self.root.rarest_first(estimates);
    }

    /// What its patterns were planned as, in the order of the query.
    pub(super) fn patterns(&self) -> Vec<PlannedPattern> {
        let (mut texts, mut symbols, mut files) =
            (self.texts.iter(), self.symbols.iter(), self.files.iter());
        let planned = |atom: &Atom| {
            let (finder, grams, over_lines) = match atom {
                Atom::Text { .. } => texts.next().map(|a| (&a.finder, &a.grams, a.multi_line))?,
                Atom::Sym { .. } => symbols.next().map(|a| (&a.finder, &a.grams, false))?,
                Atom::File(_) => files.next().map(|a| (&a.finder, &a.grams, false))?,
                Atom::Repo(_) | Atom::Branch(_) | Atom::Lang(_) | Atom::Size(_) | Atom::Fact(_) => {
                    return None;
                }
            };
            let (pattern, method) = (atom.to_string(), finder.method());
            Some(PlannedPattern { pattern, method, grams: grams.to_string(), over_lines })
        };
        self.query.atoms().into_iter().map(|(atom, _)| atom).filter_map(planned).collect()
    }

    /// `wanted`: not under a negation, so that its words count for the rank.
    fn node(&mut self, expr: &'q Expr, wanted: bool) -> Result<Node> {
        Ok(match expr {
            Expr::And(members) => {
                let nodes = self.nodes(members, wanted)?;
                let mut planned: Vec<_> = nodes.into_iter().zip(members).collect();
                planned.sort_by_key(|(node, _)| node.cost());
                let (nodes, members) = planned.into_iter().unzip();
                self.members = members;
                Node::And(nodes)
            }
            Expr::Or(members) => Node::Or(self.nodes(members, wanted)?),
            Expr::Not(inner) => Node::Not(Box::new(self.node(inner, false)?)),
            Expr::Atom(atom) => self.atom(atom, wanted)?,
        })
    }

    fn nodes(&mut self, members: &'q [Expr], wanted: bool) -> Result<Vec<Node>> {
        members.iter().map(|member| self.node(member, wanted)).collect()
    }

    fn atom(&mut self, atom: &'q Atom, wanted: bool) -> Result<Node> {
        self.late |= self.stop.is_due();
        if self.late {
            return Ok(Node::Or(Vec::new()));
        }
        let num = self.num_patterns;
        Ok(match atom {
            Atom::Text { pattern, field } => self.text(pattern, *field, wanted)?,
            Atom::Sym { pattern, kinds } => {
                if wanted {
                    self.terms.add_symbol(pattern);
                }
                let (finder, grams) = (Finder::new(pattern, num)?, grams_of(pattern));
                let kinds = (!kinds.is_empty()).then(|| languages::kinds(kinds));
                Node::Symbol(push(&mut self.symbols, SymbolAtom { finder, grams, kinds }))
            }
            Atom::File(matcher) => {
                Node::File(push(&mut self.files, PathFilter::new(matcher, num)?))
            }
            Atom::Repo(matcher) => {
                matcher.compile().map_err(|error| EngineError::refused(&error))?;
                Node::Repo(push(&mut self.repos, RepoAtom::Name(matcher)))
            }
            Atom::Branch(matcher) => {
                matcher.compile().map_err(|error| EngineError::refused(&error))?;
                Node::Branch(push(&mut self.branches, matcher))
            }
            Atom::Lang(filter) => {
                let name = languages::canonical(&filter.name);
                Node::Language(push(&mut self.languages, name))
            }
            Atom::Size(range) => Node::Size(*range),
            Atom::Fact(filter) => Node::Repo(push(&mut self.repos, RepoAtom::Fact(*filter))),
        })
    }

    fn text(&mut self, pattern: &Pattern, field: Field, wanted: bool) -> Result<Node> {
        if wanted {
            self.terms.add_text(pattern);
        }
        let atom = TextAtom {
            finder: Finder::new(pattern, self.num_patterns)?,
            grams: grams_of(pattern),
            multi_line: pattern.multi_line(),
            in_path: field == Field::Either,
        };
        Ok(Node::Text(push(&mut self.texts, atom)))
    }
}

impl Node {
    fn rarest_first(&mut self, estimates: &[u64]) {
        match self {
            Self::And(members) => {
                members.sort_by_key(|member| member.cost_with(estimates));
                members.iter_mut().for_each(|member| member.rarest_first(estimates));
            }
            Self::Or(members) => {
                members.iter_mut().for_each(|member| member.rarest_first(estimates));
            }
            Self::Not(inner) => inner.rarest_first(estimates),
            _ => {}
        }
    }

    fn cost_with(&self, estimates: &[u64]) -> (u32, u64) {
        let estimate = match self {
            Self::Text(i) => estimates[*i],
            _ => 0,
        };
        (self.cost(), estimate)
    }

    /// What choosing candidates costs, and how little it narrows them.
    fn cost(&self) -> u32 {
        match self {
            Self::Repo(_) | Self::Language(_) | Self::Size(_) => 0,
            Self::Branch(_) => 1,
            Self::Text(_) => 2,
            Self::Symbol(_) => 3,
            Self::And(_) => 4,
            Self::Or(_) => 5,
            Self::File(_) => 6,
            Self::Not(_) => 7,
        }
    }
}

fn grams_of(pattern: &Pattern) -> GramQuery {
    plan(pattern.hir(), &GramLimits::default())
}

fn push<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len() - 1
}
