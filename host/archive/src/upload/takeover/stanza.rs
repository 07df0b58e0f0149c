//! What an index says of a package: where its files are, how it is filed, and what the archive has added to its own words.
//!
//! A stanza counts when its package can be found and verified by it. Whether the package is what the stanza says is asked when it is there.

use super::index::{Binary, Part, Source};
use super::repository::RepositoryPath;
use crate::domain::digest::Sha256;
use crate::domain::name::{ArchitectureTag, BinaryName, FileName, SourceName};
use crate::domain::plain::shown;
use crate::domain::{DebVersion, ExtraField, ExtraFieldError, ExtraFieldName};
use crate::format::control::{self, Paragraph};
use crate::format::{PackageType, field, relations};

/// A stanza that cannot be used: which package it is of, as far as it says so, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) package: String,
    pub(super) reason: String,
}

/// The stanzas of an index, each by itself: one that is bad is no harm to the others.
pub(super) fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            if rest.is_empty() {
                return None;
            }
            if rest.starts_with(b"\n") {
                continue;
            }
            let end = rest.windows(2).position(|pair| pair == b"\n\n").map_or(rest.len(), |at| at + 1);
            let (stanza, after) = rest.split_at(end);
            rest = after;
            return Some(stanza);
        }
    })
}

/// The name that a stanza has, read without looking at the rest of it.
pub(super) fn name(stanza: &[u8]) -> Option<&str> {
    let lines = stanza.split(|byte| *byte == b'\n');
    let value = lines.filter_map(|line| line.strip_prefix(b"Package:")).next()?;
    std::str::from_utf8(value).ok().map(str::trim)
}

fn paragraph_of<'a, T>(
    stanza: &'a [u8],
    read: impl FnOnce(&'a str, &Paragraph<'a>) -> Result<T, String>,
) -> Result<T, Unusable> {
    let unknown = |reason: String| Unusable { package: "a stanza without a name".to_owned(), reason };
    let text = control::text(stanza).map_err(|error| unknown(error.to_string()))?;
    let paragraph = control::single_paragraph(text).map_err(|error| {
        let name = text.lines().find_map(|line| line.strip_prefix("Package:")).map(|name| shown(name.trim()));
        Unusable {
            package: name.unwrap_or_else(|| "a stanza without a name".to_owned()),
            reason: error.to_string(),
        }
    })?;
    read(text, &paragraph).map_err(|reason| {
        let word = |name: &str| paragraph.get(name).map(|value| value.chars().take(200).collect::<String>());
        let words: Vec<String> =
            ["Package", "Version", "Architecture"].into_iter().filter_map(word).collect();
        let package = words.join(" ").replace('\n', " ").chars().flat_map(char::escape_debug).collect();
        Unusable { package, reason }
    })
}

fn said(error: &dyn std::error::Error) -> String {
    crate::domain::chain(error)
}

/// Reads a stanza of a Packages file.
pub(super) fn binary(stanza: &[u8]) -> Result<Binary, Unusable> {
    paragraph_of(stanza, |text, paragraph| {
        let name: BinaryName = field::required_word(paragraph, "Package").map_err(|error| said(&error))?;
        let version: DebVersion = field::required_word(paragraph, "Version").map_err(|error| said(&error))?;
        let architecture: ArchitectureTag =
            field::required_word(paragraph, "Architecture").map_err(|error| said(&error))?;
        if architecture.is_source() || architecture.is_wildcard() {
            return Err(format!("a package cannot be for {architecture}"));
        }
        let (source, source_version) = field::source(paragraph)
            .map_err(|error| said(&error))?
            .unwrap_or_else(|| (SourceName::from(&name), None));
        let path: RepositoryPath = field::required_line(paragraph, "Filename")
            .map_err(|error| said(&error))?
            .parse()
            .map_err(|error: super::repository::PathError| error.to_string())?;
        let file_type = path.file_name().rsplit_once('.').map(|(_, ending)| ending);
        let package_type = [PackageType::Deb, PackageType::Udeb, PackageType::Ddeb]
            .into_iter()
            .find(|one| file_type == Some(one.as_str()))
            .ok_or_else(|| {
                format!("{path} is not called as a package: its name ends in .deb, .udeb or .ddeb")
            })?;
        let size_bytes = size(field::required_line(paragraph, "Size").map_err(|error| said(&error))?)?;
        let sha256 = paragraph
            .get("SHA256")
            .ok_or_else(|| "it has no SHA256, and weaker digests prove nothing".to_owned())?
            .parse()
            .map_err(|error: crate::domain::NameError| error.to_string())?;
        let phased = field::optional_line(paragraph, "Phased-Update-Percentage")
            .map_err(|error| said(&error))?
            .map(|value| {
                (value.parse::<u8>().ok().filter(|percentage| *percentage <= 100))
                    .ok_or_else(|| format!("{} is no Phased-Update-Percentage", shown(value)))
            })
            .transpose()?;
        Ok(Binary {
            source,
            source_version: source_version.unwrap_or_else(|| version.clone()),
            file: Part { path, size_bytes, sha256 },
            package_type,
            section: field::optional_word(paragraph, "Section").map_err(|error| said(&error))?,
            priority: field::optional_word(paragraph, "Priority").map_err(|error| said(&error))?,
            // who has it all needs no share
            phased: phased.filter(|percentage| *percentage < 100),
            text: text.to_owned(),
            name,
            version,
            architecture,
        })
    })
}

