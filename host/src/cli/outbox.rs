//! `pressroom outbox`: messages that wait to be sent, and those of the past.

use std::time::Duration;

use pressroom_archive::domain::plain;
use pressroom_archive::domain::{MessageId, MessageKind, MessageStatus, UploadId};
use pressroom_archive::notify::operators::write_sample;
use pressroom_archive::notify::{mailbox, write_test};
use pressroom_archive::store::outbox_message::{self, Filter, OutboxMessage};
use pressroom_archive::store::run::Activity;
use pressroom_archive::store::{Db, StoreError, waiting};
use serde::Serialize;

use super::output::{BAD, BOLD, DIM, GOOD, WARN, painted, table, write_bytes};
use super::{End, Session, exit};
use crate::mail::{self, Delivered};
use crate::operators::{Recording, RunEnded};
use crate::root::{MailTransport, Root};

const EXAMPLES: &str = "\
Commands that change uploads send what they have to say at their end. What could not be sent then is tried again by later ones, and by this, from cron:
  */10 * * * *  pressroom --root /srv/apt outbox send

Examples:
  pressroom outbox test ann@example.org
  pressroom outbox list
  pressroom outbox show 17
  pressroom outbox retry --failed";

/// Mails and other messages that wait to be sent, and those of the past.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Command {
    /// List them, the newest first: those that wait or have failed, and with --all the others.
    List {
        /// Also those that were sent or dropped.
        #[arg(long, conflicts_with = "statuses")]
        all: bool,
        /// Only those in this status (WAITING, SENT, FAILED, DROPPED); again for more.
        #[arg(long = "status", value_name = "STATUS")]
        statuses: Vec<MessageStatus>,
        /// Only those about this upload, whatever their status.
        #[arg(long, value_name = "ID")]
        upload: Option<i64>,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 50, value_name = "COUNT")]
        limit: u32,
    },
    /// Show a message: what became of it, and what it says.
    Show {
        /// Its number, as `list` shows it.
        #[arg(value_name = "ID")]
        message: i64,
        /// Only what it says, byte by byte.
        #[arg(long)]
        raw: bool,
    },
    /// Send what waits and whose time has come.
    Send {
        /// Also what is to be tried later.
        #[arg(long)]
        all: bool,
        /// How long this may take.
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        limit_seconds: u64,
    },
    /// Send messages again that have failed, were dropped, or wait.
    Retry {
        /// Their numbers.
        #[arg(value_name = "ID", required_unless_present = "failed")]
        messages: Vec<i64>,
        /// All that have failed.
        #[arg(long, conflicts_with = "messages")]
        failed: bool,
    },
    /// Never send messages that wait or have failed.
    Drop {
        /// Their numbers.
        #[arg(value_name = "ID", required_unless_present = "failed")]
        messages: Vec<i64>,
        /// All that have failed.
        #[arg(long, conflicts_with = "messages")]
        failed: bool,
    },
    /// Send a mail to try whether mail works; without an address, to the operators, with what they are told of a run that failed.
    Test {
        /// To whom, as ann@example.org.
        #[arg(value_name = "ADDRESS")]
        addresses: Vec<String>,
    },
}

#[derive(Serialize)]
struct Shown {
    message: i64,
    kind: MessageKind,
    topic: String,
    status: MessageStatus,
    upload: Option<i64>,
    sender: String,
    recipients: Vec<String>,
    attempts: u32,
    created: String,
    next_attempt: Option<String>,
    sent: Option<String>,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

impl Shown {
    fn new(message: OutboxMessage) -> Self {
        Self {
            message: message.id.0,
            kind: message.kind,
            topic: message.topic,
            status: message.status,
            upload: message.upload.map(|id| id.0),
            sender: message.sender,
            recipients: message.recipients.lines().map(str::to_owned).collect(),
            attempts: message.attempts,
            created: message.date_created.to_string(),
            next_attempt: message.date_next_attempt.map(|date| date.to_string()),
            sent: message.date_sent.map(|date| date.to_string()),
            error: message.last_error,
            content: None,
        }
    }

