//! The checks that come before all others: whether a `.changes` can be read as an upload at all. Pure; where they find something nothing else
//! is looked at, since nothing that it says could be relied on.

use super::findings::Findings;
use super::{fields, kind};
use crate::domain::name::FileName;
use crate::domain::problem::Problem;
use crate::domain::{NameError, chain};
use crate::format::changes::ChangesError;
use crate::format::control::ControlFault;
use crate::format::field::FieldError;
use crate::format::file_list::FileListError;
use crate::format::mailbox::Mailbox;
use crate::format::{Changes, ControlError};

/// Reads a `.changes`, with its signature or without.
///
/// # Errors
/// It cannot be read as an upload: why, and what to do; there is at least one problem.
pub fn early(bytes: &[u8], name: &FileName) -> Result<Changes, Vec<Problem>> {
    let changes = Changes::parse(bytes).map_err(|error| unreadable(name, &error))?;
    let mut findings = Findings::default();
    fields::check("changes-size", name.as_str(), changes.pairs(), &mut findings);
    check_name(name, &changes, &mut findings);
    check_people(name, &changes, &mut findings);
    check_files(name, &changes, &mut findings);
    if findings.rejects() { Err(findings.into_problems()) } else { Ok(changes) }
}

/// `source_version_architecture.changes`, of the source and version that it speaks of.
fn check_name(name: &FileName, changes: &Changes, findings: &mut Findings) {
    let beginning = format!("{}_{}_", changes.source, changes.version.without_epoch());
    let architecture = name.as_str().strip_suffix(".changes").and_then(|stem| stem.strip_prefix(&beginning));
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte))
    };
    if !architecture.is_some_and(is_word) {
        findings.reject(
            "changes-name",
            name.as_str(),
            format!("a .changes of {} {} is not called so", changes.source, changes.version),
            format!("name it {beginning}source.changes, or with the architecture instead of source"),
        );
    }
}

fn check_people(name: &FileName, changes: &Changes, findings: &mut Findings) {
    let people = [
        ("maintainer", "Maintainer", Some(&changes.maintainer)),
        ("changed-by", "Changed-By", changes.changed_by.as_ref()),
    ];
    for (check, field, value) in people {
        if let Some(Err(error)) = value.map(|value| value.parse::<Mailbox>()) {
            findings.reject(
                check,
                name.as_str(),
                format!("the field {field} cannot be used: {error}"),
                "write it as \"Name <name@example.org>\", in debian/control or debian/changelog, and build again",
            );
        }
    }
}

fn check_files(name: &FileName, changes: &Changes, findings: &mut Findings) {
    if changes.files.is_empty() {
        findings.reject(
            "files-empty",
            name.as_str(),
            "it lists no file",
            "make it with dpkg-genchanges and upload it unchanged",
        );
    }
    for file in &changes.files {
        if let Err(fault) = kind::kind(file) {
            let (check, what, remedy) = fault.told();
            findings.reject(check, file.name.as_str(), what, remedy);
        }
    }
}

/// Why the text is no upload, and what to do.
fn unreadable(name: &FileName, error: &ChangesError) -> Vec<Problem> {
    const BUILD: &str = "make it with dpkg-genchanges and upload it unchanged";
    const NAMES: &str =
        "files of an upload lie beside its .changes and are called as dpkg-genchanges calls them";
    let (check, remedy) = match error {
        ChangesError::Clearsign(_) => ("changes-signature", "sign it again with debsign"),
        ChangesError::Control(ControlError { reason, .. }) => match reason {
            ControlFault::SecondParagraph | ControlFault::NoParagraph => {
                ("changes-stanza", "a .changes has one paragraph: make it with dpkg-genchanges")
            }
            ControlFault::TooLong { .. } | ControlFault::TooManyFields { .. } => {
                ("changes-size", "split the upload, or shorten what its changelog says")
            }
            ControlFault::NotUtf8 | ControlFault::CarriageReturn | ControlFault::ControlCharacter(_) => {
                ("changes-text", "a .changes is UTF-8 with LF at line ends: transfer it as a binary file")
            }
            ControlFault::Comment
            | ControlFault::NoColon
            | ControlFault::NoName
            | ControlFault::BadNameCharacter(_)
            | ControlFault::BadNameStart
            | ControlFault::Duplicate { .. }
            | ControlFault::NothingToContinue
            | ControlFault::BlankLine => ("changes-syntax", BUILD),
        },
        ChangesError::Field(error) => match of_field(error) {
            Some(check) => (check, NAMES),
            None => (of_fields(error), BUILD),
        },
        ChangesError::Files(error) => match error {
            FileListError::Field(error) => match of_field(error) {
                Some(check) => (check, NAMES),
                None => ("file-list", BUILD),
            },
            FileListError::Columns { .. } | FileListError::FirstLine { .. } | FileListError::Size { .. } => {
                ("file-list", BUILD)
            }
            FileListError::Duplicate { .. } => ("file-duplicate", BUILD),
            FileListError::Absent { .. } | FileListError::SizesDiffer { .. } => ("file-lists-differ", BUILD),
        },
    };
    let mut findings = Findings::default();
    findings.reject(check, name.as_str(), chain(error), remedy);
    findings.into_problems()
}

