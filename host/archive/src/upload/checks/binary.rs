//! A binary package of an upload: what it says of itself, compared with its name and with what the `.changes` says of it.

use std::os::fd::BorrowedFd;

use super::findings::Findings;
use super::folder;
use super::{Asked, ExamineError, fields};
use crate::disk::DiskError;
use crate::domain::chain;
use crate::domain::name::{FileName, PackagePriority, Section};
use crate::format::{
    BinaryControl, Changes, ChangesFile, DebControl, DebError, PackageType, PathList, read_deb_control,
    relations,
};
use crate::librarian::{Librarian, Sealed};
use crate::store::package_paths::PackedPaths;
use crate::upload::examined::{ExaminedBinary, ExaminedFile};

/// A binary package that could be read.
pub(super) struct TakenBinary {
    pub(super) control: Box<BinaryControl>,
    text: String,
    name: FileName,
    sealed: Sealed,
    paths: PackedPaths,
    section: Option<Section>,
    priority: Option<PackagePriority>,
}

impl TakenBinary {
    /// The file.
    pub(super) const fn name(&self) -> &FileName {
        &self.name
    }

    /// The file's content.
    pub(super) const fn digests(&self) -> &crate::domain::FileDigests {
        self.sealed.digests()
    }

    /// Gives its file to the librarian.
    pub(super) fn keep(self, librarian: &Librarian) -> Result<ExaminedBinary, DiskError> {
        Ok(ExaminedBinary {
            control: self.control,
            text: self.text,
            file: ExaminedFile { name: self.name, digests: librarian.keep(self.sealed)? },
            paths: self.paths,
            section: self.section,
            priority: self.priority,
        })
    }
}

/// Takes a binary package that the `.changes` lists; none: it is not there, or cannot be read.
pub(super) fn take(
    folder: BorrowedFd<'_>,
    asked: &Asked<'_>,
    changes: &Changes,
    (listed, package_type): (&ChangesFile, PackageType),
    findings: &mut Findings,
) -> Result<Option<TakenBinary>, ExamineError> {
    let Some(taken) =
        folder::take(folder, asked.librarian, listed, findings, |reader| read(reader, package_type))?
    else {
        return Ok(None);
    };
    let name = listed.name.as_str();
    let (deb, control) = match taken.seen {
        Ok(read) => read,
        Err(fault) => {
            let (check, what) = fault.told();
            findings.reject(
                check,
                name,
                what,
                "build the package again with dpkg-buildpackage, and upload it as it is",
            );
            return Ok(None);
        }
    };
    fields::check("deb-control", name, deb.pairs(), findings);
    check_name(name, &control, findings);
    check_source(name, changes, &control, findings);
    check_filing(name, listed, &control, findings);
    check_relations(name, &deb, findings);
    check_architecture(asked, name, &control, findings);
    check_dates(asked, name, &deb, findings);
    // of what does not come in nobody needs the list, and all of an upload's are held together
    let is_needed = !asked.is_refused && !findings.rejects();
    let paths = if is_needed { deb.paths } else { PathList::default() };
    let packed = match paths.pack() {
        Ok(packed) => packed,
        Err(source) => {
            return Err(DiskError { action: "list the files of", path: name.into(), source }.into());
        }
    };
    Ok(Some(TakenBinary {
        control: Box::new(control),
        paths: PackedPaths { count: paths.len(), packed },
        text: deb.text,
        name: listed.name.clone(),
        sealed: taken.sealed,
        section: listed.section.clone(),
        priority: listed.priority.clone(),
    }))
}

/// Why a package cannot be read.
enum Fault {
    Package(DebError),
    Control(crate::format::binary_control::BinaryControlError),
}

impl Fault {
    fn told(&self) -> (&'static str, String) {
        match self {
            Self::Package(
                DebError::Bomb { .. }
                | DebError::Contents { reason: crate::format::ContentsError::TooMuch { .. }, .. },
            ) => ("deb-size", self.chain()),
            Self::Package(DebError::Control(_)) | Self::Control(_) => ("deb-control", self.chain()),
            Self::Package(_) => ("deb-readable", self.chain()),
        }
    }

    fn chain(&self) -> String {
        match self {
            Self::Package(error) => chain(error),
            Self::Control(error) => chain(error),
        }
    }
}

fn read(
    reader: &mut dyn std::io::BufRead,
    package_type: PackageType,
) -> Result<(DebControl, BinaryControl), Fault> {
    let deb = read_deb_control(reader).map_err(Fault::Package)?;
    let control = deb.binary(package_type).map_err(Fault::Control)?;
    Ok((deb, control))
}

