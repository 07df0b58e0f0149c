//! `distro_series`, its architectures and its components.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError, expiry, suite};
use crate::domain::name::{ArchitectureTag, ComponentName, SeriesName};
use crate::domain::{
    ArchSeriesId, Checksum, ComponentId, Compressor, Compressors, DistributionId, MailAddress, PatchLimit,
    ReleaseText, ReleaseWord, SegmentSize, SeriesId, SeriesStatus, SourceFormat, SourceFormats, Translations,
};

/// A series of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its row.
    pub id: SeriesId,
    /// Its distribution's row.
    pub distribution: DistributionId,
    /// `bookworm`.
    pub name: SeriesName,
    /// `12`.
    pub version: String,
    /// As people write it.
    pub display_name: String,
    /// `Description` of the Release files; empty: made from the names.
    pub description: String,
    /// Where it is in its life.
    pub status: SeriesStatus,
    /// In which forms indexes are published, sorted.
    pub index_compressors: Vec<Compressor>,
    /// Which checksums indexes carry, sorted.
    pub checksums: Vec<Checksum>,
    /// Whether index files lie under by-hash too.
    pub publish_by_hash: bool,
    /// Whether clients are told so.
    pub advertise_by_hash: bool,
    /// Whether clients take from -backports only what they are asked to.
    pub backports_not_automatic: bool,
    /// Whether clients take from -proposed only what they are asked to.
    pub proposed_not_automatic: bool,
    /// `Valid-Until` is so many seconds after `Date`.
    pub valid_for_seconds: Option<i64>,
    /// How much text a segment of an index has on average.
    pub index_segment_size: SegmentSize,
    /// Who reads what was accepted, by mail; none: nobody.
    pub changes_list: Option<String>,
    /// Which formats its source packages may have, sorted.
    pub source_formats: Vec<SourceFormat>,
    /// `Suite` of its release pocket's Release file, as stable; empty: its name.
    pub suite_name: String,
    /// `Codename` of its Release files; empty: its name.
    pub codename: String,
    /// Where long descriptions stand.
    pub translations: Translations,
    /// Whether there are Contents indexes.
    pub contents: bool,
    /// How many patches of each index are kept.
    pub index_patches: PatchLimit,
}

/// An architecture of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchSeries {
    /// Its row.
    pub id: ArchSeriesId,
    /// `amd64`.
    pub tag: ArchitectureTag,
    /// Whether it is published.
    pub enabled: bool,
}

/// A component of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesComponent {
    /// Its row.
    pub id: ComponentId,
    /// `main`.
    pub name: ComponentName,
}

const COLUMNS: &str = "id, distribution, name, version, display_name, description, status, index_compressors, checksums, publish_by_hash, \
                       advertise_by_hash, backports_not_automatic, proposed_not_automatic, valid_for_seconds, index_segment_size, \
                       changes_list, source_formats, suite_name, codename, translations, contents, \
                       index_patches";

fn words<T: std::str::FromStr + Ord>(
    row: &rusqlite::Row<'_>,
    column: usize,
    between: char,
) -> rusqlite::Result<Vec<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    let mut words = text
        .split(between)
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect::<Result<Vec<T>, _>>()
        .map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
        })?;
    words.sort();
    Ok(words)
}

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Series> {
    Ok(Series {
        id: row.get(0)?,
        distribution: row.get(1)?,
        name: row.get(2)?,
        version: row.get(3)?,
        display_name: row.get(4)?,
        description: row.get(5)?,
        status: row.get(6)?,
        index_compressors: words(row, 7, ' ')?,
        checksums: words(row, 8, ' ')?,
        publish_by_hash: row.get(9)?,
        advertise_by_hash: row.get(10)?,
        backports_not_automatic: row.get(11)?,
        proposed_not_automatic: row.get(12)?,
        valid_for_seconds: row.get(13)?,
        index_segment_size: row.get(14)?,
        changes_list: row.get(15)?,
        source_formats: words(row, 16, ',')?,
        suite_name: row.get(17)?,
        codename: row.get(18)?,
        translations: row.get(19)?,
        contents: row.get(20)?,
        index_patches: row.get(21)?,
    })
}

/// The series of a distribution, oldest first.
///
/// # Errors
/// When the database fails.
pub fn series_of(db: &Connection, distribution: DistributionId) -> Result<Vec<Series>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM distro_series WHERE distribution = ?1 ORDER BY id"))
        .and_then(|mut statement| statement.query_map([distribution], from_row)?.collect())
        .during("list the series")
}

