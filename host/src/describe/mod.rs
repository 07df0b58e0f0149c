//! What distributions, archives, series and people are, as one description: applied by who changes them, exported by who keeps it.
//!
//! `apply` reads and `export` writes it, and `init`, `series set` and the like make one from flags. It says only what it names; the rest stays. Applying one
//! twice changes nothing the second time.

mod archive;
mod copy;
mod distribution;
mod people;
mod series;
mod suite;

pub(crate) use archive::ArchiveDescription;
pub(crate) use distribution::{DistributionDescription, DistributionSettings};
pub(crate) use people::{PersonDescription, mail_addresses};
pub(crate) use series::{SeriesDescription, SeriesSettings};
pub(crate) use suite::{Approval, SuiteSettings};

use jiff::Timestamp;
use people::TeamDescription;
use pressroom_archive::domain::{NameError, ReleaseText, ReleaseTextError};
use pressroom_archive::store::{Connection, StoreError, Transaction, distribution as rows};
use serde::{Deserialize, Serialize};

/// Who changes things; in the rows.
pub(crate) const OPERATOR: &str = "operator";

/// Any number of distributions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Description {
    #[serde(default, rename = "person", skip_serializing_if = "Vec::is_empty")]
    pub(crate) persons: Vec<PersonDescription>,
    #[serde(default, rename = "team", skip_serializing_if = "Vec::is_empty")]
    pub(crate) teams: Vec<TeamDescription>,
    #[serde(default, rename = "distribution")]
    pub(crate) distributions: Vec<DistributionDescription>,
}

/// Brings the database to what a description says.
pub(crate) fn apply(
    tx: &Transaction<'_>,
    description: &Description,
    now: Timestamp,
) -> Result<(), StoreError> {
    // archives belong to people
    people::apply(tx, &description.persons, &description.teams, now)?;
    for wanted in &description.distributions {
        distribution::apply(tx, wanted, now)?;
    }
    // they name series and archives of other distributions
    for wanted in &description.distributions {
        distribution::apply_links(tx, wanted)?;
    }
    Ok(())
}

/// Everything that there is, so that applying it elsewhere makes the same.
pub(crate) fn export(db: &Connection, now: Timestamp) -> Result<Description, StoreError> {
    let (persons, teams) = people::export(db)?;
    let distributions = rows::distributions(db)?
        .into_iter()
        .map(|row| distribution::export(db, row, now))
        .collect::<Result<_, _>>()?;
    Ok(Description { persons, teams, distributions })
}

/// A name that is one.
fn named<T: std::str::FromStr<Err = NameError>>(word: &str) -> Result<T, StoreError> {
    word.parse().map_err(|error: NameError| StoreError::Refused(error.to_string()))
}

/// What is set to nothing.
fn none_if_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A text that is in the database, or is a name, as one for a Release file.
fn text_of(text: &str) -> Result<ReleaseText, StoreError> {
    text.parse().map_err(|error: ReleaseTextError| StoreError::Refused(error.to_string()))
}
