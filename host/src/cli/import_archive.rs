//! `pressroom import-archive`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use globset::{Glob, GlobSet, GlobSetBuilder};
use pressroom_archive::disk;
use pressroom_archive::domain::{
    ArchitectureTag, ArchiveReference, ComponentName, Pocket, ReleaseText, SeriesName, SuiteName,
    Translations,
};
use pressroom_archive::format::control;
use pressroom_archive::openpgp::{Certificate, Fingerprint, MAX_CERTIFICATES_BYTES};
use pressroom_archive::release::ReleaseFile;
use pressroom_archive::store::archive::{Archive, archive};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::run::Activity;
use pressroom_archive::store::series::{architectures, components, series_of};
use pressroom_archive::store::shape::{SuiteShape, shape};
use pressroom_archive::store::{Connection, Db, StoreError, Transaction, distribution, openpgp_key, suite};
use pressroom_archive::upload::Complaint;
use pressroom_archive::upload::takeover::found::find;
use pressroom_archive::upload::takeover::index::{Selection, read_indexes};
use pressroom_archive::upload::takeover::plan::{Plan, plan};
use pressroom_archive::upload::takeover::release::{TheirRelease, Trust, read_release};
use pressroom_archive::upload::takeover::take::{Taken, Takeover, Target, keeps, rehearse, take};
use pressroom_archive::upload::takeover::{Folder, Links, MOST_SAID, Repository};
use serde::Serialize;
use tracing::{debug_span, info_span};

use super::describe::{
    self, ArchiveDescription, Description, DistributionDescription, DistributionSettings, OPERATOR,
    SeriesDescription, SeriesSettings,
};
use super::measure::{Measure, Measured, Measuring};
use super::operator::As;
use super::output::{BAD, BOLD, DIM, WARN, bar, bytes, painted, spinner};
use super::{End, Session, exit, the_archive};
use crate::http::WebRepository;
use crate::operators::{Recording, RunEnded};
use crate::root::Root;

/// The name of such a run in `script_activity`.
const SCRIPT: &str = "import-archive";

const EXAMPLES: &str = "\
Examples:
  pressroom import-archive /srv/reprepro --keyring old-key.asc --create --dry-run
  pressroom import-archive https://apt.example.org/debian --suite bookworm --keyring /usr/share/keyrings/example.gpg --create
  pressroom import-archive http://deb.debian.org/debian --suite bookworm --architecture amd64 --package 'hello*' --keyring debian.gpg

What comes in is pending until `pressroom publish`, and lies in our pool then, not where the other repository has it. Taking over again takes what is new. The exit
code is 1 when something was not taken; the rest was.";

/// Take over an existing apt repository: the packages that its signed indexes list, filed as they file them.
///
/// The folder may be the one that clients read, or the root of reprepro, aptly or pressroom, in which that is looked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImportArchive {
    /// Where the repository is: the folder or URL that has dists/.
    #[arg(value_name = "URL-OR-DIR")]
    from: String,
    /// A suite of it; again for more. Without one, all that are in a folder.
    #[arg(long = "suite", value_name = "SUITE")]
    suites: Vec<String>,
    /// The suite of ours that takes it, where it is called otherwise.
    #[arg(long, value_name = "SUITE")]
    into: Option<SuiteName>,
    /// The archive that takes it; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// The OpenPGP keys of who signs the repository, armoured or not; again for more files.
    #[arg(long = "keyring", value_name = "FILE")]
    keyrings: Vec<PathBuf>,
    /// A key of who signs it that `pressroom key` knows; again for more.
    #[arg(long = "key", value_name = "FINGERPRINT")]
    keys: Vec<Fingerprint>,
    /// Take it as it is, whoever has made or changed it.
    #[arg(long, conflicts_with_all = ["keyrings", "keys"])]
    allow_unsigned: bool,
    /// Take it also when its Release has lapsed.
    #[arg(long)]
    allow_expired: bool,
    /// A component of it; again for more. Without one, all.
    #[arg(long = "component", value_name = "COMPONENT")]
    components: Vec<ComponentName>,
    /// An architecture of it, source for sources; again for more. Without one, all with sources.
    #[arg(long = "architecture", value_name = "ARCHITECTURE")]
    architectures: Vec<ArchitectureTag>,
    /// Only packages and sources of this name, in which * stands for anything; again for more.
    #[arg(long = "package", value_name = "PATTERN")]
    packages: Vec<String>,
    /// Make the series, components and architectures that are missing here, called as there.
    #[arg(long)]
    create: bool,
    /// Copy every file, also where it could share its blocks with the one of the other repository or be a link to it.
    #[arg(long)]
    copy: bool,
    /// Say what would come, and take nothing.
    #[arg(long)]
    dry_run: bool,
    /// Who asks, as publications keep it; without it, the operator.
    #[arg(long = "as", value_name = "PERSON")]
    by: Option<String>,
    #[command(flatten)]
    measure: Measure,
}

