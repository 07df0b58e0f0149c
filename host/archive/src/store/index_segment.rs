//! `index_segment` and `index_segment_form`: the segments that the published index files are put together from.
//!
//! A pass prepares its segments beside the live ones and says which of those it replaces; with the installation the one become live and the others go.

use rusqlite::{Connection, Transaction};

use super::sql::size;
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::{Compressor, IndexSegmentId, PassId, SuiteId};

/// A segment in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedSegment {
    /// The form.
    pub form: Compressor,
    /// What it is.
    pub sha256: Sha256,
    /// How long it is.
    pub size_bytes: u64,
}

/// A segment as the live files have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSegment {
    /// Its row.
    pub id: IndexSegmentId,
    /// What it is.
    pub segment: SegmentFacts,
}

/// What is known of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFacts {
    /// The name of its first package.
    pub first_name: String,
    /// How many stanzas it has.
    pub stanzas: u64,
    /// Its text.
    pub text_sha256: Sha256,
    /// How long that is.
    pub text_bytes: u64,
    /// What it is in the files of the index.
    pub packed: Vec<PackedSegment>,
}

/// What a pass does to the segments of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentChange {
    /// The index, below the suite's folder, without the ending of a form.
    pub path: String,
    /// The live segments that it no longer has.
    pub dropped: Vec<IndexSegmentId>,
    /// Those that it has instead.
    pub added: Vec<SegmentFacts>,
}

/// The live segments of an index, in order.
///
/// # Errors
/// When the database fails.
pub fn segments_of(db: &Connection, suite: SuiteId, path: &str) -> Result<Vec<StoredSegment>, StoreError> {
    const WHAT: &str = "list the segments of an index";
    let mut statement = db
        .prepare_cached(
            "SELECT segment.id, segment.first_name, segment.stanzas, segment.text_sha256, segment.text_size, form.form, form.sha256,
             form.file_size FROM index_segment AS segment LEFT JOIN index_segment_form AS form ON form.index_segment = segment.id
             WHERE segment.suite = ?1 AND segment.path = ?2 AND segment.publisher_pass IS NULL
             ORDER BY segment.first_name, segment.id, form.form",
        )
        .during(WHAT)?;
    let mut rows = statement.query((suite, path)).during(WHAT)?;
    let mut segments: Vec<StoredSegment> = Vec::new();
    while let Some(row) = rows.next().during(WHAT)? {
        let mut read = || -> rusqlite::Result<()> {
            let id: IndexSegmentId = row.get(0)?;
            if segments.last().is_none_or(|last| last.id != id) {
                let segment = SegmentFacts {
                    first_name: row.get(1)?,
                    stanzas: row.get(2)?,
                    text_sha256: row.get(3)?,
                    text_bytes: row.get(4)?,
                    packed: Vec::new(),
                };
                segments.push(StoredSegment { id, segment });
            }
            if let (Some(last), Some(form)) = (segments.last_mut(), row.get::<_, Option<Compressor>>(5)?) {
                last.segment.packed.push(PackedSegment {
                    form,
                    sha256: row.get(6)?,
                    size_bytes: row.get(7)?,
                });
            }
            Ok(())
        };
        read().during(WHAT)?;
    }
    Ok(segments)
}

/// The published indexes of a suite that are not empty, without the endings of their forms, sorted.
///
/// # Errors
/// When the database fails.
pub fn paths_of(db: &Connection, suite: SuiteId) -> Result<Vec<String>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT path FROM index_segment WHERE suite = ?1 AND publisher_pass IS NULL ORDER BY path",
    )
    .and_then(|mut statement| statement.query_map([suite], |row| row.get(0))?.collect())
    .during("list the indexes of a suite")
}

/// Whether a published index of the suite lies below a folder, whose path ends with a slash.
///
/// # Errors
/// When the database fails.
pub fn are_below(db: &Connection, suite: SuiteId, folder: &str) -> Result<bool, StoreError> {
    // '0' comes after '/'
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM index_segment WHERE suite = ?1 AND path >= ?2 AND path < rtrim(?2, '/') || '0'
         AND publisher_pass IS NULL)",
    )
    .and_then(|mut statement| statement.query_row((suite, folder), |row| row.get(0)))
    .during("look for the segments of a folder's indexes")
}

/// Records what a pass that is about to be installed does to the segments of a suite.
///
/// # Errors
/// When the database fails.
pub fn prepare_segments(
    tx: &Transaction<'_>,
    pass: PassId,
    suite: SuiteId,
    changes: &[SegmentChange],
) -> Result<(), StoreError> {
    const WHAT: &str = "record the segments of an index";
    for change in changes {
        for id in &change.dropped {
            tx.prepare_cached(
                "INSERT INTO publisher_dropped_segment (publisher_pass, index_segment) VALUES (?1, ?2)",
            )
            .and_then(|mut statement| statement.execute((pass, id)))
            .during(WHAT)?;
        }
        for facts in &change.added {
            let id: IndexSegmentId = tx
                .prepare_cached(
                    "INSERT INTO index_segment (suite, path, first_name, stanzas, text_sha256, text_size, publisher_pass)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
                )
                .and_then(|mut statement| {
                    statement.query_row(
                        (
                            suite,
                            &change.path,
                            &facts.first_name,
                            size(facts.stanzas),
                            &facts.text_sha256,
                            size(facts.text_bytes),
                            pass,
                        ),
                        |row| row.get(0),
                    )
                })
                .during(WHAT)?;
            for packed in &facts.packed {
                tx.prepare_cached(
                    "INSERT INTO index_segment_form (index_segment, form, sha256, file_size) VALUES (?1, ?2, ?3, ?4)",
                )
                .and_then(|mut statement| statement.execute((id, packed.form, &packed.sha256, size(packed.size_bytes))))
                .during(WHAT)?;
            }
        }
    }
    Ok(())
}

/// Makes the segments of an installed pass the live ones.
pub(super) fn adopt_segments(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "record the segments of the indexes";
    tx.execute(
        "DELETE FROM index_segment WHERE id IN (SELECT index_segment FROM publisher_dropped_segment WHERE publisher_pass = ?1)",
        [pass],
    )
    .during(WHAT)?;
    tx.execute("UPDATE index_segment SET publisher_pass = NULL WHERE publisher_pass = ?1", [pass])
        .during(WHAT)?;
    tx.execute("DELETE FROM publisher_dropped_segment WHERE publisher_pass = ?1", [pass])
        .map(|_| ())
        .during(WHAT)
}

/// Forgets the segments of a pass that is not installed.
pub(super) fn forget_segments(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "forget the segments of a pass";
    tx.execute("DELETE FROM index_segment WHERE publisher_pass = ?1", [pass]).during(WHAT)?;
    tx.execute("DELETE FROM publisher_dropped_segment WHERE publisher_pass = ?1", [pass])
        .map(|_| ())
        .during(WHAT)
}
