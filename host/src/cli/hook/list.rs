//! `pressroom hook list`.

use std::path::PathBuf;

use pressroom_archive::domain::DistributionName;
use pressroom_archive::store::distribution::{distribution, distributions};
use pressroom_sandbox::Point;
use serde::Serialize;

use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, painted};
use crate::cli::{End, Session};
use crate::hooks::{Kind, Registry};

/// List what will run at each point, in order, with what it was granted, and what will not run and why.
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

impl List {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        list(session, self.distribution.as_ref())
    }
}

fn list(session: &Session, only: Option<&DistributionName>) -> anyhow::Result<End> {
    let root = session.root()?;
    let db = root.db()?;
    let all = match only {
        Some(name) => vec![distribution(db.read(), name)?],
        None => distributions(db.read())?,
    };
    let mut shown = Vec::new();
    for one in all {
        let registry = Registry::load(&root, db.read(), &root.hooks_folder(&one.name))?;
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
        shown.push(ShownDistribution { distribution: one.name.to_string(), points, complaints });
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
