//! Requests inside a call: hold, new codecs, session timers.

use std::time::Duration;

use telephone::sip::Settings;
use telephone::{Ended, FromCaller};
use tokio::net::UdpSocket;

use super::peer::{Dialog, Peer, SOON};
use super::{Fixture, ended, said, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_held_and_taken_up_again() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let (mut dialog, first) = peer.call("", 40_000).await;
    let mut leg = fixture.leg().await;
    let ways = [("a=sendonly\r\n", "recvonly"), ("a=inactive\r\n", "inactive")];
    for (attribute, answered) in ways {
        renew(&peer, &mut dialog, &Peer::description(40_000, attribute), &format!("a={answered}")).await;
        assert_eq!(said(&mut leg).await, FromCaller::Held(true));
        let resumed = renew(&peer, &mut dialog, &Peer::description(40_000, ""), "a=sendrecv").await;
        assert_eq!(resumed.media_port(), first.media_port(), "the same call, the same port");
        assert_eq!(said(&mut leg).await, FromCaller::Held(false));
    }
    let old = Peer::description(40_000, "").replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    renew(&peer, &mut dialog, &old, "m=audio").await;
    assert_eq!(said(&mut leg).await, FromCaller::Held(true));
    // Taken up without an offer: ours comes with the 200, the peer's answer with the ACK.
    peer.ask("INVITE", &mut dialog, "", "").await;
    let offer = peer.answer("INVITE").await;
    assert_eq!(offer.status(), 200);
    peer.send(&peer.write("ACK", &dialog, "", &Peer::description(40_000, ""))).await;
    assert_eq!(said(&mut leg).await, FromCaller::Held(false));
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

/// Sends a re-INVITE, acknowledges its answer, and looks for a text in it.
async fn renew(peer: &Peer, dialog: &mut Dialog, body: &str, wanted: &str) -> super::peer::Message {
    peer.ask("INVITE", dialog, "", body).await;
    let answer = peer.answer("INVITE").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.body.contains(wanted), "{wanted} in {}", answer.body);
    peer.send(&peer.write("ACK", dialog, "", "")).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn another_codec_is_taken_and_an_impossible_one_leaves_the_call_as_it_is() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let media = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let port = media.local_addr().expect("an address").port();
    let (mut dialog, first) = peer.call("", port).await;
    let mut leg = fixture.leg().await;
    heard(&media, 8).await;
    let ulaw = Peer::description(port, "").replace("RTP/AVP 8", "RTP/AVP 0").replace("8 PCMA", "0 PCMU");
    let renewed = renew(&peer, &mut dialog, &ulaw, "PCMU").await;
    heard(&media, 0).await;
    let version = |message: &super::peer::Message| {
        let line = message.body.lines().find(|line| line.starts_with("o=")).expect("an origin").to_owned();
        line.split(' ').nth(2).and_then(|number| number.parse::<u64>().ok()).expect("a version")
    };
    assert_eq!(version(&renewed), version(&first) + 1, "another description has another version");
    let again = renew(&peer, &mut dialog, &ulaw, "PCMU").await;
    assert_eq!(version(&again), version(&renewed), "the same one keeps it");
    // G.722 is spoken, but the leg has 8 kHz.
    let wide = ulaw.replace("RTP/AVP 0", "RTP/AVP 9").replace("0 PCMU", "9 G722");
    peer.ask("INVITE", &mut dialog, "", &wide).await;
    let refusal = peer.answer("INVITE").await;
    assert_eq!(refusal.status(), 488);
    peer.send(&peer.write("ACK", &dialog, "", "")).await;
    peer.ask("OPTIONS", &mut dialog, "", "").await;
    assert_eq!(peer.answer("OPTIONS").await.status(), 200);
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

/// Waits for a packet with this payload type.
async fn heard(media: &UdpSocket, payload_type: u8) {
    let mut packet = [0; 1_500];
    let wanted =
        async { while media.recv_from(&mut packet).await.is_ok_and(|_| packet[1] & 0x7f != payload_type) {} };
    tokio::time::timeout(SOON, wanted).await.expect("a packet of that type in time");
}

/// Settings with sessions of seconds.
fn hasty(seconds: u64) -> Settings {
    Settings {
        session_timer: Duration::from_secs(seconds),
        least_session: Duration::from_secs(1),
        ..settings()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_peer_does_not_refresh_is_over() {
    let mut fixture = Fixture::start(hasty(3)).await;
    let peer = Peer::new(fixture.address).await;
    let lines = "Supported: timer\r\nSession-Expires: 3;refresher=uac\r\n";
    let (mut dialog, answer) = peer.call(lines, 40_000).await;
    assert_eq!(answer.header("session-expires"), "3;refresher=uac");
    assert_eq!(answer.header("require"), "timer");
    let mut leg = fixture.leg().await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        peer.ask("UPDATE", &mut dialog, lines, "").await;
        let answer = peer.answer("UPDATE").await;
        assert_eq!((answer.status(), answer.header("session-expires")), (200, "3;refresher=uac"));
    }
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    assert_eq!(ended(&mut leg).await, Ended::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn we_refresh_the_session_by_update_or_invite() {
    let mut fixture = Fixture::start(hasty(2)).await;
    let peer = Peer::new(fixture.address).await;
    let (mut dialog, answer) = peer.call("Allow: INVITE, UPDATE\r\nSupported: timer\r\n", 40_000).await;
    assert_eq!(answer.header("session-expires"), "2;refresher=uas");
    let mut leg = fixture.leg().await;
    let update = peer.request("UPDATE").await;
    assert_eq!(update.header("session-expires"), "2;refresher=uac");
    peer.respond(&update, "200 OK", "Session-Expires: 2;refresher=uac\r\n", "").await;
    // The peer does not know it after all: a re-INVITE follows at once.
    let update = peer.request("UPDATE").await;
    peer.respond(&update, "405 Method Not Allowed", "", "").await;
    let invite = peer.request("INVITE").await;
    assert!(invite.body.contains("m=audio"));
    peer.respond(&invite, "200 OK", "", &Peer::description(40_000, "")).await;
    peer.request("ACK").await;
    let invite = peer.request("INVITE").await;
    peer.respond(&invite, "481 Call Does Not Exist", "", "").await;
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "481 Call Does Not Exist", "", "").await;
    assert_eq!(ended(&mut leg).await, Ended::Lost);
    dialog.sequence += 1;
    fixture.nothing_left().await;
}
