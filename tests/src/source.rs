//! Small source packages, by dpkg-source.

use std::path::{Path, PathBuf};

use crate::deb::BUILD_TIME;
use crate::tool::{self, tool};

/// Builds a source package `3.0 (quilt)` in a folder and gives the path of its .dsc; its files lie beside it.
///
/// `version` has a revision: `1.0-1`. The tarball of the upstream version is taken as it is when it lies there.
///
/// # Panics
/// When dpkg-source will not.
#[track_caller]
#[must_use]
pub fn build(folder: &Path, name: &str, version: &str) -> PathBuf {
    let (upstream, _) = version.rsplit_once('-').expect("a version with a revision");
    let upstream = upstream.split_once(':').map_or(upstream, |(_, upstream)| upstream);
    tool::make_folder(folder);
    let work = tempfile::tempdir().expect("there is room for a tree");
    let top = format!("{name}-{upstream}");
    let tree = work.path().join(&top);
    tool::write(&tree.join("README"), format!("{name}, so that there is something to publish\n"));
    let original = format!("{name}_{upstream}.orig.tar.gz");
    if folder.join(&original).exists() {
        tool::succeed(tool("cp").arg(folder.join(&original)).arg(work.path()));
    } else {
        let mut tar = tool("tar");
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
            .arg(format!("--mtime=@{BUILD_TIME}"));
        tool::succeed(tar.arg("-czf").arg(work.path().join(&original)).arg("-C").arg(work.path()).arg(&top));
    }
    tool::write(&tree.join("debian/source/format"), "3.0 (quilt)\n");
    tool::write(&tree.join("debian/changelog"), changelog(name, version));
    tool::write(&tree.join("debian/control"), control(name));
    tool::write(&tree.join("debian/copyright"), "Nobody's; do as you like.\n");
    tool::write_program(&tree.join("debian/rules"), "#!/usr/bin/make -f\nclean build binary:\n\t:\n");
    let mut command = tool("dpkg-source");
    command.args(["-Zgzip", "--build", &top]).current_dir(work.path());
    tool::succeed(command.env("SOURCE_DATE_EPOCH", BUILD_TIME.to_string()));
    let mut dsc = None;
    for entry in std::fs::read_dir(work.path()).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_file() {
            tool::succeed(tool("cp").arg(&path).arg(folder));
            if path.extension().is_some_and(|ending| ending == "dsc") {
                dsc = path.file_name().map(|file| folder.join(file));
            }
        }
    }
    dsc.expect("dpkg-source makes a .dsc")
}

fn changelog(name: &str, version: &str) -> String {
    format!(
        "{name} ({version}) unstable; urgency=medium\n\n  * Made.\n\n -- Pressroom Tests <tests@example.org>  Tue, 14 Nov 2023 22:13:20 +0000\n"
    )
}

fn control(name: &str) -> String {
    format!(
        "Source: {name}\nSection: misc\nPriority: optional\nMaintainer: Pressroom Tests <tests@example.org>\n\
         Build-Depends: debhelper-compat (= 13)\nStandards-Version: 4.6.2\nHomepage: https://example.org/{name}\n\n\
         Package: {name}\nArchitecture: all\nDescription: something to publish\n It is there so that there is something to publish.\n"
    )
}
