//! `pressroom process-accepted`.

use pressroom_archive::accept::{Done, Report};
use pressroom_archive::domain::{ArchiveReference, DistributionName, SuiteName};
use pressroom_archive::store::archive::archives;
use pressroom_archive::store::distribution::{Distribution, distribution, distributions};
use pressroom_archive::store::{Db, StoreError, suite};

use super::output::{BAD, BOLD, DIM, painted};
use super::{End, Session, exit};
use crate::conductor::accept::{Processed, Wanted, publishers, rehearse, run};
use crate::mail::deliver;

const EXAMPLES: &str = "\
`pressroom publish` does this first, so it need not be called for itself. An upload that cannot be published stays accepted, is told with its reasons,
and stops no other; the exit code is 1 then.

Examples:
  pressroom process-accepted --dry-run
  pressroom process-accepted --archive debian --suite sid";

/// Give the uploads that were accepted their publications and their builds, and close the bugs that they name.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProcessAccepted {
    /// The distribution; without it, all of them, one after the other.
    #[arg(long, conflicts_with = "archive")]
    distribution: Option<DistributionName>,
    /// Only this archive.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Only uploads for this suite; again for more.
    #[arg(long = "suite", value_name = "SUITE")]
    suites: Vec<SuiteName>,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Tell nobody of the bugs that are closed, and send nothing that waits to be sent.
    #[arg(long)]
    no_mail: bool,
}

impl ProcessAccepted {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let mut all = Processed::default();
        let mut worst = Ok(End::Success);
        let mut orders = Vec::new();
        for (one, wanted) in self.wanted(&db)? {
            // a dry run takes no lock, and looks at all at once
            let publishers = if self.dry_run {
                vec![None]
            } else {
                publishers(&db, &one, &wanted)?.into_iter().map(Some).collect()
            };
            orders.extend(publishers.into_iter().map(|publisher| (one.clone(), publisher, wanted.clone())));
        }
        for (one, publisher, wanted) in orders {
            let result = match publisher {
                None => rehearse(&root, &mut db, &one, &wanted, session.clock).map_err(Into::into),
                Some(publisher) => run(&root, &mut db, (&one, publisher), &wanted, session.clock),
            };
            let end = match result {
                Ok(done) => {
                    let end = if done.is_whole() { End::Success } else { End::Failure };
                    all.report.done.extend(done.report.done);
                    all.report.stuck.extend(done.report.stuck);
                    all.bugs_told += done.bugs_told;
                    all.problems.extend(done.problems);
                    Ok(end)
                }
                Err(error) => Err(error.context(format!("the uploads of {} were not processed", one.name))),
            };
            worst = exit::worse(worst, end);
        }
        if !self.dry_run && !self.no_mail {
            deliver(&root, &mut db, &session.clock, root.config.mail.time_limit()).warn();
        }
        session.output.show(&all, || self.text(&all.report))?;
        if session.output.is_text() {
            for stuck in &all.report.stuck {
                anstream::eprintln!("{} {stuck}", painted(BAD, "not done:"));
            }
            for problem in &all.problems {
                anstream::eprintln!("{} {problem}", painted(BAD, "not done:"));
            }
        }
        worst
    }

    /// The distributions that are meant, each with what is asked of it.
    fn wanted(&self, db: &Db) -> anyhow::Result<Vec<(Distribution, Wanted)>> {
        let (all, archive) = match (&self.archive, &self.distribution) {
            (Some(reference), _) => {
                let archive = pressroom_archive::store::archive::archive(db.read(), reference)?;
                (vec![distribution(db.read(), reference.distribution())?], Some(archive.id))
            }
            (None, Some(name)) => (vec![distribution(db.read(), name)?], None),
            (None, None) => (distributions(db.read())?, None),
        };
        let mut known: Vec<String> = Vec::new();
        for one in &all {
            for archive in archives(db.read(), one.id)? {
                known.extend(suite::suites_of(db.read(), archive.id)?.iter().map(|one| one.name.to_string()));
            }
        }
        known.sort_unstable();
        known.dedup();
        if let Some(name) = self.suites.iter().find(|name| !known.contains(&name.to_string())) {
            return Err(StoreError::Unknown { what: "suite", name: name.to_string(), known }.into());
        }
        let suites = self.suites.iter().cloned().collect();
        let wanted = Wanted { archive, suites, keeps_quiet: self.no_mail };
        Ok(all.into_iter().map(|one| (one, wanted.clone())).collect())
    }

    fn text(&self, report: &Report) -> String {
        if report.done.is_empty() && report.stuck.is_empty() {
            return "Nothing that was accepted waits.\n".to_owned();
        }
        let has = if self.dry_run { "would get" } else { "has" };
        report.done.iter().map(|done| line(done, has)).collect()
    }
}

/// What became of an upload, for a person.
pub(super) fn line(done: &Done, has: &str) -> String {
    let count = |count: usize, one: &str, more: &str| {
        (count > 0).then(|| if count == 1 { format!("1 {one}") } else { format!("{count} {more}") })
    };
    let parts: Vec<String> = [
        count(done.new_publications, "publication", "publications"),
        count(done.customs, "custom file", "custom files"),
        count(done.builds.len(), "build", "builds"),
        count(done.bugs.len(), "bug to close", "bugs to close"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let parts = if parts.is_empty() { "nothing that was not there".to_owned() } else { parts.join(", ") };
    format!(
        "{} {} for {} {has} {parts} {}\n",
        painted(BOLD, &done.source),
        done.version,
        done.suite,
        painted(DIM, format!("(upload {})", done.upload))
    )
}
