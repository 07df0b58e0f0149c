//! The indexes of a suite of another repository: which there are, and what they list.
//!
//! Each is read in one of the forms that the Release lists, whole and bounded, and not unpacked before its digest is the one that is listed there. One
//! that is missing or is something else is a complaint, as is each stanza that cannot be used.

use std::collections::BTreeSet;
use std::io::Read;

use super::complaint;
use super::packed::Form;
use super::release::{Component, Listed, TheirRelease};
use super::repository::{OpenError, Repository, RepositoryPath};
use super::stanza::{self, Unusable};
use crate::domain::digest::Sha256;
use crate::domain::name::{ArchitectureTag, BinaryName, ComponentName, PackagePriority, Section, SourceName};
use crate::domain::{BinaryFormat, DebVersion};
use crate::format::PackageType;
use crate::upload::Complaint;

/// A file that an index lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Where it is.
    pub path: RepositoryPath,
    /// How long it is.
    pub size_bytes: u64,
    /// What it is.
    pub sha256: Sha256,
}

/// What a Packages file says of a package.
#[derive(Debug, Clone)]
pub struct Binary {
    /// Its name.
    pub name: BinaryName,
    /// Its version.
    pub version: DebVersion,
    /// The architecture that it is for, or `all`.
    pub architecture: ArchitectureTag,
    /// Its source.
    pub source: SourceName,
    /// The version of its source.
    pub source_version: DebVersion,
    /// The package itself.
    pub file: Part,
    /// By its name.
    pub package_type: PackageType,
    /// Where it is filed.
    pub section: Option<Section>,
    /// How much it is wanted.
    pub priority: Option<PackagePriority>,
    /// To how many in a hundred it is given; none: to all.
    pub phased: Option<u8>,
    /// The stanza.
    pub text: String,
}

/// What a Sources file says of a source.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// Its .dsc.
    pub dsc: Part,
    /// Its other files, by path.
    pub files: Vec<Part>,
    /// Where it is filed.
    pub section: Option<Section>,
    /// Whether it is there only because something else was built using it.
    pub extra_only: bool,
    /// The stanza.
    pub text: String,
}

/// A stanza, and which index has it.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    /// Of which component.
    pub component: ComponentName,
    /// Of which architecture, or `all`; `source` for sources.
    pub architecture: ArchitectureTag,
    /// What it says.
    pub stanza: T,
}

/// What the indexes of a suite list.
#[derive(Debug, Default)]
pub struct Indexes {
    /// In the order of the components and architectures of its Release.
    pub binaries: Vec<Placed<Binary>>,
    /// The same.
    pub sources: Vec<Placed<Source>>,
    /// The Packages files that were read, by architecture and kind of packages.
    pub read: BTreeSet<(ArchitectureTag, PackageType)>,
    /// What cannot be used.
    pub complaints: Vec<Complaint>,
}

/// Which part of a suite is wanted.
pub struct Selection<'a> {
    /// Of these components; none: of all.
    pub components: Option<BTreeSet<ComponentName>>,
    /// For these architectures, `source` among them for sources; none: for all, and sources.
    pub architectures: Option<BTreeSet<ArchitectureTag>>,
    /// Whether a package of this name is.
    pub names: &'a (dyn Fn(&str) -> bool + Sync),
}

impl std::fmt::Debug for Selection<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Selection")
            .field("components", &self.components)
            .field("architectures", &self.architectures)
            .finish_non_exhaustive()
    }
}

impl Selection<'_> {
    /// The components of a suite that are wanted.
    #[must_use]
    pub fn components<'r>(&self, release: &'r TheirRelease) -> Vec<&'r Component> {
        let is_wanted =
            |one: &&Component| self.components.as_ref().is_none_or(|wanted| wanted.contains(&one.name));
        release.components.iter().filter(is_wanted).collect()
    }

    /// The architectures of a suite that are wanted.
    #[must_use]
    pub fn architectures<'r>(&self, release: &'r TheirRelease) -> Vec<&'r ArchitectureTag> {
        let is_wanted =
            |tag: &&ArchitectureTag| self.architectures.as_ref().is_none_or(|wanted| wanted.contains(*tag));
        release.architectures.iter().filter(is_wanted).collect()
    }

    /// Whether sources are.
    #[must_use]
    pub fn has_sources(&self) -> bool {
        self.architectures.as_ref().is_none_or(|wanted| wanted.iter().any(ArchitectureTag::is_source))
    }

    /// The stanzas of an index that are wanted, and those without a name, which somebody should see.
    fn named<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        stanza::split(text).filter(|one| stanza::name(one).is_none_or(|name| (self.names)(name)))
    }

    /// What is asked for and is not there, as people name it.
    #[must_use]
    pub fn missing(&self, release: &TheirRelease) -> Vec<String> {
        let components = self.components.iter().flatten();
        let components = components
            .filter(|wanted| !release.components.iter().any(|one| one.name == **wanted))
            .map(|wanted| format!("the component {wanted}"));
        let architectures = self.architectures.iter().flatten();
        let architectures = architectures
            .filter(|wanted| {
                !wanted.is_source() && !wanted.is_all() && !release.architectures.contains(wanted)
            })
            .map(|wanted| format!("the architecture {wanted}"));
        components.chain(architectures).collect()
    }
}

