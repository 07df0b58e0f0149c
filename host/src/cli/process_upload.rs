//! `pressroom process-upload`.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::domain::ScriptState;
use pressroom_archive::domain::plain;
use pressroom_archive::domain::{BuildId, Sha256, UploadPolicy, UploadStatus, UploadVerdict};
use pressroom_archive::store::Db;
use pressroom_archive::store::run::Activity;
use pressroom_archive::store::script_state::states;
use pressroom_archive::upload::process::{Afterwards, Done, House, Mode, Options, Report, process};
use pressroom_archive::upload::watch::{Watch, Woken};
use serde::Serialize;
use tracing::info_span;

use super::measure::{Measure, Measured, Measuring};
use super::output::{BAD, BOLD, DIM, GOOD, WARN, painted, write_out};
use super::{End, Session, exit};
use crate::conductor::Lock;
use crate::operators::{Recording, RunEnded};
use crate::root::Root;
use crate::stop::Stop;

const EXAMPLES: &str = "\
BASE has a folder incoming that people or builders put uploads into; what was judged goes to accepted, rejected or failed beside it, each with a
receipt. A folder in incoming is one upload; in it, or in incoming itself, folders say where uploads go: demo/, demo/one/, ~ann/demo/tools/.

Examples, from cron and as a daemon:
  * * * * *  pressroom --root /srv/apt process-upload /srv/uploads
  pressroom --root /srv/apt process-upload --policy buildd --watch /srv/builds
  pressroom process-upload --leaf hello_2.10-3_source.changes --dry-run /srv/uploads

An upload that is refused is no failure of this command, unless it is the one that --leaf names. The exit code is 1 when something could not be
judged or moved; it is still in incoming, and the next run tries again.";

/// The name of such a run in `script_activity`.
const SCRIPT: &str = "process-upload";
/// So long a daemon waits at most before it looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// What comes within so long is looked at together.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(1);

/// Take uploads out of incoming, judge each, and put it where it belongs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProcessUpload {
    /// The folder that has incoming, accepted, rejected and failed.
    #[arg(value_name = "BASE")]
    base: PathBuf,
    /// By which rules uploads are judged: insecure (from anybody: signed, sources alone), buildd (from builders: not signed, for a build) or sync
    /// (from a program that is trusted: not signed, sources alone).
    #[arg(long)]
    policy: Option<UploadPolicy>,
    /// What this is for: a word that receipts have. The name of a policy means that policy.
    #[arg(long, value_name = "WORD")]
    context: Option<String>,
    /// Only this name in incoming: that of a folder, or the path of a .changes.
    #[arg(long, value_name = "NAME")]
    leaf: Option<String>,
    /// The build that the packages are of; without it, it is found by source and architecture.
    #[arg(long, value_name = "ID", requires = "leaf")]
    build: Option<i64>,
    /// Say what would become of everything, and change and move nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave uploads in incoming when they have been judged; they are not judged again.
    #[arg(long)]
    keep: bool,
    /// Write no mails about uploads.
    #[arg(long)]
    no_mail: bool,
    /// So long nothing of an upload may have changed before it is looked at; without it, as pressroom.toml says.
    #[arg(long, value_name = "SECONDS")]
    settle_seconds: Option<u32>,
    /// Stay, and look again whenever something is put into incoming, until SIGTERM or SIGINT.
    #[arg(long, conflicts_with_all = ["dry_run", "leaf", "timings", "trace"])]
    watch: bool,
    #[command(flatten)]
    measure: Measure,
}

/// What is shown of a run.
#[derive(Serialize)]
struct Processed<'a> {
    dry_run: bool,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(flatten)]
    measured: &'a Measured,
}

