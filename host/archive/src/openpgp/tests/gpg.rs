//! Signing through gpg, and through programs that only claim to be it.

#![expect(clippy::disallowed_methods, reason = "files of a test need not survive it")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::{GpgSettings, GpgSigner, OwnKey, SignError, Signer};
use super::gnupg::{Home, run, succeed};
use super::{AWKWARD_TEXTS, large_text, now};

const LIMIT: Duration = Duration::from_secs(60);

fn settings(home: &Home, key: &str) -> GpgSettings {
    GpgSettings {
        program: PathBuf::from("gpg"),
        home: home.path().to_owned(),
        key: key.parse().unwrap(),
        time_limit: LIMIT,
    }
}

fn open(home: &Home, key: &str) -> GpgSigner {
    GpgSigner::open(settings(home, key)).unwrap()
}

/// A program in the place of gpg that behaves as the shell script says, and else is gpg.
fn wrapper(home: &Home, name: &str, script: &str) -> PathBuf {
    let path = home.file(name);
    let script = format!("#!/bin/sh\n{script}\nexec gpg \"$@\"\n");
    // Written by another process: a fork of this one, in another test, would inherit the open file, and what
    // is open for writing cannot be run.
    let write = "cat > \"$0\" && chmod 700 \"$0\"";
    succeed("sh", &["-c", write, path.to_str().unwrap()], script.as_bytes());
    path
}

/// What the signer says whose program behaves as the script when it is to sign, and is gpg else.
fn refusal_by(home: &Home, key: &str, name: &str, script: &str, time_limit: Duration) -> SignError {
    let script = format!("case \"$*\" in *-sign*)\n{script}\n;; esac");
    let program = wrapper(home, name, &script);
    let signer = GpgSigner::open(GpgSettings { program, time_limit, ..settings(home, key) }).unwrap();
    signer.clear(AWKWARD_TEXTS[0], now()).expect_err("the signature should be refused")
}

#[test]
fn gpg_signs_what_gpgv_accepts() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let signer = open(&home, &fingerprint);
    assert_eq!(signer.fingerprint(), fingerprint);
    signer.check(now()).unwrap();
    let public = signer.public_key().unwrap();
    let large = large_text();
    for text in AWKWARD_TEXTS.into_iter().chain([large.as_str()]) {
        let detached = signer.detached(text.as_bytes(), now()).unwrap();
        assert!(home.detached_verifies(&public, &detached, text.as_bytes()));
        assert!(!home.detached_verifies(&public, &detached, b"tampered"));
        let clear = signer.clear(text, now()).unwrap();
        assert!(home.clear_verifies(&public, &clear).is_some());
        let tampered = String::from_utf8(clear).unwrap().replacen("\n\n", "\n\ntampered\n", 1);
        assert!(home.clear_verifies(&public, tampered.as_bytes()).is_none());
    }
}

#[test]
fn gpg_signs_with_a_subkey_and_the_primary_is_named() {
    let home = Home::new();
    let primary = home.make_key("rsa2048", "cert", "20200101T000000", "never");
    let old = home.add_subkey(&primary, "rsa2048", "sign", "20200102T000000", "never");
    let new = home.add_subkey(&primary, "ed25519", "sign", "20200103T000000", "never");
    for (key, used) in [(primary.clone(), &new), (old.clone(), &new), (format!("{old}!"), &old)] {
        let signer = open(&home, &key);
        assert_eq!(signer.fingerprint(), primary);
        signer.check(now()).unwrap();
        let signature = signer.detached(b"data", now()).unwrap();
        let packets = String::from_utf8(home.gpg(&["--list-packets"], &signature)).unwrap();
        assert!(packets.contains(used.as_str()), "{key}: {packets}");
        assert!(home.detached_verifies(&signer.public_key().unwrap(), &signature, b"data"));
    }
}

#[test]
fn the_exported_public_key_is_that_of_our_own_signer() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let exported = open(&home, &fingerprint).public_key().unwrap();
    let own =
        OwnKey::load(&home.export_secret("--export-secret-keys", &fingerprint, "key.asc"), now()).unwrap();
    assert_eq!(exported.binary, own.public_key().unwrap().binary);
    let dearmored = run("gpg", &["--dearmor"], &exported.armored);
    assert_eq!(dearmored.stdout, exported.binary);
}

