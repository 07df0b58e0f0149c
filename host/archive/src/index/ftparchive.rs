//! apt-ftparchive as what makes Packages and Sources: which files and overrides it is told of, and what is taken of what it makes.
//!
//! It is told of exactly what the pass will have in an index: a list of names in the pool, the sections, priorities and further fields as override files.
//! What an override file cannot say, because it knows packages by name alone (two versions that are filed differently, a package without a priority), is
//! written by [`stanza`](super::stanza). Its text is then cut into segments like that of the rows, so that by-hash, the forms and the other engine find what
//! they are used to. Nothing it leaves out goes unnoticed: every package has to be there, with the checksum that it was taken in with.
//!
//! Descriptions apart and lists of files are not its affair.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::IndexError;
use super::increment::{Each, Entries};
use super::segment::previous::Previous;
use super::segment::splice::stanzas;
use super::stanza::{binary_stanza, section_field, source_stanza};
use crate::disk::{self, DiskError, During};
use crate::domain::archive_layout::POOL;
use crate::domain::digest::Sha256;
use crate::domain::{BinaryFormat, Checksum, PassId, Translations};
use crate::format::control;
use crate::pool::PoolPath;
use crate::store::indexed::{BinaryIndex, IndexedBinary, IndexedSource, Names};
use crate::store::series::SeriesComponent;
use crate::store::shape::SuiteShape;
use crate::store::{Connection, indexed};

/// Where apt-ftparchive works for an archive, and what runs it.
pub struct Workshop<'a> {
    /// The archive's root, with the pool.
    pub root: &'a Path,
    /// A folder that is made for it and removed; on the filesystem of the staged trees.
    pub work: &'a Path,
    /// Where override files are written, for it and for executables.
    pub overrides: &'a Path,
    /// Where it keeps what it knows of packages.
    pub cache: &'a Path,
    /// Runs `apt-ftparchive generate` in `work`, with these files in it: what apt is configured with, and what is to be made. Gives what it said, or why it
    /// has failed.
    pub run: &'a dyn Fn(&str, &str) -> Result<String, String>,
}

/// The names of the two files in the folder in which it works.
const APT_CONF: &str = "apt.conf";
const TO_BE_MADE: &str = "to-be-made.conf";

/// An index that it makes.
pub(super) struct Task<'a> {
    pub(super) path: &'a str,
    pub(super) component: &'a SeriesComponent,
    pub(super) of: Of<'a>,
}

/// What that has.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    Packages(&'a BinaryIndex),
    Sources,
}

/// Which packages an override file is about: those of a component and format.
type Group<'a> = (&'a str, Option<BinaryFormat>);

/// What is said of a package beside what it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    section: String,
    priority: String,
    /// Field and value.
    fields: Vec<(String, String)>,
}

/// One package that has to be in an index.
struct Wanted {
    name: String,
    /// Its name in the pool.
    file: String,
    sha256: Sha256,
    /// Its stanza, where apt-ftparchive cannot be told how.
    own: Option<String>,
}

/// What was made of one index.
pub(super) struct Made {
    entries: Vec<(String, String)>,
}

impl Entries for Made {
    fn for_each(&self, names: &Names, each: &mut Each<'_>) -> Result<(), IndexError> {
        for (name, stanza) in self.entries.iter().filter(|(name, _)| names.contain(name)) {
            each(name, stanza)?;
        }
        Ok(())
    }

    fn is_gone(&self, previous: &Previous, place: usize) -> Result<bool, IndexError> {
        let first = previous.segments.get(place).map(|stored| stored.segment.first_name.as_str());
        Ok(!self.entries.iter().any(|(name, _)| Some(name.as_str()) == first))
    }

    fn renew(&self, _text: &str, _touched: &[String], _each: &mut Each<'_>) -> Result<bool, IndexError> {
        // it is all there: nothing is taken from what was published
        Ok(false)
    }
}

/// What one run of apt-ftparchive made for a suite: its texts lie in the folder in which it has worked.
pub(super) struct Generated {
    /// By the path of the index: its place among the tasks, and what has to be in it.
    wanted: HashMap<String, (usize, Vec<Wanted>)>,
    work: PathBuf,
    said: String,
    suite: String,
}

