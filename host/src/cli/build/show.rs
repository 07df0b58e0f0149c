//! `pressroom build show`.

use pressroom_archive::domain::BuildId;
use pressroom_archive::domain::plain::escaped;
use pressroom_archive::store::binary_package_build::{Event, build, events_of, uploads_of};
use serde::Serialize;

use super::{Shown, SourceFile, build_number, date_text, source_files, status_text};
use crate::cli::output::{DIM, painted};
use crate::cli::{End, Session};

/// Show a build: how far it has come, what was done to it and by whom, and the files of its source.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    #[arg(value_name = "BUILD", value_parser = build_number)]
    build: BuildId,
}

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    shown: Shown,
    /// The uploads of what it has made, but for those that were rejected.
    uploads: Vec<i64>,
    files: Vec<SourceFile>,
    events: Vec<Event>,
}

impl Show {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db()?;
        let build = build(db.read(), self.build)?;
        let whole = Whole {
            shown: Shown::new(db.read(), &build)?,
            uploads: uploads_of(db.read(), build.id)?.into_iter().map(|upload| upload.0).collect(),
            files: source_files(&root, db.read(), &build)?,
            events: events_of(db.read(), build.id)?,
        };
        session.output.show(&whole, || whole.text())?;
        Ok(End::Success)
    }
}

impl Whole {
    fn text(&self) -> String {
        let one = &self.shown;
        let mut text = format!("{}\n  status: {}\n", one.title(), status_text(one.status));
        let how = if one.score_is_manual { "set by a person" } else { "computed" };
        text.push_str(&format!("  score: {} ({how}; urgency {})\n", one.score, one.urgency));
        if let Some(builder) = &one.builder {
            text.push_str(&format!("  builder: {}\n", escaped(builder)));
        }
        if let Some(dependencies) = &one.dependencies {
            text.push_str(&format!("  waits for: {}\n", escaped(dependencies)));
        }
        for (what, date) in [("made", Some(one.created)), ("begun", one.started), ("ended", one.finished)] {
            if let Some(date) = date {
                text.push_str(&format!("  {what}: {} UTC\n", date_text(date)));
            }
        }
        if one.has_log {
            text.push_str(&format!("  log: pressroom build log {}\n", one.build));
        }
        if !self.uploads.is_empty() {
            let numbers: Vec<String> = self.uploads.iter().map(ToString::to_string).collect();
            text.push_str(&format!("  came in by upload {}\n", numbers.join(", ")));
        }
        text.push_str("  source:\n");
        for file in &self.files {
            text.push_str(&format!("    {} {}\n", file.name, painted(DIM, &file.path)));
        }
        text.push_str("  what was done:\n");
        for event in &self.events {
            let change = if event.old_status == event.new_status {
                event.new_status.to_string()
            } else {
                format!("{} to {}", event.old_status, event.new_status)
            };
            let said = if event.comment.is_empty() {
                String::new()
            } else {
                format!(": {}", escaped(&event.comment))
            };
            text.push_str(&format!(
                "    {} {} {change}{said}\n",
                painted(DIM, date_text(event.date)),
                escaped(&event.actor)
            ));
        }
        text
    }
}
