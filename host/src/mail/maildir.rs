//! Into a folder in Maildir's form, where programs for mail read it.
//!
//! A message has one name there, however often it is written: after a death in between it is there once.

use std::path::{Path, PathBuf};

use pressroom_archive::disk::{self, DiskError};

use super::carrier::{Outcome, Parcel, Transport};

/// The transport.
pub(super) struct Maildir {
    folder: PathBuf,
    host: String,
}

impl Maildir {
    pub(super) const fn new(folder: PathBuf, host: String) -> Self {
        Self { folder, host }
    }

    fn keep(&self, parcel: &Parcel) -> Result<(), DiskError> {
        // as Maildir has it: a slash would be a folder, a colon begins flags
        let host = self.host.replace('/', "\\057").replace(':', "\\072");
        let name = format!("{}.P{}.{host}", parcel.created.as_second(), parcel.id);
        let mut content = format!("Return-Path: <{}>\n", parcel.sender);
        for recipient in &parcel.recipients {
            content.push_str(&format!("Delivered-To: {recipient}\n"));
        }
        content.push_str(&String::from_utf8_lossy(&parcel.content).replace("\r\n", "\n"));
        let (temporary, place) = (self.folder.join("tmp").join(&name), self.folder.join("new").join(&name));
        disk::write_atomic(&temporary, content.as_bytes(), 0o600)?;
        disk::rename(&temporary, &place)?;
        disk::sync_folder(&self.folder.join("new"))
    }
}

impl Transport for Maildir {
    fn open(&mut self) -> Result<(), String> {
        let make = |folder: &Path| if folder.is_dir() { Ok(()) } else { disk::make_private_folder(folder) };
        [self.folder.clone(), self.folder.join("tmp"), self.folder.join("new"), self.folder.join("cur")]
            .iter()
            .try_for_each(|folder| make(folder))
            .map_err(|error| said(&error))
    }

    fn send(&mut self, parcel: &Parcel) -> Outcome {
        // no room, or no right: the next would not fare better
        self.keep(parcel).map_or_else(|error| Outcome::Nobody(said(&error)), |()| Outcome::Taken)
    }
}

fn said(error: &DiskError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
