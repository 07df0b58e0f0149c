//! A run of one publisher of a distribution.

use std::collections::BTreeSet;

use anyhow::Context;
use pressroom_archive::dists::{Recovered, recover};
use pressroom_archive::domain::{
    ArchivePurpose, DistributionName, PassId, PassPriority, Publisher, RunId, RunOutcome,
};
use pressroom_archive::mirror::After;
use pressroom_archive::store::archive::{Archive, archives as archives_of};
use pressroom_archive::store::distribution::{self, Distribution};
use pressroom_archive::store::hook_run::{self, Overridden};
use pressroom_archive::store::shape::{SuiteShape, shape};
use pressroom_archive::store::survey::survey;
use pressroom_archive::store::{
    Db, StoreError, mirror_journal, pass, publisher, run as run_rows, snapshot_moment, suite,
};
use pressroom_sandbox::Point;
use tracing::{debug_span, field, info_span};

use super::context::{Options, Progress, Run};
use super::lock::{Lock, LockError};
use super::mirror;
use super::pass::{Installed, PassEnd};
use super::select::{self, Refusal, Selection};
use crate::clock::Clock;
use crate::hooks::{self, PassFacts, PointResult, Registry};
use crate::root::Root;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// Everything that had to be done was done.
    Succeeded,
    /// A hook holds a pass.
    Held(String),
    /// Something was not done.
    Failed(String),
}

/// What a run did.
#[derive(Debug)]
pub(crate) struct RunReport {
    pub(crate) run: RunId,
    pub(crate) end: RunEnd,
    /// What was left alone, and why, which is no failure.
    pub(crate) notes: Vec<String>,
}

/// Something in the configuration that stops a run before it begins.
#[derive(Debug, thiserror::Error)]
#[error("nothing was published, because these hooks cannot run:\n{0}")]
pub(crate) struct BrokenHooks(String);

/// Publishes archives of a distribution, those of one publisher: one run, recorded however it ends.
pub(crate) fn run(
    root: &Root,
    (name, publisher): (&DistributionName, Publisher),
    options: &Options,
    clock: Clock,
    progress: &dyn Progress,
) -> anyhow::Result<RunReport> {
    let span = info_span!("run", distribution = %name, %publisher, run = field::Empty).entered();
    let mut db = debug_span!("open").in_scope(|| root.db())?;
    let distribution = distribution::distribution(db.read(), name)?;
    let _lock = Lock::take(&root.locks_folder(), name, publisher, clock.now())?;
    // what another command has published before this one had the lock is not younger than what comes now
    let clock = clock.anew();
    let host = crate::root::host_name();
    let id = debug_span!("journal").in_scope(|| {
        db.write(|tx| publisher::begin_run(tx, SCRIPT, &host, (distribution.id, publisher), clock.now()))
    })?;
    span.record("run", id.0);
    let result = publish(root, &mut db, id, (&distribution, publisher), options, clock, progress);
    let (outcome, message) = match &result {
        Ok((RunEnd::Succeeded, done, _)) => (RunOutcome::Succeeded, done.clone()),
        Ok((RunEnd::Held(reason), ..)) => (RunOutcome::Held, reason.clone()),
        Ok((RunEnd::Failed(reason), ..)) => (RunOutcome::Failed, reason.clone()),
        Err(error) => (RunOutcome::Failed, format!("{error:#}")),
    };
    let ended = debug_span!("journal").in_scope(|| {
        db.write(|tx| {
            hook_run::expire_contexts(tx, (distribution.id, publisher), root.config.hooks.replayable_runs)?;
            run_rows::end_run(tx, id, outcome, &message, clock.now())
        })
    });
    if let Err(error) = ended {
        // a disk that is full: the next run records that this one has died
        tracing::error!("how the run ended could not be recorded: {error}");
    }
    let (end, _, notes) = result?;
    Ok(RunReport { run: id, end, notes })
}

/// The name of a publisher's run in `script_activity`.
const SCRIPT: &str = "publish";

