//! Offers, transfers, snoozing, wrapping up, calls back, and what supervisors may do.

use std::time::Duration;

use axum::http::StatusCode;
use conversation::{Append, Clock as _, ConversationId, EscalationId, HandoffCommand, Role, Status};
use language::Language;
use serde_json::json;

use crate::app::{Session, TestApp};

async fn status(app: &TestApp, id: ConversationId) -> Status {
    app.store.conversation(id).await.unwrap().unwrap().status()
}

fn at(id: ConversationId, what: &str) -> String {
    format!("/v1/desk/conversations/{id}/{what}")
}

async fn claimed(app: &TestApp, session: &Session) -> ConversationId {
    let id = app.waiting(Language::Bo).await;
    assert_eq!(app.post(session, &at(id, "claim"), json!({})).await.status, StatusCode::OK);
    id
}

#[tokio::test]
async fn who_is_available_is_offered_what_waits_and_takes_it_with_its_token() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let id = app.waiting(Language::Bo).await;
    assert_eq!(app.store.route().await.unwrap(), []);
    let ready = app.post(&agent, "/v1/desk/presence", json!({ "presence": "available" })).await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(
        app.post(&agent, "/v1/desk/presence", json!({ "presence": "asleep" })).await.code(),
        "invalid"
    );
    assert_eq!(app.store.route().await.unwrap(), [(id, agent.agent.id)]);
    let lists = app.get(&agent, "/v1/desk/queue").await.body;
    let offer = lists["waiting"][0]["offer"]["id"].clone();
    assert_eq!(lists["waiting"][0]["status"], "offered");
    let wrong = json!({ "offer": "00000000-0000-4000-8000-000000000000" });
    assert_eq!(app.post(&agent, &at(id, "accept"), wrong).await.code(), "offer_over");
    let taken = app.post(&agent, &at(id, "accept"), json!({ "offer": offer })).await;
    assert_eq!(taken.status, StatusCode::OK);
    assert_eq!(status(&app, id).await, Status::Assigned);
}

#[tokio::test]
async fn a_conversation_is_passed_on_to_a_colleague_who_is_there_and_speaks_the_language() {
    let app = TestApp::new().await;
    let (from, to) = (app.agent("卓玛", &Language::ALL).await, app.agent("བསྟན་འཛིན།", &Language::ALL).await);
    let chinese = app.agent("小李", &[Language::Zh]).await;
    let id = claimed(&app, &from).await;
    let pass = |to: &Session| json!({ "to": to.agent.id, "note": "他更清楚 ཁོས་ཤེས་" });
    assert_eq!(app.post(&from, &at(id, "transfer"), pass(&chinese)).await.code(), "other_language");
    assert_eq!(app.post(&from, &at(id, "transfer"), pass(&to)).await.status, StatusCode::OK);
    assert_eq!(status(&app, id).await, Status::Offered);
    let offer = app.get(&to, "/v1/desk/queue").await.body["waiting"][0]["offer"]["id"].clone();
    assert_eq!(app.post(&to, &at(id, "accept"), json!({ "offer": offer })).await.status, StatusCode::OK);
    let colleagues = app.get(&to, "/v1/desk/colleagues").await.body;
    let loads: Vec<_> =
        colleagues.as_array().unwrap().iter().map(|one| one["load"].as_u64().unwrap()).collect();
    assert_eq!(loads.iter().sum::<u64>(), 100, "a voice takes all of one: {colleagues}");
    app.clock.advance(Duration::from_mins(2));
    let back = app.post(&to, &at(id, "transfer"), pass(&from)).await;
    assert_eq!(back.code(), "invalid", "the first one has gone home: {:?}", back.body);
}

#[tokio::test]
async fn what_is_set_aside_comes_back_and_what_is_settled_is_wrapped_up() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let id = claimed(&app, &agent).await;
    let until = app.clock.now().plus(Duration::from_mins(30));
    let past = json!({ "until": app.clock.now() });
    assert_eq!(app.post(&agent, &at(id, "snooze"), past).await.code(), "invalid");
    let aside = json!({ "until": until, "note": "等材料" });
    assert_eq!(app.post(&agent, &at(id, "snooze"), aside).await.status, StatusCode::OK);
    assert_eq!(status(&app, id).await, Status::Snoozed);
    assert_eq!(app.post(&agent, &at(id, "wake"), json!({})).await.status, StatusCode::OK);
    assert_eq!(app.post(&agent, &at(id, "resolve"), json!({ "wrap_up": true })).await.status, StatusCode::OK);
    assert_eq!(status(&app, id).await, Status::Wrapping);
    let notes = json!({ "disposition": "answered", "note": "已办结" });
    assert_eq!(app.post(&agent, &at(id, "wrap-up"), notes).await.status, StatusCode::OK);
    assert_eq!(status(&app, id).await, Status::Closed);
}

