//! Which addresses a hook may reach: those of the public internet, and those that the operator has granted by name of their network.
//!
//! A name may resolve to anything, and who runs the name's server decides: so it is the address that is judged, every one of them. An
//! address that carries another one (mapped, NAT64, 6to4) is judged by what it carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What an address is, if it is not one of the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anyone may be asked there.
    Public,
    /// Its own words: `private`, `loopback`. A grant can open it.
    Special(&'static str),
    /// Nobody is there: no grant opens it.
    Never(&'static str),
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(parts: [u16; 8], bits: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = parts;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), bits)
}

/// The IANA registry of special-purpose IPv4 addresses, and multicast.
const IPV4: [(Ipv4Net, Kind); 17] = [
    // on Linux a connection to 0.0.0.0 reaches this host
    (v4(0, 0, 0, 0, 8), Kind::Never("unspecified")),
    (v4(10, 0, 0, 0, 8), Kind::Special("private")),
    (v4(100, 64, 0, 0, 10), Kind::Special("shared by a provider's customers")),
    (v4(127, 0, 0, 0, 8), Kind::Special("loopback")),
    (v4(169, 254, 0, 0, 16), Kind::Special("link-local")),
    (v4(172, 16, 0, 0, 12), Kind::Special("private")),
    (v4(192, 0, 0, 0, 24), Kind::Special("reserved for protocols")),
    (v4(192, 0, 2, 0, 24), Kind::Special("for documentation")),
    (v4(192, 88, 99, 0, 24), Kind::Special("a 6to4 relay")),
    (v4(192, 168, 0, 0, 16), Kind::Special("private")),
    (v4(198, 18, 0, 0, 15), Kind::Special("for benchmarks")),
    (v4(198, 51, 100, 0, 24), Kind::Special("for documentation")),
    (v4(203, 0, 113, 0, 24), Kind::Special("for documentation")),
    (v4(224, 0, 0, 0, 4), Kind::Never("multicast")),
    (v4(255, 255, 255, 255, 32), Kind::Never("broadcast")),
    (v4(240, 0, 0, 0, 4), Kind::Special("reserved")),
    (v4(0, 0, 0, 0, 0), Kind::Public),
];

/// The same for IPv6, where only 2000::/3 is public.
const IPV6: [(Ipv6Net, Kind); 11] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Kind::Never("unspecified")),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Kind::Special("loopback")),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Kind::Special("private")),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Kind::Special("link-local")),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Kind::Special("site-local")),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Kind::Never("multicast")),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Kind::Special("reserved for protocols")),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Kind::Special("for documentation")),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Kind::Special("for documentation")),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), Kind::Public),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 0), Kind::Special("not of the public internet")),
];

/// RFC 6052: the well-known prefix of NAT64.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// RFC 3056.
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

