//! What a suite of another repository says of itself, once somebody who is trusted has signed it.
//!
//! Decides whether a Release file counts: `InRelease`, else `Release` with `Release.gpg`, signed by one of the certificates that were named. Whoever has no
//! certificate has to say so. What the Release lists is a description until its files are read.

use std::collections::BTreeMap;
use std::io::Read;

use jiff::Timestamp;

use super::repository::{OpenError, PathError, Repository, RepositoryPath};
use crate::domain::name::ArchitectureTag;
use crate::domain::plain::shown;
use crate::domain::{ComponentName, Sha256};
use crate::format::control::{self, ControlError, Paragraph};
use crate::openpgp::{Certificate, Clearsigned, ClearsignedError, MAX_SIGNATURE_BYTES};

/// Whose signature counts.
#[derive(Debug, Clone)]
pub enum Trust {
    /// That of one of these.
    Signers(Vec<Certificate>),
    /// Nobody's: who asks takes the repository as it is.
    Anybody,
}

/// Why nothing is taken of a suite.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A name of a suite that cannot be one.
    #[error("{suite} cannot be a suite of a repository")]
    Suite {
        /// What was given.
        suite: String,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// There is no Release.
    #[error(
        "there is no {folder}/InRelease and no {folder}/Release: name a suite that the repository has, and the folder or URL that its dists/ is in"
    )]
    None {
        /// The folder of the suite.
        folder: String,
    },
    /// A file could not be got.
    #[error("{path}: {reason}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// It is not signed.
    #[error("{path} is not signed: if you take it as it is, say --allow-unsigned")]
    Unsigned {
        /// Which.
        path: String,
    },
    /// Its frame is not as it must be.
    #[error("{path} is not signed as it must be")]
    Frame {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: ClearsignedError,
    },
    /// Nobody who is trusted has signed it.
    #[error(
        "{path} is signed by nobody whose key was named: {reason}; name the key of who publishes it with --keyring"
    )]
    Untrusted {
        /// Which.
        path: String,
        /// What is wrong with the signatures.
        reason: String,
    },
    /// It is no control file.
    #[error("{path} cannot be read")]
    Control {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: ControlError,
    },
    /// It lacks what is needed, or says it in a way that cannot be used.
    #[error("{path} cannot be used: {reason}")]
    Content {
        /// Which.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// It is too old.
    #[error(
        "{path} was valid until {until} only: somebody may show an old state of the repository; if it is not published any more, say --allow-expired"
    )]
    Expired {
        /// Which.
        path: String,
        /// `Valid-Until`.
        until: Timestamp,
    },
}

/// A file that a Release lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// How long it is.
    pub size_bytes: u64,
    /// What it is.
    pub sha256: Sha256,
}

/// A component of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: ComponentName,
    /// Its folder below the suite's; some repositories call it `updates/main` and have it in `main`.
    pub folder: String,
}

/// What a suite says of itself.
#[derive(Debug, Clone)]
pub struct TheirRelease {
    /// `dists/bookworm`.
    pub folder: RepositoryPath,
    /// Whose signature it has, as a fingerprint; none: nobody has looked at it.
    pub signed_by: Option<String>,
    /// `Origin`.
    pub origin: String,
    /// `Label`.
    pub label: String,
    /// `Suite`.
    pub suite: String,
    /// `Codename`.
    pub codename: String,
    /// `Version`.
    pub version: String,
    /// `Description`.
    pub description: String,
    /// Whether clients take from it only what they are asked to.
    pub not_automatic: bool,
    /// Its components, in its order.
    pub components: Vec<Component>,
    /// Its architectures without `all`, in its order.
    pub architectures: Vec<ArchitectureTag>,
    /// `Date`.
    pub date: Option<Timestamp>,
    /// Whether its indexes lie under their digests too.
    pub by_hash: bool,
    /// Its files, by their path below the folder of the suite.
    pub files: BTreeMap<String, Listed>,
    /// What it has that cannot be used, and why.
    pub left_out: Vec<String>,
}

