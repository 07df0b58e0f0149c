//! apt-ftparchive as the oracle: what it says of a pool and of a tree is what our indexes say.

use std::collections::{BTreeMap, BTreeSet};

use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::stanza::{Stanza, listed, stanzas};
use pressroom_tests::tool::{self, read_text, tool};
use pressroom_tests::{pool, source};

/// How many packages of the release that this machine follows.
const PACKAGES: usize = 5000;

/// Runs apt-ftparchive without the settings of the machine.
fn apt_ftparchive(root: &Root, arguments: &[&str]) -> String {
    let mut command = tool("apt-ftparchive");
    command.env("APT_CONFIG", "/dev/null").current_dir(root.served()).args(arguments);
    tool::succeed(&mut command).stdout
}

fn by_name(text: &str) -> BTreeMap<(String, String), Stanza> {
    let key = |stanza: &Stanza| (stanza.field("Package").to_owned(), stanza.field("Version").to_owned());
    let all = stanzas(text);
    let count = all.len();
    let map: BTreeMap<_, _> = all.into_iter().map(|stanza| (key(&stanza), stanza)).collect();
    assert_eq!(map.len(), count, "a package stands twice in an index");
    map
}

/// What differs between two indexes: fields by name with an example each. An empty list means the same stanzas with the same fields.
fn differing_fields(ours: &str, theirs: &str) -> BTreeMap<String, String> {
    let (ours, theirs) = (by_name(ours), by_name(theirs));
    let missing: Vec<_> = theirs.keys().filter(|key| !ours.contains_key(*key)).take(5).collect();
    let extra: Vec<_> = ours.keys().filter(|key| !theirs.contains_key(*key)).take(5).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "only apt-ftparchive has {missing:?}, only pressroom {extra:?}"
    );
    let mut differing = BTreeMap::new();
    for (key, theirs) in &theirs {
        let (ours, theirs) = (ours[key].fields(), theirs.fields());
        let names: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
        for name in names {
            let (ours, theirs) = (ours.get(name), theirs.get(name));
            if ours != theirs {
                differing
                    .entry(name.to_owned())
                    .or_insert_with(|| format!("{key:?}: ours {ours:?}, theirs {theirs:?}"));
            }
        }
    }
    differing
}

#[test]
fn five_thousand_real_packages_are_indexed_as_apt_ftparchive_does_it() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let written = pool::write(folder.path(), PACKAGES);
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);

    let ours = root.index(SERIES, "main/binary-amd64/Packages");
    // SHA1 and SHA512 are said here no more unless the series asks for them: apt needs SHA256, and MD5 is for tools of old
    let settings =
        ["-o", "APT::FTPArchive::Packages::SHA1=false", "-o", "APT::FTPArchive::Packages::SHA512=false"];
    let theirs = apt_ftparchive(&root, &[&settings[..], &["packages", "pool"]].concat());
    assert_eq!(by_name(&ours).len(), written.len());
    assert_eq!(differing_fields(&ours, &theirs), BTreeMap::new());
    // and the fields in the same order
    let theirs_by_name = by_name(&theirs);
    for (key, ours) in by_name(&ours) {
        assert_eq!(ours.names(), theirs_by_name[&key].names(), "the order of fields of {key:?}");
    }
    release_is_as_apt_ftparchive_sees_it(&root);
    root.client(SERIES).update();
    root.verify(SERIES);
}

#[test]
fn sources_are_indexed_as_apt_ftparchive_does_it() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    for (name, version) in [("alpha", "1.0-1"), ("libbeta", "1:2.0-3"), ("gamma", "0~rc1-1")] {
        let _ = source::build(folder.path(), name, version);
    }
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    let ours = root.index(SERIES, "main/source/Sources");
    let settings =
        ["-o", "APT::FTPArchive::Sources::SHA1=false", "-o", "APT::FTPArchive::Sources::SHA512=false"];
    let theirs = apt_ftparchive(&root, &[&settings[..], &["sources", "pool"]].concat());
    assert_eq!(by_name(&ours).len(), 3);
    let mut differing = differing_fields(&ours, &theirs);
    // a source has no section of its own for apt-ftparchive, which takes it from an override file; we take it from the .dsc's Package-List
    for field in ["Section", "Priority"] {
        differing.remove(field);
    }
    assert_eq!(differing, BTreeMap::new());
    release_is_as_apt_ftparchive_sees_it(&root);
}

/// `apt-ftparchive release` over the live suite lists the same files with the same checksums.
fn release_is_as_apt_ftparchive_sees_it(root: &Root) {
    let ours = read_text(&root.suite(SERIES).join("Release"));
    let theirs = apt_ftparchive(root, &["release", &format!("dists/{SERIES}")]);
    for checksum in ["MD5Sum", "SHA256"] {
        let (ours, mut theirs) = (listed(&ours, checksum), listed(&theirs, checksum));
        // it finds the finished Release beside the indexes; a Release cannot list itself
        assert!(theirs.remove("Release").is_some());
        for (path, entry) in &theirs {
            assert_eq!(ours.get(path), Some(entry), "{checksum} of {path}");
        }
        // apt wants the checksums of an index whose compressed forms alone are on disk, which apt-ftparchive cannot see
        let beyond: Vec<&String> = ours.keys().filter(|path| !theirs.contains_key(*path)).collect();
        for path in beyond {
            let uncompressed =
                !root.suite(SERIES).join(path).exists() && theirs.contains_key(&format!("{path}.xz"));
            assert!(uncompressed, "{path} is listed, and apt-ftparchive does not see it");
        }
    }
}
