//! `source_package_publishing_history` and `binary_package_publishing_history`: what is, was or will be in the indexes.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::archive::archive_by_id;
use super::extra_override::fields_of_new;
use super::package_override::Override;
use super::pool_file::PoolFile;
use super::series::series_by_id;
use super::sql::Date;
use super::{During, Made, StoreError, library_file};
use crate::domain::digest::{FileDigests, Sha256};
use crate::domain::name::{ArchitectureTag, ComponentName, FileName, PackagePriority, Section, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{
    ArchSeriesId, ArchiveId, BinaryFormat, BinaryReleaseId, ComponentId, ContentId, PackageKind, PassId,
    Pocket, PublicationId, PublicationStatus, SeriesId, SourceReleaseId, SuiteId,
};

// ---------------------------------------------------------------- making them

/// A source to be published.
#[derive(Debug, Clone)]
pub struct NewSourcePublication<'a> {
    /// Where.
    pub suite: SuiteId,
    /// What.
    pub release: Made<SourceReleaseId>,
    /// Its name.
    pub name: &'a SourceName,
    /// In which component.
    pub component: ComponentId,
    /// In which section.
    pub section: Option<&'a Section>,
    /// Who asked for it.
    pub creator: &'a str,
}

/// What became of a wish to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wished {
    /// It waits now.
    Pending,
    /// It waits, or is published, as wished already.
    AsItWas,
}

/// How the publications of a name stand to a release that is to be published. Rows are counted newest first.
#[derive(Default)]
struct Standing {
    /// Whether the newest active publication of the release is as wished.
    newest: Option<bool>,
    /// Whether the release was there as wished, and was superseded.
    was_superseded: bool,
    /// Whether a higher version is active, under which the release would be superseded again.
    is_below: bool,
}

impl Standing {
    fn count(&mut self, row: &rusqlite::Row<'_>, same: bool) -> rusqlite::Result<()> {
        let (status, is_the_release): (PublicationStatus, bool) = (row.get(0)?, row.get(1)?);
        let (version, of_the_release): (DebVersion, DebVersion) = (row.get(2)?, row.get(3)?);
        if status.is_active() && is_the_release {
            self.newest.get_or_insert(same);
        } else if status.is_active() {
            self.is_below |= version.dpkg_cmp(&of_the_release).is_gt();
        } else if is_the_release && same && status == PublicationStatus::Superseded {
            self.was_superseded = true;
        }
        Ok(())
    }

    /// Whether a new publication would change nothing.
    const fn is_as_wished(&self) -> bool {
        match self.newest {
            Some(same) => same,
            None => self.was_superseded && self.is_below,
        }
    }
}

/// Publishes a source, unless it is or waits to be there with the same component and section, or was and has given way to a
/// higher version.
///
/// # Errors
/// When the database fails.
pub fn publish_source(
    tx: &Transaction<'_>,
    new: &NewSourcePublication<'_>,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    const WHAT: &str = "look for a publication";
    let extra_fields = fields_of_new(tx, new.suite, (PackageKind::Source, new.name.as_str()), None)?;
    let mut standing = Standing::default();
    if let Made::Known(release) = new.release {
        let mut statement =
            tx.prepare_cached(include_str!("source_publications_of_name.sql")).during(WHAT)?;
        let mut rows = statement.query((new.suite, new.name, release)).during(WHAT)?;
        while let Some(row) = rows.next().during(WHAT)? {
            let same = row.get::<_, ComponentId>(4).during(WHAT)? == new.component
                && row.get::<_, Option<Section>>(5).during(WHAT)?.as_ref() == new.section
                && row.get::<_, Option<String>>(6).during(WHAT)? == extra_fields;
            standing.count(row, same).during(WHAT)?;
        }
    }
    if standing.is_as_wished() {
        return Ok(Wished::AsItWas);
    }
    if let Made::Known(release) = new.release {
        library_file::refuse_expired(tx, PackageKind::Source, release.0)?;
    }
    tx.prepare_cached(
        "INSERT INTO source_package_publishing_history (suite, source_package_release, source_package_name, component, section, status,
         date_created, creator, extra_fields, ancestor) VALUES (?1, ?2, ?3, ?4, ?5, 'PENDING', ?6, ?7, ?8,
         (SELECT max(id) FROM source_package_publishing_history WHERE suite = ?1 AND source_package_name = ?3 AND status = 'PUBLISHED'))",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.suite,
            new.release.row(),
            new.name,
            new.component,
            new.section,
            Date(now),
            new.creator,
            &extra_fields,
        ))
    })
    .during("add a publication")?;
    Ok(Wished::Pending)
}