/// What was done, for the record.
fn summary(db: &Db, run: &Run<'_>) -> Result<String, StoreError> {
    let mut said = vec![match run.installed {
        0 if run.accepted > 0 => "no pass installed".to_owned(),
        0 => "nothing to do".to_owned(),
        1 => "1 pass installed".to_owned(),
        more => format!("{more} passes installed"),
    }];
    match run.accepted {
        0 => {}
        1 => said.push("1 accepted upload taken in".to_owned()),
        more => said.push(format!("{more} accepted uploads taken in")),
    }
    match run.called_again {
        0 => {}
        1 => said.push("1 hook of an earlier run called again".to_owned()),
        more => said.push(format!("{more} hooks of earlier runs called again")),
    }
    said.extend(run.notes.iter().cloned());
    if run.options.veto_override.is_some() {
        for call in hook_run::hook_runs_of(db.read(), run.id)? {
            said.extend(call.call.overridden.map(|Overridden { by, reason }| {
                format!("the veto of {} was overridden by {by}: {reason}", call.call.hook)
            }));
        }
    }
    Ok(said.join("; "))
}

fn publish(
    root: &Root,
    db: &mut Db,
    id: RunId,
    (distribution, publisher): (&Distribution, Publisher),
    options: &Options,
    clock: Clock,
    progress: &dyn Progress,
) -> anyhow::Result<(RunEnd, String, Vec<String>)> {
    // before anything that can end the run: who may read no more is not let in because a key is missing
    let problems = write_readers(root, db, (distribution, publisher), clock)?;
    let keys = root.signing_keys(clock.began());
    let archives = select::published_archives(db.read(), distribution, publisher, options)?;
    let checked = debug_span!("read-key").in_scope(|| keys.check(db.read(), &archives));
    let registry = debug_span!("read-hooks").in_scope(|| load_hooks(root, db, distribution));
    let registry = match (checked, registry) {
        // everything that has to be put right is said at once
        (Err(key), Err(hooks)) => {
            let BrokenHooks(list) = hooks.downcast()?;
            return Err(BrokenHooks(format!("{list}\nand the key cannot be used: {key:#}")).into());
        }
        (checked, registry) => {
            checked?;
            registry?
        }
    };
    if let Some(veto_override) = &options.veto_override {
        select::refuse_unknown_hooks(&registry, veto_override)?;
    }
    let program = hooks::this_program().context("cannot find this program, to start hooks with")?;
    let sandbox = hooks::sandbox()
        .context("cannot find this program, to start hooks with")?
        .requiring_walls(root.config.hooks.require_walls);
    let mut run = Run {
        root,
        id,
        distribution,
        publisher,
        options,
        clock,
        keys: &keys,
        registry: &registry,
        sandbox: &sandbox,
        program: &program,
        progress,
        problems,
        notes: Vec::new(),
        put_aside: Vec::new(),
        accepted: 0,
        installed: 0,
        retried: BTreeSet::new(),
        called_again: 0,
    };
    let end = run.all(db)?;
    let summary = summary(db, &run)?;
    Ok((end, summary, run.notes))
}

/// Brings the files up to date that say who reads private archives, also of those that are not published at the moment: what is there is served all the
/// same. What could not be written is said, and stops nobody else.
fn write_readers(
    root: &Root,
    db: &Db,
    (distribution, publisher): (&Distribution, Publisher),
    clock: Clock,
) -> Result<Vec<String>, StoreError> {
    let mut problems = Vec::new();
    let archives = archives_of(db.read(), distribution.id)?;
    for archive in archives.iter().filter(|archive| archive.publisher() == publisher) {
        if let Err(error) = root.write_readers(db.read(), archive, clock.now()) {
            let problem = format!(
                "who may read {} could not be written down, and those who could before still can: {error:#}",
                archive.reference
            );
            tracing::error!("{problem}");
            problems.push(problem);
        }
    }
    Ok(problems)
}

