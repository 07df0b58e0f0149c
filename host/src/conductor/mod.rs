//! One run: which passes there are, in which order, and how it ended.
//!
//! [`run`](run::run) is the whole of it: the lock, recovery, what was accepted ([`accept`]), the security fast track, the normal pass, finalize, the record. [`pass`] is one pass over
//! one archive, step by step, each in [`phases`]; [`select`] says which suites a pass is for; [`plan`] says all this without doing it. [`retry`] is what a run owes to hooks
//! of earlier ones, [`replay`] what an operator wants of them. [`death_row`] is a run that publishes nothing: what no publication needs leaves the pools; [`copy_requests`] are runs that fill copy
//! archives. What happened is read back from the rows by the commands that show it.

pub(crate) mod accept;
mod aside;
mod context;
pub(crate) mod copy_requests;
pub(crate) mod death_row;
mod engine;
mod links;
mod lock;
mod mirror;
mod package_paths;
mod pass;
mod phases;
pub(crate) mod plan;
mod prepare;
pub(crate) mod replay;
mod retry;
mod run;
mod select;
mod snapshots;

pub(crate) use aside::Aside;
pub(crate) use context::{Options, Phases, Progress};
pub(crate) use engine::{ENGINE_ARGUMENT, confine as confine_engine};
pub(crate) use lock::{Lock, LockError};
pub(crate) use run::{BrokenHooks, RunEnd, RunReport, run};
pub(crate) use select::published_archives;