/// A binary to be published for one architecture.
#[derive(Debug, Clone)]
pub struct NewBinaryPublication<'a> {
    /// Where.
    pub suite: SuiteId,
    /// In whose index; a package for all has a publication for each.
    pub architecture: ArchSeriesId,
    /// What.
    pub release: Made<BinaryReleaseId>,
    /// Its name.
    pub name: &'a str,
    /// In which component.
    pub component: ComponentId,
    /// In which section.
    pub section: Option<&'a Section>,
    /// With which priority.
    pub priority: Option<&'a PackagePriority>,
    /// Who asked for it.
    pub creator: &'a str,
}

/// To how many in a hundred a binary package is given, as far as somebody has a word on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phasing {
    /// Nobody has: what is there stays as it is, what is new is given to all.
    Unsaid,
    /// To all of them.
    All,
    /// To so many.
    Percentage(u8),
}

impl Phasing {
    /// As rows have it.
    const fn column(self) -> Option<u8> {
        match self {
            Self::Unsaid | Self::All => None,
            Self::Percentage(percentage) => Some(percentage),
        }
    }

    /// What a row says.
    #[must_use]
    pub fn of(column: Option<u8>) -> Self {
        column.map_or(Self::All, Self::Percentage)
    }
}

/// As [`publish_source`].
///
/// # Errors
/// When the database fails.
pub fn publish_binary(
    tx: &Transaction<'_>,
    new: &NewBinaryPublication<'_>,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    publish_phased_binary(tx, new, Phasing::Unsaid, now)
}

/// As [`publish_binary`], to so many in a hundred.
///
/// # Errors
/// When the database fails.
pub fn publish_phased_binary(
    tx: &Transaction<'_>,
    new: &NewBinaryPublication<'_>,
    phasing: Phasing,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    const WHAT: &str = "look for a publication";
    let extra_fields = fields_of_new(tx, new.suite, (PackageKind::Binary, new.name), Some(new.architecture))?;
    let mut standing = Standing::default();
    if let Made::Known(release) = new.release {
        let mut statement =
            tx.prepare_cached(include_str!("binary_publications_of_name.sql")).during(WHAT)?;
        let mut rows = statement.query((new.suite, new.name, release, new.architecture)).during(WHAT)?;
        while let Some(row) = rows.next().during(WHAT)? {
            let same = row.get::<_, ComponentId>(4).during(WHAT)? == new.component
                && row.get::<_, Option<Section>>(5).during(WHAT)?.as_ref() == new.section
                && row.get::<_, Option<PackagePriority>>(6).during(WHAT)?.as_ref() == new.priority
                && (phasing == Phasing::Unsaid
                    || row.get::<_, Option<u8>>(7).during(WHAT)? == phasing.column())
                && row.get::<_, Option<String>>(8).during(WHAT)? == extra_fields;
            standing.count(row, same).during(WHAT)?;
        }
    }
    if standing.is_as_wished() {
        return Ok(Wished::AsItWas);
    }
    if let Made::Known(release) = new.release {
        library_file::refuse_expired(tx, PackageKind::Binary, release.0)?;
    }
    tx.prepare_cached(
        "INSERT INTO binary_package_publishing_history (suite, distro_arch_series, binary_package_release, binary_package_name, component,
         section, priority, phased_update_percentage, status, date_created, creator, extra_fields, ancestor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?10, 'PENDING', ?8, ?9, ?11,
         (SELECT max(id) FROM binary_package_publishing_history WHERE suite = ?1 AND distro_arch_series = ?2
          AND binary_package_name = ?4 AND status = 'PUBLISHED'))",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.suite,
            new.architecture,
            new.release.row(),
            new.name,
            new.component,
            new.section,
            new.priority,
            Date(now),
            new.creator,
            phasing.column(),
            &extra_fields,
        ))
    })
    .during("add a publication")?;
    Ok(Wished::Pending)
}

