//! Binary packages (deb(5)): `.deb`, `.udeb` and `.ddeb` files.
//!
//! A package is read once, front to back: its control file is taken out, its data is listed by [`super::contents`], and
//! every byte goes through the hasher on its way. Decides whether the file has the members of a package and a control
//! file that can be read; what the control file says is read by [`super::binary_control`].
//!
//! Stricter than dpkg, which stops reading at the data: the members behind it are looked at, and have to be
//! private ones (`_gpgorigin`), so that two readers cannot find two different packages in one file.

use std::io::{self, BufRead, BufReader, Read};

use super::ar::{ArError, ArReader, Member};
use super::binary_control::{BinaryControl, BinaryControlError, PackageType};
use super::control::{self, ControlError, MAX_CONTROL_BYTES};
use super::package_paths::{self, ContentsError, PathList};
use super::tarball::MemberDates;
use crate::domain::FileDigests;
use crate::domain::digest::DigestReader;
use crate::domain::plain::{Said, shown};

/// The longest control member, in bytes, as it is in the file and also when decompressed.
pub const MAX_CONTROL_MEMBER_BYTES: u64 = 16 * 1024 * 1024;

/// The most memory that a decoder may ask for: what the highest levels of xz and zstd need.
pub(super) const MAX_DECODER_MEMORY_BYTES: u64 = 136 * 1024 * 1024;
/// The same for zstd, as the logarithm of its window.
pub(super) const MAX_WINDOW_LOG: u32 = 27;

/// A file that is no binary package, or that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// The archive around the members is malformed.
    #[error(transparent)]
    Archive(#[from] ArError),
    /// The first member is not `debian-binary`.
    #[error("the first member is {found}, not debian-binary: this is no Debian package")]
    NotDebian {
        /// What it is.
        found: String,
    },
    /// `debian-binary` tells of another format than 2.
    #[error("the package has the format version {value}; only 2.0 and its minor versions are read")]
    FormatVersion {
        /// What `debian-binary` holds, quoted.
        value: String,
    },
    /// A member where another has to be.
    #[error("there is a member {found} where {expected} has to be")]
    Unexpected {
        /// What is there.
        found: String,
        /// What has to be there.
        expected: &'static str,
    },
    /// A member that is there already.
    #[error("there is a second member of this kind: {member}")]
    Duplicate {
        /// The second.
        member: String,
    },
    /// The file ends before it.
    #[error("the member {member} is missing: the file is cut off or was not made by dpkg-deb")]
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A member without content.
    #[error("the member {member} is empty")]
    Empty {
        /// The member.
        member: String,
    },
    /// A compression that the packaging tools of the archive do not all know.
    #[error("the compression of {member} is not known; build the package with {known}")]
    Compression {
        /// The member.
        member: String,
        /// Those that are known.
        known: &'static str,
    },
    /// The control member is damaged.
    #[error("the member {member} cannot be decompressed")]
    Decompress {
        /// The member.
        member: String,
        /// What the decoder said.
        #[source]
        reason: io::Error,
    },
    /// The control member grows too large.
    #[error("the member {member} has more than {MAX_CONTROL_MEMBER_BYTES} bytes when decompressed")]
    Bomb {
        /// The member.
        member: String,
    },
    /// The control member holds no tar archive.
    #[error("the tar archive in {member} cannot be read")]
    Tar {
        /// The member.
        member: String,
        /// What the reader said.
        #[source]
        reason: io::Error,
    },
    /// The control member has no file `control`.
    #[error("there is no file control in {member}")]
    NoControlFile {
        /// The member.
        member: String,
    },
    /// The control member has more than one.
    #[error("there is a second file control in {member}")]
    SecondControlFile {
        /// The member.
        member: String,
    },
    /// `control` is a link or a directory.
    #[error("control in {member} is not a regular file")]
    ControlFileKind {
        /// The member.
        member: String,
    },
    /// The control file is malformed.
    #[error("the control file of the package cannot be read")]
    Control(#[source] ControlError),
    /// The data member cannot be listed.
    #[error("the files in the member {member} cannot be listed")]
    Contents {
        /// The member.
        member: String,
        /// Why.
        #[source]
        reason: ContentsError,
    },
}

/// What was found in a binary package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebControl {
    /// The control file as it is in the package: one well-formed paragraph.
    pub text: String,
    /// The name of the control member, `control.tar.xz`.
    pub control_member: String,
    /// The name of the data member, `data.tar.xz`.
    pub data_member: String,
    /// How long the data member is, compressed.
    pub data_bytes: u64,
    /// The paths in it.
    pub paths: PathList,
    /// The oldest and the newest entry of both members.
    pub dates: MemberDates,
}

