//! `pressroom populate-archive`.

use anyhow::Context;
use pressroom_archive::copy::populate::{Begun, Populate, begin};
use pressroom_archive::domain::{
    ArchitectureTag, ArchiveReference, ComponentName, CopyRequestStatus, PackageSetName, SuiteName,
};
use pressroom_archive::store::archive::{Archive, archive, archive_by_id, archives};
use pressroom_archive::store::copy_request::request;
use pressroom_archive::store::distribution::distributions;
use pressroom_archive::store::suite::suites_of;
use pressroom_archive::store::{Connection, Db, StoreError};
use serde::Serialize;

use super::copy_request::{Batch, RequestView, carry_out};
use super::output::{WARN, painted};
use super::who::{self, As};
use super::{End, Session, exit};
use crate::conductor::Aside;
use crate::conductor::copy_requests::{Left, Pace, rehearse};
use crate::root::Root;
use crate::stop::Stop;

const EXAMPLES: &str = "\
Examples:
  pressroom populate-archive --from demo/one --to demo/rebuild --reason \"does all of one build with the new compiler?\"
  pressroom populate-archive --from demo --to demo/frozen --include-binaries --component main --reason \"as it was shipped\"
  pressroom populate-archive --from demo/one --to demo/rebuild --merge-copy --reason \"what is newer by now\"
  pressroom archive set demo/rebuild --enabled true; pressroom publish --copy-archives

The copy is made disabled: nothing in it is built or published until it is enabled. Where it is interrupted, the same command, or
`pressroom copy-request process`, goes on.";

/// Fill a copy archive, which is made where there is none, with what another archive has: for rebuilds, or to keep it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PopulateArchive {
    /// What is copied: all suites of an archive in which there are packages, or one: demo, demo/one, ~ann/demo/tools/one.
    #[arg(long, value_name = "ARCHIVE[/SUITE]")]
    from: String,
    /// The copy: an archive of a distribution's own.
    #[arg(long, value_name = "DISTRIBUTION/NAME")]
    to: ArchiveReference,
    /// Why; it is kept with the archive and shown.
    #[arg(long)]
    reason: String,
    /// Into which suite of the copy; without it, the one of the same name.
    #[arg(long, value_name = "SUITE")]
    to_suite: Option<SuiteName>,
    /// Into a copy that is there: what it lacks, and what is newer.
    #[arg(long)]
    merge_copy: bool,
    /// The binary packages too. Without them the sources are to be built in the copy.
    #[arg(long, visible_alias = "binaries")]
    include_binaries: bool,
    /// Only this component; again for more.
    #[arg(long = "component", value_name = "COMPONENT")]
    components: Vec<ComponentName>,
    /// Only the sources of this package set, and what was built of them; again for more.
    #[arg(long = "package-set", value_name = "NAME")]
    package_sets: Vec<PackageSetName>,
    /// An architecture of the copy, which never gets another one; again for more. Without it, those of its series at this moment.
    #[arg(long = "architecture", value_name = "ARCHITECTURE")]
    architectures: Vec<ArchitectureTag>,
    /// As people write the copy.
    #[arg(long)]
    display_name: Option<String>,
    /// Only write down what is asked for: `pressroom copy-request process` does it.
    #[arg(long, conflicts_with = "dry_run")]
    later: bool,
    #[command(flatten)]
    batch: Batch,
    #[command(flatten)]
    by: As,
    /// Say what would be, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    /// It had been asked for before, and was not done yet.
    goes_on: bool,
    #[serde(flatten)]
    view: &'a RequestView,
}

