//! `pressroom person`.

use super::{End, Session};

/// The people who upload and decide.
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