/// Gives an architecture that is new in a series the packages for all that the other architectures have.
///
/// # Errors
/// When the database fails.
pub fn publish_arch_all_for(
    tx: &Transaction<'_>,
    series: SeriesId,
    architecture: ArchSeriesId,
    creator: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    const WHAT: &str = "publish the packages for all architectures";
    let count = tx
        .execute(include_str!("publish_arch_all_for.sql"), (series, architecture, creator, Date(now)))
        .during(WHAT)?;
    let with_fields: Vec<(PublicationId, SuiteId, String)> = tx
        .prepare_cached(
            "SELECT DISTINCT publication.id, publication.suite, publication.binary_package_name
             FROM suite JOIN extra_override AS extra ON extra.archive = suite.archive AND extra.distro_series = suite.distro_series
             JOIN binary_package_publishing_history AS publication ON publication.suite = suite.id
               AND publication.distro_arch_series = ?2 AND publication.binary_package_name = extra.package_name
             WHERE suite.distro_series = ?1 AND extra.kind = 'BINARY' AND publication.status = 'PENDING'
             AND publication.date_created = ?3 AND publication.extra_fields IS NULL ORDER BY publication.id",
        )
        .and_then(|mut statement| {
            statement
                .query_map((series, architecture, Date(now)), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })
        .during(WHAT)?;
    for (publication, suite, name) in with_fields {
        let fields = fields_of_new(tx, suite, (PackageKind::Binary, &name), Some(architecture))?;
        tx.prepare_cached("UPDATE binary_package_publishing_history SET extra_fields = ?2 WHERE id = ?1")
            .and_then(|mut statement| statement.execute((publication, fields)))
            .during(WHAT)?;
    }
    Ok(count)
}

/// Publishes the packages of a name that are published, or wait to be, again where an override says something else of them: in all suites of a series of
/// an archive that may change. Each is taken as its newest publication has it. Says how many publications wait for it.
///
/// # Errors
/// When the database fails.
pub fn publish_as_overridden(
    tx: &Transaction<'_>,
    (archive, series): (ArchiveId, SeriesId),
    (kind, name): (PackageKind, &str),
    new: &Override,
    creator: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    const WHAT: &str = "list what an override changes";
    // the release pocket of a stable series does not change
    let status = series_by_id(tx, series)?.status;
    let all_pockets = !archive_by_id(tx, archive)?.purpose.holds_still(Pocket::Release, status);
    let mut waiting = 0;
    match kind {
        PackageKind::Source => {
            let published: Vec<(SuiteId, SourceReleaseId, SourceName, ComponentId, Option<Section>)> = tx
                .prepare_cached(
                    "SELECT suite.id, source_package_release, source_package_name, component, section
                     FROM suite JOIN source_package_publishing_history AS publication ON publication.suite = suite.id
                     WHERE suite.archive = ?1 AND suite.distro_series = ?2 AND source_package_name = ?3
                     AND publication.status IN ('PENDING', 'PUBLISHED') AND removed_by IS NULL AND (?4 OR suite.pocket <> 'RELEASE')
                     AND NOT EXISTS (SELECT 1 FROM source_package_publishing_history AS newer
                       WHERE newer.source_package_release = publication.source_package_release AND newer.suite = publication.suite
                       AND newer.status IN ('PENDING', 'PUBLISHED') AND newer.id > publication.id)
                     ORDER BY suite.id, publication.id",
                )
                .and_then(|mut statement| {
                    statement
                        .query_map((archive, series, name, all_pockets), |row| {
                            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                        })?
                        .collect()
                })
                .during(WHAT)?;
            for (suite, release, name, component, section) in &published {
                let publication = NewSourcePublication {
                    suite: *suite,
                    release: Made::Known(*release),
                    name,
                    component: new.component.unwrap_or(*component),
                    section: new.section.as_ref().or(section.as_ref()),
                    creator,
                };
                waiting += usize::from(publish_source(tx, &publication, now)? == Wished::Pending);
            }
        }
        PackageKind::Binary => {
            type Row = (
                SuiteId,
                ArchSeriesId,
                BinaryReleaseId,
                ComponentId,
                Option<Section>,
                Option<PackagePriority>,
                Option<u8>,
            );
            let published: Vec<Row> = tx
                .prepare_cached(
                    "SELECT suite.id, distro_arch_series, binary_package_release, component, section, priority, phased_update_percentage
                     FROM suite JOIN distro_arch_series AS architecture ON architecture.distro_series = suite.distro_series
                     JOIN binary_package_publishing_history AS publication
                       ON publication.suite = suite.id AND publication.distro_arch_series = architecture.id
                     WHERE suite.archive = ?1 AND suite.distro_series = ?2 AND binary_package_name = ?3
                     AND publication.status IN ('PENDING', 'PUBLISHED') AND removed_by IS NULL AND (?4 OR suite.pocket <> 'RELEASE')
                     AND NOT EXISTS (SELECT 1 FROM binary_package_publishing_history AS newer
                       WHERE newer.binary_package_release = publication.binary_package_release AND newer.suite = publication.suite
                       AND newer.distro_arch_series = publication.distro_arch_series
                       AND newer.status IN ('PENDING', 'PUBLISHED') AND newer.id > publication.id)
                     ORDER BY suite.id, publication.id",
                )
                .and_then(|mut statement| {
                    statement
                        .query_map((archive, series, name, all_pockets), |row| {
                            Ok((
                                row.get(0)?,
                                row.get(1)?,
                                row.get(2)?,
                                row.get(3)?,
                                row.get(4)?,
                                row.get(5)?,
                                row.get(6)?,
                            ))
                        })?
                        .collect()
                })
                .during(WHAT)?;
            for (suite, architecture, release, component, section, priority, phased) in &published {
                let publication = NewBinaryPublication {
                    suite: *suite,
                    architecture: *architecture,
                    release: Made::Known(*release),
                    name,
                    component: new.component.unwrap_or(*component),
                    section: new.section.as_ref().or(section.as_ref()),
                    priority: new.priority.as_ref().or(priority.as_ref()),
                    creator,
                };
                let phasing = Phasing::of(*phased);
                waiting +=
                    usize::from(publish_phased_binary(tx, &publication, phasing, now)? == Wished::Pending);
            }
        }
    }
    Ok(waiting)
}

// ---------------------------------------------------------------- reading them for a pass

/// A file that a pending publication needs in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingFile {
    /// The publication.
    pub publication: PublicationId,
    /// Of which table.
    pub kind: PackageKind,
    /// In which component.
    pub component: ComponentId,
    /// Whose folder in the pool.
    pub source: SourceName,
    /// Its name in the pool.
    pub filename: FileName,
    /// Its content's row.
    pub content: ContentId,
    /// Its content.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// What its source has of this name in the pool.
    pub names: Vec<PoolFile>,
}