/// Reads the hooks; what will not run is said, all of it at once.
fn load_hooks(root: &Root, db: &Db, distribution: &Distribution) -> anyhow::Result<Registry> {
    let registry = Registry::load(root, db.read(), &root.hooks_folder(&distribution.name))?;
    for complaint in registry.complaints.iter().filter(|complaint| !complaint.blocks) {
        tracing::warn!("{}: {}", complaint.path.display(), complaint.reason);
    }
    let broken: Vec<String> = registry
        .complaints
        .iter()
        .filter(|complaint| complaint.blocks)
        .map(|complaint| format!("  {}: {}", complaint.path.display(), complaint.reason))
        .collect();
    if broken.is_empty() { Ok(registry) } else { Err(BrokenHooks(broken.join("\n")).into()) }
}

impl Run<'_> {
    /// Recovery, what was accepted, the fast track, the normal pass.
    fn all(&mut self, db: &mut Db) -> anyhow::Result<RunEnd> {
        let archives =
            select::published_archives(db.read(), self.distribution, self.publisher, self.options)?;
        let unknown = select::unknown_suites(db.read(), &archives, &self.options.suites)?;
        if let Some(name) = unknown.first() {
            return Err(select::no_such_suite(db.read(), &archives, name)?.into());
        }
        self.recover(db, &archives)?;
        let with_snapshots = snapshot_moment::archives_with_any(db.read(), self.distribution.id)?;
        let behind = mirror_journal::behind(db.read())?;
        // also where nothing is published at the moment: what is there is served all the same
        for archive in archives_of(db.read(), self.distribution.id)? {
            if archive.publisher() == self.publisher {
                if with_snapshots.contains(&archive.id) && !self.put_aside.contains(&archive.id) {
                    let problem = self.expire_snapshots(db, &archive);
                    self.problems.extend(problem);
                }
                if behind.contains(&archive.id) && !self.put_aside.contains(&archive.id) {
                    let told = mirror::keep_up(self.root, db, &archive, After::DeathRow, self.clock);
                    self.problems.extend(told.err());
                }
            }
        }
        self.mark_dirty(db, &archives)?;
        self.process_accepted(db)?;
        self.prepare_new_series(db, &archives)?;
        let held = self.both_priorities(db, &archives);
        // those of the past have waited long enough, also where a pass of today has failed
        let retried = self.retry_what_is_left(db);
        if !matches!(held, Ok(None)) {
            // the end of such a run is about the pass alone
            for problem in &self.problems {
                tracing::error!("{problem}");
            }
        }
        if self.installed > 0 {
            self.look_after_builds(db)?;
        }
        let held = held?;
        retried?;
        Ok(match held {
            Some(reason) => RunEnd::Held(reason),
            None if self.problems.is_empty() => RunEnd::Succeeded,
            None => RunEnd::Failed(self.problems.join("; ")),
        })
    }

    /// The fast track and then the normal pass. The reason, where a hook holds one.
    fn both_priorities(&mut self, db: &mut Db, archives: &[Archive]) -> anyhow::Result<Option<String>> {
        for priority in [PassPriority::HIGH, PassPriority::LOW] {
            if priority == PassPriority::LOW && self.options.security_only {
                break;
            }
            if let Some(held) = self.passes(db, archives, priority)? {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// A pass over each archive with work of this priority, then finalize. The reason, where a hook holds one.
    fn passes(
        &mut self,
        db: &mut Db,
        archives: &[Archive],
        priority: PassPriority,
    ) -> anyhow::Result<Option<String>> {
        let mut installed = Vec::new();
        let mut ended = Ok(None);
        let survey = debug_span!("survey").in_scope(|| survey(db.read(), self.distribution.id))?;
        for archive in archives {
            if self.put_aside.contains(&archive.id) {
                continue;
            }
            let span = debug_span!("select", archive = %archive.reference, %priority);
            let now = self.clock.now();
            let dists = self.root.archive_paths(archive).dists();
            let Selection { suites, refused, left_alone } = span.in_scope(|| {
                let mut selection =
                    select::select(db.read(), &survey, archive, priority, self.options, now, self.keys)?;
                select::refuse_taken(db.read(), archive, &dists, &mut selection)?;
                Ok::<_, StoreError>(selection)
            })?;
            for Refusal { reason, .. } in refused {
                if !self.problems.contains(&reason) {
                    self.problems.push(reason);
                }
            }
            for note in left_alone {
                if !self.notes.contains(&note) {
                    tracing::info!("{note}");
                    self.notes.push(note);
                }
            }
            if suites.is_empty() {
                continue;
            }
            match self.pass(db, archive, priority, &suites) {
                Ok(PassEnd::Installed(pass)) => installed.push(*pass),
                Ok(PassEnd::NotInstalled) => {
                    self.notes.push(format!(
                        "{} was made up to its hooks and not installed, because no Release was to be made (--disable-release)",
                        archive.reference
                    ));
                }
                Ok(PassEnd::Nothing(problems)) => {
                    let new: Vec<String> =
                        problems.into_iter().filter(|problem| !self.problems.contains(problem)).collect();
                    self.problems.extend(new);
                }
                // what is wrong in somebody's archive is no reason to keep the next from being published
                Ok(PassEnd::Held(reason)) if archive.purpose == ArchivePurpose::Ppa => {
                    self.problems.push(format!("{} is held: {reason}", archive.reference));
                    self.put_aside.push(archive.id);
                }
                Err(error) if archive.purpose == ArchivePurpose::Ppa => {
                    self.problems.push(format!("{} was not published: {error:#}", archive.reference));
                    self.put_aside.push(archive.id);
                }
                Ok(PassEnd::Held(reason)) => {
                    ended = Ok(Some(reason));
                    break;
                }
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            }
        }
        // what was installed is finalized, also when a later archive was not
        self.installed += installed.len();
        if !installed.is_empty() {
            self.finalize(db, priority, installed, false)?;
        }
        ended
    }

    /// The finalize hooks for passes that were installed, and their end.
    fn finalize(
        &mut self,
        db: &mut Db,
        priority: PassPriority,
        installed: Vec<Installed>,
        is_resumed: bool,
    ) -> anyhow::Result<()> {
        let _span = info_span!("finalize", %priority).entered();
        let mut installed = installed;
        for pass in &mut installed {
            let told = mirror::keep_up(self.root, db, &pass.archive, After::Pass, self.clock);
            pass.problems.extend(told.err());
        }
        self.retry(db, Point::Finalize)?;
        let mut archives = Vec::new();
        let mut shapes: Vec<SuiteShape> = Vec::new();
        for pass in &installed {
            archives.push((pass.archive.clone(), pass.pass));
            shapes.extend(pass.shapes.iter().cloned());
        }
        let facts = PassFacts {
            distribution: self.distribution,
            run: self.id,
            archives: &archives,
            priority,
            shapes: &shapes,
            started: self.clock.began(),
            is_resumed,
        };
        let mut problem = String::new();
        match self.dispatcher().run(db, Point::Finalize, &facts, None)? {
            PointResult::Passed => {}
            PointResult::Held(reason) | PointResult::Failed(reason) => problem = reason,
        }
        for pass in installed {
            let mut said = pass.problems;
            said.extend((!problem.is_empty()).then(|| problem.clone()));
            let message = said.join("; ");
            let now = self.clock.now();
            debug_span!("journal").in_scope(|| {
                db.write(|tx| {
                    pass::mark_finalized(tx, pass.pass)?;
                    pass::end_pass(tx, pass.pass, &message, now)
                })
            })?;
            for one in said {
                if !self.problems.contains(&one) {
                    self.problems.push(one);
                }
            }
        }
        Ok(())
    }

    /// Ends what runs that died have begun. What is wrong in somebody's archive is no reason to keep the next from being published.
    fn recover(&mut self, db: &mut Db, archives: &[Archive]) -> anyhow::Result<()> {
        let with_snapshots = snapshot_moment::archives_with_any(db.read(), self.distribution.id)?;
        for archive in archives {
            match self.recover_archive(db, archive, with_snapshots.contains(&archive.id)) {
                Err(error) if archive.purpose == ArchivePurpose::Ppa => {
                    self.problems.push(format!(
                        "{} was not published, because what a run that died has begun there could not be ended: {error:#}",
                        archive.reference
                    ));
                    self.put_aside.push(archive.id);
                }
                ended => ended?,
            }
        }
        Ok(())
    }

    /// Ends what a run that died has begun in an archive, and runs the hooks that it owed to what it had installed.
    fn recover_archive(&mut self, db: &mut Db, archive: &Archive, has_snapshots: bool) -> anyhow::Result<()> {
        let _span = info_span!("recover", archive = %archive.reference).entered();
        let _lock = self.succeed(db, archive)?;
        if let Some(run) = publisher::at_work_elsewhere(db.read(), archive, self.id)? {
            self.notes.push(format!(
                "{} is left alone: run {run}, of the publisher that it had before, is at work on it and has to end first",
                archive.reference
            ));
            self.put_aside.push(archive.id);
            return Ok(());
        }
        let paths = self.root.archive_paths(archive);
        let recovered = recover(db, archive.id, &paths, self.clock.now())?;
        let may_owe = has_snapshots || !recovered.is_empty();
        for recovered in recovered {
            match recovered {
                Recovered::Abandoned(pass) => {
                    tracing::warn!(
                        pass = pass.0,
                        "a run died before this pass was installed: it begins again"
                    );
                }
                Recovered::Completed(pass) => {
                    tracing::warn!(
                        pass = pass.0,
                        "a run died while this pass was installed: it is complete now"
                    );
                }
            }
        }
        let problem = if may_owe { self.make_snapshots(db, archive) } else { None };
        self.problems.extend(problem);
        for owed in pass::unfinalized_passes(db.read(), archive.id)? {
            self.pay(db, archive, owed.id, owed.priority)?;
        }
        Ok(())
    }

    /// Where a run of the publisher that an archive had before is not over: says that it has died, if its lock can be had, which is given back when the
    /// archive is as it should be. That publisher may have no archive any more, and no run of its own to find out.
    fn succeed(&self, db: &mut Db, archive: &Archive) -> anyhow::Result<Option<Lock>> {
        let Some(run) = publisher::at_work_elsewhere(db.read(), archive, self.id)? else { return Ok(None) };
        let Some(before) = run_rows::find_run(db.read(), run)?.publisher else { return Ok(None) };
        let now = self.clock.now();
        match Lock::take(&self.root.locks_folder(), &self.distribution.name, before, now) {
            Ok(lock) => {
                db.write(|tx| run_rows::end_dead_runs(tx, self.distribution.id, before, now))?;
                Ok(Some(lock))
            }
            Err(LockError::Busy { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Post-publication and finalize for a pass that an earlier run installed: the hooks whose call that run did not live to record.
    fn pay(
        &mut self,
        db: &mut Db,
        archive: &Archive,
        id: PassId,
        priority: PassPriority,
    ) -> anyhow::Result<()> {
        let of_pass = pass::suites_of_pass(db.read(), id)?;
        let suites = suite::suites_of(db.read(), archive.id)?;
        let shapes: Vec<SuiteShape> = suites
            .into_iter()
            .filter(|suite| of_pass.contains(&suite.id))
            .map(|suite| shape(db.read(), suite))
            .collect::<Result<_, _>>()?;
        let archives = [(archive.clone(), id)];
        let facts = PassFacts {
            distribution: self.distribution,
            run: self.id,
            archives: &archives,
            priority,
            shapes: &shapes,
            started: self.clock.began(),
            is_resumed: true,
        };
        self.retry(db, Point::PostPublication)?;
        let mut problems = Vec::new();
        match self.dispatcher().run(db, Point::PostPublication, &facts, None)? {
            PointResult::Passed => {}
            PointResult::Held(reason) | PointResult::Failed(reason) => problems.push(reason),
        }
        let installed = Installed { pass: id, archive: archive.clone(), shapes: shapes.clone(), problems };
        self.finalize(db, priority, vec![installed], true)
    }
}
