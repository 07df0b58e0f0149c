//! Tar archives, plain or compressed, from header to header: what packages and custom files are made of.
//!
//! Nothing is unpacked. Everything is bounded: the decoder's memory, the bytes that come out of it (also by how many went in, so that a small file
//! cannot keep the publisher busy for hours), the entries, the headers that belong to other headers. What goes beyond is refused and not cut
//! short; so is what dpkg could not unpack either.

use std::io::{self, BufRead, Read};

use crate::domain::plain::{Said, shown};

/// The longest path, as the kernel has it.
pub const MAX_PATH_BYTES: usize = 4096;

pub(super) const BLOCK_BYTES: usize = 512;
/// The longest header that is an entry of its own, such as a long path.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
/// How much is passed over at once.
const PIECE_BYTES: usize = 8 << 10;
/// So many bytes may come out whatever went in.
const FREE_BYTES: u64 = 1 << 30;
/// Beyond them, so many for each that went in. What people pack has ten.
const MAX_RATIO: u64 = 200;

/// Why an archive cannot be listed.
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
    /// It grows too large for what went in.
    #[error("its {compressed_bytes} bytes become more than {unpacked_bytes}, as those of no package do")]
    Bomb {
        /// What went in.
        compressed_bytes: u64,
        /// What had come out.
        unpacked_bytes: u64,
    },
}

/// How much may come out of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most bytes.
    pub bytes: u64,
    /// The most entries, folders among them.
    pub entries: usize,
    /// How many bytes go in.
    pub compressed_bytes: u64,
}

impl Bounds {
    /// Refuses more bytes than may come out.
    ///
    /// # Errors
    /// There are more.
    pub(super) fn check(&self, unpacked_bytes: u64) -> Result<(), ContentsError> {
        let Self { bytes, compressed_bytes, .. } = *self;
        if unpacked_bytes > bytes {
            return Err(ContentsError::TooMuch { most: bytes, what: "bytes when decompressed" });
        }
        if unpacked_bytes > FREE_BYTES.saturating_add(compressed_bytes.saturating_mul(MAX_RATIO)) {
            return Err(ContentsError::Bomb { compressed_bytes, unpacked_bytes });
        }
        Ok(())
    }
}

/// Decompresses what the ending of its name says: empty, `.gz`, `.xz`, `.zst`, `.bz2` or `.lzma`. Anything else is taken for `.xz`.
///
/// # Errors
/// What `look` says; or there is no memory for the decoder.
pub(crate) fn decompressed<T>(
    ending: &str,
    member: impl BufRead,
    look: impl FnOnce(&mut dyn Read) -> Result<T, ContentsError>,
) -> Result<T, ContentsError> {
    use liblzma::stream::{CONCATENATED, Stream};
    let memory = super::deb::MAX_DECODER_MEMORY_BYTES;
    match ending {
        "" => look(&mut { member }),
        ".gz" => look(&mut flate2::bufread::MultiGzDecoder::new(member)),
        ".bz2" => look(&mut bzip2::bufread::MultiBzDecoder::new(member)),
        ".zst" => {
            let mut decoder = zstd::Decoder::with_buffer(member).map_err(ContentsError::Decompress)?;
            decoder.window_log_max(super::deb::MAX_WINDOW_LOG).map_err(ContentsError::Decompress)?;
            look(&mut decoder)
        }
        ".lzma" => {
            let decoder =
                Stream::new_lzma_decoder(memory).map_err(|error| ContentsError::Decompress(error.into()))?;
            look(&mut liblzma::bufread::XzDecoder::new_stream(member, decoder))
        }
        _ => {
            let decoder = Stream::new_stream_decoder(memory, CONCATENATED)
                .map_err(|error| ContentsError::Decompress(error.into()))?;
            look(&mut liblzma::bufread::XzDecoder::new_stream(member, decoder))
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// Another name of a file of the archive.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A folder.
    Folder,
    /// A FIFO.
    Fifo,
    /// A device.
    Device,
    /// Something that unpackers treat in their own ways.
    Other,
}

/// Whose an entry is, as its header has it: it takes no memory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryOwner {
    name: [u8; 32],
    number: Option<u64>,
}

impl EntryOwner {
    fn new(said: Option<&[u8]>, number: Option<u64>) -> Self {
        let mut name = [0; 32];
        for (byte, said) in name.iter_mut().zip(said.unwrap_or_default()) {
            *byte = *said;
        }
        Self { name, number }
    }
}

impl std::fmt::Display for EntryOwner {
    /// A name that is one, else the number, else a question mark.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name.split(|byte| *byte == 0).next().unwrap_or_default();
        match (std::str::from_utf8(name), self.number) {
            (Ok(name), _) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                out.write_str(name)
            }
            (_, Some(number)) => write!(out, "{number}"),
            (_, None) => out.write_str("?"),
        }
    }
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path as it is written, at most as long as paths may be.
    pub path: Vec<u8>,
    /// Where a link leads.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// How long its content is.
    pub size_bytes: u64,
    /// Its permissions.
    pub mode: u32,
    /// Whose it is.
    pub user: EntryOwner,
    /// Which group's it is.
    pub group: EntryOwner,
    /// When it was changed last, in seconds since 1970; none where the field is no number.
    pub modified: Option<i64>,
    /// Whether an extended header says that its content has holes, which only some unpackers fill.
    pub is_sparse: bool,
}

