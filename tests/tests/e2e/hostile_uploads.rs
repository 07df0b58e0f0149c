//! What somebody who means harm, or a broken network, may put into incoming: each thing is refused with a reason or waited for, and whoever comes after it
//! is served as if it had not been there.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use pressroom_tests::deb::{self, Deb};
use pressroom_tests::intake::{Intake, done};
use pressroom_tests::mount::Cage;
use pressroom_tests::random::Random;
use pressroom_tests::root::{DISTRIBUTION, SERIES};
use pressroom_tests::tool::{self, Ran, tool, write};
use pressroom_tests::upload::{Package, Upload};
use pressroom_tests::uploader::Uploader;
use serde_json::Value;

use crate::crash::kill_after;

/// A source upload by Ann.
#[track_caller]
fn by(ann: &Uploader, name: &str, folder: &Path) -> Upload {
    let upload = Package::new(name, "1.0-1").source(&folder.join(name));
    upload.sign(ann);
    upload
}

/// Judges all that lies in incoming within limits that no well-behaved upload comes near, and insists that a good upload among it came in.
#[track_caller]
fn judged_with_a_good_one(intake: &Intake, ann: &Uploader, more: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let good = by(ann, "good", folder.path());
    // the last in order, so that it comes after all the others
    let _ = intake.send(&good, "zzz-good", DISTRIBUTION);
    let base = intake.base().to_string_lossy().into_owned();
    let words = [&["--format", "json", "process-upload", &base], more].concat();
    let ran = bounded(intake, &words).exits(0);
    let done = done(&ran);
    let last = done.iter().find(|done| done["leaf"] == "zzz-good");
    let last = last.unwrap_or_else(|| panic!("the good one was not judged:\n{}", ran.account()));
    assert!(more.contains(&"buildd") || last["verdict"] == "ACCEPTED", "{last:#}");
    done.into_iter().filter(|done| done["leaf"] != "zzz-good").collect()
}

/// Runs a command with at most 512 MiB of memory, two minutes of processor time and files of 256 MiB.
#[track_caller]
fn bounded(intake: &Intake, words: &[&str]) -> Ran {
    let command = intake.root.command(words);
    let mut limited = tool("prlimit");
    limited.args(["--data=536870912", "--cpu=120", "--fsize=268435456", "--"]);
    limited.arg(command.get_program()).args(command.get_args()).env_remove("PRESSROOM_ROOT");
    tool::run(limited.stdin(Stdio::null()))
}

/// What is wrong with the one upload that was judged.
#[track_caller]
fn only(done: &[Value]) -> (&Value, String) {
    let [one] = done else { panic!("this was to be one: {done:#?}") };
    assert_ne!(one["verdict"], "ACCEPTED", "{one:#}");
    let problems = one["problems"].as_array().unwrap();
    let words = |problem: &Value| format!("{}: {}: {}", problem["file"], problem["what"], problem["remedy"]);
    (one, problems.iter().map(words).collect::<Vec<_>>().join("\n"))
}

/// Ways to be bad that end in a refusal with these words.
#[track_caller]
fn refused(make: impl for<'u> FnOnce(&'u Upload, &Uploader) -> &'u Upload, words: &[&str]) {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = Package::new("bad", "1.0-1").source(folder.path());
    let _ = make(&upload, &ann);
    let _ = intake.send(&upload, "bad", DISTRIBUTION);
    let done = judged_with_a_good_one(&intake, &ann, &[]);
    let (_, told) = only(&done);
    for word in words {
        assert!(told.contains(word), "this was to say {word:?}: {told}");
    }
    assert_eq!(intake.lying_in("incoming"), [DISTRIBUTION], "nothing is left");
    assert_eq!(intake.queue(&[]).len(), 1, "only the good one is in the queue");
}

// ---------------------------------------------------------------- what is said

#[test]
fn a_changes_that_lists_a_path_reads_nothing_there() {
    let words = ["file name", "../../etc/passwd"];
    refused(|upload, ann| upload.replace("bad_1.0.orig.tar.gz", "../../etc/passwd").sign(ann), &words);
}

#[test]
fn two_lists_that_disagree_are_refused() {
    let list = "Files:\n d41d8cd98f00b204e9800998ecf8427e 0 misc optional bad_1.0-1.dsc\n";
    refused(
        |upload, ann| upload.edit(|text| format!("{text}{list}")).sign_changes(ann, &[]),
        &["Files", "twice"],
    );
}

