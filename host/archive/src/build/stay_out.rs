//! Which builds a refused upload of a builder is of: they have failed to upload, where a builder is at them.
//!
//! A builder that names its build may name a wrong one, and that is somebody else's business. A builder that names none has its build found by what its
//! `.changes` says, as it is found where the upload comes in. Nothing is changed here.

use crate::domain::name::{ArchitectureTag, SeriesName, SourceName};
use crate::domain::{ArchiveId, BuildId, DebVersion};
use crate::store::binary_package_build as rows;
use crate::store::{Connection, StoreError, package_release};

/// What a refused upload says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The source that it was built from.
    pub source: &'a SourceName,
    /// The source's version.
    pub version: &'a DebVersion,
    /// `Architecture` of its `.changes`.
    pub architectures: &'a [ArchitectureTag],
}

impl Said<'_> {
    /// Whether a build for this architecture made it.
    fn is_for(&self, build: &rows::Build) -> bool {
        let own = |tag: &&ArchitectureTag| !tag.is_all() && !tag.is_source();
        let mut own = self.architectures.iter().filter(own).peekable();
        if own.peek().is_some() {
            own.any(|tag| build.architecture == *tag)
        } else {
            build.arch_indep && self.architectures.iter().any(ArchitectureTag::is_all)
        }
    }
}

/// The builds of a refused upload: the one that its builder has named, where it fits what the upload says of itself, or those that are found by that in
/// a series of an archive.
///
/// # Errors
/// When the database fails.
pub fn builds_of_refused(
    db: &Connection,
    named: Option<BuildId>,
    said: Option<Said<'_>>,
    place: Option<(ArchiveId, &SeriesName)>,
) -> Result<Vec<BuildId>, StoreError> {
    if let Some(id) = named {
        let build = match rows::build(db, id) {
            Ok(build) => build,
            // somebody has named a build that there is not
            Err(StoreError::Unknown { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        // what nobody can read says nothing against its builder's word
        let fits = said.is_none_or(|said| {
            build.source_name == *said.source && build.version == *said.version && said.is_for(&build)
        });
        return Ok(if fits { vec![id] } else { Vec::new() });
    }
    let (Some(said), Some((archive, series))) = (said, place) else { return Ok(Vec::new()) };
    let Some(source) = package_release::find_source_release(db, archive, said.source, said.version)? else {
        return Ok(Vec::new());
    };
    let all = rows::builds_of_source(db, archive, source)?;
    let fits = |build: &&rows::Build| build.suite_name.series() == series && said.is_for(build);
    Ok(all.iter().filter(fits).map(|build| build.id).collect())
}
