//! Giving a call to somebody: REFER (RFC 3515) and what its NOTIFY requests say.

use std::time::Instant;

use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::headers::untyped::ReferTo;
use rsipstack::sip::{Header, HeadersExt, Request, Uri};

use super::contact::{is_uri, plain};
use super::identity::to_user_to_user;
use crate::leg::CallId;

/// A transfer that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transferring {
    /// When it has failed.
    pub(super) until: Instant,
    /// The peer has taken the REFER on.
    pub(super) accepted: bool,
}

/// Where to: a URI stays as it is, an extension is one of the peer's.
pub(super) fn target(target: &str, peer: &Uri) -> Option<ReferTo> {
    if !plain(target) {
        return None;
    }
    if is_uri(target) {
        return Some(ReferTo::from(format!("<{target}>")));
    }
    Some(ReferTo::from(format!("<sip:{target}@{}>", peer.host_with_port)))
}

/// What stands on the REFER beside: the call's id, twice, and who asks. Opaque, nothing about the caller: Asterisk hands both to the dial plan
/// (`GET_TRANSFERRER_DATA`), but drops what is written into the URI.
pub(super) fn headers(id: &CallId, us: &Uri) -> Vec<Header> {
    vec![
        Header::Other(String::from("X-Call-UUID"), id.to_string()),
        Header::UserToUser(to_user_to_user(id).into()),
        Header::ReferredBy(format!("<{us}>").into()),
    ]
}

/// Where the peer is, for extensions of its own.
pub(super) fn peer(dialog: &InviteDialog) -> Option<Uri> {
    rsipstack::dialog::dialog::Dialog::Invite(dialog.clone()).remote_contact()
}

/// Whether a NOTIFY is about a REFER.
pub(super) fn is_about_refer(notify: &Request) -> bool {
    let event = notify.header_value("Event").or_else(|| notify.header_value("o"));
    event.is_some_and(|event| {
        event.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("refer"))
    })
}

/// The status in the fragment of a response (RFC 3420) that a NOTIFY carries.
pub(super) fn status(notify: &Request) -> Option<u16> {
    let text = std::str::from_utf8(notify.body()).ok()?;
    let mut words = text.trim_start().lines().next()?.split_ascii_whitespace();
    words.next().filter(|version| version.eq_ignore_ascii_case("SIP/2.0"))?;
    words.next()?.parse().ok().filter(|code| (100..700).contains(code))
}

/// Whether a NOTIFY says that there will be no other.
pub(super) fn is_last(notify: &Request) -> bool {
    notify
        .header_value("Subscription-State")
        .is_some_and(|state| state.trim_start().to_ascii_lowercase().starts_with("terminated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify(lines: &str, body: &str) -> Request {
        let text = format!(
            "NOTIFY sip:drilen@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
             From: <sip:1@127.0.0.1>;tag=a\r\nTo: <sip:drilen@127.0.0.1>;tag=b\r\nCall-ID: c\r\nCSeq: 2 NOTIFY\r\n\
             {lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Request::try_from(text.as_str()).expect("a request")
    }

    #[test]
    fn fragments_are_read() {
        let request = notify(
            "Event: refer;id=2\r\nSubscription-State: terminated;reason=noresource\r\n",
            "SIP/2.0 200 OK\r\n",
        );
        assert!(is_about_refer(&request) && is_last(&request));
        assert_eq!(status(&request), Some(200));
        assert_eq!(status(&notify("Event: refer\r\n", "SIP/2.0 180 Ringing")), Some(180));
        assert!(!is_last(&notify("o: refer\r\nSubscription-State: active;expires=60\r\n", "")));
        for broken in ["", "SIP/2.0", "SIP/2.0 99999999", "HTTP/1.1 200 OK", "SIP/2.0 -1 x"] {
            assert_eq!(status(&notify("Event: refer\r\n", broken)), None, "{broken}");
        }
        assert!(!is_about_refer(&notify("Event: presence\r\n", "")));
    }

    #[test]
    fn nothing_can_be_smuggled_into_the_target() {
        let peer = Uri::try_from("sip:pbx@10.0.0.1:5080").expect("a URI");
        let text = |wanted: &str| target(wanted, &peer).map(String::from);
        assert_eq!(text("900").as_deref(), Some("<sip:900@10.0.0.1:5080>"));
        assert_eq!(text("sip:agents@pbx;transport=tcp").as_deref(), Some("<sip:agents@pbx;transport=tcp>"));
        for bad in ["", "9 0", "900>\r\nX: y", "sip:a@b\r\nEvil: 1", "<sip:a@b>"] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
