//! The forms of an index file. The same text gives the same bytes: no names, no times, blocks of a fixed size.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use liblzma::stream::{CONCATENATED, Check, Filters, LzmaOptions, MtStreamBuilder, Stream};
use liblzma::write::XzEncoder;

use crate::domain::Compressor;
use crate::domain::digest::{FileDigests, digest_reader};

/// xz works in blocks of so much text, each for itself, so that both cores have one. 1 MiB costs 4.5% over one block.
const XZ_BLOCK_BYTES: u32 = 1 << 20;
const XZ_PRESET: u32 = 6;
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 12;

/// A text in a form.
///
/// # Errors
/// When an encoder cannot have its memory.
pub fn compress(text: &[u8], form: Compressor) -> io::Result<Vec<u8>> {
    match form {
        Compressor::Uncompressed => Ok(text.to_vec()),
        Compressor::Gz => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
            encoder.write_all(text)?;
            encoder.finish()
        }
        Compressor::Xz => {
            let mut options = LzmaOptions::new_preset(XZ_PRESET)?;
            // a window larger than a block is never used
            options.dict_size(XZ_BLOCK_BYTES);
            let mut filters = Filters::new();
            filters.lzma2(&options);
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let stream = MtStreamBuilder::new()
                .threads(u32::try_from(threads).unwrap_or(1).min(8))
                .block_size(u64::from(XZ_BLOCK_BYTES))
                .filters(filters)
                .check(Check::Crc64)
                .encoder()?;
            let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(text)?;
            encoder.finish()
        }
        Compressor::Zst => zstd::bulk::compress(text, ZSTD_LEVEL),
    }
}

/// The longest text that a form is unpacked to, to learn its digests.
const MAX_TEXT_BYTES: u64 = 4 << 30;
/// The memory that a decoder may have: what the highest levels of xz need, and a little.
const DECODER_MEMORY_BYTES: u64 = 128 << 20;

/// The digests of the text that a form carries, without keeping it.
///
/// # Errors
/// When it is no such form, or carries too much.
pub fn text_digests(packed: impl Read, form: Compressor) -> io::Result<FileDigests> {
    let mut reader: Box<dyn Read + '_> = match form {
        Compressor::Uncompressed => Box::new(packed),
        Compressor::Gz => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        Compressor::Xz => {
            let stream = Stream::new_stream_decoder(DECODER_MEMORY_BYTES, CONCATENATED)?;
            Box::new(liblzma::read::XzDecoder::new_stream(packed, stream))
        }
        Compressor::Zst => Box::new(zstd::stream::read::Decoder::new(packed)?),
    };
    let digests = digest_reader((&mut reader).take(MAX_TEXT_BYTES + 1))?;
    if digests.size_bytes > MAX_TEXT_BYTES {
        return Err(io::Error::other("it unpacks to more than 4 GiB"));
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_the_text_back_and_the_same_bytes_again() {
        let long: Vec<u8> =
            (0..3_000_000u32).flat_map(|number| (number / 7).to_le_bytes()).take(3_000_000).collect();
        for text in [&b""[..], b"Package: hello\n\n", &long] {
            for form in Compressor::ALL {
                let packed = compress(text, *form).unwrap();
                assert_eq!(text_digests(packed.as_slice(), *form).unwrap(), FileDigests::of(text), "{form}");
                assert_eq!(compress(text, *form).unwrap(), packed, "{form}");
            }
        }
    }

    #[test]
    fn what_is_no_such_form_is_refused() {
        for form in [Compressor::Gz, Compressor::Xz, Compressor::Zst] {
            assert!(text_digests(&b"Package: hello"[..], form).is_err(), "{form}");
            let packed = compress(b"Package: hello", form).unwrap();
            assert!(text_digests(&packed[..packed.len() - 3], form).is_err(), "{form}");
        }
    }
}
