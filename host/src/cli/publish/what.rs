//! What `pressroom publish` publishes: from its flags to the runs that they mean, each of one publisher of a distribution.

use std::collections::BTreeSet;

use pressroom_archive::domain::{ArchiveReference, DistributionName, Publisher, SuiteName};
use pressroom_archive::store::archive::{archive, archives};
use pressroom_archive::store::distribution::{Distribution, distribution, distributions};
use pressroom_archive::store::{Connection, StoreError, derivation, suite};

use crate::cli::exit;
use crate::conductor::Options;

/// Which archives.
#[derive(Debug, clap::Args)]
pub(super) struct What {
    /// The distribution; again for more. Without it, all of them, one after the other: one that fails does not stop the next.
    #[arg(long = "distribution", value_name = "DISTRIBUTION", conflicts_with_all = ["all_derived", "archives"])]
    distributions: Vec<DistributionName>,
    /// Every distribution that derives from another one: by `distribution set --parent`, or because a series of it inherits from a series of another.
    #[arg(long, conflicts_with = "archives")]
    all_derived: bool,
    /// Only the distributions' own archives, the primary ones and those beside them. With --ppas or --copy-archives those too.
    #[arg(long, conflicts_with = "archives")]
    main_archives: bool,
    /// Only the archives of people that everybody may read.
    #[arg(long, conflicts_with = "archives")]
    ppas: bool,
    /// With --ppas: those that are not for everybody, and not the others.
    #[arg(long, requires = "ppas")]
    private: bool,
    /// Only copy archives, which nothing else publishes.
    #[arg(long, conflicts_with = "archives")]
    copy_archives: bool,
    /// Only this archive; again for more.
    #[arg(long = "archive", value_name = "ARCHIVE", conflicts_with = "excluded")]
    archives: Vec<ArchiveReference>,
    /// Not this archive; again for more. What waits in it goes on waiting.
    #[arg(long = "exclude", value_name = "ARCHIVE")]
    excluded: Vec<ArchiveReference>,
}

/// A run: of which publisher of which distribution, and what is asked of it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) distribution: Distribution,
    pub(super) publisher: Publisher,
    pub(super) options: Options,
}

impl Order {
    /// What it publishes, for a sentence.
    pub(super) fn what(&self) -> String {
        match self.publisher {
            Publisher::MainArchives => self.distribution.name.to_string(),
            Publisher::Ppas | Publisher::PrivatePpas | Publisher::CopyArchives => {
                format!("{} of {}", self.publisher.what(), self.distribution.name)
            }
        }
    }
}

impl What {
    /// The runs that are meant, in order: those with an archive that has one of the named suites, and only these names.
    pub(super) fn orders(&self, db: &Connection, asked: &Options) -> anyhow::Result<Vec<Order>> {
        for reference in self.archives.iter().chain(&self.excluded) {
            let found = archive(db, reference)?;
            if found.publish && !found.is_published() && !self.excluded.contains(reference) {
                return Err(exit::usage(format!(
                    "{reference} is a copy that is disabled: `pressroom archive set {reference} --enabled true` lets it be published and built"
                )));
            }
            if !found.publish && !self.excluded.contains(reference) {
                return Err(exit::usage(format!(
                    "{reference} is not published: `pressroom archive set {reference} --publish true` changes that"
                )));
            }
        }
        let asked = Options {
            archives: self.archives.iter().cloned().collect(),
            excluded: self.excluded.iter().cloned().collect(),
            ..asked.clone()
        };
        let mut known: BTreeSet<SuiteName> = BTreeSet::new();
        let mut orders = Vec::new();
        for one in self.distributions(db)? {
            let all = archives(db, one.id)?;
            let mut of_distribution: BTreeSet<SuiteName> = BTreeSet::new();
            for archive in &all {
                of_distribution.extend(suite::suites_of(db, archive.id)?.into_iter().map(|one| one.name));
            }
            let only = |names: &BTreeSet<SuiteName>| names.intersection(&of_distribution).cloned().collect();
            let (mut suites, dirty): (BTreeSet<SuiteName>, BTreeSet<SuiteName>) =
                (only(&asked.suites), only(&asked.dirty_suites));
            let is_narrowed = suites.is_empty() && !asked.suites.is_empty();
            let is_for_others = is_narrowed && dirty.is_empty();
            if is_narrowed {
                // no name at all would mean all suites
                suites.clone_from(&dirty);
            }
            known.append(&mut of_distribution);
            if is_for_others {
                continue;
            }
            for publisher in self.publishers() {
                let has = all.iter().any(|archive| {
                    archive.publisher() == publisher
                        && (asked.archives.is_empty() || asked.archives.contains(&archive.reference))
                });
                // the main archives are what a distribution is, also where none of them is published
                if has || (publisher == Publisher::MainArchives && asked.archives.is_empty()) {
                    let options = Options {
                        suites: suites.clone(),
                        dirty_suites: if self.marks(publisher) { dirty.clone() } else { BTreeSet::new() },
                        ..asked.clone()
                    };
                    orders.push(Order { distribution: one.clone(), publisher, options });
                }
            }
        }
        let unknown = asked.suites.iter().chain(&asked.dirty_suites).find(|name| !known.contains(name));
        if let Some(name) = unknown {
            let known = known.iter().map(ToString::to_string).collect();
            return Err(StoreError::Unknown { what: "suite", name: name.to_string(), known }.into());
        }
        Ok(orders)
    }

    fn distributions(&self, db: &Connection) -> anyhow::Result<Vec<Distribution>> {
        let mut found: Vec<Distribution> = Vec::new();
        if self.all_derived {
            found = derivation::derived_distributions(db)?;
            if found.is_empty() {
                return Err(exit::usage(
                    "no distribution derives from another one: say so with `pressroom distribution set NAME --parent OTHER`",
                ));
            }
            return Ok(found);
        }
        let of_archives = self.archives.iter().map(ArchiveReference::distribution);
        for name in self.distributions.iter().chain(of_archives) {
            let one = distribution(db, name)?;
            if !found.iter().any(|other| other.id == one.id) {
                found.push(one);
            }
        }
        if found.is_empty() { Ok(distributions(db)?) } else { Ok(found) }
    }

    /// In the order of [`Publisher::ALL`].
    fn publishers(&self) -> Vec<Publisher> {
        let said = self.main_archives || self.ppas || self.copy_archives;
        let is_meant = |publisher: &Publisher| match publisher {
            _ if !self.archives.is_empty() => true,
            Publisher::MainArchives => !said || self.main_archives,
            Publisher::Ppas => !said || (self.ppas && !self.private),
            Publisher::PrivatePpas => !said || (self.ppas && self.private),
            Publisher::CopyArchives => self.copy_archives,
        };
        Publisher::ALL.iter().copied().filter(is_meant).collect()
    }

    /// Whether suites that are called dirty are those of a publisher too. Where nothing is said they are the distribution's own: nobody means thousands of
    /// archives of people.
    fn marks(&self, publisher: Publisher) -> bool {
        let said = self.ppas || self.copy_archives || !self.archives.is_empty();
        said || publisher == Publisher::MainArchives
    }

    /// Whether there is one run at the most for each distribution, as far as the words say.
    pub(super) fn is_one_distribution(orders: &[Order]) -> bool {
        orders
            .iter()
            .all(|order| Some(order.distribution.id) == orders.first().map(|one| one.distribution.id))
    }
}
