use conversation::{
    CallbackRequested, Choice, CitizenMessage, Closed, ClosedBy, LanguageChanged, Say, Source, Timestamp,
};

use super::*;
use crate::config::Configuration;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn dialogue(chosen: Option<Language>) -> Dialogue {
    let settings = Configuration::with("").unwrap().telephone;
    Dialogue::new(settings, HandOver { by_telephone: (true, false) }, Some("13800001234".to_owned()), chosen)
}

fn event(seq: u64, body: EventBody) -> ServerMessage {
    ServerMessage::Event(Event { seq, at: Timestamp::from_millis(0), body })
}

fn json(value: serde_json::Value) -> EventBody {
    serde_json::from_value(value).unwrap()
}

fn key(dialogue: &mut Dialogue, key: char, now: u64) -> Vec<Step> {
    dialogue.digit(Digit::new(key).unwrap(), at(now))
}

fn phrases(steps: &[Step]) -> Vec<(Phrase, Language)> {
    let parts = steps.iter().filter_map(|step| match step {
        Step::Prompt(prompt) => Some(&prompt.parts),
        _ => None,
    });
    parts.flatten().map(|part| (part.phrase, part.language)).collect()
}

fn sent(steps: &[Step]) -> Vec<&ClientMessage> {
    let sent =
        steps.iter().filter_map(|step| if let Step::Send(message) = step { Some(message) } else { None });
    sent.collect()
}

fn clarify(choices: usize, confirm: bool) -> EventBody {
    let choice =
        |n| Choice { entry: kb::EntryId(format!("e{n}")), question: format!("q{n}"), language: None };
    let choices: Vec<_> = (0..choices).map(choice).collect();
    json(serde_json::json!({
        "type": "clarify", "reply_to": 1, "prompt": "?", "choices": choices, "confirm": confirm
    }))
}

fn say(act: SayAct) -> EventBody {
    EventBody::Say(Say { reply_to: None, text: "…".into(), act, considered: vec![], provenance: None })
}

fn escalated() -> EventBody {
    json(serde_json::json!({"type": "escalated", "reason": "asked", "position": 3, "text": "…"}))
}

#[test]
fn both_languages_are_greeted_the_operators_first_and_each_key_is_named_in_its_own_language() {
    let steps = dialogue(None).open();
    assert_eq!(
        phrases(&steps),
        [
            (Phrase::TelephoneNotice, Language::Bo),
            (Phrase::TelephoneNotice, Language::Zh),
            (Phrase::TelephoneLanguage, Language::Bo),
            (Phrase::TelephoneLanguage, Language::Zh),
        ]
    );
    let Step::Prompt(prompt) = &steps[0] else { panic!("{steps:?}") };
    assert_eq!(prompt.parts[2].value, Some(("key", "1".to_owned())));
    assert_eq!(prompt.parts[3].value, Some(("key", "2".to_owned())));
}

#[test]
fn who_was_asked_for_the_language_by_the_pbx_is_not_asked_again() {
    let steps = dialogue(Some(Language::Zh)).open();
    assert_eq!(
        phrases(&steps),
        [(Phrase::TelephoneNotice, Language::Zh), (Phrase::TelephoneAsk, Language::Zh)]
    );
}

#[test]
fn a_key_chooses_the_language_once_and_then_chooses_among_answers() {
    for (pressed, language) in [('1', Language::Bo), ('2', Language::Zh)] {
        let mut dialogue = dialogue(None);
        let steps = key(&mut dialogue, pressed, 1);
        assert!(matches!(sent(&steps)[..], [ClientMessage::Language(change)] if change.language == language));
        assert_eq!(phrases(&steps), [(Phrase::TelephoneAsk, language)]);
        dialogue.message(&event(5, clarify(3, false)), at(3));
        let steps = key(&mut dialogue, pressed, 4);
        let number = pressed.to_digit(10).unwrap() as u8;
        assert!(
            matches!(sent(&steps)[..], [ClientMessage::Choose(choose)] if choose.choice == number && choose.clarify_seq == 5)
        );
    }
}

