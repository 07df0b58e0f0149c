//! Which status of a build may follow which, and by what.

use crate::domain::BuildStatus;

/// What can be done to a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A builder takes it.
    Claim,
    /// The builder hands it back: somebody else may have it.
    GiveBack,
    /// The builder has built it, and what it has made is being fetched.
    Gather,
    /// The builder has built it, and uploads what it has made.
    Upload,
    /// What was uploaded has come in.
    ComeIn,
    /// What was uploaded has not.
    StayOut,
    /// The builder could not build it.
    Fail,
    /// Packages that it needs are not there.
    MissDependencies,
    /// The builder could not prepare.
    FailToPrepare,
    /// Somebody wants it once more.
    Retry,
    /// Somebody does not want it.
    Cancel,
    /// The builder has stopped.
    Stop,
    /// Its source has given way.
    Supersede,
}

/// What an act makes of a build; none: it cannot be done to one that is in this status.
#[must_use]
pub const fn after(status: BuildStatus, act: Act) -> Option<BuildStatus> {
    use BuildStatus::{
        Building, Cancelled, Cancelling, ChrootWait, FailedToBuild, FailedToUpload, FullyBuilt, Gathering,
        ManualDepWait, NeedsBuild, Superseded, Uploading,
    };
    match act {
        Act::Claim => match status {
            NeedsBuild => Some(Building),
            FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded | Building
            | FailedToUpload | Uploading | Cancelling | Cancelled | Gathering => None,
        },
        Act::GiveBack => match status {
            Building | Gathering | Uploading => Some(NeedsBuild),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded
            | FailedToUpload | Cancelling | Cancelled => None,
        },
        Act::Gather => match status {
            Building => Some(Gathering),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded
            | FailedToUpload | Uploading | Cancelling | Cancelled | Gathering => None,
        },
        Act::Upload => match status {
            // also where nobody has said that it is being built, or thought that it cannot be: here is what was built; and once more
            // where what came in was rejected afterwards, which the caller knows
            NeedsBuild | FailedToBuild | ManualDepWait | ChrootWait | Building | FailedToUpload
            | Gathering | FullyBuilt => Some(Uploading),
            Superseded | Cancelled | Cancelling | Uploading => None,
        },
        Act::ComeIn => match status {
            Uploading => Some(FullyBuilt),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded | Building
            | FailedToUpload | Cancelling | Cancelled | Gathering => None,
        },
        Act::StayOut => match status {
            Building | Gathering | Uploading => Some(FailedToUpload),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded
            | FailedToUpload | Cancelling | Cancelled => None,
        },
        Act::Fail => match status {
            Building => Some(FailedToBuild),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded
            | FailedToUpload | Uploading | Cancelling | Cancelled | Gathering => None,
        },
        Act::MissDependencies => match status {
            Building => Some(ManualDepWait),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded
            | FailedToUpload | Uploading | Cancelling | Cancelled | Gathering => None,
        },
        Act::FailToPrepare => match status {
            Building => Some(ChrootWait),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded
            | FailedToUpload | Uploading | Cancelling | Cancelled | Gathering => None,
        },
        Act::Retry => match status {
            // also where what came in was rejected afterwards, which the caller knows
            FailedToBuild | ManualDepWait | ChrootWait | Superseded | FailedToUpload | Cancelled
            | FullyBuilt => Some(NeedsBuild),
            NeedsBuild | Building | Uploading | Cancelling | Gathering => None,
        },
        Act::Cancel => match status {
            NeedsBuild => Some(Cancelled),
            // the builder is told when it asks, and stops
            Building => Some(Cancelling),
            FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded | FailedToUpload
            | Uploading | Cancelling | Cancelled | Gathering => None,
        },
        Act::Stop => match status {
            Cancelling => Some(Cancelled),
            NeedsBuild | FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded | Building
            | FailedToUpload | Uploading | Cancelled | Gathering => None,
        },
        Act::Supersede => match status {
            NeedsBuild => Some(Superseded),
            FullyBuilt | FailedToBuild | ManualDepWait | ChrootWait | Superseded | Building
            | FailedToUpload | Uploading | Cancelling | Cancelled | Gathering => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTS: [(&str, Act); 13] = [
        ("claim", Act::Claim),
        ("give-back", Act::GiveBack),
        ("gather", Act::Gather),
        ("upload", Act::Upload),
        ("come-in", Act::ComeIn),
        ("stay-out", Act::StayOut),
        ("fail", Act::Fail),
        ("dependencies", Act::MissDependencies),
        ("prepare", Act::FailToPrepare),
        ("retry", Act::Retry),
        ("cancel", Act::Cancel),
        ("stop", Act::Stop),
        ("supersede", Act::Supersede),
    ];

    #[test]
    fn every_act_has_its_statuses_and_no_others() {
        let table = BuildStatus::ALL
            .iter()
            .map(|status| {
                let acts: Vec<String> = ACTS
                    .iter()
                    .filter_map(|(name, act)| after(*status, *act).map(|to| format!("{name}={to}")))
                    .collect();
                format!("{status}: {}", acts.join(" "))
            })
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(
            table,
            "NEEDSBUILD: claim=BUILDING upload=UPLOADING cancel=CANCELLED supersede=SUPERSEDED\n\
             FULLYBUILT: upload=UPLOADING retry=NEEDSBUILD\n\
             FAILEDTOBUILD: upload=UPLOADING retry=NEEDSBUILD\n\
             MANUALDEPWAIT: upload=UPLOADING retry=NEEDSBUILD\n\
             CHROOTWAIT: upload=UPLOADING retry=NEEDSBUILD\n\
             SUPERSEDED: retry=NEEDSBUILD\n\
             BUILDING: give-back=NEEDSBUILD gather=GATHERING upload=UPLOADING stay-out=FAILEDTOUPLOAD fail=FAILEDTOBUILD \
             dependencies=MANUALDEPWAIT prepare=CHROOTWAIT cancel=CANCELLING\n\
             FAILEDTOUPLOAD: upload=UPLOADING retry=NEEDSBUILD\n\
             UPLOADING: give-back=NEEDSBUILD come-in=FULLYBUILT stay-out=FAILEDTOUPLOAD\n\
             CANCELLING: stop=CANCELLED\n\
             CANCELLED: retry=NEEDSBUILD\n\
             GATHERING: give-back=NEEDSBUILD upload=UPLOADING stay-out=FAILEDTOUPLOAD"
        );
    }
}
