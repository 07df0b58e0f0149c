//! What a run would do: worked out in a transaction that is taken back, so that it is what a run does and nothing stays.

use pressroom_archive::accept::{Done, process_within};
use pressroom_archive::custom::inherit_customs;
use pressroom_archive::domain::{PassPriority, PublicationStatus, Publisher, RunId, SuiteName};
use pressroom_archive::dominate::dominate;
use pressroom_archive::store::archive::{Archive, archives as archives_of};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::pass::begin_pass;
use pressroom_archive::store::source_group::publishable_files;
use pressroom_archive::store::suite::Dirt;
use pressroom_archive::store::survey::survey;
use pressroom_archive::store::transition::{
    NamedTransition, Transition, changed_publications, named_transitions, plan_transitions,
};
use pressroom_archive::store::{Db, StoreError, Transaction, hook_run, run as run_rows};
use pressroom_sandbox::Point;

use super::context::{Options, Phases};
use super::prepare;
use super::retry::AFTER_INSTALLATION;
use super::select::{self, published_archives, select};
use crate::clock::Clock;
use crate::hooks::Registry;
use crate::root::{Root, SigningKeys};

/// A pass that would be.
#[derive(Debug, serde::Serialize)]
pub(crate) struct PlannedPass {
    pub(crate) archive: String,
    /// 0 high, 1 low.
    pub(crate) priority: u8,
    pub(crate) suites: Vec<PlannedSuite>,
    pub(crate) pre_publication: Vec<String>,
    pub(crate) post_publication: Vec<String>,
    pub(crate) finalize: Vec<String>,
}

/// A suite that would be published, and why.
#[derive(Debug, serde::Serialize)]
pub(crate) struct PlannedSuite {
    pub(crate) suite: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) changes: Vec<NamedTransition>,
}

/// The whole plan.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Plan {
    pub(crate) distribution: String,
    /// Whose run it would be.
    pub(crate) publisher: Publisher,
    /// Uploads that were accepted and would get their publications.
    pub(crate) accepted: Vec<Done>,
    pub(crate) passes: Vec<PlannedPass>,
    pub(crate) refused: Vec<String>,
    /// Suites that somebody holds, or of which changes wait for approval.
    pub(crate) left_alone: Vec<String>,
    /// Hooks of earlier runs that would be called again.
    pub(crate) called_again: Vec<String>,
    /// Files in hook folders that will not run.
    pub(crate) complaints: Vec<String>,
    /// Hooks that are to run at every publication, and cannot.
    pub(crate) blocked: Vec<String>,
}

/// Plans a run.
pub(crate) fn plan(
    root: &Root,
    db: &mut Db,
    (distribution, publisher): (&Distribution, Publisher),
    options: &Options,
    clock: Clock,
) -> Result<Plan, StoreError> {
    let registry = Registry::load(root, db.read(), &root.hooks_folder(&distribution.name))?;
    let keys = root.signing_keys(clock.began());
    let archives = published_archives(db.read(), distribution, publisher, options)?;
    let librarian = root.librarian();
    let mut all_archives = archives_of(db.read(), distribution.id)?;
    all_archives.retain(|archive| archive.publisher() == publisher && options.has(&archive.reference));
    let unknown = select::unknown_suites(db.read(), &archives, &options.suites)?;
    if let Some(name) = unknown.first() {
        return Err(select::no_such_suite(db.read(), &archives, name)?);
    }
    if let Some(veto_override) = &options.veto_override {
        select::refuse_unknown_hooks(&registry, veto_override)?;
    }
    let said = |blocks: bool| {
        let those = registry.complaints.iter().filter(|complaint| complaint.blocks == blocks);
        those
            .map(|complaint| format!("{}: {}", complaint.path.display(), complaint.reason))
            .collect::<Vec<_>>()
    };
    let mut plan = Plan {
        distribution: distribution.name.to_string(),
        publisher,
        accepted: Vec::new(),
        passes: Vec::new(),
        refused: Vec::new(),
        left_alone: Vec::new(),
        called_again: Vec::new(),
        complaints: said(false),
        blocked: said(true),
    };
    db.rehearse(|tx| {
        let now = clock.began();
        let run = run_rows::begin_run(tx, "plan", "", distribution.id, now)?;
        for point in AFTER_INSTALLATION {
            for first in
                hook_run::due_retries(tx, (distribution.id, publisher), point.as_str(), run, clock.now())?
            {
                let of_run = first.call.run;
                plan.called_again.push(format!("{} ({point}) of run {of_run}", first.call.hook));
            }
        }
        prepare::mark_within(tx, &archives, options, now)?;
        for archive in &all_archives {
            let is_wanted = |name: &SuiteName| options.is_for(name);
            let report = process_within(tx, &librarian, archive, &is_wanted, now)?;
            plan.accepted.extend(report.done);
            plan.refused.extend(report.stuck.iter().map(ToString::to_string));
        }
        let is_wanted = |name: &SuiteName| options.is_for(name);
        for archive in &archives {
            plan.left_alone.extend(inherit_customs(tx, archive, &is_wanted, now)?.left_out);
        }
        let planner = Planner { root, distribution, options, clock, keys: &keys, registry: &registry, run };
        planner.passes(tx, &archives, &mut plan)
    })?;
    Ok(plan)
}

