//! A host for `cargo test`: it has what the test gives it, records what the hook does, and refuses what a host would refuse.
//!
//! ```
//! use pressroom_plugin::{StagingHost, testing::FakeHost};
//!
//! let mut host = FakeHost::default();
//! host.write("project/motd", b"news\n").unwrap();
//! assert!(host.write("dists/bookworm/Release", b"").is_err(), "the publisher's own");
//! assert_eq!(host.text("project/motd"), "news\n");
//! ```
//!
//! It is not there in a component: tests run natively.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

#[cfg(feature = "http")]
use crate::http::{HttpError, HttpRequest, HttpResponse};
use crate::{
    host::{Host, Pages, StagingHost},
    words::{
        Action, ArchiveError, Change, Entry, FileChange, FinalizeContext, Index, JournalNumbers, Level,
        Package, PackageContents, PackageKind, PassContext, Pocket, Priority, SigningMode, StagingError,
        StateError, Suite,
    },
};

/// The longest path.
const MOST_PATH_BYTES: usize = 512;
/// Most parts of a path.
const MOST_PATH_PARTS: usize = 16;
/// The longest key of the memory.
const MOST_KEY_BYTES: usize = 256;
/// Most keys of it.
const MOST_KEYS: usize = 1_000;
/// What one question may carry.
const MOST_CALL_BYTES: usize = 8 << 20;
/// Most items of a page.
const MOST_PAGE_ITEMS: usize = 500;
/// Most lines of the log.
const MOST_LOG_LINES: usize = 1_000;
/// Most bytes of the log.
const MOST_LOG_BYTES: usize = 256 << 10;
/// The longest line of the log; what is longer is cut.
const MOST_LINE_BYTES: usize = 8 << 10;

/// A host that grants everything, but for what [`denied`](Self::denied), [`may_write`](Self::may_write) and [`may_sign`](Self::may_sign) say, with the
/// limits that a host has when the operator says nothing.
///
/// Its fields are for a test to fill before the hook runs, and to look at afterwards:
///
/// ```
/// use pressroom_plugin::{HookError, HostExt, Outcome, PassContext, PrePublication, Report, StagingHost};
/// use pressroom_plugin::testing::{self, FakeHost};
///
/// struct Count;
///
/// impl PrePublication for Count {
///     fn run(_: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
///         let count = host.changes()?.count();
///         host.info("counted");
///         host.write("project/count", format!("{count}\n").as_bytes())?;
///         Ok(Report::done(format!("{count} changes")))
///     }
/// }
///
/// let mut host = FakeHost {
///     changes: vec![testing::source("zlib", "1.3-1"), testing::binary("zlib1g", "1.3-1", "amd64")],
///     may_write: vec!["project/*".into()],
///     ..FakeHost::default()
/// };
/// let report = Count::run(&testing::pass_context(), &mut host)?;
/// assert_eq!(report.outcome, Outcome::Done);
/// assert_eq!(host.text("project/count"), "2\n");
/// assert_eq!(host.written, ["project/count".to_owned()].into());
/// assert_eq!(host.log[0].1, "counted");
///
/// host.may_write.clear();
/// assert!(Count::run(&testing::pass_context(), &mut host).is_err(), "nothing is granted now");
/// # Ok::<(), HookError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FakeHost {
    /// `[config]`, as JSON; empty is `{}`.
    pub config: String,
    /// The suites of each archive: those of the context.
    pub suites: BTreeMap<String, Vec<Suite>>,
    /// The suites that the pass publishes, the only ones under `dists/` that may be written to: those of the context.
    pub publishes: BTreeSet<String>,
    /// The changes of the pass.
    pub changes: Vec<Change>,
    /// The packages of each index; others do not exist.
    pub packages: BTreeMap<Index, Vec<Package>>,
    /// The files of the packages of each index; an index that is in [`packages`](Self::packages) and not here has none.
    pub contents: BTreeMap<Index, Vec<PackageContents>>,
    /// The pass before this one, for every archive that is in [`suites`](Self::suites).
    pub previous_pass: Option<u64>,
    /// The journal of every archive that is in [`suites`](Self::suites); empty: it keeps none.
    pub journal: BTreeMap<u64, Vec<FileChange>>,
    /// The staged tree: what the test put there, and what the hook wrote.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The paths that the hook wrote.
    pub written: BTreeSet<String>,
    /// The paths that the hook removed.
    pub removed: BTreeSet<String>,
    /// Input, output and mode of each signature. The signature itself is the text `signed INPUT`.
    pub signed: Vec<(String, String, SigningMode)>,
    /// The hook's memory.
    pub state: BTreeMap<String, Vec<u8>>,
    /// The lines of the log, as they would be kept.
    pub log: Vec<(Level, String)>,
    /// How many lines were too many, and dropped.
    pub log_dropped: usize,
    /// What is not granted: `archive`, `state`, `staging`, `http`, or the beginning of paths that may not be written.
    pub denied: BTreeSet<String>,
    /// Patterns of what may be written, as in `[capabilities]`: `**`, everything, unless the test says otherwise.
    pub may_write: Vec<String>,
    /// Patterns of what may be signed: everything unless the test says otherwise.
    pub may_sign: Vec<String>,
    /// How much may be written.
    pub staging_bytes: usize,
    /// How many files may be written and removed.
    pub staging_files: usize,
    /// How much the memory may have, keys and values together.
    pub state_bytes: usize,
    /// What each URL answers, one after the other, the last again and again; others are not granted. [`FakeHost::answer`] adds one.
    #[cfg(feature = "http")]
    pub answers: BTreeMap<String, Vec<Result<HttpResponse, HttpError>>>,
    /// The requests that the hook made, those that were denied among them.
    #[cfg(feature = "http")]
    pub requests: Vec<HttpRequest>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self::for_pass(&pass_context())
    }
}

