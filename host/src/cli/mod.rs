//! The command line: one file per command. Words and flags only; what they do is elsewhere.
//!
//! Results go to standard output, as text or JSON; everything said about the work goes to standard error. The chain of an error is printed once, here,
//! with its exit code.

mod apply;
mod archive;
mod build;
mod change_override;
mod check;
mod copy;
mod copy_request;
mod distribution;
mod exit;
mod expire;
mod generate;
mod history;
mod hook;
mod import;
mod import_archive;
mod init;
mod key;
mod measure;
mod of_suite;
mod outbox;
mod output;
mod package_override;
mod package_set;
mod people;
mod permission;
mod person;
mod populate_archive;
mod process_accepted;
mod process_death_row;
mod process_upload;
mod publish;
mod queue;
mod remove;
mod report;
mod series;
mod snapshot;
mod status;
mod suite;
mod team;
mod token;
mod who;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use pressroom_archive::domain::{ArchiveReference, DistributionName};
use pressroom_archive::monitor::health::Level;
use pressroom_archive::store::distribution::{Distribution, distributions};
use pressroom_archive::store::{Connection, Db};

use crate::clock::Clock;
use crate::operators::{LogTail, look_after};
use crate::root::Root;
use crate::timings::{Phases, Trace};
use measure::Measure;
use output::Output;

