//! `pressroom copy`.

use anyhow::Context;
use pressroom_archive::copy::judge::Objection;
use pressroom_archive::copy::{Copied, CopyError, Copying, End as Place, Outcome, Wish, carry_out, plan};
use pressroom_archive::domain::{ArchiveReference, SuiteName, UploadStatus};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::shape::{SuiteShape, shape};
use pressroom_archive::store::{Db, StoreError, Transaction, package_copy, suite};
use serde::Serialize;

use super::output::{BOLD, WARN, painted, table};
use super::who::As;
use super::{End, Session, exit, the_archive};

const EXAMPLES: &str = "\
Examples:
  pressroom copy one-proposed one-updates hello --binaries
  pressroom copy one two hello=2.10-3 bash        sources alone: they are built again in two
  pressroom copy one one hello --binaries --archive ~ann/demo/tools --to-archive demo --reason \"tested by Ann\"
  pressroom copy --log one-updates

All packages are copied, or none. What the target takes at once is published by the next `pressroom publish`; what waits there for a decision is
shown by `pressroom queue list`.";

/// Copy source packages from one suite to another, with the binary packages that were built from them or to be built again.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Copy {
    /// From where.
    #[arg(required_unless_present = "log", value_name = "FROM-SUITE")]
    from: Option<SuiteName>,
    /// To where.
    #[arg(required_unless_present = "log", value_name = "TO-SUITE")]
    to: Option<SuiteName>,
    /// Source packages; without a version the one that is published.
    #[arg(required_unless_present = "log", value_name = "PACKAGE[=VERSION]")]
    packages: Vec<Wish>,
    /// From which archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// To which archive; without it, the same.
    #[arg(long)]
    to_archive: Option<ArchiveReference>,
    /// The binary packages too, as they are there.
    #[arg(long, visible_alias = "include-binaries")]
    binaries: bool,
    /// From a private archive to one that is for everybody: this says that you mean it. Whatever is copied from a private archive takes a right over it.
    #[arg(long)]
    unembargo: bool,
    /// Past the queue of the target: it takes the right to decide there.
    #[arg(long)]
    auto_approve: bool,
    /// Why; it is kept with the copy, and in the log of an upload.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    by: As,
    /// Say what would be, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Show the last copies into a suite instead.
    #[arg(long, value_name = "SUITE", conflicts_with_all = ["from", "to", "packages"])]
    log: Option<SuiteName>,
}

/// So many copies are shown.
const LOGGED: u32 = 50;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
#[error("nothing was copied\n{}", .0.iter().map(|one| format!("  {one}")).collect::<Vec<_>>().join("\n"))]
struct Against(Vec<Objection>);

#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    from: String,
    to: String,
    copied: &'a [Copied],
    against: &'a [Objection],
}