/// On its way through a tar archive.
pub struct Walk<'r> {
    reader: &'r mut dyn Read,
    bounds: Bounds,
    /// How much was read.
    offset: u64,
    /// How many headers were.
    entries: usize,
    /// What is left of the content of the last entry.
    content: u64,
    /// What fills its last block.
    padding: u64,
}

/// What an entry before an entry says of it.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size_bytes: Option<u64>,
    modified: Option<i64>,
    is_sparse: bool,
}

impl<'r> Walk<'r> {
    /// At the beginning of an archive that is not compressed, or not any more.
    pub fn new(reader: &'r mut dyn Read, bounds: Bounds) -> Self {
        Self { reader, bounds, offset: 0, entries: 0, content: 0, padding: 0 }
    }

    /// The next entry; none at the end, to which the archive was read then: a decoder has its checksum there.
    ///
    /// # Errors
    /// When the archive is damaged, or more than is allowed.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ContentsError> {
        let (content, padding) = (std::mem::take(&mut self.content), std::mem::take(&mut self.padding));
        self.skip(content)?;
        self.skip(padding)?;
        let mut extended = Extended::default();
        while let Some(header) = self.header()? {
            self.entries += 1;
            if self.entries > self.bounds.entries {
                return Err(ContentsError::TooMuch { most: self.bounds.entries as u64, what: "entries" });
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
                return self.entry(&header, declared, extended).map(Some);
            }
        }
        let mut piece = [0; PIECE_BYTES];
        while self.read(&mut piece)? > 0 {}
        Ok(None)
    }

    fn entry(
        &mut self,
        header: &tar::Header,
        declared: u64,
        extended: Extended,
    ) -> Result<Entry, ContentsError> {
        let kind = kind(header.entry_type());
        // as for dpkg, these have no content, whatever their size says
        let size_bytes = match kind {
            EntryKind::File | EntryKind::Other => extended.size_bytes.unwrap_or(declared),
            EntryKind::HardLink
            | EntryKind::Symlink
            | EntryKind::Folder
            | EntryKind::Fifo
            | EntryKind::Device => 0,
        };
        self.content = size_bytes;
        self.padding = padding(size_bytes);
        let path = extended.path.unwrap_or_else(|| header.path_bytes().into_owned());
        if path.len() > MAX_PATH_BYTES {
            return Err(ContentsError::TooMuch { most: MAX_PATH_BYTES as u64, what: "bytes in one path" });
        }
        Ok(Entry {
            path,
            link: extended
                .link
                .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
                .unwrap_or_default(),
            kind,
            size_bytes,
            mode: header.mode().unwrap_or(0),
            user: EntryOwner::new(header.username_bytes(), header.uid().ok()),
            group: EntryOwner::new(header.groupname_bytes(), header.gid().ok()),
            modified: extended.modified.or_else(|| header.mtime().ok().map(u64::cast_signed)),
            is_sparse: extended.is_sparse,
        })
    }

    /// The content of the last entry, if it is not longer than that.
    ///
    /// # Errors
    /// When the archive ends in it.
    pub fn content(&mut self, most_bytes: u64) -> Result<Option<Vec<u8>>, ContentsError> {
        if self.content > most_bytes {
            return Ok(None);
        }
        let mut content = Vec::with_capacity(usize::try_from(self.content).unwrap_or(0));
        let mut piece = [0; PIECE_BYTES];
        while self.content > 0 {
            let most = usize::try_from(self.content).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            match self.read(&mut piece[..most])? {
                0 => return Err(self.damaged(&"it ends in the middle of a file")),
                read => {
                    content.extend_from_slice(&piece[..read]);
                    self.content -= read as u64;
                }
            }
        }
        Ok(Some(content))
    }

    /// Shows what is left of the content of the last entry, piece by piece.
    ///
    /// # Errors
    /// When the archive ends in it.
    pub fn each_piece(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), ContentsError> {
        let mut piece = [0; PIECE_BYTES];
        while self.content > 0 {
            let most = usize::try_from(self.content).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            match self.read(&mut piece[..most])? {
                0 => return Err(self.damaged(&"it ends in the middle of a file")),
                read => {
                    each(&piece[..read]);
                    self.content -= read as u64;
                }
            }
        }
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

    /// A path that is an entry of its own; it ends with a zero byte.
    fn long_path(&mut self, size_bytes: u64) -> Result<Vec<u8>, ContentsError> {
        let mut path = self.extension(size_bytes)?;
        path.truncate(path.iter().position(|byte| *byte == 0).unwrap_or(path.len()));
        Ok(path)
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
                b"mtime" => {
                    // with a fraction of a second, mostly
                    let whole = record.value().ok().and_then(|value| value.split('.').next());
                    extended.modified = whole.and_then(|value| value.parse().ok());
                }
                key if key.starts_with(b"GNU.sparse.") => extended.is_sparse = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn skip(&mut self, mut left: u64) -> Result<(), ContentsError> {
        let mut piece = [0; PIECE_BYTES];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            match self.read(&mut piece[..most])? {
                0 => return Err(self.damaged(&"it ends in the middle of a file")),
                read => left -= read as u64,
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
                    return self.bounds.check(self.offset).map(|()| read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ContentsError::Decompress(error)),
            }
        }
    }

    /// The archive is not as it must be where it was read last.
    pub(super) fn damaged(&self, reason: &dyn std::fmt::Display) -> ContentsError {
        // the library repeats what stands in the archive
        ContentsError::Tar { offset: self.offset, reason: Said::by(reason).to_string() }
    }
}

