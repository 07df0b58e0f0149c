//! Reading a package into the librarian: every byte once, hashed and looked at on its way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::gather::{Complaint, Item, Listed};
use crate::disk::{DiskError, During};
use crate::domain::digest::FileDigests;
use crate::domain::name::FileName;
use crate::format::{BinaryControl, PackageType, SourceControl, read_deb};
use crate::librarian::{Deposit, Librarian};

/// Why a package was not read.
pub(super) enum Failure {
    /// It is bad.
    Complaint(Complaint),
    /// The librarian's disk failed.
    Stop(DiskError),
}

/// A package that was read, and whose files the librarian has.
pub(super) struct Package {
    pub(super) path: PathBuf,
    pub(super) listed: Option<Listed>,
    pub(super) content: Content,
}

/// What it is.
pub(super) enum Content {
    Binary {
        control: Box<BinaryControl>,
        text: String,
        digests: FileDigests,
    },
    Source {
        control: Box<SourceControl>,
        filename: FileName,
        dsc: FileDigests,
        files: Vec<(FileName, FileDigests)>,
    },
}

/// Reads a package; when it is good, the librarian has all its files.
pub(super) fn read(librarian: &Librarian, item: &Item) -> Result<Package, Failure> {
    let path = &item.path;
    let complain = |reason: String| Failure::Complaint(Complaint::new(path, reason));
    let name: FileName = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| complain("its name is not UTF-8".to_owned()))?
        .parse()
        .map_err(|error: crate::domain::name::NameError| complain(error.to_string()))?;
    let content = match PackageType::of_file_name(&name) {
        Some(package_type) => read_binary(librarian, path, package_type)?,
        None => read_source(librarian, path, name)?,
    };
    let digests = match &content {
        Content::Binary { digests, .. } => digests,
        Content::Source { dsc, .. } => dsc,
    };
    if let Some(listed) = &item.listed
        && listed.sha256 != digests.sha256
    {
        return Err(complain(format!(
            "its SHA256 is {}, but the .changes lists {}",
            digests.sha256, listed.sha256
        )));
    }
    Ok(Package { path: path.clone(), listed: item.listed.clone(), content })
}

fn open(path: &Path) -> Result<File, Failure> {
    let complain =
        |error: io::Error| Failure::Complaint(Complaint::new(path, format!("it cannot be read: {error}")));
    // a FIFO would be waited for
    if !std::fs::metadata(path).map_err(complain)?.is_file() {
        return Err(Failure::Complaint(Complaint::new(path, "it is no regular file")));
    }
    File::open(path).map_err(complain)
}

fn read_binary(librarian: &Librarian, path: &Path, package_type: PackageType) -> Result<Content, Failure> {
    let file = open(path)?;
    let deposit = librarian.deposit().map_err(Failure::Stop)?;
    let mut tee = Tee { file, deposit, failed: None };
    let read = read_deb(&mut tee);
    let deposit = tee.finish(path)?;
    let (deb, digests) = read.map_err(|error| Failure::Complaint(Complaint::from_error(path, &error)))?;
    let control =
        deb.binary(package_type).map_err(|error| Failure::Complaint(Complaint::from_error(path, &error)))?;
    let kept = librarian.keep(deposit).map_err(Failure::Stop)?;
    if kept != digests {
        return Err(Failure::Complaint(Complaint::new(
            path,
            "it changed while it was read: import it again",
        )));
    }
    Ok(Content::Binary { control: Box::new(control), text: deb.text, digests })
}

/// The largest .dsc that is read.
const MAX_DSC_BYTES: u64 = 4 << 20;

fn read_source(librarian: &Librarian, path: &Path, filename: FileName) -> Result<Content, Failure> {
    let complain = |reason: String| Failure::Complaint(Complaint::new(path, reason));
    let mut bytes = Vec::new();
    open(path)?
        .take(MAX_DSC_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| complain(format!("it cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_DSC_BYTES {
        return Err(complain("it is too large for a .dsc".to_owned()));
    }
    let control = SourceControl::parse(&bytes)
        .map_err(|error| Failure::Complaint(Complaint::from_error(path, &error)))?;
    let expected = format!("{}_{}.dsc", control.source, control.version.without_epoch());
    if filename.as_str() != expected {
        return Err(complain(format!(
            "a .dsc of {} {} is named {expected}: rename it",
            control.source, control.version
        )));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = Vec::with_capacity(control.files.len());
    for file in &control.files {
        let part = folder.join(file.name.as_str());
        let said = |what: String| complain(format!("{} {what}", file.name));
        let mut source = open(&part).map_err(|_| {
            said(
                "is listed but is not there, beside the .dsc: put it there and import the .dsc again"
                    .to_owned(),
            )
        })?;
        let mut deposit = librarian.deposit().map_err(Failure::Stop)?;
        // one byte more than listed tells a longer file, and bounds what is kept
        let mut tee = Tee { file: (&mut source).take(file.size_bytes + 1), deposit, failed: None };
        let copied = io::copy(&mut tee, &mut io::sink());
        deposit = tee.finish(&part)?;
        copied.map_err(|error| said(format!("cannot be read: {error}")))?;
        let digests = deposit_digests(librarian, deposit)?;
        if digests.size_bytes != file.size_bytes || digests.sha256 != file.sha256 {
            return Err(said(format!(
                "differs from what the .dsc lists: {} bytes with SHA256 {}, not {} bytes with {}",
                digests.size_bytes, digests.sha256, file.size_bytes, file.sha256
            )));
        }
        if digests.md5 != file.md5 || file.sha1.is_some_and(|sha1| sha1 != digests.sha1) {
            return Err(said("has other MD5 or SHA1 sums than the .dsc lists".to_owned()));
        }
        files.push((file.name.clone(), digests));
    }
    let mut deposit = librarian.deposit().map_err(Failure::Stop)?;
    deposit.write_all(&bytes).during("keep", path).map_err(Failure::Stop)?;
    let dsc = deposit_digests(librarian, deposit)?;
    Ok(Content::Source { control: Box::new(control), filename, dsc, files })
}

fn deposit_digests(librarian: &Librarian, deposit: Deposit) -> Result<FileDigests, Failure> {
    librarian.keep(deposit).map_err(Failure::Stop)
}

/// Reads a file and gives all that was read to the librarian, so that the disk is read once.
struct Tee<R> {
    file: R,
    deposit: Deposit,
    failed: Option<io::Error>,
}

impl<R> Tee<R> {
    /// The deposit; a failure of the librarian's disk is not the package's fault.
    fn finish(self, path: &Path) -> Result<Deposit, Failure> {
        match self.failed {
            None => Ok(self.deposit),
            Some(error) => Err(error).during("keep", path).map_err(Failure::Stop),
        }
    }
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if let Err(error) = self.deposit.write_all(&buffer[..count]) {
            let kind = error.kind();
            self.failed = Some(error);
            return Err(kind.into());
        }
        Ok(count)
    }
}
