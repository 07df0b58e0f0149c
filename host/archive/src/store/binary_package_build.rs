//! `binary_package_build` and what was done to builds: a source, to be built for an architecture.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ArchitectureTag, BinaryName, FileName, SeriesName, SourceName};
use crate::domain::{
    AliasId, ArchSeriesId, ArchiveId, BuildId, BuildStatus, DebVersion, Pocket, Sha256, SourceReleaseId,
    SuiteId, SuiteName, UploadId,
};

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its row.
    pub id: BuildId,
    /// In which archive.
    pub archive: ArchiveId,
    /// For which suite.
    pub suite: SuiteId,
    /// Its name.
    pub suite_name: SuiteName,
    /// For which architecture of the series.
    pub arch_series: ArchSeriesId,
    /// Its name.
    pub architecture: ArchitectureTag,
    /// Of what.
    pub source: SourceReleaseId,
    /// Its name.
    pub source_name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// Whether it makes the packages for all architectures too.
    pub arch_indep: bool,
    /// How far it has come.
    pub status: BuildStatus,
    /// The highest is built first.
    pub score: i64,
    /// Whether a person has set the score.
    pub score_is_manual: bool,
    /// As the upload of the source says how much it hurries.
    pub urgency: String,
    /// Who builds it, or has built it.
    pub builder: Option<String>,
    /// What it waits for, in `MANUALDEPWAIT`.
    pub dependencies: Option<String>,
    /// What the builder wrote.
    pub build_log: Option<AliasId>,
    /// When it was made.
    pub date_created: Timestamp,
    /// When the builder has begun.
    pub date_started: Option<Timestamp>,
    /// When the builder has ended.
    pub date_finished: Option<Timestamp>,
}

const COLUMNS: &str = "build.id, build.archive, build.suite, distro_series.name, suite.pocket, build.distro_arch_series, architecture_tag,
    build.source_package_release, release.source_package_name, release.version, arch_indep, build.status, score, score_is_manual, urgency,
    builder, dependencies, build_log, build.date_created, date_started, date_finished
    FROM binary_package_build AS build
    JOIN suite ON suite.id = build.suite JOIN distro_series ON distro_series.id = suite.distro_series
    JOIN distro_arch_series ON distro_arch_series.id = build.distro_arch_series
    JOIN source_package_release AS release ON release.id = build.source_package_release";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Build> {
    let (series, pocket): (SeriesName, Pocket) = (row.get(3)?, row.get(4)?);
    Ok(Build {
        id: row.get(0)?,
        archive: row.get(1)?,
        suite: row.get(2)?,
        suite_name: SuiteName::new(series, pocket),
        arch_series: row.get(5)?,
        architecture: row.get(6)?,
        source: row.get(7)?,
        source_name: row.get(8)?,
        version: row.get(9)?,
        arch_indep: row.get(10)?,
        status: row.get(11)?,
        score: row.get(12)?,
        score_is_manual: row.get(13)?,
        urgency: row.get(14)?,
        builder: row.get(15)?,
        dependencies: row.get(16)?,
        build_log: row.get(17)?,
        date_created: row.get::<_, Date>(18)?.0,
        date_started: row.get::<_, Option<Date>>(19)?.map(|date| date.0),
        date_finished: row.get::<_, Option<Date>>(20)?.map(|date| date.0),
    })
}

/// A build to be made.
#[derive(Debug, Clone)]
pub struct NewBuild<'a> {
    /// In which archive.
    pub archive: ArchiveId,
    /// For which suite.
    pub suite: SuiteId,
    /// For which architecture.
    pub arch_series: ArchSeriesId,
    /// Of what.
    pub source: SourceReleaseId,
    /// Whether it makes the packages for all architectures too.
    pub arch_indep: bool,
    /// Where it begins.
    pub status: BuildStatus,
    /// The highest is built first.
    pub score: i64,
    /// As the upload says how much it hurries: a word of Policy 5.6.17.
    pub urgency: &'a str,
    /// Why it is made.
    pub comment: &'a str,
}

