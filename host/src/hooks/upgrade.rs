//! Another version of a hook that is there: what is different, and then in its place.
//!
//! What the operator has granted stays as it is. What the new version asks for beyond that is said, and stands in its grant with a `#` in front, unless
//! the operator grants it now.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use pressroom_archive::domain::{DistributionName, Sha256};
use pressroom_archive::store::Db;
use pressroom_sandbox::{HostVersion, Inspection, Point, Sandbox};

use super::add::{
    Granting, common, not_granted, placings, refuse_missing_points, standing, table, take_in, verify,
};
use super::offer::{Offer, Weight, read_component};
use super::place::{Placing, put_in_place};
use super::signed_by;
use super::upkeep::{self, InstalledKind};
use crate::root::Root;

/// What the operator asks for.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// The new component; None: what lies in the hook folder under that name.
    pub(crate) component: Option<&'a Path>,
    /// The hook; None: the component's name is its name.
    pub(crate) name: Option<&'a str>,
    pub(crate) distribution: &'a DistributionName,
    pub(crate) manifest: Option<&'a Path>,
    pub(crate) grants: &'a [String],
    pub(crate) signature: Option<&'a Path>,
    /// Nothing is written.
    pub(crate) dry_run: bool,
}

/// Something before and after.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Change<T> {
    /// None: what was there cannot be looked at any more.
    pub(crate) before: Option<T>,
    pub(crate) after: T,
}

/// What is different.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Difference {
    pub(crate) sha256: Change<String>,
    pub(crate) size_bytes: Change<u64>,
    pub(crate) memories: Change<u32>,
    /// The versions of `pressroom:hooks` that it was made with.
    pub(crate) versions: Change<Vec<String>>,
    /// The points that it exports.
    pub(crate) exported_points: Change<Vec<String>>,
    pub(crate) imports: Change<Vec<String>>,
    pub(crate) wasi_imports: Change<Vec<String>>,
    /// The functions that it wants, as `archive.changes`.
    pub(crate) functions: Change<Vec<String>>,
    /// What its author asks for.
    pub(crate) requested: Change<Vec<String>>,
    /// What the operator grants.
    pub(crate) granted: Change<Vec<String>>,
    /// The limits that the grant sets.
    pub(crate) limits: Change<Vec<String>>,
    /// Keys of its author's configuration that the grant does not have.
    pub(crate) new_config_keys: Vec<String>,
}

/// What was done, or would be.
#[derive(Debug)]
pub(crate) struct Upgraded {
    pub(crate) name: String,
    /// Where it runs.
    pub(crate) points: Vec<Point>,
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) difference: Difference,
    pub(crate) not_granted: Vec<String>,
    pub(crate) signed_by: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) warnings: Vec<String>,
}

/// Puts another version of a hook in its place, or shows what that would change.
pub(crate) fn upgrade(
    root: &Root,
    db: &mut Db,
    sandbox: &Sandbox,
    wish: &Wish<'_>,
    now: Timestamp,
) -> anyhow::Result<Upgraded> {
    let (component, name) = match (wish.component, wish.name) {
        (Some(component), name) => (component.to_owned(), name.map(str::to_owned)),
        (None, Some(name)) => {
            let there = upkeep::find(root, wish.distribution, name, &[])?;
            let wasm = there.iter().find(|one| one.kind == InstalledKind::Wasm);
            let Some(wasm) = wasm else {
                bail!("{name} is an executable: put the new one in its place yourself")
            };
            (wasm.path.clone(), Some(wasm.name()))
        }
        (None, None) => bail!("name the hook, or the file of its new version"),
    };
    let mut offer = Offer::read(&component, wish.manifest, HostVersion::this())?;
    if let Some(name) = name {
        offer.name = super::registry::own_name(&name).to_owned();
    }
    offer.refuse_problems()?;
    let hooks = root.hooks_folder(wish.distribution);
    let before = standing(&hooks, &offer.name)?;
    if before.is_empty() {
        // says which there are
        upkeep::find(root, wish.distribution, &offer.name, &[])?;
        bail!("{} has no grant: add it with `pressroom hook add`", offer.name);
    }
    let points: Vec<Point> = before.keys().copied().collect();
    refuse_missing_points(&offer, &points).with_context(|| {
        format!(
            "{} cannot take its place: take it away there first, with `pressroom hook remove --point`",
            offer.path.display()
        )
    })?;
    let granting = Granting::read(wish.grants, &offer)?;
    let lists: Vec<&[String]> =
        before.values().map(|standing| signed_by::required(root, &standing.grant.signed_by)).collect();
    // one that is already in its folder may have its signature in its grant
    let kept = before
        .values()
        .find_map(|standing| signed_by::verify_installed(root, &standing.grant, &offer.bytes).ok().flatten());
    let signed = match kept {
        Some(good) if wish.signature.is_none() => Some(good),
        _ => verify(root, &lists, wish.signature, &offer, now)?,
    };
    let old = Old::read(before.values().map(|standing| (standing.path.as_path(), &standing.grant)));
    let requested_before = before.values().find_map(|standing| standing.grant.requested.clone());
    let (placings, asked) = placings(root, &offer, &points, before, &granting, &[], signed.as_ref(), None);
    let requested = (requested_before.as_ref(), &asked.capabilities);
    let difference = difference(old.as_ref(), requested, &offer, &placings);
    let granted = common(placings.iter().map(|placing| &placing.grant.capabilities));
    let mut upgraded = Upgraded {
        name: offer.name.clone(),
        not_granted: not_granted(&offer, &granted, &asked),
        paths: Vec::new(),
        difference,
        signed_by: signed.map(|good| good.fingerprint),
        disabled: placings.iter().any(|placing| placing.grant.disabled),
        warnings: offer
            .findings
            .iter()
            .filter(|finding| finding.weight == Weight::Warning)
            .map(|finding| finding.text.clone())
            .collect(),
        points,
    };
    if wish.dry_run {
        let aside = tempfile::tempdir().context("cannot make a folder to compile in")?;
        let sandbox = sandbox.clone().requiring_walls(root.config.hooks.require_walls);
        offer.compile(&sandbox, &upgraded.points, aside.path())?;
    } else {
        take_in(root, db, sandbox, &offer, &upgraded.points, now)?;
        upgraded.paths = put_in_place(&hooks, &placings, &offer.name, &offer.bytes, &asked)?;
    }
    Ok(upgraded)
}

