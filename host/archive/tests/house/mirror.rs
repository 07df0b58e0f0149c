//! What mirrors are given: a listing that is what `ls` writes, and a journal that can be followed step by step.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use jiff::SignedDuration;
use pressroom_archive::disk::{self, Identity};
use pressroom_archive::dists::{Recovered, recover};
use pressroom_archive::domain::archive_layout::{JOURNAL, LISTING};
use pressroom_archive::domain::{FileChange, MirrorCause, Sha256};
use pressroom_archive::mirror::{self, After, KeptUp, Owner};
use pressroom_archive::store::mirror_journal::{self, MOST_NUMBERS_KEPT};
use pressroom_archive::store::pass::{self, PlannedExchange};
use pressroom_archive::store::removal::{Removal, RemovedPackages, request_removal};
use pressroom_archive::store::{StoreError, pool_listing};

use crate::fixture::{House, Package, Wanted};

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn owner() -> Owner {
    let id = |flag: &str| said(Command::new("id").arg(flag));
    Owner { user: id("-un"), group: id("-gn") }
}

impl House {
    fn with_listing(self) -> Self {
        let mut house = self;
        let archive = house.archive.id;
        house.db.write(|tx| pool_listing::set_ls_lr(tx, archive, true)).unwrap();
        house
    }

    fn with_journal(self, numbers: u32) -> Self {
        let mut house = self;
        let (archive, now) = (house.archive.id, house.now);
        house.db.write(|tx| mirror_journal::keep_numbers(tx, archive, numbers, now)).unwrap();
        house
    }

    fn keep_up(&mut self, after: After) -> KeptUp {
        mirror::keep_up(&mut self.db, &self.archive, &self.paths.root, &owner(), after, self.now).unwrap()
    }

    fn publish_and_tell(&mut self) {
        self.publish(Wanted::Changed);
        self.keep_up(After::Pass);
    }

    fn listing(&self) -> String {
        let file = fs::File::open(self.paths.root.join(LISTING)).unwrap();
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        text
    }

    /// The same, made from nothing.
    fn rebuilt_listing(&mut self) -> String {
        let archive = self.archive.id;
        for wanted in [false, true] {
            self.db.write(|tx| pool_listing::set_ls_lr(tx, archive, wanted)).unwrap();
        }
        self.keep_up(After::Pass);
        self.listing()
    }

    fn numbers(&self) -> Option<(u64, u64)> {
        mirror_journal::numbers(self.db.read(), self.archive.id).unwrap()
    }

    fn changes(&self, number: u64) -> (MirrorCause, Vec<FileChange>) {
        let entry = mirror_journal::entry(self.db.read(), self.archive.id, number).unwrap().unwrap();
        let changes = mirror_journal::changes(self.db.read(), entry.id, 0, 10_000).unwrap();
        assert_eq!(changes.len() as u64, entry.changes);
        (entry.cause, changes)
    }
}

// ---------------------------------------------------------------- ls-lR.gz

/// Gives every folder the time of the newest thing in it.
fn set_times_of_folders(folder: &Path) -> Option<std::time::SystemTime> {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    let newest = entries
        .iter()
        .filter_map(|entry| match entry.file_type().unwrap().is_dir() {
            true => set_times_of_folders(&entry.path()),
            false => Some(fs::symlink_metadata(entry.path()).unwrap().modified().unwrap()),
        })
        .max()?;
    fs::File::open(folder).unwrap().set_modified(newest).unwrap();
    Some(newest)
}

/// What `ls` writes of a copy of an archive, in which every file has one name.
fn ls(root: &Path) -> String {
    let copy = tempfile::tempdir().unwrap();
    let from = format!("{}/.", root.display());
    said(Command::new("cp").args(["-PR", "--preserve=mode,timestamps", &from]).arg(copy.path()));
    let _ = fs::remove_file(copy.path().join(LISTING));
    let _ = fs::remove_dir_all(copy.path().join(JOURNAL));
    set_times_of_folders(copy.path());
    let mut ls = Command::new("ls");
    ls.args(["-lR", "--time-style=long-iso"]).current_dir(copy.path());
    ls.env("LC_ALL", "C").env("TZ", "UTC").env_remove("BLOCK_SIZE").env_remove("QUOTING_STYLE");
    let text = format!("{}\n", said(&mut ls));
    if takes_blocks_of_4_kib(copy.path()) { text } else { without_the_filesystem(&text) }
}

