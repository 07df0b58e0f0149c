//! `pressroom queue override`.

use pressroom_archive::domain::{ComponentName, PackagePriority, Section};
use pressroom_archive::queue::decide::Review;
use pressroom_archive::queue::overrides::{Change, Meant, Wish, file_otherwise};
use pressroom_archive::queue::{Use, Word};
use pressroom_archive::store::package_upload::PackageUpload;
use pressroom_archive::store::{Db, StoreError, Transaction};
use serde::Serialize;

use super::{WAITING, Where};
use crate::cli::output::{BAD, BOLD, DIM, painted};
use crate::cli::who::{As, comment};
use crate::cli::{End, Session, exit};

const EXAMPLES: &str = "\
Examples:
  pressroom queue override source 12 --component universe --section net
  pressroom queue override binary 12 --priority extra --package hello-dbg

It counts for these uploads. What is said once and for all of a package is said with `pressroom override`.";

/// File the packages of uploads in another component or section, or with another priority, before they are published.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) enum Override {
    /// Their source packages.
    #[command(after_help = EXAMPLES)]
    Source {
        #[command(flatten)]
        to: To,
    },
    /// Their binary packages.
    #[command(after_help = EXAMPLES)]
    Binary {
        /// Only the binary packages of this name; more than one may be named.
        #[arg(long, value_name = "NAME")]
        package: Vec<String>,
        #[arg(long)]
        priority: Option<PackagePriority>,
        #[command(flatten)]
        to: To,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct To {
    #[command(flatten)]
    place: Where,
    #[arg(long)]
    component: Option<ComponentName>,
    #[arg(long)]
    section: Option<Section>,
    /// Why; it is kept in the log.
    #[arg(long, visible_alias = "reason", default_value = "")]
    comment: String,
    #[command(flatten)]
    by: As,
    /// Say what would be, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[arg(required = true, value_name = "UPLOAD")]
    uploads: Vec<Word>,
}

#[derive(Serialize)]
struct Outcome {
    upload: i64,
    source: String,
    version: String,
    changes: Vec<Change>,
    /// Why nothing was done.
    refused: Vec<String>,
}

impl Override {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let (to, meant, priority) = match self {
            Self::Source { to } => (to, Meant::Source, None),
            Self::Binary { package, priority, to } => (to, Meant::Binaries(package), priority.as_ref()),
        };
        let wish = Wish {
            component: to.component.clone(),
            section: to.section.clone(),
            priority: priority.cloned(),
        };
        if wish == Wish::default() {
            let ways = match meant {
                Meant::Source => "--component or --section",
                Meant::Binaries(_) => "--component, --section or --priority",
            };
            return Err(exit::usage(format!("say where it is to be filed: name {ways}")));
        }
        let comment = comment(&to.comment)?;
        let root = session.root()?;
        let mut db = root.db()?;
        let actor = to.by.actor(&root, &db)?;
        let review = Review { actor: &actor, comment: &comment, now: session.clock.now() };
        let uploads = to.place.find(db.read(), &to.uploads, WAITING, Use::Deciding)?;
        let mut outcomes = Vec::new();
        for upload in uploads {
            outcomes.push(to.one(&mut db, &upload, meant, &wish, &review)?);
        }
        session.output.show(&outcomes, || to.text(&outcomes))?;
        let is_any_refused = outcomes.iter().any(|outcome| !outcome.refused.is_empty());
        Ok(if is_any_refused { End::Failure } else { End::Success })
    }
}

impl To {
    fn one(
        &self,
        db: &mut Db,
        upload: &PackageUpload,
        meant: Meant<'_>,
        wish: &Wish,
        review: &Review<'_>,
    ) -> anyhow::Result<Outcome> {
        let work = |tx: &Transaction<'_>| file_otherwise(tx, upload.id, meant, wish, review);
        let ended: Result<_, StoreError> = if self.dry_run { db.rehearse(work) } else { db.write(work) };
        let (changes, refused) = match ended? {
            Ok(changes) => (changes, Vec::new()),
            Err(reasons) => (Vec::new(), reasons),
        };
        Ok(Outcome {
            upload: upload.id.0,
            source: upload.source_name.to_string(),
            version: upload.version.to_string(),
            changes,
            refused,
        })
    }

    fn text(&self, outcomes: &[Outcome]) -> String {
        let mut text = String::new();
        for outcome in outcomes {
            let name = painted(BOLD, format!("{} {} {}", outcome.upload, outcome.source, outcome.version));
            let word = match (outcome.refused.is_empty(), self.dry_run) {
                (false, _) => painted(BAD, "is filed as it was:"),
                (true, true) => "would be filed otherwise:".to_owned(),
                (true, false) => "is filed:".to_owned(),
            };
            text.push_str(&format!("{name} {word}\n"));
            for reason in &outcome.refused {
                text.push_str(&format!("  {reason}\n"));
            }
            for change in &outcome.changes {
                let line = change.to_string();
                let line = if change.is_any() { line } else { painted(DIM, line) };
                text.push_str(&format!("  {line}\n"));
            }
        }
        text
    }
}
