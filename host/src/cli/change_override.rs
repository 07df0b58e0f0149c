//! `pressroom change-override`.

use pressroom_archive::domain::{
    ArchiveReference, ComponentName, PackageKind, PackagePriority, Section, SourceName, SuiteName,
};
use pressroom_archive::refile::{Change, RefileError, Refiled, RefiledPackages, Refiling, refile};
use pressroom_archive::store::override_change::last_override_changes;
use pressroom_archive::store::package_override::find_override;
use pressroom_archive::store::publication::Phasing;
use pressroom_archive::store::shape::shape;
use pressroom_archive::store::{Connection, StoreError, Transaction, series, suite};
use serde::Serialize;

use super::output::{WARN, painted, table};
use super::who::As;
use super::{End, Session, exit, the_archive};

const EXAMPLES: &str = "\
Examples:
  pressroom change-override --suite one --component universe --source-and-binaries hello
  pressroom change-override --suite one --section admin --priority standard hello-tools
  pressroom change-override --suite one-updates --phased-update-percentage 20 --source-and-binaries hello
  pressroom change-override --suite one --log

What was published so is published anew by the next `pressroom publish`. All packages are changed, or none.";

/// File published packages elsewhere: component, section, priority, to how many they are given.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ChangeOverride {
    /// Where, as one or one-updates.
    #[arg(long)]
    suite: SuiteName,
    /// The archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// The source packages of these names, not the binary ones.
    #[arg(long, short = 't', conflicts_with = "source_and_binaries")]
    source: bool,
    /// The source packages of these names, and the binary ones that were built from them.
    #[arg(long, short = 'S')]
    source_and_binaries: bool,
    #[arg(long)]
    component: Option<ComponentName>,
    /// Without a component before it.
    #[arg(long)]
    section: Option<Section>,
    /// Of binary packages.
    #[arg(long, conflicts_with = "source")]
    priority: Option<PackagePriority>,
    /// To how many in a hundred binary packages are given; 100: to all.
    #[arg(long, value_name = "PERCENTAGE", value_parser = clap::value_parser!(u8).range(0..=100), conflicts_with = "source")]
    phased_update_percentage: Option<u8>,
    /// Why; it is kept.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    by: As,
    /// Say what would be, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Show the last changes in the suite instead.
    #[arg(long, conflicts_with = "packages")]
    log: bool,
    #[arg(required_unless_present = "log", value_name = "PACKAGE")]
    packages: Vec<SourceName>,
}

/// So many changes are shown.
const LOGGED: u32 = 50;

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    changed: Vec<Refiled>,
    /// Overrides for packages that come in, which say something else.
    overrides: Vec<String>,
}

