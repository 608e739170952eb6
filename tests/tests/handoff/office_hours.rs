//! The office closes while people wait.

use anyhow::{Context, Result, ensure};
use examples::{Client, Message};
use serde_json::{Value, json};

use crate::stage::{House, ask_for_a_person, conversation_of, everything, has_script};

const HOURS: &str = "[handoff.hours]\ntime_zone = \"Asia/Shanghai\"\nweek = [[\"09:30-18:00\"], [\"09:30-18:00\"], [\"09:30-18:00\"], [\"09:30-18:00\"], \
                     [\"09:30-18:00\"], [], []]\n";

/// The notice that the office has closed.
async fn notice(client: &mut Client) -> Result<Value> {
    loop {
        let said = client.wait_for("say").await?;
        if said["act"] == "notice" && said["reply_to"].is_null() {
            return Ok(said);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_when_the_office_closes_is_told_and_still_stands_in_order_in_the_morning() -> Result<()> {
    let house = House::open_at("17:50:00", HOURS).await?;
    let mut citizens = Vec::new();
    for n in 0..6 {
        let language = ["bo", "zh"][n % 2];
        let mut client = house.citizen(language).await?;
        let escalated = ask_for_a_person(&mut client).await?;
        ensure!(escalated["position"] == n + 1, "{escalated}");
        citizens.push((language, client, escalated));
        house.clock.advance(std::time::Duration::from_secs(30));
    }
    house.set_to("2026-03-02T18:00:10")?;
    for (language, client, _) in &mut citizens {
        let text = notice(client).await?["text"].clone();
        ensure!(has_script(&text, language), "{text}");
        let (number, tomorrow) = if *language == "zh" {
            ("电话", "明天9点半")
        } else {
            ("ཁ་པར", "སང་ཉིན་")
        };
        let text = text.as_str().unwrap_or_default();
        ensure!(text.contains(number) && text.contains(tomorrow), "no call back is offered: {text}");
    }
    // Who comes now is told at once, and still gets a place.
    let mut late = house.citizen("zh").await?;
    let escalated = ask_for_a_person(&mut late).await?;
    ensure!(escalated["position"] == 7 && escalated["text"].as_str().unwrap_or_default().contains("明天"));
    // One takes the offer.
    let (_, second, _) = &mut citizens[1];
    second.send(json!({"type": "callback", "id": "cb", "number": "༠༨༩༡ 632 1234"})).await?;
    second.wait_for("callback_requested").await?;

    // In the night the server is restarted, and tells nobody twice.
    house.set_to("2026-03-03T02:00:00")?;
    let tokens: Vec<String> = citizens.iter().filter_map(|(_, client, _)| client.token.clone()).collect();
    let house = house.restart().await?;
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    for token in &tokens {
        let events = everything(&house.portal(), token).await?;
        let notices = events.iter().filter(|e| e["type"] == "say" && e["act"] == "notice").count();
        ensure!(notices == 1, "told {notices} times: {events:?}");
        ensure!(!events.iter().any(|e| e["type"] == "closed" || e["type"] == "escalation_cancelled"));
    }

    house.set_to("2026-03-03T09:30:30")?;
    let desk = house.agent("卓玛").await?;
    let mut clients = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        clients.push(house.back(token, citizens[n].1.last_seq).await?);
    }
    let lists = desk.get("queue").await?;
    let ids = |list: &Value| -> Vec<(String, String)> {
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let items = list.as_array().into_iter().flatten();
        items.map(|item| (text(item, "conversation"), text(item, "since"))).collect()
    };
    let waiting = ids(&lists["waiting"]);
    ensure!(waiting.len() == 6, "five of the six and the late one wait: {waiting:?}");
    drop(clients);
    let mut expected = Vec::new();
    for (n, token) in tokens.iter().enumerate().filter(|(n, _)| *n != 1) {
        let since = citizens[n].2["at"].as_str().context("no time")?.to_owned();
        expected.push((conversation_of(&house.portal(), token).await?, since));
    }
    ensure!(waiting[..5] == expected[..], "now {waiting:?}, in the evening {expected:?}");
    let called = ids(&lists["callbacks"]);
    let second = conversation_of(&house.portal(), &tokens[1]).await?;
    ensure!(called.iter().any(|(id, _)| *id == second), "the call back is not in its list: {called:?}");
    // And the first is served.
    let mut first = house.back(&tokens[0], 0).await?;
    desk.done(&format!("conversations/{}/claim", waiting[0].0), json!({})).await?;
    loop {
        match first.next().await? {
            Message::Json(event) if event["type"] == "agent_joined" => break,
            Message::Closed(code) => anyhow::bail!("closed with {code}"),
            _ => {}
        }
    }
    Ok(())
}
