//! One call of one hook: a fresh store and instance, everything in it counted, nothing left over.

use std::{
    fs::File,
    io::Read,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use wasmtime::{
    Engine, ResourceLimiter, Store, Trap, UpdateDeadline,
    component::{Component, HasSelf, InstancePre, Linker, ResourceTable},
};
use wasmtime_wasi::{
    HostWallClock, WasiCtx, WasiCtxView, WasiView,
    p2::bindings::random::{insecure, random},
    random::WasiRandomCtx,
};

use super::{
    WorkerError,
    bindings::{self, points},
    bridge::{Bridge, BridgeError, Pipe},
    confine::Confinement,
    http::{self, Http},
    output::Output,
};
use crate::{
    Sha256,
    engine::{Metering, engine},
    frames::{self, FromWorker, Insistence, Native, WorkerReport},
    limits::Limits,
    messages::{Call, CallOutcome, Context, LimitKind, Outcome, Point, Report},
    text,
    walls::Walls,
};

/// How often the guest is looked at: a deadline is kept to this.
const TICK: Duration = Duration::from_millis(10);
/// What a metered guest starts with: it is measured by this, not limited.
const FULL_TANK: u64 = u64::MAX;

/// What a store holds for its guest.
pub(super) struct GuestState {
    pub(super) bridge: Bridge,
    pub(super) config_json: String,
    pub(super) handles: ResourceTable,
    pub(super) http: Http,
    wasi: WasiCtx,
    random: WasiRandomCtx,
    random_bytes_left: u64,
    meter: Meter,
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.handles }
    }
}

/// Calls a hook, or only instantiates it if it is to be checked for points, and tells the parent how it ended.
pub(super) fn call(
    mut confinement: Confinement,
    pipe: Pipe,
    artefact: &Native,
    call: Call,
    check: Option<Vec<Point>>,
    insistence: Insistence,
    metering: Metering,
) -> Result<(), WorkerError> {
    let deadline = crate::process::deadline(Instant::now(), call.limits.wall);
    let code = match read_artefact(artefact) {
        Ok(code) => code,
        Err(reason) => return not_run(pipe, reason, confinement.walls()),
    };
    confinement.before_loading(&call.limits, code.len() as u64);
    let (engine, component) = match load(&code, &call.limits, metering) {
        Ok(loaded) => loaded,
        Err(reason) => return not_run(pipe, reason, confinement.walls()),
    };
    drop(code);
    confinement.after_loading();
    let walls = confinement.walls();
    if let (Insistence::All, Some(missing)) = (insistence, walls.missing()) {
        let reason = format!("a wall that has to stand around hooks is missing: {missing}");
        return not_run(pipe, reason, walls);
    }

    let [stdout, stderr] = Output::pair(call.limits.output_bytes);
    let limits = call.limits.clone();
    let mut store = store(&engine, pipe, &call, [&stdout, &stderr], deadline);
    if metering == Metering::Fuel {
        // fails only where the engine was not made for it, which this one was
        let _ = store.set_fuel(FULL_TANK);
    }
    let outcome = {
        let _ticker = Ticker::start(&engine);
        run(&mut store, &engine, &component, call.context, check, deadline)
    };
    // fails exactly where code does not count
    let fuel = store.get_fuel().ok().map(|left| FULL_TANK - left);
    let state = store.into_data();
    let outcome = match outcome {
        Ok(outcome) if said_bytes(&outcome) > limits.report_bytes as usize => {
            CallOutcome::LimitExceeded(LimitKind::Report)
        }
        Ok(outcome) => outcome,
        Err(error) => explain(&error, &state.meter, &stderr.tail()),
    };
    let report = WorkerReport {
        outcome,
        peak_memory_bytes: state.meter.peak_memory_bytes as u64,
        fuel,
        log_lines_dropped: state.bridge.log_lines_dropped(),
        stdout_tail: stdout.tail(),
        stderr_tail: stderr.tail(),
        walls,
    };
    match state.bridge.into_pipe() {
        Some(pipe) => tell(pipe, report),
        None => Ok(()),
    }
}

