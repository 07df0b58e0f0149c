//! Uploads: real source packages by dpkg-source and dpkg-genchanges, binaries beside them, changed at will, signed, and put into incoming by dput.
//!
//! An upload is a folder with a `.changes` and what it lists. [`Package`] says what to make, [`Upload`] is what was made. What tests do to it is
//! done to the files; [`Upload::refresh`] makes the lists true again where only the content was to be bad, and [`Upload::sign`] comes last.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::deb::{BUILD_TIME, Deb};
use crate::tool::{self, Ran, tool};
use crate::uploader::Uploader;

/// How a source package is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `1.0`: a tarball of upstream's and a diff.
    One,
    /// `1.0` without a revision: one tarball.
    OneNative,
    /// `3.0 (native)`.
    Native,
    /// `3.0 (quilt)`.
    Quilt,
}

/// A source package to be made.
#[derive(Debug, Clone)]
pub struct Package {
    name: String,
    version: String,
    format: Format,
    distribution: String,
    urgency: String,
    section: String,
    maintainer: String,
    changed_by: String,
    entry: String,
    build_depends: String,
    binaries: Vec<(String, String)>,
    more_tarballs: Vec<String>,
    is_signed_upstream: bool,
    has_buildinfo: bool,
    files: Vec<(String, Vec<u8>)>,
    left_out: Vec<String>,
    options: Vec<String>,
}

