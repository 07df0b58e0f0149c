//! What is known of a root: its rows, its keys and its filesystems.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::domain::{
    ArchivePurpose, MessageStatus, Publisher, Script, ScriptState, SeriesStatus, UploadStatus,
};
use pressroom_archive::monitor::health::{
    DiskFacts, DistributionFacts, Facts, KeyFacts, KeyHealth, OpenRun, SuiteFacts,
};
use pressroom_archive::monitor::incident::{after, script_of};
use pressroom_archive::store::archive::archives;
use pressroom_archive::store::distribution::{Distribution, distributions};
use pressroom_archive::store::{Connection, StoreError, hook_run, run, script_state, series, suite, waiting};

use crate::hooks::Registry;
use crate::root::{self, Root};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Rows and the key: after every command.
    Rows,
    /// Also hooks and filesystems: when somebody asks.
    Everything,
}

/// So many runs that nobody has considered yet are looked at.
const MAX_RUNS: u32 = 10_000;
/// A folder of uploads in which nothing has run for so many seconds, and that is not there, is forgotten: a week.
const GONE_SECONDS: i64 = 7 * 24 * 3600;
/// A key that cannot sign in so many seconds is about to end: thirty days.
const KEY_ENDS_SECONDS: i64 = 30 * 24 * 3600;

/// Gathers what is known, and changes nothing.
pub(crate) fn gather(root: &Root, db: &Connection, now: Timestamp, depth: Depth) -> anyhow::Result<Facts> {
    let mut all = Vec::new();
    for one in distributions(db)? {
        all.push(distribution(root, db, &one, depth)?);
    }
    let open = run::open_runs(db)?;
    Ok(Facts {
        now,
        scripts: scripts(db, now)?,
        open: open
            .iter()
            .map(|run| OpenRun { script: script_of(run), run: run.id, since: run.date_started })
            .collect(),
        distributions: all,
        messages_waiting: waiting::messages(db, MessageStatus::Waiting)?,
        messages_failed: waiting::messages(db, MessageStatus::Failed)?,
        keys: keys(root, db, now, depth)?,
        disks: if depth == Depth::Everything { disks(root) } else { Vec::new() },
    })
}

/// How scripts are doing, also by runs that nobody has considered yet.
pub(crate) fn scripts(db: &Connection, now: Timestamp) -> Result<Vec<ScriptState>, StoreError> {
    let mut states: BTreeMap<Script, ScriptState> =
        script_state::states(db)?.into_iter().map(|state| (state.script.clone(), state)).collect();
    for run in run::not_considered(db, MAX_RUNS)? {
        let script = script_of(&run);
        if let Some((state, _)) = after(states.get(&script), &run) {
            states.insert(script, state);
        }
    }
    let mut found = Vec::new();
    for state in states.into_values() {
        if is_there(db, &state, now)? {
            found.push(state);
        }
    }
    Ok(found)
}

/// Whether what a script works on is there still: nothing will ever succeed again with a folder that is gone. One that is missed for less than a week
/// may be a filesystem that is not mounted, which is for somebody to hear of.
fn is_there(db: &Connection, state: &ScriptState, now: Timestamp) -> Result<bool, StoreError> {
    let script = &state.script;
    if script.name == "process-upload" {
        let incoming = Path::new(&script.scope).join("incoming").symlink_metadata();
        let is_gone = matches!(incoming, Err(error) if error.kind() == std::io::ErrorKind::NotFound);
        return Ok(!is_gone || now.duration_since(state.last_completed).as_secs() < GONE_SECONDS);
    }
    let (Ok(publisher), Some(distribution)) = (script.scope.parse::<Publisher>(), script.distribution_id)
    else {
        return Ok(true);
    };
    Ok(archives(db, distribution)?.iter().any(|archive| archive.publisher() == publisher))
}

