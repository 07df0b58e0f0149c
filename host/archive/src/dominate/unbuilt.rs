//! Binaries that no source builds any more (NBS): nothing takes their place, so domination leaves them alone. Here is what a report says of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::name::{ArchitectureTag, SourceName};
use crate::store::unbuilt::{PublishedBinary, PublishedSource};

/// A binary that is not built any more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unbuilt {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// In whose indexes it is.
    pub architectures: Vec<String>,
    /// The source that it was built from.
    pub source: String,
    /// The version of that.
    pub source_version: String,
    /// The version that the source has now, and that was built for these architectures without it; none: the source is not there.
    pub source_is_at: Option<String>,
}

/// The binaries that their source does not build any more, of what is published in a suite: those whose source is not there, and those that a newer
/// version of it has not brought although it was built for their architecture. An architecture that only lags has none, nor a suite without any source.
#[must_use]
pub fn unbuilt(binaries: &[PublishedBinary], sources: &[PublishedSource]) -> Vec<Unbuilt> {
    if sources.is_empty() {
        return Vec::new();
    }
    let mut latest: BTreeMap<&SourceName, &PublishedSource> = BTreeMap::new();
    for source in sources {
        let best = latest.entry(&source.source.name).or_insert(source);
        if source.source.version.dpkg_cmp(&best.source.version).is_gt() {
            *best = source;
        }
    }
    // what the latest versions have brought: for which architectures, and which names
    let mut built: BTreeSet<(&SourceName, Option<&ArchitectureTag>)> = BTreeSet::new();
    let mut brought: BTreeSet<(&str, &ArchitectureTag)> = BTreeSet::new();
    for binary in binaries {
        if latest.get(&binary.source.name).is_some_and(|latest| latest.source == binary.source) {
            built.insert((&binary.source.name, (!binary.is_for_all).then_some(&binary.architecture)));
            brought.insert((&binary.name, &binary.architecture));
        }
    }
    let mut found: Vec<Unbuilt> = Vec::new();
    for binary in binaries {
        let source_is_at = match latest.get(&binary.source.name) {
            None => None,
            Some(latest) if latest.source.version.dpkg_cmp(&binary.source.version).is_gt() => {
                let name = &binary.source.name;
                let is_built = if binary.is_for_all {
                    // a source that has nothing for all any more has nothing to wait for
                    let says_all = latest.architectures.split_whitespace().any(|word| word == "all");
                    built.contains(&(name, None)) || (!says_all && built.iter().any(|(of, _)| *of == name))
                } else {
                    built.contains(&(name, Some(&binary.architecture)))
                };
                if !is_built || brought.contains(&(binary.name.as_str(), &binary.architecture)) {
                    continue;
                }
                Some(latest.source.version.to_string())
            }
            Some(_) => continue,
        };
        match found.last_mut() {
            Some(last)
                if last.package == binary.name
                    && last.version == binary.version
                    && last.source == binary.source.name.as_str()
                    && last.source_is_at == source_is_at =>
            {
                last.architectures.push(binary.architecture.to_string());
            }
            _ => found.push(Unbuilt {
                package: binary.name.clone(),
                version: binary.version.clone(),
                architectures: vec![binary.architecture.to_string()],
                source: binary.source.name.to_string(),
                source_version: binary.source.version.to_string(),
                source_is_at,
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contest::SourceVersion;

    fn version(text: &str) -> SourceVersion {
        let (name, version) = text.split_once('/').unwrap();
        SourceVersion { name: name.parse().unwrap(), version: version.parse().unwrap() }
    }

    /// `name index source/version`, and `all`.
    fn binary(text: &str) -> PublishedBinary {
        let words: Vec<&str> = text.split_whitespace().collect();
        PublishedBinary {
            name: words[0].to_owned(),
            version: "1".to_owned(),
            architecture: words[1].parse().unwrap(),
            is_for_all: words.contains(&"all"),
            source: version(words[2]),
        }
    }

    fn found(binaries: &[&str], sources: &[(&str, &str)]) -> Vec<String> {
        let binaries: Vec<_> = binaries.iter().map(|text| binary(text)).collect();
        let sources: Vec<_> = sources
            .iter()
            .map(|(source, architectures)| PublishedSource {
                source: version(source),
                architectures: (*architectures).to_owned(),
            })
            .collect();
        unbuilt(&binaries, &sources)
            .into_iter()
            .map(|one| {
                let at = one.source_is_at.unwrap_or_else(|| "gone".to_owned());
                format!("{} {}: {at}", one.package, one.architectures.join(" "))
            })
            .collect()
    }

    #[test]
    fn what_the_newer_source_was_built_without_is_not_built_any_more() {
        let binaries = ["app amd64 src/2", "old amd64 src/1", "old arm64 src/1"];
        assert_eq!(
            found(&binaries, &[("src/1", "any"), ("src/2", "any")]),
            ["old amd64: 2"],
            "arm64 only lags"
        );
        let built = ["app amd64 src/2", "app arm64 src/2", "old amd64 src/1", "old arm64 src/1"];
        assert_eq!(found(&built, &[("src/2", "any")]), ["old amd64 arm64: 2"]);
    }

    #[test]
    fn what_has_no_source_is_not_built_any_more_unless_the_suite_has_none_at_all() {
        assert_eq!(found(&["app amd64 src/1", "old amd64 lost/1"], &[("src/1", "any")]), ["old amd64: gone"]);
        assert_eq!(found(&["app amd64 src/1"], &[]), [""; 0]);
    }

    #[test]
    fn what_is_for_all_waits_for_what_is_for_all() {
        let binaries = ["app amd64 src/2", "data amd64 src/1 all", "data arm64 src/1 all"];
        assert_eq!(
            found(&binaries, &[("src/2", "any all")]),
            [""; 0],
            "the packages for all are not built yet"
        );
        assert_eq!(found(&binaries, &[("src/2", "any")]), ["data amd64 arm64: 2"], "there are none any more");
        let other = ["common amd64 src/2 all", "data amd64 src/1 all"];
        assert_eq!(found(&other, &[("src/2", "any all")]), ["data amd64: 2"]);
    }

    #[test]
    fn what_is_there_in_a_newer_version_or_is_of_the_latest_source_is_built() {
        let binaries = ["app amd64 src/1", "app amd64 src/2", "one amd64 other/3"];
        assert_eq!(found(&binaries, &[("src/2", "any"), ("other/3", "any"), ("other/2", "any")]), [""; 0]);
    }
}
