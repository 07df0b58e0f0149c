//! What death row asks of the publishing histories and `pool_file`, and what it writes: `date_removed`, and the journal `reaped_file`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::snapshot_need::Needing;
use super::sql::Date;
use super::{During, StoreError, snapshot_need};
use crate::domain::digest::Sha256;
use crate::domain::name::{FileName, SeriesName, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{
    AliasId, ArchiveId, BinaryReleaseId, ComponentId, ContentId, PackageKind, PackageReleaseId, Pocket,
    PublicationId, PublicationStatus, SuiteName,
};

const fn table(kind: PackageKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        PackageKind::Source => {
            ("source_package_publishing_history", "source_package_release", "source_publication")
        }
        PackageKind::Binary => {
            ("binary_package_publishing_history", "binary_package_release", "binary_publication")
        }
    }
}

fn packages(
    db: &Connection,
    kind: PackageKind,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<PackageReleaseId>, StoreError> {
    let mut packages: Vec<PackageReleaseId> = db
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_map(parameters, |row| Ok(PackageReleaseId::of(kind, row.get(0)?)))?.collect()
        })
        .during("list what may leave the pool")?;
    let mut seen = std::collections::HashSet::new();
    packages.retain(|package| seen.insert(*package));
    Ok(packages)
}

/// The packages of an archive of which the date of a publication has come, the earliest first, each once.
///
/// # Errors
/// When the database fails.
pub fn due(
    db: &Connection,
    archive: ArchiveId,
    kind: PackageKind,
    now: Timestamp,
) -> Result<Vec<PackageReleaseId>, StoreError> {
    let (history, release, index) = table(kind);
    let sql = format!(
        "SELECT publication.{release} FROM suite
         JOIN {history} AS publication INDEXED BY {index}_due ON publication.suite = suite.id
         WHERE suite.archive = ?1 AND publication.date_removed IS NULL AND publication.scheduled_deletion_date IS NOT NULL
         AND coalesce(publication.date_look_again, publication.scheduled_deletion_date) <= ?2
         ORDER BY publication.scheduled_deletion_date, publication.id"
    );
    packages(db, kind, &sql, (archive, Date(now)))
}

/// The packages of an archive that have left an index, and not the pool: those whose turn it is, and those whose it is not.
///
/// # Errors
/// When the database fails.
pub fn leaving(
    db: &Connection,
    archive: ArchiveId,
    kind: PackageKind,
) -> Result<Vec<PackageReleaseId>, StoreError> {
    let (history, release, index) = table(kind);
    let sql = format!(
        "SELECT publication.{release} FROM suite
         JOIN {history} AS publication INDEXED BY {index}_leaving ON publication.suite = suite.id
         WHERE suite.archive = ?1 AND publication.date_removed IS NULL
         AND publication.status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE')
         ORDER BY publication.scheduled_deletion_date IS NULL, publication.scheduled_deletion_date, publication.id"
    );
    packages(db, kind, &sql, [archive])
}

/// Lets everything that is held in an archive be looked at by the next run.
///
/// # Errors
/// When the database fails.
pub fn look_at_all_again(tx: &Transaction<'_>, archive: ArchiveId) -> Result<(), StoreError> {
    for kind in [PackageKind::Source, PackageKind::Binary] {
        let (history, _, index) = table(kind);
        tx.execute(
            &format!(
                "UPDATE {history} INDEXED BY {index}_due SET date_look_again = NULL
                 WHERE date_removed IS NULL AND scheduled_deletion_date IS NOT NULL AND date_look_again IS NOT NULL
                 AND suite IN (SELECT id FROM suite WHERE archive = ?1)"
            ),
            [archive],
        )
        .during("let everything be looked at again")?;
    }
    Ok(())
}

/// An unremoved publication, as death row sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Of what; with its kind goes the table.
    pub release: PackageReleaseId,
    /// The row.
    pub id: PublicationId,
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// `source`, or the index's architecture.
    pub architecture: String,
    /// In which suite.
    pub suite: SuiteName,
    /// In which component.
    pub component: ComponentId,
    /// What it is.
    pub status: PublicationStatus,
    /// From when on its files may go.
    pub scheduled: Option<Timestamp>,
    /// A pass that has not ended is to change it.
    pub is_in_a_pass: bool,
    /// Its suite is live with indexes that are to be made anew: they may list it although it is over, as when a series has ended, or a pass made none.
    pub is_listed: bool,
}

const IN_A_PASS: &str = "EXISTS (SELECT 1 FROM publisher_pass AS pass JOIN publisher_transition AS transition
    ON transition.publisher_pass = pass.id WHERE pass.state IN ('PREPARING', 'INSTALLING')
    AND transition.publication = publication.id AND transition.kind =";

