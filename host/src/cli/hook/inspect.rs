//! `pressroom hook inspect`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use pressroom_sandbox::{HostVersion, Point};
use serde::Serialize;

use super::wrapped;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, bytes, painted};
use crate::cli::{End, Session};
use crate::hooks::offer::{Offer, read_component};
use crate::hooks::{Grant, meaning};

/// Look at a component without running it: its points, what it wants of the host and what that would let it do, what it was made with, its size and
/// digest. Of one in a hook folder, also what it is granted.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Inspect {
    #[arg(value_name = "FILE")]
    component: PathBuf,
}

#[derive(Serialize)]
struct Inspected {
    points: Vec<&'static str>,
    imports: Vec<String>,
    /// What each import would let it do, if it were granted.
    capabilities: Vec<Capability>,
    wasi_imports: Vec<String>,
    versions: Vec<String>,
    /// Everything that it exports, also what nobody calls.
    exports: Vec<String>,
    producers: Vec<Producer>,
    memories: u32,
    size_bytes: u64,
    sha256: String,
    /// What the manifest beside it says.
    manifest: Option<String>,
    requested: Vec<String>,
    /// The operator's word, in a hook folder.
    grant: Option<ShownGrant>,
}

#[derive(Serialize)]
struct Capability {
    capability: String,
    meaning: &'static str,
    /// The functions that it wants; empty: they cannot be told.
    functions: Vec<String>,
    /// In a hook folder: whether it has this.
    granted: Option<bool>,
}

#[derive(Serialize)]
struct Producer {
    field: String,
    name: String,
    version: String,
}

#[derive(Serialize)]
struct ShownGrant {
    names_this_component: bool,
    disabled: bool,
    granted: Vec<String>,
}

impl Inspect {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        // what this host does not have is told as before: by the first reason
        pressroom_sandbox::inspect(&read_component(&self.component)?)
            .with_context(|| format!("{} cannot be a hook", self.component.display()))?;
        let offer = Offer::read(&self.component, None, HostVersion::this())?;
        let grant = Grant::read(&self.component.with_extension("toml")).ok();
        let shown = inspected(&offer, grant.as_ref());
        session.output.show(&shown, || text(&shown))?;
        Ok(End::Success)
    }
}

fn inspected(offer: &Offer, grant: Option<&Grant>) -> Inspected {
    let inspection = &offer.inspection;
    let plain = |function: &String| function.rsplit(']').next().unwrap_or(function).to_owned();
    let granted = |capability: &str| {
        let grant = grant?;
        let always = matches!(capability, "log" | "config");
        let kinds = crate::hooks::offer::kinds(&grant.capabilities.names());
        Some(always || kinds.contains(capability))
    };
    let mut capabilities: Vec<Capability> = inspection
        .imports
        .iter()
        .map(|import| Capability {
            capability: import.clone(),
            meaning: meaning(import),
            functions: inspection
                .functions
                .get(import)
                .map(|functions| functions.iter().map(plain).collect())
                .unwrap_or_default(),
            granted: granted(import),
        })
        .collect();
    for kind in crate::hooks::offer::imported(inspection) {
        if !inspection.imports.contains(&kind) {
            let (meaning, granted) = (meaning(&kind), granted(&kind));
            capabilities.push(Capability { capability: kind, meaning, functions: Vec::new(), granted });
        }
    }
    let requested = match (&offer.manifest, grant) {
        (Some(manifest), _) => Some(&manifest.capabilities),
        (None, grant) => grant.and_then(|grant| grant.requested.as_ref()),
    };
    Inspected {
        points: inspection.points.iter().copied().map(Point::as_str).collect(),
        imports: inspection.imports.clone(),
        capabilities,
        wasi_imports: inspection.wasi_imports.clone(),
        versions: inspection.versions.clone(),
        exports: inspection.exports.clone(),
        producers: inspection
            .producers
            .iter()
            .cloned()
            .map(|one| Producer { field: one.field, name: one.name, version: one.version })
            .collect(),
        memories: inspection.memories,
        size_bytes: inspection.size_bytes,
        sha256: inspection.sha256.to_string(),
        manifest: offer
            .manifest
            .as_ref()
            .map(|manifest| format!("{}: {}", manifest.name, manifest.description)),
        requested: requested.map(|requested| requested.names().into_iter().collect()).unwrap_or_default(),
        grant: grant.map(|grant| ShownGrant {
            names_this_component: grant.sha256 == offer.sha256,
            disabled: grant.disabled,
            granted: grant.capabilities.names().into_iter().collect(),
        }),
    }
}

fn text(shown: &Inspected) -> String {
    let or_none = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let mut text = wrapped(0, "points     ", &shown.points.join(", "));
    text.push_str(&wrapped(0, "imports    ", &or_none(&shown.imports)));
    for capability in &shown.capabilities {
        let state = match capability.granted {
            None => String::new(),
            Some(true) => format!(" {}", painted(GOOD, "(granted)")),
            Some(false) => format!(" {}", painted(WARN, "(not granted)")),
        };
        let functions = if capability.functions.is_empty() {
            String::new()
        } else {
            format!(" {}", painted(DIM, format!("It wants {}.", capability.functions.join(", "))))
        };
        let begin = format!("{:10} ", painted(BOLD, format!("{:10}", capability.capability)));
        text.push_str(&wrapped(2, &begin, &format!("{}{functions}{state}", capability.meaning)));
    }
    text.push_str(&wrapped(0, "WASI       ", &or_none(&shown.wasi_imports)));
    text.push_str(&wrapped(0, "WIT        ", &shown.versions.join(", ")));
    text.push_str(&wrapped(0, "exports    ", &or_none(&shown.exports)));
    let mut made: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in &shown.producers {
        let word =
            if one.version.is_empty() { one.name.clone() } else { format!("{} {}", one.name, one.version) };
        made.entry(&one.field).or_default().push(word);
    }
    for (field, words) in made {
        text.push_str(&wrapped(0, &format!("{field:12} "), &words.join(", ")));
    }
    text.push_str(&format!("memories   {}\nsize       {}\n", shown.memories, bytes(shown.size_bytes)));
    text.push_str(&format!("sha256     {}\n", shown.sha256));
    if let Some(manifest) = &shown.manifest {
        text.push_str(&wrapped(0, "manifest   ", manifest));
    }
    if shown.manifest.is_some() || !shown.requested.is_empty() {
        text.push_str(&wrapped(0, "asks for   ", &or_none(&shown.requested)));
    }
    if let Some(grant) = &shown.grant {
        text.push_str(&wrapped(0, "granted    ", &or_none(&grant.granted)));
        if !grant.names_this_component {
            text.push_str(&format!(
                "{}\n",
                painted(BAD, "Its grant names another component: it does not run.")
            ));
        }
        if grant.disabled {
            text.push_str(&format!("{}\n", painted(WARN, "It is disabled.")));
        }
    }
    text
}
