//! What the name of a custom upload says: which version of what it is, and where that belongs in the served tree.
//!
//! Pure. The names are those that the tools of distributions make: `debian-installer-images_20230607_amd64.tar.gz`,
//! `dist-upgrader_22.04.10_all.tar.gz`, `translations_main_20230101.tar.gz`, `shim_15.8_amd64.tar.gz`,
//! `hello_2.10-3_amd64_translations.tar.gz`.

use crate::domain::name::{ArchitectureTag, ComponentName, FileName, SourceName};
use crate::domain::{CustomFormat, DebVersion};

/// How tarballs are compressed, by the ends of their names.
const ENDINGS: [&str; 5] = [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar"];

/// A name that a custom upload cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is no name for {format}: it has to be like {wanted}")]
pub struct CustomNameError {
    /// The name.
    pub name: FileName,
    /// What it was to be.
    pub format: CustomFormat,
    /// What such names look like.
    pub wanted: &'static str,
}

/// A name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomName {
    /// What it is.
    pub format: CustomFormat,
    /// Of which package it was made: `debian-installer-images`, `shim`.
    pub package: SourceName,
    /// Its version; names of files have no epochs.
    pub version: DebVersion,
    /// For which architecture it is; none where the kind has none.
    pub architecture: Option<ArchitectureTag>,
    /// Whose descriptions it translates; of `DDTP_TARBALL` alone.
    pub component: Option<ComponentName>,
    /// How it is compressed: `.gz`, `.xz`, `.zst`, `.bz2`, or nothing.
    pub compression: &'static str,
}

/// Where a custom upload belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder below the suite's with a folder for each version in it, and `current`, which leads to the latest.
    Versions {
        /// `main/installer-amd64`.
        folder: String,
    },
    /// Files beside those of others in a folder below the suite's.
    Translations {
        /// `main/i18n`.
        folder: String,
    },
    /// The file as it is, in a folder beside `dists`, where each version has its folder too.
    Beside {
        /// The tree at the archive's root.
        tree: &'static str,
        /// Below the tree.
        folder: String,
    },
    /// Not in the tree: it is kept for those who ask for it.
    Kept,
}

impl CustomName {
    /// Takes a name apart.
    ///
    /// # Errors
    /// When it is not as names of its kind are.
    pub fn parse(format: CustomFormat, name: &FileName) -> Result<Self, CustomNameError> {
        Self::read(format, name.as_str()).ok_or_else(|| CustomNameError {
            name: name.clone(),
            format,
            wanted: wanted(format),
        })
    }

    fn read(format: CustomFormat, name: &str) -> Option<Self> {
        let (stem, ending) = ENDINGS.iter().find_map(|ending| Some((name.strip_suffix(ending)?, *ending)))?;
        let parts: Vec<&str> = stem.split('_').collect();
        let with_architecture = |parts: &[&str]| -> Option<Self> {
            let [package, version, architecture] = parts else { return None };
            Some(Self {
                format,
                package: package.parse().ok()?,
                version: version.parse().ok()?,
                architecture: Some(architecture.parse().ok().filter(is_one)?),
                component: None,
                compression: &ending[".tar".len()..],
            })
        };
        match format {
            CustomFormat::DebianInstaller => {
                with_architecture(&parts).filter(|name| name.package.as_str() == "debian-installer-images")
            }
            CustomFormat::DistUpgrader => {
                with_architecture(&parts).filter(|name| name.package.as_str() == "dist-upgrader")
            }
            CustomFormat::Uefi | CustomFormat::Signing | CustomFormat::MetaData => with_architecture(&parts),
            CustomFormat::RosettaTranslations => {
                with_architecture(parts.strip_suffix(&["translations"]).unwrap_or_default())
            }
            CustomFormat::StaticTranslations => with_architecture(
                parts
                    .strip_suffix(&["static", "translations"])
                    .or_else(|| parts.strip_suffix(&["translations"]))
                    .unwrap_or_default(),
            ),
            CustomFormat::DdtpTarball => {
                let [package @ "translations", component, version] = parts.as_slice() else { return None };
                Some(Self {
                    format,
                    package: package.parse().ok()?,
                    version: version.parse().ok()?,
                    architecture: None,
                    component: Some(component.parse().ok()?),
                    compression: &ending[".tar".len()..],
                })
            }
        }
    }

    /// Where it belongs in a suite whose folders of this kind are in `component`: the main one.
    #[must_use]
    pub fn place(&self, component: &ComponentName, is_ppa: bool) -> Place {
        let architecture = self.architecture.as_ref().map_or("all", ArchitectureTag::as_str);
        match self.format {
            CustomFormat::DebianInstaller => {
                Place::Versions { folder: format!("{component}/installer-{architecture}") }
            }
            CustomFormat::DistUpgrader => {
                Place::Versions { folder: format!("{component}/dist-upgrader-{architecture}") }
            }
            CustomFormat::Uefi | CustomFormat::Signing => {
                Place::Versions { folder: format!("{component}/signed/{}-{architecture}", self.package) }
            }
            CustomFormat::DdtpTarball => {
                let component = self.component.as_ref().unwrap_or(component);
                Place::Translations { folder: format!("{component}/i18n") }
            }
            // only PPAs have a place for it
            CustomFormat::MetaData if is_ppa => {
                Place::Beside { tree: "meta", folder: format!("{}-{architecture}", self.package) }
            }
            CustomFormat::MetaData | CustomFormat::RosettaTranslations | CustomFormat::StaticTranslations => {
                Place::Kept
            }
        }
    }

