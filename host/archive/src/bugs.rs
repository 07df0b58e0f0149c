//! The bugs that an upload closes: which, and telling their trackers.
//!
//! That a bug is closed is written down with the publications. Telling is a step of its own afterwards, upload by upload, so that a template that is
//! broken holds no package back; what could not be told is tried again by the next run, and what was told is never told again.

use std::collections::BTreeSet;
use std::io::Read as _;

use jiff::Timestamp;

use crate::domain::name::SourceName;
use crate::domain::{ArchiveId, ArchivePurpose, BugTracker, DebVersion, Pocket, SeriesId, Sha256, UploadId};
use crate::format::Changes;
use crate::librarian::Librarian;
use crate::notify::{Letterhead, NotifyError, UploadFacts, close_bug};
use crate::store::bug_closure::{self, NewClosure};
use crate::store::distribution::Distribution;
use crate::store::shape::SuiteShape;
use crate::store::{Connection, Db, StoreError, Transaction, package_copy, suite};

/// So many bugs of one upload are closed; one that names more has pasted something.
pub(crate) const MOST_BUGS: usize = 1_000;

/// The bugs that an upload closes: where its users will find it, not where it is only tried, or is somebody's own.
#[must_use]
pub fn closed(changes: &Changes, purpose: ArchivePurpose, pocket: Pocket) -> Vec<(BugTracker, u64)> {
    if !closes_bugs(purpose, pocket) {
        return Vec::new();
    }
    let of = |tracker, bugs: &[u64]| bugs.iter().map(|bug| (tracker, *bug)).collect::<Vec<_>>();
    let mut bugs: BTreeSet<(BugTracker, u64)> = BTreeSet::new();
    bugs.extend(of(BugTracker::Debbugs, &changes.closes));
    bugs.extend(of(BugTracker::Launchpad, &changes.launchpad_bugs_fixed));
    // what no row can hold is no bug's number
    bugs.into_iter().filter(|(_, bug)| i64::try_from(*bug).is_ok_and(|bug| bug > 0)).collect()
}

/// Whether what comes into a pocket of an archive closes bugs.
const fn closes_bugs(purpose: ArchivePurpose, pocket: Pocket) -> bool {
    let counts_here = match purpose {
        ArchivePurpose::Primary => true,
        ArchivePurpose::Ppa | ArchivePurpose::Partner | ArchivePurpose::Copy => false,
    };
    let counts_there = match pocket {
        Pocket::Release | Pocket::Security | Pocket::Updates => true,
        Pocket::Proposed | Pocket::Backports => false,
    };
    counts_here && counts_there
}

/// A bug that a copy closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedByCopy {
    /// The upload that names it.
    pub upload: UploadId,
    /// The version that came with that.
    pub version: DebVersion,
    /// What the number is a number of.
    pub tracker: BugTracker,
    /// The number.
    pub bug: u64,
}

/// Where a copy comes from.
#[derive(Debug, Clone, Copy)]
pub struct CopiedFrom {
    /// The archive.
    pub archive: ArchiveId,
    /// The series in it.
    pub series: SeriesId,
}

