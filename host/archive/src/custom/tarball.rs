//! A tarball read entry by entry, bounded in everything: the decoder's memory, what comes out of it, the entries, their paths.
//!
//! It says what is there and judges only whether it can be read. `tar` has the layout of headers; the walk is our own, because a long name or an
//! extended header must not be read into memory before its length was looked at.

use std::io::{self, BufRead, Read};

use liblzma::stream::{CONCATENATED, Stream};

use super::unpack::{Fault, Limits, UnpackError};

const BLOCK_BYTES: usize = 512;
/// The longest header that is an entry of its own, such as a long path.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
const PIECE_BYTES: usize = 32 << 10;
/// What an xz decoder may take: a dictionary of 64 MiB, as `xz -9` makes them, and more.
const DECODER_MEMORY_BYTES: u64 = 136 << 20;
/// The largest window of zstd that is accepted: 128 MiB.
const WINDOW_LOG: u32 = 27;

/// What comes out of a compressed stream, by the ending of its name; none if that is no compression that is known.
pub(super) fn decoder<'r>(ending: &str, packed: impl BufRead + 'r) -> io::Result<Option<Box<dyn Read + 'r>>> {
    Ok(Some(match ending {
        "" => Box::new(packed),
        ".gz" => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        ".bz2" => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        ".xz" => {
            let stream = Stream::new_stream_decoder(DECODER_MEMORY_BYTES, CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(packed, stream))
        }
        ".zst" => {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
        _ => return Ok(None),
    }))
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    /// In words.
    Other(&'static str),
}

/// An entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// As it is in the tarball.
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    /// Where a link leads.
    pub(super) target: Vec<u8>,
    pub(super) mode: u32,
}

/// On its way through a tarball.
pub(super) struct Tarball<'r> {
    reader: &'r mut dyn Read,
    limits: Limits,
    /// How much was read, unpacked.
    offset: u64,
    entries: u64,
    path_bytes: u64,
    /// What is left of the content of the last entry, and what fills its last block.
    left: u64,
    padding: u64,
}

/// What entries before an entry say of it.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size_bytes: Option<u64>,
}

impl<'r> Tarball<'r> {
    pub(super) fn new(reader: &'r mut dyn Read, limits: Limits) -> Self {
        Self { reader, limits, offset: 0, entries: 0, path_bytes: 0, left: 0, padding: 0 }
    }

