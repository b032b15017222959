//! What holds for the whole query: `case:`, and what shapes the answer. Each may stand once.

use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use crate::QueryErrorKind::{BadValue, Unavailable};
use crate::filter::{Filter, nearest};
use crate::shape::Given;
use crate::values::{self, KindFilter};
use crate::{CaseMode, Count, QueryError, Select, Shape, Sort};

/// The settings that stand in a query so far.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    case: Slot<CaseMode>,
    kind: Slot<Kind>,
    select: Slot<Selected>,
    sort: Slot<Sort>,
    count: Slot<Count>,
    context: Slot<u32>,
    timeout: Slot<Duration>,
}

/// A value, and where it stands with its name.
type Slot<T> = Option<(T, Range<usize>)>;

/// What `type:` asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Match,
    File,
    Repo,
    Symbol,
}

/// What `select:` asks for.
#[derive(Debug, Clone, PartialEq)]
enum Selected {
    File,
    Repo,
    Language,
    Content,
    Symbol(Option<KindFilter>),
}

/// Where patterns without a filter look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextIn {
    /// In content and path.
    Anything,
    /// In the content only.
    Content,
    /// In names of definitions.
    Symbols,
}

/// What the settings come to.
#[derive(Debug)]
pub(crate) struct Settled {
    pub case: CaseMode,
    pub text_in: TextIn,
    /// Of all definitions sought.
    pub kinds: Option<KindFilter>,
    pub shape: Shape,
}

/// Where a value stands: with its filter's name, and alone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub whole: Range<usize>,
    pub value: Range<usize>,
}

impl Settings {
    /// Takes the value of a setting.
    ///
    /// # Errors
    ///
    /// When the value is out of its range, or differs from one that stands already.
    pub(crate) fn set(
        &mut self,
        filter: Filter,
        value: &str,
        at: &Places,
    ) -> Result<(), QueryError> {
        let wrong = |accepted| out_of_range(filter, accepted, &at.value);
        match filter {
            Filter::Type => fill(&mut self.kind, filter, kind_of(value, at)?, at),
            Filter::Select => fill(&mut self.select, filter, selected_of(value, at)?, at),
            Filter::Sort => {
                let sort = choose(filter, value, at, Sort::NAMES)?;
                fill(&mut self.sort, filter, sort, at)
            }
            Filter::Count => {
                let count = values::count(value).ok_or_else(|| wrong("all or a number from 1"));
                fill(&mut self.count, filter, count?, at)
            }
            // Sourcegraph puts it into each of its queries; it is what is searched here anyway
            Filter::Context if value.eq_ignore_ascii_case("global") => Ok(()),
            Filter::Context => fill(&mut self.context, filter, lines_of(value, at)?, at),
            Filter::Timeout => {
                let time = values::time(value);
                let time = time.ok_or_else(|| wrong("a time with its unit, as 500ms, 2s or 1m"));
                fill(&mut self.timeout, filter, time?, at)
            }
            _ => fill(&mut self.case, Filter::Case, choose(Filter::Case, value, at, CASES)?, at),
        }
    }

    /// What all of them come to.
    ///
    /// # Errors
    ///
    /// When `type:` and `select:` ask for different things.
    pub(crate) fn settle(self) -> Result<Settled, QueryError> {
        let kind = self.kind.as_ref().map_or(Kind::Match, |(kind, _)| *kind);
        let selected = self.select.as_ref().map(|(selected, _)| selected);
        let fits = match (kind, selected) {
            (Kind::File, Some(selected)) => *selected == Selected::File,
            (Kind::Repo, Some(selected)) => *selected == Selected::Repo,
            (Kind::Symbol, Some(selected)) => *selected != Selected::Content,
            _ => true,
        };
        if let (false, Some((_, span))) = (fits, &self.select) {
            let message = "type: and select: ask for different things";
            return Err(QueryError::new(BadValue, span.clone(), message).hint("keep one of them"));
        }
        let select = match (kind, selected) {
            (_, Some(Selected::File)) | (Kind::File, None) => Select::File,
            (_, Some(Selected::Repo)) | (Kind::Repo, None) => Select::Repo,
            (_, Some(Selected::Language)) => Select::Language,
            _ => Select::Match,
        };
        let text_in = match (kind, selected) {
            (Kind::Symbol, _) | (_, Some(Selected::Symbol(_))) => TextIn::Symbols,
            (_, Some(Selected::Content)) => TextIn::Content,
            _ => TextIn::Anything,
        };
        let kinds = match self.select {
            Some((Selected::Symbol(kinds), _)) => kinds,
            _ => None,
        };
        let shape = Shape {
            count: given(self.count),
            timeout: given(self.timeout),
            context: given(self.context),
            sort: self.sort.map_or(Sort::default(), |(sort, _)| sort),
            select,
        };
        let case = self.case.map_or(CaseMode::Auto, |(case, _)| case);
        Ok(Settled { case, text_in, kinds, shape })
    }
}

