//! `binary_package_contents`: which paths a binary package brings along. The list is packed here; what it says is for
//! [`PathList`](crate::format::PathList).

use rusqlite::{Connection, OptionalExtension};

use super::indexed::{BinaryIndex, Names};
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::Section;
use crate::domain::{BinaryReleaseId, PassId, SuiteId};

/// A list as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedPaths {
    /// How many paths there are.
    pub count: usize,
    /// The list, packed; empty of none.
    pub packed: Vec<u8>,
}

/// Keeps the list of a release, unless it is known already: a release never changes.
///
/// # Errors
/// When the database fails.
pub fn keep(db: &Connection, release: BinaryReleaseId, paths: &PackedPaths) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO binary_package_contents (binary_package_release, paths, list) VALUES (?1, ?2, ?3)",
    )
    .and_then(|mut statement| statement.execute((release, paths.count, &paths.packed)))
    .map(drop)
    .during("keep the files of a package")
}

/// Keeps lists that were read afterwards, all or none.
///
/// # Errors
/// When the database fails.
pub fn keep_all<'l>(
    db: &Connection,
    lists: impl IntoIterator<Item = (BinaryReleaseId, &'l PackedPaths)>,
) -> Result<(), StoreError> {
    const WHAT: &str = "keep the files of packages";
    // nothing else of this connection is under way between two statements of a hook
    let transaction = db.unchecked_transaction().during(WHAT)?;
    for (release, paths) in lists {
        keep(&transaction, release, paths)?;
    }
    transaction.commit().during(WHAT)
}

/// The packed list of a release; none where it is not known.
///
/// # Errors
/// When the database fails.
pub fn find(db: &Connection, release: BinaryReleaseId) -> Result<Option<Vec<u8>>, StoreError> {
    db.prepare_cached("SELECT list FROM binary_package_contents WHERE binary_package_release = ?1")
        .and_then(|mut statement| statement.query_row([release], |row| row.get(0)).optional())
        .during("find the files of a package")
}

/// The file of a release, if it is still there.
///
/// # Errors
/// When the database fails.
pub fn original(db: &Connection, release: BinaryReleaseId) -> Result<Option<Sha256>, StoreError> {
    db.prepare_cached(
        "SELECT content.sha256 FROM binary_package_release AS release
         JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
         JOIN library_file_content AS content ON content.id = alias.content WHERE release.id = ?1",
    )
    .and_then(|mut statement| statement.query_row([release], |row| row.get(0)).optional())
    .during("find the file of a package")
}

/// A package whose files an index lists, or has listed until now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: String,
    /// As overridden.
    pub section: Option<Section>,
    /// What was uploaded.
    pub release: BinaryReleaseId,
    /// How many paths it has; none, where they are not known.
    pub paths: u64,
    /// Whether it is published.
    pub is_there: bool,
    /// Whether it is when the pass is done.
    pub will_be_there: bool,
}

/// Calls `each` with the packages of an index that are published or are when the pass is done, by name and section.
///
/// # Errors
/// When the database fails, or what `each` says.
pub fn for_each_holder<E: From<StoreError>>(
    db: &Connection,
    pass: PassId,
    index: &BinaryIndex,
    names: &Names,
    mut each: impl FnMut(Holder) -> Result<(), E>,
) -> Result<(), E> {
    const WHAT: &str = "list the packages whose files an index has";
    let mut statement = db.prepare_cached(include_str!("holders.sql")).during(WHAT)?;
    let mut rows = statement
        .query((
            index.suite,
            index.component,
            index.architecture,
            index.format,
            pass,
            names.from(),
            names.below(),
        ))
        .during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let holder = || -> rusqlite::Result<Holder> {
            Ok(Holder {
                name: row.get(0)?,
                section: row.get(1)?,
                release: row.get(2)?,
                paths: row.get(3)?,
                is_there: row.get(4)?,
                will_be_there: row.get(5)?,
            })
        };
        let holder = holder().during(WHAT)?;
        if holder.is_there || holder.will_be_there {
            each(holder)?;
        }
    }
    Ok(())
}

/// Whose lists are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// What a pass changes in a suite.
    Changed,
    /// All that is published in it or waits.
    All,
}

/// The releases of a suite whose lists are not known: they came in before lists were kept.
///
/// # Errors
/// When the database fails.
pub fn unknown(
    db: &Connection,
    pass: PassId,
    suite: SuiteId,
    listed: Listed,
) -> Result<Vec<BinaryReleaseId>, StoreError> {
    const WHAT: &str = "look for packages whose files are not known";
    match listed {
        Listed::Changed => db
            .prepare_cached(
                "SELECT DISTINCT publication.binary_package_release FROM publisher_transition AS transition
                 JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
                 WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND +publication.suite = ?2
                 AND NOT EXISTS (SELECT 1 FROM binary_package_contents AS contents
                   WHERE contents.binary_package_release = publication.binary_package_release)
                 ORDER BY publication.binary_package_release",
            )
            .and_then(|mut statement| statement.query_map((pass, suite), |row| row.get(0))?.collect())
            .during(WHAT),
        Listed::All => db
            .prepare_cached(
                "SELECT DISTINCT publication.binary_package_release FROM binary_package_publishing_history AS publication
                 WHERE publication.suite = ?1 AND publication.status IN ('PENDING', 'PUBLISHED')
                 AND NOT EXISTS (SELECT 1 FROM binary_package_contents AS contents
                   WHERE contents.binary_package_release = publication.binary_package_release)
                 ORDER BY publication.binary_package_release",
            )
            .and_then(|mut statement| statement.query_map([suite], |row| row.get(0))?.collect())
            .during(WHAT),
    }
}
