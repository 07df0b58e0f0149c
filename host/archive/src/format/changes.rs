//! Uploads: `.changes` files, with or without a clear-signature (Debian Policy 5.5).
//!
//! Decides whether the file describes an upload: what is in it, for which suite, which files. Whether the upload is
//! allowed there, and whether the files are what it says, is asked elsewhere. Verifies no signature.

use super::clearsign::{self, ClearsignError};
use super::control::{self, ControlError, Paragraph};
use super::field::{self, FieldError};
use super::file_list::{self, Columns, FileListError};
use crate::domain::{
    ArchitectureTag, BinaryName, DebVersion, FileName, Md5, PackagePriority, Section, Sha1, Sha256,
    SourceName,
};

/// The fields that an upload has to have.
pub const MANDATORY_FIELDS: [&str; 9] = [
    "Format",
    "Source",
    "Architecture",
    "Version",
    "Distribution",
    "Maintainer",
    "Changes",
    "Files",
    "Checksums-Sha256",
];

/// A file that does not describe an upload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangesError {
    /// The clear-signature is malformed.
    #[error("the signed text cannot be found")]
    Clearsign(#[from] ClearsignError),
    /// The text is no control file.
    #[error("the text cannot be read")]
    Control(#[from] ControlError),
    /// A field is missing or malformed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The lists of files are malformed or disagree.
    #[error(transparent)]
    Files(#[from] FileListError),
}

/// A file of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesFile {
    /// Its name.
    pub name: FileName,
    /// How long it has to be, in bytes.
    pub size_bytes: u64,
    /// Where the uploader would file it; none where there is a dash.
    pub section: Option<Section>,
    /// How much the uploader thinks it is wanted; none where there is a dash.
    pub priority: Option<PackagePriority>,
    /// Its MD5 digest.
    pub md5: Md5,
    /// Its SHA-1 digest, where the upload tells it.
    pub sha1: Option<Sha1>,
    /// Its SHA-256 digest.
    pub sha256: Sha256,
}

/// How much an upload hurries (Debian Policy 5.6.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `critical`
    Critical,
    /// `emergency`
    Emergency,
}

/// What an upload says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The source package that it is about.
    pub source: SourceName,
    /// The version of that source, which differs from the upload's in rebuilds of its binaries.
    pub source_version: DebVersion,
    /// The version of the upload.
    pub version: DebVersion,
    /// The binary packages in it; none in an upload of source alone.
    pub binaries: Vec<BinaryName>,
    /// The architectures of its files, with `source` and `all`.
    pub architecture: Vec<ArchitectureTag>,
    /// The suite that it is meant for, as it is written; one word.
    pub distribution: String,
    /// How much it hurries; none where the word is missing or not policy's.
    pub urgency: Option<Urgency>,
    /// Who looks after the package, as it is written.
    pub maintainer: String,
    /// Who prepared this version, as it is written.
    pub changed_by: Option<String>,
    /// The changelog of this version, raw: see [`control::unfolded`].
    pub changes: String,
    /// The bugs that it closes.
    pub closes: Vec<u64>,
    /// The bugs of Launchpad that it closes.
    pub launchpad_bugs_fixed: Vec<u64>,
    /// Its files, in the order of the field `Files`.
    pub files: Vec<ChangesFile>,
    /// Whether it was in a clear-signature. Says nothing of whether the signature is good.
    pub is_signed: bool,
    /// The text without signature, which is what may be stored and mailed: with it, anybody could upload again.
    pub text: String,
}

impl Changes {
    /// Reads a `.changes`.
    ///
    /// # Errors
    /// It does not describe an upload.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChangesError> {
        let unwrapped = clearsign::unwrap(control::text(bytes)?)?;
        let paragraph = control::single_paragraph_from(&unwrapped.text, unwrapped.lines_before + 1)?;
        field::require(&paragraph, &MANDATORY_FIELDS)?;
        check_format(&paragraph)?;