impl FakeHost {
    /// A host in this pass: its archive has the suites of the context, and these may be written to.
    ///
    /// ```
    /// use pressroom_plugin::{Host, PassContext, StagingHost, testing::{self, FakeHost}};
    ///
    /// let context = PassContext { suites: vec![testing::suite("trixie")], ..testing::pass_context() };
    /// let mut host = FakeHost::for_pass(&context);
    /// assert_eq!(host.suites("debian").unwrap()[0].name, "trixie");
    /// assert!(host.write("dists/trixie/main/Contents-amd64", b"").is_ok());
    /// assert!(host.write("dists/bookworm/main/Contents-amd64", b"").is_err());
    /// ```
    pub fn for_pass(context: &PassContext) -> Self {
        Self {
            config: String::new(),
            suites: BTreeMap::from([(context.archive.clone(), context.suites.clone())]),
            publishes: context.suites.iter().map(|suite| suite.name.clone()).collect(),
            changes: Vec::new(),
            packages: BTreeMap::new(),
            files: BTreeMap::new(),
            written: BTreeSet::new(),
            removed: BTreeSet::new(),
            signed: Vec::new(),
            state: BTreeMap::new(),
            log: Vec::new(),
            log_dropped: 0,
            denied: BTreeSet::new(),
            may_write: vec!["**".to_owned()],
            may_sign: vec!["**".to_owned()],
            staging_bytes: 64 << 20,
            staging_files: 10_000,
            state_bytes: 1 << 20,
            contents: BTreeMap::new(),
            previous_pass: None,
            journal: BTreeMap::new(),
            #[cfg(feature = "http")]
            answers: BTreeMap::new(),
            #[cfg(feature = "http")]
            requests: Vec::new(),
        }
    }

