//! `pressroom hook disable`.

use std::path::PathBuf;

use serde::Serialize;

use super::Which;
use crate::cli::output::{BOLD, painted};
use crate::cli::{End, Session, the_distribution};
use crate::hooks::upkeep::{self, ChangeLock};

/// Take a hook out of use without taking it away: it does not run from the next run on, and nothing waits for it.
///
/// Of a WASM hook the grant says so (disabled = true). An executable gets .disabled at the end of its name, which run-parts would skip as well.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Disable {
    #[command(flatten)]
    which: Which,
}

/// What was changed.
#[derive(Serialize)]
pub(super) struct Changed {
    name: String,
    /// The files, as they are called now; empty: they were so before.
    files: Vec<PathBuf>,
}

impl Disable {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db()?;
        let distribution = the_distribution(db.read(), self.which.distribution.as_ref())?;
        let _lock = ChangeLock::take(&root)?;
        let files = upkeep::disable(&self.which.find(&root, &distribution)?)?;
        let changed = Changed { name: self.which.name.clone(), files };
        session.output.show(&changed, || changed.text("Disabled", "disabled already"))?;
        Ok(End::Success)
    }
}

impl Changed {
    pub(super) const fn new(name: String, files: Vec<PathBuf>) -> Self {
        Self { name, files }
    }

    pub(super) fn text(&self, done: &str, already: &str) -> String {
        if self.files.is_empty() {
            return format!("{} was {already}.\n", self.name);
        }
        let files: String = self.files.iter().map(|file| format!("  {}\n", file.display())).collect();
        format!("{done} {}:\n{files}", painted(BOLD, &self.name))
    }
}
