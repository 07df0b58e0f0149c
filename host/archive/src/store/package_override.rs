//! `package_override`: an archive admin's word on where a package belongs.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, PackagePriority, Section};
use crate::domain::{ArchiveId, ComponentId, PackageKind, SeriesId};

/// What an admin has said; what is left out is as the package says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Override {
    /// The component.
    pub component: Option<ComponentId>,
    /// The section.
    pub section: Option<Section>,
    /// The priority; binaries only.
    pub priority: Option<PackagePriority>,
}

/// The override of a package in a series of an archive, if there is one.
///
/// # Errors
/// When the database fails.
pub fn find_override(
    db: &Connection,
    archive: ArchiveId,
    series: SeriesId,
    kind: PackageKind,
    name: &str,
) -> Result<Option<Override>, StoreError> {
    db.prepare_cached(
        "SELECT component, section, priority FROM package_override
         WHERE archive = ?1 AND distro_series = ?2 AND kind = ?3 AND package_name = ?4",
    )
    .and_then(|mut statement| {
        statement
            .query_row((archive, series, kind, name), |row| {
                Ok(Override { component: row.get(0)?, section: row.get(1)?, priority: row.get(2)? })
            })
            .optional()
    })
    .during("find an override")
}

/// Whether there is any override in a series of an archive.
///
/// # Errors
/// When the database fails.
pub fn has_overrides(db: &Connection, archive: ArchiveId, series: SeriesId) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM package_override WHERE archive = ?1 AND distro_series = ?2)",
    )
    .and_then(|mut statement| statement.query_row((archive, series), |row| row.get(0)))
    .during("look for overrides")
}

/// Sets or replaces an override.
///
/// # Errors
/// When the database fails.
pub fn set_override(
    tx: &Transaction<'_>,
    (archive, series): (ArchiveId, SeriesId),
    (kind, name): (PackageKind, &str),
    new: &Override,
    creator: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO package_override (archive, distro_series, kind, package_name, component, section, priority, creator, date_created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (archive, distro_series, kind, package_name) DO UPDATE SET component = excluded.component,
         section = excluded.section, priority = excluded.priority, creator = excluded.creator, date_created = excluded.date_created",
    )
    .and_then(|mut statement| {
        statement.execute((
            archive,
            series,
            kind,
            name,
            new.component,
            &new.section,
            &new.priority,
            creator,
            Date(now),
        ))
    })
    .map(|_| ())
    .during("set an override")
}

/// Removes an override; says whether there was one.
///
/// # Errors
/// When the database fails.
pub fn remove_override(
    tx: &Transaction<'_>,
    (archive, series): (ArchiveId, SeriesId),
    (kind, name): (PackageKind, &str),
) -> Result<bool, StoreError> {
    tx.execute(
        "DELETE FROM package_override WHERE archive = ?1 AND distro_series = ?2 AND kind = ?3 AND package_name = ?4",
        (archive, series, kind, name),
    )
    .map(|count| count > 0)
    .during("remove an override")
}

/// An override with the name of its package and component.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NamedOverride {
    /// Source or binary.
    pub kind: PackageKind,
    /// The package.
    pub package: String,
    /// Its component, if overridden.
    pub component: Option<String>,
    /// Its section, if overridden.
    pub section: Option<String>,
    /// Its priority, if overridden.
    pub priority: Option<String>,
}

/// The overrides of a series of an archive, by kind and name.
///
/// # Errors
/// When the database fails.
pub fn overrides(
    db: &Connection,
    archive: ArchiveId,
    series: SeriesId,
) -> Result<Vec<NamedOverride>, StoreError> {
    db.prepare_cached(
        "SELECT kind, package_name, component.name, section, priority FROM package_override
         LEFT JOIN component ON component.id = package_override.component
         WHERE archive = ?1 AND distro_series = ?2 ORDER BY kind, package_name",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive, series), |row| {
                Ok(NamedOverride {
                    kind: row.get(0)?,
                    package: row.get(1)?,
                    component: row.get(2)?,
                    section: row.get(3)?,
                    priority: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("list the overrides")
}

/// The components that a package is in now, anywhere in a series of an archive: by its override, and by what is published or waits.
///
/// # Errors
/// When the database fails.
pub fn components_now(
    db: &Connection,
    archive: ArchiveId,
    series: SeriesId,
    kind: PackageKind,
    name: &str,
) -> Result<Vec<(ComponentId, ComponentName)>, StoreError> {
    let publications = match kind {
        PackageKind::Source => {
            "SELECT component FROM source_package_publishing_history AS publication JOIN suite ON suite.id = publication.suite
             WHERE archive = ?1 AND distro_series = ?2 AND source_package_name = ?4 AND status IN ('PENDING', 'PUBLISHED')"
        }
        PackageKind::Binary => {
            "SELECT component FROM binary_package_publishing_history AS publication JOIN suite ON suite.id = publication.suite
             WHERE archive = ?1 AND distro_series = ?2 AND binary_package_name = ?4 AND status IN ('PENDING', 'PUBLISHED')"
        }
    };
    db.prepare_cached(&format!(
        "SELECT component.id, component.name FROM component WHERE id IN (
             SELECT component FROM package_override WHERE archive = ?1 AND distro_series = ?2 AND kind = ?3 AND package_name = ?4
             UNION {publications}
         ) ORDER BY component.name"
    ))
    .and_then(|mut statement| {
        statement.query_map((archive, series, kind, name), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("find the components of a package")
}
