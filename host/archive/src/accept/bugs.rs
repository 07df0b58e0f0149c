//! The bugs that an upload closes: which, and telling their trackers.
//!
//! That a bug is closed is written down with the publications. Telling is a step of its own afterwards, upload by upload, so that a template that is
//! broken holds no package back; what could not be told is tried again by the next run, and what was told is never told again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::{ArchivePurpose, BugTracker, Pocket, UploadId};
use crate::format::Changes;
use crate::librarian::Librarian;
use crate::notify::{Letterhead, NotifyError, UploadFacts, close_bug};
use crate::store::distribution::Distribution;
use crate::store::{Db, StoreError, bug_closure};

/// So many bugs of one upload are closed; one that names more has pasted something.
pub(super) const MOST_BUGS: usize = 1_000;

/// The bugs that an upload closes: where its users will find it, not where it is only tried, or is somebody's own.
#[must_use]
pub fn closed(changes: &Changes, purpose: ArchivePurpose, pocket: Pocket) -> Vec<(BugTracker, u64)> {
    let counts_here = match purpose {
        ArchivePurpose::Primary => true,
        ArchivePurpose::Ppa | ArchivePurpose::Partner | ArchivePurpose::Copy => false,
    };
    let counts_there = match pocket {
        Pocket::Release | Pocket::Security | Pocket::Updates => true,
        Pocket::Proposed | Pocket::Backports => false,
    };
    if !(counts_here && counts_there) {
        return Vec::new();
    }
    let of = |tracker, bugs: &[u64]| bugs.iter().map(|bug| (tracker, *bug)).collect::<Vec<_>>();
    let mut bugs: BTreeSet<(BugTracker, u64)> = BTreeSet::new();
    bugs.extend(of(BugTracker::Debbugs, &changes.closes));
    bugs.extend(of(BugTracker::Launchpad, &changes.launchpad_bugs_fixed));
    // what no row can hold is no bug's number
    bugs.into_iter().filter(|(_, bug)| i64::try_from(*bug).is_ok_and(|bug| bug > 0)).collect()
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
