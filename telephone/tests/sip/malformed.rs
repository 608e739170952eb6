//! Broken messages: nothing panics, nothing is stuck.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use telephone::Ended;

use super::peer::{Dialog, Peer};
use super::{Fixture, ended, settings};

/// Valid messages of every kind that is read, to be broken.
fn seeds() -> Vec<String> {
    let via = "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport";
    let rest = "From: \"Caller\" <sip:13800001234@127.0.0.1>;tag=a\r\nTo: <sip:1@127.0.0.1>;tag=b\r\nCall-ID: c@d\r\n\
                Contact: <sip:pbx@127.0.0.1:5070;transport=udp>;expires=60\r\nMax-Forwards: 70";
    let extra = [
        "P-Asserted-Identity: \"A, B\" <sip:+8689112345@pbx;user=phone>, <tel:+868911>\r\nPrivacy: none",
        "Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nSupported: timer, 100rel\r\nRequire: timer",
        "User-to-User: 636166653031;encoding=hex\r\nX-Call-UUID: b0ea45d5\r\nX-Lang: bo\r\nSession-ID: ab;remote=cd",
        "Record-Route: <sip:10.0.0.1;lr>,<sip:10.0.0.2:5080;lr>\r\nRoute: <sip:127.0.0.1;lr>\r\nHistory-Info: <sip:1@x>;index=1",
        "Authorization: Digest username=\"fuzz\", realm=\"drilen\", nonce=\"1-2-3\", uri=\"sip:1@x\", response=\"0\", nc=00000001, \
         cnonce=\"c\", qop=auth, algorithm=MD5",
        "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\", algorithm=SHA-256, qop=\"auth\", stale=true\r\nRSeq: 1\r\nRAck: 1 1 INVITE",
        "Event: refer;id=1\r\nSubscription-State: terminated;reason=noresource\r\nRefer-To: <sip:900@x>",
    ];
    let bodies = [
        (
            "application/sdp",
            Peer::description(4_000, "a=sendonly\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"),
        ),
        ("message/sipfrag", String::from("SIP/2.0 180 Ringing\r\n")),
        ("application/dtmf-relay", String::from("Signal=5\r\nDuration=160\r\n")),
        ("text/plain", String::new()),
    ];
    let mut all = Vec::new();
    for (number, lines) in extra.iter().enumerate() {
        for method in ["INVITE", "BYE", "CANCEL", "ACK", "NOTIFY", "INFO", "UPDATE", "OPTIONS"] {
            let (kind, body) = &bodies[(number + method.len()) % bodies.len()];
            all.push(format!(
                "{method} sip:1@127.0.0.1:5060;user=phone?x=y SIP/2.0\r\n{via}\r\n{rest}\r\nCSeq: 1 {method}\r\n{lines}\r\n\
                 Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
        all.push(format!(
            "SIP/2.0 200 OK\r\n{via}\r\n{rest}\r\nCSeq: 1 INVITE\r\n{lines}\r\nContent-Length: 0\r\n\r\n"
        ));
    }
    all
}

/// One way of breaking a message.
#[derive(Clone, Debug)]
enum Break {
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize, usize),
    Replace(usize, u8),
    End(usize),
}

fn breaks() -> impl Strategy<Value = Break> {
    let at = 0..1_200_usize;
    let pieces = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..8),
        prop::sample::select(
            [
                "\r\n",
                "\r\n\r\n",
                ":",
                ";",
                ",",
                "<",
                ">",
                "\"",
                "@",
                "=",
                "%",
                "%zz",
                "[",
                "]",
                "[::1]",
                "é",
                "ཀ",
                "-1",
                "99999999999999999999",
                "\0",
                " ",
                "\t",
                "?",
                "&",
                "/",
                "sip:",
                "tel:",
                ";tag=",
                ";branch=",
                "\r\n ",
                "*",
            ]
            .map(|text| text.as_bytes().to_vec())
            .to_vec()
        ),
    ];
    prop_oneof![
        (at.clone(), 1..40_usize).prop_map(|(from, length)| Break::Cut(from, length)),
        (at.clone(), pieces).prop_map(|(place, bytes)| Break::Insert(place, bytes)),
        (at.clone(), 1..60_usize, 1..20_usize)
            .prop_map(|(from, length, times)| Break::Repeat(from, length, times)),
        (at.clone(), any::<u8>()).prop_map(|(place, byte)| Break::Replace(place, byte)),
        at.prop_map(Break::End),
    ]
}

fn broken() -> impl Strategy<Value = Vec<u8>> {
    let all = seeds();
    (0..all.len(), prop::collection::vec(breaks(), 1..6)).prop_map(move |(number, breaks)| {
        let mut bytes = all[number].clone().into_bytes();
        for one in breaks {
            let within = |place: usize| place % (bytes.len() + 1);
            match one {
                Break::Cut(from, length) => {
                    let from = within(from);
                    let to = (from + length).min(bytes.len());
                    bytes.drain(from..to);
                }
                Break::Insert(place, piece) => {
                    let place = within(place);
                    bytes.splice(place..place, piece);
                }
                Break::Repeat(from, length, times) => {
                    let from = within(from);
                    let to = (from + length).min(bytes.len());
                    let piece = bytes[from..to].repeat(times);
                    bytes.splice(to..to, piece);
                }
                Break::Replace(place, byte) => {
                    let place = within(place);
                    if let Some(slot) = bytes.get_mut(place) {
                        *slot = byte;
                    }
                }
                Break::End(length) => bytes.truncate(length),
            }
        }
        bytes
    })
}

#[test]
fn nothing_panics_over_a_broken_message() {
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 20_000, ..ProptestConfig::default() });
    let (read, all) = (std::cell::Cell::new(0_u32), std::cell::Cell::new(0_u32));
    let tried = runner.run(&broken(), |bytes| {
        all.set(all.get() + 1);
        read.set(read.get() + u32::from(telephone::sip::probe(&bytes)));
        Ok(())
    });
    tried.expect("no message panics");
    // Cases that are no messages at all would show nothing.
    assert!(read.get() > all.get() / 3, "only {} of {} could be read", read.get(), all.get());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_work_while_broken_messages_come() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let (mut dialog, _) = peer.call("", 40_000).await;
    let mut leg = fixture.leg().await;
    // From an address that is trusted: what a stranger sends does not come that far.
    let noise = Peer::new(fixture.address).await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for number in 0..3_000 {
        let bytes = broken().new_tree(&mut runner).expect("a message").current();
        let bytes = &bytes[..bytes.len().min(60_000)];
        noise.socket.send_to(bytes, noise.agent).await.expect("sent");
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let mut options = Dialog::new();
    options.theirs.clear();
    peer.send(&peer.write("OPTIONS", &options, "", "")).await;
    assert_eq!(peer.answer("OPTIONS").await.status(), 200);
    // Some broken INVITEs are good enough to be answered, and are never acknowledged; they take a place of the hotline's at most.
    while fixture.legs.try_recv().is_ok() {}
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
    let (mut dialog, _) = Peer::new(fixture.address).await.call("", 40_000).await;
    let again = Peer::new(fixture.address).await;
    again.bye(&mut dialog).await;
}
