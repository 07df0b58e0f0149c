//! `pressroom publish`.

mod what;

use indicatif::ProgressBar;
use pressroom_archive::domain::{
    ArchivePurpose, ArchiveReference, PackageKind, PassPriority, PassState, Pocket, PublicationStatus,
    Publisher, RunId, SuiteName,
};
use pressroom_archive::store::archive::archive_by_id;
use pressroom_archive::store::distribution::distributions;
use pressroom_archive::store::hook_run::{self, HookRun, Overridden};
use pressroom_archive::store::{Db, StoreError, pass, suite, transition};
use serde::Serialize;
use what::{Order, What};

use super::measure::{Measure, Measured, Measuring};
use super::output::{BAD, BOLD, DIM, WARN, painted, spinner};
use super::who::{self, As};
use super::{End, Session, exit};
use crate::conductor::plan::{Plan, plan};
use crate::conductor::{Options, Phases, Progress, RunEnd, RunReport, published_archives, run};
use crate::hooks::{VetoOverride, is_called};
use crate::mail;
use crate::root::Root;

const EXAMPLES: &str = "\
One run: what was accepted gets its publications (as by `pressroom process-accepted`), then the security fast track (priority 0) if something waits
there, then everything else (priority 1). The distribution's own archives, those of people, private ones and copies have publishers of their own, each with
a lock, which may run beside each other. Without any word all of them run, one after the other, but for copies. From cron:
  */5 * * * *  pressroom --root /srv/apt publish
or, so that people's archives do not wait for the distribution:
  2 * * * *    pressroom --root /srv/apt publish --main-archives
  */5 * * * *  pressroom --root /srv/apt publish --ppas
  */5 * * * *  pressroom --root /srv/apt publish --ppas --private

Examples:
  pressroom publish --dry-run
  pressroom publish --main-archives
  pressroom publish --ppas --private
  pressroom publish --all-derived --exclude demo/partner
  pressroom publish --security-only
  pressroom publish --timings --trace publish.json
  pressroom publish --suite one-updates --careful
  pressroom publish --override-veto license-check --reason \"cleared by legal, ticket 12\"";

/// Publish what is pending: make the indexes, run the hooks, sign, and put the new tree in place in one step.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Publish {
    #[command(flatten)]
    what: What,
    /// Only this suite; again for more. Others stay as they are, and keep what waits in them.
    #[arg(long = "suite", value_name = "SUITE")]
    suites: Vec<SuiteName>,
    /// Only the security fast track.
    #[arg(long)]
    security_only: bool,
    /// Publish this suite although nothing waits in it, besides those in which something does; again for more. The mark stays until a run has published
    /// it.
    #[arg(long = "dirty-suite", value_name = "SUITE")]
    dirty_suites: Vec<SuiteName>,
    #[command(flatten)]
    how: How,
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

/// Which phases are done with care, and which are left out.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Phases")]
struct How {
    /// With care in every phase that is not left out: all that follows.
    #[arg(long)]
    careful: bool,
    /// Look at the pool's file of everything that is published: make it again where it is lost, read it and say where its content is another.
    #[arg(long)]
    careful_publishing: bool,
    /// Judge every name of the suites of which several publications are published, not only those that change.
    #[arg(long)]
    careful_domination: bool,
    /// Make all indexes of the suites from the rows, and use nothing that is published.
    #[arg(long)]
    careful_indexing: bool,
    /// Make the Release of every suite again, and read every file that it lists.
    #[arg(long)]
    careful_release: bool,
    /// Publish nothing that waits, neither packages nor custom uploads: only what goes, and what was marked.
    #[arg(long, conflicts_with = "careful_publishing")]
    disable_publishing: bool,
    /// Let several publications of a name stand beside each other. The next run without this flag judges all names of these suites.
    #[arg(long, conflicts_with = "careful_domination")]
    disable_domination: bool,
    /// Make no indexes. What is published is in none of them until the next run without this flag makes all indexes of these suites.
    #[arg(long, conflicts_with = "careful_indexing")]
    disable_indexing: bool,
    /// Make no Release, and so install nothing: a pass ends after its hooks before publication, and what waits goes on waiting.
    #[arg(long, conflicts_with = "careful_release")]
    disable_release: bool,
}

