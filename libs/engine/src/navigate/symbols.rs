//! Definitions by name.

use super::{
    NameClass, Origin, SymbolQuery, facts, is_on, lines,
    names::{Go, NameRank, Named, Names},
    near::{Compass, Distance},
    wanted::Wanted,
};
use crate::{
    Result, Snapshot, Stop, busy::SEARCHES, search::paths::PathFilter, snapshot::Part,
    symbols::Place,
};

/// Kinds that are rarely what is meant when another definition has the same name.
const MINOR_KINDS: [&str; 3] = ["field", "variant", "variable"];

/// A definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbol {
    /// Repository.
    pub repo: String,
    /// Path.
    pub path: String,
    /// Branches that show it.
    pub branches: Vec<String>,
    /// Language name; empty when unknown.
    pub language: String,
    /// Git's id of the blob in hex.
    pub blob: String,
    /// Its name.
    pub name: String,
    /// What it is, as in `function`.
    pub kind: String,
    /// Name of what it is defined in.
    pub container: Option<String>,
    /// Line of the name, from 1.
    pub line: u64,
    /// Column of the name, from 1, in characters.
    pub column: u32,
    /// Last line of the whole definition; that of the name when it is not known.
    pub end_line: u64,
    /// The line of the name, without the white space around it.
    pub signature: String,
    /// How the name answers to what is sought.
    pub class: NameClass,
    /// The name differs in case from the text sought.
    pub other_case: bool,
    /// What the file is worth less for; zero for none.
    pub penalty: u8,
}

/// Definitions found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundSymbols {
    /// The likeliest first.
    pub symbols: Vec<Symbol>,
    /// There are more.
    pub more: bool,
    /// The deadline or the cancellation ended it early.
    pub timed_out: bool,
}

/// What orders definitions, by its fields in turn.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    name: NameRank<'a>,
    of_name: PlaceRank<'a>,
}

/// What orders the definitions of one name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PlaceRank<'a> {
    distance: Distance,
    is_minor: bool,
    penalty: u8,
    repo: &'a str,
    path: &'a str,
    line: u64,
    column: u32,
}

impl Symbol {
    /// Puts the likelier of two first, as seen from `origin`.
    pub fn order(a: &Self, b: &Self, origin: &Origin) -> std::cmp::Ordering {
        a.rank(origin).cmp(&b.rank(origin))
    }

    fn rank(&self, origin: &Origin) -> Rank<'_> {
        let Self { repo, path, language, container, name, .. } = self;
        let on_branch = origin.branch.is_empty() || self.branches.contains(&origin.branch);
        let container = container.as_deref();
        let nearby = super::Nearby { repo, path, language, container, on_branch };
        let (class, other_case) = (self.class, self.other_case);
        Rank {
            name: NameRank { class, len: name.len(), other_case, name: name.as_bytes() },
            of_name: PlaceRank {
                distance: origin.distance(&nearby),
                is_minor: MINOR_KINDS.contains(&self.kind.as_str()),
                penalty: self.penalty,
                repo,
                path,
                line: self.line,
                column: self.column,
            },
        }
    }
}

impl Snapshot {
    /// The definitions sought, the likeliest first: by how their names answer, then by how near they are
    /// to `origin`, then types and functions before fields.
    ///
    /// # Errors
    /// When the pattern is too large, or a segment turns out to be corrupt.
    pub fn symbols(
        &self,
        query: &SymbolQuery<'_>,
        origin: &Origin,
        limit: usize,
        stop: &Stop,
    ) -> Result<FoundSymbols> {
        let _at_work = SEARCHES.enter();
        let (names, compass) = (Names::new(&query.name)?, Compass::new(origin));
        let num = query.files.len();
        let files = query.files.iter().map(|matcher| PathFilter::new(matcher, num));
        let files = files.collect::<Result<Vec<_>>>()?;
        let (mut answers, mut candidates) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let wanted = Wanted::new(part, query, &files, stop)?;
            let mut gather = Gather::new(&wanted, &compass);
            names.each(&part.segment.symbols, &wanted, stop, |number, name| {
                gather.add(number, answers.len())?;
                answers.push(name);
                // those of later names come after all of these
                Ok(if gather.found.len() > limit { Go::Enough } else { Go::On })
            })?;
            candidates.append(&mut gather.found);
        }
        let rank = |of: &Candidate<'_>| answers[of.name].rank();
        candidates.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.rank.cmp(&b.rank)));
        let more = candidates.len() > limit;
        candidates.truncate(limit);
        let symbols = candidates.into_iter().map(|of| of.symbol(&answers[of.name]));
        let mut symbols = symbols.collect::<Result<Vec<_>>>()?;
        symbols.sort_by(|a, b| Symbol::order(a, b, origin)); // as the root orders those of all shards
        Ok(FoundSymbols { symbols, more, timed_out: stop.is_due() })
    }
}

