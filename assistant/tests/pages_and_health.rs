//! What a browser, a load balancer and a monitoring system see.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::{net::SocketAddr, time::Duration};

use assistant::doors::routes::Access;
use common::{shared, start};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> Reply {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

#[tokio::test]
async fn the_portal_the_desk_and_the_console_are_served_with_headers_that_keep_them_safe() {
    let address = shared().server.address();
    for path in ["/", "/desk", "/console"] {
        let reply = get(address, path, "").await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.header("content-type").starts_with("text/html"));
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(policy.contains(&format!("ws://{address}")), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(reply.header("permissions-policy").contains("microphone=(self)"));
    }
}

/// The page itself, and whatever an answer may be: an error, JSON, a file, a refusal.
#[tokio::test]
async fn every_answer_forbids_scripts_in_pages_frames_and_guessing_at_types() {
    let address = shared().server.address();
    for path in [
        "/",
        "/desk",
        "/console",
        "/desk.html",
        "/no-such-page",
        "/healthz",
        "/v1/portal/config",
        "/v1/desk/me",
        "/v1/desk/login",
    ] {
        let reply = get(address, path, "").await;
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self';") && policy.contains("object-src 'none'"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
    }
    assert_eq!(get(address, "/v1/desk/me", "").await.header("cache-control"), "no-store");
}

/// The policy would keep an inline script from running; there must be none to begin with.
#[tokio::test]
async fn no_page_has_a_script_in_it() {
    let address = shared().server.address();
    for path in ["/", "/desk", "/console"] {
        let page = get(address, path, "").await.body.to_ascii_lowercase();
        assert!(page.contains("<script") || page.contains("<html"), "{path} is a page");
        for script in page.split("<script").skip(1) {
            let (attributes, rest) = script.split_once('>').unwrap();
            assert!(attributes.contains("src="), "{path}: a script in the page: {script:.100}");
            assert!(rest.trim_start().starts_with("</script>"), "{path}: {rest:.100}");
        }
        assert!(
            !page.contains("javascript:") && !page.contains(" onload=") && !page.contains(" onclick="),
            "{path}"
        );
    }
}

/// Whoever adds a route decides here who may use it; what needs a session is asked for by everybody in `tests/desk`.
#[tokio::test]
async fn these_routes_are_open_to_people_without_a_session_and_no_others() {
    let routes = shared().server.routes();
    let lines = |open: &dyn Fn(&Access) -> bool| {
        let mut lines: Vec<String> = routes
            .iter()
            .filter(|route| open(&route.access))
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        lines.sort();
        lines
    };
    let public = [
        "GET /",
        "GET /console",
        "GET /desk",
        "GET /embed",
        "GET /healthz",
        "GET /metrics",
        "GET /readyz",
        "GET /v1/desk/login",
        "GET /v1/desk/oidc/callback",
        "GET /v1/desk/oidc/start",
        "GET /v1/openapi.json",
        "GET /v1/portal/config",
        "GET /v1/portal/extract/{language}",
        "GET /{*path}",
        "POST /v1/desk/login",
    ];
    assert_eq!(lines(&|access| *access == Access::Public), public);
    assert_eq!(
        lines(&|access| *access == Access::Citizen),
        [
            "GET /v1/conversation",
            "GET /v1/sound",
            "GET /v1/telephone",
            "GET /v1/telephone/{token}",
            "POST /v1/portal/recordings",
            "POST /v1/portal/recordings/{id}/remove",
            "POST /v1/telephone/tokens"
        ]
    );
    let guarded = lines(&|access| matches!(access, Access::Account | Access::Needs(_)));
    let desk = |line: &String| line.contains(" /v1/desk/") || line.starts_with("GET /v1/handoffs/");
    assert!(guarded.len() > 20 && guarded.iter().all(desk), "{guarded:?}");
    // docs/security.md says the same.
    let page = include_str!("../../docs/security.md");
    for route in routes.iter().filter(|route| matches!(route.access, Access::Needs(_))) {
        let line = format!("| `{} {}` | `{}` |", route.method, route.path, route.access);
        assert!(page.contains(&line), "docs/security.md lacks {line}");
    }
}

/// What the server serves is what it describes, and the other way round.
#[tokio::test]
async fn every_route_is_described_and_nothing_else_is() {
    let shared = shared();
    let reply = get(shared.server.address(), "/v1/openapi.json", "").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    let document: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(document, assistant::doors::openapi::description().unwrap());
    let mut described = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let access = operation["x-permission"].as_str().unwrap();
            described.push(format!("{} {path} {access}", method.to_uppercase()));
        }
    }
    let mut served: Vec<String> = shared
        .server
        .routes()
        .iter()
        .map(|route| format!("{} {} {}", route.method, route.path.replace("{*", "{"), route.access))
        .collect();
    described.sort();
    served.sort();
    assert_eq!(described, served);
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let address = shared().server.address();
    let first = get(address, "/", "").await;
    let again = get(address, "/", &format!("If-None-Match: {}\r\n", first.header("etag"))).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(get(address, "/../Cargo.toml", "").await.status, 404);
    assert_eq!(get(address, "/no-such-page", "").await.status, 404);
}

#[tokio::test]
async fn the_portal_learns_languages_notice_and_suggestions_in_both_languages() {
    let reply = get(shared().server.address(), "/v1/portal/config", "").await;
    let config: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(config["languages"], serde_json::json!(["bo", "zh"]));
    assert_eq!(config["sample"], true);
    for language in ["bo", "zh"] {
        assert!(common::has_script(config["notice"][language].as_str().unwrap(), language));
        let suggestions = config["suggestions"][language].as_array().unwrap();
        assert_eq!(suggestions.len(), 6);
        assert!(suggestions.iter().all(|s| common::has_script(s.as_str().unwrap(), language)));
    }
}

#[tokio::test]
async fn health_readiness_and_figures_are_told() {
    let address = shared().server.address();
    assert_eq!(get(address, "/healthz", "").await.status, 200);
    assert_eq!(get(address, "/readyz", "").await.status, 200);
    let mut client = shared().citizen("zh").await;
    client.say("你好").await.unwrap();
    client.wait_for("say").await.unwrap();
    // A turn is counted when it is durable, which the citizen may learn a moment earlier.
    let mut figures = String::new();
    for _ in 0..50 {
        figures = get(address, "/metrics", "").await.body;
        if figures.contains("drilen_turns_total") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for name in [
        "drilen_conversations_total",
        "drilen_turns_total",
        "drilen_connections",
        "drilen_decide_seconds_bucket",
        "drilen_store_ready 1",
        "drilen_queue_waiting{language=\"bo\"} ",
        "drilen_queue_oldest_seconds{language=\"zh\"} ",
        "drilen_queue_overdue{language=\"bo\"} ",
    ] {
        assert!(figures.contains(name), "{name} is missing in\n{figures}");
    }
    assert!(!figures.contains("你好"));
}

#[tokio::test]
async fn a_server_that_lacks_an_engine_serves_what_it_can_and_says_that_it_is_not_ready() {
    let server = start(
        "[hearing]\nbo = { engines = [{ engine = \"ctc\", path = \"/nowhere\" }] }\nzh = { engines = [] }",
    )
    .await;
    let reply = get(server.server.address(), "/readyz", "").await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        serde_json::from_str::<Value>(&reply.body).unwrap(),
        serde_json::json!({"missing": ["hearing.bo"]})
    );
    let mut client = server.citizen("bo").await;
    client.say("བཀྲ་ཤིས་བདེ་ལེགས།").await.unwrap();
    client.wait_for("say").await.unwrap();
}
