//! Contests: publications of which not all stay in the indexes, as domination sees them.
//!
//! What takes part is what a suite has after a pass: the published rows whose removal nobody has asked for, and those that the pass publishes.
//! Rows that wait for another pass, or stay only until their removal is approved, take no part and count as there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::transition::Transition;
use super::{During, StoreError};
use crate::domain::name::SourceName;
use crate::domain::version::DebVersion;
use crate::domain::{
    ArchSeriesId, BinaryFormat, PackageKind, PackageReleaseId, PassId, PublicationId, PublicationStatus,
    SuiteId,
};

/// What every publication in a contest has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The row.
    pub publication: PublicationId,
    /// What it is a publication of.
    pub release: PackageReleaseId,
    /// Its version.
    pub version: DebVersion,
    /// What the row says now.
    pub status: PublicationStatus,
    /// When it was made; decides between equal versions.
    pub date_created: Timestamp,
    /// Whether it is in the indexes after the pass and is to stay; otherwise it waits, to be published or removed.
    pub takes_part: bool,
    /// Whether a restoration of a snapshot has put it there or left it there.
    pub is_restored: bool,
}

/// A source package in the archive: a name and a version have one content there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceVersion {
    /// `Source`.
    pub name: SourceName,
    /// `Version`.
    pub version: DebVersion,
}

/// A source in a contest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContestedSource {
    /// The row.
    pub candidate: Candidate,
    /// What it is.
    pub name: SourceName,
}

/// A binary in a contest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContestedBinary {
    /// The row.
    pub candidate: Candidate,
    /// In whose index.
    pub architecture: ArchSeriesId,
    /// Its name.
    pub name: String,
    /// Whether it is one for all architectures.
    pub is_for_all: bool,
    /// What kind of package it is.
    pub format: BinaryFormat,
    /// Whether it is given to a part of its users only.
    pub is_phased: bool,
    /// What it was built from.
    pub source: SourceVersion,
    /// Of debug symbols: whether the package that they are of is, or was, in the index in the same version.
    pub had_package: bool,
}

/// The ending of the names of debug symbols: `hello-dbgsym` are those of `hello`.
pub const DEBUG_ENDING: &str = "-dbgsym";

/// Where to begin to look for contests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Names of binaries.
    pub binaries: BTreeSet<String>,
    /// Names of sources.
    pub sources: BTreeSet<SourceName>,
    /// Sources of which a binary goes in any case.
    pub of_sources: BTreeSet<SourceVersion>,
}

const WHAT: &str = "list what competes";

/// What a pass has opened, by suite: the names that it publishes where the index has another publication, and what it deletes.
///
/// # Errors
/// When the database fails.
pub fn opened(db: &Connection, pass: PassId) -> Result<BTreeMap<SuiteId, Opened>, StoreError> {
    let mut opened: BTreeMap<SuiteId, Opened> = BTreeMap::new();
    let mut statement = db.prepare_cached(include_str!("opened_sources.sql")).during(WHAT)?;
    let mut rows = statement.query([pass]).during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let suite = row.get(0).during(WHAT)?;
        opened.entry(suite).or_default().sources.insert(row.get(1).during(WHAT)?);
    }
    let mut statement = db.prepare_cached(include_str!("opened_binaries.sql")).during(WHAT)?;
    let mut rows = statement.query([pass]).during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let suite = row.get(0).during(WHAT)?;
        let of_suite = opened.entry(suite).or_default();
        of_suite.binaries.insert(row.get(1).during(WHAT)?);
        if row.get::<_, bool>(2).during(WHAT)? {
            let source = SourceVersion { name: row.get(3).during(WHAT)?, version: row.get(4).during(WHAT)? };
            of_suite.of_sources.insert(source);
        }
    }
    Ok(opened)
}

/// Every name in a suite that has more than one publication in an index, and all debug symbols.
///
/// # Errors
/// When the database fails.
pub fn all_contested(db: &Connection, suite: SuiteId) -> Result<Opened, StoreError> {
    let sources = db
        .prepare_cached(
            "SELECT source_package_name FROM source_package_publishing_history
             WHERE suite = ?1 AND status IN ('PENDING', 'PUBLISHED') GROUP BY source_package_name HAVING count(*) > 1",
        )
        .and_then(|mut statement| statement.query_map([suite], |row| row.get(0))?.collect())
        .during(WHAT)?;
    let binaries = db
        .prepare_cached(
            "SELECT binary_package_name FROM binary_package_publishing_history
             WHERE suite = ?1 AND status IN ('PENDING', 'PUBLISHED') GROUP BY distro_arch_series, binary_package_name
             HAVING count(*) > 1 OR substr(binary_package_name, -7) = '-dbgsym'",
        )
        .and_then(|mut statement| statement.query_map([suite], |row| row.get(0))?.collect())
        .during(WHAT)?;
    Ok(Opened { binaries, sources, of_sources: BTreeSet::new() })
}

/// The suites of a pass that are judged in full: those whose indexes it makes in full, because they are new or settings have changed, and those in
/// which something was published without being judged.
///
/// # Errors
/// When the database fails.
pub fn suites_in_full(db: &Connection, pass: PassId) -> Result<Vec<SuiteId>, StoreError> {
    db.prepare_cached(
        "SELECT suite.id FROM publisher_pass_suite AS seen JOIN suite ON suite.id = seen.suite
         WHERE seen.publisher_pass = ?1 AND (suite.indexes_created < seen.indexes_wanted OR suite.domination_owed)
         AND NOT seen.only_release ORDER BY suite.id",
    )
    .and_then(|mut statement| statement.query_map([pass], |row| row.get(0))?.collect())
    .during("list the suites that are judged in full")
}

