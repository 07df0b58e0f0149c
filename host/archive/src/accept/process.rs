//! Doing it: publications, custom uploads, builds, and then the upload is done.

use std::io::Read as _;

use jiff::Timestamp;

use super::judge::{Content, reasons};
use crate::bugs::{self, CopiedFrom, LONGEST_CHANGES, MOST_BUGS};
use crate::build;
use crate::disk::{DiskError, During as _};
use crate::domain::{
    ArchitectureTag, ArchivePurpose, BuildId, ComponentId, DebVersion, SourceName, SuiteName, UploadId,
    UploadStatus,
};
use crate::format::changes::Urgency;
use crate::format::{Changes, ChangesError};
use crate::librarian::Librarian;
use crate::store::archive::Archive;
use crate::store::bug_closure::{self, NewClosure};
use crate::store::package_upload::{self, Filter, PUBLISHER, PackageUpload};
use crate::store::publication::{
    NewBinaryPublication, NewSourcePublication, Wished, publish_binary, publish_source,
};
use crate::store::shape::{SuiteShape, shape};
use crate::store::{Connection, Transaction, binary_package_build as build_rows};
use crate::store::{Db, Made, StoreError, attempt, custom_publication, library_file, package_copy, suite};

/// Why an upload could not be looked at, or not be done.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The librarian's disk failed.
    #[error("its .changes cannot be read")]
    Disk(#[from] DiskError),
    /// What is kept of it is not what was kept.
    #[error("its .changes is damaged: restore the librarian's file from a backup")]
    Changes(#[from] ChangesError),
}

/// What was done with an upload.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Done {
    /// Its number.
    pub upload: i64,
    /// The archive.
    pub archive: String,
    /// The suite.
    pub suite: String,
    /// The source that it is about.
    pub source: String,
    /// Its version.
    pub version: String,
    /// Publications that wait now and did not before.
    pub new_publications: usize,
    /// Custom files that wait now.
    pub customs: usize,
    /// The builds that were made.
    pub builds: Vec<i64>,
    /// The bugs that it closes and that this version has not closed before, as `DEBBUGS 12`.
    pub bugs: Vec<String>,
}

/// An upload that stays accepted, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Stuck {
    /// Its number.
    pub upload: i64,
    /// The archive.
    pub archive: String,
    /// The source that it is about.
    pub source: String,
    /// Its version.
    pub version: String,
    /// Every reason.
    pub reasons: Vec<String>,
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "upload {} ({} {}) stays accepted: {}",
            self.upload,
            self.source,
            self.version,
            self.reasons.join("; ")
        )
    }
}

/// What was done, and what was not.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// In the order in which they came.
    pub done: Vec<Done>,
    /// As well.
    pub stuck: Vec<Stuck>,
}

/// So many uploads are looked up at once.
const BATCH: u32 = 100;

/// Processes what is accepted in an archive for the suites that are asked for, each upload in a transaction of its own. One that cannot be
/// processed stops no other.
///
/// # Errors
/// When the uploads cannot be listed.
pub fn process_accepted(
    db: &mut Db,
    librarian: &Librarian,
    archive: &Archive,
    is_wanted: &dyn Fn(&SuiteName) -> bool,
    now: &dyn Fn() -> Timestamp,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut after = UploadId(0);
    loop {
        let uploads = accepted(db.read(), archive, after)?;
        let Some(last) = uploads.last() else { return Ok(report) };
        after = last.id;
        for upload in &uploads {
            let span = tracing::debug_span!("upload", id = upload.id.0);
            let result = span
                .in_scope(|| db.write(|tx| process_one(tx, librarian, archive, upload, is_wanted, now())));
            report.add(archive, upload, result);
        }
    }
}

/// As [`process_accepted`], all of it within a transaction: to see what would be.
///
/// # Errors
/// When the uploads cannot be listed.
pub fn process_within(
    tx: &Transaction<'_>,
    librarian: &Librarian,
    archive: &Archive,
    is_wanted: &dyn Fn(&SuiteName) -> bool,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut after = UploadId(0);
    loop {
        let uploads = accepted(tx, archive, after)?;
        let Some(last) = uploads.last() else { return Ok(report) };
        after = last.id;
        for upload in &uploads {
            let one = || process_one(tx, librarian, archive, upload, is_wanted, now);
            report.add(archive, upload, attempt(tx, one)?);
        }
    }
}

fn accepted(db: &Connection, archive: &Archive, after: UploadId) -> Result<Vec<PackageUpload>, StoreError> {
    let filter =
        Filter { archive: Some(archive.id), status: Some(UploadStatus::Accepted), ..Filter::default() };
    package_upload::uploads(db, &filter, after, BATCH)
}

