//! Putting the files of pending publications into the pool.
//!
//! In this order, so that a death at any point leaves a pool that the next run completes: the file under its name, then links of other components
//! to it, then, when all that is on disk, the rows. A name that has other content is never touched: that publication is skipped, and said.
//!
//! Files go in batches, each source's together: while one batch is linked, source by source on all cores, the one before it is synced and another
//! recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use rayon::prelude::*;

use super::layout::{self, PoolPath};
use crate::disk::{self, DiskError, During, Identity};
use crate::domain::digest::{Sha256, digest_reader};
use crate::domain::name::{ComponentName, FileName, SourceName};
use crate::domain::{
    ArchiveId, ComponentId, ContentId, PackageKind, PassId, PublicationId, PublicationStatus,
};
use crate::librarian::Librarian;
use crate::store::pool_file::{NewPoolFile, PoolFile, record_pool_file};
use crate::store::pool_need::NeededFile;
use crate::store::transition::{Transition, plan_transitions};
use crate::store::{Connection, Db, StoreError, Transaction, series};

/// Why poolifying cannot go on at all.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The pool's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A publication that cannot be published, and why. It stays pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub publication: PublicationId,
    /// Of which table.
    pub kind: PackageKind,
    /// What is in the way, for a person.
    pub reason: String,
}

/// What was put into the pool.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Poolified {
    /// How many publications have all their files there, and will be published by the pass.
    pub publications: usize,
    /// How many names were made or changed.
    pub names: usize,
    /// What cannot be published, sources first.
    pub skipped: Vec<Skipped>,
    /// The names that are not recorded yet.
    pub pooled: Pooled,
}

/// Names that were made or changed in the pool, to be recorded when they are durable: with the rest of the pass, so that one sync does for all. Those of
/// a pass that fails are found again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pooled(Vec<Named>);

impl Pooled {
    /// Records the names. The pool's filesystem has been synced.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record(&self, tx: &Transaction<'_>, archive: ArchiveId, now: Timestamp) -> Result<(), StoreError> {
        record(tx, &self.0, archive, now)
    }
}

/// A pool and what its files come from.
#[derive(Debug, Clone, Copy)]
pub struct Pool<'a> {
    /// The archive.
    pub archive: ArchiveId,
    /// Its folder.
    pub root: &'a Path,
    /// The originals.
    pub librarian: &'a Librarian,
    /// The components, most preferred first.
    pub preference: &'a [ComponentId],
}

/// So many files are linked before they are synced. Fewer are synced with everything else that the pass has written.
const BATCH: usize = 8192;

/// Puts the files of pending publications into the pool, and writes down that the pass publishes those whose files are all there.
///
/// # Errors
/// When the disk or the database fails; the names made so far stay and are found again.
pub fn poolify(
    db: &mut Db,
    pass: PassId,
    pool: Pool<'_>,
    pending: &[NeededFile],
    now: Timestamp,
) -> Result<Poolified, PoolError> {
    let mut result = Poolified::default();
    if pending.is_empty() {
        return Ok(result);
    }
    let components = component_names(db.read(), pending)?;
    // one file of one source may be wanted by several publications and components at once; who came first stays first
    let mut files: Vec<&NeededFile> = pending.iter().collect();
    files.par_sort_by(|one, other| (&one.source, &one.filename).cmp(&(&other.source, &other.filename)));
    let link_all = |batch: &[&NeededFile]| -> Result<Vec<Linked>, DiskError> {
        let by_source = batch.par_chunk_by(|one, other| one.source == other.source);
        by_source.map(|files| link(&pool, &components, files)).collect()
    };
    if files.len() <= BATCH {
        let mut sources = link_all(&files)?;
        db.write(|tx| sources.iter().try_for_each(|source| plan_transitions(tx, pass, &source.transitions)))?;
        for source in &mut sources {
            result.count(source);
            result.pooled.0.append(&mut source.names);
        }
        return Ok(result.in_order());
    }
    disk::in_batches(
        batches(&files),
        link_all,
        |linked| match linked {
            Ok(sources) if sources.iter().any(|source| !source.names.is_empty()) => {
                disk::sync_filesystem(pool.root)
            }
            _ => Ok(()),
        },
        |linked| {
            let mut sources = linked?;
            db.write(|tx| {
                sources.iter().try_for_each(|source| {
                    record(tx, &source.names, pool.archive, now)?;
                    plan_transitions(tx, pass, &source.transitions)
                })
            })?;
            sources.iter_mut().for_each(|source| result.count(source));
            Ok::<(), PoolError>(())
        },
    )?;
    Ok(result.in_order())
}

impl Poolified {
    fn count(&mut self, source: &mut Linked) {
        self.names += source.names.len();
        self.publications += source.transitions.len();
        self.skipped.append(&mut source.skipped);
    }

    fn in_order(mut self) -> Self {
        self.skipped.sort_by_key(|skipped| (skipped.kind, skipped.publication));
        self
    }
}

/// The names of all components that the files are or may be in.
pub(super) fn component_names(
    db: &Connection,
    pending: &[NeededFile],
) -> Result<BTreeMap<ComponentId, ComponentName>, StoreError> {
    let ids: BTreeSet<ComponentId> = (pending.iter())
        .flat_map(|file| file.names.iter().map(|name| name.component).chain([file.component]))
        .collect();
    ids.into_iter().map(|id| Ok((id, series::component_name(db, id)?))).collect()
}

