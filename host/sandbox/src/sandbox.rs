//! The host's side of the door: starts a worker for every call, answers what it asks, and tells how it ended.
//!
//! The worker runs native code made from what nobody has reason to trust. So it is believed in nothing: what it may ask is
//! decided here, what it says is counted here again, and it is killed when it takes too long. Whatever it does, the
//! caller gets a [`CallReport`].

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Sha256,
    engine::Metering,
    frames::{FromWorker, Insistence, Native, Order, WorkerReport},
    messages::{
        ArchiveError, Call, CallOutcome, CallReport, HostReply, HostRequest, HostServices, HttpFailure,
        HttpRequest, Point, Report, StagingError, StateError,
    },
    process::{Loss, WorkerCommand, WorkerProcess, deadline},
    text,
    walls::Walls,
};

/// How much longer than its wall deadline a worker may live, to tell how the call ended.
const GRACE: Duration = Duration::from_secs(1);

/// How long the instantiation of a hook may take when it is checked: one in Python takes a millisecond.
const CHECK_WALL: Duration = Duration::from_secs(10);
/// How long a worker may take to say which walls stand.
const PROBE_WALL: Duration = Duration::from_secs(10);

/// What a frame takes beside the longest thing in it: the texts of a trap, the tails of the output.
const FRAME_SLACK_BYTES: usize = 64 << 10;
/// How many changes or packages are in one page at the most.
const MOST_PAGE_ITEMS: u32 = 1_000;
/// How much of a file is read at once at the most.
const MOST_READ_BYTES: u32 = 8 << 20;

/// Runs hooks, each call in a process of its own.
#[derive(Debug, Clone)]
pub struct Sandbox {
    worker: WorkerCommand,
    walls: Insistence,
    metering: Metering,
    ahead: Arc<Mutex<Ahead>>,
}

/// What was done for calls that are to come. Clones of a sandbox share it.
#[derive(Debug, Default)]
struct Ahead {
    /// How many calls are to come.
    calls: usize,
    /// A worker that waits for its order: starting a process takes as long as a short call, and can be done while others work.
    worker: Option<WorkerProcess>,
    /// One that has said all it had to say and was killed, and is being taken apart by the kernel.
    ended: Option<WorkerProcess>,
}

/// Native code of a component, as [`Sandbox::compile`] made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Absolute; in a folder that only the host may write.
    pub path: PathBuf,
    /// The digest of that file. A file with another one is not loaded.
    pub sha256: Sha256,
}

/// Why a hook cannot be instantiated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// It does not fit this host, or breaks when it is instantiated.
    #[error("the hook cannot be instantiated: {0}")]
    Refused(String),
    /// It took too long, or too much.
    #[error("the hook cannot be instantiated within the limits: {0}")]
    TooDear(String),
    /// The worker died, or could not be started.
    #[error("the check was not made: {0}")]
    WorkerLost(String),
}

impl Sandbox {
    /// A sandbox whose workers are started in this way.
    pub fn new(worker: WorkerCommand) -> Self {
        Self { worker, walls: Insistence::WhatThereIs, metering: Metering::Off, ahead: Arc::default() }
    }

    /// The same, but hooks run only where each of the kernel's walls stands, or also where one is missing. The worker sees to it before
    /// anything of the hook runs; the outcome is then [`CallOutcome::NotLoadable`].
    #[must_use]
    pub fn requiring_walls(self, required: bool) -> Self {
        Self { walls: if required { Insistence::All } else { Insistence::WhatThereIs }, ..self }
    }

    /// Which of the kernel's walls stand around a worker on this machine: one is started that confines itself, tries what it must no longer be
    /// able to, and leaves.
    ///
    /// # Errors
    /// When the worker cannot be started, or dies.
    pub fn walls(&self) -> Result<Walls, CheckError> {
        let lost = |loss: Loss| CheckError::WorkerLost(text::chain(&loss));
        let mut worker =
            WorkerProcess::start(&self.worker, deadline(Instant::now(), PROBE_WALL)).map_err(lost)?;
        match worker.send(&Order::Probe).and_then(|()| worker.receive(FRAME_SLACK_BYTES)) {
            Ok(FromWorker::Walls(walls)) => Ok(walls.tidy()),
            Ok(FromWorker::Request(_) | FromWorker::Finished(_) | FromWorker::Compiled(_)) => {
                Err(CheckError::WorkerLost("a message came out of turn".to_owned()))
            }
            Err(loss) => {
                let ending = worker.end(&loss);
                let status = ending.status.unwrap_or_else(|| "no status".to_owned());
                Err(CheckError::WorkerLost(format!("{} ({status})", text::chain(&loss))))
            }
        }
    }

