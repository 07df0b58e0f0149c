//! A mail, from its parts to the bytes that are sent.
//!
//! The headers are made by a library that encodes what is no plain text and folds what is long; nothing that comes from others gets as far
//! before it is one clean line. So no name, version or address can end a header or begin another.

use std::path::PathBuf;
use std::time::SystemTime;

use jiff::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MessageBuilder, SinglePart};
use lettre::{Address, Message};

use super::NotifyError;
use crate::domain::plain;

/// Who writes: what an operator has set about mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letterhead {
    /// Who the mails are from.
    pub sender: Mailbox,
    /// Who is told that a mail could not be delivered.
    pub bounces: Address,
    /// How this host is called.
    pub site: String,
    /// Where a distribution has templates of its own: `<distribution>/<name>.txt`.
    pub templates: PathBuf,
    /// Who runs this, and is told of what is wrong with it.
    pub operators: Vec<Mailbox>,
}

/// The longest subject, in characters.
const MAX_SUBJECT: usize = 200;
/// The longest name of somebody, in characters.
const MAX_NAME: usize = 120;
/// The longest address: RFC 5321, 4.5.3.1.
const MAX_ADDRESS: usize = 254;
/// The longest value of any other header, in characters.
const MAX_HEADER: usize = 300;

/// The mailbox that a text names, as `Ann Uploader <ann@example.org>` in a `Changed-By`; none where it names none.
///
/// More than RFC 5322 allows is understood: archives are full of `Ann (the one) <ann@example.org>` and `Uploader, Ann <ann@example.org>`.
#[must_use]
pub fn mailbox(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (name.trim(), address.trim()),
        None => ("", text),
    };
    // no field has more than one line: what does is no field
    let is_no_address = address.len() > MAX_ADDRESS || address.contains(char::is_whitespace);
    if is_no_address || text.contains(char::is_control) {
        return None;
    }
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    let name = plain::line(name, MAX_NAME);
    Some(Mailbox::new(Some(name).filter(|name| !name.is_empty()), address.parse().ok()?))
}

/// What mails about one thing have in common, and which comes after which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thread {
    /// Of this mail, without brackets.
    pub(super) id: String,
    /// The first mail about the same thing, if this one is not.
    pub(super) first: Option<String>,
}

/// A mail to be.
#[derive(Debug)]
pub(super) struct Letter<'a> {
    pub(super) to: &'a [Mailbox],
    pub(super) reply_to: Option<&'a Mailbox>,
    pub(super) subject: &'a str,
    pub(super) body: String,
    pub(super) thread: &'a Thread,
    /// Whether programs are told that a program has written it. Bug trackers are not: they leave such mails aside.
    pub(super) says_automatic: bool,
    /// Names and values; empty values are left out.
    pub(super) facts: &'a [(&'static str, &'a str)],
    /// What it is about, for errors.
    pub(super) about: &'a str,
}

impl Letter<'_> {
    /// The whole mail.
    pub(super) fn write(self, letterhead: &Letterhead, now: Timestamp) -> Result<Vec<u8>, NotifyError> {
        let failed = |source| NotifyError::Letter { about: self.about.to_owned(), source };
        let mut builder = Message::builder()
            .from(letterhead.sender.clone())
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{}>", self.thread.id)))
            .subject(plain::line(self.subject, MAX_SUBJECT));
        for mailbox in self.to {
            builder = builder.to(mailbox.clone());
        }
        if let Some(reply_to) = self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        if let Some(first) = &self.thread.first {
            builder = builder.in_reply_to(format!("<{first}>")).references(format!("<{first}>"));
        }
        if self.says_automatic {
            builder = raw(builder, "Auto-Submitted", "auto-generated");
        }
        builder = raw(builder, "Precedence", "bulk");
        for (name, value) in self.facts {
            if !value.is_empty() {
                builder = raw(builder, name, &plain::line(value, MAX_HEADER));
            }
        }
        let message = builder
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(encoded(&self.body)));
        let mut bytes = message.map_err(failed)?.formatted();
        // the library leaves an empty line behind a part
        while bytes.ends_with(b"\r\n\r\n") {
            bytes.truncate(bytes.len() - 2);
        }
        Ok(bytes)
    }
}

/// The longest line of SMTP, in bytes without its end.
const MAX_LINE: usize = 998;

/// A text as it is sent. One that can go as it is does: people read what is in the outbox, and programs what comes to bug trackers.
fn encoded(text: &str) -> Body {
    // a carriage return alone is an end to some servers and none to others
    let lines: Vec<&str> = text.lines().flat_map(|line| line.split('\r')).collect();
    let is_plain = lines.iter().all(|line| line.is_ascii() && line.len() <= MAX_LINE);
    let sent =
        lines.iter().fold(String::with_capacity(text.len() + lines.len()), |out, line| out + line + "\r\n");
    if is_plain {
        return Body::dangerous_pre_encoded(sent.into_bytes(), ContentTransferEncoding::SevenBit);
    }
    Body::new(sent)
}

