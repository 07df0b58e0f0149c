//! `pressroom hook enable`.

use super::Which;
use super::disable::Changed;
use crate::cli::output::{WARN, painted};
use crate::cli::{End, Session, the_distribution};
use crate::hooks::Registry;
use crate::hooks::upkeep::{self, ChangeLock};

/// Take a hook that was disabled back into use.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Enable {
    #[command(flatten)]
    which: Which,
}

impl Enable {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db()?;
        let distribution = the_distribution(db.read(), self.which.distribution.as_ref())?;
        let _lock = ChangeLock::take(&root)?;
        let files = upkeep::enable(&self.which.find(&root, &distribution)?)?;
        let changed = Changed::new(self.which.name.clone(), files.clone());
        session.output.show(&changed, || changed.text("Enabled", "not disabled"))?;
        // what it was spared while it was disabled counts again
        let registry = Registry::load(&root, db.read(), &root.hooks_folder(&distribution.name))?;
        let mut end = End::Success;
        for complaint in registry.complaints.iter().filter(|complaint| files.contains(&complaint.path)) {
            anstream::eprintln!(
                "{} {}: {}",
                painted(WARN, if complaint.blocks { "stops the publication:" } else { "will not run:" }),
                complaint.path.display(),
                complaint.reason
            );
            end = End::Failure;
        }
        Ok(end)
    }
}