impl PopulateArchive {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let reason = who::reason(&self.reason)?;
        if let Some(name) = &self.display_name {
            who::remark("--display-name", name)?;
        }
        let (origin, from) = origin(db.read(), &self.from)?;
        let words = match &from {
            None => origin.reference.to_string(),
            Some(suite) => format!("{}/{suite}", origin.reference),
        };
        let actor = self.by.actor(&root, &db)?;
        let wanted = Populate {
            origin: &origin,
            origin_in_words: &words,
            from: from.as_ref(),
            to: &self.to,
            to_suite: self.to_suite.as_ref(),
            merge: self.merge_copy,
            architectures: &self.architectures,
            components: &self.components,
            package_sets: &self.package_sets,
            with_binaries: self.include_binaries,
            display_name: self.display_name.as_deref(),
            actor: &actor,
            reason: &reason,
        };
        let now = session.clock.now();
        let nothing = || format!("{} was not filled", self.to);
        let stop = Stop::on_signals()?;
        if self.dry_run {
            let (begun, left, view) =
                rehearsed(session, &root, &db, &wanted, self.batch, &stop).with_context(nothing)?;
            if left == Left::Stopped {
                anstream::eprintln!("{} this is how far it had come", painted(WARN, "stopped:"));
            }
            self.show(session, begun, &view)?;
            return Ok(match left {
                Left::Ended(CopyRequestStatus::Failed) | Left::Stopped => End::Failure,
                Left::Ended(_) => End::Success,
            });
        }
        let begun = db.write(|tx| begin(tx, &wanted, now)).with_context(nothing)?;
        let (view, end) = if self.later {
            (RequestView::of(db.read(), &request(db.read(), begun.request())?)?, End::Success)
        } else {
            carry_out(session, &root, &mut db, begun.request(), self.batch, &stop)?
        };
        self.show(session, begun, &view)?;
        if session.output.is_text() && !self.later {
            let target = archive_by_id(db.read(), request(db.read(), begun.request())?.target_archive)?;
            if !target.enabled {
                anstream::eprintln!(
                    "{} is disabled: `pressroom archive set {0} --enabled true` lets it be built and, with `pressroom publish --copy-archives`, published",
                    target.reference
                );
            }
        }
        Ok(end)
    }

    fn show(&self, session: &Session, begun: Begun, view: &RequestView) -> anyhow::Result<()> {
        let goes_on = matches!(begun, Begun::GoesOn(_));
        let report = Report { dry_run: self.dry_run, goes_on, view };
        session.output.show(&report, || {
            let mut text = String::new();
            if self.dry_run {
                text.push_str(&format!("{} nothing was done\n", painted(WARN, "dry run:")));
            }
            if goes_on {
                text.push_str("It had been asked for before, and went on from there.\n");
            }
            text.push_str(&view.text());
            text
        })
    }
}

/// What would be: done in a copy of the database, since it may take long, and nobody is to wait for it.
fn rehearsed(
    session: &Session,
    root: &Root,
    db: &Db,
    wanted: &Populate<'_>,
    batch: Batch,
    stop: &Stop,
) -> anyhow::Result<(Begun, Left, RequestView)> {
    let mut aside = Aside::of(db)?;
    let copy = &mut aside.db;
    let begun = copy.write(|tx| begin(tx, wanted, session.clock.now()))?;
    let pace = Pace { batch: batch.size, stop, clock: session.clock };
    let left = rehearse(copy, &root.librarian(), begun.request(), pace)?;
    let view = RequestView::of(copy.read(), &request(copy.read(), begun.request())?)?;
    Ok((begun, left, view))
}

/// What is copied: an archive, and one of its suites where one is named.
fn origin(db: &Connection, text: &str) -> anyhow::Result<(Archive, Option<SuiteName>)> {
    let find = |reference: &ArchiveReference| -> Result<Option<Archive>, StoreError> {
        let Some(of) = distributions(db)?.into_iter().find(|one| one.name == *reference.distribution())
        else {
            return Ok(None);
        };
        Ok(archives(db, of.id)?.into_iter().find(|one| one.reference == *reference))
    };
    let whole = match text.parse::<ArchiveReference>() {
        Ok(reference) => find(&reference)?,
        Err(_) => None,
    };
    let mut part = None;
    if let Some((head, tail)) = text.rsplit_once('/')
        && let (Ok(reference), Ok(name)) = (head.parse::<ArchiveReference>(), tail.parse::<SuiteName>())
        && let Some(found) = find(&reference)?
    {
        if suites_of(db, found.id)?.iter().any(|suite| suite.name == name) {
            part = Some((found, name));
        } else if whole.is_none() {
            let known = suites_of(db, found.id)?.iter().map(|suite| suite.name.to_string()).collect();
            return Err(StoreError::Unknown { what: "suite", name: name.to_string(), known }.into());
        }
    }
    match (whole, part) {
        (Some(_), Some((found, suite))) => Err(exit::usage(format!(
            "{text} is an archive, and the suite {suite} of {}: say {text}/SUITE for a suite of that archive, or {} for this suite",
            found.reference,
            explicit(&found, &suite)
        ))),
        (Some(whole), None) => Ok((whole, None)),
        (None, Some((found, suite))) => Ok((found, Some(suite))),
        (None, None) => match text.parse::<ArchiveReference>() {
            Ok(reference) => Ok((archive(db, &reference)?, None)),
            Err(error) => Err(exit::usage(format!("--from {text:?}: {error}"))),
        },
    }
}

/// A suite with its archive written out, so that it can be nothing else.
fn explicit(archive: &Archive, suite: &SuiteName) -> String {
    let reference = &archive.reference;
    if reference.owner().is_none() {
        format!("{}/{}/{suite}", reference.distribution(), reference.name())
    } else {
        format!("{reference}/{suite}")
    }
}
