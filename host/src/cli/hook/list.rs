//! `pressroom hook list`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pressroom_archive::domain::{DistributionId, DistributionName};
use pressroom_archive::store::distribution::{distribution, distributions};
use pressroom_archive::store::{Connection, StoreError, hook_upkeep};
use pressroom_sandbox::{HostVersion, Point};
use serde::Serialize;

use super::wrapped;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, duration, painted};
use crate::cli::{End, Session};
use crate::hooks::offer::{kinds, read_component, telling_imports};
use crate::hooks::{Disabled, Entry, Grant, Kind, OnFailure, Registry, signed_by};
use crate::root::Root;

/// List what will run at each point, in order: what it was granted and what it lacks, its limits, who signed it, how it ended last; what is disabled;
/// and what will not run, and why.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only this distribution.
    #[arg(long)]
    distribution: Option<DistributionName>,
}

#[derive(Serialize)]
struct ShownDistribution {
    distribution: String,
    points: Vec<ShownPoint>,
    complaints: Vec<ShownComplaint>,
}

#[derive(Serialize)]
struct ShownPoint {
    point: &'static str,
    /// In the order of a run, those that are disabled among them.
    hooks: Vec<ShownHook>,
}

#[derive(Serialize)]
struct ShownHook {
    hook: String,
    kind: &'static str,
    path: PathBuf,
    /// It does not run, because it was told not to.
    disabled: bool,
    sha256: Option<String>,
    granted: Vec<String>,
    /// What its author asks for and it is not granted.
    not_granted: Vec<String>,
    /// What it imports, and neither its author asks for nor the operator grants.
    denied: Vec<String>,
    /// `abort` or `warn`.
    on_failure: &'static str,
    /// Limits that its grant sets.
    limits: toml::Table,
    signed_by: Option<ShownSignature>,
    /// The command that changed it was ended between its steps: it runs, and the command is to be run again.
    unfinished: bool,
    last: Option<ShownCall>,
}

#[derive(Serialize)]
struct ShownSignature {
    fingerprint: String,
    user_id: String,
}

#[derive(Serialize)]
struct ShownCall {
    run: i64,
    started: String,
    outcome: String,
    summary: String,
    duration_us: u128,
    peak_memory_bytes: Option<u64>,
}

#[derive(Serialize)]
struct ShownComplaint {
    path: PathBuf,
    reason: String,
    /// Nothing is published until this is put right.
    blocks: bool,
}

impl List {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db()?;
        let all = match &self.distribution {
            Some(name) => vec![distribution(db.read(), name)?],
            None => distributions(db.read())?,
        };
        let mut shown = Vec::new();
        for one in all {
            let registry = Registry::load(&root, db.read(), &root.hooks_folder(&one.name))?;
            let looking = Looking { root: &root, db: db.read(), distribution: one.id };
            let points = Point::ALL
                .into_iter()
                .map(|point| looking.point(&registry, point))
                .collect::<Result<_, StoreError>>()?;
            let complaints = registry
                .complaints
                .into_iter()
                .map(|complaint| ShownComplaint {
                    path: complaint.path,
                    reason: complaint.reason,
                    blocks: complaint.blocks,
                })
                .collect();
            shown.push(ShownDistribution { distribution: one.name.to_string(), points, complaints });
        }
        session.output.show(&shown, || shown.iter().map(list_text).collect())?;
        Ok(End::Success)
    }
}

struct Looking<'a> {
    root: &'a Root,
    db: &'a Connection,
    distribution: DistributionId,
}