impl ProcessUpload {
    pub(super) const fn measure(&self) -> &Measure {
        &self.measure
    }

    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let options = self.options(&root)?;
        let base = std::fs::canonicalize(&self.base).ok().filter(|base| base.join("incoming").is_dir());
        let Some(base) = base else {
            let gone = format!(
                "there is no folder {0}/incoming: make it with `mkdir -p {0}/incoming`, and let those write to it who upload",
                self.base.display()
            );
            self.record_gone(session, &root, &mut db, &gone)?;
            return Err(exit::usage(gone));
        };
        let stop = Stop::on_signals()?;
        if self.watch {
            return self.stay(session, &root, &mut db, &base, &options, &stop);
        }
        let measuring = Measuring::begin(session);
        let report = self.once(session, &root, &mut db, &base, &options, &stop);
        let measured = measuring.end();
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                measured.say(false, "");
                return Err(error);
            }
        };
        let processed = Processed { dry_run: self.dry_run, report: &report, measured: &measured };
        session.output.show(&processed, || self.text(&report))?;
        if session.output.is_text() {
            measured.say(false, "");
        }
        say_troubles(&report);
        self.end(&report)
    }

    /// A folder that was looked into before and is not there any more, as on a disk that is not mounted, is a failure that operators hear of; a word that
    /// was mistyped is none.
    fn record_gone(&self, session: &Session, root: &Root, db: &mut Db, gone: &str) -> anyhow::Result<()> {
        let base = std::fs::canonicalize(&self.base).or_else(|_| std::path::absolute(&self.base))?;
        let scope = base.display().to_string();
        let is_this = |state: &ScriptState| {
            state.script.name == SCRIPT && state.script.scope.as_str() == scope.as_str()
        };
        if self.dry_run || !states(db.read())?.iter().any(is_this) {
            return Ok(());
        }
        let activity = Activity { name: SCRIPT, distribution: None, scope: &scope };
        let recording = Recording::begin(root, db, &session.clock, &activity)?;
        recording.end(db, &session.clock, &RunEnded::Failed(gone.to_owned()));
        Ok(())
    }

    fn options(&self, root: &Root) -> anyhow::Result<Options> {
        let of_context = self.context.as_deref().and_then(|context| context.parse().ok());
        let policy = self.policy.or(of_context).unwrap_or(UploadPolicy::Insecure);
        let context = self.context.clone().unwrap_or_else(|| policy.to_string());
        if context.is_empty() || context.len() > 100 || context.chars().any(plain::is_obeyed) {
            return Err(exit::usage(
                "--context is a word that receipts have: a short one, without control characters",
            ));
        }
        if self.build.is_some() && policy != UploadPolicy::Buildd {
            return Err(exit::usage("--build goes with --policy buildd: others upload no builds"));
        }
        let mut patience = root.config.uploads.patience();
        if let Some(seconds) = self.settle_seconds {
            patience.settle = SignedDuration::from_secs(seconds.into());
        }
        Ok(Options {
            policy,
            context,
            leaf: self.leaf.as_ref().map(|leaf| leaf.trim_end_matches('/').to_owned()),
            mode: if self.dry_run { Mode::DryRun } else { Mode::Real },
            afterwards: if self.keep { Afterwards::Keep } else { Afterwards::Move },
            patience,
            limits: root.config.uploads.limits(),
            build: self.build.map(BuildId),
        })
    }

    fn once(
        &self,
        session: &Session,
        root: &Root,
        db: &mut Db,
        base: &Path,
        options: &Options,
        stop: &Stop,
    ) -> anyhow::Result<Report> {
        let span = info_span!("process-upload", base = %base.display()).entered();
        let clock = || session.clock.now();
        let digest = Sha256::of(base.as_os_str().as_encoded_bytes()).to_string();
        let lock = Lock::take_work(
            &root.locks_folder(),
            &format!("process-upload-{}.lock", &digest[..16]),
            &format!("process-upload of {}", base.display()),
            clock(),
        )?;
        let report = if self.dry_run {
            self.process(root, db, base, options, &clock, stop)?
        } else {
            let scope = base.display().to_string();
            let activity = Activity { name: SCRIPT, distribution: None, scope: &scope };
            let recording = Recording::begin(root, db, &session.clock, &activity)?;
            let report = self.process(root, db, base, options, &clock, stop);
            recording.end(db, &session.clock, &ended(&report));
            report?
        };
        // others need not wait while mails are sent
        drop(lock);
        if !self.dry_run && !self.no_mail {
            crate::mail::deliver(root, db, &session.clock, root.config.mail.time_limit()).warn();
        }
        span.exit();
        Ok(report)
    }

    /// A look at everything that has come.
    fn process(
        &self,
        root: &Root,
        db: &mut Db,
        base: &Path,
        options: &Options,
        clock: &dyn Fn() -> Timestamp,
        stop: &Stop,
    ) -> anyhow::Result<Report> {
        let letterhead = if self.no_mail { None } else { root.letterhead()? };
        let librarian = root.librarian();
        let mut house = House { db, librarian: &librarian, base, letterhead: letterhead.as_ref() };
        Ok(process(&mut house, options, clock, &|| !stop.is_asked())?)
    }

    /// Looks whenever something comes.
    fn stay(
        &self,
        session: &Session,
        root: &Root,
        db: &mut Db,
        base: &Path,
        options: &Options,
        stop: &Stop,
    ) -> anyhow::Result<End> {
        while !stop.is_asked() {
            // before it is looked, so that nothing comes between
            let watch = Watch::begin(base)?;
            let mut next = LOOK_AGAIN;
            let measuring = Measuring::begin(session);
            match self.once(session, root, db, base, options, stop) {
                Ok(report) => {
                    let measured = measuring.end();
                    if !report.done.is_empty() {
                        let processed = Processed { dry_run: false, report: &report, measured: &measured };
                        // a daemon's results are a line each, so that a program can read them as they come
                        write_out(&if session.output.is_text() {
                            self.text(&report)
                        } else {
                            format!("{}\n", serde_json::to_string(&processed)?)
                        })?;
                    }
                    say_troubles(&report);
                    next = next_look(&report, session.clock.now());
                }
                // a full disk, a database that is held: it may be over at the next look
                Err(error) => anstream::eprintln!("{} {error:#}", painted(BAD, "not all was done:")),
            }
            crate::operators::look_after(root, db, &session.clock, &session.tail);
            let woken = watch.wait(next, stop.readable())?;
            // nothing that has just come is ready before it has settled, and more of it is about to come
            let more = options.patience.settle.min(AT_ONCE);
            if woken == Woken::Stopped
                || (woken == Woken::Changed && watch.pause(more, stop.readable())? == Woken::Stopped)
            {
                break;
            }
        }
        Ok(End::Success)
    }

    fn end(&self, report: &Report) -> anyhow::Result<End> {
        if !report.troubles.is_empty() {
            return Ok(End::Failure);
        }
        if let Some(leaf) = &self.leaf {
            if let Some(arriving) = report.arriving.first() {
                anstream::eprintln!("{} {}: {}", painted(WARN, "not yet:"), arriving.name, arriving.why);
                return Ok(End::Failure);
            }
            if report.done.is_empty() {
                return Err(exit::usage(format!(
                    "nothing in incoming is called {leaf:?}, or it was judged before and kept: name a folder in incoming, or a .changes by its path"
                )));
            }
            let refused = report.done.iter().any(|done| done.verdict != UploadVerdict::Accepted);
            return Ok(if refused { End::Failure } else { End::Success });
        }
        Ok(End::Success)
    }

    fn text(&self, report: &Report) -> String {
        let mut text = String::new();
        for done in &report.done {
            text.push_str(&line(done, self.dry_run));
        }
        for arriving in &report.arriving {
            text.push_str(&format!("{} {}: {}\n", painted(DIM, "arriving"), arriving.name, arriving.why));
        }
        if report.finished > 0 {
            text.push_str(&format!("{} uploads of an earlier run were put away\n", report.finished));
        }
        let count = |verdict| report.done.iter().filter(|done| done.verdict == verdict).count();
        text.push_str(&format!(
            "{}{} accepted, {} rejected, {} failed, {} still arriving\n",
            if self.dry_run { "would be: " } else { "" },
            count(UploadVerdict::Accepted),
            count(UploadVerdict::Rejected),
            count(UploadVerdict::Failed),
            report.arriving.len()
        ));
        text
    }
}

