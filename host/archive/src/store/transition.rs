//! `publisher_transition`: what a pass will do to publications, and which indexes and names that touches.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::indexed::{BinaryIndex, IndexKey};
use super::{During, StoreError};
use crate::domain::name::{ArchitectureTag, ComponentName, PackagePriority, Section, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{
    ComponentId, PackageKind, PackageReleaseId, PassId, PublicationId, PublicationStatus, SuiteId,
};

/// What a pass does to one publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Of which table.
    pub kind: PackageKind,
    /// The row.
    pub publication: PublicationId,
    /// What it is.
    pub from_status: PublicationStatus,
    /// What it becomes.
    pub to_status: PublicationStatus,
    /// The release that takes its place.
    pub superseded_by: Option<PackageReleaseId>,
}

/// Records what a pass will do. A later word on the same publication replaces an earlier one.
///
/// # Errors
/// When the database fails.
pub fn plan_transitions(
    tx: &Transaction<'_>,
    pass: PassId,
    transitions: &[Transition],
) -> Result<(), StoreError> {
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO publisher_transition (publisher_pass, kind, publication, from_status, to_status, superseded_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (publisher_pass, kind, publication) DO UPDATE SET
             to_status = excluded.to_status, superseded_by = excluded.superseded_by",
        )
        .during("record what the pass does")?;
    for one in transitions {
        statement
            .execute((
                pass,
                one.kind,
                one.publication,
                one.from_status,
                one.to_status,
                one.superseded_by.map(PackageReleaseId::row),
            ))
            .during("record what the pass does")?;
    }
    Ok(())
}

/// The indexes that the transitions of a pass touch, sorted.
///
/// # Errors
/// When the database fails.
pub fn touched_indexes(db: &Connection, pass: PassId) -> Result<Vec<IndexKey>, StoreError> {
    const WHAT: &str = "list the indexes that change";
    let mut keys: Vec<IndexKey> = db
        .prepare_cached(
            "SELECT DISTINCT publication.suite, publication.component FROM publisher_transition AS transition
             JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
             WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE'",
        )
        .and_then(|mut statement| {
            statement
                .query_map([pass], |row| {
                    Ok(IndexKey::Sources { suite: row.get(0)?, component: row.get(1)? })
                })?
                .collect()
        })
        .during(WHAT)?;
    let binaries: Vec<IndexKey> = db
        .prepare_cached(
            "SELECT DISTINCT publication.suite, publication.component, publication.distro_arch_series, release.bin_package_format
             FROM publisher_transition AS transition
             JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
             JOIN binary_package_release AS release ON release.id = publication.binary_package_release
             WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY'",
        )
        .and_then(|mut statement| {
            statement
                .query_map([pass], |row| {
                    Ok(IndexKey::Packages(BinaryIndex {
                        suite: row.get(0)?,
                        component: row.get(1)?,
                        architecture: row.get(2)?,
                        format: row.get(3)?,
                    }))
                })?
                .collect()
        })
        .during(WHAT)?;
    keys.extend(binaries);
    keys.sort();
    Ok(keys)
}

/// The names of packages that the transitions of a pass touch in an index, sorted.
///
/// # Errors
/// When the database fails.
pub fn touched_names(db: &Connection, pass: PassId, index: &IndexKey) -> Result<Vec<String>, StoreError> {
    const WHAT: &str = "list the packages that change in an index";
    // the plus keeps SQLite from going through every name of the suite instead of the transitions
    match index {
        IndexKey::Sources { suite, component } => db
            .prepare_cached(
                "SELECT DISTINCT publication.source_package_name FROM publisher_transition AS transition
                 JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
                 WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND +publication.suite = ?2
                 AND publication.component = ?3 ORDER BY publication.source_package_name",
            )
            .and_then(|mut statement| {
                statement.query_map((pass, suite, component), |row| row.get(0))?.collect()
            })
            .during(WHAT),
        IndexKey::Packages(BinaryIndex { suite, component, architecture, format }) => db
            .prepare_cached(
                "SELECT DISTINCT publication.binary_package_name FROM publisher_transition AS transition
                 JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
                 JOIN binary_package_release AS release ON release.id = publication.binary_package_release
                 WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND +publication.suite = ?2
                 AND publication.component = ?3 AND publication.distro_arch_series = ?4 AND release.bin_package_format = ?5
                 ORDER BY publication.binary_package_name",
            )
            .and_then(|mut statement| {
                statement
                    .query_map((pass, suite, component, architecture, format), |row| row.get(0))?
                    .collect()
            })
            .during(WHAT),
    }
}