#[test]
fn a_language_that_was_spoken_needs_no_key() {
    let mut dialogue = dialogue(None);
    let changed = EventBody::LanguageChanged(LanguageChanged { language: Language::Zh });
    dialogue.message(&event(2, changed), at(5));
    assert!(dialogue.language_known());
    assert_eq!(dialogue.language(), Language::Zh);
    assert_eq!(phrases(&key(&mut dialogue, '1', 6)), [(Phrase::TelephoneKeys, Language::Zh)]);
}

#[test]
fn who_is_not_understood_at_first_is_told_of_the_other_language_in_it() {
    let mut dialogue = dialogue(None);
    let steps = dialogue.message(&event(3, say(SayAct::NotUnderstood)), at(5));
    assert_eq!(phrases(&steps), [(Phrase::TelephoneLanguage, Language::Zh)]);
}

#[test]
fn keys_answer_yes_and_no_one_of_many_and_none_of_them() {
    let mut dialogue = dialogue(Some(Language::Bo));
    for (confirm, pressed, choice) in [
        (true, '1', Some(1)),
        (true, '2', Some(0)),
        (true, '3', None),
        (false, '8', Some(8)),
        (false, '9', Some(0)),
    ] {
        dialogue.message(&event(7, clarify(if confirm { 1 } else { 8 }, confirm)), at(1));
        let steps = key(&mut dialogue, pressed, 2);
        match choice {
            Some(choice) => {
                assert!(
                    matches!(sent(&steps)[..], [ClientMessage::Choose(c)] if c.choice == choice),
                    "{steps:?}"
                );
            }
            None => assert_eq!(phrases(&steps), [(Phrase::TelephoneKeys, Language::Bo)]),
        }
    }
    let message = CitizenMessage {
        id: MessageId::try_from("a").unwrap(),
        text: String::new(),
        source: Source::Voice,
        language: Language::Bo,
        dictation: false,
        sound: None,
    };
    dialogue.message(&event(8, EventBody::CitizenMessage(message)), at(3));
    assert!(sent(&key(&mut dialogue, '1', 4)).is_empty(), "an answered question takes no keys any more");
}

#[test]
fn nought_asks_for_a_person_hash_repeats_star_slows_down_and_back() {
    let mut dialogue = dialogue(Some(Language::Bo));
    assert!(matches!(sent(&key(&mut dialogue, '0', 1))[..], [ClientMessage::Person(_)]));
    assert!(matches!(sent(&key(&mut dialogue, '#', 2))[..], [ClientMessage::Repeat(_)]));
    let steps = key(&mut dialogue, '*', 3);
    assert!(matches!(
        sent(&steps)[..],
        [ClientMessage::Voice(Voice { voice: true, slow: true }), ClientMessage::Repeat(_)]
    ));
    assert!(dialogue.is_slow());
    key(&mut dialogue, '*', 4);
    assert!(!dialogue.is_slow());
}

#[test]
fn who_says_nothing_is_asked_then_told_the_keys_then_said_good_bye_to() {
    let mut dialogue = dialogue(Some(Language::Zh));
    assert!(dialogue.tick(at(7)).is_empty());
    assert_eq!(phrases(&dialogue.tick(at(8))), [(Phrase::TelephoneSilence, Language::Zh)]);
    dialogue.sounding(true, at(9));
    assert!(dialogue.tick(at(30)).is_empty(), "nobody is asked while they listen");
    dialogue.sounding(false, at(30));
    assert!(dialogue.tick(at(37)).is_empty());
    assert_eq!(phrases(&dialogue.tick(at(38))), [(Phrase::TelephoneSilenceKeys, Language::Zh)]);
    let steps = dialogue.tick(at(46));
    assert_eq!(phrases(&steps), [(Phrase::TelephoneNobody, Language::Zh)]);
    assert!(matches!(&steps[1], Step::Prompt(prompt) if prompt.then == Then::HangUp));
    assert!(dialogue.tick(at(99)).is_empty());
}

#[test]
fn a_word_or_a_key_makes_silence_begin_anew_and_who_thinks_aloud_is_not_asked() {
    let mut dialogue = dialogue(Some(Language::Zh));
    dialogue.tick(at(8));
    key(&mut dialogue, '5', 10);
    assert!(dialogue.tick(at(17)).is_empty());
    let id = MessageId::try_from("said-1").unwrap();
    let started = ServerMessage::Signal(Signal::SpeechStarted { id, at_ms: 0 });
    assert_eq!(dialogue.message(&started, at(17)), [Step::Hush]);
    assert!(dialogue.tick(at(40)).is_empty());
    dialogue.message(&event(4, say(SayAct::Greeting)), at(41));
    assert_eq!(phrases(&dialogue.tick(at(49))), [(Phrase::TelephoneSilence, Language::Zh)]);
}

