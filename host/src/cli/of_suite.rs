//! Commands about one suite: which it is, and what is done to it if whoever asks may.

use pressroom_archive::domain::{ArchiveReference, SuiteName};
use pressroom_archive::people::{Actor, rights};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::suite::{self, Suite};
use pressroom_archive::store::{Db, Transaction};

use super::the_archive;

/// The suite that is meant, with its archive.
pub(super) fn found(
    db: &Db,
    archive: Option<&ArchiveReference>,
    name: &SuiteName,
) -> anyhow::Result<(Archive, Suite)> {
    let archive = the_archive(db, archive)?;
    let suite = suite::suite(db.read(), archive.id, name)?;
    Ok((archive, suite))
}

/// Does something to a suite, if whoever asks for it may decide over its pocket: asked in the transaction that does it.
pub(super) fn decide<T>(
    db: &mut Db,
    (archive, suite): (&Archive, &Suite),
    actor: &Actor,
    work: impl FnOnce(&Transaction<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    db.write(|tx| {
        rights(tx, archive, actor)?.may_administer(suite.series, suite.name.pocket(), &[])?;
        work(tx)
    })
}
