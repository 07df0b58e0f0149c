//! What a binary package brings along: the paths in its data member, in a form that a row can hold.
//!
//! The data member is decompressed and walked from header to header while the package goes by; contents of files are passed over. Listed is
//! what Contents indexes list: files, hard links and symbolic links, by their path below the root, without `./`, sorted, each once. Everything
//! is bounded: the decoder's memory, the bytes that come out of it, the entries, the bytes of their paths. What goes beyond is refused and not
//! cut short, since a list with holes would be believed; so is what dpkg could not unpack either.

use std::io::{self, BufRead, Read};

use super::tarball::{self, Bounds, EntryKind, MAX_PATH_BYTES, MemberDates, Walk, plain};

pub use super::tarball::ContentsError;

/// The most bytes that come out of a data member. The largest packages there are have a tenth of it.
pub const MAX_DATA_BYTES: u64 = 32 << 30;
/// The most entries of a data member, folders among them.
pub const MAX_ENTRIES: usize = 1_000_000;
/// The most bytes of all paths together. Twice over, once as they come and once sorted, they are what reading a package costs in memory, besides
/// its decoder; the packages with the most files have a third of it.
pub const MAX_PATHS_BYTES: usize = 24 << 20;
/// The most bytes of a list that was stored, which may be from when more were taken.
const MAX_STORED_BYTES: usize = 64 << 20;

/// Well-compressed and small; what is stored is read far more often than it is written, and neither is felt.
const ZSTD_LEVEL: i32 = 5;

/// The paths of a package, sorted by their bytes, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathList {
    /// Each ended by a zero byte, which no path has.
    text: Vec<u8>,
    count: usize,
}

impl PathList {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of all paths, with one more for each.
    #[must_use]
    pub const fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The paths in order. They are what the package has, which is not always UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split_inclusive(|byte| *byte == 0).map(|path| path.strip_suffix(b"\0").unwrap_or(path))
    }

    /// Those that begin with one of `below`, in order; all of them when it is empty.
    pub fn below<'l>(&'l self, below: &'l [String]) -> impl Iterator<Item = &'l [u8]> {
        self.iter().filter(move |path| {
            below.is_empty() || below.iter().any(|beginning| path.starts_with(beginning.as_bytes()))
        })
    }

    /// What is stored: nothing of nothing, else a zstd frame.
    ///
    /// # Errors
    /// When there is no memory for the encoder.
    pub fn pack(&self) -> io::Result<Vec<u8>> {
        if self.is_empty() { Ok(Vec::new()) } else { zstd::bulk::compress(&self.text, ZSTD_LEVEL) }
    }

    /// The list that was packed.
    ///
    /// # Errors
    /// When the bytes are none that [`Self::pack`] gives.
    pub fn unpack(packed: &[u8]) -> io::Result<Self> {
        if packed.is_empty() {
            return Ok(Self::default());
        }
        let mut text = Vec::new();
        zstd::Decoder::with_buffer(packed)?.take(MAX_STORED_BYTES as u64 + 1).read_to_end(&mut text)?;
        if text.len() > MAX_STORED_BYTES || text.last() != Some(&0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no list of paths"));
        }
        let count = text.iter().filter(|byte| **byte == 0).count();
        Ok(Self { text, count })
    }
}

/// Lists a data member of so many bytes that was compressed as its name's ending says, with the dates of its entries. All of it is read.
///
/// # Errors
/// When it is damaged, or more than is allowed.
pub(super) fn list(
    ending: &str,
    member: impl BufRead,
    compressed_bytes: u64,
) -> Result<(PathList, MemberDates), ContentsError> {
    let bounds = Bounds { bytes: MAX_DATA_BYTES, entries: MAX_ENTRIES, compressed_bytes };
    tarball::decompressed(ending, member, |reader| walk(Walk::new(reader, bounds)))
}

fn walk(mut archive: Walk<'_>) -> Result<(PathList, MemberDates), ContentsError> {
    let mut found = Found::default();
    let mut dates = MemberDates::default();
    while let Some(entry) = archive.next_entry()? {
        if let Some(modified) = entry.modified {
            dates.see(modified, &entry.path);
        }
        match entry.kind {
            EntryKind::File | EntryKind::HardLink | EntryKind::Symlink => found.add(&entry.path)?,
            EntryKind::Folder | EntryKind::Fifo | EntryKind::Device | EntryKind::Other => {}
        }
    }
    Ok((found.list(), dates))
}

