//! The index files of one suite in the staged tree.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::contents::sort::Limits;
use super::contents::{Changes, Lines};
use super::ftparchive::{self, Generated, Of, Task, Workshop};
use super::increment::{self, Entries};
use super::patch::publish::{Check, Patches};
use super::render::{self, Rows, Stanzas};
use super::segment::assemble::{Assembled, Assembly, Target};
use super::segment::cut::Rule;
use super::segment::difference::Difference;
use super::segment::form;
use super::segment::previous::Previous;
use crate::disk::{self, DiskError, During};
use crate::domain::digest::FileDigests;
use crate::domain::{BinaryFormat, BinaryReleaseId, Compressor, PassId, Translations};
use crate::store::archive_file::ListedFile;
use crate::store::index_patch::{Content as Text, PatchChange};
use crate::store::index_segment::{self, SegmentChange, StoredSegment};
use crate::store::indexed::{BinaryIndex, IndexKey};
use crate::store::series::{ArchSeries, SeriesComponent};
use crate::store::shape::SuiteShape;
use crate::store::{Connection, StoreError, custom_publication, indexed, transition};

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
    /// apt-ftparchive failed, or made something else.
    #[error(
        "apt-ftparchive cannot make the indexes of {suite}: {reason}; `pressroom archive set ARCHIVE --index-engine native` does without it"
    )]
    Engine {
        /// The suite.
        suite: String,
        /// Why.
        reason: String,
    },
    /// The kept list of a package's files is damaged.
    #[error("the list of the files of binary release {release} is damaged: import the package again")]
    Paths {
        /// The release's row.
        release: BinaryReleaseId,
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
    /// What becomes of patches.
    pub patches: Vec<PatchChange>,
    /// How many indexes were made.
    pub indexes: usize,
    /// How many stanzas they have.
    pub stanzas: u64,
}

/// What an index has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// Stanzas of packages.
    Stanzas(Stanzas),
    /// Lines of files, of the packages of an architecture and format.
    Files(BinaryIndex),
}

/// An index that a suite has.
struct Index<'a> {
    content: Content,
    path: String,
    component: &'a SeriesComponent,
}

impl Index<'_> {
    /// Whether one of the indexes that a pass touches is this one, or one that this one is made with.
    fn is_touched(&self, touched: &[IndexKey]) -> bool {
        touched.iter().any(|key| match (&self.content, key) {
            (Content::Stanzas(Stanzas::Packages(own)) | Content::Files(own), IndexKey::Packages(touched)) => {
                (own.component, own.architecture, own.format)
                    == (touched.component, touched.architecture, touched.format)
            }
            (Content::Stanzas(Stanzas::Translation), IndexKey::Packages(touched)) => {
                self.component.id == touched.component && touched.format == BinaryFormat::Deb
            }
            (Content::Stanzas(Stanzas::Sources), IndexKey::Sources { component, .. }) => {
                self.component.id == *component
            }
            (
                Content::Stanzas(Stanzas::Packages(_) | Stanzas::Translation) | Content::Files(_),
                IndexKey::Sources { .. },
            )
            | (Content::Stanzas(Stanzas::Sources), IndexKey::Packages(_)) => false,
        })
    }
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

