//! Repositories of others, taken over: by reprepro, aptly, apt-ftparchive and Pressroom itself; from a folder and from a web server.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::elsewhere::{self, Signer};
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::server::Server;
use pressroom_tests::stanza::{Stanza, stanzas};
use pressroom_tests::tool::{self, Ran, read, read_text};
use pressroom_tests::tree::picture;
use pressroom_tests::{gnupg, source};
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn take(root: &Root, from: &str, arguments: &[&str]) -> Ran {
    root.run(&[&["import-archive", from], arguments].concat())
}

fn json(root: &Root, from: &str, arguments: &[&str]) -> Value {
    let ran = root.ok(&[&["--format", "json", "import-archive", from], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

/// Packages and a source, for repositories that others make.
fn packages(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    vec![
        ("main", source::build(folder, "hello", "1.0-1")),
        (
            "main",
            Deb::new("hello", "1.0-1").architecture("amd64").with("Depends", "hello-data").build(folder),
        ),
        ("main", Deb::new("hello-data", "1.0-1").with("Source", "hello").build(folder)),
        (
            "main",
            Deb::new("hello-dbg", "2:3.0~rc1-1+b1")
                .architecture("amd64")
                .with("Built-Using", "gcc-12 (= 12.2.0-14)")
                .build(folder),
        ),
        (
            "contrib",
            Deb::new("extra", "1.0").architecture("amd64").with("Section", "contrib/misc").build(folder),
        ),
    ]
}

fn by_name(text: &str) -> BTreeMap<String, Stanza> {
    stanzas(text)
        .into_iter()
        .map(|stanza| (format!("{} {}", stanza.field("Package"), stanza.field("Version")), stanza))
        .collect()
}

/// What two indexes say differently of the same packages, apart from where these are and from digests that we say no more.
fn differences(theirs: &str, ours: &str) -> Vec<String> {
    let (theirs, ours) = (by_name(theirs), by_name(ours));
    assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
    let mut differing = Vec::new();
    for (name, theirs) in &theirs {
        let (theirs, ours) = (theirs.fields(), ours[name].fields());
        for field in theirs.keys().chain(ours.keys()) {
            let is_elsewhere =
                ["Filename", "Directory", "SHA1", "SHA512", "Checksums-Sha1", "Checksums-Sha512"]
                    .contains(field);
            let words = |stanza: &BTreeMap<&str, &str>| {
                let value = stanza.get(field).copied().unwrap_or_default();
                let mut lines: Vec<String> = value.lines().map(|line| line.trim().to_owned()).collect();
                lines.sort();
                lines
            };
            if !is_elsewhere && words(&theirs) != words(&ours) {
                differing.push(format!(
                    "{name}: {field} was {:?}, is {:?}",
                    theirs.get(field),
                    ours.get(field)
                ));
            }
        }
    }
    differing.sort();
    differing.dedup();
    differing
}

/// What a Release says of itself.
fn words(release: &Path) -> Vec<String> {
    let text = read_text(release);
    let names = ["Origin:", "Label:", "Suite:", "Codename:", "Version:"];
    let mut words: Vec<String> = text
        .lines()
        .filter(|line| names.iter().any(|name| line.starts_with(name)))
        .map(str::to_owned)
        .collect();
    words.sort();
    words
}

#[test]
fn a_reprepro_repository_goes_on_as_it_was() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let (base, files) = (folder.path().join("reprepro"), packages(&folder.path().join("files")));
    signer.reprepro(&base, "bookworm", "hello Task demo-desktop\nhello Section admin\n", &files);
    let (root, keyring) = (Root::new(), signer.keyring());
    let arguments = ["--keyring", text(&keyring)];
    // nothing is made unless that is asked for, and a dry run leaves nothing
    take(&root, text(&base), &arguments).exits(USAGE).says(&[
        "series add bookworm",
        "--component main --component contrib",
        "--architecture amd64",
        "--create",
    ]);
    let create = [&arguments[..], &["--create"]].concat();
    let dry = [&create[..], &["--dry-run"]].concat();
    take(&root, text(&base), &dry)
        .exits(0)
        .says(&["a reprepro repository", "1 sources and 4 binaries would be pending"]);
    assert!(!root.ok(&["series", "list"]).stdout.contains("bookworm"));
    assert!(!root.path().join("librarian").exists());
    let taken = take(&root, text(&base), &create).exits(0);
    taken.says(&[
        "made series bookworm",
        "1 sources and 4 binaries pending (5 publications)",
        &signer.fingerprint(),
    ]);
    root.ok(&["publish"]);
    let theirs = base.join("dists/bookworm");
    for (path, count) in
        [("main/binary-amd64/Packages", 3), ("contrib/binary-amd64/Packages", 1), ("main/source/Sources", 1)]
    {
        let packed = tool::succeed(tool::tool("zcat").arg(theirs.join(format!("{path}.gz")))).stdout;
        let ours = root.index("bookworm", path);
        assert_eq!(stanzas(&ours).len(), count);
        assert_eq!(differences(&packed, &ours), Vec::<String>::new(), "{path}");
    }
    let hello = root.index("bookworm", "main/binary-amd64/Packages");
    assert!(hello.contains("Task: demo-desktop\n") && hello.contains("Section: admin\n"), "{hello}");
    assert!(!root.suite("bookworm").join("main/i18n").exists(), "there were none");
    // clients hear the same names
    assert_eq!(words(&root.suite("bookworm").join("Release")), words(&theirs.join("Release")));
    let client = Client::new(&Line { components: "main contrib".to_owned(), ..root.line("bookworm") }, &[]);
    client.update();
    assert_eq!(client.candidate("hello-dbg").unwrap(), "2:3.0~rc1-1+b1");
    // and again: nothing is new; then one is
    let again = json(&root, text(&base), &arguments);
    assert_eq!(again["suites"][0]["publications"], 0, "{again}");
    assert_eq!(again["suites"][0]["files"], 0, "{again}");
    let newer = Deb::new("hello", "1.1-1").architecture("amd64").build(&folder.path().join("files"));
    signer.reprepro(&base, "bookworm", "", &[("main", newer)]);
    let newer = json(&root, text(&base), &arguments);
    assert_eq!(
        (&newer["suites"][0]["publications"], &newer["suites"][0]["files"]),
        (&1.into(), &1.into()),
        "{newer}"
    );
}

#[test]
fn an_aptly_root_is_taken_over_from_its_folder_and_from_a_web_server() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let aptly = folder.path().join("aptly");
    let files: Vec<PathBuf> = packages(&folder.path().join("files"))
        .into_iter()
        .filter_map(|(component, file)| (component == "main").then_some(file))
        .collect();
    signer.aptly(&aptly, "bookworm", &files);
    let (keyring, local, remote) = (signer.keyring(), Root::new(), Root::new());
    let arguments = ["--keyring", text(&keyring), "--create"];
    take(&local, text(&aptly.join("none")), &arguments).exits(USAGE);
    take(&local, text(&aptly), &arguments)
        .exits(0)
        .says(&["aptly/public: an aptly root", "1 sources and 3 binaries pending"]);
    let server = Server::new(&aptly.join("public"));
    take(&remote, &server.uri(), &arguments).exits(USAGE).says(&["which suite?"]);
    let of_suite = [&arguments[..], &["--suite", "bookworm"]].concat();
    take(&remote, &server.uri(), &of_suite).exits(0).says(&["1 sources and 3 binaries pending", "fetched"]);
    local.ok(&["publish"]);
    remote.ok(&["publish"]);
    for path in ["main/binary-amd64/Packages", "main/source/Sources"] {
        assert_eq!(local.index("bookworm", path), remote.index("bookworm", path));
        let theirs =
            tool::succeed(tool::tool("zcat").arg(aptly.join(format!("public/dists/bookworm/{path}.gz"))))
                .stdout;
        let mut differing = differences(&theirs, &local.index("bookworm", path));
        // it says none of sources; ours is that of their first binary
        differing.retain(|one| !one.contains("Priority was None"));
        assert_eq!(differing, Vec::<String>::new(), "{path}");
    }
    assert_eq!(picture(&local.served().join("pool")), picture(&remote.served().join("pool")));
    // what is here is not fetched again
    let _ = server.take_asked();
    take(&remote, &server.uri(), &of_suite).exits(0).says(&["0 files"]);
    let asked = server.take_asked();
    assert!(!asked.is_empty() && asked.iter().all(|one| !one.contains("pool/")), "{asked:?}");
}

#[test]
fn a_pressroom_archive_is_the_same_afterwards() {
    let theirs = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let _ = packages(folder.path());
    let _ = Deb::new("hello", "1.0-1").architecture("arm64").build(folder.path());
    let _ = Deb::new("hello-udeb", "1.0-1")
        .architecture("amd64")
        .with("Source", "hello")
        .udeb()
        .build(folder.path());
    tool::succeed(tool::tool("sh").current_dir(folder.path()).args(["-c", "rm extra_*"]));
    theirs.import(SERIES, &[folder.path()]).exits(0);
    theirs.ok(&["publish"]);
    let file = [
        "override",
        "set",
        "--series",
        SERIES,
        "hello-dbg",
        "--component",
        "universe",
        "--section",
        "debug",
        "--field",
        "Bugs=mailto:b@example.org",
    ];
    theirs.ok(&[&file[..], &["--published"]].concat());
    theirs.ok(&["publish"]);
    let phased = [
        "change-override",
        "--suite",
        SERIES,
        "--phased-update-percentage",
        "30",
        "--reason",
        "slowly",
        "hello-data",
    ];
    theirs.ok(&phased);
    theirs.ok(&["publish"]);
    let ours = Root::new();
    let key = theirs.key();
    let from = theirs.served();
    take(&ours, text(&from), &["--suite", SERIES, "--keyring", text(&key)]).exits(0);
    ours.ok(&["publish"]);
    let mut compared = 0;
    for component in ["main", "universe"] {
        for index in [
            "binary-amd64/Packages",
            "binary-arm64/Packages",
            "source/Sources",
            "debian-installer/binary-amd64/Packages",
        ] {
            let path = format!("{component}/{index}");
            if !theirs.suite(SERIES).join(format!("{path}.gz")).exists() {
                continue;
            }
            assert_eq!(theirs.index(SERIES, &path), ours.index(SERIES, &path), "{path}");
            compared += stanzas(&ours.index(SERIES, &path)).len();
        }
    }
    assert!(compared == 7, "{compared} stanzas were compared");
    let all = ours.index(SERIES, "main/binary-arm64/Packages")
        + &ours.index(SERIES, "universe/binary-amd64/Packages");
    for field in [
        "Phased-Update-Percentage: 30",
        "Bugs: mailto:b@example.org",
        "Section: universe/debug",
        "Built-Using: gcc-12",
    ] {
        assert!(all.contains(field), "{field}: {all}");
    }
    // whatever names they have had there
    let contents = |root: &Root| -> std::collections::BTreeSet<String> {
        picture(&root.served().join("pool")).into_values().filter(|one| !one.starts_with("->")).collect()
    };
    assert_eq!(contents(&theirs), contents(&ours));
    // a root of pressroom is looked through for what is published
    take(&ours, text(theirs.path()), &["--suite", SERIES, "--keyring", text(&key)])
        .exits(0)
        .says(&["a root of pressroom", "0 sources and 0 binaries"]);
}

/// A repository by apt-ftparchive with three packages in main and one in contrib, and its folder.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (component, name) in [("main", "aa"), ("main", "bb"), ("main", "cc"), ("contrib", "dd")] {
        let pool = folder.path().join("pool").join(component).join(name);
        let _ = Deb::new(name, "1.0").architecture("amd64").build(&pool);
    }
    elsewhere::ftparchive(folder.path(), "one", &["main", "contrib"]);
    folder
}

