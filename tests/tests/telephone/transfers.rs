//! Callers who are to be given to people on the telephone.

use std::time::Duration;

use anyhow::{Context, Result};
use conversation::{CallHappened, ClosedBy, EventBody};
use end_to_end::telephone::{Action, Capture, Stream, rtp_streams};
use language::Language;
use serde_json::json;

use super::stage::{House, Question, answered, closed_by, happened, has, kinds, media_port, press, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cannot_be_given_to_a_person_is_told_and_may_go_on_with_the_assistant() -> Result<()> {
    if !has(&["sipp", "tcpdump"]) {
        return Ok(());
    }
    let house = House::open("[telephone.transfer]\nbo = \"900\"\nzh = \"901\"\n").await?;
    tokio::try_join!(
        goes_on(&house, Language::Bo, "900"),
        goes_on(&house, Language::Zh, "901"),
        waits_on(&house)
    )?;
    house.close().await
}

/// The agent's telephone is busy; the caller hears that, presses 9, asks a question, and hangs up.
async fn goes_on(house: &House, language: Language, extension: &str) -> Result<()> {
    let call = format!("refused-{}@test", language.code());
    let question = Question::of("idcard-renew", language)?;
    let folder = house.hotline.folder();
    let file = folder.join(format!("goes-on-{}.pcap", language.code()));
    let length = question.packets(&file, 2, 10)?;
    let actions = vec![
        wait(2),
        press("0"),
        Action::BeReferred(486),
        wait(5),
        press("9"),
        wait(2),
        Action::Play(file),
        Action::Wait(length),
        press("1"),
        wait(4),
        Action::HangUp,
    ];
    let media = media_port()?;
    let capture =
        Capture::start(&folder.join(format!("{extension}.cap")), &format!("udp and dst port {media}"))?;
    let mut caller = house.sipp_at(media, &call, Some(language), actions)?;
    assert!(caller.wait(Duration::from_mins(2)).await?, "{}", caller.errors());
    house.until_kind(&call, "closed").await?;

    let events = house.events(&call).await?;
    let failed = CallHappened::TransferFailed { code: 486 };
    assert!(happened(&events, failed), "{:?}", kinds(&events));
    let at = |kind: &str| {
        kinds(&events)
            .iter()
            .position(|found| *found == kind)
            .with_context(|| format!("no {kind} in {:?}", kinds(&events)))
    };
    assert!(at("escalated")? < at("escalation_cancelled")? && at("escalation_cancelled")? < at("answer")?);
    assert!(answered(&events, &question), "{:?}", kinds(&events));
    assert_eq!(closed_by(&events), Some(ClosedBy::Citizen));
    let refer = caller.messages();
    assert!(refer.contains(&format!("sip:{extension}@127.0.0.1")), "{refer}");

    // After the refusal, and before the citizen says anything, the assistant is heard.
    let failed_at =
        events.iter().find(|event| matches!(&event.body, EventBody::Call(call) if call.happened == failed));
    let failed_at = failed_at.context("no event")?.at.as_millis() as f64 / 1_000.0;
    let streams = rtp_streams(&capture.stop()?);
    let said = streams.values().flat_map(Stream::loudness).filter(|(at, loudness)| {
        let since = at.as_secs_f64() - failed_at;
        (0.0..5.0).contains(&since) && *loudness > 300.0
    });
    assert!(said.count() > 50, "the caller is told that nobody answered");
    Ok(())
}

/// Nobody answers by telephone; the caller waits on the line, and an agent takes the conversation at the desk.
async fn waits_on(house: &House) -> Result<()> {
    let call = "refused-waits@test";
    let actions = vec![wait(2), press("0"), Action::BeReferred(503), Action::BeHungUp];
    let mut caller = house.sipp(call, Some(Language::Zh), actions)?;
    house.until_happened(call, CallHappened::TransferFailed { code: 503 }).await?;
    let desk = house.agent("tashi").await?;
    let path = format!("conversations/{}", house.id(call).await?);
    desk.done(&format!("{path}/claim"), json!({})).await?;
    house.until_kind(call, "agent_joined").await?;
    desk.done(&format!("{path}/resolve"), json!({})).await?;
    assert!(caller.wait(Duration::from_mins(1)).await?, "{}", caller.errors());
    assert_eq!(closed_by(&house.events(call).await?), Some(ClosedBy::Agent));
    Ok(())
}