        let version: DebVersion = field::required_word(&paragraph, "Version")?;
        let (source, source_version) =
            field::source(&paragraph)?.ok_or(FieldError::Missing { field: "Source" })?;
        let files = file_list::read(&paragraph, Columns::WithSection)?
            .into_iter()
            .map(|file| ChangesFile {
                name: file.name,
                size_bytes: file.size_bytes,
                section: file.section,
                priority: file.priority,
                md5: file.md5,
                sha1: file.sha1,
                sha256: file.sha256,
            })
            .collect();
        Ok(Self {
            source,
            source_version: source_version.unwrap_or_else(|| version.clone()),
            version,
            binaries: field::words(&paragraph, "Binary", &[])?,
            architecture: field::words(&paragraph, "Architecture", &[])?,
            distribution: distribution(&paragraph)?,
            urgency: field::optional(&paragraph, "Urgency").and_then(|found| urgency(found.value)),
            maintainer: field::required_line(&paragraph, "Maintainer")?.to_owned(),
            changed_by: field::optional_line(&paragraph, "Changed-By")?.map(ToOwned::to_owned),
            changes: field::required(&paragraph, "Changes")?.value.to_owned(),
            closes: bugs(&paragraph, "Closes")?,
            launchpad_bugs_fixed: bugs(&paragraph, "Launchpad-Bugs-Fixed")?,
            files,
            is_signed: unwrapped.signature.is_some(),
            text: unwrapped.text.into_owned(),
        })
    }

    /// Whether there is a source package in the upload.
    #[must_use]
    pub fn has_source(&self) -> bool {
        self.architecture.iter().any(ArchitectureTag::is_source)
    }

    /// Names and raw values in order; takes no memory.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        control::pairs(&self.text)
    }
}

/// Formats 1.5 to 2.0 differ in nothing that is read here.
fn check_format(paragraph: &Paragraph<'_>) -> Result<(), FieldError> {
    let found = field::required(paragraph, "Format")?;
    match found.value {
        "1.5" | "1.6" | "1.7" | "1.8" | "1.9" | "2.0" => Ok(()),
        other => {
            Err(FieldError::unexpected("Format", found.line, other, "1.5 to 2.0; dpkg-genchanges writes 1.8"))
        }
    }
}

fn distribution(paragraph: &Paragraph<'_>) -> Result<String, FieldError> {
    let found = field::required(paragraph, "Distribution")?;
    if found.value.contains(|c: char| c.is_whitespace()) {
        let expected = "one suite; make one upload for each";
        return Err(FieldError::unexpected("Distribution", found.line, found.value, expected));
    }
    Ok(found.value.to_owned())
}

/// The first word counts; a comment may follow (Policy 5.6.17).
fn urgency(value: &str) -> Option<Urgency> {
    let word = value.split(|c: char| !c.is_ascii_alphabetic()).next()?;
    match word.to_ascii_lowercase().as_str() {
        "low" => Some(Urgency::Low),
        "medium" => Some(Urgency::Medium),
        "high" => Some(Urgency::High),
        "critical" => Some(Urgency::Critical),
        "emergency" => Some(Urgency::Emergency),
        _ => None,
    }
}

