//! Uploads on their whole way: by Debian's own dput into incoming, through the queue and the archive to apt.

use std::path::Path;

use pressroom_tests::apt::{Client, Line, spotless};
use pressroom_tests::deb;
use pressroom_tests::intake::{Intake, rows};
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
fn a_source_goes_from_dput_through_new_and_an_override_to_apt_get_source_and_its_packages_to_apt_get_install()
{
    let (intake, ann) = Intake::with_ann();
    let bob = Uploader::new("Bob Archivist", "bob@example.org");
    intake.introduce("bob", &bob).grant("bob", "QUEUE_ADMIN", &["--component", "main"]);
    intake.grant("bob", "QUEUE_ADMIN", &["--component", "universe"]);
    let folder = tempfile::tempdir().unwrap();
    let package = Package::new("greeting", "1.0-1").binaries(&[("greeting", "any"), ("greeting-doc", "all")]);
    let package = package.tarball("more").signed_upstream().buildinfo();
    let upload = package.source(&folder.path().join("source"));
    upload.sign(&ann);
    upload.dput(&intake.incoming(), Some(&ann)).exits(0);

    let processed = intake.processed(&[]);
    let [new] = processed.as_slice() else { panic!("{processed:?}") };
    assert_eq!((&new["verdict"], &new["queue"]), (&"ACCEPTED".into(), &"NEW".into()), "{new:#}");
    assert_eq!(new["signer"], "ann");
    let number = number(new);
    // nothing of it is published before somebody has looked at it
    intake.root.ok(&["publish"]);
    assert_eq!(intake.root.index(SERIES, "universe/source/Sources"), "");
    intake.root.ok(&["queue", "list"]).says(&["greeting", "1.0-1", "NEW", SERIES]);
    intake
        .root
        .ok(&["queue", "show", &number])
        .says(&["greeting_1.0-1.dsc", "greeting_1.0.orig-more.tar.gz"]);
    let words = [
        "queue",
        "override",
        "source",
        &number,
        "--component",
        "universe",
        "--section",
        "net",
        "--as",
        "bob",
    ];
    intake.root.ok(&words);
    intake.root.ok(&["queue", "accept", &number, "--as", "bob", "--comment", "greets well"]);
    intake.root.ok(&["publish"]);
    intake.root.ok(&["queue", "log", &number]).says(&["bob", "greets well", "NEW", "ACCEPTED", "DONE"]);
    assert_eq!(intake.root.indexed(SERIES, "universe/source/Sources"), ["greeting 1.0-1"]);

    let server = Server::new(&intake.root.served());
    let apt = client(&intake, &server);
    apt.update();
    spotless(apt.apt_get(&["source", "greeting"]));
    assert!(apt.work().join("greeting-1.0/more/DATA").is_file(), "all tarballs are there and unpacked");

    // the builder of amd64 makes the packages for all architectures too, the other one its own
    let claim = |architecture: &str| -> Value {
        let words = ["--format", "json", "build", "claim", architecture, "--builder", "forge"];
        serde_json::from_str(&intake.root.ok(&words).stdout).unwrap()
    };
    for (architecture, with_indep) in [("amd64", true), ("arm64", false)] {
        let build = claim(architecture);
        assert_eq!(build["source"], "greeting", "{build:#}");
        let upload = package.built(&folder.path().join(architecture), architecture, with_indep);
        upload.dput(&intake.incoming(), None).exits(0);
        let processed = intake.processed(&["--policy", "buildd"]);
        let [new] = processed.as_slice() else { panic!("{processed:?}") };
        assert_eq!((&new["verdict"], &new["queue"]), (&"ACCEPTED".into(), &"NEW".into()), "{new:#}");
        intake.root.ok(&["queue", "accept", &self::number(new), "--as", "bob"]);
    }
    intake.root.ok(&["publish"]);
    let builds = intake.root.ok(&["--format", "json", "build", "list", "--status", "all"]);
    let builds = rows(&serde_json::from_str(&builds.stdout).unwrap());
    assert_eq!(builds.len(), 2);
    assert!(builds.iter().all(|build| build["status"] == "FULLYBUILT"), "{builds:?}");
    apt.update();
    spotless(apt.apt_get(&["install", "--yes", "--download-only", "greeting", "greeting-doc"]));
    assert_eq!(apt.downloaded(), ["greeting-doc_1.0-1_all.deb", "greeting_1.0-1_amd64.deb"]);
    spotless(apt.apt_get(&["install", "--yes", "--download-only", "greeting:arm64"]));
    apt.install(&["greeting", "greeting-doc"]).exits(0);
    assert_eq!(
        apt.installed(),
        ["greeting 1.0-1 install ok installed", "greeting-doc 1.0-1 install ok installed"]
    );
    intake.root.verify(SERIES);
    assert_eq!(intake.lying_in("incoming"), [DISTRIBUTION]);
    assert_eq!(pressroom_tests::apt::names_in(&intake.incoming()), Vec::<String>::new());
}