/// The files of what is pending in a suite, sources first, by publication.
///
/// # Errors
/// When the database fails.
pub fn pending_files(db: &Connection, suite: SuiteId) -> Result<Vec<PendingFile>, StoreError> {
    files_of(db, suite, PublicationStatus::Pending)
}

/// The files of what is published in a suite, sources first, by publication.
///
/// # Errors
/// When the database fails.
pub fn published_files(db: &Connection, suite: SuiteId) -> Result<Vec<PendingFile>, StoreError> {
    files_of(db, suite, PublicationStatus::Published)
}

fn files_of(
    db: &Connection,
    suite: SuiteId,
    status: PublicationStatus,
) -> Result<Vec<PendingFile>, StoreError> {
    const WHAT: &str = "list the files of publications";
    let mut files: Vec<PendingFile> = Vec::new();
    for (kind, sql) in [
        (PackageKind::Source, include_str!("pending_source_files.sql")),
        (PackageKind::Binary, include_str!("pending_binary_files.sql")),
    ] {
        let mut statement = db.prepare_cached(sql).during(WHAT)?;
        let mut rows = statement.query((suite, status)).during(WHAT)?;
        while let Some(row) = rows.next().during(WHAT)? {
            read_pending_file(row, kind, &mut files).during(WHAT)?;
        }
    }
    Ok(files)
}