impl Copy {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        let target = match &self.to_archive {
            None => archive.clone(),
            Some(reference) => the_archive(&db, Some(reference))?,
        };
        if let Some(name) = &self.log {
            return log(session, &db, &target, name);
        }
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return Err(exit::usage("name a suite to copy from, one to copy to, and packages"));
        };
        let reason = super::who::reason(&self.reason)?;
        let (from, to) = (of(&db, &archive, from)?, of(&db, &target, to)?);
        let actor = self.by.actor(&root, &db)?;
        let librarian = root.librarian();
        let request = Copying {
            from: Place { archive: &archive, shape: &from },
            to: Place { archive: &target, shape: &to },
            packages: &self.packages,
            with_binaries: self.binaries,
            unembargo: self.unembargo,
            auto_approve: self.auto_approve,
            actor: &actor,
            reason: &reason,
        };
        let now = session.clock.now();
        let work = |tx: &Transaction<'_>| -> Result<Result<Vec<Copied>, Vec<Objection>>, CopyError> {
            Ok(match plan(tx, &librarian, &request)? {
                Ok(plan) => Ok(carry_out(tx, &request, &plan, now)?),
                Err(against) => Err(against),
            })
        };
        let done = if self.dry_run { db.rehearse(work) } else { db.write(work) };
        let done = done.context("the packages were not copied")?;
        let (copied, against) = match &done {
            Ok(copied) => (copied.as_slice(), [].as_slice()),
            Err(against) => ([].as_slice(), against.as_slice()),
        };
        let place =
            |shape: &SuiteShape, archive: &Archive| format!("{} of {}", shape.suite.name, archive.reference);
        let report = Report {
            dry_run: self.dry_run,
            from: place(&from, &archive),
            to: place(&to, &target),
            copied,
            against,
        };
        if !against.is_empty() {
            session.output.show(&report, String::new)?;
            return Err(Against(against.to_vec()).into());
        }
        session.output.show(&report, || self.text(&report))?;
        Ok(End::Success)
    }

    fn text(&self, report: &Report<'_>) -> String {
        let mut text = String::new();
        for one in report.copied {
            let name = painted(BOLD, format!("{} {}", one.package, one.version));
            let with = match one.binaries.len() {
                0 => String::new(),
                1 => " with 1 binary package".to_owned(),
                count => format!(" with {count} binary packages"),
            };
            let (would, be) = if self.dry_run { ("would wait", "would be") } else { ("waits", "is") };
            let to = &report.to;
            text.push_str(&match &one.outcome {
                Outcome::Pending { publications, builds, bugs } => {
                    let builds = match builds.len() {
                        0 => String::new(),
                        count => format!(", and {count} builds are to be made"),
                    };
                    let bugs = match bugs.len() {
                        0 => String::new(),
                        1 => format!(", 1 bug to close ({})", bugs.join(", ")),
                        count => format!(", {count} bugs to close ({})", bugs.join(", ")),
                    };
                    format!(
                        "{name}{with} {would} for {to}, in {}: {publications} publications for the next run{builds}{bugs}\n",
                        one.component
                    )
                }
                Outcome::AsItWas => format!("{name}{with} {be} in {to} as it was\n"),
                Outcome::Queued { upload, status } => {
                    let upload = if self.dry_run { "an upload".to_owned() } else { format!("upload {upload}") };
                    let word = match status {
                        UploadStatus::New => "is new there",
                        UploadStatus::Unapproved
                        | UploadStatus::Accepted
                        | UploadStatus::Done
                        | UploadStatus::Rejected => "is to be approved",
                    };
                    format!("{name}{with} {would} in the queue of {to} as {upload}: it {word} ({status})\n")
                }
            });
            if !one.left_out.is_empty() {
                text.push_str(&format!(
                    "  {} for architectures that the target does not have: {}\n",
                    painted(WARN, "left out"),
                    one.left_out.join(", ")
                ));
            }
        }
        text
    }
}

fn of(db: &Db, archive: &Archive, name: &SuiteName) -> Result<SuiteShape, StoreError> {
    shape(db.read(), suite::suite(db.read(), archive.id, name)?)
}

fn log(session: &Session, db: &Db, archive: &Archive, name: &SuiteName) -> anyhow::Result<End> {
    let suite = suite::suite(db.read(), archive.id, name)?;
    let copies = package_copy::last_copies(db.read(), suite.id, LOGGED)?;
    session.output.show(&copies, || {
        let cells: Vec<Vec<String>> = copies
            .iter()
            .map(|copy| {
                vec![
                    copy.date.strftime("%Y-%m-%d %H:%M").to_string(),
                    copy.package.to_string(),
                    copy.version.to_string(),
                    copy.from.to_string(),
                    if copy.with_binaries { "with binaries" } else { "source" }.to_owned(),
                    copy.upload.map_or_else(|| "-".to_owned(), |id| id.to_string()),
                    copy.requester.clone(),
                    copy.reason.clone(),
                ]
            })
            .collect();
        table(&["DATE", "PACKAGE", "VERSION", "FROM", "WHAT", "UPLOAD", "BY", "REASON"], &cells)
    })?;
    Ok(End::Success)
}