/// Settings that have changed make this true as well, of a suite whose indexes list nothing that is over; the next pass ends that.
const IS_LISTED: &str =
    "suite.date_last_published IS NOT NULL AND suite.indexes_created < suite.indexes_wanted";

/// The columns of a publication, and the tables that they come from; `publication` and `release` stand before them.
fn columns(kind: PackageKind) -> (String, &'static str) {
    let (name, architecture, joins) = match kind {
        PackageKind::Source => ("publication.source_package_name", "'source'", ""),
        PackageKind::Binary => (
            "publication.binary_package_name",
            "architecture.architecture_tag",
            "JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series",
        ),
    };
    let columns = format!(
        "publication.id, release.id, {name}, release.version, {architecture}, series.name, suite.pocket, publication.component,
         publication.status, publication.scheduled_deletion_date, {IN_A_PASS} '{kind}'), {IS_LISTED}"
    );
    (columns, joins)
}

const OF_SUITE: &str = "JOIN suite ON suite.id = publication.suite AND suite.archive = ?1
    JOIN distro_series AS series ON series.id = suite.distro_series";

fn publication(kind: PackageKind, row: &Row<'_>) -> rusqlite::Result<Publication> {
    let (series, pocket): (SeriesName, Pocket) = (row.get(5)?, row.get(6)?);
    Ok(Publication {
        release: PackageReleaseId::of(kind, row.get(1)?),
        id: row.get(0)?,
        name: row.get(2)?,
        version: row.get(3)?,
        architecture: row.get(4)?,
        suite: SuiteName::new(series, pocket),
        component: row.get(7)?,
        status: row.get(8)?,
        scheduled: row.get::<_, Option<Date>>(9)?.map(|date| date.0),
        is_in_a_pass: row.get(10)?,
        is_listed: row.get(11)?,
    })
}

/// The unremoved publications of a package in an archive, by row.
///
/// # Errors
/// When the database fails.
pub fn publications_of(
    db: &Connection,
    archive: ArchiveId,
    package: PackageReleaseId,
) -> Result<Vec<Publication>, StoreError> {
    let (history, release, index) = table(package.kind());
    let (columns, joins) = columns(package.kind());
    db.prepare_cached(&format!(
        "SELECT {columns} FROM {history} AS publication INDEXED BY {index}_by_release
         JOIN {release} AS release ON release.id = publication.{release} {OF_SUITE} {joins}
         WHERE publication.{release} = ?2 AND publication.date_removed IS NULL ORDER BY publication.id"
    ))
    .and_then(|mut statement| {
        statement.query_map((archive, package.row()), |row| publication(package.kind(), row))?.collect()
    })
    .during("find the publications of a package")
}

/// A file of a package that the librarian has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its row.
    pub alias: AliasId,
    /// Its name in the pool.
    pub filename: FileName,
    /// Its content's row.
    pub content: ContentId,
    /// Its content.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
}

/// The source whose folder of the pool a package is in, and the version of that source.
///
/// # Errors
/// When the package is gone, or the database fails.
pub fn source_of(db: &Connection, package: PackageReleaseId) -> Result<(SourceName, DebVersion), StoreError> {
    let sql = match package.kind() {
        PackageKind::Source => {
            "SELECT source_package_name, version FROM source_package_release WHERE id = ?1"
        }
        PackageKind::Binary => {
            "SELECT source_package_name, source_version FROM binary_package_release WHERE id = ?1"
        }
    };
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([package.row()], |row| Ok((row.get(0)?, row.get(1)?))))
        .during("find the source of a package")
}

