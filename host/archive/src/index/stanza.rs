//! One package in an index.
//!
//! The order of fields and what is left out are those of `apt-ftparchive` (apt's `tagfile-order.c` and `ftparchive/writer.cc`): known fields first, in
//! apt's order and spelling, then the others as they come; `Status` goes; `Filename`, `Size`, checksums, `Section` and `Priority` are the archive's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;

use super::description::Description;
use crate::domain::digest::FileDigests;
use crate::domain::name::{ComponentName, FileName, Section};
use crate::domain::{Checksum, Translations};
use crate::format::control;
use crate::pool::PoolPath;
use crate::pool::layout::source_folder;
use crate::store::indexed::{IndexedBinary, IndexedSource};

/// apt's order for Packages.
const PACKAGE_ORDER: &[&str] = &[
    "Package",
    "Package-Type",
    "Architecture",
    "Architecture-Variant",
    "Subarchitecture",
    "Version",
    "Kernel-Version",
    "Built-Using",
    "Static-Built-Using",
    "Built-For-Profiles",
    "Auto-Built-Package",
    "Multi-Arch",
    "Status",
    "Priority",
    "Build-Essential",
    "Protected",
    "Important",
    "Essential",
    "Installer-Menu-Item",
    "Section",
    "Source",
    "Origin",
    "Phased-Update-Percentage",
    "Maintainer",
    "Original-Maintainer",
    "Bugs",
    "Config-Version",
    "Conffiles",
    "Triggers-Awaited",
    "Triggers-Pending",
    "Installed-Size",
    "Provides",
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Enhances",
    "Filename",
    "MSDOS-Filename",
    "Size",
    "MD5sum",
    "SHA1",
    "SHA256",
    "SHA512",
    "Homepage",
    "Description",
    "Description-md5",
    "Tag",
    "Task",
];

/// apt's order for Sources.
const SOURCE_ORDER: &[&str] = &[
    "Package",
    "Source",
    "Format",
    "Binary",
    "Architecture",
    "Architecture-Variant",
    "Version",
    "Priority",
    "Section",
    "Origin",
    "Maintainer",
    "Original-Maintainer",
    "Uploaders",
    "Dm-Upload-Allowed",
    "Standards-Version",
    "Build-Depends",
    "Build-Depends-Arch",
    "Build-Depends-Indep",
    "Build-Conflicts",
    "Build-Conflicts-Arch",
    "Build-Conflicts-Indep",
    "Testsuite",
    "Testsuite-Triggers",
    "Homepage",
    "Description",
    "Vcs-Browser",
    "Vcs-Browse",
    "Vcs-Arch",
    "Vcs-Bzr",
    "Vcs-Cvs",
    "Vcs-Darcs",
    "Vcs-Git",
    "Vcs-Hg",
    "Vcs-Mtn",
    "Vcs-Svn",
    "Directory",
    "Package-List",
    "Files",
    "Checksums-Md5",
    "Checksums-Sha1",
    "Checksums-Sha256",
    "Checksums-Sha512",
];

/// Where each field stands, by its name in lower case.
type Ranks = HashMap<String, (usize, &'static str)>;

fn ranks(order: &'static [&'static str]) -> Ranks {
    order.iter().enumerate().map(|(rank, name)| (name.to_ascii_lowercase(), (rank, *name))).collect()
}

static PACKAGE_RANKS: LazyLock<Ranks> = LazyLock::new(|| ranks(PACKAGE_ORDER));
static SOURCE_RANKS: LazyLock<Ranks> = LazyLock::new(|| ranks(SOURCE_ORDER));

