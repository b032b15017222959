//! The canonical form of a query: what it prints parses to an equal query.

use std::fmt::{self, Display, Formatter, Write};

use crate::{Atom, CaseMode, Expr, Field, Matcher, MatcherSyntax, Pattern, PatternSyntax, Query};

/// Words that the grammar reads as operators.
const KEYWORDS: [&str; 3] = ["and", "or", "not"];

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut settings = match self.case {
            CaseMode::Auto => String::new(),
            case => format!(" case:{case}"),
        };
        write!(settings, "{}", self.shape)?;
        match &self.expr {
            expr @ Expr::Or(_) if !settings.is_empty() => write!(f, "({expr}){settings}"),
            expr => write!(f, "{expr}{settings}"),
        }
    }
}

impl Display for CaseMode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CaseMode::Auto => "auto",
            CaseMode::Yes => "yes",
            CaseMode::No => "no",
        })
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::And(members) => join(f, members, " ", |member| matches!(member, Expr::Or(_))),
            Expr::Or(members) => join(f, members, " or ", |_| false),
            Expr::Not(inner) if matches!(**inner, Expr::Atom(_)) => write!(f, "-{inner}"),
            Expr::Not(inner) => write!(f, "-({inner})"),
            Expr::Atom(atom) => write!(f, "{atom}"),
        }
    }
}

fn join(
    f: &mut Formatter<'_>,
    members: &[Expr],
    between: &str,
    in_parentheses: impl Fn(&Expr) -> bool,
) -> fmt::Result {
    for (i, member) in members.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        match in_parentheses(member) {
            true => write!(f, "({member})")?,
            false => write!(f, "{member}")?,
        }
    }
    Ok(())
}

impl Display for Atom {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Text { pattern, field: Field::Either } => write!(f, "{pattern}"),
            Atom::Text { pattern, field: Field::Content } => write!(f, "content:{pattern}"),
            Atom::Repo(matcher) => write!(f, "repo:{matcher}"),
            Atom::File(matcher) => write!(f, "file:{matcher}"),
            Atom::Lang(lang) => {
                f.write_str("lang:")?;
                literal(f, &lang.name)
            }
            Atom::Branch(matcher) => write!(f, "branch:{matcher}"),
            Atom::Sym { pattern, kinds } if kinds.is_empty() => write!(f, "sym:{pattern}"),
            Atom::Sym { pattern, kinds } => {
                write!(f, "(sym:{pattern}")?;
                kinds.iter().try_for_each(|kind| write!(f, " symkind:{}", kind.names.join(",")))?;
                f.write_char(')')
            }
            Atom::Size(range) => write!(f, "size:{range}"),
            Atom::Fact(filter) => write!(f, "{filter}"),
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.syntax() {
            PatternSyntax::Literal => literal(f, self.source()),
            PatternSyntax::Regex => regex(f, self.source()),
        }
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.syntax() {
            MatcherSyntax::Glob => f.write_str(self.source()),
            MatcherSyntax::Regex => regex(f, self.source()),
            MatcherSyntax::Literal => quoted(f, self.source()),
        }
    }
}

/// Without quotes where no reader could take the word for anything else.
fn literal(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        && text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && !KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(text));
    if is_plain { f.write_str(text) } else { quoted(f, text) }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

fn regex(f: &mut Formatter<'_>, source: &str) -> fmt::Result {
    f.write_char('/')?;
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                f.write_char(c)?;
                chars.next().map_or(Ok(()), |escaped| f.write_char(escaped))?;
            }
            '/' => f.write_str("\\/")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('/')
}