impl DebControl {
    /// Names and raw values of the control file in order; takes no memory.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        control::pairs(&self.text)
    }

    /// What the control file says.
    ///
    /// # Errors
    /// A mandatory field is missing, or one is malformed.
    pub fn binary(&self, package_type: PackageType) -> Result<BinaryControl, BinaryControlError> {
        BinaryControl::parse(&self.text, package_type)
    }
}

/// Reads a whole package: its control file, and the digests of all its bytes.
///
/// # Errors
/// The file is no well-formed package, or cannot be read ([`ArError::Read`]).
pub fn read_deb(reader: impl Read) -> Result<(DebControl, FileDigests), DebError> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, DigestReader::new(reader));
    let control = read_deb_control(&mut reader)?;
    Ok((control, reader.into_inner().finish()))
}

/// As [`read_deb`], where somebody else takes the digests. After success the reader is at its end.
///
/// # Errors
/// As there.
pub fn read_deb_control(reader: impl BufRead) -> Result<DebControl, DebError> {
    let mut archive = ArReader::new(reader)?;

    let first = archive.next_member()?.ok_or(DebError::Missing { member: FORMAT_MEMBER })?;
    if first.name != FORMAT_MEMBER {
        return Err(DebError::NotDebian { found: first.name });
    }
    check_format(&archive.read(&first, MAX_FORMAT_BYTES)?)?;

    let control = next_public(&mut archive)?.ok_or(DebError::Missing { member: CONTROL_MEMBER })?;
    let compression = control_compression(&control)?;
    let (text, mut dates) =
        read_control(&control.name, compression, &archive.read(&control, MAX_CONTROL_MEMBER_BYTES)?)?;

    let data = next_public(&mut archive)?.ok_or(DebError::Missing { member: DATA_MEMBER })?;
    let ending = check_data(&data)?;
    let (paths, data_dates) = archive
        .look(&data, |member| package_paths::list(ending, member, data.size_bytes))?
        .map_err(|reason| DebError::Contents { member: data.name.clone(), reason })?;
    dates.join(data_dates);

    if let Some(extra) = next_public(&mut archive)? {
        return Err(match kind(&extra.name) {
            Kind::Format | Kind::Control(_) | Kind::Data(_) => DebError::Duplicate { member: extra.name },
            Kind::Other => DebError::Unexpected { found: extra.name, expected: "the end of the file" },
        });
    }
    Ok(DebControl {
        text,
        control_member: control.name,
        data_member: data.name,
        data_bytes: data.size_bytes,
        paths,
        dates,
    })
}

const BUFFER_BYTES: usize = 128 * 1024;
const FORMAT_MEMBER: &str = "debian-binary";
const CONTROL_MEMBER: &str = "control.tar";
const DATA_MEMBER: &str = "data.tar";
const MAX_FORMAT_BYTES: u64 = 1024;

/// The member after the private ones, whose names begin with an underscore and which readers pass by.
fn next_public<R: BufRead>(archive: &mut ArReader<R>) -> Result<Option<Member>, ArError> {
    while let Some(member) = archive.next_member()? {
        if !member.name.starts_with('_') {
            return Ok(Some(member));
        }
        archive.skip(&member)?;
    }
    Ok(None)
}

/// What a member is, with the ending that tells its compression.
enum Kind<'n> {
    Format,
    Control(&'n str),
    Data(&'n str),
    Other,
}

fn kind(name: &str) -> Kind<'_> {
    let of_tar = |tar| name.strip_prefix(tar).filter(|ending| ending.is_empty() || ending.starts_with('.'));
    if name == FORMAT_MEMBER {
        Kind::Format
    } else if let Some(ending) = of_tar(CONTROL_MEMBER) {
        Kind::Control(ending)
    } else if let Some(ending) = of_tar(DATA_MEMBER) {
        Kind::Data(ending)
    } else {
        Kind::Other
    }
}

