//! `pressroom completions` and `pressroom man`: made from the same words as `--help`.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::output::write_bytes;
use super::{Cli, End};

/// Print the completions of a shell.
///
/// For example, for bash: pressroom completions bash > /etc/bash_completion.d/pressroom
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<End> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pressroom", &mut script);
        write_bytes(&script)?;
        Ok(End::Success)
    }
}

/// Write the manual pages into a folder, one for each command.
///
/// For example: pressroom man /usr/local/share/man/man1
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(&self) -> anyhow::Result<End> {
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make {}", self.folder.display()))?;
        clap_mangen::generate_to(Cli::command(), &self.folder)
            .with_context(|| format!("cannot write manual pages into {}", self.folder.display()))?;
        Ok(End::Success)
    }
}
