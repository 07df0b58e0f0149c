//! `archive`: the repositories of a distribution.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::distribution::{self, Distribution};
use super::sql::Date;
use super::{During, StoreError, copy_request, suite};
use crate::domain::name::ComponentName;
use crate::domain::{
    ArchiveId, ArchivePurpose, ArchiveReference, DistributionId, IndexEngine, PRIMARY_ARCHIVE_NAME,
    PersonName, Publisher, ReleaseText, SignedBy, SignedByError,
};

/// An archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its row.
    pub id: ArchiveId,
    /// Its distribution's row.
    pub distribution: DistributionId,
    /// How it is named.
    pub reference: ArchiveReference,
    /// What it is for.
    pub purpose: ArchivePurpose,
    /// As people write it.
    pub display_name: String,
    /// A sentence for people.
    pub description: String,
    /// `Origin` of its Release files; empty: the distribution's display name.
    pub origin: String,
    /// `Label` of its Release files; empty: as `Origin`.
    pub label: String,
    /// Whether packages may come in.
    pub enabled: bool,
    /// Whether runs publish it.
    pub publish: bool,
    /// Whether what is in it is not for everybody.
    pub private: bool,
    /// How much may be in it, in MiB; none: any amount.
    pub authorized_size_mib: Option<u64>,
    /// What its builds get on top of their score.
    pub relative_build_score: i64,
    /// `Signed-By` of its Release files.
    pub signed_by: SignedBy,
    /// `Changelogs` of its Release files: where clients read changelogs, with `@CHANGEPATH@`; empty: there is none.
    pub changelogs: String,
    /// `Snapshots` of its Release files: where clients find it as it was, with `@SNAPSHOTID@`; empty: there is none.
    pub snapshots: String,
    /// What makes its Packages and Sources.
    pub index_engine: IndexEngine,
}

impl Archive {
    /// How many bytes may be in it; none: any amount.
    #[must_use]
    pub fn quota_bytes(&self) -> Option<u64> {
        self.authorized_size_mib.map(|mebibytes| mebibytes.saturating_mul(1 << 20))
    }
}

impl Archive {
    /// Who publishes it.
    #[must_use]
    pub const fn publisher(&self) -> Publisher {
        Publisher::of(self.purpose, self.private)
    }

    /// Whether runs publish it. A copy that takes nothing in is not published either: it is being filled, or nobody wants it yet.
    #[must_use]
    pub const fn is_published(&self) -> bool {
        self.publish && (self.enabled || !matches!(self.purpose, ArchivePurpose::Copy))
    }
}

const COLUMNS: &str = "archive.id, distribution.id, distribution.name, archive.name, purpose, archive.display_name, description, origin, \
                       label, enabled, publish, owner, private, authorized_size, relative_build_score, signed_by, changelogs, snapshots, \
                       index_engine \
                       FROM archive JOIN distribution ON distribution.id = archive.distribution";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Archive> {
    let name: ComponentName = row.get(3)?;
    let owner = Some(row.get::<_, String>(11)?).filter(|owner| !owner.is_empty());
    let owner: Option<PersonName> = owner.map(|owner| owner.parse()).transpose().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(11, rusqlite::types::Type::Text, Box::new(error))
    })?;
    let distribution = row.get(2)?;
    Ok(Archive {
        id: row.get(0)?,
        distribution: row.get(1)?,
        reference: match owner {
            None => ArchiveReference::named(distribution, name),
            Some(owner) => ArchiveReference::ppa(owner, distribution, name),
        },
        purpose: row.get(4)?,
        display_name: row.get(5)?,
        description: row.get(6)?,
        origin: row.get(7)?,
        label: row.get(8)?,
        enabled: row.get(9)?,
        publish: row.get(10)?,
        private: row.get(12)?,
        authorized_size_mib: row.get(13)?,
        relative_build_score: row.get(14)?,
        signed_by: row.get::<_, String>(15)?.parse().map_err(|error: SignedByError| {
            rusqlite::Error::FromSqlConversionFailure(15, rusqlite::types::Type::Text, Box::new(error))
        })?,
        changelogs: row.get(16)?,
        snapshots: row.get(17)?,
        index_engine: row.get(18)?,
    })
}

