//! Taking conversations, writing to citizens, and giving conversations away.

use axum::http::StatusCode;
use conversation::{ConversationId, Status};
use language::Language;
use serde_json::{Value, json};

use crate::app::{Session, TestApp};

const BOTH: &[Language] = &Language::ALL;

async fn act(
    app: &TestApp,
    session: &Session,
    id: ConversationId,
    what: &str,
    body: Value,
) -> crate::app::Reply {
    app.post(session, &format!("/v1/desk/conversations/{id}/{what}"), body).await
}

async fn status(app: &TestApp, id: ConversationId) -> Status {
    app.store.conversation(id).await.unwrap().unwrap().status()
}

#[tokio::test]
async fn an_agent_sees_the_queue_takes_a_conversation_writes_and_resolves_it() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", BOTH).await;
    let (first, second) = (app.waiting(Language::Bo).await, app.waiting(Language::Zh).await);

    let queue = app.get(&agent, "/v1/desk/queue").await.body;
    let item = &queue["waiting"][0];
    assert_eq!(item["conversation"], json!(first));
    assert_eq!((&item["language"], &item["reason"]), (&json!("bo"), &json!("low_confidence")));
    assert_eq!((&item["position"], &item["voice"]), (&json!(1), &json!(true)));
    assert_eq!(item["since"], json!("2026-03-01T08:00:01.000Z"));
    assert!(item["escalation"].is_string());
    assert!(item["preview"].as_str().unwrap().contains("身份证"), "{item}");
    assert_eq!(queue["waiting"][1]["conversation"], json!(second));
    assert_eq!(queue["mine"], json!([]));

    let claim = act(&app, &agent, first, "claim", json!({})).await;
    assert_eq!((claim.status, claim.body), (StatusCode::OK, json!({})));
    let queue = app.get(&agent, "/v1/desk/queue").await.body;
    assert_eq!(queue["mine"][0]["conversation"], json!(first));
    assert!(queue["mine"][0]["claimed_at"].is_string());
    assert_eq!(queue["waiting"].as_array().unwrap().len(), 1);
    assert_eq!(queue["waiting"][0]["position"], json!(1), "the others moved up");

    let written =
        act(&app, &agent, first, "messages", json!({ "id": "1", "text": "བཀྲ་ཤིས་བདེ་ལེགས། 您好" })).await;
    assert_eq!((written.status, written.body), (StatusCode::OK, json!({ "seq": 6 })));
    let again =
        act(&app, &agent, first, "messages", json!({ "id": "1", "text": "བཀྲ་ཤིས་བདེ་ལེགས། 您好" })).await;
    assert_eq!(again.body, json!({ "seq": 6 }), "sent twice, written once");

    let view = app.get(&agent, &format!("/v1/desk/conversations/{first}")).await.body;
    assert_eq!((&view["status"], &view["holder"]["name"]), (&json!("assigned"), &json!("卓玛")));
    let kinds: Vec<&str> =
        view["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["started", "citizen_message", "say", "escalated", "agent_joined", "agent_message"]);
    let considered =
        json!([{ "entry": "id-card-lost", "question": "身份证丢了怎么办？", "confidence": 0.25 }]);
    assert_eq!(view["events"][2]["considered"], considered, "the desk sees what the assistant considered");

    let resolved = act(&app, &agent, first, "resolve", json!({})).await;
    assert_eq!((resolved.status, resolved.body), (StatusCode::OK, json!({})));
    assert_eq!(status(&app, first).await, Status::Closed);
    let late = act(&app, &agent, first, "messages", json!({ "id": "2", "text": "晚了" })).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "closed"));
    let view = app.get(&agent, &format!("/v1/desk/conversations/{first}")).await;
    assert_eq!(view.status, StatusCode::OK, "who had it may still read it");
}

#[tokio::test]
async fn the_second_to_claim_learns_who_was_first() {
    let app = TestApp::new().await;
    let (one, two) = (app.agent("卓玛", BOTH).await, app.agent("བསྟན་འཛིན།", BOTH).await);
    let id = app.waiting(Language::Bo).await;
    assert_eq!(act(&app, &one, id, "claim", json!({})).await.status, StatusCode::OK);
    assert_eq!(act(&app, &one, id, "claim", json!({})).await.status, StatusCode::OK, "it is theirs already");
    let lost = act(&app, &two, id, "claim", json!({})).await;
    assert_eq!((lost.status, &lost.body["winner"]), (StatusCode::CONFLICT, &json!("卓玛")));
    assert_eq!(lost.code(), "already_claimed");
}

#[tokio::test]
async fn only_who_has_a_conversation_writes_in_it_or_gives_it_away() {
    let app = TestApp::new().await;
    let (one, two) = (app.agent("卓玛", BOTH).await, app.agent("丹增", BOTH).await);
    let id = app.waiting(Language::Zh).await;
    let words = || json!({ "id": "1", "text": "我来 ང་ཡོད།" });
    for session in [&one, &two] {
        assert_eq!(
            act(&app, session, id, "messages", words()).await.code(),
            "not_holder",
            "nobody has it yet"
        );
    }
    act(&app, &one, id, "claim", json!({})).await;
    for what in ["messages", "resolve", "return", "requeue"] {
        let refused = act(&app, &two, id, what, words()).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "not_holder"), "{what}");
    }
    assert_eq!(status(&app, id).await, Status::Assigned);
}

