//! The segments of an index as it is published, in the files that lie there.
//!
//! Nothing of what lies there is believed: a packed segment is one only if it has the digest that its row says, whoever may have written to the file
//! since. A file that is not as long as its segments together is another file altogether, as when a hook has replaced it, and is not looked at.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::form;
use crate::domain::Compressor;
use crate::domain::digest::Sha256;
use crate::store::index_segment::{PackedSegment, StoredSegment};
use crate::work::{self, Work};

/// The order in which forms are asked for a text: what costs least to unpack first.
const CHEAPEST_FIRST: [Compressor; 4] =
    [Compressor::Uncompressed, Compressor::Zst, Compressor::Gz, Compressor::Xz];

/// The published index that the next one is made from.
#[derive(Debug)]
pub(in crate::index) struct Previous {
    pub(in crate::index) segments: Vec<StoredSegment>,
    files: Vec<PreviousFile>,
}

#[derive(Debug)]
struct PreviousFile {
    form: Compressor,
    file: File,
    /// Where each segment begins.
    offsets: Vec<u64>,
}

/// A packed segment that is what its row says, and where it lies.
#[derive(Debug)]
pub(in crate::index) struct Found {
    pub(in crate::index) bytes: Vec<u8>,
    pub(in crate::index) offset: u64,
}

impl Previous {
    /// Opens what lies at `path`, an index's without the ending of a form. What is not there or cannot be the index's is left out.
    pub(in crate::index) fn open(segments: Vec<StoredSegment>, path: &Path, forms: &[Compressor]) -> Self {
        let files = forms.iter().filter_map(|form| open(&segments, path, *form)).collect();
        Self { segments, files }
    }

    /// Nothing to start from.
    pub(in crate::index) fn unused(segments: Vec<StoredSegment>) -> Self {
        Self { segments, files: Vec::new() }
    }

    /// Whether the file of any form can be used.
    pub(in crate::index) const fn is_there(&self) -> bool {
        !self.files.is_empty()
    }

    /// The file of a form, for copying from.
    pub(in crate::index) fn file(&self, form: Compressor) -> Option<&File> {
        self.files.iter().find(|file| file.form == form).map(|file| &file.file)
    }

    /// A segment as it lies in the file of a form, if it does.
    pub(in crate::index) fn packed(&self, place: usize, form: Compressor) -> Option<Found> {
        let file = self.files.iter().find(|file| file.form == form)?;
        let facts = packed_of(self.segments.get(place)?, form)?;
        let offset = *file.offsets.get(place)?;
        let mut bytes = vec![0; usize::try_from(facts.size_bytes).ok()?];
        file.file.read_exact_at(&mut bytes, offset).ok()?;
        work::count_bytes(Work::BytesRead, bytes.len());
        (Sha256::of(&bytes) == facts.sha256).then_some(Found { bytes, offset })
    }

    /// The text of a segment, from a form of it that was found already or from whichever can be.
    pub(in crate::index) fn text(
        &self,
        place: usize,
        found: &[(Compressor, Option<Found>)],
    ) -> Option<String> {
        let text_bytes = usize::try_from(self.segments.get(place)?.segment.text_bytes).ok()?;
        CHEAPEST_FIRST.iter().find_map(|form| {
            let unpack = |packed: &Found| form::unpack(&packed.bytes, *form, text_bytes).ok();
            match found.iter().find(|(of, _)| of == form) {
                Some((_, packed)) => unpack(packed.as_ref()?),
                None => unpack(&self.packed(place, *form)?),
            }
        })
    }
}

fn packed_of(stored: &StoredSegment, form: Compressor) -> Option<&PackedSegment> {
    stored.segment.packed.iter().find(|packed| packed.form == form)
}

fn open(segments: &[StoredSegment], path: &Path, form: Compressor) -> Option<PreviousFile> {
    let mut offset = u64::try_from(form::opening(form).len()).ok()?;
    let mut offsets = Vec::with_capacity(segments.len());
    for stored in segments {
        offsets.push(offset);
        offset = offset.checked_add(packed_of(stored, form)?.size_bytes)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(form.extension());
    let (file, length) = open_regular(Path::new(&name)).ok()?;
    let is_whole = closing_bytes(&file, length, form) == length.checked_sub(offset);
    is_whole.then_some(PreviousFile { form, file, offsets })
}

/// How much of a file stands behind its segments, if it has any.
fn closing_bytes(file: &File, length: u64, form: Compressor) -> Option<u64> {
    let mut end = [0; form::END_BYTES];
    let end_bytes = u64::try_from(form::END_BYTES).ok()?;
    match form {
        Compressor::Xz => {
            file.read_exact_at(&mut end, length.checked_sub(end_bytes)?).ok()?;
            Some(form::closing_bytes(&end))
        }
        Compressor::Uncompressed | Compressor::Gz | Compressor::Zst => Some(0),
    }
}

fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let flags = rustix::fs::OFlags::RDONLY
        | rustix::fs::OFlags::NOFOLLOW
        | rustix::fs::OFlags::NONBLOCK
        | rustix::fs::OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?);
    work::count(Work::FilesOpened, 1);
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}
