//! A distribution in descriptions, with its archives and series.

use jiff::Timestamp;
use pressroom_archive::domain::{ArchivePurpose, ArchiveReference, DistributionName, NameError, ReleaseText};
use pressroom_archive::store::distribution::{self as rows, Distribution, DistributionChange};
use pressroom_archive::store::suite::{Of, forget_indexes};
use pressroom_archive::store::{Connection, StoreError, Transaction, derivation};
use pressroom_archive::store::{archive as archive_rows, series as series_rows};
use serde::{Deserialize, Serialize};

use super::archive::ArchiveDescription;
use super::series::SeriesDescription;
use super::{OPERATOR, archive, copy, named, none_if_empty, people, series, suite, text_of};

/// A distribution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DistributionDescription {
    pub(crate) name: DistributionName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<ReleaseText>,
    #[serde(flatten)]
    pub(crate) settings: DistributionSettings,
    #[serde(default, rename = "archive", skip_serializing_if = "Vec::is_empty")]
    pub(crate) archives: Vec<ArchiveDescription>,
    #[serde(default, rename = "series", skip_serializing_if = "Vec::is_empty")]
    pub(crate) series: Vec<SeriesDescription>,
}

/// What a distribution wants of uploads.
#[derive(Debug, Clone, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct DistributionSettings {
    /// Whether uploads to a series under development go to its -proposed suite.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_release_uploads: Option<bool>,
    /// The mail address that closes a bug, with %s for its number, as %s-done@bugs.example.org; empty for none.
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bug_mail: Option<String>,
    /// A URL that gets JSON by POST for every bug that an upload closes; empty for none.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bug_webhook: Option<String>,
    /// The name under which clients find the newest series with packages, as devel: a link in the dists of each archive; empty for none.
    #[arg(long, value_name = "WORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) development_alias: Option<String>,
    /// The distribution that it derives from (`publish --all-derived`); empty for none.
    #[arg(long, value_name = "DISTRIBUTION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
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

/// Makes a distribution as it is described, with its archives and series. What names things of other distributions is left to [`apply_links`].
pub(super) fn apply(
    tx: &Transaction<'_>,
    wanted: &DistributionDescription,
    now: Timestamp,
) -> Result<(), StoreError> {
    let distribution = the_distribution(tx, wanted, now)?;
    rows::change_distribution(tx, distribution.id, &wanted.settings.change()?)?;
    for one in &wanted.archives {
        archive::apply(tx, &distribution, one, now)?;
    }
    for one in &wanted.series {
        series::apply(tx, distribution.id, one, now)?;
    }
    // suites are of series; rights are over components, series and package sets
    for one in &wanted.archives {
        let row = archive_rows::archive(tx, &one.reference(&wanted.name))?;
        suite::apply(tx, &row, &one.suites)?;
        people::apply_permissions(tx, &row, &one.permissions, OPERATOR, now)?;
    }
    Ok(())
}

/// The distribution, made with its primary archive where it is not there yet, and called as is said.
fn the_distribution(
    tx: &Transaction<'_>,
    DistributionDescription { name, display_name, .. }: &DistributionDescription,
    now: Timestamp,
) -> Result<Distribution, StoreError> {
    if let Some(found) = rows::find_distribution(tx, name)? {
        if let Some(new) = display_name.as_ref().filter(|new| new.as_str() != found.display_name) {
            rows::set_display_name(tx, found.id, new)?;
            // it stands in the Release files
            for archive in archive_rows::archives(tx, found.id)? {
                forget_indexes(tx, Of::Archive(archive.id))?;
            }
        }
        return Ok(found);
    }
    let own = text_of(name.as_str())?;
    rows::create_distribution(tx, name, display_name.as_ref().unwrap_or(&own), now)?;
    let made = rows::distribution(tx, name)?;
    let reference = ArchiveReference::primary(name.clone());
    let called = format!("Primary archive of {}", made.display_name);
    archive_rows::create_archive(tx, &made, &reference, ArchivePurpose::Primary, &called, now)?;
    Ok(made)
}

/// Says what it derives from, which archives its copies are of, and how its series hang together with others: once all that are described are there.
pub(super) fn apply_links(tx: &Transaction<'_>, wanted: &DistributionDescription) -> Result<(), StoreError> {
    let id = rows::distribution(tx, &wanted.name)?.id;
    if let Some(parent) = &wanted.settings.parent {
        let parent = match parent.as_str() {
            "" => None,
            name => Some(rows::distribution(tx, &named(name)?)?.id),
        };
        derivation::set_parent(tx, id, parent)?;
    }
    for one in &wanted.archives {
        if let Some(of) = &one.copy_of {
            copy::apply_origin(tx, &archive_rows::archive(tx, &one.reference(&wanted.name))?, of)?;
        }
    }
    for one in &wanted.series {
        series::apply_links(tx, (id, &wanted.name), one)?;
    }
    Ok(())
}

/// A distribution as it is.
pub(super) fn export(
    db: &Connection,
    row: Distribution,
    now: Timestamp,
) -> Result<DistributionDescription, StoreError> {
    let archives = archive_rows::archives(db, row.id)?;
    let series = series_rows::series_of(db, row.id)?;
    let parent = derivation::parent(db, row.id)?;
    Ok(DistributionDescription {
        archives: archives.into_iter().map(|one| archive::export(db, one, now)).collect::<Result<_, _>>()?,
        series: series.into_iter().map(|one| series::export(db, one)).collect::<Result<_, _>>()?,
        name: row.name,
        display_name: Some(text_of(&row.display_name)?),
        settings: DistributionSettings {
            redirect_release_uploads: Some(row.redirect_release_uploads),
            bug_mail: Some(row.bug_mail.unwrap_or_default()),
            bug_webhook: Some(row.bug_webhook.unwrap_or_default()),
            development_alias: Some(row.development_alias.map(|alias| alias.to_string()).unwrap_or_default()),
            parent: Some(parent.map_or_else(String::new, |(_, name)| name.to_string())),
        },
    })
}