const CASES: &[(&str, CaseMode)] =
    &[("yes", CaseMode::Yes), ("no", CaseMode::No), ("auto", CaseMode::Auto)];

/// With what Zoekt calls them too.
const KINDS: &[(&str, Kind)] = &[
    ("file", Kind::File),
    ("repo", Kind::Repo),
    ("match", Kind::Match),
    ("symbol", Kind::Symbol),
    ("filename", Kind::File),
    ("filematch", Kind::Match),
];

/// A number of lines; what looks like the name of one of Sourcegraph's search contexts is refused as such.
fn lines_of(value: &str, at: &Places) -> Result<u32, QueryError> {
    if value.starts_with(|c: char| c == '@' || c.is_alphabetic()) {
        let message = format!("there is no search context {value}: context: is a number of lines");
        return Err(QueryError::new(Unavailable, at.value.clone(), message)
            .hint("leave it out, and name repositories with repo:; context:3 shows three lines"));
    }
    let lines = values::number(value).and_then(|lines| u32::try_from(lines).ok());
    lines.ok_or_else(|| out_of_range(Filter::Context, "a number of lines", &at.value))
}

fn kind_of(value: &str, at: &Places) -> Result<Kind, QueryError> {
    let hint = match value.to_ascii_lowercase().as_str() {
        "path" => "to look in paths only, write file:NAME",
        "commit" | "diff" => "commits are not searched; sort:recency puts new files first",
        _ => return choose(Filter::Type, value, at, KINDS),
    };
    let message = format!("there is no type:{value}");
    Err(QueryError::new(BadValue, at.value.clone(), message).hint(hint))
}

fn selected_of(value: &str, at: &Places) -> Result<Selected, QueryError> {
    if let Some((name, kind)) = value.split_once('.')
        && name.eq_ignore_ascii_case("symbol")
    {
        // In quotes, or with escapes, the text is not where it stands: then all of it is meant.
        let is_plain = at.value.len() == value.len();
        let start = if is_plain { at.value.end - kind.len() } else { at.value.start };
        let kinds = KindFilter::parse(kind, (start..at.value.end).into());
        let kinds = kinds.ok_or_else(|| no_kind(start..at.value.end))?;
        return Ok(Selected::Symbol(Some(kinds)));
    }
    let known = [
        ("repo", Selected::Repo),
        ("file", Selected::File),
        ("symbol", Selected::Symbol(None)),
        ("lang", Selected::Language),
        ("content", Selected::Content),
        ("language", Selected::Language),
        ("file.path", Selected::File),
    ];
    choose(Filter::Select, value, at, &known)
}

/// That a value names no kinds of definitions.
pub(crate) fn no_kind(span: Range<usize>) -> QueryError {
    QueryError::new(BadValue, span, "this names no kind of definition")
        .hint("write a name, or several with commas: symkind:function,method")
}

/// That a value is out of a filter's range.
pub(crate) fn out_of_range(filter: Filter, accepted: &str, span: &Range<usize>) -> QueryError {
    let message = format!("{}: is {accepted}", filter.name());
    let hint = format!("as in {}; to search for the text, put it in quotes", filter.example());
    QueryError::new(BadValue, span.clone(), message).hint(hint)
}

/// The value of that name; the first names are proposed.
pub(crate) fn choose<T: Clone>(
    filter: Filter,
    value: &str,
    at: &Places,
    known: &[(&str, T)],
) -> Result<T, QueryError> {
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    if let Some((_, found)) = found {
        return Ok(found.clone());
    }
    let names = known.iter().map(|(name, _)| *name);
    let nearest = nearest(&value.to_ascii_lowercase(), names.clone());
    let num_proposed = match filter {
        Filter::Select => 5,
        Filter::Archived | Filter::Fork => 3,
        Filter::Public => 2,
        _ => 4,
    };
    let names: Vec<&str> = names.take(num_proposed).collect();
    let error = out_of_range(filter, &one_of(&names), &at.value);
    Err(match nearest {
        Some(name) => error.hint(format!("did you mean {}:{name} ?", filter.name())),
        None => error,
    })
}

fn one_of(names: &[&str]) -> String {
    match names {
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => String::new(),
    }
}

fn fill<T: PartialEq>(
    slot: &mut Slot<T>,
    filter: Filter,
    value: T,
    at: &Places,
) -> Result<(), QueryError> {
    match slot {
        Some((earlier, _)) if *earlier != value => Err(twice(filter.name(), at)),
        _ => {
            *slot = Some((value, at.whole.clone()));
            Ok(())
        }
    }
}

fn twice(name: impl Display, at: &Places) -> QueryError {
    let message = format!("{name}: stands twice, with different values");
    QueryError::new(BadValue, at.whole.clone(), message)
        .hint("it counts for the whole query: keep one of them")
}

fn given<T>(slot: Slot<T>) -> Option<Given<T>> {
    slot.map(|(value, place)| Given { value, place: place.into() })
}