/// A paragraph being put in order.
struct Paragraph<'a> {
    ranks: &'static Ranks,
    fields: Vec<(usize, Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Paragraph<'a> {
    fn new(ranks: &'static Ranks) -> Self {
        Self { ranks, fields: Vec::with_capacity(32) }
    }

    fn rank(&self, name: &str) -> Option<(usize, &'static str)> {
        self.ranks.get(&name.to_ascii_lowercase()).copied()
    }

    /// A field as the package has it.
    fn keep(&mut self, name: &'a str, value: &'a str) {
        match self.rank(name) {
            Some((rank, name)) => self.fields.push((rank, name.into(), value.into())),
            None => self.fields.push((usize::MAX, name.into(), value.into())),
        }
    }

    /// A field of the archive's own.
    fn set(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        let rank = self.rank(name).map_or(usize::MAX, |(rank, _)| rank);
        self.fields.push((rank, name.into(), value.into()));
    }

    /// Fields that the archive adds, in place of the package's own of these names.
    fn add(&mut self, lines: Option<&'a str>) {
        for (name, value) in lines.into_iter().flat_map(control::pairs) {
            self.fields.retain(|(_, own, _)| !own.eq_ignore_ascii_case(name));
            self.keep(name, value);
        }
    }

    fn write(mut self, out: &mut String) {
        self.fields.sort_by_key(|(rank, ..)| *rank);
        for (_, name, value) in &self.fields {
            out.push_str(name);
            out.push(':');
            if !value.is_empty() && !value.starts_with('\n') {
                out.push(' ');
            }
            out.push_str(value);
            out.push('\n');
        }
        out.push('\n');
    }
}

/// `Section` as indexes have it: with the component before it, unless that is main.
pub(super) fn section_field(component: &ComponentName, section: &Section) -> String {
    let section = section.without_component();
    if component.as_str() == "main" { section.to_owned() } else { format!("{component}/{section}") }
}

/// Appends the stanza of a binary in a component's Packages, whose long descriptions stand there or in translations.
pub fn binary_stanza(
    out: &mut String,
    binary: &IndexedBinary,
    component: &ComponentName,
    checksums: &[Checksum],
    translations: Translations,
) {
    const OURS: [&str; 10] = [
        "status",
        "filename",
        "size",
        "md5sum",
        "sha1",
        "sha256",
        "sha512",
        "section",
        "priority",
        "phased-update-percentage",
    ];
    let mut paragraph = Paragraph::new(&PACKAGE_RANKS);
    for (name, value) in control::pairs(&binary.control) {
        if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
            continue;
        }
        let is_ours = match translations {
            Translations::Whole => false,
            Translations::English if name.eq_ignore_ascii_case("Description") => {
                if let Some(description) = Description::new(value) {
                    paragraph.set("Description", description.synopsis());
                    paragraph.set("Description-md5", description.digest().to_string());
                }
                true
            }
            Translations::English => name.eq_ignore_ascii_case("Description-md5"),
        };
        if !is_ours {
            paragraph.keep(name, value);
        }
    }
    paragraph.add(binary.extra_fields.as_deref());
    if let Some(section) = &binary.section {
        paragraph.set("Section", section_field(component, section));
    }
    if let Some(priority) = &binary.priority {
        paragraph.set("Priority", priority.as_str());
    }
    if let Some(percentage) = binary.phased_update_percentage {
        paragraph.set("Phased-Update-Percentage", percentage.to_string());
    }
    paragraph.set("Filename", PoolPath::new(component, &binary.source, &binary.filename).to_string());
    paragraph.set("Size", binary.digests.size_bytes.to_string());
    for checksum in checksums {
        match checksum {
            Checksum::Md5 => paragraph.set("MD5sum", binary.digests.md5.to_string()),
            Checksum::Sha1 => paragraph.set("SHA1", binary.digests.sha1.to_string()),
            Checksum::Sha256 => paragraph.set("SHA256", binary.digests.sha256.to_string()),
        }
    }
    paragraph.write(out);
}

