//! Where an upload goes: what the path in incoming and the field `Distribution` say together.
//!
//! The path names the archive: `debian`, `debian/partner`, `~ann/debian/tools`, or nothing where there is one distribution. A suite at the end of
//! the path counts before the field. A suite may be named by an alias of its series, or as `devel` for the newest series under
//! development, with the pocket behind it: `unstable`, `devel-proposed`.

use crate::domain::problem::{Problem, Severity};
use crate::domain::{
    ArchiveReference, BuildId, DebVersion, DistributionName, Pocket, SeriesName, SeriesStatus, SourceName,
    SuiteName,
};
use crate::store::archive::{Archive, archive_by_id, archives};
use crate::store::distribution::{Distribution, distribution, distributions, find_distribution};
use crate::store::package_release::find_source_release;
use crate::store::series::{Series, series_of};
use crate::store::series_link::{self, DEVEL};
use crate::store::shape::{SuiteShape, shape};
use crate::store::{Connection, StoreError, ancestry, binary_package_build, suite};

/// Where an upload goes.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Its distribution.
    pub distribution: Distribution,
    /// Its archive.
    pub archive: Archive,
    /// Its suite.
    pub shape: SuiteShape,
}

fn wrong(what: String, remedy: impl Into<String>) -> Problem {
    Problem { severity: Severity::Rejection, check: "target", file: None, what, remedy: remedy.into() }
}

/// What the words of a path ask for.
struct Asked {
    archive: Archive,
    /// A suite that the path names.
    suite: Option<String>,
}

/// Finds where an upload goes; what cannot be found is a reason to refuse it.
///
/// # Errors
/// When the database fails.
pub fn find(
    db: &Connection,
    path: &[String],
    field: &str,
) -> Result<Result<Destination, Problem>, StoreError> {
    let (distribution, asked) = match asked(db, path, field)? {
        Ok(found) => found,
        Err(problem) => return Ok(Err(problem)),
    };
    let word = asked.suite.as_deref().unwrap_or(field);
    let name = match suite_name(db, &distribution, word)? {
        Ok(name) => name,
        Err(problem) => return Ok(Err(problem)),
    };
    let suite = suite::suite(db, asked.archive.id, &name)?;
    Ok(Ok(Destination { shape: shape(db, suite)?, archive: asked.archive, distribution }))
}

fn asked(
    db: &Connection,
    path: &[String],
    field: &str,
) -> Result<Result<(Distribution, Asked), Problem>, StoreError> {
    let shown = path.join("/");
    let (distribution, rest, owner) = match path {
        [] => match only_distribution(db, field)? {
            Ok(distribution) => (distribution, &[][..], None),
            Err(problem) => return Ok(Err(problem)),
        },
        [owner, distribution, ppa, rest @ ..] if owner.starts_with('~') && rest.len() <= 1 => {
            match named(db, distribution)? {
                Ok(distribution) => (distribution, rest, Some((owner, ppa))),
                Err(problem) => return Ok(Err(problem)),
            }
        }
        [owner, ..] if owner.starts_with('~') => {
            return Ok(Err(wrong(
                format!("the folder {shown:?} names no archive"),
                "put it into ~owner/distribution/archive, with the suite below that if you like",
            )));
        }
        [distribution, rest @ ..] => match named(db, distribution)? {
            Ok(distribution) => (distribution, rest, None),
            Err(problem) => return Ok(Err(problem)),
        },
    };
    let all = archives(db, distribution.id)?;
    let of =
        |reference: &ArchiveReference| all.iter().find(|archive| archive.reference == *reference).cloned();
    if let Some((owner, ppa)) = owner {
        let text = format!("{owner}/{}/{ppa}", distribution.name);
        let found = text.parse().ok().as_ref().and_then(of);
        return Ok(match found {
            Some(archive) => Ok((distribution, Asked { archive, suite: rest.first().cloned() })),
            None => Err(wrong(
                format!("there is no archive {text}"),
                "look at the spelling, or ask an administrator for it (`pressroom archive add --purpose PPA`)",
            )),
        });
    }
    let primary = ArchiveReference::primary(distribution.name.clone());
    let main = of(&primary);
    let found = match rest {
        [] => main.map(|archive| Asked { archive, suite: None }),
        [word] => match suite_name(db, &distribution, word)? {
            Ok(_) => main.map(|archive| Asked { archive, suite: Some(word.clone()) }),
            // not a suite: another archive of the distribution's own
            Err(problem) => match other(&distribution.name, word).as_ref().and_then(of) {
                Some(archive) => Some(Asked { archive, suite: None }),
                None => return Ok(Err(problem)),
            },
        },
        [word, suite] => other(&distribution.name, word)
            .as_ref()
            .and_then(of)
            .map(|archive| Asked { archive, suite: Some(suite.clone()) }),
        _ => None,
    };
    Ok(match found {
        Some(asked) => Ok((distribution, asked)),
        None => Err(wrong(
            format!("the folder {shown:?} names no archive"),
            format!("put it into {0}, {0}/suite or {0}/archive/suite", distribution.name),
        )),
    })
}

