//! `pressroom change-override`.

use super::{End, Session};

/// File published packages elsewhere: component, section, priority.
#[derive(Debug, clap::Args)]
pub(super) struct ChangeOverride {}

impl ChangeOverride {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        session.root()?;
        anyhow::bail!("not built yet")
    }
}
