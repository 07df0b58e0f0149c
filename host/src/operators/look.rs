//! What the runs that have ended mean: incidents begin and end, operators are told, and the metrics are written anew.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::disk;
use pressroom_archive::domain::plain;
use pressroom_archive::domain::{Failing, RunOutcome, Script, ScriptState};
use pressroom_archive::monitor::incident::{Turn, after, script_of};
use pressroom_archive::monitor::prometheus;
use pressroom_archive::notify::Letterhead;
use pressroom_archive::notify::operators::{Incident, IncidentNews, tell_of_incident};
use pressroom_archive::notify::templates::{ToldHook, ToldRun};
use pressroom_archive::store::run::{self, Run};
use pressroom_archive::store::{
    Connection, Db, Transaction, hook_run, outbox_message, script_log, script_state,
};

use super::facts::{Depth, gather};
use super::log_tail::LogTail;
use crate::clock::Clock;
use crate::mail;
use crate::root::Root;

/// So many runs are considered in one transaction.
const BATCH: u32 = 100;
/// So many messages are forgotten after one command.
const FORGOTTEN: u32 = 500;
/// So many hooks are told of in a mail.
const MAX_HOOKS: usize = 10;
/// So much of what a hook, or a run, has said.
const MAX_LOG_BYTES: usize = 8 << 10;

/// Looks at what has ended since somebody last did. Nothing that goes wrong is an error: it is said on the log.
pub(crate) fn look_after(root: &Root, db: &mut Db, clock: &Clock, tail: &LogTail) {
    match consider(root, db, clock, tail) {
        Ok(0) => {}
        Ok(_) => mail::deliver(root, db, clock, root.config.mail.time_limit()).warn(),
        Err(error) => tracing::warn!("operators could not be told of what has ended: {error:#}"),
    }
    if let Err(error) = forget(root, db, clock.now()) {
        tracing::warn!("messages of long ago could not be forgotten: {error:#}");
    }
    if let Err(error) = write_metrics(root, db, clock) {
        tracing::warn!("the metrics could not be written: {error:#}");
    }
}

/// Considers every run that has ended. Says how many mails were written.
fn consider(root: &Root, db: &mut Db, clock: &Clock, tail: &LogTail) -> anyhow::Result<usize> {
    let mut written = 0;
    loop {
        // mostly another has looked, and no transaction is needed
        if run::not_considered(db.read(), 1)?.is_empty() {
            return Ok(written);
        }
        let letterhead = root.letterhead_as_it_is()?.filter(|letterhead| !letterhead.operators.is_empty());
        let by_hand = &root.config.monitoring.by_hand;
        written += db.write(|tx| {
            let look = Look { tx, letterhead: letterhead.as_ref(), by_hand, tail, now: clock.now() };
            look.batch()
        })?;
    }
}

struct Look<'a> {
    tx: &'a Transaction<'a>,
    letterhead: Option<&'a Letterhead>,
    by_hand: &'a [String],
    tail: &'a LogTail,
    now: Timestamp,
}

impl Look<'_> {
    fn batch(&self) -> anyhow::Result<usize> {
        let mut states: BTreeMap<Script, ScriptState> =
            script_state::states(self.tx)?.into_iter().map(|state| (state.script.clone(), state)).collect();
        let mut changed = BTreeSet::new();
        // incidents of which nobody was told yet, with a run of each
        let mut untold: BTreeMap<Script, (Run, Failing)> = BTreeMap::new();
        let mut written = 0;
        for run in run::not_considered(self.tx, BATCH)? {
            run::mark_considered(self.tx, run.id)?;
            let script = script_of(&run);
            let Some((state, turn)) = after(states.get(&script), &run) else { continue };
            if turn == Turn::Failing {
                self.keep_log(&run)?;
            }
            match (turn, state.failing) {
                (Turn::Failing, Some(failing)) if !failing.told && self.tells_of(&script) => {
                    untold.insert(script.clone(), (run, failing));
                }
                (Turn::Over(over), _) => match untold.remove(&script) {
                    Some((failed, over)) => {
                        written += self.tell(IncidentNews::Began, &failed, &over, true)?;
                    }
                    None if over.told => written += self.tell(IncidentNews::Over, &run, &over, true)?,
                    None => {}
                },
                _ => {}
            }
            changed.insert(script.clone());
            states.insert(script, state);
        }
        for (script, (run, failing)) in untold {
            written += self.tell(IncidentNews::Began, &run, &failing, false)?;
            if let Some(failing) = states.get_mut(&script).and_then(|state| state.failing.as_mut()) {
                failing.told = true;
            }
        }
        for state in changed.iter().filter_map(|script| states.get(script)) {
            script_state::keep_state(self.tx, state)?;
        }
        Ok(written)
    }

    /// Whether its failures are anybody's business but its caller's.
    fn tells_of(&self, script: &Script) -> bool {
        self.letterhead.is_some() && !self.by_hand.contains(&script.name)
    }

    /// What this process has said in a run of its own.
    fn log(&self, run: &Run) -> String {
        let is_ours =
            run.process_id == i64::from(std::process::id()) && run.hostname == crate::root::host_name();
        match run.date_completed {
            Some(completed) if is_ours && run.outcome != Some(RunOutcome::Interrupted) => {
                end_of(&self.tail.between(run.date_started, completed))
            }
            _ => String::new(),
        }
    }

    fn keep_log(&self, run: &Run) -> anyhow::Result<()> {
        let log = self.log(run);
        if !log.is_empty() {
            script_log::keep_log(self.tx, run.id, &log)?;
        }
        Ok(())
    }

    fn tell(&self, news: IncidentNews, run: &Run, failing: &Failing, is_over: bool) -> anyhow::Result<usize> {
        let Some(letterhead) = self.letterhead else { return Ok(0) };
        let script = script_of(run);
        let date = |date: Option<Timestamp>| date.map(|date| second(date).to_string()).unwrap_or_default();
        let told = ToldRun {
            site: plain::line(&letterhead.site, 300),
            title: plain::line(&script.to_string(), 300),
            script: script.name.clone(),
            distribution: script.distribution.clone(),
            scope: plain::line(&script.scope, 300),
            run: run.id.0,
            host: plain::line(&run.hostname, 300),
            outcome: run.outcome.map_or("", RunOutcome::as_str).to_owned(),
            message: plain::line(&run.message, 2000),
            started: date(Some(run.date_started)),
            ended: date(run.date_completed),
            failures: failing.failures,
            since: date(Some(failing.since)),
            is_over,
            hooks: hooks(self.tx, run)?,
            log: script_log::log_of(self.tx, run.id)?.unwrap_or_default(),
        };
        let distribution = script.distribution.parse().ok();
        let key = format!("{script}/{}", failing.first);
        let incident = Incident { key: &key, distribution: distribution.as_ref(), told: &told };
        Ok(tell_of_incident(self.tx, letterhead, news, &incident, self.now)?)
    }
}

