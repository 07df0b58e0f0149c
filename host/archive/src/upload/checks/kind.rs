//! What a file of an upload is, by its name and section alone.

use crate::domain::CustomFormat;
use crate::domain::name::Section;
use crate::format::{ChangesFile, PackageType};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.dsc`.
    Dsc,
    /// A tarball, a diff, a signature of one: what a `.dsc` lists.
    SourcePart,
    /// `.deb`, `.udeb`, `.ddeb`.
    Binary(PackageType),
    /// By its section.
    Custom(CustomFormat),
    /// `.buildinfo`: kept, not looked into.
    BuildInfo,
}

/// What sections of custom files begin with.
const RAW: &str = "raw-";

/// What a file is; none: nothing that comes in.
pub(super) fn kind(file: &ChangesFile) -> Result<Kind, Fault> {
    if let Some(section) = file.section.as_ref()
        && section.without_component().starts_with(RAW)
    {
        return custom_format(section).map(Kind::Custom).ok_or_else(|| Fault::CustomSection(section.clone()));
    }
    if let Some(package_type) = PackageType::of_file_name(&file.name) {
        return Ok(Kind::Binary(package_type));
    }
    let name = file.name.as_str();
    match file.name.extension() {
        Some("dsc") => Ok(Kind::Dsc),
        Some("buildinfo") => Ok(Kind::BuildInfo),
        _ if is_source_part(name) => Ok(Kind::SourcePart),
        _ => Err(Fault::Unknown),
    }
}

/// Why a file comes in as nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its section begins with `raw-` and is none of the known ones.
    CustomSection(Section),
    /// Its name says nothing.
    Unknown,
}

impl Fault {
    /// As the uploader is told: the check, what is wrong, what to do.
    pub(super) fn told(&self) -> (&'static str, String, String) {
        match self {
            Self::CustomSection(section) => (
                "custom-section",
                format!("its section {section} is none of those that custom files can have"),
                format!("use one of {}", CUSTOM_SECTIONS.map(|(section, _)| section).join(", ")),
            ),
            Self::Unknown => (
                "file-type",
                "files of this kind are not taken".to_owned(),
                "upload what dpkg-genchanges lists: .dsc with its tarballs, .deb, .udeb, .ddeb, .buildinfo; custom files need \
                 a section that begins with raw-"
                    .to_owned(),
            ),
        }
    }
}

const CUSTOM_SECTIONS: [(&str, CustomFormat); 8] = [
    ("raw-installer", CustomFormat::DebianInstaller),
    ("raw-translations", CustomFormat::RosettaTranslations),
    ("raw-dist-upgrader", CustomFormat::DistUpgrader),
    ("raw-ddtp-tarball", CustomFormat::DdtpTarball),
    ("raw-translations-static", CustomFormat::StaticTranslations),
    ("raw-meta-data", CustomFormat::MetaData),
    ("raw-uefi", CustomFormat::Uefi),
    ("raw-signing", CustomFormat::Signing),
];

fn custom_format(section: &Section) -> Option<CustomFormat> {
    let section = section.without_component();
    CUSTOM_SECTIONS.iter().find(|(name, _)| *name == section).map(|(_, format)| *format)
}

/// The endings of what a `.dsc` may list; which of them it may list in its format is asked with the `.dsc`.
fn is_source_part(name: &str) -> bool {
    let name = name.strip_suffix(".asc").unwrap_or(name);
    name.ends_with(".diff.gz") || is_tarball(name)
}

/// Whether the name is that of a tarball of a source package.
pub(super) fn is_tarball(name: &str) -> bool {
    [".tar.gz", ".tar.xz", ".tar.bz2", ".tar.lzma"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Md5, Sha256};

    fn of(name: &str, section: &str) -> Result<Kind, Fault> {
        kind(&ChangesFile {
            name: name.parse().unwrap(),
            size_bytes: 0,
            section: (section != "-").then(|| section.parse().unwrap()),
            priority: None,
            md5: Md5::of(b""),
            sha1: None,
            sha256: Sha256::of(b""),
        })
    }

    #[test]
    fn names_and_sections_tell_what_a_file_is() {
        for (name, section, expected) in [
            ("a_1.dsc", "devel", Kind::Dsc),
            ("a_1.orig.tar.xz", "devel", Kind::SourcePart),
            ("a_1.orig.tar.xz.asc", "devel", Kind::SourcePart),
            ("a_1-1.diff.gz", "devel", Kind::SourcePart),
            ("a_1_all.deb", "-", Kind::Binary(PackageType::Deb)),
            ("a_1_all.udeb", "debian-installer", Kind::Binary(PackageType::Udeb)),
            ("a_1_all.ddeb", "debug", Kind::Binary(PackageType::Ddeb)),
            ("a_1_amd64.buildinfo", "devel", Kind::BuildInfo),
            ("a_1_amd64.tar.gz", "raw-signing", Kind::Custom(CustomFormat::Signing)),
            ("a_1_amd64.tar.gz", "universe/raw-uefi", Kind::Custom(CustomFormat::Uefi)),
        ] {
            assert_eq!(of(name, section), Ok(expected), "{name}");
        }
        for name in ["a_1.zip", "a_1.changes", "a_1.tar.zst", "a_1.diff.xz", "a.asc", "README", "a_1.dsc.asc"]
        {
            assert_eq!(of(name, "devel"), Err(Fault::Unknown), "{name}");
        }
        let (check, what, remedy) = of("a_1_amd64.tar.gz", "raw-other").unwrap_err().told();
        assert_eq!(check, "custom-section");
        assert!(what.contains("raw-other") && remedy.contains("raw-installer"), "{remedy}");
    }
}
