//! The other names of suites in a pass: which links its staged tree gets.

use std::collections::BTreeSet;
use std::path::Path;

use pressroom_archive::dists::{Linked, clear_links, make_links, possible_links, wanted_links};
use pressroom_archive::domain::PassId;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::{Connection, Db, StoreError, dists_link, suite};

/// Whether an archive has or gets links.
pub(super) fn are_concerned(
    db: &Connection,
    archive: &Archive,
    distribution: &Distribution,
) -> Result<bool, StoreError> {
    Ok(distribution.development_alias.is_some()
        || !dists_link::aliases_in(db, distribution.id)?.is_empty()
        || !dists_link::links_of(db, archive.id)?.is_empty())
}

/// Takes away, before a pass writes anything, the links that no alias asks for any more or whose names suites have now. [`link`] writes it down.
pub(super) fn clear(
    db: &Connection,
    archive: &Archive,
    distribution: &Distribution,
    dists: &Path,
) -> anyhow::Result<Vec<String>> {
    let ours = dists_link::links_of(db, archive.id)?;
    if ours.is_empty() {
        return Ok(Vec::new());
    }
    let aliases = dists_link::aliases_in(db, distribution.id)?.into_iter().map(|(alias, _)| alias);
    let suites: BTreeSet<String> =
        suite::suites_of(db, archive.id)?.into_iter().map(|suite| suite.name.to_string()).collect();
    let possible = possible_links(aliases.chain(distribution.development_alias.clone()), &suites);
    Ok(clear_links(dists, &ours, &possible)?)
}

/// Makes the links of a pass, and writes down which there are.
pub(super) fn link(
    db: &mut Db,
    pass: PassId,
    archive: &Archive,
    distribution: &Distribution,
    dists: &Path,
) -> anyhow::Result<Linked> {
    let mut aliases = dists_link::aliases_in(db.read(), distribution.id)?;
    if let Some(alias) = &distribution.development_alias
        && let Some(newest) = dists_link::newest_with_content(db.read(), archive.id, pass)?
    {
        aliases.push((alias.clone(), newest));
    }
    let ours = dists_link::links_of(db.read(), archive.id)?;
    let linked = make_links(dists, &ours, &wanted_links(dists, aliases))?;
    db.write(|tx| dists_link::plan_links(tx, pass, &linked.changes))?;
    Ok(linked)
}
