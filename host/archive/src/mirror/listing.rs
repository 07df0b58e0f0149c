//! `ls-lR.gz`: everything in an archive, as GNU `ls -lR` writes it.
//!
//! What is in the pool is said by rows: the listing of it is kept in parts, each the folders of some sources that follow each other, as gzip members; a change in
//! the pool makes one part anew, and the rest is put into the file as it was. Of a file that is new in the pool its time is asked once and kept. The other trees
//! are small, and are looked at. What nobody sees through the web is left out: names with a dot in front; and so are the listing itself, the journal,
//! which is written after it, and snapshots.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::MirrorError;
use super::lines::{
    FOLDER_MODE, Kind, LINK_MODE, Line, Owner, folders_kib, plain_name, write_folder, write_head, write_lines,
};
use crate::disk::{self, DiskError, During};
use crate::domain::archive_layout::{JOURNAL, LISTING, POOL, SNAPSHOTS};
use crate::domain::digest::Sha256;
use crate::domain::name::{ComponentName, SourceName};
use crate::domain::{ArchiveId, FileChange};
use crate::pool::PoolPath;
use crate::pool::layout::prefix;
use crate::store::pool_listing::{self as rows, ListedName, Part, Span};
use crate::store::{Db, Transaction};

/// What is not listed, at the root.
const LEFT_OUT: [&str; 3] = [LISTING, JOURNAL, SNAPSHOTS];
/// Of so many sources one begins a part.
const ONE_SOURCE_IN: u64 = 64;
/// No part has more.
const MOST_SOURCES: usize = 256;
/// So many parts are made in a transaction.
const BATCH: usize = 64;

/// Makes the listing of an archive anew. The caller holds the pool's lock. What mirrors are to be told of it.
///
/// # Errors
/// When the disk or the database fails; the old listing is there then.
pub fn write_listing(
    db: &mut Db,
    archive: ArchiveId,
    root: &Path,
    owner: &Owner,
) -> Result<FileChange, MirrorError> {
    while db.write(|tx| renew(tx, archive, root, owner))? {}
    let text = assemble(rows::parts(db.read(), archive)?, root, owner)?;
    disk::write_atomic(&root.join(LISTING), &text, disk::SERVED_FILE_MODE)?;
    Ok(FileChange::File {
        path: LISTING.to_owned(),
        size_bytes: text.len() as u64,
        sha256: Sha256::of(&text),
    })
}

// ---------------------------------------------------------------- parts of the pool

/// Makes parts anew that are not as the pool is. Whether there may be more of them.
fn renew(tx: &Transaction<'_>, archive: ArchiveId, root: &Path, owner: &Owner) -> Result<bool, MirrorError> {
    for _ in 0..BATCH {
        let Some((component, name, source)) = rows::next_stale(tx, archive)? else { return Ok(false) };
        let (from, to) = folder_span(&source);
        let mut span = Span { archive, component, from, to };
        if let Some(first) = rows::part_of(tx, &span, &source)? {
            span.from = first;
        }
        if let Some(next) = rows::part_after(tx, &span, source.as_str())? {
            span.to = next;
        }
        let names = rows::names(tx, &span)?;
        let sources: Vec<&[ListedName]> = names.chunk_by(|one, other| one.source == other.source).collect();
        let mut parts = Vec::new();
        for sources in cut(&sources) {
            parts.push(part(tx, &name, sources, root, owner)?);
        }
        rows::replace(tx, &span, &parts)?;
    }
    Ok(true)
}

