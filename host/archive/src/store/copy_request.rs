//! `package_copy_request` and what hangs on it: which packages somebody wants in a copy archive, and how far that has come.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, SourceName};
use crate::domain::{ArchiveId, ComponentId, CopyRequestId, CopyRequestStatus, SuiteId, SuiteName};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// Its row.
    pub id: CopyRequestId,
    /// From which archive.
    pub source_archive: ArchiveId,
    /// Into which.
    pub target_archive: ArchiveId,
    /// Whether binary packages come too.
    pub copy_binaries: bool,
    /// Whether sources are taken by name.
    pub only_named: bool,
    /// The package sets that these names are of, with blanks between.
    pub package_sets: String,
    /// Who asked for it.
    pub requester: String,
    /// Why.
    pub reason: String,
    /// How far it has come.
    pub status: CopyRequestStatus,
    /// Why it failed or was cancelled.
    pub status_message: String,
    /// When it was asked for.
    pub date_created: Timestamp,
    /// When it was begun.
    pub date_started: Option<Timestamp>,
    /// When it came to its end.
    pub date_completed: Option<Timestamp>,
}

const COLUMNS: &str = "id, source_archive, target_archive, copy_binaries, only_named, package_sets, requester, reason, status, status_message,
                       date_created, date_started, date_completed FROM package_copy_request";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<CopyRequest> {
    Ok(CopyRequest {
        id: row.get(0)?,
        source_archive: row.get(1)?,
        target_archive: row.get(2)?,
        copy_binaries: row.get(3)?,
        only_named: row.get(4)?,
        package_sets: row.get(5)?,
        requester: row.get(6)?,
        reason: row.get(7)?,
        status: row.get(8)?,
        status_message: row.get(9)?,
        date_created: row.get::<_, Date>(10)?.0,
        date_started: row.get::<_, Option<Date>>(11)?.map(|date| date.0),
        date_completed: row.get::<_, Option<Date>>(12)?.map(|date| date.0),
    })
}

/// A request that is made.
#[derive(Debug, Clone, Copy)]
pub struct NewCopyRequest<'a> {
    /// From which archive.
    pub source_archive: ArchiveId,
    /// Into which.
    pub target_archive: ArchiveId,
    /// Whether binary packages come too.
    pub copy_binaries: bool,
    /// From which suite to which, in order, each with the names that are wanted of it; none: all.
    pub suites: &'a [(SuiteId, SuiteId, Option<Vec<SourceName>>)],
    /// The package sets that the names are of, with blanks between.
    pub package_sets: &'a str,
    /// Only these components; none: all.
    pub components: &'a [ComponentId],
    /// Who asks for it.
    pub requester: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// Adds a request, which is NEW.
///
/// # Errors
/// When the database fails.
pub fn add_request(
    tx: &Transaction<'_>,
    new: &NewCopyRequest<'_>,
    now: Timestamp,
) -> Result<CopyRequestId, StoreError> {
    const WHAT: &str = "add a copy request";
    let only_named = new.suites.iter().any(|(_, _, names)| names.is_some());
    let id = tx
        .prepare_cached(
            "INSERT INTO package_copy_request (source_archive, target_archive, copy_binaries, only_named, package_sets, requester, reason,
             status, date_created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'NEW', ?8)",
        )
        .and_then(|mut statement| {
            statement.insert((
                new.source_archive,
                new.target_archive,
                new.copy_binaries,
                only_named,
                new.package_sets,
                new.requester,
                new.reason,
                Date(now),
            ))
        })
        .map(CopyRequestId)
        .during(WHAT)?;
    for (ordering, (from, to, names)) in (0_i64..).zip(new.suites) {
        tx.prepare_cached(
            "INSERT INTO package_copy_request_suite (request, ordering, from_suite, to_suite) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| statement.execute((id, ordering, from, to)))
        .during(WHAT)?;
        for name in names.iter().flatten() {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO package_copy_request_source (request, ordering, source_package_name) VALUES (?1, ?2, ?3)",
            )
            .and_then(|mut statement| statement.execute((id, ordering, name)))
            .during(WHAT)?;
        }
    }
    for component in new.components {
        tx.prepare_cached(
            "INSERT OR IGNORE INTO package_copy_request_component (request, component) VALUES (?1, ?2)",
        )
        .and_then(|mut statement| statement.execute((id, component)))
        .during(WHAT)?;
    }
    Ok(id)
}

