//! What lies in a distribution's hook folders: what will run, in which order, what is disabled, and a complaint for every file that will not run.
//!
//! Everything that would keep a hook from being loaded later is found here, before a run does anything: who may change the files, the grant, the digest,
//! the signature, the compiled form. A hook that is disabled is none of these things' concern.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pressroom_archive::disk;
use pressroom_archive::domain::Sha256;
use pressroom_archive::store::{Connection, StoreError, hook};
use pressroom_sandbox::{Artefact, MOST_COMPONENT_BYTES, Point, Walls, artefact_key};

use super::grant::{Grant, OnFailure};
use super::safety::Owners;
use super::signed_by;
use super::walls;
use crate::root::Root;

/// The older name of pre-publication.d.
const OLDER_NAME: &str = "publish-distro.d";
/// What `pressroom hook disable` adds to the name of an executable: run-parts skips such a name too.
pub(crate) const DISABLED_ENDING: &str = ".disabled";

/// What kind of hook a file is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A component, its grant, its native code.
    Wasm { grant: Box<Grant>, artefact: Artefact },
    /// A program, run as run-parts would.
    Executable,
}

/// A hook that will run.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// The file's name, which decides the order.
    pub(crate) file_name: String,
    pub(crate) kind: Kind,
}

impl Entry {
    /// The hook's own name, under which it keeps its state: without number and ending.
    pub(crate) fn name(&self) -> &str {
        own_name(&self.file_name)
    }

    /// Whether a person means it: by its own name, or by its file's.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        is_called(&self.file_name, name)
    }
}

/// Whether a person means the hook of a file: by the hook's own name, or by the file's, with its ending or without.
pub(crate) fn is_called(file_name: &str, name: &str) -> bool {
    let without_ending = file_name.strip_suffix(".wasm").unwrap_or(file_name);
    [file_name, without_ending, own_name(file_name)].contains(&name)
}

/// A hook that was told not to run.
#[derive(Debug, Clone)]
pub(crate) struct Disabled {
    pub(crate) point: Point,
    pub(crate) path: PathBuf,
    pub(crate) file_name: String,
    /// Of a WASM hook, if it can be read.
    pub(crate) grant: Option<Box<Grant>>,
}

/// `50-trace.wasm` is `trace`, wherever it stands in the order.
pub(crate) fn own_name(file_name: &str) -> &str {
    let name = file_name.strip_suffix(DISABLED_ENDING).unwrap_or(file_name);
    let name = name.strip_suffix(".wasm").unwrap_or(name);
    match name.split_once('-') {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty() => rest,
        _ => name,
    }
}

/// A file that will not run.
#[derive(Debug, Clone)]
pub(crate) struct Complaint {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
    /// It was meant to run at every publication: nothing is published without it.
    pub(crate) blocks: bool,
}

/// The hooks of a distribution.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    points: BTreeMap<Point, Vec<Entry>>,
    pub(crate) disabled: Vec<Disabled>,
    pub(crate) complaints: Vec<Complaint>,
    /// Whether it was said that a wall is missing around them.
    walls_said: Cell<bool>,
}

/// What a look at a file needs.
struct Looking<'a> {
    root: &'a Root,
    db: &'a Connection,
    owners: Owners,
    /// The digests of compiled forms that were read: a hook is at several points with one.
    artefacts: BTreeMap<PathBuf, Option<pressroom_sandbox::Sha256>>,
}

