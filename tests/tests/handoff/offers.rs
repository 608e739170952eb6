//! The server dies while somebody is being offered to an agent.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use end_to_end::{Desk, ServerProcess, ServerSettings};
use examples::{Client, StartOptions};
use serde_json::{Value, json};

use crate::stage::{WIDE, ask_for_a_person, everything, listed};

/// A server with one agent to whom one citizen is offered.
struct Offered {
    server: ServerProcess,
    desk: Desk,
    token: String,
    conversation: String,
    since: Value,
    offer: Value,
}

async fn offered(offer_for: &str) -> Result<Offered> {
    let configuration = format!("{WIDE}[handoff]\noffer_for = \"{offer_for}\"\n");
    let server = ServerProcess::start(&ServerSettings { configuration, ..ServerSettings::default() }).await?;
    let password = server.add_agent("卓玛")?;
    let desk = Desk::login_anew(&server, "卓玛", &password).await?;
    let mut citizen = Client::connect(&server.portal()).await?;
    let welcome = citizen.start(&StartOptions::text("bo")).await?;
    let since = ask_for_a_person(&mut citizen).await?["at"].clone();
    let conversation = welcome["conversation"].as_str().context("no id")?.to_owned();
    desk.done("presence", json!({"presence": "available"})).await?;
    let item = listed(&desk, "waiting", &conversation, |item| item["status"] == "offered").await?;
    ensure!(item["since"] == since, "{item}");
    let (token, offer) = (citizen.token.clone().context("no token")?, item["offer"].clone());
    Ok(Offered { server, desk, token, conversation, since, offer })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_outlives_the_server_and_can_still_be_taken() -> Result<()> {
    let Offered { mut server, desk, token, conversation, since, offer } = offered("60s").await?;
    server.kill_and_restart().await?;
    let item = listed(&desk, "waiting", &conversation, |item| item["status"] == "offered").await?;
    ensure!(item["offer"] == offer && item["since"] == since, "before: {offer}, after: {item}");
    let accept = format!("conversations/{conversation}/accept");
    desk.done(&accept, json!({"offer": offer["id"]})).await?;
    let (status, reply) = desk.post(&accept, json!({"offer": offer["id"]})).await?;
    ensure!(status == 409 && reply["error"]["code"] == "offer_over", "taken twice: {status} {reply}");
    let events = everything(&server.portal(), &token).await?;
    let joined = events.iter().filter(|event| event["type"] == "agent_joined").count();
    ensure!(joined == 1, "the citizen was told {joined} times that somebody is there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_that_ended_while_the_server_was_down_is_over_and_the_queue_time_is_kept() -> Result<()> {
    let Offered { mut server, desk, token, conversation, since, offer } = offered("5s").await?;
    server.kill()?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    server.restart().await?;
    // Back in the queue, or offered anew by now; the old offer is good for nothing.
    let item = listed(&desk, "waiting", &conversation, |item| item["offer"]["id"] != offer["id"]).await?;
    ensure!(item["since"] == since, "queued since {since}, now {item}");
    let accept = format!("conversations/{conversation}/accept");
    let (status, reply) = desk.post(&accept, json!({"offer": offer["id"]})).await?;
    ensure!(status == 409 && reply["error"]["code"] == "offer_over", "{status} {reply}");
    let decline = format!("conversations/{conversation}/decline");
    let (status, reply) = desk.post(&decline, json!({"offer": offer["id"]})).await?;
    ensure!(status == 409 && reply["error"]["code"] == "offer_over", "{status} {reply}");
    desk.done("presence", json!({"presence": "busy"})).await?;
    listed(&desk, "waiting", &conversation, |item| item["status"] == "queued").await?;
    desk.done(&format!("conversations/{conversation}/claim"), json!({})).await?;
    let events = everything(&server.portal(), &token).await?;
    let ended = events.iter().filter(|event| event["type"] == "offer_ended").count();
    ensure!(ended >= 1, "the log does not know that the offer ended: {events:?}");
    Ok(())
}
