//! Uploads are looked at: each is good but for one thing, and that one thing is named with its file, its reason and what to do about it.

use std::fs;
use std::os::unix::fs::symlink;
use std::rc::Rc;

use pressroom_archive::disk;
use pressroom_archive::domain::problem::Severity;
use pressroom_archive::domain::{PersonKind, UploadPolicy, UploadStatus};
use pressroom_archive::librarian::Librarian;
use pressroom_archive::openpgp::{Certificate, OwnKey, Signer};
use pressroom_archive::store::openpgp_key::{NewKey, keep_key};
use pressroom_archive::store::package_upload::{self, Filed, NewUpload};
use pressroom_archive::store::person::{NewPerson, PersonChange, change_person, create_person, person_by_id};
use pressroom_archive::store::upload_check;
use pressroom_archive::upload::checks::{Asked, ExamineError, Limits, early, examine};

use crate::drafts::{Draft, DraftFile, Entry, Judge, checks, control, deb, file, tar_gz, tree};
use crate::fixture::{House, Package, Wanted};

/// What the librarian has.
fn originals(house: &House) -> Vec<String> {
    let root = house.folder.path().join("librarian");
    if !root.exists() {
        return Vec::new();
    }
    disk::files_below(&root).unwrap().into_iter().map(|file| file.path).collect()
}

#[test]
fn good_uploads_come_in_with_all_their_files() {
    let house = House::new(&["main"], &["amd64"]);
    let judge = Judge::of(&house, "s");
    let new = "--- hello-1.orig/debian/changelog\n+++ hello-1/debian/changelog\n@@ -0,0 +1 @@\n+hello (1-1) s; urgency=low\n\
               --- hello-1.orig/debian/control\n+++ hello-1/debian/control\n@@ -0,0 +1 @@\n+Source: hello\n\
               --- hello-1.orig/debian/copyright\n+++ hello-1/debian/copyright\n@@ -1 +1,2 @@\n It is free.\n+Really.\n";
    let mut several = Draft::quilt();
    several.parts.push(file("hello_1.orig-data.tar.gz", tar_gz(&[Entry::file("data/x", "x")])));
    several.parts.push(file("hello_1.orig.tar.gz.asc", b"a signature".to_vec()));
    for (draft, files) in [
        (Draft::quilt(), 2),
        (several, 4),
        (Draft::native(&tree()), 1),
        (Draft::diff(&[Entry::file("debian/copyright", "It is free.\n")], new), 2),
    ] {
        let looked = judge.draft(&house, &draft);
        assert_eq!(looked.problems, [], "{}", draft.dsc);
        let examined = looked.examined.unwrap();
        let source = examined.source.unwrap();
        assert_eq!(source.files.len(), files);
        for file in source.files.iter().chain([&source.dsc, &examined.changes_file]) {
            assert!(house.librarian.path(&file.digests.sha256).exists(), "{:?}", file.name);
        }
        let kept = fs::read(house.librarian.path(&examined.changes_file.digests.sha256)).unwrap();
        assert_eq!(kept, examined.changes.text.as_bytes());
    }
    let looked = judge.draft(&house, &Draft::binary());
    assert_eq!(looked.problems, []);
    let binary = &looked.examined.unwrap().binaries[0];
    assert_eq!((binary.control.package.as_str(), binary.paths.count), ("hello", 1));
    let custom = Draft::custom(
        "hello_1-1_amd64.tar.gz",
        "raw-signing",
        &[Entry::file("1-1/boot.efi", "x"), Entry::link("1-1/same.efi", "boot.efi")],
    );
    let looked = judge.draft(&house, &custom);
    assert_eq!(looked.problems, []);
    assert_eq!(looked.examined.unwrap().customs[0].architecture.as_deref(), Some("amd64"));
}

type Change = fn(&mut Draft);

