//! The files of packages that came in before their lists were kept: read again from the originals, and kept from then on.

use rayon::prelude::*;

use crate::disk::DiskError;
use crate::domain::BinaryReleaseId;
use crate::domain::digest::Sha256;
use crate::format::{DebError, PathList, read_deb_control};
use crate::librarian::Librarian;
use crate::store::package_paths::{self, PackedPaths};
use crate::store::{Connection, StoreError};

/// Why the files of a package are not known.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The original cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The original cannot be listed.
    #[error("cannot list the files of the original {sha256}")]
    Deb {
        /// Which.
        sha256: Sha256,
        /// Why.
        #[source]
        source: Box<DebError>,
    },
    /// What is stored is damaged, or cannot be made.
    #[error("the list of the files of a package is damaged")]
    List(#[source] std::io::Error),
    /// The original has expired.
    #[error("the files of a package are not known, and its original is gone: import it again")]
    Gone,
}

/// The packed lists of releases, in their order.
///
/// # Errors
/// When one is not known and cannot be read again, or the database fails.
pub fn packed_paths(
    db: &Connection,
    librarian: &Librarian,
    releases: &[BinaryReleaseId],
) -> Result<Vec<Vec<u8>>, PathsError> {
    let mut lists = Vec::with_capacity(releases.len());
    let mut unknown = Vec::new();
    for (at, release) in releases.iter().enumerate() {
        let known = package_paths::find(db, *release)?;
        if known.is_none() {
            unknown.push((at, *release, package_paths::original(db, *release)?.ok_or(PathsError::Gone)?));
        }
        lists.push(known.unwrap_or_default());
    }
    if unknown.is_empty() {
        return Ok(lists);
    }
    let read: Vec<(usize, BinaryReleaseId, PackedPaths)> = unknown
        .into_par_iter()
        .map(|(at, release, sha256)| Ok((at, release, read_again(librarian, sha256)?)))
        .collect::<Result<_, PathsError>>()?;
    package_paths::keep_all(db, read.iter().map(|(_, release, paths)| (*release, paths)))?;
    for (at, _, paths) in read {
        lists[at] = paths.packed;
    }
    Ok(lists)
}

fn read_again(librarian: &Librarian, sha256: Sha256) -> Result<PackedPaths, PathsError> {
    let file = librarian.open(&sha256)?;
    let deb = read_deb_control(std::io::BufReader::with_capacity(128 << 10, file))
        .map_err(|source| PathsError::Deb { sha256, source: Box::new(source) })?;
    let packed = deb.paths.pack().map_err(PathsError::List)?;
    Ok(PackedPaths { count: deb.paths.len(), packed })
}

/// The list that was packed.
///
/// # Errors
/// When it is damaged.
pub fn unpack(packed: &[u8]) -> Result<PathList, PathsError> {
    PathList::unpack(packed).map_err(PathsError::List)
}
