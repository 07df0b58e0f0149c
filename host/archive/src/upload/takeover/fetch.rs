//! Bringing the files of a package to the librarian, each exactly as an index lists it.
//!
//! What the librarian has already, by an earlier run that died or for another package, is not read from the repository again. A file of this machine's
//! disk shares its blocks or is linked where that can be; others are copied on their way through the hasher. Nothing is kept that is not what was listed.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::index::{Binary, Part, Source};
use super::repository::{OpenError, Repository, RepositoryPath};
use crate::disk::DiskError;
use crate::domain::digest::{FileDigests, Hasher};
use crate::domain::name::FileName;
use crate::domain::{NameError, chain};
use crate::format::{SourceControl, read_deb_control, relations};
use crate::librarian::Librarian;
use crate::store::package_paths::PackedPaths;
use crate::upload::bring::{Brought, bring_shared, bring_stream, drain};
use crate::upload::read::Content;

/// Whether files of this machine may be shared with the librarian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// By their blocks, or as second names of files that are this user's alone.
    Share,
    /// Never: every file is copied.
    Copy,
}

/// Why a package was not brought.
pub(super) enum Failure {
    /// It is bad.
    Bad(String),
    /// The librarian's disk failed.
    Stop(DiskError),
}

/// What bringing has cost.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Files that were read from the repository.
    pub(super) files: AtomicU64,
    /// Their bytes.
    pub(super) bytes: AtomicU64,
    /// Files among them that were not copied.
    pub(super) linked: AtomicU64,
    /// How many in a row could not be got.
    trouble: AtomicU64,
}

/// So many files in a row that cannot be got are no longer the files' trouble: the repository is asked for no more.
const MOST_TROUBLE: u64 = 24;

/// Who brings.
pub(super) struct Fetcher<'a> {
    pub(super) repository: &'a dyn Repository,
    pub(super) librarian: &'a Librarian,
    pub(super) links: Links,
    pub(super) tally: &'a Tally,
}

/// The longest .dsc.
const MAX_DSC_BYTES: u64 = 4 << 20;
/// So much is read at a time.
const PIECE_BYTES: usize = 128 * 1024;

fn bad(reason: impl Into<String>) -> Failure {
    Failure::Bad(reason.into())
}