impl Package {
    /// A package `3.0 (quilt)` of one tarball for suite `aurora`, with one binary package for every architecture.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            format: Format::Quilt,
            distribution: crate::root::SERIES.to_owned(),
            urgency: "medium".to_owned(),
            section: "misc".to_owned(),
            maintainer: "Pressroom Tests <tests@example.org>".to_owned(),
            changed_by: "Ann Uploader <ann@example.org>".to_owned(),
            entry: "Made.".to_owned(),
            build_depends: "debhelper-compat (= 13)".to_owned(),
            binaries: vec![(name.to_owned(), "all".to_owned())],
            more_tarballs: Vec::new(),
            is_signed_upstream: false,
            has_buildinfo: false,
            files: Vec::new(),
            left_out: Vec::new(),
            options: Vec::new(),
        }
    }

    /// Packs it otherwise.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// The suite in `Distribution`.
    #[must_use]
    pub fn distribution(mut self, distribution: &str) -> Self {
        distribution.clone_into(&mut self.distribution);
        self
    }

    /// The urgency.
    #[must_use]
    pub fn urgency(mut self, urgency: &str) -> Self {
        urgency.clone_into(&mut self.urgency);
        self
    }

    /// The section, with the component before a slash.
    #[must_use]
    pub fn section(mut self, section: &str) -> Self {
        section.clone_into(&mut self.section);
        self
    }

    /// Who looks after it.
    #[must_use]
    pub fn maintainer(mut self, maintainer: &str) -> Self {
        maintainer.clone_into(&mut self.maintainer);
        self
    }

    /// Who wrote the newest entry of the changelog.
    #[must_use]
    pub fn changed_by(mut self, changed_by: &str) -> Self {
        changed_by.clone_into(&mut self.changed_by);
        self
    }

    /// What that entry says.
    #[must_use]
    pub fn entry(mut self, entry: &str) -> Self {
        entry.clone_into(&mut self.entry);
        self
    }

    /// What it is built with.
    #[must_use]
    pub fn build_depends(mut self, relations: &str) -> Self {
        relations.clone_into(&mut self.build_depends);
        self
    }

    /// The binary packages and their architectures, instead of the one.
    #[must_use]
    pub fn binaries(mut self, binaries: &[(&str, &str)]) -> Self {
        self.binaries = binaries.iter().map(|(name, tag)| ((*name).to_owned(), (*tag).to_owned())).collect();
        self
    }

    /// One more tarball of upstream's, of a component of this name.
    #[must_use]
    pub fn tarball(mut self, component: &str) -> Self {
        self.more_tarballs.push(component.to_owned());
        self
    }

    /// With a signature beside upstream's tarball.
    #[must_use]
    pub const fn signed_upstream(mut self) -> Self {
        self.is_signed_upstream = true;
        self
    }

    /// With a `.buildinfo`.
    #[must_use]
    pub const fn buildinfo(mut self) -> Self {
        self.has_buildinfo = true;
        self
    }

    /// A file in the tree, also one that is there already.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// Without a file of the tree.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        self.left_out.push(path.to_owned());
        self
    }

    /// An option for dpkg-genchanges, as `-sd` for an upload without upstream's tarballs.
    #[must_use]
    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// Makes the source upload in a folder, in which upstream's tarballs of an earlier revision may lie.
    ///
    /// # Panics
    /// When dpkg-source or dpkg-genchanges will not.
    #[track_caller]
    #[must_use]
    pub fn source(&self, folder: &Path) -> Upload {
        let (work, tree) = self.unpacked(folder);
        tool::succeed(
            made(tool("dpkg-source").args(["-Zgzip", "--build"]).arg(&tree)).current_dir(work.path()),
        );
        if self.has_buildinfo {
            self.write_buildinfo(work.path());
        }
        self.changes(&["-S"], None, &tree, folder)
    }

    /// Makes the upload of binary packages, as a builder of an architecture would: those for it and, where `with_indep`, those for all.
    ///
    /// # Panics
    /// When dpkg-deb or dpkg-genchanges will not.
    #[track_caller]
    #[must_use]
    pub fn built(&self, folder: &Path, architecture: &str, with_indep: bool) -> Upload {
        let (work, tree) = self.unpacked(folder);
        let mut listed = String::new();
        for (name, tag) in &self.binaries {
            let tag = if tag == "any" { architecture } else { tag };
            if tag != architecture && !(tag == "all" && with_indep) {
                continue;
            }
            let mut deb = Deb::new(name, &self.version)
                .architecture(tag)
                .with("Section", &self.section)
                .with("Maintainer", &self.maintainer);
            if *name != self.name {
                deb = deb.with("Source", &self.name);
            }
            let path = deb.build(work.path());
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let _ = writeln!(listed, "{file} {} optional", self.section);
        }
        tool::write(&tree.join("debian/files"), listed);
        let mode = if with_indep { "-b" } else { "-B" };
        self.changes(&[mode], Some(architecture), &tree, folder)
    }

    /// The tree, and the tarballs of upstream's beside it.
    #[track_caller]
    fn unpacked(&self, folder: &Path) -> (tempfile::TempDir, PathBuf) {
        tool::make_folder(folder);
        let work = tempfile::tempdir().expect("there is room for a tree");
        let without_epoch =
            self.version.split_once(':').map_or(self.version.as_str(), |(_, version)| version);
        let upstream = match self.format {
            Format::Native | Format::OneNative => without_epoch,
            Format::Quilt | Format::One => {
                without_epoch.rsplit_once('-').expect("a version with a revision").0
            }
        };
        let top = format!("{}-{upstream}", self.name);
        let tree = work.path().join(&top);
        tool::write(&tree.join("README"), format!("{}, so that there is something to upload\n", self.name));
        if matches!(self.format, Format::Quilt | Format::One) {
            self.originals(folder, work.path(), &top, upstream);
        }
        let source_format = match self.format {
            Format::One | Format::OneNative => "1.0\n",
            Format::Native => "3.0 (native)\n",
            Format::Quilt => "3.0 (quilt)\n",
        };
        tool::write(&tree.join("debian/source/format"), source_format);
        tool::write(&tree.join("debian/changelog"), self.changelog());
        tool::write(&tree.join("debian/control"), self.control());
        tool::write(&tree.join("debian/copyright"), "Nobody's; do as you like.\n");
        tool::write_program(&tree.join("debian/rules"), "#!/usr/bin/make -f\nclean build binary:\n\t:\n");
        for (path, content) in &self.files {
            tool::write(&tree.join(path), content);
        }
        for path in &self.left_out {
            std::fs::remove_file(tree.join(path))
                .unwrap_or_else(|error| panic!("there is no {path}: {error}"));
        }
        (work, tree)
    }

    /// Upstream's tarballs: those that lie in the folder already, else new ones.
    #[track_caller]
    fn originals(&self, folder: &Path, work: &Path, top: &str, upstream: &str) {
        let original = |component: &str| format!("{}_{upstream}.orig{component}.tar.gz", self.name);
        for component in &self.more_tarballs {
            tool::write(&work.join(top).join(component).join("DATA"), format!("of {component}\n"));
        }
        for component in std::iter::once("").chain(self.more_tarballs.iter().map(String::as_str)) {
            let dashed = if component.is_empty() { String::new() } else { format!("-{component}") };
            let name = original(&dashed);
            if folder.join(&name).exists() {
                tool::succeed(tool("cp").arg(folder.join(&name)).arg(work));
                continue;
            }
            let mut tar = tool("tar");
            tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
                .arg(format!("--mtime=@{BUILD_TIME}"));
            tar.arg("-czf").arg(work.join(&name));
            if component.is_empty() {
                for component in &self.more_tarballs {
                    tar.arg(format!("--exclude={top}/{component}"));
                }
                tar.arg("-C").arg(work).arg(top);
            } else {
                tar.arg("-C").arg(work.join(top)).arg(component);
            }
            tool::succeed(&mut tar);
            if component.is_empty() && self.is_signed_upstream {
                let upstream = Uploader::new("Upstream", "upstream@example.org");
                tool::write(
                    &work.join(format!("{name}.asc")),
                    upstream.clearsigned("not over the tarball\n"),
                );
            }
        }
    }

    fn changelog(&self) -> String {
        format!(
            "{} ({}) {}; urgency={}\n\n  * {}\n\n -- {}  Tue, 14 Nov 2023 22:13:20 +0000\n",
            self.name, self.version, self.distribution, self.urgency, self.entry, self.changed_by,
        )
    }

    fn control(&self) -> String {
        let mut text = format!(
            "Source: {}\nSection: {}\nPriority: optional\nMaintainer: {}\nBuild-Depends: {}\n\
             Standards-Version: 4.6.2\nHomepage: https://example.org/{}\n",
            self.name, self.section, self.maintainer, self.build_depends, self.name,
        );
        for (name, tag) in &self.binaries {
            let _ = write!(
                text,
                "\nPackage: {name}\nArchitecture: {tag}\nDescription: something to upload\n It is there so that there is something to upload.\n"
            );
        }
        text
    }

    fn write_buildinfo(&self, work: &Path) {
        let version = self.version.split_once(':').map_or(self.version.as_str(), |(_, version)| version);
        let name = format!("{}_{version}_source.buildinfo", self.name);
        let text = format!(
            "Format: 1.0\nSource: {}\nBinary: {}\nArchitecture: source\nVersion: {}\n",
            self.name, self.name, self.version
        );
        tool::write(&work.join(&name), text);
        tool::write(
            &work.join(format!("{}-{}", self.name, self.upstream())).join("debian/files"),
            format!("{name} {} optional\n", self.section),
        );
    }

    /// The part of the version that names the tree.
    fn upstream(&self) -> &str {
        let version = self.version.split_once(':').map_or(self.version.as_str(), |(_, version)| version);
        match self.format {
            Format::Native | Format::OneNative => version,
            Format::Quilt | Format::One => version.rsplit_once('-').map_or(version, |(upstream, _)| upstream),
        }
    }

    /// Lets dpkg-genchanges write the `.changes`, and puts it and what it lists into the folder.
    #[track_caller]
    fn changes(&self, modes: &[&str], host: Option<&str>, tree: &Path, folder: &Path) -> Upload {
        let work = tree.parent().expect("a tree lies in a folder");
        let mut command = tool("dpkg-genchanges");
        if let Some(host) = host {
            command.env("DEB_HOST_ARCH", host);
        }
        command.args(modes).args(&self.options).arg("-q").current_dir(tree);
        let text = tool::succeed(made(&mut command)).stdout;
        let listed = names(&text);
        let version = self.version.split_once(':').map_or(self.version.as_str(), |(_, version)| version);
        let architecture = field(&text, "Architecture").replace(' ', "+");
        let changes = folder.join(format!("{}_{version}_{architecture}.changes", self.name));
        tool::write(&changes, &text);
        for name in listed {
            tool::succeed(tool("cp").arg(work.join(name)).arg(folder));
        }
        Upload { changes }
    }
}

