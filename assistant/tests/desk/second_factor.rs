//! Codes of an app, and what stands in for them.

use std::time::Duration;

use assistant::doors::desk::DeskSettings;
use assistant::people::{recovery, totp::Secret};
use axum::http::{Method, StatusCode};
use conversation::Clock as _;
use language::Language;
use serde_json::json;

use crate::app::{OWN_PAGE, PASSWORD, Reply, Session, TestApp, request};

const BOTH: &[Language] = &Language::ALL;
const STEP: Duration = Duration::from_secs(30);

/// The code that an app with this secret shows now: found by asking the checker, which its own tests hold to RFC 6238.
fn code(app: &TestApp, secret: &str) -> String {
    let secret = Secret::from_bytes(data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap());
    let now = app.clock.now();
    let present = now.as_millis().cast_unsigned() / 30_000;
    let mut all = (0..1_000_000).map(|number| format!("{number:06}"));
    all.find(|code| secret.step_of(code, now, present - 1) == Some(present)).unwrap()
}

fn other_than(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

async fn enrol(app: &TestApp, session: &Session) -> (String, Vec<String>) {
    let begun = app.post(session, "/v1/desk/totp", json!({ "password": PASSWORD })).await;
    assert_eq!(begun.status, StatusCode::OK, "{begun:?}");
    let secret = begun.body["secret"].as_str().unwrap().to_owned();
    assert!(begun.body["uri"].as_str().unwrap().contains(&secret));
    let confirmed = app.post(session, "/v1/desk/totp/confirm", json!({ "code": code(app, &secret) })).await;
    let codes: Vec<String> = serde_json::from_value(confirmed.body["recovery_codes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

async fn log_in(app: &TestApp, name: &str, code: Option<&str>) -> Reply {
    let body = json!({ "name": name, "password": PASSWORD, "code": code });
    app.send(request(Method::POST, "/v1/desk/login", &[("origin", OWN_PAGE)], body.to_string())).await
}

#[tokio::test]
async fn a_second_factor_is_set_up_and_asked_for_and_no_code_is_good_twice() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let (secret, _) = enrol(&app, &session).await;
    let missing = log_in(&app, "卓玛", None).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::UNAUTHORIZED, "second_factor"));
    assert!(missing.headers.get("set-cookie").is_none());
    let now = code(&app, &secret);
    let used = log_in(&app, "卓玛", Some(&now)).await;
    assert_eq!(used.code(), "wrong_code", "the code that confirmed it is spent");
    app.clock.advance(STEP);
    let now = code(&app, &secret);
    assert_eq!(log_in(&app, "卓玛", Some(&format!(" {now} "))).await.status, StatusCode::OK);
    assert_eq!(log_in(&app, "卓玛", Some(&now)).await.code(), "wrong_code", "seen over the shoulder");
    assert_eq!(
        app.log_in("卓玛", "猜").await.code(),
        "unauthorized",
        "a wrong password says nothing of a code"
    );
}

#[tokio::test]
async fn wrong_codes_lock_the_login_as_wrong_passwords_do() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let (secret, recovery_codes) = enrol(&app, &session).await;
    app.clock.advance(STEP);
    let right = code(&app, &secret);
    let wrong = other_than(&right);
    let strangers = recovery::codes([[9; 10]; 10]).remove(0);
    for guess in [wrong, wrong, wrong, wrong, &strangers] {
        assert_eq!(log_in(&app, "卓玛", Some(guess)).await.code(), "wrong_code");
    }
    for good in [&right, &recovery_codes[0]] {
        assert_eq!(log_in(&app, "卓玛", Some(good)).await.code(), "locked_out");
    }
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let (_, codes) = enrol(&app, &session).await;
    let typed = codes[3].to_uppercase().replace('-', "");
    assert_eq!(log_in(&app, "卓玛", Some(&typed)).await.status, StatusCode::OK);
    assert_eq!(log_in(&app, "卓玛", Some(&codes[3])).await.code(), "wrong_code");
    assert_eq!(log_in(&app, "卓玛", Some(&codes[4])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn setting_it_up_and_taking_it_away_ask_for_the_password_again() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let wrong = json!({ "password": "猜" });
    assert_eq!(app.post(&session, "/v1/desk/totp", wrong.clone()).await.code(), "wrong_password");
    let confirm = "/v1/desk/totp/confirm";
    let early = app.post(&session, confirm, json!({ "code": "123456" })).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);
    let begun = app.post(&session, "/v1/desk/totp", json!({ "password": PASSWORD })).await;
    let secret = begun.body["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        app.log_in("卓玛", PASSWORD).await.status,
        StatusCode::OK,
        "not asked for before it is confirmed"
    );
    let right = code(&app, &secret);
    let refused = app.post(&session, confirm, json!({ "code": other_than(&right) })).await;
    assert_eq!(refused.code(), "wrong_code");
    assert_eq!(app.post(&session, confirm, json!({ "code": right })).await.status, StatusCode::OK);
    assert_eq!(app.post(&session, "/v1/desk/totp/remove", wrong).await.code(), "wrong_password");
    let removed = app.post(&session, "/v1/desk/totp/remove", json!({ "password": PASSWORD })).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&session, "/v1/desk/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in("卓玛", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn where_the_operator_wants_it_nothing_opens_before_it_is_set_up() {
    let app = TestApp::with(DeskSettings { totp_required: true, ..DeskSettings::default() }).await;
    let session = app.agent("卓玛", BOTH).await;
    assert_eq!(app.get(&session, "/v1/desk/queue").await.code(), "set_up_totp");
    enrol(&app, &session).await;
    assert_eq!(app.get(&session, "/v1/desk/queue").await.status, StatusCode::OK);
}
