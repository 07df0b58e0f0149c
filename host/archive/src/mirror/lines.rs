//! Folders as GNU `ls -lR --time-style=long-iso` writes them, in the C locale and in UTC, where every folder takes one block of 4 KiB and every file whole
//! blocks of it.
//!
//! Widths are those of one folder, as `ls` has them. A folder has the time of the newest thing in it.

use std::ffi::OsStr;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Whose everything is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: String,
    /// The group.
    pub group: String,
}

impl Default for Owner {
    /// As FTP servers say that do not tell.
    fn default() -> Self {
        Self { user: "ftp".to_owned(), group: "ftp".to_owned() }
    }
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Folder {
        /// How many folders are in it.
        folders: u64,
    },
    File {
        size_bytes: u64,
    },
    Link {
        target: String,
    },
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The bits of its mode that say who may do what.
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) modified: i64,
}

/// The mode of folders that the publisher makes.
pub(super) const FOLDER_MODE: u32 = 0o755;
/// The mode of every link.
pub(super) const LINK_MODE: u32 = 0o777;
/// So much of the disk is taken at once, in KiB.
const BLOCK_KIB: u64 = 4;
/// A link that is longer lies in a block of its own.
const LONGEST_INLINE_LINK: usize = 59;

impl Line {
    const fn links(&self) -> u64 {
        match &self.kind {
            Kind::Folder { folders } => 2 + *folders,
            Kind::File { .. } | Kind::Link { .. } => 1,
        }
    }

    fn size_bytes(&self) -> u64 {
        match &self.kind {
            Kind::Folder { .. } => BLOCK_KIB << 10,
            Kind::File { size_bytes } => *size_bytes,
            Kind::Link { target } => target.len() as u64,
        }
    }

    fn kib(&self) -> u64 {
        match &self.kind {
            Kind::Folder { .. } => BLOCK_KIB,
            Kind::File { size_bytes } => size_bytes.div_ceil(BLOCK_KIB << 10) * BLOCK_KIB,
            Kind::Link { target } => u64::from(target.len() > LONGEST_INLINE_LINK) * BLOCK_KIB,
        }
    }

    fn permissions(&self) -> String {
        let kind = match &self.kind {
            Kind::Folder { .. } => 'd',
            Kind::File { .. } => '-',
            Kind::Link { .. } => 'l',
        };
        let bit = |at: u32| {
            let (set, word) = (self.mode & (1 << at) != 0, ['x', 'w', 'r'][(at % 3) as usize]);
            // of the three that say who may execute, another bit each says as whom
            let special = at.is_multiple_of(3) && self.mode & (0o1000 << (at / 3)) != 0;
            match (special, set, at) {
                (false, true, _) => word,
                (false, false, _) => '-',
                (true, true, 0) => 't',
                (true, false, 0) => 'T',
                (true, true, _) => 's',
                (true, false, _) => 'S',
            }
        };
        std::iter::once(kind).chain((0..9).rev().map(bit)).collect()
    }

    fn write(&self, owner: &Owner, links: usize, sizes: usize, text: &mut String) {
        let time = Timestamp::from_second(self.modified).unwrap_or(Timestamp::UNIX_EPOCH);
        let time = time.to_zoned(TimeZone::UTC);
        let _ = write!(
            text,
            "{} {:>links$} {} {} {:>sizes$} {:04}-{:02}-{:02} {:02}:{:02} {}",
            self.permissions(),
            self.links(),
            owner.user,
            owner.group,
            self.size_bytes(),
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            self.name,
        );
        if let Kind::Link { target } = &self.kind {
            let _ = write!(text, " -> {target}");
        }
        text.push('\n');
    }
}

/// Writes lines, sorted by name, with the widths of their folder.
pub(super) fn write_lines(lines: &[Line], owner: &Owner, text: &mut String) {
    let width = |value: u64| value.to_string().len();
    let links = lines.iter().map(|line| width(line.links())).max().unwrap_or(1);
    let sizes = lines.iter().map(|line| width(line.size_bytes())).max().unwrap_or(1);
    for line in lines {
        line.write(owner, links, sizes, text);
    }
}

/// The head of a folder: its path, and how much is in it. `is_first`: no folder stands before it.
pub(super) fn write_head(path: &str, kib: u64, is_first: bool, text: &mut String) {
    if !is_first {
        text.push('\n');
    }
    let _ = writeln!(text, "{path}:\ntotal {kib}");
}

/// What lines take of the disk, in KiB.
pub(super) fn kib(lines: &[Line]) -> u64 {
    lines.iter().map(Line::kib).sum()
}

/// What `count` folders take of the disk, in KiB.
pub(super) const fn folders_kib(count: u64) -> u64 {
    count * BLOCK_KIB
}

/// A whole folder.
pub(super) fn write_folder(path: &str, lines: &[Line], owner: &Owner, is_first: bool, text: &mut String) {
    write_head(path, kib(lines), is_first, text);
    write_lines(lines, owner, text);
}

/// A name that fits on a line; none where it is not UTF-8 or has control characters.
pub(super) fn plain_name(name: &OsStr) -> Option<String> {
    let name = name.to_str()?;
    (!name.chars().any(char::is_control)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, kind: Kind, mode: u32) -> Line {
        Line { name: name.to_owned(), kind, mode, modified: 1_700_000_000 }
    }

    #[test]
    fn a_folder_reads_as_ls_writes_it() {
        let lines = [
            line("a", Kind::File { size_bytes: 12345 }, 0o644),
            line("b", Kind::Folder { folders: 9 }, 0o2775),
            line("c", Kind::Link { target: "../a".to_owned() }, LINK_MODE),
            line("d", Kind::File { size_bytes: 0 }, 0o600),
        ];
        let mut text = String::new();
        write_folder("./x", &lines, &Owner::default(), false, &mut text);
        assert_eq!(
            text,
            "\n./x:\ntotal 20\n\
             -rw-r--r--  1 ftp ftp 12345 2023-11-14 22:13 a\n\
             drwxrwsr-x 11 ftp ftp  4096 2023-11-14 22:13 b\n\
             lrwxrwxrwx  1 ftp ftp     4 2023-11-14 22:13 c -> ../a\n\
             -rw-------  1 ftp ftp     0 2023-11-14 22:13 d\n"
        );
    }

    #[test]
    fn an_empty_folder_has_its_head() {
        let mut text = String::new();
        write_folder(".", &[], &Owner::default(), true, &mut text);
        assert_eq!(text, ".:\ntotal 0\n");
    }

    #[test]
    fn names_that_would_break_a_line_are_none() {
        assert_eq!(plain_name(OsStr::new("a b")), Some("a b".to_owned()));
        for name in ["a\nb", "a\tb", "\u{9b}x"] {
            assert_eq!(plain_name(OsStr::new(name)), None);
        }
    }
}
