//! Whether a package may be copied: pure rules over what is known of it, where it is and where it goes.

use crate::domain::name::FileName;
use crate::domain::{ArchitectureTag, BinaryReleaseId, DebVersion, Sha256, SourceFormat, UploadId};

/// A reason against a copy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Objection {
    /// The package, as it was asked for.
    pub package: String,
    /// The rule, as `not-older`: stable, for programs and tests.
    pub check: &'static str,
    /// What is in the way.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl std::fmt::Display for Objection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}: {}", self.package, self.what, self.remedy)
    }
}

/// A file of what would be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name in the pool.
    pub name: FileName,
    /// Whether the librarian has it.
    pub is_here: bool,
    /// Who has its name in the target's archive, with which content, if that is another.
    pub holder: Option<(String, Sha256)>,
    /// The upload to the target's archive that was accepted with another content of its name, and is not published yet.
    pub accepted: Option<UploadId>,
}

/// A binary package by its name and architecture: what a suite has one of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Built {
    /// Its row, by which it is the same.
    pub release: BinaryReleaseId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub architecture: ArchitectureTag,
    /// Where it is, in words.
    pub suite: String,
}

/// What is known.
#[derive(Debug, Clone)]
pub struct Facts {
    /// As it was asked for.
    pub package: String,
    /// Which version it is.
    pub version: DebVersion,
    /// `Format` of its .dsc.
    pub format: String,
    /// What the target's series takes.
    pub formats: Vec<SourceFormat>,
    /// The target's series.
    pub series: String,
    /// The target's suite.
    pub suite: String,
    /// The source's files and those of the binary packages that go with it.
    pub files: Vec<File>,
    /// The highest version that is live there, with the suite in which it is.
    pub there: Option<(DebVersion, String)>,
    /// The same version is live in the suite, from another .dsc.
    pub is_other_source: bool,
    /// Whether binary packages were asked for.
    pub with_binaries: bool,
    /// The binary packages that go with it.
    pub binaries: Vec<Built>,
    /// The live ones of the same version in the target's suite.
    pub in_suite: Vec<Built>,
    /// Those of them in other suites of the target's archive.
    pub in_archive: Vec<Built>,
    /// Binary packages of the version that were built where it is copied from and wait in the queue there, each with its upload.
    pub unpublished: Vec<(String, i64)>,
    /// The architectures of builds in the target's archive that are on their way.
    pub building: Vec<ArchitectureTag>,
    /// It comes from an archive that is not for everybody into one that is.
    pub is_disclosed: bool,
    /// That is meant.
    pub unembargo: bool,
}

/// Every reason against a copy.
#[must_use]
pub fn objections(facts: &Facts) -> Vec<Objection> {
    let mut found = Vec::new();
    let object = |check: &'static str, what: String, remedy: String| Objection {
        package: facts.package.clone(),
        check,
        what,
        remedy,
    };
    let (suite, version) = (&facts.suite, &facts.version);
    if facts.is_disclosed && !facts.unembargo {
        found.push(object(
            "unembargo",
            "it is in a private archive, and would be for everybody".to_owned(),
            "say that you mean it with --unembargo".to_owned(),
        ));
    }
    found.extend(of_format(&facts.package, &facts.format, &facts.formats, &facts.series));
    found.extend(of_files(&facts.package, &facts.files));
    if let Some((there, live_in)) = facts.there.as_ref().filter(|(there, _)| there.dpkg_cmp(version).is_gt())
    {
        found.push(object(
            "not-older",
            format!("{live_in} has {there}, which is higher than {version}"),
            "copy a version that is at least as high, or remove that one first".to_owned(),
        ));
    }
    if facts.is_other_source {
        found.push(object(
            "other-source",
            format!("{suite} has {version} from another .dsc"),
            "have it uploaded with a higher version".to_owned(),
        ));
    }
    if facts.with_binaries {
        found.extend(about_binaries(facts));
    } else {
        found.extend(about_building(facts));
    }
    found
}

/// Whether a series takes sources of a format.
#[must_use]
pub fn of_format(
    package: &str,
    format: &str,
    formats: &[SourceFormat],
    series: &impl std::fmt::Display,
) -> Vec<Objection> {
    if formats.iter().any(|taken| taken.as_str() == format) {
        return Vec::new();
    }
    let taken: Vec<&str> = formats.iter().map(|format| format.as_str()).collect();
    vec![Objection {
        package: package.to_owned(),
        check: "format",
        what: format!("it has the format {format}, and {series} takes {}", taken.join(", ")),
        remedy: format!("`pressroom series set {series} --source-formats` says what it takes"),
    }]
}

