//! Keys in INFO requests: `application/dtmf-relay` (`Signal=5`) and `application/dtmf` (`5`), which older PBXes send in place of RFC 4733.

use rsipstack::sip::{HeadersExt, Request};

use crate::leg::Digit;

/// The key that an INFO request brings; `None` where it brings something else.
pub(super) fn digit(request: &Request) -> Option<Digit> {
    let kind = request.header_value("Content-Type").or_else(|| request.header_value("c"))?;
    let kind = kind.split(';').next()?.trim().to_ascii_lowercase();
    let body = std::str::from_utf8(request.body()).ok()?;
    let key = match kind.as_str() {
        "application/dtmf-relay" => body.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?,
        "application/dtmf" => body.trim(),
        _ => return None,
    };
    match key {
        // Some PBXes write the events' numbers.
        "10" => Digit::new('*'),
        "11" => Digit::new('#'),
        _ => {
            let mut keys = key.chars();
            keys.next().filter(|_| keys.next().is_none()).and_then(Digit::new)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(kind: &str, body: &str) -> Option<Digit> {
        let text = format!(
            "INFO sip:hotline@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
             From: <sip:1@127.0.0.1>;tag=a\r\nTo: <sip:hotline@127.0.0.1>;tag=b\r\nCall-ID: c\r\nCSeq: 2 INFO\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        digit(&Request::try_from(text.as_str()).expect("a request"))
    }

    #[test]
    fn keys_of_both_kinds_are_read() {
        assert_eq!(info("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), Digit::new('5'));
        assert_eq!(info("application/dtmf-relay", "Signal= 11\r\nDuration=160"), Digit::new('#'));
        assert_eq!(info("Application/DTMF; charset=utf-8", "*"), Digit::new('*'));
        assert_eq!(info("application/dtmf-relay", "Signal=55"), None);
        assert_eq!(info("text/plain", "Signal=5"), None);
    }
}
