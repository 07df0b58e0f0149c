//! To a mail server.
//!
//! The conversation is the library's, step by step, because it matters at which step a server refuses: the recipient may be none (this message
//! fails), but a greeting, a password or a sender that is refused is nothing that a message could help (all wait, and an operator looks).

use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use super::carrier::{Outcome, Parcel, Transport};
use crate::root::{Mail, MailTls, Root};

/// How long one step of a conversation may take, at the most.
const STEP: Duration = Duration::from_secs(60);

/// What is known of the server.
pub(super) struct Settings {
    host: String,
    port: u16,
    tls: MailTls,
    parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    /// How long one step may take.
    step: Duration,
}

impl Settings {
    /// Reads what the configuration and the files say that it names; the error says what is wrong.
    pub(super) fn read(root: &Root, mail: &Mail, limit: Duration) -> Result<Self, String> {
        let parameters = match mail.tls {
            MailTls::None => None,
            MailTls::Starttls | MailTls::Tls => {
                let mut builder = TlsParameters::builder(mail.host.clone());
                if let Some(file) = &mail.ca_file {
                    builder = builder.add_root_certificate(certificate(&root.below(file))?);
                }
                Some(builder.build().map_err(|error| format!("TLS cannot be set up: {}", chain(&error)))?)
            }
        };
        let credentials = match (&mail.user, &mail.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => {
                if mail.tls == MailTls::None && !is_this_host(&mail.host) {
                    return Err(format!(
                        "a password is not sent to {} without TLS: set tls to \"starttls\" or \"tls\"",
                        mail.host
                    ));
                }
                Some(Credentials::new(user.clone(), password(&root.below(file))?))
            }
            (Some(_), None) => return Err("user is set, but no password-file".to_owned()),
            (None, Some(_)) => return Err("password-file is set, but no user".to_owned()),
        };
        let hello = match &mail.hello_name {
            Some(name) if name.is_empty() || name.contains(|one: char| one.is_control() || one == ' ') => {
                return Err(format!("hello-name is {name:?}, which is no name of a host"));
            }
            Some(name) => ClientId::Domain(name.clone()),
            None => ClientId::default(),
        };
        Ok(Self {
            host: mail.host.clone(),
            port: mail.port.unwrap_or(mail.tls.port()),
            tls: mail.tls,
            parameters,
            credentials,
            hello,
            step: limit.min(STEP),
        })
    }
}

fn certificate(file: &Path) -> Result<Certificate, String> {
    let wrong = |why: String| format!("ca-file {}: {why}", file.display());
    let bytes = fs::read(file).map_err(|error| wrong(error.to_string()))?;
    Certificate::from_pem(&bytes).map_err(|error| wrong(chain(&error)))
}

/// A password that nobody else can read.
fn password(file: &Path) -> Result<String, String> {
    let wrong = |why: &str| format!("password-file {}: {why}", file.display());
    let metadata = fs::metadata(file).map_err(|error| wrong(&error.to_string()))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(wrong(&format!("others can read it: chmod 600 {}", file.display())));
    }
    let text = fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() { Err(wrong("it is empty")) } else { Ok(password.to_owned()) }
}

fn is_this_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An error of the library with its causes, which say more than it does.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

/// Whether nothing came in time, which the system says in either of two ways.
fn is_late(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        }
        source = cause.source();
    }
    false
}

/// The transport.
pub(super) struct Smtp {
    settings: Settings,
    connection: Option<SmtpConnection>,
}

impl Smtp {
    pub(super) const fn new(settings: Settings) -> Self {
        Self { settings, connection: None }
    }

    fn connect(&self) -> Result<SmtpConnection, Error> {
        let Settings { host, port, tls, parameters, credentials, hello, step } = &self.settings;
        let from_the_first_byte = parameters.as_ref().filter(|_| *tls == MailTls::Tls);
        let server = (host.as_str(), *port);
        let mut connection = SmtpConnection::connect(server, Some(*step), hello, from_the_first_byte, None)?;
        if let (Some(parameters), MailTls::Starttls) = (parameters, tls) {
            connection.starttls(parameters, hello)?;
        }
        if let Some(credentials) = credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)?;
        }
        Ok(connection)
    }

    fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.has_broken())
    }

    /// What went wrong, the server first, because there are many mails and one server.
    fn trouble(&self, what: &str, error: &Error) -> String {
        let said = match (error.status(), std::error::Error::source(error)) {
            (Some(code), Some(words)) => format!("{code} {words}"),
            (Some(code), None) => code.to_string(),
            (None, _) if is_late(error) => format!("no answer within {} s", self.settings.step.as_secs()),
            (None, _) => chain(error),
        };
        format!("{}:{} {what}: {said}", self.settings.host, self.settings.port)
    }
}

impl Transport for Smtp {
    fn open(&mut self) -> Result<(), String> {
        if !self.is_connected() {
            self.connection = Some(self.connect().map_err(|error| self.trouble("takes no mail", &error))?);
        }
        Ok(())
    }

