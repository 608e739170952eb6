//! Logging in at an identity provider, against one that the test starts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assistant::doors::desk::{DeskSettings, OidcDoor, Taken};
use assistant::oidc;
use axum::http::{Method, StatusCode, header};
use conversation::{AuditActor, ManualClock, NewPerson, PersonChange, Role, Timestamp};
use language::Language;
use serde_json::json;

use crate::app::{OWN_PAGE, Reply, Session, TestApp, request};
use crate::provider::{CLIENT, Provider, SECRET, Twist};

struct Stage {
    app: TestApp,
    provider: Arc<Provider>,
    browser: reqwest::Client,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    async fn with(change: impl FnOnce(&mut OidcDoor, &mut oidc::Settings)) -> Self {
        // The desk's clock and the provider's stand at the same moment.
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_772_352_000_000)));
        let provider = Provider::start(clock).await;
        let mut settings = oidc::Settings {
            issuer: provider.issuer.clone(),
            client: CLIENT.to_owned(),
            secret: Some(SECRET.to_owned()),
            redirect: format!("{OWN_PAGE}/v1/desk/oidc/callback"),
            scopes: vec!["profile".to_owned()],
        };
        let known = |settings: &oidc::Settings| oidc::Provider::new(settings.clone(), None).unwrap();
        let roles = |roles: &[Role]| roles.iter().copied().collect();
        let mut door = OidcDoor {
            provider: known(&settings),
            roles_claim: "groups".to_owned(),
            roles: BTreeMap::from([
                ("hotline".to_owned(), roles(&[Role::Agent])),
                ("hotline-leads".to_owned(), roles(&[Role::Agent, Role::Supervisor])),
            ]),
            creates_accounts: true,
            languages: Language::ALL.to_vec(),
            label: BTreeMap::from([(Language::Zh, "用政务账号登录".to_owned())]),
            page: format!("{OWN_PAGE}/desk"),
            taken: Taken::default(),
        };
        change(&mut door, &mut settings);
        door.provider = known(&settings);
        let app = TestApp::with_oidc(DeskSettings::default(), Some(Arc::new(door))).await;
        let redirects = reqwest::redirect::Policy::none();
        let browser = reqwest::Client::builder().redirect(redirects).build().unwrap();
        provider.claims.lock()["groups"] = json!(["hotline", "something else"]);
        Self { app, provider, browser }
    }

    async fn get(&self, path: &str, cookie: &str) -> Reply {
        self.app.send_any(request(Method::GET, path, &[("cookie", cookie)], String::new())).await
    }

    /// Begins a login: the cookie that the browser keeps, and where it is sent.
    async fn begin(&self) -> (String, String) {
        let begun = self.get("/v1/desk/oidc/start", "").await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
        (set_cookie(&begun, "drilen_oidc").unwrap(), location(&begun))
    }

    /// Lets the provider ask who it is, and send the browser back: the way back, as our path.
    async fn at_the_provider(&self, url: &str) -> String {
        let sent_back = self.browser.get(url).send().await.unwrap();
        assert_eq!(sent_back.status(), 302, "{url}");
        let back = sent_back.headers()[header::LOCATION].to_str().unwrap().to_owned();
        back.strip_prefix(OWN_PAGE).unwrap().to_owned()
    }

    /// The whole way.
    async fn log_in(&self) -> Reply {
        let (cookie, url) = self.begin().await;
        let back = self.at_the_provider(&url).await;
        self.get(&back, &cookie).await
    }

    async fn refused(&self) -> String {
        let reply = self.log_in().await;
        assert_eq!(set_cookie(&reply, "drilen_desk"), None, "{reply:?}");
        location(&reply)
    }

    async fn me(&self, cookie: &str) -> Reply {
        self.get("/v1/desk/me", cookie).await
    }
}

fn location(reply: &Reply) -> String {
    reply.headers[header::LOCATION].to_str().unwrap().to_owned()
}

/// `name=value` of a cookie that was set, and not taken away.
fn set_cookie(reply: &Reply, name: &str) -> Option<String> {
    let all = reply.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let pairs = all.map(|cookie| cookie.split(';').next().unwrap());
    pairs.filter(|pair| pair.starts_with(name) && !pair.ends_with('=')).map(str::to_owned).next()
}

