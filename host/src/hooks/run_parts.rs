//! Executables as hooks: run as run-parts would, but with an end.
//!
//! Each has an environment of its own and nothing of ours, a process group that is killed as a whole, a time limit, and an output of which the end is
//! kept. One thread watches the pipe and the process.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, getppid, kill_process_group, pidfd_open, set_parent_process_death_signal,
};

/// The search path of a hook, as cron has it for root.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long a program that was told to end may take to be gone.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What a program is run with.
pub(crate) struct Invocation<'a> {
    /// The program whose [`launch`] starts it, so that it does not outlive the publisher; none: started as it is.
    pub(crate) launcher: Option<&'a Path>,
    pub(crate) program: &'a Path,
    pub(crate) arguments: Vec<OsString>,
    /// Besides PATH.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    pub(crate) time_limit: Duration,
    pub(crate) output_bytes: usize,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Exited(ExitStatus),
    TimedOut,
    NotStarted(io::Error),
}

/// What is known when it is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) ending: Ending,
    /// The end of what it wrote to standard output and error, in the order in which it wrote it.
    pub(crate) output: String,
    pub(crate) duration: Duration,
}

/// Runs a program to its end, however that comes.
pub(crate) fn run(invocation: &Invocation<'_>) -> Ended {
    let begin = Instant::now();
    let mut tail = Tail { kept: VecDeque::new(), most: invocation.output_bytes, dropped: 0 };
    let ending = attempt(invocation, begin, &mut tail).unwrap_or_else(Ending::NotStarted);
    Ended { ending, output: tail.text(), duration: begin.elapsed() }
}

fn attempt(invocation: &Invocation<'_>, begin: Instant, tail: &mut Tail) -> io::Result<Ending> {
    let (reader, writer) = io::pipe()?;
    let mut command = match invocation.launcher {
        Some(launcher) => {
            let mut command = Command::new(launcher);
            command.arg(LAUNCH_ARGUMENT).arg(std::process::id().to_string()).arg(invocation.program);
            command
        }
        None => Command::new(invocation.program),
    };
    command
        .args(&invocation.arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .envs(invocation.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    let mut child = Group(command.spawn()?);
    // the parent's ends of the pipe are in the command
    drop(command);
    let process = child.descriptor()?;
    let mut reader = Some(reader);
    loop {
        let left = invocation.time_limit.saturating_sub(begin.elapsed());
        if left.is_zero() {
            child.kill();
            return Ok(Ending::TimedOut);
        }
        let mut watched = vec![PollFd::new(&process, PollFlags::IN)];
        if let Some(reader) = &reader {
            watched.push(PollFd::new(reader, PollFlags::IN));
        }
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut watched, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => continue,
            other => drop(other?),
        }
        let exited = !watched[0].revents().is_empty();
        let readable = watched.get(1).is_some_and(|pipe| !pipe.revents().is_empty());
        if let (true, Some(pipe)) = (readable, reader.as_mut())
            && tail.take(pipe)? == 0
        {
            reader = None;
        }
        if exited {
            // what it left behind does not keep running, nor the pipe open; its number is its own until it is waited for
            child.kill_group();
            let status = child.0.wait()?;
            if let Some(pipe) = reader.as_mut() {
                tail.drain(pipe)?;
            }
            return Ok(Ending::Exited(status));
        }
    }
}

/// The first argument that makes this program a launcher.
pub(crate) const LAUNCH_ARGUMENT: &str = "hook-launch";
/// As a shell says that a program cannot be started.
const NOT_STARTED: u8 = 126;

/// The inside of the launcher: `hook-launch PARENT PROGRAM ARGUMENT…`. Asks the kernel to be killed with its parent, keeps from the program what the publisher
/// has itself been given open, and becomes the program.
pub(crate) fn launch(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let parent = arguments.next().and_then(|id| id.to_str()?.parse::<i32>().ok());
    let Some(program) = arguments.next() else { return ExitCode::from(NOT_STARTED) };
    let asked = set_parent_process_death_signal(Some(Signal::KILL));
    // a parent that has died before that was not waited for
    if asked.is_err() || getppid().map(Pid::as_raw_nonzero).map(i32::from) != parent {
        return ExitCode::from(NOT_STARTED);
    }
    keep_open_files_from_the_program();
    let error = Command::new(&program).args(arguments).exec();
    eprintln!("{} cannot be started: {error}", program.to_string_lossy());
    ExitCode::from(NOT_STARTED)
}

/// What whoever has started the publisher has left open for its children, a socket or a lock, is nothing for a hook.
fn keep_open_files_from_the_program() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    for entry in entries.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            #[expect(unsafe_code, reason = "no value owns what was inherited")]
            // SAFETY: it is borrowed for this one call, which fails for a number that is no longer open.
            let file = unsafe { BorrowedFd::borrow_raw(number) };
            // one that is closed already needs nothing
            let _ = rustix::io::fcntl_setfd(file, rustix::io::FdFlags::CLOEXEC);
        }
    }
}

/// A program with all that it starts; killed when dropped.
struct Group(Child);

impl Group {
    fn id(&self) -> Option<Pid> {
        i32::try_from(self.0.id()).ok().and_then(Pid::from_raw)
    }

    fn descriptor(&self) -> io::Result<OwnedFd> {
        let id = self.id().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(pidfd_open(id, PidfdFlags::empty())?)
    }

