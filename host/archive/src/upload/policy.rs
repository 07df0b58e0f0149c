//! What each policy lets in: pure rules over what is known of an upload before its files are looked at.
//!
//! Which pockets take uploads follows the series' life; see the table in the tests. Personal archives have one pocket, whatever the series' life is.

use crate::domain::problem::{Problem, Severity};
use crate::domain::{ArchitectureTag, ArchivePurpose, Pocket, SeriesStatus, SuiteName, UploadPolicy};

/// What is known of an upload.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// By which rules it is judged.
    pub policy: UploadPolicy,
    /// What the archive is for.
    pub purpose: ArchivePurpose,
    /// Whether the archive takes packages.
    pub enabled: bool,
    /// The archive's name.
    pub archive: &'a str,
    /// The suite.
    pub suite: &'a SuiteName,
    /// The life of its series.
    pub status: SeriesStatus,
    /// Whether there is a source package in it.
    pub has_source: bool,
    /// The first of its binary packages, if there is one.
    pub binary: Option<&'a str>,
    /// The first of its custom files, if there is one.
    pub custom: Option<&'a str>,
    /// What its field Architecture names.
    pub architectures: &'a [ArchitectureTag],
}

fn refused(check: &'static str, what: String, remedy: impl Into<String>) -> Problem {
    Problem { severity: Severity::Rejection, check, file: None, what, remedy: remedy.into() }
}

/// The pocket that an upload goes to when it asks for one: RELEASE of a series under development may stand for PROPOSED.
#[must_use]
pub fn redirected(
    policy: UploadPolicy,
    purpose: ArchivePurpose,
    redirects: bool,
    status: SeriesStatus,
    pocket: Pocket,
) -> Pocket {
    let in_development = match status {
        SeriesStatus::Experimental
        | SeriesStatus::Development
        | SeriesStatus::Frozen
        | SeriesStatus::Future => true,
        SeriesStatus::Current | SeriesStatus::Supported | SeriesStatus::Obsolete => false,
    };
    let is_anybodys = policy == UploadPolicy::Insecure && purpose == ArchivePurpose::Primary;
    if redirects && is_anybodys && in_development && pocket == Pocket::Release {
        Pocket::Proposed
    } else {
        pocket
    }
}

/// The rule that keeps people's uploads out of copy archives; what is copied there is no upload.
pub const IS_A_COPY: &str = "archive-copy";

/// Every rule that an upload breaks.
#[must_use]
pub fn problems(offered: &Offered<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !offered.enabled {
        problems.push(refused(
            "archive-enabled",
            format!("the archive {} takes no packages", offered.archive),
            format!(
                "an administrator may open it with `pressroom archive set {} --enabled true`",
                offered.archive
            ),
        ));
    }
    // what is built of its sources belongs to it
    if offered.purpose == ArchivePurpose::Copy && offered.policy != UploadPolicy::Buildd {
        problems.push(refused(
            IS_A_COPY,
            format!("the archive {} is a copy of another and takes no uploads", offered.archive),
            "upload to the archive that it is a copy of",
        ));
    }
    problems.extend(content(offered));
    problems.extend(one_build(offered));
    problems.extend(pocket(offered));
    problems
}

fn content(offered: &Offered<'_>) -> Option<Problem> {
    match offered.policy {
        UploadPolicy::Insecure | UploadPolicy::Sync => {
            let foreign = offered.binary.map(|name| (name, "a binary package"));
            if let Some((name, what)) = foreign.or(offered.custom.map(|name| (name, "a custom file"))) {
                return Some(Problem {
                    file: Some(name.to_owned()),
                    ..refused(
                        "source-only",
                        format!("this is {what}, and only sources are taken here"),
                        "packages are built here: make the upload with `dpkg-buildpackage -S`",
                    )
                });
            }
            (!offered.has_source).then(|| {
                refused(
                    "source-only",
                    "there is no source package in it".to_owned(),
                    "make the upload with `dpkg-buildpackage -S`",
                )
            })
        }
        UploadPolicy::Buildd => {
            if offered.has_source {
                return Some(refused(
                    "binary-only",
                    "there is a source package in it, and this is where builders upload".to_owned(),
                    "build with `dpkg-buildpackage -B` (or -b), or upload the source where people do",
                ));
            }
            (offered.binary.is_none() && offered.custom.is_none()).then(|| {
                refused(
                    "binary-only",
                    "there is neither a binary package nor a custom file in it".to_owned(),
                    "build with `dpkg-buildpackage -B`",
                )
            })
        }
    }
}

/// What a builder uploads is attached to one build, which is for one architecture: those of the others would wait for ever.
fn one_build(offered: &Offered<'_>) -> Option<Problem> {
    let tags = offered.architectures.iter().filter(|tag| !tag.is_all() && !tag.is_source());
    let mut tags: Vec<&str> = tags.map(ArchitectureTag::as_str).collect();
    tags.sort_unstable();
    tags.dedup();
    (offered.policy == UploadPolicy::Buildd && tags.len() > 1).then(|| {
        refused(
            "build",
            format!(
                "it is for {}, and what a build makes is for one architecture, and for all",
                tags.join(" and ")
            ),
            "upload what was built for each architecture by itself, as `dpkg-buildpackage -B` makes it",
        )
    })
}

