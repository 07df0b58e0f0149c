//! `distro_series.previous_series`: which series came before one, and what a new one takes from it.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::archive::Archive;
use super::suite::{Suite, suite_by_id};
use super::{During, StoreError};
use crate::domain::name::SeriesName;
use crate::domain::{CustomUploadId, DebVersion, SeriesId, SuiteId};

/// The series that came before one.
///
/// # Errors
/// When the database fails.
pub fn previous_series(
    db: &Connection,
    series: SeriesId,
) -> Result<Option<(SeriesId, SeriesName)>, StoreError> {
    db.prepare_cached(
        "SELECT previous.id, previous.name FROM distro_series JOIN distro_series AS previous ON previous.id = distro_series.previous_series
         WHERE distro_series.id = ?1",
    )
    .and_then(|mut statement| {
        statement.query_row([series], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    })
    .during("find the series before")
}

/// Says which series came before one; none: there was none.
///
/// # Errors
/// When it would come before itself, or is of another distribution.
pub fn set_previous_series(
    tx: &Transaction<'_>,
    series: SeriesId,
    previous: Option<SeriesId>,
) -> Result<(), StoreError> {
    let own = super::series::series_by_id(tx, series)?;
    let mut at = previous;
    while let Some(one) = at {
        let row = super::series::series_by_id(tx, one)?;
        if row.distribution != own.distribution {
            return Err(StoreError::Refused(format!(
                "{} is a series of another distribution: it cannot come before {}",
                row.name, own.name
            )));
        }
        if one == series {
            return Err(StoreError::Refused(format!(
                "{} would come before itself: name an older series, or none",
                own.name
            )));
        }
        at = previous_series(tx, one)?.map(|(id, _)| id);
    }
    tx.execute("UPDATE distro_series SET previous_series = ?2 WHERE id = ?1", (series, previous))
        .map(|_| ())
        .during("say which series came before")
}

/// The RELEASE suites of an archive that were never published in full and whose series has one before it, each with that.
///
/// # Errors
/// When the database fails.
pub fn suites_to_fill(db: &Connection, archive: &Archive) -> Result<Vec<(Suite, SeriesId)>, StoreError> {
    let found: Vec<(SuiteId, SeriesId)> = db
        .prepare_cached(
            "SELECT suite.id, distro_series.previous_series FROM suite JOIN distro_series ON distro_series.id = suite.distro_series
             WHERE suite.archive = ?1 AND suite.pocket = 'RELEASE' AND suite.date_indexes_created IS NULL
             AND distro_series.previous_series IS NOT NULL ORDER BY suite.id",
        )
        .and_then(|mut statement| {
            statement.query_map([archive.id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("look for new series")?;
    found.into_iter().map(|(suite, previous)| Ok((suite_by_id(db, suite)?, previous))).collect()
}

/// A custom upload that is published in a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedCustom {
    /// The upload's file.
    pub custom: CustomUploadId,
    /// Where it lies, without the version; none: nowhere in the tree.
    pub folder: Option<String>,
    /// Its version.
    pub version: Option<DebVersion>,
    /// In which component its upload filed it.
    pub component: crate::domain::ComponentId,
}

/// The custom uploads that are published in a series of an archive, in the suites that users take from by themselves, in the order in which they came.
///
/// # Errors
/// When the database fails.
pub fn published_customs(
    db: &Connection,
    archive: &Archive,
    series: SeriesId,
) -> Result<Vec<PublishedCustom>, StoreError> {
    db.prepare_cached(
        "SELECT publication.package_upload_custom, publication.folder, publication.version, custom.component
         FROM custom_publication AS publication
         JOIN suite ON suite.id = publication.suite JOIN package_upload_custom AS custom ON custom.id = publication.package_upload_custom
         WHERE suite.archive = ?1 AND suite.distro_series = ?2 AND suite.pocket IN ('RELEASE', 'SECURITY', 'UPDATES')
         AND publication.status = 'PUBLISHED' ORDER BY publication.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive.id, series), |row| {
                Ok(PublishedCustom {
                    custom: row.get(0)?,
                    folder: row.get(1)?,
                    version: row.get(2)?,
                    component: row.get(3)?,
                })
            })?
            .collect()
    })
    .during("list the custom uploads of a series")
}