/// Trips a check by one change of a good upload.
fn trip(house: &House, judge: &Judge, draft: Draft, (check, part): (&str, &str), change: Change) {
    let mut changed = draft;
    change(&mut changed);
    let before = originals(house);
    let looked = judge.draft(house, &changed);
    let problem = looked.problems.iter().find(|problem| problem.check == check);
    let problem = problem.unwrap_or_else(|| panic!("{check}: {:?}", looked.problems));
    assert_eq!(
        looked.examined.is_none(),
        looked.problems.iter().any(|one| one.severity == Severity::Rejection)
    );
    assert!(problem.file.is_some() && !problem.what.is_empty() && !problem.remedy.is_empty(), "{problem:?}");
    assert!(problem.to_string().contains(part), "{check}: {problem}");
    assert!(!problem.to_string().contains(char::is_control), "{problem}");
    if looked.examined.is_none() {
        assert_eq!(originals(house), before, "what is refused leaves nothing");
    }
}

fn replace(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
}

#[test]
fn each_check_of_a_source_says_file_reason_and_remedy() {
    let house = House::new(&["main"], &["amd64"]);
    let judge = Judge::of(&house, "s");
    let quilt: [(&str, &str, Change); 24] = [
        ("one-dsc", "lists no .dsc", |draft| draft.dsc.clear()),
        ("one-dsc", "2 .dsc files", |draft| draft.files.push(file("other_1.dsc", b"x".to_vec()))),
        ("architecture", "has no source", |draft| draft.architecture = "amd64".into()),
        ("architecture", "has amd64, but no file", |draft| draft.architecture = "source amd64".into()),
        ("source-name", "is of hallo", |draft| {
            draft.source = "hallo".into();
            draft.name = "hallo_1-1_source.changes".into();
        }),
        ("source-version", "is of 1-2", |draft| {
            draft.version = "1-2".into();
            draft.name = "hello_1-2_source.changes".into();
        }),
        ("dsc-name", "is called hello_1-1.dsc", |draft| draft.dsc_name = "hello_1.dsc".into()),
        ("dsc-fields", "Maintainer is missing", |draft| {
            replace(&mut draft.dsc, "Maintainer", "X-Maintainer");
        }),
        ("dsc-maintainer", "Maintainer", |draft| replace(&mut draft.dsc, " <ann@example.org>", "")),
        ("dsc-format", "3.0 (git)", |draft| replace(&mut draft.dsc, "(quilt)", "(git)")),
        ("dsc-syntax", "no colon", |draft| draft.dsc.push_str("garbage\n")),
        ("dsc-syntax", "UTF-8", |draft| draft.around_dsc = Rc::new(|dsc| [dsc, b"X: \xff\n"].concat())),
        ("dsc-signature", "cut off", |draft| {
            draft.around_dsc = Rc::new(|dsc| [b"-----BEGIN PGP SIGNED MESSAGE-----\n\n", dsc].concat());
        }),
        ("build-depends", "debhelper", |draft| replace(&mut draft.dsc, "(= 13)", "(13)")),
        ("tarball-set", "debian folder is missing", |draft| {
            draft.parts.pop();
        }),
        ("tarball-set", "both the upstream tarball", |draft| {
            let again = draft.parts[0].bytes.clone();
            draft.parts.push(file("hello_1.orig.tar.xz", again));
        }),
        ("dsc-files", "does not list it", |draft| {
            draft.files.push(file("hello_2.orig.tar.gz", b"x".to_vec()));
        }),
        ("part-missing", "neither in the upload nor", |draft| {
            let part = draft.parts.remove(0);
            draft.borrowed.push((part.name, part.bytes));
        }),
        ("unpack", "cannot be decompressed", |draft| draft.parts[0].bytes = b"no tarball".to_vec()),
        ("unpack", "not in the folder debian", |draft| {
            draft.parts[1].bytes = tar_gz(&[Entry::file("other/file", "")]);
        }),
        ("patch-missing", "\"gone.patch\"", |draft| {
            let mut entries = tree();
            entries.push(Entry::file("debian/patches/series", "# all\nhere.patch -p1\ngone.patch\n"));
            entries.push(Entry::file("debian/patches/here.patch", ""));
            draft.parts[1].bytes = tar_gz(&entries);
        }),
        ("top-folder", "\"a\", \"b\"", |draft| {
            draft.parts[0].bytes = tar_gz(&[Entry::file("a/x", ""), Entry::file("b/x", "")]);
        }),
        ("section", "gadgets", |draft| draft.parts[0].section = "gadgets".into()),
        ("component", "non-free, which s does not have", |draft| {
            draft.parts[0].section = "non-free/devel".into();
        }),
    ];
    for (check, part, change) in quilt {
        trip(&house, &judge, Draft::quilt(), (check, part), change);
    }
    let with = |entries: &[Entry]| Draft::native(entries);
    let without = |path: &str| {
        let left: Vec<Entry> = tree().into_iter().filter(|entry| entry.path != path).collect();
        Draft::native(&left)
    };
    let instead = |path: &str, entry: Entry| {
        let mut entries: Vec<Entry> = tree().into_iter().filter(|entry| entry.path != path).collect();
        entries.push(entry);
        Draft::native(&entries)
    };
    let more = |entry: Entry| with(&[tree(), vec![entry]].concat());
    let long = "x".repeat((10 << 20) + 1);
    for (draft, check, part) in [
        (without("debian/changelog"), "changelog-missing", "no debian/changelog"),
        (without("debian/copyright"), "copyright-missing", "no debian/copyright"),
        (without("debian/control"), "control-missing", "no debian/control"),
        (
            instead("debian/changelog", Entry::link("debian/changelog", "../CHANGES")),
            "changelog-link",
            "a symbolic link",
        ),
        (
            instead("debian/copyright", Entry::link("debian/copyright", "../COPYING")),
            "copyright-link",
            "a symbolic link",
        ),
        (
            instead("debian/changelog", Entry::file("debian/changelog", &long)),
            "changelog-size",
            "10485761 bytes",
        ),
        (instead("debian/copyright", Entry::file("debian/copyright", &long)), "copyright-size", "10 MiB"),
        (
            instead("debian/changelog", Entry::file("debian/changelog", "hi")),
            "changelog-entry",
            "does not begin",
        ),
        (
            instead("debian/changelog", Entry::file("debian/changelog", "hello (9) s; urgency=low")),
            "changelog-entry",
            "hello 9",
        ),
        (more(Entry::file("../../../etc/passwd", "")), "unpack", "leads out of the root"),
        (more(Entry::file("null", "").kind(tar::EntryType::Char)), "unpack", "a device"),
        (
            with(&[tree(), vec![Entry::link("l", "/etc"), Entry::file("l/passwd", "")]].concat()),
            "unpack",
            "below",
        ),
    ] {
        trip(&house, &judge, draft, (check, part), |_| {});
    }
    let diff = Draft::diff(&[], "--- hello-1.orig/x\n+++ /etc/passwd\n@@ -0,0 +1 @@\n+x\n");
    trip(&house, &judge, diff, ("unpack", "not below the source's folder"), |_| {});
    let mut native = Draft::native(&tree());
    native.parts[0].bytes = tar_gz(&tree());
    native.parts[0].bytes = tar_gz(&[tree(), vec![Entry::file("README", "")]].concat());
    trip(&house, &judge, native, ("top-folder", "\"README\", \"debian\""), |_| {});
}

