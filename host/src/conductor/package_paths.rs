//! Which files packages have, where indexes are to say it and it is not known: of packages that came in before their lists were kept.

use pressroom_archive::domain::{BinaryReleaseId, PassId, chain};
use pressroom_archive::index::Scope;
use pressroom_archive::librarian::Librarian;
use pressroom_archive::store::package_paths::{self, Listed};
use pressroom_archive::store::shape::SuiteShape;
use pressroom_archive::store::{Connection, StoreError};
use pressroom_archive::upload::{PathsError, packed_paths};

/// So many originals are read before their lists are kept.
const AT_ONCE: usize = 64;

/// Reads the lists again that the Contents indexes of a suite need. Says what could not be read: such a package has no files there.
pub(super) fn know_files(
    db: &Connection,
    librarian: &Librarian,
    pass: PassId,
    shape: &SuiteShape,
    scope: Scope<'_>,
) -> Result<Vec<String>, StoreError> {
    if !shape.series.contents {
        return Ok(Vec::new());
    }
    let listed = match scope {
        Scope::All | Scope::Careful => Listed::All,
        Scope::Only(_) => Listed::Changed,
    };
    let mut problems = Vec::new();
    for releases in package_paths::unknown(db, pass, shape.suite.id, listed)?.chunks(AT_ONCE) {
        if let Some(error) = failed(packed_paths(db, librarian, releases))? {
            tracing::debug!("reading one after the other: {}", chain(&error));
            for release in releases {
                if let Some(error) = failed(packed_paths(db, librarian, &[*release]))? {
                    problems.push(problem(shape, *release, &error));
                }
            }
        }
    }
    Ok(problems)
}

/// What is wrong with a package, and not with the database.
fn failed(result: Result<Vec<Vec<u8>>, PathsError>) -> Result<Option<PathsError>, StoreError> {
    match result {
        Ok(_) => Ok(None),
        Err(PathsError::Store(error)) => Err(error),
        Err(
            error @ (PathsError::Disk(_) | PathsError::Deb { .. } | PathsError::List(_) | PathsError::Gone),
        ) => Ok(Some(error)),
    }
}

fn problem(shape: &SuiteShape, release: BinaryReleaseId, error: &PathsError) -> String {
    format!("Contents of {} have no files of binary release {release}: {}", shape.suite.name, chain(error))
}