/// The longest text of an index. Debian's have less than a tenth of it.
const MAX_INDEX_BYTES: u64 = 1 << 30;

/// Reads the indexes of a suite.
#[must_use]
pub fn read_indexes(
    repository: &dyn Repository,
    release: &TheirRelease,
    selection: &Selection<'_>,
) -> Indexes {
    let mut indexes = Indexes::default();
    let mut architectures: Vec<ArchitectureTag> =
        selection.architectures(release).into_iter().cloned().collect();
    // those for all may have an index of their own; and may stand in the others as well
    if let (false, Ok(all)) = (architectures.is_empty(), "all".parse()) {
        architectures.push(all);
    }
    for component in selection.components(release) {
        for architecture in &architectures {
            for format in [BinaryFormat::Deb, BinaryFormat::Udeb, BinaryFormat::Ddeb] {
                let package_type = match format {
                    BinaryFormat::Deb => PackageType::Deb,
                    BinaryFormat::Udeb => PackageType::Udeb,
                    BinaryFormat::Ddeb => PackageType::Ddeb,
                };
                let below = format.subcomponent().map_or_else(String::new, |below| format!("{below}/"));
                let path = format!("{}/{below}binary-{architecture}/Packages", component.folder);
                let Some(text) = indexes.text(repository, release, &path) else { continue };
                indexes.read.insert((architecture.clone(), package_type));
                for one in selection.named(&text) {
                    match stanza::binary(one) {
                        Err(unusable) => indexes.complain(&path, unusable),
                        Ok(stanza)
                            if !stanza.architecture.is_all() && stanza.architecture != *architecture =>
                        {
                            let reason =
                                format!("it is for {}, and not for {architecture}", stanza.architecture);
                            let package = format!("{} {}", stanza.name, stanza.version);
                            indexes.complain(&path, Unusable { package, reason });
                        }
                        Ok(stanza) if stanza.package_type != package_type => {
                            let reason =
                                format!("it is a .{}, which this index does not list", stanza.package_type);
                            let package = format!("{} {}", stanza.name, stanza.version);
                            indexes.complain(&path, Unusable { package, reason });
                        }
                        Ok(stanza) => indexes.binaries.push(Placed {
                            component: component.name.clone(),
                            architecture: architecture.clone(),
                            stanza,
                        }),
                    }
                }
            }
        }
        if selection.has_sources() {
            indexes.read_sources(repository, release, component, selection);
        }
    }
    indexes
}

impl Indexes {
    fn read_sources(
        &mut self,
        repository: &dyn Repository,
        release: &TheirRelease,
        component: &Component,
        selection: &Selection<'_>,
    ) {
        let path = format!("{}/source/Sources", component.folder);
        let Some(text) = self.text(repository, release, &path) else { return };
        let Ok(architecture) = "source".parse::<ArchitectureTag>() else { return };
        for one in selection.named(&text) {
            match stanza::source(one) {
                Err(unusable) => self.complain(&path, unusable),
                Ok(stanza) => self.sources.push(Placed {
                    component: component.name.clone(),
                    architecture: architecture.clone(),
                    stanza,
                }),
            }
        }
    }

    fn complain(&mut self, path: &str, unusable: Unusable) {
        self.complaints.push(complaint(path, format!("{}: {}", unusable.package, unusable.reason)));
    }

    /// The text of an index; none where it is not listed, or cannot be had.
    fn text(&mut self, repository: &dyn Repository, release: &TheirRelease, path: &str) -> Option<Vec<u8>> {
        let plain = release.files.get(path);
        if plain.is_some_and(|listed| listed.size_bytes == 0) {
            return Some(Vec::new());
        }
        let mut last = None;
        for form in Form::ALL {
            let name = format!("{path}{}", form.ending());
            let Some(listed) = release.files.get(&name) else { continue };
            match read_form(repository, release, (&name, listed), form, plain) {
                Ok(text) => return Some(text),
                // a Release lists texts that are there in other forms only
                Err(OpenError::NotThere) if last.is_some() => {}
                Err(error) => last = Some((name, error)),
            }
        }
        let (name, error) = last?;
        self.complaints.push(complaint(
            &format!("{}/{name}", release.folder),
            match error {
                OpenError::NotThere => "it is listed in the Release, and is not there".to_owned(),
                OpenError::Failed(reason) => reason,
            },
        ));
        None
    }
}

