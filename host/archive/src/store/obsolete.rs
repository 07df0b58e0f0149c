//! The end of a series: everything that is active in it becomes OBSOLETE.
//!
//! The files may go at once, but for the indexes that are live and list them: the suites are due for a full publication, and death row waits for that.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use serde::Serialize;

use super::sql::Date;
use super::{During, StoreError, expiry};
use crate::domain::{ArchiveId, SeriesId};

/// Whose publications end with a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedArchives {
    /// Those of the distribution's own archives.
    Distribution,
    /// Those of people's archives too.
    People,
}

impl EndedArchives {
    /// The suites that are meant. Copies are never touched.
    const fn suites(self) -> &'static str {
        match self {
            Self::Distribution => {
                "SELECT suite.id FROM suite JOIN archive ON archive.id = suite.archive
                 WHERE suite.distro_series = ?1 AND archive.purpose IN ('PRIMARY', 'PARTNER')"
            }
            Self::People => {
                "SELECT suite.id FROM suite JOIN archive ON archive.id = suite.archive
                 WHERE suite.distro_series = ?1 AND archive.purpose IN ('PRIMARY', 'PARTNER', 'PPA')"
            }
        }
    }
}

/// How many publications a series has, or had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Of sources.
    pub sources: usize,
    /// Of binaries: a package for all architectures has one for each.
    pub binaries: usize,
}

impl Counted {
    /// Both together.
    #[must_use]
    pub const fn all(self) -> usize {
        self.sources + self.binaries
    }
}

const HISTORIES: [&str; 2] = ["source_package_publishing_history", "binary_package_publishing_history"];

/// How many active publications a series has.
///
/// # Errors
/// When the database fails.
pub fn active(db: &Connection, series: SeriesId, extent: EndedArchives) -> Result<Counted, StoreError> {
    let count = |history: &str| {
        db.query_row(
            &format!(
                "SELECT count(*) FROM {history} WHERE status IN ('PENDING', 'PUBLISHED') AND suite IN ({})",
                extent.suites()
            ),
            [series],
            |row| row.get::<_, usize>(0),
        )
        .during("count what is active in a series")
    };
    Ok(Counted { sources: count(HISTORIES[0])?, binaries: count(HISTORIES[1])? })
}

const HAS_ACTIVE: &str = "(EXISTS (SELECT 1 FROM source_package_publishing_history AS publication
      WHERE publication.suite = suite.id AND publication.status IN ('PENDING', 'PUBLISHED'))
    OR EXISTS (SELECT 1 FROM binary_package_publishing_history AS publication
      WHERE publication.suite = suite.id AND publication.status IN ('PENDING', 'PUBLISHED')))";

/// The archives whose live indexes list what is active in a series, and that runs do not publish: when it ends they list it still, and its files stay for them.
///
/// # Errors
/// When the database fails.
pub fn left_live(
    db: &Connection,
    series: SeriesId,
    extent: EndedArchives,
) -> Result<Vec<ArchiveId>, StoreError> {
    db.prepare(&format!(
        "SELECT id FROM archive WHERE publish = 0 AND id IN (SELECT suite.archive FROM suite
           WHERE suite.id IN ({}) AND suite.date_last_published IS NOT NULL AND {HAS_ACTIVE}) ORDER BY id",
        extent.suites()
    ))
    .and_then(|mut statement| statement.query_map([series], |row| row.get(0))?.collect())
    .during("find the archives that are not published")
}

/// Makes all active publications of a series OBSOLETE. Their files may go from now on, and those of sources that have waited for them. What has left the pools of the series before may go from the librarian.
///
/// # Errors
/// When the database fails.
pub fn make_obsolete(
    tx: &Transaction<'_>,
    series: SeriesId,
    extent: EndedArchives,
    now: Timestamp,
) -> Result<Counted, StoreError> {
    const WHAT: &str = "end what is active in a series";
    tx.execute(
        &format!(
            "UPDATE suite SET indexes_wanted = indexes_wanted + 1 WHERE id IN ({}) AND {HAS_ACTIVE}",
            extent.suites()
        ),
        [series],
    )
    .during(WHAT)?;
    let end = |history: &str| {
        tx.execute(
            &format!(
                "UPDATE {history} SET status = 'OBSOLETE', date_superseded = ?2, scheduled_deletion_date = ?2, date_look_again = NULL
                 WHERE status IN ('PENDING', 'PUBLISHED') AND suite IN ({})",
                extent.suites()
            ),
            (series, Date(now)),
        )
        .during(WHAT)
    };
    let counted = Counted { sources: end(HISTORIES[0])?, binaries: end(HISTORIES[1])? };
    // what has given way before, and waited for what has ended now
    for history in HISTORIES {
        tx.execute(
            &format!(
                "UPDATE {history} SET scheduled_deletion_date = ?2
                 WHERE status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') AND scheduled_deletion_date IS NULL AND date_removed IS NULL
                 AND suite IN ({})",
                extent.suites()
            ),
            (series, Date(now)),
        )
        .during(WHAT)?;
    }
    expiry::suggest_of_series(tx, series, now)?;
    Ok(counted)
}
