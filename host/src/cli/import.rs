//! `pressroom import`.

use std::path::PathBuf;

use pressroom_archive::domain::{ArchiveReference, ComponentName, SuiteName};
use pressroom_archive::store::run::Activity;
use pressroom_archive::store::shape::shape;
use pressroom_archive::store::{series, suite};
use pressroom_archive::upload::gather;
use pressroom_archive::upload::import::{ImportReport, Target, import};

use serde::Serialize;
use tracing::{debug_span, info_span};

use super::measure::{Measure, Measured, Measuring};
use super::output::{BAD, BOLD, DIM, bar, painted};
use super::{End, Session, the_archive};
use crate::describe::OPERATOR;
use crate::operators::{Recording, RunEnded};

/// The name of such a run in `script_activity`.
const SCRIPT: &str = "import";

const EXAMPLES: &str = "\
Examples:
  pressroom import --suite one hello_2.10-3_amd64.deb hello_2.10-3.dsc
  pressroom import --suite one-security --component main /srv/incoming

What comes in is pending until `pressroom publish`. Importing a package again is harmless. The exit code is 1 when a file did not come in;
the others did.";

/// Take packages straight to PENDING: .deb, .udeb, .ddeb, .dsc with its files, .changes with its files, or whole folders.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    /// Where they are to be published, as one or one-security.
    #[arg(long)]
    suite: SuiteName,
    /// The component; without it: by override, by the section (contrib/net is contrib), or the first of the series.
    #[arg(long)]
    component: Option<ComponentName>,
    /// The archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    #[command(flatten)]
    measure: Measure,
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// What is shown of an import.
#[derive(Serialize)]
struct Imported<'a> {
    #[serde(flatten)]
    report: &'a ImportReport,
    #[serde(flatten)]
    measured: &'a Measured,
}

/// What is recorded of an import that has so many complaints before it begins.
fn ended<E>(result: &Result<ImportReport, E>, complaints: usize) -> RunEnded
where
    E: std::error::Error,
{
    match result {
        Err(error) => RunEnded::Failed(error.to_string()),
        Ok(report) => {
            let not_taken = report.complaints.len() + complaints;
            let count =
                |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            let mut said = format!("{} taken in", count(report.accepted.len(), "package"));
            if not_taken > 0 {
                said.push_str(&format!(", {} not", count(not_taken, "file")));
            }
            // as the exit code has it
            if not_taken > 0 || report.accepted.is_empty() {
                RunEnded::Failed(said)
            } else {
                RunEnded::Done(said)
            }
        }
    }
}

impl Import {
    pub(super) const fn measure(&self) -> &Measure {
        &self.measure
    }

    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let measuring = Measuring::begin(session);
        let span = info_span!("import", suite = %self.suite).entered();
        let root = session.root()?;
        let mut db = root.db()?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        let shape = shape(db.read(), suite::suite(db.read(), archive.id, &self.suite)?)?;
        let component = match &self.component {
            Some(name) => Some(series::component(db.read(), shape.series.id, name)?),
            None => None,
        };
        let target =
            Target { archive: &archive, shape: &shape, component: component.as_ref(), creator: OPERATOR };
        let scope = archive.reference.to_string();
        let activity = Activity { name: SCRIPT, distribution: Some(archive.distribution), scope: &scope };
        let recording = Recording::begin(&root, &mut db, &session.clock, &activity)?;
        let gathered = debug_span!("gather").in_scope(|| gather(&self.paths));
        let bar = bar(gathered.items.len() as u64, "reading packages");
        let progress = |count: usize| bar.inc(count as u64);
        let result =
            import(&mut db, &root.librarian(), &target, &gathered.items, session.clock.now(), &progress);
        bar.finish_and_clear();
        recording.end(&mut db, &session.clock, &ended(&result, gathered.complaints.len()));
        span.exit();
        let measured = measuring.end();
        let mut report = match result {
            Ok(report) => report,
            Err(error) => {
                measured.say(false, "");
                return Err(error.into());
            }
        };
        report.complaints.extend(gathered.complaints);
        report.complaints.sort_by(|one, other| one.path.cmp(&other.path));
        let imported = Imported { report: &report, measured: &measured };
        session.output.show(&imported, || self.text(&report, session.verbose))?;
        if session.output.is_text() {
            measured.say(false, "");
        }
        for complaint in &report.complaints {
            anstream::eprintln!(
                "{} {}: {}",
                painted(BAD, "not taken:"),
                complaint.path.display(),
                complaint.reason
            );
        }
        if report.complaints.is_empty() && report.accepted.is_empty() {
            anstream::eprintln!("no packages were found in what was named");
            return Ok(End::Failure);
        }
        Ok(if report.complaints.is_empty() { End::Success } else { End::Failure })
    }

    fn text(&self, report: &ImportReport, verbose: bool) -> String {
        let mut text = String::new();
        let (new, known): (Vec<_>, Vec<_>) =
            report.accepted.iter().partition(|accepted| accepted.new_publications > 0);
        for accepted in &report.accepted {
            // many are a number; a few are read
            if verbose || report.accepted.len() <= 20 {
                let as_it_was = if accepted.new_publications > 0 { "" } else { " (was there)" };
                text.push_str(&format!(
                    "{} {} {} to {}/{}{}\n",
                    painted(BOLD, &accepted.package),
                    accepted.version,
                    painted(DIM, &accepted.architecture),
                    self.suite,
                    accepted.component,
                    painted(DIM, as_it_was),
                ));
            }
        }
        let sources = new.iter().filter(|accepted| accepted.architecture == "source").count();
        text.push_str(&format!(
            "{} packages pending in {} ({sources} sources, {} binaries), {} were there, {} not taken\n",
            new.len(),
            self.suite,
            new.len() - sources,
            known.len(),
            report.complaints.len()
        ));
        text
    }
}