/// A command with the time at which everything in a package was made.
fn made(command: &mut Command) -> &mut Command {
    command.env("SOURCE_DATE_EPOCH", BUILD_TIME.to_string())
}

/// A `.changes` and what it lists, in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    changes: PathBuf,
}

impl Upload {
    /// The upload whose `.changes` this is.
    #[must_use]
    pub fn at(changes: &Path) -> Self {
        Self { changes: changes.to_owned() }
    }

    /// The `.changes`.
    #[must_use]
    pub fn changes(&self) -> &Path {
        &self.changes
    }

    /// Its name.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn name(&self) -> String {
        self.changes.file_name().expect("a .changes has a name").to_string_lossy().into_owned()
    }

    /// The folder in which all of it lies.
    ///
    /// # Panics
    /// When it lies nowhere.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.changes.parent().expect("a .changes lies in a folder")
    }

    /// The text of the `.changes`, whatever is in it.
    #[track_caller]
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&tool::read(&self.changes)).into_owned()
    }

    /// The names in `Files`.
    #[track_caller]
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        names(&self.text()).into_iter().map(str::to_owned).collect()
    }

    /// A file of the upload by the end of its name, as `.dsc`.
    ///
    /// # Panics
    /// When none ends so.
    #[track_caller]
    #[must_use]
    pub fn file(&self, ending: &str) -> PathBuf {
        let name = self.files().into_iter().find(|name| name.ends_with(ending));
        self.folder().join(name.unwrap_or_else(|| panic!("{} lists no {ending}", self.name())))
    }

    /// Changes the text of the `.changes`.
    #[track_caller]
    pub fn edit(&self, edit: impl FnOnce(String) -> String) -> &Self {
        edit_file(&self.changes, edit);
        self
    }

    /// Replaces one text by another in the `.changes`.
    ///
    /// # Panics
    /// When it is not there.
    #[track_caller]
    pub fn replace(&self, from: &str, to: &str) -> &Self {
        self.edit(|text| {
            assert!(text.contains(from), "there is no {from:?} in {text}");
            text.replace(from, to)
        })
    }

    /// Changes the text of the `.dsc`, and makes its line in the `.changes` true.
    #[track_caller]
    pub fn edit_dsc(&self, edit: impl FnOnce(String) -> String) -> &Self {
        let dsc = self.file(".dsc");
        edit_file(&dsc, edit);
        edit_file(&self.changes, |text| relisted(&text, self.folder(), Some(&dsc)));
        self
    }

    /// Puts another content into a file, and makes the lists of the `.dsc` and the `.changes` true.
    #[track_caller]
    pub fn put(&self, ending: &str, content: impl AsRef<[u8]>) -> &Self {
        tool::write(&self.file(ending), content);
        self.refresh()
    }

    /// Adds a file to the folder and to the lists of the `.changes`.
    #[track_caller]
    pub fn add(&self, name: &str, section: &str, content: impl AsRef<[u8]>) -> &Self {
        tool::write(&self.folder().join(name), content.as_ref());
        self.edit(|text| listed_too(&text, name, section, content.as_ref()))
    }

    /// Takes a file out of all lists of the `.changes`, and leaves it in the folder.
    #[track_caller]
    pub fn unlist(&self, ending: &str) -> &Self {
        self.edit(|text| {
            let kept = text.lines().filter(|line| !(line.starts_with(' ') && line.ends_with(ending)));
            kept.flat_map(|line| [line, "\n"]).collect()
        })
    }

    /// Makes sizes and digests true, those of the `.dsc` first.
    #[track_caller]
    pub fn refresh(&self) -> &Self {
        if self.files().iter().any(|name| name.ends_with(".dsc")) {
            let dsc = self.file(".dsc");
            edit_file(&dsc, |text| relisted(&text, self.folder(), None));
        }
        edit_file(&self.changes, |text| relisted(&text, self.folder(), None));
        self
    }

    /// Signs the `.dsc`, makes its line in the `.changes` true, and signs that: what debsign does.
    #[track_caller]
    pub fn sign(&self, uploader: &Uploader) -> &Self {
        if self.files().iter().any(|name| name.ends_with(".dsc")) {
            self.edit_dsc(|text| uploader.clearsigned(&text));
        }
        self.sign_changes(uploader, &[])
    }

    /// Signs the `.changes` alone, with options of gpg's.
    #[track_caller]
    pub fn sign_changes(&self, uploader: &Uploader, options: &[&str]) -> &Self {
        self.edit(|text| uploader.clearsigned_with(&text, options))
    }

    /// Copies it into another folder.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[track_caller]
    pub fn copy(&self, folder: &Path) -> Self {
        tool::make_folder(folder);
        for name in self.files() {
            let path = self.folder().join(&name);
            if path.symlink_metadata().is_ok() {
                tool::succeed(tool("cp").arg("--no-dereference").arg(&path).arg(folder));
            }
        }
        tool::succeed(tool("cp").arg(&self.changes).arg(folder));
        Self { changes: folder.join(self.name()) }
    }

    /// Lets Debian's dput put it into a folder, which has to be there.
    #[track_caller]
    #[must_use]
    pub fn dput(&self, incoming: &Path, uploader: Option<&Uploader>) -> Ran {
        let configuration = tempfile::NamedTempFile::new().expect("there is room for a file");
        tool::write(
            configuration.path(),
            format!(
                "[here]\nfqdn = localhost\nmethod = local\nincoming = {}\nallow_unsigned_uploads = 1\n\
                 run_lintian = 0\nrun_dinstall = 0\ncheck_version = 0\npost_upload_command =\npre_upload_command =\n",
                incoming.display()
            ),
        );
        let mut command = tool("dput");
        command.arg("--force").arg("--config").arg(configuration.path());
        match uploader {
            Some(uploader) => command.env("GNUPGHOME", uploader.home()),
            None => command.arg("--unchecked"),
        };
        tool::run(command.arg("here").arg(&self.changes).current_dir(self.folder()))
    }
}

