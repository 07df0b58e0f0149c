//! The index files of one suite in the staged tree.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::increment;
use super::render::Rows;
use super::segment::assemble::{Assembled, Assembly, Target};
use super::segment::cut::Rule;
use super::segment::previous::Previous;
use crate::disk::{self, DiskError, During};
use crate::domain::digest::FileDigests;
use crate::domain::{BinaryFormat, Compressor, PassId};
use crate::store::archive_file::ListedFile;
use crate::store::index_segment::{self, SegmentChange};
use crate::store::publication::{self, IndexKey};
use crate::store::series::{ArchSeries, SeriesComponent};
use crate::store::shape::SuiteShape;
use crate::store::{Connection, StoreError, pass};

/// Why indexes cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The staged tree's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An encoder failed.
    #[error("cannot compress {path} with {form}")]
    Compress {
        /// The index.
        path: String,
        /// The form.
        form: Compressor,
        /// Why.
        source: io::Error,
    },
}

/// Which indexes of a suite to make.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// All, from the rows, and files of indexes that the suite no longer has go. What is published is used where it is the same.
    All,
    /// As [`Scope::All`], and nothing that is published is used.
    Careful,
    /// These, from what is published and what the pass changes; and those that are not there.
    Only(&'a [IndexKey]),
}

/// What was made.
#[derive(Debug, Default)]
pub struct Built {
    /// The files, with the texts that only their compressed forms carry.
    pub files: Vec<ListedFile>,
    /// The segments of these indexes that are new, and those that go.
    pub segments: Vec<SegmentChange>,
    /// How many indexes were made.
    pub indexes: usize,
    /// How many stanzas they have.
    pub stanzas: u64,
}

/// An index that a suite has.
struct Index<'a> {
    key: IndexKey,
    path: String,
    component: &'a SeriesComponent,
}

/// Where an index lies below its suite's folder, without the ending of a form.
#[must_use]
pub fn index_path(component: &str, architecture: Option<&str>, format: BinaryFormat) -> String {
    match (architecture, format.subcomponent()) {
        (None, _) => format!("{component}/source/Sources"),
        (Some(architecture), None) => format!("{component}/binary-{architecture}/Packages"),
        (Some(architecture), Some(subcomponent)) => {
            format!("{component}/{subcomponent}/binary-{architecture}/Packages")
        }
    }
}

fn indexes<'a>(
    db: &Connection,
    pass: PassId,
    shape: &'a SuiteShape,
    scope: Scope<'_>,
    folder: &Path,
) -> Result<Vec<Index<'a>>, StoreError> {
    let suite = shape.suite.id;
    let mut indexes = Vec::new();
    for component in &shape.components {
        // an empty index of ordinary packages is an index too; of the others, those that have a package or have had one: clients that
        // read it must see that it is empty now
        let mut formats = BTreeSet::from([BinaryFormat::Deb]);
        for (format, name) in
            BinaryFormat::ALL.iter().filter_map(|format| Some((format, format.subcomponent()?)))
        {
            let below = format!("{}/{name}/", component.name);
            if folder.join(&below).is_dir() || index_segment::are_below(db, suite, &below)? {
                formats.insert(*format);
            }
        }
        // asking every publication is for a pass that reads them all
        if !matches!(scope, Scope::Only(_)) {
            formats.extend(publication::formats_in(db, Some(pass), suite, component.id)?);
        }
        if let Scope::Only(touched) = scope {
            formats.extend(touched.iter().filter_map(|key| match key {
                IndexKey::Packages { component: row, format, .. } if *row == component.id => Some(*format),
                IndexKey::Packages { .. } | IndexKey::Sources { .. } => None,
            }));
        }
        for format in formats {
            for ArchSeries { id, tag, .. } in &shape.architectures {
                indexes.push(Index {
                    key: IndexKey::Packages { suite, component: component.id, architecture: *id, format },
                    path: index_path(component.name.as_str(), Some(tag.as_str()), format),
                    component,
                });
            }
        }
        indexes.push(Index {
            key: IndexKey::Sources { suite, component: component.id },
            path: index_path(component.name.as_str(), None, BinaryFormat::Deb),
            component,
        });
    }
    Ok(indexes)
}