#[test]
fn each_check_of_a_binary_says_file_reason_and_remedy() {
    let house = House::new(&["main"], &["amd64"]);
    let judge = Judge::of(&house, "s");
    let made = |control: &str, entries: &[Entry]| {
        let mut draft = Draft::binary();
        draft.files[0].bytes = deb(control, entries);
        draft
    };
    let hello = || control("hello", "1-1", "amd64", "");
    for (draft, check, part) in [
        (made(&control("hallo", "1-1", "amd64", ""), &[]), "deb-name", "hallo"),
        (made(&control("hello", "1-2", "amd64", ""), &[]), "deb-version", "1-2"),
        (made(&control("hello", "1-1", "all", ""), &[]), "deb-architecture", "hello_1-1_all.deb"),
        (made(&hello().replace("hello (1-1)", "hallo"), &[]), "deb-source", "built from hallo"),
        (made(&hello().replace("hello (1-1)", "hello (1-0)"), &[]), "deb-source-version", "1-0"),
        (made(&hello().replace("Section: devel", "Section: games"), &[]), "deb-section", "games"),
        (made(&hello().replace("Priority: optional", "Priority: required"), &[]), "deb-priority", "required"),
        (made(&control("hello", "1-1", "amd64", "Depends: \n"), &[]), "depends-empty", "Depends"),
        (made(&control("hello", "1-1", "amd64", "Suggests: one two\n"), &[]), "relations", "Suggests"),
        (
            made(&control("hello", "1-1", "amd64", "Depends: x (=1)\n"), &[]),
            "relations",
            "apt would take no index",
        ),
        (made(&hello().replace("Maintainer", "X-Maintainer"), &[]), "deb-control", "Maintainer is missing"),
        (made(&hello(), &[Entry::file("./old", "").modified(1000)]), "member-date", "before 1975"),
        (made(&hello(), &[Entry::file("./new", "").modified(1_800_100_000)]), "member-date", "still to come"),
        (made(&hello(), &[Entry::file("../x", "")]), "deb-readable", "leads out"),
    ] {
        trip(&house, &judge, draft, (check, part), |_| {});
    }
    let changes: [(&str, &str, Change); 6] = [
        ("deb-readable", "ar", |draft| draft.files[0].bytes = b"no package".to_vec()),
        ("architecture", "for amd64, which", |draft| draft.architecture = "all".into()),
        ("one-dsc", "no .dsc is listed", |draft| {
            draft.files.push(file("hello_1.orig.tar.gz", b"x".to_vec()));
        }),
        ("ddeb-alone", "hello_1-2_amd64.deb", |draft| {
            draft.files.push(file("hello-dbgsym_1-2_amd64.ddeb", b"x".to_vec()));
        }),
        ("architecture-known", "s390x, which s does not have", |draft| {
            draft.architecture = "s390x".into();
            draft.files[0].name = "hello_1-1_s390x.deb".into();
            draft.files[0].bytes = deb(&control("hello", "1-1", "s390x", ""), &[]);
        }),
        ("priority", "wished", |draft| draft.files[0].priority = "wished".into()),
    ];
    for (check, part, change) in changes {
        trip(&house, &judge, Draft::binary(), (check, part), change);
    }
}