/// Adds a build, and the first line of what was done to it.
///
/// # Errors
/// When there is one of the source for this architecture, or the database fails.
pub fn add_build(tx: &Transaction<'_>, new: &NewBuild<'_>, now: Timestamp) -> Result<BuildId, StoreError> {
    let id = tx
        .prepare_cached(
            "INSERT INTO binary_package_build (archive, suite, distro_arch_series, source_package_release, arch_indep, status, score,
             urgency, date_created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .and_then(|mut statement| {
            statement.insert((
                new.archive,
                new.suite,
                new.arch_series,
                new.source,
                new.arch_indep,
                new.status,
                new.score,
                new.urgency,
                Date(now),
            ))
        })
        .map(BuildId)
        .during("add a build")?;
    let doer = super::package_upload::PUBLISHER;
    add_event(tx, id, (new.status, new.status), doer, new.comment, now)?;
    Ok(id)
}

/// The build of a row.
///
/// # Errors
/// When there is none, or the database fails.
pub fn build(db: &Connection, id: BuildId) -> Result<Build, StoreError> {
    let found = db
        .prepare_cached(&format!("SELECT {COLUMNS} WHERE build.id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find a build")?;
    match found {
        Some(build) => Ok(build),
        None => {
            let newest = builds(db, &Filter::default(), Order::Newest, KNOWN_BUILDS)?;
            let known = newest.iter().map(|build| build.id.to_string()).collect();
            Err(StoreError::Unknown { what: "build", name: id.to_string(), known })
        }
    }
}

/// So many builds are named to one who asks for another.
const KNOWN_BUILDS: u32 = 10;

/// The builds of a source in an archive, by architecture.
///
/// # Errors
/// When the database fails.
pub fn builds_of_source(
    db: &Connection,
    archive: ArchiveId,
    source: SourceReleaseId,
) -> Result<Vec<Build>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE build.source_package_release = ?1 AND build.archive = ?2 ORDER BY architecture_tag, build.id"
    ))
    .and_then(|mut statement| statement.query_map((source, archive), from_row)?.collect())
    .during("list the builds of a source")
}

/// Which builds are meant; what is none does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// In which archive.
    pub archive: Option<ArchiveId>,
    /// For which suite.
    pub suite: Option<SuiteId>,
    /// How far they have come; empty: it does not matter.
    pub statuses: &'a [BuildStatus],
    /// For which architecture.
    pub architecture: Option<&'a ArchitectureTag>,
    /// Of which source.
    pub source_name: Option<&'a SourceName>,
    /// At which builder.
    pub builder: Option<&'a str>,
}

/// In which order builds are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// That in which they are built: the highest score first.
    Score,
    /// The newest first.
    Newest,
}

/// Up to `limit` builds.
///
/// # Errors
/// When the database fails.
pub fn builds(
    db: &Connection,
    filter: &Filter<'_>,
    order: Order,
    limit: u32,
) -> Result<Vec<Build>, StoreError> {
    // each condition is written only where it is asked for, so that the indexes serve
    let mut sql = format!("SELECT {COLUMNS} WHERE 1");
    // and statuses as words, since the index of those that wait is of these alone
    let words: Vec<String> = filter.statuses.iter().map(|status| format!("'{status}'")).collect();
    let statuses = format!(" AND build.status IN ({})", words.join(", "));
    for (asked, condition) in [
        (filter.archive.is_some(), " AND build.archive = ?1"),
        (filter.suite.is_some(), " AND build.suite = ?2"),
        (filter.architecture.is_some(), " AND architecture_tag = ?3"),
        (filter.source_name.is_some(), " AND release.source_package_name = ?4"),
        (filter.builder.is_some(), " AND builder = ?5"),
        (!filter.statuses.is_empty(), &statuses),
    ] {
        sql.push_str(if asked { condition } else { "" });
    }
    // the numbers of parameters that are left out must be there all the same
    sql.push_str(" AND (?1 IS ?1 AND ?2 IS ?2 AND ?3 IS ?3 AND ?4 IS ?4 AND ?5 IS ?5) ORDER BY ");
    sql.push_str(match order {
        Order::Score => "score DESC, build.id",
        Order::Newest => "build.id DESC",
    });
    sql.push_str(" LIMIT ?6");
    db.prepare_cached(&sql)
        .and_then(|mut statement| {
            statement
                .query_map(
                    (
                        filter.archive,
                        filter.suite,
                        filter.architecture,
                        filter.source_name,
                        filter.builder,
                        limit,
                    ),
                    from_row,
                )?
                .collect()
        })
        .during("list builds")
}

