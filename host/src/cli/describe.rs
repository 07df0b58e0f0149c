//! Descriptions of distributions, as `apply` reads and `export` writes them, and as `init`, `series set` and the like make them from flags.
//!
//! A description says only what it names; the rest stays. Applying one twice changes nothing the second time.

use jiff::Timestamp;
use pressroom_archive::domain::{
    ArchitectureTag, ArchiveId, ArchivePurpose, ArchiveReference, Checksum, ComponentName, Compressor,
    DistributionId, DistributionName, IndexEngine, NameError, PatchLimit, PersonName, ReleaseText,
    ReleaseTextError, SegmentSize, SeriesName, SeriesStatus, SignedBy, SourceFormat, Translations,
};
use pressroom_archive::openpgp::{Fingerprint, SignError};
use pressroom_archive::release::rotation;
use pressroom_archive::store::archive::{self, ArchiveChange};
use pressroom_archive::store::distribution::DistributionChange;
use pressroom_archive::store::series::{self, SeriesChange};
use pressroom_archive::store::{
    Connection, StoreError, Transaction, derivation, distribution, mirror_journal, new_series, pool_listing,
    publication, series_link, signing_key, snapshot,
};
use serde::{Deserialize, Serialize};

use super::describe_copy::{CopyDescription, apply_copy, apply_origin, export_copy};
use super::describe_people::{
    PackageSetDescription, PermissionDescription, PersonDescription, TeamDescription, apply_package_sets,
    apply_people, apply_permissions, export_package_sets, export_people, export_permissions,
};
use super::describe_suite::{SuiteDescription, apply_suites, export_suites};

/// Any number of distributions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Description {
    #[serde(default, rename = "person", skip_serializing_if = "Vec::is_empty")]
    pub(super) persons: Vec<PersonDescription>,
    #[serde(default, rename = "team", skip_serializing_if = "Vec::is_empty")]
    pub(super) teams: Vec<TeamDescription>,
    #[serde(default, rename = "distribution")]
    pub(super) distributions: Vec<DistributionDescription>,
}

/// A distribution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DistributionDescription {
    pub(super) name: DistributionName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<ReleaseText>,
    #[serde(flatten)]
    pub(super) settings: DistributionSettings,
    #[serde(default, rename = "archive", skip_serializing_if = "Vec::is_empty")]
    pub(super) archives: Vec<ArchiveDescription>,
    #[serde(default, rename = "series", skip_serializing_if = "Vec::is_empty")]
    pub(super) series: Vec<SeriesDescription>,
}

/// What a distribution wants of uploads.
#[derive(Debug, Clone, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct DistributionSettings {
    /// Whether uploads to a series under development go to its -proposed suite.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect_release_uploads: Option<bool>,
    /// The mail address that closes a bug, with %s for its number, as %s-done@bugs.example.org; empty for none.
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bug_mail: Option<String>,
    /// A URL that gets JSON by POST for every bug that an upload closes; empty for none.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bug_webhook: Option<String>,
    /// The name under which clients find the newest series with packages, as devel: a link in the dists of each archive; empty for none.
    #[arg(long, value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) development_alias: Option<String>,
    /// The distribution that it derives from (`publish --all-derived`); empty for none.
    #[arg(long, value_name = "DISTRIBUTION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<String>,
}

impl DistributionSettings {
    fn change(&self) -> Result<DistributionChange, StoreError> {
        let alias = self.development_alias.clone().map(none_if_empty);
        let parsed = alias.map(|alias| alias.map(|alias| alias.parse()).transpose()).transpose();
        Ok(DistributionChange {
            development_alias: parsed.map_err(|error: NameError| StoreError::Refused(error.to_string()))?,
            redirect_release_uploads: self.redirect_release_uploads,
            bug_mail: self.bug_mail.clone().map(none_if_empty),
            bug_webhook: self.bug_webhook.clone().map(none_if_empty),
        })
    }
}