    fn painted_status(&self) -> String {
        let style = match self.status {
            MessageStatus::Waiting => WARN,
            MessageStatus::Sent => GOOD,
            MessageStatus::Failed => BAD,
            MessageStatus::Dropped => DIM,
        };
        painted(style, self.status)
    }
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = match self {
            // they only look
            Self::List { .. } | Self::Show { .. } => root.db_for_reading()?,
            Self::Send { .. } | Self::Retry { .. } | Self::Drop { .. } | Self::Test { .. } => root.db()?,
        };
        match self {
            Self::List { all, statuses, upload, limit } => {
                let open = [MessageStatus::Waiting, MessageStatus::Failed];
                let statuses: &[MessageStatus] = match (statuses.as_slice(), all, upload) {
                    ([], false, None) => &open,
                    (statuses, _, _) => statuses,
                };
                let filter = Filter { statuses, upload: upload.map(UploadId) };
                list(session, &root, &db, &filter, *limit, *all)
            }
            Self::Show { message, raw } => show(session, &db, MessageId(*message), *raw),
            Self::Send { all, limit_seconds } => {
                let activity = Activity { name: SCRIPT, distribution: None, scope: "" };
                let recording = Recording::begin(&root, &mut db, &session.clock, &activity)?;
                let result = send_all(session, &root, &mut db, *all, Duration::from_secs(*limit_seconds));
                recording.end(&mut db, &session.clock, &ended(&result));
                show_sent(session, &root, &db, result?)
            }
            Self::Retry { messages, failed } => {
                let chosen = chosen(&db, messages, *failed)?;
                let now = session.clock.now();
                db.write(|tx| chosen.iter().try_for_each(|id| outbox_message::retry(tx, *id, now)))?;
                send(session, &root, &mut db, root.config.mail.time_limit())
            }
            Self::Drop { messages, failed } => {
                let chosen = chosen(&db, messages, *failed)?;
                db.write(|tx| chosen.iter().try_for_each(|id| outbox_message::drop_message(tx, *id)))?;
                let dropped: Vec<i64> = chosen.iter().map(|id| id.0).collect();
                session.output.show(&Dropped { dropped: dropped.clone() }, || {
                    dropped.iter().map(|id| format!("message {id} will not be sent\n")).collect()
                })?;
                Ok(End::Success)
            }
            Self::Test { addresses } => test(session, &root, &mut db, addresses),
        }
    }
}

#[derive(Serialize)]
struct Dropped {
    dropped: Vec<i64>,
}

/// The messages that are named, or all that have failed.
fn chosen(db: &Db, messages: &[i64], failed: bool) -> Result<Vec<MessageId>, StoreError> {
    if failed {
        return outbox_message::ids(db.read(), MessageStatus::Failed);
    }
    Ok(messages.iter().map(|id| MessageId(*id)).collect())
}

fn list(
    session: &Session,
    root: &Root,
    db: &Db,
    filter: &Filter<'_>,
    limit: u32,
    all: bool,
) -> anyhow::Result<End> {
    let shown: Vec<Shown> =
        outbox_message::messages(db.read(), filter, limit)?.into_iter().map(Shown::new).collect();
    // those that were sent are counted where somebody wants to see them
    let counts = if all {
        outbox_message::counts(db.read())?
    } else {
        let open = [MessageStatus::Waiting, MessageStatus::Failed];
        let count = |status| Ok((status, waiting::messages(db.read(), status)?.count));
        open.into_iter().map(count).collect::<Result<Vec<_>, StoreError>>()?
    };
    session.output.show(&shown, || {
        let rows: Vec<Vec<String>> = shown
            .iter()
            .map(|one| {
                vec![
                    one.message.to_string(),
                    one.painted_status(),
                    one.topic.clone(),
                    one.upload.map_or_else(|| "-".to_owned(), |id| id.to_string()),
                    plain::line(&one.recipients.join(" "), 40),
                    one.attempts.to_string(),
                    one.next_attempt.as_deref().map_or("-", minute).to_owned(),
                    plain::line(&one.error, 60),
                ]
            })
            .collect();
        let mut text = String::new();
        if rows.is_empty() {
            text.push_str("No message.\n");
        } else {
            let headings = ["ID", "STATUS", "TOPIC", "UPLOAD", "TO", "TRIES", "NEXT", "WHY"];
            text.push_str(&table(&headings, &rows));
        }
        let words: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(status, count)| format!("{count} {}", status.as_str().to_lowercase()))
            .collect();
        if !words.is_empty() {
            text.push_str(&painted(DIM, format!("In all: {}\n", words.join(", "))));
            let most = filter.statuses.iter().filter_map(|status| counts.iter().find(|one| one.0 == *status));
            if most.map(|(_, count)| count).sum::<u64>() > rows.len() as u64 && rows.len() == limit as usize {
                text.push_str(&painted(DIM, "Show more of them with --limit\n"));
            }
        }
        if root.config.mail.transport == MailTransport::None {
            text.push_str(&painted(DIM, "No mail is written or sent: [mail] transport is \"none\"\n"));
        }
        text
    })?;
    Ok(End::Success)
}

/// A date without its seconds.
fn minute(date: &str) -> &str {
    date.get(..16).unwrap_or(date)
}