/// An archive with a package, and an installer that came with its build.
fn with_installer() -> Intake {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let package = Package::new("images", "1").format(Format::Native).binaries(&[("images", "any")]);
    let source = package.source(&folder.path().join("source"));
    source.sign(&ann);
    intake.root.ok(&["queue", "accept", &number(&intake.judged(&source))]);
    intake.root.ok(&["publish"]);
    let built = package.built(&folder.path().join("built"), "amd64", false);
    let place = "installer-amd64/20260501";
    let images = [
        (format!("{place}/images/SHA256SUMS"), b"sums".to_vec()),
        (format!("{place}/images/netboot/mini.iso"), b"image".to_vec()),
    ];
    built.add("debian-installer-images_20260501_amd64.tar.gz", "raw-installer", deb::tar_gz(&images));
    built.dput(&intake.incoming(), None).exits(0);
    let processed = intake.processed(&["--policy", "buildd"]);
    intake.root.ok(&["queue", "accept", &number(&processed[0])]);
    intake.root.ok(&["publish"]);
    intake
}

#[test]
fn images_of_the_installer_come_with_the_packages_of_their_build_and_are_published_with_them() {
    let intake = with_installer();
    let suite = intake.root.served().join("dists").join(SERIES);
    assert_eq!(intake.root.indexed(SERIES, "main/binary-amd64/Packages"), ["images 1"]);
    let current = suite.join("main/installer-amd64/current");
    assert_eq!(std::fs::read_link(&current).unwrap(), Path::new("20260501"));
    assert_eq!(read_text(&current.join("images/netboot/mini.iso")), "image");
    intake.root.verify(SERIES);
}

#[test]
fn a_new_series_gets_the_installer_also_after_a_run_that_left_it_out_and_what_it_cannot_take_is_said() {
    let root = with_installer().root;
    let add = |name: &str, more: &[&str]| {
        let series = ["series", "add", name, "--architecture", "amd64", "--previous-series", SERIES];
        root.ok(&[&series[..], more].concat());
    };
    let installer =
        |suite: &str| root.suite(suite).join("main/installer-amd64/20260501/images/netboot/mini.iso");
    add("borealis", &["--component", "main"]);
    root.ok(&["publish", "--disable-publishing"]);
    assert!(root.suite("borealis").join("InRelease").exists() && !installer("borealis").exists());
    root.ok(&["publish"]);
    assert_eq!(read_text(&installer("borealis")), "image");
    root.ok(&["publish"]).says(&["Nothing to publish"]);
    add("cirrus", &["--component", "universe"]);
    let said =
        ["main/installer-amd64 of aurora is not taken over into cirrus", "does not have that component"];
    root.ok(&["publish", "--dry-run"]).says(&said);
    root.ok(&["publish"]).says(&said);
    root.verify("cirrus");
    add("dusk", &["--component", "main", "--status", "CURRENT"]);
    root.ok(&["publish"]).says(&["not taken over into dusk: it is CURRENT"]);
    assert!(root.suite("dusk").join("InRelease").exists() && !installer("dusk").exists());
}