const AS_IT_IS: [&str; 5] = ["--allow-unsigned", "--create", "--suite", "one", "--into"];

fn names(root: &Root, suite: &str, component: &str) -> Vec<String> {
    root.indexed(suite, &format!("{component}/binary-amd64/Packages"))
}

#[test]
fn a_part_comes_where_a_part_is_asked_for() {
    let (folder, root) = (repository(), Root::new());
    let from = text(folder.path());
    let part = |more: &[&str]| take(&root, from, &[&AS_IT_IS[..], &["aurora"], more].concat());
    part(&["--component", "contrib"]).exits(0).says(&["0 sources and 1 binaries pending"]);
    part(&["--package", "a*", "--package", "x*"]).exits(0).says(&["0 sources and 1 binaries pending"]);
    part(&["--package", "x*"]).exits(FAILURE).says(&["no package of these names"]);
    part(&["--architecture", "source"]).exits(0).says(&["0 sources and 0 binaries"]);
    part(&["--architecture", "i386"]).exits(USAGE).says(&["does not have the architecture i386", "amd64"]);
    part(&["--component", "other"])
        .exits(USAGE)
        .says(&["does not have the component other", "main, contrib"]);
    root.ok(&["publish"]);
    assert_eq!(
        (names(&root, SERIES, "main"), names(&root, SERIES, "contrib")),
        (vec!["aa 1.0".to_owned()], vec!["dd 1.0".to_owned()])
    );
}

