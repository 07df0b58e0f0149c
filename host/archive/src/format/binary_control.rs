//! What the control file of a binary package says (Debian Policy 5.3).
//!
//! Decides that the fields by which the archive files a package are there and well formed. Relations to other packages
//! are looked into by [`super::relations`]; who renders an index takes them from the text.

use super::control::{self, ControlError, Paragraph};
use super::field::{self, FieldError};
use crate::domain::plain::shown;
use crate::domain::{
    ArchitectureTag, BinaryName, DebVersion, FileName, PackagePriority, Section, SourceName,
};

/// The fields that a binary package has to have. dpkg only warns where `Maintainer` or `Description` is missing; an
/// archive shows both to people.
pub const MANDATORY_FIELDS: [&str; 5] = ["Package", "Version", "Architecture", "Maintainer", "Description"];

/// A control file that does not describe a binary package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinaryControlError {
    /// The text is no control file.
    #[error("the control file cannot be read")]
    Control(#[source] ControlError),
    /// A field is missing or malformed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The kind of package in the field is not that of the file's name.
    #[error(
        "Package-Type is {field}, but the name of the file ends in .{package_type}; rename the file or build it again"
    )]
    PackageType {
        /// What the field says, quoted.
        field: String,
        /// What the name says.
        package_type: PackageType,
    },
}

/// The kinds of binary packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageType {
    /// A package for the installed system.
    Deb,
    /// A package for the installer.
    Udeb,
    /// A package of debug symbols.
    Ddeb,
}

impl PackageType {
    /// The kind that the name of a file tells, none where it is no binary package.
    #[must_use]
    pub fn of_file_name(name: &FileName) -> Option<Self> {
        [Self::Deb, Self::Udeb, Self::Ddeb].into_iter().find(|kind| name.extension() == Some(kind.as_str()))
    }

    /// The ending of the file names, and the value of `Package-Type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Udeb => "udeb",
            Self::Ddeb => "ddeb",
        }
    }
}