/// The files of a package, those that have expired left out, by name.
///
/// # Errors
/// When the database fails.
pub fn files_of(db: &Connection, package: PackageReleaseId) -> Result<Vec<File>, StoreError> {
    let of_package = match package.kind() {
        PackageKind::Source => {
            "SELECT library_file FROM source_package_release_file WHERE source_package_release = ?1"
        }
        PackageKind::Binary => "SELECT binary_package_file FROM binary_package_release WHERE id = ?1",
    };
    db.prepare_cached(&format!(
        "SELECT alias.id, alias.filename, content.id, content.sha256, content.file_size FROM library_file_alias AS alias
         JOIN library_file_content AS content ON content.id = alias.content
         WHERE alias.id IN ({of_package}) ORDER BY alias.filename"
    ))
    .and_then(|mut statement| {
        statement
            .query_map([package.row()], |row| {
                Ok(File {
                    alias: row.get(0)?,
                    filename: row.get(1)?,
                    content: row.get(2)?,
                    sha256: row.get(3)?,
                    size_bytes: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("find the files of a package")
}

/// The unremoved publications of an archive that have a file in the folder of a source, sources first, by row.
///
/// # Errors
/// When the database fails.
pub fn owners(
    db: &Connection,
    archive: ArchiveId,
    source: &SourceName,
    file: AliasId,
) -> Result<Vec<Publication>, StoreError> {
    let mut owners = Vec::new();
    for kind in [PackageKind::Source, PackageKind::Binary] {
        let (history, release, index) = table(kind);
        let (columns, joins) = columns(kind);
        let from = match kind {
            PackageKind::Source => {
                "source_package_release_file AS file JOIN source_package_release AS release
                 ON release.id = file.source_package_release AND file.library_file = ?2"
            }
            PackageKind::Binary => {
                "(SELECT 1) JOIN binary_package_release AS release ON release.binary_package_file = ?2"
            }
        };
        let mut statement = db
            .prepare_cached(&format!(
                "SELECT {columns} FROM {from}
                 JOIN {history} AS publication INDEXED BY {index}_by_release ON publication.{release} = release.id
                 {OF_SUITE} {joins}
                 WHERE release.source_package_name = ?3 AND publication.date_removed IS NULL ORDER BY publication.id"
            ))
            .during("find who has a file")?;
        let found = statement
            .query_map((archive, file, source), |row| publication(kind, row))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<Publication>>>)
            .during("find who has a file")?;
        owners.extend(found);
    }
    Ok(owners)
}

/// An active binary package that was built from a version of a source, in an archive: the first that there is.
///
/// # Errors
/// When the database fails.
pub fn active_binary(
    db: &Connection,
    archive: ArchiveId,
    source: &SourceName,
    version: &DebVersion,
) -> Result<Option<Publication>, StoreError> {
    let (columns, joins) = columns(PackageKind::Binary);
    db.prepare_cached(&format!(
        "SELECT {columns} FROM binary_package_release AS release INDEXED BY binary_package_release_by_source
         JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
           ON publication.binary_package_release = release.id {OF_SUITE} {joins}
         WHERE release.source_package_name = ?2 AND release.source_version = ?3
         AND publication.status IN ('PENDING', 'PUBLISHED') ORDER BY publication.id LIMIT 1"
    ))
    .and_then(|mut statement| {
        statement
            .query_row((archive, source, version), |row| publication(PackageKind::Binary, row))
            .optional()
    })
    .during("find the binaries of a source")
}

/// An unremoved binary package of an archive that was built using a version of a source, with the field that says so: the first that there is.
///
/// # Errors
/// When the database fails.
pub fn built_using(
    db: &Connection,
    archive: ArchiveId,
    source: &SourceName,
    version: &DebVersion,
) -> Result<Option<(Publication, String)>, StoreError> {
    let (columns, joins) = columns(PackageKind::Binary);
    db.prepare_cached(&format!(
        "SELECT {columns}, used.field FROM binary_built_using AS used INDEXED BY binary_built_using_by_source
         JOIN binary_package_release AS release ON release.id = used.binary_package_release
         JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
           ON publication.binary_package_release = release.id {OF_SUITE} {joins}
         WHERE used.source_package_name = ?2 AND used.source_version IN (?3, '')
         AND publication.date_removed IS NULL ORDER BY publication.id LIMIT 1"
    ))
    .and_then(|mut statement| {
        statement
            .query_row((archive, source, version), |row| {
                Ok((publication(PackageKind::Binary, row)?, row.get(12)?))
            })
            .optional()
    })
    .during("find what was built using a source")
}

/// What keeps a file in a pool whatever publications say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// A row of `pool_hold`, which may go without a word.
    Row {
        /// Who wants it.
        by: String,
        /// Until when, as far as that is known.
        until: Option<Timestamp>,
    },
    /// A snapshot that is kept.
    Snapshot(Needing),
}

/// What keeps a file in the pool of an archive whatever publications say of it, and until when as far as that is known. Everything that wants files to stay that are
/// published no more is asked here, and nowhere else.
///
/// # Errors
/// When the database fails.
pub fn holds(
    db: &Connection,
    archive: ArchiveId,
    source: &SourceName,
    file: &File,
    now: Timestamp,
) -> Result<Option<Hold>, StoreError> {
    let held = db
        .prepare_cached(
            "SELECT held_by, date_until FROM pool_hold
             WHERE archive = ?1 AND source_package_name = ?2 AND filename = ?3 AND content = ?4
             AND (date_until IS NULL OR date_until > ?5) ORDER BY date_until IS NULL DESC, date_until DESC, id LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row((archive, source, &file.filename, file.content, Date(now)), |row| {
                    Ok(Hold::Row {
                        by: row.get(0)?,
                        until: row.get::<_, Option<Date>>(1)?.map(|date| date.0),
                    })
                })
                .optional()
        })
        .during("find what keeps a file")?;
    match held {
        Some(held) => Ok(Some(held)),
        None => Ok(snapshot_need::needing(db, archive, file.alias)?.map(Hold::Snapshot)),
    }
}

/// A name in the pool, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Under which component.
    pub component: ComponentId,
    /// What it stands for.
    pub sha256: Sha256,
    /// A link to the same name in another component.
    pub is_symlink: bool,
}

/// The names that the pool of an archive has for a file of a source, by component.
///
/// # Errors
/// When the database fails.
pub fn names_of(
    db: &Connection,
    archive: ArchiveId,
    source: &SourceName,
    filename: &FileName,
) -> Result<Vec<Name>, StoreError> {
    db.prepare_cached(
        "SELECT pool_file.component, content.sha256, pool_file.is_symlink FROM pool_file
         JOIN library_file_content AS content ON content.id = pool_file.content
         WHERE pool_file.archive = ?1 AND pool_file.source_package_name = ?2 AND pool_file.filename = ?3
         ORDER BY pool_file.component",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive, source, filename), |row| {
                Ok(Name { component: row.get(0)?, sha256: row.get(1)?, is_symlink: row.get(2)? })
            })?
            .collect()
    })
    .during("find the names of a file")
}

