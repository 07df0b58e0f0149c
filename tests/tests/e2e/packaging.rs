//! What a Debian package of Pressroom brings: units, a crontab, a user and folders, each judged by the tool that reads it.

use std::path::{Path, PathBuf};
use std::process::Command;

use pressroom_tests::binary::pressroom;
use pressroom_tests::tool;

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").canonicalize().unwrap()
}

/// The files of a folder, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| extension.is_empty() || path.extension().is_some_and(|one| one == extension))
        .collect();
    found.sort();
    found
}

/// Whether pressroom knows a command line, up to what it would do: its words and its flags.
#[track_caller]
fn is_known(line: &str) {
    let words =
        line.split_whitespace().map(|word| word.trim_matches('"')).filter(|word| !word.starts_with('>'));
    let words: Vec<&str> = words.take_while(|word| *word != "||").collect();
    let _ = tool::run(Command::new(pressroom()).args(&words).arg("--help")).exits(0);
}

#[test]
fn every_unit_starts_a_command_that_there_is_and_systemd_takes_it() {
    let units = files(&packaging().join("systemd"), "");
    let folder = tempfile::tempdir().unwrap();
    let mut commands = 0;
    for unit in &units {
        let text = tool::read_text(unit);
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/pressroom ")) {
            is_known(line);
            commands += 1;
        }
        // what it starts and documents is not installed here
        let text = text.replace("/usr/bin/pressroom", &pressroom().to_string_lossy());
        let text: String = text
            .lines()
            .filter(|line| !line.starts_with("Documentation="))
            .map(|line| format!("{line}\n"))
            .collect();
        tool::write(&folder.path().join(unit.file_name().unwrap()), text);
    }
    assert_eq!((units.len(), commands), (10, 5));
    for timer in files(&packaging().join("systemd"), "timer") {
        assert!(timer.with_extension("service").is_file(), "{}", timer.display());
    }
    let mut verify = tool::tool("systemd-analyze");
    verify
        .args(["verify", "--man=no"])
        .args(files(folder.path(), ""))
        .env("SYSTEMD_UNIT_PATH", folder.path().join(":"));
    let ran = tool::run(&mut verify);
    let ours: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("pressroom")).collect();
    assert_eq!(ours, [""; 0], "{}", ran.account());
}

#[test]
fn every_line_of_the_crontab_is_a_command_that_there_is() {
    let text = tool::read_text(&packaging().join("crontab.example"));
    // behind the times stands the user
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("  pressroom  pressroom "))
        .map(|(_, command)| command)
        .collect();
    assert_eq!(commands.len(), 5, "{text}");
    commands.into_iter().for_each(is_known);
}

#[test]
fn the_user_and_the_folders_are_made() {
    let root = tempfile::tempdir().unwrap();
    let at = |program: &str, file: &str, more: &[&str]| {
        let mut command = tool::tool(program);
        command.arg(format!("--root={}", root.path().display())).args(more).arg(packaging().join(file));
        tool::succeed(&mut command)
    };
    std::fs::create_dir(root.path().join("etc")).unwrap();
    let _ = at("systemd-sysusers", "sysusers.conf", &[]);
    let user = tool::read_text(&root.path().join("etc/passwd"));
    assert!(user.contains("pressroom:") && user.contains(":/var/lib/pressroom:"), "{user}");
    let _ = at("systemd-tmpfiles", "tmpfiles.conf", &["--create"]);
    assert!(root.path().join("var/spool/pressroom/incoming").is_dir());
    assert!(root.path().join("var/lib/pressroom").is_dir());
}
