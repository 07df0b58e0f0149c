//! `pressroom remove`.

use pressroom_archive::domain::{ArchiveReference, BinaryName, SuiteName};
use pressroom_archive::people::Actor;
use pressroom_archive::remove::{RemoveError, Removed, Request, remove};
use pressroom_archive::store::removal::{RemovedPackages, Requested};

use super::output::{BOLD, WARN, painted};
use super::who::{As, some_word};
use super::{End, Session, exit, the_archive};

const EXAMPLES: &str = "\
Examples:
  pressroom remove --suite one --comment \"abandoned upstream\" hello
  pressroom remove --suite one --binary hello-dbg --as ann --comment \"nobody debugs it\"

What is published goes with the next `pressroom publish`, and its files with the next `pressroom process-death-row`. What waits is taken back at once.";

/// Remove packages from a suite: sources with the binaries that were built from them, or binaries alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Remove {
    /// From where, as one or one-updates.
    #[arg(long)]
    suite: SuiteName,
    /// The archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// The names are those of binary packages, not of sources.
    #[arg(long)]
    binary: bool,
    /// Why; it is kept with the publications. Where there are persons it has to be said.
    #[arg(long, visible_alias = "reason", default_value = "")]
    comment: String,
    #[command(flatten)]
    by: As,
    #[arg(required = true, value_name = "PACKAGE")]
    packages: Vec<String>,
}

impl Remove {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        // the same rule for both kinds of names
        let packages: Result<Vec<BinaryName>, _> = self.packages.iter().map(|name| name.parse()).collect();
        let packages = packages.map_err(|error| exit::usage(format!("{error}")))?;
        let comment = super::who::reason(&self.comment)?;
        let actor = self.by.actor(&root, &db)?;
        let comment = match &actor {
            Actor::Person(_) => some_word(
                comment,
                "packages are not removed without a word: say why with --comment; it is kept with them",
            )?,
            Actor::Operator { .. } => comment,
        };
        let request = Request {
            archive: &archive,
            suite: &self.suite,
            packages: &packages,
            extent: if self.binary { RemovedPackages::Binaries } else { RemovedPackages::SourceAndBinaries },
            actor: &actor,
            comment: &comment,
            stay: root.config.death_row.stay(),
        };
        let now = session.clock.now();
        // all of them or none
        let removed = db.write(|tx| remove(tx, &request, now)).map_err(ended)?;
        session.output.show(&removed, || {
            removed
                .iter()
                .map(|Removed { package, requested: Requested { published, pending }, in_queue }| {
                    let in_queue: String =
                        in_queue.iter().map(|one| format!("{} {one}\n", painted(WARN, "but"))).collect();
                    format!(
                        "{} goes from {}: {published} publications with the next run, {pending} that waited at once\n{in_queue}",
                        painted(BOLD, package),
                        self.suite
                    )
                })
                .collect()
        })?;
        Ok(End::Success)
    }
}

/// An end with the exit code that belongs to it.
fn ended(error: RemoveError) -> anyhow::Error {
    match error {
        RemoveError::Still(refused) => exit::usage(refused.to_string()),
        RemoveError::NotThere { .. } => exit::usage(error.to_string()),
        RemoveError::Denied(denied) => denied.into(),
        RemoveError::Store(error) => error.into(),
    }
}
