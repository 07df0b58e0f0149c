//! `source_package_publishing_history` and `binary_package_publishing_history`: what is, was or will be in the indexes.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::archive::archive_by_id;
use super::extra_override::fields_of_new;
use super::package_override::Override;
use super::series::series_by_id;
use super::sql::Date;
use super::{During, Made, StoreError, library_file};
use crate::domain::name::{PackagePriority, Section, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{
    ArchSeriesId, ArchiveId, BinaryReleaseId, ComponentId, PackageKind, Pocket, PublicationId,
    PublicationStatus, SeriesId, SourceReleaseId, SuiteId,
};

/// A source to be published.
#[derive(Debug, Clone)]
pub struct NewSourcePublication<'a> {
    /// Where.
    pub suite: SuiteId,
    /// What.
    pub release: Made<SourceReleaseId>,
    /// Its name.
    pub name: &'a SourceName,
    /// In which component.
    pub component: ComponentId,
    /// In which section.
    pub section: Option<&'a Section>,
    /// Who asked for it.
    pub creator: &'a str,
}

/// What became of a wish to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wished {
    /// It waits now.
    Pending,
    /// It waits, or is published, as wished already.
    AsItWas,
}

/// How the publications of a name stand to a release that is to be published. Rows are counted newest first.
#[derive(Default)]
struct Past {
    /// Whether the newest active publication of the release is as wished.
    newest: Option<bool>,
    /// Whether the release was there as wished, and was superseded.
    was_superseded: bool,
    /// Whether a higher version is active, under which the release would be superseded again.
    is_below: bool,
}

impl Past {
    fn count(&mut self, row: &rusqlite::Row<'_>, same: bool) -> rusqlite::Result<()> {
        let (status, is_the_release): (PublicationStatus, bool) = (row.get(0)?, row.get(1)?);
        let (version, of_the_release): (DebVersion, DebVersion) = (row.get(2)?, row.get(3)?);
        if status.is_active() && is_the_release {
            self.newest.get_or_insert(same);
        } else if status.is_active() {
            self.is_below |= version.dpkg_cmp(&of_the_release).is_gt();
        } else if is_the_release && same && status == PublicationStatus::Superseded {
            self.was_superseded = true;
        }
        Ok(())
    }

    /// Whether a new publication would change nothing.
    const fn is_as_wished(&self) -> bool {
        match self.newest {
            Some(same) => same,
            None => self.was_superseded && self.is_below,
        }
    }
}

/// Publishes a source, unless it is or waits to be there with the same component and section, or was and has given way to a
/// higher version.
///
/// # Errors
/// When the database fails.
pub fn publish_source(
    tx: &Transaction<'_>,
    new: &NewSourcePublication<'_>,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    const WHAT: &str = "look for a publication";
    let extra_fields = fields_of_new(tx, new.suite, (PackageKind::Source, new.name.as_str()), None)?;
    let mut standing = Past::default();
    if let Made::Known(release) = new.release {
        let mut statement =
            tx.prepare_cached(include_str!("source_publications_of_name.sql")).during(WHAT)?;
        let mut rows = statement.query((new.suite, new.name, release)).during(WHAT)?;
        while let Some(row) = rows.next().during(WHAT)? {
            let same = row.get::<_, ComponentId>(4).during(WHAT)? == new.component
                && row.get::<_, Option<Section>>(5).during(WHAT)?.as_ref() == new.section
                && row.get::<_, Option<String>>(6).during(WHAT)? == extra_fields;
            standing.count(row, same).during(WHAT)?;
        }
    }
    if standing.is_as_wished() {
        return Ok(Wished::AsItWas);
    }
    if let Made::Known(release) = new.release {
        library_file::refuse_expired(tx, release.into())?;
    }
    tx.prepare_cached(
        "INSERT INTO source_package_publishing_history (suite, source_package_release, source_package_name, component, section, status,
         date_created, creator, extra_fields, ancestor) VALUES (?1, ?2, ?3, ?4, ?5, 'PENDING', ?6, ?7, ?8,
         (SELECT max(id) FROM source_package_publishing_history WHERE suite = ?1 AND source_package_name = ?3 AND status = 'PUBLISHED'))",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.suite,
            new.release.row(),
            new.name,
            new.component,
            new.section,
            Date(now),
            new.creator,
            &extra_fields,
        ))
    })
    .during("add a publication")?;
    Ok(Wished::Pending)
}

