//! The lists of files in `.dsc` and `.changes`: `Files`, `Checksums-Sha1`, `Checksums-Sha256` (Debian Policy 5.6.21,
//! 5.6.24) become one list.
//!
//! Decides whether the lists speak of the same files with the same sizes. `Files` and `Checksums-Sha256` have to be
//! there; `Checksums-Sha1` agrees if it is. Never looks at a file.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use super::control::Paragraph;
use super::field::{self, FieldError};
use crate::domain::name::NameError;
use crate::domain::plain::shown;
use crate::domain::{FileName, Md5, PackagePriority, Section, Sha1, Sha256};

/// The list with MD5 digests, and in a `.changes` sections and priorities.
pub const FILES: &str = "Files";
/// The list with SHA-1 digests.
pub const CHECKSUMS_SHA1: &str = "Checksums-Sha1";
/// The list with SHA-256 digests.
pub const CHECKSUMS_SHA256: &str = "Checksums-Sha256";

/// Lists of files that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileListError {
    /// A list is missing, or a word in it is malformed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A line of a list has too few or too many words.
    #[error("line {line}: a line of {field} must be \"{columns}\"")]
    Columns {
        /// The list.
        field: &'static str,
        /// The line.
        line: usize,
        /// The columns in order.
        columns: &'static str,
    },
    /// The text of the field begins beside its name instead of below.
    #[error("line {line}: the files of {field} must each have a line of their own below it")]
    FirstLine {
        /// The list.
        field: &'static str,
        /// The line.
        line: usize,
    },
    /// A size that is no number.
    #[error("line {line}: {value} in {field} is not a size in bytes")]
    Size {
        /// The list.
        field: &'static str,
        /// The line.
        line: usize,
        /// What is there.
        value: String,
    },
    /// A file is in one list twice.
    #[error("line {line}: {field} has {name} twice")]
    Duplicate {
        /// The list.
        field: &'static str,
        /// The line of the second.
        line: usize,
        /// The file.
        name: FileName,
    },
    /// A file is in one list and not in another.
    #[error("{name} is listed in {present} but not in {absent}; the lists must have the same files")]
    Absent {
        /// The file.
        name: FileName,
        /// A list that has it.
        present: &'static str,
        /// A list that has not.
        absent: &'static str,
    },
    /// The lists give a file different sizes.
    #[error("{name} has {files_bytes} bytes in Files but {other_bytes} in {field}")]
    SizesDiffer {
        /// The file.
        name: FileName,
        /// Its size in `Files`.
        files_bytes: u64,
        /// The list that disagrees.
        field: &'static str,
        /// Its size there.
        other_bytes: u64,
    },
}

/// A file of the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFile {
    pub(crate) name: FileName,
    pub(crate) size_bytes: u64,
    pub(crate) md5: Md5,
    pub(crate) sha1: Option<Sha1>,
    pub(crate) sha256: Sha256,
    /// Only in a `.changes`; a dash there means that none is known.
    pub(crate) section: Option<Section>,
    pub(crate) priority: Option<PackagePriority>,
}

/// How the lines of `Files` are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Digest, size, name: in a `.dsc`.
    Plain,
    /// Digest, size, section, priority, name: in a `.changes`.
    WithSection,
}

/// Reads the lists, in the order of `Files`.
pub(crate) fn read(paragraph: &Paragraph<'_>, columns: Columns) -> Result<Vec<ListedFile>, FileListError> {
    let files = lines::<Md5>(paragraph, FILES, columns)?.ok_or(FieldError::Missing { field: FILES })?;
    let sha256 = lines::<Sha256>(paragraph, CHECKSUMS_SHA256, Columns::Plain)?
        .ok_or(FieldError::Missing { field: CHECKSUMS_SHA256 })?;
    let mut sha256 = Checksums::new(CHECKSUMS_SHA256, sha256)?;
    let mut sha1 = lines::<Sha1>(paragraph, CHECKSUMS_SHA1, Columns::Plain)?
        .map(|lines| Checksums::new(CHECKSUMS_SHA1, lines))
        .transpose()?;

    let mut seen = HashSet::with_capacity(files.len());
    let mut found = Vec::with_capacity(files.len());
    for line in files {
        if !seen.insert(line.name.clone()) {
            return Err(FileListError::Duplicate { field: FILES, line: line.line, name: line.name });
        }
        found.push(ListedFile {
            sha256: sha256.take(&line)?,
            sha1: sha1.as_mut().map(|sha1| sha1.take(&line)).transpose()?,
            md5: line.digest,
            name: line.name,
            size_bytes: line.size_bytes,
            section: line.section,
            priority: line.priority,
        });
    }
    sha256.nothing_left()?;
    sha1.map_or(Ok(()), Checksums::nothing_left)?;
    Ok(found)
}

