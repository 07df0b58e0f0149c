//! The source package of an upload: its `.dsc`, and the files that it lists, which come with it or are borrowed from the archive.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::fd::BorrowedFd;

use super::content::{self, Content, Part as Role};
use super::findings::Findings;
use super::folder::{self, Taken, read_short};
use super::kind::{Kind, kind};
use super::{Asked, ExamineError, fields};
use crate::disk::DiskError;
use crate::domain::name::{FileName, PackagePriority, Section};
use crate::domain::{ArchiveId, ArchivePurpose, FileDigests, PersonId, UploadPolicy, chain};
use crate::format::control::ControlFault;
use crate::format::dsc::DscError;
use crate::format::field::FieldError;
use crate::format::mailbox::Mailbox;
use crate::format::tarball::Bounds;
use crate::format::{
    Changes, ChangesFile, SourceControl, SourceFile, SourceFormat, relations, source_diff, source_tree,
};
use crate::librarian::{Librarian, Sealed};
use crate::people::keyring::{self, SignatureFault};
use crate::store::{Connection, StoreError, archive, openpgp_key, person, upload_check};
use crate::upload::examined::{ExaminedFile, ExaminedSource};

/// Files of the archive are read so much at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// The largest .dsc that is read.
const MAX_DSC_BYTES: u64 = 4 << 20;

/// A source package whose `.dsc` could be read.
pub(super) struct TakenSource {
    pub(super) control: Box<SourceControl>,
    dsc: (FileName, Sealed),
    files: Vec<Part>,
    section: Option<Section>,
    priority: Option<PackagePriority>,
}

/// A file that a `.dsc` lists, and where it comes from.
enum Part {
    /// It came with it.
    Taken(FileName, Sealed),
    /// The archive has it.
    Borrowed(ExaminedFile),
}

impl TakenSource {
    /// What the archive would have of it: names and contents, the `.dsc` first.
    pub(super) fn files(&self) -> impl Iterator<Item = (&FileName, &FileDigests)> {
        let parts = self.files.iter().map(|part| match part {
            Part::Taken(name, sealed) => (name, sealed.digests()),
            Part::Borrowed(file) => (&file.name, &file.digests),
        });
        std::iter::once((&self.dsc.0, self.dsc.1.digests())).chain(parts)
    }

    /// The name of its `.dsc`.
    pub(super) const fn dsc_name(&self) -> &FileName {
        &self.dsc.0
    }

    /// Gives its files to the librarian.
    pub(super) fn keep(self, librarian: &Librarian) -> Result<ExaminedSource, DiskError> {
        let keep = |(name, sealed)| Ok(ExaminedFile { name, digests: librarian.keep(sealed)? });
        let files = self
            .files
            .into_iter()
            .map(|part| match part {
                Part::Taken(name, sealed) => keep((name, sealed)),
                Part::Borrowed(file) => Ok(file),
            })
            .collect::<Result<_, DiskError>>()?;
        Ok(ExaminedSource {
            control: self.control,
            dsc: keep(self.dsc)?,
            files,
            section: self.section,
            priority: self.priority,
        })
    }
}

/// Takes the source package of a `.dsc` that the `.changes` lists; none: its `.dsc` is not there, or cannot be read.
pub(super) fn take(
    folder: BorrowedFd<'_>,
    asked: &Asked<'_>,
    changes_name: &FileName,
    changes: &Changes,
    listed: &ChangesFile,
    findings: &mut Findings,
) -> Result<Option<TakenSource>, ExamineError> {
    let taken =
        folder::take(folder, asked.librarian, listed, findings, |reader| read_short(reader, MAX_DSC_BYTES))?;
    let Some(Taken { sealed, seen }) = taken else { return Ok(None) };
    let name = listed.name.as_str();
    // what failed below the reader is an error of the disk, and was returned as one
    let bytes = seen.unwrap_or_default();
    let control = match SourceControl::parse(&bytes) {
        Ok(control) => control,
        Err(error) => {
            let (check, remedy) = unreadable(&error);
            findings.reject(check, name, chain(&error), remedy);
            return Ok(None);
        }
    };
    fields::check("dsc-size", name, control.pairs(), findings);
    check_against_changes(changes_name, changes, listed, &control, findings);
    check_signature(asked, name, &bytes, changes, findings)?;
    check_people(name, &control, findings);
    check_relations(name, &control, findings);
    check_format(asked, name, &control, findings)?;
    let files = take_parts(folder, asked, changes, listed, &control, findings)?;
    Ok(Some(TakenSource {
        control: Box::new(control),
        dsc: (listed.name.clone(), sealed),
        files,
        section: listed.section.clone(),
        priority: listed.priority.clone(),
    }))
}

