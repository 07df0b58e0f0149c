//! Which builds a source needs, and making them.
//!
//! [`plan`] is pure. A source that makes packages for all architectures makes them in one build: where its .dsc asks for one, on an architecture that it
//! is built for anyway, otherwise on amd64, or on the first that there is.

use jiff::Timestamp;

use super::score::{score, urgency_of, urgency_word};
use super::wildcard::matches;
use crate::domain::{ArchSeriesId, ArchitectureTag, ArchiveId, BuildId, BuildStatus, SourceReleaseId};
use crate::format::changes::Urgency;
use crate::format::control;
use crate::store::archive::Archive;
use crate::store::binary_package_build::{self as rows, NewBuild};
use crate::store::build_source::BuildSource;
use crate::store::series::ArchSeries;
use crate::store::shape::SuiteShape;
use crate::store::{StoreError, Transaction, build_source};

/// The architecture that makes the packages for all, where nothing says otherwise.
const FOR_ALL: &str = "amd64";

/// What a source says of where it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFor {
    /// The architectures and wildcards of its .dsc, without `all`.
    pub wanted: Vec<ArchitectureTag>,
    /// Whether it makes packages for all architectures.
    pub has_indep: bool,
    /// Where it wants these made.
    pub indep_on: Vec<ArchitectureTag>,
}

impl BuiltFor {
    /// Reads the .dsc of a source.
    #[must_use]
    pub fn of(source: &BuildSource) -> Self {
        let tags = |text: &str| text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
        let listed: Vec<ArchitectureTag> = tags(&source.architecture);
        let indep_on = control::pairs(&source.dsc)
            .find(|(name, _)| name.eq_ignore_ascii_case("Build-Indep-Architecture"))
            .map_or_else(Vec::new, |(_, value)| tags(value));
        let has_indep = listed.iter().any(ArchitectureTag::is_all);
        let wanted = listed.into_iter().filter(|tag| !tag.is_all() && !tag.is_source()).collect();
        Self { wanted, has_indep, indep_on }
    }

    /// Whether it is built for an architecture.
    #[must_use]
    pub fn is_for(&self, architecture: &ArchitectureTag) -> bool {
        self.wanted.iter().any(|wildcard| matches(architecture, wildcard))
    }

    /// Whether all that a build for an architecture would make is there.
    #[must_use]
    pub fn has_all_of(
        &self,
        architecture: &ArchitectureTag,
        arch_indep: bool,
        binaries: &[ArchitectureTag],
    ) -> bool {
        (!self.is_for(architecture) || binaries.contains(architecture))
            && (!arch_indep || binaries.iter().any(ArchitectureTag::is_all))
    }

    /// Which of the architectures makes the packages for all, if there are any.
    fn indep_among<'a>(&self, architectures: &'a [ArchSeries]) -> Option<&'a ArchSeries> {
        if !self.has_indep {
            return None;
        }
        let asked_for = |one: &&ArchSeries| self.indep_on.iter().any(|wildcard| matches(&one.tag, wildcard));
        let is_built = |one: &&ArchSeries| self.is_for(&one.tag);
        let is_usual = |one: &&ArchSeries| one.tag.as_str() == FOR_ALL;
        let all = || architectures.iter();
        all()
            .find(|one| asked_for(one) && is_built(one))
            .or_else(|| all().find(asked_for))
            .or_else(|| all().find(|one| is_usual(one) && is_built(one)))
            .or_else(|| all().find(is_built))
            .or_else(|| all().find(is_usual))
            .or_else(|| all().next())
    }
}

/// A build that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// For which architecture.
    pub architecture: ArchSeriesId,
    /// Its name.
    pub tag: ArchitectureTag,
    /// Whether it makes the packages for all architectures too.
    pub arch_indep: bool,
}

/// What there is of a source already: nothing of it is built again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct There {
    /// The architectures with a build.
    pub builds: Vec<ArchSeriesId>,
    /// Whether one of them makes the packages for all.
    pub indep_build: bool,
    /// What there are binary packages for, `all` among them.
    pub binaries: Vec<ArchitectureTag>,
}

