//! `pressroom hook remove`.

use std::path::PathBuf;

use serde::Serialize;

use super::Which;
use crate::cli::output::{BOLD, painted};
use crate::cli::{End, Session, the_distribution};
use crate::hooks::upkeep::{self, ChangeLock, InstalledKind};

/// Take a hook away: its file, its grant, and its compiled form where no other distribution has the same hook. What it remembers is kept, unless
/// --forget-state is there; so is what the history says of it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Remove {
    #[command(flatten)]
    which: Which,
    /// Forget what it remembers in this distribution, too.
    #[arg(long)]
    forget_state: bool,
}

#[derive(Serialize)]
struct Removed {
    name: String,
    files: Vec<PathBuf>,
    /// How many keys of its state were forgotten.
    forgotten_keys: usize,
}

impl Remove {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let distribution = the_distribution(db.read(), self.which.distribution.as_ref())?;
        let lock = ChangeLock::take(&root)?;
        let hooks = self.which.find(&root, &distribution)?;
        let files = upkeep::remove(&hooks)?;
        let mut forgotten_keys = 0;
        if self.forget_state {
            let mut names: Vec<String> = hooks
                .iter()
                .filter(|hook| hook.kind == InstalledKind::Wasm)
                .map(upkeep::Installed::name)
                .collect();
            names.sort();
            names.dedup();
            for name in names {
                let of = (&distribution.name, distribution.id);
                forgotten_keys += upkeep::forget_state(&root, &mut db, of, &name)?;
            }
        }
        upkeep::forget_unused(&root, &mut db, &lock)?;
        let removed = Removed { name: self.which.name.clone(), files, forgotten_keys };
        session.output.show(&removed, || removed.text(self.forget_state))?;
        Ok(End::Success)
    }
}

impl Removed {
    fn text(&self, forget_state: bool) -> String {
        let files: String = self.files.iter().map(|file| format!("  {}\n", file.display())).collect();
        let state = match (forget_state, self.forgotten_keys) {
            (false, _) => String::new(),
            (true, 0) => "It remembered nothing.\n".to_owned(),
            (true, keys) => format!("Forgot its state, {keys} keys.\n"),
        };
        format!("Removed {}:\n{files}{state}", painted(BOLD, &self.name))
    }
}