/// The check that a `.dsc` breaks which cannot be read, and what to do.
fn unreadable(error: &DscError) -> (&'static str, &'static str) {
    const BUILD: &str = "build the source package again with dpkg-buildpackage -S";
    match error {
        DscError::Clearsign(_) => ("dsc-signature", "sign it again with debsign, and upload again"),
        DscError::Control(error) => match error.reason {
            ControlFault::TooLong { .. } | ControlFault::TooManyFields { .. } => ("dsc-size", BUILD),
            ControlFault::SecondParagraph
            | ControlFault::NoParagraph
            | ControlFault::NotUtf8
            | ControlFault::CarriageReturn
            | ControlFault::ControlCharacter(_)
            | ControlFault::Comment
            | ControlFault::NoColon
            | ControlFault::NoName
            | ControlFault::BadNameCharacter(_)
            | ControlFault::BadNameStart
            | ControlFault::Duplicate { .. }
            | ControlFault::NothingToContinue
            | ControlFault::BlankLine => ("dsc-syntax", BUILD),
        },
        DscError::Field(FieldError::Unexpected { field: "Format", .. }) => (
            "dsc-format",
            "build it in format 1.0, 3.0 (native) or 3.0 (quilt), as debian/source/format says",
        ),
        DscError::Field(_) => ("dsc-fields", BUILD),
        DscError::Files(_) => ("dsc-files", BUILD),
        DscError::Stranger { .. }
        | DscError::Rivals { .. }
        | DscError::MissingPart { .. }
        | DscError::NativeAndNot { .. }
        | DscError::SignatureAlone { .. } => ("tarball-set", BUILD),
    }
}

/// Name and version are the same in the name, the `.dsc` and the `.changes`.
fn check_against_changes(
    changes_name: &FileName,
    changes: &Changes,
    listed: &ChangesFile,
    control: &SourceControl,
    findings: &mut Findings,
) {
    const BUILD: &str = "build the source package and its .changes together, with dpkg-buildpackage -S";
    let name = listed.name.as_str();
    let SourceControl { source, version, .. } = control;
    if *source != changes.source {
        let what = format!("it is of the source {source}, but {changes_name} is of {}", changes.source);
        findings.reject("source-name", name, what, BUILD);
    }
    if *version != changes.version {
        let what = format!("it is of version {version}, but {changes_name} is of {}", changes.version);
        findings.reject("source-version", name, what, BUILD);
    }
    let expected = format!("{source}_{}.dsc", version.without_epoch());
    if name != expected {
        findings.reject(
            "dsc-name",
            name,
            format!("a .dsc of {source} {version} is called {expected}"),
            BUILD,
        );
    }
}

/// Whoever signed the `.dsc` is known and has to do with the upload: somebody else's source under one's own `.changes` is a mistake, or is meant to look
/// like their work. What comes from another archive was signed by people who are not known here: it is taken from a program that is trusted.
fn check_signature(
    asked: &Asked<'_>,
    name: &str,
    bytes: &[u8],
    changes: &Changes,
    findings: &mut Findings,
) -> Result<(), ExamineError> {
    let is_from_anybody = asked.policy == UploadPolicy::Insecure;
    match keyring::verify(asked.db, bytes, asked.now)? {
        Ok(signed) => {
            if let Some(signer) = asked.signer.filter(|signer| *signer != signed.fingerprint) {
                let whose = format!(
                    "it is signed by {} with {}, but the .changes with {signer}",
                    signed.person.name, signed.fingerprint
                );
                if !is_from_anybody || takes_part(asked.db, changes, signer, signed.person.id)? {
                    let remedy = "nothing is to be done where one of you looks after what the other made";
                    findings.warn("dsc-signer", name, whose, remedy);
                } else {
                    let what = format!(
                        "{whose}, which names {0} neither as Changed-By nor as Maintainer",
                        signed.person.name
                    );
                    let remedy = "sign both files with debsign; who sponsors somebody's work leaves that person's name in Changed-By";
                    findings.reject("dsc-signer", name, what, remedy);
                }
            }
        }
        // the signature of the .changes holds its digest
        Err(fault @ SignatureFault::NotSigned) if is_from_anybody => {
            let what = format!("{fault}, and whoever downloads it cannot see who made it");
            findings.warn("dsc-unsigned", name, what, "sign both files with debsign");
        }
        Err(fault) if is_from_anybody => {
            findings.reject("dsc-signature", name, chain(&fault), fault.remedy());
        }
        Err(SignatureFault::NotSigned | SignatureFault::UnknownKey { .. }) => {}
        Err(fault) => findings.warn("dsc-signature", name, chain(&fault), fault.remedy()),
    }
    Ok(())
}

