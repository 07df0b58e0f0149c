//! Puts a component and its grant into the folder of a point, so that whoever is killed in between leaves hooks that run as before or as they are to.
//!
//! A component and its grant are two files, and a publication may begin at any moment. So the grant comes first and allows both the old component and
//! the new one; then the component; then the grant says the new one alone. A hook that gets another number says in its grant where it stood before, and
//! is not run there any more from the moment on that the new component is there.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pressroom_archive::disk;
use pressroom_archive::domain::Sha256;
use pressroom_sandbox::Point;

use super::add::components;
use super::grant::Grant;
use super::grant_text::{Asked, changed_text, new_text};
use super::registry::{own_name, point_folders};

/// The mode of components and grants: others may read what runs.
const MODE: u32 = 0o644;

/// A hook as it stands at a point.
#[derive(Debug, Clone)]
pub(crate) struct GrantInPlace {
    /// The component.
    pub(crate) path: PathBuf,
    /// The number before its name.
    pub(crate) order: u8,
    pub(crate) grant: Grant,
    /// The grant as the operator has written it.
    text: String,
}

/// A component with its grant as they are to stand at a point.
#[derive(Debug)]
pub(crate) struct Placing {
    pub(crate) point: Point,
    pub(crate) order: u8,
    pub(crate) grant: Grant,
    pub(crate) before: Option<GrantInPlace>,
}

impl GrantInPlace {
    /// The WASM hook of a name at a point; none: there is none with a grant.
    pub(crate) fn find(hooks: &Path, point: Point, name: &str) -> anyhow::Result<Option<Self>> {
        let mut found: Vec<Self> = Vec::new();
        for folder in folders_of(hooks, point) {
            for path in components(&folder) {
                let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let grant_path = path.with_extension("toml");
                if own_name(&file_name) != name || !grant_path.is_file() {
                    continue;
                }
                let grant = Grant::read(&grant_path)
                    .with_context(|| format!("{} is there, and its grant cannot be used", path.display()))?;
                let text = std::fs::read_to_string(&grant_path)
                    .with_context(|| format!("cannot read {}", grant_path.display()))?;
                let order = file_name.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(50);
                found.push(Self { path, order, grant, text });
            }
        }
        // one that was moved, by a command that was ended, stands at its new place
        let moved = found.iter().position(|one| one.grant.moved_from.is_some());
        Ok(match moved {
            Some(index) => Some(found.swap_remove(index)),
            None => found.pop(),
        })
    }

    /// The digest of what lies there, if that is a component which the operator has taken.
    fn taken(&self) -> Option<Sha256> {
        let digest = Sha256::of(&disk::read(&self.path).ok()?);
        (digest == self.grant.sha256 || Some(digest) == self.grant.replaces).then_some(digest)
    }
}

/// The folders in which the hooks of a point lie.
fn folders_of(hooks: &Path, point: Point) -> Vec<PathBuf> {
    let mut folders = point_folders(hooks);
    let older = point == Point::PrePublication;
    folders.retain(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name == format!("{point}.d") || (older && name == "publish-distro.d")
    });
    folders
}

/// Puts a hook in place at its points, and takes it away everywhere else in this distribution. Gives the paths of the components.
pub(crate) fn put_in_place(
    hooks: &Path,
    placings: &[Placing],
    name: &str,
    bytes: &[u8],
    asked: &Asked,
) -> anyhow::Result<Vec<PathBuf>> {
    // what can go wrong before anything is written does
    let texts = placings.iter().map(|placing| texts(placing, asked)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut paths = Vec::new();
    for (placing, texts) in placings.iter().zip(texts) {
        let point = placing.point;
        let number = format!("{:02}-{name}.wasm", placing.order);
        let path = match &placing.before {
            // an operator may have given it a name of another shape
            Some(before) if before.order == placing.order => before.path.clone(),
            _ => hooks.join(format!("{point}.d")).join(number),
        };
        let grant = path.with_extension("toml");
        disk::write_atomic(&grant, texts.first.as_bytes(), MODE)?;
        if !disk::read(&path).is_ok_and(|there| there == bytes) {
            disk::write_atomic(&path, bytes, MODE)?;
        }
        if let Some(before) = &placing.before
            && before.path != path
        {
            remove(&before.path)?;
        }
        if texts.last != texts.first {
            disk::write_atomic(&grant, texts.last.as_bytes(), MODE)?;
        }
        paths.push(path);
    }
    for other in point_folders(hooks).iter().flat_map(|folder| components(folder)) {
        let file_name = other.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !paths.contains(&other) && own_name(&file_name) == name {
            remove(&other)?;
        }
    }
    Ok(paths)
}

/// Removes a component and its grant, in this order: a component without a grant would stop publications.
pub(crate) fn remove(component: &Path) -> anyhow::Result<()> {
    disk::remove_file(component)?;
    let folder = component.parent().unwrap_or(Path::new("."));
    disk::sync_folder(folder)?;
    disk::remove_file(&component.with_extension("toml"))?;
    disk::sync_folder(folder)?;
    Ok(())
}

/// What is written into a grant that is there.
pub(crate) fn write_grant(grant: &Path, text: &str) -> anyhow::Result<()> {
    Ok(disk::write_atomic(grant, text.as_bytes(), MODE)?)
}

/// The grant while the component is put in place, and after that.
struct Texts {
    first: String,
    last: String,
}

fn texts(placing: &Placing, asked: &Asked) -> anyhow::Result<Texts> {
    let last = Grant { replaces: None, moved_from: None, ..placing.grant.clone() };
    let Some(before) = &placing.before else {
        let text = new_text(&last, asked)?;
        return Ok(Texts { first: text.clone(), last: text });
    };
    let taken = before.taken();
    let mut first = last.clone();
    first.replaces = taken.filter(|digest| *digest != last.sha256);
    if before.order != placing.order {
        first.moved_from = before.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        first.replaces = None;
    }
    let cannot = || format!("cannot change {}", before.path.with_extension("toml").display());
    Ok(Texts {
        first: changed_text(&before.text, &first, asked).with_context(cannot)?,
        last: changed_text(&before.text, &last, asked).with_context(cannot)?,
    })
}
