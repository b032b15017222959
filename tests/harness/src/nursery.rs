//! Children that die with the test process, even when it is killed.

use std::io;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

type Request = (Command, Sender<io::Result<Child>>);

/// The thread that starts every child. The kernel sends a parent-death signal when the *thread* that
/// started the child ends, and a test's thread ends long before a server that several tests share.
static NURSERY: LazyLock<Sender<Request>> = LazyLock::new(|| {
    let (sender, requests) = channel::<Request>();
    std::thread::spawn(move || {
        for (mut command, reply) in requests {
            let _ = reply.send(command.spawn());
        }
    });
    sender
});

/// Starts a command whose program is `setpriv --pdeathsig KILL …`: see [`mortal`].
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = channel();
    let gone = || io::Error::other("the thread that starts processes is gone");
    NURSERY.send((command, reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

/// What runs between `setpriv` and the program: a parent that died before the kernel was told to watch
/// it would never be missed, so whoever has another parent by now ends at once.
const STILL_OURS: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// A command for `program` that the kernel kills when this process dies. `setpriv` and the shell replace
/// themselves by the program, so the child's id is the program's. Rejected: `prctl` between fork and
/// exec, which needs unsafe code.
pub(crate) fn mortal(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "sh", "-c", STILL_OURS]);
    command.arg(std::process::id().to_string()).arg(program);
    command
}
