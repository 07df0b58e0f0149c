//! `--timings` and `--trace`: where the time of a command goes, and what it has done.

use std::path::PathBuf;

use pressroom_archive::work::{Counts, Work};
use serde::Serialize;

use super::output::{BAD, BOLD, duration, painted, table};
use super::{End, Session, exit};
use crate::timings::{Phase, Phases, Trace, TraceError};

/// What is to be measured.
#[derive(Debug, clap::Args)]
pub(super) struct Measure {
    /// Say afterwards, on standard error, how long each phase took and how much work there was; with --format json it is in the result.
    #[arg(long)]
    timings: bool,
    /// Write to FILE when each phase began and ended, in the format that chrome://tracing and ui.perfetto.dev show. A file of that name is replaced.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

impl Measure {
    /// For commands that have no such flags.
    pub(super) const NOTHING: Self = Self { timings: false, trace: None };

    /// What gathers the phases.
    pub(super) fn phases(&self) -> Option<Phases> {
        self.timings.then(Phases::new)
    }

    /// Begins the trace.
    pub(super) fn trace(&self) -> anyhow::Result<Option<Trace>> {
        self.trace.as_deref().map(Trace::create).transpose().map_err(|error| match &error {
            TraceError::Make { source, .. } => exit::usage(format!("{error}: {source}")),
            TraceError::NotAFile(_) | TraceError::Write { .. } => exit::usage(error.to_string()),
        })
    }
}

/// Ends the trace, however the command ended.
pub(super) fn finish(trace: Option<Trace>, end: anyhow::Result<End>) -> anyhow::Result<End> {
    let Some(Err(error)) = trace.map(Trace::finish) else { return end };
    let error = anyhow::Error::from(error);
    anstream::eprintln!("{} {error:#}", painted(BAD, "not all was done:"));
    exit::worse(end, Ok(End::Failure))
}

/// Work that is being measured.
pub(super) struct Measuring {
    before: Counts,
    phases: Option<Phases>,
}

impl Measuring {
    /// From now on.
    pub(super) fn begin(session: &Session) -> Self {
        Self { before: Counts::now(), phases: session.phases.clone() }
    }

    /// Until now.
    pub(super) fn end(self) -> Measured {
        Measured { work: Counts::now().since(&self.before), timings: self.phases.map(|phases| phases.take()) }
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    work: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Vec<Phase>>,
}

impl Measured {
    /// Says it to a person, if that was asked for; with the name of what it is of, where that is one of many.
    pub(super) fn say(&self, is_one_of_many: bool, name: &str) {
        let Some(phases) = &self.timings else { return };
        if is_one_of_many {
            anstream::eprintln!("{}", painted(BOLD, name));
        }
        anstream::eprint!("{}\n{}", phase_table(phases), work_table(&self.work));
    }
}

fn phase_table(phases: &[Phase]) -> String {
    let mut rows = Vec::new();
    for phase in phases {
        add_rows(phase, phase.wall.as_secs_f64(), 0, &mut rows);
    }
    table(&["PHASE", "COUNT", "     TIME", "  SHARE"], &rows)
}

fn add_rows(phase: &Phase, whole_seconds: f64, depth: usize, rows: &mut Vec<Vec<String>>) {
    let share = if whole_seconds > 0.0 { phase.wall.as_secs_f64() / whole_seconds * 100.0 } else { 100.0 };
    rows.push(vec![
        format!("{}{}", "  ".repeat(depth), phase.name),
        format!("{:>5}", phase.count),
        format!("{:>9}", duration(phase.wall)),
        format!("{share:>5.1} %"),
    ]);
    for below in &phase.phases {
        add_rows(below, whole_seconds, depth + 1, rows);
    }
}

fn work_table(work: &Counts) -> String {
    let counts = Work::ALL.map(|one| (one.name().replace('_', " "), work.of(one).to_string()));
    let width = counts.iter().map(|(_, count)| count.len()).max().unwrap_or(0).max("COUNT".len());
    let rows: Vec<Vec<String>> =
        counts.into_iter().map(|(name, count)| vec![name, format!("{count:>width$}")]).collect();
    table(&["WORK", &format!("{:>width$}", "COUNT")], &rows)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pressroom_archive::work::count;

    use super::*;

    fn phase(name: &'static str, count: u64, milliseconds: u64, phases: Vec<Phase>) -> Phase {
        Phase { name, count, wall: Duration::from_millis(milliseconds), work: None, phases }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn phases_are_a_tree_with_their_share_of_the_whole() {
        let inner = vec![phase("stage", 2, 50, vec![phase("link", 2, 25, Vec::new())])];
        let text = plain(&phase_table(&[phase("run", 1, 2000, vec![phase("pass", 2, 1500, inner)])]));
        assert_eq!(
            text,
            "PHASE       COUNT       TIME    SHARE\n\
             run             1      2.0 s  100.0 %\n\
             \u{20} pass          2      1.5 s   75.0 %\n\
             \u{20}   stage       2    50.0 ms    2.5 %\n\
             \u{20}     link      2    25.0 ms    1.2 %\n"
        );
    }

    #[test]
    fn nothing_takes_no_time() {
        let text = plain(&phase_table(&[phase("run", 1, 0, Vec::new())]));
        assert!(text.ends_with("run        1     0.0 ms  100.0 %\n"), "{text}");
    }

    #[test]
    fn work_is_named_in_words() {
        let before = Counts::now();
        count(Work::SegmentsKept, 1_234_567);
        let text = plain(&work_table(&Counts::now().since(&before)));
        assert!(text.starts_with("WORK                   COUNT\nrows read "), "{text}");
        assert!(text.contains("\nsegments kept        1234567\n"), "{text}");
        assert_eq!(text.lines().count(), 1 + Work::ALL.len());
    }
}