/// A suite of the other repository, and the one of ours that takes it.
struct Pair {
    theirs: TheirRelease,
    name: String,
    ours: SuiteName,
}

/// What is shown of a suite.
#[derive(Serialize)]
struct SuiteTaken {
    /// Of the other repository.
    suite: String,
    /// Ours.
    into: SuiteName,
    /// The key whose signature it has.
    signed_by: Option<String>,
    #[serde(flatten)]
    taken: Taken,
    /// What clients will be told otherwise.
    differences: Vec<String>,
}

/// What is shown.
#[derive(Serialize)]
struct Shown<'a> {
    from: String,
    found: Option<&'static str>,
    dry_run: bool,
    /// What was made here for it.
    created: Vec<String>,
    notes: Vec<String>,
    suites: Vec<SuiteTaken>,
    #[serde(flatten)]
    measured: &'a Measured,
}

/// The other repository.
struct Theirs {
    repository: Box<dyn Repository>,
    shown: String,
    found: Option<&'static str>,
    suites: Vec<String>,
    aliases: Vec<(String, String)>,
}

impl ImportArchive {
    pub(super) const fn measure(&self) -> &Measure {
        &self.measure
    }

    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let measuring = Measuring::begin(session);
        let span = info_span!("import_archive").entered();
        let root = session.root()?;
        let mut db = root.db()?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        if !archive.enabled {
            return Err(exit::usage(format!(
                "the archive {} is disabled: enable it with `pressroom archive set {0} --enabled true`",
                archive.reference
            )));
        }
        let patterns = self.patterns()?;
        let names = |name: &str| patterns.as_ref().is_none_or(|patterns| patterns.is_match(name));
        let selection = Selection {
            components: some(&self.components),
            architectures: some(&self.architectures),
            names: &names,
        };
        let mut notes = Vec::new();
        let trust = self.trust(session, &root, &db, &mut notes)?;
        let theirs = self.theirs()?;
        let pairs = debug_span!("releases").in_scope(|| self.pairs(session, &theirs, &trust, &selection))?;
        say_aliases(&theirs, &pairs, &mut notes);
        let missing = Missing::find(db.read(), &archive, &pairs, &selection)?;
        if !missing.is_empty() && !self.create {
            return Err(exit::usage(missing.commands(&archive)));
        }
        let description = missing.description(&archive, &pairs)?;
        let created =
            if self.create { missing.said(&archive, description.distributions.first()) } else { Vec::new() };
        let takeover = Taking {
            command: self,
            session,
            archive: &archive,
            theirs: &theirs,
            selection: &selection,
            librarian: root.librarian(),
            creator: match &self.by {
                Some(by) => As::named(Some(by)).actor(&root, &db)?.name().to_owned(),
                None => OPERATOR.to_owned(),
            },
        };
        let suites = if self.dry_run {
            takeover.rehearse(&mut db, &pairs, &description)?
        } else {
            let scope = archive.reference.to_string();
            let activity = Activity { name: SCRIPT, distribution: Some(archive.distribution), scope: &scope };
            let recording = Recording::begin(&root, &mut db, &session.clock, &activity)?;
            let result = takeover.take(&mut db, &pairs, &description);
            recording.end(&mut db, &session.clock, &ended(&result));
            result?
        };
        span.exit();
        let measured = measuring.end();
        let shown = Shown {
            from: theirs.shown,
            found: theirs.found,
            dry_run: self.dry_run,
            created,
            notes,
            suites,
            measured: &measured,
        };
        session.output.show(&shown, || shown.text())?;
        if session.output.is_text() {
            measured.say(false, "");
        }
        Ok(shown.say_problems(patterns.is_some()))
    }

    fn patterns(&self) -> anyhow::Result<Option<GlobSet>> {
        if self.packages.is_empty() {
            return Ok(None);
        }
        let mut patterns = GlobSetBuilder::new();
        for pattern in &self.packages {
            patterns.add(Glob::new(pattern).map_err(|error| exit::usage(format!("--package {error}")))?);
        }
        Ok(Some(patterns.build()?))
    }

    /// Whose signature counts.
    fn trust(
        &self,
        session: &Session,
        root: &Root,
        db: &Db,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Trust> {
        if self.allow_unsigned {
            return Ok(Trust::Anybody);
        }
        let mut signers = Vec::new();
        for file in &self.keyrings {
            let length =
                std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
            if length > MAX_CERTIFICATES_BYTES as u64 {
                return Err(exit::configuration(format!("{} is too large for a keyring", file.display())));
            }
            let (usable, unusable) = Certificate::read_usable(&disk::read(file)?)
                .map_err(|error| exit::configuration(format!("{}: {error}", file.display())))?;
            signers.extend(usable);
            notes.extend(
                unusable
                    .iter()
                    .map(|error| format!("{}: {}", file.display(), pressroom_archive::domain::chain(error))),
            );
        }
        for key in &self.keys {
            let fingerprint = key.to_string();
            let of_person = openpgp_key::find_key(db.read(), &fingerprint)?.map(|key| key.certificate);
            let bytes = match of_person {
                Some(certificate) => certificate,
                None => {
                    let keys = root.signing_keys(session.clock.began());
                    let own = keys.public_key(db.read(), &fingerprint).map(|key| key.binary);
                    own.ok_or_else(|| {
                        exit::usage(format!(
                            "no key {fingerprint} is known here: name the file that has it with --keyring, or see `pressroom key list`"
                        ))
                    })?
                }
            };
            signers.extend(Certificate::read_all(&bytes)?);
        }
        if signers.is_empty() {
            return Err(exit::usage(
                "whose repository is it? Name the key of who signs it with --keyring FILE or --key FINGERPRINT; --allow-unsigned takes it as it is",
            ));
        }
        Ok(Trust::Signers(signers))
    }

    /// The other repository, wherever it is.
    fn theirs(&self) -> anyhow::Result<Theirs> {
        let path = match self.from.split_once("://") {
            None => Path::new(&self.from).to_owned(),
            Some(("file", path)) => {
                let url =
                    url::Url::parse(&self.from).map_err(|error| exit::usage(format!("{path}: {error}")))?;
                url.to_file_path().map_err(|()| {
                    exit::usage("a file URL has the whole path of a folder of this machine, as file:///srv/repository")
                })?
            }
            Some(_) => {
                let repository =
                    WebRepository::new(&self.from).map_err(|error| exit::usage(error.to_string()))?;
                if self.suites.is_empty() {
                    return Err(exit::usage(
                        "which suite? A web server does not say which there are: name one with --suite, as in dists/SUITE/InRelease",
                    ));
                }
                return Ok(Theirs {
                    shown: repository.url().to_string(),
                    repository: Box::new(repository),
                    found: None,
                    suites: self.suites.clone(),
                    aliases: Vec::new(),
                });
            }
        };
        let found = find(&path).map_err(|error| exit::usage(error.to_string()))?;
        let suites = if self.suites.is_empty() { found.suites } else { self.suites.clone() };
        Ok(Theirs {
            shown: found.root.display().to_string(),
            repository: Box::new(Folder::new(found.root)),
            found: Some(found.kind.as_str()),
            suites,
            aliases: found.aliases,
        })
    }

    /// The suites that are meant, verified, with those of ours that take them.
    fn pairs(
        &self,
        session: &Session,
        theirs: &Theirs,
        trust: &Trust,
        selection: &Selection<'_>,
    ) -> anyhow::Result<Vec<Pair>> {
        if self.into.is_some() && theirs.suites.len() != 1 {
            return Err(exit::usage(format!(
                "--into names one suite of ours, and there are {} of theirs: name the one that is meant with --suite",
                theirs.suites.len()
            )));
        }
        let mut pairs = Vec::new();
        for name in &theirs.suites {
            let ours = match &self.into {
                Some(suite) => suite.clone(),
                None => name.parse().map_err(|error: pressroom_archive::domain::NameError| {
                    exit::usage(format!("{error}: no suite of ours can be called so, name the one that takes it with --suite and --into"))
                })?,
            };
            let now = session.clock.now();
            let release = read_release(&*theirs.repository, name, trust, self.allow_expired, now)?;
            let missing = selection.missing(&release);
            if !missing.is_empty() {
                let has = |words: Vec<String>| words.join(", ");
                return Err(exit::usage(format!(
                    "{name} does not have {}: it has the components {} and the architectures {}",
                    missing.join(" and "),
                    has(release.components.iter().map(|one| one.name.to_string()).collect()),
                    has(release.architectures.iter().map(ToString::to_string).collect())
                )));
            }
            pairs.push(Pair { theirs: release, name: name.clone(), ours });
        }
        // a series is made from its release pocket, where that is there
        pairs.sort_by_key(|pair| pair.ours.pocket() != Pocket::Release);
        Ok(pairs)
    }
}

