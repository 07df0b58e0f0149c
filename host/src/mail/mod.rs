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

use std::time::{Duration, Instant};

use pressroom_archive::disk::{DiskError, FileLock};
use pressroom_archive::domain::plain;
use pressroom_archive::domain::{MessageId, MessageKind};
use pressroom_archive::notify::Patience;
use pressroom_archive::store::outbox_message::{self, OutboxMessage};
use pressroom_archive::store::{Db, StoreError};

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
    #[error("messages cannot be sent")]
    Store(#[from] StoreError),
    #[error("messages cannot be sent")]
    Disk(#[from] DiskError),
    #[error("messages cannot be sent")]
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
fn lock(root: &Root) -> Result<Option<FileLock>, DiskError> {
    FileLock::try_alone(&root.locks_folder().join("outbox.lock"))
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
                // or the next command would wait as long for the next message
                self.nobody(message.kind, &reason)?;
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
        let reason = plain::line(reason, MAX_ERROR);
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
        let reason = plain::line(reason, MAX_ERROR);
        let until = self.patience.after(1, self.clock.now());
        self.delivered.postponed += self.db.write(|tx| outbox_message::postpone(tx, kind, until, &reason))?;
        self.delivered.trouble(reason);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use jiff::{SignedDuration, Timestamp};
    use pressroom_archive::disk;
    use pressroom_archive::domain::{MessageKind, MessageStatus};
    use pressroom_archive::store::outbox_message::NewMessage;

    use super::*;
    use crate::root::{CONFIG_FILE, DATABASE_FILE};

    const LIMIT: Duration = Duration::from_secs(30);

    /// A root that sends no mail.
    fn root(folder: &std::path::Path) -> (Root, Db) {
        disk::write_staged(&folder.join(CONFIG_FILE), b"[mail]\nretry-seconds = 60\nretry-attempts = 2\n")
            .unwrap();
        let db = Db::create(&folder.join(DATABASE_FILE)).unwrap();
        (Root::open(folder).unwrap(), db)
    }

    fn add(db: &mut Db, kind: MessageKind, recipients: &str, now: Timestamp) -> MessageId {
        let new = NewMessage {
            kind,
            topic: "BUG",
            dedup_key: None,
            upload: None,
            sender: "a@example.org",
            recipients,
            content: br#"{"bug":12}"#,
        };
        db.write(|tx| outbox_message::add_message(tx, &new, now)).unwrap().unwrap()
    }

    /// A server that answers so many requests with these statuses, and gives back what it was sent.
    fn answering(statuses: &'static [u16]) -> (u16, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for status in statuses {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(&stream);
                let (mut request, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                    request.push_str(&line);
                    if line == "\r\n" {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                request.push_str(&String::from_utf8(body).unwrap());
                requests.push(request);
                write!(&stream, "HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
            requests
        });
        (port, served)
    }

    /// How many messages wait, and how many have failed.
    fn open_messages(db: &Db) -> Result<(u64, u64), StoreError> {
        let counts = outbox_message::counts(db.read())?;
        let of = |status| counts.iter().find(|one| one.0 == status).map_or(0, |one| one.1);
        Ok((of(MessageStatus::Waiting), of(MessageStatus::Failed)))
    }

    #[test]
    fn a_webhook_is_told_and_told_again_until_it_listens() {
        let folder = tempfile::tempdir().unwrap();
        let (root, mut db) = root(folder.path());
        let now = Timestamp::UNIX_EPOCH;
        let clock = Clock::fixed(now);
        let (port, served) = answering(&[503, 204, 400]);
        let url = format!("http://127.0.0.1:{port}/closed");
        let first = add(&mut db, MessageKind::Webhook, &url, now);
        let delivered = deliver(&root, &mut db, &clock, LIMIT);
        assert_eq!((delivered.sent, delivered.postponed), (0, 1));
        assert!(delivered.troubles[0].contains("503"), "{delivered:?}");
        // it is not due yet
        assert_eq!(deliver(&root, &mut db, &clock, LIMIT), Delivered::default());
        let later = Clock::fixed(now + SignedDuration::from_secs(60));
        assert_eq!(deliver(&root, &mut db, &later, LIMIT).sent, 1);
        let second = add(&mut db, MessageKind::Webhook, &url, now);
        assert_eq!(deliver(&root, &mut db, &later, LIMIT).failed, 1);
        let status = |id| outbox_message::message(db.read(), id).unwrap().status;
        assert_eq!((status(first), status(second)), (MessageStatus::Sent, MessageStatus::Failed));
        let requests = served.join().unwrap();
        let request = requests[0].to_ascii_lowercase();
        assert!(
            request.starts_with("post /closed http/1.1\r\n") && request.ends_with(r#"{"bug":12}"#),
            "{request}"
        );
        for header in
            ["content-type: application/json\r\n", "x-pressroom-message: 1\r\n", "x-pressroom-event: bug\r\n"]
        {
            assert!(request.contains(header), "{request}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_asked_gives_up_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (root, mut db) = root(folder.path());
        let now = Timestamp::UNIX_EPOCH;
        let id = add(&mut db, MessageKind::Webhook, "gopher://example.org/", now);
        for (minute, status) in [(0, MessageStatus::Waiting), (1, MessageStatus::Failed)] {
            let clock = Clock::fixed(now + SignedDuration::from_mins(minute));
            let delivered = deliver(&root, &mut db, &clock, LIMIT);
            assert!(delivered.troubles[0].contains("gopher"), "{delivered:?}");
            assert_eq!(outbox_message::message(db.read(), id).unwrap().status, status);
        }
    }

    #[test]
    fn mails_stay_where_they_are_while_none_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let (root, mut db) = root(folder.path());
        let now = Timestamp::UNIX_EPOCH;
        add(&mut db, MessageKind::Mail, "ann@example.org", now);
        assert_eq!(deliver(&root, &mut db, &Clock::fixed(now), LIMIT), Delivered::default());
        assert_eq!(open_messages(&db).unwrap(), (1, 0));
    }

    #[test]
    fn settings_that_are_wrong_are_said_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut db) = root(folder.path());
        let text = b"[mail]\ntransport = \"smtp\"\nfrom = \"a@example.org\"\nuser = \"a\"\n";
        disk::write_staged(&folder.path().join(CONFIG_FILE), text).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        add(&mut db, MessageKind::Mail, "ann@example.org", now);
        let delivered = deliver(&root, &mut db, &Clock::fixed(now), LIMIT);
        assert!(delivered.troubles[0].contains("password-file"), "{delivered:?}");
        assert_eq!(open_messages(&db).unwrap(), (1, 0));
    }
}