#[tokio::test]
async fn returned_to_the_assistant_it_is_open_to_who_had_it_and_closed_to_others() {
    let app = TestApp::new().await;
    let (one, two) = (app.agent("卓玛", BOTH).await, app.agent("丹增", BOTH).await);
    let id = app.waiting(Language::Bo).await;
    let path = format!("/v1/desk/conversations/{id}");
    assert_eq!(app.get(&two, &path).await.status, StatusCode::OK, "what waits is open to every agent");
    act(&app, &one, id, "claim", json!({})).await;
    assert_eq!(act(&app, &one, id, "return", json!({ "note": "已说明" })).await.status, StatusCode::OK);
    assert_eq!(status(&app, id).await, Status::Bot);
    assert_eq!(app.get(&one, &path).await.status, StatusCode::OK);
    let refused = app.get(&two, &path).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "not_yours"));
    let private = app.conversation(Language::Zh).await;
    let refused = app.get(&one, &format!("/v1/desk/conversations/{private}")).await;
    assert_eq!(refused.code(), "not_yours", "what was never escalated is nobody's to read");
}

#[tokio::test]
async fn requeued_it_stands_where_it_stood_with_a_note_for_the_next_agent() {
    let app = TestApp::new().await;
    let (one, two) = (app.agent("卓玛", BOTH).await, app.agent("丹增", BOTH).await);
    let (first, _second) = (app.waiting(Language::Bo).await, app.waiting(Language::Bo).await);
    act(&app, &one, first, "claim", json!({})).await;
    let note = json!({ "note": "要藏语同事 བོད་སྐད་ཤེས་མཁན་" });
    assert_eq!(act(&app, &one, first, "requeue", note).await.status, StatusCode::OK);
    let queue = app.get(&two, "/v1/desk/queue").await.body;
    assert_eq!(queue["waiting"][0]["conversation"], json!(first));
    assert_eq!(queue["waiting"][0]["since"], json!("2026-03-01T08:00:01.000Z"));
    let view = app.get(&two, &format!("/v1/desk/conversations/{first}")).await.body;
    let left = view["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&left["outcome"], &left["note"]), (&json!("requeued"), &json!("要藏语同事 བོད་སྐད་ཤེས་མཁན་")));
}

#[tokio::test]
async fn an_agent_is_offered_only_languages_they_serve() {
    let app = TestApp::new().await;
    let agent = app.agent("王强", &[Language::Zh]).await;
    let (tibetan, chinese) = (app.waiting(Language::Bo).await, app.waiting(Language::Zh).await);
    let queue = app.get(&agent, "/v1/desk/queue").await.body;
    let listed: Vec<&Value> = queue["waiting"].as_array().unwrap().iter().collect();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["conversation"], &listed[0]["position"]), (&json!(chinese), &json!(2)));
    let refused = act(&app, &agent, tibetan, "claim", json!({})).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "other_language"));
    assert_eq!(status(&app, tibetan).await, Status::Queued);
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_said() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", BOTH).await;
    let id = app.waiting(Language::Bo).await;
    act(&app, &agent, id, "claim", json!({})).await;
    for body in [
        json!({}),
        json!({ "id": "1" }),
        json!({ "id": "", "text": "好" }),
        json!({ "id": "1", "text": " \n" }),
        json!({ "id": "1", "text": "ཀ".repeat(2_001) }),
        json!({ "id": "1", "text": ["好"] }),
    ] {
        let refused = act(&app, &agent, id, "messages", body.clone()).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"), "{body}");
    }
    let longest = act(&app, &agent, id, "messages", json!({ "id": "1", "text": "ཀ".repeat(2_000) })).await;
    assert_eq!(longest.status, StatusCode::OK, "{longest:?}");
    let note = act(&app, &agent, id, "return", json!({ "note": "注".repeat(2_001) })).await;
    assert_eq!(note.code(), "invalid");
    assert_eq!(status(&app, id).await, Status::Assigned);
}

#[tokio::test]
async fn a_conversation_that_is_not_there_is_not_found() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", BOTH).await;
    for id in [ConversationId::generate().to_string(), "1".to_owned(), "%E4%BD%A0%E5%A5%BD".to_owned()] {
        let view = app.get(&agent, &format!("/v1/desk/conversations/{id}")).await;
        assert_eq!((view.status, view.code()), (StatusCode::NOT_FOUND, "not_found"), "{id}");
        let claim = app.post(&agent, &format!("/v1/desk/conversations/{id}/claim"), json!({})).await;
        assert_eq!(claim.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_conversation_of_a_thousand_messages_is_shown_whole() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", BOTH).await;
    let id = app.waiting(Language::Zh).await;
    for n in 0..1_100 {
        app.citizen_says(id, &format!("more{n}"), Language::Zh).await;
    }
    let view = app.get(&agent, &format!("/v1/desk/conversations/{id}")).await.body;
    let places: Vec<u64> =
        view["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(places.iter().copied().eq(1..=1_104));
}
