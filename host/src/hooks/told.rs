//! What a hook is told: of a pass in work, or again of one of the past.
//!
//! What the hooks of a point were told is kept with the run in a form of its own, so that neither the sandbox's words nor the WIT are bound to what lies in
//! the database. What a hook may ask of the archive is not kept: it is answered from the rows, which say what a pass has changed for as long as they exist.

use jiff::Timestamp;
use pressroom_archive::domain::{DistributionId, PassId, PassPriority};
use pressroom_archive::store::archive::{Archive, archive};
use pressroom_archive::store::hook_run::{self, HookRun};
use pressroom_archive::store::pass::find_pass;
use pressroom_archive::store::{Connection, StoreError};
use pressroom_sandbox::{Context, FinalizeContext, PassContext, Pocket, Point, Suite};
use serde::{Deserialize, Serialize};

use super::convert::pass_suites;
use super::dispatch::PassFacts;
use crate::root::Root;

/// What a hook is told, and the rows that this is about.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) context: Context,
    pub(super) distribution: DistributionId,
    /// The archives with their passes: one, but for finalize.
    pub(super) archives: Vec<(Archive, PassId)>,
    /// Why nobody knows what the pass changes, where that is so.
    pub(super) changes_unknown: Option<String>,
}

impl Told {
    /// The first pass, under which its calls are recorded.
    pub(super) fn pass(&self) -> Option<PassId> {
        self.archives.first().map(|(_, pass)| *pass)
    }

    pub(super) const fn priority(&self) -> PassPriority {
        match &self.context {
            Context::PrePublication(context) | Context::PostPublication(context) => {
                PassPriority::new(context.priority)
            }
            Context::Finalize(context) => PassPriority::new(context.priority),
        }
    }

    pub(super) fn suites(&self) -> &[Suite] {
        match &self.context {
            Context::PrePublication(context) | Context::PostPublication(context) => &context.suites,
            Context::Finalize(context) => &context.suites,
        }
    }

    pub(super) fn site_name(&self) -> &str {
        match &self.context {
            Context::PrePublication(context) | Context::PostPublication(context) => &context.site_name,
            Context::Finalize(context) => &context.site_name,
        }
    }

    pub(super) fn started(&self) -> Timestamp {
        let seconds = i64::try_from(self.context.started()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    }

    /// As it is kept in `hook_context`.
    pub(super) fn kept(&self) -> String {
        serde_json::to_string(&Kept::of(self)).unwrap_or_default()
    }
}

/// What a point's hooks were told, as it is kept. Everything that is added here later needs a default.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    run: u64,
    priority: u8,
    distribution: String,
    /// With the pass over each; the context's own pass is the first.
    archives: Vec<KeptArchive>,
    suites: Vec<KeptSuite>,
    /// Seconds since 1970.
    started: u64,
    site_name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptArchive {
    archive: String,
    pass: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptSuite {
    name: String,
    series: String,
    pocket: KeptPocket,
    components: Vec<String>,
    architectures: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptPocket {
    Release,
    Security,
    Updates,
    Proposed,
    Backports,
}

impl KeptSuite {
    fn of(suite: &Suite) -> Self {
        let Suite { name, series, pocket, components, architectures } = suite.clone();
        let pocket = match pocket {
            Pocket::Release => KeptPocket::Release,
            Pocket::Security => KeptPocket::Security,
            Pocket::Updates => KeptPocket::Updates,
            Pocket::Proposed => KeptPocket::Proposed,
            Pocket::Backports => KeptPocket::Backports,
        };
        Self { name, series, pocket, components, architectures }
    }

    fn suite(self) -> Suite {
        let Self { name, series, pocket, components, architectures } = self;
        let pocket = match pocket {
            KeptPocket::Release => Pocket::Release,
            KeptPocket::Security => Pocket::Security,
            KeptPocket::Updates => Pocket::Updates,
            KeptPocket::Proposed => Pocket::Proposed,
            KeptPocket::Backports => Pocket::Backports,
        };
        Suite { name, series, pocket, components, architectures }
    }
}

/// What the hooks of a point are told of a pass.
pub(super) fn told(root: &Root, point: Point, facts: &PassFacts<'_>) -> Told {
    let kept = Kept {
        run: facts.run.0.cast_unsigned(),
        priority: facts.priority.as_u8(),
        distribution: facts.distribution.name.to_string(),
        archives: facts
            .archives
            .iter()
            .map(|(archive, pass)| KeptArchive { archive: archive.reference.to_string(), pass: pass.0 })
            .collect(),
        suites: pass_suites(facts.shapes).iter().map(KeptSuite::of).collect(),
        started: facts.started.as_second().cast_unsigned(),
        site_name: root.site_name(),
    };
    Told {
        context: kept.context(point, Effect::Real),
        distribution: facts.distribution.id,
        archives: facts.archives.to_vec(),
        changes_unknown: None,
    }
}

/// Whether a call is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// What it does counts.
    Real,
    /// It is told that it is not, and nothing of it is kept.
    DryRun,
}

/// Why nobody knows what a hook was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    #[error(
        "what it was told is not kept (any more): `replayable-runs` in pressroom.toml says for how many runs it is"
    )]
    Expired,
    #[error("what it was told was written by another version of pressroom, which this one cannot read")]
    Unreadable(#[source] serde_json::Error),
    #[error("the archive {0} that it was told of is not there any more")]
    NoArchive(String),
}

