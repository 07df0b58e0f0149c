//! `pressroom queue`.

use crate::cli::{End, Session};

/// Uploads that wait for a decision, and those of the past.
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
