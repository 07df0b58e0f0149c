//! The one place that reads the clock.

use std::time::Instant;

use jiff::Timestamp;

/// What time it is: the system's, or one that stands still because the operator said so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begin: Timestamp,
    running: Option<Instant>,
}

impl Clock {
    /// The system's clock, read once; time goes on from there by a clock that is never set back.
    #[expect(clippy::disallowed_methods, reason = "this is where `now` comes from")]
    pub(crate) fn system() -> Self {
        Self { begin: Timestamp::now(), running: Some(Instant::now()) }
    }

    /// A clock that stands still.
    pub(crate) const fn fixed(at: Timestamp) -> Self {
        Self { begin: at, running: None }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.running.map_or(self.begin, |since| self.begin + since.elapsed())
    }

    /// A clock that begins now, unless it stands still: for a run that does not begin with the program, because others came before it.
    pub(crate) fn anew(self) -> Self {
        if self.running.is_some() { Self::system() } else { self }
    }

    /// When it began: the one time of a run, in whole seconds, as `Date` has it.
    pub(crate) fn began(&self) -> Timestamp {
        Timestamp::from_second(self.begin.as_second()).unwrap_or(self.begin)
    }
}
