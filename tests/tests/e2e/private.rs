//! Archives that are not for everybody: where they lie, and who reads them. Apache's own htpasswd says who may.

use std::path::Path;

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::server::Server;
use pressroom_tests::tool;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const ARCHIVE: &str = "~ann/acme/secret";

/// A root with Ann's private archive, in which there is a package.
fn published() -> Root {
    let root = Root::new();
    root.ok(&["person", "add", "ann"]);
    root.ok(&["person", "add", "ben"]);
    root.ok(&["archive", "add", ARCHIVE, "--private", "true"]);
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("secret", "1.0").build(folder.path());
    root.ok(&["import", "--archive", ARCHIVE, "--suite", SERIES, deb.to_str().unwrap()]);
    root.ok(&["publish"]);
    root
}

fn given(root: &Root, arguments: &[&str]) -> String {
    let add = ["--format", "json", "token", "add", "--archive", ARCHIVE, "--as", "ann"];
    let json = root.ok(&[&add[..], arguments].concat()).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    value["secret"].as_str().unwrap().to_owned()
}

fn may_read(file: &Path, user: &str, secret: &str) -> bool {
    let mut command = tool::tool("htpasswd");
    tool::run(command.arg("-vb").arg(file).args([user, secret])).everything().contains("correct")
}

#[test]
fn what_is_private_lies_in_no_tree_that_everybody_is_served() {
    let root = published();
    assert!(root.path().join("private/~ann/acme/secret/dists/aurora/InRelease").is_file());
    assert!(!root.path().join("archives/~ann").exists());
    for folder in ["private", "readers"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(root.path().join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{folder} is closed to others");
    }
    // it stays what it is: files of a private archive were in nobody's cache
    root.run(&["archive", "set", ARCHIVE, "--private", "false"]).exits(FAILURE).says(&["stays private"]);
    root.ok(&["archive", "add", "acme/open"]);
    root.ok(&["archive", "set", "acme/open", "--private", "true"]);
    root.ok(&["archive", "set", "acme/open", "--private", "false"]);
}

#[test]
fn who_reads_a_private_archive_has_a_token_that_can_be_taken_back() {
    let root = published();
    let file = root.path().join("readers/~ann/acme/secret.htpasswd");
    assert_eq!(tool::read_text(&file), "", "nobody, from the first publication on");
    let add = |who: &[&str]| root.run(&[&["token", "add", "--archive", ARCHIVE][..], who].concat());
    add(&["--person", "ben", "--as", "ben"]).exits(FAILURE).says(&["who owns the archive does"]);
    add(&["--person", "nobody", "--as", "ann"]).exits(USAGE);
    root.ok(&["team", "add", "crew", "--member", "ben"]);
    add(&["--person", "crew", "--as", "ann"]).exits(USAGE).says(&["is a team"]);
    let open = ["token", "add", "--archive", "acme", "--person", "ben", "--as", "ann"];
    root.run(&open).exits(USAGE).says(&["open to everybody"]);

    let secret = given(&root, &["--person", "ben"]);
    let of_machine = given(&root, &["--machine", "builder-1"]);
    assert!(may_read(&file, "ben", &secret) && may_read(&file, "+builder-1", &of_machine));
    assert!(!may_read(&file, "ben", &of_machine) && !may_read(&file, "ann", &secret));
    let database = tool::read(&root.path().join("pressroom.db"));
    let has = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!has(&secret) && !tool::read_text(&file).contains(&secret), "only a hash is kept");
    add(&["--person", "ben", "--as", "ann"]).exits(FAILURE).says(&["--replace"]);
    let second = given(&root, &["--person", "ben", "--replace"]);
    assert!(may_read(&file, "ben", &second) && !may_read(&file, "ben", &secret));
    // who leaves reads nothing any more, and a token can have an end
    root.ok(&["person", "set", "ben", "--active", "false"]);
    assert!(!may_read(&file, "ben", &second), "at once");
    add(&["--machine", "never", "--valid-for-seconds", "0", "--as", "ann"])
        .exits(USAGE)
        .says(&["0 is not in"]);
    let short = given(&root, &["--machine", "short", "--valid-for-seconds", "60"]);
    root.ok(&["publish"]);
    assert!(!may_read(&file, "ben", &second) && may_read(&file, "+short", &short));
    root.run_at("2025-03-01T12:01:00Z", &["publish"]).exits(0);
    assert!(!may_read(&file, "+short", &short));
    // a key that cannot be used ends a run before it begins, and lets nobody in whose time is over
    let brief = given(&root, &["--machine", "brief", "--valid-for-seconds", "60"]);
    let (key, aside) = (root.path().join("keys/signing-key.asc"), root.path().join("keys/aside"));
    tool::rename(&key, &aside);
    assert!(may_read(&file, "+brief", &brief));
    root.run_at("2025-03-01T12:01:00Z", &["publish"]).exits(3);
    assert!(!may_read(&file, "+brief", &brief));
    tool::rename(&aside, &key);
    // what is served still is not for those whose time is over, though nothing new is published there
    root.ok(&["archive", "set", ARCHIVE, "--publish", "false"]);
    let late = given(&root, &["--machine", "late", "--valid-for-seconds", "60"]);
    assert!(may_read(&file, "+late", &late));
    root.run_at("2025-03-01T12:01:00Z", &["publish"]).exits(0);
    assert!(!may_read(&file, "+late", &late));
    root.ok(&["person", "set", "ben", "--active", "true"]);
    root.ok(&["token", "revoke", "--archive", ARCHIVE, "--person", "ben", "--as", "ann"]);
    root.run(&["token", "revoke", "--archive", ARCHIVE, "--person", "ben", "--as", "ann"])
        .exits(USAGE)
        .says(&["+builder-1"]);
    assert!(!may_read(&file, "ben", &second) && may_read(&file, "+builder-1", &of_machine));
    root.ok(&["token", "list", "--archive", ARCHIVE, "--all"]).says(&["revoked", "+builder-1  active"]);
}

