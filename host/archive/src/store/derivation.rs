//! `distribution.parent`: which distributions derive from others.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::distribution::{Distribution, distributions};
use super::{During, StoreError};
use crate::domain::{DistributionId, DistributionName};

/// The distribution that one derives from, where it says so itself.
///
/// # Errors
/// When the database fails.
pub fn parent(
    db: &Connection,
    distribution: DistributionId,
) -> Result<Option<(DistributionId, DistributionName)>, StoreError> {
    db.prepare_cached(
        "SELECT parent.id, parent.name FROM distribution JOIN distribution AS parent ON parent.id = distribution.parent
         WHERE distribution.id = ?1",
    )
    .and_then(|mut statement| {
        statement.query_row([distribution], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    })
    .during("find what a distribution derives from")
}

/// Says which distribution one derives from; none: it does not say.
///
/// # Errors
/// When it would derive from itself.
pub fn set_parent(
    tx: &Transaction<'_>,
    distribution: DistributionId,
    new: Option<DistributionId>,
) -> Result<(), StoreError> {
    let mut at = new;
    while let Some(one) = at {
        if one == distribution {
            return Err(StoreError::Refused(
                "a distribution does not derive from itself, nor from one that derives from it: name another one, or none"
                    .to_owned(),
            ));
        }
        at = parent(tx, one)?.map(|(id, _)| id);
    }
    tx.execute("UPDATE distribution SET parent = ?2 WHERE id = ?1", (distribution, new))
        .map(|_| ())
        .during("say what a distribution derives from")
}

/// The distributions that derive from another one, by name: those that say so, and those with a series that inherits overrides from another's.
///
/// # Errors
/// When the database fails.
pub fn derived_distributions(db: &Connection) -> Result<Vec<Distribution>, StoreError> {
    let derived: Vec<DistributionId> = db
        .prepare_cached(
            "SELECT id FROM distribution WHERE parent IS NOT NULL
             UNION SELECT derived.distribution FROM distro_series_parent AS link
               JOIN distro_series AS derived ON derived.id = link.derived_series
               JOIN distro_series AS parent ON parent.id = link.parent_series
               WHERE link.inherit_overrides = 1 AND parent.distribution <> derived.distribution
             ORDER BY 1",
        )
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .during("look for derived distributions")?;
    let mut all = distributions(db)?;
    all.retain(|one| derived.contains(&one.id));
    Ok(all)
}
