//! Links in `dists/` and the suites beside them: whoever has made a link, no suite is ever written by the name of another.

use std::os::unix::fs::symlink;
use std::path::Path;

use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::stanza::stanzas;
use pressroom_tests::tool::{self, read_text, write_program};
use pressroom_tests::tree::{assert_same, picture};

const FAILURE: i32 = 1;
const INDEX: &str = "main/binary-amd64/Packages";

fn import(root: &Root, suite: &str, name: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    root.import(suite, &[&Deb::new(name, version).build(folder.path())]).exits(0);
}

/// A root with a package in both components.
fn published() -> Root {
    let root = Root::new();
    import(&root, SERIES, "hello", "1.0");
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("other", "1.0").build(folder.path());
    tool::run(root.command(&["import", "--suite", SERIES, "--component", "universe"]).arg(&deb)).exits(0);
    root.ok(&["publish"]);
    root
}

/// What the Release of a suite says that it is of, signed as it is.
fn says_it_is(root: &Root, suite: &str) -> (String, String) {
    root.verify(suite);
    let release = stanzas(&read_text(&root.suite(suite).join("Release"))).remove(0);
    (release.field("Suite").to_owned(), release.field("Codename").to_owned())
}

fn own(suite: &str) -> (String, String) {
    (suite.to_owned(), suite.to_owned())
}

fn add_series(root: &Root, name: &str) {
    root.ok(&["series", "add", name, "--component", "main", "--architecture", "amd64"]);
}

#[test]
fn a_series_that_gets_the_name_of_a_former_alias_takes_nothing_from_who_had_it() {
    let by_alias = (["series", "set", SERIES, "--alias", "next"], ["series", "set", SERIES, "--alias", ""]);
    let setting = ["distribution", "set", DISTRIBUTION, "--development-alias"];
    let by_development = ([&setting[..], &["next"]].concat(), [&setting[..], &[""]].concat());
    for (given, taken) in [(by_alias.0.to_vec(), by_alias.1.to_vec()), by_development] {
        let root = published();
        root.ok(&given);
        root.ok(&["publish"]);
        assert!(root.suite("next").is_symlink(), "{given:?}");
        let before = picture(&root.suite(SERIES).join("universe"));
        root.ok(&taken);
        add_series(&root, "next");
        root.ok(&["publish"]);
        assert!(!root.suite("next").is_symlink() && root.suite("next").is_dir(), "{given:?}");
        assert_eq!(root.indexed(SERIES, INDEX), ["hello 1.0"], "{given:?}");
        assert_eq!(root.indexed(SERIES, "universe/binary-amd64/Packages"), ["other 1.0"], "{given:?}");
        assert_same("universe of who had the alias", &picture(&root.suite(SERIES).join("universe")), &before);
        assert_eq!((says_it_is(&root, SERIES), says_it_is(&root, "next")), (own(SERIES), own("next")));
        assert!(root.indexed("next", INDEX).is_empty());
        root.ok(&["publish"]).says(&["Nothing to publish"]);
        // each goes its own way, also when all of it is made anew
        import(&root, "next", "hello", "2.0");
        root.ok(&["publish", "--careful"]);
        assert_eq!(
            (root.indexed(SERIES, INDEX), root.indexed("next", INDEX)),
            (vec!["hello 1.0".to_owned()], vec!["hello 2.0".to_owned()])
        );
        for suite in ["next", "next-updates", SERIES] {
            let mut line = root.line(suite);
            line.components = "main".to_owned();
            let client = pressroom_tests::apt::Client::new(&line, &[]);
            client.update();
        }
        // and the name is no alias any more
        root.run(&["series", "set", SERIES, "--alias", "next"])
            .exits(FAILURE)
            .says(&["means something already"]);
        root.run(&[&setting[..], &["next"]].concat()).exits(FAILURE).says(&["it means a series already"]);
    }
}

#[test]
fn the_development_alias_leaves_a_series_with_its_last_package() {
    let root = published();
    root.ok(&["distribution", "set", DISTRIBUTION, "--development-alias", "devel"]);
    add_series(&root, "newest");
    import(&root, "newest", "hello", "2.0");
    root.ok(&["publish"]);
    let devel = || std::fs::read_link(root.suite("devel")).unwrap();
    assert_eq!(devel(), Path::new("newest"));
    root.ok(&["remove", "--suite", "newest", "--binary", "hello", "--comment", "too early"]);
    root.ok(&["publish"]);
    assert_eq!(devel(), Path::new(SERIES), "in the step that removes it");
    root.ok(&["publish"]).says(&["Nothing to publish"]);
}

