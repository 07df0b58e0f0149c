//! What is known of an upload when somebody is to be told of it: out of the rows, or out of what was refused before there were any.

use std::io::Read;

use crate::disk::During;
use crate::domain::name::{ComponentName, Section};
use crate::domain::problem::Problem;
use crate::domain::{PersonId, Pocket, SuiteId, UploadId, UploadPolicy};
use crate::format::control::MAX_CONTROL_BYTES;
use crate::format::{Changes, control};
use crate::librarian::Librarian;
use crate::store::archive::{Archive, archive_by_id};
use crate::store::suite::{Suite, suite_by_id, suites_of};
use crate::store::{Connection, StoreError, library_file, package_upload};

use super::NotifyError;

/// Whose word an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// This person's: the signature holds.
    Verified(PersonId),
    /// It has none, and its policy asks for none.
    NotAsked,
    /// Nobody's: it should have one, and has none or one that does not hold. Nobody is mailed, because anybody may have written the addresses.
    Unverified,
}

/// What a part of an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FactKind {
    /// A source package.
    Source,
    /// A binary package.
    Binary,
    /// A file that is no package.
    Custom,
    /// A file that belongs to one of the others.
    Other,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactFile {
    /// `hello 1.0`, or the name of a file.
    pub name: String,
    /// What it is.
    pub kind: FactKind,
    /// Where it is filed.
    pub component: Option<ComponentName>,
    /// Where it is filed.
    pub section: Option<Section>,
    /// Whether nothing of its name was there before.
    pub is_new: bool,
}

/// What is known of an upload.
#[derive(Debug, Clone)]
pub struct UploadFacts {
    /// Its row; none: it did not come in.
    pub upload: Option<UploadId>,
    /// Where it goes; none: nowhere that there is.
    pub archive: Option<Archive>,
    /// To which suite.
    pub suite: Option<Suite>,
    /// As its `.changes` or its folder in incoming is called; what it is known by where its source is not known. May be any text.
    pub leaf: String,
    /// The source that it is about.
    pub source: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// As its `.changes` says; empty: not at all.
    pub changed_by: String,
    /// As its `.changes` says; empty: not at all.
    pub maintainer: String,
    /// The changelog of this version, unfolded.
    pub changes: String,
    /// The whole `.changes` without its signature.
    pub changes_text: String,
    /// Whose word it is.
    pub signature: Signature,
    /// By which rules it was judged.
    pub policy: UploadPolicy,
    /// What its uploader should know although it came in.
    pub warnings: Vec<Problem>,
    /// What is in it.
    pub files: Vec<FactFile>,
}

impl UploadFacts {
    /// What is known of an upload of which nothing could be read.
    #[must_use]
    pub fn of_leaf(leaf: &str, policy: UploadPolicy, signature: Signature) -> Self {
        Self {
            upload: None,
            archive: None,
            suite: None,
            leaf: leaf.to_owned(),
            source: None,
            version: None,
            changed_by: String::new(),
            maintainer: String::new(),
            changes: String::new(),
            changes_text: String::new(),
            signature,
            policy,
            warnings: Vec::new(),
            files: Vec::new(),
        }
    }

    /// What is known of an upload whose `.changes` can be read, before there are rows of it.
    #[must_use]
    pub fn of_changes(leaf: &str, changes: &Changes, policy: UploadPolicy, signature: Signature) -> Self {
        let mut facts = Self::of_leaf(leaf, policy, signature);
        facts.take_from(changes);
        facts.files = changes
            .files
            .iter()
            .map(|file| FactFile {
                name: file.name.to_string(),
                kind: kind_of(file.name.as_str()),
                component: None,
                section: file.section.clone(),
                is_new: false,
            })
            .collect();
        facts
    }

