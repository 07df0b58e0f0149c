//! `pressroom queue reject`.

use pressroom_archive::queue::decide::Verb;
use pressroom_archive::queue::{Use, Word};

use super::decided::Decision;
use super::{WAITING, Where};
use crate::cli::who::{As, comment, some_word};
use crate::cli::{End, Session};

const EXAMPLES: &str = "\
Examples:
  pressroom queue reject 12 --comment \"debian/copyright does not name the licence of src/md5.c\"
  pressroom queue reject --status accepted hello --comment \"superseded\"";

/// Refuse uploads: NEW and UNAPPROVED ones by name, those that are accepted and not published too by number. Whoever sent them is told why.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Reject {
    #[command(flatten)]
    place: Where,
    /// Why; it is kept in the log, and told to whoever sent them.
    #[arg(long, visible_alias = "reason")]
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

impl Reject {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let otherwise = "nothing is rejected without a word: say why with --comment";
        let comment = some_word(comment(&self.comment)?, otherwise)?;
        let root = session.root()?;
        let mut db = root.db()?;
        let actor = self.by.actor(&root, &db)?;
        let uploads = self.place.find(db.read(), &self.uploads, WAITING, Use::Deciding)?;
        let decision = Decision {
            verb: Verb::Reject,
            actor: &actor,
            comment: &comment,
            dry_run: self.dry_run,
            no_mail: self.no_mail,
        };
        decision.carry_out(session, &root, &mut db, &uploads)
    }
}
