//! `mod_audio_fork` as a real FreeSWITCH 1.10.12 spoke it, and jambonz' `listen` as its documentation says.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use support::{Pbx, call, connection, ended, event, handshake, next, no_call, say, settings, text, why};
use telephone::sockets::{Message, NoCall, answer};
use telephone::{Carrier, Digit, Ended, FromCaller, Leg, Rate, ToCaller, Transfer};

const PREAMBLE: &str = r#"{"uuid":"b0ea45d5-92d5-4a4a-9d5c-2f1d7a1c8f11","from":"13800001234"}"#;
const JAMBONZ: &str = r#"{"callSid":"7c5c3f0a-2f3d-4f6a-8f0e-d2f6c8b0a001","callId":"x@h","from":"+8613800001234","to":"12345","direction":"inbound","callStatus":"in-progress","sampleRate":8000,"mixType":"mono","metadata":{"lang":"bo"}}"#;

/// The call of the trace: a preamble without a rate, then frames of 640 bytes.
async fn traced() -> (Pbx, Leg) {
    let (pbx, connection) = connection(10_000);
    pbx.text(PREAMBLE);
    pbx.binary(640);
    (pbx, answer(connection, &handshake("audio.drachtio.org", &[]), settings()).await.unwrap())
}

#[tokio::test]
async fn the_trace_becomes_a_call_with_its_sound() {
    let (pbx, mut leg) = traced().await;
    assert_eq!(leg.call.id.as_str(), "b0ea45d5-92d5-4a4a-9d5c-2f1d7a1c8f11");
    assert_eq!(
        (leg.call.carrier, leg.call.rate, leg.call.caller.as_deref()),
        (Carrier::AudioFork, Rate::Wide, Some("13800001234"))
    );
    pbx.binary(640);
    pbx.binary(1_280);
    for samples in [320, 320, 640] {
        assert_eq!(next(&mut leg).await, FromCaller::Sound(vec![0x0101; samples]));
    }
    pbx.close();
    assert_eq!(why(&mut leg).await, Ended::ByCaller);
}

