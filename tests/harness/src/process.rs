//! One program under test: started, watched, killed, paused, started again.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::{eventually, http, nursery};

/// How much of the log's end an error shows.
const TAIL_LINES: usize = 60;

/// What to run.
#[derive(Debug, Clone)]
pub struct Spec {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    log: Option<PathBuf>,
}

impl Spec {
    /// A program, and the name by which errors speak of it.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        let (name, program) = (name.into(), program.into());
        Self { name, program, args: Vec::new(), envs: Vec::new(), folder: None, log: None }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable; the others are inherited.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Runs it in this folder.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Appends its output to this file, rather than to one that goes when the [`Process`] does.
    pub fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }

    fn command(&self, log: &Path) -> anyhow::Result<Command> {
        let output = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = nursery::mortal(&self.program);
        command.args(&self.args).envs(self.envs.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // A group of its own: signals reach the helpers of a script too, and Ctrl-C reaches only us.
        command.process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        Ok(command)
    }
}

/// A running program, killed and reaped on drop. Its output goes to a log, whose end is part of every
/// error and is printed when a test fails while it runs.
#[derive(Debug)]
pub struct Process {
    spec: Spec,
    child: Option<Child>,
    log: PathBuf,
    /// Length of the log when the present run started, in bytes.
    log_start: u64,
    _folder: Option<TempDir>,
}

impl Process {
    /// Starts it; returns as soon as it runs, which is before it is ready.
    pub fn spawn(spec: Spec) -> anyhow::Result<Self> {
        let folder = if spec.log.is_none() { Some(tempfile::tempdir()?) } else { None };
        let own_log = folder.as_ref().map(|folder| folder.path().join("log"));
        let log = spec.log.clone().or(own_log).context("a log is given or made")?;
        let mut process = Self { spec, child: None, log, log_start: 0, _folder: folder };
        process.start()?;
        Ok(process)
    }

    /// Starts it again after it ended. An error when it still runs.
    pub fn start(&mut self) -> anyhow::Result<()> {
        if self.is_running()? {
            bail!("{} runs already", self.spec.name);
        }
        self.log_start = fs::metadata(&self.log).map_or(0, |log| log.len());
        let command = self.spec.command(&self.log)?;
        let child = nursery::spawn(command).with_context(|| format!("start {}", self.spec.name))?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills it if it runs, and starts it again with the same arguments.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        self.start()
    }

    /// Replaces arguments and environment from the next start on.
    pub fn set_spec(&mut self, spec: Spec) {
        self.spec = spec;
    }

    /// Its id; `None` when it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it runs, paused or not.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.is_some() && self.try_reap()?.is_none())
    }

    /// Kills it outright (SIGKILL) and reaps it; nothing happens when it has ended.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        if !self.is_running()? {
            return Ok(());
        }
        self.signal(Signal::SIGKILL)?;
        if let Some(mut child) = self.child.take() {
            child.wait()?;
        }
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits until it has; it is left running when it does not obey.
    pub async fn terminate(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait_exit(within).await
    }

    /// Waits until it ends of itself.
    pub async fn wait_exit(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("{} ends", self.spec.name);
        let ended = eventually(within, &what, async || self.try_reap()?.context("it still runs"));
        let ended = ended.await;
        ended.with_context(|| self.log_tail())
    }

    /// Stops it in its tracks (SIGSTOP): connections stay, nothing answers.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets a paused process go on (SIGCONT).
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Sends a signal to it and to all it started.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.spec.name))?;
        let group = Pid::from_raw(i32::try_from(pid)?);
        killpg(group, signal).with_context(|| format!("{signal} to {}", self.spec.name))
    }

    /// What it wrote since it was last started.
    pub fn log(&self) -> anyhow::Result<String> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.log_start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The file its output goes to, over all its runs.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Waits until the present run has written a line with `text` in it, and returns that line.
    pub async fn wait_for_log(&mut self, text: &str, within: Duration) -> anyhow::Result<String> {
        let log = self.log.clone();
        let from = self.log_start;
        self.wait_for(&format!("logs {text:?}"), within, async || {
            let written = fs::read(&log)?;
            let written = String::from_utf8_lossy(written.get(from as usize..).unwrap_or_default());
            let line = written.lines().find(|line| line.contains(text));
            line.map(str::to_owned).context("no such line yet")
        })
        .await
    }

    /// Waits until a GET of `url` answers 200, and returns the body.
    pub async fn wait_for_http(&mut self, url: &str, within: Duration) -> anyhow::Result<String> {
        self.wait_for(&format!("answers {url}"), within, async || match http::get(url).await? {
            (200, body) => Ok(body),
            (status, body) => bail!("it answers {status}: {body}"),
        })
        .await
    }

    /// Waits until `check` succeeds. Gives up at once when the process has ended; either error shows
    /// the end of the log.
    pub async fn wait_for<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut check: impl AsyncFnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let what = format!("{} {what}", self.spec.name);
        let outcome = eventually(within, &what, async || match self.try_reap()? {
            Some(status) => Ok(Err(anyhow::anyhow!("it ended with {status}"))),
            None => check().await.map(Ok),
        });
        let outcome = outcome.await.and_then(|seen| seen.context(what.clone()));
        outcome.with_context(|| self.log_tail())
    }

    /// The last lines of the present run's log, headed by the program's name.
    pub fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_else(|error| format!("(no log: {error})"));
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        format!("the log of {} ends:\n{}\n", self.spec.name, tail.join("\n"))
    }

    fn try_reap(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let child =
            self.child.as_mut().with_context(|| format!("{} does not run", self.spec.name))?;
        Ok(child.try_wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
        // There is nobody left to tell, and the kernel kills it with us at the latest.
        let _ = self.kill9();
    }
}
