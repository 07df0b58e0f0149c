//! The stanzas of an index, from the rows.

use super::IndexError;
use super::stanza::{binary_stanza, source_stanza};
use crate::domain::{Checksum, PassId};
use crate::store::Connection;
use crate::store::publication::{self, BinaryIndex, IndexKey, Names};
use crate::store::series::SeriesComponent;
use crate::work::{self, Work};

/// An index as a pass will leave it.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) db: &'a Connection,
    pub(super) pass: PassId,
    pub(super) key: &'a IndexKey,
    pub(super) component: &'a SeriesComponent,
    pub(super) checksums: &'a [Checksum],
}

impl Rows<'_> {
    /// Calls `each` with the name and the stanza of each package of these names, in order.
    pub(super) fn for_each_stanza(
        &self,
        names: &Names,
        mut each: impl FnMut(&str, &str) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let (db, pass, component) = (self.db, Some(self.pass), &self.component.name);
        let (mut stanza, mut count) = (String::new(), 0);
        match self.key {
            IndexKey::Packages { suite, component: row, architecture, format } => {
                let index = BinaryIndex {
                    suite: *suite,
                    component: *row,
                    architecture: *architecture,
                    format: *format,
                };
                publication::for_each_binary(db, pass, &index, names, |binary| {
                    stanza.clear();
                    binary_stanza(&mut stanza, &binary, component, self.checksums);
                    count += 1;
                    each(&binary.name, &stanza)
                })?;
            }
            IndexKey::Sources { suite, component: row } => {
                publication::for_each_source(db, pass, *suite, *row, names, |source| {
                    let files = publication::source_files(db, source.release)?;
                    stanza.clear();
                    source_stanza(&mut stanza, &source, &files, component, self.checksums);
                    count += 1;
                    each(source.name.as_str(), &stanza)
                })?;
            }
        }
        work::count(Work::StanzasRendered, count);
        Ok(())
    }
}
