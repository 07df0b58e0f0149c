//! The queue from outside: an upload is found, looked at, filed, let in or refused, by those who may.

use std::fs;
use std::path::{Path, PathBuf};

use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::tool;
use pressroom_tests::upload::Package;
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;

/// A root, and a folder that uploads are put into.
struct Gate {
    root: Root,
    folder: tempfile::TempDir,
}

impl Gate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("base/incoming")).unwrap();
        Self { root: Root::new(), folder }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Lets a source come in, as another program would send it.
    fn upload(&self, package: &Package) {
        let made = tempfile::tempdir_in(self.folder.path()).unwrap();
        let upload = package.source(made.path());
        for name in upload.files() {
            fs::copy(made.path().join(&name), self.at("base/incoming").join(&name)).unwrap();
        }
        let changes = upload.changes();
        fs::copy(changes, self.at("base/incoming").join(changes.file_name().unwrap())).unwrap();
        self.root.ok(&["process-upload", "--policy", "sync", self.at("base").to_str().unwrap()]);
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = ["--format", "json", "queue"].iter().chain(arguments).copied().collect();
        serde_json::from_str(&self.root.ok(&all).stdout).unwrap()
    }

    fn status(&self, upload: &str) -> String {
        self.json(&["show", upload])[0]["status"].as_str().unwrap().to_owned()
    }
}

fn package(name: &str, version: &str) -> Package {
    Package::new(name, version).distribution(SERIES)
}

