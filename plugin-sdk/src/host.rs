//! What a hook may ask of the host, as traits: in a component the host answers, in `cargo test` a
//! [`FakeHost`](crate::testing::FakeHost) does.

use serde::de::DeserializeOwned;

#[cfg(feature = "http")]
use crate::http::{HttpError, HttpRequest, HttpResponse};
use crate::{
    bindings::imports::pressroom::hooks as wit,
    words::{
        ArchiveError, Change, Entry, FileChange, HookError, Index, JournalNumbers, Level, Package,
        PackageContents, SigningMode, StagingError, StateError, Suite,
    },
};

/// What every hook may ask. What the operator has not granted answers that it is denied.
///
/// ```
/// use pressroom_plugin::{Host, HookError, Report, testing::FakeHost};
///
/// /// Counts in the memory of the hook: in a component with the host, in a test with a fake one.
/// fn count(host: &mut dyn Host) -> Result<u64, HookError> {
///     let before = host.state_get("count")?.unwrap_or_default();
///     let count = String::from_utf8_lossy(&before).parse().unwrap_or(0) + 1;
///     host.state_set("count", count.to_string().as_bytes())?;
///     Ok(count)
/// }
///
/// let mut host = FakeHost::default();
/// assert_eq!((count(&mut host)?, count(&mut host)?), (1, 2));
/// # Ok::<(), HookError>(())
/// ```
pub trait Host {
    /// One line for the run's log. Beyond the limit lines are dropped.
    ///
    /// ```
    /// use pressroom_plugin::{Host, Level, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.log(Level::Warn, "the mirror of the north is late");
    /// assert_eq!(host.log[0], (Level::Warn, "the mirror of the north is late".to_owned()));
    /// ```
    fn log(&mut self, level: Level, message: &str);

    /// What the operator wrote under `[config]`, as a JSON object; most hooks want [`HostExt::config`].
    ///
    /// ```
    /// use pressroom_plugin::{Host, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// assert_eq!(host.config_json(), "{}");
    /// ```
    fn config_json(&mut self) -> String;

    /// The suites of an archive, also those that this pass does not publish, sorted by name.
    ///
    /// ```
    /// use pressroom_plugin::{Host, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// let names: Vec<String> = host.suites("debian")?.into_iter().map(|suite| suite.name).collect();
    /// assert_eq!(names, ["bookworm"]);
    /// # Ok::<(), pressroom_plugin::ArchiveError>(())
    /// ```
    ///
    /// # Errors
    /// When `archive` is not granted or the archive is unknown.
    fn suites(&mut self, archive: &str) -> Result<Vec<Suite>, ArchiveError>;

    /// The changes of this pass, sorted by archive, suite, kind, name, architecture and version.
    ///
    /// ```
    /// use pressroom_plugin::{Host, PackageKind, testing::{self, FakeHost}};
    ///
    /// let changes = vec![testing::source("zlib", "1.3-1"), testing::binary("zlib1g", "1.3-1", "amd64")];
    /// let mut host = FakeHost { changes, ..FakeHost::default() };
    /// for change in host.changes()? {
    ///     let change = change?;
    ///     if change.kind == PackageKind::Source {
    ///         assert_eq!((change.name.as_str(), change.version.as_str()), ("zlib", "1.3-1"));
    ///     }
    /// }
    /// # Ok::<(), pressroom_plugin::ArchiveError>(())
    /// ```
    ///
    /// # Errors
    /// When `archive` is not granted.
    fn changes(&mut self) -> Result<Pages<Change>, ArchiveError>;

    /// The packages of one index, sorted by name and version.
    ///
    /// ```
    /// use pressroom_plugin::{ArchiveError, Host, Index, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// let index = Index {
    ///     archive: "debian".into(),
    ///     suite: "bookworm".into(),
    ///     component: "main".into(),
    ///     architecture: "source".into(),
    /// };
    /// assert!(matches!(host.packages(&index), Err(ArchiveError::Unknown(_))));
    /// host.packages.insert(index.clone(), Vec::new());
    /// assert_eq!(host.packages(&index)?.count(), 0);
    /// # Ok::<(), ArchiveError>(())
    /// ```
    ///
    /// # Errors
    /// When `archive` is not granted or there is no such index.
    fn packages(&mut self, index: &Index) -> Result<Pages<Package>, ArchiveError>;

