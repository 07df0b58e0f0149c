//! One name after the other: what comes of it into the copy, and what speaks against it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::PopulateError;
use crate::build::create::{create_builds, urgency_in};
use crate::build::supersede_built;
use crate::copy::judge::{File, Objection, of_files, of_format};
use crate::disk::During as _;
use crate::domain::name::SourceName;
use crate::domain::{
    ArchitectureTag, BinaryReleaseId, BuildStatus, ComponentId, DebVersion, FileName, Sha256, SourceReleaseId,
};
use crate::librarian::Librarian;
use crate::store::archive::Archive;
use crate::store::binary_package_build::{Build, builds_of_source};
use crate::store::copy_request::{self, CopyRequest, Done, RequestedSuite};
use crate::store::library_file::expired_files;
use crate::store::live::CopiedLive;
use crate::store::package_copy::{self, CopiedSource, NewCopy};
use crate::store::publication::{
    NewBinaryPublication, NewSourcePublication, Wished, publish_binary, publish_source,
};
use crate::store::shape::{SuiteShape, shape};
use crate::store::suite::suite_by_id;
use crate::store::upload_check::accepted_holder;
use crate::store::{Made, StoreError, Transaction, indexed, live, package_release};

/// Whether something is new or newer than what is there.
fn is_wanted(offered: &DebVersion, there: Option<&DebVersion>) -> bool {
    there.is_none_or(|there| offered.dpkg_cmp(there).is_gt())
}

