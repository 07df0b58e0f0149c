//! Builds that wait for packages, and whether these are there now.
//!
//! What a builder said is read as relations. A package counts as soon as it is published for the architecture in the series, in the build's archive
//! or the distribution's primary one. That a package provides another is not looked at: such builds are tried again by hand.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::act::retry;
use super::wildcard::matches;
use crate::domain::{ArchitectureTag, BinaryName, BuildId, BuildStatus, DebVersion};
use crate::format::relations::{Relation, VersionTest, parse};
use crate::store::binary_package_build::{self as rows, Filter, Order};
use crate::store::package_upload::PUBLISHER;
use crate::store::{StoreError, Transaction, attempt};

/// Whether relations hold on an architecture, by what `versions` says of each package.
///
/// # Errors
/// What `versions` says.
pub fn hold<E>(
    relations: &[Vec<Relation>],
    architecture: &ArchitectureTag,
    mut versions: impl FnMut(&BinaryName) -> Result<Vec<DebVersion>, E>,
) -> Result<bool, E> {
    for alternatives in relations {
        let mut counting = alternatives.iter().filter(|one| counts(one, architecture)).peekable();
        // what is asked for elsewhere alone is not asked for here
        if counting.peek().is_none() {
            continue;
        }
        let mut holds = false;
        for one in counting {
            holds = holds || versions(&one.package)?.iter().any(|version| is_meant(one, version));
        }
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a relation counts on an architecture, in a build without profiles.
fn counts(relation: &Relation, architecture: &ArchitectureTag) -> bool {
    let named = |(_, wildcard): &(bool, ArchitectureTag)| matches(architecture, wildcard);
    let here = match relation.architectures.first() {
        None => true,
        Some((true, _)) => !relation.architectures.iter().any(named),
        Some((false, _)) => relation.architectures.iter().any(named),
    };
    let without_profiles = relation.profiles.is_empty()
        || relation.profiles.iter().any(|list| list.iter().all(|(is_negated, _)| *is_negated));
    here && without_profiles
}

/// Whether a version is one that a relation means.
fn is_meant(relation: &Relation, version: &DebVersion) -> bool {
    let Some((test, wanted)) = &relation.version else { return true };
    let order = version.dpkg_cmp(wanted);
    match test {
        VersionTest::Earlier => order == Ordering::Less,
        VersionTest::EarlierOrEqual => order != Ordering::Greater,
        VersionTest::Equal => order == Ordering::Equal,
        VersionTest::LaterOrEqual => order != Ordering::Less,
        VersionTest::Later => order == Ordering::Greater,
    }
}

/// Lets the builds be tried again whose packages are there now. Which.
///
/// # Errors
/// When the database fails.
pub fn retry_satisfied(tx: &Transaction<'_>, now: Timestamp) -> Result<Vec<BuildId>, StoreError> {
    let filter = Filter { statuses: &[BuildStatus::ManualDepWait], ..Filter::default() };
    let mut again = Vec::new();
    for build in rows::builds(tx, &filter, Order::Score, u32::MAX)? {
        // what is no relation is read by a person
        let Ok(relations) = parse(build.dependencies.as_deref().unwrap_or_default()) else { continue };
        let versions = |name: &BinaryName| rows::published_versions(tx, &build, name);
        if relations.is_empty() || !hold(&relations, &build.architecture, versions)? {
            continue;
        }
        let why = "what it waited for is published";
        match attempt(tx, || retry(tx, build.id, PUBLISHER, why, now))? {
            Ok(()) => again.push(build.id),
            // it could not be published, so nobody builds it
            Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn holds(relations: &str, architecture: &str) -> bool {
        let there = |name: &BinaryName| -> Result<Vec<DebVersion>, Infallible> {
            Ok(match name.as_str() {
                "libfoo-dev" => vec!["1.0-1".parse().unwrap(), "2.0-1".parse().unwrap()],
                "gcc" => vec!["4:13.2".parse().unwrap()],
                _ => Vec::new(),
            })
        };
        let Ok(holds) = hold(&parse(relations).unwrap(), &architecture.parse().unwrap(), there);
        holds
    }

    #[test]
    fn packages_are_there_or_not() {
        for (relations, expected) in [
            ("libfoo-dev", true),
            ("libbar-dev", false),
            ("libfoo-dev, libbar-dev", false),
            ("libbar-dev | libfoo-dev", true),
            ("libfoo-dev (>= 2)", true),
            ("libfoo-dev (>= 2.1)", false),
            ("libfoo-dev (= 1.0-1)", true),
            ("libfoo-dev (= 1.0)", false),
            ("libfoo-dev (<< 1.0-1)", false),
            ("libfoo-dev (<= 1.0-1)", true),
            ("libfoo-dev (>> 2.0-1)", false),
            ("gcc (>= 4:13)", true),
            ("gcc (>= 5:0)", false),
            // for others, and in profiles that nobody has asked for
            ("libbar-dev [arm64]", true),
            ("libbar-dev [!arm64]", false),
            ("libbar-dev [any-amd64]", false),
            ("libbar-dev <nodoc>", true),
            ("libbar-dev <!nocheck>", false),
            ("libfoo-dev <!nocheck> <cross>", true),
            ("libbar-dev [arm64] | libbaz-dev", false),
        ] {
            assert_eq!(holds(relations, "amd64"), expected, "{relations}");
        }
    }
}
