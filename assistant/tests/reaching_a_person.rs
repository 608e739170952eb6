//! What the assistant cannot settle goes to a person, in the same conversation.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use assistant::{
    phrases::{Phrase, say},
    server::FirstAgent,
};
use common::{question, start};
use conversation::{Actor, Agent, Append, HandoffCommand, Status};
use examples::Client;
use serde_json::json;

struct Desk {
    agent: Agent,
}

impl Desk {
    async fn of(server: &common::TestServer) -> Self {
        let FirstAgent { name, password } = server.server.first_agent().unwrap();
        assert_eq!((name.as_str(), password.len()), ("admin", 23));
        let agent = server.server.store().agents().await.unwrap().remove(0);
        Self { agent }
    }

    fn actor(&self) -> Actor {
        self.agent.actor()
    }

    async fn perform(&self, server: &common::TestServer, client: &Client, command: HandoffCommand) {
        let token = client.token.clone().unwrap().parse::<conversation::Token>().unwrap();
        let state = server.server.store().find_by_token(&token.hash()).await.unwrap().unwrap();
        server.server.store().append(Append::to(state.conversation).then(command)).await.unwrap();
    }
}

#[tokio::test]
async fn who_asks_for_a_person_sees_the_queue_and_talks_to_the_agent() {
    let server = start("").await;
    let desk = Desk::of(&server).await;
    for language in ["bo", "zh"] {
        let mut client = server.citizen(language).await;
        client.send(json!({"type": "person", "id": "p"})).await.unwrap();
        let escalated = client.wait_for("escalated").await.unwrap();
        assert_eq!((escalated["reason"].as_str(), escalated["position"].as_u64()), (Some("asked"), Some(1)));
        assert_eq!(client.wait_for("queue").await.unwrap()["position"], 1);
        client.send(json!({"type": "person", "id": "p-again"})).await.unwrap();
        // Signals and events come by different ways: the acknowledgement of "p" may still be under way.
        while client.wait_for("accepted").await.unwrap()["id"] != "p-again" {}
        desk.perform(&server, &client, HandoffCommand::Claim { agent: desk.actor() }).await;
        assert_eq!(client.wait_for("agent_joined").await.unwrap()["agent"], json!({"name": "admin"}));
        // With a person in the conversation the assistant is silent, even where it knows the answer.
        client.say(&question("idcard-renew", language)).await.unwrap();
        client.wait_for("citizen_message").await.unwrap();
        let text = "您好，བཀྲ་ཤིས་བདེ་ལེགས།".to_owned();
        desk.perform(
            &server,
            &client,
            HandoffCommand::Message { agent: desk.actor(), text: text.clone(), sound: None },
        )
        .await;
        let next = client.wait_for_any(&["answer", "clarify", "say", "agent_message"]).await.unwrap();
        assert_eq!(
            (next["type"].as_str(), next["text"].as_str()),
            (Some("agent_message"), Some(text.as_str()))
        );
        desk.perform(&server, &client, HandoffCommand::Return { agent: desk.actor(), note: None }).await;
        assert_eq!(client.wait_for("agent_left").await.unwrap()["outcome"], "returned");
        client.say(&question("idcard-renew", language)).await.unwrap();
        client.wait_for("answer").await.unwrap();
    }
}

#[tokio::test]
async fn two_turns_that_nobody_understands_call_a_person() {
    let server = start("").await;
    let mut client = server.citizen("zh").await;
    for (nonsense, expected) in [("嗯呢哦呀啦", "say"), ("呀啦嗯呢哦", "escalated")] {
        client.say(nonsense).await.unwrap();
        let reply = client.wait_for_any(&["say", "escalated", "answer", "clarify"]).await.unwrap();
        assert_eq!(reply["type"], expected, "{reply}");
    }
}

#[tokio::test]
async fn who_changes_their_mind_leaves_the_queue_and_is_answered_by_the_assistant() {
    let server = start("").await;
    let mut client = server.citizen("bo").await;
    client.send(json!({"type": "person", "id": "p"})).await.unwrap();
    client.wait_for("escalated").await.unwrap();
    client.send(json!({"type": "leave_queue", "id": "l"})).await.unwrap();
    client.wait_for("escalation_cancelled").await.unwrap();
    client.say(&question("idcard-renew", "bo")).await.unwrap();
    client.wait_for("answer").await.unwrap();
    let token = client.token.clone().unwrap().parse::<conversation::Token>().unwrap();
    let state = server.server.store().find_by_token(&token.hash()).await.unwrap().unwrap();
    assert_eq!(state.status(), Status::Bot);
}

#[tokio::test]
async fn an_emergency_is_told_the_numbers_at_once() {
    let server = start("").await;
    for (language, words) in [("zh", "着火了"), ("bo", "མེ་ཤོར་སོང་།")] {
        let mut client = server.citizen(language).await;
        client.say(words).await.unwrap();
        let said = client.wait_for("say").await.unwrap();
        assert_eq!(said["act"], "emergency");
        assert!(said["text"].as_str().unwrap().contains("119"), "{said}");
    }
}

#[tokio::test]
async fn who_waits_can_say_that_no_person_is_needed_and_meets_no_guesses() {
    let server = start("").await;
    for (language, topic, enough) in [("zh", "身份证", "不用等了"), ("bo", "ཐོབ་ཐང་ལག་འཁྱེར།", "སྒུག་མི་དགོས།")]
    {
        let waiting = say(Phrase::AlreadyWaiting, language.parse().unwrap());
        let responses = ["say", "answer", "clarify", "escalated", "escalation_cancelled"];
        let mut client = server.citizen(language).await;
        // Said by somebody who does not wait, it changes nothing.
        client.say(enough).await.unwrap();
        assert_eq!(client.wait_for_any(&responses).await.unwrap()["type"], "say");
        client.send(json!({"type": "person", "id": "p"})).await.unwrap();
        client.wait_for("escalated").await.unwrap();
        client.say(topic).await.unwrap();
        assert_eq!(client.wait_for_any(&responses).await.unwrap()["text"], waiting);
        client.say(&question("idcard-renew", language)).await.unwrap();
        assert_eq!(client.wait_for_any(&responses).await.unwrap()["entry"], "idcard-renew");
        client.say(enough).await.unwrap();
        assert_eq!(client.wait_for_any(&responses).await.unwrap()["type"], "escalation_cancelled");
        client.say(topic).await.unwrap();
        assert_eq!(client.wait_for_any(&responses).await.unwrap()["type"], "clarify");
    }
}

#[tokio::test]
async fn leaving_a_queue_that_one_is_not_in_is_acknowledged_and_changes_nothing() {
    let server = start("").await;
    let mut client = server.citizen("bo").await;
    client.send(json!({"type": "leave_queue", "id": "l"})).await.unwrap();
    let told = client.wait_for_any(&["accepted", "error", "escalation_cancelled"]).await.unwrap();
    assert_eq!((told["type"].as_str(), told["id"].as_str()), (Some("accepted"), Some("l")), "{told}");
    assert!(told["seq"].is_null(), "{told}");
    client.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    assert_eq!(client.wait_for("citizen_message").await.unwrap()["seq"], 2);
}