/// What is set to nothing.
fn none_if_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// An archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ArchiveDescription {
    pub(super) name: ComponentName,
    /// Whose PPA it is; none: it is the distribution's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<PersonName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<ReleaseText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<ReleaseText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) publish: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) private: Option<bool>,
    /// How much may be in it; 0: any amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quota_mib: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) build_score: Option<i64>,
    /// The fingerprint of its own key, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signing_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signed_by: Option<SignedBy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changelogs: Option<ReleaseText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snapshots: Option<ReleaseText>,
    /// How many of the newest versions of each package stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keep_versions: Option<u16>,
    /// How long snapshots are kept after something else has taken their place; 0: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keep_snapshots_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) index_engine: Option<IndexEngine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ls_lr: Option<bool>,
    /// How many numbers of the journal for mirrors stay; 0: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mirror_journal: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) copy_of: Option<CopyDescription>,
    #[serde(default, rename = "suite", skip_serializing_if = "Vec::is_empty")]
    pub(super) suites: Vec<SuiteDescription>,
    #[serde(default, rename = "permission", skip_serializing_if = "Vec::is_empty")]
    pub(super) permissions: Vec<PermissionDescription>,
}

impl ArchiveDescription {
    /// An archive of which nothing is said but whose it is.
    pub(super) const fn new(name: ComponentName, owner: Option<PersonName>) -> Self {
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
    pub(super) fn reference(&self, distribution: &DistributionName) -> ArchiveReference {
        match &self.owner {
            None => ArchiveReference::named(distribution.clone(), self.name.clone()),
            Some(owner) => ArchiveReference::ppa(owner.clone(), distribution.clone(), self.name.clone()),
        }
    }
}

/// A series.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SeriesDescription {
    pub(super) name: SeriesName,
    #[serde(flatten)]
    pub(super) settings: SeriesSettings,
    #[serde(default, rename = "package-set", skip_serializing_if = "Vec::is_empty")]
    pub(super) package_sets: Vec<PackageSetDescription>,
}

