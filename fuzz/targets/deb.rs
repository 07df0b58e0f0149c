//! A whole binary package, and what its control file says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::{PackageType, PathList, read_deb};
use pressroom_fuzz::{bounded, presentable};

fuzz_target!(|data: &[u8]| {
    match bounded(|| read_deb(data)) {
        Ok((control, digests)) => {
            assert_eq!(digests.size_bytes, data.len() as u64, "every byte is hashed");
            let packed = bounded(|| control.paths.pack().expect("there is memory"));
            assert_eq!(PathList::unpack(&packed).expect("it was packed here"), control.paths);
            if let Err(error) = bounded(|| control.binary(PackageType::Deb)) {
                presentable(&error);
            }
        }
        Err(error) => presentable(&error),
    }
});
