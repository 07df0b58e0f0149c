//! `pressroom copy`.

use super::{End, Session};

/// Copy packages from one suite to another.
#[derive(Debug, clap::Args)]
pub(super) struct Copy {}

impl Copy {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        session.root()?;
        anyhow::bail!("not built yet")
    }
}