#[test]
fn what_is_known_is_accepted_by_itself_and_a_deleted_package_is_new_again_where_it_was_filed() {
    let (intake, ann) = Intake::with_ann();
    let folder = tempfile::tempdir().unwrap();
    let send = |version: &str| {
        let upload = Package::new("greeting", version).source(&folder.path().join(version));
        upload.sign(&ann);
        intake.judged(&upload)
    };
    let new = send("1.0-1");
    assert_eq!(new["queue"], "NEW");
    let first = number(&new);
    intake.root.ok(&["queue", "override", "source", &first, "--component", "universe"]);
    intake.root.ok(&["queue", "accept", &first]);
    intake.root.ok(&["publish"]);
    // its ancestor is in universe, and so it will be
    let second = send("1.0-2");
    assert!(second["queue"] == "ACCEPTED" || second["queue"] == "DONE", "{second:#}");
    // which a removal of what is published leaves where it is
    let stays = |upload: &Value, status: &str| {
        let number = number(upload);
        [
            format!("upload {number} of greeting"),
            format!("is {status} and stays in the queue"),
            format!("`pressroom queue reject {number}`"),
        ]
    };
    let told = stays(&second, "ACCEPTED");
    let remove = ["remove", "--suite", SERIES, "--reason", "nobody is greeted", "greeting"];
    intake.root.ok(&remove).says(&told.each_ref().map(String::as_str));
    intake.root.ok(&["publish"]);
    assert_eq!(intake.root.indexed(SERIES, "universe/source/Sources"), ["greeting 1.0-2"]);
    intake.root.ok(&remove);
    intake.root.ok(&["publish"]);
    let third = send("1.0-3");
    assert_eq!(third["queue"], "NEW");
    let told = stays(&third, "NEW");
    intake.root.run(&remove).exits(2).says(&told.each_ref().map(String::as_str));
    intake.root.ok(&["queue", "accept", &number(&third)]);
    intake.root.ok(&["publish"]);
    assert_eq!(intake.root.indexed(SERIES, "universe/source/Sources"), ["greeting 1.0-3"]);
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

#[test]
fn what_a_person_uploads_to_an_archive_of_their_own_comes_in_by_itself_and_nobody_elses_does() {
    let (intake, ann) = Intake::with_ann();
    let bob = Uploader::new("Bob Uploader", "bob@example.org");
    intake.introduce("bob", &bob).grant("bob", "UPLOAD", &[]);
    intake.root.ok(&["archive", "add", "~ann/acme/tools"]);
    let incoming = intake.base().join("incoming/~ann/acme/tools");
    tool::make_folder(&incoming);
    let folder = tempfile::tempdir().unwrap();
    for (name, uploader, verdict) in [("hers", &ann, "ACCEPTED"), ("his", &bob, "REJECTED")] {
        let upload = Package::new(name, "1.0-1").section("universe/net").source(&folder.path().join(name));
        upload.sign(uploader);
        upload.dput(&incoming, Some(uploader)).exits(0);
        let done = intake.processed(&[]);
        let [done] = done.as_slice() else { panic!("{done:?}") };
        assert_eq!(done["verdict"], verdict, "{done:#}");
        if verdict == "ACCEPTED" {
            assert_ne!(done["queue"], "NEW", "nobody decides about it: {done:#}");
            assert_eq!(done["archive"], "~ann/acme/tools");
        } else {
            assert!(done["problems"].to_string().contains("~ann/acme/tools"), "{done:#}");
        }
    }
    intake.root.ok(&["publish"]);
    assert_eq!(
        intake.root.index(SERIES, "main/source/Sources"),
        "",
        "nothing of it is in the distribution's own archive"
    );
    let listed = intake.root.ok(&["--format", "json", "queue", "list", "--status", "done"]).stdout;
    assert!(listed.contains("hers") && !listed.contains("his\""), "{listed}");
}