/// The file is called after the package, its version and its architecture.
fn check_name(name: &str, control: &BinaryControl, findings: &mut Findings) {
    let BinaryControl { package, version, architecture, package_type, .. } = control;
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut parts = stem.splitn(3, '_');
    let mut differs = |check, field: &str, found: Option<&str>, said: &str| {
        if found != Some(said) {
            findings.reject(
                check,
                name,
                format!("its control file says {field} {said}, which its name does not"),
                format!(
                    "a package is called as dpkg-deb calls it: {package}_{}_{architecture}.{package_type}",
                    version.without_epoch()
                ),
            );
        }
    };
    differs("deb-name", "Package", parts.next(), package.as_str());
    differs("deb-version", "Version", parts.next(), version.without_epoch());
    differs("deb-architecture", "Architecture", parts.next(), architecture.as_str());
}

/// The package was built from the source that the upload is about.
fn check_source(name: &str, changes: &Changes, control: &BinaryControl, findings: &mut Findings) {
    const BUILD: &str = "upload packages of one source together, as dpkg-buildpackage built them";
    if control.source != changes.source {
        let what = format!("it was built from {}, but the upload is of {}", control.source, changes.source);
        findings.reject("deb-source", name, what, BUILD);
    } else if control.source_version != changes.source_version {
        let what = format!(
            "it was built from version {} of {}, but the upload is of {}",
            control.source_version, control.source, changes.source_version
        );
        findings.reject("deb-source-version", name, what, BUILD);
    }
}

/// Section and priority are those in the `.changes`, where both say something.
fn check_filing(name: &str, listed: &ChangesFile, control: &BinaryControl, findings: &mut Findings) {
    const BUILD: &str = "make the .changes again with dpkg-genchanges";
    if let (Some(said), Some(listed)) = (&control.section, &listed.section)
        && said != listed
    {
        let what = format!("its section is {said}, but the .changes says {listed}");
        findings.reject("deb-section", name, what, BUILD);
    }
    if let (Some(said), Some(listed)) = (&control.priority, &listed.priority)
        && said != listed
    {
        let what = format!("its priority is {said}, but the .changes says {listed}");
        findings.reject("deb-priority", name, what, BUILD);
    }
}

/// Relations that clients cannot read make apt refuse the whole index, for all packages of the archive. A field `Depends` without a word is read, and is
/// always a mistake.
fn check_relations(name: &str, deb: &DebControl, findings: &mut Findings) {
    for (field, value) in deb.pairs() {
        if field.eq_ignore_ascii_case("Depends") && value.trim().is_empty() {
            findings.reject(
                "depends-empty",
                name,
                "its field Depends is empty",
                "leave the field out of debian/control, or fill the substitution variables in it",
            );
        }
        if let Err(error) = relations::check_binary(std::iter::once((field, value))) {
            findings.reject(
                "relations",
                name,
                chain(&error),
                "correct the field in debian/control, or fill the substitution variables in it, and build again",
            );
        }
    }
}

/// 1975-01-01: what is older comes from a clock that was never set, and breaks tools that count from 1980.
const EARLIEST: i64 = 157_766_400;
/// Clocks differ, and time zones are forgotten.
const LATEST_AFTER_NOW_SECONDS: i64 = 24 * 60 * 60;

/// What is in the package was not made in a time when nobody could.
fn check_dates(asked: &Asked<'_>, name: &str, deb: &DebControl, findings: &mut Findings) {
    const CLOCK: &str =
        "set the clock of the machine that builds (and SOURCE_DATE_EPOCH where it is used), and build again";
    let date = |seconds: i64| {
        jiff::Timestamp::from_second(seconds)
            .map_or_else(|_| format!("second {seconds}"), |date| date.to_string())
    };
    if let Some((seconds, path)) = &deb.dates.earliest
        && *seconds < EARLIEST
    {
        findings.reject(
            "member-date",
            name,
            format!("{path} in it is from {}, before 1975", date(*seconds)),
            CLOCK,
        );
    }
    if let Some((seconds, path)) = &deb.dates.latest
        && *seconds > asked.now.as_second().saturating_add(LATEST_AFTER_NOW_SECONDS)
    {
        let what = format!("{path} in it is from {}, which is still to come", date(*seconds));
        findings.reject("member-date", name, what, CLOCK);
    }
}

/// The series has the architecture.
fn check_architecture(asked: &Asked<'_>, name: &str, control: &BinaryControl, findings: &mut Findings) {
    let tag = &control.architecture;
    if tag.is_all() || asked.shape.architectures.iter().any(|one| one.tag == *tag) {
        return;
    }
    let known: Vec<&str> = asked.shape.architectures.iter().map(|one| one.tag.as_str()).collect();
    findings.reject(
        "architecture-known",
        name,
        format!("it is for {tag}, which {} does not have", asked.shape.series.name),
        format!(
            "build for one of {}, or have the architecture added with `pressroom series set --architecture`",
            known.join(", ")
        ),
    );
}