/// What can be set of a series.
#[derive(Debug, Clone, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct SeriesSettings {
    /// The version, as 12 or 24.04; `Version` in the Release files.
    #[arg(long = "series-version", value_name = "VERSION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<ReleaseText>,
    /// As people write the series.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<ReleaseText>,
    /// `Description` in the Release files.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<ReleaseText>,
    /// Where it is in its life: EXPERIMENTAL, DEVELOPMENT, FROZEN, CURRENT, SUPPORTED, OBSOLETE or FUTURE.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<SeriesStatus>,
    /// A component; again for more, the most preferred first. Added behind those that are there.
    #[arg(long = "component", value_name = "COMPONENT")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) components: Vec<ComponentName>,
    /// An architecture to publish; again for more.
    #[arg(long = "architecture", value_name = "ARCHITECTURE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) architectures: Vec<ArchitectureTag>,
    /// An architecture to publish no longer.
    #[arg(long = "disable-architecture", value_name = "ARCHITECTURE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) disabled_architectures: Vec<ArchitectureTag>,
    /// The forms of indexes, of uncompressed, gz, xz, zst; again or with commas for more.
    #[arg(long, value_delimiter = ',', value_name = "FORM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index_compressors: Option<Vec<Compressor>>,
    /// The checksums in indexes, of md5, sha1, sha256 (always); again or with commas for more.
    #[arg(long, value_delimiter = ',', value_name = "CHECKSUM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checksums: Option<Vec<Checksum>>,
    /// Whether index files lie under by-hash too.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) publish_by_hash: Option<bool>,
    /// Whether clients are told so (`Acquire-By-Hash`).
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advertise_by_hash: Option<bool>,
    /// Whether clients take from -backports only what they are asked to (`NotAutomatic`).
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backports_not_automatic: Option<bool>,
    /// Whether clients take from -proposed only what they are asked to.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proposed_not_automatic: Option<bool>,
    /// `Valid-Until` is so many seconds after `Date`; 0 for none.
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_for_seconds: Option<u32>,
    /// How much text a segment of an index has, in KiB: a change is published faster with small ones, large ones make smaller files.
    #[arg(long, value_name = "KIB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index_segment_kib: Option<SegmentSize>,
    /// The mail address of the list that reads what is accepted; empty for none.
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes_list: Option<String>,
    /// The formats that source packages may have, of "1.0", "3.0 (native)" and "3.0 (quilt)"; again or with commas for more.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_formats: Option<Vec<SourceFormat>>,
    /// `Suite` in the Release files instead of its name, as stable (stable-updates and so on in the other pockets); empty for its name.
    #[arg(long, value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suite_name: Option<ReleaseText>,
    /// `Codename` in the Release files instead of its name; empty for its name.
    #[arg(long, value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) codename: Option<ReleaseText>,
    /// Which long descriptions stand apart from Packages, in i18n/Translation-en: en or none.
    #[arg(long, value_name = "en|none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) translations: Option<Translations>,
    /// Whether Contents-ARCHITECTURE lists the files of packages, for apt-file.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contents: Option<bool>,
    /// How many patches of each index are kept, with which apt brings up to date what it has instead of fetching it whole; or none.
    #[arg(long, value_name = "COUNT|none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pdiffs: Option<PatchLimit>,
    /// Another name of the series, as unstable, in uploads and as links in dists; again or with commas for more, empty for none. All that it has.
    #[arg(long = "alias", value_delimiter = ',', value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aliases: Option<Vec<String>>,
    /// A series whose overrides this one inherits, as one or debian/sid; again or with commas for more, empty for none: what is published there is not new
    /// here, and filed as there.
    #[arg(long = "inherit-overrides", value_delimiter = ',', value_name = "SERIES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inherit_overrides: Option<Vec<String>>,
    /// The series before it; empty for none. When the indexes of a new series are made for the first time, it gets the custom uploads of that one.
    #[arg(long, value_name = "SERIES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous_series: Option<String>,
}

impl SeriesSettings {
    fn change(&self) -> SeriesChange {
        SeriesChange {
            version: self.version.clone(),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            status: self.status,
            index_compressors: self.index_compressors.clone(),
            checksums: self.checksums.clone(),
            publish_by_hash: self.publish_by_hash,
            advertise_by_hash: self.advertise_by_hash,
            backports_not_automatic: self.backports_not_automatic,
            proposed_not_automatic: self.proposed_not_automatic,
            valid_for_seconds: self
                .valid_for_seconds
                .map(|seconds| (seconds > 0).then_some(i64::from(seconds))),
            index_segment_size: self.index_segment_kib,
            changes_list: self.changes_list.clone().map(none_if_empty),
            source_formats: self.source_formats.clone(),
            suite_name: self.suite_name.clone(),
            codename: self.codename.clone(),
            translations: self.translations,
            contents: self.contents,
            index_patches: self.pdiffs,
        }
    }
}

/// Who changes things; in the rows.
pub(super) const OPERATOR: &str = "operator";

/// Brings the database to what a description says.
pub(super) fn apply(
    tx: &Transaction<'_>,
    description: &Description,
    now: Timestamp,
) -> Result<(), StoreError> {
    // archives belong to people
    apply_people(tx, &description.persons, &description.teams, now)?;
    for wanted in &description.distributions {
        apply_distribution(tx, wanted, now)?;
    }
    // they name series and archives of other distributions
    for wanted in &description.distributions {
        let id = distribution::distribution(tx, &wanted.name)?.id;
        if let Some(parent) = &wanted.settings.parent {
            let parent = match parent.as_str() {
                "" => None,
                name => Some(distribution::distribution(tx, &named(name)?)?.id),
            };
            derivation::set_parent(tx, id, parent)?;
        }
        for one in &wanted.archives {
            if let Some(copy) = &one.copy_of {
                apply_origin(tx, &archive::archive(tx, &one.reference(&wanted.name))?, copy)?;
            }
        }
        for one in &wanted.series {
            apply_links(tx, (id, &wanted.name), series::series(tx, id, &one.name)?.id, &one.settings)?;
        }
    }
    Ok(())
}

