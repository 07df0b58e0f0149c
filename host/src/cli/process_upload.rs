//! `pressroom process-upload`.

use super::{End, Session};

/// Take uploads out of incoming, judge each, and put it where it belongs.
#[derive(Debug, clap::Args)]
pub(super) struct ProcessUpload {}

impl ProcessUpload {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        session.root()?;
        anyhow::bail!("not built yet")
    }
}
