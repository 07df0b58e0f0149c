//! Whether an architecture is one of those that a source names: `any`, `linux-any`, `any-arm64`.
//!
//! As `dpkg-architecture --is` has it: an architecture stands for an ABI, a C library, a kernel and a processor, and a wildcard names some of them.
//! An architecture that dpkg does not know is taken for a processor under GNU/Linux, so that a distribution can have its own.

use crate::domain::ArchitectureTag;

/// ABI, C library, kernel, processor.
type Tuple<'a> = [&'a str; 4];

const ANY: &str = "any";

/// Whether a wildcard, or the name of an architecture, means this architecture.
#[must_use]
pub fn matches(architecture: &ArchitectureTag, wildcard: &ArchitectureTag) -> bool {
    if architecture.is_all() || wildcard.is_all() || architecture.is_source() || wildcard.is_source() {
        return architecture == wildcard;
    }
    if architecture == wildcard || wildcard.as_str() == ANY {
        return true;
    }
    let Some(wanted) = wildcard_tuple(wildcard.as_str()) else { return false };
    tuple(architecture.as_str())
        .is_some_and(|tuple| tuple.iter().zip(wanted).all(|(has, wants)| wants == ANY || *has == wants))
}

/// What a wildcard asks for; its last parts are the named ones.
fn wildcard_tuple(text: &str) -> Option<Tuple<'_>> {
    let parts: Vec<&str> = text.split('-').collect();
    if !parts.contains(&ANY) {
        return tuple(text);
    }
    match parts[..] {
        [_] => Some([ANY; 4]),
        [kernel, processor] => Some([ANY, ANY, kernel, processor]),
        [library, kernel, processor] => Some([ANY, library, kernel, processor]),
        [abi, library, kernel, processor] => Some([abi, library, kernel, processor]),
        _ => None,
    }
}

/// What an architecture stands for.
fn tuple(text: &str) -> Option<Tuple<'_>> {
    // an old way to write what has no prefix now
    let text = text.strip_prefix("linux-").unwrap_or(text);
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        [name] => Some(on_linux(name)),
        [library @ ("uclibc" | "musl"), "linux", name] => {
            let [abi, processor] = arm(name).unwrap_or(["base", name]);
            Some([abi, library, "linux", processor])
        }
        ["uclinux", name] => {
            let [abi, processor] = arm(name).unwrap_or(["base", name]);
            Some([abi, "uclibc", "uclinux", processor])
        }
        ["kfreebsd", "armhf"] => Some(["eabihf", "gnu", "kfreebsd", "arm"]),
        [kernel @ ("kfreebsd" | "knetbsd" | "kopensolaris" | "hurd"), name] => {
            Some(["base", "gnu", kernel, name])
        }
        [kernel @ ("dragonflybsd" | "freebsd" | "openbsd" | "netbsd" | "darwin"), name] => {
            Some(["base", "bsd", kernel, name])
        }
        [kernel @ ("aix" | "solaris"), name] => Some(["base", "sysv", kernel, name]),
        ["mint", name] => Some(["base", "tos", "mint", name]),
        _ => None,
    }
}

/// The two names of ARM that say how floating point is passed.
fn arm(name: &str) -> Option<[&str; 2]> {
    match name {
        "armel" => Some(["eabi", "arm"]),
        "armhf" => Some(["eabihf", "arm"]),
        _ => None,
    }
}

