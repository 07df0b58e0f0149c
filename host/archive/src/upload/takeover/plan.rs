//! What of a suite's indexes is taken: each file once, with every place in which it is listed. Pure.
//!
//! What the indexes contradict themselves about is not taken. Of each name in an index so many of the newest versions come as our archive keeps, with those that are
//! still given to a part of their users on top: the others would be taken out by the pass that publishes them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use super::complaint;
use super::index::{Binary, Indexes, Placed, Source};
use crate::domain::DebVersion;
use crate::domain::digest::Sha256;
use crate::domain::name::{ArchitectureTag, ComponentName};
use crate::format::PackageType;
use crate::store::takeover::InOurSuite;
use crate::upload::Complaint;

/// A binary package that is wanted, and where it is listed.
#[derive(Debug, Clone)]
pub struct WantedBinary {
    /// By its file, the same everywhere.
    pub binary: Binary,
    /// Of each index that lists it what that says, first come.
    pub places: Vec<Placed<Binary>>,
    /// It is for all architectures, and in the index of each of them: in ours it is for each of ours.
    pub everywhere: bool,
}

/// A source package that is wanted.
#[derive(Debug, Clone)]
pub struct WantedSource {
    /// In which component.
    pub component: ComponentName,
    /// What is said of it.
    pub source: Source,
}

/// What is to be taken.
#[derive(Debug, Default)]
pub struct Plan {
    /// By name and version.
    pub sources: Vec<WantedSource>,
    /// By name, version and architecture.
    pub binaries: Vec<WantedBinary>,
    /// What is wrong.
    pub complaints: Vec<Complaint>,
    /// What is left out by rule: how many versions that are older than what our archive keeps.
    pub older_versions: usize,
    /// The same: sources that were there only because something was built using them.
    pub extra_sources: usize,
}

impl Plan {
    /// How many packages are wanted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sources.len() + self.binaries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Makes the plan; `keep` versions of a name stay in our archive.
#[must_use]
pub fn plan(indexes: Indexes, keep: NonZeroUsize) -> Plan {
    let Indexes { binaries, sources, read, complaints } = indexes;
    let mut plan = Plan { complaints, ..Plan::default() };
    plan.add_binaries(binaries, &read, keep);
    plan.add_sources(sources, keep);
    plan
}

/// What a package is known by, to clients.
type Name = (String, String, String);

impl Plan {
    fn add_binaries(
        &mut self,
        listed: Vec<Placed<Binary>>,
        read: &BTreeSet<(ArchitectureTag, PackageType)>,
        keep: NonZeroUsize,
    ) {
        let name = |one: &Placed<Binary>| -> Name {
            let Binary { name, version, architecture, .. } = &one.stanza;
            (name.to_string(), version.to_string(), architecture.to_string())
        };
        let disagreeing = self.disagreements(
            listed.iter().map(|one| (name(one), one.stanza.file.sha256, one.stanza.file.path.as_str())),
        );
        let listed = listed.into_iter().filter(|one| !disagreeing.contains(&name(one))).collect();
        let listed = self.once_in_each_index(listed);
        let listed = self.newest(
            listed,
            |one| (one.architecture.to_string(), one.stanza.name.to_string()),
            |one| (&one.stanza.version, one.stanza.phased.is_some()),
            keep,
        );
        let mut files: BTreeMap<Sha256, Vec<Placed<Binary>>> = BTreeMap::new();
        for one in listed {
            files.entry(one.stanza.file.sha256).or_default().push(one);
        }
        for places in files.into_values() {
            let Some(first) = places.first() else { continue };
            let binary = first.stanza.clone();
            let is_listed = |tag: &ArchitectureTag| places.iter().any(|one| one.architecture == *tag);
            let everywhere = binary.architecture.is_all()
                && (places.iter().any(|one| one.architecture.is_all())
                    || read
                        .iter()
                        .filter(|(tag, kind)| *kind == binary.package_type && !tag.is_all())
                        .all(|(tag, _)| is_listed(tag)));
            self.binaries.push(WantedBinary { binary, places, everywhere });
        }
        let order = |one: &WantedBinary| {
            (one.binary.name.clone(), one.binary.architecture.clone(), one.binary.file.sha256)
        };
        self.binaries.sort_by(|one, other| {
            (one.binary.name.cmp(&other.binary.name))
                .then_with(|| one.binary.version.dpkg_cmp(&other.binary.version))
                .then_with(|| order(one).cmp(&order(other)))
        });
    }

