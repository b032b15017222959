//! Definitions by name.

use super::{
    MAX_NAME_BYTES, NameClass, Origin, SymbolName, SymbolQuery, facts, is_on, lines,
    near::{Compass, Distance},
};
use crate::{EngineError, Result, Snapshot, Stop, grams::Units, snapshot::Part, symbols::Place};
use ax_query::{
    Matcher, Pattern,
    grams::{GramLimits, plan},
};
use regex_automata::meta::Regex;

/// Bytes of the compiled pattern of a name.
const NFA_BYTES: usize = 16 << 20;
/// Matches looked at within one name to find the best.
const MATCHES_PER_NAME: usize = 8;
/// Runs of names looked at between two looks at the clock.
const UNITS_PER_CHECK: usize = 128;
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
    distance: Distance,
    is_minor: bool,
    penalty: u8,
    repo: &'a str,
    path: &'a str,
    line: u64,
    column: u32,
}

/// What orders names: how they answer, short before long, as it was typed before another case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct NameRank<'a> {
    class: NameClass,
    len: usize,
    other_case: bool,
    name: &'a [u8],
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
            distance: origin.distance(&nearby),
            is_minor: MINOR_KINDS.contains(&self.kind.as_str()),
            penalty: self.penalty,
            repo,
            path,
            line: self.line,
            column: self.column,
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
        let mut found = FoundSymbols::default();
        let (names, compass) = (Names::new(&query.name)?, Compass::new(origin));
        for part in &self.parts {
            let mut chosen = names.of(part, stop)?;
            chosen.sort_unstable_by(|a, b| a.rank().cmp(&b.rank()));
            let mut of_part = Vec::new();
            for run in chosen
                .chunk_by(|a, b| a.rank().class == b.rank().class && a.name.len() == b.name.len())
            {
                if stop.is_due() || of_part.len() > limit {
                    break;
                }
                for name in run {
                    add_places(part, query, name, &compass, &mut of_part)?;
                }
            }
            of_part.sort_by(|a: &Candidate<'_>, b| a.rank.cmp(&b.rank));
            found.more |= of_part.len() > limit;
            of_part.truncate(limit);
            for candidate in of_part {
                found.symbols.push(candidate.symbol()?);
            }
        }
        found.symbols.sort_by(|a, b| Symbol::order(a, b, origin));
        found.more |= found.symbols.len() > limit;
        found.symbols.truncate(limit);
        found.timed_out = stop.is_due();
        Ok(found)
    }
}

/// A name of a segment that answers. Where it is defined is read only once it is its turn: a short
/// pattern matches ten thousands of names, of which fifty are shown.
struct Named {
    name: Vec<u8>,
    class: NameClass,
    other_case: bool,
}

impl Named {
    fn rank(&self) -> NameRank<'_> {
        let Self { name, class, other_case, .. } = self;
        NameRank { class: *class, len: name.len(), other_case: *other_case, name }
    }
}

