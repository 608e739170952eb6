//! Asterisk's `chan_websocket`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conversation::CallHappened;
use futures::{SinkExt as _, StreamExt as _};
use language::Language;
use serde_json::json;
use telephone::Rate;
use tokio_tungstenite::tungstenite::Message;

use super::caller::Caller;
use super::media_socket::{Door, Wording, dial, knock, token};
use super::stage::{House, KEY, Question, happened, kinds};

/// What an Asterisk 24 sent first.
fn media_start(channel: &str) -> String {
    json!({
        "event": "MEDIA_START", "connection_id": "botws", "channel": "WebSocket/botws/0x7f87", "channel_id": channel,
        "format": "slin16", "optimal_frame_size": 640, "ptime": 20,
        "channel_variables": {"DIALEDPEERNUMBER": "botws/c(slin16)v(lang=bo,case=42)"},
    })
    .to_string()
}

const fn media(query: &str) -> Door<'_> {
    Door { query, subprotocol: Some("media"), origin: None }
}

/// `Dial(WebSocket/botws/c(slin16)v(lang=…,token=…))`.
async fn call(house: &House, channel: &str, language: Language) -> Result<Caller> {
    let query = format!("lang={}", language.code());
    dial(house, (channel, Rate::Wide), Wording::Asterisk, media(&query), vec![media_start(channel)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_pbx_with_the_right_token_gets_in_and_a_caller_may_interrupt() -> Result<()> {
    let house = House::open("").await?;
    tokio::try_join!(strangers(&house), interruption(&house))?;
    house.close().await
}

async fn strangers(house: &House) -> Result<()> {
    for key in [None, Some("another key of thirty-two or more"), Some("")] {
        assert_eq!(token(house, key, "").await?.0, 401, "{key:?}");
    }
    let (status, good) = token(house, Some(KEY), "").await?;
    ensure!(status == 200);
    let (_, expired) = token(house, Some(KEY), "seconds=0").await?;
    let mut changed = good.clone();
    changed.replace_range(changed.len() - 1.., if changed.ends_with('A') { "B" } else { "A" });
    for query in [
        String::new(),
        format!("token={expired}"),
        format!("token={changed}"),
        format!("token={}", KEY.replace(' ', "+")),
    ] {
        let refused = knock(house, &media(&query)).await?;
        assert_eq!(refused.err(), Some(401), "{query}");
    }
    let query = format!("token={good}");
    let page = Door { origin: Some("https://portal.example"), ..media(&query) };
    assert_eq!(knock(house, &page).await?.err(), Some(403), "a page has no business here");

    // Whose call it is turns out when it begins.
    let (_, another) = token(house, Some(KEY), "call=1795446755.98").await?;
    let query = format!("token={another}");
    let mut socket = knock(house, &media(&query)).await?.ok().context("the token itself is good")?;
    socket.send(Message::text(media_start("1795446755.99"))).await?;
    let end = tokio::time::timeout(Duration::from_secs(10), async {
        while let Some(Ok(message)) = socket.next().await {
            ensure!(!message.is_binary(), "somebody else's call is spoken to");
        }
        Ok(())
    });
    end.await.context("somebody else's call is not ended")??;
    assert!(house.hotline.conversation("1795446755.99").await?.is_none());
    Ok(())
}

/// A question in Tibetan, and another one into its answer.
async fn interruption(house: &House) -> Result<()> {
    let (first, second) =
        (Question::of("idcard-renew", Language::Bo)?, Question::of("idcard-lost", Language::Bo)?);
    let caller = call(house, "1795446755.13", Language::Bo).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    caller.ask(house, &first).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    assert!(caller.heard().marks > 0, "marks come back");

    let spoken = Instant::now();
    caller.ask(house, &second).await?;
    let flushed = caller.is_told("flush", spoken).await? - spoken;
    // Speech is noticed within a third of a second; the rest is this machine's.
    assert!(flushed < Duration::from_secs(2), "quiet {flushed:?} after the caller began to speak");
    let events = house.events(&caller.call).await?;
    assert!(kinds(&events).contains(&"interrupted"), "{:?}", kinds(&events));
    assert!(!kinds(&events).contains(&"language_changed"), "v(lang=bo) has chosen the language");

    let call = caller.call.clone();
    caller.hang_up().await?;
    house.until_kind(&call, "closed").await?;
    assert!(happened(&house.events(&call).await?, CallHappened::HungUp));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_a_person_goes_on_in_the_dial_plan_when_the_record_is_there() -> Result<()> {
    let house = House::open("[telephone.transfer]\ndial_plan = true\n").await?;
    let desk = house.agent("dolma").await?;
    let caller = call(&house, "1795446755.14", Language::Zh).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    let pressed = Instant::now();
    caller.press('0').await?;
    let told = caller.is_told("HANGUP", pressed).await?;
    // The dial plan goes on at this moment, and the agent's screen asks.
    let (status, view) = desk.try_get("../handoffs/1795446755.14").await?;
    assert_eq!((status, &view["status"]), (200, &json!("queued")));
    let heard = caller.heard().sound;
    let said = heard.iter().filter(|frame| frame.at > pressed && frame.at < told && frame.loudness > 300.0);
    assert!(said.count() > 50, "the caller hears first what happens");

    caller.ends().await?;
    house.until_happened("1795446755.14", CallHappened::Transferred).await?;
    let events = house.events("1795446755.14").await?;
    assert!(!kinds(&events).contains(&"abandoned"), "{:?}", kinds(&events));
    house.close().await
}
