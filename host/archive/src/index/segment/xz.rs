//! The .xz container around segments: one stream, a block for each segment. (The .xz File Format 1.2.1: <https://tukaani.org/xz/xz-file-format.txt>)
//!
//! liblzma makes each block; this only reads how long a block says it is, and writes what stands before the blocks and after them.

use std::io::{self, Write};

use liblzma::stream::{Check, Filters, LzmaOptions, MtStreamBuilder};
use liblzma::write::XzEncoder;

/// Of `xz -6`, with what suits text: no alignment to expect, and more of the letter before. To look for longer matches costs a fifth of the time more,
/// and a hundredth of the size is all it gives.
const PRESET: u32 = 6;
const LITERAL_CONTEXT_BITS: u32 = 4;
const POSITION_BITS: u32 = 0;
const NICE_LENGTH: u32 = 48;
/// The smallest window there is, and the largest that a client is asked to have memory for: what `xz -9` takes.
const LEAST_WINDOW_BYTES: u32 = 4 << 10;
const MOST_WINDOW_BYTES: u32 = 64 << 20;

/// Section 2.1.1: the magic bytes, and CRC64 for the blocks.
const STREAM_FLAGS: [u8; 2] = [0, 4];
const HEADER_BYTES: usize = 12;
pub(super) const FOOTER_BYTES: usize = 12;
const CHECK_BYTES: u64 = 8;
/// Section 3.1.2: the block header says how long the packed data is.
const HAS_PACKED_SIZE: u8 = 0x40;

fn crc32(bytes: &[u8]) -> [u8; 4] {
    crc32fast::hash(bytes).to_le_bytes()
}

/// What stands before the blocks.
pub(super) fn opening() -> Vec<u8> {
    let mut header = b"\xfd7zXZ\0".to_vec();
    header.extend(STREAM_FLAGS);
    header.extend(crc32(&STREAM_FLAGS));
    header
}

/// A text as one block.
pub(super) fn block(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut options = LzmaOptions::new_preset(PRESET)?;
    // a window larger than the block is never used
    let window = u32::try_from(text.len()).unwrap_or(u32::MAX).clamp(LEAST_WINDOW_BYTES, MOST_WINDOW_BYTES);
    options
        .dict_size(window)
        .literal_context_bits(LITERAL_CONTEXT_BITS)
        .position_bits(POSITION_BITS)
        .nice_len(NICE_LENGTH);
    let mut filters = Filters::new();
    filters.lzma2(&options);
    // the encoder for several threads says in each block's header how long the block is
    let stream = MtStreamBuilder::new()
        .threads(1)
        .block_size(u64::try_from(text.len()).unwrap_or(u64::MAX).max(1))
        .filters(filters)
        .check(Check::Crc64)
        .encoder()?;
    let mut encoder = XzEncoder::new_stream(Vec::with_capacity(text.len() / 4), stream);
    encoder.write_all(text)?;
    let stream = encoder.finish()?;
    let footer = stream.last_chunk::<FOOTER_BYTES>().ok_or_else(|| broken("has no footer"))?;
    let end =
        usize::try_from(closing_bytes(footer)).ok().and_then(|closing| stream.len().checked_sub(closing));
    let block = end.and_then(|end| stream.get(HEADER_BYTES..end)).ok_or_else(|| broken("has no block"))?;
    // one block, and one that says its length
    if unpadded_bytes(block)?.next_multiple_of(4) != u64::try_from(block.len()).unwrap_or(u64::MAX) {
        return Err(broken("is not one block"));
    }
    Ok(block.to_vec())
}

/// The length of a closing with this footer (section 2.1.2.2).
pub(super) fn closing_bytes(footer: &[u8; FOOTER_BYTES]) -> u64 {
    let [_, _, _, _, a, b, c, d, ..] = *footer;
    (u64::from(u32::from_le_bytes([a, b, c, d])) + 1) * 4 + 12
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the .xz stream {what}"))
}

/// The size of a block without its padding, as the index has it (section 4.3), from the block's header (section 3.1).
pub(super) fn unpadded_bytes(block: &[u8]) -> io::Result<u64> {
    let [size, flags, rest @ ..] = block else { return Err(broken("has an empty block")) };
    if flags & HAS_PACKED_SIZE == 0 {
        return Err(broken("has a block of unknown length"));
    }
    let header_bytes = (u64::from(*size) + 1) * 4;
    let packed_bytes = read_integer(rest).ok_or_else(|| broken("has a block of a bad length"))?;
    Ok(header_bytes.saturating_add(packed_bytes).saturating_add(CHECK_BYTES))
}

/// What stands after the blocks: the index (section 4) and the footer (section 2.1.2). `blocks` has the unpadded size and the text's size of each.
pub(super) fn closing(blocks: &[(u64, u64)]) -> Vec<u8> {
    let mut index = vec![0];
    write_integer(&mut index, u64::try_from(blocks.len()).unwrap_or(u64::MAX));
    for (unpadded, text) in blocks {
        write_integer(&mut index, *unpadded);
        write_integer(&mut index, *text);
    }
    index.resize(index.len().next_multiple_of(4), 0);
    index.extend(crc32(&index));
    let mut footer = u32::try_from(index.len() / 4 - 1).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    footer.extend(STREAM_FLAGS);
    let check = crc32(&footer);
    index.extend(check);
    index.extend(footer);
    index.extend(b"YZ");
    index
}

/// Section 1.2: seven bits a byte, the lowest first.
fn write_integer(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn read_integer(bytes: &[u8]) -> Option<u64> {
    let mut number = 0;
    for (place, byte) in (0u32..).zip(bytes.iter().take(9)) {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for number in [0, 1, 127, 128, 300, 1 << 20, (1 << 62) + 5] {
            let mut bytes = Vec::new();
            write_integer(&mut bytes, number);
            assert_eq!(read_integer(&bytes), Some(number));
            assert_eq!(read_integer(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn what_is_no_block_has_no_length() {
        for bytes in [&b""[..], &[2], &[2, 0, 1, 1], &[2, 0xc0, 0x80, 0x80]] {
            assert!(unpadded_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
}
