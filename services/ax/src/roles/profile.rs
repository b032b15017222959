//! `/debug/profile`: on which stacks this process is, for `ax perf inspect`.
//!
//! Linux' `perf` samples from outside the process: it cannot deadlock or crash what it looks at. Rejected:
//! the `pprof` crate (0.15), whose signal handler asks libgcc for the function of every frame
//! (`_Unwind_FindEnclosingFunction`), which takes locks that the interrupted thread may hold, as while a
//! panic unwinds; its frame-pointer and framehop walkers do so too.

use ax_model::{Code, Fault};
use ax_perf::flame;
use ax_query_node::http::{HttpFault, guarded_routes};
use axum::{Json, Router, extract::State, routing::post};
use serde::{Deserialize, Serialize};
use std::{path::Path, process::Stdio};
use tokio::{process::Command, sync::Semaphore};
use tokio_util::sync::CancellationToken;

/// Samples per second and core. A prime, so as not to beat with what happens every 10 ms.
const FREQUENCY: &str = "97";
/// Bytes of the stack kept with each sample, which are unwound afterwards: our release has no frame
/// pointers. Deeper callers are cut off.
const STACK: &str = "dwarf,24576";
/// Longest look: a sample of a busy core is 24 KB.
const MAX_SECONDS: f64 = 60.0;

/// One look at a time.
static LOOKING: Semaphore = Semaphore::const_new(1);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Profile {
    /// `a;b;c COUNT` per line, outermost first.
    stacks: String,
    samples: u64,
}

/// The route, closed to pages of other sites. A look ends at `shutdown`, which does not wait for it.
pub fn routes(shutdown: CancellationToken) -> Router {
    let route = Router::new().route("/debug/profile", post(profile)).with_state(shutdown);
    guarded_routes(route)
}

async fn profile(
    State(shutdown): State<CancellationToken>,
    body: axum::body::Bytes,
) -> Result<Json<Profile>, HttpFault> {
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    if !(wanted.seconds > 0.0 && wanted.seconds <= MAX_SECONDS) {
        return Err(
            bad(format!("`seconds` is {}; it is over 0 and up to 60", wanted.seconds)).into()
        );
    }
    let _only = LOOKING
        .try_acquire()
        .map_err(|_| Fault::new(Code::Overloaded, "somebody looks at this process already"))?;
    let folder = tempfile::tempdir().map_err(|error| failed(&error.to_string()))?;
    let file = folder.path().join("perf.data");
    let looked = async {
        record(&file, wanted.seconds).await?;
        fold(&file).await
    };
    let folded = shutdown.run_until_cancelled(looked).await;
    let folded = folded.ok_or_else(|| Fault::new(Code::NotReady, "the process ends"))??;
    Ok(Json(Profile { samples: folded.values().sum(), stacks: flame::write(&folded) }))
}

async fn record(file: &Path, seconds: f64) -> Result<(), Fault> {
    let own = std::process::id().to_string();
    let mut command = Command::new("perf");
    command.args(["record", "--quiet", "--event", "cpu-clock:u", "--freq", FREQUENCY]);
    command.args(["--call-graph", STACK, "--pid", &own, "--output"]).arg(file);
    command.args(["--", "sleep", &seconds.to_string()]);
    finished(command).await.map(drop)
}

/// Unwinds what was recorded; with low priority, since it is real work and queries go first.
async fn fold(file: &Path) -> Result<flame::Folded, Fault> {
    let mut command = Command::new("nice");
    command.args([
        "-n",
        "19",
        "perf",
        "script",
        "--no-inline",
        "--fields",
        "comm,ip,sym",
        "--input",
    ]);
    command.arg(file);
    let text = finished(command).await?;
    let folding = move || flame::fold_perf_script(&String::from_utf8_lossy(&text));
    tokio::task::spawn_blocking(folding).await.map_err(|error| failed(&error.to_string()))
}

async fn finished(mut command: Command) -> Result<Vec<u8>, Fault> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| failed(&error.to_string()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn bad(message: String) -> Fault {
    Fault::new(Code::BadRequest, message).in_field("seconds").hint("send `{\"seconds\": 10}`")
}

fn failed(why: &str) -> Fault {
    Fault::new(Code::ProfilerUnavailable, format!("`perf` did not run here: {why}"))
        .hint("install Linux' `perf`, and let this user sample its own processes: sysctl kernel.perf_event_paranoid=2")
}
