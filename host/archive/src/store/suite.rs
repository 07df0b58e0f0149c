//! `suite` and `dirty_suite`: what is published together, and what waits to be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError, custom_publication, removal, source_group, suite_hold};
use crate::domain::name::SeriesName;
use crate::domain::{ArchiveId, DirtId, DistributionId, Pocket, SeriesId, SuiteId, SuiteName};

/// A suite of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Its row.
    pub id: SuiteId,
    /// Its archive's row.
    pub archive: ArchiveId,
    /// Its series' row.
    pub series: SeriesId,
    /// What stands under `dists/`.
    pub name: SuiteName,
    /// How often there was a reason to publish its indexes in full.
    pub indexes_wanted: i64,
    /// What that was when they were.
    pub indexes_created: i64,
    /// How often there was a reason to write its Release anew, apart from its indexes.
    pub release_wanted: i64,
    /// What that was when it was.
    pub release_created: i64,
    /// The fingerprints of the keys for its live Release, sorted, with blanks between; none: they are not known.
    pub signing_keys: Option<String>,
    /// When it was last installed.
    pub date_last_published: Option<Timestamp>,
    /// `Date` of its live Release.
    pub release_date: Option<Timestamp>,
    /// Whether its indexes were ever published in full.
    pub was_indexed: bool,
    /// Who holds its publication; none: nobody.
    pub pause: Option<Pause>,
    /// Whether its changes are published only when somebody has approved them.
    pub approval_required: bool,
    /// How long the binaries of a source wait for each other at the most, in seconds; none: they do not wait.
    pub group_by_source_seconds: Option<i64>,
    /// Whether something was published in it without domination.
    pub domination_owed: bool,
}

/// Somebody holds the publication of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

const COLUMNS: &str = "suite.id, suite.archive, suite.distro_series, distro_series.name, pocket, indexes_wanted, indexes_created, date_last_published, release_date, \
                       release_wanted, release_created, signing_keys, \
                       date_indexes_created IS NOT NULL, paused_by, pause_reason, date_paused, approval_required, \
                       CASE WHEN group_by_source THEN group_by_source_seconds END, domination_owed \
                       FROM suite JOIN distro_series ON distro_series.id = suite.distro_series";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Suite> {
    let (series, pocket): (SeriesName, Pocket) = (row.get(3)?, row.get(4)?);
    Ok(Suite {
        id: row.get(0)?,
        archive: row.get(1)?,
        series: row.get(2)?,
        name: SuiteName::new(series, pocket),
        indexes_wanted: row.get(5)?,
        indexes_created: row.get(6)?,
        release_wanted: row.get(9)?,
        release_created: row.get(10)?,
        signing_keys: row.get(11)?,
        date_last_published: row.get::<_, Option<Date>>(7)?.map(|date| date.0),
        release_date: row.get::<_, Option<Date>>(8)?.map(|date| date.0),
        was_indexed: row.get(12)?,
        pause: match (row.get(13)?, row.get::<_, Option<Date>>(15)?) {
            (Some(by), Some(since)) => Some(Pause { by, reason: row.get(14)?, since: since.0 }),
            _ => None,
        },
        approval_required: row.get(16)?,
        group_by_source_seconds: row.get(17)?,
        domination_owed: row.get(18)?,
    })
}

/// The suites of an archive, by series and pocket.
///
/// # Errors
/// When the database fails.
pub fn suites_of(db: &Connection, archive: ArchiveId) -> Result<Vec<Suite>, StoreError> {
    let mut suites: Vec<Suite> = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} WHERE suite.archive = ?1 ORDER BY distro_series.id, suite.id"
        ))
        .and_then(|mut statement| statement.query_map([archive], from_row)?.collect())
        .during("list the suites")?;
    suites.sort_by_key(|suite| (suite.series, suite.name.pocket()));
    Ok(suites)
}

/// The suites of all archives of a distribution, those of an archive as [`suites_of`] has them.
pub(super) fn suites_of_distribution(
    db: &Connection,
    distribution: DistributionId,
) -> Result<BTreeMap<ArchiveId, Vec<Suite>>, StoreError> {
    let all: Vec<Suite> = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} WHERE distro_series.distribution = ?1 ORDER BY suite.archive, distro_series.id, suite.id"
        ))
        .and_then(|mut statement| statement.query_map([distribution], from_row)?.collect())
        .during("list the suites")?;
    let mut suites: BTreeMap<ArchiveId, Vec<Suite>> = BTreeMap::new();
    for suite in all {
        suites.entry(suite.archive).or_default().push(suite);
    }
    for of_archive in suites.values_mut() {
        of_archive.sort_by_key(|suite| (suite.series, suite.name.pocket()));
    }
    Ok(suites)
}

/// The suite of a name.
///
/// # Errors
/// When there is none; it says which there are.
pub fn suite(db: &Connection, archive: ArchiveId, name: &SuiteName) -> Result<Suite, StoreError> {
    let all = suites_of(db, archive)?;
    let known = all.iter().map(|suite| suite.name.to_string()).collect();
    all.into_iter().find(|suite| suite.name == *name).ok_or_else(|| StoreError::Unknown {
        what: "suite",
        name: name.to_string(),
        known,
    })
}

