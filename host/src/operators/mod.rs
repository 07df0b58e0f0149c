//! What operators are told: incidents by mail, and how the root is doing as metrics and for `pressroom check`.
//!
//! Runs are recorded where they are made ([`Recording`] for scripts that no conductor orders). What they mean is looked at once, after the command
//! that made them ([`look_after`]): from rows, so that it does not matter who died before it was looked at. Nothing that goes wrong here is an error of the
//! command.

mod facts;
mod log_tail;
mod look;
mod recording;

pub(crate) use facts::{Depth, gather, scripts};
pub(crate) use log_tail::{LogTail, TailLayer};
pub(crate) use look::look_after;
pub(crate) use recording::{Recording, RunEnded};
