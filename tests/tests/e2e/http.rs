//! Hooks that ask servers: what they may, what they may not, and servers that misbehave. All servers are on the loopback, which has to be granted.
//!
//! The hooks run after the switch, so whatever they do, the tree is installed; and each test ends with a run that goes on.

use std::path::Path;
use std::sync::OnceLock;

use pressroom_tests::binary;
use pressroom_tests::deb::Deb;
use pressroom_tests::receiver::{Answer, Receiver};
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::tool::{self, Ran, read_text, workspace};
use sha2::{Digest, Sha256};

const FAILURE: i32 = 1;
const LOOPBACK: &str = "http-private=127.0.0.0/8";
const KEY: &str = "correct horse battery staple";

/// A root with a package waiting in the release suite.
fn pending() -> Root {
    let root = Root::new();
    import(&root, "1.0");
    root
}

fn import(root: &Root, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", version).write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Adds a hook with these grants, and its grant with these replacements.
#[track_caller]
fn add(root: &Root, hook: &str, manifest: &Path, grants: &[&str], replacements: &[(&str, &str)]) {
    let component = text(&binary::hook(&hook.replace('-', "_")));
    let manifest = text(manifest);
    let mut arguments = vec!["hook", "add", &component, "--manifest", &manifest, "--grant", "requested"];
    for grant in grants {
        arguments.extend(["--grant", grant]);
    }
    root.ok(&arguments);
    let files = std::fs::read_dir(root.hooks("finalize")).unwrap().flatten().map(|entry| entry.path());
    let path = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .find(|path| text(path).contains(hook))
        .unwrap();
    let mut grant = read_text(&path);
    for (from, to) in replacements {
        assert!(grant.contains(from), "{from} is not in\n{grant}");
        grant = grant.replace(from, to);
    }
    tool::write(&path, grant);
}

/// A root with a package that waits and the hook that asks as it is told, which nothing is granted yet.
fn asking() -> Root {
    static TEMPLATE: OnceLock<Root> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let root = pending();
        let manifest = root.path().join("bad.toml");
        tool::write(&manifest, "name = \"bad-http\"\npoints = [\"finalize\"]\n[capabilities]\nhttp = []\n");
        add(&root, "bad-http", &manifest, &[], &[]);
        root
    });
    template.copy()
}

/// Grants it these capabilities, as `http=PATTERN`, and gives it limits and a configuration.
fn grant(root: &Root, config: &str, limits: &str, grants: &[&str]) {
    let path = root.hooks("finalize").join("50-bad-http.toml");
    let pin = read_text(&path).lines().find(|line| line.starts_with("sha256")).unwrap().to_owned();
    let list = |name: &str| {
        let values =
            grants.iter().filter_map(|grant| grant.split_once('=').filter(|(other, _)| *other == name));
        values.map(|(_, value)| format!("\"{value}\"")).collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        "{pin}\npoints = [\"finalize\"]\n[capabilities]\nhttp = [{}]\nhttp-private = [{}]\n[limits]\n{limits}\n[config]\n{config}\n",
        list("http"),
        list("http-private")
    );
    tool::write(&path, text);
}

/// A publication with the asking hook at its end: it ends with `code` and says these words; what was published is published, and without the hook the
/// next run goes on.
#[track_caller]
fn ends(config: &str, limits: &str, grants: &[&str], code: i32, words: &[&str]) -> Ran {
    let root = asking();
    grant(&root, config, limits, grants);
    let ran = root.run(&["publish"]).exits(code);
    let history = root.ok(&["history", "--details"]).stdout;
    let said = format!("{}{history}", ran.everything());
    for word in words {
        assert!(said.contains(word), "this was to say {word:?}\n{said}");
    }
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    // what waits to be called again is not, when the hook is gone
    if history.contains("TEMPORARY") {
        root.ok(&["hook", "replay", "2", "--dismiss", "--reason", "it goes"]);
    }
    root.ok(&["hook", "remove", "bad-http"]);
    import(&root, "1.1");
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.1"]);
    ran
}

