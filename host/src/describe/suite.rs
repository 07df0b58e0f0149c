//! Suites in descriptions: how they are published, where somebody has said so.

use pressroom_archive::domain::SuiteName;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::suite::{suite, suites_of};
use pressroom_archive::store::suite_hold::{SuiteChange, change_suite, default_settings, settings};
use pressroom_archive::store::{Connection, StoreError, Transaction};
use serde::{Deserialize, Serialize};

/// Whether changes of a suite wait for somebody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Approval {
    /// They do.
    Required,
    /// They do not.
    None,
}

impl Approval {
    pub(crate) const fn of(required: bool) -> Self {
        if required { Self::Required } else { Self::None }
    }
}

/// How a suite is published.
#[derive(Debug, Clone, Default, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct SuiteSettings {
    /// Whether changes are published only when somebody has approved them (`suite approve`).
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approval: Option<Approval>,
    /// Whether the binaries of a source are published together: when no build of it for an architecture of the suite is to come any more.
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_by_source: Option<bool>,
    /// They wait for each other so long at the most.
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_by_source_most_seconds: Option<u32>,
}

impl SuiteSettings {
    pub(crate) fn change(&self) -> SuiteChange {
        SuiteChange {
            approval_required: self.approval.map(|approval| approval == Approval::Required),
            group_by_source: self.group_by_source,
            group_by_source_seconds: self.group_by_source_most_seconds,
        }
    }

    /// What it says, for the log.
    pub(crate) fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(approval) = self.approval {
            words.push(format!(
                "approval {}",
                if approval == Approval::Required { "required" } else { "none" }
            ));
        }
        if let Some(grouped) = self.group_by_source {
            words.push(format!("group-by-source {grouped}"));
        }
        if let Some(seconds) = self.group_by_source_most_seconds {
            words.push(format!("group-by-source-most-seconds {seconds}"));
        }
        words.join(", ")
    }

    fn of(change: SuiteChange) -> Self {
        Self {
            approval: change.approval_required.map(Approval::of),
            group_by_source: change.group_by_source,
            group_by_source_most_seconds: change.group_by_source_seconds,
        }
    }
}

/// A suite of an archive. Those that are not named are published as all are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SuiteDescription {
    pub(crate) name: SuiteName,
    #[serde(flatten)]
    pub(crate) settings: SuiteSettings,
}

/// Brings suites of an archive to what is said of them.
pub(super) fn apply(
    tx: &Transaction<'_>,
    archive: &Archive,
    suites: &[SuiteDescription],
) -> Result<(), StoreError> {
    for wanted in suites {
        let found = suite(tx, archive.id, &wanted.name)?;
        change_suite(tx, found.id, &wanted.settings.change())?;
    }
    Ok(())
}

/// The suites of an archive of which something is said.
pub(super) fn export(db: &Connection, archive: &Archive) -> Result<Vec<SuiteDescription>, StoreError> {
    let mut described = Vec::new();
    for one in suites_of(db, archive.id)? {
        let change = settings(db, one.id)?;
        if change != default_settings() {
            described.push(SuiteDescription { name: one.name, settings: SuiteSettings::of(change) });
        }
    }
    Ok(described)
}
