//! What a worker takes from itself, with the kernel's help, before it touches anything of a guest.
//!
//! The walls of the engine are the first line; these are for the day on which one of them has a hole. They go up in steps, each as soon as nothing
//! that follows needs what it takes away: limits and descriptors at the start; the files, the network and other processes (Landlock) when the
//! artefact is read; all system calls but a few ([`seccomp`](super::seccomp)) when it is loaded. From there on a worker reads and writes its
//! pipes, maps memory that cannot be executed, and looks at the clock. What a kernel lacks is noted in [`Walls`], and no error.

use std::os::fd::BorrowedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use super::{
    WorkerError,
    seccomp::{self, Purpose},
};
use crate::{
    limits::{CompileLimits, Limits},
    walls::{Wall, Walls},
};

/// What the engine, the runtime and the frames take beside the guest's memory and its code.
const OWN_MEMORY_BYTES: u64 = 256 << 20;
/// The newest Landlock that is known here; an older kernel gives what it has.
const NEWEST_LANDLOCK: ABI = ABI::V6;

/// How far a worker has confined itself.
pub(super) struct Confinement {
    missing_limits: Vec<String>,
    landlock: Wall,
    seccomp: Wall,
}

impl Confinement {
    /// For every worker: no new rights, no life without its parent, no core dump, few files.
    ///
    /// The parent is, to the kernel, the thread that started the worker: that thread waits for it, so it is there as long as the call is. A
    /// parent that dies before this finds its end of the pipes closed, which ends a worker as well.
    pub(super) fn at_start() -> Result<Self, WorkerError> {
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(because("die with the parent"))?;
        rustix::thread::set_no_new_privs(true).map_err(because("no new privileges"))?;
        close_inherited_files();
        let not_yet = || Wall::Missing("not reached".to_owned());
        let mut confinement = Self { missing_limits: Vec::new(), landlock: not_yet(), seccomp: not_yet() };
        confinement.limit(Resource::Core, 0, "no core dump");
        confinement.limit(Resource::Nofile, 64, "few open files");
        Ok(confinement)
    }

    /// For compiling, once the artefact's file is open: address space, processor time, the size of what is written; no other file, and no
    /// system call that compiling does not take. Threads that the compiler makes inherit all of it.
    pub(super) fn for_compiling(&mut self, limits: &CompileLimits) {
        self.limit(Resource::As, limits.memory_bytes, "address space");
        self.limit(Resource::Cpu, limits.cpu.as_secs().max(1), "processor time");
        self.limit(Resource::Fsize, limits.artefact_bytes, "size of the artefact");
        self.landlock = landlock_everything();
        self.seccomp = seccomp::install(Purpose::Compiling);
    }

    /// For a call, once its artefact is read and before it is loaded: nothing is opened any more and nothing written to files, and memory and
    /// processor time are bounded even if the engine fails to.
    ///
    /// The address space cannot be the measure, since the engine reserves 4 GiB for each memory; what is writable can be.
    pub(super) fn before_loading(&mut self, limits: &Limits, artefact_bytes: u64) {
        let memory_bytes = limits
            .memory_bytes
            .saturating_add(artefact_bytes.saturating_mul(3))
            .saturating_add(u64::from(limits.host_call_bytes).saturating_mul(8))
            .saturating_add(u64::from(limits.stack_bytes).saturating_mul(2))
            .saturating_add(OWN_MEMORY_BYTES);
        self.limit(Resource::Data, memory_bytes, "memory");
        // The guest has one thread, the ticker hardly counts: twice the wall time is beyond what an honest engine can use.
        self.limit(
            Resource::Cpu,
            limits.wall.as_secs().saturating_mul(2).saturating_add(2),
            "processor time",
        );
        self.limit(Resource::Fsize, 0, "no files");
        self.landlock = landlock_everything();
    }

    /// For a call, once its code is loaded and before any of it runs: no system call but those that running it takes. The code is in place by
    /// then, so that no memory becomes executable any more.
    pub(super) fn after_loading(&mut self) {
        self.seccomp = seccomp::install(Purpose::Running);
    }

    /// Which walls stand now.
    pub(super) fn walls(&self) -> Walls {
        Walls {
            landlock: self.landlock.clone(),
            seccomp: self.seccomp.clone(),
            rlimits: if self.missing_limits.is_empty() {
                Wall::Stands("memory, processor time, files".to_owned())
            } else {
                Wall::Missing(self.missing_limits.join(", "))
            },
        }
    }

    fn limit(&mut self, resource: Resource, most: u64, what: &'static str) {
        let before = rustix::process::getrlimit(resource);
        // An operator's lower limit stays.
        let most = before.maximum.map_or(most, |maximum| maximum.min(most));
        if let Err(error) = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }) {
            self.missing_limits.push(format!("{what}: {}", std::io::Error::from(error)));
        }
    }
}

/// Confines a process as for a call, sees whether what stands really holds, and says which walls do.
///
/// What is tried is to open a folder that is there: with Landlock alone it must be refused for want of access, with seccomp the call must
/// not even be there.
pub(super) fn probe(confinement: &mut Confinement) -> Walls {
    let tried = || std::fs::File::open("/").err().and_then(|error| error.raw_os_error());
    confinement.before_loading(&Limits::default(), 0);
    if confinement.landlock.stands() && tried() != Some(libc::EACCES) {
        confinement.landlock =
            Wall::Missing("it seems to be there, but it does not keep files shut".to_owned());
    }
    confinement.after_loading();
    if confinement.seccomp.stands() && tried() != Some(seccomp::REFUSED) {
        confinement.seccomp = Wall::Missing("it seems to be there, but it lets calls through".to_owned());
    }
    confinement.walls()
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

/// Handles everything that Landlock can, and allows none of it. Pipes and files that are open stay usable.
fn landlock_everything() -> Wall {
    let restrict = || -> Result<RestrictionStatus, RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(NEWEST_LANDLOCK))?
            .handle_access(AccessNet::from_all(NEWEST_LANDLOCK))?
            .scope(Scope::from_all(NEWEST_LANDLOCK))?
            .create()?
            .restrict_self()
    };
    let status = match restrict() {
        Ok(status) => status,
        Err(error) => return Wall::Missing(error.to_string()),
    };
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        LandlockStatus::NotEnabled => return Wall::Missing("this kernel has it switched off".to_owned()),
        LandlockStatus::NotImplemented => return Wall::Missing("this kernel has none".to_owned()),
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return Wall::Missing("this kernel does not enforce it".to_owned());
    }
    let covers = if abi >= ABI::V6 {
        "files, connections, signals"
    } else if abi >= ABI::V4 {
        "files, connections"
    } else {
        "files"
    };
    Wall::Stands(covers.to_owned())
}

fn because(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> WorkerError {
    move |source| WorkerError::Confine { what, source }
}
