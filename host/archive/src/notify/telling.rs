//! Writes the messages about an upload into the outbox.

use jiff::Timestamp;
use lettre::Address;
use lettre::message::Mailbox;
use serde::Serialize;

use crate::domain::problem::Problem;
use crate::domain::{ArchivePurpose, BugTracker, DistributionName, MessageId, MessageKind, Sha256};
use crate::store::distribution::{self, Distribution};
use crate::store::outbox_message::{self, NewMessage};
use crate::store::{Connection, StoreError, Transaction, correspondent, series};

use super::NotifyError;
use super::facts::{FactKind, Signature, UploadFacts};
use super::letter::{Letter, Letterhead, Thread, mailbox};
use super::operators;
use super::recipients::{self, Circumstances, Happened, Named, Parties};
use super::templates::{self, Rendered, Template, Told};

/// What happened to an upload.
#[derive(Debug, Clone, Copy)]
pub enum UploadNews<'a> {
    /// It will be published.
    Accepted,
    /// Something in it is new: somebody has to look.
    New,
    /// Its series takes nothing without a look.
    Unapproved,
    /// It was refused.
    Rejected {
        /// By these checks.
        problems: &'a [Problem],
        /// Or by a person, who said this.
        comment: &'a str,
    },
}

impl UploadNews<'_> {
    const fn topic(&self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::New => "NEW",
            Self::Unapproved => "UNAPPROVED",
            Self::Rejected { .. } => "REJECTED",
        }
    }

    const fn template(&self) -> Template {
        match self {
            Self::Accepted => Template::Accepted,
            Self::New => Template::New,
            Self::Unapproved => Template::Unapproved,
            Self::Rejected { .. } => Template::Rejected,
        }
    }

    const fn happened(&self) -> Happened {
        match self {
            Self::Accepted => Happened::Accepted,
            Self::New | Self::Unapproved => Happened::Waits,
            Self::Rejected { .. } => Happened::Rejected,
        }
    }
}

/// Writes the mails about an upload: one for each of those concerned, and the announcement where there is to be one. Says how many. Nothing is
/// written without a letterhead.
///
/// # Errors
/// When a template of the distribution cannot be used, the changes list is no address, or the database fails.
pub fn tell(
    tx: &Transaction<'_>,
    letterhead: Option<&Letterhead>,
    news: &UploadNews<'_>,
    facts: &UploadFacts,
    now: Timestamp,
) -> Result<usize, NotifyError> {
    let Some(letterhead) = letterhead else { return Ok(0) };
    let signer = signer(tx, facts)?;
    let parties = parties(tx, facts, signer.clone())?;
    let found = recipients::addressees(&circumstances(news, facts), parties);
    if found.people.is_empty() && found.list.is_none() {
        return Ok(0);
    }
    let signer = signer.and_then(|signer| signer.name).unwrap_or_default();
    let mut told = Told::of(facts, &letterhead.site, &distribution_title(tx, facts)?, &signer);
    if let UploadNews::Rejected { problems, comment } = news {
        told = told.refused(problems, comment);
    }
    let desk = Desk { tx, letterhead, facts, told: &told, now };
    let mut written = 0;
    if !found.people.is_empty() {
        let mail = Mail {
            topic: news.topic(),
            template: news.template(),
            to: &found.people,
            reply_to: None,
            thread: desk.thread()?,
            says_automatic: true,
        };
        written += desk.write(&mail, |_| None)?;
    }
    if let Some(list) = found.list {
        let reply_to = mailbox(&facts.changed_by);
        let mail = Mail {
            topic: "ANNOUNCE",
            template: Template::Announcement,
            to: &[list],
            reply_to: reply_to.as_ref(),
            thread: Thread { id: desk.id("announce"), first: None },
            says_automatic: true,
        };
        // an upload that is rejected after all and accepted once more was announced
        written += desk.write(&mail, |_| facts.upload.map(|id| format!("announce/{id}")))?;
    }
    Ok(written)
}

