//! Taking a WASM hook in: looked at, its signature verified, compiled in a limited child, instantiated with everything denied, pinned by digest.
//! Compilation never happens in a run.
//!
//! Everything that can be refused is refused before a file in a hook folder is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use pressroom_archive::disk;
use pressroom_archive::domain::{DistributionName, Sha256};
use pressroom_archive::openpgp::GoodSignature;
use pressroom_archive::store::{Db, StoreError, hook};
use pressroom_sandbox::{HostVersion, Inspection, Limits, Point, Sandbox, artefact_key};

use super::grant::{Capabilities, Grant, GrantLimits, OnFailure};
use super::grant_text::Asked;
use super::http::DEFAULT_TIME;
use super::offer::{Offer, Weight, imported, kinds};
use super::place::{GrantInPlace, Placing, put_in_place};
use super::registry::artefact_path;
use super::signed_by;
use crate::root::{Config, Root};

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
    /// Names of capabilities, `limits`, or `requested`.
    pub(crate) grants: &'a [String],
    /// None: the one beside the component, if there is one.
    pub(crate) signature: Option<&'a Path>,
    /// Whose signature it must have, from now on; empty: as it was, or as the configuration says.
    pub(crate) signed_by: &'a [String],
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
    pub(crate) signed: Option<GoodSignature>,
    /// It stands there and does not run, because it was disabled before.
    pub(crate) disabled: bool,
    pub(crate) warnings: Vec<String>,
}

/// What `--grant` names.
#[derive(Debug, Default)]
pub(crate) struct Granting {
    pub(crate) capabilities: Capabilities,
    /// Limits beyond those that hold otherwise.
    pub(crate) limits: bool,
}

impl Granting {
    /// Reads the words of `--grant`; `requested` is all that the offer's manifest asks for.
    pub(crate) fn read(words: &[String], offer: &Offer) -> anyhow::Result<Self> {
        let mut granting = Self::default();
        for word in words {
            match word.as_str() {
                "requested" => {
                    let Some(manifest) = &offer.manifest else {
                        bail!(
                            "--grant requested: nobody says what {} asks for; name its manifest with --manifest, or what is to be granted",
                            offer.name
                        );
                    };
                    granting.capabilities.extend(&manifest.capabilities);
                    granting.limits = true;
                }
                "limits" => granting.limits = true,
                _ => granting
                    .capabilities
                    .add(word)
                    .map_err(anyhow::Error::msg)
                    .context("--grant cannot be used")?,
            }
        }
        Ok(granting)
    }
}

/// Adds a hook to a distribution.
pub(crate) fn add(
    root: &Root,
    db: &mut Db,
    sandbox: &Sandbox,
    wish: &Wish<'_>,
    now: Timestamp,
) -> anyhow::Result<Added> {
    let offer = Offer::read(wish.component, wish.manifest, HostVersion::this())?;
    offer.refuse_problems()?;
    let hooks = root.hooks_folder(wish.distribution);
    let before = standing(&hooks, &offer.name)?;
    let points: Vec<Point> = if !wish.points.is_empty() {
        wish.points.to_vec()
    } else if !before.is_empty() {
        before.keys().copied().collect()
    } else if let Some(manifest) = &offer.manifest {
        manifest.points.clone()
    } else {
        offer.inspection.points.clone()
    };
    refuse_missing_points(&offer, &points)?;
    let granting = Granting::read(wish.grants, &offer)?;
    let signed = accept_signature(root, wish, &offer, before.values(), now)?;
    let (placings, asked) =
        placings(root, &offer, &points, before, &granting, wish.signed_by, signed.as_ref(), wish.order);
    take_in(root, db, sandbox, &offer, &points, now)?;
    let paths = put_in_place(&hooks, &placings, &offer.name, &offer.bytes, &asked)?;
    let granted = common(placings.iter().map(|placing| &placing.grant.capabilities));
    Ok(Added {
        not_granted: not_granted(&offer, &granted, &asked),
        granted,
        disabled: placings.iter().any(|placing| placing.grant.disabled),
        warnings: offer
            .findings
            .iter()
            .filter(|finding| finding.weight == Weight::Warning)
            .map(|finding| finding.text.clone())
            .collect(),
        name: offer.name,
        inspection: offer.inspection,
        paths,
        signed,
    })
}

/// A hook's earlier builds, by point.
pub(crate) fn standing(hooks: &Path, name: &str) -> anyhow::Result<BTreeMap<Point, GrantInPlace>> {
    let mut found = BTreeMap::new();
    for point in Point::ALL {
        found.extend(GrantInPlace::find(hooks, point, name)?.map(|standing| (point, standing)));
    }
    Ok(found)
}

/// Refuses a component that lacks a point at which it is to run.
pub(crate) fn refuse_missing_points(offer: &Offer, points: &[Point]) -> anyhow::Result<()> {
    let exported = &offer.inspection.points;
    let list = |points: &mut dyn Iterator<Item = &Point>| {
        points.map(|point| point.as_str()).collect::<Vec<_>>().join(", ")
    };
    let missing = list(&mut points.iter().filter(|point| !exported.contains(point)));
    if missing.is_empty() {
        return Ok(());
    }
    bail!("{} has no {missing}: it exports {}", offer.path.display(), list(&mut exported.iter()))
}