/// One line of a list.
struct Line<D> {
    line: usize,
    name: FileName,
    size_bytes: u64,
    digest: D,
    section: Option<Section>,
    priority: Option<PackagePriority>,
}

/// A list of checksums, from which files are taken as `Files` names them.
struct Checksums<D> {
    field: &'static str,
    by_name: HashMap<FileName, Line<D>>,
}

impl<D> Checksums<D> {
    fn new(field: &'static str, lines: Vec<Line<D>>) -> Result<Self, FileListError> {
        let mut by_name = HashMap::with_capacity(lines.len());
        for line in lines {
            let (number, name) = (line.line, line.name.clone());
            if by_name.insert(line.name.clone(), line).is_some() {
                return Err(FileListError::Duplicate { field, line: number, name });
            }
        }
        Ok(Self { field, by_name })
    }

    fn take(&mut self, of: &Line<Md5>) -> Result<D, FileListError> {
        let line = self.by_name.remove(&of.name).ok_or_else(|| FileListError::Absent {
            name: of.name.clone(),
            present: FILES,
            absent: self.field,
        })?;
        if line.size_bytes != of.size_bytes {
            return Err(FileListError::SizesDiffer {
                name: line.name,
                files_bytes: of.size_bytes,
                field: self.field,
                other_bytes: line.size_bytes,
            });
        }
        Ok(line.digest)
    }

    /// Every file of the list was taken. The error names the same file in every run.
    fn nothing_left(self) -> Result<(), FileListError> {
        match self.by_name.into_values().min_by_key(|line| line.line) {
            None => Ok(()),
            Some(line) => Err(FileListError::Absent { name: line.name, present: self.field, absent: FILES }),
        }
    }
}

fn lines<D: FromStr<Err = NameError>>(
    paragraph: &Paragraph<'_>,
    field: &'static str,
    columns: Columns,
) -> Result<Option<Vec<Line<D>>>, FileListError> {
    let Some(found) = paragraph.field(field) else { return Ok(None) };
    let mut texts = found.value.split('\n').zip(found.line..);
    if let Some((_, line)) = texts.next().filter(|(first, _)| !first.is_empty()) {
        return Err(FileListError::FirstLine { field, line });
    }
    texts.map(|(text, line)| parse_line(field, line, text, columns)).collect::<Result<_, _>>().map(Some)
}

fn parse_line<D: FromStr<Err = NameError>>(
    field: &'static str,
    line: usize,
    text: &str,
    columns: Columns,
) -> Result<Line<D>, FileListError> {
    let mut words = text.split_ascii_whitespace();
    let (digest, size, section, priority, name) = match columns {
        Columns::Plain => (words.next(), words.next(), Some("-"), Some("-"), words.next()),
        Columns::WithSection => (words.next(), words.next(), words.next(), words.next(), words.next()),
    };
    let (Some(digest), Some(size), Some(section), Some(priority), Some(name), None) =
        (digest, size, section, priority, name, words.next())
    else {
        let columns = match columns {
            Columns::Plain => "digest size name",
            Columns::WithSection => "digest size section priority name",
        };
        return Err(FileListError::Columns { field, line, columns });
    };
    Ok(Line {
        line,
        digest: field::word(field, line, digest)?,
        size_bytes: parse_size(size).ok_or_else(|| FileListError::Size {
            field,
            line,
            value: shown(size),
        })?,
        section: known_word(field, line, section)?,
        priority: known_word(field, line, priority)?,
        name: field::word(field, line, name)?,
    })
}

fn known_word<T: FromStr<Err = NameError>>(
    field: &'static str,
    line: usize,
    text: &str,
) -> Result<Option<T>, FieldError> {
    if text == "-" { Ok(None) } else { field::word(field, line, text).map(Some) }
}