const AFTER_HELP: &str = "\
A first archive, from nothing to apt:
  pressroom init /srv/apt --distribution demo --series one --component main --architecture amd64
  cd /srv/apt
  pressroom import --suite one ~/packages/*.deb
  pressroom publish
  pressroom key export > /etc/apt/keyrings/demo.asc
  echo 'deb [signed-by=/etc/apt/keyrings/demo.asc] file:/srv/apt/archives/demo one main' > /etc/apt/sources.list.d/demo.list

Exit codes: 0 success; 1 failure; 2 wrong use, or a name that does not exist; 3 something in the configuration,
a key or a hook's grant is not as it must be; 4 another run is publishing; 5 a hook holds the publication. `pressroom check` has those of Nagios.";

/// Publishes package archives: takes packages in, and publishes them into signed apt repositories that change in one step, with hooks of your own at
/// fixed points.
#[derive(Debug, Parser)]
#[command(name = "pressroom", version, after_help = AFTER_HELP, max_term_width = 120, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// The root to work on; without it, the working folder.
    #[arg(long, global = true, env = "PRESSROOM_ROOT", value_name = "DIR")]
    root: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Let it be this time, as 2026-05-01T12:00:00Z: the same database and time give the same files.
    #[arg(long, global = true, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Say more about the work.
    #[arg(long, short, global = true)]
    verbose: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON value.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    #[command(subcommand)]
    Distribution(distribution::Command),
    #[command(subcommand)]
    Series(series::Command),
    #[command(subcommand)]
    Suite(suite::Command),
    #[command(subcommand)]
    Archive(archive::Command),
    Apply(apply::Apply),
    Export(apply::Export),
    #[command(subcommand)]
    Person(person::Command),
    #[command(subcommand)]
    Team(team::Command),
    #[command(subcommand)]
    Permission(permission::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    PackageSet(package_set::Command),
    #[command(subcommand)]
    Override(package_override::Command),
    Import(import::Import),
    ImportArchive(import_archive::ImportArchive),
    ProcessUpload(process_upload::ProcessUpload),
    #[command(subcommand)]
    Queue(queue::Command),
    ProcessAccepted(process_accepted::ProcessAccepted),
    #[command(subcommand)]
    Build(build::Command),
    Copy(copy::Copy),
    PopulateArchive(populate_archive::PopulateArchive),
    #[command(subcommand)]
    CopyRequest(copy_request::Command),
    ChangeOverride(change_override::ChangeOverride),
    Remove(remove::Remove),
    #[command(subcommand)]
    Report(report::Command),
    #[command(subcommand)]
    Outbox(outbox::Command),
    Publish(publish::Publish),
    ProcessDeathRow(process_death_row::ProcessDeathRow),
    Expire(expire::Expire),
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    Status(status::Status),
    Check(check::Check),
    History(history::History),
    #[command(subcommand)]
    Hook(hook::Command),
    #[command(subcommand)]
    Key(key::Command),
    Completions(generate::Completions),
    Man(generate::Man),
}

impl Command {
    /// What is to be measured of it.
    const fn measure(&self) -> &Measure {
        match self {
            Self::Import(command) => command.measure(),
            Self::ImportArchive(command) => command.measure(),
            Self::ProcessDeathRow(command) => command.measure(),
            Self::Publish(command) => command.measure(),
            Self::ProcessUpload(command) => command.measure(),
            Self::Init(_)
            | Self::Distribution(_)
            | Self::Series(_)
            | Self::Suite(_)
            | Self::Archive(_)
            | Self::Apply(_)
            | Self::Export(_)
            | Self::Override(_)
            | Self::Remove(_)
            | Self::Report(_)
            | Self::Person(_)
            | Self::Team(_)
            | Self::Permission(_)
            | Self::Token(_)
            | Self::PackageSet(_)
            | Self::Queue(_)
            | Self::ProcessAccepted(_)
            | Self::Build(_)
            | Self::Copy(_)
            | Self::PopulateArchive(_)
            | Self::CopyRequest(_)
            | Self::ChangeOverride(_)
            | Self::Outbox(_)
            | Self::Expire(_)
            | Self::Snapshot(_)
            | Self::Status(_)
            | Self::Check(_)
            | Self::History(_)
            | Self::Hook(_)
            | Self::Key(_)
            | Self::Completions(_)
            | Self::Man(_) => &Measure::NOTHING,
        }
    }
}

/// What every command has at hand.
pub(crate) struct Session {
    folder: PathBuf,
    clock: Clock,
    output: Output,
    verbose: bool,
    /// Gathers where the time goes, if that was asked for.
    phases: Option<Phases>,
    /// What was logged last.
    tail: LogTail,
}

/// A command's end, when it is not an error: whether all was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    /// Something was said to be wrong already.
    Failure,
    /// A hook holds the publication.
    Held,
    /// How the root is doing.
    Checked(Level),
}

impl Session {
    fn root(&self) -> anyhow::Result<Root> {
        Ok(Root::open(&self.folder)?)
    }

    /// After everything else: looks at the runs that have ended, where there was one, and tells operators of it.
    fn look_after(&self) {
        if !pressroom_archive::store::run::has_ended() {
            return;
        }
        // a root that cannot be opened was an error of the command already
        let Ok(root) = self.root() else { return };
        let Ok(mut db) = root.db() else { return };
        look_after(&root, &mut db, &self.clock, &self.tail);
    }
}

/// The distribution that is meant: the one that is named, or the only one.
fn the_distribution(db: &Connection, name: Option<&DistributionName>) -> anyhow::Result<Distribution> {
    if let Some(name) = name {
        return Ok(pressroom_archive::store::distribution::distribution(db, name)?);
    }
    the_only_distribution(db, "--distribution")
}

/// The only distribution, where none is named; `flag` is how the command at hand takes one.
fn the_only_distribution(db: &Connection, flag: &str) -> anyhow::Result<Distribution> {
    let mut all = distributions(db)?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => {
            Err(exit::usage("there is no distribution yet: make one with `pressroom distribution add NAME`"))
        }
        (Some(last), false) => {
            let names: Vec<String> = all.iter().chain([&last]).map(|one| one.name.to_string()).collect();
            Err(exit::usage(format!("which distribution? Name one with {flag}: {}", names.join(", "))))
        }
    }
}

/// The archive that is meant: the one that is named, or the primary one of the only distribution.
fn the_archive(
    db: &Db,
    reference: Option<&ArchiveReference>,
) -> anyhow::Result<pressroom_archive::store::archive::Archive> {
    let reference = match reference {
        Some(reference) => reference.clone(),
        None => ArchiveReference::primary(the_only_distribution(db.read(), "--archive")?.name),
    };
    Ok(pressroom_archive::store::archive::archive(db.read(), &reference)?)
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() && check::is_meant(std::env::args_os()) {
                return check::wrong_use(&error);
            }
            let code = if error.use_stderr() { exit::USAGE } else { exit::SUCCESS };
            // nobody is left to tell when standard output is closed
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let Cli { global, command } = cli;
    let measure = command.measure();
    // before anything is done, since what it names may be wrong
    let trace = match measure.trace() {
        Ok(trace) => trace,
        Err(error) => return exit::code(Err(error)),
    };
    let clock = global.now.map_or_else(Clock::system, Clock::fixed);
    let session = Session {
        folder: global.root.unwrap_or_else(|| PathBuf::from(".")),
        clock,
        output: Output::new(global.format),
        verbose: global.verbose,
        phases: measure.phases(),
        tail: LogTail::new(clock),
    };
    output::start_log(
        global.verbose,
        session.tail.layer(),
        session.phases.clone(),
        trace.as_ref().map(Trace::layer),
    );
    let end = match command {
        Command::Init(command) => command.run(&session),
        Command::Distribution(command) => command.run(&session),
        Command::Series(command) => command.run(&session),
        Command::Suite(command) => command.run(&session),
        Command::Archive(command) => command.run(&session),
        Command::Apply(command) => command.run(&session),
        Command::Export(command) => command.run(&session),
        Command::Override(command) => command.run(&session),
        Command::Import(command) => command.run(&session),
        Command::ImportArchive(command) => command.run(&session),
        Command::Remove(command) => command.run(&session),
        Command::Report(command) => command.run(&session),
        Command::Person(command) => command.run(&session),
        Command::Team(command) => command.run(&session),
        Command::Permission(command) => command.run(&session),
        Command::Token(command) => command.run(&session),
        Command::PackageSet(command) => command.run(&session),
        Command::ProcessUpload(command) => command.run(&session),
        Command::Queue(command) => command.run(&session),
        Command::ProcessAccepted(command) => command.run(&session),
        Command::Build(command) => command.run(&session),
        Command::Copy(command) => command.run(&session),
        Command::PopulateArchive(command) => command.run(&session),
        Command::CopyRequest(command) => command.run(&session),
        Command::ChangeOverride(command) => command.run(&session),
        Command::Outbox(command) => command.run(&session),
        Command::Publish(command) => command.run(&session),
        Command::ProcessDeathRow(command) => command.run(&session),
        Command::Expire(command) => command.run(&session),
        Command::Snapshot(command) => command.run(&session),
        Command::Status(command) => command.run(&session),
        Command::Check(command) => command.run(&session),
        Command::History(command) => command.run(&session),
        Command::Hook(command) => command.run(&session),
        Command::Key(command) => command.run(&session),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    let code = exit::code(measure::finish(trace, end));
    session.look_after();
    code
}
