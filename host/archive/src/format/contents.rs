//! What a binary package brings along: the paths in its data member, in a form that a row can hold.
//!
//! The data member is decompressed and walked from header to header while the package goes by; contents of files are passed over. Listed is
//! what Contents indexes list: files, hard links and symbolic links, by their path below the root, without `./`, sorted, each once. Everything
//! is bounded: the decoder's memory, the bytes that come out of it, the entries, the bytes of their paths. What goes beyond is refused and not
//! cut short, since a list with holes would be believed; so is what dpkg could not unpack either.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read};

use crate::domain::name::shown;

/// The most bytes that come out of a data member. The largest packages there are have a tenth of it.
pub const MAX_DATA_BYTES: u64 = 32 << 30;
/// The most entries of a data member, folders among them.
pub const MAX_ENTRIES: usize = 1_000_000;
/// The longest path, as the kernel has it.
pub const MAX_PATH_BYTES: usize = 4096;
/// The most bytes of all paths together.
pub const MAX_PATHS_BYTES: usize = 64 << 20;

const BLOCK_BYTES: usize = 512;
/// The longest header that is an entry of its own, such as a long path.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
/// How much is passed over at once.
const PIECE_BYTES: usize = 8 << 10;
/// Well-compressed and small; what is stored is read far more often than it is written, and neither is felt.
const ZSTD_LEVEL: i32 = 5;

/// Why a data member cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The bytes are no whole, undamaged stream of the compression.
    #[error("it cannot be decompressed, or is cut off")]
    Decompress(#[source] io::Error),
    /// It is not a tar archive, or not a whole one.
    #[error("the tar archive in it is damaged at byte {offset}: {reason}")]
    Tar {
        /// Where, after decompression.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A path that leads out of the root.
    #[error("it has the path {path}, which leads out of the root")]
    Escaping {
        /// The path, quoted.
        path: String,
    },
    /// It grows too large.
    #[error("it has more than {most} {what}")]
    TooMuch {
        /// How many there may be.
        most: u64,
        /// Of what.
        what: &'static str,
    },
}

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
        zstd::Decoder::with_buffer(packed)?.take(MAX_PATHS_BYTES as u64 + 1).read_to_end(&mut text)?;
        if text.len() > MAX_PATHS_BYTES || text.last() != Some(&0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no list of paths"));
        }
        let count = text.iter().filter(|byte| **byte == 0).count();
        Ok(Self { text, count })
    }

    fn of(paths: &BTreeSet<Vec<u8>>) -> Self {
        let mut text = Vec::with_capacity(paths.iter().map(|path| path.len() + 1).sum());
        for path in paths {
            text.extend_from_slice(path);
            text.push(0);
        }
        Self { text, count: paths.len() }
    }
}

/// Lists a data member that was compressed as its name's ending says: empty, `.gz`, `.xz`, `.zst`, `.bz2` or `.lzma`. All of it is read.
///
/// # Errors
/// When it is damaged, or more than is allowed.
pub(super) fn list(ending: &str, member: impl BufRead) -> Result<PathList, ContentsError> {
    let mut found = Found::default();
    walk(ending, member, &mut found)?;
    Ok(PathList::of(&found.paths))
}

/// Something in a tar archive, as its headers have it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What it is.
    pub(crate) kind: tar::EntryType,
    /// Where it is.
    pub(crate) path: Vec<u8>,
    /// Where a link leads; nothing of what is no link.
    pub(crate) link: Vec<u8>,
    /// Its permissions and what else is in its mode.
    pub(crate) mode: u32,
    /// Whose it is, by name or else by number.
    pub(crate) owner: String,
    /// The same of its group.
    pub(crate) group: String,
    /// How many bytes it has.
    pub(crate) size_bytes: u64,
}

/// Somebody who is shown what is in a tar archive, entry by entry.
pub(crate) trait Visitor {
    /// An entry begins.
    ///
    /// # Errors
    /// What is more than is allowed, or leads out of the root.
    fn entry(&mut self, entry: Entry) -> Result<(), ContentsError>;