/// The sources that lie below one prefix beside a source, and follow each other by name: not before the first text, and before the other. Names that begin
/// with `lib` lie apart from the others with that letter, so those are before them or behind.
fn folder_span(source: &SourceName) -> (String, String) {
    let name = source.as_str();
    let after = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        if let Some(last) = bytes.last_mut() {
            *last += 1;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    match prefix(source) {
        // nothing that a name may have is before the letters and signs that may follow it
        "lib" => ("lib".to_owned(), "lib!".to_owned()),
        "l" if name < "lib" => ("l".to_owned(), "lib".to_owned()),
        "l" => ("lic".to_owned(), "m".to_owned()),
        prefix => (prefix.to_owned(), after(prefix)),
    }
}

/// Cuts sources into parts, where their names say so.
fn cut<'a>(sources: &'a [&'a [ListedName]]) -> Vec<&'a [&'a [ListedName]]> {
    let begins = |names: &[ListedName]| {
        names.first().is_some_and(|first| {
            let digest = Sha256::of(first.source.as_str().as_bytes());
            let first = digest.as_bytes().first_chunk().copied().unwrap_or_default();
            u64::from_le_bytes(first).is_multiple_of(ONE_SOURCE_IN)
        })
    };
    sources.chunk_by(|_, next| !begins(next)).flat_map(|part| part.chunks(MOST_SOURCES)).collect()
}

/// Makes a part of sources that have names.
fn part(
    tx: &Transaction<'_>,
    component: &ComponentName,
    sources: &[&[ListedName]],
    root: &Path,
    owner: &Owner,
) -> Result<Part, MirrorError> {
    let (mut lines, mut folders, mut newest_of_all) = (Vec::new(), String::new(), 0);
    let (mut above, mut first_source) = (String::new(), String::new());
    for names in sources {
        let Some(first) = names.first() else { continue };
        if first_source.is_empty() {
            first_source = first.source.to_string();
            above = prefix(&first.source).to_owned();
        }
        let mut files = Vec::with_capacity(names.len());
        for name in *names {
            let path = PoolPath::new(component, &name.source, &name.filename);
            let modified = match name.modified {
                Some(seconds) => seconds,
                None => look(tx, name, &path.below(root))?,
            };
            files.push(match &name.link_to {
                None => Line {
                    name: name.filename.to_string(),
                    kind: Kind::File { size_bytes: name.size_bytes },
                    mode: disk::SERVED_FILE_MODE,
                    modified,
                },
                Some(to) => Line {
                    name: name.filename.to_string(),
                    kind: Kind::Link { target: path.link_to(to).to_string_lossy().into_owned() },
                    mode: LINK_MODE,
                    modified,
                },
            });
        }
        let newest = newest(&files).unwrap_or(0);
        newest_of_all = newest_of_all.max(newest);
        let folder = crate::pool::layout::source_folder(component, &first.source);
        write_folder(&format!("./{folder}"), &files, owner, false, &mut folders);
        lines.push(Line {
            name: first.source.to_string(),
            kind: Kind::Folder { folders: 0 },
            mode: FOLDER_MODE,
            modified: newest,
        });
    }
    let mut text = String::new();
    write_lines(&lines, owner, &mut text);
    Ok(Part {
        prefix: above,
        first_source,
        sources: lines.len() as u64,
        newest: newest_of_all,
        lines: member(&text),
        folders: member(&folders),
    })
}

/// Asks when a name in the pool was written to last, and keeps it. One that is not there is said to be as old as can be, and asked again the next time.
fn look(tx: &Transaction<'_>, name: &ListedName, path: &Path) -> Result<i64, MirrorError> {
    match fs::symlink_metadata(path) {
        Ok(found) => {
            rows::set_modified(tx, name.id, found.mtime())?;
            Ok(found.mtime())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).during("look at", path).map_err(MirrorError::from),
    }
}

fn newest(lines: &[Line]) -> Option<i64> {
    lines.iter().map(|line| line.modified).max()
}

/// A text as a member of a gzip file. Its bytes depend on nothing else.
fn member(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // into memory, which does not fail
    match encoder.write_all(text.as_bytes()).and_then(|()| encoder.try_finish()) {
        Ok(()) => encoder.get_ref().clone(),
        Err(_) => Vec::new(),
    }
}

// ---------------------------------------------------------------- the file

/// A folder with what is in it.
#[derive(Debug, Default)]
struct Folder {
    lines: Vec<Line>,
    /// By name, in the order of the lines.
    folders: Vec<(String, Inner)>,
}

#[derive(Debug)]
enum Inner {
    Folder(Folder),
    /// The folder of a prefix: its sources, in parts.
    Parts(Vec<Part>),
}

impl Folder {
    fn add(&mut self, name: &str, mode: u32, modified: i64, inner: Inner) {
        let folders = match &inner {
            Inner::Folder(folder) => folder.folders.len() as u64,
            Inner::Parts(parts) => parts.iter().map(|part| part.sources).sum(),
        };
        self.lines.push(Line { name: name.to_owned(), kind: Kind::Folder { folders }, mode, modified });
        self.folders.push((name.to_owned(), inner));
    }

    fn newest(&self) -> Option<i64> {
        newest(&self.lines)
    }

    fn sort(&mut self) {
        self.lines.sort_by(|one, other| one.name.cmp(&other.name));
        self.folders.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
}

/// Everything as one file of many members.
fn assemble(parts: Vec<(ComponentName, Part)>, root: &Path, owner: &Owner) -> Result<Vec<u8>, DiskError> {
    let mut top = look_at(root, &LEFT_OUT.map(str::to_owned), true)?;
    let pool = pool(parts);
    if let Some(newest) = pool.newest() {
        top.add(POOL, FOLDER_MODE, newest, Inner::Folder(pool));
    }
    top.sort();
    let mut file = Assembly { file: Vec::new(), text: String::new(), is_first: true };
    file.folder(".", top, owner);
    file.flush();
    Ok(file.file)
}

/// The pool as the rows have it.
fn pool(parts: Vec<(ComponentName, Part)>) -> Folder {
    let mut pool = Folder::default();
    let mut parts = parts.into_iter().peekable();
    while let Some((component, _)) = parts.peek() {
        let component = component.clone();
        let mut of_component = Folder::default();
        let mut prefixes: Vec<(String, Vec<Part>)> = Vec::new();
        while let Some((_, part)) = parts.next_if(|(of, _)| *of == component) {
            match prefixes.last_mut() {
                Some((prefix, parts)) if *prefix == part.prefix => parts.push(part),
                _ => prefixes.push((part.prefix.clone(), vec![part])),
            }
        }
        for (prefix, parts) in prefixes {
            let newest = parts.iter().map(|part| part.newest).max().unwrap_or(0);
            of_component.add(&prefix, FOLDER_MODE, newest, Inner::Parts(parts));
        }
        let newest = of_component.newest().unwrap_or(0);
        pool.add(component.as_str(), FOLDER_MODE, newest, Inner::Folder(of_component));
    }
    pool.sort();
    pool
}

/// A folder on disk with all that is in it, but for these names, and the pool where it is the root. What cannot be on a line is left out.
fn look_at(folder: &Path, left_out: &[String], is_root: bool) -> Result<Folder, DiskError> {
    let mut found = Folder::default();
    for entry in fs::read_dir(folder).during("read the folder", folder)? {
        let entry = entry.during("read the folder", folder)?;
        let path = entry.path();
        let Some(name) = plain_name(&entry.file_name()) else {
            tracing::warn!(path = ?path, "left out of the listing, because of its name");
            continue;
        };
        if name.starts_with('.') || left_out.contains(&name) || (is_root && name == POOL) {
            continue;
        }
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            // a file of somebody else that has gone meanwhile
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).during("look at", &path),
        };
        let (mode, modified) = (metadata.permissions().mode() & 0o7777, metadata.mtime());
        if metadata.is_dir() {
            let inner = look_at(&path, &[], false)?;
            let newest = inner.newest().unwrap_or(modified);
            found.add(&name, mode, newest, Inner::Folder(inner));
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).during("read the link", &path)?;
            let Some(target) = plain_name(target.as_os_str()) else { continue };
            found.lines.push(Line { name, kind: Kind::Link { target }, mode: LINK_MODE, modified });
        } else if metadata.is_file() {
            found.lines.push(Line { name, kind: Kind::File { size_bytes: metadata.len() }, mode, modified });
        }
    }
    found.sort();
    Ok(found)
}

