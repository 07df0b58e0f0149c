//! Sends what waits in the outbox: mails by one of the transports, other messages by [`webhook`].
//!
//! A message is marked before it is handed over and afterwards, each in a transaction of its own, and one process sends at a time. So whatever
//! dies, no message is lost, and at most the one that was being handed over is sent twice, with the same Message-ID. Transports work in a thread
//! of their own, which is left behind when its time is over: nobody who only wants to publish waits for a mail server that does not answer.
//! A server that takes nothing costs no message an attempt: all wait a while together.

mod carrier;
mod maildir;
mod sendmail;
mod smtp;
mod webhook;

use std::fs::{File, OpenOptions};
use std::time::{Duration, Instant};

use pressroom_archive::disk::{self, DiskError, During};
use pressroom_archive::domain::{MessageId, MessageKind, MessageStatus};
use pressroom_archive::notify::{Patience, one_line};
use pressroom_archive::store::outbox_message::{self, OutboxMessage};
use pressroom_archive::store::{Db, StoreError};
use pressroom_archive::work::{Work, count};
use rustix::fs::{FlockOperation, flock};

use crate::clock::Clock;
use crate::root::{ConfigError, MailTransport, Root};
use carrier::{Carrier, Outcome, Parcel};

/// The part of the time that webhooks may take when mails wait too.
const SHARE_OF_WEBHOOKS: u32 = 2;
/// So many messages are taken out of the database at a time.
const BATCH: u32 = 100;
/// The longest error that is kept, in characters.
const MAX_ERROR: usize = 500;

/// What came of sending.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Delivered {
    /// Messages that somebody has taken.
    pub(crate) sent: usize,
    /// Messages that are given up.
    pub(crate) failed: usize,
    /// Messages that were tried and wait.
    pub(crate) postponed: usize,
    /// Why, each once.
    pub(crate) troubles: Vec<String>,
    /// Whether another process is sending.
    pub(crate) busy: bool,
}

impl Delivered {
    /// Says on the log what did not go well. What waits is tried again, so this is all that a command does about it.
    pub(crate) fn warn(&self) {
        for trouble in &self.troubles {
            tracing::warn!("messages wait to be sent (see `pressroom outbox list`): {trouble}");
        }
    }

    fn trouble(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.troubles.contains(&what) {
            self.troubles.push(what);
        }
    }
}

/// Why sending cannot even begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Sends what is due, for as long as `limit` allows. Nothing that goes wrong is an error: it is told by [`Delivered::warn`], and tried again later.
/// For the ends of commands, with the limit that [`crate::root::Mail::time_limit`] says.
pub(crate) fn deliver(root: &Root, db: &mut Db, clock: &Clock, limit: Duration) -> Delivered {
    try_to_deliver(root, db, clock, limit).unwrap_or_else(|error| {
        let causes: Vec<String> = anyhow::Error::from(error).chain().map(ToString::to_string).collect();
        Delivered { troubles: vec![causes.join(": ")], ..Delivered::default() }
    })
}

/// The same, where what is wrong with the configuration is to be an error.
pub(crate) fn try_to_deliver(
    root: &Root,
    db: &mut Db,
    clock: &Clock,
    limit: Duration,
) -> Result<Delivered, MailError> {
    let has = |db: &Db, kind| {
        Ok::<_, StoreError>(!outbox_message::due(db.read(), kind, clock.now(), 1)?.is_empty())
    };
    // most commands have nothing to send: no lock, no thread, no look at the configuration
    let hooks_wait = has(db, MessageKind::Webhook)?;
    let mails_wait = has(db, MessageKind::Mail)? && root.config.mail.transport != MailTransport::None;
    let mut delivered = Delivered::default();
    if !hooks_wait && !mails_wait {
        return Ok(delivered);
    }
    let Some(_lock) = lock(root)? else {
        delivered.busy = true;
        return Ok(delivered);
    };
    let end = Instant::now() + limit;
    let patience = root.config.mail.patience();
    let mut sending = Sending { db, clock, patience, delivered };
    if hooks_wait {
        let share = if mails_wait { limit / SHARE_OF_WEBHOOKS } else { limit };
        let mut carrier = Carrier::start(webhook::Webhooks::new(share));
        sending.all(MessageKind::Webhook, &mut carrier, Instant::now() + share)?;
    }
    if mails_wait {
        let mut carrier = carrier(root, limit)?;
        sending.all(MessageKind::Mail, &mut carrier, end)?;
    }
    Ok(sending.delivered)
}

