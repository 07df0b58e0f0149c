//! What a hook writes into the staged tree: held aside with quotas, applied after it has succeeded, all or nothing.
//!
//! Paths are checked here, whoever asks: relative, plain parts, in a tree that a pass may replace, within the grant, never a Release file or a by-hash name.
//! Nothing follows a link, and nothing waits: a part of a path that is a link, and a name that is a FIFO or the like, is refused.
//!
//! The grant's patterns say what may be written and what may be replaced, which is not the same: an index of the publisher, and what another hook has
//! written in this pass, are somebody's work. A pattern lets them be replaced or removed only if it names files, as `main/cnf/*` does for a folder of the
//! hook's own but not for them: its last part has to be more than wildcards, as in `dists/*/main/binary-*/Packages*`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use globset::GlobSet;
use pressroom_archive::disk::{self, Reader};
use pressroom_archive::dists::Staged;
use pressroom_archive::domain::archive_layout::{DISTS, POOL, may_be_staged};
use pressroom_sandbox::{Entry, StagingError};

use super::grant::patterns;

/// How much a hook may write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) bytes: u64,
    pub(crate) files: usize,
}

const NO_POOL: &str = "the pool is not part of the staged tree";

/// Longest path.
const MAX_PATH_BYTES: usize = 512;
/// Most parts of a path.
const MAX_DEPTH: usize = 16;
/// The files of a suite that the publisher makes, without the endings of their compressed forms; `Release` is that of an architecture's folder.
const PUBLISHERS: [&str; 3] = ["Packages", "Sources", "Release"];

/// The writes of one call.
pub(crate) struct Overlay<'a> {
    staged: &'a Staged,
    /// The suites of this pass: those under dists/ that may be changed.
    suites: &'a [String],
    /// What other hooks have written or removed in this pass.
    others: &'a BTreeSet<String>,
    writable: Writable,
    quota: Quota,
    /// New content, or none for a removed file.
    changes: BTreeMap<String, Option<Vec<u8>>>,
    /// The length of all new content.
    bytes: u64,
}

/// What a grant lets a hook write.
#[derive(Debug, Default)]
pub(crate) struct Writable {
    /// All its patterns.
    any: GlobSet,
    /// Those that name files, which also let it replace what is somebody's work.
    naming: GlobSet,
}

impl Writable {
    /// From the patterns of a grant, which were looked at when it was read.
    pub(crate) fn new(list: &[String]) -> Self {
        let names = |pattern: &&String| {
            let last = pattern.rsplit('/').next().unwrap_or_default();
            last.contains(|char: char| !matches!(char, '*' | '?'))
        };
        let naming: Vec<String> = list.iter().filter(names).cloned().collect();
        Self { any: patterns(list).unwrap_or_default(), naming: patterns(&naming).unwrap_or_default() }
    }
}

impl<'a> Overlay<'a> {
    pub(crate) const fn new(
        staged: &'a Staged,
        suites: &'a [String],
        others: &'a BTreeSet<String>,
        writable: Writable,
        quota: Quota,
    ) -> Self {
        Self { staged, suites, others, writable, quota, changes: BTreeMap::new(), bytes: 0 }
    }

    /// The changes, to be applied.
    pub(crate) fn into_changes(self) -> BTreeMap<String, Option<Vec<u8>>> {
        self.changes
    }

    pub(crate) fn list(&self, folder: &str) -> Result<Vec<Entry>, StagingError> {
        if !folder.is_empty() {
            check_path(folder)?;
            no_links(&self.staged.locate(folder), folder)?;
            if folder.split('/').next() == Some(POOL) {
                return Err(StagingError::Denied(NO_POOL.to_owned()));
            }
        }
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        let trees: Vec<String> = match folder.split('/').next() {
            Some("") | None => self.trees()?,
            Some(_) => vec![folder.to_owned()],
        };
        for tree in trees {
            let path = self.staged.locate(&tree);
            if path.is_file() {
                continue;
            }
            let files = disk::files_below(&path).map_err(|error| StagingError::Failed(error.to_string()))?;
            found.extend(files.into_iter().map(|file| (format!("{tree}/{}", file.path), file.size_bytes)));
        }
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        for (path, content) in self.changes.iter().filter(|(path, _)| path.starts_with(&prefix)) {
            match content {
                Some(content) => drop(found.insert(path.clone(), content.len() as u64)),
                None => drop(found.remove(path)),
            }
        }
        Ok(found.into_iter().map(|(path, size_bytes)| Entry { path, size_bytes }).collect())
    }

