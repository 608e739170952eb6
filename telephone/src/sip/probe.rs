//! Everything that is read of a message from outside, as a function of its bytes: for fuzzers.

use std::net::{IpAddr, Ipv4Addr};

use rsipstack::sip::{Method, Request, SipMessage, Transport};
use rsipstack::transaction::endpoint::MessageInspector;

use super::description::Descriptions;
use super::digest::Challenger;
use super::gate::Gate;
use super::names::DigestNames;
use super::session_timer::SessionTimer;
use super::settings::{CallerNumber, Secret, Settings, Trunk};
use super::{dtmf_info, identity, incoming, transfer};
use crate::leg::Rate;
use crate::sdp::Local;

/// Reads these bytes as a message, in every way in which messages are read. What a stranger may send must never panic; refusing it is what
/// this is for.
///
/// # Panics
/// Where something is read that must not be: an id or a number that cannot stand in a line of a log.
pub fn probe(bytes: &[u8]) {
    let Some(message) = super::socket::parse(bytes) else { return };
    let settings = Settings {
        trunks: vec![Trunk {
            name: String::from("fuzz"),
            peers: Vec::new(),
            user: String::from("fuzz"),
            password: Some(Secret::new("fuzz")),
            host: None,
            register: None,
            transport: super::Transport::Udp,
        }],
        ..Settings::default()
    };
    match DigestNames.after_received(message, None) {
        SipMessage::Request(request) => requested(&request, settings),
        SipMessage::Response(response) => {
            let _ = SessionTimer::of_response(&response, &settings);
            let _ = DigestNames.before_send(response.clone().into(), None);
            let _ = Descriptions::new(Local::new(([127, 0, 0, 1], 4_000).into())).accept(response.body());
        }
    }
}

fn requested(request: &Request, settings: Settings) {
    let call = identity::call(request, CallerNumber::Asserted, Rate::Narrow);
    assert!(call.id.as_str().parse::<crate::CallId>().is_ok(), "an id that is none");
    let printable =
        |text: &Option<String>| text.as_ref().is_none_or(|text| !text.chars().any(char::is_control));
    assert!(printable(&call.caller) && printable(&call.called), "a number with control characters");
    let _ = SessionTimer::of_request(request, &settings);
    let _ = dtmf_info::digit(request);
    let _ = (transfer::is_about_refer(request), transfer::status(request), transfer::is_last(request));
    let _ = incoming::described(request);
    let _ = Descriptions::new(Local::new(([127, 0, 0, 1], 4_000).into())).answer(request.body());
    if let (Ok(gate), Ok(challenger)) = (Gate::new(settings), Challenger::new()) {
        let _ = gate.judge(request, IpAddr::V4(Ipv4Addr::LOCALHOST), Transport::Udp);
        let header = String::from_utf8_lossy(request.body());
        let _ = challenger.judge(&header, Method::Invite, &gate.settings.trunks[0], "drilen");
    }
}
