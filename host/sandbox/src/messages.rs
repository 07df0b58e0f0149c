//! The words of the door: what the host tells a hook, what a hook may ask of the host, and how a call ended.
//!
//! They mirror `wit/hooks.wit`, apart from any one version of it: the bindings of each version are converted to these
//! in `worker::bindings`, so the host crate speaks one language to hooks of every age. They also are what goes over the
//! pipe between the two processes.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
pub use serde_bytes::ByteBuf;

use crate::{limits::Limits, walls::Walls};

/// Where in a publication a hook is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Point {
    /// Before the Release files are made and signed.
    PrePublication,
    /// After the new tree has become the live one.
    PostPublication,
    /// After all archives of the distribution have been installed.
    Finalize,
}

impl Point {
    /// In the order in which a run comes by them.
    pub const ALL: [Self; 3] = [Self::PrePublication, Self::PostPublication, Self::Finalize];

    /// The name of the point: its interface in WIT, and its folder less `.d`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrePublication => "pre-publication",
            Self::PostPublication => "post-publication",
            Self::Finalize => "finalize",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A word that names no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hook point: use pre-publication, post-publication or finalize")]
pub struct UnknownPoint(pub String);

impl FromStr for Point {
    type Err = UnknownPoint;

    fn from_str(text: &str) -> Result<Self, UnknownPoint> {
        Self::ALL
            .into_iter()
            .find(|point| point.as_str() == text)
            .ok_or_else(|| UnknownPoint(text.to_owned()))
    }
}

/// The part of a series that a suite publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pocket {
    /// The series itself.
    Release,
    /// Security updates.
    Security,
    /// Recommended updates.
    Updates,
    /// Updates under test.
    Proposed,
    /// Newer upstream versions, not installed by themselves.
    Backports,
}

/// A suite of the archive, as it stands under `dists/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// As under `dists/`: `bookworm`, `bookworm-security`.
    pub name: String,
    /// The series that it belongs to.
    pub series: String,
    /// The part of that series.
    pub pocket: Pocket,
    /// In order of preference: `main` first.
    pub components: Vec<String>,
    /// Enabled architectures, sorted, without `all` and `source`.
    pub architectures: Vec<String>,
}

/// One pass over one archive, as the pre-publication and post-publication points see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassContext {
    /// The run in `script_activity`.
    pub run: u64,
    /// The pass within the run.
    pub pass: u64,
    /// 0 is high, 1 is low.
    pub priority: u8,
    /// The distribution.
    pub distribution: String,
    /// `debian` for the primary archive of debian, `debian/partner` for another one of it.
    pub archive: String,
    /// The suites that this pass publishes.
    pub suites: Vec<Suite>,
    /// Seconds since 1970-01-01T00:00:00Z; also what the guest's wall clock shows.
    pub started: u64,
    /// The name of the publishing host.
    pub site_name: String,
    /// Nothing will be installed.
    pub dry_run: bool,
}

/// The end of a pass for a whole distribution, as the finalize point sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeContext {
    /// The run in `script_activity`.
    pub run: u64,
    /// The pass within the run.
    pub pass: u64,
    /// 0 is high, 1 is low.
    pub priority: u8,
    /// The distribution.
    pub distribution: String,
    /// The archives in which this pass installed something.
    pub archives: Vec<String>,
    /// The suites that this pass published, in all these archives.
    pub suites: Vec<Suite>,
    /// Seconds since 1970-01-01T00:00:00Z; also what the guest's wall clock shows.
    pub started: u64,
    /// The name of the publishing host.
    pub site_name: String,
    /// Nothing will be installed.
    pub dry_run: bool,
}

/// What a hook is told; which of the three it is decides which point is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Context {
    /// For [`Point::PrePublication`].
    PrePublication(PassContext),
    /// For [`Point::PostPublication`].
    PostPublication(PassContext),
    /// For [`Point::Finalize`].
    Finalize(FinalizeContext),
}

impl Context {
    /// The point that is to be called with this context.
    pub fn point(&self) -> Point {
        match self {
            Self::PrePublication(_) => Point::PrePublication,
            Self::PostPublication(_) => Point::PostPublication,
            Self::Finalize(_) => Point::Finalize,
        }
    }