/// Says to the bug tracker that an upload closes a bug: by a mail in the form of debbugs (for bugs of [`BugTracker::Debbugs`] alone: elsewhere the
/// number is another bug's), and by JSON to the distribution's webhook, which needs no letterhead. Says whether anything was written: a bug is
/// closed by the same version once.
///
/// # Errors
/// When a template of the distribution cannot be used, its `bug_mail` is no address, or the database fails.
pub fn close_bug(
    tx: &Transaction<'_>,
    letterhead: Option<&Letterhead>,
    distribution: &Distribution,
    tracker: BugTracker,
    bug: u64,
    facts: &UploadFacts,
    now: Timestamp,
) -> Result<bool, NotifyError> {
    let Distribution { bug_mail: mail, bug_webhook: webhook, .. } = distribution;
    let key = |how: &str| {
        let (source, version) = (facts.source.as_deref().unwrap_or_default(), facts.version.as_deref());
        format!("bug/{how}/{}/{tracker}/{bug}/{source}/{}", distribution.name, version.unwrap_or_default())
    };
    let mut written = 0;
    if let (Some(letterhead), Some(pattern), BugTracker::Debbugs) = (letterhead, mail, tracker) {
        let address: Address = pattern.replacen("%s", &bug.to_string(), 1).parse().map_err(|_| {
            let name = &distribution.name;
            NotifyError::Address {
                what: format!("the bug mail of {name}"),
                address: pattern.clone(),
                command: format!("pressroom distribution set {name} --bug-mail %s-done@…"),
            }
        })?;
        let told = Told { bug, ..Told::of(facts, &letterhead.site, &distribution.display_name, "") };
        let desk = Desk { tx, letterhead, facts, told: &told, now };
        let reply_to = mailbox(&facts.changed_by);
        let mail = Mail {
            topic: "BUG",
            template: Template::Bug,
            to: &[Mailbox::new(None, address)],
            reply_to: reply_to.as_ref(),
            thread: Thread { id: desk.id(&format!("bug.{bug}")), first: None },
            says_automatic: false,
        };
        written += desk.write(&mail, |_| Some(key("mail")))?;
    }
    if let Some(url) = webhook {
        let said = serde_json::to_vec(&BugClosed::new(distribution, tracker, bug, facts, now))
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        let new = NewMessage {
            kind: MessageKind::Webhook,
            topic: "BUG",
            dedup_key: Some(&key("webhook")),
            upload: facts.upload,
            sender: "",
            recipients: url,
            content: &said,
        };
        written += usize::from(outbox_message::add_message(tx, &new, now)?.is_some());
    }
    Ok(written > 0)
}

/// Writes a mail that only says that mail works. It is no news, and has no template.
///
/// # Errors
/// When the database fails.
pub fn write_test(
    tx: &Transaction<'_>,
    letterhead: &Letterhead,
    to: &Mailbox,
    now: Timestamp,
) -> Result<MessageId, NotifyError> {
    let site = &letterhead.site;
    let about = format!("{site} {} {}", to.email, now.as_nanosecond());
    let digest = Sha256::of(about.as_bytes()).to_string();
    let domain = letterhead.sender.email.domain();
    let letter = Letter {
        to: std::slice::from_ref(to),
        reply_to: None,
        subject: &format!("A test from {site}"),
        body: format!("Somebody has tried whether {site} can send mail to {}. It can.\n", to.email),
        thread: &Thread { id: format!("test.{}@{domain}", digest.get(..32).unwrap_or(&digest)), first: None },
        says_automatic: true,
        facts: &[("X-Pressroom-Topic", "TEST")],
        about: "nothing",
    };
    let new = NewMessage {
        kind: MessageKind::Mail,
        topic: "TEST",
        dedup_key: None,
        upload: None,
        sender: letterhead.bounces.as_ref(),
        recipients: to.email.as_ref(),
        content: &letter.write(letterhead, now)?,
    };
    // without a key it is always new
    let id = outbox_message::add_message(tx, &new, now)?;
    id.ok_or_else(|| StoreError::Refused("the test was written already".to_owned()).into())
}

