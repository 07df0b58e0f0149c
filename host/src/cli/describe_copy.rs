//! Copy archives in descriptions: what was said when they were made. What is in them comes from `populate-archive`.

use jiff::Timestamp;
use pressroom_archive::domain::ArchitectureTag;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::copy_archive::{NewCopyOf, add_copy_of, copy_of};
use pressroom_archive::store::{Connection, StoreError, Transaction};
use serde::{Deserialize, Serialize};

/// Of what an archive is a copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CopyDescription {
    /// As somebody has written it.
    pub(super) origin: String,
    /// Why it was made.
    pub(super) reason: String,
    /// Who has made it.
    pub(super) creator: String,
    /// Its architectures, which do not change.
    pub(super) architectures: Vec<ArchitectureTag>,
}

/// Says of an archive what it is a copy of, where that was not said yet. What was said stays.
pub(super) fn apply_copy(
    tx: &Transaction<'_>,
    archive: &Archive,
    wanted: &CopyDescription,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut architectures: Vec<String> = wanted.architectures.iter().map(ToString::to_string).collect();
    architectures.sort_unstable();
    architectures.dedup();
    match copy_of(tx, archive.id)? {
        Some(known) if known.architectures != architectures => Err(StoreError::Refused(format!(
            "the architectures of {} are {}, and do not change: another copy can have others",
            archive.reference,
            known.architectures.join(", ")
        ))),
        Some(_) => Ok(()),
        None => {
            let texts = [&wanted.origin, &wanted.reason, &wanted.creator];
            if texts.iter().any(|text| text.chars().any(char::is_control)) {
                return Err(StoreError::Refused(format!(
                    "what is said of {} is shown to people: leave control characters out",
                    archive.reference
                )));
            }
            let new = NewCopyOf {
                origin: &wanted.origin,
                origin_archive: None,
                reason: &wanted.reason,
                creator: &wanted.creator,
                architectures: &wanted.architectures,
            };
            add_copy_of(tx, archive, &new, now)
        }
    }
}

/// What was said of a copy archive; none: it is no copy.
pub(super) fn export_copy(db: &Connection, archive: &Archive) -> Result<Option<CopyDescription>, StoreError> {
    let Some(copy) = copy_of(db, archive.id)? else { return Ok(None) };
    let architectures = copy
        .architectures
        .iter()
        .map(|tag| {
            tag.parse().map_err(|_| {
                StoreError::Refused(format!(
                    "{} has an architecture that cannot be exported",
                    archive.reference
                ))
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Some(CopyDescription {
        origin: copy.origin,
        reason: copy.reason,
        creator: copy.creator,
        architectures,
    }))
}