impl Report {
    /// Adds what became of an upload.
    fn add(
        &mut self,
        archive: &Archive,
        upload: &PackageUpload,
        result: Result<Option<Result<Done, Vec<String>>>, AcceptError>,
    ) {
        let reasons = match result {
            Ok(None) => return,
            Ok(Some(Ok(done))) => {
                self.done.push(done);
                return;
            }
            Ok(Some(Err(reasons))) => reasons,
            Err(error) => {
                let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                vec![causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))]
            }
        };
        self.stuck.push(Stuck {
            upload: upload.id.0,
            archive: archive.reference.to_string(),
            source: upload.source_name.to_string(),
            version: upload.version.to_string(),
            reasons,
        });
    }
}

/// Processes one upload: none where its suite is not wanted, or it is not accepted any more; the reasons, where it cannot be published now.
///
/// # Errors
/// When the database or the librarian fails; nothing of it may be kept then.
fn process_one(
    tx: &Transaction<'_>,
    librarian: &Librarian,
    archive: &Archive,
    upload: &PackageUpload,
    is_wanted: &dyn Fn(&SuiteName) -> bool,
    now: Timestamp,
) -> Result<Option<Result<Done, Vec<String>>>, AcceptError> {
    // it was listed outside of this transaction: another process may have been here, or an admin thought better of it
    let upload = &package_upload::upload(tx, upload.id)?;
    let shape = shape(tx, suite::suite_by_id(tx, upload.suite)?)?;
    if upload.status != UploadStatus::Accepted || !is_wanted(&shape.suite.name) {
        return Ok(None);
    }
    let content = Content::of(tx, upload)?;
    let reasons = reasons(tx, archive, &shape, upload, &content)?;
    if !reasons.is_empty() {
        return Ok(Some(Err(reasons)));
    }
    let changes = changes_of(tx, librarian, upload)?;
    let item = Item { tx, librarian, archive, shape: &shape, upload, now };
    let new_publications = item.publish(&content)?;
    let customs = item.customs(&content)?;
    let builds = item.builds(&content, changes.as_ref())?;
    let bugs = item.bugs(&content, changes.as_ref())?;
    let change = (UploadStatus::Accepted, UploadStatus::Done);
    package_upload::change_status(tx, upload.id, change, PUBLISHER, "its publications wait", now)?;
    Ok(Some(Ok(Done {
        upload: upload.id.0,
        archive: archive.reference.to_string(),
        suite: shape.suite.name.to_string(),
        source: upload.source_name.to_string(),
        version: upload.version.to_string(),
        new_publications,
        customs,
        builds: builds.into_iter().map(|build| build.0).collect(),
        bugs,
    })))
}

/// What the `.changes` of an upload says; copies have none.
fn changes_of(
    tx: &Transaction<'_>,
    librarian: &Librarian,
    upload: &PackageUpload,
) -> Result<Option<Changes>, AcceptError> {
    let Some(file) = upload.changes_file else { return Ok(None) };
    let sha256 = library_file::sha256_of(tx, file)?;
    let mut bytes = Vec::new();
    let open = librarian.open(&sha256)?;
    open.take(LONGEST_CHANGES).read_to_end(&mut bytes).during("read", &librarian.path(&sha256))?;
    Ok(Some(Changes::parse(&bytes)?))
}

/// An upload in work.
struct Item<'a> {
    tx: &'a Transaction<'a>,
    librarian: &'a Librarian,
    archive: &'a Archive,
    shape: &'a SuiteShape,
    upload: &'a PackageUpload,
    now: Timestamp,
}

