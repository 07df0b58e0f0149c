//! What mirrors are given, from outside: real `ls` and `zcat`, a real apt at a mirror that follows the journal, and a hook that is told of it.

use std::path::Path;
use std::process::Command;

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::server::Server;
use pressroom_tests::tool::{self, Ran, read, read_text, tool, write_program};
use pressroom_tests::tree::{Picture, assert_same, picture, sha256};

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

/// The guide's scripts for rsync: one copies everything, one follows.
fn recipes() -> [String; 2] {
    let guide = read_text(&tool::workspace().join("docs/mirroring.md"));
    let blocks = guide.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()));
    let scripts: Vec<String> = blocks.filter(|script| script.contains("rsync ")).collect();
    scripts.try_into().expect("the guide has two scripts with rsync")
}

/// A mirror that is kept by the guide's scripts, and real rsync.
struct Mirror<'a> {
    folder: tempfile::TempDir,
    root: &'a Root,
    server: Server,
}

impl<'a> Mirror<'a> {
    /// A new one.
    fn of(root: &'a Root) -> Self {
        let mirror = Self { folder: tempfile::tempdir().unwrap(), root, server: Server::new(&root.served()) };
        mirror.copy().exits(0);
        mirror.has_the_archive("a new mirror");
        mirror
    }

    fn run(&self, script: &str) -> Ran {
        let mut shell = tool("sh");
        shell.args(["-c", script]).current_dir(self.folder.path());
        shell.env("url", self.server.uri()).env("module", self.root.served());
        tool::run(&mut shell)
    }

    fn copy(&self) -> Ran {
        self.run(&recipes()[0])
    }

    fn follow(&self) -> Ran {
        self.run(&recipes()[1])
    }

    fn served(&self) -> std::path::PathBuf {
        self.folder.path().join("mirror")
    }

    /// Whether it is what the archive is, without a folder too much.
    fn has_the_archive(&self, when: &str) {
        let is_for_mirrors = |path: &String| !path.starts_with("journal/") && !path.starts_with("snapshots/");
        let (mut own, mut theirs) = (picture(&self.served()), picture(&self.root.served()));
        theirs.retain(|path, _| is_for_mirrors(path));
        let folders = |picture: &mut Picture| -> Vec<String> {
            let found = picture.keys().filter(|path| path.ends_with('/')).cloned().collect();
            picture.retain(|path, _| !path.ends_with('/'));
            found
        };
        let (own_folders, their_folders) = (folders(&mut own), folders(&mut theirs));
        assert_same(&format!("{when}: the mirror and the archive"), &own, &theirs);
        let left: Vec<_> = own_folders.iter().filter(|folder| !their_folders.contains(folder)).collect();
        assert!(left.is_empty(), "{when}: {left:?}");
        serves_apt(self.root, &self.served());
    }
}

/// Whatever changes, links that become folders and folders that become links among it, and however far behind a mirror is.
#[test]
fn mirrors_that_are_kept_by_the_scripts_of_the_guide_have_the_archive() {
    let root = Root::new();
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "200", "--ls-lr", "true"]);
    import(&root, "hello", "1.0");
    import(&root, "bye", "1.0");
    root.ok(&["publish"]);
    let (always, sometimes, late) = (Mirror::of(&root), Mirror::of(&root), Mirror::of(&root));
    always.follow().exits(0);
    always.has_the_archive("nothing has changed");
    let hook = root.hooks("pre-publication").join("10-kept");
    let kept = |what: &str| {
        write_program(&hook, &format!("#!/bin/sh\nset -e\ncd \"$DISTSROOT\"\nrm -rf kept\n{what}\n"));
    };
    let folder = "mkdir -p kept/main\necho mine >kept/InRelease\necho mine >kept/main/mine";
    let link = format!("ln -s {SERIES} kept");
    let mut hour = 12;
    let mut publish = |what: &str| {
        hour += 1;
        let now = format!("2025-03-01T{hour}:00:00Z");
        root.run_at(&now, &["publish", "--dirty-suite", SERIES]).exits(0);
        always.follow().exits(0);
        always.has_the_archive(what);
    };
    root.ok(&["series", "set", SERIES, "--alias", "next"]);
    publish("an alias");
    kept(folder);
    publish("a folder");
    kept(&link);
    import(&root, "hello", "2.0");
    root.ok(&["remove", "--suite", SERIES, "--binary", "bye"]);
    publish("a link where the folder was, another version, a removal");
    sometimes.follow().exits(0);
    sometimes.has_the_archive("two numbers behind");
    root.ok(&["series", "set", SERIES, "--alias", ""]);
    root.ok(&["series", "add", "next", "--component", "main", "--architecture", "amd64"]);
    kept(folder);
    publish("folders where links were");
    kept("");
    import(&root, "other", "1.0");
    publish("neither");
    let later = "2025-03-09T12:00:00Z";
    root.run_at(later, &["process-death-row"]).exits(0);
    for (mirror, which) in [(&always, "always"), (&sometimes, "sometimes"), (&late, "late")] {
        mirror.follow().exits(0);
        mirror.has_the_archive(which);
        assert!(!mirror.served().join("pool/main/b").exists(), "{which}: a folder goes with its last file");
    }
    // too far behind, and then a journal that has begun anew: following says so and changes nothing, copying makes up for it
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "2"]);
    for (day, version) in [("10", "3.0"), ("11", "4.0"), ("12", "5.0")] {
        import(&root, "hello", version);
        root.run_at(&format!("2025-03-{day}T12:00:00Z"), &["publish"]).exits(0);
        root.run_at(&format!("2025-03-{day}T18:00:00Z"), &["process-death-row"]).exits(0);
    }
    let before = picture(&always.served());
    always.follow().exits(1);
    assert_same("a mirror that could not follow", &picture(&always.served()), &before);
    always.copy().exits(0);
    always.has_the_archive("copied anew");
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "0"]);
    root.run_at("2025-03-13T12:00:00Z", &["publish", "--dirty-suite", SERIES]).exits(0);
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "200"]);
    import(&root, "hello", "6.0");
    root.run_at("2025-03-14T12:00:00Z", &["publish"]).exits(0);
    always.follow().exits(1);
    late.copy().exits(0);
    late.has_the_archive("copied after a journal has begun anew");
    late.follow().exits(0);
    late.has_the_archive("and followed");
}

/// A Release that is newer than the indexes that were copied is not put in place.
#[test]
fn who_copies_while_something_is_published_begins_again() {
    let root = Root::new();
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "200"]);
    import(&root, "hello", "1.0");
    root.ok(&["publish"]);
    let mirror = Mirror::of(&root);
    let before = read(&mirror.served().join("dists").join(SERIES).join("InRelease"));
    import(&root, "hello", "2.0");
    // an rsync that publishes after the first thing that it has done
    let programs = mirror.folder.path().join("programs");
    let rsync = tool::find("rsync").expect("rsync is there");
    let publish = tool::line_of(&root.command_at("2025-03-02T12:00:00Z", &["publish"]));
    let script = format!(
        "#!/bin/sh\nset -e\n'{}' \"$@\"\n[ -e published ] && exit 0\n: >published\n{publish} >/dev/null\n",
        rsync.display()
    );
    write_program(&programs.join("rsync"), &script);
    let path = format!("export PATH='{}':\"$PATH\"\n", programs.display());
    mirror.run(&format!("{path}{}", recipes()[0])).exits(1);
    assert_eq!(read(&mirror.served().join("dists").join(SERIES).join("InRelease")), before);
    serves_apt(&root, &mirror.served());
    mirror.copy().exits(0);
    mirror.has_the_archive("called again");
}