fn pocket(offered: &Offered<'_>) -> Option<Problem> {
    let (suite, status) = (offered.suite, offered.status);
    let pocket = suite.pocket();
    let series = suite.series();
    if offered.purpose == ArchivePurpose::Ppa {
        return (pocket != Pocket::Release).then(|| {
            refused(
                "pocket",
                format!("{} has no {pocket}: personal archives have their series alone", offered.archive),
                format!("upload to {series}"),
            )
        });
    }
    // what was built comes in where its source did; a copy has whatever its origin has
    if offered.policy == UploadPolicy::Buildd || offered.purpose == ArchivePurpose::Copy {
        return None;
    }
    if offered.policy == UploadPolicy::Insecure && pocket == Pocket::Security {
        return Some(refused(
            "pocket",
            format!("{suite} takes no uploads from here"),
            format!("upload to {series}-proposed, or have the security team copy it from where it was built"),
        ));
    }
    match status {
        SeriesStatus::Frozen => None,
        SeriesStatus::Current | SeriesStatus::Supported | SeriesStatus::Obsolete => {
            (pocket == Pocket::Release).then(|| {
                refused(
                    "pocket",
                    format!("{series} is {status}, and its release pocket does not change"),
                    format!("upload to {series}-proposed or {series}-updates"),
                )
            })
        }
        SeriesStatus::Experimental | SeriesStatus::Development | SeriesStatus::Future => match pocket {
            Pocket::Security | Pocket::Updates => Some(refused(
                "pocket",
                format!("{series} is {status}, and has no {pocket} before it is released"),
                format!("upload to {series}"),
            )),
            Pocket::Release | Pocket::Proposed | Pocket::Backports => None,
        },
    }
}

/// How full an archive may be before its uploaders are told.
const WARN_AT_PERCENT: u64 = 95;