    /// A file of the staged tree as text; panics when it is not there, as a test should.
    ///
    /// ```
    /// use pressroom_plugin::{StagingHost, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    /// host.write("project/motd", b"news\n").unwrap();
    /// assert_eq!(host.text("project/motd"), "news\n");
    /// ```
    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        match self.files.get(path).map(|content| std::str::from_utf8(content)) {
            Some(Ok(text)) => text,
            Some(Err(error)) => panic!("{path} is no text: {error}"),
            None => panic!("{path} is not in the staged tree, only {:?}", self.files.keys()),
        }
    }

    /// Lets a URL answer; again for its next answer.
    ///
    /// ```
    /// use pressroom_plugin::{testing::FakeHost, HostExt, HttpError, HttpRequest, HttpResponse};
    ///
    /// let mut host = FakeHost::default();
    /// host.answer("https://one.example.org/", Err(HttpError::TimedOut));
    /// host.answer("https://one.example.org/", Ok(HttpResponse::with_status(200)));
    /// let request = HttpRequest::get("https://one.example.org/");
    /// assert_eq!(host.http(&request), Err(HttpError::TimedOut));
    /// assert!(host.http(&request)?.is_success());
    /// assert_eq!(host.http(&HttpRequest::get("https://two.example.org/")), Err(HttpError::Denied));
    /// # Ok::<(), HttpError>(())
    /// ```
    #[cfg(feature = "http")]
    pub fn answer(&mut self, url: &str, answer: Result<HttpResponse, HttpError>) {
        self.answers.entry(url.to_owned()).or_default().push(answer);
    }

    fn archive_granted(&self) -> Result<(), ArchiveError> {
        if self.denied.contains("archive") { Err(ArchiveError::Denied) } else { Ok(()) }
    }

    fn state_granted(&self, key: &str) -> Result<(), StateError> {
        match key.len() {
            _ if self.denied.contains("state") => Err(StateError::Denied),
            1..=MOST_KEY_BYTES => Ok(()),
            length => Err(StateError::BadKey(format!(
                "a key has 1 to {MOST_KEY_BYTES} bytes, not {length}: {key:?}"
            ))),
        }
    }

    fn staging_granted(&self) -> Result<(), StagingError> {
        if self.denied.contains("staging") {
            return Err(StagingError::Denied("staging is not granted to this hook".to_owned()));
        }
        Ok(())
    }

    fn may_write(&self, path: &str) -> Result<(), StagingError> {
        self.staging_granted()?;
        check_path(path)?;
        if !globs(&self.may_write).is_match(path)
            || self.denied.iter().any(|denied| path.starts_with(denied.as_str()))
        {
            return Err(StagingError::Denied(format!("{path} is not within what the grant lets it write")));
        }
        let denied = |why: &str| Err(StagingError::Denied(format!("{path}: {why}")));
        if is_publishers(path) && !globs(&naming(&self.may_write)).is_match(path) {
            return denied("the publisher makes it: only a pattern that names files lets it be replaced");
        }
        let bad = |why: &str| Err(StagingError::BadPath(format!("{path}: {why}")));
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["dists", suite, rest @ ..] => {
                if !self.publishes.contains(*suite) {
                    return denied("this pass does not publish that suite");
                }
                match rest {
                    [] => return bad("it is a folder"),
                    ["Release" | "InRelease" | "Release.gpg"] => {
                        return denied("it is written by the publisher alone");
                    }
                    _ if rest.contains(&"by-hash") => {
                        return denied("names under by-hash are the publisher's");
                    }
                    _ => {}
                }
            }
            ["pool", ..] => return denied("the pool is not part of the staged tree"),
            [tree, ..] if *tree != "dists" && !may_be_a_tree(tree) => {
                return bad("no such folder at the archive's root");
            }
            [_] => return bad("files lie in folders"),
            _ => {}
        }
        let below = format!("{path}/");
        let clash = |other: &String| other.starts_with(&below) || path.starts_with(&format!("{other}/"));
        if self.files.keys().any(clash) { bad("it would be a file and a folder at once") } else { Ok(()) }
    }

    /// Whether a file of this length is still within the quotas.
    fn within_quota(&self, path: &str, length: usize) -> Result<(), StagingError> {
        let others = || self.written.iter().filter(|other| *other != path);
        let bytes: usize = others().filter_map(|other| self.files.get(other)).map(Vec::len).sum();
        let removed = self.removed.iter().filter(|other| *other != path).count();
        if 1 + others().count() + removed > self.staging_files {
            return Err(StagingError::Quota(format!("more than {} files", self.staging_files)));
        }
        if bytes + length > self.staging_bytes {
            return Err(StagingError::Quota(format!("more than {} bytes", self.staging_bytes)));
        }
        Ok(())
    }

    fn put(&mut self, path: &str, content: Vec<u8>) -> Result<(), StagingError> {
        self.within_quota(path, content.len())?;
        self.removed.remove(path);
        self.written.insert(path.to_owned());
        self.files.insert(path.to_owned(), content);
        Ok(())
    }
}

