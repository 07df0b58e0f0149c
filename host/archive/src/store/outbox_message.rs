//! `outbox_message`: what is to be sent, and what became of it.
//!
//! A message is written in the transaction that it tells of. Whoever sends says so here before and after: a message that was being sent when its
//! sender died waits, and is sent again.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{MessageId, MessageKind, MessageStatus, UploadId};

/// A message without its content, which may be long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its row.
    pub id: MessageId,
    /// How it is sent.
    pub kind: MessageKind,
    /// What it is about, as `ACCEPTED`.
    pub topic: String,
    /// The upload that it is about.
    pub upload: Option<UploadId>,
    /// A mail's sender, of the envelope; empty for a webhook.
    pub sender: String,
    /// A mail's recipients, of the envelope, one a line; a webhook's URL.
    pub recipients: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// How often somebody was asked to take it.
    pub attempts: u32,
    /// When it was written.
    pub date_created: Timestamp,
    /// When it is tried next; of a waiting one.
    pub date_next_attempt: Option<Timestamp>,
    /// When somebody took it.
    pub date_sent: Option<Timestamp>,
    /// Why nobody has.
    pub last_error: String,
}

const COLUMNS: &str = "id, kind, topic, package_upload, sender, recipients, status, attempts, date_created, date_next_attempt, date_sent, \
                       last_error FROM outbox_message";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<OutboxMessage> {
    Ok(OutboxMessage {
        id: row.get(0)?,
        kind: row.get(1)?,
        topic: row.get(2)?,
        upload: row.get(3)?,
        sender: row.get(4)?,
        recipients: row.get(5)?,
        status: row.get(6)?,
        attempts: row.get(7)?,
        date_created: row.get::<_, Date>(8)?.0,
        date_next_attempt: row.get::<_, Option<Date>>(9)?.map(|date| date.0),
        date_sent: row.get::<_, Option<Date>>(10)?.map(|date| date.0),
        last_error: row.get(11)?,
    })
}

/// A message to be written.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// How it is sent.
    pub kind: MessageKind,
    /// What it is about.
    pub topic: &'a str,
    /// The same key is written once; none: any number of times.
    pub dedup_key: Option<&'a str>,
    /// The upload that it is about.
    pub upload: Option<UploadId>,
    /// Of the envelope.
    pub sender: &'a str,
    /// Of the envelope, or the URL.
    pub recipients: &'a str,
    /// The whole mail, or JSON.
    pub content: &'a [u8],
}

/// Adds a message, due at once; none where its key was there already.
///
/// # Errors
/// When the database fails.
pub fn add_message(
    tx: &Transaction<'_>,
    new: &NewMessage<'_>,
    now: Timestamp,
) -> Result<Option<MessageId>, StoreError> {
    let added = tx
        .prepare_cached(
            "INSERT INTO outbox_message (kind, topic, dedup_key, package_upload, sender, recipients, content, status, date_created,
             date_next_attempt) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 'WAITING', ?8, ?8
             WHERE NOT EXISTS (SELECT 1 FROM outbox_said WHERE dedup_key = ?3) ON CONFLICT (dedup_key) DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute((
                new.kind,
                new.topic,
                new.dedup_key,
                new.upload,
                new.sender,
                new.recipients,
                new.content,
                Date(now),
            ))
        })
        .during("write a message")?;
    Ok((added > 0).then(|| MessageId(tx.last_insert_rowid())))
}

/// The message of a row.
///
/// # Errors
/// When there is none, or the database fails.
pub fn message(db: &Connection, id: MessageId) -> Result<OutboxMessage, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find a message")?
        .ok_or_else(|| unknown(id))
}

/// What a message says: a mail as it is sent, or JSON.
///
/// # Errors
/// When there is none, or the database fails.
pub fn content(db: &Connection, id: MessageId) -> Result<Vec<u8>, StoreError> {
    db.prepare_cached("SELECT content FROM outbox_message WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
        .during("read a message")?
        .ok_or_else(|| unknown(id))
}

fn unknown(id: MessageId) -> StoreError {
    StoreError::Refused(format!(
        "there is no message {id}: `pressroom outbox list --all` shows those that there are"
    ))
}

/// How many messages about an upload were written to those who are concerned; announcements and bugs are not counted.
///
/// # Errors
/// When the database fails.
pub fn count_news(db: &Connection, upload: UploadId) -> Result<u32, StoreError> {
    db.prepare_cached(
        "SELECT (SELECT count(*) FROM outbox_message WHERE package_upload = ?1 AND kind = 'MAIL' AND topic NOT IN ('ANNOUNCE', 'BUG'))
              + coalesce((SELECT news FROM outbox_gone WHERE package_upload = ?1), 0)",
    )
    .and_then(|mut statement| statement.query_row([upload], |row| row.get(0)))
    .during("count the messages about an upload")
}

/// Which messages are meant; what is none does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// How far they have come; any of these. Empty: all.
    pub statuses: &'a [MessageStatus],
    /// About which upload.
    pub upload: Option<UploadId>,
}

