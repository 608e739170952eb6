//! Keeping a name registered with a small registrar.

use telephone::sip::{Register, Secret, Settings, Trunk, UserAgent};

use super::peer::{Message, Peer, SOON};
use super::{settings, trunk};

/// Answers a REGISTER without credentials by a challenge; gives back the one with credentials.
async fn challenged(registrar: &Peer) -> Message {
    let first = registrar.request("REGISTER").await;
    assert!(first.find("authorization").is_none());
    let challenge = "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n";
    registrar.respond(&first, "401 Unauthorized", challenge, "").await;
    registrar.until(|message| message.method() == "REGISTER" && message.find("authorization").is_some()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_registered_refreshed_and_taken_back() {
    let mut registrar = Peer::new(([127, 0, 0, 1], 9).into()).await;
    let trunk = Trunk {
        user: String::from("auth"),
        password: Some(Secret::new("geheim")),
        register: Some(Register {
            registrar: registrar.local().to_string(),
            user: String::from("hotline"),
            expires: 600,
        }),
        ..trunk()
    };
    let own = Settings { trunks: vec![trunk], ..settings() };
    let (agent, _legs) = UserAgent::start(own).await.expect("a user agent");
    registrar.agent = agent.addresses()[0].1;

    let register = challenged(&registrar).await;
    assert!(register.header("to").contains("sip:hotline@"), "{register:?}");
    assert!(register.header("authorization").contains("username=\"auth\""));
    assert_eq!(register.header("expires"), "600");
    assert!(register.header("contact").contains("hotline@127.0.0.1"));
    // The registrar is out of order: the next attempt comes after a second.
    registrar.respond(&register, "500 Server Internal Error", "", "").await;
    let register = challenged(&registrar).await;
    // It grants two seconds: refreshed after one and a half.
    registrar.respond(&register, "200 OK", "Expires: 2\r\n", "").await;
    let register = challenged(&registrar).await;
    registrar.respond(&register, "200 OK", "Expires: 600\r\n", "").await;

    let stopping = agent.clone();
    let stopped = tokio::spawn(async move { stopping.stop().await });
    let register = challenged(&registrar).await;
    assert_eq!(register.header("expires"), "0");
    registrar.respond(&register, "200 OK", "", "").await;
    tokio::time::timeout(SOON, stopped).await.expect("stops").expect("stopped");
}
