//! What uploads are refused for: real uploads, each bad in one way, and what their uploader is told of it. One run judges them all.

#![expect(clippy::disallowed_methods, reason = "what a test makes need not outlive a power cut")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pressroom_tests::deb::{self, Deb};
use pressroom_tests::intake::Intake;
use pressroom_tests::root::{DISTRIBUTION, SERIES};
use pressroom_tests::tool;
use pressroom_tests::upload::{Package, Upload};
use pressroom_tests::uploader::Uploader;
use serde_json::Value;

/// What cases are made of.
struct Stock {
    folder: tempfile::TempDir,
    /// A source upload that is good, not signed.
    source: Upload,
    /// Packages by a builder.
    built: Upload,
    ann: Uploader,
}

impl Stock {
    fn new(ann: Uploader) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Package::new("plain", "1.0-1").source(&folder.path().join("source"));
        let package = Package::new("known", "2.0-1").binaries(&[("known", "any"), ("known-doc", "all")]);
        let built = package.built(&folder.path().join("built"), "amd64", true);
        Self { folder, source, built, ann }
    }

    /// A copy of the good source upload.
    fn source(&self, case: &str) -> Upload {
        self.source.copy(&self.at(case))
    }

    /// A copy of the good packages.
    fn built(&self, case: &str) -> Upload {
        self.built.copy(&self.at(case))
    }

    fn at(&self, case: &str) -> std::path::PathBuf {
        self.folder.path().join("cases").join(case)
    }
}

/// An upload that is bad, and what is said of it.
struct Case {
    name: &'static str,
    make: fn(&Stock, &'static str) -> Upload,
    /// The check that finds it.
    check: &'static str,
    /// What the name of the file ends in that is named; nothing: the upload as a whole.
    file: &'static str,
    /// Words of what is wrong or what to do.
    words: &'static [&'static str],
}

/// Signed as debsign does, after whatever was done to it.
fn signed(stock: &Stock, upload: Upload) -> Upload {
    upload.sign(&stock.ann);
    upload
}

/// The good source upload with another value in a field of its `.changes`, not signed.
fn changed(stock: &Stock, case: &str, field: &str, value: &str) -> Upload {
    let upload = stock.source(case);
    upload.edit(|text| with_field(&text, field, value));
    upload
}

/// The same upload, its `.changes` by another name.
fn renamed(upload: Upload, name: &str) -> Upload {
    let other = upload.folder().join(name);
    std::fs::rename(upload.changes(), &other).unwrap();
    Upload::at(&other)
}

/// The good source upload with another text in its `.changes`.
macro_rules! changes {
    ($($edit:tt)*) => {
        |stock, case| {
            let upload = stock.source(case);
            upload.edit($($edit)*);
            signed(stock, upload)
        }
    };
}

/// The good source upload with another text in its `.dsc`.
macro_rules! dsc {
    ($($edit:tt)*) => {
        |stock, case| {
            let upload = stock.source(case);
            upload.edit_dsc($($edit)*);
            signed(stock, upload)
        }
    };
}

/// A source package built otherwise.
macro_rules! package {
    ($package:expr) => {
        |stock, case| signed(stock, $package.source(&stock.at(case)))
    };
}

/// The good source upload, signed in another way.
macro_rules! signature {
    (|$stock:ident, $upload:ident| $do:expr) => {
        |$stock, case| {
            let $upload = $stock.source(case);
            $do;
            $upload
        }
    };
}

/// The good packages with another `known_2.0-1_amd64.deb`.
macro_rules! binary {
    ($deb:expr) => {
        |stock, case| {
            let upload = stock.built(case);
            let aside = tempfile::tempdir().unwrap();
            let deb: Deb = $deb;
            let path = deb.write(aside.path());
            upload.put("known_2.0-1_amd64.deb", tool::read(&path));
            upload
        }
    };
}

/// A field of the text, set to another value.
fn with_field(text: &str, name: &str, value: &str) -> String {
    let mut found = false;
    let lines = text.lines().map(|line| {
        if line.starts_with(&format!("{name}:")) {
            found = true;
            format!("{name}: {value}\n")
        } else {
            format!("{line}\n")
        }
    });
    let out = lines.collect();
    assert!(found, "there is no {name} in {text}");
    out
}

