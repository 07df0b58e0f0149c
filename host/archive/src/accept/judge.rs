//! Whether an upload that was accepted can be published now: what has changed since it was.

use crate::domain::name::{ComponentName, FileName};
use crate::domain::{ComponentId, Sha256};
use crate::store::archive::Archive;
use crate::store::package_upload::{self, PackageUpload, UploadBinary, UploadCustom, UploadSource};
use crate::store::series::SeriesComponent;
use crate::store::shape::SuiteShape;
use crate::store::{
    Connection, StoreError, accept, binary_package_build, build_source, indexed, package_release,
};

/// What is in an upload.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) source: Option<UploadSource>,
    pub(super) binaries: Vec<UploadBinary>,
    pub(super) customs: Vec<UploadCustom>,
}

impl Content {
    pub(super) fn of(db: &Connection, upload: &PackageUpload) -> Result<Self, StoreError> {
        Ok(Self {
            source: package_upload::source_of(db, upload.id)?,
            binaries: package_upload::binaries_of(db, upload.id)?,
            customs: package_upload::customs_of(db, upload.id)?,
        })
    }
}

/// Every reason why an upload cannot be published now, each with what to do about it.
pub(super) fn reasons(
    db: &Connection,
    archive: &Archive,
    shape: &SuiteShape,
    upload: &PackageUpload,
    content: &Content,
) -> Result<Vec<String>, StoreError> {
    let mut reasons = unfit(archive, shape, upload, content);
    for build in package_upload::builds_of(db, upload.id)? {
        let build = binary_package_build::build(db, build)?;
        if !build_source::source_is_published(db, (archive.id, shape.series.id), build.source)? {
            reasons.push(format!(
                "its source {} {} is not published in {} of {}: bring that back, or reject the packages with `pressroom queue reject {}`",
                build.source_name, build.version, shape.series.name, archive.reference, upload.id
            ));
        }
    }
    for (package, filename, sha256) in files(db, content)? {
        if let Some(holder) = package_release::other_holder(db, archive.id, &filename, &sha256)? {
            reasons.push(format!(
                "{filename} of {package} is in the archive already with other content ({} has SHA256 {}, this one {sha256}): a file \
                 name is used once, so reject it with `pressroom queue reject {}` and have a new version uploaded",
                holder.package, holder.sha256, upload.id
            ));
        }
    }
    Ok(reasons)
}

/// What the suite does not have room for: a decision over values alone.
fn unfit(archive: &Archive, shape: &SuiteShape, upload: &PackageUpload, content: &Content) -> Vec<String> {
    let (suite, series) = (&shape.suite.name, &shape.series);
    let mut reasons = Vec::new();
    if archive.purpose.holds_still(suite.pocket(), series.status) {
        reasons.push(format!(
            "{suite} is {}, and its release pocket does not change: open it with `pressroom series set {} --status FROZEN`, or reject the \
             upload with `pressroom queue reject {}`",
            series.status, series.name, upload.id
        ));
    }
    let Content { source, binaries, customs } = content;
    if source.is_none() && binaries.is_empty() && customs.is_empty() {
        reasons
            .push(format!("there is nothing in it: reject it with `pressroom queue reject {}`", upload.id));
    }
    let filed = source.iter().map(|source| (source.filed.component, &source.component));
    let filed = filed.chain(binaries.iter().map(|binary| (binary.filed.component, &binary.component)));
    let filed = filed.chain(customs.iter().map(|custom| (custom.component, &custom.component_name)));
    let mut missing: Vec<&ComponentName> =
        filed.filter(|(id, _)| component(shape, *id).is_none()).map(|(_, name)| name).collect();
    missing.sort_unstable();
    missing.dedup();
    for name in missing {
        reasons.push(format!(
            "it is filed in {name}, which {} does not have: file it elsewhere with `pressroom queue override`, or add the component with \
             `pressroom series set {0} --component {name}`",
            series.name
        ));
    }
    let mut strange: Vec<&str> = binaries
        .iter()
        .filter(|binary| !binary.architecture.is_all())
        .filter(|binary| !shape.architectures.iter().any(|one| one.tag == binary.architecture))
        .map(|binary| binary.architecture.as_str())
        .collect();
    strange.sort_unstable();
    strange.dedup();
    for tag in strange {
        reasons.push(format!(
            "it has packages for {tag}, which {} does not publish: turn it on with `pressroom series set {0} --architecture {tag}`, or reject \
             the upload with `pressroom queue reject {}`",
            series.name, upload.id
        ));
    }
    if binaries.iter().any(|binary| binary.architecture.is_all()) && shape.architectures.is_empty() {
        reasons.push(format!(
            "it has packages for all architectures, and {} has none: add one with `pressroom series set {0} --architecture`",
            series.name
        ));
    }
    reasons
}

/// The component of a series.
pub(super) fn component(shape: &SuiteShape, id: ComponentId) -> Option<&SeriesComponent> {
    shape.components.iter().find(|component| component.id == id)
}

/// The files that publications of an upload bring into the pool, with their packages.
fn files(db: &Connection, content: &Content) -> Result<Vec<(String, FileName, Sha256)>, StoreError> {
    let mut files = Vec::new();
    if let Some(source) = &content.source {
        for (filename, digests) in indexed::source_files(db, source.release)? {
            files.push((source.name.to_string(), filename, digests.sha256));
        }
    }
    for binary in &content.binaries {
        let (filename, sha256) = accept::binary_file(db, binary.release)?;
        files.push((binary.name.clone(), filename, sha256));
    }
    Ok(files)
}
