//! What is done for mirrors when something changed in an archive: empty folders go, `ls-lR.gz` is made, the journal is written.

use pressroom_archive::mirror::{self, After, Owner};
use pressroom_archive::store::Db;
use pressroom_archive::store::archive::Archive;
use tracing::debug_span;

use crate::clock::Clock;
use crate::root::Root;

/// Does what mirrors wait for. What could not be done is said for the operators; what is published is published all the same, and the next run makes up for it.
pub(super) fn keep_up(
    root: &Root,
    db: &mut Db,
    archive: &Archive,
    after: After,
    clock: Clock,
) -> Result<(), String> {
    let folder = root.archive_paths(archive).root;
    let mut work = || {
        if !mirror::has_anything_to_do(db, archive)? {
            return Ok(None);
        }
        let _span = debug_span!("mirror", archive = %archive.reference).entered();
        let _lock = root.pool_lock(archive)?;
        mirror::keep_up(db, archive, &folder, &Owner::default(), after, clock.now()).map(Some)
    };
    match work() {
        Ok(None) => Ok(()),
        Ok(Some(done)) => {
            tracing::debug!(
                archive = %archive.reference,
                vacated = done.vacated,
                listed = done.is_listed,
                numbers = done.numbers,
                "mirrors are told"
            );
            Ok(())
        }
        Err(error) => Err(format!(
            "{}: mirrors are not told of what changed ({}): the next run does it",
            archive.reference,
            pressroom_archive::domain::chain(&error)
        )),
    }
}
