//! `pressroom publish`.

use std::collections::BTreeSet;

use indicatif::ProgressBar;
use pressroom_archive::domain::{
    ArchivePurpose, ArchiveReference, DistributionName, PackageKind, PassPriority, PassState, Pocket,
    PublicationStatus, RunId, SuiteName,
};
use pressroom_archive::store::archive::{archive_by_id, archives};
use pressroom_archive::store::distribution::{Distribution, distribution, distributions};
use pressroom_archive::store::hook_run::{self, HookRun, Overridden};
use pressroom_archive::store::{Connection, Db, StoreError, pass, suite};
use serde::Serialize;

use super::measure::{Measure, Measured, Measuring};
use super::operator::{self, As};
use super::output::{BAD, BOLD, DIM, WARN, painted, spinner};
use super::{End, Session, exit};
use crate::conductor::plan::{Plan, plan};
use crate::conductor::{Options, Progress, RunEnd, RunReport, published_archives, run};
use crate::hooks::{VetoOverride, is_called};
use crate::mail;
use crate::root::Root;

const EXAMPLES: &str = "\
One run: what was accepted gets its publications (as by `pressroom process-accepted`), then the security fast track (priority 0) if something waits
there, then everything else (priority 1). From cron, every five minutes:
  */5 * * * *  pressroom --root /srv/apt publish

Examples:
  pressroom publish --dry-run
  pressroom publish --security-only
  pressroom publish --timings --trace publish.json
  pressroom publish --suite one-updates --careful
  pressroom publish --override-veto license-check --reason \"cleared by legal, ticket 12\"";

/// Publish what is pending: make the indexes, run the hooks, sign, and put the new tree in place in one step.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Publish {
    /// The distribution; without it, all of them, one after the other: one that fails does not stop the next.
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
    /// Let a Release be older than the one that it replaces: for a clock that was ahead once. Clients complain until that date.
    #[arg(long)]
    accept_older_date: bool,
    /// Let a veto of this hook not hold a pass of this run; again for more. What the hook wrote is dropped, and that it was overridden is recorded
    /// with --reason.
    #[arg(long = "override-veto", value_name = "HOOK", requires = "reason", conflicts_with = "dry_run")]
    override_veto: Vec<String>,
    /// Why the veto does not count.
    #[arg(long, value_name = "TEXT", requires = "override_veto")]
    reason: Option<String>,
    /// Who says so: a person, where there are any; without it, as for every command that decides, who is set in pressroom.toml or the person who is
    /// this Unix user.
    #[arg(long = "as", value_name = "NAME", requires = "override_veto")]
    by: Option<String>,
    /// Print what a run would do, and do nothing.
    #[arg(long, conflicts_with_all = ["timings", "trace"])]
    dry_run: bool,
    #[command(flatten)]
    measure: Measure,
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
    distribution: String,
    run: i64,
    outcome: &'static str,
    message: String,
    passes: Vec<PublishedPass>,
    /// Vetoes that did not hold a pass, because an operator said so.
    overridden: Vec<OverriddenVeto>,
    /// Hooks that --override-veto names and that did not veto.
    not_needed: Vec<String>,
    #[serde(flatten)]
    measured: Measured,
}

#[derive(Serialize)]
struct OverriddenVeto {
    pass: Option<i64>,
    hook: String,
    veto: String,
    by: String,
    reason: String,
}

#[derive(Serialize)]
struct PublishedPass {
    pass: i64,
    archive: String,
    /// Whether the archive is another one than the distribution's primary one.
    #[serde(skip)]
    is_beside: bool,
    priority: u8,
    state: &'static str,
    suites: Vec<String>,
    published_sources: u64,
    published_binaries: u64,
    superseded: u64,
    deleted: u64,
}