#[tokio::test]
async fn marks_come_back_played_or_cleared_and_sound_is_killed_on_barge_in() {
    let (mut pbx, mut leg) = traced().await;
    say(&leg, ToCaller::Sound(vec![5; 1_600])).await;
    say(&leg, ToCaller::Mark(1)).await;
    say(&leg, ToCaller::Sound(vec![5; 160_000])).await;
    say(&leg, ToCaller::Mark(2)).await;
    let (sound, mark) = pbx.next_text().await;
    assert_eq!(sound, 3_200);
    assert_eq!(mark, json!({ "type": "mark", "data": { "name": "1" } }).to_string());
    pbx.text(r#"{"type":"mark","data":{"name":"1","event":"playout"}}"#);
    assert_eq!(event(&mut leg).await, FromCaller::Reached(1));
    pbx.within(Duration::from_millis(300)).await;
    say(&leg, ToCaller::Flush).await;
    assert_eq!(pbx.next_text().await.1, json!({ "type": "killAudio" }).to_string());
    let FromCaller::Flushed { played_ms } = event(&mut leg).await else { panic!("no flush") };
    assert!((200..5_000).contains(&played_ms), "{played_ms}");
    pbx.text(r#"{"type":"mark","data":{"name":"2","event":"cleared"}}"#);
    say(&leg, ToCaller::Mark(3)).await;
    pbx.next_text().await;
    pbx.text(r#"{"type":"mark","data":{"name":"3","event":"playout"}}"#);
    assert_eq!(event(&mut leg).await, FromCaller::Reached(3), "a cleared mark was not reached");
}

#[tokio::test]
async fn jambonz_says_its_rate_and_passes_digits_on() {
    let (mut pbx, mut leg) = call(&handshake("audio.jambonz.org", &[]), &[JAMBONZ]).await;
    assert_eq!(leg.call.id.as_str(), "7c5c3f0a-2f3d-4f6a-8f0e-d2f6c8b0a001");
    assert_eq!(
        (leg.call.rate, leg.call.called.as_deref(), &*leg.call.variables["lang"]),
        (Rate::Narrow, Some("12345"), "bo")
    );
    pbx.text(r#"{"event":"dtmf","dtmf":"5","duration":"1600"}"#);
    pbx.text(r#"{"event":"dtmf","dtmf":7}"#);
    pbx.text(r#"{"event":"dtmf","dtmf":"x"}"#);
    for key in ['5', '7'] {
        assert_eq!(next(&mut leg).await, FromCaller::Digit(Digit::new(key).unwrap()));
    }
    say(&leg, ToCaller::Sound(vec![5; 160])).await;
    assert!(matches!(pbx.next().await, Some(Message::Binary(bytes)) if bytes.len() == 320));
}

#[tokio::test]
async fn the_rate_is_told_by_the_query_or_by_the_frames_or_is_wide() {
    let (_pbx, leg) = call(&handshake("audio.drachtio.org", &[("rate", "8000")]), &[PREAMBLE]).await;
    assert_eq!(leg.call.rate, Rate::Narrow);
    let (_pbx, leg) = call(&handshake("audio.drachtio.org", &[]), &[PREAMBLE]).await;
    assert_eq!(leg.call.rate, Rate::Wide, "nothing was said and nothing came for a second");
    for (length, rate) in [(320, Rate::Narrow), (640, Rate::Wide)] {
        let (pbx, connection) = connection(10_000);
        // Neither a subprotocol nor a preamble.
        pbx.binary(length);
        assert_eq!(answer(connection, &handshake("", &[]), settings()).await.unwrap().call.rate, rate);
    }
}

#[tokio::test]
async fn sound_of_24_khz_is_converted_and_samples_that_are_cut_in_two_are_joined() {
    let preamble = JAMBONZ.replace("8000", "24000");
    let (mut pbx, mut leg) = call(&handshake("audio.jambonz.org", &[]), &[&preamble]).await;
    assert_eq!(leg.call.rate, Rate::Wide);
    for part in [&[1; 479][..], &[1; 481][..]] {
        pbx.send(Message::Binary(Bytes::copy_from_slice(part)));
    }
    let mut samples = 0;
    while samples < 320 {
        let FromCaller::Sound(sound) = next(&mut leg).await else { panic!("no sound") };
        samples += sound.len();
    }
    assert_eq!(samples, 320);
    say(&leg, ToCaller::Sound(vec![5; 320])).await;
    assert!(matches!(pbx.next().await, Some(Message::Binary(bytes)) if bytes.len() == 960));
}

#[tokio::test]
async fn ending_and_transferring_are_events_for_the_dial_plan() {
    for (last, message, end) in [
        (ToCaller::HangUp, json!({ "type": "disconnect", "data": {} }), Ended::ByUs),
        (
            ToCaller::Transfer { target: "900".to_owned() },
            json!({ "type": "transfer", "data": { "target": "900" } }),
            Ended::Transferred,
        ),
    ] {
        let (mut pbx, mut leg) = traced().await;
        say(&leg, last).await;
        let (_, mark) = pbx.next_text().await;
        pbx.text(&mark.replace("}}", r#","event":"playout"}}"#));
        assert_eq!(pbx.next().await, Some(text(&message)));
        assert_eq!(pbx.next().await, Some(Message::Close));
        if end == Ended::Transferred {
            assert_eq!(event(&mut leg).await, FromCaller::Transfer(Transfer::Done));
        }
        drop(pbx);
        assert_eq!(why(&mut leg).await, end);
    }
}

#[tokio::test]
async fn a_hotline_that_lets_go_says_so_to_the_dial_plan() {
    let (mut pbx, leg) = traced().await;
    drop(leg);
    assert_eq!(pbx.next().await, Some(text(&json!({ "type": "disconnect", "data": {} }))));
    assert_eq!(pbx.next().await, Some(Message::Close));
}

#[tokio::test]
async fn two_voices_in_one_stream_and_odd_rates_are_refused_in_words() {
    for (from, to, word) in [("mono", "stereo", "mixType stereo"), ("8000", "11025", "11025 Hz")] {
        let preamble = JAMBONZ.replace(from, to);
        let refused = no_call(&handshake("audio.jambonz.org", &[]), &[&preamble]).await;
        let NoCall::Fault(fault) = refused else { panic!("{refused:?}") };
        assert!(fault.0.contains(word), "{fault}");
    }
}

#[tokio::test]
async fn a_preamble_that_is_no_json_is_kept_and_stop_ends_the_call() {
    let (pbx, mut leg) =
        call(&handshake("audio.drachtio.org", &[("sample_rate", "16000")]), &["hello from the dial plan"])
            .await;
    assert_eq!(&*leg.call.variables["metadata"], "hello from the dial plan");
    pbx.text(r#"{"type":"stop"}"#);
    assert_eq!(ended(&mut leg).await.why, Ended::ByCaller);
}