fn show(session: &Session, db: &Db, id: MessageId, raw: bool) -> anyhow::Result<End> {
    let message = outbox_message::message(db.read(), id).map_err(|error| exit::usage(error.to_string()))?;
    let content = outbox_message::content(db.read(), id)?;
    if raw {
        write_bytes(&content)?;
        return Ok(End::Success);
    }
    let content = String::from_utf8_lossy(&content).replace("\r\n", "\n");
    let shown = Shown { content: Some(content), ..Shown::new(message) };
    session.output.show(&shown, || {
        let mut text = format!(
            "{} {} {}\n",
            painted(BOLD, format!("message {}", shown.message)),
            shown.topic,
            shown.painted_status()
        );
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                text.push_str(&format!("  {name:<9} {}\n", plain::line(value, 1000)));
            }
        };
        line("to", &shown.recipients.join(" "));
        line("from", &shown.sender);
        line("upload", &shown.upload.map(|id| id.to_string()).unwrap_or_default());
        line("written", &shown.created);
        line("attempts", &shown.attempts.to_string());
        line("next", shown.next_attempt.as_deref().unwrap_or_default());
        line("sent", shown.sent.as_deref().unwrap_or_default());
        line("error", &shown.error);
        text.push('\n');
        // whatever stands in it, a terminal only shows it
        for line in plain::lines(shown.content.as_deref().unwrap_or_default(), usize::MAX).lines() {
            text.push_str(&format!("  {line}\n"));
        }
        text
    })?;
    Ok(End::Success)
}

#[derive(Serialize)]
struct Ended {
    #[serde(flatten)]
    delivered: Delivered,
    /// How many wait now.
    waiting: u64,
}

/// The name of `outbox send` in `script_activity`.
const SCRIPT: &str = "outbox-send";

/// What is recorded of a round of sending.
fn ended(result: &anyhow::Result<Delivered>) -> RunEnded {
    match result {
        Err(error) => RunEnded::Failed(format!("{error:#}")),
        Ok(Delivered { troubles, .. }) if !troubles.is_empty() => RunEnded::Failed(troubles.join("; ")),
        Ok(Delivered { sent: 0, failed: 0, .. }) => RunEnded::Idle,
        Ok(Delivered { sent, failed, .. }) => RunEnded::Done(format!("{sent} sent, {failed} given up")),
    }
}

fn send_all(
    session: &Session,
    root: &Root,
    db: &mut Db,
    all: bool,
    limit: Duration,
) -> anyhow::Result<Delivered> {
    if all {
        db.write(|tx| outbox_message::hurry(tx, session.clock.now()))?;
    }
    Ok(mail::try_to_deliver(root, db, &session.clock, limit)?)
}

fn send(session: &Session, root: &Root, db: &mut Db, limit: Duration) -> anyhow::Result<End> {
    let delivered = mail::try_to_deliver(root, db, &session.clock, limit)?;
    show_sent(session, root, db, delivered)
}

fn show_sent(session: &Session, root: &Root, db: &Db, delivered: Delivered) -> anyhow::Result<End> {
    let waiting = outbox_message::count_waiting(db.read())?;
    let ended = Ended { delivered, waiting };
    session.output.show(&ended, || {
        let Delivered { sent, failed, busy, troubles, .. } = &ended.delivered;
        if *busy {
            return "Another process is sending.\n".to_owned();
        }
        let mut text: String =
            troubles.iter().map(|trouble| format!("{} {trouble}\n", painted(WARN, "not sent:"))).collect();
        text.push_str(&format!("{sent} sent, {failed} given up, {} wait\n", ended.waiting));
        if ended.waiting > 0 && root.config.mail.transport == MailTransport::None {
            text.push_str("No mail is sent: [mail] transport is \"none\" in pressroom.toml\n");
        }
        text
    })?;
    Ok(if ended.delivered.troubles.is_empty() { End::Success } else { End::Failure })
}

fn test(session: &Session, root: &Root, db: &mut Db, addresses: &[String]) -> anyhow::Result<End> {
    let letterhead = root.letterhead()?.ok_or_else(|| {
        exit::configuration(format!(
            "no mail is sent: [mail] transport is \"none\" in {}; set it to \"smtp\", \"sendmail\" or \"maildir\"",
            root.config_file().display()
        ))
    })?;
    let now = session.clock.now();
    if addresses.is_empty() {
        if letterhead.operators.is_empty() {
            return Err(exit::usage(format!(
                "to whom? Name an address, as ann@example.org, or set operators in [mail] in {}",
                root.config_file().display()
            )));
        }
        db.write(|tx| write_sample(tx, &letterhead, now))?;
        return send(session, root, db, root.config.mail.time_limit());
    }
    let to = addresses
        .iter()
        .map(|text| {
            mailbox(text)
                .ok_or_else(|| exit::usage(format!("{text:?} is no mail address, such as ann@example.org")))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    db.write(|tx| to.iter().try_for_each(|to| write_test(tx, &letterhead, to, now).map(|_| ())))?;
    send(session, root, db, root.config.mail.time_limit())
}
