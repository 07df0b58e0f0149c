//! `pressroom hook test`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::exit::usage;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, bytes, duration, painted};
use crate::cli::{End, Session};
use crate::hooks::fixture::{Bench, Difference, Expected, FIXTURE_FILE, Fixture, Found, WordsLeftOut};
use crate::hooks::{self, Manifest};

/// The author's manifest, beside the folder of the fixtures.
const MANIFEST: &str = "hook.toml";
/// The folder of the fixtures, beside the manifest.
const FIXTURES: &str = "fixtures";

/// Run a component against fixtures: what its author wrote down of a call, and what is to come of it. The component is compiled and called as in a
/// publication; it needs no root.
///
/// A fixture is a folder with fixture.toml (the point, the context, the archive, what is granted), staged/ (the tree before), expected.toml (outcome,
/// report, log, removals, signatures, state) and expected/ (the files that are written). What a fixture leaves out comes from the manifest.
///
/// For example: pressroom hook test target/wasm32-wasip2/release/motd.wasm
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Test {
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// A fixture; again for more.
    #[arg(long = "fixture", value_name = "DIR")]
    fixture: Vec<PathBuf>,
    /// A folder of which every folder is a fixture; again for more. Without it: fixtures/ beside the manifest.
    #[arg(long = "fixtures", value_name = "DIR")]
    fixtures: Vec<PathBuf>,
    /// What its author says of it. Without it: hook.toml beside the folder of the fixtures, <name>.toml beside the component, or hook.toml here.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Write down what was found as what is expected, and show what changed.
    #[arg(long)]
    bless: bool,
}

#[derive(Serialize)]
struct Tested {
    fixture: String,
    folder: PathBuf,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// `passed`, `failed`, `blessed`, or `broken` when it could not be run.
    result: &'static str,
    /// Why it could not be run, or has nothing to be held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    /// Of the whole call, from the start of its process; a publication's is shorter, since nothing is counted there.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_microseconds: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory_bytes: Option<u64>,
    /// WASM instructions, as the engine counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_calls: Option<u64>,
    differences: Vec<Difference>,
    /// What the hook wrote to its standard output and error, if something is wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    output: String,
    /// What was written down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blessed: Vec<PathBuf>,
}

impl Test {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let named = self.named_manifest();
        let folders = self.folders(named.as_deref())?;
        let bench = Bench::new(hooks::sandbox()?, &self.component)?;
        let mut all = Vec::new();
        for folder in &folders {
            all.push(self.test(&bench, folder, named.as_deref()));
        }
        let failed = all.iter().filter(|one| matches!(one.result, "failed" | "broken")).count();
        session.output.show(&all, || text(&all, failed))?;
        Ok(if failed == 0 { End::Success } else { End::Failure })
    }

    /// The manifest that is meant for all fixtures, if it can be told without looking at one.
    fn named_manifest(&self) -> Option<PathBuf> {
        let beside = self.component.with_extension("toml");
        let candidates = [beside, PathBuf::from(MANIFEST)];
        self.manifest.clone().or_else(|| candidates.into_iter().find(|path| path.is_file()))
    }

    /// The fixtures that are meant, each once.
    fn folders(&self, manifest: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
        let mut folders = self.fixture.clone();
        let mut parents = self.fixtures.clone();
        if folders.is_empty() && parents.is_empty() {
            let beside = manifest.and_then(Path::parent).map(|folder| folder.join(FIXTURES));
            let Some(found) = beside.into_iter().chain([FIXTURES.into()]).find(|folder| folder.is_dir())
            else {
                return Err(usage(format!(
                    "there is no folder {FIXTURES} here or beside the manifest: name the fixtures with --fixture or --fixtures"
                )));
            };
            parents.push(found);
        }
        for parent in &parents {
            let entries = std::fs::read_dir(parent)
                .map_err(|error| usage(format!("cannot read the folder {}: {error}", parent.display())))?;
            let mut below: Vec<PathBuf> =
                entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
            if below.is_empty() {
                return Err(usage(format!(
                    "there is no fixture in {}: make a folder there with a {FIXTURE_FILE} in it",
                    parent.display()
                )));
            }
            below.sort();
            folders.extend(below);
        }
        if let Some(none) = folders.iter().find(|folder| !folder.is_dir()) {
            return Err(usage(format!("there is no folder {}", none.display())));
        }
        let mut seen = std::collections::BTreeSet::new();
        folders.retain(|folder| seen.insert(folder.clone()));
        Ok(folders)
    }

    fn test(&self, bench: &Bench, folder: &Path, named: Option<&Path>) -> Tested {
        self.try_test(bench, folder, named)
            .unwrap_or_else(|error| Tested { problem: Some(format!("{error:#}")), ..Tested::nothing(folder) })
    }

    fn try_test(&self, bench: &Bench, folder: &Path, named: Option<&Path>) -> anyhow::Result<Tested> {
        let manifest =
            self.manifest.clone().or_else(|| manifest_beside(folder)).or_else(|| named.map(Path::to_owned));
        let manifest = manifest.map(|path| Manifest::read(&path)).transpose()?;
        let fixture = Fixture::read(folder, manifest.as_ref())?;
        let expected = Expected::read(&fixture)?;
        let found = bench.call(&fixture)?;
        let differences = expected.as_ref().map(|expected| expected.differences(&found, &fixture));
        let mut tested = Tested::of(&fixture, &found);
        match differences {
            _ if found.lost => {
                tested.result = "broken";
                tested.problem = Some(found.summary.clone());
            }
            Some(differences) if differences.is_empty() => tested.result = "passed",
            differences if self.bless => {
                let left_out = expected.map_or(WordsLeftOut::default(), |expected| expected.left_out());
                tested.blessed = Expected::of(&found, &fixture, left_out).write(&fixture)?;
                tested.differences = differences.unwrap_or_default();
                tested.result = "blessed";
            }
            Some(differences) => {
                tested.result = "failed";
                tested.differences = differences;
            }
            None => {
                tested.result = "failed";
                tested.problem =
                    Some("nothing is expected of it yet: --bless writes down what was found".to_owned());
            }
        }
        if matches!(tested.result, "failed" | "broken") {
            tested.output = found.output;
        }
        Ok(tested)
    }
}