#[tokio::test]
async fn whoever_the_provider_knows_gets_an_account_with_its_roles_and_a_session() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/v1/desk/login", "").await.body, json!({ "provider": { "zh": "用政务账号登录" } }));
    let begun = stage.get("/v1/desk/oidc/start", "").await;
    let cookie = begun.headers[header::SET_COOKIE].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/v1/desk/oidc", "Max-Age=600"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let reply = stage.log_in().await;
    assert_eq!((reply.status, location(&reply).as_str()), (StatusCode::SEE_OTHER, "/desk"));
    let cookie = reply.headers.get_all(header::SET_COOKIE).iter().map(|c| c.to_str().unwrap().to_owned());
    let cookie = cookie.collect::<Vec<_>>().join("\n");
    assert!(cookie.contains("HttpOnly; SameSite=Strict; Path=/v1"), "{cookie}");
    assert!(cookie.contains("drilen_oidc=; "), "the attempt is over: {cookie}");

    let session = set_cookie(&reply, "drilen_desk").unwrap();
    let me = stage.me(&session).await;
    assert_eq!(me.body["agent"]["name"], "སྒྲོལ་མ་ 卓玛");
    let account = &me.body["account"];
    assert_eq!((&account["name"], &account["roles"]), (&json!("dolma"), &json!(["agent"])));
    assert_eq!((&account["has_password"], &account["owes"]), (&json!(false), &json!(null)));
    assert_eq!(stage.get("/v1/desk/queue", &session).await.status, StatusCode::OK);
    assert_eq!(stage.app.log_in("dolma", "").await.status, StatusCode::UNAUTHORIZED, "no password opens it");

    let again = stage.log_in().await;
    assert!(set_cookie(&again, "drilen_desk").is_some());
    assert_eq!(stage.app.store.people().await.unwrap().len(), 1, "the account is found again");
}

#[tokio::test]
async fn a_token_that_lies_opens_nothing() {
    for twist in [
        Twist::Nonce,
        Twist::Audience,
        Twist::Issuer,
        Twist::Expired,
        Twist::AlgorithmNone,
        Twist::StrangersKey,
        Twist::NoToken,
    ] {
        let stage = Stage::new().await;
        *stage.provider.twist.lock() = twist;
        assert_eq!(stage.refused().await, "/desk?login=provider_failed", "{twist:?}");
        assert_eq!(
            stage.provider.exchanges.lock().as_slice(),
            [StatusCode::OK],
            "{twist:?}: it was the token"
        );
        assert_eq!(stage.app.store.people().await.unwrap(), [], "{twist:?}");
        *stage.provider.twist.lock() = Twist::None;
        assert!(
            set_cookie(&stage.log_in().await, "drilen_desk").is_some(),
            "{twist:?}: without it all is well"
        );
    }
}

#[tokio::test]
async fn a_way_back_is_good_once_and_in_the_browser_that_began_it_only() {
    let stage = Stage::new().await;
    let (cookie, url) = stage.begin().await;
    let back = stage.at_the_provider(&url).await;
    let (others, other_url) = stage.begin().await;
    // An attacker's way back in a victim's browser, with and without an attempt of the victim's own.
    assert_eq!(location(&stage.get(&back, "").await), "/desk?login=no_attempt");
    assert_eq!(location(&stage.get(&back, &others).await), "/desk?login=other_attempt");
    let without_state = back.split("&state=").next().unwrap();
    assert_eq!(location(&stage.get(without_state, &cookie).await), "/desk?login=other_attempt");
    assert!(stage.provider.exchanges.lock().is_empty());
    let first = stage.get(&back, &cookie).await;
    assert!(set_cookie(&first, "drilen_desk").is_some());
    let again = stage.get(&back, &cookie).await;
    assert_eq!((location(&again).as_str(), set_cookie(&again, "drilen_desk")), ("/desk?login=taken", None));
    assert_eq!(stage.provider.exchanges.lock().len(), 1, "the code was shown to the provider once");

    // A code of one attempt with the state of another: the provider refuses it by PKCE.
    let (_, url) = stage.begin().await;
    let stolen = stage.at_the_provider(&url).await;
    let code = stolen.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let own = stage.at_the_provider(&other_url).await;
    let given = own.split("&state=").nth(1).unwrap();
    let injected = stage.get(&format!("/v1/desk/oidc/callback?code={code}&state={given}"), &others).await;
    assert_eq!(location(&injected), "/desk?login=provider_failed");
    assert_eq!(stage.provider.exchanges.lock().last(), Some(&StatusCode::BAD_REQUEST));
}

#[tokio::test]
async fn a_code_that_was_exchanged_before_is_refused_by_the_provider_and_by_us() {
    let stage = Stage::new().await;
    let (cookie, url) = stage.begin().await;
    let back = stage.at_the_provider(&url).await;
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert!(set_cookie(&stage.get(&back, &cookie).await, "drilen_desk").is_some());
    let (cookie, url) = stage.begin().await;
    let given = stage.at_the_provider(&url).await.split("&state=").nth(1).unwrap().to_owned();
    let replayed = stage.get(&format!("/v1/desk/oidc/callback?code={code}&state={given}"), &cookie).await;
    assert_eq!(location(&replayed), "/desk?login=provider_failed");
    assert_eq!(set_cookie(&replayed, "drilen_desk"), None);
}