fn other(distribution: &DistributionName, word: &str) -> Option<ArchiveReference> {
    Some(ArchiveReference::named(distribution.clone(), word.parse().ok()?))
}

fn named(db: &Connection, word: &str) -> Result<Result<Distribution, Problem>, StoreError> {
    if let Ok(name) = word.parse::<DistributionName>()
        && let Some(found) = find_distribution(db, &name)?
    {
        return Ok(Ok(found));
    }
    let known: Vec<String> = distributions(db)?.iter().map(|one| one.name.to_string()).collect();
    Ok(Err(wrong(
        format!("there is no distribution {word:?}"),
        format!("put it into a folder of one that there is: {}", known.join(", ")),
    )))
}

/// Without a path: the only distribution, or the only one with such a suite.
fn only_distribution(db: &Connection, field: &str) -> Result<Result<Distribution, Problem>, StoreError> {
    let all = distributions(db)?;
    if let [only] = &all[..] {
        return Ok(Ok(only.clone()));
    }
    let mut with_suite = Vec::new();
    for distribution in &all {
        if suite_name(db, distribution, field)?.is_ok() {
            with_suite.push(distribution.clone());
        }
    }
    if let [only] = &with_suite[..] {
        return Ok(Ok(only.clone()));
    }
    let named = if with_suite.is_empty() { &all } else { &with_suite };
    let names: Vec<String> = named.iter().map(|one| one.name.to_string()).collect();
    Ok(Err(wrong(
        format!("it does not say for which distribution it is, and {field:?} does not either"),
        format!("put it into a folder of one: {}", names.join(", ")),
    )))
}

/// The suite that a word names, as its own name or through an alias.
fn suite_name(
    db: &Connection,
    distribution: &Distribution,
    word: &str,
) -> Result<Result<SuiteName, Problem>, StoreError> {
    let all = series_of(db, distribution.id)?;
    let shown: String = word.chars().take(80).collect();
    let remedy = || {
        let names: Vec<&str> = all.iter().map(|series| series.name.as_str()).collect();
        format!(
            "name a suite of {} in the changelog, as {}, or one with a pocket behind it, as -proposed",
            distribution.name,
            names.join(", ")
        )
    };
    if word == "UNRELEASED" {
        return Ok(Err(wrong(
            "its changelog says UNRELEASED".to_owned(),
            format!("{}: `dch --release` does", remedy()),
        )));
    }
    let Ok(asked) = word.parse::<SuiteName>() else {
        return Ok(Err(wrong(format!("{shown:?} is the name of no suite"), remedy())));
    };
    let (name, pocket) = (asked.series().as_str(), asked.pocket());
    Ok(match series(db, distribution, &all, name)? {
        Some(series) => Ok(SuiteName::new(series, pocket)),
        None => Err(wrong(format!("{} has no suite {shown}", distribution.name), remedy())),
    })
}

