//! A thousand uploads: what each costs is counted, not timed, and the last costs what the first did.

use std::path::Path;

use pressroom_tests::intake::Intake;
use pressroom_tests::root::DISTRIBUTION;
use pressroom_tests::tool::{self, write};
use pressroom_tests::upload::{Format, Package, Upload};
use serde_json::Value;

/// How many uploads there are in all.
const UPLOADS: usize = 1000;
/// How many come at once, so that what one run costs can be compared with another.
const AT_ONCE: usize = 100;

/// What is counted of a run that does not depend on how the disk feels.
const WORK: [&str; 5] = ["rows_read", "database_steps", "files_opened", "bytes_read", "syncs"];

/// Uploads of the same shape, made of one by another name: nothing in them is longer or shorter.
#[track_caller]
fn put(model: &Upload, number: usize, incoming: &Path) {
    let name = format!("package{number:05}");
    let rename = |text: String| text.replace("package-model", &name);
    let folder = incoming.join(&name);
    for file in model.files() {
        let content = tool::read(&model.folder().join(&file));
        write(&folder.join(rename(file)), content);
    }
    let changes = folder.join(rename(model.name()));
    write(&changes, rename(model.text()));
    Upload::at(&changes).edit_dsc(rename);
}

/// How much of everything a run over so many uploads took.
#[track_caller]
fn spent(intake: &Intake) -> Vec<u64> {
    let base = intake.base().to_string_lossy().into_owned();
    let words = ["--format", "json", "process-upload", &base, "--policy", "sync", "--timings"];
    let ran = intake.root.ok(&words);
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    let done = said["done"].as_array().unwrap();
    assert_eq!(done.len(), AT_ONCE);
    for done in done {
        assert_eq!(done["queue"], "NEW", "{done:#}");
    }
    WORK.iter().map(|work| said["work"][work].as_u64().unwrap_or_else(|| panic!("{work}: {said}"))).collect()
}

#[test]
fn the_thousandth_upload_costs_what_the_first_did() {
    let intake = Intake::new();
    let folder = tempfile::tempdir().unwrap();
    let model = Package::new("package-model", "1.0").format(Format::Native).source(folder.path());
    let incoming = intake.base().join("incoming");
    let mut costs = Vec::new();
    for round in 0..UPLOADS / AT_ONCE {
        for number in 0..AT_ONCE {
            put(&model, round * AT_ONCE + number, &incoming);
        }
        costs.push(spent(&intake));
    }
    assert_eq!(intake.lying_in("incoming"), [DISTRIBUTION]);
    // the first run of all makes what later ones find; from the second on nothing may grow by more than what an index is deep
    let (second, last) = (&costs[1], &costs[costs.len() - 1]);
    for ((work, before), after) in WORK.iter().zip(second).zip(last) {
        let allowed = before + before / 10 + 200;
        assert!(*after <= allowed, "{work} grew from {before} to {after} for {AT_ONCE} uploads: {costs:?}");
    }
}
