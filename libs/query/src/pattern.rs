//! A text pattern and what it compiles to.

use std::ops::Range;

use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::{self, Hir, HirKind, translate};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange};

use crate::Limits;
use crate::cost::Cost;

/// What to look for in a text: a literal or a regular expression.
///
/// `^` and `$` match at lines, `.` does not match a newline, Unicode is on, and bytes that are not
/// UTF-8 may be matched by `(?-u:…)`. A pattern that does not name the newline cannot match one, as in
/// ripgrep: `\s` and `[^a]` then exclude it. A literal newline, `\n`, `(?s:.)` or `[\s\S]` makes the
/// pattern [`multi_line`](Self::multi_line), and then each class means all that it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    source: String,
    syntax: PatternSyntax,
    case_sensitive: bool,
    hir: Hir,
    literal: Option<Vec<u8>>,
    multi_line: bool,
}

/// How a pattern was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatternSyntax {
    /// A bare word or a quoted string.
    Literal,
    /// A regular expression between slashes.
    Regex,
}

/// A regular expression that is not valid.
#[derive(Debug)]
pub(crate) struct BadRegex {
    /// Bytes of the expression.
    pub span: Range<usize>,
    pub message: String,
    /// Whether it is only nested too deep.
    pub too_deep: bool,
}

impl From<ast::Error> for BadRegex {
    fn from(error: ast::Error) -> Self {
        let too_deep = matches!(error.kind(), ast::ErrorKind::NestLimitExceeded(_));
        Self { span: range(error.span()), message: error.kind().to_string(), too_deep }
    }
}

impl From<hir::Error> for BadRegex {
    fn from(error: hir::Error) -> Self {
        let message = error.kind().to_string();
        Self { span: range(error.span()), message, too_deep: false }
    }
}

fn range(span: &ast::Span) -> Range<usize> {
    span.start.offset..span.end.offset
}

impl Pattern {
    /// The text as typed, without quotes, slashes and their escapes.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How it was written.
    pub fn syntax(&self) -> PatternSyntax {
        self.syntax
    }

    /// Whether case counts; `hir` has it applied already.
    pub fn case_sensitive(&self) -> bool {
        self.case_sensitive
    }

    /// The regular expression to run, over bytes, with case and newline rules applied.
    pub fn hir(&self) -> &Hir {
        &self.hir
    }

    /// The bytes sought, when the pattern is one plain string (also if written as a regex). Compare
    /// them as they are only if the pattern is case-sensitive.
    pub fn literal(&self) -> Option<&[u8]> {
        self.literal.as_deref()
    }

    /// Whether a match may hold a newline; if not, each line can be searched alone.
    pub fn multi_line(&self) -> bool {
        self.multi_line
    }

    pub(crate) fn of_literal(source: String, case_sensitive: bool) -> Self {
        let hir = literal_hir(&source, case_sensitive);
        let multi_line = source.contains('\n');
        let literal = Some(source.as_bytes().to_vec());
        Self { source, syntax: PatternSyntax::Literal, case_sensitive, hir, literal, multi_line }
    }

    /// The caller has looked at the expression's [`cost`](ParsedRegex::cost).
    pub(crate) fn of_regex(regex: &ParsedRegex, case_sensitive: bool) -> Result<Self, BadRegex> {
        let exact = regex.translate(true)?;
        let literal = match exact.kind() {
            HirKind::Literal(literal) => Some(literal.0.to_vec()),
            _ => None,
        };
        let hir = if case_sensitive { exact } else { regex.translate(false)? };
        let multi_line = regex.names_newline || holds_any_char(&hir);
        let hir = if multi_line { hir } else { without_newline(hir) };
        let source = regex.source.clone();
        let syntax = PatternSyntax::Regex;
        Ok(Self { source, syntax, case_sensitive, hir, literal, multi_line })
    }
}

/// A regular expression before it is known whether case counts.
#[derive(Debug)]
pub(crate) struct ParsedRegex {
    source: String,
    ast: Ast,
    cost: Cost,
    names_newline: bool,
    has_upper: bool,
}

