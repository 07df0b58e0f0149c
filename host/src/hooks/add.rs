//! Taking a WASM hook in: looked at, compiled in a limited child, instantiated with everything denied, pinned by digest. Compilation never happens
//! in a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use pressroom_archive::disk;
use pressroom_archive::domain::{DistributionName, Sha256};
use pressroom_archive::store::{Db, StoreError, hook};
use pressroom_sandbox::{CompileLimits, Inspection, Point, Sandbox, artefact_key};

use super::grant::{Capabilities, Grant, Manifest, OnFailure};
use super::registry::artefact_path;
use crate::root::Root;

/// What the operator asks for.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) component: &'a Path,
    pub(crate) distribution: &'a DistributionName,
    /// None: those of the manifest, or all that it exports.
    pub(crate) points: &'a [Point],
    /// None: the manifest's, or 50.
    pub(crate) order: Option<u8>,
    /// None: `<name>.toml` beside the component, if there is one.
    pub(crate) manifest: Option<&'a Path>,
    /// Names of capabilities, or `requested`.
    pub(crate) grants: &'a [String],
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) name: String,
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) inspection: Inspection,
    pub(crate) granted: Capabilities,
    /// What the hook's author asks for and the operator has not granted.
    pub(crate) not_granted: Vec<String>,
}

/// The mode of components and grants: others may read what runs.
const MODE: u32 = 0o644;

/// Adds a hook to a distribution.
pub(crate) fn add(
    root: &Root,
    db: &mut Db,
    sandbox: &Sandbox,
    wish: &Wish<'_>,
    now: Timestamp,
) -> anyhow::Result<Added> {
    let manifest = read_manifest(wish)?;
    let stem = wish.component.file_stem().and_then(|stem| stem.to_str()).unwrap_or("hook");
    let name = manifest.as_ref().map_or(stem, |manifest| &manifest.name).replace('_', "-");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        bail!(
            "{name:?} cannot be a hook's name: name the file, or the manifest's name, with letters, digits and - only"
        );
    }
    let bytes =
        std::fs::read(wish.component).with_context(|| format!("cannot read {}", wish.component.display()))?;
    let inspection = pressroom_sandbox::inspect(&bytes)
        .with_context(|| format!("{} cannot be a hook", wish.component.display()))?;
    let before = earlier(root, wish.distribution, &name)?;
    let points: Vec<Point> = if !wish.points.is_empty() {
        wish.points.to_vec()
    } else if !before.is_empty() {
        before.keys().copied().collect()
    } else if let Some(manifest) = &manifest {
        manifest.points.clone()
    } else {
        inspection.points.clone()
    };
    for point in &points {
        if !inspection.points.contains(point) {
            let exported: Vec<&str> = inspection.points.iter().map(|point| point.as_str()).collect();
            bail!("{} has no {point}: it exports {}", wish.component.display(), exported.join(", "));
        }
    }
    let requested = manifest.as_ref().map(|manifest| manifest.capabilities.clone()).unwrap_or_default();
    let mut granted = Capabilities::default();
    for grant in wish.grants {
        if grant == "requested" {
            granted.extend(&requested);
        } else {
            granted.add(grant).map_err(anyhow::Error::msg).context("--grant cannot be used")?;
        }
    }
    // what the operator has said of an earlier build of this hook at a point holds for this one there
    let sha256 = Sha256::of(&bytes);
    let suggested = manifest.as_ref().map(|manifest| manifest.order.min(99)).unwrap_or(50);
    let mut files = Vec::new();
    for point in &points {
        let (grant, number) = match before.get(point) {
            Some((grant, number)) => {
                let mut grant = Grant { sha256, ..grant.clone() };
                grant.capabilities.extend(&granted);
                (grant, *number)
            }
            None => {
                let grant = Grant {
                    sha256,
                    points: vec![*point],
                    on_failure: OnFailure::default(),
                    capabilities: granted.clone(),
                    limits: manifest.as_ref().map(|manifest| manifest.limits.clone()).unwrap_or_default(),
                    config: manifest.as_ref().map(|manifest| manifest.config.clone()).unwrap_or_default(),
                    secrets: BTreeMap::new(),
                };
                (grant, suggested)
            }
        };
        files.push((*point, wish.order.unwrap_or(number), grant));
    }
    // what it has at all its points
    let granted = files.iter().skip(1).fold(
        files.first().map(|(_, _, grant)| grant.capabilities.clone()).unwrap_or_default(),
        |common, (_, _, grant)| common.common_with(&grant.capabilities),
    );
    let mut asked = requested.names();
    // an author without a manifest asks by what the component imports
    if manifest.is_none() {
        asked.extend(
            inspection.imports.iter().filter(|name| !matches!(name.as_str(), "log" | "config")).cloned(),
        );
    }
    let have = granted.names();
    let has = |name: &String| match name.as_str() {
        "signing" => !granted.signing.is_empty(),
        "http" => granted.grants_http(),
        _ => have.contains(name),
    };
    let not_granted = asked.into_iter().filter(|name| !has(name)).collect();
    compile(root, db, sandbox, wish.component, &bytes, &points, now)?;
    let paths = put_in_place(root, wish.distribution, &files, &name, &bytes)?;
    Ok(Added { name, paths, inspection, granted, not_granted })
}