/// The files in batches, those of a source in one: so are those of a publication.
fn batches<'a, 'b>(files: &'b [&'a NeededFile]) -> impl Iterator<Item = &'b [&'a NeededFile]> + use<'a, 'b> {
    let mut rest = files;
    std::iter::from_fn(move || {
        let end = rest.len().min(BATCH);
        let last = rest[..end].last()?;
        let more = rest[end..].iter().take_while(|file| file.source == last.source).count();
        let (batch, behind) = rest.split_at(end + more);
        rest = behind;
        Some(batch)
    })
}

/// What was done for one source.
#[derive(Debug, Default)]
struct Linked {
    /// Names made or changed.
    names: Vec<Named>,
    transitions: Vec<Transition>,
    skipped: Vec<Skipped>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) component: ComponentId,
    pub(super) source: SourceName,
    pub(super) filename: FileName,
    pub(super) content: ContentId,
    pub(super) is_symlink: bool,
}

pub(super) fn record(
    tx: &Transaction<'_>,
    names: &[Named],
    archive: ArchiveId,
    now: Timestamp,
) -> Result<(), StoreError> {
    for named in names {
        let new = NewPoolFile {
            archive,
            component: named.component,
            source: &named.source,
            filename: &named.filename,
            content: named.content,
            is_symlink: named.is_symlink,
        };
        record_pool_file(tx, &new, now)?;
    }
    Ok(())
}

/// Gives the files of one source their names.
fn link(
    pool: &Pool<'_>,
    components: &BTreeMap<ComponentId, ComponentName>,
    files: &[&NeededFile],
) -> Result<Linked, DiskError> {
    let mut linked = Linked::default();
    let mut clashing: BTreeMap<(PackageKind, PublicationId), String> = BTreeMap::new();
    let path = |component: ComponentId, file: &NeededFile| {
        PoolPath::new(&components[&component], &file.source, &file.filename)
    };
    for wanted in files.chunk_by(|one, other| one.filename == other.filename) {
        let first = wanted[0];
        // the content that holds the name: what is there, otherwise what was accepted first
        let holder = first.names.first().map_or(first.sha256, |name| name.sha256);
        let (agreeing, others): (Vec<&NeededFile>, Vec<&NeededFile>) =
            wanted.iter().partition(|file| file.sha256 == holder);
        for file in others {
            let path = path(file.component, file);
            let reason = format!("{path} is there with other content ({holder}, not {})", file.sha256);
            clashing.insert((file.kind, file.publication), reason);
        }
        let Some(first) = agreeing.first().copied() else { continue };
        let Some(decision) = decide(pool.preference, &first.names, &agreeing) else { continue };
        let real = path(decision.real, first);
        if let Err(found) = place(pool.librarian, first, &real.below(pool.root))? {
            for file in agreeing {
                let reason = format!(
                    "{real} is there with other content ({found}), which is not from here: move that file away and run again"
                );
                clashing.insert((file.kind, file.publication), reason);
            }
            continue;
        }
        for component in decision.wanting {
            let is_symlink = component != decision.real;
            if is_symlink {
                let target = path(component, first).link_to(&components[&decision.real]);
                disk::symlink(&target, &path(component, first).below(pool.root))?;
            }
            linked.names.push(Named {
                component,
                source: first.source.clone(),
                filename: first.filename.clone(),
                content: first.content,
                is_symlink,
            });
        }
    }
    let publications: BTreeSet<(PackageKind, PublicationId)> =
        files.iter().map(|file| (file.kind, file.publication)).collect();
    for (kind, publication) in publications {
        match clashing.remove(&(kind, publication)) {
            Some(reason) => linked.skipped.push(Skipped { publication, kind, reason }),
            None => linked.transitions.push(Transition {
                kind,
                publication,
                from_status: PublicationStatus::Pending,
                to_status: PublicationStatus::Published,
                superseded_by: None,
            }),
        }
    }
    Ok(linked)
}

/// Where a file of several components is to be.
#[derive(Debug, PartialEq, Eq)]
struct Decision {
    /// The component that has the file.
    real: ComponentId,
    /// All that have it or a link to it.
    wanting: Vec<ComponentId>,
}

/// Decides it from the names that there are and the files that are wanted; none where all is as it should be.
fn decide(preference: &[ComponentId], names: &[PoolFile], wanted: &[&NeededFile]) -> Option<Decision> {
    let mut wanting: Vec<ComponentId> =
        (names.iter().map(|name| name.component)).chain(wanted.iter().map(|file| file.component)).collect();
    wanting.sort_unstable();
    wanting.dedup();
    let real = *layout::holder(preference, &wanting)?;
    let settled = names.iter().any(|name| name.component == real && !name.is_symlink)
        && wanting.iter().all(|component| names.iter().any(|name| name.component == *component));
    (!settled).then_some(Decision { real, wanting })
}

/// Makes sure that a real file of this content is at a path. `Err` is the digest of another file that is there and must not be touched.
fn place(librarian: &Librarian, wanted: &NeededFile, path: &Path) -> Result<Result<(), Sha256>, DiskError> {
    let original = librarian.path(&wanted.sha256);
    if disk::link_or_copy_new(&original, path)? {
        return Ok(Ok(()));
    }
    let metadata = fs::symlink_metadata(path).during("look at", path)?;
    if metadata.is_symlink() {
        // it gives way to the file it led to, because this component is preferred now
        return disk::link_or_copy(&original, path).map(Ok);
    }
    if !metadata.is_file() {
        return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists)).during("put a file at", path);
    }
    // left by a run that died before it could record it, or put there by somebody
    if Identity::of(&original)? == Some(Identity::from_metadata(&metadata)) {
        return Ok(Ok(()));
    }
    let found = digest_reader(disk::open(path)?).during("read", path)?;
    let same = found.sha256 == wanted.sha256 && found.size_bytes == wanted.size_bytes;
    Ok(if same { Ok(()) } else { Err(found.sha256) })
}
