//! What an index has, for a hook that reads it a page at a time.
//!
//! A hook asks by number: so many, leaving out so many. Rows are found by place: those behind the last one. The two are brought together by marks,
//! which say for the pages that were given last where the next one begins; so no index is ever held in memory, and a page costs what is
//! on it. A number that has no mark is counted to from the beginning.

use std::collections::VecDeque;
use std::time::Instant;

use pressroom_archive::domain::{BinaryFormat, ComponentId, PassId, SuiteId, chain};
use pressroom_archive::format::PathList;
use pressroom_archive::librarian::Librarian;
use pressroom_archive::store::Connection;
use pressroom_archive::store::indexed::{BinaryIndex, Names};
use pressroom_archive::store::indexed_page::{self, Place};
use pressroom_archive::store::shape::SuiteShape;
use pressroom_archive::upload;
use pressroom_sandbox::{ArchiveError, Index, Package, PackageContents};

/// A page has at most so many packages.
pub(super) const MAX_PAGE: u32 = 500;
/// A page of files ends when it has so many bytes of paths.
const PAGE_BYTES: usize = 1 << 20;
/// A part of a package's files has at most so many bytes of paths, or is one path.
const PART_BYTES: usize = 256 << 10;
/// A part of a package's files has at most so many paths.
const PART_PATHS: usize = 4000;
/// So many packages are looked at together.
const BATCH: usize = 250;
/// So many marks are kept: more lists than a hook reads side by side.
const MARKS: usize = 32;
/// How many names, or beginnings of paths, one question may have.
const MOST_WORDS: usize = 10_000;
/// How many bytes these may have together.
const MOST_WORDS_BYTES: usize = 1 << 20;

/// A list that is read a page at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Packages(Index),
    Contents { index: Index, names: Vec<String>, below: Vec<String> },
}

impl Question {
    const fn index(&self) -> &Index {
        match self {
            Self::Packages(index) | Self::Contents { index, .. } => index,
        }
    }
}

/// How far a list was read.
#[derive(Debug, Clone, Default)]
struct Cursor {
    /// The last package of which all was given.
    after: Option<Place>,
    /// How many parts of the next one were given.
    parts: usize,
}

struct Mark {
    question: Question,
    offset: u64,
    cursor: Cursor,
}

/// The marks of one call.
#[derive(Default)]
pub(super) struct Marks {
    latest: VecDeque<Mark>,
}

impl Marks {
    /// Takes the mark of a page out.
    fn take(&mut self, question: &Question, offset: u64) -> Option<Cursor> {
        let at = self.latest.iter().position(|mark| mark.offset == offset && mark.question == *question)?;
        self.latest.remove(at).map(|mark| mark.cursor)
    }

    fn put(&mut self, mark: Mark) {
        if self.latest.len() == MARKS {
            self.latest.pop_front();
        }
        self.latest.push_back(mark);
    }
}

/// What pages are made of.
pub(super) struct Lists<'a> {
    pub(super) db: &'a Connection,
    pub(super) librarian: &'a Librarian,
    /// No question is worked on beyond it: a long search for what is not there must not outlive the hook that asks.
    pub(super) until: Instant,
    pub(super) pass: PassId,
    pub(super) shapes: Vec<SuiteShape>,
}

/// An index that there is.
enum Found {
    Sources(SuiteId, ComponentId),
    Binaries(BinaryIndex),
}

