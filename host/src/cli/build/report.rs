//! `pressroom build finish|fail|give-back`: what builders say.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use pressroom_archive::build::{self, Outcome, log_name};
use pressroom_archive::domain::{AliasId, BuildId, BuildStatus};
use pressroom_archive::store::{Db, binary_package_build, library_file};
use rustix::fs::{Mode, OFlags};

use super::{Shown, build_number, status_text};
use crate::cli::{End, Session, exit, who};
use crate::root::Root;

/// What all of them have.
#[derive(Debug, clap::Args)]
struct Said {
    /// The builder that says so: refused where the build is another's.
    #[arg(long)]
    builder: Option<String>,
    /// What it wrote, as a file; - is standard input. It is kept, for `pressroom build log`.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// A word about it; it is kept with the build.
    #[arg(long, default_value = "")]
    comment: String,
    #[arg(value_name = "BUILD", value_parser = build_number)]
    build: BuildId,
}

/// Say that a build has come to its end, and that what it has made is uploaded.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Finish {
    #[command(flatten)]
    said: Said,
}

/// Say that a build has failed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Fail {
    #[command(flatten)]
    said: Said,
    /// In which way.
    #[arg(long, value_enum, default_value_t = How::Failedtobuild, ignore_case = true)]
    status: How,
    /// The packages that are not there, as "libfoo-dev (>= 2)": with --status manualdepwait.
    #[arg(long, value_name = "RELATIONS", required_if_eq("status", "manualdepwait"))]
    dependencies: Option<String>,
}

/// In which way a build fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// It was tried, and does not build.
    Failedtobuild,
    /// Packages that it needs are not there.
    Manualdepwait,
    /// The builder could not prepare what it builds in.
    Chrootwait,
}

/// Give a build back: another builder may have it. Also for operators, where a builder has died.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct GiveBack {
    #[command(flatten)]
    said: Said,
}

impl Finish {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        self.said.run(session, Outcome::Built)
    }
}

impl Fail {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let outcome = match (self.status, self.dependencies.as_deref()) {
            (How::Manualdepwait, dependencies) => Outcome::Misses(dependencies.unwrap_or_default()),
            (_, Some(_)) => {
                return Err(exit::usage(
                    "--dependencies says what is not there: it goes with --status manualdepwait alone",
                ));
            }
            (How::Failedtobuild, None) => Outcome::Failed,
            (How::Chrootwait, None) => Outcome::CouldNotPrepare,
        };
        self.said.run(session, outcome)
    }
}

impl GiveBack {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        self.said.run(session, Outcome::GivenBack)
    }
}

impl Said {
    fn run(&self, session: &Session, outcome: Outcome<'_>) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let comment = who::comment(&self.comment)?;
        let now = session.clock.now();
        let log = match &self.log {
            Some(path) => Some(self.keep_log(&root, &mut db, path, now)?),
            None => None,
        };
        let report = build::Report { builder: self.builder.as_deref(), outcome, log, comment: &comment };
        let actor = self.builder.clone().unwrap_or_else(who::user);
        let status = db.write(|tx| build::report(tx, self.build, &report, &actor, now))?;
        let shown = Shown::new(db.read(), &binary_package_build::build(db.read(), self.build)?)?;
        session.output.show(&shown, || {
            let note = if status == BuildStatus::Cancelled && outcome != Outcome::GivenBack {
                ": it was cancelled meanwhile, so nothing of it is wanted"
            } else {
                ""
            };
            format!("{} is {}{note}\n", shown.title(), status_text(status))
        })?;
        Ok(End::Success)
    }

    /// Brings a log into the librarian.
    fn keep_log(
        &self,
        root: &Root,
        db: &mut Db,
        path: &Path,
        now: jiff::Timestamp,
    ) -> anyhow::Result<AliasId> {
        // before anything is read, since the number may be a slip
        let build = binary_package_build::build(db.read(), self.build)?;
        let name = log_name(&build)?;
        let librarian = root.librarian();
        let _open = librarian.open_for_deposits()?;
        let mut deposit = librarian.deposit()?;
        let unreadable = || format!("the log {} cannot be read", path.display());
        let mut from = open(path).with_context(unreadable)?;
        let mut piece = vec![0; 1 << 16];
        let mut left = LARGEST_LOG;
        loop {
            let read = from.read(&mut piece).with_context(unreadable)?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(|| {
                exit::usage(format!(
                    "the log {} has more than {} MiB: give its end alone, as by `tail -c`",
                    path.display(),
                    LARGEST_LOG >> 20
                ))
            })?;
            deposit.write_all(&piece[..read]).context("the log cannot be kept")?;
        }
        let digests = librarian.keep(deposit.seal())?;
        librarian.sync()?;
        Ok(db.write(|tx| library_file::alias(tx, &digests, &name, now))?.row())
    }
}

/// A log that is larger is refused.
const LARGEST_LOG: u64 = 256 << 20;

/// Opens a log: a file, or standard input. What is neither could wait for ever.
fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(std::io::Error::from)?);
    if !file.metadata()?.is_file() {
        return Err(exit::usage("it is not a regular file; standard input is named by -"));
    }
    Ok(Box::new(file))
}
