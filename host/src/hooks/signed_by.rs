//! Whose hooks run: where `signed-by` is set, in a grant or for all hooks in `pressroom.toml`, a component must be signed by one of those people.
//!
//! The signature is verified when the hook is added and each time that the folders are read, so that a key which is revoked, or taken out of the
//! list, counts at once. What a good key has signed stays signed when the key expires.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pressroom_archive::disk;
use pressroom_archive::openpgp::{
    AuthorError, Certificates, Expiry, GoodSignature, MAX_CERTIFICATES_BYTES, MAX_SIGNATURE_BYTES,
};

use super::grant::Grant;
use super::safety::Owners;
use crate::root::Root;

/// Why a hook is not taken as signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignedByError {
    #[error("signed-by names {entry}, which cannot be read")]
    Unreadable { entry: String, source: std::io::Error },
    #[error("signed-by names {entry}, which cannot be trusted: {reason}")]
    Untrusted { entry: String, reason: String },
    #[error("signed-by names {entry}, which cannot be used")]
    Certificates { entry: String, source: AuthorError },
    #[error(
        "signed-by names the fingerprint {fingerprint}, and no certificate in {} has it: put the author's certificate there (`gpg --export \
         --armor`), or name its file", folder.display()
    )]
    NoSuchCertificate { fingerprint: String, folder: PathBuf },
    #[error("it is not signed, and signed-by asks for a signature by {by}: add it again with --signature")]
    Missing { by: String },
    #[error("its signature is not taken")]
    Signature(#[from] AuthorError),
    #[error("cannot read the signature {}", path.display())]
    ReadSignature { path: PathBuf, source: std::io::Error },
}

/// The people whose signature a hook must have: those of its grant, else those of the configuration. Empty: anybody, and nobody.
pub(crate) fn required<'a>(root: &'a Root, grant: &'a [String]) -> &'a [String] {
    if grant.is_empty() { &root.config.hooks.signed_by } else { grant }
}

/// The certificates that a `signed-by` names.
pub(crate) fn certificates(root: &Root, entries: &[String]) -> Result<Certificates, SignedByError> {
    let mut all = Certificates::default();
    for entry in entries {
        match fingerprint(entry) {
            Some(fingerprint) => {
                let folder = root.authors_folder();
                let found = files_of(&folder)
                    .iter()
                    .map(|path| read(root, &path.display().to_string(), path))
                    .collect::<Result<Vec<_>, _>>()?
                    .iter()
                    .find_map(|certificates| certificates.only(&fingerprint));
                all.extend(found.ok_or(SignedByError::NoSuchCertificate { fingerprint, folder })?);
            }
            None => all.extend(read(root, entry, &root.below(Path::new(entry)))?),
        }
    }
    Ok(all)
}

/// Verifies the signature that a grant keeps over its component; none where nobody asks for one.
pub(crate) fn verify_installed(
    root: &Root,
    grant: &Grant,
    component: &[u8],
) -> Result<Option<GoodSignature>, SignedByError> {
    let entries = required(root, &grant.signed_by);
    if entries.is_empty() {
        return Ok(None);
    }
    let Some(signature) = &grant.signature else {
        return Err(SignedByError::Missing { by: entries.join(", ") });
    };
    let certificates = certificates(root, entries)?;
    // whether it came from the future was asked when it came
    Ok(Some(certificates.verify(signature.as_bytes(), component, Timestamp::MAX, Expiry::WhenItWasMade)?))
}

/// Verifies the signature of a component that is offered; none where nobody asks for one.
pub(crate) fn verify_offered(
    root: &Root,
    entries: &[String],
    signature: Option<&[u8]>,
    component: &[u8],
    now: Timestamp,
) -> Result<Option<GoodSignature>, SignedByError> {
    if entries.is_empty() {
        return Ok(None);
    }
    let Some(signature) = signature else { return Err(SignedByError::Missing { by: entries.join(", ") }) };
    let certificates = certificates(root, entries)?;
    Ok(Some(certificates.verify(signature, component, now, Expiry::MustBeValidNow)?))
}

/// Reads a signature: the file that is named, or the one that `gpg --detach-sign` leaves beside the component; none: there is none.
pub(crate) fn read_signature(
    named: Option<&Path>,
    component: &Path,
) -> Result<Option<Vec<u8>>, SignedByError> {
    let beside = ["sig", "asc"].map(|ending| {
        let mut name = component.as_os_str().to_owned();
        name.push(format!(".{ending}"));
        PathBuf::from(name)
    });
    let found = named.or_else(|| beside.iter().map(PathBuf::as_path).find(|path| path.is_file()));
    let Some(path) = found else { return Ok(None) };
    // one byte more than is taken, so that what is too long is seen to be so
    read_bounded(path, MAX_SIGNATURE_BYTES + 1)
        .map(Some)
        .map_err(|source| SignedByError::ReadSignature { path: path.to_owned(), source })
}

fn read(root: &Root, entry: &str, path: &Path) -> Result<Certificates, SignedByError> {
    let unreadable = |source| SignedByError::Unreadable { entry: entry.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if let Some(reason) = Owners::of(root).complaint(path, &metadata) {
        return Err(SignedByError::Untrusted { entry: entry.to_owned(), reason });
    }
    let bytes = read_bounded(path, MAX_CERTIFICATES_BYTES + 1).map_err(unreadable)?;
    Certificates::read(&bytes)
        .map_err(|source| SignedByError::Certificates { entry: entry.to_owned(), source })
}

fn read_bounded(path: &Path, most_bytes: usize) -> std::io::Result<Vec<u8>> {
    // asked before opening, since opening a pipe would wait for its writer
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.size()).unwrap_or(0).min(most_bytes));
    disk::open(path).map_err(|error| error.source)?.take(most_bytes as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The certificate files in the folder of authors, by name.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|ending| ["asc", "gpg", "pgp"].iter().any(|one| ending == *one))
    });
    paths.sort();
    paths
}

/// A fingerprint as gpg prints it, of version 4 or 6, in upper-case digits without spaces.
fn fingerprint(entry: &str) -> Option<String> {
    let digits: String = entry.chars().filter(|character| *character != ' ').collect();
    let is_one = matches!(digits.len(), 40 | 64) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| digits.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_told_from_a_file() {
        let bare = "0123456789ABCDEF0123456789ABCDEF01234567";
        assert_eq!(fingerprint(&bare.to_lowercase()).as_deref(), Some(bare));
        assert_eq!(fingerprint("0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567").as_deref(), Some(bare));
        assert_eq!(fingerprint(&"A".repeat(64)).as_deref(), Some(&*"A".repeat(64)));
        for other in ["keys/authors/alice.asc", "89ABCDEF", &bare[1..], "", &format!("{bare}!")] {
            assert_eq!(fingerprint(other), None, "{other}");
        }
    }
}