#[test]
fn a_changes_of_a_hundred_thousand_files_is_refused_before_any_is_opened() {
    let lines = |digest: &str, middle: &str| -> String {
        (0..100_000).map(|number| format!(" {digest} 1 {middle}x{number}_1_all.deb\n")).collect()
    };
    let add = |text: String| {
        let (md5, sha256) = ("0".repeat(32), "0".repeat(64));
        let text = text.replace("Files:\n", &format!("Files:\n{}", lines(&md5, "misc optional ")));
        text.replace("Checksums-Sha256:\n", &format!("Checksums-Sha256:\n{}", lines(&sha256, "")))
    };
    refused(|upload, ann| upload.edit(add).sign_changes(ann, &[]), &[".changes"]);
}

#[test]
fn a_folder_of_many_files_is_refused() {
    let (intake, ann) = Intake::with_ann();
    let folder = intake.base().join("incoming/many").join(DISTRIBUTION);
    for number in 0..6000 {
        write(&folder.join(format!("{number}.deb")), "");
    }
    let done = judged_with_a_good_one(&intake, &ann, &[]);
    assert_eq!(done.len(), 1);
    assert_ne!(done[0]["verdict"], "ACCEPTED");
    assert_eq!(intake.lying_in("incoming"), [DISTRIBUTION]);
}

/// A field of so many lines of a thousand characters; gpg cuts longer ones off.
fn long_field(lines: usize) -> String {
    format!("X-Long:\n{}", format!(" {}\n", "x".repeat(1000)).repeat(lines))
}

#[test]
fn fields_of_megabytes_are_refused_or_do_no_harm() {
    refused(|upload, ann| upload.edit(|text| format!("{text}{}", long_field(3000))).sign(ann), &["bytes"]);
    // one that is allowed for is not thrown at terminals and mails as it is
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = Package::new("long", "1.0-1").source(folder.path());
    upload
        .edit(|text| {
            text.replace(
                "Description:\n",
                &format!(
                    "{}Description:
",
                    long_field(1000)
                ),
            )
        })
        .sign(&ann);
    let _ = intake.send(&upload, "long", DISTRIBUTION);
    let done = judged_with_a_good_one(&intake, &ann, &[]);
    assert!(done[0].to_string().len() < 100_000);
    assert!(intake.root.ok(&["queue", "list"]).stdout.len() < 10_000);
}

#[test]
fn texts_that_are_not_utf_8_or_have_other_line_ends_are_refused() {
    refused(
        |upload, ann| {
            upload.sign(ann);
            let mut bytes = tool::read(upload.changes());
            let at = bytes.windows(4).position(|window| window == b"Made").unwrap();
            bytes[at] = 0xe4;
            write(upload.changes(), bytes);
            upload
        },
        &["UTF-8"],
    );
    refused(|upload, ann| upload.sign(ann).edit(|text| text.replace('\n', "\r\n")), &["dos2unix"]);
}

#[test]
fn control_characters_come_to_no_terminal() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = Package::new("odd", "1.0-1").source(folder.path());
    upload
        .edit(|text| {
            text.replace("Urgency: medium", "Urgency: \u{1b}[2Jmedium")
                .replace("aurora\n", "aur\u{202e}ora\n")
        })
        .sign(&ann);
    let _ = intake.send(&upload, "odd\u{1b}[2J", DISTRIBUTION);
    let ran = intake.process(&[]);
    let escapes = |text: &str| text.contains('\u{1b}') || text.contains('\u{202e}');
    assert!(!escapes(&ran.everything()), "{}", ran.account());
    for name in intake.lying_in("rejected").iter().chain(&intake.lying_in("failed")) {
        let path = ["rejected", "failed"]
            .map(|folder| intake.base().join(folder).join(name))
            .into_iter()
            .find(|path| path.is_file());
        if let Some(path) = path {
            assert!(!escapes(&tool::read_text(&path)), "{}", path.display());
        }
    }
}

#[test]
fn a_signature_over_another_text_is_refused() {
    refused(|upload, ann| upload.sign(ann).replace("Urgency: medium", "Urgency: high"), &["signature"]);
    // nor does a good one cover what stands around it
    refused(|upload, ann| upload.sign(ann).edit(|text| format!("Source: other\n\n{text}")), &["signature"]);
}

// ---------------------------------------------------------------- what is in the files

