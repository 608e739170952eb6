//! Every route, asked for by everybody.

use std::collections::BTreeSet;

use assistant::doors::desk;
use assistant::doors::routes::{Access, Route};
use axum::http::{Method, StatusCode};
use conversation::{AuditActor, NewPassword, Permission, PersonChange, Role, roles};
use language::Language;
use serde_json::json;

use crate::app::{OWN_PAGE, Session, TestApp, password_hash, request};

const BOTH: &[Language] = &Language::ALL;

fn table(app: &TestApp) -> Vec<Route> {
    desk::doors(app.state.clone()).routes().to_vec()
}

/// The path with something in the place of every name.
fn path(route: &Route) -> String {
    route.path.replace("{id}", "5e0c1f3e-7a51-4c38-9d6c-6f0a7f0f0a01")
}

async fn ask(app: &TestApp, route: &Route, session: &Session) -> (StatusCode, String) {
    let headers = [("cookie", &*session.cookie), ("x-drilen-csrf", &session.csrf), ("origin", OWN_PAGE)];
    let reply = app.send_any(request(route.method.clone(), &path(route), &headers, "{}".to_owned())).await;
    (reply.status, reply.code().to_owned())
}

/// Nobody, each role alone, all of them.
fn everybody() -> Vec<Vec<Role>> {
    let mut everybody: Vec<_> = Role::ALL.iter().map(|role| vec![*role]).collect();
    everybody.extend([Vec::new(), Role::ALL.to_vec()]);
    everybody
}

#[tokio::test]
async fn every_route_opens_for_the_roles_that_have_its_permission_and_for_nobody_else() {
    let app = TestApp::new().await;
    let (mut opened, mut refused) = (0, 0);
    for roles in everybody() {
        for route in table(&app) {
            // A session for each: some routes end it.
            let name = format!("{} {} {roles:?}", route.method, route.path);
            let session = app.person(&name, BOTH, &roles).await;
            let (status, code) = ask(&app, &route, &session).await;
            let set: BTreeSet<Role> = roles.iter().copied().collect();
            let allowed = match route.access {
                Access::Public | Access::Citizen | Access::Account => true,
                Access::Needs(permission) => roles::may(&set, permission),
            };
            if allowed {
                opened += 1;
                // What the handler makes of a request for nothing is its business; it was asked.
                let refusals = ["forbidden", "unauthorized", "foreign_page"];
                assert!(!refusals.contains(&&*code), "{name}: {status} {code}");
            } else {
                refused += 1;
                assert_eq!((status, &*code), (StatusCode::FORBIDDEN, "forbidden"), "{name}");
            }
        }
    }
    assert!(opened > 50 && refused > 50, "{opened} opened, {refused} refused");
}

/// People whose sessions were open and are not any more, and cookies that never were any.
async fn over(app: &TestApp) -> Vec<Session> {
    let mut over = Vec::new();
    for name in ["revoked", "other roles", "disabled", "logged out", "idle"] {
        over.push(app.person(name, BOTH, &Role::ALL).await);
    }
    let (store, by) = (&app.store, || AuditActor::System);
    store.revoke_sessions(by(), over[0].agent.id, None).await.unwrap();
    let other = PersonChange::Roles([Role::Admin, Role::Agent, Role::Auditor].into());
    store.change_person(by(), over[1].agent.id, other).await.unwrap();
    store.change_person(by(), over[2].agent.id, PersonChange::Disabled(true)).await.unwrap();
    app.post(&over[3], "/v1/desk/logout", json!({})).await;
    app.clock.advance(app.state.settings.idle);
    let fresh = app.person("fresh", BOTH, &Role::ALL).await;
    for cookie in ["", "drilen_desk=", "drilen_desk=AAAA", &format!("drilen_desk={}", "A".repeat(43))] {
        let (agent, csrf) = (fresh.agent.clone(), fresh.csrf.clone());
        over.push(Session { agent, csrf, cookie: cookie.to_owned() });
    }
    over
}

#[tokio::test]
async fn nothing_but_the_public_opens_without_a_session_or_with_one_that_is_over() {
    let app = TestApp::new().await;
    let over = over(&app).await;
    let closed: Vec<_> = table(&app).into_iter().filter(|route| route.access != Access::Public).collect();
    assert!(closed.len() > 20);
    for route in closed {
        for session in &over {
            let answer = ask(&app, &route, session).await;
            let expected = (StatusCode::UNAUTHORIZED, "unauthorized".to_owned());
            assert_eq!(answer, expected, "{} {} {}", route.method, route.path, session.agent.name);
        }
    }
}

#[tokio::test]
async fn every_change_needs_the_csrf_value_of_its_session_and_our_own_page() {
    let app = TestApp::new().await;
    let (session, other) = (app.person("admin", BOTH, &Role::ALL).await, app.agent("丹增", BOTH).await);
    let cookie = ("cookie", &*session.cookie);
    let changes = |route: &Route| route.access != Access::Public && route.method != Method::GET;
    let changes: Vec<_> = table(&app).into_iter().filter(changes).collect();
    assert!(changes.len() > 10);
    for route in changes {
        for headers in [
            vec![cookie, ("origin", OWN_PAGE)],
            vec![cookie, ("origin", OWN_PAGE), ("x-drilen-csrf", "")],
            vec![cookie, ("origin", OWN_PAGE), ("x-drilen-csrf", &other.csrf)],
            vec![cookie, ("origin", "https://evil.example"), ("x-drilen-csrf", &session.csrf)],
            vec![cookie, ("origin", "null"), ("x-drilen-csrf", &session.csrf)],
        ] {
            let request = request(route.method.clone(), &path(&route), &headers, "{}".to_owned());
            let reply = app.send_any(request).await;
            let refused = (StatusCode::FORBIDDEN, "foreign_page");
            assert_eq!((reply.status, reply.code()), refused, "{} {headers:?}", route.path);
        }
    }
}

#[tokio::test]
async fn whoever_owes_a_new_password_may_only_see_to_it() {
    let app = TestApp::new().await;
    for route in table(&app) {
        let agent = app.add_agent(&format!("{} {}", route.method, route.path), BOTH).await;
        let change = PersonChange::Roles(Role::ALL.into());
        app.store.change_person(AuditActor::System, agent.id, change).await.unwrap();
        let hash = password_hash();
        let password = NewPassword { hash, must_change: true };
        app.store.set_password(AuditActor::System, agent.id, password).await.unwrap();
        let session = app.open(agent).await;
        let (status, code) = ask(&app, &route, &session).await;
        if let Access::Needs(_) = route.access {
            assert_eq!((status, &*code), (StatusCode::FORBIDDEN, "change_password"), "{}", route.path);
        } else {
            assert_ne!(code, "change_password", "{}", route.path);
        }
    }
}

#[tokio::test]
async fn the_refusal_names_the_permission() {
    let app = TestApp::new().await;
    let auditor = app.person("审计", BOTH, &[Role::Auditor]).await;
    let reply = app.get(&auditor, "/v1/desk/queue").await;
    let expected = json!({ "error": {
        "code": "forbidden",
        "message": "this needs the permission serve_citizens, which none of your roles has",
    }});
    assert_eq!((reply.status, reply.body), (StatusCode::FORBIDDEN, expected));
    let account = app.get(&auditor, "/v1/desk/me").await.body["account"].clone();
    assert_eq!(account["roles"], json!(["auditor"]));
    assert_eq!(account["permissions"], json!([Permission::ReadFigures, Permission::ReadAudit]));
}