/// A name that is one.
fn named<T: std::str::FromStr<Err = NameError>>(word: &str) -> Result<T, StoreError> {
    word.parse().map_err(|error: NameError| StoreError::Refused(error.to_string()))
}

/// By which other names a series is meant, whose overrides it inherits, and which one came before it.
fn apply_links(
    tx: &Transaction<'_>,
    (distribution, name): (DistributionId, &DistributionName),
    id: pressroom_archive::domain::SeriesId,
    settings: &SeriesSettings,
) -> Result<(), StoreError> {
    if let Some(previous) = &settings.previous_series {
        let previous = match previous.as_str() {
            "" => None,
            name => Some(series::series(tx, distribution, &named(name)?)?.id),
        };
        new_series::set_previous_series(tx, id, previous)?;
    }
    if let Some(aliases) = &settings.aliases {
        let aliases = aliases.iter().filter(|word| !word.is_empty()).map(|word| named(word));
        series_link::set_aliases(tx, id, &aliases.collect::<Result<Vec<_>, _>>()?)?;
    }
    if let Some(parents) = &settings.inherit_overrides {
        let mut found = Vec::new();
        for word in parents.iter().filter(|word| !word.is_empty()) {
            let (of, series) = match word.split_once('/') {
                Some((other, series)) if other != name.as_str() => {
                    (distribution::distribution(tx, &named(other)?)?.id, series)
                }
                Some((_, series)) => (distribution, series),
                None => (distribution, word.as_str()),
            };
            found.push(series::series(tx, of, &named(series)?)?.id);
        }
        series_link::set_inherits_from(tx, id, &found)?;
    }
    Ok(())
}

