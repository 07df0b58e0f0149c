//! Who signs: the keys of an archive, or those of the root, loaded and looked at as of one moment.
//!
//! The key of the configuration is the root's first one. It signs until `pressroom key rotate` has put another in its place; which keys sign besides, and
//! which sign one archive alone, stands in the database. Keys that cannot sign any more on their way out are left out with a warning, since whoever knows
//! the new one needs them not; anything else that is wrong with a key is an error.

use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use pressroom_archive::domain::{ArchiveId, KeyHolder};
use pressroom_archive::openpgp::{GpgSettings, GpgSigner, OwnKey, PublicKey, SignError, Signer, Signers};
use pressroom_archive::release::renewal::{Terms, renewals};
use pressroom_archive::release::rotation;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::signing_key::{self, KeyUse, PlacedUse};
use pressroom_archive::store::suite::{Renewal, Suite};
use pressroom_archive::store::{Connection, StoreError};

use super::Root;

/// Where the secret half of a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) held_by: KeyHolder,
    /// As in [`PlacedUse::place`].
    pub(crate) place: String,
}

/// The keys of a root at one moment.
pub(crate) struct SigningKeys<'r> {
    root: &'r Root,
    now: Timestamp,
    /// The key of the configuration, once somebody has asked for it.
    configured: OnceCell<String>,
    /// Those of the root, likewise.
    of_root: OnceCell<Rc<Signers>>,
}

/// The key of the configuration signs since ever; its use says so still when another has taken its place.
const BEGAN_AS_CONFIGURED: Timestamp = Timestamp::UNIX_EPOCH;

/// Where a key that was made or taken in lies, below the root.
pub(crate) fn own_place(fingerprint: &str) -> String {
    format!("keys/{fingerprint}.asc")
}

impl Root {
    /// Where the key of the configuration is.
    pub(crate) fn configured_key(&self) -> Place {
        match &self.config.signing.gpg {
            None => Place {
                held_by: KeyHolder::File,
                place: self.config.signing.key_file.to_string_lossy().into_owned(),
            },
            Some(gpg) => Place { held_by: KeyHolder::Gpg, place: gpg.key.to_string() },
        }
    }

    /// The keys as of `now`.
    pub(crate) const fn signing_keys(&self, now: Timestamp) -> SigningKeys<'_> {
        SigningKeys { root: self, now, configured: OnceCell::new(), of_root: OnceCell::new() }
    }

    /// Opens a key, whether it may sign or not.
    pub(crate) fn open_key(&self, place: &Place, now: Timestamp) -> anyhow::Result<Box<dyn Signer>> {
        match place.held_by {
            KeyHolder::File => Ok(Box::new(OwnKey::load(&self.below(Path::new(&place.place)), now)?)),
            KeyHolder::Gpg => {
                let Some(gpg) = &self.config.signing.gpg else {
                    anyhow::bail!(
                        "the key {} is gpg's, but {} has no [signing.gpg] any more: name gpg's home there",
                        place.place,
                        self.config_file().display()
                    );
                };
                Ok(Box::new(GpgSigner::open(GpgSettings {
                    program: gpg.program.clone(),
                    home: self.below(&gpg.home),
                    key: place.place.parse()?,
                    time_limit: Duration::from_secs(gpg.time_limit_seconds),
                })?))
            }
        }
    }
}

/// A key that signs at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    /// Since when, and until when.
    pub(crate) used: KeyUse,
    pub(crate) place: Place,
}

