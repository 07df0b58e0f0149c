//! `pressroom queue log`.

use pressroom_archive::domain::UploadStatus;
use pressroom_archive::domain::plain::escaped;
use pressroom_archive::queue::{Entry, Use, Word};
use pressroom_archive::store::package_upload::{LogLine, log_of};
use serde::Serialize;

use super::show::indented;
use super::{Where, date_text, title};
use crate::cli::output::table;
use crate::cli::{End, Session};

/// Show what was done to uploads: when, by whom, and why.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Log {
    #[command(flatten)]
    place: Where,
    #[arg(required = true, value_name = "UPLOAD")]
    uploads: Vec<Word>,
}

#[derive(Serialize)]
struct Logged {
    upload: i64,
    source: String,
    version: String,
    log: Vec<LogLine>,
}

/// So many uploads of a name are shown, the newest.
const MOST: u32 = 100;

impl Log {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db()?;
        let found = self.place.find(db.read(), &self.uploads, UploadStatus::ALL, Use::Looking(MOST))?;
        let (mut logged, mut texts) = (Vec::new(), Vec::new());
        for upload in found {
            let entry = Entry::load(db.read(), upload)?;
            let log = log_of(db.read(), entry.upload.id)?;
            texts.push(format!("{}\n{}", title(&entry), indented(&log_text(&log))));
            logged.push(Logged {
                upload: entry.upload.id.0,
                source: entry.upload.source_name.to_string(),
                version: entry.upload.version.to_string(),
                log,
            });
        }
        session.output.show(&logged, || texts.join("\n"))?;
        Ok(End::Success)
    }
}

/// The lines of a log in columns.
pub(super) fn log_text(log: &[LogLine]) -> String {
    let cells: Vec<Vec<String>> = log
        .iter()
        .map(|line| {
            let change = if line.old_status == line.new_status {
                line.new_status.to_string()
            } else {
                format!("{} to {}", line.old_status, line.new_status)
            };
            vec![date_text(line.date), escaped(&line.reviewer), change, escaped(&line.comment)]
        })
        .collect();
    table(&["WHEN (UTC)", "WHO", "WHAT", "WHY"], &cells)
}