#[test]
fn a_repository_is_taken_from_who_signs_it_and_into_what_may_change() {
    let (folder, root, signer) = (repository(), Root::new(), Signer::new());
    let from = text(folder.path());
    let keyring = signer.keyring();
    let by_key = ["--keyring", text(&keyring), "--create"];
    take(&root, from, &["--create"]).exits(USAGE).says(&[
        "whose repository is it?",
        "--keyring",
        "--allow-unsigned",
    ]);
    take(&root, from, &by_key).exits(FAILURE).says(&["dists/one/Release is not signed"]);
    let suite = folder.path().join("dists/one");
    signer.sign(&suite, false);
    take(&root, from, &[&by_key[..], &["--dry-run"]].concat()).exits(0).says(&[&signer.fingerprint()]);
    signer.sign(&suite, true);
    let stranger = Signer::new();
    let other = stranger.keyring();
    take(&root, from, &["--keyring", text(&other), "--create"])
        .exits(FAILURE)
        .says(&["signed by nobody whose key was named"]);
    let signed = read_text(&suite.join("InRelease"));
    tool::write(&suite.join("InRelease"), signed.replace("Suite: one", "Suite: two"));
    take(&root, from, &by_key).exits(FAILURE).says(&["signed by nobody", "was changed since it was signed"]);
    tool::write(&suite.join("InRelease"), signed);
    let unknown = "0123456789ABCDEF0123456789ABCDEF01234567";
    take(&root, from, &["--key", unknown]).exits(USAGE).says(&["no key", "known here"]);
    root.ok(&["person", "add", "ann", "--email", "ann@example.org"]);
    root.ok(&["key", "import", text(&keyring), "--person", "ann"]);
    take(&root, from, &["--key", &signer.fingerprint(), "--create"]).exits(0).says(&["4 binaries pending"]);
    // where it may not go
    root.ok(&["series", "set", "one", "--status", "CURRENT"]);
    take(&root, from, &by_key).exits(USAGE).says(&["does not change"]);
    take(&root, from, &[&by_key[..], &["--into", "one-updates"]].concat()).exits(0);
    root.ok(&["archive", "set", DISTRIBUTION, "--enabled", "false"]);
    take(&root, from, &by_key).exits(USAGE).says(&["is disabled"]);
    // what is none
    let nowhere = tempfile::tempdir().unwrap();
    take(&root, text(nowhere.path()), &by_key).exits(USAGE);
    root.ok(&["archive", "set", DISTRIBUTION, "--enabled", "true"]);
    take(&root, text(nowhere.path()), &by_key).exits(USAGE).says(&["has no dists/"]);
    take(&root, "ftp://h.example/", &by_key).exits(USAGE).says(&["must begin with http"]);
    take(&root, from, &[&by_key[..], &["--suite", "../one"]].concat()).exits(USAGE);
    take(&root, from, &[&by_key[..], &["--suite", "none"]].concat())
        .exits(FAILURE)
        .says(&["there is no dists/none/InRelease"]);
}