/// A file, or one more name of the last.
fn read_pending_file(
    row: &rusqlite::Row<'_>,
    kind: PackageKind,
    files: &mut Vec<PendingFile>,
) -> rusqlite::Result<()> {
    let (publication, content): (PublicationId, ContentId) = (row.get(0)?, row.get(4)?);
    let name = match row.get(7)? {
        None => None,
        Some(component) => Some(PoolFile { component, sha256: row.get(8)?, is_symlink: row.get(9)? }),
    };
    let filename = row.get_ref(3)?.as_str()?;
    match files.last_mut() {
        Some(last)
            if (last.kind, last.publication) == (kind, publication) && last.filename.as_str() == filename =>
        {
            last.names.extend(name);
        }
        _ => files.push(PendingFile {
            publication,
            kind,
            component: row.get(1)?,
            source: row.get(2)?,
            filename: row.get(3)?,
            content,
            sha256: row.get(5)?,
            size_bytes: row.get(6)?,
            names: name.into_iter().collect(),
        }),
    }
    Ok(())
}

/// Which packages an index has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKey {
    /// A Sources file.
    Sources {
        /// The suite.
        suite: SuiteId,
        /// The component.
        component: ComponentId,
    },
    /// A Packages file.
    Packages {
        /// The suite.
        suite: SuiteId,
        /// The component.
        component: ComponentId,
        /// The architecture.
        architecture: ArchSeriesId,
        /// Ordinary packages, or one of the subcomponents.
        format: BinaryFormat,
    },
}

/// A binary in an index.
#[derive(Debug)]
pub struct IndexedBinary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// `all`, or the index's own.
    pub architecture: ArchitectureTag,
    /// The source's name.
    pub source: SourceName,
    /// The source's version.
    pub source_version: DebVersion,
    /// As overridden.
    pub section: Option<Section>,
    /// As overridden.
    pub priority: Option<PackagePriority>,
    /// The package's own paragraph.
    pub control: String,
    /// Its file's name in the pool.
    pub filename: FileName,
    /// Its file.
    pub digests: FileDigests,
    /// How many in a hundred get it, if not all.
    pub phased_update_percentage: Option<u8>,
    /// Lines that the archive adds to its stanza.
    pub extra_fields: Option<String>,
}

/// Whose binaries are asked for: those of one Packages file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinaryIndex {
    /// The suite.
    pub suite: SuiteId,
    /// The component.
    pub component: ComponentId,
    /// The architecture.
    pub architecture: ArchSeriesId,
    /// Ordinary packages, or one of the subcomponents.
    pub format: BinaryFormat,
}

/// Packages of names in a range of the alphabet, by bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    from: String,
    below: Option<String>,
}

impl Names {
    /// All names from one on, below another; no bound where there is none.
    #[must_use]
    pub fn between(from: Option<&str>, below: Option<&str>) -> Self {
        Self { from: from.unwrap_or_default().to_owned(), below: below.map(str::to_owned) }
    }

    /// All names.
    #[must_use]
    pub fn all() -> Self {
        Self::between(None, None)
    }

    /// One name.
    #[must_use]
    pub fn one(name: &str) -> Self {
        Self { from: name.to_owned(), below: Some(format!("{name}\0")) }
    }

