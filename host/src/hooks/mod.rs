//! Hooks: what runs at the three points of a publication.
//!
//! [`registry`] reads the folders and says what will run, in which order, and what will not and why; [`grant`] is the operator's word on each WASM hook.
//! [`dispatch`] runs a point, by [`call`] for each hook of it: WASM hooks through the sandbox, with [`services`] and [`lists`] answering what they ask,
//! [`http`] asking servers for them and [`overlay`] holding what they write until they succeed, executables by [`run_parts`], with [`sweep`] looking at
//! what they leave. [`told`] says what a hook is told, [`record`] writes down what it did, and [`replay`] does it again. [`convert`] is the only place
//! where the archive's words become the sandbox's. [`add`] takes a new hook in.

pub(crate) mod add;
mod call;
mod convert;
mod dispatch;
mod grant;
mod http;
mod lists;
mod overlay;
mod record;
mod registry;
pub(crate) mod replay;
mod run_parts;
mod secrets;
mod services;
mod sweep;
mod told;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use pressroom_sandbox::{Sandbox, Walls, WorkerCommand};

pub(crate) use dispatch::{Dispatcher, PassFacts, PointResult, StagedSide, VetoOverride};
pub(crate) use grant::{Grant, Manifest};
pub(crate) use registry::{Kind, Registry, is_called, point_folders};
pub(crate) use run_parts::{LAUNCH_ARGUMENT, launch};

/// The first argument that makes this program a worker of the sandbox.
pub(crate) const WORKER_ARGUMENT: &str = "hook-worker";

/// The file of this very program.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    std::fs::canonicalize("/proc/self/exe").or_else(|_| std::env::current_exe())
}

/// Which of the kernel's walls stand around hooks on this machine.
pub(crate) fn walls() -> anyhow::Result<Walls> {
    let sandbox = sandbox().context("cannot find this program, to start workers with")?;
    sandbox.walls().context("which walls stand around hooks is not known")
}

/// The sandbox whose workers are this very program.
pub(crate) fn sandbox() -> std::io::Result<Sandbox> {
    let program = this_program()?;
    Ok(Sandbox::new(WorkerCommand { program, arguments: vec![OsString::from(WORKER_ARGUMENT)] }))
}
