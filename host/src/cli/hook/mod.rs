//! `pressroom hook`: one file per subcommand.

mod add;
pub(super) mod calls;
mod compile;
mod inspect;
mod list;
mod log;
mod replay;

use super::{End, Session};

/// List, add and look at hooks: what runs before and after a publication, and at its end.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    List(list::List),
    Add(add::Add),
    Inspect(inspect::Inspect),
    Compile(compile::Compile),
    Log(log::Log),
    Replay(replay::Replay),
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        match self {
            Self::List(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Inspect(command) => command.run(session),
            Self::Compile(command) => command.run(session),
            Self::Log(command) => command.run(session),
            Self::Replay(command) => command.run(session),
        }
    }
}