#[test]
fn three_noisy_turns_lead_to_the_keys() {
    let mut dialogue = dialogue(Some(Language::Bo));
    for seq in 1..=2 {
        assert!(dialogue.message(&event(seq, say(SayAct::NotHeard)), at(seq)).is_empty());
    }
    let steps = dialogue.message(&event(3, say(SayAct::NotHeard)), at(3));
    assert_eq!(phrases(&steps), [(Phrase::TelephoneNoise, Language::Bo)]);
}

#[test]
fn who_wants_a_person_is_handed_over_where_people_answer_telephones_and_waits_where_they_do_not() {
    let mut bo = dialogue(Some(Language::Bo));
    let steps = bo.message(&event(3, escalated()), at(5));
    assert!(matches!(&steps[..], [Step::Prompt(prompt)] if prompt.then == Then::HandOver));
    assert!(key(&mut bo, '9', 6).is_empty(), "while it is being handed over, keys do nothing");
    let steps = bo.transfer(Transfer::Failed(486), at(9));
    assert_eq!(phrases(&steps), [(Phrase::TelephoneTransferFailed, Language::Bo)]);
    assert!(!phrases(&bo.tick(at(60))).is_empty(), "whoever waits is kept company");
    bo.transfer(Transfer::Done, at(10));
    assert!(bo.is_over());

    let mut zh = dialogue(Some(Language::Zh));
    let steps = zh.message(&event(3, escalated()), at(5));
    assert_eq!(phrases(&steps), [(Phrase::TelephoneWaiting, Language::Zh)]);
}

#[test]
fn who_waits_hears_chimes_and_their_place_and_can_leave_or_be_called_back() {
    let mut dialogue = dialogue(Some(Language::Zh));
    dialogue.message(&event(3, escalated()), at(0));
    dialogue.message(&ServerMessage::Signal(Signal::Queue { position: 3, wait_minutes: None }), at(1));
    assert!(dialogue.tick(at(5)).is_empty());
    assert_eq!(dialogue.tick(at(6)), [Step::Chime]);
    assert!(dialogue.tick(at(7)).is_empty());
    let steps = dialogue.tick(at(30));
    assert_eq!(
        phrases(&steps),
        [(Phrase::TelephonePlace, Language::Zh), (Phrase::TelephoneWaiting, Language::Zh)]
    );
    let Step::Prompt(prompt) = &steps[0] else { panic!("{steps:?}") };
    assert_eq!(prompt.parts[0].value, Some(("count", "2".to_owned())));
    assert!(matches!(sent(&key(&mut dialogue, '9', 31))[..], [ClientMessage::LeaveQueue(_)]));
    let steps = key(&mut dialogue, '8', 32);
    assert!(matches!(sent(&steps)[..], [ClientMessage::Callback(wish)] if wish.number == "13800001234"));
    let requested = json(serde_json::json!({
        "type": "callback_requested", "number": "…", "from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "text": "…"
    }));
    assert!(matches!(requested, EventBody::CallbackRequested(CallbackRequested { .. })));
    assert_eq!(dialogue.message(&event(4, requested), at(33)), [Step::HangUp]);
}

#[test]
fn a_withheld_number_cannot_be_called_back() {
    let settings = Configuration::with("").unwrap().telephone;
    let hand_over = HandOver { by_telephone: (false, false) };
    let mut dialogue = Dialogue::new(settings, hand_over, None, Some(Language::Bo));
    dialogue.message(&event(3, escalated()), at(0));
    assert_eq!(phrases(&key(&mut dialogue, '8', 1)), [(Phrase::TelephoneNoCaller, Language::Bo)]);
}

