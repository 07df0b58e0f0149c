//! Source packages: `.dsc` files, with or without a clear-signature (Debian Policy 5.4).
//!
//! Decides whether the file describes a source package: its names, its lists of files, and that these are the files
//! which its format consists of, named after its source and version. Opens none of them, and verifies no signature.

use std::collections::BTreeMap;

use super::clearsign::{self, ClearsignError};
use super::control::{self, ControlError};
use super::field::{self, FieldError};
use super::file_list::{self, Columns, FileListError};
pub use crate::domain::SourceFormat;
use crate::domain::{ArchitectureTag, BinaryName, DebVersion, FileName, Md5, Sha1, Sha256, SourceName};

/// The fields that a source package has to have.
pub const MANDATORY_FIELDS: [&str; 8] =
    ["Format", "Source", "Binary", "Architecture", "Version", "Maintainer", "Files", "Checksums-Sha256"];

/// A file that does not describe a source package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DscError {
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
    /// A file that has no place in such a package.
    #[error(
        "{name} has no place in a source package of format {format} that is called {source_name} {version}"
    )]
    Stranger {
        /// The file.
        name: FileName,
        /// The format of the package.
        format: SourceFormat,
        /// The source.
        source_name: SourceName,
        /// Its version.
        version: DebVersion,
    },
    /// Two files for one place.
    #[error("{first} and {second} are both the {part}; only one of them can be")]
    Rivals {
        /// One of them.
        first: FileName,
        /// The other.
        second: FileName,
        /// What both are.
        part: &'static str,
    },
    /// A place without a file.
    #[error("the {part} is missing, which a source package of format {format} must have; list {expected}")]
    MissingPart {
        /// What is missing.
        part: &'static str,
        /// The format of the package.
        format: SourceFormat,
        /// How it would be called.
        expected: String,
    },
    /// An upstream signature of a file that is not there.
    #[error("{name} is listed, but not the file that it signs")]
    SignatureAlone {
        /// The signature.
        name: FileName,
    },
    /// A native and an upstream tarball.
    #[error("{native} makes the package native, but {other} makes it one with an upstream; list one of them")]
    NativeAndNot {
        /// The tarball of the native package.
        native: FileName,
        /// The file of the other kind.
        other: FileName,
    },
}

/// A file of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name.
    pub name: FileName,
    /// How long it has to be, in bytes.
    pub size_bytes: u64,
    /// Its MD5 digest.
    pub md5: Md5,
    /// Its SHA-1 digest, where the package tells it.
    pub sha1: Option<Sha1>,
    /// Its SHA-256 digest.
    pub sha256: Sha256,
}

/// What a source package says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceControl {
    /// Its name.
    pub source: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// How it is packed.
    pub format: SourceFormat,
    /// The binary packages that it may build.
    pub binaries: Vec<BinaryName>,
    /// The architectures that it may be built for, wildcards included.
    pub architecture: Vec<ArchitectureTag>,
    /// Who looks after it, as it is written.
    pub maintainer: String,
    /// Its files, in the order of the field `Files`, without the `.dsc`.
    pub files: Vec<SourceFile>,
    /// Whether it was in a clear-signature. Says nothing of whether the signature is good.
    pub is_signed: bool,
    /// The text without signature: one well-formed paragraph.
    pub text: String,
}

