//! Which URLs a hook may ask: the patterns of a grant. The one form in which a URL is held against them is [`Target`].
//!
//! A pattern is `scheme://authority/path`. Scheme, host and port must be the same: the host in the form that a browser would give it (lower
//! case, IDNA, `0x7f.1` as `127.0.0.1`), a port that is not named being 80 or 443. A host may begin with `*.`, which stands for exactly one
//! label. In the path `*` stays within a part and `**` goes over parts, as in the other patterns of a grant, so no star crosses the
//! authority. A query is not judged: a pattern has none, a URL may have any. What is sent is what was judged.

use url::Host;

use crate::http::target::{Target, Unit, units};

/// One pattern of a grant.
#[derive(Debug, Clone)]
struct Pattern {
    is_https: bool,
    host: HostPattern,
    port: u16,
    path: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Exactly(Host<String>),
    /// One label before this name.
    Below(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Unit(Unit),
    Star,
    DoubleStar,
}

/// The patterns of a grant.
#[derive(Debug, Clone, Default)]
pub(crate) struct UrlPatterns(Vec<Pattern>);

impl UrlPatterns {
    /// Reads patterns; the error is the one that is none, and why.
    pub(crate) fn parse(list: &[String]) -> Result<Self, (String, String)> {
        list.iter()
            .map(|text| Pattern::parse(text).map_err(|reason| (text.clone(), reason)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether one of them means this URL.
    pub(crate) fn is_match(&self, target: &Target) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(target))
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
            .ok_or("it must begin with http:// or https://")?;
        let Some(slash) = rest.find('/') else {
            return Err("it has no path: end it with /** for every path".to_owned());
        };
        let (authority, path) = rest.split_at(slash);
        if path.contains(['?', '#']) || authority.contains(['?', '#']) {
            return Err("it must have no query: a query is not judged".to_owned());
        }
        let (host, is_below) = match authority.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (authority, false),
        };
        if host.contains('*') {
            return Err("a star in the host may only be its first label, as in *.example.org".to_owned());
        }
        let base = Target::parse(&format!("{scheme}://{host}/")).map_err(|error| error.to_string())?;
        let host = match (base.name().clone(), is_below) {
            (host, false) => HostPattern::Exactly(host),
            (Host::Domain(name), true) if name.trim_end_matches('.').contains('.') => {
                HostPattern::Below(name)
            }
            (Host::Domain(name), true) => return Err(format!("*.{name} means too many hosts")),
            (Host::Ipv4(_) | Host::Ipv6(_), true) => return Err("an address has no labels".to_owned()),
        };
        Ok(Self { is_https: scheme == "https", host, port: base.port(), path: pieces(path)? })
    }