#[test]
fn each_check_of_a_custom_file_says_file_reason_and_remedy() {
    let house = House::new(&["main"], &["amd64"]);
    let judge = Judge::of(&house, "s");
    let name = "hello_1-1_amd64.tar.gz";
    for (draft, check, part) in [
        (Draft::custom(name, "raw-gadget", &[]), "custom-section", "raw-signing"),
        (Draft::custom(name, "raw-installer", &[]), "custom-name", "debian-installer-images_VERSION"),
        (Draft::custom(name, "raw-signing", &[Entry::link("a", "/etc/passwd")]), "unpack", "/etc/passwd"),
        (Draft::custom(name, "raw-uefi", &[Entry::link("a/b", "../../x")]), "unpack", "not in the tarball"),
        (
            Draft::custom(name, "raw-signing", &[Entry::file("a", "").kind(tar::EntryType::Fifo)]),
            "unpack",
            "a FIFO, and only files, folders and links are taken",
        ),
    ] {
        trip(&house, &judge, draft, (check, part), |_| {});
    }
}

#[test]
fn files_are_what_is_listed_or_refused() {
    let house = House::new(&["main"], &["amd64"]);
    let judge = Judge::of(&house, "s");
    let part = "hello_1.orig.tar.gz";
    let refusal = |meddle: &dyn Fn(&std::path::Path)| {
        let (folder, draft) = (tempfile::tempdir().unwrap(), Draft::quilt());
        let changes = draft.write(folder.path());
        meddle(&folder.path().join(part));
        let looked = judge.look(&house, folder.path(), &draft.name, &changes);
        assert!(looked.examined.is_none() && originals(&house).is_empty());
        let problem = looked.problems.into_iter().find(|problem| problem.file.as_deref() == Some(part));
        problem.unwrap()
    };
    let remove = |path: &std::path::Path| fs::remove_file(path).unwrap();
    let write = |path: &std::path::Path, bytes: &[u8]| disk::write_staged(path, bytes).unwrap();
    assert_eq!(refusal(&remove).check, "file-present");
    assert_eq!(refusal(&|path| write(path, b"short")).check, "file-size");
    let flipped = refusal(&|path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[5] ^= 1;
        write(path, &bytes);
    });
    assert_eq!(flipped.check, "file-digest");
    assert!(flipped.what.contains("SHA256") && flipped.remedy.contains("upload it again"), "{flipped}");
    let linked = refusal(&|path| {
        remove(path);
        symlink("/etc/passwd", path).unwrap();
    });
    assert_eq!(linked.check, "file-kind");
    assert!(linked.what.contains("a symbolic link"), "{linked}");
    let folder = refusal(&|path| {
        remove(path);
        disk::make_folder(path).unwrap();
    });
    assert!(folder.what.contains("a folder"), "{folder}");
    let fifo = refusal(&|path| {
        remove(path);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    });
    assert!(fifo.what.contains("a FIFO"), "{fifo}");
}

