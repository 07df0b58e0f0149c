//! Indexes as other repositories pack them: which forms there are, and the text of one, bounded.

use std::io::{self, Read};

use liblzma::stream::{CONCATENATED, Stream};

/// One way in which an index is packed, by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Xz,
    Zst,
    Gz,
    Bz2,
    Lzma,
    Plain,
}

/// The memory that a decoder may have: what the highest levels of xz need, and a little.
const DECODER_MEMORY_BYTES: u64 = 128 << 20;
/// The same for zstd, as the logarithm of its window.
const MOST_WINDOW_LOG: u32 = 27;

impl Form {
    /// The shortest to fetch first.
    pub(super) const ALL: [Self; 6] = [Self::Xz, Self::Zst, Self::Bz2, Self::Gz, Self::Lzma, Self::Plain];

    /// What the name of a file ends with.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Xz => ".xz",
            Self::Zst => ".zst",
            Self::Gz => ".gz",
            Self::Bz2 => ".bz2",
            Self::Lzma => ".lzma",
            Self::Plain => "",
        }
    }

    /// The text, of at most so many bytes.
    pub(super) fn unpack(self, packed: Vec<u8>, most_bytes: u64) -> io::Result<Vec<u8>> {
        let decoder: Box<dyn Read + '_> = match self {
            Self::Plain if packed.len() as u64 <= most_bytes => return Ok(packed),
            Self::Plain => Box::new(packed.as_slice()),
            Self::Gz => Box::new(flate2::read::MultiGzDecoder::new(packed.as_slice())),
            Self::Bz2 => Box::new(bzip2::read::MultiBzDecoder::new(packed.as_slice())),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(DECODER_MEMORY_BYTES, CONCATENATED)?;
                Box::new(liblzma::read::XzDecoder::new_stream(packed.as_slice(), stream))
            }
            Self::Lzma => {
                let stream = Stream::new_lzma_decoder(DECODER_MEMORY_BYTES)?;
                Box::new(liblzma::read::XzDecoder::new_stream(packed.as_slice(), stream))
            }
            Self::Zst => {
                let mut decoder = zstd::stream::read::Decoder::new(packed.as_slice())?;
                decoder.window_log_max(MOST_WINDOW_LOG)?;
                Box::new(decoder)
            }
        };
        let mut text = Vec::new();
        decoder.take(most_bytes.saturating_add(1)).read_to_end(&mut text)?;
        if text.len() as u64 > most_bytes {
            return Err(io::Error::other(format!("it unpacks to more than {most_bytes} bytes")));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(text: &[u8], form: Form) -> Vec<u8> {
        match form {
            Form::Plain => text.to_vec(),
            Form::Gz => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Form::Bz2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Form::Xz => liblzma::encode_all(text, 1).unwrap(),
            Form::Lzma => {
                let options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
                let stream = Stream::new_lzma_encoder(&options).unwrap();
                let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Form::Zst => zstd::bulk::compress(text, 1).unwrap(),
        }
    }

    #[test]
    fn every_form_gives_its_text_up_to_a_bound() {
        let text = b"Package: hello\n\n".repeat(1000);
        for form in Form::ALL {
            let file = packed(&text, form);
            assert_eq!(form.unpack(file.clone(), text.len() as u64).unwrap(), text, "{form:?}");
            let refused = form.unpack(file, text.len() as u64 - 1).unwrap_err().to_string();
            assert!(refused.contains("more than"), "{form:?}: {refused}");
        }
    }

    #[test]
    fn a_little_file_does_not_fill_the_memory() {
        let bomb = vec![0; 64 << 20];
        for form in [Form::Xz, Form::Gz, Form::Zst, Form::Bz2] {
            assert!(form.unpack(packed(&bomb, form), 1 << 20).is_err(), "{form:?}");
        }
    }

    #[test]
    fn what_is_no_such_form_or_cut_off_is_refused() {
        for form in [Form::Xz, Form::Gz, Form::Zst, Form::Bz2] {
            assert!(form.unpack(b"Package: hello".to_vec(), 1000).is_err(), "{form:?}");
            let mut cut = packed(&b"Package: hello\n\n".repeat(50), form);
            cut.truncate(cut.len() - 3);
            assert!(form.unpack(cut, 10_000).is_err(), "{form:?}");
        }
    }
}