/// A binary to be published for one architecture.
#[derive(Debug, Clone)]
pub struct NewBinaryPublication<'a> {
    /// Where.
    pub suite: SuiteId,
    /// In whose index; a package for all has a publication for each.
    pub architecture: ArchSeriesId,
    /// What.
    pub release: Made<BinaryReleaseId>,
    /// Its name.
    pub name: &'a str,
    /// In which component.
    pub component: ComponentId,
    /// In which section.
    pub section: Option<&'a Section>,
    /// With which priority.
    pub priority: Option<&'a PackagePriority>,
    /// Who asked for it.
    pub creator: &'a str,
}

/// To how many in a hundred a binary package is given, as far as somebody has a word on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phasing {
    /// Nobody has: what is there stays as it is, what is new is given to all.
    Unsaid,
    /// To all of them.
    All,
    /// To so many.
    Percentage(u8),
}

impl Phasing {
    /// As rows have it.
    const fn column(self) -> Option<u8> {
        match self {
            Self::Unsaid | Self::All => None,
            Self::Percentage(percentage) => Some(percentage),
        }
    }

    /// What a row says.
    #[must_use]
    pub fn of(column: Option<u8>) -> Self {
        column.map_or(Self::All, Self::Percentage)
    }
}

/// As [`publish_source`].
///
/// # Errors
/// When the database fails.
pub fn publish_binary(
    tx: &Transaction<'_>,
    new: &NewBinaryPublication<'_>,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    publish_phased_binary(tx, new, Phasing::Unsaid, now)
}

/// As [`publish_binary`], to so many in a hundred.
///
/// # Errors
/// When the database fails.
pub fn publish_phased_binary(
    tx: &Transaction<'_>,
    new: &NewBinaryPublication<'_>,
    phasing: Phasing,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    const WHAT: &str = "look for a publication";
    let extra_fields = fields_of_new(tx, new.suite, (PackageKind::Binary, new.name), Some(new.architecture))?;
    let mut standing = Past::default();
    if let Made::Known(release) = new.release {
        let mut statement =
            tx.prepare_cached(include_str!("binary_publications_of_name.sql")).during(WHAT)?;
        let mut rows = statement.query((new.suite, new.name, release, new.architecture)).during(WHAT)?;
        while let Some(row) = rows.next().during(WHAT)? {
            let same = row.get::<_, ComponentId>(4).during(WHAT)? == new.component
                && row.get::<_, Option<Section>>(5).during(WHAT)?.as_ref() == new.section
                && row.get::<_, Option<PackagePriority>>(6).during(WHAT)?.as_ref() == new.priority
                && (phasing == Phasing::Unsaid
                    || row.get::<_, Option<u8>>(7).during(WHAT)? == phasing.column())
                && row.get::<_, Option<String>>(8).during(WHAT)? == extra_fields;
            standing.count(row, same).during(WHAT)?;
        }
    }
    if standing.is_as_wished() {
        return Ok(Wished::AsItWas);
    }
    if let Made::Known(release) = new.release {
        library_file::refuse_expired(tx, release.into())?;
    }
    tx.prepare_cached(
        "INSERT INTO binary_package_publishing_history (suite, distro_arch_series, binary_package_release, binary_package_name, component,
         section, priority, phased_update_percentage, status, date_created, creator, extra_fields, ancestor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?10, 'PENDING', ?8, ?9, ?11,
         (SELECT max(id) FROM binary_package_publishing_history WHERE suite = ?1 AND distro_arch_series = ?2
          AND binary_package_name = ?4 AND status = 'PUBLISHED'))",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.suite,
            new.architecture,
            new.release.row(),
            new.name,
            new.component,
            new.section,
            new.priority,
            Date(now),
            new.creator,
            phasing.column(),
            &extra_fields,
        ))
    })
    .during("add a publication")?;
    Ok(Wished::Pending)
}