/// `hook.toml` beside the folder that a fixture lies in.
fn manifest_beside(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    Some(folder.parent()?.parent()?.join(MANIFEST)).filter(|path| path.is_file())
}

impl Tested {
    fn nothing(folder: &Path) -> Self {
        Self {
            fixture: folder
                .file_name()
                .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned()),
            folder: folder.to_owned(),
            description: String::new(),
            result: "broken",
            problem: None,
            outcome: None,
            summary: None,
            duration_microseconds: None,
            peak_memory_bytes: None,
            fuel: None,
            host_calls: None,
            differences: Vec::new(),
            output: String::new(),
            blessed: Vec::new(),
        }
    }

    fn of(fixture: &Fixture, found: &Found) -> Self {
        Self {
            fixture: fixture.name.clone(),
            description: fixture.description.clone(),
            outcome: Some(found.outcome.as_str().to_ascii_lowercase()),
            summary: Some(found.summary.clone()),
            duration_microseconds: Some(found.duration.as_micros()),
            peak_memory_bytes: Some(found.peak_memory_bytes),
            fuel: found.fuel,
            host_calls: Some(found.host_calls),
            ..Self::nothing(&fixture.folder)
        }
    }
}

fn text(all: &[Tested], failed: usize) -> String {
    let width = all.iter().map(|one| one.fixture.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for one in all {
        let (style, word) = match one.result {
            "passed" => (GOOD, "ok     "),
            "blessed" => (WARN, "blessed"),
            "failed" => (BAD, "FAILED "),
            _ => (BAD, "BROKEN "),
        };
        let mut measures = Vec::new();
        if let Some(microseconds) = one.duration_microseconds {
            let microseconds = u64::try_from(microseconds).unwrap_or(u64::MAX);
            measures.push(duration(std::time::Duration::from_micros(microseconds)));
        }
        measures.extend(one.peak_memory_bytes.map(bytes));
        measures.extend(one.fuel.map(|fuel| format!("{fuel} fuel")));
        measures.extend(one.host_calls.map(|calls| format!("{calls} host calls")));
        let name = painted(BOLD, format!("{:width$}", one.fixture));
        text.push_str(
            format!("{} {name}  {}", painted(style, word), painted(DIM, measures.join(", "))).trim_end(),
        );
        text.push('\n');
        if !one.description.is_empty() && one.result != "passed" {
            text.push_str(&format!("  {}\n", painted(DIM, &one.description)));
        }
        if let Some(problem) = &one.problem {
            text.push_str(&indented(problem, "  "));
        }
        for difference in &one.differences {
            text.push_str(&format!("  {}\n", painted(BOLD, &difference.what)));
            for line in difference.diff.lines() {
                let line = match line.chars().next() {
                    Some('-') => painted(BAD, line),
                    Some('+') => painted(GOOD, line),
                    _ => line.to_owned(),
                };
                text.push_str(&format!("    {line}\n"));
            }
        }
        text.push_str(&indented(&one.output, "  "));
        for path in &one.blessed {
            text.push_str(&format!("  wrote down {}\n", path.display()));
        }
    }
    text.push_str(&match failed {
        0 => format!("{} of {} fixtures as expected.\n", all.len(), all.len()),
        _ => format!(
            "{}\n",
            painted(
                BAD,
                format!("{failed} of {} fixtures not as expected. If this is what is meant, run it again with --bless.", all.len())
            )
        ),
    });
    text
}

fn indented(text: &str, indent: &str) -> String {
    text.lines().map(|line| format!("{indent}{line}\n")).collect()
}
