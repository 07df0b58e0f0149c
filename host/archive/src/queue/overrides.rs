//! Filing the packages of an upload otherwise, before they are published: what changes, and whether it may.
//!
//! It counts for this upload: its publications are made with it. The next one of the same name is filed as those are.

use super::decide::Review;
use super::entry::Entry;
use super::transitions;
use crate::domain::{BinaryReleaseId, ComponentId, ComponentName, PackagePriority, Section, UploadId};
use crate::people::rights;
use crate::store::package_upload::{Filed, log, upload};
use crate::store::series::{self, SeriesComponent};
use crate::store::{StoreError, Transaction, upload_queue};

/// Where packages are to be filed; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// In which component.
    pub component: Option<ComponentName>,
    /// In which section.
    pub section: Option<Section>,
    /// With which priority; binaries alone.
    pub priority: Option<PackagePriority>,
}

/// Which packages of an upload are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant<'a> {
    /// Its source.
    Source,
    /// Its binary packages of these names; of no name: all of them.
    Binaries(&'a [String]),
}

/// What is changed of one thing in an upload.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// `source`, or what the package is for.
    pub architecture: String,
    /// Its name.
    pub name: String,
    /// The component before.
    pub old_component: ComponentName,
    /// The component now.
    pub component: ComponentName,
    /// The section before.
    pub old_section: Option<Section>,
    /// The section now.
    pub section: Option<Section>,
    /// The priority before.
    pub old_priority: Option<PackagePriority>,
    /// The priority now.
    pub priority: Option<PackagePriority>,
    #[serde(skip)]
    component_row: ComponentId,
    #[serde(skip)]
    old_component_row: ComponentId,
    #[serde(skip)]
    binary: Option<BinaryReleaseId>,
}

impl Change {
    /// Whether it changes anything.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.component != self.old_component
            || self.section != self.old_section
            || self.priority != self.old_priority
    }
}

impl std::fmt::Display for Change {
    /// `source hello: component universe to main, section net to admin`.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_none = |word: Option<&str>| word.unwrap_or("none").to_owned();
        let section = |section: &Option<Section>| or_none(section.as_ref().map(Section::as_str));
        let priority =
            |priority: &Option<PackagePriority>| or_none(priority.as_ref().map(PackagePriority::as_str));
        let mut parts = Vec::new();
        for (what, old, new) in [
            ("component", self.old_component.to_string(), self.component.to_string()),
            ("section", section(&self.old_section), section(&self.section)),
            ("priority", priority(&self.old_priority), priority(&self.priority)),
        ] {
            if old != new {
                parts.push(format!("{what} {old} to {new}"));
            }
        }
        if parts.is_empty() {
            parts.push("as it was".to_owned());
        }
        write!(out, "{} {}: {}", self.architecture, self.name, parts.join(", "))
    }
}