    fn send(&mut self, parcel: &Parcel) -> Outcome {
        if let Err(reason) = self.open() {
            return Outcome::Nobody(reason);
        }
        let Some(connection) = &mut self.connection else {
            return Outcome::Nobody("no connection".to_owned());
        };
        let outcome = match hand_over(connection, parcel) {
            Ok(()) => return Outcome::Taken,
            Err(fault) => fault,
        };
        let (step, error) = match outcome {
            Fault::Message(reason) => return Outcome::Refused(reason),
            Fault::Server(step, error) => (step, error),
        };
        // a server that has said no listens on; after anything else nobody knows what it would answer to
        let listens = error.status().is_some() && connection.command(Rset).is_ok();
        if !listens {
            self.connection = None;
        }
        let reason = self.trouble(step.fault(), &error);
        match judge(step, error.status().map(u16::from)) {
            Judgement::Message => Outcome::Refused(reason),
            Judgement::ThisTime => Outcome::Later(reason),
            Judgement::Server => Outcome::Nobody(reason),
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            // a server that does not say goodbye has taken the mails all the same
            let _ = connection.quit();
        }
    }
}

/// Where in a conversation a server said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Sender,
    Recipient,
    Content,
}

impl Step {
    const fn fault(self) -> &'static str {
        match self {
            Self::Sender => "refuses the sender",
            Self::Recipient => "refuses the recipient",
            Self::Content => "refuses the mail",
        }
    }
}

enum Fault {
    /// It cannot be sent to such a server.
    Message(String),
    /// The server, or what is between us, said so.
    Server(Step, Error),
}

/// Whom a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    /// The message: it will never be taken.
    Message,
    /// The message, now.
    ThisTime,
    /// The server, or our place with it: nothing is taken now.
    Server,
}

/// Whom a refusal is about, by the step and the server's number (RFC 5321, 4.2; RFC 4954, 6); none: there was no answer.
const fn judge(step: Step, code: Option<u16>) -> Judgement {
    match (step, code) {
        // it shuts down; or it wants a password, another, or TLS
        (_, Some(421 | 454 | 530 | 534 | 535 | 538)) => Judgement::Server,
        // all mails have the same sender
        (Step::Sender, Some(_)) => Judgement::Server,
        (Step::Recipient | Step::Content, Some(500..600)) => Judgement::Message,
        (_, Some(_) | None) => Judgement::ThisTime,
    }
}

fn hand_over(connection: &mut SmtpConnection, parcel: &Parcel) -> Result<(), Fault> {
    let address = |text: &str| {
        text.parse::<Address>().map_err(|_| Fault::Message(format!("{text:?} is no mail address")))
    };
    let sender = address(&parcel.sender)?;
    let recipients = parcel.recipients.iter().map(|one| address(one)).collect::<Result<Vec<_>, _>>()?;
    let mut parameters = Vec::new();
    let plain = recipients.iter().chain([&sender]).all(|one| AsRef::<str>::as_ref(one).is_ascii());
    if !plain || !parcel.content.is_ascii() {
        let server = connection.server_info();
        if !server.supports_feature(Extension::SmtpUtfEight)
            || !server.supports_feature(Extension::EightBitMime)
        {
            let reason = "its addresses are not ASCII, and the server has no SMTPUTF8";
            return Err(Fault::Message(reason.to_owned()));
        }
        parameters
            .extend([MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)]);
    }
    let failed = |step| move |error| Fault::Server(step, error);
    connection.command(MailFrom::new(Some(sender), parameters)).map_err(failed(Step::Sender))?;
    for recipient in recipients {
        connection.command(Rcpt::new(recipient, Vec::new())).map_err(failed(Step::Recipient))?;
    }
    connection.command(Data).map_err(failed(Step::Content))?;
    // the library ends the last line itself
    let content = parcel.content.strip_suffix(b"\r\n").unwrap_or(&parcel.content);
    connection.message(content).map_err(failed(Step::Content))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_the_message_or_the_server() {
        for (step, code, judgement) in [
            (Step::Recipient, Some(550), Judgement::Message),
            (Step::Recipient, Some(553), Judgement::Message),
            (Step::Recipient, Some(450), Judgement::ThisTime),
            (Step::Recipient, Some(452), Judgement::ThisTime),
            (Step::Recipient, Some(530), Judgement::Server),
            (Step::Recipient, Some(421), Judgement::Server),
            (Step::Recipient, None, Judgement::ThisTime),
            (Step::Content, Some(552), Judgement::Message),
            (Step::Content, Some(554), Judgement::Message),
            (Step::Content, Some(451), Judgement::ThisTime),
            (Step::Content, Some(421), Judgement::Server),
            (Step::Content, None, Judgement::ThisTime),
            (Step::Sender, Some(550), Judgement::Server),
            (Step::Sender, Some(451), Judgement::Server),
            (Step::Sender, Some(535), Judgement::Server),
        ] {
            assert_eq!(judge(step, code), judgement, "{step:?} {code:?}");
        }
    }

    #[test]
    fn a_password_is_read_only_where_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        pressroom_archive::disk::write_atomic(&file, b"secret\n", 0o640).unwrap();
        let refused = password(&file).unwrap_err();
        assert!(refused.contains("chmod 600") && !refused.contains("secret"), "{refused}");
        pressroom_archive::disk::write_atomic(&file, b"secret words\r\n", 0o600).unwrap();
        assert_eq!(password(&file).unwrap(), "secret words");
        pressroom_archive::disk::write_atomic(&file, b"\n", 0o600).unwrap();
        assert!(password(&file).is_err());
        assert!(password(&folder.path().join("none")).is_err());
    }

    #[test]
    fn this_host_is_the_loopback() {
        for (host, here) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("mail.example.org", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_this_host(host), here, "{host}");
        }
    }
}
