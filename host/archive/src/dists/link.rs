//! Links in `dists/` by which clients find suites under other names (`unstable`, `devel-updates`), made in the staged tree.
//!
//! Only links that a pass has made are changed or removed by a later one: a hook's links, and folders, stay. Those that nobody asks for any more go before
//! anything is written into the tree: what is written into a suite by a link's name lands in the suite that the link leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::{self, DiskError};
use crate::domain::{Pocket, SeriesName, SuiteName};

/// The links that there should be: for each alias of a series one to each of its suites that has a folder in `dists`.
#[must_use]
pub fn wanted_links(
    dists: &Path,
    aliases: impl IntoIterator<Item = (SeriesName, SeriesName)>,
) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    for (alias, series) in aliases {
        for pocket in Pocket::ALL {
            let target = SuiteName::new(series.clone(), *pocket).to_string();
            let folder = dists.join(&target);
            if folder.is_dir() && !folder.is_symlink() {
                links.insert(SuiteName::new(alias.clone(), *pocket).to_string(), target);
            }
        }
    }
    links
}

/// The names that links may have: those of the suites of each alias, but for names that suites have themselves.
#[must_use]
pub fn possible_links(
    aliases: impl IntoIterator<Item = SeriesName>,
    suites: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for alias in aliases {
        names.extend(Pocket::ALL.iter().map(|pocket| SuiteName::new(alias.clone(), *pocket).to_string()));
    }
    names.retain(|name| !suites.contains(name));
    names
}

/// Takes away the links of earlier passes that cannot be wanted any more, so that suites can have their names. Says which went.
///
/// # Errors
/// When the disk fails.
pub fn clear_links(
    dists: &Path,
    ours: &BTreeMap<String, String>,
    possible: &BTreeSet<String>,
) -> Result<Vec<String>, DiskError> {
    let mut gone = Vec::new();
    for (name, target) in ours.iter().filter(|(name, _)| !possible.contains(*name)) {
        let at = dists.join(name);
        if fs::read_link(&at).is_ok_and(|found| found == Path::new(target)) {
            disk::remove_file(&at)?;
            gone.push(name.clone());
        }
    }
    Ok(gone)
}

/// Something in the place of a suite's folder that Pressroom has not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    suite: SuiteName,
    at: PathBuf,
    /// Where it leads, if it is a link.
    target: Option<PathBuf>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (suite, at) = (&self.suite, self.at.display());
        match &self.target {
            Some(target) => write!(
                f,
                "{suite} is not published: {at} is a link to {} that Pressroom has not made, and what is written there would be written into that; \
                 remove the link, and publish again",
                target.display()
            ),
            None => write!(
                f,
                "{suite} is not published: {at}, where its folder has to be, is no folder, and Pressroom has not made it; move it away, and publish again"
            ),
        }
    }
}

/// What has the place of a suite's folder and is neither a folder nor a link of an earlier pass.
#[must_use]
pub fn taken(dists: &Path, ours: &BTreeMap<String, String>, suite: &SuiteName) -> Option<Taken> {
    let name = suite.to_string();
    let at = dists.join(&name);
    let found = fs::symlink_metadata(&at).ok()?;
    let target = fs::read_link(&at).ok();
    let is_ours = target.is_some() && target.as_deref() == ours.get(&name).map(Path::new);
    (!found.is_dir() && !is_ours).then(|| Taken { suite: suite.clone(), at, target })
}

/// What was done to links.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// Links that lead elsewhere now, or have gone.
    pub changes: Vec<(String, Option<String>)>,
    /// Links that could not be made, since something else has their name: for the operators.
    pub refused: Vec<String>,
}