/// An architecture without a prefix.
fn on_linux(name: &str) -> Tuple<'_> {
    let [abi, processor] = arm(name).unwrap_or(match name {
        "arm64ilp32" => ["ilp32", "arm64"],
        "x32" => ["x32", "amd64"],
        "powerpcspe" => ["spe", "powerpc"],
        "mips64" | "mips64el" | "mips64r6" | "mips64r6el" => ["abi64", name],
        "mipsn32" => ["abin32", "mips64"],
        "mipsn32el" => ["abin32", "mips64el"],
        "mipsn32r6" => ["abin32", "mips64r6"],
        "mipsn32r6el" => ["abin32", "mips64r6el"],
        _ => ["base", name],
    });
    [abi, "gnu", "linux", processor]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn does(architecture: &str, wildcard: &str) -> bool {
        matches(&architecture.parse().unwrap(), &wildcard.parse().unwrap())
    }

    #[test]
    fn wildcards_name_the_end_of_a_tuple() {
        for (architecture, wildcard, expected) in [
            ("amd64", "amd64", true),
            ("amd64", "arm64", false),
            ("amd64", "any", true),
            ("amd64", "linux-any", true),
            ("amd64", "any-amd64", true),
            ("x32", "any-amd64", true),
            ("amd64", "any-i386", false),
            ("amd64", "hurd-any", false),
            ("hurd-i386", "hurd-any", true),
            ("hurd-i386", "any-i386", true),
            ("hurd-i386", "linux-any", false),
            ("kfreebsd-amd64", "any-amd64", true),
            ("kfreebsd-amd64", "gnu-any-any", true),
            ("armhf", "any-arm", true),
            ("armel", "eabi-any-any-arm", true),
            ("armhf", "eabi-any-any-arm", false),
            ("musl-linux-armhf", "any-arm", true),
            ("musl-linux-amd64", "gnu-any-any", false),
            ("musl-linux-amd64", "musl-any-any", true),
            ("amd64", "linux-amd64", true),
            ("amd64", "all", false),
            ("all", "any", false),
            ("all", "all", true),
            // an architecture of a distribution's own
            ("e2k", "any", true),
            ("e2k", "linux-any", true),
            ("e2k", "any-amd64", false),
        ] {
            assert_eq!(does(architecture, wildcard), expected, "{architecture} {wildcard}");
        }
    }

    /// `dpkg-architecture` asks this module too.
    const DPKG: &str = "use Dpkg::Arch qw(debarch_is get_valid_arches); my @known = get_valid_arches(); print join(' ', @known), qq(\n);
        for my $wildcard (@ARGV) { print join(' ', grep { debarch_is($_, $wildcard) } @known), qq(\n) }";

    /// Every architecture that dpkg knows against wildcards of every kind.
    #[test]
    fn agrees_with_dpkg() {
        let mut wildcards = vec!["any".to_owned()];
        for kernel in [ANY, "linux", "kfreebsd", "hurd", "uclinux", "freebsd", "solaris", "mint"] {
            for processor in [ANY, "amd64", "arm", "arm64", "i386", "mips64", "mips64el", "powerpc", "m68k"] {
                wildcards.push(format!("{kernel}-{processor}"));
            }
            for processor in [ANY, "arm"] {
                for library in [ANY, "gnu", "musl", "uclibc", "bsd", "sysv", "tos"] {
                    wildcards.push(format!("{library}-{kernel}-{processor}"));
                    for abi in ["base", "eabi", "eabihf"] {
                        wildcards.push(format!("{abi}-{library}-{kernel}-{processor}"));
                    }
                }
            }
        }
        wildcards
            .extend(["abi64", "abin32", "x32", "ilp32", "spe"].map(|abi| format!("{abi}-{ANY}-{ANY}-{ANY}")));
        wildcards.retain(|wildcard| wildcard.split('-').any(|part| part == ANY));
        // names are wildcards that mean themselves
        wildcards.extend(["armhf", "linux-amd64", "kfreebsd-amd64", "x32"].map(str::to_owned));
        let asked = Command::new("perl").args(["-e", DPKG]).args(&wildcards).output();
        let Some(said) = asked.ok().filter(|output| output.status.success()) else {
            eprintln!("skipped: there is no dpkg-architecture here");
            return;
        };
        let said = String::from_utf8(said.stdout).unwrap();
        let mut lines = said.lines();
        let known: Vec<&str> = lines.next().unwrap().split(' ').collect();
        assert!(known.len() > 100, "{said}");
        for wildcard in &wildcards {
            let ours: Vec<&str> = known.iter().filter(|one| does(one, wildcard)).copied().collect();
            assert_eq!(ours.join(" "), lines.next().unwrap(), "{wildcard}");
        }
    }
}
