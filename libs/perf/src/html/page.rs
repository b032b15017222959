//! Parts that all pages are made of.

use super::{escape, sheet::CSS};
use std::fmt::Write as _;

/// How good a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => " good",
            Self::Bad => " bad",
        }
    }
}

/// A page that grows from top to bottom.
pub(super) struct Page(String);

impl Page {
    pub(super) fn new(title: &str, sub: &str) -> Self {
        let (title, sub) = (escape(title), escape(sub));
        Self(format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
             <style>{CSS}</style></head><body><main><h1>{title}</h1><p class=\"sub\">{sub}</p>"
        ))
    }

    /// Figures in large type: each a figure, what it is, and whether it is bad.
    pub(super) fn tiles(&mut self, tiles: &[(String, String, bool)]) {
        self.0.push_str("<div class=\"tiles\">");
        for (figure, what, bad) in tiles {
            let class = if *bad { "tile bad" } else { "tile" };
            let (figure, what) = (escape(figure), escape(what));
            let _ =
                write!(self.0, "<div class=\"{class}\"><b>{figure}</b><span>{what}</span></div>");
        }
        self.0.push_str("</div>");
    }

    pub(super) fn heading(&mut self, text: &str) {
        let _ = write!(self.0, "<h2>{}</h2>", escape(text));
    }

    pub(super) fn note(&mut self, text: &str) {
        let _ = write!(self.0, "<p class=\"note\">{}</p>", escape(text));
    }

    /// Columns are `(name, class)`: class `l` for text, `q` for queries, empty for numbers. `tone` tells how
    /// good a cell is, by row and column.
    pub(super) fn table(
        &mut self,
        columns: &[(&str, &str)],
        rows: &[Vec<String>],
        tone: impl Fn(usize, usize) -> Tone,
    ) {
        self.0.push_str("<div class=\"card\"><table><thead><tr>");
        for (name, class) in columns {
            let class = if class.is_empty() { "" } else { " class=\"l\"" };
            let _ = write!(self.0, "<th{class}>{}</th>", escape(name));
        }
        self.0.push_str("</tr></thead><tbody>");
        for (y, row) in rows.iter().enumerate() {
            self.0.push_str("<tr>");
            for (x, (cell, (_, class))) in row.iter().zip(columns).enumerate() {
                let class = if *class == "q" { "l q" } else { class };
                let mark = tone(y, x).class();
                let _ = write!(self.0, "<td class=\"{class}{mark}\">{}</td>", escape(cell));
            }
            self.0.push_str("</tr>");
        }
        self.0.push_str("</tbody></table></div>");
    }

    pub(super) fn facts(&mut self, facts: &[(&str, String)]) {
        self.0.push_str("<div class=\"card\"><dl class=\"dl\">");
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(self.0, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
        }
        self.0.push_str("</dl></div>");
    }

    /// A plot with its key.
    pub(super) fn plot(&mut self, key: &[(String, usize)], svg: &str) {
        self.0.push_str("<div class=\"card\"><div class=\"key\">");
        for (name, number) in key {
            let _ = write!(
                self.0,
                "<span><i style=\"background:var(--s{})\"></i>{}</span>",
                number % 8,
                escape(name)
            );
        }
        self.0.push_str("</div>");
        self.0.push_str(svg);
        self.0.push_str("</div>");
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</main></body></html>\n");
        self.0
    }
}
