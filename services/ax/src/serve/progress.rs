//! How imports go, on the terminal of `ax serve`: a bar per repository on a terminal, a log line per
//! change of phase otherwise.

use crate::client::table::{age, size};
use ax_cluster::{Cluster, IngestProgress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{collections::BTreeMap, io::IsTerminal};
use tokio_util::sync::CancellationToken;

/// Shows imports until `shutdown`.
pub async fn show(cluster: Cluster, shutdown: CancellationToken) {
    let mut table = cluster.table::<IngestProgress>();
    let mut screen: Box<dyn Screen> = match std::io::stderr().is_terminal() {
        true => Box::new(Bars::default()),
        false => Box::new(Lines::default()),
    };
    loop {
        for progress in table.rows().values() {
            screen.update(progress);
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = table.changed() => {}
        }
    }
}

/// Somewhere to show progress.
trait Screen: Send {
    fn update(&mut self, progress: &IngestProgress);
}

/// Bars, one per import under way; a finished import leaves a line.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
    finished: BTreeMap<String, i64>,
}

impl Screen for Bars {
    fn update(&mut self, progress: &IngestProgress) {
        let name = &progress.name;
        if is_over(progress) {
            if let Some(bar) = self.bars.remove(name) {
                bar.finish_and_clear();
            }
            let first_time = self.finished.insert(name.clone(), progress.started_at_ms)
                != Some(progress.started_at_ms);
            if first_time {
                let _ = self.all.println(summary(progress)); // a terminal that went away
            }
            return;
        }
        let bar = self.bars.entry(name.clone()).or_insert_with(|| self.all.add(new_bar()));
        bar.set_length(progress.files_total.max(1));
        bar.set_position(progress.files_done);
        bar.set_message(format!("{name}: {} {}", progress.phase, details(progress)));
    }
}

/// Log lines, one per change of phase.
#[derive(Default)]
struct Lines {
    phases: BTreeMap<String, String>,
}

impl Screen for Lines {
    fn update(&mut self, progress: &IngestProgress) {
        let phase = format!("{}{}", progress.phase, progress.failure);
        if self.phases.insert(progress.name.clone(), phase.clone()) != Some(phase) {
            tracing::info!(
                repo = progress.name,
                phase = progress.phase,
                files = progress.files_done,
                bytes = progress.bytes_done,
                failure = progress.failure,
                "import"
            );
        }
    }
}

fn is_over(progress: &IngestProgress) -> bool {
    matches!(progress.phase.as_str(), "done" | "failed")
}

fn summary(progress: &IngestProgress) -> String {
    if !progress.failure.is_empty() {
        return format!("{}: {}", progress.name, progress.failure);
    }
    let took = crate::roles::now_ms() - progress.started_at_ms;
    let (files, bytes) = (progress.files_done, size(progress.bytes_done));
    format!("{}: {files} files, {bytes} read in {}", progress.name, age(took))
}

fn details(progress: &IngestProgress) -> String {
    let bytes = size(progress.bytes_done);
    match progress.remaining_ms {
        left if left > 0 => format!("{bytes}, about {} left", age(left)),
        _ => bytes,
    }
}

fn new_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} files  {msg}");
    let bar = ProgressBar::new(1);
    style.map(|style| bar.set_style(style)).unwrap_or_default();
    bar
}
