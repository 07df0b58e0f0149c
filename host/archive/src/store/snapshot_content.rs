//! What the indexes of a suite had in them when a snapshot was made, from the publishing histories; and the rows of a restoration.
//!
//! There is no list of packages beside a snapshot: each publication knows the pass that has brought it into the indexes and the one that has taken it out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::snapshot::Snapshot;
use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ArchitectureTag, ComponentName, FileName, PackagePriority, Section};
use crate::domain::version::DebVersion;
use crate::domain::{
    ArchSeriesId, ComponentId, PackageKind, PackageReleaseId, PassId, PublicationId, RestoreId, Sha256,
    SnapshotName, SuiteId,
};

/// A publication that was in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// Of which table.
    pub kind: PackageKind,
    /// The row.
    pub publication: PublicationId,
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// What and where, in every word that a stanza depends on.
    pub entry: Entry,
    /// `source`, or the index's architecture.
    pub architecture: ArchitectureTag,
    /// That architecture is published now; sources always are.
    pub architecture_is_enabled: bool,
    /// The component's name.
    pub component: ComponentName,
    /// Somebody wants it removed, or a restoration does.
    pub is_to_be_removed: bool,
    /// Who has asked for that, apart from restorations, and with which words.
    pub removal: Option<String>,
}

/// What makes a stanza what it is: two publications with the same are the same to a client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Which release.
    pub release: PackageReleaseId,
    /// In whose index; none for sources.
    pub architecture: Option<ArchSeriesId>,
    /// In which component.
    pub component: ComponentId,
    /// In which section.
    pub section: Option<String>,
    /// With which priority, of binaries.
    pub priority: Option<String>,
    /// To how many in a hundred, if not to all.
    pub phased: Option<u8>,
    /// Lines that the archive adds.
    pub extra_fields: Option<String>,
}

/// A moment in the life of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// After a pass, which was installed then.
    After(PassId, Timestamp),
    /// Now.
    Now,
}

impl From<&Snapshot> for Moment {
    fn from(snapshot: &Snapshot) -> Self {
        Self::After(snapshot.pass, snapshot.date_created)
    }
}

/// What was in the indexes of a suite, sources first, by name.
///
/// # Errors
/// When the database fails.
pub fn indexed(db: &Connection, suite: SuiteId, moment: Moment) -> Result<Vec<Indexed>, StoreError> {
    const WHAT: &str = "list what was in the indexes";
    let (pass, date) = match moment {
        Moment::After(pass, date) => (pass, date.as_microsecond()),
        Moment::Now => (PassId(i64::MAX), i64::MAX),
    };
    let source =
        "source".parse::<ArchitectureTag>().map_err(|error| StoreError::Refused(error.to_string()))?;
    let mut all = Vec::new();
    for (kind, sql) in [
        (PackageKind::Source, include_str!("snapshot_sources.sql")),
        (PackageKind::Binary, include_str!("snapshot_binaries.sql")),
    ] {
        let mut statement = db.prepare_cached(sql).during(WHAT)?;
        let rows = statement
            .query_map((suite, pass, date), |row| {
                let is_binary = kind == PackageKind::Binary;
                let section: Option<Section> = row.get(6)?;
                let priority: Option<PackagePriority> = if is_binary { row.get(13)? } else { None };
                Ok(Indexed {
                    kind,
                    publication: row.get(0)?,
                    name: row.get(2)?,
                    version: row.get(3)?,
                    entry: Entry {
                        release: PackageReleaseId::of(kind, row.get(1)?),
                        architecture: if is_binary { Some(row.get(10)?) } else { None },
                        component: row.get(4)?,
                        section: section.map(|section| section.to_string()),
                        priority: priority.map(|priority| priority.to_string()),
                        phased: if is_binary { row.get(14)? } else { None },
                        extra_fields: row.get(7)?,
                    },
                    architecture: if is_binary { row.get(11)? } else { source.clone() },
                    architecture_is_enabled: if is_binary { row.get(12)? } else { true },
                    component: row.get(5)?,
                    is_to_be_removed: row.get(8)?,
                    removal: row.get(9)?,
                })
            })
            .during(WHAT)?;
        for row in rows {
            all.push(row.during(WHAT)?);
        }
    }
    Ok(all)
}