impl ParsedRegex {
    pub(crate) fn parse(source: String, limits: &Limits) -> Result<Self, BadRegex> {
        let mut parser =
            ast::parse::ParserBuilder::new().nest_limit(limits.max_regex_depth).build();
        let ast = parser.parse(&source)?;
        let Ok(seen) = ast::visit(&ast, Literals::default());
        let Literals { newline: names_newline, upper: has_upper, .. } = seen;
        let cost = Cost::of(&ast, limits);
        Ok(Self { source, ast, cost, names_newline, has_upper })
    }

    /// Whether an upper-case letter stands in it, escapes such as `\W` not counted.
    pub(crate) fn has_upper(&self) -> bool {
        self.has_upper
    }

    /// What translating it takes.
    pub(crate) fn cost(&self) -> &Cost {
        &self.cost
    }

    fn translate(&self, case_sensitive: bool) -> Result<Hir, BadRegex> {
        let mut translator = translate::TranslatorBuilder::new()
            .utf8(false)
            .multi_line(true)
            .case_insensitive(!case_sensitive)
            .build();
        Ok(translator.translate(&self.source, &self.ast)?)
    }
}

/// Looks at the literal characters of a regular expression.
#[derive(Default)]
struct Literals {
    newline: bool,
    upper: bool,
    negated_classes: usize,
}

impl Literals {
    fn see(&mut self, literal: &ast::Literal) {
        self.upper |= literal.c.is_uppercase();
        self.newline |= literal.c == '\n' && self.negated_classes == 0;
    }
}

impl ast::Visitor for Literals {
    type Output = Self;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<Self, Self::Err> {
        Ok(self)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        match ast {
            Ast::Literal(literal) => self.see(literal),
            Ast::ClassBracketed(class) => self.negated_classes += usize::from(class.negated),
            _ => {}
        }
        Ok(())
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        if let Ast::ClassBracketed(class) = ast {
            self.negated_classes -= usize::from(class.negated);
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), Self::Err> {
        match item {
            ast::ClassSetItem::Literal(literal) => self.see(literal),
            ast::ClassSetItem::Range(range) => {
                self.see(&range.start);
                self.see(&range.end);
            }
            ast::ClassSetItem::Bracketed(class) => {
                self.negated_classes += usize::from(class.negated)
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_post(&mut self, item: &ast::ClassSetItem) -> Result<(), Self::Err> {
        if let ast::ClassSetItem::Bracketed(class) = item {
            self.negated_classes -= usize::from(class.negated);
        }
        Ok(())
    }
}

fn literal_hir(source: &str, case_sensitive: bool) -> Hir {
    if case_sensitive {
        return Hir::literal(source.as_bytes());
    }
    Hir::concat(source.chars().map(any_case).collect())
}

/// One character in each of its cases, by Unicode's simple folding.
fn any_case(c: char) -> Hir {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.case_fold_simple();
    Hir::class(Class::Unicode(class))
}

/// Whether some class stands for any character at all, as `(?s:.)` and `[\s\S]` do.
fn holds_any_char(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(class) => is_full(class),
        HirKind::Repetition(repetition) => holds_any_char(&repetition.sub),
        HirKind::Capture(capture) => holds_any_char(&capture.sub),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => subs.iter().any(holds_any_char),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
    }
}

fn is_full(class: &Class) -> bool {
    match class {
        Class::Unicode(class) => {
            matches!(class.ranges(), [all] if all.start() == '\0' && all.end() == char::MAX)
        }
        Class::Bytes(class) => {
            matches!(class.ranges(), [all] if all.start() == 0 && all.end() == u8::MAX)
        }
    }
}

/// The expression with the newline taken out of its classes.
fn without_newline(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Look(look) => Hir::look(look),
        // a class that came down to the newline alone
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class_without_newline(class)),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(without_newline(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(mut capture) => {
            capture.sub = Box::new(without_newline(*capture.sub));
            Hir::capture(capture)
        }
        HirKind::Concat(subs) => Hir::concat(subs.into_iter().map(without_newline).collect()),
        HirKind::Alternation(subs) => {
            Hir::alternation(subs.into_iter().map(without_newline).collect())
        }
    }
}

fn class_without_newline(class: Class) -> Class {
    match class {
        Class::Unicode(mut class) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Class::Unicode(class)
        }
        Class::Bytes(mut class) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Class::Bytes(class)
        }
    }
}