impl Item<'_> {
    /// Makes the publications of its packages. How many wait now that did not before.
    fn publish(&self, content: &Content) -> Result<usize, StoreError> {
        let (suite, mut new) = (self.shape.suite.id, 0);
        if let Some(source) = &content.source {
            let publication = NewSourcePublication {
                suite,
                release: Made::Known(source.release),
                name: &source.name,
                component: self.component(source.filed.component),
                section: source.filed.section.as_ref(),
                creator: &self.creator(),
            };
            new += usize::from(publish_source(self.tx, &publication, self.now)? == Wished::Pending);
        }
        for binary in &content.binaries {
            let has = |tag: &ArchitectureTag| binary.architecture.is_all() || binary.architecture == *tag;
            for architecture in self.shape.architectures.iter().filter(|one| has(&one.tag)) {
                let publication = NewBinaryPublication {
                    suite,
                    architecture: architecture.id,
                    release: Made::Known(binary.release),
                    name: &binary.name,
                    component: self.component(binary.filed.component),
                    section: binary.filed.section.as_ref(),
                    priority: binary.filed.priority.as_ref(),
                    creator: &self.creator(),
                };
                new += usize::from(publish_binary(self.tx, &publication, self.now)? == Wished::Pending);
            }
        }
        Ok(new)
    }

    /// Lets its custom files wait for a pass. How many.
    fn customs(&self, content: &Content) -> Result<usize, StoreError> {
        for custom in &content.customs {
            custom_publication::publish_custom(self.tx, self.shape.suite.id, custom.id, self.now)?;
        }
        Ok(content.customs.len())
    }

    /// Makes the builds of its source, and says of its binary packages which build has made them.
    fn builds(&self, content: &Content, changes: Option<&Changes>) -> Result<Vec<BuildId>, StoreError> {
        if let [build] = package_upload::builds_of(self.tx, self.upload.id)?[..] {
            build_rows::mark_binaries(self.tx, self.upload.id, build)?;
            // rejected, to be built once more, and then accepted after all
            let source = build_rows::build(self.tx, build)?.source;
            build::supersede_built(self.tx, (self.archive.id, self.shape), source, self.now)?;
        }
        let Some(source) = &content.source else { return Ok(Vec::new()) };
        let urgency = changes.and_then(|changes| changes.urgency).unwrap_or(Urgency::Low);
        let new = build::create::create_builds(
            self.tx,
            self.archive,
            self.shape,
            source.release,
            urgency,
            self.now,
        )?;
        if !content.binaries.is_empty() {
            // a copy that has waited brings what builds may wait for
            build::supersede_built(self.tx, (self.archive.id, self.shape), source.release, self.now)?;
        }
        Ok(new)
    }

    /// Writes down which bugs its source closes.
    fn bugs(&self, content: &Content, changes: Option<&Changes>) -> Result<Vec<String>, StoreError> {
        let Some(source) = &content.source else { return Ok(Vec::new()) };
        let Some(changes) = changes else { return self.bugs_of_copy(&source.name, &source.version) };
        let named = bugs::closed(changes, self.archive.purpose, self.shape.suite.name.pocket());
        if let Some(left) = named.len().checked_sub(MOST_BUGS).filter(|left| *left > 0) {
            let (done, said) =
                (UploadStatus::Accepted, format!("it closes too many bugs: {left} of them are left out"));
            package_upload::log(self.tx, self.upload.id, (done, done), PUBLISHER, &said, self.now)?;
        }
        let mut closed = Vec::new();
        for (tracker, bug) in named.into_iter().take(MOST_BUGS) {
            let new = NewClosure {
                distribution: self.archive.distribution,
                tracker,
                bug,
                source: &source.name,
                version: &source.version,
                upload: self.upload.id,
                suite: None,
            };
            if bug_closure::add_closure(self.tx, &new, self.now)? {
                closed.push(format!("{tracker} {bug}"));
            }
        }
        Ok(closed)
    }

    /// The same of a copy, which has no `.changes` of its own.
    fn bugs_of_copy(&self, name: &SourceName, version: &DebVersion) -> Result<Vec<String>, StoreError> {
        let Some(from) = package_copy::copied_from(self.tx, self.upload.id)? else { return Ok(Vec::new()) };
        let from = suite::suite_by_id(self.tx, from)?;
        let from = CopiedFrom { archive: from.archive, series: from.series };
        let to = (self.archive.purpose, self.shape);
        let closed = bugs::closed_by_copy(self.tx, self.librarian, from, to, (name, version))?;
        bugs::record_closed_by_copy(self.tx, self.shape, name, &closed, self.now)
    }

    /// Where a package is published: what people have in archives of their own is all in one component.
    fn component(&self, filed: ComponentId) -> ComponentId {
        match self.archive.purpose {
            ArchivePurpose::Primary | ArchivePurpose::Partner | ArchivePurpose::Copy => filed,
            ArchivePurpose::Ppa => {
                let components = &self.shape.components;
                let main = components.iter().find(|component| component.name.as_str() == MAIN);
                main.or(components.first()).map_or(filed, |component| component.id)
            }
        }
    }

    /// Who asked for the publications.
    fn creator(&self) -> String {
        if self.upload.changed_by.is_empty() {
            format!("upload {}", self.upload.id)
        } else {
            format!("upload {}, {}", self.upload.id, self.upload.changed_by)
        }
    }
}

/// The component of archives that have one alone.
const MAIN: &str = "main";
