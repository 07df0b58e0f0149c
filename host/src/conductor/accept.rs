//! What was accepted, made ready for a pass: as the first step of a run, or as runs of their own, one for each publisher of a distribution.

use std::collections::BTreeSet;

use pressroom_archive::accept::{Report, process_accepted, process_within};
use pressroom_archive::bugs::{Telling, Told, tell_of_bugs};
use pressroom_archive::build;
use pressroom_archive::domain::{ArchiveId, BuildStatus, Publisher, RunOutcome, SuiteName, UploadId};
use pressroom_archive::store::archive::{Archive, archives};
use pressroom_archive::store::binary_package_build::{self, Filter, Order};
use pressroom_archive::store::distribution::{self, Distribution};
use pressroom_archive::store::{Db, StoreError, bug_closure, build_source, publisher, run as run_rows};
use tracing::{debug_span, info_span};

use super::context::Run;
use super::lock::Lock;
use crate::clock::Clock;
use crate::root::Root;

/// What the operator asks of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Only this archive.
    pub(crate) archive: Option<ArchiveId>,
    /// Only these suites; none: all.
    pub(crate) suites: BTreeSet<SuiteName>,
    /// Nobody is told of bugs that are closed, now or later.
    pub(crate) keeps_quiet: bool,
}

/// What such a run did.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Processed {
    /// What became of the uploads.
    #[serde(flatten)]
    pub(crate) report: Report,
    /// The bugs of which a message was written.
    pub(crate) bugs_told: usize,
    /// What was not done beside.
    pub(crate) problems: Vec<String>,
}

impl Processed {
    /// Everything that was not done, in words.
    fn troubles(&self) -> Vec<String> {
        self.report.stuck.iter().map(ToString::to_string).chain(self.problems.iter().cloned()).collect()
    }

    /// Whether all was done.
    pub(crate) fn is_whole(&self) -> bool {
        self.report.stuck.is_empty() && self.problems.is_empty()
    }
}

impl Wanted {
    fn archives(&self, db: &Db, distribution: &Distribution) -> Result<Vec<Archive>, StoreError> {
        let mut all = archives(db.read(), distribution.id)?;
        all.retain(|archive| self.archive.is_none_or(|id| id == archive.id));
        Ok(all)
    }

    fn has(&self, suite: &SuiteName) -> bool {
        self.suites.is_empty() || self.suites.contains(suite)
    }
}

/// The name of such a run in `script_activity`.
const SCRIPT: &str = "process-accepted";

/// The publishers of a distribution that have an archive that is meant. The main archives have one always.
pub(crate) fn publishers(
    db: &Db,
    distribution: &Distribution,
    wanted: &Wanted,
) -> Result<Vec<Publisher>, StoreError> {
    let archives = wanted.archives(db, distribution)?;
    Ok(Publisher::ALL
        .iter()
        .copied()
        .filter(|publisher| archives.iter().any(|archive| archive.publisher() == *publisher))
        .collect())
}

/// Processes what is accepted in the archives of a publisher: a run of its own, under the publisher's lock, recorded however it ends.
pub(crate) fn run(
    root: &Root,
    db: &mut Db,
    (distribution, publisher): (&Distribution, Publisher),
    wanted: &Wanted,
    clock: Clock,
) -> anyhow::Result<Processed> {
    let _span = info_span!("process-accepted", distribution = %distribution.name, %publisher).entered();
    let _lock = Lock::take(&root.locks_folder(), &distribution.name, publisher, clock.now())?;
    // what it is may have changed until the lock was free
    let distribution = distribution::distribution(db.read(), &distribution.name)?;
    let host = crate::root::host_name();
    let id =
        db.write(|tx| publisher::begin_run(tx, SCRIPT, &host, (distribution.id, publisher), clock.now()))?;
    let result = all(root, db, (&distribution, publisher), wanted, clock);
    let (outcome, message) = match &result {
        Ok(done) if done.is_whole() => (RunOutcome::Succeeded, said(&done.report)),
        Ok(done) => (RunOutcome::Failed, done.troubles().join("; ")),
        Err(error) => (RunOutcome::Failed, error.to_string()),
    };
    if let Err(error) = db.write(|tx| run_rows::end_run(tx, id, outcome, &message, clock.now())) {
        // a disk that is full: the next run records that this one has died
        tracing::error!("how the run ended could not be recorded: {error}");
    }
    Ok(result?)
}

fn said(report: &Report) -> String {
    match report.done.len() {
        0 => "nothing to do".to_owned(),
        1 => "1 accepted upload taken in".to_owned(),
        more => format!("{more} accepted uploads taken in"),
    }
}

