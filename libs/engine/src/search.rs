//! Searching a snapshot.
//!
//! In steps, cheapest first: the query is compiled once; per segment, filters and trigrams choose
//! candidate documents and, for patterns that stay within a line, candidate blocks; candidates are
//! ordered by a score that the index alone gives; then their bytes decide, best first, in parallel,
//! until there are enough.
//!
//! Nothing runs for long without a look at the clock: patterns are compiled one between two looks, and
//! [`pace`] counts the work of searching. What takes longer than others gives way to them: see [`lanes`].

mod candidates;
mod collect;
mod compile;
mod evaluate;
pub(crate) mod finder;
pub(crate) mod folded;
mod hit;
mod lanes;
mod lines;
mod needed;
mod order;
pub(crate) mod pace;
pub(crate) mod paths;
mod scratch;
mod steps;
mod threads;

use crate::{
    ExplainedSegment, Explanation, GroupBy, GroupCount, Result, SearchOptions, SearchOutcome,
    Snapshot, Stop, busy::SEARCHES, rank::Ranking, snapshot::Part,
};
use ax_query::Query;
use candidates::PartPlan;
use compile::{Plan, TextAtom};
use hit::Hit;
use lanes::{LongLane, QUICK, Turn};
use rayon::prelude::*;
use scratch::{Scratch, Tally};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

/// Documents verified at first, and how their number grows from round to round.
const FIRST_ROUND: usize = 64;
/// Text patterns of a query whose order is worth looking up in every segment.
const MAX_ORDERED: usize = 16;
const MAX_ROUND: usize = 4096;
/// Documents that a thread takes at a time.
const DOCS_PER_JOB: usize = 16;
/// Less text than this is verified by the calling thread: waking others would take longer.
const SEQUENTIAL_BYTES: usize = 256 << 10;
/// With fewer documents than this, candidates are chosen by the calling thread, for the same reason.
const SEQUENTIAL_DOCS: u64 = 1 << 14;

/// A document that may match.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Where it stands in the order asked for; less comes first. All alike if that is by score.
    rank: u64,
    score: f32,
    part: u32,
    doc: u32,
}

/// What a job came to.
#[derive(Default)]
struct Done {
    hits: Vec<Hit>,
    tally: Tally,
    /// Not decided yet, since the search had to give way.
    left: Vec<Candidate>,
}

/// A search under way.
struct Search<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan<'a>,
    parts: Vec<PartPlan>,
    /// None when nobody sees the order.
    ranking: Option<Ranking<'a>>,
    options: &'a SearchOptions,
    stop: &'a Stop,
    stopped: AtomicBool,
    /// The end of its time in the quick lane, and whether that has come.
    quick_until: Instant,
    overdue: AtomicBool,
    /// It has left the quick lane.
    is_long: AtomicBool,
    /// Bytes of what was found, as far as it is kept.
    held: AtomicUsize,
    /// Buffers and automata of threads that are not at work: learning an automaton's states anew
    /// for each job would cost more than the job.
    idle: Mutex<Vec<Scratch>>,
}

impl Snapshot {
    /// Finds the files that match `query`, best first. Blocks; to be called on a thread that may, and never on
    /// one of a rayon pool: while such a thread waits it begins other work of its pool, and a search begun so
    /// may wait for the one beneath it for ever.
    ///
    /// # Errors
    /// When a regular expression is too large, or a segment turns out to be corrupt. Passing the
    /// deadline is no error: the outcome says so.
    pub fn search(
        &self,
        query: &Query,
        options: &SearchOptions,
        stop: &Stop,
    ) -> Result<SearchOutcome> {
        let _at_work = SEARCHES.enter();
        let begun = Instant::now();
        let mut plan = Plan::compile(query, stop)?;
        if plan.late {
            return Ok(SearchOutcome { timed_out: true, ..SearchOutcome::default() });
        }
        if (2..=MAX_ORDERED).contains(&plan.texts.len()) {
            let estimates = self.estimates(&plan)?;
            plan.rarest_first(&estimates);
        }
        let mut options = options.clone();
        if options.group_by.is_some() {
            (options.count_only, options.limit) = (true, usize::MAX);
        }
        let mut search = Search {
            snapshot: self,
            plan: &plan,
            parts: Vec::with_capacity(self.parts.len()),
            ranking: None,
            options: &options,
            stop,
            stopped: AtomicBool::new(false),
            quick_until: begun + QUICK,
            overdue: AtomicBool::new(false),
            is_long: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            idle: Mutex::new(Vec::new()),
        };
        let candidates = search.choose()?;
        search.verify(candidates)
    }
}

impl Snapshot {
    /// Of each text pattern, in about how many units it may stand.
    fn estimates(&self, plan: &Plan<'_>) -> Result<Vec<u64>> {
        let of_part =
            |part: &Part, text: &TextAtom| part.segment.content_grams.estimate(&text.grams);
        let of_text = |text: &TextAtom| {
            self.parts.iter().try_fold(0, |sum, part| Ok(sum + of_part(part, text)?))
        };
        plan.texts.iter().map(of_text).collect()
    }
}