#[test]
fn keys_are_judged_by_the_listing() {
    let home = Home::new();
    let expired = home.make_key("ed25519", "sign", "20200101T000000", "20210101T000000");
    let signer = open(&home, &expired);
    let refused = signer.check(now()).expect_err("expired");
    assert!(
        matches!(&refused, SignError::Expired { fingerprint, .. } if *fingerprint == expired),
        "{refused}"
    );
    assert!(matches!(signer.detached(b"data", now()), Err(SignError::Expired { .. })));
    assert!(matches!(signer.clear("a\n", now()), Err(SignError::Expired { .. })));
    signer.check("2020-06-01T00:00:00Z".parse().unwrap()).unwrap();
    let early = signer.check("2019-06-01T00:00:00Z".parse().unwrap());
    assert!(matches!(early, Err(SignError::NotYetValid { .. })), "{early:?}");
    home.gpg_at("20200601T000000", &["--quick-set-expire", &expired, "0"]);
    signer.check(now()).unwrap();

    let revoked = home.make_key("ed25519", "sign", "20200102T000000", "never");
    let signer = open(&home, &revoked);
    signer.check(now()).unwrap();
    home.revoke(&revoked);
    let refused = signer.check(now()).expect_err("revoked since it was opened");
    assert!(
        matches!(&refused, SignError::Revoked { fingerprint, .. } if *fingerprint == revoked),
        "{refused}"
    );

    let primary = home.make_key("ed25519", "cert", "20200103T000000", "never");
    assert!(matches!(open(&home, &primary).check(now()), Err(SignError::NoSigningCapability { .. })));
    let subkey = home.add_subkey(&primary, "ed25519", "sign", "20200104T000000", "never");
    open(&home, &primary).check(now()).unwrap();
    assert!(
        matches!(
            open(&home, &format!("{primary}!")).check(now()),
            Err(SignError::NoSigningCapability { .. })
        ),
        "only the subkey may sign"
    );
    home.revoke_subkey(&primary);
    let refused = open(&home, &primary).check(now());
    assert!(
        matches!(&refused, Err(SignError::Revoked { fingerprint, .. }) if *fingerprint == subkey),
        "{refused:?}"
    );

    let weak = home.make_key("rsa1024", "sign", "20200104T000000", "never");
    assert!(matches!(open(&home, &weak).check(now()), Err(SignError::Weak { bits: 1024, .. })));
    let dsa = home.make_key("dsa2048", "sign", "20200104T000000", "never");
    assert!(matches!(open(&home, &dsa).check(now()), Err(SignError::UnsupportedAlgorithm { .. })));
}

#[test]
fn a_signing_subkey_alone_is_enough() {
    let home = Home::new();
    let primary = home.make_key("ed25519", "cert", "20200101T000000", "never");
    home.add_subkey(&primary, "ed25519", "sign", "20200102T000000", "never");
    let exported = home.export_secret("--export-secret-subkeys", &primary, "key.asc");
    let other = Home::new();
    other.gpg(&["--batch", "--import", exported.to_str().unwrap()], b"");
    let signer = open(&other, &primary);
    signer.check(now()).unwrap();
    let signature = signer.detached(b"data", now()).unwrap();
    assert!(other.detached_verifies(&signer.public_key().unwrap(), &signature, b"data"));
}

#[test]
fn unknown_keys_homes_and_programs_are_refused() {
    let home = Home::new();
    let known = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let unknown = "0123456789ABCDEF0123456789ABCDEF01234567";
    let refused = GpgSigner::open(settings(&home, unknown)).expect_err("unknown");
    assert!(matches!(&refused, SignError::UnknownKey { key, .. } if key == unknown), "{refused}");

    let public_only = Home::new();
    public_only.gpg(&["--batch", "--import"], &open(&home, &known).public_key().unwrap().armored);
    let refused = GpgSigner::open(settings(&public_only, &known)).expect_err("no secret key");
    assert!(matches!(refused, SignError::UnknownKey { .. }), "{refused}");

    let elsewhere = GpgSettings { home: home.file("nothing"), ..settings(&home, &known) };
    assert!(matches!(GpgSigner::open(elsewhere), Err(SignError::MissingGpgHome { .. })));
    let nothing = GpgSettings { program: home.file("nothing"), ..settings(&home, &known) };
    let refused = GpgSigner::open(nothing).expect_err("no program");
    assert!(
        matches!(&refused, SignError::RunGpg { program, .. } if program.ends_with("nothing")),
        "{refused}"
    );
}

