//! The tarballs of source packages: whether they can be unpacked where they are meant to be, and the few members that matter before that.
//!
//! Nothing is unpacked. A tarball is walked from header to header, and what would write outside of its folder, or through a link, or
//! would make something else than files, folders and links, is refused. Symbolic links may lead anywhere, as those of upstream's tests do: who unpacks
//! makes them last. Of the folder `debian` the members in [`WANTED`] are kept, and the names of its patches.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use super::tarball::{self, Bounds, ContentsError, Entry, EntryKind, Walk, plain};
use crate::domain::plain::shown;

/// The members that are kept, and how long they may be: of what is longer only that is known.
pub const WANTED: [(&str, u64); 4] = [
    ("debian/changelog", 10 << 20),
    ("debian/copyright", 10 << 20),
    ("debian/control", 2 << 20),
    ("debian/patches/series", 1 << 20),
];

/// The most bytes of all members that are held at once: where two folders both could be the source's, those of both are.
const MAX_MEMBERS_BYTES: usize = 24 << 20;
/// The most bytes of the names of patches and links that are held.
const MAX_NAMES_BYTES: usize = 8 << 20;
/// So many folders on the way to entries are looked up among the links.
const MAX_LOOKED_UP: u64 = 32 << 20;

/// A tarball that nobody can unpack, or should.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// It cannot be read.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// A path that is not below the tarball's folder.
    #[error("it has the path {path}, which begins at the root")]
    Absolute {
        /// The path, quoted.
        path: String,
    },
    /// An entry that is no file, folder or link.
    #[error("{path} is {what}, and only files, folders and links are taken")]
    Kind {
        /// The path, quoted.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// An entry below a symbolic link.
    #[error("{path} lies below {link}, which is a symbolic link")]
    ThroughLink {
        /// The path, quoted.
        path: String,
        /// The link, quoted.
        link: String,
    },
    /// A hard link that leads out of the tarball.
    #[error("the hard link {path} leads to {target}, which is not in the tarball's folder")]
    HardLink {
        /// The path, quoted.
        path: String,
        /// Where it leads, quoted.
        target: String,
    },
    /// A symbolic link that leads out of the tarball, where that matters.
    #[error("the symbolic link {path} leads to {target}, which is not in the tarball")]
    Symlink {
        /// The path, quoted.
        path: String,
        /// Where it leads, quoted.
        target: String,
    },
    /// A tarball of the `debian` folder with something else.
    #[error("{path} is not in the folder debian")]
    OutsideDebian {
        /// The path, quoted.
        path: String,
    },
    /// The `debian` folder is none.
    #[error("debian is {what}, no folder")]
    Debian {
        /// What it is.
        what: &'static str,
    },
}

/// What a tarball is in its source package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All of the source, or upstream's: one folder, which gets another name when it is unpacked.
    Tree,
    /// The folder `debian` of a package of format 3.0 (quilt).
    Debian,
    /// No source, but a folder that is to be served as it is: no link may lead out of it.
    Served,
}

/// A member that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A file that is not longer than those that are kept.
    File(Vec<u8>),
    /// A longer file.
    TooLong {
        /// How long it is.
        size_bytes: u64,
    },
    /// A link, or a folder.
    NoFile {
        /// What it is.
        what: &'static str,
    },
}

/// What was found in a tarball.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceTree {
    /// Of [`WANTED`], those that are there.
    pub members: BTreeMap<&'static str, Member>,
    /// The files below `debian/patches`, by their path below it.
    pub patches: BTreeSet<Vec<u8>>,
    /// The entries at its top, quoted, at most two of them.
    pub top: Vec<String>,
    /// Whether its only entry at the top is a folder.
    pub has_one_folder: bool,
}

/// Walks a tarball whose name ends so. All of it is read.
///
/// # Errors
/// When nobody can unpack it, or should.
pub fn read(ending: &str, reader: impl BufRead, bounds: Bounds, role: Role) -> Result<SourceTree, TreeError> {
    let mut refused = None;
    let found = tarball::decompressed(ending, reader, |reader| {
        let mut walk = Walk::new(reader, bounds);
        let mut finding = Finding::new(role);
        while let Some(entry) = walk.next_entry()? {
            // behind what is refused the archive is only read to its end
            if refused.is_none() {
                refused = finding.see(&entry, &mut walk).err();
            }
        }
        Ok(finding.finish())
    })?;
    refused.map_or(Ok(found), Err)
}

/// What was found so far.
struct Finding {
    role: Role,
    /// Below the folder at the top, whatever it is called: if there is but one.
    below: Found,
    /// At the top itself.
    at_top: Found,
    top: BTreeMap<Vec<u8>, bool>,
    links: BTreeSet<Vec<u8>>,
    held: Held,
}