/// What a call of the past was told.
pub(super) fn told_then(
    db: &Connection,
    point: Point,
    first: &HookRun,
    effect: Effect,
) -> Result<Result<Told, Untold>, StoreError> {
    let Some(text) = hook_run::kept_context(db, first)? else { return Ok(Err(Untold::Expired)) };
    let kept: Kept = match serde_json::from_str(&text) {
        Ok(kept) => kept,
        Err(error) => return Ok(Err(Untold::Unreadable(error))),
    };
    let mut archives: Vec<(Archive, PassId)> = Vec::new();
    for one in &kept.archives {
        let gone = || Untold::NoArchive(one.archive.clone());
        let Ok(reference) = one.archive.parse() else { return Ok(Err(gone())) };
        match archive(db, &reference) {
            Ok(archive) => archives.push((archive, PassId(one.pass))),
            Err(StoreError::Unknown { .. }) => return Ok(Err(gone())),
            Err(error) => return Err(error),
        }
    }
    let Some((first, _)) = archives.first() else {
        return Ok(Err(Untold::NoArchive(kept.distribution)));
    };
    let distribution = first.distribution;
    let mut changes_unknown = None;
    for (_, id) in &archives {
        if find_pass(db, *id)?.is_none_or(|pass| pass.changes_forgotten) {
            changes_unknown = Some(format!(
                "pass {id} was given up, and what it would have changed is not known any more: it is kept for the last such pass alone"
            ));
        }
    }
    Ok(Ok(Told { context: kept.context(point, effect), distribution, archives, changes_unknown }))
}

impl Kept {
    fn of(told: &Told) -> Self {
        let archives = told
            .archives
            .iter()
            .map(|(archive, pass)| KeptArchive { archive: archive.reference.to_string(), pass: pass.0 })
            .collect();
        let suites = told.suites().iter().map(KeptSuite::of).collect();
        match &told.context {
            Context::PrePublication(context) | Context::PostPublication(context) => Self {
                run: context.run,
                priority: context.priority,
                distribution: context.distribution.clone(),
                archives,
                suites,
                started: context.started,
                site_name: context.site_name.clone(),
            },
            Context::Finalize(context) => Self {
                run: context.run,
                priority: context.priority,
                distribution: context.distribution.clone(),
                archives,
                suites,
                started: context.started,
                site_name: context.site_name.clone(),
            },
        }
    }

    fn context(self, point: Point, effect: Effect) -> Context {
        let Self { run, priority, distribution, archives, suites, started, site_name } = self;
        let pass = archives.first().map_or(0, |one| one.pass.cast_unsigned());
        let dry_run = effect == Effect::DryRun;
        let suites: Vec<Suite> = suites.into_iter().map(KeptSuite::suite).collect();
        let archives: Vec<String> = archives.into_iter().map(|one| one.archive).collect();
        match point {
            Point::PrePublication | Point::PostPublication => {
                let context = PassContext {
                    run,
                    pass,
                    priority,
                    distribution,
                    archive: archives.into_iter().next().unwrap_or_default(),
                    suites,
                    started,
                    site_name,
                    dry_run,
                };
                if point == Point::PrePublication {
                    Context::PrePublication(context)
                } else {
                    Context::PostPublication(context)
                }
            }
            Point::Finalize => Context::Finalize(FinalizeContext {
                run,
                pass,
                priority,
                distribution,
                archives,
                suites,
                started,
                site_name,
                dry_run,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let kept = |text: &str| serde_json::from_str::<Kept>(text);
        let text = r#"{"run":3,"priority":0,"distribution":"acme","archives":[{"archive":"acme","pass":4},
            {"archive":"acme/partner","pass":5}],"suites":[{"name":"aurora-security","series":"aurora","pocket":"security",
            "components":["main"],"architectures":["amd64"]}],"started":7,"site-name":"here"}"#;
        let Context::Finalize(context) = kept(text).unwrap().context(Point::Finalize, Effect::DryRun) else {
            panic!("this was to be of finalize");
        };
        assert_eq!((context.run, context.pass, context.started), (3, 4, 7));
        assert_eq!(context.archives, ["acme", "acme/partner"]);
        assert_eq!(context.suites[0].pocket, Pocket::Security);
        assert!(context.dry_run);
        let Context::PrePublication(context) =
            kept(text).unwrap().context(Point::PrePublication, Effect::Real)
        else {
            panic!("this was to be of pre-publication");
        };
        assert_eq!(context.archive, "acme");
        assert!(!context.dry_run);
        assert!(kept("{}").is_err());
        assert!(kept(&text.replace("security\"", "securely\"")).is_err());
    }
}
