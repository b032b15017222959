//! Colour on a terminal, plain text in a pipe.

use anstyle::{AnsiColor, Style};
use std::io::IsTerminal;

/// The styles in use; all plain when colour is off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    /// Repository and path.
    pub path: Style,
    /// Line numbers.
    pub number: Style,
    /// The match itself.
    pub hit: Style,
    /// Asides: counts, notes.
    pub faint: Style,
    /// Something is wrong.
    pub warn: Style,
}

impl Styles {
    /// Colour when standard output is a terminal and `NO_COLOR` is not set.
    pub fn for_stdout() -> Self {
        let wanted = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        if wanted { Self::coloured() } else { Self::default() }
    }

    fn coloured() -> Self {
        Self {
            path: AnsiColor::Magenta.on_default(),
            number: AnsiColor::Green.on_default(),
            hit: AnsiColor::Red.on_default().bold(),
            faint: Style::new().dimmed(),
            warn: AnsiColor::Yellow.on_default().bold(),
        }
    }
}

/// `text` in a style, and plain after it.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
