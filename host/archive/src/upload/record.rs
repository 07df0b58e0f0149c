//! What was judged becomes rows, all in one transaction: releases, the upload in the queue, the signature that is used up, the message, the
//! receipt. Files must be on disk before.

use jiff::Timestamp;

use super::ancestry::Filing;
use super::examined::{Examined, ExaminedBinary};
use super::judge::{Judged, refused};
use super::releases::{self, Binary};
use super::target::Destination;
use super::verdict::{Arrival, destiny};
use crate::build;
use crate::domain::plain;
use crate::domain::problem::{Problem, Severity};
use crate::domain::{
    ArchitectureTag, BuildId, ComponentId, CustomFormat, FileDigests, FileName, ReceiptId, SourceReleaseId,
    UploadId, UploadPolicy, UploadStatus, UploadVerdict,
};
use crate::librarian::Librarian;
use crate::notify::{self, Letterhead, NotifyError, UploadFacts, UploadNews};
use crate::store::package_upload::{self, Filed, NewUpload};
use crate::store::upload_receipt::{self, NewReceipt};
use crate::store::{
    StoreError, Transaction, ancestry, attempt, library_file, package_release, upload_check, upload_rules,
};

/// What all uploads of a run have in common.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// Where files are.
    pub librarian: &'a Librarian,
    /// Who writes mails; none: nobody does.
    pub letterhead: Option<&'a Letterhead>,
    /// The base folder.
    pub base: &'a str,
    /// For which purpose.
    pub context: &'a str,
    /// By which rules.
    pub policy: UploadPolicy,
    /// Which build the packages are of, where the builder has said.
    pub build: Option<BuildId>,
}

/// What became of a `.changes`.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What was decided in the end.
    pub verdict: UploadVerdict,
    /// Its row, and where it begins in the queue.
    pub upload: Option<(UploadId, UploadStatus)>,
    /// How many messages were written.
    pub messages: usize,
    /// What was said, a line each.
    pub lines: Vec<String>,
    /// Its receipt.
    pub receipt: ReceiptId,
}

/// Writes everything down. What has come between the judgement and now may still be a reason to refuse.
///
/// # Errors
/// When the database fails, or a message cannot be written.
pub fn record(
    tx: &Transaction<'_>,
    desk: &Desk<'_>,
    leaf: &str,
    judged: &mut Judged,
    moved_to: Option<&str>,
    now: Timestamp,
) -> Result<Recorded, NotifyError> {
    let mut upload = None;
    if judged.verdict() == UploadVerdict::Accepted {
        // a refusal takes back what was done before it was found
        match attempt(tx, || take_in(tx, desk, judged, now))? {
            Ok(taken) => upload = Some(taken),
            Err(Stop::Refused(problem)) => {
                judged.problems.push(*problem);
                judged.examined = None;
            }
            Err(Stop::Store(error)) => return Err(error.into()),
        }
    }
    if upload.is_none() && desk.policy == UploadPolicy::Buildd {
        stay_out(tx, desk, judged, now)?;
    }
    let verdict = judged.verdict();
    let messages = tell(tx, desk, leaf, judged, upload.as_ref().map(|taken| (taken.id, taken.status)), now)?;
    let mut lines: Vec<String> = upload.iter().map(|taken| taken.comment.clone()).collect();
    lines.extend(judged.problems.iter().map(one_line));
    let problems = serde_json::to_string(&judged.problems)
        .map_err(|error| StoreError::Refused(format!("cannot write down what is wrong: {error}")))?;
    let changes = judged.changes.as_ref();
    let receipt = upload_receipt::add_receipt(
        tx,
        &NewReceipt {
            base: desk.base,
            leaf,
            context: desk.context,
            policy: desk.policy,
            verdict,
            changes_filename: Some(judged.found.below.as_str()).filter(|name| !name.is_empty()),
            changes_sha256: judged.sha256,
            source_name: changes.map(|changes| &changes.source),
            version: changes.map(|changes| &changes.version),
            upload: upload.as_ref().map(|taken| taken.id),
            signer: judged.signed.as_ref().map(|signed| signed.person.id),
            messages: &lines.join("\n"),
            problems: &problems,
            moved_to,
        },
        now,
    )?;
    let upload = upload.map(|taken| (taken.id, taken.status));
    Ok(Recorded { verdict, upload, messages, lines, receipt })
}

