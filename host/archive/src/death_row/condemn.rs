//! Which files of a package may leave the pool of an archive: pure rules over the rows that have them.
//!
//! A file is a name and a content. It may go when every publication of the archive that has it and was not removed is past: in no index, with a date that
//! has come. So an orig tarball stays that another version shares, and a package that was moved between components stays while it is published in one. A
//! source stays while a binary package of it is published, and while one that was built using it is in the archive.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{ComponentId, PackageKind, PublicationId, PublicationStatus};
use crate::pool::layout::holder;

/// An unremoved publication that has a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Of which table.
    pub kind: PackageKind,
    /// The row.
    pub publication: PublicationId,
    /// As `hello 1.0 (amd64)`.
    pub package: String,
    /// In which suite.
    pub suite: String,
    /// In which component.
    pub component: ComponentId,
    /// What it is.
    pub status: PublicationStatus,
    /// From when on its files may go.
    pub scheduled: Option<Timestamp>,
    /// A pass that has not ended is to change it.
    pub is_in_a_pass: bool,
    /// The live indexes of its suite may list it although it is over.
    pub is_listed: bool,
    /// Why its whole package stays, if it does.
    pub hold: Option<Reason>,
}

impl Owner {
    /// The publication in words.
    fn said(&self) -> String {
        format!("{} in {}", self.package, self.suite)
    }

    /// Why its files stay; none: it is past.
    #[must_use]
    pub fn reason(&self, now: Timestamp) -> Option<Reason> {
        match self.status {
            PublicationStatus::Pending => return Some(Reason::Waiting { by: self.said() }),
            PublicationStatus::Published => return Some(Reason::Published { by: self.said() }),
            PublicationStatus::Superseded | PublicationStatus::Deleted | PublicationStatus::Obsolete => {}
        }
        if self.is_in_a_pass {
            return Some(Reason::InAPass { by: self.said() });
        }
        if self.is_listed {
            return Some(Reason::Listed { by: self.said(), suite: self.suite.clone() });
        }
        match self.scheduled {
            None => Some(Reason::NotScheduled { by: self.said() }),
            Some(until) if until > now => Some(Reason::Stay { by: self.said(), until }),
            Some(_) => self.hold.clone(),
        }
    }
}

/// Why a file stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Reason {
    /// A publication of it is in the indexes.
    Published {
        /// Which.
        by: String,
    },
    /// A publication of it waits for a pass.
    Waiting {
        /// Which.
        by: String,
    },
    /// A pass is under way that changes its publication.
    InAPass {
        /// Which.
        by: String,
    },
    /// The indexes that are live may list it.
    Listed {
        /// Which publication.
        by: String,
        /// Of which suite.
        suite: String,
    },
    /// Nobody has said from when on it may go: a source whose binaries are published, or something that a pass has not judged.
    NotScheduled {
        /// Which publication.
        by: String,
    },
    /// Its stay of execution is not over.
    Stay {
        /// Which publication.
        by: String,
        /// When it is.
        #[serde(serialize_with = "as_text")]
        until: Timestamp,
    },
    /// It is a source, and a binary package of it is published.
    Binary {
        /// Which.
        by: String,
    },
    /// It is a source that went into a binary package that is in the archive.
    BuiltUsing {
        /// Which.
        by: String,
        /// Which field says so.
        field: String,
    },
    /// A snapshot needs it that is kept.
    Snapshot {
        /// Which.
        by: String,
        /// Until when; none: until somebody lets it go.
        #[serde(serialize_with = "as_text_if_known")]
        until: Option<Timestamp>,
    },
    /// Something else keeps it.
    Hold {
        /// What.
        by: String,
        /// Until when, if that is known.
        #[serde(serialize_with = "as_text_if_known")]
        until: Option<Timestamp>,
    },
}

fn as_text<S: serde::Serializer>(date: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

fn as_text_if_known<S: serde::Serializer>(
    date: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(date),
        None => serializer.serialize_none(),
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published { by } => write!(f, "{by} is published"),
            Self::Waiting { by } => write!(f, "{by} waits to be published"),
            Self::InAPass { by } => write!(f, "a pass that has not ended changes {by}"),
            Self::Listed { by, suite } => {
                write!(
                    f,
                    "{by} is over, and {suite} has not been published without it: run `pressroom publish`"
                )
            }
            Self::NotScheduled { by } => {
                write!(
                    f,
                    "{by} has no date yet: a source waits until its binary packages have gone from there"
                )
            }
            Self::Stay { by, until } => write!(f, "{by} stays until {until}"),
            Self::Binary { by } => write!(f, "its binary package {by} is published"),
            Self::BuiltUsing { by, field } => write!(f, "{by} names it in {field}, and is in the archive"),
            Self::Snapshot { by, until: None } => write!(f, "{by} needs it"),
            Self::Snapshot { by, until: Some(until) } => {
                write!(f, "{by} needs it, and is kept until {until}")
            }
            Self::Hold { by, until: None } => write!(f, "{by} keeps it"),
            Self::Hold { by, until: Some(until) } => write!(f, "{by} keeps it until {until}"),
        }
    }
}