/// Whether the files of a package are kept, and their names are free in the target's archive.
#[must_use]
pub fn of_files(package: &str, files: &[File]) -> Vec<Objection> {
    let mut found = Vec::new();
    let object = |check: &'static str, what: String, remedy: &str| Objection {
        package: package.to_owned(),
        check,
        what,
        remedy: remedy.to_owned(),
    };
    let gone: Vec<&str> = files.iter().filter(|file| !file.is_here).map(|file| file.name.as_str()).collect();
    if let Some(first) = gone.first() {
        let more = if gone.len() > 1 { format!(" and {} more", gone.len() - 1) } else { String::new() };
        found.push(object(
            "expired",
            format!("{first}{more} is not kept any more"),
            "import the package again, or copy a version whose files are there",
        ));
    }
    for file in files {
        if let Some((holder, sha256)) = &file.holder {
            found.push(object(
                "other-content",
                format!("{} is in the archive with other content ({holder}, SHA256 {sha256})", file.name),
                "a file name is used once in an archive: have it uploaded with a higher version",
            ));
        }
        if let Some(upload) = file.accepted {
            found.push(object(
                "other-content",
                format!("upload {upload} was accepted, and has other content of {}", file.name),
                &format!(
                    "a file name is used once in an archive: have it uploaded with a higher version, or take that upload back with `pressroom queue reject {upload}`"
                ),
            ));
        }
    }
    found
}

fn about_binaries(facts: &Facts) -> Vec<Objection> {
    let mut found = Vec::new();
    let mut object = |check: &'static str, what: String, remedy: &str| {
        found.push(Objection { package: facts.package.clone(), check, what, remedy: remedy.to_owned() });
    };
    if facts.binaries.is_empty() {
        object(
            "no-binaries",
            format!("no binary package of {} is where it is copied from", facts.version),
            "copy the source alone, without --binaries, or wait until it is built",
        );
    }
    if let Some((name, upload)) = facts.unpublished.first() {
        let what =
            format!("{name} of {} was built, and waits in the queue as upload {upload}", facts.version);
        object(
            "unpublished",
            what,
            "have it accepted and published, or rejected, so that all of it is copied",
        );
    }
    let is_copied = |one: &&Built| facts.binaries.iter().any(|copied| copied.release == one.release);
    for missing in facts.in_suite.iter().filter(|one| !is_copied(one)) {
        object(
            "superset",
            format!(
                "{} has {} for {} of {}, which is not among what would be copied",
                facts.suite, missing.name, missing.architecture, facts.version
            ),
            "the binary packages that are copied have to be all that are there, and more",
        );
    }
    found
}

