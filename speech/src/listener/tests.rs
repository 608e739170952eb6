//! A scripted detector hears "speech" wherever the samples are loud, so that a timeline is written as sound.

use proptest::prelude::*;

use super::*;
use crate::endpoint::LONGEST_UTTERANCE_MS;

struct Loudness;

impl VoiceActivityDetector for Loudness {
    fn frame_samples(&self) -> usize {
        256
    }
    fn probability(&mut self, frame: &[f32]) -> f32 {
        assert_eq!(frame.len(), 256);
        if frame.iter().map(|sample| sample.abs()).sum::<f32>() > 25.6 { 0.95 } else { 0.02 }
    }
    fn reset(&mut self) {}
}

fn listener() -> Listener {
    Listener::new(Box::new(Loudness), EndpointRules::portal())
}

fn speech(milliseconds: usize) -> Vec<f32> {
    vec![0.5; milliseconds * 16]
}

fn silence(milliseconds: usize) -> Vec<f32> {
    vec![0.0; milliseconds * 16]
}

fn utterances(events: Vec<ListenerEvent>) -> Vec<Utterance> {
    let ended = |event| match event {
        ListenerEvent::Ended(utterance) => Some(utterance),
        _ => None,
    };
    events.into_iter().filter_map(ended).collect()
}

#[test]
fn a_question_comes_out_whole_with_a_little_sound_around_it() {
    let mut listener = listener();
    let events = listener.push(&[silence(2000), speech(2000), silence(2000)].concat());
    assert!(matches!(events[0], ListenerEvent::SpeechStarted { at_ms: 1984..=2016 }), "{:?}", events[0]);
    let [utterance] = &utterances(events)[..] else { panic!() };
    assert_eq!(utterance.reason, EndReason::Silence);
    let spoken = utterance.audio.iter().filter(|sample| **sample > 0.0).count();
    assert_eq!(spoken, 32_000, "no sample of it is missing");
    let milliseconds = utterance.audio.len() / 16;
    assert!((2000 + 320 + 200..2000 + 320 + 300).contains(&milliseconds), "{milliseconds}");
    assert!((1960..=2040).contains(&utterance.speech_ms), "{}", utterance.speech_ms);
    assert!((1650..=1700).contains(&utterance.at_ms), "{}", utterance.at_ms);
    assert!(!listener.is_speaking() && listener.audio().is_empty());
}

#[test]
fn two_questions_in_one_stream_are_two_utterances() {
    let sound = [speech(1000), silence(2500), speech(1000), silence(2500)].concat();
    let events = listener().push(&sound);
    let settled = events.iter().filter(|event| **event == ListenerEvent::Settled).count();
    assert_eq!(settled, 2);
    let found = utterances(events);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].resumed_at, found[1].resumed_at), (None, None));
    assert!(found[1].at_ms >= 2000, "{}", found[1].at_ms);
}

fn kinds(events: &[ListenerEvent]) -> Vec<&'static str> {
    let kind = |event: &ListenerEvent| match event {
        ListenerEvent::SpeechStarted { .. } => Some("started"),
        ListenerEvent::SpeechResumed { .. } => Some("resumed"),
        ListenerEvent::Ended(_) => Some("ended"),
        ListenerEvent::Settled => Some("settled"),
        ListenerEvent::PartialDue { .. } | ListenerEvent::Paused { .. } => None,
    };
    events.iter().filter_map(kind).collect()
}

#[test]
fn who_goes_on_soon_after_the_end_goes_on_with_the_same_utterance() {
    let mut listener = listener();
    let sound =
        [silence(1000), speech(1000), silence(1500), speech(700), silence(1400), speech(600), silence(3000)];
    let events = listener.push(&sound.concat());
    assert_eq!(
        kinds(&events),
        ["started", "ended", "resumed", "ended", "resumed", "ended", "settled"],
        "and once more"
    );
    let spoken = |audio: &[f32]| audio.iter().filter(|sample| **sample > 0.0).count() / 16;
    let [first, second, third] = &utterances(events)[..] else { panic!() };
    assert_eq!([spoken(&first.audio), spoken(&second.audio), spoken(&third.audio)], [1000, 1700, 2300]);
    assert_eq!((first.resumed_at, first.at_ms), (None, second.at_ms), "all of it, from its beginning");
    assert!(first.audio.len() < second.audio.len() && second.audio.starts_with(&first.audio));
    for (utterance, rest) in [(second, 700), (third, 600)] {
        let at = utterance.resumed_at.unwrap();
        assert_eq!(spoken(&utterance.audio[at..]), rest, "the rest by itself, with a little sound before it");
        let before = utterance.audio[at..].iter().position(|sample| *sample > 0.0).unwrap() / 16;
        assert!((200..=340).contains(&before), "{before}");
    }
    // 850 ms of silence have gone by at the end, of two seconds.
    assert!((1100..=1160).contains(&first.listening_ms), "{}", first.listening_ms);
    assert!(second.speech_ms.abs_diff(1700) < 40 && third.speech_ms.abs_diff(2300) < 60);
    assert!(!listener.is_waiting_for_more() && listener.audio().is_empty());
}

