//! Carries it out, suite by suite, or only says what would come.

use pressroom_archive::format::control;
use pressroom_archive::librarian::Librarian;
use pressroom_archive::release::ReleaseFile;
use pressroom_archive::store::archive::{Archive, archive};
use pressroom_archive::store::distribution::{Distribution, distribution};
use pressroom_archive::store::shape::{SuiteShape, shape};
use pressroom_archive::store::{Connection, Db, StoreError, Transaction, suite};
use pressroom_archive::upload::Complaint;
use pressroom_archive::upload::takeover::Links;
use pressroom_archive::upload::takeover::index::{Selection, read_indexes};
use pressroom_archive::upload::takeover::plan::{Plan, plan};
use pressroom_archive::upload::takeover::release::TheirRelease;
use pressroom_archive::upload::takeover::take::{Taken, Takeover, Target, keeps, rehearse, take};
use tracing::debug_span;

use super::theirs::{Pair, Theirs};
use super::{ImportArchive, SuiteTaken};
use crate::cli::Session;
use crate::cli::output::{bar, spinner};
use crate::describe::{self, Description};

/// Carries it out, suite by suite.
pub(super) struct Taking<'a> {
    pub(super) command: &'a ImportArchive,
    pub(super) session: &'a Session,
    pub(super) archive: &'a Archive,
    pub(super) theirs: &'a Theirs,
    pub(super) selection: &'a Selection<'a>,
    pub(super) librarian: Librarian,
    pub(super) creator: String,
}

impl Taking<'_> {
    /// What the indexes of a suite list, as far as it is wanted.
    fn plan(&self, db: &Connection, pair: &Pair) -> anyhow::Result<Plan> {
        let spinner = spinner();
        spinner.set_message(format!("reading the indexes of {}", pair.name));
        let indexes = debug_span!("indexes")
            .in_scope(|| read_indexes(&*self.theirs.repository, &pair.theirs, self.selection));
        spinner.finish_and_clear();
        let mut plan = plan(indexes, keeps(db, self.archive)?);
        plan.complaints.extend(
            pair.theirs
                .left_out
                .iter()
                .map(|reason| Complaint { path: pair.theirs.folder.as_str().into(), reason: reason.clone() }),
        );
        Ok(plan)
    }

    pub(super) fn take(
        &self,
        db: &mut Db,
        pairs: &[Pair],
        description: &Description,
    ) -> anyhow::Result<Vec<SuiteTaken>> {
        let now = self.session.clock.now();
        if self.command.create {
            db.write(|tx| describe::apply(tx, description, now))?;
        }
        let mut suites = Vec::new();
        for pair in pairs {
            let mut plan = self.plan(db.read(), pair)?;
            let shape = self.shape(db.read(), pair)?;
            let target = Target { archive: self.archive, shape: &shape, creator: &self.creator };
            let bar = bar(plan.len() as u64, "reading packages");
            let progress = |count: usize| bar.inc(count as u64);
            let takeover = Takeover {
                repository: &*self.theirs.repository,
                librarian: &self.librarian,
                links: if self.command.copy { Links::Copy } else { Links::Share },
                progress: &progress,
            };
            let taken = debug_span!("take")
                .in_scope(|| take(db, &takeover, &target, &mut plan, self.session.clock.now()));
            bar.finish_and_clear();
            suites.push(self.taken(db.read(), pair, &shape, taken?)?);
        }
        Ok(suites)
    }

    pub(super) fn rehearse(
        &self,
        db: &mut Db,
        pairs: &[Pair],
        description: &Description,
    ) -> anyhow::Result<Vec<SuiteTaken>> {
        let now = self.session.clock.now();
        let mut plans = Vec::new();
        for pair in pairs {
            plans.push((pair, self.plan(db.read(), pair)?));
        }
        db.rehearse(|tx: &Transaction<'_>| {
            if self.command.create {
                describe::apply(tx, description, now)?;
            }
            let mut suites = Vec::new();
            for (pair, mut plan) in plans {
                let shape = self.shape(tx, pair)?;
                let target = Target { archive: self.archive, shape: &shape, creator: &self.creator };
                let taken = rehearse(tx, &target, &mut plan, now)?;
                suites.push(self.taken(tx, pair, &shape, taken)?);
            }
            Ok::<_, anyhow::Error>(suites)
        })
    }

    fn shape(&self, db: &Connection, pair: &Pair) -> Result<SuiteShape, StoreError> {
        shape(db, suite::suite(db, self.archive.id, &pair.ours)?)
    }

    fn taken(
        &self,
        db: &Connection,
        pair: &Pair,
        shape: &SuiteShape,
        taken: Taken,
    ) -> anyhow::Result<SuiteTaken> {
        let archive = archive(db, &self.archive.reference)?;
        let of = distribution(db, archive.reference.distribution())?;
        Ok(SuiteTaken {
            suite: pair.name.clone(),
            into: pair.ours.clone(),
            signed_by: pair.theirs.signed_by.clone(),
            taken,
            differences: differences(&archive, &of, shape, &pair.theirs),
        })
    }
}