/// `2.0`, or another minor version, which has to stay readable; more lines may follow.
fn check_format(content: &[u8]) -> Result<(), DebError> {
    let minor = content
        .strip_prefix(b"2.")
        .and_then(|rest| rest.split(|byte| *byte == b'\n').next().filter(|line| line.len() < rest.len()));
    match minor {
        Some(minor) if !minor.is_empty() && minor.iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err(DebError::FormatVersion { value: shown(&String::from_utf8_lossy(content)) }),
    }
}

/// How the control member is compressed.
#[derive(Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

fn control_compression(member: &Member) -> Result<Compression, DebError> {
    match kind(&member.name) {
        Kind::Control("") => Ok(Compression::None),
        Kind::Control(".gz") => Ok(Compression::Gzip),
        Kind::Control(".xz") => Ok(Compression::Xz),
        Kind::Control(".zst") => Ok(Compression::Zstd),
        Kind::Control(_) => Err(DebError::Compression {
            member: member.name.clone(),
            known: "gzip, xz, zstd or none for the control member",
        }),
        Kind::Format => Err(DebError::Duplicate { member: member.name.clone() }),
        Kind::Data(_) | Kind::Other => {
            Err(DebError::Unexpected { found: member.name.clone(), expected: "the control member" })
        }
    }
}

/// The ending that tells how the data member is compressed.
fn check_data(member: &Member) -> Result<&str, DebError> {
    let name = || member.name.clone();
    match kind(&member.name) {
        Kind::Data("" | ".gz" | ".xz" | ".zst" | ".bz2" | ".lzma") if member.size_bytes == 0 => {
            Err(DebError::Empty { member: name() })
        }
        Kind::Data(ending @ ("" | ".gz" | ".xz" | ".zst" | ".bz2" | ".lzma")) => Ok(ending),
        Kind::Data(_) => Err(DebError::Compression {
            member: name(),
            known: "gzip, xz, zstd, bzip2, lzma or none for the data member",
        }),
        Kind::Format | Kind::Control(_) => Err(DebError::Duplicate { member: name() }),
        Kind::Other => Err(DebError::Unexpected { found: name(), expected: "the data member" }),
    }
}

/// The control file out of the bytes of the control member.
fn read_control(
    member: &str,
    compression: Compression,
    compressed: &[u8],
) -> Result<(String, MemberDates), DebError> {
    let tar = decompress(compression, compressed)
        .map_err(|reason| DebError::Decompress { member: member.to_owned(), reason })?;
    if tar.len() as u64 > MAX_CONTROL_MEMBER_BYTES {
        return Err(DebError::Bomb { member: member.to_owned() });
    }
    let (content, dates) = find_control(member, &tar)?;
    let text = control::text(&content).map_err(DebError::Control)?;
    control::single_paragraph(text).map_err(DebError::Control)?;
    Ok((text.to_owned(), dates))
}

/// All that comes out of the decoder, or one byte more than is allowed. Reading to the end also makes the decoder
/// check its checksums.
fn decompress(compression: Compression, compressed: &[u8]) -> io::Result<Vec<u8>> {
    use liblzma::stream::{CONCATENATED, Stream};
    // tar pads to 10 KiB, which most control members do not exceed
    let mut out = Vec::with_capacity(16 * 1024);
    let most = MAX_CONTROL_MEMBER_BYTES + 1;
    match compression {
        Compression::None => out.extend_from_slice(compressed),
        Compression::Gzip => {
            flate2::bufread::MultiGzDecoder::new(compressed).take(most).read_to_end(&mut out)?;
        }
        Compression::Xz => {
            let decoder = Stream::new_stream_decoder(MAX_DECODER_MEMORY_BYTES, CONCATENATED)?;
            let decoder = liblzma::bufread::XzDecoder::new_stream(compressed, decoder);
            decoder.take(most).read_to_end(&mut out)?;
        }
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(compressed)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            decoder.take(most).read_to_end(&mut out)?;
        }
    }
    Ok(out)
}

