//! Just enough Rust to tell code from comments, strings and tests.

/// A source file, line by line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rust {
    /// The lines in order.
    pub lines: Vec<Line>,
}

/// One line of a source file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// What the compiler sees, the contents of literals left out.
    pub code: String,
    /// The text of comments, doc comments too, without what stands in backticks.
    pub comment: String,
    /// Whether it is part of an item under `#[cfg(test)]`.
    pub in_test: bool,
}

impl Rust {
    /// Takes a file apart.
    pub fn read(text: &str) -> Self {
        let mut lines = Splitter::split(text);
        lines.iter_mut().for_each(|line| line.comment = without_quotes(&line.comment));
        mark_tests(&mut lines);
        Self { lines }
    }

    /// Line numbers, from one, beside the lines.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Walks the characters once. `rest` always starts where the next token does.
struct Splitter<'a> {
    rest: &'a str,
    lines: Vec<Line>,
    line: Line,
}

impl<'a> Splitter<'a> {
    fn split(text: &'a str) -> Vec<Line> {
        let mut splitter = Self { rest: text, lines: Vec::new(), line: Line::default() };
        while !splitter.rest.is_empty() {
            splitter.token();
        }
        splitter.lines.push(splitter.line);
        splitter.lines
    }

    fn token(&mut self) {
        if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.comment(length);
        } else if self.rest.starts_with("/*") {
            self.comment(block_comment(self.rest));
        } else if let Some(length) = literal(self.rest, self.line.code.chars().last()) {
            self.literal(length);
        } else {
            let length = self.rest.chars().next().map_or(0, char::len_utf8);
            self.each(length, |line, c| line.code.push(c));
        }
    }

    fn comment(&mut self, length: usize) {
        self.each(length, |line, c| line.comment.push(c));
    }

    fn literal(&mut self, length: usize) {
        self.line.code.push_str("\"\"");
        self.each(length, |_, _| {});
    }

    /// Takes `length` bytes, giving each character but line ends to `keep`.
    fn each(&mut self, length: usize, keep: impl Fn(&mut Line, char)) {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        for c in taken.chars() {
            match c {
                '\n' => self.lines.push(std::mem::take(&mut self.line)),
                c => keep(&mut self.line, c),
            }
        }
    }
}

/// Length of the block comment that `text` starts with; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of the string or character literal that `text` starts with, given the character before it.
fn literal(text: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        // `r`, `b` and `c` start a literal only where no name goes on.
        return text.starts_with('"').then(|| quoted(text, 0));
    }
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|&prefix| {
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        rest.starts_with('"') || (prefix.ends_with('r') && raw_hashes(rest).is_some())
    });
    match prefix {
        Some(prefix) if prefix.ends_with('r') => Some(raw(text, prefix.len())),
        Some(prefix) => Some(quoted(text, prefix.len())),
        None => character(text),
    }
}

/// How many `#` stand before the quote of a raw string; `None` when it is none, as in `r#type`.
fn raw_hashes(text: &str) -> Option<usize> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    text[hashes..].starts_with('"').then_some(hashes)
}

fn raw(text: &str, prefix: usize) -> usize {
    let hashes = raw_hashes(&text[prefix..]).unwrap_or_default();
    let start = prefix + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    text[start..].find(&close).map_or(text.len(), |at| start + at + close.len())
}

fn quoted(text: &str, prefix: usize) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at <= prefix) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// A character literal, told from a lifetime by its closing quote.
fn character(text: &str) -> Option<usize> {
    let prefix = usize::from(text.starts_with("b'"));
    let inner = text[prefix..].strip_prefix('\'')?;
    let start = prefix + 1;
    if let Some(escape) = inner.strip_prefix('\\') {
        let first = escape.chars().next()?.len_utf8();
        return escape[first..].find('\'').map(|at| start + 1 + first + at + 1);
    }
    let first = inner.chars().next()?.len_utf8();
    inner[first..].starts_with('\'').then_some(start + first + 1)
}

fn without_quotes(comment: &str) -> String {
    comment.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// Marks what `#[cfg(test)]` applies to: up to the `;` or the closing brace of the item that follows.
fn mark_tests(lines: &mut [Line]) {
    let mut inside = false;
    let mut depth = 0_i32;
    for line in lines {
        let starts = !inside && line.code.contains("#[cfg(test)]");
        if starts {
            (inside, depth) = (true, 0);
        }
        line.in_test = inside;
        if !inside {
            continue;
        }
        let item = line.code.replace("#[cfg(test)]", "");
        for c in item.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ';' if depth == 0 => inside = false,
                _ => continue,
            }
            inside &= c != '}' || depth > 0;
        }
    }
}

#[cfg(test)]
mod tests;
