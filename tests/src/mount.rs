//! A place where mounts can be made that nobody else sees: for disks that are full or turn read-only.
//!
//! Root gets a mount namespace; others a user namespace in which they are root, or root by `sudo -n`. It ends with the value.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::tool::{self, Ran, tool};

/// The namespace, kept by a process that waits.
#[derive(Debug)]
pub struct Cage {
    keeper: Child,
    process: String,
    way: Way,
}

/// How the namespace is made and entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Root,
    UserNamespace,
    Sudo,
}

impl Way {
    fn unshare(self) -> Command {
        let mut command = match self {
            Self::Sudo => tool("sudo"),
            Self::Root | Self::UserNamespace => tool("unshare"),
        };
        match self {
            Self::Root => command.args(["--mount"]),
            Self::UserNamespace => command.args(["--user", "--map-root-user", "--mount"]),
            Self::Sudo => command.args(["-n", "unshare", "--mount"]),
        };
        command
    }

    fn enter(self, process: &str) -> Command {
        let mut command = match self {
            Self::Sudo => tool("sudo"),
            Self::Root | Self::UserNamespace => tool("nsenter"),
        };
        match self {
            Self::Root => command.args(["--target", process, "--mount"]),
            Self::UserNamespace => {
                command.args(["--target", process, "--user", "--preserve-credentials", "--mount"])
            }
            Self::Sudo => command.args(["-n", "nsenter", "--target", process, "--mount"]),
        };
        command
    }
}

impl Cage {
    /// Makes the namespace.
    ///
    /// # Panics
    /// When this user may not: with what to do.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        let works = |way: &Way| tool::run(way.unshare().arg("true")).code == Some(0);
        let ways: &[Way] = if rustix::process::geteuid().is_root() {
            &[Way::Root]
        } else if tool::find("sudo").is_some() {
            &[Way::UserNamespace, Way::Sudo]
        } else {
            &[Way::UserNamespace]
        };
        let Some(way) = ways.iter().copied().find(works) else {
            panic!(
                "this test mounts a small file system and may not: run it as root, with a sudo that asks for no password, or where \
                 `unshare --user --map-root-user --mount true` works"
            );
        };
        // it waits for the end of its input, which comes when this process drops the other end or dies
        let mut keeper = way
            .unshare()
            .args(["sh", "-c", "echo $$; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("what has just worked works again");
        let mut process = String::new();
        let out = keeper.stdout.take().expect("its output is a pipe");
        BufReader::new(out).read_line(&mut process).expect("it says its number");
        Self { keeper, process: process.trim().to_owned(), way }
    }

    /// The same command in the namespace.
    #[must_use]
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = self.way.enter(&self.process);
        // sudo gives no variables on
        inside.arg("env");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                let mut setting = name.to_owned();
                setting.push("=");
                setting.push(value);
                inside.arg(setting);
            }
        }
        inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        inside
    }

    /// Runs a command in the namespace.
    #[track_caller]
    #[must_use]
    pub fn run(&self, command: &Command) -> Ran {
        tool::run(&mut self.inside(command))
    }

    /// Runs a shell script in the namespace, which has to succeed; `$1` and so on are the arguments.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn shell(&self, script: &str, arguments: &[&std::ffi::OsStr]) -> Ran {
        let mut command = tool("sh");
        command.args(["-euc", script, "sh"]).args(arguments);
        self.run(&command).exits(0)
    }
}

impl Default for Cage {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // it ends by itself now; that it did is all that is waited for
        let _ = self.keeper.wait();
    }
}