/// The archives of a distribution, the primary one first, then by name.
///
/// # Errors
/// When the database fails.
pub fn archives(db: &Connection, distribution: DistributionId) -> Result<Vec<Archive>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE archive.distribution = ?1 ORDER BY purpose <> 'PRIMARY', owner, archive.name"
    ))
    .and_then(|mut statement| statement.query_map([distribution], from_row)?.collect())
    .during("list the archives")
}

/// The archive of a reference.
///
/// # Errors
/// When there is none; it says which there are.
pub fn archive(db: &Connection, reference: &ArchiveReference) -> Result<Archive, StoreError> {
    let distribution = distribution::distribution(db, reference.distribution())?;
    let all = archives(db, distribution.id)?;
    let known = all.iter().map(|archive| archive.reference.to_string()).collect();
    all.into_iter().find(|archive| archive.reference == *reference).ok_or_else(|| StoreError::Unknown {
        what: "archive",
        name: reference.to_string(),
        known,
    })
}

/// Adds an archive, with a suite for every pocket of every series that there is.
///
/// # Errors
/// When it exists, or its folder would be another archive's; when it is somebody's and not a PPA, or the other way round, or there is no such
/// person.
pub fn create_archive(
    tx: &Transaction<'_>,
    distribution: &Distribution,
    reference: &ArchiveReference,
    purpose: ArchivePurpose,
    display_name: &str,
    now: Timestamp,
) -> Result<ArchiveId, StoreError> {
    if archives(tx, distribution.id)?.iter().any(|archive| archive.reference == *reference) {
        return Err(StoreError::Exists { what: "archive", name: reference.to_string() });
    }
    if (purpose == ArchivePurpose::Ppa) != reference.owner().is_some() {
        return Err(StoreError::Refused(format!(
            "{reference} cannot be a {purpose} archive: a PPA, and nothing else, is somebody's and named ~OWNER/DISTRIBUTION/NAME"
        )));
    }
    if let Some(owner) = reference.owner() {
        super::person::person(tx, owner)?;
    }
    refuse_shared_folder(tx, reference)?;
    let owner = reference.owner().map_or("", PersonName::as_str);
    let id = tx
        .prepare_cached(
            "INSERT INTO archive (distribution, purpose, owner, name, display_name, date_created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
        )
        .and_then(|mut statement| {
            statement.query_row(
                (distribution.id, purpose, owner, reference.name(), display_name, Date(now)),
                |row| row.get(0),
            )
        })
        .during("add the archive")?;
    suite::create_missing_suites(tx, distribution.id)?;
    Ok(id)
}

/// Folders beside an archive's folder that are not archives: see `dists::ArchivePaths`.
const RESERVED_NAMES: [&str; 4] = ["staging", "overrides", "cache", "misc"];

/// `debian/partner` and the primary archive of `debian-partner` would both be served from `debian-partner`.
fn refuse_shared_folder(tx: &Transaction<'_>, reference: &ArchiveReference) -> Result<(), StoreError> {
    let folder = reference.folder();
    let is_primary = reference.name() == PRIMARY_ARCHIVE_NAME && reference.owner().is_none();
    if !is_primary && RESERVED_NAMES.iter().any(|name| folder.ends_with(&format!("-{name}"))) {
        return Err(StoreError::Refused(format!(
            "an archive cannot be named {}: the folder {folder} is used by the publisher",
            reference.name()
        )));
    }
    for distribution in distribution::distributions(tx)? {
        for other in archives(tx, distribution.id)? {
            if other.reference.folder() == folder {
                return Err(StoreError::Refused(format!(
                    "{reference} would be served from the folder {folder}, which is {}'s: choose another name",
                    other.reference
                )));
            }
        }
    }
    Ok(())
}

