//! A URL in the one form in which it is judged and asked: what is sent is what was judged.
//!
//! Scheme, host and port are as a browser would have them (lower case, IDNA, `0x7f.1` as `127.0.0.1`, 80 or 443 where no port is named).

use std::net::IpAddr;

use url::{Host, Position, Url};

/// The longest URL that is asked.
const MAX_URL_BYTES: usize = 8 << 10;

/// Why a text is no URL that anybody asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadUrl {
    #[error("it is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    #[error("it has a space or a control character")]
    Blank,
    #[error("it is no URL: {0}")]
    NoUrl(url::ParseError),
    #[error("its scheme is {0}: only http and https are spoken")]
    Scheme(String),
    #[error("it has no host")]
    NoHost,
    #[error("it has a user or a password in it: send them in a header")]
    UserInfo,
    #[error("its port is 0")]
    NoPort,
}

/// A URL that may be asked.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
    path: Vec<Unit>,
}

impl Target {
    /// Takes a URL apart.
    pub(crate) fn parse(text: &str) -> Result<Self, BadUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(BadUrl::TooLong);
        }
        // a parser of browsers would leave line breaks out without a word
        if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return Err(BadUrl::Blank);
        }
        let mut url = Url::parse(text).map_err(BadUrl::NoUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadUrl::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadUrl::UserInfo);
        }
        url.set_fragment(None);
        let host = url.host().ok_or(BadUrl::NoHost)?.to_owned();
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(BadUrl::NoPort)?;
        let path = units(url.path());
        Ok(Self { url, host, port, path })
    }

    /// Whether it is asked over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The name to resolve, or the address that stands in the URL.
    pub(crate) fn host(&self) -> Result<&str, IpAddr> {
        match &self.host {
            Host::Domain(name) => Ok(name),
            Host::Ipv4(address) => Err(IpAddr::V4(*address)),
            Host::Ipv6(address) => Err(IpAddr::V6(*address)),
        }
    }

    /// The host as a browser would write it.
    pub(crate) const fn name(&self) -> &Host<String> {
        &self.host
    }

    /// Its path, as patterns have theirs.
    pub(crate) fn path(&self) -> &[Unit] {
        &self.path
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, as the header `Host` has them.
    pub(crate) fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Path and query, as the request line has them.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// For a log: a query may be a secret, so only that there is one is shown.
    pub(crate) fn without_query(&self) -> String {
        let shown = &self.url[..Position::AfterPath];
        if self.url.query().is_some() { format!("{shown}?…") } else { shown.to_owned() }
    }
}

/// A byte of a path, or an escape that means something else than its byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Plain(u8),
    Escaped(u8),
}

impl Unit {
    /// Whether a star may stand for it. An escaped slash, backslash or NUL is a part's end to some servers and none to others: it must be in
    /// the pattern as it is.
    pub(crate) const fn is_for_stars(self) -> bool {
        !matches!(self, Self::Escaped(b'/' | b'\\' | 0))
    }
}

/// A path, with escapes of what need not be escaped resolved, and everything escaped that has to be.
pub(crate) fn units(path: &str) -> Vec<Unit> {
    let bytes = path.as_bytes();
    let mut units = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let escaped = bytes
            .get(at + 1..at + 3)
            .filter(|_| byte == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) if is_unreserved(byte) => units.push(Unit::Plain(byte)),
            Some(byte) => units.push(Unit::Escaped(byte)),
            None if is_unreserved(byte) || b"!$&'()*+,;=:@/".contains(&byte) => units.push(Unit::Plain(byte)),
            None => units.push(Unit::Escaped(byte)),
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    units
}

/// RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_refused_with_its_reason() {
        for (url, reason) in [
            ("https://h.example/a\nb", BadUrl::Blank),
            (" https://h.example/", BadUrl::Blank),
            ("https://a:b@h.example/", BadUrl::UserInfo),
            ("file:///etc/passwd", BadUrl::Scheme("file".into())),
            ("http://h.example:0/", BadUrl::NoPort),
        ] {
            assert_eq!(Target::parse(url).err(), Some(reason), "{url}");
        }
        assert!(matches!(Target::parse("http://").err(), Some(BadUrl::NoUrl(_))));
        assert!(matches!(Target::parse("/path").err(), Some(BadUrl::NoUrl(_))));
        let long = format!("https://h.example/{}", "x".repeat(MAX_URL_BYTES));
        assert_eq!(Target::parse(&long).err(), Some(BadUrl::TooLong));
    }

    #[test]
    fn what_is_sent_is_what_was_judged_and_a_log_shows_no_query() {
        let target = Target::parse("https://H.example:8443/a/../b?token=secret#part").unwrap();
        assert_eq!(target.authority(), "h.example:8443");
        assert_eq!(target.path_and_query(), "/b?token=secret");
        assert_eq!(target.without_query(), "https://h.example:8443/b?…");
        assert_eq!(Target::parse("https://h.example").unwrap().without_query(), "https://h.example/");
    }
}