impl SourceControl {
    /// Reads a `.dsc`.
    ///
    /// # Errors
    /// It does not describe a source package, or not one of the formats in [`SourceFormat`].
    pub fn parse(bytes: &[u8]) -> Result<Self, DscError> {
        let unwrapped = clearsign::unwrap(control::text(bytes)?)?;
        let paragraph = control::single_paragraph_from(&unwrapped.text, unwrapped.lines_before + 1)?;
        field::require(&paragraph, &MANDATORY_FIELDS)?;

        let format = field::required(&paragraph, "Format")?;
        let format = format.value.parse().map_err(|_| {
            const KNOWN: &str = "\"1.0\", \"3.0 (native)\" or \"3.0 (quilt)\"";
            FieldError::unexpected("Format", format.line, format.value, KNOWN)
        })?;
        let source: SourceName = field::required_word(&paragraph, "Source")?;
        let version: DebVersion = field::required_word(&paragraph, "Version")?;
        let binaries = field::words(&paragraph, "Binary", &[','])?;
        let architecture = field::words(&paragraph, "Architecture", &[])?;
        let maintainer = field::required_line(&paragraph, "Maintainer")?.to_owned();
        let files: Vec<SourceFile> = file_list::read(&paragraph, Columns::Plain)?
            .into_iter()
            .map(|file| SourceFile {
                name: file.name,
                size_bytes: file.size_bytes,
                md5: file.md5,
                sha1: file.sha1,
                sha256: file.sha256,
            })
            .collect();
        check_parts(format, &source, &version, files.iter().map(|file| &file.name))?;
        let is_signed = unwrapped.signature.is_some();
        let text = unwrapped.text.into_owned();
        Ok(Self { source, version, format, binaries, architecture, maintainer, files, is_signed, text })
    }

    /// Names and raw values in order; takes no memory.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        control::pairs(&self.text)
    }
}

/// The places that files have in a source package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Native,
    Upstream,
    UpstreamSignature,
    Component(String),
    ComponentSignature(String),
    Diff,
    Debian,
}

impl Part {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Native => "tarball",
            Self::Upstream => "upstream tarball",
            Self::UpstreamSignature => "signature of the upstream tarball",
            Self::Component(_) => "tarball of this component",
            Self::ComponentSignature(_) => "signature of the tarball of this component",
            Self::Diff => "diff",
            Self::Debian => "tarball of the debian folder",
        }
    }
}

/// Refuses a set of files that does not make a package of the format, by dpkg-source's rules.
fn check_parts<'f>(
    format: SourceFormat,
    source: &SourceName,
    version: &DebVersion,
    names: impl Iterator<Item = &'f FileName>,
) -> Result<(), DscError> {
    let full = format!("{source}_{}", version.without_epoch());
    let upstream = format!("{source}_{}", version.upstream());
    let mut parts: BTreeMap<Part, &FileName> = BTreeMap::new();
    for name in names {
        let part = part(format, &full, &upstream, name.as_str()).ok_or_else(|| DscError::Stranger {
            name: name.clone(),
            format,
            source_name: source.clone(),
            version: version.clone(),
        })?;
        let what = part.as_str();
        if let Some(first) = parts.insert(part, name) {
            return Err(DscError::Rivals { first: first.clone(), second: name.clone(), part: what });
        }
    }
    let need = |part: Part, expected: String| {
        let missing = DscError::MissingPart { part: part.as_str(), format, expected };
        if parts.contains_key(&part) { Ok(()) } else { Err(missing) }
    };
    match format {
        SourceFormat::Native => need(Part::Native, format!("{full}.tar.xz"))?,
        SourceFormat::Quilt => {
            need(Part::Upstream, format!("{upstream}.orig.tar.xz"))?;
            need(Part::Debian, format!("{full}.debian.tar.xz"))?;
        }
        SourceFormat::V1 => match parts.get(&Part::Native) {
            Some(native) => {
                if let Some(other) = parts.iter().find(|(part, _)| **part != Part::Native) {
                    return Err(DscError::NativeAndNot {
                        native: (*native).clone(),
                        other: (*other.1).clone(),
                    });
                }
            }
            None => {
                need(Part::Upstream, format!("{upstream}.orig.tar.gz"))?;
                need(Part::Diff, format!("{full}.diff.gz"))?;
            }
        },
    }
    for (part, name) in &parts {
        if let Part::ComponentSignature(component) = part
            && !parts.contains_key(&Part::Component(component.clone()))
        {
            return Err(DscError::SignatureAlone { name: (*name).clone() });
        }
    }
    Ok(())
}