    /// The next bytes of the last entry.
    fn piece(&mut self, _bytes: &[u8]) {}
}

/// Shows a visitor what is in a tar archive that was compressed as its name's ending says: empty, `.gz`, `.xz`, `.zst`, `.bz2` or `.lzma`. All of it
/// is read.
///
/// # Errors
/// When it is damaged, or more than is allowed; what the visitor says.
pub(crate) fn walk(
    ending: &str,
    member: impl BufRead,
    visitor: &mut dyn Visitor,
) -> Result<(), ContentsError> {
    use liblzma::stream::{CONCATENATED, Stream};
    let mut walk = |reader: &mut dyn Read| Walk::new(reader).all(visitor);
    let memory = super::deb::MAX_DECODER_MEMORY_BYTES;
    match ending {
        "" => walk(&mut { member }),
        ".gz" => walk(&mut flate2::bufread::MultiGzDecoder::new(member)),
        ".bz2" => walk(&mut bzip2::bufread::MultiBzDecoder::new(member)),
        ".zst" => {
            let mut decoder = zstd::Decoder::with_buffer(member).map_err(ContentsError::Decompress)?;
            decoder.window_log_max(super::deb::MAX_WINDOW_LOG).map_err(ContentsError::Decompress)?;
            walk(&mut decoder)
        }
        ".lzma" => {
            let decoder =
                Stream::new_lzma_decoder(memory).map_err(|error| ContentsError::Decompress(error.into()))?;
            walk(&mut liblzma::bufread::XzDecoder::new_stream(member, decoder))
        }
        _ => {
            let decoder = Stream::new_stream_decoder(memory, CONCATENATED)
                .map_err(|error| ContentsError::Decompress(error.into()))?;
            walk(&mut liblzma::bufread::XzDecoder::new_stream(member, decoder))
        }
    }
}

/// The paths that were found.
#[derive(Default)]
struct Found {
    paths: BTreeSet<Vec<u8>>,
    bytes: usize,
}

impl Visitor for Found {
    fn entry(&mut self, entry: Entry) -> Result<(), ContentsError> {
        let is_file = entry.kind.is_file() || entry.kind.is_contiguous();
        if is_file || entry.kind.is_hard_link() || entry.kind.is_symlink() {
            self.add(&entry.path)
        } else {
            Ok(())
        }
    }
}

impl Found {
    fn add(&mut self, path: &[u8]) -> Result<(), ContentsError> {
        // folders of the oldest archives are files whose names end so
        if path.ends_with(b"/") {
            return Ok(());
        }
        let path = plain(path)?;
        if path.len() > MAX_PATH_BYTES {
            return Err(ContentsError::TooMuch { most: MAX_PATH_BYTES as u64, what: "bytes in one path" });
        }
        let bytes = path.len() + 1;
        if !path.is_empty() && self.paths.insert(path) {
            self.bytes += bytes;
        }
        if self.bytes > MAX_PATHS_BYTES {
            return Err(ContentsError::TooMuch { most: MAX_PATHS_BYTES as u64, what: "bytes of paths" });
        }
        Ok(())
    }
}

/// On its way through a tar archive.
struct Walk<'r> {
    reader: &'r mut dyn Read,
    /// How much was read.
    offset: u64,
}

/// What an entry before an entry says of it.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size_bytes: Option<u64>,
}

impl<'r> Walk<'r> {
    fn new(reader: &'r mut dyn Read) -> Self {
        Self { reader, offset: 0 }
    }

