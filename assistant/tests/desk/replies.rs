//! What agents send again and again, and texts for agents who do not read them.

use axum::http::StatusCode;
use conversation::Role;
use conversation::audit::AuditPage;
use language::Language;
use serde_json::{Value, json};

use crate::app::{Session, TestApp};

async fn listed(app: &TestApp, session: &Session) -> Vec<Value> {
    app.get(session, "/v1/desk/replies").await.body["replies"].as_array().unwrap().clone()
}

fn of<'a>(replies: &'a [Value], id: &str) -> Option<&'a Value> {
    replies.iter().find(|reply| reply["id"] == id)
}

#[tokio::test]
async fn samples_are_there_until_a_supervisor_changes_or_removes_them() {
    let app = TestApp::new().await;
    let agent = app.agent("dolma", &Language::ALL).await;
    let supervisor = app.person("pema", &Language::ALL, &[Role::Agent, Role::Supervisor]).await;
    let samples = listed(&app, &agent).await;
    let wait = of(&samples, "one-moment").unwrap();
    assert_eq!((&wait["sample"], &wait["version"]), (&json!(true), &json!(0)));
    for language in ["zh", "bo"] {
        assert!(!wait["text"][language].as_str().unwrap().is_empty());
    }

    let words = json!({ "id": "one-moment", "version": 0, "name": { "zh": "请稍等" }, "text": { "zh": "<b>请</b>等一下。" } });
    assert_eq!(app.post(&agent, "/v1/desk/replies", words.clone()).await.code(), "forbidden");
    let changed = app.post(&supervisor, "/v1/desk/replies", words.clone()).await;
    assert_eq!((changed.status, &changed.body["version"]), (StatusCode::OK, &json!(1)), "{changed:?}");
    let now = listed(&app, &agent).await;
    assert_eq!(now.len(), samples.len());
    assert_eq!(of(&now, "one-moment").unwrap()["text"], json!({ "zh": "<b>请</b>等一下。" }));
    let late = app.post(&supervisor, "/v1/desk/replies", words).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "changed"));

    for (id, version) in [("one-moment", 1), ("good-bye", 0)] {
        let path = format!("/v1/desk/replies/{id}/remove");
        assert_eq!(app.post(&agent, &path, json!({ "version": version })).await.code(), "forbidden");
        let removed = app.post(&supervisor, &path, json!({ "version": version })).await;
        assert_eq!(removed.status, StatusCode::NO_CONTENT, "{removed:?}");
        assert_eq!(of(&listed(&app, &agent).await, id), None, "a sample does not come back");
        assert_eq!(app.post(&supervisor, &path, json!({ "version": version })).await.code(), "not_found");
    }
    let trail = app.store.audit(AuditPage::Before(None), 10).await.unwrap();
    let done: Vec<&str> = trail
        .iter()
        .map(|record| record.action.as_str())
        .filter(|action| action.starts_with("reply."))
        .collect();
    assert_eq!(done, ["reply.removed", "reply.removed", "reply.changed"]);
}

#[tokio::test]
async fn a_new_reply_is_checked_and_has_its_shortcut_for_itself() {
    let app = TestApp::new().await;
    let supervisor = app.person("pema", &Language::ALL, &[Role::Agent, Role::Supervisor]).await;
    let text = json!({ "zh": "请带户口簿。", "bo": "ཐེམ་ཐོ་འཁྱེར་རོགས།" });
    let new = json!({ "name": { "zh": "户口簿" }, "text": text, "shortcut": " HuKou " });
    let made = app.post(&supervisor, "/v1/desk/replies", new.clone()).await;
    assert_eq!((made.status, &made.body["shortcut"]), (StatusCode::OK, &json!("hukou")), "{made:?}");
    assert_eq!(
        of(&listed(&app, &supervisor).await, made.body["id"].as_str().unwrap()).unwrap()["text"],
        text
    );
    for wrong in [
        new,
        json!({ "name": {}, "text": text }),
        json!({ "name": { "zh": "名" }, "text": { "zh": " " } }),
        json!({ "name": { "zh": "名".repeat(81) }, "text": text }),
        json!({ "name": { "zh": "名" }, "text": { "bo": "ཀ".repeat(2_001) } }),
        json!({ "name": { "zh": "名" }, "text": text, "shortcut": "a b" }),
        json!({ "name": { "zh": "名" }, "text": text, "shortcut": "x".repeat(21) }),
        json!({ "name": "名", "text": text }),
    ] {
        let refused = app.post(&supervisor, "/v1/desk/replies", wrong.clone()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            "{wrong}"
        );
    }
    let unknown = json!({ "id": "nobody", "name": { "zh": "名" }, "text": text });
    assert_eq!(app.post(&supervisor, "/v1/desk/replies", unknown).await.code(), "not_found");
}

#[tokio::test]
async fn a_text_comes_with_its_sound_and_the_glossary() {
    let app = TestApp::new().await;
    let agent = app.agent("dolma", &[Language::Zh]).await;
    let read = app.post(&agent, "/v1/desk/reading", json!({ "text": "བོད་ 身份证", "language": "bo" })).await;
    assert_eq!(read.status, StatusCode::OK, "{read:?}");
    assert_eq!(read.body["words"][0], json!({ "text": "བོད", "sound": "bö", "spelling": "bod" }));
    let pinyin = app.post(&agent, "/v1/desk/reading", json!({ "text": "身份证", "language": "zh" })).await;
    assert_eq!(pinyin.body["words"][0]["sound"], "shēnfènzhèng");
    assert_eq!(pinyin.body["glossary"][0]["text"], "身份证");
    for wrong in [
        json!({ "text": "བོད" }),
        json!({ "text": "བོད", "language": "en" }),
        json!({ "text": "ཀ".repeat(8_001), "language": "bo" }),
    ] {
        assert_eq!(app.post(&agent, "/v1/desk/reading", wrong).await.code(), "invalid");
    }
}