fn series(
    db: &Connection,
    distribution: &Distribution,
    all: &[Series],
    name: &str,
) -> Result<Option<SeriesName>, StoreError> {
    if let Some(series) = all.iter().find(|series| series.name.as_str() == name) {
        return Ok(Some(series.name.clone()));
    }
    if let Some(id) = series_link::series_of_alias(db, distribution.id, name)? {
        return Ok(all.iter().find(|series| series.id == id).map(|series| series.name.clone()));
    }
    Ok((name == DEVEL || distribution.development_alias.as_ref().is_some_and(|alias| alias.as_str() == name))
        .then(|| newest_in_development(all).map(|series| series.name.clone()))
        .flatten())
}

/// The newest series that is being made; one that nobody promises anything of, where there is no other.
fn newest_in_development(all: &[Series]) -> Option<&Series> {
    let newest = |wanted: &[SeriesStatus]| {
        all.iter().filter(|series| wanted.contains(&series.status)).max_by_key(|series| series.id)
    };
    newest(&[SeriesStatus::Development, SeriesStatus::Frozen])
        .or_else(|| newest(&[SeriesStatus::Experimental]))
}

/// The suite of the same series and archive with another pocket.
///
/// # Errors
/// When the database fails.
pub fn with_pocket(
    db: &Connection,
    destination: &Destination,
    pocket: Pocket,
) -> Result<SuiteShape, StoreError> {
    let name = SuiteName::new(destination.shape.series.name.clone(), pocket);
    shape(db, suite::suite(db, destination.archive.id, &name)?)
}

/// Where what a build has made goes: where the build is for.
///
/// # Errors
/// When the database fails.
pub fn of_build(db: &Connection, id: BuildId) -> Result<Result<Destination, Problem>, StoreError> {
    let build = match binary_package_build::build(db, id) {
        Ok(build) => build,
        Err(StoreError::Unknown { .. }) => {
            let remedy = "look at `pressroom build list`, or leave the build out to have it found";
            return Ok(Err(wrong(format!("there is no build {id}"), remedy)));
        }
        Err(error) => return Err(error),
    };
    let archive = archive_by_id(db, build.archive)?;
    let distribution = distribution(db, archive.reference.distribution())?;
    let shape = shape(db, suite::suite(db, archive.id, &build.suite_name)?)?;
    Ok(Ok(Destination { distribution, archive, shape }))
}