    fn all(mut self, visitor: &mut dyn Visitor) -> Result<(), ContentsError> {
        let mut entries = 0;
        let mut extended = Extended::default();
        while let Some(header) = self.header()? {
            entries += 1;
            if entries > MAX_ENTRIES {
                return Err(ContentsError::TooMuch { most: MAX_ENTRIES as u64, what: "entries" });
            }
            let declared = header.entry_size().map_err(|error| self.damaged(&error))?;
            let kind = header.entry_type();
            if kind.is_gnu_sparse() {
                return Err(self.damaged(&"it has a sparse file, which dpkg does not unpack"));
            }
            if kind.is_gnu_longname() {
                extended.path = Some(self.long_path(declared)?);
            } else if kind.is_gnu_longlink() {
                extended.link = Some(self.long_path(declared)?);
            } else if kind.is_pax_local_extensions() {
                let records = self.extension(declared)?;
                self.read_records(&records, &mut extended)?;
            } else if kind.is_pax_global_extensions() {
                self.extension(declared)?;
            } else {
                let Extended { path, link, size_bytes } = std::mem::take(&mut extended);
                // as for dpkg, these have no content, whatever their size says
                let is_bare = kind.is_hard_link()
                    || kind.is_symlink()
                    || kind.is_dir()
                    || kind.is_fifo()
                    || kind.is_character_special()
                    || kind.is_block_special();
                let size_bytes = if is_bare { 0 } else { size_bytes.unwrap_or(declared) };
                let link = link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
                visitor.entry(Entry {
                    kind,
                    path: path.unwrap_or_else(|| header.path_bytes().into_owned()),
                    link: link.filter(|_| kind.is_hard_link() || kind.is_symlink()).unwrap_or_default(),
                    mode: header.mode().unwrap_or(0),
                    owner: holder(header.username_bytes(), header.uid().ok()),
                    group: holder(header.groupname_bytes(), header.gid().ok()),
                    size_bytes,
                })?;
                self.content(size_bytes, visitor)?;
            }
        }
        // to the end, where a decoder has its checksum
        let mut piece = [0; PIECE_BYTES];
        while self.read(&mut piece)? > 0 {}
        Ok(())
    }

