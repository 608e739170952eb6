//! Timelines: how people speak, in frames of 16 ms.

use super::*;

const FRAME: usize = 256;

/// One stretch of a timeline.
#[derive(Clone, Copy)]
enum Stretch {
    Speech(u32),
    Silence(u32),
}
use Stretch::{Silence, Speech};

/// Runs a timeline; returns what happened with its time in milliseconds.
fn run(rules: EndpointRules, timeline: &[Stretch]) -> Vec<(u64, Boundary)> {
    let mut endpointer = Endpointer::new(rules, FRAME);
    let mut events = Vec::new();
    for stretch in timeline {
        let (probability, milliseconds) = match *stretch {
            Speech(milliseconds) => (0.9, milliseconds),
            Silence(milliseconds) => (0.05, milliseconds),
        };
        for _ in 0..milliseconds / 16 {
            let boundary = endpointer.frame(probability);
            events.extend(boundary.map(|boundary| (endpointer.now() * 16, boundary)));
        }
    }
    events
}

fn ends(events: &[(u64, Boundary)]) -> Vec<(u64, EndReason)> {
    events
        .iter()
        .filter_map(|&(at, boundary)| match boundary {
            Boundary::Ended { reason, .. } => Some((at, reason)),
            Boundary::Started { .. } => None,
        })
        .collect()
}

#[test]
fn an_ordinary_question_ends_after_its_silence() {
    let events = run(EndpointRules::portal(), &[Silence(1600), Speech(2400), Silence(3200)]);
    let [(started, Boundary::Started { since }), (ended, Boundary::Ended { reason, speech: Some(speech) })] =
        events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (since, started),
        (100, 1600 + 96),
        "it began where the speech began and was believed 96 ms later"
    );
    assert_eq!(reason, EndReason::Silence);
    assert!((4000 + 850..4000 + 890).contains(&ended), "{ended}");
    assert_eq!(speech, SpeechSpan { since: 100, until: 250, voiced: 150 });
}

#[test]
fn digits_read_out_in_groups_with_growing_pauses_stay_one_utterance() {
    let groups =
        [Speech(600), Silence(480), Speech(600), Silence(720), Speech(600), Silence(1000), Speech(600)];
    let events =
        run(EndpointRules::portal(), &[&groups[..], &[Silence(1040), Speech(640), Silence(4000)]].concat());
    assert_eq!(ends(&events).len(), 1, "{events:?}");
    let spoken: u64 = (600 * 4 + 480 + 720 + 1000 + 1040 + 640) as u64;
    let (at, reason) = ends(&events)[0];
    assert_eq!(reason, EndReason::Silence);
    assert!(at > spoken + 1500 && at < spoken + 1900, "the slow speaker is given more time at the end: {at}");
}

#[test]
fn a_quick_speaker_does_not_wait_for_a_slow_speakers_silence() {
    let events = run(EndpointRules::portal(), &[Speech(800), Silence(160), Speech(800), Silence(3200)]);
    let (at, _) = ends(&events)[0];
    assert!(at <= 1760 + 900, "{at}");
}

#[test]
fn somebody_who_says_um_and_thinks_gets_more_time() {
    let events = run(EndpointRules::portal(), &[Speech(240), Silence(1120), Speech(1600), Silence(3200)]);
    assert_eq!(ends(&events).len(), 1, "{events:?}");
}

#[test]
fn a_click_neither_begins_an_utterance_nor_keeps_one_open() {
    let clicks = [Speech(48), Silence(800)];
    assert!(run(EndpointRules::portal(), &clicks).is_empty());
    let events = run(EndpointRules::portal(), &[Speech(1600), Silence(400), Speech(32), Silence(1600)]);
    let (at, _) = ends(&events)[0];
    assert!(at <= 1600 + 900, "the silence counts from the last word: {at}");
}

#[test]
fn silence_is_asked_about_again_and_again_unless_that_is_switched_off() {
    let impatient = EndpointRules { no_speech_at_all_ms: 8_000, ..EndpointRules::portal() };
    let events = run(impatient, &[Silence(25_000)]);
    assert_eq!(ends(&events).iter().map(|end| end.1).collect::<Vec<_>>(), [EndReason::NoSpeech; 3]);
    // On the telephone the hotline asks.
    assert!(run(EndpointRules::telephone(), &[Silence(600_000)]).is_empty());
}

#[test]
fn ten_minutes_of_chatter_come_in_pieces_of_the_maximum() {
    let events = run(EndpointRules::portal(), &[Speech(600_000)]);
    let ends = ends(&events);
    assert!(ends.iter().all(|end| end.1 == EndReason::MaximumUtterance));
    assert!((19..=20).contains(&ends.len()), "{}", ends.len());
}

#[test]
fn faint_word_endings_between_the_two_thresholds_are_still_speech() {
    let mut endpointer = Endpointer::new(EndpointRules::portal(), FRAME);
    assert!((0..60).filter_map(|_| endpointer.frame(0.9)).count() == 1);
    assert!((0..200).all(|_| endpointer.frame(0.4).is_none()));
    let mut quiet = Endpointer::new(EndpointRules::portal(), FRAME);
    assert!((0..200).all(|_| quiet.frame(0.4).is_none()), "but they do not begin an utterance");
}

#[test]
fn rules_are_read_from_configuration_and_nonsense_is_explained() {
    let rules: EndpointRules = serde_json::from_str(r#"{"silence_after_speech_ms": 700}"#).unwrap();
    assert_eq!(rules, EndpointRules { silence_after_speech_ms: 700, ..EndpointRules::portal() });
    assert!(rules.validate().is_ok() && EndpointRules::telephone().validate().is_ok());
    assert!(serde_json::from_str::<EndpointRules>(r#"{"silence": 700}"#).is_err());
    let broken: [fn(&mut EndpointRules); 7] = [
        |rules| rules.start_threshold = 1.5,
        |rules| rules.stop_threshold = 0.9,
        |rules| rules.maximum_utterance_ms = 61_000,
        |rules| rules.silence_after_speech_ms = 50,
        |rules| rules.longest_silence_ms = 300,
        |rules| rules.slow_speaker_factor = f32::NAN,
        |rules| rules.continue_within_ms = 6_000,
    ];
    for breaking in broken {
        let mut rules = EndpointRules::portal();
        breaking(&mut rules);
        assert!(rules.validate().is_err(), "{rules:?}");
    }
}
