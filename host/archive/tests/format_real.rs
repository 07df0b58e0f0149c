//! The readers against the tools that make what they read: dpkg-deb, dpkg-source, dpkg-genchanges, gpg.
//!
//! A tool that is not there fails the test by its name.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use pressroom_archive::domain::FileDigests;
use pressroom_archive::format::{
    Changes, DscError, PackageType, SourceControl, SourceFormat, binary_control, clearsign, read_deb,
    relations,
};

fn try_run(folder: &Path, tool: &str, arguments: &[&str]) -> Output {
    Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .env("GNUPGHOME", folder)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("this test needs the tool {tool}: {error}"))
}

fn run(folder: &Path, tool: &str, arguments: &[&str]) -> String {
    let output = try_run(folder, tool, arguments);
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().write_all(content.as_bytes()).unwrap();
}

const CONTROL: &str = "Package: hello\nSource: hi (1:2.10-3)\nVersion: 1:2.10-3+b1\nArchitecture: amd64\n\
    Maintainer: Ä <a@example.org>\nSection: non-free/devel\nPriority: optional\nEssential: yes\n\
    Depends: libc6 (>= 2.36), libgcc-s1\nDescription: greets\n in many words\n .\n  and code\n";

#[test]
fn packages_of_dpkg_deb() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("hello/DEBIAN/control"), CONTROL);
    write(&folder.path().join("hello/DEBIAN/conffiles"), "");
    write(&folder.path().join("hello/usr/share/doc/hello/readme"), "hi\n");
    for (uniform, compression, control_member, data_member) in [
        ("--uniform-compression", "-Zgzip", "control.tar.gz", "data.tar.gz"),
        ("--uniform-compression", "-Zxz", "control.tar.xz", "data.tar.xz"),
        ("--uniform-compression", "-Zzstd", "control.tar.zst", "data.tar.zst"),
        ("--uniform-compression", "-Znone", "control.tar", "data.tar"),
        ("--no-uniform-compression", "-Zxz", "control.tar.gz", "data.tar.xz"),
        ("--no-uniform-compression", "-Znone", "control.tar.gz", "data.tar"),
    ] {
        run(folder.path(), "dpkg-deb", &[uniform, compression, "-z9", "-b", "hello", "hello.deb"]);
        let path = folder.path().join("hello.deb");
        let (control, digests) = read_deb(File::open(&path).unwrap()).unwrap();
        assert_eq!(
            (control.control_member.as_str(), control.data_member.as_str()),
            (control_member, data_member)
        );
        assert_eq!(digests, FileDigests::of(&std::fs::read(&path).unwrap()));
        assert_eq!(control.text, CONTROL);
        let binary = control.binary(PackageType::Deb).unwrap();
        assert_eq!((binary.source.as_str(), binary.source_version.as_str()), ("hi", "1:2.10-3"));
        assert!(binary.essential);
        for (name, value) in control.pairs() {
            let theirs = run(folder.path(), "dpkg-deb", &["-f", "hello.deb", name]);
            assert_eq!(theirs.trim_end_matches('\n'), value, "{name}");
        }
        let sums = run(folder.path(), "sha256sum", &["hello.deb"]);
        assert!(sums.starts_with(&digests.sha256.to_string()));
    }
}

#[test]
fn control_files_that_dpkg_deb_refuses_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (number, control) in [
        CONTROL.replace("Section", "Version"),
        CONTROL.replace(" .\n", " \n"),
        CONTROL.replace(" .\n", "\n"),
        format!("# hi\n{CONTROL}"),
        format!(" {CONTROL}"),
        format!("{CONTROL}\n{CONTROL}"),
        CONTROL.replace("Section:", "-Section:"),
        CONTROL.replace("Section:", "Section"),
        CONTROL.replace("Essential: yes", "Essential: maybe"),
        CONTROL.replace("Version: 1:", "Version: x:"),
        CONTROL.replace("Version: 1:2.10-3+b1", "Version: 1:2.10-"),
        CONTROL.replace("Package: hello", "Package: -hello"),
        CONTROL.replace("Package: hello\n", ""),
    ]
    .iter()
    .enumerate()
    {
        write(&folder.path().join("hello/DEBIAN/control"), control);
        let built = try_run(folder.path(), "dpkg-deb", &["-b", "hello", "hello.deb"]);
        assert!(!built.status.success(), "dpkg-deb takes number {number}");
        let parsed = binary_control::BinaryControl::parse(control, PackageType::Deb);
        assert!(parsed.is_err(), "number {number} is taken: {control}");
    }
}

