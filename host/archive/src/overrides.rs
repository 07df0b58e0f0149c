//! An archive admin's word on where packages belong: whose right it is, kept, and published where that is wanted.
//!
//! It counts for packages that come in afterwards; what is published follows it only where that is said.

use jiff::Timestamp;

use crate::domain::{
    ArchitectureTag, BinaryName, ComponentName, ExtraField, PackageKind, PackagePriority, Pocket, Section,
    SeriesId,
};
use crate::people::{Actor, Denied, rights};
use crate::store::archive::Archive;
use crate::store::extra_override::{remove_extra_fields, set_extra_fields};
use crate::store::package_override::{
    Override, components_now, find_override, remove_override, set_override,
};
use crate::store::publication::publish_as_overridden;
use crate::store::series::{self, SeriesComponent};
use crate::store::{Connection, StoreError, Transaction};

/// Whose word, on what.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// In which series.
    pub series: SeriesId,
    /// Source or binary.
    pub kind: PackageKind,
    /// The package; the same rule holds for names of both kinds.
    pub package: &'a BinaryName,
    /// Who says it.
    pub actor: &'a Actor,
}

impl Of<'_> {
    fn what(&self) -> (PackageKind, &str) {
        (self.kind, self.package.as_str())
    }
}

/// What is said; what is left out is as the package says.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    /// The component.
    pub component: Option<&'a ComponentName>,
    /// The section.
    pub section: Option<&'a Section>,
    /// The priority; of binary packages alone.
    pub priority: Option<&'a PackagePriority>,
    /// Further fields; they are set one by one.
    pub fields: &'a [ExtraField],
    /// The fields are for this architecture alone.
    pub architecture: Option<&'a ArchitectureTag>,
    /// Also for what is published now.
    pub published: bool,
}

impl Word<'_> {
    /// Whether it says where the package belongs.
    const fn files(&self) -> bool {
        self.component.is_some() || self.section.is_some() || self.priority.is_some()
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.files() && self.fields.is_empty()
    }
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// The database failed, or it knows no such component or architecture.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Who asks lacks a right.
    #[error(transparent)]
    Denied(#[from] Denied),
}

/// Keeps a word on a package, and has it published where that is wanted.
///
/// # Errors
/// When a right is lacking, the series has no such component or architecture, or the database fails; nothing of it may be kept then.
pub fn set(tx: &Transaction<'_>, of: &Of<'_>, word: &Word<'_>, now: Timestamp) -> Result<(), OverrideError> {
    let (place, what, by) = ((of.archive.id, of.series), of.what(), of.actor.name());
    let component = match word.component {
        Some(component) => Some(series::component(tx, of.series, component)?),
        None => None,
    };
    refuse_unknown(tx, of.series, word.architecture)?;
    may(tx, of, component.as_ref())?;
    let new = if word.files() {
        let component = component.map(|component| component.id);
        let new = Override { component, section: word.section.cloned(), priority: word.priority.cloned() };
        set_override(tx, place, what, &new, by, now)?;
        new
    } else {
        // what was said before and waits to be published stays said
        find_override(tx, place.0, place.1, what.0, what.1)?.unwrap_or_default()
    };
    set_extra_fields(tx, place, what, word.architecture, word.fields, by, now)?;
    if word.published {
        publish_as_overridden(tx, place, what, &new, by, now)?;
    }
    Ok(())
}

/// Takes back what was said of a package; says whether there was anything.
///
/// # Errors
/// When a right is lacking, or the database fails; nothing of it may be kept then.
pub fn remove(tx: &Transaction<'_>, of: &Of<'_>) -> Result<bool, OverrideError> {
    may(tx, of, None)?;
    let (place, what) = ((of.archive.id, of.series), of.what());
    Ok(remove_override(tx, place, what)? | remove_extra_fields(tx, place, what)?)
}

fn refuse_unknown(
    db: &Connection,
    series: SeriesId,
    architecture: Option<&ArchitectureTag>,
) -> Result<(), StoreError> {
    let Some(tag) = architecture else { return Ok(()) };
    let known = series::architectures(db, series)?;
    if known.iter().any(|one| one.tag == *tag) {
        return Ok(());
    }
    let known = known.into_iter().map(|one| one.tag.to_string()).collect();
    Err(StoreError::Unknown { what: "architecture", name: tag.to_string(), known })
}

/// Refuses who has no right over a component that the package is in, or would be in.
fn may(db: &Connection, of: &Of<'_>, to: Option<&SeriesComponent>) -> Result<(), OverrideError> {
    let mut components = components_now(db, of.archive.id, of.series, of.kind, of.package.as_str())?;
    components.extend(to.map(|component| (component.id, component.name.clone())));
    Ok(rights(db, of.archive, of.actor)?.may_administer(of.series, Pocket::Release, &components)?)
}
