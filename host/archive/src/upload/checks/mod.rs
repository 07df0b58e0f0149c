//! Whether an upload is as it must be.
//!
//! [`early`] reads the `.changes` alone and stops at what makes it unreadable. [`examine`] then looks at everything that it lists, and finds all
//! that is wrong at once, so that whoever is rejected sees all of it: first what names and lists say (`lists`), then each file as it is taken
//! from its folder (`folder`) to the librarian, with what is in it (`source`, `binary`, `custom`), then how it stands to what the
//! archive has (`standing`). Each problem names the check, the file, the reason and what to do.
//!
//! Nothing here asks who may upload, nor where to; nothing writes a row. The files of an upload that is refused leave nothing with the
//! librarian.

mod binary;
mod content;
mod custom;
mod early;
mod fields;
mod findings;
mod folder;
mod kind;
mod lists;
mod source;
mod standing;

use std::os::fd::{AsFd, BorrowedFd};

use jiff::Timestamp;

pub use early::early;

use self::binary::TakenBinary;
use self::custom::TakenCustom;
use self::findings::Findings;
use self::folder::Taken;
use self::kind::Kind;
use self::source::TakenSource;
use super::examined::{Examined, ExaminedFile};
use crate::disk::DiskError;
use crate::domain::name::FileName;
use crate::domain::problem::Problem;
use crate::domain::{FileDigests, UploadPolicy};
use crate::format::{Changes, ChangesFile};
use crate::librarian::Librarian;
use crate::store::archive::Archive;
use crate::store::shape::SuiteShape;
use crate::store::{Connection, StoreError};

/// How large things may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most files of an upload.
    pub files: usize,
    /// The most bytes of all files of an upload together.
    pub upload_bytes: u64,
    /// The most bytes that come out of a tarball of a source package, or of a custom file.
    pub unpacked_bytes: u64,
    /// The most entries of such a tarball.
    pub unpacked_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 2000, upload_bytes: 32 << 30, unpacked_bytes: 32 << 30, unpacked_entries: 1_000_000 }
    }
}

/// What an upload is judged by.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What the archive has.
    pub db: &'a Connection,
    /// Where its files go.
    pub librarian: &'a Librarian,
    /// Where the files are that the archive has; in a dry run that is elsewhere.
    pub kept: &'a Librarian,
    /// The archive that it is for.
    pub archive: &'a Archive,
    /// The suite that it is for.
    pub shape: &'a SuiteShape,
    /// By which rules.
    pub policy: UploadPolicy,
    /// How large things may be.
    pub limits: &'a Limits,
    /// The fingerprint of the primary key that signed the `.changes`; none: it was not signed.
    pub signer: Option<&'a str>,
    /// Whether it does not come in anyway: then it is looked at so that all that is wrong is said, and nothing of it is kept.
    pub is_refused: bool,
    /// When.
    pub now: Timestamp,
}

/// Why an upload could not be judged: the publisher's own trouble.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// A disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was found.
#[derive(Debug)]
pub struct Looked {
    /// What is in the upload, with its files with the librarian, not synced; none exactly where a problem is a rejection, or it was refused
    /// before.
    pub examined: Option<Examined>,
    /// All that is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
}

/// Looks at everything that a `.changes` lists, which lies beside it in the folder. `name` is its own name, `changes` what [`early`] gave.
///
/// # Errors
/// When the upload could not be judged.
pub fn examine(
    folder: impl AsFd,
    asked: &Asked<'_>,
    name: &FileName,
    changes: Changes,
) -> Result<Looked, ExamineError> {
    let mut examination = Examination {
        folder: folder.as_fd(),
        asked,
        changes: &changes,
        changes_name: name,
        findings: Findings::default(),
        source: None,
        binaries: Vec::new(),
        customs: Vec::new(),
        others: Vec::new(),
    };
    // what the lists alone say; where they are too large nothing is read
    if lists::check(asked, name, &changes, &mut examination.findings)? {
        examination.take_all()?;
        examination.compare()?;
    }
    let Examination { findings, source, binaries, customs, others, .. } = examination;
    if findings.rejects() || asked.is_refused {
        return Ok(Looked { examined: None, problems: findings.into_problems() });
    }
    let librarian = asked.librarian;
    let text = changes.text.as_bytes();
    let digests = FileDigests::of(text);
    librarian.keep_bytes(text, &digests)?;
    let examined = Examined {
        changes_file: ExaminedFile { name: name.clone(), digests },
        source: source.map(|source| source.keep(librarian)).transpose()?,
        binaries: binaries.into_iter().map(|binary| binary.keep(librarian)).collect::<Result<_, _>>()?,
        customs: customs.into_iter().map(|custom| custom.keep(librarian)).collect::<Result<_, _>>()?,
        others: others
            .into_iter()
            .map(|(name, taken)| Ok(ExaminedFile { name, digests: librarian.keep(taken.sealed)? }))
            .collect::<Result<_, DiskError>>()?,
        changes: Box::new(changes),
    };
    Ok(Looked { examined: Some(examined), problems: findings.into_problems() })
}

/// An upload on its way through the checks.
struct Examination<'a> {
    folder: BorrowedFd<'a>,
    asked: &'a Asked<'a>,
    changes: &'a Changes,
    changes_name: &'a FileName,
    findings: Findings,
    source: Option<TakenSource>,
    binaries: Vec<TakenBinary>,
    customs: Vec<TakenCustom>,
    others: Vec<(FileName, Taken<()>)>,
}

impl Examination<'_> {
    /// Takes every file, and looks into it.
    fn take_all(&mut self) -> Result<(), ExamineError> {
        let changes = self.changes;
        if let Some(dsc) = changes.files.iter().find(|file| kind::kind(file) == Ok(Kind::Dsc)) {
            self.source =
                source::take(self.folder, self.asked, self.changes_name, changes, dsc, &mut self.findings)?;
        }
        for file in &changes.files {
            // what has no kind was refused before
            let Ok(kind) = kind::kind(file) else { continue };
            match kind {
                // taken with the .dsc; without one there is a finding already
                Kind::Dsc | Kind::SourcePart => {}
                Kind::Binary(package_type) => {
                    let taken = binary::take(
                        self.folder,
                        self.asked,
                        changes,
                        (file, package_type),
                        &mut self.findings,
                    )?;
                    self.binaries.extend(taken);
                }
                Kind::Custom(format) => {
                    let taken = custom::take(self.folder, self.asked, (file, format), &mut self.findings)?;
                    self.customs.extend(taken);
                }
                Kind::BuildInfo => self.take_other(file)?,
            }
        }
        Ok(())
    }

    fn take_other(&mut self, file: &ChangesFile) -> Result<(), ExamineError> {
        let taken = folder::take(self.folder, self.asked.librarian, file, &mut self.findings, |_| ())?;
        self.others.extend(taken.map(|taken| (file.name.clone(), taken)));
        Ok(())
    }

    /// How what was taken stands to what the archive has.
    fn compare(&mut self) -> Result<(), ExamineError> {
        let (asked, findings) = (self.asked, &mut self.findings);
        if let Some(source) = &self.source {
            standing::of_source(asked, source, findings)?;
        }
        for binary in &self.binaries {
            standing::of_binary(asked, binary, findings)?;
        }
        Ok(())
    }
}