impl Publish {
    pub(super) const fn measure(&self) -> &Measure {
        &self.measure
    }

    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        if self.security_only && self.suites.iter().any(|suite| suite.pocket() != Pocket::Security) {
            return Err(exit::usage(
                "--security-only publishes security suites alone: name those with --suite, or leave one of the two out",
            ));
        }
        let wanted = self.wanted(db.read(), self.veto_override(&root, &db)?.as_ref())?;
        if wanted.is_empty() {
            return Err(exit::usage(
                "there is no distribution yet: make one with `pressroom distribution add NAME`",
            ));
        }
        if self.dry_run {
            return plan_all(session, &root, &mut db, &wanted);
        }
        let mut shown: Vec<Published> = Vec::new();
        let mut worst = Ok(End::Success);
        for (one, options) in &wanted {
            let measuring = Measuring::begin(session);
            let report = publish_one(session, &root, one, options);
            let measured = measuring.end();
            let end = match report {
                Ok(report) => published(&db, one, options, report, measured).map(|(published, end)| {
                    shown.push(published);
                    end
                }),
                Err(error) => {
                    // it is among the results of no run
                    measured.say(wanted.len() > 1, one.name.as_str());
                    Err(error)
                }
            };
            let end = end.map_err(|error| {
                // with one alone, what is said at the end is enough
                if wanted.len() > 1 {
                    error.context(format!("{} was not published", one.name))
                } else {
                    error
                }
            });
            if let (Err(earlier), Err(_)) = (&worst, &end) {
                anstream::eprintln!("{} {earlier:#}", painted(BAD, "error:"));
                worst = Ok(End::Failure);
            }
            worst = exit::worse(worst, end);
        }
        session.output.show(&shown, || shown.iter().map(|one| text(one, shown.len() > 1)).collect())?;
        for one in &shown {
            if session.output.is_text() {
                one.measured.say(wanted.len() > 1, &one.distribution);
            }
            for OverriddenVeto { hook, veto, by, reason, .. } in &one.overridden {
                let head = painted(WARN, "overridden:");
                anstream::eprintln!(
                    "{head} {hook} has vetoed ({veto}); it does not count, says {by}: {reason}"
                );
            }
            for hook in &one.not_needed {
                anstream::eprintln!("{} {hook} did not veto", painted(WARN, "nothing to override:"));
            }
            match one.outcome {
                "held" => anstream::eprintln!(
                    "{} {}",
                    painted(WARN, "held by a hook, nothing of that pass was published:"),
                    one.message
                ),
                "failed" => anstream::eprintln!("{} {}", painted(BAD, "not all was done:"), one.message),
                _ => {}
            }
        }
        mail::deliver(&root, &mut db, &session.clock, root.config.mail.time_limit()).warn();
        worst
    }

    /// The vetoes that do not count, with who says so and why.
    fn veto_override(&self, root: &Root, db: &Db) -> anyhow::Result<Option<VetoOverride>> {
        if self.override_veto.is_empty() {
            return Ok(None);
        }
        let Overridden { by, reason } =
            operator::word(root, db, self.reason.as_deref(), &As::named(self.by.as_deref()))?;
        Ok(Some(VetoOverride { hooks: self.override_veto.iter().cloned().collect(), by, reason }))
    }

    /// The distributions that are meant, each with what is asked of it: those that have one of the named suites, and only these names.
    fn wanted(
        &self,
        db: &Connection,
        veto_override: Option<&VetoOverride>,
    ) -> anyhow::Result<Vec<(Distribution, Options)>> {
        let all = match &self.distribution {
            Some(name) => vec![distribution(db, name)?],
            None => distributions(db)?,
        };
        let only = all.len() == 1;
        if !only && veto_override.is_some() {
            let names: Vec<String> = all.iter().map(|one| one.name.to_string()).collect();
            return Err(exit::usage(format!(
                "a veto is overridden for one distribution: name it with --distribution: {}",
                names.join(", ")
            )));
        }
        let mut known = BTreeSet::new();
        let mut wanted = Vec::new();
        for one in all {
            let mut suites = BTreeSet::new();
            for archive in archives(db, one.id)? {
                suites.extend(suite::suites_of(db, archive.id)?.into_iter().map(|suite| suite.name));
            }
            let named: BTreeSet<SuiteName> =
                self.suites.iter().filter(|name| suites.contains(name)).cloned().collect();
            known.append(&mut suites);
            if only || self.suites.is_empty() || !named.is_empty() {
                let options = Options {
                    suites: named,
                    security_only: self.security_only,
                    careful: self.careful,
                    accept_older_date: self.accept_older_date,
                    veto_override: veto_override.cloned(),
                };
                wanted.push((one, options));
            }
        }
        if let Some(name) = self.suites.iter().find(|name| !known.contains(name)) {
            let known = known.iter().map(ToString::to_string).collect();
            return Err(StoreError::Unknown { what: "suite", name: name.to_string(), known }.into());
        }
        Ok(wanted)
    }
}

fn plan_all(
    session: &Session,
    root: &Root,
    db: &mut Db,
    wanted: &[(Distribution, Options)],
) -> anyhow::Result<End> {
    let mut plans = Vec::new();
    for (one, options) in wanted {
        plans.push(plan(root, db, one, options, session.clock)?);
    }
    session.output.show(&plans, || plans.iter().map(plan_text).collect())?;
    // what would stop the run is said as the run would say it
    let keys = root.signing_keys(session.clock.began());
    for (one, _) in wanted {
        keys.check(db.read(), &published_archives(db.read(), one)?)?;
    }
    if plans.iter().any(|plan| !plan.blocked.is_empty()) {
        return Err(exit::configuration(
            "a run would publish nothing, because hooks that are to run cannot (see above)",
        ));
    }
    Ok(if plans.iter().all(|plan| plan.refused.is_empty()) { End::Success } else { End::Failure })
}

fn publish_one(
    session: &Session,
    root: &Root,
    distribution: &Distribution,
    options: &Options,
) -> anyhow::Result<RunReport> {
    let spinner = Spinner(spinner());
    let result = run(root, &distribution.name, options, session.clock, &spinner);
    spinner.0.finish_and_clear();
    result
}