#[test]
fn readers_that_cannot_be_written_down_are_said_and_stop_nobody_else() {
    let root = published();
    let file = root.path().join("readers/~ann/acme/secret.htpasswd");
    std::fs::remove_file(&file).unwrap();
    tool::make_folder(&file);
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("open", "1.0").build(folder.path());
    root.import(SERIES, &[&deb]).exits(0);
    root.ok(&["archive", "add", "~ann/acme/more", "--private", "true"]);
    root.ok(&["import", "--archive", "~ann/acme/more", "--suite", SERIES, &deb.to_string_lossy()]);
    root.run(&["publish"]).exits(FAILURE).says(&["who may read ~ann/acme/secret could not be written down"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["open 1.0"]);
    assert!(root.path().join("private/~ann/acme/more/dists").join(SERIES).join("InRelease").is_file());
    std::fs::remove_dir(&file).unwrap();
    root.ok(&["publish"]);
    assert_eq!(tool::read_text(&file), "");
}

#[test]
fn apt_reads_a_private_archive_with_a_token_and_not_without() {
    let root = published();
    let file = root.path().join("readers/~ann/acme/secret.htpasswd");
    let secret = given(&root, &["--person", "ben"]);
    let served = root.path().join("private/~ann/acme/secret");
    let server = Server::guarded(&served, move |user, secret| may_read(&file, user, secret));
    let client = Client::new(&Line { uri: server.uri(), ..root.line(SERIES) }, &[]);
    let refused = client.apt_get(&["update"]);
    assert!(refused.everything().contains("401"), "{}", refused.account());
    let login = format!("machine {} login ben password {secret}\n", server.uri());
    client.write_login(&login);
    client.update();
    assert_eq!(client.candidate("secret").as_deref(), Some("1.0"));
    root.ok(&["token", "revoke", "--archive", ARCHIVE, "--person", "ben", "--as", "ann"]);
    let refused = client.apt_get(&["update"]);
    assert!(refused.everything().contains("401"), "{}", refused.account());
}
