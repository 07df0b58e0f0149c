//! `pressroom queue diff`.

use pressroom_archive::domain::UploadStatus;
use pressroom_archive::queue::diff::{FieldChange, FileChanges, FileFacts, ItemDiff, Limits, TextDiff, diff};
use pressroom_archive::queue::{Entry, Use, Word};
use serde::Serialize;

use super::{Where, title};
use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, painted};
use crate::cli::{End, Session};

const EXAMPLES: &str = "\
Examples:
  pressroom queue diff 12
  pressroom queue diff --all hello/2.10-3 | less -R

A package is compared with the newest of its name in its suite; else in the release pocket of the series; else in what the series is made from, and for an
archive beside the distribution's own, in that one. What has no ancestor is shown whole.";

/// Show what uploads change: control fields, files with their modes and sizes, maintainer scripts, and in sources what is in debian/.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Diff {
    #[command(flatten)]
    place: Where,
    /// Show all of it, however long.
    #[arg(long)]
    all: bool,
    #[arg(required = true, value_name = "UPLOAD")]
    uploads: Vec<Word>,
}

#[derive(Serialize)]
struct OfUpload {
    upload: i64,
    source: String,
    version: String,
    status: UploadStatus,
    archive: String,
    suite: String,
    items: Vec<ItemDiff>,
}

/// So many uploads of a name are compared, the newest.
const MOST: u32 = 20;

impl Diff {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db()?;
        let found = self.place.find(db.read(), &self.uploads, UploadStatus::ALL, Use::Looking(MOST))?;
        let limits = if self.all { Limits::all() } else { Limits::some() };
        let (mut all, mut texts) = (Vec::new(), Vec::new());
        for upload in found {
            let entry = Entry::load(db.read(), upload)?;
            let items = diff(db.read(), &root.librarian(), &entry, &limits)?;
            if session.output.is_text() {
                texts.push(text(&entry, &items));
            }
            all.push(OfUpload {
                upload: entry.upload.id.0,
                source: entry.upload.source_name.to_string(),
                version: entry.upload.version.to_string(),
                status: entry.upload.status,
                archive: entry.archive.reference.to_string(),
                suite: entry.suite.name.to_string(),
                items,
            });
        }
        session.output.show(&all, || texts.join("\n"))?;
        Ok(End::Success)
    }
}

fn text(entry: &Entry, items: &[ItemDiff]) -> String {
    let mut text = format!("{}\n", title(entry));
    if items.is_empty() {
        text.push_str("  There is no package in it.\n");
    }
    for item in items {
        let what = match item.kind {
            "binary" => format!("{} {} {}", item.name, item.version, item.architecture),
            _ => format!("{} {} {}", item.kind, item.name, item.version),
        };
        let against = match &item.against {
            Some(against) => {
                format!("beside {} of {} in {}", against.version, against.suite, against.archive)
            }
            None => "new: there is none of its name".to_owned(),
        };
        text.push_str(&format!("\n{} {}\n", painted(BOLD, what), painted(DIM, against)));
        item_text(item, &mut text);
    }
    text
}

fn item_text(item: &ItemDiff, text: &mut String) {
    let length = text.len();
    for trouble in &item.troubles {
        text.push_str(&format!("  {} {trouble}\n", painted(WARN, "not compared:")));
    }
    for field in &item.fields {
        field_text(field, text);
    }
    let is_source = item.kind == "source";
    files_text(if is_source { "parts" } else { "control files" }, &item.parts, text);
    files_text("files", &item.files, text);
    for one in &item.texts {
        diff_text(one, text);
    }
    if item.texts_left_out > 0 {
        text.push_str(&format!(
            "  {}\n",
            painted(DIM, format!("… {} more texts differ: see them with --all", item.texts_left_out))
        ));
    }
    if text.len() == length {
        text.push_str("  Nothing differs.\n");
    }
}

fn minus(line: impl std::fmt::Display) -> String {
    painted(BAD, format!("-{line}"))
}

fn plus(line: impl std::fmt::Display) -> String {
    painted(GOOD, format!("+{line}"))
}

fn field_text(field: &FieldChange, text: &mut String) {
    let name = &field.name;
    if let Some(old) = &field.old {
        text.push_str(&format!("  {}\n", minus(format!("{name}: {old}"))));
    }
    if let Some(new) = &field.new {
        text.push_str(&format!("  {}\n", plus(format!("{name}: {new}"))));
    }
    for old in &field.removed {
        text.push_str(&format!("  {}\n", minus(format!("{name}: {old}"))));
    }
    for new in &field.added {
        text.push_str(&format!("  {}\n", plus(format!("{name}: {new}"))));
    }
}

fn files_text(what: &str, changes: &FileChanges, text: &mut String) {
    let FileChanges { added, removed, changed, same, files, left_out } = changes;
    if added + removed + changed == 0 {
        return;
    }
    text.push_str(&format!(
        "  {}\n",
        painted(DIM, format!("{what}: {added} more, {removed} less, {changed} others, {same} as before"))
    ));
    for file in files {
        let line = |facts: &FileFacts| format!(" {facts}  {}", file.path);
        match (&file.old, &file.new) {
            // what it looks like is the same
            (Some(old), Some(new)) if old == new => {
                text.push_str(&format!("  {}\n", painted(WARN, format!("!{} (other bytes)", line(new)))));
            }
            (old, new) => {
                let lines =
                    old.iter().map(|old| minus(line(old))).chain(new.iter().map(|new| plus(line(new))));
                lines.for_each(|line| text.push_str(&format!("  {line}\n")));
            }
        }
    }
    if *left_out > 0 {
        text.push_str(&format!("  {}\n", painted(DIM, format!("… {left_out} more: see them with --all"))));
    }
}

fn diff_text(one: &TextDiff, text: &mut String) {
    let word = match (one.is_new, one.is_gone) {
        (true, _) => " (new)",
        (_, true) => " (gone)",
        (false, false) => "",
    };
    text.push_str(&format!("  {}{}\n", painted(BOLD, &one.name), painted(DIM, word)));
    for line in &one.lines {
        let line = match line.as_bytes().first() {
            Some(b'-') => painted(BAD, line),
            Some(b'+') => painted(GOOD, line),
            Some(b'@') => painted(DIM, line),
            _ => line.clone(),
        };
        text.push_str(&format!("  {line}\n"));
    }
    if one.left_out > 0 {
        text.push_str(&format!(
            "  {}\n",
            painted(DIM, format!("… {} more lines: see them with --all", one.left_out))
        ));
    }
}