/// What a wish changes, thing by thing; or every reason why it cannot be.
///
/// # Errors
/// The reasons: a component or priority that is not there, nothing that is meant, publications that are made already.
pub fn plan(
    entry: &Entry,
    components: &[SeriesComponent],
    meant: Meant<'_>,
    wish: &Wish,
) -> Result<Vec<Change>, Vec<String>> {
    let mut reasons = Vec::new();
    if let Err(illegal) = transitions::refile(entry.upload.status) {
        reasons.push(illegal.to_string());
    }
    let component = wish.component.as_ref().and_then(|name| {
        let found = components.iter().find(|component| component.name == *name);
        if found.is_none() {
            let known: Vec<&str> = components.iter().map(|component| component.name.as_str()).collect();
            reasons.push(format!(
                "{} has no component {name}: it has {}",
                entry.suite.name,
                known.join(", ")
            ));
        }
        found
    });
    if let Some(section) = &wish.section
        && section.component().is_some()
    {
        reasons.push(format!(
            "the section {section} names a component: say --section {} and --component apart",
            section.without_component()
        ));
    }
    if let Some(priority) = &wish.priority
        && !priority.is_known()
    {
        reasons.push(priority.unknown());
    }
    let change = |architecture: String, name: String, filed: &Filed, old: &ComponentName, binary| Change {
        architecture,
        name,
        old_component: old.clone(),
        component: component.map_or_else(|| old.clone(), |component| component.name.clone()),
        old_section: filed.section.clone(),
        section: wish.section.clone().or_else(|| filed.section.clone()),
        old_priority: filed.priority.clone(),
        priority: match binary {
            None => filed.priority.clone(),
            Some(_) => wish.priority.clone().or_else(|| filed.priority.clone()),
        },
        component_row: component.map_or(filed.component, |component| component.id),
        old_component_row: filed.component,
        binary,
    };
    let mut changes = Vec::new();
    match meant {
        Meant::Source => match &entry.source {
            None => reasons.push(format!(
                "upload {} has no source: its packages are filed with `pressroom queue override binary`",
                entry.upload.id
            )),
            Some(source) => changes.push(change(
                "source".to_owned(),
                source.name.to_string(),
                &source.filed,
                &source.component,
                None,
            )),
        },
        Meant::Binaries(names) => {
            for name in names {
                if !entry.binaries.iter().any(|binary| binary.name == *name) {
                    reasons.push(no_such_binary(entry, name));
                }
            }
            if entry.binaries.is_empty() {
                reasons.push(format!(
                    "upload {} has no binary package: its source is filed with `pressroom queue override source`",
                    entry.upload.id
                ));
            }
            let is_meant = |name: &String| names.is_empty() || names.contains(name);
            for binary in entry.binaries.iter().filter(|binary| is_meant(&binary.name)) {
                changes.push(change(
                    binary.architecture.to_string(),
                    binary.name.clone(),
                    &binary.filed,
                    &binary.component,
                    Some(binary.release),
                ));
            }
        }
    }
    if reasons.is_empty() { Ok(changes) } else { Err(reasons) }
}

fn no_such_binary(entry: &Entry, name: &str) -> String {
    let mut known: Vec<&str> = entry.binaries.iter().map(|binary| binary.name.as_str()).collect();
    known.dedup();
    known.truncate(10);
    format!("upload {} has no binary package {name}: it has {}", entry.upload.id, known.join(", "))
}

/// The components that a change takes packages from or puts them in.
#[must_use]
pub fn concerned(changes: &[Change]) -> Vec<(ComponentId, ComponentName)> {
    let old = changes.iter().map(|change| (change.old_component_row, change.old_component.clone()));
    let new = changes.iter().map(|change| (change.component_row, change.component.clone()));
    let all: std::collections::BTreeMap<_, _> = old.chain(new).collect();
    all.into_iter().collect()
}

/// Files packages of an upload otherwise, if that may be, and logs who did it.
///
/// # Errors
/// When there is no such upload, or the database fails.
pub fn file_otherwise(
    tx: &Transaction<'_>,
    id: UploadId,
    meant: Meant<'_>,
    wish: &Wish,
    review: &Review<'_>,
) -> Result<Result<Vec<Change>, Vec<String>>, StoreError> {
    let entry = Entry::load(tx, upload(tx, id)?)?;
    let components = series::components(tx, entry.suite.series)?;
    let changes = match plan(&entry, &components, meant, wish) {
        Ok(changes) => changes,
        Err(reasons) => return Ok(Err(reasons)),
    };
    let rights = rights(tx, &entry.archive, review.actor)?;
    let suite = (entry.suite.series, entry.suite.name.pocket());
    if let Err(denied) = rights.may_administer(suite.0, suite.1, &concerned(&changes)) {
        return Ok(Err(vec![denied.to_string()]));
    }
    let Review { actor, comment, now } = *review;
    for change in changes.iter().filter(|change| change.is_any()) {
        let (component, section) = (change.component_row, change.section.as_ref());
        match change.binary {
            None => upload_queue::refile_source(tx, id, component, section)?,
            Some(release) => {
                let priority = change.priority.as_ref();
                upload_queue::refile_binary(tx, (id, release), component, section, priority)?;
            }
        }
        let line = if comment.is_empty() { change.to_string() } else { format!("{change}: {comment}") };
        let status = entry.upload.status;
        log(tx, id, (status, status), actor.name(), &line, now)?;
    }
    Ok(Ok(changes))
}
