//! `pressroom hook`: one file per subcommand.

mod add;
mod compile;
mod init;
mod inspect;
mod list;
mod test;

use super::{End, Session};

/// List, add and look at hooks: what runs before and after a publication, and at its end.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    List(list::List),
    Add(add::Add),
    Inspect(inspect::Inspect),
    Compile(compile::Compile),
    Init(init::Init),
    Test(test::Test),
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        match self {
            Self::List(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Inspect(command) => command.run(session),
            Self::Compile(command) => command.run(session),
            Self::Init(command) => command.run(session),
            Self::Test(command) => command.run(session),
        }
    }
}