/// The place of a file, by its name.
fn part(format: SourceFormat, full: &str, upstream: &str, name: &str) -> Option<Part> {
    let of_full = name.strip_prefix(full);
    let of_upstream = name.strip_prefix(upstream);
    match format {
        SourceFormat::Native => of_full.filter(|rest| is_tar(rest, ".tar")).map(|_| Part::Native),
        SourceFormat::V1 => match (of_full, of_upstream) {
            (_, Some(".orig.tar.gz")) => Some(Part::Upstream),
            (_, Some(".orig.tar.gz.asc")) => Some(Part::UpstreamSignature),
            (Some(".tar.gz"), _) => Some(Part::Native),
            (Some(".diff.gz"), _) => Some(Part::Diff),
            _ => None,
        },
        SourceFormat::Quilt => {
            if of_full.is_some_and(|rest| is_tar(rest, ".debian.tar")) {
                return Some(Part::Debian);
            }
            let rest = of_upstream?;
            let (tarball, is_signature) =
                rest.strip_suffix(".asc").map_or((rest, false), |rest| (rest, true));
            if is_tar(tarball, ".orig.tar") {
                return Some(if is_signature { Part::UpstreamSignature } else { Part::Upstream });
            }
            let (component, ending) = tarball.strip_prefix(".orig-")?.split_once('.')?;
            let is_component = !component.is_empty()
                && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !is_component || !ending.strip_prefix("tar").is_some_and(is_compression) {
                return None;
            }
            let component = component.to_owned();
            Some(if is_signature { Part::ComponentSignature(component) } else { Part::Component(component) })
        }
    }
}

fn is_tar(rest: &str, stem: &str) -> bool {
    rest.strip_prefix(stem).is_some_and(is_compression)
}