#[test]
fn whoever_can_tell_that_a_question_is_whole_may_be_wrong_too() {
    let mut listener = listener();
    listener.set_judged(true);
    let events = listener.push(&[speech(1000), silence(500)].concat());
    let Some(ListenerEvent::Paused { pause }) = events.last().cloned() else { panic!("{events:?}") };
    let first = listener.complete(pause).unwrap();
    assert!((1400..=1600).contains(&first.listening_ms), "{}", first.listening_ms);
    let events = listener.push(&[silence(500), speech(500), silence(1500)].concat());
    assert_eq!(kinds(&events), ["resumed", "ended"]);
    let [whole] = &utterances(events)[..] else { panic!() };
    assert!(whole.audio.starts_with(&first.audio) && whole.resumed_at.is_some());
}

#[test]
fn a_turn_that_its_speaker_ended_or_that_nobody_waits_on_is_not_gone_on_with() {
    let mut committed = listener();
    committed.push(&speech(1000));
    assert_eq!(committed.commit().listening_ms, 0);
    assert_eq!(kinds(&committed.push(&[silence(300), speech(500)].concat())), ["started"]);
    let mut settled = listener();
    settled.push(&[speech(1000), silence(1000)].concat());
    assert!(settled.is_waiting_for_more());
    settled.settle();
    assert_eq!(kinds(&settled.push(&speech(500))), ["started"]);
    let never = EndpointRules { continue_within_ms: 0, ..EndpointRules::portal() };
    let mut never = Listener::new(Box::new(Loudness), never);
    let events = never.push(&[speech(1000), silence(1000), speech(1000)].concat());
    assert_eq!(kinds(&events), ["started", "ended", "started"]);
}

#[test]
fn an_utterance_that_is_gone_on_with_for_ever_is_cut_at_the_longest() {
    let mut listener = listener();
    let sound = [speech(900), silence(1200)].concat().repeat(40);
    let events = listener.push(&sound);
    let found = utterances(events);
    let longest = found.iter().map(|utterance| utterance.audio.len() / 16).max().unwrap();
    assert!((29_000..=30_100).contains(&longest), "{longest}");
    assert!(listener.buffer.len() <= 33_000 * 16);
}

#[test]
fn a_commit_ends_at_once_and_loses_nothing() {
    let mut listener = listener();
    listener.push(&[silence(500), speech(1003)].concat());
    let utterance = listener.commit();
    assert_eq!(utterance.reason, EndReason::Committed);
    assert_eq!(utterance.audio.iter().filter(|sample| **sample > 0.0).count(), 1003 * 16);
    let next = utterances(listener.push(&[silence(300), speech(1000), silence(2000)].concat()));
    assert_eq!(next.len(), 1, "and the next question is heard");
    assert_eq!(next[0].audio.iter().filter(|sample| **sample > 0.0).count(), 16_000);
    assert!((1400..1600).contains(&next[0].at_ms), "{}", next[0].at_ms);
}

#[test]
fn a_voice_too_soft_for_the_detector_is_still_there_when_the_citizen_says_done() {
    let mut listener = listener();
    let soft = vec![0.01; 3000 * 16];
    assert!(utterances(listener.push(&soft)).is_empty());
    let utterance = listener.commit();
    assert_eq!((utterance.audio.len(), utterance.speech_ms), (soft.len(), 0));
    assert!(listener.commit().audio.is_empty());
}

#[test]
fn a_cancelled_question_is_forgotten() {
    let mut listener = listener();
    listener.push(&speech(1000));
    assert!(listener.is_speaking());
    listener.cancel();
    assert!(!listener.is_speaking());
    assert!(utterances(listener.push(&silence(3000))).is_empty());
    assert_eq!(listener.elapsed_ms(), 4000);
}

#[test]
fn partials_come_three_times_a_second_while_somebody_speaks() {
    let mut listener = listener();
    let mut lengths = Vec::new();
    for event in listener.push(&[speech(20_000), silence(2000)].concat()) {
        if let ListenerEvent::PartialDue { length_ms } = event {
            lengths.push(length_ms);
        }
    }
    let gaps: Vec<u32> = lengths.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (300..330).contains(gap)), "{gaps:?}");
    assert!(*lengths.last().unwrap() <= 20_100, "none in the silence at the end");
}

