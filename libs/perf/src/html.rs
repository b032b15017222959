//! The report of a run as one page: no scripts, nothing from elsewhere, dark or light as the reader's
//! system is.

mod page;
mod plot;
mod run;
mod server;
mod sheet;
mod versus;

pub use run::run;
pub use versus::comparison;

/// Text with what has a meaning in HTML and SVG spelt out. Queries and paths come from anywhere.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