fn without_field(text: &str, name: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with(&format!("{name}:")));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The package that the builder of the stock would have made.
fn known() -> Deb {
    Deb::new("known", "2.0-1").architecture("amd64")
}

fn case(
    name: &'static str,
    check: &'static str,
    file: &'static str,
    words: &'static [&'static str],
    make: fn(&Stock, &'static str) -> Upload,
) -> Case {
    Case { name, make, check, file, words }
}

/// Uploads of sources, by people.
fn of_sources() -> Vec<Case> {
    vec![
        // the .changes
        case(
            "changes-with-another-name",
            "changes-name",
            ".changes",
            &["plain_1.0-1_source.changes"],
            |stock, case| renamed(signed(stock, stock.source(case)), "other_1.0-1_source.changes"),
        ),
        case(
            "changes-without-maintainer",
            "changes-fields",
            ".changes",
            &["Maintainer"],
            changes!(|text| without_field(&text, "Maintainer")),
        ),
        case(
            "changes-of-an-old-format",
            "changes-format",
            ".changes",
            &["1.4"],
            changes!(|text| with_field(&text, "Format", "1.4")),
        ),
        case(
            "changes-with-two-stanzas",
            "changes-stanza",
            ".changes",
            &["paragraph"],
            changes!(|text| format!("{text}\nSource: other\n")),
        ),
        case(
            "changes-with-two-lists",
            "changes-syntax",
            ".changes",
            &["Files"],
            changes!(|text| format!(
                "{text}Files:\n d41d8cd98f00b204e9800998ecf8427e 0 misc optional nothing.dsc\n"
            )),
        ),
        case(
            "changes-with-a-huge-field",
            "changes-size",
            ".changes",
            &["bytes"],
            changes!(|text| format!(
                "{text}Padding:
{}",
                format!(
                    " {}
",
                    "x".repeat(1000)
                )
                .repeat(3000)
            )),
        ),
        case(
            "changes-that-list-a-path",
            "file-name",
            ".changes",
            &["../../etc/passwd"],
            changes!(|text| text.replace("plain_1.0.orig.tar.gz", "../../etc/passwd")),
        ),
        case(
            "changes-that-list-words",
            "file-list",
            ".changes",
            &["digest size section priority name"],
            changes!(|text| text.replace(" misc optional ", " misc ")),
        ),
        case(
            "changes-that-list-a-file-twice",
            "file-duplicate",
            ".changes",
            &["plain_1.0-1.dsc", "twice"],
            changes!(|text| {
                let line = text.lines().rfind(|line| line.ends_with(".dsc")).unwrap().to_owned();
                text.replace(&line, &format!("{line}\n{line}"))
            }),
        ),
        case(
            "lists-that-disagree-on-a-size",
            "file-lists-differ",
            ".changes",
            &["bytes in"],
            changes!(|text| {
                let line = text.lines().rfind(|line| line.ends_with(".orig.tar.gz")).unwrap();
                let words: Vec<&str> = line.split(' ').collect();
                text.replace(line, &line.replace(words[2], "7"))
            }),
        ),
        case(
            "lists-that-disagree-on-files",
            "file-lists-differ",
            ".changes",
            &["same files"],
            changes!(|text| {
                let line = text.lines().find(|line| line.ends_with(".orig.tar.gz")).unwrap();
                text.replacen(&format!("{line}\n"), "", 1)
            }),
        ),
        case("a-file-of-no-kind", "file-type", "notes.txt", &[".buildinfo"], |stock, case| {
            let upload = stock.source(case);
            upload.add("notes.txt", "misc", "notes\n");
            signed(stock, upload)
        }),
        case("a-custom-file-of-no-kind", "custom-section", ".tar.gz", &["raw-installer"], |stock, case| {
            let upload = stock.source(case);
            upload.add("thing_1.0_amd64.tar.gz", "raw-thing", "x");
            signed(stock, upload)
        }),
        case(
            "changed-by-nobody",
            "changed-by",
            ".changes",
            &["Changed-By", "Name <"],
            changes!(|text| with_field(&text, "Changed-By", "nobody")),
        ),
        case(
            "changed-by-with-two-addresses",
            "changed-by",
            ".changes",
            &["Changed-By"],
            changes!(|text| with_field(&text, "Changed-By", "Ann <ann@example.org> <bcc@example.org>")),
        ),
        case(
            "maintained-by-nobody",
            "maintainer",
            ".changes",
            &["Maintainer", "Name <"],
            changes!(|text| with_field(&text, "Maintainer", "x <y> z")),
        ),
        case("no-dsc", "one-dsc", ".changes", &[".dsc"], |stock, case| {
            let upload = stock.source(case);
            upload.unlist(".dsc");
            signed(stock, upload)
        }),
        case("two-dscs", "one-dsc", ".dsc", &["2 .dsc"], |stock, case| {
            let upload = stock.source(case);
            let dsc = tool::read(&upload.file(".dsc"));
            upload.add("plain_1.0-2.dsc", "misc", dsc);
            signed(stock, upload)
        }),
        case(
            "an-architecture-without-a-file",
            "architecture",
            ".changes",
            &["arm64"],
            changes!(|text| with_field(&text, "Architecture", "source arm64")),
        ),
        case(
            "a-section-that-nobody-knows",
            "section",
            "",
            &["knick-knacks", "debian/control"],
            package!(Package::new("sectioned", "1.0-1").section("knick-knacks")),
        ),
        case(
            "a-component-that-is-not-there",
            "component",
            "",
            &["multiverse", "main, universe"],
            package!(Package::new("filed", "1.0-1").section("multiverse/misc")),
        ),
        case(
            "a-suite-that-is-not-there",
            "target",
            "",
            &["zenith"],
            changes!(|text| with_field(&text, "Distribution", "zenith")),
        ),
        case(
            "a-pocket-that-is-not-for-people",
            "pocket",
            "",
            &["aurora-security"],
            changes!(|text| with_field(&text, "Distribution", "aurora-security")),
        ),
        // its files
        case("a-file-that-is-longer", "file-size", ".orig.tar.gz", &["bytes"], |stock, case| {
            let upload = signed(stock, stock.source(case));
            tool::write(&upload.file(".orig.tar.gz"), "something else");
            upload
        }),
        case("a-file-of-other-content", "file-digest", ".orig.tar.gz", &["SHA256"], |stock, case| {
            let upload = signed(stock, stock.source(case));
            let path = upload.file(".orig.tar.gz");
            let mut content = tool::read(&path);
            let last = content.len() - 1;
            content[last] ^= 1;
            tool::write(&path, content);
            upload
        }),
        // the .dsc
        case(
            "a-dsc-without-fields",
            "dsc-fields",
            ".dsc",
            &["Format"],
            dsc!(|text| without_field(&text, "Format")),
        ),
        case(
            "a-dsc-of-another-format",
            "dsc-format",
            ".dsc",
            &["3.0 (custom)", "debian/source/format"],
            dsc!(|text| with_field(&text, "Format", "3.0 (custom)")),
        ),
        case("a-dsc-of-another-source", "source-name", ".dsc", &["other", "plain"], |stock, case| {
            renamed(signed(stock, changed(stock, case, "Source", "other")), "other_1.0-1_source.changes")
        }),
        case("a-dsc-of-another-version", "source-version", ".dsc", &["1.0-7", "1.0-1"], |stock, case| {
            renamed(signed(stock, changed(stock, case, "Version", "1.0-7")), "plain_1.0-7_source.changes")
        }),
        case("a-dsc-by-another-name", "dsc-name", ".dsc", &["plain_1.0-1.dsc"], |stock, case| {
            let upload = stock.source(case);
            upload.edit(|text| text.replace("plain_1.0-1.dsc", "plain_1.0-7.dsc"));
            std::fs::rename(upload.folder().join("plain_1.0-1.dsc"), upload.folder().join("plain_1.0-7.dsc"))
                .unwrap();
            signed(stock, upload)
        }),
        case(
            "a-dsc-by-nobody",
            "dsc-maintainer",
            ".dsc",
            &["Maintainer"],
            dsc!(|text| with_field(&text, "Maintainer", "nobody at all")),
        ),
        case(
            "a-dsc-that-needs-nonsense",
            "build-depends",
            ".dsc",
            &["Build-Depends"],
            dsc!(|text| with_field(&text, "Build-Depends", "gcc (>> , [amd64")),
        ),
        case(
            "a-tarball-that-the-dsc-does-not-list",
            "dsc-files",
            "more.tar.gz",
            &["plain_1.0-1.dsc"],
            |stock, case| {
                let upload = stock.source(case);
                upload.add(
                    "plain_1.0.orig-more.tar.gz",
                    "misc",
                    deb::tar_gz(&[("more/file".to_owned(), b"x".to_vec())]),
                );
                signed(stock, upload)
            },
        ),
        case(
            "a-dsc-that-lists-other-content",
            "dsc-changes-differ",
            "",
            &["checksums"],
            dsc!(|text| {
                let line = text.lines().rfind(|line| line.ends_with(".orig.tar.gz")).unwrap();
                let digest = line.split(' ').nth(1).unwrap();
                text.replace(digest, &digest.chars().rev().collect::<String>())
            }),
        ),
        case(
            "without-upstreams-tarball",
            "part-missing",
            ".orig.tar.gz",
            &["-sa"],
            package!(Package::new("alone", "1.0-2").option("-sd")),
        ),
        case("without-a-debian-tarball", "tarball-set", ".dsc", &["debian"], |stock, case| {
            let upload = stock.source(case);
            let line = |text: String| -> String {
                text.lines()
                    .filter(|line| !line.contains(".debian.tar"))
                    .flat_map(|line| [line, "\n"])
                    .collect()
            };
            upload.unlist(".debian.tar.gz").edit_dsc(line);
            signed(stock, upload)
        }),
        // what is in it
        case("a-debian-tarball-that-is-none", "unpack", ".debian.tar.gz", &[], |stock, case| {
            let upload = stock.source(case);
            upload.put(".debian.tar.gz", "no tarball at all");
            signed(stock, upload)
        }),
        case("a-tarball-that-leads-out", "unpack", ".orig.tar.gz", &["../../etc/passwd"], |stock, case| {
            let upload = stock.source(case);
            upload.put(
                ".orig.tar.gz",
                deb::tar_gz(&[("plain-1.0/../../etc/passwd".to_owned(), b"x".to_vec())]),
            );
            signed(stock, upload)
        }),
        case("without-a-changelog", "changelog-missing", "", &["debian/changelog"], |stock, case| {
            let upload = stock.source(case);
            upload.put(
                ".debian.tar.gz",
                deb::tar_gz(&[
                    ("debian/control".to_owned(), b"Source: plain\n".to_vec()),
                    ("debian/copyright".to_owned(), b"Nobody's\n".to_vec()),
                ]),
            );
            signed(stock, upload)
        }),
        // how it stands to what is there
        case(
            "a-version-that-goes-back",
            "version-older",
            ".dsc",
            &["2.0-1", SERIES],
            package!(Package::new("known", "1.0-1")),
        ),
        case(
            "a-version-that-is-there",
            "version-published",
            ".dsc",
            &["known 2.0-1"],
            package!(Package::new("known", "2.0-1")),
        ),
        case(
            "a-name-with-other-content",
            "pool-name",
            ".dsc",
            &["known", "new version"],
            package!(Package::new("known", "2.0-1").entry("Made otherwise.")),
        ),
        case(
            "upstreams-tarball-of-other-content",
            "part-differs",
            ".orig.tar.gz",
            &["known", "apt-get source"],
            |stock, case| {
                let upload = Package::new("known", "2.0-2").source(&stock.at(case));
                upload.put(
                    ".orig.tar.gz",
                    deb::tar_gz(&[("known-2.0/README".to_owned(), b"another\n".to_vec())]),
                );
                upload.unlist(".orig.tar.gz");
                signed(stock, upload)
            },
        ),
        // who sends it
        case("no-signature", "signature-missing", ".changes", &["debsign"], |stock, case| stock.source(case)),
        case(
            "a-stranger",
            "signature-unknown-key",
            ".changes",
            &["key import"],
            signature!(|stock, upload| upload.sign(&Uploader::new("Eve Stranger", "eve@example.org"))),
        ),
        case("another-text-than-was-signed", "signature-bad", ".changes", &[], |stock, case| {
            let upload = signed(stock, stock.source(case));
            upload.replace("Urgency: medium", "Urgency: high");
            upload
        }),
        case(
            "a-weak-digest",
            "signature-weak",
            ".changes",
            &["SHA"],
            signature!(|stock, upload| {
                upload.edit_dsc(|text| stock.ann.clearsigned(&text));
                upload.sign_changes(&stock.ann, &["--digest-algo", "SHA1"])
            }),
        ),
        case("text-behind-the-signature", "signature-framing", ".changes", &[], |stock, case| {
            let upload = signed(stock, stock.source(case));
            upload.edit(|text| format!("{text}Source: other\n"));
            upload
        }),
        case(
            "a-dsc-by-a-stranger",
            "dsc-signature",
            ".dsc",
            &[],
            signature!(|stock, upload| {
                let eve = Uploader::new("Eve Stranger", "eve@example.org");
                upload.edit_dsc(|text| eve.clearsigned(&text));
                upload.sign_changes(&stock.ann, &[])
            }),
        ),
        case("packages-by-people", "source-only", "", &["source"], |stock, case| {
            signed(stock, stock.built(case))
        }),
    ]
}

