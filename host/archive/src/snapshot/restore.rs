//! What has to be done so that a suite is again what it was when a snapshot was made.
//!
//! Nothing of the past is changed: what was in the indexes then and is not now is published anew with the words that it had, and what is in them now and was not then is
//! removed. Domination leaves what a restoration has made alone until something else of its name comes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::PackageKind;
use crate::librarian::Librarian;
use crate::store::contest::DEBUG_ENDING;
use crate::store::snapshot_content::{self as rows, Entry, Indexed, Steps, Waiting};
use crate::store::{Connection, StoreError};

/// What becomes of packages that wait to be published in the suite, and of removals that wait there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfWaiting {
    /// They are published with it, as if they came afterwards, and what somebody wants removed goes although it was there.
    Kept,
    /// They wait no more.
    Withdrawn,
}

/// What has to be done, and what is not as it was all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan<'a> {
    /// What is done to the rows.
    pub steps: Steps,
    /// Packages of then for architectures that are off now: they stay out.
    pub left_out: Vec<&'a Indexed>,
    /// Packages of then that somebody wants removed, and that go.
    pub going: Vec<&'a Indexed>,
}

/// Decides it. What an earlier restoration has made wait, or go, does so no more in any case.
#[must_use]
pub fn plan<'a>(
    then: &'a [Indexed],
    now: &[Indexed],
    waiting: &[Waiting],
    of_waiting: OfWaiting,
) -> Plan<'a> {
    let Plan { mut steps, mut left_out, mut going } = Plan::default();
    let goes = |one: &Indexed| one.removal.is_some() && of_waiting == OfWaiting::Kept;
    // what is the same to a client stays, the very rows first, and what stays anyway
    let wanted_rows: BTreeSet<_> = then.iter().map(|one| (one.kind, one.publication)).collect();
    let mut live: BTreeMap<(PackageKind, &Entry), Vec<&Indexed>> = BTreeMap::new();
    for one in now {
        live.entry((one.kind, &one.entry)).or_default().push(one);
    }
    for same in live.values_mut() {
        same.sort_by_key(|one| {
            (one.removal.is_none(), wanted_rows.contains(&(one.kind, one.publication)), one.publication)
        });
    }
    let mut changed: BTreeSet<(PackageKind, &str)> = BTreeSet::new();
    let mut staying = Vec::new();
    for one in then {
        match live.get_mut(&(one.kind, &one.entry)).and_then(Vec::pop) {
            Some(doomed) if goes(doomed) => going.push(one),
            Some(stays) => staying.push(stays),
            None if !one.architecture_is_enabled => left_out.push(one),
            None => {
                changed.insert((one.kind, &one.name));
                steps.again.push((one.kind, one.publication));
            }
        }
    }
    for one in live.into_values().flatten() {
        changed.insert((one.kind, &one.name));
        steps.leaving.push((one.kind, one.publication));
    }
    let mut beside: BTreeMap<(PackageKind, &str, &str), usize> = BTreeMap::new();
    for one in then {
        *beside.entry((one.kind, &one.name, one.architecture.as_str())).or_default() += 1;
    }
    for one in staying {
        if one.is_to_be_removed {
            steps.reprieved.push((one.kind, one.publication));
        }
        // what would be judged, by a rule that may have been another then
        let is_contested = beside
            .get(&(one.kind, one.name.as_str(), one.architecture.as_str()))
            .is_some_and(|count| *count > 1)
            || one.name.ends_with(DEBUG_ENDING);
        if one.is_to_be_removed || is_contested || changed.contains(&(one.kind, one.name.as_str())) {
            steps.staying.push((one.kind, one.publication));
        }
    }
    let withdrawn = |one: &&Waiting| one.is_of_a_restoration || of_waiting == OfWaiting::Withdrawn;
    steps.withdrawn = waiting.iter().filter(withdrawn).map(|one| (one.kind, one.publication)).collect();
    steps.leaving.sort_unstable_by_key(|(kind, publication)| (*kind != PackageKind::Source, *publication));
    Plan { steps, left_out, going }
}

/// A file without which a package cannot be published again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The package.
    pub package: String,
    /// The file.
    pub file: String,
}

