//! A series in descriptions, with its package sets.

use jiff::Timestamp;
use pressroom_archive::domain::{
    ArchitectureTag, Checksum, ComponentName, Compressor, Compressors, DistributionId, DistributionName,
    MailAddressError, PatchLimit, ReleaseText, ReleaseWord, ReleaseWordError, SegmentSize, SeriesId,
    SeriesName, SeriesStatus, SourceFormat, SourceFormats, Translations,
};
use pressroom_archive::store::series::{self as rows, Series, SeriesChange};
use pressroom_archive::store::{
    Connection, StoreError, Transaction, distribution, new_series, publication, series_link,
};
use serde::{Deserialize, Serialize};

use super::people::PackageSetDescription;
use super::{OPERATOR, named, people, text_of};

/// A series.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SeriesDescription {
    pub(crate) name: SeriesName,
    #[serde(flatten)]
    pub(crate) settings: SeriesSettings,
    #[serde(default, rename = "package-set", skip_serializing_if = "Vec::is_empty")]
    pub(crate) package_sets: Vec<PackageSetDescription>,
}

/// What can be set of a series.
#[derive(Debug, Clone, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct SeriesSettings {
    /// The version, as 12 or 24.04; `Version` in the Release files.
    #[arg(long = "series-version", value_name = "VERSION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<ReleaseText>,
    /// As people write the series.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<ReleaseText>,
    /// `Description` in the Release files.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<ReleaseText>,
    /// Where it is in its life: EXPERIMENTAL, DEVELOPMENT, FROZEN, CURRENT, SUPPORTED, OBSOLETE or FUTURE.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<SeriesStatus>,
    /// A component; again for more, the most preferred first. Added behind those that are there.
    #[arg(long = "component", value_name = "COMPONENT")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) components: Vec<ComponentName>,
    /// An architecture to publish; again for more.
    #[arg(long = "architecture", value_name = "ARCHITECTURE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) architectures: Vec<ArchitectureTag>,
    /// An architecture to publish no longer.
    #[arg(long = "disable-architecture", value_name = "ARCHITECTURE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) disabled_architectures: Vec<ArchitectureTag>,
    /// The forms of indexes, of uncompressed, gz, xz, zst; again or with commas for more.
    #[arg(long, value_delimiter = ',', value_name = "FORM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index_compressors: Option<Vec<Compressor>>,
    /// The checksums in indexes, of md5, sha1, sha256 (always); again or with commas for more.
    #[arg(long, value_delimiter = ',', value_name = "CHECKSUM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksums: Option<Vec<Checksum>>,
    /// Whether index files lie under by-hash too.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) publish_by_hash: Option<bool>,
    /// Whether clients are told so (`Acquire-By-Hash`).
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advertise_by_hash: Option<bool>,
    /// Whether clients take from -backports only what they are asked to (`NotAutomatic`).
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backports_not_automatic: Option<bool>,
    /// Whether clients take from -proposed only what they are asked to.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proposed_not_automatic: Option<bool>,
    /// `Valid-Until` is so many seconds after `Date`; 0 for none.
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_for_seconds: Option<u32>,
    /// How much text a segment of an index has, in KiB: a change is published faster with small ones, large ones make smaller files.
    #[arg(long, value_name = "KIB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index_segment_kib: Option<SegmentSize>,
    /// The mail address of the list that reads what is accepted; empty for none.
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changes_list: Option<String>,
    /// The formats that source packages may have, of "1.0", "3.0 (native)" and "3.0 (quilt)"; again or with commas for more.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_formats: Option<Vec<SourceFormat>>,
    /// `Suite` in the Release files instead of its name, as stable (stable-updates and so on in the other pockets); empty for its name.
    #[arg(long, value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suite_name: Option<ReleaseWord>,
    /// `Codename` in the Release files instead of its name; empty for its name.
    #[arg(long, value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) codename: Option<ReleaseWord>,
    /// Which long descriptions stand apart from Packages, in i18n/Translation-en: en or none.
    #[arg(long, value_name = "en|none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) translations: Option<Translations>,
    /// Whether Contents-ARCHITECTURE lists the files of packages, for apt-file.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contents: Option<bool>,
    /// How many patches of each index are kept, with which apt brings up to date what it has instead of fetching it whole; or none.
    #[arg(long, value_name = "COUNT|none")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pdiffs: Option<PatchLimit>,
    /// Another name of the series, as unstable, in uploads and as links in dists; again or with commas for more, empty for none. All that it has.
    #[arg(long = "alias", value_delimiter = ',', value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aliases: Option<Vec<String>>,
    /// A series whose overrides this one inherits, as one or debian/sid; again or with commas for more, empty for none: what is published there is not new
    /// here, and filed as there.
    #[arg(long = "inherit-overrides", value_delimiter = ',', value_name = "SERIES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inherit_overrides: Option<Vec<String>>,
    /// The series before it; empty for none. When the indexes of a new series are made for the first time, it gets the custom uploads of that one.
    #[arg(long, value_name = "SERIES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_series: Option<String>,
}

