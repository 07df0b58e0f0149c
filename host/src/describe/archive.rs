//! An archive in descriptions, with its suites and the rights over it.

use jiff::Timestamp;
use pressroom_archive::domain::{
    ArchiveId, ArchivePurpose, ArchiveReference, ComponentName, DistributionName, IndexEngine, PersonName,
    ReleaseText, SignedBy,
};
use pressroom_archive::openpgp::{Fingerprint, SignError};
use pressroom_archive::release::rotation;
use pressroom_archive::store::archive::{self as rows, Archive, ArchiveChange};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::{
    Connection, StoreError, Transaction, mirror_journal, pool_listing, signing_key, snapshot,
};
use serde::{Deserialize, Serialize};

use super::copy::CopyDescription;
use super::people::PermissionDescription;
use super::suite::SuiteDescription;
use super::{OPERATOR, copy, people, suite, text_of};

/// An archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ArchiveDescription {
    pub(crate) name: ComponentName,
    /// Whose PPA it is; none: it is the distribution's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<PersonName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<ReleaseText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<ReleaseText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) publish: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) private: Option<bool>,
    /// How much may be in it; 0: any amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quota_mib: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) build_score: Option<i64>,
    /// The fingerprint of its own key, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signed_by: Option<SignedBy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changelogs: Option<ReleaseText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) snapshots: Option<ReleaseText>,
    /// How many of the newest versions of each package stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_versions: Option<u16>,
    /// How long snapshots are kept after something else has taken their place; 0: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_snapshots_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) index_engine: Option<IndexEngine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ls_lr: Option<bool>,
    /// How many numbers of the journal for mirrors stay; 0: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mirror_journal: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) copy_of: Option<CopyDescription>,
    #[serde(default, rename = "suite", skip_serializing_if = "Vec::is_empty")]
    pub(crate) suites: Vec<SuiteDescription>,
    #[serde(default, rename = "permission", skip_serializing_if = "Vec::is_empty")]
    pub(crate) permissions: Vec<PermissionDescription>,
}

impl ArchiveDescription {
    /// An archive of which nothing is said but whose it is.
    pub(crate) const fn new(name: ComponentName, owner: Option<PersonName>) -> Self {
        Self {
            name,
            owner,
            display_name: None,
            description: None,
            origin: None,
            label: None,
            enabled: None,
            publish: None,
            private: None,
            quota_mib: None,
            build_score: None,
            signing_key: None,
            signed_by: None,
            changelogs: None,
            snapshots: None,
            keep_versions: None,
            keep_snapshots_seconds: None,
            index_engine: None,
            ls_lr: None,
            mirror_journal: None,
            copy_of: None,
            suites: Vec::new(),
            permissions: Vec::new(),
        }
    }

    /// The archive that it describes.
    pub(crate) fn reference(&self, distribution: &DistributionName) -> ArchiveReference {
        match &self.owner {
            None => ArchiveReference::named(distribution.clone(), self.name.clone()),
            Some(owner) => ArchiveReference::ppa(owner.clone(), distribution.clone(), self.name.clone()),
        }
    }

    /// What becomes of its row.
    fn change(&self) -> ArchiveChange {
        ArchiveChange {
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            origin: self.origin.clone(),
            label: self.label.clone(),
            enabled: self.enabled,
            publish: self.publish,
            private: self.private,
            authorized_size_mib: self.quota_mib.map(|mib| (mib > 0).then_some(mib)),
            relative_build_score: self.build_score,
            signed_by: self.signed_by.clone(),
            changelogs: self.changelogs.clone(),
            snapshots: self.snapshots.clone(),
            index_engine: self.index_engine,
        }
    }
}

/// Makes an archive as it is described. Its suites and the rights over it are left to whoever has made its series.
pub(super) fn apply(
    tx: &Transaction<'_>,
    distribution: &Distribution,
    wanted: &ArchiveDescription,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = the_archive(tx, distribution, wanted, now)?;
    if let Some(of) = &wanted.copy_of {
        copy::apply(tx, &row, of, now)?;
    }
    rows::change_archive(tx, &row, &wanted.change())?;
    if let Some(key) = &wanted.signing_key {
        set_own_key(tx, &row, key, now)?;
    }
    if let Some(versions) = wanted.keep_versions {
        rows::keep_versions(tx, row.id, versions)?;
    }
    if let Some(wanted) = wanted.ls_lr {
        pool_listing::set_ls_lr(tx, row.id, wanted)?;
    }
    if let Some(numbers) = wanted.mirror_journal {
        mirror_journal::keep_numbers(tx, row.id, numbers, now)?;
    }
    if let Some(seconds) = wanted.keep_snapshots_seconds {
        snapshot::keep_seconds(tx, row.id, (seconds > 0).then_some(seconds))?;
    }
    Ok(())
}

