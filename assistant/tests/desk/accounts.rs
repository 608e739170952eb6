//! One's own account: password and sessions.

use std::time::Duration;

use assistant::doors::desk::DeskSettings;
use axum::http::StatusCode;
use conversation::{AuditActor, NewPassword, NewPerson, Role};
use language::Language;
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, password_hash};

const BOTH: &[Language] = &Language::ALL;
const CHOSEN: &str = "ལྷ་ས་ 拉萨 chosen 3650";
const PATH: &str = "/v1/desk/password";

fn change(current: &str, new: &str) -> Value {
    json!({ "current": current, "new": new })
}

#[tokio::test]
async fn a_password_that_somebody_else_knows_is_changed_before_anything_else() {
    let app = TestApp::new().await;
    let mut new = NewPerson::new("dolma", BOTH.to_vec(), [Role::Agent].into());
    new.display_name = "卓玛".to_owned();
    let hash = password_hash();
    new.password = Some(NewPassword { hash, must_change: true });
    app.store.add_person(AuditActor::System, new).await.unwrap();
    let reply = app.log_in("dolma", PASSWORD).await;
    assert_eq!(reply.body["account"]["owes"], "change_password");
    assert_eq!(
        (&reply.body["agent"]["name"], &reply.body["account"]["name"]),
        (&json!("卓玛"), &json!("dolma"))
    );
    let agent = app.store.people().await.unwrap().remove(0).agent();
    let session = reply.session(agent);
    assert_eq!(app.get(&session, "/v1/desk/queue").await.code(), "change_password");

    for unfit in [PASSWORD, "short", "111111111111111", "dolma-dolma-dolma-2026"] {
        let reply = app.post(&session, PATH, change(PASSWORD, unfit)).await;
        assert_eq!(
            (reply.status, reply.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "unfit_password"),
            "{unfit}"
        );
    }
    let reply = app.post(&session, PATH, change("guess", CHOSEN)).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::FORBIDDEN, "wrong_password"));
    let reply = app.post(&session, PATH, change(PASSWORD, CHOSEN)).await;
    assert_eq!(reply.body["account"]["owes"], json!(null));
    let fresh = reply.session(session.agent.clone());
    assert_eq!(
        app.get(&session, "/v1/desk/me").await.status,
        StatusCode::UNAUTHORIZED,
        "the old session is over"
    );
    assert_eq!(app.get(&fresh, "/v1/desk/queue").await.status, StatusCode::OK);
    assert_eq!(app.log_in("dolma", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in("dolma", CHOSEN).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_open_page_is_no_place_to_guess_the_password() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    for _ in 0..5 {
        assert_eq!(app.post(&session, PATH, change("猜", CHOSEN)).await.code(), "wrong_password");
    }
    let reply = app.post(&session, PATH, change(PASSWORD, CHOSEN)).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::TOO_MANY_REQUESTS, "locked_out"));
}

#[tokio::test]
async fn ones_own_sessions_are_listed_and_ended() {
    let app = TestApp::new().await;
    let here = app.agent("卓玛", BOTH).await;
    app.clock.advance(Duration::from_mins(1));
    let elsewhere = app.session(here.agent.clone()).await;
    let stranger = app.agent("丹增", BOTH).await;
    let listed = app.get(&here, "/v1/desk/sessions").await.body["sessions"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!((&listed[0]["current"], &listed[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(listed[0]["method"], "password");
    let path = format!("/v1/desk/sessions/{}/revoke", listed[0]["id"].as_str().unwrap());
    assert_eq!(
        app.post(&stranger, &path, json!({})).await.status,
        StatusCode::NOT_FOUND,
        "not theirs to end"
    );
    assert_eq!(app.get(&elsewhere, "/v1/desk/me").await.status, StatusCode::OK);
    assert_eq!(app.post(&here, &path, json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&elsewhere, "/v1/desk/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get(&here, "/v1/desk/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_lasts_while_it_is_used_and_ends_when_it_is_not() {
    let settings = DeskSettings { idle: Duration::from_mins(30), ..DeskSettings::default() };
    let app = TestApp::with(settings).await;
    let session = app.agent("卓玛", BOTH).await;
    for _ in 0..5 {
        app.clock.advance(Duration::from_mins(29));
        assert_eq!(app.get(&session, "/v1/desk/queue").await.status, StatusCode::OK);
    }
    app.clock.advance(Duration::from_mins(30));
    assert_eq!(app.get(&session, "/v1/desk/queue").await.status, StatusCode::UNAUTHORIZED);
}
