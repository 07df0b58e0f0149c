//! A host for `cargo test`: it has what the test gives it, and records what the hook does.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(feature = "http")]
use crate::http::{HttpError, HttpRequest, HttpResponse};
use crate::{
    host::{Host, Pages, StagingHost},
    words::{
        ArchiveError, Change, Entry, FinalizeContext, Index, Level, Package, PackageContents, PassContext,
        Pocket, Priority, SigningMode, StagingError, StateError, Suite,
    },
};

/// A host that grants everything but what [`denied`](Self::denied) names, and whose limits are none.
#[derive(Debug, Default, Clone)]
pub struct FakeHost {
    /// `[config]`, as JSON; empty is `{}`.
    pub config: String,
    /// The suites of each archive.
    pub suites: BTreeMap<String, Vec<Suite>>,
    /// The changes of the pass.
    pub changes: Vec<Change>,
    /// The packages of each index; others do not exist.
    pub packages: BTreeMap<Index, Vec<Package>>,
    /// The files of the packages of each index; an index that is in [`packages`](Self::packages) and not here has none.
    pub contents: BTreeMap<Index, Vec<PackageContents>>,
    /// The pass before this one, for every archive that is in [`suites`](Self::suites).
    pub previous_pass: Option<u64>,
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
    /// The lines of the log.
    pub log: Vec<(Level, String)>,
    /// What is not granted: `archive`, `state`, `http`, or the beginning of paths that may not be written.
    pub denied: BTreeSet<String>,
    /// What each URL answers, one after the other, the last again and again; others are not granted. [`FakeHost::answer`] adds one.
    #[cfg(feature = "http")]
    pub answers: BTreeMap<String, Vec<Result<HttpResponse, HttpError>>>,
    /// The requests that the hook made, those that were denied among them.
    #[cfg(feature = "http")]
    pub requests: Vec<HttpRequest>,
}

impl FakeHost {
    /// A file of the staged tree as text; panics when it is not there, as a test should.
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
            1..=256 => Ok(()),
            _ => Err(StateError::BadKey(key.to_owned())),
        }
    }

    fn may_write(&self, path: &str) -> Result<(), StagingError> {
        check_path(path)?;
        if self.denied.iter().any(|denied| path.starts_with(denied.as_str())) {
            return Err(StagingError::Denied(path.to_owned()));
        }
        Ok(())
    }
}

impl Host for FakeHost {
    fn log(&mut self, level: Level, message: &str) {
        self.log.push((level, message.to_owned()));
    }

    fn config_json(&mut self) -> String {
        if self.config.is_empty() { "{}".to_owned() } else { self.config.clone() }
    }

    fn suites(&mut self, archive: &str) -> Result<Vec<Suite>, ArchiveError> {
        self.archive_granted()?;
        self.suites.get(archive).cloned().ok_or_else(|| ArchiveError::Unknown(archive.to_owned()))
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
        if !folder.is_empty() {
            check_path(folder)?;
        }
        let inside = |path: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let files = self.files.iter().filter(|(path, _)| inside(path));
        Ok(files
            .map(|(path, content)| Entry { path: path.clone(), size_bytes: content.len() as u64 })
            .collect())
    }

    fn read(&mut self, path: &str, offset: u64, max_bytes: u32) -> Result<Vec<u8>, StagingError> {
        check_path(path)?;
        let content = self.files.get(path).ok_or(StagingError::NotFound)?;
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let end = begin.saturating_add(max_bytes as usize).min(content.len());
        Ok(content[begin..end].to_vec())
    }

