//! `pressroom expire`.

use pressroom_archive::death_row::Expired;

use super::output::{BAD, BOLD, DIM, bytes, painted};
use super::{End, Session};
use crate::conductor::death_row::{expire, rehearse_expiry};

const EXAMPLES: &str = "\
The librarian keeps every file that came in. What has left the pool of a person's archive goes after `keep-removed-seconds` of [librarian] in pressroom.toml (seven
days), what a distribution has had when every series that had it is obsolete (`pressroom series set-status`). What a publication, an upload, a build or a pool
still wants stays, and a source goes whole or not at all. A package that has expired can only come in anew.

Examples:
  pressroom expire --dry-run
  pressroom expire";

/// Let go of the originals that nothing needs any more.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Expire {
    /// Print what would go and what stays, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Look at everything that ever left a pool, not only at what has left one since it was looked at.
    #[arg(long)]
    careful: bool,
}

impl Expire {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let expired = if self.dry_run {
            rehearse_expiry(&root, &db, self.careful, session.clock)?
        } else {
            expire(&root, &mut db, self.careful, session.clock)?
        };
        session.output.show(&expired, || self.text(&expired))?;
        if session.output.is_text() {
            for problem in &expired.problems {
                anstream::eprintln!("{} {problem}", painted(BAD, "not done:"));
            }
        }
        Ok(if expired.problems.is_empty() { End::Success } else { End::Failure })
    }

    fn text(&self, expired: &Expired) -> String {
        let goes = if self.dry_run { "would go" } else { "gone" };
        let mut text = String::new();
        for lost in &expired.files {
            let size = painted(DIM, format!("({})", bytes(lost.size_bytes)));
            text.push_str(&format!("{} {} {size}\n", painted(BOLD, goes), lost.filename));
        }
        for kept in &expired.kept {
            let until = kept.until.as_ref().map_or_else(String::new, |date| format!(", until {date}"));
            text.push_str(&format!("{} {}: {}{until}\n", painted(DIM, "kept"), kept.filename, kept.reason));
        }
        match expired.swept {
            0 => {}
            1 => text.push_str(&format!("1 file {goes} that belonged to nothing\n")),
            swept => text.push_str(&format!("{swept} files {goes} that belonged to nothing\n")),
        }
        if text.is_empty() {
            return "Nothing expires.\n".to_owned();
        }
        let freed = if self.dry_run { "would be freed" } else { "freed" };
        text.push_str(&format!("{} {freed}\n", bytes(expired.freed_bytes)));
        text
    }
}