/// A tar archive, gzipped, whose one file has so many bytes of nothing.
fn bomb(name: &str, bytes: u64) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(deb::BUILD_TIME);
    header.set_cksum();
    out.write_all(header.as_bytes()).unwrap();
    let piece = vec![0; 1 << 20];
    for _ in 0..bytes.div_ceil(piece.len() as u64) {
        out.write_all(&piece).unwrap();
    }
    out.write_all(&[0; 1024]).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_bomb_as_data_of_a_package_is_refused() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let package = Package::new("bomb", "1.0-1").binaries(&[("bomb", "amd64")]);
    let source = package.source(&folder.path().join("source"));
    intake.root.import(SERIES, &[&source.file(".dsc")]).exits(0);
    let upload = package.built(folder.path(), "amd64", false);
    let control = Deb::new("bomb", "1.0-1").architecture("amd64").control();
    let control = deb::tar_gz(&[("./control".to_owned(), control.into_bytes())]);
    let data = bomb("./zeros", 3 << 30);
    upload.put(
        ".deb",
        deb::ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.gz", &data)]),
    );
    let _ = intake.send(&upload, "bomb", DISTRIBUTION);
    let done = judged_with_a_good_one(&intake, &ann, &["--policy", "buildd"]);
    let (_, told) = only(&done);
    assert!(told.contains("bomb_1.0-1_amd64.deb") && told.contains("data.tar.gz"), "{told}");
}

#[test]
fn a_bomb_as_tarball_of_a_source_is_refused() {
    refused(
        |upload, ann| upload.put(".orig.tar.gz", bomb("bad-1.0/zeros", 3 << 30)).sign(ann),
        &["bad_1.0.orig.tar.gz"],
    );
}

#[test]
fn a_dsc_that_somebody_else_has_signed_counts_only_where_that_is_known() {
    let eve = Uploader::new("Eve Stranger", "eve@example.org");
    refused(
        |upload, ann| {
            upload.edit_dsc(|text| eve.clearsigned(&text));
            upload.sign_changes(ann, &[])
        },
        &[".dsc"],
    );
    // another uploader of this archive counts where the upload names them: one prepared it, the other sponsors it
    let (intake, ann) = Intake::with_ann();
    let bob = Uploader::new("Bob Uploader", "bob@example.org");
    intake.introduce("bob", &bob);
    let folder = tempfile::tempdir().unwrap();
    let signed_by_both = |package: Package| {
        let upload = package.source(folder.path());
        upload.edit_dsc(|text| bob.clearsigned(&text));
        upload.sign_changes(&ann, &[]);
        intake.judged(&upload)
    };
    let done = signed_by_both(Package::new("taken", "1.0-1"));
    assert_eq!(done["verdict"], "REJECTED", "{done:#}");
    let problems = done["problems"].to_string();
    assert!(problems.contains("dsc-signer") && problems.contains("bob"), "{problems}");
    let done = signed_by_both(Package::new("shared", "1.0-1").changed_by("Bob Uploader <bob@example.org>"));
    assert_eq!((&done["verdict"], &done["signer"]), (&"ACCEPTED".into(), &"ann".into()), "{done:#}");
}

// ---------------------------------------------------------------- what lies in incoming

#[test]
fn links_pipes_and_devices_are_never_opened() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    write(&secret, "what nobody may read by this way\n");
    // in the place of a .changes, of a file that a .changes lists, of a whole folder
    symlink(&secret, intake.incoming().join("link_1.0-1_source.changes")).unwrap();
    tool::succeed(tool("mkfifo").arg(intake.incoming().join("pipe_1.0-1_source.changes")));
    for (name, make) in [("link", true), ("pipe", false)] {
        let upload = by(&ann, name, folder.path());
        let sent = intake.send(&upload, &format!("with-a-{name}"), DISTRIBUTION);
        let tarball = sent.file(".orig.tar.gz");
        std::fs::remove_file(&tarball).unwrap();
        if make {
            symlink(&secret, &tarball).unwrap();
        } else {
            tool::succeed(tool("mkfifo").arg(&tarball));
        }
    }
    let outside = by(&ann, "outside", folder.path());
    symlink(outside.folder(), intake.base().join("incoming/elsewhere")).unwrap();
    let done = judged_with_a_good_one(&intake, &ann, &[]);
    for leaf in ["with-a-link", "with-a-pipe"] {
        let one =
            done.iter().find(|done| done["leaf"] == leaf).unwrap_or_else(|| panic!("{leaf}: {done:#?}"));
        assert_eq!(one["verdict"], "REJECTED", "{one:#}");
        assert!(one["problems"].to_string().contains(".orig.tar.gz"), "{one:#}");
    }
    assert!(done.iter().all(|done| done["verdict"] != "ACCEPTED"), "{done:#?}");
    assert!(!done.iter().any(|done| done.to_string().contains("nobody may read")));
    assert_eq!(intake.queue(&[]).len(), 1);
    assert_eq!(tool::read_text(&secret), "what nobody may read by this way\n");
    assert!(outside.changes().is_file(), "what a link leads to stays where it is");
}