fn some<T: Ord + Clone>(all: &[T]) -> Option<BTreeSet<T>> {
    (!all.is_empty()).then(|| all.iter().cloned().collect())
}

/// Links in a folder are other names of series: they are not taken, and said.
fn say_aliases(theirs: &Theirs, pairs: &[Pair], notes: &mut Vec<String>) {
    for (alias, target) in theirs.aliases.iter().filter(|(alias, _)| alias.parse::<SeriesName>().is_ok()) {
        if let Some(pair) =
            pairs.iter().find(|pair| pair.name == *target && pair.ours.pocket() == Pocket::Release)
        {
            notes.push(format!(
                "{target} is also called {alias} there: `pressroom series set {} --alias {alias}` gives it that name here",
                pair.ours.series()
            ));
        }
    }
}

/// What the suites need that is not here, by series.
struct Missing {
    series: BTreeMap<SeriesName, MissingOf>,
}

#[derive(Default)]
struct MissingOf {
    is_new: bool,
    components: Vec<ComponentName>,
    architectures: Vec<ArchitectureTag>,
}

impl Missing {
    fn find(
        db: &Connection,
        archive: &Archive,
        pairs: &[Pair],
        selection: &Selection<'_>,
    ) -> anyhow::Result<Self> {
        let all = series_of(db, archive.distribution)?;
        let mut series: BTreeMap<SeriesName, MissingOf> = BTreeMap::new();
        for pair in pairs {
            let known = all.iter().find(|one| one.name == *pair.ours.series());
            if let Some(known) = known
                && archive.purpose.holds_still(pair.ours.pocket(), known.status)
            {
                return Err(exit::usage(format!(
                    "{} is {}, and its release pocket does not change: take over into {0}-updates with --into, or set its status first",
                    pair.ours, known.status
                )));
            }
            let (has_components, has_architectures) = match known {
                Some(known) => (
                    components(db, known.id)?.into_iter().map(|one| one.name).collect(),
                    architectures(db, known.id)?
                        .into_iter()
                        .filter(|one| one.enabled)
                        .map(|one| one.tag)
                        .collect(),
                ),
                None => (Vec::new(), Vec::new()),
            };
            let missing = series.entry(pair.ours.series().clone()).or_default();
            missing.is_new |= known.is_none();
            for component in selection.components(&pair.theirs) {
                if !has_components.contains(&component.name) && !missing.components.contains(&component.name)
                {
                    missing.components.push(component.name.clone());
                }
            }
            for tag in selection.architectures(&pair.theirs) {
                if !has_architectures.contains(tag) && !missing.architectures.contains(tag) {
                    missing.architectures.push(tag.clone());
                }
            }
        }
        series.retain(|_, one| one.is_new || !one.components.is_empty() || !one.architectures.is_empty());
        Ok(Self { series })
    }

    fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// What would make it.
    fn commands(&self, archive: &Archive) -> String {
        let mut text = "not all that it needs is here; --create makes it, or these commands do:".to_owned();
        for (name, missing) in &self.series {
            let verb = if missing.is_new { "add" } else { "set" };
            text.push_str(&format!(
                "\n  pressroom series {verb} {name} --distribution {}",
                archive.reference.distribution()
            ));
            for component in &missing.components {
                text.push_str(&format!(" --component {component}"));
            }
            for tag in &missing.architectures {
                text.push_str(&format!(" --architecture {tag}"));
            }
        }
        text
    }

    /// As it is made. A new series is called in its Release files as it was there, so that clients see the same.
    fn description(&self, archive: &Archive, pairs: &[Pair]) -> anyhow::Result<Description> {
        let mut series = Vec::new();
        for (name, missing) in &self.series {
            let mut settings = SeriesSettings {
                components: missing.components.clone(),
                architectures: missing.architectures.clone(),
                ..SeriesSettings::default()
            };
            // the first is its release pocket, if that is there
            let first = pairs.iter().find(|pair| pair.ours.series() == name).filter(|_| missing.is_new);
            if let Some(pair) = first {
                let release = &pair.theirs;
                settings.version = text(&release.version);
                let called = words_of(pair);
                settings.suite_name = called.0.and_then(|word| text(&word));
                settings.codename = called.1.and_then(|word| text(&word));
                if pair.ours.pocket() == Pocket::Release {
                    settings.description = text(&release.description);
                }
                let lists = |part: &str| release.files.keys().any(|path| path.contains(part)).then_some(());
                settings.translations = lists("/i18n/Translation-en").map(|()| Translations::English);
                settings.contents = lists("Contents-").map(|()| true);
            }
            series.push(SeriesDescription { name: name.clone(), settings, package_sets: Vec::new() });
        }
        let mut archives = Vec::new();
        let first =
            pairs.iter().find(|pair| self.series.get(pair.ours.series()).is_some_and(|one| one.is_new));
        if let Some(pair) = first.filter(|_| archive.origin.is_empty() && archive.label.is_empty()) {
            archives.push(archive_description(archive, text(&pair.theirs.origin), text(&pair.theirs.label))?);
        }
        Ok(Description {
            persons: Vec::new(),
            teams: Vec::new(),
            distributions: vec![DistributionDescription {
                name: archive.reference.distribution().clone(),
                display_name: None,
                settings: DistributionSettings::default(),
                archives,
                series,
            }],
        })
    }

