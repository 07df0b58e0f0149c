//! The people of a root: who they are, what they may, which keys they have; and who decides.

use std::path::Path;

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool;
use pressroom_tests::uploader::{Key, Uploader};

const FAILURE: i32 = 1;
const USAGE: i32 = 2;

/// A root with Ann, who is nobody special, Ben, who may do everything, and the team of both.
fn with_people() -> Root {
    let root = Root::new();
    root.ok(&["person", "add", "ann", "--display-name", "Ann Uploader", "--email", "ann@example.org"]);
    root.ok(&["person", "add", "ben", "--admin"]);
    root.ok(&["team", "add", "crew", "--member", "ann", "--member", "ben"]);
    root
}

fn user() -> String {
    tool::succeed(tool::tool("id").args(["-r", "-u", "-n"])).stdout.trim().to_owned()
}

/// A command that decides, by whoever `--as` names.
fn decide(by: &[&str]) -> Vec<String> {
    let words = ["override", "set", "--series", SERIES, "hello", "--component", "main", "--section", "devel"];
    words.iter().chain(by).map(|word| (*word).to_owned()).collect()
}

fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

#[test]
fn without_people_everybody_decides_and_with_them_a_person_who_may() {
    let root = Root::new();
    root.ok(&words(&decide(&[])));
    root.ok(&words(&decide(&["--as", "whoever is on duty"])));
    root.ok(&["person", "add", "ann"]);
    // the Unix user is nobody now, and no name is made up
    root.run(&words(&decide(&[]))).exits(USAGE).says(&["who decides this", "--as", &user(), "--unix-user"]);
    root.run(&words(&decide(&["--as", "whoever is on duty"]))).exits(USAGE).says(&["person list"]);
    root.run(&words(&decide(&["--as", "ben"])))
        .exits(USAGE)
        .says(&["there is no person or team ben: there is ann"]);
    root.run(&words(&decide(&["--as", "ann"]))).exits(FAILURE).says(&[
        "ann may not decide about packages in main",
        "pressroom permission grant ann QUEUE_ADMIN --archive acme --component main",
    ]);
    // what the refusal says helps
    root.ok(&["permission", "grant", "ann", "QUEUE_ADMIN", "--archive", "acme", "--component", "main"]);
    root.ok(&words(&decide(&["--as", "ann"])));
    // over the component that it goes to as well as over that which it leaves
    let to_universe =
        ["override", "set", "--series", SERIES, "hello", "--component", "universe", "--as", "ann"];
    root.run(&to_universe).exits(FAILURE).says(&["universe"]);
    root.ok(&["permission", "grant", "ann", "queue-admin", "--component", "universe"]);
    root.ok(&to_universe);
    root.ok(&["permission", "revoke", "ann", "QUEUE_ADMIN", "--component", "universe"]);
    root.run(&words(&decide(&["--as", "ann"]))).exits(FAILURE).says(&["universe"]);
    let remove = ["override", "remove", "--series", SERIES, "hello", "--as", "ann"];
    root.run(&remove).exits(FAILURE).says(&["universe"]);
}

#[test]
fn who_decides_is_the_configured_person_or_the_one_of_the_unix_user() {
    let root = with_people();
    let config = root.path().join("pressroom.toml");
    let before = tool::read_text(&config);
    tool::write(&config, before.replace("[people]", "[people]\nas = \"ben\""));
    root.ok(&words(&decide(&[])));
    root.run(&words(&decide(&["--as", "ann"]))).exits(FAILURE);
    tool::write(&config, before.replace("[people]", "[people]\nas = \"nobody\""));
    root.run(&words(&decide(&[]))).exits(USAGE).says(&["nobody"]);
    tool::write(&config, &before);
    root.ok(&["person", "set", "ben", "--unix-user", &user()]);
    root.ok(&words(&decide(&[])));
    root.run(&["person", "set", "ann", "--unix-user", &user()]).exits(FAILURE).says(&["is ben already"]);
    root.ok(&["person", "set", "ben", "--unix-user", ""]);
    root.run(&words(&decide(&[]))).exits(USAGE);
}