/// Whether the filesystem is one on which folders and files take blocks of 4 KiB, as ext4.
fn takes_blocks_of_4_kib(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (inner, file) = (folder.join(".probe"), folder.join(".probe/file"));
    disk::write_staged(&file, b"x").unwrap();
    let is_block = |path: &Path| fs::metadata(path).unwrap().blocks() == 8;
    let fits = fs::metadata(&inner).unwrap().size() == 4096 && is_block(&inner) && is_block(&file);
    disk::remove_tree(&inner).unwrap();
    fits
}

/// A listing without what a filesystem may have otherwise: how much room things take, how long folders are, how many names they have.
fn without_the_filesystem(text: &str) -> String {
    text.lines()
        .map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.as_slice() {
                ["total", _] => "total\n".to_owned(),
                [mode, _, user, group, _, rest @ ..] if mode.starts_with('d') => {
                    format!("{mode} {user} {group} {}\n", rest.join(" "))
                }
                words if line.starts_with(['-', 'l']) => format!("{}\n", words.join(" ")),
                _ => format!("{line}\n"),
            }
        })
        .collect()
}

#[track_caller]
fn assert_is_what_ls_writes(house: &House) {
    let (ls, mut listing) = (ls(&house.paths.root), house.listing());
    if !takes_blocks_of_4_kib(house.folder.path()) {
        listing = without_the_filesystem(&listing);
    }
    let differing = ls.lines().zip(listing.lines()).find(|(one, other)| one != other);
    assert_eq!(differing, None, "ls and the listing differ first here");
    assert_eq!(ls.len(), listing.len());
}

fn packages(count: usize) -> Vec<Package> {
    let mut packages: Vec<Package> = ["hello", "lhs", "lib", "libfoo", "lib+x", "linux", "0ad"]
        .iter()
        .map(|name| Package::new(name, "1.0~rc1+b1", "amd64"))
        .collect();
    // a folder with more names would take more than a block
    let name = |number: usize| format!("{}ackage-{number:03}", char::from(b"pqrs"[number / 120]));
    packages.extend((0..count).map(|number| Package::new(&name(number), "1", "amd64")));
    packages
}

#[test]
fn the_listing_is_what_ls_writes_byte_for_byte() {
    let mut house = House::new(&["main", "universe"], &["amd64"]).with_listing();
    house.import("s", Some("main"), &packages(150));
    // the same file in two components is a link in one of them
    house.import("s-updates", Some("universe"), &packages(3)[..5]);
    disk::write_staged(&house.paths.root.join("project/trace/host"), &[b'x'; 9000]).unwrap();
    disk::write_staged(&house.paths.root.join("README"), b"of the operator").unwrap();
    disk::make_folder(&house.paths.root.join("indices")).unwrap();
    house.publish_and_tell();
    assert!(house.listing().contains(" -> ../../../"), "there is a link");
    assert_is_what_ls_writes(&house);
    let first = fs::read(house.paths.root.join(LISTING)).unwrap();
    house.keep_up(After::Pass);
    assert_eq!(fs::read(house.paths.root.join(LISTING)).unwrap(), first, "nothing changed");
}

