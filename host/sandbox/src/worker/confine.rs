//! What a worker takes from itself, with the kernel's help, before it touches anything of a guest.
//!
//! The walls of the engine are the first line; these are for the day on which one of them has a hole. Landlock and seccomp belong
//! into [`after_loading`]: from there on a worker only reads and writes its pipes, maps memory and looks at the clock.

use std::os::fd::BorrowedFd;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use super::WorkerError;
use crate::{limits::CompileLimits, messages::Call};

/// What the engine, the runtime and the frames take beside the guest's memory and its code.
const OWN_MEMORY_BYTES: u64 = 256 << 20;

/// For every worker: no new rights, no life without its parent, no core dump, few files.
///
/// The parent is, to the kernel, the thread that started the worker: that thread waits for it, so it is there as long as the call is. A
/// parent that dies before this finds its end of the pipes closed, which ends a worker as well.
pub(super) fn at_start() -> Result<(), WorkerError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(because("die with the parent"))?;
    rustix::thread::set_no_new_privs(true).map_err(because("no new privileges"))?;
    limit(Resource::Core, 0, "no core dump")?;
    close_inherited_files();
    limit(Resource::Nofile, 64, "few open files")
}

/// Closes what the parent, or whoever started it, has left open for its children: a socket or a lock of the host is nothing for a hook.
fn close_inherited_files() {
    /// What is looked at where there is no `/proc`.
    const FIRST_FILES: std::ops::Range<i32> = 3..1024;
    let open: Vec<i32> = match std::fs::read_dir("/proc/self/fd") {
        Ok(entries) => {
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
        }
        Err(_) => FIRST_FILES.collect(),
    };
    for file in open.into_iter().filter(|file| *file > 2) {
        #[expect(unsafe_code, reason = "closing what no value owns")]
        // SAFETY: this is the first thing that a worker does, so nothing in this process has opened a file yet, and the listing
        // above is closed again.
        unsafe {
            // The listing's own descriptor is in the listing.
            if rustix::io::fcntl_getfd(BorrowedFd::borrow_raw(file)).is_ok() {
                rustix::io::close(file);
            }
        }
    }
}

/// For compiling: address space, processor time, and the size of what is written.
pub(super) fn for_compiling(limits: &CompileLimits) -> Result<(), WorkerError> {
    limit(Resource::As, limits.memory_bytes, "address space")?;
    limit(Resource::Cpu, limits.cpu.as_secs().max(1), "processor time")?;
    limit(Resource::Fsize, limits.artefact_bytes, "size of the artefact")
}

/// For a call, once its artefact is read and before it is loaded: nothing is written to files, and memory and processor time are
/// bounded even if the engine fails to.
///
/// The address space cannot be the measure, since the engine reserves 4 GiB for each memory; what is writable can be.
pub(super) fn after_loading(call: &Call, artefact_bytes: u64) -> Result<(), WorkerError> {
    let limits = &call.limits;
    let memory_bytes = limits
        .memory_bytes
        .saturating_add(artefact_bytes.saturating_mul(3))
        .saturating_add(u64::from(limits.host_call_bytes).saturating_mul(8))
        .saturating_add(u64::from(limits.stack_bytes).saturating_mul(2))
        .saturating_add(OWN_MEMORY_BYTES);
    limit(Resource::Data, memory_bytes, "memory")?;
    // The guest has one thread, the ticker hardly counts: twice the wall time is beyond what an honest engine can use.
    limit(Resource::Cpu, limits.wall.as_secs().saturating_mul(2).saturating_add(2), "processor time")?;
    limit(Resource::Fsize, 0, "no files")
}

fn limit(resource: Resource, most: u64, what: &'static str) -> Result<(), WorkerError> {
    let before = rustix::process::getrlimit(resource);
    // An operator's lower limit stays.
    let most = before.maximum.map_or(most, |maximum| maximum.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(because(what))
}

fn because(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> WorkerError {
    move |source| WorkerError::Confine { what, source }
}