#[test]
fn a_team_and_somebody_who_has_left_decide_nothing() {
    let root = with_people();
    root.run(&words(&decide(&["--as", "crew"]))).exits(USAGE).says(&["crew is a team"]);
    root.ok(&["person", "remove", "ben"]).says(&["not active"]);
    root.run(&words(&decide(&["--as", "ben"]))).exits(FAILURE).says(&["person set ben --active true"]);
    root.ok(&["person", "list"]);
    assert!(!root.ok(&["person", "list"]).stdout.contains("ben"));
    root.ok(&["person", "list", "--all"]).says(&["ben"]);
    root.ok(&["person", "set", "ben", "--active", "true"]);
    root.ok(&words(&decide(&["--as", "ben"])));
}

#[test]
fn the_veto_of_a_hook_is_overridden_by_a_person() {
    let root = with_people();
    let overriding = ["publish", "--override-veto", "gate", "--reason", "it is known"];
    root.run(&overriding).exits(USAGE).says(&["who decides this"]);
    root.run(&[&overriding[..], &["--as", "carl"]].concat()).exits(USAGE).says(&["carl"]);
}

#[test]
fn what_cannot_be_a_person_or_a_team_is_refused() {
    let root = with_people();
    for (arguments, code, word) in [
        (&["person", "add", "carl", "--display-name", "\u{202e}nimda"][..], FAILURE, "one line"),
        (&["person", "add", "ann"], FAILURE, "the person ann exists already"),
        (&["team", "add", "ann"], FAILURE, "the person ann exists already"),
        (&["person", "add", "crew"], FAILURE, "the team crew exists already"),
        (&["person", "add", "../x"], USAGE, "must not begin with"),
        (&["person", "add", "carl", "--display-name", "two\nlines"], FAILURE, "one line"),
        (&["person", "add", "carl", "--email", "no address"], FAILURE, "no mail address"),
        (&["person", "add", "carl", "--email", "a@b\nBcc: c@d"], FAILURE, "no mail address"),
        (&["person", "add", "carl", "--email", "ANN@example.org"], FAILURE, "that of ann already"),
        (&["person", "show", "carl"], USAGE, "there is ann, ben, crew"),
        (&["person", "show", "crew"], USAGE, "pressroom team"),
        (&["team", "join", "ann", "ben"], USAGE, "is a person, not a team"),
        (&["team", "join", "crew", "crew"], FAILURE, "cannot be in itself"),
        (&["team", "leave", "crew", "crew"], FAILURE, "is not in crew"),
    ] {
        root.run(arguments).exits(code).says(&[word]);
    }
    // a person that was refused is not half there
    assert!(!root.ok(&["person", "list", "--all"]).stdout.contains("carl"));
    root.ok(&["--format", "json", "person", "show", "ann"]).says(&["ann@example.org", "\"crew\""]);
}

#[test]
fn permissions_are_given_listed_checked_and_taken_back() {
    let root = with_people();
    root.ok(&["package-set", "add", "desktop", "--series", SERIES, "--source", "shell"]);
    root.ok(&["permission", "grant", "crew", "UPLOAD", "--package-set", "desktop"])
        .says(&["crew", "package set desktop"]);
    let check = |source: &str| root.run(&["permission", "check", "ann", "upload", source, "--suite", SERIES]);
    check("shell").exits(0).says(&["crew has UPLOAD --package-set desktop"]);
    check("hello").exits(FAILURE).says(&["ann may not upload hello to aurora of acme"]);
    root.run(&["permission", "check", "ann", "upload", "fresh", "--suite", SERIES, "--new"]).exits(0);
    root.run(&["permission", "check", "ben", "QUEUE_ADMIN", "--suite", SERIES]).exits(0).says(&["admin"]);
    for (arguments, code, word) in [
        (&["permission", "grant", "carl", "UPLOAD"][..], USAGE, "carl"),
        (&["permission", "grant", "ann", "EVERYTHING"], USAGE, "UPLOAD"),
        (&["permission", "grant", "ann", "UPLOAD", "--component", "none"], USAGE, "there is main, universe"),
        (
            &["permission", "grant", "ann", "UPLOAD", "--component", "main", "--pocket", "UPDATES"],
            USAGE,
            "cannot be used with",
        ),
        (
            &["permission", "grant", "ann", "QUEUE_ADMIN", "--source", "hello"],
            FAILURE,
            "not over single packages",
        ),
        (&["permission", "grant", "ann", "UPLOAD", "--package-set", "server"], USAGE, "desktop of aurora"),
        (
            &["permission", "revoke", "ann", "UPLOAD", "--package-set", "desktop"],
            USAGE,
            "no such permission of its own",
        ),
        (
            &["package-set", "remove", "desktop", "--series", SERIES],
            FAILURE,
            "permission list --package-set desktop",
        ),
        (&["permission", "check", "ann", "UPLOAD", "--suite", SERIES], USAGE, "name the source"),
    ] {
        root.run(arguments).exits(code).says(&[word]);
    }
    root.ok(&["permission", "revoke", "crew", "UPLOAD", "--package-set", "desktop"]);
    check("shell").exits(FAILURE);
    root.ok(&["package-set", "remove", "desktop", "--series", SERIES]);
}