/// Gives an architecture that is new in a series the packages for all that the other architectures have.
///
/// # Errors
/// When the database fails.
pub fn publish_arch_all_for(
    tx: &Transaction<'_>,
    series: SeriesId,
    architecture: ArchSeriesId,
    creator: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    const WHAT: &str = "publish the packages for all architectures";
    let count = tx
        .execute(include_str!("publish_arch_all_for.sql"), (series, architecture, creator, Date(now)))
        .during(WHAT)?;
    let with_fields: Vec<(PublicationId, SuiteId, String)> = tx
        .prepare_cached(
            "SELECT DISTINCT publication.id, publication.suite, publication.binary_package_name
             FROM suite JOIN extra_override AS extra ON extra.archive = suite.archive AND extra.distro_series = suite.distro_series
             JOIN binary_package_publishing_history AS publication ON publication.suite = suite.id
               AND publication.distro_arch_series = ?2 AND publication.binary_package_name = extra.package_name
             WHERE suite.distro_series = ?1 AND extra.kind = 'BINARY' AND publication.status = 'PENDING'
             AND publication.date_created = ?3 AND publication.extra_fields IS NULL ORDER BY publication.id",
        )
        .and_then(|mut statement| {
            statement
                .query_map((series, architecture, Date(now)), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })
        .during(WHAT)?;
    for (publication, suite, name) in with_fields {
        let fields = fields_of_new(tx, suite, (PackageKind::Binary, &name), Some(architecture))?;
        tx.prepare_cached("UPDATE binary_package_publishing_history SET extra_fields = ?2 WHERE id = ?1")
            .and_then(|mut statement| statement.execute((publication, fields)))
            .during(WHAT)?;
    }
    Ok(count)
}

/// Publishes the packages of a name that are published, or wait to be, again where an override says something else of them: in all suites of a series of
/// an archive that may change. Each is taken as its newest publication has it. Says how many publications wait for it.
///
/// # Errors
/// When the database fails.
pub fn publish_as_overridden(
    tx: &Transaction<'_>,
    (archive, series): (ArchiveId, SeriesId),
    (kind, name): (PackageKind, &str),
    new: &Override,
    creator: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    // the release pocket of a stable series does not change
    let status = series_by_id(tx, series)?.status;
    let all_pockets = !archive_by_id(tx, archive)?.purpose.holds_still(Pocket::Release, status);
    let of = Overridden { archive, series, all_pockets, new, creator, now };
    match kind {
        PackageKind::Source => publish_overridden_source(tx, &of, name),
        PackageKind::Binary => publish_overridden_binary(tx, &of, name),
    }
}

/// What an override says, and where.
struct Overridden<'a> {
    archive: ArchiveId,
    series: SeriesId,
    /// Or all but that of releases.
    all_pockets: bool,
    new: &'a Override,
    creator: &'a str,
    now: Timestamp,
}

const WHAT_IS_OVERRIDDEN: &str = "list what an override changes";

