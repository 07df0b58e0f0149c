//! What mirrors are given, from outside: real `ls` and `zcat`, a real apt at a mirror that follows the journal, and a hook that is told of it.

use std::path::Path;
use std::process::Command;

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool::{self, read, read_text, tool};
use pressroom_tests::tree::sha256;

const USAGE: i32 = 2;

fn import(root: &Root, name: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new(name, version).architecture("amd64").payload(version).write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
}

fn listing(root: &Root) -> String {
    let path = root.served().join("ls-lR.gz");
    tool::run(tool("zcat").arg(path)).exits(0).stdout
}

/// The last number of the journal.
fn last(root: &Root) -> u64 {
    let state = read_text(&root.served().join("journal/state"));
    state.lines().find_map(|line| line.strip_prefix("last ")).unwrap().parse().unwrap()
}

/// Does what these numbers say, as the guide has it: what is new in the pool, what else is new, and then, after a look, what goes.
fn follow(root: &Root, mirror: &Path, numbers: std::ops::RangeInclusive<u64>, look: impl Fn()) {
    let served = root.served();
    let text: String =
        numbers.map(|number| read_text(&served.join("journal").join(number.to_string()))).collect();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with(['#', '!']))
        .map(|line| line.split('\t').collect())
        .collect();
    let is_gone = |line: &[&str]| line[0] == "-";
    let is_pool = |line: &[&str]| line[1].starts_with("pool/");
    let new = lines.iter().filter(|line| !is_gone(line) && is_pool(line));
    for words in new.chain(lines.iter().filter(|line| !is_gone(line) && !is_pool(line))) {
        match words.as_slice() {
            ["+", path, size, digest] => {
                let Ok(content) = std::fs::read(served.join(path)) else { continue };
                if sha256(&content) == *digest {
                    assert_eq!(content.len().to_string(), *size, "{path}");
                    tool::write(&mirror.join(path), content);
                }
            }
            ["@", path, target] => {
                let _ = std::fs::remove_file(mirror.join(path));
                std::os::unix::fs::symlink(target, mirror.join(path)).unwrap();
            }
            _ => panic!("{words:?}"),
        }
    }
    look();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_gone(line)) {
        if !lines[at..].iter().any(|later| !is_gone(later) && later[1] == line[1]) {
            let _ = std::fs::remove_file(mirror.join(line[1]));
        }
    }
    look();
}

/// Whether apt can fetch a package from a mirror, if that has anything yet.
fn serves_apt(root: &Root, mirror: &Path) {
    if !mirror.join("dists").join(SERIES).join("InRelease").exists() {
        return;
    }
    let line = Line {
        uri: format!("file://{}", mirror.display()),
        suites: SERIES.to_owned(),
        components: "main".to_owned(),
        signed_by: root.key(),
    };
    let client = Client::new(&line, &[]);
    client.apt_get(&["update"]).exits(0);
    client.apt_get(&["install", "--yes", "--download-only", "hello"]).exits(0);
}

#[test]
fn a_mirror_that_follows_the_journal_serves_apt_after_every_number() {
    let root = Root::new();
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "100", "--ls-lr", "true"]);
    let (mirror, late) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut done = 0;
    for (hour, name, version) in [
        ("02T12", "hello", "1.0"),
        ("04T12", "hello", "2.0"),
        ("06T12", "other", "1.0"),
        ("08T12", "hello", "3.0"),
    ] {
        let now = format!("2025-03-{hour}:00:00Z");
        import(&root, name, version);
        root.run_at(&now, &["publish"]).exits(0);
        root.run_at(&now, &["process-death-row"]).exits(0);
        while done < last(&root) {
            done += 1;
            // one comes for every number, the other for the first ones and then not before the end
            for mirror in [Some(mirror.path()), (done < 4).then_some(late.path())].into_iter().flatten() {
                follow(&root, mirror, done..=done, || serves_apt(&root, mirror));
            }
        }
    }
    follow(&root, late.path(), 4..=done, || serves_apt(&root, late.path()));
    assert!(late.path().join("pool/main/h/hello/hello_3.0_amd64.deb").exists());
    assert!(!late.path().join("pool/main/h/hello/hello_1.0_amd64.deb").exists());
    assert!(done > 8, "{done} numbers");
    let gone = "pool/main/h/hello/hello_1.0_amd64.deb";
    assert!(!mirror.path().join(gone).exists() && !root.served().join(gone).exists());
    let listing = listing(&root);
    assert!(listing.starts_with(".:\ntotal "), "{listing}");
    assert!(listing.contains("\n./pool/main/h/hello:\n") && listing.contains(" hello_3.0_amd64.deb\n"));
    assert!(!listing.contains("hello_1.0_amd64.deb"), "death row has it listed anew");
    assert_eq!(read(&mirror.path().join("ls-lR.gz")), read(&root.served().join("ls-lR.gz")));
}

