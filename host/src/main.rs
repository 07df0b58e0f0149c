//! `pressroom`: the binary.
//!
//! The command line ([`cli`]) finds a [`root`] and hands over to the [`conductor`], which orders the rooms of the archive crate, and to [`hooks`], which
//! decides what runs at each point and lets the sandbox run it.

mod cli;
mod clock;
mod conductor;
mod hooks;
mod root;

use std::process::ExitCode;

fn main() -> ExitCode {
    // the worker is this program: before it reads anything else, and with nothing of the command line around it
    if std::env::args_os().nth(1).is_some_and(|argument| argument == hooks::WORKER_ARGUMENT) {
        return pressroom_sandbox::worker::run();
    }
    cli::main()
}