#[test]
fn keys_are_one_persons_and_say_what_is_wrong_with_them() {
    let root = with_people();
    let certificate = |uploader: &Uploader| uploader.certificate(root.path()).to_string_lossy().into_owned();
    let import = |uploader: &Uploader, whose: &str| {
        root.run(&["key", "import", &certificate(uploader), "--person", whose])
    };
    let ann = Uploader::new("Ann Uploader", "ann@example.org");
    import(&ann, "ann").exits(0).says(&[&ann.fingerprint(), "active", "Ann Uploader <ann@example.org>"]);
    import(&ann, "ben").exits(FAILURE).says(&["that of ann already"]);
    import(&ann, "crew").exits(USAGE).says(&["crew is a team"]);
    import(&ann, "ann").exits(0);
    for (kind, words) in [
        (Key::Rsa(1024), ["RSA of 1024 bits", "active"]),
        (Key::Dsa, ["which is not taken", "DSA"]),
        (Key::Expired, ["expired at 2024", "expired"]),
        (Key::Revoked, ["is revoked", "revoked"]),
    ] {
        // it is taken in with a warning, so that who signs with it is told what is wrong with it
        let one = Uploader::with_key("Ben", "ben@example.org", kind);
        import(&one, "ben").exits(0).says(&["signs nothing that is taken", words[0]]);
        if kind != Key::Rsa(1024) {
            root.ok(&["key", "list"]).says(&[words[1]]);
        }
    }
    let listed = root.ok(&["key", "list"]).stdout;
    assert_eq!(listed.lines().count(), 7, "the archives' own is the first: {listed}");
    let fingerprint = ann.fingerprint();
    root.ok(&["key", "disable", &fingerprint.to_lowercase()]).says(&["disabled"]);
    root.ok(&["key", "enable", &fingerprint]).says(&["active"]);
    root.run(&["key", "disable", "0000"]).exits(USAGE).says(&[&fingerprint]);
    root.ok(&["key", "remove", &fingerprint]);
    import(&ann, "ben").exits(0);
    let secret = root.path().join("secret.asc");
    tool::succeed(
        tool::tool("gpg")
            .arg("--homedir")
            .arg(ann.home())
            .args(["--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--armor", "--output"])
            .arg(&secret)
            .arg("--export-secret-keys"),
    );
    for (file, word) in [(secret.as_path(), "secret key"), (Path::new("/dev/null"), "no OpenPGP certificate")]
    {
        let ran = root.run(&["key", "import", &file.to_string_lossy(), "--person", "ann"]);
        assert_ne!(ran.code, Some(0));
        ran.says(&[word]);
    }
    // the archive's own key is another matter
    root.ok(&["key", "export"]).says(&["BEGIN PGP PUBLIC KEY BLOCK"]);
}

