//! `pressroom process-accepted`.

use super::{End, Session};

/// Make the publications and builds of uploads that were accepted.
#[derive(Debug, clap::Args)]
pub(super) struct ProcessAccepted {}

impl ProcessAccepted {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        session.root()?;
        anyhow::bail!("not built yet")
    }
}