    /// The next header; none at the end.
    fn header(&mut self) -> Result<Option<tar::Header>, ContentsError> {
        let mut block = [0; BLOCK_BYTES];
        match self.fill(&mut block)? {
            0 => return Ok(None),
            BLOCK_BYTES => {}
            _ => return Err(self.damaged(&"it ends in the middle of a header")),
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = tar::Header::from_byte_slice(&block);
        let sum: u32 =
            block[..148].iter().chain(&block[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        if header.cksum().ok() != Some(sum) {
            return Err(self.damaged(&"this is no header: its checksum does not fit"));
        }
        Ok(Some(header.clone()))
    }

    /// The content of an entry that only says something of the next one.
    fn extension(&mut self, size_bytes: u64) -> Result<Vec<u8>, ContentsError> {
        if size_bytes > MAX_EXTENSION_BYTES {
            return Err(self.damaged(&format!("an extended header of {size_bytes} bytes is too long")));
        }
        let mut content = vec![0; size_bytes as usize];
        if self.fill(&mut content)? < content.len() {
            return Err(self.damaged(&"it ends in the middle of an extended header"));
        }
        self.skip(padding(size_bytes))?;
        Ok(content)
    }

    /// A path that is too long for a header: it ends with a zero byte.
    fn long_path(&mut self, size_bytes: u64) -> Result<Vec<u8>, ContentsError> {
        let mut path = self.extension(size_bytes)?;
        path.truncate(path.iter().position(|byte| *byte == 0).unwrap_or(path.len()));
        Ok(path)
    }

    /// Lines of `LENGTH NAME=VALUE`.
    fn read_records(&self, records: &[u8], extended: &mut Extended) -> Result<(), ContentsError> {
        for record in tar::PaxExtensions::new(records) {
            let record = record.map_err(|error| self.damaged(&error))?;
            match record.key_bytes() {
                b"path" => extended.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => extended.link = Some(record.value_bytes().to_vec()),
                b"size" => {
                    let size = record.value().ok().and_then(|value| value.parse().ok());
                    extended.size_bytes =
                        Some(size.ok_or_else(|| self.damaged(&"a size that is no number"))?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Shows so much content, and passes over what fills its last block.
    fn content(&mut self, size_bytes: u64, visitor: &mut dyn Visitor) -> Result<(), ContentsError> {
        self.each_piece(size_bytes, |piece| visitor.piece(piece))?;
        self.skip(padding(size_bytes))
    }

    fn skip(&mut self, size_bytes: u64) -> Result<(), ContentsError> {
        self.each_piece(size_bytes, |_| {})
    }

    fn each_piece(&mut self, mut left: u64, mut each: impl FnMut(&[u8])) -> Result<(), ContentsError> {
        let mut piece = [0; PIECE_BYTES];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            match self.read(&mut piece[..most])? {
                0 => return Err(self.damaged(&"it ends in the middle of a file")),
                read => {
                    each(&piece[..read]);
                    left -= read as u64;
                }
            }
        }
        Ok(())
    }

    /// Reads until the buffer is full or the archive ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ContentsError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ContentsError> {
        loop {
            match self.reader.read(buffer) {
                Ok(read) => {
                    self.offset += read as u64;
                    if self.offset > MAX_DATA_BYTES {
                        return Err(ContentsError::TooMuch {
                            most: MAX_DATA_BYTES,
                            what: "bytes when decompressed",
                        });
                    }
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ContentsError::Decompress(error)),
            }
        }
    }

    fn damaged(&self, reason: &dyn std::fmt::Display) -> ContentsError {
        ContentsError::Tar { offset: self.offset, reason: reason.to_string() }
    }
}

/// Whose something is: a name that is one, else the number.
fn holder(name: Option<&[u8]>, number: Option<u64>) -> String {
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    match name.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(name) => name.to_owned(),
        None => number.map_or_else(|| "?".to_owned(), |number| number.to_string()),
    }
}

/// What fills the last block of so many bytes.
const fn padding(size_bytes: u64) -> u64 {
    let block = BLOCK_BYTES as u64;
    (block - size_bytes % block) % block
}

/// A path below the root: without what says nothing, `./usr//bin/x` as `usr/bin/x`.
pub(crate) fn plain(path: &[u8]) -> Result<Vec<u8>, ContentsError> {
    let mut out = Vec::with_capacity(path.len());
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(ContentsError::Escaping { path: shown(&String::from_utf8_lossy(path)) }),
            part if part.contains(&0) => {
                return Err(ContentsError::Escaping { path: shown(&String::from_utf8_lossy(path)) });
            }
            part => {
                if !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(part);
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

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
        listed(list("", tar).unwrap())
    }

    fn listed(list: PathList) -> Vec<String> {
        let paths: Vec<String> = list.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        assert_eq!(paths.len(), list.len());
        paths
    }

    fn refusal(tar: &[u8]) -> String {
        list("", tar).unwrap_err().to_string()
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
            assert_eq!(listed(list(ending, &member[..]).unwrap()), ["etc/motd"], "{ending}");
            assert!(ending.is_empty() || list(ending, &member[..member.len() - 4]).is_err(), "{ending}");
            assert!(ending.is_empty() || list(ending, &b"garbage that is none"[..]).is_err(), "{ending}");
        }
    }

    #[test]
    fn nothing_is_an_empty_list() {
        assert_eq!(list("", &b""[..]).unwrap(), PathList::default());
        assert_eq!(list("", &end()[..]).unwrap(), PathList::default());
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
        let error = Walk::new(&mut same).all(&mut Found::default()).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 1000000 entries");
    }

    #[test]
    fn lists_are_the_same_when_they_come_back() {
        for texts in [&[][..], &["a"], &["a", "b/c", "b/d"]] {
            let list = PathList::of(&texts.iter().map(|text| text.as_bytes().to_vec()).collect());
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
        let list =
            PathList::of(&["bin/a", "usr/bin/b", "usr/binary"].map(|text| text.as_bytes().to_vec()).into());
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
                drop(list(ending, &bytes[..]));
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
            drop(list("", &tar[..]));
        }
    }
}
