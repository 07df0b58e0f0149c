//! Copy archives in descriptions: what was said when they were made. What is in them comes from `populate-archive`.

use jiff::Timestamp;
use pressroom_archive::domain::{ArchitectureTag, ArchiveReference, plain};
use pressroom_archive::store::archive::{Archive, archive_by_id, archives};
use pressroom_archive::store::copy_archive::{NewCopyOf, add_copy_of, copy_of, set_origin_archive};
use pressroom_archive::store::distribution::distributions;
use pressroom_archive::store::{Connection, StoreError, Transaction};
use serde::{Deserialize, Serialize};

/// Of what an archive is a copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CopyDescription {
    /// As somebody has written it.
    pub(crate) origin: String,
    /// The archive that this means. Where it is not here, new packages are filed as in the primary archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin_archive: Option<String>,
    /// Why it was made.
    pub(crate) reason: String,
    /// Who has made it.
    pub(crate) creator: String,
    /// Its architectures, which do not change.
    pub(crate) architectures: Vec<ArchitectureTag>,
}

/// Says of an archive what it is a copy of, where that was not said yet. What was said stays.
pub(super) fn apply(
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
            for text in texts {
                plain::remark(text).map_err(|obeyed| {
                    StoreError::Refused(format!(
                        "what is said of {} is shown to people: {obeyed}",
                        archive.reference
                    ))
                })?;
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

/// Says which archive a copy is a copy of, if that is here: once all that are described are.
pub(super) fn apply_origin(
    tx: &Transaction<'_>,
    archive: &Archive,
    wanted: &CopyDescription,
) -> Result<(), StoreError> {
    let Some(text) = &wanted.origin_archive else { return Ok(()) };
    let reference: ArchiveReference = text.parse().map_err(|error| {
        StoreError::Refused(format!("the origin-archive of {} is no archive: {error}", archive.reference))
    })?;
    let of = distributions(tx)?.into_iter().find(|one| one.name == *reference.distribution());
    let Some(of) = of else { return Ok(()) };
    let origin = archives(tx, of.id)?.into_iter().find(|one| one.reference == reference);
    origin.map_or(Ok(()), |origin| set_origin_archive(tx, archive.id, origin.id))
}

/// What was said of a copy archive; none: it is no copy.
pub(super) fn export(db: &Connection, archive: &Archive) -> Result<Option<CopyDescription>, StoreError> {
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
        origin_archive: copy
            .origin_archive
            .map(|id| archive_by_id(db, id).map(|origin| origin.reference.to_string()))
            .transpose()?,
        reason: copy.reason,
        creator: copy.creator,
        architectures,
    }))
}