    /// What is made, for people.
    fn said(&self, archive: &Archive, made: Option<&DistributionDescription>) -> Vec<String> {
        let mut said = Vec::new();
        for (name, missing) in &self.series {
            let mut words = Vec::new();
            if !missing.components.is_empty() {
                let all: Vec<String> = missing.components.iter().map(ToString::to_string).collect();
                words.push(format!("components {}", all.join(" ")));
            }
            if !missing.architectures.is_empty() {
                let all: Vec<String> = missing.architectures.iter().map(ToString::to_string).collect();
                words.push(format!("architectures {}", all.join(" ")));
            }
            let what = if missing.is_new { "series" } else { "in the series" };
            said.push(format!("{what} {name}: {}", words.join(", ")));
        }
        for one in made.into_iter().flat_map(|made| &made.archives) {
            let word =
                |text: &Option<ReleaseText>| text.as_ref().map(ToString::to_string).unwrap_or_default();
            said.push(format!(
                "Origin {:?} and Label {:?} of {}",
                word(&one.origin),
                word(&one.label),
                archive.reference
            ));
        }
        said
    }
}

/// A text for a Release file, if it can be one and there is any.
fn text(text: &str) -> Option<ReleaseText> {
    text.parse().ok().filter(|text: &ReleaseText| !text.as_str().is_empty())
}

/// How a series is to be called so that `Suite` and `Codename` of a suite are as they were; none: as it is called.
fn words_of(pair: &Pair) -> (Option<String>, Option<String>) {
    let suffix = pair.ours.pocket().suffix();
    let series = pair.ours.series().as_str();
    let without = |word: &str| word.strip_suffix(suffix).unwrap_or(word).to_owned();
    let suite = Some(without(&pair.theirs.suite)).filter(|word| !word.is_empty() && word != series);
    let codename = Some(without(&pair.theirs.codename)).filter(|word| !word.is_empty() && word != series);
    (suite, codename)
}

fn archive_description(
    archive: &Archive,
    origin: Option<ReleaseText>,
    label: Option<ReleaseText>,
) -> anyhow::Result<ArchiveDescription> {
    let named =
        ArchiveDescription::new(archive.reference.name().parse()?, archive.reference.owner().cloned());
    Ok(ArchiveDescription { origin, label, ..named })
}

