//! `pressroom`: the binary.
//!
//! The command line ([`cli`]) finds a [`root`] and hands over to the [`conductor`], which orders the rooms of the archive crate, to [`describe`], which applies and exports what distributions and people are, and to [`hooks`], which
//! decides what runs at each point and lets the sandbox run it. What people are told of uploads is sent by [`mail`]; what operators are told comes from [`operators`]. Where the time goes is gathered by [`timings`].
//! Servers are asked by [`http`], also for the repositories of others that are taken over.

mod cli;
mod clock;
mod conductor;
mod describe;
mod hooks;
mod http;
mod mail;
mod operators;
mod root;
mod stop;
mod timings;

use std::process::ExitCode;

use rustix::fs::Mode;

fn main() -> ExitCode {
    // workers are this program too: before it reads anything else, and with nothing of the command line around them
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == hooks::WORKER_ARGUMENT => return pressroom_sandbox::worker::run(),
        Some(first) if first == hooks::LAUNCH_ARGUMENT => return hooks::launch(arguments),
        Some(first) if first == conductor::ENGINE_ARGUMENT => return conductor::confine_engine(arguments),
        _ => {}
    }
    // what is served is to be read by others, whoever runs this; what is not has modes of its own
    rustix::process::umask(Mode::from_raw_mode(0o022));
    cli::main()
}
