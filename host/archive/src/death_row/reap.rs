//! Taking the files of past publications out of the pool of an archive.
//!
//! In this order, so that a death at any point loses nothing: in one transaction the publications get their `date_removed`, `pool_file` loses the names, and
//! `reaped_file` says that the disk has them still; then the names go from disk; then the journal says that they have gone. [`finish`] does what a
//! dead run has left to do, and the publisher calls it before it makes names in the same pool. Both hold the pool's lock meanwhile, which the caller
//! takes: a file that a pass is just putting in place is pending before, and so it is not condemned, or it is made after its old name has gone.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::condemn::{Case, Fate, Name, Owner, Reason, condemn};
use super::names::{ClearError, Going, Names, Staying};
use crate::disk::{self, DiskError};
use crate::domain::chain;
use crate::domain::name::{ComponentName, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{
    ArchiveId, ComponentId, PackageKind, PackageReleaseId, PublicationId, ReapedFileId, RunId,
};
use crate::format::built_using::ingredients;
use crate::librarian::Librarian;
use crate::pool::PoolPath;
use crate::store::archive::Archive;
use crate::store::death_row::{self as rows, File, Hold, Publication};
use crate::store::reaped_file::{NewReaped, Undone};
use crate::store::{
    Connection, Db, StoreError, Transaction, built_using, expiry, publisher, reaped_file, series,
};

/// Why death row cannot go on at all.
#[derive(Debug, thiserror::Error)]
pub enum ReapError {
    /// The pool's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A pool to be reaped.
#[derive(Debug, Clone, Copy)]
pub struct Reap<'a> {
    /// Whose.
    pub archive: &'a Archive,
    /// The archive's folder.
    pub root: &'a Path,
    /// The originals.
    pub librarian: &'a Librarian,
    /// The run that does it.
    pub run: Option<RunId>,
    /// So many packages are looked at, and no more.
    pub limit: Option<usize>,
}

/// A name that has left the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Where it was, below the archive's folder.
    pub path: String,
    /// How long the file is.
    pub size_bytes: u64,
    /// The file stays in the pool under another name.
    pub stays_elsewhere: bool,
}

/// A file whose publication is over, and that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// As `hello 1.0 (amd64) in sid`.
    pub package: String,
    /// Where the file is, below the archive's folder; its name alone, where the pool does not have it.
    pub path: String,
    /// Why, every reason once.
    pub reasons: Vec<Reason>,
}

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Reaped {
    /// How many packages were looked at.
    pub looked_at: usize,
    /// How many publications have left the pool.
    pub publications: usize,
    /// The names that have gone.
    pub files: Vec<Gone>,
    /// How long the files are that are in the pool no more.
    pub freed_bytes: u64,
    /// What stays, and why.
    pub held: Vec<Held>,
    /// What could not be taken off the disk; the next run tries again.
    pub problems: Vec<String>,
    /// How many names have gone, or were found to be wanted again, that an earlier run had begun to take out.
    pub finished: usize,
    /// There is more that is due than was looked at.
    pub has_more: bool,
}

/// Packages that are written down in one transaction, and taken off the disk with one sync.
const BATCH: usize = 256;

/// Packages that came in before it was kept what they were built using are read in batches of this.
const UNREAD_BATCH: usize = 2000;

/// What is held is looked at again after so long, should nothing have happened before that would have let it go.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// As [`LOOK_AGAIN`], of what something keeps that may let go without a word.
const LOOK_AT_HOLD: SignedDuration = SignedDuration::from_hours(24);

