//! Being told to end: SIGTERM and SIGINT ask for it, and what is under way is brought to its end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Signal, getpid, kill_process};

/// SIGINT and SIGTERM of Linux on every processor.
const SIGNALS: [i32; 2] = [2, 15];

/// Whether this process has been asked to end.
#[derive(Debug)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    wake: Arc<OwnedFd>,
}

impl Stop {
    /// From now on, signals ask instead of ending the process. The second one ends it: whoever asks twice does not want to wait.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        for signal in SIGNALS {
            let (asked, wake) = (Arc::clone(&asked), Arc::clone(&wake));
            let on_signal = move || {
                if asked.swap(true, Ordering::SeqCst) {
                    let _ = kill_process(getpid(), Signal::KILL);
                }
                // what cannot be written has been written before
                let _ = rustix::io::write(&*wake, &1_u64.to_ne_bytes());
            };
            #[expect(
                unsafe_code,
                reason = "the action only sets a flag and makes a system call, which handlers may"
            )]
            // SAFETY: an atomic swap, write(2) and kill(2) may be done in a handler, and nothing allocates or locks.
            unsafe {
                signal_hook_registry::register(signal, on_signal)?;
            }
        }
        Ok(Self { asked, wake })
    }

    /// Whether somebody has asked.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Can be read when somebody has asked.
    pub(crate) fn readable(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