/// What a webhook is told of a bug.
#[derive(Serialize)]
struct BugClosed<'a> {
    event: &'static str,
    distribution: &'a str,
    tracker: BugTracker,
    bug: u64,
    archive: Option<String>,
    suite: Option<String>,
    source: &'a str,
    version: &'a str,
    changed_by: &'a str,
    changes: &'a str,
    upload: Option<i64>,
    date: String,
}

impl<'a> BugClosed<'a> {
    fn new(
        distribution: &'a Distribution,
        tracker: BugTracker,
        bug: u64,
        facts: &'a UploadFacts,
        now: Timestamp,
    ) -> Self {
        Self {
            event: "bug-closed",
            distribution: distribution.name.as_str(),
            tracker,
            bug,
            archive: facts.archive.as_ref().map(|archive| archive.reference.to_string()),
            suite: facts.suite.as_ref().map(|suite| suite.name.to_string()),
            source: facts.source.as_deref().unwrap_or_default(),
            version: facts.version.as_deref().unwrap_or_default(),
            changed_by: &facts.changed_by,
            changes: &facts.changes,
            upload: facts.upload.map(|id| id.0),
            date: now.to_string(),
        }
    }
}

// ---------------------------------------------------------------- who

const fn is_main(purpose: ArchivePurpose) -> bool {
    match purpose {
        ArchivePurpose::Primary | ArchivePurpose::Partner => true,
        ArchivePurpose::Ppa | ArchivePurpose::Copy => false,
    }
}

fn circumstances(news: &UploadNews<'_>, facts: &UploadFacts) -> Circumstances {
    Circumstances {
        happened: news.happened(),
        in_main_archive: facts.archive.as_ref().is_some_and(|archive| is_main(archive.purpose)),
        pocket: facts.pocket(),
        has_source: facts.has(FactKind::Source),
        has_built: facts.has(FactKind::Binary) || facts.has(FactKind::Custom),
        is_of_translations: facts.is_of_translations(),
        is_trusted: match facts.signature {
            Signature::Verified(_) | Signature::NotAsked => true,
            Signature::Unverified => false,
        },
    }
}

fn signer(db: &Connection, facts: &UploadFacts) -> Result<Option<Mailbox>, StoreError> {
    let Signature::Verified(person) = facts.signature else { return Ok(None) };
    Ok(correspondent::correspondent(db, person)?
        .and_then(|person| mailbox(&format!("{} <{}>", person.display_name, person.email))))
}

fn parties(db: &Connection, facts: &UploadFacts, signer: Option<Mailbox>) -> Result<Parties, NotifyError> {
    let named = |text: &str| -> Result<Option<Named>, StoreError> {
        let Some(mailbox) = mailbox(text) else { return Ok(None) };
        let is_uploader = match &facts.archive {
            Some(archive) => correspondent::is_uploader(db, archive.id, mailbox.email.as_ref())?,
            None => false,
        };
        Ok(Some(Named { mailbox, is_uploader }))
    };
    let list = match &facts.suite {
        Some(suite) => series::series_by_id(db, suite.series)?
            .changes_list
            .map(|address| {
                let series = suite.name.series();
                mailbox(&address).ok_or_else(|| NotifyError::Address {
                    what: format!("the changes list of {series}"),
                    address,
                    command: format!("pressroom series set {series} --changes-list ADDRESS"),
                })
            })
            .transpose()?,
        None => None,
    };
    Ok(Parties {
        signer,
        is_signed: matches!(facts.signature, Signature::Verified(_)),
        changed_by: named(if facts.changed_by.is_empty() { &facts.maintainer } else { &facts.changed_by })?,
        maintainer: named(&facts.maintainer)?,
        list,
    })
}

fn distribution_title(db: &Connection, facts: &UploadFacts) -> Result<String, StoreError> {
    let Some(archive) = &facts.archive else { return Ok("uploads".to_owned()) };
    Ok(distribution::distribution(db, archive.reference.distribution())?.display_name)
}

// ---------------------------------------------------------------- writing

/// Where mails about one upload are written.
struct Desk<'a> {
    tx: &'a Transaction<'a>,
    letterhead: &'a Letterhead,
    facts: &'a UploadFacts,
    told: &'a Told,
    now: Timestamp,
}

