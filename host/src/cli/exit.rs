//! Exit codes, and the one place where an error is printed.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use pressroom_archive::monitor::health::Level;
use pressroom_archive::notify::NotifyError;
use pressroom_archive::openpgp::SignError;
use pressroom_archive::release::ReleaseError;
use pressroom_archive::store::StoreError;

use super::End;
use crate::conductor::replay::{NoSuchCall, Obstacles};
use crate::conductor::{BrokenHooks, LockError};
use crate::root::ConfigError;

pub(super) const SUCCESS: u8 = 0;
pub(super) const FAILURE: u8 = 1;
/// As clap has it for words that it does not know.
pub(super) const USAGE: u8 = 2;
pub(super) const CONFIGURATION: u8 = 3;
pub(super) const BUSY: u8 = 4;
pub(super) const HELD: u8 = 5;

/// Something that was asked for in a wrong way.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// An error that says how the command is to be used.
pub(super) fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Something outside of the command line that has to be put right first.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Configuration(String);

/// An error of the configuration.
pub(super) fn configuration(message: impl Into<String>) -> anyhow::Error {
    Configuration(message.into()).into()
}

/// Something that cannot be done while a run is at work on it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Busy(String);

/// An error that says what is at work, and what to do.
pub(super) fn busy(message: impl Into<String>) -> anyhow::Error {
    Busy(message.into()).into()
}

/// Prints an error with its causes, and gives the exit code.
pub(super) fn code(end: anyhow::Result<End>) -> ExitCode {
    match end {
        Ok(end) => ExitCode::from(code_of_end(end)),
        Err(error) => {
            print(&error);
            ExitCode::from(code_of(&error))
        }
    }
}

const fn code_of_end(end: End) -> u8 {
    match end {
        End::Success => SUCCESS,
        End::Failure => FAILURE,
        End::Held => HELD,
        End::Checked(level) => of_level(level),
    }
}

fn print(error: &anyhow::Error) {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    anstream::eprintln!("{red}error:{red:#} {error}");
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  because: {cause}");
    }
}

/// The end that a run over several things has: the one that asks for more. Of two errors the other one is printed here.
pub(super) fn worse(one: anyhow::Result<End>, other: anyhow::Result<End>) -> anyhow::Result<End> {
    let rank = |end: &anyhow::Result<End>| match end {
        Ok(end) => rank_of(code_of_end(*end)),
        Err(error) => rank_of(code_of(error)),
    };
    let (worst, rest) = if rank(&other) > rank(&one) { (other, one) } else { (one, other) };
    if let Err(error) = &rest {
        print(error);
    }
    worst
}

/// How much a code asks for: somebody has to put something right; something failed; a hook holds something; another run is at it.
const fn rank_of(code: u8) -> u8 {
    match code {
        SUCCESS => 0,
        BUSY => 1,
        HELD => 2,
        FAILURE => 3,
        USAGE => 4,
        _ => 5,
    }
}

/// As Nagios and its kin have them.
pub(super) const fn of_level(level: Level) -> u8 {
    match level {
        Level::Ok => 0,
        Level::Warning => 1,
        Level::Critical => 2,
        Level::Unknown => 3,
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<ConfigError>()
            || cause.is::<BrokenHooks>()
            || cause.is::<Configuration>()
            || cause.is::<SignError>()
        {
            return CONFIGURATION;
        }
        if let Some(NotifyError::Template { .. } | NotifyError::Read { .. } | NotifyError::Address { .. }) =
            cause.downcast_ref()
        {
            return CONFIGURATION;
        }
        if let Some(ReleaseError::Sign { .. }) = cause.downcast_ref() {
            return CONFIGURATION;
        }
        if let Some(obstacles) = cause.downcast_ref::<Obstacles>() {
            return if obstacles.is_configuration() { CONFIGURATION } else { FAILURE };
        }
        if let Some(LockError::Busy { .. } | LockError::Working { .. }) = cause.downcast_ref() {
            return BUSY;
        }
        if cause.is::<Busy>() {
            return BUSY;
        }
        if cause.is::<Usage>() || cause.is::<NoSuchCall>() || cause.is::<crate::hooks::upkeep::NoSuchHook>() {
            return USAGE;
        }
        if let Some(StoreError::Unknown { .. }) = cause.downcast_ref() {
            return USAGE;
        }
        if let Some(StoreError::Missing(_)) = cause.downcast_ref() {
            return CONFIGURATION;
        }
    }
    FAILURE
}