/// How much is held.
#[derive(Default)]
struct Held {
    members_bytes: usize,
    names_bytes: usize,
    looked_up: u64,
}

#[derive(Default)]
struct Found {
    members: BTreeMap<&'static str, Member>,
    patches: BTreeSet<Vec<u8>>,
}

impl Finding {
    fn new(role: Role) -> Self {
        Self {
            role,
            below: Found::default(),
            at_top: Found::default(),
            top: BTreeMap::new(),
            links: BTreeSet::new(),
            held: Held::default(),
        }
    }

    fn see(&mut self, entry: &Entry, walk: &mut Walk<'_>) -> Result<(), TreeError> {
        let quoted = || shown(&String::from_utf8_lossy(&entry.path));
        if entry.path.starts_with(b"/") {
            return Err(TreeError::Absolute { path: quoted() });
        }
        let path = plain(&entry.path)?;
        if path.is_empty() {
            return Ok(());
        }
        self.held.look_up(&path)?;
        if let Some(link) = self.link_above(&path) {
            return Err(TreeError::ThroughLink {
                path: quoted(),
                link: shown(&String::from_utf8_lossy(link)),
            });
        }
        let what = called(entry.kind);
        match entry.kind {
            EntryKind::File | EntryKind::Folder => {
                // an entry that comes again takes the place of the first
                self.links.remove(&path);
            }
            EntryKind::Symlink => {
                if self.role == Role::Served && leads_out(&path, &entry.link) {
                    let target = shown(&String::from_utf8_lossy(&entry.link));
                    return Err(TreeError::Symlink { path: quoted(), target });
                }
                self.hold_link(&path)?;
            }
            EntryKind::HardLink => {
                let leaves = entry.link.starts_with(b"/") || plain(&entry.link).is_err();
                let below_link = plain(&entry.link).is_ok_and(|link| self.link_above(&link).is_some());
                if leaves || below_link {
                    let target = shown(&String::from_utf8_lossy(&entry.link));
                    return Err(TreeError::HardLink { path: quoted(), target });
                }
            }
            EntryKind::Fifo | EntryKind::Device | EntryKind::Other => {
                return Err(TreeError::Kind { path: quoted(), what });
            }
        }
        if self.role == Role::Served {
            return Ok(());
        }
        let is_folder = entry.kind == EntryKind::Folder;
        let (first, rest) = split(&path);
        if self.role == Role::Debian {
            if first != b"debian" {
                return Err(TreeError::OutsideDebian { path: quoted() });
            }
            if rest.is_empty() && !is_folder {
                return Err(TreeError::Debian { what });
            }
        }
        if self.top.len() < 3 {
            let is_folder = is_folder || !rest.is_empty();
            *self.top.entry(first.to_vec()).or_insert(true) &= is_folder;
        }
        if is_debian_link(&path, entry.kind) || is_debian_link(rest, entry.kind) {
            return Err(TreeError::Debian { what });
        }
        if wanted(&path).is_some() || is_patch(&path) {
            keep(&mut self.at_top, &path, entry, walk, &mut self.held)
        } else if wanted(rest).is_some() || is_patch(rest) {
            // of the first folder; where there are several, none is asked for
            if self.top.len() > 1 {
                return Ok(());
            }
            keep(&mut self.below, rest, entry, walk, &mut self.held)
        } else {
            Ok(())
        }
    }

    /// The symbolic link below which a path lies.
    fn link_above<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        if self.links.is_empty() {
            return None;
        }
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        ends.map(|end| &path[..end]).find(|above| self.links.contains(*above))
    }

    fn hold_link(&mut self, path: &[u8]) -> Result<(), ContentsError> {
        self.held.name(path)?;
        self.links.insert(path.to_vec());
        Ok(())
    }

    fn finish(self) -> SourceTree {
        let has_one_folder = self.top.len() == 1 && self.top.values().all(|is_folder| *is_folder);
        let found = match self.role {
            Role::Tree if has_one_folder => self.below,
            Role::Tree | Role::Debian | Role::Served => self.at_top,
        };
        let top = self.top.keys().take(2).map(|name| shown(&String::from_utf8_lossy(name))).collect();
        SourceTree { members: found.members, patches: found.patches, top, has_one_folder }
    }
}

/// Whether a symbolic link at a path leads out of the root of the tarball, or could by way of another link: after a name that may be one `..`
/// is not taken.
fn leads_out(path: &[u8], target: &[u8]) -> bool {
    let mut depth = path.iter().filter(|byte| **byte == b'/').count();
    let mut is_below = false;
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return true;
    }
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if is_below || depth == 0 => return true,
            b".." => depth -= 1,
            _ => is_below = true,
        }
    }
    false
}

