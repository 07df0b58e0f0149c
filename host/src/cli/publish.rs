//! `pressroom publish`.

use indicatif::ProgressBar;
use pressroom_archive::domain::{
    ArchiveReference, DistributionName, PackageKind, PassPriority, PublicationStatus, RunId, SuiteName,
};
use pressroom_archive::store::{Db, pass, suite};
use serde::Serialize;

use super::output::{BAD, BOLD, DIM, WARN, painted, spinner};
use super::{End, Session, the_distribution};
use crate::conductor::plan::{Plan, plan};
use crate::conductor::{Options, Progress, RunEnd, run};

const EXAMPLES: &str = "\
One run: the security fast track (priority 0) if something waits there, then everything else (priority 1). From cron, every five minutes:
  */5 * * * *  pressroom --root /srv/apt publish

Examples:
  pressroom publish --dry-run
  pressroom publish --security-only
  pressroom publish --suite one-updates --careful";

/// Publish what is pending: make the indexes, run the hooks, sign, and put the new tree in place in one step.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Publish {
    /// The distribution; without it, the only one.
    #[arg(long)]
    distribution: Option<DistributionName>,
    /// Only this suite; again for more. Others stay as they are, and keep what waits in them.
    #[arg(long = "suite", value_name = "SUITE")]
    suites: Vec<SuiteName>,
    /// Only the security fast track.
    #[arg(long)]
    security_only: bool,
    /// Make all indexes of the suites again, whether something changed or not.
    #[arg(long)]
    careful: bool,
    /// Print what a run would do, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Shows the step on a terminal.
struct Spinner(ProgressBar);

impl Progress for Spinner {
    fn step(&self, archive: &ArchiveReference, priority: PassPriority, name: &str) {
        self.0.set_message(format!("{archive}, {priority} priority: {name}"));
    }
}

#[derive(Serialize)]
struct Published {
    run: i64,
    outcome: &'static str,
    message: String,
    passes: Vec<PublishedPass>,
}

#[derive(Serialize)]
struct PublishedPass {
    pass: i64,
    priority: u8,
    state: &'static str,
    suites: Vec<String>,
    published_sources: u64,
    published_binaries: u64,
    superseded: u64,
}

impl Publish {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let distribution = the_distribution(db.read(), self.distribution.as_ref())?;
        let options = Options {
            suites: self.suites.iter().cloned().collect(),
            security_only: self.security_only,
            careful: self.careful,
        };
        if self.dry_run {
            let plan = plan(&root, &mut db, &distribution, &options, session.clock)?;
            session.output.show(&plan, || plan_text(&plan))?;
            return Ok(End::Success);
        }
        let spinner = Spinner(spinner());
        let result = run(&root, &distribution.name, &options, session.clock, &spinner);
        spinner.0.finish_and_clear();
        let report = result?;
        let (outcome, message, end) = match &report.end {
            RunEnd::Succeeded => ("succeeded", String::new(), End::Success),
            RunEnd::Held(reason) => ("held", reason.clone(), End::Held),
            RunEnd::Failed(reason) => ("failed", reason.clone(), End::Failure),
        };
        let published = Published { run: report.run.0, outcome, message, passes: passes(&db, report.run)? };
        session.output.show(&published, || text(&published))?;
        match end {
            End::Success => {}
            End::Held => anstream::eprintln!(
                "{} {}",
                painted(WARN, "held by a hook, nothing of that pass was published:"),
                published.message
            ),
            End::Failure => {
                anstream::eprintln!("{} {}", painted(BAD, "not all was done:"), published.message);
            }
        }
        Ok(end)
    }
}

fn passes(db: &Db, run: RunId) -> anyhow::Result<Vec<PublishedPass>> {
    let mut passes = Vec::new();
    for one in pass::passes_of(db.read(), run)? {
        let suites = pass::suites_of_pass(db.read(), one.id)?;
        let names = suite::suites_of(db.read(), one.archive)?
            .into_iter()
            .filter(|suite| suites.contains(&suite.id))
            .map(|suite| suite.name.to_string())
            .collect();
        let counts = pass::transition_counts(db.read(), one.id)?;
        let count = |wanted: PublicationStatus, of: Option<PackageKind>| {
            counts
                .iter()
                .filter(|(kind, status, _)| *status == wanted && of.is_none_or(|of| of == *kind))
                .map(|(.., count)| count)
                .sum()
        };
        passes.push(PublishedPass {
            pass: one.id.0,
            priority: one.priority.as_u8(),
            state: one.state.as_str(),
            suites: names,
            published_sources: count(PublicationStatus::Published, Some(PackageKind::Source)),
            published_binaries: count(PublicationStatus::Published, Some(PackageKind::Binary)),
            superseded: count(PublicationStatus::Superseded, None),
        });
    }
    Ok(passes)
}

fn text(published: &Published) -> String {
    if published.passes.is_empty() {
        return "Nothing to publish.\n".to_owned();
    }
    let mut text = String::new();
    for pass in published.passes.iter().filter(|pass| pass.state == "INSTALLED") {
        text.push_str(&format!(
            "{} {}: {} sources and {} binaries published, {} superseded\n",
            painted(BOLD, format!("{} priority", PassPriority::new(pass.priority))),
            pass.suites.join(" "),
            pass.published_sources,
            pass.published_binaries,
            pass.superseded
        ));
    }
    text
}

/// So many changes of a suite are listed for a person.
const LISTED_CHANGES: usize = 50;

fn plan_text(plan: &Plan) -> String {
    let mut text = String::new();
    for pass in &plan.passes {
        let priority = PassPriority::new(pass.priority);
        text.push_str(&format!(
            "{}\n",
            painted(BOLD, format!("A pass over {} with {priority} priority", pass.archive))
        ));
        for suite in &pass.suites {
            text.push_str(&format!("  {}: {}\n", painted(BOLD, &suite.suite), suite.reasons.join("; ")));
            for change in suite.changes.iter().take(LISTED_CHANGES) {
                text.push_str(&format!(
                    "    {} {} {} {} in {}\n",
                    change.to_status.as_str().to_ascii_lowercase(),
                    change.name,
                    change.version,
                    painted(DIM, &change.architecture),
                    change.component
                ));
            }
            if let Some(more) = suite.changes.len().checked_sub(LISTED_CHANGES).filter(|more| *more > 0) {
                text.push_str(&format!("    and {more} more (all of them with --format json)\n"));
            }
        }
        for (point, hooks) in [
            ("pre-publication", &pass.pre_publication),
            ("post-publication", &pass.post_publication),
            ("finalize", &pass.finalize),
        ] {
            if !hooks.is_empty() {
                text.push_str(&format!("  {point}: {}\n", hooks.join(", ")));
            }
        }
    }
    if plan.passes.is_empty() {
        text.push_str("Nothing to publish.\n");
    }
    for refused in &plan.refused {
        text.push_str(&format!("{} {refused}\n", painted(WARN, "refused:")));
    }
    for complaint in &plan.complaints {
        text.push_str(&format!("{} {complaint}\n", painted(WARN, "will not run:")));
    }
    text
}
