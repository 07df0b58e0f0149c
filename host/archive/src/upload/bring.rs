//! Bringing a file to the librarian while somebody reads it: every byte once, and what is hashed is what is kept.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::disk::{DiskError, During};
use crate::librarian::{Deposit, Librarian, Sealed, Shared};
use crate::work::{Work, count_bytes};

/// So much is passed over at a time.
const PIECE_BYTES: usize = 128 * 1024;

/// A file that was brought.
pub(super) struct Brought<T> {
    /// What was read of it, on its way in.
    pub(super) sealed: Sealed,
    /// What the reader made of it.
    pub(super) seen: T,
    /// Where reading the file itself has failed: the reader saw it as an end or an error.
    pub(super) source_error: Option<io::Error>,
}

/// Brings at most so many bytes of a file to the librarian while `look` reads them; all that `look` has read is what was brought. `path` is for
/// errors.
///
/// # Errors
/// When the librarian's disk fails.
pub(super) fn bring<T>(
    librarian: &Librarian,
    path: &Path,
    file: File,
    most_bytes: u64,
    look: impl FnOnce(&mut dyn Read) -> T,
) -> Result<Brought<T>, DiskError> {
    match librarian.share(&file)? {
        Some(shared) => Ok(bring_shared(shared, most_bytes, look)),
        None => bring_stream(librarian, path, Counted(file), most_bytes, look),
    }
}

/// The same, of a file that the librarian has in its hands already.
pub(super) fn bring_shared<T>(
    mut shared: Shared,
    most_bytes: u64,
    look: impl FnOnce(&mut dyn Read) -> T,
) -> Brought<T> {
    let mut source = Source { reader: &mut shared, failed: None };
    let seen = look(&mut (&mut source).take(most_bytes));
    let source_error = source.failed;
    Brought { sealed: shared.seal(), seen, source_error }
}

/// The same, of what comes from elsewhere.
///
/// # Errors
/// When the librarian's disk fails.
pub(super) fn bring_stream<T>(
    librarian: &Librarian,
    path: &Path,
    reader: impl Read,
    most_bytes: u64,
    look: impl FnOnce(&mut dyn Read) -> T,
) -> Result<Brought<T>, DiskError> {
    let mut tee =
        Tee { source: Source { reader, failed: None }, deposit: librarian.deposit()?, failed: None };
    let seen = look(&mut (&mut tee).take(most_bytes));
    // a failure of the librarian's disk is not the package's fault
    match tee.failed {
        None => Ok(Brought { sealed: tee.deposit.seal(), seen, source_error: tee.source.failed }),
        Some(error) => Err(error).during("keep", path),
    }
}

/// Reads to the end.
pub(super) fn drain(reader: &mut dyn Read) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Remembers the error that a reader above may take for its own.
struct Source<R> {
    reader: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
            read => read,
        }
    }
}

/// A file of a disk, counted.
struct Counted(File);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        count_bytes(Work::BytesRead, read);
        Ok(read)
    }
}

/// Reads something and gives all that was read to the librarian, so that it is read once.
struct Tee<R> {
    source: Source<R>,
    deposit: Deposit,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        if let Err(error) = self.deposit.write_all(&buffer[..read]) {
            let kind = error.kind();
            self.failed = Some(error);
            return Err(kind.into());
        }
        Ok(read)
    }
}