/// The bugs that a source closes by being copied: those that its uploads to its origin, and to where it was copied from before, have named, from after what the users of the target have up to the
/// copied version. They closed none there, where it was only tried.
///
/// # Errors
/// When the database fails. A `.changes` that cannot be read names none.
pub fn closed_by_copy(
    db: &Connection,
    librarian: &Librarian,
    from: CopiedFrom,
    (purpose, to): (ArchivePurpose, &SuiteShape),
    (name, version): (&SourceName, &DebVersion),
) -> Result<Vec<ClosedByCopy>, StoreError> {
    let pocket = to.suite.name.pocket();
    if !closes_bugs(purpose, pocket) {
        return Ok(Vec::new());
    }
    let mut there: Option<DebVersion> = None;
    for suite in suite::suites_of(db, to.suite.archive)? {
        let is_meant = suite.id == to.suite.id
            || (suite.series == to.series.id && suite.name.pocket() == Pocket::Release);
        if is_meant {
            let live = package_copy::sources_in(db, suite.id, name)?.into_iter().filter(|one| one.is_live);
            let older = live.map(|one| one.version).filter(|one| one.dpkg_cmp(version).is_lt());
            there = there.into_iter().chain(older).max();
        }
    }
    let mut found = Vec::new();
    let is_new = |one: &DebVersion| there.as_ref().is_none_or(|there| one.dpkg_cmp(there).is_gt());
    for (place, up_to) in way_of(db, from, (name, version), &is_new)? {
        for (upload, sent, sha256) in package_copy::uploads_with_changes(db, place, name)? {
            if !is_new(&sent) || sent.dpkg_cmp(&up_to).is_gt() {
                continue;
            }
            let Some(changes) = changes_of(librarian, &sha256) else {
                tracing::warn!(
                    "the bugs that upload {upload} closes are not known: its .changes cannot be read"
                );
                continue;
            };
            found.extend(closed(&changes, purpose, pocket).into_iter().map(|(tracker, bug)| ClosedByCopy {
                upload,
                version: sent.clone(),
                tracker,
                bug,
            }));
        }
    }
    found.sort_by_key(|one| one.upload);
    found.truncate(MOST_BUGS);
    Ok(found)
}

/// Where a source has been on its way to where it is copied from, with the highest version that came from there: what was uploaded to somebody's archive
/// may have been tried in another before.
fn way_of(
    db: &Connection,
    from: CopiedFrom,
    (name, version): (&SourceName, &DebVersion),
    is_new: &dyn Fn(&DebVersion) -> bool,
) -> Result<Vec<Place>, StoreError> {
    let mut way: Vec<Place> = vec![((from.archive, from.series), version.clone())];
    let mut next = vec![0];
    while let Some(at) = next.pop() {
        let (place, up_to) = way[at].clone();
        for (archive, series, copied) in package_copy::copied_into(db, place, name)? {
            if !is_new(&copied) || copied.dpkg_cmp(&up_to).is_gt() {
                continue;
            }
            let known = way.iter().position(|(place, _)| *place == (archive, series));
            match known {
                // it has been looked at with a version that is as high: so circles come to an end
                Some(known) if copied.dpkg_cmp(&way[known].1).is_le() => {}
                Some(known) => {
                    way[known].1 = copied;
                    next.push(known);
                }
                None => {
                    way.push(((archive, series), copied));
                    next.push(way.len() - 1);
                }
            }
        }
    }
    Ok(way)
}

/// A series of an archive, and up to which version a source came from there.
type Place = ((ArchiveId, SeriesId), DebVersion);

/// So much of a `.changes` is read: what comes in has been shorter.
pub(crate) const LONGEST_CHANGES: u64 = 32 << 20;

fn changes_of(librarian: &Librarian, sha256: &Sha256) -> Option<Changes> {
    let mut bytes = Vec::new();
    librarian.open(sha256).ok()?.take(LONGEST_CHANGES).read_to_end(&mut bytes).ok()?;
    Changes::parse(&bytes).ok()
}

/// Writes down the bugs that a copy closes. Those that were not closed by that version before, as `DEBBUGS 12`.
///
/// # Errors
/// When the database fails.
pub fn record_closed_by_copy(
    tx: &Transaction<'_>,
    to: &SuiteShape,
    name: &SourceName,
    bugs: &[ClosedByCopy],
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let mut closed = Vec::new();
    for one in bugs {
        let new = NewClosure {
            distribution: to.series.distribution,
            tracker: one.tracker,
            bug: one.bug,
            source: name,
            version: &one.version,
            upload: one.upload,
            suite: Some(to.suite.id),
        };
        if bug_closure::add_closure(tx, &new, now)? {
            closed.push(format!("{} {}", one.tracker, one.bug));
        }
    }
    Ok(closed)
}

