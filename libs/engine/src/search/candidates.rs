//! Which documents of a segment may match, from filters and trigrams alone.

use super::{
    compile::{Node, Plan, RepoAtom},
    finder::Memory,
    pace::Pace,
};
use crate::{
    EngineError, Result, Segment, Step, Stop,
    bits::Bits,
    grams::{GramIndex, Units},
    rank::Known,
    snapshot::Part,
};
use ax_query::{Matcher, grams::GramQuery};

/// Runs of names looked at between two looks at the clock.
const UNITS_PER_CHECK: usize = 128;
/// Paths matched between two looks at the clock; a document that is no candidate is not looked at, so
/// that the looks may be fewer.
const DOCS_PER_CHECK: u32 = 256;

/// Units in the rarest list of a pattern that take as long as verifying a block.
const UNITS_PER_BLOCK: u64 = 256;

/// Names of repositories matched between two looks at the clock.
const NAMES_PER_CHECK: usize = 64;

/// Bytes of blocks kept of one segment for all patterns together; of what comes beyond, all blocks are
/// candidates.
const MAX_BLOCK_BYTES: usize = 64 << 20;
/// Bytes of matches in names, likewise; beyond, the query is refused.
const MAX_SYMBOL_BYTES: usize = 256 << 20;

/// A match of a symbol pattern, in bytes of the document's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SymbolHit {
    pub(super) doc: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What a plan comes to in one segment.
#[derive(Debug)]
pub(super) struct PartPlan {
    /// Per text atom: the blocks that may match; documents if the pattern is multi-line.
    pub(super) texts: Vec<Units>,
    /// Per symbol atom: its matches, in order of document and place.
    pub(super) symbols: Vec<Vec<SymbolHit>>,
    /// Per filter and number of the string filtered: whether it matches.
    pub(super) repos: Vec<Vec<bool>>,
    /// Per filter on branches: the live documents that stand on one.
    pub(super) branches: Vec<Bits>,
    pub(super) languages: Vec<Option<u32>>,
    /// What the ranking has looked up.
    pub(super) known: Known,
    /// What was done, if somebody asks.
    pub(super) steps: Vec<Step>,
}

/// Documents, and whether they are exactly those that match, or some more.
struct Found {
    docs: Bits,
    exact: bool,
}

impl PartPlan {
    /// Chooses among the live documents of `part`; keeps the steps if `explain`.
    pub(super) fn new(
        plan: &Plan<'_>,
        part: &Part,
        stop: &Stop,
        explain: bool,
    ) -> Result<(Self, Bits)> {
        let none = || Units::Some(Vec::new());
        let strings = &part.segment.docs.strings;
        let matching = |atom: &RepoAtom<'_>| {
            let mut late = stop.is_due(); // once per filter: there may be a thousand
            let holds = |(i, name): (usize, &String)| {
                late = late || (i % NAMES_PER_CHECK == NAMES_PER_CHECK - 1 && stop.is_due());
                match atom {
                    _ if late => false,
                    RepoAtom::Name(matcher) => matcher.is_match(name.as_bytes()),
                    RepoAtom::Fact(filter) => filter.holds(&part.branches.facts_of(name)),
                }
            };
            strings.repos.iter().enumerate().map(holds).collect::<Vec<_>>()
        };
        let on_branch = |matcher: &&Matcher| {
            if stop.is_due() {
                return Bits::none(part.segment.docs.num());
            }
            if matcher.is_head() {
                return filtered(&part.live, part.branches.on_head(&part.segment)).docs;
            }
            let holds = |name: &str| matcher.is_match(name.as_bytes());
            let matching = part.branches.matching(&part.segment.docs, holds);
            filtered(&part.live, matching).docs
        };
        let language = |name: &String| {
            let place = strings.languages.iter().position(|known| known == name);
            place.map(|place| place as u32)
        };
        let this = Self {
            texts: plan.texts.iter().map(|_| none()).collect(),
            symbols: plan.symbols.iter().map(|_| Vec::new()).collect(),
            repos: plan.repos.iter().map(matching).collect(),
            branches: plan.branches.iter().map(on_branch).collect(),
            languages: plan.languages.iter().map(language).collect(),
            known: Known::default(),
            steps: Vec::new(),
        };
        let mut chooser = Chooser { plan, part, stop, this, block_bytes: 0, symbol_bytes: 0 };
        let docs = match explain {
            true => chooser.choose_in_steps()?,
            false => chooser.choose(&plan.root, &part.live)?.docs,
        };
        Ok((chooser.this, docs))
    }
}