    /// Whether nothing will come of the call.
    pub fn is_dry_run(&self) -> bool {
        match self {
            Self::PrePublication(context) | Self::PostPublication(context) => context.dry_run,
            Self::Finalize(context) => context.dry_run,
        }
    }

    /// The one clock of the run, in seconds since 1970-01-01T00:00:00Z.
    pub fn started(&self) -> u64 {
        match self {
            Self::PrePublication(context) | Self::PostPublication(context) => context.started,
            Self::Finalize(context) => context.started,
        }
    }
}

/// Whether a hook had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It did its work.
    Done,
    /// There was nothing to do for it in this pass.
    Skipped,
}

/// What a hook has to say when all is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether there was anything to do.
    pub outcome: Outcome,
    /// One line for `pressroom history`; line breaks are shown as `\n`.
    pub summary: String,
    /// Anything longer; may be empty.
    pub details: String,
}

/// How grave a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// For the author of the hook.
    Debug,
    /// What was done.
    Info,
    /// Someone should look.
    Warn,
    /// Something is wrong.
    Error,
}

/// What happened to a publication in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Action {
    /// It is new in the indexes.
    Published,
    /// A newer one took its place.
    Superseded,
    /// It was removed.
    Deleted,
}

/// Whether a package is a source or a binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PackageKind {
    /// A source package.
    Source,
    /// A binary package.
    Binary,
}

/// One publication that a pass changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened to it.
    pub action: Action,
    /// Source or binary.
    pub kind: PackageKind,
    /// The name of the package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `source`, or the architecture whose index it is in.
    pub architecture: String,
    /// As in the context.
    pub archive: String,
    /// As under `dists/`.
    pub suite: String,
    /// The component that it is in.
    pub component: String,
    /// Its section, after overrides.
    pub section: String,
    /// Its priority, after overrides.
    pub priority: String,
    /// For a binary, the name of its source; for a source its own.
    pub source: String,
}

/// A package in the indexes of a suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The name of the package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its own architecture, which may be `all`; `source` for a source.
    pub architecture: String,
    /// The component that it is in.
    pub component: String,
    /// Its section, after overrides.
    pub section: String,
    /// Its priority, after overrides.
    pub priority: String,
    /// The name of its source.
    pub source: String,
    /// The version of its source.
    pub source_version: String,
}

/// The files of a binary package, or a part of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageContents {
    /// The name of the package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its own architecture, which may be `all`.
    pub architecture: String,
    /// Below the root, without a slash in front, sorted.
    pub paths: Vec<String>,
}

/// One change in the files of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileChange {
    /// A file, new or in the place of what was there.
    File {
        /// Below the archive's root.
        path: String,
        /// Its length.
        size_bytes: u64,
        /// In hexadecimal digits.
        sha256: String,
    },
    /// A symbolic link, new or in the place of what was there.
    Link {
        /// Below the archive's root.
        path: String,
        /// What it reads.
        target: String,
    },
    /// Nothing is there any more.
    Removed(String),
    /// What changed is not known.
    Everything,
}

/// Which index is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Index {
    /// As in the context.
    pub archive: String,
    /// As under `dists/`.
    pub suite: String,
    /// `main`, or a subcomponent such as `main/debian-installer`.
    pub component: String,
    /// `source` for Sources.
    pub architecture: String,
}

/// A regular file of the staged tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Relative to the archive's root.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
}

/// How a signature is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningMode {
    /// In a file of its own, as Release.gpg.
    Detached,
    /// The text with its signature around it, as InRelease.
    Clear,
}

/// Why a question about the archive was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchiveError {
    /// No such archive, suite, component or architecture in this run.
    Unknown(String),
    /// The operator has not granted `archive`.
    Denied,
    /// The host could not answer.
    Failed(String),
}

/// Why something was not done in the staged tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StagingError {
    /// There is no such file.
    NotFound,
    /// Not a relative, plain path, or not one where a file may be.
    BadPath(String),
    /// Outside of what the operator has granted.
    Denied(String),
    /// More bytes or files than the operator allows.
    Quota(String),
    /// The host could not do it.
    Failed(String),
}