#[test]
fn relations_for_which_apt_would_refuse_the_index_are_left_behind() {
    let (folder, root) = (tempfile::tempdir().unwrap(), Root::new());
    let pool = folder.path().join("pool/main");
    for (name, suggests) in [("broken", "a (x"), ("vendor", "Their_Tool (>= 1)")] {
        let _ =
            Deb::new(name, "1.0").architecture("amd64").with("Suggests", suggests).write(&pool.join(name));
    }
    elsewhere::ftparchive(folder.path(), "one", &["main"]);
    take(&root, text(folder.path()), &[&AS_IT_IS[..], &["aurora"]].concat()).exits(FAILURE).says(&[
        "broken_1.0_amd64.deb",
        "the field Suggests cannot be read, and apt would take no index with it",
        "1 binaries pending",
        "1 not taken",
    ]);
    root.ok(&["publish"]);
    // what Policy does not allow and clients read comes in
    assert_eq!(names(&root, SERIES, "main"), ["vendor 1.0"]);
    root.client(SERIES).update();
}

#[test]
fn what_is_bad_is_said_and_the_rest_comes() {
    let (folder, root) = (repository(), Root::new());
    let pool = folder.path().join("pool");
    // a package that is another one, one that is missing, and stanzas that lead elsewhere, contradict others or have no end
    let packages = folder.path().join("dists/one/main/binary-amd64/Packages");
    let stanza = |text: &str, name: &str| {
        text.split("\n\n")
            .find(|stanza| stanza.starts_with(&format!("Package: {name}\n")))
            .unwrap()
            .to_owned()
    };
    let index = read_text(&packages);
    let escape = stanza(&index, "aa")
        .replace("Package: aa", "Package: evil")
        .replace("Filename: pool", "Filename: ../../../etc");
    let twice = stanza(&index, "cc").replace("SHA256: ", "SHA256: 0").replace('\u{0}', "");
    let twice = twice
        .lines()
        .map(|line| {
            line.strip_prefix("SHA256: ").map_or(line.to_owned(), |hash| format!("SHA256: {}", &hash[..64]))
        })
        .collect::<Vec<_>>()
        .join("\n");
    let _ = Deb::new("older", "1.0").architecture("amd64").build(&pool.join("main"));
    tool::write(&packages, format!("{index}{escape}\n\n{twice}\n\nPackage: \u{1b}[2J\n\n"));
    elsewhere::release(folder.path(), "one", &["main", "contrib"]);
    let aa = pool.join("main/aa/aa_1.0_amd64.deb");
    let mut bytes = read(&aa);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    tool::write(&aa, bytes);
    tool::succeed(tool::tool("rm").arg(pool.join("contrib/dd/dd_1.0_amd64.deb")));
    // something newer is here
    let newer = Deb::new("bb", "2.0").architecture("amd64").build(folder.path());
    root.import(SERIES, &[&newer]).exits(0);
    let ran = take(&root, text(folder.path()), &[&AS_IT_IS[..], &["aurora"]].concat()).exits(FAILURE);
    let ran = ran.says(&[
        "aa_1.0_amd64.deb: it is not what the index lists",
        "bb_1.0_amd64.deb: it is older than 2.0, which is here already",
        "cc 1.0 (amd64) is listed with different content",
        "dd_1.0_amd64.deb: it is listed in the index, and is not there",
        "leads out of a folder",
        "6 not taken",
    ]);
    assert!(!ran.everything().contains("\u{1b}[2J"));
    root.ok(&["publish"]);
    assert_eq!(names(&root, SERIES, "main"), ["bb 2.0"]);
    // and the rest when it is mended
    let folder = repository();
    take(&root, text(folder.path()), &[&AS_IT_IS[..], &["aurora"]].concat())
        .exits(FAILURE)
        .says(&["3 binaries pending", "1 not taken"]);
    root.ok(&["publish"]);
    assert_eq!(names(&root, SERIES, "main"), ["aa 1.0", "bb 2.0", "cc 1.0"]);
    // a name that is taken by other content, what was removed here, and what our override files otherwise
    root.ok(&["remove", "--suite", SERIES, "cc", "--binary"]);
    root.ok(&["override", "set", "--series", SERIES, "aa", "--section", "admin"]);
    root.ok(&["publish"]);
    let removed = take(&root, text(folder.path()), &[&AS_IT_IS[..], &["aurora"]].concat()).exits(FAILURE);
    removed.says(&["1 packages stay away that were removed here", "0 sources and 1 binaries pending"]);
    let other = tempfile::tempdir().unwrap();
    let _ =
        Deb::new("aa", "1.0").architecture("amd64").payload("other").build(&other.path().join("pool/main"));
    elsewhere::ftparchive(other.path(), "one", &["main"]);
    take(&root, text(other.path()), &[&AS_IT_IS[..], &["aurora"]].concat())
        .exits(FAILURE)
        .says(&["in the archive already with other content"]);
}

