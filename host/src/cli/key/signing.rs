//! `pressroom key` for the keys that sign archives: made, taken in, put in the place of others, shown.

use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use pressroom_archive::disk;
use pressroom_archive::domain::{ArchiveReference, KeyHolder, SignedBy};
use pressroom_archive::openpgp::{Certificate, Fingerprint, OwnKey, SignError, Signer as _};
use pressroom_archive::release::rotation;
use pressroom_archive::store::archive::{Archive, archive, archive_by_id, archives};
use pressroom_archive::store::distribution::distributions;
use pressroom_archive::store::series::series_of;
use pressroom_archive::store::suite::suite_by_id;
use pressroom_archive::store::{Connection, Db, StoreError, signing_key};

use crate::cli::{End, Session, exit, who};
use crate::root::{Place, Root, SigningKeys, own_place};

/// Make a key that signs archives.
///
/// For an archive it signs from the next pass on; without one it only lies ready, for `pressroom key rotate`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Generate {
    /// The archive that it signs, alone.
    #[arg(long, value_name = "ARCHIVE")]
    archive: Option<ArchiveReference>,
    /// Whose key it says that it is, as 'Demo Archive <archive@example.org>'.
    #[arg(long, value_name = "TEXT")]
    user_id: Option<String>,
    /// So long the keys that have signed the archive sign on beside it.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = "archive")]
    overlap_seconds: u32,
}

/// Take in a key that signs archives: it lies ready for `pressroom key rotate` and `pressroom archive set --signing-key`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// An OpenPGP secret key without a passphrase, readable by its owner only. A copy is kept in the root.
    #[arg(required_unless_present = "gpg")]
    file: Option<PathBuf>,
    /// A key that gpg has, in the home that [signing.gpg] of pressroom.toml names: its full fingerprint.
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "file")]
    gpg: Option<Fingerprint>,
}

/// Put a key in the place of those that sign now. For some time both sign, so that clients can learn of the new one; then only the new one does.
///
/// For example: pressroom key rotate 0123456789ABCDEF0123456789ABCDEF01234567 --overlap-seconds 7776000
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Rotate {
    /// The fingerprint of the new key, which `key generate` has made or `key add` taken in.
    new: Fingerprint,
    /// Only for this archive.
    #[arg(long, value_name = "ARCHIVE")]
    archive: Option<ArchiveReference>,
    /// So long the old ones sign on; 0: they sign nothing any more.
    #[arg(long, value_name = "SECONDS")]
    overlap_seconds: u32,
}

/// Forget a key that signs nothing any more, and remove its secret half from the root.
///
/// Refused while it signs, and while clients are served a Release that it has signed. What it has signed, and when, stays in the history; `pressroom key add`
/// takes it in again. A key that gpg has stays with gpg, and a file outside the root where it is.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Forget {
    /// The fingerprint.
    fingerprint: Fingerprint,
    /// The file with the secret half stays in the root.
    #[arg(long)]
    keep_file: bool,
}

impl Generate {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let now = session.clock.began();
        let whose = self.archive.as_ref().map(|reference| archive(db.read(), reference)).transpose()?;
        let host = crate::root::host_name();
        let user_id = match (&self.user_id, &whose) {
            (Some(text), _) => text.clone(),
            (None, Some(archive)) => format!("{} Archive Signing Key <archive@{host}>", archive.reference),
            (None, None) => format!("Archive Signing Key <archive@{host}>"),
        };
        let key = OwnKey::generate(&user_id, now)?;
        take_in_file(&root, &mut db, &key, now)?;
        if whose.is_some() {
            rotate(&root, &mut db, whose.as_ref(), key.fingerprint(), self.overlap_seconds, now)?;
        }
        let then = match &self.archive {
            None => {
                format!(
                    "It signs nothing yet: pressroom key rotate {} --overlap-seconds …",
                    key.fingerprint()
                )
            }
            Some(archive) => format!(
                "It signs {archive} from the next pass on: give clients the output of pressroom key export --archive {archive}"
            ),
        };
        session.output.show(&key.fingerprint(), || format!("{}\n{then}\n", key.fingerprint()))?;
        Ok(End::Success)
    }
}

