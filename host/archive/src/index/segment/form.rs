//! A segment in a form, such that packed segments between an opening and a closing are one file that any decoder of that form reads as one.
//!
//! gzip: a member for each segment (RFC 1952, section 2.2). xz: a block for each. zstd: a frame for each (RFC 8878, section 3). The same text gives the
//! same bytes: no names, no times.

use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use liblzma::stream::Stream;

use super::xz;
use crate::domain::Compressor;

const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 12;
/// The memory that a decoder of a segment may have: its window is not larger than the segment, and a little.
const DECODER_MEMORY_BYTES: u64 = 256 << 20;

/// What stands before the segments.
pub(in crate::index) fn opening(form: Compressor) -> Vec<u8> {
    match form {
        Compressor::Xz => xz::opening(),
        Compressor::Uncompressed | Compressor::Gz | Compressor::Zst => Vec::new(),
    }
}

/// A segment's text in a form.
///
/// # Errors
/// When an encoder cannot have its memory.
pub(in crate::index) fn pack(text: &[u8], form: Compressor) -> io::Result<Vec<u8>> {
    match form {
        Compressor::Uncompressed => Ok(text.to_vec()),
        Compressor::Gz => {
            let mut encoder =
                GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::new(GZIP_LEVEL));
            encoder.write_all(text)?;
            encoder.finish()
        }
        Compressor::Xz => xz::block(text),
        Compressor::Zst => {
            let mut encoder = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            encoder.compress(text)
        }
    }
}

/// The text of a packed segment.
///
/// # Errors
/// When it is none, or of another length.
pub(in crate::index) fn unpack(packed: &[u8], form: Compressor, text_bytes: usize) -> io::Result<String> {
    let mut text = Vec::with_capacity(text_bytes + 1);
    let limit = u64::try_from(text_bytes).unwrap_or(u64::MAX).saturating_add(1);
    match form {
        Compressor::Uncompressed => text.extend_from_slice(packed),
        Compressor::Gz => drop(GzDecoder::new(packed).take(limit).read_to_end(&mut text)?),
        Compressor::Xz => {
            let mut stream = xz::opening();
            stream.extend_from_slice(packed);
            stream.extend(xz::closing(&[(
                xz::unpadded_bytes(packed)?,
                u64::try_from(text_bytes).unwrap_or(u64::MAX),
            )]));
            let decoder = Stream::new_stream_decoder(DECODER_MEMORY_BYTES, 0)?;
            let reader = liblzma::read::XzDecoder::new_stream(stream.as_slice(), decoder);
            reader.take(limit).read_to_end(&mut text)?;
        }
        Compressor::Zst => {
            zstd::stream::read::Decoder::with_buffer(packed)?.take(limit).read_to_end(&mut text)?;
        }
    }
    if text.len() != text_bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not as long as it was"));
    }
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The end of a file that tells how long its closing is, where a form has one.
pub(in crate::index) const END_BYTES: usize = xz::FOOTER_BYTES;

/// How long the closing is that ends so.
pub(in crate::index) fn closing_bytes(end: &[u8; END_BYTES]) -> u64 {
    xz::closing_bytes(end)
}

/// What is to be known of the packed segments for the closing.
#[derive(Debug, Default)]
pub(in crate::index) struct Closing {
    blocks: Vec<(u64, u64)>,
    segments: usize,
}

impl Closing {
    /// Takes note of the next segment.
    ///
    /// # Errors
    /// When it is none.
    pub(in crate::index) fn note(
        &mut self,
        packed: &[u8],
        form: Compressor,
        text_bytes: u64,
    ) -> io::Result<()> {
        self.segments += 1;
        match form {
            Compressor::Xz => self.blocks.push((xz::unpadded_bytes(packed)?, text_bytes)),
            Compressor::Uncompressed | Compressor::Gz | Compressor::Zst => {}
        }
        Ok(())
    }

