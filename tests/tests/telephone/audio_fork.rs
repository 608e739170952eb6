//! FreeSWITCH's `mod_audio_fork` and jambonz' `listen`.

use std::time::{Duration, Instant};

use anyhow::Result;
use conversation::CallHappened;
use language::Language;
use serde_json::json;
use telephone::Rate;

use super::caller::Caller;
use super::media_socket::{Door, Wording, dial};
use super::stage::{House, Question, happened};

async fn call(
    house: &House,
    (id, rate): (&str, Rate),
    (subprotocol, query): (&str, &str),
    preamble: String,
) -> Result<Caller> {
    let door = Door { query, subprotocol: Some(subprotocol), origin: None };
    dial(house, (id, rate), Wording::AudioFork, door, vec![preamble]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freeswitch_and_jambonz_bring_questions_and_keys() -> Result<()> {
    let house = House::open("").await?;
    tokio::try_join!(freeswitch(&house), jambonz(&house))?;
    house.close().await
}

/// The preamble that a FreeSWITCH 1.10.12 sent says no rate: its frames do. The caller speaks into the greeting.
async fn freeswitch(house: &House) -> Result<()> {
    let id = "b0ea45d5-92d5-4a4a-9d5c-2f1d7a1c8f11";
    let preamble = json!({"uuid": id, "from": "13800001234"}).to_string();
    let caller = call(house, (id, Rate::Wide), ("audio.drachtio.org", "lang=zh"), preamble).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    let spoken = Instant::now();
    caller.ask(house, &Question::of("idcard-renew", Language::Zh)?).await?;
    caller.is_told("flush", spoken).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    assert!(caller.heard().marks > 0, "marks come back");
    caller.hang_up().await?;
    house.until_kind(id, "closed").await?;
    assert!(happened(&house.events(id).await?, CallHappened::HungUp));
    Ok(())
}

/// jambonz says its rate and what the application knows, and passes keys on.
async fn jambonz(house: &House) -> Result<()> {
    let id = "7c5c3f0a-2f3d-4f6a-8f0e-d2f6c8b0a001";
    let preamble = json!({
        "callSid": id, "callId": "x@h", "from": "+8613800001234", "to": "12345", "direction": "inbound",
        "callStatus": "in-progress", "sampleRate": 8000, "mixType": "mono", "metadata": {"lang": "bo"},
    });
    let caller = call(house, (id, Rate::Narrow), ("audio.jambonz.org", ""), preamble.to_string()).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    caller.press('0').await?;
    house.until_kind(id, "escalated").await?;
    caller.press('8').await?;
    house.until_kind(id, "callback_requested").await?;
    let heard = caller.ends().await?;
    assert!(heard.commands.iter().any(|(_, command)| command == "disconnect"), "{:?}", heard.commands);
    house.until_happened(id, CallHappened::Ended).await
}
