//! Uploads made by hand, as the upload processor leaves them: releases without publications, and rows that wait.

use std::fs;

use pressroom_archive::domain::{
    AliasId, BinaryFormat, ComponentId, FileDigests, FileName, SourceReleaseId, UploadId, UploadPolicy,
    UploadStatus,
};
use pressroom_archive::format::{BinaryControl, PackageType};
use pressroom_archive::store::package_release::{self, NewBinaryRelease, NewSourceRelease};
use pressroom_archive::store::package_upload::{self, Filed, NewUpload};
use pressroom_archive::store::publication::{self, NewSourcePublication};
use pressroom_archive::store::{Made, StoreError, library_file, series};

use crate::fixture::{House, Package, tar_gz};

impl House {
    /// The row of a component.
    pub(crate) fn component(&self, name: &str) -> ComponentId {
        let series = self.shape("s").series.id;
        series::component(self.db.read(), series, &name.parse().unwrap()).unwrap().id
    }

    /// Puts a file into the librarian, under a name.
    pub(crate) fn put(&mut self, name: &str, bytes: &[u8]) -> Made<AliasId> {
        let (digests, now) = (FileDigests::of(bytes), self.now);
        let name: FileName = name.parse().unwrap();
        self.librarian.keep_bytes(bytes, &digests).unwrap();
        self.db.write(|tx| library_file::alias(tx, &digests, &name, now)).unwrap()
    }

    /// A native source package whose tarball has these files, below a folder.
    pub(crate) fn source(&mut self, name: &str, version: &str, files: &[(&str, &[u8])]) -> SourceReleaseId {
        let paths: Vec<String> = files.iter().map(|(path, _)| format!("{name}-{version}/{path}")).collect();
        let members: Vec<(&str, &[u8])> =
            paths.iter().map(String::as_str).zip(files.iter().map(|(_, content)| *content)).collect();
        let tarball = tar_gz(&members);
        let file_name = format!("{name}_{version}.tar.gz");
        let digests = FileDigests::of(&tarball);
        let dsc = format!(
            "Format: 3.0 (native)\nSource: {name}\nBinary: {name}\nArchitecture: any\nVersion: {version}\n\
             Maintainer: Ann Uploader <ann@example.org>\nChecksums-Sha256:\n {} {} {file_name}\n",
            digests.sha256,
            tarball.len()
        );
        let tarball = self.put(&file_name, &tarball).row();
        let dsc_file = self.put(&format!("{name}_{version}.dsc"), dsc.as_bytes());
        self.source_release(name, version, &dsc, dsc_file, &[tarball])
    }

    /// A source package of files that are there.
    pub(crate) fn source_release(
        &mut self,
        name: &str,
        version: &str,
        dsc: &str,
        dsc_file: Made<AliasId>,
        files: &[AliasId],
    ) -> SourceReleaseId {
        let (archive, now) = (self.archive.id, self.now);
        let release = self.db.write(|tx| {
            package_release::source_release(
                tx,
                &NewSourceRelease {
                    name: &name.parse().unwrap(),
                    version: &version.parse().unwrap(),
                    format: "3.0 (native)",
                    architecture: "any",
                    section: None,
                    priority: None,
                    maintainer: "Ann Uploader <ann@example.org>",
                    dsc,
                    dsc_file,
                    files,
                    archive,
                },
                now,
            )
        });
        release.unwrap().row()
    }

    /// Publishes a source, without a pass: it waits.
    pub(crate) fn publish_source(&mut self, suite: &str, release: SourceReleaseId, name: &str) {
        let (suite, component, now) = (self.shape(suite).suite.id, self.component("main"), self.now);
        let new = NewSourcePublication {
            suite,
            release: Made::Known(release),
            name: &name.parse().unwrap(),
            component,
            section: None,
            creator: "test",
        };
        self.db.write(|tx| publication::publish_source(tx, &new, now)).unwrap();
    }

    /// An upload with nothing in it yet.
    pub(crate) fn upload(
        &mut self,
        suite: &str,
        name: &str,
        version: &str,
        status: UploadStatus,
    ) -> UploadId {
        let changes = format!("Format: 1.8\nSource: {name}\nVersion: {version}\nDistribution: {suite}\n");
        let changes_file = self.put(&format!("{name}_{version}_source.changes"), changes.as_bytes()).row();
        let (archive, suite, now) = (self.archive.id, self.shape(suite).suite.id, self.now);
        let new = NewUpload {
            archive,
            suite,
            status,
            policy: UploadPolicy::Insecure,
            signer: None,
            signing_key: None,
            changed_by: "Ann Uploader <ann@example.org>",
            changes_file: Some(changes_file),
            source_name: &name.parse().unwrap(),
            version: &version.parse().unwrap(),
            comment: "it came in",
        };
        self.db.write(|tx| package_upload::add_upload(tx, &new, now)).unwrap()
    }

    /// An upload of a source.
    pub(crate) fn source_upload(
        &mut self,
        suite: &str,
        (name, version): (&str, &str),
        component: &str,
        status: UploadStatus,
    ) -> UploadId {
        let release =
            self.source(name, version, &[("debian/control", b"Source: x\n"), ("main.c", b"int main;\n")]);
        let upload = self.upload(suite, name, version, status);
        let filed = self.filed(component);
        self.db.write(|tx| package_upload::add_source(tx, upload, release, &filed)).unwrap();
        upload
    }

    /// Adds a binary package to an upload.
    pub(crate) fn add_binary(&mut self, upload: UploadId, package: &Package, component: &str) {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let path = package.write(folder.path());
        let bytes = fs::read(&path).unwrap();
        let file = self.put(path.file_name().unwrap().to_str().unwrap(), &bytes);
        let (deb, _) = pressroom_archive::format::deb::read_deb(bytes.as_slice()).unwrap();
        let control = BinaryControl::parse(&deb.text, PackageType::Deb).unwrap();
        let (filed, now) = (self.filed(component), self.now);
        let added: Result<(), StoreError> = self.db.write(|tx| {
            let release = package_release::binary_release(
                tx,
                &NewBinaryRelease {
                    name: &control.package,
                    version: &control.version,
                    format: BinaryFormat::Deb,
                    architecture: &control.architecture,
                    source_name: &control.source,
                    source_version: &control.source_version,
                    source_release: None,
                    section: control.section.as_ref(),
                    priority: control.priority.as_ref(),
                    essential: false,
                    built_using: "",
                    static_built_using: "",
                    control: &deb.text,
                    file,
                },
                now,
            )?;
            package_upload::add_binary(tx, upload, release.row(), &filed)
        });
        added.unwrap();
    }

    fn filed(&self, component: &str) -> Filed {
        Filed {
            component: self.component(component),
            section: Some("misc".parse().unwrap()),
            priority: Some("optional".parse().unwrap()),
            is_new: true,
        }
    }

    /// How far an upload has come.
    pub(crate) fn status_of(&self, upload: UploadId) -> UploadStatus {
        package_upload::upload(self.db.read(), upload).unwrap().status
    }
}