impl Fetcher<'_> {
    /// A binary package, if it is the one that its stanza is of.
    pub(super) fn binary(&self, listed: &Binary) -> Result<Content, Failure> {
        let (digests, read) = self
            .bring(&listed.file, |reader| read_deb_control(BufReader::with_capacity(PIECE_BYTES, reader)))?;
        let deb = read.map_err(|error| bad(chain(&error)))?;
        let control = deb.binary(listed.package_type).map_err(|error| bad(chain(&error)))?;
        relations::check_binary(deb.pairs()).map_err(|error| bad(chain(&error)))?;
        let is_it = control.package == listed.name
            && control.version.as_str() == listed.version.as_str()
            && control.architecture == listed.architecture;
        if !is_it {
            return Err(bad(format!(
                "it is {} {} ({}), and the index lists it as {} {} ({})",
                control.package,
                control.version,
                control.architecture,
                listed.name,
                listed.version,
                listed.architecture
            )));
        }
        let packed = deb.paths.pack().map_err(|error| bad(chain(&error)))?;
        let paths = PackedPaths { count: deb.paths.len(), packed };
        Ok(Content::Binary { control: Box::new(control), text: deb.text, digests, paths })
    }

    /// A source package with all its files, if it is the one that its stanza is of.
    pub(super) fn source(&self, listed: &Source) -> Result<Content, Failure> {
        if listed.dsc.size_bytes > MAX_DSC_BYTES {
            return Err(bad("it is too large for a .dsc"));
        }
        let (dsc, bytes) = self.bring(&listed.dsc, |reader| {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        })?;
        let bytes = bytes.map_err(|error| bad(format!("it cannot be read: {error}")))?;
        let control = SourceControl::parse(&bytes).map_err(|error| bad(chain(&error)))?;
        if control.source != listed.name || control.version.as_str() != listed.version.as_str() {
            return Err(bad(format!(
                "it is {} {}, and the index lists it as {} {}",
                control.source, control.version, listed.name, listed.version
            )));
        }
        let filename: FileName = format!("{}_{}.dsc", control.source, control.version.without_epoch())
            .parse()
            .map_err(|error: NameError| bad(error.to_string()))?;
        if control.files.len() != listed.files.len() {
            return Err(bad(format!(
                "it has {} files, and the index lists {}",
                control.files.len(),
                listed.files.len()
            )));
        }
        let mut files = Vec::with_capacity(control.files.len());
        for file in &control.files {
            let part = listed.files.iter().find(|part| {
                part.path.file_name() == file.name.as_str()
                    && part.sha256 == file.sha256
                    && part.size_bytes == file.size_bytes
            });
            let part = part.ok_or_else(|| {
                bad(format!("{} is in it, and not in the index, or there with other content", file.name))
            })?;
            let (digests, drained) = self.bring(part, drain).map_err(|failure| match failure {
                Failure::Bad(reason) => bad(format!("{}: {reason}", file.name)),
                stop @ Failure::Stop(_) => stop,
            })?;
            drained.map_err(|error| bad(format!("{} cannot be read: {error}", file.name)))?;
            if digests.md5 != file.md5 || file.sha1.is_some_and(|sha1| sha1 != digests.sha1) {
                return Err(bad(format!("{} has other MD5 or SHA1 sums than the .dsc lists", file.name)));
            }
            files.push((file.name.clone(), digests));
        }
        Ok(Content::Source { control: Box::new(control), filename, dsc, files })
    }

    /// Brings one file while `look` reads it; gives what it made of it when the file is exactly what is listed.
    fn bring<T>(&self, part: &Part, look: impl Fn(&mut dyn Read) -> T) -> Result<(FileDigests, T), Failure> {
        if let Some(found) = self.kept(part, &look) {
            return Ok(found);
        }
        if self.tally.trouble.load(Ordering::Relaxed) >= MOST_TROUBLE {
            return Err(bad(format!(
                "it was not asked for: {MOST_TROUBLE} files in a row could not be got; try again when the repository can be reached"
            )));
        }
        // a byte more tells a longer file, and bounds what is kept
        let most_bytes = part.size_bytes.saturating_add(1);
        let looked = |reader: &mut dyn Read| {
            let seen = look(&mut *reader);
            // the digest is of all of it, however far the look went
            let rest = drain(reader);
            (seen, rest)
        };
        let brought = match self.shared(&part.path)? {
            Some(shared) => {
                self.tally.linked.fetch_add(1, Ordering::Relaxed);
                bring_shared(shared, most_bytes, looked)
            }
            None => {
                let reader = self.repository.open(&part.path).map_err(|error| match error {
                    OpenError::NotThere => bad("it is listed in the index, and is not there"),
                    OpenError::Failed(reason) => self.trouble(reason),
                })?;
                bring_stream(self.librarian, Path::new(part.path.as_str()), reader, most_bytes, looked)
                    .map_err(Failure::Stop)?
            }
        };
        let Brought { sealed, seen: (seen, rest), source_error } = brought;
        if let Some(error) = source_error.or(rest.err()) {
            return Err(self.trouble(format!("it cannot be read: {error}")));
        }
        self.tally.trouble.store(0, Ordering::Relaxed);
        let found = *sealed.digests();
        self.tally.files.fetch_add(1, Ordering::Relaxed);
        self.tally.bytes.fetch_add(found.size_bytes, Ordering::Relaxed);
        if found.size_bytes > part.size_bytes {
            return Err(bad(format!("it is longer than the {} bytes that the index lists", part.size_bytes)));
        }
        if found.size_bytes != part.size_bytes || found.sha256 != part.sha256 {
            return Err(bad(format!(
                "it is not what the index lists: {} bytes with SHA256 {}, not {} bytes with {}",
                found.size_bytes, found.sha256, part.size_bytes, part.sha256
            )));
        }
        self.librarian.keep(sealed).map_err(Failure::Stop)?;
        Ok((found, seen))
    }

    /// A file that could not be got, which may be the repository's trouble.
    fn trouble(&self, reason: String) -> Failure {
        self.tally.trouble.fetch_add(1, Ordering::Relaxed);
        Failure::Bad(reason)
    }

    /// What the librarian has already. What a machine that died had not written to the end is not that.
    fn kept<T>(&self, part: &Part, look: impl Fn(&mut dyn Read) -> T) -> Option<(FileDigests, T)> {
        let path = self.librarian.path(&part.sha256);
        let length = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
        if length != part.size_bytes {
            return None;
        }
        let mut file = Hashing { file: self.librarian.open(&part.sha256).ok()?, hasher: Hasher::new() };
        let seen = look(&mut file);
        drain(&mut file).ok()?;
        let digests = file.hasher.finish();
        (digests.sha256 == part.sha256).then_some((digests, seen))
    }

    /// The file without a copy, where it lies on this machine and can be had so.
    fn shared(&self, path: &RepositoryPath) -> Result<Option<crate::librarian::Shared>, Failure> {
        if self.links == Links::Copy {
            return Ok(None);
        }
        let Some(on_disk) = self.repository.on_disk(path) else { return Ok(None) };
        // no look at what is no file: the copy will say what is wrong with it
        if !std::fs::symlink_metadata(&on_disk).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let Ok(file) = File::open(&on_disk) else { return Ok(None) };
        match self.librarian.share(&file).map_err(Failure::Stop)? {
            Some(shared) => Ok(Some(shared)),
            None => self.librarian.link(&on_disk).map_err(Failure::Stop),
        }
    }
}

/// A file that is hashed as it is read.
struct Hashing {
    file: File,
    hasher: Hasher,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::domain::digest::Sha256;
    use crate::upload::takeover::index::Part;

    /// A server that is gone.
    #[derive(Default)]
    struct Gone(AtomicUsize);

    impl Repository for Gone {
        fn open(&self, _path: &RepositoryPath) -> Result<Box<dyn Read + Send + '_>, OpenError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(OpenError::Failed("no connection".to_owned()))
        }

        fn on_disk(&self, _path: &RepositoryPath) -> Option<std::path::PathBuf> {
            None
        }

        fn at_once(&self) -> usize {
            1
        }
    }

    #[test]
    fn a_repository_that_is_gone_is_not_asked_for_ever() {
        let root = tempfile::tempdir().unwrap();
        let (librarian, tally, gone) =
            (Librarian::new(root.path().to_owned()), Tally::default(), Gone::default());
        let fetcher =
            Fetcher { repository: &gone, librarian: &librarian, links: Links::Share, tally: &tally };
        let mut last = String::new();
        for number in 0..100 {
            let part = Part {
                path: format!("pool/{number}").parse().unwrap(),
                size_bytes: 1,
                sha256: Sha256::of(b"x"),
            };
            match fetcher.bring(&part, |_| ()) {
                Err(Failure::Bad(reason)) => last = reason,
                Err(Failure::Stop(error)) => panic!("{error}"),
                Ok(_) => panic!("{number} came"),
            }
        }
        assert_eq!(gone.0.load(Ordering::Relaxed) as u64, MOST_TROUBLE);
        assert!(last.contains("was not asked for"), "{last}");
    }
}
