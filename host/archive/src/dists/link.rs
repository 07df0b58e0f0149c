//! Links in `dists/` by which clients find suites under other names (`unstable`, `devel-updates`), made in the staged tree.
//!
//! Only links that a pass has made are changed or removed by a later one: a hook's links, and folders, stay.

use std::collections::BTreeMap;
use std::path::Path;

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