/// Makes the suites that archives and series ask for and that are not there.
pub(super) fn create_missing_suites(
    tx: &Transaction<'_>,
    distribution: DistributionId,
) -> Result<(), StoreError> {
    for pocket in Pocket::ALL {
        tx.execute(
            "INSERT OR IGNORE INTO suite (archive, distro_series, pocket)
             SELECT archive.id, distro_series.id, ?2 FROM archive JOIN distro_series USING (distribution) WHERE distribution = ?1
             ORDER BY archive.id, distro_series.id",
            (distribution, pocket),
        )
        .during("add the suites")?;
    }
    Ok(())
}

/// Which suites are meant.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// All of an archive.
    Archive(ArchiveId),
    /// All of a series, in all archives.
    Series(SeriesId),
    /// One.
    Suite(SuiteId),
}

/// Makes suites fresh again: the next run publishes their indexes in full.
///
/// # Errors
/// When the database fails.
pub fn forget_indexes(tx: &Transaction<'_>, of: Of) -> Result<(), StoreError> {
    match of {
        Of::Archive(id) => {
            tx.execute("UPDATE suite SET indexes_wanted = indexes_wanted + 1 WHERE archive = ?1", [id])
        }
        Of::Series(id) => {
            tx.execute("UPDATE suite SET indexes_wanted = indexes_wanted + 1 WHERE distro_series = ?1", [id])
        }
        Of::Suite(id) => {
            tx.execute("UPDATE suite SET indexes_wanted = indexes_wanted + 1 WHERE id = ?1", [id])
        }
    }
    .map(|_| ())
    .during("mark the suites for a full publication")
}

/// Makes the Release files of suites due to be written and signed anew, which takes none of their indexes.
///
/// # Errors
/// When the database fails.
pub fn forget_release(tx: &Transaction<'_>, of: Of) -> Result<(), StoreError> {
    match of {
        Of::Archive(id) => {
            tx.execute("UPDATE suite SET release_wanted = release_wanted + 1 WHERE archive = ?1", [id])
        }
        Of::Series(id) => {
            tx.execute("UPDATE suite SET release_wanted = release_wanted + 1 WHERE distro_series = ?1", [id])
        }
        Of::Suite(id) => {
            tx.execute("UPDATE suite SET release_wanted = release_wanted + 1 WHERE id = ?1", [id])
        }
    }
    .map(|_| ())
    .during("mark the suites for a new Release")
}

/// Why a Release is written anew though nothing in its suite changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// Its `Valid-Until` comes near, or has passed.
    ValidUntil(Timestamp),
    /// It is for other keys than those that sign now.
    Keys,
}

impl std::fmt::Display for Renewal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ValidUntil(until) => write!(f, "its Release is valid until {until} only"),
            Self::Keys => f.write_str("its Release was signed for other keys"),
        }
    }
}

/// Why a suite has to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirt {
    /// The suite.
    pub suite: Suite,
    /// Its indexes were never published in full, or settings that show in them have changed.
    pub fresh: bool,
    /// Active publications never published, without those that wait for something else.
    pub pending: u64,
    /// Published ones that are to be removed.
    pub removals: u64,
    /// Custom uploads that are to be unpacked.
    pub customs: u64,
    /// Explicit marks, oldest first.
    pub marks: Vec<(DirtId, String)>,
    /// Binaries that wait until the rest of their source is built.
    pub held: u64,
    /// Changes that wait until somebody approves them.
    pub unapproved: u64,
    /// Its Release was asked for anew, its indexes were not.
    pub release_file: bool,
    /// Why its Release is written anew by itself. Who knows the clock and the keys fills this in: it is empty here.
    pub renewals: Vec<Renewal>,
    /// Only its Release may be written anew: what waits in it, waits on.
    pub only_release: bool,
}

/// One of the things for which a suite is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Its indexes are to be made in full.
    Fresh,
    /// So many publications wait.
    Pending(u64),
    /// So many published ones are to be removed.
    Removals(u64),
    /// So many custom uploads are to be unpacked.
    Customs(u64),
    /// Somebody has marked it, and said why.
    Mark(String),
    /// Its Release was asked for anew.
    Release,
    /// Its Release is written anew by itself.
    Renewal(Renewal),
    /// Something was published in it without domination.
    Domination,
}

impl Reason {
    /// In a word or two, for a table.
    #[must_use]
    pub fn short(&self) -> String {
        match self {
            Self::Fresh => "fresh".to_owned(),
            Self::Pending(_) => "pending".to_owned(),
            Self::Removals(_) => "removals".to_owned(),
            Self::Customs(_) => "custom uploads".to_owned(),
            Self::Mark(reason) => reason.clone(),
            Self::Release => "new Release".to_owned(),
            Self::Renewal(Renewal::ValidUntil(until)) => format!("valid until {until}"),
            Self::Renewal(Renewal::Keys) => "signed for other keys".to_owned(),
            Self::Domination => "not dominated".to_owned(),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fresh => {
                f.write_str("its indexes were not published yet, or show settings that have changed")
            }
            Self::Pending(count) => write!(f, "{count} publications are pending"),
            Self::Removals(count) => write!(f, "{count} publications are to be removed"),
            Self::Customs(count) => write!(f, "{count} custom uploads are to be unpacked"),
            Self::Mark(reason) => f.write_str(reason),
            Self::Release => {
                f.write_str("its Release shows settings that have changed, or it has other names")
            }
            Self::Renewal(renewal) => renewal.fmt(f),
            Self::Domination => f.write_str("something was published in it without domination"),
        }
    }
}

