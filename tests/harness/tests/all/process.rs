use std::time::Duration;

use anyhow::bail;
use ax_harness::{Process, Spec, eventually};

use crate::SOON;

fn shell(script: &str) -> Spec {
    Spec::new("a script", "bash").args(["-c", script])
}

/// Waits until a process that is not our child has ended. Nobody may be there to reap it: a zombie is
/// dead enough.
async fn wait_for_end(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    let ended =
        eventually(SOON, "the process has ended", async || match std::fs::read_to_string(&stat) {
            Ok(stat) if !stat.contains(") Z ") => bail!("it is there: {stat}"),
            _ => Ok(()),
        });
    ended.await.unwrap();
}

#[tokio::test]
async fn a_line_of_the_log_is_waited_for() {
    let mut process =
        Process::spawn(shell("echo \"I am $NAME\"; exec tail -f /dev/null").env("NAME", "x"));
    let process = process.as_mut().unwrap();
    assert_eq!(process.wait_for_log("I am", SOON).await.unwrap(), "I am x");
}

#[tokio::test]
async fn an_early_end_is_told_instead_of_waited_for_with_the_log() {
    let mut process = Process::spawn(shell("echo 'no such file: x' >&2; exit 3")).unwrap();
    let error = process.wait_for_log("ready", Duration::from_secs(600)).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("no such file: x") && text.contains("exit status: 3"), "{text}");
}

#[tokio::test]
async fn only_the_present_run_counts() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mkdir first 2>/dev/null && echo one || echo two; exec tail -f /dev/null";
    let spec = shell(script).folder(folder.path()).log(folder.path().join("log"));
    let mut process = Process::spawn(spec).unwrap();
    process.wait_for_log("one", SOON).await.unwrap();
    process.restart().unwrap();
    process.wait_for_log("two", SOON).await.unwrap();
    assert_eq!(process.log().unwrap(), "two\n");
    assert_eq!(std::fs::read_to_string(process.log_path()).unwrap(), "one\ntwo\n");
}

#[tokio::test]
async fn a_kill_takes_the_helpers_too() {
    let mut process = Process::spawn(shell("tail -f /dev/null & echo helper $!; wait")).unwrap();
    let line = process.wait_for_log("helper", SOON).await.unwrap();
    process.kill9().unwrap();
    assert!(!process.is_running().unwrap());
    wait_for_end(line.trim_start_matches("helper ")).await;
}

#[tokio::test]
async fn an_orderly_end_is_waited_for() {
    let mut process =
        Process::spawn(shell("trap 'exit 7' TERM; echo on; while :; do read -t 1 <> <(:); done"));
    let process = process.as_mut().unwrap();
    process.wait_for_log("on", SOON).await.unwrap();
    assert_eq!(process.terminate(SOON).await.unwrap().code(), Some(7));
}

#[tokio::test]
async fn a_process_outlives_the_thread_that_asked_for_it() {
    let spec = shell("echo up; exec tail -f /dev/null");
    let asked = std::thread::spawn(|| Process::spawn(spec).unwrap());
    let mut process = asked.join().unwrap();
    process.wait_for_log("up", SOON).await.unwrap();
    assert!(process.is_running().unwrap());
}

#[tokio::test]
async fn a_process_dies_with_the_test_that_started_it() {
    let guardian = env!("CARGO_BIN_EXE_guardian");
    let mut guardian = Process::spawn(Spec::new("a test", guardian)).unwrap();
    let line = guardian.wait_for_log("ward", SOON).await.unwrap();
    guardian.kill9().unwrap();
    wait_for_end(line.trim_start_matches("ward ")).await;
}

#[tokio::test]
async fn waiting_ends_and_says_why() {
    let waited =
        eventually(Duration::from_millis(50), "pigs fly", async || -> anyhow::Result<()> {
            bail!("they walk")
        });
    let text = format!("{:#}", waited.await.unwrap_err());
    assert!(text.contains("pigs fly") && text.contains("they walk"), "{text}");
}

#[tokio::test]
async fn a_look_that_hangs_is_cut_off() {
    let waited = eventually(Duration::from_millis(50), "an answer", async || {
        std::future::pending::<anyhow::Result<()>>().await
    });
    assert!(format!("{:#}", waited.await.unwrap_err()).contains("an answer"));
}
