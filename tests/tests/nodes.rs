//! Two servers on one PostgreSQL: a citizen on the one, an agent on the other, and one of them going away.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::time::{Duration, Instant};

use end_to_end::{Desk, ServerProcess, ServerSettings, Shared};
use examples::cluster::Cluster;
use examples::{Client, Message, StartOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Town {
    one: ServerProcess,
    two: ServerProcess,
    _cluster: Cluster,
    _keys: TempDir,
}

impl Town {
    async fn new() -> Self {
        let cluster = Cluster::start("").unwrap();
        let keys = tempfile::tempdir().unwrap();
        let shared = Shared { database: cluster.database().unwrap(), key_file: keys.path().join("town.key") };
        // One after the other: on a machine that one of them has, the first makes the key.
        let settings = ServerSettings { shared: Some(shared), ..ServerSettings::default() };
        let one = ServerProcess::start(&settings).await.unwrap();
        let two = ServerProcess::start(&settings).await.unwrap();
        Self { one, two, _cluster: cluster, _keys: keys }
    }

    /// An agent who is logged in at the second node.
    async fn agent(&self) -> Desk {
        let password = self.one.add_agent("卓玛").unwrap();
        Desk::login_anew(&self.two, "卓玛", &password).await.unwrap()
    }
}

/// The next event or signal of a type.
async fn until(client: &mut Client, kind: &str) -> Value {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "no {kind} came");
        match client.next_within(Duration::from_secs(30)).await.unwrap() {
            Message::Json(message) if message["type"] == kind => return message,
            Message::Json(_) | Message::Audio(_) => {}
            Message::Closed(code) => panic!("closed with {code} while waiting for {kind}"),
        }
    }
}

async fn until_closed(client: &mut Client) -> u16 {
    loop {
        match client.next_within(Duration::from_secs(30)).await.unwrap() {
            Message::Closed(code) => return code,
            Message::Json(_) | Message::Audio(_) => {}
        }
    }
}

async fn waiting(desk: &Desk, conversation: &str) {
    let begun = Instant::now();
    loop {
        let lists = desk.get("queue").await.unwrap();
        let waits =
            lists["waiting"].as_array().unwrap().iter().any(|item| item["conversation"] == conversation);
        if waits {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{conversation} is not in the list of the other node"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_citizen_and_an_agent_talk_across_nodes_and_go_on_when_one_is_gone() {
    let mut town = Town::new().await;
    let desk = town.agent().await;
    let mut client = Client::connect(&town.one.portal()).await.unwrap();
    let welcome = client.start(&StartOptions::text("zh")).await.unwrap();
    let conversation = welcome["conversation"].as_str().unwrap().to_owned();
    client.send(json!({"type": "text", "id": "q1", "text": "身份证丢了怎么补办"})).await.unwrap();
    until(&mut client, "answer").await;
    client.send(json!({"type": "person", "id": "p1"})).await.unwrap();
    until(&mut client, "escalated").await;
    waiting(&desk, &conversation).await;
    let (status, _) = desk.post(&format!("conversations/{conversation}/claim"), json!({})).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(until(&mut client, "agent_joined").await["agent"]["name"], "卓玛");
    let say = |text: &str| json!({"id": format!("a-{text}"), "text": text});
    let messages = format!("conversations/{conversation}/messages");
    assert_eq!(desk.post(&messages, say("您好")).await.unwrap().0, 200);
    assert_eq!(until(&mut client, "agent_message").await["text"], "您好");

    // The citizen's node is killed. At the other one they have everything from where they were.
    let (token, seen) = (client.token.clone().unwrap(), client.last_seq);
    town.one.kill().unwrap();
    assert_eq!(desk.post(&messages, say("还在吗")).await.unwrap().0, 200, "nobody there, and it is kept");
    let mut again = Client::connect(&town.two.portal()).await.unwrap();
    again.resume(&token, seen).await.unwrap();
    assert_eq!(until(&mut again, "agent_message").await["text"], "还在吗");
    again.send(json!({"type": "text", "id": "c2", "text": "在"})).await.unwrap();
    let view = desk.get(&format!("conversations/{conversation}")).await.unwrap();
    assert!(view.to_string().contains("还在吗"));

    // It comes back, and the citizen connects there: the connection at the other node is over.
    town.one.restart().await.unwrap();
    let mut third = Client::connect(&town.one.portal()).await.unwrap();
    third.resume(&token, again.last_seq).await.unwrap();
    until_closed(&mut again).await;
    assert_eq!(desk.post(&messages, say("好的")).await.unwrap().0, 200);
    assert_eq!(until(&mut third, "agent_message").await["text"], "好的");

    // One node is stopped in order while the conversation goes on.
    assert!(town.one.stop().await.unwrap());
    assert_eq!(until_closed(&mut third).await, 1012);
    let mut fourth = Client::connect(&town.two.portal()).await.unwrap();
    fourth.resume(&token, third.last_seq).await.unwrap();
    let returned = desk.post(&format!("conversations/{conversation}/return"), json!({})).await.unwrap();
    assert_eq!(returned.0, 200);
    until(&mut fourth, "agent_left").await;
    fourth.send(json!({"type": "text", "id": "q2", "text": "身份证丢了怎么补办"})).await.unwrap();
    until(&mut fourth, "answer").await;
}
