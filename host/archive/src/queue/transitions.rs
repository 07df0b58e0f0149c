//! The life of an upload: from which status it may come to which.
//!
//! NEW and UNAPPROVED wait for somebody; a NEW one that is accepted where everything is looked at waits once more, for its approval. What was rejected may be accepted after
//! all, what was accepted may be rejected until its publications are made; DONE is the end.

use crate::domain::UploadStatus;

/// Whether somebody has to approve what comes into a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// Everything that comes in is looked at.
    Needed,
    /// What is known comes in.
    NotNeeded,
}

/// A step that an upload's life does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an upload that is {from} cannot become {to}: {why}")]
pub struct Illegal {
    /// What it is.
    pub from: UploadStatus,
    /// What it was to be.
    pub to: UploadStatus,
    /// Why not, and what can be done.
    pub why: &'static str,
}

/// What accepting makes of an upload.
///
/// # Errors
/// When it is accepted or done already.
pub const fn accept(from: UploadStatus, approval: Approval) -> Result<UploadStatus, Illegal> {
    let to = UploadStatus::Accepted;
    match (from, approval) {
        (UploadStatus::New, Approval::Needed) => Ok(UploadStatus::Unapproved),
        (UploadStatus::New, Approval::NotNeeded) | (UploadStatus::Unapproved | UploadStatus::Rejected, _) => {
            Ok(to)
        }
        (UploadStatus::Accepted, _) => Err(Illegal {
            from,
            to,
            why: "it is already; `pressroom process-accepted` makes its publications",
        }),
        (UploadStatus::Done, _) => {
            Err(Illegal { from, to, why: "its publications are made, and it stays so" })
        }
    }
}

/// What rejecting makes of an upload.
///
/// # Errors
/// When it is rejected or done already.
pub const fn reject(from: UploadStatus) -> Result<UploadStatus, Illegal> {
    let to = UploadStatus::Rejected;
    match from {
        UploadStatus::New | UploadStatus::Unapproved | UploadStatus::Accepted => Ok(to),
        UploadStatus::Rejected => Err(Illegal { from, to, why: "it is already" }),
        UploadStatus::Done => Err(Illegal {
            from,
            to,
            why: "its publications are made; take the packages out with `pressroom remove`",
        }),
    }
}

/// What making its publications makes of an upload.
///
/// # Errors
/// When it is not accepted.
pub const fn finish(from: UploadStatus) -> Result<UploadStatus, Illegal> {
    let to = UploadStatus::Done;
    match from {
        UploadStatus::Accepted => Ok(to),
        UploadStatus::New | UploadStatus::Unapproved | UploadStatus::Rejected => {
            Err(Illegal { from, to, why: "accept it first, with `pressroom queue accept`" })
        }
        UploadStatus::Done => Err(Illegal { from, to, why: "it is already" }),
    }
}

/// Whether the packages of an upload may be filed otherwise.
///
/// # Errors
/// When its publications are made.
pub const fn refile(from: UploadStatus) -> Result<(), Illegal> {
    match from {
        UploadStatus::New | UploadStatus::Unapproved | UploadStatus::Accepted | UploadStatus::Rejected => {
            Ok(())
        }
        UploadStatus::Done => Err(Illegal {
            from,
            to: from,
            why: "its publications are made; file those otherwise with `pressroom change-override`",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UploadStatus::{Accepted, Done, New, Rejected, Unapproved};

    #[test]
    fn an_upload_goes_where_its_life_leads() {
        // from; accepted where nothing has to be approved, and where everything has; rejected; finished
        for (from, known, looked_at, rejected, finished) in [
            (New, Some(Accepted), Some(Unapproved), Some(Rejected), None),
            (Unapproved, Some(Accepted), Some(Accepted), Some(Rejected), None),
            (Accepted, None, None, Some(Rejected), Some(Done)),
            (Rejected, Some(Accepted), Some(Accepted), None, None),
            (Done, None, None, None, None),
        ] {
            assert_eq!(accept(from, Approval::NotNeeded).ok(), known, "{from}");
            assert_eq!(accept(from, Approval::Needed).ok(), looked_at, "{from}");
            assert_eq!(reject(from).ok(), rejected, "{from}");
            assert_eq!(finish(from).ok(), finished, "{from}");
            assert_eq!(refile(from).is_ok(), from != Done, "{from}");
        }
    }

    #[test]
    fn an_illegal_step_names_both_statuses_and_what_to_do() {
        for error in [
            accept(Accepted, Approval::Needed).unwrap_err(),
            accept(Done, Approval::NotNeeded).unwrap_err(),
            reject(Rejected).unwrap_err(),
            reject(Done).unwrap_err(),
            finish(New).unwrap_err(),
            refile(Done).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains(error.from.as_str()) && text.contains(error.to.as_str()), "{text}");
        }
    }
}