/// Reads the artefact and holds it against its digest: only these very bytes are loaded.
fn read_artefact(artefact: &Native) -> Result<Vec<u8>, String> {
    let path = artefact.path.display();
    let mut code = Vec::new();
    File::open(&artefact.path)
        .and_then(|mut file| file.read_to_end(&mut code))
        .map_err(|error| format!("cannot read {path}: {error}"))?;
    let found = Sha256::of(&code);
    if found != artefact.sha256 {
        return Err(format!(
            "{path} is not what was compiled: its sha256 is {found}, not {}",
            artefact.sha256
        ));
    }
    Ok(code)
}

fn load(code: &[u8], limits: &Limits, metering: Metering) -> Result<(Engine, Component), String> {
    let engine = engine(limits, metering).map_err(|error| format!("no engine: {error:#}"))?;
    #[expect(unsafe_code, reason = "loading native code is what a precompiled hook is")]
    // SAFETY: these bytes have the digest that was recorded when our own compiler made them.
    let component = unsafe { Component::deserialize(&engine, code) };
    match component {
        Ok(component) => Ok((engine, component)),
        Err(error) => Err(text::clip(&format!("{error:#}"), text::MOST_LINE_BYTES).to_owned()),
    }
}

fn store(
    engine: &Engine,
    pipe: Pipe,
    call: &Call,
    [stdout, stderr]: [&Output; 2],
    deadline: Instant,
) -> Store<GuestState> {
    let limits = &call.limits;
    let mut handles = ResourceTable::new();
    handles.set_max_capacity(limits.handles as usize);
    // No preopened folder, no environment, no arguments, no address, no names: what is not said here, a guest has not.
    let wasi = WasiCtx::builder()
        .stdout(stdout.clone())
        .stderr(stderr.clone())
        .wall_clock(RunClock(Duration::from_secs(call.context.started())))
        .allow_tcp(false)
        .allow_udp(false)
        .build();
    let bridge = Bridge::new(pipe, limits);
    let state = GuestState {
        http: Http::new(&bridge, limits),
        bridge,
        config_json: call.config_json.clone(),
        handles,
        wasi,
        random: WasiRandomCtx::default(),
        random_bytes_left: u64::from(limits.random_bytes),
        meter: Meter::new(limits),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.host_call_bytes.min(Limits::MOST_HOST_CALL_BYTES) as usize);
    store.set_max_component_handles(limits.handles as usize);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        if Instant::now() >= deadline { Err(DeadlineReached.into()) } else { Ok(UpdateDeadline::Yield(1)) }
    });
    store
}

