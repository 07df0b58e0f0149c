//! `pressroom hook check`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pressroom_sandbox::{HOSTS, HostVersion};
use serde::Serialize;

use super::wrapped;
use crate::cli::output::{BAD, BOLD, GOOD, WARN, bytes, painted};
use crate::cli::{End, Session, exit};
use crate::hooks::offer::{Finding, Offer, Weight, kinds, read_component, telling_imports};
use crate::hooks::{self, Grant, Manifest};

/// Say whether a component will run as a hook: its imports against what the host has, its size, its points and wishes against its manifest; then it is
/// compiled in a limited process and loaded with nothing granted. Nothing is kept, and no root is needed.
///
/// Every problem is told at once, and the exit code is 1 if there is one. A warning is something that somebody should look at, and changes no exit code:
/// a capability that is imported and not asked for is one, since kits of other languages import everything.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Check {
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// What its author says of it. Without it: the file of the component's name with the ending .toml, if there is one.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Hold it against another version of pressroom: what that one speaks is known; it is loaded in this one.
    #[arg(long, value_name = "VERSION")]
    host_version: Option<String>,
}

#[derive(Serialize)]
struct Checked {
    file: PathBuf,
    host_version: &'static str,
    passes: bool,
    name: Option<String>,
    sha256: Option<String>,
    size_bytes: Option<u64>,
    points: Vec<&'static str>,
    /// The size of its native code; none: it was not compiled.
    compiled_bytes: Option<u64>,
    findings: Vec<Finding>,
}

impl Check {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let host = match &self.host_version {
            None => HostVersion::this(),
            Some(version) => HostVersion::named(version).ok_or_else(|| {
                let known: Vec<&str> = HOSTS.iter().map(|host| host.version).collect();
                exit::usage(format!("nothing is known of pressroom {version}: there is {}", known.join(", ")))
            })?,
        };
        let checked = self.check(host);
        session.output.show(&checked, || text(&checked))?;
        Ok(if checked.passes { End::Success } else { End::Failure })
    }

    fn check(&self, host: &'static HostVersion) -> Checked {
        let mut checked = Checked {
            file: self.component.clone(),
            host_version: host.version,
            passes: false,
            name: None,
            sha256: None,
            size_bytes: None,
            points: Vec::new(),
            compiled_bytes: None,
            findings: Vec::new(),
        };
        match Offer::read(&self.component, self.manifest.as_deref(), host) {
            Err(error) => {
                let mut told = self.unreadable(host);
                if told.is_empty() {
                    told.push(problem(format!("{error:#}")));
                }
                checked.findings = told;
            }
            Ok(offer) => {
                checked.name = Some(offer.name.clone());
                checked.sha256 = Some(offer.sha256.to_string());
                checked.size_bytes = Some(offer.inspection.size_bytes);
                checked.points = offer.inspection.points.iter().map(|point| point.as_str()).collect();
                checked.findings.clone_from(&offer.findings);
                checked.findings.extend(against_grant(&self.component, &offer));
                match self.load(&offer, host) {
                    Ok(compiled_bytes) => checked.compiled_bytes = compiled_bytes,
                    Err(error) => checked.findings.push(problem(format!("{error:#}"))),
                }
            }
        }
        checked.passes = checked.findings.iter().all(|finding| finding.weight == Weight::Warning);
        checked
    }

    /// What cannot be read at all: the component, the manifest that was named, or both.
    fn unreadable(&self, host: &HostVersion) -> Vec<Finding> {
        let component = read_component(&self.component)
            .and_then(|bytes| Ok(pressroom_sandbox::examine(&bytes, host).map(drop)?))
            .with_context(|| format!("{} cannot be a hook", self.component.display()))
            .err();
        let manifest = self.manifest.as_deref().and_then(|path| Manifest::read(path).err());
        let said = [component, manifest.map(anyhow::Error::from)];
        said.into_iter().flatten().map(|error| problem(format!("{error:#}"))).collect()
    }

    /// Compiles and instantiates it, if this host can be expected to: the size of its native code.
    fn load(&self, offer: &Offer, host: &HostVersion) -> anyhow::Result<Option<u64>> {
        let known = if std::ptr::eq(host, HostVersion::this()) {
            offer.problems().is_empty()
        } else {
            pressroom_sandbox::inspect(&offer.bytes).is_ok()
        };
        if !known {
            return Ok(None);
        }
        let aside = tempfile::tempdir().context("cannot make a folder to compile in")?;
        let compiled = offer.compile(&hooks::sandbox()?, &offer.inspection.points, aside.path())?;
        Ok(Some(compiled.artefact_bytes))
    }
}

fn problem(text: String) -> Finding {
    Finding { weight: Weight::Problem, text }
}

/// A component in a hook folder, against the grant beside it.
fn against_grant(component: &Path, offer: &Offer) -> Vec<Finding> {
    let Ok(grant) = Grant::read(&component.with_extension("toml")) else { return Vec::new() };
    let mut found = Vec::new();
    if offer.sha256 != grant.sha256 {
        found.push(problem(format!(
            "it is not the component that its grant names: SHA256 {}, not {}",
            offer.sha256, grant.sha256
        )));
    }
    let mut warn = |text: String| found.push(Finding { weight: Weight::Warning, text });
    let granted = kinds(&grant.capabilities.names());
    let mut wanted = telling_imports(&offer.inspection);
    wanted.extend(grant.requested.iter().flat_map(|requested| kinds(&requested.names())));
    let denied: Vec<&str> = wanted.difference(&granted).map(String::as_str).collect();
    if !denied.is_empty() {
        warn(format!("it wants {}, which it is not granted: it is denied when it asks", denied.join(", ")));
    }
    if let Some(manifest) = &offer.manifest {
        let unknown: Vec<&str> = grant
            .config
            .keys()
            .filter(|key| !manifest.config.contains_key(*key))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            warn(format!("its grant configures {}, which its manifest does not know", unknown.join(", ")));
        }
    }
    if grant.disabled {
        warn("it is disabled".to_owned());
    }
    found
}

fn text(checked: &Checked) -> String {
    let name = checked.name.clone().unwrap_or_else(|| checked.file.display().to_string());
    let verdict = if checked.passes { painted(GOOD, "runs") } else { painted(BAD, "does not run") };
    let mut text = format!("{} {verdict} on pressroom {}\n", painted(BOLD, name), checked.host_version);
    if let (Some(size), false) = (checked.size_bytes, checked.points.is_empty()) {
        let compiled = checked.compiled_bytes.map(|size| format!(", {} compiled", bytes(size)));
        text.push_str(&format!(
            "  {}; {}{}\n",
            checked.points.join(", "),
            bytes(size),
            compiled.unwrap_or_default()
        ));
    }
    for finding in &checked.findings {
        let word = match finding.weight {
            Weight::Problem => painted(BAD, "problem:"),
            Weight::Warning => painted(WARN, "warning:"),
        };
        text.push_str(&wrapped(2, &format!("{word} "), &finding.text));
    }
    text
}
