//! Sorting paths that do not fit into memory: so much of them is sorted at once and goes to a file that nobody else sees, and the files are merged.
//!
//! Files are packed, since sorted paths are much the same: what Debian's largest architecture has, some 700 MB of paths, takes a tenth of that.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;

use rayon::slice::ParallelSliceMut;

use crate::disk::During;
use crate::index::IndexError;

/// How much is held in memory and how much lies in files.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct Limits {
    /// So many bytes of paths are sorted at once; for each of them some 12 bytes come on top.
    pub(in crate::index) memory_bytes: usize,
    /// So many paths are.
    pub(in crate::index) memory_paths: usize,
    /// So many files are merged at once; beyond that they are merged into one.
    pub(in crate::index) files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 48 << 20, memory_paths: 2 << 20, files: 64 }
    }
}

/// A decoder of a file needs no more than this and a little.
const WINDOW_LOG: u32 = 17;
const ZSTD_LEVEL: i32 = 1;

/// Takes paths with the numbers of their packages, and gives them sorted.
pub(super) struct Sorter<'a> {
    folder: &'a Path,
    limits: Limits,
    text: Vec<u8>,
    /// Where each path begins, its length, its package.
    entries: Vec<(u32, u32, u32)>,
    runs: Vec<File>,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(folder: &'a Path, limits: Limits) -> Self {
        Self { folder, limits, text: Vec::new(), entries: Vec::new(), runs: Vec::new() }
    }

    pub(super) fn push(&mut self, path: &str, number: u32) -> Result<(), IndexError> {
        let is_full = self.text.len() + path.len() > self.limits.memory_bytes
            || self.entries.len() >= self.limits.memory_paths;
        if is_full && !self.entries.is_empty() {
            self.spill()?;
        }
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.entries.push((narrow(self.text.len()), narrow(path.len()), number));
        self.text.extend_from_slice(path.as_bytes());
        Ok(())
    }

    /// Calls `each` with every path, in order, and the numbers of its packages.
    pub(super) fn for_each(
        mut self,
        mut each: impl FnMut(&str, &[u32]) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut grouped = Grouped::new(|path: &[u8], numbers: &[u32]| {
            // only text came in
            std::str::from_utf8(path).map_or(Ok(()), |path| each(path, numbers))
        });
        if self.runs.is_empty() {
            self.sort();
            for entry in &self.entries {
                grouped.add(path_of(&self.text, *entry), entry.2)?;
            }
            return grouped.end();
        }
        self.spill()?;
        let Self { folder, runs, text, entries, .. } = self;
        drop((text, entries));
        merge(folder, runs, |path, number| grouped.add(path, number))?;
        grouped.end()
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.entries.par_sort_unstable_by(|one, other| {
            (path_of(text, *one), one.2).cmp(&(path_of(text, *other), other.2))
        });
    }

    /// Writes what is in memory to a file of its own.
    fn spill(&mut self) -> Result<(), IndexError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.sort();
        let mut run = Writer::begin(self.folder)?;
        for entry in &self.entries {
            run.add(path_of(&self.text, *entry), entry.2).during("write a part of", self.folder)?;
        }
        self.runs.push(run.end().during("write a part of", self.folder)?);
        self.text.clear();
        self.entries.clear();
        if self.runs.len() >= self.limits.files.max(2) {
            let mut all = Writer::begin(self.folder)?;
            merge(self.folder, std::mem::take(&mut self.runs), |path, number| {
                Ok(all.add(path, number).during("write a part of", self.folder)?)
            })?;
            self.runs.push(all.end().during("write a part of", self.folder)?);
        }
        Ok(())
    }
}

fn path_of(text: &[u8], (start, length, _): (u32, u32, u32)) -> &[u8] {
    let start = start as usize;
    text.get(start..start + length as usize).unwrap_or_default()
}

/// Brings the packages of one path together.
struct Grouped<F> {
    path: Vec<u8>,
    numbers: Vec<u32>,
    each: F,
}

impl<F: FnMut(&[u8], &[u32]) -> Result<(), IndexError>> Grouped<F> {
    fn new(each: F) -> Self {
        Self { path: Vec::new(), numbers: Vec::new(), each }
    }

