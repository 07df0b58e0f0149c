//! Which suites a pass is for.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::dists::taken;
use pressroom_archive::domain::{ArchivePurpose, PassPriority, Pocket, Publisher, SignedBy, SuiteName};
use pressroom_archive::store::archive::{Archive, archives};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::snapshot_content::is_allowed_to_change;
use pressroom_archive::store::suite::{self, Dirt};
use pressroom_archive::store::survey::Survey;
use pressroom_archive::store::{Connection, StoreError, dists_link};

use super::context::Options;
use crate::hooks::{Registry, VetoOverride};
use crate::root::SigningKeys;
use pressroom_sandbox::Point;

/// The archives that a run of a publisher publishes, as far as it is for them; the primary one first.
pub(crate) fn published_archives(
    db: &Connection,
    distribution: &Distribution,
    publisher: Publisher,
    options: &Options,
) -> Result<Vec<Archive>, StoreError> {
    let mut all = archives(db, distribution.id)?;
    all.retain(|archive| {
        archive.is_published() && archive.publisher() == publisher && options.has(&archive.reference)
    });
    Ok(all)
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
    /// Suites with work that somebody holds, or that has to wait: what is said of each. No failure.
    pub(crate) left_alone: Vec<String>,
}

/// The suites of an archive that a pass of a priority publishes: those with work, within what the operator asked for. What came since the survey is for the
/// next run.
///
/// The fast track is for security suites where something waits. A security suite that is only fresh waits for the normal pass with the rest of its
/// series, unless security is all that was asked for.
pub(crate) fn select(
    db: &Connection,
    survey: &Survey,
    archive: &Archive,
    priority: PassPriority,
    options: &Options,
    now: Timestamp,
    keys: &SigningKeys<'_>,
) -> Result<Selection, StoreError> {
    let mut selection = Selection::default();
    let fingerprints = keys.fingerprints(db, archive).ok();
    for (suite, series) in survey.suites_of(archive.id) {
        let name = suite.name.clone();
        let is_security = name.pocket() == Pocket::Security;
        if !options.is_for(&name) || (is_security, priority) == (false, PassPriority::HIGH) {
            continue;
        }
        let status = series.status;
        let mut dirt = survey.dirt(db, suite, now)?;
        dirt.renewals = keys.renewals(fingerprints.as_deref(), &dirt.suite, series.valid_for_seconds);
        leave_out(&mut dirt, options);
        let waits = dirt.waits();
        let careful = options.careful.any();
        let wanted = match priority {
            PassPriority::HIGH => {
                waits || (options.security_only && (dirt.fresh || dirt.needs_release() || careful))
            }
            _ => dirt.is_dirty() || careful,
        };
        if let Some(note) = held_back(archive, &dirt, wanted, options) {
            selection.left_alone.push(note);
        }
        if !wanted || dirt.suite.pause.is_some() || (options.disabled.indexing && dirt.fresh) {
            continue;
        }
        if archive.purpose.holds_still(name.pocket(), status)
            && dirt.changes() > 0
            && !is_allowed_to_change(db, dirt.suite.id)?
        {
            selection.refused.push(Refusal {
                reason: format!(
                    "{} changes wait in {name}, but its series is {status} and its release pocket does not change: open it \
                     again with `pressroom series set {} --status FROZEN`, or leave them waiting",
                    dirt.changes(),
                    name.series()
                ),
                suite: name,
            });
            // clients take its Release only as long as it is valid and signed by keys that they know, whatever waits; and what is there may be damaged
            if dirt.needs_release() || (careful && dirt.suite.release_date.is_some()) {
                dirt.only_release = true;
                selection.suites.push(dirt);
            }
            continue;
        }
        selection.suites.push(dirt);
    }
    Ok(selection)
}

