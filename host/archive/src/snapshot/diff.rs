//! What is different between two moments of a suite.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::PackageKind;
use crate::domain::version::DebVersion;
use crate::store::snapshot_content::{Entry, Indexed};

/// What has happened to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It was not there.
    Added,
    /// It is there no more.
    Removed,
    /// It is there in other versions.
    Changed,
    /// It is there in the same versions, filed elsewhere, given to others, or made anew.
    Refiled,
}

/// A package that is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Source or binary.
    pub kind: PackageKind,
    /// Its name.
    pub package: String,
    /// In which indexes: `source`, or architectures.
    pub architectures: Vec<String>,
    /// What has happened to it.
    pub what: What,
    /// The versions before, the lowest first.
    pub before: Vec<DebVersion>,
    /// The versions after.
    pub after: Vec<DebVersion>,
    /// Where the versions are the same: the components, sections and priorities before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filed_before: Option<String>,
    /// And after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filed_after: Option<String>,
}

type Key<'a> = (PackageKind, &'a str, &'a str);

/// The differences, sources first, by name. What is the same in several indexes is said once.
#[must_use]
pub fn diff(before: &[Indexed], after: &[Indexed]) -> Vec<Difference> {
    let mut sides: BTreeMap<Key<'_>, (Vec<&Indexed>, Vec<&Indexed>)> = BTreeMap::new();
    for one in before {
        sides.entry(key(one)).or_default().0.push(one);
    }
    for one in after {
        sides.entry(key(one)).or_default().1.push(one);
    }
    let mut differences: Vec<Difference> = Vec::new();
    for ((kind, package, architecture), (before, after)) in sides {
        let entries =
            |side: &[&Indexed]| side.iter().map(|one| one.entry.clone()).collect::<BTreeSet<Entry>>();
        if entries(&before) == entries(&after) {
            continue;
        }
        let (old, new) = (versions(&before), versions(&after));
        let what = match (old.is_empty(), new.is_empty()) {
            (true, _) => What::Added,
            (_, true) => What::Removed,
            _ if old == new => What::Refiled,
            _ => What::Changed,
        };
        let filed = |side: &[&Indexed]| (what == What::Refiled).then(|| filing(side));
        let difference = Difference {
            kind,
            package: package.to_owned(),
            architectures: vec![architecture.to_owned()],
            what,
            before: old,
            after: new,
            filed_before: filed(&before),
            filed_after: filed(&after),
        };
        match differences.last_mut().filter(|last| is_same(last, &difference)) {
            Some(last) => last.architectures.push(architecture.to_owned()),
            None => differences.push(difference),
        }
    }
    differences
}

fn key(one: &Indexed) -> Key<'_> {
    (one.kind, &one.name, one.architecture.as_str())
}

/// Whether two differences are the same in another index.
fn is_same(one: &Difference, other: &Difference) -> bool {
    let without = |difference: &Difference| Difference { architectures: Vec::new(), ..difference.clone() };
    without(one) == without(other)
}

fn versions(side: &[&Indexed]) -> Vec<DebVersion> {
    let mut versions: Vec<DebVersion> = side.iter().map(|one| one.version.clone()).collect();
    versions.sort_by(|one, other| one.dpkg_cmp(other));
    versions.dedup();
    versions
}

/// How packages are filed, in words.
fn filing(side: &[&Indexed]) -> String {
    let words = side.iter().map(|one| {
        let mut words = format!("{}/{}", one.component, one.entry.section.as_deref().unwrap_or("-"));
        if let Some(priority) = &one.entry.priority {
            words.push_str(&format!(" {priority}"));
        }
        if let Some(phased) = one.entry.phased {
            words.push_str(&format!(" to {phased} %"));
        }
        words
    });
    words.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}
