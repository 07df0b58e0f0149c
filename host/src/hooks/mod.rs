//! Hooks: what runs at the three points of a publication.
//!
//! [`registry`] reads the folders and says what will run, in which order, and what will not and why; [`grant`] is the operator's word on each WASM hook.
//! [`dispatch`] runs a point: WASM hooks through the sandbox, with [`services`] answering what they ask and [`overlay`] holding what they write
//! until they succeed, executables by [`run_parts`]. [`convert`] is the only place where the archive's words become the sandbox's. [`add`] takes a new
//! hook in. [`fixture`] calls a component as its author wrote down,
//! and [`project`] makes the project that an author begins with.

pub(crate) mod add;
mod convert;
mod dispatch;
pub(crate) mod fixture;
mod grant;
mod overlay;
pub(crate) mod project;
mod registry;
mod run_parts;
mod services;
mod templates;

use std::ffi::OsString;
use std::path::PathBuf;

use pressroom_sandbox::{Sandbox, WorkerCommand};

pub(crate) use dispatch::{Dispatcher, PassFacts, PointResult, StagedSide};
pub(crate) use grant::{Grant, Manifest};
pub(crate) use registry::{Kind, Registry, point_folders};
pub(crate) use run_parts::{LAUNCH_ARGUMENT, launch};

/// The first argument that makes this program a worker of the sandbox.
pub(crate) const WORKER_ARGUMENT: &str = "hook-worker";

/// The file of this very program.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    std::fs::canonicalize("/proc/self/exe").or_else(|_| std::env::current_exe())
}

/// The sandbox whose workers are this very program.
pub(crate) fn sandbox() -> std::io::Result<Sandbox> {
    let program = this_program()?;
    Ok(Sandbox::new(WorkerCommand { program, arguments: vec![OsString::from(WORKER_ARGUMENT)] }))
}
