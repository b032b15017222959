//! Where a name is used: whole words of its letters, outside of comments and strings where syntax knows
//! them.

use super::{
    Distance, MAX_NAME_BYTES, Origin, facts, identifier,
    in_order::InOrder,
    is_on,
    lines::{self, LineAt},
    near::{Compass, family},
};
use crate::{
    Result, Segment, Snapshot, Stop, busy::SEARCHES, grams::Units, languages, marks::DocMarks,
    snapshot::Part,
};
use ax_query::grams::{GramLimits, plan};
use memchr::memmem;
use regex_syntax::hir::Hir;
use std::ops::Range;

/// Documents looked at between two looks at the clock, and places in one of them.
const DOCS_PER_CHECK: usize = 16;
const PLACES_PER_CHECK: usize = 4096;
/// Bytes of lines after which no further file is read.
const MAX_HELD_BYTES: usize = 16 << 20;

/// What is asked.
#[derive(Debug, Clone)]
pub struct ReferenceQuery<'a> {
    /// The name, letter by letter.
    pub name: &'a str,
    /// Only files of this language, and of those that use one another's names.
    pub language: Option<&'a str>,
    /// Most files to return.
    pub limit: usize,
    /// Most occurrences to return per file; all are counted.
    pub max_per_file: usize,
}

/// Files that use a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The nearest first.
    pub files: Vec<FileReferences>,
    /// There are more files.
    pub more: bool,
    /// The deadline or the cancellation ended it early.
    pub timed_out: bool,
}

/// What one file has of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReferences {
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
    /// Comments and strings are known, and left out. Else every whole word counts.
    pub by_syntax: bool,
    /// In order, the first ones.
    pub occurrences: Vec<Occurrence>,
    /// All of them.
    pub num_occurrences: u64,
    /// What the file is worth less for; zero for none.
    pub penalty: u8,
}

/// One place where the name stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occurrence {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1, in characters.
    pub column: u32,
    /// Column after its last character.
    pub end_column: u32,
    /// The line, without the white space around it.
    pub text: String,
    /// Characters of the line left out before `text`.
    pub indent: u32,
    /// It is defined here.
    pub is_definition: bool,
}

impl FileReferences {
    /// Puts the likelier of two first, as seen from `origin`.
    pub fn order(a: &Self, b: &Self, origin: &Origin) -> std::cmp::Ordering {
        let rank = |file: &Self| {
            let on_branch = origin.branch.is_empty() || file.branches.contains(&origin.branch);
            let Self { repo, path, language, .. } = file;
            let nearby = super::Nearby { repo, path, language, container: None, on_branch };
            (origin.distance(&nearby), file.penalty)
        };
        rank(a)
            .cmp(&rank(b))
            .then_with(|| (&a.repo, &a.path, &a.blob).cmp(&(&b.repo, &b.path, &b.blob)))
    }
}

/// A document that may hold the name.
struct Candidate<'a> {
    part: &'a Part,
    /// Its part's place among those of the snapshot.
    part_number: usize,
    doc: u32,
    /// Its blocks that may; none for all of them.
    blocks: Option<Range<usize>>,
    rank: (Distance, u8, &'a str, &'a str),
}

