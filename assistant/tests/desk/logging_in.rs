//! Logging in and out, and what keeps others out.

use std::time::Duration;

use assistant::doors::desk::DeskSettings;
use axum::http::{Method, StatusCode, header};
use language::Language;
use serde_json::json;

use crate::app::{OWN_PAGE, PASSWORD, TestApp, request};

const BOTH: &[Language] = &Language::ALL;

#[tokio::test]
async fn the_right_password_opens_a_session_that_pages_cannot_read() {
    let app = TestApp::new().await;
    let agent = app.add_agent("བསྟན་འཛིན་ 丹增", BOTH).await;
    let reply = app.log_in("བསྟན་འཛིན་ 丹增", PASSWORD).await;
    assert_eq!(reply.status, StatusCode::OK);
    let expected = json!({ "id": agent.id, "name": "བསྟན་འཛིན་ 丹增", "languages": ["bo", "zh"] });
    assert_eq!(reply.body["agent"], expected);
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/v1"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "without TLS a browser would drop it: {cookie}");
    assert!(!cookie.contains(reply.body["csrf"].as_str().unwrap()), "the one does not give the other away");
}

#[tokio::test]
async fn over_tls_the_cookie_never_travels_without_it() {
    let app = TestApp::with(DeskSettings { secure_cookie: true, ..DeskSettings::default() }).await;
    app.add_agent("卓玛", BOTH).await;
    let reply = app.log_in("卓玛", PASSWORD).await;
    assert!(reply.headers[header::SET_COOKIE].to_str().unwrap().contains("; Secure"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let app = TestApp::new().await;
    app.add_agent("卓玛", BOTH).await;
    let (wrong, unknown) = (app.log_in("卓玛", "猜").await, app.log_in("谁", "猜").await);
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
    assert_eq!(wrong.code(), "unauthorized");
    assert!(wrong.headers.get(header::SET_COOKIE).is_none());
    let endless = app.log_in("卓玛", &"密".repeat(5_000)).await;
    assert_eq!(endless.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn five_wrong_passwords_lock_the_login_for_a_quarter_of_an_hour() {
    let app = TestApp::new().await;
    app.add_agent("卓玛", BOTH).await;
    for _ in 0..5 {
        assert_eq!(app.log_in("卓玛", "猜").await.status, StatusCode::UNAUTHORIZED);
    }
    let locked = app.log_in("卓玛", PASSWORD).await;
    assert_eq!((locked.status, locked.code()), (StatusCode::TOO_MANY_REQUESTS, "locked_out"));
    assert_eq!(locked.headers[header::RETRY_AFTER], "900");
    app.clock.advance(Duration::from_mins(15));
    assert_eq!(app.log_in("卓玛", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_sent_all_at_once_gain_nothing() {
    let app = std::sync::Arc::new(TestApp::new().await);
    app.add_agent("卓玛", BOTH).await;
    let guesses: Vec<_> = (0..30)
        .map(|n| {
            let app = std::sync::Arc::clone(&app);
            tokio::spawn(async move { app.log_in("卓玛", &format!("猜{n}")).await.status })
        })
        .collect();
    let mut checked = 0;
    for guess in guesses {
        checked += usize::from(guess.await.unwrap() == StatusCode::UNAUTHORIZED);
    }
    // Two are computed at the same time, so one more than the limit may get through.
    assert!((5..=6).contains(&checked), "{checked} passwords were checked");
}

#[tokio::test]
async fn a_session_ends_by_logging_out_and_after_a_working_day() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let me = app.get(&session, "/v1/desk/me").await;
    assert_eq!((me.status, me.body["csrf"].as_str()), (StatusCode::OK, Some(&*session.csrf)));
    let reply = app.post(&session, "/v1/desk/logout", json!({})).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&session, "/v1/desk/me").await.status, StatusCode::UNAUTHORIZED);

    let session = app.agent("丹增", BOTH).await;
    app.clock.advance(Duration::from_hours(12));
    assert_eq!(app.get(&session, "/v1/desk/queue").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nothing_opens_without_a_session() {
    let app = TestApp::new().await;
    let id = app.waiting(Language::Bo).await;
    for (method, path) in [
        (Method::GET, "/v1/desk/me".to_owned()),
        (Method::POST, "/v1/desk/logout".to_owned()),
        (Method::GET, "/v1/desk/queue".to_owned()),
        (Method::GET, format!("/v1/desk/conversations/{id}")),
        (Method::POST, format!("/v1/desk/conversations/{id}/claim")),
        (Method::POST, format!("/v1/desk/conversations/{id}/messages")),
        (Method::POST, format!("/v1/desk/conversations/{id}/resolve")),
        (Method::POST, format!("/v1/desk/conversations/{id}/return")),
        (Method::POST, format!("/v1/desk/conversations/{id}/requeue")),
        (Method::GET, "/v1/desk/answers?q=x&language=bo".to_owned()),
        (Method::GET, "/v1/desk/live".to_owned()),
    ] {
        for cookie in ["", "drilen_desk=", "drilen_desk=AAAA", &format!("drilen_desk={}", "A".repeat(43))] {
            let reply =
                app.send(request(method.clone(), &path, &[("cookie", cookie)], "{}".to_owned())).await;
            assert_eq!(
                (reply.status, reply.code()),
                (StatusCode::UNAUTHORIZED, "unauthorized"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_change_needs_the_sessions_csrf_value_and_our_own_page() {
    let app = TestApp::new().await;
    let (session, other) = (app.agent("卓玛", BOTH).await, app.agent("丹增", BOTH).await);
    let id = app.waiting(Language::Zh).await;
    let path = format!("/v1/desk/conversations/{id}/claim");
    let cookie = ("cookie", &*session.cookie);
    for headers in [
        vec![cookie, ("origin", OWN_PAGE)],
        vec![cookie, ("origin", OWN_PAGE), ("x-drilen-csrf", "")],
        vec![cookie, ("origin", OWN_PAGE), ("x-drilen-csrf", &other.csrf)],
        vec![cookie, ("origin", "https://evil.example"), ("x-drilen-csrf", &session.csrf)],
        vec![cookie, ("origin", "null"), ("x-drilen-csrf", &session.csrf)],
    ] {
        let reply = app.send(request(Method::POST, &path, &headers, "{}".to_owned())).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::FORBIDDEN, "foreign_page"), "{headers:?}");
    }
    assert_eq!(app.store.waiting().await.unwrap().len(), 1, "nothing was claimed");
    let configured = [cookie, ("origin", "https://12345.example"), ("x-drilen-csrf", &*session.csrf)];
    let reply = app.send(request(Method::POST, &path, &configured, "{}".to_owned())).await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn a_foreign_page_cannot_log_anybody_in() {
    let app = TestApp::new().await;
    app.add_agent("卓玛", BOTH).await;
    let body = json!({ "name": "卓玛", "password": PASSWORD }).to_string();
    let reply =
        app.send(request(Method::POST, "/v1/desk/login", &[("origin", "https://evil.example")], body)).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.headers.get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn a_body_that_is_no_login_is_refused_in_the_desks_own_form() {
    let app = TestApp::new().await;
    for body in ["", "{", "[]", r#"{"name":"卓玛"}"#, r#"{"name":1,"password":"x"}"#] {
        let reply = app.send(request(Method::POST, "/v1/desk/login", &[], body.to_owned())).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"), "{body}");
        assert!(reply.body["error"]["message"].is_string());
    }
    let huge = format!(r#"{{"name":"卓玛","password":"{}"}}"#, "x".repeat(100_000));
    let reply = app.send(request(Method::POST, "/v1/desk/login", &[], huge)).await;
    assert_eq!(reply.code(), "invalid");
}
