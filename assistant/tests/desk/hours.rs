//! Hours of service that are changed while the server runs.

use std::sync::Arc;

use assistant::hours::Hours;
use axum::http::StatusCode;
use conversation::routing::HandoffRules;
use conversation::wait::Opening;
use conversation::{
    Append, Clock as _, ConversationId, EscalationId, EscalationReason, EventBody, HandoffCommand, Role,
};
use language::Language;
use serde_json::{Value, json};

use crate::app::TestApp;

const PATH: &str = "/v1/desk/hours";

/// Open on Mondays only; the clock of the tests stands on a Sunday.
fn mondays() -> Value {
    let mut week = vec![json!([]); 7];
    week[0] = json!(["09:30-13:00", "15:30-18:00"]);
    json!({"time_zone": "Asia/Shanghai", "week": week, "holidays": ["2026-10-01"], "special": []})
}

/// What a citizen is told who asks for a person now.
async fn told(app: &TestApp) -> String {
    let id: ConversationId = app.conversation(Language::Zh).await;
    let reason = EscalationReason::Asked;
    let asks = HandoffCommand::Escalate { escalation: EscalationId::generate(), reason };
    app.store.append(Append::to(id).then(asks)).await.unwrap();
    let events = app.store.events_after(id, 0, 100).await.unwrap();
    match &events.last().unwrap().body {
        EventBody::Escalated(escalated) => escalated.text.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_admin_changes_the_hours_and_the_next_citizen_is_told() {
    let app = TestApp::new().await;
    let admin = app.person("tashi", &Language::ALL, &[Role::Admin, Role::Auditor]).await;
    let editor = app.person("yangzom", &Language::ALL, &[Role::Editor]).await;
    let before = app.get(&editor, PATH).await;
    assert_eq!((&before.body["version"], &before.body["configured"]), (&json!(0), &json!(true)));
    let open = told(&app).await;

    let change = json!({"version": 0, "hours": mondays()});
    assert_eq!(app.post(&editor, PATH, change.clone()).await.code(), "forbidden");
    let changed = app.post(&admin, PATH, change.clone()).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_eq!((&changed.body["version"], &changed.body["configured"]), (&json!(1), &json!(false)));
    assert_eq!(changed.body["hours"], mondays());
    let closed = told(&app).await;
    assert_ne!(closed, open);
    assert!(closed.contains("明天9点半"), "{closed}");

    let late = app.post(&admin, PATH, change).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "changed"));

    // Another node, or this one after it was started again.
    let node = Hours::new(Arc::clone(&app.store), HandoffRules::default());
    node.look().await.unwrap();
    assert_eq!(node.current(), app.state.hours.current());
    assert!(matches!(node.current().hours.at(app.clock.now()), Opening::Closed { .. }));

    let restored = app.post(&admin, PATH, json!({"version": 1, "hours": null})).await;
    assert_eq!((&restored.body["version"], &restored.body["configured"]), (&json!(2), &json!(true)));
    // Two wait already.
    let again = told(&app).await;
    assert!(again.contains("第3位") && !again.contains("9点半"), "{again}");
    node.look().await.unwrap();
    assert_eq!(node.current(), app.state.hours.current());
    let records = app.get(&admin, "/v1/desk/audit?action=hours.changed").await.body;
    assert_eq!(records["records"].as_array().unwrap().len(), 2, "{records}");
}

#[tokio::test]
async fn hours_that_make_no_sense_are_refused_with_what_is_wrong() {
    let app = TestApp::new().await;
    let admin = app.person("tashi", &Language::ALL, &[Role::Admin]).await;
    let with = |key: &str, value: Value| {
        let mut hours = mondays();
        hours[key] = value;
        json!({"version": 0, "hours": hours})
    };
    let on_monday = |spans: Value| {
        let mut week = vec![json!([]); 7];
        week[0] = spans;
        with("week", json!(week))
    };
    for (body, says) in [
        (with("time_zone", json!("Asia/Shambhala")), "Asia/Shambhala"),
        (on_monday(json!(["18:00-09:00"])), "18:00-09:00"),
        (on_monday(json!(["09:00-13:00", "12:00-18:00"])), "overlap"),
        (with("holidays", json!(["2026-02-30"])), "day"),
        (with("week", json!([[], []])), "7"),
        (with("lunch", json!(true)), "lunch"),
        (json!({"version": 0}), "hours"),
        (json!({"hours": null}), "version"),
    ] {
        let refused = app.post(&admin, PATH, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"), "{body}");
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{body}: {message}");
    }
    assert_eq!(app.get(&admin, PATH).await.body["version"], json!(0), "nothing was changed");
}
