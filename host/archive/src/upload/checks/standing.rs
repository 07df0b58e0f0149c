//! How what came stands to what the archive has: names of files that are taken, versions that would go back.

use super::binary::TakenBinary;
use super::findings::Findings;
use super::source::TakenSource;
use super::{Asked, ExamineError};
use crate::domain::name::FileName;
use crate::domain::{DebVersion, FileDigests, Pocket, SuiteId, SuiteName, UploadStatus};
use crate::store::upload_check::Waiting;
use crate::store::{package_release, suite, upload_check};

/// A source.
pub(super) fn of_source(
    asked: &Asked<'_>,
    source: &TakenSource,
    findings: &mut Findings,
) -> Result<(), ExamineError> {
    for (name, digests) in source.files() {
        check_name(asked, name, digests, findings)?;
    }
    let name = source.dsc_name().as_str();
    let control = &source.control;
    let (package, version) = (&control.source, &control.version);
    let ancestor = ancestor(asked, |suite| Ok(upload_check::highest_source(asked.db, suite, package)?))?;
    if let Some((suite, highest)) = &ancestor {
        check_version(name, package.as_str(), version, (suite, highest), findings);
        if *suite == asked.shape.suite.name && version.dpkg_cmp(highest).is_eq() {
            findings.reject(
                "version-published",
                name,
                format!("{package} {highest} is in {suite} already"),
                "give the package a higher version in debian/changelog and build again",
            );
        }
    }
    if let Some(waiting) = upload_check::waiting_source(asked.db, asked.archive.id, package, version)? {
        let what = format!(
            "{package} {version} is in the archive's queue already: upload {} is {}",
            waiting.upload, waiting.status
        );
        tell_waiting("version-waiting", name, what, &waiting, findings);
    }
    Ok(())
}

/// What was accepted is as good as published; of what waits for a decision only one can be.
fn tell_waiting(check: &'static str, file: &str, what: String, waiting: &Waiting, findings: &mut Findings) {
    if waiting.status == UploadStatus::Accepted {
        let remedy = "give the package a higher version in debian/changelog and build again";
        findings.reject(check, file, what, remedy);
    } else {
        let remedy = format!(
            "only one of them can be published: have the other rejected with `pressroom queue reject {} --comment REASON`",
            waiting.upload
        );
        findings.warn(check, file, what, remedy);
    }
}

/// A binary package.
pub(super) fn of_binary(
    asked: &Asked<'_>,
    binary: &TakenBinary,
    findings: &mut Findings,
) -> Result<(), ExamineError> {
    check_name(asked, binary.name(), binary.digests(), findings)?;
    let control = &binary.control;
    let name = control.package.as_str();
    let mut worst: Option<(SuiteName, DebVersion)> = None;
    for architecture in &asked.shape.architectures {
        if !control.architecture.is_all() && architecture.tag != control.architecture {
            continue;
        }
        let found = ancestor(asked, |suite| {
            Ok(upload_check::highest_binary(asked.db, suite, architecture.id, name)?)
        })?;
        if let Some(found) = found
            && worst.as_ref().is_none_or(|(_, highest)| *highest < found.1)
        {
            worst = Some(found);
        }
    }
    if let Some((suite, highest)) = &worst {
        check_version(binary.name().as_str(), name, &control.version, (suite, highest), findings);
    }
    Ok(())
}

/// A name of a file stands for one content, as long as the archive lives.
fn check_name(
    asked: &Asked<'_>,
    name: &FileName,
    digests: &FileDigests,
    findings: &mut Findings,
) -> Result<(), ExamineError> {
    if let Some(holder) = package_release::other_holder(asked.db, asked.archive.id, name, &digests.sha256)? {
        findings.reject(
            "pool-name",
            name.as_str(),
            format!(
                "the archive has it with other content: that of {} has SHA256 {}, this one {}",
                holder.package, holder.sha256, digests.sha256
            ),
            "a file name is used once: give the package a new version in debian/changelog and build again",
        );
        return Ok(());
    }
    let waiting = upload_check::waiting_holder(asked.db, asked.archive.id, name, &digests.sha256)?;
    if let Some(waiting) = waiting {
        let what = format!(
            "upload {}, which is {} in the archive's queue, has it with other content",
            waiting.upload, waiting.status
        );
        tell_waiting("pool-name", name.as_str(), what, &waiting, findings);
    }
    Ok(())
}

/// What is active in the suite, or else in the release pocket of its series.
fn ancestor(
    asked: &Asked<'_>,
    highest: impl Fn(SuiteId) -> Result<Option<DebVersion>, ExamineError>,
) -> Result<Option<(SuiteName, DebVersion)>, ExamineError> {
    let own = &asked.shape.suite;
    if let Some(version) = highest(own.id)? {
        return Ok(Some((own.name.clone(), version)));
    }
    if own.name.pocket() == Pocket::Release {
        return Ok(None);
    }
    let release = SuiteName::new(own.name.series().clone(), Pocket::Release);
    let release = suite::suite(asked.db, asked.archive.id, &release)?;
    Ok(highest(release.id)?.map(|version| (release.name, version)))
}

/// Versions only go up.
fn check_version(
    file: &str,
    package: &str,
    version: &DebVersion,
    (suite, highest): (&SuiteName, &DebVersion),
    findings: &mut Findings,
) {
    if version.dpkg_cmp(highest).is_lt() {
        findings.reject(
            "version-older",
            file,
            format!("{package} {version} is older than {highest}, which is in {suite}"),
            "give the package a higher version in debian/changelog and build again",
        );
    }
}
