//! `pressroom build create`.

use std::collections::BTreeSet;

use pressroom_archive::build::create::create_missing;
use pressroom_archive::domain::{ArchiveReference, SourceName, SuiteName};
use pressroom_archive::store::binary_package_build as rows;
use pressroom_archive::store::build_source::BuildSource;
use pressroom_archive::store::shape::shape;
use pressroom_archive::store::{Transaction, build_source, suite};

use super::Shown;
use super::decide::{Right, judge};
use crate::cli::who::As;
use crate::cli::{End, Session, exit, the_archive};

const EXAMPLES: &str = "\
Uploads of sources make their builds when they are accepted. This is for an architecture that is new in a series, and for sources that were imported
or copied:
  pressroom series set one --architecture riscv64
  pressroom build create --suite one
  pressroom build create --suite one hello";

/// Make the builds that sources of a suite lack: for each enabled architecture that they name, where there is neither a build nor a package.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    by: As,
    /// Of what is published there, as one or one-updates.
    #[arg(long)]
    suite: SuiteName,
    /// The archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Print the builds that would be made, and make none.
    #[arg(long)]
    dry_run: bool,
    /// Only of these sources; without them, of all.
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceName>,
}

impl Create {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let actor = self.by.actor(&root, &db)?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        let now = session.clock.now();
        // all of them or none, and what is shown is read before it may be taken back
        let make = |tx: &Transaction<'_>| -> anyhow::Result<Vec<Shown>> {
            let shape = shape(tx, suite::suite(tx, archive.id, &self.suite)?)?;
            let sources = self.named(build_source::published_sources(tx, shape.suite.id)?)?;
            for one in &sources {
                let of = (one.id, &one.name);
                judge(tx, &actor, (&archive, &shape.suite), of, Right::UploadOrAdminister)??;
            }
            let mut shown = Vec::new();
            for one in &sources {
                for id in create_missing(tx, &archive, &shape, one.id, now)? {
                    let status = rows::build(tx, id)?.status;
                    rows::add_event(tx, id, (status, status), actor.name(), "asked for", now)?;
                    shown.push(Shown::new(tx, &rows::build(tx, id)?)?);
                }
            }
            Ok(shown)
        };
        let shown = if self.dry_run { db.rehearse(make) } else { db.write(make) }?;
        session.output.show(&shown, || {
            if shown.is_empty() {
                return format!("Nothing of {} lacks a build.\n", self.suite);
            }
            let would = if self.dry_run { "would be made" } else { "made" };
            let lines: String = shown.iter().map(|one| format!("{}\n", one.title())).collect();
            format!("{lines}{} builds {would}\n", shown.len())
        })?;
        Ok(End::Success)
    }

    /// The sources that are meant; a name that none has is a slip.
    fn named(&self, all: Vec<BuildSource>) -> anyhow::Result<Vec<BuildSource>> {
        if self.sources.is_empty() {
            return Ok(all);
        }
        let known: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
        if let Some(name) = self.sources.iter().find(|name| !known.contains(name.as_str())) {
            return Err(exit::usage(format!("there is no source {name} in {}", self.suite)));
        }
        Ok(all.into_iter().filter(|one| self.sources.contains(&one.name)).collect())
    }
}
