//! What a hook is told and what it answers.

use std::fmt;

use crate::bindings::imports::pressroom::hooks as wit;

pub use wit::{
    archive::{Action, ArchiveError, Change, Index, Package, PackageContents, PackageKind},
    journal::{File as ChangedFile, FileChange, Link as ChangedLink, Span as JournalNumbers},
    log::Level,
    signing::Mode as SigningMode,
    staging::{Entry, StagingError},
    state::StateError,
    types::{Outcome, Pocket, Suite},
};

/// How urgent a pass is. Every hook decides for itself what it does at which priority.
///
/// ```
/// use pressroom_plugin::{Priority, Report, testing};
///
/// fn wants(priority: Priority) -> bool {
///     match priority {
///         Priority::High => true,
///         // what means nothing yet is nothing that mirrors wait for
///         Priority::Low | Priority::Other(_) => false,
///     }
/// }
///
/// assert!(!wants(testing::pass_context().priority));
/// assert_eq!(Priority::from(0), Priority::High);
/// assert_eq!(Priority::High.to_string(), "high");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Priority {
    /// 0: the fast track of security updates, which mirrors wait for.
    High,
    /// 1: the normal pass.
    Low,
    /// A number that means nothing yet.
    Other(u8),
}

impl Priority {
    /// The number, as an executable hook gets it.
    ///
    /// ```
    /// use pressroom_plugin::Priority;
    ///
    /// assert_eq!([Priority::High, Priority::Low, Priority::Other(7)].map(Priority::number), [0, 1, 7]);
    /// ```
    pub fn number(self) -> u8 {
        match self {
            Self::High => 0,
            Self::Low => 1,
            Self::Other(number) => number,
        }
    }
}

impl From<u8> for Priority {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::High,
            1 => Self::Low,
            number => Self::Other(number),
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::High => formatter.write_str("high"),
            Self::Low => formatter.write_str("low"),
            Self::Other(number) => write!(formatter, "{number}"),
        }
    }
}

/// One pass over one archive.
///
/// ```
/// use pressroom_plugin::{PassContext, Priority, testing};
///
/// let context = PassContext { priority: Priority::High, ..testing::pass_context() };
/// let suites: Vec<&str> = context.suites.iter().map(|suite| suite.name.as_str()).collect();
/// assert_eq!((context.archive.as_str(), suites), ("debian", vec!["bookworm"]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassContext {
    /// The number of the run.
    pub run: u64,
    /// The number of the pass; one run has one or two.
    pub pass: u64,
    /// How urgent it is.
    pub priority: Priority,
    /// The distribution.
    pub distribution: String,
    /// `debian` for the primary archive of debian, `debian/partner` for another one of it.
    pub archive: String,
    /// The suites that this pass publishes.
    pub suites: Vec<Suite>,
    /// The one clock of the run, in seconds since 1970-01-01T00:00:00Z.
    pub started: u64,
    /// The name of the publishing host.
    pub site_name: String,
    /// Nothing will be installed: say what would be done.
    pub dry_run: bool,
}

/// The end of a pass for a whole distribution.
///
/// ```
/// use pressroom_plugin::{FinalizeContext, testing};
///
/// let archives = vec!["debian".to_owned(), "debian/partner".to_owned()];
/// let context = FinalizeContext { archives, ..testing::finalize_context() };
/// assert_eq!(context.archives.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalizeContext {
    /// The number of the run.
    pub run: u64,
    /// The number of the pass; one run has one or two.
    pub pass: u64,
    /// How urgent it is.
    pub priority: Priority,
    /// The distribution.
    pub distribution: String,
    /// The archives in which this pass installed something.
    pub archives: Vec<String>,
    /// The suites that this pass published, in all these archives.
    pub suites: Vec<Suite>,
    /// The one clock of the run, in seconds since 1970-01-01T00:00:00Z.
    pub started: u64,
    /// The name of the publishing host.
    pub site_name: String,
    /// Nothing will be installed: say what would be done.
    pub dry_run: bool,
}

/// What a hook says when all is well.
///
/// ```
/// use pressroom_plugin::{Outcome, Report};
///
/// let report = Report::done("2 files written").with_details("indices/a\nindices/b\n");
/// assert_eq!((report.outcome, report.summary.as_str()), (Outcome::Done, "2 files written"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether there was anything to do.
    pub outcome: Outcome,
    /// One line for `pressroom history`.
    pub summary: String,
    /// Anything longer, for a person or a program; may be empty.
    pub details: String,
}

impl Report {
    /// The work is done.
    ///
    /// ```
    /// use pressroom_plugin::{Outcome, Report};
    ///
    /// assert_eq!(Report::done("wrote project/motd").outcome, Outcome::Done);
    /// ```
    pub fn done(summary: impl Into<String>) -> Self {
        Self { outcome: Outcome::Done, summary: summary.into(), details: String::new() }
    }