/// Leaves those suites out of a selection in whose place is something that Pressroom has not made: what would be written into a suite by a link would be
/// written into another.
pub(super) fn refuse_taken(
    db: &Connection,
    archive: &Archive,
    dists: &Path,
    selection: &mut Selection,
) -> Result<(), StoreError> {
    let ours = dists_link::links_of(db, archive.id)?;
    let Selection { suites, refused, .. } = selection;
    suites.retain(|dirt| {
        let taken = taken(dists, &ours, &dirt.suite.name);
        let reason = taken.as_ref().map(ToString::to_string);
        refused.extend(reason.map(|reason| Refusal { suite: dirt.suite.name.clone(), reason }));
        taken.is_none()
    });
    Ok(())
}

/// What a run leaves out is no reason for a pass.
fn leave_out(dirt: &mut Dirt, options: &Options) {
    if options.disabled.publishing {
        (dirt.pending, dirt.customs) = (0, 0);
    }
    if options.disabled.release_file {
        dirt.release_file = false;
        dirt.renewals.clear();
    }
    if options.disabled.domination {
        dirt.suite.domination_owed = false;
    }
}

/// Why a suite with work is left alone, or part of its work waits; none: it is not.
fn held_back(archive: &Archive, dirt: &Dirt, wanted: bool, options: &Options) -> Option<String> {
    let name = &dirt.suite.name;
    let of = if archive.purpose == ArchivePurpose::Primary {
        String::new()
    } else {
        format!(" of {}", archive.reference)
    };
    let to = |verb: &str| {
        if archive.purpose == ArchivePurpose::Primary {
            format!("`pressroom suite {verb} {name}`")
        } else {
            format!("`pressroom suite {verb} {name} --archive {}`", archive.reference)
        }
    };
    if let Some(pause) = &dirt.suite.pause {
        return (wanted || dirt.unapproved > 0).then(|| {
            format!(
                "{name}{of} is paused by {} ({}): {} lets it be published",
                pause.by,
                pause.reason,
                to("resume")
            )
        });
    }
    if options.disabled.indexing && dirt.fresh {
        return Some(format!(
            "{name}{of} waits: its indexes have to be made in full first (--disable-indexing)"
        ));
    }
    (dirt.unapproved > 0).then(|| {
        format!(
            "{name}{of}: {} changes wait for approval: {} shows them, {} approves them",
            dirt.unapproved,
            to("show"),
            to("approve")
        )
    })
}