/// Whether a person signed the `.changes` too, with another key, or is named in it: the one prepared the version, the other uploads it.
fn takes_part(
    db: &Connection,
    changes: &Changes,
    signer: &str,
    person: PersonId,
) -> Result<bool, StoreError> {
    if openpgp_key::keys_of_fingerprint(db, signer)?.iter().any(|key| key.person == person) {
        return Ok(true);
    }
    for named in changes.changed_by.iter().chain([&changes.maintainer]) {
        // one that cannot be read is said where people are looked at
        let Ok(mailbox) = named.parse::<Mailbox>() else { continue };
        if person::person_of_email(db, &mailbox.address)?.is_some_and(|one| one.id == person) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whoever looks after the package can be written to.
fn check_people(name: &str, control: &SourceControl, findings: &mut Findings) {
    if let Err(error) = control.maintainer.parse::<Mailbox>() {
        findings.reject(
            "dsc-maintainer",
            name,
            format!("the field Maintainer cannot be used: {error}"),
            "write it as \"Name <name@example.org>\" in debian/control, and build again",
        );
    }
}

/// The fields that say what building needs, and what must not be there.
const RELATIONS: [&str; 6] = [
    "Build-Depends",
    "Build-Depends-Arch",
    "Build-Depends-Indep",
    "Build-Conflicts",
    "Build-Conflicts-Arch",
    "Build-Conflicts-Indep",
];

/// Builders can read what they need.
fn check_relations(name: &str, control: &SourceControl, findings: &mut Findings) {
    for (field, value) in control.pairs() {
        if !RELATIONS.iter().any(|relation| relation.eq_ignore_ascii_case(field)) {
            continue;
        }
        if let Err(error) = relations::parse(value) {
            findings.reject(
                "build-depends",
                name,
                format!("the field {field} cannot be read: {error}"),
                "correct it in debian/control, and build again",
            );
        }
    }
}

/// The series takes sources of this format.
fn check_format(
    asked: &Asked<'_>,
    name: &str,
    control: &SourceControl,
    findings: &mut Findings,
) -> Result<(), ExamineError> {
    let taken = upload_check::source_formats(asked.db, asked.shape.series.id)?;
    if !taken.iter().any(|format| format == control.format.as_str()) {
        findings.reject(
            "source-format",
            name,
            format!("its format is {}, which {} does not take", control.format, asked.shape.series.name),
            format!("write one of these into debian/source/format and build again: {}", taken.join(", ")),
        );
    }
    Ok(())
}

/// Takes the files that a `.dsc` lists, from the upload or from the archive.
fn take_parts(
    folder: BorrowedFd<'_>,
    asked: &Asked<'_>,
    changes: &Changes,
    dsc: &ChangesFile,
    control: &SourceControl,
    findings: &mut Findings,
) -> Result<Vec<Part>, ExamineError> {
    for file in changes.files.iter().filter(|file| kind(file) == Ok(Kind::SourcePart)) {
        if !control.files.iter().any(|part| part.name == file.name) {
            findings.reject(
                "dsc-files",
                file.name.as_str(),
                format!("it is in the .changes, but {} does not list it", dsc.name),
                "make the .changes again with dpkg-genchanges -S",
            );
        }
    }
    let mut parts = Vec::with_capacity(control.files.len());
    let mut contents = BTreeMap::new();
    let mut listed: Vec<&SourceFile> = control.files.iter().collect();
    // a diff is applied to what was read of its tarball
    listed.sort_by_key(|part| Role::of(control, &part.name));
    for part in listed {
        let role = Role::of(control, &part.name);
        match changes.files.iter().find(|file| file.name == part.name) {
            Some(file) => {
                if !same_as_listed(dsc, part, file, findings) {
                    continue;
                }
                let taken = folder::take(folder, asked.librarian, file, findings, |reader| {
                    look(asked, role, part, &contents, reader)
                })?;
                if let Some(taken) = taken {
                    contents.insert(part.name.clone(), taken.seen);
                    parts.push(Part::Taken(part.name.clone(), taken.sealed));
                }
            }
            None => {
                let Some(borrowed) = borrow(asked, part, findings)? else { continue };
                // it was looked at when it came; but a diff needs what is in it
                if control.format == SourceFormat::V1 && role == Role::Upstream {
                    let file = asked.kept.open(&borrowed.digests.sha256)?;
                    let mut reader = BufReader::with_capacity(PIECE_BYTES, file);
                    contents.insert(part.name.clone(), look(asked, role, part, &contents, &mut reader));
                }
                parts.push(Part::Borrowed(borrowed));
            }
        }
    }
    // where a file is missing that is said already, and nobody knows what would be in it
    if parts.len() == control.files.len() {
        content::check(&dsc.name, control, &contents, findings);
    }
    Ok(parts)
}

/// Reads a file of a source package for what is in it.
fn look(
    asked: &Asked<'_>,
    role: Role,
    part: &SourceFile,
    contents: &BTreeMap<FileName, Content>,
    reader: &mut dyn BufRead,
) -> Content {
    let bounds = Bounds {
        bytes: asked.limits.unpacked_bytes,
        entries: asked.limits.unpacked_entries,
        compressed_bytes: part.size_bytes,
    };
    match role {
        Role::Native | Role::Upstream | Role::Component | Role::Debian => {
            let ending = content::compression(&part.name);
            Content::Tree(source_tree::read(ending, reader, bounds, role.of_tree()))
        }
        Role::Diff => {
            let base = contents.values().find_map(|content| match content {
                Content::Tree(Ok(tree)) => Some(&tree.members),
                Content::Tree(Err(_)) | Content::Diff(_) | Content::Other => None,
            });
            Content::Diff(base.map(|base| source_diff::read(reader, bounds, base)))
        }
        Role::Signature => Content::Other,
    }
}

/// The `.dsc` and the `.changes` speak of the same content.
fn same_as_listed(dsc: &ChangesFile, part: &SourceFile, file: &ChangesFile, findings: &mut Findings) -> bool {
    let sha1_differs = part.sha1.zip(file.sha1).is_some_and(|(one, other)| one != other);
    let differs = if part.size_bytes != file.size_bytes {
        format!("{} lists {} bytes of it, the .changes {}", dsc.name, part.size_bytes, file.size_bytes)
    } else if part.sha256 != file.sha256 || part.md5 != file.md5 || sha1_differs {
        format!("{} and the .changes list other checksums of it", dsc.name)
    } else {
        return true;
    };
    findings.reject(
        "dsc-changes-differ",
        part.name.as_str(),
        differs,
        "make the .changes again with dpkg-genchanges -S, and sign both",
    );
    false
}

/// The file that the archive has, or for a PPA also the primary archive; none: neither has it, and the findings say so.
fn borrow(
    asked: &Asked<'_>,
    part: &SourceFile,
    findings: &mut Findings,
) -> Result<Option<ExaminedFile>, ExamineError> {
    let mut others = Vec::new();
    for archive in lenders(asked)? {
        for known in upload_check::source_parts(asked.db, archive, &part.name)? {
            let same = known.digests.sha256 == part.sha256 && known.digests.size_bytes == part.size_bytes;
            if same
                && known.digests.md5 == part.md5
                && part.sha1.is_none_or(|sha1| sha1 == known.digests.sha1)
            {
                return Ok(Some(ExaminedFile { name: part.name.clone(), digests: known.digests }));
            }
            others.push(known);
        }
    }
    let name = part.name.as_str();
    match others.first() {
        Some(other) => findings.reject(
            "part-differs",
            name,
            format!(
                "the archive has it with other content: that of {} has SHA256 {}, this source package's {}",
                other.package, other.digests.sha256, part.sha256
            ),
            "build with the tarball of the archive (apt-get source --download-only), or give the package a new upstream version",
        ),
        None => findings.reject(
            "part-missing",
            name,
            "the .dsc lists it, but it is neither in the upload nor in the archive",
            "build with dpkg-buildpackage -S -sa, so that the upload has all tarballs",
        ),
    }
    Ok(None)
}

/// The archives from which an upload may borrow.
fn lenders(asked: &Asked<'_>) -> Result<Vec<ArchiveId>, ExamineError> {
    let mut lenders = vec![asked.archive.id];
    if asked.archive.purpose == ArchivePurpose::Ppa {
        let all = archive::archives(asked.db, asked.archive.distribution)?;
        lenders.extend(all.iter().filter(|one| one.purpose == ArchivePurpose::Primary).map(|one| one.id));
    }
    Ok(lenders)
}