impl Generated {
    /// An index, if apt-ftparchive has made it, checked.
    pub(super) fn take(&mut self, path: &str) -> Result<Option<Made>, IndexError> {
        let Some((place, wanted)) = self.wanted.remove(path) else { return Ok(None) };
        let failed = |reason: String| IndexError::Engine { suite: self.suite.clone(), reason };
        let file = self.work.join(format!("out/{place}"));
        let text = if wanted.iter().all(|one| one.own.is_some()) {
            String::new()
        } else {
            let bytes = disk::read(&file).map_err(|error| {
                failed(format!("it has not made {path} ({}): {}", crate::domain::chain(&error), self.said))
            })?;
            String::from_utf8(bytes).map_err(|_| failed(format!("its {path} is not UTF-8")))?
        };
        let found = stanzas(&text).ok_or_else(|| failed(format!("its {path} is no list of packages")))?;
        let mut found: HashMap<String, (&str, &str)> =
            found.into_iter().filter_map(|(name, stanza)| Some((file_of(stanza)?, (name, stanza)))).collect();
        let mut entries = Vec::with_capacity(wanted.len());
        for one in wanted {
            if let Some(own) = one.own {
                entries.push((one.name, own));
                continue;
            }
            let Some((name, stanza)) = found.remove(&one.file) else {
                return Err(failed(format!(
                    "it has left {} out of {path}: look whether that file in the pool can be read; it said: {}",
                    one.file, self.said
                )));
            };
            if name != one.name || !stanza.contains(&one.sha256.to_string()) {
                return Err(failed(format!(
                    "{} in the pool is not the file that was published: it must have the SHA-256 {}, and be the package {} (`publish --careful` looks at every file again)",
                    one.file, one.sha256, one.name
                )));
            }
            entries.push((one.name, stanza.to_owned()));
        }
        if let Some(file) = found.into_keys().next() {
            return Err(failed(format!("it has put {file} into {path}, which it was not told of")));
        }
        Ok(Some(Made { entries }))
    }
}

/// Where the file of a stanza lies in the pool: the package, or the .dsc of a source.
fn file_of(stanza: &str) -> Option<String> {
    let field = |name: &str| {
        control::pairs(stanza).find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    if let Some(file) = field("Filename") {
        return Some(file.to_owned());
    }
    let dsc = field("Checksums-Sha256")?
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(2))
        .find(|name| name.ends_with(".dsc"))?;
    Some(format!("{}/{dsc}", field("Directory")?))
}

/// Lets apt-ftparchive make indexes of a suite.
pub(super) fn generate(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    tasks: &[Task<'_>],
    shop: &Workshop<'_>,
) -> Result<Generated, IndexError> {
    let suite = shape.suite.name.to_string();
    let mut generated =
        Generated { wanted: HashMap::new(), work: shop.work.to_owned(), said: String::new(), suite };
    if tasks.is_empty() {
        return Ok(generated);
    }
    set_up(shop)?;
    let mut overrides: HashMap<Group<'_>, BTreeMap<String, Said>> = HashMap::new();
    let mut trees = String::new();
    for (place, task) in tasks.iter().enumerate() {
        let group = match task.of {
            Of::Packages(index) => (task.component.name.as_str(), Some(index.format)),
            Of::Sources => (task.component.name.as_str(), None),
        };
        let said = match overrides.entry(group) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let said = said_of_group(db, pass, shape, task)?;
                write_overrides(shop, &generated.suite, group, &said)?;
                new.insert(said)
            }
        };
        let wanted = wanted_of(db, pass, shape, task, said)?;
        let list: String =
            wanted.iter().filter(|one| one.own.is_none()).map(|one| format!("{}\n", one.file)).collect();
        if !list.is_empty() {
            disk::write_staged(&shop.work.join(format!("lists/{place}")), list.as_bytes())?;
            tree(&mut trees, place, task, shape, &generated.suite, group);
        }
        generated.wanted.insert(task.path.to_owned(), (place, wanted));
    }
    if trees.is_empty() {
        return Ok(generated);
    }
    disk::write_staged(&shop.work.join(APT_CONF), apt_conf(shape).as_bytes())?;
    disk::write_staged(&shop.work.join(TO_BE_MADE), format!("{HEAD}{trees}").as_bytes())?;
    let _span = tracing::info_span!("apt-ftparchive", suite = generated.suite).entered();
    generated.said = (shop.run)(APT_CONF, TO_BE_MADE)
        .map_err(|reason| IndexError::Engine { suite: generated.suite.clone(), reason })?;
    Ok(generated)
}

