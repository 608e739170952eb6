//! Setting calls up and ending them.

use std::time::Duration;

use telephone::sip::Settings;
use telephone::{Carrier, Digit, Ended, FromCaller, Rate, ToCaller};
use tokio::net::UdpSocket;

use super::peer::{Dialog, Peer, SOON};
use super::{Fixture, ended, said, settings};

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_call_carries_who_calls_and_sound_both_ways() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let media = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let lines = "X-Call-UUID: b0ea45d5\r\nX-Lang: bo\r\nP-Asserted-Identity: <sip:+8689112345@pbx>\r\n";
    let (mut dialog, answer) = peer.call(lines, media.local_addr().expect("an address").port()).await;
    assert!(answer.header("allow").contains("UPDATE"));
    let mut leg = fixture.leg().await;
    assert_eq!(leg.call.id.as_str(), "b0ea45d5");
    assert_eq!((leg.call.carrier, leg.call.rate), (Carrier::Sip, Rate::Narrow));
    assert_eq!(leg.call.caller.as_deref(), Some("+8689112345"));
    assert_eq!(leg.call.called.as_deref(), Some("12345"));
    assert_eq!(leg.call.variables.get("x-lang").map(String::as_str), Some("bo"));

    let mut packet = [0; 1_500];
    let (length, _) = tokio::time::timeout(SOON, media.recv_from(&mut packet))
        .await
        .expect("sound of ours")
        .expect("received");
    assert!(length > 12 && packet[0] == 0x80 && packet[1] & 0x7f == 8, "RTP with A-law");
    let theirs = answer.media_port();
    let mut rtp = vec![0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
    rtp.extend([0xd5; 160]);
    let hears = async {
        for number in 1..200_u16 {
            rtp[2..4].copy_from_slice(&number.to_be_bytes());
            rtp[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
            media.send_to(&rtp, ("127.0.0.1", theirs)).await.expect("sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = hears => panic!("no sound of the caller"),
        message = leg.from_caller.recv() => assert!(matches!(message, Some(FromCaller::Sound(_))), "{message:?}"),
    }

    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn we_hang_up_when_asked_and_when_the_leg_is_dropped() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    peer.call("", 40_000).await;
    let mut leg = fixture.leg().await;
    leg.to_caller.send(ToCaller::HangUp).await.expect("taken");
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    assert_eq!(ended(&mut leg).await, Ended::ByUs);

    peer.call("", 40_000).await;
    drop(fixture.leg().await);
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_by_info() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let (mut dialog, _) = peer.call("", 40_000).await;
    let mut leg = fixture.leg().await;
    let kind = "Content-Type: application/dtmf-relay\r\n";
    peer.ask("INFO", &mut dialog, kind, "Signal=#\r\nDuration=160\r\n").await;
    assert_eq!(peer.answer("INFO").await.status(), 200);
    assert_eq!(said(&mut leg).await, FromCaller::Digit(Digit::new('#').expect("a key")));
    peer.ask("INFO", &mut dialog, "Content-Type: text/plain\r\n", "hello").await;
    assert_eq!(peer.answer("INFO").await.status(), 415);
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_offer_is_answered_in_the_ack() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let mut dialog = Dialog::new();
    peer.send(&peer.write("INVITE", &dialog, "", "")).await;
    let answer = peer.answer("INVITE").await;
    assert_eq!((answer.status(), answer.body.contains("m=audio")), (200, true));
    dialog.theirs = answer.tag("to");
    peer.send(&peer.write("ACK", &dialog, "", &Peer::description(40_000, ""))).await;
    let mut leg = fixture.leg().await;
    assert_eq!(leg.call.rate, Rate::Narrow);
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);

    // An ACK without an answer ends the call, and the hotline does not hear of it.
    let mut dialog = Dialog::new();
    peer.send(&peer.write("INVITE", &dialog, "", "")).await;
    dialog.theirs = peer.answer("INVITE").await.tag("to");
    peer.send(&peer.write("ACK", &dialog, "", "")).await;
    let bye = peer.request("BYE").await;
    assert!(bye.header("reason").contains("488"));
    peer.respond(&bye, "200 OK", "", "").await;
    fixture.nothing_left().await;
    assert!(fixture.legs.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_may_give_up_while_it_rings() {
    let mut fixture = Fixture::start(Settings { ring: Duration::from_secs(30), ..settings() }).await;
    let peer = Peer::new(fixture.address).await;
    let dialog = Dialog::new();
    peer.send(&peer.write("INVITE", &dialog, "", &Peer::description(40_000, ""))).await;
    peer.until(|message| message.status() == 180).await;
    peer.send(&peer.write("CANCEL", &dialog, "", "")).await;
    assert_eq!(peer.answer("CANCEL").await.status(), 200);
    let refusal = peer.answer("INVITE").await;
    assert_eq!(refusal.status(), 487);
    peer.acknowledge_refusal(&dialog, &refusal).await;
    fixture.nothing_left().await;
    assert!(fixture.legs.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_crosses_the_answer_changes_nothing() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    for early in [true, false] {
        let mut dialog = Dialog::new();
        peer.send(&peer.write("INVITE", &dialog, "", &Peer::description(40_000, ""))).await;
        if early {
            // At once: before or after the 200, whichever the two sides make of it, both agree.
            peer.send(&peer.write("CANCEL", &dialog, "", "")).await;
        }
        let answer = peer.answer("INVITE").await;
        if answer.status() == 487 {
            peer.acknowledge_refusal(&dialog, &answer).await;
            continue;
        }
        assert_eq!(answer.status(), 200);
        if !early {
            peer.send(&peer.write("CANCEL", &dialog, "", "")).await;
            assert_eq!(peer.answer("CANCEL").await.status(), 200);
        }
        dialog.theirs = answer.tag("to");
        peer.send(&peer.write("ACK", &dialog, "", "")).await;
        let mut leg = fixture.leg().await;
        // Whoever cancelled in vain hangs up.
        peer.bye(&mut dialog).await;
        assert_eq!(ended(&mut leg).await, Ended::ByCaller);
    }
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bye_before_the_ack_ends_the_call() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let mut dialog = Dialog::new();
    peer.send(&peer.write("INVITE", &dialog, "", &Peer::description(40_000, ""))).await;
    dialog.theirs = peer.answer("INVITE").await.tag("to");
    peer.bye(&mut dialog).await;
    peer.send(&peer.write("ACK", &dialog, "", "")).await;
    fixture.nothing_left().await;
    assert!(fixture.legs.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_invite_is_one_call() {
    let mut fixture = Fixture::start(Settings { calls_per_second: 1, calls: 1, ..settings() }).await;
    let peer = Peer::new(fixture.address).await;
    let mut dialog = Dialog::new();
    let invite = peer.write("INVITE", &dialog, "", &Peer::description(40_000, ""));
    for _ in 0..3 {
        peer.send(&invite).await;
    }
    let answer = peer.answer("INVITE").await;
    assert_eq!(answer.status(), 200, "a repetition is no flood");
    dialog.theirs = answer.tag("to");
    peer.send(&peer.write("ACK", &dialog, "", "")).await;
    let mut leg = fixture.leg().await;
    peer.send(&invite).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(fixture.legs.try_recv().is_err());
    assert_eq!(fixture.agent.figures().calls, 1);
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_vanishes_is_lost() {
    let mut fixture = Fixture::start(Settings { silence: Duration::from_secs(1), ..settings() }).await;
    let peer = Peer::new(fixture.address).await;
    peer.call("", 40_000).await;
    let mut leg = fixture.leg().await;
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    assert_eq!(ended(&mut leg).await, Ended::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_calls_and_draining_does_not() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let (mut dialog, _) = peer.call("", 40_000).await;
    let mut first = fixture.leg().await;
    peer.call("", 40_000).await;
    let mut second = fixture.leg().await;
    fixture.agent.drain();
    let refused = Dialog::new();
    peer.send(&peer.write("INVITE", &refused, "", &Peer::description(40_000, ""))).await;
    let answer = peer.answer("INVITE").await;
    assert_eq!((answer.status(), answer.header("retry-after")), (503, "5"));
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut first).await, Ended::ByCaller);

    let agent = fixture.agent.clone();
    let stopped = tokio::spawn(async move { agent.stop().await });
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    assert_eq!(ended(&mut second).await, Ended::ByUs);
    tokio::time::timeout(SOON, stopped).await.expect("stops").expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_calls_leave_nothing_behind() {
    // Room for two calls' ports: a port that is not given back ends the test at the third call.
    let own = settings();
    let last_port = own.first_port + 3;
    let mut fixture = Fixture::start(Settings { last_port, calls: 2, ..own }).await;
    let peer = Peer::new(fixture.address).await;
    for number in 0..400 {
        let (mut dialog, _) = peer.call("", 40_000).await;
        let mut leg = fixture.leg().await;
        if number % 2 == 0 {
            peer.bye(&mut dialog).await;
            assert_eq!(ended(&mut leg).await, Ended::ByCaller);
        } else {
            drop(leg);
            let bye = peer.request("BYE").await;
            peer.respond(&bye, "200 OK", "", "").await;
        }
        // The port comes back a moment after the end.
        while fixture.agent.figures().calls > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    fixture.nothing_left().await;
    // Server transactions of INVITEs end with their ACK, those of BYEs with their answer.
    assert!(fixture.agent.figures().transactions < 10, "{:?}", fixture.agent.figures());
}
