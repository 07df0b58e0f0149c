//! What is known of an upload when it has been looked at: the words that checks, policies and the queue share.
//!
//! Nothing here decides. The files of an examined upload are with the librarian already, under the digests that stand here.

use crate::domain::digest::FileDigests;
use crate::domain::name::{FileName, PackagePriority, Section};
use crate::domain::{CustomFormat, DebVersion};
use crate::format::{BinaryControl, Changes, SourceControl};
use crate::store::package_paths::PackedPaths;

/// A file of an upload, as it is with the librarian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExaminedFile {
    /// Its name.
    pub name: FileName,
    /// Its content.
    pub digests: FileDigests,
}

/// A source package of an upload.
#[derive(Debug, Clone)]
pub struct ExaminedSource {
    /// What its `.dsc` says.
    pub control: Box<SourceControl>,
    /// The `.dsc`.
    pub dsc: ExaminedFile,
    /// What it lists, also what was borrowed from the archive.
    pub files: Vec<ExaminedFile>,
    /// Where the uploader would file it, as in the `.changes`.
    pub section: Option<Section>,
    /// As in the `.changes`.
    pub priority: Option<PackagePriority>,
}

/// A binary package of an upload.
#[derive(Debug, Clone)]
pub struct ExaminedBinary {
    /// What it says of itself.
    pub control: Box<BinaryControl>,
    /// Its control paragraph as it is in the package.
    pub text: String,
    /// The package.
    pub file: ExaminedFile,
    /// The paths of its files.
    pub paths: PackedPaths,
    /// Where the uploader would file it, as in the `.changes`.
    pub section: Option<Section>,
    /// As in the `.changes`.
    pub priority: Option<PackagePriority>,
}

/// A custom file of an upload.
#[derive(Debug, Clone)]
pub struct ExaminedCustom {
    /// What it is.
    pub format: CustomFormat,
    /// The tarball.
    pub file: ExaminedFile,
    /// What its name says: which it is of its kind, as the package and architecture of `SIGNING`.
    pub architecture: Option<String>,
    /// The version in its name.
    pub version: DebVersion,
    /// As in the `.changes`: its component stands before a slash.
    pub section: Option<Section>,
}

/// An upload in which no check has found a reason to refuse it.
#[derive(Debug, Clone)]
pub struct Examined {
    /// What its `.changes` says.
    pub changes: Box<Changes>,
    /// The `.changes` as it came, and as it is kept without its signature.
    pub changes_file: ExaminedFile,
    /// The source package, where there is one.
    pub source: Option<ExaminedSource>,
    /// The binary packages.
    pub binaries: Vec<ExaminedBinary>,
    /// The custom files.
    pub customs: Vec<ExaminedCustom>,
    /// What is kept beside them: `.buildinfo`.
    pub others: Vec<ExaminedFile>,
}