/// What is recorded of a look. An upload that is refused is none of its failures.
fn ended(report: &anyhow::Result<Report>) -> RunEnded {
    match report {
        Err(error) => RunEnded::Failed(format!("{error:#}")),
        Ok(report) if !report.troubles.is_empty() => {
            RunEnded::Failed(format!("still in incoming: {}", report.troubles.join("; ")))
        }
        Ok(report) if report.done.is_empty() && report.finished == 0 => RunEnded::Idle,
        Ok(report) => {
            let count = |verdict| report.done.iter().filter(|done| done.verdict == verdict).count();
            RunEnded::Done(format!(
                "{} accepted, {} rejected, {} failed",
                count(UploadVerdict::Accepted),
                count(UploadVerdict::Rejected),
                count(UploadVerdict::Failed)
            ))
        }
    }
}

/// When it is worth looking again.
fn next_look(report: &Report, now: Timestamp) -> SignedDuration {
    report
        .arriving
        .iter()
        // a moment more, so that it is over then
        .map(|arriving| arriving.look_again.duration_since(now) + SignedDuration::from_millis(20))
        .filter(|wait| wait.is_positive())
        .min()
        .map_or(LOOK_AGAIN, |wait| wait.min(LOOK_AGAIN))
}

fn say_troubles(report: &Report) {
    for trouble in &report.troubles {
        anstream::eprintln!("{} {}", painted(BAD, "still in incoming:"), plain::line(trouble, usize::MAX));
    }
}

fn line(done: &Done, dry_run: bool) -> String {
    let style = match done.verdict {
        UploadVerdict::Accepted => GOOD,
        UploadVerdict::Rejected | UploadVerdict::Failed => BAD,
    };
    let verdict = match (done.verdict, done.queue) {
        (UploadVerdict::Accepted, Some(status)) => status.to_string().to_lowercase(),
        (UploadVerdict::Accepted, None) => UploadStatus::Accepted.to_string().to_lowercase(),
        (UploadVerdict::Rejected, _) => "rejected".to_owned(),
        (UploadVerdict::Failed, _) => "failed".to_owned(),
    };
    let mut text =
        format!("{} {}", painted(style, verdict), painted(BOLD, done.changes.as_ref().unwrap_or(&done.leaf)));
    if let (Some(archive), Some(suite)) = (&done.archive, &done.suite) {
        text.push_str(&format!(" for {suite} of {archive}"));
    }
    match (done.upload, done.receipt) {
        (Some(upload), Some(receipt)) => {
            text.push_str(&painted(DIM, format!(" (upload {upload}, receipt {receipt})")));
        }
        (None, Some(receipt)) => text.push_str(&painted(DIM, format!(" (receipt {receipt})"))),
        (_, None) => text.push_str(if dry_run { "" } else { " (no receipt)" }),
    }
    text.push('\n');
    for message in &done.messages {
        text.push_str(&format!("  {message}\n"));
    }
    text
}
