//! Runs hooks as WASM components, and knows no archive, no database and no file but the component.
//!
//! The door is [`Sandbox`]: [`Sandbox::compile`] makes native code of a component once, [`Sandbox::check`] sees that it fits,
//! [`Sandbox::call`] runs it for one point of one pass. Each of these happens in a worker process that this crate starts, talks to
//! over two pipes, and kills when its time is over. What a hook asks while it runs is answered by the [`HostServices`] of the
//! caller. [`inspect`] looks at a component without running anything.
//!
//! The rooms, in reading order: [`messages`] (the words), [`limits`], `frames` (the words on a pipe), `process` (a worker seen
//! from outside), `sandbox` (the conversation with it), `hosts` (what each version speaks), `inspect`, `compile`, `engine`, `walls`, and [`worker`]
//! (the inside).

mod compile;
mod digest;
mod engine;
mod folders;
mod frames;
mod hosts;
mod inspect;
pub mod limits;
pub mod messages;
mod process;
mod sandbox;
mod text;
mod walls;
pub mod worker;

pub use compile::{CompileError, Compiled};
pub use digest::{NotASha256, Sha256};
pub use engine::artefact_key;
pub use folders::confine_to;
pub use hosts::{HOSTS, HostVersion, Interface};
pub use inspect::{Examination, InspectError, Inspection, MOST_COMPONENT_BYTES, Producer, examine, inspect};
pub use limits::{CompileLimits, Limits};
pub use messages::{
    Action, ArchiveError, ByteBuf, Call, CallOutcome, CallReport, Capabilities, Change, Context, Entry,
    FileChange, FinalizeContext, HostReply, HostRequest, HostServices, HttpFailure, HttpRequest,
    HttpResponse, Index, Level, LimitKind, Outcome, Package, PackageContents, PackageKind, PassContext,
    Pocket, Point, Report, SigningMode, StagingError, StateError, Suite, UnknownPoint,
};
pub use process::WorkerCommand;
pub use sandbox::{Artefact, CheckError, Sandbox};
pub use walls::{Wall, Walls};