fn apply_distribution(
    tx: &Transaction<'_>,
    wanted: &DistributionDescription,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = &wanted.name;
    let display_name = wanted.display_name.as_ref();
    let distribution = match distribution::find_distribution(tx, name)? {
        Some(distribution) => {
            if let Some(new) = display_name.filter(|new| new.as_str() != distribution.display_name) {
                distribution::set_display_name(tx, distribution.id, new)?;
                // it stands in the Release files
                for archive in archive::archives(tx, distribution.id)? {
                    pressroom_archive::store::suite::forget_indexes(
                        tx,
                        pressroom_archive::store::suite::Of::Archive(archive.id),
                    )?;
                }
            }
            distribution
        }
        None => {
            let own = text_of(name.as_str())?;
            distribution::create_distribution(tx, name, display_name.unwrap_or(&own), now)?;
            let distribution = distribution::distribution(tx, name)?;
            let reference = ArchiveReference::primary(name.clone());
            archive::create_archive(
                tx,
                &distribution,
                &reference,
                ArchivePurpose::Primary,
                &format!("Primary archive of {}", distribution.display_name),
                now,
            )?;
            distribution
        }
    };
    distribution::change_distribution(tx, distribution.id, &wanted.settings.change()?)?;
    for wanted in &wanted.archives {
        let reference = wanted.reference(name);
        let purpose = match (&wanted.owner, &wanted.copy_of) {
            (Some(_), _) => ArchivePurpose::Ppa,
            (None, Some(_)) => ArchivePurpose::Copy,
            (None, None) => ArchivePurpose::Partner,
        };
        if !archive::archives(tx, distribution.id)?.iter().any(|archive| archive.reference == reference) {
            let display_name = wanted.display_name.as_deref().unwrap_or(wanted.name.as_str());
            archive::create_archive(tx, &distribution, &reference, purpose, display_name, now)?;
        }
        let row = archive::archive(tx, &reference)?;
        if let Some(copy) = &wanted.copy_of {
            apply_copy(tx, &row, copy, now)?;
        }
        let change = ArchiveChange {
            display_name: wanted.display_name.clone(),
            description: wanted.description.clone(),
            origin: wanted.origin.clone(),
            label: wanted.label.clone(),
            enabled: wanted.enabled,
            publish: wanted.publish,
            private: wanted.private,
            authorized_size_mib: wanted.quota_mib.map(|mib| (mib > 0).then_some(mib)),
            relative_build_score: wanted.build_score,
            signed_by: wanted.signed_by.clone(),
            changelogs: wanted.changelogs.clone(),
            snapshots: wanted.snapshots.clone(),
            index_engine: wanted.index_engine,
        };
        archive::change_archive(tx, &row, &change)?;
        if let Some(key) = &wanted.signing_key {
            set_own_key(tx, &row, key, now)?;
        }
        if let Some(versions) = wanted.keep_versions {
            archive::keep_versions(tx, row.id, versions)?;
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
    }
    for wanted in &wanted.series {
        let known =
            series::series_of(tx, distribution.id)?.into_iter().find(|series| series.name == wanted.name);
        let id = match known {
            Some(series) => series.id,
            None => {
                let own = text_of(wanted.name.as_str())?;
                let version = wanted.settings.version.as_ref().unwrap_or(&own);
                series::create_series(tx, distribution.id, &wanted.name, version, now)?
            }
        };
        apply_series(tx, id, &wanted.settings, now)?;
        apply_package_sets(tx, &series::series_by_id(tx, id)?, &wanted.package_sets, now)?;
    }
    // suites are of series; rights are over components, series and package sets
    for wanted in &wanted.archives {
        let row = archive::archive(tx, &wanted.reference(name))?;
        apply_suites(tx, &row, &wanted.suites)?;
        apply_permissions(tx, &row, &wanted.permissions, OPERATOR, now)?;
    }
    Ok(())
}

/// Gives an archive a key of its own, at once and alone; `none`: those of the root sign it.
fn set_own_key(
    tx: &Transaction<'_>,
    archive: &archive::Archive,
    key: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
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

fn apply_series(
    tx: &Transaction<'_>,
    id: pressroom_archive::domain::SeriesId,
    settings: &SeriesSettings,
    now: Timestamp,
) -> Result<(), StoreError> {
    for component in &settings.components {
        series::add_component(tx, id, component)?;
    }
    for (tags, enabled) in [(&settings.architectures, true), (&settings.disabled_architectures, false)] {
        for tag in tags {
            series::set_architecture(tx, id, tag, enabled)?;
            if let Some(row) =
                series::architectures(tx, id)?.into_iter().find(|row| row.tag == *tag && enabled)
            {
                publication::publish_arch_all_for(tx, id, row.id, OPERATOR, now)?;
            }
        }
    }
    series::change_series(tx, id, &settings.change(), now)
}

/// A text that is in the database, or is a name, as one for a Release file.
fn text_of(text: &str) -> Result<ReleaseText, StoreError> {
    text.parse().map_err(|error: ReleaseTextError| StoreError::Refused(error.to_string()))
}

/// The own key of an archive that stays, if it has one.
fn own_key(db: &Connection, id: ArchiveId, now: Timestamp) -> Result<Option<String>, StoreError> {
    let uses = signing_key::uses(db, Some(id))?;
    Ok(rotation::current(&uses, now).first().map(|one| one.fingerprint.clone()))
}

/// Everything that there is, so that applying it elsewhere makes the same.
pub(super) fn export(db: &Connection, now: Timestamp) -> Result<Description, StoreError> {
    let (persons, teams) = export_people(db)?;
    let mut description = Description { persons, teams, distributions: Vec::new() };
    for row in distribution::distributions(db)? {
        let archives = archive::archives(db, row.id)?
            .into_iter()
            .map(|archive| {
                let mirrors = mirror_journal::settings(db, archive.id)?;
                Ok(ArchiveDescription {
                    suites: export_suites(db, &archive)?,
                    permissions: export_permissions(db, &archive)?,
                    copy_of: export_copy(db, &archive)?,
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
                    keep_versions: Some(archive::versions_kept(db, archive.id)?),
                    keep_snapshots_seconds: Some(snapshot::kept_seconds(db, archive.id)?.unwrap_or(0)),
                    index_engine: Some(archive.index_engine),
                    ls_lr: Some(mirrors.ls_lr),
                    mirror_journal: Some(mirrors.journal),
                    owner: archive.reference.owner().cloned(),
                })
            })
            .collect::<Result<_, StoreError>>()?;
        let mut all = Vec::new();
        for one in series::series_of(db, row.id)? {
            let (enabled, disabled): (Vec<_>, Vec<_>) =
                series::architectures(db, one.id)?.into_iter().partition(|architecture| architecture.enabled);
            let aliases = series_link::aliases_of(db, one.id)?.iter().map(ToString::to_string).collect();
            let inherit_overrides = series_link::inherits_from(db, one.id)?
                .into_iter()
                .map(|(of, series)| format!("{of}/{series}"))
                .collect();
            all.push(SeriesDescription {
                package_sets: export_package_sets(db, &one)?,
                name: one.name,
                settings: SeriesSettings {
                    version: Some(text_of(&one.version)?),
                    display_name: Some(text_of(&one.display_name)?),
                    description: Some(text_of(&one.description)?),
                    status: Some(one.status),
                    components: series::components(db, one.id)?
                        .into_iter()
                        .map(|component| component.name)
                        .collect(),
                    architectures: enabled.into_iter().map(|architecture| architecture.tag).collect(),
                    disabled_architectures: disabled
                        .into_iter()
                        .map(|architecture| architecture.tag)
                        .collect(),
                    index_compressors: Some(one.index_compressors),
                    checksums: Some(one.checksums),
                    publish_by_hash: Some(one.publish_by_hash),
                    advertise_by_hash: Some(one.advertise_by_hash),
                    backports_not_automatic: Some(one.backports_not_automatic),
                    proposed_not_automatic: Some(one.proposed_not_automatic),
                    valid_for_seconds: one
                        .valid_for_seconds
                        .map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
                    index_segment_kib: Some(one.index_segment_size),
                    changes_list: Some(one.changes_list.unwrap_or_default()),
                    source_formats: Some(one.source_formats),
                    suite_name: Some(text_of(&one.suite_name)?),
                    codename: Some(text_of(&one.codename)?),
                    translations: Some(one.translations),
                    contents: Some(one.contents),
                    pdiffs: Some(one.index_patches),
                    aliases: Some(aliases),
                    inherit_overrides: Some(inherit_overrides),
                    previous_series: Some(
                        new_series::previous_series(db, one.id)?
                            .map_or_else(String::new, |(_, name)| name.to_string()),
                    ),
                },
            });
        }
        description.distributions.push(DistributionDescription {
            name: row.name,
            display_name: Some(text_of(&row.display_name)?),
            settings: DistributionSettings {
                redirect_release_uploads: Some(row.redirect_release_uploads),
                bug_mail: Some(row.bug_mail.unwrap_or_default()),
                bug_webhook: Some(row.bug_webhook.unwrap_or_default()),
                development_alias: Some(
                    row.development_alias.map(|alias| alias.to_string()).unwrap_or_default(),
                ),
                parent: Some(
                    derivation::parent(db, row.id)?.map_or_else(String::new, |(_, name)| name.to_string()),
                ),
            },
            archives,
            series: all,
        });
    }
    Ok(description)
}
