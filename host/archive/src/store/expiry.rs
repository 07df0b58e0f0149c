//! What expiry asks of everything that names originals, and what it writes: aliases without content, and the journal `expired_content`.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::FileName;
use crate::domain::{AliasId, ArchiveReference, ContentId, ExpiredContentId, RunId, SeriesId};

/// Says that an original may not be wanted any more.
///
/// # Errors
/// When the database fails.
pub fn suggest(tx: &Transaction<'_>, file: AliasId, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO expiry_candidate (library_file, date_look_again) VALUES (?1, ?2)
         ON CONFLICT (library_file) DO UPDATE SET date_look_again = min(date_look_again, excluded.date_look_again)",
    )
    .and_then(|mut statement| statement.execute((file, Date(now))))
    .map(drop)
    .during("record that an original may not be wanted")
}

/// Whether an original, `alias`, has content and is of a package that has left a pool at some time.
const HAS_LEFT_A_POOL: &str = "alias.content IS NOT NULL AND alias.id IN (
    SELECT file.library_file FROM source_package_publishing_history AS publication
    JOIN source_package_release_file AS file ON file.source_package_release = publication.source_package_release
    WHERE publication.date_removed IS NOT NULL
    UNION
    SELECT release.binary_package_file FROM binary_package_publishing_history AS publication
    JOIN binary_package_release AS release ON release.id = publication.binary_package_release
    WHERE publication.date_removed IS NOT NULL)";

/// Says so of all originals of packages that have left a pool at some time, and have content. How many there are.
///
/// # Errors
/// When the database fails.
pub fn suggest_all(tx: &Transaction<'_>, now: Timestamp) -> Result<usize, StoreError> {
    tx.execute(
        &format!(
            "INSERT INTO expiry_candidate (library_file, date_look_again)
             SELECT alias.id, ?1 FROM library_file_alias AS alias WHERE {HAS_LEFT_A_POOL}
             ON CONFLICT (library_file) DO UPDATE SET date_look_again = excluded.date_look_again"
        ),
        [Date(now)],
    )
    .during("list the originals that may not be wanted")
}

/// The originals that [`due`] lists after [`suggest_all`], in that order.
///
/// # Errors
/// When the database fails.
pub fn due_or_suggested(db: &Connection, now: Timestamp) -> Result<Vec<AliasId>, StoreError> {
    let suggested: Vec<AliasId> = db
        .prepare(&format!("SELECT id FROM library_file_alias AS alias WHERE {HAS_LEFT_A_POOL} ORDER BY id"))
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .during("list the originals that may not be wanted")?;
    let known: HashSet<AliasId> = suggested.iter().copied().collect();
    let mut all = due(db, now)?;
    all.retain(|file| !known.contains(file));
    all.extend(suggested);
    Ok(all)
}

/// Says so of all originals of packages that have left a pool in a series, and have content: the librarian has kept them for the series.
///
/// # Errors
/// When the database fails.
pub fn suggest_of_series(tx: &Transaction<'_>, series: SeriesId, now: Timestamp) -> Result<(), StoreError> {
    for file in [
        "SELECT file.library_file FROM source_package_publishing_history AS publication
         JOIN source_package_release_file AS file ON file.source_package_release = publication.source_package_release",
        "SELECT release.binary_package_file FROM binary_package_publishing_history AS publication
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release",
    ] {
        tx.execute(
            &format!(
                "INSERT INTO expiry_candidate (library_file, date_look_again)
                 SELECT id, ?2 FROM library_file_alias WHERE content IS NOT NULL AND id IN (
                   {file} WHERE publication.date_removed IS NOT NULL
                   AND publication.suite IN (SELECT id FROM suite WHERE distro_series = ?1))
                 ON CONFLICT (library_file) DO UPDATE SET date_look_again = excluded.date_look_again"
            ),
            (series, Date(now)),
        )
        .during("list the originals of a series")?;
    }
    Ok(())
}

/// The originals that are to be looked at now, the longest waiting first.
///
/// # Errors
/// When the database fails.
pub fn due(db: &Connection, now: Timestamp) -> Result<Vec<AliasId>, StoreError> {
    db.prepare_cached(
        "SELECT library_file FROM expiry_candidate WHERE date_look_again <= ?1 ORDER BY date_look_again, library_file",
    )
    .and_then(|mut statement| statement.query_map([Date(now)], |row| row.get(0))?.collect())
    .during("list the originals that may not be wanted")
}

