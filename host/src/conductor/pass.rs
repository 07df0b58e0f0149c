//! One pass over one archive: stage, poolify, dominate, custom (where custom uploads wait), index, links (where suites have other names), pre-publication, release, install, post-publication.
//!
//! Each step is recorded before and after. Until the installation begins, a failure forgets the pass and its staged trees: every publication and every
//! mark is as before. After that, the next run takes it to its end.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Context;
use pressroom_archive::custom::{self, Customs};
use pressroom_archive::death_row::finish;
use pressroom_archive::disk::{self, FileLock, Sharing};
use pressroom_archive::dists::{InstallStep, Staged, install};
use pressroom_archive::domain::{IndexEngine, PassId, PassPriority};
use pressroom_archive::dominate::{Dominated, dominate};
use pressroom_archive::index::{self, Built, IndexError, Scope, Workshop};
use pressroom_archive::mirror::{self, TreeChanges};
use pressroom_archive::openpgp::Signers;
use pressroom_archive::pool::{Pool, Pooled, Skipped, Verified, poolify, verify_pool};
use pressroom_archive::release::{Folders, Known, ReleaseFile, Trust, write_release, write_unsigned};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::archive_file::{self, ListedFile};
use pressroom_archive::store::index_patch;
use pressroom_archive::store::index_segment;
use pressroom_archive::store::indexed::IndexKey;
use pressroom_archive::store::publisher::{self, LeftOut};
use pressroom_archive::store::shape::{SuiteShape, shape};
use pressroom_archive::store::suite::Dirt;
use pressroom_archive::store::{
    Db, StoreError, Transaction, contest, custom_publication, mirror_journal, pass, pool_need, source_group,
    step, transition,
};
use pressroom_sandbox::Point;
use tracing::{Span, debug_span, field, info_span};

