//! What a machine does to the server: its disk fills up, its clock jumps.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use end_to_end::{Desk, ServerProcess, ServerSettings, faults};
use examples::{Client, Message, StartOptions};
use serde_json::{Value, json};

const WIDE: &str = "[limits]\nmessages_per_minute = 100000\nstarts_per_minute = 100000\n";
const DAY: i64 = 24 * 3_600;

async fn server(tools: &tempfile::TempDir, settings: &str) -> Result<ServerProcess> {
    let library = faults::library(tools.path())?;
    let configuration = format!("{WIDE}{settings}");
    ServerProcess::start(&ServerSettings {
        configuration,
        faults: Some(library),
        ..ServerSettings::default()
    })
    .await
}

async fn citizen(server: &ServerProcess, language: &str) -> Result<Client> {
    let mut client = Client::connect(&server.portal()).await?;
    client.start(&StartOptions::text(language)).await?;
    Ok(client)
}

/// Sends a message and waits for what the server says to it: `accepted` or an error.
async fn deliver(client: &mut Client, id: &str, text: &str) -> Result<Value> {
    client.send(json!({"type": "text", "id": id, "text": text})).await?;
    loop {
        match client.next().await? {
            Message::Json(m) if m["id"] == id && (m["type"] == "accepted" || m["type"] == "error") => {
                return Ok(m);
            }
            Message::Closed(code) => anyhow::bail!("closed with {code} after {id}"),
            _ => {}
        }
    }
}

async fn everything(server: &ServerProcess, token: &str) -> Result<Vec<Value>> {
    let mut client = Client::connect(&server.portal()).await?;
    let last = client.resume(token, 0).await?["last_seq"].as_u64().context("last_seq")?;
    let mut events = Vec::new();
    while (events.len() as u64) < last {
        if let Message::Json(event) = client.next().await?
            && event["seq"].is_u64()
            && event["at"].is_string()
        {
            events.push(event);
        }
    }
    Ok(events)
}