#[test]
fn an_upload_that_is_new_is_looked_at_filed_accepted_and_published() {
    let gate = Gate::new();
    gate.upload(&package("hello", "1.0-1"));
    let listed = gate.json(&["list"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["status"]), (1, &"NEW".into()));
    assert_eq!(listed[0]["items"][0]["component"], "main");
    let diff = gate.root.ok(&["queue", "diff", "hello"]).stdout;
    assert!(diff.contains("new: there is none of its name") && diff.contains("debian/control"), "{diff}");
    // its files, as they came
    let folder = gate.at("fetched");
    let fetch = ["queue", "fetch", "hello", "--to", folder.to_str().unwrap()];
    gate.root.ok(&fetch);
    gate.root.ok(&fetch).says(&["was there"]);
    tool::succeed(
        tool::tool("dpkg-source")
            .args(["--no-check", "-x"])
            .arg(folder.join("hello_1.0-1.dsc"))
            .arg(gate.at("tree")),
    );
    fs::OpenOptions::new().append(true).open(folder.join("hello_1.0-1.dsc")).unwrap().set_len(3).unwrap();
    gate.root.run(&fetch).exits(FAILURE).says(&["hello_1.0-1.dsc is there already", "--to"]);
    // filed elsewhere, and let in; a dry run of it is none
    gate.root.ok(&["queue", "override", "source", "hello", "--component", "universe", "--section", "net"]);
    gate.root.ok(&["queue", "accept", "--dry-run", "hello"]).says(&["would be ACCEPTED"]);
    assert_eq!(gate.status("1"), "NEW");
    gate.root.ok(&["queue", "accept", "hello", "--comment", "fine"]);
    gate.root.ok(&["publish"]);
    assert_eq!(gate.status("1"), "DONE");
    assert_eq!(gate.root.indexed(SERIES, "universe/source/Sources"), ["hello 1.0-1"]);
    gate.root
        .run(&["queue", "reject", "1", "--comment", "too late"])
        .exits(FAILURE)
        .says(&["DONE", "pressroom remove"]);
    let log = gate.json(&["log", "1"]);
    let comments: Vec<&str> =
        log[0]["log"].as_array().unwrap().iter().map(|line| line["comment"].as_str().unwrap()).collect();
    assert!(
        comments.contains(&"fine") && comments.iter().any(|line| line.contains("component main to universe")),
        "{comments:?}"
    );
    // what is known comes in by itself, and is compared with what is published
    gate.upload(&package("hello", "2.0-1").entry("Say more."));
    let diff = gate.json(&["diff", "hello/2.0-1"]);
    let item = &diff[0]["items"][0];
    assert_eq!(item["against"]["version"], "1.0-1");
    let changelog = item["texts"].as_array().unwrap().iter().find(|text| text["name"] == "debian/changelog");
    let lines: Vec<&str> =
        changelog.unwrap()["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(lines.iter().any(|line| line.starts_with('+') && line.contains("Say more.")), "{lines:?}");
}

#[test]
fn what_is_not_clear_is_asked_back_and_nothing_is_refused_without_a_word() {
    let gate = Gate::new();
    gate.upload(&package("hello", "1.0-1"));
    gate.upload(&package("hello-more", "1.0-1"));
    gate.root.run(&["queue", "accept", "hello"]).exits(USAGE).says(&["hello, hello-more", "--exact"]);
    gate.root
        .run(&["queue", "accept", "other"])
        .exits(USAGE)
        .says(&["means no upload that is NEW or UNAPPROVED"]);
    gate.root.run(&["queue", "accept", "9"]).exits(USAGE).says(&["there is no upload 9"]);
    gate.root.run(&["queue", "accept", "../x"]).exits(USAGE);
    gate.root.run(&["queue", "reject", "1"]).exits(USAGE).says(&["--comment"]);
    gate.root.run(&["queue", "reject", "1", "--comment", " "]).exits(USAGE).says(&["say why"]);
    gate.root
        .run(&["queue", "reject", "1", "--comment", "a\u{1b}b"])
        .exits(USAGE)
        .says(&["control characters"]);
    gate.root.run(&["queue", "list", "--suite", "nowhere"]).exits(USAGE).says(&["there is no suite nowhere"]);
    gate.root.run(&["queue", "override", "source", "1"]).exits(USAGE).says(&["--component or --section"]);
    gate.root
        .run(&["queue", "override", "source", "1", "--component", "multiverse"])
        .exits(FAILURE)
        .says(&["has no component multiverse"]);
    assert_eq!((gate.status("1"), gate.status("2")), ("NEW".to_owned(), "NEW".to_owned()));
    // one that cannot be is no reason not to do the other
    gate.root.ok(&["queue", "accept", "--exact", "hello"]);
    gate.root.run(&["queue", "accept", "1", "2"]).exits(FAILURE).says(&["1 hello 1.0-1", "it is already"]);
    assert_eq!(gate.status("2"), "ACCEPTED");
    assert_eq!(gate.json(&["list"]), Value::Array(Vec::new()));
    assert_eq!(gate.json(&["list", "--queue", "accepted", "more"]).as_array().unwrap().len(), 1);
}

#[test]
fn where_there_are_people_who_decides_has_the_right_to_and_is_in_the_log() {
    let gate = Gate::new();
    gate.upload(&package("hello", "1.0-1"));
    gate.root.ok(&["person", "add", "ann"]);
    gate.root.run(&["queue", "accept", "1"]).exits(USAGE).says(&["who decides this", "--as"]);
    let accept = ["queue", "accept", "1", "--as", "ann"];
    gate.root.run(&accept).exits(FAILURE).says(&["permission grant ann QUEUE_ADMIN", "--component main"]);
    assert_eq!(gate.status("1"), "NEW");
    gate.root.ok(&["permission", "grant", "ann", "QUEUE_ADMIN", "--component", "main"]);
    let to_universe = ["queue", "override", "source", "1", "--component", "universe", "--as", "ann"];
    gate.root.run(&to_universe).exits(FAILURE).says(&["universe"]);
    gate.root.ok(&accept);
    let log = gate.json(&["log", "1"]);
    assert_eq!(log[0]["log"][1]["reviewer"], "ann");
}

/// The mails that were sent, as texts.
fn mails(folder: &Path) -> Vec<String> {
    match fs::read_dir(folder.join("new")) {
        Err(_) => Vec::new(),
        Ok(entries) => entries.map(|entry| tool::read_text(&entry.unwrap().path())).collect(),
    }
}

#[test]
fn whoever_sent_an_upload_is_told_what_was_decided_and_why() {
    let gate = Gate::new();
    let configuration = gate.root.path().join("pressroom.toml");
    let text = tool::read_text(&configuration);
    let mail = "\n[mail]\ntransport = \"maildir\"\nfrom = \"Acme Archive <archive@example.org>\"\n";
    tool::write(&configuration, text.replacen("\n[mail]\n", mail, 1));
    let maildir = gate.root.path().join("mail");
    gate.upload(&package("hello", "1.0-1"));
    let before = mails(&maildir).len();
    gate.root.ok(&["queue", "reject", "--dry-run", "1", "--comment", "not so"]);
    gate.root.ok(&["queue", "reject", "--no-mail", "1", "--comment", "not so"]);
    assert_eq!(mails(&maildir).len(), before, "a dry run tells nobody, nor does who does not want to");
    gate.root.ok(&["queue", "accept", "--no-mail", "1"]);
    gate.root.ok(&["queue", "reject", "1", "--comment", "the licence of md5.c is not named"]);
    let told = mails(&maildir);
    assert_eq!(told.len(), before + 1, "{told:?}");
    assert!(
        told.iter().any(
            |mail| mail.contains("the licence of md5.c is not named") && mail.contains("ann@example.org")
        ),
        "{told:?}"
    );
}