impl std::fmt::Display for PackageType {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What a binary package says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryControl {
    /// Its name.
    pub package: BinaryName,
    /// Its version.
    pub version: DebVersion,
    /// The architecture that it is for, or `all`.
    pub architecture: ArchitectureTag,
    /// The source that it was built from; its own name where it does not say.
    pub source: SourceName,
    /// The version of that source; its own where it does not say.
    pub source_version: DebVersion,
    /// Where it is filed.
    pub section: Option<Section>,
    /// How much it is wanted.
    pub priority: Option<PackagePriority>,
    /// Who looks after it, as it is written.
    pub maintainer: String,
    /// Whether the system does not work without it.
    pub essential: bool,
    /// Which kind of package it is.
    pub package_type: PackageType,
    /// The sources of which it contains parts, as they are written.
    pub built_using: Option<String>,
    /// The sources that were linked into it, as they are written.
    pub static_built_using: Option<String>,
}

impl BinaryControl {
    /// Reads the control file of a package whose name tells of `package_type`.
    ///
    /// # Errors
    /// The text is no control file, a mandatory field is missing, a field is malformed, or the package is of
    /// another kind.
    pub fn parse(text: &str, package_type: PackageType) -> Result<Self, BinaryControlError> {
        let paragraph = control::single_paragraph(text).map_err(BinaryControlError::Control)?;
        field::require(&paragraph, &MANDATORY_FIELDS)?;

        // Udebs, and deb packages mostly, do not have the field; where it is, it has to be right.
        if let Some(said) = field::optional(&paragraph, "Package-Type").map(|found| found.value)
            && said != package_type.as_str()
        {
            return Err(BinaryControlError::PackageType { field: shown(said), package_type });
        }
        let package: BinaryName = field::required_word(&paragraph, "Package")?;
        let version: DebVersion = field::required_word(&paragraph, "Version")?;
        let (source, source_version) =
            field::source(&paragraph)?.unwrap_or_else(|| (SourceName::from(&package), None));
        Ok(Self {
            source,
            source_version: source_version.unwrap_or_else(|| version.clone()),
            package,
            version,
            architecture: architecture(&paragraph)?,
            section: field::optional_word(&paragraph, "Section")?,
            priority: field::optional_word(&paragraph, "Priority")?,
            maintainer: field::required_line(&paragraph, "Maintainer")?.to_owned(),
            essential: yes_or_no(&paragraph, "Essential")?,
            package_type,
            built_using: raw(&paragraph, "Built-Using"),
            static_built_using: raw(&paragraph, "Static-Built-Using"),
        })
    }
}

/// A package that was built has one architecture, or `all`.
fn architecture(paragraph: &Paragraph<'_>) -> Result<ArchitectureTag, FieldError> {
    const FIELD: &str = "Architecture";
    let found = field::required(paragraph, FIELD)?;
    let tag: ArchitectureTag = field::required_word(paragraph, FIELD)?;
    if tag.is_source() || tag.is_wildcard() {
        return Err(FieldError::unexpected(FIELD, found.line, found.value, "one architecture or \"all\""));
    }
    Ok(tag)
}

fn yes_or_no(paragraph: &Paragraph<'_>, name: &'static str) -> Result<bool, FieldError> {
    match field::optional(paragraph, name) {
        None => Ok(false),
        Some(found) => match found.value {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(FieldError::unexpected(name, found.line, other, "\"yes\" or \"no\"")),
        },
    }
}

fn raw(paragraph: &Paragraph<'_>, name: &'static str) -> Option<String> {
    field::optional(paragraph, name).map(|found| found.value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "Package: hello\nVersion: 2.10-3+b1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
        Description: greets\n and greets\n";

    fn parse(text: &str) -> Result<BinaryControl, BinaryControlError> {
        BinaryControl::parse(text, PackageType::Deb)
    }

    fn refusal(text: &str) -> String {
        let error = parse(text).unwrap_err();
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{error}{cause}")
    }

    #[test]
    fn the_source_defaults_to_the_package() {
        let hello = parse(HELLO).unwrap();
        assert_eq!((hello.source.as_str(), hello.source_version.as_str()), ("hello", "2.10-3+b1"));
        assert_eq!((hello.section, hello.priority, hello.essential), (None, None, false));
        let named = parse(&format!("{HELLO}Source: hi (2.10-3)\n")).unwrap();
        assert_eq!((named.source.as_str(), named.source_version.as_str()), ("hi", "2.10-3"));
        let named = parse(&format!("{HELLO}Source: hi\n")).unwrap();
        assert_eq!((named.source.as_str(), named.source_version.as_str()), ("hi", "2.10-3+b1"));
    }

    #[test]
    fn reads_the_optional_fields() {
        let text = format!(
            "{HELLO}Section: non-free/misc\nPriority: extra\nEssential: yes\nBuilt-Using: a (= 1),\n b (= 2)\n\
             Static-Built-Using: c (= 3)\nPackage-Type: deb\n"
        );
        let hello = parse(&text).unwrap();
        assert_eq!(hello.section.unwrap().without_component(), "misc");
        assert!(hello.priority.unwrap().is_known() && hello.essential);
        assert_eq!(hello.built_using.as_deref(), Some("a (= 1),\n b (= 2)"));
        assert_eq!(hello.static_built_using.as_deref(), Some("c (= 3)"));
    }

    #[test]
    fn refuses_what_cannot_be_filed() {
        for field in MANDATORY_FIELDS {
            let without: String =
                HELLO.split_inclusive('\n').filter(|line| !line.starts_with(field)).collect();
            let without = without.replace(" and greets\n", "");
            assert_eq!(refusal(&without), format!("the field {field} is missing; add it"));
        }
        assert_eq!(refusal(&HELLO.replace(" hello\n", "\n")), "line 1: the field Package is empty");
        for (from, to, message) in [
            (
                "hello",
                "He",
                "line 1: the field Package cannot be used: \"He\" is no binary package name: 'H' is not allowed in it",
            ),
            (
                "amd64",
                "any",
                "line 3: the field Architecture is \"any\", but must be one architecture or \"all\"",
            ),
            (
                "amd64",
                "source",
                "line 3: the field Architecture is \"source\", but must be one architecture or \"all\"",
            ),
            (
                "amd64",
                "amd64 i386",
                "line 3: the field Architecture cannot be used: \"amd64 i386\" is no architecture: ' ' is not allowed in it",
            ),
            ("A <a@example.org>", "A\n <b>", "line 4: the field Maintainer must have its value on one line"),
            (
                "Description",
                "Essential: maybe\nDescription",
                "line 5: the field Essential is \"maybe\", but must be \"yes\" or \"no\"",
            ),
            ("Description", "Source: x\nDescription", "line 5: the field Source cannot be used"),
            (
                "Description",
                "Package-Type: udeb\nDescription",
                "Package-Type is \"udeb\", but the name of the file ends in .deb; rename the file or build it again",
            ),
            (
                "Description",
                "package: again\nDescription",
                "the control file cannot be read: line 5: the field package is there twice",
            ),
        ] {
            let message_found = refusal(&HELLO.replacen(from, to, 1));
            assert!(message_found.starts_with(message), "{message_found}");
        }
    }

    #[test]
    fn the_name_of_the_file_tells_the_kind() {
        let kind = |name: &str| PackageType::of_file_name(&name.parse().unwrap());
        assert_eq!(kind("a_1_all.deb"), Some(PackageType::Deb));
        assert_eq!(kind("a_1_all.udeb"), Some(PackageType::Udeb));
        assert_eq!(kind("a_1_all.ddeb"), Some(PackageType::Ddeb));
        assert_eq!(kind("a_1.dsc"), None);
        assert_eq!(kind("deb"), None);
    }
}