/// The transport that is configured.
fn carrier(root: &Root, limit: Duration) -> Result<Carrier, ConfigError> {
    let mail = &root.config.mail;
    let wrong = |message| ConfigError::Mail { path: root.config_file(), message };
    Ok(match mail.transport {
        // nothing is sent; who asks has looked
        MailTransport::None => return Err(wrong("transport is \"none\": say how mail is sent".to_owned())),
        MailTransport::Smtp => {
            Carrier::start(smtp::Smtp::new(smtp::Settings::read(root, mail, limit).map_err(wrong)?))
        }
        MailTransport::Sendmail => Carrier::start(sendmail::Sendmail::new(root.below(&mail.sendmail))),
        MailTransport::Maildir => {
            Carrier::start(maildir::Maildir::new(root.below(&mail.maildir), crate::root::host_name()))
        }
    })
}

/// One sender at a time; none while there is another.
fn lock(root: &Root) -> Result<Option<File>, DiskError> {
    let folder = root.locks_folder();
    disk::make_folder(&folder)?;
    let path = folder.join("outbox.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .during("open the lock", &path)?;
    count(Work::FilesOpened, 1);
    Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(file))
}

/// One round of sending.
struct Sending<'a> {
    db: &'a mut Db,
    clock: &'a Clock,
    patience: Patience,
    delivered: Delivered,
}

impl Sending<'_> {
    /// Sends what is due of a kind, one after the other.
    fn all(&mut self, kind: MessageKind, carrier: &mut Carrier, end: Instant) -> Result<(), StoreError> {
        if let Err(reason) = carrier.open(end) {
            return self.nobody(kind, &reason);
        }
        loop {
            let due = outbox_message::due(self.db.read(), kind, self.clock.now(), BATCH)?;
            if due.is_empty() {
                return Ok(());
            }
            for message in due {
                if Instant::now() >= end {
                    // they are due still: the next who sends goes on
                    self.delivered.trouble("there are more than there was time for");
                    return Ok(());
                }
                if !self.one(&message, carrier, end)? {
                    return Ok(());
                }
            }
        }
    }

    /// Sends a message. Says whether to go on with the next.
    fn one(
        &mut self,
        message: &OutboxMessage,
        carrier: &mut Carrier,
        end: Instant,
    ) -> Result<bool, StoreError> {
        let attempts = message.attempts.saturating_add(1);
        let content = outbox_message::content(self.db.read(), message.id)?;
        let again = self.patience.after(attempts, self.clock.now());
        let begun = self.db.write(|tx| outbox_message::begin_attempt(tx, message.id, again));
        if let Err(StoreError::Refused(_)) = &begun {
            // somebody dropped it meanwhile
            return Ok(true);
        }
        begun?;
        let outcome = carrier.send(Parcel::new(message, content), end);
        tracing::debug!(message = message.id.0, ?outcome, "handed over");
        match outcome {
            Outcome::Taken => {
                self.db.write(|tx| outbox_message::mark_sent(tx, message.id, self.clock.now()))?;
                self.delivered.sent += 1;
                Ok(true)
            }
            Outcome::Refused(reason) => {
                self.not_sent(message.id, None, &reason)?;
                Ok(true)
            }
            Outcome::Later(reason) => {
                let next = self.patience.next(attempts, self.clock.now());
                self.not_sent(message.id, next, &reason)?;
                Ok(true)
            }
            Outcome::Gone(reason) => {
                let next = self.patience.next(attempts, self.clock.now());
                self.not_sent(message.id, next, &reason)?;
                Ok(false)
            }
            Outcome::Nobody(reason) => {
                self.not_sent(message.id, Some(again), &reason)?;
                self.nobody(message.kind, &reason)?;
                Ok(false)
            }
        }
    }

    fn not_sent(
        &mut self,
        id: MessageId,
        next: Option<jiff::Timestamp>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let reason = one_line(reason, MAX_ERROR);
        self.db.write(|tx| outbox_message::mark_not_sent(tx, id, next, &reason))?;
        if next.is_some() {
            self.delivered.postponed += 1;
        } else {
            self.delivered.failed += 1;
        }
        self.delivered.trouble(format!("message {id}: {reason}"));
        Ok(())
    }

    /// Nobody takes anything now: everything of the kind waits a while.
    fn nobody(&mut self, kind: MessageKind, reason: &str) -> Result<(), StoreError> {
        let reason = one_line(reason, MAX_ERROR);
        let until = self.patience.after(1, self.clock.now());
        self.delivered.postponed += self.db.write(|tx| outbox_message::postpone(tx, kind, until, &reason))?;
        self.delivered.trouble(reason);
        Ok(())
    }
}

/// How many messages wait, and how many have failed.
pub(crate) fn open_messages(db: &Db) -> Result<(u64, u64), StoreError> {
    let counts = outbox_message::counts(db.read())?;
    let of = |status| counts.iter().find(|one| one.0 == status).map_or(0, |one| one.1);
    Ok((of(MessageStatus::Waiting), of(MessageStatus::Failed)))
}
