//! `hook_state` and `hook_artefact`: what hooks remember, what they are compiled to.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::{DistributionId, PassId};

/// What a hook remembers under a key.
///
/// # Errors
/// When the database fails.
pub fn state(
    db: &Connection,
    distribution: DistributionId,
    hook: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    db.prepare_cached("SELECT value FROM hook_state WHERE distribution = ?1 AND hook = ?2 AND key = ?3")
        .and_then(|mut statement| statement.query_row((distribution, hook, key), |row| row.get(0)).optional())
        .during("read a hook's state")
}

/// The keys that a hook remembers something under with the sizes of the values, sorted.
///
/// # Errors
/// When the database fails.
pub fn state_keys(
    db: &Connection,
    distribution: DistributionId,
    hook: &str,
) -> Result<Vec<(String, u64)>, StoreError> {
    db.prepare_cached(
        "SELECT key, length(value) FROM hook_state WHERE distribution = ?1 AND hook = ?2 ORDER BY key",
    )
    .and_then(|mut statement| {
        statement.query_map((distribution, hook), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("read a hook's state")
}

/// Keeps or forgets (`None`) what a hook remembers under a key.
///
/// # Errors
/// When the database fails.
pub fn set_state(
    tx: &Transaction<'_>,
    distribution: DistributionId,
    hook: &str,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), StoreError> {
    match value {
        Some(value) => tx.execute(
            "INSERT INTO hook_state (distribution, hook, key, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (distribution, hook, key) DO UPDATE SET value = excluded.value",
            (distribution, hook, key, value),
        ),
        None => tx.execute(
            "DELETE FROM hook_state WHERE distribution = ?1 AND hook = ?2 AND key = ?3",
            (distribution, hook, key),
        ),
    }
    .map(|_| ())
    .during("keep a hook's state")
}

/// Plans what a pre-publication hook keeps or forgets (`None`): it does so when the pass is installed.
///
/// # Errors
/// When the database fails.
pub fn plan_state(
    tx: &Transaction<'_>,
    pass: PassId,
    hook: &str,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO publisher_hook_state (publisher_pass, hook, key, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (publisher_pass, hook, key) DO UPDATE SET value = excluded.value",
        (pass, hook, key, value),
    )
    .map(|_| ())
    .during("plan a hook's state")
}

/// Carries out what was planned.
pub(super) fn adopt_planned_state(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "keep the hooks' state";
    tx.execute(
        "DELETE FROM hook_state WHERE (distribution, hook, key) IN (
           SELECT archive.distribution, planned.hook, planned.key FROM publisher_hook_state AS planned
           JOIN publisher_pass ON publisher_pass.id = planned.publisher_pass
           JOIN archive ON archive.id = publisher_pass.archive
           WHERE planned.publisher_pass = ?1)",
        [pass],
    )
    .during(WHAT)?;
    tx.execute(
        "INSERT INTO hook_state (distribution, hook, key, value)
         SELECT archive.distribution, planned.hook, planned.key, planned.value FROM publisher_hook_state AS planned
         JOIN publisher_pass ON publisher_pass.id = planned.publisher_pass
         JOIN archive ON archive.id = publisher_pass.archive
         WHERE planned.publisher_pass = ?1 AND planned.value IS NOT NULL ORDER BY planned.hook, planned.key",
        [pass],
    )
    .map(|_| ())
    .during(WHAT)
}

/// The digest of the artefact that a component was compiled to for an engine.
///
/// # Errors
/// When the database fails.
pub fn artefact(db: &Connection, component: &Sha256, engine: &str) -> Result<Option<Sha256>, StoreError> {
    db.prepare_cached("SELECT artefact_sha256 FROM hook_artefact WHERE component_sha256 = ?1 AND engine = ?2")
        .and_then(|mut statement| statement.query_row((component, engine), |row| row.get(0)).optional())
        .during("find a compiled hook")
}

/// Records an artefact.
///
/// # Errors
/// When the database fails.
pub fn record_artefact(
    tx: &Transaction<'_>,
    component: &Sha256,
    engine: &str,
    artefact: &Sha256,
    size_bytes: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO hook_artefact (component_sha256, engine, artefact_sha256, file_size, date_created) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (component_sha256, engine) DO UPDATE SET artefact_sha256 = excluded.artefact_sha256,
         file_size = excluded.file_size, date_created = excluded.date_created",
        (component, engine, artefact, size(size_bytes), Date(now)),
    )
    .map(|_| ())
    .during("record a compiled hook")
}
