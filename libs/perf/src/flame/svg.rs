//! The picture of a flame graph.

use super::Folded;
use crate::html::escape;
use std::{collections::BTreeMap, fmt::Write as _};

const WIDTH: f64 = 1400.0;
const MARGIN: f64 = 10.0;
const ROW: f64 = 18.0;
const TOP: f64 = 56.0;
/// Narrower frames are left out: nobody could see them.
const NARROWEST: f64 = 0.4;
/// Width of a letter at the size used, in a fixed font.
const LETTER: f64 = 7.3;

#[derive(Default)]
struct Node<'a> {
    count: u64,
    children: BTreeMap<&'a str, Node<'a>>,
}

/// What the numbers of a picture count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Samples of a clock.
    Time,
    /// Bytes held.
    Memory,
}

impl Measure {
    fn amount(self, number: u64) -> String {
        match self {
            Self::Time => format!("{number} samples"),
            Self::Memory => format!("{:.1} MB", number as f64 / 1e6),
        }
    }

    fn what_width_is(self) -> &'static str {
        match self {
            Self::Time => "time on a core",
            Self::Memory => "memory held",
        }
    }
}

/// Draws the stacks: width is the share of what is counted, the outermost function at the bottom. The full name and
/// the share of a frame show when one points at it.
pub fn svg(title: &str, folded: &Folded, measure: Measure) -> String {
    let mut root = Node::default();
    for (stack, count) in folded {
        root.count += count;
        let mut node = &mut root;
        for frame in stack.split(';') {
            node = node.children.entry(frame).or_default();
            node.count += count;
        }
    }
    let total = root.count.max(1) as f64;
    let depth = deepest(&root, (WIDTH - 2.0 * MARGIN) / total);
    let height = TOP + ROW * (depth.max(1) as f64) + 2.0 * MARGIN;
    let mut out = head(title, root.count, measure, height);
    if root.count == 0 {
        let _ = write!(out, "<text class=\"title\" x=\"{MARGIN}\" y=\"70\">nothing</text>");
    }
    let mut x = MARGIN;
    for (name, child) in &root.children {
        x = draw(&mut out, name, child, (x, height - MARGIN - ROW), (total, measure));
    }
    out.push_str("</svg>\n");
    out
}

fn head(title: &str, total: u64, measure: Measure, height: f64) -> String {
    let title = escape(title);
    let (amount, width) = (measure.amount(total), measure.what_width_is());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"100%\">\
         <style>svg{{background:#fff;font:12px ui-monospace,monospace}}\
         .title{{font:600 17px system-ui,sans-serif;fill:#1d232b}}.sub{{font:13px system-ui,sans-serif;fill:#667}}\
         rect{{stroke:#fff;stroke-width:.6}}text{{fill:#20160c;pointer-events:none}}g:hover>rect{{stroke:#000}}\
         @media(prefers-color-scheme:dark){{svg{{background:#14181d}}.title{{fill:#e8ebee}}.sub{{fill:#9aa4ae}}\
         rect{{stroke:#14181d}}g:hover>rect{{stroke:#fff}}}}</style>\
         <text class=\"title\" x=\"{MARGIN}\" y=\"26\">{title}</text>\
         <text class=\"sub\" x=\"{MARGIN}\" y=\"45\">{amount}; width is {width}, \
         the outermost function at the bottom</text>"
    )
}

fn deepest(node: &Node<'_>, scale: f64) -> usize {
    let wide = node.children.values().filter(|child| child.count as f64 * scale >= NARROWEST);
    wide.map(|child| 1 + deepest(child, scale)).max().unwrap_or(0)
}

/// Draws a frame and what it called; returns where the next one begins.
fn draw(
    out: &mut String,
    name: &str,
    node: &Node<'_>,
    (x, y): (f64, f64),
    whole: (f64, Measure),
) -> f64 {
    let (total, measure) = whole;
    let width = node.count as f64 / total * (WIDTH - 2.0 * MARGIN);
    if width < NARROWEST {
        return x + width;
    }
    let percent = node.count as f64 / total * 100.0;
    let colour = colour(name);
    let full = escape(name);
    let _ = write!(
        out,
        "<g><title>{full}: {percent:.1} %, {}</title>\
         <rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{ROW}\" rx=\"2\" fill=\"{colour}\"/>",
        measure.amount(node.count)
    );
    let room = ((width - 6.0) / LETTER) as usize;
    if room >= 3 {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            x + 3.0,
            y + 13.0,
            escape(&fitting(name, room))
        );
    }
    out.push_str("</g>");
    let mut inner = x;
    for (name, child) in &node.children {
        inner = draw(out, name, child, (inner, y - ROW), whole);
    }
    x + width
}

/// The end of a path tells most.
fn fitting(name: &str, room: usize) -> String {
    let length = name.chars().count();
    if length <= room {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(length - room + 1).collect();
    format!("…{tail}")
}

/// Our own crates in green, the system in grey, the rest in warm colours: the same name always the same.
fn colour(name: &str) -> String {
    let mix = xxhash_rust::xxh3::xxh3_64(name.as_bytes());
    let (a, b) = ((mix % 30) as i64, (mix / 30 % 14) as i64);
    if name.starts_with("[unknown]") || name.starts_with("__") || name.starts_with("sys") {
        format!("hsl(210 8% {}%)", 68 + b)
    } else if name.starts_with("ax") || name.contains("<ax_") {
        format!("hsl({} 48% {}%)", 110 + a, 60 + b)
    } else {
        format!("hsl({} 78% {}%)", 20 + a, 62 + b)
    }
}
