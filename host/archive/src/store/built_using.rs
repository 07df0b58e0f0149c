//! `binary_built_using`: the sources that went into binary packages besides their own.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{During, StoreError};
use crate::domain::version::DebVersion;
use crate::domain::{BinaryReleaseId, Ingredient};

/// Keeps what went into a release; what is known already is kept once.
///
/// # Errors
/// When the database fails.
pub fn keep(
    tx: &Transaction<'_>,
    release: BinaryReleaseId,
    ingredients: &[Ingredient],
) -> Result<(), StoreError> {
    for one in ingredients {
        tx.prepare_cached(
            "INSERT OR IGNORE INTO binary_built_using (binary_package_release, source_package_name, source_version, field)
             VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| {
            statement.execute((
                release,
                &one.source,
                one.version.as_ref().map_or("", DebVersion::as_str),
                one.field,
            ))
        })
        .during("keep what went into a package")?;
    }
    Ok(())
}

/// The fields of a release as they stand in it: `Built-Using` and `Static-Built-Using`.
pub type Fields = (String, String);

/// The order of the join is said, because what is unread is mostly nothing, and SQLite would go through all releases for it.
const NEXT_UNREAD: &str =
    "SELECT release.id, release.built_using, release.static_built_using FROM binary_built_using_unread AS unread
     CROSS JOIN binary_package_release AS release ON release.id = unread.binary_package_release
     ORDER BY unread.binary_package_release LIMIT 1";

/// The next release whose fields were never read, with them.
///
/// # Errors
/// When the database fails.
pub fn next_unread(db: &Connection) -> Result<Option<(BinaryReleaseId, Fields)>, StoreError> {
    db.prepare_cached(NEXT_UNREAD)
        .and_then(|mut statement| {
            statement.query_row([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).optional()
        })
        .during("find packages whose Built-Using was not read")
}

/// Records that the fields of a release were read.
///
/// # Errors
/// When the database fails.
pub fn mark_read(tx: &Transaction<'_>, release: BinaryReleaseId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM binary_built_using_unread WHERE binary_package_release = ?1")
        .and_then(|mut statement| statement.execute([release]))
        .map(drop)
        .during("record that Built-Using was read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Db;

    #[test]
    fn what_was_never_read_is_found_without_going_through_what_was() {
        let db = Db::in_memory().unwrap();
        let mut statement = db.read().prepare(&format!("EXPLAIN QUERY PLAN {NEXT_UNREAD}")).unwrap();
        let steps: Vec<String> =
            statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(steps.iter().any(|step| step.starts_with("SEARCH release")), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }
}
