//! Putting the files of an index together, segment by segment.
//!
//! Segments come in order, as a text or as a place in the published index. Texts are packed on all cores while the files are written behind them; so
//! many are under way at once and no more, which bounds the memory whatever the size of the index. What was published is read once, for its digests
//! and for the text's, and copied by the kernel from file to file, which shares the blocks where the filesystem can.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use super::beside::{Beside, Taker};
use super::cut::Segment;
use super::difference::Difference;
use super::form::{self, Closing};
use super::previous::{Found, Previous};
use crate::disk::{self, DiskError, During};
use crate::domain::Compressor;
use crate::domain::digest::{Hasher, Sha256};
use crate::index::IndexError;
use crate::index::patch::maker::{Made, NoPatch};
use crate::store::archive_file::ListedFile;
use crate::store::index_segment::{PackedSegment, SegmentChange, SegmentFacts};
use crate::work::{self, Work};

/// So much text is under way, waiting for being packed or written.
const MOST_UNDER_WAY_BYTES: usize = 8 << 20;

/// The index that is put together.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct Target<'a> {
    /// Its suite's folder in the staged tree.
    pub(in crate::index) folder: &'a Path,
    /// Below it, without the ending of a form.
    pub(in crate::index) path: &'a str,
    pub(in crate::index) forms: &'a [Compressor],
}

/// What was put together.
#[derive(Debug)]
pub(in crate::index) struct Assembled {
    pub(in crate::index) files: Vec<ListedFile>,
    pub(in crate::index) segments: SegmentChange,
    pub(in crate::index) stanzas: u64,
    /// The patch from what was published, where one was to be made.
    pub(in crate::index) patch: Option<Result<Made, NoPatch>>,
}

/// Makes the text of a segment of the published index again, from the rows.
pub(in crate::index) type Again<'a> = &'a dyn Fn(usize) -> Result<Segment, IndexError>;

pub(in crate::index) struct Assembly<'a> {
    target: Target<'a>,
    previous: &'a Previous,
    again: Again<'a>,
    outputs: Vec<Output<'a>>,
    /// Of the text, where it is not a file of its own.
    text: Option<Beside<Hasher>>,
    /// Makes a patch, where one is wanted.
    difference: Option<Difference<'a>>,
    queue: VecDeque<Queued>,
    /// How much text is in the queue.
    under_way_bytes: usize,
    /// Which segments of the published index are in this one too.
    is_kept: Vec<bool>,
    added: Vec<SegmentFacts>,
    stanzas: u64,
    repaired: usize,
}

/// A segment on its way into the files.
struct Queued {
    /// Where the published index has one of the same text.
    place: Option<usize>,
    text: Option<Arc<Segment>>,
    /// The forms that are being packed.
    packing: Option<Packing>,
}

struct Packing {
    count: usize,
    results: Receiver<(Compressor, io::Result<Vec<u8>>)>,
}

impl<'a> Assembly<'a> {
    pub(in crate::index) fn begin(
        target: Target<'a>,
        previous: &'a Previous,
        again: Again<'a>,
        difference: Option<Difference<'a>>,
    ) -> Result<Self, IndexError> {
        let outputs = target
            .forms
            .iter()
            .map(|form| Output::create(target, *form, previous.file(*form)))
            .collect::<Result<_, DiskError>>()?;
        Ok(Self {
            target,
            previous,
            again,
            outputs,
            text: (!target.forms.contains(&Compressor::Uncompressed)).then(Beside::begin),
            difference,
            queue: VecDeque::new(),
            under_way_bytes: 0,
            is_kept: vec![false; previous.segments.len()],
            added: Vec::new(),
            stanzas: 0,
            repaired: 0,
        })
    }

    /// The next segment is this text. Where the published index has it too, its packed forms are taken from there.
    pub(in crate::index) fn push(&mut self, segment: Segment) -> Result<(), IndexError> {
        work::count(Work::SegmentsRendered, 1);
        let digest = Sha256::of(segment.text.as_bytes());
        let stored = &self.previous.segments;
        let place = stored
            .binary_search_by(|stored| stored.segment.first_name.cmp(&segment.first_name))
            .ok()
            .filter(|place| stored[*place].segment.text_sha256 == digest);
        self.enqueue(place, Some(Arc::new(segment)))
    }

    /// The next segment is one of the published index.
    pub(in crate::index) fn keep(&mut self, place: usize) -> Result<(), IndexError> {
        // a form that was not published before, or whose file is another one now
        let lacks_a_form = self.target.forms.iter().any(|form| self.previous.file(*form).is_none());
        let text = if lacks_a_form { Some(Arc::new(self.load(place)?)) } else { None };
        self.enqueue(Some(place), text)
    }

    fn load(&mut self, place: usize) -> Result<Segment, IndexError> {
        match self.previous.text(place, &[]) {
            Some(text) => {
                let facts = &self.previous.segments[place].segment;
                let stanzas = usize::try_from(facts.stanzas).unwrap_or(usize::MAX);
                Ok(Segment { first_name: facts.first_name.clone(), stanzas, text })
            }
            None => {
                self.repaired += 1;
                (self.again)(place)
            }
        }
    }