/// Takes note that a pass that has nothing to change has judged its suites all the same: what it owed, it does not owe any more.
///
/// # Errors
/// When the database fails.
pub fn nothing_is_owed(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE suite SET domination_owed = 0 WHERE domination_owed = 1 AND id IN (
           SELECT suite FROM publisher_pass_suite WHERE publisher_pass = ?1 AND NOT only_release AND NOT domination_left_out)",
        [pass],
    )
    .map(|_| ())
    .during("record that nothing was to be judged")
}

/// How many versions of a name stay in the archive of a pass.
///
/// # Errors
/// When the database fails.
pub fn versions_kept(db: &Connection, pass: PassId) -> Result<usize, StoreError> {
    db.prepare_cached(
        "SELECT keep_versions FROM publisher_pass JOIN archive ON archive.id = publisher_pass.archive WHERE publisher_pass.id = ?1",
    )
    .and_then(|mut statement| statement.query_row([pass], |row| row.get(0)))
    .during("read how many versions stay")
}

fn candidate(kind: PackageKind, row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        publication: row.get(0)?,
        release: PackageReleaseId::of(kind, row.get(1)?),
        version: row.get(2)?,
        status: row.get(3)?,
        date_created: row.get::<_, Date>(4)?.0,
        takes_part: row.get(5)?,
        is_restored: row.get(6)?,
    })
}

/// The active publications of a source name in a suite as the pass will leave it, by row.
///
/// # Errors
/// When the database fails.
pub fn sources_named(
    db: &Connection,
    pass: PassId,
    suite: SuiteId,
    name: &SourceName,
) -> Result<Vec<ContestedSource>, StoreError> {
    db.prepare_cached(include_str!("contested_sources.sql"))
        .and_then(|mut statement| {
            statement
                .query_map((pass, suite, name), |row| {
                    Ok(ContestedSource {
                        candidate: candidate(PackageKind::Source, row)?,
                        name: name.clone(),
                    })
                })?
                .collect()
        })
        .during(WHAT)
}

/// The active publications of a binary name in a suite as the pass will leave it, for all architectures, by row.
///
/// # Errors
/// When the database fails.
pub fn binaries_named(
    db: &Connection,
    pass: PassId,
    suite: SuiteId,
    name: &str,
) -> Result<Vec<ContestedBinary>, StoreError> {
    db.prepare_cached(include_str!("contested_binaries.sql"))
        .and_then(|mut statement| {
            statement
                .query_map((pass, suite, name), |row| {
                    Ok(ContestedBinary {
                        candidate: candidate(PackageKind::Binary, row)?,
                        architecture: row.get(7)?,
                        name: name.to_owned(),
                        is_for_all: row.get(8)?,
                        format: row.get(9)?,
                        is_phased: row.get(10)?,
                        source: SourceVersion { name: row.get(11)?, version: row.get(12)? },
                        had_package: row.get(13)?,
                    })
                })?
                .collect()
        })
        .during(WHAT)
}

/// The names of the active binaries of a source in a suite.
///
/// # Errors
/// When the database fails.
pub fn names_of_source(
    db: &Connection,
    suite: SuiteId,
    source: &SourceVersion,
) -> Result<Vec<String>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT release.binary_package_name
         FROM binary_package_release AS release INDEXED BY binary_package_release_by_source
         CROSS JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
           ON publication.binary_package_release = release.id
         WHERE release.source_package_name = ?2 AND release.source_version = ?3 AND publication.suite = ?1
         AND publication.status IN ('PENDING', 'PUBLISHED') ORDER BY release.binary_package_name",
    )
    .and_then(|mut statement| {
        statement.query_map((suite, &source.name, &source.version), |row| row.get(0))?.collect()
    })
    .during(WHAT)
}

/// The active binaries of the sources that a pass deletes, each with the publication of its source: they go with it, those that came after
/// somebody asked for it included. Not where the source stays by another publication.
///
/// # Errors
/// When the database fails.
pub fn binaries_of_deleted_sources(
    db: &Connection,
    pass: PassId,
) -> Result<Vec<(Transition, PublicationId)>, StoreError> {
    db.prepare_cached(include_str!("binaries_of_deleted_sources.sql"))
        .and_then(|mut statement| {
            statement
                .query_map([pass], |row| {
                    let transition = Transition {
                        kind: PackageKind::Binary,
                        publication: row.get(0)?,
                        from_status: row.get(1)?,
                        to_status: PublicationStatus::Deleted,
                        superseded_by: None,
                    };
                    Ok((transition, row.get(2)?))
                })?
                .collect()
        })
        .during("list the binaries of what is removed")
}

/// Says which publication of a source a planned deletion goes with.
///
/// # Errors
/// When the database fails.
pub fn delete_with(
    tx: &Transaction<'_>,
    pass: PassId,
    binary: PublicationId,
    source: PublicationId,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE publisher_transition SET deleted_with = ?3 WHERE publisher_pass = ?1 AND kind = 'BINARY' AND publication = ?2",
    )
    .and_then(|mut statement| statement.execute((pass, binary, source)))
    .map(|_| ())
    .during("record what the pass does")
}
