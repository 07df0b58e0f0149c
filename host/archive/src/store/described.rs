//! Whose descriptions a component has, over all architectures: what Translation files are made from.

use rusqlite::Connection;

use super::indexed::Names;
use super::{During, StoreError};
use crate::domain::{BinaryReleaseId, ComponentId, PassId, SuiteId};

/// A binary package of a component, on whichever architectures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What was uploaded.
    pub release: BinaryReleaseId,
    /// Whether it is published.
    pub is_there: bool,
    /// Whether it is when the pass is done.
    pub will_be_there: bool,
}

/// Calls `each` with the ordinary packages of a component that are published, or are when the pass is done, by name and row.
///
/// # Errors
/// When the database fails, or what `each` says.
pub fn for_each_described<E: From<StoreError>>(
    db: &Connection,
    pass: Option<PassId>,
    (suite, component): (SuiteId, ComponentId),
    names: &Names,
    mut each: impl FnMut(Described) -> Result<(), E>,
) -> Result<(), E> {
    const WHAT: &str = "list the packages of a component";
    let mut statement = db.prepare_cached(include_str!("described_releases.sql")).during(WHAT)?;
    let mut rows = statement.query((suite, component, pass, names.from(), names.below())).during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let described = || -> rusqlite::Result<Described> {
            Ok(Described {
                name: row.get(0)?,
                release: row.get(1)?,
                is_there: row.get(2)?,
                will_be_there: row.get(3)?,
            })
        };
        let described = described().during(WHAT)?;
        if described.is_there || described.will_be_there {
            each(described)?;
        }
    }
    Ok(())
}

/// A package's own paragraph.
///
/// # Errors
/// When there is no such release.
pub fn control_of(db: &Connection, release: BinaryReleaseId) -> Result<String, StoreError> {
    db.prepare_cached("SELECT control FROM binary_package_release WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([release], |row| row.get(0)))
        .during("read a package's own words")
}