/// Records when an original is looked at again; none: when something else happens to it.
///
/// # Errors
/// When the database fails.
pub fn look_again(tx: &Transaction<'_>, file: AliasId, date: Option<Timestamp>) -> Result<(), StoreError> {
    const WHAT: &str = "record when an original is looked at again";
    match date {
        None => tx
            .prepare_cached("DELETE FROM expiry_candidate WHERE library_file = ?1")
            .and_then(|mut statement| statement.execute([file])),
        Some(date) => tx
            .prepare_cached("UPDATE expiry_candidate SET date_look_again = ?2 WHERE library_file = ?1")
            .and_then(|mut statement| statement.execute((file, Date(date)))),
    }
    .map(drop)
    .during(WHAT)
}

/// An original under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Its row.
    pub alias: AliasId,
    /// Its name.
    pub filename: FileName,
    /// Its content's row.
    pub content: ContentId,
    /// Its content.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
}

/// An original; none where it has expired.
///
/// # Errors
/// When the database fails.
pub fn original(db: &Connection, file: AliasId) -> Result<Option<Original>, StoreError> {
    db.prepare_cached(
        "SELECT alias.id, alias.filename, content.id, content.sha256, content.file_size FROM library_file_alias AS alias
         JOIN library_file_content AS content ON content.id = alias.content WHERE alias.id = ?1",
    )
    .and_then(|mut statement| {
        statement
            .query_row([file], |row| {
                Ok(Original {
                    alias: row.get(0)?,
                    filename: row.get(1)?,
                    content: row.get(2)?,
                    sha256: row.get(3)?,
                    size_bytes: row.get(4)?,
                })
            })
            .optional()
    })
    .during("find an original")
}

/// The originals of all packages that have one of them: with it a source goes whole, or not at all.
///
/// # Errors
/// When the database fails.
pub fn together_with(db: &Connection, file: AliasId) -> Result<Vec<AliasId>, StoreError> {
    db.prepare_cached(
        "SELECT ?1 UNION SELECT other.library_file FROM source_package_release_file AS file
         JOIN source_package_release_file AS other ON other.source_package_release = file.source_package_release
         WHERE file.library_file = ?1 ORDER BY 1",
    )
    .and_then(|mut statement| statement.query_map([file], |row| row.get(0))?.collect())
    .during("find the files of a source")
}

/// Who wants an original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A publication that has not left the pool.
    Publication {
        /// Whose archive.
        archive: String,
    },
    /// One that has left it, of an archive that keeps what it has had while the series is cared for.
    Series {
        /// Whose archive.
        archive: String,
        /// Which series.
        series: String,
    },
    /// One that has left the pool of somebody's archive a short time ago.
    Removed {
        /// Whose archive.
        archive: String,
        /// Until when.
        until: Timestamp,
    },
    /// An upload that is not done.
    Upload {
        /// Its number.
        upload: i64,
    },
    /// A build that is not done.
    Build {
        /// Its number.
        build: i64,
    },
    /// Something that is no package: the `.changes` of an upload, a log, a custom file.
    Record,
    /// A name in a pool, or something that keeps one.
    Pool,
}