    fn is_match(&self, target: &Target) -> bool {
        let is_host = match (&self.host, target.name()) {
            (HostPattern::Exactly(host), other) => host == other,
            (HostPattern::Below(name), Host::Domain(other)) => {
                other.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == name)
            }
            (HostPattern::Below(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
        };
        is_host
            && self.is_https == target.is_https()
            && self.port == target.port()
            && is_path_match(&self.path, target.path())
    }
}

fn pieces(path: &str) -> Result<Vec<Piece>, String> {
    if path.chars().any(|character| character.is_control() || character.is_whitespace() || character == '\\')
    {
        return Err("its path has a space, a backslash or a control character".to_owned());
    }
    if path.split('/').any(|part| matches!(part, "." | "..")) {
        return Err("its path has . or .. in it".to_owned());
    }
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some(star) = rest.find('*') {
        pieces.extend(units(&rest[..star]).into_iter().map(Piece::Unit));
        let stars = rest[star..].bytes().take_while(|byte| *byte == b'*').count();
        pieces.push(match stars {
            1 => Piece::Star,
            2 => Piece::DoubleStar,
            _ => return Err("more than two stars mean nothing".to_owned()),
        });
        rest = &rest[star + stars..];
    }
    pieces.extend(units(rest).into_iter().map(Piece::Unit));
    Ok(pieces)
}

/// Walks through the path once, with all places of the pattern at which it may be: no pattern takes long.
fn is_path_match(pattern: &[Piece], path: &[Unit]) -> bool {
    let mut places = vec![false; pattern.len() + 1];
    places[0] = true;
    pass_stars(pattern, &mut places);
    for unit in path {
        let mut next = vec![false; pattern.len() + 1];
        for (place, piece) in pattern.iter().enumerate().filter(|(place, _)| places[*place]) {
            match piece {
                Piece::Unit(wanted) if wanted == unit => next[place + 1] = true,
                Piece::Star if unit.is_for_stars() && *unit != Unit::Plain(b'/') => next[place] = true,
                Piece::DoubleStar if unit.is_for_stars() => next[place] = true,
                Piece::Unit(_) | Piece::Star | Piece::DoubleStar => {}
            }
        }
        pass_stars(pattern, &mut next);
        places = next;
    }
    places[pattern.len()]
}

/// A star may stand for nothing.
fn pass_stars(pattern: &[Piece], places: &mut [bool]) {
    for (place, piece) in pattern.iter().enumerate() {
        if places[place] && matches!(piece, Piece::Star | Piece::DoubleStar) {
            places[place + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn matches(pattern: &str, url: &str) -> bool {
        let patterns = UrlPatterns::parse(&[pattern.to_owned()]).unwrap();
        Target::parse(url).is_ok_and(|target| patterns.is_match(&target))
    }

    #[test]
    fn scheme_host_and_port_are_the_same_or_nothing_is() {
        for (pattern, url, is_match) in [
            ("https://hooks.example.org/*", "https://hooks.example.org/x", true),
            ("https://hooks.example.org/*", "https://HOOKS.Example.ORG:443/x", true),
            ("https://hooks.example.org:443/*", "https://hooks.example.org/x", true),
            ("https://hooks.example.org/*", "http://hooks.example.org/x", false),
            ("https://hooks.example.org/*", "http://hooks.example.org:443/x", false),
            ("https://hooks.example.org/*", "https://hooks.example.org:8443/x", false),
            ("https://hooks.example.org/*", "https://hooks.example.org.evil.net/x", false),
            ("https://hooks.example.org/*", "https://hooks.example.org./x", false),
            ("https://hooks.example.org/*", "https://evil.net/hooks.example.org/x", false),
            ("https://hooks.example.org/*", "https://hooks.example.org@evil.net/x", false),
            ("https://hooks.example.org/*", "https://user:word@hooks.example.org/x", false),
            ("https://hooks.example.org/*", "https://evil.net\\@hooks.example.org/x", false),
            ("https://hooks.example.org/*", "https://evil.net#@hooks.example.org/x", false),
            ("https://hooks.example.org/*", "https://evil.net?@hooks.example.org/x", false),
            ("https://hooks.example.org/*", "ftp://hooks.example.org/x", false),
            ("http://mirror.example.net:8080/push", "http://mirror.example.net:8080/push", true),
            ("http://mirror.example.net:8080/push", "http://mirror.example.net/push", false),
            ("http://127.0.0.1:80/*", "http://0x7f.1/x", true),
            ("http://127.0.0.1/*", "http://2130706433/x", true),
            ("http://[::1]/*", "http://[0:0:0:0:0:0:0:1]/x", true),
            ("http://[::1]/*", "http://[::ffff:127.0.0.1]/x", false),
            ("https://bücher.example/*", "https://xn--bcher-kva.example/x", true),
            ("https://*.example.org/*", "https://a.example.org/x", true),
            ("https://*.example.org/*", "https://example.org/x", false),
            ("https://*.example.org/*", "https://a.b.example.org/x", false),
            ("https://*.example.org/*", "https://.example.org/x", false),
            ("https://*.example.org/*", "https://aexample.org/x", false),
            ("https://*.example.org/*", "https://evil.net/.example.org/x", false),
        ] {
            assert_eq!(matches(pattern, url), is_match, "{pattern} {url}");
        }
    }

    #[test]
    fn stars_stay_in_the_path_and_escapes_lead_nowhere() {
        for (pattern, url, is_match) in [
            ("https://h.example/push", "https://h.example/push", true),
            ("https://h.example/push", "https://h.example/push/", false),
            ("https://h.example/push", "https://h.example/push?now=1", true),
            ("https://h.example/push", "https://h.example/push#part", true),
            ("https://h.example/push", "https://h.example/p%75sh", true),
            ("https://h.example/push", "https://h.example/Push", false),
            ("https://h.example/", "https://h.example", true),
            ("https://h.example/*", "https://h.example/", true),
            ("https://h.example/*", "https://h.example/a", true),
            ("https://h.example/*", "https://h.example/a/b", false),
            ("https://h.example/**", "https://h.example/a/b", true),
            ("https://h.example/a/**", "https://h.example/a/", true),
            ("https://h.example/a/**", "https://h.example/a", false),
            ("https://h.example/a/**", "https://h.example/b", false),
            ("https://h.example/a/**", "https://h.example/a/../b", false),
            ("https://h.example/a/**", "https://h.example/a/%2e%2e/b", false),
            ("https://h.example/a/**", "https://h.example/a/..%2fb", false),
            ("https://h.example/a/**", "https://h.example/a/..%5cb", false),
            ("https://h.example/a/**", "https://h.example/a\\..\\b", false),
            ("https://h.example/a/**", "https://h.example/a/x%00", false),
            ("https://h.example/a/*/c", "https://h.example/a/b/c", true),
            ("https://h.example/a/*/c", "https://h.example/a/b/b/c", false),
            ("https://h.example/**/c", "https://h.example/a/b/c", true),
            ("https://h.example/v*.json", "https://h.example/v12.json", true),
            ("https://h.example/v*.json", "https://h.example/v12.jsonx", false),
            ("https://h.example/group%2Fproject", "https://h.example/group%2fproject", true),
            ("https://h.example/group%2Fproject", "https://h.example/group/project", false),
            ("https://h.example/é", "https://h.example/%C3%A9", true),
            ("https://h.example/a b", "https://h.example/a%20b", false),
        ] {
            let patterns = UrlPatterns::parse(&[pattern.to_owned()]);
            let matched = patterns.is_ok() && matches(pattern, url);
            assert_eq!(matched, is_match, "{pattern} {url}");
        }
    }

    #[test]
    fn a_pattern_that_means_too_much_or_nothing_is_refused() {
        for pattern in [
            "",
            "*",
            "hooks.example.org/*",
            "ftp://hooks.example.org/*",
            "HTTPS://hooks.example.org/*",
            "*://hooks.example.org/*",
            "https://hooks.example.org",
            "https:///path",
            "https://*/x",
            "https://*.org/x",
            "https://hooks.*.org/x",
            "https://hooks*.example.org/x",
            "https://hooks.example.org:*/x",
            "https://hooks.example.org:0/x",
            "https://hooks.example.org:99999/x",
            "https://user@hooks.example.org/x",
            "https://*.127.0.0.1/x",
            "https://hooks.example.org/x?y",
            "https://hooks.example.org/x#y",
            "https://hooks.example.org/../x",
            "https://hooks.example.org/***",
            "https://hooks.example.org/a\\b",
            "https://hooks.exa mple.org/",
        ] {
            assert!(UrlPatterns::parse(&[pattern.to_owned()]).is_err(), "{pattern}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = format!("https://h.example/{}b", "*/**a".repeat(40));
        let url = format!("https://h.example/{}", "a".repeat(4000));
        assert!(!matches(&pattern, &url));
    }
}