impl Lists<'_> {
    /// A page of the packages of an index.
    pub(super) fn packages(
        &self,
        marks: &mut Marks,
        index: Index,
        offset: u64,
        max: u32,
    ) -> Result<Vec<Package>, ArchiveError> {
        let (found, component) = self.find(&index)?;
        self.page(marks, Question::Packages(index), offset, max, |cursor, most| {
            self.packages_after(&found, &component, cursor, most)
        })
    }

    /// A page of the files of the packages of an index.
    pub(super) fn contents(
        &self,
        marks: &mut Marks,
        question: Question,
        offset: u64,
        max: u32,
    ) -> Result<Vec<PackageContents>, ArchiveError> {
        let Found::Binaries(index) = self.find(question.index())?.0 else {
            return Err(ArchiveError::Unknown("files of sources: only binaries have them".to_owned()));
        };
        let (mut names, mut below) = match &question {
            Question::Packages(_) => Default::default(),
            Question::Contents { names, below, .. } => (names.clone(), below.clone()),
        };
        for words in [&names, &below] {
            if words.len() > MOST_WORDS || words.iter().map(String::len).sum::<usize>() > MOST_WORDS_BYTES {
                return Err(ArchiveError::Failed(format!(
                    "one question may name {MOST_WORDS} packages and as many beginnings of paths, in {MOST_WORDS_BYTES} bytes: ask more often"
                )));
            }
        }
        for words in [&mut names, &mut below] {
            words.sort();
            words.dedup();
        }
        self.page(marks, question, offset, max, |cursor, most| {
            self.contents_after(&index, &names, &below, cursor, most)
        })
    }

    fn in_time(&self) -> Result<(), ArchiveError> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(ArchiveError::Failed("the answer takes longer than the call may".to_owned()))
    }

    /// The page that was asked for, by its mark or by counting.
    fn page<T>(
        &self,
        marks: &mut Marks,
        question: Question,
        offset: u64,
        max: u32,
        fetch: impl Fn(&mut Cursor, usize) -> Result<Vec<T>, ArchiveError>,
    ) -> Result<Vec<T>, ArchiveError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let mut cursor = match marks.take(&question, offset) {
            Some(cursor) => cursor,
            None => {
                let (mut cursor, mut counted) = (Cursor::default(), 0);
                while counted < offset {
                    self.in_time()?;
                    let most = usize::try_from(offset - counted).unwrap_or(usize::MAX).min(MAX_PAGE as usize);
                    match fetch(&mut cursor, most)?.len() {
                        0 => return Ok(Vec::new()),
                        more => counted += more as u64,
                    }
                }
                cursor
            }
        };
        let page = fetch(&mut cursor, max.min(MAX_PAGE) as usize)?;
        marks.put(Mark { question, offset: offset + page.len() as u64, cursor });
        Ok(page)
    }

    fn packages_after(
        &self,
        found: &Found,
        component: &str,
        cursor: &mut Cursor,
        most: usize,
    ) -> Result<Vec<Package>, ArchiveError> {
        let text = |value: Option<String>| value.unwrap_or_default();
        let (pass, after) = (Some(self.pass), cursor.after.as_ref());
        let (packages, last) = match found {
            Found::Sources(suite, id) => {
                let sources =
                    indexed_page::sources_after(self.db, pass, (*suite, *id), &Names::all(), after, most)
                        .map_err(|error| failed(&error))?;
                let last = sources.last().map(indexed_page::ListedSource::place);
                let package = |source: indexed_page::ListedSource| Package {
                    name: source.name.to_string(),
                    version: source.version.to_string(),
                    architecture: "source".to_owned(),
                    component: component.to_owned(),
                    section: text(source.section.map(|section| section.to_string())),
                    priority: text(source.priority.map(|priority| priority.to_string())),
                    source: source.name.to_string(),
                    source_version: source.version.to_string(),
                };
                (sources.into_iter().map(package).collect(), last)
            }
            Found::Binaries(index) => {
                let binaries = indexed_page::binaries_after(self.db, pass, index, &Names::all(), after, most)
                    .map_err(|error| failed(&error))?;
                let last = binaries.last().map(indexed_page::ListedBinary::place);
                let package = |binary: indexed_page::ListedBinary| Package {
                    name: binary.name,
                    version: binary.version.to_string(),
                    architecture: binary.architecture.to_string(),
                    component: component.to_owned(),
                    section: text(binary.section.map(|section| section.to_string())),
                    priority: text(binary.priority.map(|priority| priority.to_string())),
                    source: binary.source.to_string(),
                    source_version: binary.source_version.to_string(),
                };
                (binaries.into_iter().map(package).collect(), last)
            }
        };
        cursor.after = last.or(cursor.after.take());
        Ok(packages)
    }

    fn contents_after(
        &self,
        index: &BinaryIndex,
        names: &[String],
        below: &[String],
        cursor: &mut Cursor,
        most: usize,
    ) -> Result<Vec<PackageContents>, ArchiveError> {
        let mut page = Vec::new();
        let mut bytes = 0;
        loop {
            self.in_time()?;
            let binaries = self.next_batch(index, names, cursor.after.as_ref())?;
            if binaries.is_empty() {
                return Ok(page);
            }
            let releases: Vec<_> = binaries.iter().map(|binary| binary.release).collect();
            let lists =
                upload::packed_paths(self.db, self.librarian, &releases).map_err(|error| failed(&error))?;
            for (binary, packed) in binaries.iter().zip(lists) {
                let list = upload::unpack(&packed).map_err(|error| failed(&error))?;
                for paths in parts(&list, below).skip(cursor.parts) {
                    let part_bytes: usize = paths.iter().map(String::len).sum();
                    if page.len() == most || (bytes > 0 && bytes + part_bytes > PAGE_BYTES) {
                        return Ok(page);
                    }
                    bytes += part_bytes;
                    cursor.parts += 1;
                    page.push(PackageContents {
                        name: binary.name.clone(),
                        version: binary.version.to_string(),
                        architecture: binary.architecture.to_string(),
                        paths,
                    });
                }
                *cursor = Cursor { after: Some(binary.place()), parts: 0 };
            }
        }
    }

    /// The next packages, of these names where there are any.
    fn next_batch(
        &self,
        index: &BinaryIndex,
        names: &[String],
        after: Option<&Place>,
    ) -> Result<Vec<indexed_page::ListedBinary>, ArchiveError> {
        let batch = |names: &Names, most| {
            indexed_page::binaries_after(self.db, Some(self.pass), index, names, after, most)
                .map_err(|error| failed(&error))
        };
        if names.is_empty() {
            return batch(&Names::all(), BATCH);
        }
        let begin = after.map_or(0, |place| names.partition_point(|name| name.as_str() < place.name()));
        let mut binaries = Vec::new();
        for name in &names[begin..] {
            binaries.extend(batch(&Names::one(name), BATCH)?);
            if binaries.len() >= BATCH {
                break;
            }
        }
        Ok(binaries)
    }

    /// The index that is meant, and the name of its component.
    fn find(&self, index: &Index) -> Result<(Found, String), ArchiveError> {
        let unknown = |what: &str, name: &str| ArchiveError::Unknown(format!("{what} {name}"));
        let shape = self
            .shapes
            .iter()
            .find(|shape| shape.suite.name.to_string() == index.suite)
            .ok_or_else(|| unknown("suite", &index.suite))?;
        let (component, format) = match index.component.split_once('/') {
            None => (index.component.as_str(), BinaryFormat::Deb),
            Some((component, subcomponent)) => {
                let format =
                    BinaryFormat::ALL.iter().find(|format| format.subcomponent() == Some(subcomponent));
                (component, *format.ok_or_else(|| unknown("component", &index.component))?)
            }
        };
        let component = shape
            .components
            .iter()
            .find(|one| one.name.as_str() == component)
            .ok_or_else(|| unknown("component", &index.component))?;
        let found = if index.architecture == "source" {
            Found::Sources(shape.suite.id, component.id)
        } else {
            let architecture = shape
                .architectures
                .iter()
                .find(|one| one.tag.as_str() == index.architecture)
                .ok_or_else(|| unknown("architecture", &index.architecture))?;
            Found::Binaries(BinaryIndex {
                suite: shape.suite.id,
                component: component.id,
                architecture: architecture.id,
                format,
            })
        };
        Ok((found, component.name.to_string()))
    }
}