/// Carries it out, suite by suite.
struct Taking<'a> {
    command: &'a ImportArchive,
    session: &'a Session,
    archive: &'a Archive,
    theirs: &'a Theirs,
    selection: &'a Selection<'a>,
    librarian: pressroom_archive::librarian::Librarian,
    creator: String,
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

    fn take(
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

    fn rehearse(
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
        let of = distribution::distribution(db, archive.reference.distribution())?;
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

/// What is recorded of it.
fn ended(result: &anyhow::Result<Vec<SuiteTaken>>) -> RunEnded {
    match result {
        Err(error) => RunEnded::Failed(format!("{error:#}")),
        Ok(suites) => {
            let all = |count: fn(&Taken) -> usize| suites.iter().map(|one| count(&one.taken)).sum::<usize>();
            let came = all(|taken| taken.sources.new + taken.binaries.new);
            let not = all(|taken| taken.complaints.len());
            let said = format!("{came} packages taken over into {} suites, {not} not", suites.len());
            if not > 0 { RunEnded::Failed(said) } else { RunEnded::Done(said) }
        }
    }
}

impl Shown<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(found) = self.found {
            text.push_str(&format!("{}: {found}\n", self.from));
        }
        let is = if self.dry_run { "would make" } else { "made" };
        for created in &self.created {
            text.push_str(&format!("{is} {created}\n"));
        }
        for one in &self.suites {
            one.add_text(self.dry_run, &mut text);
        }
        text
    }

    /// Says on standard error what was not as it should be, and how it ended.
    fn say_problems(&self, has_patterns: bool) -> End {
        for note in &self.notes {
            anstream::eprintln!("{} {note}", painted(WARN, "note:"));
        }
        let mut problems = 0;
        let mut listed = 0;
        for one in &self.suites {
            let taken = &one.taken;
            for difference in &one.differences {
                anstream::eprintln!(
                    "{} {}: {difference} (apt asks people before it takes another one)",
                    painted(WARN, "note:"),
                    one.into
                );
            }
            for (field, count) in &taken.lost_fields {
                anstream::eprintln!(
                    "{} {}: the field {field} of {count} packages is not kept: it is not one line of at most 500 characters, or not called as a field",
                    painted(WARN, "note:"),
                    one.into
                );
            }
            for complaint in taken.complaints.iter().take(MOST_SAID) {
                anstream::eprintln!(
                    "{} {}: {}",
                    painted(BAD, "not taken:"),
                    complaint.path.display(),
                    complaint.reason
                );
            }
            if taken.complaints.len() > MOST_SAID {
                anstream::eprintln!(
                    "{} {} more of {} (all are in --format json)",
                    painted(BAD, "not taken:"),
                    taken.complaints.len() - MOST_SAID,
                    one.suite
                );
            }
            problems += taken.complaints.len();
            listed +=
                taken.sources.new + taken.sources.as_it_was + taken.binaries.new + taken.binaries.as_it_was;
            listed += taken.removed_here + taken.gave_way + taken.complaints.len();
        }
        if listed == 0 && has_patterns {
            anstream::eprintln!("no package of these names is listed");
            return End::Failure;
        }
        if problems > 0 { End::Failure } else { End::Success }
    }
}

impl SuiteTaken {
    fn add_text(&self, dry_run: bool, text: &mut String) {
        let Self { taken, .. } = self;
        let signer = match &self.signed_by {
            Some(fingerprint) => format!("signed by {fingerprint}"),
            None => "taken as it is, signed or not".to_owned(),
        };
        let ours = self.into.to_string();
        let called = if ours == self.suite { String::new() } else { format!(" into {ours}") };
        text.push_str(&format!("{}{called}: {}\n", painted(BOLD, &self.suite), painted(DIM, signer)));
        let wait = if dry_run { "would be pending" } else { "pending" };
        text.push_str(&format!(
            "  {} sources and {} binaries {wait} ({} publications), {} and {} as they were\n",
            taken.sources.new,
            taken.binaries.new,
            taken.publications,
            taken.sources.as_it_was,
            taken.binaries.as_it_was
        ));
        let fetched = if dry_run { "would be fetched at the most" } else { "fetched" };
        let linked = match taken.linked {
            0 => String::new(),
            linked => format!(", {linked} of them without a copy"),
        };
        text.push_str(&format!("  {} files of {} {fetched}{linked}\n", taken.files, bytes(taken.bytes)));
        for (count, what) in [
            (
                taken.older_versions,
                "older versions are left out: the archive keeps fewer (`pressroom archive set --keep-versions`)",
            ),
            (taken.extra_sources, "sources are left out that were there only for what was built using them"),
            (
                taken.removed_here,
                "packages stay away that were removed here (`pressroom import` brings one back)",
            ),
            (taken.gave_way, "packages stay away that gave way to newer ones here"),
        ] {
            if count > 0 {
                text.push_str(&format!("  {count} {what}\n"));
            }
        }
        if !taken.complaints.is_empty() {
            text.push_str(&format!("  {} not taken\n", taken.complaints.len()));
        }
    }
}