/// The file as it grows.
struct Assembly {
    file: Vec<u8>,
    /// What is to become the next member.
    text: String,
    is_first: bool,
}

impl Assembly {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.file.extend(member(&self.text));
            self.text.clear();
        }
    }

    fn folder(&mut self, path: &str, folder: Folder, owner: &Owner) {
        write_folder(path, &folder.lines, owner, self.is_first, &mut self.text);
        self.is_first = false;
        for (name, inner) in folder.folders {
            let path = format!("{path}/{name}");
            match inner {
                Inner::Folder(folder) => self.folder(&path, folder, owner),
                Inner::Parts(parts) => self.parts(&path, &parts),
            }
        }
    }

    fn parts(&mut self, path: &str, parts: &[Part]) {
        let sources = parts.iter().map(|part| part.sources).sum();
        write_head(path, folders_kib(sources), false, &mut self.text);
        self.flush();
        for part in parts {
            self.file.extend(&part.lines);
        }
        for part in parts {
            self.file.extend(&part.folders);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PoolFileId;

    #[test]
    fn every_source_is_in_the_span_of_its_prefix_and_in_no_other() {
        let names = [
            "0ad", "9base", "ab", "hello", "l10n", "lazarus", "lhs", "li", "liar", "lib", "lib3ds", "lib+x",
            "liba", "libzz", "lic", "linux", "lz", "ma", "zz",
        ];
        let source = |name: &str| name.parse::<SourceName>().unwrap();
        for one in names {
            let (from, to) = folder_span(&source(one));
            for other in names {
                let is_within = from.as_str() <= other && other < to.as_str();
                let same_prefix = prefix(&source(one)) == prefix(&source(other));
                let same_side = (one < "lib") == (other < "lib") || !one.starts_with('l');
                assert_eq!(is_within, same_prefix && same_side, "{one} {other}");
            }
        }
    }

    #[test]
    fn sources_are_cut_by_their_names_and_no_part_is_too_large() {
        let name = |number: usize| ListedName {
            id: PoolFileId(0),
            source: format!("package-{number}").parse().unwrap(),
            filename: "x".parse().unwrap(),
            size_bytes: 1,
            link_to: None,
            modified: Some(0),
        };
        let names: Vec<[ListedName; 1]> = (0..2000).map(|number| [name(number)]).collect();
        let sources: Vec<&[ListedName]> = names.iter().map(<[ListedName; 1]>::as_slice).collect();
        let parts = cut(&sources);
        assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), 2000);
        assert!((10..100).contains(&parts.len()), "{}", parts.len());
        assert!(parts.iter().all(|part| part.len() <= MOST_SOURCES));
        // what is cut from a later beginning on is cut at the same names
        let later = cut(&sources[parts[0].len()..]);
        assert_eq!(later.len(), parts.len() - 1);
    }
}
