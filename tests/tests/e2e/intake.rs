//! Uploads on their whole way: by Debian's own dput into incoming, through the queue and the archive to apt.

use std::path::Path;

use pressroom_tests::apt::{Client, Line, spotless};
use pressroom_tests::intake::Intake;
use pressroom_tests::root::{DISTRIBUTION, SERIES};
use pressroom_tests::server::Server;
use pressroom_tests::tool::{self, read_text};
use pressroom_tests::upload::{Format, Package};
use pressroom_tests::uploader::{Key, Uploader};
use serde_json::Value;

/// A client that reads the archive by the web, so that apt downloads.
fn client(intake: &Intake, server: &Server) -> Client {
    Client::new(&Line { uri: server.uri(), ..intake.root.line(SERIES) }, &["arm64"])
}

/// The number that the queue has for an upload.
#[track_caller]
fn number(upload: &Value) -> String {
    upload["upload"].as_i64().unwrap_or_else(|| panic!("there is no upload: {upload:#}")).to_string()
}

#[test]
fn sources_of_every_format_come_in() {
    let (intake, ann) = Intake::with_ann();
    for (name, version, format) in [
        ("one", "1:1.0-1", Format::One),
        ("one-native", "1.0", Format::OneNative),
        ("native", "1.0", Format::Native),
        ("quilt", "1.0-1", Format::Quilt),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let upload = Package::new(name, version).format(format).source(folder.path());
        upload.sign(&ann);
        let done = intake.judged(&upload);
        assert_eq!(done["queue"], "NEW", "{name}: {done:#}");
        intake.root.ok(&["queue", "accept", &number(&done)]);
    }
    intake.root.ok(&["publish"]);
    let server = Server::new(&intake.root.served());
    let apt = client(&intake, &server);
    apt.update();
    for name in ["one", "one-native", "native", "quilt"] {
        spotless(apt.apt_get(&["source", name]));
    }
}

#[test]
fn upstreams_tarball_is_borrowed_from_the_archive() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    for (version, option) in [("1.0-1", "-sa"), ("1.0-2", "-sd")] {
        let upload = Package::new("greeting", version).option(option).source(folder.path());
        assert_eq!(upload.files().iter().any(|name| name.contains(".orig.")), option == "-sa");
        upload.sign(&ann);
        let done = intake.judged(&upload);
        assert_eq!(done["verdict"], "ACCEPTED", "{done:#}");
        if done["queue"] == "NEW" {
            intake.root.ok(&["queue", "accept", &number(&done)]);
        }
        intake.root.ok(&["publish"]);
    }
    let server = Server::new(&intake.root.served());
    let apt = client(&intake, &server);
    apt.update();
    spotless(apt.apt_get(&["source", "greeting=1.0-2"]));
}

#[test]
fn keys_decide_who_an_uploader_is() {
    let (intake, _) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let package = Package::new("greeting", "1.0-1").source(folder.path());
    let people = [
        ("sub", Key::Subkey, Ok("sub")),
        ("strong", Key::Rsa(2048), Ok("strong")),
        ("expired", Key::Expired, Err("expired")),
        ("revoked", Key::Revoked, Err("revoked")),
        ("short", Key::Rsa(1024), Err("1024")),
        ("dsa", Key::Dsa, Err("DSA")),
    ];
    for (name, kind, expected) in people {
        let uploader = Uploader::with_key("Some Uploader", &format!("{name}@example.org"), kind);
        intake.root.ok(&["person", "add", name]);
        intake.grant(name, "UPLOAD", &[]);
        let taken = intake.take_key(name, &uploader);
        let upload = package.copy(&folder.path().join(name));
        upload.sign(&uploader);
        let done = intake.judged(&upload);
        match expected {
            Ok(signer) => {
                assert_eq!(
                    (&done["verdict"], &done["signer"]),
                    (&"ACCEPTED".into(), &signer.into()),
                    "{done:#}"
                );
                intake.root.ok(&["queue", "reject", &number(&done), "--reason", "the next may come"]);
            }
            Err(word) => {
                // said when the key is taken in, or when it is used
                let told = format!("{}{done}", taken.everything()).to_lowercase();
                assert!(told.contains(&word.to_lowercase()), "{name}: {told}");
                assert_ne!(done["verdict"], "ACCEPTED", "{name}");
            }
        }
    }
}

