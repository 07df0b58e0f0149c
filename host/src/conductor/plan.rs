//! What a run would do: worked out in a transaction that is taken back, so that it is what a run does and nothing stays.

use pressroom_archive::accept::{Done, process_within};
use pressroom_archive::custom::inherit_customs;
use pressroom_archive::domain::{PassPriority, PublicationStatus, Publisher, SuiteName};
use pressroom_archive::dominate::dominate;
use pressroom_archive::store::archive::archives as archives_of;
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::pass::begin_pass;
use pressroom_archive::store::source_group::publishable_files;
use pressroom_archive::store::survey::survey;
use pressroom_archive::store::transition::{
    NamedTransition, Transition, changed_publications, named_transitions, plan_transitions,
};
use pressroom_archive::store::{Db, StoreError, hook_run, run as run_rows};
use pressroom_sandbox::Point;

use super::context::{Options, Phases};
use super::prepare;
use super::retry::AFTER_INSTALLATION;
use super::select::{self, published_archives, select};
use crate::clock::Clock;
use crate::hooks::Registry;
use crate::root::Root;

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
    let names = |point| registry.at(point).iter().map(|entry| entry.file_name.clone()).collect::<Vec<_>>();
    let unknown = select::unknown_suites(db.read(), &archives, &options.suites)?;
    if let Some(name) = unknown.first() {
        return Err(select::no_such_suite(db.read(), &archives, name)?);
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
        for archive in archives.iter().filter(|_| !options.disabled.publishing) {
            inherit_customs(tx, archive, &is_wanted, now)?;
        }
        let mut published = Vec::new();
        for priority in [PassPriority::HIGH, PassPriority::LOW] {
            if priority == PassPriority::LOW && options.security_only {
                break;
            }
            let survey = survey(tx, distribution.id)?;
            for archive in &archives {
                let mut selection = select(tx, &survey, archive, priority, options, clock.now(), &keys)?;
                plan.refused.extend(selection.refused.into_iter().map(|refusal| refusal.reason));
                for note in selection.left_alone {
                    if !plan.left_alone.contains(&note) {
                        plan.left_alone.push(note);
                    }
                }
                // what the fast track would have published is clean by then
                selection.suites.retain(|dirt| !published.contains(&dirt.suite.id));
                if selection.suites.is_empty() {
                    continue;
                }
                if let Err(older) = select::refuse_older(&selection.suites, options, now) {
                    plan.refused.push(older.to_string());
                }
                let pass = begin_pass(tx, run, archive.id, priority, &selection.suites, now, now)?;
                let mut transitions: Vec<Transition> = Vec::new();
                for dirt in &selection.suites {
                    published.push(dirt.suite.id);
                    if dirt.only_release || options.disabled.publishing {
                        continue;
                    }
                    for file in publishable_files(tx, &dirt.suite, clock.now())? {
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
                dominate(tx, pass, options.judged(), root.config.death_row.stay(), now)?;
                let changes = named_transitions(tx, pass, &changed_publications(tx, pass)?)?;
                let suites = selection
                    .suites
                    .into_iter()
                    .map(|dirt| PlannedSuite {
                        suite: dirt.suite.name.to_string(),
                        reasons: reasons(&dirt, options),
                        changes: changes
                            .iter()
                            .filter(|change| change.suite == dirt.suite.id)
                            .cloned()
                            .collect(),
                    })
                    .collect();
                plan.passes.push(PlannedPass {
                    archive: archive.reference.to_string(),
                    priority: priority.as_u8(),
                    suites,
                    pre_publication: names(Point::PrePublication),
                    post_publication: names(Point::PostPublication),
                    finalize: names(Point::Finalize),
                });
            }
        }
        Ok::<(), StoreError>(())
    })?;
    Ok(plan)
}

fn reasons(dirt: &pressroom_archive::store::suite::Dirt, options: &Options) -> Vec<String> {
    let mut reasons = Vec::new();
    if dirt.fresh {
        reasons.push("its indexes were not published yet, or show settings that have changed".to_owned());
    }
    if dirt.pending > 0 {
        reasons.push(format!("{} publications are pending", dirt.pending));
    }
    if dirt.removals > 0 {
        reasons.push(format!("{} publications are to be removed", dirt.removals));
    }
    if dirt.customs > 0 {
        reasons.push(format!("{} custom uploads are to be unpacked", dirt.customs));
    }
    reasons.extend(dirt.marks.iter().map(|(_, reason)| reason.clone()));
    if dirt.only_release {
        reasons = Vec::new();
    }
    if dirt.release {
        reasons.push("its Release shows settings that have changed, or it has other names".to_owned());
    }
    reasons.extend(dirt.renewals.iter().map(ToString::to_string));
    if dirt.suite.domination_owed {
        reasons.push("something was published in it without domination".to_owned());
    }
    let Phases { publishing, domination, indexing, release } = options.careful;
    let careful: Vec<&str> = [
        ("publishing", publishing),
        ("domination", domination),
        ("indexing", indexing),
        ("release", release),
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