/// An index in one form: read, verified, unpacked, verified again.
fn read_form(
    repository: &dyn Repository,
    release: &TheirRelease,
    (name, listed): (&str, &Listed),
    form: Form,
    plain: Option<&Listed>,
) -> Result<Vec<u8>, OpenError> {
    let failed = |reason: String| OpenError::Failed(reason);
    let most_text_bytes = plain.map_or(MAX_INDEX_BYTES, |plain| plain.size_bytes.min(MAX_INDEX_BYTES));
    if listed.size_bytes > MAX_INDEX_BYTES {
        return Err(failed(format!("it has {} bytes, more than are read", listed.size_bytes)));
    }
    let path = release.folder.join(name).map_err(|error| failed(error.to_string()))?;
    let mut places = Vec::new();
    if release.by_hash {
        let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        places.extend(format!("{folder}/by-hash/SHA256/{}", listed.sha256).parse::<RepositoryPath>().ok());
    }
    places.push(path);
    let mut last = OpenError::NotThere;
    for place in places {
        match read_exactly(repository, &place, listed) {
            Ok(packed) => {
                let text = form
                    .unpack(packed, most_text_bytes)
                    .map_err(|error| failed(format!("it cannot be unpacked: {error}")))?;
                return match plain {
                    Some(plain) if Sha256::of(&text) != plain.sha256 => {
                        Err(failed("its text is not the one that the Release lists".to_owned()))
                    }
                    _ => Ok(text),
                };
            }
            Err(OpenError::NotThere) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A whole file, which is exactly what is listed.
fn read_exactly(
    repository: &dyn Repository,
    path: &RepositoryPath,
    listed: &Listed,
) -> Result<Vec<u8>, OpenError> {
    let failed = |reason: String| OpenError::Failed(reason);
    let mut bytes = Vec::new();
    let file = repository.open(path)?;
    file.take(listed.size_bytes + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 != listed.size_bytes || Sha256::of(&bytes) != listed.sha256 {
        return Err(failed(
            "it is not the file that the Release lists: the repository has changed meanwhile, or is damaged; try again".to_owned(),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_staged;
    use crate::upload::takeover::Folder;

    fn stanza(name: &str, architecture: &str) -> String {
        format!(
            "Package: {name}\nVersion: 1\nArchitecture: {architecture}\nFilename: pool/{name}_1_{architecture}.deb\nSize: 7\nSHA256: {}\n\n",
            Sha256::of(name.as_bytes())
        )
    }

    struct Suite {
        folder: tempfile::TempDir,
        release: TheirRelease,
    }

    impl Suite {
        fn new() -> Self {
            let release = TheirRelease {
                folder: "dists/one".parse().unwrap(),
                signed_by: None,
                origin: String::new(),
                label: String::new(),
                suite: String::new(),
                codename: String::new(),
                version: String::new(),
                description: String::new(),
                not_automatic: false,
                components: ["main", "contrib"]
                    .map(|name| Component { name: name.parse().unwrap(), folder: name.to_owned() })
                    .to_vec(),
                architectures: vec!["amd64".parse().unwrap(), "arm64".parse().unwrap()],
                date: None,
                by_hash: false,
                files: std::collections::BTreeMap::new(),
                left_out: Vec::new(),
            };
            Self { folder: tempfile::tempdir().unwrap(), release }
        }

        fn list(&mut self, path: &str, bytes: &[u8]) {
            let listed = Listed { size_bytes: bytes.len() as u64, sha256: Sha256::of(bytes) };
            self.release.files.insert(path.to_owned(), listed);
        }

        fn write(&self, path: &str, bytes: &[u8]) {
            write_staged(&self.folder.path().join("dists/one").join(path), bytes).unwrap();
        }

        fn read(&self, selection: &Selection<'_>) -> Indexes {
            read_indexes(&Folder::new(self.folder.path().to_owned()), &self.release, selection)
        }
    }

    fn everything(_: &str) -> bool {
        true
    }

    fn all<'a>() -> Selection<'a> {
        Selection { components: None, architectures: None, names: &everything }
    }

    fn names(indexes: &Indexes) -> Vec<String> {
        indexes
            .binaries
            .iter()
            .map(|one| format!("{}/{} {}", one.component, one.architecture, one.stanza.name))
            .collect()
    }

    fn xz(text: &str) -> Vec<u8> {
        liblzma::encode_all(text.as_bytes(), 1).unwrap()
    }

    #[test]
    fn indexes_are_read_in_a_form_that_is_there() {
        let mut suite = Suite::new();
        let text = format!("{}{}", stanza("aa", "amd64"), stanza("bb", "all"));
        suite.list("main/binary-amd64/Packages", text.as_bytes());
        suite.list("main/binary-amd64/Packages.xz", &xz(&text));
        suite.list("main/binary-amd64/Packages.gz", b"not there");
        suite.write("main/binary-amd64/Packages.xz", &xz(&text));
        suite.list("contrib/binary-arm64/Packages", stanza("cc", "arm64").as_bytes());
        suite.write("contrib/binary-arm64/Packages", stanza("cc", "arm64").as_bytes());
        suite.list("contrib/binary-amd64/Packages", b"");
        let indexes = suite.read(&all());
        assert!(indexes.complaints.is_empty(), "{:?}", indexes.complaints);
        assert_eq!(names(&indexes), ["main/amd64 aa", "main/amd64 bb", "contrib/arm64 cc"]);
        assert_eq!(indexes.read.len(), 2);
        let arm64 = BTreeSet::from(["arm64".parse().unwrap()]);
        let part = suite.read(&Selection { architectures: Some(arm64), ..all() });
        assert_eq!(names(&part), ["contrib/arm64 cc"]);
        let only = |name: &str| name == "bb";
        assert_eq!(names(&suite.read(&Selection { names: &only, ..all() })), ["main/amd64 bb"]);
    }

    #[test]
    fn an_index_by_its_digest_is_the_one_that_was_listed() {
        let mut suite = Suite::new();
        let (text, later) = (stanza("aa", "amd64"), stanza("aa-new", "amd64"));
        suite.list("main/binary-amd64/Packages", text.as_bytes());
        suite.write("main/binary-amd64/Packages", later.as_bytes());
        let changed = suite.read(&all());
        assert!(changed.binaries.is_empty());
        assert!(changed.complaints[0].reason.contains("changed meanwhile"), "{:?}", changed.complaints);
        suite.release.by_hash = true;
        suite.write(
            &format!("main/binary-amd64/by-hash/SHA256/{}", Sha256::of(text.as_bytes())),
            text.as_bytes(),
        );
        let indexes = suite.read(&all());
        assert!(indexes.complaints.is_empty(), "{:?}", indexes.complaints);
        assert_eq!(names(&indexes), ["main/amd64 aa"]);
    }

    #[test]
    fn what_is_bad_is_a_complaint_and_the_rest_is_read() {
        let mut suite = Suite::new();
        let text = format!(
            "{}Package: odd\n\n{}{}",
            stanza("aa", "amd64"),
            stanza("bb", "i386"),
            stanza("cc", "amd64")
        );
        suite.list("main/binary-amd64/Packages", text.as_bytes());
        suite.write("main/binary-amd64/Packages", text.as_bytes());
        suite.list("main/binary-arm64/Packages.xz", b"missing");
        // unpacks to more than is listed
        let bomb = xz(&"x".repeat(100_000));
        suite.list("contrib/binary-amd64/Packages", b"short");
        suite.list("contrib/binary-amd64/Packages.xz", &bomb);
        suite.write("contrib/binary-amd64/Packages.xz", &bomb);
        let indexes = suite.read(&all());
        assert_eq!(names(&indexes), ["main/amd64 aa", "main/amd64 cc"]);
        let reasons: Vec<String> =
            indexes.complaints.iter().map(|one| format!("{}: {}", one.path.display(), one.reason)).collect();
        assert_eq!(reasons.len(), 4, "{reasons:?}");
        assert!(reasons[0].contains("odd"), "{reasons:?}");
        assert!(reasons[1].contains("not for amd64"), "{reasons:?}");
        assert!(reasons[2].contains("is not there"), "{reasons:?}");
        assert!(reasons[3].contains("more than 5 bytes"), "{reasons:?}");
    }

    #[test]
    fn what_is_asked_for_and_not_there_is_named() {
        let suite = Suite::new();
        let selection = Selection {
            components: Some(BTreeSet::from(["main".parse().unwrap(), "other".parse().unwrap()])),
            architectures: Some(BTreeSet::from(["source".parse().unwrap(), "i386".parse().unwrap()])),
            names: &everything,
        };
        assert_eq!(selection.missing(&suite.release), ["the component other", "the architecture i386"]);
        assert!(selection.has_sources());
    }
}
