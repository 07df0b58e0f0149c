//! `hook_state` and `hook_artefact`: what hooks remember, what they are compiled to.

use std::collections::BTreeMap;

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

/// What a call has read of a hook's memory, by key; none: nothing was there.
pub type Seen = BTreeMap<String, Option<Vec<u8>>>;

/// Remembers what a pre-publication hook has read, for [`refuse_forgotten`]. What a first call of the pass has seen counts.
///
/// # Errors
/// When the database fails.
pub fn remember_seen(tx: &Transaction<'_>, pass: PassId, hook: &str, seen: &Seen) -> Result<(), StoreError> {
    for (key, value) in seen {
        tx.prepare_cached(
            "INSERT OR IGNORE INTO publisher_hook_seen (publisher_pass, hook, key, value) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| statement.execute((pass, hook, key, value)))
        .during("record what a hook has read")?;
    }
    Ok(())
}

/// The first key of a hook's memory that another publisher has changed since a call has read it, or is about to change, because it is just being
/// installed: what the call would keep was made from something else. `changed` has the keys that the call sets or forgets.
///
/// # Errors
/// When the database fails.
pub fn changed_meanwhile<'a>(
    db: &Connection,
    (distribution, hook): (DistributionId, &str),
    seen: &'a Seen,
    changed: impl Iterator<Item = &'a String>,
    own: Option<PassId>,
) -> Result<Option<&'a str>, StoreError> {
    for (key, value) in seen {
        if state(db, distribution, hook, key)? != *value {
            return Ok(Some(key));
        }
    }
    for key in seen.keys().chain(changed) {
        if is_being_installed(db, (distribution, hook), key, own)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Whether a pass that is being installed will change what a hook remembers under a key.
fn is_being_installed(
    db: &Connection,
    (distribution, hook): (DistributionId, &str),
    key: &str,
    own: Option<PassId>,
) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM publisher_hook_state AS planned
           JOIN publisher_pass AS pass ON pass.id = planned.publisher_pass JOIN archive ON archive.id = pass.archive
           WHERE pass.state = 'INSTALLING' AND archive.distribution = ?1 AND planned.hook = ?2 AND planned.key = ?3
           AND pass.id IS NOT ?4)",
    )
    .and_then(|mut statement| statement.query_row((distribution, hook, key, own), |row| row.get(0)))
    .during("look at what is being installed")
}

/// Refuses to install a pass whose hooks would keep what another publisher has made out of date. Asked in the transaction that begins the installation:
/// from then on the others wait for this one.
///
/// # Errors
/// When it is so, with the hook and the key; the next run makes the pass again.
pub(super) fn refuse_forgotten(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "compare the hooks' state";
    /// A hook, a key, and what it is there.
    type Row = (String, String, Option<Vec<u8>>);
    let rows = |sql: &str| -> Result<Vec<Row>, StoreError> {
        tx.prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_map([pass], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
            })
            .during(WHAT)
    };
    let planned = rows(
        "SELECT hook, key, value FROM publisher_hook_state WHERE publisher_pass = ?1 ORDER BY hook, key",
    )?;
    if planned.is_empty() {
        return Ok(());
    }
    let distribution: DistributionId = tx
        .prepare_cached(
            "SELECT archive.distribution FROM publisher_pass AS pass JOIN archive ON archive.id = pass.archive WHERE pass.id = ?1",
        )
        .and_then(|mut statement| statement.query_row([pass], |row| row.get(0)))
        .during(WHAT)?;
    let seen = rows(
        "SELECT hook, key, value FROM publisher_hook_seen WHERE publisher_pass = ?1 ORDER BY hook, key",
    )?;
    let mut hooks: BTreeMap<String, (Seen, Vec<String>)> = BTreeMap::new();
    for (hook, key, _) in planned {
        hooks.entry(hook).or_default().1.push(key);
    }
    for (hook, key, value) in seen {
        // a hook that keeps nothing has nothing to be wrong about
        if let Some((of_hook, _)) = hooks.get_mut(&hook) {
            of_hook.insert(key, value);
        }
    }
    for (hook, (seen, changed)) in &hooks {
        if let Some(key) = changed_meanwhile(tx, (distribution, hook), seen, changed.iter(), Some(pass))? {
            return Err(StoreError::Refused(format!(
                "{}: nothing was installed, and the next run makes the pass again",
                changed_by_another(hook, key)
            )));
        }
    }
    Ok(())
}

/// That a memory is not what a call has taken it for, for the beginning of a sentence.
#[must_use]
pub fn changed_by_another(hook: &str, key: &str) -> String {
    format!("another publisher has changed what the hook {hook} remembers under {key:?} while it was at work")
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