/// Why something was not done in the hook's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateError {
    /// The operator has not granted `state`.
    Denied,
    /// Keys are 1 to 256 bytes.
    BadKey(String),
    /// More bytes or keys than the operator allows.
    Quota(String),
    /// The host could not do it.
    Failed(String),
}

/// A whole request, as the guest made it. Nothing of it has been judged but its lengths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, and so on.
    pub method: String,
    /// Scheme, authority, path and query; at most [`HttpRequest::MOST_URL_BYTES`].
    pub url: String,
    /// In the guest's order; together at most [`HttpRequest::MOST_HEADER_BYTES`].
    pub headers: Vec<(String, ByteBuf)>,
    /// At most [`Limits::http_request_bytes`].
    pub body: ByteBuf,
    /// How long the guest would wait for a connection.
    pub connect_timeout: Option<Duration>,
    /// How long the guest would wait for an answer to begin.
    pub first_byte_timeout: Option<Duration>,
}

impl HttpRequest {
    /// The longest method.
    pub const MOST_METHOD_BYTES: usize = 32;
    /// The longest URL.
    pub const MOST_URL_BYTES: usize = 8 << 10;
    /// The names and values of all headers, four bytes more for each.
    pub const MOST_HEADER_BYTES: usize = 32 << 10;

    /// What its headers take of [`HttpRequest::MOST_HEADER_BYTES`].
    pub fn header_bytes(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
    }
}

/// A whole answer, redirects among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// 100 to 599, as a rule.
    pub status: u16,
    /// In the server's order.
    pub headers: Vec<(String, ByteBuf)>,
    /// At most [`Limits::http_response_bytes`].
    pub body: ByteBuf,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum HttpFailure {
    /// The operator has not granted this URL, or no http at all.
    #[error("denied: {0}")]
    Denied(String),
    /// The address that the URL's host has is not granted.
    #[error("denied: {0}, which http-private of its grant does not name")]
    Prohibited(String),
    /// It is no request that can be made.
    #[error("not a request: {0}")]
    BadRequest(String),
    /// The body is longer than so many bytes.
    #[error("not a request: its body is longer than the {0} bytes that it may have")]
    RequestTooLarge(u64),
    /// The name of the host is not resolved.
    #[error("no such host: {0}")]
    NoSuchHost(String),
    /// Nobody takes the connection.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// Nobody took the connection in time.
    #[error("no connection in time")]
    ConnectTimedOut,
    /// The server is not who it should be, or does not speak TLS.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The answer did not come, or did not end, in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection was closed before the answer was whole.
    #[error("the connection was closed: {0}")]
    Closed(String),
    /// The answer's headers are too many or too long.
    #[error("the headers of the answer are too many or too long")]
    HeadersTooLarge,
    /// The answer's body is longer than so many bytes.
    #[error("the answer is longer than the {0} bytes that it may have")]
    ResponseTooLarge(u64),
    /// The answer is no HTTP.
    #[error("the answer is not HTTP: {0}")]
    Protocol(String),
    /// The host could not.
    #[error("the host cannot ask: {0}")]
    Failed(String),
}

