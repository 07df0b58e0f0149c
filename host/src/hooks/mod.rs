//! Hooks: what runs at the three points of a publication.
//!
//! [`registry`] reads the folders and says what will run, in which order, and what will not and why; [`grant`] is the operator's word on each WASM hook.
//! [`dispatch`] runs a point, by [`call`] for each hook of it: WASM hooks through the sandbox, with [`services`] and [`lists`] answering what they ask,
//! [`http`] asking servers for them and [`overlay`] holding what they write until they succeed, executables by [`run_parts`], with [`sweep`] looking at
//! what they leave. [`told`] says what a hook is told, [`record`] writes down what it did, and [`replay`] does it again. [`convert`] is the only place
//! where the archive's words become the sandbox's. [`add`] takes a new hook in: an [`offer`] is looked at, and [`place`] puts it where it belongs, with a
//! grant as [`grant_text`] writes it. [`upgrade`] puts another version in its place, [`upkeep`] takes hooks out of use, back, and away. [`safety`] says
//! whose files are trusted, [`signed_by`] whose components, [`secrets`] which keys a hook is given. [`fixture`] calls a component
//! as its author wrote down, and [`project`] makes the project that an author begins with.

pub(crate) mod add;
mod call;
mod convert;
mod dispatch;
pub(crate) mod fixture;
mod grant;
mod grant_text;
pub(crate) mod http;
mod lists;
pub(crate) mod offer;
mod overlay;
mod place;
pub(crate) mod project;
mod record;
mod registry;
pub(crate) mod replay;
mod run_parts;
mod safety;
mod secrets;
mod services;
pub(crate) mod signed_by;
mod sweep;
mod templates;
mod told;
pub(crate) mod upgrade;
pub(crate) mod upkeep;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use pressroom_sandbox::{Sandbox, Walls, WorkerCommand};

pub(crate) use dispatch::{Dispatcher, PassFacts, PointResult, StagedSide, VetoOverride};
pub(crate) use grant::{Grant, Manifest, OnFailure};
pub(crate) use grant_text::meaning;
pub(crate) use registry::{Disabled, Entry, Kind, Registry, is_called, point_folders};
pub(crate) use run_parts::{Invocation, LAUNCH_ARGUMENT, failure, launch, run as run_program};

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
