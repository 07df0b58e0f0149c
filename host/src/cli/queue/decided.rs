//! What accepting and rejecting have in common: one upload after the other, each in a transaction of its own, so that one that is refused stops no other.

use pressroom_archive::domain::{UploadId, UploadStatus};
use pressroom_archive::people::Actor;
use pressroom_archive::queue::decide::{Refused, Review, Verb, decide};
use pressroom_archive::store::package_upload::PackageUpload;
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::status_text;
use crate::cli::output::{BAD, BOLD, WARN, painted};
use crate::cli::{End, Session, exit};

/// What is decided, by whom and why.
pub(super) struct Decision<'a> {
    pub(super) verb: Verb,
    pub(super) actor: &'a Actor,
    pub(super) comment: &'a str,
    /// Only to see what would be.
    pub(super) dry_run: bool,
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
    /// Decides about uploads and says what came of it.
    pub(super) fn carry_out(
        &self,
        session: &Session,
        db: &mut Db,
        uploads: &[PackageUpload],
    ) -> anyhow::Result<End> {
        let mut outcomes = Vec::new();
        for upload in uploads {
            outcomes.push(self.one(session, db, upload)?);
        }
        session.output.show(&outcomes, || self.text(&outcomes))?;
        let is_any_refused = outcomes.iter().any(|outcome| !outcome.refused.is_empty());
        Ok(if is_any_refused { End::Failure } else { End::Success })
    }

    fn one(&self, session: &Session, db: &mut Db, upload: &PackageUpload) -> anyhow::Result<Outcome> {
        let (id, now): (UploadId, _) = (upload.id, session.clock.now());
        let decided = {
            let work = |tx: &pressroom_archive::store::Transaction<'_>| {
                decide(tx, id, self.verb, &Review { actor: self.actor, comment: self.comment, now })
            };
            let ended: Result<_, StoreError> = if self.dry_run { db.rehearse(work) } else { db.write(work) };
            ended?
        };
        let (from, to, warnings, refused) = match decided {
            Ok(decided) => (decided.from, decided.to, decided.warnings, Vec::new()),
            Err(Refused { reasons }) => (upload.status, upload.status, Vec::new(), reasons),
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

/// A comment in one line. Refused where it has what a terminal or a mail would obey.
pub(super) fn comment(text: &str) -> anyhow::Result<String> {
    if text.chars().any(|character| character.is_control() && !character.is_whitespace()) {
        return Err(exit::usage("--comment is shown to people: leave control characters out"));
    }
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