impl SeriesSettings {
    fn change(&self) -> Result<SeriesChange, StoreError> {
        let refused = |error: &dyn std::fmt::Display| StoreError::Refused(error.to_string());
        let changes_list = match self.changes_list.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(address) => Some(Some(address.parse().map_err(|error: MailAddressError| refused(&error))?)),
        };
        let forms = self.index_compressors.clone().map(Compressors::new);
        let formats = self.source_formats.clone().map(SourceFormats::new);
        Ok(SeriesChange {
            version: self.version.clone(),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            status: self.status,
            index_compressors: forms.transpose().map_err(|error| refused(&error))?,
            checksums: self.checksums.clone(),
            publish_by_hash: self.publish_by_hash,
            advertise_by_hash: self.advertise_by_hash,
            backports_not_automatic: self.backports_not_automatic,
            proposed_not_automatic: self.proposed_not_automatic,
            valid_for_seconds: self
                .valid_for_seconds
                .map(|seconds| (seconds > 0).then_some(i64::from(seconds))),
            index_segment_size: self.index_segment_kib,
            changes_list,
            source_formats: formats.transpose().map_err(|error| refused(&error))?,
            suite_name: self.suite_name.clone(),
            codename: self.codename.clone(),
            translations: self.translations,
            contents: self.contents,
            index_patches: self.pdiffs,
        })
    }
}

/// Makes a series as it is described. What names other series is left to [`apply_links`].
pub(super) fn apply(
    tx: &Transaction<'_>,
    distribution: DistributionId,
    wanted: &SeriesDescription,
    now: Timestamp,
) -> Result<(), StoreError> {
    let known = rows::series_of(tx, distribution)?.into_iter().find(|series| series.name == wanted.name);
    let id = match known {
        Some(series) => series.id,
        None => {
            let own = text_of(wanted.name.as_str())?;
            let version = wanted.settings.version.as_ref().unwrap_or(&own);
            rows::create_series(tx, distribution, &wanted.name, version, now)?
        }
    };
    change(tx, id, &wanted.settings, now)?;
    people::apply_package_sets(tx, &rows::series_by_id(tx, id)?, &wanted.package_sets, now)
}

fn change(
    tx: &Transaction<'_>,
    id: SeriesId,
    settings: &SeriesSettings,
    now: Timestamp,
) -> Result<(), StoreError> {
    for component in &settings.components {
        rows::add_component(tx, id, component)?;
    }
    for (tags, enabled) in [(&settings.architectures, true), (&settings.disabled_architectures, false)] {
        for tag in tags {
            rows::set_architecture(tx, id, tag, enabled)?;
            if let Some(row) = rows::architectures(tx, id)?.into_iter().find(|row| row.tag == *tag && enabled)
            {
                publication::publish_arch_all_for(tx, id, row.id, OPERATOR, now)?;
            }
        }
    }
    rows::change_series(tx, id, &settings.change()?, now)
}

/// By which other names a series is meant, whose overrides it inherits, and which one came before it.
pub(super) fn apply_links(
    tx: &Transaction<'_>,
    (distribution, name): (DistributionId, &DistributionName),
    wanted: &SeriesDescription,
) -> Result<(), StoreError> {
    let (id, settings) = (rows::series(tx, distribution, &wanted.name)?.id, &wanted.settings);
    if let Some(previous) = &settings.previous_series {
        let previous = match previous.as_str() {
            "" => None,
            name => Some(rows::series(tx, distribution, &named(name)?)?.id),
        };
        new_series::set_previous_series(tx, id, previous)?;
    }
    if let Some(aliases) = &settings.aliases {
        let aliases = aliases.iter().filter(|word| !word.is_empty()).map(|word| named(word));
        let aliases: Vec<SeriesName> = aliases.collect::<Result<_, _>>()?;
        let mut taken = Vec::new();
        for alias in &aliases {
            let other = series_link::series_of_alias(tx, distribution, alias.as_str())?;
            taken.extend(other.filter(|other| *other != id).map(|other| (alias, other)));
        }
        series_link::set_aliases(tx, id, &aliases)?;
        for (alias, other) in taken {
            let (from, to) = (rows::series_by_id(tx, other)?.name, rows::series_by_id(tx, id)?.name);
            tracing::warn!(
                "{alias} is {to} and no longer {from}: with the next publication, clients that read {alias} change from {from} to {to}"
            );
        }
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
            found.push(rows::series(tx, of, &named(series)?)?.id);
        }
        series_link::set_inherits_from(tx, id, &found)?;
    }
    Ok(())
}

fn word_of(text: &str) -> Result<ReleaseWord, StoreError> {
    text.parse().map_err(|error: ReleaseWordError| StoreError::Refused(error.to_string()))
}

/// A series as it is.
pub(super) fn export(db: &Connection, one: Series) -> Result<SeriesDescription, StoreError> {
    let (enabled, disabled): (Vec<_>, Vec<_>) =
        rows::architectures(db, one.id)?.into_iter().partition(|architecture| architecture.enabled);
    let aliases = series_link::aliases_of(db, one.id)?.iter().map(ToString::to_string).collect();
    let inherit_overrides = series_link::inherits_from(db, one.id)?
        .into_iter()
        .map(|(of, series)| format!("{of}/{series}"))
        .collect();
    Ok(SeriesDescription {
        package_sets: people::export_package_sets(db, &one)?,
        name: one.name,
        settings: SeriesSettings {
            version: Some(text_of(&one.version)?),
            display_name: Some(text_of(&one.display_name)?),
            description: Some(text_of(&one.description)?),
            status: Some(one.status),
            components: rows::components(db, one.id)?.into_iter().map(|component| component.name).collect(),
            architectures: enabled.into_iter().map(|architecture| architecture.tag).collect(),
            disabled_architectures: disabled.into_iter().map(|architecture| architecture.tag).collect(),
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
            suite_name: Some(word_of(&one.suite_name)?),
            codename: Some(word_of(&one.codename)?),
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
    })
}
