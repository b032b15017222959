//! What a file is worth whatever the query: by what kind of file it is, by its repository, by its age.

use super::RankingParameters;
use crate::{Segment, Signal, docs::flag, snapshot::Part};
use ax_model::RepositoryFacts;

const MAX_DEPTH: u8 = 10;
/// The rank from which on a repository weighs as much as any.
const FULL_RANK: f32 = 100_000.0;
/// A commit of so many days ago counts half of one of today.
const HALF_LIFE_DAYS: f32 = 182.0;
const MS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// How a repository stands among others.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Standing {
    /// 0 where its rank is not known, up to 1.
    weight: f32,
    /// It is archived, or a fork.
    is_aside: bool,
}

impl Standing {
    fn of(facts: &RepositoryFacts) -> Self {
        // stars are spread over orders of magnitude: the tenth says as much as the hundred-thousandth
        let weight = (facts.rank as f32).ln_1p() / FULL_RANK.ln_1p();
        Self { weight: weight.min(1.0), is_aside: facts.archived || facts.fork }
    }
}

/// How the repositories of a segment stand, by their places among its strings.
pub(super) fn standings(part: &Part) -> Vec<Standing> {
    let repos = part.segment.docs.strings.repos.iter();
    repos.map(|repo| Standing::of(&part.branches.facts_of(repo))).collect()
}

/// The worth of a segment's documents.
pub(super) struct Prior<'a> {
    segment: &'a Segment,
    standings: &'a [Standing],
    parameters: &'a RankingParameters,
    /// Days since 1970; zero when age does not count.
    today: u32,
    /// The day asked for last and how young it is: files of one import share theirs.
    last: (i64, f32),
}

impl<'a> Prior<'a> {
    pub(super) fn new(
        segment: &'a Segment,
        standings: &'a [Standing],
        parameters: &'a RankingParameters,
        today: u32,
    ) -> Self {
        let this_day = i64::from(today);
        Self { segment, standings, parameters, today, last: (this_day, youth(this_day, today)) }
    }

    /// What it gains and loses, by parameter.
    pub(super) fn signals(&mut self, doc: u32) -> Vec<Signal> {
        let mut signals = Vec::new();
        self.each(doc, |name, value| signals.push(Signal { name, value }));
        signals
    }

    /// The sum of it.
    pub(super) fn of(&mut self, doc: u32) -> f32 {
        let mut sum = 0.0;
        self.each(doc, |_, value| sum += value);
        sum
    }

    #[inline]
    fn each(&mut self, doc: u32, mut found: impl FnMut(&'static str, f32)) {
        let (docs, parameters) = (&self.segment.docs, self.parameters);
        let (flags, depth) = docs.prior_facts(doc);
        let one_if = |holds: bool| f32::from(u8::from(holds));
        let has = |bit: u8| one_if(flags & bit != 0);
        let depth = f32::from(depth.min(MAX_DEPTH));
        let standing = self.standings.get(docs.repo(doc) as usize).copied().unwrap_or_default();
        let youth = if parameters.recency == 0.0 { 0.0 } else { self.youth(doc) };
        found("repository", parameters.repository * standing.weight);
        found("recency", parameters.recency * youth);
        found("aside_loss", -parameters.aside_loss * one_if(standing.is_aside));
        found("test_loss", -parameters.test_loss * has(flag::TEST));
        found("vendored_loss", -parameters.vendored_loss * has(flag::VENDORED));
        found("generated_loss", -parameters.generated_loss * has(flag::GENERATED));
        found("depth_loss", -parameters.depth_loss * depth);
    }

    fn youth(&mut self, doc: u32) -> f32 {
        let day = self.segment.docs.committed_at_ms(doc).div_euclid(MS_PER_DAY);
        if self.last.0 != day {
            self.last = (day, youth(day, self.today));
        }
        self.last.1
    }
}

/// How young a commit is, from 1 for one of today down to 0.
fn youth(day: i64, today: u32) -> f32 {
    if today == 0 || day <= 0 {
        return 0.0; // nobody says what day it is, or nobody knows when it was
    }
    let age = (i64::from(today) - day).max(0); // some clocks are ahead
    (-(age as f32) / HALF_LIFE_DAYS).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_counts_by_its_order_of_magnitude() {
        let of = |rank| Standing::of(&RepositoryFacts { rank, ..Default::default() }).weight;
        assert_eq!((of(0), of(100_000), of(u32::MAX)), (0.0, 1.0, 1.0));
        assert!((of(315) - 0.5).abs() < 0.01, "{}", of(315));
        assert!([0, 1, 10, 1_000, 99_999].map(of).is_sorted());
    }

    #[test]
    fn what_is_archived_or_a_fork_stands_aside() {
        let facts = RepositoryFacts::default();
        let aside = |facts| Standing::of(&facts).is_aside;
        assert!(!aside(facts) && !aside(RepositoryFacts { public: true, ..facts }));
        assert!(aside(RepositoryFacts { archived: true, ..facts }));
        assert!(aside(RepositoryFacts { fork: true, ..facts }));
    }

    #[test]
    fn youth_halves_every_half_year() {
        let today = 20_000;
        let aged = |days: i64| youth(i64::from(today) - days, today);
        assert_eq!([0, 182, 364].map(aged), [1.0, 0.5, 0.25]);
        assert_eq!(aged(-3), 1.0, "a clock that is ahead");
        assert_eq!((youth(0, today), youth(-5, today), youth(19_000, 0)), (0.0, 0.0, 0.0));
    }
}
