//! From text to a tree: recursive descent over the grammar of `docs/query.md`.

use std::ops::Range;

use crate::QueryErrorKind::{BadValue, Empty, Syntax, TooLarge, Unavailable, UnknownFilter};
use crate::elsewhere;
use crate::facts::{Fact, FactFilter};
use crate::filter::{Filter, absent, nearest_name};
use crate::matcher::{HEAD, guess_syntax};
use crate::resolve::{Leaf, Node, RawMatcher, RawPattern, resolve};
use crate::scan::{Keyword, Scanner, Slashed, Word};
use crate::settings::{Places, Settings, no_kind, out_of_range};
use crate::values::{KindFilter, SizeRange};
use crate::{Field, LangFilter, Limits, MatcherSyntax, Query, QueryError};

/// Reads a query and compiles its patterns.
///
/// # Errors
///
/// With the place and the mend, when the text does not follow the grammar, holds a regular expression
/// that is not valid, is empty, or goes over one of the limits.
pub fn parse(text: &str, limits: &Limits) -> Result<Query, QueryError> {
    if text.len() > limits.max_bytes {
        return Err(too_long(text.len(), limits));
    }
    let scanner = Scanner::new(text);
    let mut parser =
        Parser { scanner, limits, depth: 0, num_atoms: 0, settings: Settings::default() };
    let node = parser.disjunction()?;
    if let Some(')') = parser.scanner.peek() {
        let at = parser.scanner.pos;
        return Err(QueryError::new(Syntax, at..at + 1, "this parenthesis closes nothing")
            .hint("remove it, or put the text in quotes: \")\""));
    }
    let Some(node) = node else {
        return Err(QueryError::new(Empty, 0..text.len(), "the query has nothing to look for")
            .hint("type a word, a \"text\", a /regex/ or a filter such as file:*.rs"));
    };
    resolve(node, parser.settings, limits)
}

fn too_long(num_bytes: usize, limits: &Limits) -> QueryError {
    let message = format!("the query has {num_bytes} bytes; {} are accepted", limits.max_bytes);
    QueryError::new(TooLarge, 0..0, message).hint("search for a part of the text")
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    limits: &'a Limits,
    depth: usize,
    num_atoms: usize,
    settings: Settings,
}

/// A part of the query; none of one that only holds settings of the whole.
type Part = Option<Node>;

impl<'a> Parser<'a> {
    fn disjunction(&mut self) -> Result<Part, QueryError> {
        let mut members = vec![self.conjunction()?];
        while let Some((operator, Keyword::Or)) = self.take_keyword(Keyword::Or) {
            members.push(self.conjunction()?);
            if members[members.len() - 2..].iter().any(Option::is_none) {
                return Err(lone_operator(operator, "or"));
            }
        }
        Ok(Node::or(members.into_iter().flatten().collect()))
    }

    fn conjunction(&mut self) -> Result<Part, QueryError> {
        let mut members = Vec::new();
        loop {
            if let Some((operator, _)) = self.take_keyword(Keyword::And)
                && (members.is_empty() || self.at_end())
            {
                return Err(lone_operator(operator, "and"));
            }
            if self.at_end() {
                return Ok(Node::and(members));
            }
            members.extend(self.term()?);
        }
    }

    /// Whether no further term of a conjunction comes.
    fn at_end(&mut self) -> bool {
        self.scanner.skip_space();
        matches!(self.scanner.peek(), None | Some(')'))
            || matches!(self.scanner.keyword(), Some((Keyword::Or | Keyword::And, _)))
    }

    fn take_keyword(&mut self, wanted: Keyword) -> Option<(Range<usize>, Keyword)> {
        self.scanner.skip_space();
        let (keyword, len) = self.scanner.keyword().filter(|(keyword, _)| *keyword == wanted)?;
        let start = self.scanner.pos;
        self.scanner.pos += len;
        Some((start..start + len, keyword))
    }