/// What a hook asks of the host while it runs.
///
/// Lengths are within [`Limits`]; everything else is as the hook said it, and is to be judged by who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostRequest {
    /// One line for the run's log, already without line breaks and clipped. Answer: [`HostReply::Logged`].
    Log {
        /// How grave.
        level: Level,
        /// One line.
        message: String,
    },
    /// All suites of an archive, sorted by name. Answer: [`HostReply::Suites`].
    Suites {
        /// As in the context.
        archive: String,
    },
    /// A page of the pass's changes. Answer: [`HostReply::Changes`]; empty at the end.
    Changes {
        /// How many to leave out.
        offset: u64,
        /// How many at the most, 1000 or fewer; 0 asks only whether the question is allowed.
        max: u32,
    },
    /// A page of an index. Answer: [`HostReply::Packages`]; empty at the end.
    Packages {
        /// Which index.
        index: Index,
        /// How many to leave out.
        offset: u64,
        /// How many at the most, 1000 or fewer; 0 asks only whether there is such an index.
        max: u32,
    },
    /// The files below a folder of the staged tree. Answer: [`HostReply::Files`].
    StagingList {
        /// Empty for the whole tree.
        folder: String,
    },
    /// A part of a staged file. Answer: [`HostReply::Content`].
    StagingRead {
        /// The file.
        path: String,
        /// Where to begin.
        offset: u64,
        /// How much at the most, 8 MiB or less.
        max_bytes: u32,
    },
    /// A whole file. Answer: [`HostReply::Staged`].
    StagingWrite {
        /// The file.
        path: String,
        /// Its content.
        #[serde(with = "serde_bytes")]
        content: Vec<u8>,
    },
    /// More for the end of a file written in this call. Answer: [`HostReply::Staged`].
    StagingAppend {
        /// The file.
        path: String,
        /// What is added.
        #[serde(with = "serde_bytes")]
        content: Vec<u8>,
    },
    /// Removes a staged file. Answer: [`HostReply::Staged`].
    StagingRemove {
        /// The file.
        path: String,
    },
    /// A value of the hook's memory. Answer: [`HostReply::Value`].
    StateGet {
        /// The key.
        key: String,
    },
    /// Keeps a value, if the hook succeeds. Answer: [`HostReply::Stored`].
    StateSet {
        /// The key.
        key: String,
        /// The value.
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
    },
    /// Forgets a value, if the hook succeeds. Answer: [`HostReply::Stored`].
    StateDelete {
        /// The key.
        key: String,
    },
    /// All keys, sorted. Answer: [`HostReply::Keys`].
    StateKeys,
    /// Signs a staged file into another. Answer: [`HostReply::Staged`].
    Sign {
        /// The file to sign.
        input: String,
        /// Where the signature, or the signed text, goes.
        output: String,
        /// Which of the two.
        mode: SigningMode,
    },
    /// A page of the files of an index's packages. Answer: [`HostReply::Contents`]; empty at the end.
    Contents {
        /// Which index.
        index: Index,
        /// Of which packages; empty for all.
        names: Vec<String>,
        /// With which beginnings of their paths; empty for all.
        below: Vec<String>,
        /// How many items to leave out.
        offset: u64,
        /// How many at the most, 1000 or fewer; 0 asks only whether there is such an index.
        max: u32,
    },
    /// The pass over an archive before this one. Answer: [`HostReply::PreviousPass`].
    PreviousPass {
        /// As in the context.
        archive: String,
    },
    /// The numbers of an archive's journal. Answer: [`HostReply::JournalNumbers`].
    JournalNumbers {
        /// As in the context.
        archive: String,
    },
    /// A page of the changes of a number. Answer: [`HostReply::JournalChanges`]; empty at the end.
    JournalChanges {
        /// As in the context.
        archive: String,
        /// Of the journal.
        number: u64,
        /// How many to leave out.
        offset: u64,
        /// How many at the most, 1000 or fewer; 0 asks only whether there is such a number.
        max: u32,
    },
    /// Asks a server of the network. Answer: [`HostReply::Http`].
    Http(HttpRequest),
}

/// What the host answers; each request says which one belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostReply {
    /// The line was taken.
    Logged,
    /// The suites.
    Suites(Result<Vec<Suite>, ArchiveError>),
    /// A page of changes.
    Changes(Result<Vec<Change>, ArchiveError>),
    /// A page of packages.
    Packages(Result<Vec<Package>, ArchiveError>),
    /// The files.
    Files(Result<Vec<Entry>, StagingError>),
    /// The bytes.
    Content(Result<ByteBuf, StagingError>),
    /// Whether something was done in the staged tree.
    Staged(Result<(), StagingError>),
    /// The value, if there is one.
    Value(Result<Option<ByteBuf>, StateError>),
    /// Whether something was done in the hook's memory.
    Stored(Result<(), StateError>),
    /// The keys.
    Keys(Result<Vec<String>, StateError>),
    /// A page of packages with their files.
    Contents(Result<Vec<PackageContents>, ArchiveError>),
    /// The pass, if there was one.
    PreviousPass(Result<Option<u64>, ArchiveError>),
    /// The first and the last number, if there is a journal.
    JournalNumbers(Result<Option<(u64, u64)>, ArchiveError>),
    /// A page of changes of files.
    JournalChanges(Result<Vec<FileChange>, ArchiveError>),
    /// What the server answered.
    Http(Result<HttpResponse, HttpFailure>),
}

