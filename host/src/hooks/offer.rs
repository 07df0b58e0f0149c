//! A component that somebody offers as a hook: its bytes, what they are, what its author says of it, and everything that speaks against it.
//!
//! Looking runs nothing. What speaks against it is found all at once: a problem means that it will not run, a warning that somebody should look.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use pressroom_archive::disk;
use pressroom_archive::domain::Sha256;
use pressroom_sandbox::{
    CompileLimits, Compiled, Examination, HostVersion, Inspection, MOST_COMPONENT_BYTES, Point, Sandbox,
};

use super::grant::{Capabilities, Grant, GrantLimits, Manifest, patterns};

/// What is offered.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: Sha256,
    pub(crate) inspection: Inspection,
    pub(crate) manifest: Option<Manifest>,
    /// The hook's own name.
    pub(crate) name: String,
    pub(crate) findings: Vec<Finding>,
}

/// Something that speaks against a component.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Weight {
    /// It will not run so.
    Problem,
    /// Somebody should look.
    Warning,
}

impl Offer {
    /// Reads a component and its manifest, and holds them against a version of the host. Where no manifest is named, the file of the component's name
    /// with the ending `.toml` is it, unless that is a grant.
    pub(crate) fn read(
        component: &Path,
        manifest: Option<&Path>,
        host: &HostVersion,
    ) -> anyhow::Result<Self> {
        let bytes = read_component(component)?;
        let examination = pressroom_sandbox::examine(&bytes, host)
            .with_context(|| format!("{} cannot be a hook", component.display()))?;
        let beside = component.with_extension("toml");
        let manifest = match manifest {
            Some(path) => Some(Manifest::read(path)?),
            None if beside.is_file() && Grant::read(&beside).is_err() && !is_in_hook_folder(&beside) => {
                Some(Manifest::read(&beside)?)
            }
            None => None,
        };
        let file_name = component.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = if is_in_hook_folder(component) {
            super::registry::own_name(&file_name)
        } else {
            file_name.strip_suffix(".wasm").unwrap_or(&file_name)
        };
        let name = manifest.as_ref().map_or(stem, |manifest| &manifest.name).replace('_', "-");
        let findings = findings(&name, &examination, manifest.as_ref());
        Ok(Self {
            path: component.to_owned(),
            sha256: Sha256::of(&bytes),
            bytes,
            inspection: examination.inspection,
            manifest,
            name,
            findings,
        })
    }

    /// What keeps it from running.
    pub(crate) fn problems(&self) -> Vec<&str> {
        let problems = self.findings.iter().filter(|finding| finding.weight == Weight::Problem);
        problems.map(|finding| finding.text.as_str()).collect()
    }

    /// Refuses it with everything that keeps it from running.
    pub(crate) fn refuse_problems(&self) -> anyhow::Result<()> {
        let problems = self.problems();
        if problems.is_empty() {
            return Ok(());
        }
        bail!("{} cannot be a hook:\n  {}", self.path.display(), problems.join("\n  "))
    }

    /// What its author asks for; without a manifest, what it imports.
    pub(crate) fn requested(&self) -> Capabilities {
        match &self.manifest {
            Some(manifest) => manifest.capabilities.clone(),
            None => {
                let imports = |name: &str| self.inspection.imports.iter().any(|import| import == name);
                Capabilities {
                    archive: imports("archive") || imports("journal"),
                    staging: imports("staging").then(Vec::new),
                    state: imports("state"),
                    ..Capabilities::default()
                }
            }
        }
    }

    /// The limits that its author asks for.
    pub(crate) fn limits(&self) -> GrantLimits {
        self.manifest.as_ref().map(|manifest| manifest.limits.clone()).unwrap_or_default()
    }

    /// Compiles it in a limited process into a folder, and instantiates it once with nothing granted.
    pub(crate) fn compile(
        &self,
        sandbox: &Sandbox,
        points: &[Point],
        folder: &Path,
    ) -> anyhow::Result<Compiled> {
        let shown = self.path.display();
        let compiled = sandbox
            .compile(&self.path, &folder.join("artefact"), &CompileLimits::default())
            .with_context(|| format!("cannot compile {shown}"))?;
        // the file was read a second time
        if compiled.inspection.sha256 != self.inspection.sha256 {
            bail!("{shown} was exchanged while it was looked at: try again when nobody writes to it");
        }
        sandbox
            .check(&compiled.artefact, points)
            .with_context(|| format!("{shown} does not fit this pressroom"))?;
        Ok(compiled)
    }
}

