//! What is thought of one `.changes`: everything that can be said of it without changing anything.
//!
//! First who signed it, then whether it can be read at all, then where it goes: whatever fails there stops, since the rest would rest on it. All
//! that is asked afterwards (policy, rights, the files) is asked in any case, so that whoever is rejected sees everything at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;

use jiff::Timestamp;

use super::ancestry::{Filing, Said};
use super::checks::{self, Asked, ExamineError, Limits, Looked};
use super::examined::Examined;
use super::incoming::{Found, Incoming, MAX_CHANGES_BYTES, ReadError, read_regular};
use super::policy::{self, Offered};
use super::target::{self, Destination};
use crate::disk::DiskError;
use crate::domain::problem::{Problem, Severity};
use crate::domain::{ArchiveId, BuildId, FileName, Sha256, UploadPolicy, UploadVerdict};
use crate::format::{Changes, ChangesFile, PackageType};
use crate::librarian::Librarian;
use crate::notify::Signature;
use crate::people::keyring::{self, Signed};
use crate::people::{Actor, UploadQuestion, package_sets_of, rights};
use crate::store::archive::Archive;
use crate::store::upload_rules;
use crate::store::{Connection, StoreError, upload_receipt};

/// By what uploads are judged.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// What the archive has.
    pub db: &'a Connection,
    /// Where files go.
    pub librarian: &'a Librarian,
    /// Where the files are that the archive has; in a dry run that is elsewhere.
    pub kept: &'a Librarian,
    /// By which rules.
    pub policy: UploadPolicy,
    /// How large things may be.
    pub limits: &'a Limits,
    /// Which build the packages are of, where the builder has said.
    pub build: Option<BuildId>,
    /// How large archives with a quota are.
    pub sizes: &'a Sizes,
    /// When.
    pub now: Timestamp,
}

/// How large archives with a quota are: each is measured once in a run, and what comes in is added.
#[derive(Debug, Default)]
pub struct Sizes(RefCell<BTreeMap<ArchiveId, u64>>);

impl Sizes {
    fn of(&self, db: &Connection, archive: ArchiveId) -> Result<u64, StoreError> {
        if let Some(known) = self.0.borrow().get(&archive) {
            return Ok(*known);
        }
        let bytes = upload_rules::size_bytes(db, archive)?;
        self.0.borrow_mut().insert(archive, bytes);
        Ok(bytes)
    }

    /// Why so much more does not go into an archive after what has come into it since it was judged.
    #[must_use]
    pub fn over(&self, archive: &Archive, more_bytes: u64) -> Option<Problem> {
        let quota = archive.quota_bytes()?;
        let has = *self.0.borrow().get(&archive.id)?;
        policy::size(&archive.reference.to_string(), "upload", has, more_bytes, quota)
            .filter(|problem| problem.severity == Severity::Rejection)
    }

    /// So much has come into an archive.
    pub fn grow(&self, archive: ArchiveId, more_bytes: u64) {
        if let Some(bytes) = self.0.borrow_mut().get_mut(&archive) {
            *bytes = bytes.saturating_add(more_bytes);
        }
    }
}

/// What is thought of one `.changes`.
#[derive(Debug)]
pub struct Judged {
    /// Which.
    pub found: Found,
    /// Its content as it lies in incoming.
    pub sha256: Option<Sha256>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// Who signed it, where that holds.
    pub signed: Option<Signed>,
    /// Whose word it is.
    pub signature: Signature,
    /// What it says, where it can be read.
    pub changes: Option<Changes>,
    /// Where it goes, where that is somewhere.
    pub destination: Option<Destination>,
    /// What is in it; none where it does not come in.
    pub examined: Option<Examined>,
    /// How many bytes it would add to an archive that has a quota.
    pub more_bytes: u64,
}

impl Judged {
    fn new(found: &Found, policy: UploadPolicy) -> Self {
        let signature = match policy {
            UploadPolicy::Insecure => Signature::Unverified,
            UploadPolicy::Buildd | UploadPolicy::Sync => Signature::NotAsked,
        };
        Self {
            found: found.clone(),
            sha256: None,
            problems: Vec::new(),
            signed: None,
            signature,
            changes: None,
            destination: None,
            examined: None,
            more_bytes: 0,
        }
    }

    /// A `.changes` that cannot be one.
    #[must_use]
    pub fn failed(found: &Found, policy: UploadPolicy, problem: Problem) -> Self {
        Self { problems: vec![problem], ..Self::new(found, policy) }
    }

    /// What is decided. Where nothing can be read and nobody has signed there is nobody who could be told.
    #[must_use]
    pub fn verdict(&self) -> UploadVerdict {
        if self.examined.is_some() && !rejects(&self.problems) {
            UploadVerdict::Accepted
        } else if self.changes.is_some() || self.signed.is_some() {
            UploadVerdict::Rejected
        } else {
            UploadVerdict::Failed
        }
    }