/// Copies names of a suite.
pub(super) struct Worker<'a> {
    tx: &'a Transaction<'a>,
    librarian: &'a Librarian,
    request: &'a CopyRequest,
    target: &'a Archive,
    of_request: &'a RequestedSuite,
    from: SuiteShape,
    to: SuiteShape,
    /// Only these components; none: all.
    components: Vec<ComponentId>,
    now: Timestamp,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        tx: &'a Transaction<'a>,
        librarian: &'a Librarian,
        request: &'a CopyRequest,
        target: &'a Archive,
        of_request: &'a RequestedSuite,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            tx,
            librarian,
            request,
            target,
            of_request,
            from: shape(tx, suite_by_id(tx, of_request.from)?)?,
            to: shape(tx, suite_by_id(tx, of_request.to)?)?,
            components: copy_request::components_of(tx, request.id)?.into_iter().map(|(id, _)| id).collect(),
            now,
        })
    }

    /// Whether a component was asked for.
    fn has(&self, component: ComponentId) -> bool {
        self.components.is_empty() || self.components.contains(&component)
    }

    /// A source with the binary packages that are of it.
    pub(super) fn name(&self, name: &SourceName) -> Result<Done, PopulateError> {
        let mut done = Done::default();
        let all = package_copy::sources_in(self.tx, self.of_request.from, name)?;
        // of the same version the newest, which comes first
        let best = all
            .iter()
            .filter(|one| one.is_live && self.has(one.component))
            .max_by(|one, other| one.version.dpkg_cmp(&other.version).then(std::cmp::Ordering::Greater));
        let there = package_copy::sources_in(self.tx, self.of_request.to, name)?;
        let mut own: Vec<SourceReleaseId> =
            there.iter().filter(|one| one.is_live).map(|one| one.release).collect();
        let there = there.into_iter().filter(|one| one.is_live).map(|one| one.version).max();
        let newer = best.filter(|source| is_wanted(&source.version, there.as_ref()));
        own.extend(newer.map(|source| source.release));
        if let Some(source) = newer {
            let against = self.against_source(name, source)?;
            if !against.is_empty() {
                self.problems(&against)?;
                return Ok(done);
            }
            done.sources += u64::from(self.publish_source(name, source)?);
        }
        let mut has_problem = false;
        if self.request.copy_binaries {
            let mut builds = Vec::new();
            for source in &own {
                builds.extend(builds_of_source(self.tx, self.target.id, *source)?);
            }
            (done.binaries, has_problem) = self.binaries(name, &builds)?;
            if done.binaries > 0 {
                for source in &own {
                    supersede_built(self.tx, (self.target.id, &self.to), *source, self.now)?;
                }
            }
        }
        // what has come built is not built again; what is missing is
        if let Some(source) = newer {
            let urgency = urgency_in(self.tx, self.request.source_archive, source.release)?;
            let builds = create_builds(self.tx, self.target, &self.to, source.release, urgency, self.now)?;
            done.builds += u64::try_from(builds.len()).unwrap_or(u64::MAX);
        }
        done.left_alone = u64::from(done == Done::default() && !has_problem);
        Ok(done)
    }

    fn against_source(
        &self,
        name: &SourceName,
        source: &CopiedSource,
    ) -> Result<Vec<Objection>, PopulateError> {
        let package = format!("{name} {}", source.version);
        let mut against =
            of_format(&package, &source.format, &self.to.series.source_formats, &self.to.series.name);
        against.extend(self.against_component(&package, source.component));
        let mut files = Vec::new();
        for (filename, digests) in indexed::source_files(self.tx, source.release)? {
            files.push(self.file(filename, Some(&digests.sha256))?);
        }
        // of what has expired nothing is known but its name
        for filename in expired_files(self.tx, source.release.into())? {
            files.push(self.file(filename, None)?);
        }
        against.extend(of_files(&package, &files));
        Ok(against)
    }

    /// A component that the series of the target does not have has no index there.
    fn against_component(&self, package: &str, component: ComponentId) -> Option<Objection> {
        let is_there = self.to.components.iter().any(|one| one.id == component);
        (!is_there).then(|| {
            let named = self.from.components.iter().find(|one| one.id == component);
            let named = named.map_or_else(|| "a component".to_owned(), |one| one.name.to_string());
            Objection {
                package: package.to_owned(),
                check: "component",
                what: format!("it is in {named}, which {} does not have", self.to.series.name),
                remedy: format!(
                    "add it with `pressroom series set {} --component {named}`",
                    self.to.series.name
                ),
            }
        })
    }

    fn file(&self, name: FileName, sha256: Option<&Sha256>) -> Result<File, PopulateError> {
        let Some(sha256) = sha256 else {
            return Ok(File { name, is_here: false, holder: None, accepted: None });
        };
        let path = self.librarian.path(sha256);
        let is_here = path.try_exists().during("look at", &path)?;
        let holder = package_release::other_holder(self.tx, self.target.id, &name, sha256)?;
        let accepted = accepted_holder(self.tx, self.target.id, &name, sha256)?;
        let holder = holder.map(|holder| (holder.package, holder.sha256));
        Ok(File { name, is_here, holder, accepted })
    }

    fn problems(&self, against: &[Objection]) -> Result<(), StoreError> {
        for one in against {
            let said = format!("{}: {}", one.what, one.remedy);
            let place = (self.request.id, self.of_request.to);
            copy_request::add_problem(self.tx, place, (&one.package, one.check, &said))?;
        }
        Ok(())
    }

    fn publish_source(&self, name: &SourceName, source: &CopiedSource) -> Result<bool, StoreError> {
        let new = NewSourcePublication {
            suite: self.of_request.to,
            release: Made::Known(source.release),
            name,
            component: source.component,
            section: source.section.as_ref(),
            creator: &self.request.requester,
        };
        if publish_source(self.tx, &new, self.now)? == Wished::AsItWas {
            return Ok(false);
        }
        let copy = NewCopy {
            from_suite: self.of_request.from,
            to_suite: self.of_request.to,
            release: source.release,
            with_binaries: self.request.copy_binaries,
            requester: &self.request.requester,
            reason: &self.request.reason,
            upload: None,
        };
        package_copy::add_copy(self.tx, &copy, self.now)?;
        Ok(true)
    }

    /// Index by index, since one architecture may still have what the others have not any more. How many came, and whether one could not.
    fn binaries(&self, source: &SourceName, builds: &[Build]) -> Result<(u64, bool), PopulateError> {
        let mut live = live::live_of_source(self.tx, self.of_request.from, source)?;
        live.retain(|binary| self.has(binary.component));
        let (mut came, mut has_problem) = (0, false);
        let mut fit: BTreeMap<BinaryReleaseId, bool> = BTreeMap::new();
        for architecture in &self.to.architectures {
            let has_index = self.from.architectures.iter().any(|one| one.tag == architecture.tag);
            for binary in best_of(&live, &architecture.tag, has_index) {
                let there = live::live_version(self.tx, self.of_request.to, architecture.id, &binary.name)?;
                if !is_wanted(&binary.version, there.as_ref()) {
                    continue;
                }
                let is_fit = match fit.get(&binary.release) {
                    Some(known) => *known,
                    None => {
                        let package = format!("{} {} ({})", binary.name, binary.version, binary.architecture);
                        let file = self.file(binary.filename.clone(), binary.sha256.as_ref())?;
                        let mut against = of_files(&package, &[file]);
                        against.extend(self.against_component(&package, binary.component));
                        against.extend(against_building(&package, binary, builds));
                        self.problems(&against)?;
                        has_problem |= !against.is_empty();
                        fit.insert(binary.release, against.is_empty());
                        against.is_empty()
                    }
                };
                if !is_fit {
                    continue;
                }
                let new = NewBinaryPublication {
                    suite: self.of_request.to,
                    architecture: architecture.id,
                    release: Made::Known(binary.release),
                    name: &binary.name,
                    component: binary.component,
                    section: binary.section.as_ref(),
                    priority: binary.priority.as_ref(),
                    creator: &self.request.requester,
                };
                came += u64::from(publish_binary(self.tx, &new, self.now)? == Wished::Pending);
            }
        }
        Ok((came, has_problem))
    }
}

