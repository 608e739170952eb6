//! A citizen comes back: after hours, after a day, after it was over.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use end_to_end::Desk;
use examples::{Client, Message};
use serde_json::json;

use crate::stage::{House, ask_for_a_person, everything};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_a_day_the_token_opens_the_conversation_where_it_was_and_after_it_does_not() -> Result<()> {
    let house = House::open_at("10:00:00", "").await?;
    let mut client = house.citizen("bo").await?;
    client.say("བཀྲ་ཤིས་བདེ་ལེགས།").await?;
    client.wait_for("say").await?;
    let (token, seen) = (client.token.clone().context("no token")?, client.last_seq);
    client.say("ཐུགས་རྗེ་ཆེ།").await?;
    client.wait_for("say").await?;
    let last = client.last_seq;
    client.close().await?;
    house.clock.advance(Duration::from_hours(23) + Duration::from_mins(59));
    let house = house.restart().await?;
    let mut again = house.back(&token, seen).await?;
    for expected in seen + 1..=last {
        let Message::Json(event) = again.next().await? else { anyhow::bail!("no event {expected}") };
        ensure!(event["seq"] == expected, "{expected} was awaited: {event}");
    }
    again.say("བཀྲ་ཤིས་བདེ་ལེགས།").await?;
    again.wait_for("say").await?;
    again.close().await?;
    house.clock.advance(Duration::from_hours(24) + Duration::from_secs(1));
    let refused = house.back(&token, last).await.err().context("a day later it opens")?;
    ensure!(refused.to_string().contains("bad_token"), "{refused}");
    Ok(())
}

/// Served by an agent and resolved; the citizen's connection stays as it is.
async fn settled(house: &House, desk: &Desk, language: &str) -> Result<(Client, String)> {
    let mut client = house.citizen(language).await?;
    ask_for_a_person(&mut client).await?;
    let lists = desk.get("queue").await?;
    let id = lists["waiting"][0]["conversation"].as_str().context("nobody waits")?.to_owned();
    desk.done(&format!("conversations/{id}/claim"), json!({})).await?;
    client.wait_for("agent_joined").await?;
    desk.done(&format!("conversations/{id}/resolve"), json!({})).await?;
    ensure!(client.wait_for("closed").await?["by"] == "agent");
    Ok((client, id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reopens_goes_on_without_a_new_connection_and_with_the_same_agent() -> Result<()> {
    let house = House::open_at("10:00:00", "").await?;
    let (same, other) = (house.agent("卓玛").await?, house.agent("格桑").await?);
    for language in ["bo", "zh"] {
        let (mut client, id) = settled(&house, &same, language).await?;
        // Both are free, the other one for longer.
        other.done("presence", json!({"presence": "available"})).await?;
        house.clock.advance(Duration::from_secs(1));
        same.done("presence", json!({"presence": "available"})).await?;
        // A citizen needs a moment to see that it is not settled.
        tokio::time::sleep(Duration::from_millis(600)).await;
        client.send(json!({"type": "reopen", "id": "again"})).await?;
        ensure!(client.wait_for("reopened").await?["position"] == 1);
        client.say("还有一件事 ད་དུང་དོན་ཞིག་ཡོད།").await?;
        while client.wait_for("citizen_message").await?["text"] != "还有一件事 ད་དུང་དོན་ཞིག་ཡོད།"
        {
        }
        let item = crate::stage::listed(&same, "waiting", &id, |item| item["status"] == "offered").await?;
        let me = same.get("me").await?["agent"]["id"].clone();
        ensure!(item["offer"]["agent"]["id"] == me, "offered to somebody else: {item}");
        same.done(&format!("conversations/{id}/accept"), json!({"offer": item["offer"]["id"]})).await?;
        ensure!(client.wait_for("agent_joined").await?["agent"]["name"] == "卓玛");
        for desk in [&same, &other] {
            desk.done("presence", json!({"presence": "busy"})).await?;
        }
        same.done(&format!("conversations/{id}/resolve"), json!({})).await?;
        client.wait_for("closed").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_matter_is_reopened_from_a_new_connection_within_a_day_and_no_longer() -> Result<()> {
    let house = House::open_at("10:00:00", "").await?;
    let desk = house.agent("卓玛").await?;
    let (client, _) = settled(&house, &desk, "zh").await?;
    let token = client.token.clone().context("no token")?;
    client.close().await?;
    house.clock.advance(Duration::from_hours(23));
    let house = house.restart().await?;
    let mut back = house.back(&token, 0).await?;
    back.send(json!({"type": "reopen", "id": "r1"})).await?;
    back.wait_for("reopened").await?;
    back.close().await?;
    // Whoever reads it from the beginning meets `closed` and `reopened`, and stays connected.
    let events = everything(&house.portal(), &token).await?;
    ensure!(events.iter().any(|event| event["type"] == "reopened"), "{events:?}");
    let mut reader = house.back(&token, 0).await?;
    let last = events.len() as u64;
    while reader.last_seq < last {
        ensure!(matches!(reader.next().await?, Message::Json(_)), "closed while reading");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    reader.say("还在").await?;
    reader.wait_for("accepted").await?;

    let desk = house.log_in("卓玛").await?;
    let (late, _) = {
        let lists = desk.get("queue").await?;
        let id = lists["waiting"][0]["conversation"].as_str().context("nobody waits")?.to_owned();
        desk.done(&format!("conversations/{id}/claim"), json!({})).await?;
        desk.done(&format!("conversations/{id}/resolve"), json!({})).await?;
        (reader, id)
    };
    late.close().await?;
    house.clock.advance(Duration::from_hours(24) + Duration::from_secs(1));
    match house.back(&token, 0).await {
        Err(refused) => ensure!(refused.to_string().contains("bad_token"), "{refused}"),
        Ok(mut client) => {
            client.send(json!({"type": "reopen", "id": "r2"})).await?;
            let answer = client.wait_for("reopened").await.err().context("reopened after more than a day")?;
            ensure!(answer.to_string().contains("closed"), "{answer}");
        }
    }
    Ok(())
}
