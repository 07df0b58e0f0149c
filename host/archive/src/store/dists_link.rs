//! `dists_link` and `publisher_link`: the links in an archive's `dists/` that lead to its suites by other names, and what they are to be made from.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction};

use super::{During, StoreError};
use crate::domain::{ArchiveId, DistributionId, PassId, SeriesId, SeriesName};

/// The links that are live in an archive, by name, with what they lead to.
///
/// # Errors
/// When the database fails.
pub fn links_of(db: &Connection, archive: ArchiveId) -> Result<BTreeMap<String, String>, StoreError> {
    db.prepare_cached("SELECT name, target FROM dists_link WHERE archive = ?1 ORDER BY name")
        .and_then(|mut statement| {
            statement.query_map([archive], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("list the links of an archive")
}

/// The other names that series of a distribution have, by name.
///
/// # Errors
/// When the database fails.
pub fn aliases_in(
    db: &Connection,
    distribution: DistributionId,
) -> Result<Vec<(SeriesName, SeriesName)>, StoreError> {
    db.prepare_cached(
        "SELECT alias, distro_series.name FROM distro_series_alias AS link JOIN distro_series ON distro_series.id = link.distro_series
         WHERE link.distribution = ?1 ORDER BY alias",
    )
    .and_then(|mut statement| {
        statement.query_map([distribution], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("list the aliases of series")
}

/// The newest series of which an archive publishes anything, or will when a pass is installed.
///
/// # Errors
/// When the database fails.
pub fn newest_with_content(
    db: &Connection,
    archive: ArchiveId,
    pass: PassId,
) -> Result<Option<SeriesName>, StoreError> {
    const WHAT: &str = "look for the newest series with packages";
    let mut suites = db
        .prepare_cached(
            "SELECT suite.id, distro_series.id, distro_series.name FROM suite JOIN distro_series ON distro_series.id = suite.distro_series
             WHERE suite.archive = ?1 ORDER BY distro_series.id DESC, suite.id",
        )
        .during(WHAT)?;
    let suites: Vec<(i64, SeriesId, SeriesName)> = suites
        .query_map([archive], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect)
        .during(WHAT)?;
    let mut has_content = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM source_package_publishing_history AS source WHERE suite = ?1 AND status = 'PUBLISHED'
                            AND NOT EXISTS (SELECT 1 FROM publisher_transition AS change WHERE change.publisher_pass = ?2
                              AND change.kind = 'SOURCE' AND change.publication = source.id AND change.to_status <> 'PUBLISHED'))
                 OR EXISTS (SELECT 1 FROM binary_package_publishing_history AS binary WHERE suite = ?1 AND status = 'PUBLISHED'
                            AND NOT EXISTS (SELECT 1 FROM publisher_transition AS change WHERE change.publisher_pass = ?2
                              AND change.kind = 'BINARY' AND change.publication = binary.id AND change.to_status <> 'PUBLISHED'))
                 OR EXISTS (SELECT 1 FROM publisher_transition AS change JOIN source_package_publishing_history AS source
                            ON source.id = change.publication WHERE change.publisher_pass = ?2 AND change.kind = 'SOURCE'
                            AND change.to_status = 'PUBLISHED' AND +source.suite = ?1)
                 OR EXISTS (SELECT 1 FROM publisher_transition AS change JOIN binary_package_publishing_history AS binary
                            ON binary.id = change.publication WHERE change.publisher_pass = ?2 AND change.kind = 'BINARY'
                            AND change.to_status = 'PUBLISHED' AND +binary.suite = ?1)",
        )
        .during(WHAT)?;
    for (suite, _, name) in suites {
        if has_content.query_row((suite, pass), |row| row.get(0)).during(WHAT)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Records what a pass does to links: what each leads to, or that it goes.
///
/// # Errors
/// When the database fails.
pub fn plan_links(
    tx: &Transaction<'_>,
    pass: PassId,
    changes: &[(String, Option<String>)],
) -> Result<(), StoreError> {
    for (name, target) in changes {
        tx.execute(
            "INSERT INTO publisher_link (publisher_pass, name, target) VALUES (?1, ?2, ?3)",
            (pass, name, target),
        )
        .during("record the links of the pass")?;
    }
    Ok(())
}

/// The links of an installed pass are live.
pub(super) fn adopt_links(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "record which links are live";
    tx.execute(
        "DELETE FROM dists_link WHERE archive = (SELECT archive FROM publisher_pass WHERE id = ?1)
         AND name IN (SELECT name FROM publisher_link WHERE publisher_pass = ?1)",
        [pass],
    )
    .during(WHAT)?;
    tx.execute(
        "INSERT INTO dists_link (archive, name, target) SELECT publisher_pass.archive, name, target FROM publisher_link
         JOIN publisher_pass ON publisher_pass.id = publisher_link.publisher_pass
         WHERE publisher_link.publisher_pass = ?1 AND target IS NOT NULL",
        [pass],
    )
    .map(|_| ())
    .during(WHAT)
}
