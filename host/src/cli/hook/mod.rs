//! `pressroom hook`: one file per subcommand.

mod add;
pub(super) mod calls;
mod check;
mod compile;
mod disable;
mod enable;
mod init;
mod inspect;
mod list;
mod log;
mod remove;
mod replay;
mod test;
mod upgrade;

use pressroom_archive::domain::DistributionName;
use pressroom_archive::store::distribution::Distribution;
use pressroom_sandbox::Point;

use super::output::visible;
use super::{End, Session};
use crate::hooks::upkeep::{self, Installed};
use crate::root::Root;

/// List, add and look at hooks: what runs before and after a publication, and at its end.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    List(list::List),
    Add(add::Add),
    Check(check::Check),
    Inspect(inspect::Inspect),
    Upgrade(upgrade::Upgrade),
    Disable(disable::Disable),
    Enable(enable::Enable),
    Remove(remove::Remove),
    Compile(compile::Compile),
    Log(log::Log),
    Replay(replay::Replay),
    Init(init::Init),
    Test(test::Test),
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        match self {
            Self::List(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Check(command) => command.run(session),
            Self::Inspect(command) => command.run(session),
            Self::Upgrade(command) => command.run(session),
            Self::Disable(command) => command.run(session),
            Self::Enable(command) => command.run(session),
            Self::Remove(command) => command.run(session),
            Self::Compile(command) => command.run(session),
            Self::Log(command) => command.run(session),
            Self::Replay(command) => command.run(session),
            Self::Init(command) => command.run(session),
            Self::Test(command) => command.run(session),
        }
    }
}

/// Which hook is meant.
#[derive(Debug, clap::Args)]
struct Which {
    /// The hook: its own name (trace), or that of its file (90-trace).
    #[arg(value_name = "NAME")]
    name: String,
    /// The distribution; without it, the only one.
    #[arg(long)]
    distribution: Option<DistributionName>,
    /// Only at this point; again for more. Without it: wherever it stands.
    #[arg(long = "point", value_name = "POINT")]
    points: Vec<Point>,
}

impl Which {
    /// The hooks that are meant, one at least.
    fn find(&self, root: &Root, distribution: &Distribution) -> anyhow::Result<Vec<Installed>> {
        upkeep::find(root, &distribution.name, &self.name, &self.points)
    }
}

/// How wide a terminal is at least.
const COLUMNS: usize = 80;

/// Words behind a label, in lines that fit a terminal; those after the first begin where the words began. A word is never cut.
fn wrapped(indent: usize, label: &str, words: &str) -> String {
    let (mut text, mut line) = (String::new(), " ".repeat(indent) + label);
    let begin = visible(&line);
    let mut is_first = true;
    for word in words.split_whitespace() {
        if !is_first && visible(&line) + 1 + visible(word) > COLUMNS {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(begin);
            is_first = true;
        }
        if !is_first {
            line.push(' ');
        }
        line.push_str(word);
        is_first = false;
    }
    text + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_a_terminal_unless_a_word_does_not() {
        let words = ["staging=project/trace/*"; 8].join(", ");
        let text = wrapped(4, "granted  ", &words);
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with(&" ".repeat(13))), "{text}");
        let long = "x".repeat(100);
        assert_eq!(wrapped(0, "a ", &format!("b {long} c")), format!("a b\n  {long}\n  c\n"));
        assert_eq!(wrapped(2, "a ", ""), "  a\n");
    }
}
