//! What accepting and rejecting have in common: one upload after the other, each in a transaction of its own with the messages
//! about it, so that one that is refused stops no other.

use pressroom_archive::domain::UploadStatus;
use pressroom_archive::librarian::Librarian;
use pressroom_archive::notify::{Letterhead, UploadFacts, UploadNews, tell};
use pressroom_archive::people::Actor;
use pressroom_archive::queue::decide::{Decided, Refused, Review, Verb, decide};
use pressroom_archive::store::package_upload::PackageUpload;
use pressroom_archive::store::{Db, Transaction};
use serde::Serialize;

use super::status_text;
use crate::cli::output::{BAD, BOLD, WARN, painted};
use crate::cli::{End, Session};
use crate::mail::deliver;
use crate::root::Root;

/// What is decided, by whom and why.
pub(super) struct Decision<'a> {
    pub(super) verb: Verb,
    pub(super) actor: &'a Actor,
    pub(super) comment: &'a str,
    /// Only to see what would be.
    pub(super) dry_run: bool,
    /// Nobody is told.
    pub(super) no_mail: bool,
}

#[derive(Serialize)]
struct Outcome {
    upload: i64,
    source: String,
    version: String,
    from: UploadStatus,
    /// As `from` where it was refused.
    to: UploadStatus,
    warnings: Vec<String>,
    /// Why nothing was done.
    refused: Vec<String>,
}

impl Decision<'_> {
    /// Decides about uploads, tells those concerned, and says what came of it.
    pub(super) fn carry_out(
        &self,
        session: &Session,
        root: &Root,
        db: &mut Db,
        uploads: &[PackageUpload],
    ) -> anyhow::Result<End> {
        // before anything is done, since a template may be wrong
        let letterhead = if self.no_mail { None } else { root.letterhead()? };
        let librarian = root.librarian();
        let mut outcomes = Vec::new();
        let mut failed = None;
        for upload in uploads {
            match self.one(session, (&librarian, letterhead.as_ref()), db, upload) {
                Ok(outcome) => outcomes.push(outcome),
                // what was decided before is, and is said
                Err(error) => {
                    failed = Some(error.context(format!(
                        "nothing was done to upload {} ({} {})",
                        upload.id, upload.source_name, upload.version
                    )));
                    break;
                }
            }
        }
        if !self.dry_run && !self.no_mail {
            deliver(root, db, &session.clock, root.config.mail.time_limit()).warn();
        }
        session.output.show(&outcomes, || self.text(&outcomes))?;
        if let Some(error) = failed {
            return Err(error);
        }
        let is_any_refused = outcomes.iter().any(|outcome| !outcome.refused.is_empty());
        Ok(if is_any_refused { End::Failure } else { End::Success })
    }

    fn one(
        &self,
        session: &Session,
        (librarian, letterhead): (&Librarian, Option<&Letterhead>),
        db: &mut Db,
        upload: &PackageUpload,
    ) -> anyhow::Result<Outcome> {
        let (id, now) = (upload.id, session.clock.now());
        let work = |tx: &Transaction<'_>| -> anyhow::Result<Result<Decided, Refused>> {
            let review = Review { actor: self.actor, comment: self.comment, now };
            let decided = decide(tx, id, self.verb, &review)?;
            if let (Ok(decided), Some(_)) = (&decided, letterhead) {
                let facts = UploadFacts::load(tx, librarian, id)?;
                tell(tx, letterhead, &self.news(decided.to), &facts, now)?;
            }
            Ok(decided)
        };
        let decided = if self.dry_run { db.rehearse(work)? } else { db.write(work)? };
        let (from, to, warnings, refused) = match decided {
            Ok(decided) => (decided.from, decided.to, decided.warnings, Vec::new()),
            Err(Refused { status, reasons }) => (status, status, Vec::new(), reasons),
        };
        Ok(Outcome {
            upload: id.0,
            source: upload.source_name.to_string(),
            version: upload.version.to_string(),
            from,
            to,
            warnings,
            refused,
        })
    }

    /// What is told of an upload that has come to a status.
    const fn news(&self, to: UploadStatus) -> UploadNews<'_> {
        match to {
            UploadStatus::New => UploadNews::New,
            UploadStatus::Unapproved => UploadNews::Unapproved,
            UploadStatus::Accepted | UploadStatus::Done => UploadNews::Accepted,
            UploadStatus::Rejected => UploadNews::Rejected { problems: &[], comment: self.comment },
        }
    }

    fn text(&self, outcomes: &[Outcome]) -> String {
        let mut text = String::new();
        for outcome in outcomes {
            let name = painted(BOLD, format!("{} {} {}", outcome.upload, outcome.source, outcome.version));
            if outcome.refused.is_empty() {
                let would = if self.dry_run { "would be" } else { "is" };
                let to = status_text(outcome.to);
                text.push_str(&format!("{name} was {} and {would} {to}\n", outcome.from));
            } else {
                let word = painted(BAD, "stays");
                text.push_str(&format!("{name} {word} {}:\n", outcome.from));
            }
            for reason in &outcome.refused {
                text.push_str(&format!("  {reason}\n"));
            }
            for warning in &outcome.warnings {
                text.push_str(&format!("  {} {warning}\n", painted(WARN, "but")));
            }
        }
        text
    }
}
