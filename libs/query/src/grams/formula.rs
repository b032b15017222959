//! The formula and its simplification.

use std::fmt;

use super::{Gram, GramLimits};

/// A boolean formula over the trigrams of a document, without negation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GramQuery {
    /// Holds of every document: no trigram helps.
    All,
    /// Holds of none: the expression cannot match.
    None,
    /// The document holds this trigram.
    Gram(Gram),
    /// All hold; two members at least, sorted, distinct, none of them `And`, `All` or `None`.
    And(Vec<GramQuery>),
    /// One holds; two members at least, sorted, distinct, none of them `Or`, `All` or `None`.
    Or(Vec<GramQuery>),
}

/// Members up to which absorption is tried, since that compares each with each.
const MAX_ABSORB: usize = 16;

impl GramQuery {
    /// Whether a document satisfies the formula, given which trigrams it `has`.
    pub fn matches(&self, has: &dyn Fn(Gram) -> bool) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Gram(gram) => has(*gram),
            Self::And(members) => members.iter().all(|member| member.matches(has)),
            Self::Or(members) => members.iter().any(|member| member.matches(has)),
        }
    }

    /// How many trigrams stand in the formula.
    pub fn num_grams(&self) -> usize {
        match self {
            Self::All | Self::None => 0,
            Self::Gram(_) => 1,
            Self::And(members) | Self::Or(members) => members.iter().map(Self::num_grams).sum(),
        }
    }

    /// Every trigram of a string; `All` of one that is shorter than three bytes.
    pub(crate) fn of_string(folded: &[u8]) -> Self {
        let grams = folded.windows(3).map(|bytes| Self::Gram([bytes[0], bytes[1], bytes[2]]));
        Self::and(grams.collect())
    }

    /// The conjunction, simplified.
    pub fn and(members: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(members.len());
        for member in members {
            match member {
                Self::All => {}
                Self::None => return Self::None,
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        absorb(&mut flat, |kept, member| matches!(member, Self::Or(or) if or.contains(kept)));
        one_or(flat, Self::All, Self::And)
    }

    /// The disjunction, simplified; what all members demand is drawn in front.
    pub fn or(members: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(members.len());
        for member in members {
            match member {
                Self::None => {}
                Self::All => return Self::All,
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        absorb(&mut flat, |kept, member| demands(member, kept));
        let common = draw_common(&mut flat);
        if common.is_empty() {
            return one_or(flat, Self::None, Self::Or);
        }
        let rest = if flat.contains(&Self::All) { Self::All } else { Self::or(flat) };
        Self::and(common.into_iter().chain([rest]).collect())
    }

    /// The formula with at most `limits.max_grams` trigrams, weakened where it has more: a conjunction
    /// may lose members, a disjunction only as a whole.
    pub(crate) fn within(self, limits: &GramLimits) -> Self {
        self.shrink(limits.max_grams)
    }

    fn shrink(self, budget: usize) -> Self {
        if self.num_grams() <= budget {
            return self;
        }
        match self {
            Self::And(members) => shrink_and(members, budget),
            Self::Or(members) if members.len() <= budget => {
                let share = budget / members.len();
                Self::or(members.into_iter().map(|member| member.shrink(share)).collect())
            }
            _ => Self::All,
        }
    }
}

/// Keeps the members in turn while they fit; single trigrams first, as they are the cheapest to run.
fn shrink_and(members: Vec<GramQuery>, mut budget: usize) -> GramQuery {
    let mut kept = Vec::new();
    for member in members {
        let member = member.shrink(budget);
        budget -= member.num_grams();
        kept.push(member);
        if budget == 0 {
            break;
        }
    }
    GramQuery::and(kept)
}

/// Whether `member` holds only where `part` holds, as far as its form shows it.
fn demands(member: &GramQuery, part: &GramQuery) -> bool {
    match (member, part) {
        (GramQuery::And(all), GramQuery::And(parts)) => {
            parts.iter().all(|part| all.binary_search(part).is_ok())
        }
        (GramQuery::And(all), part) => all.binary_search(part).is_ok(),
        _ => false,
    }
}

/// Removes the members that another, kept one makes superfluous.
fn absorb(members: &mut Vec<GramQuery>, covers: impl Fn(&GramQuery, &GramQuery) -> bool) {
    if members.len() > MAX_ABSORB {
        return;
    }
    let covered = |i: usize| {
        let others = members.iter().enumerate().filter(|(j, _)| *j != i);
        others.into_iter().any(|(_, other)| covers(other, &members[i]))
    };
    let keep: Vec<bool> = (0..members.len()).map(|i| !covered(i)).collect();
    let mut keep = keep.into_iter();
    members.retain(|_| keep.next().unwrap_or(true));
}

/// Takes out of every member the parts that stand in all of them, and returns these.
fn draw_common(members: &mut [GramQuery]) -> Vec<GramQuery> {
    if members.len() < 2 {
        return Vec::new();
    }
    let mut common = parts(&members[0]).to_vec();
    for member in &members[1..] {
        let parts = parts(member);
        common.retain(|part| parts.binary_search(part).is_ok());
        if common.is_empty() {
            return common;
        }
    }
    for member in members.iter_mut() {
        let rest = parts(member).iter().filter(|part| common.binary_search(part).is_err());
        *member = GramQuery::and(rest.cloned().collect());
    }
    common
}

fn parts(member: &GramQuery) -> &[GramQuery] {
    match member {
        GramQuery::And(parts) => parts,
        other => std::slice::from_ref(other),
    }
}

fn one_or(
    mut members: Vec<GramQuery>,
    none: GramQuery,
    many: fn(Vec<GramQuery>) -> GramQuery,
) -> GramQuery {
    match members.len() {
        0 => none,
        1 => members.pop().unwrap_or(none),
        _ => many(members),
    }
}

/// As in `abc (bcd | cde def)`: a space for "and", a bar for "or". Bytes that are not printable ASCII are
/// escaped.
impl fmt::Display for GramQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::None => f.write_str("none"),
            Self::Gram(gram) => write!(f, "{}", gram.escape_ascii()),
            Self::And(members) => join(f, members, " "),
            Self::Or(members) => {
                f.write_str("(")?;
                join(f, members, " | ")?;
                f.write_str(")")
            }
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, members: &[GramQuery], between: &str) -> fmt::Result {
    for (i, member) in members.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { between })?;
        write!(f, "{member}")?;
    }
    Ok(())
}
