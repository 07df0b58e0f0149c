//! Makes native code of a component, once, when an operator adds a hook: never in a run.
//!
//! A compiler can be made to work long and to take much by a small file, so it works in a worker with limits of its own. The parent
//! reads the component once, inspects these bytes, and hands these bytes on; the worker writes the artefact where the
//! caller said, and the parent reads it back for its digest.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Artefact, CompileLimits, InspectError, Inspection, Sandbox, Sha256,
    frames::{FromWorker, Order},
    inspect::{MOST_COMPONENT_BYTES, inspect},
    process::{Loss, WorkerProcess, deadline},
    text,
};

/// How much longer than its limit a compiling worker may live, to tell why it failed.
const GRACE: Duration = Duration::from_secs(1);

/// The longest that a compiling worker has to say: why it does not work.
const MOST_ANSWER_BYTES: usize = 4 * text::MOST_LINE_BYTES;

/// A component that is ready to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// What the component is.
    pub inspection: Inspection,
    /// Its native code.
    pub artefact: Artefact,
    /// The size of the native code.
    pub artefact_bytes: u64,
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The component cannot be read.
    #[error("cannot read the component {path}")]
    Read {
        /// The component.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is no component for this host.
    #[error("{path} is no hook for this host")]
    Inspect {
        /// The component.
        path: PathBuf,
        /// Why not.
        #[source]
        source: InspectError,
    },
    /// The artefact cannot be made or read back.
    #[error("cannot keep the artefact {path}")]
    Artefact {
        /// The artefact.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The compiler refuses the component.
    #[error("{path} does not compile: {reason}")]
    Refused {
        /// The component.
        path: PathBuf,
        /// The compiler's words.
        reason: String,
    },
    /// The compiler took more than it may.
    #[error(
        "compiling {path} takes more than it may: {reason}; raise the limits only if its author is trusted"
    )]
    TooDear {
        /// The component.
        path: PathBuf,
        /// Which limit, as far as it is known.
        reason: String,
    },
    /// The worker could not be started, or said what no worker says.
    #[error("the worker that compiles {path} was lost: {reason}")]
    WorkerLost {
        /// The component.
        path: PathBuf,
        /// What is known.
        reason: String,
    },
}

impl Sandbox {
    /// Inspects and compiles `component`, and writes its native code to `artefact_out`, which must not be there yet and is
    /// removed again when that fails. The file is synchronised; giving it its name in a durable fashion is for the caller, with
    /// [`artefact_key`](crate::artefact_key) as that name. [`Sandbox::check`] is to follow.
    ///
    /// # Errors
    /// When the component is no hook for this host, or cannot be compiled within the limits.
    pub fn compile(
        &self,
        component: &Path,
        artefact_out: &Path,
        limits: &CompileLimits,
    ) -> Result<Compiled, CompileError> {
        let bytes = read_bounded(component)
            .map_err(|source| CompileError::Read { path: component.to_owned(), source })?;
        let inspection =
            inspect(&bytes).map_err(|source| CompileError::Inspect { path: component.to_owned(), source })?;
        let unkept = |source| CompileError::Artefact { path: artefact_out.to_owned(), source };
        let artefact_out = std::path::absolute(artefact_out).map_err(unkept)?;
        File::create_new(&artefact_out).map_err(unkept)?;
        self.compile_bytes(component, bytes, &artefact_out, limits)
            .and_then(|()| {
                let artefact_bytes = artefact_out.metadata().map_err(unkept)?.len();
                let sha256 = File::open(&artefact_out).and_then(Sha256::of_reader).map_err(unkept)?;
                let artefact = Artefact { path: artefact_out.clone(), sha256 };
                Ok(Compiled { inspection, artefact, artefact_bytes })
            })
            .inspect_err(|_| {
                // The error that is on its way says more than one about a half-written file.
                let _ = std::fs::remove_file(&artefact_out);
            })
    }

    fn compile_bytes(
        &self,
        component: &Path,
        bytes: Vec<u8>,
        artefact_out: &Path,
        limits: &CompileLimits,
    ) -> Result<(), CompileError> {
        let path = component.to_owned();
        let order = Order::Compile {
            component: bytes,
            artefact_out: artefact_out.to_owned(),
            limits: limits.clone(),
            walls: self.insistence(),
            metering: self.metering(),
        };
        let deadline = deadline(Instant::now(), limits.wall.saturating_add(GRACE));
        let mut worker = match WorkerProcess::start(self.worker(), deadline) {
            Ok(worker) => worker,
            Err(loss) => return Err(CompileError::WorkerLost { path, reason: text::chain(&loss) }),
        };
        let answer = worker.send(&order).and_then(|()| worker.receive(MOST_ANSWER_BYTES));
        match answer {
            Ok(FromWorker::Compiled(Ok(()))) => Ok(()),
            Ok(FromWorker::Compiled(Err(reason))) => {
                Err(CompileError::Refused { path, reason: text::plain(&reason) })
            }
            Ok(FromWorker::Request(_) | FromWorker::Finished(_) | FromWorker::Walls(_)) => {
                Err(CompileError::WorkerLost { path, reason: "a message came out of turn".to_owned() })
            }
            Err(Loss::Deadline) => {
                Err(CompileError::TooDear { path, reason: format!("it is not done after {:?}", limits.wall) })
            }
            Err(loss) => {
                let ending = worker.end(&loss);
                let last_words = text::plain(&ending.stderr_tail);
                let status = ending.status.unwrap_or_else(|| "no status".to_owned());
                // Out of address space an allocation fails and the process aborts; out of processor time the kernel ends it.
                if last_words.contains("memory allocation of")
                    || status.contains("SIGXCPU")
                    || status.contains("SIGKILL")
                {
                    return Err(CompileError::TooDear { path, reason: format!("{status} {last_words}") });
                }
                let reason = format!("{} ({status}) {last_words}", text::chain(&loss));
                Err(CompileError::WorkerLost { path, reason })
            }
        }
    }
}

/// A file, but never more of it than one byte too many.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_COMPONENT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