#[test]
fn people_and_their_rights_are_exported_and_applied_elsewhere() {
    let root = with_people();
    let ann = Uploader::with_key("Ann Uploader", "ann@example.org", Key::Subkey);
    root.ok(&["key", "import", &ann.certificate(root.path()).to_string_lossy(), "--person", "ann"]);
    root.ok(&["key", "disable", &ann.fingerprint()]);
    root.ok(&[
        "package-set",
        "add",
        "desktop",
        "--series",
        SERIES,
        "--source",
        "shell",
        "--build-score",
        "5",
    ]);
    root.ok(&["archive", "add", "~crew/acme/tools", "--quota-mib", "10", "--private", "true"]);
    root.ok(&["permission", "grant", "ann", "UPLOAD", "--package-set", "desktop"]);
    root.ok(&["permission", "grant", "crew", "QUEUE_ADMIN", "--pocket", "SECURITY", "--series", SERIES]);
    root.ok(&["permission", "grant", "ann", "UPLOAD", "--archive", "~crew/acme/tools", "--source", "hello"]);
    root.ok(&["distribution", "set", DISTRIBUTION, "--bug-mail", "%s-done@bugs.example.org"]);
    root.ok(&["distribution", "set", DISTRIBUTION, "--redirect-release-uploads", "true"]);
    root.ok(&[
        "series",
        "set",
        SERIES,
        "--changes-list",
        "changes@lists.example.org",
        "--source-formats",
        "3.0 (quilt),1.0",
    ]);
    root.ok(&["person", "remove", "ann"]);
    let exported = root.ok(&["export"]).stdout;
    let file = root.path().join("all.toml").to_string_lossy().into_owned();
    tool::write(file.as_ref(), &exported);
    root.ok(&["apply", &file]).says(&["Nothing to change"]);

    let other = Root::new();
    other.ok(&["apply", "--dry-run", &file]).says(&[
        "+ person ann: active = false",
        "package-set = \"desktop\"",
        "disabled, certificate of",
    ]);
    assert!(!other.ok(&["export"]).stdout.contains("ann"), "a dry run changes nothing");
    other.ok(&["apply", &file]);
    assert_eq!(other.ok(&["export"]).stdout, exported);
    other.ok(&["apply", &file]).says(&["Nothing to change"]);

    // a list that is named is the whole list; who is not named stays
    let team = "[[team]]\nname = \"crew\"\nmembers = [\"ben\"]\n";
    tool::write(file.as_ref(), team);
    other
        .ok(&["apply", &file])
        .says(&["- team crew: members = [\"ann\", \"ben\"]", "+ team crew: members = [\"ben\"]"]);
    other.ok(&["person", "list", "--all"]).says(&["ann"]);
    for (text, word) in [
        ("[[team]]\nname = \"ann\"\n", "cannot be a team"),
        ("[[team]]\nname = \"crew\"\nmembers = [\"carl\"]\n", "carl"),
        ("[[person]]\nname = \"ben\"\nkee = 1\n", "kee"),
        ("[[person]]\nname = \"ben\"\n[[person.key]]\ncertificate = \"x\"\n", "a key of ben"),
        (
            "[[distribution]]\nname = \"acme\"\n[[distribution.archive]]\nname = \"primary\"\n[[distribution.archive.permission]]\n\
             person = \"ben\"\npermission = \"UPLOAD\"\ncomponent = \"main\"\npocket = \"UPDATES\"\n",
            "over one of component, pocket",
        ),
    ] {
        tool::write(file.as_ref(), text);
        let ran = other.run(&["apply", &file]);
        assert_ne!(ran.code, Some(0), "{text}");
        ran.says(&[word]);
    }
}

#[test]
fn what_a_distribution_wants_of_uploads_is_held_to_its_form() {
    let root = Root::new();
    for (arguments, word) in [
        (
            &["distribution", "set", DISTRIBUTION, "--bug-mail", "done@bugs.example.org"][..],
            "%s for the number",
        ),
        (&["distribution", "set", DISTRIBUTION, "--bug-webhook", "ftp://bugs.example.org"], "https://"),
        (&["series", "set", SERIES, "--changes-list", "no address"], "no mail address"),
        (&["series", "set", SERIES, "--source-formats", "3.0 (git)"], "3.0 (git)"),
    ] {
        let ran = root.run(arguments);
        assert_ne!(ran.code, Some(0));
        ran.says(&[word]);
    }
    root.ok(&["distribution", "set", DISTRIBUTION, "--bug-webhook", "https://bugs.example.org/closed"]);
    root.ok(&["distribution", "set", DISTRIBUTION, "--bug-webhook", ""]);
    // none of it shows in the published files
    root.ok(&["publish"]);
    root.ok(&[
        "series",
        "set",
        SERIES,
        "--source-formats",
        "1.0",
        "--changes-list",
        "changes@lists.example.org",
    ]);
    root.ok(&["publish"]).says(&["Nothing to publish"]);
}