/// Removes what it has worked with.
pub(super) fn tidy(shop: &Workshop<'_>) -> Result<(), DiskError> {
    disk::remove_tree(shop.work)
}

/// The folder in which it works. All that it reads and writes is below it, by names that need no quotes.
fn set_up(shop: &Workshop<'_>) -> Result<(), DiskError> {
    disk::remove_tree(shop.work)?;
    for folder in [shop.overrides, shop.cache] {
        disk::make_folder(folder)?;
    }
    for folder in ["out", "lists", "tmp", "etc/apt.conf.d", "etc/preferences.d"] {
        disk::make_folder(&shop.work.join(folder))?;
    }
    for (name, target) in
        [(POOL, &*shop.root.join(POOL)), ("overrides", shop.overrides), ("cache", shop.cache)]
    {
        let target = std::path::absolute(target).during("find", target)?;
        disk::symlink(&target, &shop.work.join(name))?;
    }
    Ok(())
}

/// What apt is configured with, instead of the machine's own.
fn apt_conf(shape: &SuiteShape) -> String {
    let mut text =
        "Dir::Etc \"./etc\";\nAPT::FTPArchive::AlwaysStat \"true\";\nAPT::FTPArchive::DeLinkAct \"false\";\nAPT::FTPArchive::Contents \"false\";\n"
            .to_owned();
    // each file is looked at again when it has changed: a name in the pool that went can come back with other content
    let long = shape.series.translations == Translations::Whole;
    let has = |checksum| shape.series.checksums.contains(&checksum);
    for (what, wanted) in [
        ("LongDescription", long),
        ("MD5", has(Checksum::Md5)),
        ("SHA1", has(Checksum::Sha1)),
        ("SHA256", true),
        ("SHA512", false),
    ] {
        for of in ["", "Packages::", "Sources::"] {
            // writing into a String cannot fail
            let _ = writeln!(text, "APT::FTPArchive::{of}{what} \"{wanted}\";");
        }
    }
    text
}

/// What is common to all that is made.
const HEAD: &str = "Dir { ArchiveDir \".\"; OverrideDir \"./overrides\"; CacheDir \"./cache\"; FileListDir \"./lists\"; };\n\
     Default { Packages::Compress \".\"; Packages::Extensions \".deb .udeb .ddeb\"; Sources::Compress \".\"; Sources::Extensions \".dsc\"; \
     Translation::Compress \".\"; Contents::Compress \".\"; DeLinkLimit \"0\"; };\n";

/// One index as apt-ftparchive is told of it.
fn tree(out: &mut String, place: usize, task: &Task<'_>, shape: &SuiteShape, suite: &str, group: Group<'_>) {
    let (file, extra) = override_names(suite, group);
    let component = &task.component.name;
    // it has a long description, whatever apt is configured with, unless that says no
    let long = |format| shape.series.translations == Translations::Whole || format != BinaryFormat::Deb;
    // writing into a String cannot fail
    let _ = match task.of {
        Of::Packages(index) => {
            let tag = shape.architectures.iter().find(|one| one.id == index.architecture);
            let tag = tag.map_or("all", |one| one.tag.as_str());
            writeln!(
                out,
                "Tree \"t{place}\" {{ Sections \"{component}\"; Architectures \"{tag}\"; Packages \"out/{place}\"; \
                 Translation \"out/{place}.descriptions\"; FileList \"{place}\"; BinOverride \"{file}\"; ExtraOverride \"{extra}\"; \
                 BinCacheDB \"packages-{tag}.db\"; LongDescription \"{}\"; Contents \" \"; }};",
                long(index.format)
            )
        }
        Of::Sources => writeln!(
            out,
            "Tree \"t{place}\" {{ Sections \"{component}\"; Architectures \"source\"; Sources \"out/{place}\"; SourceFileList \"{place}\"; \
             SrcOverride \"{file}\"; SrcExtraOverride \"{extra}\"; SrcCacheDB \"sources.db\"; Contents \" \"; }};"
        ),
    };
}

