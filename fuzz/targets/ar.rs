//! The `ar` archive around a package: every member is read, looked at or passed by.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::ar::{ArError, ArReader};
use pressroom_fuzz::{bounded, presentable};

/// The most bytes of a member that is kept.
const MOST_BYTES: u64 = 1 << 20;

fn walk(data: &[u8]) -> Result<u64, ArError> {
    let mut archive = ArReader::new(data)?;
    let mut seen = 0;
    while let Some(member) = archive.next_member()? {
        assert!(member.name.bytes().all(|byte| byte.is_ascii_graphic()), "{:?}", member.name);
        match member.name.len() % 3 {
            0 => archive.skip(&member)?,
            1 => assert_eq!(archive.read(&member, MOST_BYTES)?.len() as u64, member.size_bytes),
            _ => {
                archive.look(&member, |reader| {
                    // not to its end
                    let _ = reader.read(&mut [0; 3]);
                })?;
            }
        }
        seen += member.size_bytes;
    }
    Ok(seen)
}

fuzz_target!(|data: &[u8]| {
    match bounded(|| walk(data)) {
        Ok(seen) => assert!(seen <= data.len() as u64, "more was read than is there"),
        Err(error) => presentable(&error),
    }
});