/// The longest Release; Debian's have a fifth of a megabyte.
const MAX_RELEASE_BYTES: u64 = 16 << 20;

/// Reads and verifies the Release of a suite.
///
/// # Errors
/// There is none, or it does not count.
pub fn read_release(
    repository: &dyn Repository,
    suite: &str,
    trust: &Trust,
    allow_expired: bool,
    now: Timestamp,
) -> Result<TheirRelease, ReleaseError> {
    let folder: RepositoryPath = format!("dists/{suite}")
        .parse()
        .map_err(|source| ReleaseError::Suite { suite: shown(suite), source })?;
    let (text, path, signed_by) = signed_text(repository, &folder, trust, now)?;
    let paragraph = control::single_paragraph(&text)
        .map_err(|source| ReleaseError::Control { path: path.clone(), source })?;
    let release = understood(folder, &path, &paragraph, signed_by)?;
    let until = paragraph.get("Valid-Until").and_then(date);
    match until {
        Some(until) if until < now && !allow_expired => Err(ReleaseError::Expired { path, until }),
        _ => Ok(release),
    }
}

/// A small file of the repository; none: it is not there.
fn read_small(
    repository: &dyn Repository,
    folder: &RepositoryPath,
    name: &str,
    most_bytes: u64,
) -> Result<Option<(String, Vec<u8>)>, ReleaseError> {
    let path = format!("{folder}/{name}");
    let failed = |reason: String| ReleaseError::Read { path: path.clone(), reason };
    let at = path.parse().map_err(|error: PathError| failed(error.to_string()))?;
    let file = match repository.open(&at) {
        Ok(file) => file,
        Err(OpenError::NotThere) => return Ok(None),
        Err(OpenError::Failed(reason)) => return Err(failed(reason)),
    };
    let mut bytes = Vec::new();
    file.take(most_bytes + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > most_bytes {
        return Err(failed(format!("it is longer than {most_bytes} bytes")));
    }
    Ok(Some((path, bytes)))
}

fn utf8(path: &str, bytes: Vec<u8>) -> Result<String, ReleaseError> {
    String::from_utf8(bytes)
        .map_err(|_| ReleaseError::Content { path: path.to_owned(), reason: "it is not UTF-8".to_owned() })
}

/// The text of a Release that counts, where it is from, and whose signature it has.
fn signed_text(
    repository: &dyn Repository,
    folder: &RepositoryPath,
    trust: &Trust,
    now: Timestamp,
) -> Result<(String, String, Option<String>), ReleaseError> {
    // some servers refuse what is not there
    let (in_release, refused) = match read_small(repository, folder, "InRelease", MAX_RELEASE_BYTES) {
        Ok(found) => (found, None),
        Err(error) => (None, Some(error)),
    };
    if let Some((path, bytes)) = in_release {
        let text = utf8(&path, bytes)?;
        let document =
            Clearsigned::parse(&text).map_err(|source| ReleaseError::Frame { path: path.clone(), source })?;
        return match (document, trust) {
            (Some(document), Trust::Anybody) => Ok((document.text().to_owned(), path, None)),
            (None, Trust::Anybody) => Ok((text, path, None)),
            (None, Trust::Signers(_)) => Err(ReleaseError::Unsigned { path }),
            (Some(document), Trust::Signers(signers)) => {
                let signer = signer_in_the_clear(&document, signers, now)
                    .map_err(|reason| ReleaseError::Untrusted { path: path.clone(), reason })?;
                Ok((document.text().to_owned(), path, Some(signer)))
            }
        };
    }
    let Some((path, bytes)) = read_small(repository, folder, "Release", MAX_RELEASE_BYTES)? else {
        return Err(refused.unwrap_or_else(|| ReleaseError::None { folder: folder.to_string() }));
    };
    let Trust::Signers(signers) = trust else { return Ok((utf8(&path, bytes)?, path, None)) };
    let Some((_, signature)) = read_small(repository, folder, "Release.gpg", MAX_SIGNATURE_BYTES as u64)?
    else {
        return Err(ReleaseError::Unsigned { path });
    };
    let mut reasons = Vec::new();
    for signer in signers {
        match signer.verify_detached(&signature, &bytes, now) {
            Ok(good) => return Ok((utf8(&path, bytes)?, path, Some(good.fingerprint))),
            Err(error) => reasons.push(crate::domain::chain(&error)),
        }
    }
    reasons.dedup();
    Err(ReleaseError::Untrusted { path, reason: said(reasons) })
}

/// One good signature is enough: archives sign with keys of several releases.
fn signer_in_the_clear(
    document: &Clearsigned,
    signers: &[Certificate],
    now: Timestamp,
) -> Result<String, String> {
    let mut reasons = Vec::new();
    for (place, issuer) in document.issuers().iter().enumerate() {
        let known: Vec<&Certificate> = signers
            .iter()
            .filter(|signer| {
                let parts = signer.parts();
                if issuer.fingerprints.is_empty() {
                    issuer.key_ids.is_empty()
                        || parts.iter().any(|part| issuer.key_ids.contains(&part.key_id))
                } else {
                    parts.iter().any(|part| issuer.fingerprints.contains(&part.fingerprint))
                }
            })
            .collect();
        for signer in &known {
            match document.verify(place, signer, now) {
                Ok(good) => return Ok(good.fingerprint),
                Err(objection) => reasons.push(objection.to_string()),
            }
        }
        if known.is_empty() {
            let name = issuer.fingerprints.first().or(issuer.key_ids.first());
            reasons.push(format!(
                "there is a signature by {}",
                name.map_or("nobody whom it names", String::as_str)
            ));
        }
    }
    Err(said(reasons))
}

fn said(mut reasons: Vec<String>) -> String {
    reasons.truncate(8);
    reasons.join("; ")
}

/// A date of a Release.
fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = match text.strip_suffix("UTC").or_else(|| text.strip_suffix('Z')) {
        Some(rest) => format!("{} +0000", rest.trim_end()),
        None => text.to_owned(),
    };
    jiff::fmt::rfc2822::parse(&text).ok().map(|zoned| zoned.timestamp())
}

