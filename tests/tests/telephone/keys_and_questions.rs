//! Callers by SIP: the language by what is spoken or by key, questions, a person, hanging up.

use std::time::Duration;

use anyhow::Result;
use conversation::{CallHappened, ClosedBy, EventBody};
use end_to_end::telephone::Action;
use language::Language;

use super::stage::{House, Question, answered, closed_by, happened, has, kinds, press, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_understood_by_voice_and_by_key_and_may_leave_at_any_time() -> Result<()> {
    if !has(&["sipp"]) {
        return Ok(());
    }
    // It opens in Tibetan first.
    let house = House::open("").await?;
    tokio::try_join!(
        asks_without_a_key(&house, Language::Bo),
        asks_without_a_key(&house, Language::Zh),
        chooses(&house, "2", Language::Zh),
        hangs_up_while_waiting(&house),
        hangs_up(&house),
    )?;
    house.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hotline_that_opens_in_chinese_has_a_key_for_tibetan() -> Result<()> {
    if !has(&["sipp"]) {
        return Ok(());
    }
    let house = House::open("[telephone]\ndefault_language = \"zh\"\n").await?;
    tokio::try_join!(chooses(&house, "1", Language::Bo), asks_without_a_key(&house, Language::Bo))?;
    house.close().await
}

/// Speaks into the greeting, and is answered in the language that was spoken.
async fn asks_without_a_key(house: &House, language: Language) -> Result<()> {
    let call = format!("asks-{}@test", language.code());
    let question = Question::of("idcard-renew", language)?;
    let file = house.hotline.folder().join(format!("asks-{}.pcap", language.code()));
    let length = question.packets(&file, 3, 10)?;
    // Where it asks whether it has understood, yes.
    let actions = vec![Action::Play(file), Action::Wait(length), press("1"), wait(5), Action::HangUp];
    let mut caller = house.sipp(&call, None, actions)?;
    assert!(caller.wait(Duration::from_mins(2)).await?, "{}", caller.errors());
    house.until_kind(&call, "closed").await?;
    let (state, events) = house.hotline.conversation(&call).await?.expect("a conversation");
    assert_eq!(state.language, language);
    assert!(answered(&events, &question), "{language}: {:?}", kinds(&events));
    Ok(())
}

async fn chooses(house: &House, key: &str, language: Language) -> Result<()> {
    let call = format!("chooses-{key}@test");
    let mut caller =
        house.sipp(&call, None, vec![wait(2), press(key), wait(2), press("0"), wait(3), Action::HangUp])?;
    assert!(caller.wait(Duration::from_mins(1)).await?, "{}", caller.errors());
    let events = house.events(&call).await?;
    let changed = events.iter().any(
        |event| matches!(&event.body, EventBody::LanguageChanged(changed) if changed.language == language),
    );
    assert!(changed, "{:?}", kinds(&events));
    let told = events.iter().find_map(|event| match &event.body {
        EventBody::Escalated(escalated) => Some(escalated.text.clone()),
        _ => None,
    });
    let script = |c: char| match language {
        Language::Bo => ('\u{0F00}'..='\u{0FFF}').contains(&c),
        Language::Zh => ('\u{4E00}'..='\u{9FFF}').contains(&c),
    };
    assert!(told.as_ref().is_some_and(|text| text.chars().any(script)), "{told:?}");
    Ok(())
}

async fn hangs_up_while_waiting(house: &House) -> Result<()> {
    let call = "waits@test";
    let actions = vec![wait(2), press("0"), wait(4), Action::HangUp];
    let mut caller = house.sipp(call, Some(Language::Bo), actions)?;
    assert!(caller.wait(Duration::from_mins(1)).await?, "{}", caller.errors());
    house.until_kind(call, "abandoned").await?;
    let events = house.events(call).await?;
    assert!(kinds(&events).contains(&"escalated") && happened(&events, CallHappened::HungUp));
    assert!(!kinds(&events).contains(&"closed"), "who went away while waiting keeps their place for a while");
    Ok(())
}

async fn hangs_up(house: &House) -> Result<()> {
    let call = "leaves@test";
    let mut caller = house.sipp(call, Some(Language::Zh), vec![wait(3), Action::HangUp])?;
    assert!(caller.wait(Duration::from_mins(1)).await?, "{}", caller.errors());
    house.until_kind(call, "closed").await?;
    let events = house.events(call).await?;
    assert!(happened(&events, CallHappened::HungUp));
    assert_eq!(closed_by(&events), Some(ClosedBy::Citizen));
    Ok(())
}
