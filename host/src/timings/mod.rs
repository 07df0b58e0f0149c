//! Where the time of a run goes.
//!
//! The rooms open spans (`tracing`) named in the field's words: `run` > `pass` > `index`. Two listeners make something of them: [`Phases`] a table, in which
//! all spans of one name and place are one line; [`Trace`] a file that a trace viewer shows, in which each is by itself. Nothing decides by a duration.
//! Without a listener a span costs next to nothing.

mod phases;
mod trace;

use tracing::{Level, Metadata};

pub(crate) use phases::{Phase, Phases};
pub(crate) use trace::{Trace, TraceError, TraceLayer};

/// Whether a span or event is one of ours, and not that of a library.
pub(crate) fn is_ours(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::DEBUG && metadata.target().starts_with("pressroom")
}
