//! What those who decide about uploads ask of the rows: which wait, which files they have, what stands in their way, what was there before.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::package_upload::{COLUMNS, PackageUpload, from_row};
use super::{During, StoreError};
use crate::domain::name::{FileName, PackagePriority, Section, SourceName};
use crate::domain::{
    ArchiveId, BinaryReleaseId, ComponentId, DebVersion, Sha256, SourceReleaseId, SuiteId, SuiteName,
    UploadId, UploadStatus,
};

/// How a source is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// So, and not otherwise.
    Exactly(&'a str),
    /// With this in its name.
    Containing(&'a str),
}

/// Which uploads are meant; what is none does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// In which archive.
    pub archive: Option<ArchiveId>,
    /// For the suites of this name.
    pub suite: Option<&'a SuiteName>,
    /// How far they have come; empty: however far.
    pub statuses: &'a [UploadStatus],
    /// About which source.
    pub name: Option<Named<'a>>,
    /// Of which version.
    pub version: Option<&'a DebVersion>,
}

/// The newest uploads that are meant, `limit` at most, in the order in which they came.
///
/// # Errors
/// When the database fails.
pub fn newest(db: &Connection, wanted: &Wanted<'_>, limit: u32) -> Result<Vec<PackageUpload>, StoreError> {
    // each condition is written only where it is asked for, so that the indexes serve
    let mut conditions = vec!["1".to_owned()];
    let mut condition = |is_asked: bool, sql: &str| {
        if is_asked {
            conditions.push(sql.to_owned());
        }
    };
    condition(wanted.archive.is_some(), "archive = :archive");
    condition(
        wanted.suite.is_some(),
        "suite IN (SELECT suite.id FROM suite JOIN distro_series ON distro_series.id = suite.distro_series
         WHERE distro_series.name = :series AND suite.pocket = :pocket)",
    );
    let (name, by_name) = match wanted.name {
        None => (None, ""),
        Some(Named::Exactly(name)) => (Some(name), "source_package_name = :name"),
        Some(Named::Containing(part)) => (Some(part), "instr(source_package_name, :name) > 0"),
    };
    condition(name.is_some(), by_name);
    condition(wanted.version.is_some(), "version = :version");
    if !wanted.statuses.is_empty() {
        // words of ours, no text of anybody's
        let words: Vec<String> = wanted.statuses.iter().map(|status| format!("'{status}'")).collect();
        conditions.push(format!("status IN ({})", words.join(", ")));
    }
    // those that are left out are parameters all the same
    let sql = format!(
        "SELECT * FROM (SELECT {COLUMNS} WHERE {} AND coalesce(:archive, :series, :pocket, :name, :version, 1) IS NOT NULL
         ORDER BY id DESC LIMIT :limit) ORDER BY id",
        conditions.join(" AND ")
    );
    db.prepare_cached(&sql)
        .and_then(|mut statement| {
            statement
                .query_map(
                    named_params! {
                        ":archive": wanted.archive,
                        ":series": wanted.suite.map(SuiteName::series),
                        ":pocket": wanted.suite.map(SuiteName::pocket),
                        ":name": name,
                        ":version": wanted.version,
                        ":limit": limit,
                    },
                    from_row,
                )?
                .collect()
        })
        .during("list uploads")
}

// ---------------------------------------------------------------- files

/// A file that came with an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadFile {
    /// Its name.
    pub filename: FileName,
    /// Its content; none where that is not kept any more.
    pub content: Option<FileContent>,
}

/// What a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// Which bytes.
    pub sha256: Sha256,
    /// How many.
    pub size_bytes: u64,
}

/// The files of an upload, by name: its `.changes`, its source's, its binary packages, its custom files, and what is kept beside them.
///
/// # Errors
/// When the database fails.
pub fn files_of(db: &Connection, upload: UploadId) -> Result<Vec<UploadFile>, StoreError> {
    db.prepare_cached(include_str!("files_of_upload.sql"))
        .and_then(|mut statement| {
            statement
                .query_map([upload], |row| {
                    let content = match row.get::<_, Option<Sha256>>(1)? {
                        Some(sha256) => Some(FileContent { sha256, size_bytes: row.get(2)? }),
                        None => None,
                    };
                    Ok(UploadFile { filename: row.get(0)?, content })
                })?
                .collect()
        })
        .during("list the files of an upload")
}

// ---------------------------------------------------------------- where packages are filed

/// Files the source of an upload otherwise.
///
/// # Errors
/// When the database fails.
pub fn refile_source(
    tx: &Transaction<'_>,
    upload: UploadId,
    component: ComponentId,
    section: Option<&Section>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE package_upload_source SET component = ?2, section = ?3 WHERE package_upload = ?1",
    )
    .and_then(|mut statement| statement.execute((upload, component, section)))
    .map(|_| ())
    .during("file the source of an upload otherwise")
}

