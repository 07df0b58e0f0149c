//! Putting the files of pending publications into the pool.
//!
//! In this order, so that a death at any point leaves a pool that the next run completes: the file under its name, then links of other components
//! to it, then the rows. A name that has other content is never touched: that publication is skipped, and said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Transaction;

use super::layout::{self, PoolPath};
use crate::disk::{self, DiskError, During};
use crate::domain::digest::{Sha256, digest_reader};
use crate::domain::name::{ComponentName, FileName, SourceName};
use crate::domain::{ArchiveId, ComponentId, PackageKind, PublicationId, PublicationStatus};
use crate::librarian::Librarian;
use crate::store::pass::Transition;
use crate::store::pool_file::{NewPoolFile, pool_names, record_pool_file};
use crate::store::publication::PendingFile;
use crate::store::{Connection, StoreError, series};

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
#[derive(Debug, Default)]
pub struct Poolified {
    /// The publications whose files are all there.
    pub transitions: Vec<Transition>,
    /// Those that cannot be published.
    pub skipped: Vec<Skipped>,
    /// Names made or changed.
    pub pooled: Pooled,
}

/// Names in the pool that were made or changed, to be recorded when they are durable. One that is not, because its pass failed, is found again.
#[derive(Debug, Default)]
pub struct Pooled(Vec<Named>);

#[derive(Debug)]
struct Named {
    component: ComponentId,
    source: SourceName,
    filename: FileName,
    content: crate::domain::ContentId,
    is_symlink: bool,
}

impl Poolified {
    /// How many names were made or changed.
    #[must_use]
    pub const fn names(&self) -> usize {
        self.pooled.0.len()
    }
}

impl Pooled {
    /// Records the names. The pool's filesystem has been synced before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record(&self, tx: &Transaction<'_>, archive: ArchiveId, now: Timestamp) -> Result<(), StoreError> {
        for named in &self.0 {
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
}

/// Puts the files of pending publications into the pool below `root`. `preference` has the components, most preferred first.
///
/// # Errors
/// When the disk or the database fails; the names made so far stay and are found again.
pub fn poolify(
    db: &Connection,
    librarian: &Librarian,
    archive: ArchiveId,
    root: &Path,
    preference: &[ComponentId],
    pending: &[PendingFile],
) -> Result<Poolified, PoolError> {
    let mut result = Poolified::default();
    let mut clashing: BTreeMap<(PackageKind, PublicationId), String> = BTreeMap::new();
    let mut names = Names::new(db);
    // one file of one source may be wanted by several publications and components at once
    let mut by_name: BTreeMap<(&SourceName, &FileName), Vec<&PendingFile>> = BTreeMap::new();
    for file in pending {
        by_name.entry((&file.source, &file.filename)).or_default().push(file);
    }
    for ((source, filename), wanted) in by_name {
        let existing = pool_names(db, archive, source, filename)?;
        // the content that holds the name: what is there, otherwise what was accepted first
        let holder = existing.first().map_or(wanted[0].sha256, |name| name.sha256);
        let mut agreeing = Vec::new();
        for file in wanted {
            if file.sha256 == holder {
                agreeing.push(file);
            } else {
                let path = PoolPath::new(&names.of(file.component)?, source, filename);
                let reason = format!("{path} is there with other content ({holder}, not {})", file.sha256);
                clashing.insert((file.kind, file.publication), reason);
            }
        }
        let Some(first) = agreeing.first() else { continue };
        let have: BTreeSet<ComponentId> = existing.iter().map(|name| name.component).collect();
        let mut wanting: Vec<ComponentId> = have.iter().copied().collect();
        wanting
            .extend(agreeing.iter().map(|file| file.component).filter(|component| !have.contains(component)));
        wanting.sort_unstable();
        wanting.dedup();
        let Some(real) = layout::holder(preference, &wanting).copied() else { continue };
        let settled = existing.iter().any(|name| name.component == real && !name.is_symlink)
            && wanting.iter().all(|component| have.contains(component));
        if settled {
            continue;
        }
        let real_path = PoolPath::new(&names.of(real)?, source, filename);
        if let Err(found) = place(librarian, &first.sha256, first.size_bytes, &real_path.below(root))? {
            for file in agreeing {
                let reason = format!(
                    "{real_path} is there with other content ({found}), which is not from here: move that file away and run again"
                );
                clashing.insert((file.kind, file.publication), reason);
            }
            continue;
        }
        for component in wanting {
            if component != real {
                let path = PoolPath::new(&names.of(component)?, source, filename);
                disk::symlink(&path.link_to(&names.of(real)?), &path.below(root))?;
            }
            result.pooled.0.push(Named {
                component,
                source: source.clone(),
                filename: filename.clone(),
                content: first.content,
                is_symlink: component != real,
            });
        }
    }
    let publications: BTreeSet<(PackageKind, PublicationId)> =
        pending.iter().map(|file| (file.kind, file.publication)).collect();
    for (kind, publication) in publications {
        match clashing.remove(&(kind, publication)) {
            Some(reason) => result.skipped.push(Skipped { publication, kind, reason }),
            None => result.transitions.push(Transition {
                kind,
                publication,
                from_status: PublicationStatus::Pending,
                to_status: PublicationStatus::Published,
                superseded_by: None,
            }),
        }
    }
    Ok(result)
}

/// Makes sure that a real file of this content is at a path. `Err` is the digest of another file that is there and must not be touched.
fn place(
    librarian: &Librarian,
    sha256: &Sha256,
    size_bytes: u64,
    path: &Path,
) -> Result<Result<(), Sha256>, DiskError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            // left by a run that died before it could record it, or put there by somebody
            let found = digest_reader(disk::open(path)?).during("read", path)?;
            return Ok(if found.sha256 == *sha256 && found.size_bytes == size_bytes {
                Ok(())
            } else {
                Err(found.sha256)
            });
        }
        // a link that gives way to the file it led to, because this component is preferred now
        Ok(metadata) if metadata.is_symlink() => {}
        Ok(_) => {
            return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists))
                .during("put a file at", path);
        }
        Err(_) => {}
    }
    let original: PathBuf = librarian.path(sha256);
    disk::link_or_copy(&original, path)?;
    Ok(Ok(()))
}

/// The names of components, each asked for once.
struct Names<'a> {
    db: &'a Connection,
    known: BTreeMap<ComponentId, ComponentName>,
}

impl<'a> Names<'a> {
    const fn new(db: &'a Connection) -> Self {
        Self { db, known: BTreeMap::new() }
    }

    fn of(&mut self, id: ComponentId) -> Result<ComponentName, StoreError> {
        if let Some(name) = self.known.get(&id) {
            return Ok(name.clone());
        }
        let name = series::component_name(self.db, id)?;
        self.known.insert(id, name.clone());
        Ok(name)
    }
}