impl Dirt {
    /// A suite in which nothing waits.
    #[must_use]
    pub const fn clean(suite: Suite) -> Self {
        Self {
            suite,
            fresh: false,
            pending: 0,
            removals: 0,
            customs: 0,
            marks: Vec::new(),
            held: 0,
            unapproved: 0,
            release_file: false,
            renewals: Vec::new(),
            only_release: false,
        }
    }

    /// Why it is published, each reason once; none where it is clean.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        let Self {
            suite,
            fresh,
            pending,
            removals,
            customs,
            marks,
            release_file,
            renewals,
            only_release,
            ..
        } = self;
        let mut reasons = Vec::new();
        if !only_release {
            reasons.extend(fresh.then_some(Reason::Fresh));
            reasons.extend((*pending > 0).then_some(Reason::Pending(*pending)));
            reasons.extend((*removals > 0).then_some(Reason::Removals(*removals)));
            reasons.extend((*customs > 0).then_some(Reason::Customs(*customs)));
            reasons.extend(marks.iter().map(|(_, reason)| Reason::Mark(reason.clone())));
        }
        reasons.extend(release_file.then_some(Reason::Release));
        reasons.extend(renewals.iter().cloned().map(Reason::Renewal));
        reasons.extend(suite.domination_owed.then_some(Reason::Domination));
        reasons
    }

    /// Whether all its indexes have to be made, not only those of changed packages.
    #[must_use]
    pub const fn needs_all_indexes(&self) -> bool {
        self.fresh
    }

    /// Whether something waits in it, apart from its being fresh.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.pending > 0
            || self.removals > 0
            || self.customs > 0
            || !self.marks.is_empty()
            || self.suite.domination_owed
    }

    /// Whether there is anything.
    #[must_use]
    pub const fn is_dirty(&self) -> bool {
        self.fresh || self.waits() || self.needs_release()
    }

    /// Whether its Release has to be written anew, whatever becomes of its indexes.
    #[must_use]
    pub const fn needs_release(&self) -> bool {
        self.release_file || !self.renewals.is_empty() || !self.marks.is_empty()
    }

    /// How many changes it publishes.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.pending + self.removals + self.customs
    }
}

/// What waits in a suite (for an architecture that is off it does not count): "pending work" is an active row never published, whatever its status says.
/// What is held back, for the rest of its source or for somebody's word, is counted apart and makes no suite dirty.
///
/// # Errors
/// When the database fails.
pub fn dirt(db: &Connection, suite: Suite, now: Timestamp) -> Result<Dirt, StoreError> {
    let pending: u64 = db
        .prepare_cached(
            // an index by suite and name has all columns that are asked for, and SQLite would go through the suite; nor through what is pending in all others
            "SELECT (SELECT count(*) FROM source_package_publishing_history INDEXED BY source_publication_by_status
                     WHERE status = 'PENDING' AND suite = ?1)
                  + (SELECT count(*) FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_by_status
                     CROSS JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series
                     WHERE status = 'PENDING' AND suite = ?1 AND enabled)",
        )
        .and_then(|mut statement| statement.query_row([suite.id], |row| row.get(0)))
        .during("count what is pending")?;
    let marks = db
        .prepare_cached("SELECT id, reason FROM dirty_suite WHERE suite = ?1 ORDER BY id")
        .and_then(|mut statement| {
            statement.query_map([suite.id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("list the marks of a suite")?;
    let removals = removal::count_requested(db, suite.id)?;
    let customs = custom_publication::count_pending(db, suite.id)?;
    let held = source_group::held(db, &suite, now)?;
    let dirt = Dirt {
        fresh: suite.indexes_created < suite.indexes_wanted,
        // one that has no Release gets its first one with its indexes
        release_file: suite.release_created < suite.release_wanted && suite.release_date.is_some(),
        suite,
        pending,
        removals,
        customs,
        marks,
        held: 0,
        unapproved: 0,
        renewals: Vec::new(),
        only_release: false,
    };
    suite_hold::without_unapproved(db, dirt, &held)
}

/// Asks for a suite to be published although nothing of it is pending.
///
/// # Errors
/// When the database fails.
pub fn mark_dirty(
    tx: &Transaction<'_>,
    suite: SuiteId,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO dirty_suite (suite, reason, date_created) VALUES (?1, ?2, ?3)",
        (suite, reason, Date(now)),
    )
    .map(|_| ())
    .during("mark the suite")
}

/// The suite of a row.
///
/// # Errors
/// When the row is gone.
pub fn suite_by_id(db: &Connection, id: SuiteId) -> Result<Suite, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE suite.id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row))
        .during("find the suite")
}