/// How apt takes an index with one package that has this field.
fn apt_reads(folder: &Path, field: &str, value: &str) -> bool {
    let at = |path: &str| folder.join(path).display().to_string();
    let stanza = format!(
        "Package: hello\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\nFilename: ./hello.deb\nSize: 1\n\
         SHA256: {}\n{field}: {value}\nDescription: greets\n",
        FileDigests::of(b"x").sha256
    );
    write(&folder.join("repository/Packages"), &stanza);
    write(&folder.join("status"), "");
    write(&folder.join("sources.list"), &format!("deb [trusted=yes] file:{} ./\n", at("repository")));
    for name in ["state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    let options = [
        format!("Dir::State={}", at("state")),
        format!("Dir::State::status={}", at("status")),
        format!("Dir::Cache={}", at("cache")),
        format!("Dir::Etc={}", at("etc")),
        format!("Dir::Etc::sourcelist={}", at("sources.list")),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        "APT::Architecture=amd64".to_owned(),
    ];
    let mut arguments = vec!["update"];
    for option in &options {
        arguments.extend(["-o", option]);
    }
    let update = try_run(folder, "apt-get", &arguments);
    let said = String::from_utf8_lossy(&update.stderr).into_owned();
    // nothing else may be what it does not like
    assert!(update.status.success() || said.contains("Problem parsing"), "{field}: {value}: {said}");
    update.status.success()
}

#[test]
fn relations_that_apt_refuses_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut refused_by_apt = 0;
    for value in [
        "a1, b:any (>= 1), c (<< 2~) | d",
        "a1,",
        "Foo_Bar (>= 1)",
        "a1 ( = 1 )",
        "a1 (=1), b",
        "foo (>> , |",
        "foo bar",
        "a1,, b",
        ",a1",
        "a1,,",
        "| a1",
        "a1 |",
        "a1 | | b",
        "a1 | , b",
        "a1 (13)",
        "a1 (=1)",
        "a1 (>1)",
        "a1 (= )",
        "a1 (= 1",
        "a1 (= 1) (= 2)",
        "a1 (",
        "a1 (x)",
        "a1 [amd64]",
        "a1 [amd64",
        "a1 <!nocheck>",
        "a1)",
        "a1 \u{a0}",
        "${misc:Depends}",
    ] {
        for field in ["Depends", "Provides"] {
            let ours = relations::check_binary([(field, value)].into_iter());
            let is_read = apt_reads(folder.path(), field, value);
            refused_by_apt += usize::from(!is_read);
            assert!(is_read || ours.is_err(), "{field}: {value} is taken, and apt takes no index with it");
        }
    }
    assert!(refused_by_apt > 30, "apt has refused {refused_by_apt}");
    for field in relations::BINARY_FIELDS {
        assert!(relations::check_binary([(field, "foo bar")].into_iter()).is_err());
        // the last is read by some versions of apt
        assert!(field == "Obsoletes" || !apt_reads(folder.path(), field, "foo bar"), "{field}");
    }
}

#[test]
fn relations_of_what_is_installed_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let fields: String = relations::BINARY_FIELDS
        .iter()
        .filter(|field| **field != "Obsoletes")
        .map(|field| format!("{field}: ${{{field}}}\n"))
        .collect();
    let installed = run(folder.path(), "dpkg-query", &["-W", "-f", &format!("{fields}\n")]);
    let mut count = 0;
    for line in installed.lines() {
        let Some((field, value)) = line.split_once(": ") else { continue };
        count += 1;
        let read = relations::check_binary([(field, value)].into_iter());
        assert!(read.is_ok(), "{line}: {read:?}");
    }
    assert!(count > 100, "{count}");
}

/// An unpacked source package with an upstream tarball beside it.
fn source_tree(folder: &Path, format: &str, version: &str) {
    let tree = folder.join("hello-2.10");
    write(&tree.join("main.c"), "int main(void) { return 0; }\n");
    if version.contains('-') {
        run(folder, "tar", &["-czf", "hello_2.10.orig.tar.gz", "hello-2.10"]);
        write(&folder.join("hello_2.10.orig.tar.gz.asc"), "-----BEGIN PGP SIGNATURE-----\n");
        if format.contains("quilt") {
            write(&tree.join("extra/file"), "x\n");
            run(&tree, "tar", &["-cJf", "../hello_2.10.orig-extra.tar.xz", "extra"]);
        }
    }
    write(&tree.join("debian/source/format"), &format!("{format}\n"));
    write(
        &tree.join("debian/control"),
        "Source: hello\nSection: devel\nPriority: optional\nMaintainer: A <a@example.org>\nStandards-Version: 4.6.2\n\
         \n# a comment\nPackage: hello\nArchitecture: linux-any\nDescription: greets\n more\n\
         \nPackage: hello-doc\nArchitecture: all\nDescription: greets\n more\n",
    );
    write(
        &tree.join("debian/changelog"),
        &format!(
            "hello ({version}) unstable; urgency=high\n\n  * It greets. Closes: #12, #34\n\n -- \
             B <b@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
        ),
    );
}