/// What an address is.
pub(crate) fn kind(address: IpAddr) -> Kind {
    match canonical(address) {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => {
            let [.., c, d] = address.segments();
            let [_, a, b, ..] = address.segments();
            let carried = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
            if NAT64.contains(&address) {
                return kind_v4(carried(c, d));
            }
            if SIX_TO_FOUR.contains(&address) {
                return kind_v4(carried(a, b));
            }
            // the last network of the table has every address
            IPV6.iter()
                .find(|(network, _)| network.contains(&address))
                .map_or(Kind::Never("unknown"), |row| row.1)
        }
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    IPV4.iter().find(|(network, _)| network.contains(&address)).map_or(Kind::Never("unknown"), |row| row.1)
}

/// `::ffff:a.b.c.d` is the IPv4 address that a connection to it reaches.
pub(crate) const fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The networks that an operator has opened besides the public internet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads networks (`10.0.0.0/8`) and single addresses; the error is the one that is none, and why.
    pub(crate) fn parse(list: &[String]) -> Result<Self, (String, String)> {
        list.iter()
            .map(|text| {
                let network = match text.parse::<IpAddr>() {
                    Ok(address) => IpNet::from(address),
                    Err(_) => text.parse::<IpNet>().map_err(|_| {
                        let reason = "it must be an address or a network, such as 10.0.0.0/8 or fd00::/8";
                        (text.clone(), reason.to_owned())
                    })?,
                };
                if network.trunc() == network {
                    Ok(network)
                } else {
                    let reason = format!("it has bits beyond its network: {} may be meant", network.trunc());
                    Err((text.clone(), reason))
                }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Every network: for what an operator has asked for.
    pub(crate) fn everywhere() -> Self {
        Self(vec![
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
            IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
        ])
    }

    /// What speaks against an address: nothing, if it is public or in one of these networks.
    pub(crate) fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        match kind(address) {
            Kind::Public => None,
            Kind::Never(what) => Some(what),
            Kind::Special(what) => {
                let address = canonical(address);
                (!self.0.iter().any(|network| network.contains(&address))).then_some(what)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(granted: &[&str], address: &str) -> Option<&'static str> {
        let granted: Vec<String> = granted.iter().map(|&text| text.to_owned()).collect();
        Networks::parse(&granted).unwrap().refusal(address.parse().unwrap())
    }

    #[test]
    fn every_class_of_addresses_is_known() {
        for (address, refused) in [
            ("9.255.255.255", None),
            ("10.0.0.0", Some("private")),
            ("10.255.255.255", Some("private")),
            ("11.0.0.0", None),
            ("0.0.0.0", Some("unspecified")),
            ("0.1.2.3", Some("unspecified")),
            ("100.63.255.255", None),
            ("100.64.0.1", Some("shared by a provider's customers")),
            ("100.128.0.0", None),
            ("127.0.0.1", Some("loopback")),
            ("127.255.0.1", Some("loopback")),
            ("169.254.169.254", Some("link-local")),
            ("172.15.255.255", None),
            ("172.16.0.0", Some("private")),
            ("172.31.255.255", Some("private")),
            ("172.32.0.0", None),
            ("192.0.0.8", Some("reserved for protocols")),
            ("192.0.2.1", Some("for documentation")),
            ("192.88.99.1", Some("a 6to4 relay")),
            ("192.168.0.1", Some("private")),
            ("198.19.255.255", Some("for benchmarks")),
            ("198.51.100.7", Some("for documentation")),
            ("203.0.113.7", Some("for documentation")),
            ("224.0.0.1", Some("multicast")),
            ("239.255.255.255", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("broadcast")),
            ("1.1.1.1", None),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::2", Some("not of the public internet")),
            ("::127.0.0.1", Some("not of the public internet")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:10.1.2.3", Some("private")),
            ("::ffff:0.0.0.0", Some("unspecified")),
            ("::ffff:1.1.1.1", None),
            ("::ffff:0:1.1.1.1", Some("not of the public internet")),
            ("64:ff9b::1.1.1.1", None),
            ("64:ff9b::10.0.0.1", Some("private")),
            ("64:ff9b::127.0.0.1", Some("loopback")),
            ("64:ff9b:1::1", Some("not of the public internet")),
            ("100::1", Some("not of the public internet")),
            ("2001::1", Some("reserved for protocols")),
            ("2001:db8::1", Some("for documentation")),
            ("2001:4860:4860::8888", None),
            ("2002:7f00:1::1", Some("loopback")),
            ("2002:c0a8:101::1", Some("private")),
            ("2002:101:101::1", None),
            ("2a00::1", None),
            ("3fff::1", Some("for documentation")),
            ("4000::1", Some("not of the public internet")),
            ("5f00::1", Some("not of the public internet")),
            ("fc00::1", Some("private")),
            ("fd12:3456::1", Some("private")),
            ("fe80::1", Some("link-local")),
            ("febf::1", Some("link-local")),
            ("fec0::1", Some("site-local")),
            ("ff02::1", Some("multicast")),
        ] {
            assert_eq!(refusal(&[], address), refused, "{address}");
        }
    }

    #[test]
    fn a_granted_network_is_open_and_no_other() {
        for (granted, address, is_open) in [
            (&["127.0.0.0/8"][..], "127.0.0.1", true),
            (&["127.0.0.0/8"], "::ffff:127.0.0.1", true),
            (&["127.0.0.0/8"], "::1", false),
            (&["127.0.0.1"], "127.0.0.1", true),
            (&["127.0.0.1"], "127.0.0.2", false),
            (&["10.0.0.0/8", "fd00::/8"], "fd00::7", true),
            (&["10.0.0.0/8"], "11.0.0.1", true),
            (&["10.0.0.0/8"], "192.168.0.1", false),
            // the network behind a gateway is not the one that the operator has named
            (&["10.0.0.0/8"], "64:ff9b::10.0.0.1", false),
            (&["64:ff9b::/96"], "64:ff9b::10.0.0.1", true),
            (&["0.0.0.0/0"], "0.0.0.0", false),
            (&["0.0.0.0/0"], "255.255.255.255", false),
            (&["::/0"], "ff02::1", false),
            (&["0.0.0.0/0"], "169.254.169.254", true),
        ] {
            assert_eq!(refusal(granted, address).is_none(), is_open, "{granted:?} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "private", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0-10.0.0.9", "localhost", "fd00::1/8"]
        {
            assert!(Networks::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_that_the_standard_library_calls_local_is_public() {
        // a walk over all first and second bytes, with some ends
        for high in 0..=u16::MAX {
            for low in [0, 1, 0x0101, 0xfffe, 0xffff] {
                let address = Ipv4Addr::from((u32::from(high) << 16) | low);
                let is_local = address.is_private()
                    || address.is_loopback()
                    || address.is_link_local()
                    || address.is_multicast()
                    || address.is_broadcast()
                    || address.is_unspecified()
                    || address.is_documentation();
                let carriers = [
                    IpAddr::V4(address),
                    IpAddr::V6(address.to_ipv6_mapped()),
                    IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low as u16)),
                    IpAddr::V6(Ipv6Addr::new(0x2002, high, low as u16, 0, 0, 0, 0, 1)),
                ];
                for carrier in carriers {
                    assert!(!is_local || kind(carrier) != Kind::Public, "{carrier}");
                }
            }
        }
    }
}
