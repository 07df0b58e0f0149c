//! Uploads made by hand, so that each can be wrong in one way.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use pressroom_archive::disk;
use pressroom_archive::domain::problem::Problem;
use pressroom_archive::domain::{ArchivePurpose, FileDigests, UploadPolicy};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::shape::SuiteShape;
use pressroom_archive::upload::checks::{Asked, Limits, Looked, early, examine};

use crate::fixture::House;

/// A tarball entry: what it is, its path, its content or where it leads, its date.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: tar::EntryType,
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
    pub(crate) link: String,
    pub(crate) modified: u64,
}

impl Entry {
    pub(crate) fn file(path: &str, content: &str) -> Self {
        Self {
            kind: tar::EntryType::Regular,
            path: path.into(),
            content: content.into(),
            link: String::new(),
            modified: 1_700_000_000,
        }
    }

    pub(crate) fn link(path: &str, target: &str) -> Self {
        Self { kind: tar::EntryType::Symlink, link: target.into(), ..Self::file(path, "") }
    }

    pub(crate) fn kind(self, kind: tar::EntryType) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn modified(self, modified: u64) -> Self {
        Self { modified, ..self }
    }
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tarball whose paths are written as they are.
pub(crate) fn tar_gz(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
        old.linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_size(entry.content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(entry.modified);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(&entry.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    gz(&out)
}

/// A binary package with these control fields and files.
pub(crate) fn deb(control: &str, files: &[Entry]) -> Vec<u8> {
    let mut deb = b"!<arch>\n".to_vec();
    for (name, content) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tar_gz(&[Entry::file("./control", control)])),
        ("data.tar.gz", tar_gz(files)),
    ] {
        writeln!(deb, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", content.len()).unwrap();
        let odd = content.len() % 2 == 1;
        deb.extend(content);
        deb.extend(odd.then_some(b'\n'));
    }
    deb
}

/// The control file of a package of `hello`.
pub(crate) fn control(package: &str, version: &str, architecture: &str, more: &str) -> String {
    format!(
        "Package: {package}\nSource: hello (1-1)\nVersion: {version}\nArchitecture: {architecture}\n\
         Maintainer: Ann Uploader <ann@example.org>\nSection: devel\nPriority: optional\n{more}Description: greets\n"
    )
}

/// What lies in `hello-1`, without the folder.
pub(crate) fn tree() -> Vec<Entry> {
    vec![
        Entry::file(
            "debian/changelog",
            "hello (1-1) s; urgency=medium\n\n  * Hi.\n\n -- Ann Uploader <ann@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n",
        ),
        Entry::file("debian/control", "Source: hello\n"),
        Entry::file("debian/copyright", "It is free.\n"),
    ]
}

fn below(folder: &str, entries: &[Entry]) -> Vec<Entry> {
    entries.iter().map(|entry| Entry { path: format!("{folder}{}", entry.path), ..entry.clone() }).collect()
}

/// A file of an upload.
#[derive(Debug, Clone)]
pub(crate) struct DraftFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) section: String,
    pub(crate) priority: String,
}

/// Who makes uploads.
const ANN: &str = "Ann Uploader <ann@example.org>";

/// An upload to be made.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    /// `Maintainer` and `Changed-By` of the `.changes`.
    pub(crate) people: (String, String),
    /// The `.dsc` without its lists; empty: there is none.
    pub(crate) dsc: String,
    pub(crate) dsc_name: String,
    /// What the `.dsc` lists and the upload does not have.
    pub(crate) borrowed: Vec<(String, Vec<u8>)>,
    /// What the `.dsc` lists.
    pub(crate) parts: Vec<DraftFile>,
    /// What it does not.
    pub(crate) files: Vec<DraftFile>,
    /// Made of the `.dsc` in the end, as a signature around it.
    pub(crate) around_dsc: Rc<Around>,
}

/// Makes other bytes of some.
type Around = dyn Fn(&[u8]) -> Vec<u8>;

