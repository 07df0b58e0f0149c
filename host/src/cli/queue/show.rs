//! `pressroom queue show`.

use pressroom_archive::domain::UploadStatus;
use pressroom_archive::domain::plain::escaped;
use pressroom_archive::queue::{Entry, Use, Word};
use pressroom_archive::store::package_upload::{LogLine, builds_of, log_of};
use serde::Serialize;

use super::log::log_text;
use super::{Shown, Where, date_text, status_text, title};
use crate::cli::output::{DIM, WARN, bytes, painted, table};
use crate::cli::{End, Session};

/// Show uploads: what is in them, where it is filed, which files they have, and what was done to them.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    place: Where,
    #[arg(required = true, value_name = "UPLOAD")]
    uploads: Vec<Word>,
}

#[derive(Serialize)]
struct Detailed {
    #[serde(flatten)]
    upload: Shown,
    builds: Vec<i64>,
    files: Vec<ShownFile>,
    log: Vec<LogLine>,
}

#[derive(Serialize)]
struct ShownFile {
    name: String,
    size_bytes: Option<u64>,
    sha256: Option<String>,
}

/// So many uploads of a name are shown, the newest.
const MOST: u32 = 20;

impl Show {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db()?;
        let found = self.place.find(db.read(), &self.uploads, UploadStatus::ALL, Use::Looking(MOST))?;
        let mut shown = Vec::new();
        let mut texts = Vec::new();
        for upload in found {
            let entry = Entry::load(db.read(), upload)?;
            let detailed = Detailed {
                upload: Shown::new(&entry),
                builds: builds_of(db.read(), entry.upload.id)?.into_iter().map(|build| build.0).collect(),
                files: entry.files.iter().map(shown_file).collect(),
                log: log_of(db.read(), entry.upload.id)?,
            };
            texts.push(text(&entry, &detailed));
            shown.push(detailed);
        }
        session.output.show(&shown, || texts.join("\n"))?;
        Ok(End::Success)
    }
}

fn shown_file(file: &pressroom_archive::store::upload_queue::UploadFile) -> ShownFile {
    ShownFile {
        name: file.filename.to_string(),
        size_bytes: file.content.as_ref().map(|content| content.size_bytes),
        sha256: file.content.as_ref().map(|content| content.sha256.to_string()),
    }
}

fn text(entry: &Entry, detailed: &Detailed) -> String {
    let upload = &entry.upload;
    let mut text = format!("{} {}\n", title(entry), status_text(upload.status));
    let mut line = |label: &str, words: &str| text.push_str(&format!("  {label:<12}{words}\n"));
    line("came in", &format!("{} UTC, policy {}", date_text(upload.date_created), upload.policy));
    if let Some(ended) = upload.date_ended {
        line("ended", &format!("{} UTC", date_text(ended)));
    }
    line("changed by", &escaped(&upload.changed_by));
    let signed = match (&entry.signer, &upload.signing_key) {
        (Some(signer), Some(key)) => format!("{signer}, {}", escaped(key)),
        (Some(signer), None) => signer.to_string(),
        (None, _) => "nobody".to_owned(),
    };
    line("signed by", &signed);
    if !detailed.builds.is_empty() {
        let builds: Vec<String> = detailed.builds.iter().map(i64::to_string).collect();
        line("builds", &builds.join(", "));
    }
    text.push_str(&indented(&items_text(entry)));
    let files: Vec<Vec<String>> = detailed
        .files
        .iter()
        .map(|file| {
            let size = file.size_bytes.map_or_else(|| painted(WARN, "not kept any more"), bytes);
            vec![file.name.clone(), size]
        })
        .collect();
    text.push_str(&indented(&table(&["FILE", "SIZE"], &files)));
    text.push_str(&indented(&log_text(&detailed.log)));
    text
}

fn items_text(entry: &Entry) -> String {
    let or_none = |word: Option<String>| word.unwrap_or_else(|| "-".to_owned());
    let cells: Vec<Vec<String>> = entry
        .items()
        .into_iter()
        .map(|item| {
            vec![
                if item.is_new { painted(WARN, "new") } else { painted(DIM, "known") },
                item.kind.to_owned(),
                item.name,
                item.version,
                item.architecture,
                item.component.to_string(),
                or_none(item.section.map(|section| section.to_string())),
                or_none(item.priority.map(|priority| priority.to_string())),
            ]
        })
        .collect();
    let headings = ["", "KIND", "NAME", "VERSION", "FOR", "COMPONENT", "SECTION", "PRIORITY"];
    table(&headings, &cells)
}

/// Lines under a heading.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