fn size(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{} is not a size in bytes", shown(text)))
}

/// Reads a stanza of a Sources file.
pub(super) fn source(stanza: &[u8]) -> Result<Source, Unusable> {
    paragraph_of(stanza, |text, paragraph| {
        let name: SourceName = field::required_word(paragraph, "Package").map_err(|error| said(&error))?;
        let version: DebVersion = field::required_word(paragraph, "Version").map_err(|error| said(&error))?;
        let folder = field::required_line(paragraph, "Directory").map_err(|error| said(&error))?;
        let list = paragraph
            .get("Checksums-Sha256")
            .ok_or_else(|| "it has no Checksums-Sha256, and weaker digests prove nothing".to_owned())?;
        let (mut dsc, mut files) = (None, Vec::new());
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let [sha256, bytes, file] = words.as_slice() else {
                return Err(format!("{} is no \"sha256 size name\"", shown(line)));
            };
            let sha256: Sha256 =
                sha256.parse().map_err(|error: crate::domain::NameError| error.to_string())?;
            // names a file and no folder
            let file: FileName = file.parse().map_err(|error: crate::domain::NameError| error.to_string())?;
            let path = format!("{folder}/{file}").trim_start_matches("./").parse();
            let part = Part {
                path: path.map_err(|error: super::repository::PathError| error.to_string())?,
                size_bytes: size(bytes)?,
                sha256,
            };
            if file.extension() == Some("dsc") {
                if dsc.replace(part).is_some() {
                    return Err("it lists more than one .dsc".to_owned());
                }
            } else {
                files.push(part);
            }
        }
        files.sort();
        Ok(Source {
            dsc: dsc.ok_or_else(|| "it lists no .dsc".to_owned())?,
            files,
            section: field::optional_word(paragraph, "Section").map_err(|error| said(&error))?,
            // kept for what was built using it, and nobody's to build
            extra_only: paragraph.get("Extra-Source-Only") == Some("yes"),
            text: text.to_owned(),
            name,
            version,
        })
    })
}

/// What an index says beyond a package's own words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Additions {
    /// Fields that an archive can add.
    pub(super) fields: Vec<ExtraField>,
    /// The names of those that cannot be kept.
    pub(super) lost: Vec<String>,
}

