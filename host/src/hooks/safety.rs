//! Who may change what runs: hook folders, grants, components and executables belong to the publisher or to root, and nobody else may write to them.
//!
//! Whoever can write there decides what runs with the publisher's rights, or what a hook is granted; so what is open to others stops the publication.
//! The group may write: teams that keep hooks together do it by a group.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::root::Root;

const OTHERS_WRITE: u32 = 0o002;

/// Whose files are trusted.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    users: BTreeSet<u32>,
    publisher: u32,
}

impl Owners {
    /// Root, who runs this, and whose root it is.
    pub(crate) fn of(root: &Root) -> Self {
        let publisher = rustix::process::geteuid().as_raw();
        let holder = std::fs::metadata(root.folder()).map(|metadata| metadata.uid()).ok();
        Self {
            users: [0, publisher].into_iter().chain(holder).collect(),
            publisher: holder.unwrap_or(publisher),
        }
    }

    /// Why a file or folder must not decide about what runs, and what to do; none: it may.
    pub(crate) fn complaint(&self, path: &Path, metadata: &Metadata) -> Option<String> {
        self.judge(metadata.uid(), metadata.permissions().mode()).map(|fault| match fault {
            Fault::OpenToOthers { mode } => format!(
                "everybody may write to it (mode {mode:04o}), and so decide what runs: look at what is in it, then chmod o-w {}",
                path.display()
            ),
            Fault::OfAnother { user, publisher } => format!(
                "it belongs to the user {user}, who could change what runs: look at what is in it, then chown {publisher} {}",
                path.display()
            ),
        })
    }

    fn judge(&self, user: u32, mode: u32) -> Option<Fault> {
        if mode & OTHERS_WRITE != 0 {
            return Some(Fault::OpenToOthers { mode: mode & 0o7777 });
        }
        (!self.users.contains(&user)).then_some(Fault::OfAnother { user, publisher: self.publisher })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    OpenToOthers { mode: u32 },
    OfAnother { user: u32, publisher: u32 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_publisher_and_root_decide_what_runs() {
        let owners = Owners { users: [0, 100].into_iter().collect(), publisher: 100 };
        for (user, mode, trusted) in [
            (100, 0o100_644, true),
            (100, 0o100_664, true),
            (0, 0o100_755, true),
            (0, 0o042_775, true),
            (100, 0o100_646, false),
            (0, 0o041_777, false),
            (1000, 0o100_600, false),
        ] {
            assert_eq!(owners.judge(user, mode).is_none(), trusted, "{user} {mode:o}");
        }
        assert_eq!(owners.judge(7, 0o666), Some(Fault::OpenToOthers { mode: 0o666 }));
        assert_eq!(owners.judge(7, 0o644), Some(Fault::OfAnother { user: 7, publisher: 100 }));
    }
}