fn all(
    root: &Root,
    db: &mut Db,
    (distribution, publisher): (&Distribution, Publisher),
    wanted: &Wanted,
    clock: Clock,
) -> Result<Processed, StoreError> {
    let mut report = Report::default();
    for archive in wanted.archives(db, distribution)? {
        if archive.publisher() != publisher {
            continue;
        }
        let _span = debug_span!("archive", archive = %archive.reference).entered();
        let is_wanted = |name: &SuiteName| wanted.has(name);
        let one = process_accepted(db, &root.librarian(), &archive, &is_wanted, &|| clock.now())?;
        report.done.extend(one.done);
        report.stuck.extend(one.stuck);
    }
    look_after_builds(db, clock)?;
    // only primary archives close bugs
    if publisher != Publisher::MainArchives {
        return Ok(Processed { report, ..Processed::default() });
    }
    let telling = if wanted.keeps_quiet { Telling::KeptQuiet } else { Telling::Told };
    let Told { bugs, problems } = tell(root, db, distribution, telling, clock)?;
    Ok(Processed { report, bugs_told: bugs, problems })
}

/// Writes the messages about bugs that are closed. They wait where it is not known who writes: what was accepted is published all the same.
fn tell(
    root: &Root,
    db: &mut Db,
    distribution: &Distribution,
    telling: Telling,
    clock: Clock,
) -> Result<Told, StoreError> {
    // mostly there is nothing to tell, and no look at the templates is needed
    if bug_closure::next_untold(db.read(), distribution.id, UploadId(0))?.is_none() {
        return Ok(Told::default());
    }
    match root.letterhead() {
        Ok(letterhead) => {
            tell_of_bugs(db, &root.librarian(), distribution, letterhead.as_ref(), telling, clock.now())
        }
        Err(error) => {
            let causes: Vec<String> = anyhow::Error::from(error).chain().map(ToString::to_string).collect();
            let problem = format!(
                "nobody was told of the bugs that uploads close, which is tried again by the next run: {}",
                causes.join(": ")
            );
            Ok(Told { bugs: 0, problems: vec![problem] })
        }
    }
}

/// What [`run`] would do; nothing of it stays.
pub(crate) fn rehearse(
    root: &Root,
    db: &mut Db,
    distribution: &Distribution,
    wanted: &Wanted,
    clock: Clock,
) -> Result<Processed, StoreError> {
    let archives = wanted.archives(db, distribution)?;
    let (librarian, now) = (root.librarian(), clock.now());
    db.rehearse(|tx| {
        let mut report = Report::default();
        for archive in &archives {
            let one = process_within(tx, &librarian, archive, &|name| wanted.has(name), now)?;
            report.done.extend(one.done);
            report.stuck.extend(one.stuck);
        }
        Ok::<_, StoreError>(Processed { report, ..Processed::default() })
    })
}

/// Ends the builds that wait although their sources have given way, and lets those be tried again that waited for packages that are published now.
fn look_after_builds(db: &mut Db, clock: Clock) -> Result<(), StoreError> {
    // mostly there are none, and no transaction is needed
    if !build_source::waiting_in_vain(db.read())?.is_empty() {
        db.write(|tx| build::supersede(tx, clock.now()))?;
    }
    let waiting = Filter { statuses: &[BuildStatus::ManualDepWait], ..Filter::default() };
    if !binary_package_build::builds(db.read(), &waiting, Order::Newest, 1)?.is_empty() {
        db.write(|tx| build::depwait::retry_satisfied(tx, clock.now()))?;
    }
    Ok(())
}

impl Run<'_> {
    /// Makes the publications of what was accepted for the suites of this run. What cannot be is a problem of the run, and stops nothing.
    pub(super) fn process_accepted(&mut self, db: &mut Db) -> Result<(), StoreError> {
        let _span = info_span!("process-accepted").entered();
        let is_wanted = |name: &SuiteName| self.options.is_for(name);
        for archive in archives(db.read(), self.distribution.id)? {
            if archive.publisher() != self.publisher
                || !self.options.has(&archive.reference)
                || self.put_aside.contains(&archive.id)
            {
                continue;
            }
            let librarian = self.root.librarian();
            let report = process_accepted(db, &librarian, &archive, &is_wanted, &|| self.clock.now())?;
            self.accepted += report.done.len();
            self.problems.extend(report.stuck.iter().map(ToString::to_string));
        }
        if self.publisher == Publisher::MainArchives {
            let told = tell(self.root, db, self.distribution, Telling::Told, self.clock)?;
            self.problems.extend(told.problems);
        }
        Ok(())
    }

    /// Ends the builds whose sources' places were taken by what was installed, and tries those again that waited for it.
    pub(super) fn look_after_builds(&self, db: &mut Db) -> Result<(), StoreError> {
        look_after_builds(db, self.clock)
    }
}
