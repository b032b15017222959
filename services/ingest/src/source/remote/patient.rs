//! Reading and writing with an end to patience.

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use std::{
    io::{self, Read, Write},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often the request to stop is looked at while the other side is silent.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What a pipe that can be written to takes without blocking, on Linux and by POSIX at least 512.
const PIPE_BUF: usize = 4096;

/// A stream that fails once the other side is silent for too long, or when it is asked to stop.
pub struct Patient<S> {
    stream: S,
    silence: Duration,
    stop: Arc<AtomicBool>,
}

impl<S: AsFd> Patient<S> {
    /// `stream`, which must be one that `poll` knows: a pipe or a socket.
    pub fn new(stream: S, silence: Duration, stop: Arc<AtomicBool>) -> Self {
        Self { stream, silence, stop }
    }

    fn wait_for(&self, event: PollFlags) -> io::Result<()> {
        let deadline = Instant::now() + self.silence;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("the fetch was asked to stop"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason = format!("the server was silent for {} s", self.silence.as_secs_f32());
                return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
            }
            let slice = PollTimeout::try_from(left.min(LOOK_EVERY)).unwrap_or(PollTimeout::ZERO);
            match poll(&mut [PollFd::new(self.stream.as_fd(), event)], slice) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()), // ready, or closed: reading or writing tells
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<S: AsFd + Read> Read for Patient<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait_for(PollFlags::POLLIN)?;
        self.stream.read(buf)
    }
}

impl<S: AsFd + Write> Write for Patient<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.wait_for(PollFlags::POLLOUT)?;
        self.stream.write(&buf[..buf.len().min(PIPE_BUF)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn pair(silence: Duration) -> (Patient<UnixStream>, UnixStream, Arc<AtomicBool>) {
        let (here, there) = UnixStream::pair().unwrap();
        let stop = Arc::<AtomicBool>::default();
        (Patient::new(here, silence, stop.clone()), there, stop)
    }

    #[test]
    fn what_is_said_is_heard() {
        let (mut here, mut there, _) = pair(Duration::from_secs(60));
        there.write_all(b"hello").unwrap();
        drop(there);
        let mut heard = String::new();
        here.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");
    }

    #[test]
    fn silence_ends() {
        let (mut here, _there, _) = pair(Duration::from_millis(10));
        let error = here.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn nobody_takes_what_is_written() {
        let (mut here, _there, _) = pair(Duration::from_millis(10));
        let error = here.write_all(&vec![0; 64 << 20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn it_can_be_asked_to_stop() {
        let (mut here, _there, stop) = pair(Duration::from_secs(3600));
        stop.store(true, Ordering::Relaxed);
        assert!(here.read(&mut [0]).is_err());
    }
}