#[test]
fn sizes_and_numbers_are_bounded_before_anything_is_read() {
    let house = House::new(&["main"], &["amd64"]);
    let mut judge = Judge::of(&house, "s");
    judge.limits = Limits { files: 2, ..Limits::default() };
    trip(&house, &judge, Draft::quilt(), ("file-count", "3 files"), |_| {});
    judge.limits = Limits { upload_bytes: 100, ..Limits::default() };
    trip(&house, &judge, Draft::quilt(), ("upload-size", "100 are the most"), |_| {});
    judge.limits = Limits { unpacked_bytes: 1000, ..Limits::default() };
    trip(&house, &judge, Draft::quilt(), ("unpack-size", "1000 bytes when decompressed"), |_| {});
    judge.limits = Limits { unpacked_entries: 2, ..Limits::default() };
    trip(&house, &judge, Draft::quilt(), ("unpack-size", "2 entries"), |_| {});
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let house = House::new(&["main"], &["amd64"]);
    let mut draft = Draft::quilt();
    replace(&mut draft.dsc, "(= 13)", "(13)");
    draft.parts[0].bytes = b"no tarball".to_vec();
    draft.files.push(DraftFile { section: "gadgets".into(), ..file("hello_1-1_amd64.deb", b"x".to_vec()) });
    draft.architecture = "source amd64".into();
    let looked = Judge::of(&house, "s").draft(&house, &draft);
    assert_eq!(checks(&looked.problems), ["section", "build-depends", "unpack", "deb-readable"]);
}

#[test]
fn of_what_is_refused_for_another_reason_nothing_is_kept() {
    let house = House::new(&["main"], &["amd64"]);
    let judge = Judge { is_refused: true, ..Judge::of(&house, "s") };
    let looked = judge.draft(&house, &Draft::quilt());
    assert_eq!(looked.problems, []);
    assert!(looked.examined.is_none() && originals(&house).is_empty());
}

#[test]
fn a_ppa_takes_sections_and_components_that_nobody_knows() {
    let house = House::new(&["main"], &["amd64"]);
    let mut draft = Draft::quilt();
    draft.parts[0].section = "universe/gadgets".into();
    let looked = Judge::of(&house, "s").ppa().draft(&house, &draft);
    assert_eq!(checks(&looked.problems), ["component", "section"]);
    assert!(looked.examined.is_some());
}

#[test]
fn what_the_archive_has_is_borrowed_and_not_contradicted() {
    let mut house = House::new(&["main"], &["amd64"]);
    let first = Draft::quilt();
    let folder = tempfile::tempdir().unwrap();
    first.write(folder.path());
    let report = house.import_paths("s", None, &[folder.path().join("hello_1-1.dsc")]);
    assert_eq!(report.complaints, []);
    house.publish(Wanted::Changed);
    let judge = Judge::of(&house, "s");
    // the next revision does not bring the upstream tarball again
    let mut next = Draft::quilt().with_version("1-2");
    let orig = next.parts.remove(0);
    next.borrowed.push((orig.name, orig.bytes));
    let looked = judge.draft(&house, &next);
    assert_eq!(checks(&looked.problems), ["changelog-entry"]);
    assert_eq!(looked.examined.unwrap().source.unwrap().files.len(), 2);
    let mut other = next.clone();
    other.borrowed[0].1 = b"other".to_vec();
    trip(&house, &judge, other, ("part-differs", "that of hello 1-1 has SHA256"), |_| {});
    // under the name of a file that the archive has
    let mut clash = Draft::quilt().with_version("1-2");
    clash.parts[0].bytes = tar_gz(&[Entry::file("hello-1/README", "other")]);
    trip(&house, &judge, clash, ("pool-name", "a new version"), |_| {});
    // a PPA borrows from the primary archive too
    let mut ppa = judge.ppa();
    ppa.archive.id.0 += 1;
    let looked = ppa.draft(&house, &next);
    assert_eq!(checks(&looked.problems), ["changelog-entry"]);
}