#[test]
fn the_archive_of_a_person_is_published_for_apt_in_a_folder_of_its_own() {
    let root = with_people();
    for (arguments, word) in [
        (&["archive", "add", "~carl/acme/tools"][..], "carl"),
        (&["archive", "add", "acme/tools", "--purpose", "PPA"], "--owner"),
        (&["archive", "add", "acme/tools", "--purpose", "PARTNER", "--owner", "ann"], "is a PPA"),
        (&["archive", "add", "acme", "--owner", "ann"], "acme/NAME"),
        (&["archive", "add", "~ann/acme/tools", "--owner", "ben"], "not of ben"),
        (&["archive", "add", "~ann/acme/x-staging"], "used by the publisher"),
        (&["archive", "add", "~ann/none/tools"], "none"),
    ] {
        let ran = root.run(arguments);
        assert_ne!(ran.code, Some(0), "{arguments:?}");
        ran.says(&[word]);
    }
    root.ok(&["archive", "add", "acme/tools", "--purpose", "PPA", "--owner", "ann"])
        .says(&["~ann/acme/tools", "PPA"]);
    // a distribution of the same names has another folder
    root.ok(&["archive", "add", "acme/tools"]).says(&["archives/acme-tools", "archives/~ann/acme/tools"]);
    root.ok(&["series", "set", SERIES, "--status", "CURRENT"]);
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("hello", "1.0").write(folder.path());
    let into = |archive: &str, suite: &str| {
        root.run(&["import", "--archive", archive, "--suite", suite, &deb.to_string_lossy()])
    };
    // the release pocket of a released series: closed in the distribution, what there is in a PPA
    into("acme", SERIES).exits(FAILURE).says(&["does not change"]);
    into("~ann/acme/tools", SERIES).exits(0);
    root.ok(&["publish"]).says(&["~ann/acme/tools aurora", "2 binaries published"]);
    let served = root.path().join("archives/~ann/acme/tools");
    let line = Line { uri: format!("file://{}", served.display()), ..root.line(SERIES) };
    let client = Client::new(&line, &[]);
    let _ = client.update();
    assert_eq!(client.candidate("hello").as_deref(), Some("1.0"));
}

#[test]
fn an_archive_of_a_person_that_cannot_be_published_stops_no_other() {
    let root = with_people();
    root.ok(&["archive", "add", "~ann/acme/tools"]);
    root.ok(&["archive", "add", "~ben/acme/tools"]);
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("hello", "1.0").write(folder.path()).to_string_lossy().into_owned();
    for (archive, suite) in
        [("acme", "aurora"), ("~ann/acme/tools", "aurora-security"), ("~ben/acme/tools", "aurora")]
    {
        root.ok(&["import", "--archive", archive, "--suite", suite, &deb]);
    }
    // the fast track, which is for Ann's security suite, cannot be made: something else has her folder's name
    let in_the_way = root.path().join("archives/~ann");
    tool::make_folder(&root.path().join("archives"));
    tool::write(&in_the_way, "");
    root.run(&["publish"]).exits(FAILURE).says(&[
        "low priority aurora",
        "low priority ~ben/acme/tools aurora",
        "~ann/acme/tools was not published",
    ]);
    assert!(root.index(SERIES, "main/binary-amd64/Packages").contains("Package: hello"));
    // once it is out of the way, the next run does what was left
    std::fs::remove_file(&in_the_way).unwrap();
    root.ok(&["publish"]).says(&["high priority ~ann/acme/tools aurora-security"]);
    assert!(root.path().join("archives/~ann/acme/tools/dists/aurora-security/InRelease").exists());
}
