//! Another desk in front: a program that knows nothing but the described interface serves a citizen from beginning to end.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::{TestServer, start};
use conversation::{AgentId, NewPassword, NewPerson, Role};
use examples::{Desk, Live, Refused};
use language::Language;
use serde_json::{Value, json};

const PASSWORD: &str = "ལྷ་ས་ 拉萨 3650";

async fn desk(server: &TestServer, name: &str) -> Desk {
    let hash = assistant::doors::desk::password::hash(PASSWORD, [7; 16]).unwrap();
    let mut new = NewPerson::new(name, Language::ALL.to_vec(), [Role::Agent].into());
    new.id = AgentId::generate();
    new.password = Some(NewPassword { hash, must_change: false });
    server.server.store().add_person(conversation::AuditActor::System, new).await.unwrap();
    Desk::log_in(&server.server.url(), name, PASSWORD).await.unwrap()
}

/// The next message of a kind.
async fn next(live: &mut Live, kind: &str) -> Value {
    loop {
        let message = live.next().await.unwrap().expect("the socket stays open");
        if message["type"] == kind {
            return message;
        }
    }
}

/// The lists, when what was asked for is in them.
async fn lists(live: &mut Live, shown: impl Fn(&Value) -> bool) -> Value {
    loop {
        let lists = next(live, "queue").await;
        if shown(&lists) {
            return lists;
        }
    }
}

fn refused(outcome: anyhow::Result<Value>) -> Refused {
    outcome.unwrap_err().downcast().unwrap()
}

#[tokio::test]
async fn a_program_takes_a_citizen_talks_to_them_passes_them_on_and_closes() {
    let server = start("").await;
    let (dolma, tashi) = (desk(&server, "卓玛").await, desk(&server, "བཀྲ་ཤིས།").await);
    let (mut live, mut his) = (dolma.live().await.unwrap(), tashi.live().await.unwrap());
    let mut citizen = server.citizen("bo").await;
    citizen.send(json!({ "type": "person", "id": "p" })).await.unwrap();
    let waits = |lists: &Value| lists["waiting"].as_array().is_some_and(|waiting| !waiting.is_empty());
    let item = lists(&mut live, waits).await["waiting"][0].clone();
    let id = item["conversation"].as_str().unwrap();
    assert_eq!((&item["status"], &item["language"]), (&json!("queued"), &json!("bo")));

    dolma.act(id, "claim", &json!({})).await.unwrap();
    let late = refused(tashi.act(id, "claim", &json!({})).await);
    assert_eq!((late.status, &*late.code, late.winner.as_deref()), (409, "already_claimed", Some("卓玛")));
    citizen.wait_for("agent_joined").await.unwrap();
    dolma.write(id, "བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    assert_eq!(citizen.wait_for("agent_message").await.unwrap()["text"], "བཀྲ་ཤིས་བདེ་ལེགས།");
    citizen.say("ཐུགས་རྗེ་ཆེ།").await.unwrap();
    let said = loop {
        let event = next(&mut live, "event").await["event"].clone();
        if event["type"] == "citizen_message" {
            break event;
        }
    };
    assert_eq!(said["text"], "ཐུགས་རྗེ་ཆེ།");

    let colleagues = dolma.get("/v1/desk/colleagues").await.unwrap();
    let colleague =
        colleagues.as_array().unwrap().iter().find(|c| c["agent"]["id"] == tashi.agent["id"]).unwrap();
    let to = json!({ "to": colleague["agent"]["id"], "note": "他更清楚" });
    dolma.act(id, "transfer", &to).await.unwrap();
    let offered = |lists: &Value| lists["waiting"][0]["offer"]["transferred"] == true;
    let offer = lists(&mut his, offered).await["waiting"][0]["offer"]["id"].clone();
    tashi.act(id, "accept", &json!({ "offer": offer })).await.unwrap();
    let over = refused(dolma.write(id, "……").await);
    assert_eq!((over.status, &*over.code), (409, "not_holder"));

    tashi.act(id, "resolve", &json!({ "wrap_up": true })).await.unwrap();
    tashi.act(id, "wrap-up", &json!({ "disposition": "answered" })).await.unwrap();
    assert_eq!(citizen.wait_for("closed").await.unwrap()["by"], "agent");
    tashi.post("/v1/desk/logout", &json!({})).await.unwrap();
    assert_eq!(refused(tashi.get("/v1/desk/me").await).code, "unauthorized");
}

#[tokio::test]
async fn a_citizen_who_wants_to_be_called_back_is_called_back() {
    let server = start("").await;
    let dolma = desk(&server, "卓玛").await;
    let mut citizen = server.citizen("zh").await;
    citizen.send(json!({ "type": "callback", "id": "c", "number": "138 0013 8000" })).await.unwrap();
    citizen.wait_for("callback_requested").await.unwrap();
    let lists = dolma.get("/v1/desk/queue").await.unwrap();
    let item = &lists["callbacks"][0];
    let id = item["conversation"].as_str().unwrap();
    assert!(item["callback"]["number"].as_str().unwrap().contains('*'), "{item}");
    dolma.act(id, "claim", &json!({})).await.unwrap();
    let view = dolma.get(&format!("/v1/desk/conversations/{id}")).await.unwrap();
    assert_eq!(view["callback"]["number"], "13800138000");
    dolma.act(id, "called", &json!({ "outcome": "reached" })).await.unwrap();
    dolma.act(id, "resolve", &json!({})).await.unwrap();
    citizen.wait_for("closed").await.unwrap();
}