/// The files that are not kept any more of what has to be published again.
///
/// # Errors
/// When the database fails.
pub fn missing(
    db: &Connection,
    librarian: &Librarian,
    then: &[Indexed],
    steps: &Steps,
) -> Result<Vec<Missing>, StoreError> {
    let again: BTreeSet<_> = steps.again.iter().copied().collect();
    let mut missing = Vec::new();
    let mut seen = BTreeSet::new();
    for one in then.iter().filter(|one| again.contains(&(one.kind, one.publication))) {
        if !seen.insert(one.entry.release) {
            continue;
        }
        for (filename, sha256) in rows::files_of(db, one.entry.release)? {
            if sha256.is_none_or(|sha256| !librarian.path(&sha256).is_file()) {
                let package = format!("{} {} ({})", one.name, one.version, one.architecture);
                missing.push(Missing { package, file: filename.to_string() });
            }
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ComponentId, PackageReleaseId, PublicationId};

    fn one(kind: PackageKind, row: i64, name: &str, release: i64, section: &str) -> Indexed {
        Indexed {
            kind,
            publication: PublicationId(row),
            name: name.into(),
            version: format!("{release}").parse().unwrap(),
            entry: Entry {
                release: PackageReleaseId::of(kind, release),
                architecture: None,
                component: ComponentId(1),
                section: Some(section.into()),
                priority: None,
                phased: None,
                extra_fields: None,
            },
            architecture: "amd64".parse().unwrap(),
            architecture_is_enabled: true,
            component: "main".parse().unwrap(),
            is_to_be_removed: false,
            removal: None,
        }
    }

    const B: PackageKind = PackageKind::Binary;

    fn rows(all: &[(PackageKind, PublicationId)]) -> Vec<i64> {
        all.iter().map(|(_, publication)| publication.0).collect()
    }

    #[test]
    fn what_was_there_comes_back_and_what_was_not_goes() {
        let then = [one(B, 1, "aa", 10, "x"), one(B, 2, "bb", 20, "x"), one(B, 3, "cc", 30, "x")];
        // aa was updated, bb filed elsewhere, cc stays, dd is new
        let now = [
            one(B, 4, "aa", 11, "x"),
            one(B, 5, "bb", 20, "y"),
            one(B, 3, "cc", 30, "x"),
            one(B, 6, "dd", 40, "x"),
        ];
        let Plan { steps, left_out, .. } = plan(&then, &now, &[], OfWaiting::Kept);
        assert_eq!((rows(&steps.again), rows(&steps.leaving)), (vec![1, 2], vec![4, 5, 6]));
        assert!(steps.staying.is_empty() && steps.reprieved.is_empty() && left_out.is_empty());
        assert_eq!(plan(&then, &then, &[], OfWaiting::Withdrawn).steps, Steps::default());
    }

    #[test]
    fn what_is_the_same_to_a_client_stays_by_whichever_row() {
        let then = [one(B, 1, "aa", 10, "x"), one(B, 2, "aa", 11, "x")];
        let mut doomed = one(B, 9, "aa", 10, "x");
        doomed.is_to_be_removed = true;
        let Plan { steps, .. } = plan(&then, &[doomed], &[], OfWaiting::Kept);
        assert_eq!((rows(&steps.again), rows(&steps.leaving)), (vec![2], vec![]));
        assert_eq!((rows(&steps.staying), rows(&steps.reprieved)), (vec![9], vec![9]));
        // of two that are the same the row of then stays
        let twice = [one(B, 1, "aa", 10, "x"), one(B, 7, "aa", 10, "x")];
        let Plan { steps, .. } = plan(&then[..1], &twice, &[], OfWaiting::Kept);
        assert_eq!((rows(&steps.leaving), rows(&steps.staying)), (vec![7], vec![1]));
    }

    #[test]
    fn what_waits_is_withdrawn_when_asked_for_and_what_a_restoration_made_wait_always() {
        let waiting = |row, is_of_a_restoration| Waiting {
            kind: B,
            publication: PublicationId(row),
            said: "x".into(),
            is_of_a_restoration,
        };
        let all = [waiting(1, false), waiting(2, true)];
        assert_eq!(rows(&plan(&[], &[], &all, OfWaiting::Kept).steps.withdrawn), [2]);
        assert_eq!(rows(&plan(&[], &[], &all, OfWaiting::Withdrawn).steps.withdrawn), [1, 2]);
    }

    #[test]
    fn an_architecture_that_is_off_stays_off() {
        let mut off = one(B, 1, "aa", 10, "x");
        off.architecture_is_enabled = false;
        let then = [off];
        let Plan { steps, left_out, .. } = plan(&then, &[], &[], OfWaiting::Kept);
        assert_eq!((steps, left_out.len()), (Steps::default(), 1));
    }

    #[test]
    fn what_somebody_wants_removed_goes_or_stays_as_is_said_of_what_waits() {
        let then = [one(B, 1, "aa", 10, "x")];
        let mut doomed = one(B, 1, "aa", 10, "x");
        (doomed.is_to_be_removed, doomed.removal) = (true, Some("bob: licence".into()));
        let now = [doomed];
        let kept = plan(&then, &now, &[], OfWaiting::Kept);
        assert_eq!((kept.steps, kept.going.len()), (Steps::default(), 1));
        let withdrawn = plan(&then, &now, &[], OfWaiting::Withdrawn);
        assert_eq!((rows(&withdrawn.steps.reprieved), withdrawn.going.len()), (vec![1], 0));
        // another row that is the same to clients stays in its place
        let beside = [now[0].clone(), one(B, 2, "aa", 10, "x")];
        let kept = plan(&then, &beside, &[], OfWaiting::Kept);
        assert_eq!((kept.going.len(), rows(&kept.steps.reprieved)), (0, vec![]));
    }
}