#[test]
fn files_of_this_machine_are_linked_unless_others_may_write_to_them() {
    let (folder, root) = (repository(), Root::new());
    let at = |name: &str| folder.path().join(format!("pool/main/{name}/{name}_1.0_amd64.deb"));
    tool::set_mode(&at("bb"), 0o664);
    let taken = json(&root, text(folder.path()), &[&AS_IT_IS[..], &["aurora"]].concat());
    // where blocks are shared there are no links
    let linked = taken["suites"][0]["linked"].as_u64().unwrap();
    assert!(linked == 3 || linked == 4, "{taken}");
    if linked == 3 {
        assert_eq!(std::fs::metadata(at("aa")).unwrap().nlink(), 2);
    }
    assert_eq!(std::fs::metadata(at("bb")).unwrap().nlink(), 1);
    let other = Root::new();
    let copied = json(&other, text(folder.path()), &[&AS_IT_IS[..], &["aurora", "--copy"]].concat());
    assert_eq!(copied["suites"][0]["linked"], 0, "{copied}");
    for root in [&root, &other] {
        root.ok(&["publish"]);
        assert_eq!(names(root, SERIES, "main").len(), 3);
    }
    assert_eq!(picture(&root.served().join("pool")), picture(&other.served().join("pool")));
}

/// Forwards what it is asked to a server, and after so many packages answers no more: says so, and is silent.
fn failing(server: &Server, packages: usize) -> (String, Receiver<()>) {
    use std::io::{BufRead, BufReader, Read, Write};
    let behind = server.uri().trim_start_matches("http://").to_owned();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (done, is_done) = channel();
    let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(packages));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (behind, left, done) = (behind.clone(), left.clone(), done.clone());
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut reader = BufReader::new(stream.try_clone()?);
                let mut stream = stream;
                loop {
                    let (mut head, mut line) = (String::new(), String::new());
                    while reader.read_line(&mut line)? > 2 {
                        head.push_str(&line);
                        line.clear();
                    }
                    if head.is_empty() {
                        return Ok(());
                    }
                    use std::sync::atomic::Ordering::SeqCst;
                    let is_package = head.contains("/pool/");
                    if is_package && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err() {
                        let _ = done.send(());
                        // nothing comes any more, until who asks goes away
                        let _ = reader.read(&mut [0]);
                        return Ok(());
                    }
                    let mut other = std::net::TcpStream::connect(&behind)?;
                    write!(other, "{head}\r\n")?;
                    other.shutdown(std::net::Shutdown::Write)?;
                    let mut answer = Vec::new();
                    other.read_to_end(&mut answer)?;
                    stream.write_all(&answer)?;
                }
            });
        }
    });
    (url, is_done)
}

