//! The `ar` archive around a Debian package (deb(5)): a magic, then members of a header and so many bytes.
//!
//! Reads forwards only and once, trusts no size, keeps nothing but what is asked for. Knows nothing of packages.
//! Long member names of the GNU and BSD kinds are not understood, since deb(5) does not have them.

use std::io::{self, BufRead, Read};

use crate::domain::plain::shown;

/// A file that is no `ar` archive, or that ends too early.
#[derive(Debug, thiserror::Error)]
pub enum ArError {
    /// The first bytes are not those of an archive.
    #[error("the file is no ar archive: it does not begin with \"!<arch>\"")]
    Magic,
    /// Where a member has to begin stands something else.
    #[error(
        "there is no member header at byte {offset}: the file is cut off, damaged, or has garbage at its end"
    )]
    Header {
        /// Where the header was to be.
        offset: u64,
    },
    /// A header without a name that can be read.
    #[error("the member header at byte {offset} has the name {value}, which cannot be used")]
    Name {
        /// Where the header is.
        offset: u64,
        /// What is there, quoted.
        value: String,
    },
    /// A header without a size.
    #[error("the member {member} has {value} as its size, which is no number")]
    Size {
        /// The member.
        member: String,
        /// What is there, quoted.
        value: String,
    },
    /// A member that says it is longer than the rest of the file.
    #[error("the member {member} has {present_bytes} bytes of the {declared_bytes} that its header declares")]
    Truncated {
        /// The member.
        member: String,
        /// How long it says it is.
        declared_bytes: u64,
        /// How much of it is there.
        present_bytes: u64,
    },
    /// A member of odd size without the byte that makes it even.
    #[error("the padding byte after the member {member} is missing: the file is cut off")]
    Padding {
        /// The member.
        member: String,
    },
    /// A member that is too long to be kept.
    #[error("the member {member} has {declared_bytes} bytes, but may have {most} at most")]
    TooLong {
        /// The member.
        member: String,
        /// How long it says it is.
        declared_bytes: u64,
        /// How long it may be.
        most: u64,
    },
    /// The file could not be read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
}

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER_BYTES: usize = 60;

/// A member that begins: its name without blanks and without the slash that some writers end it with, and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name, printable ASCII.
    pub name: String,
    /// How many bytes the header declares.
    pub size_bytes: u64,
}

/// Reads the members of an archive one after the other.
#[derive(Debug)]
pub struct ArReader<R> {
    inner: R,
    offset: u64,
}

impl<R: BufRead> ArReader<R> {
    /// Reads the magic.
    ///
    /// # Errors
    /// It is not there.
    pub fn new(inner: R) -> Result<Self, ArError> {
        let mut archive = Self { inner, offset: 0 };
        let mut magic = [0; MAGIC.len()];
        if archive.fill(&mut magic)? < magic.len() || magic != *MAGIC {
            return Err(ArError::Magic);
        }
        Ok(archive)
    }