    fn add_sources(&mut self, listed: Vec<Placed<Source>>, keep: NonZeroUsize) {
        let name = |one: &Placed<Source>| -> Name {
            (one.stanza.name.to_string(), one.stanza.version.to_string(), "source".to_owned())
        };
        let disagreeing = self.disagreements(
            listed.iter().map(|one| (name(one), one.stanza.dsc.sha256, one.stanza.dsc.path.as_str())),
        );
        let (extra, listed): (Vec<_>, Vec<_>) = listed
            .into_iter()
            .filter(|one| !disagreeing.contains(&name(one)))
            .partition(|one| one.stanza.extra_only);
        self.extra_sources += extra.len();
        let mut by_name: BTreeMap<Name, Placed<Source>> = BTreeMap::new();
        for one in listed {
            match by_name.get(&name(&one)) {
                None => {
                    by_name.insert(name(&one), one);
                }
                Some(first) if first.component == one.component => {}
                Some(first) => self.complaints.push(in_two(
                    one.stanza.dsc.path.as_str(),
                    &first.component,
                    &one.component,
                )),
            }
        }
        let listed = self.newest(
            by_name.into_values().collect(),
            |one| ("source".to_owned(), one.stanza.name.to_string()),
            // a source is for all; how many get its binaries is theirs to say
            |one| (&one.stanza.version, false),
            keep,
        );
        let wanted =
            listed.into_iter().map(|one| WantedSource { component: one.component, source: one.stanza });
        self.sources.extend(wanted);
        self.sources.sort_by(|one, other| {
            (one.source.name.cmp(&other.source.name))
                .then_with(|| one.source.version.dpkg_cmp(&other.source.version))
        });
    }

    /// Complains of packages that are listed with one name and different content, and says which those are.
    fn disagreements<'a>(&mut self, listed: impl Iterator<Item = (Name, Sha256, &'a str)>) -> BTreeSet<Name> {
        let mut contents: BTreeMap<Name, BTreeMap<Sha256, &str>> = BTreeMap::new();
        for (name, sha256, path) in listed {
            contents.entry(name).or_default().insert(sha256, path);
        }
        contents.retain(|_, contents| contents.len() > 1);
        for ((name, version, architecture), contents) in &contents {
            let different: Vec<String> =
                contents.iter().map(|(sha256, path)| format!("{path} with SHA256 {sha256}")).collect();
            let reason = format!(
                "{name} {version} ({architecture}) is listed with different content, so nothing of it is taken: {}",
                different.join(", ")
            );
            let path = contents.values().next().copied().unwrap_or_default();
            self.complaints.push(complaint(path, reason));
        }
        contents.into_keys().collect()
    }

    /// A package is in one component of an index.
    fn once_in_each_index(&mut self, listed: Vec<Placed<Binary>>) -> Vec<Placed<Binary>> {
        let mut places: BTreeMap<(ArchitectureTag, Sha256), ComponentName> = BTreeMap::new();
        let mut kept = Vec::with_capacity(listed.len());
        for one in listed {
            match places.get(&(one.architecture.clone(), one.stanza.file.sha256)) {
                None => {
                    places.insert((one.architecture.clone(), one.stanza.file.sha256), one.component.clone());
                    kept.push(one);
                }
                // the same twice is no harm
                Some(first) if *first == one.component => {}
                Some(first) => {
                    self.complaints.push(in_two(one.stanza.file.path.as_str(), first, &one.component));
                }
            }
        }
        kept
    }

    /// The newest versions of each name in each index.
    fn newest<T>(
        &mut self,
        listed: Vec<T>,
        name: impl Fn(&T) -> (String, String),
        version: impl Fn(&T) -> (&DebVersion, bool),
        keep: NonZeroUsize,
    ) -> Vec<T> {
        let mut names: BTreeMap<(String, String), Vec<T>> = BTreeMap::new();
        for one in listed {
            names.entry(name(&one)).or_default().push(one);
        }
        let mut kept = Vec::new();
        for mut versions in names.into_values() {
            versions.sort_by(|one, other| version(other).0.dpkg_cmp(version(one).0));
            let (mut rank, mut all_above_are_phased) = (0, true);
            let mut before: Option<DebVersion> = None;
            for one in versions {
                let (this, is_phased) = version(&one);
                if before.as_ref().is_some_and(|before| before.dpkg_cmp(this).is_ne()) {
                    rank += 1;
                }
                before = Some(this.clone());
                if rank < keep.get() || all_above_are_phased {
                    all_above_are_phased &= is_phased;
                    kept.push(one);
                } else {
                    self.older_versions += 1;
                }
            }
        }
        kept
    }
}

fn in_two(path: &str, first: &ComponentName, second: &ComponentName) -> Complaint {
    complaint(
        path,
        format!(
            "it is listed in the components {first} and {second} of one suite: it is taken for {first} only"
        ),
    )
}

/// What becomes of a package in an index of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is published, unless it is there as it should be.
    Publish,
    /// It was there, and has given way.
    HasGivenWay,
    /// Somebody here has removed it, and it stays so.
    Removed,
    /// Something newer is there.
    Older(DebVersion),
}

