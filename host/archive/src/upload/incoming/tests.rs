use std::os::unix::fs::symlink;

use super::*;
use crate::disk::write_staged;
use crate::domain::{Md5, Sha256};

struct Base(tempfile::TempDir);

impl Base {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("incoming")).unwrap();
        Self(folder)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join("incoming").join(path)
    }

    fn put(&self, path: &str, content: &[u8]) {
        write_staged(&self.at(path), content).unwrap();
    }

    /// Long after everything that was put there, or so many seconds after.
    fn scan(&self, patience: &Patience, seconds: i64) -> Scan {
        let newest = walk(&self.at("")).into_iter().max().unwrap();
        let now = newest + SignedDuration::from_secs(seconds);
        let stands = |name: &str| name == "demo" || name.starts_with('~');
        Incoming::open(self.0.path()).unwrap().scan(&stands, patience, now).unwrap()
    }

    fn ready(&self, seconds: i64) -> Vec<String> {
        let patience = Patience::default();
        self.scan(&patience, seconds).ready.into_iter().map(|leaf| leaf.name).collect()
    }
}

fn walk(path: &Path) -> Vec<Timestamp> {
    let mut times = vec![changed(&rustix::fs::lstat(path).unwrap())];
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            times.extend(walk(&entry.unwrap().path()));
        }
    }
    times
}

fn changes(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = "Format: 1.8\nSource: hello\nArchitecture: source\nVersion: 1\nDistribution: one\n\
                    Maintainer: Ann <ann@example.org>\nChanges:\n hello\nFiles:\n"
        .to_owned();
    for (name, content) in files {
        text.push_str(&format!(" {} {} misc optional {name}\n", Md5::of(content), content.len()));
    }
    text.push_str("Checksums-Sha256:\n");
    for (name, content) in files {
        text.push_str(&format!(" {} {} {name}\n", Sha256::of(content), content.len()));
    }
    text.into_bytes()
}

const HELLO: &str = "hello_1_source.changes";

#[test]
fn an_upload_is_ready_when_nothing_has_changed_for_a_while() {
    let base = Base::new();
    base.put("hello_1.dsc", b"dsc");
    base.put(HELLO, &changes(&[("hello_1.dsc", b"dsc")]));
    assert!(base.ready(2).is_empty());
    let scan = base.scan(&Patience::default(), 2);
    assert_eq!(scan.arriving[0].why, "it has changed a moment ago");
    let scan = base.scan(&Patience::default(), 6);
    assert!(scan.arriving.is_empty());
    let [leaf] = &scan.ready[..] else { panic!("{scan:?}") };
    assert_eq!(leaf.kind, LeafKind::Changes { files: vec![("hello_1.dsc".into(), Shared::No)] });
    assert_eq!(
        leaf.uploads,
        [Found {
            folder: PathBuf::new(),
            target: vec![],
            changes: HELLO.to_owned(),
            below: HELLO.to_owned()
        }]
    );
}

#[test]
fn what_is_listed_and_not_all_there_is_waited_for_and_then_not() {
    for there in [None, Some(&b"d"[..])] {
        for folder in ["", "upload-1/", "demo/"] {
            let base = Base::new();
            if let Some(content) = there {
                base.put(&format!("{folder}hello_1.dsc"), content);
            }
            base.put(&format!("{folder}{HELLO}"), &changes(&[("hello_1.dsc", b"dsc")]));
            let scan = base.scan(&Patience::default(), 60);
            assert!(scan.ready.is_empty());
            assert!(scan.arriving[0].why.contains("hello_1.dsc"), "{scan:?}");
            assert_eq!(base.ready(16 * 60).len(), 1);
        }
    }
}

#[test]
fn a_marker_keeps_an_upload_for_the_grace_time_and_dputs_log_does_not() {
    let base = Base::new();
    base.put("hello_1.dsc", b"dsc");
    base.put(HELLO, &changes(&[("hello_1.dsc", b"dsc")]));
    base.put("hello_1_source.server.upload", b"log");
    let scan = base.scan(&Patience::default(), 60);
    let LeafKind::Changes { files } = &scan.ready[0].kind else { panic!() };
    assert_eq!(files.len(), 2, "the log goes with it");
    base.put("hello_1.dsc.upload", b"");
    assert!(base.ready(60).is_empty());
    assert_eq!(base.ready(16 * 60).len(), 1);
}

