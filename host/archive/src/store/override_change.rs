//! What is live of packages that are filed elsewhere, and `override_change`: who has done that, and why.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, PackagePriority, Section};
use crate::domain::{
    ArchSeriesId, ArchitectureTag, BinaryReleaseId, ComponentId, DebVersion, PackageKind, SourceReleaseId,
    SuiteId,
};

/// A source that is live in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSource {
    /// What.
    pub release: SourceReleaseId,
    /// Its version.
    pub version: DebVersion,
    /// Its component.
    pub component: ComponentId,
    /// The component's name.
    pub component_name: ComponentName,
    /// Its section.
    pub section: Option<Section>,
}

/// The live publications of a source in a suite, the newest first.
///
/// # Errors
/// When the database fails.
pub fn live_sources(db: &Connection, suite: SuiteId, name: &str) -> Result<Vec<LiveSource>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.version, component.id, component.name, publication.section
         FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         JOIN component ON component.id = publication.component
         WHERE publication.suite = ?1 AND publication.source_package_name = ?2
           AND publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL
         ORDER BY publication.date_created DESC, publication.id DESC",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, name), |row| {
                Ok(LiveSource {
                    release: row.get(0)?,
                    version: row.get(1)?,
                    component: row.get(2)?,
                    component_name: row.get(3)?,
                    section: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("find a source that is published")
}

/// A binary package that is live in a suite, for one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveBinary {
    /// What.
    pub release: BinaryReleaseId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// In whose index.
    pub architecture: ArchSeriesId,
    /// That one's name.
    pub tag: ArchitectureTag,
    /// Its component.
    pub component: ComponentId,
    /// The component's name.
    pub component_name: ComponentName,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
    /// To how many in a hundred it is given, if not to all.
    pub phased_update_percentage: Option<u8>,
}

/// By which name binary packages are meant.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// Their own.
    Binary(&'a str),
    /// That of the source that they were built from.
    Source(&'a str),
}

/// The live publications of binary packages in a suite, by name and architecture, the newest first.
///
/// # Errors
/// When the database fails.
pub fn live_binaries(
    db: &Connection,
    suite: SuiteId,
    named: Named<'_>,
) -> Result<Vec<LiveBinary>, StoreError> {
    let (condition, name) = match named {
        Named::Binary(name) => ("release.binary_package_name = ?2", name),
        Named::Source(name) => ("release.source_package_name = ?2", name),
    };
    db.prepare_cached(&format!(
        "SELECT release.id, release.binary_package_name, release.version, architecture.id, architecture.architecture_tag,
         component.id, component.name, publication.section, publication.priority, publication.phased_update_percentage
         FROM binary_package_release AS release
         JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
           ON publication.binary_package_release = release.id
         JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series
         JOIN component ON component.id = publication.component
         WHERE publication.suite = ?1 AND {condition}
           AND publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL
         ORDER BY release.binary_package_name, architecture.architecture_tag, publication.date_created DESC, publication.id DESC"
    ))
    .and_then(|mut statement| {
        statement
            .query_map((suite, name), |row| {
                Ok(LiveBinary {
                    release: row.get(0)?,
                    name: row.get(1)?,
                    version: row.get(2)?,
                    architecture: row.get(3)?,
                    tag: row.get(4)?,
                    component: row.get(5)?,
                    component_name: row.get(6)?,
                    section: row.get(7)?,
                    priority: row.get(8)?,
                    phased_update_percentage: row.get(9)?,
                })
            })?
            .collect()
    })
    .during("find binary packages that are published")
}

/// Who has filed a package elsewhere, and why.
#[derive(Debug, Clone, Copy)]
pub struct NewOverrideChange<'a> {
    /// Where.
    pub suite: SuiteId,
    /// Source or binary.
    pub kind: PackageKind,
    /// The package.
    pub name: &'a str,
    /// As `component main, section admin`.
    pub change: &'a str,
    /// Who.
    pub requester: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// Records it.
///
/// # Errors
/// When the database fails.
pub fn add_override_change(
    tx: &Transaction<'_>,
    new: &NewOverrideChange<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO override_change (suite, kind, package_name, change, requester, reason, date_created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .and_then(|mut statement| {
        statement.execute((new.suite, new.kind, new.name, new.change, new.requester, new.reason, Date(now)))
    })
    .map(|_| ())
    .during("record an override")
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OverrideChange {
    /// When.
    pub date: Timestamp,
    /// Source or binary.
    pub kind: PackageKind,
    /// The package.
    pub package: String,
    /// As `component main, section admin`.
    pub change: String,
    /// Who.
    pub requester: String,
    /// Why.
    pub reason: String,
}

/// The last changes in a suite, the newest first.
///
/// # Errors
/// When the database fails.
pub fn last_override_changes(
    db: &Connection,
    suite: SuiteId,
    limit: u32,
) -> Result<Vec<OverrideChange>, StoreError> {
    db.prepare_cached(
        "SELECT date_created, kind, package_name, change, requester, reason FROM override_change WHERE suite = ?1
         ORDER BY id DESC LIMIT ?2",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, limit), |row| {
                Ok(OverrideChange {
                    date: row.get::<_, Date>(0)?.0,
                    kind: row.get(1)?,
                    package: row.get(2)?,
                    change: row.get(3)?,
                    requester: row.get(4)?,
                    reason: row.get(5)?,
                })
            })?
            .collect()
    })
    .during("list overrides that were changed")
}