/// The last `limit` messages, the newest first. Of each status no more than that are looked at.
///
/// # Errors
/// When the database fails.
pub fn messages(db: &Connection, filter: &Filter<'_>, limit: u32) -> Result<Vec<OutboxMessage>, StoreError> {
    let list = |condition: &str, status: Option<MessageStatus>| {
        db.prepare_cached(&format!(
            "SELECT {COLUMNS} WHERE ?1 IS ?1 AND ?2 IS ?2 {condition} ORDER BY id DESC LIMIT ?3"
        ))
        .and_then(|mut statement| statement.query_map((filter.upload, status, limit), from_row)?.collect())
        .during("list the messages")
    };
    let by_upload = if filter.upload.is_some() { "AND package_upload = ?1" } else { "" };
    if filter.statuses.is_empty() {
        return list(by_upload, None);
    }
    let mut found: Vec<OutboxMessage> = Vec::new();
    for status in MessageStatus::ALL.iter().filter(|status| filter.statuses.contains(status)) {
        found.extend(list(&format!("{by_upload} AND status = ?2"), Some(*status))?);
    }
    found.sort_by_key(|message| std::cmp::Reverse(message.id));
    found.truncate(limit as usize);
    Ok(found)
}

/// How many messages there are in each status, in the order of the statuses.
///
/// # Errors
/// When the database fails.
pub fn counts(db: &Connection) -> Result<Vec<(MessageStatus, u64)>, StoreError> {
    let found: Vec<(MessageStatus, u64)> = db
        .prepare_cached("SELECT status, count(*) FROM outbox_message GROUP BY status ORDER BY status")
        .and_then(|mut statement| statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .during("count the messages")?;
    let of = |status| found.iter().find(|one| one.0 == status).map_or(0, |one| one.1);
    Ok(MessageStatus::ALL.iter().map(|status| (*status, of(*status))).collect())
}

/// How many messages wait; those that were sent long ago are not looked at.
///
/// # Errors
/// When the database fails.
pub fn count_waiting(db: &Connection) -> Result<u64, StoreError> {
    db.prepare_cached("SELECT count(*) FROM outbox_message WHERE status = 'WAITING'")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .during("count the messages that wait")
}

// ---------------------------------------------------------------- sending

/// Up to `limit` messages of a kind whose time has come, the one that has waited longest first.
///
/// # Errors
/// When the database fails.
pub fn due(
    db: &Connection,
    kind: MessageKind,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxMessage>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE status = 'WAITING' AND date_next_attempt <= ?2 AND kind = ?1 ORDER BY date_next_attempt, id LIMIT ?3"
    ))
    .and_then(|mut statement| statement.query_map((kind, Date(now), limit), from_row)?.collect())
    .during("list what is to be sent")
}

/// Says that a message is about to be sent. Should its sender die, it is sent again at `next_attempt`.
///
/// # Errors
/// When it does not wait any more, or the database fails.
pub fn begin_attempt(tx: &Transaction<'_>, id: MessageId, next_attempt: Timestamp) -> Result<(), StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE outbox_message SET attempts = attempts + 1, date_next_attempt = ?2,
             last_error = 'its sender has died, or is at work' WHERE id = ?1 AND status = 'WAITING'",
        )
        .and_then(|mut statement| statement.execute((id, Date(next_attempt))))
        .during("mark a message")?;
    if changed == 0 { Err(not_waiting(tx, id)?) } else { Ok(()) }
}

/// Says that a message was taken.
///
/// # Errors
/// When the database fails.
pub fn mark_sent(tx: &Transaction<'_>, id: MessageId, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE outbox_message SET status = 'SENT', date_next_attempt = NULL, date_sent = ?2, last_error = '' WHERE id = ?1",
    )
    .and_then(|mut statement| statement.execute((id, Date(now))))
    .map(|_| ())
    .during("mark a message")
}

/// Says that a message was not taken: it waits until `next_attempt`, or has failed for good.
///
/// # Errors
/// When the database fails.
pub fn mark_not_sent(
    tx: &Transaction<'_>,
    id: MessageId,
    next_attempt: Option<Timestamp>,
    error: &str,
) -> Result<(), StoreError> {
    let status = if next_attempt.is_some() { MessageStatus::Waiting } else { MessageStatus::Failed };
    tx.prepare_cached(
        "UPDATE outbox_message SET status = ?2, date_next_attempt = ?3, last_error = ?4 WHERE id = ?1 AND status = 'WAITING'",
    )
    .and_then(|mut statement| statement.execute((id, status, next_attempt.map(Date), error)))
    .map(|_| ())
    .during("mark a message")
}

