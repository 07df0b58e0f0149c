//! Mail as it goes out: to a real mail server that takes, refuses, hangs or is not there, by sendmail, and into a Maildir.

use std::path::Path;
use std::process::{Command, Stdio};

use pressroom_tests::intake::Intake;
use pressroom_tests::mail_server::{MailServer, Speaks};
use pressroom_tests::receiver::{Answer, Receiver};
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool::{self, Ran};
use pressroom_tests::upload::Package;
use serde_json::Value;

/// A root whose `[mail]` says this.
fn root_with(mail: &str) -> Root {
    let root = Root::new();
    set_mail(&root, mail);
    root
}

/// Changes what `[mail]` says.
fn set_mail(root: &Root, mail: &str) {
    let file = root.path().join("pressroom.toml");
    let text = tool::read_text(&file);
    let before = text.split("\n[mail]\n").next().unwrap();
    tool::write(&file, format!("{before}\n[mail]\nfrom = \"Acme Archive <archive@example.org>\"\n{mail}\n"));
}

/// What `[mail]` says of a server on the loopback.
fn plain(port: u16) -> String {
    format!("transport = \"smtp\"\ntls = \"none\"\nhost = \"127.0.0.1\"\nport = {port}")
}

/// The messages, the oldest first.
fn outbox(root: &Root) -> Vec<Value> {
    let listed = root.ok(&["--format", "json", "outbox", "list", "--all"]).stdout;
    let mut messages: Vec<Value> = serde_json::from_str(&listed).unwrap();
    messages.reverse();
    messages
}

/// Recipient and status of every message.
fn statuses(root: &Root) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    outbox(root)
        .iter()
        .map(|one| format!("{} {}", word(&one["recipients"][0]), word(&one["status"])))
        .collect()
}

fn test(root: &Root, addresses: &[&str]) -> Ran {
    root.run(&[&["outbox", "test", "--"], addresses].concat())
}

/// What lies in a folder, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn field<'a>(mail: &'a Value, name: &str) -> &'a str {
    mail[name].as_str().unwrap()
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let head = field(mail, "content").split("\r\n\r\n").next().unwrap();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

#[test]
fn a_mail_comes_as_it_was_written() {
    let server = MailServer::new(Speaks::Plain);
    let root = root_with(&format!("{}\nbounces-to = \"bounces@example.org\"", plain(server.port())));
    test(&root, &["Änne Uploader <anne@example.org>"]).exits(0).says(&["1 sent, 0 given up, 0 wait"]);
    let mail = parse(&server.next_mail());
    assert_eq!(field(&mail, "sender"), "bounces@example.org");
    assert_eq!(mail["recipients"], serde_json::json!(["anne@example.org"]));
    assert_eq!(header(&mail, "From"), "\"Acme Archive\" <archive@example.org>");
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert!(header(&mail, "Message-ID").ends_with("@example.org>"), "{mail}");
    let content = field(&mail, "content");
    assert!(content.is_ascii() && content.contains("It can.\r\n"), "{content}");
    // what is kept is what was sent
    let kept = root.ok(&["outbox", "show", "1", "--raw"]).stdout;
    assert_eq!(kept.replace("\r\n", "\n").trim_end(), content.replace("\r\n", "\n").trim_end());
    root.ok(&["outbox", "list"]).says(&["No message."]);
    root.ok(&["outbox", "list", "--all"]).says(&["SENT", "In all: 1 sent"]);
    root.ok(&["outbox", "show", "1"]).says(&["TEST", "SENT", "anne@example.org"]);
    root.run(&["outbox", "retry", "1"]).exits(1).says(&["message 1 is SENT", "not sent twice"]);
}