impl ChangeOverride {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        let shape = shape(db.read(), suite::suite(db.read(), archive.id, &self.suite)?)?;
        if self.log {
            return log(session, db.read(), &shape);
        }
        let component = match &self.component {
            Some(name) => Some((series::component(db.read(), shape.series.id, name)?.id, name.clone())),
            None => None,
        };
        if let Some(section) = self.section.as_ref().filter(|section| section.component().is_some()) {
            return Err(exit::usage(format!(
                "{section} names a component: say --component {} --section {}",
                section.component().unwrap_or_default(),
                section.without_component()
            )));
        }
        let change = Change {
            component,
            section: self.section.clone(),
            priority: self.priority.clone(),
            phasing: match self.phased_update_percentage {
                None => Phasing::Unsaid,
                Some(100) => Phasing::All,
                Some(percentage) => Phasing::Percentage(percentage),
            },
        };
        if change.says_nothing_of(PackageKind::Binary) {
            return Err(exit::usage(
                "nothing is changed: name --component, --section, --priority or --phased-update-percentage",
            ));
        }
        let reason = super::who::reason(&self.reason)?;
        let actor = self.by.actor(&root, &db)?;
        let extent = match (self.source, self.source_and_binaries) {
            (true, _) => RefiledPackages::Source,
            (false, true) => RefiledPackages::SourceAndBinaries,
            (false, false) => RefiledPackages::Binaries,
        };
        let request = Refiling {
            archive: &archive,
            shape: &shape,
            names: &self.packages,
            extent,
            change: &change,
            actor: &actor,
            reason: &reason,
        };
        let now = session.clock.now();
        let work = |tx: &Transaction<'_>| -> Result<Report, RefileError> {
            let changed = refile(tx, &request, now)?;
            let overrides = contradicted(tx, &request, &changed)?;
            Ok(Report { dry_run: self.dry_run, changed, overrides })
        };
        let report = match if self.dry_run { db.rehearse(work) } else { db.write(work) } {
            Ok(report) => report,
            Err(RefileError::Refused(message)) => return Err(exit::usage(message)),
            Err(error) => return Err(error.into()),
        };
        session.output.show(&report, || self.text(&report))?;
        Ok(End::Success)
    }

    fn text(&self, report: &Report) -> String {
        let would = if self.dry_run { "would wait for the next run" } else { "waits for the next run" };
        let or_none = |word: Option<&str>| word.unwrap_or("-").to_owned();
        let section = |section: &Option<Section>| or_none(section.as_ref().map(Section::as_str));
        let priority =
            |priority: &Option<PackagePriority>| or_none(priority.as_ref().map(PackagePriority::as_str));
        let given_to = |one: &Refiled, percentage: Option<u8>| match (one.kind, percentage) {
            (PackageKind::Source, _) => "-".to_owned(),
            (PackageKind::Binary, None) => "all".to_owned(),
            (PackageKind::Binary, Some(percentage)) => format!("{percentage} %"),
        };
        let change = |from: String, to: String| if from == to { to } else { format!("{from} -> {to}") };
        let cells: Vec<Vec<String>> = report
            .changed
            .iter()
            .map(|one| {
                vec![
                    one.package.clone(),
                    one.version.clone(),
                    one.architecture.clone().unwrap_or_else(|| "source".to_owned()),
                    change(one.from.clone(), one.to.clone()),
                    change(section(&one.from_section), section(&one.to_section)),
                    change(priority(&one.from_priority), priority(&one.to_priority)),
                    change(given_to(one, one.from_percentage), given_to(one, one.to_percentage)),
                    if one.waits { would } else { "as it was" }.to_owned(),
                ]
            })
            .collect();
        let heads =
            ["PACKAGE", "VERSION", "ARCHITECTURE", "COMPONENT", "SECTION", "PRIORITY", "GIVEN TO", ""];
        let mut text = table(&heads, &cells);
        for one in &report.overrides {
            text.push_str(&format!("{} {one}\n", painted(WARN, "but")));
        }
        text
    }
}

/// What was said with `pressroom override set` of these packages and is something else: it counts again for the next version.
fn contradicted(
    db: &Connection,
    request: &Refiling<'_>,
    changed: &[Refiled],
) -> Result<Vec<String>, StoreError> {
    let (archive, series) = (request.archive, &request.shape.series);
    let mut packages: Vec<(PackageKind, &str)> =
        changed.iter().map(|one| (one.kind, one.package.as_str())).collect();
    packages.dedup();
    let mut said = Vec::new();
    for (kind, name) in packages {
        let Some(found) = find_override(db, archive.id, series.id, kind, name)? else { continue };
        let change = request.change;
        let component = change.component.as_ref().map(|(id, _)| *id);
        let other = differs(component, found.component)
            || differs(change.section.as_ref(), found.section.as_ref())
            || differs(change.priority.as_ref(), found.priority.as_ref());
        if other {
            let (word, flag) = match kind {
                PackageKind::Source => ("source", " --source"),
                PackageKind::Binary => ("binary", ""),
            };
            said.push(format!(
                "an override of the {word} package {name} in {} says something else, and counts for its next version: change it with \
                 `pressroom override set --series {0}{flag} {name}`",
                series.name
            ));
        }
    }
    Ok(said)
}

/// Whether both say something, and not the same.
fn differs<T: PartialEq>(new: Option<T>, old: Option<T>) -> bool {
    new.is_some() && old.is_some() && new != old
}

fn log(
    session: &Session,
    db: &Connection,
    shape: &pressroom_archive::store::shape::SuiteShape,
) -> anyhow::Result<End> {
    let changes = last_override_changes(db, shape.suite.id, LOGGED)?;
    session.output.show(&changes, || {
        let cells: Vec<Vec<String>> = changes
            .iter()
            .map(|one| {
                vec![
                    one.date.strftime("%Y-%m-%d %H:%M").to_string(),
                    one.kind.to_string().to_ascii_lowercase(),
                    one.package.clone(),
                    one.change.clone(),
                    one.requester.clone(),
                    one.reason.clone(),
                ]
            })
            .collect();
        table(&["DATE", "KIND", "PACKAGE", "CHANGE", "BY", "REASON"], &cells)
    })?;
    Ok(End::Success)
}