    /// Of the packages with these names in an index, or of all when `names` is empty, the files whose paths begin with one of `below`,
    /// as `usr/bin/`; or all files when it is empty. By name and version; packages that have none are left out; one with very many files
    /// comes in several parts, one right behind the other.
    ///
    /// # Errors
    /// When `archive` is not granted or there is no such index of binaries.
    fn contents(
        &mut self,
        index: &Index,
        names: &[String],
        below: &[String],
    ) -> Result<Pages<PackageContents>, ArchiveError>;

    /// The pass over an archive that was installed last before this one. A hook that keeps the number of its pass in its state knows when it
    /// has missed one, and [`changes`](Self::changes) are not all that is new to it.
    ///
    /// # Errors
    /// When `archive` is not granted or the archive is unknown.
    fn previous_pass(&mut self, archive: &str) -> Result<Option<u64>, ArchiveError>;

    /// A value of the hook's own memory for this distribution.
    ///
    /// ```
    /// use pressroom_plugin::{Host, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.state.insert("serial".into(), b"7".to_vec());
    /// assert_eq!(host.state_get("serial")?.as_deref(), Some(b"7".as_slice()));
    /// assert_eq!(host.state_get("other")?, None);
    /// # Ok::<(), pressroom_plugin::StateError>(())
    /// ```
    ///
    /// # Errors
    /// When `state` is not granted.
    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, StateError>;

    /// Keeps a value, if the hook succeeds.
    ///
    /// ```
    /// use pressroom_plugin::{Host, StateError, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.state_set("serial", b"8")?;
    /// assert_eq!(host.state["serial"], b"8");
    /// assert!(matches!(host.state_set("", b"8"), Err(StateError::BadKey(_))));
    /// # Ok::<(), StateError>(())
    /// ```
    ///
    /// # Errors
    /// When `state` is not granted, the key is not 1 to 256 bytes, or it is too much.
    fn state_set(&mut self, key: &str, value: &[u8]) -> Result<(), StateError>;

    /// Forgets a value, if the hook succeeds.
    ///
    /// ```
    /// use pressroom_plugin::{Host, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.state_set("serial", b"8")?;
    /// host.state_delete("serial")?;
    /// assert!(host.state.is_empty());
    /// # Ok::<(), pressroom_plugin::StateError>(())
    /// ```
    ///
    /// # Errors
    /// When `state` is not granted.
    fn state_delete(&mut self, key: &str) -> Result<(), StateError>;

    /// The keys of the hook's memory, sorted.
    ///
    /// ```
    /// use pressroom_plugin::{Host, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// for key in ["two", "one"] {
    ///     host.state_set(key, b"")?;
    /// }
    /// assert_eq!(host.state_keys()?, ["one", "two"]);
    /// # Ok::<(), pressroom_plugin::StateError>(())
    /// ```
    ///
    /// # Errors
    /// When `state` is not granted.
    fn state_keys(&mut self) -> Result<Vec<String>, StateError>;

    /// [`HostExt::journal_numbers`] outside of a component. It is not here in one, for the reason that [`HostExt::journal_numbers`] gives.
    #[cfg(not(target_family = "wasm"))]
    #[doc(hidden)]
    fn journal_numbers_natively(&mut self, archive: &str) -> Result<Option<JournalNumbers>, ArchiveError> {
        Err(ArchiveError::Failed(format!("there is no journal of {archive} outside of a component")))
    }

    /// [`HostExt::journal_changes`] outside of a component.
    #[cfg(not(target_family = "wasm"))]
    #[doc(hidden)]
    fn journal_changes_natively(
        &mut self,
        archive: &str,
        number: u64,
    ) -> Result<Pages<FileChange>, ArchiveError> {
        Err(ArchiveError::Failed(format!("there is no number {number} of {archive} outside of a component")))
    }