impl How {
    /// The phases with care, and those that are left out.
    const fn phases(&self) -> (Phases, Phases) {
        let disabled = Phases {
            publishing: self.disable_publishing,
            domination: self.disable_domination,
            indexing: self.disable_indexing,
            release_file: self.disable_release,
        };
        let careful = Phases {
            publishing: (self.careful && !disabled.publishing) || self.careful_publishing,
            domination: (self.careful && !disabled.domination) || self.careful_domination,
            indexing: (self.careful && !disabled.indexing) || self.careful_indexing,
            release_file: (self.careful && !disabled.release_file) || self.careful_release,
        };
        (careful, disabled)
    }
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
    publisher: Publisher,
    run: i64,
    outcome: &'static str,
    message: String,
    passes: Vec<PublishedPass>,
    /// Suites and archives that were left alone, and why: no failure.
    left_alone: Vec<String>,
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

impl Published {
    /// What it was about, for a heading.
    fn what(&self) -> String {
        match self.publisher {
            Publisher::MainArchives => self.distribution.clone(),
            Publisher::Ppas | Publisher::PrivatePpas | Publisher::CopyArchives => {
                format!("{} of {}", self.publisher.what(), self.distribution)
            }
        }
    }

    /// Says on standard error what is to be known beside the result.
    fn say(&self, is_text: bool, is_one_of_many: bool) {
        if is_text {
            self.measured.say(is_one_of_many, &self.what());
            for note in &self.left_alone {
                anstream::eprintln!("{} {note}", painted(WARN, "left alone:"));
            }
        }
        for OverriddenVeto { hook, veto, by, reason, .. } in &self.overridden {
            let head = painted(WARN, "overridden:");
            anstream::eprintln!("{head} {hook} has vetoed ({veto}); it does not count, says {by}: {reason}");
        }
        for hook in &self.not_needed {
            anstream::eprintln!("{} {hook} did not veto", painted(WARN, "nothing to override:"));
        }
        match self.outcome {
            "held" => anstream::eprintln!(
                "{} {}",
                painted(WARN, "held by a hook, nothing of that pass was published:"),
                self.message
            ),
            "failed" => anstream::eprintln!("{} {}", painted(BAD, "not all was done:"), self.message),
            _ => {}
        }
    }
}

impl Publish {
    pub(super) const fn measure(&self) -> &Measure {
        &self.measure
    }

    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let wanted = self.wanted(&root, &db)?;
        if self.dry_run {
            return plan_all(session, &root, &mut db, &wanted);
        }
        let mut shown: Vec<Published> = Vec::new();
        let mut worst = Ok(End::Success);
        for order in &wanted {
            let measuring = Measuring::begin(session);
            let report = publish_one(session, &root, order);
            let measured = measuring.end();
            let end = match report {
                Ok(report) => published(&db, order, report, measured).map(|(published, end)| {
                    shown.push(published);
                    end
                }),
                Err(error) => {
                    // it is among the results of no run
                    measured.say(wanted.len() > 1, &order.what());
                    Err(error)
                }
            };
            let end = end.map_err(|error| {
                // with one alone, what is said at the end is enough
                if wanted.len() > 1 {
                    error.context(format!("{} was not published", order.what()))
                } else {
                    error
                }
            });
            worst = exit::worse(worst, end);
        }
        session.output.show(&shown, || shown.iter().map(|one| text(one, shown.len() > 1)).collect())?;
        for one in &shown {
            one.say(session.output.is_text(), wanted.len() > 1);
        }
        mail::deliver(&root, &mut db, &session.clock, root.config.mail.time_limit()).warn();
        worst
    }