#[test]
fn one_that_is_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..40 {
        let pool = folder.path().join(format!("pool/main/{number}"));
        let _ = Deb::new(&format!("package-{number}"), "1.0").architecture("amd64").write(&pool);
    }
    elsewhere::ftparchive(folder.path(), "one", &["main"]);
    let server = Server::new(folder.path());
    let (root, undisturbed) = (Root::new(), Root::new());
    let arguments = [&AS_IT_IS[..], &["aurora"]].concat();
    let kept = || -> usize {
        let librarian = root.path().join("librarian");
        let folders = std::fs::read_dir(librarian).into_iter().flatten().flatten();
        folders
            .filter(|one| one.file_name() != "incoming")
            .map(|one| std::fs::read_dir(one.path()).map_or(0, Iterator::count))
            .sum()
    };
    for packages in [0, 7, 15] {
        let (url, is_done) = failing(&server, packages);
        let command = [&["import-archive", &url], &arguments[..]].concat();
        let mut child = root.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // it is in the middle: what it waits for never comes
        is_done.recv().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let kept = kept();
    assert!(kept > 0 && kept <= 22, "{kept} packages had come");
    // a server of its own: questions of the dead may still be under way to the other
    let last = Server::new(folder.path());
    take(&root, &last.uri(), &arguments).exits(0).says(&["40 binaries pending"]);
    let asked = last.take_asked();
    assert_eq!(asked.iter().filter(|one| one.contains("pool/")).count(), 40 - kept, "{asked:?}");
    take(&undisturbed, &server.uri(), &arguments).exits(0);
    for root in [&root, &undisturbed] {
        root.ok(&["publish"]);
    }
    assert_eq!(
        root.index(SERIES, "main/binary-amd64/Packages"),
        undisturbed.index(SERIES, "main/binary-amd64/Packages")
    );
    assert_eq!(picture(&root.served().join("pool")), picture(&undisturbed.served().join("pool")));
    gnupg::verify_suite(&gnupg::keyring(&root.key()), &root.suite(SERIES));
}