impl Snapshot {
    /// The files that hold the name as a whole word of code, the nearest to `origin` first.
    ///
    /// Candidates come from the trigrams of the text, are ordered by what the index says of their files,
    /// and read in that order until there are enough: a name that stands everywhere costs no more than
    /// one that is rare.
    pub fn references(
        &self,
        query: &ReferenceQuery<'_>,
        origin: &Origin,
        stop: &Stop,
    ) -> Result<References> {
        let _at_work = SEARCHES.enter();
        let mut found = References::default();
        if query.name.is_empty() || query.name.len() > MAX_NAME_BYTES {
            return Ok(found);
        }
        let formula = plan(&Hir::literal(query.name.as_bytes()), &GramLimits::default());
        let mut of_parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            of_parts.push((part, part.segment.content_grams.evaluate(&formula)?));
        }
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        let compass = Compass::new(origin);
        for (number, (part, units)) in of_parts.iter().enumerate() {
            add_candidates((number, part), units, query, &compass, &mut candidates);
        }
        let mut candidates = InOrder::new(candidates, |a: &Candidate<'_>, b: &Candidate<'_>| {
            let place = |of: &Candidate<'_>| (of.part_number, of.doc);
            a.rank.cmp(&b.rank).then_with(|| place(a).cmp(&place(b)))
        });
        let finder = memmem::Finder::new(query.name);
        let mut defined = vec![None; of_parts.len()];
        let (mut looked_at, mut held) = (0usize, 0usize);
        while let Some(candidate) = candidates.next() {
            if looked_at.is_multiple_of(DOCS_PER_CHECK) && stop.is_due() {
                found.timed_out = true;
                break;
            }
            looked_at += 1;
            let (_, units) = &of_parts[candidate.part_number];
            let defined = match &mut defined[candidate.part_number] {
                Some(known) => known,
                unknown => unknown.insert(definitions(&candidate.part.segment, query.name)?),
            };
            let read = Read { finder: &finder, units, defined, max: query.max_per_file, stop };
            let file = match candidate.read(&read)? {
                Seen::Nothing => continue,
                Seen::Late => {
                    found.timed_out = true;
                    break;
                }
                Seen::File(file) => *file,
            };
            if found.files.len() == query.limit || held > MAX_HELD_BYTES {
                found.more = true;
                break;
            }
            let bytes_of = |one: &Occurrence| size_of::<Occurrence>() + one.text.len();
            held += file.occurrences.iter().map(bytes_of).sum::<usize>();
            found.files.push(file);
        }
        Ok(found)
    }
}

/// Where a segment defines a name: document and first byte, in order.
fn definitions(segment: &Segment, name: &str) -> Result<Vec<(u32, u32)>> {
    let places = segment.symbols.find(name.as_bytes())?.map(|(_, places)| places);
    let mut found: Vec<_> =
        places.into_iter().flatten().map(|place| (place.doc, place.start)).collect();
    found.sort_unstable();
    Ok(found)
}

fn add_candidates<'a>(
    (part_number, part): (usize, &'a Part),
    units: &Units,
    query: &ReferenceQuery<'_>,
    compass: &Compass<'_>,
    found: &mut Vec<Candidate<'a>>,
) {
    let language = query.language.map(languages::canonical);
    let mut is_on = is_on(part, compass);
    let mut add = |doc: u32, blocks: Option<Range<usize>>| {
        let facts = facts(part, doc);
        let is_wanted = |wanted: &String| family(wanted) == family(facts.language);
        if !part.live.has(doc) || !language.as_ref().is_none_or(is_wanted) {
            return;
        }
        let distance = compass.distance(&facts.nearby(None, is_on(doc)));
        let rank = (distance, facts.penalty, facts.repo, facts.path);
        found.push(Candidate { part, part_number, doc, blocks, rank });
    };
    match units {
        Units::All => part.live.iter().for_each(|doc| add(doc, None)),
        Units::Some(units) => {
            let owner = |unit: &u32| part.segment.blocks.doc(*unit);
            let mut start = 0;
            for run in units.chunk_by(|a, b| owner(a) == owner(b)) {
                add(owner(&run[0]), Some(start..start + run.len()));
                start += run.len();
            }
        }
    }
}

/// How a document is read.
struct Read<'r> {
    finder: &'r memmem::Finder<'r>,
    units: &'r Units,
    /// Where its segment defines the name.
    defined: &'r [(u32, u32)],
    /// Most occurrences to keep.
    max: usize,
    stop: &'r Stop,
}

/// What a document has of the name.
enum Seen {
    Nothing,
    File(Box<FileReferences>),
    /// The time was up before all of it was read.
    Late,
}

