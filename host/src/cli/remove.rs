//! `pressroom remove`.

use std::collections::BTreeSet;

use pressroom_archive::domain::{ArchiveReference, BinaryName, SuiteName};
use pressroom_archive::dominate::schedule_suite;
use pressroom_archive::people::{Actor, rights};
use pressroom_archive::refile::refuse_stable;
use pressroom_archive::store::removal::{
    Extent, InQueue, Removal, Requested, components_of, in_queue, request_removal,
};
use pressroom_archive::store::shape::shape;
use pressroom_archive::store::{StoreError, suite};
use serde::Serialize;

use super::operator::As;
use super::output::{BOLD, WARN, painted};
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

#[derive(Serialize)]
struct Removed {
    package: String,
    #[serde(flatten)]
    requested: Requested,
    /// What brings it back.
    in_queue: Vec<InQueue>,
}

impl Remove {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        let comment = super::operator::reason(&self.comment)?;
        let actor = self.by.actor(&root, &db)?;
        if comment.is_empty() && matches!(actor, Actor::Person(_)) {
            return Err(exit::usage(
                "packages are not removed without a word: say why with --comment; it is kept with them",
            ));
        }
        let extent = if self.binary { Extent::Binaries } else { Extent::SourceAndBinaries };
        let mut removed = Vec::new();
        let (stay, now) = (root.config.death_row.stay(), session.clock.now());
        // all of them or none
        let suite = db.write(|tx| {
            let shape = shape(tx, suite::suite(tx, archive.id, &self.suite)?)?;
            let suite = shape.suite.clone();
            refuse_stable(&archive, &shape).map_err(|error| exit::usage(error.to_string()))?;
            let rights = rights(tx, &archive, &actor)?;
            for package in BTreeSet::from_iter(&self.packages) {
                // the same rule for both kinds of names
                let name: BinaryName =
                    package.parse().map_err(|error| StoreError::Refused(format!("{error}")))?;
                let components = components_of(tx, suite.id, name.as_str(), extent)?;
                // what is not there is said below
                if !components.is_empty() {
                    rights.may_administer(shape.series.id, suite.name.pocket(), &components)?;
                }
                let removal = Removal {
                    suite: suite.id,
                    name: name.as_str(),
                    extent,
                    by: actor.name(),
                    comment: &comment,
                };
                let requested = request_removal(tx, &removal, now)?;
                let waiting = in_queue(tx, suite.id, name.as_str(), extent)?;
                if requested == Requested::default() {
                    let (what, other) = match extent {
                        Extent::SourceAndBinaries => {
                            ("source package, and no binary of a source,", "name binary packages with --binary")
                        }
                        Extent::Binaries => ("binary package", "without --binary, names are those of sources"),
                    };
                    let in_queue: String = waiting.iter().map(|one| format!("; {}", stays(one))).collect();
                    return Err(exit::usage(format!(
                        "there is no {what} {name} in {} that is published or waits and is not to be removed already; nothing was \
                         changed ({other}){in_queue}",
                        suite.name
                    )));
                }
                removed.push(Removed { package: package.clone(), requested, in_queue: waiting });
            }
            // what waited is deleted, and no pass comes by it
            schedule_suite(tx, suite.id, stay, now)?;
            Ok::<_, anyhow::Error>(suite)
        })?;
        session.output.show(&removed, || {
            removed
                .iter()
                .map(|Removed { package, requested: Requested { published, pending }, in_queue }| {
                    let in_queue: String =
                        in_queue.iter().map(|one| format!("{} {}\n", painted(WARN, "but"), stays(one))).collect();
                    format!(
                        "{} goes from {}: {published} publications with the next run, {pending} that waited at once\n{in_queue}",
                        painted(BOLD, package),
                        suite.name
                    )
                })
                .collect()
        })?;
        Ok(End::Success)
    }
}

/// What is to be said of an upload that brings a package back.
fn stays(InQueue { upload, status, source, version }: &InQueue) -> String {
    format!(
        "upload {upload} of {source} {version} is {status} and stays in the queue: `pressroom queue reject {upload}` takes it out of there"
    )
}
