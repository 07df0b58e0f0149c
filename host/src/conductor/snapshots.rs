//! Snapshots in a run: made as soon as something is installed, before anything else can write to it, and let go when their time is over.
//!
//! Neither holds up a publication: what went wrong is said, and the next run does it.

use pressroom_archive::domain::chain;
use pressroom_archive::snapshot::{expire::expire, make::make_owed};
use pressroom_archive::store::Db;
use pressroom_archive::store::archive::Archive;
use tracing::debug_span;

use super::context::Run;

impl Run<'_> {
    /// Makes the snapshots that an installation owes. What could not be done, if anything.
    pub(super) fn make_snapshots(&self, db: &mut Db, archive: &Archive) -> Option<String> {
        let _span = debug_span!("snapshots", archive = %archive.reference).entered();
        let paths = self.root.archive_paths(archive);
        match make_owed(db, archive.id, &paths, self.clock.now()) {
            Ok(made) => {
                for name in made {
                    tracing::info!(archive = %archive.reference, %name, "snapshot made");
                }
                None
            }
            Err(error) => Some(format!(
                "what was installed in {} has no snapshot yet: {}; the next run makes it, unless something else is installed there first",
                archive.reference,
                chain(&error)
            )),
        }
    }

    /// Lets go of the snapshots of an archive whose time is over. What could not be done, if anything.
    pub(super) fn expire_snapshots(&self, db: &mut Db, archive: &Archive) -> Option<String> {
        let paths = self.root.archive_paths(archive);
        match expire(db, archive.id, &paths, self.clock.now()) {
            Ok(0) => None,
            Ok(gone) => {
                tracing::info!(archive = %archive.reference, gone, "snapshots let go");
                None
            }
            Err(error) => Some(format!(
                "snapshots of {} whose time is over are there still: {}",
                archive.reference,
                chain(&error)
            )),
        }
    }
}
