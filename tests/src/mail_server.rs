//! A mail server on the loopback: aiosmtpd, which remembers what it takes and refuses by the names of recipients.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::tool;

/// The interpreter that has the distribution's modules, whichever `python3` comes first on the path.
const PYTHON: &str = "/usr/bin/python3";
/// How long a mail may be on its way from the server to the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// As it is.
    Plain,
    /// With STARTTLS, which it insists on.
    StartTls,
    /// With TLS from the first byte.
    Tls,
    /// Not at all: it takes connections, and says nothing.
    Nothing,
}

/// The server; it ends with this.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    port: u16,
    lines: Receiver<String>,
    certificate: PathBuf,
    _folder: tempfile::TempDir,
}

impl MailServer {
    /// A server on a free port.
    ///
    /// # Panics
    /// When aiosmtpd or openssl is missing.
    #[track_caller]
    #[must_use]
    pub fn new(speaks: Speaks) -> Self {
        Self::start(speaks, 0, false)
    }

    /// A server that asks for a password: `archive` has `secret words`.
    ///
    /// # Panics
    /// When aiosmtpd or openssl is missing.
    #[track_caller]
    #[must_use]
    pub fn with_login(speaks: Speaks) -> Self {
        Self::start(speaks, 0, true)
    }

    /// A server on a port that one had before.
    ///
    /// # Panics
    /// When the port is taken.
    #[track_caller]
    #[must_use]
    pub fn at(port: u16) -> Self {
        Self::start(Speaks::Plain, port, false)
    }

    #[track_caller]
    fn start(speaks: Speaks, port: u16, login: bool) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a certificate");
        let certificate = folder.path().join("server.pem");
        let mut command = Command::new(PYTHON);
        command
            .arg(tool::workspace().join("tests/fixtures/mail/server.py"))
            .args(["--port", &port.to_string()]);
        let mode = match speaks {
            Speaks::Plain => "plain",
            Speaks::StartTls => "starttls",
            Speaks::Tls => "tls",
            Speaks::Nothing => "silent",
        };
        command.args(["--mode", mode]);
        if matches!(speaks, Speaks::StartTls | Speaks::Tls) {
            make_certificate(folder.path(), &certificate);
            command.arg("--certificate").arg(&certificate);
        }
        if login {
            command.arg("--login");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start {PYTHON}: {error}; `script/setup test` puts it in place")
            });
        let stdout = child.stdout.take().expect("it was asked for");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let first = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("the mail server did not begin: is python3-aiosmtpd installed? (`script/setup test`)")
        });
        let port =
            first.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("it says its port");
        Self { child, port, lines, certificate, _folder: folder }
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that it shows, where it speaks TLS.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The next mail that it has taken, as JSON with `sender`, `recipients`, `content`, `encrypted` and `login`.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    #[must_use]
    pub fn next_mail(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no mail has come: {error}"))
    }

    /// Ends it, and gives the mails that nobody has asked for.
    #[must_use]
    pub fn end(mut self) -> Vec<String> {
        self.kill();
        self.lines.iter().collect()
    }

    fn kill(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A certificate for the loopback and its key, in one file.
#[track_caller]
fn make_certificate(folder: &Path, file: &Path) {
    let settings = folder.join("openssl.cnf");
    tool::write(
        &settings,
        "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n[name]\nCN = localhost\n[extensions]\n\
         basicConstraints = critical,CA:FALSE\nsubjectAltName = DNS:localhost,IP:127.0.0.1\n",
    );
    tool::succeed(
        tool::tool("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config"])
            .arg(&settings)
            .args(["-keyout"])
            .arg(file)
            .arg("-out")
            .arg(folder.join("certificate.pem")),
    );
    let both = format!("{}{}", tool::read_text(file), tool::read_text(&folder.join("certificate.pem")));
    tool::write(file, both);
}
