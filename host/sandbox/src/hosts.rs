//! What each version of this host speaks: which WIT versions, which interfaces with which functions, which points. A hook can be held against any of
//! them without running anything, so that its author knows on which hosts it will load.
//!
//! The first entry is this host. When a version is released, its entry is frozen and the next version gets a new one above it; nothing is ever taken out
//! of a frozen one.

use crate::Point;

/// What one version of the host speaks.
#[derive(Debug, PartialEq, Eq)]
pub struct HostVersion {
    /// The version of pressroom.
    pub version: &'static str,
    /// The versions of `pressroom:hooks` that it speaks, as major and minor: every patch version of each.
    pub wit: &'static [(u64, u64)],
    /// What a hook may import.
    pub interfaces: &'static [Interface],
    /// The points that it calls.
    pub points: &'static [Point],
}

/// An interface of `pressroom:hooks`.
#[derive(Debug, PartialEq, Eq)]
pub struct Interface {
    /// As in the WIT: `archive`.
    pub name: &'static str,
    /// Its functions, with the methods of its resources, as a component names them: `[method]change-set.next`. Empty for one that has types only.
    pub functions: &'static [&'static str],
}

/// Every version of the host, the newest first.
pub const HOSTS: &[HostVersion] = &[HostVersion {
    version: env!("CARGO_PKG_VERSION"),
    wit: &[(0, 1)],
    interfaces: &[
        Interface { name: "types", functions: &[] },
        Interface { name: "log", functions: &["write"] },
        Interface {
            name: "archive",
            functions: &[
                "suites",
                "[method]change-set.next",
                "changes",
                "[method]package-list.next",
                "packages",
                "[method]contents-list.next",
                "contents",
                "previous-pass",
            ],
        },
        Interface { name: "journal", functions: &["numbers", "[method]file-changes.next", "changes"] },
        Interface { name: "staging", functions: &["list-files", "read", "write", "append", "remove"] },
        Interface { name: "config", functions: &["get"] },
        Interface { name: "state", functions: &["get", "set", "delete", "keys"] },
        Interface { name: "signing", functions: &["sign"] },
    ],
    points: &[Point::PrePublication, Point::PostPublication, Point::Finalize],
}];

impl HostVersion {
    /// This host.
    pub fn this() -> &'static Self {
        &HOSTS[0]
    }

    /// The host of a version; none: there is no such one.
    pub fn named(version: &str) -> Option<&'static Self> {
        HOSTS.iter().find(|host| host.version == version)
    }

    /// An interface that a hook may import.
    pub fn interface(&self, name: &str) -> Option<&'static Interface> {
        self.interfaces.iter().find(|interface| interface.name == name)
    }

    /// The WIT versions for people: `0.1, 1.0`.
    pub fn spoken(&self) -> String {
        let versions: Vec<String> =
            self.wit.iter().map(|(major, minor)| format!("{major}.{minor}")).collect();
        versions.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = include_str!("../../../wit/hooks.wit");

    /// The functions of an interface as the WIT has them, by a component's names.
    fn functions_in_wit(interface: &str) -> Vec<String> {
        let start = WIT.find(&format!("\ninterface {interface} {{")).unwrap();
        let body = &WIT[start + 1..];
        let body = &body[..body.find("\n}").unwrap()];
        let (mut functions, mut resource) = (Vec::new(), None);
        for line in body.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("resource ") {
                resource = Some(name.trim_end_matches(" {").to_owned());
            } else if line == "}" {
                resource = None;
            } else if let Some((name, _)) = line.split_once(": func") {
                functions.push(match &resource {
                    Some(resource) => format!("[method]{resource}.{name}"),
                    None => name.to_owned(),
                });
            }
        }
        functions
    }

    #[test]
    fn this_host_speaks_what_its_wit_says() {
        let host = HostVersion::this();
        for interface in host.interfaces {
            assert_eq!(interface.functions, functions_in_wit(interface.name), "{}", interface.name);
        }
        let interfaces = WIT.lines().filter_map(|line| line.strip_prefix("interface ")?.strip_suffix(" {"));
        for name in interfaces {
            let is_point = host.points.iter().any(|point| point.as_str() == name);
            assert!(is_point || host.interface(name).is_some(), "{name} is in the WIT and not in the table");
        }
    }

    #[test]
    fn versions_are_found_by_name_and_the_first_is_this_one() {
        assert_eq!(HostVersion::named(env!("CARGO_PKG_VERSION")), Some(HostVersion::this()));
        assert_eq!(HostVersion::named("0.0.1"), None);
        assert_eq!(HostVersion::this().spoken(), "0.1");
        let mut versions: Vec<&str> = HOSTS.iter().map(|host| host.version).collect();
        versions.dedup();
        assert_eq!(versions.len(), HOSTS.len(), "a version stands there once");
    }
}