    /// The same, but hooks are compiled so that they count what they do, and every [`CallReport`] has its `fuel`. For authors: what such a
    /// sandbox compiles only such a sandbox can call, and it is slower.
    #[must_use]
    pub fn metered(self) -> Self {
        Self { metering: Metering::Fuel, ..self }
    }

    /// Says that so many calls are to come, so that the worker of each can be started before it is called: the first now, each of the others while
    /// the one before it works. A call that was not expected starts its own; a worker that is not called is killed with the sandbox.
    pub fn expect(&self, calls: usize) {
        let mut ahead = self.ahead();
        ahead.calls = calls;
        self.start_ahead(&mut ahead);
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_ahead(&self, ahead: &mut Ahead) {
        if ahead.calls > 0 && ahead.worker.is_none() {
            // one that cannot be started says so when it is called
            ahead.worker = WorkerProcess::start(&self.worker, deadline(Instant::now(), Duration::MAX)).ok();
        }
    }

    /// A worker that has until `until`: the one that waits, or a new one.
    fn take_worker(&self, until: Instant) -> Result<WorkerProcess, Loss> {
        let mut ahead = self.ahead();
        ahead.calls = ahead.calls.saturating_sub(1);
        match ahead.worker.take().and_then(|worker| worker.awake(until)) {
            Some(worker) => Ok(worker),
            None => WorkerProcess::start(&self.worker, until),
        }
    }

    /// Calls a hook in a fresh instance in a fresh process.
    ///
    /// Does not fail: everything that can happen is a [`CallOutcome`]. Takes no longer than the wall deadline and a second,
    /// if `host` does not.
    pub fn call(&self, artefact: &Artefact, call: &Call, host: &mut dyn HostServices) -> CallReport {
        let artefact = artefact.into();
        let (walls, metering) = (self.walls, self.metering);
        self.run(&Order::Call { artefact, call: call.clone(), walls, metering }, call, host)
    }

    /// Instantiates a hook without calling it, with nothing granted: a changed record, a missing interface or an
    /// unknown import shows only then.
    ///
    /// # Errors
    /// When the hook does not fit this host, or does not export one of `points`.
    pub fn check(&self, artefact: &Artefact, points: &[Point]) -> Result<(), CheckError> {
        let call = nothing_granted();
        let order = Order::Check {
            artefact: artefact.into(),
            call: call.clone(),
            points: points.to_vec(),
            walls: self.walls,
            metering: self.metering,
        };
        match self.run(&order, &call, &mut DenyAll).outcome {
            CallOutcome::Report(_) => Ok(()),
            CallOutcome::NotLoadable(reason)
            | CallOutcome::Trapped(reason)
            | CallOutcome::Veto(reason)
            | CallOutcome::Temporary(reason)
            | CallOutcome::Failed(reason) => Err(CheckError::Refused(reason)),
            CallOutcome::TimedOut => Err(CheckError::TooDear("the deadline was reached".to_owned())),
            CallOutcome::LimitExceeded(limit) => Err(CheckError::TooDear(limit.to_string())),
            CallOutcome::WorkerLost(reason) => Err(CheckError::WorkerLost(reason)),
        }
    }

    /// The command that starts a worker.
    pub(crate) fn worker(&self) -> &WorkerCommand {
        &self.worker
    }

    /// What becomes of a component where a wall is missing.
    pub(crate) const fn insistence(&self) -> Insistence {
        self.walls
    }

    /// Whether hooks count what they do.
    pub(crate) const fn metering(&self) -> Metering {
        self.metering
    }

    fn run(&self, order: &Order, call: &Call, host: &mut dyn HostServices) -> CallReport {
        let begin = Instant::now();
        let mut guard = Guard { call, host, host_calls: 0, http_requests: 0, log_lines: 0, log_bytes: 0 };
        let finished = self
            .take_worker(deadline(begin, call.limits.wall.saturating_add(GRACE)))
            .map_err(|loss| (loss, None))
            .and_then(|mut worker| {
                match guard.converse(&mut worker, order, || self.start_ahead(&mut self.ahead())) {
                    Ok(report) => {
                        worker.kill();
                        self.ahead().ended = Some(worker);
                        Ok(report)
                    }
                    Err(loss) => {
                        let ending = worker.end(&loss);
                        Err((loss, Some(ending)))
                    }
                }
            });
        let host_calls = guard.host_calls;
        let lost = |outcome, stderr_tail| CallReport {
            outcome,
            duration: begin.elapsed(),
            peak_memory_bytes: 0,
            fuel: None,
            host_calls,
            log_lines_dropped: 0,
            stdout_tail: String::new(),
            stderr_tail,
            walls: None,
        };
        match finished {
            Ok(report) if said_too_much(&report, call) => lost(
                CallOutcome::WorkerLost("the worker broke the limits of its report".to_owned()),
                String::new(),
            ),
            Ok(report) => CallReport {
                outcome: tidy(report.outcome),
                duration: begin.elapsed(),
                peak_memory_bytes: report.peak_memory_bytes,
                fuel: report.fuel,
                host_calls,
                log_lines_dropped: report.log_lines_dropped,
                stdout_tail: text::plain(&report.stdout_tail),
                stderr_tail: text::plain(&report.stderr_tail),
                walls: Some(report.walls.tidy()),
            },
            Err((Loss::Deadline, ending)) => lost(
                CallOutcome::TimedOut,
                ending.map(|ending| text::plain(&ending.stderr_tail)).unwrap_or_default(),
            ),
            Err((loss, ending)) => {
                let mut reason = text::chain(&loss);
                let mut stderr_tail = String::new();
                if let Some(ending) = ending {
                    stderr_tail = text::plain(&ending.stderr_tail);
                    if let Some(status) = ending.status {
                        reason = format!("{reason} ({status})");
                        // What seccomp ends is an attempt at something, not an accident.
                        if status.contains("SIGSYS") {
                            reason.push_str(": it asked the kernel for what no hook has a use for");
                        }
                    }
                }
                lost(CallOutcome::WorkerLost(reason), stderr_tail)
            }
        }
    }
}

impl From<&Artefact> for Native {
    fn from(artefact: &Artefact) -> Self {
        Self { path: artefact.path.clone(), sha256: artefact.sha256 }
    }
}

/// Stands between a worker and the services: what was not granted ends here, and so does a worker that asks for more than
/// its own limits let it.
struct Guard<'call> {
    call: &'call Call,
    host: &'call mut dyn HostServices,
    host_calls: u64,
    http_requests: u32,
    log_lines: u32,
    log_bytes: usize,
}

