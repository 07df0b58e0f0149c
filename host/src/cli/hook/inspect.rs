//! `pressroom hook inspect`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pressroom_sandbox::{Inspection, Point};
use serde::Serialize;

use crate::cli::output::bytes;
use crate::cli::{End, Session};
use crate::hooks::{Grant, Manifest};

/// Look at a component without running it: its points, what it wants of the host, its size and digest.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Inspect {
    #[arg(value_name = "FILE")]
    component: PathBuf,
}

impl Inspect {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        inspect(session, &self.component)
    }
}

#[derive(Serialize)]
struct Inspected {
    points: Vec<&'static str>,
    imports: Vec<String>,
    wasi_imports: Vec<String>,
    versions: Vec<String>,
    memories: u32,
    size_bytes: u64,
    sha256: String,
    /// What the manifest beside it says.
    manifest: Option<String>,
    requested: Vec<String>,
}

fn inspect(session: &Session, component: &Path) -> anyhow::Result<End> {
    let content = std::fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let Inspection { points, imports, wasi_imports, versions, memories, size_bytes, sha256 } =
        pressroom_sandbox::inspect(&content)
            .with_context(|| format!("{} cannot be a hook", component.display()))?;
    let beside = component.with_extension("toml");
    let manifest = if beside.is_file() && !is_grant(&beside) { Some(Manifest::read(&beside)?) } else { None };
    let shown = Inspected {
        points: points.into_iter().map(Point::as_str).collect(),
        imports,
        wasi_imports,
        versions,
        memories,
        size_bytes,
        sha256: sha256.to_string(),
        requested: manifest
            .as_ref()
            .map(|manifest| manifest.capabilities.names().into_iter().collect())
            .unwrap_or_default(),
        manifest: manifest.map(|manifest| format!("{}: {}", manifest.name, manifest.description)),
    };
    session.output.show(&shown, || {
        let or_none = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
        let mut text = format!(
            "points     {}\nimports    {}\nWASI       {}\nWIT        {}\nmemories   {}\nsize       {}\nsha256     {}\n",
            shown.points.join(", "),
            or_none(&shown.imports),
            or_none(&shown.wasi_imports),
            shown.versions.join(", "),
            shown.memories,
            bytes(shown.size_bytes),
            shown.sha256
        );
        if let Some(manifest) = &shown.manifest {
            text.push_str(&format!("manifest   {manifest}\nasks for   {}\n", or_none(&shown.requested)));
        }
        text
    })?;
    Ok(End::Success)
}

/// In a hook folder the file beside a component is the operator's grant, not the author's manifest.
fn is_grant(path: &Path) -> bool {
    Grant::read(path).is_ok()
}
