//! Contents: which packages bring each file along, from the lists of files that were kept when the packages came in.
//!
//! A line is a path, two blanks, and the packages that have it, each as `section/name` (with the component before it, unless that is main), sorted, with
//! commas between. Lines are sorted by path. A path that is not UTF-8 has U+FFFD for what is none; one with a control character, which no line can
//! have, is left out.
//!
//! All of it is made by sorting outside of memory ([`sort`]). A change looks at the packages that the pass touches: what their lists say before and after
//! gives the paths whose line is another one, and each of these lines is made from the published line, without the packages that the pass touches, and
//! with what these have now.

mod line;
pub(super) mod sort;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::line::{Line, Owners};
use self::sort::{Limits, Sorter};
use super::IndexError;
use super::increment::{Each, Entries};
use super::segment::previous::Previous;
use super::stanza::section_field;
use crate::domain::name::{ComponentName, Section};
use crate::domain::{BinaryReleaseId, PassId};
use crate::format::PathList;
use crate::store::indexed::{BinaryIndex, IndexKey, Names};
use crate::store::package_paths::{self, Holder};
use crate::store::{Connection, transition};
use crate::work::{self, Work};

/// So many paths of touched packages are looked at one by one; beyond that making all of it is cheaper, and needs no more memory.
const MOST_PATHS: u64 = 100_000;

/// The lines of a Contents index as a pass will leave it.
pub(super) struct Lines<'a> {
    pub(super) db: &'a Connection,
    pub(super) pass: PassId,
    pub(super) index: BinaryIndex,
    pub(super) component: &'a ComponentName,
    /// A folder for what does not fit into memory.
    pub(super) scratch: &'a Path,
    pub(super) limits: Limits,
    /// What changes, where that is known.
    pub(super) changes: Changes,
}

/// The lines that change, and how.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The packages that the pass touches.
    names: BTreeSet<String>,
    /// By path: which of them have it now.
    owners: BTreeMap<String, BTreeSet<String>>,
}

impl Changes {
    /// The paths, sorted.
    pub(super) fn paths(&self) -> Vec<String> {
        self.owners.keys().cloned().collect()
    }

    /// A line without the packages that the pass touches, with what these have now.
    fn renewed(&self, path: &str, before: Option<&Line<'_>>) -> Owners {
        let mut owners: Owners = before
            .iter()
            .flat_map(|line| line.owners())
            .filter(|owner| !self.names.contains(line::name_of(owner)))
            .map(str::to_owned)
            .collect();
        owners.extend(self.owners.get(path).into_iter().flatten().cloned());
        owners
    }
}

/// What a line calls a package.
fn qualified(component: &ComponentName, section: Option<&Section>, name: &str) -> String {
    section.map_or_else(|| name.to_owned(), |section| format!("{}/{name}", section_field(component, section)))
}

/// A path as a line has it; none where no line can have it.
fn shown(path: &[u8]) -> Option<String> {
    let path = String::from_utf8_lossy(path);
    (!path.is_empty() && !path.chars().any(char::is_control)).then(|| path.into_owned())
}

impl Lines<'_> {
    fn paths_of(&self, release: BinaryReleaseId) -> Result<PathList, IndexError> {
        let packed = package_paths::find(self.db, release)?.unwrap_or_default();
        PathList::unpack(&packed).map_err(|source| IndexError::Paths { release, source })
    }

    /// What the pass changes; none where that is too much to be looked at one by one.
    pub(super) fn find_changes(&self) -> Result<Option<Changes>, IndexError> {
        let names = transition::touched_names(self.db, self.pass, &IndexKey::Packages(self.index))?;
        let mut holders: Vec<(String, Holder)> = Vec::new();
        let mut paths = 0u64;
        for name in &names {
            package_paths::for_each_holder(self.db, self.pass, &self.index, &Names::one(name), |holder| {
                paths = paths.saturating_add(holder.paths);
                // no more of them are read than are looked at
                if paths <= MOST_PATHS {
                    let owner = qualified(self.component, holder.section.as_ref(), &holder.name);
                    holders.push((owner, holder));
                }
                Ok::<(), IndexError>(())
            })?;
            if paths > MOST_PATHS {
                return Ok(None);
            }
        }
        let mut lines: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for (owner, holder) in holders {
            for path in self.paths_of(holder.release)?.iter().filter_map(shown) {
                let (before, after) = lines.entry(path).or_default();
                if holder.is_there {
                    before.insert(owner.clone());
                }
                if holder.will_be_there {
                    after.insert(owner.clone());
                }
            }
        }
        let owners = lines
            .into_iter()
            .filter(|(_, (before, after))| before != after)
            .map(|(path, (_, after))| (path, after))
            .collect();
        Ok(Some(Changes { names: names.into_iter().collect(), owners }))
    }
}