use super::context::Run;
use super::engine::Engine;
use super::package_paths::know_files;
use super::{links, select};
use crate::hooks::{PassFacts, PointResult, StagedSide};

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
        select::refuse(archive, suites, &signing_keys, self.options, self.clock.began())?;
        let (run, began, now) = (self.id, self.clock.began(), self.clock.now());
        let id = debug_span!("journal").in_scope(|| {
            let left_out = LeftOut {
                domination: self.options.disabled.domination,
                indexes: self.options.disabled.indexing,
            };
            db.write(|tx| {
                publisher::refuse_beside(tx, archive, run)?;
                let id = pass::begin_pass(tx, run, archive.id, priority, suites, began, now)?;
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
struct PassWork<'a, 'r> {
    run: &'a mut Run<'r>,
    id: PassId,
    archive: &'a Archive,
    priority: PassPriority,
    dirt: &'a [Dirt],
    signers: Rc<Signers>,
    signing_keys: Vec<String>,
    shapes: Vec<SuiteShape>,
    /// The names that it has made in the pool, which are recorded when they are durable.
    pooled: Pooled,
    problems: Vec<String>,
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
    fn changing(&self) -> impl Iterator<Item = (&SuiteShape, &Dirt)> {
        self.shapes.iter().zip(self.dirt).filter(|(_, dirt)| !dirt.only_release)
    }

    const fn needs_all_indexes(&self, dirt: &Dirt) -> bool {
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

    fn stage(&mut self, db: &Db) -> anyhow::Result<(Staged, String)> {
        // a worker is started while the indexes are made
        self.run.sandbox.expect(usize::from(self.run.registry.has_wasm_at(Point::PrePublication)));
        let paths = self.run.root.archive_paths(self.archive);
        let sharing = if self.run.registry.writes_in_place() { Sharing::Copies } else { Sharing::HardLinks };
        let staged = Staged::begin(&paths, self.id, sharing)?;
        for name in links::clear(db.read(), self.archive, self.run.distribution, &staged.dists())? {
            tracing::debug!(name, "a link that is not wanted any more has gone");
        }
        disk::make_folder(&paths.overrides)?;
        let how = match sharing {
            Sharing::HardLinks => "shares the live files",
            Sharing::Copies => "has copies of the live files, because executables write into it",
        };
        Ok((staged, how.to_owned()))
    }

    /// Takes the pool's lock, from before it is read what is pending until the names of that are made: death row takes out what nothing wanted then, and what it
    /// has begun to take out is gone first.
    fn finish_removals(&self, db: &mut Db) -> anyhow::Result<FileLock> {
        let lock = self.run.root.pool_lock(self.archive)?;
        let paths = self.run.root.archive_paths(self.archive);
        let (librarian, now) = (self.run.root.librarian(), self.run.clock.now());
        for problem in finish(db, self.archive.id, &paths.root, &librarian, now)?.problems {
            // death row says it again, and fails by it; what is published does not need that name
            tracing::warn!("what has left the pool is still there: {problem}");
        }
        Ok(lock)
    }

    /// Phase A.
    fn poolify(&mut self, db: &mut Db) -> anyhow::Result<((), String)> {
        let pool_lock = self.finish_removals(db)?;
        let span = debug_span!("read").entered();
        let mut pending = Vec::new();
        for (shape, _) in self.changing() {
            pending.extend(source_group::publishable_files(db.read(), &shape.suite, self.run.clock.now())?);
        }
        let preference = publisher::component_preference(db.read(), self.archive.distribution)?;
        let paths = self.run.root.archive_paths(self.archive);
        let librarian = self.run.root.librarian();
        span.exit();
        let pool = Pool {
            archive: self.archive.id,
            root: &paths.root,
            librarian: &librarian,
            preference: &preference,
        };
        let poolified = poolify(db, self.id, pool, &pending, self.run.clock.now())?;
        drop(pool_lock);
        for Skipped { publication, kind, reason } in &poolified.skipped {
            let problem = format!(
                "{} publication {publication} was skipped: {reason}",
                kind.as_str().to_ascii_lowercase()
            );
            tracing::error!("{problem}");
            self.problems.push(problem);
        }
        let detail = format!(
            "{} publications, {} new names in the pool, {} skipped",
            poolified.publications,
            poolified.names,
            poolified.skipped.len()
        );
        self.pooled = poolified.pooled;
        Ok(((), detail))
    }

    /// Looks again at the pool's files of everything that is published.
    fn verify_pool(&mut self, db: &mut Db) -> anyhow::Result<((), String)> {
        let _pool_lock = self.finish_removals(db)?;
        let mut published = Vec::new();
        for shape in &self.shapes {
            published.extend(pool_need::published_files(db.read(), shape.suite.id)?);
        }
        let preference = publisher::component_preference(db.read(), self.archive.distribution)?;
        let paths = self.run.root.archive_paths(self.archive);
        let librarian = self.run.root.librarian();
        let pool = Pool {
            archive: self.archive.id,
            root: &paths.root,
            librarian: &librarian,
            preference: &preference,
        };
        let Verified { files, made_again, problems } =
            verify_pool(db, pool, &published, self.run.clock.now())?;
        for path in &made_again {
            tracing::warn!("{path} was lost and is there again");
        }
        let detail = format!("{files} files, {} made again, {} wrong", made_again.len(), problems.len());
        for problem in problems {
            tracing::error!("{problem}");
            self.problems.push(problem);
        }
        Ok(((), detail))
    }

    /// Phase B.
    fn dominate(&mut self, db: &mut Db) -> anyhow::Result<((), String)> {
        let (pass, stay, now) = (self.id, self.run.root.config.death_row.stay(), self.run.clock.now());
        let scope = self.run.options.judged();
        let Dominated { superseded, deleted } = db.write(|tx| dominate(tx, pass, scope, stay, now))?;
        Ok(((), format!("{superseded} superseded, {deleted} deleted")))
    }

    /// What is no package: unpacked into the staged trees.
    fn customs(&mut self, db: &mut Db, staged: &mut Staged) -> anyhow::Result<((), String)> {
        let librarian = self.run.root.librarian();
        let limits = self.run.root.config.publication.custom_limits();
        let customs = Customs { archive: self.archive, librarian: &librarian, limits };
        let now = self.run.clock.now();
        let shapes: Vec<SuiteShape> = self.changing().map(|(shape, _)| shape.clone()).collect();
        let done = custom::publish(db, self.id, customs, staged, &shapes, now)?;
        let refused = done.refused.len();
        for refused in done.refused {
            tracing::error!("{}", refused.reason);
            self.problems.push(refused.reason);
        }
        Ok(((), format!("{} unpacked, {} superseded, {refused} refused", done.published, done.superseded)))
    }

    /// The folders of a suite that its Release does not list.
    fn unlisted(&self, db: &Db, shape: &SuiteShape) -> Result<Vec<String>, StoreError> {
        custom_publication::version_folders(db.read(), shape.suite.id, self.id)
    }

    /// Phase C: for each suite the files that were made.
    fn index(&mut self, db: &mut Db, staged: &Staged) -> anyhow::Result<(Vec<Vec<ListedFile>>, String)> {
        let touched = transition::touched_indexes(db.read(), self.id)?;
        let (mut files, mut indexes, mut stanzas) = (Vec::new(), 0, 0);
        let mut problems = Vec::new();
        for (shape, dirt) in self.shapes.iter().zip(self.dirt) {
            let of_suite: Vec<IndexKey> =
                touched.iter().filter(|key| key.suite() == shape.suite.id).cloned().collect();
            let scope = match (self.run.options.careful.indexing, self.needs_all_indexes(dirt)) {
                (true, _) => Scope::Careful,
                (false, true) => Scope::All,
                (false, false) => Scope::Only(&of_suite),
            };
            let librarian = self.run.root.librarian();
            let unknown = know_files(db.read(), &librarian, self.id, shape, scope)?;
            unknown.iter().for_each(|problem| tracing::error!("{problem}"));
            problems.extend(unknown);
            let folder = staged.suite(&shape.suite.name)?;
            let built = self
                .build(db, shape, scope, staged, &folder)
                .with_context(|| format!("cannot make the indexes of {}", shape.suite.name))?;
            let pass = self.id;
            db.write(|tx| {
                index_segment::prepare_segments(tx, pass, shape.suite.id, &built.segments)?;
                index_patch::prepare_patches(tx, pass, shape.suite.id, &built.patches)
            })?;
            indexes += built.indexes;
            stanzas += built.stanzas;
            files.push(built.files);
        }
        self.problems.extend(problems);
        Ok((files, format!("{indexes} indexes with {stanzas} stanzas")))
    }

    /// Other names of suites.
    fn links(&mut self, db: &mut Db, staged: &Staged) -> anyhow::Result<((), String)> {
        let linked = links::link(db, self.id, self.archive, self.run.distribution, &staged.dists())?;
        for refused in &linked.refused {
            tracing::error!("{refused}");
        }
        let detail = format!("{} changed, {} refused", linked.changes.len(), linked.refused.len());
        self.problems.extend(linked.refused);
        Ok(((), detail))
    }

    /// The indexes of a suite, by the archive's engine.
    fn build(
        &self,
        db: &Db,
        shape: &SuiteShape,
        scope: Scope<'_>,
        staged: &Staged,
        folder: &Path,
    ) -> Result<Built, IndexError> {
        match self.archive.index_engine {
            IndexEngine::Native => index::build(db.read(), self.id, shape, scope, folder),
            IndexEngine::AptFtparchive => {
                let paths = staged.paths();
                if matches!(scope, Scope::Careful) {
                    disk::remove_tree(&paths.cache)?;
                }
                let time_limit = self.run.root.config.publication.apt_ftparchive_time_limit();
                let engine = Engine { launcher: self.run.program, paths, time_limit };
                let work = staged.folder().join("index-engine");
                let run = |apt_conf: &str, to_be_made: &str| engine.run(&work, apt_conf, to_be_made);
                let workshop = Workshop {
                    root: &paths.root,
                    work: &work,
                    overrides: &paths.overrides,
                    cache: &paths.cache,
                    run: &run,
                };
                index::build_with(db.read(), self.id, shape, scope, folder, Some(&workshop))
            }
        }
    }

    fn facts<'f>(&'f self, archives: &'f [(Archive, PassId)]) -> PassFacts<'f> {
        PassFacts {
            distribution: self.run.distribution,
            run: self.run.id,
            archives,
            priority: self.priority,
            shapes: &self.shapes,
            started: self.run.clock.began(),
            is_resumed: false,
        }
    }

    fn hooks(
        &mut self,
        db: &mut Db,
        point: Point,
        side: Option<StagedSide<'_>>,
    ) -> anyhow::Result<(PointResult, String)> {
        let archives = [(self.archive.clone(), self.id)];
        let result = self.run.dispatcher().run(db, point, &self.facts(&archives), side)?;
        Ok((result, format!("{} hooks", self.run.registry.at(point).len())))
    }

    fn release_file<'f>(&'f self, shape: &'f SuiteShape) -> ReleaseFile<'f> {
        ReleaseFile {
            archive: self.archive,
            distribution_display_name: &self.run.distribution.display_name,
            shape,
            date: self.run.clock.began(),
            signing_keys: &self.signing_keys,
        }
    }

    const fn trust(&self) -> Trust {
        if self.run.options.careful.release_file { Trust::Nothing } else { Trust::Rows }
    }

    /// The Release files as pre-publication hooks see them.
    fn unsigned(&self, db: &Db, staged: &Staged, built: &[Vec<ListedFile>]) -> anyhow::Result<()> {
        for (shape, built) in self.shapes.iter().zip(built) {
            let suite = shape.suite.name.to_string();
            let listed = archive_file::listed_files(db.read(), shape.suite.id)?;
            let patches = index_patch::patches_of(db.read(), shape.suite.id, self.id)?;
            let live = staged.paths().dists().join(&suite);
            let staged = staged.suite(&shape.suite.name)?;
            write_unsigned(
                &self.release_file(shape),
                Folders { staged: &staged, live: &live },
                Known {
                    built,
                    listed: &listed,
                    old: &[],
                    unlisted: &self.unlisted(db, shape)?,
                    patches: &patches,
                },
                self.trust(),
            )?;
        }
        Ok(())
    }

    /// Phase D.
    fn release(
        &mut self,
        db: &mut Db,
        staged: &Staged,
        built: &[Vec<ListedFile>],
    ) -> anyhow::Result<((), String)> {
        let retention = self.run.root.config.publication.retention();
        let signers = Rc::clone(&self.signers);
        let (mut listed_count, mut read_count) = (0, 0);
        for (shape, built) in self.shapes.iter().zip(built) {
            let suite = shape.suite.name.to_string();
            let (listed, old, patches) = debug_span!("read", suite).in_scope(|| {
                let listed = archive_file::listed_files(db.read(), shape.suite.id)?;
                let patches = index_patch::patches_of(db.read(), shape.suite.id, self.id)?;
                Ok::<_, StoreError>((
                    listed,
                    archive_file::old_generations(db.read(), shape.suite.id)?,
                    patches,
                ))
            })?;
            let live = staged.paths().dists().join(&suite);
            let folder = staged.suite(&shape.suite.name)?;
            let unlisted = self.unlisted(db, shape)?;
            let signed = write_release(
                &self.release_file(shape),
                Folders { staged: &folder, live: &live },
                Known { built, listed: &listed, old: &old, unlisted: &unlisted, patches: &patches },
                self.trust(),
                retention,
                signers.as_ref(),
            )?;
            listed_count += signed.files.len();
            read_count += signed.files_read;
            let pass = self.id;
            debug_span!("record", suite).in_scope(|| {
                db.write(|tx| {
                    archive_file::prepare_listed_files(
                        tx,
                        pass,
                        shape.suite.id,
                        &signed.files,
                        &signed.expired,
                    )?;
                    index_patch::prepare_upkeep(tx, pass, &signed.dropped_patches, &signed.expired_patches)
                })
            })?;
        }
        let suites = self.shapes.len();
        Ok(((), format!("{suites} suites signed, {listed_count} files listed, {read_count} of them read")))
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