#[test]
fn a_password_goes_over_tls_alone_and_only_to_a_server_that_is_trusted() {
    for (speaks, word) in [(Speaks::StartTls, "starttls"), (Speaks::Tls, "tls")] {
        let server = MailServer::with_login(speaks);
        let settings = format!(
            "transport = \"smtp\"\nhost = \"localhost\"\ntls = \"{word}\"\nport = {}\nuser = \"archive\"\npassword-file = \"keys/mail\"",
            server.port()
        );
        let trusting = format!("{settings}\nca-file = \"{}\"", server.certificate().display());
        let root = root_with(&settings);
        let password = root.path().join("keys/mail");
        tool::write(&password, "secret words\n");
        tool::set_mode(&password, 0o644);
        test(&root, &["ann@example.org"]).exits(3).says(&["password-file", "chmod 600"]);
        tool::set_mode(&password, 0o600);
        // nobody vouches for its certificate
        let refused = root.run(&["outbox", "send"]).exits(1).says(&["takes no mail", "localhost"]);
        assert!(refused.everything().to_lowercase().contains("certificate"), "{}", refused.account());
        set_mail(&root, &trusting);
        tool::write(&password, "other words\n");
        root.run(&["outbox", "send", "--all"]).exits(1).says(&["takes no mail", "535"]);
        assert_eq!(statuses(&root), ["ann@example.org WAITING"], "a wrong password is no fault of the mail");
        assert_eq!(outbox(&root)[0]["attempts"], 0);
        tool::write(&password, "secret words\n");
        root.run(&["outbox", "send", "--all"]).exits(0).says(&["1 sent"]);
        let mail = parse(&server.next_mail());
        assert_eq!((mail["encrypted"].as_bool(), field(&mail, "login")), (Some(true), "archive"));
        assert!(server.end().is_empty());
    }
}

#[test]
fn a_server_without_tls_gets_nothing_where_tls_is_wanted_and_no_password_in_the_clear() {
    let server = MailServer::new(Speaks::Plain);
    let port = server.port();
    let root = root_with(&format!("transport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}"));
    test(&root, &["ann@example.org"]).exits(1).says(&["STARTTLS", "1 wait"]);
    let open = "transport = \"smtp\"\nhost = \"mail.example.org\"\ntls = \"none\"\nuser = \"a\"\npassword-file = \"keys/mail\"";
    set_mail(&root, open);
    root.run(&["outbox", "send", "--all"]).exits(3).says(&["mail.example.org", "without TLS"]);
    assert!(server.end().is_empty());
}

#[test]
fn each_refusal_concerns_its_own_mail() {
    let server = MailServer::new(Speaks::Plain);
    let root = root_with(&plain(server.port()));
    let addresses = [
        "ann@example.org",
        "unknown@example.org",
        "later@example.org",
        "content@example.org",
        "bob@example.org",
    ];
    test(&root, &addresses).exits(1).says(&[
        "nobody here is called that",
        "come again later",
        "2 sent, 2 given up, 1 wait",
    ]);
    let expected = [
        "ann@example.org SENT",
        "unknown@example.org FAILED",
        "later@example.org WAITING",
        "content@example.org FAILED",
        "bob@example.org SENT",
    ];
    assert_eq!(statuses(&root), expected);
    root.ok(&["outbox", "list"]).says(&["unknown@example.org", "550", "2025-03-01T12:05"]);
    // nothing is due before its time
    root.run(&["outbox", "send"]).exits(0).says(&["0 sent, 0 given up, 1 wait"]);
    root.run_at("2025-03-01T12:05:00Z", &["outbox", "send"]).exits(1).says(&["0 sent, 0 given up, 1 wait"]);
    assert_eq!(outbox(&root)[2]["next_attempt"], "2025-03-01T12:15:00Z");
    root.run(&["outbox", "retry", "--failed"]).exits(1).says(&["0 sent, 2 given up, 1 wait"]);
    root.ok(&["outbox", "drop", "2", "3"]);
    assert_eq!(statuses(&root)[1..3], ["unknown@example.org DROPPED", "later@example.org DROPPED"]);
    root.run(&["outbox", "drop", "1"]).exits(1).says(&["message 1 is SENT"]);
    root.run(&["outbox", "show", "99"]).exits(2).says(&["no message 99"]);
    assert_eq!(server.end().len(), 2);
}