#[test]
fn a_signed_text_that_is_cut_off_is_waited_for() {
    let base = Base::new();
    base.put(HELLO, b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nFormat: 1.8\n");
    assert!(base.ready(60).is_empty());
    assert_eq!(base.ready(16 * 60), [HELLO]);
    base.put(HELLO, b"nonsense");
    assert_eq!(base.ready(60), [HELLO]);
}

#[test]
fn folders_say_where_an_upload_goes() {
    let base = Base::new();
    for folder in ["demo", "demo/one", "~ann/demo/tools", "upload-1/demo/one", "upload-2"] {
        base.put(&format!("{folder}/hello_1.dsc"), b"dsc");
        base.put(&format!("{folder}/{HELLO}"), &changes(&[("hello_1.dsc", b"dsc")]));
    }
    let scan = base.scan(&Patience::default(), 60);
    let targets: Vec<(String, String)> =
        scan.ready.iter().map(|leaf| (leaf.name.clone(), leaf.uploads[0].target.join("/"))).collect();
    let expected = [
        (&format!("demo/{HELLO}")[..], "demo"),
        (&format!("demo/one/{HELLO}"), "demo/one"),
        ("upload-1", "demo/one"),
        ("upload-2", ""),
        (&format!("~ann/demo/tools/{HELLO}"), "~ann/demo/tools"),
    ];
    assert_eq!(targets, expected.map(|(name, target)| (name.to_owned(), target.to_owned())));
}

#[test]
fn sources_come_before_binaries() {
    let base = Base::new();
    for name in
        ["a_1_amd64.changes", "b_1_source.changes", "upload/a_1_amd64.changes", "upload/b_1_source.changes"]
    {
        base.put(name, &changes(&[]));
    }
    let scan = base.scan(&Patience::default(), 60);
    let names: Vec<&str> = scan.ready.iter().map(|leaf| leaf.name.as_str()).collect();
    assert_eq!(names, ["b_1_source.changes", "upload", "a_1_amd64.changes"]);
    assert_eq!(scan.ready[1].uploads[0].changes, "b_1_source.changes");
}

#[test]
fn what_is_no_file_is_never_opened_and_is_put_aside() {
    let base = Base::new();
    symlink("/etc/passwd", base.at(HELLO)).unwrap();
    symlink("/etc", base.at("folder")).unwrap();
    let made = rustix::fs::mknodat(CWD, base.at("fifo_1_source.changes"), FileType::Fifo, Mode::RUSR, 0);
    made.unwrap();
    base.put("upload/real.txt", b"x");
    symlink("/etc/passwd", base.at("upload/x_1_source.changes")).unwrap();
    let scan = base.scan(&Patience::default(), 3600);
    let found: Vec<(&str, bool, usize)> = scan
        .ready
        .iter()
        .map(|leaf| (leaf.name.as_str(), leaf.kind == LeafKind::Stray, leaf.uploads.len()))
        .collect();
    // the one in the folder is found, and refused when it is to be read
    let expected =
        [("fifo_1_source.changes", true, 0), ("folder", true, 0), (HELLO, true, 0), ("upload", false, 1)];
    assert_eq!(found, expected);
    let incoming = Incoming::open(base.0.path()).unwrap();
    let folder = incoming.open_folder(Path::new("upload")).unwrap();
    let read = read_regular(folder.as_fd(), OsStr::new("x_1_source.changes"), 100);
    assert!(matches!(read, Err(ReadError::NotRegular)));
    assert!(incoming.open_folder(Path::new("folder")).is_err());
    assert!(incoming.open_folder(Path::new("../incoming")).is_err());
}

#[test]
fn nothing_is_opened_but_by_names_that_lead_down_and_are_no_links() {
    let base = Base::new();
    base.put("upload/demo/one/hello", b"hello");
    write_staged(&base.0.path().join("secret"), b"s").unwrap();
    std::fs::create_dir(base.0.path().join("other")).unwrap();
    symlink("../other", base.at("folder")).unwrap();
    symlink("demo", base.at("upload/link")).unwrap();
    symlink("hello", base.at("upload/demo/one/link")).unwrap();
    symlink("link-to-itself", base.at("link-to-itself")).unwrap();
    let incoming = Incoming::open(base.0.path()).unwrap();
    let open = |below: &str, flags| open_beneath(incoming.folder.as_fd(), Path::new(below), flags);
    let file = OFlags::RDONLY | OFlags::CLOEXEC;
    for (below, flags) in [
        ("upload", folder_flags()),
        ("upload/demo/one", folder_flags()),
        ("upload/./demo//one/", folder_flags()),
        ("upload/demo/one/hello", file),
    ] {
        assert!(open(below, flags).is_ok(), "{below}");
    }
    for (below, flags, refusal) in [
        ("..", folder_flags(), Errno::XDEV),
        ("../other", folder_flags(), Errno::XDEV),
        ("../secret", file, Errno::XDEV),
        // also where it would lead to what is below again
        ("upload/..", folder_flags(), Errno::XDEV),
        ("upload/../upload/demo", folder_flags(), Errno::XDEV),
        ("/", folder_flags(), Errno::XDEV),
        ("/etc", folder_flags(), Errno::XDEV),
        ("/etc/passwd", file, Errno::XDEV),
        // a link is refused at the end, on the way, and wherever it leads
        ("folder", folder_flags(), Errno::LOOP),
        ("folder", file, Errno::LOOP),
        ("folder/x", file, Errno::LOOP),
        ("upload/link", folder_flags(), Errno::LOOP),
        ("upload/link/one", folder_flags(), Errno::LOOP),
        ("upload/link/one/hello", file, Errno::LOOP),
        ("upload/demo/one/link", file, Errno::LOOP),
        ("link-to-itself", folder_flags(), Errno::LOOP),
        ("", folder_flags(), Errno::NOENT),
        (".", folder_flags(), Errno::NOENT),
        ("upload/nothing", file, Errno::NOENT),
        ("nothing/at/all", folder_flags(), Errno::NOENT),
        ("upload/demo/one/hello", folder_flags(), Errno::NOTDIR),
        ("upload/demo/one/hello/below", file, Errno::NOTDIR),
    ] {
        assert_eq!(open(below, flags).unwrap_err(), refusal, "{below}");
    }
    let refused = incoming.open_folder(Path::new("folder")).unwrap_err();
    assert_eq!(refused.source.raw_os_error(), Some(Errno::LOOP.raw_os_error()), "{refused}");
    // incoming itself, as often as one likes
    for _ in 0..2 {
        let folder = incoming.open_folder(Path::new("")).unwrap();
        assert!(entries(folder.as_fd(), 10).unwrap().unwrap().contains_key(OsStr::new("upload")));
    }
}

#[test]
fn what_no_changes_lists_is_put_aside_after_a_day() {
    let base = Base::new();
    base.put("lonely.deb", b"x");
    base.put(".hidden", b"x");
    assert!(base.ready(3600).is_empty());
    assert_eq!(base.ready(25 * 3600), ["lonely.deb"]);
}

#[test]
fn a_folder_without_changes_or_with_far_too_much_is_no_upload() {
    let base = Base::new();
    base.put("empty/.keep", b"");
    let scan = base.scan(&Patience::default(), 60);
    assert_eq!(scan.arriving[0].why, "it has no .changes yet");
    let scan = base.scan(&Patience::default(), 3600);
    assert!(scan.ready[0].uploads.is_empty() && scan.ready[0].trouble.is_some());
    for number in 0..=MAX_ENTRIES {
        base.put(&format!("empty/{number}"), b"");
    }
    let scan = base.scan(&Patience::default(), 3600);
    assert!(scan.ready[0].trouble.as_ref().unwrap().contains("more than 5000"));
}

#[test]
fn a_file_that_two_uploads_list_is_known_to_be_shared() {
    let base = Base::new();
    base.put("hello_1.dsc", b"dsc");
    base.put(HELLO, &changes(&[("hello_1.dsc", b"dsc")]));
    base.put("hello_1_amd64.changes", &changes(&[("hello_1.dsc", b"dsc")]));
    for leaf in base.scan(&Patience::default(), 60).ready {
        assert_eq!(leaf.kind, LeafKind::Changes { files: vec![("hello_1.dsc".into(), Shared::Yes)] });
    }
}
