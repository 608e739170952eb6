//! What a browser, a load balancer and a monitoring system see.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::net::SocketAddr;

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
async fn the_portal_and_the_desk_are_served_with_headers_that_keep_them_safe() {
    let address = shared().server.address();
    for path in ["/", "/desk"] {
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
    let figures = get(address, "/metrics", "").await.body;
    for name in [
        "drilen_conversations_total",
        "drilen_turns_total",
        "drilen_connections",
        "drilen_decide_seconds_bucket",
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
