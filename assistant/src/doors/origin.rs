//! Whose pages may talk to us. A WebSocket is not covered by the same-origin policy, so a foreign page in the citizen's
//! or the agent's browser could open one; the `Origin` header, which browsers set and pages cannot forge, tells.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// Decides on `Origin` headers.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    public: Vec<String>,
}

impl OriginPolicy {
    /// Allows these origins beside loopback and literal addresses.
    pub fn new(public: &[String]) -> Self {
        Self { public: public.to_vec() }
    }

    /// Whether a request with these headers may be served.
    ///
    /// - Without `Origin` it does not come from a page (command-line clients), so there is nobody to protect.
    /// - A listed origin may.
    /// - Otherwise the origin must be the very host that the request was sent to, and that host a loopback name or a
    ///   literal address: a *name* in both headers proves nothing, since its owner can point it here (DNS rebinding).
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if self.public.iter().any(|p| p == origin) {
            return true;
        }
        let Some(authority) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
        else {
            return false;
        };
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
        host == Some(authority) && is_local_or_literal(authority)
    }
}

fn is_local_or_literal(authority: &str) -> bool {
    let host = if let Some(rest) = authority.strip_prefix('[') {
        rest.split(']').next().unwrap_or_default()
    } else {
        authority.split(':').next().unwrap_or_default()
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(origin: &str, host: &str) -> bool {
        let policy = OriginPolicy::new(&["https://12345.example".to_owned()]);
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers.insert(header::HOST, host.parse().unwrap());
        policy.allows(&headers)
    }

    #[test]
    fn a_listed_origin_may() {
        assert!(asked("https://12345.example", "internal:8080"));
    }

    #[test]
    fn the_page_that_this_server_served_on_loopback_or_an_address_may() {
        assert!(asked("http://localhost:8080", "localhost:8080"));
        assert!(asked("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(asked("http://[::1]:8080", "[::1]:8080"));
        assert!(asked("http://192.168.1.7:8080", "192.168.1.7:8080"));
    }

    #[test]
    fn a_foreign_page_may_not_not_even_under_a_name_that_points_here() {
        assert!(!asked("https://evil.example", "127.0.0.1:8080"));
        assert!(!asked("http://evil.example:8080", "evil.example:8080"));
        assert!(!asked("http://localhost:9999", "localhost:8080"));
        assert!(!asked("null", "localhost:8080"));
        assert!(!asked("https://12345.example.evil.example", "localhost:8080"));
    }

    #[test]
    fn a_program_without_an_origin_may() {
        assert!(OriginPolicy::new(&[]).allows(&HeaderMap::new()));
    }
}