    fn write(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError> {
        self.may_write(path)?;
        self.removed.remove(path);
        self.written.insert(path.to_owned());
        self.files.insert(path.to_owned(), content.to_vec());
        Ok(())
    }

    fn append(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError> {
        self.may_write(path)?;
        if !self.written.contains(path) {
            return Err(StagingError::NotFound);
        }
        self.files.entry(path.to_owned()).or_default().extend_from_slice(content);
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<(), StagingError> {
        self.may_write(path)?;
        self.files.remove(path).ok_or(StagingError::NotFound)?;
        self.written.remove(path);
        self.removed.insert(path.to_owned());
        Ok(())
    }

    fn sign(&mut self, input: &str, output: &str, mode: SigningMode) -> Result<(), StagingError> {
        check_path(input)?;
        self.may_write(output)?;
        if !self.files.contains_key(input) {
            return Err(StagingError::NotFound);
        }
        self.signed.push((input.to_owned(), output.to_owned(), mode));
        self.files.insert(output.to_owned(), format!("signed {input}").into_bytes());
        Ok(())
    }
}

/// A low-priority pass over `debian` that publishes bookworm (main and contrib; amd64 and arm64), started on
/// 2024-02-29 at 12:34:56 UTC.
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
pub fn finalize_context() -> FinalizeContext {
    let PassContext { run, pass, priority, distribution, archive, suites, started, site_name, dry_run } =
        pass_context();
    let archives = vec![archive];
    FinalizeContext { run, pass, priority, distribution, archives, suites, started, site_name, dry_run }
}

/// A suite of this name, which is also that of its series, with main and contrib for amd64 and arm64.
pub fn suite(name: &str) -> Suite {
    Suite {
        name: name.to_owned(),
        series: name.to_owned(),
        pocket: Pocket::Release,
        components: vec!["main".to_owned(), "contrib".to_owned()],
        architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
    }
}

fn pages<T: 'static>(items: Vec<T>) -> Pages<T> {
    let mut items = items.into_iter();
    Pages::new(move |max| Ok(items.by_ref().take(max as usize).collect()))
}

/// A path as `staging` wants it: relative, plain, without `.` and `..`.
fn check_path(path: &str) -> Result<(), StagingError> {
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain && !path.contains(['\0', '\n']) { Ok(()) } else { Err(StagingError::BadPath(path.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_appends_and_removals_are_recorded() {
        let mut host = FakeHost::default();
        host.files.insert("dists/bookworm/Release".into(), b"unsigned".to_vec());
        assert_eq!(host.append("project/new", b"x"), Err(StagingError::NotFound));
        assert_eq!(host.append("dists/bookworm/Release", b"x"), Err(StagingError::NotFound), "not its own");
        host.write("project/new", b"one").unwrap();
        host.append("project/new", b" two").unwrap();
        assert_eq!(host.text("project/new"), "one two");
        host.remove("dists/bookworm/Release").unwrap();
        assert_eq!(host.remove("dists/bookworm/Release"), Err(StagingError::NotFound));
        assert_eq!(host.removed, ["dists/bookworm/Release".to_owned()].into());
        assert_eq!(host.list_files("project").unwrap().len(), 1);
        assert_eq!(host.list_files("proj").unwrap().len(), 0);
        assert_eq!(host.read("project/new", 4, 100).unwrap(), b"two");
        assert_eq!(host.read("project/new", 400, 100).unwrap(), b"");
    }

    #[test]
    fn paths_and_keys_are_judged_as_the_host_judges_them() {
        let mut host = FakeHost { denied: ["dists/".to_owned()].into(), ..FakeHost::default() };
        for path in ["", "/etc/passwd", "../up", "a//b", "a/./b", "a/", "a\0b"] {
            assert_eq!(host.write(path, b""), Err(StagingError::BadPath(path.to_owned())));
        }
        assert_eq!(host.write("dists/x", b""), Err(StagingError::Denied("dists/x".to_owned())));
        for key in ["", &"k".repeat(257)] {
            assert_eq!(host.state_set(key, b""), Err(StateError::BadKey(key.to_owned())));
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
        assert!(matches!(host.previous_pass("debian"), Err(ArchiveError::Unknown(_))));
        host.suites.insert("debian".into(), Vec::new());
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
    fn signatures_are_recorded() {
        let mut host = FakeHost::default();
        let sign = |host: &mut FakeHost| host.sign("project/sums", "project/sums.gpg", SigningMode::Detached);
        assert_eq!(sign(&mut host), Err(StagingError::NotFound));
        host.write("project/sums", b"sums").unwrap();
        sign(&mut host).unwrap();
        assert_eq!(host.text("project/sums.gpg"), "signed project/sums");
        assert_eq!(host.signed.len(), 1);
    }
}