/// The paths that were found, in the archive's order, one after the other without a byte between them: a path may be of two bytes, and a million
/// of them are allowed.
#[derive(Default)]
struct Found {
    text: Vec<u8>,
    /// Where each begins and how long it is. Four bytes hold what [`MAX_PATHS_BYTES`] allows.
    places: Vec<(u32, u32)>,
}

impl Found {
    fn add(&mut self, path: &[u8]) -> Result<(), ContentsError> {
        // folders of the oldest archives are files whose names end so
        if path.ends_with(b"/") {
            return Ok(());
        }
        let path = plain(path)?;
        if path.is_empty() {
            return Ok(());
        }
        let start = self.text.len();
        // a zero byte is added to each in the end
        if start + path.len() + self.places.len() + 1 > MAX_PATHS_BYTES {
            return Err(ContentsError::TooMuch { most: MAX_PATHS_BYTES as u64, what: "bytes of paths" });
        }
        if self.text.capacity() < start + path.len() {
            // twice as much, but never more than can be needed
            self.text.reserve_exact((start + MAX_PATH_BYTES).min(MAX_PATHS_BYTES - start));
        }
        self.text.extend_from_slice(&path);
        self.places.push((start as u32, path.len() as u32));
        Ok(())
    }

    /// Sorted, each once.
    fn list(mut self) -> PathList {
        let Self { text: found, places } = &mut self;
        let path = |(start, length): (u32, u32)| &found[start as usize..(start + length) as usize];
        places.sort_unstable_by(|one, other| path(*one).cmp(path(*other)));
        places.dedup_by(|one, other| path(*one) == path(*other));
        let mut text = Vec::with_capacity(places.iter().map(|(_, length)| *length as usize + 1).sum());
        for place in &*places {
            text.extend_from_slice(path(*place));
            text.push(0);
        }
        PathList { text, count: places.len() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::tarball::BLOCK_BYTES;
    use super::*;

    /// A header with its checksum.
    fn header(kind: u8, path: &[u8], size_bytes: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len().min(100)].copy_from_slice(&path[..path.len().min(100)]);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(size_bytes);
        header.set_mode(0o644);
        header.set_cksum();
        header.as_bytes().to_vec()
    }

    /// An entry with so much content.
    fn entry(kind: u8, path: &[u8], content: &[u8]) -> Vec<u8> {
        let mut out = header(kind, path, content.len() as u64);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK_BYTES), 0);
        out
    }

    fn record(name: &str, value: &str) -> Vec<u8> {
        let rest = format!(" {name}={value}\n");
        let length = (rest.len()..).find(|length| length.to_string().len() + rest.len() == *length).unwrap();
        format!("{length}{rest}").into_bytes()
    }

    fn end() -> Vec<u8> {
        vec![0; 2 * BLOCK_BYTES]
    }

    fn paths(tar: &[u8]) -> Vec<String> {
        listed(list("", tar, 0).unwrap().0)
    }

    fn listed(list: PathList) -> Vec<String> {
        let paths: Vec<String> = list.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        assert_eq!(paths.len(), list.len());
        paths
    }

    fn refusal(tar: &[u8]) -> String {
        list("", tar, 0).unwrap_err().to_string()
    }

    #[test]
    fn files_and_links_are_listed_and_nothing_else() {
        let long = format!("./usr/share/{}file", "long/".repeat(40));
        let named = |kind: u8, path: &str| entry(kind, path.as_bytes(), b"");
        let tar = [
            named(b'5', "./"),
            named(b'5', "./usr/"),
            entry(b'0', b"./usr/bin/tool", &[b'x'; 700]),
            entry(b'\0', b"usr//bin/./old", b"old"),
            named(b'\0', "./usr/folder-of-old/"),
            entry(b'7', b"./usr/lib/contiguous", b"x"),
            named(b'1', "./usr/bin/hard"),
            // the size of a link is not that of a content
            header(b'2', b"./usr/bin/soft", 77),
            named(b'3', "./dev/null"),
            named(b'6', "./run/fifo"),
            entry(b'0', b"./usr/bin/tool", b"again"),
            entry(b'0', b"./usr/share/\xff", b""),
            entry(b'L', b"././@LongLink", format!("{long}\0").as_bytes()),
            entry(b'0', &long.as_bytes()[..100], b"content"),
            entry(b'x', b"PaxHeaders/x", &[record("mtime", "1.5"), record("path", "./opt/\u{e4}")].concat()),
            entry(b'0', b"./opt/a", b"content"),
            entry(b'g', b"pax_global_header", &record("comment", "hello")),
            entry(b'0', b"./last", b""),
            end(),
        ]
        .concat();
        assert_eq!(
            paths(&tar),
            [
                "last",
                "opt/\u{e4}",
                "usr/bin/hard",
                "usr/bin/old",
                "usr/bin/soft",
                "usr/bin/tool",
                "usr/lib/contiguous",
                &long[2..],
                "usr/share/\u{fffd}",
            ]
        );
    }

    #[test]
    fn a_size_of_an_extended_header_counts() {
        let mut tar = entry(b'x', b"x", &record("size", "600"));
        tar.extend(entry(b'0', b"./big", &[b'x'; 600]));
        let at = tar.len() - 3 * BLOCK_BYTES;
        tar.splice(at..at + BLOCK_BYTES, header(b'0', b"./big", 0));
        tar.extend(entry(b'0', b"./next", b""));
        assert_eq!(paths(&tar), ["big", "next"]);
    }

    #[test]
    fn every_compression_is_read_to_its_end() {
        let tar = [entry(b'0', b"./etc/motd", &[b'm'; 5000]), end()].concat();
        let gz = {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&tar).unwrap();
            encoder.finish().unwrap()
        };
        let bz2 = {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(&tar).unwrap();
            encoder.finish().unwrap()
        };
        let xz = {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(&tar).unwrap();
            encoder.finish().unwrap()
        };
        let lzma = {
            let options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
            let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
            let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(&tar).unwrap();
            encoder.finish().unwrap()
        };
        let zst = zstd::encode_all(&tar[..], 1).unwrap();
        for (ending, member) in
            [("", tar.clone()), (".gz", gz), (".bz2", bz2), (".xz", xz), (".lzma", lzma), (".zst", zst)]
        {
            assert_eq!(listed(list(ending, &member[..], 0).unwrap().0), ["etc/motd"], "{ending}");
            assert!(ending.is_empty() || list(ending, &member[..member.len() - 4], 0).is_err(), "{ending}");
            assert!(ending.is_empty() || list(ending, &b"garbage that is none"[..], 0).is_err(), "{ending}");
        }
    }

    #[test]
    fn nothing_is_an_empty_list() {
        assert_eq!(list("", &b""[..], 0).unwrap().0, PathList::default());
        assert_eq!(list("", &end()[..], 0).unwrap().0, PathList::default());
        assert!(PathList::default().is_empty());
    }

    #[test]
    fn damaged_archives_are_refused_with_the_place() {
        let good = entry(b'0', b"./etc/motd", &[b'm'; 700]);
        let damaged = |reason: &str| format!("the tar archive in it is damaged at byte {reason}");
        assert_eq!(refusal(&good[..300]), damaged("300: it ends in the middle of a header"));
        assert_eq!(refusal(&good[..900]), damaged("900: it ends in the middle of a file"));
        assert_eq!(refusal(&[b'x'; 512]), damaged("512: this is no header: its checksum does not fit"));
        assert!(refusal(&header(b'0', b"./huge", u64::MAX)).contains("middle of a file"));
        assert!(refusal(&header(b'L', b"x", 1 << 40)).contains("is too long"));
        assert!(refusal(&header(b'L', b"x", 1000)).contains("middle of an extended header"));
        assert!(refusal(&entry(b'x', b"x", b"garbage\n")).contains("damaged at byte"));
        assert!(refusal(&entry(b'x', b"x", &record("size", "many"))).contains("no number"));
        assert!(refusal(&header(b'S', b"./sparse", 0)).contains("sparse"));
        for path in ["../etc/passwd", "./usr/../../x", ".."] {
            assert!(refusal(&entry(b'0', path.as_bytes(), b"")).contains("leads out of the root"), "{path}");
        }
        let long = "x/".repeat(3000) + "y";
        let tar = [entry(b'L', b"x", long.as_bytes()), entry(b'0', b"x", b"")].concat();
        assert_eq!(refusal(&tar), "it has more than 4096 bytes in one path");
    }

    /// Gives the same bytes again and again.
    struct Again {
        block: Vec<u8>,
        at: usize,
    }

    impl Read for Again {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.block.len() - self.at);
            buffer[..length].copy_from_slice(&self.block[self.at..self.at + length]);
            self.at = (self.at + length) % self.block.len();
            Ok(length)
        }
    }

    #[test]
    fn entries_without_end_are_refused() {
        let mut same = Again { block: header(b'5', b"./usr/", 0), at: 0 };
        let error = walk(Walk::new(
            &mut same,
            Bounds { bytes: MAX_DATA_BYTES, entries: MAX_ENTRIES, compressed_bytes: 0 },
        ))
        .unwrap_err();
        assert_eq!(error.to_string(), "it has more than 1000000 entries");
    }

    fn list_of(paths: &[&str]) -> PathList {
        let mut found = Found::default();
        for path in paths {
            found.add(path.as_bytes()).unwrap();
        }
        found.list()
    }

    #[test]
    fn a_list_has_each_path_once_and_in_order() {
        assert_eq!(listed(list_of(&["b", "./a", "a/b", "a", "/b", "a-b", "."])), ["a", "a-b", "a/b", "b"]);
    }

    #[test]
    fn paths_without_end_are_refused_before_they_fill_the_memory() {
        let mut found = Found::default();
        let error = (0..).find_map(|number| found.add(format!("{number:04000}").as_bytes()).err()).unwrap();
        assert_eq!(error.to_string(), "it has more than 25165824 bytes of paths");
        assert!(found.text.capacity() <= MAX_PATHS_BYTES);
        let list = found.list();
        assert!(list.text_bytes() <= MAX_PATHS_BYTES && list.text_bytes() > MAX_PATHS_BYTES - 4002);
    }

    #[test]
    fn lists_are_the_same_when_they_come_back() {
        for texts in [&[][..], &["a"], &["a", "b/c", "b/d"]] {
            let list = list_of(texts);
            let packed = list.pack().unwrap();
            assert_eq!(packed.is_empty(), texts.is_empty());
            assert_eq!(PathList::unpack(&packed).unwrap(), list);
            assert_eq!(listed(list), texts);
        }
        for bad in [&b"garbage"[..], &zstd::encode_all(&b"no end"[..], 1).unwrap()] {
            assert!(PathList::unpack(bad).is_err());
        }
    }

    #[test]
    fn below_tells_what_begins_so() {
        let list = list_of(&["bin/a", "usr/bin/b", "usr/binary"]);
        let below = |beginnings: &[&str]| {
            let beginnings: Vec<String> = beginnings.iter().map(|text| (*text).to_owned()).collect();
            list.below(&beginnings).count()
        };
        assert_eq!(
            (below(&[]), below(&["usr/bin/"]), below(&["usr/bin/", "bin/"]), below(&["sbin/"])),
            (3, 1, 2, 0)
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
            for ending in ["", ".gz", ".bz2", ".xz", ".lzma", ".zst"] {
                drop(list(ending, &bytes[..], 0));
            }
            drop(PathList::unpack(&bytes));
        }

        #[test]
        fn changed_archives_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let mut tar = [
                entry(b'L', b"././@LongLink", &[b'x'; 200]),
                entry(b'0', b"./a", &[1; 600]),
                entry(b'x', b"x", &record("path", "./b")),
                entry(b'2', b"./c", b""),
                end(),
            ]
            .concat();
            for (at, byte) in &changes {
                let at = at.index(tar.len());
                tar[at] = *byte;
            }
            drop(list("", &tar[..], 0));
        }
    }
}