impl Candidate<'_> {
    /// Counts the places of the name, and keeps the first ones.
    fn read(&self, read: &Read<'_>) -> Result<Seen> {
        let (segment, doc, len) = (&*self.part.segment, self.doc, read.finder.needle().len());
        let text = segment.text(doc);
        let is_defined = |at: usize| read.defined.binary_search(&(doc, at as u32)).is_ok();
        let is_whole = |at: &usize| identifier::is_whole(text, &(*at..*at + len));
        // what syntax said is read at the first place: that takes longer than all of this
        let mut marks = None;
        let (mut first, mut num_occurrences, mut num_seen) = (Vec::new(), 0, 0usize);
        for range in self.ranges(read.units) {
            for at in read.finder.find_iter(&text[range.clone()]).map(|at| range.start + at) {
                num_seen += 1;
                if num_seen.is_multiple_of(PLACES_PER_CHECK) && read.stop.is_due() {
                    return Ok(Seen::Late);
                }
                if !is_whole(&at) {
                    continue;
                }
                let marks = match &mut marks {
                    Some(known) => known,
                    unknown => unknown.insert(segment.marks.of(doc)?),
                };
                if is_prose(marks.as_ref(), at) && !is_defined(at) {
                    continue;
                }
                num_occurrences += 1;
                if first.len() < read.max {
                    first.push(at);
                }
            }
        }
        if num_occurrences == 0 {
            return Ok(Seen::Nothing);
        }
        let record = segment.docs.record(doc)?;
        let key = segment.keys.decode(record.key)?;
        let mut lines = LineReader::new(segment, doc);
        let occurrence = |at: &usize| lines.occurrence(*at, len, is_defined(*at));
        Ok(Seen::File(Box::new(FileReferences {
            repo: key.repo.into(),
            path: key.path,
            branches: self.part.branch_names(doc),
            language: segment.docs.strings.language(record.language).to_owned(),
            blob: record.blob.to_string(),
            by_syntax: marks.flatten().is_some(),
            occurrences: first.iter().map(occurrence).collect(),
            num_occurrences,
            penalty: self.rank.1,
        })))
    }

    /// The parts of the text that may hold the name.
    fn ranges(&self, units: &Units) -> Vec<Range<usize>> {
        let segment = &self.part.segment;
        let text = segment.docs.text(self.doc);
        match (&self.blocks, units) {
            (Some(of_doc), Units::Some(blocks)) => {
                let ranges =
                    blocks[of_doc.clone()].iter().map(|block| segment.blocks.range(*block));
                ranges.map(|range| range.start - text.start..range.end - text.start).collect()
            }
            _ => Vec::from([Range { start: 0, end: text.len() }]),
        }
    }
}

fn is_prose(marks: Option<&DocMarks>, at: usize) -> bool {
    marks.is_some_and(|marks| marks.is_prose(u32::try_from(at).unwrap_or(u32::MAX)))
}

/// Places of a document in order, as they are shown. What a line takes is done once for all of its places:
/// a line may be a whole file.
struct LineReader<'s> {
    segment: &'s Segment,
    doc: u32,
    line: Option<ReadLine>,
}

struct ReadLine {
    at: LineAt,
    text: String,
    indent: u32,
    /// A byte of the line, and its column.
    counted: (usize, u32),
}

impl<'s> LineReader<'s> {
    fn new(segment: &'s Segment, doc: u32) -> Self {
        Self { segment, doc, line: None }
    }

    /// The `len` bytes at `at`, which is not before any place asked for so far.
    fn occurrence(&mut self, at: usize, len: usize, is_definition: bool) -> Occurrence {
        let document = self.segment.text(self.doc);
        let line = match self.line.take().filter(|line| at < line.at.range.end) {
            Some(line) => line,
            None => self.read(at),
        };
        let line = self.line.insert(line);
        let (from, column) = line.counted;
        let column = column + (lines::column(&document[from..at], at - from) - 1);
        line.counted = (at, column);
        Occurrence {
            line: line.at.number,
            column,
            end_column: column + (lines::column(&document[at..at + len], len) - 1),
            text: line.text.clone(),
            indent: line.indent,
            is_definition,
        }
    }

    fn read(&self, at: usize) -> ReadLine {
        let at = lines::line_at(self.segment, self.doc, at);
        let (text, indent) = lines::shown(&self.segment.text(self.doc)[at.range.clone()]);
        ReadLine { counted: (at.range.start, 1), at, text, indent }
    }
}
