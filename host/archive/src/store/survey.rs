//! What waits anywhere in a distribution, asked in one go: a thousand archives with nothing to do cost what one costs.
//!
//! Whether a suite has work is [`suite::dirt`]'s to say, which asks for each of its reasons. Here are the suites of which it is worth asking: all that may have
//! any of them. The others are as clean as they look.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::Connection;

use super::series::{Series, series_of};
use super::suite::{self, Dirt, Suite};
use super::{During, StoreError};
use crate::domain::{ArchiveId, DistributionId, SeriesId, SuiteId};

/// The suites of a distribution as a run finds them, and where something may wait.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    suites: BTreeMap<ArchiveId, Vec<Suite>>,
    series: BTreeMap<SeriesId, Series>,
    with_work: BTreeSet<SuiteId>,
}

/// Pending publications, removals, custom uploads, marks, and settings that have changed or hold something back: each a little more than
/// [`suite::dirt`] counts, and never less.
const WITH_WORK: &str =
    "SELECT suite FROM source_package_publishing_history INDEXED BY source_publication_by_status WHERE status = 'PENDING'
     UNION SELECT suite FROM binary_package_publishing_history INDEXED BY binary_publication_by_status WHERE status = 'PENDING'
     UNION SELECT suite FROM source_package_publishing_history INDEXED BY source_publication_to_remove
       WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL
     UNION SELECT suite FROM binary_package_publishing_history INDEXED BY binary_publication_to_remove
       WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL
     UNION SELECT suite FROM custom_publication INDEXED BY custom_publication_pending WHERE status = 'PENDING'
     UNION SELECT suite FROM dirty_suite
     UNION SELECT id FROM suite WHERE indexes_created < indexes_wanted OR release_created < release_wanted OR domination_owed
       OR approval_required OR paused_by IS NOT NULL";

/// Looks at a distribution.
///
/// # Errors
/// When the database fails.
pub fn survey(db: &Connection, distribution: DistributionId) -> Result<Survey, StoreError> {
    let with_work = db
        .prepare_cached(WITH_WORK)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .during("list the suites with work")?;
    Ok(Survey {
        suites: suite::suites_of_distribution(db, distribution)?,
        series: series_of(db, distribution)?.into_iter().map(|series| (series.id, series)).collect(),
        with_work,
    })
}

impl Survey {
    /// The suites of an archive, by series and pocket, each with its series.
    pub fn suites_of(&self, archive: ArchiveId) -> impl Iterator<Item = (&Suite, &Series)> {
        let suites = self.suites.get(&archive).into_iter().flatten();
        suites.filter_map(|suite| Some((suite, self.series.get(&suite.series)?)))
    }

    /// What waits in a suite.
    ///
    /// # Errors
    /// When the database fails.
    pub fn dirt(&self, db: &Connection, suite: &Suite, now: Timestamp) -> Result<Dirt, StoreError> {
        if self.with_work.contains(&suite.id) {
            // it may have changed since
            return suite::dirt(db, suite::suite_by_id(db, suite.id)?, now);
        }
        Ok(Dirt::clean(suite.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Db;

    #[test]
    fn what_may_have_work_is_found_by_what_waits_and_not_by_what_was_ever_published() {
        let db = Db::in_memory().unwrap();
        let mut statement = db.read().prepare(&format!("EXPLAIN QUERY PLAN {WITH_WORK}")).unwrap();
        let steps: Vec<String> =
            statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        for history in ["source_package_publishing_history", "binary_package_publishing_history"] {
            let of_history: Vec<&String> = steps.iter().filter(|step| step.contains(history)).collect();
            assert_eq!(of_history.len(), 2, "{steps:?}");
            assert!(of_history.iter().all(|step| step.contains("INDEX")), "{steps:?}");
        }
    }
}
