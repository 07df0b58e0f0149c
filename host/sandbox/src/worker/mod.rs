//! The worker: the process in which a hook is run, or compiled, and nothing else.
//!
//! Its life: it confines itself, reads one order from its standard input, obeys it, asking the parent on the way, writes how it
//! ended to its standard output, and is gone. It has no folder, no environment, no network and no second order.

mod bindings;
mod bridge;
mod compile;
mod confine;
mod guest;
mod output;

use std::process::ExitCode;

use crate::{
    frames::{self, FrameError, FromWorker, Order},
    text,
};
use bridge::Pipe;

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
    confine::at_start()?;
    let mut pipe = Pipe::of_this_process()?;
    match frames::read(&mut pipe.from_parent)? {
        Order::Compile { component, artefact_out, limits, metering } => {
            confine::for_compiling(&limits)?;
            let made = compile::compile(&component, &artefact_out, metering);
            frames::write(&mut pipe.to_parent, &FromWorker::Compiled(made))?;
        }
        Order::Call { artefact, call, metering } => guest::call(pipe, &artefact, call, None, metering)?,
        Order::Check { artefact, call, points, metering } => {
            guest::call(pipe, &artefact, call, Some(points), metering)?;
        }
    }
    Ok(())
}
