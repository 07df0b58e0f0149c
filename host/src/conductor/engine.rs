//! Running apt-ftparchive: with a time limit, without the machine's configuration, and kept to the folders that it works in.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pressroom_archive::dists::ArchivePaths;
use pressroom_archive::domain::plain;
use pressroom_sandbox::{Wall, confine_to};

use crate::hooks::{Invocation, failure, run_program};

/// The program.
const PROGRAM: &str = "apt-ftparchive";
/// So much of the end of what it says is kept.
const OUTPUT_BYTES: usize = 4096;
/// The first argument that makes this program the one that confines it.
pub(crate) const ENGINE_ARGUMENT: &str = "index-engine";
/// How the inside says that nothing keeps the program to its folders.
const NOT_CONFINED: &str = "it is not kept to its folders: ";
/// That was said: once is enough, however many indexes are made.
static SAID: AtomicBool = AtomicBool::new(false);
/// As a shell says that a program cannot be started.
const NOT_STARTED: u8 = 126;
/// What a program needs of a machine to run at all.
const MACHINE: [&str; 9] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc",
    "/sys/devices/system/cpu",
];

/// What runs apt-ftparchive for an archive.
pub(super) struct Engine<'a> {
    /// This program.
    pub(super) launcher: &'a Path,
    pub(super) paths: &'a ArchivePaths,
    pub(super) time_limit: Duration,
}

impl Engine<'_> {
    /// Runs it in a folder, with these files there: its configuration, and what is to be made. Gives what it said.
    pub(super) fn run(&self, work: &Path, apt_conf: &str, to_be_made: &str) -> Result<String, String> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(|error| error.to_string());
        let work = absolute(work)?;
        let mut arguments: Vec<OsString> = vec![ENGINE_ARGUMENT.into(), work.clone().into()];
        for (of, folders) in [
            ("--read", vec![self.paths.pool(), self.paths.overrides.clone()]),
            ("--write", vec![work.clone(), self.paths.cache.clone()]),
        ] {
            for folder in folders {
                arguments.extend([of.into(), absolute(&folder)?.into()]);
            }
        }
        arguments.extend(["--", PROGRAM, "--no-contents", "generate", to_be_made].map(OsString::from));
        let ended = run_program(&Invocation {
            launcher: Some(self.launcher),
            program: self.launcher,
            arguments,
            environment: vec![
                ("APT_CONFIG", work.join(apt_conf).into()),
                ("TMPDIR", work.join("tmp").into()),
                ("LC_ALL", "C".into()),
            ],
            time_limit: self.time_limit,
            output_bytes: OUTPUT_BYTES,
        });
        if let Some(reason) = ended.output.lines().find_map(|line| line.strip_prefix(NOT_CONFINED))
            && !SAID.swap(true, Ordering::Relaxed)
        {
            let reason = plain::line(reason, OUTPUT_BYTES);
            tracing::warn!(
                "apt-ftparchive reads what packages say, and may read and write all that this process may: {reason}; \
                 `pressroom archive set --index-engine native` does without it"
            );
        }
        // it may quote what packages say, and goes into logs, mails and terminals
        let said =
            plain::line(&ended.output.lines().map(str::trim).collect::<Vec<_>>().join("; "), OUTPUT_BYTES);
        tracing::debug!(said, "apt-ftparchive has ended");
        match failure(&ended.ending, self.time_limit) {
            None => Ok(said),
            Some(reason) if said.is_empty() => Err(reason),
            Some(reason) => Err(format!("{reason}; it said: {said}")),
        }
    }
}

/// The inside: `index-engine WORK [--read FOLDER]… [--write FOLDER]… -- PROGRAM ARGUMENT…`. Goes to the folder, takes everything but these from itself, and
/// becomes the program.
pub(crate) fn confine(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(work) = arguments.next() else { return ExitCode::from(NOT_STARTED) };
    let mut read: Vec<PathBuf> = MACHINE.iter().map(PathBuf::from).collect();
    let mut write = vec![PathBuf::from("/dev/null")];
    while let Some(word) = arguments.next() {
        match (word.to_str(), arguments.next()) {
            (Some("--read"), Some(folder)) => read.push(folder.into()),
            (Some("--write"), Some(folder)) => write.push(folder.into()),
            (Some("--"), Some(program)) => return become_program(&work, (&read, &write), program, arguments),
            (_, _) => break,
        }
    }
    ExitCode::from(NOT_STARTED)
}

fn become_program(
    work: &OsStr,
    (read, write): (&[PathBuf], &[PathBuf]),
    program: OsString,
    arguments: impl Iterator<Item = OsString>,
) -> ExitCode {
    if let Err(error) = std::env::set_current_dir(work) {
        eprintln!("cannot work in {}: {error}", work.to_string_lossy());
        return ExitCode::from(NOT_STARTED);
    }
    let read: Vec<&Path> = read.iter().map(PathBuf::as_path).collect();
    let write: Vec<&Path> = write.iter().map(PathBuf::as_path).collect();
    if let Wall::Missing(reason) = confine_to(&read, &write) {
        eprintln!("{NOT_CONFINED}{reason}");
    }
    let error = Command::new(&program).args(arguments).exec();
    eprintln!("{} cannot be started: {error}; it is in the package apt-utils", program.to_string_lossy());
    ExitCode::from(NOT_STARTED)
}