/// The build whose turn it is on an architecture, in an archive or in any: the highest score first, and of equal ones the oldest.
///
/// # Errors
/// When the database fails.
pub fn next_waiting(
    db: &Connection,
    architecture: &ArchitectureTag,
    archive: Option<ArchiveId>,
) -> Result<Option<Build>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE build.status = 'NEEDSBUILD' AND architecture_tag = ?1 AND distro_arch_series.enabled
         AND (?2 IS NULL OR build.archive = ?2) AND build.archive IN (SELECT id FROM archive WHERE enabled)
         ORDER BY score DESC, build.id LIMIT 1"
    ))
    .and_then(|mut statement| statement.query_row((architecture, archive), from_row).optional())
    .during("find the build whose turn it is")
}

/// The versions of a package that a build can use: published for its architecture in its series, in its archive or the distribution's primary one.
///
/// # Errors
/// When the database fails.
pub fn published_versions(
    db: &Connection,
    build: &Build,
    name: &BinaryName,
) -> Result<Vec<DebVersion>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT release.version FROM suite AS own
         JOIN archive ON archive.id = own.archive
         JOIN archive AS other ON other.id = archive.id OR (other.distribution = archive.distribution AND other.purpose = 'PRIMARY')
         JOIN suite ON suite.archive = other.id AND suite.distro_series = own.distro_series
         JOIN binary_package_publishing_history AS publication
           ON publication.suite = suite.id AND publication.distro_arch_series = ?2 AND publication.binary_package_name = ?3
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         WHERE own.id = ?1 AND publication.status = 'PUBLISHED' ORDER BY release.version",
    )
    .and_then(|mut statement| {
        statement.query_map((build.suite, build.arch_series, name), |row| row.get(0))?.collect()
    })
    .during("look for what a build waits for")
}

/// The name of a builder's log, and its content.
///
/// # Errors
/// When the row is gone, or the database fails.
pub fn log_file(db: &Connection, log: AliasId) -> Result<(FileName, Sha256), StoreError> {
    db.prepare_cached(
        "SELECT alias.filename, content.sha256 FROM library_file_alias AS alias
         JOIN library_file_content AS content ON content.id = alias.content WHERE alias.id = ?1",
    )
    .and_then(|mut statement| statement.query_row([log], |row| Ok((row.get(0)?, row.get(1)?))))
    .during("find a builder's log")
}

/// What comes with a change of a build's status; what is left out stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Along<'a> {
    /// Who builds it now.
    pub builder: Option<&'a str>,
    /// What it waits for now.
    pub dependencies: Option<&'a str>,
    /// What the builder wrote.
    pub build_log: Option<AliasId>,
}