/// The value of a field that is one line; nothing where it is not there.
#[must_use]
pub fn field(text: &str, name: &str) -> String {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

/// The names of a `.changes`'s or a `.dsc`'s `Files`.
fn names(text: &str) -> Vec<&str> {
    let lines = text.lines().skip_while(|line| *line != "Files:" && *line != "Files: ").skip(1);
    let lines = lines.take_while(|line| line.starts_with(' '));
    lines.filter_map(|line| line.rsplit(' ').next()).collect()
}

/// The lists with the sizes and digests of the files that lie in the folder, or of only one of them.
fn relisted(text: &str, folder: &Path, only: Option<&Path>) -> String {
    let mut out = String::new();
    let mut list = "";
    for line in text.lines() {
        let mut new = None;
        if let Some(words) = line.strip_prefix(' ') {
            let words: Vec<&str> = words.split(' ').collect();
            if let (Some(name), true) = (words.last(), words.len() >= 3)
                && only.is_none_or(|only| only == folder.join(name))
                && let Ok(content) = std::fs::read(folder.join(name))
            {
                let digest = digest(list, &content);
                let middle = words[2..words.len() - 1].iter().map(|word| format!("{word} "));
                new = digest.map(|digest| {
                    format!(" {digest} {} {}{name}", content.len(), middle.collect::<String>())
                });
            }
        } else {
            list = line.trim_end().trim_end_matches(':');
        }
        out.push_str(new.as_deref().unwrap_or(line));
        out.push('\n');
    }
    out
}

/// The lists with a file more.
fn listed_too(text: &str, name: &str, section: &str, content: &[u8]) -> String {
    let mut out = String::new();
    let mut list: Option<String> = None;
    for line in text.lines().chain(std::iter::once("")) {
        if !line.starts_with(' ') {
            if let Some(list) = list.take()
                && let Some(digest) = digest(&list, content)
            {
                let middle = if list == "Files" { format!("{section} optional ") } else { String::new() };
                let _ = writeln!(out, " {digest} {} {middle}{name}", content.len());
            }
            list = Some(line.trim_end().trim_end_matches(':').to_owned());
        }
        out.push_str(line);
        out.push('\n');
    }
    // the line that closed the last list
    out.pop();
    out
}

/// The digest that a list has; none where it is no list.
fn digest(list: &str, content: &[u8]) -> Option<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match list {
        "Files" => Some(hex(&Md5::digest(content))),
        "Checksums-Sha1" => Some(hex(&Sha1::digest(content))),
        "Checksums-Sha256" => Some(hex(&Sha256::digest(content))),
        _ => None,
    }
}