/// Which settings of an archive to change; those left out stay.
#[derive(Debug, Clone, Default)]
pub struct ArchiveChange {
    /// As people write it.
    pub display_name: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// `Origin` of the Release files.
    pub origin: Option<ReleaseText>,
    /// `Label` of the Release files.
    pub label: Option<ReleaseText>,
    /// Whether packages may come in.
    pub enabled: Option<bool>,
    /// Whether runs publish it.
    pub publish: Option<bool>,
    /// Whether what is in it is not for everybody.
    pub private: Option<bool>,
    /// How much may be in it, in MiB; `Some(None)`: any amount.
    pub authorized_size_mib: Option<Option<u64>>,
    /// What its builds get on top of their score.
    pub relative_build_score: Option<i64>,
    /// `Signed-By` of the Release files.
    pub signed_by: Option<SignedBy>,
    /// `Changelogs` of the Release files; empty: none.
    pub changelogs: Option<ReleaseText>,
    /// `Snapshots` of the Release files; empty: none.
    pub snapshots: Option<ReleaseText>,
    /// What makes its Packages and Sources.
    pub index_engine: Option<IndexEngine>,
}

/// Changes an archive. What stands in its Release files makes its suites due for a full publication.
///
/// # Errors
/// When the database fails.
pub fn change_archive(
    tx: &Transaction<'_>,
    archive: &Archive,
    change: &ArchiveChange,
) -> Result<(), StoreError> {
    for (field, text, word) in
        [("Changelogs", &change.changelogs, "@CHANGEPATH@"), ("Snapshots", &change.snapshots, "@SNAPSHOTID@")]
    {
        let is_fit = |text: &str| {
            ["", "no"].contains(&text) || (text.contains(word) && !text.contains(char::is_whitespace))
        };
        if let Some(text) = text.as_ref().filter(|text| !is_fit(text.as_str())) {
            return Err(StoreError::Refused(format!(
                "{text} cannot be {field}: give a URL with {word} in it, no, or nothing"
            )));
        }
    }
    // apt takes what comes of it as the address of an archive, as it stands, and puts `dists/` behind it
    if let Some(text) = change.snapshots.as_ref().map(ReleaseText::as_str)
        && text.contains("@SNAPSHOTID@")
        && !text.ends_with('/')
    {
        return Err(StoreError::Refused(format!(
            "{text} cannot be Snapshots: clients ask for {text}dists, so it has to end in a slash: {text}/"
        )));
    }
    if change.enabled == Some(true)
        && !archive.enabled
        && let Some(request) = copy_request::open_request(tx, archive.id)?
    {
        return Err(StoreError::Refused(format!(
            "{} is being filled: `pressroom copy-request process {request}` goes on with that, `pressroom copy-request cancel {request}` ends it",
            archive.reference
        )));
    }
    if change.private.is_some_and(|private| private != archive.private) && has_content(tx, archive.id)? {
        return Err(StoreError::Refused(format!(
            "{} has packages already, so it stays {}: make another archive, and copy what is wanted into it with `pressroom copy`",
            archive.reference,
            if archive.private { "private" } else { "open to everybody" }
        )));
    }
    let differs = |new: &Option<ReleaseText>, old: &str| new.as_ref().is_some_and(|new| new.as_str() != old);
    // it lies elsewhere then, where a pass that is under way does not publish it
    let moves = change.private.is_some_and(|private| private != archive.private);
    let shown = moves
        || differs(&change.origin, &archive.origin)
        || differs(&change.label, &archive.label)
        || change.index_engine.is_some_and(|engine| engine != archive.index_engine);
    tx.execute(
        "UPDATE archive SET display_name = coalesce(?2, display_name), description = coalesce(?3, description),
         origin = coalesce(?4, origin), label = coalesce(?5, label), enabled = coalesce(?6, enabled), publish = coalesce(?7, publish),
         private = coalesce(?8, private), authorized_size = CASE WHEN ?9 THEN ?10 ELSE authorized_size END,
         relative_build_score = coalesce(?11, relative_build_score), signed_by = coalesce(?12, signed_by),
         changelogs = coalesce(?13, changelogs), snapshots = coalesce(?14, snapshots),
         index_engine = coalesce(?15, index_engine) WHERE id = ?1",
        rusqlite::params![
            archive.id,
            &change.display_name,
            &change.description,
            change.origin.as_ref().map(ReleaseText::as_str),
            change.label.as_ref().map(ReleaseText::as_str),
            change.enabled,
            change.publish,
            change.private,
            change.authorized_size_mib.is_some(),
            change.authorized_size_mib.flatten(),
            change.relative_build_score,
            change.signed_by.as_ref().map(ToString::to_string),
            change.changelogs.as_ref().map(ReleaseText::as_str),
            change.snapshots.as_ref().map(ReleaseText::as_str),
            change.index_engine,
        ],
    )
    .during("change the archive")?;
    if shown {
        suite::forget_indexes(tx, suite::Of::Archive(archive.id))?;
    }
    let after = archive_by_id(tx, archive.id)?;
    let of = |archive: &Archive| {
        (archive.signed_by.clone(), archive.changelogs.clone(), archive.snapshots.clone())
    };
    if of(&after) != of(archive) {
        suite::forget_release(tx, suite::Of::Archive(archive.id))?;
    }
    Ok(())
}