fn run(
    store: &mut Store<GuestState>,
    engine: &Engine,
    component: &Component,
    context: Context,
    check: Option<Vec<Point>>,
    deadline: Instant,
) -> wasmtime::Result<CallOutcome> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    // The library's own limit is for one question; these count.
    linker.allow_shadowing(true);
    random::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, |state| state)?;
    insecure::add_to_linker::<_, HasSelf<GuestState>>(&mut linker, |state| state)?;
    linker.allow_shadowing(false);
    bindings::add_to_linker(&mut linker)?;
    http::add_to_linker(&mut linker, component)?;
    let instance_pre = match linker.instantiate_pre(component) {
        Ok(instance_pre) => instance_pre,
        Err(error) => return Ok(not_loadable(&error)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().event_interval(1).build()?;
    let left = deadline.saturating_duration_since(Instant::now());
    let outcome = runtime.block_on(async {
        let work = async {
            match check {
                Some(points) => check_points(store, &instance_pre, &points).await,
                None => call_point(store, &instance_pre, context).await,
            }
        };
        // A guest that waits in the host is not reached by epochs.
        tokio::time::timeout(left, work).await.unwrap_or_else(|_| Err(DeadlineReached.into()))
    });
    runtime.shutdown_background();
    outcome
}

async fn call_point(
    store: &mut Store<GuestState>,
    instance_pre: &InstancePre<GuestState>,
    context: Context,
) -> wasmtime::Result<CallOutcome> {
    // Whether the point is there is asked before any code of the guest runs.
    match context {
        Context::PrePublication(context) => {
            let indices = match points::pre_publication::GuestIndices::new(instance_pre) {
                Ok(indices) => indices,
                Err(error) => return Ok(not_loadable(&error)),
            };
            let instance = instance_pre.instantiate_async(&mut *store).await?;
            let guest = indices.load(&mut *store, &instance)?;
            Ok(bindings::outcome(guest.call_run(store, &context.into()).await?))
        }
        Context::PostPublication(context) => {
            let indices = match points::post_publication::GuestIndices::new(instance_pre) {
                Ok(indices) => indices,
                Err(error) => return Ok(not_loadable(&error)),
            };
            let instance = instance_pre.instantiate_async(&mut *store).await?;
            let guest = indices.load(&mut *store, &instance)?;
            Ok(bindings::outcome(guest.call_run(store, &context.into()).await?))
        }
        Context::Finalize(context) => {
            let indices = match points::finalize::GuestIndices::new(instance_pre) {
                Ok(indices) => indices,
                Err(error) => return Ok(not_loadable(&error)),
            };
            let instance = instance_pre.instantiate_async(&mut *store).await?;
            let guest = indices.load(&mut *store, &instance)?;
            Ok(bindings::outcome(guest.call_run(store, &context.into()).await?))
        }
    }
}

/// Loads each point without calling it.
async fn check_points(
    store: &mut Store<GuestState>,
    instance_pre: &InstancePre<GuestState>,
    points: &[Point],
) -> wasmtime::Result<CallOutcome> {
    let instance = instance_pre.instantiate_async(&mut *store).await?;
    for point in points {
        let loaded = match point {
            Point::PrePublication => points::pre_publication::GuestIndices::new(instance_pre)
                .and_then(|indices| indices.load(&mut *store, &instance).map(|_| ())),
            Point::PostPublication => points::post_publication::GuestIndices::new(instance_pre)
                .and_then(|indices| indices.load(&mut *store, &instance).map(|_| ())),
            Point::Finalize => points::finalize::GuestIndices::new(instance_pre)
                .and_then(|indices| indices.load(&mut *store, &instance).map(|_| ())),
        };
        if let Err(error) = loaded {
            return Ok(not_loadable(&error));
        }
    }
    Ok(CallOutcome::Report(Report {
        outcome: Outcome::Done,
        summary: "it can be instantiated".to_owned(),
        details: String::new(),
    }))
}

/// What the end of a guest means: a limit that was reached says more than the trap that came of it.
fn explain(error: &wasmtime::Error, meter: &Meter, stderr_tail: &str) -> CallOutcome {
    if error.is::<DeadlineReached>() {
        return CallOutcome::TimedOut;
    }
    match error.downcast_ref::<BridgeError>() {
        Some(BridgeError::Limit(limit)) => return CallOutcome::LimitExceeded(*limit),
        Some(lost @ (BridgeError::Frame(_) | BridgeError::WrongAnswer)) => {
            return CallOutcome::WorkerLost(text::chain(lost));
        }
        None => {}
    }
    if matches!(
        error.downcast_ref::<wasmtime::component::ResourceTableError>(),
        Some(wasmtime::component::ResourceTableError::Full)
    ) {
        return CallOutcome::LimitExceeded(LimitKind::Handles);
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return CallOutcome::LimitExceeded(LimitKind::Stack);
    }
    let cause = error.root_cause().to_string();
    // The engine's own types for these are private; tests hold the texts.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return CallOutcome::LimitExceeded(LimitKind::HostCallBytes);
    }
    if cause.contains("resource limit exceeded") {
        return CallOutcome::LimitExceeded(LimitKind::Tables);
    }
    if let Some(limit) = meter.exceeded {
        return CallOutcome::LimitExceeded(limit);
    }
    let cause = text::clip(&cause, text::MOST_LINE_BYTES);
    let last_words = stderr_tail.trim();
    CallOutcome::Trapped(if last_words.is_empty() {
        cause.to_owned()
    } else {
        format!("{cause}: {last_words}")
    })
}