/// The request of a row.
///
/// # Errors
/// When there is none, or the database fails.
pub fn request(db: &Connection, id: CopyRequestId) -> Result<CopyRequest, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find a copy request")?
        .ok_or_else(|| StoreError::Unknown { what: "copy request", name: id.to_string(), known: Vec::new() })
}

/// Which requests are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// All.
    All,
    /// Those about which something is still to be done.
    Open,
}

/// Requests in the order in which they were made.
///
/// # Errors
/// When the database fails.
pub fn requests(db: &Connection, listed: Listed) -> Result<Vec<CopyRequest>, StoreError> {
    let which = match listed {
        Listed::All => "",
        Listed::Open => "WHERE status IN ('NEW', 'INPROGRESS', 'CANCELING')",
    };
    db.prepare_cached(&format!("SELECT {COLUMNS} {which} ORDER BY id"))
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .during("list the copy requests")
}

/// The request that is still to bring something into an archive, if there is one.
///
/// # Errors
/// When the database fails.
pub fn open_request(db: &Connection, target: ArchiveId) -> Result<Option<CopyRequestId>, StoreError> {
    db.prepare_cached(
        "SELECT id FROM package_copy_request WHERE target_archive = ?1 AND status IN ('NEW', 'INPROGRESS', 'CANCELING') ORDER BY id LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row([target], |row| row.get(0)).optional())
    .during("look for a copy request")
}

/// Brings a request from one status to another.
///
/// # Errors
/// When it is not in `from` any more, or the database fails.
pub fn change_status(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    (from, to): (CopyRequestStatus, CopyRequestStatus),
    message: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let begins = to == CopyRequestStatus::InProgress;
    let changed = tx
        .prepare_cached(
            "UPDATE package_copy_request SET status = ?3, status_message = ?4, date_started = CASE WHEN ?5 THEN ?6 ELSE date_started END,
             date_completed = CASE WHEN ?7 THEN NULL ELSE ?6 END WHERE id = ?1 AND status = ?2",
        )
        .and_then(|mut statement| {
            statement.execute((id, from, to, message, begins, Date(now), to.is_open()))
        })
        .during("change a copy request")?;
    if changed == 0 {
        let is = request(tx, id)?.status;
        return Err(StoreError::Refused(format!(
            "copy request {id} is {is}, not {from} any more: somebody else was faster, look at `pressroom copy-request show {id}`"
        )));
    }
    Ok(())
}

/// A suite of a request, and what was done for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedSuite {
    /// Its place among those of the request.
    pub ordering: i64,
    /// From which suite.
    pub from: SuiteId,
    /// Its name.
    pub from_name: SuiteName,
    /// To which.
    pub to: SuiteId,
    /// Its name.
    pub to_name: SuiteName,
    /// Every name up to this one has been dealt with.
    pub last_name: String,
    /// Whether all have.
    pub is_done: bool,
    /// How much that was.
    pub done: Done,
}

/// How much was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Done {
    /// Sources that came in.
    pub sources: u64,
    /// Publications of binary packages that came in, one for each architecture.
    pub binaries: u64,
    /// Builds that were made.
    pub builds: u64,
    /// Sources, and names without one, of which nothing came: the same or something newer is there.
    pub left_alone: u64,
}

impl Done {
    /// With more of it.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            sources: self.sources + more.sources,
            binaries: self.binaries + more.binaries,
            builds: self.builds + more.builds,
            left_alone: self.left_alone + more.left_alone,
        }
    }
}

