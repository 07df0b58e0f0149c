//! `distro_series_alias` and `distro_series_parent`: by which other names a series is meant, and whose overrides it inherits.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::series::{series_by_id, series_of};
use super::{During, StoreError, suite};
use crate::domain::{ArchiveId, DistributionId, DistributionName, SeriesId, SeriesName};

/// The alias that every distribution has without saying so: its newest series under development.
pub const DEVEL: &str = "devel";

/// The series that an alias stands for.
///
/// # Errors
/// When the database fails.
pub fn series_of_alias(
    db: &Connection,
    distribution: DistributionId,
    alias: &str,
) -> Result<Option<SeriesId>, StoreError> {
    db.prepare_cached("SELECT distro_series FROM distro_series_alias WHERE distribution = ?1 AND alias = ?2")
        .and_then(|mut statement| statement.query_row((distribution, alias), |row| row.get(0)).optional())
        .during("look for an alias of a series")
}

/// Whether a word is the alias of a series, or that of the newest one.
///
/// # Errors
/// When the database fails.
pub fn is_alias(db: &Connection, distribution: DistributionId, word: &str) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM distro_series_alias WHERE distribution = ?1 AND alias = ?2)
             OR EXISTS (SELECT 1 FROM distribution WHERE id = ?1 AND development_alias = ?2)",
    )
    .and_then(|mut statement| statement.query_row((distribution, word), |row| row.get(0)))
    .during("look for an alias of a series")
}

/// The aliases of a series, by name.
///
/// # Errors
/// When the database fails.
pub fn aliases_of(db: &Connection, series: SeriesId) -> Result<Vec<SeriesName>, StoreError> {
    db.prepare_cached("SELECT alias FROM distro_series_alias WHERE distro_series = ?1 ORDER BY alias")
        .and_then(|mut statement| statement.query_map([series], |row| row.get(0))?.collect())
        .during("list the aliases of a series")
}

/// Gives a series exactly these aliases; one that was another series' is its no longer.
///
/// # Errors
/// When one of them would mean something else, or the database fails.
pub fn set_aliases(tx: &Transaction<'_>, series: SeriesId, aliases: &[SeriesName]) -> Result<(), StoreError> {
    let distribution = series_by_id(tx, series)?.distribution;
    if aliases_of(tx, series)?.iter().collect::<BTreeSet<_>>() == aliases.iter().collect() {
        return Ok(());
    }
    let all = series_of(tx, distribution)?;
    let development: String = tx
        .query_row("SELECT development_alias FROM distribution WHERE id = ?1", [distribution], |row| {
            row.get(0)
        })
        .during("look for the alias of the newest series")?;
    for alias in aliases {
        // a name of a series has no pocket behind it, so it is no suite's
        if [DEVEL, &development].contains(&alias.as_str()) || all.iter().any(|series| series.name == *alias) {
            return Err(StoreError::Refused(format!(
                "{alias} cannot be an alias: it means something already; choose a word that is no series and not {DEVEL}"
            )));
        }
    }
    tx.execute("DELETE FROM distro_series_alias WHERE distro_series = ?1", [series])
        .during("change the aliases of a series")?;
    for alias in aliases {
        if let Some(other) = series_of_alias(tx, distribution, alias.as_str())? {
            let (before, now) = (series_by_id(tx, other)?.name, series_by_id(tx, series)?.name);
            tracing::warn!(
                "{alias} was another name of {before}, and is one of {now} instead: who asks for {alias} gets that"
            );
            suite::forget_release(tx, suite::Of::Series(other))?;
        }
        tx.execute(
            "INSERT INTO distro_series_alias (distribution, alias, distro_series) VALUES (?1, ?2, ?3)
             ON CONFLICT (distribution, alias) DO UPDATE SET distro_series = excluded.distro_series",
            (distribution, alias, series),
        )
        .during("change the aliases of a series")?;
    }
    // the links in dists are made by the next pass
    suite::forget_release(tx, suite::Of::Series(series))
}

/// The series whose overrides a series inherits, in order, each with its primary archive.
///
/// # Errors
/// When the database fails.
pub fn inherited(db: &Connection, series: SeriesId) -> Result<Vec<(ArchiveId, SeriesId)>, StoreError> {
    db.prepare_cached(
        "SELECT archive.id, parent.id FROM distro_series_parent AS link
         JOIN distro_series AS parent ON parent.id = link.parent_series
         JOIN archive ON archive.distribution = parent.distribution AND archive.purpose = 'PRIMARY'
         WHERE link.derived_series = ?1 AND link.inherit_overrides = 1 ORDER BY link.ordering, parent.id, archive.id",
    )
    .and_then(|mut statement| {
        statement.query_map([series], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("list the series that overrides come from")
}

/// The same, by name.
///
/// # Errors
/// When the database fails.
pub fn inherits_from(
    db: &Connection,
    series: SeriesId,
) -> Result<Vec<(DistributionName, SeriesName)>, StoreError> {
    db.prepare_cached(
        "SELECT distribution.name, parent.name FROM distro_series_parent AS link
         JOIN distro_series AS parent ON parent.id = link.parent_series JOIN distribution ON distribution.id = parent.distribution
         WHERE link.derived_series = ?1 AND link.inherit_overrides = 1 ORDER BY link.ordering, parent.id",
    )
    .and_then(|mut statement| {
        statement.query_map([series], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("list the series that overrides come from")
}

/// Lets a series inherit overrides from exactly these, in this order.
///
/// # Errors
/// When it is one of them, or the database fails.
pub fn set_inherits_from(
    tx: &Transaction<'_>,
    series: SeriesId,
    parents: &[SeriesId],
) -> Result<(), StoreError> {
    if parents.contains(&series) {
        return Err(StoreError::Refused(format!(
            "{} cannot inherit from itself: name another series",
            series_by_id(tx, series)?.name
        )));
    }
    tx.execute("UPDATE distro_series_parent SET inherit_overrides = 0 WHERE derived_series = ?1", [series])
        .during("say whose overrides a series inherits")?;
    for (ordering, parent) in parents.iter().enumerate() {
        tx.execute(
            "INSERT INTO distro_series_parent (derived_series, parent_series, ordering, inherit_overrides) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (derived_series, parent_series) DO UPDATE SET ordering = excluded.ordering, inherit_overrides = 1",
            (series, parent, i64::try_from(ordering).unwrap_or(i64::MAX)),
        )
        .during("say whose overrides a series inherits")?;
    }
    Ok(())
}