#[test]
fn odd_names_and_shapes_hold_nobody_up() {
    let (intake, ann) = Intake::with_ann();
    let incoming = intake.base().join("incoming");
    let odd = OsStr::from_bytes(b"n\xf6t-utf-8\x1b[2J");
    write(&incoming.join(odd).join(OsStr::from_bytes(b"b\xe4d_1.0_source.changes")), "Format: 1.8\n");
    write(&incoming.join("deep/a/b/c/d/e/f/deep_1.0_source.changes"), "Format: 1.8\n");
    tool::make_folder(&intake.incoming().join("folder_1.0_source.changes"));
    write(&intake.incoming().join("empty_1.0_source.changes"), "");
    write(&intake.incoming().join(".changes"), "Format: 1.8\n");
    write(&intake.incoming().join(format!("{}.changes", "x".repeat(247))), "Format: 1.8\n");
    write(&incoming.join("~nobody/acme/nothing/odd_1.0_source.changes"), "Format: 1.8\n");
    tool::make_folder(&incoming.join("nothing-in-it"));
    let socket = std::os::unix::net::UnixListener::bind(incoming.join("socket.changes")).unwrap();
    symlink(".", incoming.join("loop")).unwrap();
    let done = judged_with_a_good_one(&intake, &ann, &[]);
    assert!(done.iter().all(|done| done["verdict"] != "ACCEPTED"), "{done:#?}");
    drop(socket);
    // and nothing of it is in the way of the next run
    let ran = intake.process(&[]).exits(0);
    assert!(!ran.everything().contains('\u{1b}'), "{}", ran.account());
    assert_eq!(intake.queue(&[]).len(), 1);
}

#[test]
fn the_same_upload_from_two_sides_comes_in_once() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = by(&ann, "twice", folder.path());
    for leaf in ["one", "two"] {
        let _ = intake.send(&upload, leaf, DISTRIBUTION);
    }
    let done = intake.processed(&[]);
    let verdicts: Vec<&Value> = done.iter().map(|done| &done["verdict"]).collect();
    assert_eq!(verdicts, ["ACCEPTED", "REJECTED"], "{done:#?}");
    assert_eq!(intake.queue(&["--status", "all"]).len(), 1);
}

#[test]
fn two_processors_at_once_take_each_upload_once() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let upload = by(&ann, &format!("upload-{number}"), folder.path());
        let _ = intake.send(&upload, &format!("leaf-{number}"), DISTRIBUTION);
    }
    let base = intake.base().to_string_lossy().into_owned();
    let start = || {
        let mut command = intake.root.command(&["process-upload", &base]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [start(), start(), start()];
    for child in children {
        let output = child.wait_with_output().unwrap();
        let ran = Ran::of("process-upload".to_owned(), &output);
        // whoever comes second is told who works, or finds nothing to do
        assert!(ran.code.is_some(), "{}", ran.account());
    }
    let _ = intake.process(&[]).exits(0);
    let queue = intake.queue(&[]);
    assert_eq!(queue.len(), 6, "{queue:#?}");
    let folders = intake.lying_in("accepted");
    assert_eq!(folders.iter().filter(|name| intake.base().join("accepted").join(name).is_dir()).count(), 6);
    assert_eq!(intake.lying_in("incoming"), [DISTRIBUTION]);
}

// ---------------------------------------------------------------- what breaks

#[test]
fn a_disk_without_room_loses_no_upload() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..4 {
        let upload = by(&ann, &format!("upload-{number}"), folder.path());
        let _ = intake.send(&upload, &format!("leaf-{number}"), DISTRIBUTION);
    }
    let cage = Cage::new();
    let librarian = intake.root.path().join("librarian");
    tool::make_folder(&librarian);
    cage.shell("mount -t tmpfs -o size=8k pressroom \"$1\"", &[librarian.as_os_str()]);
    let base = intake.base().to_string_lossy().into_owned();
    let ran = cage.run(&intake.root.command(&["process-upload", &base]));
    assert_eq!(ran.code, Some(1), "{}", ran.account());
    assert!(ran.everything().contains("space") || ran.everything().contains("No space"), "{}", ran.account());
    assert_eq!(intake.lying_in("incoming").len(), 5, "all are there still");
    assert_eq!(intake.queue(&[]).len(), 0);
    assert_eq!(intake.lying_in("rejected"), Vec::<String>::new(), "nobody is blamed for a full disk");
    cage.shell("mount -o remount,size=64m \"$1\"", &[OsStr::new(&librarian)]);
    let _ = cage.run(&intake.root.command(&["process-upload", &base])).exits(0);
    assert_eq!(intake.queue(&[]).len(), 4);
}