#[test]
fn the_longest_call_is_announced_and_then_over_but_never_for_whoever_waits() {
    let mut dialogue = dialogue(Some(Language::Zh));
    let longest = dialogue.settings.longest_call.as_secs();
    dialogue.held(true, at(longest - 60));
    assert_eq!(phrases(&dialogue.tick(at(longest - 60))), [(Phrase::TelephoneLongest, Language::Zh)]);
    assert!(dialogue.tick(at(longest - 59)).is_empty());
    dialogue.message(&event(3, escalated()), at(longest - 50));
    assert!(
        phrases(&dialogue.tick(at(longest + 1))).iter().all(|(phrase, _)| *phrase != Phrase::TelephoneOver)
    );
    let cancelled = json(serde_json::json!({"type": "escalation_cancelled", "text": "…"}));
    dialogue.message(&event(4, cancelled), at(longest + 2));
    assert_eq!(phrases(&dialogue.tick(at(longest + 3))), [(Phrase::TelephoneOver, Language::Zh)]);
}

#[test]
fn a_good_bye_ends_the_call_and_so_does_a_restart() {
    let mut one = dialogue(Some(Language::Zh));
    assert_eq!(one.message(&event(3, say(SayAct::Goodbye)), at(1)), [Step::HangUp]);
    let mut two = dialogue(Some(Language::Zh));
    let closed = EventBody::Closed(Closed { by: ClosedBy::Agent, text: "…".into() });
    assert_eq!(two.message(&event(3, closed), at(1)), [Step::HangUp]);
    let mut three = dialogue(Some(Language::Zh));
    let steps = three.drain();
    assert_eq!(phrases(&steps), [(Phrase::TelephoneDraining, Language::Zh)]);
    assert!(three.drain().is_empty());
}

#[test]
fn who_speaks_up_during_the_good_bye_to_silence_is_heard_after_all() {
    let started = || {
        let id = MessageId::try_from("said-1").unwrap();
        ServerMessage::Signal(Signal::SpeechStarted { id, at_ms: 0 })
    };
    let leaving = || {
        let mut dialogue = dialogue(Some(Language::Zh));
        for now in [8, 16, 24] {
            dialogue.tick(at(now));
        }
        assert!(dialogue.is_over());
        dialogue
    };
    let mut speaks = leaving();
    assert_eq!(speaks.message(&started(), at(25)), [Step::Stay, Step::Hush]);
    assert!(!speaks.is_over());
    let mut presses = leaving();
    let steps = key(&mut presses, '0', 25);
    assert_eq!(steps[0], Step::Stay);
    assert!(matches!(sent(&steps)[..], [ClientMessage::Person(_)]));
    // A call that is over for another reason stays over.
    let mut over = dialogue(Some(Language::Zh));
    over.drain();
    assert_eq!(over.message(&started(), at(2)), [Step::Hush]);
    assert!(over.is_over() && key(&mut over, '0', 3).is_empty());
}

#[test]
fn whom_an_agent_puts_back_into_the_queue_is_kept_company_there() {
    for (outcome, waits) in [("returned", false), ("requeued", true), ("lost", true), ("transferred", true)] {
        let mut dialogue = dialogue(Some(Language::Zh));
        dialogue.message(&event(3, escalated()), at(0));
        let joined =
            json(serde_json::json!({"type": "agent_joined", "agent": {"name": "卓玛"}, "text": "…"}));
        dialogue.message(&event(4, joined), at(1));
        assert!(dialogue.tick(at(60)).is_empty(), "whoever talks with an agent hears no chime");
        let left = json(serde_json::json!({"type": "agent_left", "outcome": outcome, "text": "…"}));
        dialogue.message(&event(5, left), at(60));
        assert_eq!(dialogue.tick(at(66)) == [Step::Chime], waits, "{outcome}");
    }
}

#[test]
fn a_wish_for_a_person_after_a_failed_transfer_may_find_one_the_next_time() {
    let mut dialogue = dialogue(Some(Language::Bo));
    dialogue.message(&event(3, escalated()), at(0));
    dialogue.transfer(Transfer::Failed(486), at(5));
    dialogue
        .message(&event(4, json(serde_json::json!({"type": "escalation_cancelled", "text": "…"}))), at(6));
    let steps = dialogue.message(&event(9, escalated()), at(20));
    assert!(matches!(&steps[..], [Step::Prompt(prompt)] if prompt.then == Then::HandOver));
}
