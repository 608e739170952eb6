//! Whatever is sent to the desk: it is refused in its own form, or kept and given back as it was written.

use axum::http::{Method, StatusCode, header};
use conversation::Role;
use language::Language;
use serde_json::{Value, json};

use crate::app::{OWN_PAGE, Reply, Session, TestApp, request};

/// For a database, a page, a log, a file system and a reader.
const HOSTILE: [&str; 6] = [
    "'; DROP TABLE people; --",
    "\" OR \"\"=\"",
    "<script>alert('བཀྲ་ཤིས')</script>",
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "\u{202E}ལོག་\u{0F71}\u{FEFF}",
];

async fn act(app: &TestApp, session: &Session, path: &str, body: Value) -> Reply {
    let reply = app.post(session, &format!("/v1/desk/{path}"), body).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {reply:?}");
    reply
}

#[tokio::test]
async fn hostile_words_in_every_field_are_kept_and_given_back_as_they_were_written() {
    let app = TestApp::new().await;
    let boss = app
        .person("boss", &Language::ALL, &[Role::Admin, Role::Agent, Role::Supervisor, Role::Auditor])
        .await;
    for (number, words) in HOSTILE.into_iter().enumerate() {
        let wanted = json!({
            "name": words, "display_name": words, "languages": ["bo"], "roles": ["agent"], "skills": [words],
        });
        let made = act(&app, &boss, "people", wanted).await.body;
        let id = made["person"]["id"].as_str().unwrap().to_owned();
        act(&app, &boss, &format!("people/{id}"), json!({ "display_name": words, "skills": [words, words] }))
            .await;
        let people = app.get(&boss, "/v1/desk/people").await.body;
        let found = people["people"].as_array().unwrap().iter().find(|one| one["id"] == id.as_str()).unwrap();
        let names = (found["name"].as_str(), found["display_name"].as_str(), found["skills"][0].as_str());
        assert_eq!(names, (Some(words), Some(words), Some(words)));
        let refused = app.log_in(words, words).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:?}");

        let conversation = app.waiting(Language::Bo).await;
        let at = |what: &str| format!("conversations/{conversation}/{what}");
        act(&app, &boss, &at("claim"), json!({})).await;
        act(&app, &boss, &at("messages"), json!({ "id": words, "text": words })).await;
        act(&app, &boss, &at("requeue"), json!({ "note": words, "skills": [words] })).await;
        act(&app, &boss, &at("claim"), json!({})).await;
        let until = json!({ "until": "2026-03-01T09:00:00Z", "note": words });
        act(&app, &boss, &at("snooze"), until).await;
        act(&app, &boss, &at("wake"), json!({})).await;
        act(&app, &boss, &at("resolve"), json!({ "wrap_up": true })).await;
        act(&app, &boss, &at("wrap-up"), json!({ "disposition": words, "note": words })).await;
        let view = app.get(&boss, &format!("/v1/desk/conversations/{conversation}")).await.body;
        let events = view["events"].as_array().unwrap();
        let of = |kind: &str, key: &str| {
            events
                .iter()
                .filter(|event| event["type"] == kind)
                .map(|event| event[key].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("agent_message", "text"), [json!(words)], "{number}");
        assert!(of("agent_left", "note").contains(&json!(words)));
        assert_eq!(of("snoozed", "note"), [json!(words)]);
        assert_eq!(
            (of("wrapped_up", "note"), of("wrapped_up", "disposition")),
            (vec![json!(words)], vec![json!(words)])
        );
        // The trail is about people; the words of a reason stand in it, and it still proves itself.
        let shown = app
            .post(
                &boss,
                &format!("/v1/desk/conversations/{conversation}/reveal"),
                json!({ "seq": 2, "reason": words }),
            )
            .await;
        assert!(
            [StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::FORBIDDEN].contains(&shown.status),
            "{shown:?}"
        );
    }
    let waiting = app.get(&boss, "/v1/desk/queue").await;
    assert_eq!(waiting.status, StatusCode::OK, "the tables are all there");
    assert_eq!(app.get(&boss, "/v1/desk/audit").await.status, StatusCode::OK);
}

/// Every request of the desk that takes a body, with an id where one belongs.
fn doors(id: &str) -> Vec<String> {
    let conversation = [
        "claim", "messages", "resolve", "return", "requeue", "accept", "decline", "transfer", "snooze",
        "wake", "wrap-up", "called", "reveal", "reassign", "join", "depart",
    ];
    let mut doors: Vec<String> =
        conversation.iter().map(|what| format!("/v1/desk/conversations/{id}/{what}")).collect();
    let others = ["login", "presence", "people", "totp", "totp/confirm", "totp/remove", "password"];
    doors.extend(others.iter().map(|what| format!("/v1/desk/{what}")));
    doors.extend(
        ["", "/password", "/totp/remove", "/sessions/revoke"]
            .iter()
            .map(|what| format!("/v1/desk/people/{id}{what}")),
    );
    doors.push(format!("/v1/desk/agents/{id}/drain"));
    doors.push(format!("/v1/desk/sessions/{id}/revoke"));
    doors
}

