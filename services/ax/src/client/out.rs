//! The one way to standard output. `println!` panics when the reader of a pipe has gone, as `head` does
//! once it has what it wants; here that ends the process, quietly.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, Write},
};

/// Prints a line. A reader that went away is no error: exit status 0. A full disk is: 2.
pub fn line(text: impl Display) {
    if let Err(error) = writeln!(io::stdout(), "{text}") {
        end(&error);
    }
}

fn end(error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("ax: cannot write: {error}");
    std::process::exit(2);
}

/// `text` with what would steer a terminal, forge a line or turn the reading direction spelt out, as in
/// `\u{1b}` and `\n`. Tabs stay. Names, paths and messages come from repositories that anybody may write.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

fn steers(c: char) -> bool {
    c != '\t' && (c.is_control() || turns(c) || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Marks that turn the reading direction: with them, code reads otherwise than it runs.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (text, shown) in [
            ("plain é 日本\t.", "plain é 日本\t."),
            ("\x1b[31mred\x07", r"\u{1b}[31mred\u{7}"),
            ("a\nb\r", r"a\nb\r"),
            ("\u{9b}1m", r"\u{9b}1m"),
            ("if \u{202e}x", r"if \u{202e}x"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