fn published(
    db: &Db,
    distribution: &Distribution,
    options: &Options,
    report: RunReport,
    measured: Measured,
) -> anyhow::Result<(Published, End)> {
    let (outcome, message, end) = match report.end {
        RunEnd::Succeeded => ("succeeded", String::new(), End::Success),
        RunEnd::Held(reason) => ("held", reason, End::Held),
        RunEnd::Failed(reason) => ("failed", reason, End::Failure),
    };
    let (overridden, not_needed) = overridden(db, options, report.run)?;
    let published = Published {
        distribution: distribution.name.to_string(),
        run: report.run.0,
        outcome,
        message,
        passes: passes(db, report.run)?,
        overridden,
        not_needed,
        measured,
    };
    Ok((published, end))
}

/// The vetoes of a run that did not count, and the hooks that were named in vain.
fn overridden(
    db: &Db,
    options: &Options,
    run: RunId,
) -> Result<(Vec<OverriddenVeto>, Vec<String>), StoreError> {
    let Some(VetoOverride { hooks: named, .. }) = &options.veto_override else {
        return Ok((Vec::new(), Vec::new()));
    };
    let mut vetoes = Vec::new();
    for HookRun { pass, hook, summary, overridden, .. } in
        hook_run::hook_runs_of(db.read(), run)?.into_iter().map(|one| one.call)
    {
        vetoes.extend(overridden.map(|Overridden { by, reason }| OverriddenVeto {
            pass: pass.map(|pass| pass.0),
            hook,
            veto: summary,
            by,
            reason,
        }));
    }
    let in_vain = named.iter().filter(|name| !vetoes.iter().any(|veto| is_called(&veto.hook, name)));
    let in_vain = in_vain.cloned().collect();
    Ok((vetoes, in_vain))
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
        // what an abandoned pass would have done is kept for dry runs, and was not done
        let counts = match one.state {
            PassState::Abandoned => Vec::new(),
            PassState::Preparing | PassState::Installing | PassState::Installed => {
                pass::transition_counts(db.read(), one.id)?
            }
        };
        let count = |wanted: PublicationStatus, of: Option<PackageKind>| {
            counts
                .iter()
                .filter(|(kind, status, _)| *status == wanted && of.is_none_or(|of| of == *kind))
                .map(|(.., count)| count)
                .sum()
        };
        let archive = archive_by_id(db.read(), one.archive)?;
        passes.push(PublishedPass {
            pass: one.id.0,
            is_beside: archive.purpose != ArchivePurpose::Primary,
            archive: archive.reference.to_string(),
            priority: one.priority.as_u8(),
            state: one.state.as_str(),
            suites: names,
            published_sources: count(PublicationStatus::Published, Some(PackageKind::Source)),
            published_binaries: count(PublicationStatus::Published, Some(PackageKind::Binary)),
            superseded: count(PublicationStatus::Superseded, None),
            deleted: count(PublicationStatus::Deleted, None),
        });
    }
    Ok(passes)
}

fn text(published: &Published, is_one_of_many: bool) -> String {
    let mut text = String::new();
    if is_one_of_many {
        text.push_str(&format!("{}\n", painted(BOLD, &published.distribution)));
    }
    let installed = published.passes.iter().filter(|pass| pass.state == "INSTALLED");
    for pass in installed {
        let of = if pass.is_beside { format!(" {}", pass.archive) } else { String::new() };
        text.push_str(&format!(
            "{}{of} {}: {} sources and {} binaries published, {} superseded{}\n",
            painted(BOLD, format!("{} priority", PassPriority::new(pass.priority))),
            pass.suites.join(" "),
            pass.published_sources,
            pass.published_binaries,
            pass.superseded,
            if pass.deleted > 0 { format!(", {} deleted", pass.deleted) } else { String::new() }
        ));
    }
    if published.passes.is_empty() && published.outcome == "succeeded" {
        text.push_str("Nothing to publish.\n");
    }
    text
}

/// So many changes of a suite are listed for a person.
const LISTED_CHANGES: usize = 50;

fn plan_text(plan: &Plan) -> String {
    let mut text = String::new();
    for one in plan.accepted.iter().take(LISTED_CHANGES) {
        text.push_str(&super::process_accepted::line(one, "would get"));
    }
    if let Some(more) = plan.accepted.len().checked_sub(LISTED_CHANGES).filter(|more| *more > 0) {
        text.push_str(&format!("and {more} more accepted uploads (all of them with --format json)\n"));
    }
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
    for again in &plan.called_again {
        text.push_str(&format!("{} {again}\n", painted(BOLD, "called again:")));
    }
    for refused in &plan.refused {
        text.push_str(&format!("{} {refused}\n", painted(WARN, "refused:")));
    }
    for complaint in &plan.complaints {
        text.push_str(&format!("{} {complaint}\n", painted(WARN, "will not run:")));
    }
    for blocked in &plan.blocked {
        text.push_str(&format!("{} {blocked}\n", painted(BAD, "stops the publication:")));
    }
    text
}