fn publish_overridden_source(
    tx: &Transaction<'_>,
    of: &Overridden<'_>,
    name: &str,
) -> Result<usize, StoreError> {
    let published: Vec<(SuiteId, SourceReleaseId, SourceName, ComponentId, Option<Section>)> = tx
        .prepare_cached(
            "SELECT suite.id, source_package_release, source_package_name, component, section
             FROM suite JOIN source_package_publishing_history AS publication ON publication.suite = suite.id
             WHERE suite.archive = ?1 AND suite.distro_series = ?2 AND source_package_name = ?3
             AND publication.status IN ('PENDING', 'PUBLISHED') AND removed_by IS NULL AND (?4 OR suite.pocket <> 'RELEASE')
             AND NOT EXISTS (SELECT 1 FROM source_package_publishing_history AS newer
               WHERE newer.source_package_release = publication.source_package_release AND newer.suite = publication.suite
               AND newer.status IN ('PENDING', 'PUBLISHED') AND newer.id > publication.id)
             ORDER BY suite.id, publication.id",
        )
        .and_then(|mut statement| {
            statement
                .query_map((of.archive, of.series, name, of.all_pockets), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })?
                .collect()
        })
        .during(WHAT_IS_OVERRIDDEN)?;
    let mut waiting = 0;
    for (suite, release, name, component, section) in &published {
        let publication = NewSourcePublication {
            suite: *suite,
            release: Made::Known(*release),
            name,
            component: of.new.component.unwrap_or(*component),
            section: of.new.section.as_ref().or(section.as_ref()),
            creator: of.creator,
        };
        waiting += usize::from(publish_source(tx, &publication, of.now)? == Wished::Pending);
    }
    Ok(waiting)
}

fn publish_overridden_binary(
    tx: &Transaction<'_>,
    of: &Overridden<'_>,
    name: &str,
) -> Result<usize, StoreError> {
    type Row = (
        SuiteId,
        ArchSeriesId,
        BinaryReleaseId,
        ComponentId,
        Option<Section>,
        Option<PackagePriority>,
        Option<u8>,
    );
    let published: Vec<Row> = tx
        .prepare_cached(
            "SELECT suite.id, distro_arch_series, binary_package_release, component, section, priority, phased_update_percentage
             FROM suite JOIN distro_arch_series AS architecture ON architecture.distro_series = suite.distro_series
             JOIN binary_package_publishing_history AS publication
               ON publication.suite = suite.id AND publication.distro_arch_series = architecture.id
             WHERE suite.archive = ?1 AND suite.distro_series = ?2 AND binary_package_name = ?3
             AND publication.status IN ('PENDING', 'PUBLISHED') AND removed_by IS NULL AND (?4 OR suite.pocket <> 'RELEASE')
             AND NOT EXISTS (SELECT 1 FROM binary_package_publishing_history AS newer
               WHERE newer.binary_package_release = publication.binary_package_release AND newer.suite = publication.suite
               AND newer.distro_arch_series = publication.distro_arch_series
               AND newer.status IN ('PENDING', 'PUBLISHED') AND newer.id > publication.id)
             ORDER BY suite.id, publication.id",
        )
        .and_then(|mut statement| {
            statement
                .query_map((of.archive, of.series, name, of.all_pockets), |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                        row.get(6)?,
                    ))
                })?
                .collect()
        })
        .during(WHAT_IS_OVERRIDDEN)?;
    let mut waiting = 0;
    for (suite, architecture, release, component, section, priority, phased) in &published {
        let publication = NewBinaryPublication {
            suite: *suite,
            architecture: *architecture,
            release: Made::Known(*release),
            name,
            component: of.new.component.unwrap_or(*component),
            section: of.new.section.as_ref().or(section.as_ref()),
            priority: of.new.priority.as_ref().or(priority.as_ref()),
            creator: of.creator,
        };
        let phasing = Phasing::of(*phased);
        waiting += usize::from(publish_phased_binary(tx, &publication, phasing, of.now)? == Wished::Pending);
    }
    Ok(waiting)
}

/// How many publications of each status a suite has.
///
/// # Errors
/// When the database fails.
pub fn counts(
    db: &Connection,
    suite: SuiteId,
    kind: PackageKind,
) -> Result<Vec<(PublicationStatus, u64)>, StoreError> {
    let sql = match kind {
        PackageKind::Source => {
            "SELECT status, count(*) FROM source_package_publishing_history WHERE suite = ?1 GROUP BY status ORDER BY status"
        }
        PackageKind::Binary => {
            "SELECT status, count(*) FROM binary_package_publishing_history WHERE suite = ?1 GROUP BY status ORDER BY status"
        }
    };
    db.prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_map([suite], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("count publications")
}
