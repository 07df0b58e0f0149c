//! `pressroom queue accept`.

use pressroom_archive::queue::decide::Verb;
use pressroom_archive::queue::{Use, Word};

use super::decided::Decision;
use super::{WAITING, Where};
use crate::cli::who::{As, comment};
use crate::cli::{End, Session};

const EXAMPLES: &str = "\
Examples:
  pressroom queue accept 12 13
  pressroom queue accept --suite one hello/2.10-3
  pressroom queue accept --status rejected hello    after all

What is NEW where everything is looked at becomes UNAPPROVED first: accept it again, or with --approve. What is ACCEPTED is published by `pressroom publish`.";

/// Let uploads in: NEW and UNAPPROVED ones by name, rejected ones too by number.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Accept {
    #[command(flatten)]
    place: Where,
    /// Approve them too, where everything that comes in is looked at.
    #[arg(long)]
    approve: bool,
    /// A word about it; it is kept in the log.
    #[arg(long, visible_alias = "reason", default_value = "")]
    comment: String,
    #[command(flatten)]
    by: As,
    /// Say what would be, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Tell nobody.
    #[arg(long)]
    no_mail: bool,
    #[arg(required = true, value_name = "UPLOAD")]
    uploads: Vec<Word>,
}

impl Accept {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let comment = comment(&self.comment)?;
        let root = session.root()?;
        let mut db = root.db()?;
        let actor = self.by.actor(&root, &db)?;
        let uploads = self.place.find(db.read(), &self.uploads, WAITING, Use::Deciding)?;
        let decision = Decision {
            verb: if self.approve { Verb::AcceptAndApprove } else { Verb::Accept },
            actor: &actor,
            comment: &comment,
            dry_run: self.dry_run,
            no_mail: self.no_mail,
        };
        decision.carry_out(session, &root, &mut db, &uploads)
    }
}