/// The files of a package in parts, always the same ones.
fn parts<'l>(list: &'l PathList, below: &'l [String]) -> impl Iterator<Item = Vec<String>> + 'l {
    let mut paths = list.below(below).map(|path| String::from_utf8_lossy(path).into_owned()).peekable();
    std::iter::from_fn(move || {
        let mut part = vec![paths.next()?];
        let mut bytes = part[0].len();
        while let Some(path) =
            paths.next_if(|path| part.len() < PART_PATHS && bytes + path.len() <= PART_BYTES)
        {
            bytes += path.len();
            part.push(path);
        }
        Some(part)
    })
}

fn failed(error: &dyn std::error::Error) -> ArchiveError {
    ArchiveError::Failed(chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> Question {
        Question::Packages(Index {
            archive: "d".into(),
            suite: name.into(),
            component: "main".into(),
            architecture: "amd64".into(),
        })
    }

    fn list(paths: &[String]) -> PathList {
        let text: String = paths.iter().map(|path| format!("{path}\0")).collect();
        PathList::unpack(&pack(text.as_bytes())).unwrap()
    }

    fn pack(text: &[u8]) -> Vec<u8> {
        // a frame of one raw block, as any zstd decoder reads it
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
        frame.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
        let blocks: Vec<&[u8]> = text.chunks(100_000).collect();
        for (at, block) in blocks.iter().enumerate() {
            let last = u32::from(at + 1 == blocks.len());
            let header = u32::try_from(block.len()).unwrap() << 3 | last;
            frame.extend_from_slice(&header.to_le_bytes()[..3]);
            frame.extend_from_slice(block);
        }
        frame
    }

    #[test]
    fn the_files_of_a_package_come_in_parts_that_are_bounded_and_whole() {
        let paths: Vec<String> = (0..10_000).map(|number| format!("usr/share/{number:08}")).collect();
        let list = list(&paths);
        let whole: Vec<Vec<String>> = parts(&list, &[]).collect();
        assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [4000, 4000, 2000]);
        assert_eq!(whole.concat(), paths);
        let below = ["usr/share/0000001".to_owned()];
        assert_eq!(parts(&list, &below).collect::<Vec<_>>(), [&paths[10..20]]);
        assert_eq!(parts(&list, &["etc/".to_owned()]).count(), 0);
        let long: Vec<String> = (0..100).map(|number| format!("{number:02}{}", "x".repeat(4000))).collect();
        let list = self::list(&long);
        assert!(parts(&list, &[]).all(|part| part.iter().map(String::len).sum::<usize>() <= PART_BYTES));
        assert_eq!(parts(&list, &[]).flatten().count(), 100);
    }

    #[test]
    fn a_mark_is_found_by_its_question_and_number_and_the_oldest_is_forgotten() {
        let mut marks = Marks::default();
        for number in 0..=MARKS {
            let cursor = Cursor { after: None, parts: number };
            marks.put(Mark { question: index(&number.to_string()), offset: 7, cursor });
        }
        assert!(marks.take(&index("0"), 7).is_none());
        assert!(marks.take(&index("1"), 8).is_none());
        assert_eq!(marks.take(&index("1"), 7).unwrap().parts, 1);
        assert!(marks.take(&index("1"), 7).is_none(), "it was taken");
        assert_eq!(marks.latest.len(), MARKS - 1);
    }
}
