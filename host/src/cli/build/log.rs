//! `pressroom build log`.

use std::io::{BufRead, BufReader, IsTerminal, Read};

use pressroom_archive::domain::BuildId;
use pressroom_archive::domain::plain::escaped;
use pressroom_archive::store::binary_package_build::{build, log_file};

use super::build_number;
use crate::cli::output::{write_bytes, write_out};
use crate::cli::{End, Session, exit};

/// Print what the builder of a build wrote: as it is into a pipe or a file; on a terminal without what that would obey.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Log {
    #[arg(value_name = "BUILD", value_parser = build_number)]
    build: BuildId,
}

/// So much is in memory at once.
const PIECE: usize = 1 << 16;

impl Log {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db()?;
        let build = build(db.read(), self.build)?;
        let Some(log) = build.build_log else {
            return Err(exit::usage(format!(
                "build {} has no log: its builder has given none, with --log, yet",
                build.id
            )));
        };
        let (_, sha256) = log_file(db.read(), log)?;
        let file = root.librarian().open(&sha256)?;
        if std::io::stdout().is_terminal() { for_a_terminal(file) } else { as_it_is(file) }?;
        Ok(End::Success)
    }
}

fn as_it_is(mut file: impl Read) -> anyhow::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(()),
            read => write_bytes(&piece[..read])?,
        }
    }
}

fn for_a_terminal(file: impl Read) -> anyhow::Result<()> {
    let mut file = BufReader::with_capacity(PIECE, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        // a line without an end is read in pieces
        if (&mut file).take(PIECE as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let ends = line.ends_with(b"\n");
        let text = String::from_utf8_lossy(&line);
        let tabs: Vec<String> = text.trim_end_matches(['\n', '\r']).split('\t').map(escaped).collect();
        write_out(&format!("{}{}", tabs.join("\t"), if ends { "\n" } else { "" }))?;
    }
}