impl Looking<'_> {
    fn point(&self, registry: &Registry, point: Point) -> Result<ShownPoint, StoreError> {
        let mut hooks = Vec::new();
        for Entry { path, file_name, kind } in registry.at(point) {
            let grant = match kind {
                Kind::Wasm { grant, .. } => Some(grant.as_ref()),
                Kind::Executable => None,
            };
            hooks.push(self.hook(point, path, file_name, grant, false)?);
        }
        for Disabled { path, file_name, grant, .. } in
            registry.disabled.iter().filter(|disabled| disabled.point == point)
        {
            hooks.push(self.hook(point, path, file_name, grant.as_deref(), true)?);
        }
        hooks.sort_by(|one, other| one.hook.cmp(&other.hook));
        Ok(ShownPoint { point: point.as_str(), hooks })
    }

    fn hook(
        &self,
        point: Point,
        path: &Path,
        file_name: &str,
        grant: Option<&Grant>,
        disabled: bool,
    ) -> Result<ShownHook, StoreError> {
        let last = hook_upkeep::last_call(self.db, self.distribution, point.as_str(), file_name)?;
        let mut hook = ShownHook {
            hook: file_name.to_owned(),
            kind: if file_name.ends_with(".wasm") { "wasm" } else { "executable" },
            path: path.to_owned(),
            disabled,
            sha256: None,
            granted: Vec::new(),
            not_granted: Vec::new(),
            denied: Vec::new(),
            on_failure: "abort",
            limits: toml::Table::new(),
            signed_by: None,
            unfinished: grant.is_some_and(|grant| grant.replaces.is_some() || grant.moved_from.is_some()),
            last: last.map(|call| ShownCall {
                run: call.run.0,
                started: call.date_started.to_string(),
                outcome: call.outcome.to_string(),
                summary: call.summary,
                duration_us: call.duration.as_micros(),
                peak_memory_bytes: call.peak_memory_bytes,
            }),
        };
        let Some(grant) = grant else { return Ok(hook) };
        let granted = grant.capabilities.names();
        let requested = grant.requested.as_ref().map(|requested| requested.names()).unwrap_or_default();
        if let Ok(bytes) = read_component(path) {
            if let Ok(examination) = pressroom_sandbox::examine(&bytes, HostVersion::this()) {
                let told: BTreeSet<String> = kinds(&granted).union(&kinds(&requested)).cloned().collect();
                hook.denied = telling_imports(&examination.inspection).difference(&told).cloned().collect();
            }
            if let Ok(Some(good)) = signed_by::verify_installed(self.root, grant, &bytes) {
                let (fingerprint, user_id) = (good.fingerprint, good.user_id);
                hook.signed_by = Some(ShownSignature { fingerprint, user_id });
            }
        }
        hook.sha256 = Some(grant.sha256.to_string());
        hook.not_granted = requested.difference(&granted).cloned().collect();
        hook.granted = granted.into_iter().collect();
        hook.on_failure = match grant.on_failure {
            OnFailure::Abort => "abort",
            OnFailure::Warn => "warn",
        };
        hook.limits = toml::Table::try_from(&grant.limits).unwrap_or_default();
        Ok(hook)
    }
}

fn list_text(shown: &ShownDistribution) -> String {
    let mut text = format!("{}\n", painted(BOLD, &shown.distribution));
    for point in &shown.points {
        let none = if point.hooks.is_empty() { painted(DIM, " (none)") } else { String::new() };
        text.push_str(&format!("  {}{none}\n", point.point));
        point.hooks.iter().for_each(|hook| text.push_str(&hook_text(hook)));
    }
    for complaint in &shown.complaints {
        let (style, word) =
            if complaint.blocks { (BAD, "stops the publication:") } else { (WARN, "will not run:") };
        text.push_str(&format!("  {} {}\n", painted(style, word), complaint.path.display()));
        text.push_str(&wrapped(4, "", &complaint.reason));
    }
    text
}

fn hook_text(hook: &ShownHook) -> String {
    let name = painted(if hook.disabled { DIM } else { GOOD }, &hook.hook);
    let what = match &hook.sha256 {
        Some(sha256) => format!("{} {}", hook.kind, &sha256[..12]),
        None => hook.kind.to_owned(),
    };
    let disabled = if hook.disabled { painted(WARN, ", disabled") } else { String::new() };
    let mut text = wrapped(4, &format!("{name} "), &format!("{}{disabled}", painted(DIM, what)));
    let mut line = |label: &str, words: &str| text.push_str(&wrapped(6, &format!("{label:12} "), words));
    if hook.kind == "wasm" && hook.sha256.is_some() {
        let nothing = painted(DIM, "nothing");
        line("granted", &if hook.granted.is_empty() { nothing } else { hook.granted.join(", ") });
    }
    if !hook.not_granted.is_empty() {
        line(
            "not granted",
            &painted(WARN, format!("{} (its author asks for it)", hook.not_granted.join(", "))),
        );
    }
    if !hook.denied.is_empty() {
        line("denied", &format!("{} (it imports it, and nobody asks for it)", hook.denied.join(", ")));
    }
    if hook.on_failure != "abort" {
        line("on-failure", hook.on_failure);
    }
    if !hook.limits.is_empty() {
        let limits: Vec<String> = hook.limits.iter().map(|(key, value)| format!("{key}={value}")).collect();
        line("limits", &limits.join(", "));
    }
    if let Some(signature) = &hook.signed_by {
        line("signed by", &format!("{} {}", signature.user_id, signature.fingerprint));
    }
    if hook.unfinished {
        line("unfinished", "the command that changed it was ended early: run it again");
    }
    if let Some(last) = &hook.last {
        let took = duration(Duration::from_micros(u64::try_from(last.duration_us).unwrap_or(u64::MAX)));
        line("last", &format!("{} in run {} at {}, {took}", last.outcome, last.run, last.started));
    }
    text
}