impl Host for FakeHost {
    fn log(&mut self, level: Level, message: &str) {
        let bytes: usize = self.log.iter().map(|(_, line)| line.len()).sum();
        let mut line = String::new();
        for character in message[..message.floor_char_boundary(MOST_LINE_BYTES)].chars() {
            if character.is_control() && character != '\t' {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        if message.len() > MOST_LINE_BYTES {
            line.push('…');
        }
        if self.log.len() >= MOST_LOG_LINES || bytes + line.len() > MOST_LOG_BYTES {
            self.log_dropped += 1;
        } else {
            self.log.push((level, line));
        }
    }

    fn config_json(&mut self) -> String {
        if self.config.is_empty() { "{}".to_owned() } else { self.config.clone() }
    }

    fn suites(&mut self, archive: &str) -> Result<Vec<Suite>, ArchiveError> {
        self.archive_granted()?;
        self.suites.get(archive).cloned().ok_or_else(|| ArchiveError::Unknown(format!("archive {archive}")))
    }

    fn changes(&mut self) -> Result<Pages<Change>, ArchiveError> {
        self.archive_granted()?;
        Ok(pages(self.changes.clone()))
    }

    fn packages(&mut self, index: &Index) -> Result<Pages<Package>, ArchiveError> {
        self.archive_granted()?;
        let packages = self.packages.get(index).ok_or_else(|| ArchiveError::Unknown(format!("{index:?}")))?;
        Ok(pages(packages.clone()))
    }

    fn contents(
        &mut self,
        index: &Index,
        names: &[String],
        below: &[String],
    ) -> Result<Pages<PackageContents>, ArchiveError> {
        self.archive_granted()?;
        let contents = match self.contents.get(index) {
            Some(contents) => contents.as_slice(),
            None if self.packages.contains_key(index) => &[],
            None => return Err(ArchiveError::Unknown(format!("{index:?}"))),
        };
        let begins = |path: &String| {
            below.is_empty() || below.iter().any(|beginning| path.starts_with(beginning.as_str()))
        };
        let asked = contents.iter().filter(|one| names.is_empty() || names.contains(&one.name));
        let with_paths = asked.map(|one| PackageContents {
            paths: one.paths.iter().filter(|path| begins(path)).cloned().collect(),
            ..one.clone()
        });
        Ok(pages(with_paths.filter(|one| !one.paths.is_empty()).collect()))
    }

    fn previous_pass(&mut self, archive: &str) -> Result<Option<u64>, ArchiveError> {
        self.archive_granted()?;
        if !self.suites.contains_key(archive) {
            return Err(ArchiveError::Unknown(archive.to_owned()));
        }
        Ok(self.previous_pass)
    }

    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.state_granted(key)?;
        Ok(self.state.get(key).cloned())
    }

    fn state_set(&mut self, key: &str, value: &[u8]) -> Result<(), StateError> {
        self.state_granted(key)?;
        assert_fits(value);
        let others = || self.state.iter().filter(|(other, _)| *other != key);
        let bytes: usize = others().map(|(key, value)| key.len() + value.len()).sum();
        if others().count() >= MOST_KEYS {
            return Err(StateError::Quota(format!("more than {MOST_KEYS} keys")));
        }
        if bytes + key.len() + value.len() > self.state_bytes {
            return Err(StateError::Quota(format!("more than {} bytes", self.state_bytes)));
        }
        self.state.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn state_delete(&mut self, key: &str) -> Result<(), StateError> {
        self.state_granted(key)?;
        self.state.remove(key);
        Ok(())
    }

    fn state_keys(&mut self) -> Result<Vec<String>, StateError> {
        self.state_granted("any")?;
        Ok(self.state.keys().cloned().collect())
    }

    #[cfg(not(target_family = "wasm"))]
    fn journal_numbers_natively(&mut self, archive: &str) -> Result<Option<JournalNumbers>, ArchiveError> {
        self.suites(archive)?;
        let numbers = self.journal.keys().next().zip(self.journal.keys().last());
        Ok(numbers.map(|(&first, &last)| JournalNumbers { first, last }))
    }

    #[cfg(not(target_family = "wasm"))]
    fn journal_changes_natively(
        &mut self,
        archive: &str,
        number: u64,
    ) -> Result<Pages<FileChange>, ArchiveError> {
        self.suites(archive)?;
        let unknown = || ArchiveError::Unknown(format!("number {number} of the journal of {archive}"));
        Ok(pages(self.journal.get(&number).cloned().ok_or_else(unknown)?))
    }

    #[cfg(all(feature = "http", not(target_family = "wasm")))]
    fn http_natively(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        self.requests.push(request.clone());
        if self.denied.contains("http") {
            return Err(HttpError::Denied);
        }
        match self.answers.get_mut(&request.url) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers.first().cloned().unwrap_or(Err(HttpError::Denied)),
            None => Err(HttpError::Denied),
        }
    }
}

impl StagingHost for FakeHost {
    fn list_files(&mut self, folder: &str) -> Result<Vec<Entry>, StagingError> {
        self.staging_granted()?;
        if !folder.is_empty() {
            check_path(folder)?;
        }
        if folder.split('/').next() == Some("pool") {
            return Err(StagingError::Denied("the pool is not part of the staged tree".to_owned()));
        }
        let inside = |path: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let files = self.files.iter().filter(|(path, _)| inside(path) && !path.starts_with("pool/"));
        Ok(files
            .map(|(path, content)| Entry { path: path.clone(), size_bytes: content.len() as u64 })
            .collect())
    }