/// The builds that a source needs among the enabled architectures of a series.
#[must_use]
pub fn plan(built_for: &BuiltFor, architectures: &[ArchSeries], there: &There) -> Vec<Needed> {
    let needs_indep = !there.indep_build && !there.binaries.iter().any(ArchitectureTag::is_all);
    let is_there = |one: &ArchSeries| there.builds.contains(&one.id) || there.binaries.contains(&one.tag);
    // one that has its build can be given no other, so the packages for all go to the best of the rest
    let rest: Vec<ArchSeries> =
        architectures.iter().filter(|one| !there.builds.contains(&one.id)).cloned().collect();
    let indep = built_for.indep_among(&rest).filter(|_| needs_indep).map(|one| one.id);
    architectures
        .iter()
        .filter(|one| indep == Some(one.id) || (built_for.is_for(&one.tag) && !is_there(one)))
        .map(|one| Needed { architecture: one.id, tag: one.tag.clone(), arch_indep: indep == Some(one.id) })
        .collect()
}

/// What there is of a source in an archive.
pub(super) fn there(
    tx: &Transaction<'_>,
    archive: &Archive,
    shape: &SuiteShape,
    source: &BuildSource,
) -> Result<There, StoreError> {
    let builds = rows::builds_of_source(tx, archive.id, source.id)?;
    let in_series = |build: &&rows::Build| shape.architectures.iter().any(|one| one.id == build.arch_series);
    Ok(There {
        builds: builds.iter().map(|build| build.arch_series).collect(),
        indep_build: builds.iter().filter(in_series).any(|build| build.arch_indep),
        binaries: build_source::architectures_there(tx, (archive.id, shape.series.id), source)?,
    })
}

/// Makes the builds of a source that is published already and that are missing: an architecture is new, or the source came in without an upload.
///
/// # Errors
/// When the database fails.
pub fn create_missing(
    tx: &Transaction<'_>,
    archive: &Archive,
    shape: &SuiteShape,
    source: SourceReleaseId,
    now: Timestamp,
) -> Result<Vec<BuildId>, StoreError> {
    let urgency = urgency_in(tx, archive.id, source)?;
    make(tx, archive, shape, source, urgency, "it was missing", now)
}

/// Makes the builds that a source needs in a suite.
///
/// # Errors
/// When the database fails.
pub fn create_builds(
    tx: &Transaction<'_>,
    archive: &Archive,
    shape: &SuiteShape,
    source: SourceReleaseId,
    urgency: Urgency,
    now: Timestamp,
) -> Result<Vec<BuildId>, StoreError> {
    make(tx, archive, shape, source, urgency, "its source was accepted", now)
}

/// How much the builds of a source hurry that is copied: as they did in the archive that it comes from.
///
/// # Errors
/// When the database fails.
pub fn urgency_in(
    tx: &Transaction<'_>,
    origin: ArchiveId,
    source: SourceReleaseId,
) -> Result<Urgency, StoreError> {
    let known = rows::builds_of_source(tx, origin, source)?;
    Ok(known.first().map_or(Urgency::Low, |build| urgency_of(&build.urgency)))
}