impl Guard<'_> {
    /// Gives the order, and answers until the end; `meanwhile` is done when the worker has begun.
    fn converse(
        &mut self,
        worker: &mut WorkerProcess,
        order: &Order,
        meanwhile: impl FnOnce(),
    ) -> Result<WorkerReport, Loss> {
        let limits = &self.call.limits;
        let most_bytes = limits.host_call_bytes.max(limits.report_bytes) as usize + FRAME_SLACK_BYTES;
        worker.send(order)?;
        meanwhile();
        loop {
            match worker.receive(most_bytes)? {
                FromWorker::Request(request) => {
                    let reply = self.answer(request)?;
                    match worker.send(&reply) {
                        // The host's own answer is too long for a frame: that is not the worker's fault.
                        Err(Loss::Garbage(_)) => worker.send(&too_long(&reply))?,
                        other => other?,
                    }
                }
                FromWorker::Finished(report) => return Ok(report),
                FromWorker::Compiled(_) | FromWorker::Walls(_) => return Err(out_of_turn()),
            }
        }
    }

    fn answer(&mut self, request: HostRequest) -> Result<HostReply, Loss> {
        let limits = &self.call.limits;
        if let HostRequest::Log { level, message } = request {
            self.log_lines = self.log_lines.saturating_add(1);
            self.log_bytes = self.log_bytes.saturating_add(message.len());
            if self.log_lines > limits.log_lines || self.log_bytes > limits.log_bytes as usize {
                return Err(out_of_turn());
            }
            return Ok(self.host.answer(HostRequest::Log { level, message: text::one_line(&message) }));
        }
        self.host_calls += 1;
        if self.host_calls > limits.host_calls {
            return Err(out_of_turn());
        }
        if let HostRequest::Http(request) = &request {
            self.http_requests = self.http_requests.saturating_add(1);
            if self.http_requests > limits.http_requests || is_oversized(request, limits) {
                return Err(out_of_turn());
            }
        }
        Ok(match self.denial(&request) {
            Some(denial) => denial,
            None => self.host.answer(bounded(request)),
        })
    }

    /// The answer to what was not granted.
    fn denial(&self, request: &HostRequest) -> Option<HostReply> {
        let granted = self.call.capabilities;
        let in_tree = self.call.context.point() == Point::PrePublication;
        let denied = |what: &str| {
            StagingError::Denied(if in_tree {
                format!("{what} is not granted to this hook")
            } else {
                format!("{what} is there for pre-publication hooks only")
            })
        };
        let (granted, denial) = match request {
            HostRequest::Log { .. } => (true, HostReply::Logged),
            HostRequest::Suites { .. } => (granted.archive, HostReply::Suites(Err(ArchiveError::Denied))),
            HostRequest::Changes { .. } => (granted.archive, HostReply::Changes(Err(ArchiveError::Denied))),
            HostRequest::Packages { .. } => (granted.archive, HostReply::Packages(Err(ArchiveError::Denied))),
            HostRequest::Contents { .. } => (granted.archive, HostReply::Contents(Err(ArchiveError::Denied))),
            HostRequest::PreviousPass { .. } => {
                (granted.archive, HostReply::PreviousPass(Err(ArchiveError::Denied)))
            }
            HostRequest::JournalNumbers { .. } => {
                (granted.archive, HostReply::JournalNumbers(Err(ArchiveError::Denied)))
            }
            HostRequest::JournalChanges { .. } => {
                (granted.archive, HostReply::JournalChanges(Err(ArchiveError::Denied)))
            }
            HostRequest::StagingList { .. } => {
                (granted.staging && in_tree, HostReply::Files(Err(denied("staging"))))
            }
            HostRequest::StagingRead { .. } => {
                (granted.staging && in_tree, HostReply::Content(Err(denied("staging"))))
            }
            HostRequest::StagingWrite { .. }
            | HostRequest::StagingAppend { .. }
            | HostRequest::StagingRemove { .. } => {
                (granted.staging && in_tree, HostReply::Staged(Err(denied("staging"))))
            }
            HostRequest::Sign { .. } => {
                (granted.signing && in_tree, HostReply::Staged(Err(denied("signing"))))
            }
            HostRequest::StateGet { .. } => (granted.state, HostReply::Value(Err(StateError::Denied))),
            HostRequest::StateSet { .. } | HostRequest::StateDelete { .. } => {
                (granted.state, HostReply::Stored(Err(StateError::Denied)))
            }
            HostRequest::StateKeys => (granted.state, HostReply::Keys(Err(StateError::Denied))),
            HostRequest::Http(_) => {
                let reason = "http is not granted to this hook".to_owned();
                (granted.http, HostReply::Http(Err(HttpFailure::Denied(reason))))
            }
        };
        (!granted).then_some(denial)
    }
}