/// Uploads of packages, by builders.
fn of_binaries() -> Vec<Case> {
    vec![
        case(
            "a-deb-of-another-name",
            "deb-name",
            "known_2.0-1_amd64.deb",
            &["other"],
            binary!(known().with("Package", "other").with("Source", "known")),
        ),
        case(
            "a-deb-of-another-version",
            "deb-version",
            "known_2.0-1_amd64.deb",
            &["3.0"],
            binary!(known().with("Version", "3.0-1").with("Source", "known (2.0-1)")),
        ),
        case(
            "a-deb-of-another-architecture",
            "deb-architecture",
            "known_2.0-1_amd64.deb",
            &["arm64"],
            binary!(known().architecture("arm64")),
        ),
        case(
            "a-deb-of-another-source",
            "deb-source",
            "known_2.0-1_amd64.deb",
            &["other"],
            binary!(known().with("Source", "other")),
        ),
        case(
            "a-deb-of-another-sources-version",
            "deb-source-version",
            "known_2.0-1_amd64.deb",
            &["1.0-1"],
            binary!(known().with("Source", "known (1.0-1)")),
        ),
        case(
            "a-deb-of-another-section",
            "deb-section",
            "known_2.0-1_amd64.deb",
            &["games"],
            binary!(known().with("Section", "games")),
        ),
        case(
            "a-deb-of-another-priority",
            "deb-priority",
            "known_2.0-1_amd64.deb",
            &["required"],
            binary!(known().with("Priority", "required")),
        ),
        case(
            "a-deb-that-depends-on-nothing",
            "depends-empty",
            "known_2.0-1_amd64.deb",
            &["Depends"],
            binary!(known().with("Depends", "")),
        ),
        case(
            "a-deb-with-relations-that-nobody-can-read",
            "relations",
            "known_2.0-1_amd64.deb",
            &["Enhances", "apt would take no index"],
            binary!(known().with("Enhances", "a [amd64")),
        ),
        case(
            "a-deb-without-a-description",
            "deb-control",
            "known_2.0-1_amd64.deb",
            &["Description"],
            binary!(known().without("Description")),
        ),
        case("a-deb-that-is-none", "deb-readable", "known_2.0-1_amd64.deb", &["!<arch>"], |stock, case| {
            let upload = stock.built(case);
            upload.put("known_2.0-1_amd64.deb", "no package");
            upload
        }),
        case(
            "a-deb-that-leads-out",
            "deb-readable",
            "known_2.0-1_amd64.deb",
            &["../../etc/passwd"],
            |stock, case| {
                let upload = stock.built(case);
                let file = ("./../../etc/passwd".to_owned(), b"root".to_vec());
                upload.put("known_2.0-1_amd64.deb", deb::bytes(known().control().as_bytes(), &[file]));
                upload
            },
        ),
        case(
            "a-deb-for-no-architecture",
            "architecture-known",
            ".deb",
            &["riscv64", "amd64"],
            |stock, case| {
                Package::new("known", "2.0-1").binaries(&[("known", "any")]).built(
                    &stock.at(case),
                    "riscv64",
                    false,
                )
            },
        ),
        case(
            "debug-symbols-alone",
            "ddeb-alone",
            ".ddeb",
            &["debug symbols of known-tools"],
            |stock, case| {
                let upload = stock.built(case);
                let aside = tempfile::tempdir().unwrap();
                let path = Deb::new("known-tools-dbgsym", "2.0-1")
                    .with("Source", "known")
                    .architecture("amd64")
                    .ddeb()
                    .write(aside.path());
                upload.add("known-tools-dbgsym_2.0-1_amd64.ddeb", "debug", tool::read(&path));
                upload
            },
        ),
    ]
}