/// Brings a build from one status to another, and remembers who did it and why.
///
/// # Errors
/// When it is not in `from` any more, or the database fails.
pub fn change_status(
    tx: &Transaction<'_>,
    id: BuildId,
    (from, to): (BuildStatus, BuildStatus),
    along: Along<'_>,
    actor: &str,
    comment: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (begins, waits) = (to == BuildStatus::Building, to == BuildStatus::NeedsBuild);
    let ends = matches!(
        to,
        BuildStatus::FullyBuilt
            | BuildStatus::FailedToBuild
            | BuildStatus::ManualDepWait
            | BuildStatus::ChrootWait
            | BuildStatus::FailedToUpload
            | BuildStatus::Uploading
            | BuildStatus::Superseded
            | BuildStatus::Cancelled
    );
    // one that waits again knows nothing of its last builder, whose log stays until there is another
    let changed = tx
        .prepare_cached(
            "UPDATE binary_package_build SET status = ?3,
             builder = CASE WHEN ?4 THEN NULL ELSE coalesce(?5, builder) END,
             dependencies = CASE WHEN ?3 = 'MANUALDEPWAIT' THEN ?6 END,
             build_log = coalesce(?7, build_log),
             date_started = CASE WHEN ?8 THEN ?10 WHEN ?4 THEN NULL ELSE date_started END,
             date_finished = CASE WHEN ?9 THEN coalesce(date_finished, ?10) ELSE NULL END
             WHERE id = ?1 AND status = ?2",
        )
        .and_then(|mut statement| {
            statement.execute((
                id,
                from,
                to,
                waits,
                along.builder,
                along.dependencies,
                along.build_log,
                begins,
                ends,
                Date(now),
            ))
        })
        .during("change a build")?;
    if changed == 0 {
        let is = build(tx, id)?.status;
        return Err(StoreError::Refused(format!(
            "build {id} is {is}, not {from} any more: somebody else was faster, look at `pressroom build show {id}`"
        )));
    }
    add_event(tx, id, (from, to), actor, comment, now)
}

/// Gives a build a score; one that a person has set is not computed again.
///
/// # Errors
/// When the database fails.
pub fn set_score(tx: &Transaction<'_>, id: BuildId, score: i64, is_manual: bool) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE binary_package_build SET score = ?2, score_is_manual = ?3 WHERE id = ?1")
        .and_then(|mut statement| statement.execute((id, score, is_manual)))
        .map(|_| ())
        .during("score a build")
}

/// Adds a line to what was done to a build; with the same status twice, what was done changed none.
///
/// # Errors
/// When the database fails.
pub fn add_event(
    tx: &Transaction<'_>,
    id: BuildId,
    (old, new): (BuildStatus, BuildStatus),
    actor: &str,
    comment: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO binary_package_build_event (build, date_created, actor, old_status, new_status, comment)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut statement| statement.execute((id, Date(now), actor, old, new, comment)))
    .map(|_| ())
    .during("remember what was done to a build")
}

/// Something that was done to a build.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// When.
    pub date: Timestamp,
    /// Who.
    pub actor: String,
    /// What it was before.
    pub old_status: BuildStatus,
    /// What it was afterwards.
    pub new_status: BuildStatus,
    /// Why.
    pub comment: String,
}

/// What was done to a build, in order.
///
/// # Errors
/// When the database fails.
pub fn events_of(db: &Connection, id: BuildId) -> Result<Vec<Event>, StoreError> {
    db.prepare_cached(
        "SELECT date_created, actor, old_status, new_status, comment FROM binary_package_build_event WHERE build = ?1 ORDER BY id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([id], |row| {
                Ok(Event {
                    date: row.get::<_, Date>(0)?.0,
                    actor: row.get(1)?,
                    old_status: row.get(2)?,
                    new_status: row.get(3)?,
                    comment: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("list what was done to a build")
}

/// The uploads that brought what a build has made, in order, but for those that were rejected.
///
/// # Errors
/// When the database fails.
pub fn uploads_of(db: &Connection, id: BuildId) -> Result<Vec<UploadId>, StoreError> {
    db.prepare_cached(
        "SELECT upload.id FROM package_upload_build AS link JOIN package_upload AS upload ON upload.id = link.package_upload
         WHERE link.build = ?1 AND upload.status <> 'REJECTED' ORDER BY upload.id",
    )
    .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
    .during("list the uploads of a build")
}

/// Says of the binary packages of an upload which build has made them.
///
/// # Errors
/// When the database fails.
pub fn mark_binaries(tx: &Transaction<'_>, upload: UploadId, id: BuildId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE binary_package_release SET build = ?2 WHERE build IS NULL
         AND id IN (SELECT binary_package_release FROM package_upload_binary WHERE package_upload = ?1)",
    )
    .and_then(|mut statement| statement.execute((upload, id)))
    .map(|_| ())
    .during("say which build has made a package")
}