/// The component that is replaced, if it is the one that was granted.
struct Old {
    sha256: Sha256,
    inspection: Option<Inspection>,
}

impl Old {
    fn read<'a>(mut standing: impl Iterator<Item = (&'a Path, &'a super::grant::Grant)>) -> Option<Self> {
        let (path, grant) = standing.next()?;
        let bytes = read_component(path).ok().filter(|bytes| Sha256::of(bytes) == grant.sha256);
        let inspection = bytes
            .and_then(|bytes| pressroom_sandbox::examine(&bytes, HostVersion::this()).ok())
            .map(|examination| examination.inspection);
        Some(Self { sha256: grant.sha256, inspection })
    }
}

fn difference(
    old: Option<&Old>,
    (requested_before, requested): (Option<&super::grant::Capabilities>, &super::grant::Capabilities),
    offer: &Offer,
    placings: &[Placing],
) -> Difference {
    let was = old.and_then(|old| old.inspection.as_ref());
    let is = &offer.inspection;
    fn change<T>(was: Option<&Inspection>, is: &Inspection, what: impl Fn(&Inspection) -> T) -> Change<T> {
        Change { before: was.map(&what), after: what(is) }
    }
    let names = |capabilities: &super::grant::Capabilities| capabilities.names().into_iter().collect();
    let granted_before =
        common(placings.iter().filter_map(|placing| Some(&placing.before.as_ref()?.grant.capabilities)));
    let granted_after = common(placings.iter().map(|placing| &placing.grant.capabilities));
    let limits = |grant: &super::grant::Grant| {
        table(&grant.limits).into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    };
    let first = placings.first();
    let new_config_keys = offer
        .manifest
        .iter()
        .flat_map(|manifest| manifest.config.keys())
        .filter(|key| first.is_some_and(|placing| !placing.grant.config.contains_key(*key)))
        .cloned()
        .collect();
    Difference {
        sha256: Change { before: old.map(|old| old.sha256.to_string()), after: offer.sha256.to_string() },
        size_bytes: change(was, is, |one| one.size_bytes),
        memories: change(was, is, |one| one.memories),
        versions: change(was, is, |one| one.versions.clone()),
        exported_points: change(was, is, |one| one.points.iter().map(ToString::to_string).collect()),
        imports: change(was, is, |one| one.imports.clone()),
        wasi_imports: change(was, is, |one| one.wasi_imports.clone()),
        functions: change(was, is, functions),
        requested: Change { before: requested_before.map(names), after: names(requested) },
        granted: Change { before: Some(names(&granted_before)), after: names(&granted_after) },
        limits: Change {
            before: first.and_then(|placing| Some(limits(&placing.before.as_ref()?.grant))),
            after: first.map(|placing| limits(&placing.grant)).unwrap_or_default(),
        },
        new_config_keys,
    }
}

/// `archive.changes`, sorted.
pub(crate) fn functions(inspection: &Inspection) -> Vec<String> {
    let of = |(interface, functions): (&String, &Vec<String>)| {
        let plain = |function: &String| function.rsplit(']').next().unwrap_or(function).to_owned();
        functions.iter().map(|function| format!("{interface}.{}", plain(function))).collect::<Vec<_>>()
    };
    inspection.functions.iter().flat_map(of).collect()
}