/// Reads a component, but never more than one may have.
pub(crate) fn read_component(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    // asked before opening, since opening a pipe would wait for its writer
    let metadata = std::fs::metadata(path).with_context(cannot)?;
    if !metadata.is_file() {
        bail!("{} is no file", path.display());
    }
    let mut bytes =
        Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0).min(MOST_COMPONENT_BYTES));
    disk::open(path)?.take(MOST_COMPONENT_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(cannot)?;
    Ok(bytes)
}

/// In the folder of a point the file beside a component is the operator's grant, not the author's manifest.
fn is_in_hook_folder(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    folder
        .and_then(|name| name.strip_suffix(".d"))
        .is_some_and(|name| name.parse::<Point>().is_ok() || name == "publish-distro")
}

/// Everything that speaks against a component and its manifest.
fn findings(name: &str, examination: &Examination, manifest: Option<&Manifest>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut problem = |text: String| found.push(Finding { weight: Weight::Problem, text });
    for one in &examination.problems {
        problem(one.to_string());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        problem(format!(
            "{name:?} cannot be a hook's name: name the file, or the manifest's name, with letters, digits and - only"
        ));
    }
    let Some(manifest) = manifest else { return found };
    let exported = &examination.inspection.points;
    let list = |points: &[Point]| points.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if manifest.points.is_empty() {
        problem("its manifest names no point".to_owned());
    }
    let missing: Vec<Point> =
        manifest.points.iter().copied().filter(|point| !exported.contains(point)).collect();
    if !missing.is_empty() {
        problem(format!(
            "its manifest names {}, and the component has no such point: it exports {}",
            list(&missing),
            if exported.is_empty() { "none".to_owned() } else { list(exported) }
        ));
    }
    if manifest.order > 99 {
        problem(format!("its manifest suggests the order {}: it is 0 to 99", manifest.order));
    }
    let staging = manifest.capabilities.staging.as_deref().unwrap_or_default();
    for (key, list) in [("staging", staging), ("signing", manifest.capabilities.signing.as_slice())] {
        if let Err((pattern, reason)) = patterns(list) {
            problem(format!("its manifest has the pattern {pattern:?} for {key}, which is none: {reason}"));
        }
    }
    for key in zero_limits(&manifest.limits) {
        problem(format!("its manifest has the limit {key} = 0: it could do nothing"));
    }
    found.extend(
        warnings(&examination.inspection, manifest)
            .into_iter()
            .map(|text| Finding { weight: Weight::Warning, text }),
    );
    found
}

fn warnings(inspection: &Inspection, manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let more: Vec<String> = inspection
        .points
        .iter()
        .filter(|point| !manifest.points.contains(point))
        .map(ToString::to_string)
        .collect();
    if !more.is_empty() {
        found.push(format!(
            "it exports {}, which its manifest does not name: it is not added there",
            more.join(", ")
        ));
    }
    let (asks, imports) = (kinds(&manifest.capabilities.names()), imported(inspection));
    let idle: Vec<&str> = asks.difference(&imports).map(String::as_str).collect();
    if !idle.is_empty() {
        found.push(format!("its manifest asks for {}, which it does not import", idle.join(", ")));
    }
    let telling = telling_imports(inspection);
    let denied: Vec<&str> = telling.difference(&asks).map(String::as_str).collect();
    if !denied.is_empty() {
        found.push(format!(
            "it imports {}, which its manifest does not ask for: it would be denied",
            denied.join(", ")
        ));
    }
    let in_tree: Vec<&str> = ["staging", "signing"].into_iter().filter(|kind| asks.contains(*kind)).collect();
    if !in_tree.is_empty() && !manifest.points.contains(&Point::PrePublication) {
        found
            .push(format!("its manifest asks for {}, which only pre-publication has", in_tree.join(" and ")));
    }
    found
}

/// The kinds of capabilities in a list of names: `staging=x` is of the kind `staging`.
pub(crate) fn kinds(names: &BTreeSet<String>) -> BTreeSet<String> {
    names.iter().map(|name| name.split('=').next().unwrap_or(name).to_owned()).collect()
}