fn kind(kind: tar::EntryType) -> EntryKind {
    if kind.is_file() || kind.is_contiguous() {
        EntryKind::File
    } else if kind.is_hard_link() {
        EntryKind::HardLink
    } else if kind.is_symlink() {
        EntryKind::Symlink
    } else if kind.is_dir() {
        EntryKind::Folder
    } else if kind.is_fifo() {
        EntryKind::Fifo
    } else if kind.is_character_special() || kind.is_block_special() {
        EntryKind::Device
    } else {
        EntryKind::Other
    }
}

/// What fills the last block of so many bytes.
const fn padding(size_bytes: u64) -> u64 {
    let block = BLOCK_BYTES as u64;
    (block - size_bytes % block) % block
}

/// A path below the root: without what says nothing, `./usr//bin/x` as `usr/bin/x`.
///
/// # Errors
/// When it leads out of the root, or has a zero byte.
pub fn plain(path: &[u8]) -> Result<Vec<u8>, ContentsError> {
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

/// The oldest and the newest entry of archives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberDates {
    /// Seconds since 1970, and the path, quoted.
    pub earliest: Option<(i64, String)>,
    /// As `earliest`.
    pub latest: Option<(i64, String)>,
}

impl MemberDates {
    /// Takes an entry into account.
    pub(super) fn see(&mut self, modified: i64, path: &[u8]) {
        let named = || Some((modified, shown(&String::from_utf8_lossy(path))));
        if self.earliest.as_ref().is_none_or(|(earliest, _)| modified < *earliest) {
            self.earliest = named();
        }
        if self.latest.as_ref().is_none_or(|(latest, _)| modified > *latest) {
            self.latest = named();
        }
    }

    /// Takes those of another archive into account.
    pub(super) fn join(&mut self, other: Self) {
        if let Some(other) = other.earliest
            && self.earliest.as_ref().is_none_or(|own| other.0 < own.0)
        {
            self.earliest = Some(other);
        }
        if let Some(other) = other.latest
            && self.latest.as_ref().is_none_or(|own| other.0 > own.0)
        {
            self.latest = Some(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_held_against_what_went_in() {
        let bounds = Bounds { bytes: 8 << 30, entries: 10, compressed_bytes: 1000 };
        bounds.check(FREE_BYTES + 200_000).unwrap();
        let refusal = bounds.check(FREE_BYTES + 200_001).unwrap_err().to_string();
        assert_eq!(refusal, "its 1000 bytes become more than 1073941825, as those of no package do");
        let large = Bounds { compressed_bytes: 1 << 30, ..bounds };
        large.check(8 << 30).unwrap();
        let refusal = large.check((8 << 30) + 1).unwrap_err().to_string();
        assert_eq!(refusal, "it has more than 8589934592 bytes when decompressed");
    }

    #[test]
    fn entries_say_what_they_are() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o4755);
        header.set_mtime(12);
        builder.append_data(&mut header, "a/".to_owned() + &"b".repeat(200), &b"abc"[..]).unwrap();
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "link", "c".repeat(200)).unwrap();
        let tar = builder.into_inner().unwrap();
        let mut reader = &tar[..];
        let mut walk = Walk::new(&mut reader, Bounds { bytes: 1 << 20, entries: 10, compressed_bytes: 0 });
        let file = walk.next_entry().unwrap().unwrap();
        assert_eq!(
            (file.kind, file.size_bytes, file.mode, file.modified),
            (EntryKind::File, 3, 0o4755, Some(12))
        );
        assert_eq!(file.path.len(), 202);
        assert_eq!(walk.content(2).unwrap(), None, "longer than asked for");
        assert_eq!(walk.content(3).unwrap().as_deref(), Some(&b"abc"[..]));
        let link = walk.next_entry().unwrap().unwrap();
        assert_eq!((link.kind, link.link), (EntryKind::Symlink, vec![b'c'; 200]));
        assert_eq!(walk.next_entry().unwrap(), None);
    }
}
