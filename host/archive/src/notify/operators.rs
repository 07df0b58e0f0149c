//! What operators are told: runs that do not succeed, once for each incident, and templates that cannot be used, once for each reason.
//!
//! It never fails for a template's sake: what tells of trouble must not be another.

use jiff::Timestamp;
use lettre::message::Mailbox;

use crate::domain::plain;
use crate::domain::{DistributionName, MessageKind, Sha256};
use crate::store::outbox_message::{self, NewMessage};
use crate::store::{StoreError, Transaction};

use super::NotifyError;
use super::letter::{Letter, Letterhead, Thread};
use super::templates::{self, Rendered, Template, ToldRun};

/// What is told of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentNews {
    /// It has begun.
    Began,
    /// It is over.
    Over,
}

/// An incident, as it is told.
#[derive(Debug, Clone)]
pub struct Incident<'a> {
    /// Its script, distribution and scope, and its first run: what makes it this one.
    pub key: &'a str,
    /// Whose templates are used.
    pub distribution: Option<&'a DistributionName>,
    /// What is said.
    pub told: &'a ToldRun,
}

/// Writes the mails about an incident: one for each operator, each once, whoever asks again. Says how many are new.
///
/// # Errors
/// When the mail cannot be put together, or the database fails.
pub fn tell_of_incident(
    tx: &Transaction<'_>,
    letterhead: &Letterhead,
    news: IncidentNews,
    incident: &Incident<'_>,
    now: Timestamp,
) -> Result<usize, NotifyError> {
    let Incident { key, distribution, told } = incident;
    let (template, word) = match news {
        IncidentNews::Began => (Template::RunFailed, "began"),
        IncidentNews::Over => (Template::RunRecovered, "over"),
    };
    let rendered = match templates::render_run(&letterhead.templates, *distribution, template, told) {
        Ok(rendered) => rendered,
        Err(error) => {
            tell_of_template(tx, letterhead, &error, &told.title, now)?;
            templates::render_own_run(template, told)?
        }
    };
    let first = id(letterhead, &format!("incident.{key}"));
    let thread = match news {
        IncidentNews::Began => Thread { id: first, first: None },
        IncidentNews::Over => {
            Thread { id: id(letterhead, &format!("incident.{key}.over")), first: Some(first) }
        }
    };
    write(tx, letterhead, &rendered, &thread, ("RUN", &format!("incident/{key}/{word}")), now)
}

/// Says that a template of a distribution cannot be used: once for each reason.
///
/// # Errors
/// When the mail cannot be put together, or the database fails.
pub fn tell_of_template(
    tx: &Transaction<'_>,
    letterhead: &Letterhead,
    error: &NotifyError,
    about: &str,
    now: Timestamp,
) -> Result<usize, NotifyError> {
    let mut why = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        why = format!("{why}: {source}");
    }
    let key = Sha256::of(why.as_bytes()).to_string();
    let site = &letterhead.site;
    let rendered = Rendered {
        subject: format!("[{site}] a mail template cannot be used"),
        body: format!(
            "The mail about {about} was written by Pressroom's own template instead, and so are others until this is put right:\n\n  {}\n\n-- \n{site}\n",
            plain::line(&why, 2000)
        ),
    };
    let thread = Thread { id: id(letterhead, &format!("template.{key}")), first: None };
    write(tx, letterhead, &rendered, &thread, ("TEMPLATE", &format!("template/{key}")), now)
}

/// Writes what operators would be told of a run that failed, to try whether it arrives. Says how many mails.
///
/// # Errors
/// When the mail cannot be put together, or the database fails.
pub fn write_sample(
    tx: &Transaction<'_>,
    letterhead: &Letterhead,
    now: Timestamp,
) -> Result<usize, NotifyError> {
    let mut rendered = templates::render_own_run(Template::RunFailed, &ToldRun::sample(&letterhead.site))?;
    rendered.subject = format!("A test from {}: what you are told of runs that fail", letterhead.site);
    let key = format!("test/{}", now.as_nanosecond());
    let thread = Thread { id: id(letterhead, &key), first: None };
    write(tx, letterhead, &rendered, &thread, ("TEST", &key), now)
}

/// A mail to all operators, in a message for each.
fn write(
    tx: &Transaction<'_>,
    letterhead: &Letterhead,
    rendered: &Rendered,
    thread: &Thread,
    (topic, key): (&'static str, &str),
    now: Timestamp,
) -> Result<usize, NotifyError> {
    if letterhead.operators.is_empty() {
        return Ok(0);
    }
    let letter = Letter {
        to: &letterhead.operators,
        reply_to: None,
        subject: &rendered.subject,
        body: rendered.body.clone(),
        thread,
        says_automatic: true,
        facts: &[("X-Pressroom-Topic", topic)],
        about: "a run",
    };
    let content = letter.write(letterhead, now)?;
    let add = |to: &Mailbox| -> Result<usize, StoreError> {
        let key = format!("{key}/{}", to.email);
        let new = NewMessage {
            kind: MessageKind::Mail,
            topic,
            dedup_key: Some(&key),
            upload: None,
            sender: letterhead.bounces.as_ref(),
            recipients: to.email.as_ref(),
            content: &content,
        };
        Ok(usize::from(outbox_message::add_message(tx, &new, now)?.is_some()))
    };
    let mut written = 0;
    for to in &letterhead.operators {
        written += add(to)?;
    }
    Ok(written)
}

fn id(letterhead: &Letterhead, what: &str) -> String {
    let digest = Sha256::of(format!("{}\n{what}", letterhead.site).as_bytes()).to_string();
    format!("operators.{}@{}", digest.get(..32).unwrap_or(&digest), letterhead.sender.email.domain())
}