/// Compares a stanza with the package's own paragraph: what is not there, or not so, the archive has said.
pub(super) fn additions(stanza: &str, own: &str) -> Additions {
    let one_line = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut additions = Additions::default();
    for (name, value) in control::pairs(stanza) {
        let value = one_line(value);
        let own_value = control::pairs(own)
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| one_line(value));
        // says of a source that nobody is to build it
        let is_ours = name.eq_ignore_ascii_case("Extra-Source-Only");
        if value.is_empty() || is_ours || own_value.as_deref() == Some(value.as_str()) {
            continue;
        }
        match name.parse::<ExtraFieldName>() {
            Err(ExtraFieldError::NotExtra(_)) => {}
            Err(ExtraFieldError::BadName(_) | ExtraFieldError::NoValue(_) | ExtraFieldError::BadValue(_)) => {
                additions.lost.push(name.chars().take(64).collect());
            }
            Ok(name) => match value.parse() {
                // such a field would be in the way of all others
                Ok(_) if relations::check_binary([(name.as_str(), value.as_str())].into_iter()).is_err() => {
                    additions.lost.push(name.to_string());
                }
                Ok(value) => additions.fields.push(ExtraField { name, value: Some(value) }),
                Err(_) => additions.lost.push(name.to_string()),
            },
        }
    }
    additions
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn packages(change: impl FnOnce(String) -> String) -> Result<Binary, Unusable> {
        binary(
            change(format!(
                "Package: hello\nVersion: 1:2.0-1\nArchitecture: amd64\nSource: hi (2.0-1)\nSection: universe/misc\nPriority: optional\n\
                 Filename: ./pool/h/hello_2.0-1_amd64.deb\nSize: 7\nSHA256: {HASH}\nPhased-Update-Percentage: 30\n"
            ))
            .as_bytes(),
        )
    }

    #[test]
    fn stanzas_are_told_apart_whatever_is_between() {
        let all: Vec<&[u8]> = split(b"\n\nA: 1\nB: 2\n\n\n\nA: 3\n \xff\n\nA: 4").collect();
        assert_eq!(all, [&b"A: 1\nB: 2\n"[..], b"A: 3\n \xff\n", b"A: 4"]);
        assert_eq!(split(b"\n\n").count(), 0);
        assert_eq!(split(b"").count(), 0);
    }

    #[test]
    fn a_stanza_says_where_its_package_is_and_how_it_is_filed() {
        let hello = packages(|text| text).unwrap();
        assert_eq!(
            (hello.name.as_str(), hello.version.as_str(), hello.phased),
            ("hello", "1:2.0-1", Some(30))
        );
        assert_eq!((hello.source.as_str(), hello.source_version.as_str()), ("hi", "2.0-1"));
        assert_eq!((hello.file.path.as_str(), hello.file.size_bytes), ("pool/h/hello_2.0-1_amd64.deb", 7));
        assert_eq!(hello.section.unwrap().component(), Some("universe"));
        assert_eq!(packages(|text| text.replace(": 30", ": 100")).unwrap().phased, None);
    }

    #[test]
    fn a_stanza_that_cannot_be_used_is_named_with_its_reason() {
        for (from, to, reason) in [
            ("Filename: ./pool", "Filename: ../../pool", "leads out"),
            ("Filename: ./pool", "Filename: /etc", "begin with a slash"),
            (".deb\n", ".rpm\n", "ends in .deb"),
            ("SHA256", "SHA1", "no SHA256"),
            (HASH, "12", "SHA-256"),
            ("Size: 7", "Size: -7", "not a size"),
            ("amd64\nSource", "any\nSource", "cannot be for any"),
            (": 30", ": 130", "no Phased-Update-Percentage"),
            ("Version: 1:2.0-1\n", "", "Version is missing"),
        ] {
            let refused = packages(|text| text.replacen(from, to, 1)).unwrap_err();
            assert!(refused.reason.contains(reason), "{refused:?}");
            assert!(refused.package.contains("hello"), "{refused:?}");
        }
        let refused = packages(|text| format!("{text}package: again\n")).unwrap_err();
        assert!(refused.package.contains("hello") && refused.reason.contains("twice"), "{refused:?}");
        let refused = binary(b"Package: \xff\n").unwrap_err();
        assert!(refused.reason.contains("UTF-8"), "{refused:?}");
        let refused = packages(|text| text.replace("hello\n", "hello\u{1b}[2J\n")).unwrap_err();
        assert!(!format!("{}{}", refused.package, refused.reason).contains('\u{1b}'));
    }

    #[test]
    fn a_source_has_its_dsc_and_its_files() {
        let text = format!(
            "Package: hello\nVersion: 2.0-1\nDirectory: pool/h\nChecksums-Sha256:\n {HASH} 3 hello_2.0-1.dsc\n {HASH} 4 hello_2.0.orig.tar.gz\n"
        );
        let hello = source(text.as_bytes()).unwrap();
        assert_eq!(hello.dsc.path.as_str(), "pool/h/hello_2.0-1.dsc");
        assert_eq!(hello.files.len(), 1);
        for (from, to, reason) in [
            ("Directory: pool/h", "Directory: ..", "leads out"),
            ("hello_2.0-1.dsc", "../x.dsc", "file name"),
            ("hello_2.0.orig.tar.gz", "other.dsc", "more than one"),
            ("hello_2.0-1.dsc", "hello.tar", "no .dsc"),
            ("Checksums-Sha256", "Checksums-Sha1", "prove nothing"),
        ] {
            let refused = source(text.replace(from, to).as_bytes()).unwrap_err();
            assert!(refused.reason.contains(reason), "{refused:?}");
        }
    }

    #[test]
    fn what_the_archive_has_added_is_told_from_the_packages_own() {
        let own =
            "Package: hello\nVersion: 1\nMaintainer: A <a@example.org>\nDepends: a,\n b\nDescription: x\n";
        let stanza = "Package: hello\nVersion: 1\nMaintainer: B <b@example.org>\nDepends: a, b\nTask: demo\n\
                      Tag: one,\n two\nDescription: y\nFilename: pool/x.deb\nX_Odd: 1\n";
        let found = additions(stanza, own);
        let fields: Vec<(String, String)> = found
            .fields
            .into_iter()
            .map(|field| (field.name.to_string(), field.value.unwrap().to_string()))
            .collect();
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields,
            [field("Maintainer", "B <b@example.org>"), field("Task", "demo"), field("Tag", "one, two")]
        );
        assert_eq!(found.lost, ["X_Odd"]);
        let long = format!("Package: hello\nTag: {}\n", "x".repeat(600));
        assert_eq!(additions(&long, own).lost, ["Tag"]);
        // relations that the archive has changed are those that clients can read
        let found = additions("Package: hello\nDepends: a, c (>= 1)\nSuggests: d e\n", own);
        assert_eq!(found.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["Depends"]);
        assert_eq!(found.lost, ["Suggests"]);
    }
}