/// The kinds of capabilities that a component imports: what every hook may do is none.
pub(crate) fn imported(inspection: &Inspection) -> BTreeSet<String> {
    let mut kinds: BTreeSet<String> = inspection
        .imports
        .iter()
        .filter(|name| !matches!(name.as_str(), "log" | "config"))
        // what changed in the files is told to whom the archive is
        .map(|name| if name == "journal" { "archive".to_owned() } else { name.clone() })
        .collect();
    if inspection.wasi_imports.iter().any(|name| name.starts_with("wasi:http/")) {
        kinds.insert("http".to_owned());
    }
    kinds
}

/// The kinds of capabilities that a component imports, unless it imports all of them: kits that make every hook so say nothing about this one by it.
pub(crate) fn telling_imports(inspection: &Inspection) -> BTreeSet<String> {
    let kinds = imported(inspection);
    let all = ["archive", "staging", "state", "signing"].iter().all(|kind| kinds.contains(*kind));
    if all { kinds.into_iter().filter(|kind| kind == "http").collect() } else { kinds }
}

fn zero_limits(limits: &GrantLimits) -> Vec<String> {
    let table = toml::Table::try_from(limits).unwrap_or_default();
    let needed = ["wall-seconds", "memory-bytes"];
    table
        .into_iter()
        .filter(|(key, value)| needed.contains(&key.as_str()) && value.as_integer() == Some(0))
        .map(|(key, _)| key)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examination(points: &[Point], imports: &[&str]) -> Examination {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        Examination {
            inspection: Inspection {
                points: points.to_vec(),
                imports: words(imports),
                wasi_imports: Vec::new(),
                versions: words(&["0.1.0"]),
                functions: Default::default(),
                exports: Vec::new(),
                producers: Vec::new(),
                memories: 1,
                size_bytes: 1,
                sha256: pressroom_sandbox::Sha256::of(b""),
            },
            problems: Vec::new(),
        }
    }

    fn said(name: &str, examination: &Examination, manifest: &str) -> Vec<(Weight, String)> {
        let manifest: Manifest = toml::from_str(manifest).unwrap();
        let found = findings(name, examination, Some(&manifest));
        found.into_iter().map(|finding| (finding.weight, finding.text)).collect()
    }

    #[test]
    fn a_manifest_that_fits_is_not_complained_of() {
        let one = examination(&[Point::Finalize], &["archive", "config", "log"]);
        let manifest = "name = \"a\"\npoints = [\"finalize\"]\n[capabilities]\narchive = true\n";
        assert_eq!(said("a", &one, manifest), []);
        assert_eq!(findings("a", &one, None), []);
    }

    #[test]
    fn a_kit_that_imports_everything_is_not_taken_at_its_word() {
        let one = examination(&[Point::Finalize], &["archive", "signing", "staging", "state"]);
        assert_eq!(said("a", &one, "name = \"a\"\npoints = [\"finalize\"]\n"), []);
    }

    #[test]
    fn everything_is_said_at_once_and_told_apart() {
        let one = examination(&[Point::Finalize], &["archive"]);
        let found = said(
            "a b",
            &one,
            "name = \"a b\"\npoints = [\"post-publication\"]\norder = 200\n[capabilities]\nstaging = [\"../x\"]\n[limits]\nwall-seconds = 0\n",
        );
        for (weight, word) in [
            (Weight::Problem, "\"a b\""),
            (Weight::Problem, "names post-publication"),
            (Weight::Problem, "order 200"),
            (Weight::Problem, "../x"),
            (Weight::Problem, "wall-seconds"),
            (Weight::Warning, "exports finalize"),
            (Weight::Warning, "asks for staging, which it does not import"),
            (Weight::Warning, "imports archive"),
            (Weight::Warning, "only pre-publication"),
        ] {
            assert!(
                found.iter().any(|(one, text)| *one == weight && text.contains(word)),
                "{word}: {found:#?}"
            );
        }
        assert_eq!(found.len(), 9, "{found:#?}");
    }

    #[test]
    fn the_folder_of_a_point_is_known_by_its_name() {
        assert!(is_in_hook_folder(Path::new("/r/hooks/d/finalize.d/50-a.wasm")));
        for path in ["/r/finalize/50-a.wasm", "/r/plugins.d/a.wasm", "a.wasm"] {
            assert!(!is_in_hook_folder(Path::new(path)), "{path}");
        }
    }
}
