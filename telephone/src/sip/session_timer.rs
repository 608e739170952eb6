//! Session timers, RFC 4028: either side refreshes the session with UPDATE or re-INVITE, and a session that nobody refreshes is over.

use std::time::Duration;

use rsipstack::sip::{HasHeaders, Header, HeadersExt, Request, Response};

use super::settings::Settings;

/// How a session is kept alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionTimer {
    /// The session interval, in seconds.
    pub(super) interval: u32,
    /// Whether we refresh.
    pub(super) ours: bool,
    /// Whether the peer knows of session timers: only then may an answer require them.
    pub(super) known: bool,
}

/// The interval that a peer asks for is below the least: 422.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooSmall;

/// A parsed `Session-Expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expires {
    seconds: u32,
    refresher: Option<Side>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

impl SessionTimer {
    /// What a request that sets a session up or refreshes it leads to, seen by its server: section 9. `None` where neither side wants a timer.
    pub(super) fn of_request(request: &Request, settings: &Settings) -> Result<Option<Self>, TooSmall> {
        let known = lists(request, "timer");
        let least = settings.min_se();
        let wished = u32::try_from(settings.session_timer.as_secs()).unwrap_or(u32::MAX);
        let Some(asked) = expires(request) else {
            return Ok((wished > 0).then_some(Self { interval: wished, ours: true, known }));
        };
        if known && asked.seconds < least {
            return Err(TooSmall);
        }
        // The server may shorten, never below what the request says is the least.
        let floor = least.max(min_se(request).unwrap_or(0));
        let interval = if wished > 0 { asked.seconds.min(wished) } else { asked.seconds }.max(floor);
        let ours = !known || asked.refresher != Some(Side::Client);
        Ok(Some(Self { interval, ours, known }))
    }

    /// What a 2xx to our request leads to, seen by its client: section 7.2.
    pub(super) fn of_response(response: &Response, settings: &Settings) -> Option<Self> {
        let asked = expires(response)?;
        let least = settings.min_se();
        Some(Self {
            interval: asked.seconds.max(least),
            ours: asked.refresher != Some(Side::Server),
            known: true,
        })
    }

    /// The headers of a 2xx.
    pub(super) fn answer(self) -> Vec<Header> {
        let refresher = if self.ours { "uas" } else { "uac" };
        let mut headers =
            vec![Header::SessionExpires(format!("{};refresher={refresher}", self.interval).into())];
        // Section 9: with the client as refresher, the server must require the extension that the client has named.
        if self.known && !self.ours {
            headers.push(Header::Require("timer".into()));
        }
        headers
    }

    /// The headers of a request of ours that sets a session up or refreshes it.
    pub(super) fn ask(self, settings: &Settings) -> Vec<Header> {
        let refresher = if self.ours { "uac" } else { "uas" };
        vec![
            Header::SessionExpires(format!("{};refresher={refresher}", self.interval).into()),
            Header::MinSE(settings.min_se().to_string().into()),
        ]
    }

    /// From the last refresh until we refresh (half of the interval), or give the call up: section 10, a third or 32 s before the interval ends,
    /// whichever is later.
    pub(super) fn due(self) -> Duration {
        let interval = Duration::from_secs(u64::from(self.interval));
        if self.ours {
            interval / 2
        } else {
            interval.saturating_sub((interval / 3).min(Duration::from_secs(32)))
        }
    }
}

fn lists(request: &Request, token: &str) -> bool {
    request.header_contains_token("Supported", token) || request.header_contains_token("Require", token)
}

fn expires(message: &impl HasHeaders) -> Option<Expires> {
    let value = header(message, "session-expires", "x")?;
    let mut parts = value.split(';').map(str::trim);
    let seconds = parts.next()?.parse().ok()?;
    let refresher = parts.find_map(|part| {
        let (name, side) = part.split_once('=')?;
        match (name.trim().to_ascii_lowercase().as_str(), side.trim().to_ascii_lowercase().as_str()) {
            ("refresher", "uac") => Some(Side::Client),
            ("refresher", "uas") => Some(Side::Server),
            _ => None,
        }
    });
    Some(Expires { seconds, refresher })
}

fn min_se(message: &impl HasHeaders) -> Option<u32> {
    header(message, "min-se", "min-se")?.split(';').next()?.trim().parse().ok()
}

fn header<'a>(message: &'a impl HasHeaders, name: &str, short: &str) -> Option<&'a str> {
    message
        .headers()
        .iter()
        .find(|header| header.name().eq_ignore_ascii_case(name) || header.name().eq_ignore_ascii_case(short))
        .map(Header::value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &str) -> Request {
        let text = format!(
            "INVITE sip:hotline@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
             From: <sip:1@127.0.0.1>;tag=a\r\nTo: <sip:hotline@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{lines}\
             Content-Length: 0\r\n\r\n"
        );
        Request::try_from(text.as_str()).expect("a request")
    }

    fn wishing(seconds: u64) -> Settings {
        Settings { session_timer: Duration::from_secs(seconds), ..Settings::default() }
    }

    #[test]
    fn the_client_refreshes_where_it_says_so() {
        let request = request("Supported: timer\r\nSession-Expires: 1200;refresher=uac\r\nMin-SE: 120\r\n");
        let timer = SessionTimer::of_request(&request, &wishing(100)).expect("long enough").expect("a timer");
        assert_eq!(timer, SessionTimer { interval: 120, ours: false, known: true });
        assert_eq!(timer.due(), Duration::from_secs(120 - 32));
        assert!(timer.answer().iter().any(|header| matches!(header, Header::Require(_))));
    }

    #[test]
    fn we_refresh_where_the_client_knows_no_timers() {
        let timer = SessionTimer::of_request(&request(""), &wishing(1800)).expect("fine").expect("a timer");
        assert_eq!(timer, SessionTimer { interval: 1800, ours: true, known: false });
        assert_eq!(timer.due(), Duration::from_secs(900));
        assert_eq!(SessionTimer::of_request(&request(""), &wishing(0)), Ok(None));
    }

    #[test]
    fn an_interval_below_ninety_seconds_is_too_small() {
        let request = request("Supported: timer\r\nx: 30\r\n");
        assert_eq!(SessionTimer::of_request(&request, &wishing(1800)), Err(TooSmall));
    }
}