/// One request to a path that answers so.
#[track_caller]
fn asked(answer: Answer, limits: &str, code: i32, words: &[&str]) {
    let server = Receiver::new().with("/x", answer);
    let config = format!("behave = \"ask\"\nurl = \"{}\"", server.url("/x"));
    let grant = format!("http={}", server.url("/*"));
    ends(&config, limits, &[&grant, LOOPBACK], code, words);
    assert_eq!(server.take_received().len(), 1);
}

/// HMAC-SHA256 by RFC 2104, from nothing but the digest.
fn hmac(key: &[u8], data: &[u8]) -> String {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(data).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

// ---------------------------------------------------------------- first-party hooks

fn manifest(hook: &str) -> std::path::PathBuf {
    workspace().join("plugins").join(hook).join("hook.toml")
}

/// A secret of the operator's, below the root.
fn secret(root: &Root, mode: u32) {
    let path = root.path().join("secrets/webhook");
    tool::write(&path, format!("{KEY}\n"));
    tool::set_mode(&path, mode);
}

#[track_caller]
fn add_webhook(root: &Root, server: &Receiver) {
    let grant = format!("http={}", server.url("/news"));
    let url = format!("url = \"{}\"", server.url("/news?token=t0ken"));
    let secrets = ("[config]\n", "[secrets]\nkey = \"secrets/webhook\"\n\n[config]\n");
    add(root, "webhook", &manifest("webhook"), &[&grant, LOOPBACK], &[("url = \"\"", &url), secrets]);
}

#[test]
fn a_webhook_is_delivered_and_signed() {
    let server = Receiver::new().with("/news", Answer::Status(204));
    let root = pending();
    secret(&root, 0o600);
    add_webhook(&root, &server);
    root.ok(&["publish"]);
    let received = server.take_received();
    let [news] = &received[..] else { panic!("{received:?}") };
    assert_eq!((news.method.as_str(), news.target.as_str()), ("POST", "/news?token=t0ken"));
    assert_eq!(news.headers["content-type"], "application/json");
    assert_eq!(news.headers["host"], format!("127.0.0.1:{}", server.port()));
    let (delivery, timestamp) =
        (&news.headers["x-pressroom-delivery"], &news.headers["x-pressroom-timestamp"]);
    assert_eq!(timestamp, "1740830400");
    let signed = [format!("{delivery}.{timestamp}.").as_bytes(), &news.body].concat();
    assert_eq!(news.headers["x-pressroom-signature"], format!("sha256={}", hmac(KEY.as_bytes(), &signed)));
    let body: serde_json::Value = serde_json::from_slice(&news.body).unwrap();
    assert_eq!(body["distribution"], "acme");
    assert_eq!(body["suites"][0], SERIES);
    assert!(body["changes"].as_array().unwrap().iter().any(|change| change["name"] == "good"), "{body}");
    // the log has the request, and neither the token nor the key
    let history = root.ok(&["history", "--details"]).stdout;
    assert!(history.contains(&format!("http POST {}?…: 204", server.url("/news"))), "{history}");
    assert!(!history.contains("t0ken") && !history.contains(KEY), "{history}");
}

#[test]
fn a_webhook_that_is_not_taken_fails_and_one_that_may_be_taken_later_is_temporary() {
    for (status, word) in [(503, "TEMPORARY"), (410, "FAILED"), (307, "FAILED")] {
        let server = Receiver::new().with("/news", Answer::Status(status));
        let root = pending();
        secret(&root, 0o600);
        add_webhook(&root, &server);
        root.run(&["publish"]).exits(FAILURE).says(&["webhook", word, &status.to_string()]);
        assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    }
}

#[test]
fn a_secret_that_others_may_read_or_nobody_stops_the_run_before_it_begins() {
    let server = Receiver::new();
    let root = pending();
    add_webhook(&root, &server);
    let refused = |words: &[&str]| {
        let ran = root.run(&["publish"]);
        assert!(ran.code != Some(0), "{}", ran.account());
        ran.says(words);
        assert!(!root.served().join("dists").exists());
    };
    refused(&["webhook", "secrets/webhook"]);
    secret(&root, 0o644);
    refused(&["webhook", "chmod 600"]);
    assert!(server.take_received().is_empty());
}

#[test]
fn mirrors_are_told_the_most_urgent_first_and_one_that_fails_stops_no_other() {
    let server = Receiver::new()
        .with("/a", Answer::Status(200))
        .with("/b", Answer::Status(503))
        .with("/c", Answer::Status(200));
    let root = pending();
    let grant = format!("http={}", server.url("/*"));
    let mirrors = format!(
        "mirrors = [{{ name = \"a\", url = \"{}\" }}, {{ name = \"b\", url = \"{}\", priority = 10 }}, {{ name = \"c\", url = \"{}\", priority = 0 }}]",
        server.url("/a"),
        server.url("/b"),
        server.url("/c")
    );
    add(&root, "mirror-push", &manifest("mirror-push"), &[&grant, LOOPBACK], &[("mirrors = []", &mirrors)]);
    root.run(&["publish"]).exits(FAILURE).says(&["mirror-push", "TEMPORARY", "1 of 3", "503"]);
    let told: Vec<String> = server.take_received().into_iter().map(|received| received.target).collect();
    assert_eq!(told, ["/c", "/b", "/a"]);
    server.answer("/b", Answer::Status(200));
    import(&root, "1.1");
    root.ok(&["publish"]);
    let told: Vec<String> = server.take_received().into_iter().map(|received| received.target).collect();
    assert_eq!(
        told,
        ["/b", "/c", "/b", "/a"],
        "the one that was not told, and the next pass is news for all"
    );
}

// ---------------------------------------------------------------- what is not granted

#[test]
fn a_request_that_is_not_granted_is_not_made() {
    let server = Receiver::new().with("/x", Answer::Status(200));
    let other = Receiver::new();
    let config = format!("behave = \"ask\"\nurl = \"{}\"", server.url("/x"));
    let exact = format!("http={}", server.url("/x"));
    let other_path = format!("http={}", server.url("/y"));
    let other_port = format!("http={}", other.url("/x"));
    let other_scheme = exact.replace("http=http:", "http=https:");
    // no http at all, another path, another port, another scheme
    for grants in [&[][..], &[&other_path, LOOPBACK], &[&other_port, LOOPBACK], &[&other_scheme, LOOPBACK]] {
        ends(&config, "", grants, FAILURE, &["bad-http", "FAILED", "not granted to this hook under `http`"]);
    }
    // the URL, but not the address
    ends(&config, "", &[&exact], FAILURE, &["FAILED", "http-private", "127.0.0.1 is loopback"]);
    ends(&config, "", &[&exact, "http-private=10.0.0.0/8"], FAILURE, &["FAILED", "127.0.0.1 is loopback"]);
    assert!(server.take_received().is_empty() && other.take_received().is_empty());
    // and both
    ends(&config, "", &[&exact, LOOPBACK], 0, &["1 of 1 answered", "200, 0 bytes"]);
    assert_eq!(server.take_received().len(), 1);
}

#[test]
fn a_name_is_judged_by_what_it_resolves_to() {
    let server = Receiver::new().with("/x", Answer::Status(200));
    let url = format!("http://localhost:{}/x", server.port());
    let config = format!("behave = \"ask\"\nurl = \"{url}\"");
    let grant = format!("http={url}");
    ends(&config, "", &[&grant], FAILURE, &["FAILED", "is loopback", "http-private"]);
    // an address that is written in another way is the same address
    for host in ["0x7f.1", "2130706433", "127.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/x", server.port());
        let config = format!("behave = \"ask\"\nurl = \"{url}\"");
        ends(&config, "", &[&format!("http={url}")], FAILURE, &["FAILED", "127.0.0.1 is loopback"]);
    }
    assert!(server.take_received().is_empty());
}

