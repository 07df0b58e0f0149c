//! `pressroom queue list`.

use std::io::IsTerminal;

use pressroom_archive::domain::plain::escaped;
use pressroom_archive::queue::{Entry, Use, Word};

use super::{Shown, WAITING, Where, date_text, status_text};
use crate::cli::output::{DIM, fitted_table, painted};
use crate::cli::{End, Session};

const EXAMPLES: &str = "\
Examples:
  pressroom queue list                       what waits for a decision
  pressroom queue list --suite one --queue unapproved
  pressroom queue list --status all hello    all uploads of sources with hello in their names";

/// List uploads, oldest first: those that wait for a decision, unless others are asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    place: Where,
    /// Not more than so many: the newest.
    #[arg(long, short = 'n', default_value_t = 200, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only these.
    #[arg(value_name = "UPLOAD")]
    uploads: Vec<Word>,
}

impl List {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db()?;
        // one more, to know that there are more
        let most = self.limit.saturating_add(1);
        let mut found = self.place.find(db.read(), &self.uploads, WAITING, Use::Listing(most))?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let are_there_more = found.len() > limit;
        found.drain(..found.len().saturating_sub(limit));
        let entries =
            found.into_iter().map(|upload| Entry::load(db.read(), upload)).collect::<Result<Vec<_>, _>>()?;
        let shown: Vec<Shown> = entries.iter().map(Shown::new).collect();
        session.output.show(&shown, || {
            if entries.is_empty() {
                return self.nothing();
            }
            let mut text = table_text(&entries);
            if are_there_more {
                text.push_str(&painted(DIM, "There are older ones: ask for more with --limit.\n"));
            }
            text
        })?;
        Ok(End::Success)
    }

    fn nothing(&self) -> String {
        if self.place.status.is_empty() {
            "Nothing waits for a decision; those of the past are listed with --status all.\n".to_owned()
        } else {
            "There is no such upload.\n".to_owned()
        }
    }
}

/// Which columns give way where a line is too long, the first first.
const GIVE_WAY: &[usize] = &[6, 5, 4, 3];

fn table_text(entries: &[Entry]) -> String {
    // where all are of one archive it says nothing
    let mut archives: Vec<String> = entries.iter().map(|entry| entry.archive.reference.to_string()).collect();
    archives.sort();
    archives.dedup();
    let cells: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let upload = &entry.upload;
            let place = match archives.as_slice() {
                [_] => entry.suite.name.to_string(),
                _ => format!("{} {}", entry.archive.reference, entry.suite.name),
            };
            vec![
                upload.id.to_string(),
                status_text(upload.status),
                place,
                upload.source_name.to_string(),
                upload.version.to_string(),
                entry.kinds(),
                escaped(&upload.changed_by),
                date_text(upload.date_created),
            ]
        })
        .collect();
    let headings = ["ID", "STATUS", "SUITE", "SOURCE", "VERSION", "CONTENTS", "CHANGED BY", "CAME IN (UTC)"];
    fitted_table(&headings, &cells, GIVE_WAY, std::io::stdout().is_terminal())
}