/// What is asked, and by what it is judged.
struct Planner<'a> {
    root: &'a Root,
    distribution: &'a Distribution,
    options: &'a Options,
    clock: Clock,
    keys: &'a SigningKeys<'a>,
    registry: &'a Registry,
    run: RunId,
}

impl Planner<'_> {
    /// The passes of both priorities, and what would be refused.
    fn passes(&self, tx: &Transaction<'_>, archives: &[Archive], plan: &mut Plan) -> Result<(), StoreError> {
        let mut published = Vec::new();
        for priority in [PassPriority::HIGH, PassPriority::LOW] {
            if priority == PassPriority::LOW && self.options.security_only {
                break;
            }
            let survey = survey(tx, self.distribution.id)?;
            for archive in archives {
                let now = self.clock.now();
                let mut selection = select(tx, &survey, archive, priority, self.options, now, self.keys)?;
                let dists = self.root.archive_paths(archive).dists();
                select::refuse_taken(tx, archive, &dists, &mut selection)?;
                // both priorities find what is refused, and what is left alone
                add(&mut plan.refused, selection.refused.into_iter().map(|refusal| refusal.reason));
                add(&mut plan.left_alone, selection.left_alone);
                // what the fast track would have published is clean by then
                selection.suites.retain(|dirt| !published.contains(&dirt.suite.id));
                if selection.suites.is_empty() {
                    continue;
                }
                // without a key the run ends before, and the command says so
                if let Ok(keys) = self.keys.fingerprints(tx, archive) {
                    let (suites, began) = (&selection.suites, self.clock.began());
                    let refused = select::release_date(archive, suites, &keys, self.options, began).err();
                    add(&mut plan.refused, refused.map(|refused| refused.to_string()));
                }
                published.extend(selection.suites.iter().map(|dirt| dirt.suite.id));
                plan.passes.push(self.planned(tx, archive, priority, selection.suites)?);
            }
        }
        Ok(())
    }

    /// A pass, with what it would change.
    fn planned(
        &self,
        tx: &Transaction<'_>,
        archive: &Archive,
        priority: PassPriority,
        suites: Vec<Dirt>,
    ) -> Result<PlannedPass, StoreError> {
        let began = self.clock.began();
        let pass = begin_pass(tx, self.run, archive.id, priority, &suites, began, began)?;
        let mut transitions: Vec<Transition> = Vec::new();
        for dirt in suites.iter().filter(|dirt| !dirt.only_release && !self.options.disabled.publishing) {
            for file in publishable_files(tx, &dirt.suite, self.clock.now())? {
                if transitions
                    .last()
                    .is_none_or(|last| (last.kind, last.publication) != (file.kind, file.publication))
                {
                    transitions.push(Transition {
                        kind: file.kind,
                        publication: file.publication,
                        from_status: PublicationStatus::Pending,
                        to_status: PublicationStatus::Published,
                        superseded_by: None,
                    });
                }
            }
        }
        plan_transitions(tx, pass, &transitions)?;
        dominate(tx, pass, self.options.judged(), self.root.config.death_row.stay(), began)?;
        let changes = named_transitions(tx, pass, &changed_publications(tx, pass)?)?;
        let suites = suites.into_iter().map(|dirt| PlannedSuite {
            suite: dirt.suite.name.to_string(),
            reasons: reasons(&dirt, self.options),
            changes: changes.iter().filter(|change| change.suite == dirt.suite.id).cloned().collect(),
        });
        let names = |point| self.registry.at(point).iter().map(|entry| entry.file_name.clone()).collect();
        Ok(PlannedPass {
            archive: archive.reference.to_string(),
            priority: priority.as_u8(),
            suites: suites.collect(),
            pre_publication: names(Point::PrePublication),
            post_publication: names(Point::PostPublication),
            finalize: names(Point::Finalize),
        })
    }
}

/// Says what was not said yet.
fn add(said: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for one in more {
        if !said.contains(&one) {
            said.push(one);
        }
    }
}

fn reasons(dirt: &Dirt, options: &Options) -> Vec<String> {
    let mut reasons: Vec<String> = dirt.reasons().iter().map(ToString::to_string).collect();
    let Phases { publishing, domination, indexing, release_file } = options.careful;
    let careful: Vec<&str> = [
        ("publishing", publishing),
        ("domination", domination),
        ("indexing", indexing),
        ("release", release_file),
    ]
    .into_iter()
    .filter_map(|(phase, is_careful)| is_careful.then_some(phase))
    .collect();
    match careful.len() {
        0 => {}
        4 => reasons.push("careful".to_owned()),
        _ => reasons.push(format!("careful {}", careful.join(", "))),
    }
    reasons
}
