//! Reading files, counted.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::{DiskError, During};
use crate::work::{Work, count, count_bytes};

/// A file open for reading. That it was opened is counted, and every byte that it gives.
#[derive(Debug)]
pub struct Reader(File);

/// Opens a file to read it.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> Result<Reader, DiskError> {
    let file = File::open(path).during("read", path)?;
    count(Work::FilesOpened, 1);
    Ok(Reader(file))
}

/// Reads a whole file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, DiskError> {
    let mut content = Vec::new();
    open(path)?.read_to_end(&mut content).during("read", path)?;
    Ok(content)
}

impl Reader {
    /// What the system knows of the file.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        count_bytes(Work::BytesRead, length);
        Ok(length)
    }

    // the file's own way makes room for all of it at once
    fn read_to_end(&mut self, content: &mut Vec<u8>) -> io::Result<usize> {
        let length = self.0.read_to_end(content)?;
        count_bytes(Work::BytesRead, length);
        Ok(length)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_staged;
    use crate::work::Counts;

    #[test]
    fn what_is_read_is_counted_and_seeking_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_staged(&path, &[7; 70_000]).unwrap();
        let before = Counts::now();
        assert_eq!(read(&path).unwrap().len(), 70_000);
        let mut file = open(&path).unwrap();
        file.seek(SeekFrom::End(-5)).unwrap();
        assert_eq!(file.read(&mut [0; 9]).unwrap(), 5);
        // other tests of this process count too
        let since = Counts::now().since(&before);
        assert!(since.of(Work::FilesOpened) >= 2 && since.of(Work::BytesRead) >= 70_005, "{since:?}");
        assert!(open(&folder.path().join("none")).is_err());
    }
}
