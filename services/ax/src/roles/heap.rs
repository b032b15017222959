//! `/debug/heap`: who holds the memory of this process, for `ax perf inspect --heap`.
//!
//! jemalloc keeps the stack of one allocation per MiB for as long as the allocation lives, so that a look
//! at any time shows what is held then, whoever asked for it and whenever. Rejected: counting in a wrapper around
//! the allocator, which knows how much but not who.

use ax_model::{Code, Fault};
use ax_perf::flame;
use ax_query_node::http::{HttpFault, guarded_routes};
use axum::{Json, Router, routing::post};
use jemalloc_pprof::{PROF_CTL, StackProfile};
use serde::Serialize;
use std::{collections::HashMap, ffi::c_void};

/// Functions that hold memory on behalf of their caller: the picture ends at who called them.
const ON_BEHALF: &[&str] = &[
    "_rj",
    "je_",
    "prof_",
    "imalloc",
    "arena_",
    "malloc",
    "calloc",
    "realloc",
    "__r",
    "alloc",
    "core::",
    "std::",
    "hashbrown::",
    "bytes::",
    "T as alloc::",
    "T as core::",
    "tikv_jemallocator",
];

#[derive(Debug, Serialize)]
struct Heap {
    /// `a;b;c BYTES` per line, outermost first.
    stacks: String,
    /// Bytes held, as the samples say.
    bytes: u64,
}

/// The route, closed to pages of other sites.
pub fn routes() -> Router {
    guarded_routes(Router::new().route("/debug/heap", post(heap)))
}

async fn heap() -> Result<Json<Heap>, HttpFault> {
    let looking = tokio::task::spawn_blocking(look).await;
    Ok(Json(looking.map_err(|error| unavailable(&error.to_string()))??))
}

fn look() -> Result<Heap, Fault> {
    let control = PROF_CTL.as_ref();
    let control = control.ok_or_else(|| unavailable("the allocator was built without samples"))?;
    let profile = control.blocking_lock().dump_profile();
    let folded = fold(&profile.map_err(|error| unavailable(&error.to_string()))?);
    Ok(Heap { bytes: folded.values().sum(), stacks: flame::write(&folded) })
}

fn fold(profile: &StackProfile) -> flame::Folded {
    let mut names = HashMap::new();
    let mut folded = flame::Folded::new();
    for (stack, _) in profile.iter() {
        let mut frames: Vec<&str> = Vec::with_capacity(stack.addrs.len());
        for address in &stack.addrs {
            names.entry(*address).or_insert_with(|| functions_at(*address));
        }
        frames.extend(stack.addrs.iter().flat_map(|address| &names[address]).map(String::as_str));
        let is_own = |frame: &&str| {
            let name = frame.trim_start_matches(['<', '&']);
            !ON_BEHALF.iter().any(|start| name.starts_with(start))
        };
        let end = frames.iter().rposition(is_own).map_or(frames.len(), |last| last + 1);
        *folded.entry(frames[..end].join(";")).or_default() += stack.weight as u64;
    }
    folded
}

/// The functions that a return address stands in, outermost first: more than one where they were inlined.
fn functions_at(address: usize) -> Vec<String> {
    let mut found = Vec::new();
    backtrace::resolve(address as *mut c_void, |symbol| {
        let name = symbol.name().map_or_else(|| "[unknown]".to_owned(), |name| format!("{name:#}"));
        found.push(name.replace(';', ","));
    });
    if found.is_empty() {
        found.push("[unknown]".to_owned());
    }
    found.reverse();
    found
}

fn unavailable(why: &str) -> Fault {
    Fault::new(Code::ProfilerUnavailable, format!("no heap profile: {why}"))
        .hint("build `ax` within its repository, whose .cargo/config.toml turns the samples on")
}