impl Registry {
    /// Reads the hook folders of a distribution. Folders that are not there have no hooks.
    pub(crate) fn load(root: &Root, db: &Connection, folder: &Path) -> Result<Self, StoreError> {
        let mut registry = Self::default();
        let mut looking = Looking { root, db, owners: Owners::of(root), artefacts: BTreeMap::new() };
        let above = folder.parent().into_iter().chain([folder]).map(Path::to_owned);
        for path in above.chain(point_folders(folder)) {
            let complaint =
                fs::metadata(&path).ok().and_then(|metadata| looking.owners.complaint(&path, &metadata));
            registry.complaints.extend(complaint.map(|reason| Complaint { path, reason, blocks: true }));
        }
        for point in Point::ALL {
            let mut files = listing(&folder.join(format!("{point}.d")), &mut registry.complaints);
            if point == Point::PrePublication {
                files.extend(listing(&folder.join(OLDER_NAME), &mut registry.complaints));
            }
            // as run-parts: by base name in the C locale
            files.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
            let mut entries = Vec::new();
            for path in &files {
                match looking.look(point, path)? {
                    Look::Runs(entry) => entries.push(entry),
                    Look::Disabled(disabled) => registry.disabled.push(disabled),
                    Look::Belongs => {}
                    Look::Wrong { reason, blocks } => {
                        registry.complaints.push(Complaint { path: path.clone(), reason, blocks });
                    }
                }
            }
            registry.cut_off(&mut entries);
            registry.points.insert(point, entries);
        }
        registry.complaints.extend(registry.missing_walls(root));
        Ok(registry)
    }

    /// The complaint where walls are required around WASM hooks and one is missing.
    fn missing_walls(&self, root: &Root) -> Option<Complaint> {
        let is_wasm = |entry: &Entry| matches!(entry.kind, Kind::Wasm { .. });
        if !root.config.hooks.require_walls || !self.points.values().flatten().any(is_wasm) {
            return None;
        }
        let missing = walls().map_or_else(|error| Some(format!("{error:#}")), |walls| walls.missing())?;
        let reason = format!(
            "require-walls is true, and around hooks there is missing: {missing}; publish on a kernel that has it, or set require-walls = false"
        );
        Some(Complaint { path: root.config_file(), reason, blocks: true })
    }

    /// Warns of a missing wall, once.
    pub(crate) fn warn_of_walls(&self, walls: &Walls) {
        if let Some(missing) = walls.missing()
            && !self.walls_said.replace(true)
        {
            tracing::warn!(
                "hooks run without all the walls that a kernel can put around them; missing: {missing}; with require-walls = true they would not run"
            );
        }
    }

    /// What a command has left that was ended between its steps: a hook that has a new number does not run under the old one as well.
    fn cut_off(&mut self, entries: &mut Vec<Entry>) {
        let moved: Vec<PathBuf> = entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                Kind::Wasm { grant, .. } => {
                    grant.moved_from.as_ref().map(|from| entry.path.with_file_name(format!("{from}.wasm")))
                }
                Kind::Executable => None,
            })
            .collect();
        entries.retain(|entry| !moved.contains(&entry.path));
        self.complaints.retain(|complaint| !moved.contains(&complaint.path));
    }

    /// The hooks of a point, in order.
    pub(crate) fn at(&self, point: Point) -> &[Entry] {
        self.points.get(&point).map_or(&[], Vec::as_slice)
    }

    /// Whether a hook in WASM runs at a point.
    pub(crate) fn has_wasm_at(&self, point: Point) -> bool {
        self.at(point).iter().any(|entry| matches!(entry.kind, Kind::Wasm { .. }))
    }

    /// Whether a program will write into the staged tree in place, so that it may share no file with the live one.
    pub(crate) fn writes_in_place(&self) -> bool {
        self.at(Point::PrePublication).iter().any(|entry| matches!(entry.kind, Kind::Executable))
    }
}

/// The folders of all points, in the order of a run.
pub(crate) fn point_folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        Point::ALL.iter().map(|point| folder.join(format!("{point}.d"))).collect();
    folders.insert(1, folder.join(OLDER_NAME));
    folders
}

fn listing(folder: &Path, complaints: &mut Vec<Complaint>) -> Vec<PathBuf> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            complaints.push(Complaint {
                path: folder.to_owned(),
                reason: format!("the folder cannot be read: {error}"),
                blocks: true,
            });
            Vec::new()
        }
    }
}

enum Look {
    Runs(Entry),
    Disabled(Disabled),
    /// A grant with its hook beside it.
    Belongs,
    Wrong {
        reason: String,
        blocks: bool,
    },
}