    /// What stands after the segments. A form that is nothing but its segments is not empty where there are none.
    ///
    /// # Errors
    /// When an encoder cannot have its memory.
    pub(in crate::index) fn bytes(&self, form: Compressor) -> io::Result<Vec<u8>> {
        match form {
            Compressor::Xz => Ok(xz::closing(&self.blocks)),
            Compressor::Gz | Compressor::Zst if self.segments == 0 => pack(b"", form),
            Compressor::Uncompressed | Compressor::Gz | Compressor::Zst => Ok(Vec::new()),
        }
    }
}

/// Whether a file is what an index without anything in it is in this form.
pub(in crate::index) fn is_empty_file(path: &Path, form: Compressor) -> bool {
    let Ok(end) = Closing::default().bytes(form) else { return false };
    let mut empty = opening(form);
    empty.extend(end);
    let is_as_long = std::fs::symlink_metadata(path).is_ok_and(|file| {
        file.is_file() && usize::try_from(file.len()).is_ok_and(|length| length == empty.len())
    });
    is_as_long && crate::disk::read(path).is_ok_and(|content| content == empty)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::domain::digest::FileDigests;
    use crate::index::text_digests;

    fn file(texts: &[&str], form: Compressor) -> Vec<u8> {
        let (mut file, mut closing) = (opening(form), Closing::default());
        for text in texts {
            let packed = pack(text.as_bytes(), form).unwrap();
            assert_eq!(unpack(&packed, form, text.len()).unwrap(), *text);
            assert_eq!(pack(text.as_bytes(), form).unwrap(), packed, "the same bytes again");
            closing.note(&packed, form, text.len() as u64).unwrap();
            file.extend(packed);
        }
        file.extend(closing.bytes(form).unwrap());
        file
    }

    fn run(program: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().ok()?;
        output.status.success().then_some(output.stdout)
    }

    fn long(seed: u32) -> String {
        (0..40_000u32).map(|number| format!("{} ", number.wrapping_mul(seed) % 977)).collect()
    }

    #[test]
    fn segments_one_after_the_other_are_one_file_to_every_decoder() {
        let (one, two) = (long(7919), long(104_729));
        let cases: [&[&str]; 4] = [&[], &["Package: a\n\n"], &[&one], &[&one, "Package: b\n\n", &two, "x"]];
        for texts in cases {
            let whole = texts.concat();
            for form in Compressor::ALL {
                let file = file(texts, *form);
                assert_eq!(
                    text_digests(file.as_slice(), *form).unwrap(),
                    FileDigests::of(whole.as_bytes()),
                    "{form}"
                );
                let programs: &[&[&str]] = match form {
                    Compressor::Uncompressed => &[],
                    Compressor::Gz => &[
                        &["gzip", "-dc"],
                        &[
                            "python3",
                            "-c",
                            "import gzip,sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))",
                        ],
                    ],
                    Compressor::Xz => &[
                        &["xz", "-dc"],
                        &["xz", "-dc", "-T2"],
                        &[
                            "python3",
                            "-c",
                            "import lzma,sys; sys.stdout.buffer.write(lzma.decompress(sys.stdin.buffer.read()))",
                        ],
                    ],
                    Compressor::Zst => &[&["zstd", "-dc"]],
                };
                for program in programs {
                    let output = run(program, &file);
                    assert!(
                        output.as_deref() == Some(whole.as_bytes()),
                        "{program:?} on {} segments",
                        texts.len()
                    );
                }
            }
        }
    }

    #[test]
    fn a_damaged_segment_is_refused() {
        let text = long(7919);
        for form in [Compressor::Gz, Compressor::Xz] {
            let packed = pack(text.as_bytes(), form).unwrap();
            let mut damaged = packed.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x20;
            assert!(unpack(&damaged, form, text.len()).is_err(), "{form}");
            assert!(unpack(&packed[..packed.len() - 4], form, text.len()).is_err(), "{form}");
            assert!(unpack(&packed, form, text.len() - 1).is_err(), "{form}");
            assert!(unpack(b"", form, 1).is_err(), "{form}");
        }
    }
}
