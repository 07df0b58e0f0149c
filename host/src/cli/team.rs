//! `pressroom team`.

use super::{End, Session};

/// Teams of people.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List them.
    List,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        session.root()?;
        anyhow::bail!("not built yet")
    }
}
