//! `extra_override`: fields that an archive adds to the stanzas of packages, beside where it files them.
//!
//! They count when a publication is made, which keeps them: what is published changes only where it is published anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::ArchitectureTag;
use crate::domain::{ArchSeriesId, ArchiveId, ExtraField, PackageKind, SeriesId, SuiteId};

/// Sets fields of a package in a series of an archive, or takes them back; for binaries of one architecture, or of all.
///
/// # Errors
/// When the database fails.
pub fn set_extra_fields(
    tx: &Transaction<'_>,
    (archive, series): (ArchiveId, SeriesId),
    (kind, name): (PackageKind, &str),
    architecture: Option<&ArchitectureTag>,
    fields: &[ExtraField],
    creator: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "set an extra field";
    let architecture = architecture.map_or("", ArchitectureTag::as_str);
    for ExtraField { name: field, value } in fields {
        match value {
            Some(value) => tx.execute(
                "INSERT INTO extra_override (archive, distro_series, kind, package_name, architecture, field, value, creator, date_created)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (archive, distro_series, kind, package_name, architecture, field) DO UPDATE SET field = excluded.field,
                 value = excluded.value, creator = excluded.creator, date_created = excluded.date_created",
                (archive, series, kind, name, architecture, field.as_str(), value.as_str(), creator, Date(now)),
            ),
            None => tx.execute(
                "DELETE FROM extra_override WHERE archive = ?1 AND distro_series = ?2 AND kind = ?3 AND package_name = ?4
                 AND architecture = ?5 AND field = ?6",
                (archive, series, kind, name, architecture, field.as_str()),
            ),
        }
        .during(WHAT)?;
    }
    Ok(())
}

/// Takes back all fields of a package; says whether there were any.
///
/// # Errors
/// When the database fails.
pub fn remove_extra_fields(
    tx: &Transaction<'_>,
    (archive, series): (ArchiveId, SeriesId),
    (kind, name): (PackageKind, &str),
) -> Result<bool, StoreError> {
    tx.execute(
        "DELETE FROM extra_override WHERE archive = ?1 AND distro_series = ?2 AND kind = ?3 AND package_name = ?4",
        (archive, series, kind, name),
    )
    .map(|count| count > 0)
    .during("take back the extra fields of a package")
}

/// The fields that a new publication gets, as lines of a stanza; none where there are none. What is said of its architecture goes before what is said of all.
pub(super) fn fields_of_new(
    db: &Connection,
    suite: SuiteId,
    (kind, name): (PackageKind, &str),
    architecture: Option<ArchSeriesId>,
) -> Result<Option<String>, StoreError> {
    let fields: Vec<(String, String)> = db
        .prepare_cached(
            "SELECT extra.field, extra.value FROM suite
             JOIN extra_override AS extra ON extra.archive = suite.archive AND extra.distro_series = suite.distro_series
             WHERE suite.id = ?1 AND extra.kind = ?2 AND extra.package_name = ?3 AND extra.architecture IN (
               '', coalesce((SELECT architecture_tag FROM distro_arch_series WHERE id = ?4), ''))
             ORDER BY extra.architecture, extra.field",
        )
        .and_then(|mut statement| {
            statement
                .query_map((suite, kind, name, architecture), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .during("find the extra fields of a package")?;
    let fields: BTreeMap<String, (String, String)> =
        fields.into_iter().map(|(field, value)| (field.to_ascii_lowercase(), (field, value))).collect();
    let lines: String = fields.into_values().map(|(field, value)| format!("{field}: {value}\n")).collect();
    Ok(Some(lines).filter(|lines| !lines.is_empty()))
}

/// A field that is said of a package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NamedExtraField {
    /// Source or binary.
    pub kind: PackageKind,
    /// The package.
    pub package: String,
    /// Of which architecture; none: of all.
    pub architecture: Option<String>,
    /// The field.
    pub field: String,
    /// Its value.
    pub value: String,
}

/// The extra fields of a series of an archive, by kind, name, architecture and field.
///
/// # Errors
/// When the database fails.
pub fn extra_fields(
    db: &Connection,
    archive: ArchiveId,
    series: SeriesId,
) -> Result<Vec<NamedExtraField>, StoreError> {
    db.prepare_cached(
        "SELECT kind, package_name, nullif(architecture, ''), field, value FROM extra_override
         WHERE archive = ?1 AND distro_series = ?2 ORDER BY kind, package_name, architecture, field",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive, series), |row| {
                Ok(NamedExtraField {
                    kind: row.get(0)?,
                    package: row.get(1)?,
                    architecture: row.get(2)?,
                    field: row.get(3)?,
                    value: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("list the extra fields")
}
