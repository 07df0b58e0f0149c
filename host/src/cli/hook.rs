//! `pressroom hook`.

use std::path::PathBuf;

use anyhow::Context;
use pressroom_archive::domain::DistributionName;
use pressroom_archive::store::Db;
use pressroom_archive::store::distribution::distributions;
use pressroom_sandbox::{Inspection, Point, Sandbox};
use serde::Serialize;

use super::output::{BAD, BOLD, DIM, GOOD, WARN, bytes, painted};
use super::{End, Session, the_distribution};
use crate::hooks::add::{self, Wish};
use crate::hooks::{self, Grant, Kind, Manifest, Registry};
use crate::root::Root;

/// List, add and look at hooks: what runs before and after a publication, and at its end.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List what will run at each point, in order, with what it was granted, and what will not run and why.
    List {
        /// Only this distribution.
        #[arg(long)]
        distribution: Option<DistributionName>,
    },
    /// Add a WASM hook: check it, compile it in a limited process, pin it by its digest, and write its grant.
    ///
    /// A hook that is there already is replaced, and keeps its number, grants, limits and configuration. A hook is granted nothing that --grant does
    /// not name. What its author asks for stands in its manifest: a file of the hook's name with the ending
    /// .toml beside it, or the one that --manifest names.
    ///
    /// For example: pressroom hook add trace.wasm --manifest hook.toml --grant requested
    Add {
        #[arg(value_name = "FILE")]
        component: PathBuf,
        /// The distribution; without it, the only one.
        #[arg(long)]
        distribution: Option<DistributionName>,
        /// Where it is to run; again for more. Without it: where its manifest says, or all that it exports.
        #[arg(long = "point", value_name = "POINT")]
        points: Vec<Point>,
        /// The number before its name, which decides the order. Without it: its manifest's, or 50.
        #[arg(long, value_name = "NN", value_parser = clap::value_parser!(u8).range(0..=99))]
        order: Option<u8>,
        /// What its author says of it.
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
        /// What it may do: archive, state, staging (read the staged tree), staging=PATTERN (write there), signing=PATTERN, or requested (all that its
        /// manifest asks for); again for more.
        #[arg(long = "grant", value_name = "CAPABILITY")]
        grants: Vec<String>,
    },
    /// Look at a component without running it: its points, what it wants of the host, its size and digest.
    Inspect {
        #[arg(value_name = "FILE")]
        component: PathBuf,
    },
    /// Compile hooks that are not compiled for this version of pressroom, as after an upgrade.
    Compile {
        /// Only this distribution.
        #[arg(long)]
        distribution: Option<DistributionName>,
    },
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        match self {
            Self::List { distribution } => list(session, distribution.as_ref()),
            Self::Add { component, distribution, points, order, manifest, grants } => {
                let root = session.root()?;
                let mut db = root.db()?;
                let distribution = the_distribution(db.read(), distribution.as_ref())?;
                let wish = Wish {
                    component,
                    distribution: &distribution.name,
                    points,
                    order: *order,
                    manifest: manifest.as_deref(),
                    grants,
                };
                let added = add::add(&root, &mut db, &hooks::sandbox()?, &wish, session.clock.now())?;
                let shown = Added {
                    name: added.name,
                    files: added.paths,
                    sha256: added.inspection.sha256.to_string(),
                    granted: added.granted.names().into_iter().collect(),
                    not_granted: added.not_granted,
                };
                session.output.show(&shown, || added_text(&shown))?;
                Ok(End::Success)
            }
            Self::Inspect { component } => inspect(session, component),
            Self::Compile { distribution } => compile(session, distribution.as_ref()),
        }
    }
}

#[derive(Serialize)]
struct Added {
    name: String,
    files: Vec<PathBuf>,
    sha256: String,
    granted: Vec<String>,
    /// Asked for by the author, and not granted.
    not_granted: Vec<String>,
}

fn added_text(added: &Added) -> String {
    let mut text = format!("Added the hook {}:\n", painted(BOLD, &added.name));
    for file in &added.files {
        text.push_str(&format!("  {}\n", file.display()));
    }
    if !added.granted.is_empty() {
        text.push_str(&format!("It is granted {}.\n", added.granted.join(", ")));
    }
    if !added.not_granted.is_empty() {
        text.push_str(&format!(
            "{} {}. To grant it, add the hook again with --grant, or change the .toml beside it.\n",
            painted(WARN, "It asks for, and was not granted:"),
            added.not_granted.join(", ")
        ));
    }
    text
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
    hooks: Vec<ShownHook>,
}

#[derive(Serialize)]
struct ShownHook {
    hook: String,
    kind: &'static str,
    path: PathBuf,
    sha256: Option<String>,
    granted: Vec<String>,
}

#[derive(Serialize)]
struct ShownComplaint {
    path: PathBuf,
    reason: String,
    /// Nothing is published until this is put right.
    blocks: bool,
}