/// The files of a release: with which content, unless the librarian has let it go.
///
/// # Errors
/// When the database fails.
pub fn files_of(
    db: &Connection,
    release: PackageReleaseId,
) -> Result<Vec<(FileName, Option<Sha256>)>, StoreError> {
    let of_release = match release.kind() {
        PackageKind::Source => {
            "SELECT library_file FROM source_package_release_file WHERE source_package_release = ?1"
        }
        PackageKind::Binary => "SELECT binary_package_file FROM binary_package_release WHERE id = ?1",
    };
    db.prepare_cached(&format!(
        "SELECT alias.filename, content.sha256 FROM library_file_alias AS alias
         LEFT JOIN library_file_content AS content ON content.id = alias.content
         WHERE alias.id IN ({of_release}) ORDER BY alias.filename"
    ))
    .and_then(|mut statement| {
        statement.query_map([release.row()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("find the files of a package")
}

// ---------------------------------------------------------------- restoring

/// What waits in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Of which table.
    pub kind: PackageKind,
    /// The row.
    pub publication: PublicationId,
    /// In words.
    pub said: String,
    /// An earlier restoration has made it wait, which this one takes the place of.
    pub is_of_a_restoration: bool,
}

/// What waits to be published in a suite, sources first, by row.
///
/// # Errors
/// When the database fails.
pub fn waiting(db: &Connection, suite: SuiteId) -> Result<Vec<Waiting>, StoreError> {
    const WHAT: &str = "list what waits in a suite";
    let mut all = Vec::new();
    for (kind, sql) in [
        (
            PackageKind::Source,
            "SELECT publication.id, publication.source_package_name || ' ' || release.version || ' (source)', publication.restored_by IS NOT NULL
             FROM source_package_publishing_history AS publication INDEXED BY source_publication_by_status
             JOIN source_package_release AS release ON release.id = publication.source_package_release
             WHERE publication.status = 'PENDING' AND publication.suite = ?1 ORDER BY publication.id",
        ),
        (
            PackageKind::Binary,
            "SELECT publication.id, publication.binary_package_name || ' ' || release.version || ' (' || architecture.architecture_tag || ')',
                    publication.restored_by IS NOT NULL
             FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_by_status
             JOIN binary_package_release AS release ON release.id = publication.binary_package_release
             JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series
             WHERE publication.status = 'PENDING' AND publication.suite = ?1 ORDER BY publication.id",
        ),
    ] {
        let mut statement = db.prepare_cached(sql).during(WHAT)?;
        let rows = statement
            .query_map([suite], |row| {
                Ok(Waiting {
                    kind,
                    publication: row.get(0)?,
                    said: row.get(1)?,
                    is_of_a_restoration: row.get(2)?,
                })
            })
            .during(WHAT)?;
        for row in rows {
            all.push(row.during(WHAT)?);
        }
    }
    Ok(all)
}

/// What is done to the rows of a suite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    /// Publications of the past that are made anew, and wait.
    pub again: Vec<(PackageKind, PublicationId)>,
    /// Publications of now that are to leave the indexes.
    pub leaving: Vec<(PackageKind, PublicationId)>,
    /// Publications of now that stay, and are not judged: beside others of their name, or some of their name change.
    pub staying: Vec<(PackageKind, PublicationId)>,
    /// Publications of now whose removal somebody has asked for, and that stay.
    pub reprieved: Vec<(PackageKind, PublicationId)>,
    /// Publications that wait, and wait no more.
    pub withdrawn: Vec<(PackageKind, PublicationId)>,
}

/// Who restores what, and why.
#[derive(Debug, Clone, Copy)]
pub struct Restoration<'a> {
    /// Which suite.
    pub suite: SuiteId,
    /// To which snapshot.
    pub name: &'a SnapshotName,
    /// Who.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Also where nothing changes otherwise.
    pub allow_stable: bool,
}

const fn history(kind: PackageKind) -> &'static str {
    match kind {
        PackageKind::Source => "source_package_publishing_history",
        PackageKind::Binary => "binary_package_publishing_history",
    }
}

const fn copied(kind: PackageKind) -> &'static str {
    match kind {
        PackageKind::Source => {
            "suite, source_package_release, source_package_name, component, section, extra_fields"
        }
        PackageKind::Binary => {
            "suite, distro_arch_series, binary_package_release, binary_package_name, component, section, priority,
             phased_update_percentage, extra_fields"
        }
    }
}