struct Chooser<'a> {
    plan: &'a Plan<'a>,
    part: &'a Part,
    stop: &'a Stop,
    this: PartPlan,
    /// What is kept of candidate blocks, and of matches in names.
    block_bytes: usize,
    symbol_bytes: usize,
}

impl Chooser<'_> {
    /// The documents in `within` for which `node` may hold; none once time is up.
    fn choose(&mut self, node: &Node, within: &Bits) -> Result<Found> {
        if self.stop.is_due() {
            let docs = Bits::none(self.part.segment.docs.num());
            return Ok(Found { docs, exact: false });
        }
        let docs = &self.part.segment.docs;
        match node {
            Node::And(members) => self.choose_all(members, within),
            Node::Or(members) => self.choose_any(members, within),
            Node::Not(inner) => {
                let found = self.choose(inner, within)?;
                let mut rest = within.clone();
                if found.exact {
                    rest.subtract(&found.docs);
                }
                Ok(Found { docs: rest, exact: found.exact })
            }
            Node::Text(i) => self.choose_text(*i, within),
            Node::Symbol(i) => self.choose_symbol(*i, within),
            Node::File(i) => self.choose_file(*i, within),
            Node::Repo(i) => {
                let matching = &self.this.repos[*i];
                if matching.iter().all(|matches| *matches) {
                    return Ok(Found { docs: within.clone(), exact: true });
                }
                Ok(filtered(within, |doc| matching[docs.repo(doc) as usize]))
            }
            Node::Branch(i) => {
                let mut docs = self.this.branches[*i].clone();
                docs.intersect(within);
                Ok(Found { docs, exact: true })
            }
            Node::Language(i) => {
                let wanted = self.this.languages[*i];
                Ok(filtered(within, |doc| Some(docs.language(doc)) == wanted))
            }
            Node::Size(range) => Ok(filtered(within, |doc| range.holds(docs.num_bytes(doc)))),
        }
    }

    /// The same as choosing by the root, with a note of what each of its members left.
    fn choose_in_steps(&mut self) -> Result<Bits> {
        let plan = self.plan;
        let members = match &plan.root {
            Node::And(members) => members.as_slice(),
            root => std::slice::from_ref(root),
        };
        let mut docs = (*self.part.live).clone();
        for (node, expr) in members.iter().zip(&plan.members) {
            docs = self.choose(node, &docs)?.docs;
            let (estimated_units, units) = self.units(node)?.unzip();
            let condition = expr.to_string();
            let step = Step { condition, estimated_units, units, docs: docs.count() };
            self.this.steps.push(step);
        }
        Ok(docs)
    }

    /// Units that the rarest trigram leaves, and those that all leave. Of alternatives, those of all together; of a
    /// conjunction in them, those of its rarest member.
    fn units(&self, node: &Node) -> Result<Option<(u64, u64)>> {
        let segment = &self.part.segment;
        let sum = |a: (u64, u64), b: (u64, u64)| (a.0 + b.0, a.1 + b.1);
        Ok(match node {
            Node::Not(inner) => self.units(inner)?,
            Node::Or(members) => {
                let each = members.iter().map(|member| self.units(member));
                let each: Option<Vec<_>> = each.collect::<Result<_>>()?;
                each.map(|each| each.into_iter().fold((0, 0), sum))
            }
            Node::And(members) => {
                let each = members.iter().map(|member| self.units(member));
                let each: Vec<_> = each.collect::<Result<_>>()?;
                each.into_iter().flatten().min()
            }
            Node::Text(i) => {
                let estimated = segment.content_grams.estimate(&self.plan.texts[*i].grams)?;
                let left = match &self.this.texts[*i] {
                    Units::All => estimated,
                    Units::Some(units) => units.len() as u64,
                };
                Some((estimated, left))
            }
            Node::Symbol(i) => {
                let grams = &self.plan.symbols[*i].grams;
                let estimated = segment.symbols.grams.estimate(grams)?;
                Some((estimated, self.left(&segment.symbols.grams, grams)?))
            }
            Node::File(i) => {
                let grams = &self.plan.files[*i].grams;
                let estimated = segment.path_grams.estimate(grams)?;
                Some((estimated, self.left(&segment.path_grams, grams)?))
            }
            _ => None,
        })
    }

    fn left(&self, index: &GramIndex, grams: &GramQuery) -> Result<u64> {
        Ok(match index.evaluate(grams)? {
            Units::All => u64::from(index.num_units()),
            Units::Some(units) => units.len() as u64,
        })
    }

    fn choose_all(&mut self, members: &[Node], within: &Bits) -> Result<Found> {
        let mut found = Found { docs: within.clone(), exact: true };
        for member in members {
            if found.docs.is_empty() {
                break;
            }
            let next = self.choose(member, &found.docs)?;
            found = Found { docs: next.docs, exact: found.exact && next.exact };
        }
        Ok(found)
    }

    fn choose_any(&mut self, members: &[Node], within: &Bits) -> Result<Found> {
        let mut found = Found { docs: Bits::none(self.part.segment.docs.num()), exact: true };
        for member in members {
            let next = self.choose(member, within)?;
            found.docs.union(&next.docs);
            found.exact &= next.exact;
        }
        Ok(found)
    }

    fn choose_text(&mut self, i: usize, within: &Bits) -> Result<Found> {
        let (segment, atom) = (&self.part.segment, &self.plan.texts[i]);
        if self.is_read_sooner(within, &atom.grams)? {
            self.this.texts[i] = Units::All;
            return Ok(Found { docs: within.clone(), exact: false });
        }
        let owner = |block: u32| segment.blocks.doc(block);
        let units = if atom.multi_line {
            segment.content_grams.evaluate_by_owner(&atom.grams, &owner)?
        } else {
            segment.content_grams.evaluate(&atom.grams)?
        };
        let mut docs = Bits::none(segment.docs.num());
        match &units {
            Units::All => docs = within.clone(),
            Units::Some(found) if atom.multi_line => found.iter().for_each(|doc| docs.insert(*doc)),
            Units::Some(blocks) => blocks.iter().for_each(|block| docs.insert(owner(*block))),
        }
        if atom.in_path {
            self.add_paths(&atom.grams, within, &mut docs)?;
        }
        docs.intersect(within);
        if let Units::Some(found) = &units {
            self.block_bytes += size_of_val(found.as_slice());
        }
        self.this.texts[i] = if self.block_bytes > MAX_BLOCK_BYTES { Units::All } else { units };
        Ok(Found { docs, exact: false })
    }

    /// Whether all of `within` is so little that reading it takes less than reading the lists of trigrams.
    fn is_read_sooner(&self, within: &Bits, grams: &GramQuery) -> Result<bool> {
        let segment = &self.part.segment;
        let most = segment.content_grams.estimate(grams)? / UNITS_PER_BLOCK;
        let mut num_blocks = 0;
        let blocks_of = |doc: u32| segment.blocks_of(doc).len() as u64;
        Ok(within.iter().all(|doc| {
            num_blocks += blocks_of(doc);
            num_blocks <= most
        }))
    }

    /// Adds the documents whose paths may match.
    fn add_paths(&self, grams: &GramQuery, within: &Bits, docs: &mut Bits) -> Result<()> {
        let segment = &self.part.segment;
        match segment.path_grams.evaluate(grams)? {
            Units::All => docs.union(within),
            Units::Some(keys) => {
                let of_keys = keys.iter().flat_map(|key| segment.keys.docs(*key));
                of_keys.for_each(|doc| docs.insert(doc));
            }
        }
        Ok(())
    }

    fn choose_symbol(&mut self, i: usize, within: &Bits) -> Result<Found> {
        let atom = &self.plan.symbols[i];
        let symbols = &self.part.segment.symbols;
        let units = match symbols.grams.evaluate(&atom.grams)? {
            Units::All => (0..symbols.num_units()).collect(),
            Units::Some(units) => units,
        };
        let names = &self.part.segment.docs.strings.symbol_kinds;
        let is_wanted = atom.kinds.as_ref().map(|kinds| {
            let is_wanted = |name: &String| kinds.iter().any(|kind| kind.as_str() == name);
            names.iter().map(is_wanted).collect::<Vec<bool>>()
        });
        let is_wanted = |kind: u32| {
            let of_kind = |wanted: &Vec<bool>| wanted.get(kind as usize).copied().unwrap_or(false);
            is_wanted.as_ref().is_none_or(of_kind)
        };
        let stop = || self.stop.is_due();
        let (mut memory, pace) = (Memory::default(), Pace::new(&stop));
        let mut hits = Vec::new();
        for (looked_at, unit) in units.into_iter().enumerate() {
            if looked_at.is_multiple_of(UNITS_PER_CHECK) && self.stop.is_due() {
                break;
            }
            let mut unit = symbols.unit(unit);
            while let Some(named) = unit.next_name()? {
                let len = named.name.len();
                if let Some((start, end)) = atom.finder.find(&mut memory, named.name, 0, len, &pace)
                {
                    named.each_place(|place| {
                        if !is_wanted(place.kind) || !within.has(place.doc) {
                            return;
                        }
                        hits.push(SymbolHit {
                            doc: place.doc,
                            start: place.start.saturating_add(start as u32),
                            end: place.start.saturating_add(end as u32),
                        });
                    })?;
                }
            }
            let bytes = self.symbol_bytes + size_of_val(hits.as_slice());
            if bytes > MAX_SYMBOL_BYTES {
                return Err(EngineError::TooManyDefinitions(bytes, MAX_SYMBOL_BYTES));
            }
        }
        self.symbol_bytes += size_of_val(hits.as_slice());
        hits.sort_unstable();
        hits.shrink_to_fit();
        let mut docs = Bits::none(self.part.segment.docs.num());
        hits.iter().for_each(|hit| docs.insert(hit.doc));
        self.this.symbols[i] = hits;
        Ok(Found { docs, exact: true })
    }

    fn choose_file(&mut self, i: usize, within: &Bits) -> Result<Found> {
        let (segment, filter) = (&self.part.segment, &self.plan.files[i]);
        if let Some(docs) = filter.look_up(segment, within, self.stop)? {
            return Ok(Found { docs, exact: true });
        }
        let stop = || self.stop.is_due();
        let (mut memory, pace) = (Memory::default(), Pace::new(&stop));
        // every path is read: the one filter that takes time
        let is_late = |doc: u32| doc.is_multiple_of(DOCS_PER_CHECK) && self.stop.is_due();
        let mut late = false;
        Ok(filtered(within, |doc| {
            late |= is_late(doc);
            let path = segment.keys.path(segment.docs.key(doc));
            !late && filter.is_match(&mut memory, path, &pace)
        }))
    }
}

