//! What one sees while queries are asked: how far, how many, and how long it will still take.

use ax_perf::collect::Outcome;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Between two looks of who watches.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Counts, and shows them on a terminal; elsewhere one line says what begins. Cheap to clone.
#[derive(Clone)]
pub struct Progress(Arc<Inner>);

struct Inner {
    answered: AtomicU64,
    failed: AtomicU64,
    bar: ProgressBar,
}

impl Progress {
    /// Shows `what` until `total` has passed, or without an end until it is dropped.
    pub fn start(what: &str, began: Instant, total: Option<Duration>) -> Self {
        let seconds = total.map(|total| total.as_secs_f64());
        if !std::io::stderr().is_terminal() {
            let about = seconds.map(|s| format!(", about {s:.0} s")).unwrap_or_default();
            eprintln!("{what}{about}");
        }
        let length = total.map_or(0, |total| total.as_millis() as u64);
        let bar = ProgressBar::new(length);
        let form =
            if total.is_some() { "{prefix} {bar:30} {msg}" } else { "{prefix} {spinner} {msg}" };
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        let (answered, failed) = (AtomicU64::default(), AtomicU64::default());
        let inner = Arc::new(Inner { answered, failed, bar });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            let mut pace = tokio::time::interval(SHOW_EVERY);
            loop {
                pace.tick().await;
                let Some(inner) = weak.upgrade() else { return };
                inner.show(began.elapsed(), total);
            }
        });
        Self(inner)
    }

    /// Counts a query.
    pub fn count(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Answered(_) => &self.0.answered,
            Outcome::Failed(_) => &self.0.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Inner {
    fn show(&self, passed: Duration, total: Option<Duration>) {
        let (answered, failed) =
            (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let left = match total {
            Some(total) => format!("{:.0} s left, ", total.saturating_sub(passed).as_secs_f64()),
            None => String::new(),
        };
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        self.bar.set_position(passed.as_millis() as u64);
        self.bar.set_message(format!("{left}{answered} answered{failed}"));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
