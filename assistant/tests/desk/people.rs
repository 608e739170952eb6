//! Managing accounts, and reading what was recorded of it.

use axum::http::StatusCode;
use conversation::Role;
use language::Language;
use serde_json::json;

use crate::app::{PASSWORD, TestApp};

const BOTH: &[Language] = &Language::ALL;

#[tokio::test]
async fn an_admin_adds_somebody_changes_their_roles_and_keeps_them_out() {
    let app = TestApp::new().await;
    let admin = app.person("admin", BOTH, &[Role::Admin]).await;
    let wanted = json!({
        "name": " dolma ", "display_name": "卓玛", "languages": ["bo"], "roles": ["agent"], "skills": ["社保"],
    });
    let added = app.post(&admin, "/v1/desk/people", wanted.clone()).await;
    assert_eq!(added.status, StatusCode::OK, "{added:?}");
    let person = &added.body["person"];
    assert_eq!((&person["name"], &person["capacity"]), (&json!("dolma"), &json!(100)));
    let password = added.body["password"].as_str().unwrap();
    assert_eq!(app.post(&admin, "/v1/desk/people", wanted).await.code(), "name_taken");
    assert_eq!(app.log_in("dolma", password).await.body["account"]["owes"], "change_password");

    let path = format!("/v1/desk/people/{}", person["id"].as_str().unwrap());
    let sessions = app.get(&admin, &format!("{path}/sessions")).await;
    assert_eq!(sessions.body["sessions"].as_array().unwrap().len(), 1);
    let changed = app.post(&admin, &path, json!({ "roles": ["editor", "agent"], "capacity": 50 })).await;
    let person = &changed.body["person"];
    assert_eq!((&person["roles"], &person["capacity"]), (&json!(["agent", "editor"]), &json!(50)));
    let sessions = app.get(&admin, &format!("{path}/sessions")).await;
    assert_eq!(sessions.body["sessions"], json!([]), "other roles end sessions");
    assert_eq!(app.post(&admin, &path, json!({ "disabled": true })).await.status, StatusCode::OK);
    assert_eq!(app.log_in("dolma", password).await.status, StatusCode::UNAUTHORIZED);
    app.post(&admin, &path, json!({ "disabled": false })).await;
    let reset = app.post(&admin, &format!("{path}/password"), json!({})).await;
    let fresh = reset.body["password"].as_str().unwrap();
    assert_eq!(app.log_in("dolma", password).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in("dolma", fresh).await.status, StatusCode::OK);
    let ended = app.post(&admin, &format!("{path}/sessions/revoke"), json!({})).await;
    assert_eq!(ended.body, json!({ "ended": 1 }));
    let removed = app.post(&admin, &format!("{path}/totp/remove"), json!({})).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let listed = app.get(&admin, "/v1/desk/people").await.body["people"].clone();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "dolma"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let app = TestApp::new().await;
    let admin = app.person("admin", BOTH, &[Role::Admin]).await;
    for wanted in [
        json!({ "name": "  ", "languages": ["bo"], "roles": ["agent"] }),
        json!({ "name": "x".repeat(65), "languages": ["bo"], "roles": ["agent"] }),
        json!({ "name": "a\nb", "languages": ["bo"], "roles": ["agent"] }),
        json!({ "name": "x", "languages": ["en"], "roles": ["agent"] }),
        json!({ "name": "x", "languages": ["bo"], "roles": ["root"] }),
        json!({ "name": "x", "languages": ["bo"], "roles": [], "password": "chosen by the admin" }),
    ] {
        let reply = app.post(&admin, "/v1/desk/people", wanted.clone()).await;
        assert_eq!(reply.code(), "invalid", "{wanted}");
    }
    let own = format!("/v1/desk/people/{}", admin.agent.id);
    assert_eq!(app.post(&admin, &own, json!({ "disabled": true })).await.code(), "invalid");
    let nobody = "/v1/desk/people/5e0c1f3e-7a51-4c38-9d6c-6f0a7f0f0a01";
    assert_eq!(app.post(&admin, nobody, json!({ "capacity": 1 })).await.code(), "not_found");
    assert_eq!(app.post(&admin, &format!("{nobody}/password"), json!({})).await.code(), "not_found");
}

#[tokio::test]
async fn an_auditor_reads_who_did_what_and_finds_no_secret_in_it() {
    let app = TestApp::new().await;
    let admin = app.person("admin", BOTH, &[Role::Admin]).await;
    let auditor = app.person("审计", BOTH, &[Role::Auditor]).await;
    let wanted = json!({ "name": "dolma", "languages": ["bo"], "roles": ["agent"] });
    let added = app.post(&admin, "/v1/desk/people", wanted).await;
    let id = added.body["person"]["id"].as_str().unwrap();
    app.post(&admin, &format!("/v1/desk/people/{id}"), json!({ "roles": ["agent", "editor"] })).await;
    app.log_in("dolma", "猜").await;
    app.log_in("谁也不是", "猜").await;
    let page = app.get(&auditor, "/v1/desk/audit?limit=3").await.body["records"].clone();
    let actions: Vec<_> = page.as_array().unwrap().iter().map(|r| r["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["login.failed", "person.roles_changed", "person.added"]);
    let changed = &page[1];
    assert_eq!(changed["actor"], json!({ "kind": "person", "id": admin.agent.id, "name": "admin" }));
    assert_eq!(changed["subject"], format!("person:{id}"));
    let detail = &changed["detail"];
    assert_eq!((&detail["was"], &detail["is"]), (&json!(["agent"]), &json!(["agent", "editor"])));
    let older = app.get(&auditor, &format!("/v1/desk/audit?before={}", page[2]["id"])).await;
    let older = older.body["records"].clone();
    assert!(older.as_array().unwrap().iter().all(|record| record["id"].as_u64() < page[2]["id"].as_u64()));
    let all = format!("{page}{older}");
    for secret in [PASSWORD, added.body["password"].as_str().unwrap(), "argon2", &admin.csrf, "谁也不是"]
    {
        assert!(!all.contains(secret), "{secret} is in the trail");
    }
    assert_eq!(app.get(&auditor, "/v1/desk/audit?limit=x").await.code(), "invalid");
}