    /// The first name that is meant.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// The first name that is not.
    pub(super) fn below(&self) -> &str {
        // no package's name has this character
        self.below.as_deref().unwrap_or("\u{10ffff}")
    }

    /// Whether a name is meant.
    #[must_use]
    pub fn contain(&self, name: &str) -> bool {
        name >= self.from.as_str() && self.below.as_deref().is_none_or(|below| name < below)
    }
}

/// Calls `each` with the binaries of an index as the pass will leave it (without a pass: as it is), by name. Versions of one name come in
/// the order of their text.
///
/// # Errors
/// When the database fails, or what `each` says.
pub fn for_each_binary<E: From<StoreError>>(
    db: &Connection,
    pass: Option<PassId>,
    index: &BinaryIndex,
    names: &Names,
    mut each: impl FnMut(IndexedBinary) -> Result<(), E>,
) -> Result<(), E> {
    const WHAT: &str = "list the binaries of an index";
    let mut statement = db.prepare_cached(include_str!("indexed_binaries.sql")).during(WHAT)?;
    let mut rows = statement
        .query((
            index.suite,
            index.component,
            index.architecture,
            index.format,
            pass,
            names.from(),
            names.below(),
        ))
        .during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let binary = || -> rusqlite::Result<IndexedBinary> {
            Ok(IndexedBinary {
                name: row.get(0)?,
                version: row.get(1)?,
                architecture: row.get(2)?,
                source: row.get(3)?,
                source_version: row.get(4)?,
                section: row.get(5)?,
                priority: row.get(6)?,
                control: row.get(7)?,
                filename: row.get(8)?,
                digests: FileDigests {
                    size_bytes: row.get(9)?,
                    md5: row.get(10)?,
                    sha1: row.get(11)?,
                    sha256: row.get(12)?,
                },
                phased_update_percentage: row.get(13)?,
                extra_fields: row.get(14)?,
            })
        };
        each(binary().during(WHAT)?)?;
    }
    Ok(())
}

/// A source in an index.
#[derive(Debug)]
pub struct IndexedSource {
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// As overridden.
    pub section: Option<Section>,
    /// What its own words give.
    pub priority: Option<PackagePriority>,
    /// The .dsc's paragraph.
    pub dsc: String,
    /// The .dsc's name in the pool.
    pub filename: FileName,
    /// The .dsc.
    pub digests: FileDigests,
    /// Its row.
    pub release: SourceReleaseId,
    /// Lines that the archive adds to its stanza.
    pub extra_fields: Option<String>,
}

/// As [`for_each_binary`], for sources.
///
/// # Errors
/// As there.
pub fn for_each_source<E: From<StoreError>>(
    db: &Connection,
    pass: Option<PassId>,
    suite: SuiteId,
    component: ComponentId,
    names: &Names,
    mut each: impl FnMut(IndexedSource) -> Result<(), E>,
) -> Result<(), E> {
    const WHAT: &str = "list the sources of an index";
    let mut statement = db.prepare_cached(include_str!("indexed_sources.sql")).during(WHAT)?;
    let mut rows = statement.query((suite, component, pass, names.from(), names.below())).during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let source = || -> rusqlite::Result<IndexedSource> {
            Ok(IndexedSource {
                name: row.get(0)?,
                version: row.get(1)?,
                section: row.get(2)?,
                priority: row.get(3)?,
                dsc: row.get(4)?,
                filename: row.get(5)?,
                digests: FileDigests {
                    size_bytes: row.get(6)?,
                    md5: row.get(7)?,
                    sha1: row.get(8)?,
                    sha256: row.get(9)?,
                },
                release: row.get(10)?,
                extra_fields: row.get(11)?,
            })
        };
        each(source().during(WHAT)?)?;
    }
    Ok(())
}