/// Makes the links in `dists` those that are wanted. `ours` are those that an earlier pass has made.
///
/// # Errors
/// When the disk fails.
pub fn make_links(
    dists: &Path,
    ours: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> Result<Linked, DiskError> {
    let mut linked = Linked::default();
    let there = |name: &str| {
        let at = dists.join(name);
        let target = std::fs::read_link(&at).ok();
        (target.map(|target| target.to_string_lossy().into_owned()), at)
    };
    for (name, target) in ours.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        let (found, at) = there(name);
        if found.as_ref() == Some(target) {
            disk::remove_file(&at)?;
        }
        linked.changes.push((name.clone(), None));
    }
    for (name, target) in wanted {
        let (found, at) = there(name);
        let is_ours = found.is_some() && found.as_ref() == ours.get(name);
        if found.as_ref() == Some(target) {
            if !is_ours {
                linked.changes.push((name.clone(), Some(target.clone())));
            }
        } else if is_ours || (found.is_none() && !at.exists()) {
            disk::remove_file(&at)?;
            disk::symlink(Path::new(target), &at)?;
            linked.changes.push((name.clone(), Some(target.clone())));
        } else {
            linked.refused.push(format!(
                "dists/{name} cannot be a link to {target}: something that Pressroom has not made has that name; remove it, or choose another alias"
            ));
        }
    }
    Ok(linked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(links: &[(&str, &str)]) -> BTreeMap<String, String> {
        links.iter().map(|(name, target)| ((*name).to_owned(), (*target).to_owned())).collect()
    }

    fn targets(dists: &Path) -> Vec<String> {
        let mut all: Vec<String> = std::fs::read_dir(dists)
            .unwrap()
            .map(Result::unwrap)
            .filter_map(|entry| {
                let target = std::fs::read_link(entry.path()).ok()?;
                Some(format!("{} {}", entry.file_name().display(), target.display()))
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn an_alias_leads_to_each_suite_that_is_published() {
        let folder = tempfile::tempdir().unwrap();
        for suite in ["two", "two-updates", "one"] {
            disk::make_folder(&folder.path().join(suite)).unwrap();
        }
        let alias = |alias: &str, series: &str| (alias.parse().unwrap(), series.parse().unwrap());
        let wanted = wanted_links(folder.path(), [alias("devel", "two"), alias("stable", "none")]);
        assert_eq!(wanted, map(&[("devel", "two"), ("devel-updates", "two-updates")]));
    }

    #[test]
    fn links_follow_their_alias_and_go_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let dists = folder.path();
        let (first, second) = (map(&[("devel", "one"), ("old", "one")]), map(&[("devel", "two")]));
        make_links(dists, &BTreeMap::new(), &first).unwrap();
        assert_eq!(targets(dists), ["devel one", "old one"]);
        let again = make_links(dists, &first, &first).unwrap();
        assert_eq!(again, Linked::default(), "nothing changes the second time");
        let moved = make_links(dists, &first, &second).unwrap();
        assert_eq!(moved.changes, [("old".into(), None), ("devel".into(), Some("two".into()))]);
        assert_eq!(targets(dists), ["devel two"]);
    }

    #[test]
    fn what_cannot_be_wanted_any_more_goes_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let dists = folder.path();
        let ours =
            map(&[("next", "two"), ("stable", "one"), ("stable-updates", "one-updates"), ("turned", "one")]);
        make_links(dists, &BTreeMap::new(), &ours).unwrap();
        disk::symlink(Path::new("elsewhere"), &dists.join("turned")).unwrap();
        disk::symlink(Path::new("one"), &dists.join("theirs")).unwrap();
        let suites = BTreeSet::from(["one", "two", "stable-updates"].map(str::to_owned));
        let possible = possible_links(["next".parse().unwrap(), "stable".parse().unwrap()], &suites);
        assert!(possible.contains("stable") && possible.contains("next-security"), "{possible:?}");
        // a suite has come to have the name of a link
        assert_eq!(clear_links(dists, &ours, &possible).unwrap(), ["stable-updates"]);
        let possible = possible_links(["next".parse().unwrap()], &suites);
        assert_eq!(clear_links(dists, &ours, &possible).unwrap(), ["stable"]);
        assert_eq!(clear_links(dists, &ours, &possible).unwrap(), [""; 0]);
        assert_eq!(targets(dists), ["next two", "theirs one", "turned elsewhere"]);
        // what has gone is still to be written down, with whatever has its name now
        disk::make_folder(&dists.join("stable")).unwrap();
        let linked = make_links(dists, &ours, &map(&[("next", "two")])).unwrap();
        let names: Vec<_> =
            linked.changes.iter().map(|(name, target)| (name.as_str(), target.is_none())).collect();
        assert_eq!(names, [("stable", true), ("stable-updates", true), ("turned", true)]);
        assert!(dists.join("stable").is_dir());
    }

    #[test]
    fn the_place_of_a_suite_is_taken_by_what_is_no_folder_and_no_link_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let dists = folder.path();
        disk::make_folder(&dists.join("one")).unwrap();
        for name in ["ours", "theirs", "turned"] {
            disk::symlink(Path::new("one"), &dists.join(name)).unwrap();
        }
        disk::write_staged(&dists.join("file"), b"").unwrap();
        let ours = map(&[("ours", "one"), ("turned", "two")]);
        for (suite, said) in [
            ("one", None),
            ("none", None),
            ("ours", None),
            ("theirs", Some("theirs is a link to one that Pressroom has not made")),
            ("turned", Some("remove the link")),
            ("file", Some("is no folder")),
        ] {
            let found = taken(dists, &ours, &suite.parse().unwrap()).map(|taken| taken.to_string());
            assert_eq!(found.is_some(), said.is_some(), "{suite}: {found:?}");
            assert!(found.is_none_or(|found| found.contains(said.unwrap_or_default())), "{suite}");
        }
    }

    #[test]
    fn what_others_have_made_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dists = folder.path();
        disk::symlink(Path::new("mine"), &dists.join("theirs")).unwrap();
        disk::make_folder(&dists.join("folder")).unwrap();
        let wanted = map(&[("folder", "one"), ("theirs", "one")]);
        let linked = make_links(dists, &BTreeMap::new(), &wanted).unwrap();
        assert_eq!((linked.refused.len(), linked.changes.len()), (2, 0));
        // a link of ours that somebody has turned elsewhere is no longer ours
        let linked = make_links(dists, &map(&[("theirs", "one")]), &BTreeMap::new()).unwrap();
        assert_eq!(linked.changes, [("theirs".into(), None)]);
        assert_eq!(targets(dists), ["theirs mine"]);
    }
}
