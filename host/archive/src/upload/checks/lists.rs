//! What the lists of a `.changes` say, compared with themselves and with what the suite has, before a file is opened.

use std::collections::BTreeSet;

use super::findings::Findings;
use super::kind::{Kind, kind};
use super::{Asked, ExamineError};
use crate::domain::ArchivePurpose;
use crate::domain::name::{FileName, Section};
use crate::format::{Changes, ChangesFile, PackageType};
use crate::store::upload_check;

/// Whether the files may be read: there are not too many of them, and they are not too large.
pub(super) fn check(
    asked: &Asked<'_>,
    name: &FileName,
    changes: &Changes,
    findings: &mut Findings,
) -> Result<bool, ExamineError> {
    let may_be_read = check_size(asked, name, changes, findings);
    if may_be_read {
        check_architecture(name, changes, findings);
        check_debug_packages(changes, findings);
        check_sections(asked, changes, findings)?;
    }
    Ok(may_be_read)
}

fn check_size(asked: &Asked<'_>, name: &FileName, changes: &Changes, findings: &mut Findings) -> bool {
    let (files, most) = (changes.files.len(), asked.limits.files);
    if files > most {
        findings.reject(
            "file-count",
            name.as_str(),
            format!("it lists {files} files, and {most} are the most that are taken"),
            "split the upload, or ask who runs the archive to raise the limit",
        );
        return false;
    }
    let bytes = changes.files.iter().fold(0_u64, |bytes, file| bytes.saturating_add(file.size_bytes));
    if bytes > asked.limits.upload_bytes {
        findings.reject(
            "upload-size",
            name.as_str(),
            format!(
                "its files have {bytes} bytes, and {} are the most that are taken",
                asked.limits.upload_bytes
            ),
            "split the upload, or ask who runs the archive to raise the limit",
        );
        return false;
    }
    true
}

/// The field `Architecture` and the files speak of the same.
fn check_architecture(name: &FileName, changes: &Changes, findings: &mut Findings) {
    const BUILD: &str = "make the .changes again with dpkg-genchanges, and upload all that it lists";
    let mut refuse = |check, file: &str, what: String| findings.reject(check, file, what, BUILD);
    let dscs: Vec<&ChangesFile> = of_kind(changes, |kind| kind == Kind::Dsc);
    match dscs.as_slice() {
        [] if changes.has_source() => {
            refuse("one-dsc", name.as_str(), "it says that there is a source, but lists no .dsc".to_owned());
        }
        [] => {
            for part in of_kind(changes, |kind| kind == Kind::SourcePart) {
                let what = "it is a part of a source package, but no .dsc is listed".to_owned();
                refuse("one-dsc", part.name.as_str(), what);
            }
        }
        [dsc] if !changes.has_source() => {
            let what = "it is listed, but the field Architecture has no source".to_owned();
            refuse("architecture", dsc.name.as_str(), what);
        }
        [_] => {}
        [_, second, ..] => {
            let what = format!("{} .dsc files are listed, and one upload has one source", dscs.len());
            refuse("one-dsc", second.name.as_str(), what);
        }
    }
    let binaries = of_kind(changes, |kind| matches!(kind, Kind::Binary(_)));
    let customs = of_kind(changes, |kind| matches!(kind, Kind::Custom(_)));
    let mut found = BTreeSet::new();
    for file in &binaries {
        let Some(architecture) = architecture(file) else { continue };
        found.insert(architecture);
        if !changes.architecture.iter().any(|tag| tag.as_str() == architecture) {
            let what = format!("it is for {architecture}, which the field Architecture does not have");
            refuse("architecture", file.name.as_str(), what);
        }
    }
    for tag in changes.architecture.iter().filter(|tag| !tag.is_source()) {
        // a custom file is for the architecture in its name, or for none
        if !found.contains(tag.as_str()) && customs.is_empty() {
            let what = format!("the field Architecture has {tag}, but no file is for it");
            refuse("architecture", name.as_str(), what);
        }
    }
    if changes.architecture.is_empty() {
        refuse("architecture", name.as_str(), "the field Architecture has no word".to_owned());
    }
}