    /// The folders at the archive's root that belong to the tree.
    fn trees(&self) -> Result<Vec<String>, StagingError> {
        let mut trees = self.staged.trees();
        let entries = match fs::read_dir(&self.staged.paths().root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(trees),
            other => other.map_err(|error| StagingError::Failed(error.to_string()))?,
        };
        for entry in entries.flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if let Ok(name) = entry.file_name().into_string()
                && is_folder
                && name != POOL
                && !trees.contains(&name)
            {
                trees.push(name);
            }
        }
        trees.sort();
        Ok(trees)
    }

    pub(crate) fn read(&self, path: &str, offset: u64, max_bytes: u32) -> Result<Vec<u8>, StagingError> {
        check_path(path)?;
        match self.changes.get(path) {
            Some(None) => Err(StagingError::NotFound),
            Some(Some(content)) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
                let end = start.saturating_add(max_bytes as usize).min(content.len());
                Ok(content[start..end].to_vec())
            }
            None => {
                let mut file = self.open(path)?;
                let failed = |error: std::io::Error| StagingError::Failed(error.to_string());
                file.seek(SeekFrom::Start(offset)).map_err(failed)?;
                let mut content = Vec::new();
                file.take(u64::from(max_bytes)).read_to_end(&mut content).map_err(failed)?;
                Ok(content)
            }
        }
    }

    /// A whole file, if it is no longer than the quota.
    pub(crate) fn read_whole(&self, path: &str) -> Result<Vec<u8>, StagingError> {
        if let Some(Some(content)) = self.changes.get(path) {
            return Ok(content.clone());
        }
        let most = u32::try_from(self.quota.bytes).unwrap_or(u32::MAX).min(u32::MAX - 1);
        let content = self.read(path, 0, most + 1)?;
        if content.len() > most as usize {
            return Err(StagingError::Quota(format!("{path} is longer than {most} bytes")));
        }
        Ok(content)
    }

    /// Opens a file of the tree; links are not followed, on the way or at the end.
    fn open(&self, path: &str) -> Result<Reader, StagingError> {
        if path.starts_with("pool/") {
            return Err(StagingError::Denied(NO_POOL.to_owned()));
        }
        let at = self.staged.locate(path);
        no_links(&at, path)?;
        // A FIFO would hold whoever opens it for reading.
        match fs::symlink_metadata(&at) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(StagingError::BadPath(format!("{path} is no file")));
            }
            _ => {}
        }
        match disk::open(&at).map_err(|error| error.source) {
            Ok(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => Ok(file),
            Ok(_) => Err(StagingError::BadPath(format!("{path} is no file"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(StagingError::NotFound),
            Err(error) => Err(StagingError::Failed(error.to_string())),
        }
    }

    pub(crate) fn write(&mut self, path: &str, content: Vec<u8>) -> Result<(), StagingError> {
        self.check_writable(path)?;
        self.bytes = self.check_quota(path, content.len())?;
        self.changes.insert(path.to_owned(), Some(content));
        Ok(())
    }

    pub(crate) fn append(&mut self, path: &str, more: &[u8]) -> Result<(), StagingError> {
        let Some(Some(content)) = self.changes.get(path) else {
            return Err(StagingError::BadPath(format!(
                "{path} was not written in this call: write it first"
            )));
        };
        let length = content.len() + more.len();
        self.bytes = self.check_quota(path, length)?;
        if let Some(Some(content)) = self.changes.get_mut(path) {
            content.extend_from_slice(more);
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, path: &str) -> Result<(), StagingError> {
        self.check_writable(path)?;
        match self.changes.get(path) {
            Some(None) => return Err(StagingError::NotFound),
            Some(Some(_)) => {}
            None => drop(self.open(path)?),
        }
        self.bytes = self.check_quota(path, 0)?;
        self.changes.insert(path.to_owned(), None);
        Ok(())
    }

    fn check_writable(&self, path: &str) -> Result<(), StagingError> {
        check_path(path)?;
        if !self.writable.any.is_match(path) {
            return Err(StagingError::Denied(format!("{path} is not within what the grant lets it write")));
        }
        let whose = if is_publishers(path) {
            Some("the publisher")
        } else if self.others.contains(path) {
            Some("another hook")
        } else {
            None
        };
        if let Some(whose) = whose
            && !self.writable.naming.is_match(path)
        {
            return Err(StagingError::Denied(format!(
                "{path} is a file of {whose}: only a pattern that names files, not one that ends in a wildcard alone, lets it be replaced"
            )));
        }
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            [DISTS, suite, rest @ ..] => {
                if !self.suites.iter().any(|name| name == suite) {
                    return Err(StagingError::Denied(format!("this pass does not publish {suite}")));
                }
                if let ["Release" | "InRelease" | "Release.gpg"] = rest {
                    return Err(StagingError::Denied(format!(
                        "{path} is written and signed by the publisher alone"
                    )));
                }
                if rest.contains(&"by-hash") {
                    return Err(StagingError::Denied(format!(
                        "{path}: names under by-hash are the publisher's"
                    )));
                }
                if rest.is_empty() {
                    return Err(StagingError::BadPath(format!("{path} is a folder")));
                }
            }
            [POOL, ..] => {
                return Err(StagingError::Denied(NO_POOL.to_owned()));
            }
            [tree, ..] if *tree != DISTS && !may_be_staged(tree) => {
                return Err(StagingError::BadPath(format!(
                    "{tree} cannot be a folder at the archive's root"
                )));
            }
            [_] => {
                return Err(StagingError::BadPath(format!(
                    "{path}: files lie in folders, as indices/{path}"
                )));
            }
            _ => {}
        }
        let at = self.staged.locate(path);
        no_links(&at, path)?;
        let below = format!("{path}/");
        let is_folder = self
            .changes
            .range(below.clone()..)
            .take_while(|(other, _)| other.starts_with(&below))
            .any(|(_, content)| content.is_some());
        let is_below_a_file = path
            .match_indices('/')
            .any(|(end, _)| self.changes.get(&path[..end]).is_some_and(Option::is_some));
        if is_folder || is_below_a_file || at.is_dir() {
            return Err(StagingError::BadPath(format!("{path} would be a file and a folder at once")));
        }
        match fs::symlink_metadata(&at) {
            Ok(metadata) if !metadata.is_file() => {
                Err(StagingError::BadPath(format!("{path} is there, and no file")))
            }
            _ => Ok(()),
        }
    }

    /// The length of all new content once that of `path` has this one.
    fn check_quota(&self, path: &str, length: usize) -> Result<u64, StagingError> {
        let before = self.changes.get(path);
        let files = self.changes.len() + usize::from(before.is_none());
        let bytes = self.bytes - before.and_then(Option::as_ref).map_or(0, Vec::len) as u64 + length as u64;
        if files > self.quota.files {
            return Err(StagingError::Quota(format!("more than {} files", self.quota.files)));
        }
        if bytes > self.quota.bytes {
            return Err(StagingError::Quota(format!("more than {} bytes", self.quota.bytes)));
        }
        Ok(bytes)
    }
}

/// Whether a path is that of an index in any of its forms, or of another file that the publisher makes in a suite.
fn is_publishers(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    path.starts_with("dists/") && PUBLISHERS.contains(&stem)
}

/// A path that can be nothing but a file below the archive's root.
fn check_path(path: &str) -> Result<(), StagingError> {
    let bad = |what: &str| {
        Err(StagingError::BadPath(format!("{:?} {what}", path.chars().take(80).collect::<String>())))
    };
    if path.len() > MAX_PATH_BYTES {
        return bad("is too long");
    }
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() > MAX_DEPTH {
        return bad("is too deep");
    }
    for part in parts {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+~:@%=,".contains(&byte);
        if part.is_empty() || part.starts_with('.') || !part.bytes().all(plain) {
            return bad(
                "is not a plain relative path: parts are of letters, digits and ._-+~:@%=, and do not begin with a dot",
            );
        }
    }
    Ok(())
}

/// Refuses a path of which a part below the archives' folder is a link, or a folder's name is a file.
fn no_links(at: &Path, path: &str) -> Result<(), StagingError> {
    let depth = path.split('/').count();
    for (height, part) in at.ancestors().take(depth).enumerate() {
        let Ok(metadata) = fs::symlink_metadata(part) else { continue };
        if metadata.is_symlink() {
            return Err(StagingError::Denied(format!("{path} leads over a link")));
        }
        if height > 0 && !metadata.is_dir() {
            return Err(StagingError::BadPath(format!("{path} would be below a file")));
        }
    }
    Ok(())
}

/// Applies what a hook has written.
pub(crate) fn apply(staged: &mut Staged, changes: &BTreeMap<String, Option<Vec<u8>>>) -> anyhow::Result<()> {
    for (path, content) in changes {
        staged.stage_tree(path.split('/').next().unwrap_or(path))?;
        let at = staged.locate(path);
        // the live folder may have been another one when the hook asked; what is staged now is nobody else's
        no_links(&at, path).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
        match content {
            Some(content) => disk::write_staged(&at, content)?,
            None => disk::remove_file(&at)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pressroom_archive::disk::{Sharing, write_staged};
    use pressroom_archive::dists::ArchivePaths;

    use super::*;

    struct Fixture {
        _folder: tempfile::TempDir,
        paths: ArchivePaths,
        staged: Staged,
        suites: Vec<String>,
        others: BTreeSet<String>,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let paths = ArchivePaths::new(folder.path(), &"debian".parse().unwrap());
        write_staged(&paths.root.join("dists/s/main/x"), b"0123456789").unwrap();
        write_staged(&paths.root.join("indices/old"), b"old").unwrap();
        write_staged(&paths.root.join("pool/main/h/hello/x.deb"), b"deb").unwrap();
        std::os::unix::fs::symlink("/etc", paths.root.join("dists/s/link")).unwrap();
        let staged = Staged::begin(&paths, pressroom_archive::domain::PassId(1), Sharing::HardLinks).unwrap();
        let others = BTreeSet::from(["indices/others".to_owned()]);
        Fixture { _folder: folder, paths, staged, suites: vec!["s".into()], others }
    }

    fn overlay(fixture: &Fixture) -> Overlay<'_> {
        let writable: Vec<String> = [
            "~x/*".into(),
            "a.old/*".into(),
            "dists/s/**".into(),
            "indices/*".into(),
            "project/**".into(),
            "*".into(),
            "pool/**".into(),
            "journal/*".into(),
            "snapshots/*".into(),
            "ls-lR.gz/*".into(),
        ]
        .into();
        overlay_with(fixture, &writable)
    }

    fn overlay_with<'a>(fixture: &'a Fixture, writable: &[String]) -> Overlay<'a> {
        let writable = Writable::new(writable);
        let quota = Quota { bytes: 100, files: 3 };
        Overlay::new(&fixture.staged, &fixture.suites, &fixture.others, writable, quota)
    }

    #[test]
    fn a_hook_reads_its_own_writes_and_nothing_is_there_before_they_are_applied() {
        let mut fixture = fixture();
        let mut writes = overlay(&fixture);
        writes.write("indices/new", b"a".to_vec()).unwrap();
        writes.append("indices/new", b"bc").unwrap();
        writes.remove("indices/old").unwrap();
        assert_eq!(writes.read("indices/new", 1, 9).unwrap(), b"bc");
        assert_eq!(writes.read("indices/old", 0, 9), Err(StagingError::NotFound));
        assert_eq!(writes.read("dists/s/main/x", 8, 9).unwrap(), b"89");
        let paths: Vec<String> = writes.list("").unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, ["dists/s/main/x", "indices/new"]);
        assert!(!fixture.staged.locate("indices/new").exists());
        let changes = writes.into_changes();
        apply(&mut fixture.staged, &changes).unwrap();
        assert_eq!(fs::read(fixture.staged.locate("indices/new")).unwrap(), b"abc");
        assert!(!fixture.staged.locate("indices/old").exists());
        assert!(fixture.paths.root.join("indices/old").exists(), "the live tree is as it was");
    }

    #[test]
    fn no_path_leads_out_of_the_tree_or_over_what_is_the_publishers() {
        let fixture = fixture();
        let mut writes = overlay(&fixture);
        for path in [
            "../x",
            "/etc/passwd",
            "indices/../../x",
            "indices//x",
            "",
            "indices/.hidden",
            "indices/a b",
            "indices/\u{e9}",
            "top",
            "dists/s",
            "~x/y",
            "a.old/y",
            "dists/s/main",
            "dists/s/main/x/y",
        ] {
            let result = writes.write(path, Vec::new());
            assert!(
                matches!(result, Err(StagingError::BadPath(_) | StagingError::Denied(_))),
                "{path}: {result:?}"
            );
        }
        for path in [
            "dists/s/Release",
            "dists/s/InRelease",
            "dists/s/main/by-hash/SHA256/0",
            "dists/other/x",
            "pool/main/x",
            "journal/1",
            "snapshots/x",
            "ls-lR.gz/x",
            "dists/s/link/passwd",
            "other/x",
        ] {
            let result = writes.write(path, Vec::new());
            assert!(
                matches!(result, Err(StagingError::Denied(_) | StagingError::BadPath(_))),
                "{path}: {result:?}"
            );
        }
        assert!(writes.read("dists/s/link/passwd", 0, 9).is_err());
        for folder in ["dists/s/link", "dists/s/link/ssl", "pool", "pool/main", "../x"] {
            assert!(writes.list(folder).is_err(), "{folder}");
        }
        assert!(writes.read("pool/main/h/hello/x.deb", 0, 9).is_err());
        assert!(writes.write(&"a/".repeat(300), Vec::new()).is_err());
        assert!(writes.into_changes().is_empty());
    }

    /// The paths of the table that the SDK's fake host is held to as well, with their verdicts.
    fn table() -> Vec<(&'static str, String)> {
        let lines = include_str!("../../../plugin-sdk/src/staging-paths.txt").lines();
        let cases = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        cases
            .map(|line| {
                let (verdict, path) = line.split_once(' ').unwrap_or((line, ""));
                let mut path = path.replace("\\0", "\0").replace("\\n", "\n");
                if let Some((front, (times, (text, back)))) = path
                    .split_once('{')
                    .and_then(|(front, rest)| Some((front, rest.split_once('*')?)))
                    .and_then(|(front, (times, rest))| Some((front, (times, rest.split_once('}')?))))
                {
                    path = format!("{front}{}{back}", text.repeat(times.parse().unwrap()));
                }
                (verdict, path)
            })
            .collect()
    }

    #[test]
    fn paths_are_judged_as_the_table_has_it() {
        let fixture = fixture();
        assert!(table().len() > 30);
        for (verdict, path) in table() {
            let judged = match overlay(&fixture).write(&path, Vec::new()) {
                Ok(()) => "ok",
                Err(StagingError::BadPath(_)) => "bad-path",
                Err(StagingError::Denied(_)) => "denied",
                Err(other) => panic!("{path}: {other:?}"),
            };
            assert!(judged == verdict, "{path:?} is {judged}, not {verdict}");
        }
    }

    #[test]
    fn quotas_count_what_is_held() {
        let fixture = fixture();
        let mut writes = overlay(&fixture);
        assert!(matches!(writes.write("indices/a", vec![0; 101]), Err(StagingError::Quota(_))));
        writes.write("indices/a", vec![0; 100]).unwrap();
        assert!(matches!(writes.append("indices/a", b"x"), Err(StagingError::Quota(_))));
        writes.write("indices/a", vec![0; 10]).unwrap();
        writes.write("indices/b", Vec::new()).unwrap();
        writes.write("indices/c", Vec::new()).unwrap();
        assert!(matches!(writes.write("indices/d", Vec::new()), Err(StagingError::Quota(_))));
        // what is replaced counts once, what is removed again not at all
        writes.write("indices/b", vec![0; 90]).unwrap();
        assert!(matches!(writes.append("indices/c", b"x"), Err(StagingError::Quota(_))));
        writes.remove("indices/b").unwrap();
        writes.write("indices/c", vec![0; 90]).unwrap();
    }

    #[test]
    fn a_file_cannot_be_a_folder_as_well() {
        let fixture = fixture();
        let mut writes = overlay(&fixture);
        writes.write("project/a", Vec::new()).unwrap();
        assert!(writes.write("project/a/b", Vec::new()).is_err());
        writes.write("project/c/d", Vec::new()).unwrap();
        assert!(writes.write("project/c", Vec::new()).is_err());
        assert!(writes.append("indices/old", b"x").is_err());
        // a file that was removed is in nobody's way
        writes.remove("project/a").unwrap();
        writes.write("project/a/b", Vec::new()).unwrap();
    }

    #[test]
    fn what_is_somebodys_work_is_replaced_only_by_a_pattern_that_names_files() {
        let fixture = fixture();
        let index = "dists/s/main/binary-amd64/Packages.xz";
        let paths =
            [index, "dists/s/main/source/Sources", "dists/s/main/binary-amd64/Release", "indices/others"];
        let mut wild =
            overlay_with(&fixture, &["dists/s/**".into(), "dists/s/*/*/*".into(), "indices/*".into()]);
        for path in paths {
            for result in [wild.write(path, Vec::new()), wild.remove(path)] {
                assert!(matches!(result, Err(StagingError::Denied(_))), "{path}: {result:?}");
            }
        }
        // what it has itself left there in an earlier pass, or nobody has, it may
        wild.write("indices/old", Vec::new()).unwrap();
        wild.write("dists/s/main/Contents-amd64.gz", Vec::new()).unwrap();
        for (pattern, path) in [
            ("dists/s/main/binary-*/Packages*", index),
            ("dists/s/**/Packages.xz", index),
            ("indices/o*", "indices/others"),
        ] {
            let mut named = overlay_with(&fixture, &[pattern.into()]);
            named.write(path, Vec::new()).unwrap();
        }
        // naming does not help where nothing may be written
        let mut named = overlay_with(&fixture, &["dists/s/Release".into(), "pool/**/x.deb".into()]);
        for path in ["dists/s/Release", "pool/main/h/hello/x.deb"] {
            assert!(matches!(named.write(path, Vec::new()), Err(StagingError::Denied(_))), "{path}");
        }
    }

    #[test]
    fn a_link_that_appears_after_a_write_was_taken_is_not_followed() {
        let mut fixture = fixture();
        let outside = fixture.paths.root.join("../outside");
        write_staged(&outside.join("old"), b"untouched").unwrap();
        let writes = BTreeMap::from([
            ("indices/sub/old".to_owned(), None),
            ("indices/sub/x".to_owned(), Some(Vec::new())),
        ]);
        std::os::unix::fs::symlink(&outside, fixture.paths.root.join("indices/sub")).unwrap();
        assert!(apply(&mut fixture.staged, &writes).unwrap_err().to_string().contains("over a link"));
        // nor is a whole tree that is one
        std::os::unix::fs::symlink(&outside, fixture.paths.root.join("project")).unwrap();
        let writes = BTreeMap::from([("project/x".to_owned(), Some(Vec::new()))]);
        assert!(apply(&mut fixture.staged, &writes).is_err());
        assert_eq!(fs::read(outside.join("old")).unwrap(), b"untouched");
        assert!(!outside.join("x").exists());
    }

    #[test]
    fn a_fifo_holds_nobody() {
        let fixture = fixture();
        let fifo = |path: &str| {
            let at = fixture.staged.locate(path);
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mknodat(rustix::fs::CWD, &at, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        };
        fifo("dists/s/main/fifo");
        fifo("indices/fifo");
        let mut writes = overlay(&fixture);
        for path in ["dists/s/main/fifo", "indices/fifo"] {
            assert!(matches!(writes.read(path, 0, 9), Err(StagingError::BadPath(_))), "{path}");
            assert!(matches!(writes.read_whole(path), Err(StagingError::BadPath(_))), "{path}");
            assert!(writes.remove(path).is_err(), "{path}");
            assert!(writes.write(path, b"x".to_vec()).is_err(), "{path}");
        }
        let paths: Vec<String> = writes.list("").unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, ["dists/s/main/x", "indices/old"]);
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let fixture = fixture();
        write_staged(&fixture.staged.locate("dists/s/main/long"), &[b'x'; 101]).unwrap();
        write_staged(&fixture.staged.locate("dists/s/main/fits"), &[b'x'; 100]).unwrap();
        let writes = overlay(&fixture);
        assert!(matches!(writes.read_whole("dists/s/main/long"), Err(StagingError::Quota(_))));
        assert_eq!(writes.read_whole("dists/s/main/fits").unwrap().len(), 100);
    }
}
