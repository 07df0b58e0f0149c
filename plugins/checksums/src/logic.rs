//! Which trees there are, whether one has changed, and how a line of checksums looks, apart from who asks.

use std::collections::BTreeMap;

use pressroom_plugin::{Entry, HookError, StagingHost};
use sha2::{Digest as _, Sha256};

/// The list.
pub const SUMS: &str = "SHA256SUMS";
/// Its signature.
pub const SIGNATURE: &str = "SHA256SUMS.gpg";

/// The tree of one version of an installer or upgrader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// `dists/SUITE/COMPONENT/installer-ARCHITECTURE/VERSION`.
    pub folder: String,
    /// The sizes of its files by their paths below the folder, without the list and its signature.
    pub files: BTreeMap<String, u64>,
    /// Whether the list and its signature are there.
    pub is_signed: bool,
}

impl Tree {
    /// What changes when a file comes, goes, or gets another size. Versions are published once and do not change, so that is enough.
    pub fn fingerprint(&self) -> String {
        let mut digest = Digest::default();
        for (path, size_bytes) in &self.files {
            digest.add(format!("{path}\0{size_bytes}\0").as_bytes());
        }
        digest.hex()
    }
}

/// The trees below the folder of a component, of which these are the files, in the order of their folders.
pub fn trees(component: &str, entries: Vec<Entry>) -> Vec<Tree> {
    let mut files: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for Entry { path, size_bytes } in entries {
        let below = path.strip_prefix(component).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
        let mut parts = below.splitn(3, '/');
        let (Some(kind), Some(version), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let architecture = kind.strip_prefix("installer-").or_else(|| kind.strip_prefix("dist-upgrader-"));
        // the publisher's names of the same files, made after the hooks
        if below.split('/').any(|part| part == "by-hash") {
            continue;
        }
        // `current` is a link to the newest version; where it is a copy, it is not the place to verify
        if architecture.is_some_and(|architecture| !architecture.is_empty()) && version != "current" {
            files
                .entry(format!("{component}/{kind}/{version}"))
                .or_default()
                .insert(file.to_owned(), size_bytes);
        }
    }
    let tree = |(folder, mut files): (String, BTreeMap<String, u64>)| {
        let (sums, signature) = (files.remove(SUMS), files.remove(SIGNATURE));
        Tree { folder, files, is_signed: sums.is_some() && signature.is_some() }
    };
    files.into_iter().map(tree).filter(|tree| !tree.files.is_empty()).collect()
}

/// Under which key a tree is remembered; one folder's keys begin with that of the folder.
pub fn state_key(archive: &str, folder: &str) -> String {
    format!("{archive} {folder}")
}

/// A line as `sha256sum --check` reads it.
pub fn line(sha256: &str, path: &str) -> String {
    if path.contains(['\\', '\n']) {
        return format!("\\{sha256}  ./{}\n", path.replace('\\', "\\\\").replace('\n', "\\n"));
    }
    format!("{sha256}  ./{path}\n")
}

/// Whether a file of the tree has this content.
///
/// # Errors
/// When it cannot be read.
pub fn is_there(path: &str, content: &[u8], host: &mut dyn StagingHost) -> Result<bool, HookError> {
    use pressroom_plugin::StagingHostExt;
    Ok(host.read_whole(path)? == content)
}

/// A SHA-256 on its way.
#[derive(Default)]
pub struct Digest(Sha256);

impl Digest {
    /// More of the content.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest in hexadecimal.
    pub fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        Outcome, PassContext, PrePublication, SigningMode,
        testing::{FakeHost, pass_context},
    };

    use super::*;
    use crate::Checksums;

    const TREE: &str = "dists/bookworm/main/installer-amd64/20230607";
    const UPGRADER: &str = "dists/bookworm/main/dist-upgrader-all/1.0";

    fn archive() -> FakeHost {
        let mut host = FakeHost::default();
        for (path, content) in [
            ("images/netboot/linux", "kernel\n"),
            ("images/netboot/initrd.gz", "initrd\n"),
            ("images/MANIFEST", "manifest\n"),
        ] {
            host.files.insert(format!("{TREE}/{path}"), content.into());
        }
        host.files.insert(format!("{UPGRADER}/upgrader.tar.gz"), b"upgrader".to_vec());
        host.files.insert("dists/bookworm/main/binary-amd64/Packages".into(), b"".to_vec());
        host
    }

    fn sha256(content: &[u8]) -> String {
        let mut digest = Digest::default();
        digest.add(content);
        digest.hex()
    }

    #[test]
    fn trees_get_their_list_and_its_signature() {
        let mut host = archive();
        let report = Checksums::run(&pass_context(), &mut host).unwrap();
        assert_eq!(report.summary, "signed the checksums of 2 trees");
        let expected = format!(
            "{}  ./images/MANIFEST\n{}  ./images/netboot/initrd.gz\n{}  ./images/netboot/linux\n",
            sha256(b"manifest\n"),
            sha256(b"initrd\n"),
            sha256(b"kernel\n")
        );
        assert_eq!(host.text(&format!("{TREE}/SHA256SUMS")), expected);
        assert_eq!(
            host.text(&format!("{UPGRADER}/SHA256SUMS")),
            format!("{}  ./upgrader.tar.gz\n", sha256(b"upgrader"))
        );
        let signed = |folder: &str| {
            (format!("{folder}/SHA256SUMS"), format!("{folder}/SHA256SUMS.gpg"), SigningMode::Detached)
        };
        assert_eq!(host.signed, [signed(UPGRADER), signed(TREE)]);
        assert_eq!(host.state.len(), 2);
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn what_has_not_changed_is_not_read_again() {
        let mut host = archive();
        Checksums::run(&pass_context(), &mut host).unwrap();
        host.written.clear();
        host.signed.clear();
        assert_eq!(Checksums::run(&pass_context(), &mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.written.is_empty() && host.signed.is_empty());
        // one more file
        host.files.insert(format!("{TREE}/images/new"), b"new".to_vec());
        let report = Checksums::run(&pass_context(), &mut host).unwrap();
        assert_eq!(report.details, format!("{TREE}/SHA256SUMS\n"));
        assert_eq!(host.signed.len(), 1);
        // the signature is lost
        host.files.remove(&format!("{UPGRADER}/SHA256SUMS.gpg"));
        Checksums::run(&pass_context(), &mut host).unwrap();
        assert_eq!(host.signed.len(), 2);
    }

    #[test]
    fn a_careful_one_finds_a_file_of_the_same_size() {
        let mut host = archive();
        Checksums::run(&pass_context(), &mut host).unwrap();
        host.files.insert(format!("{TREE}/images/netboot/linux"), b"KERNEL\n".to_vec());
        assert_eq!(Checksums::run(&pass_context(), &mut host).unwrap().outcome, Outcome::Skipped);
        host.config = r#"{"careful": true}"#.into();
        assert_eq!(
            Checksums::run(&pass_context(), &mut host).unwrap().details,
            format!("{TREE}/SHA256SUMS\n")
        );
        assert!(host.text(&format!("{TREE}/SHA256SUMS")).contains(&sha256(b"KERNEL\n")));
        assert_eq!(Checksums::run(&pass_context(), &mut host).unwrap().outcome, Outcome::Skipped);
    }

    #[test]
    fn trees_that_are_gone_are_forgotten() {
        let mut host = archive();
        Checksums::run(&pass_context(), &mut host).unwrap();
        host.state.insert(
            "debian dists/trixie/main/installer-amd64/1".into(),
            b"of a suite that is not published".to_vec(),
        );
        host.files.retain(|path, _| !path.starts_with(UPGRADER));
        Checksums::run(&pass_context(), &mut host).unwrap();
        assert_eq!(host.state.len(), 2);
        assert!(host.state.contains_key(&state_key("debian", TREE)));
    }

    #[test]
    fn nothing_else_is_a_tree() {
        let component = "dists/bookworm/main";
        let entry = |path: &str| Entry { path: format!("{component}/{path}"), size_bytes: 1 };
        let paths = [
            "installer-amd64/current/images/linux",
            "installer-amd64/file",
            "installer-/1/file",
            "binary-amd64/Packages",
            "binary-amd64/by-hash/SHA256/00",
            "installer-amd64/1/by-hash/SHA256/00",
            "installer-amd64/1/images/by-hash/SHA256/00",
            "my-installer-amd64/1/file",
            "installer-amd64/1/SHA256SUMS",
        ];
        assert_eq!(trees(component, paths.map(entry).to_vec()), []);
        let found = trees(component, vec![entry("installer-arm64/2/a/SHA256SUMS")]);
        assert_eq!(found.len(), 1, "a list further below is a file as others");
    }

    #[test]
    fn odd_names_are_written_as_sha256sum_reads_them() {
        assert_eq!(line("00", "a\\b\nc"), "\\00  ./a\\\\b\\nc\n");
    }

    #[test]
    fn what_is_not_granted_fails_the_hook() {
        for denied in ["state", "dists/"] {
            let mut host = FakeHost { denied: [denied.to_owned()].into(), ..archive() };
            assert!(Checksums::run(&pass_context(), &mut host).is_err());
        }
        let none = PassContext { suites: Vec::new(), ..pass_context() };
        assert_eq!(Checksums::run(&none, &mut archive()).unwrap().outcome, Outcome::Skipped);
    }
}
