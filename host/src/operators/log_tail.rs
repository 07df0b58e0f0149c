//! The end of what this process logs, kept in memory: for the mail about a run that does not succeed.
//!
//! Events from INFO on, and the steps that begin, whatever is shown on standard error. Both are bounded.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use pressroom_archive::domain::plain;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::clock::Clock;

/// So many lines are kept.
const MAX_LINES: usize = 200;
/// The longest line, in characters.
const MAX_LINE: usize = 400;

/// The lines.
#[derive(Debug, Clone)]
pub(crate) struct LogTail {
    clock: Clock,
    lines: Arc<Mutex<VecDeque<(Timestamp, String)>>>,
}

impl LogTail {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, lines: Arc::default() }
    }

    /// What listens for it.
    pub(crate) fn layer(&self) -> TailLayer {
        TailLayer(self.clone())
    }

    fn add(&self, line: &str) {
        let now = self.clock.now();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MAX_LINES {
            lines.pop_front();
        }
        lines.push_back((now, plain::line(line, MAX_LINE)));
    }

    /// The lines of a time, both ends included, each with the time of day.
    pub(crate) fn between(&self, begin: Timestamp, end: Timestamp) -> String {
        // rows have no more than microseconds
        let (begin, end) = (begin.as_microsecond(), end.as_microsecond());
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (at, line) in lines.iter().filter(|(at, _)| (begin..=end).contains(&at.as_microsecond())) {
            text.push_str(&format!("{} {line}\n", at.strftime("%H:%M:%S")));
        }
        text
    }
}

/// Listens.
pub(crate) struct TailLayer(LogTail);

impl<S: Subscriber> Layer<S> for TailLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, _id: &Id, _context: Context<'_, S>) {
        let mut line = Line(format!("begins: {}", attributes.metadata().name()));
        attributes.record(&mut line);
        self.0.add(&line.0);
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.add(&line.0);
    }
}

/// Fields in a line: the message as it is, others with their names.
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // writing to a string does not fail
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing::{info, info_span, warn};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_end_of_a_log_is_kept_with_its_steps_and_is_bounded() {
        let at = Timestamp::from_second(43_200).unwrap();
        let tail = LogTail::new(Clock::fixed(at));
        let subscriber = tracing_subscriber::registry().with(tail.layer());
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..MAX_LINES {
                info!(number, "early");
            }
            let _step = info_span!("stage", archive = %"demo").entered();
            warn!(path = "a\u{1b}[31m", "odd\nthing");
        });
        let text = tail.between(at, at);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), MAX_LINES);
        assert!(lines[0].ends_with("INFO early number=2"), "{}", lines[0]);
        assert_eq!(lines[MAX_LINES - 2], "12:00:00 begins: stage archive=demo");
        assert_eq!(lines[MAX_LINES - 1], "12:00:00 WARN odd thing path=a [31m");
        let later = at + jiff::SignedDuration::from_secs(1);
        assert_eq!(tail.between(later, later), "");
    }
}