#[test]
fn versions_only_go_up() {
    let mut house = House::new(&["main"], &["amd64"]);
    let folder = tempfile::tempdir().unwrap();
    Draft::quilt().with_version("2-1").write(folder.path());
    house.import_paths("s", None, &[folder.path().join("hello_2-1.dsc")]);
    house.import("s", None, &[Package::new("hello", "2-1", "amd64")]);
    house.publish(Wanted::Changed);
    let older = ("version-older", "hello 1-1 is older than 2-1, which is in s");
    for suite in ["s", "s-updates"] {
        let judge = Judge::of(&house, suite);
        trip(&house, &judge, Draft::quilt(), older, |_| {});
        trip(&house, &judge, Draft::binary(), older, |_| {});
    }
    let again = Draft::quilt().with_version("2-1");
    trip(&house, &Judge::of(&house, "s"), again.clone(), ("version-published", "is in s already"), |_| {});
    let looked = Judge::of(&house, "s-updates").draft(&house, &again);
    assert!(looked.examined.is_some(), "{:?}", looked.problems);
    // what is in the pocket counts, where there is something
    let folder = tempfile::tempdir().unwrap();
    Draft::quilt().with_version("3-1").write(folder.path());
    house.import_paths("s-updates", None, &[folder.path().join("hello_3-1.dsc")]);
    let between = Draft::quilt().with_version("2-2");
    trip(&house, &Judge::of(&house, "s-updates"), between.clone(), ("version-older", "3-1"), |_| {});
    assert!(Judge::of(&house, "s").draft(&house, &between).examined.is_some());
}

#[test]
fn a_series_takes_the_formats_that_it_names() {
    let mut house = House::new(&["main"], &["amd64"]);
    house
        .db
        .write(|tx| -> Result<(), pressroom_archive::store::StoreError> {
            tx.execute("UPDATE distro_series SET source_formats = '1.0, 3.0 (native)'", []).unwrap();
            Ok(())
        })
        .unwrap();
    let judge = Judge::of(&house, "s");
    trip(&house, &judge, Draft::quilt(), ("source-format", "1.0, 3.0 (native)"), |_| {});
    assert!(judge.draft(&house, &Draft::native(&tree())).examined.is_some());
}

/// A key of a new person.
fn key_of(house: &mut House, name: &str) -> Rc<OwnKey> {
    let (now, person) = (house.now, name.parse().unwrap());
    let key = OwnKey::generate(&format!("{name} <{name}@example.org>"), now).unwrap();
    let public = key.public_key().unwrap();
    let certificate = Certificate::read_all(&public.binary).unwrap().remove(0);
    let parts: Vec<(String, String)> =
        certificate.parts().into_iter().map(|part| (part.fingerprint, part.key_id)).collect();
    house
        .db
        .write(|tx| {
            let new = NewPerson { name: &person, kind: PersonKind::Person, display_name: name };
            let person = create_person(tx, &new, now)?;
            let emails = Some(vec![format!("{name}@example.org").parse().unwrap()]);
            let change = PersonChange { emails, ..PersonChange::default() };
            change_person(tx, &person_by_id(tx, person)?, &change)?;
            let fingerprint = certificate.fingerprint();
            let new =
                NewKey { person, fingerprint: &fingerprint, certificate: &public.binary, parts: &parts };
            keep_key(tx, &new, now)
        })
        .unwrap();
    Rc::new(key)
}