impl Add {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let now = session.clock.began();
        let fingerprint = match (&self.file, &self.gpg) {
            (Some(file), _) => {
                let key = OwnKey::load(file, now)?;
                take_in_file(&root, &mut db, &key, now)?;
                key.fingerprint().to_owned()
            }
            (None, Some(gpg)) => take_in_gpg(&root, &mut db, gpg, now)?,
            (None, None) => return Err(exit::usage("name a file, or a key of gpg's with --gpg")),
        };
        session.output.show(&fingerprint, || {
            format!(
                "{fingerprint}\nIt signs nothing yet: pressroom key rotate {fingerprint} --overlap-seconds …\n"
            )
        })?;
        Ok(End::Success)
    }
}

impl Rotate {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<()> {
        let root = session.root()?;
        let mut db = root.db()?;
        let now = session.clock.began();
        let whose = self.archive.as_ref().map(|reference| archive(db.read(), reference)).transpose()?;
        let new = self.new.to_string();
        rotate(&root, &mut db, whose.as_ref(), &new, self.overlap_seconds, now)?;
        Ok(warn_of_short(&db, whose.as_ref(), self.overlap_seconds)?)
    }
}

impl Forget {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let now = session.clock.began();
        let fingerprint = self.fingerprint.to_string();
        let key = signing_key::signing_key(db.read(), &fingerprint)?;
        let of_root = root.signing_keys(now).current(db.read(), None)?;
        let signs_root = of_root.iter().any(|one| one.used.fingerprint == fingerprint);
        let forgotten = db.write(|tx| {
            if signs_root || signing_key::still_signs(tx, key.id, now)? {
                return Ok(Err(format!(
                    "{fingerprint} signs: `pressroom key list` says what, and until when; `pressroom key rotate` puts another in its place"
                )));
            }
            let suites = signing_key::suites_signed_by(tx, &fingerprint)?;
            if let Some(first) = suites.first() {
                let suite = suite_by_id(tx, *first)?;
                let archive = archive_by_id(tx, suite.archive)?.reference;
                let more = if suites.len() > 1 { format!(" and {} more", suites.len() - 1) } else { String::new() };
                return Ok(Err(format!(
                    "clients are served what {fingerprint} has signed: {} of {archive}{more}; `pressroom publish` signs it anew",
                    suite.name
                )));
            }
            signing_key::forget_signing_key(tx, key.id, now)?;
            Ok::<_, StoreError>(Ok(()))
        })?;
        if let Err(why) = forgotten {
            return Err(exit::usage(why));
        }
        // the row first: a machine that dies in between has forgotten a key whose file lies there still, and `key add` or `rm` ends that
        let place = Path::new(&key.place);
        let file = match key.held_by {
            KeyHolder::File if is_within(place) && !self.keep_file => {
                let file = root.below(place);
                disk::remove_file(&file)?;
                format!("{} is removed", file.display())
            }
            KeyHolder::File => format!("its secret half is still in {}", root.below(place).display()),
            KeyHolder::Gpg => format!("gpg has it still, as {}", key.place),
        };
        session.output.show(&fingerprint, || format!("{fingerprint} is forgotten; {file}\n"))?;
        Ok(End::Success)
    }
}