/// Takes out of a pool what may go. `lock` takes the pool's lock, which is held for a batch.
///
/// # Errors
/// When the database or the lock fails. What was done before is done; what was begun is finished by the next run.
pub fn reap<L, E: From<ReapError> + From<StoreError>>(
    db: &mut Db,
    reap: Reap<'_>,
    now: Timestamp,
    lock: impl Fn() -> Result<L, E>,
) -> Result<Reaped, E> {
    let mut reaped = Reaped::default();
    // of most archives, most of the time, there is nothing
    if !reaped_file::undone(db.read(), reap.archive.id)?.is_empty() {
        let _lock = lock()?;
        let Finished { names, problems } = finish(db, reap.archive.id, reap.root, reap.librarian, now)?;
        (reaped.finished, reaped.problems) = (names, problems);
    }
    let preference = publisher::component_preference(db.read(), reap.archive.distribution)?;
    let mut left = reap.limit.unwrap_or(usize::MAX);
    // binaries first: what they have kept may go after them
    for kind in [PackageKind::Binary, PackageKind::Source] {
        let due = rows::due(db.read(), reap.archive.id, kind, now)?;
        reaped.has_more |= due.len() > left;
        let due = &due[..due.len().min(left)];
        left -= due.len();
        for batch in due.chunks(BATCH) {
            let _lock = lock()?;
            db.write(|tx| {
                batch.iter().try_for_each(|package| {
                    look_at(tx, &reap, *package, &preference, now, &mut reaped, Told::WhatIsDue)
                })
            })?;
            let finished = finish(db, reap.archive.id, reap.root, reap.librarian, now)?;
            for problem in finished.problems {
                if !reaped.problems.contains(&problem) {
                    reaped.problems.push(problem);
                }
            }
        }
    }
    Ok(reaped)
}

/// What [`reap`] would do, with all that has left the indexes and stays, whether its date has come or not.
///
/// # Errors
/// When the database fails.
pub fn rehearse(db: &mut Db, reap: Reap<'_>, now: Timestamp) -> Result<Reaped, StoreError> {
    let preference = publisher::component_preference(db.read(), reap.archive.distribution)?;
    db.rehearse(|tx| {
        let mut reaped = Reaped::default();
        let mut left = reap.limit.unwrap_or(usize::MAX);
        for kind in [PackageKind::Binary, PackageKind::Source] {
            let leaving = rows::leaving(tx, reap.archive.id, kind)?;
            reaped.has_more |= leaving.len() > left;
            for package in leaving.iter().take(left) {
                look_at(tx, &reap, *package, &preference, now, &mut reaped, Told::Everything)?;
            }
            left -= leaving.len().min(left);
        }
        Ok(reaped)
    })
}

/// Lets everything that is held be looked at now, whatever was known of it.
///
/// # Errors
/// When the database fails.
pub fn look_at_all_again(db: &mut Db, archive: ArchiveId) -> Result<(), StoreError> {
    db.write(|tx| rows::look_at_all_again(tx, archive))
}

/// Reads what packages were built using that came in before that was kept.
///
/// # Errors
/// When the database fails.
pub fn read_built_using(db: &mut Db) -> Result<usize, StoreError> {
    let mut count = 0;
    loop {
        let read = db.write(|tx| {
            for number in 0..UNREAD_BATCH {
                let Some((release, (built, statically))) = built_using::next_unread(tx)? else {
                    return Ok::<_, StoreError>(number);
                };
                built_using::keep(tx, release, &ingredients(&built, &statically))?;
                built_using::mark_read(tx, release)?;
            }
            Ok(UNREAD_BATCH)
        })?;
        count += read;
        if read < UNREAD_BATCH {
            return Ok(count);
        }
    }
}

/// What a report is to say of what stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// What is due and stays all the same.
    WhatIsDue,
    /// What is not due, too.
    Everything,
}

/// Why a whole package stays, although its own publications are past: a source that binaries need.
fn hold_of(
    db: &Connection,
    archive: ArchiveId,
    (source, version): (&SourceName, &DebVersion),
) -> Result<Option<Reason>, StoreError> {
    if let Some(binary) = rows::active_binary(db, archive, source, version)? {
        return Ok(Some(Reason::Binary { by: said(&binary) }));
    }
    let used = rows::built_using(db, archive, source, version)?;
    Ok(used.map(|(binary, field)| Reason::BuiltUsing { by: said(&binary), field }))
}