/// Digits only: the library would take a plus sign.
fn parse_size(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::control::single_paragraph;

    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
    const SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn plain(
        files: &[&str],
        sha1: Option<&[&str]>,
        sha256: &[&str],
    ) -> Result<Vec<ListedFile>, FileListError> {
        let list = |field: &str, digest: &str, lines: &[&str]| {
            let lines: String = lines.iter().map(|line| format!("\n {digest} {line}")).collect();
            format!("{field}:{lines}\n")
        };
        let mut text = list(FILES, MD5, files) + &list(CHECKSUMS_SHA256, SHA256, sha256);
        if let Some(sha1) = sha1 {
            text += &list(CHECKSUMS_SHA1, SHA1, sha1);
        }
        read(&single_paragraph(&text).unwrap(), Columns::Plain)
    }

    #[test]
    fn joins_the_lists() {
        let files = plain(&["3 a.dsc", "0 b.tar"], None, &["0 b.tar", "3 a.dsc"]).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].name.as_str(), "a.dsc");
        assert_eq!((files[0].size_bytes, files[0].sha1), (3, None));
        assert_eq!(files[0].sha256, Sha256::of(b"abc"));
        let files = plain(&["3 a.dsc"], Some(&["3 a.dsc"]), &["3 a.dsc"]).unwrap();
        assert_eq!(files[0].sha1, Some(Sha1::of(b"abc")));
    }

    #[test]
    fn refuses_lists_that_disagree() {
        let shown = |result: Result<Vec<ListedFile>, FileListError>| result.unwrap_err().to_string();
        assert_eq!(
            shown(plain(&["3 a.dsc"], None, &[])),
            "a.dsc is listed in Files but not in Checksums-Sha256; the lists must have the same files"
        );
        assert_eq!(
            shown(plain(&["3 a.dsc"], None, &["3 a.dsc", "4 c.x", "3 b.x"])),
            "c.x is listed in Checksums-Sha256 but not in Files; the lists must have the same files"
        );
        assert_eq!(
            shown(plain(&["3 a.dsc"], Some(&[]), &["3 a.dsc"])),
            "a.dsc is listed in Files but not in Checksums-Sha1; the lists must have the same files"
        );
        assert_eq!(
            shown(plain(&["3 a.dsc"], None, &["4 a.dsc"])),
            "a.dsc has 3 bytes in Files but 4 in Checksums-Sha256"
        );
        assert_eq!(
            shown(plain(&["3 a.dsc", "3 a.dsc"], None, &["3 a.dsc"])),
            "line 3: Files has a.dsc twice"
        );
        assert_eq!(
            shown(plain(&["3 a.dsc"], None, &["3 a.dsc", "3 a.dsc"])),
            "line 5: Checksums-Sha256 has a.dsc twice"
        );
    }

    #[test]
    fn refuses_malformed_lines() {
        for line in
            ["3", "3 a b", "-3 a.dsc", "+3 a.dsc", "x a.dsc", "99999999999999999999 a.dsc", "3 ../a", "3 .a"]
        {
            assert!(plain(&[line], None, &["3 a.dsc"]).is_err(), "{line}");
            assert!(plain(&["3 a.dsc"], None, &[line]).is_err(), "{line}");
        }
        let beside = format!("Files: {MD5} 3 a.dsc\nChecksums-Sha256:\n {SHA256} 3 a.dsc\n");
        let beside = read(&single_paragraph(&beside).unwrap(), Columns::Plain);
        assert_eq!(beside, Err(FileListError::FirstLine { field: FILES, line: 1 }));
        let short = format!("Files:\n {SHA1} 3 a.dsc\nChecksums-Sha256:\n {SHA256} 3 a.dsc\n");
        assert!(read(&single_paragraph(&short).unwrap(), Columns::Plain).is_err());
    }

    #[test]
    fn refuses_missing_lists() {
        let missing =
            |text: &str| read(&single_paragraph(text).unwrap(), Columns::Plain).unwrap_err().to_string();
        assert_eq!(missing("A: b\n"), "the field Files is missing; add it");
        assert_eq!(missing("Files:\n"), "the field Checksums-Sha256 is missing; add it");
    }

    #[test]
    fn sections_and_priorities_may_be_unknown() {
        let text = format!(
            "Files:\n {MD5} 3 non-free/libs optional a.deb\n {MD5} 3 raw-uefi - b.tar\n\
             Checksums-Sha256:\n {SHA256} 3 a.deb\n {SHA256} 3 b.tar\n"
        );
        let files = read(&single_paragraph(&text).unwrap(), Columns::WithSection).unwrap();
        assert_eq!(files[0].section.as_ref().map(Section::as_str), Some("non-free/libs"));
        assert_eq!(files[0].priority.as_ref().map(PackagePriority::as_str), Some("optional"));
        assert_eq!(files[1].section.as_ref().map(Section::as_str), Some("raw-uefi"));
        assert_eq!(files[1].priority, None);
        assert!(read(&single_paragraph(&text).unwrap(), Columns::Plain).is_err());
    }
}
