//! A worker process as its parent sees it: two pipes with a deadline, and an end that always comes.
//!
//! Nothing here waits longer than the deadline, whatever the worker does or leaves undone, and a worker never outlives the value.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{self, Read, Write},
    os::fd::AsFd,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Serialize, de::DeserializeOwned};

use crate::frames::{self, FrameError};

/// How a worker is started: a program that ends up in [`worker::run`](crate::worker::run). Its environment is empty, its
/// folder is `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The absolute path of the program, usually that of this very process.
    pub program: PathBuf,
    /// Its arguments, such as `hook-worker`.
    pub arguments: Vec<OsString>,
}

/// Why nothing more is to be had from a worker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Loss {
    #[error("the deadline was reached")]
    Deadline,
    #[error("the worker cannot be started")]
    Start(#[source] io::Error),
    #[error("the worker is gone")]
    Gone,
    #[error("the worker said what no worker says")]
    Garbage(#[source] FrameError),
    #[error("the pipe to the worker broke")]
    Pipe(#[source] io::Error),
}

/// What the tail of a worker's standard error may take.
const STDERR_TAIL_BYTES: usize = 4 << 10;
/// How long a worker that has closed its pipes, or was killed, may take to be gone.
const LEAVE: Duration = Duration::from_millis(500);

/// The longest that anything here waits, whatever is configured.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The moment when so much time has passed, or a week.
pub(crate) fn deadline(begin: Instant, after: Duration) -> Instant {
    begin + after.min(LONGEST)
}

/// A running worker.
#[derive(Debug)]
pub(crate) struct WorkerProcess {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    stderr_tail: VecDeque<u8>,
    deadline: Instant,
}

impl WorkerProcess {
    /// Starts a worker that has until `deadline`.
    pub(crate) fn start(command: &WorkerCommand, deadline: Instant) -> Result<Self, Loss> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Loss::Start)?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Loss::Start(io::Error::other("a piped stream is missing")));
        };
        let worker =
            Self { child, stdin, stdout, stderr: Some(stderr), stderr_tail: VecDeque::new(), deadline };
        worker.make_non_blocking().map_err(Loss::Pipe)?;
        Ok(worker)
    }

    /// The same worker with another deadline, if it is still there.
    pub(crate) fn awake(mut self, until: Instant) -> Option<Self> {
        self.deadline = until;
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    /// Ends it, without waiting until it is gone.
    pub(crate) fn kill(&mut self) {
        // It only fails when the worker is gone already, which is what is wanted.
        let _ = self.child.kill();
    }

    /// Sends one message.
    pub(crate) fn send<T: Serialize>(&mut self, message: &T) -> Result<(), Loss> {
        let frame = frames::encode(message, frames::MOST_TO_WORKER_BYTES).map_err(Loss::Garbage)?;
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            self.wait_until(Direction::Writable)?;
            match self.stdin.write(rest) {
                Ok(0) => return Err(Loss::Gone),
                Ok(written) => rest = &rest[written..],
                Err(error) if is_retry(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(Loss::Gone),
                Err(error) => return Err(Loss::Pipe(error)),
            }
        }
        Ok(())
    }

    /// Waits for one message of so many bytes at the most.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self, most_bytes: usize) -> Result<T, Loss> {
        let mut length = [0; frames::LENGTH_BYTES];
        self.read_exact(&mut length)?;
        let length = frames::decode_length(length, most_bytes.min(frames::MOST_FROM_WORKER_BYTES))
            .map_err(Loss::Garbage)?;
        let mut frame = vec![0; length];
        self.read_exact(&mut frame)?;
        frames::decode(&frame).map_err(Loss::Garbage)
    }

    /// Ends a worker that is of no more use: kills it, unless it is gone by itself, and says what is known of its end.
    pub(crate) fn end(mut self, loss: &Loss) -> Ending {
        let leave = Instant::now() + LEAVE;
        let mut status = None;
        if matches!(loss, Loss::Gone) {
            // A worker that closed its pipes is on its way out: its own status says more than our signal.
            self.wait_for_end(leave);
            status = self.child.try_wait().ok().flatten().map(|status| status.to_string());
        }
        // The only errors are that it is gone already, which is what is wanted.
        let _ = self.child.kill();
        self.drain_stderr_until(leave);
        let tail: Vec<u8> = self.stderr_tail.iter().copied().collect();
        Ending { status, stderr_tail: String::from_utf8_lossy(&tail).trim_end().to_owned() }
    }

    fn read_exact(&mut self, mut buffer: &mut [u8]) -> Result<(), Loss> {
        while !buffer.is_empty() {
            self.wait_until(Direction::Readable)?;
            match self.stdout.read(buffer) {
                Ok(0) => return Err(Loss::Gone),
                Ok(read) => buffer = &mut buffer[read..],
                Err(error) if is_retry(&error) => {}
                Err(error) => return Err(Loss::Pipe(error)),
            }
        }
        Ok(())
    }

    /// Waits until the pipe is ready, and meanwhile takes what comes on standard error, so that the worker never blocks on that.
    fn wait_until(&mut self, direction: Direction) -> Result<(), Loss> {
        loop {
            let Some(left) = self.deadline.checked_duration_since(Instant::now()) else {
                return Err(Loss::Deadline);
            };
            let (ready, stderr_ready) = {
                let pipe = match direction {
                    Direction::Readable => PollFd::new(&self.stdout, PollFlags::IN),
                    Direction::Writable => PollFd::new(&self.stdin, PollFlags::OUT),
                };
                let mut all = vec![pipe];
                all.extend(self.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
                match poll(&mut all, Some(&timespec(left))) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(Loss::Pipe(error.into())),
                }
                (!all[0].revents().is_empty(), all.get(1).is_some_and(|fd| !fd.revents().is_empty()))
            };
            if stderr_ready {
                self.take_stderr();
            }
            if ready {
                return Ok(());
            }
        }
    }

    fn wait_for_end(&mut self, until: Instant) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let Ok(pidfd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
            return;
        };
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timespec(left))) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn drain_stderr_until(&mut self, until: Instant) {
        while let (Some(stderr), Some(left)) =
            (self.stderr.as_ref(), until.checked_duration_since(Instant::now()))
        {
            let mut all = [PollFd::new(stderr, PollFlags::IN)];
            match poll(&mut all, Some(&timespec(left))) {
                Ok(0) => return,
                Ok(_) => self.take_stderr(),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn take_stderr(&mut self) {
        let Some(stderr) = self.stderr.as_mut() else { return };
        let mut buffer = [0; 4096];
        match stderr.read(&mut buffer) {
            Ok(0) => self.stderr = None,
            Ok(read) => {
                self.stderr_tail.extend(&buffer[..read]);
                let beyond = self.stderr_tail.len().saturating_sub(STDERR_TAIL_BYTES);
                self.stderr_tail.drain(..beyond);
            }
            Err(error) if is_retry(&error) => {}
            Err(_) => self.stderr = None,
        }
    }

    fn make_non_blocking(&self) -> io::Result<()> {
        let stderr = self.stderr.as_ref().map(AsFd::as_fd);
        for fd in [Some(self.stdin.as_fd()), Some(self.stdout.as_fd()), stderr].into_iter().flatten() {
            let flags = rustix::fs::fcntl_getfl(fd)?;
            rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        Ok(())
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.kill();
        // As above.
        let _ = self.child.wait();
    }
}

/// How a worker ended.
pub(crate) struct Ending {
    /// As the system says it, if the worker ended before it was killed.
    pub(crate) status: Option<String>,
    pub(crate) stderr_tail: String,
}

#[derive(Clone, Copy)]
enum Direction {
    Readable,
    Writable,
}

fn is_retry(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Rounded up to a millisecond, so that a wait never ends just before its deadline and turns into a busy loop.
fn timespec(left: Duration) -> Timespec {
    let left = left + Duration::from_millis(1);
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(left.subsec_nanos()),
    }
}
