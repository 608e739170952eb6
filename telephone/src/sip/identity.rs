//! Who calls whom, as the headers of an INVITE say.

use std::collections::BTreeMap;

use rsipstack::sip::{HasHeaders, Header, HeadersExt, Request, Uri};

use super::settings::CallerNumber;
use crate::leg::{Call, CallId, Carrier, Rate};

/// The most `X-` headers that are taken over, and the longest value in bytes: what a PBX sends, and no more than fits a datagram.
const MOST_VARIABLES: usize = 64;
const LONGEST_VALUE: usize = 1_024;
/// The longest number or extension, in characters: E.164 has 15 digits, names of extensions are longer.
const LONGEST_NUMBER: usize = 64;

/// What an INVITE says of its call; the rate is known only after the answer.
pub(super) fn call(request: &Request, policy: CallerNumber, rate: Rate) -> Call {
    Call {
        id: call_id(request),
        carrier: Carrier::Sip,
        caller: caller(request, policy),
        called: number(&request.uri),
        rate,
        variables: variables(request),
    }
}

/// `X-Call-UUID`, `X-Call-ID` or `User-to-User` where they hold an id, else SIP's own `Call-ID`, else a new one.
pub(super) fn call_id(request: &Request) -> CallId {
    let named =
        ["X-Call-UUID", "X-Call-ID"].into_iter().find_map(|name| request.header_value(name)?.parse().ok());
    named
        .or_else(|| user_to_user(&request.header_value("User-to-User")?))
        .or_else(|| request.call_id_header().ok()?.value().parse().ok())
        .unwrap_or_else(CallId::generate)
}

/// The id in a `User-to-User` header (RFC 7433): hexadecimal of its characters, as we send it, or an id itself.
fn user_to_user(value: &str) -> Option<CallId> {
    let mut parts = value.split(';').map(str::trim);
    let data = parts.next()?.trim_matches('"');
    let hexadecimal = parts.any(|part| part.eq_ignore_ascii_case("encoding=hex"));
    let decoded = hexadecimal.then(|| from_hex(data)).flatten().and_then(|text| text.parse().ok());
    decoded.or_else(|| data.parse().ok())
}

fn from_hex(digits: &str) -> Option<String> {
    let nibbles: Option<Vec<u8>> = digits.chars().map(|c| c.to_digit(16).map(|value| value as u8)).collect();
    let nibbles = nibbles.filter(|all| all.len() % 2 == 0)?;
    String::from_utf8(nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()).ok()
}

/// An id as `User-to-User` carries it.
pub(super) fn to_user_to_user(id: &CallId) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(id.as_str().len() * 2 + 13);
    for byte in id.as_str().bytes() {
        write!(text, "{byte:02x}").expect("texts take everything");
    }
    text.push_str(";encoding=hex");
    text
}

fn caller(request: &Request, policy: CallerNumber) -> Option<String> {
    if policy == CallerNumber::Withheld {
        return None;
    }
    // RFC 3325, section 9.3 and RFC 3323: whoever asks for privacy has no number, whatever the other headers say.
    let hidden = request.header_value("Privacy").is_some_and(|value| {
        value.split([';', ',']).any(|word| matches!(word.trim(), "id" | "user" | "header"))
    });
    if hidden {
        return None;
    }
    let from = || number(&request.from_header().ok()?.uri().ok()?);
    let asserted = || number(&uri_of(&request.header_value("P-Asserted-Identity")?)?);
    match policy {
        CallerNumber::Asserted => asserted().or_else(from),
        CallerNumber::From | CallerNumber::Withheld => from(),
    }
}

/// The URI in `"Name" <sip:1@host>, <tel:…>` or in `sip:1@host`.
fn uri_of(value: &str) -> Option<Uri> {
    let inner = match value.split_once('<') {
        Some((_, rest)) => rest.split_once('>')?.0,
        None => value.split([',', ';']).next()?,
    };
    Uri::try_from(inner.trim()).ok()
}

