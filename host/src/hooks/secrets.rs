//! What a hook has to know and nobody else may read: keys and tokens, each in a file of its own.
//!
//! A grant lies where everyone reads it, so it names files, and a hook finds their contents in its configuration under `secrets`. They are
//! read when the hook is called, and before that when it is looked at, so that a missing one is said before anything is done. They are in no
//! record of a run.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pressroom_archive::disk;

/// A key is a line, not a document.
const MAX_BYTES: u64 = 16 << 10;

/// The key of the configuration under which a hook finds them.
pub(super) const CONFIG_KEY: &str = "secrets";

/// The files of a grant by the names that the hook knows; a relative path is below the root.
pub(crate) type Secrets = BTreeMap<String, PathBuf>;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("the secret {name} cannot be read from {}: {source}", path.display())]
    Read { name: String, path: PathBuf, source: std::io::Error },
    #[error("the secret {name}: {} is no file", path.display())]
    NoFile { name: String, path: PathBuf },
    #[error(
        "the secret {name}: {path} is open to others (mode {mode:04o}): run `chmod 600 {path}`", path = path.display()
    )]
    Open { name: String, path: PathBuf, mode: u32 },
    #[error("the secret {name}: {} is longer than {MAX_BYTES} bytes", path.display())]
    TooLong { name: String, path: PathBuf },
    #[error("the secret {name}: {} is no text of UTF-8, or empty", path.display())]
    NoText { name: String, path: PathBuf },
}

/// Reads all secrets of a grant. The line break at the end of a file is not part of the secret.
pub(super) fn read(root: &Path, secrets: &Secrets) -> Result<BTreeMap<String, String>, SecretError> {
    secrets.iter().map(|(name, path)| Ok((name.clone(), read_one(name, &root.join(path))?))).collect()
}

fn read_one(name: &str, path: &Path) -> Result<String, SecretError> {
    let (name, path) = (name.to_owned(), path.to_owned());
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(source) => return Err(SecretError::Read { name, path, source }),
    };
    // asked before opening, since opening a pipe would wait for its writer
    if !metadata.is_file() {
        return Err(SecretError::NoFile { name, path });
    }
    let mut bytes = Vec::new();
    let read = disk::open(&path).map_err(|error| error.source).and_then(|file| {
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(mode)
    });
    match read {
        Ok(mode) if mode & 0o077 != 0 => return Err(SecretError::Open { name, path, mode }),
        Ok(_) => {}
        Err(source) => return Err(SecretError::Read { name, path, source }),
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SecretError::TooLong { name, path });
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.trim_end_matches(['\r', '\n']).is_empty() => {
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        _ => Err(SecretError::NoText { name, path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_that_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let secrets: Secrets = [("hmac".to_owned(), PathBuf::from("key"))].into();
        let write = |content: &[u8], mode: u32| {
            disk::write_staged(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let reason = || read(folder.path(), &secrets).unwrap_err().to_string();
        assert!(reason().contains("hmac"), "{}", reason());
        write(b"open sesame\n", 0o644);
        assert!(reason().contains("chmod 600"), "{}", reason());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(folder.path(), &secrets).unwrap()["hmac"], "open sesame");
        for content in [&b""[..], b"\n", b"\xff\xfe", &vec![b'x'; 20_000]] {
            std::fs::remove_file(&path).unwrap();
            write(content, 0o400);
            assert!(read(folder.path(), &secrets).is_err(), "{content:?}");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(reason().contains("no file"), "{}", reason());
    }
}
