//! One pass over one archive: stage, poolify, dominate, custom (where custom uploads wait), index, links (where suites have other names), pre-publication, release, install, post-publication.
//!
//! Each step is recorded before and after. Until the installation begins, a failure forgets the pass and its staged trees: every publication and every
//! mark is as before. After that, the next run takes it to its end.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Instant;

use jiff::Timestamp;
use pressroom_archive::disk;
use pressroom_archive::dists::{InstallStep, Staged, install};
use pressroom_archive::domain::{PassId, PassPriority};
use pressroom_archive::mirror::{self, TreeChanges};
use pressroom_archive::openpgp::Signers;
use pressroom_archive::pool::Pooled;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::publisher::{self, LeftOut};
use pressroom_archive::store::shape::{SuiteShape, shape};
use pressroom_archive::store::suite::Dirt;
use pressroom_archive::store::{
    Db, StoreError, Transaction, contest, custom_publication, mirror_journal, pass, step, transition,
};
use pressroom_sandbox::Point;
use tracing::{Span, debug_span, field, info_span};

use super::context::Run;
use super::{links, select};
use crate::hooks::{PointResult, StagedSide};

/// How a pass ended.
#[derive(Debug)]
pub(super) enum PassEnd {
    /// Its tree is live.
    Installed(Box<Installed>),
    /// A hook holds it; nothing changed.
    Held(String),
    /// Nothing of what waits can be published; nothing changed.
    Nothing(Vec<String>),
    /// It was made up to its hooks, and no Release of it was wanted; nothing changed.
    NotInstalled,
}

/// What an installed pass was about.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) pass: PassId,
    pub(super) archive: Archive,
    pub(super) shapes: Vec<SuiteShape>,
    /// What was not done, though the pass was: for the operators.
    pub(super) problems: Vec<String>,
}

impl Run<'_> {
    /// Publishes suites of an archive.
    pub(super) fn pass(
        &mut self,
        db: &mut Db,
        archive: &Archive,
        priority: PassPriority,
        suites: &[Dirt],
    ) -> anyhow::Result<PassEnd> {
        let span = info_span!("pass", archive = %archive.reference, %priority, pass = field::Empty).entered();
        let signers = self.keys.of(db.read(), archive)?;
        let signing_keys = self.keys.fingerprints(db.read(), archive)?;
        let date = select::release_date(archive, suites, &signing_keys, self.options, self.clock.began())?;
        let (run, now) = (self.id, self.clock.now());
        let id = debug_span!("journal").in_scope(|| {
            let left_out = LeftOut {
                domination: self.options.disabled.domination,
                indexes: self.options.disabled.indexing,
            };
            db.write(|tx| {
                publisher::refuse_beside(tx, archive, run)?;
                let id = pass::begin_pass(tx, run, archive.id, priority, suites, date, now)?;
                publisher::leave_out(tx, id, left_out)?;
                pass::set_signing_keys(tx, id, &signing_keys)?;
                Ok::<_, StoreError>(id)
            })
        })?;
        span.record("pass", id.0);
        let mut work = PassWork {
            run: self,
            id,
            archive,
            priority,
            date,
            dirt: suites,
            signers,
            signing_keys: signing_keys.split(' ').map(str::to_owned).collect(),
            shapes: Vec::new(),
            pooled: Pooled::default(),
            problems: Vec::new(),
        };
        work.shapes = work.read_shapes(db)?;
        match work.until_installed(db) {
            Ok(Reached::Ready(staged)) => work.install(db, staged),
            Ok(Reached::Held(reason)) => {
                work.abandon(db, &reason)?;
                Ok(PassEnd::Held(reason))
            }
            Ok(Reached::Unreleased) => {
                work.abandon(db, "not installed: no Release was to be made")?;
                Ok(PassEnd::NotInstalled)
            }
            Ok(Reached::Nothing) => {
                work.abandon(db, &work.problems.join("; "))?;
                db.write(|tx| contest::nothing_is_owed(tx, id))?;
                Ok(PassEnd::Nothing(work.problems))
            }
            Err(error) => {
                let message = format!("{error:#}");
                if let Err(second) = work.abandon(db, &message) {
                    // the next run finds the pass in the journal
                    tracing::warn!("the pass could not be put away: {second:#}");
                }
                Err(error)
            }
        }
    }
}