/// The hooks of a run that did not do their work.
fn hooks(db: &Connection, run: &Run) -> anyhow::Result<Vec<ToldHook>> {
    let calls = hook_run::hook_runs_of(db, run.id)?;
    let failed = calls.into_iter().map(|call| call.call);
    let failed = failed.filter(|call| !call.outcome.is_success() && call.overridden.is_none());
    Ok(failed
        .take(MAX_HOOKS)
        .map(|call| ToldHook {
            name: plain::line(&call.hook, 300),
            point: call.point,
            outcome: call.outcome.to_string(),
            summary: plain::line(&call.summary, 2000),
            log: end_of(&call.log_tail),
        })
        .collect())
}

/// A time without parts of seconds.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The last lines of a text, as many as there is room for.
fn end_of(text: &str) -> String {
    let mut from = text.len().saturating_sub(MAX_LOG_BYTES);
    if from > 0 {
        // whole lines, or at least whole characters
        from = text.bytes().skip(from).position(|byte| byte == b'\n').map_or(from, |at| from + at + 1);
        while !text.is_char_boundary(from) {
            from += 1;
        }
    }
    plain::lines(text.get(from..).unwrap_or_default(), MAX_LOG_BYTES).trim_end().to_owned()
}

/// Forgets messages that were sent long ago.
fn forget(root: &Root, db: &mut Db, now: Timestamp) -> anyhow::Result<()> {
    let days = root.config.mail.keep_sent_days;
    let Ok(before) = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))) else { return Ok(()) };
    if days > 0 && outbox_message::has_sent_before(db.read(), before)? {
        db.write(|tx| outbox_message::forget_sent(tx, before, FORGOTTEN))?;
    }
    Ok(())
}

/// Writes the metrics where somebody wants them.
fn write_metrics(root: &Root, db: &Db, clock: &Clock) -> anyhow::Result<()> {
    let Some(file) = &root.config.metrics.file else { return Ok(()) };
    let path = root.below(file);
    // the folder is the collector's: one that is made for a word that was mistyped would be read by nobody
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        anyhow::bail!(
            "there is no folder {}: make it, or name another file under [metrics] in pressroom.toml",
            folder.display()
        );
    }
    let facts = gather(root, db.read(), clock.now(), Depth::Rows)?;
    let text = prometheus::text(&facts, env!("CARGO_PKG_VERSION"));
    Ok(disk::write_atomic(&path, text.as_bytes(), 0o644)?)
}

#[cfg(test)]
mod tests {
    use pressroom_archive::store::outbox_message::Filter;
    use pressroom_archive::store::run::Activity;

    use super::*;
    use crate::operators::{Recording, RunEnded};
    use crate::root::{CONFIG_FILE, DATABASE_FILE};

    const CONFIG: &str = "[mail]\ntransport = \"maildir\"\nfrom = \"a@example.org\"\noperators = [\"Ops <ops@example.org>\"]\n\
                          [metrics]\nfile = \"metrics.prom\"\n";

    struct House {
        root: Root,
        db: Db,
        clock: Clock,
        tail: LogTail,
        _folder: tempfile::TempDir,
    }

