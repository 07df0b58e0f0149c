//! The system calls that a worker has left: an allow-list, found by watching workers with hooks in Rust and Python at work, and their
//! compilers.
//!
//! Two filters. The first allows what is listed and answers everything else with "this kernel has no such call" ([`REFUSED`]): that is the one answer
//! for which the C library, the allocator and Rust's own library have another way, so a newer one of them that tries something new
//! goes on working without it (as with `clone3`, whose flags no filter can see). The second ends the process at calls that only an intruder has a use
//! for (another program, another process, a socket, another namespace), so that the attempt shows in the outcome instead of being one of many.
//! The kernel takes the stricter answer of the two.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use crate::walls::Wall;

/// The answer to a call that is not on the list.
pub(super) const REFUSED: i32 = libc::ENOSYS;

/// What the process has still to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Running code that is loaded.
    Running,
    /// Compiling into a file that is open.
    Compiling,
}

/// Installs both filters for this thread, and so for all that it will make; the worker has no other yet.
pub(super) fn install(purpose: Purpose) -> Wall {
    let arch = match TargetArch::try_from(std::env::consts::ARCH) {
        Ok(arch) => arch,
        Err(_) => return Wall::Missing(format!("no filter is known for {}", std::env::consts::ARCH)),
    };
    let attempt = || -> Result<(), String> {
        let deadly = SeccompFilter::new(deadly()?, SeccompAction::Allow, SeccompAction::KillProcess, arch);
        let refusal = SeccompAction::Errno(REFUSED.unsigned_abs());
        let listed = SeccompFilter::new(allowed(purpose)?, refusal, SeccompAction::Allow, arch);
        // The stricter one last: it no longer allows this very call.
        for filter in [deadly, listed] {
            let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(in_words)?;
            apply_filter(&program).map_err(|error| crate::text::chain(&error))?;
        }
        Ok(())
    };
    match attempt() {
        Ok(()) => Wall::Stands("system calls, code".to_owned()),
        Err(reason) => Wall::Missing(reason),
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What is allowed, whatever its arguments.
const ALLOWED: &[libc::c_long] = &[
    // the pipes
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_ppoll,
    // memory
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_membarrier,
    // threads
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // time, where it is not read without a call; chance
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    // signals: traps of the guest are some
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
];

#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[libc::c_long] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[libc::c_long] = &[];

/// The artefact's file, beyond writing.
const ALLOWED_TO_COMPILERS: &[libc::c_long] = &[libc::SYS_fsync, libc::SYS_fdatasync];

fn allowed(purpose: Purpose) -> Result<Rules, String> {
    let mut rules: Rules = ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    if purpose == Purpose::Compiling {
        rules.extend(ALLOWED_TO_COMPILERS.iter().map(|call| (*call, Vec::new())));
    }
    // Memory, but never to be executed: the code is loaded.
    let not_executable = || when(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0);
    rules.insert(libc::SYS_mmap, vec![not_executable()?]);
    rules.insert(libc::SYS_mprotect, vec![not_executable()?]);
    // Threads, but no process.
    rules.insert(libc::SYS_clone, vec![when(0, SeccompCmpOp::MaskedEq(THREAD), THREAD)?]);
    // A signal to itself, as `abort` does.
    let itself = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![when(0, SeccompCmpOp::Eq, itself)?]);
    // Whether a descriptor is open, which Rust's own library asks before it closes one in a debug build.
    rules.insert(libc::SYS_fcntl, vec![when(1, SeccompCmpOp::Eq, libc::F_GETFD as u64)?]);
    // Names for threads, and for memory.
    let option = |option: libc::c_int| when(0, SeccompCmpOp::Eq, option as u64);
    rules.insert(libc::SYS_prctl, vec![option(libc::PR_SET_NAME)?, option(libc::PR_SET_VMA)?]);
    Ok(rules)
}

const THREAD: u64 = libc::CLONE_THREAD as u64;

/// What nobody tries by mistake. The list is short because the kernel goes through all of it for every call that there is when it takes the filter, which
/// a cold call has to wait for; what is in neither list is refused, only without a word.
const DEADLY: &[libc::c_long] = &[
    // other programs and processes
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    // sockets, and what stands in for them
    libc::SYS_socket,
    libc::SYS_io_uring_setup,
    // another view of the system, the kernel's own doors
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
];

#[cfg(target_arch = "x86_64")]
const DEADLY_HERE: &[libc::c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const DEADLY_HERE: &[libc::c_long] = &[];

fn deadly() -> Result<Rules, String> {
    let mut rules: Rules = DEADLY.iter().chain(DEADLY_HERE).map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, vec![when(0, SeccompCmpOp::MaskedEq(THREAD), 0)?]);
    // A signal to another process.
    let itself = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![when(0, SeccompCmpOp::Ne, itself)?]);
    Ok(rules)
}

/// A rule on the lower half of an argument, in which all that is asked about here lies.
fn when(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value);
    condition.and_then(|condition| SeccompRule::new(vec![condition])).map_err(in_words)
}

fn in_words(error: seccompiler::BackendError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both_allowed_and_deadly_whatever_its_arguments() {
        for purpose in [Purpose::Running, Purpose::Compiling] {
            let allowed = allowed(purpose).unwrap();
            for (call, rules) in deadly().unwrap() {
                assert!(!rules.is_empty() || !allowed.contains_key(&call), "{call}");
            }
        }
    }

    #[test]
    fn both_filters_become_programs_for_both_architectures() {
        for arch in ["x86_64", "aarch64"] {
            let arch = TargetArch::try_from(arch).unwrap();
            for rules in [deadly().unwrap(), allowed(Purpose::Running).unwrap()] {
                let filter =
                    SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, arch).unwrap();
                let program: BpfProgram = filter.try_into().unwrap();
                assert!(program.len() < 1000, "{}", program.len());
            }
        }
    }
}