/// Writes down what is to be restored: the next pass over the suite carries it out. In a suite that needs approval this is one.
///
/// # Errors
/// When the database fails.
pub fn restore(
    tx: &Transaction<'_>,
    restoration: &Restoration<'_>,
    steps: &Steps,
    now: Timestamp,
) -> Result<RestoreId, StoreError> {
    const WHAT: &str = "restore a snapshot";
    let Restoration { suite, name, actor, reason, allow_stable } = *restoration;
    let id: RestoreId = tx
        .prepare_cached(
            "INSERT INTO snapshot_restore (suite, name, actor, comment, allow_stable, date_created) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
        )
        .and_then(|mut statement| {
            statement.query_row((suite, name, actor, reason, allow_stable, Date(now)), |row| row.get(0))
        })
        .during(WHAT)?;
    for (kind, publication) in &steps.withdrawn {
        tx.prepare_cached(&format!(
            "UPDATE {} SET status = 'DELETED', date_superseded = ?2, removed_by = ?3, removal_comment = ?4 WHERE id = ?1 AND status = 'PENDING'",
            history(*kind)
        ))
        .and_then(|mut statement| statement.execute((publication, Date(now), actor, reason)))
        .during(WHAT)?;
    }
    for (kind, publication) in &steps.reprieved {
        tx.prepare_cached(&format!(
            "UPDATE {} SET removed_by = NULL, removal_comment = NULL, left_out_by = NULL WHERE id = ?1 AND status = 'PUBLISHED'",
            history(*kind)
        ))
        .and_then(|mut statement| statement.execute([publication]))
        .during(WHAT)?;
    }
    for (kind, publication) in &steps.leaving {
        // who has asked for it before has asked for it
        tx.prepare_cached(&format!(
            "UPDATE {} SET removal_comment = CASE WHEN removed_by IS NULL OR left_out_by IS NOT NULL THEN ?3 ELSE removal_comment END,
             removed_by = CASE WHEN removed_by IS NULL OR left_out_by IS NOT NULL THEN ?2 ELSE removed_by END,
             left_out_by = ?4, restored_by = NULL WHERE id = ?1 AND status = 'PUBLISHED'",
            history(*kind)
        ))
        .and_then(|mut statement| statement.execute((publication, actor, reason, id)))
        .during(WHAT)?;
    }
    for (kind, publication) in &steps.staying {
        tx.prepare_cached(&format!("UPDATE {} SET restored_by = ?2 WHERE id = ?1", history(*kind)))
            .and_then(|mut statement| statement.execute((publication, id)))
            .during(WHAT)?;
    }
    for (kind, publication) in &steps.again {
        let (history, copied) = (history(*kind), copied(*kind));
        tx.prepare_cached(&format!(
            "INSERT INTO {history} ({copied}, status, date_created, creator, ancestor, restored_by)
             SELECT {copied}, 'PENDING', ?2, ?3, id, ?4 FROM {history} WHERE id = ?1"
        ))
        .and_then(|mut statement| statement.execute((publication, Date(now), actor, id)))
        .during(WHAT)?;
    }
    for (kind, what, condition) in [
        (PackageKind::Source, "SOURCE", "status = 'PENDING' AND restored_by = ?2"),
        (PackageKind::Binary, "BINARY", "status = 'PENDING' AND restored_by = ?2"),
        (
            PackageKind::Source,
            "SOURCE-REMOVAL",
            "status = 'PUBLISHED' AND removed_by IS NOT NULL AND left_out_by = ?2",
        ),
        (
            PackageKind::Binary,
            "BINARY-REMOVAL",
            "status = 'PUBLISHED' AND removed_by IS NOT NULL AND left_out_by = ?2",
        ),
    ] {
        tx.execute(
            &format!(
                "INSERT OR IGNORE INTO approved_change (suite, kind, change)
                 SELECT suite, ?3, id FROM {} WHERE suite = ?1 AND {condition}
                 AND (SELECT approval_required FROM suite WHERE id = ?1) ORDER BY id",
                history(kind)
            ),
            (suite, id, what),
        )
        .during(WHAT)?;
    }
    Ok(id)
}

