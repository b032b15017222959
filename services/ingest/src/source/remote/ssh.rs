//! `git-upload-pack` over the ssh program.
//!
//! The program is started by us rather than by the library, for three reasons: the library waits for
//! ever on a server that stalls; it writes what ssh complains about to our standard error instead of
//! into the error; and it leaves the program's children behind when a command is more than one.

use super::{Access, patient::Patient};
use gix::{
    bstr::{BString, ByteSlice},
    protocol::transport::{
        Protocol,
        client::git::{ConnectMode, blocking_io::Connection},
    },
    url::ArgumentSafety,
};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use parking_lot::Mutex;
use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::Duration,
};

/// Never a question on the terminal, and an end to connecting. Given after the command's own options,
/// which win: ssh takes the first value of each.
const OPTIONS: [&str; 8] = [
    "-o",
    "SendEnv=GIT_PROTOCOL",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=20",
    "-o",
    "ServerAliveInterval=20",
];
/// What is kept of the program's complaints, in bytes. A server can make it say more.
const MAX_COMPLAINT: u64 = 4096;
/// How long the end of the complaints is waited for.
const COMPLAIN_WITHIN: Duration = Duration::from_secs(1);

/// A connection through the program.
pub type Ssh = Connection<Output, Patient<ChildStdin>>;

/// Starts the program. What it writes to its standard error is kept for [`Complaints::text`].
pub fn connect(
    repo: &gix::Repository,
    url: &gix::Url,
    version: Protocol,
    access: &Access,
    stop: &Arc<AtomicBool>,
) -> io::Result<(Ssh, Complaints)> {
    let mut command = command(repo, url, version, access)?;
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let program = Program(child);
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(io::Error::other("no pipes to ssh")); // they were asked for
    };
    let patient = Patient::new(stdout, access.silence, stop.clone());
    let output = Output { patient, _program: program };
    let input = Patient::new(stdin, access.silence, stop.clone());
    let mode = ConnectMode::Process;
    let nobody = None::<(String, Option<u16>)>;
    let ssh = Connection::new(output, input, version, url.path.clone(), nobody, mode, false)
        .custom_url(Some(url.to_bstring()));
    Ok((ssh, Complaints::listen(stderr)))
}

fn command(
    repo: &gix::Repository,
    url: &gix::Url,
    version: Protocol,
    access: &Access,
) -> io::Result<Command> {
    // As git does: the command is a line of the shell, and its arguments follow.
    let mut line = match access.ssh_command.as_str() {
        "" => configured(repo)?,
        own => OsString::from(own),
    };
    line.push(" \"$@\"");
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).arg("ssh").args(OPTIONS);
    if let Some(port) = url.port {
        command.arg(format!("-p{port}"));
    }
    command.arg(destination(url)?).arg(upload_pack(url)?);
    command.env("GIT_PROTOCOL", format!("version={}", version as usize)).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0); // so that a signal reaches all that the line starts
    Ok(command)
}

/// What git's own configuration says: `core.sshCommand` and its variable, or the path of a program.
fn configured(repo: &gix::Repository) -> io::Result<OsString> {
    let options = repo.ssh_connect_options().map_err(io::Error::other)?;
    let command = options.ssh_command();
    Ok(match options.disallow_shell {
        true => OsStr::from_bytes(&gix::quote::single(command.as_bytes().as_bstr())).to_owned(),
        false => command.to_owned(),
    })
}

/// `user@host`, neither of which may pass for an option.
fn destination(url: &gix::Url) -> io::Result<String> {
    use ArgumentSafety::{Absent, Usable};
    match (url.user_as_argument(), url.host_as_argument()) {
        (Usable(user), Usable(host)) => Ok(format!("{user}@{host}")),
        (Absent, Usable(host)) => Ok(host.to_owned()),
        _ => Err(io::Error::other("the host or the user would be read as an option by ssh")),
    }
}

/// The remote command, quoted for the shell there.
fn upload_pack(url: &gix::Url) -> io::Result<OsString> {
    let path: BString = gix::url::expand_path::for_shell(url.path.clone());
    if path.trim_start().starts_with(b"-") {
        return Err(io::Error::other("the path would be read as an option by git"));
    }
    let mut command = BString::from("git-upload-pack ");
    command.extend_from_slice(&gix::quote::single(path.as_ref()));
    Ok(OsStr::from_bytes(&command).to_owned())
}

/// What the program says, and the program itself, which ends when nobody listens any more.
pub struct Output {
    patient: Patient<ChildStdout>,
    _program: Program,
}

impl Read for Output {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.patient.read(buf)
    }
}

/// Killed and reaped on drop, with all that it started.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(group) = i32::try_from(self.0.id()) {
            // It fails when all have ended already.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.0.wait();
    }
}

/// What the program wrote to its standard error.
pub struct Complaints {
    text: Arc<Mutex<Vec<u8>>>,
    ended: mpsc::Receiver<()>,
}

impl Complaints {
    fn listen(stderr: ChildStderr) -> Self {
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let (tell, ended) = mpsc::channel();
        std::thread::spawn({
            let text = text.clone();
            move || {
                let mut stderr = stderr;
                let mut kept = Vec::new();
                // As far as it can be read; an error ends it as well as the end does.
                let _ = stderr.by_ref().take(MAX_COMPLAINT).read_to_end(&mut kept);
                *text.lock() = kept;
                let _ = tell.send(()); // nobody listens after a success
                let _ = io::copy(&mut stderr, &mut io::sink()); // or the program would block
            }
        });
        Self { text, ended }
    }

    /// The last lines, once the program has ended; what there is, when a child of it holds on.
    pub fn text(&self) -> String {
        let _ = self.ended.recv_timeout(COMPLAIN_WITHIN);
        let text = self.text.lock();
        let text = text.to_str_lossy();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<&str> = lines.collect();
        lines[lines.len().saturating_sub(4)..].join("; ")
    }
}
