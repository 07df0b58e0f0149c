//! The index files of one suite in the staged tree.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::compress::compress;
use super::stanza::{binary_stanza, source_stanza};
use crate::disk::{self, DiskError, During};
use crate::domain::digest::FileDigests;
use crate::domain::{BinaryFormat, Compressor, PassId};
use crate::store::archive_file::ListedFile;
use crate::store::publication::{self, IndexKey, IndexedSource};
use crate::store::series::{ArchSeries, SeriesComponent};
use crate::store::shape::SuiteShape;
use crate::store::{Connection, StoreError};

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
    /// All, and files of indexes that the suite no longer has go.
    All,
    /// These, and those that are not there.
    Only(&'a [IndexKey]),
}

/// What was made.
#[derive(Debug, Default)]
pub struct Built {
    /// The files, with the texts that only their compressed forms carry.
    pub files: Vec<ListedFile>,
    /// How many indexes were rendered.
    pub indexes: usize,
    /// How many stanzas.
    pub stanzas: usize,
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
        formats.extend(publication::formats_in(db, Some(pass), suite, component.id)?);
        formats.extend(BinaryFormat::ALL.iter().filter(|format| {
            let below = format.subcomponent().map(|name| folder.join(component.name.as_str()).join(name));
            below.is_some_and(|below| below.is_dir())
        }));
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
        let wanted = match scope {
            Scope::All => true,
            Scope::Only(keys) => {
                keys.contains(&index.key) || !is_there(folder, &index.path, &shape.series.index_compressors)
            }
        };
        if wanted {
            let (text, stanzas) = render(db, pass, shape, index)?;
            built.indexes += 1;
            built.stanzas += stanzas;
            built.files.extend(write_forms(
                folder,
                &index.path,
                text.as_bytes(),
                &shape.series.index_compressors,
            )?);
        }
    }
    if matches!(scope, Scope::All) {
        remove_others(folder, &indexes, &shape.series.index_compressors)?;
    }
    Ok(built)
}

fn is_there(folder: &Path, path: &str, forms: &[Compressor]) -> bool {
    forms.iter().all(|form| folder.join(format!("{path}{}", form.extension())).is_file())
}

/// The text of an index, and how many stanzas it has.
fn render(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    index: &Index<'_>,
) -> Result<(String, usize), IndexError> {
    let (mut text, mut stanzas) = (String::new(), 0);
    let (component, checksums) = (&index.component.name, shape.series.checksums.as_slice());
    match index.key {
        IndexKey::Packages { suite, component: row, architecture, format } => {
            publication::for_each_binary(db, Some(pass), suite, row, architecture, format, |binary| {
                binary_stanza(&mut text, &binary, component, checksums);
                stanzas += 1;
                Ok::<(), StoreError>(())
            })?;
        }
        IndexKey::Sources { suite, component: row } => {
            let mut sources: Vec<IndexedSource> = Vec::new();
            publication::for_each_source(db, Some(pass), suite, row, |source| {
                sources.push(source);
                Ok::<(), StoreError>(())
            })?;
            for source in sources {
                let files = publication::source_files(db, source.release)?;
                source_stanza(&mut text, &source, &files, component, checksums);
                stanzas += 1;
            }
        }
    }
    Ok((text, stanzas))
}

fn write_forms(
    folder: &Path,
    path: &str,
    text: &[u8],
    forms: &[Compressor],
) -> Result<Vec<ListedFile>, IndexError> {
    let mut files = forms
        .par_iter()
        .map(|form| {
            let packed = match form {
                Compressor::Uncompressed => None,
                Compressor::Gz | Compressor::Xz | Compressor::Zst => {
                    Some(compress(text, *form).map_err(|source| IndexError::Compress {
                        path: path.to_owned(),
                        form: *form,
                        source,
                    })?)
                }
            };
            let bytes = packed.as_deref().unwrap_or(text);
            let path = format!("{path}{}", form.extension());
            disk::write_staged(&folder.join(&path), bytes)?;
            Ok(ListedFile::file(path, FileDigests::of(bytes)))
        })
        .collect::<Result<Vec<_>, IndexError>>()?;
    if !forms.contains(&Compressor::Uncompressed) {
        // apt wants the text's own checksums, whichever form it takes
        files.push(ListedFile::text(path.to_owned(), FileDigests::of(text)));
    }
    Ok(files)
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
