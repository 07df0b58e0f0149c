//! The text that a file in one of the forms carries, whoever has made the file.

use std::io::{self, Read};

use liblzma::stream::{CONCATENATED, Stream};

use crate::domain::Compressor;
use crate::domain::digest::{FileDigests, digest_reader};

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
    use std::io::Write;

    use super::*;

    fn packed(text: &[u8], form: Compressor) -> Vec<u8> {
        match form {
            Compressor::Uncompressed => text.to_vec(),
            Compressor::Gz => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Compressor::Xz => liblzma::encode_all(text, 1).unwrap(),
            Compressor::Zst => zstd::bulk::compress(text, 1).unwrap(),
        }
    }

    #[test]
    fn the_text_is_found_in_every_form_and_through_several_members() {
        for form in Compressor::ALL {
            let mut file = packed(b"Package: hello\n\n", *form);
            file.extend(packed(b"Package: world\n\n", *form));
            let whole = FileDigests::of(b"Package: hello\n\nPackage: world\n\n");
            assert_eq!(text_digests(file.as_slice(), *form).unwrap(), whole, "{form}");
        }
    }

    #[test]
    fn what_is_no_such_form_is_refused() {
        for form in [Compressor::Gz, Compressor::Xz, Compressor::Zst] {
            assert!(text_digests(&b"Package: hello"[..], form).is_err(), "{form}");
            let packed = packed(b"Package: hello", form);
            assert!(text_digests(&packed[..packed.len() - 3], form).is_err(), "{form}");
        }
    }
}
