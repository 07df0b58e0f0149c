//! `pressroom apply` and `pressroom export`: what the distributions are, as one file.

use std::path::PathBuf;

use anyhow::Context;
use pressroom_archive::domain::Sha256;
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::output::{BAD, GOOD, painted};
use super::{End, Session, exit};
use crate::describe::{
    self, ArchiveDescription, Description, DistributionDescription, PersonDescription, SeriesDescription,
};

const EXAMPLES: &str = "\
The file has what `pressroom export` prints:
  [[distribution]]
  name = \"demo\"
  [[distribution.series]]
  name = \"one\"
  components = [\"main\"]
  architectures = [\"amd64\", \"arm64\"]

Persons, teams, their keys, package sets and permissions are part of it:
  [[person]]
  name = \"ann\"
  emails = [\"ann@example.org\"]
  [[distribution.archive]]
  name = \"primary\"
  [[distribution.archive.permission]]
  person = \"ann\"
  permission = \"UPLOAD\"
  component = \"main\"

What it does not name stays as it is. Lists of mail addresses, members and sources are the whole list.";

/// Bring distributions, archives, series, people and their rights to what a file says. Harmless when repeated.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Apply {
    file: PathBuf,
    /// Show the difference, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Print distributions, archives, series, people and their rights as a file for `pressroom apply`.
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
        let root = session.root()?;
        let mut db = root.db()?;
        let text = std::fs::read_to_string(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        let description: Description = toml::from_str(&text).map_err(|error| {
            exit::configuration(format!("{} is not as it must be:\n{error}", self.file.display()))
        })?;
        let now = session.clock.now();
        let before = lines(&db, now)?;
        let work = |tx: &pressroom_archive::store::Transaction<'_>| -> Result<Description, StoreError> {
            describe::apply(tx, &description, now)?;
            describe::export(tx, session.clock.now())
        };
        let after = if self.dry_run { db.rehearse(work)? } else { db.write(work)? };
        if !self.dry_run {
            root.write_all_readers(db.read(), now)?;
        }
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
        let description = describe::export(db.read(), session.clock.now())?;
        let text = toml::to_string(&description)?;
        session.output.show(&description, || text)?;
        Ok(End::Success)
    }
}

fn lines(db: &Db, now: jiff::Timestamp) -> anyhow::Result<Vec<String>> {
    qualified_lines(&describe::export(db.read(), now)?)
}

/// Each setting as a line that says what it belongs to.
fn qualified_lines(description: &Description) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    // a part of something of its own: a table in a table
    fn part<T: Serialize>(lines: &mut Vec<String>, name: String, it: &T) -> Result<(), toml::ser::Error> {
        lines.extend(
            toml::to_string(it)?
                .lines()
                .filter(|line| !line.is_empty())
                .map(|line| format!("{name}: {line}")),
        );
        Ok(())
    }
    for person in &description.persons {
        let name = format!("person {}", person.name);
        part(&mut lines, name.clone(), &PersonDescription { keys: Vec::new(), ..person.clone() })?;
        for key in &person.keys {
            // nobody reads the lines of a certificate
            let content = Sha256::of(key.certificate.as_bytes());
            let state = if key.active == Some(false) { "disabled" } else { "active" };
            let fingerprint = key.fingerprint.as_deref().unwrap_or_default();
            lines.push(format!("{name} key {fingerprint}: {state}, certificate of SHA256 {content}"));
        }
    }
    for team in &description.teams {
        part(&mut lines, format!("team {}", team.name), team)?;
    }
    for distribution in &description.distributions {
        let name = &distribution.name;
        let own =
            DistributionDescription { archives: Vec::new(), series: Vec::new(), ..distribution.clone() };
        part(&mut lines, name.to_string(), &own)?;
        for archive in &distribution.archives {
            let name = match &archive.owner {
                None => format!("{name} archive {}", archive.name),
                Some(_) => format!("{name} archive {}", archive.reference(name)),
            };
            part(
                &mut lines,
                name.clone(),
                &ArchiveDescription { suites: Vec::new(), permissions: Vec::new(), ..archive.clone() },
            )?;
            for suite in &archive.suites {
                part(&mut lines, format!("{name} suite {}", suite.name), &suite.settings)?;
            }
            for permission in &archive.permissions {
                // each is one line: two of them may have lines in common
                let text = toml::to_string(permission)?;
                lines.push(format!("{name} permission: {}", text.trim().replace('\n', ", ")));
            }
        }
        for series in &distribution.series {
            let name = format!("{name} series {}", series.name);
            part(
                &mut lines,
                name.clone(),
                &SeriesDescription { package_sets: Vec::new(), ..series.clone() },
            )?;
            for set in &series.package_sets {
                part(&mut lines, format!("{name} package-set {}", set.name), set)?;
            }
        }
    }
    Ok(lines)
}