fn find_control(member: &str, tar: &[u8]) -> Result<(Vec<u8>, MemberDates), DebError> {
    // the library repeats what stands in the archive
    let failed = |reason: io::Error| DebError::Tar {
        member: member.to_owned(),
        reason: io::Error::new(reason.kind(), Said::by(reason)),
    };
    let mut found = None;
    let mut dates = MemberDates::default();
    for entry in tar::Archive::new(tar).entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Ok(modified) = entry.header().mtime() {
            dates.see(modified.cast_signed(), &entry.path_bytes());
        }
        if !is_control(&entry.path_bytes()) {
            continue;
        }
        if found.is_some() {
            return Err(DebError::SecondControlFile { member: member.to_owned() });
        }
        if !entry.header().entry_type().is_file() {
            return Err(DebError::ControlFileKind { member: member.to_owned() });
        }
        let declared_bytes = entry.size();
        let mut content = Vec::new();
        // One byte more than is allowed, for `control::text` to refuse it.
        entry.take(MAX_CONTROL_BYTES as u64 + 1).read_to_end(&mut content).map_err(failed)?;
        if (content.len() as u64) < declared_bytes.min(MAX_CONTROL_BYTES as u64) {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        found = Some(content);
    }
    found.map(|content| (content, dates)).ok_or_else(|| DebError::NoControlFile { member: member.to_owned() })
}