/// Finds names.
enum Names<'q> {
    Exact(&'q str),
    Like(Box<Regex>, &'q Pattern),
}

impl<'q> Names<'q> {
    fn new(name: &SymbolName<'q>) -> Result<Self> {
        match name {
            SymbolName::Exact(name) => Ok(Self::Exact(name)),
            SymbolName::Like(pattern) => {
                let config = Regex::config().utf8_empty(false).nfa_size_limit(Some(NFA_BYTES));
                let built = Regex::builder().configure(config).build_from_hir(pattern.hir());
                let regex = built.map_err(|error| EngineError::RegexTooLarge(error.to_string()))?;
                Ok(Self::Like(Box::new(regex), pattern))
            }
        }
    }

    fn of(&self, part: &Part, stop: &Stop) -> Result<Vec<Named>> {
        match self {
            Self::Exact(name) => {
                if name.is_empty() || name.len() > MAX_NAME_BYTES {
                    return Ok(Vec::new());
                }
                let name = name.as_bytes().to_vec();
                Ok(vec![Named { name, class: NameClass::Exact, other_case: false }])
            }
            Self::Like(regex, pattern) => like(part, regex, pattern, stop),
        }
    }
}

fn like(part: &Part, regex: &Regex, pattern: &Pattern, stop: &Stop) -> Result<Vec<Named>> {
    let symbols = &part.segment.symbols;
    let formula = plan(pattern.hir(), &GramLimits::default());
    let units = match symbols.grams.evaluate(&formula)? {
        Units::All => (0..symbols.num_units()).collect(),
        Units::Some(units) => units,
    };
    let mut found = Vec::new();
    for (looked_at, unit) in units.into_iter().enumerate() {
        if looked_at.is_multiple_of(UNITS_PER_CHECK) && stop.is_due() {
            break;
        }
        let mut unit = symbols.unit(unit);
        while let Some(named) = unit.next_name()? {
            let name = String::from_utf8_lossy(named.name);
            let matches = regex.find_iter(named.name).take(MATCHES_PER_NAME);
            let Some(class) = NameClass::of(&name, matches.map(|m| (m.start(), m.end()))) else {
                continue;
            };
            let other_case = is_other_case(named.name, pattern);
            found.push(Named { name: named.name.to_vec(), class, other_case });
        }
    }
    Ok(found)
}

/// Whether a name holds the text sought in another case only.
fn is_other_case(name: &[u8], pattern: &Pattern) -> bool {
    let text = pattern.source().trim_start_matches('^').trim_end_matches('$');
    let is_plain = !text.is_empty() && text.chars().all(|c| c == '_' || c.is_alphanumeric());
    is_plain && memchr::memmem::find(name, text.as_bytes()).is_none()
}

/// A definition before it is read.
struct Candidate<'a> {
    part: &'a Part,
    place: Place,
    container: Option<String>,
    rank: Rank<'a>,
}

fn add_places<'a>(
    part: &'a Part,
    query: &SymbolQuery<'_>,
    name: &'a Named,
    compass: &Compass<'_>,
    found: &mut Vec<Candidate<'a>>,
) -> Result<()> {
    let segment = &part.segment;
    let kinds = &segment.docs.strings.symbol_kinds;
    let places = segment.symbols.find(&name.name)?.map(|(_, places)| places).unwrap_or_default();
    let mut is_on = is_on(part, compass);
    for place in places.into_iter().filter(|place| part.live.has(place.doc)) {
        let kind = kinds.get(place.kind as usize).map_or("", String::as_str);
        let is_wanted = |kinds: &Vec<ax_syntax::Kind>| kinds.iter().any(|one| one.as_str() == kind);
        let facts = facts(part, place.doc);
        let holds = |matchers: &[&Matcher], name: &str| {
            matchers.iter().all(|matcher| matcher.is_match(name.as_bytes()))
        };
        if !query.kinds.as_ref().is_none_or(is_wanted)
            || !query.languages.iter().all(|language| language == facts.language)
            || !holds(&query.repos, facts.repo)
            || query.repository.is_some_and(|wanted| wanted != facts.repo)
            || !holds(&query.files, facts.path)
        {
            continue;
        }
        let container = place.container.map(|name| segment.symbols.name(name)).transpose()?;
        let container = container.map(|name| String::from_utf8_lossy(&name).into_owned());
        let nearby = facts.nearby(container.as_deref(), is_on(place.doc));
        let distance = compass.distance(&nearby);
        let rank = Rank {
            name: name.rank(),
            distance,
            is_minor: MINOR_KINDS.contains(&kind),
            penalty: facts.penalty,
            repo: facts.repo,
            path: facts.path,
            line: u64::from(place.start), // ascends with the line, which is not known yet
            column: 0,
        };
        found.push(Candidate { part, place, container, rank });
    }
    Ok(())
}

impl Candidate<'_> {
    fn symbol(self) -> Result<Symbol> {
        let Self { part, place, container, rank } = self;
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
            name: String::from_utf8_lossy(rank.name.name).into_owned(),
            kind: strings.symbol_kinds.get(place.kind as usize).cloned().unwrap_or_default(),
            container,
            line: line.number,
            column: lines::column(bytes, start.saturating_sub(line.range.start)),
            end_line,
            signature: lines::shown(bytes).0,
            class: rank.name.class,
            other_case: rank.name.other_case,
            penalty: rank.penalty,
        })
    }
}