fn raw(builder: MessageBuilder, name: &'static str, value: &str) -> MessageBuilder {
    builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letterhead() -> Letterhead {
        Letterhead {
            sender: "Acme Archive <archive@example.org>".parse().unwrap(),
            bounces: "bounces@example.org".parse().unwrap(),
            site: "archive.example.org".into(),
            templates: "/none".into(),
            operators: Vec::new(),
        }
    }

    fn written(subject: &str, to: &str, fact: &str, body: &str) -> String {
        let to = [mailbox(to).unwrap()];
        let thread = Thread { id: "a.1@example.org".into(), first: Some("a.0@example.org".into()) };
        let letter = Letter {
            to: &to,
            reply_to: None,
            subject,
            body: body.to_owned(),
            thread: &thread,
            says_automatic: true,
            facts: &[("X-Pressroom-Source", fact), ("X-Pressroom-Suite", "")],
            about: "hello 1.0",
        };
        String::from_utf8(letter.write(&letterhead(), Timestamp::UNIX_EPOCH).unwrap()).unwrap()
    }

    #[test]
    fn a_mail_has_its_headers_and_lines_that_end_as_they_must() {
        let mail = written("Accepted: hello 1.0", "Ann Uploader <ann@example.org>", "hello", "One.\nTwo.\n");
        for header in [
            "From: \"Acme Archive\" <archive@example.org>\r\n",
            "To: \"Ann Uploader\" <ann@example.org>\r\n",
            "Subject: Accepted: hello 1.0\r\n",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n",
            "Message-ID: <a.1@example.org>\r\n",
            "In-Reply-To: <a.0@example.org>\r\n",
            "References: <a.0@example.org>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Precedence: bulk\r\n",
            "X-Pressroom-Source: hello\r\n",
            "MIME-Version: 1.0\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
        ] {
            assert!(mail.contains(header), "{header} is not in {mail}");
        }
        assert!(mail.ends_with("\r\n\r\nOne.\r\nTwo.\r\n"), "{mail}");
        assert!(!mail.contains("X-Pressroom-Suite"), "{mail}");
    }

    #[test]
    fn what_is_no_ascii_is_encoded() {
        let mail = written("Übernommen: hello", "Änne <ann@example.org>", "hällo", "Grüße, \u{1f600}\n");
        assert!(mail.is_ascii(), "{mail}");
        assert!(mail.contains("Subject: =?utf-8?b?"), "{mail}");
        let long = "w".repeat(3000);
        for body in ["Grüße\n", long.as_str(), "a\r\nb\rc\n"] {
            let mail = written("x", "ann@example.org", "hello", body);
            let is_plain = mail.contains("Content-Transfer-Encoding: 7bit");
            assert_eq!(is_plain, body.starts_with('a'), "{mail}");
            assert!(mail.is_ascii() && mail.split("\r\n").all(|line| line.len() <= MAX_LINE), "{mail}");
            assert!(!mail.replace("\r\n", "").contains(['\r', '\n']), "{mail}");
        }
    }

    #[test]
    fn nothing_that_was_sent_begins_a_header() {
        let evil = "x\r\nBcc: all@example.org\r\n\r\nbody\nX-Evil: 1\u{0}\u{b}";
        let mail = written(evil, "\"A\u{2028}Bcc: b@example.org\" <ann@example.org>", evil, "ok\n");
        let head = mail.split("\r\n\r\n").next().unwrap();
        for line in head.split("\r\n") {
            assert!(!line.starts_with("Bcc") && !line.starts_with("X-Evil"), "{mail}");
            assert!(line.len() <= 998, "{mail}");
        }
        assert!(mail.ends_with("\r\n\r\nok\r\n"), "{mail}");
        // a long word is no long line
        let mail = written(&"w".repeat(5000), "ann@example.org", &"w".repeat(5000), "ok\n");
        assert!(mail.lines().all(|line| line.len() <= 998), "{mail}");
    }

    #[test]
    fn mailboxes_as_they_are_found_in_archives() {
        for (text, name, address) in [
            ("Ann Uploader <ann@example.org>", Some("Ann Uploader"), "ann@example.org"),
            ("Ann (the one) <ann@example.org>", Some("Ann (the one)"), "ann@example.org"),
            ("Uploader, Ann <ann@example.org>", Some("Uploader, Ann"), "ann@example.org"),
            ("\"Uploader, Ann\" <ann@example.org>", Some("Uploader, Ann"), "ann@example.org"),
            ("<ann@example.org>", None, "ann@example.org"),
            ("ann@example.org", None, "ann@example.org"),
            ("Änne Ößer <ann@example.org>", Some("Änne Ößer"), "ann@example.org"),
        ] {
            let found = mailbox(text).unwrap();
            assert_eq!((found.name.as_deref(), found.email.to_string().as_str()), (name, address), "{text}");
        }
        let long = format!("{}@example.org", "a".repeat(300));
        for text in
            ["", "Ann", "Ann <ann>", "<>", "a@b\r\nRCPT TO:<c@d>", "Ann <a b@example.org>", "<a@b> c", &long]
        {
            assert_eq!(mailbox(text), None, "{text}");
        }
    }
}