    /// [`HostExt::http`] outside of a component. It is not here in one: a method of a trait object is linked whether it is used or not,
    /// and a hook that asks no server should not import the means to.
    #[cfg(all(feature = "http", not(target_family = "wasm")))]
    #[doc(hidden)]
    fn http_natively(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpError>;
}

/// What a pre-publication hook may ask besides: the tree that this pass will install, before it is signed.
///
/// Paths are relative to the archive's root. What is written is applied after the hook has succeeded, all or nothing; a hook reads
/// its own writes.
///
/// ```
/// use pressroom_plugin::{StagingError, StagingHost, StagingHostExt, testing::FakeHost};
///
/// fn add_line(host: &mut dyn StagingHost, path: &str, line: &str) -> Result<(), StagingError> {
///     let mut text = match host.read_whole(path) {
///         Err(StagingError::NotFound) => Vec::new(),
///         other => other?,
///     };
///     text.extend([line.as_bytes(), b"\n"].concat());
///     host.write(path, &text)
/// }
///
/// let mut host = FakeHost::default();
/// add_line(&mut host, "indices/news", "one")?;
/// add_line(&mut host, "indices/news", "two")?;
/// assert_eq!(host.text("indices/news"), "one\ntwo\n");
/// # Ok::<(), StagingError>(())
/// ```
pub trait StagingHost: Host {
    /// The regular files below a folder, sorted by path; the empty string is the whole tree.
    ///
    /// ```
    /// use pressroom_plugin::{StagingHost, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.files.insert("indices/old".into(), b"1234".to_vec());
    /// let files = host.list_files("indices")?;
    /// assert_eq!((files[0].path.as_str(), files[0].size_bytes), ("indices/old", 4));
    /// # Ok::<(), pressroom_plugin::StagingError>(())
    /// ```
    ///
    /// # Errors
    /// When the path is none, or the host cannot.
    fn list_files(&mut self, folder: &str) -> Result<Vec<Entry>, StagingError>;

    /// At most `max_bytes` from `offset` on; fewer at the end of the file, and the host may give fewer. Most hooks want
    /// [`StagingHostExt::read_whole`].
    ///
    /// ```
    /// use pressroom_plugin::{StagingHost, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.files.insert("indices/old".into(), b"1234".to_vec());
    /// assert_eq!(host.read("indices/old", 2, 100)?, b"34");
    /// # Ok::<(), pressroom_plugin::StagingError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such file, or the host cannot.
    fn read(&mut self, path: &str, offset: u64, max_bytes: u32) -> Result<Vec<u8>, StagingError>;