/// The signature of what is offered, where somebody asks for one: the operator now, the grants that are there, or the configuration.
fn accept_signature<'a>(
    root: &Root,
    wish: &Wish<'_>,
    offer: &Offer,
    before: impl Iterator<Item = &'a GrantInPlace>,
    now: Timestamp,
) -> anyhow::Result<Option<GoodSignature>> {
    let lists: Vec<&[String]> = if wish.signed_by.is_empty() {
        let lists: Vec<&[String]> =
            before.map(|standing| signed_by::required(root, &standing.grant.signed_by)).collect();
        if lists.is_empty() { vec![signed_by::required(root, &[])] } else { lists }
    } else {
        vec![wish.signed_by]
    };
    verify(root, &lists, wish.signature, offer, now)
}

/// Verifies the signature of an offer for each list of people that asks for one.
pub(crate) fn verify(
    root: &Root,
    lists: &[&[String]],
    signature: Option<&Path>,
    offer: &Offer,
    now: Timestamp,
) -> anyhow::Result<Option<GoodSignature>> {
    if lists.iter().all(|list| list.is_empty()) {
        if let Some(path) = signature {
            bail!(
                "the signature {} cannot be verified: nobody says whose it must be; name the author's certificate with --signed-by, or under [hooks] \
                 in pressroom.toml",
                path.display()
            );
        }
        return Ok(None);
    }
    let signature = signed_by::read_signature(signature, &offer.path)?;
    let mut good = None;
    for list in lists {
        let one = signed_by::verify_offered(root, list, signature.as_deref(), &offer.bytes, now)
            .with_context(|| format!("{} is refused", offer.path.display()))?;
        good = one.or(good);
    }
    Ok(good)
}

/// The grants that the offer is to have at its points, and what stays asked for.
///
/// What the operator has said of an earlier build of this hook at a point holds for this one there.
#[expect(clippy::too_many_arguments, reason = "what a grant is made of, told apart by their types")]
pub(crate) fn placings(
    root: &Root,
    offer: &Offer,
    points: &[Point],
    mut before: BTreeMap<Point, GrantInPlace>,
    granting: &Granting,
    signed_by: &[String],
    signed: Option<&GoodSignature>,
    order: Option<u8>,
) -> (Vec<Placing>, Asked) {
    let manifest = offer.manifest.as_ref();
    let suggested = manifest.map(|manifest| manifest.order.min(99)).unwrap_or(50);
    // one that comes without its manifest is taken to ask for what it asked for before
    let recorded = before.values().find_map(|standing| standing.grant.requested.clone());
    let requested = match (manifest, recorded) {
        (None, Some(recorded)) => recorded,
        _ => offer.requested(),
    };
    let mut asked = Asked {
        name: offer.name.clone(),
        description: manifest.map(|manifest| manifest.description.clone()).unwrap_or_default(),
        capabilities: requested.clone(),
        limits: GrantLimits::default(),
    };
    let mut placings = Vec::new();
    for point in points {
        let standing = before.remove(point);
        let mut grant = match &standing {
            Some(standing) => standing.grant.clone(),
            None => Grant {
                sha256: offer.sha256,
                replaces: None,
                moved_from: None,
                disabled: false,
                points: vec![*point],
                on_failure: OnFailure::default(),
                signed_by: Vec::new(),
                signature: None,
                capabilities: Capabilities::default(),
                limits: GrantLimits::default(),
                config: manifest.map(|manifest| manifest.config.clone()).unwrap_or_default(),
                requested: None,
                secrets: BTreeMap::new(),
            },
        };
        grant.sha256 = offer.sha256;
        grant.capabilities.extend(&granting.capabilities);
        grant.requested = Some(requested.clone()).filter(|requested| *requested != Capabilities::default());
        if !signed_by.is_empty() {
            grant.signed_by = signed_by.to_vec();
        }
        grant.signature = signed.map(|good| good.armored.clone());
        let (limits, beyond) = limits(&root.config, &grant.limits, &offer.limits(), standing.is_none());
        grant.limits = if granting.limits { with(&limits, &beyond) } else { limits };
        if !granting.limits {
            asked.limits = with(&asked.limits, &beyond);
        }
        let number = standing.as_ref().map_or(suggested, |standing| standing.order);
        placings.push(Placing { point: *point, order: order.unwrap_or(number), grant, before: standing });
    }
    (placings, asked)
}

/// What is granted at all points.
pub(crate) fn common<'a>(mut all: impl Iterator<Item = &'a Capabilities>) -> Capabilities {
    let first = all.next().cloned().unwrap_or_default();
    all.fold(first, |common, one| common.common_with(one))
}