    fn term(&mut self) -> Result<Part, QueryError> {
        if let Some((operator, _)) = self.take_keyword(Keyword::Not) {
            if self.at_end() {
                return Err(lone_operator(operator, "not"));
            }
            return self.negated(operator);
        }
        if self.scanner.at_negation() {
            let start = self.scanner.pos;
            self.scanner.pos += 1;
            return self.negated(start..start + 1);
        }
        match self.scanner.peek() {
            Some('(') => self.group(),
            _ => self.atom(),
        }
    }

    fn negated(&mut self, operator: Range<usize>) -> Result<Part, QueryError> {
        self.enter(&operator)?;
        let inner = self.term()?;
        self.depth -= 1;
        match inner {
            Some(Node::Leaf(Leaf::Fact(filter))) if filter.wanted.is_none() => {
                Err(negates_nothing(operator.start..self.scanner.pos, filter))
            }
            Some(inner) => Ok(Some(Node::Not(Box::new(inner)))),
            None => Err(QueryError::new(Syntax, operator, "a setting cannot be negated")
                .hint("case:, type: and their like hold for the whole query: write another value")),
        }
    }

    fn group(&mut self) -> Result<Part, QueryError> {
        let open = self.scanner.pos..self.scanner.pos + 1;
        self.enter(&open)?;
        self.scanner.pos += 1;
        let before = self.num_atoms;
        let inner = self.disjunction()?;
        if self.scanner.peek() != Some(')') {
            return Err(QueryError::new(Syntax, open, "this parenthesis is not closed")
                .hint("close it with ), or put the text in quotes: \"(\""));
        }
        self.scanner.pos += 1;
        self.depth -= 1;
        if self.num_atoms == before {
            let span = open.start..self.scanner.pos;
            return Err(QueryError::new(Syntax, span, "there is nothing in these parentheses")
                .hint("remove them, or put the text in quotes: \"()\""));
        }
        Ok(inner)
    }

    fn enter(&mut self, at: &Range<usize>) -> Result<(), QueryError> {
        self.depth += 1;
        if self.depth <= self.limits.max_depth {
            return Ok(());
        }
        let message = format!("the query is nested deeper than {}", self.limits.max_depth);
        Err(QueryError::new(TooLarge, at.clone(), message).hint("use fewer parentheses"))
    }

    fn atom(&mut self) -> Result<Part, QueryError> {
        let start = self.scanner.pos;
        let part = match self.scanner.filter_name() {
            Some(name) if self.is_filter(name)? => self.filter(name)?,
            _ => Some(self.text(Field::Either)?),
        };
        self.num_atoms += 1;
        if self.num_atoms <= self.limits.max_atoms {
            return Ok(part);
        }
        let message = format!("the query has more than {} terms", self.limits.max_atoms);
        Err(QueryError::new(TooLarge, start..self.scanner.pos, message)
            .hint("put alternatives into one /regex/"))
    }

    /// Whether a name and its colon are a filter; text if they look like `TODO:` or an address.
    fn is_filter(&self, name: &str) -> Result<bool, QueryError> {
        let after = self.scanner.rest()[name.len() + 1..].chars().next();
        let has_value = after.is_some_and(|c| !c.is_whitespace() && c != ')');
        if let Some(filter) = Filter::find(name) {
            return Ok(has_value || !filter.is_text_without_value());
        }
        if !has_value || after == Some('/') {
            return Ok(false);
        }
        let span = self.scanner.pos..self.scanner.pos + name.len();
        if let Some((why, hint)) = absent(name) {
            let message = format!("there is no filter {name}: here: {why}");
            return Err(QueryError::new(Unavailable, span, message).hint(hint));
        }
        let error = QueryError::new(UnknownFilter, span, format!("there is no filter {name}:"));
        Err(error.hint(match nearest_name(name) {
            Some(known) => {
                format!("did you mean {known}: ? To search for the text, put it in quotes")
            }
            None => "to search for the text, put it in quotes".to_owned(),
        }))
    }