/// The compressions that dpkg-source knows.
fn is_compression(ending: &str) -> bool {
    matches!(ending, ".gz" | ".bz2" | ".xz" | ".lzma")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(format: SourceFormat, version: &str, names: &[&str]) -> Result<(), String> {
        let names: Vec<FileName> = names.iter().map(|name| name.parse().unwrap()).collect();
        check_parts(format, &"hello".parse().unwrap(), &version.parse().unwrap(), names.iter())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn knows_the_files_of_each_format() {
        use SourceFormat::*;
        for (format, version, names) in [
            (Native, "1:2", &["hello_2.tar.xz"][..]),
            (Native, "2-1", &["hello_2-1.tar.bz2"]),
            (V1, "2", &["hello_2.tar.gz"]),
            (V1, "2-1", &["hello_2.orig.tar.gz", "hello_2-1.diff.gz", "hello_2.orig.tar.gz.asc"]),
            (Quilt, "1:2-1", &["hello_2.orig.tar.gz", "hello_2-1.debian.tar.lzma"]),
            (
                Quilt,
                "2-1",
                &[
                    "hello_2-1.debian.tar.xz",
                    "hello_2.orig-data-x.tar.gz.asc",
                    "hello_2.orig-data-x.tar.gz",
                    "hello_2.orig-more.tar.xz",
                    "hello_2.orig.tar.bz2.asc",
                    "hello_2.orig.tar.bz2",
                ],
            ),
        ] {
            assert_eq!(parts(format, version, names), Ok(()), "{format} {names:?}");
        }
    }

    #[test]
    fn refuses_other_sets() {
        use SourceFormat::*;
        for (format, version, names, message) in [
            (
                Native,
                "2",
                &[][..],
                "the tarball is missing, which a source package of format 3.0 (native) must have; list hello_2.tar.xz",
            ),
            (
                Native,
                "2",
                &["hello_2.tar.xz", "hello_2.tar.gz"],
                "hello_2.tar.xz and hello_2.tar.gz are both the tarball; only one of them can be",
            ),
            (
                Native,
                "2",
                &["hello_2.tar.zip"],
                "hello_2.tar.zip has no place in a source package of format 3.0 (native) that is called hello 2",
            ),
            (Native, "1:2", &["hello_1:2.tar.gz"], "hello_1:2.tar.gz has no place"),
            (Native, "2", &["hello_2.orig.tar.gz"], "hello_2.orig.tar.gz has no place"),
            (Quilt, "2-1", &["hello_2.orig.tar.gz"], "the tarball of the debian folder is missing"),
            (Quilt, "2-1", &["hello_2-1.debian.tar.xz"], "the upstream tarball is missing"),
            (
                Quilt,
                "2-1",
                &["hello_2.orig.tar.gz", "hello_2.orig.tar.xz"],
                "hello_2.orig.tar.gz and hello_2.orig.tar.xz are both the upstream tarball",
            ),
            (Quilt, "2-1", &["hello_3.orig.tar.gz"], "hello_3.orig.tar.gz has no place"),
            (Quilt, "2-1", &["hello_2-2.debian.tar.xz"], "hello_2-2.debian.tar.xz has no place"),
            (Quilt, "2-1", &["hello_2-1.diff.gz"], "hello_2-1.diff.gz has no place"),
            (Quilt, "2-1", &["hello_2.orig-.tar.gz"], "hello_2.orig-.tar.gz has no place"),
            (Quilt, "2-1", &["hello_2.orig-a.b.tar.gz"], "hello_2.orig-a.b.tar.gz has no place"),
            (
                Quilt,
                "2-1",
                &["hello_2.orig.tar.gz", "hello_2-1.debian.tar.xz", "hello_2.orig-a.tar.gz.asc"],
                "hello_2.orig-a.tar.gz.asc is listed, but not the file that it signs",
            ),
            (Quilt, "2-1", &["other_2.orig.tar.gz"], "other_2.orig.tar.gz has no place"),
            (V1, "2-1", &["hello_2.orig.tar.gz"], "the diff is missing"),
            (V1, "2-1", &["hello_2-1.diff.gz"], "the upstream tarball is missing"),
            (V1, "2-1", &["hello_2.orig.tar.xz"], "hello_2.orig.tar.xz has no place"),
            (
                V1,
                "2",
                &["hello_2.tar.gz", "hello_2.diff.gz"],
                "hello_2.tar.gz makes the package native, but hello_2.diff.gz makes it one with an upstream",
            ),
        ] {
            let refusal = parts(format, version, names).unwrap_err();
            assert!(refusal.starts_with(message), "{refusal}");
        }
    }

    #[test]
    fn refuses_unknown_formats_and_missing_fields() {
        let dsc = "Format: 3.0 (git)\nSource: hello\nBinary: hello\nArchitecture: any\nVersion: 1\n\
            Maintainer: A <a@example.org>\nFiles:\n x\nChecksums-Sha256:\n x\n";
        assert_eq!(
            SourceControl::parse(dsc.as_bytes()).unwrap_err().to_string(),
            "line 1: the field Format is \"3.0 (git)\", but must be \"1.0\", \"3.0 (native)\" or \"3.0 (quilt)\""
        );
        for field in MANDATORY_FIELDS {
            let without = dsc.replace(&format!("{field}:"), "X-Other:");
            assert_eq!(
                SourceControl::parse(without.as_bytes()).unwrap_err(),
                DscError::Field(FieldError::Missing { field })
            );
        }
        // Lines are counted in the file, not in the text without armour.
        let signed = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{dsc}-----BEGIN PGP SIGNATURE-----\n\n\
             -----END PGP SIGNATURE-----\n"
        );
        assert!(SourceControl::parse(signed.as_bytes()).unwrap_err().to_string().starts_with("line 4: "));
    }

    const HELLO: &str = "Format: 3.0 (native)\nSource: hello\nBinary: hello, hello-doc\nArchitecture: any all\n\
        Version: 1:2\nMaintainer: A <a@example.org>\nFiles:\n 900150983cd24fb0d6963f7d28e17f72 3 hello_2.tar.xz\n\
        Checksums-Sha256:\n ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 hello_2.tar.xz\n";

    proptest! {
        #[test]
        fn changed_sources_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = HELLO.as_bytes().to_vec();
            prop_assert!(SourceControl::parse(&bytes).is_ok());
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(source) = SourceControl::parse(bytes) {
                    prop_assert!(source.pairs().count() >= MANDATORY_FIELDS.len());
                }
            }
        }
    }
}