#[test]
fn rights_decide_what_comes_in() {
    let intake = Intake::new();
    intake.appoint_archivist();
    let ann = Uploader::new("Ann Uploader", "ann@example.org");
    intake.introduce("ann", &ann).grant("ann", "UPLOAD", &["--component", "universe"]);
    let folder = tempfile::tempdir().unwrap();
    // new sources need any right
    let upload = Package::new("greeting", "1.0-1").source(&folder.path().join("1"));
    upload.sign(&ann);
    let done = intake.judged(&upload);
    assert_eq!(done["queue"], "NEW", "{done:#}");
    intake.root.ok(&["queue", "accept", &number(&done)]);
    intake.root.ok(&["publish"]);
    // but now it is in main
    let next = Package::new("greeting", "1.0-2").source(&folder.path().join("2"));
    next.sign(&ann);
    let done = intake.judged(&next);
    assert_eq!(done["verdict"], "REJECTED", "{done:#}");
    assert!(done["problems"].to_string().contains("permission grant"), "{done:#}");
    // and the same files come in when the right is there
    intake.grant("ann", "UPLOAD", &["--source", "greeting"]);
    assert_eq!(intake.judged(&next)["verdict"], "ACCEPTED");
    // who may upload may not decide
    let ran = intake.root.run(&["queue", "accept", "greeting", "--as", "ann"]);
    assert_ne!(ran.code, Some(0), "{}", ran.account());
}

#[test]
fn the_same_upload_does_not_come_in_twice() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = Package::new("greeting", "1.0-1").source(folder.path());
    upload.sign(&ann);
    let first = intake.judged(&upload);
    assert_eq!(first["verdict"], "ACCEPTED");
    // also not when the first was rejected: whoever recorded it cannot play it again
    intake.root.ok(&["queue", "reject", &number(&first), "--reason", "not like this"]);
    let again = intake.judged(&upload);
    assert_eq!(again["verdict"], "REJECTED", "{again:#}");
    // signed anew it is a new upload
    let anew = Package::new("greeting", "1.0-1").source(&folder.path().join("anew"));
    anew.edit(|text| format!("{text}Comments: signed anew\n")).sign(&ann);
    assert_eq!(intake.judged(&anew)["verdict"], "ACCEPTED");
}

#[test]
fn a_dry_run_changes_nothing_and_kept_uploads_stay() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = Package::new("greeting", "1.0-1").source(folder.path());
    upload.sign(&ann);
    let _ = intake.send(&upload, "leaf", DISTRIBUTION);
    let before = pressroom_tests::tree::picture(intake.base());
    let dry = intake.processed(&["--dry-run"]);
    assert_eq!(dry[0]["verdict"], "ACCEPTED", "{dry:?}");
    assert_eq!(dry[0]["receipt"], Value::Null);
    pressroom_tests::tree::assert_same(
        "the base folder",
        &before,
        &pressroom_tests::tree::picture(intake.base()),
    );
    assert_eq!(intake.queue(&[]).len(), 0);
    let kept = intake.processed(&["--keep"]);
    assert_eq!(kept[0]["queue"], "NEW");
    assert!(intake.base().join("incoming/leaf").is_dir());
    assert_eq!(intake.processed(&["--keep"]).len(), 0, "it is not judged again");
    assert_eq!(intake.queue(&[]).len(), 1);
}

#[test]
fn receipts_say_what_became_of_an_upload() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = Package::new("greeting", "1.0-1").source(folder.path());
    upload.sign(&ann);
    let done = intake.judged(&upload);
    let moved = intake.base().join(done["moved_to"].as_str().unwrap());
    assert!(moved.starts_with(intake.base().join("accepted")), "{}", moved.display());
    let json: Value =
        serde_json::from_str(&read_text(Path::new(&format!("{}.receipt.json", moved.display())))).unwrap();
    let beside = pressroom_tests::apt::names_in(&intake.base().join("accepted"));
    assert_eq!(json["verdict"], "ACCEPTED", "{beside:?}");
    assert_eq!(
        (&json["source"], &json["version"], &json["signer"]),
        (&"greeting".into(), &"1.0-1".into(), &"ann".into())
    );
    assert!(beside.iter().any(|name| name.ends_with(".receipt.txt")), "{beside:?}");
}

#[test]
fn what_is_in_incoming_is_left_alone_while_it_arrives() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let upload = Package::new("greeting", "1.0-1").source(folder.path());
    upload.sign(&ann);
    // the .changes first, which dput would not do
    tool::succeed(tool::tool("cp").arg(upload.changes()).arg(intake.incoming()));
    intake.process_now(&[]).exits(0).says(&["arriving", "greeting_1.0-1_source.changes"]);
    for name in upload.files() {
        tool::succeed(tool::tool("cp").arg(upload.folder().join(name)).arg(intake.incoming()));
    }
    // all is there, but it has changed a moment ago
    intake.process_now(&["--settle-seconds", "3600"]).exits(0).says(&["arriving"]);
    assert_eq!(intake.queue(&[]).len(), 0);
    intake.process_now(&["--settle-seconds", "0"]).exits(0).says(&["1 accepted"]);
    assert_eq!(intake.queue(&[]).len(), 1);
}
