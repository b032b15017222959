//! What a file defines, and where it holds no code: one pass of tree-sitter over its text.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use streaming_iterator::StreamingIterator;
use tree_sitter::{ParseOptions, Parser, QueryCursor, QueryCursorOptions, QueryMatch, Tree};

use crate::grammar::{Compiled, Role};
use crate::meter::Meter;
use crate::prose::{Mark, prose_of};
use crate::{Kind, Language};

/// A name that a file gives to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// What it names.
    pub kind: Kind,
    /// First byte of the name in the text.
    pub start: usize,
    /// One past the last byte of the name.
    pub end: usize,
    /// One past the last byte of the whole definition.
    pub whole_end: usize,
    /// Name of the definition that encloses it, or of the type that it is declared for.
    pub container: Option<String>,
}

/// What syntax says of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// In the order of their names' places.
    pub definitions: Vec<Definition>,
    /// Comments and strings, in bytes of the text: ascending, apart, with code between any two. What is
    /// interpolated into a string is code.
    pub prose: Vec<Range<usize>>,
}

/// What a file's definitions may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the text; a longer one is not parsed.
    pub max_bytes: usize,
    /// Time that the calling thread may be at work for the parse and the search for definitions together. That others
    /// have its core meanwhile does not count, where the system tells them apart.
    pub timeout: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { max_bytes: 4 << 20, timeout: Duration::from_secs(2) }
    }
}

/// Why a file has no definitions though its language could.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GivenUp {
    /// Over [`Budget::max_bytes`].
    #[error("the file is too big to parse")]
    TooBig,
    /// Over [`Budget::timeout`].
    #[error("the file took too long to parse")]
    TooSlow,
    /// The parser gave no tree.
    #[error("the file could not be parsed")]
    ParseFailed,
}

impl GivenUp {
    /// The stable name, as recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            GivenUp::TooBig => "too-big",
            GivenUp::TooSlow => "too-slow",
            GivenUp::ParseFailed => "parse-failed",
        }
    }
}

/// The definitions in a text, its comments and its strings; `None` for a language without a grammar.
/// Text with errors, or not in UTF-8, gives what can be made out.
///
/// # Errors
///
/// [`GivenUp`] when the text is over the budget. The clock is looked at between steps of the parser, and a
/// step over a hostile text (a million open brackets) is slow: a call may work for up to twice the timeout.
pub fn outline(
    language: &Language,
    text: &[u8],
    budget: &Budget,
) -> Result<Option<Outline>, GivenUp> {
    let Some(grammar) = language.grammar else {
        return Ok(None);
    };
    // tree-sitter counts bytes in 32 bits
    if text.len() > budget.max_bytes || u32::try_from(text.len()).is_err() {
        return Err(GivenUp::TooBig);
    }
    let compiled = grammar.compiled(); // before the clock runs: the first text of a language pays for no others
    read(compiled, text, &Meter::start(budget.timeout)).map(Some)
}

fn read(compiled: &Compiled, text: &[u8], meter: &Meter) -> Result<Outline, GivenUp> {
    let tree = parse(compiled, text, meter)?;
    let (found, marks) = find(compiled, &tree, text, meter)?;
    Ok(Outline { definitions: nest(found, text), prose: prose_of(marks, text) })
}

thread_local! {
    // both keep buffers that are worth using again
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
    static CURSOR: RefCell<QueryCursor> = RefCell::new(QueryCursor::new());
}

fn parse(compiled: &Compiled, text: &[u8], meter: &Meter) -> Result<Tree, GivenUp> {
    PARSER.with_borrow_mut(|parser| {
        parser.set_language(&compiled.language).map_err(|_| GivenUp::ParseFailed)?;
        let mut late = false;
        let mut progress = |_: &_| check(meter, &mut late);
        let options = ParseOptions::new().progress_callback(&mut progress);
        let mut read = |at: usize, _| text.get(at..).unwrap_or_default();
        let tree = parser.parse_with_options(&mut read, None, Some(options));
        // else the next call would go on with this text
        parser.reset();
        tree.ok_or(if late { GivenUp::TooSlow } else { GivenUp::ParseFailed })
    })
}