    fn enqueue(&mut self, place: Option<usize>, text: Option<Arc<Segment>>) -> Result<(), IndexError> {
        let to_pack: Vec<Compressor> = self
            .target
            .forms
            .iter()
            .filter(|form| place.is_none() || self.previous.file(**form).is_none())
            // nothing to pack, and the slowest first
            .filter(|form| **form != Compressor::Uncompressed)
            .rev()
            .copied()
            .collect();
        let packing = match &text {
            Some(text) if !to_pack.is_empty() => Some(pack_all(text, &to_pack)),
            _ => None,
        };
        self.under_way_bytes += text.as_ref().map_or(0, |segment| segment.text.len());
        self.queue.push_back(Queued { place, text, packing });
        while self.under_way_bytes > MOST_UNDER_WAY_BYTES {
            self.write_next()?;
        }
        Ok(())
    }

    /// Writes the segment that is at the head of the queue.
    fn write_next(&mut self) -> Result<(), IndexError> {
        let Some(Queued { place, text, packing }) = self.queue.pop_front() else { return Ok(()) };
        self.under_way_bytes -= text.as_ref().map_or(0, |segment| segment.text.len());
        let _span = tracing::debug_span!("write").entered();
        let mut made: Vec<(Compressor, Vec<u8>)> = Vec::new();
        if let Some(packing) = packing {
            let _span = tracing::debug_span!("wait").entered();
            for (form, result) in packing.results.iter().take(packing.count) {
                made.push((form, result.map_err(|source| self.target.failed(form, source))?));
            }
        }
        let mut found: Vec<(Compressor, Option<Found>)> = Vec::new();
        if let Some(place) = place {
            for form in self.target.forms {
                if !made.iter().any(|(of, _)| of == form) {
                    found.push((*form, self.previous.packed(place, *form)));
                }
            }
        }
        let stored = place.map(|place| &self.previous.segments[place]);
        let segment = match (text, place) {
            (Some(segment), _) => segment,
            (None, Some(place)) => match self.previous.text(place, &found) {
                Some(text) => {
                    let facts = &self.previous.segments[place].segment;
                    let stanzas = usize::try_from(facts.stanzas).unwrap_or(usize::MAX);
                    Arc::new(Segment { first_name: facts.first_name.clone(), stanzas, text })
                }
                None => Arc::new((self.again)(place)?),
            },
            (None, None) => return Ok(()),
        };
        if segment.text.is_empty() {
            // one that was lost, and of which the rows have nothing any more
            return Ok(());
        }
        // made again from rows, it must be the same for what was found to go with it
        let is_as_stored = stored.is_some_and(|stored| {
            u64::try_from(segment.text.len()).is_ok_and(|length| length == stored.segment.text_bytes)
                && (found.iter().all(|(_, found)| found.is_some())
                    || Sha256::of(segment.text.as_bytes()) == stored.segment.text_sha256)
        });
        if let Some(difference) = &mut self.difference {
            difference.follow(place.filter(|_| is_as_stored), &segment);
        }
        let mut packed_facts = Vec::with_capacity(self.outputs.len());
        let mut was_repaired = false;
        for output in &mut self.outputs {
            let form = output.form;
            let failed = |source| self.target.failed(form, source);
            let was_found = found
                .iter_mut()
                .find(|(of, _)| *of == form)
                .and_then(|(_, found)| found.take())
                .filter(|_| is_as_stored);
            if let Some(found) = was_found {
                output.closing.note(&found.bytes, form, text_bytes(&segment)).map_err(failed)?;
                output.keep(&found)?;
                work::count(Work::SegmentsKept, 1);
                packed_facts.extend(stored.and_then(|stored| {
                    stored.segment.packed.iter().find(|packed| packed.form == form).copied()
                }));
                continue;
            }
            let bytes = match made.iter_mut().find(|(of, _)| *of == form) {
                Some((_, bytes)) => std::mem::take(bytes),
                None => {
                    was_repaired |= stored.is_some() && form != Compressor::Uncompressed;
                    pack_one(&segment, form).map_err(failed)?
                }
            };
            output.closing.note(&bytes, form, text_bytes(&segment)).map_err(failed)?;
            packed_facts.push(PackedSegment {
                form,
                sha256: Sha256::of(&bytes),
                size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            });
            output.write(&bytes)?;
        }
        self.repaired += usize::from(was_repaired);
        self.stanzas += u64::try_from(segment.stanzas).unwrap_or(u64::MAX);
        packed_facts.sort_by_key(|packed| packed.form.as_str());
        match (stored, place) {
            (Some(stored), Some(place)) if is_as_stored && stored.segment.packed == packed_facts => {
                self.is_kept[place] = true;
            }
            _ => self.added.push(SegmentFacts {
                first_name: segment.first_name.clone(),
                stanzas: u64::try_from(segment.stanzas).unwrap_or(u64::MAX),
                text_sha256: Sha256::of(segment.text.as_bytes()),
                text_bytes: text_bytes(&segment),
                packed: packed_facts,
            }),
        }
        if let Some(text) = &mut self.text {
            text.take(segment);
        }
        Ok(())
    }