    /// What stands for the signature, so that it leads to one upload: who, when, what. What else is in the file may be changed by anybody.
    #[must_use]
    pub fn signature_digest(&self) -> Option<Sha256> {
        let signed = self.signed.as_ref()?;
        Some(Sha256::of(format!("{}\n{}\n{}", signed.fingerprint, signed.made, signed.text).as_bytes()))
    }
}

/// Whether one of the problems is a reason to refuse.
#[must_use]
pub fn rejects(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Rejection)
}

/// A reason to refuse a file.
pub(super) fn refused(
    check: &'static str,
    file: &str,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    Problem {
        severity: Severity::Rejection,
        check,
        file: Some(file.to_owned()),
        what: what.into(),
        remedy: remedy.into(),
    }
}

/// Judges a `.changes`; its files are with the librarian afterwards, not synced, where it is good.
///
/// # Errors
/// When it could not be judged.
pub fn judge(bench: &Bench<'_>, incoming: &Incoming, found: &Found) -> Result<Judged, ExamineError> {
    let mut judged = Judged::new(found, bench.policy);
    // it was taken away meanwhile, or is not for us: the run says so, and comes again
    let folder = incoming.open_folder(&found.folder)?;
    if let Err(problem) = read(bench, folder.as_fd(), &mut judged)? {
        judged.problems.extend(problem);
        return Ok(judged);
    }
    look(bench, folder.as_fd(), &mut judged)?;
    // every message says which file it is about
    for problem in &mut judged.problems {
        problem.file.get_or_insert_with(|| found.changes.clone());
    }
    Ok(judged)
}

/// What stops at once: the file, the signature, the text, the place.
fn read(
    bench: &Bench<'_>,
    folder: std::os::fd::BorrowedFd<'_>,
    judged: &mut Judged,
) -> Result<Result<(), Vec<Problem>>, ExamineError> {
    let file = judged.found.changes.clone();
    let bytes = match read_regular(folder, OsStr::new(&file), MAX_CHANGES_BYTES) {
        Ok(bytes) => bytes,
        Err(error @ (ReadError::NotRegular | ReadError::TooLarge { .. })) => {
            let remedy = "make it with dpkg-genchanges, sign it with debsign and send it again";
            return Ok(Err(vec![refused("changes-file", &file, error.to_string(), remedy)]));
        }
        // nobody but its sender can change that
        Err(ReadError::Unreadable(source)) if source.kind() == io::ErrorKind::PermissionDenied => {
            let what = "its mode lets nobody read it";
            return Ok(Err(vec![refused("changes-file", &file, what, "upload it again, readable for all")]));
        }
        Err(ReadError::Unreadable(source)) => {
            let path = judged.found.folder.join(&file);
            return Err(DiskError { action: "read", path, source }.into());
        }
    };
    judged.sha256 = Some(Sha256::of(&bytes));
    let name: FileName = match file.parse() {
        Ok(name) => name,
        Err(error) => {
            let what = format!("its name cannot be used: {error}");
            return Ok(Err(vec![refused("changes-name", &file, what, "name it as dpkg-genchanges does")]));
        }
    };
    // exactly what was signed is read, and nothing else of the file
    let text = match keyring::verify(bench.db, &bytes, bench.now)? {
        Ok(signed) => {
            judged.signature = Signature::Verified(signed.person.id);
            let text = signed.text.clone().into_bytes();
            judged.signed = Some(signed);
            text
        }
        Err(fault) => match bench.policy {
            UploadPolicy::Insecure => {
                let mut problems = vec![refused(fault.check(), &file, fault.to_string(), fault.remedy())];
                // what else is wrong with it is only told in the receipt
                match checks::early(&bytes, &name) {
                    Ok(changes) => judged.changes = Some(changes),
                    Err(more) => problems.extend(more),
                }
                return Ok(Err(problems));
            }
            UploadPolicy::Buildd | UploadPolicy::Sync => bytes,
        },
    };
    let changes = match checks::early(&text, &name) {
        Ok(changes) => changes,
        Err(problems) => return Ok(Err(problems)),
    };
    let destination = match bench.build {
        Some(build) => target::of_build(bench.db, build)?,
        None => target::find(bench.db, &judged.found.target, &changes.distribution)?,
    };
    judged.changes = Some(changes);
    match destination {
        Ok(destination) => judged.destination = Some(destination),
        Err(problem) => return Ok(Err(vec![Problem { file: Some(file), ..problem }])),
    }
    Ok(Ok(()))
}

