//! Runs a program that signs, within bounds: its time, its output, and the processes it starts.
//!
//! One thread serves its three pipes and watches it end, so that neither a program that reads nothing, nor
//! one that writes without end, nor a child of it that keeps a pipe open, can hold the publisher.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::SignError;
use crate::domain::plain::is_obeyed;

/// How much of the end of standard error is kept for the report.
const STDERR_TAIL_BYTES: usize = 4096;

/// No signature takes a day; a longer limit would be none, and would overflow the clock at last.
const LONGEST_TIME_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// One run of the program.
pub(super) struct Invocation<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<OsString>,
    /// What it is for, to complete "failed to".
    pub(super) action: &'static str,
    pub(super) input: &'a [u8],
    pub(super) output_limit_bytes: usize,
    pub(super) time_limit: Duration,
}

/// How a run ended, when it ended by itself.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Invocation<'_> {
    /// Runs the program and returns its standard output; anything but success is an error.
    pub(super) fn output(&self) -> Result<Vec<u8>, SignError> {
        let ended = self.run()?;
        if ended.status.success() {
            return Ok(ended.stdout);
        }
        Err(self.failed(ended.status, ended.stderr))
    }

    /// The error for a run that ended badly.
    pub(super) fn failed(&self, status: ExitStatus, stderr: String) -> SignError {
        SignError::GpgFailed { program: self.program.to_owned(), action: self.action, status, stderr }
    }

    /// Runs the program to its end, however it ends.
    pub(super) fn run(&self) -> Result<Ended, SignError> {
        let broken =
            |source| SignError::RunGpg { program: self.program.to_owned(), action: self.action, source };
        let deadline = Instant::now() + self.time_limit.min(LONGEST_TIME_LIMIT);
        let mut running = Running::start(self).map_err(broken)?;
        let exited = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            let exited = running.serve(self.input, self.output_limit_bytes, left).map_err(broken)?;
            if running.stdout.kept.len() > self.output_limit_bytes {
                return Err(SignError::GpgOutputTooLong {
                    program: self.program.to_owned(),
                    action: self.action,
                    limit_bytes: self.output_limit_bytes,
                });
            }
            if exited {
                break true;
            }
        };
        let stderr = running.stderr.text();
        if !exited {
            return Err(SignError::GpgTimeLimit {
                program: self.program.to_owned(),
                action: self.action,
                limit: self.time_limit,
                stderr,
            });
        }
        let status = running.child.wait().map_err(broken)?;
        running.reaped = true;
        Ok(Ended { status, stdout: std::mem::take(&mut running.stdout.kept), stderr })
    }
}

/// A started program; dropped before it was reaped, it is killed with its process group.
struct Running {
    child: Child,
    /// Readable once the program has ended.
    end: OwnedFd,
    stdin: Option<ChildStdin>,
    written: usize,
    stdout: Collected,
    stderr: Collected,
    reaped: bool,
}

impl Running {
    fn start(invocation: &Invocation<'_>) -> io::Result<Self> {
        let mut child = Command::new(invocation.program)
            .args(&invocation.arguments)
            // The environment is kept: a wrapper around a key store is the operator's own and is configured
            // by it.
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = Collected::of(child.stdout.take());
        let stderr = Collected::of(child.stderr.take());
        let end = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        let end = match end {
            Ok(end) => end,
            Err(error) => {
                kill_group(&mut child);
                return Err(error.into());
            }
        };
        let running = Self { child, end, stdin, written: 0, stdout, stderr, reaped: false };
        let pipes = [
            running.stdin.as_ref().map(AsFd::as_fd),
            running.stdout.pipe.as_ref().map(AsFd::as_fd),
            running.stderr.pipe.as_ref().map(AsFd::as_fd),
        ];
        for pipe in pipes.into_iter().flatten() {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(running)
    }

    /// Waits for one thing to happen and handles it. True when the program has ended and its output is read.
    fn serve(&mut self, input: &[u8], output_limit_bytes: usize, left: Duration) -> io::Result<bool> {
        let end_readable = self.wait(left)?;
        self.feed(input)?;
        self.stdout.drain(output_limit_bytes.saturating_add(1), Keep::Beginning)?;
        self.stderr.drain(STDERR_TAIL_BYTES, Keep::End)?;
        Ok(end_readable)
    }

    fn wait(&self, left: Duration) -> io::Result<bool> {
        let mut events = vec![PollFd::new(&self.end, PollFlags::IN)];
        if let Some(stdin) = &self.stdin {
            events.push(PollFd::new(stdin, PollFlags::OUT));
        }
        for pipe in [&self.stdout.pipe, &self.stderr.pipe].into_iter().flatten() {
            events.push(PollFd::new(pipe, PollFlags::IN));
        }
        let timeout = Timespec::try_from(left).ok();
        match rustix::event::poll(&mut events, timeout.as_ref()) {
            Ok(_) => Ok(!events[0].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what the pipe takes; closes it after the last byte, or when nobody reads it any more.
    fn feed(&mut self, input: &[u8]) -> io::Result<()> {
        while let Some(stdin) = &mut self.stdin {
            let rest = input.get(self.written..).unwrap_or_default();
            if rest.is_empty() {
                self.stdin = None;
                break;
            }
            match stdin.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The program has its reasons, and its exit status tells them.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.stdin = None,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            kill_group(&mut self.child);
        }
    }
}

/// Kills the program, and what it started, while its number cannot yet have gone to another process.
fn kill_group(child: &mut Child) {
    // Failing means that nothing of the group is left, which is what is wanted.
    let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

#[derive(Clone, Copy)]
enum Keep {
    Beginning,
    End,
}

/// What came through a pipe, as much of it as is wanted.
struct Collected {
    pipe: Option<OwnedFd>,
    kept: Vec<u8>,
}

impl Collected {
    fn of(pipe: Option<impl Into<OwnedFd>>) -> Self {
        Self { pipe: pipe.map(Into::into), kept: Vec::new() }
    }

    /// Reads until the pipe is empty or closed; with [`Keep::Beginning`], until `limit_bytes` are kept.
    ///
    /// Each call reads a bounded amount, so that a program that writes without end cannot keep the caller
    /// from its clock.
    fn drain(&mut self, limit_bytes: usize, keep: Keep) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..64 {
            let Some(pipe) = &self.pipe else { return Ok(()) };
            match rustix::io::read(pipe, &mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => self.kept.extend_from_slice(&buffer[..count]),
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            match keep {
                Keep::Beginning if self.kept.len() >= limit_bytes => return Ok(()),
                Keep::Beginning => {}
                Keep::End => {
                    let surplus = self.kept.len().saturating_sub(limit_bytes);
                    self.kept.drain(..surplus);
                }
            }
        }
        Ok(())
    }

    /// As text for a message: on one line, without what could move a terminal's cursor.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.trim().chars().filter(|character| !is_obeyed(*character)).collect())
            .filter(|line: &String| !line.is_empty())
            .collect();
        if lines.is_empty() { "it said nothing".to_owned() } else { lines.join("; ") }
    }
}