/// The series of a name.
///
/// # Errors
/// When there is none; it says which there are.
pub fn series(
    db: &Connection,
    distribution: DistributionId,
    name: &SeriesName,
) -> Result<Series, StoreError> {
    let all = series_of(db, distribution)?;
    let known = all.iter().map(|series| series.name.to_string()).collect();
    all.into_iter().find(|series| series.name == *name).ok_or_else(|| StoreError::Unknown {
        what: "series",
        name: name.to_string(),
        known,
    })
}

/// The series of a row.
///
/// # Errors
/// When the row is gone.
pub fn series_by_id(db: &Connection, id: SeriesId) -> Result<Series, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM distro_series WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row))
        .during("find the series")
}

/// Adds a series, with a suite for every pocket in every archive of the distribution.
///
/// # Errors
/// When it exists.
pub fn create_series(
    tx: &Transaction<'_>,
    distribution: DistributionId,
    name: &SeriesName,
    version: &ReleaseText,
    now: Timestamp,
) -> Result<SeriesId, StoreError> {
    let all = series_of(tx, distribution)?;
    if all.iter().any(|series| series.name == *name) {
        return Err(StoreError::Exists { what: "series", name: name.to_string() });
    }
    if super::series_link::is_alias(tx, distribution, name.as_str())? {
        return Err(StoreError::Refused(format!(
            "{name} is another name of a series already: choose another, or take that name away with `pressroom series set --alias`"
        )));
    }
    let previous = all.last().map(|series| series.id);
    let id = tx
        .prepare_cached(
            "INSERT INTO distro_series (distribution, name, version, display_name, status, previous_series, date_created)
             VALUES (?1, ?2, ?3, ?2, 'DEVELOPMENT', ?4, ?5) RETURNING id",
        )
        .and_then(|mut statement| {
            statement.query_row((distribution, name, version.as_str(), previous, Date(now)), |row| row.get(0))
        })
        .during("add the series")?;
    suite::create_missing_suites(tx, distribution)?;
    Ok(id)
}

/// Which settings of a series to change; those left out stay.
#[derive(Debug, Clone, Default)]
pub struct SeriesChange {
    /// `Version` of the Release files.
    pub version: Option<ReleaseText>,
    /// As people write it.
    pub display_name: Option<ReleaseText>,
    /// `Description` of the Release files.
    pub description: Option<ReleaseText>,
    /// Where it is in its life.
    pub status: Option<SeriesStatus>,
    /// In which forms indexes are published.
    pub index_compressors: Option<Compressors>,
    /// Which checksums indexes carry; SHA256 always.
    pub checksums: Option<Vec<Checksum>>,
    /// Whether index files lie under by-hash too.
    pub publish_by_hash: Option<bool>,
    /// Whether clients are told so.
    pub advertise_by_hash: Option<bool>,
    /// Whether -backports is `NotAutomatic`.
    pub backports_not_automatic: Option<bool>,
    /// Whether -proposed is `NotAutomatic`.
    pub proposed_not_automatic: Option<bool>,
    /// `Valid-Until` after `Date`; `Some(None)`: none.
    pub valid_for_seconds: Option<Option<i64>>,
    /// How much text a segment of an index has.
    pub index_segment_size: Option<SegmentSize>,
    /// Who reads what was accepted, by mail; `Some(None)`: nobody.
    pub changes_list: Option<Option<MailAddress>>,
    /// Which formats its source packages may have.
    pub source_formats: Option<SourceFormats>,
    /// `Suite` of the Release files; empty: its name.
    pub suite_name: Option<ReleaseWord>,
    /// `Codename` of the Release files; empty: its name.
    pub codename: Option<ReleaseWord>,
    /// Where long descriptions stand.
    pub translations: Option<Translations>,
    /// Whether there are Contents indexes.
    pub contents: Option<bool>,
    /// How many patches of each index are kept.
    pub index_patches: Option<PatchLimit>,
}

/// As the tables have several words: in the order of the alphabet, so that the same ones are the same text.
fn joined(words: impl IntoIterator<Item = &'static str>, between: &str) -> String {
    let mut words: Vec<_> = words.into_iter().collect();
    words.sort_unstable();
    words.dedup();
    words.join(between)
}

