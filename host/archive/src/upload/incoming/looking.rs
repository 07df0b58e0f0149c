//! A scan under way: which leaves there are, what goes with each, and what is still waited for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FileType, Stat};

use super::{
    Arriving, Found, Incoming, LOOK_AGAIN, Leaf, LeafKind, Listing, MAX_DEPTH, MAX_ENTRIES, MAX_STRANGERS,
    Patience, Scan, Shared, changed, entries, is_changes, is_log_of, is_others, kind, listing, marked, near,
};
use crate::disk::{DiskError, During};
use crate::domain::plain;

/// A scan under way.
pub(super) struct Looking<'a> {
    pub(super) incoming: &'a Incoming,
    pub(super) patience: &'a Patience,
    pub(super) now: Timestamp,
    pub(super) scan: Scan,
}

/// What an upload is waited for: how long, and why.
struct Wait(SignedDuration, String);

impl Looking<'_> {
    /// How long ago something was; a time to come is no time to wait for, since the clock has been set.
    fn age(&self, changed: Timestamp) -> SignedDuration {
        let age = self.now.duration_since(changed);
        if age < -SignedDuration::from_mins(1) { SignedDuration::MAX } else { age }
    }

    /// Says that something still arrives, if it does.
    fn waits(&mut self, name: &str, newest: Timestamp, wait: Option<Wait>) -> bool {
        let settle = Wait(self.patience.settle, "it has changed a moment ago".to_owned());
        for Wait(patience, why) in std::iter::once(settle).chain(wait) {
            if self.age(newest) < patience {
                self.scan.arriving.push(Arriving {
                    name: name.to_owned(),
                    why,
                    look_again: newest.saturating_add(patience).unwrap_or(self.now),
                });
                return true;
            }
        }
        false
    }

    /// A folder in which the uploads of many lie side by side.
    pub(super) fn shared_folder(
        &mut self,
        below: &Path,
        words: &[String],
        stands: &dyn Fn(&str) -> bool,
    ) -> Result<(), DiskError> {
        let folder = self.incoming.open_folder(below)?;
        let at = self.incoming.path.join(below);
        let Some(entries) = entries(folder.as_fd(), usize::MAX).during("read the folder", &at)? else {
            return Ok(());
        };
        // files that begin with a dot are the transport's own
        let seen = || entries.iter().filter(|(name, _)| !name.as_bytes().starts_with(b"."));
        let mut listings: BTreeMap<&OsStr, Listing> = BTreeMap::new();
        let mut listed_by: BTreeMap<String, usize> = BTreeMap::new();
        for (name, stat) in seen().filter(|(name, _)| is_changes(name)) {
            if kind(stat) != FileType::RegularFile {
                continue;
            }
            let listing = listing(folder.as_fd(), name);
            if let Listing::Files(files) = &listing {
                for (file, _) in files {
                    *listed_by.entry(file.clone()).or_default() += 1;
                }
            }
            listings.insert(name, listing);
        }
        for (changes, listing) in &listings {
            self.flat(below, words, changes, listing, &entries, &listed_by);
        }
        for (name, stat) in seen() {
            let display = display(&below.join(name));
            match kind(stat) {
                FileType::Directory => {
                    let word = name.to_str();
                    if let Some(word) = word
                        && words.len() < MAX_DEPTH
                        && (!words.is_empty() || stands(word))
                    {
                        let words: Vec<String> = words.iter().cloned().chain([word.to_owned()]).collect();
                        // one that nobody may read is not in the way of the others
                        if let Err(error) = self.shared_folder(&below.join(name), &words, stands) {
                            // nothing tells when that has changed
                            let look_again = self.now.saturating_add(LOOK_AGAIN).unwrap_or(self.now);
                            let why = format!("{error}: {}", error.source);
                            self.scan.arriving.push(Arriving { name: display, why, look_again });
                        }
                    } else {
                        self.own_folder(&below.join(name), below, name);
                    }
                }
                FileType::RegularFile => {
                    let is_log =
                        marked(name).is_some() && listings.keys().any(|changes| is_log_of(name, changes));
                    let is_listed = name.to_str().is_some_and(|name| listed_by.contains_key(name));
                    let is_marker = marked(name).is_some_and(|file| entries.contains_key(file)) && !is_log;
                    if listings.contains_key(name.as_os_str()) || is_listed || is_log || is_marker {
                        continue;
                    }
                    if self.age(changed(stat)) >= self.patience.orphans.max(self.patience.settle) {
                        self.stray(
                            below,
                            name,
                            display,
                            "no .changes lists it: send it with the .changes that does",
                        );
                    }
                }
                FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {
                    if self.age(changed(stat)) >= self.patience.settle {
                        self.stray(
                            below,
                            name,
                            display,
                            "it is neither a file nor a folder: send the file itself",
                        );
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn stray(&mut self, below: &Path, file: &OsStr, name: String, trouble: &str) {
        self.scan.ready.push(Leaf {
            name,
            folder: below.to_owned(),
            file: file.to_owned(),
            kind: LeafKind::Stray,
            uploads: Vec::new(),
            trouble: Some(trouble.to_owned()),
        });
    }

    /// A `.changes` in a shared folder.
    pub(super) fn flat(
        &mut self,
        below: &Path,
        words: &[String],
        changes: &OsStr,
        listing: &Listing,
        entries: &BTreeMap<OsString, Stat>,
        listed_by: &BTreeMap<String, usize>,
    ) {
        let name = display(&below.join(changes));
        let mut newest = entries.get(changes).map_or(self.now, changed);
        let mut files: Vec<(OsString, Shared)> = Vec::new();
        let mut wait = None;
        let none = Vec::new();
        let listed = match listing {
            Listing::Files(files) => files,
            Listing::CutOff => {
                wait = Some(Wait(self.patience.grace, "its .changes is not all there".to_owned()));
                &none
            }
            Listing::Unknown => &none,
        };
        let mut missing = Vec::new();
        let mut markers = vec![changes.to_owned()];
        for (file, size_bytes) in listed {
            markers.push(file.into());
            let Some(stat) = entries.get(OsStr::new(file)) else {
                missing.push(file.as_str());
                continue;
            };
            // whoever names what others have sent gets none of it
            if is_others(OsStr::new(file), stat) {
                continue;
            }
            newest = newest.max(changed(stat));
            if kind(stat) == FileType::RegularFile && u64::try_from(stat.st_size).unwrap_or(0) < *size_bytes {
                missing.push(file);
            }
            let shared =
                if listed_by.get(file).is_some_and(|count| *count > 1) { Shared::Yes } else { Shared::No };
            files.push((file.into(), shared));
        }
        if !missing.is_empty() {
            wait = Some(lacks(self.patience, &missing));
        }
        for mut marker in markers {
            marker.push(".upload");
            if let Some(stat) = entries.get(&marker).filter(|stat| !is_others(&marker, stat)) {
                newest = newest.max(changed(stat));
                wait = Some(being_sent(self.patience));
                files.push((marker, Shared::No));
            }
        }
        let logs =
            near(entries, changes).filter(|(name, stat)| is_log_of(name, changes) && !is_others(name, stat));
        files.extend(logs.map(|(name, _)| (name.clone(), Shared::No)));
        if self.waits(&name, newest, wait) {
            return;
        }
        // a name that is not UTF-8 cannot be one
        let uploads = changes.to_str().map(|changes| Found {
            folder: below.to_owned(),
            target: words.to_vec(),
            changes: changes.to_owned(),
            below: changes.to_owned(),
        });
        let trouble = uploads.is_none().then(|| "its name is not UTF-8".to_owned());
        self.scan.ready.push(Leaf {
            name,
            folder: below.to_owned(),
            file: changes.to_owned(),
            kind: LeafKind::Changes { files },
            uploads: uploads.into_iter().collect(),
            trouble,
        });
    }

    /// A folder that is one upload.
    pub(super) fn own_folder(&mut self, path: &Path, below: &Path, file: &OsStr) {
        let name = display(path);
        let mut inside = Inside { newest: Timestamp::UNIX_EPOCH, ..Inside::default() };
        let walked = self.walk(path, &[], &mut inside);
        let mut trouble = match walked {
            Ok(()) => None,
            // it was taken away meanwhile
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => Some(format!("it cannot be read: {}", error.source)),
        };
        if inside.count > MAX_ENTRIES {
            trouble = Some(format!("it has more than {MAX_ENTRIES} files and folders: send fewer at a time"));
            inside.uploads.clear();
        } else if inside.uploads.is_empty() && trouble.is_none() {
            inside.wait = Some(Wait(self.patience.grace, "it has no .changes yet".to_owned()));
            let strangers = inside.strangers.join(", ");
            trouble = Some(if strangers.is_empty() {
                "it is empty".to_owned()
            } else {
                format!("it has no .changes, only {strangers}")
            });
        }
        if self.waits(&name, inside.newest, inside.wait.take()) {
            return;
        }
        inside.uploads.sort_by(|one, other| {
            (!one.is_source(), &one.folder, &one.changes).cmp(&(
                !other.is_source(),
                &other.folder,
                &other.changes,
            ))
        });
        self.scan.ready.push(Leaf {
            name,
            folder: below.to_owned(),
            file: file.to_owned(),
            kind: LeafKind::Folder,
            uploads: inside.uploads,
            trouble,
        });
    }

    fn walk(&self, path: &Path, words: &[String], inside: &mut Inside) -> Result<(), DiskError> {
        let at = self.incoming.path.join(path);
        let folder = self.incoming.open_folder(path)?;
        let own = rustix::fs::fstat(&folder).during("look at", &at)?;
        inside.newest = inside.newest.max(changed(&own));
        let left = MAX_ENTRIES.saturating_sub(inside.count);
        let Some(entries) = entries(folder.as_fd(), left).during("read the folder", &at)? else {
            inside.count = MAX_ENTRIES + 1;
            return Ok(());
        };
        inside.count += entries.len();
        let changes: Vec<&OsString> = entries.keys().filter(|name| is_changes(name)).collect();
        for (name, stat) in &entries {
            inside.newest = inside.newest.max(changed(stat));
            if kind(stat) == FileType::Directory {
                let Some(word) = name.to_str().filter(|_| words.len() < MAX_DEPTH) else { continue };
                let words: Vec<String> = words.iter().cloned().chain([word.to_owned()]).collect();
                self.walk(&path.join(name), &words, inside)?;
                if inside.count > MAX_ENTRIES {
                    return Ok(());
                }
                continue;
            }
            if marked(name).is_some() && !changes.iter().any(|changes| is_log_of(name, changes)) {
                inside.wait = Some(being_sent(self.patience));
            }
            if !is_changes(name) {
                if inside.strangers.len() < MAX_STRANGERS {
                    inside.strangers.push(name.to_string_lossy().escape_debug().to_string());
                }
                continue;
            }
            let Some(text) = name.to_str() else { continue };
            match listing(folder.as_fd(), name) {
                Listing::Files(files) => {
                    let missing: Vec<&str> = files
                        .iter()
                        .filter(|(file, size_bytes)| {
                            entries.get(OsStr::new(file)).is_none_or(|stat| {
                                kind(stat) == FileType::RegularFile
                                    && u64::try_from(stat.st_size).unwrap_or(0) < *size_bytes
                            })
                        })
                        .map(|(file, _)| file.as_str())
                        .collect();
                    if !missing.is_empty() {
                        inside.wait = Some(lacks(self.patience, &missing));
                    }
                }
                Listing::CutOff => {
                    inside.wait = Some(Wait(self.patience.grace, "its .changes is not all there".to_owned()));
                }
                Listing::Unknown => {}
            }
            inside.uploads.push(Found {
                folder: path.to_owned(),
                target: words.to_vec(),
                changes: text.to_owned(),
                below: words.iter().map(|word| format!("{word}/")).collect::<String>() + text,
            });
        }
        Ok(())
    }
}

/// What is known of a folder that is one upload.
#[derive(Default)]
struct Inside {
    newest: Timestamp,
    count: usize,
    uploads: Vec<Found>,
    strangers: Vec<String>,
    wait: Option<Wait>,
}

fn lacks(patience: &Patience, missing: &[&str]) -> Wait {
    let some: Vec<&str> = missing.iter().copied().take(MAX_STRANGERS).collect();
    Wait(patience.grace, format!("files that it lists are not all there yet: {}", some.join(", ")))
}

fn being_sent(patience: &Patience) -> Wait {
    Wait(patience.grace, "a file that ends in .upload says that it is being sent".to_owned())
}

/// A path as people and rows have it: anybody may have chosen it.
fn display(path: &Path) -> String {
    plain::replaced(&path.to_string_lossy())
}