    /// Writes a whole file; one that is there is replaced.
    ///
    /// ```
    /// use pressroom_plugin::{StagingError, StagingHost, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.write("project/motd", b"news\n")?;
    /// assert_eq!(host.text("project/motd"), "news\n");
    /// assert!(matches!(host.write("dists/bookworm/Release", b""), Err(StagingError::Denied(_))));
    /// # Ok::<(), StagingError>(())
    /// ```
    ///
    /// # Errors
    /// When the path is none or not granted, or it is too much.
    fn write(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError>;

    /// Adds to the end of a file that this hook has written before in this call.
    ///
    /// ```
    /// use pressroom_plugin::{StagingHost, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.write("indices/long", b"one\n")?;
    /// host.append("indices/long", b"two\n")?;
    /// assert_eq!(host.text("indices/long"), "one\ntwo\n");
    /// # Ok::<(), pressroom_plugin::StagingError>(())
    /// ```
    ///
    /// # Errors
    /// When it has not, or it is too much.
    fn append(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError>;

    /// Removes a file.
    ///
    /// ```
    /// use pressroom_plugin::{StagingError, StagingHost, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.files.insert("indices/old".into(), Vec::new());
    /// host.remove("indices/old")?;
    /// assert_eq!(host.remove("indices/old"), Err(StagingError::NotFound));
    /// # Ok::<(), StagingError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such file, or it is not granted.
    fn remove(&mut self, path: &str) -> Result<(), StagingError>;

    /// Signs `input` with the archive's key and writes the result to `output`.
    ///
    /// ```
    /// use pressroom_plugin::{SigningMode, StagingHost, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.write("project/SHA256SUMS", b"...")?;
    /// host.sign("project/SHA256SUMS", "project/SHA256SUMS.gpg", SigningMode::Detached)?;
    /// assert_eq!(host.signed.len(), 1);
    /// # Ok::<(), pressroom_plugin::StagingError>(())
    /// ```
    ///
    /// # Errors
    /// When either path is not granted for signing, or there is no such file.
    fn sign(&mut self, input: &str, output: &str, mode: SigningMode) -> Result<(), StagingError>;
}

/// Short ways to ask: every [`Host`] has them.
///
/// ```
/// use pressroom_plugin::{HostExt, testing::FakeHost};
///
/// let mut host = FakeHost::default();
///
/// host.info("it begins");
/// assert_eq!(host.log.len(), 1);
/// ```
pub trait HostExt: Host {
    /// A line that says what was done.
    ///
    /// ```
    /// use pressroom_plugin::{HostExt, Level, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.info("3 files written");
    /// assert_eq!(host.log[0].0, Level::Info);
    /// ```
    fn info(&mut self, message: &str) {
        self.log(Level::Info, message);
    }

    /// A line for someone to look at.
    ///
    /// ```
    /// use pressroom_plugin::{HostExt, Level, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.warn("the list is empty");
    /// assert_eq!(host.log[0].0, Level::Warn);
    /// ```
    fn warn(&mut self, message: &str) {
        self.log(Level::Warn, message);
    }

    /// The operator's `[config]` as a value; `#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]` is good
    /// advice for its type.
    ///
    /// ```
    /// use pressroom_plugin::{HostExt, testing::FakeHost};
    /// use serde::Deserialize;
    ///
    /// #[derive(Default, Deserialize)]
    /// #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
    /// struct Config {
    ///     keep_runs: u32,
    /// }
    ///
    /// let mut host = FakeHost { config: r#"{"keep-runs": 3}"#.into(), ..FakeHost::default() };
    /// let config: Config = host.config()?;
    /// assert_eq!(config.keep_runs, 3);
    /// host.config = r#"{"keep": 3}"#.into();
    /// assert!(host.config::<Config>().is_err());
    /// # Ok::<(), pressroom_plugin::HookError>(())
    /// ```
    ///
    /// # Errors
    /// When it does not fit: a failure that tells the operator what is wrong.
    fn config<T: DeserializeOwned>(&mut self) -> Result<T, HookError> {
        serde_json::from_str(&self.config_json())
            .map_err(|error| HookError::failed(format!("[config] of this hook: {error}")))
    }

    /// The numbers of the journal of what changed in an archive's files; none where it keeps no journal.
    ///
    /// A hook that asks for it imports the interface `journal`, and runs on no host that is older than it: so it is no method of [`Host`], which every hook
    /// has.
    ///
    /// ```
    /// use pressroom_plugin::{FileChange, HostExt, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// assert_eq!(host.journal_numbers("debian")?, None);
    /// host.journal.insert(7, vec![FileChange::Removed("pool/main/h/hello/hello_1.dsc".into())]);
    /// let numbers = host.journal_numbers("debian")?.expect("there is a journal");
    /// for number in numbers.first..=numbers.last {
    ///     for change in host.journal_changes("debian", number)? {
    ///         assert_eq!(change?, FileChange::Removed("pool/main/h/hello/hello_1.dsc".into()));
    ///     }
    /// }
    /// # Ok::<(), pressroom_plugin::ArchiveError>(())
    /// ```
    ///
    /// # Errors
    /// When `archive` is not granted or the archive is unknown.
    fn journal_numbers(&mut self, archive: &str) -> Result<Option<JournalNumbers>, ArchiveError> {
        #[cfg(target_family = "wasm")]
        {
            wit::journal::numbers(archive)
        }
        #[cfg(not(target_family = "wasm"))]
        {
            self.journal_numbers_natively(archive)
        }
    }

    /// What changed with a number of the journal, in the order in which a mirror follows it.
    ///
    /// # Errors
    /// When `archive` is not granted, the archive is unknown, or the number is not kept.
    fn journal_changes(&mut self, archive: &str, number: u64) -> Result<Pages<FileChange>, ArchiveError> {
        #[cfg(target_family = "wasm")]
        {
            let changes = wit::journal::changes(archive, number)?;
            Ok(Pages::new(move |max| changes.next(max)))
        }
        #[cfg(not(target_family = "wasm"))]
        {
            self.journal_changes_natively(archive, number)
        }
    }

    /// Asks a server, if the operator's grant names its URL under `http`; `cargo` has it behind the feature `http`. A redirect is an answer:
    /// to follow it, ask again.
    ///
    /// ```
    /// use pressroom_plugin::{testing::FakeHost, HostExt, HttpRequest, HttpResponse};
    ///
    /// let mut host = FakeHost::default();
    /// host.answer("https://hooks.example.org/news", Ok(HttpResponse::with_status(204)));
    /// let response = host.http(&HttpRequest::post("https://hooks.example.org/news", "hello"))?;
    /// assert!(response.is_success());
    /// assert_eq!(host.requests[0].body, b"hello");
    /// # Ok::<(), pressroom_plugin::HttpError>(())
    /// ```
    ///
    /// # Errors
    /// When it is not granted, or there is no answer: [`HttpError::is_temporary`] says whether another try may do better.
    #[cfg(feature = "http")]
    fn http(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        #[cfg(target_family = "wasm")]
        {
            crate::http::ask(request)
        }
        #[cfg(not(target_family = "wasm"))]
        {
            self.http_natively(request)
        }
    }
}

impl<H: Host + ?Sized> HostExt for H {}

/// Short ways to ask about the staged tree: every [`StagingHost`] has them.
///
/// ```
/// use pressroom_plugin::{StagingHostExt, testing::FakeHost};
///
/// let mut host = FakeHost::default();
///
/// host.files.insert("indices/old".into(), b"1234".to_vec());
/// assert_eq!(host.read_whole("indices/old").unwrap(), b"1234");
/// ```
pub trait StagingHostExt: StagingHost {
    /// The whole of a file, however long.
    ///
    /// ```
    /// use pressroom_plugin::{StagingError, StagingHostExt, testing::FakeHost};
    ///
    /// let mut host = FakeHost::default();
    ///
    /// host.files.insert("indices/old".into(), vec![7; 3 << 20]);
    /// assert_eq!(host.read_whole("indices/old")?.len(), 3 << 20);
    /// assert_eq!(host.read_whole("indices/none"), Err(StagingError::NotFound));
    /// # Ok::<(), StagingError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such file, or the host cannot.
    fn read_whole(&mut self, path: &str) -> Result<Vec<u8>, StagingError> {
        let mut whole = Vec::new();
        loop {
            let part = self.read(path, whole.len() as u64, 1 << 20)?;
            if part.is_empty() {
                return Ok(whole);
            }
            whole.extend(part);
        }
    }
}

impl<H: StagingHost + ?Sized> StagingHostExt for H {}

/// Where a list's next items, so many at the most, come from.
type Fetch<T> = Box<dyn FnMut(u32) -> Result<Vec<T>, ArchiveError>>;

/// A long list, fetched a page at a time while it is iterated over.
///
/// ```
/// use pressroom_plugin::{Host, testing::{self, FakeHost}};
///
/// let changes = (0..2_000).map(|number| testing::source(&format!("p{number}"), "1")).collect();
/// let mut host = FakeHost { changes, ..FakeHost::default() };
/// // one that fails ends the list; `collect` into a `Result` says so
/// let all: Vec<_> = host.changes()?.collect::<Result<_, _>>()?;
/// assert_eq!(all.len(), 2_000);
/// # Ok::<(), pressroom_plugin::ArchiveError>(())
/// ```
pub struct Pages<T> {
    fetch: Option<Fetch<T>>,
    page: std::vec::IntoIter<T>,
}

/// How many items are asked for at once.
const PAGE_ITEMS: u32 = 500;

impl<T> Pages<T> {
    /// A list whose next items, so many at the most, come from here; none is the end. For a host of a test's own.
    ///
    /// ```
    /// use pressroom_plugin::Pages;
    ///
    /// let mut pages = vec![vec![1, 2], vec![3], vec![]].into_iter();
    /// let list = Pages::new(move |_max| Ok(pages.next().unwrap_or_default()));
    /// assert_eq!(list.collect::<Result<Vec<_>, _>>(), Ok(vec![1, 2, 3]));
    /// ```
    pub fn new(fetch: impl FnMut(u32) -> Result<Vec<T>, ArchiveError> + 'static) -> Self {
        Self { fetch: Some(Box::new(fetch)), page: Vec::new().into_iter() }
    }
}

impl<T> Iterator for Pages<T> {
    type Item = Result<T, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.page.next() {
            return Some(Ok(item));
        }
        let page = self.fetch.as_mut()?(PAGE_ITEMS);
        match page {
            Ok(page) if page.is_empty() => {
                self.fetch = None;
                None
            }
            Ok(page) => {
                self.page = page.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => {
                self.fetch = None;
                Some(Err(error))
            }
        }
    }
}

/// The host outside of the component.
#[derive(Debug, Default)]
pub(crate) struct ComponentHost;

impl Host for ComponentHost {
    fn log(&mut self, level: Level, message: &str) {
        wit::log::write(level, message);
    }

    fn config_json(&mut self) -> String {
        wit::config::get()
    }

    fn suites(&mut self, archive: &str) -> Result<Vec<Suite>, ArchiveError> {
        wit::archive::suites(archive)
    }

    fn changes(&mut self) -> Result<Pages<Change>, ArchiveError> {
        wit::archive::changes().map(|changes| Pages::new(move |max| changes.next(max)))
    }

    fn packages(&mut self, index: &Index) -> Result<Pages<Package>, ArchiveError> {
        wit::archive::packages(index).map(|packages| Pages::new(move |max| packages.next(max)))
    }

    fn contents(
        &mut self,
        index: &Index,
        names: &[String],
        below: &[String],
    ) -> Result<Pages<PackageContents>, ArchiveError> {
        let contents = wit::archive::contents(index, names, below)?;
        Ok(Pages::new(move |max| contents.next(max)))
    }

    fn previous_pass(&mut self, archive: &str) -> Result<Option<u64>, ArchiveError> {
        wit::archive::previous_pass(archive)
    }

    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        wit::state::get(key)
    }

    fn state_set(&mut self, key: &str, value: &[u8]) -> Result<(), StateError> {
        wit::state::set(key, value)
    }

    fn state_delete(&mut self, key: &str) -> Result<(), StateError> {
        wit::state::delete(key)
    }

    fn state_keys(&mut self) -> Result<Vec<String>, StateError> {
        wit::state::keys()
    }

    #[cfg(all(feature = "http", not(target_family = "wasm")))]
    fn http_natively(&mut self, _: &HttpRequest) -> Result<HttpResponse, HttpError> {
        Err(HttpError::Failed("there is no host outside of a component: test with a FakeHost".to_owned()))
    }
}

impl StagingHost for ComponentHost {
    fn list_files(&mut self, folder: &str) -> Result<Vec<Entry>, StagingError> {
        wit::staging::list_files(folder)
    }