impl SigningKeys<'_> {
    /// The keys that sign an archive now, or, without one, all that have none of their own; those that stay before those that go.
    pub(crate) fn current(
        &self,
        db: &Connection,
        archive: Option<ArchiveId>,
    ) -> anyhow::Result<Vec<Current>> {
        if let Some(archive) = archive {
            let own = current_of(&signing_key::placed_uses(db, Some(archive))?, self.now);
            if !own.is_empty() {
                return Ok(own);
            }
        }
        let uses = signing_key::placed_uses(db, None)?;
        let mut all = current_of(&uses, self.now);
        if let Some(first) = self.configured(&uses)? {
            let at = all.iter().position(|one| one.used.ended.is_some()).unwrap_or(all.len());
            all.insert(at, first);
        }
        Ok(all)
    }

    /// The key of the configuration, unless a row says how long it signs.
    fn configured(&self, uses: &[PlacedUse]) -> anyhow::Result<Option<Current>> {
        let place = self.root.configured_key();
        let is_there = |one: &PlacedUse| {
            one.held_by == place.held_by
                && match place.held_by {
                    KeyHolder::File => {
                        self.root.below(Path::new(&one.place)) == self.root.below(Path::new(&place.place))
                    }
                    KeyHolder::Gpg => one.place == place.place,
                }
                // whoever has it now
                || (place.held_by == KeyHolder::Gpg && one.used.fingerprint == place.place)
        };
        // a file that was removed after its time needs not be read
        if uses.iter().any(is_there) {
            return Ok(None);
        }
        let fingerprint = match self.configured.get() {
            Some(fingerprint) => fingerprint.clone(),
            None => {
                let found = match self.root.open_key(&place, self.now) {
                    Ok(signer) => signer.fingerprint().to_owned(),
                    // the root's first key was forgotten, and taken in again from a backup
                    Err(error) if is_missing(&error) && uses.iter().any(is_first_and_moved) => {
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                };
                self.configured.get_or_init(|| found).clone()
            }
        };
        if uses.iter().any(|one| one.used.fingerprint == fingerprint) {
            return Ok(None);
        }
        let used = KeyUse { id: None, fingerprint, begun: BEGAN_AS_CONFIGURED, ended: None };
        Ok(Some(Current { used, place }))
    }

    /// The fingerprints of the keys that are to sign an archive, as suites keep them.
    pub(crate) fn fingerprints(&self, db: &Connection, archive: &Archive) -> anyhow::Result<String> {
        let current = self.current(db, Some(archive.id))?;
        let mut all: Vec<&str> = current.iter().map(|one| one.used.fingerprint.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        Ok(all.join(" "))
    }

    /// Whoever signs an archive.
    pub(crate) fn of(&self, db: &Connection, archive: &Archive) -> anyhow::Result<Rc<Signers>> {
        let uses = signing_key::uses(db, Some(archive.id))?;
        if rotation::current(&uses, self.now).is_empty() {
            return self.of_root(db);
        }
        let current = self.current(db, Some(archive.id))?;
        let signers = self.load(&current).with_context(|| format!("the key of {}", archive.reference));
        Ok(Rc::new(signers?))
    }

    /// Looks at the keys of the root now, where one of the archives is signed by them.
    pub(crate) fn check(&self, db: &Connection, archives: &[Archive]) -> anyhow::Result<()> {
        for archive in archives {
            if rotation::current(&signing_key::uses(db, Some(archive.id))?, self.now).is_empty() {
                return self.of_root(db).map(|_| ());
            }
        }
        Ok(())
    }

    /// Whoever signs archives without a key of their own.
    pub(crate) fn of_root(&self, db: &Connection) -> anyhow::Result<Rc<Signers>> {
        if let Some(signers) = self.of_root.get() {
            return Ok(Rc::clone(signers));
        }
        let signers = Rc::new(self.load(&self.current(db, None)?)?);
        Ok(Rc::clone(self.of_root.get_or_init(|| signers)))
    }

    fn load(&self, current: &[Current]) -> anyhow::Result<Signers> {
        let mut signers = Vec::new();
        for one in current {
            match self.load_one(one) {
                Ok(signer) => signers.push(signer),
                Err(error) if one.used.ended.is_some() && is_over(&error) => {
                    tracing::warn!("{error:#}; it was on its way out, and is left out");
                }
                Err(error) => return Err(error),
            }
        }
        let mut signers = signers.into_iter();
        let first = signers.next().context("there is no key that may sign: see `pressroom key list`")?;
        Ok(Signers::new(first, signers.collect()))
    }

    fn load_one(&self, one: &Current) -> anyhow::Result<Box<dyn Signer>> {
        let signer = self.root.open_key(&one.place, self.now)?;
        anyhow::ensure!(
            signer.fingerprint() == one.used.fingerprint,
            "{} holds the key {} instead of {}: put the right one back, or take the other in with `pressroom key add`",
            one.place.place,
            signer.fingerprint(),
            one.used.fingerprint
        );
        signer.check(self.now)?;
        Ok(signer)
    }

    /// The public half of a key that signs or lies ready, if it can be looked at.
    pub(crate) fn public_key(&self, db: &Connection, fingerprint: &str) -> Option<PublicKey> {
        let place = match signing_key::find_signing_key(db, fingerprint).ok()? {
            Some(key) => Place { held_by: key.held_by, place: key.place },
            None => self.root.configured_key(),
        };
        let signer = self.root.open_key(&place, self.now).ok()?;
        if signer.fingerprint() == fingerprint { signer.public_key().ok() } else { None }
    }

    /// Why the Release of a suite that is published is to be written anew by itself. `fingerprints` are those of the archive, where they could be found out: a
    /// key that cannot be looked at is complained of where it is to sign.
    pub(crate) fn renewals(
        &self,
        fingerprints: Option<&str>,
        suite: &Suite,
        valid_for_seconds: Option<i64>,
    ) -> Vec<Renewal> {
        let margin = self.root.config.publication.refresh_margin();
        renewals(suite, valid_for_seconds, Terms { now: self.now, margin, keys: fingerprints })
    }

    /// What is to be said of each key that signs now, by whom it signs: the root's, then archives' own.
    pub(crate) fn states(&self, db: &Connection, archives: &[Archive]) -> Result<Vec<KeyState>, StoreError> {
        let mut states = Vec::new();
        let scopes = std::iter::once(None).chain(archives.iter().map(Some));
        for archive in scopes {
            if let Some(archive) = archive {
                let uses = signing_key::uses(db, Some(archive.id))?;
                if rotation::current(&uses, self.now).is_empty() {
                    continue;
                }
            }
            let name = archive.map(|archive| archive.reference.to_string());
            match self.current(db, archive.map(|archive| archive.id)) {
                Ok(current) => states.extend(current.iter().map(|one| self.state(name.clone(), one))),
                // all others have a row that says which they are
                Err(error) => states.push(KeyState {
                    archive: name,
                    fingerprint: String::new(),
                    place: self.root.configured_key().place,
                    ends: None,
                    expires: None,
                    is_hidden: is_hidden(&error),
                    problem: Some(format!("{error:#}")),
                }),
            }
        }
        Ok(states)
    }

    fn state(&self, archive: Option<String>, one: &Current) -> KeyState {
        let loaded = self.load_one(one);
        let expires = loaded.as_ref().map_or(Ok(None), |signer| signer.signs_until(self.now));
        KeyState {
            archive,
            fingerprint: one.used.fingerprint.clone(),
            place: one.place.place.clone(),
            ends: one.used.ended,
            is_hidden: loaded.as_ref().is_err_and(is_hidden),
            problem: match (loaded.err(), &expires) {
                (Some(error), _) => Some(format!("{error:#}")),
                (None, Err(error)) => Some(error.to_string()),
                (None, Ok(_)) => None,
            },
            expires: expires.unwrap_or_default(),
        }
    }
}

/// What there is to say of a key that signs.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct KeyState {
    /// Whose own key it is; none: the root's.
    pub(crate) archive: Option<String>,
    /// Empty where it is not known.
    pub(crate) fingerprint: String,
    /// Where its secret half is, or should be.
    #[serde(skip)]
    pub(crate) place: String,
    /// When it signs no longer, because another takes its place.
    pub(crate) ends: Option<Timestamp>,
    /// When it can sign no longer.
    pub(crate) expires: Option<Timestamp>,
    /// Why it cannot sign now.
    pub(crate) problem: Option<String>,
    /// Whether that is only because whoever asks may not read it.
    #[serde(skip)]
    pub(crate) is_hidden: bool,
}

fn current_of(uses: &[PlacedUse], now: Timestamp) -> Vec<Current> {
    let bare: Vec<KeyUse> = uses.iter().map(|one| one.used.clone()).collect();
    let found = rotation::current(&bare, now).into_iter().filter_map(|used| {
        let one = uses.iter().find(|one| one.used == *used)?;
        Some(Current { used: used.clone(), place: Place { held_by: one.held_by, place: one.place.clone() } })
    });
    found.collect()
}

/// Whether a use is of a key that the configuration named once, and that lies where keys do that were taken in.
fn is_first_and_moved(one: &PlacedUse) -> bool {
    one.used.begun == BEGAN_AS_CONFIGURED
        && one.held_by == KeyHolder::File
        && one.place == own_place(&one.used.fingerprint)
}

/// Whether a key's file is not there.
fn is_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SignError::MissingKeyFile { .. }))
}

/// Whether a key's file is there, and not for the user who asks.
fn is_hidden(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Whether a key cannot sign any more, whatever anybody does.
fn is_over(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SignError::Expired { .. } | SignError::Revoked { .. }))
}