fn dsc(format: &str, version: &str) -> String {
    format!(
        "Format: {format}\nSource: hello\nBinary: hello\nArchitecture: any\nVersion: {version}\n\
         Maintainer: Ann Uploader <ann@example.org>\nBuild-Depends: debhelper-compat (= 13)\n"
    )
}

pub(crate) fn file(name: &str, bytes: Vec<u8>) -> DraftFile {
    DraftFile { name: name.into(), bytes, section: "devel".into(), priority: "optional".into() }
}

impl Draft {
    fn empty() -> Self {
        Self {
            name: "hello_1-1_source.changes".into(),
            source: "hello".into(),
            version: "1-1".into(),
            architecture: "source".into(),
            people: (ANN.into(), ANN.into()),
            dsc: String::new(),
            dsc_name: "hello_1-1.dsc".into(),
            borrowed: Vec::new(),
            parts: Vec::new(),
            files: Vec::new(),
            around_dsc: Rc::new(<[u8]>::to_vec),
        }
    }

    /// A source of format 3.0 (quilt).
    pub(crate) fn quilt() -> Self {
        Self {
            dsc: dsc("3.0 (quilt)", "1-1"),
            parts: vec![
                file("hello_1.orig.tar.gz", tar_gz(&[Entry::file("hello-1/README", "hello")])),
                file("hello_1-1.debian.tar.gz", tar_gz(&tree())),
            ],
            ..Self::empty()
        }
    }

    /// A source of format 3.0 (native), with this in its folder.
    pub(crate) fn native(entries: &[Entry]) -> Self {
        Self {
            dsc: dsc("3.0 (native)", "1-1"),
            parts: vec![file("hello_1-1.tar.gz", tar_gz(&below("hello-1/", entries)))],
            ..Self::empty()
        }
    }

    /// A source of format 1.0, whose diff is this.
    pub(crate) fn diff(upstream: &[Entry], diff: &str) -> Self {
        Self {
            dsc: dsc("1.0", "1-1"),
            parts: vec![
                file("hello_1.orig.tar.gz", tar_gz(&below("hello-1/", upstream))),
                file("hello_1-1.diff.gz", gz(diff.as_bytes())),
            ],
            ..Self::empty()
        }
    }

    /// One binary package.
    pub(crate) fn binary() -> Self {
        Self {
            name: "hello_1-1_amd64.changes".into(),
            architecture: "amd64".into(),
            files: vec![file(
                "hello_1-1_amd64.deb",
                deb(&control("hello", "1-1", "amd64", ""), &[Entry::file("./usr/bin/hello", "x")]),
            )],
            ..Self::empty()
        }
    }

    /// One custom file.
    pub(crate) fn custom(name: &str, section: &str, entries: &[Entry]) -> Self {
        let file = DraftFile { section: section.into(), ..file(name, tar_gz(entries)) };
        Self {
            name: "hello_1-1_amd64.changes".into(),
            architecture: "amd64".into(),
            files: vec![file],
            ..Self::empty()
        }
    }

    /// With another version everywhere but in its content.
    pub(crate) fn with_version(mut self, version: &str) -> Self {
        let upstream = |version: &str| version.rsplit_once('-').map_or(version, |(up, _)| up).to_owned();
        let old = self.version.clone();
        let swap = |text: &str| {
            text.replace(&format!("_{old}"), &format!("_{version}"))
                .replace(&format!("_{}.orig", upstream(&old)), &format!("_{}.orig", upstream(version)))
        };
        self.dsc = self.dsc.replace(&format!("Version: {old}\n"), &format!("Version: {version}\n"));
        (self.name, self.dsc_name) = (swap(&self.name), swap(&self.dsc_name));
        for part in &mut self.parts {
            part.name = swap(&part.name);
        }
        self.version = version.into();
        self
    }