#[test]
fn a_mail_server_that_is_down_keeps_no_upload_out_and_the_mail_is_sent_later() {
    let (intake, ann) = Intake::with_ann();
    // nobody listens there
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = format!("transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"");
    intake.configure("mail", &format!("{server}\nfrom = \"Archive <archive@example.org>\""));
    let folder = tempfile::tempdir().unwrap();
    let upload = by(&ann, "mailed", folder.path());
    let _ = intake.send(&upload, "mailed", DISTRIBUTION);
    let ran = intake.process(&[]).exits(0);
    assert!(ran.stderr.contains("outbox"), "it is said where the mail waits: {}", ran.account());
    assert_eq!(intake.queue(&[]).len(), 1);
    let listed = intake.root.ok(&["--format", "json", "outbox", "list"]).stdout;
    assert!(listed.contains("WAITING") && listed.contains("ann@example.org"), "{listed}");
}

/// How many processors are killed.
const KILLS: usize = 24;

#[test]
fn killed_at_any_moment_a_processor_loses_no_upload_and_takes_none_twice() {
    let (prepared, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let uploads: Vec<Upload> =
        (0..8).map(|number| by(&ann, &format!("upload-{number}"), folder.path())).collect();
    let bad = by(&ann, "bad", folder.path());
    write(&bad.file(".orig.tar.gz"), "something else");
    let mut random = Random::new(0x1a7a);
    let (mut kills, mut duration) = (0, Duration::from_millis(600));
    let mut rounds = 0;
    while kills < KILLS {
        rounds += 1;
        assert!(rounds < 10 * KILLS, "{kills} of {rounds} processors could be killed before they had ended");
        let intake = Intake::of(prepared.root.copy());
        for (number, upload) in uploads.iter().enumerate() {
            // half of them in folders of their own, half flat as dput leaves them
            if number % 2 == 0 {
                let _ = intake.send(upload, &format!("leaf-{number}"), DISTRIBUTION);
            } else {
                let _ = upload.copy(&intake.incoming());
            }
        }
        let _ = intake.send(&bad, "bad", DISTRIBUTION);
        let base = intake.base().to_string_lossy().into_owned();
        for _ in 0..3 {
            let started = Instant::now();
            let mut command = intake.root.command(&["process-upload", &base]);
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if !kill_after(child, duration.mul_f64(random.fraction())) {
                duration = started.elapsed();
                break;
            }
            kills += 1;
        }
        let _ = intake.process(&[]).exits(0);
        let queue = intake.queue(&[]);
        let mut names: Vec<&str> = queue.iter().map(|upload| upload["source"].as_str().unwrap()).collect();
        names.sort_unstable();
        let expected: Vec<String> = (0..8).map(|number| format!("upload-{number}")).collect();
        assert_eq!(names, expected, "each once");
        let folders = |verdict: &str| {
            let names = intake.lying_in(verdict);
            names
                .into_iter()
                .filter(|name| intake.base().join(verdict).join(name).is_dir())
                .collect::<Vec<_>>()
        };
        assert_eq!(folders("accepted").len(), 8, "{:?}", intake.lying_in("accepted"));
        assert_eq!(folders("rejected").len(), 1, "{:?}", intake.lying_in("rejected"));
        assert_eq!(intake.lying_in("incoming"), [DISTRIBUTION]);
        assert!(pressroom_tests::apt::names_in(&intake.incoming()).is_empty());
        for name in folders("accepted") {
            let at = intake.base().join("accepted").join(&name);
            let files = pressroom_tests::apt::names_in(&at);
            let nested = pressroom_tests::apt::names_in(&at.join(DISTRIBUTION));
            assert!(files.len() >= 4 || nested.len() >= 4, "{name} is whole: {files:?} {nested:?}");
        }
    }
}
