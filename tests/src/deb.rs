//! Small binary packages: by dpkg-deb for tests that want the real thing, by hand for thousands of them and for bad ones.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::tool::{self, tool};

/// The time of everything in a package, in seconds since 1970: packages built twice are the same.
pub const BUILD_TIME: u64 = 1_700_000_000;

/// A binary package to be built.
#[derive(Debug, Clone)]
pub struct Deb {
    fields: Vec<(String, String)>,
    ending: &'static str,
    payload: Vec<u8>,
}

impl Deb {
    /// A package for every architecture, in section `misc`, with what policy asks of a control file.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        let fields = [
            ("Package", name),
            ("Version", version),
            ("Architecture", "all"),
            ("Maintainer", "Pressroom Tests <tests@example.org>"),
            ("Installed-Size", "1"),
            ("Section", "misc"),
            ("Priority", "optional"),
            ("Description", "something to publish\n It is there so that there is something to publish."),
        ];
        let fields = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).to_vec();
        Self { fields, ending: "deb", payload: b"payload\n".to_vec() }
    }

    /// Sets a field, or adds it before the description.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(field, _)| field == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.insert(self.fields.len() - 1, (name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self
    }

    /// Builds for one architecture.
    #[must_use]
    pub fn architecture(self, architecture: &str) -> Self {
        self.with("Architecture", architecture)
    }

    /// For the installer.
    #[must_use]
    pub fn udeb(mut self) -> Self {
        self.ending = "udeb";
        self.with("Package-Type", "udeb").with("Section", "debian-installer")
    }

    /// Debug symbols.
    #[must_use]
    pub fn ddeb(mut self) -> Self {
        self.ending = "ddeb";
        self.with("Package-Type", "ddeb").with("Section", "debug").with("Priority", "optional")
    }

    /// What the one file in it says.
    #[must_use]
    pub fn payload(mut self, payload: &str) -> Self {
        payload.as_bytes().clone_into(&mut self.payload);
        self
    }

    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// The file's name by policy: without the version's epoch.
    #[must_use]
    pub fn file_name(&self) -> String {
        let version = self.field("Version");
        let version = version.split_once(':').map_or(version, |(_, version)| version);
        format!("{}_{version}_{}.{}", self.field("Package"), self.field("Architecture"), self.ending)
    }

    /// The control file.
    #[must_use]
    pub fn control(&self) -> String {
        self.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    }

    /// Builds it by dpkg-deb in a folder.
    ///
    /// # Panics
    /// When dpkg-deb will not.
    #[track_caller]
    #[must_use]
    pub fn build(&self, folder: &Path) -> PathBuf {
        let tree = tempfile::tempdir().expect("there is room for a tree");
        tool::write(&tree.path().join("DEBIAN/control"), self.control());
        let file = format!("usr/share/{}/payload", self.field("Package"));
        tool::write(&tree.path().join(file), &self.payload);
        tool::make_folder(folder);
        let path = folder.join(self.file_name());
        let mut command = tool("dpkg-deb");
        command.args(["--root-owner-group", "-Zxz", "--build"]).arg(tree.path()).arg(&path);
        tool::succeed(command.env("SOURCE_DATE_EPOCH", BUILD_TIME.to_string()));
        path
    }

    /// Writes it by hand in a folder: no dpkg-deb looks at it, so that it may be bad.
    ///
    /// # Panics
    /// When it cannot be written.
    #[track_caller]
    #[must_use]
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.file_name());
        let file = format!("./usr/share/{}/payload", self.field("Package"));
        tool::write(&path, bytes(self.control().as_bytes(), &[(file, self.payload.clone())]));
        path
    }
}

/// A package of a control file and some data, each in a gzipped tar.
#[must_use]
pub fn bytes(control: &[u8], data: &[(String, Vec<u8>)]) -> Vec<u8> {
    let control = tar_gz(&[("./control".to_owned(), control.to_vec())]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.gz", &tar_gz(data))])
}

/// An ar archive of members, as deb(5) wants it.
#[must_use]
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        out.extend(ar_header(name, content.len()));
        out.extend_from_slice(content);
        if content.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

/// What stands before a member in an ar archive; the length may lie.
#[must_use]
pub fn ar_header(name: &str, length: usize) -> Vec<u8> {
    format!("{name:<16}{BUILD_TIME:<12}{:<6}{:<6}{:<8}{length:<10}`\n", 0, 0, "100644").into_bytes()
}

/// A gzipped tar of regular files.
///
/// # Panics
/// When a path is longer than 100 bytes.
#[must_use]
pub fn tar_gz(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(&mut out);
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(BUILD_TIME);
        // `append_data` would take away the `./` that dpkg-deb puts before all names
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_slice()).expect("memory takes it");
    }
    builder.finish().expect("memory takes it");
    drop(builder);
    out.flush().and_then(|()| out.finish()).expect("memory takes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_is_what_dpkg_deb_reads() {
        let folder = tempfile::tempdir().unwrap();
        let deb = Deb::new("by-hand", "1:2.0-1").architecture("amd64");
        let path = deb.write(folder.path());
        assert!(path.ends_with("by-hand_2.0-1_amd64.deb"));
        let said = tool::succeed(tool("dpkg-deb").arg("--field").arg(&path));
        assert_eq!(said.stdout, deb.control());
        tool::succeed(tool("dpkg-deb").arg("--contents").arg(&path)).says(&["./usr/share/by-hand/payload"]);
    }

    #[test]
    fn the_same_package_is_built_twice_the_same() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let deb = Deb::new("twice", "1");
        assert_eq!(tool::read(&deb.build(one.path())), tool::read(&deb.build(two.path())));
    }
}