    /// Writes the upload into a folder, and gives the `.changes`.
    pub(crate) fn write(&self, folder: &Path) -> Vec<u8> {
        let mut files = Vec::new();
        if !self.dsc.is_empty() {
            let listed: Vec<(&str, &[u8])> = self
                .parts
                .iter()
                .map(|part| (part.name.as_str(), &part.bytes[..]))
                .chain(self.borrowed.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])))
                .collect();
            let text = self.dsc.clone() + &lists(listed.into_iter(), "");
            files.push(file(&self.dsc_name, (self.around_dsc)(text.as_bytes())));
        }
        files.extend(self.parts.iter().chain(&self.files).cloned());
        for file in &files {
            disk::write_staged(&folder.join(&file.name), &file.bytes).unwrap();
        }
        let rows = files.iter().map(|file| (file.name.as_str(), &file.bytes[..]));
        let mut text = format!(
            "Format: 1.8\nSource: {}\nArchitecture: {}\nVersion: {}\nDistribution: s\nUrgency: medium\n\
             Maintainer: {}\nChanged-By: {}\nChanges:\n {0} ({2}) s\n .\n   * Hi.\n",
            self.source, self.architecture, self.version, self.people.0, self.people.1
        ) + &lists(rows, "\u{1}");
        for file in &files {
            let filing = format!(" {} {} {}", file.section, file.priority, file.name);
            text = text.replacen(&format!(" \u{1} {}", file.name), &filing, 1);
        }
        text.into_bytes()
    }
}

/// The lists of files; `filing` stands in `Files` before the name.
fn lists<'f>(files: impl Iterator<Item = (&'f str, &'f [u8])> + Clone, filing: &str) -> String {
    let filing = if filing.is_empty() { String::new() } else { format!(" {filing}") };
    let mut text = String::from("Checksums-Sha1:\n");
    for (name, bytes) in files.clone() {
        let digests = FileDigests::of(bytes);
        text += &format!(" {} {} {name}\n", digests.sha1, digests.size_bytes);
    }
    text += "Checksums-Sha256:\n";
    for (name, bytes) in files.clone() {
        let digests = FileDigests::of(bytes);
        text += &format!(" {} {} {name}\n", digests.sha256, digests.size_bytes);
    }
    text += "Files:\n";
    for (name, bytes) in files {
        let digests = FileDigests::of(bytes);
        text += &format!(" {} {}{filing} {name}\n", digests.md5, digests.size_bytes);
    }
    text
}

/// What the judge knows beside the upload.
pub(crate) struct Judge {
    pub(crate) archive: Archive,
    pub(crate) shape: SuiteShape,
    pub(crate) limits: Limits,
    pub(crate) policy: UploadPolicy,
    pub(crate) signer: Option<String>,
    pub(crate) is_refused: bool,
}

impl Judge {
    pub(crate) fn of(house: &House, suite: &str) -> Self {
        Self {
            archive: house.archive.clone(),
            shape: house.shape(suite),
            limits: Limits::default(),
            policy: UploadPolicy::Sync,
            signer: None,
            is_refused: false,
        }
    }

    pub(crate) fn ppa(mut self) -> Self {
        self.archive.purpose = ArchivePurpose::Ppa;
        self
    }

    /// Looks at an upload that lies in a folder.
    pub(crate) fn look(&self, house: &House, folder: &Path, name: &str, changes: &[u8]) -> Looked {
        let name = name.parse().unwrap();
        let changes = match early(changes, &name) {
            Ok(changes) => changes,
            Err(problems) => return Looked { examined: None, problems },
        };
        let asked = Asked {
            db: house.db.read(),
            librarian: &house.librarian,
            kept: &house.librarian,
            archive: &self.archive,
            shape: &self.shape,
            policy: self.policy,
            limits: &self.limits,
            signer: self.signer.as_deref(),
            is_refused: self.is_refused,
            now: house.now,
        };
        examine(File::open(folder).unwrap(), &asked, &name, changes).unwrap()
    }

    /// Writes an upload and looks at it.
    pub(crate) fn draft(&self, house: &House, draft: &Draft) -> Looked {
        let folder = tempfile::tempdir().unwrap();
        let changes = draft.write(folder.path());
        self.look(house, folder.path(), &draft.name, &changes)
    }
}

/// The checks of problems, in order.
pub(crate) fn checks(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.check).collect()
}