/// run-parts(8): without --lsbsysinit, `[a-zA-Z0-9_-]+`.
fn is_run_parts_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl Looking<'_> {
    fn look(&mut self, point: Point, path: &Path) -> Result<Look, StoreError> {
        let wrong = |reason: &str| Ok(Look::Wrong { reason: reason.to_owned(), blocks: false });
        let Some(file_name) = path.file_name().and_then(|name| name.to_str()) else {
            return wrong("its name is not UTF-8, so it does not run");
        };
        let Ok(metadata) = fs::metadata(path) else {
            return wrong("it is a link to nothing, so it does not run");
        };
        if !metadata.is_file() {
            return wrong("it is no file, so it does not run: move it out of the hook folder");
        }
        if let Some(stem) = file_name.strip_suffix(".wasm") {
            return self.look_at_wasm(point, path, stem, file_name, &metadata);
        }
        if file_name.ends_with(".toml") {
            return if path.with_extension("wasm").exists() {
                Ok(Look::Belongs)
            } else {
                wrong("it is a grant without its hook: add the .wasm beside it, or remove it")
            };
        }
        if let Some(stem) = file_name.strip_suffix(DISABLED_ENDING)
            && is_run_parts_name(stem)
        {
            let disabled =
                Disabled { point, path: path.to_owned(), file_name: file_name.to_owned(), grant: None };
            return Ok(Look::Disabled(disabled));
        }
        if file_name.starts_with(".pressroom-") {
            return wrong("it was left by a command that was ended before it was done: remove it");
        }
        if !is_run_parts_name(file_name) {
            return wrong(
                "run-parts would skip its name, so it does not run: use only letters, digits, - and _, without an ending such as .sh",
            );
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            return wrong(
                "it is not executable, so it does not run: chmod +x it, move it out of the hook folder, or take it out of use with `pressroom hook disable`",
            );
        }
        if let Some(reason) = self.owners.complaint(path, &metadata) {
            return Ok(Look::Wrong { reason, blocks: true });
        }
        let kind = Kind::Executable;
        Ok(Look::Runs(Entry { path: path.to_owned(), file_name: file_name.to_owned(), kind }))
    }

    fn look_at_wasm(
        &mut self,
        point: Point,
        path: &Path,
        stem: &str,
        file_name: &str,
        metadata: &Metadata,
    ) -> Result<Look, StoreError> {
        let grant_path = path.with_extension("toml");
        let wrong = |reason: String| Ok(Look::Wrong { reason, blocks: true });
        let disabled = |grant: Option<Grant>| {
            let (path, file_name) = (path.to_owned(), file_name.to_owned());
            Ok(Look::Disabled(Disabled { point, path, file_name, grant: grant.map(Box::new) }))
        };
        // who may change the grant decides what is granted, and what is disabled
        if let Ok(metadata) = fs::metadata(&grant_path)
            && let Some(reason) = self.owners.complaint(&grant_path, &metadata)
        {
            return wrong(format!("its grant must not decide what it may do: {reason}"));
        }
        let grant = match Grant::read(&grant_path) {
            Ok(grant) if grant.disabled => return disabled(Some(grant)),
            Ok(grant) => grant,
            Err(_) if Grant::says_disabled(&grant_path) => return disabled(None),
            Err(error) => {
                return wrong(match std::error::Error::source(&error) {
                    None => format!("its grant cannot be used: {error}"),
                    Some(_) => format!(
                        "it has no grant ({}): add the hook with `pressroom hook add`, which writes one",
                        grant_path.display()
                    ),
                });
            }
        };
        if !is_run_parts_name(stem) {
            return wrong(
                "its name may have only letters, digits, - and _ before .wasm: rename it and its .toml"
                    .to_owned(),
            );
        }
        if let Some(reason) = self.owners.complaint(path, metadata) {
            return wrong(reason);
        }
        let blocks = grant.on_failure == OnFailure::Abort;
        Ok(match self.artefact(point, path, &grant_path, &grant, metadata)? {
            Ok(artefact) => {
                let kind = Kind::Wasm { grant: Box::new(grant), artefact };
                Look::Runs(Entry { path: path.to_owned(), file_name: file_name.to_owned(), kind })
            }
            Err(reason) => Look::Wrong { reason, blocks },
        })
    }

    /// The compiled form of a component that may run; within: why it may not.
    fn artefact(
        &mut self,
        point: Point,
        path: &Path,
        grant_path: &Path,
        grant: &Grant,
        metadata: &Metadata,
    ) -> Result<Result<Artefact, String>, StoreError> {
        if !grant.points.contains(&point) {
            return Ok(Err(format!(
                "its grant does not name {point}: add it under points in {}",
                grant_path.display()
            )));
        }
        if metadata.len() > MOST_COMPONENT_BYTES as u64 {
            return Ok(Err(format!("it is longer than {MOST_COMPONENT_BYTES} bytes, so it is no component")));
        }
        let bytes = match disk::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(format!("it cannot be read: {}", error.source))),
        };
        let digest = Sha256::of(&bytes);
        if digest != grant.sha256 && Some(digest) != grant.replaces {
            return Ok(Err(format!(
                "it is not the component that its grant names: SHA256 {digest}, not {}; if it is meant, see what it wants with `pressroom hook upgrade --dry-run {name}`, and take it with `pressroom hook upgrade {name}`",
                grant.sha256,
                name = own_name(&path.file_name().unwrap_or_default().to_string_lossy()),
            )));
        }
        // one that is being replaced was verified when it came
        if digest == grant.sha256
            && let Err(error) = signed_by::verify_installed(self.root, grant, &bytes)
        {
            return Ok(Err(format!("{:#}", anyhow::Error::from(error))));
        }
        if let Err(error) = super::secrets::read(self.root.folder(), &grant.secrets) {
            return Ok(Err(error.to_string()));
        }
        let compile = "compile it with `pressroom hook compile`";
        let Ok(component) = digest.to_string().parse() else {
            return Ok(Err("its digest cannot be written down".to_owned()));
        };
        let engine = artefact_key(&component);
        let Some(artefact) = hook::artefact(self.db, &digest, &engine)? else {
            return Ok(Err(format!("it is not compiled for this pressroom: {compile}")));
        };
        let artefact_path = artefact_path(self.root, &engine);
        let Ok(sha256) = artefact.to_string().parse() else {
            return Ok(Err(format!("the record of its compiled form is damaged: {compile}")));
        };
        let found = self.artefacts.entry(artefact_path.clone()).or_insert_with(|| {
            fs::File::open(&artefact_path).and_then(pressroom_sandbox::Sha256::of_reader).ok()
        });
        match found {
            None => Ok(Err(format!("its compiled form {} is gone: {compile}", artefact_path.display()))),
            Some(found) if *found != sha256 => Ok(Err(format!(
                "its compiled form {} is not the one that was made here, SHA256 {found} instead of {sha256}: {compile}",
                artefact_path.display()
            ))),
            Some(_) => Ok(Ok(Artefact { path: artefact_path, sha256 })),
        }
    }
}

/// Where the native code of a component for this engine lies.
pub(crate) fn artefact_path(root: &Root, engine: &str) -> PathBuf {
    root.artefacts_folder().join(format!("{engine}.cwasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_run_parts_runs() {
        for (name, runs) in
            [("10-sign", true), ("a_b", true), ("x.sh", false), ("x~", false), ("", false), ("é", false)]
        {
            assert_eq!(is_run_parts_name(name), runs, "{name}");
        }
    }

    #[test]
    fn a_hooks_own_name_has_no_number() {
        for (file, name) in [
            ("50-trace.wasm", "trace"),
            ("trace.wasm", "trace"),
            ("05-a-b", "a-b"),
            ("a-b", "a-b"),
            ("10-", "10-"),
            ("10-sign.disabled", "sign"),
        ] {
            assert_eq!(own_name(file), name);
        }
    }
}