#[tokio::test]
async fn what_the_provider_refuses_is_told_on_the_desks_page() {
    let stage = Stage::new().await;
    let (cookie, url) = stage.begin().await;
    let back = stage.at_the_provider(&url).await;
    let given = back.split("&state=").nth(1).unwrap();
    let refused = format!("/v1/desk/oidc/callback?error=access_denied&state={given}");
    assert_eq!(location(&stage.get(&refused, &cookie).await), "/desk?login=provider_refused");
    let nowhere = Stage::with(|_, settings| settings.issuer = "http://127.0.0.1:9".to_owned()).await;
    let begun = nowhere.get("/v1/desk/oidc/start", "").await;
    assert_eq!(location(&begun), "/desk?login=provider_failed");
    let mistaken = Stage::with(|_, settings| settings.issuer.push('/')).await;
    let begun = mistaken.get("/v1/desk/oidc/start", "").await;
    assert_eq!(location(&begun), "/desk?login=provider_failed", "its description names another issuer");
    let wrong = Stage::with(|_, settings| settings.secret = Some("guess".to_owned())).await;
    assert_eq!(wrong.refused().await, "/desk?login=provider_failed");
    let without = TestApp::new().await;
    assert_eq!(
        without.send(request(Method::GET, "/v1/desk/login", &[], String::new())).await.body,
        json!({})
    );
    let reply = without.send(request(Method::GET, "/v1/desk/oidc/start", &[], String::new())).await;
    assert_eq!(reply.code(), "not_found");
}

#[tokio::test]
async fn roles_follow_the_provider_at_every_login() {
    let stage = Stage::new().await;
    let groups = |groups: serde_json::Value| stage.provider.claims.lock()["groups"] = groups;
    groups(json!(["something else"]));
    assert_eq!(stage.refused().await, "/desk?login=no_role");
    assert_eq!(stage.app.store.people().await.unwrap(), [], "without a role there is no account");
    groups(json!("hotline"));
    let first = set_cookie(&stage.log_in().await, "drilen_desk").unwrap();
    groups(json!(["hotline", "hotline-leads"]));
    let second = set_cookie(&stage.log_in().await, "drilen_desk").unwrap();
    assert_eq!(stage.me(&first).await.status, StatusCode::UNAUTHORIZED, "other roles end sessions");
    assert_eq!(stage.me(&second).await.body["account"]["roles"], json!(["agent", "supervisor"]));
    groups(json!([]));
    assert_eq!(stage.refused().await, "/desk?login=no_role");
    assert_eq!(stage.me(&second).await.status, StatusCode::UNAUTHORIZED);
    assert!(stage.app.store.people().await.unwrap()[0].roles.is_empty());
}

#[tokio::test]
async fn an_account_is_neither_joined_by_name_nor_made_where_the_operator_does_not_want_it() {
    let stage = Stage::new().await;
    let local = NewPerson::new("dolma", vec![Language::Bo], [Role::Admin].into());
    stage.app.store.add_person(AuditActor::System, local).await.unwrap();
    assert_eq!(
        stage.refused().await,
        "/desk?login=name_taken",
        "whoever is called so there is not who is here"
    );
    let closed = Stage::with(|door, _| door.creates_accounts = false).await;
    assert_eq!(closed.refused().await, "/desk?login=no_account");
    let mut made = NewPerson::new("dolma", vec![Language::Bo], [Role::Agent].into());
    made.external =
        Some(conversation::ExternalId { issuer: closed.provider.issuer.clone(), subject: "17".to_owned() });
    let id = made.id;
    closed.app.store.add_person(AuditActor::System, made).await.unwrap();
    assert!(set_cookie(&closed.log_in().await, "drilen_desk").is_some());
    closed.app.store.change_person(AuditActor::System, id, PersonChange::Disabled(true)).await.unwrap();
    assert_eq!(closed.refused().await, "/desk?login=disabled");
}

#[tokio::test]
async fn a_provider_that_changed_its_key_is_asked_again() {
    let stage = Stage::new().await;
    assert!(set_cookie(&stage.log_in().await, "drilen_desk").is_some());
    stage.provider.change_key();
    assert_eq!(stage.refused().await, "/desk?login=provider_failed", "keys were asked for a moment ago");
    stage.app.clock.advance(Duration::from_secs(31));
    assert!(set_cookie(&stage.log_in().await, "drilen_desk").is_some());
}

#[tokio::test]
async fn whoever_came_through_the_provider_is_sent_there_to_log_out_too() {
    let stage = Stage::new().await;
    let cookie = set_cookie(&stage.log_in().await, "drilen_desk").unwrap();
    let csrf = stage.me(&cookie).await.body["csrf"].as_str().unwrap().to_owned();
    let agent = stage.app.store.people().await.unwrap().remove(0).agent();
    let session = Session { agent, cookie: cookie.clone(), csrf };
    let reply = stage.app.post(&session, "/v1/desk/logout", json!({})).await;
    let expected = format!(
        "{}/logout?client_id=drilen+desk&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fdesk",
        stage.provider.issuer
    );
    assert_eq!((reply.status, &reply.body["provider_logout"]), (StatusCode::OK, &json!(expected)));
    assert_eq!(stage.me(&cookie).await.status, StatusCode::UNAUTHORIZED);
}