#[test]
fn a_server_that_closes_keeps_everything_waiting() {
    let server = MailServer::new(Speaks::Plain);
    let root = root_with(&plain(server.port()));
    let addresses = ["closing@example.org", "ann@example.org", "bob@example.org"];
    test(&root, &addresses).exits(1).says(&["421", "0 sent, 0 given up, 3 wait"]);
    let attempts: Vec<_> = outbox(&root).iter().map(|one| one["attempts"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 0, 0], "those that were not tried have lost nothing");
    root.ok(&["outbox", "drop", "1"]);
    root.run_at("2025-03-01T12:05:00Z", &["outbox", "send"]).exits(0).says(&["2 sent"]);
}

#[test]
fn what_is_put_off_comes_in_the_end_or_is_given_up() {
    let server = MailServer::new(Speaks::Plain);
    let root = root_with(&format!("{}\nretry-attempts = 3\nretry-seconds = 60", plain(server.port())));
    test(&root, &["once@example.org", "later@example.org"]).exits(1).says(&["2 wait"]);
    root.run_at("2025-03-01T12:01:00Z", &["outbox", "send"]).exits(1).says(&["1 sent, 0 given up, 1 wait"]);
    // the wait is twice as long now
    root.run_at("2025-03-01T12:02:00Z", &["outbox", "send"]).exits(0).says(&["0 sent, 0 given up, 1 wait"]);
    root.run_at("2025-03-01T12:03:00Z", &["outbox", "send"]).exits(1).says(&["0 sent, 1 given up, 0 wait"]);
    assert_eq!(statuses(&root), ["once@example.org SENT", "later@example.org FAILED"]);
    assert_eq!(server.end().len(), 1);
}

#[test]
fn a_server_that_is_down_loses_nothing_and_stops_no_publication() {
    let gone = MailServer::new(Speaks::Plain);
    let port = gone.port();
    assert!(gone.end().is_empty());
    let root = root_with(&plain(port));
    test(&root, &["ann@example.org", "bob@example.org"]).exits(1).says(&["takes no mail", "2 wait"]);
    let later = "2025-03-01T12:10:00Z";
    let published = root.run_at(later, &["publish"]).exits(0).says(&["messages wait to be sent"]);
    assert!(published.stderr.contains("127.0.0.1"), "{}", published.account());
    assert!(outbox(&root).iter().all(|one| one["attempts"] == 0), "no message was tried");
    let server = MailServer::at(port);
    // any command that ends sends what is due
    root.run_at("2025-03-01T12:20:00Z", &["publish"]).exits(0);
    assert_eq!(statuses(&root), ["ann@example.org SENT", "bob@example.org SENT"]);
    assert_eq!(server.end().len(), 2);
}

#[test]
fn a_server_that_says_nothing_takes_no_more_than_its_time() {
    let server = MailServer::new(Speaks::Nothing);
    let root = root_with(&format!("{}\ntime-limit-seconds = 1", plain(server.port())));
    test(&root, &["ann@example.org"]).exits(1).says(&["1 wait"]);
    root.run_at("2025-03-01T12:10:00Z", &["publish"]).exits(0).says(&["messages wait to be sent"]);
    assert_eq!(statuses(&root), ["ann@example.org WAITING"]);
    let intake = Intake::of(root);
    let base = intake.base().to_str().unwrap();
    // which says itself how long it has waited
    let told = ["nobody has answered within 1.0 s"];
    intake.root.run_at("2025-03-01T13:10:00Z", &["process-upload", base]).exits(0).says(&told);
}