fn bugs(paragraph: &Paragraph<'_>, name: &'static str) -> Result<Vec<u64>, FieldError> {
    let Some(found) = field::optional(paragraph, name) else { return Ok(Vec::new()) };
    let number =
        |word: &str| word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten();
    found
        .value
        .split_ascii_whitespace()
        .map(|word| {
            number(word).ok_or_else(|| {
                FieldError::unexpected(name, found.line, found.value, "numbers of bugs, with blanks between")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn hello() -> String {
        format!(
            "Format: 1.8\nDate: Mon, 01 Jan 2024 00:00:00 +0000\nSource: hello (2.10-3)\nBinary: hello\n hello-doc\n\
             Architecture: source amd64 all\nVersion: 2.10-3+b1\nDistribution: noble-proposed\nUrgency: medium\n\
             Maintainer: A <a@example.org>\nChanged-By: B <b@example.org>\nCloses: 12 34\n\
             Launchpad-Bugs-Fixed: 56\nChanges:\n hello (2.10-3) noble-proposed; urgency=medium\n .\n   * Hi.\n\
             Checksums-Sha256:\n {SHA256} 3 hello_2.10-3.dsc\n {SHA256} 3 hello.deb\n\
             Files:\n {MD5} 3 devel optional hello_2.10-3.dsc\n {MD5} 3 - - hello.deb\n"
        )
    }

    #[test]
    fn reads_an_upload() {
        let upload = Changes::parse(hello().as_bytes()).unwrap();
        assert_eq!((upload.source.as_str(), upload.source_version.as_str()), ("hello", "2.10-3"));
        assert_eq!(upload.version.as_str(), "2.10-3+b1");
        assert_eq!(upload.binaries.len(), 2);
        assert!(upload.has_source() && !upload.is_signed);
        assert_eq!(upload.distribution, "noble-proposed");
        assert_eq!(upload.urgency, Some(Urgency::Medium));
        assert_eq!(upload.changed_by.as_deref(), Some("B <b@example.org>"));
        assert_eq!((&upload.closes[..], &upload.launchpad_bugs_fixed[..]), (&[12, 34][..], &[56][..]));
        assert!(control::unfolded(&upload.changes).ends_with("medium\n\n  * Hi."));
        assert_eq!(upload.files[0].section.as_ref().map(Section::as_str), Some("devel"));
        assert_eq!(upload.files[1].section, None);
        assert_eq!(upload.pairs().count(), 15);
    }

    #[test]
    fn an_upload_of_source_alone_has_no_binaries() {
        let text = hello().replace("Binary: hello\n hello-doc\n", "").replace("Changed-By", "X-By");
        let upload = Changes::parse(text.as_bytes()).unwrap();
        assert!(upload.binaries.is_empty() && upload.changed_by.is_none());
    }

    #[test]
    fn urgencies_are_words_of_policy() {
        assert_eq!(urgency("HIGH (security fix)"), Some(Urgency::High));
        assert_eq!(urgency("low;x=y"), Some(Urgency::Low));
        assert_eq!(urgency("soon"), None);
        assert_eq!(urgency(""), None);
    }

    #[test]
    fn refuses_what_is_no_upload() {
        for field in MANDATORY_FIELDS {
            let without = hello().replace(&format!("\n{field}:"), "\nX-Other:");
            let without =
                without.strip_prefix(&format!("{field}: ")).map_or(without.clone(), |x| format!("X: {x}"));
            let error = Changes::parse(without.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("the field {field} is missing; add it"));
        }
        for (from, to, message) in [
            (
                "1.8",
                "3.0",
                "line 1: the field Format is \"3.0\", but must be 1.5 to 2.0; dpkg-genchanges writes 1.8",
            ),
            (
                "noble-proposed\nU",
                "noble jammy\nU",
                "line 8: the field Distribution is \"noble jammy\", but must be one suite; make one upload for each",
            ),
            (
                "12 34",
                "12, 34",
                "line 12: the field Closes is \"12, 34\", but must be numbers of bugs, with blanks between",
            ),
            ("12 34", "#12", "line 12: the field Closes is"),
            ("(2.10-3)\nB", "2.10-3\nB", "line 3: the field Source cannot be used"),
            ("hello-doc", "He", "line 4: the field Binary cannot be used"),
            ("A <a@", "A\n <a@", "line 10: the field Maintainer must have its value on one line"),
            ("B <b@", "B\n <b@", "line 11: the field Changed-By must have its value on one line"),
            ("devel optional ", "", "line 22: a line of Files must be \"digest size section priority name\""),
            ("devel", "../etc", "line 22: the field Files cannot be used"),
        ] {
            let error = Changes::parse(hello().replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }

    proptest! {
        #[test]
        fn changed_uploads_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = hello().into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(upload) = Changes::parse(bytes) {
                    // What was accepted can be written and read again.
                    let mut written = String::new();
                    control::write_paragraph(&mut written, upload.pairs()).unwrap();
                    let again = Changes::parse(written.as_bytes()).unwrap();
                    prop_assert_eq!(Changes { text: upload.text.clone(), ..again }, upload);
                }
            }
        }
    }
}