fn check(meter: &Meter, late: &mut bool) -> ControlFlow<()> {
    *late = meter.is_over();
    if *late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// A match of a grammar's query.
struct Found {
    /// The kind; none of a scope that only gives its name to what it encloses.
    kind: Option<Kind>,
    /// Bytes of the whole definition.
    whole: Range<usize>,
    name: Range<usize>,
    /// The container's name where the definition itself says it.
    container: Option<Range<usize>>,
    /// The place of its pattern in the query.
    pattern: usize,
}

fn find(
    compiled: &Compiled,
    tree: &Tree,
    text: &[u8],
    meter: &Meter,
) -> Result<(Vec<Found>, Vec<Mark>), GivenUp> {
    CURSOR.with_borrow_mut(|cursor| {
        let mut late = false;
        let mut progress = |_: &_| check(meter, &mut late);
        let options = QueryCursorOptions::new().progress_callback(&mut progress);
        cursor.set_match_limit(MAX_OPEN_MATCHES);
        let root = tree.root_node();
        let mut matches = cursor.matches_with_options(&compiled.query, root, text, options);
        let (mut found, mut marks) = (Vec::new(), Vec::new());
        while let Some(one) = matches.next() {
            found.extend(read_match(compiled, one, &mut marks));
        }
        drop(matches);
        if late { Err(GivenUp::TooSlow) } else { Ok((found, marks)) }
    })
}

/// Matches that may be under way at once; bounds the memory of a search in a hostile tree.
const MAX_OPEN_MATCHES: u32 = 4096;

fn read_match(
    compiled: &Compiled,
    one: &QueryMatch<'_, '_>,
    marks: &mut Vec<Mark>,
) -> Option<Found> {
    let (mut whole, mut name, mut container) = (None, None, None);
    for capture in one.captures() {
        let range = capture.node.byte_range();
        match compiled.roles[capture.index as usize] {
            Role::Name => name = Some(range),
            Role::Container => container = Some(range),
            Role::Definition(kind) => whole = Some((Some(kind), range)),
            Role::Scope => whole = Some((None, range)),
            Role::Text => marks.push(Mark { range, is_text: true }),
            Role::Condition => {}
            Role::Code => marks.push(Mark { range, is_text: false }),
        }
    }
    let (kind, whole) = whole?;
    Some(Found { kind, whole, name: name?, container, pattern: one.pattern_index })
}

/// Finds for each definition the one that encloses it.
fn nest(mut found: Vec<Found>, text: &[u8]) -> Vec<Definition> {
    // outer before inner; of two readings of one name, the first pattern of the query wins
    found.sort_by_key(|one| (one.whole.start, Reverse(one.whole.end), one.pattern));
    let mut open: Vec<(Range<usize>, Kind, String)> = Vec::new();
    let mut result: Vec<Definition> = Vec::with_capacity(found.len());
    for one in found {
        while open.last().is_some_and(|(whole, ..)| !encloses(whole, &one.whole)) {
            open.pop();
        }
        let name = text_of(text, &one.name);
        let enclosing = open.last();
        let container = match &one.container {
            Some(range) => Some(text_of(text, range)),
            None => enclosing.map(|(.., name)| name.clone()),
        };
        let in_type =
            one.container.is_some() || enclosing.is_some_and(|(_, kind, _)| kind.has_methods());
        // a scope stands for a type
        let kind = match one.kind {
            Some(Kind::Function) if in_type => Kind::Method,
            kind => kind.unwrap_or(Kind::Class),
        };
        if one.kind.is_some() {
            let Range { start, end } = one.name;
            let (name, whole_end) = (name.clone(), one.whole.end.max(end));
            result.push(Definition { name, kind, start, end, whole_end, container });
        }
        open.push((one.whole, kind, name));
    }
    result.sort_by_key(|definition| definition.start);
    result.dedup_by_key(|definition| (definition.start, definition.end));
    result
}

/// Whether a definition encloses one that starts no earlier. Names of one declaration, as in `int a, b`,
/// stand beside each other.
fn encloses(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    inner.end <= outer.end && inner != outer
}

fn text_of(text: &[u8], range: &Range<usize>) -> String {
    String::from_utf8_lossy(text.get(range.clone()).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What broke: all time counted, so a thread of the lowest priority gave up on texts that it had hardly begun.
    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn a_text_is_not_given_up_since_others_were_at_work() {
        let compiled = crate::find_language("c").unwrap().grammar.unwrap().compiled();
        let text = "int f(void) { return 1; }\n".repeat(1000);
        let num_within = |meter: &Meter| {
            let found = read(compiled, text.as_bytes(), meter);
            found.map(|outline| outline.definitions.len())
        };
        let limit = Duration::from_millis(500);
        let meter = Meter::start(limit);
        crate::meter::tests::while_others_work(limit);
        assert_eq!(num_within(&meter), Ok(1000));
        assert_eq!(num_within(&Meter::start(Duration::ZERO)), Err(GivenUp::TooSlow), "it is asked");
    }
}