/// Decides by how it stands to that index.
#[must_use]
pub fn fate(standing: &InOurSuite, keep: NonZeroUsize) -> Fate {
    if standing.is_there {
        return Fate::Publish;
    }
    if standing.was_removed {
        return Fate::Removed;
    }
    match standing.higher.first() {
        Some(_) if standing.higher.len() >= keep.get() && standing.was_there => Fate::HasGivenWay,
        Some(highest) if standing.higher.len() >= keep.get() => Fate::Older(highest.clone()),
        _ => Fate::Publish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::takeover::stanza;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    fn binary(name: &str, version: &str, architecture: &str, content: &str) -> Binary {
        stanza::binary(
            format!(
                "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nFilename: pool/{name}_{version}_{architecture}.deb\nSize: 7\n\
                 SHA256: {}\n",
                Sha256::of(content.as_bytes())
            )
            .as_bytes(),
        )
        .unwrap()
    }

    fn placed(component: &str, architecture: &str, stanza: Binary) -> Placed<Binary> {
        Placed { component: component.parse().unwrap(), architecture: architecture.parse().unwrap(), stanza }
    }

    fn of(binaries: Vec<Placed<Binary>>, architectures: &[&str], keep: NonZeroUsize) -> Plan {
        let read = architectures.iter().map(|tag| (tag.parse().unwrap(), PackageType::Deb)).collect();
        plan(Indexes { binaries, read, ..Indexes::default() }, keep)
    }

    fn taken(plan: &Plan) -> Vec<String> {
        let shown = |one: &WantedBinary| {
            let places: Vec<&str> = one.places.iter().map(|place| place.architecture.as_str()).collect();
            let everywhere = if one.everywhere { " everywhere" } else { "" };
            format!("{} {} {}{everywhere}", one.binary.name, one.binary.version, places.join("+"))
        };
        plan.binaries.iter().map(shown).collect()
    }

    #[test]
    fn a_file_is_taken_once_with_all_its_places() {
        let all = || binary("aa", "1", "all", "a");
        let plan = of(
            vec![
                placed("main", "amd64", all()),
                placed("main", "arm64", all()),
                placed("main", "amd64", binary("bb", "1", "amd64", "b")),
                placed("main", "arm64", binary("cc", "1", "all", "c")),
                placed("main", "arm64", binary("cc", "1", "all", "c")),
            ],
            &["amd64", "arm64"],
            ONE,
        );
        assert_eq!(taken(&plan), ["aa 1 amd64+arm64 everywhere", "bb 1 amd64", "cc 1 arm64"]);
        assert!(plan.complaints.is_empty());
        let alone = of(vec![placed("main", "all", all())], &["amd64", "all"], ONE);
        assert_eq!(taken(&alone), ["aa 1 all everywhere"]);
    }

    #[test]
    fn what_the_indexes_disagree_about_is_not_taken() {
        let plan = of(
            vec![
                placed("main", "amd64", binary("aa", "1", "all", "one")),
                placed("main", "arm64", binary("aa", "1", "all", "other")),
                placed("main", "amd64", binary("bb", "1", "amd64", "b")),
                placed("contrib", "amd64", binary("bb", "1", "amd64", "b")),
            ],
            &["amd64", "arm64"],
            ONE,
        );
        assert_eq!(taken(&plan), ["bb 1 amd64"]);
        assert_eq!(plan.binaries[0].places.len(), 1);
        let reasons: Vec<&str> = plan.complaints.iter().map(|one| one.reason.as_str()).collect();
        assert!(reasons[0].contains("aa 1 (all) is listed with different content"), "{reasons:?}");
        assert!(reasons[1].contains("main and contrib"), "{reasons:?}");
    }

    #[test]
    fn as_many_versions_come_as_the_archive_keeps() {
        let versions = || {
            ["1", "1.10", "1.9", "1.9"]
                .map(|version| placed("main", "amd64", binary("aa", version, "amd64", version)))
                .to_vec()
        };
        let plan = of(versions(), &["amd64"], ONE);
        assert_eq!((taken(&plan), plan.older_versions), (vec!["aa 1.10 amd64".to_owned()], 2));
        let two = of(versions(), &["amd64"], NonZeroUsize::new(2).unwrap());
        assert_eq!(taken(&two), ["aa 1.9 amd64", "aa 1.10 amd64"]);
        let mut phased = versions();
        phased[1].stanza.phased = Some(10);
        assert_eq!(taken(&of(phased, &["amd64"], ONE)), ["aa 1.9 amd64", "aa 1.10 amd64"]);
    }

    #[test]
    fn what_is_here_decides_what_becomes_of_a_package() {
        let version = |text: &str| text.parse::<DebVersion>().unwrap();
        let two = NonZeroUsize::new(2).unwrap();
        let none = InOurSuite::default();
        let there = InOurSuite { is_there: true, was_removed: true, ..InOurSuite::default() };
        let below = InOurSuite { higher: vec![version("2")], ..InOurSuite::default() };
        let gave_way = InOurSuite { was_there: true, ..below.clone() };
        let removed = InOurSuite { was_there: true, was_removed: true, ..InOurSuite::default() };
        for (standing, keep, fate) in [
            (&none, ONE, Fate::Publish),
            (&there, ONE, Fate::Publish),
            (&below, ONE, Fate::Older(version("2"))),
            (&below, two, Fate::Publish),
            (&gave_way, ONE, Fate::HasGivenWay),
            (&removed, ONE, Fate::Removed),
        ] {
            assert_eq!(super::fate(standing, keep), fate, "{standing:?}");
        }
    }
}
