//! apt reads what is signed here, as a client with an empty cache would.

#![expect(clippy::disallowed_methods, reason = "files of a test need not survive it")]

use std::path::Path;
use std::process::Output;

use super::super::{OwnKey, Signer};
use super::gnupg::{Home, run};
use super::now;

/// An archive of one empty suite, whose Release file has lines that a framing gets wrong easily.
fn release_text() -> String {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    format!(
        "Origin: Example\nLabel: \nSuite: stable\nCodename: stable\nDate: Sat, 01 Jun 2024 12:00:00 UTC\n\
         Architectures: amd64\nComponents: main\nDescription: blanks at the end \t\n\
         Changelogs: no\nSHA256:\n {empty} 0 main/binary-amd64/Packages\n"
    )
}

fn archive(root: &Path) {
    std::fs::create_dir_all(root.join("dists/stable/main/binary-amd64")).unwrap();
    std::fs::write(root.join("dists/stable/main/binary-amd64/Packages"), "").unwrap();
}

/// `apt-get update` in a root of its own; anything it finds wrong is an error.
fn update(home: &Home, archive: &Path, keyring: &Path) -> Output {
    let state = tempfile::tempdir_in(home.path()).unwrap();
    for directory in ["state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d"]
    {
        std::fs::create_dir_all(state.path().join(directory)).unwrap();
    }
    let (sources, status) = (state.path().join("sources.list"), state.path().join("status"));
    std::fs::write(&status, "").unwrap();
    let line =
        format!("deb [arch=amd64 signed-by={}] copy:{} stable main\n", keyring.display(), archive.display());
    std::fs::write(&sources, line).unwrap();
    let option = |name: &str, value: &str| format!("-o{name}={value}");
    let at = |name: &str| state.path().join(name).display().to_string();
    let options = [
        option("Dir", &at("")),
        option("Dir::State", &at("state")),
        option("Dir::State::status", &at("status")),
        option("Dir::Cache", &at("cache")),
        option("Dir::Etc", &at("etc")),
        option("Dir::Etc::sourcelist", &sources.display().to_string()),
        option("Dir::Etc::sourceparts", "-"),
        option("Dir::Bin::methods", "/usr/lib/apt/methods"),
        option("APT::Sandbox::User", ""),
        option("APT::Architecture", "amd64"),
        option("APT::Architectures", "amd64"),
        option("Acquire::Languages", "none"),
        option("APT::Update::Error-Mode", "any"),
    ];
    let mut arguments: Vec<&str> = options.iter().map(String::as_str).collect();
    arguments.push("update");
    run("apt-get", &arguments, b"")
}

#[test]
fn apt_accepts_both_forms_and_refuses_changed_ones() {
    let home = Home::new();
    let exported = home.make_key("rsa2048", "sign", "20200101T000000", "never");
    let with_subkey = home.make_key("ed25519", "cert", "20200102T000000", "never");
    home.add_subkey(&with_subkey, "ed25519", "sign", "20200103T000000", "never");
    let load = |key: &str, name: &str| {
        OwnKey::load(&home.export_secret("--export-secret-keys", key, name), now()).unwrap()
    };
    let keys = [
        OwnKey::generate("Example Archive", now()).unwrap(),
        load(&exported, "rsa.asc"),
        load(&with_subkey, "subkey.asc"),
    ];
    let text = release_text();
    for key in keys {
        let keyring = home.keyring(&key.public_key().unwrap());
        let root = tempfile::tempdir_in(home.path()).unwrap();
        archive(root.path());
        let suite = root.path().join("dists/stable");
        let accepted = |expected: bool, what: &str| {
            let output = update(&home, root.path(), &keyring);
            assert_eq!(output.status.success(), expected, "{what}: {output:?}");
        };

        let clear = key.clear(&text, now()).unwrap();
        std::fs::write(suite.join("InRelease"), &clear).unwrap();
        accepted(true, "InRelease");
        let changed = String::from_utf8(clear).unwrap().replace("Origin: Example", "Origin: Exemple");
        std::fs::write(suite.join("InRelease"), changed).unwrap();
        accepted(false, "changed InRelease");

        std::fs::remove_file(suite.join("InRelease")).unwrap();
        std::fs::write(suite.join("Release"), &text).unwrap();
        accepted(false, "unsigned Release");
        std::fs::write(suite.join("Release.gpg"), key.detached(text.as_bytes(), now()).unwrap()).unwrap();
        accepted(true, "Release and Release.gpg");
        std::fs::write(suite.join("Release"), text.replace("Origin: Example", "Origin: Exemple")).unwrap();
        accepted(false, "changed Release");
    }
}