    fn read(&mut self, path: &str, offset: u64, max_bytes: u32) -> Result<Vec<u8>, StagingError> {
        wit::staging::read(path, offset, max_bytes)
    }

    fn write(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError> {
        wit::staging::write(path, content)
    }

    fn append(&mut self, path: &str, content: &[u8]) -> Result<(), StagingError> {
        wit::staging::append(path, content)
    }

    fn remove(&mut self, path: &str) -> Result<(), StagingError> {
        wit::staging::remove(path)
    }

    fn sign(&mut self, input: &str, output: &str, mode: SigningMode) -> Result<(), StagingError> {
        wit::signing::sign(input, output, mode)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn pages_are_fetched_until_one_is_empty() {
        let mut pages = vec![vec![1, 2], vec![3], vec![], vec![4]].into_iter();
        let list = Pages::new(move |max| {
            assert_eq!(max, PAGE_ITEMS);
            Ok(pages.next().unwrap())
        });
        assert_eq!(list.collect::<Result<Vec<_>, _>>(), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn a_page_that_fails_ends_the_list() {
        let mut pages = vec![Ok(vec![1]), Err(ArchiveError::Failed("disk".into())), Ok(vec![2])].into_iter();
        let mut list = Pages::new(move |_| pages.next().unwrap());
        assert_eq!(list.next(), Some(Ok(1)));
        assert_eq!(list.next(), Some(Err(ArchiveError::Failed("disk".into()))));
        assert_eq!(list.next(), None);
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Config {
        keep_runs: u32,
    }

    #[test]
    fn a_configuration_is_read_or_its_fault_named() {
        let mut host = FakeHost { config: r#"{"keep-runs": 3}"#.into(), ..FakeHost::default() };
        assert_eq!(host.config(), Ok(Config { keep_runs: 3 }));
        for (config, fault) in
            [("", "keep-runs"), (r#"{"keep-runs": "many"}"#, "many"), (r#"{"keep": 1}"#, "`keep`")]
        {
            host.config = config.into();
            let error = host.config::<Config>().unwrap_err().to_string();
            assert!(error.contains("[config]") && error.contains(fault), "{error}");
        }
    }

    #[test]
    fn a_long_file_is_read_whole() {
        let mut host = FakeHost::default();
        let content = vec![7; (3 << 20) + 5];
        host.files.insert("project/long".into(), content.clone());
        assert_eq!(host.read_whole("project/long"), Ok(content));
        assert_eq!(host.read_whole("project/absent"), Err(StagingError::NotFound));
    }
}
