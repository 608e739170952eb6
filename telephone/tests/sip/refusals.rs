//! What is refused, and that nothing else suffers.

use rsipstack::dialog::authenticate::compute_digest;
use rsipstack::sip::Method;
use rsipstack::sip::headers::auth::{Algorithm, AuthQop};
use telephone::sip::{Secret, Settings, Trunk};
use telephone::{Ended, FromCaller, ToCaller, Transfer};

use super::peer::{Dialog, Message, Peer};
use super::{Fixture, ended, said, settings, trunk};

/// Sends an INVITE and takes its final answer; acknowledges a refusal.
async fn try_call(peer: &Peer, lines: &str, body: &str) -> (Dialog, Message) {
    let mut dialog = Dialog::new();
    peer.send(&peer.write("INVITE", &dialog, lines, body)).await;
    let answer = peer.answer("INVITE").await;
    if answer.status() >= 300 {
        peer.acknowledge_refusal(&dialog, &answer).await;
    } else {
        dialog.theirs = answer.tag("to");
        peer.send(&peer.write("ACK", &dialog, "", "")).await;
    }
    (dialog, answer)
}

fn sdp() -> String {
    Peer::description(40_000, "")
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_whatever_they_ask() {
    let mut fixture = Fixture::start(settings()).await;
    let stranger = Peer::at(fixture.address, "127.0.0.2:0").await;
    assert_eq!(try_call(&stranger, "", &sdp()).await.1.status(), 403);
    let dialog = Dialog::new();
    for method in ["OPTIONS", "REGISTER", "BYE", "NOTIFY"] {
        stranger.send(&stranger.write(method, &dialog, "", "")).await;
        assert_eq!(stranger.answer(method).await.status(), 403, "{method}");
    }
    assert!(fixture.legs.try_recv().is_err());
    assert_eq!(fixture.agent.figures().transactions, 0, "refusals keep nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_done_is_said() {
    let fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let mut dialog = Dialog::new();
    peer.send(&peer.write("OPTIONS", &dialog, "", "")).await;
    let answer = peer.answer("OPTIONS").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.header("allow").contains("INVITE"));
    for method in ["REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "REFER"] {
        peer.send(&peer.write(method, &Dialog::new(), "", "")).await;
        assert_eq!(peer.answer(method).await.status(), 405, "{method}");
    }
    dialog.theirs = String::from("unknown");
    peer.send(&peer.write("BYE", &dialog, "", "")).await;
    assert_eq!(peer.answer("BYE").await.status(), 481);
    let (_, answer) = try_call(&peer, "Require: timer, replaces\r\n", &sdp()).await;
    assert_eq!((answer.status(), answer.header("unsupported")), (420, "replaces"));
    let (_, answer) = try_call(&peer, "", &sdp().replace("8 101", "18").replace("8 PCMA", "18 G729")).await;
    assert_eq!(answer.status(), 488);
    let (_, answer) = try_call(&peer, "", "v=nonsense").await;
    assert_eq!(answer.status(), 400);
    let (_, answer) = try_call(&peer, "Content-Type: multipart/mixed;boundary=x\r\n", "--x").await;
    assert_eq!(answer.status(), 415);
    let (_, answer) = try_call(&peer, "Supported: timer\r\nSession-Expires: 30\r\n", &sdp()).await;
    assert_eq!((answer.status(), answer.header("min-se")), (422, "90"));
    fixture.nothing_left().await;
}

/// An `Authorization` for the challenge.
fn authorization(challenge: &Message, password: &str) -> String {
    let value = challenge.header("www-authenticate");
    let nonce = value.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce");
    let qop = AuthQop::Auth { cnonce: String::from("abc"), nc: 1 };
    let uri = "sip:12345@pbx";
    let response = compute_digest(
        "hotline",
        password,
        "drilen",
        nonce,
        &Method::Invite,
        uri,
        Algorithm::Md5,
        Some(&qop),
    );
    format!(
        "Authorization: Digest username=\"hotline\", realm=\"drilen\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abc\"\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_with_a_password_is_challenged() {
    let secret = Trunk { user: String::from("hotline"), password: Some(Secret::new("geheim")), ..trunk() };
    let anywhere = Trunk { name: String::from("mobile"), peers: Vec::new(), ..secret.clone() };
    for trunk in [secret, anywhere] {
        let mut fixture = Fixture::start(Settings { trunks: vec![trunk], ..settings() }).await;
        let peer = Peer::new(fixture.address).await;
        let (_, challenge) = try_call(&peer, "", &sdp()).await;
        assert_eq!(challenge.status(), 401);
        let (_, refusal) = try_call(&peer, &authorization(&challenge, "falsch"), &sdp()).await;
        assert_eq!(refusal.status(), 403);
        let (_, challenge) = try_call(&peer, "", &sdp()).await;
        let right = authorization(&challenge, "geheim");
        let (mut dialog, answer) = try_call(&peer, &right, &sdp()).await;
        assert_eq!(answer.status(), 200);
        let mut leg = fixture.leg().await;
        let (_, again) = try_call(&peer, &right, &sdp()).await;
        assert_eq!(again.status(), 401, "an answer counts once");
        assert!(again.header("www-authenticate").contains("stale=true"));
        peer.bye(&mut dialog).await;
        assert_eq!(ended(&mut leg).await, Ended::ByCaller);
        let (_, none) = try_call(&peer, "Authorization: Digest username=\"nobody\"\r\n", &sdp()).await;
        assert_eq!(none.status(), 403);
        fixture.nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_wants_a_password_need_not_give_one() {
    let provider = Trunk {
        user: String::from("hotline"),
        password: Some(Secret::new("geheim")),
        challenge: false,
        ..trunk()
    };
    let mut fixture = Fixture::start(Settings { trunks: vec![provider], ..settings() }).await;
    let peer = Peer::new(fixture.address).await;
    let (mut dialog, answer) = try_call(&peer, "", &sdp()).await;
    assert_eq!(answer.status(), 200);
    let mut leg = fixture.leg().await;
    // Requests of ours inside the call may be challenged all the same.
    leg.to_caller.send(ToCaller::Transfer { target: String::from("900") }).await.expect("taken");
    let refer = peer.request("REFER").await;
    let challenge = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n\", algorithm=MD5\r\n";
    peer.respond(&refer, "407 Proxy Authentication Required", challenge, "").await;
    let refer = peer.request("REFER").await;
    assert!(refer.header("proxy-authorization").contains("username=\"hotline\""));
    peer.respond(&refer, "603 Decline", "", "").await;
    assert_eq!(said(&mut leg).await, FromCaller::Transfer(Transfer::Failed(603)));
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
    let stranger = Peer::at(fixture.address, "127.0.0.2:0").await;
    assert_eq!(try_call(&stranger, "", &sdp()).await.1.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_refused_and_disturbs_nobody() {
    let mut fixture = Fixture::start(Settings { calls_per_second: 5, ..settings() }).await;
    let caller = Peer::new(fixture.address).await;
    let (mut dialog, _) = caller.call("", 40_000).await;
    let mut leg = fixture.leg().await;
    let flooder = Peer::new(fixture.address).await;
    for _ in 0..200 {
        let dialog = Dialog::new();
        flooder.send(&flooder.write("INVITE", &dialog, "", &sdp())).await;
    }
    let (mut taken, mut refused) = (0, 0);
    while let Some(message) = flooder.receive_within(std::time::Duration::from_millis(400)).await {
        match (message.status(), message.method()) {
            (200, "INVITE") => taken += 1,
            (503, "INVITE") => {
                refused += 1;
                assert_eq!(message.header("retry-after"), "5");
            }
            _ => {}
        }
    }
    // The unacknowledged 200s are repeated: the number of messages is no number of calls.
    assert!(taken > 0 && refused >= 100, "{taken} and {refused}");
    assert!(fixture.agent.figures().calls <= 12, "{:?}", fixture.agent.figures());
    caller.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_allowed_are_told_to_come_back() {
    let mut fixture = Fixture::start(Settings { calls: 1, ..settings() }).await;
    let peer = Peer::new(fixture.address).await;
    let (mut dialog, _) = peer.call("", 40_000).await;
    let mut leg = fixture.leg().await;
    let (_, answer) = try_call(&peer, "", &sdp()).await;
    assert_eq!((answer.status(), answer.header("retry-after")), (503, "5"));
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
    fixture.nothing_left().await;
    let (mut dialog, answer) = try_call(&peer, "", &sdp()).await;
    assert_eq!(answer.status(), 200);
    let mut leg = fixture.leg().await;
    peer.bye(&mut dialog).await;
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hotline_that_takes_no_calls_answers_none() {
    let fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    let mut answered = 0;
    for _ in 0..16 {
        let (_, answer) = try_call(&peer, "", &sdp()).await;
        match answer.status() {
            200 => answered += 1,
            503 => {}
            status => panic!("{status}"),
        }
    }
    // A call that was acknowledged a moment ago is not counted yet.
    assert!((8..12).contains(&answered), "about as many as may wait for the hotline, not {answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_only_ring_keep_nobody_out() {
    let ring = std::time::Duration::from_secs(1);
    let mut fixture = Fixture::start(Settings { ring, ..settings() }).await;
    let peer = Peer::new(fixture.address).await;
    for _ in 0..20 {
        peer.send(&peer.write("INVITE", &Dialog::new(), "", &sdp())).await;
    }
    let mut answered = std::collections::BTreeSet::new();
    while answered.len() < 20 {
        let answer = peer.answer("INVITE").await;
        assert_eq!(answer.status(), 200);
        let acknowledged = Dialog {
            call_id: answer.header("call-id").to_owned(),
            ours: answer.tag("from"),
            theirs: answer.tag("to"),
            ..Dialog::new()
        };
        peer.send(&peer.write("ACK", &acknowledged, "", "")).await;
        // Repetitions until the ACK are other messages of the same call.
        if answered.insert(acknowledged.call_id) {
            drop(fixture.leg().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes more than a minute: the stack keeps transactions for 32 s"]
async fn everything_is_forgotten_in_the_end() {
    let mut fixture = Fixture::start(settings()).await;
    let peer = Peer::new(fixture.address).await;
    for number in 0..300 {
        let dialog = Dialog::new();
        // Refused and acknowledged, refused and never acknowledged, answered and never acknowledged, cancelled.
        match number % 4 {
            0 => drop(try_call(&peer, "", "v=nonsense").await),
            1 => peer.send(&peer.write("INVITE", &dialog, "", "v=nonsense")).await,
            2 => peer.send(&peer.write("INVITE", &dialog, "", &sdp())).await,
            _ => {
                peer.send(&peer.write("INVITE", &dialog, "", &sdp())).await;
                peer.send(&peer.write("CANCEL", &dialog, "", "")).await;
            }
        }
        while fixture.legs.try_recv().is_ok() {}
    }
    // 32 s until it is clear that no ACK comes, 32 s more for the BYE that nobody answers, and 32 s for what is kept for repetitions.
    let mut last = fixture.agent.figures();
    for _ in 0..110 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        last = fixture.agent.figures();
        if (last.calls, last.dialogs, last.transactions, last.kept, last.tasks) == (0, 0, 0, 0, 0) {
            return;
        }
    }
    panic!("something is kept: {last:?}");
}
