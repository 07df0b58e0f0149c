//! A connection to a server: one of its addresses, each with its share of the time, with TLS that trusts what the system trusts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

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
        match timeout(share(left, addresses.len() - tried), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = Unreached::NoConnection(format!("{address}: {error}")),
            Err(_) => failure = Unreached::TimedOut,
        }
    }
    Err(failure)
}

/// What an address may take of the time that is left, so that one that answers nothing leaves something to those after it.
fn share(left: Duration, addresses: usize) -> Duration {
    left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(what: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
    }

    /// An address at which somebody listens, and one at which nobody does.
    fn addresses() -> (std::net::TcpListener, SocketAddr, SocketAddr) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address, nobody)
    }

    #[test]
    fn each_address_leaves_time_to_those_after_it() {
        let second = Duration::from_secs(1);
        for (left, addresses, expected) in [(30, 1, 30), (30, 2, 15), (30, 3, 10), (0, 4, 0)] {
            assert_eq!(share(second * left, addresses), second * expected);
        }
    }

    #[test]
    fn the_first_address_that_takes_a_connection_has_it() {
        let (_listener, somebody, nobody) = addresses();
        run(async {
            let until = Instant::now() + Duration::from_secs(60);
            let stream = to(&[nobody, somebody], until).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), somebody);
        });
    }

    #[test]
    fn where_nobody_takes_one_the_last_reason_is_said() {
        let (_listener, _, nobody) = addresses();
        run(async {
            let until = Instant::now() + Duration::from_secs(60);
            let why = to(&[nobody], until).await.unwrap_err();
            assert!(
                matches!(&why, Unreached::NoConnection(reason) if reason.starts_with("127.0.0.1:")),
                "{why:?}"
            );
            assert!(matches!(to(&[], until).await.unwrap_err(), Unreached::TimedOut));
        });
    }
}
