//! `pressroom report`.

use pressroom_archive::domain::{ArchiveReference, SuiteName};
use pressroom_archive::dominate::unbuilt;
use pressroom_archive::store::suite;
use pressroom_archive::store::unbuilt::{published_binaries, published_sources};

use super::output::table;
use super::{End, Session, the_archive};

/// What an archive's admin may want to look after. It changes nothing.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the binary packages that no source builds any more: they are never removed by themselves.
    ///
    /// They are those whose source is not in the suite, and those that a newer version of it has not brought although it was built for their
    /// architecture. For example: pressroom report nbs --suite one; pressroom remove --suite one --binary --comment NBS libfoo1
    Nbs {
        /// Where, as one or one-updates.
        #[arg(long)]
        suite: SuiteName,
        /// The archive; without it, the primary one of the only distribution.
        #[arg(long)]
        archive: Option<ArchiveReference>,
    },
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let Self::Nbs { suite: name, archive } = self;
        let root = session.root()?;
        let db = root.db()?;
        let archive = the_archive(&db, archive.as_ref())?;
        let suite = suite::suite(db.read(), archive.id, name)?;
        let (binaries, sources) =
            (published_binaries(db.read(), suite.id)?, published_sources(db.read(), suite.id)?);
        let found = unbuilt(&binaries, &sources);
        session.output.show(&found, || {
            if found.is_empty() {
                let none = if sources.is_empty() && !binaries.is_empty() {
                    format!("{name} has no sources: nothing can be said of its binary packages.\n")
                } else {
                    format!("Every binary package of {name} is one that its source builds.\n")
                };
                return none;
            }
            let rows: Vec<Vec<String>> = found
                .iter()
                .map(|one| {
                    let why = match &one.source_is_at {
                        None => "its source is not there".to_owned(),
                        Some(version) => format!("its source is at {version}"),
                    };
                    vec![
                        one.package.clone(),
                        one.version.clone(),
                        one.architectures.join(" "),
                        format!("{} {}", one.source, one.source_version),
                        why,
                    ]
                })
                .collect();
            table(&["PACKAGE", "VERSION", "ARCHITECTURES", "BUILT FROM", "WHY"], &rows)
        })?;
        Ok(End::Success)
    }
}