    /// What the rows of an upload say.
    ///
    /// # Errors
    /// When there is no such upload, its `.changes` is not with the librarian, or the database fails.
    pub fn load(db: &Connection, librarian: &Librarian, id: UploadId) -> Result<Self, NotifyError> {
        let row = package_upload::upload(db, id)?;
        let signature = match (row.signer, row.policy) {
            (Some(signer), _) => Signature::Verified(signer),
            (None, UploadPolicy::Insecure) => Signature::Unverified,
            (None, UploadPolicy::Buildd | UploadPolicy::Sync) => Signature::NotAsked,
        };
        let mut facts = Self::of_leaf("", row.policy, signature);
        if let Some(file) = row.changes_file {
            let sha256 = library_file::sha256_of(db, file)?;
            let mut bytes = Vec::new();
            librarian
                .open(&sha256)?
                .take(MAX_CONTROL_BYTES as u64)
                .read_to_end(&mut bytes)
                .during("read", &librarian.path(&sha256))?;
            // it was read when it came in; should a later Pressroom be stricter, the rows have what matters
            if let Ok(changes) = Changes::parse(&bytes) {
                facts.take_from(&changes);
            }
        }
        facts.upload = Some(id);
        facts.source = Some(row.source_name.to_string());
        facts.version = Some(row.version.to_string());
        if facts.changed_by.is_empty() {
            facts.changed_by = row.changed_by;
        }
        facts.archive = Some(archive_by_id(db, row.archive)?);
        facts.suite = suites_of(db, row.archive)?.into_iter().find(|suite| suite.id == row.suite);
        facts.files = files_of(db, id)?;
        Ok(facts)
    }

    fn take_from(&mut self, changes: &Changes) {
        self.source = Some(changes.source.to_string());
        self.version = Some(changes.version.to_string());
        self.changed_by = changes.changed_by.clone().unwrap_or_default();
        self.maintainer.clone_from(&changes.maintainer);
        self.changes = control::unfolded(&changes.changes);
        self.changes_text.clone_from(&changes.text);
    }

    /// The same of a suite into which it was copied afterwards.
    ///
    /// # Errors
    /// When the database fails.
    pub fn in_suite(&self, db: &Connection, suite: SuiteId) -> Result<Self, StoreError> {
        let suite = suite_by_id(db, suite)?;
        let archive = archive_by_id(db, suite.archive)?;
        Ok(Self { archive: Some(archive), suite: Some(suite), ..self.clone() })
    }

    /// The pocket of its suite.
    #[must_use]
    pub fn pocket(&self) -> Option<Pocket> {
        self.suite.as_ref().map(|suite| suite.name.pocket())
    }

    /// Whether something of a kind is in it.
    #[must_use]
    pub fn has(&self, kind: FactKind) -> bool {
        self.files.iter().any(|file| file.kind == kind)
    }

    /// Whether it is of those that only carry translations, of which there are too many for mails.
    #[must_use]
    pub fn is_of_translations(&self) -> bool {
        self.files.iter().any(|file| {
            file.kind == FactKind::Source
                && file.section.as_ref().is_some_and(|section| section.without_component() == "translations")
        })
    }

    /// `hello 1.0`, or what else it is known by.
    #[must_use]
    pub fn title(&self) -> String {
        match (&self.source, &self.version) {
            (Some(source), Some(version)) => format!("{source} {version}"),
            (Some(source), None) => source.clone(),
            (None, _) => self.leaf.clone(),
        }
    }
}

fn kind_of(filename: &str) -> FactKind {
    match filename.rsplit_once('.').map(|(_, extension)| extension) {
        Some("dsc") => FactKind::Source,
        Some("deb" | "udeb" | "ddeb") => FactKind::Binary,
        _ => FactKind::Other,
    }
}

fn files_of(db: &Connection, id: UploadId) -> Result<Vec<FactFile>, NotifyError> {
    let mut files = Vec::new();
    if let Some(source) = package_upload::source_of(db, id)? {
        files.push(FactFile {
            name: format!("{} {}", source.name, source.version),
            kind: FactKind::Source,
            component: Some(source.component),
            section: source.filed.section,
            is_new: source.filed.is_new,
        });
    }
    for binary in package_upload::binaries_of(db, id)? {
        files.push(FactFile {
            name: format!("{} {} {}", binary.name, binary.version, binary.architecture),
            kind: FactKind::Binary,
            component: Some(binary.component),
            section: binary.filed.section,
            is_new: binary.filed.is_new,
        });
    }
    for custom in package_upload::customs_of(db, id)? {
        files.push(FactFile {
            name: custom.filename.to_string(),
            kind: FactKind::Custom,
            component: Some(custom.component_name),
            section: None,
            is_new: false,
        });
    }
    Ok(files)
}
