//! Who is told. Pure: what is known of people stands in the arguments.
//!
//! Follows what uploaders of such archives expect: whoever signed is told everything; in a main archive the maintainer and whoever prepared the
//! version are told too, where they are uploaders themselves, since others never asked for this archive's mail; the list of the series reads what
//! was accepted. Nobody is told of an upload that nobody known has signed: anybody may have written the addresses in it.

use lettre::message::Mailbox;

use crate::domain::Pocket;

/// What happened, as far as it decides who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It will be published.
    Accepted,
    /// It waits for somebody's decision.
    Waits,
    /// It was refused.
    Rejected,
}

/// What of an upload decides who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// What happened.
    pub happened: Happened,
    /// Whether it is in an archive of the distribution itself, not in one of a person or team.
    pub in_main_archive: bool,
    /// Of its suite.
    pub pocket: Option<Pocket>,
    /// Whether a source package is in it.
    pub has_source: bool,
    /// Whether binary packages or custom files are in it, which builders make.
    pub has_built: bool,
    /// Whether it only carries translations.
    pub is_of_translations: bool,
    /// Whether its signature holds, or none was asked for.
    pub is_trusted: bool,
}

/// Somebody whom the upload names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where mail goes.
    pub mailbox: Mailbox,
    /// Whether this is the address of somebody who may upload something to the archive.
    pub is_uploader: bool,
}

/// Those who may be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parties {
    /// Who signed.
    pub signer: Option<Mailbox>,
    /// Whether anybody did.
    pub is_signed: bool,
    /// Who prepared the version.
    pub changed_by: Option<Named>,
    /// Who looks after the package.
    pub maintainer: Option<Named>,
    /// Who reads what was accepted for the series.
    pub list: Option<Mailbox>,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addressees {
    /// Those who are concerned, the most concerned first; each address once.
    pub people: Vec<Mailbox>,
    /// Who reads announcements.
    pub list: Option<Mailbox>,
}

/// Who is told.
#[must_use]
pub fn addressees(what: &Circumstances, parties: Parties) -> Addressees {
    let is_security = what.pocket == Some(Pocket::Security);
    let is_built = what.has_built && !what.has_source;
    let is_quiet = is_built && !is_security && what.happened != Happened::Rejected;
    if !what.is_trusted || what.is_of_translations || is_quiet {
        return Addressees::default();
    }
    let mut people: Vec<Mailbox> = Vec::new();
    let mut add = |mailbox: Mailbox| {
        let known = people.iter().any(|one| {
            let (one, other): (&str, &str) = (one.email.as_ref(), mailbox.email.as_ref());
            one.eq_ignore_ascii_case(other)
        });
        if !known {
            people.push(mailbox);
        }
    };
    if let Some(signer) = parties.signer {
        add(signer);
    }
    if let Some(named) = parties.changed_by
        && (!parties.is_signed || (what.in_main_archive && named.is_uploader))
    {
        add(named.mailbox);
    }
    if let Some(named) = parties.maintainer
        && what.in_main_archive
        && named.is_uploader
    {
        add(named.mailbox);
    }
    let is_announced = what.happened == Happened::Accepted
        && what.in_main_archive
        && what.pocket.is_some_and(|pocket| pocket != Pocket::Backports)
        && !(is_security && is_built);
    Addressees { people, list: parties.list.filter(|_| is_announced) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mailbox {
        text.parse().unwrap()
    }

    const SOURCE: Circumstances = Circumstances {
        happened: Happened::Accepted,
        in_main_archive: true,
        pocket: Some(Pocket::Proposed),
        has_source: true,
        has_built: false,
        is_of_translations: false,
        is_trusted: true,
    };
    const BINARY: Circumstances = Circumstances { has_source: false, has_built: true, ..SOURCE };

    /// Signed by `s`, prepared by `c`, maintained by `m`; `uploaders` says who of the two may upload.
    fn told(what: &Circumstances, is_signed: bool, uploaders: &str) -> String {
        let named = |name: &str| {
            Some(Named {
                mailbox: mail(&format!("{name}@example.org")),
                is_uploader: uploaders.contains(name),
            })
        };
        let parties = Parties {
            signer: is_signed.then(|| mail("s@example.org")),
            is_signed,
            changed_by: named("c"),
            maintainer: named("m"),
            list: Some(mail("list@example.org")),
        };
        let found = addressees(what, parties);
        let names: Vec<&str> = found.people.iter().chain(&found.list).map(|one| one.email.user()).collect();
        names.join(" ")
    }

    #[test]
    fn who_is_told_of_what() {
        let waits = Circumstances { happened: Happened::Waits, ..SOURCE };
        let rejected = Circumstances { happened: Happened::Rejected, ..SOURCE };
        let ppa = Circumstances { in_main_archive: false, ..SOURCE };
        let security = Circumstances { pocket: Some(Pocket::Security), ..BINARY };
        let untrusted = Circumstances { is_trusted: false, ..rejected };
        for (what, is_signed, uploaders, expected) in [
            (SOURCE, true, "", "s list"),
            (SOURCE, true, "c", "s c list"),
            (SOURCE, true, "cm", "s c m list"),
            (SOURCE, true, "m", "s m list"),
            // by a builder, or from another archive
            (SOURCE, false, "", "c list"),
            (SOURCE, false, "m", "c m list"),
            (waits, true, "cm", "s c m"),
            (rejected, true, "c", "s c"),
            (rejected, false, "", "c"),
            // of a PPA its uploader alone is told
            (ppa, true, "cm", "s"),
            (ppa, false, "cm", "c"),
            (Circumstances { pocket: Some(Pocket::Backports), ..SOURCE }, true, "c", "s c"),
            (Circumstances { pocket: None, ..rejected }, true, "", "s"),
            // what was built comes and goes in silence, but for refusals and security
            (BINARY, false, "cm", ""),
            (Circumstances { happened: Happened::Waits, ..BINARY }, false, "cm", ""),
            (Circumstances { happened: Happened::Rejected, ..BINARY }, false, "m", "c m"),
            (security, false, "", "c"),
            (Circumstances { has_source: true, ..security }, true, "", "s list"),
            (Circumstances { is_of_translations: true, ..SOURCE }, true, "cm", ""),
            (Circumstances { is_of_translations: true, ..rejected }, true, "cm", ""),
            (untrusted, false, "cm", ""),
            (Circumstances { is_trusted: false, ..SOURCE }, true, "cm", ""),
        ] {
            assert_eq!(told(&what, is_signed, uploaders), expected, "{what:?} {is_signed} {uploaders}");
        }
    }

    #[test]
    fn an_address_is_written_to_once() {
        let parties = Parties {
            signer: Some(mail("Ann Uploader <ann@example.org>")),
            is_signed: true,
            changed_by: Some(Named { mailbox: mail("ANN@example.org"), is_uploader: true }),
            maintainer: Some(Named { mailbox: mail("Ann <ann@Example.org>"), is_uploader: true }),
            list: None,
        };
        assert_eq!(addressees(&SOURCE, parties).people, [mail("Ann Uploader <ann@example.org>")]);
    }
}