/// What is to be said of an archive's size with an upload or a copy in it.
#[must_use]
pub fn size(archive: &str, what: &str, has_bytes: u64, more_bytes: u64, quota_bytes: u64) -> Option<Problem> {
    let after = has_bytes.saturating_add(more_bytes);
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let (severity, would_be) = if after > quota_bytes {
        (Severity::Rejection, "would be")
    } else if after >= quota_bytes.saturating_mul(WARN_AT_PERCENT) / 100 {
        (Severity::Warning, "is")
    } else {
        return None;
    };
    Some(Problem {
        severity,
        check: "quota",
        file: None,
        what: format!(
            "the archive {archive} {would_be} at {} of {} MiB with this {what}",
            mebibytes(after),
            mebibytes(quota_bytes)
        ),
        remedy: "remove packages that are not needed, or ask an administrator for more".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(suite: &SuiteName, status: SeriesStatus) -> Offered<'_> {
        Offered {
            policy: UploadPolicy::Insecure,
            purpose: ArchivePurpose::Primary,
            enabled: true,
            archive: "demo",
            suite,
            status,
            has_source: true,
            binary: None,
            custom: None,
            architectures: &[],
        }
    }

    fn checks(offered: &Offered<'_>) -> Vec<&'static str> {
        problems(offered).iter().map(|problem| problem.check).collect()
    }

    #[test]
    fn pockets_take_uploads_by_the_life_of_their_series() {
        // RELEASE, SECURITY, UPDATES, PROPOSED, BACKPORTS of a main archive, from a program that is trusted
        for (status, taken) in [
            (SeriesStatus::Experimental, [true, false, false, true, true]),
            (SeriesStatus::Development, [true, false, false, true, true]),
            (SeriesStatus::Future, [true, false, false, true, true]),
            (SeriesStatus::Frozen, [true, true, true, true, true]),
            (SeriesStatus::Current, [false, true, true, true, true]),
            (SeriesStatus::Supported, [false, true, true, true, true]),
            (SeriesStatus::Obsolete, [false, true, true, true, true]),
        ] {
            for (pocket, taken) in Pocket::ALL.iter().zip(taken) {
                let suite = SuiteName::new("one".parse().unwrap(), *pocket);
                let sync = Offered { policy: UploadPolicy::Sync, ..offered(&suite, status) };
                assert_eq!(checks(&sync).is_empty(), taken, "{status} {pocket}");
                // nobody uploads to SECURITY from outside
                let anybody = offered(&suite, status);
                assert_eq!(
                    checks(&anybody).is_empty(),
                    taken && *pocket != Pocket::Security,
                    "{status} {pocket}"
                );
                // a personal archive has one pocket, always
                let ppa = Offered { purpose: ArchivePurpose::Ppa, ..anybody };
                assert_eq!(checks(&ppa).is_empty(), *pocket == Pocket::Release, "{status} {pocket}");
                // what was built is where its source is
                let built = Offered {
                    policy: UploadPolicy::Buildd,
                    has_source: false,
                    binary: Some("hello_1_amd64.deb"),
                    ..anybody
                };
                assert!(checks(&built).is_empty());
            }
        }
    }

    #[test]
    fn each_policy_takes_what_it_is_for() {
        let suite: SuiteName = "one".parse().unwrap();
        let source = offered(&suite, SeriesStatus::Development);
        let binary = Offered { has_source: false, binary: Some("hello_1_amd64.deb"), ..source };
        let mixed = Offered { binary: Some("hello_1_amd64.deb"), ..source };
        let custom = Offered { has_source: false, custom: Some("x_1_amd64.tar.gz"), ..source };
        let nothing = Offered { has_source: false, ..source };
        for (policy, taken) in [
            (UploadPolicy::Insecure, [true, false, false, false, false]),
            (UploadPolicy::Sync, [true, false, false, false, false]),
            (UploadPolicy::Buildd, [false, true, false, true, false]),
        ] {
            for (offered, taken) in [source, binary, mixed, custom, nothing].iter().zip(taken) {
                let offered = Offered { policy, ..*offered };
                assert_eq!(checks(&offered).is_empty(), taken, "{offered:?}");
            }
        }
        let of_file = problems(&mixed);
        assert_eq!(of_file[0].file.as_deref(), Some("hello_1_amd64.deb"));
    }

    #[test]
    fn what_a_builder_uploads_is_for_one_architecture() {
        let suite: SuiteName = "one".parse().unwrap();
        let built = Offered {
            policy: UploadPolicy::Buildd,
            has_source: false,
            binary: Some("hello_1_amd64.deb"),
            ..offered(&suite, SeriesStatus::Development)
        };
        for (architectures, taken) in [
            ("amd64", true),
            ("all", true),
            ("amd64 all", true),
            ("amd64 amd64", true),
            ("amd64 arm64", false),
            ("all arm64 i386 amd64", false),
        ] {
            let architectures: Vec<ArchitectureTag> =
                architectures.split(' ').map(|tag| tag.parse().unwrap()).collect();
            let offered = Offered { architectures: &architectures, ..built };
            assert_eq!(checks(&offered).is_empty(), taken, "{architectures:?}");
            // people and programs say so of sources, which the rule is not about
            let source = Offered { policy: UploadPolicy::Sync, has_source: true, binary: None, ..offered };
            assert!(checks(&source).is_empty());
        }
        let architectures = ["arm64".parse().unwrap(), "amd64".parse().unwrap()];
        let refused = problems(&Offered { architectures: &architectures, ..built });
        assert_eq!(
            refused[0].what,
            "it is for amd64 and arm64, and what a build makes is for one architecture, and for all"
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let suite: SuiteName = "one-security".parse().unwrap();
        let all = Offered { enabled: false, has_source: false, ..offered(&suite, SeriesStatus::Development) };
        assert_eq!(checks(&all), ["archive-enabled", "source-only", "pocket"]);
        let copy = Offered { purpose: ArchivePurpose::Copy, ..offered(&suite, SeriesStatus::Frozen) };
        assert_eq!(checks(&copy), [IS_A_COPY]);
        let built = Offered {
            policy: UploadPolicy::Buildd,
            has_source: false,
            binary: Some("hello_1_amd64.deb"),
            ..copy
        };
        assert!(checks(&built).is_empty(), "{:?}", checks(&built));
    }

    #[test]
    fn a_series_under_development_may_send_its_uploads_to_proposed() {
        let to = |policy, purpose, redirects, status, pocket| {
            redirected(policy, purpose, redirects, status, pocket)
        };
        let (insecure, primary, release) = (UploadPolicy::Insecure, ArchivePurpose::Primary, Pocket::Release);
        for status in SeriesStatus::ALL {
            let expected = if status.is_stable() { Pocket::Release } else { Pocket::Proposed };
            assert_eq!(to(insecure, primary, true, *status, release), expected, "{status}");
            assert_eq!(to(insecure, primary, false, *status, release), release);
            assert_eq!(to(UploadPolicy::Sync, primary, true, *status, release), release);
            assert_eq!(to(insecure, ArchivePurpose::Ppa, true, *status, release), release);
            assert_eq!(to(insecure, primary, true, *status, Pocket::Backports), Pocket::Backports);
        }
    }

    #[test]
    fn an_archive_is_refused_over_its_quota_and_told_near_it() {
        let quota = 100 << 20;
        let severity =
            |has: u64, more: u64| size("a", "upload", has << 20, more << 20, quota).map(|one| one.severity);
        assert_eq!(severity(0, 94), None);
        assert_eq!(severity(94, 1), Some(Severity::Warning));
        assert_eq!(severity(50, 50), Some(Severity::Warning));
        assert_eq!(severity(50, 51), Some(Severity::Rejection));
        assert_eq!(severity(u64::MAX >> 20, 1), Some(Severity::Rejection));
        assert_eq!(
            size("a", "upload", 0, 101 << 20, quota).unwrap().to_string(),
            "the archive a would be at 101 of 100 MiB with this upload: remove packages that are not needed, or ask an administrator for more"
        );
    }
}