/// Lets everything of a kind that would be tried before `until` wait until then, because nobody takes anything now. It counts as no attempt.
///
/// # Errors
/// When the database fails.
pub fn postpone(
    tx: &Transaction<'_>,
    kind: MessageKind,
    until: Timestamp,
    error: &str,
) -> Result<usize, StoreError> {
    tx.prepare_cached(
        "UPDATE outbox_message SET date_next_attempt = ?2, last_error = ?3 WHERE status = 'WAITING' AND date_next_attempt < ?2 AND kind = ?1",
    )
    .and_then(|mut statement| statement.execute((kind, Date(until), error)))
    .during("let messages wait")
}

// ---------------------------------------------------------------- decisions

/// Lets a message be sent at once, with as many attempts as a new one; also one that has failed or was dropped.
///
/// # Errors
/// When it was sent, or the database fails.
pub fn retry(tx: &Transaction<'_>, id: MessageId, now: Timestamp) -> Result<(), StoreError> {
    if message(tx, id)?.status == MessageStatus::Sent {
        return Err(StoreError::Refused(format!("message {id} is SENT: it is not sent twice")));
    }
    tx.prepare_cached(
        "UPDATE outbox_message SET status = 'WAITING', attempts = 0, date_next_attempt = ?2 WHERE id = ?1",
    )
    .and_then(|mut statement| statement.execute((id, Date(now))))
    .map(|_| ())
    .during("let a message be sent again")
}

/// Lets everything that waits be sent at once, with the attempts that each has left.
///
/// # Errors
/// When the database fails.
pub fn hurry(tx: &Transaction<'_>, now: Timestamp) -> Result<usize, StoreError> {
    tx.prepare_cached(
        "UPDATE outbox_message SET date_next_attempt = ?1 WHERE status = 'WAITING' AND date_next_attempt > ?1",
    )
    .and_then(|mut statement| statement.execute([Date(now)]))
    .during("let messages be sent")
}

/// The messages of a status, oldest first.
///
/// # Errors
/// When the database fails.
pub fn ids(db: &Connection, status: MessageStatus) -> Result<Vec<MessageId>, StoreError> {
    db.prepare_cached("SELECT id FROM outbox_message WHERE status = ?1 ORDER BY id")
        .and_then(|mut statement| statement.query_map([status], |row| row.get(0))?.collect())
        .during("list the messages")
}

/// Lets a message not be sent.
///
/// # Errors
/// When it neither waits nor has failed, or the database fails.
pub fn drop_message(tx: &Transaction<'_>, id: MessageId) -> Result<(), StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE outbox_message SET status = 'DROPPED', date_next_attempt = NULL WHERE id = ?1 AND status IN ('WAITING', 'FAILED')",
        )
        .and_then(|mut statement| statement.execute([id]))
        .during("drop a message")?;
    if changed == 0 { Err(not_waiting(tx, id)?) } else { Ok(()) }
}

fn not_waiting(db: &Connection, id: MessageId) -> Result<StoreError, StoreError> {
    let is = message(db, id)?.status;
    Ok(StoreError::Refused(format!("message {id} is {is}, and does not wait to be sent")))
}

// ---------------------------------------------------------------- the past

/// Forgets up to `limit` messages that were sent before a date. What they keep from being said twice is kept, and how many there were about an
/// upload. Says how many are gone.
///
/// # Errors
/// When the database fails.
pub fn forget_sent(tx: &Transaction<'_>, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
    let old = "SELECT id FROM outbox_message WHERE status = 'SENT' AND date_sent < ?1 ORDER BY date_sent, id LIMIT ?2";
    for statement in [
        format!("INSERT OR IGNORE INTO outbox_said (dedup_key) SELECT dedup_key FROM outbox_message WHERE id IN ({old}) AND dedup_key IS NOT NULL"),
        format!(
            "INSERT INTO outbox_gone (package_upload, news) SELECT package_upload, count(*) FROM outbox_message
             WHERE id IN ({old}) AND package_upload IS NOT NULL AND kind = 'MAIL' AND topic NOT IN ('ANNOUNCE', 'BUG') GROUP BY package_upload
             ON CONFLICT (package_upload) DO UPDATE SET news = news + excluded.news"
        ),
    ] {
        tx.prepare_cached(&statement)
            .and_then(|mut statement| statement.execute((Date(before), limit)))
            .during("remember what was said")?;
    }
    tx.prepare_cached(&format!("DELETE FROM outbox_message WHERE id IN ({old})"))
        .and_then(|mut statement| statement.execute((Date(before), limit)))
        .during("forget messages that were sent")
}

/// Whether a message was sent before a date, so that there is something to forget.
///
/// # Errors
/// When the database fails.
pub fn has_sent_before(db: &Connection, before: Timestamp) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox_message WHERE status = 'SENT' AND date_sent < ?1)")
        .and_then(|mut statement| statement.query_row([Date(before)], |row| row.get(0)))
        .during("look for messages that were sent")
}