#[test]
fn a_failing_program_is_quoted() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let script = "yes 'early noise' | head -n 10000 >&2\necho 'the module said no' >&2\nexit 3";
    let refused = refusal_by(&home, &key, "failing", script, LIMIT);
    let SignError::GpgFailed { status, stderr, .. } = &refused else { panic!("{refused}") };
    assert_eq!(status.code(), Some(3));
    assert!(stderr.ends_with("the module said no") && stderr.len() < 8192, "{stderr}");

    let script = "kill -KILL $$";
    let refused = refusal_by(&home, &key, "dying", script, LIMIT);
    assert!(matches!(refused, SignError::GpgFailed { .. }), "{refused}");
}

#[test]
fn a_locked_key_fails_instead_of_asking() {
    let home = Home::new();
    let arguments = [
        "--batch",
        "--passphrase",
        "secret",
        "--pinentry-mode",
        "loopback",
        "--faked-system-time",
        "20200101T000000",
    ];
    let make = [&arguments[..], &["--quick-generate-key", "Locked", "ed25519", "sign", "never"]].concat();
    home.gpg(&make, b"");
    run("gpgconf", &["--homedir", home.path().to_str().unwrap(), "--kill", "all"], b"");
    std::fs::write(home.file("gpg-agent.conf"), "pinentry-program /bin/false\n").unwrap();
    let signer = open(&home, &home.fingerprints("Locked")[0]);
    signer.check(now()).unwrap();
    let refused = signer.detached(b"data", now()).expect_err("locked");
    assert!(matches!(refused, SignError::GpgFailed { .. }), "{refused}");
}

#[test]
fn a_program_that_hangs_is_killed_with_its_children() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let script = format!(
        "echo 'waiting for a touch' >&2\nsleep 1000 &\necho $! > {}\nwait",
        home.file("child").display()
    );
    let started = Instant::now();
    let refused = refusal_by(&home, &key, "hanging", &script, Duration::from_secs(3));
    assert!(
        matches!(&refused, SignError::GpgTimeLimit { stderr, .. } if stderr.contains("touch")),
        "{refused}"
    );
    assert!(started.elapsed() < Duration::from_secs(60));
    let child = std::fs::read_to_string(home.file("child")).unwrap();
    let child = rustix::process::Pid::from_raw(child.trim().parse().unwrap()).unwrap();
    // Killed, it may need a moment to end; not killed, it would sleep on.
    if let Ok(end) = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty()) {
        let mut events = [rustix::event::PollFd::new(&end, rustix::event::PollFlags::IN)];
        let patience = rustix::event::Timespec { tv_sec: 30, tv_nsec: 0 };
        assert_eq!(rustix::event::poll(&mut events, Some(&patience)), Ok(1), "the child still runs");
    }
}

#[test]
fn a_child_that_keeps_the_pipes_open_does_not_hold_us() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let script = format!("setsid sleep 300 &\necho $! > {}\nexit 1", home.file("child").display());
    let started = Instant::now();
    let refused = refusal_by(&home, &key, "leaking", &script, Duration::from_secs(100));
    assert!(matches!(refused, SignError::GpgFailed { .. }), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(90));
    let child = std::fs::read_to_string(home.file("child")).unwrap();
    run("kill", &[child.trim()], b"");
}

#[test]
fn a_program_that_writes_without_end_is_killed() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let refused = refusal_by(&home, &key, "flooding", "exec yes", LIMIT);
    assert!(matches!(refused, SignError::GpgOutputTooLong { .. }), "{refused}");
    let refused = refusal_by(&home, &key, "complaining", "exec yes >&2", Duration::from_secs(2));
    assert!(matches!(refused, SignError::GpgTimeLimit { .. }), "{refused}");
}