/// Changes a series. What shows in the published files makes its suites due for a full publication.
///
/// # Errors
/// When the database fails.
pub fn change_series(
    tx: &Transaction<'_>,
    id: SeriesId,
    change: &SeriesChange,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = series_by_id(tx, id)?;
    let compressors =
        change.index_compressors.as_ref().map(|all| joined(all.iter().map(Compressor::as_str), " "));
    let formats =
        change.source_formats.as_ref().map(|all| joined(all.iter().map(SourceFormat::as_str), ", "));
    let checksums = change
        .checksums
        .as_ref()
        .map(|all| joined(all.iter().map(|one| one.as_str()).chain(["sha256"]), " "));
    tx.execute(
        include_str!("change_series.sql"),
        rusqlite::params![
            id,
            change.version.as_ref().map(ReleaseText::as_str),
            change.display_name.as_ref().map(ReleaseText::as_str),
            change.description.as_ref().map(ReleaseText::as_str),
            change.status,
            compressors,
            checksums,
            change.publish_by_hash,
            change.advertise_by_hash,
            change.backports_not_automatic,
            change.proposed_not_automatic,
            change.valid_for_seconds.is_some(),
            change.valid_for_seconds.flatten(),
            Date(now),
            change.index_segment_size,
            change.changes_list.is_some(),
            change.changes_list.as_ref().and_then(Option::as_ref).map(MailAddress::as_str),
            formats,
            change.suite_name.as_ref().map(ReleaseWord::as_str),
            change.codename.as_ref().map(ReleaseWord::as_str),
            change.translations,
            change.contents,
            change.index_patches,
        ],
    )
    .during("change the series")?;
    let after = series_by_id(tx, id)?;
    if after.status == SeriesStatus::Obsolete && before.status != SeriesStatus::Obsolete {
        // what has left its pools may be wanted no more
        expiry::suggest_of_series(tx, id, now)?;
    }
    let shows = shows(&before, &after);
    if shows.release_file {
        suite::forget_release(tx, suite::Of::Series(id))?;
    }
    if shows.indexes {
        suite::forget_indexes(tx, suite::Of::Series(id))?;
    }
    Ok(())
}

/// In which published files it shows that a series has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shows {
    /// In indexes, which are made anew, and the Release file with them.
    indexes: bool,
    /// In the Release file.
    release_file: bool,
}

fn shows(before: &Series, after: &Series) -> Shows {
    // what does not show in the indexes
    let indexed = Series {
        status: before.status,
        changes_list: before.changes_list.clone(),
        source_formats: before.source_formats.clone(),
        suite_name: before.suite_name.clone(),
        codename: before.codename.clone(),
        ..after.clone()
    };
    Shows {
        indexes: indexed != *before,
        release_file: (&after.suite_name, &after.codename) != (&before.suite_name, &before.codename),
    }
}

/// The architectures of a series, also those that are off, by tag.
///
/// # Errors
/// When the database fails.
pub fn architectures(db: &Connection, series: SeriesId) -> Result<Vec<ArchSeries>, StoreError> {
    db.prepare_cached(
        "SELECT id, architecture_tag, enabled FROM distro_arch_series WHERE distro_series = ?1 ORDER BY architecture_tag",
    )
    .and_then(|mut statement| {
        statement
            .query_map([series], |row| Ok(ArchSeries { id: row.get(0)?, tag: row.get(1)?, enabled: row.get(2)? }))?
            .collect()
    })
    .during("list the architectures")
}

/// Adds an architecture, or turns one on or off.
///
/// # Errors
/// When it is `all` or `source`, which are no architectures of a series.
pub fn set_architecture(
    tx: &Transaction<'_>,
    series: SeriesId,
    tag: &ArchitectureTag,
    enabled: bool,
) -> Result<(), StoreError> {
    if tag.is_all() || tag.is_source() || tag.is_wildcard() {
        return Err(StoreError::Refused(format!(
            "{tag} is no architecture of its own: name real ones, as amd64; packages for all are in the index of each, and what stands for several is for sources to say"
        )));
    }
    let before = architectures(tx, series)?.into_iter().find(|one| one.tag == *tag).map(|one| one.enabled);
    if before == Some(enabled) {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO distro_arch_series (distro_series, architecture_tag, enabled) VALUES (?1, ?2, ?3)
         ON CONFLICT (distro_series, architecture_tag) DO UPDATE SET enabled = excluded.enabled",
        (series, tag, enabled),
    )
    .during("change the architecture")?;
    suite::forget_indexes(tx, suite::Of::Series(series))
}