#[track_caller]
fn edit_file(path: &Path, edit: impl FnOnce(String) -> String) {
    let text = edit(tool::read_text(path));
    // in a file of its own: the old one may be linked from elsewhere
    std::fs::remove_file(path).unwrap_or_else(|error| panic!("cannot replace {}: {error}", path.display()));
    tool::write(path, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_source_unpacks_what_is_made_in_every_format() {
        for (format, version, files) in [
            (Format::One, "1:1.0-1", vec!["one_1.0-1.dsc", "one_1.0.orig.tar.gz", "one_1.0-1.diff.gz"]),
            (Format::OneNative, "1.0", vec!["one_1.0.dsc", "one_1.0.tar.gz"]),
            (Format::Native, "1.0", vec!["one_1.0.dsc", "one_1.0.tar.gz"]),
            (
                Format::Quilt,
                "1.0-1",
                vec![
                    "one_1.0-1.dsc",
                    "one_1.0.orig-more.tar.gz",
                    "one_1.0.orig.tar.gz",
                    "one_1.0.orig.tar.gz.asc",
                    "one_1.0-1.debian.tar.xz",
                ],
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut package = Package::new("one", version).format(format);
            if format == Format::Quilt {
                package = package.tarball("more").signed_upstream();
            }
            let upload = package.source(folder.path());
            let ending = |name: &String| name.replace("tar.xz", "tar.gz");
            let made: Vec<String> = upload.files().iter().map(ending).collect();
            let files: Vec<String> =
                files.iter().map(|name| (*name).to_owned()).map(|name| ending(&name)).collect();
            assert_eq!(made, files, "{format:?}");
            let mut command = tool("dpkg-source");
            command.args(["--no-check", "--extract"]).arg(upload.file(".dsc")).arg("out");
            tool::succeed(command.current_dir(folder.path()));
        }
    }

    #[test]
    fn lists_are_made_true_again_and_signed_and_dput_takes_them() {
        let (folder, incoming) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ann = Uploader::new("Ann Uploader", "ann@example.org");
        let upload = Package::new("one", "1.0-1").source(folder.path());
        let before = upload.text();
        upload.refresh();
        assert_eq!(before, upload.text(), "what is true stays as it is");
        upload.add("one_1.0_notes.buildinfo", "misc", "notes\n").sign(&ann);
        upload.dput(incoming.path(), Some(&ann)).exits(0);
        let mut expected = upload.files();
        expected.push(upload.name());
        expected.sort();
        assert_eq!(crate::apt::names_in(incoming.path()), expected);
        // dput compares the lists with the files
        let other = upload.copy(&folder.path().join("other"));
        tool::write(&other.file(".orig.tar.gz"), "changed");
        assert_ne!(other.dput(incoming.path(), Some(&ann)).code, Some(0));
    }

    #[test]
    fn binaries_have_a_changes_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let package = Package::new("one", "1.0-1").binaries(&[("one", "any"), ("one-doc", "all")]);
        let upload = package.built(folder.path(), "amd64", true);
        assert_eq!(upload.files(), ["one-doc_1.0-1_all.deb", "one_1.0-1_amd64.deb"]);
        assert_eq!(upload.name(), "one_1.0-1_all+amd64.changes");
        let upload = package.built(folder.path(), "arm64", false);
        assert_eq!(upload.files(), ["one_1.0-1_arm64.deb"]);
        assert_eq!(field(&upload.text(), "Architecture"), "arm64");
    }
}