/// Whether a request is longer than the worker would have let the guest make it.
fn is_oversized(request: &HttpRequest, limits: &crate::Limits) -> bool {
    request.url.len() > HttpRequest::MOST_URL_BYTES
        || request.header_bytes() > HttpRequest::MOST_HEADER_BYTES
        || request.body.len() > limits.most_http_request_bytes()
}

/// A question for no more than what is given at once, whatever is asked for.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others ask for no amount")]
fn bounded(request: HostRequest) -> HostRequest {
    match request {
        HostRequest::Changes { offset, max } => {
            HostRequest::Changes { offset, max: max.min(MOST_PAGE_ITEMS) }
        }
        HostRequest::Packages { index, offset, max } => {
            HostRequest::Packages { index, offset, max: max.min(MOST_PAGE_ITEMS) }
        }
        HostRequest::Contents { index, names, below, offset, max } => {
            HostRequest::Contents { index, names, below, offset, max: max.min(MOST_PAGE_ITEMS) }
        }
        HostRequest::JournalChanges { archive, number, offset, max } => {
            HostRequest::JournalChanges { archive, number, offset, max: max.min(MOST_PAGE_ITEMS) }
        }
        HostRequest::StagingRead { path, offset, max_bytes } => {
            HostRequest::StagingRead { path, offset, max_bytes: max_bytes.min(MOST_READ_BYTES) }
        }
        other => other,
    }
}

/// Answers nothing: for checks, in which a hook has no business to ask.
struct DenyAll;

impl HostServices for DenyAll {
    fn answer(&mut self, _request: HostRequest) -> HostReply {
        HostReply::Logged
    }
}