/// Who answers what a hook asks.
///
/// Called in the order of the hook's questions, on the thread that called [`Sandbox::call`](crate::Sandbox::call).
/// What has not been granted by [`Capabilities`] never gets here. The time that an answer takes counts as the hook's.
pub trait HostServices {
    /// The answer to `request`, of the kind that [`HostRequest`] names for it.
    fn answer(&mut self, request: HostRequest) -> HostReply;
}

/// Which interfaces answer at all; which paths and keys within them is for [`HostServices`] to say. The default is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// `archive`.
    pub archive: bool,
    /// `staging`, in the pre-publication point only, whatever is said here.
    pub staging: bool,
    /// `state`.
    pub state: bool,
    /// `signing`, in the pre-publication point only, whatever is said here.
    pub signing: bool,
    /// `wasi:http`; which URLs, [`HostServices`] says.
    pub http: bool,
}

impl Capabilities {
    /// Everything that a hook can be granted.
    pub const ALL: Self = Self { archive: true, staging: true, state: true, signing: true, http: true };
}

/// One call of one hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What the hook is told; decides the point.
    pub context: Context,
    /// The operator's `[config]` as a JSON object; `{}` when there is none.
    pub config_json: String,
    /// What the call may cost.
    pub limits: Limits,
    /// What the hook may ask.
    pub capabilities: Capabilities,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallOutcome {
    /// All is well.
    Report(Report),
    /// The hook holds the pass, with its reason.
    Veto(String),
    /// Something outside was not there.
    Temporary(String),
    /// The hook says that it failed.
    Failed(String),
    /// The hook broke: a panic, or a broken rule of WASM. With the tail of what it wrote to its standard error.
    Trapped(String),
    /// The wall deadline was reached.
    TimedOut,
    /// A limit of the call was reached, and the hook ended because of it.
    LimitExceeded(LimitKind),
    /// The worker process died, hung, or said what no worker says. Nothing is known of the hook.
    WorkerLost(String),
    /// The artefact is not there, not the pinned one, made for another engine, or has no such point.
    NotLoadable(String),
}

/// Which limit it was; the names are those of [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LimitKind {
    /// `memory_bytes`.
    Memory,
    /// `stack_bytes`.
    Stack,
    /// `tables`, `table_elements`, `memories` or `instances`.
    Tables,
    /// `handles`.
    Handles,
    /// `host_calls`.
    HostCalls,
    /// `host_call_bytes`.
    HostCallBytes,
    /// `output_bytes`.
    Output,
    /// `random_bytes`.
    Random,
    /// `report_bytes`.
    Report,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Tables => "tables, memories or instances",
            Self::Handles => "handles",
            Self::HostCalls => "number of host calls",
            Self::HostCallBytes => "bytes in one host call",
            Self::Output => "bytes on standard output and error",
            Self::Random => "random bytes",
            Self::Report => "bytes of the report",
        })
    }
}

/// What is known of a call when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// How it ended.
    pub outcome: CallOutcome,
    /// From the start of the worker to its end.
    pub duration: Duration,
    /// The most linear memory that the guest had at once, in all its memories.
    pub peak_memory_bytes: u64,
    /// How many instructions the guest took, as the engine counts them; only of a [metered](crate::Sandbox::metered) call that came to an end.
    pub fuel: Option<u64>,
    /// How many questions were asked of the host, log lines not among them.
    pub host_calls: u64,
    /// Lines beyond `log_lines` and `log_bytes`, which nobody has seen.
    pub log_lines_dropped: u64,
    /// The last of what the guest wrote to its standard output, as text.
    pub stdout_tail: String,
    /// The last of what the guest wrote to its standard error, as text; that of the worker itself when it was lost.
    pub stderr_tail: String,
    /// Which of the kernel's walls stood around it, if the worker could still say so.
    pub walls: Option<Walls>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_read_as_they_print() {
        for point in Point::ALL {
            assert_eq!(point.to_string().parse(), Ok(point));
        }
        for text in ["", "Finalize", "publish-distro", "pre_publication"] {
            assert_eq!(text.parse::<Point>(), Err(UnknownPoint(text.to_owned())));
        }
    }
}