#[test]
fn what_changes_in_the_pool_is_listed_as_if_all_were_made_anew_and_the_rest_is_not_looked_at() {
    let mut house = House::new(&["main", "universe"], &["amd64"]).with_listing();
    house.import("s", Some("main"), &packages(400));
    house.publish_and_tell();
    let parts = |house: &House| -> Vec<i64> {
        let mut statement = house.db.read().prepare("SELECT id FROM pool_listing ORDER BY id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let before = parts(&house);
    assert!(before.len() > 8, "{before:?}");
    house.import("s", Some("main"), &[Package::new("qackage-200", "2", "amd64")]);
    house.publish_and_tell();
    let after = parts(&house);
    let kept = after.iter().filter(|id| before.contains(id)).count();
    assert!(kept + 2 >= before.len(), "{kept} of {} parts were kept", before.len());
    for (name, version, component) in [
        ("package-2000", "1", "main"),
        ("a0", "1", "universe"),
        ("zz", "1", "universe"),
        ("hello", "2", "universe"),
        ("package-000", "3", "main"),
    ] {
        house.now += SignedDuration::from_hours(30);
        house.import("s", Some(component), &[Package::new(name, version, "amd64")]);
        house.publish_and_tell();
        house.reap();
        house.keep_up(After::DeathRow);
        assert_is_what_ls_writes(&house);
        let text = house.listing();
        assert_eq!(house.rebuilt_listing(), text, "{name}");
    }
    assert!(!house.has("main/h/hello/hello_1.0~rc1+b1_amd64.deb"), "death row has taken what gave way");
}

#[test]
fn an_archive_that_does_not_want_them_has_neither_listing_nor_journal() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &packages(2));
    house.publish_and_tell();
    house.keep_up(After::DeathRow);
    assert!(!mirror::has_anything_to_do(&house.db, &house.archive).unwrap());
    // what an operator has there is not touched
    disk::write_staged(&house.paths.root.join(JOURNAL).join("1"), b"theirs").unwrap();
    house.keep_up(After::Pass);
    assert!(!house.paths.root.join(LISTING).exists());
    assert!(house.paths.root.join(JOURNAL).join("1").exists());
    assert_eq!(house.numbers(), None);
    for table in [
        "mirror_journal",
        "mirror_pool_change",
        "publisher_tree_change",
        "pool_listing_stale",
        "pool_listing",
    ] {
        assert_eq!(house.value::<i64>(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

// ---------------------------------------------------------------- the journal

/// A folder that follows the journal, as a mirror does.
struct Mirror {
    folder: tempfile::TempDir,
    done: u64,
    steps: usize,
    /// The archive has changed since what it follows.
    is_late: bool,
}

impl Mirror {
    /// One that has what there is, and follows from the next number on.
    fn of(house: &House) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if house.paths.root.exists() {
            let from = format!("{}/.", house.paths.root.display());
            said(Command::new("cp").args(["-PR", &from]).arg(folder.path()));
        }
        Self { folder, done: house.numbers().unwrap().1, steps: 0, is_late: false }
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    /// Follows all numbers that there are, from their files, as the guide has it, and looks at the mirror after every step as a client does: what is new in
    /// the pool of all of them first, then what else is new, and then what goes.
    fn follow(&mut self, house: &House) {
        let journal = house.paths.root.join(JOURNAL);
        let state = fs::read_to_string(journal.join("state")).unwrap();
        let last: u64 = state.lines().last().unwrap().strip_prefix("last ").unwrap().parse().unwrap();
        let text: String = (self.done + 1..=last)
            .map(|number| fs::read_to_string(journal.join(number.to_string())).unwrap())
            .collect();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let path = |line: &str| line.split('\t').nth(1).unwrap().to_owned();
        let (gone, new): (Vec<_>, Vec<_>) =
            lines.iter().copied().enumerate().partition(|(_, line)| line.starts_with('-'));
        let given_back =
            |at: usize, line: &str| new.iter().any(|(later, new)| *later > at && path(new) == path(line));
        let gone = gone.iter().filter(|(at, line)| !given_back(*at, line));
        let (pool, rest): (Vec<_>, Vec<_>) =
            new.iter().partition(|(_, line)| path(line).starts_with("pool/"));
        for (_, line) in pool.into_iter().chain(rest).chain(gone) {
            self.step(&house.paths.root, line);
            self.steps += 1;
            self.assert_serves_clients(line);
        }
        self.done = last;
    }

    fn step(&self, source: &Path, line: &str) {
        let words: Vec<&str> = line.split('\t').collect();
        match words.as_slice() {
            ["+", path, size, sha256] => {
                // what has changed since comes with a later number
                let Ok(content) = fs::read(source.join(path)) else { return };
                if Sha256::of(&content).to_string() == *sha256 {
                    assert_eq!(content.len().to_string(), *size, "{path}");
                    disk::write_staged(&self.at(path), &content).unwrap();
                }
            }
            ["@", path, target] => {
                let folder = self.at(path).parent().unwrap().to_owned();
                disk::make_folder(&folder).unwrap();
                let file = folder.join(target);
                // so does what the file has become
                if !path.starts_with("pool/") || fs::symlink_metadata(file).is_ok_and(|file| file.is_file()) {
                    disk::symlink(Path::new(target), &self.at(path)).unwrap();
                }
            }
            ["-", path] => {
                let removed = fs::remove_file(self.at(path));
                assert!(removed.is_ok() || self.is_late, "{path}: {removed:?}");
            }
            _ => panic!("{line}"),
        }
    }

    /// Whether a client that takes index files by their digest finds everything that each InRelease leads to.
    fn assert_serves_clients(&self, after: &str) {
        for file in disk::files_below(&self.at("dists")).unwrap() {
            let Some(suite) = file.path.strip_suffix("/InRelease") else { continue };
            let release = fs::read_to_string(self.at("dists").join(&file.path)).unwrap();
            let (_, list) = release.split_once("SHA256:\n").unwrap();
            for line in list.lines().take_while(|line| line.starts_with(' ')) {
                let words: Vec<&str> = line.split_ascii_whitespace().collect();
                let [sha256, size, path] = words.as_slice() else { panic!("{line}") };
                if !path.ends_with("Packages.gz") {
                    continue;
                }
                let (folder, _) = path.rsplit_once('/').unwrap();
                let by_hash = self.at("dists").join(suite).join(folder).join("by-hash/SHA256").join(sha256);
                let content =
                    fs::read(&by_hash).unwrap_or_else(|error| panic!("{path} after {after}: {error}"));
                assert_eq!(content.len().to_string(), *size, "{path} after {after}");
                self.assert_has_packages(&content, after);
            }
        }
    }

    fn assert_has_packages(&self, index: &[u8], after: &str) {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(index).read_to_string(&mut text).unwrap();
        let fields: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(": ")).collect();
        let of = |name: &str| -> Vec<&str> {
            fields.iter().filter(|(field, _)| *field == name).map(|(_, value)| *value).collect()
        };
        for (path, sha256) in of("Filename").into_iter().zip(of("SHA256")) {
            let content =
                fs::read(self.at(path)).unwrap_or_else(|error| panic!("{path} after {after}: {error}"));
            assert_eq!(Sha256::of(&content).to_string(), sha256, "{path} after {after}");
        }
    }

    /// Whether it has what the archive has, the journal apart.
    fn assert_is(&self, house: &House) {
        let picture = |root: &Path| -> BTreeMap<String, String> {
            let find = ["-not", "-type", "d", "-not", "-path", "./journal/*", "-printf", "%p>%l.\\n"];
            let found = said(Command::new("find").arg(".").args(find).current_dir(root));
            found
                .lines()
                .map(|line| {
                    let (path, _) = line.split_once('>').unwrap();
                    let digest = fs::read(root.join(path)).map(|content| Sha256::of(&content).to_string());
                    (line.to_owned(), digest.unwrap_or_default())
                })
                .collect()
        };
        let (theirs, ours) = (picture(self.folder.path()), picture(&house.paths.root));
        let differing: Vec<_> = theirs
            .iter()
            .filter(|(path, digest)| ours.get(*path) != Some(digest))
            .chain(ours.iter().filter(|(path, digest)| theirs.get(*path) != Some(digest)))
            .collect();
        assert!(differing.is_empty(), "{differing:#?}");
    }
}

/// What may happen to an archive, one after the other.
fn happenings() -> Vec<fn(&mut House)> {
    vec![
        |house| {
            drop(house.import(
                "s",
                Some("main"),
                &[Package::new("aa", "1", "amd64"), Package::new("bb", "1", "amd64")],
            ));
        },
        |house| drop(house.import("s", Some("main"), &[Package::new("aa", "2", "amd64")])),
        // a link in another component, and the other way round when the preferred one wants it
        |house| drop(house.import("s-updates", Some("universe"), &[Package::new("cc", "1", "amd64")])),
        |house| drop(house.import("s-proposed", Some("zeta"), &[Package::new("cc", "1", "amd64")])),
        |house| drop(house.import("s", Some("main"), &[Package::new("cc", "1", "amd64")])),
        // the link of the third component leads to the first, or nowhere when this one goes
        |house| remove(house, "s-updates", "cc"),
        |house| house.now += SignedDuration::from_hours(48),
        // what is removed goes at once
        |house| remove(house, "s", "bb"),
        |house| {
            drop(house.import(
                "s",
                Some("main"),
                &[Package::new("aa", "3", "amd64"), Package::new("bb", "2", "amd64")],
            ));
        },
        |house| house.now += SignedDuration::from_hours(48),
        |house| drop(house.import("s", Some("main"), &[Package::new("dd", "1", "amd64")])),
    ]
}

fn remove(house: &mut House, suite: &str, name: &str) {
    let (suite, now) = (house.shape(suite).suite.id, house.now);
    let extent = RemovedPackages::SourceAndBinaries;
    let removal = Removal { suite, name, extent, by: "operator", comment: "no longer wanted" };
    house.db.write(|tx| request_removal(tx, &removal, now)).unwrap();
}

fn happen(house: &mut House, happening: fn(&mut House)) {
    house.now += SignedDuration::from_secs(200);
    happening(house);
    house.publish_and_tell();
    house.reap();
    house.keep_up(After::DeathRow);
}

#[test]
fn who_follows_the_journal_serves_clients_at_every_step_and_has_the_archive_at_the_end() {
    let mut house = House::new(&["main", "universe", "zeta"], &["amd64"]).with_journal(1000).with_listing();
    assert_eq!(house.changes(1), (MirrorCause::Reset, vec![FileChange::Everything]));
    let mut mirror = Mirror::of(&house);
    for happening in happenings() {
        happen(&mut house, happening);
        mirror.follow(&house);
        mirror.assert_is(&house);
        assert_is_what_ls_writes(&house);
    }
    assert!(mirror.steps > 100, "{}", mirror.steps);
    assert!(!house.has("main/a/aa/aa_1_amd64.deb") && !mirror.at("pool/main/a/aa/aa_1_amd64.deb").exists());
    let causes: Vec<MirrorCause> =
        (1..=house.numbers().unwrap().1).map(|number| house.changes(number).0).collect();
    for cause in [MirrorCause::Pass, MirrorCause::DeathRow, MirrorCause::Files] {
        assert!(causes.contains(&cause), "{causes:?}");
    }
}

#[test]
fn who_comes_late_follows_all_the_same_and_serves_clients_at_every_step() {
    let mut house = House::new(&["main", "universe", "zeta"], &["amd64"]).with_journal(1000);
    let mut mirrors = Vec::new();
    for happening in happenings() {
        // from nothing, and from any state that is served meanwhile
        mirrors.push(Mirror::of(&house));
        happen(&mut house, happening);
    }
    for mut mirror in mirrors {
        mirror.is_late = true;
        mirror.follow(&house);
        mirror.assert_is(&house);
    }
}

#[test]
fn the_order_is_pool_digests_names_the_signed_release_and_then_what_goes() {
    let mut house = House::new(&["main"], &["amd64"]).with_journal(1000);
    for version in ["1", "2", "3", "4"] {
        house.now += SignedDuration::from_secs(200);
        house.import("s", None, &[Package::new("aa", version, "amd64")]);
        house.publish_and_tell();
    }
    let (cause, changes) = house.changes(house.numbers().unwrap().1);
    assert_eq!(cause, MirrorCause::Pass);
    let kinds: Vec<&str> = changes
        .iter()
        .map(|change| match (change, change.path()) {
            (FileChange::Removed { .. }, _) => "gone",
            (_, path) if path.starts_with("pool/") => "pool",
            (_, path) if path.contains("/by-hash/") => "by-hash",
            (_, path) if path.ends_with("/InRelease") => "InRelease",
            (_, path) if path.ends_with("Release") || path.ends_with("Release.gpg") => "Release",
            _ => "name",
        })
        .collect();
    let mut order = kinds.clone();
    order.dedup();
    assert_eq!(order, ["pool", "by-hash", "name", "Release", "InRelease", "gone"], "{changes:#?}");
}

#[test]
fn old_numbers_go_and_the_journal_goes_with_its_setting() {
    let mut house = House::new(&["main"], &["amd64"]).with_journal(3);
    for version in 1..=6 {
        house.import("s", None, &[Package::new("aa", &version.to_string(), "amd64")]);
        house.publish_and_tell();
    }
    assert_eq!(house.numbers(), Some((5, 7)));
    let journal = house.paths.root.join(JOURNAL);
    assert_eq!(fs::read_to_string(journal.join("state")).unwrap(), "first 5\nlast 7\n");
    let names = |journal: &Path| {
        let mut names: Vec<String> = fs::read_dir(journal)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&journal), ["5", "6", "7", "state"]);
    let mut house = house.with_journal(0);
    assert_eq!(house.numbers(), None);
    house.import("s", None, &[Package::new("aa", "7", "amd64")]);
    house.publish_and_tell();
    assert_eq!(names(&journal), Vec::<String>::new());
    // who followed it before has missed something
    let mut house = house.with_journal(3);
    house.keep_up(After::DeathRow);
    assert_eq!(house.numbers().unwrap().1, 8);
    assert_eq!(house.changes(8), (MirrorCause::Reset, vec![FileChange::Everything]));
    assert!(fs::read_to_string(journal.join("8")).unwrap().ends_with("\n!\n"));
    // what was before it is not there, and nobody is told that it is
    assert_eq!(house.numbers(), Some((8, 8)));
    assert_eq!(fs::read_to_string(journal.join("state")).unwrap(), "first 8\nlast 8\n");
    assert_eq!(names(&journal), ["8", "state"]);
    let (archive, now) = (house.archive.id, house.now);
    let too_many = house.db.write(|tx| mirror_journal::keep_numbers(tx, archive, MOST_NUMBERS_KEPT + 1, now));
    assert!(matches!(too_many, Err(StoreError::Refused(_))));
}

#[test]
fn a_death_at_any_point_leaves_no_gap() {
    for (is_recorded, is_exchanged) in [(true, false), (true, true), (false, true)] {
        let mut house = House::new(&["main"], &["amd64"]).with_journal(1000);
        house.import("s", None, &[Package::new("aa", "1", "amd64")]);
        house.publish_and_tell();
        let mut mirror = Mirror::of(&house);
        house.import("s", None, &[Package::new("aa", "2", "amd64")]);
        let prepared = house.prepare(Wanted::Changed);
        let (archive, now) = (house.archive.id, house.now);
        let (pass, changes) = (prepared.pass, house.tree_changes(&prepared));
        let staged = Identity::of(&prepared.staged.dists()).unwrap().unwrap();
        let exchange = PlannedExchange { tree: "dists".to_owned(), staged };
        house
            .db
            .write(|tx| {
                if is_recorded {
                    changes.record(tx, archive, pass)?;
                }
                prepared.pooled.record(tx, archive, now)?;
                pass::begin_installing(tx, pass, &[exchange])
            })
            .unwrap();
        if is_exchanged {
            disk::exchange(&prepared.staged.dists(), &house.paths.dists()).unwrap();
        }
        let recovered = recover(&mut house.db, archive, &house.paths, house.now).unwrap();
        assert_eq!(recovered, [Recovered::Completed(pass)]);
        assert_eq!(house.numbers(), Some((1, 3)));
        // the run that recovers may die as well before the file is written
        house.keep_up(After::Pass);
        if is_recorded {
            assert_eq!(house.changes(3).0, MirrorCause::Pass);
            mirror.follow(&house);
        } else {
            assert_eq!(house.changes(3), (MirrorCause::Reset, vec![FileChange::Everything]));
        }
        assert!(
            house
                .db
                .read()
                .query_row("SELECT count(*) FROM publisher_tree_change", [], |row| row.get::<_, i64>(0))
                .unwrap()
                == 0
        );
    }
}

#[test]
fn who_dies_before_it_says_which_numbers_there_are_says_so_the_next_time() {
    let mut house = House::new(&["main"], &["amd64"]).with_journal(2);
    let state = |house: &House| house.paths.root.join(JOURNAL).join("state");
    for version in ["1", "2", "3"] {
        house.import("s", None, &[Package::new("aa", version, "amd64")]);
        house.publish_and_tell();
    }
    let said = fs::read_to_string(state(&house)).unwrap();
    assert_eq!(said, "first 3\nlast 4\n");
    // as if the machine had died when the numbers were written, or lost what was
    for before in [Some("first 2\nlast 3\n"), Some(""), None] {
        match before {
            Some(before) => disk::write_staged(&state(&house), before.as_bytes()).unwrap(),
            None => disk::remove_file(&state(&house)).unwrap(),
        }
        disk::write_staged(&house.paths.root.join(JOURNAL).join("2"), b"too old").unwrap();
        house.keep_up(After::DeathRow);
        assert_eq!(fs::read_to_string(state(&house)).unwrap(), said, "{before:?}");
        assert!(!house.paths.root.join(JOURNAL).join("2").exists(), "{before:?}");
    }
}

#[test]
fn a_number_is_owed_until_it_is_said_that_it_is_there() {
    let mut house = House::new(&["main"], &["amd64"]).with_journal(10);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish_and_tell();
    let archive = house.archive.id;
    let is_behind = |house: &House| mirror_journal::behind(house.db.read()).unwrap().contains(&archive);
    assert!(!is_behind(&house));
    // a folder in the way of the file that is written last
    let state = house.paths.root.join(JOURNAL).join("state");
    disk::remove_file(&state).unwrap();
    disk::write_staged(&state.join("in-the-way"), b"x").unwrap();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    house.publish(Wanted::Changed);
    let (root, now) = (house.paths.root.clone(), house.now);
    assert!(mirror::keep_up(&mut house.db, &house.archive, &root, &owner(), After::Pass, now).is_err());
    assert!(is_behind(&house));
    disk::remove_tree(&state).unwrap();
    house.keep_up(After::DeathRow);
    assert!(!is_behind(&house));
    assert_eq!(fs::read_to_string(&state).unwrap(), "first 1\nlast 3\n");
}

#[test]
fn a_listing_that_nobody_lived_to_make_is_owed_also_when_the_pool_is_as_it_was() {
    let mut house = House::new(&["main"], &["amd64"]).with_listing();
    let archive = house.archive.id;
    let is_behind = |house: &House| mirror_journal::behind(house.db.read()).unwrap().contains(&archive);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish_and_tell();
    assert!(!is_behind(&house));
    let before = house.listing();
    house.now += SignedDuration::from_secs(200);
    remove(&mut house, "s", "aa");
    house.publish(Wanted::Changed);
    assert!(is_behind(&house), "the run died when the pass was installed");
    house.keep_up(After::DeathRow);
    assert!(!is_behind(&house));
    assert!(house.listing() != before);
    assert_is_what_ls_writes(&house);
}

#[test]
fn a_pass_of_which_a_part_is_live_for_good_is_nothing_that_could_be_followed() {
    let mut house = House::new(&["main"], &["amd64"]).with_journal(1000);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish_and_tell();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    let (archive, pass, changes) = (house.archive.id, prepared.pass, house.tree_changes(&prepared));
    let staged = Identity::of(&prepared.staged.dists()).unwrap().unwrap();
    // the other tree was lost after this one was exchanged
    let exchanges = ["dists", "project"].map(|tree| PlannedExchange { tree: tree.to_owned(), staged });
    house
        .db
        .write(|tx| {
            changes.record(tx, archive, pass)?;
            pass::begin_installing(tx, pass, &exchanges)
        })
        .unwrap();
    disk::exchange(&prepared.staged.dists(), &house.paths.dists()).unwrap();
    let recovered = recover(&mut house.db, archive, &house.paths, house.now).unwrap();
    assert_eq!(recovered, [Recovered::Abandoned(pass)]);
    assert_eq!(house.changes(3), (MirrorCause::Reset, vec![FileChange::Everything]));
    assert_eq!(house.value::<i64>("SELECT count(*) FROM publisher_tree_change"), 0);
    house.publish_and_tell();
    assert_eq!(house.changes(4).0, MirrorCause::Pass);
}

#[test]
fn a_pass_that_is_forgotten_is_in_no_journal_and_its_files_in_the_pool_come_with_the_next() {
    let mut house = House::new(&["main"], &["amd64"]).with_journal(1000);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish_and_tell();
    let mut mirror = Mirror::of(&house);
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    let recovered = recover(&mut house.db, house.archive.id, &house.paths, house.now).unwrap();
    assert_eq!(recovered, [Recovered::Abandoned(prepared.pass)]);
    assert_eq!(house.keep_up(After::DeathRow).numbers, 0);
    house.publish_and_tell();
    mirror.follow(&house);
    mirror.assert_is(&house);
}

// ---------------------------------------------------------------- empty folders

#[test]
fn folders_that_a_pass_has_left_empty_go_and_no_others() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    for path in
        ["dists/s/main/installer/1/a", "dists/s/main/installer/1/b", "dists/s/kept/file", "dists/s/old/x"]
    {
        disk::write_staged(&prepared.staged.folder().join(path), b"x").unwrap();
    }
    disk::make_folder(&prepared.staged.folder().join("dists/s/empty-always")).unwrap();
    house.install(&prepared);
    assert_eq!(house.keep_up(After::Pass).vacated, 0);
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    for path in ["dists/s/main/installer/1/a", "dists/s/main/installer/1/b", "dists/s/old/x"] {
        let path = prepared.staged.folder().join(path);
        disk::remove_file(&path).unwrap();
        disk::remove_tree(&path.parent().unwrap().join("by-hash")).unwrap();
    }
    let (archive, pass, changes) = (house.archive.id, prepared.pass, house.tree_changes(&prepared));
    let staged = Identity::of(&prepared.staged.dists()).unwrap().unwrap();
    let (now, exchange) = (house.now, PlannedExchange { tree: "dists".to_owned(), staged });
    house
        .db
        .write(|tx| {
            changes.record(tx, archive, pass)?;
            prepared.pooled.record(tx, archive, now)?;
            pass::begin_installing(tx, pass, &[exchange])
        })
        .unwrap();
    // death row comes by before the trees are exchanged, and finds these folders full
    assert_eq!(house.keep_up(After::DeathRow).vacated, 0);
    assert_eq!(recover(&mut house.db, archive, &house.paths, now).unwrap(), [Recovered::Completed(pass)]);
    assert!(mirror::has_anything_to_do(&house.db, &house.archive).unwrap());
    // somebody has put a file there meanwhile
    disk::write_staged(&house.paths.root.join("dists/s/old/theirs"), b"x").unwrap();
    assert_eq!(house.keep_up(After::Pass).vacated, 2);
    for (path, is_there) in [
        ("dists/s/main/installer", false),
        ("dists/s/main/binary-amd64", true),
        ("dists/s/old/theirs", true),
        ("dists/s/kept/file", true),
        ("dists/s/empty-always", true),
    ] {
        assert_eq!(house.paths.root.join(path).exists(), is_there, "{path}");
    }
    assert_eq!(house.value::<i64>("SELECT count(*) FROM vacated_folder"), 0);
}