    fn filter(&mut self, name: &str) -> Result<Part, QueryError> {
        let start = self.scanner.pos;
        let filter = Filter::find(name).unwrap_or(Filter::Content);
        self.scanner.pos += name.len() + 1;
        if self.scanner.peek().is_none_or(|c| c.is_whitespace() || c == ')') {
            let message = format!("{}: has no value", filter.name());
            return Err(QueryError::new(BadValue, start..self.scanner.pos, message)
                .hint(format!("write it without a space, as in {}", filter.example())));
        }
        let leaf = match filter {
            Filter::Content => return self.text(Field::Content).map(Some),
            Filter::Sym => Leaf::Sym(self.name_pattern()?, Vec::new()),
            Filter::SymKind => self.kinds(start)?,
            Filter::Size => self.size()?,
            Filter::Archived | Filter::Fork | Filter::Public | Filter::Visibility => {
                self.fact(filter, start)?
            }
            Filter::Repo => Leaf::Repo(self.matcher(filter)?),
            Filter::File => Leaf::File(self.matcher(filter)?),
            Filter::Branch => Leaf::Branch(self.matcher(filter)?),
            Filter::Lang => Leaf::Lang(self.lang()?),
            setting => return self.setting(setting, start).map(|()| None),
        };
        Ok(Some(Node::Leaf(leaf)))
    }

    fn text(&mut self, field: Field) -> Result<Node, QueryError> {
        let pattern = match field {
            Field::Content => self.value_pattern()?,
            Field::Either => self.pattern()?,
        };
        Ok(Node::Leaf(Leaf::Text(pattern, field)))
    }

    /// A pattern right after a filter's colon, where a slash before white space can only open a regular
    /// expression: the division sign that it would be elsewhere makes no sense there.
    fn value_pattern(&mut self) -> Result<RawPattern, QueryError> {
        if self.scanner.at_spaced_regex() {
            return RawPattern::regex(self.scanner.regex()?, self.limits);
        }
        self.pattern()
    }

    /// A pattern for names: as any other, but a word may be bound to a name's beginning by `^` and to its
    /// end by `$`, as people write it who come from engines where every pattern is a regular expression.
    fn name_pattern(&mut self) -> Result<RawPattern, QueryError> {
        if self.scanner.at_spaced_regex() || self.scanner.at_regex() {
            return self.value_pattern();
        }
        if self.scanner.peek() == Some('"') {
            return self.pattern();
        }
        let Word { raw, text, span } = self.scanner.word();
        let Some((core, bound)) = bound(raw, &text) else {
            return Ok(RawPattern::Literal { text, span });
        };
        if core.is_empty() {
            return Err(QueryError::new(BadValue, span, "there is no name beside ^ and $")
                .hint("write sym:^main$ for exactly that name, or sym:/./ for any"));
        }
        RawPattern::regex(Slashed::plain(bound, span), self.limits)
    }

    fn pattern(&mut self) -> Result<RawPattern, QueryError> {
        if self.scanner.at_regex() {
            return RawPattern::regex(self.scanner.regex()?, self.limits);
        }
        let (text, span) = self.plain()?;
        if text.is_empty() {
            return Err(QueryError::new(Syntax, span, "there is no text in these quotes")
                .hint("remove them, or write \\\" to search for a quote"));
        }
        Ok(RawPattern::Literal { text, span })
    }

    /// A quoted string or a word, without its escapes.
    fn plain(&mut self) -> Result<(String, Range<usize>), QueryError> {
        if self.scanner.peek() == Some('"') {
            return self.scanner.quoted();
        }
        let word = self.scanner.word();
        Ok((word.text, word.span))
    }