/// The grants of an earlier build of a hook, by point, with the numbers before its name.
fn earlier(
    root: &Root,
    distribution: &DistributionName,
    name: &str,
) -> anyhow::Result<BTreeMap<Point, (Grant, u8)>> {
    let mut found = BTreeMap::new();
    for point in Point::ALL {
        for path in components(&root.hooks_folder(distribution).join(format!("{point}.d"))) {
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let grant = path.with_extension("toml");
            if super::registry::own_name(&file_name) == name && grant.is_file() {
                let number = file_name.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(50);
                found.insert(point, (Grant::read(&grant)?, number));
            }
        }
    }
    Ok(found)
}

/// The components in a hook folder, by name.
pub(crate) fn components(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "wasm"));
    paths.sort();
    paths
}

fn read_manifest(wish: &Wish<'_>) -> anyhow::Result<Option<Manifest>> {
    let beside = wish.component.with_extension("toml");
    match wish.manifest {
        Some(path) => Ok(Some(Manifest::read(path)?)),
        None if beside.is_file() => Ok(Some(Manifest::read(&beside)?)),
        None => Ok(None),
    }
}

/// Writes the component and its grant into the points' folders, the grant last: a component without one does not run. Other files of that hook, under
/// another number or at a point that it no longer has, are earlier builds of it, and go.
fn put_in_place(
    root: &Root,
    distribution: &DistributionName,
    files: &[(Point, u8, Grant)],
    name: &str,
    bytes: &[u8],
) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (point, order, grant) in files {
        let path = root
            .hooks_folder(distribution)
            .join(format!("{point}.d"))
            .join(format!("{order:02}-{name}.wasm"));
        disk::write_atomic(&path, bytes, MODE)?;
        disk::write_atomic(&path.with_extension("toml"), grant.text()?.as_bytes(), MODE)?;
        paths.push(path);
    }
    for point in Point::ALL {
        for other in components(&root.hooks_folder(distribution).join(format!("{point}.d"))) {
            let file_name = other.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !paths.contains(&other) && super::registry::own_name(&file_name) == name {
                disk::remove_file(&other.with_extension("toml"))?;
                disk::remove_file(&other)?;
            }
        }
    }
    Ok(paths)
}

/// Compiles a component, sees that it can be instantiated, and keeps its native code.
pub(crate) fn compile(
    root: &Root,
    db: &mut Db,
    sandbox: &Sandbox,
    component: &Path,
    bytes: &[u8],
    points: &[Point],
    now: Timestamp,
) -> anyhow::Result<()> {
    let engine = artefact_key(&pressroom_sandbox::Sha256::of(bytes));
    let place = artefact_path(root, &engine);
    let folder = root.artefacts_folder();
    disk::make_private_folder(&folder)?;
    let aside = tempfile::Builder::new()
        .prefix("compile-")
        .tempdir_in(&folder)
        .with_context(|| format!("cannot make a folder in {}", folder.display()))?;
    let sandbox = sandbox.clone().requiring_walls(root.config.hooks.require_walls);
    let compiled = sandbox
        .compile(component, &aside.path().join("artefact"), &CompileLimits::default())
        .with_context(|| format!("cannot compile {}", component.display()))?;
    sandbox
        .check(&compiled.artefact, points)
        .with_context(|| format!("{} does not fit this pressroom", component.display()))?;
    disk::rename(&compiled.artefact.path, &place)?;
    disk::sync_folder(&folder)?;
    let artefact: Sha256 = compiled.artefact.sha256.to_string().parse().context("the artefact's digest")?;
    db.write(|tx| {
        hook::record_artefact(tx, &Sha256::of(bytes), &engine, &artefact, compiled.artefact_bytes, now)
    })
    .map_err(|error: StoreError| error.into())
}