fn package_said(publication: &Publication) -> String {
    format!("{} {} ({})", publication.name, publication.version, publication.architecture)
}

fn said(publication: &Publication) -> String {
    format!("{} in {}", package_said(publication), publication.suite)
}

/// A publication with what is known of its package.
fn owner(
    db: &Connection,
    archive: ArchiveId,
    publication: &Publication,
    all: &[Publication],
    now: Timestamp,
) -> Result<Owner, StoreError> {
    let mut owner = Owner {
        kind: publication.release.kind(),
        publication: publication.id,
        package: package_said(publication),
        suite: publication.suite.to_string(),
        component: publication.component,
        status: publication.status,
        scheduled: publication.scheduled,
        is_in_a_pass: publication.is_in_a_pass,
        is_listed: publication.is_listed,
        hold: None,
    };
    // a source that is published somewhere in the archive is there for its binaries
    let is_active =
        || all.iter().any(|other| other.release == publication.release && other.status.is_active());
    if publication.release.kind() == PackageKind::Source && owner.reason(now).is_none() && !is_active() {
        let name: SourceName = publication.name.parse().map_err(|error| {
            StoreError::Refused(format!("the name of a source in the database is none: {error}"))
        })?;
        owner.hold = hold_of(db, archive, (&name, &publication.version))?;
    }
    Ok(owner)
}

fn reason_of(hold: Hold) -> Reason {
    match hold {
        Hold::Row { by, until } => Reason::Hold { by, until },
        Hold::Snapshot(needing) => Reason::Snapshot { by: needing.said, until: needing.until },
    }
}

/// Decides about a package, and writes down what follows.
fn look_at(
    tx: &Transaction<'_>,
    reap: &Reap<'_>,
    package: PackageReleaseId,
    preference: &[ComponentId],
    now: Timestamp,
    reaped: &mut Reaped,
    told: Told,
) -> Result<(), StoreError> {
    let archive = reap.archive.id;
    let own = rows::publications_of(tx, archive, package)?;
    // another publication of it has brought it here already
    let Some(first) = own.first() else { return Ok(()) };
    reaped.looked_at += 1;
    let (source, _) = rows::source_of(tx, package)?;
    let files = rows::files_of(tx, package)?;
    let (mut condemned, mut is_kept, mut reasons) = (false, false, Vec::new());
    for file in &files {
        let publications = rows::owners(tx, archive, &source, file.alias)?;
        let owners = publications
            .iter()
            .map(|one| owner(tx, archive, one, &publications, now))
            .collect::<Result<Vec<_>, _>>()?;
        let recorded: Vec<Name> = rows::names_of(tx, archive, &source, &file.filename)?
            .into_iter()
            .filter(|name| name.sha256 == file.sha256)
            .map(|name| Name { component: name.component, is_symlink: name.is_symlink })
            .collect();
        let hold = rows::holds(tx, archive, &source, file, now)?;
        // nobody else looks at such a file when what keeps it lets go; what a snapshot needs for another package is looked at with that one, and what it needs for this one
        // are all its files
        is_kept |= matches!(hold, Some(Hold::Row { .. }));
        let case = Case { names: recorded, owners, hold: hold.map(reason_of) };
        match condemn(&case, preference, now) {
            Fate::Goes => {
                condemned = true;
                let mut components: Vec<ComponentId> = case.names.iter().map(|name| name.component).collect();
                // a pass that came to no end may have made a name that it did not record
                for publication in &own {
                    let at = path(tx, publication.component, &source, file)?.below(reap.root);
                    if !components.contains(&publication.component) && at.symlink_metadata().is_ok() {
                        components.push(publication.component);
                    }
                }
                let mut names = 0;
                for component in components {
                    names += usize::from(begin(tx, reap, &source, file, component, false, now, reaped)?);
                }
                if names > 0 && !case.names.is_empty() {
                    reaped.freed_bytes += file.size_bytes;
                }
            }
            Fate::Stays { reasons: why, going, real } => {
                for component in going {
                    begin(tx, reap, &source, file, component, true, now, reaped)?;
                }
                if let Some(real) = real {
                    reaped_file::become_file(tx, archive, &source, &file.filename, real)?;
                }
                // that a package is published still is no news, nor that an orig tarball is
                if told == Told::Everything || own.iter().all(|one| !one.status.is_active()) {
                    let path = match case.names.iter().find(|name| !name.is_symlink) {
                        Some(name) => path(tx, name.component, &source, file)?.to_string(),
                        None => file.filename.to_string(),
                    };
                    reaped.held.push(Held { package: said(first), path, reasons: why.clone() });
                }
                reasons.extend(why);
            }
        }
    }
    let past: Vec<&Publication> = match files.is_empty() {
        // nothing is there that could be held
        true => own.iter().filter(|one| !one.is_in_a_pass && is_due(one, now)).collect(),
        false if condemned && !is_kept => own.iter().collect(),
        false => Vec::new(),
    };
    let ids: Vec<(PackageKind, PublicationId)> =
        past.iter().map(|one| (one.release.kind(), one.id)).collect();
    rows::mark_removed(tx, &ids, now)?;
    reaped.publications += ids.len();
    if ids.is_empty() {
        let date = next_look(&reasons, now);
        // also of one that is active again, and has a date from before
        for one in own.iter().filter(|one| one.scheduled.is_some_and(|scheduled| scheduled <= now)) {
            rows::look_again(tx, (one.release.kind(), one.id), date)?;
        }
        return Ok(());
    }
    if let PackageReleaseId::Binary(binary) = package {
        rows::look_at_sources_again(tx, archive, binary)?;
    }
    for file in &files {
        expiry::suggest(tx, file.alias, now)?;
    }
    Ok(())
}