#[test]
fn what_is_made_for_mirrors_is_the_operators_to_say() {
    let root = Root::new();
    import(&root, "hello", "1.0");
    root.ok(&["publish"]);
    for path in ["ls-lR.gz", "journal"] {
        assert!(!root.served().join(path).exists(), "{path}");
    }
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "2", "--ls-lr", "true"]);
    root.ok(&["export"]).says(&["mirror-journal = 2", "ls-lr = true"]);
    root.ok(&["apply", &apply_file(&root)]);
    import(&root, "hello", "2.0");
    root.ok(&["publish"]);
    assert!(listing(&root).contains("hello_1.0_amd64.deb"), "what was there before is listed");
    // the reset, the listing of what was there, the pass, its listing
    assert_eq!(last(&root), 4);
    assert!(!root.served().join("journal/1").exists(), "two are kept");
    root.run(&["archive", "set", DISTRIBUTION, "--mirror-journal", "100001"]).exits(USAGE).says(&["100000"]);
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "0"]);
    root.run_at("2025-03-02T12:00:00Z", &["publish", "--dirty-suite", SERIES]).exits(0);
    assert!(!root.served().join("journal/state").exists());
    assert!(root.served().join("ls-lR.gz").exists());
}

/// What `export` says, in a file.
fn apply_file(root: &Root) -> String {
    let path = root.path().join("exported.toml");
    tool::write(&path, root.ok(&["export"]).stdout);
    path.display().to_string()
}

#[test]
fn a_full_disk_or_a_folder_in_the_way_is_a_problem_of_the_run_and_publishes_all_the_same() {
    let root = Root::new();
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "10", "--ls-lr", "true"]);
    import(&root, "hello", "1.0");
    tool::make_folder(&root.served().join("ls-lR.gz"));
    root.run(&["publish"]).exits(1).says(&["mirrors are not told", "ls-lR.gz"]);
    root.verify(SERIES);
    assert_eq!(last(&root), 2, "who follows the journal does not wait for the listing");
    root.run(&["publish"]).exits(1).says(&["mirrors are not told", "ls-lR.gz"]);
    std::fs::remove_dir(root.served().join("ls-lR.gz")).unwrap();
    root.ok(&["publish"]);
    assert!(listing(&root).contains("hello_1.0_amd64.deb"), "made up for, though nothing is published");
    import(&root, "hello", "2.0");
    root.run_at("2025-03-02T12:00:00Z", &["publish"]).exits(0);
    assert_eq!(last(&root), 5, "reset, a pass, its listing, another pass, its listing");
    // death row makes up for it as well, also when it has nothing to take
    std::fs::remove_file(root.served().join("ls-lR.gz")).unwrap();
    tool::make_folder(&root.served().join("ls-lR.gz"));
    root.run_at("2025-03-02T13:00:00Z", &["publish", "--dirty-suite", SERIES]).exits(1);
    std::fs::remove_dir(root.served().join("ls-lR.gz")).unwrap();
    root.run_at("2025-03-02T14:00:00Z", &["process-death-row"]).exits(0);
    assert!(listing(&root).contains("hello_2.0_amd64.deb"));
    let first = read_text(&root.served().join("journal/2"));
    assert!(first.contains("hello_1.0_amd64.deb"), "{first}");
    let mut ls = Command::new("ls");
    ls.arg(root.served().join("journal"));
    assert_eq!(
        tool::run(&mut ls).exits(0).stdout.split_whitespace().collect::<Vec<_>>(),
        ["1", "2", "3", "4", "5", "6", "7", "state"]
    );
}