/// Where the files of packages are listed below a suite's folder, without the ending of a form; those of debug symbols are not.
fn contents_path(component: &str, architecture: &str, format: BinaryFormat) -> Option<String> {
    match format {
        BinaryFormat::Deb => Some(format!("{component}/Contents-{architecture}")),
        BinaryFormat::Udeb => Some(format!("{component}/Contents-udeb-{architecture}")),
        BinaryFormat::Ddeb => None,
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
            formats.extend(indexed::formats_in(db, Some(pass), suite, component.id)?);
        }
        if let Scope::Only(touched) = scope {
            formats.extend(touched.iter().filter_map(|key| match key {
                IndexKey::Packages(index) if index.component == component.id => Some(index.format),
                IndexKey::Packages(_) | IndexKey::Sources { .. } => None,
            }));
        }
        for format in formats {
            for ArchSeries { id, tag, .. } in &shape.architectures {
                let index = BinaryIndex { suite, component: component.id, architecture: *id, format };
                if shape.series.contents
                    && let Some(path) = contents_path(component.name.as_str(), tag.as_str(), format)
                {
                    indexes.push(Index { content: Content::Files(index), path, component });
                }
                indexes.push(Index {
                    content: Content::Stanzas(Stanzas::Packages(index)),
                    path: index_path(component.name.as_str(), Some(tag.as_str()), format),
                    component,
                });
            }
        }
        indexes.push(Index {
            content: Content::Stanzas(Stanzas::Sources),
            path: index_path(component.name.as_str(), None, BinaryFormat::Deb),
            component,
        });
        if shape.series.translations == Translations::English {
            let path = format!("{}/i18n/Translation-en", component.name);
            indexes.push(Index { content: Content::Stanzas(Stanzas::Translation), path, component });
        }
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
    build_with(db, pass, shape, scope, folder, None)
}