#[test]
fn a_partial_can_be_decoded_from_what_was_said_so_far() {
    let mut listener = listener();
    listener.push(&[silence(1000), speech(800)].concat());
    let audio = listener.audio();
    assert!((1000..1200).contains(&(audio.len() / 16)), "{}", audio.len() / 16);
}

#[test]
fn ten_minutes_at_once_never_hold_more_than_one_utterance_in_memory() {
    let rules = EndpointRules { maximum_utterance_ms: LONGEST_UTTERANCE_MS, ..EndpointRules::portal() };
    let mut listener = Listener::new(Box::new(Loudness), rules);
    let found = utterances(listener.push(&speech(600_000)));
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|utterance| utterance.reason == EndReason::MaximumUtterance));
    assert!(listener.buffer.capacity() <= 2 * 61_000 * 16);
    let total: usize = found.iter().map(|utterance| utterance.audio.len()).sum();
    assert_eq!(total + listener.audio().len(), 600_000 * 16, "and nothing falls between two of them");
    let mut waiting = self::listener();
    waiting.push(&silence(600_000));
    assert!(waiting.buffer.len() <= 2 * KEPT_WITHOUT_SPEECH + 256);
}

proptest! {
    #[test]
    fn how_the_stream_is_cut_into_packets_makes_no_difference(
        stretches in prop::collection::vec((any::<bool>(), 10_usize..2500), 1..8),
        packet in 1_usize..2000,
    ) {
        let sound: Vec<f32> =
            stretches.iter().flat_map(|&(spoken, ms)| if spoken { speech(ms) } else { silence(ms) }).collect();
        let whole = listener().push(&sound);
        let mut listener = listener();
        let pieces: Vec<ListenerEvent> = sound.chunks(packet).flat_map(|piece| listener.push(piece)).collect();
        prop_assert_eq!(pieces, whole);
    }
}

fn paused(events: &[ListenerEvent]) -> Vec<u64> {
    let pause = |event: &ListenerEvent| match event {
        ListenerEvent::Paused { pause } => Some(*pause),
        _ => None,
    };
    events.iter().filter_map(pause).collect()
}

#[test]
fn a_judge_is_asked_at_every_pause_and_ends_a_whole_question_early() {
    let mut listener = listener();
    listener.set_judged(true);
    let events = listener.push(&[speech(1000), silence(700), speech(500), silence(450)].concat());
    assert_eq!(paused(&events), [1, 1, 2], "after 400 and 600 ms of the first pause, and 400 of the second");
    assert!(listener.complete(1).is_none(), "the speaker has gone on since");
    let utterance = listener.complete(2).unwrap();
    assert_eq!(utterance.reason, EndReason::Complete);
    assert_eq!(utterance.audio.iter().filter(|sample| **sample > 0.0).count(), 24_000);
    assert!(listener.complete(2).is_none(), "once");
    assert!(!listener.is_speaking());
}

#[test]
fn with_a_judge_who_is_not_sure_silence_ends_the_question_later() {
    let sound = [speech(1000), silence(1200), speech(1000), silence(2100)].concat();
    assert_eq!(utterances(listener().push(&sound)).len(), 2, "without a judge it is cut in two");
    let mut patient = listener();
    patient.set_judged(true);
    let found = utterances(patient.push(&sound));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].reason, EndReason::Silence);
    assert!(paused(&listener().push(&sound)).is_empty(), "nobody is asked who cannot tell");
}

#[test]
fn a_question_that_has_only_begun_is_waited_for() {
    let sound = [speech(1000), silence(1450), speech(1000), silence(2100)].concat();
    let mut listener = listener();
    listener.set_judged(true);
    let mut found = Vec::new();
    for packet in sound.chunks(320) {
        let events = listener.push(packet);
        // Only the first half is a beginning.
        for pause in paused(&events) {
            listener.set_begun(pause, pause == 1);
        }
        found.extend(utterances(events));
    }
    assert_eq!(found.len(), 1, "1.45 s are too long for one who may have finished, not for one who has not");
    let rest = found[0].audio.len() as u64 / 16 - 3_600;
    assert!(rest < 700, "what came after the pause is waited on no longer than usual: {rest} ms more");
}

#[test]
fn loudness_is_measured_utterance_by_utterance() {
    let mut listener = listener();
    let loud = utterances(listener.push(&[vec![1.0; 16_000], silence(1500)].concat()));
    assert_eq!(loud[0].levels.complaint(), Some(crate::Complaint::TooLoud));
    let fine = utterances(listener.push(&[silence(1000), speech(1000), silence(1500)].concat()));
    assert_eq!(fine[0].levels.complaint(), None);
}