fn is_due(publication: &Publication, now: Timestamp) -> bool {
    !publication.status.is_active() && publication.scheduled.is_some_and(|date| date <= now)
}

fn path(
    db: &Connection,
    component: ComponentId,
    source: &SourceName,
    file: &File,
) -> Result<PoolPath, StoreError> {
    Ok(PoolPath::new(&series::component_name(db, component)?, source, &file.filename))
}

/// Writes down that a name goes. Whether it is news.
#[expect(clippy::too_many_arguments, reason = "what goes, where, why and when")]
fn begin(
    tx: &Transaction<'_>,
    reap: &Reap<'_>,
    source: &SourceName,
    file: &File,
    component: ComponentId,
    stays_elsewhere: bool,
    now: Timestamp,
    reaped: &mut Reaped,
) -> Result<bool, StoreError> {
    let new = NewReaped { archive: reap.archive.id, component, source, file, run: reap.run };
    let was_there = reaped_file::begin_reaping(tx, &new, now)?;
    if was_there {
        let path = path(tx, component, source, file)?.to_string();
        reaped.files.push(Gone { path, size_bytes: file.size_bytes, stays_elsewhere });
    }
    Ok(was_there)
}

/// When a package that is held for these reasons is looked at again; none: by the next run.
fn next_look(reasons: &[Reason], now: Timestamp) -> Option<Timestamp> {
    let mut next = now;
    for reason in reasons {
        let then = match reason {
            Reason::InAPass { .. } | Reason::Listed { .. } => return None,
            Reason::Stay { until, .. } => (*until).min(now + LOOK_AGAIN),
            Reason::Hold { until, .. } => until.unwrap_or(now + LOOK_AT_HOLD).min(now + LOOK_AT_HOLD),
            // its time is over, and the publisher has not let it go yet
            Reason::Snapshot { until: Some(until), .. } if *until <= now => return None,
            // who lets one go before its time says so
            Reason::Snapshot { until, .. } => until.unwrap_or(now + LOOK_AGAIN).min(now + LOOK_AGAIN),
            Reason::Published { .. }
            | Reason::Waiting { .. }
            | Reason::NotScheduled { .. }
            | Reason::Binary { .. }
            | Reason::BuiltUsing { .. } => now + LOOK_AGAIN,
        };
        next = next.max(then);
    }
    Some(next)
}