impl Search<'_> {
    /// The candidates of all parts, with their scores.
    fn choose(&mut self) -> Result<Vec<Candidate>> {
        if !self.options.count_only {
            let (terms, SearchOptions { ranking, today, .. }) = (&self.plan.terms, self.options);
            self.ranking = Some(Ranking::new(self.snapshot, terms, ranking, *today)?);
        }
        let (this, parts) = (&*self, &self.snapshot.parts);
        let choose = |(i, part)| this.choose_in(i, part);
        let num_docs: u64 = parts.iter().map(|part| part.segment.num_docs()).sum();
        let chosen: Vec<Option<_>> = if parts.len() > 1 && num_docs > SEQUENTIAL_DOCS {
            parts.par_iter().enumerate().map(choose).collect::<Result<_>>()?
        } else {
            parts.iter().enumerate().map(choose).collect::<Result<_>>()?
        };
        let mut found = Vec::new();
        for (plan, candidates) in chosen.into_iter().map_while(|chosen| chosen) {
            self.parts.push(plan);
            found.extend(candidates);
        }
        if !self.options.count_only {
            order::rank(&mut found, self.snapshot, self.options.sort, self.stop);
        }
        Ok(found)
    }

    /// The candidates of one part; `None` once the search is stopped.
    fn choose_in(&self, i: usize, part: &Part) -> Result<Option<(PartPlan, Vec<Candidate>)>> {
        if self.is_stopped() {
            return Ok(None);
        }
        let (mut plan, docs) = PartPlan::new(self.plan, part, self.stop, self.options.explain)?;
        let docs: Vec<u32> = docs.iter().collect();
        let scores = match &self.ranking {
            Some(ranking) if !docs.is_empty() => {
                plan.known = ranking.look_up(part)?;
                ranking.score(&part.segment, &docs, &plan.known, self.stop)?
            }
            _ => vec![0.0; docs.len()],
        };
        let scored = docs.into_iter().zip(scores);
        let part = i as u32;
        let candidates = scored.map(|(doc, score)| Candidate { rank: 0, score, part, doc });
        Ok(Some((plan, candidates.collect())))
    }

    /// Verifies candidates round by round until more match than are wanted.
    fn verify(&self, mut candidates: Vec<Candidate>) -> Result<SearchOutcome> {
        let (limit, max_lines) = (self.options.limit, self.options.max_lines);
        let (mut hits, mut num_lines): (Vec<Hit>, usize) = (Vec::new(), 0);
        let mut tally = Tally::default();
        let mut rest = candidates.as_mut_slice();
        let mut round = limit.saturating_add(1).clamp(FIRST_ROUND, MAX_ROUND);
        if max_lines < usize::MAX && !self.options.count_only {
            round = FIRST_ROUND; // how many files that takes is not known
        } else if limit >= rest.len() {
            round = rest.len(); // all are wanted: their order does not matter yet
        }
        let mut turn = None;
        let is_enough = |hits: &[Hit], num_lines| hits.len() > limit || num_lines > max_lines;
        let is_over = |hits: &[Hit], num_lines| is_enough(hits, num_lines) || self.is_full();
        while !rest.is_empty() && !is_over(&hits, num_lines) && !self.is_stopped() {
            let (best, others) = take_best(rest, round);
            for done in self.round(best, &mut turn)? {
                tally.add(&done.tally);
                num_lines += done.hits.iter().map(Hit::num_shown).sum::<usize>();
                hits.extend(done.hits);
            }
            rest = others;
            round = (round * 2).min(MAX_ROUND);
        }
        if !self.options.count_only {
            hits.sort_by(Hit::order); // otherwise nobody sees the order
        }
        Ok(self.outcome(hits, tally))
    }

    /// Verifies the candidates of one round, in the lane that the search is in by then.
    fn round(
        &self,
        candidates: &[Candidate],
        turn: &mut Option<Turn<'static>>,
    ) -> Result<Vec<Done>> {
        let mut done = self.pass(candidates, turn.as_ref())?;
        loop {
            let left = done.iter_mut().flat_map(|done| std::mem::take(&mut done.left));
            let left: Vec<Candidate> = left.collect();
            if left.is_empty() || self.is_stopped() {
                return Ok(done);
            }
            drop(turn.take()); // whoever waits goes first
            if !self.is_long.swap(true, Ordering::Relaxed) {
                self.stop.tell_long();
            }
            *turn = LongLane::shared().enter(self.stop);
            if turn.is_none() {
                self.stopped.store(true, Ordering::Relaxed);
                return Ok(done);
            }
            done.extend(self.pass(&left, turn.as_ref())?);
        }
    }

    /// Verifies candidates until the search has to give way.
    fn pass(&self, candidates: &[Candidate], turn: Option<&Turn<'_>>) -> Result<Vec<Done>> {
        let side_by_side = || {
            let jobs = candidates.par_chunks(DOCS_PER_JOB);
            jobs.map(|candidates| self.job(candidates, turn)).collect()
        };
        let len_of =
            |c: &Candidate| self.snapshot.parts[c.part as usize].segment.docs.text(c.doc).len();
        match turn {
            Some(turn) => turn.run(side_by_side),
            None if candidates.iter().map(len_of).sum::<usize>() <= SEQUENTIAL_BYTES => {
                Ok(vec![self.job(candidates, None)?])
            }
            None => side_by_side(),
        }
    }

    fn job(&self, candidates: &[Candidate], turn: Option<&Turn<'_>>) -> Result<Done> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let scratch = idle().pop();
        let mut scratch = scratch.unwrap_or_else(|| Scratch::new(self.plan));
        let mut done = Done::default();
        for (i, candidate) in candidates.iter().enumerate() {
            if self.is_full() {
                break;
            }
            let over = i > 0 && turn.is_some_and(Turn::is_over);
            let hit = if over { None } else { self.evaluate(candidate, &mut scratch)? };
            if hit.is_none() && (over || self.was_cut()) {
                done.left.extend_from_slice(&candidates[i..]);
                break;
            }
            done.hits.extend(hit);
        }
        done.tally = scratch.take_tally();
        idle().push(scratch);
        Ok(done)
    }

    fn outcome(&self, mut hits: Vec<Hit>, tally: Tally) -> SearchOutcome {
        let mut more = hits.len() > self.options.limit || self.is_full();
        hits.truncate(self.options.limit);
        more |= hit::cut(&mut hits, self.options.max_lines);
        SearchOutcome {
            groups: self.options.group_by.map_or_else(Vec::new, |by| self.groups(by, &hits)),
            num_files: hits.len() as u64,
            num_lines: hits.iter().map(|hit| hit.num_lines).sum(),
            files: hits.into_iter().filter_map(|hit| hit.file).map(|file| *file).collect(),
            more,
            timed_out: self.stopped.load(Ordering::Relaxed),
            num_candidates: tally.num_candidates,
            num_bytes_verified: tally.num_bytes,
            explanation: self.options.explain.then(|| Box::new(self.explanation())),
        }
    }

    fn explanation(&self) -> Explanation {
        let segments = self.snapshot.parts.iter().zip(&self.parts);
        let segment = |(part, plan): (&Part, &PartPlan)| ExplainedSegment {
            id: part.segment.id().0,
            live_docs: part.live.count(),
            steps: plan.steps.clone(),
        };
        Explanation { patterns: self.plan.patterns(), segments: segments.map(segment).collect() }
    }

    /// How many files and lines there are of each name.
    fn groups(&self, by: GroupBy, hits: &[Hit]) -> Vec<GroupCount> {
        let mut groups: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for hit in hits {
            let docs = &self.snapshot.parts[hit.candidate.part as usize].segment.docs;
            let name = match by {
                GroupBy::Repo => &docs.strings.repos[docs.repo(hit.candidate.doc) as usize],
                GroupBy::Language => docs.strings.language(docs.language(hit.candidate.doc)),
            };
            let (num_files, num_lines) = groups.entry(name).or_default();
            *num_files += 1;
            *num_lines += hit.num_lines;
        }
        let count = |(name, (num_files, num_lines)): (&str, _)| GroupCount {
            name: name.to_owned(),
            num_files,
            num_lines,
        };
        groups.into_iter().map(count).collect()
    }

    /// Whether what was found takes more memory than it may.
    fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.options.max_bytes
    }

    /// Whether it is time to stop; once it is, it stays so.
    fn is_stopped(&self) -> bool {
        if self.stopped.load(Ordering::Relaxed) {
            return true;
        }
        let due = self.stop.is_due();
        if due {
            self.stopped.store(true, Ordering::Relaxed);
        }
        due
    }

    /// Whether it is time to stop, or to leave the quick lane.
    fn is_cut(&self) -> bool {
        if self.was_cut() {
            return true;
        }
        let now = Instant::now();
        // written when it changes only: every thread reads these all the time
        if self.stop.is_due_at(now) {
            self.stopped.store(true, Ordering::Relaxed);
        } else if now >= self.quick_until && !self.is_long.load(Ordering::Relaxed) {
            self.overdue.store(true, Ordering::Relaxed);
        }
        self.was_cut()
    }

    /// Whether it was time: what was found since may not be all.
    fn was_cut(&self) -> bool {
        let is_overdue =
            self.overdue.load(Ordering::Relaxed) && !self.is_long.load(Ordering::Relaxed);
        is_overdue || self.stopped.load(Ordering::Relaxed)
    }
}

/// Moves the `num` best candidates to the front, sorted, and splits there.
fn take_best(candidates: &mut [Candidate], num: usize) -> (&mut [Candidate], &mut [Candidate]) {
    if num >= candidates.len() {
        // everything is verified in one round: hits are sorted, candidates need not be
        return candidates.split_at_mut(candidates.len());
    }
    let better = |a: &Candidate, b: &Candidate| {
        let by_score = b.score.total_cmp(&a.score);
        a.rank.cmp(&b.rank).then(by_score).then((a.part, a.doc).cmp(&(b.part, b.doc)))
    };
    candidates.select_nth_unstable_by(num, better);
    candidates.split_at_mut(num)
}