/// Whether an archive has or had packages, or was published.
fn has_content(db: &Connection, archive: ArchiveId) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM suite WHERE archive = ?1 AND date_last_published IS NOT NULL)
             OR EXISTS (SELECT 1 FROM suite JOIN source_package_publishing_history AS source ON source.suite = suite.id WHERE suite.archive = ?1)
             OR EXISTS (SELECT 1 FROM suite JOIN binary_package_publishing_history AS binary ON binary.suite = suite.id WHERE suite.archive = ?1)",
    )
    .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
    .during("ask whether the archive has packages")
}

/// So many versions of a name may an archive keep in its indexes.
pub const MOST_VERSIONS_KEPT: u16 = 1000;

/// How many of the newest versions of each name stay in the indexes of an archive.
///
/// # Errors
/// When the database fails.
pub fn versions_kept(db: &Connection, archive: ArchiveId) -> Result<u16, StoreError> {
    db.prepare_cached("SELECT keep_versions FROM archive WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
        .during("read how many versions stay")
}

/// Says how many of the newest versions of each name stay. Where it is fewer than before, the suites are due for a full publication, which takes out what
/// is too many; what is out already does not come back when it is more.
///
/// # Errors
/// When it is none, or more than [`MOST_VERSIONS_KEPT`], or the database fails.
pub fn keep_versions(tx: &Transaction<'_>, archive: ArchiveId, versions: u16) -> Result<(), StoreError> {
    if versions == 0 || versions > MOST_VERSIONS_KEPT {
        return Err(StoreError::Refused(format!(
            "an archive keeps from 1 to {MOST_VERSIONS_KEPT} versions of each package, not {versions}"
        )));
    }
    let before = versions_kept(tx, archive)?;
    tx.execute("UPDATE archive SET keep_versions = ?2 WHERE id = ?1", (archive, versions))
        .during("say how many versions stay")?;
    if versions < before {
        suite::forget_indexes(tx, suite::Of::Archive(archive))?;
    }
    Ok(())
}

/// The archive of a row.
///
/// # Errors
/// When the row is gone.
pub fn archive_by_id(db: &Connection, id: ArchiveId) -> Result<Archive, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE archive.id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find the archive")?
        .ok_or_else(|| StoreError::Unknown {
            what: "archive",
            name: format!("with row {id}"),
            known: Vec::new(),
        })
}
