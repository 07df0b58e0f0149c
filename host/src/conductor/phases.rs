//! What each step of a pass does, and in which words it says so. The order is [`pass`](super::pass)'s.

use std::path::Path;
use std::rc::Rc;

use anyhow::Context;
use pressroom_archive::custom::{self, Customs};
use pressroom_archive::death_row::finish;
use pressroom_archive::disk::{self, FileLock, Sharing};
use pressroom_archive::dists::Staged;
use pressroom_archive::domain::{IndexEngine, PassId};
use pressroom_archive::dominate::{Dominated, dominate};
use pressroom_archive::index::{self, Built, IndexError, Scope, Workshop};
use pressroom_archive::pool::{Pool, Skipped, Verified, poolify, verify_pool};
use pressroom_archive::release::{Folders, Known, ReleaseFile, Trust, write_release, write_unsigned};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::archive_file::{self, ListedFile};
use pressroom_archive::store::index_patch;
use pressroom_archive::store::index_segment;
use pressroom_archive::store::indexed::IndexKey;
use pressroom_archive::store::publisher;
use pressroom_archive::store::shape::SuiteShape;
use pressroom_archive::store::{Db, StoreError, custom_publication, pool_need, source_group, transition};
use pressroom_sandbox::Point;
use tracing::debug_span;

use super::engine::Engine;
use super::links;
use super::package_paths::know_files;
use super::pass::PassWork;
use crate::hooks::{PassFacts, PointResult, StagedSide};

impl PassWork<'_, '_> {
    pub(super) fn stage(&mut self, db: &Db) -> anyhow::Result<(Staged, String)> {
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
    pub(super) fn poolify(&mut self, db: &mut Db) -> anyhow::Result<((), String)> {
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
    pub(super) fn verify_pool(&mut self, db: &mut Db) -> anyhow::Result<((), String)> {
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
    pub(super) fn dominate(&mut self, db: &mut Db) -> anyhow::Result<((), String)> {
        let (pass, stay, now) = (self.id, self.run.root.config.death_row.stay(), self.run.clock.now());
        let scope = self.run.options.judged();
        let Dominated { superseded, deleted } = db.write(|tx| dominate(tx, pass, scope, stay, now))?;
        Ok(((), format!("{superseded} superseded, {deleted} deleted")))
    }

    /// What is no package: unpacked into the staged trees.
    pub(super) fn customs(&mut self, db: &mut Db, staged: &mut Staged) -> anyhow::Result<((), String)> {
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
    pub(super) fn index(
        &mut self,
        db: &mut Db,
        staged: &Staged,
    ) -> anyhow::Result<(Vec<Vec<ListedFile>>, String)> {
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
    pub(super) fn links(&mut self, db: &mut Db, staged: &Staged) -> anyhow::Result<((), String)> {
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

    pub(super) fn hooks(
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
            date: self.date,
            signing_keys: &self.signing_keys,
        }
    }

    const fn trust(&self) -> Trust {
        if self.run.options.careful.release_file { Trust::Nothing } else { Trust::Rows }
    }

    /// The Release files as pre-publication hooks see them.
    pub(super) fn unsigned(&self, db: &Db, staged: &Staged, built: &[Vec<ListedFile>]) -> anyhow::Result<()> {
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
    pub(super) fn release(
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
}
