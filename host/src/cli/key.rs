//! `pressroom key`.

use super::output::write_bytes;
use super::{End, Session};

/// The key that signs the archives.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the public key, as apt's signed-by wants it.
    ///
    /// For example: pressroom key export > /etc/apt/keyrings/demo.asc
    Export {
        /// Not armoured, for a file that ends in .gpg.
        #[arg(long)]
        binary: bool,
    },
    /// Print the key's fingerprint.
    Fingerprint,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let signer = session.root()?.signer(session.clock.began())?;
        match self {
            Self::Export { binary } => {
                let key = signer.public_key()?;
                write_bytes(if *binary { &key.binary } else { &key.armored })?;
            }
            Self::Fingerprint => {
                session.output.show(&signer.fingerprint(), || format!("{}\n", signer.fingerprint()))?;
            }
        }
        Ok(End::Success)
    }
}