/// The number or extension in a URI; `None` for anonymous ones.
fn number(uri: &Uri) -> Option<String> {
    let user = match uri.user() {
        Some(user) => user.to_owned(),
        // `tel:+86…` has no host: the number stands where the host would.
        None if uri.scheme.as_ref().is_some_and(|scheme| scheme.to_string() == "tel") => {
            uri.host_with_port.host.to_string()
        }
        None => return None,
    };
    let host = uri.host_with_port.host.to_string();
    let user = user.split(';').next().unwrap_or_default();
    let hidden = ["anonymous", "unavailable", "restricted", "unknown"];
    let withheld = user.is_empty()
        || hidden.iter().any(|word| user.eq_ignore_ascii_case(word))
        || host.eq_ignore_ascii_case("anonymous.invalid");
    let plain = user.len() <= LONGEST_NUMBER && user.chars().all(|c| !c.is_control());
    (!withheld && plain).then(|| user.to_owned())
}

/// Whether a peer takes UPDATE (RFC 3311), as its `Allow` says.
pub(super) fn allows_update(message: &impl HasHeaders) -> bool {
    message.headers().iter().any(|header| {
        matches!(header, Header::Allow(_))
            && header.value().split(',').any(|method| method.trim() == "UPDATE")
    })
}

fn variables(request: &Request) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for header in request.headers().iter() {
        let Header::Other(name, value) = header else { continue };
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-") && value.len() <= LONGEST_VALUE && variables.len() < MOST_VARIABLES {
            variables.entry(name).or_insert_with(|| value.trim().to_owned());
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(lines: &str) -> Request {
        let from = if lines.contains("From:") { "" } else { "From: <sip:13800001234@10.0.0.9>;tag=a\r\n" };
        let text = format!(
            "INVITE sip:12345@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n{from}\
             To: <sip:12345@127.0.0.1>\r\nCall-ID: 7@pbx\r\nCSeq: 1 INVITE\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        Request::try_from(text.as_str()).expect("a request")
    }

    fn read(lines: &str) -> Call {
        call(&invite(lines), CallerNumber::Asserted, Rate::Narrow)
    }

    #[test]
    fn the_id_is_the_pbx_s_where_it_names_one() {
        assert_eq!(read("").id.as_str(), "7@pbx");
        assert_eq!(read("X-Call-UUID: b0ea45d5\r\n").id.as_str(), "b0ea45d5");
        assert_eq!(read("x-call-id: 99\r\nUser-to-User: 41\r\n").id.as_str(), "99");
        assert_eq!(read("User-to-User: 6162;encoding=hex\r\n").id.as_str(), "ab");
        assert_eq!(read("User-to-User: cafe01;encoding=hex\r\n").id.as_str(), "cafe01");
        assert_eq!(read("X-Call-UUID: two words\r\n").id.as_str(), "7@pbx");
    }

    #[test]
    fn an_id_comes_back_from_what_is_sent() {
        let id: CallId = "b0ea45d5-1".parse().expect("an id");
        assert_eq!(user_to_user(&to_user_to_user(&id)), Some(id));
    }

    #[test]
    fn numbers_are_asserted_or_from_and_private_ones_are_none() {
        assert_eq!(read("").caller.as_deref(), Some("13800001234"));
        assert_eq!(read("").called.as_deref(), Some("12345"));
        let asserted = "P-Asserted-Identity: \"A, B\" <sip:+8689112345@pbx;user=phone>, <tel:+868911>\r\n";
        assert_eq!(read(asserted).caller.as_deref(), Some("+8689112345"));
        assert_eq!(
            read("P-Asserted-Identity: <tel:+8613800001234>\r\n").caller.as_deref(),
            Some("+8613800001234")
        );
        assert_eq!(read(&format!("{asserted}Privacy: id\r\n")).caller, None);
        let anonymous = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=a\r\n";
        assert_eq!(read(anonymous).caller, None);
        let from = call(&invite(asserted), CallerNumber::From, Rate::Narrow);
        assert_eq!(from.caller.as_deref(), Some("13800001234"));
    }

    #[test]
    fn headers_of_the_pbx_become_variables() {
        let call = read("X-Lang: bo\r\nX-LANG: zh\r\nSubject: no\r\n");
        assert_eq!(call.variables, BTreeMap::from([(String::from("x-lang"), String::from("bo"))]));
    }
}