/// The names of ordinary binary packages that the transitions of a pass touch in a component, on whichever architecture, sorted.
///
/// # Errors
/// When the database fails.
pub fn touched_on_any_architecture(
    db: &Connection,
    pass: PassId,
    suite: SuiteId,
    component: ComponentId,
) -> Result<Vec<String>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT publication.binary_package_name FROM publisher_transition AS transition
         JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND +publication.suite = ?2
         AND publication.component = ?3 AND release.bin_package_format = 'DEB' ORDER BY publication.binary_package_name",
    )
    .and_then(|mut statement| statement.query_map((pass, suite, component), |row| row.get(0))?.collect())
    .during("list the packages that change in a component")
}

/// How many publications a pass changes, by what they become.
///
/// # Errors
/// When the database fails.
pub fn transition_counts(
    db: &Connection,
    pass: PassId,
) -> Result<Vec<(PackageKind, PublicationStatus, u64)>, StoreError> {
    db.prepare_cached(
        "SELECT kind, to_status, count(*) FROM publisher_transition WHERE publisher_pass = ?1 GROUP BY kind, to_status
         ORDER BY kind DESC, to_status",
    )
    .and_then(|mut statement| {
        statement.query_map([pass], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    })
    .during("count what the pass does")
}

/// One line of what a pass does, in words: for hooks, for a plan, for a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NamedTransition {
    /// Source or binary.
    pub kind: PackageKind,
    /// What it becomes.
    pub to_status: PublicationStatus,
    /// The suite's row; its name is said beside.
    #[serde(skip)]
    pub suite: SuiteId,
    /// The component.
    pub component: ComponentName,
    /// `source`, or the index's architecture.
    pub architecture: ArchitectureTag,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
    /// Its source.
    pub source: SourceName,
}

/// The publications that a pass changes, in the order in which changes are told: by suite, kind (sources first), name, architecture, version.
///
/// # Errors
/// When the database fails.
pub fn changed_publications(
    db: &Connection,
    pass: PassId,
) -> Result<Vec<(PackageKind, PublicationId)>, StoreError> {
    db.prepare_cached(include_str!("changed_publications.sql"))
        .and_then(|mut statement| {
            statement.query_map([pass], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("list what a pass changes")
}

/// What a pass does to publications, in the order in which they are given. Those that it does not change are left out.
///
/// # Errors
/// When the database fails.
pub fn named_transitions(
    db: &Connection,
    pass: PassId,
    publications: &[(PackageKind, PublicationId)],
) -> Result<Vec<NamedTransition>, StoreError> {
    let mut transitions = Vec::with_capacity(publications.len());
    for (kind, publication) in publications {
        let sql = match kind {
            PackageKind::Source => include_str!("source_transition.sql"),
            PackageKind::Binary => include_str!("binary_transition.sql"),
        };
        let found = db
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement
                    .query_row((pass, publication), |row| {
                        Ok(NamedTransition {
                            kind: *kind,
                            to_status: row.get(0)?,
                            suite: row.get(1)?,
                            component: row.get(2)?,
                            architecture: row.get(3)?,
                            name: row.get(4)?,
                            version: row.get(5)?,
                            section: row.get(6)?,
                            priority: row.get(7)?,
                            source: row.get(8)?,
                        })
                    })
                    .optional()
            })
            .during("list what a pass changes")?;
        transitions.extend(found);
    }
    Ok(transitions)
}
