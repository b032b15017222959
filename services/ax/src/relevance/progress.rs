//! What one sees while it lasts: how far, and how long it will still take. On a terminal a bar; elsewhere a
//! line when something begins.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Counts, and shows it until it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of a number of things.
    pub fn of(what: &str, total: u64) -> Self {
        Self::new(what, total, "{prefix} {bar:30} {pos}/{len}, {eta} left")
    }

    /// Of bytes.
    pub fn of_bytes(what: &str, total: u64) -> Self {
        Self::new(what, total, "{prefix} {bar:30} {bytes}/{total_bytes}, {eta} left")
    }

    fn new(what: &str, total: u64, form: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            eprintln!("{what}");
        }
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        Self(bar)
    }

    /// So many more are done.
    pub fn add(&self, num: u64) {
        self.0.inc(num);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