    fn add(&mut self, path: &[u8], number: u32) -> Result<(), IndexError> {
        if self.numbers.is_empty() || self.path != path {
            self.flush()?;
            self.path.clear();
            self.path.extend_from_slice(path);
        }
        if self.numbers.last() != Some(&number) {
            self.numbers.push(number);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IndexError> {
        if !self.numbers.is_empty() {
            (self.each)(&self.path, &self.numbers)?;
            self.numbers.clear();
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), IndexError> {
        self.flush()
    }
}

/// A sorted file that is being written.
struct Writer(zstd::Encoder<'static, File>);

impl Writer {
    fn begin(folder: &Path) -> Result<Self, IndexError> {
        let file = tempfile::tempfile_in(folder).during("make a file in", folder)?;
        let encoder = zstd::Encoder::new(file, ZSTD_LEVEL).and_then(|mut encoder| {
            encoder.window_log(WINDOW_LOG)?;
            Ok(encoder)
        });
        Ok(Self(encoder.during("make a file in", folder)?))
    }

    fn add(&mut self, path: &[u8], number: u32) -> io::Result<()> {
        let length = u32::try_from(path.len()).map_err(io::Error::other)?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(&number.to_le_bytes())?;
        self.0.write_all(path)
    }

    /// The file, to be read from its beginning.
    fn end(self) -> io::Result<File> {
        let mut file = self.0.finish()?;
        file.rewind()?;
        Ok(file)
    }
}

/// A sorted file that is being read.
struct Reader(zstd::Decoder<'static, BufReader<File>>);

impl Reader {
    fn begin(file: File) -> io::Result<Self> {
        Ok(Self(zstd::Decoder::with_buffer(BufReader::with_capacity(64 << 10, file))?))
    }

    /// The next path, in `path`, and its number.
    fn next(&mut self, path: &mut Vec<u8>) -> io::Result<Option<u32>> {
        let mut head = [0; 8];
        // it ends between two paths
        let first = loop {
            match self.0.read(&mut head[..1]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if first == 0 {
            return Ok(None);
        }
        self.0.read_exact(&mut head[1..])?;
        let [a, b, c, d, number @ ..] = head;
        path.resize(u32::from_le_bytes([a, b, c, d]) as usize, 0);
        self.0.read_exact(path)?;
        Ok(Some(u32::from_le_bytes(number)))
    }
}

/// Calls `each` with the paths of all files, in order.
fn merge(
    folder: &Path,
    runs: Vec<File>,
    mut each: impl FnMut(&[u8], u32) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let mut readers = Vec::with_capacity(runs.len());
    let mut heads = BinaryHeap::with_capacity(runs.len());
    for (place, run) in runs.into_iter().enumerate() {
        let mut reader = Reader::begin(run).during("read a part of", folder)?;
        let mut path = Vec::new();
        if let Some(number) = reader.next(&mut path).during("read a part of", folder)? {
            heads.push(Reverse((path, number, place)));
        }
        readers.push(reader);
    }
    while let Some(Reverse((mut path, number, place))) = heads.pop() {
        each(&path, number)?;
        if let Some(reader) = readers.get_mut(place)
            && let Some(number) = reader.next(&mut path).during("read a part of", folder)?
        {
            heads.push(Reverse((path, number, place)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn sorted(entries: &[(String, u32)], limits: Limits) -> Vec<(String, Vec<u32>)> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), limits);
        for (path, number) in entries {
            sorter.push(path, *number).unwrap();
        }
        let mut out = Vec::new();
        sorter
            .for_each(|path, numbers| {
                out.push((path.to_owned(), numbers.to_vec()));
                Ok(())
            })
            .unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "its files have no names");
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn whatever_fits_into_memory_all_comes_out_in_order(
            entries in proptest::collection::vec(("[a-c /\u{e9}]{1,6}", 0u32..5), 0..120),
            memory_bytes in 1usize..80,
            memory_paths in 1usize..40,
            files in 0usize..5,
        ) {
            let mut expected: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            for (path, number) in &entries {
                expected.entry(path.clone()).or_default().insert(*number);
            }
            let expected: Vec<(String, Vec<u32>)> =
                expected.into_iter().map(|(path, numbers)| (path, numbers.into_iter().collect())).collect();
            let limits = Limits { memory_bytes, memory_paths, files };
            prop_assert_eq!(&sorted(&entries, limits), &expected);
            prop_assert_eq!(&sorted(&entries, Limits::default()), &expected);
        }
    }
}