/// Keeps a member, or the name of a patch.
fn keep(
    found: &mut Found,
    path: &[u8],
    entry: &Entry,
    walk: &mut Walk<'_>,
    held: &mut Held,
) -> Result<(), TreeError> {
    if let Some(patch) = path.strip_prefix(PATCHES).filter(|patch| !patch.is_empty())
        && entry.kind != EntryKind::Folder
    {
        held.name(patch)?;
        found.patches.insert(patch.to_vec());
    }
    let Some((name, most_bytes)) = wanted(path) else { return Ok(()) };
    let member = match entry.kind {
        EntryKind::File => match walk.content(most_bytes)? {
            Some(content) => {
                held.member(&content)?;
                Member::File(content)
            }
            None => Member::TooLong { size_bytes: entry.size_bytes },
        },
        EntryKind::HardLink
        | EntryKind::Symlink
        | EntryKind::Folder
        | EntryKind::Fifo
        | EntryKind::Device
        | EntryKind::Other => Member::NoFile { what: called(entry.kind) },
    };
    found.members.insert(name, member);
    Ok(())
}

impl Held {
    /// What it takes to find a path's folders among the links.
    fn look_up(&mut self, path: &[u8]) -> Result<(), ContentsError> {
        self.looked_up += path.iter().filter(|byte| **byte == b'/').count() as u64;
        if self.looked_up > MAX_LOOKED_UP {
            return Err(ContentsError::TooMuch {
                most: MAX_LOOKED_UP,
                what: "folders on the ways to its entries",
            });
        }
        Ok(())
    }

    fn name(&mut self, name: &[u8]) -> Result<(), ContentsError> {
        self.names_bytes += name.len() + 1;
        if self.names_bytes > MAX_NAMES_BYTES {
            let what = "bytes of names of links and patches";
            return Err(ContentsError::TooMuch { most: MAX_NAMES_BYTES as u64, what });
        }
        Ok(())
    }

    fn member(&mut self, content: &[u8]) -> Result<(), ContentsError> {
        self.members_bytes += content.len();
        if self.members_bytes > MAX_MEMBERS_BYTES {
            let what = "bytes of changelogs, copyrights and such";
            return Err(ContentsError::TooMuch { most: MAX_MEMBERS_BYTES as u64, what });
        }
        Ok(())
    }
}

const PATCHES: &[u8] = b"debian/patches/";

fn is_patch(path: &[u8]) -> bool {
    path.starts_with(PATCHES)
}

/// `debian` as anything but a folder would have the package's own files lie elsewhere.
fn is_debian_link(path: &[u8], kind: EntryKind) -> bool {
    path == b"debian" && kind == EntryKind::Symlink
}

/// The member of a path that is kept, and how long it may be.
#[must_use]
pub fn wanted(path: &[u8]) -> Option<(&'static str, u64)> {
    WANTED.into_iter().find(|(name, _)| name.as_bytes() == path)
}

/// The first part of a path, and what follows it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().position(|byte| *byte == b'/').map_or((path, &[]), |at| (&path[..at], &path[at + 1..]))
}

