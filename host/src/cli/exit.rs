//! Exit codes, and the one place where an error is printed.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use pressroom_archive::monitor::health::Level;
use pressroom_archive::notify::NotifyError;
use pressroom_archive::release::ReleaseError;
use pressroom_archive::release::sign::SignError;
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

/// Prints an error with its causes, and gives the exit code.
pub(super) fn code(end: anyhow::Result<End>) -> ExitCode {
    let error = match end {
        Ok(End::Success) => return ExitCode::from(SUCCESS),
        Ok(End::Failure) => return ExitCode::from(FAILURE),
        Ok(End::Held) => return ExitCode::from(HELD),
        Ok(End::Checked(level)) => return ExitCode::from(of_level(level)),
        Err(error) => error,
    };
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    anstream::eprintln!("{red}error:{red:#} {error}");
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  because: {cause}");
    }
    ExitCode::from(code_of(&error))
}

/// The end that a run over several things has: the one that asks for more.
pub(super) fn worse(one: anyhow::Result<End>, other: anyhow::Result<End>) -> anyhow::Result<End> {
    match (one, other) {
        (Err(error), _) | (_, Err(error)) => Err(error),
        // a check is the only thing that its command does
        (Ok(End::Checked(level)), Ok(_)) | (Ok(_), Ok(End::Checked(level))) => Ok(End::Checked(level)),
        (Ok(End::Failure), Ok(_)) | (Ok(_), Ok(End::Failure)) => Ok(End::Failure),
        (Ok(End::Held), Ok(_)) | (Ok(_), Ok(End::Held)) => Ok(End::Held),
        (Ok(End::Success), Ok(End::Success)) => Ok(End::Success),
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