impl Entries for Lines<'_> {
    fn for_each(&self, paths: &Names, each: &mut Each<'_>) -> Result<(), IndexError> {
        let mut sorter = Sorter::new(self.scratch, self.limits);
        let mut owners: Vec<String> = Vec::new();
        package_paths::for_each_holder(self.db, self.pass, &self.index, &Names::all(), |holder| {
            if !holder.will_be_there {
                return Ok(());
            }
            // versions of one name, one after the other, are one owner
            let owner = qualified(self.component, holder.section.as_ref(), &holder.name);
            if owners.last() != Some(&owner) {
                owners.push(owner);
            }
            let number = u32::try_from(owners.len() - 1).unwrap_or(u32::MAX);
            for path in self.paths_of(holder.release)?.iter().filter_map(shown) {
                if paths.contain(&path) {
                    sorter.push(&path, number)?;
                }
            }
            Ok::<(), IndexError>(())
        })?;
        let (mut text, mut count) = (String::new(), 0);
        sorter.for_each(|path, numbers| {
            let owners: Owners =
                numbers.iter().filter_map(|number| owners.get(*number as usize).cloned()).collect();
            text.clear();
            line::write(&mut text, path, &owners);
            count += 1;
            each(path, &text)
        })?;
        work::count(Work::LinesRendered, count);
        Ok(())
    }

    fn is_gone(&self, previous: &Previous, place: usize) -> Result<bool, IndexError> {
        let Some(text) = previous.text(place, &[]) else { return Ok(true) };
        let first = line::lines(&text).next().flatten();
        Ok(first.is_none_or(|line| self.changes.renewed(line.path, Some(&line)).is_empty()))
    }

    fn renew(&self, text: &str, touched: &[String], each: &mut Each<'_>) -> Result<bool, IndexError> {
        let Some(lines) = line::lines(text).collect::<Option<Vec<Line<'_>>>>() else { return Ok(false) };
        let (mut out, mut count) = (String::new(), 0);
        let mut renew = |path: &str, before: Option<&Line<'_>>, each: &mut Each<'_>| {
            let owners = self.changes.renewed(path, before);
            if owners.is_empty() {
                return Ok(());
            }
            out.clear();
            line::write(&mut out, path, &owners);
            count += 1;
            each(path, &out)
        };
        let mut touched = touched.iter().map(String::as_str).peekable();
        for line in &lines {
            while let Some(path) = touched.next_if(|path| *path < line.path) {
                renew(path, None, each)?;
            }
            match touched.next_if(|path| *path == line.path) {
                Some(path) => renew(path, Some(line), each)?,
                None => each(line.path, line.text)?,
            }
        }
        for path in touched {
            renew(path, None, each)?;
        }
        work::count(Work::LinesRendered, count);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_called_by_its_component_unless_that_is_main_and_its_section() {
        for (component, section, called) in [
            ("main", Some("devel"), "devel/hello"),
            ("main", Some("main/devel"), "devel/hello"),
            ("non-free", Some("devel"), "non-free/devel/hello"),
            ("non-free", Some("non-free/devel"), "non-free/devel/hello"),
            ("universe", None, "hello"),
        ] {
            let section: Option<Section> = section.map(|word| word.parse().unwrap());
            assert_eq!(qualified(&component.parse().unwrap(), section.as_ref(), "hello"), called);
        }
    }

    #[test]
    fn a_path_is_shown_as_text_or_left_out() {
        assert_eq!(shown(b"usr/share/a file").unwrap(), "usr/share/a file");
        assert_eq!(shown("usr/share/\u{e9}t\u{e9}".as_bytes()).unwrap(), "usr/share/\u{e9}t\u{e9}");
        assert_eq!(shown(b"usr/share/\xe9").unwrap(), "usr/share/\u{fffd}");
        for path in [&b""[..], b"usr/a\nbin/sh  base/evil", b"usr/\x1b[2J", b"usr/\xc2\x85"] {
            assert_eq!(shown(path), None, "{path:?}");
        }
    }

    #[test]
    fn a_line_is_renewed_without_what_is_touched_and_with_what_that_has_now() {
        let changes = Changes {
            names: ["new", "old"].map(str::to_owned).into(),
            owners: [("usr/bin/x".to_owned(), ["devel/new".to_owned()].into())].into(),
        };
        let text = "usr/bin/x  devel/old,utils/other\n";
        let line = line::lines(text).next().flatten().unwrap();
        let renewed: Vec<String> = changes.renewed("usr/bin/x", Some(&line)).into_iter().collect();
        assert_eq!(renewed, ["devel/new", "utils/other"]);
        assert_eq!(changes.renewed("usr/bin/x", None).len(), 1);
        assert!(changes.renewed("usr/bin/y", None).is_empty());
    }
}