#[test]
fn a_redirect_is_followed_by_the_hook_alone_and_judged_again() {
    let server = Receiver::new();
    let secret = Receiver::new().with("/admin", Answer::Status(200));
    let grant = format!("http={}", server.url("/x"));
    let config = format!("behave = \"follow\"\nurl = \"{}\"", server.url("/x"));
    for location in [
        secret.url("/admin"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        server.answer("/x", Answer::Redirect(location));
        ends(&config, "", &[&grant, LOOPBACK], FAILURE, &["FAILED"]);
    }
    // granted by URL, the private address is still none that was granted
    server.answer("/x", Answer::Redirect("http://169.254.169.254/latest/meta-data".to_owned()));
    let metadata = "http=http://169.254.169.254/**";
    ends(&config, "", &[&grant, metadata, LOOPBACK], FAILURE, &["FAILED", "169.254.169.254 is link-local"]);
    assert!(secret.take_received().is_empty());
    server.answer("/x", Answer::Redirect(secret.url("/admin")));
    let admin = format!("http={}", secret.url("/admin"));
    ends(&config, "", &[&grant, &admin, LOOPBACK], 0, &["answers 200"]);
}

// ---------------------------------------------------------------- servers that misbehave

#[test]
fn an_answer_that_never_ends_is_cut_off_at_its_limit() {
    asked(
        Answer::Endless,
        "http-response-bytes = 100000",
        FAILURE,
        &["FAILED", "longer than the 100000 bytes"],
    );
    asked(Answer::Bytes(100_001), "http-response-bytes = 100000", FAILURE, &["longer than the 100000 bytes"]);
    asked(Answer::Bytes(100_000), "http-response-bytes = 100000", 0, &["200, 100000 bytes"]);
}

#[test]
fn a_server_that_trickles_or_is_silent_has_its_time() {
    for answer in [Answer::Trickle, Answer::TrickleHead, Answer::Silence] {
        asked(answer, "http-seconds = 1", FAILURE, &["TEMPORARY", "no answer in time"]);
    }
}

#[test]
fn the_time_of_the_call_is_the_end_of_its_requests() {
    let server = Receiver::new().with("/x", Answer::Trickle);
    let config = format!("behave = \"ask\"\nurl = \"{}\"", server.url("/x"));
    let grant = format!("http={}", server.url("/x"));
    let limits = "wall-seconds = 2\nhttp-seconds = 3600";
    let ran = ends(&config, limits, &[&grant, LOOPBACK], FAILURE, &["bad-http"]);
    // as a rule the hook has the last word; on a busy machine its own time is over as well
    let said = ran.everything();
    assert!(said.contains("no answer in time") || said.contains("time limit of 2 seconds"), "{said}");
}

#[test]
fn a_server_that_breaks_off_or_says_something_else() {
    asked(Answer::Headers(2000), "", FAILURE, &["FAILED", "headers of the answer are too many"]);
    asked(Answer::Headers(101), "", FAILURE, &["FAILED", "headers of the answer are too many"]);
    asked(Answer::Short, "", FAILURE, &["TEMPORARY", "closed before the answer was whole"]);
    asked(Answer::Close, "", FAILURE, &["TEMPORARY", "closed before the answer was whole"]);
    asked(Answer::Garbage, "", FAILURE, &["FAILED", "not HTTP"]);
    asked(Answer::Headers(50), "", 0, &["200, 0 bytes"]);
}

#[test]
fn nobody_there_is_temporary() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/x");
    let config = format!("behave = \"ask\"\nurl = \"{url}\"");
    ends(&config, "", &[&format!("http={url}"), LOOPBACK], FAILURE, &["TEMPORARY", "no connection"]);
}