/// Appends the stanza of a source in a component's Sources. `files` are those of the source with the .dsc, by name.
pub fn source_stanza(
    out: &mut String,
    source: &IndexedSource,
    files: &[(FileName, FileDigests)],
    component: &ComponentName,
    checksums: &[Checksum],
) {
    const OURS: [&str; 10] = [
        "source",
        "package",
        "files",
        "checksums-md5",
        "checksums-sha1",
        "checksums-sha256",
        "checksums-sha512",
        "directory",
        "section",
        "priority",
    ];
    let mut paragraph = Paragraph::new(&SOURCE_RANKS);
    paragraph.set("Package", source.name.as_str());
    for (name, value) in control::pairs(&source.dsc) {
        if !OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) && !name.eq_ignore_ascii_case("status") {
            paragraph.keep(name, value);
        }
    }
    paragraph.add(source.extra_fields.as_deref());
    if let Some(section) = &source.section {
        paragraph.set("Section", section_field(component, section));
    }
    if let Some(priority) = &source.priority {
        paragraph.set("Priority", priority.as_str());
    }
    paragraph.set("Directory", source_folder(component, &source.name));
    // the .dsc first, then the others as it lists them, as apt-ftparchive has it
    let listed: Vec<&str> = control::pairs(&source.dsc)
        .find(|(name, _)| name.eq_ignore_ascii_case("Files"))
        .map(|(_, value)| value.lines().filter_map(|line| line.split_ascii_whitespace().nth(2)).collect())
        .unwrap_or_default();
    let place = |name: &FileName| listed.iter().position(|listed| *listed == name.as_str());
    let mut ordered: Vec<&(FileName, FileDigests)> = files.iter().collect();
    ordered
        .sort_by_key(|(name, _)| (*name != source.filename, place(name).unwrap_or(usize::MAX), name.clone()));
    for checksum in checksums {
        let mut list = String::new();
        for (name, digests) in &ordered {
            let size = digests.size_bytes;
            // writing into a String cannot fail
            let _ = match checksum {
                Checksum::Md5 => write!(list, "\n {} {size} {name}", digests.md5),
                Checksum::Sha1 => write!(list, "\n {} {size} {name}", digests.sha1),
                Checksum::Sha256 => write!(list, "\n {} {size} {name}", digests.sha256),
            };
        }
        match checksum {
            Checksum::Md5 => paragraph.set("Files", list),
            Checksum::Sha1 => paragraph.set("Checksums-Sha1", list),
            Checksum::Sha256 => paragraph.set("Checksums-Sha256", list),
        }
    }
    paragraph.write(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SourceReleaseId;

    fn binary(control: &str) -> IndexedBinary {
        IndexedBinary {
            name: "hello".into(),
            version: "2.10-3".parse().unwrap(),
            architecture: "amd64".parse().unwrap(),
            source: "hello-src".parse().unwrap(),
            source_version: "2.10-3".parse().unwrap(),
            section: Some("devel".parse().unwrap()),
            priority: Some("optional".parse().unwrap()),
            control: control.into(),
            filename: "hello_2.10-3_amd64.deb".parse().unwrap(),
            digests: FileDigests::of(b"hello"),
            phased_update_percentage: None,
            extra_fields: None,
        }
    }

    const CONTROL: &str = "Package: hello\nX-Own: kept\nversion: 2.10-3\nArchitecture: amd64\nStatus: install ok\nSection: old\n\
                           Maintainer: A <a@example.org>\nDescription: greets\n in two\n .\n parts\nSize: 7\nDepends: libc6\n";

    #[test]
    fn fields_are_in_apts_order_and_spelling_and_the_archives_own_replace_the_packages() {
        let mut out = String::new();
        binary_stanza(
            &mut out,
            &binary(CONTROL),
            &"main".parse().unwrap(),
            &[Checksum::Md5, Checksum::Sha256],
            Translations::Whole,
        );
        assert_eq!(
            out,
            "Package: hello\nArchitecture: amd64\nVersion: 2.10-3\nPriority: optional\nSection: devel\n\
             Maintainer: A <a@example.org>\nDepends: libc6\nFilename: pool/main/h/hello-src/hello_2.10-3_amd64.deb\nSize: 5\n\
             MD5sum: 5d41402abc4b2a76b9719d911017c592\n\
             SHA256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n\
             Description: greets\n in two\n .\n parts\nX-Own: kept\n\n"
        );
    }

    #[test]
    fn where_descriptions_stand_apart_the_first_line_stays_with_the_digest_of_all() {
        let mut out = String::new();
        let control = format!("{CONTROL}Description-md5: of its own\n");
        binary_stanza(&mut out, &binary(&control), &"main".parse().unwrap(), &[], Translations::English);
        let (_, end) = out.split_once("Size: 5\n").unwrap();
        assert_eq!(
            end,
            "Description: greets\nDescription-md5: a4ad972598dde209552a191945907d11\nX-Own: kept\n\n"
        );
    }

    #[test]
    fn what_the_archive_adds_stands_in_order_and_for_the_packages_own() {
        let mut out = String::new();
        let binary = IndexedBinary {
            extra_fields: Some("Bugs: mailto:b@example.org\nTask: demo\nx-own: ours\n".into()),
            ..binary(CONTROL)
        };
        binary_stanza(&mut out, &binary, &"main".parse().unwrap(), &[], Translations::Whole);
        assert!(
            out.contains("Maintainer: A <a@example.org>\nBugs: mailto:b@example.org\nDepends: libc6\n"),
            "{out}"
        );
        assert!(out.ends_with(" parts\nTask: demo\nx-own: ours\n\n"), "{out}");
        assert!(!out.contains("kept"), "{out}");
    }

    #[test]
    fn a_section_has_its_component_unless_that_is_main() {
        for (component, section, field) in [
            ("main", "devel", "Section: devel\n"),
            ("main", "contrib/devel", "Section: devel\n"),
            ("universe", "devel", "Section: universe/devel\n"),
            ("non-free", "non-free/devel", "Section: non-free/devel\n"),
        ] {
            let mut out = String::new();
            let binary = IndexedBinary { section: Some(section.parse().unwrap()), ..binary(CONTROL) };
            binary_stanza(&mut out, &binary, &component.parse().unwrap(), &[], Translations::Whole);
            assert!(out.contains(field), "{out}");
        }
    }

    #[test]
    fn a_package_without_section_and_priority_has_none() {
        let mut out = String::new();
        let binary = IndexedBinary { section: None, priority: None, ..binary(CONTROL) };
        binary_stanza(&mut out, &binary, &"universe".parse().unwrap(), &[], Translations::Whole);
        assert!(!out.contains("Section") && !out.contains("Priority"), "{out}");
    }

    #[test]
    fn a_source_lists_its_dsc_first_and_its_folder() {
        let source = IndexedSource {
            name: "hello".parse().unwrap(),
            version: "2.10-3".parse().unwrap(),
            section: Some("devel".parse().unwrap()),
            priority: None,
            dsc: "Format: 3.0 (quilt)\nSource: hello\nBinary: hello\nVersion: 2.10-3\nFiles:\n 0 0 x\nChecksums-Sha256:\n 0 0 x\n".into(),
            filename: "hello_2.10-3.dsc".parse().unwrap(),
            digests: FileDigests::of(b"dsc"),
            release: SourceReleaseId(1),
            extra_fields: Some("Origin: Demo\n".into()),
        };
        let files = [("hello_2.10-3.debian.tar.xz", &b"debian"[..]), ("hello_2.10-3.dsc", b"dsc")]
            .map(|(name, content)| (name.parse().unwrap(), FileDigests::of(content)));
        let mut out = String::new();
        source_stanza(&mut out, &source, &files, &"main".parse().unwrap(), &[Checksum::Md5]);
        assert_eq!(
            out,
            "Package: hello\nFormat: 3.0 (quilt)\nBinary: hello\nVersion: 2.10-3\nSection: devel\nOrigin: Demo\nDirectory: pool/main/h/hello\n\
             Files:\n 8f7dd0b8ae8eed41b7f4b1c6b8b4d9b0 3 hello_2.10-3.dsc\n"
                .replace("8f7dd0b8ae8eed41b7f4b1c6b8b4d9b0", &FileDigests::of(b"dsc").md5.to_string())
                + &format!(" {} 6 hello_2.10-3.debian.tar.xz\n\n", FileDigests::of(b"debian").md5)
        );
    }
}
