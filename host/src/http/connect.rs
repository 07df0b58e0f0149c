//! A connection to a server: one of its addresses, each with its share of the time, with TLS that trusts what the system trusts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Who is asking.
pub(super) const USER_AGENT: &str = concat!("pressroom/", env!("CARGO_PKG_VERSION"));

/// So many addresses of a name are tried.
pub(super) const MAX_TRIED: usize = 4;

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Unreached {
    TimedOut,
    NoConnection(String),
    Tls(String),
}

/// A connection to the first of the addresses that takes one. Each has its share of what is left of the time.
pub(super) async fn to(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, Unreached> {
    let mut failure = Unreached::TimedOut;
    for (tried, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let shares = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout(left / shares.max(1), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = Unreached::NoConnection(format!("{address}: {error}")),
            Err(_) => failure = Unreached::TimedOut,
        }
    }
    Err(failure)
}

/// TLS with the roots that this system trusts; without any, why.
pub(super) fn trusting_the_system() -> Result<TlsConnector, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reason = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(format!("this host has no certificates to trust{reason}: install ca-certificates"));
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// TLS over a connection, with a name or an address.
pub(super) async fn secured(
    tls: &TlsConnector,
    host: Result<&str, IpAddr>,
    stream: TcpStream,
    until: Instant,
) -> Result<TlsStream<TcpStream>, Unreached> {
    let name = match host {
        Ok(name) => {
            ServerName::try_from(name.to_owned()).map_err(|error| Unreached::Tls(error.to_string()))?
        }
        Err(address) => ServerName::from(address),
    };
    timeout_at(until, tls.connect(name, stream))
        .await
        .map_err(|_| Unreached::TimedOut)?
        .map_err(|error| Unreached::Tls(error.to_string()))
}