    /// The header that comes next, none at the end of the file. The bytes of the member before it have to be taken,
    /// by [`Self::read`] or [`Self::skip`].
    ///
    /// # Errors
    /// There is something else than a header.
    pub fn next_member(&mut self) -> Result<Option<Member>, ArError> {
        let offset = self.offset;
        let mut header = [0; HEADER_BYTES];
        match self.fill(&mut header)? {
            0 => return Ok(None),
            HEADER_BYTES if header.ends_with(b"`\n") => {}
            _ => return Err(ArError::Header { offset }),
        }
        let name = header[..16].trim_ascii_end();
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let name = match str::from_utf8(name) {
            Ok(text) if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) => text.to_owned(),
            _ => return Err(ArError::Name { offset, value: shown(&String::from_utf8_lossy(name)) }),
        };
        let size = header[48..58].trim_ascii_end();
        let size_bytes = str::from_utf8(size)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok());
        let Some(size_bytes) = size_bytes else {
            return Err(ArError::Size { member: name, value: shown(&String::from_utf8_lossy(size)) });
        };
        Ok(Some(Member { name, size_bytes }))
    }

    /// The bytes of the member, if they are not more than `most`.
    ///
    /// # Errors
    /// They are more, or not all there.
    pub fn read(&mut self, member: &Member, most: u64) -> Result<Vec<u8>, ArError> {
        if member.size_bytes > most {
            return Err(ArError::TooLong {
                member: member.name.clone(),
                declared_bytes: member.size_bytes,
                most,
            });
        }
        let expected = usize::try_from(member.size_bytes).unwrap_or(usize::MAX).min(MOST_RESERVED_BYTES);
        let mut data = Vec::with_capacity(expected);
        self.take(member, |reader| reader.read_to_end(&mut data).map(|read| read as u64))?;
        Ok(data)
    }

    /// Lets `look` read the bytes of the member, as many as it likes, and passes by the rest.
    ///
    /// # Errors
    /// They are not all there, or cannot be read. What `look` says is then of no account.
    pub fn look<T>(
        &mut self,
        member: &Member,
        look: impl FnOnce(&mut dyn BufRead) -> T,
    ) -> Result<T, ArError> {
        let mut seen = None;
        self.take(member, |reader| {
            let mut watched = Watched { inner: reader, passed: 0, failed: None };
            seen = Some(look(&mut watched));
            match watched.failed.take() {
                None => watched.pass_by(),
                Some(error) => Err(error),
            }
        })?;
        // `take` has called it
        seen.ok_or_else(|| ArError::Read(io::ErrorKind::Other.into()))
    }

    /// Passes by the bytes of the member.
    ///
    /// # Errors
    /// They are not all there.
    pub fn skip(&mut self, member: &Member) -> Result<(), ArError> {
        self.look(member, |_| ())
    }

    fn take(
        &mut self,
        member: &Member,
        read: impl FnOnce(&mut io::Take<&mut R>) -> io::Result<u64>,
    ) -> Result<(), ArError> {
        let present_bytes = read(&mut self.inner.by_ref().take(member.size_bytes)).map_err(ArError::Read)?;
        self.offset += present_bytes;
        if present_bytes < member.size_bytes {
            return Err(ArError::Truncated {
                member: member.name.clone(),
                declared_bytes: member.size_bytes,
                present_bytes,
            });
        }
        // Members begin at even bytes.
        if member.size_bytes % 2 == 1 && self.fill(&mut [0])? == 0 {
            return Err(ArError::Padding { member: member.name.clone() });
        }
        Ok(())
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArError::Read(error)),
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }
}

/// Counts what is read, and remembers how the reading failed, so that a failing disk is told from a bad content.
struct Watched<'r, R> {
    inner: &'r mut R,
    passed: u64,
    failed: Option<io::Error>,
}

impl<R: BufRead> Watched<'_, R> {
    /// Reads to the end, and says how much there was in all.
    fn pass_by(&mut self) -> io::Result<u64> {
        loop {
            match self.inner.fill_buf() {
                Ok([]) => return Ok(self.passed),
                Ok(buffer) => {
                    let length = buffer.len();
                    self.consume(length);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The error for who looks; the true one is kept.
    fn note(failed: &mut Option<io::Error>, error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind != io::ErrorKind::Interrupted {
            *failed = Some(error);
        }
        kind.into()
    }
}

impl<R: BufRead> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|error| Self::note(&mut self.failed, error))?;
        self.passed += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Watched<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let failed = &mut self.failed;
        self.inner.fill_buf().map_err(|error| Self::note(failed, error))
    }

    fn consume(&mut self, length: usize) {
        self.passed += length as u64;
        self.inner.consume(length);
    }
}

/// What a header declares is not believed beyond this before it is there.
const MOST_RESERVED_BYTES: usize = 64 * 1024;
