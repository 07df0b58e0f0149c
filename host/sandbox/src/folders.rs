//! A program of the machine's own that is kept to some folders: for those who start one that need not see the rest.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use crate::walls::Wall;

/// The newest Landlock that is known here; an older kernel gives what it has.
const NEWEST_LANDLOCK: ABI = ABI::V6;

/// Keeps this process, and what it becomes, to what lies below these folders, some to be read and run, some also to be written, and from the network and
/// other processes. A folder that is not there is left out. What a kernel lacks is no error.
pub fn confine_to(read: &[&Path], write: &[&Path]) -> Wall {
    let restrict = || -> Result<_, RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(NEWEST_LANDLOCK))?
            .handle_access(AccessNet::from_all(NEWEST_LANDLOCK))?
            .scope(Scope::from_all(NEWEST_LANDLOCK))?
            .create()?
            .add_rules(path_beneath_rules(read, AccessFs::from_read(NEWEST_LANDLOCK)))?
            .add_rules(path_beneath_rules(write, AccessFs::from_all(NEWEST_LANDLOCK)))?
            .restrict_self()
    };
    match restrict() {
        Err(error) => Wall::Missing(error.to_string()),
        Ok(status) => match status.landlock {
            LandlockStatus::NotEnabled => Wall::Missing("this kernel has it switched off".to_owned()),
            LandlockStatus::NotImplemented => Wall::Missing("this kernel has none".to_owned()),
            LandlockStatus::Available { .. } if status.ruleset == RulesetStatus::NotEnforced => {
                Wall::Missing("this kernel does not enforce it".to_owned())
            }
            LandlockStatus::Available { .. } => Wall::Stands("files, connections".to_owned()),
        },
    }
}