/// A source alone is built again where it goes: that must not make files that are there already.
fn about_building(facts: &Facts) -> Vec<Objection> {
    let mut found = Vec::new();
    let mut object = |check: &'static str, what: String, remedy: &str| {
        found.push(Objection { package: facts.package.clone(), check, what, remedy: remedy.to_owned() });
    };
    let there = facts.in_suite.iter().chain(&facts.in_archive).next();
    if let Some(one) = there {
        object(
            "has-binaries",
            format!(
                "the archive has binary packages of {} ({} for {} in {}), and would build them again with other content",
                facts.version, one.name, one.architecture, one.suite
            ),
            "copy them too, with --binaries",
        );
    } else if let Some(first) = facts.building.first() {
        object(
            "building",
            format!("{} is being built in the archive for {first}", facts.version),
            "wait until it is built, and copy it with --binaries (`pressroom build list` shows how far it is)",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(release: i64, name: &str, suite: &str) -> Built {
        Built {
            release: BinaryReleaseId(release),
            name: name.to_owned(),
            architecture: "amd64".parse().unwrap(),
            suite: suite.to_owned(),
        }
    }

    fn facts() -> Facts {
        Facts {
            package: "hello".to_owned(),
            version: "1.0".parse().unwrap(),
            format: "3.0 (quilt)".to_owned(),
            formats: SourceFormat::ALL.to_vec(),
            series: "one".to_owned(),
            suite: "one-updates".to_owned(),
            files: vec![File {
                name: "hello_1.0.dsc".parse().unwrap(),
                is_here: true,
                holder: None,
                accepted: None,
            }],
            there: Some(("0.9".parse().unwrap(), "one".to_owned())),
            is_other_source: false,
            with_binaries: true,
            binaries: vec![built(1, "hello", "one-proposed"), built(2, "hello-data", "one-proposed")],
            in_suite: vec![built(2, "hello-data", "one-updates")],
            in_archive: vec![built(1, "hello", "one-proposed")],
            unpublished: Vec::new(),
            building: vec!["arm64".parse().unwrap()],
            is_disclosed: false,
            unembargo: false,
        }
    }

    fn checks(change: impl FnOnce(&mut Facts)) -> Vec<&'static str> {
        let mut facts = facts();
        change(&mut facts);
        objections(&facts).into_iter().map(|objection| objection.check).collect()
    }

    #[test]
    fn each_rule_objects_alone() {
        let alone = |facts: &mut Facts| {
            (facts.with_binaries, facts.binaries) = (false, Vec::new());
            (facts.in_suite, facts.in_archive, facts.building) = (Vec::new(), Vec::new(), Vec::new());
        };
        assert!(checks(|_| {}).is_empty());
        assert!(checks(alone).is_empty());
        assert!(checks(|facts| facts.there = Some(("1.0-0".parse().unwrap(), String::new()))).is_empty());
        assert!(checks(|facts| facts.there = None).is_empty());
        assert!(checks(|facts| (facts.is_disclosed, facts.unembargo) = (true, true)).is_empty());
        assert_eq!(checks(|facts| facts.is_disclosed = true), ["unembargo"]);
        assert_eq!(checks(|facts| facts.formats = vec![SourceFormat::V1]), ["format"]);
        let said = of_format("hello 1", "3.0 (quilt)", &[SourceFormat::V1], &"one");
        assert_eq!(said[0].remedy, "`pressroom series set one --source-formats` says what it takes");
        assert_eq!(checks(|facts| facts.files[0].is_here = false), ["expired"]);
        let holder = Some(("hello 1.0 (source)".to_owned(), Sha256::of(b"other")));
        assert_eq!(checks(|facts| facts.files[0].holder = holder), ["other-content"]);
        assert_eq!(checks(|facts| facts.files[0].accepted = Some(UploadId(7))), ["other-content"]);
        assert_eq!(
            checks(|facts| facts.there = Some(("1:0".parse().unwrap(), String::new()))),
            ["not-older"]
        );
        assert_eq!(checks(|facts| facts.is_other_source = true), ["other-source"]);
        assert_eq!(
            checks(|facts| (facts.binaries, facts.in_suite) = (Vec::new(), Vec::new())),
            ["no-binaries"]
        );
        assert_eq!(checks(|facts| facts.in_suite.push(built(3, "hello-old", "one-updates"))), ["superset"]);
        let waits = vec![("hello-doc".to_owned(), 7)];
        assert_eq!(checks(|facts| facts.unpublished.clone_from(&waits)), ["unpublished"]);
        assert_eq!(
            checks(|facts| {
                alone(facts);
                facts.unpublished = waits;
            }),
            Vec::<&str>::new(),
            "a source alone takes none of them"
        );
        assert_eq!(checks(|facts| facts.with_binaries = false), ["has-binaries"]);
        assert_eq!(
            checks(|facts| {
                alone(facts);
                facts.in_archive = vec![built(1, "hello", "one-proposed")];
            }),
            ["has-binaries"]
        );
        assert_eq!(
            checks(|facts| {
                alone(facts);
                facts.building = vec!["arm64".parse().unwrap()];
            }),
            ["building"]
        );
    }

    #[test]
    fn everything_that_is_in_the_way_is_said_with_what_to_do() {
        let mut facts = facts();
        (facts.is_disclosed, facts.is_other_source) = (true, true);
        facts.files[0].is_here = false;
        let said = objections(&facts);
        assert_eq!(said.len(), 3);
        assert!(said.iter().all(|one| one.package == "hello" && !one.remedy.is_empty()));
        assert_eq!(
            said[1].to_string(),
            "hello: hello_1.0.dsc is not kept any more: import the package again, or copy a version whose files are there"
        );
    }
}
