//! What the stack writes in another way than RFC 8760: it knows SHA-256 in challenges and answers as `SHA256`.

use rsipstack::sip::{HasHeaders, Header, HeadersExt, SipMessage};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

/// Translates on the way in and out.
pub(super) struct DigestNames;

impl MessageInspector for DigestNames {
    fn before_send(&self, mut message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        for header in message.headers_mut().iter_mut() {
            match header {
                Header::Authorization(value) => *value = outward(&value_of(&*value)).into(),
                Header::ProxyAuthorization(value) => *value = outward(&value_of(&*value)).into(),
                _ => {}
            }
        }
        message
    }

    fn after_received(&self, mut message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        if message.is_response() && message.cseq_header().is_ok() {
            // Of several challenges (RFC 7616, section 3.7) the first one that can be answered is left: the stack looks at the first alone.
            let mut seen = false;
            message.headers_mut().retain(|header| {
                let challenge = matches!(header, Header::WwwAuthenticate(_) | Header::ProxyAuthenticate(_));
                let keep = !challenge || !seen && answerable(header.value());
                seen |= challenge && keep;
                keep
            });
            for header in message.headers_mut().iter_mut() {
                match header {
                    Header::WwwAuthenticate(value) => *value = inward(&value_of(&*value)).into(),
                    Header::ProxyAuthenticate(value) => *value = inward(&value_of(&*value)).into(),
                    _ => {}
                }
            }
        }
        message
    }
}

fn value_of<'a>(header: &impl rsipstack::sip::UntypedHeader<'a>) -> String {
    header.value().to_owned()
}

fn algorithm(value: &str) -> Option<&str> {
    let start = value.to_ascii_lowercase().find("algorithm=")? + "algorithm=".len();
    value.get(start..)?.split(',').next().map(|name| name.trim().trim_matches('"'))
}

fn answerable(value: &str) -> bool {
    algorithm(value)
        .is_none_or(|name| name.eq_ignore_ascii_case("MD5") || name.eq_ignore_ascii_case("SHA-256"))
}

fn inward(value: &str) -> String {
    match algorithm(value) {
        Some(name) if name.eq_ignore_ascii_case("SHA-256") => value.replace(name, "SHA256"),
        _ => value.to_owned(),
    }
}

fn outward(value: &str) -> String {
    match algorithm(value) {
        Some(name) if name.eq_ignore_ascii_case("SHA256") => value.replace(name, "SHA-256"),
        _ => value.to_owned(),
    }
}