/// The suites of a request, in order.
///
/// # Errors
/// When the database fails.
pub fn suites_of(db: &Connection, id: CopyRequestId) -> Result<Vec<RequestedSuite>, StoreError> {
    db.prepare_cached(
        "SELECT ordering, from_suite, from_series.name, from_row.pocket, to_suite, to_series.name, to_row.pocket, last_name, is_done,
         sources, binaries, builds, left_alone FROM package_copy_request_suite AS requested
         JOIN suite AS from_row ON from_row.id = from_suite JOIN distro_series AS from_series ON from_series.id = from_row.distro_series
         JOIN suite AS to_row ON to_row.id = to_suite JOIN distro_series AS to_series ON to_series.id = to_row.distro_series
         WHERE request = ?1 ORDER BY ordering",
    )
    .and_then(|mut statement| {
        statement
            .query_map([id], |row| {
                Ok(RequestedSuite {
                    ordering: row.get(0)?,
                    from: row.get(1)?,
                    from_name: SuiteName::new(row.get(2)?, row.get(3)?),
                    to: row.get(4)?,
                    to_name: SuiteName::new(row.get(5)?, row.get(6)?),
                    last_name: row.get(7)?,
                    is_done: row.get(8)?,
                    done: Done {
                        sources: row.get(9)?,
                        binaries: row.get(10)?,
                        builds: row.get(11)?,
                        left_alone: row.get(12)?,
                    },
                })
            })?
            .collect()
    })
    .during("list the suites of a copy request")
}

/// The only components that a request wants, by name; none: all.
///
/// # Errors
/// When the database fails.
pub fn components_of(
    db: &Connection,
    id: CopyRequestId,
) -> Result<Vec<(ComponentId, ComponentName)>, StoreError> {
    db.prepare_cached(
        "SELECT component.id, component.name FROM package_copy_request_component AS wanted JOIN component ON component.id = wanted.component
         WHERE request = ?1 ORDER BY component.name",
    )
    .and_then(|mut statement| statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
    .during("list the components of a copy request")
}

/// The names that a request wants of one of its suites.
///
/// # Errors
/// When the database fails.
pub fn names_of(db: &Connection, id: CopyRequestId, ordering: i64) -> Result<Vec<SourceName>, StoreError> {
    db.prepare_cached(
        "SELECT source_package_name FROM package_copy_request_source WHERE request = ?1 AND ordering = ?2 ORDER BY source_package_name",
    )
    .and_then(|mut statement| statement.query_map((id, ordering), |row| row.get(0))?.collect())
    .during("list the sources of a copy request")
}

/// Writes down the sources of which a suite has live binary packages, when a request that takes all of them begins with that suite: to find them anew for
/// each batch would be to walk through the whole suite each time.
///
/// # Errors
/// When the database fails.
pub fn note_sources_of_binaries(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    suite: &RequestedSuite,
) -> Result<(), StoreError> {
    // from the suite to the releases, never the other way round: there are those of all archives
    tx.prepare_cached(
        "INSERT OR IGNORE INTO package_copy_request_source (request, ordering, source_package_name)
         SELECT DISTINCT ?1, ?2, release.source_package_name
         FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_by_status
         CROSS JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         WHERE publication.suite = ?3 AND publication.status IN ('PENDING', 'PUBLISHED')
         ORDER BY release.source_package_name",
    )
    .and_then(|mut statement| statement.execute((id, suite.ordering, suite.from)))
    .map(|_| ())
    .during("list what is to be copied")
}

/// Forgets what [`note_sources_of_binaries`] has written down.
///
/// # Errors
/// When the database fails.
pub fn forget_sources_of_binaries(tx: &Transaction<'_>, id: CopyRequestId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM package_copy_request_source WHERE request = ?1")
        .and_then(|mut statement| statement.execute([id]))
        .map(|_| ())
        .during("end a copy request")
}

/// The next names of a suite of a request after the last one that was dealt with, by name: those that were written down for it, and, where it does not take
/// single names, of sources that are live in the suite.
///
/// # Errors
/// When the database fails.
pub fn next_names(
    db: &Connection,
    request: &CopyRequest,
    suite: &RequestedSuite,
    limit: u32,
) -> Result<Vec<SourceName>, StoreError> {
    const WHAT: &str = "list what is to be copied";
    let after = suite.last_name.as_str();
    let mut names: Vec<SourceName> = db
        .prepare_cached(
            "SELECT source_package_name FROM package_copy_request_source
             WHERE request = ?1 AND ordering = ?2 AND source_package_name > ?3 ORDER BY source_package_name LIMIT ?4",
        )
        .and_then(|mut statement| {
            statement.query_map((request.id, suite.ordering, after, limit), |row| row.get(0))?.collect()
        })
        .during(WHAT)?;
    if request.only_named {
        return Ok(names);
    }
    let of_sources: Vec<SourceName> = db
        .prepare_cached(
            "SELECT DISTINCT source_package_name FROM source_package_publishing_history INDEXED BY source_publication_by_name
             WHERE suite = ?1 AND source_package_name > ?2 AND status IN ('PENDING', 'PUBLISHED')
             ORDER BY source_package_name LIMIT ?3",
        )
        .and_then(|mut statement| {
            statement.query_map((suite.from, after, limit), |row| row.get(0))?.collect()
        })
        .during(WHAT)?;
    names.extend(of_sources);
    // as SQLite compares them: byte by byte
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    names.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(names)
}

/// Remembers how far a request has come in a suite, and what was done for that.
///
/// # Errors
/// When the database fails.
pub fn record_progress(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    ordering: i64,
    last_name: &SourceName,
    more: Done,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE package_copy_request_suite SET last_name = ?3, sources = sources + ?4, binaries = binaries + ?5, builds = builds + ?6,
         left_alone = left_alone + ?7 WHERE request = ?1 AND ordering = ?2",
    )
    .and_then(|mut statement| {
        statement.execute((
            id,
            ordering,
            last_name,
            more.sources,
            more.binaries,
            more.builds,
            more.left_alone,
        ))
    })
    .map(|_| ())
    .during("remember how far a copy request has come")
}

