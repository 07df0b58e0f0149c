//! `pressroom build claim`.

use pressroom_archive::build;
use pressroom_archive::domain::{ArchitectureTag, ArchiveReference};
use pressroom_archive::store::archive;
use serde::Serialize;

use super::{Shown, SourceFile, source_files};
use crate::cli::output::{DIM, painted};
use crate::cli::{End, Session};

const EXAMPLES: &str = "\
What a builder does, in a loop:
  build=$(pressroom --format json build claim amd64 --builder alpha)
  …                       null: nothing waits; otherwise it fetches .files and builds, for .suite
  pressroom build finish --builder alpha --log build.log 5
  dput incoming hello_2.10-3_amd64.changes
  pressroom process-upload --policy buildd --build 5 /srv/uploads
Or, where it could not:
  pressroom build fail --builder alpha --log build.log 5";

/// Claim the build whose turn it is on an architecture: the highest score first. For builders, who are trusted like whoever can write here.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Claim {
    /// What the builder can build for.
    #[arg(value_name = "ARCHITECTURE")]
    architecture: ArchitectureTag,
    /// The builder's name; it is kept with the build.
    #[arg(long)]
    builder: String,
    /// Only of this archive.
    #[arg(long)]
    archive: Option<ArchiveReference>,
}

#[derive(Serialize)]
struct Claimed {
    #[serde(flatten)]
    shown: Shown,
    files: Vec<SourceFile>,
}

impl Claim {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let archive = match &self.archive {
            Some(reference) => Some(archive::archive(db.read(), reference)?.id),
            None => None,
        };
        let claim = build::Claim { architecture: &self.architecture, archive, builder: &self.builder };
        let build = db.write(|tx| build::claim(tx, &claim, session.clock.now()))?;
        let claimed = match build {
            Some(build) => Some(Claimed {
                shown: Shown::new(db.read(), &build)?,
                files: source_files(&root, db.read(), &build)?,
            }),
            None => None,
        };
        session.output.show(&claimed, || match &claimed {
            None => format!("Nothing waits to be built for {}.\n", self.architecture),
            Some(Claimed { shown, files }) => {
                let files =
                    files.iter().map(|file| format!("  {} {}\n", file.name, painted(DIM, &file.path)));
                format!("{}\n{}", shown.title(), files.collect::<String>())
            }
        })?;
        Ok(End::Success)
    }
}
