//! Hooks that are there: found by name, taken out of use and back, removed; and what nobody needs any more.
//!
//! A WASM hook that is disabled says so in its grant; an executable gets a name with `.disabled` at its end, which run-parts would skip as well. Both stay
//! where they are, are listed, and stop nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use pressroom_archive::disk::{self, FileLock};
use pressroom_archive::domain::{DistributionId, DistributionName, Sha256};
use pressroom_archive::store::distribution::distributions;
use pressroom_archive::store::{Db, StoreError, hook_upkeep};
use pressroom_sandbox::Point;

use super::add::components;
use super::grant::Grant;
use super::place;
use super::registry::{DISABLED_ENDING, own_name, point_folders};
use crate::root::Root;

/// A hook in the folder of a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) point: Point,
    pub(crate) path: PathBuf,
    pub(crate) kind: InstalledKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstalledKind {
    Wasm,
    Executable,
}

impl Installed {
    fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The hook's own name.
    pub(crate) fn name(&self) -> String {
        own_name(&self.file_name()).to_owned()
    }

    fn grant(&self) -> PathBuf {
        self.path.with_extension("toml")
    }
}

/// One change of hooks at a time, in the whole root; let go when dropped. Who comes second waits.
#[derive(Debug)]
pub(crate) struct ChangeLock {
    _lock: FileLock,
}

impl ChangeLock {
    /// Takes the lock.
    pub(crate) fn take(root: &Root) -> anyhow::Result<Self> {
        Ok(Self { _lock: FileLock::alone(&root.locks_folder().join("hooks.lock"))? })
    }
}

/// Everything in the hook folders that is, or was, a hook: by point, then by name.
fn all(hooks: &Path) -> Vec<Installed> {
    let mut found = Vec::new();
    for folder in point_folders(hooks) {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let point =
            name.strip_suffix(".d").and_then(|name| name.parse().ok()).unwrap_or(Point::PrePublication);
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.ends_with(".toml") || name.starts_with('.') || path.is_dir() {
                continue;
            }
            let kind = if name.ends_with(".wasm") { InstalledKind::Wasm } else { InstalledKind::Executable };
            found.push(Installed { point, path, kind });
        }
    }
    found
}

/// The hooks of a name, which may be the hook's own (`trace`) or a file's (`90-trace`, `90-trace.wasm`); at some points only, or at all.
pub(crate) fn find(
    root: &Root,
    distribution: &DistributionName,
    name: &str,
    points: &[Point],
) -> anyhow::Result<Vec<Installed>> {
    let all = all(&root.hooks_folder(distribution));
    let is_meant = |one: &&Installed| {
        let file = one.file_name();
        let bare = file.strip_suffix(DISABLED_ENDING).unwrap_or(&file);
        let bare = bare.strip_suffix(".wasm").unwrap_or(bare);
        name == file || name == bare || name == own_name(&file)
    };
    let of_name: Vec<Installed> = all.iter().filter(is_meant).cloned().collect();
    let found: Vec<Installed> =
        of_name.iter().filter(|one| points.is_empty() || points.contains(&one.point)).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let list = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(", ");
    if of_name.is_empty() {
        let names: BTreeSet<String> = all.iter().map(Installed::name).collect();
        let there = if names.is_empty() { "none".to_owned() } else { list(names) };
        bail!(NoSuchHook(format!("{distribution} has no hook {name}: there is {there}")));
    }
    let at = list(of_name.iter().map(|one| one.point.to_string()).collect());
    let asked = list(points.iter().map(ToString::to_string).collect());
    bail!(NoSuchHook(format!("{name} is not at {asked}: it is at {at}")))
}

/// A name that no hook has.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoSuchHook(String);

/// Takes hooks out of use. Gives the paths, as they are now, of those that were not disabled before.
pub(crate) fn disable(hooks: &[Installed]) -> anyhow::Result<Vec<PathBuf>> {
    change(hooks, true)
}

/// Takes hooks back into use. Gives the paths, as they are now, of those that were disabled.
pub(crate) fn enable(hooks: &[Installed]) -> anyhow::Result<Vec<PathBuf>> {
    change(hooks, false)
}