/// The override file of a group and that of further fields, as Soyuz calls them.
fn override_names(suite: &str, (component, format): Group<'_>) -> (String, String) {
    let ending = match format {
        None => ".src".to_owned(),
        Some(format) => format.subcomponent().map_or_else(String::new, |name| format!(".{name}")),
    };
    (format!("override.{suite}.{component}{ending}"), format!("override.{suite}.extra.{component}{ending}"))
}

fn write_overrides(
    shop: &Workshop<'_>,
    suite: &str,
    group: Group<'_>,
    said: &BTreeMap<String, Said>,
) -> Result<(), DiskError> {
    let (mut lines, mut extra) = (String::new(), String::new());
    for (name, Said { section, priority, fields }) in said {
        // writing into a String cannot fail
        let _ = match group.1 {
            Some(_) => writeln!(lines, "{name}\t{priority}\t{section}"),
            None => writeln!(lines, "{name}\t{section}"),
        };
        for (field, value) in fields {
            let _ = writeln!(extra, "{name}\t{field}\t{value}");
        }
    }
    let (file, of_fields) = override_names(suite, group);
    for (file, text) in [(file, lines), (of_fields, extra)] {
        disk::write_atomic(&shop.overrides.join(file), text.as_bytes(), 0o644)?;
    }
    Ok(())
}

/// Further fields of a row, as pairs.
fn fields_of(lines: Option<&str>) -> Vec<(String, String)> {
    lines
        .into_iter()
        .flat_map(control::pairs)
        .map(|(field, value)| (field.to_owned(), value.to_owned()))
        .collect()
}

/// What is to be said of a binary; none where an override file cannot say it.
fn said_of_binary(binary: &IndexedBinary, component: &SeriesComponent) -> Option<Said> {
    let section = section_field(&component.name, binary.section.as_ref()?);
    let priority = binary.priority.as_ref()?.to_string();
    let mut fields = fields_of(binary.extra_fields.as_deref());
    if let Some(percentage) = binary.phased_update_percentage {
        fields.push(("Phased-Update-Percentage".to_owned(), percentage.to_string()));
    }
    Some(Said { section, priority, fields })
}

/// The same of a source.
fn said_of_source(source: &IndexedSource, component: &SeriesComponent) -> Option<Said> {
    let section = section_field(&component.name, source.section.as_ref()?);
    let fields = fields_of(source.extra_fields.as_deref());
    // it takes the priority of a source from those of its binaries, of which there is no file here; clients do not read it
    Some(Said { section, priority: String::new(), fields })
}

/// What is said of the packages of a task's component and format, on every architecture: by the first that has a name.
fn said_of_group(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    task: &Task<'_>,
) -> Result<BTreeMap<String, Said>, IndexError> {
    let mut all = BTreeMap::new();
    match task.of {
        Of::Packages(index) => {
            for architecture in &shape.architectures {
                let index = BinaryIndex { architecture: architecture.id, ..*index };
                indexed::for_each_binary(db, Some(pass), &index, &Names::all(), |binary| {
                    if let Some(said) = said_of_binary(&binary, task.component) {
                        all.entry(binary.name).or_insert(said);
                    }
                    Ok::<(), IndexError>(())
                })?;
            }
        }
        Of::Sources => {
            let (suite, component) = (shape.suite.id, task.component.id);
            indexed::for_each_source(db, Some(pass), suite, component, &Names::all(), |source| {
                if let Some(said) = said_of_source(&source, task.component) {
                    all.entry(source.name.to_string()).or_insert(said);
                }
                Ok::<(), IndexError>(())
            })?;
        }
    }
    Ok(all)
}