/// Whether a place is one below the root.
fn is_within(place: &Path) -> bool {
    place.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Keeps a key in the root: where it was, if it was here before and nothing else is there now, since the configuration may name that place.
fn take_in_file(root: &Root, db: &mut Db, key: &OwnKey, now: Timestamp) -> anyhow::Result<()> {
    let is_free = |place: &Path| match OwnKey::load(&root.below(place), now) {
        Ok(there) => there.fingerprint() == key.fingerprint(),
        Err(error) => matches!(error, SignError::MissingKeyFile { .. }),
    };
    let place = match signing_key::last_place(db.read(), key.fingerprint())? {
        Some((KeyHolder::File, place)) if is_within(Path::new(&place)) && is_free(Path::new(&place)) => place,
        _ => own_place(key.fingerprint()),
    };
    disk::write_atomic(&root.below(Path::new(&place)), &key.secret_key()?, 0o600)?;
    db.write(|tx| signing_key::put_signing_key(tx, key.fingerprint(), KeyHolder::File, &place, now))?;
    Ok(())
}

fn take_in_gpg(root: &Root, db: &mut Db, key: &Fingerprint, now: Timestamp) -> anyhow::Result<String> {
    let place = Place { held_by: KeyHolder::Gpg, place: key.to_string() };
    let signer = root.open_key(&place, now)?;
    signer.check(now)?;
    let fingerprint = signer.fingerprint().to_owned();
    db.write(|tx| signing_key::put_signing_key(tx, &fingerprint, KeyHolder::Gpg, &place.place, now))?;
    Ok(fingerprint)
}

/// Lets a key that is here take the place of those that sign an archive, or the archives without one of their own.
fn rotate(
    root: &Root,
    db: &mut Db,
    archive: Option<&Archive>,
    new: &str,
    overlap_seconds: u32,
    now: Timestamp,
) -> anyhow::Result<()> {
    let keys = root.signing_keys(now);
    let id = archive.map(|archive| archive.id);
    let uses_of =
        |db: &Connection| Ok::<_, StoreError>([signing_key::uses(db, None)?, signing_key::uses(db, id)?]);
    let before = uses_of(db.read())?;
    let current = keys.current(db.read(), id)?;
    let known = signing_key::find_signing_key(db.read(), new)?;
    let place = match (&known, current.iter().find(|one| one.used.fingerprint == new)) {
        (Some(key), _) => Place { held_by: key.held_by, place: key.place.clone() },
        (None, Some(one)) => one.place.clone(),
        (None, None) => match configured(root, new, now) {
            Some(place) => place,
            None => {
                let unknown = signing_key::signing_key(db.read(), new).map(|_| ());
                return Err(unknown.err().map_or_else(|| exit::usage("the key is gone"), Into::into))
                    .context("take the key in first: `pressroom key add FILE`, or `pressroom key add --gpg FINGERPRINT`");
            }
        },
    };
    // whatever it cannot do is found now, not when everything is to be signed by it
    root.open_key(&place, now)?.check(now).with_context(|| format!("{new} cannot take another's place"))?;
    let until = now.saturating_add(SignedDuration::from_secs(overlap_seconds.into()))?;
    let uses: Vec<_> = current.iter().map(|one| one.used.clone()).collect();
    let mut rotation =
        rotation::rotate(&uses, new, now, until).map_err(|error| exit::usage(error.to_string()))?;
    if let Some(id) = id {
        // keys of the root that are on their way out sign this archive as long as they would have
        let own = signing_key::uses(db.read(), Some(id))?;
        for one in &uses {
            if let Some(ended) = one.ended
                && ended <= until
                && one.fingerprint != new
                && !own.iter().any(|other| other.id == one.id)
            {
                rotation.ends.push((one.clone(), ended));
            }
        }
    }
    let by = who::recorded(db)?;
    db.write(|tx| {
        // opening a key may take long, as when gpg asks a card
        if uses_of(tx)? != before {
            return Err(StoreError::Refused(
                "somebody else has changed who signs at this moment: see `pressroom key list`, and run this again if it is to be changed still".to_owned(),
            ));
        }
        for one in &current {
            if signing_key::find_signing_key(tx, &one.used.fingerprint)?.is_none() {
                let Place { held_by, place } = &one.place;
                signing_key::put_signing_key(tx, &one.used.fingerprint, *held_by, place, now)?;
            }
        }
        if known.is_none() {
            signing_key::put_signing_key(tx, new, place.held_by, &place.place, now)?;
        }
        signing_key::carry_out(tx, id, new, &rotation, &by, now)
    })?;
    Ok(())
}

/// Clients hold the next Release to the keys that the last one has named, as long as that is valid.
fn warn_of_short(db: &Db, archive: Option<&Archive>, overlap_seconds: u32) -> Result<(), StoreError> {
    let concerned = match archive {
        Some(archive) => vec![archive.clone()],
        None => all_archives(db.read())?,
    };
    for archive in concerned.iter().filter(|archive| archive.signed_by != SignedBy::Nothing) {
        let valid =
            series_of(db.read(), archive.distribution)?.into_iter().filter_map(|one| one.valid_for_seconds);
        if let Some(longest) = valid.max().filter(|longest| *longest > i64::from(overlap_seconds)) {
            tracing::warn!(
                "the Release files of {} name the keys that sign (Signed-By) and have a Valid-Until after {longest} seconds: clients that do not \
                 update while both keys sign refuse the new one alone until then; an overlap of more than {longest} seconds spares them that",
                archive.reference
            );
        }
    }
    Ok(())
}

/// The place of the configuration's key, if it is this one.
fn configured(root: &Root, fingerprint: &str, now: Timestamp) -> Option<Place> {
    let place = root.configured_key();
    let signer = root.open_key(&place, now).ok()?;
    (signer.fingerprint() == fingerprint).then_some(place)
}

/// A key that signs or could, as the list of keys shows it.
pub(super) struct Listed {
    /// `all archives`, or the archive; empty where it signs nothing.
    pub(super) signs: String,
    pub(super) ends: Option<Timestamp>,
    pub(super) fingerprint: String,
    /// Where the secret half should be of one that cannot be looked at, so that nobody can say which it is.
    pub(super) place: Option<String>,
    pub(super) algorithm: String,
    /// `signs`, `signs until …`, `ready`, or why it cannot sign.
    pub(super) state: String,
    pub(super) expires: Option<Timestamp>,
    pub(super) user_ids: Vec<String>,
}

/// The keys that sign archives, those of the root first; then those that lie ready.
pub(super) fn listed(root: &Root, db: &Connection, now: Timestamp) -> anyhow::Result<Vec<Listed>> {
    let keys = root.signing_keys(now);
    let mut rows = Vec::new();
    for state in keys.states(db, &all_archives(db)?)? {
        let word = match (&state.problem, state.ends) {
            (Some(problem), _) => problem.clone(),
            (None, Some(end)) => format!("signs until {end}"),
            (None, None) => "signs".to_owned(),
        };
        let (algorithm, user_ids) = certificate(&keys, db, &state.fingerprint);
        rows.push(Listed {
            signs: state.archive.unwrap_or_else(|| "all archives".to_owned()),
            ends: state.ends,
            algorithm,
            state: word,
            expires: state.expires,
            user_ids,
            place: state.fingerprint.is_empty().then_some(state.place),
            fingerprint: state.fingerprint,
        });
    }
    for key in signing_key::signing_keys(db)? {
        if !rows.iter().any(|row| row.fingerprint == key.fingerprint) {
            let (algorithm, user_ids) = certificate(&keys, db, &key.fingerprint);
            rows.push(Listed {
                signs: String::new(),
                ends: None,
                fingerprint: key.fingerprint,
                place: None,
                algorithm,
                state: "signs nothing".to_owned(),
                expires: None,
                user_ids,
            });
        }
    }
    Ok(rows)
}

/// Every archive of every distribution.
fn all_archives(db: &Connection) -> Result<Vec<Archive>, StoreError> {
    let mut all = Vec::new();
    for distribution in distributions(db)? {
        all.extend(archives(db, distribution.id)?);
    }
    Ok(all)
}

/// The algorithm and the user IDs of a key; nothing where it cannot be looked at.
fn certificate(keys: &SigningKeys<'_>, db: &Connection, fingerprint: &str) -> (String, Vec<String>) {
    let certificate = keys
        .public_key(db, fingerprint)
        .and_then(|key| Certificate::read_all(&key.binary).ok())
        .and_then(|mut all| all.pop());
    certificate.map_or_else(Default::default, |one| (one.summary().algorithm, one.user_ids()))
}
