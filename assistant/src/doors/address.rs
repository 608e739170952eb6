//! Who asks: the address of the client behind trusted proxies, and what it shows that it may.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, header::AUTHORIZATION};
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address: the peer, or, where the peer is a trusted proxy, the last address in `X-Forwarded-For` that is
/// not itself a trusted proxy. Everything further left was written by somebody we do not trust.
pub fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |a: &IpAddr| trusted.iter().any(|net| net.contains(a));
    let mut address = canonical(peer.ip());
    if !is_trusted(&address) {
        return address;
    }
    let forwarded = headers.get_all(FORWARDED_FOR).iter().filter_map(|h| h.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|h| h.split(',')).map(str::trim).collect();
    for hop in hops.iter().rev() {
        let Ok(parsed) = hop.parse::<IpAddr>() else { break };
        address = canonical(parsed);
        if !is_trusted(&address) {
            break;
        }
    }
    address
}

fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What is counted as one address: an IPv4 address, or an IPv6 /64, which is what one subscriber gets (RFC 6177).
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// What a request shows that it may: the value of `Authorization: Bearer …` (RFC 6750, section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, forwarded.parse().unwrap());
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(from("203.0.113.9:1000", "1.2.3.4"), "203.0.113.9");
    }

    #[test]
    fn behind_a_trusted_proxy_the_last_untrusted_hop_counts() {
        assert_eq!(from("10.0.0.1:1000", "9.9.9.9, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
    }

    #[test]
    fn rubbish_in_the_header_leaves_the_proxy_s_own_address() {
        assert_eq!(from("10.0.0.1:1000", "unknown"), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_subscriber_is_a_64() {
        let one = subscriber("2001:db8:1:2:3:4:5:6".parse().unwrap());
        assert_eq!(one, subscriber("2001:db8:1:2::1".parse().unwrap()));
        assert_ne!(one, subscriber("2001:db8:1:3::1".parse().unwrap()));
    }
}