/// What the author asks for and is not granted, by name.
pub(crate) fn not_granted(offer: &Offer, granted: &Capabilities, asked: &Asked) -> Vec<String> {
    let have = granted.names();
    let mut names = asked.capabilities.names();
    // without a manifest, and without knowing which paths: what is to be signed
    if offer.manifest.is_none() && asked.capabilities == offer.requested() {
        names.extend(imported(&offer.inspection));
    }
    let kinds = kinds(&have);
    names.retain(|name| !have.contains(name) && (name.contains('=') || !kinds.contains(name)));
    names.into_iter().chain(words(&asked.limits)).collect()
}

/// Limits as words: `wall-seconds=5`.
pub(crate) fn words(limits: &GrantLimits) -> Vec<String> {
    table(limits).into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// The limits that a hook gets without asking, and those of its author's that are beyond. A new hook gets what its author asks for below the
/// configuration's limits; one that is there keeps what it has.
fn limits(
    config: &Config,
    has: &GrantLimits,
    asks: &GrantLimits,
    is_new: bool,
) -> (GrantLimits, GrantLimits) {
    let defaults = Limits::default();
    let ceilings = table(&GrantLimits {
        wall_seconds: Some(config.hooks.wall_seconds),
        memory_bytes: Some(config.hooks.memory_bytes),
        host_calls: Some(defaults.host_calls),
        log_lines: Some(defaults.log_lines),
        report_bytes: Some(defaults.report_bytes),
        staging_bytes: Some(config.hooks.staging_bytes),
        staging_files: Some(config.hooks.staging_files),
        state_bytes: Some(config.hooks.state_bytes),
        http_requests: Some(defaults.http_requests),
        http_request_bytes: Some(defaults.http_request_bytes),
        http_response_bytes: Some(defaults.http_response_bytes),
        http_seconds: Some(DEFAULT_TIME.as_secs()),
    });
    let (mut own, mut beyond) = (table(has), toml::Table::new());
    for (key, value) in table(asks) {
        let most = own.get(&key).or_else(|| ceilings.get(&key)).and_then(toml::Value::as_integer);
        if most.is_none_or(|most| value.as_integer().is_none_or(|asks| asks > most)) {
            beyond.insert(key, value);
        } else if is_new {
            own.insert(key, value);
        }
    }
    (untable(own), untable(beyond))
}

/// Limits with those of another in place of their own.
fn with(limits: &GrantLimits, other: &GrantLimits) -> GrantLimits {
    let mut both = table(limits);
    both.extend(table(other));
    untable(both)
}

pub(crate) fn table(limits: &GrantLimits) -> toml::Table {
    toml::Table::try_from(limits).unwrap_or_default()
}

fn untable(table: toml::Table) -> GrantLimits {
    table.try_into().unwrap_or_default()
}

/// The components in a hook folder, by name.
pub(crate) fn components(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "wasm"));
    paths.sort();
    paths
}

/// Compiles a component, sees that it can be instantiated, and keeps its native code.
pub(crate) fn take_in(
    root: &Root,
    db: &mut Db,
    sandbox: &Sandbox,
    offer: &Offer,
    points: &[Point],
    now: Timestamp,
) -> anyhow::Result<()> {
    let engine = artefact_key(&offer.inspection.sha256);
    let place = artefact_path(root, &engine);
    let folder = root.artefacts_folder();
    disk::make_private_folder(&folder)?;
    let aside = tempfile::Builder::new()
        .prefix("compile-")
        .tempdir_in(&folder)
        .with_context(|| format!("cannot make a folder in {}", folder.display()))?;
    let sandbox = &sandbox.clone().requiring_walls(root.config.hooks.require_walls);
    let compiled = offer.compile(sandbox, points, aside.path())?;
    disk::rename(&compiled.artefact.path, &place)?;
    disk::sync_folder(&folder)?;
    let artefact: Sha256 = compiled.artefact.sha256.to_string().parse().context("the artefact's digest")?;
    db.write(|tx| hook::record_artefact(tx, &offer.sha256, &engine, &artefact, compiled.artefact_bytes, now))
        .map_err(|error: StoreError| error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_beyond_the_operators_is_asked_for_and_one_below_is_taken() {
        let config = Config::default();
        let asks = GrantLimits {
            wall_seconds: Some(10),
            memory_bytes: Some(config.hooks.memory_bytes + 1),
            ..GrantLimits::default()
        };
        let (own, beyond) = limits(&config, &GrantLimits::default(), &asks, true);
        assert_eq!(words(&own), ["wall-seconds=10"]);
        assert_eq!(words(&beyond), [format!("memory-bytes={}", config.hooks.memory_bytes + 1)]);
        // one that is there keeps its own, and asks for what is beyond those
        let has =
            GrantLimits { wall_seconds: Some(5), memory_bytes: Some(1 << 40), ..GrantLimits::default() };
        let (own, beyond) = limits(&config, &has, &asks, false);
        assert_eq!(own, has);
        assert_eq!(words(&beyond), ["wall-seconds=10"]);
    }
}
