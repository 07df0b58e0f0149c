//! `pressroom package-set`.

use super::{End, Session};

/// Sets of source packages, for rights and the scores of builds.
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