/// Sends all, lets one run judge them, and holds each to its case.
#[track_caller]
fn check(intake: &Intake, stock: &Stock, cases: &[Case], more: &[&str]) {
    for case in cases {
        let upload = (case.make)(stock, case.name);
        let _ = intake.send(&upload, case.name, DISTRIBUTION);
    }
    let done = intake.processed(more);
    let by_leaf: BTreeMap<&str, &Value> =
        done.iter().map(|done| (done["leaf"].as_str().unwrap(), done)).collect();
    let mut wrong = Vec::new();
    for case in cases {
        match by_leaf.get(case.name) {
            Some(done) => wrong.extend(
                differs(intake, case, done).err().map(|what| format!("{}: {what}\n{done:#}", case.name)),
            ),
            None => wrong.push(format!("{}: nothing was done with it", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(
        intake.lying_in("incoming").iter().all(|name| name == DISTRIBUTION),
        "all is taken out of incoming"
    );
}

/// Why what was done with an upload is not what the case says.
fn differs(intake: &Intake, case: &Case, done: &Value) -> Result<(), String> {
    let expect = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    expect(done["verdict"] == "REJECTED" || done["verdict"] == "FAILED", "it is not refused")?;
    let problems = done["problems"].as_array().ok_or("no problems")?;
    let problem = problems.iter().find(|problem| problem["check"] == case.check);
    let problem = problem.ok_or_else(|| format!("{} does not find it", case.check))?;
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    expect(text("file").ends_with(case.file), "another file is named")?;
    expect(!text("what").is_empty() && !text("remedy").is_empty(), "no reason, or no remedy")?;
    let told = format!("{}: {}: {}", text("file"), text("what"), text("remedy"));
    for word in case.words {
        expect(told.contains(word), &format!("it was to say {word:?}: {told}"))?;
    }
    expect(!told.contains(char::is_control), "control characters are told")?;
    // the receipt beside what was moved says the same to whoever looks into the folder
    let moved = done["moved_to"].as_str().ok_or("it was not moved")?;
    let moved = intake.base().join(moved);
    let folder = moved.parent().unwrap_or(&moved);
    let receipt = texts(folder, &moved.file_name().unwrap_or_default().to_string_lossy());
    expect(receipt.contains(text("what")), &format!("the receipt does not say it: {receipt}"))
}

/// All texts in a folder whose names begin so.
fn texts(folder: &Path, beginning: &str) -> String {
    let names = pressroom_tests::apt::names_in(folder).into_iter().filter(|name| name.starts_with(beginning));
    let files = names.map(|name| folder.join(name)).filter(|path| path.is_file());
    files.map(|path| String::from_utf8_lossy(&tool::read(&path)).into_owned()).collect()
}

#[test]
fn every_bad_upload_is_refused_with_its_file_its_reason_and_a_remedy() {
    let (intake, ann) = Intake::with_ann();
    let known = tempfile::tempdir().unwrap();
    let upload = Package::new("known", "2.0-1")
        .binaries(&[("known", "any"), ("known-doc", "all")])
        .source(known.path());
    intake.root.import(SERIES, &[&upload.file(".dsc")]).exits(0);
    let stock = Stock::new(ann);
    let (sources, binaries) = (of_sources(), of_binaries());
    let checks: BTreeSet<&str> = sources.iter().chain(&binaries).map(|case| case.check).collect();
    assert!(checks.len() >= 40, "{} checks: {checks:?}", checks.len());
    check(&intake, &stock, &sources, &[]);
    check(&intake, &stock, &binaries, &["--policy", "buildd"]);
    // nothing of all that is in the archive
    assert_eq!(intake.queue(&["--status", "new,unapproved,accepted,done"]).len(), 0);
}
