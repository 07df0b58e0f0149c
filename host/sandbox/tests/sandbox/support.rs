//! The worker of these tests, the misbehaving hook, and a host that answers.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use pressroom_sandbox::{
    Action, ArchiveError, Artefact, ByteBuf, Call, CallReport, Capabilities, Change, CompileLimits, Context,
    Entry, FileChange, FinalizeContext, HostReply, HostRequest, HostServices, HttpFailure, HttpRequest,
    HttpResponse, Index, Level, Limits, Package, PackageContents, PackageKind, PassContext, Pocket, Point,
    Report, Sandbox, Suite, WorkerCommand,
};

/// 2024-02-29T12:34:56Z.
pub(crate) const STARTED: u64 = 1_709_210_096;

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(WorkerCommand {
        program: env!("CARGO_BIN_EXE_sandbox-worker").into(),
        arguments: Vec::new(),
    })
}

/// A sandbox whose worker is something else.
pub(crate) fn sandbox_with(program: impl AsRef<Path>, arguments: &[&str]) -> Sandbox {
    Sandbox::new(WorkerCommand {
        program: program.as_ref().to_owned(),
        arguments: arguments.iter().map(Into::into).collect(),
    })
}

/// The component of `tests/bad-plugins`, built once.
pub(crate) fn bad_component() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_component("bad-plugins"))
}

/// A component of this workspace, built as it is shipped.
pub(crate) fn build_component(package: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--target", "wasm32-wasip2", "--profile", "plugin", "--package", package])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "{package} does not build for wasm32-wasip2");
    target.join(format!("wasm32-wasip2/plugin/{}.wasm", package.replace('-', "_")))
}

/// The misbehaving hook, compiled once.
pub(crate) fn bad_artefact() -> &'static Artefact {
    static COMPILED: OnceLock<Artefact> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        compile(bad_component(), &folder.join("bad.cwasm"))
    })
}

pub(crate) fn compile(component: &Path, artefact_out: &Path) -> Artefact {
    sandbox().compile(component, artefact_out, &CompileLimits::default()).unwrap().artefact
}

/// Calls the misbehaving hook with this configuration.
pub(crate) fn misbehave(config_json: &str) -> CallReport {
    misbehave_within(config_json, Limits::default())
}

pub(crate) fn misbehave_within(config_json: &str, limits: Limits) -> CallReport {
    misbehave_with(&mut Host::default(), config_json, limits)
}

pub(crate) fn misbehave_with(host: &mut Host, config_json: &str, limits: Limits) -> CallReport {
    sandbox().call(bad_artefact(), &call(Point::PrePublication, config_json, limits), host)
}

/// Limits with a deadline that a test can wait for.
pub(crate) fn short() -> Limits {
    Limits { wall: Duration::from_millis(400), ..Limits::default() }
}

pub(crate) fn call(point: Point, config_json: &str, limits: Limits) -> Call {
    let suite = Suite {
        name: "bookworm".into(),
        series: "bookworm".into(),
        pocket: Pocket::Release,
        components: vec!["main".into()],
        architectures: vec!["amd64".into()],
    };
    let pass = PassContext {
        run: 7,
        pass: 12,
        priority: 1,
        distribution: "debian".into(),
        archive: "debian".into(),
        suites: vec![suite.clone()],
        started: STARTED,
        site_name: "archive.example.org".into(),
        dry_run: false,
    };
    let context = match point {
        Point::PrePublication => Context::PrePublication(pass),
        Point::PostPublication => Context::PostPublication(pass),
        Point::Finalize => Context::Finalize(FinalizeContext {
            run: 7,
            pass: 12,
            priority: 1,
            distribution: "debian".into(),
            archives: vec!["debian".into(), "debian/partner".into()],
            suites: vec![suite],
            started: STARTED,
            site_name: "archive.example.org".into(),
            dry_run: false,
        }),
    };
    Call { context, config_json: config_json.into(), limits, capabilities: Capabilities::ALL }
}

/// A host that says yes, and remembers.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) state: BTreeMap<String, Vec<u8>>,
    pub(crate) signed: Vec<(String, String)>,
    pub(crate) requests: u64,
    pub(crate) http: Vec<HttpRequest>,
    pub(crate) http_answer: Option<Result<HttpResponse, HttpFailure>>,
}

