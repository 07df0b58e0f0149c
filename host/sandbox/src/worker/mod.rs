//! The worker: the process in which a hook is run, or compiled, and nothing else.
//!
//! Its life: it confines itself, reads one order from its standard input, takes more from itself as soon as that order lets it, obeys it, asking
//! the parent on the way, writes how it ended to its standard output, and is gone. It has no folder, no environment, no network and no
//! second order.

mod bindings;
mod bridge;
mod compile;
mod confine;
mod guest;
mod http;
mod output;
mod seccomp;

use std::process::ExitCode;

use crate::{
    frames::{self, FrameError, FromWorker, Order},
    text,
};
use bridge::Pipe;
use confine::Confinement;

/// Obeys one order of the parent, on standard input and output; to be called before anything else by the program that
/// [`WorkerCommand`](crate::WorkerCommand) names.
pub fn run() -> ExitCode {
    match obey() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the one way left to say it: the parent keeps its tail.
            eprintln!("hook worker: {}", text::chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Why a worker could not even say how it ended.
#[derive(Debug, thiserror::Error)]
enum WorkerError {
    #[error("cannot confine itself: {what}")]
    Confine {
        what: &'static str,
        #[source]
        source: rustix::io::Errno,
    },
    #[error("cannot talk to its parent")]
    Frame(#[from] FrameError),
}

fn obey() -> Result<(), WorkerError> {
    let mut confinement = Confinement::at_start()?;
    let mut pipe = Pipe::of_this_process()?;
    match frames::read(&mut pipe.from_parent)? {
        Order::Compile { component, artefact_out, limits, walls, metering } => {
            let how = (&limits, walls, metering);
            let made = compile::compile(&mut confinement, &component, &artefact_out, how);
            frames::write(&mut pipe.to_parent, &FromWorker::Compiled(made))?;
        }
        Order::Call { artefact, call, walls, metering } => {
            guest::call(confinement, pipe, &artefact, call, None, walls, metering)?;
        }
        Order::Check { artefact, call, points, walls, metering } => {
            guest::call(confinement, pipe, &artefact, call, Some(points), walls, metering)?;
        }
        Order::Probe => {
            let walls = confine::probe(&mut confinement);
            frames::write(&mut pipe.to_parent, &FromWorker::Walls(walls))?;
        }
    }
    Ok(())
}

/// Confines this very process as for a call with these limits, once everything of a hook would be loaded: for tests that try what a hook
/// that has got through the engine's walls would.
///
/// # Errors
/// When it cannot even begin to.
#[doc(hidden)]
pub fn confine_as_for_a_call(limits: &crate::Limits) -> Result<crate::Walls, Box<dyn std::error::Error>> {
    let mut confinement = Confinement::at_start()?;
    confinement.before_loading(limits, 0);
    confinement.after_loading();
    Ok(confinement.walls())
}