fn nothing_granted() -> Call {
    Call {
        context: crate::Context::Finalize(crate::FinalizeContext {
            run: 0,
            pass: 0,
            priority: 1,
            distribution: String::new(),
            archives: Vec::new(),
            suites: Vec::new(),
            started: 0,
            site_name: String::new(),
            dry_run: true,
        }),
        config_json: "{}".to_owned(),
        limits: crate::Limits { wall: CHECK_WALL, ..crate::Limits::default() },
        capabilities: crate::Capabilities::default(),
    }
}

fn out_of_turn() -> Loss {
    Loss::Garbage(crate::frames::FrameError::OutOfTurn)
}

/// The same kind of answer, saying that the host could not.
fn too_long(reply: &HostReply) -> HostReply {
    let reason = "the answer is too long for one question: ask for less".to_owned();
    match reply {
        HostReply::Logged => HostReply::Logged,
        HostReply::Suites(_) => HostReply::Suites(Err(ArchiveError::Failed(reason))),
        HostReply::Changes(_) => HostReply::Changes(Err(ArchiveError::Failed(reason))),
        HostReply::Packages(_) => HostReply::Packages(Err(ArchiveError::Failed(reason))),
        HostReply::Files(_) => HostReply::Files(Err(StagingError::Failed(reason))),
        HostReply::Content(_) => HostReply::Content(Err(StagingError::Failed(reason))),
        HostReply::Staged(_) => HostReply::Staged(Err(StagingError::Failed(reason))),
        HostReply::Value(_) => HostReply::Value(Err(StateError::Failed(reason))),
        HostReply::Stored(_) => HostReply::Stored(Err(StateError::Failed(reason))),
        HostReply::Keys(_) => HostReply::Keys(Err(StateError::Failed(reason))),
        HostReply::Contents(_) => HostReply::Contents(Err(ArchiveError::Failed(reason))),
        HostReply::PreviousPass(_) => HostReply::PreviousPass(Err(ArchiveError::Failed(reason))),
        HostReply::JournalNumbers(_) => HostReply::JournalNumbers(Err(ArchiveError::Failed(reason))),
        HostReply::JournalChanges(_) => HostReply::JournalChanges(Err(ArchiveError::Failed(reason))),
        HostReply::Http(_) => HostReply::Http(Err(HttpFailure::Failed(reason))),
    }
}

/// Whether a report is longer than the worker would have let the hook make it.
fn said_too_much(report: &WorkerReport, call: &Call) -> bool {
    let own_words = 4 * text::MOST_LINE_BYTES;
    let by_hook = call.limits.report_bytes as usize;
    let (said, most) = match &report.outcome {
        CallOutcome::Report(Report { summary, details, .. }) => (summary.len() + details.len(), by_hook),
        CallOutcome::Veto(reason) | CallOutcome::Temporary(reason) | CallOutcome::Failed(reason) => {
            (reason.len(), by_hook)
        }
        // The worker's own words are not counted by the operator's limit.
        CallOutcome::Trapped(reason) | CallOutcome::WorkerLost(reason) | CallOutcome::NotLoadable(reason) => {
            (reason.len(), own_words)
        }
        CallOutcome::TimedOut | CallOutcome::LimitExceeded(_) => (0, 0),
    };
    said > most || report.stdout_tail.len() > own_words || report.stderr_tail.len() > own_words
}

/// What a hook says, without what a terminal would obey; its summary in one line.
fn tidy(outcome: CallOutcome) -> CallOutcome {
    match outcome {
        CallOutcome::Report(report) => CallOutcome::Report(Report {
            outcome: report.outcome,
            summary: text::one_line(&report.summary),
            details: text::plain(&report.details),
        }),
        CallOutcome::Veto(reason) => CallOutcome::Veto(text::plain(&reason)),
        CallOutcome::Temporary(reason) => CallOutcome::Temporary(text::plain(&reason)),
        CallOutcome::Failed(reason) => CallOutcome::Failed(text::plain(&reason)),
        CallOutcome::Trapped(reason) => CallOutcome::Trapped(text::plain(&reason)),
        CallOutcome::WorkerLost(reason) => CallOutcome::WorkerLost(text::plain(&reason)),
        CallOutcome::NotLoadable(reason) => CallOutcome::NotLoadable(text::plain(&reason)),
        CallOutcome::TimedOut => CallOutcome::TimedOut,
        CallOutcome::LimitExceeded(limit) => CallOutcome::LimitExceeded(limit),
    }
}