/// Makes the index files of a suite below `folder`, its folder in the staged tree.
///
/// # Errors
/// When the database or the disk fails.
pub fn build(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    scope: Scope<'_>,
    folder: &Path,
) -> Result<Built, IndexError> {
    let mut built = Built::default();
    let indexes = indexes(db, pass, shape, scope, folder)?;
    for index in &indexes {
        let how = match scope {
            Scope::Careful => How::Anew,
            Scope::All => How::All,
            Scope::Only(_) if !is_there(folder, &index.path, &shape.series.index_compressors) => How::All,
            Scope::Only(keys) if keys.contains(&index.key) => How::Changes,
            Scope::Only(_) => continue,
        };
        let made = make(db, pass, shape, index, how, folder)?;
        built.indexes += 1;
        built.stanzas += made.stanzas;
        built.files.extend(made.files);
        built.segments.push(made.segments);
    }
    if !matches!(scope, Scope::Only(_)) {
        remove_others(folder, &indexes, &shape.series.index_compressors)?;
    }
    Ok(built)
}

/// How an index is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// From the published one, with what the pass changes in it.
    Changes,
    /// From the rows; packed segments are taken from the published one where the text is the same.
    All,
    /// From the rows alone.
    Anew,
}

fn make(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    index: &Index<'_>,
    how: How,
    folder: &Path,
) -> Result<Assembled, IndexError> {
    let (series, forms) = (&shape.series, shape.series.index_compressors.as_slice());
    let _span = tracing::info_span!("assemble", suite = %shape.suite.name, index = index.path).entered();
    let rows = Rows { db, pass, key: &index.key, component: index.component, checksums: &series.checksums };
    let stored = index_segment::segments_of(db, shape.suite.id, &index.path)?;
    let previous = match how {
        How::Changes | How::All => Previous::open(stored, &folder.join(&index.path), forms),
        How::Anew => Previous::unused(stored),
    };
    let again = |place| increment::render_again(&rows, &previous.segments, place);
    let target = Target { folder, path: &index.path, forms };
    let mut assembly = Assembly::begin(target, &previous, &again)?;
    let rule = Rule::new(series.index_segment_size);
    if how == How::Changes && !previous.segments.is_empty() {
        let touched = pass::touched_names(db, pass, &index.key)?;
        increment::change(&rows, rule, &previous, &touched, &mut assembly)?;
    } else {
        increment::render_all(&rows, rule, &mut assembly)?;
    }
    assembly.finish()
}

fn is_there(folder: &Path, path: &str, forms: &[Compressor]) -> bool {
    forms.iter().all(|form| folder.join(format!("{path}{}", form.extension())).is_file())
}

/// Removes Packages and Sources files that the suite no longer has: of an architecture that is off, in a form that is not made. Their by-hash
/// names stay until they expire.
fn remove_others(folder: &Path, indexes: &[Index<'_>], forms: &[Compressor]) -> Result<(), DiskError> {
    let mut current = BTreeSet::new();
    for index in indexes {
        current.extend(forms.iter().map(|form| format!("{}{}", index.path, form.extension())));
    }
    let folders: BTreeSet<&str> =
        indexes.iter().filter_map(|index| Some(index.path.rsplit_once('/')?.0)).collect();
    for file in disk::files_below(folder)? {
        let Some((parent, name)) = file.path.rsplit_once('/') else { continue };
        let last = parent.rsplit('/').next().unwrap_or(parent);
        let ours = (last.starts_with("binary-") && (name == "Packages" || name.starts_with("Packages.")))
            || (last == "source" && (name == "Sources" || name.starts_with("Sources.")));
        // the Release stub of a folder that is no longer an index's
        let stub = name == "Release"
            && (last.starts_with("binary-") || last == "source")
            && !folders.contains(parent);
        if (ours && !current.contains(&file.path)) || stub {
            disk::remove_file(&folder.join(&file.path))?;
        }
    }
    Ok(())
}

/// Digests of a file that was not made here.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn digests_of(path: &Path) -> Result<FileDigests, DiskError> {
    let file = std::fs::File::open(path).during("read", path)?;
    crate::domain::digest::digest_reader(file).during("read", path)
}
