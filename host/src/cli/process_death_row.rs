//! `pressroom process-death-row`.

use pressroom_archive::domain::{ArchiveReference, DistributionName};
use pressroom_archive::store::Db;
use pressroom_archive::store::distribution::{Distribution, distribution, distributions};

use serde::Serialize;

use super::measure::{Measure, Measured, Measuring};
use super::output::{BAD, BOLD, DIM, bytes, painted};
use super::{End, Session, exit};
use crate::conductor::Aside;
use crate::conductor::death_row::{OfArchive, Wanted, rehearse, run};

const EXAMPLES: &str = "\
A file goes when every publication of the archive that has it is superseded, deleted or obsolete, and the date of each has come; sources stay as long as their
binaries, and binaries that were built using them, need them. Run it from a timer, beside `pressroom publish`: neither waits for the other for long.
What copies of archives have stays.

Examples:
  pressroom process-death-row --dry-run
  pressroom process-death-row --archive ~ann/demo/tools";

/// Take the files out of the pools that no publication needs any more.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProcessDeathRow {
    /// The distribution; without it, all of them, one after the other.
    #[arg(long, conflicts_with = "archive")]
    distribution: Option<DistributionName>,
    /// Only this archive.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Print what would go, and of all that has left the indexes why it stays; do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Look at so many packages and no more; the rest is for the next run.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Look also at what was held by an earlier run, although nothing has happened since that would let it go.
    #[arg(long)]
    careful: bool,
    #[command(flatten)]
    measure: Measure,
}

/// A copy of the database to try it in; none where there is no room for it: then nobody else writes meanwhile.
fn copied(db: &Db) -> Option<Aside> {
    match Aside::of(db) {
        Ok(aside) => Some(aside),
        Err(error) => {
            tracing::warn!("{error:#}; nobody else can write until this dry run is over");
            None
        }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    archives: &'a [OfArchive],
    #[serde(flatten)]
    measured: &'a Measured,
}

impl ProcessDeathRow {
    /// What is to be measured.
    pub(super) const fn measure(&self) -> &Measure {
        &self.measure
    }

    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let measuring = Measuring::begin(session);
        let root = session.root()?;
        let mut db = root.db()?;
        // it looks at all that has left the indexes, which may take long
        let mut aside = if self.dry_run { copied(&db) } else { None };
        let mut all: Vec<OfArchive> = Vec::new();
        let mut worst = Ok(End::Success);
        let mut left = self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        for (one, wanted) in self.wanted(&db)? {
            let wanted = Wanted { limit: left, ..wanted };
            let result = if self.dry_run {
                let db = aside.as_mut().map_or(&mut db, |aside| &mut aside.db);
                rehearse(&root, db, &one, wanted, session.clock)
            } else {
                run(&root, &mut db, &one, wanted, session.clock)
            };
            let end = match result {
                Ok(done) => {
                    let is_whole = done.iter().all(|one| one.reaped.problems.is_empty());
                    let looked_at: usize = done.iter().map(|one| one.reaped.looked_at).sum();
                    left = left.map(|left| left.saturating_sub(looked_at));
                    all.extend(done);
                    Ok(if is_whole { End::Success } else { End::Failure })
                }
                Err(error) => Err(error.context(format!("death row of {} was not processed", one.name))),
            };
            if let (Err(earlier), Err(_)) = (&worst, &end) {
                anstream::eprintln!("{} {earlier:#}", painted(BAD, "error:"));
                worst = Ok(End::Failure);
            }
            worst = exit::worse(worst, end);
        }
        let measured = measuring.end();
        session.output.show(&Shown { archives: &all, measured: &measured }, || self.text(&all))?;
        if session.output.is_text() {
            measured.say(false, "");
            for problem in all.iter().flat_map(|one| &one.reaped.problems) {
                anstream::eprintln!("{} {problem}", painted(BAD, "not done:"));
            }
        }
        worst
    }

    /// The distributions that are meant, each with what is asked of it.
    fn wanted(&self, db: &Db) -> anyhow::Result<Vec<(Distribution, Wanted)>> {
        let wanted = Wanted { archive: None, limit: None, careful: self.careful };
        Ok(match (&self.archive, &self.distribution) {
            (Some(reference), _) => {
                let archive = pressroom_archive::store::archive::archive(db.read(), reference)?;
                if archive.purpose == pressroom_archive::domain::ArchivePurpose::Copy {
                    return Err(exit::usage(format!(
                        "{reference} is a copy of an archive, and keeps what it has: its pool is never taken from"
                    )));
                }
                let of = distribution(db.read(), reference.distribution())?;
                vec![(of, Wanted { archive: Some(archive.id), ..wanted })]
            }
            (None, Some(name)) => vec![(distribution(db.read(), name)?, wanted)],
            (None, None) => distributions(db.read())?.into_iter().map(|one| (one, wanted)).collect(),
        })
    }

    fn text(&self, all: &[OfArchive]) -> String {
        let (goes, leaves) = if self.dry_run { ("would go", "would leave") } else { ("gone", "have left") };
        let mut text = String::new();
        for OfArchive { archive, reaped } in all {
            for gone in &reaped.files {
                let elsewhere =
                    if gone.stays_elsewhere { ", the file stays in another component" } else { "" };
                text.push_str(&format!(
                    "{} {}/{} {}\n",
                    painted(BOLD, goes),
                    archive,
                    gone.path,
                    painted(DIM, format!("({}{elsewhere})", bytes(gone.size_bytes)))
                ));
            }
            if reaped.finished > 0 {
                text.push_str(&format!(
                    "{archive}: {} names are done with that an earlier run had begun to take out\n",
                    reaped.finished
                ));
            }
            for held in &reaped.held {
                let reasons: Vec<String> = held.reasons.iter().map(ToString::to_string).collect();
                text.push_str(&format!(
                    "{} {}/{}, of {}: {}\n",
                    painted(DIM, "held"),
                    archive,
                    held.path,
                    held.package,
                    reasons.join("; ")
                ));
            }
            if reaped.publications + reaped.files.len() > 0 {
                text.push_str(&format!(
                    "{archive}: {} publications {leaves} the pool, with {}\n",
                    reaped.publications,
                    bytes(reaped.freed_bytes)
                ));
            }
            if reaped.has_more {
                text.push_str(&format!("{archive}: there is more, for the next run\n"));
            }
        }
        if text.is_empty() { "Nothing has to leave a pool.\n".to_owned() } else { text }
    }
}
