//! Citizens who want to be called back, and agents who have them called.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use conversation::{AttemptOutcome, CallHappened, ClosedBy, Event, EventBody};
use end_to_end::Desk;
use end_to_end::telephone::Action;
use language::Language;
use serde_json::json;

use super::called::{Answers, Called};
use super::stage::{House, closed_by, happened, has, kinds, press, wait};

/// The citizen's number: `sipp` calls from it.
const NUMBER: &str = "13800001234";
/// The agent's telephone.
const EXTENSION: &str = "sip:900@pbx.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_may_hang_up_and_is_called_back() -> Result<()> {
    if !has(&["sipp"]) {
        return Ok(());
    }
    let house = House::open("").await?;
    let desk = house.agent("dolma").await?;
    tokio::try_join!(
        asks_to_be_called(&house, "back-by-telephone@test", Language::Zh),
        asks_to_be_called(&house, "back-by-text@test", Language::Bo),
    )?;
    // One after the other: both citizens have the same telephone.
    by_telephone(&house, &desk, "back-by-telephone@test").await?;
    by_text(&house, &desk, "back-by-text@test").await?;
    house.close().await
}

/// Waits on the line for a person, and presses 8: the call ends by itself.
async fn asks_to_be_called(house: &House, call: &str, language: Language) -> Result<()> {
    let actions = vec![wait(2), press("0"), wait(4), press("8"), Action::BeHungUp];
    let mut caller = house.sipp(call, Some(language), actions)?;
    let went = caller.wait(Duration::from_mins(1)).await?;
    assert!(went, "{}", caller.errors());
    let events = house.events(call).await?;
    assert!(happened(&events, CallHappened::Ended), "{:?}", kinds(&events));
    assert!(!kinds(&events).contains(&"abandoned"), "who is called back has not given up");
    let number = events.iter().find_map(|event| match &event.body {
        EventBody::CallbackRequested(wish) => Some(wish.number.as_str()),
        _ => None,
    });
    assert_eq!(number, Some(NUMBER));
    Ok(())
}

fn outcomes(events: &[Event]) -> Vec<AttemptOutcome> {
    let attempted = events.iter().filter_map(|event| match &event.body {
        EventBody::CallbackAttempted(attempt) => Some(attempt.outcome),
        _ => None,
    });
    attempted.collect()
}

/// Busy at first; then the citizen is given to the agent's telephone, which learns nothing but the call's id.
async fn by_telephone(house: &House, desk: &Desk, call: &str) -> Result<()> {
    let path = format!("conversations/{}", house.id(call).await?);
    let (status, _) = desk.post(&format!("{path}/call"), json!({})).await?;
    assert_eq!(status, 403, "claimed first");
    desk.done(&format!("{path}/claim"), json!({})).await?;

    let mut busy = Called::start(house.citizens, Answers::Busy, &house.hotline.folder())?;
    desk.done(&format!("{path}/call"), json!({"extension": EXTENSION})).await?;
    busy.ends().await?;
    house.until_kind(call, "callback_attempted").await?;
    let events = house.events(call).await?;
    assert_eq!(outcomes(&events), [AttemptOutcome::Busy]);
    assert!(happened(&events, CallHappened::NotAnswered));
    drop(busy);

    // It is a task again, for whoever takes it.
    desk.done(&format!("{path}/claim"), json!({})).await?;
    let mut answers = Called::start(house.citizens, Answers::AndIsGivenAway, &house.hotline.folder())?;
    let begun = Instant::now();
    desk.done(&format!("{path}/call"), json!({"extension": EXTENSION})).await?;
    answers.ends().await?;
    house.until_happened(call, CallHappened::Transferred).await?;
    let events = house.events(call).await?;
    assert_eq!(outcomes(&events), [AttemptOutcome::Busy, AttemptOutcome::Reached]);
    assert!(answers.heard_since(begun) > Duration::from_secs(1), "who calls is said first");
    let messages = answers.messages();
    let header = |text: &str, name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().to_owned())
    };
    let invite = messages.split("INVITE ").nth(1).context("no INVITE")?;
    let refer = messages.split("REFER ").nth(1).context("no REFER")?;
    let refer = refer.split("\r\n\r\n").next().unwrap_or_default();
    assert!(header(invite, "From:").is_some_and(|from| from.contains("12345")), "{invite}");
    assert_eq!(header(refer, "Refer-To:"), Some(format!("<{EXTENSION}>")));
    let id = header(refer, "X-Call-UUID:").context("no id")?;
    assert_eq!(header(invite, "X-Call-UUID:").as_ref(), Some(&id));
    let known = ["To:", "From:"];
    let told = refer.lines().skip(1).filter(|line| !known.iter().any(|name| line.starts_with(name)));
    assert!(!told.clone().any(|line| line.contains(NUMBER)), "{refer}");

    // The agent's telephone rings with that id, and their screen asks for the conversation by it.
    let (status, view) = desk.try_get(&format!("../handoffs/{id}")).await?;
    assert_eq!((status, view["conversation"].as_str()), (200, path.strip_prefix("conversations/")));
    desk.done(&format!("{path}/resolve"), json!({})).await?;
    Ok(())
}

/// Without a telephone the agent writes, and the citizen hears it.
async fn by_text(house: &House, desk: &Desk, call: &str) -> Result<()> {
    let path = format!("conversations/{}", house.id(call).await?);
    desk.done(&format!("{path}/claim"), json!({})).await?;
    let mut citizen = Called::start(house.citizens, Answers::AndStays, &house.hotline.folder())?;
    let begun = Instant::now();
    desk.done(&format!("{path}/call"), json!({})).await?;
    citizen.hears(begun, Duration::from_secs(1)).await?;
    citizen.falls_silent(Duration::from_millis(1_500)).await?;
    let written = Instant::now();
    let text = json!({"id": "1", "text": "བཀྲ་ཤིས་བདེ་ལེགས། ངས་ཁྱེད་ལ་རོགས་རམ་བྱེད་ཀྱི་ཡིན།"});
    desk.done(&format!("{path}/messages"), text).await?;
    citizen.hears(written, Duration::from_secs(1)).await?;
    desk.done(&format!("{path}/resolve"), json!({})).await?;
    // The good-bye is heard, too.
    citizen.ends().await?;
    let events = house.events(call).await?;
    assert_eq!(closed_by(&events), Some(ClosedBy::Agent));
    assert_eq!(outcomes(&events), [AttemptOutcome::Reached]);
    assert!(happened(&events, CallHappened::Answered), "{:?}", kinds(&events));
    Ok(())
}