/// [`build`], with Packages and Sources by apt-ftparchive where there is a workshop for it.
///
/// # Errors
/// When the database or the disk fails, or apt-ftparchive.
pub fn build_with(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    scope: Scope<'_>,
    folder: &Path,
    workshop: Option<&Workshop<'_>>,
) -> Result<Built, IndexError> {
    let mut built = Built::default();
    let indexes = indexes(db, pass, shape, scope, folder)?;
    let customs = custom_publication::count_transitions(db, pass)? > 0;
    let to_make: Vec<(&Index<'_>, How)> = indexes
        .iter()
        .filter_map(|index| Some((index, how(index, scope, shape, folder, customs)?)))
        .collect();
    let mut generated = match workshop {
        Some(workshop) => Some(generate(db, pass, shape, &to_make, workshop)?),
        None => None,
    };
    let check = if matches!(scope, Scope::Careful) { Check::Content } else { Check::Length };
    let mut patches = Patches::open(db, pass, shape, folder, check)?;
    for (index, how) in to_make {
        let order = Order { index, how, base: patches.base(&index.path)? };
        let Some(made) = make(db, pass, shape, order, folder, generated.as_mut())? else { continue };
        if let Some(base) = order.base {
            built.files.extend(patches.carry_on(&index.path, base, &made)?);
        }
        if index.content == Content::Stanzas(Stanzas::Translation) {
            remove_other_forms(folder, &index.path, &shape.series.index_compressors)?;
        }
        built.indexes += 1;
        built.stanzas += match index.content {
            Content::Stanzas(_) => made.stanzas,
            Content::Files(_) => 0,
        };
        built.files.extend(made.files);
        built.segments.push(made.segments);
    }
    if let Some(workshop) = workshop {
        ftparchive::tidy(workshop)?;
    }
    let is_all = !matches!(scope, Scope::Only(_));
    if is_all {
        patches.sweep(indexes.iter().map(|index| index.path.as_str()))?;
    }
    built.patches = patches.finish(|path| !is_all || indexes.iter().any(|index| index.path == path))?;
    if is_all {
        remove_others(folder, &indexes, &shape.series.index_compressors)?;
        built.segments.extend(remove_disused(db, shape, &indexes, folder)?);
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

/// How a pass makes an index; none where it does not. Where it unpacks custom uploads, one of them may have brought descriptions.
fn how(index: &Index<'_>, scope: Scope<'_>, shape: &SuiteShape, folder: &Path, customs: bool) -> Option<How> {
    match scope {
        Scope::Careful => Some(How::Anew),
        Scope::All => Some(How::All),
        Scope::Only(_) if customs && index.content == Content::Stanzas(Stanzas::Translation) => {
            Some(How::All)
        }
        Scope::Only(_) if !is_there(folder, &index.path, &shape.series.index_compressors) => Some(How::All),
        Scope::Only(keys) => index.is_touched(keys).then_some(How::Changes),
    }
}

/// Lets apt-ftparchive make what it can make of these indexes.
fn generate(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    to_make: &[(&Index<'_>, How)],
    workshop: &Workshop<'_>,
) -> Result<Generated, IndexError> {
    let tasks: Vec<Task<'_>> = to_make
        .iter()
        .filter_map(|(index, _)| {
            let of = match &index.content {
                Content::Stanzas(Stanzas::Packages(of)) => Of::Packages(of),
                Content::Stanzas(Stanzas::Sources) => Of::Sources,
                Content::Stanzas(Stanzas::Translation) | Content::Files(_) => return None,
            };
            Some(Task { path: &index.path, component: index.component, of })
        })
        .collect();
    ftparchive::generate(db, pass, shape, &tasks, workshop)
}

/// An index that is to be made.
#[derive(Clone, Copy)]
struct Order<'a> {
    index: &'a Index<'a>,
    how: How,
    /// The text that a patch is to be made from.
    base: Option<Text>,
}

/// Makes an index; none where the pass changes nothing in it.
fn make(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    order: Order<'_>,
    folder: &Path,
    generated: Option<&mut Generated>,
) -> Result<Option<Assembled>, IndexError> {
    let Order { index, how, .. } = order;
    let _span = tracing::info_span!("assemble", suite = %shape.suite.name, index = index.path).entered();
    let stored = index_segment::segments_of(db, shape.suite.id, &index.path)?;
    let target = Target { folder, path: &index.path, forms: &shape.series.index_compressors };
    let size = shape.series.index_segment_size;
    if let Some(generated) = generated
        && let Some(made) = generated.take(&index.path)?
    {
        return put_together(&made, Rule::new(size), stored, order, None, target);
    }
    match &index.content {
        Content::Stanzas(of) => {
            let rows = Rows::new(db, pass, (shape.suite.id, &shape.series), index.component, of);
            let touched = match how {
                How::Changes if !stored.is_empty() => Some(touched(&rows)?),
                How::Changes | How::All | How::Anew => None,
            };
            put_together(&rows, Rule::new(size), stored, order, touched.as_deref(), target)
        }
        Content::Files(of) => {
            let mut lines = Lines {
                db,
                pass,
                index: *of,
                component: &index.component.name,
                scratch: folder,
                limits: Limits::default(),
                changes: Changes::default(),
            };
            let changes = match how {
                How::Changes if !stored.is_empty() => lines.find_changes()?,
                How::Changes | How::All | How::Anew => None,
            };
            let touched = changes.map(|changes| {
                lines.changes = changes;
                lines.changes.paths()
            });
            put_together(&lines, Rule::of_lines(size), stored, order, touched.as_deref(), target)
        }
    }
}

/// The names that the pass touches in an index, sorted.
fn touched(rows: &Rows<'_>) -> Result<Vec<String>, IndexError> {
    let (suite, component) = (rows.suite, rows.component.id);
    Ok(match rows.of {
        Stanzas::Sources => {
            transition::touched_names(rows.db, rows.pass, &IndexKey::Sources { suite, component })?
        }
        Stanzas::Packages(index) => {
            transition::touched_names(rows.db, rows.pass, &IndexKey::Packages(*index))?
        }
        Stanzas::Translation => {
            let names = transition::touched_on_any_architecture(rows.db, rows.pass, suite, component)?;
            render::described_otherwise(rows, names)?
        }
    })
}

/// Puts the files of an index together from its entries and what is published of it; none where nothing is touched.
fn put_together(
    entries: &impl Entries,
    rule: Rule,
    stored: Vec<StoredSegment>,
    order: Order<'_>,
    touched: Option<&[String]>,
    target: Target<'_>,
) -> Result<Option<Assembled>, IndexError> {
    if touched.is_some_and(<[String]>::is_empty) {
        return Ok(None);
    }
    let lies_at = target.folder.join(target.path);
    // what is made anew takes nothing from what is published, but is compared with it
    let (previous, compared) = match order.how {
        How::Changes | How::All => (Previous::open(stored, &lies_at, target.forms), None),
        How::Anew => {
            let compared = order.base.map(|_| Previous::open(stored.clone(), &lies_at, target.forms));
            (Previous::unused(stored), compared)
        }
    };
    let difference =
        order.base.map(|published| Difference::begin(compared.as_ref().unwrap_or(&previous), published));
    // nothing of it can be used: making all of it reads the rows once, and not once for each segment
    let touched = touched.filter(|_| previous.is_there());
    let again = |place| increment::render_again(entries, &previous.segments, place);
    let mut assembly = Assembly::begin(target, &previous, &again, difference)?;
    match touched {
        Some(touched) => increment::change(entries, rule, &previous, touched, &mut assembly)?,
        None => increment::render_all(entries, rule, &mut assembly)?,
    }
    assembly.finish().map(Some)
}

fn is_there(folder: &Path, path: &str, forms: &[Compressor]) -> bool {
    forms.iter().all(|form| folder.join(format!("{path}{}", form.extension())).is_file())
}

/// Removes the indexes that the suite had and has no longer, as where a setting has changed: those that were made here, which are known by their segments.
/// A file of the same name that somebody else has put there stays.
fn remove_disused(
    db: &Connection,
    shape: &SuiteShape,
    indexes: &[Index<'_>],
    folder: &Path,
) -> Result<Vec<SegmentChange>, IndexError> {
    let is_current = |path: &str| indexes.iter().any(|index| index.path == path);
    let mut changes = Vec::new();
    for path in index_segment::paths_of(db, shape.suite.id)? {
        if is_current(&path) {
            continue;
        }
        for form in Compressor::ALL {
            disk::remove_file(&folder.join(format!("{path}{}", form.extension())))?;
        }
        let dropped =
            index_segment::segments_of(db, shape.suite.id, &path)?.into_iter().map(|one| one.id).collect();
        changes.push(SegmentChange { path, dropped, added: Vec::new() });
    }
    Ok(changes)
}

/// The endings of forms that are not made here, and that clients would take all the same.
const OTHER_ENDINGS: [&str; 3] = [".bz2", ".lzma", ".lz4"];

/// Removes every other form of an index that was made: another text in it, as from a custom upload, would be taken for the index's.
fn remove_other_forms(folder: &Path, path: &str, forms: &[Compressor]) -> Result<(), DiskError> {
    let others = Compressor::ALL.iter().filter(|form| !forms.contains(form)).map(|form| form.extension());
    for ending in others.chain(OTHER_ENDINGS) {
        disk::remove_file(&folder.join(format!("{path}{ending}")))?;
    }
    Ok(())
}

/// The index that a file is a form of, where it is one of those that a series can have or not.
fn optional_index(path: &str) -> Option<(&str, Compressor)> {
    let (parent, name) = path.rsplit_once('/')?;
    let is_optional = if parent.contains('/') {
        parent.ends_with("/i18n") && name.starts_with("Translation-en")
    } else {
        name.starts_with("Contents-")
    };
    let packed = [Compressor::Gz, Compressor::Xz, Compressor::Zst];
    let form = packed.into_iter().find(|form| name.ends_with(form.extension()));
    let form = form.unwrap_or(Compressor::Uncompressed);
    is_optional.then(|| (path.strip_suffix(form.extension()).unwrap_or(path), form))
}

/// Removes indexes that the suite no longer has: of an architecture that is off, in a form that is not made, or that were empty. Their by-hash names
/// stay until they expire.
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
        let path = folder.join(&file.path);
        // one that is made lies there in the forms that are made; one that is made no longer and was empty has left no rows
        let goes = match optional_index(&file.path) {
            Some((index, _)) if indexes.iter().any(|one| one.path == index) => !current.contains(&file.path),
            Some((_, form)) => form::is_empty_file(&path, form),
            None => (ours && !current.contains(&file.path)) || stub,
        };
        if goes {
            disk::remove_file(&path)?;
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
