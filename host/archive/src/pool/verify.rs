//! Looking again at the pool's files of what is published.
//!
//! A file that is lost is linked anew from the librarian, a link that is lost or leads elsewhere is made anew, and a name that the rows do not have is
//! recorded. A file is read and its content compared, also where it is the librarian's own: whoever wrote into one has written into both. Other content is
//! never touched, only said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use rayon::prelude::*;

use super::layout::{self, PoolPath};
use super::publish::{Named, Pool, PoolError, component_names, record};
use crate::disk::{self, DiskError, During};
use crate::domain::ComponentId;
use crate::domain::digest::digest_reader;
use crate::domain::name::ComponentName;
use crate::store::Db;
use crate::store::pool_need::NeededFile;

/// What was found and done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many names were looked at.
    pub files: usize,
    /// The names that were made again, sorted.
    pub made_again: Vec<String>,
    /// What is wrong and was left as it is, for a person, sorted.
    pub problems: Vec<String>,
}

/// Looks at the names of published files, and makes those again that were lost.
///
/// # Errors
/// When the disk or the database fails; the names made so far stay.
pub fn verify_pool(
    db: &mut Db,
    pool: Pool<'_>,
    published: &[NeededFile],
    now: Timestamp,
) -> Result<Verified, PoolError> {
    let components = component_names(db.read(), published)?;
    let mut files: Vec<&NeededFile> = published.iter().collect();
    files.sort_by(|one, other| (&one.source, &one.filename).cmp(&(&other.source, &other.filename)));
    let by_name: Vec<&[&NeededFile]> = files
        .chunk_by(|one, other| (&one.source, &one.filename) == (&other.source, &other.filename))
        .collect();
    let seen: Vec<Seen> =
        by_name.par_iter().map(|wanted| look(&pool, &components, wanted)).collect::<Result<_, _>>()?;
    let mut verified = Verified::default();
    let mut names = Vec::new();
    for mut one in seen {
        verified.files += one.looked_at;
        verified.made_again.append(&mut one.made_again);
        verified.problems.append(&mut one.problems);
        names.append(&mut one.unrecorded);
    }
    if !verified.made_again.is_empty() || !names.is_empty() {
        disk::sync_filesystem(pool.root)?;
        db.write(|tx| record(tx, &names, pool.archive, now))?;
    }
    verified.made_again.sort_unstable();
    verified.problems.sort_unstable();
    verified.problems.dedup();
    Ok(verified)
}

/// What was seen of one name in all its components.
#[derive(Debug, Default)]
struct Seen {
    looked_at: usize,
    made_again: Vec<String>,
    problems: Vec<String>,
    unrecorded: Vec<Named>,
}

/// Looks at the names of one file of one source.
fn look(
    pool: &Pool<'_>,
    components: &BTreeMap<ComponentId, ComponentName>,
    wanted: &[&NeededFile],
) -> Result<Seen, DiskError> {
    let mut seen = Seen::default();
    let Some(first) = wanted.first().copied() else { return Ok(seen) };
    let path =
        |component: ComponentId| PoolPath::new(&components[&component], &first.source, &first.filename);
    for other in wanted.iter().filter(|file| file.sha256 != first.sha256) {
        seen.problems.push(format!(
            "{} is published with two contents, {} and {}: the archive's rows are damaged",
            path(other.component),
            first.sha256,
            other.sha256
        ));
    }
    let mut wanting: Vec<ComponentId> = wanted.iter().map(|file| file.component).collect();
    wanting.sort_unstable();
    wanting.dedup();
    // who has the file goes on having it; where nobody has, the most preferred
    let recorded = first.names.iter().find(|name| !name.is_symlink).map(|name| name.component);
    let Some(real) = recorded.or_else(|| layout::holder(pool.preference, &wanting).copied()) else {
        return Ok(seen);
    };
    seen.looked_at += 1;
    let real_path = path(real);
    let mut sound = true;
    match look_at_file(pool, first, &real_path.below(pool.root))? {
        File::Sound => {}
        File::MadeAgain => seen.made_again.push(real_path.to_string()),
        File::Wrong(reason) => {
            sound = false;
            seen.problems.push(format!("{real_path} {reason}"));
        }
    }
    for component in wanting.iter().copied().filter(|component| *component != real) {
        seen.looked_at += 1;
        let link = path(component);
        let target = link.link_to(&components[&real]);
        match look_at_link(&link.below(pool.root), &target)? {
            Link::Sound => {}
            Link::Lost => {
                disk::symlink(&target, &link.below(pool.root))?;
                seen.made_again.push(link.to_string());
            }
            Link::Other => {
                seen.problems.push(format!(
                    "{link} is no link to {real_path}, which nobody here has made: move it away and run again"
                ));
            }
        }
    }
    let is_recorded = |component: ComponentId| first.names.iter().any(|name| name.component == component);
    let all: BTreeSet<ComponentId> = wanting.iter().copied().chain([real]).collect();
    seen.unrecorded.extend(all.into_iter().filter(|component| sound && !is_recorded(*component)).map(
        |component| Named {
            component,
            source: first.source.clone(),
            filename: first.filename.clone(),
            content: first.content,
            is_symlink: component != real,
        },
    ));
    Ok(seen)
}

enum File {
    Sound,
    MadeAgain,
    /// What is wrong with it, as the end of a sentence.
    Wrong(String),
}

fn look_at_file(pool: &Pool<'_>, wanted: &NeededFile, path: &Path) -> Result<File, DiskError> {
    let original = pool.librarian.path(&wanted.sha256);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).during("look at", path),
    };
    let made_again = match metadata {
        Some(metadata) if metadata.is_file() => false,
        Some(metadata) if !metadata.is_symlink() => {
            return Ok(File::Wrong("is no file: move it away and run again".to_owned()));
        }
        // a link where the file belongs gives way to it
        link => {
            if !original.try_exists().during("look at", &original)? {
                return Ok(File::Wrong(format!(
                    "is lost, and the librarian does not have it either ({}): restore one of the two",
                    wanted.sha256
                )));
            }
            if link.is_some() {
                disk::link_or_copy(&original, path)?;
            } else {
                disk::link_or_copy_new(&original, path)?;
            }
            true
        }
    };
    let found = digest_reader(disk::open(path)?).during("read", path)?;
    if found.sha256 != wanted.sha256 || found.size_bytes != wanted.size_bytes {
        return Ok(File::Wrong(format!(
            "has other content ({}, not {}): restore it, and the librarian's original, which may be the same file",
            found.sha256, wanted.sha256
        )));
    }
    Ok(if made_again { File::MadeAgain } else { File::Sound })
}

enum Link {
    Sound,
    Lost,
    Other,
}

fn look_at_link(path: &Path, target: &Path) -> Result<Link, DiskError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            let leads_to = fs::read_link(path).during("read the link", path)?;
            Ok(if leads_to == target { Link::Sound } else { Link::Lost })
        }
        Ok(_) => Ok(Link::Other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Link::Lost),
        Err(error) => Err(error).during("look at", path),
    }
}
