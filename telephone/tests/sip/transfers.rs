//! Giving calls to people.

use std::time::Duration;

use telephone::sip::Settings;
use telephone::{Ended, FromCaller, Leg, ToCaller, Transfer};

use super::peer::{Dialog, Message, Peer};
use super::{Fixture, ended, said, settings};

/// A call that is to be given to extension 900, and the REFER that asks for it.
async fn transferred(settings: Settings) -> (Fixture, Peer, Dialog, Leg, Message) {
    let mut fixture = Fixture::start(settings).await;
    let peer = Peer::new(fixture.address).await;
    let (dialog, _) = peer.call("X-Call-UUID: cafe01\r\n", 40_000).await;
    let leg = fixture.leg().await;
    leg.to_caller.send(ToCaller::Transfer { target: String::from("900") }).await.expect("taken");
    let refer = peer.request("REFER").await;
    (fixture, peer, dialog, leg, refer)
}

async fn notify(peer: &Peer, dialog: &mut Dialog, state: &str, status: &str) {
    let lines = format!("Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n");
    peer.ask("NOTIFY", dialog, &lines, &format!("SIP/2.0 {status}\r\n")).await;
    assert_eq!(peer.answer("NOTIFY").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_followed_to_its_end() {
    let (fixture, peer, mut dialog, mut leg, refer) = transferred(settings()).await;
    assert_eq!(refer.header("refer-to"), format!("<sip:900@{}>", peer.local()));
    assert_eq!(refer.header("x-call-uuid"), "cafe01");
    assert_eq!(refer.header("user-to-user"), "636166653031;encoding=hex");
    assert!(!refer.headers.iter().any(|(name, value)| name != "to" && value.contains("13800001234")));
    peer.respond(&refer, "202 Accepted", "", "").await;
    notify(&peer, &mut dialog, "active;expires=60", "100 Trying").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Trying(100)));
    notify(&peer, &mut dialog, "active;expires=60", "180 Ringing").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Trying(180)));
    notify(&peer, &mut dialog, "terminated;reason=noresource", "200 OK").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Done));
    let bye = peer.request("BYE").await;
    peer.respond(&bye, "200 OK", "", "").await;
    assert_eq!(ended(&mut leg).await, Ended::Transferred);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notify_may_come_before_the_answer_to_the_refer() {
    let (fixture, peer, mut dialog, mut leg, refer) = transferred(settings()).await;
    notify(&peer, &mut dialog, "active", "100 Trying").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Trying(100)));
    peer.respond(&refer, "202 Accepted", "", "").await;
    // Whoever has taken it on may hang up without another word.
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::Transferred);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_after_a_transfer_that_failed() {
    let (_fixture, peer, mut dialog, mut leg, refer) = transferred(settings()).await;
    peer.respond(&refer, "202 Accepted", "", "").await;
    notify(&peer, &mut dialog, "terminated;reason=noresource", "486 Busy Here").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Failed(486)));
    // Once more, refused at once.
    leg.to_caller.send(ToCaller::Transfer { target: String::from("sip:901@pbx") }).await.expect("taken");
    let refer = peer.request("REFER").await;
    assert_eq!(refer.header("refer-to"), "<sip:901@pbx>");
    peer.respond(&refer, "403 Forbidden", "", "").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Failed(403)));
    leg.to_caller.send(ToCaller::Transfer { target: String::from("9 0 0\r\n") }).await.expect("taken");
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Failed(400)));
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_of_which_nothing_is_heard_fails() {
    let hasty = Settings { transfer: Duration::from_secs(1), ..settings() };
    let (_fixture, peer, mut dialog, mut leg, refer) = transferred(hasty).await;
    peer.respond(&refer, "202 Accepted", "", "").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Failed(408)));
    // Too late: the hotline has said that it did not work.
    notify(&peer, &mut dialog, "terminated", "486 Busy Here").await;
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}