/// A pass in work.
pub(super) struct PassWork<'a, 'r> {
    pub(super) run: &'a mut Run<'r>,
    pub(super) id: PassId,
    pub(super) archive: &'a Archive,
    pub(super) priority: PassPriority,
    /// What its Release files say of when they were made.
    pub(super) date: Timestamp,
    pub(super) dirt: &'a [Dirt],
    pub(super) signers: Rc<Signers>,
    pub(super) signing_keys: Vec<String>,
    pub(super) shapes: Vec<SuiteShape>,
    /// The names that it has made in the pool, which are recorded when they are durable.
    pub(super) pooled: Pooled,
    pub(super) problems: Vec<String>,
}

/// How far a pass came before its installation.
enum Reached {
    Ready(Staged),
    Held(String),
    Nothing,
    Unreleased,
}

impl PassWork<'_, '_> {
    fn read_shapes(&self, db: &Db) -> Result<Vec<SuiteShape>, StoreError> {
        self.dirt.iter().map(|dirt| shape(db.read(), dirt.suite.clone())).collect()
    }

    /// The suites that may change, not only their Release.
    pub(super) fn changing(&self) -> impl Iterator<Item = (&SuiteShape, &Dirt)> {
        self.shapes.iter().zip(self.dirt).filter(|(_, dirt)| !dirt.only_release)
    }

    pub(super) const fn needs_all_indexes(&self, dirt: &Dirt) -> bool {
        dirt.needs_all_indexes() && !dirt.only_release
    }

    /// Does a step, recorded before and after; the text that `work` gives says what it did.
    fn step<T>(
        &mut self,
        db: &mut Db,
        name: &'static str,
        work: impl FnOnce(&mut Self, &mut Db) -> anyhow::Result<(T, String)>,
    ) -> anyhow::Result<T> {
        let _span = span_of(name).entered();
        self.run.progress.step(&self.archive.reference, self.priority, name);
        let (pass, now, begin) = (self.id, self.run.clock.now(), Instant::now());
        let step =
            debug_span!("journal").in_scope(|| db.write(|tx| step::begin_step(tx, pass, name, now)))?;
        let (value, detail) = work(self, db)?;
        let now = self.run.clock.now();
        debug_span!("journal")
            .in_scope(|| db.write(|tx| step::end_step(tx, step, &detail, begin.elapsed(), now)))?;
        tracing::debug!(step = name, detail, "done");
        Ok(value)
    }

    fn until_installed(&mut self, db: &mut Db) -> anyhow::Result<Reached> {
        let mut staged = self.step(db, "stage", |work, db| work.stage(db))?;
        let (careful, disabled) = (self.run.options.careful, self.run.options.disabled);
        if careful.publishing {
            self.step(db, "verify-pool", Self::verify_pool)?;
        }
        if !disabled.publishing {
            self.step(db, "poolify", Self::poolify)?;
        }
        self.step(db, "dominate", Self::dominate)?;
        let customs = self.changing().any(|(_, dirt)| dirt.customs > 0);
        if customs {
            self.step(db, "custom", |work, db| work.customs(db, &mut staged))?;
        }
        let wanted = careful.indexing
            || careful.release_file
            || self.dirt.iter().any(|dirt| dirt.needs_release() || self.needs_all_indexes(dirt));
        let changes = !transition::transition_counts(db.read(), self.id)?.is_empty()
            || (customs && custom_publication::count_transitions(db.read(), self.id)? > 0);
        if !wanted && !changes {
            return Ok(Reached::Nothing);
        }
        let mut built = if disabled.indexing {
            vec![Vec::new(); self.shapes.len()]
        } else {
            self.step(db, "index", |work, db| work.index(db, &staged))?
        };
        if links::are_concerned(db.read(), self.archive, self.run.distribution)? {
            self.step(db, "links", |work, db| work.links(db, &staged))?;
        }
        // only hooks look at it
        if !self.run.registry.at(Point::PrePublication).is_empty() {
            debug_span!("unsigned").in_scope(|| self.unsigned(db, &staged, &built))?;
        }
        let mut changed = BTreeSet::new();
        let point = self.step(db, "pre-publication", |work, db| {
            let signers = Rc::clone(&work.signers);
            let side = StagedSide { staged: &mut staged, signer: signers.as_ref(), changed: &mut changed };
            work.hooks(db, Point::PrePublication, Some(side))
        })?;
        match point {
            PointResult::Passed => {}
            PointResult::Held(reason) => return Ok(Reached::Held(reason)),
            PointResult::Failed(reason) => anyhow::bail!("{reason}"),
        }
        if disabled.release_file {
            return Ok(Reached::Unreleased);
        }
        let in_place = self.run.registry.writes_in_place();
        if in_place {
            for path in disk::remove_special_files(&staged.dists())? {
                tracing::warn!(path = %path.display(), "removed: an executable has left it in the staged tree, and it is no file");
            }
        }
        // what a hook has replaced is not what was built
        for (shape, files) in self.shapes.iter().zip(&mut built) {
            let suite = shape.suite.name.to_string();
            files.retain(|file| {
                let path = format!("dists/{suite}/{}", file.path);
                file.is_virtual || !(in_place || changed.contains(&path))
            });
        }
        self.step(db, "release", |work, db| work.release(db, &staged, &built))?;
        Ok(Reached::Ready(staged))
    }