    /// Whether the tarball itself is published, not what is in it.
    #[must_use]
    pub const fn is_published_as_it_is(&self) -> bool {
        matches!(self.format, CustomFormat::MetaData)
    }
}

/// Whether it is the name of one architecture, or of all.
fn is_one(tag: &ArchitectureTag) -> bool {
    !tag.is_wildcard() && !tag.is_source()
}

const fn wanted(format: CustomFormat) -> &'static str {
    match format {
        CustomFormat::DebianInstaller => "debian-installer-images_VERSION_ARCHITECTURE.tar.gz",
        CustomFormat::DistUpgrader => "dist-upgrader_VERSION_ARCHITECTURE.tar.gz",
        CustomFormat::DdtpTarball => "translations_COMPONENT_VERSION.tar.gz",
        CustomFormat::Uefi | CustomFormat::Signing | CustomFormat::MetaData => {
            "PACKAGE_VERSION_ARCHITECTURE.tar.gz"
        }
        CustomFormat::RosettaTranslations => "PACKAGE_VERSION_ARCHITECTURE_translations.tar.gz",
        CustomFormat::StaticTranslations => "PACKAGE_VERSION_ARCHITECTURE_static_translations.tar.gz",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(format: CustomFormat, name: &str) -> String {
        let name = CustomName::parse(format, &name.parse().unwrap()).unwrap();
        match name.place(&"main".parse().unwrap(), true) {
            Place::Versions { folder } => format!("{folder}/{}", name.version),
            Place::Translations { folder } => folder,
            Place::Beside { tree, folder } => format!("{tree}: {folder}/{}", name.version),
            Place::Kept => "kept".to_owned(),
        }
    }

    #[test]
    fn every_kind_has_its_place() {
        use CustomFormat::{
            DdtpTarball, DebianInstaller, DistUpgrader, MetaData, RosettaTranslations, Signing,
            StaticTranslations, Uefi,
        };
        for (format, name, expected) in [
            (
                DebianInstaller,
                "debian-installer-images_20230607+deb12u1_amd64.tar.gz",
                "main/installer-amd64/20230607+deb12u1",
            ),
            (DistUpgrader, "dist-upgrader_22.04.10_all.tar.gz", "main/dist-upgrader-all/22.04.10"),
            (Signing, "shim_15.8-0~1_arm64.tar.xz", "main/signed/shim-arm64/15.8-0~1"),
            (Uefi, "grub2_2.12_amd64.tar.gz", "main/signed/grub2-amd64/2.12"),
            (DdtpTarball, "translations_universe_20240101.tar.gz", "universe/i18n"),
            (MetaData, "shop_1.0_all.tar.gz", "meta: shop-all/1.0"),
            (RosettaTranslations, "hello_2.10-3_amd64_translations.tar.gz", "kept"),
            (StaticTranslations, "hello_2.10-3_amd64_static_translations.tar.gz", "kept"),
        ] {
            assert_eq!(place(format, name), expected, "{name}");
        }
        let name = CustomName::parse(MetaData, &"shop_1.0_all.tar.gz".parse().unwrap()).unwrap();
        assert_eq!(name.place(&"main".parse().unwrap(), false), Place::Kept);
    }

    #[test]
    fn other_names_are_refused_with_how_they_should_be() {
        for (format, name) in [
            (CustomFormat::DebianInstaller, "debian-installer-images_20230607_amd64.zip"),
            (CustomFormat::DebianInstaller, "images_20230607_amd64.tar.gz"),
            (CustomFormat::DebianInstaller, "debian-installer-images_20230607.tar.gz"),
            (CustomFormat::DebianInstaller, "debian-installer-images_v1_amd64.tar.gz"),
            (CustomFormat::DistUpgrader, "dist-upgrader_1_source.tar.gz"),
            (CustomFormat::DistUpgrader, "dist-upgrader_1_linux-any.tar.gz"),
            (CustomFormat::DdtpTarball, "translations_main.tar.gz"),
            (CustomFormat::DdtpTarball, "translation_main_1.tar.gz"),
            (CustomFormat::Signing, "shim_15.8_amd64_extra.tar.gz"),
            (CustomFormat::RosettaTranslations, "hello_1_amd64.tar.gz"),
        ] {
            let error = CustomName::parse(format, &name.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("VERSION"), "{error}");
        }
    }
}
