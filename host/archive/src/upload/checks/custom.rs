//! A custom file of an upload: what its name says.

use std::os::fd::BorrowedFd;

use super::content;
use super::findings::Findings;
use super::folder;
use super::{Asked, ExamineError};
use crate::disk::DiskError;
use crate::domain::name::{FileName, Section};
use crate::domain::{CustomFormat, DebVersion};
use crate::format::ChangesFile;
use crate::format::source_tree::{self, Role};
use crate::format::tarball::Bounds;
use crate::librarian::{Librarian, Sealed};
use crate::upload::examined::{ExaminedCustom, ExaminedFile};

/// A custom file whose name could be read.
pub(super) struct TakenCustom {
    format: CustomFormat,
    name: FileName,
    sealed: Sealed,
    called: Called,
    section: Option<Section>,
}

impl TakenCustom {
    /// Gives its file to the librarian.
    pub(super) fn keep(self, librarian: &Librarian) -> Result<ExaminedCustom, DiskError> {
        Ok(ExaminedCustom {
            format: self.format,
            file: ExaminedFile { name: self.name, digests: librarian.keep(self.sealed)? },
            architecture: self.called.architecture,
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
    let called = called(format, &listed.name);
    if called.is_none() {
        findings.reject(
            "custom-name",
            listed.name.as_str(),
            format!("a custom file of this section is not called so: {}", pattern(format)),
            "rename it, and make the .changes again",
        );
    }
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

/// What the name of a custom file says.
#[derive(Debug, PartialEq, Eq)]
struct Called {
    architecture: Option<String>,
    version: DebVersion,
}

/// How custom files are called.
const fn pattern(format: CustomFormat) -> &'static str {
    match format {
        CustomFormat::DebianInstaller => "debian-installer-images_VERSION_ARCHITECTURE.tar.gz",
        CustomFormat::RosettaTranslations => "PACKAGE_VERSION_ARCHITECTURE_translations.tar.gz",
        CustomFormat::DistUpgrader => "dist-upgrader_VERSION_ARCHITECTURE.tar.gz",
        CustomFormat::DdtpTarball => "translations_COMPONENT_VERSION.tar.gz",
        CustomFormat::StaticTranslations => "PACKAGE_VERSION_ARCHITECTURE_static_translations.tar.gz",
        CustomFormat::MetaData => "PACKAGE_VERSION_ARCHITECTURE.tar.gz",
        CustomFormat::Uefi | CustomFormat::Signing => "PACKAGE_VERSION_ARCHITECTURE.tar.gz",
    }
}

/// What a name says; none where it is not the format's.
fn called(format: CustomFormat, name: &FileName) -> Option<Called> {
    let stem = name.as_str().strip_suffix(".tar.gz").or_else(|| name.as_str().strip_suffix(".tar.xz"))?;
    let stem = match format {
        CustomFormat::RosettaTranslations => stem.strip_suffix("_translations")?,
        CustomFormat::StaticTranslations => stem.strip_suffix("_static_translations")?,
        CustomFormat::DebianInstaller
        | CustomFormat::DistUpgrader
        | CustomFormat::DdtpTarball
        | CustomFormat::MetaData
        | CustomFormat::Uefi
        | CustomFormat::Signing => stem,
    };
    let words: Vec<&str> = stem.split('_').collect();
    let [first, second, third] = words.as_slice() else { return None };
    let is_word = |word: &str| {
        word.starts_with(|character: char| character.is_ascii_alphanumeric())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    };
    if !is_word(first) {
        return None;
    }
    let (version, architecture) = match format {
        CustomFormat::DebianInstaller if *first != "debian-installer-images" => return None,
        CustomFormat::DistUpgrader if *first != "dist-upgrader" => return None,
        CustomFormat::DdtpTarball if *first != "translations" || !is_word(second) => return None,
        CustomFormat::DdtpTarball => (third, None),
        CustomFormat::DebianInstaller
        | CustomFormat::DistUpgrader
        | CustomFormat::RosettaTranslations
        | CustomFormat::StaticTranslations
        | CustomFormat::MetaData
        | CustomFormat::Uefi
        | CustomFormat::Signing => (second, is_word(third).then(|| (*third).to_owned())),
    };
    if architecture.is_none() && format != CustomFormat::DdtpTarball {
        return None;
    }
    Some(Called { architecture, version: version.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_version_and_architecture() {
        use CustomFormat::*;
        for (format, name, architecture, version) in [
            (DebianInstaller, "debian-installer-images_20240101_amd64.tar.gz", Some("amd64"), "20240101"),
            (DistUpgrader, "dist-upgrader_1.2_all.tar.gz", Some("all"), "1.2"),
            (DdtpTarball, "translations_main_20240101.tar.gz", None, "20240101"),
            (Signing, "linux_6.1-2_arm64.tar.xz", Some("arm64"), "6.1-2"),
            (RosettaTranslations, "hello_2.10-3_amd64_translations.tar.gz", Some("amd64"), "2.10-3"),
            (StaticTranslations, "hello_2.10-3_amd64_static_translations.tar.gz", Some("amd64"), "2.10-3"),
        ] {
            let found = called(format, &name.parse().unwrap()).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((found.architecture.as_deref(), found.version.as_str()), (architecture, version));
        }
        for (format, name) in [
            (DebianInstaller, "other_20240101_amd64.tar.gz"),
            (DebianInstaller, "debian-installer-images_20240101.tar.gz"),
            (DistUpgrader, "dist-upgrader_one_all.tar.gz"),
            (DdtpTarball, "translations_main.tar.gz"),
            (Signing, "linux_6.1_arm64.zip"),
            (Signing, "linux_6.1_.tar.gz"),
            (Signing, "linux_6.1_a_b.tar.gz"),
            (RosettaTranslations, "hello_2.10-3_amd64.tar.gz"),
        ] {
            assert_eq!(called(format, &name.parse().unwrap()), None, "{name}");
        }
    }
}
