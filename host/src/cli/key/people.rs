//! `pressroom key` for the keys that people sign with: taken in, disabled, forgotten.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use pressroom_archive::domain::plain::is_obeyed;
use pressroom_archive::domain::{PersonKind, PersonName};
use pressroom_archive::openpgp::{Certificate, CertificateSummary, MAX_CERTIFICATES_BYTES};
use pressroom_archive::people::keyring::{ImportError, take_in};
use pressroom_archive::store::openpgp_key::{OpenpgpKey, find_key, keys};
use pressroom_archive::store::{Db, StoreError, Transaction, person};

use super::Row;
use crate::cli::{Session, exit};

/// Takes in the public keys of a person, and gives them back as they are shown.
pub(super) fn import(session: &Session, file: &Path, name: &PersonName) -> anyhow::Result<Vec<Row>> {
    let mut db = session.root()?.db()?;
    let whose = person::person(db.read(), name)?;
    if whose.kind == PersonKind::Team {
        return Err(exit::usage(format!(
            "{name} is a team: a person signs, name one of its members with --person"
        )));
    }
    let now = session.clock.now();
    let limit = u64::try_from(MAX_CERTIFICATES_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let cannot = || format!("cannot read {}", file.display());
    if file.as_os_str() == "-" {
        std::io::stdin().take(limit + 1).read_to_end(&mut bytes).with_context(cannot)?;
    } else {
        std::fs::File::open(file)
            .and_then(|open| open.take(limit + 1).read_to_end(&mut bytes))
            .with_context(cannot)?;
    }
    if bytes.starts_with(b"-----BEGIN PGP PRIVATE KEY BLOCK-----") {
        return Err(exit::usage(format!(
            "{} holds a secret key, which belongs nowhere but to {name}: take the public one, from `gpg --export --armor`",
            file.display()
        )));
    }
    let no_certificates = || format!("{} is not taken in", file.display());
    let certificates = Certificate::read_all(&bytes).with_context(no_certificates)?;
    db.write(|tx| {
        for certificate in &certificates {
            take_in(tx, whose.id, certificate, now)?;
        }
        Ok::<_, ImportError>(())
    })
    .with_context(no_certificates)?;
    let fingerprints: Vec<String> = certificates.iter().map(Certificate::fingerprint).collect();
    for certificate in &certificates {
        // it is taken in all the same: who signs with it is then told what is wrong with it, not that nobody knows it
        if let Err(objection) = certificate.usable(now) {
            tracing::warn!("the key {} signs nothing that is taken: {objection}", certificate.fingerprint());
        }
    }
    let mut rows = rows(session, &db, None)?;
    rows.retain(|row| fingerprints.contains(&row.fingerprint));
    Ok(rows)
}

/// Changes the key of a fingerprint, which people write with blanks and in small letters; gives all keys of whose it is.
pub(super) fn change(
    session: &Session,
    fingerprint: &str,
    work: impl FnOnce(&Transaction<'_>, &OpenpgpKey) -> Result<(), StoreError>,
) -> anyhow::Result<Vec<Row>> {
    let mut db = session.root()?.db()?;
    let plain: String = fingerprint.chars().filter(|character| !character.is_whitespace()).collect();
    let plain = plain.strip_prefix("0x").unwrap_or(&plain).to_ascii_uppercase();
    let key = match find_key(db.read(), &plain)? {
        Some(key) => key,
        None => {
            let known = keys(db.read())?.into_iter().take(20);
            return Err(StoreError::Unknown {
                what: "key of a person with the fingerprint",
                name: plain.chars().filter(|character| !is_obeyed(*character)).take(80).collect(),
                known: known.map(|key| format!("{} of {}", key.fingerprint, key.person_name)).collect(),
            }
            .into());
        }
    };
    db.write(|tx| work(tx, &key))?;
    rows(session, &db, Some(&key.person_name))
}

/// The keys of a person, or of all.
pub(super) fn rows(session: &Session, db: &Db, whose: Option<&PersonName>) -> anyhow::Result<Vec<Row>> {
    let whose = match whose {
        Some(name) => Some(person::person(db.read(), name)?.id),
        None => None,
    };
    let now = session.clock.now();
    let mine = |key: &OpenpgpKey| whose.is_none_or(|whose| key.person == whose);
    Ok(keys(db.read())?.into_iter().filter(mine).map(|key| row(key, now)).collect())
}

fn row(key: OpenpgpKey, now: Timestamp) -> Row {
    let certificate = Certificate::read_all(&key.certificate).ok().and_then(|mut all| all.pop());
    let (summary, user_ids, usable) = match &certificate {
        Some(one) => {
            (one.summary(), one.user_ids(), one.usable(now).map_err(|objection| objection.to_string()))
        }
        None => (CertificateSummary::default(), Vec::new(), Ok(())),
    };
    let state = match (key.active, &certificate, summary.revoked, usable) {
        (_, None, _, _) => "damaged".to_owned(),
        (_, Some(_), Some(_), _) => "revoked".to_owned(),
        (false, Some(_), None, _) => "disabled".to_owned(),
        (true, Some(_), None, Ok(())) => "active".to_owned(),
        (true, Some(_), None, Err(reason)) => match summary.expires {
            Some(expired) if expired <= now => "expired".to_owned(),
            _ => reason,
        },
    };
    Row {
        person: Some(key.person_name.to_string()),
        signs: None,
        signs_until: None,
        fingerprint: key.fingerprint,
        place: None,
        algorithm: summary.algorithm,
        state,
        expires: summary.expires,
        user_ids,
    }
}
