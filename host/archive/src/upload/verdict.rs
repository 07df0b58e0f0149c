//! What becomes of an upload that is good: pure.

use crate::domain::{ArchivePurpose, CustomFormat, SeriesStatus, UploadPolicy, UploadStatus};

/// What decides where an upload begins.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// What the archive is for.
    pub purpose: ArchivePurpose,
    /// The life of the series.
    pub status: SeriesStatus,
    /// By which rules it was judged.
    pub policy: UploadPolicy,
    /// What in it was never there before, as `source hello`.
    pub new: &'a [String],
    /// Its custom files.
    pub customs: &'a [CustomFormat],
}

/// Where an upload begins, and why: the first line of its log.
#[must_use]
pub fn destiny(standing: &Arrival<'_>) -> (UploadStatus, String) {
    match standing.purpose {
        ArchivePurpose::Ppa => {
            return (UploadStatus::Accepted, "accepted: the archive belongs to its owner".to_owned());
        }
        ArchivePurpose::Copy => {
            return (
                UploadStatus::Accepted,
                "accepted: what is in a copy was decided about before".to_owned(),
            );
        }
        ArchivePurpose::Primary | ArchivePurpose::Partner => {}
    }
    if !standing.new.is_empty() {
        return (UploadStatus::New, format!("new: {}", standing.new.join(", ")));
    }
    // somebody's key would stand behind what is in it
    if standing.customs.iter().any(|format| matches!(format, CustomFormat::Signing | CustomFormat::Uefi)) {
        return (
            UploadStatus::Unapproved,
            "to be approved: there are files in it that are to be signed".to_owned(),
        );
    }
    let is_open = match standing.status {
        SeriesStatus::Experimental | SeriesStatus::Development | SeriesStatus::Future => true,
        SeriesStatus::Frozen | SeriesStatus::Current | SeriesStatus::Supported | SeriesStatus::Obsolete => {
            false
        }
    };
    // what was built was approved as a source
    if is_open || standing.policy == UploadPolicy::Buildd {
        return (UploadStatus::Accepted, "accepted: all in it was there before".to_owned());
    }
    (UploadStatus::Unapproved, format!("to be approved: the series is {}", standing.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_waits_and_what_is_known_waits_where_its_series_does_not_move() {
        let new = ["source hello".to_owned()];
        for status in SeriesStatus::ALL {
            let moves = matches!(
                status,
                SeriesStatus::Experimental | SeriesStatus::Development | SeriesStatus::Future
            );
            for purpose in ArchivePurpose::ALL {
                for policy in UploadPolicy::ALL {
                    for new in [&[][..], &new] {
                        let standing = Arrival {
                            purpose: *purpose,
                            status: *status,
                            policy: *policy,
                            new,
                            customs: &[],
                        };
                        let expected = match (*purpose, new, *policy) {
                            (ArchivePurpose::Ppa | ArchivePurpose::Copy, _, _) => UploadStatus::Accepted,
                            (_, [_, ..], _) => UploadStatus::New,
                            (_, [], UploadPolicy::Buildd) => UploadStatus::Accepted,
                            (_, [], UploadPolicy::Insecure | UploadPolicy::Sync) if moves => {
                                UploadStatus::Accepted
                            }
                            (_, [], UploadPolicy::Insecure | UploadPolicy::Sync) => UploadStatus::Unapproved,
                        };
                        assert_eq!(destiny(&standing).0, expected, "{standing:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_to_be_signed_is_looked_at() {
        let mut standing = Arrival {
            purpose: ArchivePurpose::Primary,
            status: SeriesStatus::Development,
            policy: UploadPolicy::Buildd,
            new: &[],
            customs: &[CustomFormat::Signing],
        };
        assert_eq!(destiny(&standing).0, UploadStatus::Unapproved);
        standing.customs = &[CustomFormat::DebianInstaller];
        assert_eq!(destiny(&standing).0, UploadStatus::Accepted);
        standing.purpose = ArchivePurpose::Ppa;
        standing.customs = &[CustomFormat::Uefi];
        assert_eq!(destiny(&standing).0, UploadStatus::Accepted);
    }
}