/// Whether all that waits in a suite is of a restoration that may change it although nothing changes there otherwise.
///
/// # Errors
/// When the database fails.
pub fn is_allowed_to_change(db: &Connection, suite: SuiteId) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (
           SELECT 1 FROM snapshot_restore AS restore WHERE restore.suite = ?1 AND restore.allow_stable
           AND restore.id = (SELECT max(id) FROM snapshot_restore WHERE suite = ?1)
           AND NOT EXISTS (SELECT 1 FROM source_package_publishing_history INDEXED BY source_publication_by_status
             WHERE status = 'PENDING' AND suite = ?1 AND restored_by IS NOT restore.id)
           AND NOT EXISTS (SELECT 1 FROM binary_package_publishing_history INDEXED BY binary_publication_by_status
             WHERE status = 'PENDING' AND suite = ?1 AND restored_by IS NOT restore.id)
           AND NOT EXISTS (SELECT 1 FROM source_package_publishing_history INDEXED BY source_publication_to_remove
             WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL AND suite = ?1 AND left_out_by IS NOT restore.id)
           AND NOT EXISTS (SELECT 1 FROM binary_package_publishing_history INDEXED BY binary_publication_to_remove
             WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL AND suite = ?1 AND left_out_by IS NOT restore.id)
           AND NOT EXISTS (SELECT 1 FROM custom_publication WHERE suite = ?1 AND status = 'PENDING'))",
    )
    .and_then(|mut statement| statement.query_row([suite], |row| row.get(0)))
    .during("ask what waits in a suite")
}

/// Takes out of what a pass does the removals of a restoration of which something waits that the pass does not publish: a package does not go before what was there
/// instead has come. How many. It costs what the pass removes and what waits, each once, however much that is.
///
/// # Errors
/// When the database fails.
pub fn withhold_removals(tx: &Transaction<'_>, pass: PassId) -> Result<usize, StoreError> {
    const WHAT: &str = "keep what is to be replaced by what waits";
    let mut restorations: BTreeSet<(RestoreId, SuiteId)> = BTreeSet::new();
    for kind in [PackageKind::Source, PackageKind::Binary] {
        let mut statement = tx
            .prepare_cached(&format!(
                "SELECT DISTINCT publication.left_out_by, publication.suite FROM publisher_transition AS transition
                 CROSS JOIN {} AS publication ON publication.id = transition.publication
                 WHERE transition.publisher_pass = ?1 AND transition.kind = ?2 AND transition.to_status = 'DELETED'
                 AND publication.left_out_by IS NOT NULL",
                history(kind)
            ))
            .during(WHAT)?;
        let rows = statement.query_map((pass, kind), |row| Ok((row.get(0)?, row.get(1)?))).during(WHAT)?;
        for row in rows {
            restorations.insert(row.during(WHAT)?);
        }
    }
    let mut withheld = 0;
    for (restoration, suite) in restorations {
        if !waits_beyond(tx, pass, restoration, suite)? {
            continue;
        }
        for kind in [PackageKind::Source, PackageKind::Binary] {
            withheld += tx
                .prepare_cached(&format!(
                    "DELETE FROM publisher_transition WHERE publisher_pass = ?1 AND kind = ?2 AND to_status = 'DELETED' AND EXISTS (
                       SELECT 1 FROM {} AS publication
                       WHERE publication.id = publisher_transition.publication AND publication.left_out_by = ?3 AND publication.suite = ?4)",
                    history(kind)
                ))
                .and_then(|mut statement| statement.execute((pass, kind, restoration, suite)))
                .during(WHAT)?;
        }
    }
    Ok(withheld)
}

/// Whether something of a restoration waits in its suite that a pass does not publish.
fn waits_beyond(
    db: &Connection,
    pass: PassId,
    restoration: RestoreId,
    suite: SuiteId,
) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (
           SELECT 1 FROM source_package_publishing_history AS other INDEXED BY source_publication_by_status
           WHERE other.status = 'PENDING' AND other.suite = ?3 AND other.restored_by = ?2
           AND NOT EXISTS (SELECT 1 FROM publisher_transition AS transition
             WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.publication = other.id))
         OR EXISTS (
           SELECT 1 FROM binary_package_publishing_history AS other INDEXED BY binary_publication_by_status
           CROSS JOIN distro_arch_series AS architecture ON architecture.id = other.distro_arch_series AND architecture.enabled
           WHERE other.status = 'PENDING' AND other.suite = ?3 AND other.restored_by = ?2
           AND NOT EXISTS (SELECT 1 FROM publisher_transition AS transition
             WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.publication = other.id))",
    )
    .and_then(|mut statement| statement.query_row((pass, restoration, suite), |row| row.get(0)))
    .during("ask what waits of a restoration")
}
