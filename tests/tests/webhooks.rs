//! Another system is told what happens: signed, again where it did not take it, and also across a kill of the server.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use end_to_end::{ServerProcess, ServerSettings};
use examples::{Client, StartOptions};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// What came, by its id, with the number of times.
type Came = Arc<Mutex<HashMap<String, (usize, HeaderMap, Bytes)>>>;

/// Takes nothing the first time.
async fn take(State(came): State<Came>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let mut came = came.lock().await;
    let times = 1 + came.get(&id).map_or(0, |(times, ..)| *times);
    came.insert(id, (times, headers, body));
    if times == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
}

#[tokio::test]
async fn a_ticket_system_hears_of_an_escalation_although_it_and_the_server_were_down() {
    let came = Came::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = Router::new().route("/hook", post(take)).with_state(Arc::clone(&came));
    tokio::spawn(async move { axum::serve(listener, receiver).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let configuration = format!(
        "[[webhooks]]\nname = \"tickets\"\nurl = \"http://{address}/hook\"\nsecret_file = \"{}\"\nevents = [\"escalated\"]\n",
        secret.display()
    );
    let mut server =
        ServerProcess::start(&ServerSettings { configuration, ..ServerSettings::default() }).await.unwrap();
    let mut client = Client::connect(&server.portal()).await.unwrap();
    let welcome = client.start(&StartOptions::text("bo")).await.unwrap();
    client.send(json!({"type": "person", "id": "p1"})).await.unwrap();
    until(&came, 1, &server).await;
    server.kill_and_restart().await.unwrap();
    until(&came, 2, &server).await;
    let came = came.lock().await;
    assert_eq!(came.len(), 1);
    let (_, headers, body) = came.values().next().unwrap();
    let told: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(told["type"], "conversation.escalated");
    assert_eq!(
        (&told["data"]["conversation"], &told["data"]["language"]),
        (&welcome["conversation"], &json!("bo"))
    );
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    assert!(headers["webhook-timestamp"].to_str().unwrap().parse::<i64>().unwrap() > 1_700_000_000);
}

/// Until something came so often: the second time is five seconds after the first.
async fn until(came: &Came, times: usize, server: &ServerProcess) {
    let begun = Instant::now();
    while !came.lock().await.values().any(|(count, ..)| *count >= times) {
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing came: {}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