/// One mail, to one or several.
struct Mail<'a> {
    topic: &'static str,
    template: Template,
    to: &'a [Mailbox],
    reply_to: Option<&'a Mailbox>,
    thread: Thread,
    says_automatic: bool,
}

impl Desk<'_> {
    /// Writes a mail: a message for each of its recipients, so that a server that refuses one of them does not keep it from the others. All have
    /// the same content, and the same Message-ID.
    fn write(&self, mail: &Mail<'_>, key: impl Fn(&Mailbox) -> Option<String>) -> Result<usize, NotifyError> {
        let distribution = self.facts.archive.as_ref().map(|archive| archive.reference.distribution());
        let rendered = self.render(distribution, mail.template)?;
        let upload = self.facts.upload.map(|id| id.to_string()).unwrap_or_default();
        let letter = Letter {
            to: mail.to,
            reply_to: mail.reply_to,
            subject: &rendered.subject,
            body: rendered.body,
            thread: &mail.thread,
            says_automatic: mail.says_automatic,
            facts: &[
                ("X-Pressroom-Topic", mail.topic),
                ("X-Pressroom-Upload", &upload),
                ("X-Pressroom-Archive", &self.told.archive),
                ("X-Pressroom-Suite", &self.told.suite),
                ("X-Pressroom-Source", &self.told.source),
                ("X-Pressroom-Version", &self.told.version),
            ],
            about: &self.told.title,
        };
        let content = letter.write(self.letterhead, self.now)?;
        let mut written = 0;
        for mailbox in mail.to {
            let key = key(mailbox);
            let new = NewMessage {
                kind: MessageKind::Mail,
                topic: mail.topic,
                dedup_key: key.as_deref(),
                upload: self.facts.upload,
                sender: self.letterhead.bounces.as_ref(),
                recipients: mailbox.email.as_ref(),
                content: &content,
            };
            written += usize::from(outbox_message::add_message(self.tx, &new, self.now)?.is_some());
        }
        Ok(written)
    }

    /// What the distribution's template makes of it. One that breaks over what was sent is no reason to take nothing in: Pressroom's own says it
    /// then, and the operators hear of it once.
    fn render(
        &self,
        distribution: Option<&DistributionName>,
        template: Template,
    ) -> Result<Rendered, NotifyError> {
        match templates::render(&self.letterhead.templates, distribution, template, self.told) {
            Err(error @ (NotifyError::Template { .. } | NotifyError::Read { .. })) => {
                tracing::warn!(
                    "Pressroom's own template was used for a mail about {}: {error}",
                    self.told.title
                );
                operators::tell_of_template(self.tx, self.letterhead, &error, &self.told.title, self.now)?;
                templates::render_own(template, self.told)
            }
            rendered => rendered,
        }
    }

    /// The thread of the mails to those concerned: the first begins it, the others answer that.
    fn thread(&self) -> Result<Thread, StoreError> {
        let Some(upload) = self.facts.upload else {
            // nothing more will be said of what did not come in
            return Ok(Thread {
                id: self.id(&format!("refused.{}", self.now.as_microsecond())),
                first: None,
            });
        };
        let earlier = outbox_message::count_news(self.tx, upload)?;
        let first = (earlier > 0).then(|| self.id("0"));
        Ok(Thread { id: self.id(&earlier.to_string()), first })
    }

    /// A Message-ID that is the same whenever the same is said of the same upload of the same root.
    fn id(&self, what: &str) -> String {
        let upload = self.facts.upload.map_or(0, |id| id.0);
        let told = self.told;
        let known_by = format!(
            "{}\n{}\n{upload}\n{}\n{}\n{}\n{}",
            told.site, told.archive, told.title, self.facts.leaf, told.changes, told.changes_text
        );
        let digest = Sha256::of(known_by.as_bytes()).to_string();
        let domain = self.letterhead.sender.email.domain();
        format!("upload.{upload}.{what}.{}@{domain}", digest.get(..16).unwrap_or(&digest))
    }
}