#[tokio::test]
async fn a_call_back_waits_in_its_list_and_is_tried_until_somebody_answers() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let id = app.waiting(Language::Bo).await;
    let (from, until) = (app.clock.now(), app.clock.now().plus(Duration::from_hours(2)));
    let number = "༡༣༨༠༠༡༣༨༠༠༠".to_owned();
    let wish = HandoffCommand::RequestCallback { escalation: EscalationId::generate(), number, from, until };
    app.store.append(Append::to(id).then(wish)).await.unwrap();
    let lists = app.get(&agent, "/v1/desk/queue").await.body;
    assert_eq!(
        (lists["waiting"].as_array().unwrap().len(), lists["callbacks"].as_array().unwrap().len()),
        (0, 1)
    );
    let shown = lists["callbacks"][0]["callback"]["number"].as_str().unwrap();
    assert!(!shown.contains("13800138000"), "masked for who does not have it: {shown}");
    app.post(&agent, &at(id, "claim"), json!({})).await;
    let view = app.get(&agent, &format!("/v1/desk/conversations/{id}")).await.body;
    assert_eq!(view["callback"]["number"], "13800138000", "whoever is to call can: {view}");
    assert_eq!(
        app.post(&agent, &at(id, "called"), json!({ "outcome": "busy" })).await.status,
        StatusCode::OK
    );
    assert_eq!(status(&app, id).await, Status::Callback);
    app.post(&agent, &at(id, "claim"), json!({})).await;
    assert_eq!(
        app.post(&agent, &at(id, "called"), json!({ "outcome": "reached" })).await.status,
        StatusCode::OK
    );
    let again = app.post(&agent, &at(id, "called"), json!({ "outcome": "busy" })).await;
    assert_eq!(again.code(), "invalid");
    app.clock.advance(Duration::from_hours(3));
}

#[tokio::test]
async fn supervisors_see_take_part_reassign_and_drain_and_the_trail_tells() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let other = app.agent("བསྟན་འཛིན།", &Language::ALL).await;
    let boss = app.person("索朗", &Language::ALL, &[Role::Supervisor]).await;
    let id = claimed(&app, &agent).await;
    assert_eq!(app.get(&agent, "/v1/desk/escalations").await.status, StatusCode::FORBIDDEN);
    let all = app.get(&boss, "/v1/desk/escalations").await.body;
    assert_eq!((&all[0]["status"], &all[0]["holder"]["name"]), (&json!("assigned"), &json!("卓玛")));
    let shown = json!({ "seq": 2, "reason": "核对号码" });
    assert_eq!(app.post(&agent, &at(id, "reveal"), shown.clone()).await.status, StatusCode::FORBIDDEN);
    assert!(
        app.post(&boss, &at(id, "reveal"), shown).await.body["text"].as_str().unwrap().contains("身份证")
    );
    assert_eq!(
        app.post(&boss, &at(id, "reveal"), json!({ "seq": 2, "reason": " " })).await.code(),
        "invalid"
    );
    assert_eq!(app.post(&boss, &at(id, "join"), json!({})).await.status, StatusCode::OK);
    let words = json!({ "id": "s1", "text": "我来帮忙 ངས་རོགས་བྱེད" });
    assert_eq!(app.post(&boss, &at(id, "messages"), words).await.status, StatusCode::OK);
    assert_eq!(app.post(&boss, &at(id, "depart"), json!({})).await.status, StatusCode::OK);
    let to = json!({ "to": other.agent.id, "note": "专长" });
    assert_eq!(app.post(&boss, &at(id, "reassign"), to).await.status, StatusCode::OK);
    let state = app.store.conversation(id).await.unwrap().unwrap();
    assert_eq!(state.holder().unwrap().id, other.agent.id);
    let drained = format!("/v1/desk/agents/{}/drain", other.agent.id);
    assert_eq!(app.post(&boss, &drained, json!({ "requeue": true })).await.body["given_back"], 1);
    assert_eq!(status(&app, id).await, Status::Queued);
    let trail = app.store.audit(conversation::AuditPage::Before(None), 20).await.unwrap();
    let actions: Vec<_> = trail.iter().rev().map(|record| record.action.as_str()).collect();
    let handed: Vec<_> = actions
        .into_iter()
        .filter(|action| action.starts_with("handoff.") || action.starts_with("agent."))
        .collect();
    assert_eq!(
        handed,
        [
            "handoff.escalated",
            "handoff.agent_joined",
            "handoff.supervisor_joined",
            "handoff.supervisor_left",
            "handoff.agent_left",
            "handoff.agent_joined",
            "agent.drained",
            "handoff.agent_left"
        ]
    );
    let reassigned = trail.iter().find(|record| record.action == "handoff.agent_left").unwrap();
    assert_eq!(reassigned.actor.name(), "索朗", "who did it, not whose conversation it was");
}

#[tokio::test]
async fn the_desk_is_warned_of_who_waits_too_long() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    app.waiting(Language::Bo).await;
    let late = async || app.get(&agent, "/v1/desk/queue").await.body["waiting"][0]["late"].clone();
    assert_eq!(late().await, json!(null));
    app.clock.advance(Duration::from_secs(135));
    assert_eq!(late().await, "soon");
    app.clock.advance(Duration::from_secs(45));
    assert_eq!(late().await, "overdue");
}