    /// What is to be published, each with how; refused where that is not said well.
    fn wanted(&self, root: &Root, db: &Db) -> anyhow::Result<Vec<Order>> {
        let named = self.suites.iter().chain(&self.dirty_suites);
        if self.security_only && { named }.any(|suite| suite.pocket() != Pocket::Security) {
            return Err(exit::usage(
                "--security-only publishes security suites alone: name those, or leave one of the two out",
            ));
        }
        let veto_override = self.veto_override(root, db)?;
        let (careful, disabled) = self.how.phases();
        if disabled == Phases::ALL {
            return Err(exit::usage(
                "with all phases left out there is nothing to do: leave one of the flags out",
            ));
        }
        let asked = Options {
            suites: self.suites.iter().cloned().collect(),
            dirty_suites: self.dirty_suites.iter().cloned().collect(),
            security_only: self.security_only,
            accept_older_date: self.accept_older_date,
            careful,
            disabled,
            veto_override,
            ..Options::default()
        };
        let wanted = self.what.orders(db.read(), &asked)?;
        if wanted.is_empty() {
            return Err(if distributions(db.read())?.is_empty() {
                exit::usage("there is no distribution yet: make one with `pressroom distribution add NAME`")
            } else {
                exit::usage("there is no such archive: `pressroom archive list` shows those that there are")
            });
        }
        if asked.veto_override.is_some() && !What::is_one_distribution(&wanted) {
            let mut names: Vec<String> = wanted.iter().map(|one| one.distribution.name.to_string()).collect();
            names.dedup();
            return Err(exit::usage(format!(
                "a veto is overridden for one distribution: name it with --distribution: {}",
                names.join(", ")
            )));
        }
        Ok(wanted)
    }

    /// The vetoes that do not count, with who says so and why.
    fn veto_override(&self, root: &Root, db: &Db) -> anyhow::Result<Option<VetoOverride>> {
        if self.override_veto.is_empty() {
            return Ok(None);
        }
        let Overridden { by, reason } =
            who::word(root, db, self.reason.as_deref(), &As::named(self.by.as_deref()))?;
        Ok(Some(VetoOverride { hooks: self.override_veto.iter().cloned().collect(), by, reason }))
    }
}

fn plan_all(session: &Session, root: &Root, db: &mut Db, wanted: &[Order]) -> anyhow::Result<End> {
    let mut plans = Vec::new();
    for Order { distribution, publisher, options } in wanted {
        plans.push(plan(root, db, (distribution, *publisher), options, session.clock)?);
    }
    session.output.show(&plans, || plans.iter().map(plan_text).collect())?;
    // what would stop the run is said as the run would say it
    let keys = root.signing_keys(session.clock.began());
    for Order { distribution, publisher, options } in wanted {
        keys.check(db.read(), &published_archives(db.read(), distribution, *publisher, options)?)?;
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
    Order { distribution, publisher, options }: &Order,
) -> anyhow::Result<RunReport> {
    let spinner = Spinner(spinner());
    let result = run(root, (&distribution.name, *publisher), options, session.clock, &spinner);
    spinner.0.finish_and_clear();
    result
}

fn published(
    db: &Db,
    order: &Order,
    report: RunReport,
    measured: Measured,
) -> anyhow::Result<(Published, End)> {
    let (outcome, message, end) = match report.end {
        RunEnd::Succeeded => ("succeeded", String::new(), End::Success),
        RunEnd::Held(reason) => ("held", reason, End::Held),
        RunEnd::Failed(reason) => ("failed", reason, End::Failure),
    };
    let (overridden, not_needed) = overridden(db, &order.options, report.run)?;
    let published = Published {
        distribution: order.distribution.name.to_string(),
        publisher: order.publisher,
        run: report.run.0,
        outcome,
        message,
        passes: passes(db, report.run)?,
        left_alone: report.notes,
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
                transition::transition_counts(db.read(), one.id)?
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
        text.push_str(&format!("{}\n", painted(BOLD, published.what())));
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
    for note in &plan.left_alone {
        text.push_str(&format!("{} {note}\n", painted(WARN, "left alone:")));
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