fn not_loadable(error: &wasmtime::Error) -> CallOutcome {
    CallOutcome::NotLoadable(text::clip(&format!("{error:#}"), text::MOST_LINE_BYTES).to_owned())
}

fn said_bytes(outcome: &CallOutcome) -> usize {
    match outcome {
        CallOutcome::Report(report) => report.summary.len() + report.details.len(),
        CallOutcome::Veto(reason) | CallOutcome::Temporary(reason) | CallOutcome::Failed(reason) => {
            reason.len()
        }
        CallOutcome::Trapped(_)
        | CallOutcome::TimedOut
        | CallOutcome::LimitExceeded(_)
        | CallOutcome::WorkerLost(_)
        | CallOutcome::NotLoadable(_) => 0,
    }
}

fn tell(mut pipe: Pipe, report: WorkerReport) -> Result<(), WorkerError> {
    Ok(frames::write(&mut pipe.to_parent, &FromWorker::Finished(report))?)
}

/// Tells that nothing was run, and why.
fn not_run(pipe: Pipe, reason: String, walls: Walls) -> Result<(), WorkerError> {
    let report = WorkerReport {
        outcome: CallOutcome::NotLoadable(reason),
        peak_memory_bytes: 0,
        fuel: None,
        log_lines_dropped: 0,
        stdout_tail: String::new(),
        stderr_tail: String::new(),
        walls,
    };
    tell(pipe, report)
}

impl GuestState {
    fn take_random(&mut self, bytes: u64) -> wasmtime::Result<()> {
        match self.random_bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.random_bytes_left = left;
                Ok(())
            }
            None => Err(BridgeError::Limit(LimitKind::Random).into()),
        }
    }
}

impl random::Host for GuestState {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.take_random(length)?;
        random::Host::get_random_bytes(&mut self.random, length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.take_random(8)?;
        random::Host::get_random_u64(&mut self.random)
    }
}

impl insecure::Host for GuestState {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.take_random(length)?;
        insecure::Host::get_insecure_random_bytes(&mut self.random, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.take_random(8)?;
        insecure::Host::get_insecure_random_u64(&mut self.random)
    }
}

/// The wall deadline of the call.
#[derive(Debug, thiserror::Error)]
#[error("the deadline of the call is reached")]
struct DeadlineReached;

/// The one clock of the run: a hook that is replayed sees the time that it saw then.
struct RunClock(Duration);

impl HostWallClock for RunClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

/// Moves the epoch on from a thread of its own, since the guest has the only other one.
struct Ticker {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: &Engine) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let engine = engine.weak();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only counts; it has nothing to say.
            let _ = thread.join();
        }
    }
}

/// Counts what a guest has of the host's memory: all memories together and all tables together, since the engine's own limits
/// are for each.
struct Meter {
    memory_bytes: usize,
    peak_memory_bytes: usize,
    most_memory_bytes: usize,
    table_elements: usize,
    most_table_elements: usize,
    most_instances: usize,
    most_tables: usize,
    most_memories: usize,
    exceeded: Option<LimitKind>,
}

impl Meter {
    fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            peak_memory_bytes: 0,
            most_memory_bytes: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
            table_elements: 0,
            most_table_elements: limits.table_elements as usize,
            most_instances: limits.instances as usize,
            most_tables: limits.tables as usize,
            most_memories: limits.memories as usize,
            exceeded: None,
        }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let after = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if after > self.most_memory_bytes {
            // The guest may go on without: only if it ends because of this is it the reason.
            self.exceeded = Some(LimitKind::Memory);
            return Ok(false);
        }
        self.memory_bytes = after;
        self.peak_memory_bytes = self.peak_memory_bytes.max(after);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let after = self.table_elements.saturating_add(desired.saturating_sub(current));
        if after > self.most_table_elements {
            self.exceeded = Some(LimitKind::Tables);
            return Ok(false);
        }
        self.table_elements = after;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.most_instances
    }

    fn tables(&self) -> usize {
        self.most_tables
    }

    fn memories(&self) -> usize {
        self.most_memories
    }
}