    fn matcher(&mut self, filter: Filter) -> Result<RawMatcher, QueryError> {
        match self.scanner.peek() {
            Some('"') => {
                let (text, span) = self.scanner.quoted()?;
                Ok(RawMatcher { value: Slashed::plain(text, span), syntax: MatcherSyntax::Literal })
            }
            // no name begins with a slash, so that a value which does is a regular expression
            Some('/') => {
                let value = self.scanner.regex()?;
                Ok(RawMatcher { value, syntax: MatcherSyntax::Regex })
            }
            _ => {
                let word = self.scanner.word();
                elsewhere::check(filter, &word)?;
                let value = Slashed::from_raw(word.raw, word.span.start);
                let syntax = match (filter, word.raw) {
                    (Filter::Branch, HEAD) => MatcherSyntax::Literal,
                    _ => guess_syntax(word.raw),
                };
                Ok(RawMatcher { value, syntax })
            }
        }
    }

    fn lang(&mut self) -> Result<LangFilter, QueryError> {
        let (name, span) = self.plain()?;
        if name.is_empty() {
            return Err(
                QueryError::new(BadValue, span, "lang: has no value").hint(Filter::Lang.example())
            );
        }
        Ok(LangFilter { name, place: span.into() })
    }

    fn kinds(&mut self, start: usize) -> Result<Leaf, QueryError> {
        let (value, span) = self.plain()?;
        let kinds = KindFilter::parse(&value, span.clone().into()).ok_or_else(|| no_kind(span))?;
        Ok(Leaf::SymKind(kinds, start..self.scanner.pos))
    }

    fn size(&mut self) -> Result<Leaf, QueryError> {
        let (value, span) = self.plain()?;
        let accepted = "a size as >10k, <=2m or 1k..5k, and one that a file can have";
        let range = SizeRange::parse(&value);
        range.map(Leaf::Size).ok_or_else(|| out_of_range(Filter::Size, accepted, &span))
    }

    fn fact(&mut self, filter: Filter, start: usize) -> Result<Leaf, QueryError> {
        let (text, value) = self.plain()?;
        let places = Places { whole: start..self.scanner.pos, value };
        FactFilter::parse(filter, &text, &places).map(Leaf::Fact)
    }

    fn setting(&mut self, setting: Filter, start: usize) -> Result<(), QueryError> {
        let (text, value) = self.plain()?;
        let places = Places { whole: start..self.scanner.pos, value };
        self.settings.set(setting, &text, &places)
    }
}

/// What a word with `^` before it or `$` behind it is about, and the regular expression for it; none for
/// any other word. A backslash takes their meaning.
fn bound<'t>(raw: &str, text: &'t str) -> Option<(&'t str, String)> {
    let from_start = raw.starts_with('^');
    let before_end = raw.strip_suffix('$');
    let is_escaped =
        |before: &str| before.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
    let to_end = before_end.is_some_and(|before| !is_escaped(before));
    let core = if from_start { text.strip_prefix('^')? } else { text };
    let core = if to_end { core.strip_suffix('$')? } else { core };
    let (start, end) = (if from_start { "^" } else { "" }, if to_end { "$" } else { "" });
    (from_start || to_end).then(|| (core, format!("{start}{}{end}", regex_syntax::escape(core))))
}

/// That a condition is negated which always holds.
fn negates_nothing(span: Range<usize>, filter: FactFilter) -> QueryError {
    let message = format!("{filter} leaves no repository out, so that nothing is left without it");
    let hint = match filter.fact {
        Fact::Archived => {
            "write archived:no for those that are not, archived:only for those that are"
        }
        Fact::Fork => "write fork:no for those that are none, fork:only for those that are",
        Fact::Public => "write public:no for those that are not, public:yes for those that are",
    };
    QueryError::new(BadValue, span, message).hint(hint)
}

fn lone_operator(span: Range<usize>, name: &str) -> QueryError {
    let message = match name {
        "not" => "`not` needs something after it".to_owned(),
        _ => format!("`{name}` needs something to look for on both sides"),
    };
    QueryError::new(Syntax, span, message)
        .hint(format!("to search for the word, put it in quotes: \"{name}\""))
}