#[test]
fn a_sender_that_is_killed_sends_one_mail_twice_and_loses_none() {
    let server = MailServer::new(Speaks::Plain);
    let root = root_with(&format!("{}\ntime-limit-seconds = 600", plain(server.port())));
    let addresses = ["ann@example.org", "hanging@example.org", "bob@example.org"];
    let mut sender = root
        .command(&[&["outbox", "test"], &addresses[..]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let first = parse(&server.next_mail());
    let hanging = parse(&server.next_mail());
    assert_eq!(hanging["recipients"][0], "hanging@example.org");
    // the server has it and has not said so; another sender does not wait for this one, and sends nothing twice
    root.run(&["outbox", "send", "--all"]).exits(0).says(&["Another process is sending"]);
    sender.kill().unwrap();
    sender.wait().unwrap();
    let expected = ["ann@example.org SENT", "hanging@example.org WAITING", "bob@example.org WAITING"];
    assert_eq!(statuses(&root), expected);
    root.run_at("2025-03-01T12:10:00Z", &["outbox", "send"]).exits(0).says(&["2 sent"]);
    let rest: Vec<Value> = server.end().iter().map(|line| parse(line)).collect();
    let again = rest.iter().find(|mail| mail["recipients"] == hanging["recipients"]).unwrap();
    assert_eq!(
        header(again, "Message-ID"),
        header(&hanging, "Message-ID"),
        "readers can tell that it is the same"
    );
    assert_ne!(header(again, "Message-ID"), header(&first, "Message-ID"));
    assert_eq!(rest.len(), 2);
    assert!(statuses(&root).iter().all(|status| status.ends_with("SENT")));
}

#[test]
fn several_senders_at_once_send_each_mail_once() {
    let gone = MailServer::new(Speaks::Plain);
    let port = gone.port();
    drop(gone);
    let root = root_with(&plain(port));
    let addresses: Vec<String> = (0..40).map(|number| format!("reader-{number}@example.org")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    test(&root, &addresses).exits(1).says(&["40 wait"]);
    let server = MailServer::at(port);
    let senders: Vec<_> = (0..4)
        .map(|_| root.command(&["outbox", "send", "--all"]).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for mut sender in senders {
        assert!(sender.wait().unwrap().success());
    }
    let mut taken: Vec<String> =
        server.end().iter().map(|line| parse(line)["recipients"][0].as_str().unwrap().to_owned()).collect();
    taken.sort();
    let mut expected: Vec<String> = addresses.iter().map(|&address| address.to_owned()).collect();
    expected.sort();
    assert_eq!(taken, expected);
}

/// A program that keeps what it is told, and ends as the file `status` says.
fn sendmail(folder: &Path) -> String {
    let program = folder.join("sendmail");
    tool::write_program(
        &program,
        "#!/bin/sh\nfolder=$(dirname \"$0\")\nprintf '%s\\n' \"$@\" >\"$folder/arguments\"\ncat >\"$folder/mail\"\necho 'a word about it' >&2\n\
         exit \"$(cat \"$folder/status\")\"\n",
    );
    format!("transport = \"sendmail\"\nsendmail = \"{}\"", program.display())
}

#[test]
fn sendmail_gets_the_mail_and_says_by_its_status_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = root_with(&sendmail(folder.path()));
    let status = folder.path().join("status");
    for (number, address, expected) in [
        ("0", "-oQ/tmp@example.org", "SENT"),
        ("67", "ann@example.org", "FAILED"),
        ("75", "ann@example.org", "WAITING"),
        ("1", "ann@example.org", "WAITING"),
        ("78", "ann@example.org", "WAITING"),
    ] {
        tool::write(&status, number);
        let ran = test(&root, &[address]).exits(i32::from(expected != "SENT"));
        if expected != "SENT" {
            ran.says(&["a word about it"]);
        }
        assert_eq!(*statuses(&root).last().unwrap(), format!("{address} {expected}"), "{number}");
        let arguments = tool::read_text(&folder.path().join("arguments"));
        assert_eq!(arguments, format!("-i\n-f\narchive@example.org\n--\n{address}\n"));
    }
    let mail = tool::read_text(&folder.path().join("mail"));
    assert!(mail.contains("\nSubject: A test from") && !mail.contains('\r'), "{mail}");
    set_mail(&root, "transport = \"sendmail\"\nsendmail = \"/nowhere/sendmail\"");
    root.run(&["outbox", "retry", "--failed"]).exits(1).says(&["/nowhere/sendmail"]);
}

#[test]
fn a_maildir_has_each_mail_once_for_its_owner_alone() {
    let root = root_with("transport = \"maildir\"\nmaildir = \"post\"");
    test(&root, &["ann@example.org", "bob@example.org"]).exits(0).says(&["2 sent"]);
    let new = root.path().join("post/new");
    let files = names_in(&new);
    assert_eq!(files.len(), 2, "{files:?}");
    let mail = tool::read_text(&new.join(&files[0]));
    assert!(
        mail.starts_with("Return-Path: <archive@example.org>\nDelivered-To: ann@example.org\n"),
        "{mail}"
    );
    tool::succeed(Command::new("sh").arg("-c").arg(format!(
        "test \"$(stat -c %a {0}/post {0}/post/new/* | sort -u | xargs)\" = '600 700'",
        root.path().display()
    )));
    assert!(names_in(&root.path().join("post/tmp")).is_empty());
}

#[test]
fn what_is_wrong_with_the_settings_is_said_before_anything_is_written() {
    let root = Root::new();
    test(&root, &["ann@example.org"]).exits(3).says(&["transport is \"none\"", "pressroom.toml"]);
    let file = root.path().join("pressroom.toml");
    let text = tool::read_text(&file);
    for (mail, words) in [
        ("transport = \"smtp\"", &["[mail]", "from is missing"][..]),
        ("transport = \"smtp\"\nfrom = \"nobody\"", &["from is \"nobody\""]),
        ("transport = \"smtp\"\nfrom = \"a@example.org\"\nbounces-to = \"x\"", &["bounces-to is \"x\""]),
        ("transport = \"post\"", &["pressroom.toml", "post"]),
        ("transport = \"smtp\"\nhosts = \"x\"", &["hosts"]),
    ] {
        tool::write(&file, format!("{}\n[mail]\n{mail}\n", text.split("\n[mail]\n").next().unwrap()));
        test(&root, &["ann@example.org"]).exits(3).says(words);
    }
    set_mail(&root, "transport = \"maildir\"");
    test(&root, &["no address"]).exits(2).says(&["no mail address"]);
    tool::write(&root.path().join("templates/mail/acme/accepted.txt"), "Subject: x\n\n{{ nothing }}\n");
    test(&root, &["ann@example.org"]).exits(3).says(&["acme/accepted.txt, line 3"]);
    assert!(outbox(&root).is_empty());
}

/// Sends a source package by Ann, and lets it be judged as a program that is trusted would.
fn upload(root: &Root, package: Package) -> Ran {
    let base = root.path().join("uploads");
    let incoming = base.join("incoming");
    tool::make_folder(&incoming);
    let folder = tempfile::tempdir().unwrap();
    let _ = package.distribution(SERIES).source(folder.path());
    let mut names = names_in(folder.path());
    names.retain(|name| folder.path().join(name).is_file());
    names.sort_by_key(|name| name.ends_with(".changes"));
    for name in names {
        std::fs::copy(folder.path().join(&name), incoming.join(&name)).unwrap();
    }
    root.run(&["process-upload", "--policy", "sync", base.to_str().unwrap()])
}

#[test]
fn an_upload_is_told_of_on_its_whole_way() {
    let server = MailServer::new(Speaks::Plain);
    let tracker = Receiver::new().with("/closed", Answer::Status(204));
    let root = root_with(&plain(server.port()));
    root.ok(&["series", "set", SERIES, "--changes-list", "changes@lists.example.org"]);
    let webhook = tracker.url("/closed");
    let targets = ["--bug-mail", "%s-done@bugs.example.org", "--bug-webhook", &webhook];
    root.ok(&[&["distribution", "set", DISTRIBUTION], &targets[..]].concat());
    let before = tempfile::tempdir().unwrap();
    let _ = Package::new("hello", "0.9-1").source(before.path());
    let _ = root.import(SERIES, &[before.path()]).exits(0);

    // something that was never there
    let _ = upload(&root, Package::new("other", "1.0-1"));
    let mail = parse(&server.next_mail());
    assert_eq!(
        (header(&mail, "X-Pressroom-Topic"), &mail["recipients"][0]),
        ("NEW", &"ann@example.org".into())
    );
    assert_eq!(header(&mail, "Subject"), format!("New: other 1.0-1 for {SERIES} ({DISTRIBUTION})"));
    // something that is not as it must be
    let _ = upload(&root, Package::new("hello", "0.5-1"));
    let mail = parse(&server.next_mail());
    assert_eq!(header(&mail, "X-Pressroom-Topic"), "REJECTED");
    let content = field(&mail, "content").replace("=\r\n", "");
    assert!(content.contains("0.9-1"), "the reason is said: {content}");
    // something that is welcome
    let _ = upload(&root, Package::new("hello", "1.0-1").entry("Say hello to the moon. (Closes: #12)"));
    let (accepted, announced) = (parse(&server.next_mail()), parse(&server.next_mail()));
    assert_eq!(header(&accepted, "X-Pressroom-Topic"), "ACCEPTED");
    assert_eq!(accepted["recipients"][0], "ann@example.org");
    assert_eq!(announced["recipients"][0], "changes@lists.example.org");
    assert_eq!(header(&announced, "Subject"), format!("[{SERIES}] hello 1.0-1 (Accepted)"));
    assert!(field(&announced, "content").contains("Checksums-Sha256:"), "{announced}");
    // its bugs
    root.ok(&["publish"]);
    let closed = parse(&server.next_mail());
    assert_eq!(closed["recipients"][0], "12-done@bugs.example.org");
    assert!(
        field(&closed, "content").contains("\r\n\r\nSource: hello\r\nSource-Version: 1.0-1\r\n"),
        "{closed}"
    );
    let told = tracker.take_received();
    assert_eq!(told.len(), 1);
    let said: Value = serde_json::from_slice(&told[0].body).unwrap();
    assert_eq!((said["bug"].as_u64(), said["source"].as_str()), (Some(12), Some("hello")));
    assert_eq!(told[0].headers["x-pressroom-event"], "bug");
    // nothing of it is told again
    root.ok(&["publish"]);
    assert!(tracker.take_received().is_empty());
    assert!(server.end().is_empty());
    assert!(statuses(&root).iter().all(|status| status.ends_with("SENT")));
}

#[test]
fn a_tracker_that_does_not_listen_is_told_again() {
    let tracker = Receiver::new().with("/closed", Answer::Status(503));
    let root = Root::new();
    let webhook = tracker.url("/closed");
    root.ok(&["distribution", "set", DISTRIBUTION, "--bug-webhook", &webhook]);
    let before = tempfile::tempdir().unwrap();
    let _ = Package::new("hello", "0.9-1").source(before.path());
    let _ = root.import(SERIES, &[before.path()]).exits(0);
    let _ = upload(&root, Package::new("hello", "1.0-1").entry("Better. (Closes: #12)"));
    // no mail is sent here, and the webhook is told all the same
    root.run(&["publish"]).exits(0).says(&["messages wait to be sent", "503"]);
    assert_eq!(tracker.take_received().len(), 1);
    tracker.answer("/closed", Answer::Status(400));
    root.run_at("2025-03-01T12:05:00Z", &["outbox", "send"]).exits(1).says(&["400", "1 given up"]);
    tracker.answer("/closed", Answer::Status(200));
    root.ok(&["outbox", "retry", "--failed"]).says(&["1 sent"]);
    let told: Vec<String> =
        tracker.take_received().iter().map(|one| one.headers["x-pressroom-message"].clone()).collect();
    assert_eq!(told, ["1", "1"], "a tracker can tell that it is the same");
}