/// What came of telling.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The bugs of which a message was written.
    pub bugs: usize,
    /// The uploads of whose bugs nobody could be told, and why.
    pub problems: Vec<String>,
}

/// Whether trackers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// They are.
    Told,
    /// Nobody is, and nobody will be.
    KeptQuiet,
}

/// Writes a message for each bug that is closed and of which nobody was told, each upload's in a transaction of its own.
///
/// # Errors
/// When the bugs cannot be listed.
pub fn tell_of_bugs(
    db: &mut Db,
    librarian: &Librarian,
    distribution: &Distribution,
    letterhead: Option<&Letterhead>,
    telling: Telling,
    now: Timestamp,
) -> Result<Told, StoreError> {
    let mut told = Told::default();
    let mut after = UploadId(0);
    while let Some((upload, bugs)) = bug_closure::next_untold(db.read(), distribution.id, after)? {
        after = upload;
        let written = db.write(|tx| {
            let mut written = 0;
            let facts = match telling {
                Telling::Told => Some(UploadFacts::load(tx, librarian, upload)?),
                Telling::KeptQuiet => None,
            };
            for one in &bugs {
                if let Some(facts) = &facts {
                    let (tracker, bug) = (one.tracker, one.bug);
                    let elsewhere = one.suite.map(|suite| facts.in_suite(tx, suite)).transpose()?;
                    let facts = elsewhere.as_ref().unwrap_or(facts);
                    let new = close_bug(tx, letterhead, distribution, tracker, bug, facts, now)?;
                    written += usize::from(new);
                }
                bug_closure::mark_told(tx, one.id, now)?;
            }
            Ok::<_, NotifyError>(written)
        });
        match written {
            Ok(written) => told.bugs += written,
            Err(error) => {
                let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                let why = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
                told.problems.push(format!(
                    "nobody was told of the {} bugs that upload {upload} closes, which is tried again by the next run: {why}",
                    bugs.len()
                ));
            }
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(lines: &str) -> Changes {
        let sha256 = "0".repeat(64);
        let text = format!(
            "Format: 1.8\nSource: hello\nArchitecture: source\nVersion: 1\nDistribution: s\nMaintainer: D <d@example.org>\n\
             {lines}Changes:\n hello\nChecksums-Sha256:\n {sha256} 3 hello_1.dsc\nFiles:\n {} 3 misc optional hello_1.dsc\n",
            "0".repeat(32)
        );
        Changes::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn bugs_are_closed_once_by_what_users_find() {
        use ArchivePurpose::{Copy, Partner, Ppa, Primary};
        use Pocket::{Backports, Proposed, Release, Security, Updates};
        let changes = changes("Closes: 34 12 34\nLaunchpad-Bugs-Fixed: 12\n");
        for (purpose, pocket, count) in [
            (Primary, Release, 3),
            (Primary, Security, 3),
            (Primary, Updates, 3),
            (Primary, Proposed, 0),
            (Primary, Backports, 0),
            (Ppa, Release, 0),
            (Partner, Release, 0),
            (Copy, Release, 0),
        ] {
            assert_eq!(closed(&changes, purpose, pocket).len(), count, "{purpose} {pocket}");
        }
        assert_eq!(
            closed(&changes, Primary, Release),
            [(BugTracker::Debbugs, 12), (BugTracker::Debbugs, 34), (BugTracker::Launchpad, 12)]
        );
    }

    #[test]
    fn what_is_no_bugs_number_closes_nothing() {
        let changes = changes("Closes: 0 18446744073709551615 7\n");
        assert_eq!(closed(&changes, ArchivePurpose::Primary, Pocket::Release), [(BugTracker::Debbugs, 7)]);
        assert!(closed(&self::changes(""), ArchivePurpose::Primary, Pocket::Release).is_empty());
    }
}