    /// There was nothing to do, and why.
    ///
    /// ```
    /// use pressroom_plugin::{Outcome, Report};
    ///
    /// assert_eq!(Report::skipped("only security passes are announced").outcome, Outcome::Skipped);
    /// ```
    pub fn skipped(summary: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, summary: summary.into(), details: String::new() }
    }

    /// The same with something longer to say.
    ///
    /// ```
    /// use pressroom_plugin::Report;
    ///
    /// assert_eq!(Report::done("2 packages").with_details("bash\nzlib\n").details, "bash\nzlib\n");
    /// ```
    #[must_use]
    pub fn with_details(self, details: impl Into<String>) -> Self {
        Self { details: details.into(), ..self }
    }
}

/// Why a hook could not, or would not. What the host refuses becomes a failure by `?`.
///
/// ```
/// use pressroom_plugin::{Host, HookError, testing::FakeHost};
///
/// fn remember(host: &mut dyn Host) -> Result<(), HookError> {
///     host.state_set("seen", b"yes")?;
///     Ok(())
/// }
///
/// let mut host = FakeHost { denied: ["state".to_owned()].into(), ..FakeHost::default() };
/// assert_eq!(remember(&mut host), Err(HookError::failed("`state` is not granted to this hook")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookError {
    /// Hold this pass: nothing is installed, everything stays pending, the reason is shown to the operators.
    Veto(String),
    /// Something outside was not there; the next run tries again.
    Temporary(String),
    /// Anything else.
    Failed(String),
}

impl HookError {
    /// Holds the pass.
    ///
    /// ```
    /// use pressroom_plugin::HookError;
    ///
    /// assert_eq!(HookError::veto("zlib is held").to_string(), "veto: zlib is held");
    /// ```
    pub fn veto(reason: impl Into<String>) -> Self {
        Self::Veto(reason.into())
    }

    /// Asks for another try at the next run.
    ///
    /// ```
    /// use pressroom_plugin::HookError;
    ///
    /// let error = HookError::temporary("the mirror does not answer");
    /// assert_eq!(error, HookError::Temporary("the mirror does not answer".into()));
    /// ```
    pub fn temporary(reason: impl Into<String>) -> Self {
        Self::Temporary(reason.into())
    }

    /// Fails.
    ///
    /// ```
    /// use pressroom_plugin::HookError;
    ///
    /// assert_eq!(HookError::failed("no such suite").to_string(), "no such suite");
    /// ```
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Veto(reason) => write!(formatter, "veto: {reason}"),
            Self::Temporary(reason) => write!(formatter, "temporary failure: {reason}"),
            Self::Failed(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for HookError {}

impl From<ArchiveError> for HookError {
    fn from(error: ArchiveError) -> Self {
        Self::Failed(match error {
            ArchiveError::Unknown(what) => format!("the host does not know {what}"),
            ArchiveError::Denied => "`archive` is not granted to this hook".to_owned(),
            ArchiveError::Failed(reason) => format!("the host cannot answer: {reason}"),
        })
    }
}

impl From<StagingError> for HookError {
    fn from(error: StagingError) -> Self {
        Self::Failed(match error {
            StagingError::NotFound => "there is no such file in the staged tree".to_owned(),
            StagingError::BadPath(path) => format!("not a path in the staged tree: {path}"),
            StagingError::Denied(what) => format!("not granted to this hook: {what}"),
            StagingError::Quota(what) => format!("more than the operator allows: {what}"),
            StagingError::Failed(reason) => format!("the host cannot change the staged tree: {reason}"),
        })
    }
}

impl From<StateError> for HookError {
    fn from(error: StateError) -> Self {
        Self::Failed(match error {
            StateError::Denied => "`state` is not granted to this hook".to_owned(),
            StateError::BadKey(key) => format!("not a key of the state: {key}"),
            StateError::Quota(what) => format!("more state than the operator allows: {what}"),
            StateError::Failed(reason) => format!("the host cannot keep the state: {reason}"),
        })
    }
}

impl From<wit::types::PassContext> for PassContext {
    fn from(context: wit::types::PassContext) -> Self {
        let wit::types::PassContext {
            run,
            pass,
            priority,
            distribution,
            archive,
            suites,
            started,
            site_name,
            dry_run,
        } = context;
        let priority = priority.into();
        Self { run, pass, priority, distribution, archive, suites, started, site_name, dry_run }
    }
}

impl From<wit::types::FinalizeContext> for FinalizeContext {
    fn from(context: wit::types::FinalizeContext) -> Self {
        let wit::types::FinalizeContext {
            run,
            pass,
            priority,
            distribution,
            archives,
            suites,
            started,
            site_name,
            dry_run,
        } = context;
        let priority = priority.into();
        Self { run, pass, priority, distribution, archives, suites, started, site_name, dry_run }
    }
}

impl From<Report> for wit::types::Report {
    fn from(report: Report) -> Self {
        let Report { outcome, summary, details } = report;
        Self { outcome, summary, details }
    }
}

impl From<HookError> for wit::types::HookError {
    fn from(error: HookError) -> Self {
        match error {
            HookError::Veto(reason) => Self::Veto(reason),
            HookError::Temporary(reason) => Self::Temporary(reason),
            HookError::Failed(reason) => Self::Failed(reason),
        }
    }
}