/// The archive, made where it is not there yet.
fn the_archive(
    tx: &Transaction<'_>,
    distribution: &Distribution,
    wanted: &ArchiveDescription,
    now: Timestamp,
) -> Result<Archive, StoreError> {
    let reference = wanted.reference(&distribution.name);
    let purpose = match (&wanted.owner, &wanted.copy_of) {
        (Some(_), _) => ArchivePurpose::Ppa,
        (None, Some(_)) => ArchivePurpose::Copy,
        (None, None) => ArchivePurpose::Partner,
    };
    if !rows::archives(tx, distribution.id)?.iter().any(|archive| archive.reference == reference) {
        let display_name = wanted.display_name.as_deref().unwrap_or(wanted.name.as_str());
        rows::create_archive(tx, distribution, &reference, purpose, display_name, now)?;
    }
    rows::archive(tx, &reference)
}

/// Gives an archive a key of its own, at once and alone; `none`: those of the root sign it.
fn set_own_key(tx: &Transaction<'_>, archive: &Archive, key: &str, now: Timestamp) -> Result<(), StoreError> {
    if key.is_empty() || key == "none" {
        return signing_key::end_own_keys(tx, archive.id, OPERATOR, now);
    }
    let key: Fingerprint = key.parse().map_err(|error: SignError| StoreError::Refused(error.to_string()))?;
    let fingerprint = signing_key::signing_key(tx, &key.to_string())?.fingerprint;
    let uses = signing_key::uses(tx, Some(archive.id))?;
    // what says again which key stays does not end the time of those that sign beside it
    if rotation::current(&uses, now).iter().any(|one| one.fingerprint == fingerprint && one.ended.is_none()) {
        return Ok(());
    }
    match rotation::rotate(&uses, &fingerprint, now, now) {
        Ok(change) => signing_key::carry_out(tx, Some(archive.id), &fingerprint, &change, OPERATOR, now),
        Err(_it_does) => Ok(()),
    }
}

/// The own key of an archive that stays, if it has one.
fn own_key(db: &Connection, id: ArchiveId, now: Timestamp) -> Result<Option<String>, StoreError> {
    let uses = signing_key::uses(db, Some(id))?;
    Ok(rotation::current(&uses, now).first().map(|one| one.fingerprint.clone()))
}

/// An archive as it is.
pub(super) fn export(
    db: &Connection,
    archive: Archive,
    now: Timestamp,
) -> Result<ArchiveDescription, StoreError> {
    let mirrors = mirror_journal::settings(db, archive.id)?;
    Ok(ArchiveDescription {
        suites: suite::export(db, &archive)?,
        permissions: people::export_permissions(db, &archive)?,
        copy_of: copy::export(db, &archive)?,
        name: archive.reference.name().parse().map_err(|_| {
            StoreError::Refused(format!("{} has no name that can be exported", archive.reference))
        })?,
        display_name: Some(archive.display_name),
        description: Some(archive.description),
        origin: Some(text_of(&archive.origin)?),
        label: Some(text_of(&archive.label)?),
        enabled: Some(archive.enabled),
        publish: Some(archive.publish),
        private: Some(archive.private),
        quota_mib: Some(archive.authorized_size_mib.unwrap_or(0)),
        build_score: Some(archive.relative_build_score),
        signing_key: Some(own_key(db, archive.id, now)?.unwrap_or_else(|| "none".to_owned())),
        signed_by: Some(archive.signed_by),
        changelogs: Some(text_of(&archive.changelogs)?),
        snapshots: Some(text_of(&archive.snapshots)?),
        keep_versions: Some(rows::versions_kept(db, archive.id)?),
        keep_snapshots_seconds: Some(snapshot::kept_seconds(db, archive.id)?.unwrap_or(0)),
        index_engine: Some(archive.index_engine),
        ls_lr: Some(mirrors.ls_lr),
        mirror_journal: Some(mirrors.journal),
        owner: archive.reference.owner().cloned(),
    })
}