/// Remembers that nothing of a suite is left for a request.
///
/// # Errors
/// When the database fails.
pub fn end_suite(tx: &Transaction<'_>, id: CopyRequestId, ordering: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE package_copy_request_suite SET is_done = 1 WHERE request = ?1 AND ordering = ?2",
    )
    .and_then(|mut statement| statement.execute((id, ordering)))
    .map(|_| ())
    .during("remember how far a copy request has come")
}

/// What could not be copied, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CopyProblem {
    /// To which suite.
    pub suite: SuiteName,
    /// As `hello 1.0`.
    pub package: String,
    /// The rule.
    pub check: String,
    /// Why, and what to do.
    pub message: String,
}

/// Remembers what could not be copied.
///
/// # Errors
/// When the database fails.
pub fn add_problem(
    tx: &Transaction<'_>,
    (id, suite): (CopyRequestId, SuiteId),
    (package, check, message): (&str, &str, &str),
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO package_copy_request_problem (request, to_suite, package, check_name, message) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .and_then(|mut statement| statement.execute((id, suite, package, check, message)))
    .map(|_| ())
    .during("remember what could not be copied")
}

/// What could not be copied for a request, in order.
///
/// # Errors
/// When the database fails.
pub fn problems_of(db: &Connection, id: CopyRequestId) -> Result<Vec<CopyProblem>, StoreError> {
    db.prepare_cached(
        "SELECT series.name, suite.pocket, package, check_name, message FROM package_copy_request_problem AS problem
         JOIN suite ON suite.id = problem.to_suite JOIN distro_series AS series ON series.id = suite.distro_series
         WHERE request = ?1 ORDER BY problem.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([id], |row| {
                Ok(CopyProblem {
                    suite: SuiteName::new(row.get(0)?, row.get(1)?),
                    package: row.get(2)?,
                    check: row.get(3)?,
                    message: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("list what could not be copied")
}