fn distribution(
    root: &Root,
    db: &Connection,
    one: &Distribution,
    depth: Depth,
) -> anyhow::Result<DistributionFacts> {
    let mut uploads = Vec::new();
    for status in [UploadStatus::New, UploadStatus::Unapproved, UploadStatus::Accepted] {
        uploads.push((status, waiting::uploads(db, one.id, status)?));
    }
    let complaints = match depth {
        Depth::Rows => Vec::new(),
        Depth::Everything => Registry::load(root, db, &root.hooks_folder(&one.name))?
            .complaints
            .iter()
            .map(|complaint| format!("{}: {}", complaint.path.display(), complaint.reason))
            .collect(),
    };
    Ok(DistributionFacts {
        name: one.name.to_string(),
        uploads,
        pending: waiting::publications(db, one.id)?,
        failed_hooks: hook_run::not_made_good(db, one.id)?.len() as u64,
        complaints,
        suites: suites(db, one)?,
    })
}

/// The suites of the main archives that are published; PPAs may be thousands.
fn suites(db: &Connection, one: &Distribution) -> Result<Vec<SuiteFacts>, StoreError> {
    let mut found = Vec::new();
    for archive in archives(db, one.id)? {
        match archive.purpose {
            ArchivePurpose::Primary | ArchivePurpose::Partner => {}
            ArchivePurpose::Ppa | ArchivePurpose::Copy => continue,
        }
        for suite in suite::suites_of(db, archive.id)? {
            let series = series::series_by_id(db, suite.series)?;
            if suite.date_last_published.is_none() || series.status == SeriesStatus::Obsolete {
                continue;
            }
            let valid_for_seconds = series.valid_for_seconds.unwrap_or(0);
            let until = |date: Timestamp| date.checked_add(SignedDuration::from_secs(valid_for_seconds)).ok();
            found.push(SuiteFacts {
                archive: archive.reference.to_string(),
                suite: suite.name.to_string(),
                last_published: suite.date_last_published,
                valid_until: suite.release_date.filter(|_| valid_for_seconds > 0).and_then(until),
                valid_for_seconds,
            });
        }
    }
    Ok(found)
}

/// The keys that sign, now and later. PPAs may be thousands, and to look at a key takes its file: theirs are looked at when somebody asks.
fn keys(root: &Root, db: &Connection, now: Timestamp, depth: Depth) -> Result<Vec<KeyFacts>, StoreError> {
    let mut of_archives = Vec::new();
    for distribution in distributions(db)? {
        of_archives.extend(
            archives(db, distribution.id)?
                .into_iter()
                .filter(|archive| depth == Depth::Everything || archive.purpose != ArchivePurpose::Ppa),
        );
    }
    let states = root.signing_keys(now).states(db, &of_archives)?;
    Ok(states.into_iter().map(|key| key_facts(key, now)).collect())
}

fn key_facts(key: root::KeyState, now: Timestamp) -> KeyFacts {
    let fingerprint = if key.fingerprint.is_empty() { "unknown".to_owned() } else { key.fingerprint };
    let name = match key.archive {
        Some(archive) => format!("{fingerprint} of {archive}"),
        None => fingerprint,
    };
    let left = key.expires.map(|expires| (expires.duration_since(now).as_secs(), expires));
    let state = match (key.problem, left) {
        (Some(why), _) if key.is_hidden => KeyHealth::NotSeen(why),
        (Some(why), _) => KeyHealth::Bad(why),
        (None, Some((seconds, expires))) if seconds <= KEY_ENDS_SECONDS => {
            KeyHealth::Ends(seconds, format!("it expires at {expires}"))
        }
        (None, _) => KeyHealth::Good,
    };
    KeyFacts { name, state }
}

/// The filesystems below a root, each once.
fn disks(root: &Root) -> Vec<DiskFacts> {
    let paths = &root.config.paths;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let private = root.below(&paths.private_archives);
    for path in [root.folder().to_owned(), root.below(&paths.archives), private, root.below(&paths.librarian)]
    {
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if !seen.insert(metadata.dev()) {
            continue;
        }
        let Ok(space) = rustix::fs::statvfs(&path) else { continue };
        found.push(DiskFacts {
            path: path.display().to_string(),
            free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
            // without what is kept for root, as df has it
            size_bytes: space
                .f_blocks
                .saturating_sub(space.f_bfree)
                .saturating_add(space.f_bavail)
                .saturating_mul(space.f_frsize),
            free_files: space.f_favail,
            files: space.f_files,
        });
    }
    found
}