    fn read(&mut self, path: &str, offset: u64, max_bytes: u32) -> Result<Vec<u8>, StagingError> {
        self.staging_granted()?;
        check_path(path)?;
        if path.starts_with("pool/") {
            return Err(StagingError::Denied("the pool is not part of the staged tree".to_owned()));
        }
        let content = self.files.get(path).ok_or(StagingError::NotFound)?;
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let end = begin.saturating_add((max_bytes as usize).min(MOST_CALL_BYTES)).min(content.len());
        Ok(content[begin..end].to_vec())
    }

    fn write(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError> {
        assert_fits(content);
        self.may_write(path)?;
        self.put(path, content.to_vec())
    }

    fn append(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError> {
        assert_fits(content);
        self.staging_granted()?;
        match self.files.get(path) {
            Some(before) if self.written.contains(path) => {
                self.put(path, [before.as_slice(), content].concat())
            }
            _ => Err(StagingError::BadPath(format!("{path} was not written in this call: write it first"))),
        }
    }

    fn remove(&mut self, path: &str) -> Result<(), StagingError> {
        self.may_write(path)?;
        if !self.files.contains_key(path) {
            return Err(StagingError::NotFound);
        }
        self.within_quota(path, 0)?;
        self.files.remove(path);
        self.written.remove(path);
        self.removed.insert(path.to_owned());
        Ok(())
    }

    fn sign(&mut self, input: &str, output: &str, mode: SigningMode) -> Result<(), StagingError> {
        if !globs(&self.may_sign).is_match(input) {
            return Err(StagingError::Denied(format!("{input} is not within what the grant lets it sign")));
        }
        check_path(input)?;
        if !self.files.contains_key(input) {
            return Err(StagingError::NotFound);
        }
        self.may_write(output)?;
        self.put(output, format!("signed {input}").into_bytes())?;
        self.signed.push((input.to_owned(), output.to_owned(), mode));
        Ok(())
    }
}

/// A low-priority pass over `debian` that publishes bookworm (main and contrib; amd64 and arm64), started on
/// 2024-02-29 at 12:34:56 UTC.
///
/// ```
/// use pressroom_plugin::{PassContext, Priority, testing};
///
/// let high = PassContext { priority: Priority::High, ..testing::pass_context() };
/// assert_eq!(high.archive, "debian");
/// ```
pub fn pass_context() -> PassContext {
    PassContext {
        run: 7,
        pass: 12,
        priority: Priority::Low,
        distribution: "debian".to_owned(),
        archive: "debian".to_owned(),
        suites: vec![suite("bookworm")],
        started: 1_709_210_096,
        site_name: "archive.example.org".to_owned(),
        dry_run: false,
    }
}

/// The end of the pass of [`pass_context`].
///
/// ```
/// use pressroom_plugin::testing;
///
/// assert_eq!(testing::finalize_context().archives, ["debian"]);
/// ```
pub fn finalize_context() -> FinalizeContext {
    let PassContext { run, pass, priority, distribution, archive, suites, started, site_name, dry_run } =
        pass_context();
    let archives = vec![archive];
    FinalizeContext { run, pass, priority, distribution, archives, suites, started, site_name, dry_run }
}

/// A suite of this name, with main and contrib for amd64 and arm64. Its series and its pocket follow from the name.
///
/// ```
/// use pressroom_plugin::{Pocket, testing};
///
/// let suite = testing::suite("bookworm-security");
/// assert_eq!((suite.series.as_str(), suite.pocket), ("bookworm", Pocket::Security));
/// ```
pub fn suite(name: &str) -> Suite {
    let pockets = [
        ("-security", Pocket::Security),
        ("-updates", Pocket::Updates),
        ("-proposed", Pocket::Proposed),
        ("-backports", Pocket::Backports),
    ];
    let of_pocket = pockets.iter().find_map(|(ending, pocket)| Some((name.strip_suffix(ending)?, *pocket)));
    let (series, pocket) = of_pocket.unwrap_or((name, Pocket::Release));
    Suite {
        name: name.to_owned(),
        series: series.to_owned(),
        pocket,
        components: vec!["main".to_owned(), "contrib".to_owned()],
        architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
    }
}

/// A source that a pass publishes in main of bookworm.
///
/// ```
/// use pressroom_plugin::{Action, Change, testing};
///
/// let old = Change { action: Action::Superseded, ..testing::source("zlib", "1.2-1") };
/// assert_eq!(old.architecture, "source");
/// ```
pub fn source(name: &str, version: &str) -> Change {
    Change {
        action: Action::Published,
        kind: PackageKind::Source,
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "source".to_owned(),
        archive: "debian".to_owned(),
        suite: "bookworm".to_owned(),
        component: "main".to_owned(),
        section: "misc".to_owned(),
        priority: "optional".to_owned(),
        source: name.to_owned(),
    }
}

/// A binary that a pass publishes in main of bookworm, of the source of its name.
///
/// ```
/// use pressroom_plugin::{Change, testing};
///
/// let binary = Change { source: "zlib".into(), ..testing::binary("zlib1g", "1.3-1", "amd64") };
/// assert_eq!(binary.suite, "bookworm");
/// ```
pub fn binary(name: &str, version: &str, architecture: &str) -> Change {
    let source = source(name, version);
    Change { kind: PackageKind::Binary, architecture: architecture.to_owned(), ..source }
}

/// A list that gives no more at once than a host does.
fn pages<T: 'static>(items: Vec<T>) -> Pages<T> {
    let mut items = items.into_iter();
    Pages::new(move |max| Ok(items.by_ref().take((max as usize).min(MOST_PAGE_ITEMS)).collect()))
}

/// A host ends the hook where a question carries more than the operator allows, so a test fails there.
#[track_caller]
fn assert_fits(content: &[u8]) {
    assert!(
        content.len() <= MOST_CALL_BYTES,
        "one host call carries {} bytes, more than {MOST_CALL_BYTES}: a host ends the hook here; write in parts, with `append`",
        content.len()
    );
}

/// Whether the publisher makes a file of this name in every suite, without the endings of its compressed forms.
fn is_publishers(path: &str) -> bool {
    let stem = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    path.starts_with("dists/") && ["Packages", "Sources", "Release"].contains(&stem)
}

/// The patterns that name files: whose last part is more than wildcards.
fn naming(patterns: &[String]) -> Vec<String> {
    let names = |pattern: &&String| {
        let last = pattern.rsplit('/').next().unwrap_or_default();
        last.contains(|char: char| !matches!(char, '*' | '?'))
    };
    patterns.iter().filter(names).cloned().collect()
}

/// Patterns as in a grant; panics at one that is none, as the host refuses such a grant.
#[track_caller]
fn globs(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => drop(set.add(glob)),
            Err(error) => panic!("{pattern:?} is no pattern: {error}"),
        }
    }
    set.build().unwrap_or_else(|error| panic!("{patterns:?} are no patterns: {error}"))
}