/// What a builder is about to bring in would have the same name and other content.
fn against_building(package: &str, binary: &CopiedLive, builds: &[Build]) -> Option<Objection> {
    let is_under_way = |one: &&Build| {
        matches!(one.status, BuildStatus::Building | BuildStatus::Gathering | BuildStatus::Uploading)
    };
    let makes_it = |one: &&Build| {
        let is_for =
            one.architecture == binary.architecture || (one.arch_indep && binary.architecture.is_all());
        is_for && one.version == binary.source_version
    };
    let build = builds.iter().filter(is_under_way).find(makes_it)?;
    Some(Objection {
        package: package.to_owned(),
        check: "building",
        what: format!("the copy builds it itself, as build {} for {}", build.id, build.architecture),
        remedy: format!(
            "leave it to the builder, or stop it with `pressroom build cancel {}` and merge once more",
            build.id
        ),
    })
}

/// Of each name the highest version in the index of an architecture, the newest publication of it. Where the origin has no such index, what is for all.
fn best_of<'a>(live: &'a [CopiedLive], tag: &ArchitectureTag, has_index: bool) -> Vec<&'a CopiedLive> {
    let mut best: BTreeMap<&str, &CopiedLive> = BTreeMap::new();
    let is_meant = |one: &&CopiedLive| {
        if has_index { one.in_index_of == *tag } else { one.architecture.is_all() }
    };
    for one in live.iter().filter(is_meant) {
        let known = best.entry(&one.name).or_insert(one);
        if one.version.dpkg_cmp(&known.version).is_gt() {
            *known = one;
        }
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(name: &str, version: &str, architecture: &str, in_index_of: &str) -> CopiedLive {
        CopiedLive {
            release: BinaryReleaseId(1),
            name: name.to_owned(),
            version: version.parse().unwrap(),
            source_version: version.parse().unwrap(),
            architecture: architecture.parse().unwrap(),
            in_index_of: in_index_of.parse().unwrap(),
            component: ComponentId(1),
            section: None,
            priority: None,
            filename: format!("{name}_{version}_{architecture}.deb").parse().unwrap(),
            sha256: None,
        }
    }

    fn best(live: &[CopiedLive], tag: &str, has_index: bool) -> Vec<String> {
        let found = best_of(live, &tag.parse().unwrap(), has_index);
        found.iter().map(|one| format!("{} {} {}", one.name, one.version, one.architecture)).collect()
    }

    #[test]
    fn each_index_gives_the_highest_version_that_it_has() {
        let live = [
            // it was for all, and is built for amd64 by now
            binary("hello", "1", "all", "arm64"),
            binary("hello", "2", "amd64", "amd64"),
            binary("hello", "1", "all", "amd64"),
            binary("hello-doc", "2", "all", "amd64"),
            binary("hello-doc", "2", "all", "arm64"),
        ];
        assert_eq!(best(&live, "amd64", true), ["hello 2 amd64", "hello-doc 2 all"]);
        assert_eq!(best(&live, "arm64", true), ["hello 1 all", "hello-doc 2 all"]);
        assert_eq!(best(&live, "riscv64", true), Vec::<String>::new());
        assert_eq!(best(&live, "riscv64", false), ["hello 1 all", "hello-doc 2 all"]);
    }

    #[test]
    fn what_is_there_and_as_high_is_left_alone() {
        let version = |text: &str| text.parse::<DebVersion>().unwrap();
        for (offered, there, expected) in [
            ("1", None, true),
            ("2", Some("1"), true),
            ("1", Some("1"), false),
            ("1-0", Some("1"), false),
            ("1~rc1", Some("1"), false),
            ("1", Some("1~rc1"), true),
            ("1", Some("1:0"), false),
        ] {
            let there = there.map(version);
            assert_eq!(is_wanted(&version(offered), there.as_ref()), expected, "{offered} {there:?}");
        }
    }
}