#[test]
fn a_dsc_is_signed_by_somebody_who_is_known() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (ann, ben) = (key_of(&mut house, "ann"), key_of(&mut house, "ben"));
    let stranger = Rc::new(OwnKey::generate("eve <eve@example.org>", house.now).unwrap());
    let mut judge = Judge { policy: UploadPolicy::Insecure, ..Judge::of(&house, "s") };
    judge.signer = Some(ann.fingerprint().to_owned());
    let now = house.now;
    let by = |key: &Rc<OwnKey>| {
        let key = Rc::clone(key);
        let mut draft = Draft::quilt();
        draft.around_dsc = Rc::new(move |dsc| key.clear(std::str::from_utf8(dsc).unwrap(), now).unwrap());
        draft
    };
    let looked = judge.draft(&house, &by(&ann));
    assert_eq!(looked.problems, []);
    let kept = looked.examined.unwrap().source.unwrap();
    assert!(
        kept.control.is_signed && !kept.control.text.contains("PGP"),
        "the file as it came, the text without"
    );
    trip(&house, &judge, by(&ben), ("dsc-signer", "signed by ben"), |_| {});
    let looked = judge.draft(&house, &by(&ben));
    assert!(looked.examined.is_none(), "somebody who has nothing to do with it");
    assert!(looked.problems[0].what.contains("neither as Changed-By nor as Maintainer"), "{looked:?}");
    // but whose work somebody sponsors is named
    let (ann_writes, ben_writes) = ("Ann Uploader <ann@example.org>", "Ben <Ben@example.org>");
    for (maintainer, changed_by) in [(ann_writes, ben_writes), (ben_writes, ann_writes)] {
        let people = (maintainer.to_owned(), changed_by.to_owned());
        let looked = judge.draft(&house, &Draft { people, ..by(&ben) });
        assert_eq!(checks(&looked.problems), ["dsc-signer"], "{looked:?}");
        assert!(looked.examined.is_some());
    }
    trip(&house, &judge, Draft::quilt(), ("dsc-unsigned", "debsign"), |_| {});
    trip(&house, &judge, by(&stranger), ("dsc-signature", "not known here"), |_| {});
    let mut forged = by(&ann);
    let around = Rc::clone(&forged.around_dsc);
    forged.around_dsc = Rc::new(move |dsc| {
        String::from_utf8(around(dsc)).unwrap().replace("Binary: hello", "Binary: hallo").into_bytes()
    });
    trip(&house, &judge, forged.clone(), ("dsc-signature", "does not hold"), |_| {});
    // what is synced was signed by people of another archive
    judge.policy = UploadPolicy::Sync;
    judge.signer = None;
    assert_eq!(judge.draft(&house, &by(&stranger)).problems, []);
    let looked = judge.draft(&house, &forged);
    assert_eq!(checks(&looked.problems), ["dsc-signature"]);
    assert!(looked.examined.is_some());
}

#[test]
fn what_waits_in_the_queue_is_lent_and_not_contradicted() {
    let mut house = House::new(&["main"], &["amd64"]);
    let judge = Judge::of(&house, "s");
    let source = house.source("hello", "1-1", &[("debian/changelog", b"hello (1-1) s; urgency=low\n")]);
    let shape = house.shape("s");
    let (archive, now, component) = (house.archive.id, house.now, house.component("main"));
    let upload = house
        .db
        .write(|tx| {
            let new = NewUpload {
                archive,
                suite: shape.suite.id,
                status: UploadStatus::New,
                policy: UploadPolicy::Insecure,
                signer: None,
                signing_key: None,
                changed_by: "",
                changes_file: None,
                source_name: &"hello".parse().unwrap(),
                version: &"1-1".parse().unwrap(),
                comment: "",
            };
            let upload = package_upload::add_upload(tx, &new, now)?;
            let filed = Filed { component, section: None, priority: None, is_new: true };
            package_upload::add_source(tx, upload, source, &filed)?;
            Ok::<_, pressroom_archive::store::StoreError>(upload)
        })
        .unwrap();
    // the file that waits, for a revision that does not bring it
    let sha256 = {
        let known =
            upload_check::source_parts(house.db.read(), archive, &"hello_1-1.tar.gz".parse().unwrap());
        known.unwrap()[0].digests.sha256
    };
    let mut lent = Draft::native(&tree());
    let bytes = fs::read(house.librarian.path(&sha256)).unwrap();
    lent.parts.clear();
    lent.borrowed.push(("hello_1-1.tar.gz".into(), bytes));
    let looked = judge.draft(&house, &lent);
    assert_eq!(checks(&looked.problems), ["pool-name", "version-waiting"], "of the .dsc");
    assert_eq!(looked.examined.unwrap().source.unwrap().files[0].digests.sha256, sha256);
    // other content is warned of while somebody has to decide, and refused afterwards
    let again = Draft::native(&tree());
    trip(&house, &judge, again.clone(), ("version-waiting", "pressroom queue reject 1"), |_| {});
    assert!(judge.draft(&house, &again).examined.is_some());
    let accept = (UploadStatus::New, UploadStatus::Accepted);
    house.db.write(|tx| package_upload::change_status(tx, upload, accept, "ann", "", now)).unwrap();
    trip(&house, &judge, again.clone(), ("version-waiting", "a higher version"), |_| {});
    trip(&house, &judge, again, ("pool-name", "which is ACCEPTED"), |_| {});
}