/// The suites that were asked for and that none of the archives has.
pub(crate) fn unknown_suites(
    db: &Connection,
    archives: &[Archive],
    wanted: &BTreeSet<SuiteName>,
) -> Result<Vec<SuiteName>, StoreError> {
    let mut known = BTreeSet::new();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
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

/// Why a pass over suites of an archive is not begun: clients would take nothing of it, or nothing that comes after it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum Refused {
    OlderDate(#[from] OlderDate),
    LockedOut(#[from] LockedOut),
}

/// The `Date` of the Release files of a pass that has begun at a time, unless it would harm who takes from the suites. `keys` are those that would sign.
pub(super) fn release_date(
    archive: &Archive,
    suites: &[Dirt],
    keys: &str,
    options: &Options,
    began: Timestamp,
) -> Result<Timestamp, Refused> {
    let date = date_after_last(suites, options, began)?;
    refuse_locking_out(archive, keys)?;
    Ok(date)
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

/// So far a Date may be ahead of the clock: where several publications come in one second each has its own. Clients wait with a Release of the future, apt
/// from ten seconds on.
const AHEAD: SignedDuration = SignedDuration::from_secs(5);

/// A date that is a second after the last of these suites at least. Over HTTP clients ask for what has
/// changed since the second that they know, and would stay at the first of two publications.
///
/// Clients take no Release that is older than the one they have: a clock that was set back would cut them off without a word, so that is refused.
fn date_after_last(suites: &[Dirt], options: &Options, began: Timestamp) -> Result<Timestamp, OlderDate> {
    let ahead = began.saturating_add(AHEAD).unwrap_or(began);
    let youngest = suites
        .iter()
        .filter_map(|Dirt { suite, .. }| Some((suite.release_date?, suite)))
        .max_by_key(|(date, _)| *date);
    match youngest {
        None => Ok(began),
        Some((last, _)) if last <= ahead => {
            Ok(last.saturating_add(SignedDuration::from_secs(1)).unwrap_or(last).clamp(began, ahead))
        }
        Some(_) if options.accept_older_date => Ok(began),
        Some((last, suite)) => Err(OlderDate { suite: suite.name.clone(), last, began }),
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
fn refuse_locking_out(archive: &Archive, keys: &str) -> Result<(), LockedOut> {
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

/// A veto can only be overridden of a hook that is called before publication: a name that is none of them is a mistake that would be noticed too late.
pub(super) fn refuse_unknown_hooks(
    registry: &Registry,
    veto_override: &VetoOverride,
) -> Result<(), StoreError> {
    let entries = registry.at(Point::PrePublication);
    let unknown = veto_override.hooks.iter().find(|name| !entries.iter().any(|entry| entry.is_called(name)));
    match unknown {
        None => Ok(()),
        Some(name) => Err(StoreError::Unknown {
            what: "hook before publication, whose veto could be overridden, with the name",
            name: name.clone(),
            known: entries.iter().map(|entry| entry.file_name.clone()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use pressroom_archive::domain::{ArchiveId, SeriesId, SuiteId};
    use pressroom_archive::store::suite::Suite;

    use super::*;

    const BEGAN: &str = "2025-03-01T12:00:10Z";

    fn dirt(name: &str, date: Option<&str>) -> Dirt {
        let suite = Suite {
            id: SuiteId(1),
            archive: ArchiveId(1),
            series: SeriesId(1),
            name: name.parse().unwrap(),
            indexes_wanted: 1,
            indexes_created: 1,
            release_wanted: 0,
            release_created: 0,
            signing_keys: None,
            date_last_published: None,
            release_date: date.map(|time| format!("2025-03-01T12:00:{time}Z").parse().unwrap()),
            was_indexed: true,
            pause: None,
            approval_required: false,
            group_by_source_seconds: None,
            domination_owed: false,
        };
        Dirt { pending: 1, ..Dirt::clean(suite) }
    }

    /// The date of a pass over suites that were published in these seconds, in its minute.
    fn dated(last: &[Option<&str>], options: &Options) -> Result<String, String> {
        let suites: Vec<Dirt> =
            last.iter().zip(["one", "one-updates"]).map(|(date, name)| dirt(name, *date)).collect();
        let date = date_after_last(&suites, options, BEGAN.parse().unwrap());
        date.map(|date| date.strftime("%S").to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_release_has_a_date_of_its_own_that_is_hardly_ahead_of_the_clock() {
        let options = Options::default();
        for (last, expected) in [
            (&[None, None][..], "10"),
            (&[Some("03"), None], "10"),
            (&[Some("09")], "10"),
            (&[Some("10")], "11"),
            // all suites of a pass have one
            (&[Some("03"), Some("11")], "12"),
            (&[Some("14")], "15"),
            // apt would wait with a Release that is further ahead
            (&[Some("15")], "15"),
        ] {
            assert_eq!(dated(last, &options).as_deref(), Ok(expected), "{last:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_publishes_nothing_unless_the_operator_says_so() {
        let mut options = Options::default();
        let refused = dated(&[Some("03"), Some("16")], &options).unwrap_err();
        assert!(refused.contains("Release of one-updates is of 2025-03-01T12:00:16Z"), "{refused}");
        options.accept_older_date = true;
        assert_eq!(dated(&[Some("03"), Some("16")], &options).as_deref(), Ok("10"));
        assert_eq!(dated(&[Some("10")], &options).as_deref(), Ok("11"));
    }
}