#[test]
fn a_program_that_reads_nothing_of_much_fails_by_its_status() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let program = wrapper(&home, "deaf", "case \"$*\" in *-sign*) exec <&-; exit 4;; esac");
    let signer = GpgSigner::open(GpgSettings { program, ..settings(&home, &key) }).unwrap();
    let refused = signer.detached(large_text().as_bytes(), now()).expect_err("deaf");
    assert!(matches!(&refused, SignError::GpgFailed { status, .. } if status.code() == Some(4)), "{refused}");
}

#[test]
fn answers_that_do_not_hold_are_refused() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let other = home.make_key("ed25519", "sign", "20200102T000000", "never");
    let by_other =
        format!("exec gpg --homedir {} --batch --local-user {other} --clear-sign", home.path().display());
    let detached = by_other.replace("--clear-sign", "--armor --detach-sign");
    let weak = format!(
        "exec gpg --homedir {} --batch --local-user {key} --digest-algo SHA1 --clear-sign",
        home.path().display()
    );
    for (name, script, part) in [
        ("silent", "cat > /dev/null; exit 0", "does not begin"),
        ("talking", "cat > /dev/null; echo signed; exit 0", "does not begin"),
        ("by-other", by_other.as_str(), "does not verify"),
        ("detached", detached.as_str(), "does not begin"),
        ("other-text", "sed s/stable/unstable/ | gpg \"$@\"; exit 0", "another text"),
        ("more-text", "(cat; echo more) | gpg \"$@\"; exit 0", "not in the text"),
        ("trailing", "gpg \"$@\"; echo more; exit 0", "more or less"),
        ("corrupt", "gpg \"$@\" | sed '/^$/,$ s/^[iw]/j/'; exit 0", "does not"),
        ("weak", weak.as_str(), "none of SHA256"),
    ] {
        let refused = refusal_by(&home, &key, name, script, LIMIT);
        assert!(
            matches!(refused, SignError::GpgAnswer { .. } | SignError::BadSignature { .. }),
            "{name}: {refused}"
        );
        assert!(refused.to_string().contains(part), "{name}: {refused}");
    }
}

#[test]
fn a_second_signature_beside_ours_is_welcome() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let other = home.make_key("ed25519", "sign", "20200102T000000", "never");
    let program = wrapper(
        &home,
        "twice",
        &format!("case \"$*\" in *-sign*) exec gpg --local-user {other} \"$@\";; esac"),
    );
    let signer = GpgSigner::open(GpgSettings { program, ..settings(&home, &key) }).unwrap();
    let clear = signer.clear(AWKWARD_TEXTS[0], now()).unwrap();
    let detached = signer.detached(b"data", now()).unwrap();
    let mut both = signer.public_key().unwrap();
    let second = open(&home, &other).public_key().unwrap();
    both.binary.extend(&second.binary);
    both.armored.extend(&second.armored);
    assert!(home.clear_verifies(&both, &clear).is_some());
    assert!(home.detached_verifies(&both, &detached, b"data"));
}

#[test]
fn listings_that_make_no_sense_are_refused() {
    let home = Home::new();
    let key = home.make_key("ed25519", "sign", "20200101T000000", "never");
    for (name, script) in [
        ("empty-list", "exit 0"),
        (
            "other-list",
            "echo sec:u:255:22:A:1:::u:::s:::+::ed25519:; echo fpr:::::::::0000000000000000000000000000000000000001:; exit 0",
        ),
        ("broken-list", "echo sec:u:255; exit 0"),
        ("no-export", "case \"$*\" in *--export*) exit 0;; esac"),
    ] {
        let program = wrapper(&home, name, script);
        let refused = GpgSigner::open(GpgSettings { program, ..settings(&home, &key) }).expect_err(name);
        assert!(
            matches!(refused, SignError::UnknownKey { .. } | SignError::GpgAnswer { .. }),
            "{name}: {refused}"
        );
    }
}