/// One step for a hook.
enum Step {
    /// The grant, and what it is to say.
    Grant(PathBuf, String, PathBuf),
    Rename(PathBuf, PathBuf),
}

fn change(hooks: &[Installed], disabled: bool) -> anyhow::Result<Vec<PathBuf>> {
    // what can be refused is, before the first one is changed
    let mut steps = Vec::new();
    for hook in hooks {
        steps.extend(match hook.kind {
            InstalledKind::Wasm => grant_step(hook, disabled)?,
            InstalledKind::Executable => rename_step(hook, disabled)?,
        });
    }
    let mut changed = Vec::new();
    for step in steps {
        match step {
            Step::Grant(grant, text, hook) => {
                place::write_grant(&grant, &text)?;
                changed.push(hook);
            }
            Step::Rename(from, to) => {
                disk::rename(&from, &to)?;
                disk::sync_folder(to.parent().unwrap_or(Path::new(".")))?;
                changed.push(to);
            }
        }
    }
    Ok(changed)
}

/// `disabled` is set even in a grant that cannot be used otherwise, since taking a hook out of use is what one wants then.
fn grant_step(hook: &Installed, disabled: bool) -> anyhow::Result<Option<Step>> {
    let path = hook.grant();
    if !path.exists() {
        bail!(
            "{} has no grant in which that could stand: add it with `pressroom hook add`, or take it away with `pressroom hook remove`",
            hook.path.display()
        );
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut document: toml_edit::DocumentMut = text
        .parse()
        .with_context(|| format!("{} is no TOML: put that right, or move the hook away", path.display()))?;
    let is_disabled = document.get("disabled").and_then(toml_edit::Item::as_bool) == Some(true);
    if is_disabled == disabled {
        return Ok(None);
    }
    if disabled {
        document["disabled"] = toml_edit::value(true);
    } else {
        document.remove("disabled");
    }
    Ok(Some(Step::Grant(path, document.to_string(), hook.path.clone())))
}

fn rename_step(hook: &Installed, disabled: bool) -> anyhow::Result<Option<Step>> {
    let file_name = hook.file_name();
    let to = match (file_name.strip_suffix(DISABLED_ENDING), disabled) {
        (Some(_), true) | (None, false) => return Ok(None),
        (Some(bare), false) => hook.path.with_file_name(bare),
        (None, true) => hook.path.with_file_name(format!("{file_name}{DISABLED_ENDING}")),
    };
    if std::fs::symlink_metadata(&to).is_ok() {
        bail!(
            "{} cannot become {}: a file of that name is there; move one of them away",
            hook.path.display(),
            to.display()
        );
    }
    Ok(Some(Step::Rename(hook.path.clone(), to)))
}

/// Removes hooks. What was there is gone from the next run on; one that goes on has read them already.
pub(crate) fn remove(hooks: &[Installed]) -> anyhow::Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for hook in hooks {
        match hook.kind {
            InstalledKind::Wasm => place::remove(&hook.path)?,
            InstalledKind::Executable => {
                disk::remove_file(&hook.path)?;
                disk::sync_folder(hook.path.parent().unwrap_or(Path::new(".")))?;
            }
        }
        removed.push(hook.path.clone());
    }
    Ok(removed)
}

/// Forgets what a hook remembers in a distribution, unless it still stands there. Gives the number of keys.
pub(crate) fn forget_state(
    root: &Root,
    db: &mut Db,
    (distribution, id): (&DistributionName, DistributionId),
    name: &str,
) -> anyhow::Result<usize> {
    let still = all(&root.hooks_folder(distribution))
        .into_iter()
        .find(|one| one.kind == InstalledKind::Wasm && one.name() == name);
    if let Some(still) = still {
        bail!("{name} still stands at {}, so its state is kept: remove it there too", still.point);
    }
    Ok(db.write(|tx| hook_upkeep::forget_state(tx, id, name))?)
}