/// Who wants an original, if anybody does; of several the one who wants it for longest is named. What has left the pool of somebody's archive is wanted for
/// `keep` from then on.
///
/// # Errors
/// When the database fails.
pub fn wanted(
    db: &Connection,
    original: &Original,
    keep: SignedDuration,
    now: Timestamp,
) -> Result<Option<Wanted>, StoreError> {
    const WHAT: &str = "find who wants an original";
    let cutoff = Date(now - keep);
    let mut of_publications: Option<(i64, Wanted)> = None;
    for releases in [
        "source_package_release_file AS file JOIN source_package_publishing_history AS publication
         ON publication.source_package_release = file.source_package_release AND file.library_file = ?1",
        "binary_package_release AS release JOIN binary_package_publishing_history AS publication
         ON publication.binary_package_release = release.id AND release.binary_package_file = ?1",
    ] {
        let found = db
            .prepare_cached(&format!(
                "SELECT CASE WHEN publication.date_removed IS NULL THEN 3 WHEN archive.purpose <> 'PPA' THEN 2 ELSE 1 END AS length,
                        publication.date_removed, distribution.name, archive.owner, archive.name, series.name
                 FROM {releases} JOIN suite ON suite.id = publication.suite JOIN archive ON archive.id = suite.archive
                 JOIN distribution ON distribution.id = archive.distribution
                 JOIN distro_series AS series ON series.id = suite.distro_series
                 WHERE publication.date_removed IS NULL
                   OR (archive.purpose = 'PPA' AND publication.date_removed > ?2)
                   OR (archive.purpose <> 'PPA' AND series.status <> 'OBSOLETE')
                 ORDER BY length DESC, publication.date_removed DESC, publication.id LIMIT 1"
            ))
            .and_then(|mut statement| {
                statement
                    .query_row((original.alias, cutoff), |row| {
                        let length: i64 = row.get(0)?;
                        let removed = row.get::<_, Option<Date>>(1)?.map(|date| date.0);
                        let (distribution, owner, name): (String, String, String) =
                            (row.get(2)?, row.get(3)?, row.get(4)?);
                        let archive = reference(&distribution, &owner, &name);
                        let wanted = match (length, removed) {
                            (1, Some(date)) => Wanted::Removed { archive, until: date + keep },
                            (2, _) => Wanted::Series { archive, series: row.get(5)? },
                            _ => Wanted::Publication { archive },
                        };
                        Ok((length, wanted))
                    })
                    .optional()
            })
            .during(WHAT)?;
        if let Some((length, wanted)) = found
            && of_publications.as_ref().is_none_or(|(other, _)| *other < length)
        {
            of_publications = Some((length, wanted));
        }
    }
    match of_publications {
        Some((length, wanted)) if length > 1 => return Ok(Some(wanted)),
        _ => {}
    }
    if let Some(other) = wanted_otherwise(db, original)? {
        return Ok(Some(other));
    }
    Ok(of_publications.map(|(_, wanted)| wanted))
}

fn reference(distribution: &str, owner: &str, name: &str) -> String {
    let text = if owner.is_empty() {
        format!("{distribution}/{name}")
    } else {
        format!("~{owner}/{distribution}/{name}")
    };
    text.parse::<ArchiveReference>().map_or(text, |reference| reference.to_string())
}

/// Whether an original is kept with an upload or a build.
const RECORD: &str = "SELECT 1 WHERE EXISTS (SELECT 1 FROM package_upload WHERE changes_file = ?1)
    OR EXISTS (SELECT 1 FROM package_upload_custom WHERE library_file = ?1)
    OR EXISTS (SELECT 1 FROM package_upload_file WHERE library_file = ?1)
    OR EXISTS (SELECT 1 FROM binary_package_build WHERE build_log = ?1)";

/// Who wants an original that is or was part of no publication that counts.
fn wanted_otherwise(db: &Connection, original: &Original) -> Result<Option<Wanted>, StoreError> {
    const WHAT: &str = "find who wants an original";
    let one = |sql: &str, id: i64| -> Result<Option<i64>, StoreError> {
        db.prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
            .during(WHAT)
    };
    let (alias, content) = (original.alias.0, original.content.0);
    let upload = "SELECT upload.id FROM source_package_release_file AS file
         JOIN package_upload_source AS source ON source.source_package_release = file.source_package_release
         JOIN package_upload AS upload ON upload.id = source.package_upload
         WHERE file.library_file = ?1 AND upload.status <> 'DONE'
         UNION ALL
         SELECT upload.id FROM binary_package_release AS release
         JOIN package_upload_binary AS binary ON binary.binary_package_release = release.id
         JOIN package_upload AS upload ON upload.id = binary.package_upload
         WHERE release.binary_package_file = ?1 AND upload.status <> 'DONE' ORDER BY 1 LIMIT 1";
    if let Some(upload) = one(upload, alias)? {
        return Ok(Some(Wanted::Upload { upload }));
    }
    let build = "SELECT build.id FROM source_package_release_file AS file
         JOIN binary_package_build AS build ON build.source_package_release = file.source_package_release
         WHERE file.library_file = ?1 AND build.status IN ('NEEDSBUILD', 'BUILDING', 'UPLOADING', 'GATHERING', 'CANCELLING')
         ORDER BY build.id LIMIT 1";
    if let Some(build) = one(build, alias)? {
        return Ok(Some(Wanted::Build { build }));
    }
    if one(RECORD, alias)?.is_some() {
        return Ok(Some(Wanted::Record));
    }
    let pool = "SELECT 1 WHERE EXISTS (SELECT 1 FROM pool_file WHERE content = ?1)
         OR EXISTS (SELECT 1 FROM pool_hold WHERE content = ?1)";
    Ok(one(pool, content)?.map(|_| Wanted::Pool))
}