/// Whether unpacking the entry would write `control`: `./control`, and however else it may be spelled.
fn is_control(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.next() == Some(b"control") && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const HELLO: &[u8] = b"Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n\
        Description: greets\n";

    /// An archive of these members, as dpkg-deb writes it.
    fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = b"!<arch>\n".to_vec();
        for (name, data) in members {
            writeln!(out, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", data.len()).unwrap();
            out.extend_from_slice(data);
            out.extend((data.len() % 2 == 1).then_some(b'\n'));
        }
        out
    }

    fn entry(kind: tar::EntryType, size: usize) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size as u64);
        header
    }

    fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, data) in files {
            let mut header = entry(tar::EntryType::Regular, data.len());
            builder.append_data(&mut header, path, *data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn control_tar() -> Vec<u8> {
        tar_of(&[("./md5sums", b"x"), ("./control", HELLO), ("./postinst", b"#!/bin/sh\n")])
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(data: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(data: &[u8]) -> Vec<u8> {
        zstd::encode_all(data, 1).unwrap()
    }

    const FORMAT: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    /// Nothing at all, in 32 bytes: `xz </dev/null`.
    const DATA: (&str, &[u8]) = (
        "data.tar.xz",
        b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\0\0\0\0\x1c\xdf\x44\x21\x1f\xb6\xf3\x7d\x01\0\0\0\0\x04YZ",
    );

    fn package() -> Vec<u8> {
        ar(&[FORMAT, ("control.tar.gz", &gzip(&control_tar())), DATA])
    }

    fn refusal(bytes: &[u8]) -> String {
        let error = read_deb(bytes).unwrap_err();
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(reason) = cause {
            message = format!("{message}: {reason}");
            cause = reason.source();
        }
        message
    }

    #[test]
    fn reads_every_compression_and_all_bytes() {
        let tar = control_tar();
        for (name, member) in [
            ("control.tar", tar.clone()),
            ("control.tar.gz", gzip(&tar)),
            ("control.tar.xz", xz(&tar)),
            ("control.tar.zst", zst(&tar)),
            ("control.tar.gz/", gzip(&tar)),
        ] {
            let bytes = ar(&[FORMAT, (name, &member), DATA]);
            let (control, digests) = read_deb(&bytes[..]).unwrap();
            assert_eq!(control.text.as_bytes(), HELLO);
            assert_eq!(control.control_member, name.trim_end_matches('/'));
            assert_eq!((control.data_member.as_str(), control.data_bytes), (DATA.0, 32));
            assert_eq!(control.pairs().next(), Some(("Package", "hello")));
            assert_eq!(control.binary(PackageType::Deb).unwrap().package.as_str(), "hello");
            assert_eq!(digests, FileDigests::of(&bytes));
        }
    }

    #[test]
    fn tolerates_what_dpkg_does() {
        let control = gzip(&control_tar());
        for bytes in [
            ar(&[
                FORMAT,
                ("_early", b"x"),
                ("control.tar.gz", &control),
                ("_mid", b""),
                DATA,
                ("_gpgorigin", b"sig"),
            ]),
            ar(&[("debian-binary", b"2.1\nmore\n"), ("control.tar.gz", &control), DATA]),
            // Compressed in two pieces.
            {
                let tar = control_tar();
                let pieces = [gzip(&tar[..700]), gzip(&tar[700..])].concat();
                ar(&[FORMAT, ("control.tar.gz", &pieces), DATA])
            },
            {
                let tar = control_tar();
                let pieces = [xz(&tar[..700]), xz(&tar[700..])].concat();
                ar(&[FORMAT, ("control.tar.xz", &pieces), DATA])
            },
        ] {
            let (control, digests) = read_deb(&bytes[..]).unwrap();
            assert_eq!(control.text.as_bytes(), HELLO);
            assert_eq!(digests, FileDigests::of(&bytes));
        }
    }

    #[test]
    fn refuses_other_archives_and_orders() {
        let control: (&str, &[u8]) = ("control.tar.gz", &gzip(&control_tar()));
        let bad_size = |size: &str| {
            let mut bytes = package();
            let at = 8 + 48;
            bytes[at..at + 10].copy_from_slice(format!("{size:<10}").as_bytes());
            bytes
        };
        for (bytes, message) in [
            (vec![], "the file is no ar archive"),
            (b"!<arch".to_vec(), "the file is no ar archive"),
            (b"PK\x03\x04 something else".to_vec(), "the file is no ar archive"),
            (ar(&[]), "the member debian-binary is missing"),
            (ar(&[control, DATA]), "the first member is control.tar.gz, not debian-binary"),
            (ar(&[("_x", b""), FORMAT, control, DATA]), "the first member is _x, not debian-binary"),
            (
                ar(&[("debian-binary", b"3.0\n"), control, DATA]),
                "the package has the format version \"3.0\\n\"",
            ),
            (ar(&[("debian-binary", b"2.0"), control, DATA]), "the package has the format version \"2.0\""),
            (ar(&[("debian-binary", b"2.\n"), control, DATA]), "the package has the format version"),
            (ar(&[("debian-binary", b"2\n"), control, DATA]), "the package has the format version"),
            (
                ar(&[("debian-binary", &[b'2'; 2000]), control, DATA]),
                "the member debian-binary has 2000 bytes",
            ),
            (ar(&[FORMAT]), "the member control.tar is missing"),
            (ar(&[FORMAT, control]), "the member data.tar is missing"),
            (
                ar(&[FORMAT, DATA, control]),
                "there is a member data.tar.xz where the control member has to be",
            ),
            (ar(&[FORMAT, FORMAT, control, DATA]), "there is a second member of this kind: debian-binary"),
            (ar(&[FORMAT, control, control, DATA]), "there is a second member of this kind: control.tar.gz"),
            (ar(&[FORMAT, control, DATA, control]), "there is a second member of this kind: control.tar.gz"),
            (
                ar(&[FORMAT, control, DATA, ("data.tar", b"")]),
                "there is a second member of this kind: data.tar",
            ),
            (
                ar(&[FORMAT, control, DATA, ("x", b"")]),
                "there is a member x where the end of the file has to be",
            ),
            (
                ar(&[FORMAT, ("x", b""), control, DATA]),
                "there is a member x where the control member has to be",
            ),
            (ar(&[FORMAT, control, ("x", b""), DATA]), "there is a member x where the data member has to be"),
            (ar(&[FORMAT, control, ("data.tarball", b"")]), "there is a member data.tarball where"),
            (ar(&[FORMAT, control, ("data.tar.xz", b"")]), "the member data.tar.xz is empty"),
            (ar(&[FORMAT, control, ("data.tar.7z", b"x")]), "the compression of data.tar.7z is not known"),
            (
                ar(&[FORMAT, ("control.tar.bz2", b"x"), DATA]),
                "the compression of control.tar.bz2 is not known",
            ),
            (ar(&[FORMAT, control, DATA, ("", b"")]), "the member header at byte"),
            (ar(&[FORMAT, control, DATA, ("a b", b"")]), "the member header at byte"),
            ([package(), b"x".to_vec()].concat(), "there is no member header at byte"),
            ([package(), vec![b'\n'; 60]].concat(), "there is no member header at byte"),
            (bad_size("-4"), "the member debian-binary has \"-4\" as its size"),
            (bad_size(""), "the member debian-binary has \"\" as its size"),
            (bad_size("0x4"), "the member debian-binary has \"0x4\" as its size"),
            (bad_size("4 4"), "the member debian-binary has \"4 4\" as its size"),
            (bad_size("9999999999"), "the member debian-binary has 9999999999 bytes, but may have 1024"),
            (bad_size("2"), "the package has the format version \"2.\""),
        ] {
            let found = refusal(&bytes);
            assert!(found.starts_with(message), "{message} -- {found}");
        }
    }

    #[test]
    fn refuses_sizes_that_lie() {
        let mut bytes = package();
        let header = bytes.windows(11).rposition(|window| window == b"data.tar.xz").unwrap();
        bytes[header + 48..header + 58].copy_from_slice(b"9999999999");
        assert_eq!(
            refusal(&bytes),
            "the member data.tar.xz has 32 bytes of the 9999999999 that its header declares"
        );
        bytes[header + 48..header + 58].copy_from_slice(b"13        ");
        assert!(
            refusal(&bytes).starts_with("the files in the member data.tar.xz cannot be listed: it cannot be")
        );
        let mut bytes = ar(&[FORMAT, ("control.tar.gz", &gzip(&control_tar())), ("data.tar", &[0; 2000])]);
        let header = bytes.windows(8).rposition(|window| window == b"data.tar").unwrap();
        bytes[header + 48..header + 58].copy_from_slice(b"1024      ");
        assert!(refusal(&bytes).starts_with("there is no member header"));
    }

    #[test]
    fn refuses_every_cut() {
        let bytes = package();
        for end in 0..bytes.len() {
            assert!(read_deb(&bytes[..end]).is_err(), "{end} of {}", bytes.len());
        }
        let odd = ar(&[FORMAT, ("control.tar.gz", &gzip(&control_tar())), ("data.tar", &[0; 1025])]);
        assert!(read_deb(&odd[..]).is_ok());
        assert_eq!(
            refusal(&odd[..odd.len() - 1]),
            "the padding byte after the member data.tar is missing: the file is cut off"
        );
    }

    #[test]
    fn refuses_damaged_control_members() {
        let with = |name: &str, member: &[u8]| refusal(&ar(&[FORMAT, (name, member), DATA]));
        let tar = control_tar();
        for (name, member) in
            [("control.tar.gz", gzip(&tar)), ("control.tar.xz", xz(&tar)), ("control.tar.zst", zst(&tar))]
        {
            let unreadable = format!("the member {name} cannot be decompressed");
            assert!(with(name, &member[..member.len() - 6]).starts_with(&unreadable), "{name}");
            assert!(with(name, b"garbage").starts_with(&unreadable), "{name}");
            assert!(with(name, b"").starts_with(&unreadable) || with(name, b"").contains("no file control"));
            assert!(with(name, &[&member[..], b"garbage"].concat()).starts_with(&unreadable), "{name}");
            let mut damaged = member.clone();
            let last = damaged.len() - if name.ends_with("xz") { 20 } else { 5 };
            damaged[last] ^= 0x55;
            // zstd has no checksum unless asked for one.
            assert!(with(name, &damaged).starts_with(&unreadable) || name.ends_with("zst"), "{name}");
        }
        assert!(
            with("control.tar", &tar[..600]).starts_with("the tar archive in control.tar cannot be read")
        );
        assert!(
            with("control.tar", &[b'x'; 2000]).starts_with("the tar archive in control.tar cannot be read")
        );
    }

    #[test]
    fn refuses_bombs() {
        let zeros = vec![0; MAX_CONTROL_MEMBER_BYTES as usize + 1];
        for (name, member) in [
            ("control.tar.gz", gzip(&zeros)),
            ("control.tar.xz", xz(&zeros)),
            ("control.tar.zst", zst(&zeros)),
        ] {
            let message = format!("the member {name} has more than 16777216 bytes when decompressed");
            assert_eq!(refusal(&ar(&[FORMAT, (name, &member), DATA])), message);
        }
        assert_eq!(
            refusal(&ar(&[FORMAT, ("control.tar", &zeros), DATA])),
            "the member control.tar has 16777217 bytes, but may have 16777216 at most"
        );
    }

    #[test]
    fn refuses_other_control_files() {
        let with = |tar: Vec<u8>| refusal(&ar(&[FORMAT, ("control.tar", &tar), DATA]));
        assert_eq!(with(tar_of(&[("./postinst", b"")])), "there is no file control in control.tar");
        assert_eq!(with(tar_of(&[("./x/control", HELLO)])), "there is no file control in control.tar");
        for second in ["./control", "control", "././control", ".//control"] {
            assert_eq!(
                with(tar_of(&[("./control", HELLO), (second, HELLO)])),
                "there is a second file control in control.tar"
            );
        }
        for kind in
            [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::Fifo]
        {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = entry(kind, 0);
            header.set_link_name("elsewhere").unwrap();
            builder.append_data(&mut header, "./control", &b""[..]).unwrap();
            let tar = builder.into_inner().unwrap();
            assert_eq!(with(tar), "control in control.tar is not a regular file");
        }
        let unreadable = "the control file of the package cannot be read: ";
        assert_eq!(with(tar_of(&[("./control", b"")])), format!("{unreadable}line 1: there is no paragraph"));
        assert_eq!(
            with(tar_of(&[("./control", b"A: 1\nB: \xff\n")])),
            format!("{unreadable}line 2: the text is not UTF-8; convert the file")
        );
        let long = [b"A: ", &vec![b'x'; MAX_CONTROL_BYTES][..]].concat();
        assert!(with(tar_of(&[("./control", &long)])).contains("longer than"));
    }

    #[test]
    fn a_failing_disk_is_told_from_a_bad_package() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("no disk"))
            }
        }
        let bytes = package();
        for end in [0, 8, 30, 200, bytes.len() - 5, bytes.len()] {
            let error = read_deb(bytes[..end].chain(Broken)).unwrap_err();
            assert!(matches!(error, DebError::Archive(ArError::Read(_))), "{end}: {error}");
        }
    }

    #[test]
    fn what_is_said_of_a_damaged_archive_can_be_shown() {
        let mut tar = control_tar();
        // the name of the first entry, and the digits of its checksum
        tar[2] = 0x1b;
        tar[148..154].copy_from_slice(b"\x1b[2Jm\n");
        let package = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &tar), ("data.tar", &[0; 1024])]);
        let mut said = Vec::new();
        let error = read_deb_control(&package[..]).unwrap_err();
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = next {
            said.push(error.to_string());
            next = error.source();
        }
        assert!(said.len() >= 2, "{said:?}");
        assert!(!said.concat().contains(char::is_control), "{said:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let magic = [b"!<arch>\n", &bytes[..]].concat();
            prop_assert!(read_deb(&bytes[..]).is_err());
            prop_assert!(read_deb(&magic[..]).is_err());
        }

        #[test]
        fn changed_packages_never_panic(
            form in 0usize..4,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            inside in any::<bool>(),
        ) {
            let mut tar = control_tar();
            if inside {
                for (at, byte) in &changes {
                    let at = at.index(tar.len());
                    tar[at] = *byte;
                }
            }
            let (name, member) = match form {
                0 => ("control.tar", tar),
                1 => ("control.tar.gz", gzip(&tar)),
                2 => ("control.tar.xz", xz(&tar)),
                _ => ("control.tar.zst", zst(&tar)),
            };
            let mut bytes = ar(&[FORMAT, (name, &member), DATA]);
            if !inside {
                for (at, byte) in &changes {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
            }
            // Whatever is accepted was read to its end.
            if let Ok((control, digests)) = read_deb(&bytes[..]) {
                prop_assert_eq!(digests, FileDigests::of(&bytes));
                prop_assert!(control.pairs().count() > 0);
                drop(control.binary(PackageType::Deb));
            }
        }
    }
}