    /// The next entry; none at the end, which was read to its last byte then.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, UnpackError> {
        self.skip_content()?;
        let mut extended = Extended::default();
        while let Some(header) = self.header()? {
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(Fault::TooMuch { most: self.limits.entries, what: "entries" }.into());
            }
            let declared = header.entry_size().map_err(|error| self.damaged(&error))?;
            let kind = header.entry_type();
            if kind.is_gnu_longname() {
                extended.path = Some(self.text_extension(declared)?);
            } else if kind.is_gnu_longlink() {
                extended.target = Some(self.text_extension(declared)?);
            } else if kind.is_pax_local_extensions() {
                let records = self.extension(declared)?;
                self.read_records(&records, &mut extended)?;
            } else if kind.is_pax_global_extensions() {
                self.extension(declared)?;
            } else {
                return self.entry(&header, extended, declared).map(Some);
            }
        }
        // a decoder has its checksum at the end
        let mut piece = [0; 8 << 10];
        while self.read(&mut piece)? > 0 {}
        Ok(None)
    }

    fn entry(
        &mut self,
        header: &tar::Header,
        extended: Extended,
        declared: u64,
    ) -> Result<Entry, UnpackError> {
        let kind = header.entry_type();
        let kind = if kind.is_file() || kind.is_contiguous() {
            Kind::File
        } else if kind.is_dir() {
            Kind::Folder
        } else if kind.is_symlink() {
            Kind::Link
        } else if kind.is_hard_link() {
            Kind::Other("a hard link")
        } else if kind.is_fifo() {
            Kind::Other("a FIFO")
        } else if kind.is_character_special() || kind.is_block_special() {
            Kind::Other("a device")
        } else if kind.is_gnu_sparse() {
            Kind::Other("a sparse file")
        } else {
            Kind::Other("an entry of unknown kind")
        };
        if matches!(kind, Kind::File) {
            let size = extended.size_bytes.unwrap_or(declared);
            (self.left, self.padding) = (size, padding(size));
        }
        let path = extended.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let target = extended.target.unwrap_or_else(|| {
            header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default()
        });
        self.path_bytes += (path.len() + target.len()) as u64;
        if self.path_bytes > self.limits.path_bytes {
            return Err(Fault::TooMuch { most: self.limits.path_bytes, what: "bytes of names" }.into());
        }
        Ok(Entry { path, kind, target, mode: header.mode().unwrap_or(0) })
    }

    /// Writes the content of the last entry.
    pub(super) fn copy_content(
        &mut self,
        mut write: impl FnMut(&[u8]) -> Result<(), UnpackError>,
    ) -> Result<u64, UnpackError> {
        let (mut piece, mut copied) = (vec![0; PIECE_BYTES], 0);
        while self.left > 0 {
            let most = usize::try_from(self.left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            match self.read(&mut piece[..most])? {
                0 => return Err(self.damaged(&"it ends in the middle of a file").into()),
                read => {
                    write(&piece[..read])?;
                    self.left -= read as u64;
                    copied += read as u64;
                }
            }
        }
        Ok(copied)
    }

    fn skip_content(&mut self) -> Result<(), UnpackError> {
        self.copy_content(|_| Ok(()))?;
        self.left = std::mem::take(&mut self.padding);
        self.copy_content(|_| Ok(()))?;
        Ok(())
    }

    fn header(&mut self) -> Result<Option<tar::Header>, UnpackError> {
        let mut block = [0; BLOCK_BYTES];
        match self.fill(&mut block)? {
            0 => return Ok(None),
            BLOCK_BYTES => {}
            _ => return Err(self.damaged(&"it ends in the middle of a header").into()),
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = tar::Header::from_byte_slice(&block);
        let sum: u32 =
            block[..148].iter().chain(&block[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        if header.cksum().ok() != Some(sum) {
            return Err(self.damaged(&"this is no header: its checksum does not fit").into());
        }
        Ok(Some(header.clone()))
    }

    /// The content of an entry that only says something of the next one.
    fn extension(&mut self, size_bytes: u64) -> Result<Vec<u8>, UnpackError> {
        if size_bytes > MAX_EXTENSION_BYTES {
            return Err(self
                .damaged(&format!("an extended header of {size_bytes} bytes is too long"))
                .into());
        }
        let mut content = vec![0; size_bytes as usize];
        if self.fill(&mut content)? < content.len() {
            return Err(self.damaged(&"it ends in the middle of an extended header").into());
        }
        self.left = padding(size_bytes);
        self.copy_content(|_| Ok(()))?;
        Ok(content)
    }

    /// A text that ends with a zero byte.
    fn text_extension(&mut self, size_bytes: u64) -> Result<Vec<u8>, UnpackError> {
        let mut text = self.extension(size_bytes)?;
        text.truncate(text.iter().position(|byte| *byte == 0).unwrap_or(text.len()));
        Ok(text)
    }

    fn read_records(&self, records: &[u8], extended: &mut Extended) -> Result<(), UnpackError> {
        for record in tar::PaxExtensions::new(records) {
            let record = record.map_err(|error| self.damaged(&error))?;
            match record.key_bytes() {
                b"path" => extended.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => extended.target = Some(record.value_bytes().to_vec()),
                b"size" => {
                    let size = record.value().ok().and_then(|value| value.parse().ok());
                    extended.size_bytes =
                        Some(size.ok_or_else(|| self.damaged(&"a size that is no number"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(self
                        .damaged(&"it has a sparse file: make it with tar without --sparse")
                        .into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads until the buffer is full or the stream ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        loop {
            match self.reader.read(buffer) {
                Ok(read) => {
                    self.offset += read as u64;
                    if self.offset > self.limits.unpacked_bytes {
                        return Err(Fault::TooMuch {
                            most: self.limits.unpacked_bytes,
                            what: "bytes when unpacked",
                        }
                        .into());
                    }
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Decompress { reason: error.to_string() }.into()),
            }
        }
    }

    fn damaged(&self, reason: &dyn std::fmt::Display) -> Fault {
        Fault::Damaged { offset: self.offset, reason: reason.to_string() }
    }
}

/// What fills the last block of so many bytes.
const fn padding(size_bytes: u64) -> u64 {
    let block = BLOCK_BYTES as u64;
    (block - size_bytes % block) % block
}