#[test]
fn as_many_versions_come_as_are_kept_and_names_of_suites_can_be_others() {
    let (folder, root) = (tempfile::tempdir().unwrap(), Root::new());
    for version in ["1.0", "1.10", "1.9"] {
        let _ = Deb::new("aa", version).architecture("amd64").build(&folder.path().join("pool/main"));
    }
    elsewhere::ftparchive(folder.path(), "noble/extra", &["main"]);
    let from = text(folder.path());
    take(&root, from, &["--allow-unsigned"]).exits(USAGE).says(&["--into"]);
    let arguments = ["--allow-unsigned", "--into", "aurora-backports"];
    take(&root, from, &arguments)
        .exits(0)
        .says(&["noble/extra into aurora-backports", "2 older versions are left out"]);
    root.ok(&["publish"]);
    assert_eq!(names(&root, "aurora-backports", "main"), ["aa 1.10"]);
    root.ok(&["archive", "set", DISTRIBUTION, "--keep-versions", "2"]);
    take(&root, from, &arguments)
        .exits(0)
        .says(&["0 sources and 1 binaries pending", "0 and 1 as they were"]);
    root.ok(&["publish"]);
    assert_eq!(names(&root, "aurora-backports", "main"), ["aa 1.10", "aa 1.9"]);
}