/// What our Release will say otherwise than theirs, of what apt asks people about before it goes on.
fn differences(
    archive: &Archive,
    distribution: &Distribution,
    shape: &SuiteShape,
    theirs: &TheirRelease,
) -> Vec<String> {
    let ours = ReleaseFile {
        archive,
        distribution_display_name: &distribution.display_name,
        shape,
        date: jiff::Timestamp::UNIX_EPOCH,
        signing_keys: &[],
    }
    .suite_text(&[]);
    let series = &shape.series.name;
    let said = |name: &str| {
        let found = control::pairs(&ours).find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let of_archive = |option: &str| format!("pressroom archive set {} --{option}", archive.reference);
    let of_series = |option: &str| format!("pressroom series set {series} --{option}");
    [
        ("Origin", &theirs.origin, of_archive("origin")),
        ("Label", &theirs.label, of_archive("label")),
        ("Suite", &theirs.suite, of_series("suite-name")),
        ("Codename", &theirs.codename, of_series("codename")),
    ]
    .into_iter()
    .filter(|(field, theirs, _)| !theirs.is_empty() && said(field) != **theirs)
    .map(|(field, theirs, command)| {
        format!("{field} is {:?} here and {theirs:?} there: see `{command}`", said(field))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::describe::{
        ArchiveDescription, DistributionDescription, DistributionSettings, SeriesDescription, SeriesSettings,
    };

    /// `demo` with the series `one`, whose archive says `Demo Packages` and `demo` of itself, and whose Release files call it `stable`.
    fn demo() -> (Archive, Distribution, SuiteShape) {
        let series = SeriesDescription {
            name: "one".parse().unwrap(),
            settings: SeriesSettings {
                components: vec!["main".parse().unwrap()],
                architectures: vec!["amd64".parse().unwrap()],
                suite_name: Some("stable".parse().unwrap()),
                ..SeriesSettings::default()
            },
            package_sets: Vec::new(),
        };
        let primary = ArchiveDescription {
            origin: Some("Demo Packages".parse().unwrap()),
            label: Some("demo".parse().unwrap()),
            ..ArchiveDescription::new("primary".parse().unwrap(), None)
        };
        let description = Description {
            distributions: vec![DistributionDescription {
                name: "demo".parse().unwrap(),
                display_name: None,
                settings: DistributionSettings::default(),
                archives: vec![primary],
                series: vec![series],
            }],
            ..Description::default()
        };
        let mut db = Db::in_memory().unwrap();
        db.write(|tx| describe::apply(tx, &description, Timestamp::UNIX_EPOCH)).unwrap();
        let archive = archive(db.read(), &"demo".parse().unwrap()).unwrap();
        let updates = suite::suite(db.read(), archive.id, &"one-updates".parse().unwrap()).unwrap();
        let of = distribution(db.read(), &"demo".parse().unwrap()).unwrap();
        let shape = shape(db.read(), updates).unwrap();
        (archive, of, shape)
    }

    fn theirs([origin, label, suite, codename]: [&str; 4]) -> TheirRelease {
        TheirRelease {
            folder: "dists/bookworm-updates".parse().unwrap(),
            signed_by: None,
            origin: origin.to_owned(),
            label: label.to_owned(),
            suite: suite.to_owned(),
            codename: codename.to_owned(),
            version: String::new(),
            description: String::new(),
            not_automatic: false,
            components: Vec::new(),
            architectures: Vec::new(),
            date: None,
            by_hash: false,
            files: std::collections::BTreeMap::new(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn what_apt_would_ask_about_is_said_with_the_command_that_changes_it() {
        let (archive, of, shape) = demo();
        let same = ["Demo Packages", "demo", "stable-updates", "one-updates"];
        for (said, expected) in [
            (same, &[][..]),
            // what they do not say, nobody is asked about
            (["", "", "", ""], &[]),
            (
                ["Debian", same[1], same[2], same[3]],
                &[
                    r#"Origin is "Demo Packages" here and "Debian" there: see `pressroom archive set demo --origin`"#,
                ],
            ),
            (
                [same[0], "Debian", same[2], same[3]],
                &[r#"Label is "demo" here and "Debian" there: see `pressroom archive set demo --label`"#],
            ),
            (
                [same[0], same[1], "stable", "bookworm-updates"],
                &[
                    r#"Suite is "stable-updates" here and "stable" there: see `pressroom series set one --suite-name`"#,
                    r#"Codename is "one-updates" here and "bookworm-updates" there: see `pressroom series set one --codename`"#,
                ],
            ),
        ] {
            assert_eq!(differences(&archive, &of, &shape, &theirs(said)), expected, "{said:?}");
        }
    }
}