/// What has to be in an index, in order.
fn wanted_of(
    db: &Connection,
    pass: PassId,
    shape: &SuiteShape,
    task: &Task<'_>,
    said: &BTreeMap<String, Said>,
) -> Result<Vec<Wanted>, IndexError> {
    let (component, checksums) = (task.component, shape.series.checksums.as_slice());
    let mut wanted = Vec::new();
    match task.of {
        Of::Packages(index) => {
            let translations = match index.format {
                BinaryFormat::Deb => shape.series.translations,
                BinaryFormat::Udeb | BinaryFormat::Ddeb => Translations::Whole,
            };
            indexed::for_each_binary(db, Some(pass), index, &Names::all(), |binary| {
                let is_said = said_of_binary(&binary, component)
                    .as_ref()
                    .is_some_and(|own| said.get(&binary.name) == Some(own));
                let own = (!is_said).then(|| {
                    let mut stanza = String::new();
                    binary_stanza(&mut stanza, &binary, &component.name, checksums, translations);
                    stanza
                });
                let file = PoolPath::new(&component.name, &binary.source, &binary.filename).to_string();
                wanted.push(Wanted { name: binary.name, file, sha256: binary.digests.sha256, own });
                Ok::<(), IndexError>(())
            })?;
        }
        Of::Sources => {
            let suite = shape.suite.id;
            indexed::for_each_source(db, Some(pass), suite, component.id, &Names::all(), |source| {
                let is_said = said_of_source(&source, component)
                    .as_ref()
                    .is_some_and(|own| said.get(source.name.as_str()) == Some(own));
                let own = if is_said {
                    None
                } else {
                    let mut stanza = String::new();
                    let files = indexed::source_files(db, source.release)?;
                    source_stanza(&mut stanza, &source, &files, &component.name, checksums);
                    Some(stanza)
                };
                let file = PoolPath::new(&component.name, &source.name, &source.filename).to_string();
                wanted.push(Wanted {
                    name: source.name.to_string(),
                    file,
                    sha256: source.digests.sha256,
                    own,
                });
                Ok::<(), IndexError>(())
            })?;
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn override_files_are_called_as_soyuz_calls_them() {
        for (group, file, extra) in [
            (("main", Some(BinaryFormat::Deb)), "override.one.main", "override.one.extra.main"),
            (
                ("main", Some(BinaryFormat::Udeb)),
                "override.one.main.debian-installer",
                "override.one.extra.main.debian-installer",
            ),
            (("universe", None), "override.one.universe.src", "override.one.extra.universe.src"),
        ] {
            assert_eq!(override_names("one", group), (file.to_owned(), extra.to_owned()));
        }
    }

    #[test]
    fn a_stanza_tells_where_its_file_lies() {
        assert_eq!(
            file_of("Package: a\nFilename: pool/main/a/a/a_1_all.deb\n\n").unwrap(),
            "pool/main/a/a/a_1_all.deb"
        );
        let source =
            "Package: a\nDirectory: pool/main/a/a\nChecksums-Sha256:\n 00 5 a_1.tar.xz\n 00 7 a_1.dsc\n\n";
        assert_eq!(file_of(source).unwrap(), "pool/main/a/a/a_1.dsc");
        assert_eq!(file_of("Package: a\n\n"), None);
    }

    #[test]
    fn what_was_made_is_taken_whole_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let sha256 = Sha256::of(b"a");
        let stanza = |name: &str| format!("Package: {name}\nFilename: pool/{name}\nSHA256: {sha256}\n\n");
        let take = |text: Option<String>| {
            if let Some(text) = text {
                disk::write_staged(&folder.path().join("out/0"), text.as_bytes()).unwrap();
            } else {
                disk::remove_file(&folder.path().join("out/0")).unwrap();
            }
            let wanted = |name: &str, own: Option<String>| Wanted {
                name: name.into(),
                file: format!("pool/{name}"),
                sha256,
                own,
            };
            let wanted =
                vec![wanted("a", None), wanted("b", Some("Package: b\n\n".into())), wanted("c", None)];
            let mut generated = Generated {
                wanted: [("x".to_owned(), (0, wanted))].into(),
                work: folder.path().to_owned(),
                said: "nothing".into(),
                suite: "s".into(),
            };
            assert!(generated.take("y").unwrap().is_none());
            generated.take("x").map(|made| made.unwrap().entries).map_err(|error| error.to_string())
        };
        disk::make_folder(&folder.path().join("out")).unwrap();
        // in the order in which they are wanted, whatever the order in which they come
        let entries = take(Some(stanza("c") + &stanza("a"))).unwrap();
        assert_eq!(entries.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        for (text, reason) in [
            (Some(stanza("a")), "left pool/c out"),
            (Some(stanza("a") + &stanza("c") + &stanza("d")), "was not told of"),
            (
                Some(stanza("a") + &stanza("c").replace(&sha256.to_string(), "00")),
                "is not the file that was published",
            ),
            (Some("garbage".to_owned()), "no list of packages"),
            (None, "has not made x"),
        ] {
            let said = take(text).unwrap_err();
            assert!(said.contains(reason), "{said}");
        }
    }
}
