//! The forms of an index file. The same text gives the same bytes: no names, no times, blocks of a fixed size.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use liblzma::stream::{Check, Filters, LzmaOptions, MtStreamBuilder};
use liblzma::write::XzEncoder;

use crate::domain::Compressor;

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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpacked(packed: &[u8], form: Compressor) -> Vec<u8> {
        let mut text = Vec::new();
        match form {
            Compressor::Uncompressed => text.extend(packed),
            Compressor::Gz => drop(flate2::read::GzDecoder::new(packed).read_to_end(&mut text).unwrap()),
            Compressor::Xz => drop(liblzma::read::XzDecoder::new(packed).read_to_end(&mut text).unwrap()),
            Compressor::Zst => text = zstd::stream::decode_all(packed).unwrap(),
        }
        text
    }

    #[test]
    fn every_form_gives_the_text_back_and_the_same_bytes_again() {
        let long: Vec<u8> =
            (0..3_000_000u32).flat_map(|number| (number / 7).to_le_bytes()).take(3_000_000).collect();
        for text in [&b""[..], b"Package: hello\n\n", &long] {
            for form in Compressor::ALL {
                let packed = compress(text, *form).unwrap();
                assert_eq!(unpacked(&packed, *form), text, "{form}");
                assert_eq!(compress(text, *form).unwrap(), packed, "{form}");
            }
        }
    }
}