/// Whether a folder may stand at the archive's root beside `dists` and `pool`.
fn may_be_a_tree(name: &str) -> bool {
    !["snapshots", "journal"].contains(&name)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.ends_with(".old")
}

/// A path as `staging` wants it: relative, of plain parts, not too long and not too deep.
fn check_path(path: &str) -> Result<(), StagingError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+~:@%=,".contains(&byte);
    let good = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
    if path.len() <= MOST_PATH_BYTES
        && path.split('/').count() <= MOST_PATH_PARTS
        && path.split('/').all(good)
    {
        Ok(())
    } else {
        Err(StagingError::BadPath(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_appends_and_removals_are_recorded() {
        let mut host = FakeHost::default();
        host.files.insert("dists/bookworm/main/x".into(), b"before".to_vec());
        assert!(matches!(host.append("project/new", b"x"), Err(StagingError::BadPath(_))));
        assert!(
            matches!(host.append("dists/bookworm/main/x", b"x"), Err(StagingError::BadPath(_))),
            "not its own"
        );
        host.write("project/new", b"one").unwrap();
        host.append("project/new", b" two").unwrap();
        assert_eq!(host.text("project/new"), "one two");
        host.remove("dists/bookworm/main/x").unwrap();
        assert_eq!(host.remove("dists/bookworm/main/x"), Err(StagingError::NotFound));
        assert_eq!(host.removed, ["dists/bookworm/main/x".to_owned()].into());
        assert_eq!(host.list_files("project").unwrap().len(), 1);
        assert_eq!(host.list_files("proj").unwrap().len(), 0);
        assert_eq!(host.read("project/new", 4, 100).unwrap(), b"two");
        assert_eq!(host.read("project/new", 400, 100).unwrap(), b"");
    }

    /// The paths that the host is held to as well, with their verdicts.
    fn table() -> Vec<(&'static str, String)> {
        let lines = include_str!("staging-paths.txt").lines();
        let cases = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        cases
            .map(|line| {
                let (verdict, path) = line.split_once(' ').unwrap_or((line, ""));
                let mut path = path.replace("\\0", "\0").replace("\\n", "\n");
                if let Some((front, (times, (text, back)))) = path
                    .split_once('{')
                    .and_then(|(front, rest)| Some((front, rest.split_once('*')?)))
                    .and_then(|(front, (times, rest))| Some((front, (times, rest.split_once('}')?))))
                {
                    path = format!("{front}{}{back}", text.repeat(times.parse().unwrap()));
                }
                (verdict, path)
            })
            .collect()
    }

    #[test]
    fn paths_are_judged_as_the_host_judges_them() {
        let patterns = [
            "dists/s/**",
            "indices/*",
            "project/**",
            "*",
            "pool/**",
            "journal/*",
            "snapshots/*",
            "~x/*",
            "a.old/*",
        ];
        let context = PassContext { suites: vec![suite("s")], ..pass_context() };
        let mut before = FakeHost::for_pass(&context);
        before.may_write = patterns.map(str::to_owned).to_vec();
        before.files.insert("dists/s/main/x".into(), b"0123456789".to_vec());
        before.files.insert("indices/old".into(), b"old".to_vec());
        assert!(table().len() > 30);
        for (verdict, path) in table() {
            let judged = match before.clone().write(&path, b"") {
                Ok(()) => "ok",
                Err(StagingError::BadPath(_)) => "bad-path",
                Err(StagingError::Denied(_)) => "denied",
                Err(other) => panic!("{path}: {other:?}"),
            };
            assert_eq!(judged, verdict, "{path:?}");
        }
        assert!(before.read("pool/main/x.deb", 0, 1).is_err() && before.list_files("pool").is_err());
    }

    #[test]
    fn what_the_operator_does_not_grant_is_denied() {
        let mut host = FakeHost { denied: ["dists/".to_owned()].into(), ..FakeHost::default() };
        assert!(matches!(host.write("dists/bookworm/x", b""), Err(StagingError::Denied(_))));
        host.denied = ["staging".to_owned()].into();
        assert!(matches!(host.list_files(""), Err(StagingError::Denied(_))));
        assert!(matches!(host.write("project/x", b""), Err(StagingError::Denied(_))));
        for key in ["", &"k".repeat(257)] {
            assert!(matches!(host.state_set(key, b""), Err(StateError::BadKey(_))));
            assert!(matches!(host.state_delete(key), Err(StateError::BadKey(_))));
        }
        assert!(host.state.is_empty() && host.files.is_empty());
    }

    #[test]
    fn contents_are_those_that_were_asked_for() {
        let index = Index {
            archive: "debian".into(),
            suite: "bookworm".into(),
            component: "main".into(),
            architecture: "amd64".into(),
        };
        let contents = |name: &str, paths: &[&str]| PackageContents {
            name: name.into(),
            version: "1".into(),
            architecture: "amd64".into(),
            paths: paths.iter().map(|path| (*path).into()).collect(),
        };
        let mut host = FakeHost { previous_pass: Some(3), ..FakeHost::default() };
        assert!(matches!(host.contents(&index, &[], &[]), Err(ArchiveError::Unknown(_))));
        assert!(matches!(host.previous_pass("ubuntu"), Err(ArchiveError::Unknown(_))));
        assert_eq!(host.previous_pass("debian"), Ok(Some(3)));
        host.packages.insert(index.clone(), Vec::new());
        assert_eq!(host.contents(&index, &[], &[]).unwrap().count(), 0);
        let both = vec![contents("a", &["bin/a", "usr/bin/a"]), contents("b", &["etc/b"])];
        host.contents.insert(index.clone(), both.clone());
        let mut ask = |names: &[&str], below: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let found = host.contents(&index, &owned(names), &owned(below)).unwrap();
            found.collect::<Result<Vec<_>, _>>().unwrap()
        };
        assert_eq!(ask(&[], &[]), both);
        assert_eq!(ask(&[], &["usr/bin/", "sbin/"]), [contents("a", &["usr/bin/a"])]);
        assert_eq!(ask(&["b", "c"], &[]), both[1..]);
        assert_eq!(ask(&["b"], &["bin/"]), []);
    }

    #[test]
    fn quotas_are_those_of_the_host() {
        let mut host =
            FakeHost { staging_bytes: 100, staging_files: 3, state_bytes: 10, ..FakeHost::default() };
        assert!(matches!(host.write("indices/a", &[0; 101]), Err(StagingError::Quota(_))));
        host.write("indices/a", &[0; 100]).unwrap();
        assert!(matches!(host.append("indices/a", b"x"), Err(StagingError::Quota(_))));
        host.write("indices/a", &[0; 10]).unwrap();
        host.write("indices/b", b"").unwrap();
        host.write("indices/c", b"").unwrap();
        assert!(matches!(host.write("indices/d", b""), Err(StagingError::Quota(_))));
        host.state_set("one", b"1234567").unwrap();
        assert!(matches!(host.state_set("two", b""), Err(StateError::Quota(_))));
        host.state_set("one", b"").unwrap();
        host.state_set("two", b"1234").unwrap();
        host.state_bytes = 1 << 20;
        for number in 2..MOST_KEYS {
            host.state_set(&format!("key {number}"), b"").unwrap();
        }
        assert!(matches!(host.state_set("one more", b""), Err(StateError::Quota(_))));
    }

    #[test]
    fn the_log_is_kept_as_the_host_keeps_it() {
        let mut host = FakeHost::default();
        host.log(Level::Info, "one\ntwo");
        host.log(Level::Info, &"x".repeat(MOST_LINE_BYTES + 1));
        assert_eq!(host.log[0].1, "one\\ntwo");
        assert!(host.log[1].1.ends_with("x…"));
        for _ in 0..MOST_LOG_LINES {
            host.log(Level::Debug, "again");
        }
        assert_eq!((host.log.len(), host.log_dropped), (MOST_LOG_LINES, 2));
    }

    #[test]
    #[should_panic(expected = "write in parts")]
    fn what_is_too_much_for_one_call_ends_the_hook() {
        let _ = FakeHost::default().write("project/huge", &vec![0; MOST_CALL_BYTES + 1]);
    }

    #[test]
    fn signatures_are_recorded() {
        let mut host = FakeHost { may_sign: vec!["project/s*".to_owned()], ..FakeHost::default() };
        let sign =
            |host: &mut FakeHost, input: &str| host.sign(input, "project/sums.gpg", SigningMode::Detached);
        assert_eq!(sign(&mut host, "project/sums"), Err(StagingError::NotFound));
        host.write("project/sums", b"sums").unwrap();
        host.write("project/other", b"other").unwrap();
        sign(&mut host, "project/sums").unwrap();
        assert!(matches!(sign(&mut host, "project/other"), Err(StagingError::Denied(_))));
        assert_eq!(host.text("project/sums.gpg"), "signed project/sums");
        assert_eq!(host.signed.len(), 1);
    }
}
