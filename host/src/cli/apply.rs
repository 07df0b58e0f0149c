//! `pressroom apply` and `pressroom export`: what the distributions are, as one file.

use std::path::PathBuf;

use anyhow::Context;
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::describe::{self, Description};
use super::output::{BAD, GOOD, painted};
use super::{End, Session, exit};

const EXAMPLES: &str = "\
The file has what `pressroom export` prints:
  [[distribution]]
  name = \"demo\"
  [[distribution.series]]
  name = \"one\"
  components = [\"main\"]
  architectures = [\"amd64\", \"arm64\"]

What it does not name stays as it is.";

/// Bring distributions, archives and series to what a file says. Harmless when repeated.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Apply {
    file: PathBuf,
    /// Show the difference, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Print distributions, archives and series as a file for `pressroom apply`.
#[derive(Debug, clap::Args)]
pub(super) struct Export {}

#[derive(Serialize)]
struct Difference {
    applied: bool,
    /// Lines of the exported file that went.
    removed: Vec<String>,
    /// Lines of it that came.
    added: Vec<String>,
}

impl Apply {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let mut db = session.root()?.db()?;
        let text = std::fs::read_to_string(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        let description: Description = toml::from_str(&text).map_err(|error| {
            exit::configuration(format!("{} is not as it must be:\n{error}", self.file.display()))
        })?;
        let before = lines(&db)?;
        let now = session.clock.now();
        let work = |tx: &pressroom_archive::store::Transaction<'_>| -> Result<Description, StoreError> {
            describe::apply(tx, &description, now)?;
            describe::export(tx)
        };
        let after = if self.dry_run { db.rehearse(work)? } else { db.write(work)? };
        let after = qualified_lines(&after)?;
        let difference = Difference {
            applied: !self.dry_run,
            removed: before.iter().filter(|line| !after.contains(line)).cloned().collect(),
            added: after.iter().filter(|line| !before.contains(line)).cloned().collect(),
        };
        session.output.show(&difference, || {
            if difference.removed.is_empty() && difference.added.is_empty() {
                return "Nothing to change.\n".to_owned();
            }
            let removed =
                difference.removed.iter().map(|line| format!("{}\n", painted(BAD, format!("- {line}"))));
            let added =
                difference.added.iter().map(|line| format!("{}\n", painted(GOOD, format!("+ {line}"))));
            removed.chain(added).collect()
        })?;
        Ok(End::Success)
    }
}

impl Export {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db()?;
        let description = describe::export(db.read())?;
        let text = toml::to_string(&description)?;
        session.output.show(&description, || text)?;
        Ok(End::Success)
    }
}

fn lines(db: &Db) -> anyhow::Result<Vec<String>> {
    qualified_lines(&describe::export(db.read())?)
}

/// Each setting as a line that says what it belongs to.
fn qualified_lines(description: &Description) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for distribution in &description.distributions {
        let name = &distribution.name;
        lines.push(format!(
            "{name}: display-name = {:?}",
            distribution.display_name.as_ref().map(ToString::to_string).unwrap_or_default()
        ));
        let parts = distribution
            .archives
            .iter()
            .map(|archive| Ok((format!("{name} archive {}", archive.name), toml::to_string(archive)?)))
            .chain(
                distribution
                    .series
                    .iter()
                    .map(|series| Ok((format!("{name} series {}", series.name), toml::to_string(series)?))),
            )
            .collect::<Result<Vec<_>, toml::ser::Error>>()?;
        for (part, text) in parts {
            lines.extend(text.lines().map(|line| format!("{part}: {line}")));
        }
    }
    Ok(lines)
}
