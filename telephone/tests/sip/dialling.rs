//! Calls that we make.

use std::time::Duration;

use telephone::sip::{Dial, NotDialled, Secret, Settings, Trunk};
use telephone::{CallId, Ended, Leg};
use tokio::task::JoinHandle;

use super::peer::{Message, Peer, SOON};
use super::{Fixture, ended, settings, trunk};

/// A user agent, a PBX that it may call, and the call.
async fn dialled(
    own: Settings,
    timeout: Duration,
) -> (Fixture, Peer, JoinHandle<Result<Leg, NotDialled>>, Message) {
    let mut peer = Peer::new(([127, 0, 0, 1], 9).into()).await;
    let host = Some(peer.local().to_string());
    let trunks = own.trunks.iter().map(|trunk| Trunk { host: host.clone(), ..trunk.clone() }).collect();
    let fixture = Fixture::start(Settings { trunks, ..own }).await;
    peer.agent = fixture.address;
    let agent = fixture.agent.clone();
    let wanted = Dial {
        trunk: String::from("pbx"),
        to: String::from("13800001234"),
        from: Some(String::from("12345")),
        id: "callback-7".parse::<CallId>().expect("an id"),
        headers: vec![(String::from("X-Lang"), String::from("bo"))],
        timeout,
    };
    let call = tokio::spawn(async move { agent.dial(wanted).await });
    let invite = peer.request("INVITE").await;
    (fixture, peer, call, invite)
}

async fn outcome(call: JoinHandle<Result<Leg, NotDialled>>) -> Result<Leg, NotDialled> {
    tokio::time::timeout(SOON, call).await.expect("in time").expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_made_and_ended_by_the_called() {
    let (fixture, peer, call, invite) = dialled(settings(), SOON).await;
    assert!(invite.first.contains("sip:13800001234@"));
    assert!(invite.header("from").contains("sip:12345@"));
    assert_eq!((invite.header("x-call-uuid"), invite.header("x-lang")), ("callback-7", "bo"));
    assert!(invite.body.contains("PCMA"));
    peer.respond_as(&invite, "180 Ringing", ";tag=b", "", "").await;
    peer.respond_as(&invite, "200 OK", ";tag=b", "", &Peer::description(40_000, "")).await;
    let ack = peer.request("ACK").await;
    assert_eq!(ack.tag("to"), "b");
    let mut leg = outcome(call).await.expect("a leg");
    assert_eq!(leg.call.id.as_str(), "callback-7");
    let from = peer.local();
    peer.send(&format!(
        "BYE sip:drilen@{} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKbye\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
         CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        peer.agent,
        ack.header("to"),
        ack.header("from"),
        ack.header("call-id")
    ))
    .await;
    assert_eq!(peer.answer("BYE").await.status(), 200);
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_busy_is_not_answered() {
    let (fixture, peer, call, invite) = dialled(settings(), SOON).await;
    peer.respond(&invite, "486 Busy Here", "", "").await;
    peer.request("ACK").await;
    let refused = outcome(call).await.expect_err("busy");
    assert_eq!(refused, NotDialled::NotAnswered { code: 486 });
    assert_eq!(refused.end().why, Ended::NotAnswered);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_rung_for_ever() {
    let (fixture, peer, call, invite) = dialled(settings(), Duration::from_secs(1)).await;
    peer.respond_as(&invite, "180 Ringing", ";tag=b", "", "").await;
    assert_eq!(outcome(call).await.expect_err("too long"), NotDialled::TimedOut);
    let cancel = peer.request("CANCEL").await;
    assert_eq!(cancel.header("via"), invite.header("via"), "of the same transaction");
    peer.respond_as(&cancel, "200 OK", ";tag=b", "", "").await;
    peer.respond_as(&invite, "487 Request Terminated", ";tag=b", "", "").await;
    peer.request("ACK").await;
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_crosses_our_cancel_is_ended() {
    let (fixture, peer, call, invite) = dialled(settings(), Duration::from_secs(1)).await;
    peer.respond_as(&invite, "180 Ringing", ";tag=b", "", "").await;
    assert_eq!(outcome(call).await.expect_err("too long"), NotDialled::TimedOut);
    let cancel = peer.request("CANCEL").await;
    peer.respond_as(&invite, "200 OK", ";tag=b", "", &Peer::description(40_000, "")).await;
    peer.respond_as(&cancel, "200 OK", ";tag=b", "", "").await;
    peer.request("ACK").await;
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_of_the_pbx_are_answered() {
    for algorithm in ["MD5", "SHA-256"] {
        let secret =
            Trunk { user: String::from("hotline"), password: Some(Secret::new("geheim")), ..trunk() };
        let own = Settings { trunks: vec![secret], ..settings() };
        let (fixture, peer, call, invite) = dialled(own, SOON).await;
        let challenge = format!(
            "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", algorithm=SHA-512-256, qop=\"auth\"\r\n\
             Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n2\", algorithm={algorithm}, qop=\"auth\"\r\n"
        );
        peer.respond(&invite, "407 Proxy Authentication Required", &challenge, "").await;
        peer.request("ACK").await;
        let invite = peer.request("INVITE").await;
        let answer = invite.header("proxy-authorization").to_owned();
        assert!(answer.contains("username=\"hotline\"") && answer.contains("nonce=\"n2\""), "{answer}");
        assert!(answer.contains(&format!("algorithm={algorithm}")), "{answer}");
        peer.respond_as(&invite, "200 OK", ";tag=b", "", &Peer::description(40_000, "")).await;
        peer.request("ACK").await;
        drop(outcome(call).await.expect("a leg"));
        let bye = peer.request("BYE").await;
        peer.respond(&bye, "200 OK", "", "").await;
        fixture.nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_usable_media_is_hung_up() {
    let (fixture, peer, call, invite) = dialled(settings(), SOON).await;
    peer.respond_as(&invite, "200 OK", ";tag=b", "", "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
        .await;
    peer.request("ACK").await;
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    assert!(matches!(outcome(call).await, Err(NotDialled::NoMedia(_))));
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_called_is_said_at_once() {
    let fixture = Fixture::start(settings()).await;
    let wanted = |trunk: &str, to: &str, header: &str| Dial {
        trunk: trunk.to_owned(),
        to: to.to_owned(),
        from: None,
        id: CallId::generate(),
        headers: vec![(header.to_owned(), String::from("1"))],
        timeout: SOON,
    };
    let refused = |dial| async { fixture.agent.dial(dial).await.expect_err("refused") };
    assert_eq!(refused(wanted("other", "1", "X-A")).await, NotDialled::NoTrunk(String::from("other")));
    assert!(matches!(refused(wanted("pbx", "1", "X-A")).await, NotDialled::Malformed(..)), "no host");
    assert!(matches!(
        refused(wanted("pbx", "sip:1@127.0.0.1:9>\r\nA: b", "X-A")).await,
        NotDialled::Malformed(..)
    ));
    assert!(matches!(
        refused(wanted("pbx", "sip:1@127.0.0.1:9", "Subject")).await,
        NotDialled::Malformed(..)
    ));
    fixture.nothing_left().await;
}
