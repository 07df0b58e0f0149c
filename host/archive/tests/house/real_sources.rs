//! Source packages that dpkg made: what the field's own tools build comes in.
//!
//! A tool that is not there fails the test by its name.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::drafts::Judge;
use crate::fixture::House;

fn run(folder: &Path, tool: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("this test needs the tool {tool}: {error}"));
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn write(path: &Path, content: &str) {
    pressroom_archive::disk::make_folder(path.parent().unwrap()).unwrap();
    pressroom_archive::disk::write_staged(path, content.as_bytes()).unwrap();
}

/// The folder of a source package, ready to be built.
fn unpacked(folder: &Path, format: &str, version: &str) {
    let tree = folder.join("hello");
    write(
        &tree.join("debian/changelog"),
        &format!(
            "hello ({version}) s; urgency=medium\n\n  * First.\n\n -- Ann Uploader <ann@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
        ),
    );
    write(
        &tree.join("debian/control"),
        "Source: hello\nSection: devel\nPriority: optional\nMaintainer: Ann Uploader <ann@example.org>\n\
         Build-Depends: debhelper-compat (= 13), libc6-dev [linux-any] <!nocheck> | libc-dev,\nStandards-Version: 4.6.2\n\n\
         Package: hello\nArchitecture: any\nDescription: greets\n and greets\n",
    );
    write(&tree.join("debian/copyright"), "It is free.\n");
    write(&tree.join("debian/rules"), "#!/usr/bin/make -f\n%:\n\tdh $@\n");
    write(&tree.join("debian/source/format"), &format!("{format}\n"));
    write(&tree.join("README"), "It greets.\n");
}

/// Builds the package, and gives the name and text of its `.changes`.
fn built(folder: &Path, version: &str) -> (String, Vec<u8>) {
    run(folder, "dpkg-source", &["--build", "hello"]);
    let changes = run(&folder.join("hello"), "dpkg-genchanges", &["--build=source", "-q"]);
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    (format!("hello_{version}_source.changes"), changes)
}

fn assert_good(house: &House, folder: &Path, version: &str, files: usize) {
    let (name, changes) = built(folder, version);
    let looked = Judge::of(house, "s").look(house, folder, &name, &changes);
    assert_eq!(looked.problems, []);
    assert_eq!(looked.examined.unwrap().source.unwrap().files.len(), files, "{version}");
}

#[test]
fn what_dpkg_source_builds_comes_in() {
    let house = House::new(&["main"], &["amd64"]);
    let folder = tempfile::tempdir().unwrap();
    unpacked(folder.path(), "3.0 (native)", "1:2.0");
    assert_good(&house, folder.path(), "1:2.0", 1);

    let folder = tempfile::tempdir().unwrap();
    unpacked(folder.path(), "1.0", "2.0");
    assert_good(&house, folder.path(), "2.0", 1);

    // 1.0 with a diff, to a file of upstream's and with files that are new
    let folder = tempfile::tempdir().unwrap();
    unpacked(folder.path(), "1.0", "2.0-1");
    let upstream = folder.path().join("hello-2.0.orig");
    write(&upstream.join("README"), "It greeted.\n");
    write(&upstream.join("debian/copyright"), "It was free.");
    run(folder.path(), "tar", &["-czf", "hello_2.0.orig.tar.gz", "hello-2.0.orig"]);
    fs::remove_dir_all(&upstream).unwrap();
    assert_good(&house, folder.path(), "2.0-1", 2);

    // 3.0 (quilt) with several tarballs, a signature, a patch, links, and upstream's own folder debian
    for compression in ["xz", "gz", "bz2"] {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        unpacked(at, "3.0 (quilt)", "1:2.0-1");
        let tree = at.join("hello");
        write(&tree.join("data/table"), "1 2 3\n");
        write(&tree.join("data/").join("x".repeat(150)), "");
        std::os::unix::fs::symlink("/etc/passwd", tree.join("data/link")).unwrap();
        run(at, "cp", &["-a", "hello", "hello-2.0"]);
        write(&at.join("hello-2.0/debian/changelog"), "upstream's own\n");
        fs::remove_dir_all(at.join("hello-2.0/data")).unwrap();
        run(at, "tar", &["-caf", &format!("hello_2.0.orig.tar.{compression}"), "hello-2.0"]);
        run(&tree, "tar", &["-caf", &format!("../hello_2.0.orig-data.tar.{compression}"), "data"]);
        write(
            &at.join(format!("hello_2.0.orig.tar.{compression}.asc")),
            "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n",
        );
        fs::remove_dir_all(at.join("hello-2.0")).unwrap();
        write(&tree.join("debian/patches/series"), "# in order\nreadme.patch\n");
        write(
            &tree.join("debian/patches/readme.patch"),
            "--- a/README\n+++ b/README\n@@ -1 +1 @@\n-It greets.\n+It greets you.\n",
        );
        assert_good(&house, at, "1:2.0-1", 4);
    }
}
