//! The worker of this crate's tests: what `pressroom hook-worker` is to the shipped program.

use std::process::ExitCode;

fn main() -> ExitCode {
    pressroom_sandbox::worker::run()
}