    /// Writes what is left, and ends the files.
    pub(in crate::index) fn finish(mut self) -> Result<Assembled, IndexError> {
        while !self.queue.is_empty() {
            self.write_next()?;
        }
        let Self { target, previous, outputs, text, difference, is_kept, added, stanzas, repaired, .. } =
            self;
        if repaired > 0 {
            tracing::warn!(
                index = target.path,
                segments = repaired,
                "segments of the published index were not what they had been, and were made again"
            );
        }
        let mut files = Vec::with_capacity(outputs.len() + 1);
        for output in outputs {
            files.push(output.finish(target)?);
        }
        if let Some(text) = text {
            // apt wants the text's own checksums, whichever form it takes
            files.push(ListedFile::text(target.path.to_owned(), text.finish().finish()));
        }
        let dropped = previous
            .segments
            .iter()
            .zip(&is_kept)
            .filter(|(_, kept)| !**kept)
            .map(|(one, _)| one.id)
            .collect();
        Ok(Assembled {
            files,
            segments: SegmentChange { path: target.path.to_owned(), dropped, added },
            stanzas,
            patch: difference.map(Difference::finish),
        })
    }
}

fn text_bytes(segment: &Segment) -> u64 {
    u64::try_from(segment.text.len()).unwrap_or(u64::MAX)
}

fn pack_one(segment: &Segment, form: Compressor) -> io::Result<Vec<u8>> {
    if form != Compressor::Uncompressed {
        work::count(Work::SegmentsCompressed, 1);
    }
    form::pack(segment.text.as_bytes(), form)
}

fn pack_all(segment: &Arc<Segment>, forms: &[Compressor]) -> Packing {
    let (sender, results) = sync_channel(forms.len());
    for form in forms.iter().copied() {
        let (sender, segment) = (sender.clone(), Arc::clone(segment));
        rayon::spawn(move || {
            let span = tracing::debug_span!("compress", %form, bytes = segment.text.len());
            let packed = span.in_scope(|| pack_one(&segment, form));
            // nobody waits when the index has failed meanwhile
            let _ = sender.send((form, packed));
        });
    }
    Packing { count: forms.len(), results }
}

impl Target<'_> {
    fn failed(&self, form: Compressor, source: io::Error) -> IndexError {
        IndexError::Compress { path: self.path.to_owned(), form, source }
    }
}

/// A file that is being put together.
struct Output<'a> {
    form: Compressor,
    path: PathBuf,
    file: File,
    digest: Hasher,
    closing: Closing,
    previous: Option<&'a File>,
    /// What is to be copied from there before anything else is written: from, to.
    run: Option<(u64, u64)>,
}

impl<'a> Output<'a> {
    fn create(target: Target<'_>, form: Compressor, previous: Option<&'a File>) -> Result<Self, DiskError> {
        let path = target.folder.join(format!("{}{}", target.path, form.extension()));
        let file = disk::create_staged(&path)?;
        let mut output = Self {
            form,
            path,
            file,
            digest: Hasher::new(),
            closing: Closing::default(),
            previous,
            run: None,
        };
        output.write(&form::opening(form))?;
        Ok(output)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.copy_run()?;
        self.digest.update(bytes);
        self.file.write_all(bytes).during("write", &self.path)?;
        work::count_bytes(Work::BytesWritten, bytes.len());
        Ok(())
    }

    /// Takes over what stands in the previous file, together with what stands behind it if that comes next.
    fn keep(&mut self, found: &Found) -> Result<(), DiskError> {
        self.digest.update(&found.bytes);
        let end = found.offset.saturating_add(u64::try_from(found.bytes.len()).unwrap_or(u64::MAX));
        match &mut self.run {
            Some((_, until)) if *until == found.offset => *until = end,
            _ => {
                self.copy_run()?;
                self.run = Some((found.offset, end));
            }
        }
        Ok(())
    }

    fn copy_run(&mut self) -> Result<(), DiskError> {
        if let (Some((from, to)), Some(previous)) = (self.run.take(), self.previous) {
            disk::copy_range(previous, from, to - from, &mut self.file).during("write", &self.path)?;
        }
        Ok(())
    }

    fn finish(mut self, target: Target<'_>) -> Result<ListedFile, IndexError> {
        let closing = self.closing.bytes(self.form).map_err(|source| target.failed(self.form, source))?;
        self.write(&closing)?;
        let path = format!("{}{}", target.path, self.form.extension());
        Ok(ListedFile::file(path, self.digest.finish()))
    }
}

/// The digests of the text.
impl Taker for Hasher {
    type Piece = Arc<Segment>;

    fn take(&mut self, segment: Arc<Segment>) {
        self.update(segment.text.as_bytes());
    }

    fn length(segment: &Arc<Segment>) -> usize {
        segment.text.len()
    }
}