/// Forgets compiled forms of components that no grant of any distribution names, rows first. While a run goes on nothing is forgotten: it may have begun
/// with hooks that are gone by now. Gives the number of components. The caller has the lock.
pub(crate) fn forget_unused(root: &Root, db: &mut Db, _lock: &ChangeLock) -> anyhow::Result<usize> {
    remove_leftovers(root, db)?;
    if hook_upkeep::a_run_is_open(db.read())? {
        return Ok(0);
    }
    let mut used: BTreeSet<Sha256> = BTreeSet::new();
    for distribution in distributions(db.read())? {
        let hooks = root.hooks_folder(&distribution.name);
        for path in point_folders(&hooks).iter().flat_map(|folder| components(folder)) {
            match Grant::read(&path.with_extension("toml")) {
                Ok(grant) => used.extend([Some(grant.sha256), grant.replaces].into_iter().flatten()),
                // one that is to be mended may name anything
                Err(_) => return Ok(0),
            }
        }
    }
    let compiled = hook_upkeep::artefacts(db.read())?;
    let unused: BTreeSet<Sha256> = compiled
        .iter()
        .map(|(component, _)| *component)
        .filter(|component| !used.contains(component))
        .collect();
    db.write(|tx| -> Result<(), StoreError> {
        unused.iter().try_for_each(|component| hook_upkeep::forget_artefacts(tx, component))
    })?;
    let named: BTreeSet<String> = compiled
        .into_iter()
        .filter(|(component, _)| used.contains(component))
        .map(|(_, engine)| format!("{engine}.cwasm"))
        .collect();
    for entry in std::fs::read_dir(root.artefacts_folder()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cwasm") && !named.contains(&name) {
            disk::remove_file(&entry.path())?;
        }
    }
    Ok(unused.len())
}

/// Removes what commands have left that were ended between their steps. Whoever changes hooks has the lock, so nobody writes to these now.
fn remove_leftovers(root: &Root, db: &Db) -> anyhow::Result<()> {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    for distribution in distributions(db.read())? {
        for folder in point_folders(&root.hooks_folder(&distribution.name)) {
            for entry in entries(folder) {
                if entry.file_name().to_string_lossy().starts_with(".pressroom-") {
                    disk::remove_file(&entry.path())?;
                }
            }
        }
    }
    for entry in entries(root.artefacts_folder()) {
        if entry.file_name().to_string_lossy().starts_with("compile-") {
            disk::remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        disk::write_atomic(path, text.as_bytes(), 0o644).unwrap();
    }

    #[test]
    fn a_grant_that_is_disabled_and_enabled_again_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let hook = Installed {
            point: Point::Finalize,
            path: folder.path().join("50-a.wasm"),
            kind: InstalledKind::Wasm,
        };
        let text = "# mine\nsha256 = \"x\" # pinned\n\n[config]\n# kept\nkey = 1\n";
        write(&hook.grant(), text);
        assert_eq!(disable(std::slice::from_ref(&hook)).unwrap(), std::slice::from_ref(&hook.path));
        let disabled = std::fs::read_to_string(hook.grant()).unwrap();
        assert!(disabled.contains("disabled = true\n") && disabled.contains("# kept"), "{disabled}");
        assert!(Grant::says_disabled(&hook.grant()));
        assert_eq!(disable(std::slice::from_ref(&hook)).unwrap(), [] as [PathBuf; 0]);
        assert_eq!(enable(std::slice::from_ref(&hook)).unwrap(), std::slice::from_ref(&hook.path));
        assert_eq!(std::fs::read_to_string(hook.grant()).unwrap(), text);
    }

    #[test]
    fn an_executable_gets_another_name_and_never_over_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let executable = |name: &str| Installed {
            point: Point::Finalize,
            path: folder.path().join(name),
            kind: InstalledKind::Executable,
        };
        write(&folder.path().join("10-a"), "one");
        let there = disable(&[executable("10-a")]).unwrap();
        assert_eq!(there, [folder.path().join("10-a.disabled")]);
        write(&folder.path().join("10-a"), "another");
        // neither of the two is changed when one cannot be
        write(&folder.path().join("20-b.disabled"), "b");
        let error = enable(&[executable("20-b.disabled"), executable("10-a.disabled")]).unwrap_err();
        assert!(error.to_string().contains("10-a"), "{error}");
        assert!(folder.path().join("20-b.disabled").exists());
        assert_eq!(std::fs::read_to_string(&there[0]).unwrap(), "one");
    }
}