/// The components in which a file with a content is published or waits to be, in an archive.
///
/// # Errors
/// When the database fails.
pub fn wanting_components(
    db: &Connection,
    archive: ArchiveId,
    source: &SourceName,
    filename: &FileName,
    sha256: &Sha256,
) -> Result<Vec<ComponentId>, StoreError> {
    let alias: Option<AliasId> = db
        .prepare_cached(
            "SELECT alias.id FROM library_file_content AS content
             JOIN library_file_alias AS alias ON alias.content = content.id AND alias.filename = ?2 WHERE content.sha256 = ?1",
        )
        .and_then(|mut statement| statement.query_row((sha256, filename), |row| row.get(0)).optional())
        .during("find a file")?;
    let Some(alias) = alias else { return Ok(Vec::new()) };
    let owners = owners(db, archive, source, alias)?;
    Ok(owners.into_iter().filter(|owner| owner.status.is_active()).map(|owner| owner.component).collect())
}

/// Records that publications have left the pool.
///
/// # Errors
/// When the database fails.
pub fn mark_removed(
    tx: &Transaction<'_>,
    publications: &[(PackageKind, PublicationId)],
    now: Timestamp,
) -> Result<(), StoreError> {
    for (kind, id) in publications {
        let (history, ..) = table(*kind);
        tx.prepare_cached(&format!(
            "UPDATE {history} SET date_removed = ?2, date_look_again = NULL WHERE id = ?1 AND date_removed IS NULL"
        ))
        .and_then(|mut statement| statement.execute((id, Date(now))))
        .during("record that a publication has left the pool")?;
    }
    Ok(())
}

/// Records when a publication that is held is looked at again; none: by the next run.
///
/// # Errors
/// When the database fails.
pub fn look_again(
    tx: &Transaction<'_>,
    (kind, id): (PackageKind, PublicationId),
    date: Option<Timestamp>,
) -> Result<(), StoreError> {
    let (history, ..) = table(kind);
    tx.prepare_cached(&format!("UPDATE {history} SET date_look_again = ?2 WHERE id = ?1"))
        .and_then(|mut statement| statement.execute((id, date.map(Date))))
        .map(drop)
        .during("record when a publication is looked at again")
}

/// Lets the sources that a binary package has kept be looked at by the next run: its own, and those that it was built using.
///
/// # Errors
/// When the database fails.
pub fn look_at_sources_again(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    binary_release: BinaryReleaseId,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE source_package_publishing_history SET date_look_again = NULL
         WHERE source_package_release IN (
           SELECT source.id FROM binary_package_release AS release JOIN source_package_release AS source
             ON source.source_package_name = release.source_package_name AND source.version = release.source_version
           WHERE release.id = ?2
           UNION
           SELECT source.id FROM binary_built_using AS used JOIN source_package_release AS source
             ON source.source_package_name = used.source_package_name AND used.source_version IN (source.version, '')
           WHERE used.binary_package_release = ?2)
         AND date_look_again IS NOT NULL AND date_removed IS NULL AND suite IN (SELECT id FROM suite WHERE archive = ?1)",
    )
    .and_then(|mut statement| statement.execute((archive, binary_release)))
    .map(drop)
    .during("let sources be looked at again")
}
