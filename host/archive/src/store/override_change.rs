//! `override_change`: who has filed packages elsewhere, and why.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{PackageKind, SuiteId};

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
