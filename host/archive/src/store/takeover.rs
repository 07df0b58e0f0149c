//! What is here already of the packages of another repository: asked by what its indexes say, before any of them is fetched.

use rusqlite::{Connection, OptionalExtension, Params};

use super::{During, StoreError, library_file};
use crate::domain::digest::Sha256;
use crate::domain::name::SourceName;
use crate::domain::version::DebVersion;
use crate::domain::{ArchSeriesId, BinaryReleaseId, PublicationStatus, SourceReleaseId, SuiteId};

/// The binary package with this content, if it came in and its file is kept.
///
/// # Errors
/// When the database fails.
pub fn known_binary(db: &Connection, sha256: &Sha256) -> Result<Option<BinaryReleaseId>, StoreError> {
    db.prepare_cached(
        "SELECT release.id FROM library_file_content AS content
         JOIN library_file_alias AS alias ON alias.content = content.id
         JOIN binary_package_release AS release ON release.binary_package_file = alias.id
         WHERE content.sha256 = ?1 ORDER BY release.id LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row([sha256], |row| row.get(0)).optional())
    .during("find a binary package by its content")
}

/// The source package whose .dsc has this content, if it came in and all its files are kept.
///
/// # Errors
/// When the database fails.
pub fn known_source(db: &Connection, dsc: &Sha256) -> Result<Option<SourceReleaseId>, StoreError> {
    let found: Option<SourceReleaseId> = db
        .prepare_cached(
            "SELECT release.id FROM library_file_content AS content
             JOIN library_file_alias AS alias ON alias.content = content.id
             JOIN source_package_release AS release ON release.dsc_file = alias.id
             WHERE content.sha256 = ?1 ORDER BY release.id LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row([dsc], |row| row.get(0)).optional())
        .during("find a source package by its content")?;
    match found {
        Some(release) if !library_file::expired_files(db, release.into())?.is_empty() => Ok(None),
        found => Ok(found),
    }
}

/// A source's own paragraph.
///
/// # Errors
/// When there is no such release.
pub fn dsc_of(db: &Connection, release: SourceReleaseId) -> Result<String, StoreError> {
    db.prepare_cached("SELECT dsc FROM source_package_release WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([release], |row| row.get(0)))
        .during("read a source's own words")
}

/// How a package stands to a suite, in one index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InOurSuite {
    /// It is published there, or waits to be.
    pub is_there: bool,
    /// It was.
    pub was_there: bool,
    /// Somebody has removed it since it was there.
    pub was_removed: bool,
    /// Higher versions that are there, the highest first.
    pub higher: Vec<DebVersion>,
}

/// A publication of the name: what it says, whether it is of the release, whether somebody has removed it, and its version. Newest first.
type Row = (PublicationStatus, bool, bool, DebVersion);

fn standing(rows: Vec<Row>, version: &DebVersion) -> InOurSuite {
    let mut standing = InOurSuite::default();
    for (status, is_the_release, is_removed, other) in rows {
        let is_active = status.is_active() && !is_removed;
        if is_the_release {
            // the newest word on it counts
            standing.was_removed |= is_removed && !standing.was_there;
            standing.was_there = true;
            standing.is_there |= is_active;
        } else if is_active
            && other.dpkg_cmp(version).is_gt()
            && !standing.higher.iter().any(|known| known.dpkg_cmp(&other).is_eq())
        {
            standing.higher.push(other);
        }
    }
    standing.higher.sort_by(|one, other| other.dpkg_cmp(one));
    standing
}

fn rows(db: &Connection, sql: &str, of: impl Params) -> Result<Vec<Row>, StoreError> {
    db.prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_map(of, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?.collect()
        })
        .during("look for what is published of a name")
}

/// How a binary package stands to an index. It may be one that never came in.
///
/// # Errors
/// When the database fails.
pub fn binary_standing(
    db: &Connection,
    (suite, architecture): (SuiteId, ArchSeriesId),
    (name, version): (&str, &DebVersion),
    release: Option<BinaryReleaseId>,
) -> Result<InOurSuite, StoreError> {
    let sql =
        "SELECT publication.status, publication.binary_package_release IS ?4, publication.removed_by IS NOT NULL, release.version
         FROM binary_package_publishing_history AS publication
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         WHERE publication.suite = ?1 AND publication.distro_arch_series = ?2 AND publication.binary_package_name = ?3
         AND (publication.status IN ('PENDING', 'PUBLISHED') OR publication.binary_package_release IS ?4)
         ORDER BY publication.id DESC";
    Ok(standing(rows(db, sql, (suite, architecture, name, release))?, version))
}

/// How a source package stands to a suite. It may be one that never came in.
///
/// # Errors
/// When the database fails.
pub fn source_standing(
    db: &Connection,
    suite: SuiteId,
    (name, version): (&SourceName, &DebVersion),
    release: Option<SourceReleaseId>,
) -> Result<InOurSuite, StoreError> {
    let sql =
        "SELECT publication.status, publication.source_package_release IS ?3, publication.removed_by IS NOT NULL, release.version
         FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         WHERE publication.suite = ?1 AND publication.source_package_name = ?2
         AND (publication.status IN ('PENDING', 'PUBLISHED') OR publication.source_package_release IS ?3)
         ORDER BY publication.id DESC";
    Ok(standing(rows(db, sql, (suite, name, release))?, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> DebVersion {
        text.parse().unwrap()
    }

    #[test]
    fn the_newest_word_on_a_release_counts() {
        use PublicationStatus::{Deleted, Published, Superseded};
        let of = |rows: &[(PublicationStatus, bool, bool, &str)]| {
            let rows =
                rows.iter().map(|(status, own, removed, other)| (*status, *own, *removed, version(other)));
            standing(rows.collect(), &version("1.5"))
        };
        assert_eq!(of(&[]), InOurSuite::default());
        let there = of(&[(Published, true, false, "1.5"), (Deleted, true, true, "1.5")]);
        assert!(there.is_there && there.was_there && !there.was_removed);
        let removed = of(&[(Deleted, true, true, "1.5"), (Superseded, true, false, "1.5")]);
        assert!(!removed.is_there && removed.was_removed);
        let asked_for = of(&[(Published, true, true, "1.5")]);
        assert!(!asked_for.is_there && asked_for.was_removed);
        let below = of(&[
            (Published, false, false, "1.7"),
            (Published, false, false, "1.10"),
            (Published, false, false, "1.7"),
            (Published, false, true, "3"),
            (Published, false, false, "1"),
            (Superseded, true, false, "1.5"),
        ]);
        assert_eq!(below.higher, [version("1.10"), version("1.7")]);
        assert!(below.was_there && !below.is_there);
    }
}