#[test]
fn a_disk_that_fails_is_not_the_uploads_fault() {
    let house = House::new(&["main"], &["amd64"]);
    let (folder, draft, judge) = (tempfile::tempdir().unwrap(), Draft::quilt(), Judge::of(&house, "s"));
    let name = draft.name.parse().unwrap();
    let changes = early(&draft.write(folder.path()), &name).unwrap();
    // where the librarian should be is a file
    let librarian = Librarian::new(folder.path().join("hello_1-1.dsc"));
    let asked = Asked {
        db: house.db.read(),
        librarian: &librarian,
        kept: &librarian,
        archive: &judge.archive,
        shape: &judge.shape,
        policy: judge.policy,
        limits: &judge.limits,
        signer: None,
        is_refused: false,
        now: house.now,
    };
    let error = examine(fs::File::open(folder.path()).unwrap(), &asked, &name, changes).unwrap_err();
    assert!(matches!(error, ExamineError::Disk(_)), "{error}");
}

#[test]
fn what_is_borrowed_is_read_where_the_archive_keeps_it() {
    let mut house = House::new(&["main"], &["amd64"]);
    let diff = "--- hello-1.orig/debian/changelog\n+++ hello-1/debian/changelog\n@@ -0,0 +1 @@\n+hello (1-2) s; urgency=low\n";
    let upstream =
        [Entry::file("debian/copyright", "It is free.\n"), Entry::file("debian/control", "Source: hello\n")];
    let first = Draft::diff(&upstream, diff);
    let folder = tempfile::tempdir().unwrap();
    first.write(folder.path());
    assert_eq!(house.import_paths("s", None, &[folder.path().join("hello_1-1.dsc")]).complaints, []);
    house.publish(Wanted::Changed);
    let mut next = first.with_version("1-2");
    let orig = next.parts.remove(0);
    next.borrowed.push((orig.name, orig.bytes));
    // as in a dry run: what comes in goes elsewhere
    let (folder, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = next.name.parse().unwrap();
    let changes = early(&next.write(folder.path()), &name).unwrap();
    let (judge, librarian) = (Judge::of(&house, "s"), Librarian::new(aside.path().to_owned()));
    let asked = Asked {
        db: house.db.read(),
        librarian: &librarian,
        kept: &house.librarian,
        archive: &judge.archive,
        shape: &judge.shape,
        policy: judge.policy,
        limits: &judge.limits,
        signer: None,
        is_refused: false,
        now: house.now,
    };
    let looked = examine(fs::File::open(folder.path()).unwrap(), &asked, &name, changes).unwrap();
    assert!(looked.examined.is_some(), "{:?}", looked.problems);
}

#[test]
fn the_same_file_of_two_uploads_is_kept_once() {
    let house = House::new(&["main"], &["amd64"]);
    let judge = Judge::of(&house, "s");
    assert!(judge.draft(&house, &Draft::quilt()).examined.is_some());
    let before = originals(&house);
    assert!(judge.draft(&house, &Draft::quilt()).examined.is_some());
    assert_eq!(originals(&house), before);
    assert_eq!(before.len(), 4, "the .changes, the .dsc and its two files: {before:?}");
}