/// The suite that a source is in or built for, where what was built names another pocket of its series: its source was sent on, as to PROPOSED.
///
/// # Errors
/// When the database fails.
pub fn of_built(
    db: &Connection,
    destination: &Destination,
    source: &SourceName,
    version: &DebVersion,
) -> Result<Option<SuiteShape>, StoreError> {
    let archive = destination.archive.id;
    let Some(release) = find_source_release(db, archive, source, version)? else { return Ok(None) };
    let own = &destination.shape.suite.name;
    let builds = binary_package_build::builds_of_source(db, archive, release)?;
    let mut pockets: Vec<Pocket> = (builds.iter().map(|build| &build.suite_name))
        .filter(|name| name.series() == own.series())
        .map(SuiteName::pocket)
        .collect();
    if pockets.is_empty() {
        pockets = ancestry::pockets_of_release(db, (archive, destination.shape.series.id), release)?;
    }
    match pockets.first() {
        Some(first) if !pockets.contains(&own.pocket()) => with_pocket(db, destination, *first).map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::ArchivePurpose;
    use crate::store::Db;
    use crate::store::archive::create_archive;
    use crate::store::distribution::create_distribution;
    use crate::store::series::{SeriesChange, change_series, create_series};

    fn db() -> Db {
        let now = Timestamp::UNIX_EPOCH;
        let mut db = Db::in_memory().unwrap();
        db.write(|tx| {
            for (name, all) in [("demo", &["one", "two", "three"][..]), ("other", &["one", "sid"])] {
                let name: DistributionName = name.parse().unwrap();
                let id = create_distribution(tx, &name, &name.as_str().parse().unwrap(), now)?;
                let row = distribution(tx, &name)?;
                for archive in
                    [ArchiveReference::primary(name.clone()), format!("{name}/partner").parse().unwrap()]
                {
                    let purpose = if archive.name() == "primary" {
                        ArchivePurpose::Primary
                    } else {
                        ArchivePurpose::Partner
                    };
                    create_archive(tx, &row, &archive, purpose, "an archive", now)?;
                }
                for series in all {
                    create_series(tx, id, &series.parse().unwrap(), &"1".parse().unwrap(), now)?;
                }
                let of = series_of(tx, id)?;
                let change = SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() };
                change_series(tx, of[0].id, &change, now)?;
                let future = SeriesChange { status: Some(SeriesStatus::Future), ..SeriesChange::default() };
                change_series(tx, of.last().unwrap().id, &future, now)?;
                if all.len() == 2 {
                    series_link::set_aliases(tx, of[1].id, &["unstable".parse().unwrap()])?;
                    for word in ["one", "devel"] {
                        assert!(series_link::set_aliases(tx, of[1].id, &[word.parse().unwrap()]).is_err());
                    }
                }
            }
            Ok::<(), StoreError>(())
        })
        .unwrap();
        db
    }

    fn found(db: &Db, path: &str, field: &str) -> Result<String, String> {
        let words: Vec<String> = path.split('/').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        find(db.read(), &words, field)
            .unwrap()
            .map(|found| format!("{} {}", found.archive.reference, found.shape.suite.name))
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn paths_and_fields_say_where_an_upload_goes() {
        let db = db();
        for (path, field, expected) in [
            ("demo", "two", "demo two"),
            ("demo", "two-proposed", "demo two-proposed"),
            ("demo/one-security", "two", "demo one-security"),
            ("demo/partner", "two", "demo/partner two"),
            ("demo/partner/one", "two", "demo/partner one"),
            ("demo", "devel", "demo two"),
            ("demo", "devel-proposed", "demo two-proposed"),
            ("demo/devel", "nonsense", "demo two"),
            ("other", "unstable", "other sid"),
            ("other", "unstable-security", "other sid-security"),
            ("", "three", "demo three"),
            ("", "unstable", "other sid"),
        ] {
            assert_eq!(found(&db, path, field).as_deref(), Ok(expected), "{path} {field}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_said_with_what_to_do() {
        let db = db();
        for (path, field, expected) in [
            (
                "",
                "one",
                "it does not say for which distribution it is, and \"one\" does not either: put it into a folder of one: demo, other",
            ),
            (
                "none",
                "one",
                "there is no distribution \"none\": put it into a folder of one that there is: demo, other",
            ),
            (
                "demo",
                "four",
                "demo has no suite four: name a suite of demo in the changelog, as one, two, three",
            ),
            ("demo", "UNRELEASED", "its changelog says UNRELEASED: "),
            ("demo", "../etc", "\"../etc\" is the name of no suite: "),
            ("demo/nothing", "one", "demo has no suite nothing: "),
            ("demo/one/two", "one", "the folder \"demo/one/two\" names no archive: "),
            ("demo/partner/one/two", "one", "the folder \"demo/partner/one/two\" names no archive: "),
            ("~ann/demo/tools", "one", "there is no archive ~ann/demo/tools: "),
            ("~ann/demo", "one", "the folder \"~ann/demo\" names no archive: "),
            ("~ann/nope/tools", "one", "there is no distribution \"nope\": "),
            ("other", "devel", "other has no suite devel: "),
            ("demo", "unstable", "demo has no suite unstable: "),
        ] {
            let message = found(&db, path, field).unwrap_err();
            assert!(message.starts_with(expected), "{path} {field}: {message}");
        }
    }
}