#[tokio::test]
async fn broken_bodies_and_ids_are_refused_at_every_door_in_the_desks_own_form() {
    let app = TestApp::new().await;
    let boss = app
        .person("boss", &Language::ALL, &[Role::Admin, Role::Agent, Role::Supervisor, Role::Auditor])
        .await;
    let deep = format!("{{\"note\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let bodies: [(&str, Vec<u8>); 9] = [
        ("no JSON", b"{\"id\":".to_vec()),
        ("no UTF-8", b"{\"id\":\"\xff\xfe\",\"text\":\"\xed\xa0\x80\"}".to_vec()),
        ("a list", b"[1,2,3]".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("deep", deep.into_bytes()),
        ("too large", vec![b' '; 33 * 1024]),
        ("a lone surrogate", br#"{"id":"\ud800","text":"a"}"#.to_vec()),
        ("wrong types", br#"{"id":1,"text":2,"note":3,"offer":4,"to":5,"until":6,"seq":-1,"reason":7,"outcome":8,"presence":9,"name":10,"password":11,"current":12,"new":13,"code":14,"languages":15,"roles":16,"requeue":17,"wrap_up":18,"disposition":19,"skills":20,"capacity":-1,"disabled":"x","display_name":21}"#.to_vec()),
        ("huge numbers", br#"{"seq":18446744073709551616,"capacity":1e300,"until":"+262143-12-31T23:59:59Z","from":"-262143-01-01T00:00:00Z","reason":"r","name":"n","languages":["bo"],"roles":["agent"]}"#.to_vec()),
    ];
    let existing = app.waiting(Language::Zh).await.to_string();
    let unknown = "00000000-0000-4000-8000-000000000000";
    for id in [existing.as_str(), unknown, "1", "%00", "%F0%28", "..%2f..%2fetc%2fpasswd", "'%20OR%201=1"] {
        for door in doors(id) {
            for (what, body) in &bodies {
                let headers = [
                    ("cookie", boss.cookie.as_str()),
                    ("x-drilen-csrf", boss.csrf.as_str()),
                    ("origin", OWN_PAGE),
                ];
                let mut asked = request(Method::POST, &door, &headers, String::new());
                *asked.body_mut() = axum::body::Body::from(body.clone());
                let reply = app.send_any(asked).await;
                let status = reply.status;
                assert!(!status.is_server_error(), "{door} with {what}: {reply:?}");
                let kind =
                    reply.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
                assert!(
                    kind.is_none_or(|kind| !kind.contains("html")),
                    "{door} with {what} is told as a page"
                );
                // What takes no body may be done whatever stands in it; what takes one says what is wrong.
                if status.is_client_error() && status != StatusCode::BAD_REQUEST {
                    assert!(
                        !reply.code().is_empty() || status == StatusCode::NOT_FOUND,
                        "{door} with {what}: {reply:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_session_that_was_logged_out_is_good_for_nothing() {
    let app = TestApp::new().await;
    let agent = app.agent("卓玛", &Language::ALL).await;
    let conversation = app.waiting(Language::Bo).await;
    let claim = format!("/v1/desk/conversations/{conversation}/claim");
    assert_eq!(app.post(&agent, "/v1/desk/logout", json!({})).await.status, StatusCode::NO_CONTENT);
    for path in ["/v1/desk/queue", "/v1/desk/me", "/v1/desk/colleagues"] {
        assert_eq!(app.get(&agent, path).await.code(), "unauthorized");
    }
    assert_eq!(app.post(&agent, &claim, json!({})).await.code(), "unauthorized");
    // A new login's CSRF value does not revive the old cookie, nor the old value the new cookie.
    let again = app.open(agent.agent.clone()).await;
    let mixed =
        Session { agent: agent.agent.clone(), cookie: agent.cookie.clone(), csrf: again.csrf.clone() };
    assert_eq!(app.post(&mixed, &claim, json!({})).await.code(), "unauthorized");
    let mixed =
        Session { agent: agent.agent.clone(), cookie: again.cookie.clone(), csrf: agent.csrf.clone() };
    assert_eq!(app.post(&mixed, &claim, json!({})).await.code(), "foreign_page");
}

#[tokio::test]
async fn the_last_who_can_manage_accounts_keeps_the_role_and_the_account() {
    let app = TestApp::new().await;
    let admin = app.person("admin", &Language::ALL, &[Role::Admin, Role::Agent]).await;
    let other = app.agent("卓玛", &Language::ALL).await;
    let own = format!("/v1/desk/people/{}", admin.agent.id);
    let refused = app.post(&admin, &own, json!({ "roles": ["agent"] })).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "last_admin"));
    assert_eq!(app.post(&admin, &own, json!({ "roles": ["agent", "admin"] })).await.status, StatusCode::OK);
    let admin = app.open(admin.agent).await;
    let second = format!("/v1/desk/people/{}", other.agent.id);
    assert_eq!(app.post(&admin, &second, json!({ "roles": ["admin"] })).await.status, StatusCode::OK);
    let other = app.open(other.agent).await;
    // Both take the role from each other at once: one of them keeps it.
    let (one, two) = tokio::join!(
        app.post(&admin, &second, json!({ "disabled": true })),
        app.post(&other, &own, json!({ "roles": ["agent"] })),
    );
    let done = [one.status, two.status].iter().filter(|status| **status == StatusCode::OK).count();
    assert_eq!(done, 1, "{one:?} {two:?}");
}