    impl House {
        fn new(config: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            disk::write_staged(&folder.path().join(CONFIG_FILE), config.as_bytes()).unwrap();
            let db = Db::create(&folder.path().join(DATABASE_FILE)).unwrap();
            let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
            let root = Root::open(folder.path()).unwrap();
            Self { root, db, clock, tail: LogTail::new(clock), _folder: folder }
        }

        /// A run that is not looked at.
        fn run(&mut self, name: &str, ended: Option<RunEnded>) {
            let activity = Activity { name, distribution: None, scope: "/srv" };
            let recording = Recording::begin(&self.root, &mut self.db, &self.clock, &activity).unwrap();
            if let Some(ended) = ended {
                recording.end(&mut self.db, &self.clock, &ended);
            }
        }

        fn look(&mut self) {
            consider(&self.root, &mut self.db, &self.clock, &self.tail).unwrap();
        }

        /// The subjects of all mails, the oldest first.
        fn subjects(&self) -> Vec<String> {
            let mut all = outbox_message::messages(self.db.read(), &Filter::default(), 100).unwrap();
            all.reverse();
            let subject = |content: Vec<u8>| {
                let text = String::from_utf8(content).unwrap();
                let line = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
                line.split_once("] ").unwrap().1.to_owned()
            };
            all.iter().map(|one| subject(outbox_message::content(self.db.read(), one.id).unwrap())).collect()
        }
    }

    fn failed() -> Option<RunEnded> {
        Some(RunEnded::Failed("no room".into()))
    }

    fn done() -> Option<RunEnded> {
        Some(RunEnded::Done("all".into()))
    }

    #[test]
    fn an_incident_is_mailed_once_when_it_begins_and_once_when_it_is_over() {
        let mut house = House::new(CONFIG);
        for ended in [done(), failed(), failed(), None, failed(), done(), done(), failed()] {
            house.run("process-upload", ended);
            house.look();
        }
        let title = "process-upload of /srv";
        assert_eq!(
            house.subjects(),
            [
                format!("{title}: failed (run 2)"),
                format!("{title}: succeeds again (run 6)"),
                format!("{title}: failed (run 8)")
            ]
        );
    }

    #[test]
    fn what_was_over_before_anybody_looked_is_one_mail() {
        let mut house = House::new(CONFIG);
        for ended in [failed(), done(), None, done()] {
            house.run("process-upload", ended);
        }
        house.look();
        let subjects = house.subjects();
        let title = "process-upload of /srv";
        assert_eq!(subjects, [format!("{title}: failed (run 1)"), format!("{title}: died (run 3)")]);
        let first = outbox_message::messages(house.db.read(), &Filter::default(), 1).unwrap()[0].id;
        let text = String::from_utf8(outbox_message::content(house.db.read(), first).unwrap()).unwrap();
        assert!(text.contains("A later run has succeeded already."), "{text}");
    }

    #[test]
    fn what_people_run_by_hand_is_no_incident_and_without_operators_nothing_is_written() {
        let mut house = House::new(CONFIG);
        house.run("import", failed());
        house.look();
        assert_eq!(house.subjects(), [""; 0]);
        let mut silent = House::new("");
        silent.run("process-upload", failed());
        silent.look();
        assert_eq!(silent.subjects(), [""; 0]);
        let state = script_state::states(silent.db.read()).unwrap().remove(0);
        assert!(state.failing.is_some_and(|failing| !failing.told && failing.failures == 1), "{state:?}");
    }

    #[test]
    fn metrics_are_written_and_a_place_where_they_cannot_be_stops_nothing() {
        let mut house = House::new(CONFIG);
        house.run("process-upload", failed());
        look_after(&house.root, &mut house.db, &house.clock, &house.tail);
        let text = std::fs::read_to_string(house.root.below("metrics.prom".as_ref())).unwrap();
        let failures =
            "pressroom_run_failures{script=\"process-upload\",distribution=\"\",scope=\"/srv\"} 1\n";
        assert!(text.contains(failures), "{text}");
        for (place, said) in [("pressroom.toml", "there is no folder"), ("mistyped", "make it")] {
            let mut house = House::new(&CONFIG.replace("metrics.prom", &format!("{place}/metrics.prom")));
            house.run("process-upload", failed());
            look_after(&house.root, &mut house.db, &house.clock, &house.tail);
            assert_eq!(house.subjects().len(), 1, "{place}");
            let refused = write_metrics(&house.root, &house.db, &house.clock).unwrap_err().to_string();
            assert!(refused.contains(said) && refused.contains(place), "{refused}");
            assert!(!house.root.below("mistyped".as_ref()).exists());
        }
    }

    #[test]
    fn the_end_of_a_log_has_whole_lines() {
        assert_eq!(end_of("a\nb\n"), "a\nb");
        let long = format!("{}\nlast", "ä".repeat(MAX_LOG_BYTES));
        assert_eq!(end_of(&long), "last");
        let endless = "ä".repeat(MAX_LOG_BYTES);
        assert!(end_of(&endless).len() <= MAX_LOG_BYTES && end_of(&endless).starts_with('ä'));
        assert_eq!(end_of("\u{1b}[31mred"), "\u{fffd}[31mred");
    }
}