fn filtered(within: &Bits, holds: impl FnMut(u32) -> bool) -> Found {
    let mut docs = within.clone();
    docs.retain(holds);
    Found { docs, exact: true }
}

impl PartPlan {
    /// Whether the block, or for a multi-line pattern the document, may match.
    pub(super) fn candidate_blocks(&self, i: usize, segment: &Segment, doc: u32) -> Vec<u32> {
        let of_doc = segment.blocks_of(doc);
        match &self.texts[i] {
            Units::All => of_doc.collect(),
            Units::Some(blocks) => {
                let start = blocks.partition_point(|block| *block < of_doc.start);
                let of_doc = blocks[start..].iter().take_while(|block| **block < of_doc.end);
                of_doc.copied().collect()
            }
        }
    }

    /// Whether the document is a candidate of a multi-line pattern.
    pub(super) fn may_hold(&self, i: usize, doc: u32) -> bool {
        match &self.texts[i] {
            Units::All => true,
            Units::Some(docs) => docs.binary_search(&doc).is_ok(),
        }
    }

    /// The matches of a symbol pattern in one document.
    pub(super) fn symbols_of(&self, i: usize, doc: u32) -> &[SymbolHit] {
        let hits = &self.symbols[i];
        let start = hits.partition_point(|hit| hit.doc < doc);
        let len = hits[start..].partition_point(|hit| hit.doc == doc);
        &hits[start..start + len]
    }

    /// Where a document defines what the query names, in bytes of its text.
    pub(super) fn definition(&self, doc: u32) -> Option<u32> {
        let definitions = &self.known.definitions;
        let found = definitions.binary_search_by_key(&doc, |definition| definition.doc);
        found.ok().map(|i| definitions[i].start)
    }
}