#[test]
fn what_somebody_has_put_in_the_place_of_a_suite_is_refused_and_the_others_are_published() {
    let root = published();
    let (link, file) = (root.suite("three"), root.suite("four"));
    symlink(SERIES, &link).unwrap();
    tool::write(&file, "mine");
    add_series(&root, "three");
    add_series(&root, "four");
    import(&root, SERIES, "hello", "2.0");
    let said = [
        "three is not published",
        "three is a link to aurora that Pressroom has not made",
        "remove the link, and publish again",
        "four is not published",
        "four, where its folder has to be, is no folder",
    ];
    root.run(&["publish", "--dry-run"]).exits(FAILURE).says(&said);
    let ran = root.run(&["publish"]).exits(FAILURE).says(&said);
    assert_eq!(ran.everything().matches("three is not published").count(), 1, "said once\n{}", ran.account());
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 2.0"]);
    assert_eq!(
        (says_it_is(&root, SERIES), says_it_is(&root, "three-updates")),
        (own(SERIES), ("three-updates".to_owned(), "three".to_owned()))
    );
    assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(SERIES));
    assert_eq!(read_text(&file), "mine");
    root.ok(&["status"]).says(&["three"]);
    // nothing else is dirty, and the two are refused still, whatever is made anew
    root.run(&["publish", "--careful"]).exits(FAILURE).says(&said);
    assert_eq!(
        (root.indexed(SERIES, INDEX), says_it_is(&root, SERIES)),
        (vec!["hello 2.0".to_owned()], own(SERIES))
    );
    std::fs::remove_file(&link).unwrap();
    std::fs::remove_file(&file).unwrap();
    root.ok(&["publish"]);
    assert_eq!((says_it_is(&root, "three"), says_it_is(&root, "four")), (own("three"), own("four")));
    root.client("three four").apt_get(&["update"]).exits(0);
    // one that is published already, and whose folder somebody has moved away
    let elsewhere = root.served().join("dists/elsewhere");
    tool::rename(&root.suite("three"), &elsewhere);
    symlink("elsewhere", root.suite("three")).unwrap();
    let before = picture(&elsewhere);
    import(&root, "three", "hello", "3.0");
    root.run(&["publish"]).exits(FAILURE).says(&["three is a link to elsewhere that Pressroom has not made"]);
    assert_same("what was moved away", &picture(&elsewhere), &before);
}

#[test]
fn a_hook_that_puts_a_link_in_the_place_of_a_suite_stops_the_pass() {
    let root = published();
    let script = format!(
        "#!/bin/sh\nset -e\ncd \"$DISTSROOT\"\nrm -rf {SERIES}-updates\nln -s {SERIES} {SERIES}-updates\n"
    );
    write_program(&root.hooks("pre-publication").join("10-links"), &script);
    import(&root, &format!("{SERIES}-updates"), "hello", "2.0");
    let before = picture(&root.served().join("dists"));
    root.run(&["publish"]).exits(FAILURE).says(&["dists/aurora-updates in the staged tree is no folder"]);
    assert_same("the live suites", &picture(&root.served().join("dists")), &before);
    std::fs::remove_file(root.hooks("pre-publication").join("10-links")).unwrap();
    root.ok(&["publish"]);
    assert_eq!(root.indexed("aurora-updates", INDEX), ["hello 2.0"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 1.0"]);
}

#[test]
fn an_alias_takes_the_place_of_no_folder() {
    let root = published();
    add_series(&root, "former");
    root.ok(&["publish"]);
    root.ok(&["series", "set-status", "former", "OBSOLETE", "--confirm", "0"]);
    root.run(&["series", "set", SERIES, "--alias", "former"])
        .exits(FAILURE)
        .says(&["means something already"]);
    assert!(root.suite("former").join("InRelease").exists() && !root.suite("former").is_symlink());
    // what is no series, and has a folder all the same
    tool::write(&root.suite("kept/InRelease"), "mine");
    root.ok(&["series", "set", SERIES, "--alias", "kept"]);
    root.run(&["publish"])
        .exits(FAILURE)
        .says(&["dists/kept cannot be a link to aurora", "choose another alias"]);
    assert_eq!(read_text(&root.suite("kept/InRelease")), "mine");
    assert!(root.suite("kept-updates").is_symlink());
    add_series(&root, "later");
    root.ok(&["series", "set", "later", "--alias", "kept"]).says(&["kept was another name of aurora"]);
    root.ok(&["series", "set", SERIES, "--alias", "kept"]).says(&["kept was another name of later"]);
    assert_eq!(
        (says_it_is(&root, SERIES), root.indexed(SERIES, INDEX)),
        (own(SERIES), vec!["hello 1.0".to_owned()])
    );
}
