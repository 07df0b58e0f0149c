//! What an executable may have left in the staged tree that must never be published.
//!
//! It has all the rights of the publisher and writes in place, so nothing can be held against a grant beforehand. Afterwards everything is looked at:
//! FIFOs, sockets and devices would hold or mislead who reads the tree; a file with a setuid bit is a danger on the host that serves it; a link that leads out
//! of the archive serves what is not part of it. Any of these fails the hook, and with it the pass: what nobody meant is not mended in silence. Links that were
//! there before are an operator's, and stay.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// The links below a folder, with where they lead.
pub(super) type Links = BTreeMap<PathBuf, PathBuf>;

/// So many are named; of more, the number is told.
const NAMED: usize = 10;
/// setuid and setgid.
const RIGHTS_OF_ANOTHER: u32 = 0o6000;

/// The links in the staged trees, which lie in `root` as in the archive's root.
pub(super) fn links(root: &Path) -> io::Result<Links> {
    Ok(look(root)?.links)
}

/// What must not be published in the staged trees, in words, where `before` were the links; nothing if all is well.
pub(super) fn left_behind(root: &Path, before: &Links) -> io::Result<Option<String>> {
    let Found { links, mut odd } = look(root)?;
    odd.extend(links.into_iter().filter(|(path, target)| before.get(path) != Some(target)).filter_map(
        |(path, target)| {
            let what = judge_link(&path, &target)?;
            Some(format!("{} ({what})", path.display()))
        },
    ));
    odd.sort();
    let more = odd.len().saturating_sub(NAMED);
    odd.truncate(NAMED);
    if more > 0 {
        odd.push(format!("and {more} more"));
    }
    Ok((!odd.is_empty()).then(|| odd.join(", ")))
}

#[derive(Default)]
struct Found {
    /// By their path below the root.
    links: Links,
    /// What is odd whatever was there before.
    odd: Vec<String>,
}

fn look(root: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            let mut odd = |what: &str| found.odd.push(format!("{} ({what})", path.display()));
            if path.to_str().is_none() {
                odd("its name is not UTF-8");
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path())?;
                found.links.insert(path, target);
            } else if kind.is_file() {
                if entry.metadata()?.permissions().mode() & RIGHTS_OF_ANOTHER != 0 {
                    odd("a file with a setuid or setgid bit");
                }
            } else if kind.is_fifo() {
                odd("a FIFO");
            } else if kind.is_socket() {
                odd("a socket");
            } else {
                odd("a device");
            }
        }
    }
    Ok(found)
}

/// Why a link at this path below the archive's root must not be there. Its folder is no link, since links were not followed on the way to it.
fn judge_link(path: &Path, target: &Path) -> Option<String> {
    let target_text = target.display();
    let depth = path.components().count() - 1;
    if depth == 0 {
        return Some(format!("a link to {target_text} in place of a folder of the archive"));
    }
    if target.is_absolute() {
        return Some(format!("a link to {target_text}, which leads out of the archive"));
    }
    let ups = target.components().take_while(|part| matches!(part, Component::ParentDir)).count();
    if ups > depth {
        return Some(format!("a link to {target_text}, which leads out of the archive"));
    }
    // past another link, `..` leads to wherever that one does
    if target.components().skip(ups).any(|part| matches!(part, Component::ParentDir)) {
        return Some(format!(
            "a link to {target_text}, which has .. in its middle: let it lead there directly"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use pressroom_archive::disk::write_staged;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_may_lead_anywhere_in_the_archive_and_nowhere_else() {
        for (path, target, fits) in [
            ("dists/stable", "aurora", true),
            ("dists/s/main/x", "../other/x", true),
            ("dists/s/main/x", "../../../pool/main/x", true),
            ("dists/s/main/x", "./x", true),
            ("dists/s/main/x", "../../../../keys/signing-key.asc", false),
            ("dists/s/main/x", "/etc/passwd", false),
            ("dists/s/main/x", "up/../../..", false),
            ("dists", "elsewhere", false),
        ] {
            let judged = judge_link(Path::new(path), Path::new(target));
            assert_eq!(judged.is_none(), fits, "{path} -> {target}: {judged:?}");
        }
    }

    #[test]
    fn what_must_not_be_published_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write_staged(&root.join("dists/s/file"), b"x").unwrap();
        symlink("/srv/mirror", root.join("dists/s/from-before")).unwrap();
        symlink("file", root.join("dists/s/changed")).unwrap();
        let before = links(root).unwrap();
        assert_eq!(left_behind(root, &before).unwrap(), None);

        symlink("file", root.join("dists/s/fits")).unwrap();
        write_staged(&root.join("dists/s/new"), b"x").unwrap();
        assert_eq!(left_behind(root, &before).unwrap(), None);

        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, root.join("dists/s/pipe"), FileType::Fifo, mode, 0).unwrap();
        mknodat(CWD, root.join("dists/s/socket"), FileType::Socket, mode, 0).unwrap();
        fs::set_permissions(root.join("dists/s/new"), fs::Permissions::from_mode(0o4755)).unwrap();
        fs::remove_file(root.join("dists/s/changed")).unwrap();
        symlink("../../../x", root.join("dists/s/changed")).unwrap();
        let left = left_behind(root, &before).unwrap().unwrap();
        for words in [
            "dists/s/pipe (a FIFO)",
            "dists/s/socket (a socket)",
            "dists/s/new (a file with a setuid",
            "dists/s/changed (a link to ../../../x, which leads out",
        ] {
            assert!(left.contains(words), "{left}");
        }
        assert!(!left.contains("from-before") && !left.contains("fits"), "{left}");
    }

    #[test]
    fn of_very_many_some_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..25 {
            let at = folder.path().join(format!("{number:02}"));
            mknodat(CWD, at, FileType::Fifo, Mode::RUSR, 0).unwrap();
        }
        let left = left_behind(folder.path(), &Links::new()).unwrap().unwrap();
        assert!(left.ends_with("09 (a FIFO), and 15 more"), "{left}");
    }
}