// ---------------------------------------------------------------- hooks that misbehave

#[test]
fn a_hook_that_sends_too_much_or_too_often_is_told_so() {
    let server = Receiver::new().with("/x", Answer::Status(200));
    let grant = format!("http={}", server.url("/x"));
    let config =
        |behave: &str, more: &str| format!("behave = \"{behave}\"\nurl = \"{}\"\n{more}", server.url("/x"));
    let grants = [grant.as_str(), LOOPBACK];
    ends(
        &config("send", "amount = 100001"),
        "http-request-bytes = 100000",
        &grants,
        FAILURE,
        &["FAILED", "100000 bytes"],
    );
    ends(&config("header-flood", ""), "", &grants, FAILURE, &["bad-http"]);
    assert!(server.take_received().is_empty());
    ends(&config("send", "amount = 100000"), "http-request-bytes = 100000", &grants, 0, &["200, 0 bytes"]);
    assert_eq!(server.take_received()[0].body.len(), 100_000);
    let limits = "http-requests = 3";
    ends(
        &config("storm", "insist = true\namount = 20"),
        limits,
        &grants,
        0,
        &["3 of 20 answered", "TooMany"],
    );
    assert_eq!(server.take_received().len(), 3);
}

#[test]
fn a_hook_that_would_say_what_is_the_hosts_smuggles_nothing() {
    let server = Receiver::new().with("/x", Answer::Status(200));
    let grant = format!("http={}", server.url("/**"));
    for behave in ["framing", "methods", "odd-urls"] {
        let config = format!("behave = \"{behave}\"\nurl = \"{}\"\ninsist = true", server.url("/x"));
        ends(&config, "", &[&grant, "http=http://127.0.0.1/**", LOOPBACK], 0, &["answered", "BadRequest"]);
    }
    for received in server.take_received() {
        assert_eq!(received.headers["host"], format!("127.0.0.1:{}", server.port()), "{received:?}");
        assert!(["GET", "PURGE"].contains(&received.method.as_str()), "{received:?}");
        for name in ["transfer-encoding", "x-smuggled", "proxy-authorization", "upgrade", "expect"] {
            assert!(!received.headers.contains_key(name), "{received:?}");
        }
    }
}

