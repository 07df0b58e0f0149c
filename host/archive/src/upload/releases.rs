//! The rows of packages whose files are with the librarian: releases, their files, their lists of contents. Both doors make them here; where
//! packages are published, and whether, is decided elsewhere.

use jiff::Timestamp;

use crate::domain::digest::{FileDigests, Sha256};
use crate::domain::name::{FileName, PackagePriority, Section};
use crate::domain::{ArchiveId, BinaryFormat, BinaryReleaseId, SourceReleaseId};
use crate::format::built_using::ingredients;
use crate::format::{BinaryControl, PackageType, SourceControl};
use crate::store::package_paths::{self, PackedPaths};
use crate::store::package_release::{self, NewBinaryRelease, NewSourceRelease};
use crate::store::{Connection, Made, StoreError, Transaction, built_using, library_file};

/// Says who has a name in the pool of an archive, if it is taken by other content.
///
/// # Errors
/// When the database fails.
pub(super) fn clash(
    db: &Connection,
    archive: ArchiveId,
    filename: &FileName,
    digests: &FileDigests,
) -> Result<Option<String>, StoreError> {
    clash_of(db, archive, filename, &digests.sha256)
}

/// The same of content that is known by its digest.
///
/// # Errors
/// When the database fails.
pub(super) fn clash_of(
    db: &Connection,
    archive: ArchiveId,
    filename: &FileName,
    sha256: &Sha256,
) -> Result<Option<String>, StoreError> {
    let holder = package_release::other_holder(db, archive, filename, sha256)?;
    Ok(holder.map(|holder| {
        format!(
            "{filename} is in the archive already with other content: {} has SHA256 {}, this one {}; a file name is used once, so give the \
             package a new version",
            holder.package, holder.sha256, sha256
        )
    }))
}

/// The name that the pool gives a binary package, whatever its file was called: Policy has no epoch in it.
pub(super) fn pool_name(control: &BinaryControl) -> Result<FileName, String> {
    let name = format!(
        "{}_{}_{}.{}",
        control.package,
        control.version.without_epoch(),
        control.architecture,
        control.package_type
    );
    name.parse().map_err(|error: crate::domain::NameError| error.to_string())
}

/// The row of a source package, made if needed.
///
/// # Errors
/// When the database fails.
pub(super) fn source(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    control: &SourceControl,
    (filename, dsc): (&FileName, &FileDigests),
    files: &[(&FileName, &FileDigests)],
    now: Timestamp,
) -> Result<Made<SourceReleaseId>, StoreError> {
    let (section, priority) = package_list(control);
    let dsc_file = library_file::alias(tx, dsc, filename, now)?;
    let mut aliases = Vec::with_capacity(files.len());
    for (name, digests) in files {
        aliases.push(library_file::alias(tx, digests, name, now)?.row());
    }
    let architecture = control.architecture.iter().map(|tag| tag.as_str()).collect::<Vec<_>>().join(" ");
    package_release::source_release(
        tx,
        &NewSourceRelease {
            name: &control.source,
            version: &control.version,
            format: control.format.as_str(),
            architecture: &architecture,
            section: section.as_ref(),
            priority: priority.as_ref(),
            maintainer: &control.maintainer,
            dsc: &control.text,
            dsc_file,
            files: &aliases,
            archive,
        },
        now,
    )
}

/// A binary package, as both doors have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binary<'a> {
    pub(super) control: &'a BinaryControl,
    /// Its control paragraph.
    pub(super) text: &'a str,
    pub(super) digests: &'a FileDigests,
    pub(super) paths: &'a PackedPaths,
    /// Its name in the pool.
    pub(super) filename: &'a FileName,
    /// Its source, where that is known.
    pub(super) source: Option<SourceReleaseId>,
}

/// The row of a binary package, made if needed.
///
/// # Errors
/// When the database fails.
pub(super) fn binary(
    tx: &Transaction<'_>,
    binary: &Binary<'_>,
    now: Timestamp,
) -> Result<Made<BinaryReleaseId>, StoreError> {
    let control = binary.control;
    let format = match control.package_type {
        PackageType::Deb => BinaryFormat::Deb,
        PackageType::Udeb => BinaryFormat::Udeb,
        PackageType::Ddeb => BinaryFormat::Ddeb,
    };
    let file = library_file::alias(tx, binary.digests, binary.filename, now)?;
    let release = package_release::binary_release(
        tx,
        &NewBinaryRelease {
            name: &control.package,
            version: &control.version,
            format,
            architecture: &control.architecture,
            source_name: &control.source,
            source_version: &control.source_version,
            source_release: binary.source,
            section: control.section.as_ref(),
            priority: control.priority.as_ref(),
            essential: control.essential,
            built_using: control.built_using.as_deref().unwrap_or(""),
            static_built_using: control.static_built_using.as_deref().unwrap_or(""),
            control: binary.text,
            file,
        },
        now,
    )?;
    if let Made::New(row) = release {
        let built = control.built_using.as_deref().unwrap_or("");
        let statically = control.static_built_using.as_deref().unwrap_or("");
        built_using::keep(tx, row, &ingredients(built, statically))?;
    }
    // also of one that is known: it may have come in before lists were kept
    package_paths::keep(tx, release.row(), binary.paths)?;
    Ok(release)
}

/// Section and priority of a source: those of the first binary in `Package-List`, which dpkg-source takes from debian/control.
pub(super) fn package_list(control: &SourceControl) -> (Option<Section>, Option<PackagePriority>) {
    let list = control
        .pairs()
        .find(|(name, _)| name.eq_ignore_ascii_case("Package-List"))
        .map_or("", |(_, value)| value);
    let Some(line) = list.lines().map(str::trim).find(|line| !line.is_empty()) else { return (None, None) };
    // name type section priority [key=value…]
    let mut words = line.split_ascii_whitespace().skip(2);
    (words.next().and_then(|word| word.parse().ok()), words.next().and_then(|word| word.parse().ok()))
}