/// What [`finish`] did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How many names have gone from disk, or are wanted again.
    pub names: usize,
    /// What could not be done.
    pub problems: Vec<String>,
}

/// Takes from disk what the rows of a pool do not have any more. The caller holds the pool's lock.
///
/// # Errors
/// When the database fails, or the disk does not keep what was done.
pub fn finish(
    db: &mut Db,
    archive: ArchiveId,
    root: &Path,
    librarian: &Librarian,
    now: Timestamp,
) -> Result<Finished, ReapError> {
    let undone = reaped_file::undone(db.read(), archive)?;
    let mut finished = Finished::default();
    if undone.is_empty() {
        return Ok(finished);
    }
    let mut components: BTreeMap<ComponentId, ComponentName> = BTreeMap::new();
    let mut done = Vec::with_capacity(undone.len());
    for names in
        undone.chunk_by(|one, other| (&one.source, &one.filename) == (&other.source, &other.filename))
    {
        if let Err(error) = take_out(db.read(), archive, root, librarian, names, &mut components, &mut done)?
        {
            finished.problems.push(chain(&error));
        }
    }
    finished.names = done.len();
    if root.exists() {
        disk::sync_filesystem(root)?;
    }
    db.write(|tx| reaped_file::mark_done(tx, &done, now))?;
    Ok(finished)
}

/// Takes the names of a file out; those that have gone are added to `done`.
fn take_out(
    db: &Connection,
    archive: ArchiveId,
    root: &Path,
    librarian: &Librarian,
    undone: &[Undone],
    components: &mut BTreeMap<ComponentId, ComponentName>,
    done: &mut Vec<ReapedFileId>,
) -> Result<Result<(), ClearError>, StoreError> {
    let Some(Undone { source, filename, sha256, .. }) = undone.first() else { return Ok(Ok(())) };
    let recorded = rows::names_of(db, archive, source, filename)?;
    let wanting = rows::wanting_components(db, archive, source, filename, sha256)?;
    let mut staying = Vec::with_capacity(recorded.len());
    for name in recorded.iter().filter(|name| name.sha256 == *sha256) {
        if let std::collections::btree_map::Entry::Vacant(entry) = components.entry(name.component) {
            entry.insert(series::component_name(db, name.component)?);
        }
        let component = components[&name.component].clone();
        staying.push(Staying { component, sha256: name.sha256, is_symlink: name.is_symlink });
    }
    let names = Names { source, filename, staying: &staying };
    // what was published again meanwhile, or is about to be, stays
    let (stays, goes): (Vec<&Undone>, Vec<&Undone>) = undone.iter().partition(|one| {
        recorded.iter().any(|name| name.component == one.component_id) || wanting.contains(&one.component_id)
    });
    let going: Vec<Going<'_>> = goes
        .iter()
        .map(|one| Going {
            component: &one.component,
            sha256: one.sha256,
            size_bytes: one.size_bytes,
            was_recorded: one.was_recorded,
        })
        .collect();
    if let Err(error) = names.settle(root, librarian, &going) {
        return Ok(Err(error));
    }
    done.extend(stays.iter().map(|one| one.id));
    let mut result = Ok(());
    for (one, going) in goes.iter().zip(&going) {
        match names.clear(root, librarian, going) {
            Ok(()) => done.push(one.id),
            Err(error) => result = result.and(Err(error)),
        }
    }
    Ok(result)
}