    fn kill_group(&self) {
        if let Some(id) = self.id() {
            // that it is gone already is well
            let _ = kill_process_group(id, Signal::KILL);
        }
    }

    /// Asks it to end, and ends it.
    fn kill(&mut self) {
        if let Some(id) = self.id() {
            let _ = kill_process_group(id, Signal::TERM);
        }
        if let Ok(process) = self.descriptor() {
            let timeout = Timespec { tv_sec: 0, tv_nsec: LAST_WORDS.subsec_nanos().into() };
            let _ = poll(&mut [PollFd::new(&process.as_fd(), PollFlags::IN)], Some(&timeout));
        }
        self.kill_group();
        let _ = self.0.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.kill_group();
            let _ = self.0.wait();
        }
    }
}

/// A pipe holds 64 KiB, unless somebody has made it larger: 1 MiB at most.
const PIPE_READS: usize = (1 << 20) / 8192;

/// The end of an output.
struct Tail {
    kept: VecDeque<u8>,
    most: usize,
    dropped: u64,
}

impl Tail {
    /// Takes what is there; 0 when the pipe has ended.
    fn take(&mut self, pipe: &mut io::PipeReader) -> io::Result<usize> {
        let mut buffer = [0; 8192];
        let count = pipe.read(&mut buffer)?;
        self.kept.extend(&buffer[..count]);
        let excess = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..excess);
        self.dropped += excess as u64;
        Ok(count)
    }

    /// Takes what is left in the pipe, as much as a pipe holds, without waiting for more.
    fn drain(&mut self, pipe: &mut io::PipeReader) -> io::Result<()> {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        for _ in 0..PIPE_READS {
            let mut watched = [PollFd::new(&*pipe, PollFlags::IN)];
            let ready = poll(&mut watched, Some(&at_once))? > 0;
            if !ready || self.take(pipe)? == 0 {
                break;
            }
        }
        Ok(())
    }

    fn text(self) -> String {
        let bytes: Vec<u8> = self.kept.into();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if self.dropped == 0 {
            text
        } else {
            format!("[{} bytes before this were not kept]\n{text}", self.dropped)
        }
    }
}

/// In words, when it did not succeed.
pub(crate) fn failure(ending: &Ending, time_limit: Duration) -> Option<String> {
    match ending {
        Ending::Exited(status) if status.success() => None,
        Ending::Exited(status) => Some(match (status.code(), status.signal()) {
            (Some(code), _) => format!("it ended with exit code {code}"),
            (None, Some(signal)) => format!("it was ended by signal {signal}"),
            (None, None) => "it ended in an unknown way".to_owned(),
        }),
        Ending::TimedOut => {
            Some(format!("it was still running after {} seconds and was killed", time_limit.as_secs()))
        }
        Ending::NotStarted(error) => Some(format!("it cannot be started: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_script(script: &str, time_limit: Duration) -> Ended {
        // /bin/sh with the script as its argument would have an option of its own: a file, written by another process so that no
        // fork of a test holds it open for writing
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook");
        let made = Command::new("sh")
            .arg("-c")
            .arg(r#"printf '%s' "$1" > "$2" && chmod 755 "$2""#)
            .args(["sh", &format!("#!/bin/sh\n{script}\n")])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        run(&Invocation {
            launcher: None,
            program: &path,
            arguments: vec!["1".into()],
            environment: vec![("SITE_NAME", "here".into())],
            time_limit,
            output_bytes: 100,
        })
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn it_gets_the_priority_and_only_its_environment() {
        let ended = run_script(
            "echo \"$1 $SITE_NAME $#\"; env | cut -d= -f1 | sort | tr '\\n' ' '; echo err >&2",
            LONG,
        );
        assert!(matches!(ended.ending, Ending::Exited(status) if status.success()));
        assert_eq!(ended.output, "1 here 1\nPATH PWD SITE_NAME err\n");
    }

    #[test]
    fn its_failure_is_told() {
        let ended = run_script("echo no; exit 3", LONG);
        assert_eq!(failure(&ended.ending, LONG).unwrap(), "it ended with exit code 3");
        let ended = run_script("kill -9 $$", LONG);
        assert_eq!(failure(&ended.ending, LONG).unwrap(), "it was ended by signal 9");
        let missing = Invocation {
            launcher: None,
            program: Path::new("/nothing/here"),
            arguments: Vec::new(),
            environment: Vec::new(),
            time_limit: LONG,
            output_bytes: 1,
        };
        assert!(matches!(run(&missing).ending, Ending::NotStarted(_)));
    }

    #[test]
    fn one_that_hangs_is_killed_with_its_children() {
        let limit = Duration::from_millis(300);
        let ended =
            run_script("trap '' TERM; (trap '' TERM; while :; do :; done) & while :; do :; done", limit);
        assert!(matches!(ended.ending, Ending::TimedOut));
        assert!(ended.duration < Duration::from_secs(10));
    }

    #[test]
    fn a_child_left_behind_does_not_hold_the_publisher() {
        let ended = run_script("(while :; do :; done) & echo left", LONG);
        assert!(matches!(ended.ending, Ending::Exited(status) if status.success()));
        assert_eq!(ended.output, "left\n");
    }

    #[test]
    fn of_a_flood_the_end_is_kept() {
        let ended = run_script("yes | head -n 100000; echo end", LONG);
        assert!(ended.output.len() < 200 && ended.output.ends_with("y\nend\n"), "{}", ended.output);
    }
}
