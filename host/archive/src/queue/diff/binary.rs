//! Reading a binary package for a comparison: its control fields, its maintainer scripts, its files.

use std::fs::File;
use std::io::BufReader;

use super::Seen;
use super::tree::{Gather, Place};
use crate::domain::{BinaryReleaseId, chain};
use crate::format::ar::ArReader;
use crate::librarian::Librarian;
use crate::store::{Connection, StoreError, upload_queue};

/// What is in a binary package. What cannot be read is a trouble.
pub(super) fn read(
    db: &Connection,
    librarian: &Librarian,
    release: BinaryReleaseId,
) -> Result<Seen, StoreError> {
    let (control, sha256) = upload_queue::binary_text(db, release)?;
    let mut seen = Seen { control, ..Seen::default() };
    let read = match sha256 {
        None => Err("its file is not kept any more".to_owned()),
        Some(sha256) => match librarian.open(&sha256) {
            Ok(file) => members(file, &mut seen),
            Err(error) => Err(chain(&error)),
        },
    };
    seen.troubles.extend(read.err());
    Ok(seen)
}

fn members(file: File, seen: &mut Seen) -> Result<(), String> {
    let mut archive =
        ArReader::new(BufReader::with_capacity(128 * 1024, file)).map_err(|error| chain(&error))?;
    while let Some(member) = archive.next_member().map_err(|error| chain(&error))? {
        let (is_data, ending) =
            match (member.name.strip_prefix("control.tar"), member.name.strip_prefix("data.tar")) {
                (Some(ending), _) => (false, ending),
                (None, Some(ending)) => (true, ending),
                (None, None) => {
                    archive.skip(&member).map_err(|error| chain(&error))?;
                    continue;
                }
            };
        let Seen { files, parts, texts, troubles, .. } = &mut *seen;
        // what is in the control member is no file of the package
        let mut gather = if is_data {
            Gather::new(files, texts, Place::Root, |_| false)
        } else {
            Gather::new(parts, texts, Place::Root, is_script)
        };
        let walked = archive.look(&member, |bytes| gather.walk(ending, bytes, member.size_bytes));
        if gather.is_too_much {
            troubles.push(format!("{} has more files than are compared", member.name));
        }
        walked
            .map_err(|error| chain(&error))?
            .map_err(|error| format!("{}: {}", member.name, chain(&error)))?;
    }
    // the control fields and the digests of files are told otherwise
    for told in [&b"control"[..], b"md5sums"] {
        seen.parts.nodes.remove(told);
    }
    Ok(())
}

fn is_script(path: &[u8]) -> bool {
    path != b"control" && path != b"md5sums"
}
