//! Which suites a pass is for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pressroom_archive::domain::{ArchivePurpose, PassPriority, Pocket, SignedBy, SuiteName};
use pressroom_archive::store::archive::{Archive, archives};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::suite::{self, Dirt};
use pressroom_archive::store::{Connection, StoreError, series};

use super::context::Options;
use crate::root::SigningKeys;

/// The archives that a distribution's run publishes: its own, the primary one first, then those of people. Copies are for rebuilds.
pub(crate) fn published_archives(
    db: &Connection,
    distribution: &Distribution,
) -> Result<Vec<Archive>, StoreError> {
    let all = archives(db, distribution.id)?;
    Ok(all.into_iter().filter(|archive| archive.publish && archive.purpose != ArchivePurpose::Copy).collect())
}

/// A suite that has work but may not be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) suite: SuiteName,
    pub(crate) reason: String,
}

/// The suites for a pass, and those that are refused.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) suites: Vec<Dirt>,
    pub(crate) refused: Vec<Refusal>,
}

/// The suites of an archive that a pass of a priority publishes: those with work, within what the operator asked for.
///
/// The fast track is for security suites where something waits. A security suite that is only fresh waits for the normal pass with the rest of its
/// series, unless security is all that was asked for.
pub(crate) fn select(
    db: &Connection,
    archive: &Archive,
    priority: PassPriority,
    options: &Options,
    keys: &SigningKeys<'_>,
) -> Result<Selection, StoreError> {
    let mut selection = Selection::default();
    for suite in suite::suites_of(db, archive.id)? {
        let name = suite.name.clone();
        let named = options.suites.is_empty() || options.suites.contains(&name);
        let is_security = name.pocket() == Pocket::Security;
        if !named || (is_security, priority) == (false, PassPriority::HIGH) {
            continue;
        }
        let series = series::series_by_id(db, suite.series)?;
        let status = series.status;
        let mut dirt = suite::dirt(db, suite)?;
        dirt.renewals = keys.renewals(db, archive, &dirt.suite, series.valid_for_seconds);
        let waits = dirt.waits();
        let wanted = match priority {
            PassPriority::HIGH => {
                waits || (options.security_only && (dirt.fresh || dirt.needs_release() || options.careful))
            }
            _ => dirt.is_dirty() || options.careful,
        };
        if !wanted {
            continue;
        }
        if archive.purpose.holds_still(name.pocket(), status)
            && dirt.pending + dirt.removals + dirt.customs > 0
        {
            selection.refused.push(Refusal {
                reason: format!(
                    "{} changes wait in {name}, but its series is {status} and its release pocket does not change: open it \
                     again with `pressroom series set {} --status FROZEN`, or leave them waiting",
                    dirt.pending + dirt.removals + dirt.customs,
                    name.series()
                ),
                suite: name,
            });
            // clients take its Release only as long as it is valid and signed by keys that they know, whatever waits
            if dirt.needs_release() {
                dirt.only_release = true;
                selection.suites.push(dirt);
            }
            continue;
        }
        selection.suites.push(dirt);
    }
    Ok(selection)
}

/// The suites that were asked for and that none of the archives has.
pub(crate) fn unknown_suites(
    db: &Connection,
    archives: &[Archive],
    wanted: &BTreeSet<SuiteName>,
) -> Result<Vec<SuiteName>, StoreError> {
    let mut known = BTreeSet::new();
    for archive in archives {
        known.extend(suite::suites_of(db, archive.id)?.into_iter().map(|suite| suite.name));
    }
    Ok(wanted.difference(&known).cloned().collect())
}

/// The error for a suite that none of the archives has.
pub(super) fn no_such_suite(
    db: &Connection,
    archives: &[Archive],
    name: &SuiteName,
) -> Result<StoreError, StoreError> {
    let mut known: Vec<String> = Vec::new();
    for archive in archives {
        known.extend(suite::suites_of(db, archive.id)?.into_iter().map(|suite| suite.name.to_string()));
    }
    Ok(StoreError::Unknown { what: "suite", name: name.to_string(), known })
}

/// A suite whose live Release is younger than the one that would replace it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Release of {suite} is of {last}, but the clock says {began}: clients refuse one that is older than the one they have; set the clock \
     right, or, if it was wrong then, publish with --accept-older-date (clients complain until that date, or until their lists are removed)"
)]
pub(super) struct OlderDate {
    suite: SuiteName,
    last: Timestamp,
    began: Timestamp,
}

/// Clients take no Release that is older than the one they have: a clock that was set back would cut them off without a word.
pub(super) fn refuse_older(suites: &[Dirt], options: &Options, began: Timestamp) -> Result<(), OlderDate> {
    let younger = suites.iter().find_map(|Dirt { suite, .. }| {
        let last = suite.release_date.filter(|last| *last > began)?;
        Some(OlderDate { suite: suite.name.clone(), last, began })
    });
    match younger {
        Some(older) if !options.accept_older_date => Err(older),
        _ => Ok(()),
    }
}

/// A Release whose `Signed-By` names none of the keys that sign: clients would refuse whatever comes after it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Release files of {archive} would say that the next ones are signed by {named}, which is none of its keys ({keys}): clients would take nothing \
     any more; see `pressroom archive set {archive} --signed-by`"
)]
pub(super) struct LockedOut {
    archive: String,
    named: String,
    keys: String,
}

/// Clients hold the next Release to the keys that the last one has named. A name with an exclamation mark is a subkey's, and left to the operator.
pub(super) fn refuse_locking_out(archive: &Archive, keys: &str) -> Result<(), LockedOut> {
    let SignedBy::These(named) = &archive.signed_by else { return Ok(()) };
    if named.iter().any(|one| one.ends_with('!') || keys.split(' ').any(|key| key == one)) {
        return Ok(());
    }
    Err(LockedOut {
        archive: archive.reference.to_string(),
        named: named.join(", "),
        keys: keys.replace(' ', ", "),
    })
}