/// A name that the pool has for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Under which component.
    pub component: ComponentId,
    /// A link to the same name in another component.
    pub is_symlink: bool,
}

/// A file of a package, with all that there is to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its names in the pool of the archive.
    pub names: Vec<Name>,
    /// All unremoved publications of the archive that have it, those of the package itself included.
    pub owners: Vec<Owner>,
    /// Why it stays whatever publications say.
    pub hold: Option<Reason>,
}

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// All its names go.
    Goes,
    /// It stays, and names that nobody wants any more go.
    Stays {
        /// Why, each reason once.
        reasons: Vec<Reason>,
        /// The components whose names go.
        going: Vec<ComponentId>,
        /// The component that has the file afterwards; the others that stay have links to it. None where no name goes.
        real: Option<ComponentId>,
    },
}

/// Decides about a file. `preference` has the components, the most preferred first.
#[must_use]
pub fn condemn(case: &Case, preference: &[ComponentId], now: Timestamp) -> Fate {
    let mut reasons: Vec<Reason> = case.hold.iter().cloned().collect();
    let mut wanted: Vec<ComponentId> = Vec::new();
    for owner in &case.owners {
        if let Some(reason) = owner.reason(now) {
            reasons.push(reason);
            wanted.push(owner.component);
        }
    }
    if reasons.is_empty() {
        return Fate::Goes;
    }
    reasons.sort();
    reasons.dedup();
    // names that a pass has made or is about to make are not recorded yet, so that nothing is known of which one has the file
    let is_settled = case.hold.is_none()
        && !case.owners.iter().any(|one| one.status == PublicationStatus::Pending || one.is_in_a_pass);
    let staying: Vec<ComponentId> =
        case.names.iter().map(|name| name.component).filter(|component| wanted.contains(component)).collect();
    let going: Vec<ComponentId> = case
        .names
        .iter()
        .map(|name| name.component)
        .filter(|component| !wanted.contains(component))
        .collect();
    if !is_settled || going.is_empty() || staying.is_empty() {
        return Fate::Stays { reasons, going: Vec::new(), real: None };
    }
    let has_the_file = |component: &&ComponentId| {
        case.names.iter().any(|name| name.component == **component && !name.is_symlink)
    };
    // a file that stays is not moved
    let real = staying.iter().find(has_the_file).or_else(|| holder(preference, &staying)).copied();
    Fate::Stays { reasons, going, real }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: ComponentId = ComponentId(1);
    const UNIVERSE: ComponentId = ComponentId(2);
    const RESTRICTED: ComponentId = ComponentId(3);
    const PREFERENCE: [ComponentId; 3] = [MAIN, UNIVERSE, RESTRICTED];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn owner(status: PublicationStatus, scheduled: Option<i64>, component: ComponentId) -> Owner {
        Owner {
            kind: PackageKind::Binary,
            publication: PublicationId(1),
            package: "hello 1 (amd64)".to_owned(),
            suite: "s".to_owned(),
            component,
            status,
            scheduled: scheduled.map(at),
            is_in_a_pass: false,
            is_listed: false,
            hold: None,
        }
    }

    fn past(component: ComponentId) -> Owner {
        owner(PublicationStatus::Superseded, Some(100), component)
    }

    fn live(component: ComponentId) -> Owner {
        owner(PublicationStatus::Published, None, component)
    }

    fn case(names: &[(ComponentId, bool)], owners: &[Owner]) -> Case {
        Case {
            names: names
                .iter()
                .map(|(component, is_symlink)| Name { component: *component, is_symlink: *is_symlink })
                .collect(),
            owners: owners.to_vec(),
            hold: None,
        }
    }

    fn fate(case: &Case) -> Fate {
        condemn(case, &PREFERENCE, at(100))
    }

    fn stays(case: &Case) -> String {
        match fate(case) {
            Fate::Goes => "goes".to_owned(),
            Fate::Stays { reasons, going, .. } => {
                assert!(going.is_empty(), "{going:?}");
                reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn a_file_goes_when_every_publication_of_it_is_past() {
        use PublicationStatus::{Deleted, Obsolete, Pending, Published, Superseded};
        let one = |owner: Owner| case(&[(MAIN, false)], &[owner]);
        for status in [Superseded, Deleted, Obsolete] {
            // the date itself has come
            for date in [0, 99, 100] {
                assert_eq!(fate(&one(owner(status, Some(date), MAIN))), Fate::Goes, "{status} {date}");
            }
            assert!(stays(&one(owner(status, Some(101), MAIN))).contains("stays until 1970-01-01T00:01:41Z"));
            assert!(stays(&one(owner(status, None, MAIN))).contains("has no date yet"));
        }
        // a date that was left on a row that is active means nothing
        assert_eq!(stays(&one(owner(Pending, Some(0), MAIN))), "hello 1 (amd64) in s waits to be published");
        assert_eq!(stays(&one(owner(Published, Some(0), MAIN))), "hello 1 (amd64) in s is published");
        assert_eq!(fate(&case(&[], &[past(MAIN)])), Fate::Goes, "what the pool has lost");
        assert_eq!(fate(&case(&[(MAIN, false)], &[])), Fate::Goes, "what nobody has");
    }

    #[test]
    fn one_publication_that_is_not_past_keeps_the_file() {
        for other in [
            live(MAIN),
            owner(PublicationStatus::Pending, None, MAIN),
            owner(PublicationStatus::Deleted, Some(101), MAIN),
        ] {
            for owners in [[past(MAIN), other.clone()], [other, past(MAIN)]] {
                assert_ne!(fate(&case(&[(MAIN, false)], &owners)), Fate::Goes);
            }
        }
        assert_eq!(fate(&case(&[(MAIN, false)], &[past(MAIN), past(MAIN)])), Fate::Goes);
    }

    #[test]
    fn what_a_pass_or_a_live_index_still_has_stays() {
        let in_a_pass = Owner { is_in_a_pass: true, ..past(MAIN) };
        assert!(stays(&case(&[(MAIN, false)], &[in_a_pass])).starts_with("a pass that has not ended"));
        let listed = Owner { is_listed: true, ..past(MAIN) };
        assert!(stays(&case(&[(MAIN, false)], &[listed])).contains("has not been published without it"));
    }

    #[test]
    fn a_package_that_is_held_keeps_all_its_files() {
        for reason in [
            Reason::Binary { by: "hello 1 (amd64) in t".into() },
            Reason::BuiltUsing { by: "tool 1 (amd64) in s".into(), field: "Built-Using".into() },
        ] {
            let held = Owner { hold: Some(reason.clone()), ..past(MAIN) };
            let orig = case(&[(MAIN, false)], &[past(MAIN), held]);
            assert_eq!(stays(&orig), reason.to_string());
        }
        let mut held = case(&[(MAIN, false)], &[past(MAIN)]);
        held.hold = Some(Reason::Hold { by: "snapshot 3".into(), until: Some(at(500)) });
        assert_eq!(stays(&held), "snapshot 3 keeps it until 1970-01-01T00:08:20Z");
    }

    #[test]
    fn a_name_that_no_publication_wants_goes_and_the_file_moves_to_the_most_preferred_one() {
        for (names, owners, going, real) in [
            // moved from universe to main, where the file has gone already
            (&[(MAIN, false), (UNIVERSE, true)][..], vec![live(MAIN), past(UNIVERSE)], vec![UNIVERSE], MAIN),
            // moved the other way: the file was in main
            (&[(MAIN, false), (UNIVERSE, true)], vec![past(MAIN), live(UNIVERSE)], vec![MAIN], UNIVERSE),
            // two links stay behind: the more preferred one becomes the file
            (
                &[(RESTRICTED, true), (UNIVERSE, true), (MAIN, false)],
                vec![past(MAIN), live(RESTRICTED), live(UNIVERSE)],
                vec![MAIN],
                UNIVERSE,
            ),
            // what is not past yet keeps its name too
            (
                &[(MAIN, false), (UNIVERSE, true), (RESTRICTED, true)],
                vec![live(MAIN), owner(PublicationStatus::Superseded, Some(101), UNIVERSE), past(RESTRICTED)],
                vec![RESTRICTED],
                MAIN,
            ),
        ] {
            match fate(&case(names, &owners)) {
                Fate::Stays { going: found, real: has, .. } => {
                    assert_eq!((found, has), (going, Some(real)), "{names:?}");
                }
                Fate::Goes => panic!("{names:?}"),
            }
        }
    }

    #[test]
    fn no_name_goes_while_names_may_be_made_that_are_not_recorded() {
        let pending = owner(PublicationStatus::Pending, None, UNIVERSE);
        let in_a_pass = Owner { is_in_a_pass: true, ..live(UNIVERSE) };
        let names = [(MAIN, false), (UNIVERSE, true)];
        for other in [pending, in_a_pass] {
            assert_ne!(stays(&case(&names, &[past(MAIN), other])), "goes");
        }
        let mut held = case(&names, &[past(MAIN), live(UNIVERSE)]);
        held.hold = Some(Reason::Hold { by: "snapshot 3".into(), until: None });
        assert_ne!(stays(&held), "goes");
        // the publication that stays has no name that is known
        assert_ne!(stays(&case(&[(MAIN, false)], &[past(MAIN), live(UNIVERSE)])), "goes");
    }
}