fn list(session: &Session, only: Option<&DistributionName>) -> anyhow::Result<End> {
    let root = session.root()?;
    let db = root.db()?;
    let all = match only {
        Some(name) => vec![pressroom_archive::store::distribution::distribution(db.read(), name)?],
        None => distributions(db.read())?,
    };
    let mut shown = Vec::new();
    for distribution in all {
        let registry = Registry::load(&root, db.read(), &root.hooks_folder(&distribution.name))?;
        let points = Point::ALL
            .into_iter()
            .map(|point| ShownPoint {
                point: point.as_str(),
                hooks: registry
                    .at(point)
                    .iter()
                    .map(|entry| {
                        let (kind, sha256, granted) = match &entry.kind {
                            Kind::Wasm { grant, .. } => (
                                "wasm",
                                Some(grant.sha256.to_string()),
                                grant.capabilities.names().into_iter().collect(),
                            ),
                            Kind::Executable => ("executable", None, Vec::new()),
                        };
                        ShownHook {
                            hook: entry.file_name.clone(),
                            kind,
                            path: entry.path.clone(),
                            sha256,
                            granted,
                        }
                    })
                    .collect(),
            })
            .collect();
        let complaints = registry
            .complaints
            .into_iter()
            .map(|complaint| ShownComplaint {
                path: complaint.path,
                reason: complaint.reason,
                blocks: complaint.blocks,
            })
            .collect();
        shown.push(ShownDistribution { distribution: distribution.name.to_string(), points, complaints });
    }
    session.output.show(&shown, || shown.iter().map(list_text).collect())?;
    Ok(End::Success)
}

fn list_text(shown: &ShownDistribution) -> String {
    let mut text = format!("{}\n", painted(BOLD, &shown.distribution));
    for point in &shown.points {
        let none = if point.hooks.is_empty() { painted(DIM, " (none)") } else { String::new() };
        text.push_str(&format!("  {}{none}\n", point.point));
        for hook in &point.hooks {
            let more = match (&hook.sha256, hook.granted.is_empty()) {
                (Some(sha256), true) => format!("wasm {}, granted nothing", &sha256[..12]),
                (Some(sha256), false) => {
                    format!("wasm {}, granted {}", &sha256[..12], hook.granted.join(", "))
                }
                (None, _) => hook.kind.to_owned(),
            };
            text.push_str(&format!("    {} {}\n", painted(GOOD, &hook.hook), painted(DIM, more)));
        }
    }
    for complaint in &shown.complaints {
        let (style, word) =
            if complaint.blocks { (BAD, "stops the publication:") } else { (WARN, "will not run:") };
        text.push_str(&format!(
            "  {} {}: {}\n",
            painted(style, word),
            complaint.path.display(),
            complaint.reason
        ));
    }
    text
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

fn inspect(session: &Session, component: &std::path::Path) -> anyhow::Result<End> {
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
fn is_grant(path: &std::path::Path) -> bool {
    Grant::read(path).is_ok()
}

fn compile(session: &Session, only: Option<&DistributionName>) -> anyhow::Result<End> {
    let root = session.root()?;
    let mut db = root.db()?;
    let sandbox = hooks::sandbox()?;
    let all = match only {
        Some(name) => vec![pressroom_archive::store::distribution::distribution(db.read(), name)?],
        None => distributions(db.read())?,
    };
    let (mut compiled, mut failed) = (Vec::new(), false);
    for distribution in all {
        let folder = root.hooks_folder(&distribution.name);
        for path in hooks::point_folders(&folder).iter().flat_map(|folder| add::components(folder)) {
            // one that cannot be compiled does not stop the others
            match compile_one(session, &root, &mut db, &sandbox, &path) {
                Ok(()) => compiled.push(path),
                Err(error) => {
                    failed = true;
                    anstream::eprintln!("{} {}: {error:#}", painted(BAD, "not compiled:"), path.display());
                }
            }
        }
    }
    session.output.show(&compiled, || {
        compiled.iter().map(|path| format!("compiled {}\n", path.display())).collect::<String>()
            + if compiled.is_empty() && !failed { "There is no hook to compile.\n" } else { "" }
    })?;
    Ok(if failed { End::Failure } else { End::Success })
}

fn compile_one(
    session: &Session,
    root: &Root,
    db: &mut Db,
    sandbox: &Sandbox,
    path: &std::path::Path,
) -> anyhow::Result<()> {
    let grant = Grant::read(&path.with_extension("toml"))?;
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if pressroom_archive::domain::Sha256::of(&content) != grant.sha256 {
        anyhow::bail!(
            "it is not the component that its grant names; if it is meant, add it again with `pressroom hook add`"
        );
    }
    add::compile(root, db, sandbox, path, &content, &grant.points, session.clock.now())
}
