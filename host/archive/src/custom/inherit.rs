//! What a new series takes from the one before it: of each folder of custom uploads the newest version.
//!
//! It is asked for only; the pass that makes the indexes of the series for the first time unpacks it like everything that waits. An installer for each
//! architecture has a folder of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::SuiteName;
use crate::store::archive::Archive;
use crate::store::new_series::{PublishedCustom, published_customs, suites_to_fill};
use crate::store::{StoreError, Transaction, custom_publication, series};

/// What new series take from those before them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inherited {
    /// How many custom uploads were asked for, also those of an earlier call that still wait.
    pub asked_for: usize,
    /// What a new series cannot take, with the reason: its indexes are made without.
    pub left_out: Vec<String>,
}

/// Asks for the custom uploads of the series before to be published in the RELEASE suites that are new.
///
/// # Errors
/// When the database fails.
pub fn inherit_customs(
    tx: &Transaction<'_>,
    archive: &Archive,
    is_wanted: &dyn Fn(&SuiteName) -> bool,
    now: Timestamp,
) -> Result<Inherited, StoreError> {
    let mut inherited = Inherited::default();
    for (suite, previous) in suites_to_fill(tx, archive)? {
        if !is_wanted(&suite.name) {
            continue;
        }
        let series = series::series_by_id(tx, suite.series)?;
        let holds_still = archive.purpose.holds_still(suite.name.pocket(), series.status);
        let components = series::components(tx, series.id)?;
        for custom in newest(published_customs(tx, archive, previous)?) {
            let reason = if holds_still {
                format!("it is {}, and its release pocket does not change", series.status)
            } else if components.iter().all(|component| component.id != custom.component) {
                "it does not have that component".to_owned()
            } else {
                custom_publication::publish_custom(tx, suite.id, custom.custom, now)?;
                inherited.asked_for += 1;
                continue;
            };
            let (folder, before) =
                (custom.folder.unwrap_or_default(), series::series_by_id(tx, previous)?.name);
            inherited.left_out.push(format!(
                "{folder} of {before} is not taken over into {}: {reason}; upload it there if it is to have one",
                suite.name
            ));
        }
    }
    Ok(inherited)
}

/// Of each folder the newest. What lies in no folder of versions is no matter of the series.
fn newest(all: Vec<PublishedCustom>) -> Vec<PublishedCustom> {
    let mut newest: BTreeMap<String, PublishedCustom> = BTreeMap::new();
    for custom in all {
        let Some(folder) = custom.folder.clone() else { continue };
        match newest.get(&folder) {
            // of the same version the one that came last
            Some(other) if other.version > custom.version => {}
            _ => {
                newest.insert(folder, custom);
            }
        }
    }
    newest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ComponentId, CustomUploadId};

    fn custom(id: i64, folder: Option<&str>, version: &str) -> PublishedCustom {
        PublishedCustom {
            custom: CustomUploadId(id),
            folder: folder.map(str::to_owned),
            version: Some(version.parse().unwrap()),
            component: ComponentId(1),
        }
    }

    #[test]
    fn of_each_folder_the_newest_is_taken() {
        let taken = newest(vec![
            custom(1, Some("main/installer-amd64"), "20"),
            custom(2, Some("main/installer-amd64"), "9"),
            custom(3, Some("main/installer-arm64"), "9"),
            custom(4, Some("main/dist-upgrader-all"), "1.0"),
            custom(5, Some("main/dist-upgrader-all"), "1.0"),
            custom(6, None, "1"),
        ]);
        let ids: Vec<i64> = taken.iter().map(|custom| custom.custom.0).collect();
        assert_eq!(ids, [5, 1, 3]);
    }
}