#[test]
fn sources_and_uploads_of_dpkg() {
    for (format, kind, version, names) in [
        ("1.0", SourceFormat::V1, "1:2.10-3", 2..=3),
        ("1.0", SourceFormat::V1, "2.10", 1..=1),
        ("3.0 (native)", SourceFormat::Native, "1:2.10", 1..=1),
        ("3.0 (quilt)", SourceFormat::Quilt, "1:2.10-3", 4..=4),
    ] {
        let folder = tempfile::tempdir().unwrap();
        source_tree(folder.path(), format, version);
        run(folder.path(), "dpkg-source", &["-b", "hello-2.10"]);
        let plain = version.trim_start_matches("1:");
        let dsc_name = format!("hello_{plain}.dsc");
        let dsc = std::fs::read(folder.path().join(&dsc_name)).unwrap();
        let source = SourceControl::parse(&dsc).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!((source.format, source.version.as_str()), (kind, version));
        assert_eq!(source.binaries.len(), 2);
        assert_eq!(source.architecture.len(), 2);
        assert!(!source.is_signed);
        assert!(names.contains(&source.files.len()), "{format}: {:?}", source.files);
        for file in &source.files {
            let content = std::fs::read(folder.path().join(file.name.as_str())).unwrap();
            let digests = FileDigests::of(&content);
            assert_eq!(
                (file.size_bytes, file.md5, file.sha1, file.sha256),
                (digests.size_bytes, digests.md5, Some(digests.sha1), digests.sha256)
            );
        }

        let changes = run(&folder.path().join("hello-2.10"), "dpkg-genchanges", &["-S", "-sa", "-q"]);
        let upload = Changes::parse(changes.as_bytes()).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert!(upload.has_source() && upload.binaries.is_empty());
        assert_eq!((upload.version.as_str(), upload.distribution.as_str()), (version, "unstable"));
        assert_eq!(upload.closes, [12, 34]);
        assert_eq!(upload.changed_by.as_deref(), Some("B <b@example.org>"));
        assert_eq!(upload.files.len(), source.files.len() + 1);
        assert!(upload.files.iter().any(|file| file.name.as_str() == dsc_name));
        assert!(upload.files.iter().all(|file| file.section.is_some() && file.priority.is_some()));
    }
}

#[test]
fn signatures_of_gpg_come_off() {
    let folder = tempfile::tempdir().unwrap();
    source_tree(folder.path(), "3.0 (native)", "2.10");
    run(folder.path(), "dpkg-source", &["-b", "hello-2.10"]);
    let dsc = std::fs::read_to_string(folder.path().join("hello_2.10.dsc")).unwrap();
    let make_key =
        ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "test@example.org", "ed25519"];
    run(folder.path(), "gpg", &make_key);
    let signed = run(folder.path(), "gpg", &["--batch", "--clearsign", "--output", "-", "hello_2.10.dsc"]);

    let source = SourceControl::parse(signed.as_bytes()).unwrap();
    assert!(source.is_signed);
    assert_eq!(source.text, dsc);
    assert_eq!(SourceControl { is_signed: false, ..source }, SourceControl::parse(dsc.as_bytes()).unwrap());

    for unsigned in
        [format!("X-A: b\n\n{signed}"), format!("{signed}\nX-A: b\n"), format!("{signed}{signed}")]
    {
        let error = SourceControl::parse(unsigned.as_bytes()).unwrap_err();
        assert!(matches!(error, DscError::Clearsign(_)), "{error}");
    }

    // Lines that begin with dashes are escaped by gpg, and come back as they were.
    let dashes = "A: 1\n-dash\n--\n- \n\nend\n";
    write(&folder.path().join("dashes"), dashes);
    let signed = run(folder.path(), "gpg", &["--batch", "--clearsign", "--output", "-", "dashes"]);
    assert_eq!(clearsign::unwrap(&signed).unwrap().text, dashes);
    // The agent that gpg starts ends with its folder; tell it to go now.
    drop(try_run(folder.path(), "gpgconf", &["--kill", "gpg-agent"]));
}
