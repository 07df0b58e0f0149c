//! `pressroom import-archive`.

mod missing;
mod taking;
mod theirs;

use std::path::PathBuf;

use globset::{Glob, GlobSet, GlobSetBuilder};
use missing::Missing;
use pressroom_archive::domain::{ArchitectureTag, ArchiveReference, ComponentName, SuiteName};
use pressroom_archive::openpgp::Fingerprint;
use pressroom_archive::store::run::Activity;
use pressroom_archive::upload::takeover::MOST_SAID;
use pressroom_archive::upload::takeover::index::Selection;
use pressroom_archive::upload::takeover::take::Taken;
use serde::Serialize;
use taking::Taking;
use theirs::{say_aliases, some};
use tracing::{debug_span, info_span};

use super::measure::{Measure, Measured, Measuring};
use super::output::{BAD, BOLD, DIM, WARN, bytes, painted};
use super::who::As;
use super::{End, Session, exit, the_archive};
use crate::describe::OPERATOR;
use crate::operators::{Recording, RunEnded};

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