impl HostServices for Host {
    fn answer(&mut self, request: HostRequest) -> HostReply {
        self.requests += 1;
        match request {
            HostRequest::Log { level, message } => {
                self.log.push((level, message));
                HostReply::Logged
            }
            HostRequest::Suites { archive } if archive == "debian" => HostReply::Suites(Ok(vec![Suite {
                name: "bookworm".into(),
                series: "bookworm".into(),
                pocket: Pocket::Release,
                components: vec!["main".into()],
                architectures: vec!["amd64".into()],
            }])),
            HostRequest::Suites { archive } => HostReply::Suites(Err(ArchiveError::Unknown(archive))),
            HostRequest::Changes { offset, max } => {
                HostReply::Changes(Ok(page(offset, max).map(change).collect()))
            }
            HostRequest::Packages { index, offset, max } => HostReply::Packages(Ok(page(offset, max)
                .map(|number| package(number, &index.architecture))
                .collect())),
            HostRequest::Contents { index, names, below, offset, max } => {
                HostReply::Contents(Ok(page(offset, max)
                    .map(|number| contents(number, &index, &names, &below))
                    .collect()))
            }
            HostRequest::PreviousPass { archive } if archive == "debian" => {
                HostReply::PreviousPass(Ok(Some(11)))
            }
            HostRequest::PreviousPass { archive } => {
                HostReply::PreviousPass(Err(ArchiveError::Unknown(archive)))
            }
            HostRequest::JournalNumbers { .. } => HostReply::JournalNumbers(Ok(Some((1, 2)))),
            HostRequest::JournalChanges { offset, .. } => HostReply::JournalChanges(Ok(match offset {
                0 => vec![FileChange::Everything],
                _ => Vec::new(),
            })),
            HostRequest::StagingList { folder } => HostReply::Files(Ok(self
                .files
                .iter()
                .filter(|(path, _)| path.starts_with(&folder))
                .map(|(path, content)| Entry { path: path.clone(), size_bytes: content.len() as u64 })
                .collect())),
            HostRequest::StagingRead { path, offset, max_bytes } => {
                HostReply::Content(match self.files.get(&path) {
                    Some(content) => {
                        let begin = content.len().min(offset as usize);
                        let end = content.len().min(begin + max_bytes as usize);
                        Ok(ByteBuf::from(&content[begin..end]))
                    }
                    None => Err(pressroom_sandbox::StagingError::NotFound),
                })
            }
            HostRequest::StagingWrite { path, content } => {
                self.files.insert(path, content);
                HostReply::Staged(Ok(()))
            }
            HostRequest::StagingAppend { path, content } => {
                self.files.entry(path).or_default().extend(content);
                HostReply::Staged(Ok(()))
            }
            HostRequest::StagingRemove { path } => HostReply::Staged(
                self.files.remove(&path).map(drop).ok_or(pressroom_sandbox::StagingError::NotFound),
            ),
            HostRequest::StateGet { key } => {
                HostReply::Value(Ok(self.state.get(&key).map(|value| ByteBuf::from(value.clone()))))
            }
            HostRequest::StateSet { key, value } => {
                self.state.insert(key, value);
                HostReply::Stored(Ok(()))
            }
            HostRequest::StateDelete { key } => {
                self.state.remove(&key);
                HostReply::Stored(Ok(()))
            }
            HostRequest::StateKeys => HostReply::Keys(Ok(self.state.keys().cloned().collect())),
            HostRequest::Http(request) => {
                self.http.push(request);
                HostReply::Http(self.http_answer.clone().unwrap_or(Err(HttpFailure::TimedOut)))
            }
            HostRequest::Sign { input, output, .. } => {
                self.signed.push((input, output));
                HostReply::Staged(Ok(()))
            }
        }
    }
}

/// How many changes there are, and packages in each index.
const ITEMS: u64 = 1_234;

fn page(offset: u64, max: u32) -> std::ops::Range<u64> {
    offset.min(ITEMS)..(offset + u64::from(max)).min(ITEMS)
}

fn change(number: u64) -> Change {
    Change {
        action: Action::Published,
        kind: PackageKind::Source,
        name: format!("package-{number}"),
        version: "1.0-1".into(),
        architecture: "source".into(),
        archive: "debian".into(),
        suite: "bookworm".into(),
        component: "main".into(),
        section: "admin".into(),
        priority: "optional".into(),
        source: format!("package-{number}"),
    }
}

fn package(number: u64, architecture: &str) -> Package {
    Package {
        name: format!("package-{number}"),
        version: "1.0-1".into(),
        architecture: architecture.into(),
        component: "main".into(),
        section: "admin".into(),
        priority: "optional".into(),
        source: format!("package-{number}"),
        source_version: "1.0-1".into(),
    }
}

fn contents(number: u64, index: &Index, names: &[String], below: &[String]) -> PackageContents {
    PackageContents {
        name: format!("package-{number}"),
        version: "1.0-1".into(),
        architecture: index.architecture.clone(),
        paths: vec![format!("{}{}{number}", below.concat(), names.concat())],
    }
}

/// The report of a call that went well.
#[track_caller]
pub(crate) fn report(call: &CallReport) -> &Report {
    match &call.outcome {
        pressroom_sandbox::CallOutcome::Report(report) => report,
        _ => panic!("not a report: {call:?}"),
    }
}
