//! `pressroom outbox`.

use super::{End, Session};

/// Mails and other messages that wait to be sent, and those of the past.
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