/// The components of a series, the most preferred first.
///
/// # Errors
/// When the database fails.
pub fn components(db: &Connection, series: SeriesId) -> Result<Vec<SeriesComponent>, StoreError> {
    db.prepare_cached(
        "SELECT component.id, component.name FROM component_selection JOIN component ON component.id = component
         WHERE distro_series = ?1 ORDER BY ordering, component.name",
    )
    .and_then(|mut statement| {
        statement
            .query_map([series], |row| Ok(SeriesComponent { id: row.get(0)?, name: row.get(1)? }))?
            .collect()
    })
    .during("list the components")
}

/// The component of a name in a series.
///
/// # Errors
/// When the series has no such component; it says which it has.
pub fn component(
    db: &Connection,
    series: SeriesId,
    name: &ComponentName,
) -> Result<SeriesComponent, StoreError> {
    let all = components(db, series)?;
    let known = all.iter().map(|component| component.name.to_string()).collect();
    all.into_iter().find(|component| component.name == *name).ok_or_else(|| StoreError::Unknown {
        what: "component",
        name: name.to_string(),
        known,
    })
}

/// Adds a component behind those that the series has; one that it has stays where it is.
///
/// # Errors
/// When the database fails.
pub fn add_component(tx: &Transaction<'_>, series: SeriesId, name: &ComponentName) -> Result<(), StoreError> {
    if components(tx, series)?.iter().any(|component| component.name == *name) {
        return Ok(());
    }
    if name.as_str() == "by-hash" {
        return Err(StoreError::Refused(format!(
            "a component cannot be called {name}: clients look there for files by their digests; choose another name"
        )));
    }
    tx.execute("INSERT OR IGNORE INTO component (name) VALUES (?1)", [name]).during("add the component")?;
    tx.execute(
        "INSERT INTO component_selection (distro_series, component, ordering)
         SELECT ?1, id, (SELECT count(*) FROM component_selection WHERE distro_series = ?1) FROM component WHERE name = ?2",
        (series, name),
    )
    .during("add the component")?;
    suite::forget_indexes(tx, suite::Of::Series(series))
}

/// The name of a component's row.
///
/// # Errors
/// When the row is gone.
pub fn component_name(db: &Connection, id: ComponentId) -> Result<ComponentName, StoreError> {
    db.prepare_cached("SELECT name FROM component WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
        .during("find the component")?
        .ok_or_else(|| StoreError::Unknown {
            what: "component",
            name: format!("with row {id}"),
            known: Vec::new(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DistributionId;

    fn series() -> Series {
        Series {
            id: SeriesId(1),
            distribution: DistributionId(1),
            name: "one".parse().unwrap(),
            version: "1".into(),
            display_name: "One".into(),
            description: String::new(),
            status: SeriesStatus::Development,
            index_compressors: vec![Compressor::Gz],
            checksums: vec![Checksum::Sha256],
            publish_by_hash: true,
            advertise_by_hash: true,
            backports_not_automatic: true,
            proposed_not_automatic: true,
            valid_for_seconds: None,
            index_segment_size: SegmentSize::new(1 << 16).unwrap(),
            changes_list: None,
            source_formats: vec![SourceFormat::V1],
            suite_name: String::new(),
            codename: String::new(),
            translations: Translations::English,
            contents: false,
            index_patches: PatchLimit::default(),
        }
    }

    #[test]
    fn a_change_is_published_where_it_shows() {
        type Change = fn(&mut Series);
        let cases: [(&str, Change, (bool, bool)); 9] = [
            ("nothing", |_| (), (false, false)),
            ("its life", |series| series.status = SeriesStatus::Current, (false, false)),
            ("who reads of it", |series| series.changes_list = Some("a@example.org".into()), (false, false)),
            ("what it takes", |series| series.source_formats = vec![SourceFormat::Quilt], (false, false)),
            ("its Suite", |series| series.suite_name = "stable".into(), (false, true)),
            ("its Codename", |series| series.codename = "uno".into(), (false, true)),
            ("its version", |series| series.version = "2".into(), (true, false)),
            ("its forms", |series| series.index_compressors = vec![Compressor::Xz], (true, false)),
            ("patches", |series| series.index_patches = "7".parse().unwrap(), (true, false)),
        ];
        for (what, change, (indexes, release_file)) in cases {
            let mut after = series();
            change(&mut after);
            assert_eq!(shows(&series(), &after), Shows { indexes, release_file }, "{what}");
        }
    }
}