const fn called(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "a file",
        EntryKind::HardLink => "a hard link",
        EntryKind::Symlink => "a symbolic link",
        EntryKind::Folder => "a folder",
        EntryKind::Fifo => "a FIFO",
        EntryKind::Device => "a device",
        EntryKind::Other => "an entry of a kind that unpackers do not agree on",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 1 << 20, entries: 100, compressed_bytes: 1 << 20 };

    fn entry(kind: u8, path: &str, content: &[u8], link: &str) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        header.set_cksum();
        let mut out = header.as_bytes().to_vec();
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }

    fn file(path: &str, content: &str) -> Vec<u8> {
        entry(b'0', path, content.as_bytes(), "")
    }

    fn found(role: Role, entries: &[Vec<u8>]) -> Result<SourceTree, String> {
        let tar = [entries.concat(), vec![0; 1024]].concat();
        read("", &tar[..], BOUNDS, role).map_err(|error| error.to_string())
    }

    #[test]
    fn members_are_found_below_the_folder_whatever_it_is_called() {
        let tree = found(
            Role::Tree,
            &[
                entry(b'5', "./hello-2.10/", b"", ""),
                file("hello-2.10/debian/changelog", "hello (1) x; y"),
                file("hello-2.10/src/debian/copyright", "another"),
                entry(b'2', "hello-2.10/debian/copyright", b"", "../COPYING"),
                entry(b'2', "hello-2.10/tests/link", b"", "/etc/passwd"),
                file("hello-2.10/debian/patches/series", "a.patch\n"),
                file("hello-2.10/debian/patches/a.patch", ""),
            ],
        )
        .unwrap();
        assert!(tree.has_one_folder);
        assert_eq!(tree.members.len(), 3);
        assert_eq!(tree.members["debian/changelog"], Member::File(b"hello (1) x; y".to_vec()));
        assert_eq!(tree.members["debian/copyright"], Member::NoFile { what: "a symbolic link" });
        assert!(tree.patches.contains(&b"a.patch"[..]));
    }

    #[test]
    fn a_tarball_without_a_folder_is_unpacked_as_it_is() {
        let tree = found(Role::Tree, &[file("debian/changelog", "x"), file("README", "y")]).unwrap();
        assert!(!tree.has_one_folder);
        assert_eq!(tree.top, ["\"README\"", "\"debian\""]);
        assert_eq!(tree.members.len(), 1);
        let tree =
            found(Role::Debian, &[entry(b'5', "debian/", b"", ""), file("debian/control", "x")]).unwrap();
        assert_eq!(tree.members.len(), 1);
        assert!(!found(Role::Tree, &[file("only", "x")]).unwrap().has_one_folder);
    }

    #[test]
    fn what_should_not_be_unpacked_is_refused() {
        let link = || entry(b'2', "h/link", b"", "/etc");
        for (entries, part) in [
            (vec![file("../x", "")], "leads out"),
            (vec![file("h/../../x", "")], "leads out"),
            (vec![file("/etc/passwd", "")], "begins at the root"),
            (vec![entry(b'3', "h/null", b"", "")], "a device"),
            (vec![entry(b'6', "h/fifo", b"", "")], "a FIFO"),
            (vec![link(), file("h/link/passwd", "")], "below \"h/link\""),
            (vec![entry(b'1', "h/x", b"", "/etc/passwd")], "hard link"),
            (vec![entry(b'1', "h/x", b"", "../../x")], "hard link"),
            (vec![link(), entry(b'1', "h/x", b"", "h/link/passwd")], "hard link"),
            (vec![entry(b'2', "h/debian", b"", "packaging")], "debian is a symbolic link"),
        ] {
            let refusal = found(Role::Tree, &entries).unwrap_err();
            assert!(refusal.contains(part), "{part}: {refusal}");
        }
        for (entries, part) in [
            (vec![file("x", "")], "not in the folder debian"),
            (vec![file("debian/a", ""), file("other/a", "")], "not in the folder debian"),
            (vec![entry(b'2', "debian", b"", "x")], "debian is a symbolic link"),
            (vec![file("debian", "")], "debian is a file"),
        ] {
            let refusal = found(Role::Debian, &entries).unwrap_err();
            assert!(refusal.contains(part), "{part}: {refusal}");
        }
        let to = |target: &str| found(Role::Served, &[entry(b'2', "a/current", b"", target)]);
        for target in ["20240101", "./20240101/", "../b/x", ".."] {
            to(target).unwrap();
        }
        for target in ["/etc", "../../x", "b/../c", ""] {
            assert!(to(target).unwrap_err().contains("symbolic link"), "{target}");
        }
        // a link that is a file in the end
        found(Role::Tree, &[link(), entry(b'5', "h/link", b"", ""), file("h/link/a", "")]).unwrap();
    }

    #[test]
    fn everything_is_bounded() {
        let many: Vec<Vec<u8>> = (0..101).map(|number| file(&format!("h/{number}"), "")).collect();
        assert!(found(Role::Tree, &many).unwrap_err().contains("100 entries"));
        let long = vec![b'x'; 2 << 20];
        assert!(
            found(Role::Tree, &[entry(b'0', "h/x", &long, "")])
                .unwrap_err()
                .contains("bytes when decompressed")
        );
        // eleven megabytes of a changelog are not held
        let bounds = Bounds { bytes: 1 << 30, ..BOUNDS };
        let tar = entry(b'0', "h/debian/changelog", &vec![b'x'; 11 << 20], "");
        let tree = read("", &tar[..], bounds, Role::Tree).unwrap();
        assert_eq!(tree.members["debian/changelog"], Member::TooLong { size_bytes: 11 << 20 });
        let nothing =
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()).finish().unwrap();
        assert!(read(".gz", &nothing[..10], BOUNDS, Role::Tree).is_err());
    }

    proptest! {
        #[test]
        fn changed_tarballs_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8)) {
            let mut tar = [
                entry(b'5', "h/", b"", ""),
                entry(b'2', "h/link", b"", "x"),
                file("h/debian/changelog", "hello (1) x; y\n"),
                file("h/debian/patches/series", "a\n"),
                vec![0; 1024],
            ]
            .concat();
            for (at, byte) in changes {
                let at = at.index(tar.len());
                tar[at] = byte;
            }
            for role in [Role::Tree, Role::Debian] {
                drop(read("", &tar[..], BOUNDS, role));
            }
        }
    }
}