/// The check of a name of a file that cannot be one.
fn of_field(error: &FieldError) -> Option<&'static str> {
    match error {
        FieldError::Malformed { reason: NameError { what: "file name", .. }, .. } => Some("file-name"),
        FieldError::Malformed { .. }
        | FieldError::Missing { .. }
        | FieldError::Empty { .. }
        | FieldError::Folded { .. }
        | FieldError::MalformedSource { .. }
        | FieldError::Unexpected { .. } => None,
    }
}

/// The check of a field that cannot be used.
fn of_fields(error: &FieldError) -> &'static str {
    match error {
        FieldError::Missing { .. } | FieldError::Empty { .. } => "changes-fields",
        FieldError::Unexpected { field: "Format", .. } => "changes-format",
        FieldError::Unexpected { field: "Distribution", .. } => "distribution",
        FieldError::Malformed { field: "Version", .. } => "version",
        FieldError::MalformedSource { .. } => "source-name",
        FieldError::Malformed { .. } | FieldError::Folded { .. } | FieldError::Unexpected { .. } => {
            "changes-field"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
    const SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const NAME: &str = "hello_2.10-3_source.changes";

    fn hello() -> String {
        format!(
            "Format: 1.8\nSource: hello\nArchitecture: source\nVersion: 1:2.10-3\nDistribution: noble\nUrgency: medium\n\
             Maintainer: Ann Uploader <ann@example.org>\nChanged-By: Ben Other <ben@example.org>\nChanges:\n hello (2.10-3)\n\
             Checksums-Sha1:\n {SHA1} 3 hello_2.10-3.dsc\nChecksums-Sha256:\n {SHA256} 3 hello_2.10-3.dsc\n\
             Files:\n {MD5} 3 devel optional hello_2.10-3.dsc\n"
        )
    }

    #[test]
    fn a_good_one_is_read() {
        let changes = early(hello().as_bytes(), &NAME.parse().unwrap()).unwrap();
        assert_eq!(changes.source.as_str(), "hello");
        for name in
            ["hello_2.10-3_amd64.changes", "hello_2.10-3_amd64+all.changes", "hello_2.10-3_multi.changes"]
        {
            early(hello().as_bytes(), &name.parse().unwrap()).unwrap();
        }
    }

    #[test]
    fn each_fault_is_named_with_a_remedy() {
        let list =
            |field: &str, digest: &str, more: &str| format!("{field}:\n {digest} 3 {more}hello_2.10-3.dsc\n");
        let dsc = "hello_2.10-3.dsc\n";
        let twice = |text: &str| {
            text.replace(&list("Files", MD5, "devel optional "), &{
                let line = list("Files", MD5, "devel optional ");
                format!("{line} {MD5} 3 devel optional {dsc}")
            })
        };
        let with = |from: &str, to: &str| hello().replacen(from, to, 1);
        for (text, name, check, part) in [
            (hello(), "hello_2.10-4_source.changes", "changes-name", "hello_2.10-3_source.changes"),
            (hello(), "hello_2.10-3.changes", "changes-name", "hello 1:2.10-3"),
            (hello(), "hello_2.10-3_.changes", "changes-name", ""),
            (hello(), "other_2.10-3_source.changes", "changes-name", ""),
            (with("Ann Uploader <ann@example.org>", "Ann"), NAME, "maintainer", "Maintainer"),
            (with("Ben Other <ben@example.org>", "ben@example.org"), NAME, "changed-by", "Changed-By"),
            (with("Format: 1.8\n", "Format: 3.0\n"), NAME, "changes-format", "1.5 to 2.0"),
            (with("Source: hello\n", ""), NAME, "changes-fields", "Source is missing"),
            (with("Maintainer: Ann Uploader <ann@example.org>\n", ""), NAME, "changes-fields", "Maintainer"),
            (with("Source: hello\n", "Source: He llo\n"), NAME, "source-name", "Source"),
            (with("1:2.10-3", "two"), NAME, "version", "Version"),
            (with("Distribution: noble", "Distribution: noble jammy"), NAME, "distribution", "one suite"),
            (hello() + "\nFormat: 1.8\n", NAME, "changes-stanza", "second paragraph"),
            (String::new(), NAME, "changes-stanza", "no paragraph"),
            (hello().replace('\n', "\r\n"), NAME, "changes-text", "carriage return"),
            (with("hello (2.10-3)", "\u{7}"), NAME, "changes-text", "control character"),
            (with("Urgency: medium", "Urgency medium"), NAME, "changes-syntax", "no colon"),
            (with("Urgency", "Format"), NAME, "changes-syntax", "twice"),
            (
                with("Urgency: medium", &format!("X: {}", "x".repeat(3 << 20))),
                NAME,
                "changes-size",
                "longer than",
            ),
            (
                with("Urgency: medium", &format!("X: {}", "x".repeat(1 << 20))),
                NAME,
                "changes-size",
                "its field X has 1048576",
            ),
            (hello().replace("hello_2.10-3.dsc", "../../etc/passwd"), NAME, "file-name", "../../etc/passwd"),
            (twice(&hello()), NAME, "file-duplicate", "twice"),
            (with(&format!("{SHA256} 3 "), &format!("{SHA256} 4 ")), NAME, "file-lists-differ", "4"),
            (
                with(&format!("{SHA1} 3 hello"), &format!("{SHA1} 3 hullo")),
                NAME,
                "file-lists-differ",
                "Checksums-Sha1",
            ),
            (with("3 devel", "three devel"), NAME, "file-list", "size"),
            (with("devel optional ", ""), NAME, "file-list", "digest size section priority name"),
            (hello().replace("hello_2.10-3.dsc", "hello_2.10-3.zip"), NAME, "file-type", "not taken"),
            (with("devel optional", "raw-thing optional"), NAME, "custom-section", "raw-thing"),
            (
                format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{}", hello()),
                NAME,
                "changes-signature",
                "cut off",
            ),
        ] {
            let problems = early(text.as_bytes(), &name.parse().unwrap()).unwrap_err();
            let problem = problems.iter().find(|problem| problem.check == check);
            let problem = problem.unwrap_or_else(|| panic!("{check}: {problems:?}"));
            assert!(problem.file.is_some() && !problem.remedy.is_empty(), "{problem:?}");
            assert!(problem.to_string().contains(part), "{problem}");
            assert!(!problem.to_string().contains(char::is_control), "{problem}");
        }
        let bytes = [hello().as_bytes(), b"X: \xff\n"].concat();
        assert_eq!(early(&bytes, &NAME.parse().unwrap()).unwrap_err()[0].check, "changes-text");
        let empty = hello()
            .replace(&format!("\n {SHA1} 3 {dsc}"), "\n")
            .replace(&format!("\n {SHA256} 3 {dsc}"), "\n");
        let empty = empty.replace(&format!("\n {MD5} 3 devel optional {dsc}"), "\n");
        let problems = early(empty.as_bytes(), &NAME.parse().unwrap()).unwrap_err();
        assert!(["changes-fields", "files-empty"].contains(&problems[0].check), "{problems:?}");
    }

    #[test]
    fn everything_is_told_at_once() {
        let text = hello().replace("<ann@example.org>", "").replace("hello_2.10-3.dsc", "hello.zip");
        let problems = early(text.as_bytes(), &"x_1_source.changes".parse().unwrap()).unwrap_err();
        let checks: Vec<&str> = problems.iter().map(|problem| problem.check).collect();
        assert_eq!(checks, ["changes-name", "maintainer", "file-type"]);
    }

    proptest! {
        #[test]
        fn changed_uploads_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        ) {
            let mut bytes = hello().into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Err(problems) = early(&bytes, &NAME.parse().unwrap()) {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|problem| !problem.to_string().contains(char::is_control)));
            }
        }
    }
}