/// The originals that have a content.
///
/// # Errors
/// When the database fails.
pub fn names_of(db: &Connection, content: ContentId) -> Result<Vec<AliasId>, StoreError> {
    db.prepare_cached("SELECT id FROM library_file_alias WHERE content = ?1")
        .and_then(|mut statement| statement.query_map([content], |row| row.get(0))?.collect())
        .during("find the names of a content")
}

/// Whether a content has a row.
///
/// # Errors
/// When the database fails.
pub fn is_known(db: &Connection, sha256: &Sha256) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM library_file_content WHERE sha256 = ?1)")
        .and_then(|mut statement| statement.query_row([sha256], |row| row.get(0)))
        .during("look for a content")
}

/// Takes the content from an alias. Where no other has it, the content's row goes, and the journal says that the disk has it still; whether that is so.
///
/// # Errors
/// When the database fails.
pub fn begin_expiring(
    tx: &Transaction<'_>,
    original: &Original,
    run: Option<RunId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const WHAT: &str = "let an original go";
    tx.prepare_cached("UPDATE library_file_alias SET content = NULL, expires = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute((original.alias, Date(now))))
        .during(WHAT)?;
    look_again(tx, original.alias, None)?;
    let gone = tx
        .prepare_cached(
            "DELETE FROM library_file_content WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM library_file_alias WHERE content = ?1)
             AND NOT EXISTS (SELECT 1 FROM pool_file WHERE content = ?1)
             AND NOT EXISTS (SELECT 1 FROM pool_hold WHERE content = ?1)",
        )
        .and_then(|mut statement| statement.execute([original.content]))
        .during(WHAT)?
        > 0;
    if gone {
        tx.prepare_cached(
            "INSERT INTO expired_content (sha256, file_size, script_activity, date_created) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| {
            statement.execute((original.sha256, size(original.size_bytes), run, Date(now)))
        })
        .during(WHAT)?;
    }
    Ok(gone)
}

/// A content that no row has, and the disk may have still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Its row.
    pub id: ExpiredContentId,
    /// The content.
    pub sha256: Sha256,
    /// It has come in again since.
    pub is_back: bool,
}

/// The contents that the disk may have still.
///
/// # Errors
/// When the database fails.
pub fn undone(db: &Connection) -> Result<Vec<Undone>, StoreError> {
    db.prepare_cached(
        "SELECT expired.id, expired.sha256, EXISTS (SELECT 1 FROM library_file_content AS content WHERE content.sha256 = expired.sha256)
         FROM expired_content AS expired INDEXED BY expired_content_to_do WHERE expired.date_done IS NULL ORDER BY expired.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([], |row| Ok(Undone { id: row.get(0)?, sha256: row.get(1)?, is_back: row.get(2)? }))?
            .collect()
    })
    .during("list the originals that have gone")
}

/// Records that the disk has contents no more, or that they are back.
///
/// # Errors
/// When the database fails.
pub fn mark_done(tx: &Transaction<'_>, ids: &[ExpiredContentId], now: Timestamp) -> Result<(), StoreError> {
    for id in ids {
        tx.prepare_cached("UPDATE expired_content SET date_done = ?2 WHERE id = ?1")
            .and_then(|mut statement| statement.execute((id, Date(now))))
            .during("record that an original has gone")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Db;

    #[test]
    fn whether_an_original_is_kept_with_an_upload_costs_nothing_for_other_uploads() {
        let db = Db::in_memory().unwrap();
        let mut statement = db.read().prepare(&format!("EXPLAIN QUERY PLAN {RECORD}")).unwrap();
        let steps: Vec<String> =
            statement.query_map([1], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert_eq!(steps.iter().filter(|step| step.starts_with("SEARCH")).count(), 4, "{steps:?}");
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN") && !step.contains("CONSTANT")),
            "{steps:?}"
        );
    }
}