/// Debug symbols come with the package that they are of.
fn check_debug_packages(changes: &Changes, findings: &mut Findings) {
    for file in of_kind(changes, |kind| kind == Kind::Binary(PackageType::Ddeb)) {
        let stem = file.name.as_str().trim_end_matches(".ddeb");
        let Some((package, rest)) = stem.split_once('_') else { continue };
        let package = package.strip_suffix("-dbgsym").unwrap_or(package);
        let is_there = ["deb", "udeb"].iter().any(|ending| {
            let wanted = format!("{package}_{rest}.{ending}");
            changes.files.iter().any(|other| other.name.as_str() == wanted)
        });
        if !is_there {
            findings.reject(
                "ddeb-alone",
                file.name.as_str(),
                format!("it has debug symbols of {package}, but {package}_{rest}.deb is not in the upload"),
                "upload both together, as they were built",
            );
        }
    }
}

/// The sections of Policy 2.4, and those that tools of the field add.
const SECTIONS: [&str; 62] = [
    "admin",
    "cli-mono",
    "comm",
    "database",
    "debian-installer",
    "debug",
    "devel",
    "doc",
    "editors",
    "education",
    "electronics",
    "embedded",
    "fonts",
    "games",
    "gnome",
    "gnu-r",
    "gnustep",
    "golang",
    "graphics",
    "hamradio",
    "haskell",
    "httpd",
    "interpreters",
    "introspection",
    "java",
    "javascript",
    "kde",
    "kernel",
    "libdevel",
    "libs",
    "lisp",
    "localization",
    "mail",
    "math",
    "metapackages",
    "misc",
    "net",
    "news",
    "ocaml",
    "oldlibs",
    "otherosfs",
    "perl",
    "php",
    "python",
    "raku",
    "ruby",
    "rust",
    "science",
    "shells",
    "sound",
    "tasks",
    "tex",
    "text",
    "translations",
    "utils",
    "vcs",
    "video",
    "virtual",
    "web",
    "x11",
    "xfce",
    "zope",
];

/// Components are those of the series; sections are Policy's, or one that an override of the archive has. A PPA publishes whatever it is told in
/// one component, so that its uploaders are only warned.
fn check_sections(asked: &Asked<'_>, changes: &Changes, findings: &mut Findings) -> Result<(), ExamineError> {
    let is_ppa = asked.archive.purpose == ArchivePurpose::Ppa;
    let mut known: BTreeSet<&Section> = BTreeSet::new();
    for file in &changes.files {
        let name = file.name.as_str();
        if let Some(priority) =
            file.priority.as_ref().filter(|priority| !priority.is_known() && priority.as_str() != "source")
        {
            findings.warn(
                "priority",
                name,
                format!("its priority {priority} is none that Policy knows"),
                "use required, important, standard or optional in debian/control",
            );
        }
        let mut tell = |check, what: String, remedy: String| {
            if is_ppa {
                findings.warn(check, name, what, remedy);
            } else {
                findings.reject(check, name, what, remedy);
            }
        };
        let Some(section) = &file.section else { continue };
        if let Some(component) = section.component()
            && !asked.shape.components.iter().any(|one| one.name.as_str() == component)
        {
            let known: Vec<&str> = asked.shape.components.iter().map(|one| one.name.as_str()).collect();
            let what = format!(
                "its section says component {component}, which {} does not have",
                asked.shape.suite.name
            );
            tell("component", what, format!("use one of {} in debian/control", known.join(", ")));
        }
        if matches!(kind(file), Ok(Kind::Custom(_)))
            || known.contains(section)
            || SECTIONS.contains(&section.without_component())
            || upload_check::section_is_used(asked.db, asked.archive.id, section)?
        {
            known.insert(section);
            continue;
        }
        tell(
            "section",
            format!("its section {section} is none that is known"),
            "use one of Policy's sections in debian/control, or have an override of this archive name it"
                .to_owned(),
        );
    }
    Ok(())
}

fn of_kind(changes: &Changes, is: impl Fn(Kind) -> bool) -> Vec<&ChangesFile> {
    changes.files.iter().filter(|file| kind(file).is_ok_and(&is)).collect()
}

/// What a package is for, by its name.
fn architecture(file: &ChangesFile) -> Option<&str> {
    let (stem, _) = file.name.as_str().rsplit_once('.')?;
    stem.rsplit_once('_').map(|(_, architecture)| architecture)
}
