//! A custom file of an upload: what its name says.

use std::os::fd::BorrowedFd;

use super::content;
use super::findings::Findings;
use super::folder;
use super::{Asked, ExamineError};
use crate::disk::DiskError;
use crate::domain::CustomFormat;
use crate::domain::name::{FileName, Section};
use crate::format::ChangesFile;
use crate::format::custom_name::CustomName;
use crate::format::source_tree::{self, Role};
use crate::format::tarball::Bounds;
use crate::librarian::{Librarian, Sealed};
use crate::upload::examined::{ExaminedCustom, ExaminedFile};

/// A custom file whose name could be read.
pub(super) struct TakenCustom {
    format: CustomFormat,
    name: FileName,
    sealed: Sealed,
    called: CustomName,
    section: Option<Section>,
}

impl TakenCustom {
    /// Gives its file to the librarian.
    pub(super) fn keep(self, librarian: &Librarian) -> Result<ExaminedCustom, DiskError> {
        Ok(ExaminedCustom {
            format: self.format,
            file: ExaminedFile { name: self.name, digests: librarian.keep(self.sealed)? },
            architecture: self.called.architecture.map(|tag| tag.to_string()),
            version: self.called.version,
            section: self.section,
        })
    }
}

/// Takes a custom file that the `.changes` lists; none: it is not there, or not called as it must be.
pub(super) fn take(
    folder: BorrowedFd<'_>,
    asked: &Asked<'_>,
    (listed, format): (&ChangesFile, CustomFormat),
    findings: &mut Findings,
) -> Result<Option<TakenCustom>, ExamineError> {
    let called = match CustomName::parse(format, &listed.name) {
        Ok(called) => Some(called),
        Err(error) => {
            let remedy = "rename it, and make the .changes again";
            findings.reject("custom-name", listed.name.as_str(), error.to_string(), remedy);
            None
        }
    };
    let bounds = Bounds {
        bytes: asked.limits.unpacked_bytes,
        entries: asked.limits.unpacked_entries,
        compressed_bytes: listed.size_bytes,
    };
    let ending = content::compression(&listed.name);
    let taken = folder::take(folder, asked.librarian, listed, findings, |reader| {
        source_tree::read(ending, reader, bounds, role(format))
    })?;
    if let Some(Err(error)) = taken.as_ref().map(|taken| &taken.seen) {
        findings.reject(
            content::check_of(error),
            listed.name.as_str(),
            content::unpacking(error),
            "pack it again with tar, from a folder that has files, folders and links within it alone",
        );
    }
    Ok(taken.zip(called).map(|(taken, called)| TakenCustom {
        format,
        name: listed.name.clone(),
        sealed: taken.sealed,
        called,
        section: listed.section.clone(),
    }))
}

/// What is unpacked into a tree that is served must not lead out of it; translations are only kept.
const fn role(format: CustomFormat) -> Role {
    match format {
        CustomFormat::DebianInstaller
        | CustomFormat::DistUpgrader
        | CustomFormat::DdtpTarball
        | CustomFormat::MetaData
        | CustomFormat::Uefi
        | CustomFormat::Signing => Role::Served,
        CustomFormat::RosettaTranslations | CustomFormat::StaticTranslations => Role::Tree,
    }
}