// ---------------------------------------------------------------- grants

#[test]
fn only_a_hook_that_asks_servers_imports_the_means_to() {
    let root = Root::new();
    for (hook, is_asking) in
        [("trace", false), ("indices", false), ("announce", false), ("webhook", true), ("mirror_push", true)]
    {
        let inspected = root.ok(&["--format", "json", "hook", "inspect", &text(&binary::hook(hook))]).stdout;
        let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
        let imports = inspected["imports"].as_array().unwrap();
        assert_eq!(imports.contains(&"http".into()), is_asking, "{hook}: {inspected}");
        assert_eq!(
            inspected["wasi_imports"].to_string().contains("wasi:http"),
            is_asking,
            "{hook}: {inspected}"
        );
    }
}

#[test]
fn which_urls_and_networks_is_the_operators_to_say() {
    let root = Root::new();
    let component = text(&binary::hook("webhook"));
    let manifest = text(&manifest("webhook"));
    let add = ["hook", "add", &component, "--manifest", &manifest, "--grant", "requested"];
    root.ok(&add).says(&["was not granted", "http"]);
    let grant = "http=https://hooks.example.org/*";
    root.ok(&[&add[..], &["--grant", grant]].concat()).says(&[grant]);
    for (grant, word) in [
        ("http=https://*/x", "host"),
        ("http=hooks.example.org/x", "http://"),
        ("http=https://hooks.example.org", "path"),
        ("http-private=lan", "network"),
    ] {
        let ran = root.run(&[&add[..], &["--grant", grant]].concat());
        assert!(ran.code != Some(0), "{}", ran.account());
        ran.says(&[word]);
    }
    let wish = root.path().join("wish.toml");
    tool::write(
        &wish,
        "name = \"webhook\"\npoints = [\"finalize\"]\n[capabilities]\nhttp-private = [\"127.0.0.1\"]\n",
    );
    let ran = root.run(&["hook", "add", &component, "--manifest", &text(&wish)]);
    assert!(ran.code != Some(0), "{}", ran.account());
    ran.says(&["wish.toml", "operator"]);
}
