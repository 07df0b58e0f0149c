//! The worker of this crate's tests: what `pressroom hook-worker` is to the shipped program.
//!
//! With `without WALL` it takes that wall's system calls away from itself first, as a kernel that lacks them would. With `try WHAT` it runs no
//! hook: it confines itself as for one and then tries what only a hook that has got out of the engine could.

use std::{collections::BTreeMap, process::ExitCode};

use pressroom_sandbox::{Limits, worker};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

type Problem = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match obey() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn obey() -> Result<ExitCode, Problem> {
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let next = words.next().ok_or("a word is missing")?;
        match word.as_str() {
            "without" => hide(&next)?,
            "try" => {
                worker::confine_as_for_a_call(&Limits::default())?;
                println!("{}", attempt(&next)?);
                return Ok(ExitCode::SUCCESS);
            }
            _ => return Err("without WALL, or try WHAT".into()),
        }
    }
    Ok(worker::run())
}

/// Makes this kernel one that lacks a wall.
fn hide(wall: &str) -> Result<(), Problem> {
    let any = Vec::new;
    let rules: BTreeMap<i64, Vec<SeccompRule>> = match wall {
        "landlock" => [
            (libc::SYS_landlock_create_ruleset, any()),
            (libc::SYS_landlock_add_rule, any()),
            (libc::SYS_landlock_restrict_self, any()),
        ]
        .into(),
        "seccomp" => [(libc::SYS_seccomp, any())].into(),
        "rlimits" => {
            let sets = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
            [(libc::SYS_prlimit64, vec![SeccompRule::new(vec![sets])?])].into()
        }
        _ => return Err("no such wall".into()),
    };
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into()?;
    let filter: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, missing, arch)?.try_into()?;
    Ok(apply_filter(&filter)?)
}

/// Tries one thing; says `done`, or the system's number for why not.
fn attempt(what: &str) -> Result<String, Problem> {
    let root = c"/".as_ptr() as usize;
    let missing = c"/tmp/pressroom-sandbox-worker".as_ptr() as usize;
    let program = c"/bin/true".as_ptr() as usize;
    let here = libc::AT_FDCWD as usize;
    let page = |protection: libc::c_int| {
        [0, 4096, protection as usize, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize, usize::MAX, 0]
    };
    let parent = std::os::unix::process::parent_id() as usize;
    let (call, arguments) = match what {
        "nothing" => (libc::SYS_getpid, [0; 6]),
        "open" => (libc::SYS_openat, [here, root, libc::O_RDONLY as usize, 0, 0, 0]),
        "create" => {
            (libc::SYS_openat, [here, missing, (libc::O_CREAT | libc::O_WRONLY) as usize, 0o600, 0, 0])
        }
        "make-folder" => (libc::SYS_mkdirat, [here, missing, 0o700, 0, 0, 0]),
        "remove" => (libc::SYS_unlinkat, [here, missing, 0, 0, 0, 0]),
        "link" => (libc::SYS_symlinkat, [root, here, missing, 0, 0, 0]),
        "make-fifo" => (libc::SYS_mknodat, [here, missing, (libc::S_IFIFO | 0o600) as usize, 0, 0, 0]),
        "change-mode" => (libc::SYS_fchmodat, [here, root, 0o755, 0, 0, 0]),
        "folder" => (libc::SYS_chdir, [root, 0, 0, 0, 0, 0]),
        "execute" => (libc::SYS_execve, [program, 0, 0, 0, 0, 0]),
        "fork" => (libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0]),
        "clone3" => (libc::SYS_clone3, [0; 6]),
        "trace" => (libc::SYS_ptrace, [libc::PTRACE_TRACEME as usize, 0, 0, 0, 0, 0]),
        "read-the-parent" => (libc::SYS_process_vm_readv, [parent, 0, 0, 0, 0, 0]),
        "signal-the-parent" => (libc::SYS_kill, [parent, 0, 0, 0, 0, 0]),
        "signal-a-thread-of-the-parent" => (libc::SYS_tgkill, [parent, parent, 0, 0, 0, 0]),
        "connect" => (libc::SYS_connect, [0; 6]),
        "internet" => (libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0, 0, 0, 0]),
        "local-socket" => {
            (libc::SYS_socket, [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, 0, 0, 0])
        }
        "netlink" => (libc::SYS_socket, [libc::AF_NETLINK as usize, libc::SOCK_RAW as usize, 0, 0, 0, 0]),
        "executable-memory" => (libc::SYS_mmap, page(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC)),
        "memory" => (libc::SYS_mmap, page(libc::PROT_READ | libc::PROT_WRITE)),
        "much-memory" => {
            let mut arguments = page(libc::PROT_READ | libc::PROT_WRITE);
            arguments[1] = 8 << 30;
            (libc::SYS_mmap, arguments)
        }
        "memory-file" => (libc::SYS_memfd_create, [root, 0, 0, 0, 0, 0]),
        "namespace" => (libc::SYS_unshare, [libc::CLONE_NEWUSER as usize, 0, 0, 0, 0, 0]),
        "ring" => (libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0]),
        "program-for-the-kernel" => (libc::SYS_bpf, [0; 6]),
        "other-user" => (libc::SYS_setresuid, [0; 6]),
        "dumpable" => (libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 1, 0, 0, 0, 0]),
        "terminal" => (libc::SYS_ioctl, [2, libc::TIOCSTI as usize, 0, 0, 0, 0]),
        "more-limits" => (libc::SYS_prlimit64, [0; 6]),
        "thread" => {
            return Ok(match std::thread::Builder::new().spawn(|| ()).map(std::thread::JoinHandle::join) {
                Ok(Ok(())) => "done".to_owned(),
                Ok(Err(_)) => "broken".to_owned(),
                Err(error) => error.raw_os_error().unwrap_or_default().to_string(),
            });
        }
        _ => return Err("nobody knows how to try that".into()),
    };
    let [one, two, three, four, five, six] = arguments;
    #[expect(unsafe_code, reason = "it is what a hook would do that has got out of the engine")]
    // SAFETY: pointers are to constants, or null; and nothing is done with what comes of it.
    let result = unsafe { libc::syscall(call, one, two, three, four, five, six) };
    Ok(if result == -1 {
        std::io::Error::last_os_error().raw_os_error().unwrap_or_default().to_string()
    } else {
        "done".to_owned()
    })
}
