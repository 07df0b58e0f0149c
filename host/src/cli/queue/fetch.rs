//! `pressroom queue fetch`.

use std::path::PathBuf;

use pressroom_archive::disk;
use pressroom_archive::domain::UploadStatus;
use pressroom_archive::queue::fetch::{Fate, Fetched, fetch};
use pressroom_archive::queue::{Entry, Use, Word};
use serde::Serialize;

use super::{Where, title};
use crate::cli::output::{DIM, WARN, painted};
use crate::cli::{End, Session, exit};

/// Write the files of uploads into a folder, as they came. A file that is there and is another is never written over.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Fetch {
    #[command(flatten)]
    place: Where,
    /// The folder; it is made if it is not there.
    #[arg(long, default_value = ".", value_name = "DIR")]
    to: PathBuf,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[arg(required = true, value_name = "UPLOAD")]
    uploads: Vec<Word>,
}

#[derive(Serialize)]
struct OfUpload {
    upload: i64,
    source: String,
    version: String,
    files: Vec<Fetched>,
}

impl Fetch {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db()?;
        // several uploads of a source may have files of one name
        let found = self.place.find(db.read(), &self.uploads, UploadStatus::ALL, Use::Deciding)?;
        if self.to.exists() && !self.to.is_dir() {
            return Err(exit::usage(format!(
                "{} is not a folder: name another with --to",
                self.to.display()
            )));
        }
        if !self.dry_run {
            disk::make_folder(&self.to)?;
        }
        let (mut all, mut texts) = (Vec::new(), Vec::new());
        for upload in found {
            let entry = Entry::load(db.read(), upload)?;
            let files = fetch(&root.librarian(), &entry.files, &self.to, self.dry_run)?;
            texts.push(self.text(&entry, &files));
            all.push(OfUpload {
                upload: entry.upload.id.0,
                source: entry.upload.source_name.to_string(),
                version: entry.upload.version.to_string(),
                files,
            });
        }
        session.output.show(&all, || texts.join("\n"))?;
        let is_any_gone = all.iter().flat_map(|one| &one.files).any(|file| file.fate == Fate::NotKept);
        Ok(if is_any_gone { End::Failure } else { End::Success })
    }

    fn text(&self, entry: &Entry, files: &[Fetched]) -> String {
        let mut text = format!("{}\n", title(entry));
        for Fetched { path, fate } in files {
            let word = match fate {
                Fate::Written if self.dry_run => "would be written".to_owned(),
                Fate::Written => "written".to_owned(),
                Fate::WasThere => painted(DIM, "was there"),
                Fate::NotKept => painted(WARN, "is not kept any more"),
            };
            text.push_str(&format!("  {} {word}\n", path.display()));
        }
        text
    }
}
