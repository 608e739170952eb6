//! What operators decide by, by way of the desk's interface.

use std::time::Duration;

use axum::http::StatusCode;
use conversation::{Append, CitizenMessage, ConversationId, EventBody, MessageId, Role, Say, SayAct, Source};
use language::Language;
use serde_json::{Value, json};

use crate::app::TestApp;

async fn not_understood(app: &TestApp, id: ConversationId, name: &str, text: &str) {
    let message = EventBody::CitizenMessage(CitizenMessage {
        id: MessageId::try_from(name).unwrap(),
        text: text.to_owned(),
        source: Source::Text,
        language: Language::Zh,
        dictation: true,
        sound: None,
    });
    let say = EventBody::Say(Say {
        reply_to: None,
        text: "没听懂".to_owned(),
        act: SayAct::NotUnderstood,
        considered: Vec::new(),
        provenance: None,
    });
    app.store.append(Append::to(id).event(message).event(say)).await.unwrap();
}

fn sum(figures: &Value, what: &str) -> i64 {
    figures["days"].as_array().unwrap().iter().map(|day| day[what].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn figures_say_what_happened_by_day_and_language() {
    let app = TestApp::new().await;
    let editor = app.person("yangzom", &Language::ALL, &[Role::Editor]).await;
    let agent = app.agent("dolma", &Language::ALL).await;
    assert_eq!(app.get(&agent, "/v1/desk/figures").await.code(), "forbidden");
    let empty = app.get(&editor, "/v1/desk/figures").await;
    assert_eq!((empty.status, &empty.body["days"]), (StatusCode::OK, &json!([])));

    let waiting = app.waiting(Language::Bo).await;
    app.clock.advance(Duration::from_secs(100));
    app.post(&agent, &format!("/v1/desk/conversations/{waiting}/claim"), json!({})).await;
    app.conversation(Language::Zh).await;
    let figures = app.get(&editor, "/v1/desk/figures?from=2026-03-01&to=2026-03-01").await.body;
    assert_eq!(
        (sum(&figures, "begun"), sum(&figures, "not_understood"), sum(&figures, "handed_over")),
        (2, 2, 1)
    );
    let days = figures["days"].as_array().unwrap();
    assert_eq!(days.iter().map(|day| &day["language"]).collect::<Vec<_>>(), ["bo", "zh"]);
    assert!(days.iter().all(|day| day["day"] == "2026-03-01"), "{days:?}");
    assert_eq!(figures["channels"], json!([{"key": "portal", "count": 2}]));
    assert_eq!(figures["reasons"], json!([{"key": "low_confidence", "count": 1}]));
    let waiting = &figures["waiting"];
    assert_eq!((&waiting["count"], &waiting["half_within_seconds"]), (&json!(1), &json!(120)));
    assert!((waiting["mean_seconds"].as_f64().unwrap() - 100.0).abs() < 0.01);
    let before = app.get(&editor, "/v1/desk/figures?from=2026-02-01&to=2026-02-28").await.body;
    assert_eq!(before["days"], json!([]));
    for (query, says) in [
        ("from=2026-03-02&to=2026-03-01", "later"),
        ("from=2020-01-01&to=2026-03-01", "366"),
        ("from=yesterday", "yesterday"),
        ("since=2026-03-01", "since"),
    ] {
        let refused = app.get(&editor, &format!("/v1/desk/figures?{query}")).await;
        assert_eq!(refused.code(), "invalid", "{query}");
        assert!(refused.body["error"]["message"].as_str().unwrap().contains(says), "{query}: {refused:?}");
    }
}

#[tokio::test]
async fn unresolved_questions_are_grouped_masked_and_found_only_by_those_who_serve() {
    let app = TestApp::new().await;
    let editor = app.person("yangzom", &Language::ALL, &[Role::Editor]).await;
    let supervisor = app.person("pema", &Language::ALL, &[Role::Supervisor]).await;
    let id = app.conversation(Language::Zh).await;
    for (name, text) in [
        ("m1", "我家的牦牛死了怎么赔"),
        ("m2", "牦牛死了怎么赔"),
        ("m3", "我的电话是13800138000，宽带坏了谁来修"),
    ] {
        app.clock.advance(Duration::from_secs(1));
        not_understood(&app, id, name, text).await;
    }
    let path = "/v1/desk/unresolved?days=7";
    let seen = app.get(&editor, path).await;
    assert_eq!(seen.status, StatusCode::OK, "{seen:?}");
    let groups = seen.body["groups"].as_array().unwrap();
    assert_eq!(seen.body["looked_at"], json!(4));
    let yaks = groups.iter().find(|group| group["example"] == "牦牛死了怎么赔").unwrap();
    assert_eq!((&yaks["count"], &yaks["languages"]), (&json!(2), &json!(["zh"])));
    assert_eq!(yaks["kinds"], json!(["not_understood"]));
    assert_eq!(yaks["nearest"]["entry"], json!("id-card-lost"));
    assert_eq!(groups[0], *yaks, "the largest comes first");
    assert!(!seen.body.to_string().contains("13800138000"), "{seen:?}");
    assert!(groups.iter().all(|group| group.get("conversations").is_none()));
    let known = app.get(&supervisor, path).await.body;
    assert_eq!(known["groups"][0]["conversations"], json!([id.to_string(), id.to_string()]));

    app.clock.advance(Duration::from_hours(24 * 8));
    let later = app.open(supervisor.agent).await;
    assert_eq!(app.get(&later, path).await.body["groups"], json!([]));
}

#[tokio::test]
async fn the_backlog_names_what_is_missing_in_one_language() {
    let app = TestApp::new().await;
    let editor = app.person("yangzom", &Language::ALL, &[Role::Editor]).await;
    let backlog = app.get(&editor, "/v1/desk/backlog").await;
    assert_eq!(backlog.status, StatusCode::OK, "{backlog:?}");
    let owed =
        json!({"entry": "border-pass", "language": "bo", "question": "边防证在哪里办", "missing": true});
    assert_eq!(backlog.body["texts"], json!([owed]));
}
