//! By the system's own `sendmail`, or a program that takes its options.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::carrier::{Outcome, Parcel, Transport};

/// So much of what the program says is kept.
const MAX_SAID_BYTES: u64 = 4096;

/// The transport.
pub(super) struct Sendmail {
    program: PathBuf,
}

impl Sendmail {
    pub(super) const fn new(program: PathBuf) -> Self {
        Self { program }
    }

    fn run(&self, parcel: &Parcel) -> std::io::Result<Outcome> {
        let mut child = Command::new(&self.program)
            // a line with a dot alone is no end; what follows the dashes are addresses, whatever they look like
            .args(["-i", "-f", &parcel.sender, "--"])
            .args(&parcel.recipients)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut said = child.stderr.take();
        // read beside the writing, so that neither waits for the other
        let listener = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(said) = &mut said {
                // the rest is read too, or the program would wait
                let _ = said.take(MAX_SAID_BYTES).read_to_end(&mut bytes);
                let _ = std::io::copy(said, &mut std::io::sink());
            }
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let lines = String::from_utf8_lossy(&parcel.content).replace("\r\n", "\n");
        // one that ends before it has read all says why by its status
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(lines.as_bytes()));
        let status = child.wait()?;
        let said = listener.join().unwrap_or_default();
        let why = || format!("{} ended with {status}: {}", self.program.display(), said.trim());
        Ok(match status.code() {
            Some(0) => match written {
                Some(Ok(())) => Outcome::Taken,
                Some(Err(error)) => {
                    Outcome::Later(format!("{} did not read all: {error}", self.program.display()))
                }
                None => Outcome::Later(why()),
            },
            code => judge(code)(why()),
        })
    }
}

/// What a status means, by sysexits.h: the address is wrong or the mail is; or it is something that may pass.
const fn judge(code: Option<i32>) -> fn(String) -> Outcome {
    match code {
        // EX_DATAERR, EX_NOUSER, EX_NOHOST
        Some(65 | 67 | 68) => Outcome::Refused,
        // EX_USAGE, EX_UNAVAILABLE, EX_OSERR, EX_OSFILE, EX_CANTCREAT, EX_NOPERM, EX_CONFIG: no other mail will be taken
        Some(64 | 69 | 71 | 72 | 73 | 77 | 78) => Outcome::Nobody,
        _ => Outcome::Later,
    }
}

impl Transport for Sendmail {
    fn open(&mut self) -> Result<(), String> {
        match std::fs::metadata(&self.program) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{} takes no mail: {error}", self.program.display())),
        }
    }

    fn send(&mut self, parcel: &Parcel) -> Outcome {
        self.run(parcel).unwrap_or_else(|error| {
            Outcome::Nobody(format!("cannot run {}: {error}", self.program.display()))
        })
    }
}