/// The paragraph as values.
fn understood(
    folder: RepositoryPath,
    path: &str,
    paragraph: &Paragraph<'_>,
    signed_by: Option<String>,
) -> Result<TheirRelease, ReleaseError> {
    let content = |reason: String| ReleaseError::Content { path: path.to_owned(), reason };
    let mut left_out = Vec::new();
    let line = |name: &str| {
        let value = paragraph.get(name).unwrap_or_default();
        value.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut components: Vec<Component> = Vec::new();
    for word in paragraph.get("Components").unwrap_or_default().split_whitespace() {
        let name = word.rsplit_once('/').map_or(word, |(_, name)| name);
        match name.parse::<ComponentName>() {
            Ok(name) if components.iter().any(|known| known.name == name) => {}
            Ok(name) => components.push(Component { folder: name.to_string(), name }),
            Err(error) => left_out.push(error.to_string()),
        }
    }
    let mut architectures: Vec<ArchitectureTag> = Vec::new();
    for word in paragraph.get("Architectures").unwrap_or_default().split_whitespace() {
        match word.parse::<ArchitectureTag>() {
            Ok(tag) if tag.is_all() || tag.is_source() || architectures.contains(&tag) => {}
            Ok(tag) if tag.is_wildcard() => left_out.push(format!("{tag} is no architecture")),
            Ok(tag) => architectures.push(tag),
            Err(error) => left_out.push(error.to_string()),
        }
    }
    let list = paragraph.get("SHA256").ok_or_else(|| {
        content("it lists no files with SHA256, and weaker digests prove nothing".to_owned())
    })?;
    let mut files = BTreeMap::new();
    for entry in list.lines().map(str::trim).filter(|entry| !entry.is_empty()) {
        let words: Vec<&str> = entry.split_ascii_whitespace().collect();
        let [sha256, size, name] = words.as_slice() else {
            return Err(content(format!("{} is no \"sha256 size path\"", shown(entry))));
        };
        let listed = Listed {
            sha256: sha256.parse().map_err(|error: crate::domain::NameError| content(error.to_string()))?,
            size_bytes: size
                .parse()
                .map_err(|_| content(format!("{} is not a size in bytes", shown(size))))?,
        };
        if files.insert((*name).to_owned(), listed).is_some_and(|before| before != listed) {
            return Err(content(format!("it lists {} twice, with different content", shown(name))));
        }
    }
    // those that do not say what they have, list it
    for path in files.keys() {
        let parts: Vec<&str> = path.split('/').collect();
        let [component, below, "Packages" | "Packages.gz" | "Packages.xz"] = parts.as_slice() else {
            continue;
        };
        let Some(tag) = below.strip_prefix("binary-") else { continue };
        if paragraph.get("Components").is_none()
            && let Ok(name) = component.parse::<ComponentName>()
            && !components.iter().any(|known| known.name == name)
        {
            components.push(Component { folder: name.to_string(), name });
        }
        if paragraph.get("Architectures").is_none()
            && let Ok(tag) = tag.parse::<ArchitectureTag>()
            && !tag.is_all()
            && !architectures.contains(&tag)
        {
            architectures.push(tag);
        }
    }
    Ok(TheirRelease {
        folder,
        signed_by,
        origin: line("Origin"),
        label: line("Label"),
        suite: line("Suite"),
        codename: line("Codename"),
        version: line("Version"),
        description: line("Description"),
        not_automatic: paragraph.get("NotAutomatic") == Some("yes"),
        components,
        architectures,
        date: paragraph.get("Date").and_then(date),
        by_hash: paragraph.get("Acquire-By-Hash") == Some("yes"),
        files,
        left_out,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_staged;
    use crate::openpgp::{OwnKey, Signer};
    use crate::upload::takeover::Folder;

    const TEXT: &str = "Origin: Demo\nSuite: stable\nCodename: one\nComponents: main updates/contrib main\n\
                        Architectures: all amd64 arm64 source\nDate: Sat, 21 Nov 2026 21:43:05 UTC\n\
                        Valid-Until: Sat, 28 Nov 2026 21:43:05 UTC\nAcquire-By-Hash: yes\nSHA256:\n \
                        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages\n";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    struct Place {
        folder: tempfile::TempDir,
        key: OwnKey,
        now: Timestamp,
    }

    impl Place {
        fn new() -> Self {
            let now = at("2026-11-21T22:00:00Z");
            let key = OwnKey::generate("D <d@example.org>", at("2026-11-01T00:00:00Z")).unwrap();
            Self { folder: tempfile::tempdir().unwrap(), key, now }
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            write_staged(&self.folder.path().join("dists/one").join(name), bytes).unwrap();
        }

        fn sign(&self, text: &str) {
            self.write("InRelease", &self.key.clear(text, self.now).unwrap());
        }

        fn trust(&self) -> Trust {
            Trust::Signers(Certificate::read_all(&self.key.public_key().unwrap().armored).unwrap())
        }

        fn read(&self, trust: &Trust) -> Result<TheirRelease, ReleaseError> {
            let repository = Folder::new(self.folder.path().to_owned());
            read_release(&repository, "one", trust, false, self.now)
        }
    }

    #[test]
    fn a_signed_release_says_what_there_is() {
        let place = Place::new();
        place.sign(TEXT);
        let release = place.read(&place.trust()).unwrap();
        assert_eq!(
            (release.origin.as_str(), release.suite.as_str(), release.by_hash),
            ("Demo", "stable", true)
        );
        let components: Vec<&str> = release.components.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(components, ["main", "contrib"]);
        let architectures: Vec<&str> = release.architectures.iter().map(ArchitectureTag::as_str).collect();
        assert_eq!(architectures, ["amd64", "arm64"]);
        assert_eq!(release.date, Some(at("2026-11-21T21:43:05Z")));
        assert_eq!(release.files["main/binary-amd64/Packages"].size_bytes, 0);
        assert!(release.signed_by.is_some());
    }

    #[test]
    fn a_release_that_does_not_say_what_it_has_lists_it() {
        let place = Place::new();
        let text: String = TEXT
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("Components") && !line.starts_with("Architectures"))
            .collect();
        place.sign(&text);
        let release = place.read(&place.trust()).unwrap();
        assert_eq!(release.components.len(), 1);
        assert_eq!(release.architectures, ["amd64".parse().unwrap()]);
    }

    #[test]
    fn a_signature_beside_the_release_counts_as_well() {
        let place = Place::new();
        place.write("Release", TEXT.as_bytes());
        assert!(matches!(place.read(&place.trust()), Err(ReleaseError::Unsigned { .. })));
        place.write("Release.gpg", &place.key.detached(TEXT.as_bytes(), place.now).unwrap());
        assert!(place.read(&place.trust()).unwrap().signed_by.is_some());
        place.write("Release", format!("{TEXT} ").as_bytes());
        assert!(matches!(place.read(&place.trust()), Err(ReleaseError::Untrusted { .. })));
    }

    #[test]
    fn what_nobody_who_is_named_has_signed_is_refused_unless_it_is_taken_as_it_is() {
        let place = Place::new();
        assert!(matches!(place.read(&place.trust()), Err(ReleaseError::None { .. })));
        place.sign(TEXT);
        let other = Place::new();
        let refused = place.read(&other.trust()).unwrap_err();
        assert!(matches!(refused, ReleaseError::Untrusted { .. }), "{refused}");
        assert_eq!(place.read(&Trust::Anybody).unwrap().signed_by, None);
        // somebody has changed it
        let signed = String::from_utf8(place.key.clear(TEXT, place.now).unwrap()).unwrap();
        place.write("InRelease", signed.replace("Origin: Demo", "Origin: Evil").as_bytes());
        assert!(matches!(place.read(&place.trust()), Err(ReleaseError::Untrusted { .. })));
        // or added to it
        place.write("InRelease", format!("Origin: Evil\n\n{signed}").as_bytes());
        assert!(matches!(place.read(&place.trust()), Err(ReleaseError::Frame { .. })));
        place.write("InRelease", TEXT.as_bytes());
        assert!(matches!(place.read(&place.trust()), Err(ReleaseError::Unsigned { .. })));
    }

    #[test]
    fn an_old_state_is_refused_unless_that_is_meant() {
        let mut place = Place::new();
        place.sign(TEXT);
        place.now = at("2026-11-29T00:00:00Z");
        let refused = place.read(&place.trust()).unwrap_err();
        assert!(matches!(refused, ReleaseError::Expired { .. }), "{refused}");
        let repository = Folder::new(place.folder.path().to_owned());
        assert!(read_release(&repository, "one", &place.trust(), true, place.now).is_ok());
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_reason() {
        let place = Place::new();
        for (text, reason) in [
            (TEXT.replace("SHA256", "SHA1"), "no files with SHA256"),
            (TEXT.replace(" 0 main", " x main"), "not a size"),
            (TEXT.replace("e3b0", "zzzz"), "SHA-256 digest"),
            (TEXT.replace(" 0 main/binary-amd64/Packages", " 0"), "no \"sha256 size path\""),
        ] {
            place.sign(&text);
            let refused = place.read(&place.trust()).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
        let repository = Folder::new(place.folder.path().to_owned());
        for suite in ["../one", "a\nb"] {
            let refused = read_release(&repository, suite, &Trust::Anybody, false, place.now);
            assert!(refused.is_err(), "{suite:?}");
        }
    }
}