/// Everything else, all of it.
fn look(
    bench: &Bench<'_>,
    folder: std::os::fd::BorrowedFd<'_>,
    judged: &mut Judged,
) -> Result<(), ExamineError> {
    let (Some(changes), Some(mut destination)) = (judged.changes.clone(), judged.destination.clone()) else {
        return Ok(());
    };
    let Bench { db, policy, .. } = *bench;
    let purpose = destination.archive.purpose;
    let asked_for = destination.shape.suite.name.pocket();
    let redirects = destination.distribution.redirect_release_uploads;
    let status = destination.shape.series.status;
    let pocket = policy::redirected(policy, purpose, redirects, status, asked_for);
    if pocket != asked_for {
        destination.shape = target::with_pocket(db, &destination, pocket)?;
    }
    if policy == UploadPolicy::Buildd
        && bench.build.is_none()
        && let Some(shape) = target::of_built(db, &destination, &changes.source, &changes.source_version)?
    {
        destination.shape = shape;
    }
    let archive = destination.archive.reference.to_string();
    let first = |is: &dyn Fn(&ChangesFile) -> bool| {
        changes.files.iter().find(|file| is(file)).map(|file| file.name.as_str())
    };
    let offered = Offered {
        policy,
        purpose,
        enabled: destination.archive.enabled,
        archive: &archive,
        suite: &destination.shape.suite.name,
        status,
        has_source: changes.has_source(),
        binary: first(&|file| !is_custom(file) && PackageType::of_file_name(&file.name).is_some()),
        custom: first(&is_custom),
        architectures: &changes.architecture,
    };
    judged.problems.extend(policy::problems(&offered));
    if let (Some(digest), true) = (judged.signature_digest(), changes.has_source())
        && let Some(upload) = upload_receipt::upload_of_signature(db, destination.archive.id, &digest)?
    {
        judged.problems.push(refused(
            "replay",
            &judged.found.changes,
            format!("this signature has come in before, as upload {upload}"),
            "nothing is to be done if you sent it twice; to have it taken again, sign it again with debsign",
        ));
    }
    if let Some(signed) = &judged.signed
        && policy == UploadPolicy::Insecure
        && changes.has_source()
    {
        let problem = denied(db, &destination, &changes, signed)?;
        judged.problems.extend(problem);
    }
    let (more_bytes, over) = over_quota(bench, &destination, &changes)?;
    judged.more_bytes = more_bytes;
    judged.problems.extend(over);
    let asked = Asked {
        db,
        librarian: bench.librarian,
        kept: bench.kept,
        archive: &destination.archive,
        shape: &destination.shape,
        policy,
        limits: bench.limits,
        signer: judged.signed.as_ref().map(|signed| signed.fingerprint.as_str()),
        is_refused: rejects(&judged.problems),
        now: bench.now,
    };
    if let Ok(name) = judged.found.changes.parse::<FileName>() {
        let Looked { examined, problems } = checks::examine(folder, &asked, &name, changes)?;
        judged.problems.extend(problems);
        judged.examined = examined;
    }
    judged.destination = Some(destination);
    Ok(())
}

/// Custom files have sections of their own.
pub(super) fn is_custom(file: &ChangesFile) -> bool {
    file.section.as_ref().is_some_and(|section| section.without_component().starts_with("raw-"))
}

/// Why who signed may not upload this source there.
fn denied(
    db: &Connection,
    destination: &Destination,
    changes: &Changes,
    signed: &Signed,
) -> Result<Option<Problem>, StoreError> {
    let Destination { archive, shape, .. } = destination;
    let section = changes.files.iter().find(|file| file.name.extension() == Some("dsc"));
    let said = Said { section: section.and_then(|file| file.section.as_ref()), priority: None };
    let filed = Filing::new(db, archive, shape)?.source(&changes.source, said)?;
    let (component, is_new) = match &filed {
        Ok(filed) => (shape.components.iter().find(|one| one.id == filed.component), filed.is_new),
        // the checks say so too
        Err(_) => (None, true),
    };
    let package_sets = package_sets_of(db, shape.series.id, &changes.source)?;
    let question = UploadQuestion {
        series: shape.series.id,
        pocket: shape.suite.name.pocket(),
        component: component.map(|one| (one.id, &one.name)),
        source: &changes.source,
        package_sets: &package_sets,
        is_new,
    };
    let rights = rights(db, archive, &Actor::Person(signed.person.clone()))?;
    Ok(rights.may_upload(&question).err().map(|denied| Problem {
        severity: Severity::Rejection,
        check: "rights",
        file: None,
        what: denied.what,
        remedy: denied.remedy,
    }))
}

/// How many bytes an archive with a quota would get, and what is to be said of that.
fn over_quota(
    bench: &Bench<'_>,
    destination: &Destination,
    changes: &Changes,
) -> Result<(u64, Option<Problem>), StoreError> {
    let (db, archive) = (bench.db, &destination.archive);
    let Some(quota) = archive.quota_bytes() else { return Ok((0, None)) };
    let mut more: u64 = 0;
    for file in &changes.files {
        if !upload_rules::is_in_pool(db, archive.id, &file.sha256)? {
            more = more.saturating_add(file.size_bytes);
        }
    }
    let has = bench.sizes.of(db, archive.id)?;
    Ok((more, policy::size(&archive.reference.to_string(), "upload", has, more, quota)))
}