/// Files a binary package of an upload otherwise.
///
/// # Errors
/// When the database fails.
pub fn refile_binary(
    tx: &Transaction<'_>,
    (upload, release): (UploadId, BinaryReleaseId),
    component: ComponentId,
    section: Option<&Section>,
    priority: Option<&PackagePriority>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE package_upload_binary SET component = ?3, section = ?4, priority = ?5
         WHERE package_upload = ?1 AND binary_package_release = ?2",
    )
    .and_then(|mut statement| statement.execute((upload, release, component, section, priority)))
    .map(|_| ())
    .during("file a binary package of an upload otherwise")
}

// ---------------------------------------------------------------- what stands in the way

/// Another upload to the same archive that has brought another source of the same name and version, and was accepted.
///
/// # Errors
/// When the database fails.
pub fn accepted_before(
    db: &Connection,
    upload: &PackageUpload,
    source: SourceReleaseId,
) -> Result<Option<UploadId>, StoreError> {
    db.prepare_cached(
        "SELECT package_upload.id FROM package_upload JOIN package_upload_source AS filed ON filed.package_upload = package_upload.id
         WHERE source_package_name = ?1 AND version = ?2 AND archive = ?3 AND package_upload.id <> ?4
         AND status IN ('ACCEPTED', 'DONE') AND source_package_release <> ?5 ORDER BY package_upload.id LIMIT 1",
    )
    .and_then(|mut statement| {
        statement
            .query_row((&upload.source_name, &upload.version, upload.archive, upload.id, source), |row| row.get(0))
            .optional()
    })
    .during("look for the same source in other uploads")
}

// ---------------------------------------------------------------- what was there before

/// A release that is, waits to be or was published in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct There<T> {
    /// Which.
    pub release: T,
    /// Its version.
    pub version: DebVersion,
    /// Whether it is, or waits to be, published; otherwise it was.
    pub is_active: bool,
}

/// The sources of a name in a suite, each once; those that were removed on purpose are left out.
///
/// # Errors
/// When the database fails.
pub fn sources_there(
    db: &Connection,
    suite: SuiteId,
    name: &SourceName,
) -> Result<Vec<There<SourceReleaseId>>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.version, max(publication.status IN ('PENDING', 'PUBLISHED'))
         FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         WHERE publication.suite = ?1 AND publication.source_package_name = ?2
         AND publication.status IN ('PENDING', 'PUBLISHED', 'SUPERSEDED') GROUP BY release.id ORDER BY release.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, name), |row| {
                Ok(There { release: row.get(0)?, version: row.get(1)?, is_active: row.get(2)? })
            })?
            .collect()
    })
    .during("list what is published of a source")
}

/// As [`sources_there`], for binary packages of a name and of what they are for.
///
/// # Errors
/// When the database fails.
pub fn binaries_there(
    db: &Connection,
    suite: SuiteId,
    name: &str,
    architecture: &crate::domain::ArchitectureTag,
) -> Result<Vec<There<BinaryReleaseId>>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.version, max(publication.status IN ('PENDING', 'PUBLISHED'))
         FROM suite JOIN distro_arch_series AS architecture ON architecture.distro_series = suite.distro_series
         JOIN binary_package_publishing_history AS publication
           ON publication.suite = suite.id AND publication.distro_arch_series = architecture.id
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         WHERE suite.id = ?1 AND publication.binary_package_name = ?2
         AND publication.status IN ('PENDING', 'PUBLISHED', 'SUPERSEDED')
         -- a package that was for all may be for one now, and the other way round
         AND (architecture.architecture_tag = ?3 OR ?3 = 'all') GROUP BY release.id ORDER BY release.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, name, architecture), |row| {
                Ok(There { release: row.get(0)?, version: row.get(1)?, is_active: row.get(2)? })
            })?
            .collect()
    })
    .during("list what is published of a binary package")
}

/// The suites whose packages those of a suite are compared with, nearest first: itself, the release pocket of its series, those of its
/// series' parents; and of an archive that is not the distribution's own, the same of that one.
///
/// # Errors
/// When the database fails.
pub fn suites_before(db: &Connection, suite: SuiteId) -> Result<Vec<SuiteId>, StoreError> {
    db.prepare_cached(include_str!("suites_before.sql"))
        .and_then(|mut statement| statement.query_map([suite], |row| row.get(0))?.collect())
        .during("list the suites that came before")
}

/// The paragraph of a source's `.dsc`.
///
/// # Errors
/// When the database fails.
pub fn source_text(db: &Connection, release: SourceReleaseId) -> Result<String, StoreError> {
    db.prepare_cached("SELECT dsc FROM source_package_release WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([release], |row| row.get(0)))
        .during("read a source's paragraph")
}

/// The control paragraph of a binary package, and its file, where that is still kept.
///
/// # Errors
/// When the database fails.
pub fn binary_text(
    db: &Connection,
    release: BinaryReleaseId,
) -> Result<(String, Option<Sha256>), StoreError> {
    db.prepare_cached(
        "SELECT release.control, content.sha256 FROM binary_package_release AS release
         JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
         LEFT JOIN library_file_content AS content ON content.id = alias.content WHERE release.id = ?1",
    )
    .and_then(|mut statement| statement.query_row([release], |row| Ok((row.get(0)?, row.get(1)?))))
    .during("read a binary package's paragraph")
}
