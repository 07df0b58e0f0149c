//! An upload with everything that is in it, as people look at it.

use std::collections::BTreeMap;

use crate::domain::{ComponentId, ComponentName, PackagePriority, PersonName, Section};
use crate::store::archive::{Archive, archive_by_id};
use crate::store::package_upload::{
    PackageUpload, UploadBinary, UploadCustom, UploadSource, binaries_of, customs_of, source_of,
};
use crate::store::person::person_by_id;
use crate::store::suite::{Suite, suite_by_id};
use crate::store::upload_queue::{UploadFile, files_of};
use crate::store::{Connection, StoreError};

/// An upload, where it goes, and what is in it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The upload.
    pub upload: PackageUpload,
    /// Its archive.
    pub archive: Archive,
    /// Its suite.
    pub suite: Suite,
    /// Who signed it; none: nobody.
    pub signer: Option<PersonName>,
    /// Its source, where it has one.
    pub source: Option<UploadSource>,
    /// Its binary packages.
    pub binaries: Vec<UploadBinary>,
    /// Its custom files.
    pub customs: Vec<UploadCustom>,
    /// All its files, by name.
    pub files: Vec<UploadFile>,
}

/// Something in an upload that is filed somewhere.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Item {
    /// `source`, `binary` or `custom`.
    pub kind: &'static str,
    /// Its name; of a custom file, what it is.
    pub name: String,
    /// Its version; of a custom file, its file.
    pub version: String,
    /// What it is for: `source`, or as the package says; nothing for custom files.
    pub architecture: String,
    /// Its component.
    pub component: ComponentName,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
    /// Whether nothing of its name was there before.
    pub is_new: bool,
}

impl Entry {
    /// Everything that is known of an upload.
    ///
    /// # Errors
    /// When the database fails.
    pub fn load(db: &Connection, upload: PackageUpload) -> Result<Self, StoreError> {
        Ok(Self {
            archive: archive_by_id(db, upload.archive)?,
            suite: suite_by_id(db, upload.suite)?,
            signer: match upload.signer {
                Some(signer) => Some(person_by_id(db, signer)?.name),
                None => None,
            },
            source: source_of(db, upload.id)?,
            binaries: binaries_of(db, upload.id)?,
            customs: customs_of(db, upload.id)?,
            files: files_of(db, upload.id)?,
            upload,
        })
    }

    /// What is filed somewhere: the source, the binary packages, the custom files.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let source = self.source.iter().map(|source| Item {
            kind: "source",
            name: source.name.to_string(),
            version: source.version.to_string(),
            architecture: "source".to_owned(),
            component: source.component.clone(),
            section: source.filed.section.clone(),
            priority: None,
            is_new: source.filed.is_new,
        });
        let binaries = self.binaries.iter().map(|binary| Item {
            kind: "binary",
            name: binary.name.clone(),
            version: binary.version.to_string(),
            architecture: binary.architecture.to_string(),
            component: binary.component.clone(),
            section: binary.filed.section.clone(),
            priority: binary.filed.priority.clone(),
            is_new: binary.filed.is_new,
        });
        let customs = self.customs.iter().map(|custom| Item {
            kind: "custom",
            name: custom.format.to_string(),
            version: custom.filename.to_string(),
            architecture: String::new(),
            component: custom.component_name.clone(),
            section: None,
            priority: None,
            is_new: false,
        });
        source.chain(binaries).chain(customs).collect()
    }

    /// The components of everything in it, each once.
    #[must_use]
    pub fn components(&self) -> Vec<(ComponentId, ComponentName)> {
        let source = self.source.iter().map(|one| (one.filed.component, one.component.clone()));
        let binaries = self.binaries.iter().map(|one| (one.filed.component, one.component.clone()));
        let customs = self.customs.iter().map(|one| (one.component, one.component_name.clone()));
        source.chain(binaries).chain(customs).collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    /// What is in it, in a word or a few: `source`, `amd64, all`, `source, signing`.
    #[must_use]
    pub fn kinds(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut add = |word: String| {
            if !words.contains(&word) {
                words.push(word);
            }
        };
        if self.source.is_some() {
            add("source".to_owned());
        }
        for binary in &self.binaries {
            add(binary.architecture.to_string());
        }
        for custom in &self.customs {
            add(custom.format.as_str().to_ascii_lowercase().replace('_', "-"));
        }
        words.join(", ")
    }
}