fn has_script(text: &Value, language: &str) -> bool {
    text.as_str().unwrap_or_default().chars().any(|c| match language {
        "bo" => ('\u{0F00}'..='\u{0FFF}').contains(&c),
        _ => ('\u{4E00}'..='\u{9FFF}').contains(&c),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_loses_nothing_and_is_over_when_there_is_room() -> Result<()> {
    let tools = tempfile::tempdir()?;
    let mut server = server(&tools, "").await?;
    let mut citizens = Vec::new();
    for language in ["bo", "zh"] {
        citizens.push((language, citizen(&server, language).await?, Vec::new()));
    }
    for round in 0..3 {
        for (language, client, acknowledged) in &mut citizens {
            let id = format!("{language}-{round}");
            let told = deliver(client, &id, "你好 བཀྲ་ཤིས།").await?;
            ensure!(told["type"] == "accepted", "{told}");
            acknowledged.push(id);
        }
    }
    faults::disk_full(&server, true)?;
    // What the log file has room for is still taken; then everybody is told, every time, in their language.
    let mut waiting = Vec::new();
    for (language, client, acknowledged) in &mut citizens {
        let mut refused = 0;
        for number in 0..400 {
            let id = format!("{language}-full-{number}");
            let told = deliver(client, &id, &"水满了 ཁེངས་སོང་། ".repeat(60)).await?;
            if told["type"] == "accepted" {
                acknowledged.push(id);
                continue;
            }
            ensure!(told["code"] == "unavailable" && told["fatal"] == false, "{told}");
            ensure!(told["retry_after_ms"].is_u64() && has_script(&told["message"], language), "{told}");
            waiting.push((*language, id));
            refused += 1;
            if refused == 5 {
                break;
            }
        }
        ensure!(refused == 5, "the disk never was full");
    }
    // Nobody gets in, and is told so in both languages; whoever is in can still read.
    let mut stranger = Client::connect(&server.portal()).await?;
    let refused = stranger.start(&StartOptions::text("bo")).await.err().context("begun on a full disk")?;
    ensure!(refused.to_string().contains("unavailable"), "{refused}");
    ensure!(reqwest::get(format!("{}/healthz", server.http())).await?.status().is_success());

    faults::disk_full(&server, false)?;
    for (language, client, acknowledged) in &mut citizens {
        for (_, id) in waiting.iter().filter(|(whose, _)| whose == language) {
            let told = deliver(client, id, "又有地方了 ཡང་ས་ཆ་ཡོད།").await?;
            ensure!(told["type"] == "accepted", "there is room again, but: {told}");
            acknowledged.push(id.clone());
        }
    }
    citizen(&server, "zh").await.context("a new conversation after there is room")?;
    for killed in [false, true] {
        if killed {
            server.kill_and_restart().await?;
        }
        for (_, client, acknowledged) in &citizens {
            let events = everything(&server, client.token.as_deref().context("no token")?).await?;
            ensure!(events.iter().zip(1..).all(|(event, seq)| event["seq"] == seq), "the log has a gap");
            for id in acknowledged {
                let copies = events
                    .iter()
                    .filter(|e| e["type"] == "citizen_message" && e["id"] == id.as_str())
                    .count();
                ensure!(copies == 1, "{id} was acknowledged and is there {copies} times");
            }
        }
        let verified = server.command(&["verify"])?;
        let told = String::from_utf8_lossy(&verified.stdout).into_owned();
        ensure!(verified.status.success() && told.contains("All is well."), "{told}");
        ensure!(server.command(&["audit", "verify"])?.status.success(), "the trail is broken");
    }
    Ok(())
}

/// Waits until a conversation's offer is not this one any more; tells how long that took.
async fn offer_ends(desk: &Desk, conversation: &str, offer: &Value) -> Result<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_mins(1) {
        let lists = desk.get("queue").await?;
        let waiting = lists["waiting"].as_array().cloned().unwrap_or_default();
        let item =
            waiting.iter().find(|item| item["conversation"] == conversation).context("it waits no more")?;
        if item["offer"]["id"] != offer["id"] {
            return Ok(begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the offer is still open after a minute")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_clock_jumps_logs_run_forward_offers_end_and_agents_keep_what_they_have() -> Result<()> {
    let tools = tempfile::tempdir()?;
    let server = server(&tools, "[handoff]\noffer_for = \"5s\"\n").await?;
    let password = server.add_agent("卓玛")?;
    let desk = Desk::login_anew(&server, "卓玛", &password).await?;
    let mut page = desk.live().await?;
    let mut held = Client::connect(&server.portal()).await?;
    let id = held.start(&StartOptions::text("zh")).await?["conversation"].clone();
    let id = id.as_str().context("no id")?.to_owned();
    held.send(json!({"type": "person", "id": "p"})).await?;
    held.wait_for("escalated").await?;
    desk.done(&format!("conversations/{id}/claim"), json!({})).await?;
    held.wait_for("agent_joined").await?;
    for (number, off_by) in [3_600, 0, 3_600 - DAY, 0].into_iter().enumerate() {
        faults::clock_off_by(&server, off_by)?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let told = deliver(&mut held, &format!("m{number}"), "现在几点 ཆུ་ཚོད་ག་ཚོད་རེད།").await?;
        ensure!(told["type"] == "accepted", "after a jump to {off_by}: {told}");
        // An offer made now ends, whatever the wall clock says about it.
        let mut client = Client::connect(&server.portal()).await?;
        let offered = client.start(&StartOptions::text("bo")).await?["conversation"].clone();
        let offered = offered.as_str().context("no id")?.to_owned();
        page.send(json!({"type": "heartbeat"})).await?;
        desk.done("presence", json!({"presence": "available"})).await?;
        client.send(json!({"type": "person", "id": "p"})).await?;
        client.wait_for("escalated").await?;
        let lists = page.wait_for("queue", |lists| {
            lists["waiting"].as_array().is_some_and(|w| {
                w.iter().any(|i| i["conversation"] == offered.as_str() && i["offer"].is_object())
            })
        });
        let lists = lists.await.with_context(|| format!("nothing is offered after a jump to {off_by}"))?;
        let waiting = lists["waiting"].as_array().context("no list")?;
        let item = waiting.iter().find(|item| item["conversation"] == offered.as_str()).context("gone")?;
        // And if the clock is set back an hour in the middle of it.
        faults::clock_off_by(&server, off_by - 3_600)?;
        let took = offer_ends(&desk, &offered, &item["offer"]).await?;
        println!("clock off by {off_by} s and then an hour less: an offer of 5 s ended after {took:?}");
        ensure!(took < Duration::from_secs(30), "an offer of 5 s was open for {took:?}");
        desk.done("presence", json!({"presence": "busy"})).await?;
        client.send(json!({"type": "leave_queue", "id": "l"})).await?;
        client.wait_for("escalation_cancelled").await?;
        faults::clock_off_by(&server, off_by)?;
    }
    let lists = desk.get("queue").await?;
    ensure!(lists["mine"][0]["conversation"] == id.as_str(), "who was there was taken for lost: {lists}");
    let token = held.token.clone().context("no token")?;
    let events = everything(&server, &token).await?;
    let times: Vec<&str> = events.iter().filter_map(|event| event["at"].as_str()).collect();
    ensure!(times.is_sorted(), "the log runs backwards: {times:?}");
    ensure!(!events.iter().any(|event| event["type"] == "agent_left"), "{events:?}");
    // A session that is over by the clock is over: a working day later nothing opens.
    faults::clock_off_by(&server, 2 * DAY)?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, reply) = desk.try_get("queue").await?;
    ensure!(status == 401, "a session lives for ever: {status} {reply}");
    faults::clock_off_by(&server, 0)?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, reply) = desk.try_get("queue").await?;
    ensure!(status == 401, "a session that was over lives again: {status} {reply}");
    ensure!(server.command(&["audit", "verify"])?.status.success(), "the trail is broken");
    ensure!(server.command(&["verify"])?.status.success(), "the store is broken");
    Ok(())
}