/// The builds of a refused upload have failed to upload, where builders are at them.
fn stay_out(
    tx: &Transaction<'_>,
    desk: &Desk<'_>,
    judged: &Judged,
    now: Timestamp,
) -> Result<(), StoreError> {
    let said = judged.changes.as_ref().map(|changes| build::Said {
        source: &changes.source,
        version: &changes.source_version,
        architectures: &changes.architecture,
    });
    let place = judged.destination.as_ref().map(|one| (one.archive.id, &one.shape.series.name));
    let reasons: Vec<String> = judged.problems.iter().map(one_line).collect();
    for id in build::builds_of_refused(tx, desk.build, said, place)? {
        build::did_not_come_in(tx, id, &reasons.join("; "), now)?;
    }
    Ok(())
}

/// A problem as one line that does nothing to a terminal.
pub(super) fn one_line(problem: &Problem) -> String {
    let text = plain::line(&problem.to_string(), 2000);
    match problem.severity {
        Severity::Warning => format!("warning: {text}"),
        Severity::Rejection => text,
    }
}

/// Why an upload is not taken in after all.
enum Stop {
    Refused(Box<Problem>),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An upload that has come in.
struct Taken {
    id: UploadId,
    status: UploadStatus,
    comment: String,
}

fn take_in(tx: &Transaction<'_>, desk: &Desk<'_>, judged: &Judged, now: Timestamp) -> Result<Taken, Stop> {
    let (Some(examined), Some(destination)) = (&judged.examined, &judged.destination) else {
        return Err(StoreError::Refused("an upload was taken in that was not examined".to_owned()).into());
    };
    let file = judged.found.changes.as_str();
    let refuse = |check, file: &str, what: String, remedy: &str| {
        Stop::Refused(Box::new(refused(check, file, what, remedy)))
    };
    let Destination { archive, shape, .. } = destination;
    check_names(tx, destination, examined)?;
    let digest = judged.signature_digest().filter(|_| examined.source.is_some());
    if let Some(digest) = &digest
        && let Some(before) = upload_receipt::upload_of_signature(tx, archive.id, digest)?
    {
        let what = format!("this signature has come in before, as upload {before}");
        return Err(refuse("replay", file, what, "nothing is to be done if you sent it twice"));
    }
    let filing = Filing::new(tx, archive, shape)?;
    let no_component = |file: &str, reason: String| {
        Stop::Refused(Box::new(refused("component", file, reason, "change the section")))
    };
    let mut new = Vec::new();

    let mut source: Option<(SourceReleaseId, Filed)> = None;
    if let Some(one) = &examined.source {
        let said = super::ancestry::Said { section: one.section.as_ref(), priority: None };
        let filed = filing
            .source(&one.control.source, said)?
            .map_err(|reason| no_component(one.dsc.name.as_str(), reason))?;
        let files: Vec<(&FileName, &FileDigests)> =
            one.files.iter().map(|file| (&file.name, &file.digests)).collect();
        let dsc = (&one.dsc.name, &one.dsc.digests);
        let release = releases::source(tx, archive.id, &one.control, dsc, &files, now)?.row();
        if filed.is_new {
            new.push(format!("source {}", one.control.source));
        }
        source = Some((release, filed));
    }

    let known_source = match &source {
        Some((release, _)) => Some(*release),
        None => source_of_binaries(tx, destination, examined)?,
    };
    let build = match (desk.policy, known_source) {
        (UploadPolicy::Buildd, Some(release)) => {
            let architecture = built_for(examined).ok_or_else(|| {
                let what = "the field Architecture names none that something could be built for";
                refuse("build", file, what.to_owned(), "build with `dpkg-buildpackage -B`")
            })?;
            Some(build::attach(tx, archive, shape, release, architecture, desk.build, now)?.map_err(
                |reason| {
                    let (what, remedy) = reason.split_once(": ").unwrap_or((&reason, ""));
                    refuse("build", file, what.to_owned(), remedy)
                },
            )?)
        }
        (UploadPolicy::Buildd, None) => {
            let Examined { changes, .. } = examined;
            let what = format!(
                "its source {} {} is not in {}",
                changes.source, changes.source_version, archive.reference
            );
            return Err(refuse("build", file, what, "upload the source first, and build that"));
        }
        (UploadPolicy::Insecure | UploadPolicy::Sync, _) => None,
    };
    let component = source_component(tx, destination, examined, source.as_ref().map(|(_, filed)| filed))?;

    let mut binaries = Vec::new();
    for one in &examined.binaries {
        let filed = filing
            .examined_binary(one, component)?
            .map_err(|reason| no_component(one.file.name.as_str(), reason))?;
        if filed.is_new {
            new.push(format!("binary {}", one.control.package));
        }
        let filename = releases::pool_name(&one.control)
            .map_err(|reason| refuse("file-name", one.file.name.as_str(), reason, "build it again"))?;
        binaries.push((binary_release(tx, one, &filename, known_source, now)?, filed));
    }
    let mut customs = Vec::new();
    for one in &examined.customs {
        let filed =
            filing.custom(one, component).map_err(|reason| no_component(one.file.name.as_str(), reason))?;
        let alias = library_file::alias(tx, &one.file.digests, &one.file.name, now)?.row();
        customs.push((one.format, alias, filed.component));
    }

    let formats: Vec<CustomFormat> = customs.iter().map(|(format, ..)| *format).collect();
    let (status, comment) = destiny(&Arrival {
        purpose: archive.purpose,
        status: shape.series.status,
        policy: desk.policy,
        new: &new,
        customs: &formats,
    });
    let changes = &examined.changes;
    let changes_file =
        library_file::alias(tx, &examined.changes_file.digests, &examined.changes_file.name, now)?.row();
    let version = if source.is_some() { &changes.version } else { &changes.source_version };
    let id = package_upload::add_upload(
        tx,
        &NewUpload {
            archive: archive.id,
            suite: shape.suite.id,
            status,
            policy: desk.policy,
            signer: judged.signed.as_ref().map(|signed| signed.person.id),
            signing_key: judged.signed.as_ref().map(|signed| signed.fingerprint.as_str()),
            changed_by: changes.changed_by.as_deref().unwrap_or_default(),
            changes_file: Some(changes_file),
            source_name: &changes.source,
            version,
            comment: &comment,
        },
        now,
    )?;
    if let Some((release, filed)) = &source {
        package_upload::add_source(tx, id, *release, filed)?;
    }
    for (release, filed) in &binaries {
        package_upload::add_binary(tx, id, *release, filed)?;
    }
    for (format, alias, component) in customs {
        package_upload::add_custom(tx, id, format, alias, component)?;
    }
    for other in &examined.others {
        let alias = library_file::alias(tx, &other.digests, &other.name, now)?.row();
        package_upload::add_file(tx, id, alias)?;
    }
    if let Some(build) = build {
        package_upload::add_build(tx, id, build)?;
        build::came_in(tx, build, now)?;
    }
    if let Some(digest) = &digest {
        upload_receipt::use_signature(tx, archive.id, digest, id)?;
    }
    Ok(Taken { id, status, comment })
}

/// Whether another upload has come meanwhile that has one of the names with other content.
fn check_names(tx: &Transaction<'_>, destination: &Destination, examined: &Examined) -> Result<(), Stop> {
    let archive = &destination.archive;
    let source = examined.source.iter().flat_map(|source| std::iter::once(&source.dsc).chain(&source.files));
    for file in source.chain(examined.binaries.iter().map(|binary| &binary.file)) {
        let name = file.name.as_str();
        if let Some(what) = releases::clash(tx, archive.id, &file.name, &file.digests)? {
            let remedy = "give the package a new version in debian/changelog and build again";
            return Err(Stop::Refused(Box::new(refused("pool-name", name, what, remedy))));
        }
        // of those that wait for a decision one may be published: whoever decides sees to that
        let waiting = upload_check::waiting_holder(tx, archive.id, &file.name, &file.digests.sha256)?;
        if let Some(waiting) = waiting.filter(|waiting| waiting.status == UploadStatus::Accepted) {
            let what = format!("upload {} was accepted, and has other content of this name", waiting.upload);
            let remedy = "a file name is used once: give the package a new version in debian/changelog and build again";
            return Err(Stop::Refused(Box::new(refused("pool-name", name, what, remedy))));
        }
    }
    Ok(())
}

/// The source that the binaries were built from, of the same archive.
fn source_of_binaries(
    tx: &Transaction<'_>,
    destination: &Destination,
    examined: &Examined,
) -> Result<Option<SourceReleaseId>, StoreError> {
    let (name, version) = match examined.binaries.first() {
        Some(binary) => (&binary.control.source, &binary.control.source_version),
        None => (&examined.changes.source, &examined.changes.source_version),
    };
    package_release::find_source_release(tx, destination.archive.id, name, version)
}

/// The component of the source of an upload's packages.
fn source_component(
    tx: &Transaction<'_>,
    destination: &Destination,
    examined: &Examined,
    filed: Option<&Filed>,
) -> Result<Option<ComponentId>, StoreError> {
    if let Some(filed) = filed {
        return Ok(Some(filed.component));
    }
    let series = (destination.archive.id, destination.shape.series.id);
    let changes = &examined.changes;
    let published = ancestry::source_ancestor(tx, series, &changes.source)?.filter(|one| one.is_live);
    if let Some(ancestor) = published {
        return Ok(Some(ancestor.component));
    }
    match upload_rules::waiting_upload(tx, series, &changes.source, &changes.source_version)? {
        Some((upload, _)) => Ok(package_upload::source_of(tx, upload)?.map(|source| source.filed.component)),
        None => Ok(None),
    }
}

/// The architecture that packages were built for: the one beside `all`, or `all`; none where the upload names none.
fn built_for(examined: &Examined) -> Option<&ArchitectureTag> {
    let tags = &examined.changes.architecture;
    let own = |tag: &&ArchitectureTag| !tag.is_all() && !tag.is_source();
    let of_binaries = examined.binaries.iter().map(|binary| &binary.control.architecture).find(own);
    of_binaries.or_else(|| tags.iter().find(own)).or_else(|| tags.iter().find(|tag| tag.is_all()))
}

fn binary_release(
    tx: &Transaction<'_>,
    one: &ExaminedBinary,
    filename: &FileName,
    source: Option<SourceReleaseId>,
    now: Timestamp,
) -> Result<crate::domain::BinaryReleaseId, StoreError> {
    let binary = Binary {
        control: &one.control,
        text: &one.text,
        digests: &one.file.digests,
        paths: &one.paths,
        filename,
        source,
    };
    Ok(releases::binary(tx, &binary, now)?.row())
}

/// Tells those concerned, where anybody is to be told.
fn tell(
    tx: &Transaction<'_>,
    desk: &Desk<'_>,
    leaf: &str,
    judged: &Judged,
    upload: Option<(UploadId, UploadStatus)>,
    now: Timestamp,
) -> Result<usize, NotifyError> {
    if desk.letterhead.is_none() {
        return Ok(0);
    }
    if let Some((id, status)) = upload {
        let mut facts = UploadFacts::load(tx, desk.librarian, id)?;
        facts.warnings.clone_from(&judged.problems);
        let news = match status {
            UploadStatus::New => UploadNews::New,
            UploadStatus::Unapproved => UploadNews::Unapproved,
            UploadStatus::Accepted | UploadStatus::Done => UploadNews::Accepted,
            UploadStatus::Rejected => UploadNews::Rejected { problems: &judged.problems, comment: "" },
        };
        return notify::tell(tx, desk.letterhead, &news, &facts, now);
    }
    if judged.verdict() == UploadVerdict::Failed {
        return Ok(0);
    }
    let mut facts = match &judged.changes {
        Some(changes) => UploadFacts::of_changes(leaf, changes, desk.policy, judged.signature),
        None => UploadFacts::of_leaf(leaf, desk.policy, judged.signature),
    };
    if let Some(destination) = &judged.destination {
        facts.archive = Some(destination.archive.clone());
        facts.suite = Some(destination.shape.suite.clone());
    }
    let news = UploadNews::Rejected { problems: &judged.problems, comment: "" };
    notify::tell(tx, desk.letterhead, &news, &facts, now)
}