/// A definition before it is read.
struct Candidate<'a> {
    part: &'a Part,
    place: Place,
    /// Its name's place among those that answer.
    name: usize,
    rank: PlaceRank<'a>,
}

/// Gathers definitions of one segment.
struct Gather<'a, 'q> {
    wanted: &'q Wanted<'a, 'q>,
    compass: &'q Compass<'a>,
    is_on: Box<dyn FnMut(u32) -> bool + 'a>,
    found: Vec<Candidate<'a>>,
}

impl<'a, 'q> Gather<'a, 'q> {
    fn new(wanted: &'q Wanted<'a, 'q>, compass: &'q Compass<'a>) -> Self {
        let is_on = Box::new(is_on(wanted.part(), compass));
        Self { wanted, compass, is_on, found: Vec::new() }
    }

    /// Adds the definitions of the name at `number` that are wanted; `name` is its place among those that
    /// answer.
    fn add(&mut self, number: u32, name: usize) -> Result<()> {
        let part = self.wanted.part();
        let mut places = part.segment.symbols.places(number)?;
        self.wanted.asking(|asking| places.retain(|place| asking.is_wanted(place)));
        for place in places {
            let rank = self.rank(&place)?;
            self.found.push(Candidate { part, place, name, rank });
        }
        Ok(())
    }

    /// What orders a definition.
    fn rank(&mut self, place: &Place) -> Result<PlaceRank<'a>> {
        let part = self.wanted.part();
        let kinds = &part.segment.docs.strings.symbol_kinds;
        let kind = kinds.get(place.kind as usize).map_or("", String::as_str);
        let facts = facts(part, place.doc);
        // it says nothing of another file, and reading it for each of thousands would take long
        let container = match self.compass.is_at(facts.repo, facts.path) {
            true => container(part, place)?,
            false => None,
        };
        let nearby = facts.nearby(container.as_deref(), (self.is_on)(place.doc));
        Ok(PlaceRank {
            distance: self.compass.distance(&nearby),
            is_minor: MINOR_KINDS.contains(&kind),
            penalty: facts.penalty,
            repo: facts.repo,
            path: facts.path,
            line: u64::from(place.start), // ascends with the line, which is not known yet
            column: 0,
        })
    }
}

fn container(part: &Part, place: &Place) -> Result<Option<String>> {
    let name = place.container.map(|name| part.segment.symbols.name(name)).transpose()?;
    Ok(name.map(|name| String::from_utf8_lossy(&name).into_owned()))
}

impl Candidate<'_> {
    fn symbol(&self, named: &Named) -> Result<Symbol> {
        let Self { part, place, rank, .. } = self;
        let segment = &*part.segment;
        let start = place.start as usize;
        let line = lines::line_at(segment, place.doc, start);
        let text = segment.text(place.doc);
        let bytes = &text[line.range.clone()];
        let marks = segment.marks.of(place.doc)?;
        let end = marks.and_then(|marks| marks.end_of(place.start));
        // the last byte, since the end of a line belongs to the next one
        let last = end.map(|end| (end as usize).saturating_sub(1).max(start));
        let end_line =
            last.map_or(line.number, |last| lines::line_at(segment, place.doc, last).number);
        let record = segment.docs.record(place.doc)?;
        let strings = &segment.docs.strings;
        Ok(Symbol {
            repo: rank.repo.to_owned(),
            path: rank.path.to_owned(),
            branches: part.branch_names(place.doc),
            language: strings.language(record.language).to_owned(),
            blob: record.blob.to_string(),
            name: String::from_utf8_lossy(&named.name).into_owned(),
            kind: strings.symbol_kinds.get(place.kind as usize).cloned().unwrap_or_default(),
            container: container(part, place)?,
            line: line.number,
            column: lines::column(bytes, start.saturating_sub(line.range.start)),
            end_line,
            signature: lines::shown(bytes).0,
            class: named.class,
            other_case: named.other_case,
            penalty: rank.penalty,
        })
    }
}