    fn install(mut self, db: &mut Db, staged: Staged) -> anyhow::Result<PassEnd> {
        let mut begun = InstallStep::Before;
        let installed = self.step(db, "install", |work, db| {
            let trees = staged.trees().join(", ");
            let (archive, now) = (work.archive.id, work.run.clock.now());
            let changes = work.tree_changes(db, &staged)?;
            begun = InstallStep::Begun;
            let record = |tx: &Transaction<'_>| {
                work.pooled.record(tx, archive, now)?;
                changes.record(tx, archive, work.id)
            };
            install(db, work.id, &staged, record, now).map_err(|(step, error)| {
                begun = step;
                error
            })?;
            Ok(((), trees))
        });
        match (installed, begun) {
            (Ok(()), _) => {}
            (Err(error), InstallStep::Before) => {
                self.abandon(db, &format!("{error:#}"))?;
                return Err(error);
            }
            (Err(error), InstallStep::Begun) => {
                return Err(error.context("the installation has begun; the next run completes it"));
            }
        }
        // before anything else can write to what is live
        let problem = self.run.make_snapshots(db, self.archive);
        self.problems.extend(problem);
        let point = self.step(db, "post-publication", |work, db| {
            work.run.retry(db, Point::PostPublication)?;
            work.hooks(db, Point::PostPublication, None)
        })?;
        match point {
            PointResult::Passed => {}
            PointResult::Held(reason) | PointResult::Failed(reason) => self.problems.push(reason),
        }
        Ok(PassEnd::Installed(Box::new(Installed {
            pass: self.id,
            archive: self.archive.clone(),
            shapes: self.shapes,
            problems: self.problems,
        })))
    }

    /// What the staged trees have otherwise than the live ones.
    fn tree_changes(&self, db: &Db, staged: &Staged) -> anyhow::Result<TreeChanges> {
        let _span = debug_span!("compare").entered();
        let has_journal = mirror_journal::settings(db.read(), self.archive.id)?.journal > 0;
        Ok(mirror::changes(staged.folder(), &staged.paths().root, &staged.trees(), has_journal)?)
    }

    /// Forgets the pass: rows first, then the staged trees.
    fn abandon(&self, db: &mut Db, message: &str) -> anyhow::Result<()> {
        let _span = info_span!("abandon").entered();
        let (pass, now) = (self.id, self.run.clock.now());
        db.write(|tx| pass::abandon_pass(tx, pass, message, now))?;
        disk::discard_tree(&self.run.root.archive_paths(self.archive).staging)?;
        Ok(())
    }
}

/// The span of a step. The names of spans have to be known when this is compiled.
fn span_of(step: &'static str) -> Span {
    match step {
        "stage" => info_span!("stage"),
        "verify-pool" => info_span!("verify-pool"),
        "poolify" => info_span!("poolify"),
        "dominate" => info_span!("dominate"),
        "custom" => info_span!("custom"),
        "index" => info_span!("index"),
        "links" => info_span!("links"),
        "pre-publication" => info_span!("pre-publication"),
        "release" => info_span!("release"),
        "install" => info_span!("install"),
        "post-publication" => info_span!("post-publication"),
        other => info_span!("step", step = other),
    }
}