/// The files of a source, the .dsc included, by name.
///
/// # Errors
/// When the database fails.
pub fn source_files(
    db: &Connection,
    release: SourceReleaseId,
) -> Result<Vec<(FileName, FileDigests)>, StoreError> {
    db.prepare_cached(
        "SELECT alias.filename, content.file_size, content.md5, content.sha1, content.sha256
         FROM source_package_release_file AS file JOIN library_file_alias AS alias ON alias.id = file.library_file
         JOIN library_file_content AS content ON content.id = alias.content
         WHERE file.source_package_release = ?1 ORDER BY alias.filename",
    )
    .and_then(|mut statement| {
        statement
            .query_map([release], |row| {
                let digests =
                    FileDigests { size_bytes: row.get(1)?, md5: row.get(2)?, sha1: row.get(3)?, sha256: row.get(4)? };
                Ok((row.get(0)?, digests))
            })?
            .collect()
    })
    .during("list the files of a source")
}

/// The formats that a component of a suite has binaries of, or will have by a pass.
///
/// # Errors
/// When the database fails.
pub fn formats_in(
    db: &Connection,
    pass: Option<PassId>,
    suite: SuiteId,
    component: ComponentId,
) -> Result<Vec<BinaryFormat>, StoreError> {
    db.prepare_cached(include_str!("formats_in.sql"))
        .and_then(|mut statement| statement.query_map((suite, component, pass), |row| row.get(0))?.collect())
        .during("list the package formats of a component")
}

/// How many publications of each status a suite has.
///
/// # Errors
/// When the database fails.
pub fn counts(
    db: &Connection,
    suite: SuiteId,
    kind: PackageKind,
) -> Result<Vec<(PublicationStatus, u64)>, StoreError> {
    let sql = match kind {
        PackageKind::Source => {
            "SELECT status, count(*) FROM source_package_publishing_history WHERE suite = ?1 GROUP BY status ORDER BY status"
        }
        PackageKind::Binary => {
            "SELECT status, count(*) FROM binary_package_publishing_history WHERE suite = ?1 GROUP BY status ORDER BY status"
        }
    };
    db.prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_map([suite], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("count publications")
}

/// One line of what a pass does, in words: for hooks, for a plan, for a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NamedTransition {
    /// Source or binary.
    pub kind: PackageKind,
    /// What it becomes.
    pub to_status: PublicationStatus,
    /// The suite's row; its name is said beside.
    #[serde(skip)]
    pub suite: SuiteId,
    /// The component.
    pub component: ComponentName,
    /// `source`, or the index's architecture.
    pub architecture: ArchitectureTag,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
    /// Its source.
    pub source: SourceName,
}

/// The publications that a pass changes, in the order in which changes are told: by suite, kind (sources first), name, architecture, version.
///
/// # Errors
/// When the database fails.
pub fn changed_publications(
    db: &Connection,
    pass: PassId,
) -> Result<Vec<(PackageKind, PublicationId)>, StoreError> {
    db.prepare_cached(include_str!("changed_publications.sql"))
        .and_then(|mut statement| {
            statement.query_map([pass], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("list what a pass changes")
}

/// What a pass does to publications, in the order in which they are given. Those that it does not change are left out.
///
/// # Errors
/// When the database fails.
pub fn named_transitions(
    db: &Connection,
    pass: PassId,
    publications: &[(PackageKind, PublicationId)],
) -> Result<Vec<NamedTransition>, StoreError> {
    let mut transitions = Vec::with_capacity(publications.len());
    for (kind, publication) in publications {
        let sql = match kind {
            PackageKind::Source => include_str!("source_transition.sql"),
            PackageKind::Binary => include_str!("binary_transition.sql"),
        };
        let found = db
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement
                    .query_row((pass, publication), |row| {
                        Ok(NamedTransition {
                            kind: *kind,
                            to_status: row.get(0)?,
                            suite: row.get(1)?,
                            component: row.get(2)?,
                            architecture: row.get(3)?,
                            name: row.get(4)?,
                            version: row.get(5)?,
                            section: row.get(6)?,
                            priority: row.get(7)?,
                            source: row.get(8)?,
                        })
                    })
                    .optional()
            })
            .during("list what a pass changes")?;
        transitions.extend(found);
    }
    Ok(transitions)
}