fn make(
    tx: &Transaction<'_>,
    archive: &Archive,
    shape: &SuiteShape,
    source: SourceReleaseId,
    urgency: Urgency,
    comment: &str,
    now: Timestamp,
) -> Result<Vec<BuildId>, StoreError> {
    let source = build_source::build_source(tx, source)?;
    let there = there(tx, archive, shape, &source)?;
    let needed = plan(&BuiltFor::of(&source), &shape.architectures, &there);
    if needed.is_empty() {
        return Ok(Vec::new());
    }
    let score = score(&build_source::score_facts(tx, shape.suite.id, source.id)?, urgency);
    needed
        .into_iter()
        .map(|needed| {
            let new = NewBuild {
                archive: archive.id,
                suite: shape.suite.id,
                arch_series: needed.architecture,
                source: source.id,
                arch_indep: needed.arch_indep,
                status: BuildStatus::NeedsBuild,
                score,
                urgency: urgency_word(urgency),
                comment,
            };
            rows::add_build(tx, &new, now)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn architectures(tags: &[&str]) -> Vec<ArchSeries> {
        (1..)
            .zip(tags)
            .map(|(id, tag)| ArchSeries { id: ArchSeriesId(id), tag: tag.parse().unwrap(), enabled: true })
            .collect()
    }

    fn built_for(listed: &str, indep_on: &str) -> BuiltFor {
        BuiltFor::of(&BuildSource {
            id: SourceReleaseId(1),
            name: "hello".parse().unwrap(),
            version: "1".parse().unwrap(),
            architecture: listed.to_owned(),
            dsc: format!("Source: hello\n{indep_on}"),
        })
    }

    /// `amd64 arm64+`: the plus has the packages for all.
    fn planned(listed: &str, indep_on: &str, tags: &[&str], there: &There) -> String {
        plan(&built_for(listed, indep_on), &architectures(tags), there)
            .iter()
            .map(|one| format!("{}{}", one.tag, if one.arch_indep { "+" } else { "" }))
            .collect::<Vec<_>>()
            .join(" ")
    }

    const THREE: &[&str] = &["amd64", "arm64", "riscv64"];

    #[test]
    fn a_source_is_built_for_what_it_names_and_once_for_all() {
        for (listed, tags, expected) in [
            ("any", THREE, "amd64 arm64 riscv64"),
            ("any all", THREE, "amd64+ arm64 riscv64"),
            ("all", THREE, "amd64+"),
            ("arm64", THREE, "arm64"),
            ("arm64 all", THREE, "arm64+"),
            ("linux-any", THREE, "amd64 arm64 riscv64"),
            ("hurd-any", THREE, ""),
            ("hurd-any all", THREE, "amd64+"),
            ("any-arm64 riscv64", THREE, "arm64 riscv64"),
            ("all", &["armhf", "riscv64"], "armhf+"),
            ("i386", &["amd64"], ""),
            ("any", &[], ""),
            ("all", &[], ""),
        ] {
            assert_eq!(planned(listed, "", tags, &There::default()), expected, "{listed} {tags:?}");
        }
    }

    #[test]
    fn a_build_is_needless_when_all_that_it_would_make_is_there() {
        for (listed, arch_indep, there, expected) in [
            ("any", false, &["amd64"][..], true),
            ("any", false, &["arm64", "all"], false),
            ("any all", true, &["amd64"], false),
            ("any all", true, &["all"], false),
            ("any all", true, &["amd64", "all"], true),
            ("any all", false, &["amd64"], true),
            ("all", true, &["all"], true),
            ("all", true, &["amd64"], false),
            ("any", false, &[], false),
        ] {
            let there: Vec<ArchitectureTag> = there.iter().map(|tag| tag.parse().unwrap()).collect();
            let amd64 = "amd64".parse().unwrap();
            assert_eq!(
                built_for(listed, "").has_all_of(&amd64, arch_indep, &there),
                expected,
                "{listed} {there:?}"
            );
        }
    }

    #[test]
    fn a_source_says_where_the_packages_for_all_are_made() {
        let nothing = There::default();
        let hint = "Build-Indep-Architecture: arm64\n";
        assert_eq!(planned("any all", hint, THREE, &nothing), "amd64 arm64+ riscv64");
        assert_eq!(planned("all", hint, THREE, &nothing), "arm64+");
        assert_eq!(planned("riscv64 all", hint, THREE, &nothing), "arm64+ riscv64");
        // an architecture that is not there is no reason to make none
        assert_eq!(planned("any all", hint, &["amd64"], &nothing), "amd64+");
    }

    #[test]
    fn what_is_there_is_not_built_again() {
        let tags = |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect::<Vec<_>>();
        for (listed, there, expected) in [
            ("any all", There { binaries: tags(&["amd64", "all"]), ..There::default() }, "arm64 riscv64"),
            ("any all", There { binaries: tags(&["arm64"]), ..There::default() }, "amd64+ riscv64"),
            ("all", There { binaries: tags(&["all"]), ..There::default() }, ""),
            (
                "any all",
                There { builds: vec![ArchSeriesId(1)], indep_build: true, ..There::default() },
                "arm64 riscv64",
            ),
            // a build of the first was made before the source made packages for all there
            ("any all", There { builds: vec![ArchSeriesId(1)], ..There::default() }, "arm64+ riscv64"),
            ("any", There { builds: (1..4).map(ArchSeriesId).collect(), ..There::default() }, ""),
        ] {
            assert_eq!(planned(listed, "", THREE, &there), expected, "{listed} {there:?}");
        }
    }
}
