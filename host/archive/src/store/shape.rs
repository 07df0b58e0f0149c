//! A suite with everything that decides which files it has: what the index, the Release file and hooks are told of it.

use super::archive::Archive;
use super::series::{self, ArchSeries, Series, SeriesComponent};
use super::suite::Suite;
use super::{Connection, StoreError, copy_archive};

/// A suite, its series, its enabled architectures, its components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteShape {
    /// The suite.
    pub suite: Suite,
    /// Its series.
    pub series: Series,
    /// Most preferred first.
    pub components: Vec<SeriesComponent>,
    /// Those that are published, by tag: the enabled ones; of a copy archive, those of them that it was made for.
    pub architectures: Vec<ArchSeries>,
}

/// The shape of a suite.
///
/// # Errors
/// When the database fails.
pub fn shape(db: &Connection, suite: Suite) -> Result<SuiteShape, StoreError> {
    Ok(SuiteShape {
        series: series::series_by_id(db, suite.series)?,
        components: series::components(db, suite.series)?,
        architectures: copy_archive::architectures_in(db, suite.archive, suite.series)?,
        suite,
    })
}

/// The shapes of all suites of an archive, by series and pocket.
///
/// # Errors
/// When the database fails.
pub fn shapes_of(db: &Connection, archive: &Archive) -> Result<Vec<SuiteShape>, StoreError> {
    super::suite::suites_of(db, archive.id)?.into_iter().map(|suite| shape(db, suite)).collect()
}
